/* Bluetooth in the simulator: the medium by itself, and boards that mesh over it. */
#include "sim/crowd.h"
#include "sim/crowd_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STATIONS = 12, LEN = 1232 };

/* Stations 5 m apart in a line, without shadowing. */
struct desk {
    struct sl_heap heap;
    struct sl_ble *ble;
    sl_time now;
    uint64_t received[STATIONS], closed[STATIONS];
    uint32_t last_end;
    uint8_t next[STATIONS]; /* number of the frame that comes next, from station 0 */
    bool in_order;
};

static void receive(void *arg, int station, uint32_t end, const struct sl_air_frame *frame,
                    sl_time now)
{
    (void)now;
    struct desk *desk = arg;
    desk->received[station]++;
    desk->last_end = end;
    desk->in_order = desk->in_order && frame->bytes[0] == desk->next[station]++ &&
                     frame->bytes[frame->len - 1] == frame->bytes[0];
}

static void closed(void *arg, int station, uint32_t end, sl_time now)
{
    (void)end, (void)now;
    struct desk *desk = arg;
    desk->closed[station]++;
}

static void set_up(struct desk *desk, double metres)
{
    *desk = (struct desk){.in_order = true};
    assert_int_equal(sl_heap_init(&desk->heap, 1 << 16), 0);
    struct sl_ble_config config = {.seed = 3, .station_count = STATIONS, .queue_cap = 1000};
    sl_path_outdoors(&config.path);
    config.path.seed = 3;
    config.path.shadow_db = config.path.asymmetry_db = 0;
    struct sl_ble_events events = {.arg = desk, .receive = receive, .closed = closed};
    desk->ble = sl_ble_new(&config, &desk->heap, &events);
    for (int i = 0; i < STATIONS; i++) {
        sl_ble_place(desk->ble, i, &(struct sl_path_place){.x = metres * i});
        sl_ble_switch(desk->ble, i, true, 0);
    }
    sl_ble_update(desk->ble, 0);
}

static void tear_down(struct desk *desk)
{
    sl_ble_free(desk->ble);
    sl_heap_done(&desk->heap);
}

static void run(struct desk *desk, sl_time duration)
{
    sl_time until = desk->now + duration, next;
    while ((next = sl_heap_next(&desk->heap)) <= until) {
        desk->now = next;
        struct sl_crowd_event *event = sl_crowd_event_of(sl_heap_pop(&desk->heap, desk->now));
        event->fire(event, desk->now);
    }
    desk->now = until;
}

static bool send(struct desk *desk, uint32_t end, uint8_t number, size_t len)
{
    uint8_t bytes[LEN];
    memset(bytes, number, sizeof(bytes));
    struct sl_air_frame frame = {.bytes = bytes, .len = len};
    return sl_ble_send(desk->ble, end, &frame, desk->now);
}

static void test_datagrams_come_whole_and_in_order(void **state)
{
    (void)state;
    struct desk desk;
    set_up(&desk, 5);
    uint32_t end = sl_ble_open(desk.ble, 0, 1, 0);
    assert_int_not_equal(end, 0);
    assert_int_equal(sl_ble_peer(desk.ble, end), 1);
    assert_int_equal(sl_ble_peer(desk.ble, end + 1), 0);
    for (int i = 0; i < 200; i++)
        assert_true(send(&desk, end, (uint8_t)i, i % 2 ? LEN : 20));
    run(&desk, 10 * SL_SECOND);
    assert_int_equal(desk.received[1], 200);
    assert_int_equal(desk.last_end, end + 1);
    assert_true(desk.in_order);
    tear_down(&desk);
}

/* 251 of 247 + 4 bytes in 2,088 + 80 us and two gaps of 150: 0.80 Mbit/s at most. */
static void test_a_link_alone_has_the_rate_of_the_standard(void **state)
{
    (void)state;
    struct desk desk;
    set_up(&desk, 5);
    uint32_t end = sl_ble_open(desk.ble, 0, 1, 0);
    for (int i = 0; i < 1000; i++)
        send(&desk, end, (uint8_t)i, LEN);
    run(&desk, 5 * SL_SECOND);
    double rate = (double)desk.received[1] * LEN * 8 / 5;
    assert_true(rate > 650e3 && rate < 800e3);
    tear_down(&desk);
}

static void test_seven_links_share_a_radio(void **state)
{
    (void)state;
    struct desk desk;
    uint64_t sum = 0, least = UINT64_MAX;
    set_up(&desk, 2);
    for (int peer = 1; peer <= 7; peer++) {
        uint32_t end = sl_ble_open(desk.ble, 0, peer, 0);
        for (int i = 0; i < 400; i++)
            send(&desk, end, (uint8_t)i, LEN);
    }
    assert_int_equal(sl_ble_link_count(desk.ble, 0), 7);
    run(&desk, 10 * SL_SECOND);
    for (int peer = 1; peer <= 7; peer++) {
        sum += desk.received[peer];
        least = desk.received[peer] < least ? desk.received[peer] : least;
    }
    double rate = (double)sum * LEN * 8 / 10;
    assert_true(rate > 250e3 && rate < 800e3); /* events collide */
    assert_true(least * 7 * 2 > sum);          /* nobody gets less than half of its share */
    tear_down(&desk);
}

