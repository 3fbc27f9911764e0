/* Hexadecimal, base64url, and the edges of UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_hex_encode(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xab, 0xff, 0x19};
    char text[2 * sizeof(bytes) + 1];
    sl_hex_encode(bytes, sizeof(bytes), text);
    assert_string_equal(text, "000ff0abff19");
    sl_hex_encode(bytes, 0, text);
    assert_string_equal(text, "");
}

static void test_hex_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint8_t back[256];
    char text[513];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    sl_hex_encode(bytes, sizeof(bytes), text);
    assert_int_equal(sl_hex_decode(text, back, sizeof(back)), 0);
    assert_memory_equal(back, bytes, sizeof(bytes));
}

static void test_hex_decode_edges(void **state)
{
    (void)state;
    uint8_t bytes[2];
    assert_int_equal(sl_hex_decode("aBCd", bytes, 2), 0);
    assert_memory_equal(bytes, "\xab\xcd", 2);
    assert_int_equal(sl_hex_decode("", NULL, 0), 0);
    assert_int_equal(sl_hex_decode("0", NULL, 0), -EINVAL);
    static const char *const bad[] = {
        "",     "0",    "00",   "000",  "00000", "000000", "00 0", "000g",
        "/000", ":000", "@000", "G000", "`000",  "-000",   "0x00", "000\xff",
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
        memset(bytes, 0xaa, sizeof(bytes));
        assert_int_equal(sl_hex_decode(bad[i], bytes, 2), -EINVAL);
        assert_memory_equal(bytes, "\xaa\xaa", 2);
    }
}

/* RFC 4648, 10, without the padding, and the two characters of section 5. */
static const struct {
    const char *bytes;
    const char *text;
} base64_vectors[] = {
    {"", ""},
    {"f", "Zg"},
    {"fo", "Zm8"},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg"},
    {"fooba", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "-_-_"},
    {"\x14\xfb\x9c\x03\xd9\x7e", "FPucA9l-"},
};

static void test_base64_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(base64_vectors); i++) {
        const uint8_t *bytes = (const uint8_t *)base64_vectors[i].bytes;
        const char *expected = base64_vectors[i].text;
        size_t len = strlen(base64_vectors[i].bytes);
        char text[16];
        uint8_t back[16];
        assert_int_equal(sl_base64_len(len), strlen(expected));
        assert_int_equal(sl_base64_encode(bytes, len, text, strlen(expected) + 1), 0);
        assert_string_equal(text, expected);
        assert_int_equal(sl_base64_decode(text, strlen(text), back, len), len);
        assert_memory_equal(back, bytes, len);
    }
}

/* Exact buffers on the heap, so that a sanitizer sees one byte too many. */
static void test_base64_round_trip(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 1);
    for (size_t len = 1; len < 200; len++) {
        size_t text_len = sl_base64_len(len);
        uint8_t *bytes = malloc(len);
        uint8_t *back = malloc(len);
        char *text = malloc(text_len + 1);
        assert_true(bytes && back && text);
        sl_prng_bytes(&prng, bytes, len);
        assert_int_equal(sl_base64_encode(bytes, len, text, text_len), -ENOBUFS);
        assert_int_equal(sl_base64_encode(bytes, len, text, text_len + 1), 0);
        assert_int_equal(strlen(text), text_len);
        assert_int_equal(sl_base64_decode(text, text_len, back, len - 1), -ENOBUFS);
        assert_int_equal(sl_base64_decode(text, text_len, back, len), len);
        assert_memory_equal(back, bytes, len);
        free(bytes);
        free(back);
        free(text);
    }
}

static void test_base64_no_room(void **state)
{
    (void)state;
    char text[4] = "xxx";
    assert_int_equal(sl_base64_encode((const uint8_t *)"", 0, text, 0), -ENOBUFS);
    assert_string_equal(text, "xxx");
    assert_int_equal(sl_base64_encode((const uint8_t *)"", 0, text, 1), 0);
    assert_string_equal(text, "");
}

