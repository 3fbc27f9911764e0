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

/* First ClientHello of a session, as it would leave. */
static size_t first_hello(struct dtls_pair *pair, uint8_t *ret_bytes)
{
    dtls_pair_connect(pair);
    return dtls_pair_take(pair, &pair->client, ret_bytes);
}

static int accept_from(struct dtls_pair *pair, const struct sl_address *from, const uint8_t *bytes,
                       size_t len, uint8_t *ret_reply, size_t *ret_reply_len)
{
    struct dtls_end *server = &pair->server;
    return server->port.accept(server->port.ctx, from, bytes, len, pair->unix_time, pair->now,
                               &server->session, ret_reply, DTLS_PAIR_MTU, ret_reply_len);
}

/* The smallest ClientHello there can be: one suite, no session, no extensions. */
static size_t smallest_hello(uint8_t *ret_bytes)
{
    static const uint8_t head[] = {22, 0xfe, 0xff, 0,  0, 0, 0, 0, 0, 0, 0, 0,  54, /* record */
                                   1,  0,    0,    42, 0, 0, 0, 0, 0, 0, 0, 42, 0xfe, 0xfd};
    static const uint8_t tail[] = {0, 0, 0, 2, 0xcc, 0xa9, 1, 0};
    memcpy(ret_bytes, head, sizeof(head));
    memset(ret_bytes + sizeof(head), 7, 32);
    memcpy(ret_bytes + sizeof(head) + 32, tail, sizeof(tail));
    return sizeof(head) + 32 + sizeof(tail);
}

/* Row 16: never more bytes out than in before the cookie came back. */
static void test_row_16_no_amplification(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t hello[DTLS_PAIR_MTU];
    uint8_t reply[DTLS_PAIR_MTU];
    size_t reply_len = 0;
    size_t len = smallest_hello(hello);
    assert_int_equal(accept_from(pair, &pair->address, hello, len, reply, &reply_len), 0);
    assert_null(pair->server.session);
    assert_true(reply_len > 0 && reply_len <= len);

    len = first_hello(pair, hello);
    assert_int_equal(accept_from(pair, &pair->address, hello, len, reply, &reply_len), 0);
    assert_null(pair->server.session);
    assert_true(reply_len > 0 && reply_len <= len);
    print_message("hello %zu bytes, answer %zu\n", len, reply_len);

    /* Nothing at all for what is no whole ClientHello, whatever its length. */
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(accept_from(pair, &pair->address, hello, cut, reply, &reply_len),
                         -EBADMSG);
        assert_int_equal(reply_len, 0);
        assert_null(pair->server.session);
    }
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
    uint8_t hello[DTLS_PAIR_MTU];
    struct sl_client_hello decoded;
    size_t len = smallest_hello(hello);
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
    struct dtls_pair *pair = *state;
    uint8_t hello[DTLS_PAIR_MTU];
    uint8_t reply[DTLS_PAIR_MTU];
    size_t reply_len = 0;
    size_t len = smallest_hello(hello);
    hello[63] = 0xc0; /* TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA */
    hello[64] = 0x09;
    assert_int_equal(accept_from(pair, &pair->address, hello, len, reply, &reply_len), 0);
    /* The cookie is the last of the answer; it goes where the empty one stands. */
    memmove(hello + 61 + SL_DTLS_COOKIE_LEN, hello + 61, len - 61);
    memcpy(hello + 61, reply + reply_len - SL_DTLS_COOKIE_LEN, SL_DTLS_COOKIE_LEN);
    hello[60] = SL_DTLS_COOKIE_LEN;
    hello[12] += SL_DTLS_COOKIE_LEN;
    hello[16] += SL_DTLS_COOKIE_LEN;
    hello[24] += SL_DTLS_COOKIE_LEN;
    len += SL_DTLS_COOKIE_LEN;
    assert_int_equal(accept_from(pair, &pair->address, hello, len, reply, &reply_len), -EBADMSG);
    assert_null(pair->server.session);
    assert_int_equal(reply_len, 0);
}

