/* Repair: what was missed comes, at a cost that grows with what was missed. */
#include "mesh/sketch.h"
#include "sim/fabric.h"
#include "sim/solo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* No ceilings: these tests are about repair itself. */
static const struct sl_fabric_node_config unlimited = {.quota = {.airtime_percent = 100}};

static struct sl_fabric *pair(uint64_t seed)
{
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
    sl_fabric_add_node(fabric, &unlimited);
    sl_fabric_add_node(fabric, &unlimited);
    sl_fabric_line(fabric);
    return fabric;
}

static void publish(struct sl_fabric *fabric, int node, int count, int tag)
{
    for (int i = 0; i < count; i++) {
        uint8_t payload[100] = {0};
        memcpy(payload, &i, sizeof(i));
        memcpy(payload + 4, &tag, sizeof(tag));
        sl_fabric_publish(fabric, node, payload, sizeof(payload), NULL);
    }
}

static uint64_t repair_bytes(struct sl_fabric *fabric)
{
    return sl_fabric_status(fabric, 0).repair_bytes_out +
           sl_fabric_status(fabric, 1).repair_bytes_out;
}

struct missed_case {
    int common, first, second; /* both hold; only node 0 has; only node 1 has */
    uint64_t bytes_max;        /* of reconciliation */
    sl_time time_max;
};

static void test_cost_grows_with_the_difference_only(void **state)
{
    (void)state;
    const struct missed_case cases[] = {
        {0, 1, 0, 1500, SL_SECOND},
        {5000, 1, 1, 2500, SL_SECOND},
        {1000, 100, 0, 100 * 40, SL_SECOND},
        {5000, 100, 0, 100 * 40, SL_SECOND},
        {1000, 0, 1000, 1000 * 40, SL_SECOND},
        {5000, 1000, 0, 1000 * 40, SL_SECOND},
        {100, 300, 300, 600 * 60, 2 * SL_SECOND},
        {0, 5000, 0, 5000 * 40, 5 * SL_SECOND},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        const struct missed_case *c = &cases[i];
        struct sl_fabric *fabric = pair(100 + i);
        assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
        publish(fabric, 0, c->common, 1);
        assert_true(sl_fabric_run_until_stored(fabric, (size_t)c->common + 2, 30 * SL_SECOND));
        sl_fabric_cut(fabric, 0);
        sl_fabric_run(fabric, 30 * SL_SECOND);
        publish(fabric, 0, c->first, 2);
        publish(fabric, 1, c->second, 3);
        uint64_t before = repair_bytes(fabric);
        sl_fabric_join(fabric, 0);
        assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
        sl_time begin = sl_fabric_now(fabric);
        size_t all = (size_t)(c->common + c->first + c->second) + 2;
        assert_true(sl_fabric_run_until_stored(fabric, all, c->time_max));
        uint64_t bytes = repair_bytes(fabric) - before;
        print_message("%d missed of %d: %lld ms, %llu bytes beside the envelopes\n",
                      c->first + c->second, (int)all,
                      (long long)(sl_fabric_now(fabric) - begin) / 1000, (unsigned long long)bytes);
        assert_true(bytes <= c->bytes_max);
        sl_fabric_free(fabric);
    }
}

/* More than one sketch can tell: the ids are cut up, and all of it still comes. */
static void test_partitions(void **state)
{
    (void)state;
    struct sl_fabric *fabric = pair(2);
    publish(fabric, 0, 4000, 1);
    publish(fabric, 1, 4000, 2); /* counts are equal: nothing hints at the difference */
    assert_true(sl_fabric_run_until_stored(fabric, 8002, 60 * SL_SECOND));
    sl_fabric_free(fabric);
}

static void test_repair_over_loss(void **state)
{
    (void)state;
    const struct sl_medium_config lossy = {
        .loss_permille = 300, .delay = 10 * SL_MILLISECOND, .jitter = 20 * SL_MILLISECOND};
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct sl_fabric *fabric = pair(200 + seed);
        sl_fabric_change_medium(fabric, 0, &lossy);
        publish(fabric, 0, 700, 1);
        publish(fabric, 1, 500, 2);
        assert_true(sl_fabric_run_until_stored(fabric, 1202, 3 * SL_MINUTE));
        sl_fabric_free(fabric);
    }
}

