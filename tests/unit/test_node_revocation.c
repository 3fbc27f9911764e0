/* Revocation lists longer than an envelope: handed on from neighbour to neighbour. */
#include "sim/fabric.h"
#include "sim/solo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 400, CRL_CAP = 8 + 4 * MANY, HEADER_LEN = 12 };

/* Lists `count` boards that nobody knows, and then that one. */
static size_t make_crl(uint32_t number, uint32_t serial, size_t count, uint8_t ret_crl[CRL_CAP])
{
    uint32_t serials[MANY];
    for (size_t i = 0; i < count; i++)
        serials[i] = 900000 + (uint32_t)i;
    serials[count - 1] = serial;
    return sl_fake_crl(0, number, serials, count, ret_crl, CRL_CAP);
}

static void revoke(struct sl_fabric *fabric, int node, int victim, uint32_t number)
{
    uint8_t crl[CRL_CAP];
    uint32_t serial = sl_fake_member_serial(sl_fabric_member(fabric, victim));
    size_t len = make_crl(number, serial, MANY, crl);
    assert_true(len > SL_PAYLOAD_MAX);
    assert_int_equal(sl_node_revoke(sl_fabric_node(fabric, node), crl, len, sl_fabric_now(fabric)),
                     0);
    sl_fabric_touch(fabric, node);
}

static void test_a_long_list_crosses_the_mesh_and_cuts_off(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 1});
    for (int i = 0; i < 5; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    assert_true(sl_fabric_run_until_stored(fabric, 5, 10 * SL_SECOND));
    revoke(fabric, 0, 4, 1);
    sl_fabric_run(fabric, SL_SECOND / 10);
    for (int i = 0; i < 4; i++)
        assert_int_equal(sl_fake_member_crl_number(sl_fabric_member(fabric, i)), 1);
    assert_int_equal(sl_fabric_status(fabric, 3).neighbour_count, 1);
    assert_int_equal(sl_fabric_status(fabric, 3).refused[SL_REFUSAL_REVOKED], 1);
    assert_int_equal(sl_fabric_status(fabric, 3).stored_count, 4);
    sl_fabric_free(fabric);
}

static bool all_know(struct sl_fabric *fabric, void *arg)
{
    const uint32_t *number = arg;
    for (int i = 0; i < sl_fabric_node_count(fabric); i++)
        if (sl_fake_member_crl_number(sl_fabric_member(fabric, i)) != *number)
            return false;
    return true;
}

static void test_a_long_list_survives_loss(void **state)
{
    (void)state;
    const struct sl_medium_config lossy = {
        .loss_permille = 300, .delay = 5 * SL_MILLISECOND, .jitter = 10 * SL_MILLISECOND};
    for (uint64_t seed = 10; seed < 15; seed++) {
        uint32_t number = 3;
        struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
        int medium = sl_fabric_add_medium(fabric, &lossy);
        for (int i = 0; i < 4; i++) {
            sl_fabric_add_node(fabric, NULL);
            sl_fabric_attach(fabric, medium, i);
        }
        /* With three frames of ten lost a handshake may fail several times over. */
        assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_MINUTE));
        uint8_t crl[CRL_CAP];
        size_t len = make_crl(number, 1, MANY, crl);
        assert_int_equal(sl_node_revoke(sl_fabric_node(fabric, 0), crl, len, sl_fabric_now(fabric)),
                         0);
        sl_fabric_touch(fabric, 0);
        assert_true(sl_fabric_run_until(fabric, all_know, &number, SL_MINUTE));
        sl_fabric_free(fabric);
    }
}

/* No envelope lives longer than a week: a board that was away for longer hears of it all the same,
 * for the short lists as well. */
static void test_a_board_that_was_away_hears_of_it(void **state)
{
    (void)state;
    uint32_t number = 1;
    uint8_t crl[CRL_CAP];
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 2});
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 5 * SL_SECOND));
    sl_fabric_stop(fabric, 1);
    size_t len = make_crl(number, 77, 2, crl);
    assert_int_equal(sl_node_revoke(sl_fabric_node(fabric, 0), crl, len, sl_fabric_now(fabric)), 0);
    sl_fabric_touch(fabric, 0);
    sl_fabric_run(fabric, 8 * SL_DAY);
    sl_fabric_start(fabric, 1);
    assert_true(sl_fabric_run_until(fabric, all_know, &number, 10 * SL_SECOND));
    sl_fabric_free(fabric);
}

static size_t put_header(uint64_t number, uint32_t place, uint8_t *ret_value)
{
    struct sl_writer w;
    sl_writer_init(&w, ret_value, HEADER_LEN);
    sl_write_u64(&w, number);
    sl_write_u32(&w, place);
    return (size_t)sl_write_done(&w);
}

static void say(struct sl_solo *solo, struct sl_fake_peer *peer, enum sl_element_type type,
                uint64_t number, uint32_t place)
{
    uint8_t value[HEADER_LEN];
    sl_solo_send_element(solo, peer, (uint8_t)type, value, put_header(number, place, value));
    sl_solo_drain(solo);
}

static void hand_over(struct sl_solo *solo, struct sl_fake_peer *peer, uint64_t number,
                      const uint8_t *crl, size_t len)
{
    uint8_t value[HEADER_LEN + 1000];
    for (size_t at = 0; at < len; at += 1000) {
        size_t n = sl_min_size(1000, len - at);
        put_header(number, (uint32_t)at, value);
        memcpy(value + HEADER_LEN, crl + at, n);
        sl_solo_send_element(solo, peer, SL_ELEMENT_CRL_PART, value, HEADER_LEN + n);
    }
    sl_solo_drain(solo);
}

