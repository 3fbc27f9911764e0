/* The fast path: what is sent on, how often, how fast, and what is not. */
#include "sim/fabric.h"
#include "sim/solo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sl_fabric *fabric_of(uint64_t seed, int count)
{
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
    for (int i = 0; i < count; i++)
        sl_fabric_add_node(fabric, NULL);
    return fabric;
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

static void test_a_line_is_crossed_without_waiting(void **state)
{
    (void)state;
    struct sl_fabric *fabric = fabric_of(1, 5);
    sl_fabric_line(fabric);
    settle(fabric);
    uint64_t before = total_sent(fabric);
    sl_time begin = sl_fabric_now(fabric);
    sl_fabric_publish(fabric, 0, "hello", 5, NULL);
    assert_true(sl_fabric_run_until_stored(fabric, 6, SL_SECOND));
    /* Four hops of one millisecond on the wire each, and nothing on top. */
    assert_int_equal(sl_fabric_now(fabric) - begin, 4 * SL_MILLISECOND);
    sl_fabric_run(fabric, 10 * SL_SECOND);
    assert_int_equal(total_sent(fabric) - before, 4); /* nothing goes back */
    sl_fabric_free(fabric);
}

static void test_row_24_a_ring_of_14_is_bounded(void **state)
{
    (void)state;
    enum { NODES = 14, ENVELOPES = 10 };
    struct sl_fabric *fabric = fabric_of(2, NODES);
    struct sl_neighbour_info info;
    uint64_t envelopes_before[NODES][2], before;
    sl_fabric_ring(fabric);
    settle(fabric);
    before = total_sent(fabric);
    for (int i = 0; i < NODES; i++)
        for (size_t j = 0; j < 2; j++) {
            assert_true(sl_node_neighbour(sl_fabric_node(fabric, i), j, &info));
            envelopes_before[i][j] = info.envelopes_in;
        }
    for (int i = 0; i < ENVELOPES; i++)
        sl_fabric_publish(fabric, i % NODES, &i, sizeof(i), NULL);
    assert_true(sl_fabric_run_until_stored(fabric, NODES + ENVELOPES, 5 * SL_SECOND));
    sl_fabric_run(fabric, SL_MINUTE);
    /* Fourteen links, at most twice over each; in fact each node is reached once, and the two waves
     * meet on one link. */
    uint64_t sent = total_sent(fabric) - before;
    assert_true(sent >= ENVELOPES * (NODES - 1));
    assert_true(sent <= ENVELOPES * (NODES + 1));
    for (int i = 0; i < NODES; i++)
        for (size_t j = 0; j < 2; j++) {
            assert_true(sl_node_neighbour(sl_fabric_node(fabric, i), j, &info));
            assert_true(info.envelopes_in - envelopes_before[i][j] <= ENVELOPES);
        }
    sl_fabric_free(fabric);
}

/* A march of 1,000 boards is some seventy hops long, and what goes along it takes detours. */
static void test_a_long_column_is_crossed(void **state)
{
    (void)state;
    enum { NODES = 100 };
    struct sl_fabric *fabric = fabric_of(3, NODES);
    sl_fabric_line(fabric);
    settle(fabric);
    int word = 1;
    sl_fabric_publish(fabric, 0, &word, sizeof(word), NULL);
    assert_true(sl_fabric_run_until_stored(fabric, NODES + 1, 10 * SL_SECOND));
    sl_fabric_free(fabric);
}

/* Twenty nodes that all hear one another: suppression keeps it to a few copies. */
static void test_a_crowd_sends_few_copies(void **state)
{
    (void)state;
    enum { NODES = 20, ENVELOPES = 20 };
    struct sl_fabric *fabric = fabric_of(3, NODES);
    sl_fabric_mesh(fabric);
    settle(fabric);
    uint64_t before = total_sent(fabric), suppressed = 0;
    for (int i = 0; i < ENVELOPES; i++) {
        sl_fabric_publish(fabric, i % NODES, &i, sizeof(i), NULL);
        sl_fabric_run(fabric, 200 * SL_MILLISECOND);
    }
    assert_true(sl_fabric_run_until_stored(fabric, NODES + ENVELOPES, 5 * SL_SECOND));
    sl_fabric_run(fabric, 5 * SL_SECOND);
    for (int i = 0; i < NODES; i++)
        suppressed += sl_fabric_status(fabric, i).suppressed;
    assert_true(total_sent(fabric) - before <= 2 * ENVELOPES); /* of 20 each without it */
    assert_true(suppressed >= 10 * ENVELOPES);
    sl_fabric_free(fabric);
}

static void test_envelopes_due_together_share_a_frame(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t body[SL_FRAME_BODY_MAX];
    size_t len = 0;
    sl_solo_init(&solo, 4, true, NULL);
    struct sl_fake_peer *from = sl_solo_add_peer(&solo), *to = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, from) && sl_solo_link(&solo, to));
    sl_solo_send_identity(&solo, from);
    sl_solo_drain(&solo);
    uint64_t frames = sl_solo_status(&solo).frames_out;
    for (int i = 0; i < 5; i++) {
        uint8_t value[SL_ENVELOPE_MAX];
        struct sl_solo_draft draft = {
            .kind = SL_ENVELOPE_CHANNEL, .payload = &i, .payload_len = sizeof(i)};
        size_t value_len = sl_solo_envelope(&solo, from, &draft, value);
        body[len] = SL_ELEMENT_ENVELOPE;
        body[len + 1] = (uint8_t)(value_len >> 8);
        body[len + 2] = (uint8_t)value_len;
        memcpy(body + len + 3, value, value_len);
        len += 3 + value_len;
    }
    uint64_t before = to->elements[SL_ELEMENT_ENVELOPE];
    sl_solo_send_frame(&solo, from, body, len);
    sl_solo_drain(&solo);
    assert_int_equal(to->elements[SL_ELEMENT_ENVELOPE] - before, 5);
    assert_int_equal(sl_solo_status(&solo).frames_out - frames, 1);
    sl_solo_done(&solo);
}

