/* Receipts go back the way that their message came, and name nobody. */
#include "mesh/node_internal.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROUTED_LEN_MAX = 2 + SL_TARGET_LEN + SL_ENVELOPE_MAX };

/* Between a sender, a recipient and somebody else, all neighbours. A message went from the first to
 * the second. */
struct place {
    struct sl_solo solo;
    struct sl_fake_peer *sender, *recipient, *other;
    uint8_t id[SL_ID_LEN]; /* of the message */
    uint64_t envelopes;    /* that the other has been sent */
};

static void origin_of(const struct place *p, const struct sl_fake_peer *peer,
                      uint8_t ret[SL_ORIGIN_LEN])
{
    uint8_t key[SL_KEY_LEN];
    const struct sl_primitives *primitives = &p->solo.primitives;
    primitives->sign_key(primitives->ctx, peer->seed, key);
    sl_origin_of_key(primitives, key, ret);
}

/* As ROUTED for one target; `count` 0: back, and the target is of a message. */
static void give(struct place *p, struct sl_fake_peer *from, enum sl_envelope_kind kind,
                 uint8_t count, const uint8_t *target, uint8_t ret_id[SL_ID_LEN])
{
    uint8_t routed[ROUTED_LEN_MAX] = {SL_HOPS_MAX, count};
    struct sl_envelope envelope;
    size_t before = 2 + SL_TARGET_LEN;
    memcpy(routed + 2, target, SL_TARGET_LEN);
    struct sl_solo_draft draft = {.kind = (uint8_t)kind, .payload = "sealed", .payload_len = 6};
    size_t len = sl_solo_envelope(&p->solo, from, &draft, routed + before);
    assert_int_equal(sl_envelope_decode(routed + before + SL_ENVELOPE_MUTABLE,
                                        len - SL_ENVELOPE_MUTABLE, &envelope),
                     0);
    sl_envelope_id(&envelope, &p->solo.primitives, ret_id);
    sl_solo_send_element(&p->solo, from, SL_ELEMENT_ROUTED, routed, before + len);
    sl_solo_run(&p->solo, 100 * SL_MILLISECOND);
}

static struct sl_fake_peer *add_peer(struct place *p)
{
    struct sl_fake_peer *peer = sl_solo_add_peer(&p->solo);
    assert_true(sl_solo_link(&p->solo, peer));
    sl_solo_send_identity(&p->solo, peer);
    return peer;
}

static void place_init(struct place *p, uint64_t seed)
{
    uint8_t recipient[SL_ORIGIN_LEN];
    memset(p, 0, sizeof(*p));
    sl_solo_init(&p->solo, seed, false, NULL);
    p->sender = add_peer(p);
    p->recipient = add_peer(p);
    p->other = add_peer(p);
    sl_solo_run(&p->solo, SL_SECOND);
    p->envelopes = p->other->elements[SL_ELEMENT_ENVELOPE];
    origin_of(p, p->recipient, recipient);
    give(p, p->sender, SL_ENVELOPE_DIRECT, 1, recipient, p->id);
    assert_int_equal(p->recipient->elements[SL_ELEMENT_ROUTED], 1);
}

static void assert_sent_back(const struct place *p, const uint8_t receipt[SL_ID_LEN])
{
    struct sl_envelope envelope;
    uint8_t id[SL_ID_LEN];
    const uint8_t *value = p->sender->last_value;
    size_t before = 2 + SL_TARGET_LEN + SL_ENVELOPE_MUTABLE;
    assert_int_equal(p->sender->elements[SL_ELEMENT_ROUTED], 1);
    assert_int_equal(p->sender->last_type, SL_ELEMENT_ROUTED);
    assert_int_equal(value[1], 0);
    assert_memory_equal(value + 2, p->id, SL_TARGET_LEN);
    assert_int_equal(sl_envelope_decode(value + before, p->sender->last_len - before, &envelope),
                     0);
    sl_envelope_id(&envelope, &p->solo.primitives, id);
    assert_memory_equal(id, receipt, SL_ID_LEN);
    assert_int_equal(p->other->elements[SL_ELEMENT_ROUTED], 0);
    assert_int_equal(p->other->elements[SL_ELEMENT_ENVELOPE], p->envelopes);
}

