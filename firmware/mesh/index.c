#include "mesh/index.h"

#include "base/map.h"
#include "mesh/envelope.h"
#include "mesh/rank.h"
#include "mesh/tombs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

enum {
    ENTRIES_MIN = 64,
    ORIGINS_MIN = 16,
    PARTITION_BITS_MAX = 16,
};

/* A node that envelopes in the store come from. Its slot is free when it has none. */
struct origin {
    uint8_t origin[SL_ORIGIN_LEN];
    uint64_t bytes;
    uint32_t root;      /* of the tree of its entries */
    uint32_t next_free; /* while the slot is free */
};

struct sl_index {
    struct sl_index_config config;

    struct sl_entry *entries;
    size_t entry_cap;
    size_t entry_high;   /* numbers from here on were never used */
    uint32_t entry_free; /* numbers that were, linked by `newer` */
    size_t count, quiet_count;
    uint64_t bytes;
    uint32_t oldest, newest;  /* ends of the list by arrival */
    struct sl_map by_short;   /* short id to the first entry that has it */
    struct sl_rank by_expiry; /* entries */

    struct origin *origins;
    size_t origin_cap;
    size_t origin_high;
    uint32_t origin_free;
    struct sl_map by_origin; /* origin to slot */
    struct sl_rank by_bytes; /* slots, most bytes first: keys are negative */

    struct sl_tombs tombs;
    struct sl_digest digest;
    struct sl_symbol symbols[SL_SKETCH_SYMBOLS];
};

struct sl_index *sl_index_new(const struct sl_index_config *config)
{
    assert(config->count_max < NONE);
    struct sl_index *index = calloc(1, sizeof(*index));
    if (!index)
        return NULL;
    index->config = *config;
    index->entry_free = NONE;
    index->origin_free = NONE;
    index->oldest = NONE;
    index->newest = NONE;
    sl_map_init(&index->by_short, SL_SHORT_ID_LEN, config->count_max, config->seed);
    sl_map_init(&index->by_origin, SL_ORIGIN_LEN, config->count_max, config->seed + 1);
    sl_tombs_init(&index->tombs, config->seed + 2);
    sl_rank_init(&index->by_expiry);
    sl_rank_init(&index->by_bytes);
    return index;
}

void sl_index_free(struct sl_index *index)
{
    if (!index)
        return;
    sl_map_done(&index->by_short);
    sl_map_done(&index->by_origin);
    sl_tombs_done(&index->tombs);
    sl_rank_done(&index->by_expiry);
    sl_rank_done(&index->by_bytes);
    free(index->entries);
    free(index->origins);
    free(index);
}

/* ---- The entries of one origin: a skew heap (Sleator and Tarjan, SIAM J. Comput. 1986), so that
 * adding one, and removing the first or any other, cost O(log n) in the long run, whatever the
 * order. ---- */

static bool is_needed_by_others(const struct sl_stored *stored)
{
    return stored->kind == SL_ENVELOPE_IDENTITY || stored->kind == SL_ENVELOPE_REVOCATION;
}

/* Whether `a` is given up before `b`. */
static bool goes_before(const struct sl_stored *a, const struct sl_stored *b)
{
    if (is_needed_by_others(a) != is_needed_by_others(b))
        return is_needed_by_others(b);
    if (a->created != b->created)
        return a->created < b->created;
    return memcmp(a->id, b->id, SL_ID_LEN) < 0;
}

static uint32_t meld(struct sl_entry *entries, uint32_t a, uint32_t b)
{
    uint32_t root = NONE;
    uint32_t parent = NONE;
    uint32_t *link = &root;
    while (a != NONE && b != NONE) {
        if (goes_before(&entries[b].stored, &entries[a].stored)) {
            uint32_t swap = a;
            a = b;
            b = swap;
        }
        struct sl_entry *top = &entries[a];
        *link = a;
        top->parent = parent;
        parent = a;
        a = top->right;
        top->right = top->left;
        link = &top->left;
    }
    *link = a != NONE ? a : b;
    if (*link != NONE)
        entries[*link].parent = parent;
    return root;
}

static void tree_add(struct sl_index *index, struct origin *origin, uint32_t number)
{
    struct sl_entry *entry = &index->entries[number];
    entry->parent = NONE;
    entry->left = NONE;
    entry->right = NONE;
    origin->root = meld(index->entries, origin->root, number);
}

static void tree_remove(struct sl_index *index, struct origin *origin, uint32_t number)
{
    struct sl_entry *entry = &index->entries[number];
    uint32_t below = meld(index->entries, entry->left, entry->right);
    if (below != NONE)
        index->entries[below].parent = entry->parent;
    if (entry->parent == NONE) {
        origin->root = below;
        return;
    }
    struct sl_entry *parent = &index->entries[entry->parent];
    if (parent->left == number)
        parent->left = below;
    else
        parent->right = below;
}

