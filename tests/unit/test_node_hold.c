/* A bearer that cannot send just now holds up nobody but itself. */
#include "sim/fabric.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MIDDLE = 1, MESSAGES = 300 };

/* Three nodes in line; the middle one is linked on both sides. */
static struct sl_fabric *line(void)
{
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 11});
    for (int i = 0; i < 3; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_linked(fabric, 30 * SL_SECOND));
    assert_true(sl_fabric_run_until_stored(fabric, 3, 30 * SL_SECOND));
    return fabric;
}

static void hold(struct sl_fabric *fabric, int medium, bool held)
{
    uint32_t bit = UINT32_C(1) << sl_fabric_bearer(fabric, medium, MIDDLE);
    sl_node_hold(sl_fabric_node(fabric, MIDDLE), held ? bit : 0);
    sl_fabric_touch(fabric, MIDDLE);
}

static void test_the_others_go_on(void **state)
{
    (void)state;
    struct sl_fabric *fabric = line();
    hold(fabric, 0, true);
    assert_int_equal(sl_fabric_publish(fabric, MIDDLE, "stuck", 5, NULL), 0);
    sl_fabric_run(fabric, 2 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 2).stored_count, 4);
    assert_int_equal(sl_fabric_status(fabric, 0).stored_count, 3);

    hold(fabric, 0, false);
    sl_fabric_run(fabric, 2 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 0).stored_count, 4);
    sl_fabric_free(fabric);
}

/* More than the output queue has room for: the free side must not lose its share of it. */
static void test_a_held_bearer_does_not_fill_the_queue(void **state)
{
    (void)state;
    struct sl_fabric *fabric = line();
    uint8_t text[900] = {0};
    hold(fabric, 0, true);
    for (int i = 0; i < MESSAGES; i++) {
        text[0] = (uint8_t)i;
        text[1] = (uint8_t)(i >> 8);
        assert_int_equal(sl_fabric_publish(fabric, MIDDLE, text, sizeof(text), NULL), 0);
        if (i % 8 == 0)
            sl_fabric_run(fabric, 10 * SL_MILLISECOND);
    }
    sl_fabric_run(fabric, 3 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 2).stored_count, 3 + MESSAGES);
    assert_int_equal(sl_fabric_status(fabric, 0).stored_count, 3);

    hold(fabric, 0, false);
    assert_true(sl_fabric_run_until_stored(fabric, 3 + MESSAGES, 60 * SL_SECOND));
    sl_fabric_free(fabric);
}

static void test_a_removed_bearer_holds_nothing(void **state)
{
    (void)state;
    struct sl_fabric *fabric = line();
    hold(fabric, 0, true);
    sl_fabric_detach(fabric, 0, MIDDLE);
    sl_fabric_attach(fabric, 0, MIDDLE);
    assert_true(sl_fabric_run_until_linked(fabric, 60 * SL_SECOND));
    sl_fabric_free(fabric);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_others_go_on),
        cmocka_unit_test(test_a_held_bearer_does_not_fill_the_queue),
        cmocka_unit_test(test_a_removed_bearer_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
