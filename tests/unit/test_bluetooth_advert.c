#include "bearers/bluetooth_advert.h"
#include "crypto/sodium.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct sl_primitives primitives;
static const uint8_t key[SL_KEY_LEN] = "the beacon key of some network";
static const uint8_t other_key[SL_KEY_LEN] = "the beacon key of another one";

static const struct sl_advert sample = {.id = 0xa0a1a2a3a4,
                                        .root = 0x0102030405,
                                        .round = 0x1234,
                                        .hops = 7,
                                        .places = 2,
                                        .flags = SL_ADVERT_ROOM | SL_ADVERT_PARENT,
                                        .psm = 0xc1};

static void encode(const struct sl_advert *advert, uint8_t ret_bytes[SL_ADVERT_LEN])
{
    sl_advert_encode(advert, &primitives, key, ret_bytes);
}

static void comes_back_as_it_went(void **state)
{
    uint8_t bytes[SL_ADVERT_LEN];
    struct sl_advert advert;
    (void)state;
    encode(&sample, bytes);
    assert_int_equal(sl_advert_decode(bytes, sizeof(bytes), &primitives, key, &advert), 0);
    assert_true(advert.id == sample.id && advert.root == sample.root);
    assert_int_equal(advert.round, sample.round);
    assert_int_equal(advert.hops, sample.hops);
    assert_int_equal(advert.places, sample.places);
    assert_int_equal(advert.flags, sample.flags);
    assert_int_equal(advert.psm, sample.psm);
}

static void other_lengths_are_refused(void **state)
{
    uint8_t bytes[SL_ADVERT_LEN + 1] = {0};
    struct sl_advert advert;
    (void)state;
    encode(&sample, bytes);
    for (size_t len = 0; len <= sizeof(bytes); len++)
        if (len != SL_ADVERT_LEN)
            assert_int_equal(sl_advert_decode(bytes, len, &primitives, key, &advert), -EBADMSG);
}

static void one_bit_more_or_less_is_refused(void **state)
{
    struct sl_advert advert;
    (void)state;
    for (size_t bit = 0; bit < 8 * (size_t)SL_ADVERT_LEN; bit++) {
        uint8_t bytes[SL_ADVERT_LEN];
        encode(&sample, bytes);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1U << bit % 8);
        assert_int_equal(sl_advert_decode(bytes, sizeof(bytes), &primitives, key, &advert),
                         -EBADMSG);
    }
}

static void another_network_is_refused(void **state)
{
    uint8_t bytes[SL_ADVERT_LEN];
    struct sl_advert advert;
    (void)state;
    encode(&sample, bytes);
    assert_int_equal(sl_advert_decode(bytes, sizeof(bytes), &primitives, other_key, &advert),
                     -EBADMSG);
}

/* Well sealed by a member, and nonsense all the same. */
static void nonsense_is_refused(void **state)
{
    const struct sl_advert bad[] = {
        {.id = 0, .root = 0, .psm = 0xc1},
        {.id = 5, .root = 0, .psm = 0xc1},
        {.id = 5, .root = 6, .psm = 0xc1},
        {.id = 5, .root = 5, .psm = 0x25},
    };
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
        uint8_t bytes[SL_ADVERT_LEN];
        struct sl_advert advert;
        encode(&bad[i], bytes);
        assert_int_equal(sl_advert_decode(bytes, sizeof(bytes), &primitives, key, &advert),
                         -EBADMSG);
    }
}

/* Two boards, or one board on two days, differ in id only: no byte of theirs may say so. Of 24
 * random bytes some are equal by chance, but a part that is constant is so for all of 64 pairs. */
static void days_have_nothing_in_common(void **state)
{
    uint8_t first[SL_ADVERT_LEN], next[SL_ADVERT_LEN];
    bool differs[SL_ADVERT_LEN] = {false};
    struct sl_advert advert = sample;
    (void)state;
    encode(&advert, first);
    for (unsigned i = 0; i < 64; i++) {
        size_t same = 0;
        advert.id++;
        encode(&advert, next);
        for (size_t at = 0; at < SL_ADVERT_LEN; at++) {
            differs[at] = differs[at] || first[at] != next[at];
            same += first[at] == next[at];
        }
        assert_true(same < 5);
    }
    for (size_t at = 0; at < SL_ADVERT_LEN; at++)
        assert_true(differs[at]);
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(sl_sodium_init(), 0);
    sl_sodium_primitives(&primitives);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(other_lengths_are_refused),
        cmocka_unit_test(one_bit_more_or_less_is_refused),
        cmocka_unit_test(another_network_is_refused),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(days_have_nothing_in_common),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
