#include "chat/vault.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SALT_LEN = 16,
    AD_LEN = SL_VAULT_ID_LEN + 1 + SL_VAULT_ID_LEN,
    LOCK_LEN = SALT_LEN + SL_XNONCE_LEN + SL_KEY_LEN + SL_TAG_LEN,
};

static const uint8_t lock_key[SL_VAULT_ID_LEN];

void sl_vault_init(struct sl_vault *vault, const struct sl_vault_port *port,
                   const struct sl_primitives *primitives, const struct sl_sealing *sealing)
{
    *vault = (struct sl_vault){.port = port, .primitives = primitives, .sealing = sealing};
}

void sl_vault_set_owner(struct sl_vault *vault, const uint8_t node_seed[SL_KEY_LEN],
                        const char *nick)
{
    vault->primitives->hash(vault->primitives->ctx, "starling vault", node_seed,
                            (const uint8_t *)nick, strlen(nick), vault->owner,
                            sizeof(vault->owner));
}

void sl_vault_done(struct sl_vault *vault)
{
    vault->primitives->wipe(vault->primitives->ctx, vault->key, sizeof(vault->key));
}

/* Binds a record to its place. */
static void make_ad(const struct sl_vault *vault, enum sl_vault_kind kind,
                    const uint8_t key[SL_VAULT_ID_LEN], uint8_t ret_ad[AD_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_ad, AD_LEN);
    sl_write_bytes(&w, vault->owner, SL_VAULT_ID_LEN);
    sl_write_u8(&w, (uint8_t)kind);
    sl_write_bytes(&w, key, SL_VAULT_ID_LEN);
    assert(!w.failed);
}

/* ---- The lock ---- */

int sl_vault_exists(const struct sl_vault *vault)
{
    uint8_t lock[LOCK_LEN];
    int len = vault->port->get(vault->port->ctx, vault->owner, SL_VAULT_LOCK, lock_key, lock,
                               sizeof(lock));
    if (len == -ENOENT)
        return 0;
    return len >= 0 || len == -ENOBUFS ? 1 : len;
}

int sl_vault_create(struct sl_vault *vault, const char *passphrase)
{
    const struct sl_primitives *p = vault->primitives;
    uint8_t lock[LOCK_LEN], ad[AD_LEN], wrap[SL_KEY_LEN];
    uint8_t *nonce = lock + SALT_LEN;
    p->random(p->ctx, lock, SALT_LEN + SL_XNONCE_LEN);
    int error = vault->sealing->passphrase_key(vault->sealing->ctx, passphrase, lock, wrap);
    if (error < 0)
        return error;
    p->random(p->ctx, vault->key, sizeof(vault->key));
    make_ad(vault, SL_VAULT_LOCK, lock_key, ad);
    p->seal(p->ctx, wrap, nonce, SL_XNONCE_LEN, ad, sizeof(ad), vault->key, SL_KEY_LEN,
            nonce + SL_XNONCE_LEN);
    p->wipe(p->ctx, wrap, sizeof(wrap));
    return vault->port->put(vault->port->ctx, vault->owner, SL_VAULT_LOCK, lock_key, lock,
                            sizeof(lock), true);
}

int sl_vault_unlock(struct sl_vault *vault, const char *passphrase)
{
    const struct sl_primitives *p = vault->primitives;
    uint8_t lock[LOCK_LEN], ad[AD_LEN], wrap[SL_KEY_LEN];
    const uint8_t *nonce = lock + SALT_LEN;
    int len = vault->port->get(vault->port->ctx, vault->owner, SL_VAULT_LOCK, lock_key, lock,
                               sizeof(lock));
    if (len < 0)
        return len == -ENOBUFS ? -EACCES : len;
    if (len != LOCK_LEN)
        return -EACCES;
    int error = vault->sealing->passphrase_key(vault->sealing->ctx, passphrase, lock, wrap);
    if (error < 0)
        return error;
    make_ad(vault, SL_VAULT_LOCK, lock_key, ad);
    bool ok = p->open(p->ctx, wrap, nonce, SL_XNONCE_LEN, ad, sizeof(ad), nonce + SL_XNONCE_LEN,
                      SL_KEY_LEN + SL_TAG_LEN, vault->key);
    p->wipe(p->ctx, wrap, sizeof(wrap));
    return ok ? 0 : -EACCES;
}

