/* The timer heap, against an array that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/prng.h"

#include <errno.h>

enum {
    TIMER_COUNT = 64,
    CAP = 48,
};

/* The model: what is set, when, and in which order it was set. */
struct model {
    bool set[TIMER_COUNT];
    sl_time at[TIMER_COUNT];
    uint64_t order[TIMER_COUNT];
    uint64_t next_order;
    size_t count;
};

static size_t model_first(const struct model *m)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        if (!m->set[i])
            continue;
        if (first == SIZE_MAX || m->at[i] < m->at[first] ||
            (m->at[i] == m->at[first] && m->order[i] < m->order[first]))
            first = i;
    }
    return first;
}

static void model_unset(struct model *m, size_t i)
{
    m->count -= m->set[i];
    m->set[i] = false;
}

static void model_set(struct model *m, size_t i, sl_time at)
{
    m->count += !m->set[i];
    m->set[i] = true;
    m->at[i] = at;
    m->order[i] = m->next_order++;
}

static void set_one(struct sl_heap *heap, struct sl_timer *timers, struct model *m,
                    struct sl_prng *prng)
{
    size_t i = sl_prng_below(prng, TIMER_COUNT);
    /* Few different times, so that ties are frequent. */
    sl_time at = sl_prng_time(prng, -8, 8);
    int r = sl_heap_set(heap, &timers[i], at);
    if (!m->set[i] && m->count == CAP) {
        assert_int_equal(r, -ENOSPC);
        assert_false(sl_timer_is_set(&timers[i]));
        return;
    }
    assert_int_equal(r, 0);
    model_set(m, i, at);
}

static void pop_one(struct sl_heap *heap, struct sl_timer *timers, struct model *m, sl_time now)
{
    size_t first = model_first(m);
    struct sl_timer *popped = sl_heap_pop(heap, now);
    if (first == SIZE_MAX || m->at[first] > now) {
        assert_null(popped);
        return;
    }
    assert_ptr_equal(popped, &timers[first]);
    assert_false(sl_timer_is_set(popped));
    assert_true(popped->at == SL_NEVER);
    model_unset(m, first);
}

static void compare(const struct sl_heap *heap, const struct sl_timer *timers,
                    const struct model *m)
{
    size_t first = model_first(m);
    assert_true(sl_heap_next(heap) == (first == SIZE_MAX ? SL_NEVER : m->at[first]));
    assert_int_equal(heap->count, m->count);
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        assert_int_equal(sl_timer_is_set(&timers[i]), m->set[i]);
        assert_true(timers[i].at == (m->set[i] ? m->at[i] : SL_NEVER));
    }
}

static void run_against_model(uint64_t seed)
{
    struct sl_prng prng;
    sl_prng_init(&prng, seed);
    struct sl_heap heap;
    assert_int_equal(sl_heap_init(&heap, CAP), 0);
    struct sl_timer timers[TIMER_COUNT];
    for (size_t i = 0; i < TIMER_COUNT; i++)
        sl_timer_init(&timers[i]);
    struct model m = {0};
    for (int step = 0; step < 4000; step++) {
        /* Filling and draining take turns, so that both full and empty are reached. */
        uint64_t set_share = step / 500 % 2 ? 3 : 7;
        uint64_t choice = sl_prng_below(&prng, 10);
        if (choice < set_share) {
            set_one(&heap, timers, &m, &prng);
        } else if (choice == 7) {
            size_t i = sl_prng_below(&prng, TIMER_COUNT);
            sl_heap_cancel(&heap, &timers[i]);
            model_unset(&m, i);
        } else {
            pop_one(&heap, timers, &m, sl_prng_time(&prng, -9, 12));
        }
        compare(&heap, timers, &m);
    }
    while (m.count > 0)
        pop_one(&heap, timers, &m, 100);
    assert_null(sl_heap_pop(&heap, 100));
    sl_heap_done(&heap);
}

static void test_random_operations_against_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        run_against_model(seed);
    }
}

