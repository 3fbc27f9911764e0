/* DTLS sessions over datagrams that the test carries, in virtual time. */
#include "crypto/credentials.h"
#include "sim/dtls_pair.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

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

static void test_handshake_names_both(void **state)
{
    struct dtls_pair *pair = *state;
    dtls_pair_connect(pair);
    assert_null(pair->client.port.peer(pair->client.session));
    dtls_pair_carry(pair);
    const struct sl_identity *server = pair->client.port.peer(pair->client.session);
    const struct sl_identity *client = pair->server.port.peer(pair->server.session);
    assert_non_null(server);
    assert_non_null(client);
    assert_memory_equal(server->key, pair->server.node.sign_key, SL_KEY_LEN);
    assert_memory_equal(client->key, pair->client.node.sign_key, SL_KEY_LEN);
    assert_string_equal(server->name, "server");
    assert_string_equal(client->name, "client");
    assert_memory_equal(server->serial, pair->server.node.serial, 20);
    assert_true(client->not_after == TEST_NOW + TEST_LIFETIME);
    assert_int_equal(pair->client.port.refusal(pair->client.session), SL_REFUSAL_NONE);
    assert_true(pair->client.port.deadline(pair->client.session) == SL_NEVER);
    assert_true(pair->server.port.deadline(pair->server.session) == SL_NEVER);
    print_message("handshake: %u datagrams, %zu bytes, longest %zu\n", pair->datagrams, pair->bytes,
                  pair->longest);
    assert_true(pair->longest <= DTLS_PAIR_MTU);
}

static void expect_message(struct dtls_end *end, const char *text)
{
    uint8_t message[DTLS_PAIR_MTU];
    size_t len = end->port.read(end->session, message, sizeof(message));
    assert_int_equal(len, strlen(text));
    assert_memory_equal(message, text, len);
}

static void test_messages_both_ways(void **state)
{
    struct dtls_pair *pair = *state;
    dtls_pair_open(pair);
    struct dtls_end *client = &pair->client;
    struct dtls_end *server = &pair->server;
    assert_int_equal(client->port.send(client->session, (const uint8_t *)"key", 3), 0);
    assert_int_equal(client->port.send(client->session, (const uint8_t *)"another", 7), 0);
    assert_int_equal(server->port.send(server->session, (const uint8_t *)"ack", 3), 0);
    dtls_pair_carry(pair);
    expect_message(server, "key");
    expect_message(server, "another");
    expect_message(client, "ack");
    uint8_t message[DTLS_PAIR_MTU];
    assert_int_equal(client->port.read(client->session, message, sizeof(message)), 0);

    assert_int_equal(client->port.send(client->session, (const uint8_t *)"longer", 6), 0);
    dtls_pair_carry(pair);
    assert_int_equal(server->port.read(server->session, message, 4), 4);
    assert_memory_equal(message, "long", 4);
}

static void test_message_limits(void **state)
{
    struct dtls_pair *pair = *state;
    static const uint8_t bytes[SL_DATAGRAM_MAX];
    dtls_pair_connect(pair);
    struct dtls_end *client = &pair->client;
    assert_int_equal(client->port.send(client->session, bytes, 10), -ENOTCONN);
    dtls_pair_carry(pair);
    assert_int_equal(client->port.send(client->session, bytes, sizeof(bytes)), -EMSGSIZE);
    assert_int_equal(client->port.send(client->session, bytes, DTLS_PAIR_MTU - 29), 0);
    pair->longest = 0;
    dtls_pair_carry(pair);
    assert_int_equal(pair->longest, DTLS_PAIR_MTU);
    int result = 0;
    unsigned sent = 0;
    for (; result == 0; sent++)
        result = client->port.send(client->session, bytes, 10);
    assert_int_equal(result, -ENOBUFS);
    assert_true(sent < 100);
    /* The other side holds a bounded number of messages, too. */
    dtls_pair_carry(pair);
    uint8_t message[DTLS_PAIR_MTU];
    unsigned read = 0;
    while (pair->server.port.read(pair->server.session, message, sizeof(message)) > 0)
        read++;
    assert_true(read > 0 && read <= sent);
}

static void test_goodbye(void **state)
{
    struct dtls_pair *pair = *state;
    dtls_pair_open(pair);
    pair->client.port.close(pair->client.session);
    assert_int_equal(dtls_pair_client_state(pair), SL_SESSION_CLOSED);
    dtls_pair_carry(pair);
    assert_int_equal(dtls_pair_server_state(pair), SL_SESSION_CLOSED);
    assert_int_equal(pair->server.port.send(pair->server.session, (const uint8_t *)"x", 1),
                     -ENOTCONN);
    assert_null(pair->server.port.peer(pair->server.session));
}

