/* An image of a board, as boards/build makes it: a whole card, plain or compressed by Zstandard
 * (RFC 8878), read once from begin to end. */
#ifndef SL_TOOLS_IMAGE_H
#define SL_TOOLS_IMAGE_H

#include "base/base.h"

#include <stdio.h>

/* Every image of Starling has this in its partition table, as the identity of the disk. */
#define SL_IMAGE_IDENTITY 0x5eedb007

/* Which board it is for stands in its first sector, where computers with a BIOS have a program. */
#define SL_IMAGE_BOARD_AT  256
#define SL_IMAGE_BOARD_MAX 128

struct sl_image {
    FILE *file;
    uint64_t bytes;                     /* of the card it makes */
    uint64_t boot_offset;               /* of the boot partition, bytes */
    char board[SL_IMAGE_BOARD_MAX + 1]; /* "Rock64 (rock64)"; as it stands there, or "" */
    struct ZSTD_DCtx_s *decoder;        /* NULL: it is plain */
    uint8_t *input;
    size_t input_len, input_at;
    uint64_t given; /* bytes read so far */
};

/* 0; -ENOENT and the like; -EBADMSG if it is no image of Starling (or cut off at its begin). */
int sl_image_open(const char *path, struct sl_image *ret_image);

/* The next `len` bytes, fewer at its end only. Their number; -EBADMSG if it is damaged or cut off,
 * -EIO. */
ssize_t sl_image_read(struct sl_image *image, uint8_t *ret_bytes, size_t len);

void sl_image_close(struct sl_image *image);

#endif