static void test_hops_and_age_are_checked(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 5, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_identity(&solo, peer);
    const struct {
        uint8_t hops;
        uint32_t lifetime, age_ms;
        bool taken;
    } cases[] = {
        {SL_HOPS_MAX - 1, 10, 9999, true},
        {SL_HOPS_MAX, 10, 0, false},
        {255, 10, 0, false},
        {0, 10, 10000, false},
        {0, 10, UINT32_MAX, false},
        {0, 604800, 0, true},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        uint64_t before = sl_solo_status(&solo).accepted;
        struct sl_solo_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                                      .hops = cases[i].hops,
                                      .lifetime = cases[i].lifetime,
                                      .age_ms = cases[i].age_ms};
        sl_solo_send_envelope(&solo, peer, &draft); /* with an empty payload */
        assert_int_equal(sl_solo_status(&solo).accepted - before, cases[i].taken);
    }
    assert_int_equal(sl_solo_status(&solo).rejected_expired, 4);
    sl_solo_done(&solo);
}

/* A relay that says an envelope is as good as over cannot make it end early where its date is
 * known; a date from a clock that stood still does not make it end at all. */
static void test_a_false_age_does_not_end_an_envelope_early(void **state)
{
    (void)state;
    const int64_t unix_us = INT64_C(1800000000000000);
    const struct {
        int64_t created;
        bool stays;
    } cases[] = {
        {unix_us - 10 * SL_SECOND, true}, /* it can be no older than 10 s */
        {unix_us + SL_HOUR, false},       /* of a clock that is ahead: the age is all there is */
        {1000, false},                    /* of one that was not set */
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        struct sl_solo solo;
        sl_solo_init(&solo, 12 + i, true, NULL);
        struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
        assert_true(sl_solo_link(&solo, peer));
        sl_solo_run(&solo, 5 * SL_SECOND); /* its own identity is out */
        sl_node_set_time(solo.node, SL_CLOCK_NTP, unix_us, solo.now);
        sl_solo_send_identity(&solo, peer);
        struct sl_solo_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                                      .lifetime = 3600,
                                      .created = (uint64_t)cases[i].created,
                                      .age_ms = 3599000};
        sl_solo_send_envelope(&solo, peer, &draft);
        size_t before = sl_solo_status(&solo).stored_count;
        sl_solo_run(&solo, 2 * SL_SECOND);
        assert_int_equal(sl_solo_status(&solo).stored_count, before - !cases[i].stays);
        sl_solo_done(&solo);
    }
}