/* ---- Origins ---- */

static int origins_grow(struct sl_index *index)
{
    size_t cap = index->origin_cap > 0 ? index->origin_cap * 2 : ORIGINS_MIN;
    int error = sl_rank_reserve(&index->by_bytes, cap);
    if (error < 0)
        return error;
    struct origin *origins = realloc(index->origins, cap * sizeof(*origins));
    if (!origins)
        return -ENOMEM;
    index->origins = origins;
    index->origin_cap = cap;
    return 0;
}

/* The slot of an origin, perhaps a new one; or -ENOMEM. */
static int64_t origin_acquire(struct sl_index *index, const uint8_t origin[SL_ORIGIN_LEN])
{
    uint32_t slot = sl_map_get(&index->by_origin, origin);
    if (slot != SL_MAP_EMPTY)
        return slot;
    bool reused = index->origin_free != NONE;
    if (!reused && index->origin_high == index->origin_cap) {
        int error = origins_grow(index);
        if (error < 0)
            return error;
    }
    slot = reused ? index->origin_free : (uint32_t)index->origin_high;
    int error = sl_map_put(&index->by_origin, origin, slot);
    if (error < 0)
        return error;
    if (reused)
        index->origin_free = index->origins[slot].next_free;
    else
        index->origin_high++;
    struct origin *o = &index->origins[slot];
    *o = (struct origin){.root = NONE};
    memcpy(o->origin, origin, SL_ORIGIN_LEN);
    return slot;
}

static void origin_release_if_empty(struct sl_index *index, uint32_t slot)
{
    struct origin *o = &index->origins[slot];
    if (o->root != NONE)
        return;
    sl_map_remove(&index->by_origin, o->origin);
    sl_rank_remove(&index->by_bytes, slot);
    o->next_free = index->origin_free;
    index->origin_free = slot;
}

static void origin_add(struct sl_index *index, uint32_t slot, uint32_t number)
{
    struct origin *o = &index->origins[slot];
    tree_add(index, o, number);
    o->bytes += index->entries[number].stored.len;
    sl_rank_set(&index->by_bytes, slot, -(int64_t)o->bytes);
}

static void origin_remove(struct sl_index *index, uint32_t number)
{
    const struct sl_entry *entry = &index->entries[number];
    struct origin *o = &index->origins[entry->origin_slot];
    tree_remove(index, o, number);
    o->bytes -= entry->stored.len;
    sl_rank_set(&index->by_bytes, entry->origin_slot, -(int64_t)o->bytes);
    origin_release_if_empty(index, entry->origin_slot);
}

/* ---- Short ids, sketch and digest ---- */

static void unhush(struct sl_index *index, struct sl_entry *entry)
{
    if (!entry->quiet)
        return;
    entry->quiet = false;
    index->quiet_count--;
    sl_digest_add(&index->digest, entry->stored.id);
    sl_sketch_apply(index->symbols, SL_SKETCH_SYMBOLS, sl_short_id(entry->stored.id), 1);
}

/* Entries with the same short id are a chain whose first alone is in map and sketch; none of them
 * is quiet. */
static int short_add(struct sl_index *index, uint32_t number)
{
    struct sl_entry *entry = &index->entries[number];
    entry->same_short = NONE;
    uint32_t first = sl_map_get(&index->by_short, entry->stored.id);
    entry->shadowed = first != SL_MAP_EMPTY;
    if (entry->shadowed) {
        unhush(index, &index->entries[first]);
        while (index->entries[first].same_short != NONE)
            first = index->entries[first].same_short;
        index->entries[first].same_short = number;
        return 0;
    }
    int error = sl_map_put(&index->by_short, entry->stored.id, number);
    if (error < 0)
        return error;
    sl_sketch_apply(index->symbols, SL_SKETCH_SYMBOLS, sl_short_id(entry->stored.id), 1);
    return 0;
}

static void short_remove(struct sl_index *index, uint32_t number)
{
    struct sl_entry *entry = &index->entries[number];
    uint32_t before = sl_map_get(&index->by_short, entry->stored.id);
    if (before != number) {
        while (index->entries[before].same_short != number)
            before = index->entries[before].same_short;
        index->entries[before].same_short = entry->same_short;
        return;
    }
    if (entry->same_short != NONE) {
        index->entries[entry->same_short].shadowed = false;
        int error = sl_map_put(&index->by_short, entry->stored.id, entry->same_short);
        assert(error == 0); /* replaces, so needs no room */
        return;
    }
    sl_map_remove(&index->by_short, entry->stored.id);
    if (!entry->quiet)
        sl_sketch_apply(index->symbols, SL_SKETCH_SYMBOLS, sl_short_id(entry->stored.id), -1);
}