/* Two halves of a network meet at one bridge, hours later. */
static void test_partitioned_networks_merge(void **state)
{
    (void)state;
    enum { NODES = 10, EACH = 30 };
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 4});
    for (int i = 0; i < NODES; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    sl_fabric_cut(fabric, NODES / 2 - 1);
    for (int i = 0; i < NODES; i++)
        publish(fabric, i, EACH, i);
    sl_fabric_run(fabric, 2 * SL_HOUR);
    sl_fabric_join(fabric, NODES / 2 - 1);
    assert_true(sl_fabric_run_until_stored(fabric, NODES * (EACH + 1), 10 * SL_SECOND));
    sl_fabric_free(fabric);
}

/* One that was away does not get everything from each of its neighbours. */
static void test_one_neighbour_gives_at_a_time(void **state)
{
    (void)state;
    enum { NODES = 8, MISSED = 500 };
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 5});
    for (int i = 0; i < NODES; i++)
        sl_fabric_add_node(fabric, &unlimited);
    sl_fabric_mesh(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 20 * SL_SECOND));
    assert_true(sl_fabric_run_until_stored(fabric, NODES, 20 * SL_SECOND));
    sl_fabric_stop(fabric, 0);
    publish(fabric, 1, MISSED, 1);
    assert_true(sl_fabric_run_until_stored(fabric, NODES + MISSED, 60 * SL_SECOND));
    sl_fabric_run(fabric, 5 * SL_SECOND);
    sl_fabric_start(fabric, 0);
    assert_true(sl_fabric_run_until_stored(fabric, NODES + MISSED, 10 * SL_SECOND));
    sl_fabric_run(fabric, 10 * SL_SECOND);
    struct sl_node_status status = sl_fabric_status(fabric, 0);
    assert_true(status.duplicates <= MISSED / 5);
    assert_true(status.sent_envelopes <= MISSED / 5); /* nor tells the others what they told it */
    sl_fabric_free(fabric);
}

/* What comes as a repair passes every check of a fresh envelope. */
static void test_row_10_repair_checks_everything(void **state)
{
    (void)state;
    struct sl_solo solo;
    const uint8_t digest[16] = {1};
    sl_solo_init(&solo, 6, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    memset(peer->link_id, 0xff, 4);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_run(&solo, 5 * SL_SECOND); /* its own identity is out */
    sl_solo_send_identity(&solo, peer);
    /* It claims to hold much more: the node sends its sketch and would take what it lacks. */
    for (int i = 0; i < 3; i++) {
        sl_solo_send_hello(&solo, peer, 1000, digest);
        sl_solo_run(&solo, 500 * SL_MILLISECOND);
    }
    assert_true(peer->elements[SL_ELEMENT_SKETCH] >= 1);
    const struct sl_solo_draft poison[] = {
        {.kind = SL_ENVELOPE_CHANNEL, .payload = "a", .payload_len = 1, .bad_signature = true},
        {.kind = SL_ENVELOPE_CHANNEL, .payload = "b", .payload_len = 1, .hops = SL_HOPS_MAX},
        {.kind = SL_ENVELOPE_CHANNEL,
         .payload = "c",
         .payload_len = 1,
         .lifetime = 5,
         .age_ms = 5000},
        {.kind = SL_ENVELOPE_REVOCATION, .payload = "not a list", .payload_len = 10},
        {.kind = SL_ENVELOPE_IDENTITY, .payload = "not a chain", .payload_len = 11},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(poison); i++)
        sl_solo_send_envelope(&solo, peer, &poison[i]);
    struct sl_node_status status = sl_solo_status(&solo);
    assert_int_equal(status.accepted, 1); /* the identity */
    assert_int_equal(status.stored_count, 2);
    assert_int_equal(status.rejected_signature, 2);
    assert_int_equal(status.rejected_expired, 2);
    assert_int_equal(status.rejected_malformed, 1);
    sl_solo_done(&solo);
}

static void fill_store(struct sl_solo *solo, int count)
{
    uint8_t payload[1000] = {0}, id[SL_ID_LEN];
    for (int i = 0; i < count; i++) {
        memcpy(payload, &i, sizeof(i));
        struct sl_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                                 .created = sl_node_next_created(solo->node, solo->now),
                                 .lifetime = 86400,
                                 .payload = payload,
                                 .payload_len = sizeof(payload)};
        assert_int_equal(sl_node_publish(solo->node, &draft, solo->now, id), 0);
    }
}