static void test_equal_times_leave_in_order(void **state)
{
    (void)state;
    struct sl_heap heap;
    assert_int_equal(sl_heap_init(&heap, TIMER_COUNT), 0);
    struct sl_timer timers[TIMER_COUNT];
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        sl_timer_init(&timers[i]);
        assert_int_equal(sl_heap_set(&heap, &timers[i], 5), 0);
    }
    /* Set again for the same time: last in the row. */
    assert_int_equal(sl_heap_set(&heap, &timers[0], 5), 0);
    for (size_t i = 1; i < TIMER_COUNT; i++)
        assert_ptr_equal(sl_heap_pop(&heap, 5), &timers[i]);
    assert_ptr_equal(sl_heap_pop(&heap, 5), &timers[0]);
    sl_heap_done(&heap);
}

static void test_not_due_stays(void **state)
{
    (void)state;
    struct sl_heap heap;
    struct sl_timer timer;
    assert_int_equal(sl_heap_init(&heap, 1), 0);
    sl_timer_init(&timer);
    assert_true(sl_heap_next(&heap) == SL_NEVER);
    assert_null(sl_heap_pop(&heap, SL_NEVER));
    assert_int_equal(sl_heap_set(&heap, &timer, 10), 0);
    assert_null(sl_heap_pop(&heap, 9));
    assert_true(sl_timer_is_set(&timer));
    assert_true(sl_heap_next(&heap) == 10);
    assert_ptr_equal(sl_heap_pop(&heap, 10), &timer);
    assert_null(sl_heap_pop(&heap, SL_NEVER));
    sl_heap_done(&heap);
}

static void test_never_cancels(void **state)
{
    (void)state;
    struct sl_heap heap;
    struct sl_timer timer;
    assert_int_equal(sl_heap_init(&heap, 1), 0);
    sl_timer_init(&timer);
    assert_int_equal(sl_heap_set(&heap, &timer, 1), 0);
    assert_int_equal(sl_heap_set(&heap, &timer, SL_NEVER), 0);
    assert_false(sl_timer_is_set(&timer));
    assert_int_equal(sl_heap_set(&heap, &timer, SL_NEVER), 0);
    assert_false(sl_timer_is_set(&timer));
    assert_null(sl_heap_pop(&heap, SL_NEVER));
    sl_heap_cancel(&heap, &timer);
    sl_heap_done(&heap);
}

static void test_full(void **state)
{
    (void)state;
    struct sl_heap heap;
    struct sl_timer a;
    struct sl_timer b;
    sl_timer_init(&a);
    sl_timer_init(&b);
    assert_int_equal(sl_heap_init(&heap, 0), 0);
    assert_int_equal(sl_heap_set(&heap, &a, 1), -ENOSPC);
    sl_heap_done(&heap);

    assert_int_equal(sl_heap_init(&heap, 1), 0);
    assert_int_equal(sl_heap_set(&heap, &a, 1), 0);
    assert_int_equal(sl_heap_set(&heap, &b, 0), -ENOSPC);
    assert_false(sl_timer_is_set(&b));
    assert_int_equal(sl_heap_set(&heap, &a, 2), 0);
    assert_true(sl_heap_next(&heap) == 2);
    sl_heap_cancel(&heap, &a);
    assert_int_equal(sl_heap_set(&heap, &b, 0), 0);
    sl_heap_done(&heap);
}

static void test_done_unsets(void **state)
{
    (void)state;
    struct sl_heap heap;
    struct sl_timer timer;
    sl_timer_init(&timer);
    assert_int_equal(sl_heap_init(&heap, 2), 0);
    assert_int_equal(sl_heap_set(&heap, &timer, 1), 0);
    sl_heap_done(&heap);
    assert_false(sl_timer_is_set(&timer));
    sl_heap_cancel(&heap, &timer);
    sl_heap_done(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations_against_model),
        cmocka_unit_test(test_equal_times_leave_in_order),
        cmocka_unit_test(test_not_due_stays),
        cmocka_unit_test(test_never_cancels),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_done_unsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
