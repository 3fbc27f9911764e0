#include "crypto/sodium.h"

#include "crypto/noise.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(SL_KEY_LEN == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "key length");
_Static_assert(SL_KEY_LEN == crypto_sign_SEEDBYTES, "seed length");
_Static_assert(SL_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag length");
_Static_assert(SL_SIGNATURE_LEN == crypto_sign_BYTES, "signature length");

/* RFC 9106 allows less memory than this at more passes; a board with 256 MB has no more to give. */
#define PASSPHRASE_PASSES 2
#define PASSPHRASE_MEMORY ((size_t)16 << 20)

int sl_sodium_init(void)
{
    /* Blocks until the kernel's generator is seeded (getrandom(2)). */
    uint8_t byte;
    ssize_t got;
    do
        got = getrandom(&byte, sizeof(byte), 0);
    while (got < 0 && errno == EINTR);
    if (got != sizeof(byte))
        return -EIO;
    return sodium_init() < 0 ? -EIO : 0;
}

static void random_bytes(void *ctx, uint8_t *ret_bytes, size_t len)
{
    (void)ctx;
    randombytes_buf(ret_bytes, len);
}

static void hash(void *ctx, const char *label, const uint8_t *key, const uint8_t *bytes, size_t len,
                 uint8_t *ret_hash, size_t hash_len)
{
    (void)ctx;
    /* The BLAKE2b call itself, for the generic one promises nothing below 16 bytes of output. */
    crypto_generichash_blake2b_state state;
    assert(hash_len >= 1 && hash_len <= crypto_generichash_blake2b_BYTES_MAX);
    int result = crypto_generichash_blake2b_init(&state, key, key ? SL_KEY_LEN : 0, hash_len);
    assert(result == 0);
    crypto_generichash_blake2b_update(&state, (const uint8_t *)label, strlen(label) + 1);
    if (len > 0)
        crypto_generichash_blake2b_update(&state, bytes, len);
    result = crypto_generichash_blake2b_final(&state, ret_hash, hash_len);
    assert(result == 0);
    sodium_memzero(&state, sizeof(state));
}

static void sign(void *ctx, const uint8_t seed[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                 uint8_t ret_signature[SL_SIGNATURE_LEN])
{
    (void)ctx;
    uint8_t key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(key, secret, seed);
    crypto_sign_detached(ret_signature, NULL, bytes, len, secret);
    sodium_memzero(secret, sizeof(secret));
}

static bool verify(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                   const uint8_t signature[SL_SIGNATURE_LEN])
{
    (void)ctx;
    return crypto_sign_verify_detached(signature, bytes, len, key) == 0;
}

static void sign_key(void *ctx, const uint8_t seed[SL_KEY_LEN], uint8_t ret_key[SL_KEY_LEN])
{
    (void)ctx;
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(ret_key, secret, seed);
    sodium_memzero(secret, sizeof(secret));
}

static void seal(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *ad, size_t ad_len, const uint8_t *bytes, size_t len,
                 uint8_t *ret_sealed)
{
    (void)ctx;
    int result = -1;
    if (nonce_len == crypto_aead_chacha20poly1305_ietf_NPUBBYTES)
        result = crypto_aead_chacha20poly1305_ietf_encrypt(ret_sealed, NULL, bytes, len, ad, ad_len,
                                                           NULL, nonce, key);
    else if (nonce_len == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
        result = crypto_aead_xchacha20poly1305_ietf_encrypt(ret_sealed, NULL, bytes, len, ad,
                                                            ad_len, NULL, nonce, key);
    assert(result == 0);
}

static bool open_sealed(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce,
                        size_t nonce_len, const uint8_t *ad, size_t ad_len, const uint8_t *sealed,
                        size_t len, uint8_t *ret_bytes)
{
    (void)ctx;
    assert(nonce_len == crypto_aead_chacha20poly1305_ietf_NPUBBYTES ||
           nonce_len == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
    if (len < SL_TAG_LEN)
        return false;
    /* Both write zeros where the plaintext would have gone if the tag is wrong. */
    if (nonce_len == crypto_aead_chacha20poly1305_ietf_NPUBBYTES)
        return crypto_aead_chacha20poly1305_ietf_decrypt(ret_bytes, NULL, NULL, sealed, len, ad,
                                                         ad_len, nonce, key) == 0;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(ret_bytes, NULL, NULL, sealed, len, ad,
                                                      ad_len, nonce, key) == 0;
}

static bool equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t len)
{
    (void)ctx;
    return sodium_memcmp(a, b, len) == 0;
}

static void wipe(void *ctx, void *bytes, size_t len)
{
    (void)ctx;
    sodium_memzero(bytes, len);
}

void sl_sodium_primitives(struct sl_primitives *ret_primitives)
{
    *ret_primitives = (struct sl_primitives){
        .random = random_bytes,
        .hash = hash,
        .sign = sign,
        .verify = verify,
        .sign_key = sign_key,
        .seal = seal,
        .open = open_sealed,
        .equal = equal,
        .wipe = wipe,
    };
}

static void box_keypair(void *ctx, uint8_t ret_secret[SL_KEY_LEN], uint8_t ret_public[SL_KEY_LEN])
{
    (void)ctx;
    randombytes_buf(ret_secret, SL_KEY_LEN);
    crypto_scalarmult_base(ret_public, ret_secret);
}

static int noise_seal(void *ctx, const uint8_t sender_secret[SL_KEY_LEN],
                      const uint8_t recipient[SL_KEY_LEN], const uint8_t *prologue,
                      size_t prologue_len, const uint8_t *bytes, size_t len, uint8_t *ret_sealed)
{
    (void)ctx;
    uint8_t ephemeral[SL_KEY_LEN];
    randombytes_buf(ephemeral, sizeof(ephemeral));
    int result = sl_noise_x_seal(sender_secret, recipient, ephemeral, prologue, prologue_len, bytes,
                                 len, ret_sealed);
    sodium_memzero(ephemeral, sizeof(ephemeral));
    return result;
}

static bool noise_open(void *ctx, const uint8_t recipient_secret[SL_KEY_LEN],
                       const uint8_t *prologue, size_t prologue_len, const uint8_t *sealed,
                       size_t len, uint8_t ret_sender[SL_KEY_LEN], uint8_t *ret_bytes)
{
    (void)ctx;
    return sl_noise_x_open(recipient_secret, prologue, prologue_len, sealed, len, ret_sender,
                           ret_bytes);
}

static int passphrase_key(void *ctx, const char *passphrase, const uint8_t salt[16],
                          uint8_t ret_key[SL_KEY_LEN])
{
    (void)ctx;
    _Static_assert(crypto_pwhash_argon2id_SALTBYTES == 16, "salt length");
    int result = crypto_pwhash_argon2id(ret_key, SL_KEY_LEN, passphrase, strlen(passphrase), salt,
                                        PASSPHRASE_PASSES, PASSPHRASE_MEMORY,
                                        crypto_pwhash_argon2id_ALG_ARGON2ID13);
    return result == 0 ? 0 : -ENOMEM;
}

void sl_sodium_sealing(struct sl_sealing *ret_sealing)
{
    *ret_sealing = (struct sl_sealing){
        .box_keypair = box_keypair,
        .seal = noise_seal,
        .open = noise_open,
        .passphrase_key = passphrase_key,
    };
}
