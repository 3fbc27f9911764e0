/* The contract of the primitives port, for those that stand in for them, and for the real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/sodium.h"
#include "sim/fake_primitives.h"

#include <stdlib.h>
#include <string.h>

static struct sl_primitives both[2];

static int setup(void **state)
{
    (void)state;
    sl_fake_primitives(&both[0], 5);
    assert_int_equal(sl_sodium_init(), 0);
    sl_sodium_primitives(&both[1]);
    return 0;
}

static void flip(uint8_t *bytes, size_t bit)
{
    bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void check_hash(const struct sl_primitives *p)
{
    uint8_t bytes[40] = "what is hashed";
    uint8_t key[SL_KEY_LEN] = "a key";
    uint8_t plain[64], other[64];
    for (size_t len = 1; len <= 64; len++) {
        memset(plain, 0xee, sizeof(plain));
        p->hash(p->ctx, "label", NULL, bytes, sizeof(bytes), plain, len);
        for (size_t i = len; i < 64; i++)
            assert_int_equal(plain[i], 0xee);
    }
    p->hash(p->ctx, "label", key, bytes, sizeof(bytes), other, 64);
    assert_memory_not_equal(plain, other, 64);
    p->hash(p->ctx, "labe", NULL, bytes, sizeof(bytes), other, 64);
    assert_memory_not_equal(plain, other, 64);
    p->hash(p->ctx, "label", NULL, bytes, sizeof(bytes) - 1, other, 64);
    assert_memory_not_equal(plain, other, 64);
    p->hash(p->ctx, "label", NULL, NULL, 0, other, 8);
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        flip(bytes, bit);
        p->hash(p->ctx, "label", NULL, bytes, sizeof(bytes), other, 8);
        assert_memory_not_equal(plain, other, 8);
        flip(bytes, bit);
    }
    p->hash(p->ctx, "label", NULL, bytes, sizeof(bytes), other, 64);
    assert_memory_equal(plain, other, 64);
}

static void check_signature(const struct sl_primitives *p)
{
    uint8_t seed[SL_KEY_LEN] = "seed one";
    uint8_t bytes[50] = "what is signed";
    uint8_t key[SL_KEY_LEN], other_key[SL_KEY_LEN], signature[SL_SIGNATURE_LEN];
    p->sign_key(p->ctx, seed, key);
    p->sign(p->ctx, seed, bytes, sizeof(bytes), signature);
    assert_true(p->verify(p->ctx, key, bytes, sizeof(bytes), signature));
    assert_false(p->verify(p->ctx, key, bytes, sizeof(bytes) - 1, signature));
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit += 5) {
        flip(bytes, bit);
        assert_false(p->verify(p->ctx, key, bytes, sizeof(bytes), signature));
        flip(bytes, bit);
    }
    for (size_t bit = 0; bit < 8 * sizeof(signature); bit += 5) {
        flip(signature, bit);
        assert_false(p->verify(p->ctx, key, bytes, sizeof(bytes), signature));
        flip(signature, bit);
    }
    seed[0] ^= 1;
    p->sign_key(p->ctx, seed, other_key);
    assert_false(p->verify(p->ctx, other_key, bytes, sizeof(bytes), signature));
}

struct sealed {
    uint8_t key[SL_KEY_LEN], nonce[24], ad[6], bytes[41 + SL_TAG_LEN];
};

static bool opens(const struct sl_primitives *p, const struct sealed *s, size_t nonce_len)
{
    uint8_t out[41];
    memset(out, 0xff, sizeof(out));
    bool opened = p->open(p->ctx, s->key, s->nonce, nonce_len, s->ad, sizeof(s->ad), s->bytes,
                          sizeof(s->bytes), out);
    for (size_t i = 0; !opened && i < sizeof(out); i++)
        assert_int_equal(out[i], 0);
    return opened;
}

static void refuse_changes(const struct sl_primitives *p, struct sealed *s, uint8_t *part,
                           size_t len, size_t nonce_len)
{
    for (size_t bit = 0; bit < 8 * len; bit++) {
        flip(part, bit);
        assert_false(opens(p, s, nonce_len));
        flip(part, bit);
    }
}

static void check_sealing(const struct sl_primitives *p, size_t nonce_len)
{
    struct sealed s = {.key = "key", .nonce = "nonce", .ad = "ad"};
    uint8_t text[41] = "forty-one bytes, no multiple of anything";
    p->seal(p->ctx, s.key, s.nonce, nonce_len, s.ad, sizeof(s.ad), text, sizeof(text), s.bytes);
    assert_memory_not_equal(s.bytes, text, 8);
    assert_true(opens(p, &s, nonce_len));
    refuse_changes(p, &s, s.key, sizeof(s.key), nonce_len);
    refuse_changes(p, &s, s.nonce, nonce_len, nonce_len);
    refuse_changes(p, &s, s.ad, sizeof(s.ad), nonce_len);
    refuse_changes(p, &s, s.bytes, sizeof(s.bytes), nonce_len);

    /* In place, both ways. */
    struct sealed t = s;
    memcpy(t.bytes, text, sizeof(text));
    p->seal(p->ctx, s.key, s.nonce, nonce_len, s.ad, sizeof(s.ad), t.bytes, sizeof(text), t.bytes);
    assert_memory_equal(t.bytes, s.bytes, sizeof(s.bytes));
    assert_true(p->open(p->ctx, s.key, s.nonce, nonce_len, s.ad, sizeof(s.ad), t.bytes,
                        sizeof(t.bytes), t.bytes));
    assert_memory_equal(t.bytes, text, sizeof(text));

    uint8_t empty[SL_TAG_LEN];
    p->seal(p->ctx, s.key, s.nonce, nonce_len, NULL, 0, NULL, 0, empty);
    assert_true(p->open(p->ctx, s.key, s.nonce, nonce_len, NULL, 0, empty, SL_TAG_LEN, text));
    assert_false(p->open(p->ctx, s.key, s.nonce, nonce_len, NULL, 0, empty, SL_TAG_LEN - 1, text));
}