/* Whoever promises a list and sends something else is not asked again; another one still is. */
static void test_a_liars_list_is_refused_and_others_are_heard(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t crl[CRL_CAP], forged[CRL_CAP];
    sl_solo_init(&solo, 3, true, NULL);
    struct sl_fake_peer *liar = sl_solo_add_peer(&solo), *honest = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, liar) && sl_solo_link(&solo, honest));
    size_t len = make_crl(5, 1, MANY, crl);
    memcpy(forged, crl, len);
    forged[3] ^= 1; /* another authority */
    say(&solo, liar, SL_ELEMENT_CRL, 9, (uint32_t)len);
    assert_int_equal(liar->elements[SL_ELEMENT_CRL_WANT], 1);
    hand_over(&solo, liar, 9, forged, len);
    assert_int_equal(sl_fake_member_crl_number(solo.member), 0);
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, 1);
    say(&solo, liar, SL_ELEMENT_CRL, 10, (uint32_t)len);
    assert_int_equal(liar->elements[SL_ELEMENT_CRL_WANT], 1);
    say(&solo, honest, SL_ELEMENT_CRL, 5, (uint32_t)len);
    assert_int_equal(honest->elements[SL_ELEMENT_CRL_WANT], 1);
    hand_over(&solo, honest, 5, crl, len);
    assert_int_equal(sl_fake_member_crl_number(solo.member), 5);
    /* It is told at once, for no envelope holds it. */
    assert_true(liar->elements[SL_ELEMENT_CRL] >= 1);
    sl_solo_done(&solo);
}

/* Whoever promises a list and sends nothing holds up the others for seconds, not for good. */
static void test_a_silent_liar_gives_way(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t crl[CRL_CAP];
    const uint8_t digest[16] = {0};
    sl_solo_init(&solo, 4, true, NULL);
    struct sl_fake_peer *liar = sl_solo_add_peer(&solo), *honest = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, liar) && sl_solo_link(&solo, honest));
    size_t len = make_crl(5, 1, MANY, crl);
    sl_time begin = solo.now;
    while (honest->elements[SL_ELEMENT_CRL_WANT] == 0 && solo.now - begin < SL_MINUTE) {
        say(&solo, liar, SL_ELEMENT_CRL, 9, SL_CRL_MAX);
        say(&solo, honest, SL_ELEMENT_CRL, 5, (uint32_t)len);
        sl_solo_send_hello(&solo, liar, 0, digest);
        sl_solo_send_hello(&solo, honest, 0, digest);
        sl_solo_run(&solo, SL_SECOND);
    }
    assert_true(solo.now - begin <= 10 * SL_SECOND);
    hand_over(&solo, honest, 5, crl, len);
    assert_int_equal(sl_fake_member_crl_number(solo.member), 5);
    sl_solo_done(&solo);
}

/* What asking costs is the asker's: bytes out are bounded by the quota of its link. */
static void test_row_11_asking_for_the_list_is_bounded(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t crl[CRL_CAP];
    sl_solo_init(&solo, 5, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    size_t len = make_crl(5, 1, MANY, crl);
    assert_int_equal(sl_node_revoke(solo.node, crl, len, solo.now), 0);
    sl_solo_drain(&solo);
    for (int i = 0; i < 1000; i++)
        say(&solo, peer, SL_ELEMENT_CRL_WANT, 5, 0);
    /* Two parts for each question. */
    assert_in_range(peer->elements[SL_ELEMENT_CRL_PART], 2, 2 * SL_LINK_BURST / 100);
    say(&solo, peer, SL_ELEMENT_CRL_WANT, 4, 0);             /* not in force */
    say(&solo, peer, SL_ELEMENT_CRL_WANT, 5, (uint32_t)len); /* past its end */
    uint64_t before = sl_solo_status(&solo).rejected_malformed;
    say(&solo, peer, SL_ELEMENT_CRL_WANT, 5, SL_CRL_MAX + 1);                /* past any end */
    sl_solo_send_element(&solo, peer, SL_ELEMENT_CRL_PART, crl, HEADER_LEN); /* of nothing */
    sl_solo_send_element(&solo, peer, SL_ELEMENT_CRL, crl, HEADER_LEN - 1);
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, before + 3);
    sl_solo_done(&solo);
}

/* A link that ends in the middle takes what it handed over with it. */
static void test_a_link_ends_in_the_middle(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t crl[CRL_CAP];
    sl_solo_init(&solo, 6, true, NULL);
    struct sl_fake_peer *first = sl_solo_add_peer(&solo), *second = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, first) && sl_solo_link(&solo, second));
    size_t len = make_crl(5, 1, MANY, crl);
    say(&solo, first, SL_ELEMENT_CRL, 5, (uint32_t)len);
    hand_over(&solo, first, 5, crl, 1000);
    first->mute = true;
    second->mute = true;
    sl_solo_run(&solo, 2 * SL_MINUTE);
    assert_int_equal(sl_solo_status(&solo).neighbour_count, 0);
    struct sl_fake_peer *third = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, third));
    say(&solo, third, SL_ELEMENT_CRL, 5, (uint32_t)len);
    assert_int_equal(third->elements[SL_ELEMENT_CRL_WANT], 1);
    hand_over(&solo, third, 5, crl, len);
    assert_int_equal(sl_fake_member_crl_number(solo.member), 5);
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_list_crosses_the_mesh_and_cuts_off),
        cmocka_unit_test(test_a_long_list_survives_loss),
        cmocka_unit_test(test_a_board_that_was_away_hears_of_it),
        cmocka_unit_test(test_a_liars_list_is_refused_and_others_are_heard),
        cmocka_unit_test(test_a_silent_liar_gives_way),
        cmocka_unit_test(test_row_11_asking_for_the_list_is_bounded),
        cmocka_unit_test(test_a_link_ends_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
