/* Token buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "mesh/quota.h"

static void test_burst_then_rate(void **state)
{
    (void)state;
    struct sl_bucket b;
    sl_bucket_init(&b, 20, 200, 1000);
    for (int i = 0; i < 200; i++)
        assert_true(sl_bucket_take(&b, 1, 1000));
    assert_false(sl_bucket_take(&b, 1, 1000));
    assert_int_equal(sl_bucket_when(&b, 1, 1000), 1000 + 50000);
    assert_false(sl_bucket_take(&b, 1, 1000 + 49999));
    assert_true(sl_bucket_take(&b, 1, 1000 + 50000));
    assert_false(sl_bucket_take(&b, 1, 1000 + 50000));
}

static void test_never_more_than_the_burst(void **state)
{
    (void)state;
    struct sl_bucket b;
    sl_bucket_init(&b, 20, 200, 0);
    assert_true(sl_bucket_take(&b, 200, 0));
    assert_true(sl_bucket_has(&b, 200, 1000 * SL_DAY));
    assert_false(sl_bucket_has(&b, 201, 1000 * SL_DAY));
    assert_true(sl_bucket_when(&b, 201, 0) == SL_NEVER);
    assert_true(sl_bucket_take(&b, 200, SL_NEVER - 1));
    assert_false(sl_bucket_take(&b, 1, SL_NEVER - 1));
    assert_true(sl_bucket_when(&b, 1, SL_NEVER - 1) == SL_NEVER);
}

static void test_no_limit(void **state)
{
    (void)state;
    struct sl_bucket b;
    sl_bucket_init(&b, 0, 0, 0);
    assert_true(sl_bucket_take(&b, UINT64_MAX, 0));
    assert_true(sl_bucket_has(&b, UINT64_MAX, -5));
    assert_int_equal(sl_bucket_when(&b, UINT64_MAX, 7), 7);
}

static void test_clock_that_goes_back_gives_nothing(void **state)
{
    (void)state;
    struct sl_bucket b;
    sl_bucket_init(&b, 1000, 10, 10 * SL_SECOND);
    assert_true(sl_bucket_take(&b, 10, 10 * SL_SECOND));
    for (int i = 0; i < 100; i++) {
        assert_false(sl_bucket_take(&b, 1, 0));
        assert_false(sl_bucket_take(&b, 1, 10 * SL_SECOND));
    }
    /* It was taken at 10 s: that is where waiting starts. */
    assert_int_equal(sl_bucket_when(&b, 10, 0), 10 * SL_SECOND + 10000);
    /* Nor does taking what is there in the past make room for the same time once more. */
    assert_true(sl_bucket_take(&b, 5, 10 * SL_SECOND + 5000));
    sl_bucket_init(&b, 1000, 10, 10 * SL_SECOND);
    assert_true(sl_bucket_take(&b, 5, 10 * SL_SECOND));
    assert_true(sl_bucket_take(&b, 5, 0));
    assert_false(sl_bucket_has(&b, 1, 10 * SL_SECOND));
}

static void test_has_and_when_take_nothing(void **state)
{
    (void)state;
    struct sl_bucket b;
    sl_bucket_init(&b, 3, 5, 0);
    for (int i = 0; i < 10; i++) {
        assert_true(sl_bucket_has(&b, 5, 0));
        assert_int_equal(sl_bucket_when(&b, 5, 0), 0);
    }
    assert_true(sl_bucket_take(&b, 5, 0));
    assert_true(sl_bucket_take(&b, 0, 0));
}

/* At when(), and not a microsecond earlier, the units are there. */
static void test_when_is_exact(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 3);
    for (int i = 0; i < 20000; i++) {
        struct sl_bucket b;
        uint64_t burst = 1 + sl_prng_below(&prng, 1000000);
        sl_time now = sl_prng_time(&prng, 0, SL_DAY);
        sl_bucket_init(&b, 1 + sl_prng_below(&prng, 3000000), burst, now);
        assert_true(sl_bucket_take(&b, burst - sl_prng_below(&prng, burst), now));
        uint64_t units = 1 + sl_prng_below(&prng, burst);
        sl_time when = sl_bucket_when(&b, units, now);
        assert_true(sl_bucket_has(&b, units, when));
        assert_true(when == now || !sl_bucket_has(&b, units, when - 1));
    }
}

/* Whatever the pattern of asking, what passes in a time is at most burst + rate * time. */
static void test_total_is_bounded(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 4);
    struct sl_bucket b;
    sl_bucket_init(&b, 4000, 8000, 0);
    uint64_t taken = 0;
    sl_time now = 0;
    while (now < 60 * SL_SECOND) {
        now += sl_prng_time(&prng, 0, 100);
        uint64_t units = 1 + sl_prng_below(&prng, 3);
        if (sl_bucket_take(&b, units, now))
            taken += units;
    }
    assert_in_range(taken, 8000 + 4000 * 60 - 10, 8000 + 4000 * 60 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_never_more_than_the_burst),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_clock_that_goes_back_gives_nothing),
        cmocka_unit_test(test_has_and_when_take_nothing),
        cmocka_unit_test(test_when_is_exact),
        cmocka_unit_test(test_total_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
