/* Sessions, keys and frames: who gets a link, what ends it, and what comes after. */
#include "sim/fabric.h"
#include "sim/solo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct sl_fabric *two_nodes(uint64_t seed, const struct sl_fabric_node_config *first,
                                   const struct sl_fabric_node_config *second)
{
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
    sl_fabric_add_node(fabric, first);
    sl_fabric_add_node(fabric, second);
    sl_fabric_line(fabric);
    return fabric;
}

static void test_a_restarted_peer_is_back_within_seconds(void **state)
{
    (void)state;
    struct sl_fabric *fabric = two_nodes(1, NULL, NULL);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    for (int i = 0; i < 5; i++) {
        sl_fabric_pull_plug(fabric, 1); /* no goodbye */
        sl_fabric_run(fabric, 300 * SL_MILLISECOND);
        sl_fabric_start(fabric, 1);
        sl_fabric_publish(fabric, 1, &i, sizeof(i), NULL);
        assert_true(sl_fabric_run_until_stored(fabric, (size_t)i + 3, 3 * SL_SECOND));
    }
    struct sl_node_status status = sl_fabric_status(fabric, 0);
    assert_int_equal(status.neighbour_count, 1);
    sl_fabric_free(fabric);
}

static bool has_no_neighbour(struct sl_fabric *fabric, void *arg)
{
    return sl_fabric_status(fabric, *(int *)arg).neighbour_count == 0;
}

static void test_a_goodbye_ends_the_link_at_once(void **state)
{
    (void)state;
    int node = 0;
    struct sl_fabric *fabric = two_nodes(2, NULL, NULL);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    sl_fabric_stop(fabric, 1);
    assert_true(sl_fabric_run_until(fabric, has_no_neighbour, &node, 10 * SL_MILLISECOND));
    sl_fabric_free(fabric);
}

static void test_silence_ends_the_link_and_it_comes_back(void **state)
{
    (void)state;
    int node = 0;
    struct sl_fabric *fabric = two_nodes(3, NULL, NULL);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    sl_fabric_cut(fabric, 0);
    sl_fabric_run(fabric, 5 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 0).neighbour_count, 1); /* not for a short gap */
    assert_true(sl_fabric_run_until(fabric, has_no_neighbour, &node, 15 * SL_SECOND));
    sl_fabric_run(fabric, 30 * SL_SECOND);
    sl_fabric_join(fabric, 0);
    assert_true(sl_fabric_run_until_linked(fabric, 10 * SL_SECOND));
    sl_fabric_free(fabric);
}

/* One side lost the session, the other did not: a new one takes its place. */
static void test_one_way_silence_heals(void **state)
{
    (void)state;
    struct sl_fabric *fabric = two_nodes(4, NULL, NULL);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    for (int from = 0; from < 2; from++) {
        sl_fabric_block(fabric, 0, from, 1 - from, true);
        sl_fabric_run(fabric, 30 * SL_SECOND);
        sl_fabric_block(fabric, 0, from, 1 - from, false);
        assert_true(sl_fabric_run_until_linked(fabric, 20 * SL_SECOND));
        sl_fabric_publish(fabric, from, "x", 1, NULL);
        assert_true(sl_fabric_run_until_stored(fabric, 3 + (size_t)from, 5 * SL_SECOND));
    }
    sl_fabric_free(fabric);
}

static void test_links_come_up_on_a_lossy_medium(void **state)
{
    (void)state;
    struct sl_medium_config lossy = {
        .loss_permille = 300, .duplicate_permille = 100, .jitter = 20 * SL_MILLISECOND};
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
        int medium = sl_fabric_add_medium(fabric, &lossy);
        for (int i = 0; i < 4; i++) {
            sl_fabric_add_node(fabric, NULL);
            sl_fabric_attach(fabric, medium, i);
        }
        assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_MINUTE)); /* most within 20 s */
        sl_fabric_free(fabric);
    }
}

struct refusal_case {
    struct sl_fabric_node_config config;
    enum sl_refusal expected;
};

