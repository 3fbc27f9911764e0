/* DTLS sessions over datagrams that the test carries, in virtual time. */
#include "crypto/client_hello.h"
#include "crypto/dtls.h"
#include "crypto/sodium.h"
#include "mesh/packet.h"
#include "sim/test_credentials.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MTU (SL_DATAGRAM_MAX - SL_LINK_OVERHEAD)

/* One node's end: credentials, listener, one session. */
struct end {
    struct test_node node;
    struct sl_dtls *dtls;
    struct sl_sessions port;
    struct sl_session *session;
};

struct world {
    struct test_network network;
    struct sl_primitives primitives;
    struct end client;
    struct end server;
    struct sl_address address; /* the client's, as the server sees it */
    sl_time now;
    int64_t unix_time;
    unsigned datagrams;
    size_t bytes;
    size_t longest;
    unsigned lose; /* this datagram of the handshake, from 1, is lost */
};

static void listen_with(struct end *end, struct world *world)
{
    end->dtls = sl_dtls_new(end->node.credentials, &world->primitives);
    assert_non_null(end->dtls);
    sl_dtls_sessions(end->dtls, &end->port);
}

static void close_end(struct end *end)
{
    if (end->session)
        end->port.free(end->session);
    sl_dtls_free(end->dtls);
    test_node_done(&end->node);
}

static int setup(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    test_network_make(&world->network, "square");
    sl_sodium_primitives(&world->primitives);
    test_node_make(&world->client.node, &world->network, "client");
    test_node_make(&world->server.node, &world->network, "server");
    listen_with(&world->client, world);
    listen_with(&world->server, world);
    world->address = (struct sl_address){.len = 6, .bytes = {2, 0, 0, 0, 0, 1}};
    world->now = 5 * SL_DAY;
    world->unix_time = TEST_NOW + 1000;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    close_end(&world->client);
    close_end(&world->server);
    test_free(world);
    return 0;
}

static void replace_node(struct end *end, struct world *world)
{
    end->dtls = NULL;
    listen_with(end, world);
}

/* As if the client's board were another one. */
#define REPLACE(world, end_name, make_call)                                                        \
    do {                                                                                           \
        sl_dtls_free((world)->end_name.dtls);                                                      \
        test_node_done(&(world)->end_name.node);                                                   \
        make_call;                                                                                 \
        replace_node(&(world)->end_name, world);                                                   \
    } while (0)

static size_t take(struct world *world, struct end *from, uint8_t *ret_bytes)
{
    size_t len = from->port.transmit(from->session, ret_bytes, MTU);
    if (len == 0)
        return 0;
    world->datagrams++;
    world->bytes += len;
    if (len > world->longest)
        world->longest = len;
    return len;
}

static void give_server(struct world *world, const uint8_t *bytes, size_t len)
{
    struct end *server = &world->server;
    if (server->session) {
        server->port.receive(server->session, bytes, len, world->now);
        return;
    }
    uint8_t reply[MTU];
    size_t reply_len = 0;
    server->port.accept(server->port.ctx, &world->address, bytes, len, world->unix_time, world->now,
                        &server->session, reply, sizeof(reply), &reply_len);
    assert_true(reply_len <= len);
    if (reply_len > 0)
        world->client.port.receive(world->client.session, reply, reply_len, world->now);
}

static bool carry_once(struct world *world)
{
    uint8_t bytes[MTU];
    size_t len = take(world, &world->client, bytes);
    if (len > 0 && world->datagrams != world->lose)
        give_server(world, bytes, len);
    size_t back = world->server.session ? take(world, &world->server, bytes) : 0;
    if (back > 0 && world->datagrams != world->lose)
        world->client.port.receive(world->client.session, bytes, back, world->now);
    return len > 0 || back > 0;
}

static void carry(struct world *world)
{
    while (carry_once(world))
        ;
}

static void connect_client(struct world *world)
{
    struct end *client = &world->client;
    client->session = client->port.connect(client->port.ctx, world->unix_time, world->now);
    assert_non_null(client->session);
}

static sl_time next_deadline(const struct world *world)
{
    sl_time next = world->client.port.deadline(world->client.session);
    if (world->server.session)
        next = sl_min_time(next, world->server.port.deadline(world->server.session));
    return next;
}

