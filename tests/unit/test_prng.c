/* The generator against published values of xoshiro256** and splitmix64, and its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"

#include <string.h>

static void test_splitmix64_reference(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317),  UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),  UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821),
    };
    uint64_t x = 1234567;
    for (size_t i = 0; i < SL_ARRAY_LEN(expected); i++)
        assert_true(sl_splitmix64(&x) == expected[i]);
    x = 0;
    assert_true(sl_splitmix64(&x) == UINT64_C(0xe220a8397b1dcdaf));
}

/* The authors' C code, started from the state 1, 2, 3, 4. */
static void test_xoshiro_reference(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct sl_prng prng = {{1, 2, 3, 4}};
    for (size_t i = 0; i < SL_ARRAY_LEN(expected); i++)
        assert_true(sl_prng_next(&prng) == expected[i]);
}

static void test_seeded_through_splitmix64(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 1234567);
    uint64_t x = 1234567;
    for (size_t i = 0; i < 4; i++)
        assert_true(prng.state[i] == sl_splitmix64(&x));
    struct sl_prng other;
    sl_prng_init(&other, 1234568);
    assert_true(sl_prng_next(&prng) != sl_prng_next(&other));
}

static void test_below_is_uniform(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 1);
    unsigned counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t value = sl_prng_below(&prng, 7);
        assert_true(value < 7);
        counts[value]++;
    }
    /* Expected 10000 each, standard deviation about 93. */
    for (size_t i = 0; i < 7; i++)
        assert_in_range(counts[i], 9500, 10500);
}

/* With a bound of three quarters of 2^64, a plain modulo gives the lowest third of the results
 * twice as often as it should. */
static void test_below_has_no_modulo_bias(void **state)
{
    (void)state;
    const uint64_t bound = UINT64_C(3) << 62;
    struct sl_prng prng;
    sl_prng_init(&prng, 2);
    unsigned lowest_third = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t value = sl_prng_below(&prng, bound);
        assert_true(value < bound);
        lowest_third += value < bound / 3;
    }
    assert_in_range(lowest_third, 9500, 10500);
}

static void test_below_edges(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 3);
    for (int i = 0; i < 100; i++) {
        assert_true(sl_prng_below(&prng, 1) == 0);
        assert_true(sl_prng_below(&prng, 2) < 2);
        assert_true(sl_prng_below(&prng, UINT64_MAX) < UINT64_MAX);
    }
    /* A power of two rejects nothing: the low bits of the plain output. */
    struct sl_prng twin = prng;
    for (int i = 0; i < 100; i++) {
        assert_true(sl_prng_below(&prng, 256) == (sl_prng_next(&twin) & 255));
        assert_true(sl_prng_below(&prng, UINT64_C(1) << 63) == sl_prng_next(&twin) << 1 >> 1);
    }
}

static void test_time_covers_its_range(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 4);
    bool seen[5] = {false};
    for (int i = 0; i < 500; i++) {
        sl_time t = sl_prng_time(&prng, -2, 2);
        assert_true(t >= -2 && t <= 2);
        seen[t + 2] = true;
    }
    for (size_t i = 0; i < 5; i++)
        assert_true(seen[i]);
    assert_true(sl_prng_time(&prng, 9, 9) == 9);
    assert_true(sl_prng_time(&prng, INT64_MAX, INT64_MAX) == INT64_MAX);
    bool negative = false;
    bool positive = false;
    for (int i = 0; i < 100; i++) {
        sl_time t = sl_prng_time(&prng, INT64_MIN, INT64_MAX);
        negative |= t < 0;
        positive |= t > 0;
    }
    assert_true(negative && positive);
}

/* Little-endian words on every machine, and never past `len`. */
static void test_bytes(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 20; len++) {
        struct sl_prng prng;
        sl_prng_init(&prng, 5);
        struct sl_prng twin = prng;
        uint8_t bytes[24];
        memset(bytes, 0xaa, sizeof(bytes));
        sl_prng_bytes(&prng, bytes, len);
        uint64_t word = 0;
        for (size_t i = 0; i < len; i++) {
            if (i % 8 == 0)
                word = sl_prng_next(&twin);
            assert_int_equal(bytes[i], word >> (i % 8 * 8) & 255);
        }
        for (size_t i = len; i < sizeof(bytes); i++)
            assert_int_equal(bytes[i], 0xaa);
        assert_memory_equal(&prng, &twin, sizeof(prng));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splitmix64_reference),      cmocka_unit_test(test_xoshiro_reference),
        cmocka_unit_test(test_seeded_through_splitmix64), cmocka_unit_test(test_below_is_uniform),
        cmocka_unit_test(test_below_has_no_modulo_bias),  cmocka_unit_test(test_below_edges),
        cmocka_unit_test(test_time_covers_its_range),     cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
