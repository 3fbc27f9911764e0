/* The vault port of the chat. As with envelopes everything goes to `held` first. */
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct sl_record_name make_name(const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                                       const uint8_t key[SL_VAULT_ID_LEN])
{
    struct sl_record_name name = {.kind = kind};
    memcpy(name.owner, owner, SL_VAULT_ID_LEN);
    if (key)
        memcpy(name.key, key, SL_VAULT_ID_LEN);
    return name;
}

static int put(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
               const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes, size_t len, bool sync)
{
    struct sl_store *store = ctx;
    struct sl_record_name name = make_name(owner, kind, key);
    bool writes = sl_store_writes(store);
    if (len > SL_RECORD_MAX)
        return -ENOBUFS;
    if (!writes && !sl_held_make_room(&store->held, len, sl_store_memory_max(store)))
        return -ENOBUFS;
    int r = sl_held_record_put(&store->held, &name, bytes, len);
    if (r < 0)
        return r;
    store->erase_later = true; /* it may replace something */
    if (writes)
        sl_store_wrote(store, sl_disk_vault_put(&store->volume.disk, &name, bytes, len));
    if (sync)
        (void)sl_store_commit(store);
    return store->error;
}

static int get(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
               const uint8_t key[SL_VAULT_ID_LEN], uint8_t *ret_bytes, size_t cap)
{
    struct sl_store *store = ctx;
    struct sl_record_name name = make_name(owner, kind, key);
    const struct sl_held_record *held = sl_held_record_find(&store->held, &name);
    if (held && held->action != SL_HELD_PUT)
        return -ENOENT;
    if (held && held->len > cap)
        return -ENOBUFS;
    if (held) {
        if (held->len > 0)
            memcpy(ret_bytes, held->bytes, held->len);
        return (int)held->len;
    }
    if (!store->volume.disk.db)
        return -ENOENT;
    int r = sl_disk_vault_get(&store->volume.disk, &name, ret_bytes, cap);
    if (r == -EIO)
        sl_store_read_failed(store);
    if (r != -EBADMSG)
        return r;
    sl_store_tell_damage(store);
    return -EIO;
}

/* Whether a drop must reach the disk. */
static bool may_be_on_disk(struct sl_store *store, const struct sl_record_name *name)
{
    if (!store->volume.disk.db)
        return store->path != NULL;
    uint8_t nothing[1];
    return sl_store_writes(store) ||
           sl_disk_vault_get(&store->volume.disk, name, nothing, 0) != -ENOENT;
}

static void drop(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                 const uint8_t key[SL_VAULT_ID_LEN])
{
    struct sl_store *store = ctx;
    struct sl_record_name name = make_name(owner, kind, key);
    (void)sl_held_record_drop(&store->held, &name, may_be_on_disk(store, &name));
    store->erase_due = true;
    if (sl_store_writes(store))
        sl_store_wrote(store, sl_disk_vault_drop(&store->volume.disk, &name));
}

static void drop_owner(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN])
{
    struct sl_store *store = ctx;
    (void)sl_held_record_drop_owner(&store->held, owner, store->path != NULL);
    store->erase_due = true;
    if (sl_store_writes(store))
        sl_store_wrote(store, sl_disk_vault_drop_owner(&store->volume.disk, owner));
    if (sl_store_writes(store))
        (void)sl_store_commit(store);
    else if (store->path)
        sl_store_retry(store); /* a disk that takes no new data may well give up old */
}

/* ---- Walks ---- */

typedef void found_record(void *arg, const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes,
                          size_t len);

struct walk {
    struct sl_store *store;
    struct sl_record_name name; /* owner and kind; the key changes */
    found_record *found;
    void *arg;
};

/* A copy is told, for who is told may put and drop. */
static int tell_held(const struct walk *w, const struct sl_held_record *record)
{
    uint8_t *copy = malloc(record->len ? record->len : 1);
    if (!copy)
        return -ENOMEM;
    size_t len = record->len;
    if (len > 0)
        memcpy(copy, record->bytes, len);
    w->found(w->arg, w->name.key, copy, len);
    explicit_bzero(copy, len);
    free(copy);
    return 0;
}

/* While the disk takes nothing the last word on a record is in memory. */
static int tell_row(struct walk *w, uint64_t row)
{
    struct sl_store *store = w->store;
    uint8_t *bytes;
    size_t len;
    int r = sl_disk_vault_row(&store->volume.disk, row, &w->name, &bytes, &len);
    if (r == -EBADMSG)
        sl_store_tell_damage(store);
    if (r == -EBADMSG || r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    const struct sl_held_record *held = sl_held_record_find(&store->held, &w->name);
    if (!held || sl_store_writes(store))
        w->found(w->arg, w->name.key, bytes, len);
    else if (held->action == SL_HELD_PUT && !sl_held_record_is_fresh(&store->held, held))
        r = tell_held(w, held);
    explicit_bzero(bytes, len);
    free(bytes);
    return r;
}

static int walk_disk(struct walk *w)
{
    uint64_t *rows = NULL;
    size_t count = 0;
    int r = sl_disk_vault_rows(&w->store->volume.disk, &w->name, &rows, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = tell_row(w, rows[i]);
    free(rows);
    return r;
}

/* Whether a record in memory has no place in the order of those on disk. */
static bool is_new(struct walk *w, const struct sl_held_record *record)
{
    struct sl_store *store = w->store;
    if (record->action != SL_HELD_PUT || record->name.kind != w->name.kind ||
        memcmp(record->name.owner, w->name.owner, SL_VAULT_ID_LEN) != 0)
        return false;
    if (!store->volume.disk.db || sl_held_record_is_fresh(&store->held, record))
        return true;
    uint8_t nothing[1];
    return sl_disk_vault_get(&store->volume.disk, &record->name, nothing, 0) == -ENOENT;
}

static int walk_memory(struct walk *w)
{
    struct sl_store *store = w->store;
    size_t count = 0;
    struct sl_record_name *names = calloc(store->held.record_count + 1, sizeof(*names));
    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < store->held.record_count; i++)
        if (is_new(w, &store->held.records[i]))
            names[count++] = store->held.records[i].name;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        const struct sl_held_record *record = sl_held_record_find(&store->held, &names[i]);
        w->name = names[i];
        if (record && record->action == SL_HELD_PUT)
            r = tell_held(w, record);
    }
    free(names);
    return r;
}

static int each(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind, found_record *found,
                void *arg)
{
    struct sl_store *store = ctx;
    struct walk w = {
        .store = store, .name = make_name(owner, kind, NULL), .found = found, .arg = arg};
    int r = store->volume.disk.db ? walk_disk(&w) : 0;
    if (r < 0)
        sl_store_read_failed(store);
    if (r == 0 && !sl_store_writes(store)) /* else the disk has it all, the open group too */
        r = walk_memory(&w);
    return r == 0 || r == -ENOMEM ? r : -EIO;
}

void sl_store_vault(struct sl_store *store, struct sl_vault_port *ret_vault)
{
    *ret_vault = (struct sl_vault_port){
        .ctx = store,
        .put = put,
        .get = get,
        .drop = drop,
        .drop_owner = drop_owner,
        .each = each,
    };
}
