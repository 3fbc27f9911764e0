#include "image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#define SECTOR          512
#define INPUT_LEN       ((size_t)128 << 10)
#define TABLE_AT        446 /* of the first entry; an entry is 16 bytes */
#define TABLE_IDENTITY  440
#define TABLE_SIGNATURE 510

static uint32_t little(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Where the three partitions of an image are; -EBADMSG if it is none. */
static int read_table(const uint8_t sector[SECTOR], struct sl_image *image)
{
    const uint8_t *boot = sector + TABLE_AT, *state = boot + 32;
    if (sector[TABLE_SIGNATURE] != 0x55 || sector[TABLE_SIGNATURE + 1] != 0xaa ||
        little(sector + TABLE_IDENTITY) != SL_IMAGE_IDENTITY)
        return -EBADMSG;
    memcpy(image->board, sector + SL_IMAGE_BOARD_AT, SL_IMAGE_BOARD_MAX);
    image->boot_offset = (uint64_t)little(boot + 8) * SECTOR;
    image->bytes = ((uint64_t)little(state + 8) + little(state + 12)) * SECTOR;
    return image->boot_offset > 0 && image->bytes > image->boot_offset ? 0 : -EBADMSG;
}

/* One piece of input decoded into `out`. 0, 1 at the end of the file, -EBADMSG, -EIO. */
static int decode(struct sl_image *image, ZSTD_outBuffer *out)
{
    if (image->input_at == image->input_len) {
        image->input_len = fread(image->input, 1, INPUT_LEN, image->file);
        image->input_at = 0;
        if (image->input_len == 0)
            return ferror(image->file) ? -EIO : 1;
    }
    ZSTD_inBuffer in = {image->input, image->input_len, image->input_at};
    size_t result = ZSTD_decompressStream(image->decoder, out, &in);
    image->input_at = in.pos;
    return ZSTD_isError(result) ? -EBADMSG : 0;
}

static ssize_t read_bytes(struct sl_image *image, uint8_t *ret_bytes, size_t len)
{
    if (!image->decoder) {
        size_t count = fread(ret_bytes, 1, len, image->file);
        return ferror(image->file) ? -EIO : (ssize_t)count;
    }
    ZSTD_outBuffer out = {ret_bytes, len, 0};
    int rc = 0;
    while (out.pos < len && rc == 0)
        rc = decode(image, &out);
    return rc < 0 ? rc : (ssize_t)out.pos;
}

ssize_t sl_image_read(struct sl_image *image, uint8_t *ret_bytes, size_t len)
{
    uint64_t left = image->bytes - image->given;
    size_t wanted = left < len ? (size_t)left : len;
    ssize_t count = read_bytes(image, ret_bytes, wanted);
    if (count >= 0 && (size_t)count < wanted)
        return -EBADMSG;
    if (count > 0)
        image->given += (uint64_t)count;
    return count;
}

static int begin(struct sl_image *image)
{
    static const uint8_t zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    uint8_t sector[SECTOR];
    size_t len = fread(sector, 1, sizeof(zstd_magic), image->file);
    rewind(image->file);
    if (len == sizeof(zstd_magic) && memcmp(sector, zstd_magic, len) == 0) {
        image->decoder = ZSTD_createDCtx();
        image->input = malloc(INPUT_LEN);
        if (!image->decoder || !image->input)
            return -ENOMEM;
    }
    ssize_t count = read_bytes(image, sector, sizeof(sector));
    int rc = count < 0 ? (int)count : count < SECTOR ? -EBADMSG : read_table(sector, image);
    if (rc == 0 && image->decoder)
        ZSTD_DCtx_reset(image->decoder, ZSTD_reset_session_only);
    image->input_len = image->input_at = 0;
    rewind(image->file);
    return rc;
}

int sl_image_open(const char *path, struct sl_image *ret_image)
{
    struct stat about;
    *ret_image = (struct sl_image){.file = fopen(path, "re")};
    if (!ret_image->file)
        return -errno;
    int rc = fstat(fileno(ret_image->file), &about) < 0 ? -errno
             : !S_ISREG(about.st_mode)                  ? -EBADMSG
                                                        : begin(ret_image);
    if (rc < 0)
        sl_image_close(ret_image);
    return rc;
}

void sl_image_close(struct sl_image *image)
{
    if (image->file)
        fclose(image->file);
    ZSTD_freeDCtx(image->decoder);
    free(image->input);
    *image = (struct sl_image){0};
}
