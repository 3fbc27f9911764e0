#include "flash.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "files.h"
#include "image.h"
#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK      ((size_t)1 << 20) /* a card erases some MiB at a time */
#define SYNC_EVERY (16 * BLOCK)      /* so that progress is what is on the card, not in memory */
#define FILE_MAX   ((size_t)1 << 20) /* of a bundle */

extern char **environ;

static int fail(struct sl_flash *flash, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int fail(struct sl_flash *flash, int rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(flash->error, sizeof(flash->error), format, args);
    va_end(args);
    return rc;
}

/* What a card that gives up or is pulled out answers. */
static int lost(struct sl_flash *flash, int error)
{
    if (error == ENOSPC)
        return fail(flash, -error, "%s is too small", flash->device);
    if (error == EIO || error == ENXIO || error == ENODEV || error == ENOMEDIUM)
        return fail(
            flash, -error,
            "the card was pulled out, or is worn out; put it back and add --resume, or take "
            "another");
    return fail(flash, -error, "cannot write: %s", strerror(error));
}

static bool is_empty(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static ssize_t read_at(int fd, uint8_t *ret_bytes, size_t len, uint64_t at)
{
    size_t count = 0;
    while (count < len) {
        ssize_t more = pread(fd, ret_bytes + count, len - count, (off_t)(at + count));
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return more < 0 ? -errno : (ssize_t)count;
        count += (size_t)more;
    }
    return (ssize_t)count;
}

static int write_at(int fd, const uint8_t *bytes, size_t len, uint64_t at)
{
    size_t count = 0;
    while (count < len) {
        ssize_t more = pwrite(fd, bytes + count, len - count, (off_t)(at + count));
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return more < 0 ? -errno : -EIO;
        count += (size_t)more;
    }
    return 0;
}

/* ---- The image ---- */

struct pass {
    struct sl_flash *flash;
    struct sl_image image;
    int fd;
    uint8_t *block, *seen; /* of the image; of the card */
    uint64_t unsynced;
};

/* The first block holds the partition table: it comes last, when all others are on the card, so
 * that a half-written card does not look like a whole one. */
static int write_block(struct pass *pass, size_t len, uint64_t at)
{
    struct sl_flash *flash = pass->flash;
    if (at == 0 && fdatasync(pass->fd) < 0)
        return lost(flash, errno);
    /* Most of an image is empty, and so is most of a card; reading is much faster than writing. */
    if ((flash->resume || is_empty(pass->block, len)) &&
        read_at(pass->fd, pass->seen, len, at) == (ssize_t)len &&
        memcmp(pass->seen, pass->block, len) == 0)
        return 0;
    int rc = write_at(pass->fd, pass->block, len, at);
    if (rc < 0)
        return lost(flash, -rc);
    flash->written += len;
    pass->unsynced += len;
    if (pass->unsynced >= SYNC_EVERY) {
        pass->unsynced = 0;
        if (fdatasync(pass->fd) < 0)
            return lost(flash, errno);
    }
    return 0;
}

static int check_block(struct pass *pass, size_t len, uint64_t at)
{
    ssize_t count = read_at(pass->fd, pass->seen, len, at);
    if (count < 0)
        return lost(pass->flash, (int)-count);
    if ((size_t)count != len || memcmp(pass->seen, pass->block, len) != 0)
        return fail(pass->flash, -EIO,
                    "what was read back is not what was written, at %llu MiB: the card is bad, "
                    "throw it away",
                    (unsigned long long)(at >> 20));
    return 0;
}

static int each_block(struct pass *pass, int (*work)(struct pass *pass, size_t len, uint64_t at))
{
    struct sl_flash *flash = pass->flash;
    int rc = sl_image_open(flash->image, &pass->image);
    if (rc < 0)
        return fail(flash, rc, "%s cannot be read: %s", flash->image, strerror(-rc));
    flash->total = pass->image.bytes;
    flash->done = 0;
    uint8_t *first = malloc(BLOCK);
    size_t first_len = 0;
    for (uint64_t at = 0; rc == 0 && at < pass->image.bytes;) {
        ssize_t count = sl_image_read(&pass->image, pass->block, BLOCK);
        if (count <= 0)
            rc = fail(flash, count < 0 ? (int)count : -EBADMSG,
                      "%s is damaged or cut off: get it again", flash->image);
        else if (flash->cancel)
            rc = fail(flash, -ECANCELED, "stopped; add --resume to go on");
        else if (at == 0 && first) {
            memcpy(first, pass->block, (size_t)count);
            first_len = (size_t)count;
        } else
            rc = work(pass, (size_t)count, at);
        at += count > 0 ? (uint64_t)count : 0;
        flash->done = at;
    }
    if (rc == 0 && !first)
        rc = fail(flash, -ENOMEM, "not enough memory");
    if (rc == 0) {
        memcpy(pass->block, first, first_len);
        rc = work(pass, first_len, 0);
    }
    free(first);
    sl_image_close(&pass->image);
    return rc;
}

static int write_image(struct pass *pass)
{
    pass->flash->phase = SL_FLASH_WRITING;
    int rc = each_block(pass, write_block);
    if (rc == 0 && fsync(pass->fd) < 0)
        rc = lost(pass->flash, errno);
    /* What is read back next comes from the card. */
    if (rc == 0)
        posix_fadvise(pass->fd, 0, 0, POSIX_FADV_DONTNEED);
    return rc;
}

static int check_image(struct pass *pass)
{
    pass->flash->phase = SL_FLASH_CHECKING;
    return each_block(pass, check_block);
}

/* ---- The bundle ---- */

/* What the tool prints: at most `cap` bytes of it are kept, `len` counts all of them. */
struct printed {
    char *bytes;
    size_t cap, len;
};

static void read_printed(int fd, struct printed *printed)
{
    char rest[512];
    ssize_t count;
    do {
        bool full = printed->len >= printed->cap;
        count = full ? read(fd, rest, sizeof(rest))
                     : read(fd, printed->bytes + printed->len, printed->cap - printed->len);
        printed->len += count > 0 ? (size_t)count : 0;
    } while (count > 0 || (count < 0 && errno == EINTR));
    explicit_bzero(rest, sizeof(rest));
}

/* Runs one of the mtools; what it prints goes into `printed`, if not NULL. 0, -ENOENT if it is not
 * installed, -EIO. */
static int run_tool(const char *const *arguments, struct printed *printed)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = 0, ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error == 0)
        read_printed(ends[0], printed ? printed : &(struct printed){0});
    close(ends[0]);
    if (error != 0)
        return -error;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0     ? 0
           : WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT
                                                             : -EIO;
}