static void test_refusals_are_counted_with_their_reason(void **state)
{
    (void)state;
    const struct refusal_case cases[] = {
        {{.network = 7}, SL_REFUSAL_FOREIGN},
        {{.not_after = 1700000000}, SL_REFUSAL_EXPIRED},
        {{.not_before = 2000000000}, SL_REFUSAL_NOT_YET},
        {{.clone_of = 1}, SL_REFUSAL_SELF},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        struct sl_neighbour_info info;
        struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 20 + i});
        sl_fabric_add_node(fabric, NULL);
        sl_fabric_add_node(fabric, &cases[i].config);
        sl_node_set_time(sl_fabric_node(fabric, 0), SL_CLOCK_NTP, INT64_C(1800000000000000),
                         sl_fabric_now(fabric));
        sl_fabric_line(fabric);
        sl_fabric_run(fabric, 30 * SL_SECOND);
        struct sl_node_status status = sl_fabric_status(fabric, 0);
        assert_int_equal(status.neighbour_count, 0);
        assert_true(status.refused[cases[i].expected] >= 1);
        assert_true(status.refused[cases[i].expected] <= 10); /* tries are spaced */
        assert_true(sl_node_neighbour(sl_fabric_node(fabric, 0), 0, &info));
        assert_int_equal(info.last_refusal, cases[i].expected);
        sl_fabric_free(fabric);
    }
}

/* Without a clock nobody can say that a certificate has expired. */
static void test_validity_is_not_judged_without_a_clock(void **state)
{
    (void)state;
    struct sl_fabric *fabric =
        two_nodes(30, NULL, &(struct sl_fabric_node_config){.not_after = 1700000000});
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    /* Then a phone tells the time, and the link ends. */
    sl_node_set_time(sl_fabric_node(fabric, 0), SL_CLOCK_PERSON, INT64_C(1800000000000000),
                     sl_fabric_now(fabric));
    sl_fabric_run(fabric, 3 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 0).neighbour_count, 0);
    assert_true(sl_fabric_status(fabric, 0).refused[SL_REFUSAL_EXPIRED] >= 1);
    sl_fabric_free(fabric);
}

static void say_time(struct sl_solo *solo, struct sl_fake_peer *peer, int64_t unix_us)
{
    uint8_t body[3 + SL_HELLO_LEN];
    struct sl_writer w;
    struct sl_hello hello = {.clock_source = SL_CLOCK_NTP, .unix_us = unix_us};
    sl_writer_init(&w, body, sizeof(body));
    sl_hello_write(&w, &hello);
    sl_solo_send_frame(solo, peer, body, w.len);
}

/* The first neighbour of a board without a clock says that it is the next century. That must not
 * cut it off from the others, nor mute it: three of them put it right. */
static void test_row_21_a_lone_liar_cuts_nobody_off(void **state)
{
    (void)state;
    const int64_t not_after = 1820000000, unix_us = INT64_C(1800000000000000);
    struct sl_solo solo;
    struct sl_fake_peer *peers[4];
    sl_solo_init(&solo, 44, true, NULL);
    sl_fake_member_renew(solo.member, 1, not_after);
    sl_solo_run(&solo, SL_SECOND);
    for (size_t i = 0; i < 4; i++) {
        peers[i] = sl_solo_add_peer(&solo);
        peers[i]->certificate.not_after = not_after;
        sl_fake_member_renew(peers[i]->member, peers[i]->certificate.serial, not_after);
    }
    assert_true(sl_solo_link(&solo, peers[0]));
    say_time(&solo, peers[0], INT64_C(4100000000000000));
    sl_solo_run(&solo, 2 * SL_SECOND);
    assert_true(sl_solo_status(&solo).unix_us >= INT64_C(4100000000000000));
    /* It believes that, but dates nothing past its own certificate. */
    assert_true(sl_node_next_created(solo.node, solo.now) < (uint64_t)not_after * 1000000);
    for (size_t i = 1; i < 4; i++)
        assert_true(sl_solo_link(&solo, peers[i]));
    assert_int_equal(sl_solo_status(&solo).neighbour_count, 4);
    for (size_t i = 1; i < 4; i++)
        say_time(&solo, peers[i], unix_us);
    sl_solo_run(&solo, 2 * SL_SECOND);
    assert_in_range(sl_solo_status(&solo).unix_us - unix_us, 0, 10 * SL_SECOND);
    sl_solo_done(&solo);
}

