#include "sim/fake_primitives.h"

#include "base/prng.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Each call to sl_fake_primitives() has a generator of its own; all live until exit. */
struct generator {
    struct sl_prng prng;
    struct generator *next;
};

static struct generator *generators;

static void free_generators(void)
{
    while (generators) {
        struct generator *next = generators->next;
        free(generators);
        generators = next;
    }
}

/* ---- The mixing that all of it is made of: two lanes, because one of 64 bits would give all keys
 * and ids only 64 bits of difference ---- */

struct mixer {
    uint64_t a, b;
};

static void absorb_word(struct mixer *m, uint64_t word)
{
    m->a = (m->a ^ word) * UINT64_C(0x9fb21c651e98df25);
    m->b = (m->b ^ (word << 32 | word >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    m->a ^= m->a >> 29 ^ m->b >> 32;
    m->b ^= m->b >> 31;
}

/* The length goes in too, so that no two rows of parts look alike. */
static void absorb(struct mixer *m, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    absorb_word(m, len);
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word = 0;
        for (size_t i = 0; i < 8; i++)
            word |= (uint64_t)at[i] << 8 * i;
        absorb_word(m, word);
    }
    uint64_t last = 0;
    for (size_t i = 0; i < len; i++)
        last |= (uint64_t)at[i] << 8 * i;
    if (len > 0)
        absorb_word(m, last);
}

/* Bytes without end from what was absorbed, XORed onto `bytes`. */
static void squeeze(const struct mixer *m, uint8_t *bytes, size_t len)
{
    uint64_t lanes[2] = {m->a, m->b ^ m->a >> 7};
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            word = sl_splitmix64(&lanes[i / 8 % 2]);
        bytes[i] ^= (uint8_t)(word >> 8 * (i % 8));
    }
}

static void digest(const struct mixer *m, uint8_t *ret_bytes, size_t len)
{
    memset(ret_bytes, 0, len);
    squeeze(m, ret_bytes, len);
}

/* ---- The port ---- */

static void random_bytes(void *ctx, uint8_t *ret_bytes, size_t len)
{
    sl_prng_bytes(&((struct generator *)ctx)->prng, ret_bytes, len);
}

static void hash(void *ctx, const char *label, const uint8_t *key, const uint8_t *bytes, size_t len,
                 uint8_t *ret_hash, size_t hash_len)
{
    (void)ctx;
    struct mixer m = {hash_len, 1};
    absorb(&m, label, strlen(label));
    absorb(&m, key, key ? SL_KEY_LEN : 0);
    absorb(&m, bytes, len);
    digest(&m, ret_hash, hash_len);
}

static void sign_key(void *ctx, const uint8_t seed[SL_KEY_LEN], uint8_t ret_key[SL_KEY_LEN])
{
    hash(ctx, "fake public key", NULL, seed, SL_KEY_LEN, ret_key, SL_KEY_LEN);
}

/* Whoever knows the public key could sign. Nobody here does. */
static void sign(void *ctx, const uint8_t seed[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                 uint8_t ret_signature[SL_SIGNATURE_LEN])
{
    uint8_t key[SL_KEY_LEN];
    sign_key(ctx, seed, key);
    hash(ctx, "fake signature", key, bytes, len, ret_signature, SL_SIGNATURE_LEN);
}

static bool verify(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                   const uint8_t signature[SL_SIGNATURE_LEN])
{
    uint8_t expected[SL_SIGNATURE_LEN];
    hash(ctx, "fake signature", key, bytes, len, expected, SL_SIGNATURE_LEN);
    return memcmp(expected, signature, SL_SIGNATURE_LEN) == 0;
}

static struct mixer stream_of(const uint8_t *key, const uint8_t *nonce, size_t nonce_len)
{
    assert(nonce_len == 12 || nonce_len == 24);
    struct mixer m = {2, nonce_len};
    absorb(&m, key, SL_KEY_LEN);
    absorb(&m, nonce, nonce_len);
    return m;
}

static void tag_of(struct mixer stream, const uint8_t *ad, size_t ad_len, const uint8_t *sealed,
                   size_t len, uint8_t ret_tag[SL_TAG_LEN])
{
    absorb(&stream, ad, ad_len);
    absorb(&stream, sealed, len);
    digest(&stream, ret_tag, SL_TAG_LEN);
}

static void seal(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *ad, size_t ad_len, const uint8_t *bytes, size_t len,
                 uint8_t *ret_sealed)
{
    (void)ctx;
    struct mixer stream = stream_of(key, nonce, nonce_len);
    if (len > 0)
        memmove(ret_sealed, bytes, len);
    squeeze(&stream, ret_sealed, len);
    tag_of(stream, ad, ad_len, ret_sealed, len, ret_sealed + len);
}

static bool open_sealed(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce,
                        size_t nonce_len, const uint8_t *ad, size_t ad_len, const uint8_t *sealed,
                        size_t len, uint8_t *ret_bytes)
{
    (void)ctx;
    if (len < SL_TAG_LEN)
        return false;
    len -= SL_TAG_LEN;
    struct mixer stream = stream_of(key, nonce, nonce_len);
    uint8_t tag[SL_TAG_LEN];
    tag_of(stream, ad, ad_len, sealed, len, tag);
    bool opened = memcmp(tag, sealed + len, SL_TAG_LEN) == 0;
    if (len == 0)
        return opened;
    if (!opened) {
        memset(ret_bytes, 0, len);
        return false;
    }
    memmove(ret_bytes, sealed, len);
    squeeze(&stream, ret_bytes, len);
    return true;
}

static bool equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t len)
{
    (void)ctx;
    return len == 0 || memcmp(a, b, len) == 0;
}

static void wipe(void *ctx, void *bytes, size_t len)
{
    (void)ctx;
    memset(bytes, 0, len);
}

void sl_fake_primitives(struct sl_primitives *ret_primitives, uint64_t seed)
{
    struct generator *generator = malloc(sizeof(*generator));
    if (!generator)
        abort();
    if (!generators)
        atexit(free_generators);
    generator->next = generators;
    generators = generator;
    sl_prng_init(&generator->prng, seed);
    *ret_primitives = (struct sl_primitives){
        .ctx = generator,
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
