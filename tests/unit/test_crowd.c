/* The simulator itself: it repeats itself, its radio does what it says, and it finds what it is
 * for. */
#include "sim/crowd.h"
#include "sim/crowd_event.h"
#include "sim/crowd_ports.h"
#include "sim/crowd_reach.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- The air ---- */

enum { HEARD_MAX = 4096 };

struct ears {
    struct sl_heap heap;
    struct sl_air *air;
    struct {
        int station, from;
        sl_time at;
    } heard[HEARD_MAX];
    size_t heard_count;
};

static void hear(void *arg, int station, const struct sl_air_frame *frame, sl_time now)
{
    struct ears *ears = arg;
    assert_true(ears->heard_count < HEARD_MAX);
    ears->heard[ears->heard_count].station = station;
    ears->heard[ears->heard_count].from = frame->from;
    ears->heard[ears->heard_count++].at = now;
}

/* Stations on a line, so many metres apart, without chance in their paths. */
static struct ears *listen(int count, double apart, unsigned duplicate_permille)
{
    struct ears *ears = calloc(1, sizeof(*ears));
    struct sl_air_config config;
    assert_non_null(ears);
    assert_int_equal(sl_heap_init(&ears->heap, 1 << 16), 0);
    sl_air_config_init(&config);
    config.seed = 1;
    config.station_count = count;
    config.path.shadow_db = 0;
    config.path.asymmetry_db = 0;
    config.path.fade_db = 0;
    config.duplicate_permille = duplicate_permille;
    ears->air = sl_air_new(&config, &ears->heap, hear, ears);
    for (int i = 0; i < count; i++) {
        sl_air_place(ears->air, i, apart * i, 0);
        sl_air_switch(ears->air, i, true, 0);
    }
    sl_air_update(ears->air);
    return ears;
}

static void stop_listening(struct ears *ears)
{
    sl_air_free(ears->air);
    sl_heap_done(&ears->heap);
    free(ears);
}

static void say(struct ears *ears, int from, int to, sl_time now)
{
    static const uint8_t bytes[400];
    struct sl_air_frame frame = {.from = from, .to = to, .len = sizeof(bytes), .bytes = bytes};
    assert_true(sl_air_send(ears->air, &frame, now));
}

static void run_out(struct ears *ears)
{
    sl_time at;
    while ((at = sl_heap_next(&ears->heap)) != SL_NEVER) {
        struct sl_crowd_event *event = sl_crowd_event_of(sl_heap_pop(&ears->heap, at));
        event->fire(event, at);
    }
}

static void test_airtime_is_that_of_the_standard(void **state)
{
    (void)state;
    /* 16 + 8 * (100 + 84) + 6 = 1,494 bits: 63 symbols of 24 bits, 4 us each; 20 us before. */
    assert_int_equal(sl_air_time(100), 20 + 63 * 4);
}

static void test_reach_ends_where_the_path_loss_says(void **state)
{
    (void)state;
    /* 15 dBm - 40 dB - 35 log10(d) = -82 dBm at d = 42.5 m. */
    struct ears *near = listen(2, 42, 0), *far = listen(2, 43, 0);
    say(near, 0, SL_AIR_EVERYONE, 1000);
    say(far, 0, SL_AIR_EVERYONE, 1000);
    run_out(near);
    run_out(far);
    assert_int_equal(near->heard_count, 1);
    assert_int_equal(far->heard_count, 0);
    stop_listening(near);
    stop_listening(far);
}

static void test_those_who_hear_each_other_take_turns(void **state)
{
    (void)state;
    struct ears *ears = listen(3, 10, 0);
    for (int i = 0; i < 100; i++)
        say(ears, i % 2, SL_AIR_EVERYONE, 1000);
    run_out(ears);
    size_t third = 0;
    for (size_t i = 0; i < ears->heard_count; i++)
        third += ears->heard[i].station == 2;
    assert_true(third >= 80); /* two of 16 slots collide now and then */
    stop_listening(ears);
}

