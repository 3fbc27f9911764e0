/* Token buckets: a rate and a burst, in units of the caller's choice. */
#ifndef SL_MESH_QUOTA_H
#define SL_MESH_QUOTA_H

#include "base/base.h"

struct sl_bucket {
    uint64_t rate; /* units a second; 0 is no limit */
    uint64_t burst;
    uint64_t level_micro; /* millionths of a unit */
    sl_time at;
};

/* Starts full. */
void sl_bucket_init(struct sl_bucket *bucket, uint64_t rate, uint64_t burst, sl_time now);

/* Takes `units` if they are there. A clock that went back gives nothing. */
bool sl_bucket_take(struct sl_bucket *bucket, uint64_t units, sl_time now);

/* Whether they are there; takes nothing. */
bool sl_bucket_has(const struct sl_bucket *bucket, uint64_t units, sl_time now);

/* When `units` will be there (now if they are; SL_NEVER if units > burst). */
sl_time sl_bucket_when(const struct sl_bucket *bucket, uint64_t units, sl_time now);

#endif