/* ---- Records ---- */

void sl_vault_record_key(const struct sl_vault *vault, const struct sl_vault_name *name,
                         uint8_t ret_key[SL_VAULT_ID_LEN])
{
    static const char *const labels[] = {
        [SL_VAULT_LOCK] = "starling vault lock",      [SL_VAULT_PROFILE] = "starling vault profile",
        [SL_VAULT_PREKEY] = "starling vault prekey",  [SL_VAULT_CHANNEL] = "starling vault channel",
        [SL_VAULT_RECORD] = "starling vault message", [SL_VAULT_PIN] = "starling vault pin",
        [SL_VAULT_EXPIRY] = "starling vault expiry",
    };
    vault->primitives->hash(vault->primitives->ctx, labels[name->kind], vault->key, name->bytes,
                            name->len, ret_key, SL_VAULT_ID_LEN);
}

int sl_vault_put(const struct sl_vault *vault, const struct sl_vault_name *name,
                 const uint8_t *bytes, size_t len, bool sync)
{
    const struct sl_primitives *p = vault->primitives;
    uint8_t key[SL_VAULT_ID_LEN], ad[AD_LEN];
    uint8_t *sealed = malloc(len + SL_VAULT_OVERHEAD);
    if (!sealed)
        return -ENOMEM;
    sl_vault_record_key(vault, name, key);
    make_ad(vault, name->kind, key, ad);
    p->random(p->ctx, sealed, SL_XNONCE_LEN);
    p->seal(p->ctx, vault->key, sealed, SL_XNONCE_LEN, ad, sizeof(ad), bytes, len,
            sealed + SL_XNONCE_LEN);
    int error = vault->port->put(vault->port->ctx, vault->owner, (uint8_t)name->kind, key, sealed,
                                 len + SL_VAULT_OVERHEAD, sync);
    free(sealed);
    return error;
}

void sl_vault_drop(const struct sl_vault *vault, const struct sl_vault_name *name)
{
    uint8_t key[SL_VAULT_ID_LEN];
    sl_vault_record_key(vault, name, key);
    vault->port->drop(vault->port->ctx, vault->owner, (uint8_t)name->kind, key);
}

struct walk {
    const struct sl_vault *vault;
    enum sl_vault_kind kind;
    void (*found)(void *arg, const uint8_t *bytes, size_t len);
    void *arg;
};

static void open_record(void *arg, const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes,
                        size_t len)
{
    const struct walk *walk = arg;
    const struct sl_primitives *p = walk->vault->primitives;
    if (len < SL_VAULT_OVERHEAD)
        return;
    size_t clear_len = len - SL_VAULT_OVERHEAD;
    uint8_t ad[AD_LEN];
    uint8_t *clear = malloc(clear_len + 1);
    if (!clear)
        return;
    make_ad(walk->vault, walk->kind, key, ad);
    if (p->open(p->ctx, walk->vault->key, bytes, SL_XNONCE_LEN, ad, sizeof(ad),
                bytes + SL_XNONCE_LEN, len - SL_XNONCE_LEN, clear))
        walk->found(walk->arg, clear, clear_len);
    p->wipe(p->ctx, clear, clear_len);
    free(clear);
}

int sl_vault_each(const struct sl_vault *vault, enum sl_vault_kind kind,
                  void (*found)(void *arg, const uint8_t *bytes, size_t len), void *arg)
{
    struct walk walk = {.vault = vault, .kind = kind, .found = found, .arg = arg};
    return vault->port->each(vault->port->ctx, vault->owner, (uint8_t)kind, open_record, &walk);
}