/* Nor can it keep it from going on: who says too many hops is put right by the next copy. */
static void test_false_hops_are_put_right_by_a_copy(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[SL_ENVELOPE_MAX];
    sl_solo_init(&solo, 15, true, NULL);
    struct sl_fake_peer *liar = sl_solo_add_peer(&solo), *honest = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, liar) && sl_solo_link(&solo, honest));
    sl_solo_send_identity(&solo, honest);
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_CHANNEL, .payload = "x", .payload_len = 1};
    size_t len = sl_solo_envelope(&solo, honest, &draft, value);
    value[0] = SL_HOPS_MAX - 1;
    sl_solo_send_element(&solo, liar, SL_ELEMENT_ENVELOPE, value, len);
    value[0] = 2;
    sl_solo_send_element(&solo, honest, SL_ELEMENT_ENVELOPE, value, len);
    sl_solo_drain(&solo);
    struct sl_fake_peer *next = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, next));
    uint8_t id[SL_ID_LEN];
    struct sl_envelope envelope;
    assert_int_equal(
        sl_envelope_decode(value + SL_ENVELOPE_MUTABLE, len - SL_ENVELOPE_MUTABLE, &envelope), 0);
    sl_envelope_id(&envelope, &solo.primitives, id);
    sl_solo_send_element(&solo, next, SL_ELEMENT_WANT, id, SL_SHORT_ID_LEN);
    sl_solo_drain(&solo);
    assert_int_equal(next->last_type, SL_ELEMENT_ENVELOPE);
    assert_int_equal(next->last_value[0], 3);
    sl_solo_done(&solo);
}

static void test_what_expires_does_not_come_back(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[SL_ENVELOPE_MAX];
    sl_solo_init(&solo, 6, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_run(&solo, 5 * SL_SECOND); /* its own identity is out */
    sl_solo_send_identity(&solo, peer);
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                                  .lifetime = 10,
                                  .age_ms = 4000,
                                  .payload = "x",
                                  .payload_len = 1};
    size_t len = sl_solo_envelope(&solo, peer, &draft, value);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_ENVELOPE, value, len);
    assert_int_equal(sl_solo_status(&solo).stored_count, 3);
    sl_solo_run(&solo, 5900 * SL_MILLISECOND);
    assert_int_equal(sl_solo_status(&solo).stored_count, 3);
    sl_solo_run(&solo, 200 * SL_MILLISECOND);
    assert_int_equal(sl_solo_status(&solo).stored_count, 2);
    assert_int_equal(sl_memory_store_count(solo.store), 2);
    value[1] = value[2] = value[3] = value[4] = 0; /* a liar says that it is new */
    sl_solo_send_element(&solo, peer, SL_ELEMENT_ENVELOPE, value, len);
    assert_int_equal(sl_solo_status(&solo).stored_count, 2);
    sl_solo_done(&solo);
}

