/* The path loss of the simulator, against figures worked out by hand from its sources. */
#include "sim/crowd_path.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_near(double value, double expected, double tolerance)
{
    if (fabs(value - expected) > tolerance)
        fail_msg("%.4f instead of %.4f", value, expected);
}

static struct sl_path_config without_chance(void (*init)(struct sl_path_config *config))
{
    struct sl_path_config config;
    init(&config);
    config.shadow_db = config.asymmetry_db = 0;
    return config;
}

static double loss(const struct sl_path_config *config, struct sl_path_place a,
                   struct sl_path_place b)
{
    return sl_path_loss(config, 0, 1, &a, &b);
}

static void test_outdoors_by_distance_alone(void **state)
{
    (void)state;
    struct sl_path_config config = without_chance(sl_path_outdoors);
    assert_near(loss(&config, (struct sl_path_place){0}, (struct sl_path_place){30, 40, 0}), 99.46,
                0.01); /* 40 + 35 log10(50) */
    assert_near(sl_path_reach(&config, 99.464), 50, 0.01);
}

static void test_walls_and_floors(void **state)
{
    (void)state;
    struct sl_path_config config = without_chance(sl_path_indoors);
    struct sl_path_place a = {1, 1, 0}, same = {4, 1, 0}, two_walls = {11, 1, 0}, above = {1, 1, 1};
    struct sl_path_place third = {1, 1, 2};
    assert_near(loss(&config, a, same), 40 + 9.54, 0.01);          /* 3 m, no wall */
    assert_near(loss(&config, a, two_walls), 40 + 20 + 6.8, 0.01); /* 10 m */
    assert_near(loss(&config, a, above), 40 + 9.54 + 18.3, 0.01);
    assert_near(loss(&config, a, third), 40 + 15.56 + 18.3 * 1.832, 0.01); /* 2^(4/3 - 0.46) */
}

static void test_shadowing_stays_with_a_pair(void **state)
{
    (void)state;
    struct sl_path_config config;
    struct sl_path_place a = {0, 0, 0}, b = {20, 0, 0};
    sl_path_outdoors(&config);
    double sum = 0, squares = 0, apart = 0;
    const int count = 2000;
    for (int i = 0; i < count; i++) {
        double there = sl_path_loss(&config, i, i + count, &a, &b);
        double back = sl_path_loss(&config, i + count, i, &b, &a);
        assert_true(there == sl_path_loss(&config, i, i + count, &a, &b));
        sum += there;
        squares += there * there;
        apart += pow(there - back, 2);
    }
    double mean = sum / count, sigma = sqrt(squares / count - mean * mean);
    assert_near(mean, 85.54, 0.5);               /* 40 + 35 log10(20) */
    assert_near(sigma, 6.32, 0.4);               /* of 6 and 2 */
    assert_near(sqrt(apart / count), 2.83, 0.3); /* two of 2 dB */
}

static void test_fades_are_normal_in_decibels(void **state)
{
    (void)state;
    struct sl_path_config config;
    float fades[SL_PATH_FADES];
    sl_path_outdoors(&config);
    sl_path_fades(&config, fades);
    double sum = 0, squares = 0;
    for (int i = 0; i < SL_PATH_FADES; i++) {
        double decibels = 10 * log10((double)fades[i]);
        sum += decibels;
        squares += decibels * decibels;
    }
    assert_near(sum / SL_PATH_FADES, 0, 0.01);
    assert_near(sqrt(squares / SL_PATH_FADES), config.fade_db, 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outdoors_by_distance_alone),
        cmocka_unit_test(test_walls_and_floors),
        cmocka_unit_test(test_shadowing_stays_with_a_pair),
        cmocka_unit_test(test_fades_are_normal_in_decibels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
