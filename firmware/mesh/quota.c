#include "mesh/quota.h"

#include <assert.h>

#define MICRO UINT64_C(1000000)

void sl_bucket_init(struct sl_bucket *bucket, uint64_t rate, uint64_t burst, sl_time now)
{
    assert(burst <= UINT64_MAX / MICRO);
    *bucket =
        (struct sl_bucket){.rate = rate, .burst = burst, .level_micro = burst * MICRO, .at = now};
}

/* A unit a second is a millionth of it a microsecond: levels need no division. */
static uint64_t level_at(const struct sl_bucket *bucket, sl_time now)
{
    uint64_t full = bucket->burst * MICRO;
    if (now <= bucket->at)
        return bucket->level_micro;
    uint64_t elapsed = (uint64_t)now - (uint64_t)bucket->at;
    uint64_t missing = full - bucket->level_micro;
    if (elapsed > missing / bucket->rate)
        return full;
    return bucket->level_micro + elapsed * bucket->rate;
}

bool sl_bucket_has(const struct sl_bucket *bucket, uint64_t units, sl_time now)
{
    if (bucket->rate == 0)
        return true;
    return units <= bucket->burst && units * MICRO <= level_at(bucket, now);
}

bool sl_bucket_take(struct sl_bucket *bucket, uint64_t units, sl_time now)
{
    if (bucket->rate == 0)
        return true;
    if (!sl_bucket_has(bucket, units, now))
        return false;
    bucket->level_micro = level_at(bucket, now) - units * MICRO;
    /* Never set back: a clock that swings would fill the bucket once for each swing. */
    if (now > bucket->at)
        bucket->at = now;
    return true;
}

sl_time sl_bucket_when(const struct sl_bucket *bucket, uint64_t units, sl_time now)
{
    if (sl_bucket_has(bucket, units, now))
        return now;
    if (units > bucket->burst)
        return SL_NEVER;
    uint64_t missing = units * MICRO - level_at(bucket, now);
    uint64_t wait = missing / bucket->rate + (missing % bucket->rate > 0);
    sl_time from = now > bucket->at ? now : bucket->at;
    return wait < (uint64_t)(SL_NEVER - from) ? from + (sl_time)wait : SL_NEVER;
}