/* A cleverer one stays within our certificate's time, past that of the others. They are cut off
 * only as long as it is there. */
static void test_row_21_a_lone_liar_cuts_off_while_it_is_there(void **state)
{
    (void)state;
    const int64_t not_after = 1820000000;
    struct sl_solo solo;
    sl_solo_init(&solo, 45, true, NULL);
    sl_fake_member_renew(solo.member, 1, not_after);
    sl_solo_run(&solo, SL_SECOND);
    struct sl_fake_peer *liar = sl_solo_add_peer(&solo), *honest[2];
    assert_true(sl_solo_link(&solo, liar));
    say_time(&solo, liar, (not_after - 1000) * 1000000);
    sl_solo_run(&solo, 2 * SL_SECOND);
    for (size_t i = 0; i < 2; i++) {
        honest[i] = sl_solo_add_peer(&solo);
        honest[i]->certificate.not_after = not_after - 5000;
        sl_fake_member_renew(honest[i]->member, honest[i]->certificate.serial, not_after - 5000);
        assert_int_equal(sl_solo_link(&solo, honest[i]), i == 1);
        liar->mute = true;
        sl_solo_run(&solo, SL_MINUTE);
    }
    assert_true(sl_solo_status(&solo).refused[SL_REFUSAL_EXPIRED] >= 1);
    sl_solo_done(&solo);
}

static int revoke(struct sl_fabric *fabric, int node, int victim, uint32_t number)
{
    uint8_t crl[64];
    uint32_t serial = sl_fake_member_serial(sl_fabric_member(fabric, victim));
    size_t len = sl_fake_crl(0, number, &serial, 1, crl, sizeof(crl));
    int r = sl_node_revoke(sl_fabric_node(fabric, node), crl, len, sl_fabric_now(fabric));
    sl_fabric_touch(fabric, node);
    return r;
}

/* A - B - C, and D at C: A revokes D. */
static void test_revocation_spreads_and_cuts_off(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 31});
    for (int i = 0; i < 4; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    assert_true(sl_fabric_run_until_stored(fabric, 4, 10 * SL_SECOND));
    sl_fabric_publish(fabric, 3, "from the lost board", 19, NULL);
    assert_true(sl_fabric_run_until_stored(fabric, 5, 10 * SL_SECOND));
    assert_int_equal(revoke(fabric, 0, 3, 1), 0);
    assert_int_equal(revoke(fabric, 0, 3, 1), -EALREADY);
    sl_fabric_run(fabric, 10 * SL_MILLISECOND);
    assert_int_equal(sl_fabric_status(fabric, 2).neighbour_count, 1);
    assert_true(sl_fabric_status(fabric, 2).refused[SL_REFUSAL_REVOKED] >= 1);
    /* It does not come back, and what it said is gone: 3 identities and the CRL are left. */
    sl_fabric_publish(fabric, 3, "once more", 9, NULL);
    sl_fabric_run(fabric, 60 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 2).neighbour_count, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sl_fabric_status(fabric, i).stored_count, 4);
        assert_int_equal(sl_fake_member_crl_number(sl_fabric_member(fabric, i)), 1);
    }
    sl_fabric_free(fabric);
}

/* After a revocation the frames on the air are under a key that the revoked node does not hold. */
static void test_revocation_renews_the_broadcast_key(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peers[3];
    uint8_t crl[64];
    sl_solo_init(&solo, 32, true, NULL);
    for (size_t i = 0; i < 3; i++) {
        peers[i] = sl_solo_add_peer(&solo);
        assert_true(sl_solo_link(&solo, peers[i]));
    }
    struct sl_key_message old = peers[0]->node_keys[0];
    assert_memory_equal(old.key, peers[2]->node_keys[0].key, SL_KEY_LEN);
    size_t len = sl_fake_crl(0, 1, &peers[2]->certificate.serial, 1, crl, sizeof(crl));
    assert_int_equal(sl_node_revoke(solo.node, crl, len, solo.now), 0);
    sl_solo_drain(&solo);
    assert_int_equal(sl_solo_status(&solo).neighbour_count, 2);
    assert_int_equal(peers[0]->node_keys[0].epoch, old.epoch + 1);
    assert_memory_not_equal(peers[0]->node_keys[0].key, old.key, SL_KEY_LEN);
    assert_memory_equal(peers[2]->node_keys[0].key, old.key, SL_KEY_LEN);
    uint64_t hellos = peers[0]->elements[SL_ELEMENT_HELLO];
    uint64_t lost = peers[2]->elements[SL_ELEMENT_HELLO];
    sl_solo_run(&solo, 5 * SL_SECOND);
    assert_true(peers[0]->elements[SL_ELEMENT_HELLO] >= hellos + 3);
    assert_int_equal(peers[2]->elements[SL_ELEMENT_HELLO], lost);
    sl_solo_done(&solo);
}