/* Any one datagram of the handshake may be lost. */
static void test_handshake_survives_each_loss(void **state)
{
    struct dtls_pair *pair = *state;
    dtls_pair_connect(pair);
    dtls_pair_carry(pair);
    unsigned count = pair->datagrams;
    assert_true(count >= 4);
    for (pair->lose = 1; pair->lose <= count; pair->lose++) {
        dtls_pair_free_sessions(pair);
        pair->datagrams = 0;
        sl_time started = pair->now;
        dtls_pair_connect(pair);
        dtls_pair_carry(pair);
        while (dtls_pair_client_state(pair) == SL_SESSION_HANDSHAKE ||
               dtls_pair_server_state(pair) == SL_SESSION_HANDSHAKE) {
            dtls_pair_tick(pair);
            dtls_pair_carry(pair);
        }
        assert_int_equal(dtls_pair_client_state(pair), SL_SESSION_OPEN);
        assert_int_equal(dtls_pair_server_state(pair), SL_SESSION_OPEN);
        assert_true(pair->now - started <= 3 * SL_SECOND);
    }
}

static void test_handshake_times_out(void **state)
{
    struct dtls_pair *pair = *state;
    dtls_pair_connect(pair);
    struct dtls_end *client = &pair->client;
    sl_time started = pair->now;
    uint8_t bytes[DTLS_PAIR_MTU];
    unsigned sent = 0;
    while (dtls_pair_client_state(pair) == SL_SESSION_HANDSHAKE) {
        while (dtls_pair_take(pair, client, bytes) > 0)
            sent++;
        dtls_pair_tick(pair);
    }
    assert_int_equal(dtls_pair_client_state(pair), SL_SESSION_FAILED);
    assert_int_equal(client->port.refusal(client->session), SL_REFUSAL_TIMEOUT);
    assert_true(pair->now - started < SL_HANDSHAKE_TIMEOUT);
    assert_true(pair->now - started > SL_HANDSHAKE_TIMEOUT / 2);
    assert_int_equal(sent, 5);
    assert_true(client->port.deadline(client->session) == SL_NEVER);
}

/* Runs a handshake that must fail at the server; says why. */
static enum sl_refusal refused_by_server(struct dtls_pair *pair)
{
    dtls_pair_connect(pair);
    dtls_pair_carry(pair);
    assert_non_null(pair->server.session);
    assert_int_equal(dtls_pair_server_state(pair), SL_SESSION_FAILED);
    assert_int_equal(dtls_pair_client_state(pair), SL_SESSION_FAILED);
    assert_int_equal(pair->client.port.refusal(pair->client.session), SL_REFUSAL_BY_PEER);
    assert_null(pair->server.port.peer(pair->server.session));
    return pair->server.port.refusal(pair->server.session);
}

static enum sl_refusal refused_by_client(struct dtls_pair *pair)
{
    dtls_pair_connect(pair);
    dtls_pair_carry(pair);
    assert_int_equal(dtls_pair_client_state(pair), SL_SESSION_FAILED);
    assert_int_not_equal(dtls_pair_server_state(pair), SL_SESSION_OPEN);
    return pair->client.port.refusal(pair->client.session);
}

static void test_foreign_network_refused(void **state)
{
    struct dtls_pair *pair = *state;
    struct test_network *other = test_calloc(1, sizeof(*other));
    test_network_make(other, "square");
    struct test_node node;
    test_node_make(&node, other, "stranger");
    dtls_pair_replace_take(pair, &pair->client, &node);
    /* The server shows itself first, so that the client is the one to refuse. */
    assert_int_equal(refused_by_client(pair), SL_REFUSAL_FOREIGN);
    test_free(other);
}

static void test_expired_refused(void **state)
{
    struct dtls_pair *pair = *state;
    struct test_node node;
    test_node_make_at(&node, &pair->network, "late", TEST_NOW, 500);
    dtls_pair_replace_take(pair, &pair->client, &node);
    assert_int_equal(refused_by_server(pair), SL_REFUSAL_EXPIRED);
    dtls_pair_free_sessions(pair);

    test_node_make_at(&node, &pair->network, "late", TEST_NOW, 500);
    dtls_pair_replace_take(pair, &pair->server, &node);
    assert_int_equal(refused_by_client(pair), SL_REFUSAL_EXPIRED);
}

static void test_not_yet_valid_refused(void **state)
{
    struct dtls_pair *pair = *state;
    struct test_node node;
    test_node_make_at(&node, &pair->network, "early", TEST_NOW + 5000, TEST_LIFETIME);
    dtls_pair_replace_take(pair, &pair->client, &node);
    assert_int_equal(refused_by_server(pair), SL_REFUSAL_NOT_YET);
}

