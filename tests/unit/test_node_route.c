/* Direct messages along routes: what they cost, and that nothing is lost when a route leads
 * nowhere.
 *
 * Sixteen nodes in a square, four by four, with a cable between every two beside each other. What
 * is for a node is answered by it with a receipt, as the chat would. */
#include "mesh/node_internal.h"
#include "sim/fabric.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 4, NODES = SIDE * SIDE, MESSAGES_MAX = 16, CABLES_MAX = 64 };

struct square;

struct place {
    struct square *square;
    int number;
};

struct message {
    int from, to;
    uint8_t id[SL_ID_LEN];
    unsigned delivered, answered, relayed;
};

struct square {
    struct sl_fabric *fabric;
    struct place places[NODES];
    struct message messages[MESSAGES_MAX];
    size_t message_count;
    bool mute; /* nobody answers */
    int cables[NODES][CABLES_MAX];
    size_t cable_counts[NODES];
};

static const uint8_t *origin_of(struct square *s, int node, uint8_t ret[SL_ORIGIN_LEN])
{
    uint8_t key[SL_KEY_LEN];
    const struct sl_primitives *p = sl_fabric_primitives(s->fabric);
    p->sign_key(p->ctx, sl_fabric_seed(s->fabric, node), key);
    sl_origin_of_key(p, key, ret);
    return ret;
}

static int publish(struct square *s, int from, int to, enum sl_envelope_kind kind, uint8_t number,
                   const uint8_t *answers, uint8_t ret_id[SL_ID_LEN])
{
    uint8_t destination[SL_ORIGIN_LEN], payload[64] = {number, (uint8_t)to};
    sl_time now = sl_fabric_now(s->fabric);
    struct sl_node *node = sl_fabric_node(s->fabric, from);
    struct sl_draft draft = {
        .kind = kind,
        .created = sl_node_next_created(node, now),
        .lifetime = (uint32_t)(SL_LIFETIME_DEFAULT / SL_SECOND),
        .payload = payload,
        .payload_len = sizeof(payload),
        .destination = origin_of(s, to, destination),
        .answers = answers,
    };
    return sl_node_publish(node, &draft, now, ret_id);
}

static void accepted(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                     sl_time born, bool local)
{
    (void)born;
    struct place *place = arg;
    struct square *s = place->square;
    uint8_t number = envelope->payload_len > 1 ? envelope->payload[0] : 0;
    uint8_t answer[SL_ID_LEN], by[SL_ORIGIN_LEN];
    if (local || number >= s->message_count || envelope->payload[1] != place->number)
        return;
    struct message *message = &s->messages[number];
    if (envelope->kind == SL_ENVELOPE_DIRECT && message->delivered++ == 0 && !s->mute)
        publish(s, place->number, message->from, SL_ENVELOPE_RECEIPT, number, id, answer);
    if (envelope->kind == SL_ENVELOPE_RECEIPT && message->answered++ == 0)
        sl_node_settled(sl_fabric_node(s->fabric, place->number), message->id,
                        origin_of(s, message->to, by), sl_fabric_now(s->fabric));
}

static void relayed(void *arg, const uint8_t id[SL_ID_LEN])
{
    struct square *s = ((struct place *)arg)->square;
    for (size_t i = 0; i < s->message_count; i++)
        s->messages[i].relayed += memcmp(s->messages[i].id, id, SL_ID_LEN) == 0;
}

static void lay_cable(struct square *s, int a, int b)
{
    int medium = sl_fabric_link(s->fabric, a, b);
    s->cables[a][s->cable_counts[a]++] = medium;
    s->cables[b][s->cable_counts[b]++] = medium;
}

static void unplug(struct square *s, int node)
{
    for (size_t i = 0; i < s->cable_counts[node]; i++)
        sl_fabric_cut(s->fabric, s->cables[node][i]);
}

