/* Noise X against published vectors, and what it must answer to everything else. */
#include "base/text.h"
#include "crypto/noise.h"
#include "crypto/sodium.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define VECTORS   "tests/vectors/noise_x.txt"
#define BYTES_MAX 512

struct bytes {
    uint8_t bytes[BYTES_MAX];
    size_t len;
};

enum field {
    PROLOGUE,
    INIT_STATIC,
    INIT_EPHEMERAL,
    INIT_REMOTE,
    RESP_STATIC,
    PAYLOAD,
    CIPHERTEXT,
    FIELDS
};

struct vector {
    struct bytes fields[FIELDS];
};

static int setup(void **state)
{
    (void)state;
    return sl_sodium_init();
}

static void set_field(struct vector *vector, const char *name, const char *value)
{
    static const char *const names[FIELDS] = {
        [PROLOGUE] = "prologue",
        [INIT_STATIC] = "init_static",
        [INIT_EPHEMERAL] = "init_ephemeral",
        [INIT_REMOTE] = "init_remote_static",
        [RESP_STATIC] = "resp_static",
        [PAYLOAD] = "payload",
        [CIPHERTEXT] = "ciphertext",
    };
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        struct bytes *field = &vector->fields[i];
        field->len = strlen(value) / 2;
        assert_true(field->len <= BYTES_MAX);
        assert_int_equal(sl_hex_decode(value, field->bytes, field->len), 0);
    }
}

/* The next vector of the file; false at its end. A ciphertext is the last line of each. */
static bool read_vector(FILE *file, struct vector *ret_vector)
{
    char line[2 * BYTES_MAX + 64];
    char name[64];
    char value[2 * BYTES_MAX + 1];
    memset(ret_vector, 0, sizeof(*ret_vector));
    while (fgets(line, sizeof(line), file)) {
        if (line[0] == '#' || sscanf(line, "%63s %1024s", name, value) != 2)
            continue;
        set_field(ret_vector, name, value);
        if (ret_vector->fields[CIPHERTEXT].len > 0)
            return true;
    }
    return false;
}

static void check_vector(const struct vector *vector)
{
    const struct bytes *f = vector->fields;
    uint8_t sealed[BYTES_MAX];
    uint8_t opened[BYTES_MAX];
    uint8_t sender[SL_KEY_LEN];
    assert_int_equal(f[CIPHERTEXT].len, f[PAYLOAD].len + SL_NOISE_X_OVERHEAD);
    assert_int_equal(sl_noise_x_seal(f[INIT_STATIC].bytes, f[INIT_REMOTE].bytes,
                                     f[INIT_EPHEMERAL].bytes, f[PROLOGUE].bytes, f[PROLOGUE].len,
                                     f[PAYLOAD].bytes, f[PAYLOAD].len, sealed),
                     0);
    assert_memory_equal(sealed, f[CIPHERTEXT].bytes, f[CIPHERTEXT].len);
    assert_true(sl_noise_x_open(f[RESP_STATIC].bytes, f[PROLOGUE].bytes, f[PROLOGUE].len, sealed,
                                f[CIPHERTEXT].len, sender, opened));
    assert_memory_equal(opened, f[PAYLOAD].bytes, f[PAYLOAD].len);
}

static void test_published_vectors(void **state)
{
    (void)state;
    FILE *file = fopen(VECTORS, "r");
    if (!file)
        fail_msg("cannot read %s: run the tests from the top folder", VECTORS);
    struct vector vector;
    int count = 0;
    for (; read_vector(file, &vector); count++)
        check_vector(&vector);
    fclose(file);
    assert_int_equal(count, 2);
}

/* One sealed message and everything about it. */
#define TEXT_LEN 160

struct letter {
    uint8_t sender_secret[SL_KEY_LEN];
    uint8_t sender[SL_KEY_LEN];
    uint8_t recipient_secret[SL_KEY_LEN];
    uint8_t recipient[SL_KEY_LEN];
    uint8_t prologue[24];
    uint8_t text[TEXT_LEN];
    uint8_t sealed[TEXT_LEN + SL_NOISE_X_OVERHEAD];
};