static void tick(struct world *world)
{
    world->now = next_deadline(world);
    world->client.port.tick(world->client.session, world->now);
    if (world->server.session)
        world->server.port.tick(world->server.session, world->now);
}

static enum sl_session_state client_state(const struct world *world)
{
    return world->client.port.state(world->client.session);
}

static enum sl_session_state server_state(const struct world *world)
{
    return world->server.port.state(world->server.session);
}

static void free_sessions(struct world *world)
{
    if (world->client.session)
        world->client.port.free(world->client.session);
    if (world->server.session)
        world->server.port.free(world->server.session);
    world->client.session = NULL;
    world->server.session = NULL;
}

static void open_both(struct world *world)
{
    connect_client(world);
    carry(world);
    assert_int_equal(client_state(world), SL_SESSION_OPEN);
    assert_non_null(world->server.session);
    assert_int_equal(server_state(world), SL_SESSION_OPEN);
}

static void test_handshake_names_both(void **state)
{
    struct world *world = *state;
    connect_client(world);
    assert_null(world->client.port.peer(world->client.session));
    carry(world);
    const struct sl_identity *server = world->client.port.peer(world->client.session);
    const struct sl_identity *client = world->server.port.peer(world->server.session);
    assert_non_null(server);
    assert_non_null(client);
    assert_memory_equal(server->key, world->server.node.sign_key, SL_KEY_LEN);
    assert_memory_equal(client->key, world->client.node.sign_key, SL_KEY_LEN);
    assert_string_equal(server->name, "server");
    assert_string_equal(client->name, "client");
    assert_memory_equal(server->serial, world->server.node.serial, 20);
    assert_true(client->not_after == TEST_NOW + TEST_LIFETIME);
    assert_int_equal(world->client.port.refusal(world->client.session), SL_REFUSAL_NONE);
    assert_true(world->client.port.deadline(world->client.session) == SL_NEVER);
    assert_true(world->server.port.deadline(world->server.session) == SL_NEVER);
    print_message("handshake: %u datagrams, %zu bytes, longest %zu\n", world->datagrams,
                  world->bytes, world->longest);
    assert_true(world->longest <= MTU);
}

static void expect_message(struct end *end, const char *text)
{
    uint8_t message[MTU];
    size_t len = end->port.read(end->session, message, sizeof(message));
    assert_int_equal(len, strlen(text));
    assert_memory_equal(message, text, len);
}

static void test_messages_both_ways(void **state)
{
    struct world *world = *state;
    open_both(world);
    struct end *client = &world->client;
    struct end *server = &world->server;
    assert_int_equal(client->port.send(client->session, (const uint8_t *)"key", 3), 0);
    assert_int_equal(client->port.send(client->session, (const uint8_t *)"another", 7), 0);
    assert_int_equal(server->port.send(server->session, (const uint8_t *)"ack", 3), 0);
    carry(world);
    expect_message(server, "key");
    expect_message(server, "another");
    expect_message(client, "ack");
    uint8_t message[MTU];
    assert_int_equal(client->port.read(client->session, message, sizeof(message)), 0);

    assert_int_equal(client->port.send(client->session, (const uint8_t *)"longer", 6), 0);
    carry(world);
    assert_int_equal(server->port.read(server->session, message, 4), 4);
    assert_memory_equal(message, "long", 4);
}

static void test_message_limits(void **state)
{
    struct world *world = *state;
    static const uint8_t bytes[SL_DATAGRAM_MAX];
    connect_client(world);
    struct end *client = &world->client;
    assert_int_equal(client->port.send(client->session, bytes, 10), -ENOTCONN);
    carry(world);
    assert_int_equal(client->port.send(client->session, bytes, sizeof(bytes)), -EMSGSIZE);
    assert_int_equal(client->port.send(client->session, bytes, MTU - 29), 0);
    world->longest = 0;
    carry(world);
    assert_int_equal(world->longest, MTU);
    int result = 0;
    unsigned sent = 0;
    for (; result == 0; sent++)
        result = client->port.send(client->session, bytes, 10);
    assert_int_equal(result, -ENOBUFS);
    assert_true(sent < 100);
    /* The other side holds a bounded number of messages, too. */
    carry(world);
    uint8_t message[MTU];
    unsigned read = 0;
    while (world->server.port.read(world->server.session, message, sizeof(message)) > 0)
        read++;
    assert_true(read > 0 && read <= sent);
}

