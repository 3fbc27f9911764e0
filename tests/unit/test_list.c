/* The intrusive list: order, removal during a walk, both directions consistent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int value;
    struct sl_list link;
};

static int value_of(struct sl_list *link)
{
    return SL_CONTAINER_OF(link, struct item, link)->value;
}

/* Compares forwards, and the way back through `prev`. */
static void expect(struct sl_list *head, const int *values, size_t count)
{
    size_t i = 0;
    SL_LIST_FOR_EACH (link, head) {
        assert_true(i < count);
        assert_int_equal(value_of(link), values[i]);
        assert_ptr_equal(link->prev->next, link);
        assert_ptr_equal(link->next->prev, link);
        i++;
    }
    assert_int_equal(i, count);
    for (struct sl_list *link = head->prev; link != head; link = link->prev) {
        assert_true(i > 0);
        assert_int_equal(value_of(link), values[--i]);
    }
    assert_int_equal(i, 0);
    assert_int_equal(sl_list_empty(head), count == 0);
}

static void fill(struct sl_list *head, struct item *items, int count)
{
    sl_list_init(head);
    for (int i = 0; i < count; i++) {
        items[i].value = i;
        sl_list_append(head, &items[i].link);
    }
}

static void test_append_and_insert(void **state)
{
    (void)state;
    struct sl_list head;
    struct item items[3];
    fill(&head, items, 0);
    expect(&head, NULL, 0);
    fill(&head, items, 3);
    expect(&head, (const int[]){0, 1, 2}, 3);
    struct item between = {.value = 7};
    sl_list_insert(&items[1].link, &between.link);
    expect(&head, (const int[]){0, 7, 1, 2}, 4);
    struct item front = {.value = 8};
    sl_list_insert(head.next, &front.link);
    expect(&head, (const int[]){8, 0, 7, 1, 2}, 5);
    struct item back = {.value = 9};
    sl_list_insert(&head, &back.link);
    expect(&head, (const int[]){8, 0, 7, 1, 2, 9}, 6);
}

static void test_remove(void **state)
{
    (void)state;
    struct sl_list head;
    struct item items[4];
    fill(&head, items, 4);
    sl_list_remove(&items[1].link);
    expect(&head, (const int[]){0, 2, 3}, 3);
    assert_true(sl_list_empty(&items[1].link));
    /* A removed item is a list of its own: removing it again changes nothing. */
    sl_list_remove(&items[1].link);
    expect(&head, (const int[]){0, 2, 3}, 3);
    sl_list_remove(&items[0].link);
    sl_list_remove(&items[3].link);
    expect(&head, (const int[]){2}, 1);
    sl_list_remove(&items[2].link);
    expect(&head, NULL, 0);
    sl_list_append(&head, &items[1].link);
    expect(&head, (const int[]){1}, 1);
}

static void test_remove_while_walking(void **state)
{
    (void)state;
    /* Every subset of five items, so also neighbours, the first, the last and all. */
    for (unsigned removed = 0; removed < 32; removed++) {
        struct sl_list head;
        struct item items[5];
        fill(&head, items, 5);
        unsigned seen = 0;
        SL_LIST_FOR_EACH_SAFE (link, &head) {
            unsigned bit = 1U << value_of(link);
            assert_int_equal(seen & bit, 0);
            seen |= bit;
            if (removed & bit)
                sl_list_remove(link);
        }
        assert_int_equal(seen, 31);
        int kept[5];
        size_t kept_count = 0;
        for (int i = 0; i < 5; i++)
            if (!(removed & 1U << i))
                kept[kept_count++] = i;
        expect(&head, kept, kept_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_and_insert),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_remove_while_walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
