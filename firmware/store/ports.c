/* The store port of the mesh and the vault port of the chat. Everything goes to `held` first and
 * then into the open group on disk, if there is one: a group that fails is then not lost. */
#include "store/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int copy_out(const uint8_t *bytes, size_t len, uint8_t *ret_bytes, size_t cap)
{
    if (len > cap)
        return -ENOBUFS;
    if (len > 0)
        memcpy(ret_bytes, bytes, len);
    return (int)len;
}

/* ---- Envelopes ---- */

/* No envelope was born later than now: if the time given last is older, it is stale. */
static void learn_time(struct sl_store *store, sl_time born)
{
    if (born <= store->now)
        return;
    if (store->unix_us != 0)
        store->unix_us += born - store->now;
    store->now = born;
}

static int put(void *ctx, const struct sl_stored *meta, const uint8_t *bytes, bool sync,
               uint64_t *ret_row)
{
    struct sl_store *store = ctx;
    bool writes = sl_store_writes(store);
    if (!writes && !sl_held_make_room(&store->held, meta->len, sl_store_memory_max(store)))
        return -ENOBUFS;
    struct sl_stored numbered = *meta;
    numbered.row = store->next_row;
    int r = sl_held_put(&store->held, &numbered, bytes);
    if (r < 0)
        return r;
    store->next_row++;
    learn_time(store, meta->born);
    if (writes)
        sl_store_wrote(store, sl_disk_put(&store->volume.disk, &numbered, bytes));
    if (sync)
        (void)sl_store_commit(store);
    *ret_row = numbered.row;
    return store->error;
}

static int get(void *ctx, uint64_t row, uint8_t *ret_bytes, size_t cap)
{
    struct sl_store *store = ctx;
    const struct sl_held_row *held = sl_held_find(&store->held, row);
    if (held)
        return copy_out(held->bytes, held->meta.len, ret_bytes, cap);
    if (!store->volume.disk.db || sl_held_changed(&store->held, row) & SL_HELD_CHANGE_DROPPED)
        return -ENOENT;
    int r = sl_disk_get(&store->volume.disk, row, ret_bytes, cap);
    if (r == -EBADMSG)
        sl_store_tell_damage(store);
    if (r == -EIO)
        sl_store_read_failed(store);
    return r;
}

static void set_relayed(void *ctx, uint64_t row)
{
    struct sl_store *store = ctx;
    if (row >= store->next_row) /* never given */
        return;
    struct sl_held_row *held = sl_held_find(&store->held, row);
    if (held)
        held->meta.relayed = true;
    else if (store->path)
        sl_held_change(&store->held, row, SL_HELD_CHANGE_RELAYED);
    if (sl_store_writes(store))
        sl_store_wrote(store, sl_disk_set_relayed(&store->volume.disk, row));
}

static void drop(void *ctx, uint64_t row)
{
    struct sl_store *store = ctx;
    if (row >= store->next_row)
        return;
    struct sl_held_row *held = sl_held_find(&store->held, row);
    if (held)
        sl_held_drop(&store->held, held);
    else if (store->path)
        sl_held_change(&store->held, row, SL_HELD_CHANGE_DROPPED);
    store->drops++;
    if (sl_store_writes(store))
        sl_store_wrote(store, sl_disk_drop(&store->volume.disk, row));
}

typedef void found_envelope(void *arg, const struct sl_stored *meta);

/* One row of a walk. Rows changed in memory only are told as they will be. */
static void tell(struct sl_store *store, struct sl_stored *meta, found_envelope *found, void *arg)
{
    if (meta->kind == 0) {
        sl_store_tell_damage(store);
        drop(store, meta->row);
        return;
    }
    unsigned changed = sl_held_changed(&store->held, meta->row);
    if (changed & SL_HELD_CHANGE_DROPPED)
        return;
    if (changed & SL_HELD_CHANGE_RELAYED)
        meta->relayed = true;
    found(arg, meta);
}

/* Looks a few rows ahead, anew when the one who is told drops some. *after: the last row told. */
static int walk_disk(struct sl_store *store, uint64_t *after, found_envelope *found, void *arg)
{
    struct sl_stored metas[32];
    uint64_t end = store->next_row; /* who is told may also put */
    int count;
    while ((count = sl_disk_next(&store->volume.disk, *after, metas, SL_ARRAY_LEN(metas))) > 0) {
        uint64_t drops = store->drops;
        for (int i = 0; i < count && drops == store->drops; i++) {
            if (metas[i].row >= end)
                return 0;
            *after = metas[i].row;
            tell(store, &metas[i], found, arg);
        }
    }
    return count < 0 ? -EIO : 0;
}

static void walk_memory(struct sl_store *store, uint64_t after, found_envelope *found, void *arg)
{
    uint64_t end = store->next_row;
    const struct sl_held_row *row;
    while ((row = sl_held_next(&store->held, after)) && row->meta.row < end) {
        struct sl_stored meta = row->meta;
        after = meta.row;
        found(arg, &meta);
    }
}

static int each(void *ctx, found_envelope *found, void *arg)
{
    struct sl_store *store = ctx;
    uint64_t after = 0;
    int r = store->volume.disk.db ? walk_disk(store, &after, found, arg) : 0;
    if (r < 0)
        sl_store_read_failed(store);
    if (!sl_store_writes(store)) /* else the disk has it all, the open group too */
        walk_memory(store, after, found, arg);
    return r;
}

void sl_store_port(struct sl_store *store, struct sl_store_port *ret_port)
{
    *ret_port = (struct sl_store_port){
        .ctx = store,
        .put = put,
        .get = get,
        .set_relayed = set_relayed,
        .drop = drop,
        .each = each,
    };
}
