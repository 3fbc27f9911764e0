#include "sim/memory_store.h"

#include "base/list.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An envelope, or a record of the vault. */
struct record {
    struct sl_list list;
    bool durable;
    struct sl_stored meta;                                /* envelopes */
    uint8_t owner[SL_VAULT_ID_LEN], key[SL_VAULT_ID_LEN]; /* vault */
    uint8_t kind;
    size_t len;
    uint8_t bytes[];
};

struct sl_memory_store {
    struct sl_list envelopes; /* oldest row first */
    struct sl_list vault;     /* oldest first */
    struct record **by_row;   /* [row - 1], NULL once dropped */
    size_t row_count, row_cap;
    int error;
    int read_error;
};

struct sl_memory_store *sl_memory_store_new(void)
{
    struct sl_memory_store *store = calloc(1, sizeof(*store));
    if (!store)
        return NULL;
    sl_list_init(&store->envelopes);
    sl_list_init(&store->vault);
    return store;
}

static void remove_record(struct sl_memory_store *store, struct record *record)
{
    if (record->meta.row > 0)
        store->by_row[record->meta.row - 1] = NULL;
    sl_list_remove(&record->list);
    free(record);
}

static struct record *record_of(struct sl_list *item)
{
    return SL_CONTAINER_OF(item, struct record, list);
}

void sl_memory_store_free(struct sl_memory_store *store)
{
    if (!store)
        return;
    SL_LIST_FOR_EACH_SAFE (item, &store->envelopes)
        remove_record(store, record_of(item));
    SL_LIST_FOR_EACH_SAFE (item, &store->vault)
        remove_record(store, record_of(item));
    free(store->by_row);
    free(store);
}

static struct record *new_record(const uint8_t *bytes, size_t len)
{
    struct record *record = calloc(1, sizeof(*record) + len);
    if (!record)
        return NULL;
    record->len = len;
    if (len > 0)
        memcpy(record->bytes, bytes, len);
    return record;
}

/* A sync makes durable what came before it, too. */
static void settle(struct sl_memory_store *store, struct record *record, bool sync)
{
    record->durable = false;
    if (sync && store->error == 0)
        sl_memory_store_commit(store);
}

static bool keeps_nothing(int error)
{
    return error == -ENOMEM || error == -ENOBUFS;
}

static int add_row(struct sl_memory_store *store, struct record *record)
{
    if (store->row_count == store->row_cap) {
        size_t cap = store->row_cap > 0 ? store->row_cap * 2 : 64;
        struct record **rows = realloc(store->by_row, cap * sizeof(struct record *));
        if (!rows)
            return -ENOMEM;
        store->by_row = rows;
        store->row_cap = cap;
    }
    store->by_row[store->row_count++] = record;
    record->meta.row = store->row_count;
    return 0;
}

static int put_envelope(void *ctx, const struct sl_stored *meta, const uint8_t *bytes, bool sync,
                        uint64_t *ret_row)
{
    struct sl_memory_store *store = ctx;
    if (keeps_nothing(store->error))
        return store->error;
    struct record *record = new_record(bytes, meta->len);
    if (!record)
        return -ENOMEM;
    record->meta = *meta;
    if (add_row(store, record) < 0) {
        free(record);
        return -ENOMEM;
    }
    sl_list_append(&store->envelopes, &record->list);
    settle(store, record, sync);
    *ret_row = record->meta.row;
    return store->error;
}

static struct record *find_row(const struct sl_memory_store *store, uint64_t row)
{
    return row > 0 && row <= store->row_count ? store->by_row[row - 1] : NULL;
}

static int get_envelope(void *ctx, uint64_t row, uint8_t *ret_bytes, size_t cap)
{
    const struct sl_memory_store *store = ctx;
    if (store->read_error != 0)
        return store->read_error;
    const struct record *record = find_row(store, row);
    if (!record)
        return -ENOENT;
    if (record->len > cap)
        return -EBADMSG;
    memcpy(ret_bytes, record->bytes, record->len);
    return (int)record->len;
}

static void set_relayed(void *ctx, uint64_t row)
{
    struct record *record = find_row(ctx, row);
    if (record)
        record->meta.relayed = true;
}

static void drop_envelope(void *ctx, uint64_t row)
{
    struct record *record = find_row(ctx, row);
    if (record)
        remove_record(ctx, record);
}

static int each_envelope(void *ctx, void (*found)(void *arg, const struct sl_stored *meta),
                         void *arg)
{
    struct sl_memory_store *store = ctx;
    SL_LIST_FOR_EACH_SAFE (item, &store->envelopes)
        found(arg, &record_of(item)->meta);
    return 0;
}

void sl_memory_store_port(struct sl_memory_store *store, struct sl_store_port *ret_port)
{
    *ret_port = (struct sl_store_port){
        .ctx = store,
        .put = put_envelope,
        .get = get_envelope,
        .set_relayed = set_relayed,
        .drop = drop_envelope,
        .each = each_envelope,
    };
}