static void test_age_adds_up_over_the_hops(void **state)
{
    (void)state;
    struct sl_fabric *fabric = fabric_of(7, 4);
    const uint8_t payload[] = "short";
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL, .lifetime = 60, .payload = payload, .payload_len = 5};
    uint8_t id[SL_ID_LEN];
    sl_fabric_line(fabric);
    settle(fabric);
    sl_fabric_cut(fabric, 2);
    sl_time end = sl_fabric_now(fabric) + 60 * SL_SECOND;
    draft.created = sl_node_next_created(sl_fabric_node(fabric, 0), sl_fabric_now(fabric));
    assert_int_equal(sl_node_publish(sl_fabric_node(fabric, 0), &draft, sl_fabric_now(fabric), id),
                     0);
    sl_fabric_touch(fabric, 0);
    sl_fabric_run(fabric, 30 * SL_SECOND);
    sl_fabric_join(fabric, 2);
    assert_true(sl_fabric_run_until_stored(fabric, 5, 20 * SL_SECOND));
    /* It ends everywhere at the same time, but for the moments that it was on the air. */
    sl_fabric_run(fabric, end - 20 * SL_MILLISECOND - sl_fabric_now(fabric));
    assert_int_equal(sl_fabric_status(fabric, 3).stored_count, 5);
    sl_fabric_run(fabric, 30 * SL_MILLISECOND);
    for (int i = 0; i < 4; i++)
        assert_int_equal(sl_fabric_status(fabric, i).stored_count, 4);
    sl_fabric_free(fabric);
}

static void test_bad_signatures_are_neither_kept_nor_buried(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[SL_ENVELOPE_MAX];
    sl_solo_init(&solo, 8, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_identity(&solo, peer);
    struct sl_solo_draft draft = {
        .kind = SL_ENVELOPE_DIRECT, .payload = "x", .payload_len = 1, .bad_signature = true};
    size_t len = sl_solo_envelope(&solo, peer, &draft, value);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_ENVELOPE, value, len);
    assert_int_equal(sl_solo_status(&solo).rejected_signature, 1);
    assert_int_equal(sl_solo_status(&solo).accepted, 1);
    value[len - 1] ^= 1; /* the genuine one still gets through */
    sl_solo_send_element(&solo, peer, SL_ELEMENT_ENVELOPE, value, len);
    assert_int_equal(sl_solo_status(&solo).accepted, 2);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_ENVELOPE, value, len);
    assert_int_equal(sl_solo_status(&solo).duplicates, 1);
    sl_solo_done(&solo);
}

static void test_malformed_envelopes_are_counted(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[SL_FRAME_BODY_MAX] = {0};
    sl_solo_init(&solo, 9, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    const size_t lens[] = {
        0, 1, 4, 5, 91, SL_ENVELOPE_MAX, SL_ENVELOPE_MAX + 1, SL_FRAME_BODY_MAX - 3};
    for (size_t i = 0; i < SL_ARRAY_LEN(lens); i++)
        sl_solo_send_element(&solo, peer, SL_ELEMENT_ENVELOPE, value, lens[i]);
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, SL_ARRAY_LEN(lens));
    sl_solo_done(&solo);
}

