/* What is refused: the giver is told, gives it no more by itself, and is asked for it once it is
 * welcome. */
#include "mesh/index.h"
#include "mesh/sketch.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { STORED = 20, REFUSED_FOR_S = 60 };

static struct sl_fake_peer *add_peer(struct sl_solo *solo)
{
    struct sl_fake_peer *peer = sl_solo_add_peer(solo);
    assert_true(sl_solo_link(solo, peer));
    return peer;
}

static void send_ids(struct sl_solo *solo, struct sl_fake_peer *peer, enum sl_element_type type,
                     const uint64_t *short_ids, size_t count)
{
    uint8_t value[SL_HAVE_BATCH * SL_SHORT_ID_LEN];
    struct sl_writer w;
    sl_writer_init(&w, value, sizeof(value));
    for (size_t i = 0; i < count; i++)
        sl_write_u64(&w, short_ids[i]);
    sl_solo_send_element(solo, peer, (uint8_t)type, value, count * SL_SHORT_ID_LEN);
    sl_solo_drain(solo);
}

/* ---- Who gives ---- */

static void fill_store(struct sl_solo *solo, uint64_t ret_short_ids[STORED])
{
    for (int i = 0; i < STORED; i++) {
        uint8_t id[SL_ID_LEN];
        struct sl_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                                 .created = sl_node_next_created(solo->node, solo->now),
                                 .lifetime = 86400,
                                 .payload = (const uint8_t *)&i,
                                 .payload_len = sizeof(i)};
        assert_int_equal(sl_node_publish(solo->node, &draft, solo->now, id), 0);
        ret_short_ids[i] = sl_short_id(id);
    }
}

/* How many envelopes come of a repair with one that holds nothing. */
static uint64_t repair(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    uint8_t empty[SL_SKETCH_PART_LEN + 85 * SL_SYMBOL_WIRE_LEN] = {0};
    uint64_t before = peer->elements[SL_ELEMENT_ENVELOPE];
    sl_solo_send_element(solo, peer, SL_ELEMENT_SKETCH, empty, sizeof(empty));
    sl_solo_run(solo, 5 * SL_SECOND);
    return peer->elements[SL_ELEMENT_ENVELOPE] - before;
}

static void test_what_was_refused_is_announced_only(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint64_t short_ids[STORED];
    sl_solo_init(&solo, 1, true, NULL);
    fill_store(&solo, short_ids);
    struct sl_fake_peer *peer = add_peer(&solo), *other = add_peer(&solo);
    assert_true(repair(&solo, peer) >= STORED);
    assert_true(repair(&solo, peer) >= STORED); /* it may have been lost */
    send_ids(&solo, peer, SL_ELEMENT_REFUSED, short_ids, STORED);
    uint64_t haves = peer->elements[SL_ELEMENT_HAVE];
    assert_in_range(repair(&solo, peer), 0, 1); /* the node's own IDENTITY, which it did not name */
    assert_true(peer->elements[SL_ELEMENT_HAVE] > haves);
    assert_true(repair(&solo, other) >= STORED); /* it spoke for itself alone */
    sl_solo_done(&solo);
}

static void test_what_was_refused_is_given_by_name(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint64_t short_ids[STORED];
    sl_solo_init(&solo, 2, true, NULL);
    fill_store(&solo, short_ids);
    struct sl_fake_peer *peer = add_peer(&solo);
    assert_true(repair(&solo, peer) >= STORED);
    send_ids(&solo, peer, SL_ELEMENT_REFUSED, short_ids, STORED);
    uint64_t before = peer->elements[SL_ELEMENT_ENVELOPE];
    send_ids(&solo, peer, SL_ELEMENT_WANT, short_ids, 3);
    send_ids(&solo, peer, SL_ELEMENT_GRAFT, short_ids + 3, 2);
    sl_solo_run(&solo, SL_SECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_ENVELOPE], before + 5);
    assert_in_range(repair(&solo, peer), 5, 6); /* welcome again, and the IDENTITY */
    sl_solo_done(&solo);
}

