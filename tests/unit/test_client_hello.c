/* Before there is a session: the cookie exchange, and what must not come of it. */
#include "crypto/client_hello.h"
#include "sim/dtls_pair.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct dtls_pair *pair = test_calloc(1, sizeof(*pair));
    dtls_pair_init(pair);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    dtls_pair_done(*state);
    test_free(*state);
    return 0;
}

/* A datagram on its way to the server. */
struct hello {
    uint8_t bytes[DTLS_PAIR_MTU];
    size_t len;
};

/* What came of it. */
enum outcome { REFUSED, COOKIE, SESSION };

/* Gives it to the server's listener, as from that address, and checks that whatever comes of it is
 * one of the three, and never more bytes than came in (row 16). */
static enum outcome give_from(struct dtls_pair *pair, const struct sl_address *from,
                              const struct hello *hello, struct sl_reply *ret_reply)
{
    int result = dtls_pair_accept(pair, from, hello->bytes, hello->len, ret_reply);
    assert_true(ret_reply->len <= hello->len);
    if (result < 0) {
        assert_int_equal(result, -EBADMSG);
        assert_null(pair->server.session);
        assert_int_equal(ret_reply->len, 0);
        return REFUSED;
    }
    assert_true((ret_reply->len > 0) != (pair->server.session != NULL));
    return pair->server.session ? SESSION : COOKIE;
}

static enum outcome give(struct dtls_pair *pair, const struct hello *hello)
{
    struct sl_reply reply;
    return give_from(pair, &pair->address, hello, &reply);
}

/* The first ClientHello of a client, as it would leave. */
static void first_hello(struct dtls_pair *pair, struct hello *ret_hello)
{
    dtls_pair_connect(pair);
    ret_hello->len = dtls_pair_take(pair, &pair->client, ret_hello->bytes);
}

/* And its second, with the cookie that the server gave it. */
static void second_hello(struct dtls_pair *pair, struct hello *ret_hello)
{
    struct sl_reply reply;
    first_hello(pair, ret_hello);
    assert_int_equal(give_from(pair, &pair->address, ret_hello, &reply), COOKIE);
    pair->client.port.receive(pair->client.session, reply.bytes, reply.len, pair->now);
    ret_hello->len = dtls_pair_take(pair, &pair->client, ret_hello->bytes);
}

/* The smallest ClientHello there can be: one suite, no session, no extensions. */
static void smallest_hello(struct hello *ret_hello)
{
    static const uint8_t head[] = {22, 0xfe, 0xff, 0,  0, 0, 0, 0, 0, 0, 0, 0,  54, /* record */
                                   1,  0,    0,    42, 0, 0, 0, 0, 0, 0, 0, 42, 0xfe, 0xfd};
    static const uint8_t tail[] = {0, 0, 0, 2, 0xcc, 0xa9, 1, 0};
    memcpy(ret_hello->bytes, head, sizeof(head));
    memset(ret_hello->bytes + sizeof(head), 7, 32);
    memcpy(ret_hello->bytes + sizeof(head) + 32, tail, sizeof(tail));
    ret_hello->len = sizeof(head) + 32 + sizeof(tail);
}

/* Row 16: never more bytes out than in before the cookie came back; give() checks it. */
static void test_row_16_no_amplification(void **state)
{
    struct dtls_pair *pair = *state;
    struct hello hello;
    smallest_hello(&hello);
    assert_int_equal(give(pair, &hello), COOKIE);
    first_hello(pair, &hello);
    assert_int_equal(give(pair, &hello), COOKIE);
    /* Nothing at all for what is no whole ClientHello, whatever its length. */
    struct hello cut = hello;
    for (cut.len = 0; cut.len < hello.len; cut.len++)
        assert_int_equal(give(pair, &cut), REFUSED);
}

