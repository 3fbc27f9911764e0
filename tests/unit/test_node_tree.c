/* Links that are one-to-one: payloads along a tree, ids along the rest. */
#include "sim/fabric.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GRAFT_TIME (SL_SECOND) /* an id, its wait of 0.4 s, the answer */

static const struct sl_medium_config cable = {.unicast_only = true, .rate_bps = 1000000};

static struct sl_fabric *fabric_of(uint64_t seed, int count)
{
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
    for (int i = 0; i < count; i++)
        sl_fabric_add_node(fabric, NULL);
    return fabric;
}

static void join(struct sl_fabric *fabric, int a, int b, const struct sl_medium_config *config)
{
    int medium = sl_fabric_add_medium(fabric, config);
    sl_fabric_attach(fabric, medium, a);
    sl_fabric_attach(fabric, medium, b);
}

/* Three links a node and more: i to i + 1 and, for every other, half way around. */
static void connect_in_ladder(struct sl_fabric *fabric, const struct sl_medium_config *config)
{
    int count = sl_fabric_node_count(fabric);
    for (int i = 0; i < count; i++) {
        join(fabric, i, (i + 1) % count, config);
        if (i % 2 == 0)
            join(fabric, i, (i + count / 2 + 1) % count, config);
    }
}

static uint64_t total_sent(struct sl_fabric *fabric)
{
    uint64_t sent = 0;
    for (int i = 0; i < sl_fabric_node_count(fabric); i++)
        sent += sl_fabric_status(fabric, i).sent_envelopes;
    return sent;
}

static void settle(struct sl_fabric *fabric)
{
    size_t count = (size_t)sl_fabric_node_count(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 20 * SL_SECOND));
    assert_true(sl_fabric_run_until_stored(fabric, count, 60 * SL_SECOND));
    sl_fabric_run(fabric, 5 * SL_SECOND);
}

/* One after the other, so that the tree can settle; then sends and the longest time are those of
 * the second half. */
static void publish_in_turn(struct sl_fabric *fabric, int envelopes, uint64_t *ret_sent,
                            sl_time *ret_longest)
{
    int nodes = sl_fabric_node_count(fabric);
    size_t stored = sl_fabric_status(fabric, 0).stored_count;
    *ret_longest = 0;
    for (int i = 0; i < envelopes; i++) {
        if (i == envelopes / 2)
            *ret_sent = total_sent(fabric);
        sl_time begin = sl_fabric_now(fabric);
        sl_fabric_publish(fabric, i * 5 % nodes, &i, sizeof(i), NULL);
        assert_true(sl_fabric_run_until_stored(fabric, ++stored, 20 * SL_SECOND));
        sl_time took = sl_fabric_now(fabric) - begin;
        if (i >= envelopes / 2 && took > *ret_longest)
            *ret_longest = took;
        sl_fabric_run(fabric, 2 * SL_SECOND);
    }
    *ret_sent = total_sent(fabric) - *ret_sent;
}

static void test_payloads_go_along_a_tree(void **state)
{
    (void)state;
    enum { NODES = 20, ENVELOPES = 40 };
    struct sl_fabric *fabric = fabric_of(1, NODES);
    uint64_t sent;
    sl_time longest;
    connect_in_ladder(fabric, &cable);
    settle(fabric);
    publish_in_turn(fabric, ENVELOPES, &sent, &longest);
    /* Each node but the author gets it once; flooding over 30 links takes 41 sends. */
    assert_true(sent >= ENVELOPES / 2 * (NODES - 1));
    assert_true(sent <= ENVELOPES / 2 * (NODES - 1) * 105 / 100);
    assert_true(longest < GRAFT_TIME);
    sl_fabric_free(fabric);
}

static void test_twelve_configured_peers_send_no_copies(void **state)
{
    (void)state;
    enum { NODES = 12, ENVELOPES = 24 };
    struct sl_fabric *fabric = fabric_of(2, NODES);
    uint64_t sent;
    sl_time longest;
    int medium = sl_fabric_add_medium(fabric, &cable);
    for (int i = 0; i < NODES; i++)
        sl_fabric_attach(fabric, medium, i);
    settle(fabric);
    publish_in_turn(fabric, ENVELOPES, &sent, &longest);
    assert_true(sent <= ENVELOPES / 2 * (NODES - 1) * 105 / 100);
    assert_true(longest < GRAFT_TIME);
    sl_fabric_free(fabric);
}