static void test_goodbye(void **state)
{
    struct world *world = *state;
    open_both(world);
    world->client.port.close(world->client.session);
    assert_int_equal(client_state(world), SL_SESSION_CLOSED);
    carry(world);
    assert_int_equal(server_state(world), SL_SESSION_CLOSED);
    assert_int_equal(world->server.port.send(world->server.session, (const uint8_t *)"x", 1),
                     -ENOTCONN);
    assert_null(world->server.port.peer(world->server.session));
}

/* Any one datagram of the handshake may be lost. */
static void test_handshake_survives_each_loss(void **state)
{
    struct world *world = *state;
    connect_client(world);
    carry(world);
    unsigned count = world->datagrams;
    assert_true(count >= 4);
    for (world->lose = 1; world->lose <= count; world->lose++) {
        free_sessions(world);
        world->datagrams = 0;
        sl_time started = world->now;
        connect_client(world);
        carry(world);
        while (client_state(world) == SL_SESSION_HANDSHAKE ||
               server_state(world) == SL_SESSION_HANDSHAKE) {
            tick(world);
            carry(world);
        }
        assert_int_equal(client_state(world), SL_SESSION_OPEN);
        assert_int_equal(server_state(world), SL_SESSION_OPEN);
        assert_true(world->now - started <= 3 * SL_SECOND);
    }
}

static void test_handshake_times_out(void **state)
{
    struct world *world = *state;
    connect_client(world);
    struct end *client = &world->client;
    sl_time started = world->now;
    uint8_t bytes[MTU];
    unsigned sent = 0;
    while (client_state(world) == SL_SESSION_HANDSHAKE) {
        while (take(world, client, bytes) > 0)
            sent++;
        tick(world);
    }
    assert_int_equal(client_state(world), SL_SESSION_FAILED);
    assert_int_equal(client->port.refusal(client->session), SL_REFUSAL_TIMEOUT);
    assert_true(world->now - started < SL_HANDSHAKE_TIMEOUT);
    assert_true(world->now - started > SL_HANDSHAKE_TIMEOUT / 2);
    assert_int_equal(sent, 5);
    assert_true(client->port.deadline(client->session) == SL_NEVER);
}

/* Runs a handshake that must fail at the server; says why. */
static enum sl_refusal refused_by_server(struct world *world)
{
    connect_client(world);
    carry(world);
    assert_non_null(world->server.session);
    assert_int_equal(server_state(world), SL_SESSION_FAILED);
    assert_int_equal(client_state(world), SL_SESSION_FAILED);
    assert_int_equal(world->client.port.refusal(world->client.session), SL_REFUSAL_BY_PEER);
    assert_null(world->server.port.peer(world->server.session));
    return world->server.port.refusal(world->server.session);
}

static enum sl_refusal refused_by_client(struct world *world)
{
    connect_client(world);
    carry(world);
    assert_int_equal(client_state(world), SL_SESSION_FAILED);
    assert_int_not_equal(server_state(world), SL_SESSION_OPEN);
    return world->client.port.refusal(world->client.session);
}

static void test_foreign_network_refused(void **state)
{
    struct world *world = *state;
    struct test_network *other = test_calloc(1, sizeof(*other));
    test_network_make(other, "square");
    REPLACE(world, client, test_node_make(&world->client.node, other, "stranger"));
    /* The server shows itself first, so that the client is the one to refuse. */
    assert_int_equal(refused_by_client(world), SL_REFUSAL_FOREIGN);
    test_free(other);
}

static void test_expired_refused(void **state)
{
    struct world *world = *state;
    REPLACE(world, client,
            test_node_make_at(&world->client.node, &world->network, "late", TEST_NOW, 500));
    assert_int_equal(refused_by_server(world), SL_REFUSAL_EXPIRED);
    free_sessions(world);

    REPLACE(world, server,
            test_node_make_at(&world->server.node, &world->network, "late", TEST_NOW, 500));
    assert_int_equal(refused_by_client(world), SL_REFUSAL_EXPIRED);
}

