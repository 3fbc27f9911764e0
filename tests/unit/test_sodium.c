/* The primitives against published vectors, and the limits of their contracts. */
#include "base/text.h"
#include "crypto/sodium.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES_MAX 512

struct bytes {
    uint8_t bytes[BYTES_MAX];
    size_t len;
};

static struct bytes hex(const char *text)
{
    struct bytes out = {.len = strlen(text) / 2};
    assert_true(out.len <= BYTES_MAX);
    assert_int_equal(sl_hex_decode(text, out.bytes, out.len), 0);
    return out;
}

static struct sl_primitives primitives(void)
{
    struct sl_primitives made;
    sl_sodium_primitives(&made);
    return made;
}

static int setup(void **state)
{
    (void)state;
    return sl_sodium_init();
}

static void test_init_twice(void **state)
{
    (void)state;
    assert_int_equal(sl_sodium_init(), 0);
}

/* BLAKE2b of Python's hashlib over label, zero byte and data. */
static void test_hash(void **state)
{
    (void)state;
    uint8_t count_up[300];
    for (size_t i = 0; i < sizeof(count_up); i++)
        count_up[i] = (uint8_t)i;
    const struct {
        const char *label;
        const uint8_t *key;
        const uint8_t *data;
        size_t len;
        const char *hash;
    } cases[] = {
        {"starling origin", NULL, count_up, 32, "4c2b7aa21d528dc6"},
        {"starling envelope id", NULL, NULL, 0, "dbf2ef250f9bbb5da5fcbb46f1612d31"},
        {"starling channel key", count_up, (const uint8_t *)"general", 7,
         "7bcc89e78e5ad89b84feb707f1a3c08140366c9dbae29e085831047bf6d6d5e9"},
        {"", NULL, NULL, 0, "a1"},
        {"starling channel hint", count_up, NULL, 0, "03a79129"},
    };
    struct sl_primitives p = primitives();
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        struct bytes expected = hex(cases[i].hash);
        uint8_t hash[64];
        p.hash(p.ctx, cases[i].label, cases[i].key, cases[i].data, cases[i].len, hash,
               expected.len);
        assert_memory_equal(hash, expected.bytes, expected.len);
    }

    uint8_t zeros[300] = {0};
    uint8_t hash[64];
    struct bytes longest = hex("3091349a32af5b4192c4211ca6f18f7b5a941048eed91bfb8eeea60c79ff72c0"
                               "be13652db2c634f1649559237970acad7a60dd8f3b21e946923b039bc977a042");
    p.hash(p.ctx, "x", count_up, zeros, sizeof(zeros), hash, sizeof(hash));
    assert_memory_equal(hash, longest.bytes, sizeof(hash));
}

