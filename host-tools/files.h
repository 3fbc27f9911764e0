/* Files and folders that are there whole or not at all, whatever is killed or full: written under a
 * temporary name, synced, renamed. All return 0 or -errno. */
#ifndef SL_TOOLS_FILES_H
#define SL_TOOLS_FILES_H

#include "base/base.h"

#include <sys/types.h>

/* The whole of folder/name, with a NUL after it, to be freed. -EFBIG past `cap` bytes. ret_len may
 * be NULL. */
int sl_files_read(const char *folder, const char *name, size_t cap, char **ret_bytes,
                  size_t *ret_len);

/* Makes or replaces folder/name. */
int sl_files_write(const char *folder, const char *name, const void *bytes, size_t len,
                   mode_t mode);

/* Removes what killed runs left of files in the making. Only under the lock of the folder. */
void sl_files_clear(const char *folder);

bool sl_files_exist(const char *folder, const char *name);

/* A folder in the making, beside the place where it will be. It is locked, so that another run
 * which clears away what a killed one left lets it be. */
struct sl_stage {
    char *path;
    int fd;
};
/* `parent` is made if need be. */
int sl_stage_begin(struct sl_stage *stage, const char *parent);
/* Renames it to `destination`, in the same parent. -EEXIST if that is there: nothing is replaced.
 */
int sl_stage_commit(struct sl_stage *stage, const char *destination);
/* Removes it, unless it was committed. */
void sl_stage_done(struct sl_stage *stage);

/* Waits for and takes the lock on a folder; a descriptor to close, or -errno. */
int sl_files_lock(const char *folder);

#endif