static void test_not_yet_valid_refused(void **state)
{
    struct world *world = *state;
    REPLACE(world, client,
            test_node_make_at(&world->client.node, &world->network, "early", TEST_NOW + 5000,
                              TEST_LIFETIME));
    assert_int_equal(refused_by_server(world), SL_REFUSAL_NOT_YET);
}

/* Neither this machine's date nor an expired certificate counts while the mesh clock is not set. */
static void test_validity_not_judged_without_a_clock(void **state)
{
    struct world *world = *state;
    REPLACE(world, client,
            test_node_make_at(&world->client.node, &world->network, "late", TEST_NOW, 500));
    REPLACE(world, server,
            test_node_make_at(&world->server.node, &world->network, "early",
                              TEST_NOW + 3000 * INT64_C(86400), 500));
    world->unix_time = 0;
    open_both(world);
}

static void test_revoked_refused(void **state)
{
    struct world *world = *state;
    uint8_t crl[1024];
    struct sl_membership membership;
    size_t len = test_crl_make(&world->network, (const uint8_t(*)[20]) & world->client.node.serial,
                               1, 1, crl, sizeof(crl));
    sl_credentials_membership(world->server.node.credentials, &membership);
    assert_int_equal(membership.take_crl(membership.ctx, crl, len), 0);
    assert_int_equal(refused_by_server(world), SL_REFUSAL_REVOKED);
}

static void test_invited_node(void **state)
{
    struct world *world = *state;
    struct test_issuer *invite = test_calloc(1, sizeof(*invite));
    test_invite_make(invite, &world->network, "gate");
    REPLACE(world, client,
            test_node_make_invited(&world->client.node, &world->network, invite, "guest"));
    open_both(world);
    const struct sl_identity *guest = world->server.port.peer(world->server.session);
    assert_string_equal(guest->name, "guest");
    assert_memory_equal(guest->issuer_serial, invite->serial, 20);
    free_sessions(world);

    /* A revoked invite revokes what came through it. */
    uint8_t crl[1024];
    struct sl_membership membership;
    size_t len = test_crl_make(&world->network, (const uint8_t(*)[20]) & invite->serial, 1, 1, crl,
                               sizeof(crl));
    sl_credentials_membership(world->server.node.credentials, &membership);
    assert_int_equal(membership.take_crl(membership.ctx, crl, len), 0);
    assert_int_equal(refused_by_server(world), SL_REFUSAL_REVOKED);
    test_free(invite);
}

/* First ClientHello of a session, as it would leave. */
static size_t first_hello(struct world *world, uint8_t *ret_bytes)
{
    connect_client(world);
    return take(world, &world->client, ret_bytes);
}

static int accept_from(struct world *world, const struct sl_address *from, const uint8_t *bytes,
                       size_t len, uint8_t *ret_reply, size_t *ret_reply_len)
{
    struct end *server = &world->server;
    return server->port.accept(server->port.ctx, from, bytes, len, world->unix_time, world->now,
                               &server->session, ret_reply, MTU, ret_reply_len);
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
    struct world *world = *state;
    uint8_t hello[MTU];
    uint8_t reply[MTU];
    size_t reply_len = 0;
    size_t len = smallest_hello(hello);
    assert_int_equal(accept_from(world, &world->address, hello, len, reply, &reply_len), 0);
    assert_null(world->server.session);
    assert_true(reply_len > 0 && reply_len <= len);

    len = first_hello(world, hello);
    assert_int_equal(accept_from(world, &world->address, hello, len, reply, &reply_len), 0);
    assert_null(world->server.session);
    assert_true(reply_len > 0 && reply_len <= len);
    print_message("hello %zu bytes, answer %zu\n", len, reply_len);

    /* Nothing at all for what is no whole ClientHello, whatever its length. */
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(accept_from(world, &world->address, hello, cut, reply, &reply_len),
                         -EBADMSG);
        assert_int_equal(reply_len, 0);
        assert_null(world->server.session);
    }
}

static void test_no_memory_before_the_cookie(void **state)
{
    struct world *world = *state;
    uint8_t hello[MTU];
    uint8_t reply[MTU];
    size_t reply_len = 0;
    size_t len = first_hello(world, hello);
    struct mallinfo2 before = mallinfo2();
    for (unsigned i = 0; i < 10000; i++) {
        world->address.bytes[2] = (uint8_t)i;
        world->address.bytes[3] = (uint8_t)(i >> 8);
        accept_from(world, &world->address, hello, len, reply, &reply_len);
        assert_null(world->server.session);
    }
    assert_true(mallinfo2().uordblks <= before.uordblks);
}

