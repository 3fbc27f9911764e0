/* Envelopes along routes that end here: whoever gives one is told that no way leads on. */
#include "mesh/node_internal.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROUTED_LEN_MAX = 2 + SL_TARGET_LEN + SL_ENVELOPE_MAX };

/* Between two who know a way here for what leads nowhere from here. */
struct place {
    struct sl_solo solo;
    struct sl_fake_peer *first, *second;
    uint8_t routed[ROUTED_LEN_MAX];
    size_t len;
};

static void place_init(struct place *p, uint64_t seed)
{
    static const uint8_t unknown[SL_TARGET_LEN] = {1, 2, 3};
    memset(p, 0, sizeof(*p));
    sl_solo_init(&p->solo, seed, false, NULL);
    p->first = sl_solo_add_peer(&p->solo);
    p->second = sl_solo_add_peer(&p->solo);
    assert_true(sl_solo_link(&p->solo, p->first));
    assert_true(sl_solo_link(&p->solo, p->second));
    sl_solo_send_identity(&p->solo, p->first);
    p->routed[0] = SL_HOPS_MAX;
    p->routed[1] = 1;
    memcpy(p->routed + 2, unknown, SL_TARGET_LEN);
    p->len =
        2 + SL_TARGET_LEN +
        sl_solo_envelope(&p->solo, p->first,
                         &(struct sl_solo_draft){
                             .kind = SL_ENVELOPE_DIRECT, .payload = "sealed", .payload_len = 6},
                         p->routed + 2 + SL_TARGET_LEN);
}

static void give(struct place *p, struct sl_fake_peer *from)
{
    sl_solo_send_element(&p->solo, from, SL_ELEMENT_ROUTED, p->routed, p->len);
    sl_solo_run(&p->solo, 100 * SL_MILLISECOND);
}

/* The second was told that it is held, and nothing else: it waited for an answer from nowhere, and
 * so did whoever wrote it. */
static void test_everybody_who_gives_it_hears_that_it_strayed(void **state)
{
    (void)state;
    struct place p;
    place_init(&p, 1);
    give(&p, p.first);
    assert_int_equal(p.first->elements[SL_ELEMENT_STRAY], 1);
    assert_int_equal(p.second->elements[SL_ELEMENT_STRAY], 0);
    give(&p, p.second);
    assert_int_equal(p.second->elements[SL_ELEMENT_STRAY], 1);
    assert_int_equal(p.first->elements[SL_ELEMENT_STRAY], 1);
    sl_solo_done(&p.solo);
}

/* STRAY may have been lost: who sends it again hears it again. */
static void test_who_asks_again_hears_it_again(void **state)
{
    (void)state;
    struct place p;
    place_init(&p, 2);
    give(&p, p.first);
    give(&p, p.first);
    assert_int_equal(p.first->elements[SL_ELEMENT_STRAY], 2);
    sl_solo_done(&p.solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_who_gives_it_hears_that_it_strayed),
        cmocka_unit_test(test_who_asks_again_hears_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
