/* Saves from a damaged file what its sums say is whole. */
#ifndef SL_STORE_SALVAGE_H
#define SL_STORE_SALVAGE_H

#include "store/disk.h"

struct sl_salvage {
    uint64_t envelopes;
    uint64_t records; /* of the vault */
    bool clocks;
};

/* Copies every whole row of the file at `path` and its log to `to`, which is new and open. -EIO or
 * -ENOMEM if the file cannot be read at all, and what `to` answers. */
int sl_salvage(const char *path, struct sl_disk *to, struct sl_salvage *ret_found);

#endif