/* The client's answer to a verify request. */
static size_t second_hello(struct world *world, uint8_t *ret_bytes)
{
    uint8_t reply[MTU];
    size_t reply_len = 0;
    size_t len = first_hello(world, ret_bytes);
    accept_from(world, &world->address, ret_bytes, len, reply, &reply_len);
    assert_null(world->server.session);
    world->client.port.receive(world->client.session, reply, reply_len, world->now);
    return take(world, &world->client, ret_bytes);
}

static void test_cookie_is_bound_to_the_address(void **state)
{
    struct world *world = *state;
    uint8_t hello[MTU];
    uint8_t reply[MTU];
    size_t reply_len = 0;
    size_t len = second_hello(world, hello);
    struct sl_address other = world->address;
    other.bytes[5] ^= 1;
    assert_int_equal(accept_from(world, &other, hello, len, reply, &reply_len), 0);
    assert_null(world->server.session);
    assert_true(reply_len > 0);
    other = world->address;
    other.len--;
    accept_from(world, &other, hello, len, reply, &reply_len);
    assert_null(world->server.session);
    assert_int_equal(accept_from(world, &world->address, hello, len, reply, &reply_len), 0);
    assert_non_null(world->server.session);
    assert_int_equal(reply_len, 0);
}

static void test_cookie_grows_old(void **state)
{
    struct world *world = *state;
    uint8_t hello[MTU];
    uint8_t reply[MTU];
    size_t reply_len = 0;
    size_t len = second_hello(world, hello);
    sl_time received = world->now;
    world->now = received + 2 * SL_DTLS_COOKIE_SLOT;
    accept_from(world, &world->address, hello, len, reply, &reply_len);
    assert_null(world->server.session);
    /* It is answered with a fresh one, and the client makes use of that. */
    world->client.port.receive(world->client.session, reply, reply_len, world->now);
    carry(world);
    assert_int_equal(client_state(world), SL_SESSION_OPEN);
}

static void test_cookie_of_another_hello(void **state)
{
    struct world *world = *state;
    uint8_t hello[MTU];
    uint8_t reply[MTU];
    size_t reply_len = 0;
    size_t len = second_hello(world, hello);
    struct sl_client_hello decoded;
    assert_int_equal(sl_client_hello_decode(hello, len, &decoded), 0);
    assert_int_equal(decoded.cookie_len, SL_DTLS_COOKIE_LEN);
    hello[decoded.random - hello] ^= 1;
    accept_from(world, &world->address, hello, len, reply, &reply_len);
    assert_null(world->server.session);
}

/* What only a member behind the address could send must not end an open session either. */
static void test_row_12_replayed_hello_tears_nothing_down(void **state)
{
    struct world *world = *state;
    uint8_t hello[MTU];
    size_t len = second_hello(world, hello);
    give_server(world, hello, len);
    carry(world);
    assert_int_equal(server_state(world), SL_SESSION_OPEN);
    world->server.port.receive(world->server.session, hello, len, world->now);
    uint8_t doubled[2 * MTU];
    memcpy(doubled, hello, len);
    memcpy(doubled + len, hello, len);
    doubled[0] = 23;
    world->server.port.receive(world->server.session, doubled, 2 * len, world->now);
    assert_int_equal(server_state(world), SL_SESSION_OPEN);
    uint8_t bytes[MTU];
    assert_int_equal(take(world, &world->server, bytes), 0);
    assert_int_equal(world->client.port.send(world->client.session, (const uint8_t *)"still", 5),
                     0);
    carry(world);
    expect_message(&world->server, "still");
}

static void test_row_9_replayed_record_is_dropped(void **state)
{
    struct world *world = *state;
    uint8_t bytes[MTU];
    open_both(world);
    struct end *client = &world->client;
    struct end *server = &world->server;
    assert_int_equal(client->port.send(client->session, (const uint8_t *)"once", 4), 0);
    size_t len = take(world, client, bytes);
    for (int i = 0; i < 3; i++)
        server->port.receive(server->session, bytes, len, world->now);
    expect_message(server, "once");
    uint8_t message[MTU];
    assert_int_equal(server->port.read(server->session, message, sizeof(message)), 0);
}