static struct record *find_record(struct sl_memory_store *store, const uint8_t *owner, uint8_t kind,
                                  const uint8_t *key)
{
    SL_LIST_FOR_EACH (item, &store->vault) {
        struct record *record = record_of(item);
        if (record->kind == kind && memcmp(record->owner, owner, SL_VAULT_ID_LEN) == 0 &&
            memcmp(record->key, key, SL_VAULT_ID_LEN) == 0)
            return record;
    }
    return NULL;
}

static int put_vault(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                     const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes, size_t len,
                     bool sync)
{
    struct sl_memory_store *store = ctx;
    if (keeps_nothing(store->error))
        return store->error;
    struct record *record = new_record(bytes, len);
    if (!record)
        return -ENOMEM;
    memcpy(record->owner, owner, SL_VAULT_ID_LEN);
    memcpy(record->key, key, SL_VAULT_ID_LEN);
    record->kind = kind;
    struct record *old = find_record(store, owner, kind, key);
    sl_list_insert(old ? &old->list : &store->vault, &record->list); /* it keeps its place */
    if (old)
        remove_record(store, old);
    settle(store, record, sync);
    return store->error;
}

static int get_vault(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                     const uint8_t key[SL_VAULT_ID_LEN], uint8_t *ret_bytes, size_t cap)
{
    struct sl_memory_store *store = ctx;
    if (store->read_error != 0)
        return store->read_error;
    const struct record *record = find_record(store, owner, kind, key);
    if (!record)
        return -ENOENT;
    if (record->len > cap)
        return -ENOBUFS;
    if (record->len > 0)
        memcpy(ret_bytes, record->bytes, record->len);
    return (int)record->len;
}

static void drop_vault(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                       const uint8_t key[SL_VAULT_ID_LEN])
{
    struct sl_memory_store *store = ctx;
    struct record *record = find_record(store, owner, kind, key);
    if (record)
        remove_record(store, record);
}

static void drop_vault_owner(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN])
{
    struct sl_memory_store *store = ctx;
    SL_LIST_FOR_EACH_SAFE (item, &store->vault) {
        struct record *record = record_of(item);
        if (memcmp(record->owner, owner, SL_VAULT_ID_LEN) == 0)
            remove_record(store, record);
    }
}

static int each_vault(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                      void (*found)(void *arg, const uint8_t key[SL_VAULT_ID_LEN],
                                    const uint8_t *bytes, size_t len),
                      void *arg)
{
    struct sl_memory_store *store = ctx;
    if (store->read_error != 0)
        return store->read_error;
    SL_LIST_FOR_EACH_SAFE (item, &store->vault) {
        struct record *record = record_of(item);
        if (record->kind == kind && memcmp(record->owner, owner, SL_VAULT_ID_LEN) == 0)
            found(arg, record->key, record->bytes, record->len);
    }
    return 0;
}

void sl_memory_store_vault(struct sl_memory_store *store, struct sl_vault_port *ret_vault)
{
    *ret_vault = (struct sl_vault_port){
        .ctx = store,
        .put = put_vault,
        .get = get_vault,
        .drop = drop_vault,
        .drop_owner = drop_vault_owner,
        .each = each_vault,
    };
}

void sl_memory_store_fail(struct sl_memory_store *store, int error)
{
    store->error = error;
}

void sl_memory_store_fail_reads(struct sl_memory_store *store, int error)
{
    store->read_error = error;
}

static void cut_list(struct sl_memory_store *store, struct sl_list *list)
{
    SL_LIST_FOR_EACH_SAFE (item, list) {
        struct record *record = record_of(item);
        if (!record->durable)
            remove_record(store, record);
    }
}

void sl_memory_store_power_cut(struct sl_memory_store *store)
{
    cut_list(store, &store->envelopes);
    cut_list(store, &store->vault);
}

/* What is durable stands before what is not, but for replaced records of the vault. */
void sl_memory_store_commit(struct sl_memory_store *store)
{
    for (struct sl_list *item = store->envelopes.prev;
         item != &store->envelopes && !record_of(item)->durable; item = item->prev)
        record_of(item)->durable = true;
    SL_LIST_FOR_EACH (item, &store->vault)
        record_of(item)->durable = true;
}

static size_t count_list(const struct sl_list *list)
{
    size_t count = 0;
    SL_LIST_FOR_EACH (item, list)
        count++;
    return count;
}

size_t sl_memory_store_count(const struct sl_memory_store *store)
{
    return count_list(&store->envelopes);
}

size_t sl_memory_store_vault_count(const struct sl_memory_store *store)
{
    return count_list(&store->vault);
}

static bool list_contains(const struct sl_list *list, const void *bytes, size_t len)
{
    SL_LIST_FOR_EACH (item, list) {
        const struct record *record = record_of(item);
        if (memmem(record->bytes, record->len, bytes, len))
            return true;
    }
    return false;
}

bool sl_memory_store_contains(const struct sl_memory_store *store, const void *bytes, size_t len)
{
    return list_contains(&store->envelopes, bytes, len) || list_contains(&store->vault, bytes, len);
}