static void test_hidden_stations_collide(void **state)
{
    (void)state;
    struct ears *ears = listen(3, 40, 0); /* 0 and 2 do not hear each other, 1 hears both */
    say(ears, 0, SL_AIR_EVERYONE, 1000);
    say(ears, 2, SL_AIR_EVERYONE, 1100);
    run_out(ears);
    assert_int_equal(ears->heard_count, 0);
    struct sl_air_stats stats;
    sl_air_stats(ears->air, &stats);
    assert_int_equal(stats.spoiled, 1);
    stop_listening(ears);
}

static void test_the_stronger_one_is_captured(void **state)
{
    (void)state;
    struct ears *ears = listen(3, 40, 0);
    sl_air_place(ears->air, 0, 30, 0); /* 10 m from station 1, out of reach of 2 */
    sl_air_update(ears->air);
    say(ears, 2, SL_AIR_EVERYONE, 1000);
    say(ears, 0, SL_AIR_EVERYONE, 1100);
    run_out(ears);
    assert_int_equal(ears->heard_count, 1);
    assert_int_equal(ears->heard[0].from, 0);
    stop_listening(ears);
}

static void test_unicast_is_repeated_and_handed_up_once(void **state)
{
    (void)state;
    struct ears *ears = listen(3, 40, 0);
    for (int i = 0; i < 20; i++) {
        say(ears, 0, 1, 1000 + i);
        say(ears, 2, 1, 1000 + i);
    }
    run_out(ears);
    struct sl_air_stats stats;
    sl_air_stats(ears->air, &stats);
    assert_true(stats.retries > 0);
    assert_true(ears->heard_count + stats.failures >= 40);
    assert_true(ears->heard_count <= 40);
    assert_true(ears->heard_count >= 30);
    stop_listening(ears);
}

static void test_nobody_there_costs_eight_tries(void **state)
{
    (void)state;
    struct ears *ears = listen(2, 100, 0);
    say(ears, 0, 1, 1000);
    run_out(ears);
    struct sl_air_stats stats;
    sl_air_stats(ears->air, &stats);
    assert_int_equal(stats.frames, 8);
    assert_int_equal(stats.failures, 1);
    stop_listening(ears);
}

static void test_duplicates_on_order(void **state)
{
    (void)state;
    struct ears *ears = listen(2, 10, 1000);
    say(ears, 0, SL_AIR_EVERYONE, 1000);
    run_out(ears);
    assert_int_equal(ears->heard_count, 2);
    stop_listening(ears);
}

/* ---- Who could get it ---- */

static void test_reach_of_a_line(void **state)
{
    (void)state;
    struct ears *ears = listen(5, 40, 0);
    struct sl_reach *reach = sl_reach_new(5);
    uint8_t hops[5];
    bool holders[5] = {true};
    sl_air_switch(ears->air, 3, false, 0);
    sl_reach_snapshot(reach, ears->air);
    sl_reach_hops(reach, 0, hops);
    assert_int_equal(hops[2], 2);
    assert_int_equal(hops[4], SL_REACH_NEVER);
    sl_reach_expand(reach, holders);
    assert_true(holders[2] && !holders[3] && !holders[4]);

    sl_air_switch(ears->air, 3, true, 0);
    sl_reach_snapshot(reach, ears->air); /* a contact counts when it lasts until the next look */
    sl_reach_expand(reach, holders);
    assert_false(holders[4]);
    sl_reach_snapshot(reach, ears->air);
    sl_reach_expand(reach, holders);
    assert_true(holders[3] && holders[4]);
    assert_true(sl_reach_is_connected(reach));
    sl_reach_free(reach);
    stop_listening(ears);
}

static void test_fewest_senders_of_a_line(void **state)
{
    (void)state;
    struct ears *ears = listen(5, 40, 0), *packed = listen(5, 1, 0);
    struct sl_reach *reach = sl_reach_new(5), *near = sl_reach_new(5);
    sl_reach_snapshot(reach, ears->air);
    assert_int_equal(sl_reach_least(reach, 0), 4); /* the last one need not */
    assert_int_equal(sl_reach_least(reach, 2), 3);
    sl_reach_snapshot(near, packed->air);
    assert_int_equal(sl_reach_least(near, 2), 1);
    sl_air_switch(ears->air, 1, false, 0);
    sl_reach_snapshot(reach, ears->air);
    assert_int_equal(sl_reach_least(reach, 0), 1); /* nobody is there */
    assert_int_equal(sl_reach_least(reach, 2), 2); /* and 3, for 4 */
    sl_reach_free(reach);
    sl_reach_free(near);
    stop_listening(ears);
    stop_listening(packed);
}

