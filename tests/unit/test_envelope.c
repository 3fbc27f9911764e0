/* Envelopes: round trips, truncation at every length, every changed bit, the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "crypto/sodium.h"
#include "mesh/envelope.h"
#include "sim/fake_primitives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STORED_MAX = SL_ENVELOPE_MAX - SL_ENVELOPE_MUTABLE };

static const uint8_t seed[SL_KEY_LEN] = "the seed of a node for this test";

struct fixture {
    struct sl_primitives primitives;
    uint8_t key[SL_KEY_LEN];
};

static struct fixture fake, real;

static void fixture_init(struct fixture *f)
{
    f->primitives.sign_key(f->primitives.ctx, seed, f->key);
}

static int setup(void **state)
{
    (void)state;
    sl_fake_primitives(&fake.primitives, 1);
    fixture_init(&fake);
    assert_int_equal(sl_sodium_init(), 0);
    sl_sodium_primitives(&real.primitives);
    fixture_init(&real);
    return 0;
}

static struct sl_envelope make_envelope(const struct fixture *f, const uint8_t *payload, size_t len)
{
    struct sl_envelope e = {
        .kind = SL_ENVELOPE_DIRECT,
        .created = 1790000000123456,
        .lifetime = 86400,
        .payload = payload,
        .payload_len = len,
    };
    sl_origin_of_key(&f->primitives, f->key, e.origin);
    return e;
}

static int encode(const struct fixture *f, const struct sl_envelope *e, uint8_t bytes[STORED_MAX])
{
    return sl_envelope_encode(e, &f->primitives, seed, bytes, STORED_MAX);
}

static void round_trip(const struct fixture *f, size_t payload_len)
{
    uint8_t payload[SL_PAYLOAD_MAX];
    uint8_t bytes[STORED_MAX];
    memset(payload, 0x7f, sizeof(payload));
    struct sl_envelope in = make_envelope(f, payload, payload_len);
    int len = encode(f, &in, bytes);
    assert_int_equal(len, SL_ENVELOPE_HEADER + payload_len + SL_SIGNATURE_LEN);

    struct sl_envelope out;
    assert_int_equal(sl_envelope_decode(bytes, (size_t)len, &out), 0);
    assert_int_equal(out.kind, in.kind);
    assert_int_equal(out.flags, 0);
    assert_memory_equal(out.origin, in.origin, SL_ORIGIN_LEN);
    assert_true(out.created == in.created);
    assert_int_equal(out.lifetime, in.lifetime);
    assert_int_equal(out.payload_len, payload_len);
    assert_memory_equal(out.payload, payload, payload_len);
    assert_ptr_equal(out.signed_part, bytes);
    assert_int_equal(out.signed_len, len - SL_SIGNATURE_LEN);
    assert_ptr_equal(out.signature, bytes + out.signed_len);
    assert_true(sl_envelope_verify(&out, &f->primitives, f->key));
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 200, SL_PAYLOAD_MAX};
    for (size_t i = 0; i < SL_ARRAY_LEN(lens); i++) {
        round_trip(&fake, lens[i]);
        round_trip(&real, lens[i]);
    }
}

static void test_encode_limits(void **state)
{
    (void)state;
    uint8_t payload[SL_PAYLOAD_MAX + 1] = {0};
    uint8_t bytes[STORED_MAX];
    struct sl_envelope e = make_envelope(&fake, payload, sizeof(payload));
    assert_int_equal(encode(&fake, &e, bytes), -EMSGSIZE);
    e.payload_len = 10;
    assert_int_equal(sl_envelope_encode(&e, &fake.primitives, seed, bytes, 96), -EMSGSIZE);
    assert_int_equal(sl_envelope_encode(&e, &fake.primitives, seed, bytes, 97), 97);
    e.lifetime = 0;
    assert_int_equal(encode(&fake, &e, bytes), -EINVAL);
    e.lifetime = 604801;
    assert_int_equal(encode(&fake, &e, bytes), -EINVAL);
    e.lifetime = 604800;
    e.created = (uint64_t)INT64_MAX + 1;
    assert_int_equal(encode(&fake, &e, bytes), -EINVAL);
    e.created = INT64_MAX;
    assert_int_equal(encode(&fake, &e, bytes), 97);
}

/* A cut envelope is either no envelope or one whose signature fails. */
static void test_truncated_at_every_length(void **state)
{
    (void)state;
    uint8_t bytes[STORED_MAX];
    struct sl_envelope in = make_envelope(&fake, (const uint8_t *)"some payload", 12);
    int len = encode(&fake, &in, bytes);
    for (size_t cut = 0; cut < (size_t)len; cut++) {
        uint8_t *copy = malloc(cut > 0 ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        struct sl_envelope out;
        int error = sl_envelope_decode(copy, cut, &out);
        assert_int_equal(error, cut < SL_ENVELOPE_HEADER + SL_SIGNATURE_LEN ? -EBADMSG : 0);
        if (error == 0)
            assert_false(sl_envelope_verify(&out, &fake.primitives, fake.key));
        free(copy);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    uint8_t payload[SL_PAYLOAD_MAX] = {0};
    uint8_t bytes[STORED_MAX + 1];
    struct sl_envelope in = make_envelope(&fake, payload, sizeof(payload));
    assert_int_equal(encode(&fake, &in, bytes), STORED_MAX);
    struct sl_envelope out;
    assert_int_equal(sl_envelope_decode(bytes, STORED_MAX, &out), 0);
    bytes[STORED_MAX] = 0;
    assert_int_equal(sl_envelope_decode(bytes, STORED_MAX + 1, &out), -EBADMSG);
}

static void refuse_changed_bits(const struct fixture *f, size_t step)
{
    uint8_t bytes[STORED_MAX];
    uint8_t id[SL_ID_LEN];
    struct sl_envelope in = make_envelope(f, (const uint8_t *)"some payload", 12);
    int len = encode(f, &in, bytes);
    struct sl_envelope out;
    assert_int_equal(sl_envelope_decode(bytes, (size_t)len, &out), 0);
    sl_envelope_id(&out, &f->primitives, id);
    for (size_t bit = 0; bit < 8 * (size_t)len; bit += step) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (sl_envelope_decode(bytes, (size_t)len, &out) == 0) {
            assert_false(sl_envelope_verify(&out, &f->primitives, f->key));
            /* The signature is not part of the id: another signature is no other envelope. */
            uint8_t changed[SL_ID_LEN];
            sl_envelope_id(&out, &f->primitives, changed);
            assert_int_equal(memcmp(id, changed, SL_ID_LEN) == 0, bit / 8 >= out.signed_len);
        }
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_every_changed_bit_is_refused(void **state)
{
    (void)state;
    refuse_changed_bits(&fake, 1);
    refuse_changed_bits(&real, 7);
}

static void test_fields_out_of_range(void **state)
{
    (void)state;
    enum { CREATED_AT = 11, LIFETIME_AT = 19 };
    uint8_t bytes[STORED_MAX];
    struct sl_envelope e = make_envelope(&fake, NULL, 0);
    size_t len = (size_t)encode(&fake, &e, bytes);
    struct sl_envelope out;
    bytes[0] = 2; /* version */
    assert_int_equal(sl_envelope_decode(bytes, len, &out), -EBADMSG);
    bytes[0] = SL_ENVELOPE_VERSION;
    bytes[CREATED_AT] = 0x80;
    assert_int_equal(sl_envelope_decode(bytes, len, &out), -EBADMSG);
    bytes[CREATED_AT] = 0;
    memset(bytes + LIFETIME_AT, 0, 4);
    assert_int_equal(sl_envelope_decode(bytes, len, &out), -EBADMSG);
    memcpy(bytes + LIFETIME_AT, (uint8_t[]){0x00, 0x09, 0x3a, 0x80}, 4); /* 604,800 */
    assert_int_equal(sl_envelope_decode(bytes, len, &out), 0);
    bytes[LIFETIME_AT + 3]++;
    assert_int_equal(sl_envelope_decode(bytes, len, &out), -EBADMSG);
}

/* What newer nodes may send passes an older relay: other kinds, flags. */
static void test_unknown_kind_and_flags_pass(void **state)
{
    (void)state;
    uint8_t bytes[STORED_MAX];
    struct sl_envelope in = make_envelope(&fake, NULL, 0);
    in.kind = 77;
    in.flags = 0x81;
    int len = encode(&fake, &in, bytes);
    struct sl_envelope out;
    assert_int_equal(sl_envelope_decode(bytes, (size_t)len, &out), 0);
    assert_int_equal(out.kind, 77);
    assert_int_equal(out.flags, 0x81);
    assert_true(sl_envelope_verify(&out, &fake.primitives, fake.key));
}

static void test_other_key(void **state)
{
    (void)state;
    uint8_t bytes[STORED_MAX];
    struct sl_envelope in = make_envelope(&real, NULL, 0);
    int len = encode(&real, &in, bytes);
    struct sl_envelope out;
    assert_int_equal(sl_envelope_decode(bytes, (size_t)len, &out), 0);
    uint8_t other[SL_KEY_LEN];
    real.primitives.sign_key(real.primitives.ctx,
                             (const uint8_t *)"the seed of quite another person", other);
    assert_false(sl_envelope_verify(&out, &real.primitives, other));
    uint8_t origin[SL_ORIGIN_LEN];
    sl_origin_of_key(&real.primitives, other, origin);
    assert_memory_not_equal(origin, out.origin, SL_ORIGIN_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_encode_limits),
        cmocka_unit_test(test_truncated_at_every_length),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_every_changed_bit_is_refused),
        cmocka_unit_test(test_fields_out_of_range),
        cmocka_unit_test(test_unknown_kind_and_flags_pass),
        cmocka_unit_test(test_other_key),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