/* Whatever link dies, what is under way goes another way long before the link counts as lost. */
static void test_a_dead_branch_is_replaced(void **state)
{
    (void)state;
    enum { NODES = 10 };
    for (int dead = 0; dead < NODES; dead++) {
        struct sl_fabric *fabric = fabric_of(3, NODES);
        uint64_t sent;
        sl_time longest;
        connect_in_ladder(fabric, &cable);
        settle(fabric);
        publish_in_turn(fabric, 6, &sent, &longest);
        size_t stored = sl_fabric_status(fabric, 0).stored_count;
        sl_fabric_cut(fabric, dead);
        sl_fabric_publish(fabric, 0, "under way", 9, NULL);
        assert_true(sl_fabric_run_until_stored(fabric, stored + 1, GRAFT_TIME));
        sl_fabric_free(fabric);
    }
}

static void test_loss_is_made_up_for(void **state)
{
    (void)state;
    enum { NODES = 20, ENVELOPES = 30 };
    struct sl_medium_config lossy = cable;
    struct sl_fabric *fabric = fabric_of(4, NODES);
    uint64_t sent;
    sl_time longest;
    lossy.loss_permille = 200;
    connect_in_ladder(fabric, &lossy);
    settle(fabric);
    publish_in_turn(fabric, ENVELOPES, &sent, &longest);
    assert_true(longest < 5 * SL_SECOND);
    /* Flooding over these links takes 41, and repair. */
    assert_true(sent <= ENVELOPES / 2 * 2 * (NODES - 1));
    sl_fabric_free(fabric);
}

enum { SQUARE = 8, ENVELOPES = 20 };