/* Flipped bits, cut and empty datagrams in an open session: dropped, and it goes on. */
static void test_garbage_in_an_open_session(void **state)
{
    struct world *world = *state;
    uint8_t bytes[MTU];
    open_both(world);
    struct end *client = &world->client;
    struct end *server = &world->server;
    assert_int_equal(client->port.send(client->session, (const uint8_t *)"good", 4), 0);
    size_t len = take(world, client, bytes);
    for (size_t i = 0; i < 8 * len; i++) {
        uint8_t bad[MTU];
        memcpy(bad, bytes, len);
        bad[i / 8] ^= (uint8_t)(1 << i % 8);
        server->port.receive(server->session, bad, len, world->now);
        assert_int_equal(server_state(world), SL_SESSION_OPEN);
    }
    for (size_t cut = 0; cut < len; cut++)
        server->port.receive(server->session, bytes, cut, world->now);
    uint8_t message[MTU];
    assert_int_equal(server->port.read(server->session, message, sizeof(message)), 0);
    server->port.receive(server->session, bytes, len, world->now);
    expect_message(server, "good");
}

static void test_garbage_in_a_handshake(void **state)
{
    struct world *world = *state;
    uint8_t bytes[MTU];
    connect_client(world);
    for (unsigned i = 0; i < 1000; i++) {
        size_t len = 1 + i % 100;
        world->primitives.random(world->primitives.ctx, bytes, len);
        world->client.port.receive(world->client.session, bytes, len, world->now);
    }
    world->client.port.receive(world->client.session, bytes, 0, world->now);
    carry(world);
    assert_int_equal(client_state(world), SL_SESSION_OPEN);
}

/* 200 of each kind: what leaks shows here, and under the leak checker. */
static void test_failed_handshakes_leave_nothing(void **state)
{
    struct world *world = *state;
    REPLACE(world, client,
            test_node_make_at(&world->client.node, &world->network, "late", TEST_NOW, 500));
    refused_by_server(world);
    free_sessions(world);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(refused_by_server(world), SL_REFUSAL_EXPIRED);
        free_sessions(world);
        connect_client(world);
        for (int step = 0; step < i % 6; step++)
            carry_once(world);
        free_sessions(world);
    }
    assert_true(mallinfo2().uordblks <= before + 4096);
}

/* Figures to keep in mind, with generous bounds. */
static void test_session_memory(void **state)
{
    struct world *world = *state;
    open_both(world);
    assert_int_equal(world->client.port.send(world->client.session, (const uint8_t *)"k", 1), 0);
    assert_int_equal(world->server.port.send(world->server.session, (const uint8_t *)"k", 1), 0);
    carry(world);
    size_t both = mallinfo2().uordblks;
    free_sessions(world);
    size_t none = mallinfo2().uordblks;
    if (both == none)
        return; /* under a sanitizer that has an allocator of its own */
    print_message("one session: %zu bytes\n", (both - none) / 2);
    assert_true((both - none) / 2 < 48 * 1024);
}

static void test_handshake_time(void **state)
{
    struct world *world = *state;
    struct timespec from;
    struct timespec to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (int i = 0; i < 20; i++) {
        open_both(world);
        free_sessions(world);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
    print_message("one handshake, both ends: %.1f ms of processor time\n", ms / 20);
    assert_true(ms / 20 < 500);
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
        TEST(test_revoked_refused),
        TEST(test_invited_node),
        TEST(test_row_16_no_amplification),
        TEST(test_no_memory_before_the_cookie),
        TEST(test_cookie_is_bound_to_the_address),
        TEST(test_cookie_grows_old),
        TEST(test_cookie_of_another_hello),
        TEST(test_row_12_replayed_hello_tears_nothing_down),
        TEST(test_row_9_replayed_record_is_dropped),
        TEST(test_garbage_in_an_open_session),
        TEST(test_garbage_in_a_handshake),
        TEST(test_failed_handshakes_leave_nothing),
        TEST(test_session_memory),
        TEST(test_handshake_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
