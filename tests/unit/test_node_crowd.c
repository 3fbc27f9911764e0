/* Whom a node answers where many are in reach of each other. */
#include "mesh/crowd.h"
#include "mesh/node_internal.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 200, SMALL = 12 };

static struct sl_solo solo;

static int set_up(void **state)
{
    (void)state;
    sl_solo_init(&solo, 91, true, NULL);
    sl_solo_run(&solo, SL_SECOND);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_solo_done(&solo);
    return 0;
}

/* A beacon of sender `who`; whether it is to be answered. */
static bool hear(int who, uint8_t number, const struct sl_beacon_word *word)
{
    struct sl_greeting beacon = {.type = SL_PACKET_BEACON,
                                 .number = number,
                                 .links = word->links,
                                 .heard = word->heard,
                                 .seeking = word->seeking};
    struct sl_beacon_source source = {.bearer = 0};
    beacon.from[0] = source.link_id[0] = (uint8_t)who;
    beacon.from[1] = source.link_id[1] = 0x77;
    solo.now += 5 * SL_MILLISECOND;
    sl_beacons_note(&solo.node->beacons, &source, number, solo.now);
    return sl_crowd_wants(solo.node, 0, &beacon, solo.now);
}

static int hear_all(int count, uint8_t number)
{
    const struct sl_beacon_word seeking = {.links = 0};
    int wanted = 0;
    for (int i = 0; i < count; i++)
        wanted += hear(i, number, &seeking);
    return wanted;
}

static void test_few_are_all_answered(void **state)
{
    (void)state;
    for (uint8_t number = 0; number < 5; number++)
        assert_int_equal(hear_all(SMALL, number), SMALL);
}

/* Each of 200 answers one beacon in 400: so half a beacon is answered each time. */
static void test_in_a_crowd_hardly_any_is_answered(void **state)
{
    (void)state;
    int wanted = 0;
    hear_all(MANY, 0);
    sl_solo_run(&solo, SL_SECOND);
    for (uint8_t number = 1; number <= 40; number++)
        wanted += hear_all(MANY, number);
    assert_in_range(wanted, 5, 60); /* 20 are to be expected */
}

/* Whoever was just switched on learns from the first beacon where it is. */
static void test_the_word_of_others_counts(void **state)
{
    (void)state;
    const struct sl_beacon_word crowd = {.heard = MANY / SL_BEACON_STEP,
                                         .seeking = MANY / SL_BEACON_STEP};
    int wanted = 0;
    hear(0, 0, &crowd);
    sl_solo_run(&solo, SL_SECOND);
    for (uint8_t number = 1; number <= 100; number++)
        wanted += hear(0, number, &crowd);
    assert_true(wanted <= 5);
}

/* Nobody makes itself known before it knows who is there; what it writes says it at once. */
static void test_it_is_announced_in_time(void **state)
{
    (void)state;
    assert_int_equal(sl_solo_status(&solo).stored_count, 0);
    struct sl_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                             .created = sl_node_next_created(solo.node, solo.now),
                             .lifetime = 60,
                             .payload = (const uint8_t *)"x",
                             .payload_len = 1};
    uint8_t id[SL_ID_LEN];
    assert_int_equal(sl_node_publish(solo.node, &draft, solo.now, id), 0);
    assert_int_equal(sl_solo_status(&solo).stored_count, 2);
    sl_solo_run(&solo, SL_MINUTE);
    assert_int_equal(sl_solo_status(&solo).stored_count, 1); /* and the message is gone */
}

static void test_whoever_is_alone_is_announced_in_the_end(void **state)
{
    (void)state;
    sl_solo_run(&solo, SL_MINUTE);
    assert_int_equal(sl_solo_status(&solo).stored_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_few_are_all_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_in_a_crowd_hardly_any_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_word_of_others_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_is_announced_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whoever_is_alone_is_announced_in_the_end, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