/* Members who greet, begin a handshake and leave it: the cap holds, and others still get in. */
static void test_row_13_half_open_handshakes(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 33, true, NULL);
    size_t most = 0, linked = 0;
    for (int i = 0; i < 200; i++) {
        struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
        peer->half_open = true;
        memset(peer->link_id, 0xff, 4); /* the node opens the session, and is left alone */
        sl_solo_greet(&solo, peer);
        sl_solo_run(&solo, 50 * SL_MILLISECOND);
        most = most > sl_solo_status(&solo).handshake_count ? most
                                                            : sl_solo_status(&solo).handshake_count;
        if (i % 20 != 19)
            continue;
        struct sl_fake_peer *honest = sl_solo_add_peer(&solo);
        sl_time begin = solo.now;
        assert_true(sl_solo_link(&solo, honest));
        assert_true(solo.now - begin <= 3 * SL_SECOND);
        linked++;
    }
    assert_int_equal(most, SL_HANDSHAKES_MAX);
    assert_true(sl_fake_member_session_count(solo.member) <= SL_HANDSHAKES_MAX + linked);
    /* All of them end. */
    for (size_t i = 0; i < solo.peer_count; i++)
        solo.peers[i]->mute = true;
    sl_solo_run(&solo, 5 * SL_MINUTE);
    assert_int_equal(sl_fake_member_session_count(solo.member), 0);
    assert_int_equal(sl_solo_status(&solo).handshake_count, 0);
    sl_solo_done(&solo);
}

/* When all places are taken a handshake is refused before any of its work is done. */
static void test_row_13_no_work_beyond_the_cap(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 43, true, NULL);
    sl_solo_run(&solo, SL_MILLISECOND);
    for (int i = 0; i < SL_HANDSHAKES_MAX; i++) {
        struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
        peer->half_open = true;
        memset(peer->link_id, 0xff, 4); /* the node opens the session, and is left alone */
        sl_solo_send_greeting(&solo, peer, SL_PACKET_BEACON, NULL, NULL);
        sl_solo_drain(&solo);
    }
    assert_int_equal(sl_solo_status(&solo).handshake_count, SL_HANDSHAKES_MAX);
    struct sl_fake_peer *client = sl_solo_add_peer(&solo);
    memset(client->link_id, 0, 4);
    sl_solo_send_greeting(&solo, client, SL_PACKET_BEACON, NULL, NULL);
    sl_solo_drain(&solo);
    assert_int_equal(sl_solo_status(&solo).refused[SL_REFUSAL_BUSY], 1);
    assert_int_equal(sl_fake_member_accepted(solo.member), 0);
    /* The silent ones give way, and then the next one gets in. */
    sl_solo_run(&solo, SL_SECOND);
    struct sl_fake_peer *next = sl_solo_add_peer(&solo);
    memset(next->link_id, 0, 4);
    assert_true(sl_solo_link(&solo, next));
    assert_int_equal(sl_fake_member_accepted(solo.member), 1);
    sl_solo_done(&solo);
}

/* A session message of which the answer got lost: both sides send their keys until they are taken.
 */
static void test_keys_are_sent_again(void **state)
{
    (void)state;
    struct sl_fabric *fabric = two_nodes(34, NULL, NULL);
    sl_fabric_block(fabric, 0, 0, 1, true);
    sl_fabric_run(fabric, 5 * SL_SECOND);
    sl_fabric_block(fabric, 0, 0, 1, false);
    assert_true(sl_fabric_run_until_linked(fabric, 10 * SL_SECOND));
    sl_fabric_free(fabric);
}