static void make_letter(struct letter *letter)
{
    struct sl_sealing sealing;
    sl_sodium_sealing(&sealing);
    sealing.box_keypair(sealing.ctx, letter->sender_secret, letter->sender);
    sealing.box_keypair(sealing.ctx, letter->recipient_secret, letter->recipient);
    memset(letter->prologue, 5, sizeof(letter->prologue));
    memset(letter->text, 'x', sizeof(letter->text));
    assert_int_equal(sealing.seal(sealing.ctx, letter->sender_secret, letter->recipient,
                                  letter->prologue, sizeof(letter->prologue), letter->text,
                                  sizeof(letter->text), letter->sealed),
                     0);
}

static bool open_letter(const struct letter *letter, uint8_t ret_sender[SL_KEY_LEN],
                        uint8_t ret_text[TEXT_LEN])
{
    return sl_noise_x_open(letter->recipient_secret, letter->prologue, sizeof(letter->prologue),
                           letter->sealed, sizeof(letter->sealed), ret_sender, ret_text);
}

/* Row 2: the same answer, and nothing else, whatever was wrong. */
static void assert_refused(const struct letter *letter)
{
    static const uint8_t zeros[TEXT_LEN];
    uint8_t sender[SL_KEY_LEN];
    uint8_t untouched[SL_KEY_LEN];
    uint8_t text[TEXT_LEN];
    memset(sender, 0x55, sizeof(sender));
    memset(untouched, 0x55, sizeof(untouched));
    memset(text, 0xaa, sizeof(text));
    assert_false(open_letter(letter, sender, text));
    assert_memory_equal(text, zeros, sizeof(text));
    assert_memory_equal(sender, untouched, sizeof(sender));
}

static void test_open_names_the_sender(void **state)
{
    (void)state;
    struct letter letter;
    uint8_t sender[SL_KEY_LEN];
    uint8_t text[TEXT_LEN];
    make_letter(&letter);
    assert_true(open_letter(&letter, sender, text));
    assert_memory_equal(sender, letter.sender, SL_KEY_LEN);
    assert_memory_equal(text, letter.text, TEXT_LEN);
}