static void test_who_is_far_has_no_link(void **state)
{
    (void)state;
    struct desk desk;
    int reached[STATIONS];
    set_up(&desk, 10); /* 94 dB are lost in 35 m */
    assert_int_equal(sl_ble_open(desk.ble, 0, 4, 0), 0);
    assert_int_equal(sl_ble_reached(desk.ble, 0, reached), 3);
    uint32_t end = sl_ble_open(desk.ble, 0, 3, 0);
    assert_int_not_equal(end, 0);
    /* It walks away; the other one is told, too. */
    sl_ble_place(desk.ble, 3, &(struct sl_path_place){.x = 500});
    sl_ble_update(desk.ble, desk.now);
    assert_int_equal(desk.closed[0], 1);
    assert_int_equal(desk.closed[3], 1);
    assert_false(send(&desk, end, 1, LEN));
    /* Goes off; a new link there has another number. */
    uint32_t first = sl_ble_open(desk.ble, 0, 1, 0);
    sl_ble_switch(desk.ble, 1, false, desk.now);
    assert_int_equal(desk.closed[0], 2);
    assert_int_equal(sl_ble_open(desk.ble, 0, 1, 0), 0);
    sl_ble_switch(desk.ble, 1, true, desk.now);
    uint32_t second = sl_ble_open(desk.ble, 0, 1, 0);
    assert_true(second != 0 && second != first);
    /* Whoever closes it is not told. */
    sl_ble_close(desk.ble, second, desk.now);
    assert_int_equal(desk.closed[0], 2);
    assert_int_equal(desk.closed[1], 2);
    tear_down(&desk);
}

/* ---- Crowds ---- */

static struct sl_crowd_config crowd_of(int nodes, uint64_t seed)
{
    struct sl_crowd_config config;
    sl_crowd_config_init(&config);
    config.node_count = nodes;
    config.seed = seed;
    config.chat = SL_MINUTE;
    config.messages_per_hour = 60;
    return config;
}

/* Seven links keep a field together, and along the tree each board gets a message about once. */
static void test_a_field_of_bluetooth_boards_is_one_mesh(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct sl_crowd_config config = crowd_of(50, seed);
        struct sl_crowd_result result, again;
        config.bluetooth_percent = 100;
        sl_crowd_run(&config, &result);
        assert_in_range(result.ble_links_most, 2, SL_BLUETOOTH_LINKS_MAX);
        assert_int_equal(result.parts_linked, result.parts_in_reach);
        assert_true(result.messages > 20);
        assert_int_equal(result.delivered, result.deliverable);
        assert_int_equal(result.stuck, 0);
        assert_true(result.timely * 100 >= result.timed * 98);
        assert_true(result.sends_of_flooding < 1.25);
        assert_true(result.useful > 0.75);
        assert_int_equal(result.air.frames, 0); /* nobody has Wi-Fi */
        assert_int_equal(result.double_deliveries + result.forgeries + result.bound_violations, 0);
        sl_crowd_run(&config, &again);
        assert_true(result.trace_hash == again.trace_hash);
    }
}

/* Some have this, some that, and those with both join the two. */
static void test_boards_with_both_join_the_two(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct sl_crowd_config config = crowd_of(40, seed);
        struct sl_crowd_result result;
        config.bluetooth_percent = 40;
        config.both_percent = 20;
        sl_crowd_run(&config, &result);
        assert_int_equal(result.delivered, result.deliverable);
        assert_int_equal(result.parts_linked, result.parts_in_reach);
        assert_true(result.air.frames > 0 && result.ble.delivered > 0);
        assert_int_equal(result.double_deliveries + result.forgeries + result.bound_violations, 0);
    }
}

static void test_bluetooth_boards_come_and_go(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct sl_crowd_config config = crowd_of(40, seed);
        struct sl_crowd_result result;
        config.bluetooth_percent = 100;
        config.churn = true;
        sl_crowd_run(&config, &result);
        assert_true(result.delivered * 1000 >= result.deliverable * 995);
        assert_int_equal(result.double_deliveries + result.forgeries + result.bound_violations, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagrams_come_whole_and_in_order),
        cmocka_unit_test(test_a_link_alone_has_the_rate_of_the_standard),
        cmocka_unit_test(test_seven_links_share_a_radio),
        cmocka_unit_test(test_who_is_far_has_no_link),
        cmocka_unit_test(test_a_field_of_bluetooth_boards_is_one_mesh),
        cmocka_unit_test(test_boards_with_both_join_the_two),
        cmocka_unit_test(test_bluetooth_boards_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