/* Neither this machine's date nor an expired certificate counts while the mesh clock is not set. */
static void test_validity_not_judged_without_a_clock(void **state)
{
    struct dtls_pair *pair = *state;
    struct test_node node;
    test_node_make_at(&node, &pair->network, "late", TEST_NOW, 500);
    dtls_pair_replace_take(pair, &pair->client, &node);
    test_node_make_at(&node, &pair->network, "early", TEST_NOW + 3000 * INT64_C(86400), 500);
    dtls_pair_replace_take(pair, &pair->server, &node);
    pair->unix_time = 0;
    dtls_pair_open(pair);
}

/* mbedTLS keeps a certificate that it cannot read for its algorithm, as an empty one. */
static void test_certificate_of_unknown_algorithm(void **state)
{
    struct dtls_pair *pair = *state;
    static const uint8_t ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    mbedtls_x509_buf *raw = &pair->server.node.credentials->chain.raw;
    uint8_t *found;
    unsigned count = 0;
    while ((found = memmem(raw->p, raw->len, ecdsa_sha256, sizeof(ecdsa_sha256)))) {
        found[sizeof(ecdsa_sha256) - 1] = 0x7f;
        count++;
    }
    assert_int_equal(count, 2);
    assert_int_equal(refused_by_client(pair), SL_REFUSAL_FOREIGN);
}

static void test_revoked_refused(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t crl[1024];
    struct sl_membership membership;
    size_t len = test_crl_make(&pair->network, (const uint8_t(*)[20]) & pair->client.node.serial, 1,
                               1, crl, sizeof(crl));
    sl_credentials_membership(pair->server.node.credentials, &membership);
    assert_int_equal(membership.take_crl(membership.ctx, crl, len), 0);
    assert_int_equal(refused_by_server(pair), SL_REFUSAL_REVOKED);
}

static void test_invited_node(void **state)
{
    struct dtls_pair *pair = *state;
    struct test_issuer *invite = test_calloc(1, sizeof(*invite));
    test_invite_make(invite, &pair->network, "gate");
    struct test_node node;
    test_node_make_invited(&node, &pair->network, invite, "guest");
    dtls_pair_replace_take(pair, &pair->client, &node);
    dtls_pair_open(pair);
    const struct sl_identity *guest = pair->server.port.peer(pair->server.session);
    assert_string_equal(guest->name, "guest");
    assert_memory_equal(guest->issuer_serial, invite->serial, 20);
    dtls_pair_free_sessions(pair);

    /* A revoked invite revokes what came through it. */
    uint8_t crl[1024];
    struct sl_membership membership;
    size_t len = test_crl_make(&pair->network, (const uint8_t(*)[20]) & invite->serial, 1, 1, crl,
                               sizeof(crl));
    sl_credentials_membership(pair->server.node.credentials, &membership);
    assert_int_equal(membership.take_crl(membership.ctx, crl, len), 0);
    assert_int_equal(refused_by_server(pair), SL_REFUSAL_REVOKED);
    test_free(invite);
}

static void test_row_9_replayed_record_is_dropped(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t bytes[DTLS_PAIR_MTU];
    dtls_pair_open(pair);
    struct dtls_end *client = &pair->client;
    struct dtls_end *server = &pair->server;
    assert_int_equal(client->port.send(client->session, (const uint8_t *)"once", 4), 0);
    size_t len = dtls_pair_take(pair, client, bytes);
    for (int i = 0; i < 3; i++)
        server->port.receive(server->session, bytes, len, pair->now);
    expect_message(server, "once");
    uint8_t message[DTLS_PAIR_MTU];
    assert_int_equal(server->port.read(server->session, message, sizeof(message)), 0);
}

/* Flipped bits, cut and empty datagrams in an open session: dropped, and it goes on. */
static void test_garbage_in_an_open_session(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t bytes[DTLS_PAIR_MTU];
    dtls_pair_open(pair);
    struct dtls_end *client = &pair->client;
    struct dtls_end *server = &pair->server;
    assert_int_equal(client->port.send(client->session, (const uint8_t *)"good", 4), 0);
    size_t len = dtls_pair_take(pair, client, bytes);
    for (size_t i = 0; i < 8 * len; i++) {
        uint8_t bad[DTLS_PAIR_MTU];
        memcpy(bad, bytes, len);
        bad[i / 8] ^= (uint8_t)(1 << i % 8);
        server->port.receive(server->session, bad, len, pair->now);
        assert_int_equal(dtls_pair_server_state(pair), SL_SESSION_OPEN);
    }
    for (size_t cut = 0; cut < len; cut++)
        server->port.receive(server->session, bytes, cut, pair->now);
    uint8_t message[DTLS_PAIR_MTU];
    assert_int_equal(server->port.read(server->session, message, sizeof(message)), 0);
    server->port.receive(server->session, bytes, len, pair->now);
    expect_message(server, "good");
}

