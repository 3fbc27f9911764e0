/* Writing one card: the image, but for empty blocks that are empty on the card, too; reading it
 * back; then the bundle of one node onto the boot partition. Runs in a thread of its own; others
 * may look at `done`, `phase` and `total` meanwhile. */
#ifndef SL_TOOLS_FLASH_H
#define SL_TOOLS_FLASH_H

#include "base/base.h"

#include <stdatomic.h>

enum sl_flash_phase {
    SL_FLASH_WRITING,
    SL_FLASH_CHECKING,
    SL_FLASH_BUNDLE,
    SL_FLASH_DONE,
    SL_FLASH_FAILED
};

struct sl_flash {
    const char *image;  /* path */
    const char *device; /* path of a block device or of an image file */
    const char *bundle; /* folder; NULL: the board makes its own keys */
    bool resume;        /* blocks that are right already are not written again */
    bool to_file;       /* `device` is a file: made, as long as the image */

    atomic_int phase;                  /* enum sl_flash_phase */
    atomic_uint_least64_t done, total; /* bytes of this phase */
    atomic_bool cancel;                /* set by others: stop at the next block */
    uint64_t written;                  /* bytes; without what was right already */
    bool bundle_begun;                 /* keys may be on the card */
    char error[256];                   /* why it failed, and what to do */
};

/* 0 or -errno; phase and error say the same. */
int sl_flash_run(struct sl_flash *flash);

#endif