static void test_malformed_refusals_are_counted(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[(SL_HAVE_BATCH + 1) * SL_SHORT_ID_LEN] = {0};
    const size_t lengths[] = {0, 7, sizeof(value)};
    sl_solo_init(&solo, 3, true, NULL);
    struct sl_fake_peer *peer = add_peer(&solo);
    for (size_t i = 0; i < SL_ARRAY_LEN(lengths); i++) {
        uint64_t before = sl_solo_status(&solo).rejected_malformed;
        sl_solo_send_element(&solo, peer, SL_ELEMENT_REFUSED, value, lengths[i]);
        assert_int_equal(sl_solo_status(&solo).rejected_malformed, before + 1);
    }
    sl_solo_done(&solo);
}

/* ---- Who refuses ---- */

struct letter {
    uint8_t value[SL_ENVELOPE_MAX];
    size_t len;
    uint64_t short_id;
};

static struct letter write_letter(struct sl_solo *solo, struct sl_fake_peer *author,
                                  const struct sl_solo_draft *draft)
{
    struct letter letter;
    struct sl_envelope envelope;
    uint8_t id[SL_ID_LEN];
    letter.len = sl_solo_envelope(solo, author, draft, letter.value);
    assert_int_equal(sl_envelope_decode(letter.value + SL_ENVELOPE_MUTABLE,
                                        letter.len - SL_ENVELOPE_MUTABLE, &envelope),
                     0);
    sl_envelope_id(&envelope, &solo->primitives, id);
    letter.short_id = sl_short_id(id);
    return letter;
}

static void send_letter(struct sl_solo *solo, struct sl_fake_peer *through,
                        const struct letter *letter)
{
    sl_solo_send_element(solo, through, SL_ELEMENT_ENVELOPE, letter->value, letter->len);
    sl_solo_run(solo, 100 * SL_MILLISECOND);
}

/* Whether the node asks for it when that peer announces it. */
static bool is_asked_for(struct sl_solo *solo, struct sl_fake_peer *peer, uint64_t short_id)
{
    uint64_t before = peer->elements[SL_ELEMENT_GRAFT];
    send_ids(solo, peer, SL_ELEMENT_HAVE, &short_id, 1);
    sl_solo_run(solo, SL_SECOND);
    return peer->elements[SL_ELEMENT_GRAFT] > before;
}

/* More than its origin's share of the window. */
static struct letter one_too_many(struct sl_solo *solo, struct sl_fake_peer *author)
{
    struct letter letter = {.len = 0};
    uint64_t window = 1790000000 * (uint64_t)SL_SECOND;
    for (unsigned i = 0; i <= SL_ORIGIN_SHARE; i++) {
        letter = write_letter(solo, author,
                              &(struct sl_solo_draft){.kind = SL_ENVELOPE_CHANNEL,
                                                      .created = window + i,
                                                      .payload = &i,
                                                      .payload_len = sizeof(i)});
        send_letter(solo, author, &letter);
    }
    return letter;
}

static void test_a_refusal_is_told_and_holds_for_a_while(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 4, false, NULL);
    struct sl_fake_peer *peer = add_peer(&solo), *other = add_peer(&solo);
    sl_solo_send_identity(&solo, peer);
    struct letter letter = one_too_many(&solo, peer);
    assert_int_equal(sl_solo_status(&solo).rejected_quota, 1);
    assert_int_equal(peer->elements[SL_ELEMENT_REFUSED], 1);
    assert_false(is_asked_for(&solo, peer, letter.short_id));
    assert_false(is_asked_for(&solo, other, letter.short_id));
    sl_solo_run(&solo, REFUSED_FOR_S * SL_SECOND); /* there may be room by now */
    assert_true(is_asked_for(&solo, add_peer(&solo), letter.short_id));
    sl_solo_done(&solo);
}