static int compare_bytes(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Two squares of boards that hear each other, and Bluetooth between them, in three places: one
 * payload crosses, and the broadcasts stay as few as without it. */
static uint64_t bytes_over_bridges(uint64_t seed)
{
    struct sl_fabric *fabric = fabric_of(seed, 2 * SQUARE);
    uint64_t before[4], crossed = 0;
    int bridges[3];
    for (int side = 0; side < 2; side++) {
        int medium = sl_fabric_add_medium(fabric, NULL);
        for (int i = 0; i < SQUARE; i++)
            sl_fabric_attach(fabric, medium, side * SQUARE + i);
    }
    for (int i = 0; i < 3; i++) {
        bridges[i] = sl_fabric_add_medium(fabric, &cable);
        sl_fabric_attach(fabric, bridges[i], i);
        sl_fabric_attach(fabric, bridges[i], SQUARE + i);
    }
    settle(fabric);
    uint64_t sent;
    sl_time longest;
    publish_in_turn(fabric, ENVELOPES, &sent, &longest);
    assert_true(longest < GRAFT_TIME);
    for (int i = 0; i < 3; i++)
        before[i] = sl_fabric_bytes(fabric, bridges[i]);
    for (int i = 0; i < ENVELOPES; i++) {
        uint8_t text[900] = {(uint8_t)i};
        sl_fabric_publish(fabric, i % (2 * SQUARE), text, sizeof(text), NULL);
        sl_fabric_run(fabric, 500 * SL_MILLISECOND);
    }
    for (int i = 0; i < 3; i++)
        crossed += sl_fabric_bytes(fabric, bridges[i]) - before[i];
    sl_fabric_free(fabric);
    return crossed;
}

static void test_broadcast_and_tree_on_the_same_node(void **state)
{
    (void)state;
    uint64_t crossed[5];
    for (size_t i = 0; i < SL_ARRAY_LEN(crossed); i++)
        crossed[i] = bytes_over_bridges(i + 1);
    qsort(crossed, SL_ARRAY_LEN(crossed), sizeof(crossed[0]), compare_bytes);
    /* 1,022 bytes each with all headers; 100 a second for the hellos of three links both ways. */
    assert_true(crossed[2] <= ENVELOPES * 1022 * 5 / 4 + ENVELOPES / 2 * 600);
}

/* ---- One node, and peers that say what they like ---- */

static void put_u64(uint8_t *bytes, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        bytes[i] = (uint8_t)value;
}

static void send_have(struct sl_solo *solo, struct sl_fake_peer *peer, uint64_t short_id)
{
    uint8_t value[SL_SHORT_ID_LEN];
    put_u64(value, short_id);
    sl_solo_send_element(solo, peer, SL_ELEMENT_HAVE, value, sizeof(value));
    sl_solo_drain(solo);
}

static void begin(struct sl_solo *solo, uint64_t seed, struct sl_fake_peer **ret_peers,
                  size_t count)
{
    sl_solo_init(solo, seed, false, NULL);
    for (size_t i = 0; i < count; i++) {
        ret_peers[i] = sl_solo_add_peer(solo);
        assert_true(sl_solo_link(solo, ret_peers[i]));
        sl_solo_send_identity(solo, ret_peers[i]);
    }
    sl_solo_run(solo, SL_SECOND);
}

static void test_a_second_copy_prunes(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peers[2];
    uint8_t value[SL_ENVELOPE_MAX];
    begin(&solo, 10, peers, 2);
    struct sl_solo_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL, .payload = "twice", .payload_len = 5};
    size_t len = sl_solo_envelope(&solo, peers[0], &draft, value);
    uint64_t prunes = peers[1]->elements[SL_ELEMENT_PRUNE];
    sl_solo_send_element(&solo, peers[0], SL_ELEMENT_ENVELOPE, value, len);
    sl_solo_drain(&solo);
    assert_int_equal(peers[1]->elements[SL_ELEMENT_PRUNE], prunes);
    for (int i = 0; i < 5; i++) /* those behind it were under way */
        sl_solo_send_element(&solo, peers[1], SL_ELEMENT_ENVELOPE, value, len);
    sl_solo_drain(&solo);
    assert_int_equal(peers[1]->elements[SL_ELEMENT_PRUNE], prunes + 1);
    assert_int_equal(peers[0]->elements[SL_ELEMENT_PRUNE], 0);
    /* From now on it gets ids only, and the payload on demand. */
    uint64_t envelopes = peers[1]->elements[SL_ELEMENT_ENVELOPE];
    uint64_t haves = peers[1]->elements[SL_ELEMENT_HAVE];
    sl_solo_send_text(&solo, peers[0], "next");
    sl_solo_run(&solo, 100 * SL_MILLISECOND);
    assert_int_equal(peers[1]->elements[SL_ELEMENT_ENVELOPE], envelopes);
    assert_int_equal(peers[1]->elements[SL_ELEMENT_HAVE], haves + 1);
    sl_solo_done(&solo);
}

static void test_what_is_announced_is_not_asked_for_at_once(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peers[2];
    begin(&solo, 11, peers, 2);
    send_have(&solo, peers[0], UINT64_C(0x1122334455667788));
    sl_solo_run(&solo, 300 * SL_MILLISECOND);
    assert_int_equal(peers[0]->elements[SL_ELEMENT_GRAFT], 0);
    sl_solo_run(&solo, 200 * SL_MILLISECOND);
    assert_int_equal(peers[0]->elements[SL_ELEMENT_GRAFT], 1);
    sl_solo_done(&solo);
}

/* A neighbour that announces and does not give is asked once, then the other one; the next time
 * the other one is asked first. */
