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

/* The folder that a path stands in, to be freed: "." if it has no slash. */
char *sl_files_parent(const char *path);

/* Makes the folder `destination` of what `fill` puts into it under a temporary name beside it; its
 * parents are made if need be. -EEXIST if it is there and not empty: nothing is replaced. Else what
 * `fill` returned, 0 or -errno. */
int sl_files_make_folder(const char *destination, int (*fill)(const char *folder, const void *arg),
                         const void *arg);

/* Waits for and takes the lock on a folder; a descriptor to close, or -errno. */
int sl_files_lock(const char *folder);

#endif
