#include "files.h"

#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE_PREFIX ".starling-new-"
#define TEMPORARY    ".tmp"

static int read_all(int fd, size_t cap, char **ret_bytes, size_t *ret_len)
{
    struct stat about;
    if (fstat(fd, &about) < 0)
        return -errno;
    if (!S_ISREG(about.st_mode))
        return -EINVAL;
    if ((uint64_t)about.st_size > cap)
        return -EFBIG;
    size_t len = 0, size = (size_t)about.st_size;
    char *bytes = malloc(size + 1);
    if (bytes == NULL)
        return -ENOMEM;
    while (len < size) {
        ssize_t got = read(fd, bytes + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int rc = -errno;
            free(bytes);
            return rc;
        }
        if (got == 0)
            break;
        len += (size_t)got;
    }
    bytes[len] = '\0';
    *ret_bytes = bytes;
    if (ret_len != NULL)
        *ret_len = len;
    return 0;
}

int sl_files_read(const char *folder, const char *name, size_t cap, char **ret_bytes,
                  size_t *ret_len)
{
    char *path = sl_output_format("%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int rc = fd < 0 ? -errno : read_all(fd, cap, ret_bytes, ret_len);
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

int sl_files_write(const char *folder, const char *name, const void *bytes, size_t len, mode_t mode)
{
    char *path = sl_output_format("%s/%s", folder, name);
    char *temporary = sl_output_format("%s/.%s.XXXXXX" TEMPORARY, folder, name);
    int fd = mkostemps(temporary, (int)strlen(TEMPORARY), O_CLOEXEC);
    int rc = fd < 0 ? -errno : 0;
    if (rc == 0 && fchmod(fd, mode) < 0)
        rc = -errno;
    if (rc == 0)
        rc = write_all(fd, bytes, len);
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && rename(temporary, path) < 0)
        rc = -errno;
    if (rc < 0 && fd >= 0)
        unlink(temporary);
    if (rc == 0)
        rc = sync_folder(folder);
    free(temporary);
    free(path);
    return rc;
}

bool sl_files_exist(const char *folder, const char *name)
{
    char *path = sl_output_format("%s/%s", folder, name);
    struct stat about;
    bool exists = lstat(path, &about) == 0;
    free(path);
    return exists;
}

/* With its parents, for the owner alone. No error if it is there. */
static int make_folder(const char *path)
{
    char *partial = sl_output_format("%s", path);
    int rc = 0;
    for (char *slash = strchr(partial + 1, '/'); slash != NULL && rc == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(partial, 0700) < 0 && errno != EEXIST)
            rc = -errno;
        *slash = '/';
    }
    if (rc == 0 && mkdir(partial, 0700) < 0 && errno != EEXIST)
        rc = -errno;
    free(partial);
    return rc;
}

int sl_files_lock(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (flock(fd, LOCK_EX) < 0) {
        if (errno == EINTR)
            continue;
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

void sl_files_clear(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        size_t len = strlen(entry->d_name), end = strlen(TEMPORARY);
        if (entry->d_name[0] == '.' && len > end &&
            strcmp(entry->d_name + len - end, TEMPORARY) == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL)
        closedir(folder);
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* In a folder that others may write to (/tmp), theirs is left alone: who owns a tree can put a link
 * to something of ours in place of a folder while it is being removed. */
static bool is_own(int fd)
{
    struct stat about;
    return fstat(fd, &about) == 0 && about.st_uid == geteuid();
}

/* Removes what runs that were killed left in `parent`: stages that nobody holds the lock of. */
static void clear_stale(const char *parent)
{
    DIR *folder = opendir(parent);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, STAGE_PREFIX, strlen(STAGE_PREFIX)) != 0)
            continue;
        char *path = sl_output_format("%s/%s", parent, entry->d_name);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && is_own(fd) && flock(fd, LOCK_EX | LOCK_NB) == 0)
            remove_tree(path);
        if (fd >= 0)
            close(fd);
        free(path);
    }
    if (folder != NULL)
        closedir(folder);
}

/* A folder in the making. It is locked, so that another run which clears away what a killed one
 * left lets it be. */
struct stage {
    char *path;
    int fd;
};

/* Removes it, unless it was committed. */
static void stage_done(struct stage *stage)
{
    if (stage->path != NULL)
        remove_tree(stage->path);
    free(stage->path);
    stage->path = NULL;
    if (stage->fd >= 0)
        close(stage->fd);
    stage->fd = -1;
}

static int stage_begin(struct stage *stage, const char *parent)
{
    int rc = make_folder(parent);
    if (rc < 0)
        return rc;
    clear_stale(parent);
    stage->path = sl_output_format("%s/" STAGE_PREFIX "XXXXXX", parent);
    if (mkdtemp(stage->path) == NULL) {
        rc = -errno;
        free(stage->path);
        stage->path = NULL;
        return rc;
    }
    stage->fd = open(stage->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (stage->fd < 0 || flock(stage->fd, LOCK_EX | LOCK_NB) < 0) {
        rc = -errno;
        stage_done(stage);
    }
    return rc;
}

char *sl_files_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return sl_output_format(".");
    return sl_output_format("%.*s", (int)(slash == path ? 1 : slash - path), path);
}

static int move_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    /* An empty folder that somebody made beforehand is as good as none. */
    if (errno == EEXIST && rmdir(to) == 0 &&
        renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    return errno == ENOTEMPTY || errno == ENOTDIR ? -EEXIST : -errno;
}

static int stage_commit(struct stage *stage, const char *parent, const char *destination)
{
    if (fsync(stage->fd) < 0)
        return -errno;
    int rc = move_new(stage->path, destination);
    if (rc < 0)
        return rc;
    free(stage->path);
    stage->path = NULL;
    return sync_folder(parent);
}

int sl_files_make_folder(const char *destination, int (*fill)(const char *folder, const void *arg),
                         const void *arg)
{
    char *parent = sl_files_parent(destination);
    struct stage stage = {.fd = -1};
    int rc = stage_begin(&stage, parent);
    if (rc == 0)
        rc = fill(stage.path, arg);
    if (rc == 0)
        rc = stage_commit(&stage, parent, destination);
    stage_done(&stage);
    free(parent);
    return rc;
}
