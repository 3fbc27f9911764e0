/* The bounded reader and writer: byte order, truncation at every length, sticky errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/wire.h"

#include <errno.h>
#include <string.h>

static const uint8_t sample[] = {
    0xfe,                                           /* u8 */
    0x01, 0x02,                                     /* u16 */
    0x83, 0x04, 0x05, 0x06,                         /* u32 */
    0x87, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, /* u64 */
    'c',  'o',  'p',  'y',                          /* copy of 4 */
    's',  'l',  'i',  'c',  'e',                    /* slice of 5 */
};

struct values {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    uint8_t copy[4];
    const uint8_t *slice;
};

static struct values read_values(struct sl_reader *r)
{
    struct values v;
    memset(&v, 0xaa, sizeof(v));
    v.u8 = sl_read_u8(r);
    v.u16 = sl_read_u16(r);
    v.u32 = sl_read_u32(r);
    v.u64 = sl_read_u64(r);
    sl_read_copy(r, v.copy, sizeof(v.copy));
    v.slice = sl_read_slice(r, 5);
    return v;
}

static void write_values(struct sl_writer *w)
{
    sl_write_u8(w, 0xfe);
    sl_write_u16(w, 0x0102);
    sl_write_u32(w, 0x83040506);
    sl_write_u64(w, UINT64_C(0x8708090a0b0c0d0e));
    sl_write_bytes(w, (const uint8_t *)"copy", 4);
    sl_write_bytes(w, (const uint8_t *)"slice", 5);
}

static void test_read_values(void **state)
{
    (void)state;
    struct sl_reader r;
    sl_reader_init(&r, sample, sizeof(sample));
    assert_int_equal(sl_read_left(&r), sizeof(sample));
    struct values v = read_values(&r);
    assert_int_equal(sl_read_done(&r), 0);
    assert_false(sl_read_failed(&r));
    assert_int_equal(sl_read_left(&r), 0);
    assert_int_equal(v.u8, 0xfe);
    assert_int_equal(v.u16, 0x0102);
    assert_int_equal(v.u32, 0x83040506);
    assert_true(v.u64 == UINT64_C(0x8708090a0b0c0d0e));
    assert_memory_equal(v.copy, "copy", 4);
    assert_ptr_equal(v.slice, sample + sizeof(sample) - 5);
}

static void test_write_values(void **state)
{
    (void)state;
    uint8_t bytes[sizeof(sample)];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    write_values(&w);
    assert_int_equal(sl_write_left(&w), 0);
    assert_int_equal(sl_write_done(&w), sizeof(sample));
    assert_memory_equal(bytes, sample, sizeof(sample));
}

/* Whatever starts behind the cut reads as zero, whatever ends before it reads as it was. */
static void test_read_truncated_at_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(sample); len++) {
        struct sl_reader r;
        sl_reader_init(&r, sample, len);
        struct values v = read_values(&r);
        assert_true(sl_read_failed(&r));
        assert_int_equal(sl_read_done(&r), -EBADMSG);
        assert_int_equal(sl_read_left(&r), 0);
        assert_int_equal(v.u8, len >= 1 ? 0xfe : 0);
        assert_int_equal(v.u16, len >= 3 ? 0x0102 : 0);
        assert_int_equal(v.u32, len >= 7 ? 0x83040506 : 0);
        assert_true(v.u64 == (len >= 15 ? UINT64_C(0x8708090a0b0c0d0e) : 0));
        assert_memory_equal(v.copy, len >= 19 ? "copy" : "\0\0\0\0", 4);
        assert_null(v.slice);
    }
}

static void test_write_truncated_at_every_length(void **state)
{
    (void)state;
    static const size_t ends[] = {0, 1, 3, 7, 15, 19};
    for (size_t cap = 0; cap < sizeof(sample); cap++) {
        uint8_t bytes[sizeof(sample)];
        memset(bytes, 0xaa, sizeof(bytes));
        struct sl_writer w;
        sl_writer_init(&w, bytes, cap);
        write_values(&w);
        assert_int_equal(sl_write_done(&w), -ENOBUFS);
        assert_int_equal(sl_write_left(&w), 0);
        size_t written = 0;
        for (size_t i = 0; i < SL_ARRAY_LEN(ends); i++)
            if (ends[i] <= cap)
                written = ends[i];
        assert_memory_equal(bytes, sample, written);
        for (size_t i = written; i < sizeof(bytes); i++)
            assert_int_equal(bytes[i], 0xaa);
    }
}