static void test_row_2_one_answer_for_every_flipped_bit(void **state)
{
    (void)state;
    struct letter letter;
    make_letter(&letter);
    for (size_t bit = 0; bit < 8 * sizeof(letter.sealed); bit++) {
        letter.sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_refused(&letter);
        letter.sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    letter.prologue[0] ^= 1;
    assert_refused(&letter);
    letter.prologue[0] ^= 1;
    letter.recipient_secret[8] ^= 1;
    assert_refused(&letter);
}

static void test_truncated_at_every_length(void **state)
{
    (void)state;
    struct letter letter;
    uint8_t sender[SL_KEY_LEN];
    uint8_t text[TEXT_LEN];
    make_letter(&letter);
    for (size_t len = 0; len < sizeof(letter.sealed); len++)
        assert_false(sl_noise_x_open(letter.recipient_secret, letter.prologue,
                                     sizeof(letter.prologue), letter.sealed, len, sender, text));
}

static void test_empty_message(void **state)
{
    (void)state;
    struct letter letter;
    make_letter(&letter);
    uint8_t sealed[SL_NOISE_X_OVERHEAD];
    uint8_t sender[SL_KEY_LEN];
    uint8_t nothing[1] = {9};
    assert_int_equal(sl_noise_x_seal(letter.sender_secret, letter.recipient, letter.text, NULL, 0,
                                     NULL, 0, sealed),
                     0);
    assert_true(
        sl_noise_x_open(letter.recipient_secret, NULL, 0, sealed, sizeof(sealed), sender, nothing));
    assert_int_equal(nothing[0], 9);
}

static void test_to_oneself(void **state)
{
    (void)state;
    struct letter letter;
    make_letter(&letter);
    uint8_t sender[SL_KEY_LEN];
    uint8_t text[TEXT_LEN];
    assert_int_equal(sl_noise_x_seal(letter.recipient_secret, letter.recipient, letter.text,
                                     letter.prologue, sizeof(letter.prologue), letter.text,
                                     TEXT_LEN, letter.sealed),
                     0);
    assert_true(open_letter(&letter, sender, text));
    assert_memory_equal(sender, letter.recipient, SL_KEY_LEN);
}

/* All points of order 1, 2, 4 and 8 on curve and twist, with their non-canonical twins (RFC 7748,
 * 7; Cremers and Jackson, 2019). */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

/* Row 13: zero results are refused, to whoever one seals and from whoever one opens. */
static void test_row_13_low_order_points_refused(void **state)
{
    (void)state;
    struct letter letter;
    make_letter(&letter);
    for (size_t i = 0; i < 2 * SL_ARRAY_LEN(low_order); i++) {
        uint8_t point[SL_KEY_LEN];
        uint8_t sealed[sizeof(letter.sealed)];
        assert_int_equal(sl_hex_decode(low_order[i / 2], point, sizeof(point)), 0);
        point[31] |= (uint8_t)(i % 2 << 7); /* a bit that X25519 ignores */
        memset(sealed, 0xaa, sizeof(sealed));
        assert_int_equal(sl_noise_x_seal(letter.sender_secret, point, letter.text, letter.prologue,
                                         sizeof(letter.prologue), letter.text, TEXT_LEN, sealed),
                         -EINVAL);
        for (size_t at = 0; at < sizeof(sealed); at++)
            assert_int_equal(sealed[at], 0);
        memcpy(letter.sealed, point, sizeof(point));
        assert_refused(&letter);
    }
}

static double processor_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

enum failure { FAIL_EPHEMERAL, FAIL_LOW_ORDER, FAIL_STATIC, FAIL_TEXT, FAIL_PROLOGUE, FAILURES };

static void make_bad_letters(struct letter letters[FAILURES])
{
    make_letter(&letters[0]);
    for (int kind = 1; kind < FAILURES; kind++)
        letters[kind] = letters[0];
    letters[FAIL_EPHEMERAL].sealed[0] ^= 1;
    memset(letters[FAIL_LOW_ORDER].sealed, 0, SL_KEY_LEN);
    letters[FAIL_STATIC].sealed[SL_KEY_LEN] ^= 1;
    letters[FAIL_TEXT].sealed[sizeof(letters[0].sealed) - 1] ^= 1;
    letters[FAIL_PROLOGUE].prologue[0] ^= 1;
}

static int compare_times(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

#define ROUNDS 401

/* Row 2: the same work for every way to fail. Medians of runs taken in turns, so that whatever else
 * this machine does falls on all alike; leaving out one scalar multiplication would show as a
 * third. */
static void test_row_2_one_time_for_every_failure(void **state)
{
    (void)state;
    static double times[FAILURES][ROUNDS];
    struct letter letters[FAILURES];
    make_bad_letters(letters);
    for (int round = 0; round < ROUNDS; round++) {
        for (int kind = 0; kind < FAILURES; kind++) {
            uint8_t sender[SL_KEY_LEN];
            uint8_t text[TEXT_LEN];
            double from = processor_time();
            assert_false(open_letter(&letters[kind], sender, text));
            times[kind][round] = processor_time() - from;
        }
    }
    for (int kind = 0; kind < FAILURES; kind++)
        qsort(times[kind], ROUNDS, sizeof(double), compare_times);
    for (int kind = 0; kind < FAILURES; kind++) {
        double ratio = times[kind][ROUNDS / 2] / times[FAIL_TEXT][ROUNDS / 2];
        print_message("failure %d: %.1f us, %.3f of a wrong last tag\n", kind,
                      1e6 * times[kind][ROUNDS / 2], ratio);
        assert_true(ratio > 0.85 && ratio < 1.15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_open_names_the_sender),
        cmocka_unit_test(test_row_2_one_answer_for_every_flipped_bit),
        cmocka_unit_test(test_row_2_one_time_for_every_failure),
        cmocka_unit_test(test_truncated_at_every_length),
        cmocka_unit_test(test_empty_message),
        cmocka_unit_test(test_to_oneself),
        cmocka_unit_test(test_row_13_low_order_points_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