static void test_a_relay_sends_it_where_the_message_came_from(void **state)
{
    (void)state;
    struct place p;
    uint8_t receipt[SL_ID_LEN];
    place_init(&p, 1);
    give(&p, p.recipient, SL_ENVELOPE_RECEIPT, 0, p.id, receipt);
    assert_sent_back(&p, receipt);
    assert_int_equal(p.recipient->elements[SL_ELEMENT_STRAY], 0);
    sl_solo_done(&p.solo);
}

static void test_about_a_message_that_is_not_here_it_strays(void **state)
{
    (void)state;
    struct place p;
    uint8_t receipt[SL_ID_LEN];
    place_init(&p, 2);
    p.id[0] ^= 1;
    give(&p, p.recipient, SL_ENVELOPE_RECEIPT, 0, p.id, receipt);
    assert_int_equal(p.recipient->elements[SL_ELEMENT_STRAY], 1);
    assert_int_equal(p.sender->elements[SL_ELEMENT_ROUTED], 0);
    sl_solo_done(&p.solo);
}

/* Anything else that came so could be led along the ways of others' messages. */
static void test_nothing_but_a_receipt_goes_back(void **state)
{
    (void)state;
    struct place p;
    uint8_t message[SL_ID_LEN];
    place_init(&p, 3);
    uint64_t before = sl_solo_status(&p.solo).rejected_malformed;
    give(&p, p.recipient, SL_ENVELOPE_DIRECT, 0, p.id, message);
    assert_int_equal(sl_solo_status(&p.solo).rejected_malformed, before + 1);
    assert_int_equal(p.sender->elements[SL_ELEMENT_ROUTED], 0);
    sl_solo_done(&p.solo);
}

static void answer(struct place *p, uint8_t ret_id[SL_ID_LEN])
{
    uint8_t destination[SL_ORIGIN_LEN], token[16] = {1};
    origin_of(p, p->sender, destination);
    struct sl_draft draft = {.kind = SL_ENVELOPE_RECEIPT,
                             .created = sl_node_next_created(p->solo.node, p->solo.now),
                             .lifetime = 3600,
                             .payload = token,
                             .payload_len = sizeof(token),
                             .destination = destination,
                             .answers = p->id};
    assert_int_equal(sl_node_publish(p->solo.node, &draft, p->solo.now, ret_id), 0);
    sl_solo_run(&p->solo, 100 * SL_MILLISECOND);
}

/* Somebody who does not know the message any more says STRAY; nobody else is known to whom it could
 * go along a route beside others: so everybody gets it, and it is not lost. */
static void test_one_that_finds_no_way_back_goes_like_any_other(void **state)
{
    (void)state;
    struct place p;
    uint8_t receipt[SL_ID_LEN], stray[SL_SHORT_ID_LEN + SL_TARGET_LEN];
    place_init(&p, 4);
    answer(&p, receipt);
    assert_sent_back(&p, receipt);
    memcpy(stray, receipt, SL_SHORT_ID_LEN);
    memcpy(stray + SL_SHORT_ID_LEN, p.id, SL_TARGET_LEN);
    sl_solo_send_element(&p.solo, p.sender, SL_ELEMENT_STRAY, stray, sizeof(stray));
    sl_solo_run(&p.solo, SL_SECOND);
    assert_true(p.other->elements[SL_ELEMENT_ROUTED] > 0 ||
                p.other->elements[SL_ELEMENT_ENVELOPE] > p.envelopes);
    sl_solo_done(&p.solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_relay_sends_it_where_the_message_came_from),
        cmocka_unit_test(test_about_a_message_that_is_not_here_it_strays),
        cmocka_unit_test(test_nothing_but_a_receipt_goes_back),
        cmocka_unit_test(test_one_that_finds_no_way_back_goes_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