/* ---- Whole runs ---- */

static struct sl_crowd_config small(enum sl_crowd_field field)
{
    struct sl_crowd_config config;
    sl_crowd_config_init(&config);
    config.node_count = 12;
    config.field = field;
    config.warm_up = 30 * SL_SECOND;
    config.chat = 30 * SL_SECOND;
    config.settle = 50 * SL_SECOND;
    config.messages_per_hour = 120;
    return config;
}

static char *trace_of(struct sl_crowd_config config, struct sl_crowd_result *ret_result)
{
    char *text = NULL;
    size_t len = 0;
    config.trace = open_memstream(&text, &len);
    assert_non_null(config.trace);
    sl_crowd_run(&config, ret_result);
    assert_int_equal(fclose(config.trace), 0);
    return text;
}

static void test_the_same_seed_gives_the_same_trace(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < SL_CROWD_MODES; mode++) {
        struct sl_crowd_config config = small(SL_CROWD_MARCHING);
        struct sl_crowd_result first, second, other;
        config.mode = mode;
        config.churn = true;
        config.reorder_max = 5 * SL_MILLISECOND;
        char *one = trace_of(config, &first), *two = trace_of(config, &second);
        assert_string_equal(one, two);
        assert_true(first.trace_hash == second.trace_hash && first.steps == second.steps);
        config.seed++;
        sl_crowd_run(&config, &other);
        assert_true(first.trace_hash != other.trace_hash);
        free(one);
        free(two);
    }
}

static void test_every_field_is_lawful_and_delivers(void **state)
{
    (void)state;
    for (unsigned field = 0; field < SL_CROWD_FIELDS; field++) {
        struct sl_crowd_config config = small(field);
        struct sl_crowd_result result;
        sl_crowd_run(&config, &result);
        assert_true(result.messages > 0 && result.deliverable > 0);
        assert_int_equal(result.delivered, result.deliverable);
        assert_int_equal(result.double_deliveries + result.forgeries + result.bound_violations, 0);
    }
}

static void test_flooding_sends_once_for_each_node(void **state)
{
    (void)state;
    struct sl_crowd_config config = small(SL_CROWD_RING);
    struct sl_crowd_result result;
    config.mode = SL_CROWD_FLOODING;
    sl_crowd_run(&config, &result);
    assert_true(result.messages > 0);
    assert_true(result.sends_per_message <= 12.0 && result.sends_per_message > 9);
    assert_true(result.useful > 0.3 && result.useful < 0.7); /* each hears both neighbours */
}

static void test_garbage_takes_air_and_no_more(void **state)
{
    (void)state;
    struct sl_crowd_config config = small(SL_CROWD_STANDING);
    struct sl_crowd_result calm, attacked;
    sl_crowd_run(&config, &calm);
    config.attack = SL_CROWD_GARBAGE;
    sl_crowd_run(&config, &attacked);
    assert_true(attacked.channel_busy > calm.channel_busy + 0.1);
    assert_int_equal(attacked.forgeries + attacked.bound_violations, 0);
}

static struct sl_crowd_result run_against(enum sl_crowd_attack attack, enum sl_crowd_field field)
{
    struct sl_crowd_config config = small(field);
    struct sl_crowd_result result;
    config.attack = attack;
    config.churn = attack == SL_CROWD_LISTENER;
    config.chat = 2 * SL_MINUTE;
    sl_crowd_run(&config, &result);
    assert_int_equal(result.double_deliveries + result.forgeries + result.bound_violations, 0);
    assert_true(result.delivered > 0);
    return result;
}

/* Restarts only; `make sim` holds the same over a day. */
static void test_row_8_a_listener_recognises_nobody(void **state)
{
    (void)state;
    struct sl_crowd_result result = run_against(SL_CROWD_LISTENER, SL_CROWD_PACKED);
    assert_true(result.names_changed > 0);
    assert_int_equal(result.recognised, 0);
}

