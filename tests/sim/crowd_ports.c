#include "sim/crowd_ports.h"

#include "base/map.h"
#include "base/prng.h"
#include "mesh/envelope.h"
#include "mesh/packet.h"
#include "sim/crowd_memory.h"
#include "sim/fake_primitives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ENVELOPES_MAX = 1 << 22 };

/* ---- Primitives ---- */

static uint64_t absorb(uint64_t state, const uint8_t *bytes, size_t len)
{
    state = (state ^ len) * UINT64_C(0x9fb21c651e98df25);
    for (; len > 0;) {
        uint64_t word = 0;
        size_t step = sl_min_size(len, sizeof(word));
        memcpy(&word, bytes, step);
        state = (state ^ word) * UINT64_C(0xd6e8feb86659fd93);
        state ^= state >> 32;
        bytes += step;
        len -= step;
    }
    return state;
}

struct sealed_parts {
    const uint8_t *key, *nonce, *ad, *bytes;
    size_t nonce_len, ad_len, len;
};

static void tag_of(const struct sealed_parts *parts, uint8_t ret_tag[SL_TAG_LEN])
{
    uint64_t state = absorb(parts->nonce_len, parts->key, SL_KEY_LEN);
    state = absorb(state, parts->nonce, parts->nonce_len);
    state = absorb(state, parts->ad, parts->ad_len);
    state = absorb(state, parts->bytes, parts->len);
    for (size_t i = 0; i < SL_TAG_LEN; i += sizeof(state)) {
        uint64_t word = sl_splitmix64(&state);
        memcpy(ret_tag + i, &word, sizeof(word));
    }
}

static void seal(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *ad, size_t ad_len, const uint8_t *bytes, size_t len,
                 uint8_t *ret_sealed)
{
    (void)ctx;
    if (len > 0)
        memmove(ret_sealed, bytes, len);
    struct sealed_parts parts = {key, nonce, ad, ret_sealed, nonce_len, ad_len, len};
    tag_of(&parts, ret_sealed + len);
}

static bool open_sealed(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce,
                        size_t nonce_len, const uint8_t *ad, size_t ad_len, const uint8_t *sealed,
                        size_t len, uint8_t *ret_bytes)
{
    (void)ctx;
    if (len < SL_TAG_LEN)
        return false;
    len -= SL_TAG_LEN;
    struct sealed_parts parts = {key, nonce, ad, sealed, nonce_len, ad_len, len};
    uint8_t tag[SL_TAG_LEN];
    tag_of(&parts, tag);
    bool opens = memcmp(tag, sealed + len, SL_TAG_LEN) == 0;
    if (len > 0 && opens)
        memmove(ret_bytes, sealed, len);
    else if (len > 0)
        memset(ret_bytes, 0, len);
    return opens;
}

void sl_crowd_readable(struct sl_primitives *primitives)
{
    primitives->seal = seal;
    primitives->open = open_sealed;
}

void sl_crowd_primitives(struct sl_primitives *ret_primitives, uint64_t seed)
{
    sl_fake_primitives(ret_primitives, seed);
    sl_crowd_readable(ret_primitives);
}

/* ---- Stores ---- */

struct blob {
    uint8_t id[SL_ID_LEN];
    uint32_t users;
    uint16_t len;
    uint8_t bytes[];
};

struct sl_crowd_depot {
    struct sl_map by_id;
    struct blob **blobs; /* NULL where free */
    size_t count, cap;
};

struct row {
    struct sl_stored meta; /* row 0: dropped */
    uint32_t blob;
    bool lost_when_off;
};

struct sl_crowd_store {
    struct sl_crowd_depot *depot;
    struct row *rows; /* [row - 1] */
    size_t count, cap, live;
    int put_error, get_error;
};

struct sl_crowd_depot *sl_crowd_depot_new(void)
{
    struct sl_crowd_depot *depot = calloc(1, sizeof(*depot));
    if (!depot)
        abort();
    sl_map_init(&depot->by_id, SL_ID_LEN, ENVELOPES_MAX, 1);
    return depot;
}

