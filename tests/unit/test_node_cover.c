/* Who sends an envelope on, and who leaves it to others. */
#include "sim/fabric.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { NODES = 12, ENVELOPES = 20 };

/* Twelve that hear each other, and have told so; and if wanted one more, that only number 3 hears.
 */
static struct sl_fabric *begin(uint64_t seed, bool with_leaf, unsigned loss_permille)
{
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
    int count = with_leaf ? NODES + 1 : NODES;
    int air = sl_fabric_add_medium(fabric, NULL);
    for (int i = 0; i < count; i++) {
        sl_fabric_add_node(fabric, NULL);
        sl_fabric_attach(fabric, air, i);
        for (int j = 0; i == NODES && j < NODES; j++) {
            sl_fabric_block(fabric, air, i, j, j != 3);
            sl_fabric_block(fabric, air, j, i, j != 3);
        }
    }
    sl_fabric_run(fabric, 20 * SL_SECOND);
    sl_fabric_change_medium(fabric, air,
                            &(struct sl_medium_config){.loss_permille = loss_permille});
    sl_fabric_run(fabric, SL_MINUTE);
    return fabric;
}

static uint64_t total_sent(struct sl_fabric *fabric)
{
    uint64_t sent = 0;
    for (int i = 0; i < sl_fabric_node_count(fabric); i++)
        sent += sl_fabric_status(fabric, i).sent_envelopes;
    return sent;
}

/* One after the other from everywhere, each of them at all ends within a fifth of a second: too
 * soon for a repair. Times that envelopes were sent. */
static uint64_t publish_all(struct sl_fabric *fabric)
{
    uint64_t before = total_sent(fabric);
    size_t stored = sl_fabric_status(fabric, 0).stored_count;
    for (int i = 0; i < ENVELOPES; i++) {
        sl_fabric_publish(fabric, i % NODES, &i, sizeof(i), NULL);
        assert_true(sl_fabric_run_until_stored(fabric, ++stored, 200 * SL_MILLISECOND));
        sl_fabric_run(fabric, SL_SECOND);
    }
    return total_sent(fabric) - before;
}

static void test_where_all_hear_all_only_the_author_sends(void **state)
{
    (void)state;
    struct sl_fabric *fabric = begin(1, false, 0);
    assert_int_equal(publish_all(fabric), ENVELOPES);
    sl_fabric_free(fabric);
}

static void test_who_hears_only_one_gets_it_from_that_one(void **state)
{
    (void)state;
    struct sl_fabric *fabric = begin(2, true, 0);
    /* Its neighbour alone is both: its own envelopes reach the far one at once. */
    uint64_t of_the_neighbour = ENVELOPES / NODES + (ENVELOPES % NODES > 3);
    assert_in_range(publish_all(fabric), 2 * ENVELOPES - of_the_neighbour, 2 * ENVELOPES);
    sl_fabric_free(fabric);
}

/* A fifth of all frames is lost: nobody is heard well enough to be left alone with it, but far
 * fewer than all send. */
static void test_loss_is_made_up_for(void **state)
{
    (void)state;
    struct sl_fabric *fabric = begin(3, false, 200);
    uint64_t before = total_sent(fabric);
    size_t stored = sl_fabric_status(fabric, 0).stored_count;
    for (int i = 0; i < ENVELOPES; i++) {
        sl_fabric_publish(fabric, i % NODES, &i, sizeof(i), NULL);
        sl_fabric_run(fabric, SL_SECOND);
    }
    assert_true(sl_fabric_run_until_stored(fabric, stored + ENVELOPES, 5 * SL_SECOND));
    assert_in_range(total_sent(fabric) - before, ENVELOPES, ENVELOPES * NODES / 2);
    sl_fabric_free(fabric);
}

static void test_malformed_lists_are_counted(void **state)
{
    (void)state;
    struct sl_solo solo;
    const uint8_t value[2 * SL_NEIGHBOURS_MAX + 2] = {0};
    sl_solo_init(&solo, 4, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    uint64_t before = sl_solo_status(&solo).rejected_malformed;
    sl_solo_send_element(&solo, peer, SL_ELEMENT_NEAR, value, 0);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_NEAR, value, 2 * (size_t)SL_NEIGHBOURS_MAX);
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, before);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_NEAR, value, 3);
    sl_solo_send_element(&solo, peer, SL_ELEMENT_NEAR, value, sizeof(value));
    assert_int_equal(sl_solo_status(&solo).rejected_malformed, before + 2);
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_all_hear_all_only_the_author_sends),
        cmocka_unit_test(test_who_hears_only_one_gets_it_from_that_one),
        cmocka_unit_test(test_loss_is_made_up_for),
        cmocka_unit_test(test_malformed_lists_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
