/* The store's files by name: the lock, and the ways in which a new file takes the place of an old
 * one so that a power cut at any moment leaves one or the other. */
#ifndef SL_STORE_FILES_H
#define SL_STORE_FILES_H

#include "base/base.h"

/* Kept until the last of them: each may be as large as the store. */
#define SL_FILES_DAMAGED_MAX 3

#define SL_FILES_PATH_MAX 4096

struct sl_files {
    char path[SL_FILES_PATH_MAX];
    int fd; /* of the file, and holds the lock; -1: closed */
    bool writable;
};

/* Opens the file, or makes an empty one with mode 0600, locks it for this process, and finishes
 * what an interrupted sl_files_replace() began. -EBUSY: another process has it. -EROFS, -ENOSPC,
 * -EIO. A file that can only be read is no error. */
int sl_files_open(struct sl_files *files, const char *path);

/* Only after SQLite closed the file: closing any descriptor drops SQLite's own locks. */
void sl_files_close(struct sl_files *files);

bool sl_files_empty(const struct sl_files *files);

/* The name under which a new file is made: PATH.new, which is removed, with its log, and made anew.
 */
int sl_files_begin_new(const struct sl_files *files, char ret_path[SL_FILES_PATH_MAX]);

/* PATH.new, which is complete and has no log, becomes PATH, and the lock goes over to it. */
int sl_files_replace(struct sl_files *files);

/* Keeps what is there now as PATH.damaged-N; says as what. Then there is nothing at PATH until
 * sl_files_replace(). */
int sl_files_set_aside(struct sl_files *files, char ret_path[SL_FILES_PATH_MAX]);

/* Mode 0600, whatever it was. */
void sl_files_make_private(const struct sl_files *files);

#endif