static void test_no_memory_before_the_cookie(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t hello[DTLS_PAIR_MTU];
    uint8_t reply[DTLS_PAIR_MTU];
    size_t reply_len = 0;
    size_t len = first_hello(pair, hello);
    struct mallinfo2 before = mallinfo2();
    for (unsigned i = 0; i < 10000; i++) {
        pair->address.bytes[2] = (uint8_t)i;
        pair->address.bytes[3] = (uint8_t)(i >> 8);
        accept_from(pair, &pair->address, hello, len, reply, &reply_len);
        assert_null(pair->server.session);
    }
    assert_true(mallinfo2().uordblks <= before.uordblks);
}

/* The client's answer to a verify request. */
static size_t second_hello(struct dtls_pair *pair, uint8_t *ret_bytes)
{
    uint8_t reply[DTLS_PAIR_MTU];
    size_t reply_len = 0;
    size_t len = first_hello(pair, ret_bytes);
    accept_from(pair, &pair->address, ret_bytes, len, reply, &reply_len);
    assert_null(pair->server.session);
    pair->client.port.receive(pair->client.session, reply, reply_len, pair->now);
    return dtls_pair_take(pair, &pair->client, ret_bytes);
}

static void test_cookie_is_bound_to_the_address(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t hello[DTLS_PAIR_MTU];
    uint8_t reply[DTLS_PAIR_MTU];
    size_t reply_len = 0;
    size_t len = second_hello(pair, hello);
    struct sl_address other = pair->address;
    other.bytes[5] ^= 1;
    assert_int_equal(accept_from(pair, &other, hello, len, reply, &reply_len), 0);
    assert_null(pair->server.session);
    assert_true(reply_len > 0);
    other = pair->address;
    other.len--;
    accept_from(pair, &other, hello, len, reply, &reply_len);
    assert_null(pair->server.session);
    assert_int_equal(accept_from(pair, &pair->address, hello, len, reply, &reply_len), 0);
    assert_non_null(pair->server.session);
    assert_int_equal(reply_len, 0);
}

static void test_cookie_grows_old(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t hello[DTLS_PAIR_MTU];
    uint8_t reply[DTLS_PAIR_MTU];
    size_t reply_len = 0;
    size_t len = second_hello(pair, hello);
    sl_time received = pair->now;
    pair->now = received + 2 * SL_DTLS_COOKIE_SLOT;
    accept_from(pair, &pair->address, hello, len, reply, &reply_len);
    assert_null(pair->server.session);
    /* It is answered with a fresh one, and the client makes use of that. */
    pair->client.port.receive(pair->client.session, reply, reply_len, pair->now);
    dtls_pair_carry(pair);
    assert_int_equal(dtls_pair_client_state(pair), SL_SESSION_OPEN);
}

static void test_cookie_of_another_hello(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t hello[DTLS_PAIR_MTU];
    uint8_t reply[DTLS_PAIR_MTU];
    size_t reply_len = 0;
    size_t len = second_hello(pair, hello);
    struct sl_client_hello decoded;
    assert_int_equal(sl_client_hello_decode(hello, len, &decoded), 0);
    assert_int_equal(decoded.cookie_len, SL_DTLS_COOKIE_LEN);
    hello[decoded.random - hello] ^= 1;
    accept_from(pair, &pair->address, hello, len, reply, &reply_len);
    assert_null(pair->server.session);
}

/* What only a member behind the address could send must not end an open session either. */
static void test_row_12_replayed_hello_tears_nothing_down(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t hello[DTLS_PAIR_MTU];
    size_t len = second_hello(pair, hello);
    dtls_pair_give_server(pair, hello, len);
    dtls_pair_carry(pair);
    assert_int_equal(dtls_pair_server_state(pair), SL_SESSION_OPEN);
    pair->server.port.receive(pair->server.session, hello, len, pair->now);
    uint8_t doubled[2 * DTLS_PAIR_MTU];
    memcpy(doubled, hello, len);
    memcpy(doubled + len, hello, len);
    doubled[0] = 23;
    pair->server.port.receive(pair->server.session, doubled, 2 * len, pair->now);
    assert_int_equal(dtls_pair_server_state(pair), SL_SESSION_OPEN);
    uint8_t bytes[DTLS_PAIR_MTU];
    assert_int_equal(dtls_pair_take(pair, &pair->server, bytes), 0);
    assert_int_equal(pair->client.port.send(pair->client.session, (const uint8_t *)"still", 5), 0);
    dtls_pair_carry(pair);
    assert_int_equal(pair->server.port.read(pair->server.session, bytes, sizeof(bytes)), 5);
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