void sl_index_digest(const struct sl_index *index, uint8_t ret_digest[SL_DIGEST_LEN])
{
    sl_digest_write(&index->digest, ret_digest);
}

bool sl_index_holds_all(const struct sl_index *index, size_t count,
                        const uint8_t digest[SL_DIGEST_LEN])
{
    size_t ours = sl_index_shared_count(index);
    return ours >= count && sl_digest_is_behind(&index->digest, digest, ours - count);
}

void sl_index_symbols(const struct sl_index *index, uint8_t bits, uint16_t partition, size_t first,
                      size_t count, struct sl_symbol *ret_symbols)
{
    assert(first <= SL_SKETCH_SYMBOLS && count <= SL_SKETCH_SYMBOLS - first);
    assert(bits <= PARTITION_BITS_MAX);
    if (bits == 0) {
        memcpy(ret_symbols, index->symbols + first, count * sizeof(*ret_symbols));
        return;
    }
    memset(ret_symbols, 0, count * sizeof(*ret_symbols));
    for (size_t i = 0; i < index->entry_high; i++) {
        const struct sl_entry *entry = &index->entries[i];
        uint64_t short_id = sl_short_id(entry->stored.id);
        if (entry->used && !entry->shadowed && !entry->quiet &&
            short_id >> (64 - bits) == partition)
            sl_sketch_apply_range(ret_symbols, first, count, short_id, 1);
    }
}

/* ---- Entries ---- */