static void test_row_9_replayed_frames_are_dropped(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 35, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_identity(&solo, peer);
    for (int i = 0; i < 10; i++) {
        peer->counter = 1; /* the same nonce, and other content at that */
        sl_solo_send_text(&solo, peer, i == 0 ? "one" : "two");
    }
    assert_int_equal(sl_solo_status(&solo).rejected_replayed, 9);
    assert_int_equal(sl_solo_status(&solo).accepted, 2);
    sl_solo_done(&solo);
}

static void test_frames_of_strangers_are_garbage(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 36, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    struct sl_fake_peer *stranger = sl_solo_add_peer(&solo);
    stranger->mute = true;
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_text(&solo, stranger, "hello?");
    stranger->address = peer->address; /* forged */
    stranger->counter = 1000;
    sl_solo_send_text(&solo, stranger, "hello?");
    assert_int_equal(sl_solo_status(&solo).rejected_garbage, 2);
    /* The window did not move: the real one is still heard. */
    sl_solo_send_identity(&solo, peer);
    assert_int_equal(sl_solo_status(&solo).accepted, 1);
    stranger->address = (struct sl_address){.len = 1};
    sl_solo_done(&solo);
}

/* One member's key opens at most four links, however many addresses it has. */
static void test_row_15_one_key_does_not_fill_the_table(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 37, true, NULL);
    struct sl_fake_peer *first = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, first));
    for (int i = 0; i < 20; i++) {
        struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
        sl_fake_member_free(peer->member);
        peer->certificate = first->certificate;
        peer->member = sl_fake_member_new(&peer->certificate);
        assert_true(sl_solo_link(&solo, peer));
        assert_true(sl_solo_status(&solo).neighbour_count <= 4);
    }
    sl_solo_done(&solo);
}

static void test_sessions_are_capped(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 38, true, NULL);
    for (int i = 0; i < SL_NEIGHBOURS_MAX + 10; i++) {
        struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
        for (int j = 0; j < 3 && !peer->elements[SL_ELEMENT_HELLO]; j++) {
            sl_solo_send_greeting(&solo, peer, SL_PACKET_BEACON, NULL, NULL);
            sl_solo_drain(&solo);
        }
    }
    assert_int_equal(sl_solo_status(&solo).neighbour_count, SL_NEIGHBOURS_MAX);
    assert_true(sl_solo_status(&solo).refused[SL_REFUSAL_BUSY] >= 10);
    sl_solo_done(&solo);
}

static void test_removing_a_bearer_ends_its_links(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 39});
    for (int i = 0; i < 3; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_ring(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    sl_fabric_publish(fabric, 0, "x", 1, NULL);
    sl_fabric_detach(fabric, 0, 0);
    assert_int_equal(sl_fabric_status(fabric, 0).neighbour_count, 1);
    assert_true(sl_fabric_run_until_stored(fabric, 4, 10 * SL_SECOND)); /* the other way round */
    sl_fabric_attach(fabric, 0, 0);
    assert_true(sl_fabric_run_until_linked(fabric, 10 * SL_SECOND));
    sl_fabric_free(fabric);
}

/* One side has lost the link and the other has not: whoever of them is the client, and although
 * what is said to all still makes the other one look alive, they are linked again within seconds.
 */
static void test_a_link_that_one_side_lost_comes_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
        for (int i = 0; i < 4; i++)
            sl_fabric_add_node(fabric, NULL);
        int air = sl_fabric_mesh(fabric);
        assert_true(sl_fabric_run_until_linked(fabric, 20 * SL_SECOND));
        sl_fabric_run(fabric, 90 * SL_SECOND);
        sl_fabric_detach(fabric, air, 0);
        sl_fabric_attach(fabric, air, 0);
        assert_true(sl_fabric_run_until_linked(fabric, 10 * SL_SECOND));
        sl_fabric_run(fabric, SL_SECOND);
        sl_fabric_publish(fabric, 0, "again", 5, NULL);
        assert_true(sl_fabric_run_until_stored(fabric, 5, 5 * SL_SECOND));
        sl_fabric_free(fabric);
    }
}

