/* What a kept persona leaves on disk (PROTOCOL.md, Vault): sealed records under a vault key, which
 * is itself sealed under a passphrase. Keys of records are hashes under the vault key, so that a
 * seized disk does not even say whom a persona knows. */
#ifndef SL_CHAT_VAULT_H
#define SL_CHAT_VAULT_H

#include "chat/channel.h"
#include "chat/history.h"
#include "chat/people.h"

enum sl_vault_kind {
    SL_VAULT_LOCK = 0,    /* salt, and the vault key under the passphrase */
    SL_VAULT_PROFILE = 1, /* keys and nick */
    SL_VAULT_PREKEY = 2,
    SL_VAULT_CHANNEL = 3,
    SL_VAULT_RECORD = 4, /* a message */
    SL_VAULT_PIN = 5,    /* a verified person */
    SL_VAULT_EXPIRY = 6, /* the node's own: when a prekey has to go */
};

#define SL_VAULT_OVERHEAD (SL_XNONCE_LEN + SL_TAG_LEN)

struct sl_vault {
    const struct sl_vault_port *port;
    const struct sl_primitives *primitives;
    const struct sl_sealing *sealing;
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_KEY_LEN];
};

/* Sets ports and owner: which nick on which node. */
void sl_vault_init(struct sl_vault *vault, const struct sl_vault_port *port,
                   const struct sl_primitives *primitives, const struct sl_sealing *sealing);
void sl_vault_set_owner(struct sl_vault *vault, const uint8_t node_seed[SL_KEY_LEN],
                        const char *nick);

/* Whether a persona is kept under that owner: 1, 0, or -EIO. */
int sl_vault_exists(const struct sl_vault *vault);
/* Makes the vault key and seals it under the passphrase. Durable. A vault error or -ENOMEM. */
int sl_vault_create(struct sl_vault *vault, const char *passphrase);
/* -ENOENT, -EACCES (also for a damaged lock), -ENOMEM, -EIO. */
int sl_vault_unlock(struct sl_vault *vault, const char *passphrase);

/* Wipes the key from memory. */
void sl_vault_done(struct sl_vault *vault);

struct sl_vault_name {
    enum sl_vault_kind kind;
    const uint8_t *bytes; /* what tells records of that kind apart */
    size_t len;
};

int sl_vault_put(const struct sl_vault *vault, const struct sl_vault_name *name,
                 const uint8_t *bytes, size_t len, bool sync);
void sl_vault_drop(const struct sl_vault *vault, const struct sl_vault_name *name);
/* Under which key the port has it. */
void sl_vault_record_key(const struct sl_vault *vault, const struct sl_vault_name *name,
                         uint8_t ret_key[SL_VAULT_ID_LEN]);
/* Every record of that kind that opens, in the clear; those that do not are skipped. */
int sl_vault_each(const struct sl_vault *vault, enum sl_vault_kind kind,
                  void (*found)(void *arg, const uint8_t *bytes, size_t len), void *arg);

/* ---- What is in the records ---- */

struct sl_profile {
    uint8_t seed[SL_KEY_LEN];       /* Ed25519 */
    uint8_t box_secret[SL_KEY_LEN]; /* X25519 */
    uint8_t box[SL_KEY_LEN];
    uint64_t number_reserved; /* history numbers below may have been used */
};

struct sl_prekey {
    uint8_t secret[SL_KEY_LEN]; /* X25519 */
    uint8_t key[SL_KEY_LEN];
    sl_time made; /* and announced; destroyed SL_PREKEY_DESTROY later */
};

int sl_vault_put_profile(const struct sl_vault *vault, const struct sl_profile *profile);
int sl_profile_decode(const uint8_t *bytes, size_t len, struct sl_profile *ret_profile);

int sl_vault_put_prekey(const struct sl_vault *vault, const struct sl_prekey *prekey);
void sl_vault_prekey_key(const struct sl_vault *vault, const struct sl_prekey *prekey,
                         uint8_t ret_key[SL_VAULT_ID_LEN]);
int sl_prekey_decode(const uint8_t *bytes, size_t len, struct sl_prekey *ret_prekey);

int sl_vault_put_channel(const struct sl_vault *vault, const struct sl_channel *channel);
void sl_vault_drop_channel(const struct sl_vault *vault, const struct sl_channel *channel);
/* The key of a public channel is kept too: it is the network's that it was joined in. */
int sl_stored_channel_decode(const struct sl_primitives *primitives, const uint8_t *bytes,
                             size_t len, struct sl_channel *ret_channel);

int sl_vault_put_pin(const struct sl_vault *vault, const struct sl_announcement *person);
void sl_vault_drop_pin(const struct sl_vault *vault, const uint8_t key[SL_KEY_LEN]);
int sl_pin_decode(const uint8_t *bytes, size_t len, struct sl_announcement *ret_person);

int sl_vault_put_record(const struct sl_vault *vault, const struct sl_record *record, bool sync);
void sl_vault_drop_record(const struct sl_vault *vault, const struct sl_record *record);
/* NULL if it is not well-formed or memory is out. */
struct sl_record *sl_record_decode(const uint8_t *bytes, size_t len);

#endif
