/* A store's file from lock to last page: made, opened, repaired or set aside. */
#ifndef SL_STORE_VOLUME_H
#define SL_STORE_VOLUME_H

#include "store/disk.h"
#include "store/files.h"

struct sl_volume {
    struct sl_files files;
    struct sl_disk disk; /* disk.db is NULL while the volume is closed */
    int write_error;     /* why it is open to be read only: -EROFS, -ENOSPC, -EIO */
    char reason[160];    /* after a failure: the original words */
    char
        note[SL_FILES_PATH_MAX + 256]; /* not empty if something was repaired: a line for the log */
};

void sl_volume_init(struct sl_volume *volume);

/* 0: open, to be read at least; see write_error. -EBUSY: another process has it. -ENOTSUP: a newer
 * version, untouched. -ENOMEM. Else, -ENOSPC, -EROFS or -EIO, there is nothing to be had for now.
 */
int sl_volume_open(struct sl_volume *volume, const char *path, uint64_t bytes_max);

/* Commits nothing. Leaves a single file if all goes well; with `keep_log` also the log as it is. */
void sl_volume_close(struct sl_volume *volume, bool keep_log);

#endif