/* An empty sketch asks for everything. Without an answer to its marks the node sends 32 frames,
 * four times over while it waits in vain, and then nothing: 160 frames for each sketch at the most.
 */
static void test_row_11_an_empty_sketch(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[SL_SKETCH_PART_LEN + 2048 * SL_SYMBOL_WIRE_LEN] = {0};
    sl_solo_init(&solo, 7, true, NULL);
    fill_store(&solo, 1000);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    uint64_t before = solo.bytes_out;
    for (uint16_t first = 0; first < 2040; first = (uint16_t)(first + 85)) {
        value[3] = (uint8_t)(first >> 8);
        value[4] = (uint8_t)first;
        sl_solo_send_element(&solo, peer, SL_ELEMENT_SKETCH, value,
                             SL_SKETCH_PART_LEN + 85 * SL_SYMBOL_WIRE_LEN);
    }
    sl_solo_drain(&solo);
    sl_solo_run(&solo, SL_SECOND / 10);
    assert_true(peer->elements[SL_ELEMENT_ENVELOPE] >= 16);
    assert_true(solo.bytes_out - before <= 33 * SL_DATAGRAM_MAX);
    sl_solo_run(&solo, SL_MINUTE);
    assert_true(solo.bytes_out - before <= 170 * SL_DATAGRAM_MAX);
    sl_solo_done(&solo);
}

/* The first time it gets all. Then as much as may have been lost on the way, however often it asks.
 */
static void test_row_11_an_empty_sketch_again_and_again(void **state)
{
    (void)state;
    enum { STORED = 20, TIMES = 600, SYMBOLS = 85 };
    struct sl_solo solo;
    uint8_t value[SL_SKETCH_PART_LEN + SYMBOLS * SL_SYMBOL_WIRE_LEN] = {0};
    sl_solo_init(&solo, 9, true, NULL);
    fill_store(&solo, STORED);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    for (int i = 0; i < TIMES; i++) {
        sl_solo_send_element(&solo, peer, SL_ELEMENT_SKETCH, value, sizeof(value));
        sl_solo_run(&solo, SL_SECOND);
        if (peer->elements[SL_ELEMENT_ENVELOPE] < SL_AGAIN_BURST / 2)
            assert_true(peer->elements[SL_ELEMENT_ENVELOPE] >= (uint64_t)(i + 1) * STORED / 2);
    }
    uint64_t trickle = (TIMES + STORED) * SL_AGAIN_RATE;
    assert_true(peer->elements[SL_ELEMENT_ENVELOPE] <= STORED + SL_AGAIN_BURST + trickle);
    sl_solo_done(&solo);
}

/* Sketches of nonsense: refused in bounded time, and no envelope leaves for them. */
static void test_poisoned_sketches(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[SL_FRAME_BODY_MAX - 3];
    sl_solo_init(&solo, 8, true, NULL);
    fill_store(&solo, 20);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    uint64_t before = peer->elements[SL_ELEMENT_ENVELOPE];
    for (int i = 0; i < 2000; i++) {
        solo.primitives.random(solo.primitives.ctx, value, sizeof(value));
        value[0] = (uint8_t)(i % 20);
        value[1] = value[2] = value[3] = 0;
        value[4] = i % 3 == 0 ? 0 : value[4];
        sl_solo_send_element(&solo, peer, SL_ELEMENT_SKETCH, value,
                             SL_SKETCH_PART_LEN + (size_t)(i % 70) * SL_SYMBOL_WIRE_LEN +
                                 (i % 7 == 0));
        sl_solo_run(&solo, SL_MILLISECOND);
    }
    assert_int_equal(sl_solo_status(&solo).neighbour_count, 1);
    assert_true(peer->elements[SL_ELEMENT_ENVELOPE] - before <= 1000);
    assert_true(sl_solo_status(&solo).rejected_malformed >= 200);
    sl_solo_done(&solo);
}

