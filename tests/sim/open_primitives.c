#include "sim/open_primitives.h"

#include "sim/fake_primitives.h"

#include <string.h>

static bool verify(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                   const uint8_t signature[SL_SIGNATURE_LEN])
{
    (void)ctx, (void)key, (void)bytes, (void)len, (void)signature;
    return true;
}

static void seal(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *ad, size_t ad_len, const uint8_t *bytes, size_t len,
                 uint8_t *ret_sealed)
{
    (void)ctx, (void)key, (void)nonce, (void)nonce_len, (void)ad, (void)ad_len;
    memmove(ret_sealed, bytes, len);
    memset(ret_sealed + len, 0, SL_TAG_LEN);
}

static bool open(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *ad, size_t ad_len, const uint8_t *sealed, size_t len,
                 uint8_t *ret_bytes)
{
    (void)ctx, (void)key, (void)nonce, (void)nonce_len, (void)ad, (void)ad_len;
    memmove(ret_bytes, sealed, len - SL_TAG_LEN);
    return true;
}

void sl_open_primitives(struct sl_primitives *ret_primitives, uint64_t seed)
{
    sl_fake_primitives(ret_primitives, seed);
    ret_primitives->verify = verify;
    ret_primitives->seal = seal;
    ret_primitives->open = open;
}

/* ---- Direct messages ---- */

static uint64_t keypair_count;

static void box_keypair(void *ctx, uint8_t ret_secret[SL_KEY_LEN], uint8_t ret_public[SL_KEY_LEN])
{
    (void)ctx;
    keypair_count++;
    memset(ret_secret, 0x42, SL_KEY_LEN);
    memcpy(ret_secret, &keypair_count, sizeof(keypair_count));
    memcpy(ret_public, ret_secret, SL_KEY_LEN);
}

static int noise_seal(void *ctx, const uint8_t sender_secret[SL_KEY_LEN],
                      const uint8_t recipient[SL_KEY_LEN], const uint8_t *prologue,
                      size_t prologue_len, const uint8_t *bytes, size_t len, uint8_t *ret_sealed)
{
    (void)ctx, (void)recipient, (void)prologue, (void)prologue_len;
    memset(ret_sealed, 0, SL_NOISE_X_OVERHEAD);
    memcpy(ret_sealed, sender_secret, SL_KEY_LEN); /* the same as the public key here */
    memcpy(ret_sealed + SL_NOISE_X_OVERHEAD, bytes, len);
    return 0;
}

static bool noise_open(void *ctx, const uint8_t recipient_secret[SL_KEY_LEN],
                       const uint8_t *prologue, size_t prologue_len, const uint8_t *sealed,
                       size_t len, uint8_t ret_sender[SL_KEY_LEN], uint8_t *ret_bytes)
{
    (void)ctx, (void)recipient_secret, (void)prologue, (void)prologue_len;
    memcpy(ret_sender, sealed, SL_KEY_LEN);
    memcpy(ret_bytes, sealed + SL_NOISE_X_OVERHEAD, len - SL_NOISE_X_OVERHEAD);
    return true;
}

static int passphrase_key(void *ctx, const char *passphrase, const uint8_t salt[16],
                          uint8_t ret_key[SL_KEY_LEN])
{
    (void)ctx, (void)passphrase;
    memcpy(ret_key, salt, 16);
    memcpy(ret_key + 16, salt, 16);
    return 0;
}

void sl_open_sealing(struct sl_sealing *ret_sealing)
{
    keypair_count = 0;
    *ret_sealing = (struct sl_sealing){.box_keypair = box_keypair,
                                       .seal = noise_seal,
                                       .open = noise_open,
                                       .passphrase_key = passphrase_key};
}