/* Linked, in sync, and everybody has just said something: so everybody knows the way. */
static void square_init(struct square *s, uint64_t seed)
{
    memset(s, 0, sizeof(*s));
    s->fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
    for (int i = 0; i < NODES; i++) {
        s->places[i] = (struct place){s, i};
        struct sl_fabric_node_config config = {
            .events = {.arg = &s->places[i], .accepted = accepted, .relayed = relayed}};
        sl_fabric_add_node(s->fabric, &config);
    }
    for (int i = 0; i < NODES; i++) {
        if (i % SIDE + 1 < SIDE)
            lay_cable(s, i, i + 1);
        if (i + SIDE < NODES)
            lay_cable(s, i, i + SIDE);
    }
    assert_true(sl_fabric_run_until_linked(s->fabric, 20 * SL_SECOND));
    assert_true(sl_fabric_run_until_stored(s->fabric, NODES, 60 * SL_SECOND));
    sl_fabric_run(s->fabric, 20 * SL_SECOND);
    for (int i = 0; i < NODES; i++) {
        uint8_t nothing = 0xff;
        sl_fabric_publish(s->fabric, i, &nothing, 1, NULL);
        sl_fabric_run(s->fabric, 100 * SL_MILLISECOND);
    }
    assert_true(sl_fabric_run_until_stored(s->fabric, (size_t)2 * NODES, 10 * SL_SECOND));
    sl_fabric_run(s->fabric, 2 * SL_SECOND);
}

static void square_done(struct square *s)
{
    sl_fabric_free(s->fabric);
}

static struct message *write_to(struct square *s, int from, int to)
{
    struct message *message = &s->messages[s->message_count];
    *message = (struct message){.from = from, .to = to};
    s->message_count++;
    publish(s, from, to, SL_ENVELOPE_DIRECT, (uint8_t)(s->message_count - 1), NULL, message->id);
    sl_fabric_touch(s->fabric, from);
    return message;
}

static struct sl_node_status sum(struct square *s)
{
    struct sl_node_status total = {0};
    for (int i = 0; i < NODES; i++) {
        if (!sl_fabric_node(s->fabric, i))
            continue;
        struct sl_node_status status = sl_fabric_status(s->fabric, i);
        total.stored_count += status.stored_count;
        total.held_count += status.held_count;
        total.sent_envelopes += status.sent_envelopes;
        total.sent_routed += status.sent_routed;
        total.routed_flooded += status.routed_flooded;
        total.routed_settled += status.routed_settled;
    }
    return total;
}

/* From corner to corner there and back: nobody floods, and in the end nobody holds anything. */
static void test_there_and_back(void **state)
{
    (void)state;
    struct square s;
    square_init(&s, 1);
    struct sl_node_status before = sum(&s);
    struct message *message = write_to(&s, 0, NODES - 1);
    sl_fabric_run(s.fabric, SL_SECOND);
    struct sl_node_status after = sum(&s);
    assert_int_equal(message->delivered, 1);
    assert_int_equal(message->answered, 1);
    assert_int_equal(message->relayed, 1);
    assert_int_equal(after.sent_envelopes - before.sent_envelopes,
                     after.sent_routed - before.sent_routed);
    /* The ways to some eight nodes share their beginnings; a flood takes at least one for each of
     * fifteen. */
    assert_in_range(after.sent_routed - before.sent_routed, 2 * 6, 2 * 14);
    assert_true(after.held_count > 0);
    sl_fabric_run(s.fabric, 5 * SL_MINUTE);
    after = sum(&s);
    assert_int_equal(after.held_count, 0);
    assert_int_equal(after.routed_flooded, 0);
    assert_int_equal(after.stored_count, before.stored_count);
    assert_int_equal(message->delivered, 1);
    square_done(&s);
}

/* Whoever was never heard, or not for long, is looked for everywhere. */
static void test_without_a_route_it_floods(void **state)
{
    (void)state;
    struct square s;
    square_init(&s, 2);
    sl_fabric_run(s.fabric, 6 * SL_MINUTE);
    struct sl_node_status before = sum(&s);
    struct message *message = write_to(&s, 0, NODES - 1);
    sl_fabric_run(s.fabric, SL_SECOND);
    assert_int_equal(message->delivered, 1);
    assert_int_equal(message->answered, 1);
    struct sl_node_status after = sum(&s);
    assert_true(after.sent_envelopes - before.sent_envelopes >= NODES - 1);
    square_done(&s);
}

