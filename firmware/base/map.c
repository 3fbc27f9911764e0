#include "base/map.h"

#include "base/prng.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_LEN_MAX = 32,
    SLOTS_MIN = 16,
};

/* SipHash-1-3 (Aumasson and Bernstein 2012, with the reduced rounds that are usual for tables):
 * a mere mixing function has differences that collide under many seeds. */

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void sip_absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static uint64_t load_le(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;
    for (size_t i = len; i > 0; i--)
        word = word << 8 | bytes[i - 1];
    return word;
}

static uint64_t hash_key(uint64_t seed, const uint8_t *key, size_t key_len)
{
    uint64_t k0 = sl_splitmix64(&seed);
    uint64_t k1 = sl_splitmix64(&seed);
    uint64_t v[4] = {
        k0 ^ UINT64_C(0x736f6d6570736575),
        k1 ^ UINT64_C(0x646f72616e646f6d),
        k0 ^ UINT64_C(0x6c7967656e657261),
        k1 ^ UINT64_C(0x7465646279746573),
    };
    size_t whole = key_len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8)
        sip_absorb(v, load_le(key + i, 8));
    sip_absorb(v, (uint64_t)key_len << 56 | load_le(key + whole, key_len - whole));
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void sl_map_init(struct sl_map *map, size_t key_len, size_t count_cap, uint64_t seed)
{
    assert(key_len >= 1 && key_len <= KEY_LEN_MAX);
    *map = (struct sl_map){.key_len = key_len, .count_cap = count_cap, .seed = seed};
}

void sl_map_done(struct sl_map *map)
{
    free(map->keys);
    free(map->values);
    map->keys = NULL;
    map->values = NULL;
    map->slots = 0;
    map->count = 0;
}

static uint8_t *key_at(const struct sl_map *map, size_t slot)
{
    return map->keys + slot * map->key_len;
}

static size_t home_slot(const struct sl_map *map, const uint8_t *key)
{
    return (size_t)hash_key(map->seed, key, map->key_len) & (map->slots - 1);
}

static size_t next_slot(const struct sl_map *map, size_t slot)
{
    return (slot + 1) & (map->slots - 1);
}

/* The slot of `key`, or the free slot where it belongs. There always is a free one. */
static size_t find_slot(const struct sl_map *map, const uint8_t *key)
{
    size_t slot = home_slot(map, key);
    while (map->values[slot] != SL_MAP_EMPTY && memcmp(key_at(map, slot), key, map->key_len) != 0)
        slot = next_slot(map, slot);
    return slot;
}

static void fill_slot(struct sl_map *map, size_t slot, const uint8_t *key, uint32_t value)
{
    memcpy(key_at(map, slot), key, map->key_len);
    map->values[slot] = value;
}

static int grow(struct sl_map *map)
{
    struct sl_map larger = *map;
    larger.slots = map->slots > 0 ? map->slots * 2 : SLOTS_MIN;
    larger.keys = calloc(larger.slots, map->key_len);
    larger.values = calloc(larger.slots, sizeof(*larger.values));
    if (!larger.keys || !larger.values) {
        free(larger.keys);
        free(larger.values);
        return -ENOMEM;
    }
    for (size_t i = 0; i < larger.slots; i++)
        larger.values[i] = SL_MAP_EMPTY;
    for (size_t i = 0; i < map->slots; i++) {
        if (map->values[i] == SL_MAP_EMPTY)
            continue;
        const uint8_t *key = key_at(map, i);
        fill_slot(&larger, find_slot(&larger, key), key, map->values[i]);
    }
    free(map->keys);
    free(map->values);
    *map = larger;
    return 0;
}

/* At most three quarters are in use: beyond that, linear probing becomes slow. */
static bool is_crowded(const struct sl_map *map)
{
    return map->count >= map->slots / 4 * 3;
}

int sl_map_put(struct sl_map *map, const uint8_t *key, uint32_t value)
{
    assert(value != SL_MAP_EMPTY);
    if (map->slots > 0) {
        size_t slot = find_slot(map, key);
        if (map->values[slot] != SL_MAP_EMPTY) {
            map->values[slot] = value;
            return 0;
        }
    }
    if (map->count >= map->count_cap)
        return -ENOSPC;
    if (is_crowded(map)) {
        int r = grow(map);
        if (r < 0)
            return r;
    }
    fill_slot(map, find_slot(map, key), key, value);
    map->count++;
    return 0;
}

uint32_t sl_map_get(const struct sl_map *map, const uint8_t *key)
{
    if (map->slots == 0)
        return SL_MAP_EMPTY;
    return map->values[find_slot(map, key)];
}

/* Knuth, TAOCP 3, 6.4, algorithm R: moves up whatever would be cut off from its home slot. */
static void close_gap(struct sl_map *map, size_t gap)
{
    size_t mask = map->slots - 1;
    for (size_t slot = next_slot(map, gap); map->values[slot] != SL_MAP_EMPTY;
         slot = next_slot(map, slot)) {
        size_t from_home = (slot - home_slot(map, key_at(map, slot))) & mask;
        size_t from_gap = (slot - gap) & mask;
        if (from_home < from_gap)
            continue;
        fill_slot(map, gap, key_at(map, slot), map->values[slot]);
        gap = slot;
    }
    map->values[gap] = SL_MAP_EMPTY;
}

bool sl_map_remove(struct sl_map *map, const uint8_t *key)
{
    if (map->slots == 0)
        return false;
    size_t slot = find_slot(map, key);
    if (map->values[slot] == SL_MAP_EMPTY)
        return false;
    close_gap(map, slot);
    map->count--;
    return true;
}
