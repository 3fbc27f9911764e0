#include "crypto/noise.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define HASH_LEN crypto_hash_sha256_BYTES

/* 31 characters, so the initial hash is the name and one zero (5.2, InitializeSymmetric). */
static const uint8_t protocol_name[HASH_LEN] = "Noise_X_25519_ChaChaPoly_SHA256";

_Static_assert(SL_NOISE_X_OVERHEAD == 2 * SL_KEY_LEN + 2 * SL_TAG_LEN, "overhead");
_Static_assert(SL_KEY_LEN == crypto_scalarmult_BYTES, "point length");

/* The SymmetricState of the specification. Each key of pattern X encrypts once, so that its nonce
 * is always zero. */
struct noise {
    uint8_t chaining_key[HASH_LEN];
    uint8_t hash[HASH_LEN];
    uint8_t key[SL_KEY_LEN];
};

static void mix_hash(struct noise *noise, const uint8_t *bytes, size_t len)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, noise->hash, HASH_LEN);
    if (len > 0)
        crypto_hash_sha256_update(&state, bytes, len);
    crypto_hash_sha256_final(&state, noise->hash);
}

static void hmac(const uint8_t key[HASH_LEN], const uint8_t *bytes, size_t len, uint8_t last,
                 size_t last_len, uint8_t ret_mac[HASH_LEN])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, HASH_LEN);
    crypto_auth_hmacsha256_update(&state, bytes, len);
    crypto_auth_hmacsha256_update(&state, &last, last_len);
    crypto_auth_hmacsha256_final(&state, ret_mac);
    sodium_memzero(&state, sizeof(state));
}

/* MixKey(): HKDF with two outputs (4.3). */
static void mix_key(struct noise *noise, const uint8_t shared[SL_KEY_LEN])
{
    uint8_t temporary[HASH_LEN];
    hmac(noise->chaining_key, shared, SL_KEY_LEN, 0, 0, temporary);
    hmac(temporary, NULL, 0, 1, 1, noise->chaining_key);
    hmac(temporary, noise->chaining_key, HASH_LEN, 2, 1, noise->key);
    sodium_memzero(temporary, sizeof(temporary));
}

/* DH() and MixKey(). False if `public` is a low-order point (RFC 7748, 6.1). libsodium's code for
 * some processors sees that at once and leaves without a result: the base point then stands in, so
 * that the work is the same everywhere. */
static bool mix_shared(struct noise *noise, const uint8_t secret[SL_KEY_LEN],
                       const uint8_t public[SL_KEY_LEN])
{
    static const uint8_t base_point[SL_KEY_LEN] = {9};
    uint8_t untouched[SL_KEY_LEN];
    uint8_t shared[SL_KEY_LEN];
    memset(untouched, 0xff, sizeof(untouched));
    memset(shared, 0xff, sizeof(shared));
    bool good = crypto_scalarmult(shared, secret, public) == 0;
    if (!good && sodium_memcmp(shared, untouched, sizeof(shared)) == 0) {
        int ignored = crypto_scalarmult(shared, secret, base_point);
        (void)ignored;
    }
    mix_key(noise, shared);
    sodium_memzero(shared, sizeof(shared));
    return good;
}

static void encrypt_and_hash(struct noise *noise, const uint8_t *bytes, size_t len,
                             uint8_t *ret_sealed)
{
    static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    crypto_aead_chacha20poly1305_ietf_encrypt(ret_sealed, NULL, bytes, len, noise->hash, HASH_LEN,
                                              NULL, nonce, noise->key);
    mix_hash(noise, ret_sealed, len + SL_TAG_LEN);
}

/* libsodium does not decrypt what does not verify: that work is then done here, for nothing. On
 * failure ret_bytes is no secret and no use. */
