/* Requests of boards that made their own keys, and answers sealed to them. */
#include "crypto/admission.h"

#include "base/text.h"
#include "crypto/sodium.h"
#include "mesh/envelope.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t seed[SL_KEY_LEN] = {1, 2, 3};
static char key[SL_PEM_MAX];

static int set_up(void **state)
{
    (void)state;
    return sl_sodium_init() < 0 ? -1 : sl_authority_key(key);
}

static size_t make_request(uint8_t ret_bytes[SL_REQUEST_MAX])
{
    int len = sl_request_make(seed, key, ret_bytes, SL_REQUEST_MAX);
    assert_true(len > 0);
    return (size_t)len;
}

static void test_a_request_names_both_keys(void **state)
{
    (void)state;
    struct sl_primitives primitives;
    uint8_t bytes[SL_REQUEST_MAX], sign_key[SL_KEY_LEN];
    struct sl_request request;
    size_t len = make_request(bytes);
    assert_int_equal(sl_request_read(bytes, len, &request), 0);
    sl_sodium_primitives(&primitives);
    primitives.sign_key(primitives.ctx, seed, sign_key);
    assert_memory_equal(request.sign_key, sign_key, SL_KEY_LEN);
    assert_non_null(strstr(request.key, "BEGIN PUBLIC KEY"));
    assert_null(strstr(request.key, "PRIVATE"));
}

static void test_a_certificate_is_issued_for_a_request(void **state)
{
    (void)state;
    char authority[SL_PEM_MAX], authority_key[SL_PEM_MAX], certificate[SL_PEM_MAX];
    uint8_t bytes[SL_REQUEST_MAX], serial[20];
    struct sl_request request;
    struct sl_certificate_info info;
    size_t len = make_request(bytes);
    assert_int_equal(sl_request_read(bytes, len, &request), 0);
    assert_int_equal(sl_authority_create("square", 1800000000, 10, authority, authority_key), 0);
    struct sl_issue issue = {.issuer_certificate = authority,
                             .issuer_key = authority_key,
                             .subject_key = request.key,
                             .name = "lamp",
                             .sign_key = request.sign_key,
                             .now_unix = 1800000000,
                             .lifetime = 3600};
    assert_int_equal(sl_authority_issue(&issue, certificate, serial), 0);
    assert_int_equal(sl_certificate_read(certificate, &info), 0);
    assert_memory_equal(info.identity.key, request.sign_key, SL_KEY_LEN);
}

static void test_every_changed_bit_is_noticed(void **state)
{
    (void)state;
    uint8_t bytes[SL_REQUEST_MAX];
    struct sl_request request;
    size_t len = make_request(bytes);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(sl_request_read(bytes, len, &request) < 0);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_true(sl_request_read(bytes, cut, &request) < 0);
}

static void test_a_later_version_is_said_to_be_one(void **state)
{
    (void)state;
    uint8_t bytes[SL_REQUEST_MAX];
    struct sl_request request;
    size_t len = make_request(bytes);
    bytes[0] = 2;
    assert_int_equal(sl_request_read(bytes, len, &request), -ENOTSUP);
}

static void test_no_key_and_no_room(void **state)
{
    (void)state;
    uint8_t bytes[SL_REQUEST_MAX];
    assert_int_equal(sl_request_make(seed, "no key", bytes, sizeof(bytes)), -EBADMSG);
    assert_int_equal(sl_request_make(seed, key, bytes, 100), -ENOBUFS);
}

static void test_an_answer_opens_for_one_board_only(void **state)
{
    (void)state;
    static const uint8_t other[SL_KEY_LEN] = {9};
    static const uint8_t text[] = "the network secret and the certificates";
    struct sl_primitives primitives;
    uint8_t sign_key[SL_KEY_LEN], sealed[128], opened[128];
    sl_sodium_primitives(&primitives);
    primitives.sign_key(primitives.ctx, seed, sign_key);
    int len = sl_answer_seal(sign_key, text, sizeof(text), sealed, sizeof(sealed));
    assert_int_equal(len, sizeof(text) + SL_ANSWER_OVERHEAD);
    assert_int_equal(sl_answer_open(seed, sealed, (size_t)len, opened, sizeof(opened)),
                     sizeof(text));
    assert_memory_equal(opened, text, sizeof(text));
    assert_int_equal(sl_answer_open(other, sealed, (size_t)len, opened, sizeof(opened)), -EBADMSG);
    assert_int_equal(sl_answer_open(seed, sealed, SL_ANSWER_OVERHEAD - 1, opened, sizeof(opened)),
                     -EBADMSG);
    assert_int_equal(sl_answer_open(seed, sealed, (size_t)len, opened, 3), -ENOBUFS);
    assert_int_equal(sl_answer_seal(sign_key, text, sizeof(text), sealed, 40), -ENOBUFS);
    for (int bit = 0; bit < 8 * len; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(sl_answer_open(seed, sealed, (size_t)len, opened, sizeof(opened)),
                         -EBADMSG);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_an_answer_to_no_key(void **state)
{
    (void)state;
    static const uint8_t zeros[SL_KEY_LEN];
    uint8_t sealed[128];
    assert_int_equal(sl_answer_seal(zeros, zeros, sizeof(zeros), sealed, sizeof(sealed)), -EBADMSG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_names_both_keys),
        cmocka_unit_test(test_a_certificate_is_issued_for_a_request),
        cmocka_unit_test(test_every_changed_bit_is_noticed),
        cmocka_unit_test(test_a_later_version_is_said_to_be_one),
        cmocka_unit_test(test_no_key_and_no_room),
        cmocka_unit_test(test_an_answer_opens_for_one_board_only),
        cmocka_unit_test(test_an_answer_to_no_key),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