/* A ClientHello in which one field is wrong is none, whatever else it holds. */
static void test_malformed_hellos(void **state)
{
    (void)state;
    const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {
        {0, 23},   /* no handshake record */
        {1, 3},    /* TLS, not DTLS */
        {4, 1},    /* encrypted */
        {12, 55},  /* longer than the datagram */
        {12, 53},  /* shorter than its message */
        {13, 2},   /* a ServerHello */
        {16, 41},  /* message shorter than its content */
        {16, 43},  /* and longer */
        {21, 1},   /* not the first fragment */
        {24, 41},  /* not the only fragment */
        {59, 33},  /* session id longer than 32 */
        {60, 200}, /* cookie past the end */
        {62, 3},   /* half a suite too many */
        {62, 0},   /* no suite */
        {65, 0},   /* no compression method */
        {65, 9},   /* compression methods past the end */
    };
    struct hello smallest;
    struct sl_client_hello decoded;
    smallest_hello(&smallest);
    uint8_t *hello = smallest.bytes;
    size_t len = smallest.len;
    assert_int_equal(sl_client_hello_decode(hello, len, &decoded), 0);
    assert_int_equal(decoded.cookie_len, 0);
    assert_true(sl_client_hello_inside(hello, len));
    for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
        uint8_t right = hello[wrong[i].at];
        hello[wrong[i].at] = wrong[i].value;
        if (sl_client_hello_decode(hello, len, &decoded) != -EBADMSG)
            fail_msg("byte %zu as %u passed", wrong[i].at, wrong[i].value);
        hello[wrong[i].at] = right;
    }
    /* Extensions, if any, have a length that is theirs. */
    static const uint8_t extensions[] = {0, 2, 1};
    memcpy(hello + len, extensions, sizeof(extensions));
    for (size_t more = 1; more <= sizeof(extensions); more++) {
        hello[12] = (uint8_t)(54 + more);
        hello[16] = hello[24] = (uint8_t)(42 + more);
        assert_int_equal(sl_client_hello_decode(hello, len + more, &decoded), -EBADMSG);
    }
}

/* A good cookie does not help a client that offers nothing we speak. */
static void test_hello_without_common_suite(void **state)
{
    enum { RECORD_LEN = 12, MESSAGE_LEN = 16, FRAGMENT_LEN = 24, COOKIE_LEN = 60, SUITE = 63 };
    struct dtls_pair *pair = *state;
    struct hello hello;
    struct sl_reply reply;
    smallest_hello(&hello);
    hello.bytes[SUITE] = 0xc0; /* TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA */
    hello.bytes[SUITE + 1] = 0x09;
    assert_int_equal(give_from(pair, &pair->address, &hello, &reply), COOKIE);
    /* The cookie is the last of the answer; it goes where the empty one stands. */
    uint8_t *cookie = hello.bytes + COOKIE_LEN + 1;
    memmove(cookie + SL_DTLS_COOKIE_LEN, cookie, hello.len - COOKIE_LEN - 1);
    memcpy(cookie, reply.bytes + reply.len - SL_DTLS_COOKIE_LEN, SL_DTLS_COOKIE_LEN);
    hello.bytes[COOKIE_LEN] = SL_DTLS_COOKIE_LEN;
    hello.bytes[RECORD_LEN] += SL_DTLS_COOKIE_LEN;
    hello.bytes[MESSAGE_LEN] += SL_DTLS_COOKIE_LEN;
    hello.bytes[FRAGMENT_LEN] += SL_DTLS_COOKIE_LEN;
    hello.len += SL_DTLS_COOKIE_LEN;
    assert_int_equal(give(pair, &hello), REFUSED);
}

static void test_no_memory_before_the_cookie(void **state)
{
    struct dtls_pair *pair = *state;
    struct hello hello;
    first_hello(pair, &hello);
    struct mallinfo2 before = mallinfo2();
    for (unsigned i = 0; i < 10000; i++) {
        pair->address.bytes[2] = (uint8_t)i;
        pair->address.bytes[3] = (uint8_t)(i >> 8);
        assert_int_equal(give(pair, &hello), COOKIE);
    }
    assert_true(mallinfo2().uordblks <= before.uordblks);
}