/* What comes before the IDENTITY of its author is refused, and welcome as soon as that is here. */
static void test_who_becomes_known_is_welcome_at_once(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 5, false, NULL);
    struct sl_fake_peer *through = add_peer(&solo), *other = add_peer(&solo);
    struct sl_fake_peer *author = sl_solo_add_peer(&solo); /* far away */
    struct letter letter = write_letter(
        &solo, author,
        &(struct sl_solo_draft){.kind = SL_ENVELOPE_CHANNEL, .payload = "early", .payload_len = 5});
    send_letter(&solo, through, &letter);
    assert_int_equal(sl_solo_status(&solo).rejected_unknown, 1);
    assert_int_equal(through->elements[SL_ELEMENT_REFUSED], 1);
    assert_false(is_asked_for(&solo, other, letter.short_id));
    uint8_t chain[200];
    struct sl_solo_draft identity = {.kind = SL_ENVELOPE_IDENTITY,
                                     .payload = chain,
                                     .payload_len =
                                         sl_fake_chain(&author->certificate, chain, sizeof(chain))};
    struct letter certificate = write_letter(&solo, author, &identity);
    uint64_t wants = through->elements[SL_ELEMENT_WANT];
    send_letter(&solo, through, &certificate);
    assert_int_equal(through->elements[SL_ELEMENT_WANT], wants + 1);
    assert_true(is_asked_for(&solo, other, letter.short_id));
    send_letter(&solo, other, &letter);
    assert_int_equal(sl_solo_status(&solo).rejected_unknown, 1);
    sl_solo_done(&solo);
}

/* Signature and age are no part of what the id is made of: whoever spoils them gets nobody's
 * envelope refused. */
static void test_a_spoiled_copy_keeps_no_genuine_one_away(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 6, false, NULL);
    struct sl_fake_peer *author = add_peer(&solo), *liar = add_peer(&solo);
    sl_solo_send_identity(&solo, author);
    struct letter genuine = write_letter(
        &solo, author,
        &(struct sl_solo_draft){
            .kind = SL_ENVELOPE_CHANNEL, .lifetime = 600, .payload = "true", .payload_len = 4});
    struct letter spoiled = genuine;
    spoiled.value[spoiled.len - 1] ^= 1;
    send_letter(&solo, liar, &spoiled);
    assert_int_equal(sl_solo_status(&solo).rejected_signature, 1);
    spoiled = genuine;
    memset(spoiled.value + 1, 0x7f, 4); /* its age */
    send_letter(&solo, liar, &spoiled);
    assert_int_equal(sl_solo_status(&solo).rejected_expired, 1);
    assert_int_equal(liar->elements[SL_ELEMENT_REFUSED], 0);
    assert_true(is_asked_for(&solo, author, genuine.short_id));
    uint64_t accepted = sl_solo_status(&solo).accepted;
    send_letter(&solo, author, &genuine);
    assert_int_equal(sl_solo_status(&solo).accepted, accepted + 1);
    sl_solo_done(&solo);
}

/* Asked for before it was refused, it is not asked for again, whoever else has it. */
static void test_a_question_ends_with_the_refusal(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 7, false, NULL);
    struct sl_fake_peer *peer = add_peer(&solo), *other = add_peer(&solo);
    struct sl_fake_peer *author = sl_solo_add_peer(&solo);
    struct letter letter = write_letter(
        &solo, author,
        &(struct sl_solo_draft){.kind = SL_ENVELOPE_CHANNEL, .payload = "early", .payload_len = 5});
    send_ids(&solo, peer, SL_ELEMENT_HAVE, &letter.short_id, 1);
    send_ids(&solo, other, SL_ELEMENT_HAVE, &letter.short_id, 1);
    sl_solo_run(&solo, 500 * SL_MILLISECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_GRAFT] + other->elements[SL_ELEMENT_GRAFT], 1);
    send_letter(&solo, peer->elements[SL_ELEMENT_GRAFT] > 0 ? peer : other, &letter);
    sl_solo_run(&solo, 5 * SL_SECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_GRAFT] + other->elements[SL_ELEMENT_GRAFT], 1);
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_refused_is_announced_only),
        cmocka_unit_test(test_what_was_refused_is_given_by_name),
        cmocka_unit_test(test_malformed_refusals_are_counted),
        cmocka_unit_test(test_a_refusal_is_told_and_holds_for_a_while),
        cmocka_unit_test(test_who_becomes_known_is_welcome_at_once),
        cmocka_unit_test(test_a_spoiled_copy_keeps_no_genuine_one_away),
        cmocka_unit_test(test_a_question_ends_with_the_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
