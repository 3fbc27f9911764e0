/* Beacons, probes, cookies: who becomes a neighbour, and what it costs to find out. */
#include "sim/fabric.h"
#include "sim/solo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Every datagram that a node sent, to be replayed. */
struct recording {
    struct sl_datagram datagrams[64];
    size_t count;
};

static void record(void *arg, const struct sl_datagram *datagram)
{
    struct recording *recording = arg;
    if (recording->count < SL_ARRAY_LEN(recording->datagrams))
        recording->datagrams[recording->count++] = *datagram;
}

static const struct sl_datagram *recorded(const struct recording *recording,
                                          enum sl_packet_type type)
{
    for (size_t i = 0; i < recording->count; i++)
        if (recording->datagrams[i].bytes[0] == type)
            return &recording->datagrams[i];
    return NULL;
}

static void test_two_nodes_link(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 1});
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    sl_time begin = sl_fabric_now(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    /* Beacon, probe, reply, confirm, four flights: no waiting in between. */
    assert_true(sl_fabric_now(fabric) - begin <= 20 * SL_MILLISECOND);
    sl_fabric_free(fabric);
}

static void test_configured_peers_link_without_broadcast(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 2});
    int medium = sl_fabric_add_medium(fabric, &(struct sl_medium_config){.unicast_only = true});
    for (int i = 0; i < 3; i++) {
        sl_fabric_add_node(fabric, NULL);
        sl_fabric_attach(fabric, medium, i);
    }
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    sl_fabric_free(fabric);
}

static void test_same_peer_twice_is_refused(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_address address = {.len = 2, .bytes = {9, 9}};
    sl_solo_init(&solo, 3, false, NULL);
    assert_int_equal(sl_node_add_peer(solo.node, solo.bearer, &address, solo.now), 0);
    assert_int_equal(sl_node_add_peer(solo.node, solo.bearer, &address, solo.now), -EEXIST);
    for (uint8_t i = 1; i < SL_PEERS_MAX; i++) {
        address.bytes[1] = (uint8_t)(100 + i);
        assert_int_equal(sl_node_add_peer(solo.node, solo.bearer, &address, solo.now), 0);
    }
    address.bytes[0] = 8;
    assert_int_equal(sl_node_add_peer(solo.node, solo.bearer, &address, solo.now), -ENOSPC);
    sl_solo_done(&solo);
}

static void test_outsiders_noise_gets_nothing(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t bytes[SL_DATAGRAM_MAX + 1];
    sl_solo_init(&solo, 4, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    peer->mute = true;
    sl_solo_run(&solo, SL_MILLISECOND);
    uint64_t before = solo.bytes_out;
    for (size_t i = 0; i < 20000; i++) {
        size_t len = i % (sizeof(bytes) + 1);
        solo.primitives.random(solo.primitives.ctx, bytes, len);
        if (len > 0)
            bytes[0] = (uint8_t)(i % 8);
        sl_solo_send(&solo, peer, bytes, len);
    }
    sl_solo_drain(&solo);
    assert_int_equal(solo.bytes_out, before);
    assert_int_equal(sl_solo_status(&solo).heard_count, 0);
    assert_int_equal(sl_solo_status(&solo).rejected_garbage, 20000);
    sl_solo_done(&solo);
}

/* Valid tags, but no cookie ever comes back: not one byte more out than in, and no state. */
static void test_row_11_16_no_amplification_before_the_cookie(void **state)
{
    (void)state;
    struct sl_solo solo;
    const uint8_t wrong[SL_COOKIE_LEN] = {1, 2, 3};
    const enum sl_packet_type types[] = {SL_PACKET_BEACON, SL_PACKET_PROBE, SL_PACKET_REPLY,
                                         SL_PACKET_CONFIRM};
    sl_solo_init(&solo, 5, true, NULL);
    struct sl_fake_peer *victim = sl_solo_add_peer(&solo);
    sl_solo_run(&solo, SL_MILLISECOND); /* it hears the node's link id in a beacon */
    victim->mute = true;
    for (int i = 0; i < 1000; i++) {
        victim->link_id[0]++;
        victim->link_id[1] = (uint8_t)(i >> 8);
        uint64_t in = solo.bytes_in, out = solo.bytes_out;
        sl_solo_send_greeting(&solo, victim, types[i % 4], wrong, wrong);
        sl_solo_drain(&solo);
        assert_true(solo.bytes_out - out <= solo.bytes_in - in);
    }
    assert_int_equal(sl_solo_status(&solo).heard_count, 0);
    assert_int_equal(sl_solo_status(&solo).handshake_count, 0);
    sl_solo_done(&solo);
}

static void test_row_12_replayed_greetings_change_nothing(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 6});
    struct sl_neighbour_info before, after;
    struct sl_solo solo;
    static struct recording recording;
    recording.count = 0;
    sl_solo_init(&solo, 6, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    solo.sent = record;
    solo.sent_arg = &recording;
    assert_true(sl_solo_link(&solo, peer));
    assert_true(sl_node_neighbour(solo.node, 0, &before));
    /* Everything that the peer said once more, from its own address and from another. */
    struct sl_fake_peer *other = sl_solo_add_peer(&solo);
    struct sl_fake_peer *senders[] = {peer, other};
    memcpy(other->link_id, peer->link_id, SL_LINK_ID_LEN);
    memcpy(other->node_id, peer->node_id, SL_LINK_ID_LEN);
    other->mute = true;
    const struct sl_datagram *probe = recorded(&recording, SL_PACKET_PROBE);
    assert_non_null(probe);
    for (size_t i = 0; i < 2; i++) {
        sl_solo_send_greeting(&solo, senders[i], SL_PACKET_BEACON, NULL, NULL);
        sl_solo_send_greeting(&solo, senders[i], SL_PACKET_PROBE, probe->bytes + 17, NULL);
        sl_solo_send_greeting(&solo, senders[i], SL_PACKET_REPLY, probe->bytes + 17,
                              probe->bytes + 17);
        sl_solo_send_greeting(&solo, senders[i], SL_PACKET_CONFIRM, NULL, probe->bytes + 17);
    }
    assert_true(sl_node_neighbour(solo.node, 0, &after));
    assert_int_equal(after.state, SL_LINK_UP);
    assert_int_equal(after.up_since, before.up_since);
    assert_int_equal(sl_solo_status(&solo).heard_count, 1);
    assert_int_equal(sl_solo_status(&solo).handshake_count, 0);
    sl_solo_done(&solo);
    sl_fabric_free(fabric);
}