/* WANT for what is not there, MORE that nobody waits for, ECHO of marks never sent: nothing. */
static void test_questions_without_sense(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t ids[65 * 8];
    sl_solo_init(&solo, 9, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_run(&solo, SL_MILLISECOND);
    memset(ids, 7, sizeof(ids));
    uint64_t before = solo.bytes_out;
    sl_solo_send_element(&solo, peer, SL_ELEMENT_WANT, ids, 512);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_WANT, ids, 0);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_MORE, (const uint8_t[5]){0}, 5);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_ECHO, (const uint8_t[2]){9, 9}, 2);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_WHO, ids, 504);
    sl_solo_drain(&solo);
    assert_int_equal(solo.bytes_out, before);
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, 0);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_WANT, ids, 520); /* one too many */
    sl_solo_send_element(&solo, peer, SL_ELEMENT_WANT, ids, 7);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_MORE, ids, 5); /* no such partition */
    sl_solo_send_element(&solo, peer, SL_ELEMENT_MORE, ids, 4);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_MARK, ids, 1);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_ECHO, ids, 3);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_HELLO, ids, 28);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_WHO, ids, 9);
    sl_solo_drain(&solo);
    assert_int_equal(solo.bytes_out, before);
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, 8);
    sl_solo_done(&solo);
}

/* A neighbour whose store always seems different and never gives anything: tries become rare. */
static void test_fruitless_repairs_back_off(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t digest[16] = {3};
    sl_solo_init(&solo, 10, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    for (int i = 0; i < 600; i++) {
        digest[1]++;
        sl_solo_send_hello(&solo, peer, 500, digest);
        sl_solo_run(&solo, SL_SECOND);
    }
    /* Two repairs of which the sketch is sent four times, for no ECHO comes; then once each, after
     * 2, 4, 8, 16, 32, 60, 60, ... seconds: 16 in ten minutes. A sketch of that size is ten
     * elements. */
    assert_in_range(peer->elements[SL_ELEMENT_SKETCH], 10 * 10, (8 + 16) * 10);
    sl_solo_done(&solo);
}

/* Steady traffic both ways must not set off repair after repair. */
static void test_a_busy_link_needs_no_repair(void **state)
{
    (void)state;
    struct sl_fabric *fabric = pair(11);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    sl_fabric_run(fabric, 3 * SL_SECOND);
    uint64_t before = repair_bytes(fabric), sent = sl_fabric_status(fabric, 0).sent_envelopes;
    for (int i = 0; i < 3000; i++) {
        publish(fabric, 0, 1, i);
        sl_fabric_run(fabric, 10 * SL_MILLISECOND);
    }
    sl_fabric_run(fabric, 5 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 0).sent_envelopes - sent, 3000);
    assert_true(repair_bytes(fabric) - before <= 35 * 2 * 2 * 400);
    assert_int_equal(sl_fabric_status(fabric, 1).stored_count, 3002);
    sl_fabric_free(fabric);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cost_grows_with_the_difference_only),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_repair_over_loss),
        cmocka_unit_test(test_partitioned_networks_merge),
        cmocka_unit_test(test_one_neighbour_gives_at_a_time),
        cmocka_unit_test(test_row_10_repair_checks_everything),
        cmocka_unit_test(test_row_11_an_empty_sketch),
        cmocka_unit_test(test_row_11_an_empty_sketch_again_and_again),
        cmocka_unit_test(test_poisoned_sketches),
        cmocka_unit_test(test_questions_without_sense),
        cmocka_unit_test(test_fruitless_repairs_back_off),
        cmocka_unit_test(test_a_busy_link_needs_no_repair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