static void test_a_liar_delays_once(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peers[2];
    begin(&solo, 12, peers, 2);
    for (uint64_t i = 0; i < 4; i++) {
        uint8_t value[SL_ENVELOPE_MAX], id[SL_ID_LEN];
        struct sl_envelope envelope;
        struct sl_solo_draft draft = {
            .kind = SL_ENVELOPE_CHANNEL, .payload = &i, .payload_len = sizeof(i)};
        size_t len = sl_solo_envelope(&solo, peers[1], &draft, value);
        assert_int_equal(
            sl_envelope_decode(value + SL_ENVELOPE_MUTABLE, len - SL_ENVELOPE_MUTABLE, &envelope),
            0);
        sl_envelope_id(&envelope, &solo.primitives, id);
        uint64_t short_id = 0;
        for (size_t j = 0; j < SL_SHORT_ID_LEN; j++)
            short_id = short_id << 8 | id[j];
        uint64_t asked = peers[1]->elements[SL_ELEMENT_GRAFT];
        uint64_t asked_liar = peers[0]->elements[SL_ELEMENT_GRAFT];
        send_have(&solo, peers[0], short_id);
        send_have(&solo, peers[1], short_id);
        sl_solo_run(&solo, (i == 0 ? 850 : 450) * SL_MILLISECOND);
        assert_int_equal(peers[1]->elements[SL_ELEMENT_GRAFT], asked + 1);
        assert_int_equal(peers[0]->elements[SL_ELEMENT_GRAFT], asked_liar + (i == 0));
        uint64_t accepted = sl_solo_status(&solo).accepted;
        sl_solo_send_element(&solo, peers[1], SL_ELEMENT_ENVELOPE, value, len);
        sl_solo_drain(&solo);
        assert_int_equal(sl_solo_status(&solo).accepted, accepted + 1);
        sl_solo_run(&solo, 2 * SL_SECOND);
        assert_int_equal(peers[1]->elements[SL_ELEMENT_GRAFT], asked + 1);
    }
    sl_solo_done(&solo);
}

static void test_announcements_without_end_are_bounded(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peers[2];
    begin(&solo, 13, peers, 2);
    for (uint64_t i = 0; i < 400; i++) {
        uint8_t value[SL_HAVE_BATCH * SL_SHORT_ID_LEN];
        for (uint64_t j = 0; j < SL_HAVE_BATCH; j++)
            put_u64(value + j * SL_SHORT_ID_LEN, i * SL_HAVE_BATCH + j);
        sl_solo_send_element(&solo, peers[0], SL_ELEMENT_HAVE, value, sizeof(value));
    }
    send_have(&solo, peers[1], UINT64_C(1) << 63); /* there is room for those of others */
    sl_solo_run(&solo, 2 * SL_SECOND);
    assert_in_range(peers[0]->elements[SL_ELEMENT_GRAFT], 1, SL_MISSING_PER_LINK);
    assert_int_equal(peers[1]->elements[SL_ELEMENT_GRAFT], 1);
    /* Its link ends, with all it announced. */
    send_have(&solo, peers[0], 7);
    sl_solo_remove_peer(&solo, peers[0]);
    sl_solo_run(&solo, SL_MINUTE);
    assert_int_equal(sl_solo_status(&solo).neighbour_count, 0);
    sl_solo_done(&solo);
}

static void test_malformed_elements_are_counted(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peers[1];
    uint8_t value[(SL_HAVE_BATCH + 1) * SL_SHORT_ID_LEN] = {0};
    begin(&solo, 14, peers, 1);
    const struct {
        uint8_t type;
        size_t len;
    } cases[] = {
        {SL_ELEMENT_HAVE, 0},  {SL_ELEMENT_HAVE, 7},  {SL_ELEMENT_HAVE, sizeof(value)},
        {SL_ELEMENT_GRAFT, 9}, {SL_ELEMENT_PRUNE, 1},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        uint64_t before = sl_solo_status(&solo).rejected_malformed;
        sl_solo_send_element(&solo, peers[0], cases[i].type, value, cases[i].len);
        assert_int_equal(sl_solo_status(&solo).rejected_malformed, before + 1);
    }
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payloads_go_along_a_tree),
        cmocka_unit_test(test_twelve_configured_peers_send_no_copies),
        cmocka_unit_test(test_a_dead_branch_is_replaced),
        cmocka_unit_test(test_loss_is_made_up_for),
        cmocka_unit_test(test_broadcast_and_tree_on_the_same_node),
        cmocka_unit_test(test_a_second_copy_prunes),
        cmocka_unit_test(test_what_is_announced_is_not_asked_for_at_once),
        cmocka_unit_test(test_a_liar_delays_once),
        cmocka_unit_test(test_announcements_without_end_are_bounded),
        cmocka_unit_test(test_malformed_elements_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
