/* What the chat needs from outside beside the mesh's primitives: sealing to a person, passphrases,
 * and a vault for what a persona's owner asked to keep. */
#ifndef SL_CHAT_PORTS_H
#define SL_CHAT_PORTS_H

#include "mesh/ports.h"

/* Bytes that Noise X adds: ephemeral 32, sealed static 48, tag 16. */
#define SL_NOISE_X_OVERHEAD 96

struct sl_sealing {
    void *ctx;

    /* A fresh X25519 key pair (RFC 7748). */
    void (*box_keypair)(void *ctx, uint8_t ret_secret[SL_KEY_LEN], uint8_t ret_public[SL_KEY_LEN]);

    /* Noise_X_25519_ChaChaPoly_SHA256. -EINVAL if `recipient` is a low-order point. ret_sealed
     * takes len + SL_NOISE_X_OVERHEAD bytes. */
    int (*seal)(void *ctx, const uint8_t sender_secret[SL_KEY_LEN],
                const uint8_t recipient[SL_KEY_LEN], const uint8_t *prologue, size_t prologue_len,
                const uint8_t *bytes, size_t len, uint8_t *ret_sealed);
    /* One answer for every way to fail. ret_bytes takes len - SL_NOISE_X_OVERHEAD bytes, and is
     * zeros on failure. */
    bool (*open)(void *ctx, const uint8_t recipient_secret[SL_KEY_LEN], const uint8_t *prologue,
                 size_t prologue_len, const uint8_t *sealed, size_t len,
                 uint8_t ret_sender[SL_KEY_LEN], uint8_t *ret_bytes);

    /* Argon2id (RFC 9106) over a passphrase. -ENOMEM. */
    int (*passphrase_key)(void *ctx, const char *passphrase, const uint8_t salt[16],
                          uint8_t ret_key[SL_KEY_LEN]);
};

#define SL_VAULT_ID_LEN 16

/* Sealed records of kept personas. The vault sees ciphertext and random-looking ids only. */
struct sl_vault_port {
    void *ctx;
    /* Inserts or replaces. Durable on return with `sync`, and with it all that was put before;
     * within a second without. -errno as sl_store_port.put(). */
    int (*put)(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
               const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes, size_t len, bool sync);
    /* Number of bytes, or -ENOENT, -ENOBUFS, -EIO. */
    int (*get)(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
               const uint8_t key[SL_VAULT_ID_LEN], uint8_t *ret_bytes, size_t cap);
    void (*drop)(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                 const uint8_t key[SL_VAULT_ID_LEN]);
    /* Everything of that owner, securely erased. */
    void (*drop_owner)(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN]);
    /* Every record of that owner and kind, oldest first. */
    int (*each)(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                void (*found)(void *arg, const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes,
                              size_t len),
                void *arg);
};

#endif
