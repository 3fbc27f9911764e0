#include "chronology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add(json_t *list, const char *author, int created, double age, const char *text)
{
    json_array_append_new(list, json_pack("{s{ss} si sf ss}", "from", "key", author, "created",
                                          created, "age", age, "text", text));
}

static void assert_order(json_t *messages, const char *expected)
{
    json_t *ordered = sl_chronology(messages), *message;
    char seen[64] = "";
    size_t i, at = 0;
    assert_non_null(ordered);
    json_array_foreach (ordered, i, message)
        seen[at++] = json_string_value(json_object_get(message, "text"))[0];
    assert_string_equal(seen, expected);
    json_decref(ordered);
    json_decref(messages);
}

static void test_late_repair_goes_to_its_place(void **state)
{
    (void)state;
    json_t *list = json_array();
    add(list, "aa", 1, 30, "1");
    add(list, "aa", 3, 28, "3");
    add(list, "aa", 2, 29, "2");
    assert_order(list, "123");
}

static void test_an_authors_order_beats_rough_ages(void **state)
{
    (void)state;
    json_t *list = json_array();
    add(list, "aa", 2, 10.002, "2");
    add(list, "aa", 1, 10.001, "1");
    add(list, "aa", 3, 10.003, "3");
    assert_order(list, "123");
}

static void test_authors_are_interleaved_by_age_not_by_their_clocks(void **state)
{
    (void)state;
    json_t *list = json_array();
    add(list, "aa", 1000, 40, "a");
    add(list, "bb", 5, 30, "b"); /* its clock is far behind */
    add(list, "aa", 1001, 20, "c");
    add(list, "bb", 6, 10, "d");
    assert_order(list, "abcd");
}

static void test_equal_ages_keep_arrival(void **state)
{
    (void)state;
    json_t *list = json_array();
    assert_order(json_array(), "");
    add(list, "aa", 7, 1, "x");
    add(list, "aa", 7, 1, "y");
    assert_order(list, "xy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_repair_goes_to_its_place),
        cmocka_unit_test(test_an_authors_order_beats_rough_ages),
        cmocka_unit_test(test_authors_are_interleaved_by_age_not_by_their_clocks),
        cmocka_unit_test(test_equal_ages_keep_arrival),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
