#include "chat/expiry.h"

#include "chat/persona.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16, ENTRY_LEN = 2 * SL_VAULT_ID_LEN + 8 };

static struct sl_expiry_entry *new_entry(struct sl_expiry *expiry)
{
    if (expiry->count == expiry->cap) {
        size_t cap = expiry->cap ? 2 * expiry->cap : FIRST_CAP;
        if (cap > SL_EXPIRIES_MAX)
            return NULL;
        struct sl_expiry_entry *entries = realloc(expiry->entries, cap * sizeof(*entries));
        if (!entries)
            return NULL;
        expiry->entries = entries;
        expiry->cap = cap;
    }
    return &expiry->entries[expiry->count++];
}

static void load_entry(void *arg, const uint8_t *bytes, size_t len)
{
    struct sl_expiry *expiry = arg;
    struct sl_expiry_entry entry;
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    sl_read_copy(&r, entry.owner, SL_VAULT_ID_LEN);
    sl_read_copy(&r, entry.key, SL_VAULT_ID_LEN);
    entry.at = (sl_time)(sl_read_u64(&r) & INT64_MAX);
    if (sl_read_done(&r) < 0)
        return;
    struct sl_expiry_entry *kept = new_entry(expiry);
    if (kept)
        *kept = entry;
}

void sl_expiry_init(struct sl_expiry *expiry, const struct sl_vault *ports,
                    const uint8_t node_seed[SL_KEY_LEN])
{
    const struct sl_primitives *p = ports->primitives;
    *expiry = (struct sl_expiry){.vault = *ports};
    p->hash(p->ctx, "starling vault expiry owner", node_seed, NULL, 0, expiry->vault.owner,
            SL_VAULT_ID_LEN);
    p->hash(p->ctx, "starling vault expiry key", node_seed, NULL, 0, expiry->vault.key, SL_KEY_LEN);
    sl_vault_each(&expiry->vault, SL_VAULT_EXPIRY, load_entry, expiry);
}

void sl_expiry_done(struct sl_expiry *expiry)
{
    free(expiry->entries);
    sl_vault_done(&expiry->vault);
    *expiry = (struct sl_expiry){0};
}

static struct sl_vault_name entry_name(const struct sl_expiry_entry *entry)
{
    return (struct sl_vault_name){
        .kind = SL_VAULT_EXPIRY, .bytes = entry->key, .len = SL_VAULT_ID_LEN};
}

void sl_expiry_add(struct sl_expiry *expiry, const struct sl_vault *vault,
                   const struct sl_prekey *prekey)
{
    struct sl_expiry_entry *entry = new_entry(expiry);
    if (!entry)
        return;
    memcpy(entry->owner, vault->owner, SL_VAULT_ID_LEN);
    sl_vault_prekey_key(vault, prekey, entry->key);
    entry->at = prekey->made + SL_PREKEY_DESTROY;
    uint8_t bytes[ENTRY_LEN];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_bytes(&w, entry->owner, SL_VAULT_ID_LEN);
    sl_write_bytes(&w, entry->key, SL_VAULT_ID_LEN);
    sl_write_u64(&w, (uint64_t)entry->at);
    struct sl_vault_name name = entry_name(entry);
    sl_vault_put(&expiry->vault, &name, bytes, w.len, false);
}

/* The last takes its place. */
static void remove_entry(struct sl_expiry *expiry, size_t at)
{
    struct sl_vault_name name = entry_name(&expiry->entries[at]);
    sl_vault_drop(&expiry->vault, &name);
    expiry->entries[at] = expiry->entries[--expiry->count];
}

static void destroy(struct sl_expiry *expiry, size_t at)
{
    const struct sl_expiry_entry *entry = &expiry->entries[at];
    const struct sl_vault_port *port = expiry->vault.port;
    port->drop(port->ctx, entry->owner, SL_VAULT_PREKEY, entry->key);
    remove_entry(expiry, at);
}

void sl_expiry_drop(struct sl_expiry *expiry, const struct sl_vault *vault,
                    const struct sl_prekey *prekey)
{
    uint8_t key[SL_VAULT_ID_LEN];
    sl_vault_prekey_key(vault, prekey, key);
    for (size_t i = expiry->count; i-- > 0;)
        if (memcmp(expiry->entries[i].key, key, SL_VAULT_ID_LEN) == 0)
            remove_entry(expiry, i);
    vault->port->drop(vault->port->ctx, vault->owner, SL_VAULT_PREKEY, key);
}

void sl_expiry_drop_owner(struct sl_expiry *expiry, const uint8_t owner[SL_VAULT_ID_LEN])
{
    for (size_t i = expiry->count; i-- > 0;)
        if (memcmp(expiry->entries[i].owner, owner, SL_VAULT_ID_LEN) == 0)
            remove_entry(expiry, i);
}

void sl_expiry_tick(struct sl_expiry *expiry, sl_time now)
{
    for (size_t i = expiry->count; i-- > 0;)
        if (expiry->entries[i].at <= now)
            destroy(expiry, i);
}

sl_time sl_expiry_deadline(const struct sl_expiry *expiry)
{
    sl_time next = SL_NEVER;
    for (size_t i = 0; i < expiry->count; i++)
        next = sl_min_time(next, expiry->entries[i].at);
    return next;
}
