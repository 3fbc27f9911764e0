/* Which beacons came, against what is written out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/beacons.h"

#include <stdlib.h>

static struct sl_beacons *table;

static int set_up(void **state)
{
    (void)state;
    table = malloc(sizeof(*table));
    if (!table)
        return -1;
    sl_beacons_init(table, 4711);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(table);
    return 0;
}

static struct sl_beacon_source source(uint32_t number)
{
    return (struct sl_beacon_source){
        .bearer = 1, .link_id = {(uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

static void test_gaps_are_counted(void **state)
{
    (void)state;
    struct sl_beacon_source a = source(1);
    const uint8_t came[] = {254, 255, 1, 2};
    const unsigned of_five[] = {1, 2, 3, 4};
    for (size_t i = 0; i < SL_ARRAY_LEN(came); i++) {
        sl_beacons_note(table, &a, came[i], SL_SECOND);
        assert_int_equal(sl_beacons_came(table, &a, 5), of_five[i]);
    }
    assert_int_equal(sl_beacons_came(table, &a, 3), 2);
    sl_beacons_note(table, &a, 7, SL_SECOND); /* four were missed */
    assert_int_equal(sl_beacons_came(table, &a, 5), 1);
    assert_int_equal(sl_beacons_came(table, &a, 8), 3);
}

static void test_replays_change_nothing(void **state)
{
    (void)state;
    struct sl_beacon_source a = source(1);
    for (uint8_t number = 10; number < 14; number += 2)
        sl_beacons_note(table, &a, number, SL_SECOND);
    for (uint8_t number = 6; number < 13; number++)
        sl_beacons_note(table, &a, number, SL_SECOND);
    assert_int_equal(sl_beacons_came(table, &a, 8), 2);
}

static void test_what_is_long_ago_does_not_count(void **state)
{
    (void)state;
    struct sl_beacon_source a = source(1);
    for (uint8_t number = 0; number < 8; number++)
        sl_beacons_note(table, &a, number, SL_SECOND);
    sl_beacons_note(table, &a, 8, SL_HOUR);
    assert_int_equal(sl_beacons_came(table, &a, 8), 1);
    sl_beacons_note(table, &a, 108, SL_HOUR);
    assert_int_equal(sl_beacons_came(table, &a, 8), 1);
}

static void test_failures_begin_anew(void **state)
{
    (void)state;
    struct sl_beacon_source a = source(1), other_bearer = a;
    other_bearer.bearer = 2;
    for (uint8_t number = 0; number < 5; number++) {
        sl_beacons_note(table, &a, number, SL_SECOND);
        sl_beacons_note(table, &other_bearer, number, SL_SECOND);
    }
    sl_beacons_forget(table, &a);
    assert_int_equal(sl_beacons_came(table, &a, 5), 0);
    assert_int_equal(sl_beacons_came(table, &other_bearer, 5), 5);
    sl_beacons_note(table, &a, 5, SL_SECOND);
    assert_int_equal(sl_beacons_came(table, &a, 5), 1);
}

/* Made-up link ids without end: whoever is in the table stays, who is not counts as heard well, and
 * after a minute there is room again. */
static void test_a_full_table(void **state)
{
    (void)state;
    struct sl_beacon_source first = source(0);
    unsigned trusted = 0;
    sl_beacons_note(table, &first, 0, SL_SECOND);
    for (uint32_t i = 1; i < 20000; i++) {
        struct sl_beacon_source other = source(i);
        sl_beacons_note(table, &other, 0, SL_SECOND);
        trusted += sl_beacons_came(table, &other, 5) == 5;
    }
    assert_int_equal(sl_beacons_came(table, &first, 5), 1);
    assert_in_range(trusted, 20000 - SL_BEACONS_MAX, 19000);
    struct sl_beacon_source late = source(30000);
    sl_beacons_note(table, &late, 0, 2 * SL_MINUTE);
    assert_int_equal(sl_beacons_came(table, &late, 5), 1);
}

/* 200 in reach: hardly one of them finds no room. */
static void test_room_for_a_crowd(void **state)
{
    (void)state;
    unsigned known = 0;
    for (uint32_t i = 0; i < 200; i++) {
        struct sl_beacon_source other = source(i);
        sl_beacons_note(table, &other, 0, SL_SECOND);
        known += sl_beacons_came(table, &other, 5) == 1;
    }
    assert_in_range(known, 197, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gaps_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replays_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_long_ago_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures_begin_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_full_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_room_for_a_crowd, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