/* RFC 8032, 7.1, TEST 1 and TEST 3. */
static void test_sign(void **state)
{
    (void)state;
    const struct {
        const char *seed, *key, *message, *signature;
    } cases[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
         "cf9b46b"
         "d25bf5f0595bbe24655141438e7a100b"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7609"
         "84dc659"
         "4a7c15e9716ed28dc027beceea1ec40a"},
    };
    struct sl_primitives p = primitives();
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        struct bytes seed = hex(cases[i].seed);
        struct bytes key = hex(cases[i].key);
        struct bytes message = hex(cases[i].message);
        struct bytes signature = hex(cases[i].signature);
        uint8_t made[SL_SIGNATURE_LEN];
        p.sign_key(p.ctx, seed.bytes, made);
        assert_memory_equal(made, key.bytes, SL_KEY_LEN);
        p.sign(p.ctx, seed.bytes, message.bytes, message.len, made);
        assert_memory_equal(made, signature.bytes, SL_SIGNATURE_LEN);
        assert_true(p.verify(p.ctx, key.bytes, message.bytes, message.len, signature.bytes));
        message.bytes[0] ^= 1;
        assert_false(p.verify(p.ctx, key.bytes, message.bytes, message.len + 1, signature.bytes));
        message.bytes[0] ^= 1;
        for (size_t bit = 0; bit < 8 * SL_SIGNATURE_LEN; bit++) {
            made[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(p.verify(p.ctx, key.bytes, message.bytes, message.len, made));
            made[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* A key of small order would let one signature fit every message. */
static void test_small_order_key_verifies_nothing(void **state)
{
    (void)state;
    struct sl_primitives p = primitives();
    uint8_t key[SL_KEY_LEN] = {1};             /* the neutral element */
    uint8_t signature[SL_SIGNATURE_LEN] = {1}; /* R neutral, S zero */
    assert_false(p.verify(p.ctx, key, (const uint8_t *)"any", 3, signature));
}

struct aead_case {
    const char *key, *nonce, *ad, *sealed;
};

#define SUNSCREEN                                                                                  \
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " \
    "sunscreen would be it."

/* RFC 8439, 2.8.2, and draft-irtf-cfrg-xchacha-03, A.3.1. */
static const struct aead_case aead_cases[] = {
    {"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
     "50515253c0c1c2c3c4c5c6c7",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da927"
     "28b"
     "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d"
     "7bc"
     "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"},
    {"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "404142434445464748494a4b4c4d4e4f5051525354555657", "50515253c0c1c2c3c4c5c6c7",
     "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7"
     "e39"
     "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3f"
     "ff9"
     "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"},
};

static void test_seal_and_open(void **state)
{
    (void)state;
    struct sl_primitives p = primitives();
    const size_t len = strlen(SUNSCREEN);
    for (size_t i = 0; i < SL_ARRAY_LEN(aead_cases); i++) {
        struct bytes key = hex(aead_cases[i].key);
        struct bytes nonce = hex(aead_cases[i].nonce);
        struct bytes ad = hex(aead_cases[i].ad);
        struct bytes sealed = hex(aead_cases[i].sealed);
        uint8_t bytes[BYTES_MAX];
        assert_int_equal(sealed.len, len + SL_TAG_LEN);
        p.seal(p.ctx, key.bytes, nonce.bytes, nonce.len, ad.bytes, ad.len,
               (const uint8_t *)SUNSCREEN, len, bytes);
        assert_memory_equal(bytes, sealed.bytes, sealed.len);
        /* In place. */
        assert_true(p.open(p.ctx, key.bytes, nonce.bytes, nonce.len, ad.bytes, ad.len, bytes,
                           sealed.len, bytes));
        assert_memory_equal(bytes, SUNSCREEN, len);
        p.seal(p.ctx, key.bytes, nonce.bytes, nonce.len, ad.bytes, ad.len, bytes, len, bytes);
        assert_memory_equal(bytes, sealed.bytes, sealed.len);
    }
}

static void assert_zeros(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], 0);
}

/* Row 19: whole tags. Any bit of tag, text or additional data wrong: nothing opens, nothing leaks.
 */
static void test_row_19_every_bit_is_authenticated(void **state)
{
    (void)state;
    struct sl_primitives p = primitives();
    for (size_t i = 0; i < SL_ARRAY_LEN(aead_cases); i++) {
        struct bytes key = hex(aead_cases[i].key);
        struct bytes nonce = hex(aead_cases[i].nonce);
        struct bytes ad = hex(aead_cases[i].ad);
        struct bytes sealed = hex(aead_cases[i].sealed);
        uint8_t bytes[BYTES_MAX];
        for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
            sealed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            memset(bytes, 0xaa, sizeof(bytes));
            assert_false(p.open(p.ctx, key.bytes, nonce.bytes, nonce.len, ad.bytes, ad.len,
                                sealed.bytes, sealed.len, bytes));
            assert_zeros(bytes, sealed.len - SL_TAG_LEN);
            assert_int_equal(bytes[sealed.len - SL_TAG_LEN], 0xaa);
            sealed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t bit = 0; bit < 8 * ad.len; bit++) {
            ad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(p.open(p.ctx, key.bytes, nonce.bytes, nonce.len, ad.bytes, ad.len,
                                sealed.bytes, sealed.len, bytes));
            ad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t cut = 0; cut < sealed.len; cut++)
            assert_false(p.open(p.ctx, key.bytes, nonce.bytes, nonce.len, ad.bytes, ad.len,
                                sealed.bytes, cut, bytes));
    }
}