/* The identity of an origin that nobody told us: asked for with WHO, and the envelope with WANT. */
static void test_an_unknown_origin_is_asked_for(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[SL_ENVELOPE_MAX], chain[200];
    sl_solo_init(&solo, 10, true, NULL);
    struct sl_fake_peer *relay = sl_solo_add_peer(&solo);
    struct sl_fake_peer *author = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, relay));
    author->mute = true;
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_CHANNEL, .payload = "x", .payload_len = 1};
    size_t len = sl_solo_envelope(&solo, author, &draft, value);
    sl_solo_send_element(&solo, relay, SL_ELEMENT_ENVELOPE, value, len);
    sl_solo_send_element(&solo, relay, SL_ELEMENT_ENVELOPE, value, len);
    sl_solo_drain(&solo);
    assert_int_equal(sl_solo_status(&solo).rejected_unknown, 2);
    assert_int_equal(relay->elements[SL_ELEMENT_WHO], 1); /* not for every envelope */
    assert_int_equal(relay->last_len, SL_ORIGIN_LEN);
    assert_memory_equal(relay->last_value, value + 5 + 3, SL_ORIGIN_LEN);
    draft = (struct sl_solo_draft){.kind = SL_ENVELOPE_IDENTITY,
                                   .payload = chain,
                                   .payload_len =
                                       sl_fake_chain(&author->certificate, chain, sizeof(chain))};
    uint8_t identity[SL_ENVELOPE_MAX];
    size_t identity_len = sl_solo_envelope(&solo, author, &draft, identity);
    sl_solo_send_element(&solo, relay, SL_ELEMENT_ENVELOPE, identity, identity_len);
    sl_solo_drain(&solo);
    assert_true(relay->elements[SL_ELEMENT_WANT] >= 1);
    sl_solo_send_element(&solo, relay, SL_ELEMENT_ENVELOPE, value, len);
    assert_int_equal(sl_solo_status(&solo).accepted, 2);
    /* Now it can tell others. */
    uint8_t origin[SL_ORIGIN_LEN];
    memcpy(origin, value + 5 + 3, SL_ORIGIN_LEN);
    sl_solo_send_element(&solo, relay, SL_ELEMENT_WHO, origin, sizeof(origin));
    sl_solo_drain(&solo);
    assert_int_equal(relay->last_type, SL_ELEMENT_ENVELOPE);
    assert_memory_equal(relay->last_value + 5, identity + 5, identity_len - 5);
    sl_solo_done(&solo);
}

/* A member's chain is no secret: only the member itself makes an IDENTITY of it. */
static void test_row_06_a_members_chain_under_anothers_signature(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t chain[256];
    sl_solo_init(&solo, 16, true, NULL);
    struct sl_fake_peer *liar = sl_solo_add_peer(&solo), *victim = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, liar));
    size_t len = sl_fake_chain(&victim->certificate, chain, sizeof(chain));
    struct sl_solo_draft draft = {
        .kind = SL_ENVELOPE_IDENTITY, .payload = chain, .payload_len = len, .bad_signature = true};
    uint64_t before = sl_solo_status(&solo).rejected_signature;
    uint8_t value[SL_ENVELOPE_MAX];
    size_t value_len = sl_solo_envelope(&solo, victim, &draft, value);
    sl_solo_send_element(&solo, liar, SL_ELEMENT_ENVELOPE, value, value_len);
    draft.bad_signature = false; /* and under the liar's own origin */
    sl_solo_send_envelope(&solo, liar, &draft);
    assert_int_equal(sl_solo_status(&solo).rejected_signature - before, 2);
    assert_int_equal(sl_solo_status(&solo).accepted, 0);
    sl_solo_done(&solo);
}

static void test_an_identity_that_is_no_members_is_refused(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 11, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    struct sl_fake_peer *victim = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    victim->mute = true;
    uint8_t chain[200];
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_IDENTITY, .payload = chain};
    struct sl_fake_member_config foreign = peer->certificate;
    foreign.network = 9;
    draft.payload_len = sl_fake_chain(&foreign, chain, sizeof(chain));
    sl_solo_send_envelope(&solo, peer, &draft);
    /* Another's certificate under one's own signature. */
    draft.payload_len = sl_fake_chain(&victim->certificate, chain, sizeof(chain));
    sl_solo_send_envelope(&solo, peer, &draft);
    draft.payload_len = 0;
    sl_solo_send_envelope(&solo, peer, &draft);
    assert_int_equal(sl_solo_status(&solo).rejected_signature, 3);
    assert_int_equal(sl_solo_status(&solo).accepted, 0);
    sl_solo_done(&solo);
}

/* A slow bearer: what is not ours keeps to its share, what is ours and what is direct goes first.
 */
