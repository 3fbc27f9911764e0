#include "store/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a failed call on a file means to the store. */
static int file_error(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return -ENOSPC;
    case EROFS:
    case EACCES:
    case EPERM:
        return -EROFS;
    case EWOULDBLOCK:
        return -EBUSY;
    default:
        return -EIO;
    }
}

/* sl_files_open() left room for every suffix. */
static void name_with(const struct sl_files *files, const char *suffix,
                      char ret_path[SL_FILES_PATH_MAX])
{
    int len = snprintf(ret_path, SL_FILES_PATH_MAX, "%s%s", files->path, suffix);
    assert(len > 0 && len < SL_FILES_PATH_MAX);
}

/* Makes renames last. Not every file system can. */
static void sync_folder(const struct sl_files *files)
{
    char folder[SL_FILES_PATH_MAX];
    name_with(files, "", folder);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[1] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

static int rename_to(const struct sl_files *files, const char *from_suffix, const char *to_suffix)
{
    char from[SL_FILES_PATH_MAX];
    char to[SL_FILES_PATH_MAX];
    name_with(files, from_suffix, from);
    name_with(files, to_suffix, to);
    return rename(from, to) < 0 ? file_error(errno) : 0;
}

static void remove_at(const struct sl_files *files, const char *suffix)
{
    char path[SL_FILES_PATH_MAX];
    name_with(files, suffix, path);
    (void)unlink(path);
}

static bool exists(const struct sl_files *files, const char *suffix)
{
    char path[SL_FILES_PATH_MAX];
    name_with(files, suffix, path);
    return access(path, F_OK) == 0;
}

/* ---- The lock ---- */

static int lock(int fd, const char *path)
{
    struct stat opened;
    struct stat named;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return file_error(errno);
    if (fstat(fd, &opened) < 0 || !S_ISREG(opened.st_mode))
        return -EIO;
    /* Another process may have replaced the file between open and lock. */
    if (stat(path, &named) < 0 || named.st_ino != opened.st_ino || named.st_dev != opened.st_dev)
        return -EAGAIN;
    return 0;
}

static int open_once(struct sl_files *files)
{
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK; /* whatever stands there: never wait for it */
    int fd = open(files->path, O_RDWR | O_CREAT | flags, 0600);
    int error = errno;
    files->writable = fd >= 0;
    if (fd < 0)
        fd = open(files->path, O_RDONLY | flags);
    if (fd < 0)
        return file_error(error);
    int r = lock(fd, files->path);
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    files->fd = fd;
    return 0;
}

static int open_and_lock(struct sl_files *files)
{
    int r = -EAGAIN;
    for (int attempt = 0; attempt < 10 && r == -EAGAIN; attempt++)
        r = open_once(files);
    return r == -EAGAIN ? -EBUSY : r;
}

/* ---- One file in the place of another ----
 *
 * A write-ahead log is not bound to its file: beside another file it would destroy it. So the new
 * file, once complete, is named PATH.repaired; from then on it is the store. Then the old log goes,
 * and only then the new file moves to PATH. */

static int finish_replacing(struct sl_files *files)
{
    remove_at(files, "-wal");
    remove_at(files, "-journal");
    sync_folder(files);
    int r = rename_to(files, ".repaired", "");
    sync_folder(files);
    return r;
}

int sl_files_replace(struct sl_files *files)
{
    char path[SL_FILES_PATH_MAX];
    name_with(files, ".new", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return file_error(errno);
    int r = flock(fd, LOCK_EX | LOCK_NB) < 0 || fsync(fd) < 0 ? file_error(errno) : 0;
    if (r == 0)
        r = rename_to(files, ".new", ".repaired");
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    sync_folder(files);
    (void)close(files->fd);
    files->fd = fd;
    files->writable = true;
    return finish_replacing(files);
}

int sl_files_open(struct sl_files *files, const char *path)
{
    *files = (struct sl_files){.fd = -1};
    if (strlen(path) + sizeof(".damaged-4294967295-journal") > sizeof(files->path))
        return -EIO;
    strcpy(files->path, path);
    int r = open_and_lock(files);
    if (r == 0 && files->writable && exists(files, ".repaired")) {
        r = finish_replacing(files);
        sl_files_close(files);
        if (r == 0)
            r = open_and_lock(files);
    }
    return r;
}

void sl_files_close(struct sl_files *files)
{
    if (files->fd >= 0)
        (void)close(files->fd);
    files->fd = -1;
}

static bool has_log(const struct sl_files *files)
{
    struct stat st;
    char path[SL_FILES_PATH_MAX];
    name_with(files, "-wal", path);
    return stat(path, &st) == 0 && st.st_size > 0;
}

bool sl_files_empty(const struct sl_files *files)
{
    struct stat st;
    return fstat(files->fd, &st) == 0 && st.st_size == 0 && !has_log(files);
}

int sl_files_begin_new(const struct sl_files *files, char ret_path[SL_FILES_PATH_MAX])
{
    remove_at(files, ".new");
    remove_at(files, ".new-wal");
    remove_at(files, ".new-journal");
    name_with(files, ".new", ret_path);
    int fd = open(ret_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_error(errno);
    (void)close(fd);
    return 0;
}

void sl_files_make_private(const struct sl_files *files)
{
    struct stat st;
    if (files->writable && fstat(files->fd, &st) == 0 && (st.st_mode & 07777) != 0600)
        (void)fchmod(files->fd, 0600);
}

/* ---- Damaged files ---- */

static void damaged_suffix(unsigned number, const char *tail, char ret_suffix[32])
{
    snprintf(ret_suffix, 32, ".damaged-%u%s", number, tail);
}

/* Moves the older ones down by one, the oldest out. */
static void make_room(const struct sl_files *files)
{
    static const char *const tails[] = {"", "-wal"};
    for (size_t t = 0; t < SL_ARRAY_LEN(tails); t++) {
        char to[32];
        damaged_suffix(1, tails[t], to);
        remove_at(files, to);
        for (unsigned i = 2; i <= SL_FILES_DAMAGED_MAX; i++) {
            char from[32];
            damaged_suffix(i, tails[t], from);
            (void)rename_to(files, from, to);
            damaged_suffix(i, tails[t], to);
        }
    }
}

int sl_files_set_aside(struct sl_files *files, char ret_path[SL_FILES_PATH_MAX])
{
    char suffix[32];
    unsigned number = 1;
    for (; number <= SL_FILES_DAMAGED_MAX; number++) {
        damaged_suffix(number, "", suffix);
        if (!exists(files, suffix))
            break;
    }
    if (number > SL_FILES_DAMAGED_MAX) {
        number = SL_FILES_DAMAGED_MAX;
        make_room(files);
    }
    char log_suffix[32];
    damaged_suffix(number, "-wal", log_suffix);
    damaged_suffix(number, "", suffix);
    /* The log first: a file without its log is merely older. */
    if (has_log(files))
        (void)rename_to(files, "-wal", log_suffix);
    int r = rename_to(files, "", suffix);
    name_with(files, suffix, ret_path);
    return r;
}