/* `where` is DEVICE@@OFFSET as mtools has it. */
static int copy_file(const char *where, const char *from, const char *name)
{
    char *to = sl_output_format("::starling/%s", name);
    const char *const arguments[] = {"mcopy", "-o", "-i", where, from, to, NULL};
    int rc = run_tool(arguments, NULL);
    free(to);
    return rc;
}

/* Whether the card now holds those bytes under that name. Keys are read back through a pipe: they
 * are nobody's but the card's and the bundle's. */
static int compare_file(const char *where, const char *name, const char *bytes, size_t len)
{
    char *from = sl_output_format("::starling/%s", name);
    struct printed back = {.bytes = malloc(len + 1), .cap = len + 1};
    const char *const arguments[] = {"mcopy", "-i", where, from, "-", NULL};
    int rc = back.bytes ? run_tool(arguments, &back) : -ENOMEM;
    if (rc == 0 && (back.len != len || memcmp(back.bytes, bytes, len) != 0))
        rc = -EIO;
    if (back.bytes)
        explicit_bzero(back.bytes, back.cap);
    free(back.bytes);
    free(from);
    return rc;
}

static int put_file(const char *where, const char *folder, const char *name, FILE *sums)
{
    char *bytes = NULL, *path = sl_output_format("%s/%s", folder, name);
    size_t len = 0;
    int rc = sl_files_read(folder, name, FILE_MAX, &bytes, &len);
    if (rc == 0)
        rc = copy_file(where, path, name);
    if (rc == 0)
        rc = compare_file(where, name, bytes, len);
    if (rc == 0 && sums) {
        uint8_t digest[SL_SHA256_LEN];
        char digits[2 * SL_SHA256_LEN + 1];
        sl_sha256((const uint8_t *)bytes, len, digest);
        sl_hex_encode(digest, sizeof(digest), digits);
        fprintf(sums, "%s  %s\n", digits, name);
    }
    if (bytes)
        explicit_bzero(bytes, len);
    free(bytes);
    free(path);
    return rc;
}

/* Not by d_type: some file systems leave it unknown. */
static bool is_file(DIR *folder, const char *name)
{
    struct stat about;
    return fstatat(dirfd(folder), name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode);
}