void sl_crowd_depot_free(struct sl_crowd_depot *depot)
{
    if (!depot)
        return;
    for (size_t i = 0; i < depot->count; i++)
        free(depot->blobs[i]);
    free(depot->blobs);
    sl_map_done(&depot->by_id);
    free(depot);
}

static void *grow(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    *cap = *cap > 0 ? 2 * *cap : 64;
    items = realloc(items, *cap * size);
    if (!items)
        abort();
    return items;
}

/* Numbers of blobs are not used again: a run is short. */
static uint32_t keep_blob(struct sl_crowd_depot *depot, const uint8_t id[SL_ID_LEN],
                          const uint8_t *bytes, uint16_t len)
{
    uint32_t number = sl_map_get(&depot->by_id, id);
    if (number != SL_MAP_EMPTY) {
        depot->blobs[number]->users++;
        return number;
    }
    struct blob *blob = malloc(sizeof(*blob) + len);
    if (!blob || sl_map_put(&depot->by_id, id, (uint32_t)depot->count) < 0)
        abort();
    memcpy(blob->id, id, SL_ID_LEN);
    blob->users = 1;
    blob->len = len;
    memcpy(blob->bytes, bytes, len);
    depot->blobs = grow(depot->blobs, depot->count, &depot->cap, sizeof(struct blob *));
    depot->blobs[depot->count] = blob;
    return (uint32_t)depot->count++;
}

static void release_blob(struct sl_crowd_depot *depot, uint32_t number)
{
    struct blob *blob = depot->blobs[number];
    if (--blob->users > 0)
        return;
    sl_map_remove(&depot->by_id, blob->id);
    free(blob);
    depot->blobs[number] = NULL;
}

struct sl_crowd_store *sl_crowd_store_new(struct sl_crowd_depot *depot)
{
    struct sl_crowd_store *store = calloc(1, sizeof(*store));
    if (!store)
        abort();
    store->depot = depot;
    return store;
}

void sl_crowd_store_free(struct sl_crowd_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->count; i++)
        if (store->rows[i].meta.row > 0)
            release_blob(store->depot, store->rows[i].blob);
    free(store->rows);
    free(store);
}

static int put(void *ctx, const struct sl_stored *meta, const uint8_t *bytes, bool sync,
               uint64_t *ret_row)
{
    (void)sync;
    struct sl_crowd_store *store = ctx;
    int64_t *node = sl_memory_charge(NULL);
    store->rows = grow(store->rows, store->count, &store->cap, sizeof(*store->rows));
    struct row *row = &store->rows[store->count++];
    row->meta = *meta;
    row->meta.row = store->count;
    row->lost_when_off = store->put_error != 0;
    row->blob = keep_blob(store->depot, meta->id, bytes, meta->len);
    store->live++;
    sl_memory_charge(node);
    *ret_row = row->meta.row;
    return store->put_error;
}

static struct row *find_row(struct sl_crowd_store *store, uint64_t number)
{
    if (number == 0 || number > store->count || store->rows[number - 1].meta.row == 0)
        return NULL;
    return &store->rows[number - 1];
}

static int get(void *ctx, uint64_t number, uint8_t *ret_bytes, size_t cap)
{
    struct sl_crowd_store *store = ctx;
    const struct row *row = find_row(store, number);
    if (store->get_error != 0)
        return store->get_error;
    if (!row)
        return -ENOENT;
    const struct blob *blob = store->depot->blobs[row->blob];
    if (blob->len > cap)
        return -EBADMSG;
    memcpy(ret_bytes, blob->bytes, blob->len);
    return blob->len;
}

static void set_relayed(void *ctx, uint64_t number)
{
    struct row *row = find_row(ctx, number);
    if (row)
        row->meta.relayed = true;
}

static void drop(void *ctx, uint64_t number)
{
    struct sl_crowd_store *store = ctx;
    struct row *row = find_row(store, number);
    if (!row)
        return;
    int64_t *node = sl_memory_charge(NULL);
    release_blob(store->depot, row->blob);
    sl_memory_charge(node);
    row->meta.row = 0;
    store->live--;
}

static int each(void *ctx, void (*found)(void *arg, const struct sl_stored *meta), void *arg)
{
    struct sl_crowd_store *store = ctx;
    for (size_t i = 0; i < store->count; i++)
        if (store->rows[i].meta.row > 0)
            found(arg, &store->rows[i].meta);
    return 0;
}

