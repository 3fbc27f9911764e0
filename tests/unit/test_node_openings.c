/* Sessions with strangers: dear, so their rate is bounded, with room left for members. */
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define STEP (50 * SL_MILLISECOND)

/* Somebody with the network secret, but no certificate of this network, from ever new addresses. */
static void send_stranger(struct sl_solo *solo)
{
    struct sl_fake_peer *stranger = sl_solo_add_peer(solo);
    stranger->certificate.network = 999;
    sl_fake_member_free(stranger->member);
    stranger->member = sl_fake_member_new(&stranger->certificate);
    memset(stranger->link_id, 0, 4); /* it opens the session */
    sl_solo_greet(solo, stranger);
    sl_solo_run(solo, STEP);
}

static void test_row_13_strangers_open_at_a_bounded_rate(void **state)
{
    (void)state;
    enum { STRANGERS = 500 };
    struct sl_solo solo;
    sl_solo_init(&solo, 1, true, NULL);
    sl_time begin = solo.now;
    for (int i = 0; i < STRANGERS; i++)
        send_stranger(&solo);
    size_t most = SL_OPENING_BURST + SL_OPENING_RATE * (size_t)((solo.now - begin) / SL_SECOND + 1);
    assert_in_range(sl_fake_member_accepted(solo.member), SL_OPENING_BURST, most);
    assert_true(sl_solo_status(&solo).refused[SL_REFUSAL_BUSY] > 0);
    /* What we open ourselves has its own rate. */
    struct sl_fake_peer *member = sl_solo_add_peer(&solo);
    memset(member->link_id, 0xff, 4);
    begin = solo.now;
    assert_true(sl_solo_link(&solo, member));
    assert_true(solo.now - begin <= 2 * SL_SECOND);
    sl_solo_done(&solo);
}

/* A place full of members at once: none of them waits. */
static void test_a_crowd_of_members_is_linked_at_once(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 2, true, NULL);
    for (int i = 0; i < SL_NEIGHBOURS_MAX; i++) {
        struct sl_fake_peer *member = sl_solo_add_peer(&solo);
        memset(member->link_id, 0, 4);
        assert_true(sl_solo_link(&solo, member));
    }
    assert_int_equal(sl_solo_status(&solo).refused[SL_REFUSAL_BUSY], 0);
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_13_strangers_open_at_a_bounded_rate),
        cmocka_unit_test(test_a_crowd_of_members_is_linked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