static void test_relayed_traffic_keeps_to_its_airtime(void **state)
{
    (void)state;
    enum { RATE = 100000 }; /* bits a second: 5,000 bytes a second are for others */
    struct sl_fabric *fabric = fabric_of(12, 3);
    uint8_t payload[500] = {0};
    int fast = sl_fabric_link(fabric, 0, 1);
    int slow = sl_fabric_add_medium(fabric, &(struct sl_medium_config){.rate_bps = RATE});
    sl_fabric_attach(fabric, slow, 1);
    sl_fabric_attach(fabric, slow, 2);
    settle(fabric);
    uint64_t before = sl_fabric_bytes(fabric, slow);
    for (int i = 0; i < 150; i++) {
        memcpy(payload, &i, sizeof(i));
        sl_fabric_publish(fabric, 0, payload, sizeof(payload), NULL);
    }
    sl_fabric_run(fabric, 10 * SL_SECOND);
    uint64_t carried = sl_fabric_bytes(fabric, slow) - before;
    assert_true(carried <= RATE / 8 * 40 / 100 * 11 + 15000); /* and hellos, sketches */
    assert_true(carried >= RATE / 8 * 40 / 100 * 6);
    size_t behind = sl_fabric_status(fabric, 2).stored_count;
    assert_true(behind < 153);
    sl_fabric_publish(fabric, 1, "mine", 4, NULL);
    sl_fabric_run(fabric, 2 * SL_MILLISECOND);
    assert_int_equal(sl_fabric_status(fabric, 2).stored_count, behind + 1);
    assert_true(sl_fabric_run_until_stored(fabric, 154, SL_MINUTE)); /* by repair */
    (void)fast;
    sl_fabric_free(fabric);
}

struct told {
    uint8_t ids[8][SL_ID_LEN];
    size_t relayed, accepted, local;
};

static void note_relayed(void *arg, const uint8_t id[SL_ID_LEN])
{
    struct told *told = arg;
    memcpy(told->ids[told->relayed++ % 8], id, SL_ID_LEN);
}

static void note_accepted(void *arg, const struct sl_envelope *envelope,
                          const uint8_t id[SL_ID_LEN], sl_time born, bool local)
{
    struct told *told = arg;
    (void)id;
    (void)born;
    if (envelope->kind != SL_ENVELOPE_CHANNEL)
        return;
    told->accepted++;
    told->local += local;
}

static void test_relayed_is_earned(void **state)
{
    (void)state;
    struct told told = {.relayed = 0};
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 13});
    struct sl_fabric_node_config config = {
        .events = {.arg = &told, .relayed = note_relayed, .accepted = note_accepted}};
    uint8_t id[SL_ID_LEN];
    sl_fabric_add_node(fabric, &config);
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    sl_fabric_cut(fabric, 0);
    sl_fabric_publish(fabric, 0, "x", 1, id);
    sl_fabric_run(fabric, 30 * SL_SECOND);
    assert_int_equal(told.relayed, 0); /* alone */
    assert_int_equal(told.accepted, 1);
    assert_int_equal(told.local, 1);
    sl_fabric_join(fabric, 0);
    assert_true(sl_fabric_run_until_stored(fabric, 3, 10 * SL_SECOND));
    sl_fabric_run(fabric, 3 * SL_SECOND);
    assert_int_equal(told.relayed, 2); /* the identity, and this: each told once */
    assert_memory_equal(told.ids[1], id, SL_ID_LEN);
    sl_fabric_publish(fabric, 0, "y", 1, id);
    sl_fabric_run(fabric, 1300 * SL_MILLISECOND);
    assert_int_equal(told.relayed, 3);
    assert_memory_equal(told.ids[2], id, SL_ID_LEN);
    sl_fabric_free(fabric);
}