static void test_base64_rejects(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "A",    "AAAAA", "Zg==", "Zm8=", "Zm9v====", "+-_-",  "/-_-",   " Zg",   "Zg ",
        "Z\ng", "Zh",    "Zm9",  "Zv",   "Zm-",      "\xffz", "Zm9vYh", "Zm9v=", "Zm9vYmF",
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
        uint8_t bytes[16];
        memset(bytes, 0xaa, sizeof(bytes));
        assert_int_equal(sl_base64_decode(bad[i], strlen(bad[i]), bytes, sizeof(bytes)), -EINVAL);
        for (size_t k = 0; k < sizeof(bytes); k++)
            assert_int_equal(bytes[k], 0xaa);
    }
    uint8_t bytes[16];
    assert_int_equal(sl_base64_decode("Z\0g8", 4, bytes, sizeof(bytes)), -EINVAL);
}

/* Of the two- and three-digit tails exactly the canonical ones: one for each byte or pair. */
static void test_base64_tails_are_unique(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t accepted[2] = {0, 0};
    uint8_t bytes[2];
    for (size_t i = 0; i < 64 * 64; i++) {
        const char text[3] = {digits[i / 64], digits[i % 64], digits[i % 64]};
        accepted[0] += sl_base64_decode(text, 2, bytes, 2) == 1;
        accepted[1] += sl_base64_decode(text, 3, bytes, 2) == 2;
    }
    assert_int_equal(accepted[0], 256);
    assert_int_equal(accepted[1], 64 * 16);
}

#define ARABIC    "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7"
#define FAMILY    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7" /* woman, ZWJ, girl */
#define THUMB     "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd"             /* thumb, skin tone */
#define HEART     "\xe2\x9d\xa4\xef\xb8\x8f"                     /* heart, variation selector */
#define ARABIC_LM "\xd8\x9c" /* U+061C, a mark, not an override */

static bool is_valid(const char *text)
{
    return sl_utf8_valid((const uint8_t *)text, strlen(text));
}

static bool is_showable(const char *text)
{
    return sl_text_showable((const uint8_t *)text, strlen(text));
}

static void test_utf8_valid(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "a",
        "\x01\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xef\xbb\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        ARABIC,
        FAMILY,
        THUMB,
        HEART,
        ARABIC " " FAMILY "\n" THUMB HEART,
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(good); i++)
        assert_true(is_valid(good[i]));
}

static void test_utf8_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        /* stray continuation */
        "\x80",
        "\xbf",
        "a\x80",
        /* overlong */
        "\xc0\x80",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x80\xaf",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\xaf",
        "\xf0\x8f\xbf\xbf",
        /* surrogates, and a pair of them (CESU-8) */
        "\xed\xa0\x80",
        "\xed\xaf\xbf",
        "\xed\xbf\xbf",
        "\xed\xa0\xbd\xed\xb8\x80",
        /* past U+10FFFF */
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf7\xbf\xbf\xbf",
        "\xf8\x88\x80\x80\x80",
        "\xfc\x84\x80\x80\x80\x80",
        "\xfe",
        "\xff",
        /* truncated */
        "\xc2",
        "\xe2\x82",
        "\xf0\x9f\x91",
        /* interrupted */
        "\xc2z",
        "\xe2\x82z",
        "\xf0\x9f\x91z",
        "\xe2\xc2\x82",
        "\xc2\xc2\x80",
        "a\xffz",
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
        assert_false(is_valid(bad[i]));
        assert_false(is_showable(bad[i]));
    }
}

static void test_utf8_without_nul(void **state)
{
    (void)state;
    assert_false(sl_utf8_valid((const uint8_t *)"", 1));
    assert_false(sl_utf8_valid((const uint8_t *)"a\0b", 3));
    assert_true(sl_utf8_valid(NULL, 0));
    assert_false(sl_text_showable((const uint8_t *)"a\0b", 3));
    assert_true(sl_text_showable(NULL, 0));
}

static size_t encode(uint32_t point, uint8_t *ret_bytes)
{
    if (point < 0x80) {
        ret_bytes[0] = (uint8_t)point;
        return 1;
    }
    size_t width = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = width - 1; i > 0; i--, point >>= 6)
        ret_bytes[i] = (uint8_t)(0x80 | (point & 0x3f));
    ret_bytes[0] = (uint8_t)(0xf00 >> width | point);
    return width;
}

