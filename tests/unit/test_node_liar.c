/* Neighbours that lie about routes: they draw messages to themselves and drop them, and say of
 * others what only those may say. */
#include "mesh/node_internal.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { FAR = 3 }; /* members out of reach: whom messages are for, and the others that are named */

struct place {
    struct sl_solo solo;
    struct sl_fake_peer *liar, *honest;
    uint8_t far_origins[FAR][SL_ORIGIN_LEN];
    unsigned relayed;
};

static void relayed(void *arg, const uint8_t id[SL_ID_LEN])
{
    (void)id;
    ((struct place *)arg)->relayed++;
}

/* Those who do not say hello are given up. */
static void stay(struct place *p, int seconds)
{
    static const uint8_t digest[16];
    for (int i = 0; i < 2 * seconds; i++) {
        sl_solo_send_hello(&p->solo, p->liar, 0, digest);
        sl_solo_send_hello(&p->solo, p->honest, 0, digest);
        sl_solo_run(&p->solo, SL_SECOND / 2);
    }
}

/* The liar says that it has what the far ones write from themselves. */
static void place_init(struct place *p, uint64_t seed)
{
    struct sl_node_config config = {.store_bytes_max = SL_STORE_BYTES_DEFAULT,
                                    .events = {.arg = p, .relayed = relayed}};
    struct sl_fake_peer *far[FAR];
    memset(p, 0, sizeof(*p));
    sl_quota_config_init(&config.quota);
    sl_solo_init(&p->solo, seed, false, &config);
    for (size_t i = 0; i < FAR; i++) {
        uint8_t key[SL_KEY_LEN];
        const struct sl_primitives *primitives = &p->solo.primitives;
        far[i] = sl_solo_add_peer(&p->solo);
        assert_true(sl_solo_link(&p->solo, far[i]));
        sl_solo_send_identity(&p->solo, far[i]);
        primitives->sign_key(primitives->ctx, far[i]->seed, key);
        sl_origin_of_key(primitives, key, p->far_origins[i]);
    }
    p->liar = sl_solo_add_peer(&p->solo);
    p->honest = sl_solo_add_peer(&p->solo);
    assert_true(sl_solo_link(&p->solo, p->liar));
    assert_true(sl_solo_link(&p->solo, p->honest));
    uint8_t values[FAR][SL_ENVELOPE_MAX];
    size_t lens[FAR];
    for (size_t i = 0; i < FAR; i++) {
        lens[i] = sl_solo_envelope(
            &p->solo, far[i],
            &(struct sl_solo_draft){.kind = SL_ENVELOPE_CHANNEL, .payload = "x", .payload_len = 1},
            values[i]);
        sl_solo_remove_peer(&p->solo, far[i]);
    }
    stay(p, 40); /* their links end; those of the others stand */
    assert_int_equal(sl_solo_status(&p->solo).neighbour_count, 2);
    for (size_t i = 0; i < FAR; i++)
        sl_solo_send_element(&p->solo, p->liar, SL_ELEMENT_ENVELOPE, values[i], lens[i]);
    stay(p, 2);
}

static void write_to_far(struct place *p, uint8_t ret_id[SL_ID_LEN])
{
    struct sl_solo *solo = &p->solo;
    struct sl_draft draft = {.kind = SL_ENVELOPE_DIRECT,
                             .created = sl_node_next_created(solo->node, solo->now),
                             .lifetime = 3600,
                             .payload = (const uint8_t *)"sealed",
                             .payload_len = 6,
                             .destination = p->far_origins[0]};
    assert_int_equal(sl_node_publish(solo->node, &draft, solo->now, ret_id), 0);
    sl_solo_drain(solo);
}

static void say_taken(struct place *p, struct sl_fake_peer *peer, const uint8_t id[SL_ID_LEN])
{
    sl_solo_send_element(&p->solo, peer, SL_ELEMENT_TAKEN, id, SL_SHORT_ID_LEN);
}