static void test_row_5_words_changed_on_their_way_are_not_shown(void **state)
{
    (void)state;
    struct sl_crowd_result result = run_against(SL_CROWD_TAMPERER, SL_CROWD_STANDING);
    assert_int_equal(result.delivered, result.deliverable);
}

static void test_black_holes_among_members_stop_nothing(void **state)
{
    (void)state;
    struct sl_crowd_config config = small(SL_CROWD_STANDING);
    struct sl_crowd_result result;
    config.attack = SL_CROWD_SWALLOWERS;
    config.pair_count = 4;
    sl_crowd_run(&config, &result);
    assert_true(result.swallowed > 0 && result.deliverable > 0 && result.directs > 0);
    assert_int_equal(result.delivered, result.deliverable);
    assert_int_equal(result.directs_answered, result.directs);
}

static void test_row_11_who_says_that_it_lacks_everything_gets_little(void **state)
{
    (void)state;
    struct sl_crowd_result result = run_against(SL_CROWD_LEECH, SL_CROWD_STANDING);
    assert_int_equal(result.delivered, result.deliverable);
    assert_true(result.sends_of_flooding < 1.5);
}

static void test_row_16_no_address_gets_more_than_was_sent_in_its_name(void **state)
{
    (void)state;
    struct sl_crowd_result result = run_against(SL_CROWD_REFLECTOR, SL_CROWD_STANDING);
    assert_true(result.reflected > 0.1 && result.reflected <= 1);
}

static void test_row_17_a_clone_is_met_by_its_twin_alone(void **state)
{
    (void)state;
    struct sl_crowd_result result = run_against(SL_CROWD_CLONE, SL_CROWD_PACKED);
    assert_int_equal(result.alarms, 1);
    assert_int_equal(result.delivered, result.deliverable);
}

/* ---- What goes wrong ---- */

static struct sl_crowd_result run_with(unsigned faults, sl_time until)
{
    struct sl_crowd_config config = small(SL_CROWD_LINE);
    struct sl_crowd_result result;
    config.node_count = 21; /* station 20 has NTP that jumps */
    config.faults = faults;
    config.until = until;
    sl_crowd_run(&config, &result);
    assert_int_equal(result.double_deliveries + result.forgeries + result.bound_violations, 0);
    return result;
}

static void test_a_cut_parts_and_heals(void **state)
{
    (void)state;
    struct sl_crowd_result whole = run_with(0, 0);
    assert_int_equal(whole.timed, whole.deliverable);
    for (unsigned fault = SL_CROWD_FAULT_CUT; fault <= SL_CROWD_FAULT_ONE_WAY; fault <<= 1) {
        struct sl_crowd_result cut = run_with(fault, 0);
        assert_true(cut.timed < cut.deliverable); /* some were not connected when it was written */
        assert_int_equal(cut.delivered, cut.deliverable);
    }
}

static void test_slow_nodes_take_their_time(void **state)
{
    (void)state;
    struct sl_crowd_config config = small(SL_CROWD_PACKED);
    struct sl_crowd_result calm, slow;
    config.node_count = 2; /* station 0 is a slow one: what station 1 writes waits there */
    config.messages_per_hour = 3600;
    sl_crowd_run(&config, &calm);
    config.faults = SL_CROWD_FAULT_SLOW;
    sl_crowd_run(&config, &slow);
    assert_true(slow.latency[0].p95 >= calm.latency[0].p50 + 0.003);
    assert_int_equal(slow.delivered, slow.deliverable);
}

static void test_clocks_jump_and_come_back(void **state)
{
    (void)state;
    sl_time amid = 45 * SL_SECOND; /* of 30 to 60, wrong from 37.5 to 52.5 */
    assert_true(run_with(SL_CROWD_FAULT_CLOCK, amid).clock_error_max > 3000);
    assert_true(run_with(SL_CROWD_FAULT_CLOCK, 0).clock_error_max < 2);
}

