/* Two hops that lose 40 % of all datagrams each: everything arrives, and nearly all of it soon. */
#include "sim/fabric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* So many, because a few runs take long and weigh much in the mean. */
enum { SEEDS = 200, MESSAGES = 100, PER_SECOND = 40, LOSS_PERMILLE = 400 };

struct result {
    size_t within;  /* held by the far end 10 s after the last was sent */
    sl_time all_at; /* when the far end held all, after the last was sent; SL_NEVER */
};

static size_t held(struct sl_fabric *fabric, int node)
{
    return sl_fabric_status(fabric, node).stored_count;
}

static struct result run(uint64_t seed)
{
    struct sl_fabric_config config = {.seed = seed};
    struct sl_fabric *fabric = sl_fabric_new(&config);
    for (int i = 0; i < 3; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    struct sl_medium_config bad = {.loss_permille = LOSS_PERMILLE};
    for (int medium = 0; medium < 2; medium++)
        sl_fabric_change_medium(fabric, medium, &bad);
    assert_true(sl_fabric_run_until_linked(fabric, 120 * SL_SECOND));
    assert_true(sl_fabric_run_until_stored(fabric, 3, 120 * SL_SECOND));
    size_t before = held(fabric, 2);
    uint8_t text[200] = {0};
    for (int i = 0; i < MESSAGES; i++) {
        uint8_t id[SL_ID_LEN];
        text[0] = (uint8_t)i;
        assert_int_equal(sl_fabric_publish(fabric, 0, text, sizeof(text), id), 0);
        sl_fabric_run(fabric, SL_SECOND / PER_SECOND);
    }
    sl_time sent_at = sl_fabric_now(fabric);
    struct result result = {.all_at = SL_NEVER};
    for (int tenth = 0; tenth < 600 && result.all_at == SL_NEVER; tenth++) {
        if (tenth <= 100)
            result.within = held(fabric, 2) - before;
        if (held(fabric, 2) - before >= MESSAGES)
            result.all_at = sl_fabric_now(fabric) - sent_at;
        sl_fabric_run(fabric, 100 * SL_MILLISECOND);
    }
    sl_fabric_free(fabric);
    return result;
}

static void test_forty_percent_loss_on_two_hops(void **state)
{
    (void)state;
    size_t within = 0;
    int whole_in_10 = 0;
    sl_time worst = 0, sum = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct result result = run(seed);
        if (result.all_at == SL_NEVER)
            fail_msg("seed %llu: not all after 60 s", (unsigned long long)seed);
        within += result.within;
        whole_in_10 += result.all_at <= 10 * SL_SECOND;
        sum += result.all_at;
        worst = result.all_at > worst ? result.all_at : worst;
    }
    printf("%d seeds: %.1f %% within 10 s, %d runs complete by then; complete after %.1f s on "
           "average, %.1f s at worst\n",
           SEEDS, (double)within * 100 / (SEEDS * MESSAGES), whole_in_10, (double)sum / SEEDS / 1e6,
           (double)worst / 1e6);
    assert_true(within * 100 >= (size_t)98 * SEEDS * MESSAGES);
    assert_true(worst <= 30 * SL_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forty_percent_loss_on_two_hops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