void sl_crowd_store_port(struct sl_crowd_store *store, struct sl_store_port *ret_port)
{
    *ret_port = (struct sl_store_port){.ctx = store,
                                       .put = put,
                                       .get = get,
                                       .set_relayed = set_relayed,
                                       .drop = drop,
                                       .each = each};
}

void sl_crowd_store_fail(struct sl_crowd_store *store, int put_error, int get_error)
{
    store->put_error = put_error;
    store->get_error = get_error;
    for (size_t i = 0; put_error == 0 && i < store->count; i++)
        store->rows[i].lost_when_off = false;
}

bool sl_crowd_store_restart(struct sl_crowd_store *store)
{
    bool lost = false;
    for (size_t i = 0; i < store->count; i++) {
        if (store->rows[i].meta.row == 0 || !store->rows[i].lost_when_off)
            continue;
        drop(store, store->rows[i].meta.row);
        lost = true;
    }
    return lost;
}

void sl_crowd_store_each(const struct sl_crowd_store *store,
                         void (*found)(void *arg, const uint8_t *bytes, size_t len), void *arg)
{
    for (size_t i = 0; i < store->count; i++) {
        const struct blob *blob = store->depot->blobs[store->rows[i].blob];
        if (store->rows[i].meta.row > 0)
            found(arg, blob->bytes, blob->len);
    }
}

size_t sl_crowd_store_count(const struct sl_crowd_store *store)
{
    return store->live;
}

/* ---- Frames ---- */

uint64_t sl_crowd_envelope_number(const uint8_t origin[SL_ORIGIN_LEN], uint64_t created)
{
    uint64_t state = created;
    memcpy(&state, origin, SL_ORIGIN_LEN);
    state ^= created * UINT64_C(0x9e3779b97f4a7c15);
    return sl_splitmix64(&state);
}

static uint64_t read_envelope(const uint8_t *value, size_t len, bool routed, uint8_t *ret_kind)
{
    struct sl_reader r;
    uint8_t origin[SL_ORIGIN_LEN];
    sl_reader_init(&r, value, len);
    if (routed)
        sl_read_u8(&r);
    if (routed) {
        uint8_t count = sl_read_u8(&r);
        sl_read_slice(&r, (count > 0 ? count : 1) * (size_t)SL_TARGET_LEN); /* 0: back */
    }
    sl_read_slice(&r, SL_ENVELOPE_MUTABLE + 1); /* hops and age; version */
    *ret_kind = sl_read_u8(&r);
    sl_read_u8(&r); /* flags */
    sl_read_copy(&r, origin, sizeof(origin));
    uint64_t created = sl_read_u64(&r);
    return sl_crowd_envelope_number(origin, created);
}

void sl_crowd_read_frame(const uint8_t *bytes, size_t len, struct sl_crowd_content *ret_content)
{
    struct sl_reader r;
    memset(ret_content, 0, sizeof(*ret_content));
    ret_content->element_len[0] = len;
    if (len < SL_FRAME_OVERHEAD || bytes[0] != SL_PACKET_FRAME)
        return;
    sl_reader_init(&r, bytes + SL_FRAME_HEADER, len - SL_FRAME_OVERHEAD);
    while (sl_read_left(&r) > 0) {
        uint8_t type = sl_read_u8(&r);
        uint16_t value_len = sl_read_u16(&r);
        const uint8_t *value = sl_read_slice(&r, value_len);
        if (!value || type == 0 || type >= SL_ARRAY_LEN(ret_content->element_len))
            return;
        ret_content->element_len[type] += 3u + value_len;
        ret_content->element_len[0] -= 3u + value_len;
        if ((type == SL_ELEMENT_ENVELOPE || type == SL_ELEMENT_ROUTED) &&
            ret_content->envelope_count < SL_ARRAY_LEN(ret_content->envelopes)) {
            uint8_t kind;
            ret_content->envelopes[ret_content->envelope_count] =
                read_envelope(value, value_len, type == SL_ELEMENT_ROUTED, &kind);
            if (ret_content->envelope_count++ == 0)
                ret_content->kind = kind;
        }
    }
}
