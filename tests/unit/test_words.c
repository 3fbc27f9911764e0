/* Quantities in words, and the nearest of several names. */
#include "words.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *words;
    } cases[] = {
        {-5, "0 s"},
        {0, "0 s"},
        {59, "59 s"},
        {60, "1 min"},
        {3599, "59 min"},
        {3600, "1 h"},
        {7500, "2 h 5 min"},
        {86400, "1 day"},
        {90000, "1 day 1 h"},
        {172800, "2 days"},
        {349200, "4 days 1 h"},
        {INT64_MAX, "106751991167300 days 15 h"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        char words[SL_WORDS_MAX];
        sl_words_duration(cases[i].seconds, words);
        assert_string_equal(words, cases[i].words);
    }
    char ago[SL_WORDS_MAX];
    sl_words_ago(3, ago);
    assert_string_equal(ago, "just now");
    sl_words_ago(200, ago);
    assert_string_equal(ago, "3 min ago");
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *words;
    } cases[] = {
        {0, "0 of 0 B"},
        {812, "812 of 812 B"},
        {1023, "1023 of 1023 B"},
        {1024, "1 of 1 KiB"},
        {3174, "3 of 3 KiB"},
        {3250, "3.1 of 3.1 KiB"},
        {67108864, "64 of 64 MiB"},
        {UINT64_MAX, "16777215 of 16777215 TiB"},
    };
    char words[SL_WORDS_MAX];
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        sl_words_share(cases[i].bytes, cases[i].bytes, words);
        assert_string_equal(words, cases[i].words);
    }
    sl_words_share(3250586, (uint64_t)64 << 20, words);
    assert_string_equal(words, "3.1 of 64 MiB");
    sl_words_share(2560, (uint64_t)64 << 20, words);
    assert_string_equal(words, "2.5 KiB of 64 MiB");
    sl_words_share(0, (uint64_t)64 << 20, words);
    assert_string_equal(words, "0 of 64 MiB");
    sl_words_count(1204, words);
    assert_string_equal(words, "1,204");
    sl_words_count(UINT64_MAX, words);
    assert_string_equal(words, "18,446,744,073,709,551,615");
    sl_words_count(7, words);
    assert_string_equal(words, "7");
}

static void test_dates(void **state)
{
    (void)state;
    char words[SL_WORDS_MAX];
    sl_words_date_time(1800000000, words);
    assert_string_equal(words, "2027-01-15 08:00");
    sl_words_date(INT64_MAX, words);
    assert_string_equal(words, "?");
}

static void test_parse_duration(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* or -errno */
    } cases[] = {
        {"90s", 90},       {"30m", 1800},
        {"30min", 1800},   {"24h", 86400},
        {"7 d", 604800},   {"2w", 1209600},
        {"1y", 31536000},  {"100y", 3153600000},
        {"", -EINVAL},     {"5", -EINVAL},
        {"h", -EINVAL},    {"-3h", -EINVAL},
        {"0s", -EINVAL},   {"3 hours", -EINVAL},
        {"101y", -ERANGE}, {"99999999999999999999s", -ERANGE},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        int64_t seconds = 12345;
        int rc = sl_words_parse_duration(cases[i].text, &seconds);
        assert_int_equal(rc, cases[i].seconds < 0 ? cases[i].seconds : 0);
        assert_int_equal(seconds, cases[i].seconds < 0 ? 12345 : cases[i].seconds);
    }
}

static void test_distance(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},           {"", "abc", 3},
        {"abc", "abc", 0},     {"Ana", "aNA", 0},
        {"ana", "anna", 1},    {"ana", "nan", 2},
        {"carol", "caorl", 1}, {"kitten", "sitting", 3},
        {"é", "e", 1},         {"привет", "превет", 1},
        {"ab", "ba", 1},       {"\xff", "\xfe", 1},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        assert_int_equal(sl_words_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(sl_words_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
    char long_name[500];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(sl_words_distance(long_name, ""), 64);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"alice", "bob",    "alicia",
                                        "carol", "carola", "lamp-post-north"};
    size_t at[SL_NEAREST_MAX];
    assert_int_equal(sl_words_nearest("alise", names, 6, at), 1);
    assert_int_equal(at[0], 0);
    assert_int_equal(sl_words_nearest("CAROLA", names, 6, at), 2);
    assert_int_equal(at[0], 4);
    assert_int_equal(at[1], 3);
    assert_int_equal(sl_words_nearest("lamp", names, 6, at), 1);
    assert_int_equal(at[0], 5);
    assert_int_equal(sl_words_nearest("zoe", names, 6, at), 0);
    assert_int_equal(sl_words_nearest("q", names, 6, at), 0);
    assert_int_equal(sl_words_nearest("x", NULL, 0, at), 0);
    static const char *const many[] = {"aa1", "aa2", "aa3", "aa4", "aa"};
    assert_int_equal(sl_words_nearest("aa", many, 5, at), 3);
    assert_int_equal(at[0], 4);
    assert_int_equal(at[1], 0);
}

static int set_zone(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_dates),     cmocka_unit_test(test_parse_duration),
        cmocka_unit_test(test_distance),  cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, set_zone, NULL);
}