/* Every file of a bundle, and the sums last: their presence says that all of it is there. */
static int put_files(struct sl_flash *flash, const char *where)
{
    char folder[] = "/tmp/starling-sums-XXXXXX";
    if (!mkdtemp(folder))
        return -errno;
    char *path = sl_output_format("%s/sums", folder);
    FILE *sums = fopen(path, "we");
    DIR *entries = opendir(flash->bundle);
    struct dirent *entry;
    int rc = sums && entries ? 0 : -errno;
    while (rc == 0 && (entry = readdir(entries)) != NULL)
        if (entry->d_name[0] != '.' && is_file(entries, entry->d_name))
            rc = put_file(where, flash->bundle, entry->d_name, sums);
    if (entries)
        closedir(entries);
    if (sums && fclose(sums) != 0 && rc == 0)
        rc = -EIO;
    if (rc == 0)
        rc = put_file(where, folder, "sums", NULL);
    unlink(path);
    rmdir(folder);
    free(path);
    return rc;
}

static int put_bundle(struct sl_flash *flash, uint64_t offset)
{
    flash->phase = SL_FLASH_BUNDLE;
    flash->bundle_begun = true;
    char *where = sl_output_format("%s@@%llu", flash->device, (unsigned long long)offset);
    const char *const make[] = {"mmd", "-D", "s", "-i", where, "::starling", NULL};
    int rc = run_tool(make, NULL);
    if (rc == -ENOENT)
        rc = fail(flash, rc, "the program mmd is missing: apt install mtools");
    else {
        rc = put_files(flash, where);
        if (rc < 0)
            fail(flash, rc, "the bundle could not be put on the card: %s", strerror(-rc));
    }
    free(where);
    return rc;
}

/* ---- All of it ---- */

static int check_size(struct sl_flash *flash, int fd, uint64_t bytes)
{
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return lost(flash, errno);
    if ((uint64_t)end < bytes)
        return fail(flash, -ENOSPC, "%s is too small: it has %llu MiB, the image needs %llu",
                    flash->device, (unsigned long long)end >> 20, (unsigned long long)bytes >> 20);
    return 0;
}

static int open_device(struct sl_flash *flash, uint64_t bytes, int *ret_fd)
{
    int how = flash->to_file ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDWR | O_EXCL | O_CLOEXEC;
    int fd = open(flash->device, how, 0600);
    if (fd < 0) {
        int error = errno;
        return fail(flash, -error, "%s cannot be opened: %s%s", flash->device, strerror(error),
                    error == EACCES || error == EPERM ? "; run it with sudo" : "");
    }
    int rc = 0;
    if (flash->to_file && !flash->resume && ftruncate(fd, 0) < 0)
        rc = lost(flash, errno);
    struct stat about;
    if (rc == 0 && flash->to_file &&
        (fstat(fd, &about) < 0 ||
         ((uint64_t)about.st_size < bytes && ftruncate(fd, (off_t)bytes) < 0)))
        rc = lost(flash, errno);
    if (rc == 0)
        rc = check_size(flash, fd, bytes);
    /* After a write that failed memory holds what the card does not. */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (rc < 0)
        close(fd);
    else
        *ret_fd = fd;
    return rc;
}

int sl_flash_run(struct sl_flash *flash)
{
    struct pass pass = {.flash = flash, .fd = -1, .block = malloc(BLOCK), .seen = malloc(BLOCK)};
    struct sl_image image;
    uint64_t offset = 0;
    int rc = pass.block && pass.seen ? 0 : fail(flash, -ENOMEM, "not enough memory");
    if (rc == 0) {
        rc = sl_image_open(flash->image, &image);
        if (rc < 0)
            fail(flash, rc, "%s is no image of Starling, or cannot be read", flash->image);
    }
    if (rc == 0) {
        offset = image.boot_offset;
        rc = open_device(flash, image.bytes, &pass.fd);
        sl_image_close(&image);
    }
    if (rc == 0)
        rc = write_image(&pass);
    if (rc == 0)
        rc = check_image(&pass);
    if (rc == 0 && flash->bundle)
        rc = put_bundle(flash, offset);
    if (rc == 0 && fsync(pass.fd) < 0)
        rc = lost(flash, errno);
    if (pass.fd >= 0)
        close(pass.fd);
    free(pass.block);
    free(pass.seen);
    flash->phase = rc == 0 ? SL_FLASH_DONE : SL_FLASH_FAILED;
    return rc;
}