static void test_read_left_over(void **state)
{
    (void)state;
    struct sl_reader r;
    sl_reader_init(&r, sample, 3);
    sl_read_u16(&r);
    assert_int_equal(sl_read_left(&r), 1);
    assert_false(sl_read_failed(&r));
    assert_int_equal(sl_read_done(&r), -EBADMSG);
    sl_read_u8(&r);
    assert_int_equal(sl_read_done(&r), 0);
}

static void test_read_error_is_sticky(void **state)
{
    (void)state;
    struct sl_reader r;
    sl_reader_init(&r, sample, sizeof(sample));
    assert_null(sl_read_slice(&r, sizeof(sample) + 1));
    assert_int_equal(sl_read_u8(&r), 0);
    assert_null(sl_read_slice(&r, 0));
    assert_int_equal(sl_read_left(&r), 0);
    assert_int_equal(sl_read_done(&r), -EBADMSG);

    sl_reader_init(&r, sample, sizeof(sample));
    assert_null(sl_read_slice(&r, SIZE_MAX));
    assert_true(sl_read_failed(&r));

    sl_reader_init(&r, sample, 1);
    assert_int_equal(sl_read_u8(&r), 0xfe);
    sl_read_fail(&r);
    assert_true(sl_read_failed(&r));
    assert_int_equal(sl_read_done(&r), -EBADMSG);
}

/* A length near SIZE_MAX must not wrap round what is already read. */
static void test_read_huge_length(void **state)
{
    (void)state;
    struct sl_reader r;
    sl_reader_init(&r, sample, sizeof(sample));
    sl_read_u32(&r);
    assert_null(sl_read_slice(&r, SIZE_MAX - 2));
    assert_true(sl_read_failed(&r));
}

static void test_read_nothing(void **state)
{
    (void)state;
    struct sl_reader r;
    sl_reader_init(&r, NULL, 0);
    assert_non_null(sl_read_slice(&r, 0));
    sl_read_copy(&r, NULL, 0);
    assert_int_equal(sl_read_done(&r), 0);
    assert_int_equal(sl_read_u8(&r), 0);
    assert_int_equal(sl_read_done(&r), -EBADMSG);

    sl_reader_init(&r, sample, 1);
    sl_read_u8(&r);
    assert_ptr_equal(sl_read_slice(&r, 0), sample + 1);
    assert_int_equal(sl_read_done(&r), 0);
}

static void test_write_nothing(void **state)
{
    (void)state;
    struct sl_writer w;
    sl_writer_init(&w, NULL, 0);
    sl_write_bytes(&w, NULL, 0);
    sl_write_zeros(&w, 0);
    assert_non_null(sl_write_reserve(&w, 0));
    assert_int_equal(sl_write_done(&w), 0);
    sl_write_u8(&w, 1);
    assert_int_equal(sl_write_done(&w), -ENOBUFS);
    assert_null(sl_write_reserve(&w, 0));
}

static void test_write_error_is_sticky(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0};
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_u8(&w, 1);
    sl_write_u32(&w, 0xffffffff);
    sl_write_u8(&w, 2);
    sl_write_zeros(&w, 1);
    assert_null(sl_write_reserve(&w, 1));
    assert_int_equal(sl_write_done(&w), -ENOBUFS);
    assert_memory_equal(bytes, "\1\0\0\0", 4);

    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_u16(&w, 0);
    assert_null(sl_write_reserve(&w, SIZE_MAX - 1));
    assert_int_equal(sl_write_done(&w), -ENOBUFS);
}

static void test_write_reserve_and_zeros(void **state)
{
    (void)state;
    uint8_t bytes[6];
    memset(bytes, 0xaa, sizeof(bytes));
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    uint8_t *room = sl_write_reserve(&w, 2);
    assert_ptr_equal(room, bytes);
    memcpy(room, "ab", 2);
    sl_write_zeros(&w, 3);
    assert_int_equal(sl_write_left(&w), 1);
    assert_int_equal(sl_write_done(&w), 5);
    assert_memory_equal(bytes, "ab\0\0\0\xaa", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_values),
        cmocka_unit_test(test_write_values),
        cmocka_unit_test(test_read_truncated_at_every_length),
        cmocka_unit_test(test_write_truncated_at_every_length),
        cmocka_unit_test(test_read_left_over),
        cmocka_unit_test(test_read_error_is_sticky),
        cmocka_unit_test(test_read_huge_length),
        cmocka_unit_test(test_read_nothing),
        cmocka_unit_test(test_write_nothing),
        cmocka_unit_test(test_write_error_is_sticky),
        cmocka_unit_test(test_write_reserve_and_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
