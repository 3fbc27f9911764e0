/* Bounded hash map from keys of one fixed length to a 32-bit value: open addressing, linear
 * probing, backward-shift deletion. The hash is keyed with a secret seed, so that a peer who
 * chooses keys cannot choose collisions. Grows by doubling up to its bound. */
#ifndef SL_BASE_MAP_H
#define SL_BASE_MAP_H

#include "base/base.h"

struct sl_map {
    uint8_t *keys;    /* slots * key_len */
    uint32_t *values; /* SL_MAP_EMPTY marks a free slot */
    size_t slots;     /* power of two, 0 before the first insert */
    size_t count;
    size_t count_cap;
    size_t key_len;
    uint64_t seed;
};

#define SL_MAP_EMPTY UINT32_MAX

/* key_len 1 to 32. Allocates nothing yet. */
void sl_map_init(struct sl_map *map, size_t key_len, size_t count_cap, uint64_t seed);
void sl_map_done(struct sl_map *map);

/* Inserts or replaces. -ENOSPC at the bound, -ENOMEM. `value` is not SL_MAP_EMPTY. */
int sl_map_put(struct sl_map *map, const uint8_t *key, uint32_t value);

/* The value, or SL_MAP_EMPTY. */
uint32_t sl_map_get(const struct sl_map *map, const uint8_t *key);
bool sl_map_remove(struct sl_map *map, const uint8_t *key);

#endif