/* An old cookie is worth nothing: a recorded reply cannot bring a neighbour back. */
static void test_cookies_expire(void **state)
{
    (void)state;
    struct sl_solo solo;
    static struct recording recording;
    recording.count = 0;
    sl_solo_init(&solo, 7, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    sl_solo_run(&solo, SL_MILLISECOND);
    peer->mute = true;
    solo.sent = record;
    solo.sent_arg = &recording;
    sl_solo_send_greeting(&solo, peer, SL_PACKET_BEACON, NULL, NULL);
    sl_solo_drain(&solo);
    const struct sl_datagram *probe = recorded(&recording, SL_PACKET_PROBE);
    assert_non_null(probe);
    sl_solo_run(&solo, 61 * SL_SECOND);
    sl_solo_send_greeting(&solo, peer, SL_PACKET_REPLY, NULL, probe->bytes + 17);
    assert_int_equal(sl_solo_status(&solo).heard_count, 0);
    sl_solo_done(&solo);
}

static void test_a_foreign_network_is_refused_and_counted(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 8});
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_add_node(fabric, &(struct sl_fabric_node_config){.network = 5, .other_secret = true});
    sl_fabric_line(fabric);
    sl_fabric_run(fabric, 10 * SL_SECOND);
    struct sl_node_status status = sl_fabric_status(fabric, 0);
    assert_int_equal(status.heard_count, 0);
    assert_true(status.refused[SL_REFUSAL_FOREIGN] >= 5);
    sl_fabric_free(fabric);
}

static bool tap_beacons(void *arg, const struct sl_fabric_packet *packet, sl_time now)
{
    struct recording *recording = arg;
    (void)now;
    if (packet->bytes[0] == SL_PACKET_BEACON && recording->count < 64) {
        struct sl_datagram *datagram = &recording->datagrams[recording->count++];
        memcpy(datagram->bytes, packet->bytes, packet->len);
        datagram->len = packet->len;
    }
    return true;
}

/* No eight bytes in a row of one day's beacon are in another day's. */
static bool share_bytes(const struct sl_datagram *a, const struct sl_datagram *b)
{
    for (size_t i = 1; i + 8 <= a->len; i++)
        if (memmem(b->bytes + 1, b->len - 1, a->bytes + i, 8))
            return true;
    return false;
}

static void test_row_8_beacons_of_two_days_share_nothing(void **state)
{
    (void)state;
    static struct recording today, tomorrow;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 9});
    today.count = tomorrow.count = 0;
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_attach(fabric, sl_fabric_add_medium(fabric, NULL), 0);
    sl_fabric_set_tap(fabric, tap_beacons, &today);
    sl_fabric_run(fabric, 20 * SL_SECOND);
    sl_fabric_set_tap(fabric, NULL, NULL);
    sl_fabric_run(fabric, SL_DAY);
    sl_fabric_set_tap(fabric, tap_beacons, &tomorrow);
    sl_fabric_run(fabric, 20 * SL_SECOND);
    assert_true(today.count >= 10 && tomorrow.count >= 10);
    for (size_t i = 0; i < today.count; i++)
        for (size_t j = 0; j < tomorrow.count; j++)
            assert_false(share_bytes(&today.datagrams[i], &tomorrow.datagrams[j]));
    sl_fabric_free(fabric);
}