static void test_empty_plaintext(void **state)
{
    (void)state;
    struct sl_primitives p = primitives();
    uint8_t key[SL_KEY_LEN] = {1};
    uint8_t nonce[12] = {2};
    uint8_t sealed[SL_TAG_LEN];
    uint8_t nothing[1] = {7};
    p.seal(p.ctx, key, nonce, sizeof(nonce), NULL, 0, NULL, 0, sealed);
    assert_true(p.open(p.ctx, key, nonce, sizeof(nonce), NULL, 0, sealed, sizeof(sealed), nothing));
    assert_int_equal(nothing[0], 7);
}

static void test_equal_and_wipe(void **state)
{
    (void)state;
    struct sl_primitives p = primitives();
    uint8_t a[40];
    uint8_t b[40];
    memset(a, 3, sizeof(a));
    memset(b, 3, sizeof(b));
    assert_true(p.equal(p.ctx, a, b, sizeof(a)));
    assert_true(p.equal(p.ctx, a, b, 0));
    b[39] ^= 0x80;
    assert_false(p.equal(p.ctx, a, b, sizeof(a)));
    p.wipe(p.ctx, a, 39);
    assert_zeros(a, 39);
    assert_int_equal(a[39], 3);
}

static void test_random_differs(void **state)
{
    (void)state;
    struct sl_primitives p = primitives();
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    p.random(p.ctx, a, sizeof(a));
    p.random(p.ctx, b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

/* As `argon2 0123456789abcdef -id -t 2 -k 16384 -p 1 -l 32` of the reference implementation says.
 */
static void test_passphrase_key(void **state)
{
    (void)state;
    struct sl_sealing sealing;
    sl_sodium_sealing(&sealing);
    uint8_t key[SL_KEY_LEN];
    struct bytes expected = hex("4c8e55aca28e70ebb078beb1b1f24499032a6a94914a253162493f15803e65ac");
    assert_int_equal(sealing.passphrase_key(sealing.ctx, "correct horse",
                                            (const uint8_t *)"0123456789abcdef", key),
                     0);
    assert_memory_equal(key, expected.bytes, SL_KEY_LEN);
    assert_int_equal(
        sealing.passphrase_key(sealing.ctx, "", (const uint8_t *)"0123456789abcdef", key), 0);
    assert_memory_not_equal(key, expected.bytes, SL_KEY_LEN);
}

static void test_sealing_port(void **state)
{
    (void)state;
    struct sl_sealing sealing;
    sl_sodium_sealing(&sealing);
    uint8_t secret[2][SL_KEY_LEN];
    uint8_t public[2][SL_KEY_LEN];
    for (int i = 0; i < 2; i++)
        sealing.box_keypair(sealing.ctx, secret[i], public[i]);
    assert_memory_not_equal(public[0], public[1], SL_KEY_LEN);
    uint8_t first[5 + SL_NOISE_X_OVERHEAD];
    uint8_t second[5 + SL_NOISE_X_OVERHEAD];
    const uint8_t *prologue = (const uint8_t *)"prologue";
    assert_int_equal(sealing.seal(sealing.ctx, secret[0], public[1], prologue, 8,
                                  (const uint8_t *)"hello", 5, first),
                     0);
    assert_int_equal(sealing.seal(sealing.ctx, secret[0], public[1], prologue, 8,
                                  (const uint8_t *)"hello", 5, second),
                     0);
    /* A new ephemeral each time. */
    assert_memory_not_equal(first, second, sizeof(first));
    uint8_t sender[SL_KEY_LEN];
    uint8_t opened[5];
    assert_true(
        sealing.open(sealing.ctx, secret[1], prologue, 8, second, sizeof(second), sender, opened));
    assert_memory_equal(sender, public[0], SL_KEY_LEN);
    assert_memory_equal(opened, "hello", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_twice),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_small_order_key_verifies_nothing),
        cmocka_unit_test(test_seal_and_open),
        cmocka_unit_test(test_row_19_every_bit_is_authenticated),
        cmocka_unit_test(test_empty_plaintext),
        cmocka_unit_test(test_equal_and_wipe),
        cmocka_unit_test(test_random_differs),
        cmocka_unit_test(test_passphrase_key),
        cmocka_unit_test(test_sealing_port),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