static void test_contract(void **state)
{
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(both); i++) {
        check_hash(&both[i]);
        check_signature(&both[i]);
        check_sealing(&both[i], 12);
        check_sealing(&both[i], 24);
        assert_true(both[i].equal(both[i].ctx, (const uint8_t *)"ab", (const uint8_t *)"ab", 2));
        assert_false(both[i].equal(both[i].ctx, (const uint8_t *)"ab", (const uint8_t *)"aB", 2));
        uint8_t secret[5] = "pass";
        both[i].wipe(both[i].ctx, secret, sizeof(secret));
        assert_memory_equal(secret, "\0\0\0\0", 5);
    }
}

static void test_same_seed_same_bytes(void **state)
{
    (void)state;
    struct sl_primitives a, b, c;
    uint8_t x[100], y[100], z[100];
    sl_fake_primitives(&a, 1);
    sl_fake_primitives(&b, 1);
    sl_fake_primitives(&c, 2);
    a.random(a.ctx, x, sizeof(x));
    b.random(b.ctx, y, sizeof(y));
    c.random(c.ctx, z, sizeof(z));
    assert_memory_equal(x, y, sizeof(x));
    assert_memory_not_equal(x, z, 8);
    a.random(a.ctx, y, sizeof(y));
    assert_memory_not_equal(x, y, 8);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

/* The short ids of a simulation must not collide by themselves. */
static void test_hashes_of_a_counter_differ(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    uint8_t(*hashes)[8] = malloc(COUNT * sizeof(*hashes));
    assert_non_null(hashes);
    for (uint32_t i = 0; i < COUNT; i++)
        both[0].hash(both[0].ctx, "id", NULL, (const uint8_t *)&i, sizeof(i), hashes[i], 8);
    qsort(hashes, COUNT, sizeof(*hashes), compare);
    for (size_t i = 1; i < COUNT; i++)
        assert_memory_not_equal(hashes[i - 1], hashes[i], 8);
    /* Spread: the first byte takes each value about equally often. */
    size_t counts[256] = {0};
    for (size_t i = 0; i < COUNT; i++)
        counts[hashes[i][0]]++;
    for (size_t i = 0; i < 256; i++)
        assert_in_range(counts[i], COUNT / 256 * 3 / 4, COUNT / 256 * 5 / 4);
    free(hashes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_hashes_of_a_counter_differ),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