/* The link id changes each day; the link goes over to the new one without a break of a minute. */
static void test_links_survive_the_change_of_day(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 10});
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    for (int hour = 0; hour < 50; hour++) {
        sl_fabric_run(fabric, SL_HOUR / 2);
        assert_int_equal(sl_fabric_status(fabric, 0).neighbour_count, 1);
        assert_int_equal(sl_fabric_status(fabric, 1).neighbour_count, 1);
        assert_true(sl_fabric_status(fabric, 0).heard_count <= 2);
    }
    sl_fabric_free(fabric);
}

/* Members' tags, addresses without end: the table stays at its bound, and a link stays. */
static void test_the_table_of_heard_ones_is_bounded(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 11, true, NULL);
    struct sl_fake_peer *friend = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, friend));
    for (int i = 0; i < 590; i++) {
        struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
        memset(peer->link_id, 0xff, 4); /* the node would be the client */
        peer->half_open = true;
        sl_solo_greet(&solo, peer);
        assert_true(sl_solo_status(&solo).heard_count <= SL_HEARD_MAX);
        assert_true(sl_solo_status(&solo).handshake_count <= SL_HANDSHAKES_MAX);
    }
    assert_int_equal(sl_solo_status(&solo).heard_count, SL_HEARD_MAX);
    assert_int_equal(sl_solo_status(&solo).neighbour_count, 1);
    sl_solo_done(&solo);
}

static bool is_answered(struct sl_solo *solo, struct sl_fake_peer *peer, uint8_t number)
{
    uint64_t before = solo->bytes_out;
    peer->beacon_number = number;
    sl_solo_send_greeting(solo, peer, SL_PACKET_BEACON, NULL, NULL);
    sl_solo_drain(solo);
    return solo->bytes_out > before;
}

/* Links that are there: the more of them on both sides, the more of its beacons must have come. */
static void test_a_link_is_tried_with_whom_is_heard_well(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 21, true, NULL);
    for (size_t links = 0; links <= 5; links++) {
        struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
        peer->mute = true;
        peer->beacon_links = 9;
        assert_true(is_answered(&solo, peer, 100) == (links == 0));
        assert_false(links > 0 && is_answered(&solo, peer, 100));  /* the same once more */
        assert_true(is_answered(&solo, peer, 102) == (links < 4)); /* one was missed */
        assert_true(is_answered(&solo, peer, 104) == (links < 4));
        assert_true(is_answered(&solo, peer, 105) == (links < 4));
        assert_true(is_answered(&solo, peer, 106));
        sl_solo_remove_peer(&solo, peer);
        assert_true(sl_solo_link(&solo, sl_solo_add_peer(&solo)));
    }
    struct sl_fake_peer *lonely = sl_solo_add_peer(&solo);
    lonely->mute = true;
    assert_true(is_answered(&solo, lonely, 7));
    sl_solo_done(&solo);
}

static void test_silent_neighbours_are_forgotten(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 12, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    peer->half_open = true;
    sl_solo_run(&solo, SL_MILLISECOND);
    sl_solo_send_greeting(&solo, peer, SL_PACKET_BEACON, NULL, NULL);
    sl_solo_drain(&solo);
    assert_int_equal(sl_solo_status(&solo).heard_count, 1);
    peer->mute = true;
    sl_solo_run(&solo, 4 * SL_MINUTE);
    assert_int_equal(sl_solo_status(&solo).heard_count, 0);
    sl_solo_done(&solo);
}

static void test_a_node_ignores_itself(void **state)
{
    (void)state;
    struct sl_solo solo;
    static struct recording recording;
    recording.count = 0;
    sl_solo_init(&solo, 13, true, NULL);
    solo.sent = record;
    solo.sent_arg = &recording;
    sl_solo_run(&solo, SL_MILLISECOND);
    const struct sl_datagram *beacon = recorded(&recording, SL_PACKET_BEACON);
    assert_non_null(beacon);
    struct sl_fake_peer *echo = sl_solo_add_peer(&solo);
    uint64_t out = solo.bytes_out;
    sl_solo_send(&solo, echo, beacon->bytes, beacon->len);
    sl_solo_drain(&solo);
    assert_int_equal(solo.bytes_out, out);
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_nodes_link),
        cmocka_unit_test(test_configured_peers_link_without_broadcast),
        cmocka_unit_test(test_same_peer_twice_is_refused),
        cmocka_unit_test(test_outsiders_noise_gets_nothing),
        cmocka_unit_test(test_row_11_16_no_amplification_before_the_cookie),
        cmocka_unit_test(test_row_12_replayed_greetings_change_nothing),
        cmocka_unit_test(test_cookies_expire),
        cmocka_unit_test(test_a_foreign_network_is_refused_and_counted),
        cmocka_unit_test(test_row_8_beacons_of_two_days_share_nothing),
        cmocka_unit_test(test_links_survive_the_change_of_day),
        cmocka_unit_test(test_the_table_of_heard_ones_is_bounded),
        cmocka_unit_test(test_a_link_is_tried_with_whom_is_heard_well),
        cmocka_unit_test(test_silent_neighbours_are_forgotten),
        cmocka_unit_test(test_a_node_ignores_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
