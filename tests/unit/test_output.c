/* What others wrote, on its way to a terminal. */
#include "output.h"

#include "base/prng.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_clean(const char *text, enum sl_clean how, const char *expected)
{
    char *clean = sl_output_cleaned(text, how);
    assert_string_equal(clean, expected);
    free(clean);
}

static void test_control_characters(void **state)
{
    (void)state;
    expect_clean("\033[2J\033]0;title\a", SL_CLEAN_TEXT, "␛[2J␛]0;title␇");
    expect_clean("a\rb\bc\x7f", SL_CLEAN_TEXT, "a␍b␈c␡");
    expect_clean("\xc2\x9b"
                 "31m",
                 SL_CLEAN_TEXT, "<U+009B>31m");
    expect_clean("two\n\tlines", SL_CLEAN_TEXT, "two\n\tlines");
    expect_clean("two\n\tlines", SL_CLEAN_NAME, "two␊␉lines");
    expect_clean("", SL_CLEAN_NAME, "");
}

static void test_bad_utf8(void **state)
{
    (void)state;
    expect_clean("a\xff\xc0\x80z", SL_CLEAN_TEXT, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    expect_clean("cut \xe2\x82", SL_CLEAN_TEXT, "cut \xef\xbf\xbd\xef\xbf\xbd");
    expect_clean("\xed\xa0\x80", SL_CLEAN_TEXT, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_reordering(void **state)
{
    (void)state;
    expect_clean("evil\u202egnp.exe", SL_CLEAN_TEXT, "evil<U+202E>gnp.exe");
    expect_clean("\u2066x\u2069", SL_CLEAN_TEXT, "<U+2066>x<U+2069>");
    expect_clean("line\u2028line", SL_CLEAN_TEXT, "line<U+2028>line");
    /* Marks, joiners and selectors that scripts and emoji need stay. */
    expect_clean("\u200fשלום 👩‍👧 ❤️ می‌خواهم", SL_CLEAN_TEXT,
                 "\u200fשלום 👩‍👧 ❤️ می‌خواهم");
}

static void test_names(void **state)
{
    (void)state;
    expect_clean("an\u200ba", SL_CLEAN_NAME, "an<U+200B>a");
    expect_clean("ana\u200d", SL_CLEAN_NAME, "ana<U+200D>");
    expect_clean("ana\u00a0", SL_CLEAN_NAME, "ana<U+00A0>");
    expect_clean("👩‍👧", SL_CLEAN_NAME, "👩‍👧");
    expect_clean("می‌خ", SL_CLEAN_NAME, "می‌خ");
    expect_clean("小明", SL_CLEAN_NAME, "小明");
}

/* Whatever comes in, what comes out may be shown; and what may be shown stays as it is. */
static void test_random_bytes_come_out_showable(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 7);
    for (int round = 0; round < 20000; round++) {
        char text[40];
        size_t len = sl_prng_below(&prng, sizeof(text));
        for (size_t i = 0; i < len; i++)
            text[i] = (char)sl_prng_below(&prng, sl_prng_below(&prng, 3) == 0 ? 256 : 128);
        text[len] = '\0';
        for (int how = SL_CLEAN_TEXT; how <= SL_CLEAN_NAME; how++) {
            char *clean = sl_output_cleaned(text, (enum sl_clean)how);
            assert_true(sl_text_showable((const uint8_t *)clean, strlen(clean)));
            assert_true(how == SL_CLEAN_TEXT || strpbrk(clean, "\n\t\033") == NULL);
            expect_clean(clean, (enum sl_clean)how, clean);
            free(clean);
        }
    }
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(sl_output_width(""), 0);
    assert_int_equal(sl_output_width("abc"), 3);
    assert_int_equal(sl_output_width("小明"), 4);
    assert_int_equal(sl_output_width("e\u0301"), 1);
    assert_int_equal(sl_output_width("\xff"), 1);
}

static char *flow(const char *text, struct sl_flow how)
{
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);
    sl_output_flow(to, text, how);
    fclose(to);
    char *copy = strdup(out);
    free(out);
    return copy;
}

static void test_flow(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct sl_flow how;
        const char *expected;
    } cases[] = {
        {"one two three", {4, 2, 10}, "one \n  two \n  three"},
        {"one\ntwo", {4, 2, 0}, "one\n  two"},
        {"abcdefghijkl", {2, 2, 8}, "abcdef\n  ghijkl"},
        {"小小小小", {2, 2, 7}, "小小\n  小小"},
        {"", {4, 2, 10}, ""},
        {"a\n\nb", {0, 3, 80}, "a\n   \n   b"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        char *out = flow(cases[i].text, cases[i].how);
        assert_string_equal(out, cases[i].expected);
        free(out);
    }
}

/* A message cannot put a line of its own making where another message would begin. */
static void test_flow_cannot_forge_a_line(void **state)
{
    (void)state;
    char text[400];
    for (size_t pad = 0; pad < 200; pad++) {
        memset(text, ' ', pad);
        strcpy(text + pad, "14:02 bob: send money");
        for (size_t columns = 30; columns < 60; columns += 7) {
            char *out = flow(text, (struct sl_flow){12, 6, columns});
            for (const char *line = strchr(out, '\n'); line != NULL; line = strchr(line + 1, '\n'))
                assert_memory_equal(line + 1, "      ", 6);
            char *first = strchr(out, '\n');
            if (first != NULL)
                *first = '\0';
            assert_true(12 + sl_output_width(out) <= columns);
            free(out);
        }
    }
}

/* What is printed as a command can be copied into a shell, whatever the name in it. */
static void test_words_of_a_shell(void **state)
{
    (void)state;
    static const char *const words[][2] = {
        {"lamp-post", "lamp-post"},
        {"/tmp/a/b.conf", "/tmp/a/b.conf"},
        {"lamp post", "'lamp post'"},
        {"", "''"},
        {"ana's $HOME; *", "'ana'\\''s $HOME; *'"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
        char *word = sl_output_word(words[i][0]);
        assert_string_equal(word, words[i][1]);
        free(word);
    }
}

static void test_table(void **state)
{
    (void)state;
    static const char *const headings[] = {"nick", ">count", "note"};
    struct sl_table *table = sl_table_new(headings, 3);
    sl_table_cell(table, "%s", "小明");
    sl_table_cell(table, "%d", 5);
    sl_table_cell(table, "a\nb");
    sl_table_cell(table, "bob");
    sl_table_cell(table, "%d", 12345678);
    sl_table_cell(table, "%s", "");
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);
    sl_table_print(table, to);
    fclose(to);
    sl_table_free(table);
    assert_string_equal(out, "nick     count  note\n"
                             "小明         5  a␊b\n"
                             "bob   12345678  \n");
    free(out);
}

static int set_up(void **state)
{
    (void)state;
    sl_output_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_bad_utf8),
        cmocka_unit_test(test_reordering),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_random_bytes_come_out_showable),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_flow),
        cmocka_unit_test(test_flow_cannot_forge_a_line),
        cmocka_unit_test(test_words_of_a_shell),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
