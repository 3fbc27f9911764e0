/* What the node holds, in memory: one entry for each envelope in the store, found by id and by short
 * id, with the sketch and the digest of the whole kept current. Bodies stay in the store. Also
 * tombstones: ids that were here and must not come back. Decides what to give up when full. */
#ifndef SL_MESH_INDEX_H
#define SL_MESH_INDEX_H

#include "base/heap.h"
#include "base/map.h"
#include "mesh/sketch.h"
#include "mesh/ports.h"

struct sl_entry {
    struct sl_stored stored;
    uint64_t known_by;   /* neighbour slots known to hold it */
    bool used;
    uint32_t older, newer; /* entries of the same origin, oldest first; private */
    uint32_t expiry_index; /* private */
};

struct sl_index; /* opaque */

struct sl_index_config {
    uint64_t bytes_max;
    size_t count_max;
    uint64_t seed;
};

struct sl_index *sl_index_new(const struct sl_index_config *config);
void sl_index_free(struct sl_index *index);

/* Number of the new entry, or -EEXIST, -ENOMEM, -ENOSPC. Call sl_index_victim() first to make room. */
int64_t sl_index_add(struct sl_index *index, const struct sl_stored *stored);

/* Number of an entry, or -1. Numbers stay valid until the entry is removed. */
int64_t sl_index_find(const struct sl_index *index, const uint8_t id[SL_ID_LEN]);
int64_t sl_index_find_short(const struct sl_index *index, uint64_t short_id);
struct sl_entry *sl_index_entry(struct sl_index *index, int64_t number);

/* Removes it and leaves a tombstone. */
void sl_index_remove(struct sl_index *index, int64_t number);

/* Was here and is gone (expired, evicted), or was refused. */
bool sl_index_buried(const struct sl_index *index, const uint8_t id[SL_ID_LEN]);
void sl_index_bury(struct sl_index *index, const uint8_t id[SL_ID_LEN]);

/* The entry to give up before `len` more bytes fit: the oldest of the origin that holds most bytes;
 * -1 if it fits as it is. */
int64_t sl_index_victim(const struct sl_index *index, size_t len);

/* The next to expire, or -1; and when it does. */
int64_t sl_index_expired(const struct sl_index *index, sl_time now);
sl_time sl_index_next_expiry(const struct sl_index *index);

size_t sl_index_count(const struct sl_index *index);
uint64_t sl_index_bytes(const struct sl_index *index);
uint64_t sl_index_origin_bytes(const struct sl_index *index, const uint8_t origin[SL_ORIGIN_LEN]);
void sl_index_digest(const struct sl_index *index, uint8_t ret_digest[16]);

/* A neighbour slot got free: forget what it knew. */
void sl_index_forget_neighbour(struct sl_index *index, size_t slot);

/* Symbols `first` to first + count - 1 of the whole (bits 0: kept current, count up to
 * SL_SKETCH_SYMBOLS) or of a partition (computed by walking the index). */
void sl_index_symbols(const struct sl_index *index, uint8_t bits, uint16_t partition, size_t first,
                      size_t count, struct sl_symbol *ret_symbols);

/* Walks all entries in order of arrival: start with -1, ends with -1. */
int64_t sl_index_next(const struct sl_index *index, int64_t number);

static inline uint64_t sl_short_id(const uint8_t id[SL_ID_LEN])
{
    uint64_t value = 0;
    for (size_t i = 0; i < SL_SHORT_ID_LEN; i++)
        value = value << 8 | id[i];
    return value;
}

#endif