static void test_cookie_is_bound_to_the_address(void **state)
{
    struct dtls_pair *pair = *state;
    struct hello hello;
    struct sl_reply reply;
    second_hello(pair, &hello);
    struct sl_address other = pair->address, shorter = pair->address;
    other.bytes[5] ^= 1;
    shorter.len--;
    assert_int_equal(give_from(pair, &other, &hello, &reply), COOKIE);
    assert_int_equal(give_from(pair, &shorter, &hello, &reply), COOKIE);
    assert_int_equal(give(pair, &hello), SESSION);
}

static void test_cookie_grows_old(void **state)
{
    struct dtls_pair *pair = *state;
    struct hello hello;
    struct sl_reply reply;
    second_hello(pair, &hello);
    pair->now += 2 * SL_DTLS_COOKIE_SLOT;
    assert_int_equal(give_from(pair, &pair->address, &hello, &reply), COOKIE);
    /* It is answered with a fresh one, and the client makes use of that. */
    pair->client.port.receive(pair->client.session, reply.bytes, reply.len, pair->now);
    dtls_pair_carry(pair);
    assert_int_equal(dtls_pair_client_state(pair), SL_SESSION_OPEN);
}

static void test_cookie_of_another_hello(void **state)
{
    struct dtls_pair *pair = *state;
    struct hello hello;
    struct sl_client_hello decoded;
    second_hello(pair, &hello);
    assert_int_equal(sl_client_hello_decode(hello.bytes, hello.len, &decoded), 0);
    assert_int_equal(decoded.cookie_len, SL_DTLS_COOKIE_LEN);
    hello.bytes[decoded.random - hello.bytes] ^= 1;
    assert_int_equal(give(pair, &hello), COOKIE);
}

static void expect_open_and_silent(struct dtls_pair *pair)
{
    uint8_t bytes[DTLS_PAIR_MTU];
    assert_int_equal(dtls_pair_server_state(pair), SL_SESSION_OPEN);
    assert_int_equal(dtls_pair_take(pair, &pair->server, bytes), 0);
}

/* What only a member behind the address could send must not end an open session either. */
static void test_row_12_replayed_hello_tears_nothing_down(void **state)
{
    struct dtls_pair *pair = *state;
    const struct sl_sessions *server = &pair->server.port;
    struct hello hello;
    second_hello(pair, &hello);
    assert_int_equal(give(pair, &hello), SESSION);
    dtls_pair_carry(pair);
    expect_open_and_silent(pair);
    server->receive(pair->server.session, hello.bytes, hello.len, pair->now);
    expect_open_and_silent(pair);
    /* Nor one that hides behind another record. */
    uint8_t doubled[2 * DTLS_PAIR_MTU];
    memcpy(doubled, hello.bytes, hello.len);
    memcpy(doubled + hello.len, hello.bytes, hello.len);
    doubled[0] = 23;
    server->receive(pair->server.session, doubled, 2 * hello.len, pair->now);
    expect_open_and_silent(pair);
    /* And what the client says still arrives. */
    uint8_t bytes[DTLS_PAIR_MTU];
    assert_int_equal(pair->client.port.send(pair->client.session, (const uint8_t *)"still", 5), 0);
    dtls_pair_carry(pair);
    assert_int_equal(server->read(pair->server.session, bytes, sizeof(bytes)), 5);
    assert_memory_equal(bytes, "still", 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_row_16_no_amplification),
        TEST(test_malformed_hellos),
        TEST(test_hello_without_common_suite),
        TEST(test_no_memory_before_the_cookie),
        TEST(test_cookie_is_bound_to_the_address),
        TEST(test_cookie_grows_old),
        TEST(test_cookie_of_another_hello),
        TEST(test_row_12_replayed_hello_tears_nothing_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
