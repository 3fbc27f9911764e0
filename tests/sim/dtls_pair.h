/* Two nodes of one network and the DTLS datagrams between them, in virtual time. */
#ifndef SL_TESTS_SIM_DTLS_PAIR_H
#define SL_TESTS_SIM_DTLS_PAIR_H

#include "crypto/dtls.h"
#include "mesh/packet.h"
#include "sim/test_credentials.h"

#define DTLS_PAIR_MTU (SL_DATAGRAM_MAX - SL_LINK_OVERHEAD)

/* One node's end: credentials, listener, one session (NULL until it begins). */
struct dtls_end {
    struct test_node node;
    struct sl_dtls *dtls;
    struct sl_sessions port;
    struct sl_session *session;
};

struct dtls_pair {
    struct test_network network;
    struct sl_primitives primitives;
    struct dtls_end client;
    struct dtls_end server;
    struct sl_address address; /* the client's, as the server sees it */
    sl_time now;
    int64_t unix_time;
    unsigned datagrams; /* sent so far */
    size_t bytes;
    size_t longest;
    unsigned lose; /* this datagram, counted from 1, is lost */
};

void dtls_pair_init(struct dtls_pair *pair);
void dtls_pair_done(struct dtls_pair *pair);

/* Puts another node at one end, whose session must not have begun. Takes the node's credentials. */
void dtls_pair_replace_take(struct dtls_pair *pair, struct dtls_end *end,
                            const struct test_node *node);

void dtls_pair_connect(struct dtls_pair *pair);

/* The next datagram that an end wants to send: its length, or 0. */
size_t dtls_pair_take(struct dtls_pair *pair, struct dtls_end *from,
                      uint8_t ret_bytes[DTLS_PAIR_MTU]);
/* To the server's listener, from that address: what it returns (0, -EBADMSG); the session, if it
 * gives one, is then pair->server's. */
int dtls_pair_accept(struct dtls_pair *pair, const struct sl_address *from, const uint8_t *bytes,
                     size_t len, struct sl_reply *ret_reply);
/* To the server's session or, if it has none, to its listener. */
void dtls_pair_give_server(struct dtls_pair *pair, const uint8_t *bytes, size_t len);

/* At most one datagram each way; false if there was none. The other carries until there is none. */
bool dtls_pair_carry_once(struct dtls_pair *pair);
void dtls_pair_carry(struct dtls_pair *pair);

/* Moves the clock to the next deadline. */
void dtls_pair_tick(struct dtls_pair *pair);

enum sl_session_state dtls_pair_client_state(const struct dtls_pair *pair);
enum sl_session_state dtls_pair_server_state(const struct dtls_pair *pair);

/* Connects and carries until both ends are open, which they must be. */
void dtls_pair_open(struct dtls_pair *pair);
void dtls_pair_free_sessions(struct dtls_pair *pair);

#endif
