/* DTLS sessions. First byte: where the datagrams that follow (each behind a u16 length) arrive.
 * Random numbers come from a generator that starts anew with each input, so that a finding can be
 * repeated. */
#include "base/prng.h"
#include "base/wire.h"
#include "crypto/client_hello.h"
#include "crypto/dtls.h"
#include "crypto/sodium.h"
#include "mesh/packet.h"
#include "sim/test_credentials.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MTU       (SL_DATAGRAM_MAX - SL_LINK_OVERHEAD)
#define UNIX_TIME (TEST_NOW + 1)
#define START     SL_DAY

time_t time(time_t *ret_time)
{
    if (ret_time)
        *ret_time = UNIX_TIME;
    return UNIX_TIME;
}

static struct sl_prng prng;

static const char *random_name(void)
{
    return "repeatable";
}

static uint32_t random_number(void)
{
    return (uint32_t)sl_prng_next(&prng);
}

static void random_fill(void *const bytes, const size_t len)
{
    sl_prng_bytes(&prng, bytes, len);
}

static struct randombytes_implementation repeatable = {
    .implementation_name = random_name,
    .random = random_number,
    .buf = random_fill,
};

/* Both ends of a link; the sessions belong to one input. */
struct link {
    struct sl_primitives primitives;
    struct sl_dtls *dtls[2];
    struct sl_sessions port[2]; /* 0: client, 1: server */
    struct sl_session *session[2];
    struct sl_identity identity[2];
    struct sl_address address;
    sl_time now;
};

static void setup(struct link *link)
{
    static const char *const names[] = {"node", "guest"};
    randombytes_set_implementation(&repeatable);
    link->address = (struct sl_address){.len = 4, .bytes = {10, 0, 0, 1}};
    for (int i = 0; i < 2; i++) {
        struct sl_credentials *credentials = test_credentials_load(names[i]);
        sl_credentials_own(credentials, &link->identity[i]);
        sl_sodium_primitives(&link->primitives);
        link->dtls[i] = sl_dtls_new(credentials, &link->primitives);
        assert(link->dtls[i]);
        sl_dtls_sessions(link->dtls[i], &link->port[i]);
    }
}

static void accept_datagram(struct link *link, const uint8_t *bytes, size_t len)
{
    struct sl_sessions *port = &link->port[1];
    const struct sl_opening opening = {.from = &link->address,
                                       .bytes = bytes,
                                       .len = len,
                                       .unix_time = UNIX_TIME,
                                       .now = link->now};
    struct sl_reply reply;
    struct sl_session *session = NULL;
    int result = port->accept(port->ctx, &opening, &session, &reply);
    assert(reply.len <= len);
    assert(result == 0 || (!session && reply.len == 0));
    if (session && link->session[1])
        port->free(session);
    else if (session)
        link->session[1] = session;
    if (reply.len > 0 && link->session[0])
        link->port[0].receive(link->session[0], reply.bytes, reply.len, link->now);
}

static void deliver(struct link *link, int to, const uint8_t *bytes, size_t len)
{
    if (link->session[to])
        link->port[to].receive(link->session[to], bytes, len, link->now);
    else if (to == 1)
        accept_datagram(link, bytes, len);
}

/* A change to the datagrams on their way: which, where, how. */
struct change {
    unsigned datagram;
    size_t at;
    uint8_t bits;
};

/* Carries datagrams until none is left, at most `limit`. */
static void carry(struct link *link, unsigned limit, const struct change *change)
{
    unsigned count = 0;
    bool moved = true;
    while (moved && count < limit) {
        moved = false;
        for (int from = 0; from < 2 && count < limit; from++) {
            uint8_t bytes[MTU];
            size_t len = link->session[from]
                             ? link->port[from].transmit(link->session[from], bytes, MTU)
                             : 0;
            if (len == 0)
                continue;
            if (change && change->datagram == count)
                bytes[change->at % len] ^= change->bits;
            deliver(link, !from, bytes, len);
            count++;
            moved = true;
        }
    }
}

/* Whatever came in between, an open session is with whom it says. */
static void check_ends(const struct link *link)
{
    for (int i = 0; i < 2; i++) {
        if (!link->session[i])
            continue;
        enum sl_session_state state = link->port[i].state(link->session[i]);
        const struct sl_identity *peer = link->port[i].peer(link->session[i]);
        assert((state == SL_SESSION_OPEN) == (peer != NULL));
        if (peer)
            assert(memcmp(peer->key, link->identity[!i].key, SL_KEY_LEN) == 0);
        if (state == SL_SESSION_FAILED)
            assert(link->port[i].refusal(link->session[i]) != SL_REFUSAL_NONE);
    }
}

static void tick(struct link *link)
{
    for (int i = 0; i < 2; i++) {
        if (!link->session[i])
            continue;
        sl_time due = link->port[i].deadline(link->session[i]);
        if (due != SL_NEVER && due > link->now)
            link->now = due;
        link->port[i].tick(link->session[i], link->now);
    }
}

static void feed(struct link *link, int to, struct sl_reader *r)
{
    uint8_t out[MTU];
    for (int i = 0; i < 64 && sl_read_left(r) > 0; i++) {
        size_t len = sl_min_size(sl_read_u16(r), sl_read_left(r));
        const uint8_t *bytes = sl_read_slice(r, len);
        if (!bytes)
            return;
        if (len == 0)
            tick(link);
        else
            deliver(link, to, bytes, len);
        if (!link->session[to])
            continue;
        while (link->port[to].transmit(link->session[to], out, sizeof(out)) > 0)
            ;
        while (link->port[to].read(link->session[to], out, sizeof(out)) > 0)
            ;
    }
}

static void connect_client(struct link *link)
{
    link->session[0] = link->port[0].connect(link->port[0].ctx, UNIX_TIME, link->now);
    assert(link->session[0]);
}

static void run(struct link *link, struct sl_reader *r)
{
    uint8_t place = sl_read_u8(r) % 5;
    struct change change = {0};
    if (place > 0)
        connect_client(link);
    switch (place) {
    case 0: /* no session: only the cookie exchange answers */
    case 1: /* a client that waits for an answer */
        feed(link, place == 0, r);
        break;
    case 2: /* a server whose client has shown its cookie */
        carry(link, 2, NULL);
        feed(link, 1, r);
        break;
    case 3: /* an open session */
        carry(link, 64, NULL);
        feed(link, r->len % 2, r);
        break;
    default: /* a handshake with something changed on the way */
        change.datagram = sl_read_u8(r) % 8;
        change.at = sl_read_u16(r);
        change.bits = sl_read_u8(r) | 1;
        carry(link, 64, &change);
        tick(link);
        carry(link, 64, NULL);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct link link;
    if (!link.dtls[0])
        setup(&link);
    sl_prng_init(&prng, 1);
    link.now = START;
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    run(&link, &r);
    check_ends(&link);
    for (int i = 0; i < 2; i++) {
        if (link.session[i])
            link.port[i].free(link.session[i]);
        link.session[i] = NULL;
    }
    return 0;
}