static void test_loss_is_estimated(void **state)
{
    (void)state;
    struct sl_neighbour_info info;
    struct sl_solo solo;
    sl_solo_init(&solo, 40, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    const uint8_t digest[16] = {0};
    for (int i = 0; i < 2000; i++) {
        sl_solo_send_hello(&solo, peer, 0, digest);
        peer->counter += i % 4 == 0; /* one in five is lost */
        sl_solo_drain(&solo);
    }
    assert_true(sl_node_neighbour(solo.node, 0, &info));
    assert_in_range(info.loss_permille, 180, 220);
    assert_int_equal(info.state, SL_LINK_UP);
    assert_string_equal(info.name, "node-1000");
    assert_string_equal(info.bearer_name, "solo");
    assert_true(info.frames_in >= 2000 && info.bytes_in > info.frames_in * 22);
    sl_solo_done(&solo);
}

/* Worn keys are replaced, and nothing that is said meanwhile is lost for long. */
static void test_keys_change_each_day(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 41, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    const uint8_t digest[16] = {0};
    assert_true(sl_solo_link(&solo, peer));
    struct sl_key_message bearer = peer->node_keys[0], link = peer->node_keys[1];
    for (int minute = 0; minute < 24 * 60 * 60 / 5 + 10; minute++) {
        sl_solo_send_hello(&solo, peer, 0, digest);
        sl_solo_run(&solo, 5 * SL_SECOND);
    }
    assert_int_equal(sl_solo_status(&solo).neighbour_count, 1);
    assert_memory_not_equal(peer->node_keys[0].key, bearer.key, SL_KEY_LEN);
    assert_memory_not_equal(peer->node_keys[1].key, link.key, SL_KEY_LEN);
    uint64_t hellos = peer->elements[SL_ELEMENT_HELLO];
    sl_solo_run(&solo, 3 * SL_SECOND);
    assert_true(peer->elements[SL_ELEMENT_HELLO] > hellos);
    sl_solo_done(&solo);
}

/* Whoever holds a node's broadcast key must not be able to say goodbye in its name. */
static void test_a_goodbye_in_a_frame_is_ignored(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 42, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_element(&solo, peer, SL_ELEMENT_BYE, NULL, 0);
    sl_solo_send_element(&solo, peer, 250, (const uint8_t *)"?", 1); /* unknown: skipped */
    assert_int_equal(sl_solo_status(&solo).neighbour_count, 1);
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, 0);
    sl_solo_send_frame(&solo, peer, NULL, 0); /* empty: nothing in it */
    sl_solo_send_frame(&solo, peer, (const uint8_t *)"\x02\xff", 2);
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, 1);
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restarted_peer_is_back_within_seconds),
        cmocka_unit_test(test_a_goodbye_ends_the_link_at_once),
        cmocka_unit_test(test_silence_ends_the_link_and_it_comes_back),
        cmocka_unit_test(test_one_way_silence_heals),
        cmocka_unit_test(test_links_come_up_on_a_lossy_medium),
        cmocka_unit_test(test_refusals_are_counted_with_their_reason),
        cmocka_unit_test(test_validity_is_not_judged_without_a_clock),
        cmocka_unit_test(test_row_21_a_lone_liar_cuts_nobody_off),
        cmocka_unit_test(test_row_21_a_lone_liar_cuts_off_while_it_is_there),
        cmocka_unit_test(test_revocation_spreads_and_cuts_off),
        cmocka_unit_test(test_revocation_renews_the_broadcast_key),
        cmocka_unit_test(test_row_13_half_open_handshakes),
        cmocka_unit_test(test_row_13_no_work_beyond_the_cap),
        cmocka_unit_test(test_keys_are_sent_again),
        cmocka_unit_test(test_row_9_replayed_frames_are_dropped),
        cmocka_unit_test(test_frames_of_strangers_are_garbage),
        cmocka_unit_test(test_row_15_one_key_does_not_fill_the_table),
        cmocka_unit_test(test_sessions_are_capped),
        cmocka_unit_test(test_removing_a_bearer_ends_its_links),
        cmocka_unit_test(test_a_link_that_one_side_lost_comes_back),
        cmocka_unit_test(test_loss_is_estimated),
        cmocka_unit_test(test_keys_change_each_day),
        cmocka_unit_test(test_a_goodbye_in_a_frame_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