static void test_a_dead_next_hop(void **state)
{
    (void)state;
    struct square s;
    square_init(&s, 3);
    for (int i = 0; i < NODES; i++) /* all but the corners and one way around */
        if (i % SIDE > 0 && i % SIDE < SIDE - 1 && i / SIDE > 0 && i / SIDE < SIDE - 1)
            sl_fabric_pull_plug(s.fabric, i);
    sl_fabric_pull_plug(s.fabric, 1);
    struct message *message = write_to(&s, 0, NODES - 1); /* its neighbours do not know yet */
    sl_fabric_run(s.fabric, 20 * SL_SECOND);
    assert_int_equal(message->delivered, 1);
    assert_int_equal(message->answered, 1);
    square_done(&s);
}

static void test_the_sender_is_switched_off(void **state)
{
    (void)state;
    struct square s;
    square_init(&s, 4);
    unplug(&s, NODES - 1); /* which those around it do not know yet */
    struct message *message = write_to(&s, 0, NODES - 1);
    sl_fabric_run(s.fabric, 800 * SL_MILLISECOND);
    assert_int_equal(message->relayed, 1);
    assert_int_equal(message->delivered, 0);
    assert_true(sum(&s).held_count > 0);
    sl_fabric_pull_plug(s.fabric, 0);
    sl_fabric_run(s.fabric, 10 * SL_MINUTE);
    for (size_t i = 0; i < s.cable_counts[NODES - 1]; i++)
        sl_fabric_join(s.fabric, s.cables[NODES - 1][i]);
    sl_fabric_run(s.fabric, SL_MINUTE);
    assert_int_equal(message->delivered, 1);
    assert_true(sum(&s).routed_flooded > 0);
    square_done(&s);
}

static void test_the_recipient_comes_back_elsewhere(void **state)
{
    (void)state;
    struct square s;
    square_init(&s, 5);
    unplug(&s, NODES - 1);
    struct message *message = write_to(&s, 0, NODES - 1);
    sl_fabric_run(s.fabric, SL_HOUR);
    assert_int_equal(message->delivered, 0);
    lay_cable(&s, NODES - 1, 3);
    sl_fabric_run(s.fabric, SL_MINUTE);
    assert_int_equal(message->delivered, 1);
    assert_int_equal(message->answered, 1);
    square_done(&s);
}

/* Those on the way lose power, and what was not yet on disk. */
static void test_all_on_the_way_lose_power(void **state)
{
    (void)state;
    struct square s;
    square_init(&s, 6);
    unplug(&s, NODES - 1);
    struct message *message = write_to(&s, 0, NODES - 1);
    sl_fabric_run(s.fabric, 500 * SL_MILLISECOND);
    for (int i = 1; i < NODES - 1; i++)
        sl_fabric_pull_plug(s.fabric, i);
    for (int i = 1; i < NODES - 1; i++)
        sl_fabric_start(s.fabric, i);
    for (size_t i = 0; i < s.cable_counts[NODES - 1]; i++)
        sl_fabric_join(s.fabric, s.cables[NODES - 1][i]);
    sl_fabric_run(s.fabric, 2 * SL_MINUTE);
    assert_int_equal(message->delivered, 1);
    assert_int_equal(message->answered, 1);
    square_done(&s);
}

/* A receipt that gets lost: the message floods, and so does the receipt then. */
static void test_a_message_that_nobody_answers(void **state)
{
    (void)state;
    struct square s;
    square_init(&s, 7);
    s.mute = true;
    struct message *message = write_to(&s, 0, NODES - 1);
    sl_fabric_run(s.fabric, 5 * SL_SECOND);
    assert_int_equal(message->delivered, 1);
    assert_true(sum(&s).held_count > 0);
    sl_fabric_run(s.fabric, 10 * SL_SECOND);
    assert_int_equal(sum(&s).held_count, 0);
    size_t each = sl_fabric_status(s.fabric, 0).stored_count;
    for (int i = 0; i < NODES; i++)
        assert_int_equal(sl_fabric_status(s.fabric, i).stored_count, each);
    /* The next one floods at once. */
    uint64_t before = sum(&s).sent_routed;
    write_to(&s, 0, NODES - 1);
    sl_fabric_run(s.fabric, SL_SECOND);
    assert_int_equal(sum(&s).sent_routed, before);
    square_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_without_a_route_it_floods),
        cmocka_unit_test(test_a_dead_next_hop),
        cmocka_unit_test(test_the_sender_is_switched_off),
        cmocka_unit_test(test_the_recipient_comes_back_elsewhere),
        cmocka_unit_test(test_all_on_the_way_lose_power),
        cmocka_unit_test(test_a_message_that_nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
