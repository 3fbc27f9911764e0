/* The anti-replay window, against a list of everything that was ever seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "mesh/window.h"

#include <stdlib.h>
#include <string.h>

/* The model: one byte for each counter of a short stretch of the 32-bit range. */
enum { STRETCH = 5 * SL_WINDOW_BITS };

struct model {
    uint32_t base;
    uint32_t first;
    uint32_t top; /* highest accepted */
    bool started;
    bool seen[STRETCH];
};

static void model_init(struct model *m, uint32_t base, uint32_t first)
{
    memset(m, 0, sizeof(*m));
    m->base = base;
    m->first = first;
}

static bool model_fresh(const struct model *m, uint32_t counter)
{
    if (counter < m->first || m->seen[counter - m->base])
        return false;
    return !m->started || (uint64_t)counter + SL_WINDOW_BITS > m->top;
}

static void model_mark(struct model *m, uint32_t counter)
{
    m->seen[counter - m->base] = true;
    if (!m->started || counter > m->top)
        m->top = counter;
    m->started = true;
}

/* How many were left out below `counter`; 0 for a late one. */
static uint32_t model_skipped(const struct model *m, uint32_t counter)
{
    if (m->started && counter < m->top)
        return 0;
    return m->started ? counter - m->top - 1 : counter - m->first;
}

static void step(struct sl_window *w, struct model *m, uint32_t counter)
{
    bool fresh = model_fresh(m, counter);
    assert_int_equal(sl_window_fresh(w, counter), fresh);
    struct sl_window before = *w;
    uint32_t skipped = sl_window_mark(w, counter);
    if (!fresh) {
        assert_int_equal(skipped, 0);
        assert_memory_equal(&before, w, sizeof(before));
        return;
    }
    assert_int_equal(skipped, model_skipped(m, counter));
    model_mark(m, counter);
    assert_false(sl_window_fresh(w, counter));
}

static void compare_all(const struct sl_window *w, const struct model *m)
{
    for (size_t i = 0; i < STRETCH; i++) {
        uint32_t counter = m->base + (uint32_t)i;
        if (sl_window_fresh(w, counter) != model_fresh(m, counter))
            fail_msg("counter %u, top %u", counter, m->top);
    }
}

/* From some counters seen, a jump by each gap: all of the stretch is then judged as the model does.
 */
static void check_gaps(uint32_t base, uint32_t first, uint32_t start)
{
    static struct model m;
    struct sl_prng prng;
    sl_prng_init(&prng, 9);
    for (uint32_t gap = 0; gap <= 2 * SL_WINDOW_BITS + 1; gap++) {
        struct sl_window w;
        sl_window_init(&w, first);
        model_init(&m, base, first);
        for (uint32_t i = 0; i < 24; i++)
            step(&w, &m, start - (uint32_t)sl_prng_below(&prng, i < 12 ? 80 : SL_WINDOW_BITS));
        step(&w, &m, start);
        step(&w, &m, start + gap);
        compare_all(&w, &m);
        step(&w, &m, start);
        step(&w, &m, start + gap - SL_WINDOW_BITS);
        step(&w, &m, start + gap - SL_WINDOW_BITS + 1);
        compare_all(&w, &m);
    }
}

static void row_09_replay_window_for_every_gap(void **state)
{
    (void)state;
    check_gaps(0, 0, 2 * SL_WINDOW_BITS);
    check_gaps(0, 2 * SL_WINDOW_BITS - 100, 2 * SL_WINDOW_BITS + 37);
    check_gaps(1000000, 1000001, 1000000 + 2 * SL_WINDOW_BITS + 5);
}

static void row_09_replay_window_at_the_top_of_the_range(void **state)
{
    (void)state;
    uint32_t base = UINT32_MAX - STRETCH + 1;
    check_gaps(base, 0, UINT32_MAX - 2 * SL_WINDOW_BITS - 1);
    check_gaps(base, base + 3, UINT32_MAX - 2 * SL_WINDOW_BITS - 1);

    struct sl_window w;
    sl_window_init(&w, 0);
    assert_int_equal(sl_window_mark(&w, UINT32_MAX), UINT32_MAX);
    assert_false(sl_window_fresh(&w, UINT32_MAX));
    assert_false(sl_window_fresh(&w, 0));
    assert_false(sl_window_fresh(&w, UINT32_MAX - SL_WINDOW_BITS));
    assert_true(sl_window_fresh(&w, UINT32_MAX - SL_WINDOW_BITS + 1));
    for (uint32_t i = 1; i < SL_WINDOW_BITS; i++)
        assert_true(sl_window_fresh(&w, UINT32_MAX - i));
}

static void row_09_replay_window_first_counter(void **state)
{
    (void)state;
    static const uint32_t firsts[] = {0,    1,    63,   64,       65,        127,
                                      2047, 2048, 2112, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < SL_ARRAY_LEN(firsts); i++) {
        uint32_t first = firsts[i];
        struct sl_window w;
        sl_window_init(&w, first);
        assert_true(sl_window_fresh(&w, first));
        assert_true(sl_window_fresh(&w, UINT32_MAX));
        for (uint32_t below = 1; below <= 3 * SL_WINDOW_BITS && below <= first; below++)
            assert_false(sl_window_fresh(&w, first - below));
        assert_int_equal(sl_window_mark(&w, first), 0);
        assert_false(sl_window_fresh(&w, first));
        assert_int_equal(sl_window_fresh(&w, first + 1), first != UINT32_MAX);
    }
}

static void row_09_replay_window_random_walk(void **state)
{
    (void)state;
    static struct model m;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sl_prng prng;
        sl_prng_init(&prng, seed);
        struct sl_window w;
        uint32_t base = seed % 2 ? UINT32_MAX - STRETCH + 1 : 0;
        sl_window_init(&w, base);
        model_init(&m, base, base);
        uint32_t at = base;
        for (int i = 0; i < 4000; i++) {
            uint64_t reach = sl_prng_below(&prng, 100) == 0 ? SL_WINDOW_BITS : 40;
            int64_t next = (int64_t)at + (int64_t)sl_prng_below(&prng, reach) - (int64_t)reach / 3;
            if (next < base || next >= (int64_t)base + STRETCH)
                continue;
            step(&w, &m, (uint32_t)next);
            at = (uint32_t)next;
        }
        compare_all(&w, &m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_09_replay_window_for_every_gap),
        cmocka_unit_test(row_09_replay_window_at_the_top_of_the_range),
        cmocka_unit_test(row_09_replay_window_first_counter),
        cmocka_unit_test(row_09_replay_window_random_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