/* It says TAKEN and drops it: after 8 s it goes to everybody else; the next one at once. */
static void test_who_draws_routes_and_swallows_delays_once(void **state)
{
    (void)state;
    struct place p;
    uint8_t id[SL_ID_LEN];
    place_init(&p, 1);
    uint64_t before = p.honest->elements[SL_ELEMENT_ENVELOPE];
    write_to_far(&p, id);
    assert_int_equal(p.liar->elements[SL_ELEMENT_ROUTED], 1);
    say_taken(&p, p.liar, id);
    stay(&p, 1);
    assert_int_equal(p.honest->elements[SL_ELEMENT_ENVELOPE], before);
    assert_int_equal(sl_solo_status(&p.solo).held_count, 1);
    stay(&p, 8);
    assert_int_equal(p.honest->elements[SL_ELEMENT_ENVELOPE], before + 1);
    assert_int_equal(sl_solo_status(&p.solo).held_count, 0);
    assert_int_equal(sl_solo_status(&p.solo).routed_flooded, 1);
    write_to_far(&p, id);
    stay(&p, 1);
    assert_int_equal(p.honest->elements[SL_ELEMENT_ENVELOPE], before + 2);
    assert_int_equal(p.liar->elements[SL_ELEMENT_ROUTED], 1);
    sl_solo_done(&p.solo);
}

/* Nobody was sent it but the liar: nobody else has taken it. */
static void test_taken_counts_from_whom_it_was_sent_to(void **state)
{
    (void)state;
    struct place p;
    uint8_t id[SL_ID_LEN];
    place_init(&p, 2);
    write_to_far(&p, id);
    say_taken(&p, p.honest, id);
    assert_int_equal(p.relayed, 0);
    say_taken(&p, p.liar, id);
    assert_int_equal(p.relayed, 1);
    sl_solo_done(&p.solo);
}

/* SETTLED of another member about what is not its own. */
static void test_settled_counts_from_its_origin(void **state)
{
    (void)state;
    struct place p;
    uint8_t id[SL_ID_LEN], value[2 + SL_TARGET_LEN + SL_ENVELOPE_MAX] = {SL_HOPS_MAX, 1};
    place_init(&p, 3);
    sl_solo_send_identity(&p.solo, p.honest);
    write_to_far(&p, id);
    size_t len = sl_solo_envelope(&p.solo, p.honest,
                                  &(struct sl_solo_draft){.kind = SL_ENVELOPE_SETTLED,
                                                          .payload = id,
                                                          .payload_len = SL_SHORT_ID_LEN},
                                  value + 2 + SL_TARGET_LEN);
    sl_solo_send_element(&p.solo, p.honest, SL_ELEMENT_ROUTED, value, 2 + SL_TARGET_LEN + len);
    assert_int_equal(sl_solo_status(&p.solo).routed_settled, 0);
    assert_true(sl_index_find(p.solo.node->index, id) >= 0);
    sl_solo_done(&p.solo);
}

/* With no other way left, it floods without waiting for an answer. */
static void test_a_message_astray_floods_at_once(void **state)
{
    (void)state;
    struct place p;
    uint8_t id[SL_ID_LEN], value[SL_SHORT_ID_LEN + SL_TARGET_LEN];
    place_init(&p, 4);
    uint64_t before = p.honest->elements[SL_ELEMENT_ENVELOPE];
    write_to_far(&p, id);
    memcpy(value, id, SL_SHORT_ID_LEN);
    memcpy(value + SL_SHORT_ID_LEN, p.far_origins[0], SL_TARGET_LEN);
    sl_solo_send_element(&p.solo, p.honest, SL_ELEMENT_STRAY, value, sizeof(value));
    sl_solo_run(&p.solo, 100 * SL_MILLISECOND);
    assert_int_equal(p.honest->elements[SL_ELEMENT_ENVELOPE], before); /* not its to say */
    sl_solo_send_element(&p.solo, p.liar, SL_ELEMENT_STRAY, value, sizeof(value));
    sl_solo_run(&p.solo, 100 * SL_MILLISECOND);
    assert_int_equal(p.honest->elements[SL_ELEMENT_ENVELOPE], before + 1);
    sl_solo_done(&p.solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_draws_routes_and_swallows_delays_once),
        cmocka_unit_test(test_taken_counts_from_whom_it_was_sent_to),
        cmocka_unit_test(test_settled_counts_from_its_origin),
        cmocka_unit_test(test_a_message_astray_floods_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