static void test_a_store_in_trouble_forgets_when_it_goes_off(void **state)
{
    (void)state;
    struct sl_crowd_depot *depot = sl_crowd_depot_new();
    struct sl_crowd_store *store = sl_crowd_store_new(depot);
    struct sl_store_port port;
    struct sl_stored meta = {.id = {1}, .len = 3};
    uint64_t row;
    uint8_t bytes[3];
    sl_crowd_store_port(store, &port);
    assert_int_equal(port.put(port.ctx, &meta, (const uint8_t *)"one", true, &row), 0);
    sl_crowd_store_fail(store, -ENOSPC, -EIO);
    meta.id[0] = 2;
    assert_int_equal(port.put(port.ctx, &meta, (const uint8_t *)"two", true, &row), -ENOSPC);
    assert_int_equal(port.get(port.ctx, row, bytes, sizeof(bytes)), -EIO);
    assert_int_equal(sl_crowd_store_count(store), 2);
    assert_true(sl_crowd_store_restart(store));
    assert_int_equal(sl_crowd_store_count(store), 1);
    sl_crowd_store_fail(store, 0, 0);
    assert_false(sl_crowd_store_restart(store));
    sl_crowd_store_free(store);
    sl_crowd_depot_free(depot);
}

/* Everyone hears everyone; `make sim` holds the same for 200. */
static void test_row_20_control_is_little_of_the_air(void **state)
{
    (void)state;
    struct sl_crowd_config config = small(SL_CROWD_PACKED);
    struct sl_crowd_result result;
    config.node_count = 60;
    sl_crowd_run(&config, &result);
    assert_true(result.delivered == result.deliverable && result.delivered > 0);
    assert_true(result.control_share > 0 && result.control_share < 0.1);
}

static void test_halves_that_were_apart_meet_at_little_cost(void **state)
{
    (void)state;
    struct sl_crowd_config config = small(SL_CROWD_PACKED);
    struct sl_crowd_result result;
    config.node_count = 2;
    config.faults = SL_CROWD_FAULT_APART;
    config.messages_per_hour = 18000;
    config.messages_max = 200;
    sl_crowd_run(&config, &result);
    assert_int_equal(result.messages, 200);
    assert_int_equal(result.delivered, 200); /* each to the one that did not write it */
    assert_true(result.missing_airtime > 0.05);
    assert_true(result.reunion_airtime >= 0.8 * result.missing_airtime);
    assert_true(result.reunion_airtime <= 1.5 * result.missing_airtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_airtime_is_that_of_the_standard),
        cmocka_unit_test(test_reach_ends_where_the_path_loss_says),
        cmocka_unit_test(test_those_who_hear_each_other_take_turns),
        cmocka_unit_test(test_hidden_stations_collide),
        cmocka_unit_test(test_the_stronger_one_is_captured),
        cmocka_unit_test(test_unicast_is_repeated_and_handed_up_once),
        cmocka_unit_test(test_nobody_there_costs_eight_tries),
        cmocka_unit_test(test_duplicates_on_order),
        cmocka_unit_test(test_reach_of_a_line),
        cmocka_unit_test(test_fewest_senders_of_a_line),
        cmocka_unit_test(test_the_same_seed_gives_the_same_trace),
        cmocka_unit_test(test_every_field_is_lawful_and_delivers),
        cmocka_unit_test(test_flooding_sends_once_for_each_node),
        cmocka_unit_test(test_garbage_takes_air_and_no_more),
        cmocka_unit_test(test_row_8_a_listener_recognises_nobody),
        cmocka_unit_test(test_row_5_words_changed_on_their_way_are_not_shown),
        cmocka_unit_test(test_row_11_who_says_that_it_lacks_everything_gets_little),
        cmocka_unit_test(test_row_16_no_address_gets_more_than_was_sent_in_its_name),
        cmocka_unit_test(test_black_holes_among_members_stop_nothing),
        cmocka_unit_test(test_row_17_a_clone_is_met_by_its_twin_alone),
        cmocka_unit_test(test_a_cut_parts_and_heals),
        cmocka_unit_test(test_slow_nodes_take_their_time),
        cmocka_unit_test(test_clocks_jump_and_come_back),
        cmocka_unit_test(test_a_store_in_trouble_forgets_when_it_goes_off),
        cmocka_unit_test(test_row_20_control_is_little_of_the_air),
        cmocka_unit_test(test_halves_that_were_apart_meet_at_little_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