static int entries_grow(struct sl_index *index)
{
    size_t cap = index->entry_cap > 0 ? index->entry_cap * 2 : ENTRIES_MIN;
    cap = sl_min_size(cap, index->config.count_max);
    int error = sl_rank_reserve(&index->by_expiry, cap);
    if (error < 0)
        return error;
    struct sl_entry *entries = realloc(index->entries, cap * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    index->entries = entries;
    index->entry_cap = cap;
    return 0;
}

/* A number to use next, which stays free until it is taken; or -ENOMEM. */
static int64_t entry_next_free(struct sl_index *index)
{
    if (index->entry_free != NONE)
        return index->entry_free;
    if (index->entry_high == index->entry_cap) {
        int error = entries_grow(index);
        if (error < 0)
            return error;
    }
    return (int64_t)index->entry_high;
}

static void arrival_append(struct sl_index *index, uint32_t number)
{
    struct sl_entry *entry = &index->entries[number];
    entry->older = index->newest;
    entry->newer = NONE;
    if (index->newest == NONE)
        index->oldest = number;
    else
        index->entries[index->newest].newer = number;
    index->newest = number;
}

static void arrival_remove(struct sl_index *index, uint32_t number)
{
    const struct sl_entry *entry = &index->entries[number];
    if (entry->older == NONE)
        index->oldest = entry->newer;
    else
        index->entries[entry->older].newer = entry->newer;
    if (entry->newer == NONE)
        index->newest = entry->older;
    else
        index->entries[entry->newer].older = entry->older;
}

static sl_time expiry_of(const struct sl_stored *stored)
{
    sl_time lifetime = (sl_time)stored->lifetime * SL_SECOND;
    return stored->born < SL_NEVER - lifetime ? stored->born + lifetime : SL_NEVER - 1;
}

static bool has_room(const struct sl_index *index, size_t len)
{
    return index->count < index->config.count_max && len <= index->config.bytes_max &&
           index->bytes <= index->config.bytes_max - len;
}

int64_t sl_index_add(struct sl_index *index, const struct sl_stored *stored)
{
    if (sl_index_find(index, stored->id) >= 0)
        return -EEXIST;
    if (!has_room(index, stored->len))
        return -ENOSPC;
    int64_t next = entry_next_free(index);
    if (next < 0)
        return next;
    int64_t slot = origin_acquire(index, stored->origin);
    if (slot < 0)
        return slot;

    uint32_t number = (uint32_t)next;
    struct sl_entry *entry = &index->entries[number];
    uint32_t next_free = number == index->entry_high ? NONE : entry->newer;
    *entry = (struct sl_entry){.stored = *stored, .newer = next_free, .brought_by = -1};
    int error = short_add(index, number);
    if (error < 0) {
        origin_release_if_empty(index, (uint32_t)slot);
        return error;
    }
    /* Nothing fails from here on. */
    if (number == index->entry_high)
        index->entry_high++;
    else
        index->entry_free = next_free;
    entry->used = true;
    entry->origin_slot = (uint32_t)slot;
    arrival_append(index, number);
    origin_add(index, (uint32_t)slot, number);
    sl_rank_set(&index->by_expiry, number, expiry_of(stored));
    sl_digest_add(&index->digest, stored->id);
    index->count++;
    index->bytes += stored->len;
    return number;
}

struct sl_entry *sl_index_entry(struct sl_index *index, int64_t number)
{
    assert(number >= 0 && (uint64_t)number < index->entry_high);
    struct sl_entry *entry = &index->entries[number];
    assert(entry->used);
    return entry;
}

void sl_index_remove(struct sl_index *index, int64_t number)
{
    sl_index_bury(index, sl_index_entry(index, number)->stored.id);
    sl_index_forget(index, number);
}

void sl_index_forget(struct sl_index *index, int64_t number)
{
    struct sl_entry *entry = sl_index_entry(index, number);
    uint32_t n = (uint32_t)number;
    short_remove(index, n);
    origin_remove(index, n);
    arrival_remove(index, n);
    sl_rank_remove(&index->by_expiry, n);
    if (entry->quiet)
        index->quiet_count--;
    else
        sl_digest_remove(&index->digest, entry->stored.id);
    index->count--;
    index->bytes -= entry->stored.len;
    entry->used = false;
    entry->newer = index->entry_free;
    index->entry_free = n;
}

void sl_index_hush(struct sl_index *index, int64_t number)
{
    struct sl_entry *entry = sl_index_entry(index, number);
    if (entry->quiet || entry->shadowed || entry->same_short != NONE)
        return;
    entry->quiet = true;
    index->quiet_count++;
    sl_digest_remove(&index->digest, entry->stored.id);
    sl_sketch_apply(index->symbols, SL_SKETCH_SYMBOLS, sl_short_id(entry->stored.id), -1);
}

void sl_index_raise(struct sl_index *index, int64_t number)
{
    unhush(index, sl_index_entry(index, number));
}

int64_t sl_index_find(const struct sl_index *index, const uint8_t id[SL_ID_LEN])
{
    uint32_t number = sl_map_get(&index->by_short, id);
    while (number != NONE && memcmp(index->entries[number].stored.id, id, SL_ID_LEN) != 0)
        number = index->entries[number].same_short;
    return number != NONE ? (int64_t)number : -1;
}

int64_t sl_index_find_short(const struct sl_index *index, uint64_t short_id)
{
    uint8_t key[SL_SHORT_ID_LEN];
    struct sl_writer w;
    sl_writer_init(&w, key, sizeof(key));
    sl_write_u64(&w, short_id);
    uint32_t number = sl_map_get(&index->by_short, key);
    return number != SL_MAP_EMPTY ? (int64_t)number : -1;
}

int64_t sl_index_victim(const struct sl_index *index, size_t len)
{
    if (has_room(index, len) || len > index->config.bytes_max || index->count == 0)
        return -1;
    return index->origins[sl_rank_first(&index->by_bytes)].root;
}

int64_t sl_index_expired(const struct sl_index *index, sl_time now)
{
    return index->count > 0 && sl_rank_first_key(&index->by_expiry) <= now
               ? (int64_t)sl_rank_first(&index->by_expiry)
               : -1;
}

sl_time sl_index_next_expiry(const struct sl_index *index)
{
    return index->count > 0 ? sl_rank_first_key(&index->by_expiry) : SL_NEVER;
}

size_t sl_index_count(const struct sl_index *index)
{
    return index->count;
}

size_t sl_index_shared_count(const struct sl_index *index)
{
    return index->count - index->quiet_count;
}

uint64_t sl_index_bytes(const struct sl_index *index)
{
    return index->bytes;
}

uint64_t sl_index_origin_bytes(const struct sl_index *index, const uint8_t origin[SL_ORIGIN_LEN])
{
    uint32_t slot = sl_map_get(&index->by_origin, origin);
    return slot != SL_MAP_EMPTY ? index->origins[slot].bytes : 0;
}

void sl_index_forget_neighbour(struct sl_index *index, size_t slot)
{
    assert(slot < SL_NEIGHBOURS_MAX);
    for (size_t i = 0; i < index->entry_high; i++) {
        struct sl_entry *entry = &index->entries[i];
        entry->known_by &= ~((uint64_t)1 << slot);
        entry->refused_by &= ~((uint64_t)1 << slot);
        if (entry->brought_by == (int8_t)slot)
            entry->brought_by = -1;
    }
}

int64_t sl_index_next(const struct sl_index *index, int64_t number)
{
    uint32_t next = number < 0 ? index->oldest : index->entries[number].newer;
    return next != NONE ? (int64_t)next : -1;
}

bool sl_index_buried(const struct sl_index *index, const uint8_t id[SL_ID_LEN])
{
    return sl_tombs_has(&index->tombs, id);
}

void sl_index_bury(struct sl_index *index, const uint8_t id[SL_ID_LEN])
{
    sl_tombs_add(&index->tombs, id);
}
