/* When prekeys have to be gone from the vault: known without any passphrase, so that they go in
 * time while their persona is locked and after the board was off. Kept under a key of the node
 * itself; says nothing but which records are to be destroyed when. */
#ifndef SL_CHAT_EXPIRY_H
#define SL_CHAT_EXPIRY_H

#include "chat/vault.h"

/* 64 kept personas on a board with all the prekeys they may have. Past that, prekeys are destroyed
 * only while their persona is unlocked. */
#define SL_EXPIRIES_MAX 512

struct sl_expiry_entry {
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN]; /* of the record */
    sl_time at;
};

struct sl_expiry {
    struct sl_vault vault;
    struct sl_expiry_entry *entries;
    size_t count, cap;
};

/* Loads what an earlier run left. */
void sl_expiry_init(struct sl_expiry *expiry, const struct sl_vault *ports,
                    const uint8_t node_seed[SL_KEY_LEN]);
void sl_expiry_done(struct sl_expiry *expiry);

/* To be called before the prekey is put into `vault`. */
void sl_expiry_add(struct sl_expiry *expiry, const struct sl_vault *vault,
                   const struct sl_prekey *prekey);
/* Destroys it now. */
void sl_expiry_drop(struct sl_expiry *expiry, const struct sl_vault *vault,
                    const struct sl_prekey *prekey);
/* That owner's records are gone already. */
void sl_expiry_drop_owner(struct sl_expiry *expiry, const uint8_t owner[SL_VAULT_ID_LEN]);

void sl_expiry_tick(struct sl_expiry *expiry, sl_time now);
sl_time sl_expiry_deadline(const struct sl_expiry *expiry);

#endif