/* Every code point, and those past the end that four bytes can hold. */
static void test_utf8_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x200000; point++) {
        uint8_t bytes[4];
        size_t len = encode(point, bytes);
        bool valid = point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
        if (sl_utf8_valid(bytes, len) != valid)
            fail_msg("U+%04X", (unsigned)point);
        bool control =
            (point < 0x20 && point != '\n' && point != '\t') || (point >= 0x7f && point < 0xa0);
        bool reorders =
            (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
        if (sl_text_showable(bytes, len) != (valid && !control && !reorders))
            fail_msg("U+%04X showable", (unsigned)point);
    }
}

/* Every sequence of three bytes: exactly as many are valid as there are texts of that length. */
static void test_utf8_count_of_three_bytes(void **state)
{
    (void)state;
    size_t count = 0;
    for (uint32_t i = 0; i < 1U << 24; i++) {
        const uint8_t bytes[3] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        count += sl_utf8_valid(bytes, 3);
    }
    size_t one = 127;
    size_t two = 0x800 - 0x80;
    size_t three = 0x10000 - 0x800 - 0x800;
    assert_int_equal(count, one * one * one + 2 * one * two + three);
}

/* Valid text, cut at every length, stays valid only between characters; the prefix finds where. */
static void test_utf8_prefix(void **state)
{
    (void)state;
    static const char text[] = "a" ARABIC FAMILY "\n" THUMB "\xc3\xa9" HEART "z";
    const uint8_t *bytes = (const uint8_t *)text;
    size_t len = strlen(text);
    size_t last_whole = 0;
    for (size_t cap = 0; cap <= len; cap++) {
        if (sl_utf8_valid(bytes, cap))
            last_whole = cap;
        assert_int_equal(sl_utf8_prefix(bytes, len, cap), last_whole);
    }
    assert_int_equal(last_whole, len);
    assert_int_equal(sl_utf8_prefix(bytes, len, SIZE_MAX), len);
    assert_int_equal(sl_utf8_prefix(NULL, 0, 0), 0);
    assert_int_equal(sl_utf8_prefix((const uint8_t *)FAMILY, strlen(FAMILY), 3), 0);
}

/* Text that is not UTF-8 must at least not lead out of the buffer. */
static void test_utf8_prefix_of_garbage(void **state)
{
    (void)state;
    static const uint8_t continuations[8] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    for (size_t cap = 0; cap <= 8; cap++)
        assert_true(sl_utf8_prefix(continuations, 8, cap) <= cap);
}

static void test_showable(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "two\nlines\tand a tab",
        ARABIC,
        FAMILY,
        THUMB,
        HEART,
        ARABIC_LM ARABIC,
        "\xe2\x80\x8e\xe2\x80\x8f", /* U+200E, U+200F: marks */
        "\xe2\x80\xa9",
        "\xe2\x80\xaf",
        "\xe2\x81\xa5",
        "\xe2\x81\xaa",
        "\xc2\xa0",
        "~",
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(good); i++)
        assert_true(is_showable(good[i]));
    static const char *const bad[] = {
        "\x1b[2J",
        "a\rb",
        "\x07",
        "\x08",
        "\x7f",
        "\xc2\x80",
        "\xc2\x9bm",
        "\xc2\x9f",
        "\xe2\x80\xaa",
        "\xe2\x80\xab",
        "\xe2\x80\xac",
        "\xe2\x80\xad",
        "gpj\xe2\x80\xaetxt",
        "\xe2\x81\xa6",
        "\xe2\x81\xa7",
        "\xe2\x81\xa8",
        ARABIC "\xe2\x81\xa9",
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
        assert_true(is_valid(bad[i]));
        assert_false(is_showable(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_encode),
        cmocka_unit_test(test_hex_round_trip),
        cmocka_unit_test(test_hex_decode_edges),
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_base64_round_trip),
        cmocka_unit_test(test_base64_no_room),
        cmocka_unit_test(test_base64_rejects),
        cmocka_unit_test(test_base64_tails_are_unique),
        cmocka_unit_test(test_utf8_valid),
        cmocka_unit_test(test_utf8_invalid),
        cmocka_unit_test(test_utf8_without_nul),
        cmocka_unit_test(test_utf8_every_code_point),
        cmocka_unit_test(test_utf8_count_of_three_bytes),
        cmocka_unit_test(test_utf8_prefix),
        cmocka_unit_test(test_utf8_prefix_of_garbage),
        cmocka_unit_test(test_showable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
