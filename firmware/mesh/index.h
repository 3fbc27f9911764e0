/* What the node holds, in memory: one entry for each envelope in the store, found by id and by
 * short id, with the sketch and the digest of the whole kept current. Bodies stay in the store.
 * Also tombstones: ids that were here and must not come back. Decides what to give up when full.
 *
 * Two envelopes with one short id can be made at will (2^32 hashes), so both are kept, but only the
 * one that came first is in the sketch and found by short id; the other takes its place once it is
 * gone. */
#ifndef SL_MESH_INDEX_H
#define SL_MESH_INDEX_H

#include "mesh/digest.h"
#include "mesh/ports.h"
#include "mesh/sketch.h"

struct sl_entry {
    struct sl_stored stored;
    uint64_t known_by;   /* neighbour slots known to hold it */
    uint64_t refused_by; /* slots that said so, and have not asked for it since */
    int8_t brought_by;   /* slot of the link whose payload came first, along the tree; -1: none */
    bool used : 1;
    bool quiet : 1;    /* neither in sketch nor in digest: only those on its way have it */
    bool shadowed : 1; /* private: another with the same short id came first */
    uint16_t invite;   /* share.c's */
    /* Private, all numbers of entries: */
    uint32_t older, newer;        /* order of arrival */
    uint32_t parent, left, right; /* tree of the origin's entries, the first to give up on top */
    uint32_t same_short;          /* next with the same short id */
    uint32_t origin_slot;
    uint32_t next_in_window[2]; /* share.c's */
};

struct sl_index; /* opaque */

struct sl_index_config {
    uint64_t bytes_max; /* of signed parts and signatures */
    size_t count_max;
    uint64_t seed; /* secret: keys the hash maps */
};

/* NULL if out of memory. */
struct sl_index *sl_index_new(const struct sl_index_config *config);
void sl_index_free(struct sl_index *index);

/* Number of the new entry, or -EEXIST, -ENOMEM, -ENOSPC. Call sl_index_victim() first to make room.
 */
int64_t sl_index_add(struct sl_index *index, const struct sl_stored *stored);

/* Number of an entry, or -1. Numbers stay valid until the entry is removed. */
int64_t sl_index_find(const struct sl_index *index, const uint8_t id[SL_ID_LEN]);
int64_t sl_index_find_short(const struct sl_index *index, uint64_t short_id);
/* The entry of a number in use; valid until the next sl_index_add(). */
struct sl_entry *sl_index_entry(struct sl_index *index, int64_t number);

/* Removes it and leaves a tombstone; or none, so that it may come again. */
void sl_index_remove(struct sl_index *index, int64_t number);
void sl_index_forget(struct sl_index *index, int64_t number);

/* Takes an entry out of sketch and digest, and puts it back. One that shares its short id stays in:
 * the sketch knows of one for each. */
void sl_index_hush(struct sl_index *index, int64_t number);
void sl_index_raise(struct sl_index *index, int64_t number);

/* Was here and is gone (expired, evicted), or was refused. */
bool sl_index_buried(const struct sl_index *index, const uint8_t id[SL_ID_LEN]);
void sl_index_bury(struct sl_index *index, const uint8_t id[SL_ID_LEN]);

/* The entry to give up before one of `len` more bytes fits: the oldest by creation of the origin
 * that holds most bytes, what others need to check its envelopes (IDENTITY, REVOCATION) last. -1 if
 * it fits as it is, or never could. */
int64_t sl_index_victim(const struct sl_index *index, size_t len);

/* The next to expire, or -1; and when it does. */
int64_t sl_index_expired(const struct sl_index *index, sl_time now);
sl_time sl_index_next_expiry(const struct sl_index *index);

size_t sl_index_count(const struct sl_index *index);
/* Of them, those that are in the digest. */
size_t sl_index_shared_count(const struct sl_index *index);
uint64_t sl_index_bytes(const struct sl_index *index);
uint64_t sl_index_origin_bytes(const struct sl_index *index, const uint8_t origin[SL_ORIGIN_LEN]);
void sl_index_digest(const struct sl_index *index, uint8_t ret_digest[SL_DIGEST_LEN]);
/* Whether all of another store, with that many and that digest, is here, and it lacks at most some
 * of what came here last. */
bool sl_index_holds_all(const struct sl_index *index, size_t count,
                        const uint8_t digest[SL_DIGEST_LEN]);

/* A neighbour slot got free: forget what it knew. */
void sl_index_forget_neighbour(struct sl_index *index, size_t slot);

/* Symbols `first` to first + count - 1 of the whole (bits 0: kept current) or of the short ids that
 * start with the `bits` bits `partition` (computed by walking the index). first + count is at most
 * SL_SKETCH_SYMBOLS, bits at most 16. */
void sl_index_symbols(const struct sl_index *index, uint8_t bits, uint16_t partition, size_t first,
                      size_t count, struct sl_symbol *ret_symbols);

/* Walks all entries in order of arrival: start with -1, ends with -1. Take the next before removing
 * the current one. */
int64_t sl_index_next(const struct sl_index *index, int64_t number);

static inline uint64_t sl_short_id(const uint8_t id[SL_SHORT_ID_LEN])
{
    uint64_t value = 0;
    for (size_t i = 0; i < SL_SHORT_ID_LEN; i++)
        value = value << 8 | id[i];
    return value;
}

#endif
