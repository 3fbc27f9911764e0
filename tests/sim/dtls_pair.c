#include "sim/dtls_pair.h"

#include "crypto/sodium.h"

#include <assert.h>
#include <string.h>

static void listen_with(struct dtls_end *end, struct dtls_pair *pair)
{
    end->dtls = sl_dtls_new(end->node.credentials, &pair->primitives);
    assert(end->dtls);
    sl_dtls_sessions(end->dtls, &end->port);
}

static void close_end(struct dtls_end *end)
{
    if (end->session)
        end->port.free(end->session);
    sl_dtls_free(end->dtls);
    test_node_done(&end->node);
}

void dtls_pair_init(struct dtls_pair *pair)
{
    memset(pair, 0, sizeof(*pair));
    test_network_make(&pair->network, "square");
    sl_sodium_primitives(&pair->primitives);
    test_node_make(&pair->client.node, &pair->network, "client");
    test_node_make(&pair->server.node, &pair->network, "server");
    listen_with(&pair->client, pair);
    listen_with(&pair->server, pair);
    pair->address = (struct sl_address){.len = 6, .bytes = {2, 0, 0, 0, 0, 1}};
    pair->now = 5 * SL_DAY;
    pair->unix_time = TEST_NOW + 1000;
}

void dtls_pair_done(struct dtls_pair *pair)
{
    close_end(&pair->client);
    close_end(&pair->server);
}

void dtls_pair_replace_take(struct dtls_pair *pair, struct dtls_end *end,
                            const struct test_node *node)
{
    assert(!end->session);
    sl_dtls_free(end->dtls);
    test_node_done(&end->node);
    end->node = *node;
    listen_with(end, pair);
}

size_t dtls_pair_take(struct dtls_pair *pair, struct dtls_end *from,
                      uint8_t ret_bytes[DTLS_PAIR_MTU])
{
    size_t len = from->port.transmit(from->session, ret_bytes, DTLS_PAIR_MTU);
    if (len == 0)
        return 0;
    pair->datagrams++;
    pair->bytes += len;
    if (len > pair->longest)
        pair->longest = len;
    return len;
}

int dtls_pair_accept(struct dtls_pair *pair, const struct sl_address *from, const uint8_t *bytes,
                     size_t len, struct sl_reply *ret_reply)
{
    const struct sl_sessions *port = &pair->server.port;
    const struct sl_opening opening = {
        .from = from, .bytes = bytes, .len = len, .unix_time = pair->unix_time, .now = pair->now};
    return port->accept(port->ctx, &opening, &pair->server.session, ret_reply);
}

void dtls_pair_give_server(struct dtls_pair *pair, const uint8_t *bytes, size_t len)
{
    struct dtls_end *server = &pair->server;
    if (server->session) {
        server->port.receive(server->session, bytes, len, pair->now);
        return;
    }
    struct sl_reply reply;
    dtls_pair_accept(pair, &pair->address, bytes, len, &reply);
    assert(reply.len <= len);
    if (reply.len > 0)
        pair->client.port.receive(pair->client.session, reply.bytes, reply.len, pair->now);
}

bool dtls_pair_carry_once(struct dtls_pair *pair)
{
    uint8_t bytes[DTLS_PAIR_MTU];
    size_t len = dtls_pair_take(pair, &pair->client, bytes);
    if (len > 0 && pair->datagrams != pair->lose)
        dtls_pair_give_server(pair, bytes, len);
    size_t back = pair->server.session ? dtls_pair_take(pair, &pair->server, bytes) : 0;
    if (back > 0 && pair->datagrams != pair->lose)
        pair->client.port.receive(pair->client.session, bytes, back, pair->now);
    return len > 0 || back > 0;
}

void dtls_pair_carry(struct dtls_pair *pair)
{
    while (dtls_pair_carry_once(pair))
        ;
}

void dtls_pair_connect(struct dtls_pair *pair)
{
    struct dtls_end *client = &pair->client;
    client->session = client->port.connect(client->port.ctx, pair->unix_time, pair->now);
    assert(client->session);
}

static sl_time next_deadline(const struct dtls_pair *pair)
{
    sl_time next = pair->client.port.deadline(pair->client.session);
    if (pair->server.session)
        next = sl_min_time(next, pair->server.port.deadline(pair->server.session));
    return next;
}

void dtls_pair_tick(struct dtls_pair *pair)
{
    pair->now = next_deadline(pair);
    pair->client.port.tick(pair->client.session, pair->now);
    if (pair->server.session)
        pair->server.port.tick(pair->server.session, pair->now);
}

enum sl_session_state dtls_pair_client_state(const struct dtls_pair *pair)
{
    return pair->client.port.state(pair->client.session);
}

enum sl_session_state dtls_pair_server_state(const struct dtls_pair *pair)
{
    return pair->server.port.state(pair->server.session);
}

void dtls_pair_free_sessions(struct dtls_pair *pair)
{
    if (pair->client.session)
        pair->client.port.free(pair->client.session);
    if (pair->server.session)
        pair->server.port.free(pair->server.session);
    pair->client.session = NULL;
    pair->server.session = NULL;
}

void dtls_pair_open(struct dtls_pair *pair)
{
    dtls_pair_connect(pair);
    dtls_pair_carry(pair);
    assert(dtls_pair_client_state(pair) == SL_SESSION_OPEN);
    assert(pair->server.session);
    assert(dtls_pair_server_state(pair) == SL_SESSION_OPEN);
}