static void test_garbage_in_a_handshake(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t bytes[DTLS_PAIR_MTU];
    dtls_pair_connect(pair);
    for (unsigned i = 0; i < 1000; i++) {
        size_t len = 1 + i % 100;
        pair->primitives.random(pair->primitives.ctx, bytes, len);
        pair->client.port.receive(pair->client.session, bytes, len, pair->now);
    }
    pair->client.port.receive(pair->client.session, bytes, 0, pair->now);
    dtls_pair_carry(pair);
    assert_int_equal(dtls_pair_client_state(pair), SL_SESSION_OPEN);
}

/* 200 of each kind: what leaks shows here, and under the leak checker. */
static void test_failed_handshakes_leave_nothing(void **state)
{
    struct dtls_pair *pair = *state;
    struct test_node node;
    test_node_make_at(&node, &pair->network, "late", TEST_NOW, 500);
    dtls_pair_replace_take(pair, &pair->client, &node);
    refused_by_server(pair);
    dtls_pair_free_sessions(pair);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(refused_by_server(pair), SL_REFUSAL_EXPIRED);
        dtls_pair_free_sessions(pair);
        dtls_pair_connect(pair);
        for (int step = 0; step < i % 6; step++)
            dtls_pair_carry_once(pair);
        dtls_pair_free_sessions(pair);
    }
    assert_true(mallinfo2().uordblks <= before + 4096);
}

/* Figures to keep in mind, with generous bounds. */
static void test_session_memory(void **state)
{
    struct dtls_pair *pair = *state;
    dtls_pair_open(pair);
    assert_int_equal(pair->client.port.send(pair->client.session, (const uint8_t *)"k", 1), 0);
    assert_int_equal(pair->server.port.send(pair->server.session, (const uint8_t *)"k", 1), 0);
    dtls_pair_carry(pair);
    size_t both = mallinfo2().uordblks;
    dtls_pair_free_sessions(pair);
    size_t none = mallinfo2().uordblks;
    if (both == none)
        return; /* under a sanitizer that has an allocator of its own */
    print_message("one session: %zu bytes\n", (both - none) / 2);
    assert_true((both - none) / 2 < 48 * 1024);
}

/* One listener, one session after the other; what each costs is printed beside it. */
static void test_many_handshakes(void **state)
{
    struct dtls_pair *pair = *state;
    struct timespec from;
    struct timespec to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (int i = 0; i < 20; i++) {
        dtls_pair_open(pair);
        dtls_pair_free_sessions(pair);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
    print_message("one handshake, both ends: %.1f ms of processor time\n", ms / 20);
}

/* A listener that is full still sends cookies, and does nothing more for the one that comes back.
 */
static void test_row_13_full_listener_only_sends_cookies(void **state)
{
    struct dtls_pair *pair = *state;
    uint8_t bytes[DTLS_PAIR_MTU];
    const struct sl_sessions *port = &pair->server.port;
    struct sl_opening opening = {
        .from = &pair->address, .bytes = bytes, .unix_time = pair->unix_time, .now = pair->now};
    struct sl_reply reply;
    dtls_pair_connect(pair);
    opening.len = dtls_pair_take(pair, &pair->client, bytes);
    assert_int_equal(port->accept(port->ctx, &opening, NULL, &reply), 0);
    assert_in_range(reply.len, 1, opening.len);
    pair->client.port.receive(pair->client.session, reply.bytes, reply.len, pair->now);
    opening.len = dtls_pair_take(pair, &pair->client, bytes);
    assert_int_equal(port->accept(port->ctx, &opening, NULL, &reply), -EBUSY);
    assert_int_equal(reply.len, 0);
    /* The same hello is good once there is room. */
    dtls_pair_give_server(pair, bytes, opening.len);
    dtls_pair_carry(pair);
    assert_int_equal(dtls_pair_server_state(pair), SL_SESSION_OPEN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_handshake_names_both),
        TEST(test_messages_both_ways),
        TEST(test_message_limits),
        TEST(test_goodbye),
        TEST(test_handshake_survives_each_loss),
        TEST(test_handshake_times_out),
        TEST(test_foreign_network_refused),
        TEST(test_expired_refused),
        TEST(test_not_yet_valid_refused),
        TEST(test_validity_not_judged_without_a_clock),
        TEST(test_certificate_of_unknown_algorithm),
        TEST(test_revoked_refused),
        TEST(test_invited_node),
        TEST(test_row_9_replayed_record_is_dropped),
        TEST(test_garbage_in_an_open_session),
        TEST(test_garbage_in_a_handshake),
        TEST(test_row_13_full_listener_only_sends_cookies),
        TEST(test_failed_handshakes_leave_nothing),
        TEST(test_session_memory),
        TEST(test_many_handshakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