/* Two links to one node: it gets each envelope once. */
static void test_two_links_to_one_node(void **state)
{
    (void)state;
    struct sl_fabric *fabric = fabric_of(14, 2);
    sl_fabric_link(fabric, 0, 1);
    sl_fabric_link(fabric, 0, 1);
    settle(fabric);
    assert_int_equal(sl_fabric_status(fabric, 0).neighbour_count, 2);
    uint64_t before = total_sent(fabric);
    sl_fabric_publish(fabric, 0, "x", 1, NULL);
    sl_fabric_run(fabric, 5 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 1).stored_count, 3);
    assert_int_equal(total_sent(fabric) - before, 1);
    sl_fabric_free(fabric);
}

/* Many on one medium, and it loses a third: everybody has everything soon. */
static void test_a_lossy_crowd_gets_everything(void **state)
{
    (void)state;
    enum { NODES = 8 };
    struct sl_fabric *fabric = fabric_of(15, NODES);
    int medium = sl_fabric_add_medium(
        fabric, &(struct sl_medium_config){
                    .loss_permille = 300, .jitter = 5 * SL_MILLISECOND, .duplicate_permille = 50});
    for (int i = 0; i < NODES; i++)
        sl_fabric_attach(fabric, medium, i);
    for (int i = 0; i < 100; i++) {
        sl_fabric_publish(fabric, i % NODES, &i, sizeof(i), NULL);
        sl_fabric_run(fabric, 100 * SL_MILLISECOND);
    }
    assert_true(sl_fabric_run_until_stored(fabric, NODES + 100, SL_MINUTE));
    for (int i = 0; i < NODES; i++)
        assert_int_equal(sl_fabric_status(fabric, i).rejected_signature, 0);
    sl_fabric_free(fabric);
}

/* The same seed gives the same run. */
static void test_runs_are_repeatable(void **state)
{
    (void)state;
    uint64_t bytes[2], sent[2];
    for (size_t run = 0; run < 2; run++) {
        struct sl_fabric *fabric = fabric_of(16, 6);
        int medium = sl_fabric_mesh(fabric);
        sl_fabric_change_medium(fabric, medium, &(struct sl_medium_config){.loss_permille = 100});
        for (int i = 0; i < 50; i++) {
            sl_fabric_publish(fabric, i % 6, &i, sizeof(i), NULL);
            sl_fabric_run(fabric, 100 * SL_MILLISECOND);
        }
        bytes[run] = sl_fabric_bytes(fabric, medium);
        sent[run] = total_sent(fabric);
        sl_fabric_free(fabric);
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_int_equal(sent[0], sent[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_crossed_without_waiting),
        cmocka_unit_test(test_row_24_a_ring_of_14_is_bounded),
        cmocka_unit_test(test_a_long_column_is_crossed),
        cmocka_unit_test(test_a_crowd_sends_few_copies),
        cmocka_unit_test(test_envelopes_due_together_share_a_frame),
        cmocka_unit_test(test_hops_and_age_are_checked),
        cmocka_unit_test(test_a_false_age_does_not_end_an_envelope_early),
        cmocka_unit_test(test_false_hops_are_put_right_by_a_copy),
        cmocka_unit_test(test_what_expires_does_not_come_back),
        cmocka_unit_test(test_age_adds_up_over_the_hops),
        cmocka_unit_test(test_bad_signatures_are_neither_kept_nor_buried),
        cmocka_unit_test(test_malformed_envelopes_are_counted),
        cmocka_unit_test(test_an_unknown_origin_is_asked_for),
        cmocka_unit_test(test_row_06_a_members_chain_under_anothers_signature),
        cmocka_unit_test(test_an_identity_that_is_no_members_is_refused),
        cmocka_unit_test(test_relayed_traffic_keeps_to_its_airtime),
        cmocka_unit_test(test_relayed_is_earned),
        cmocka_unit_test(test_two_links_to_one_node),
        cmocka_unit_test(test_a_lossy_crowd_gets_everything),
        cmocka_unit_test(test_runs_are_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