static bool decrypt_and_hash(struct noise *noise, const uint8_t *sealed, size_t len,
                             uint8_t *ret_bytes)
{
    static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    bool good =
        crypto_aead_chacha20poly1305_ietf_decrypt(ret_bytes, NULL, NULL, sealed, len, noise->hash,
                                                  HASH_LEN, nonce, noise->key) == 0;
    if (!good)
        crypto_stream_chacha20_ietf_xor_ic(ret_bytes, sealed, len - SL_TAG_LEN, nonce, 1,
                                           noise->key);
    mix_hash(noise, sealed, len);
    return good;
}

/* Up to and with the pre-message `<- s` (7.4). */
static void begin(struct noise *noise, const uint8_t *prologue, size_t prologue_len,
                  const uint8_t recipient[SL_KEY_LEN])
{
    memcpy(noise->hash, protocol_name, HASH_LEN);
    memcpy(noise->chaining_key, protocol_name, HASH_LEN);
    mix_hash(noise, prologue, prologue_len);
    mix_hash(noise, recipient, SL_KEY_LEN);
}

int sl_noise_x_seal(const uint8_t sender_secret[SL_KEY_LEN], const uint8_t recipient[SL_KEY_LEN],
                    const uint8_t ephemeral_secret[SL_KEY_LEN], const uint8_t *prologue,
                    size_t prologue_len, const uint8_t *bytes, size_t len, uint8_t *ret_sealed)
{
    struct noise noise;
    uint8_t sender[SL_KEY_LEN];
    uint8_t *ephemeral = ret_sealed;
    uint8_t *sealed_sender = ephemeral + SL_KEY_LEN;
    uint8_t *sealed_bytes = sealed_sender + SL_KEY_LEN + SL_TAG_LEN;

    crypto_scalarmult_base(sender, sender_secret);
    begin(&noise, prologue, prologue_len, recipient);
    crypto_scalarmult_base(ephemeral, ephemeral_secret);
    mix_hash(&noise, ephemeral, SL_KEY_LEN);
    bool good = mix_shared(&noise, ephemeral_secret, recipient);
    encrypt_and_hash(&noise, sender, sizeof(sender), sealed_sender);
    good &= mix_shared(&noise, sender_secret, recipient);
    encrypt_and_hash(&noise, bytes, len, sealed_bytes);
    sodium_memzero(&noise, sizeof(noise));
    if (!good)
        sodium_memzero(ret_sealed, len + SL_NOISE_X_OVERHEAD);
    return good ? 0 : -EINVAL;
}

/* Every step is taken whatever the ones before it gave, so that neither the time nor the answer
 * tells which one failed. */
bool sl_noise_x_open(const uint8_t recipient_secret[SL_KEY_LEN], const uint8_t *prologue,
                     size_t prologue_len, const uint8_t *sealed, size_t len,
                     uint8_t ret_sender[SL_KEY_LEN], uint8_t *ret_bytes)
{
    if (len < SL_NOISE_X_OVERHEAD)
        return false;
    struct noise noise;
    uint8_t recipient[SL_KEY_LEN];
    uint8_t sender[SL_KEY_LEN];
    const uint8_t *ephemeral = sealed;
    const uint8_t *sealed_sender = ephemeral + SL_KEY_LEN;
    const uint8_t *sealed_bytes = sealed_sender + SL_KEY_LEN + SL_TAG_LEN;

    crypto_scalarmult_base(recipient, recipient_secret);
    begin(&noise, prologue, prologue_len, recipient);
    mix_hash(&noise, ephemeral, SL_KEY_LEN);
    bool good = mix_shared(&noise, recipient_secret, ephemeral);
    good &= decrypt_and_hash(&noise, sealed_sender, SL_KEY_LEN + SL_TAG_LEN, sender);
    good &= mix_shared(&noise, recipient_secret, sender);
    good &=
        decrypt_and_hash(&noise, sealed_bytes, len - (SL_NOISE_X_OVERHEAD - SL_TAG_LEN), ret_bytes);
    sodium_memzero(&noise, sizeof(noise));
    if (good)
        memcpy(ret_sender, sender, SL_KEY_LEN);
    else
        sodium_memzero(ret_bytes, len - SL_NOISE_X_OVERHEAD);
    return good;
}
