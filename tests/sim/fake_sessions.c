#include "sim/fake_sessions.h"

#include "base/list.h"
#include "mesh/envelope.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHAIN_MAX = 160,
    CERTIFICATE_MIN = 4 + 4 + 4 + 8 + 8 + SL_KEY_LEN + 1,
    CRL_HEADER = 8,
    QUEUE_MAX = 16,
    MESSAGE_MAX = SL_DATAGRAM_MAX - 17,
    CLIENT_HEADER = 4,
};

#define RETRY_MIN (500 * SL_MILLISECOND) /* doubling, as the flights of DTLS */
#define RETRY_MAX (4 * SL_SECOND)

enum message_type {
    MESSAGE_CLIENT = 1,  /* number of the session u32, chain: the client's flight */
    MESSAGE_SERVER = 2,  /* chain: the server's flight */
    MESSAGE_REFUSED = 3, /* enum sl_refusal */
    MESSAGE_DATA = 4,
    MESSAGE_CLOSE = 5,
};

struct sl_fake_member {
    struct sl_fake_member_config config;
    uint32_t crl_number;
    uint8_t *crl;
    size_t crl_len;
    size_t session_count, accepted;
    struct sl_list sessions;
    uint32_t connected; /* sessions begun as client */
};

struct message {
    struct sl_list list;
    size_t len;
    uint8_t bytes[];
};

struct sl_session {
    struct sl_list list;
    struct sl_fake_member *member;
    uint32_t number;        /* that its client gave it, */
    struct sl_address from; /* and where that is; of a server's end */
    bool client;
    enum sl_session_state state;
    enum sl_refusal refusal;
    struct sl_identity peer;
    int64_t unix_time; /* at the handshake */
    sl_time made_at;   /* life clock */
    sl_time retry_at, retry_us;
    struct sl_list out, in;
    size_t out_count, in_count;
};

struct sl_fake_member *sl_fake_member_new(const struct sl_fake_member_config *config)
{
    struct sl_fake_member *member = calloc(1, sizeof(*member));
    if (!member)
        return NULL;
    member->config = *config;
    sl_list_init(&member->sessions);
    return member;
}

void sl_fake_member_free(struct sl_fake_member *member)
{
    assert(!member || member->session_count == 0);
    if (member)
        free(member->crl);
    free(member);
}

size_t sl_fake_chain(const struct sl_fake_member_config *config, uint8_t *ret_chain, size_t cap)
{
    struct sl_writer w;
    size_t name_len = strlen(config->name);
    sl_writer_init(&w, ret_chain, cap);
    sl_write_u16(&w, (uint16_t)(CERTIFICATE_MIN + name_len));
    sl_write_u32(&w, config->network);
    sl_write_u32(&w, config->serial);
    sl_write_u32(&w, config->invite);
    sl_write_u64(&w, (uint64_t)config->not_before);
    sl_write_u64(&w, (uint64_t)config->not_after);
    sl_write_bytes(&w, config->key, SL_KEY_LEN);
    sl_write_u8(&w, (uint8_t)name_len);
    sl_write_bytes(&w, (const uint8_t *)config->name, name_len);
    int len = sl_write_done(&w);
    assert(len > 0);
    return (size_t)len;
}

size_t sl_fake_crl(uint32_t network, uint32_t number, const uint32_t *serials, size_t count,
                   uint8_t *ret_crl, size_t cap)
{
    struct sl_writer w;
    sl_writer_init(&w, ret_crl, cap);
    sl_write_u32(&w, network);
    sl_write_u32(&w, number);
    for (size_t i = 0; i < count; i++)
        sl_write_u32(&w, serials[i]);
    int len = sl_write_done(&w);
    assert(len > 0);
    return (size_t)len;
}

static bool is_revoked(const struct sl_fake_member *member, uint32_t serial)
{
    struct sl_reader r;
    if (!member->crl)
        return false;
    sl_reader_init(&r, member->crl + CRL_HEADER, member->crl_len - CRL_HEADER);
    while (sl_read_left(&r) > 0)
        if (sl_read_u32(&r) == serial)
            return true;
    return false;
}

static int read_chain(const uint8_t *chain, size_t len, struct sl_fake_member_config *ret_config)
{
    struct sl_reader r;
    sl_reader_init(&r, chain, len);
    sl_read_u16(&r);
    ret_config->network = sl_read_u32(&r);
    ret_config->serial = sl_read_u32(&r);
    ret_config->invite = sl_read_u32(&r);
    ret_config->not_before = (int64_t)sl_read_u64(&r);
    ret_config->not_after = (int64_t)sl_read_u64(&r);
    sl_read_copy(&r, ret_config->key, SL_KEY_LEN);
    size_t name_len = sl_read_u8(&r);
    if (name_len >= sizeof(ret_config->name))
        return -EBADMSG;
    sl_read_copy(&r, (uint8_t *)ret_config->name, name_len);
    ret_config->name[name_len] = '\0';
    return sl_read_done(&r);
}

static enum sl_refusal judge(const struct sl_fake_member *member,
                             const struct sl_fake_member_config *peer, int64_t unix_time)
{
    if (peer->network != member->config.network)
        return SL_REFUSAL_FOREIGN;
    if (is_revoked(member, peer->serial))
        return SL_REFUSAL_REVOKED;
    if (unix_time != 0 && peer->not_after != 0 && unix_time > peer->not_after)
        return SL_REFUSAL_EXPIRED;
    if (unix_time != 0 && unix_time < peer->not_before)
        return SL_REFUSAL_NOT_YET;
    return SL_REFUSAL_NONE;
}

static void write_serial(uint32_t serial, uint8_t ret_serial[20])
{
    struct sl_writer w;
    memset(ret_serial, 0, 16);
    sl_writer_init(&w, ret_serial + 16, 4);
    sl_write_u32(&w, serial);
}

static int check(void *ctx, const uint8_t *chain, size_t len, int64_t unix_time,
                 struct sl_identity *ret_identity, enum sl_refusal *ret_refusal)
{
    const struct sl_fake_member *member = ctx;
    struct sl_fake_member_config peer = {0};
    if (read_chain(chain, len, &peer) < 0) {
        *ret_refusal = SL_REFUSAL_MALFORMED;
        return -EACCES;
    }
    enum sl_refusal refusal = judge(member, &peer, unix_time);
    if (refusal != SL_REFUSAL_NONE) {
        *ret_refusal = refusal;
        return -EACCES;
    }
    struct sl_identity identity = {
        .not_before = peer.not_before,
        .not_after = peer.not_after != 0 ? peer.not_after : INT64_MAX,
    };
    write_serial(peer.serial, identity.serial);
    write_serial(peer.invite, identity.issuer_serial);
    memcpy(identity.key, peer.key, SL_KEY_LEN);
    memcpy(identity.name, peer.name, sizeof(identity.name));
    sl_origin_of_key(member->config.primitives, peer.key, identity.origin);
    *ret_identity = identity;
    return 0;
}

static int own_chain(void *ctx, uint8_t *ret_chain, size_t cap)
{
    const struct sl_fake_member *member = ctx;
    if (cap < CHAIN_MAX)
        return -ENOBUFS;
    return (int)sl_fake_chain(&member->config, ret_chain, cap);
}

static int take_crl(void *ctx, const uint8_t *crl, size_t len)
{
    struct sl_fake_member *member = ctx;
    struct sl_reader r;
    sl_reader_init(&r, crl, len);
    uint32_t network = sl_read_u32(&r);
    uint32_t number = sl_read_u32(&r);
    if (sl_read_failed(&r) || len % 4 != 0 || network != member->config.network || len > SL_CRL_MAX)
        return -EBADMSG;
    if (number <= member->crl_number)
        return -EALREADY;
    uint8_t *copy = malloc(len);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, crl, len);
    free(member->crl);
    member->crl = copy;
    member->crl_len = len;
    member->crl_number = number;
    return 0;
}

static const uint8_t *crl_in_force(void *ctx, uint64_t *ret_number, size_t *ret_len)
{
    const struct sl_fake_member *member = ctx;
    *ret_number = member->crl_number;
    *ret_len = member->crl_len;
    return member->crl;
}

static bool revoked(void *ctx, const struct sl_identity *identity)
{
    const uint8_t *s = identity->serial + 16;
    uint32_t serial =
        (uint32_t)s[0] << 24 | (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | (uint32_t)s[3];
    return is_revoked(ctx, serial);
}

void sl_fake_membership(struct sl_fake_member *member, struct sl_membership *ret_membership)
{
    *ret_membership = (struct sl_membership){
        .ctx = member,
        .check = check,
        .own_chain = own_chain,
        .take_crl = take_crl,
        .revoked = revoked,
        .crl = crl_in_force,
    };
}

void sl_fake_member_renew(struct sl_fake_member *member, uint32_t serial, int64_t not_after)
{
    member->config.serial = serial;
    member->config.not_after = not_after;
}

uint32_t sl_fake_member_serial(const struct sl_fake_member *member)
{
    return member->config.serial;
}

uint32_t sl_fake_member_crl_number(const struct sl_fake_member *member)
{
    return member->crl_number;
}

size_t sl_fake_member_session_count(const struct sl_fake_member *member)
{
    return member->session_count;
}

size_t sl_fake_member_accepted(const struct sl_fake_member *member)
{
    return member->accepted;
}

/* ---- Sessions ---- */

static int push(struct sl_list *queue, size_t *count, const uint8_t *bytes, size_t len)
{
    if (*count >= QUEUE_MAX)
        return -ENOBUFS;
    struct message *message = malloc(sizeof(*message) + len);
    if (!message)
        return -ENOBUFS;
    message->len = len;
    if (len > 0)
        memcpy(message->bytes, bytes, len);
    sl_list_append(queue, &message->list);
    ++*count;
    return 0;
}

static size_t pop(struct sl_list *queue, size_t *count, uint8_t *ret_bytes, size_t cap)
{
    if (sl_list_empty(queue))
        return 0;
    struct message *message = SL_CONTAINER_OF(queue->next, struct message, list);
    size_t len = sl_min_size(message->len, cap);
    memcpy(ret_bytes, message->bytes, len);
    sl_list_remove(&message->list);
    free(message);
    --*count;
    return len;
}

static void send_message(struct sl_session *session, enum message_type type, const uint8_t *bytes,
                         size_t len)
{
    uint8_t message[1 + MESSAGE_MAX];
    message[0] = (uint8_t)type;
    assert(len <= MESSAGE_MAX - 1);
    if (len > 0)
        memcpy(message + 1, bytes, len);
    push(&session->out, &session->out_count, message, len + 1);
}

static void send_server_flight(struct sl_session *session)
{
    uint8_t chain[CHAIN_MAX];
    size_t len = sl_fake_chain(&session->member->config, chain, sizeof(chain));
    send_message(session, MESSAGE_SERVER, chain, len);
}

static void send_client_flight(struct sl_session *session, sl_time now)
{
    uint8_t flight[CLIENT_HEADER + CHAIN_MAX];
    struct sl_writer w;
    sl_writer_init(&w, flight, sizeof(flight));
    sl_write_u32(&w, session->number);
    size_t len = sl_fake_chain(&session->member->config, flight + CLIENT_HEADER, CHAIN_MAX);
    send_message(session, MESSAGE_CLIENT, flight, CLIENT_HEADER + len);
    session->retry_at = now + session->retry_us;
    session->retry_us = sl_min_time(2 * session->retry_us, RETRY_MAX);
}

static struct sl_session *session_new(struct sl_fake_member *member, int64_t unix_time, sl_time now)
{
    struct sl_session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    session->member = member;
    session->unix_time = unix_time;
    session->made_at = now;
    session->retry_at = SL_NEVER;
    session->retry_us = RETRY_MIN;
    sl_list_init(&session->out);
    sl_list_init(&session->in);
    sl_list_append(&member->sessions, &session->list);
    member->session_count++;
    return session;
}

static struct sl_session *connect_session(void *ctx, int64_t unix_time, sl_time now)
{
    struct sl_session *session = session_new(ctx, unix_time, now);
    if (!session)
        return NULL;
    session->client = true;
    session->number = ++session->member->connected;
    send_client_flight(session, now);
    return session;
}

static void take_chain(struct sl_session *session, const uint8_t *chain, size_t len, sl_time now)
{
    enum sl_refusal refusal = SL_REFUSAL_NONE;
    int64_t unix_time =
        session->unix_time != 0 ? session->unix_time + (now - session->made_at) / SL_SECOND : 0;
    session->retry_at = SL_NEVER;
    if (check(session->member, chain, len, unix_time, &session->peer, &refusal) < 0) {
        session->state = SL_SESSION_FAILED;
        session->refusal = refusal;
        send_message(session, MESSAGE_REFUSED, (const uint8_t[]){(uint8_t)refusal}, 1);
        return;
    }
    session->state = SL_SESSION_OPEN;
}

/* A flight that came again: its session sends what answers it once more. */
static bool is_begun(const struct sl_fake_member *member, const struct sl_address *from,
                     uint32_t number)
{
    SL_LIST_FOR_EACH (item, &member->sessions) {
        const struct sl_session *session = SL_CONTAINER_OF(item, struct sl_session, list);
        if (!session->client && session->number == number &&
            memcmp(&session->from, from, sizeof(*from)) == 0)
            return true;
    }
    return false;
}

static int accept_session(void *ctx, const struct sl_opening *opening,
                          struct sl_session **ret_session, struct sl_reply *ret_reply)
{
    if (ret_session)
        *ret_session = NULL;
    ret_reply->len = 0;
    struct sl_reader r;
    sl_reader_init(&r, opening->bytes, opening->len);
    if (sl_read_u8(&r) != MESSAGE_CLIENT)
        return -EBADMSG;
    uint32_t number = sl_read_u32(&r);
    size_t chain_len = sl_read_left(&r);
    const uint8_t *chain = sl_read_slice(&r, chain_len);
    if (sl_read_failed(&r) || is_begun(ctx, opening->from, number))
        return -EBADMSG;
    if (!ret_session)
        return -EBUSY;
    struct sl_session *session = session_new(ctx, opening->unix_time, opening->now);
    if (!session)
        return -EBADMSG;
    session->member->accepted++;
    session->number = number;
    session->from = *opening->from;
    take_chain(session, chain, chain_len, opening->now);
    if (session->state == SL_SESSION_OPEN)
        send_server_flight(session);
    *ret_session = session;
    return 0;
}

static void receive(struct sl_session *session, const uint8_t *bytes, size_t len, sl_time now)
{
    if (len < 1 || session->state == SL_SESSION_FAILED || session->state == SL_SESSION_CLOSED)
        return;
    bool open = session->state == SL_SESSION_OPEN;
    switch (bytes[0]) {
    case MESSAGE_CLIENT:
        if (!session->client && open) /* our flight was lost */
            send_server_flight(session);
        break;
    case MESSAGE_SERVER:
        if (session->client && !open)
            take_chain(session, bytes + 1, len - 1, now);
        break;
    case MESSAGE_REFUSED:
        session->state = SL_SESSION_FAILED;
        session->refusal = SL_REFUSAL_FOREIGN;
        session->retry_at = SL_NEVER;
        break;
    case MESSAGE_DATA:
        if (open)
            push(&session->in, &session->in_count, bytes + 1, len - 1);
        break;
    case MESSAGE_CLOSE:
        if (open)
            session->state = SL_SESSION_CLOSED;
        break;
    default:
        break;
    }
}

static void tick(struct sl_session *session, sl_time now)
{
    if (now < session->retry_at)
        return;
    send_client_flight(session, now);
}

static sl_time deadline(const struct sl_session *session)
{
    return session->retry_at;
}

static size_t transmit(struct sl_session *session, uint8_t *ret_bytes, size_t cap)
{
    return pop(&session->out, &session->out_count, ret_bytes, cap);
}

static int send_data(struct sl_session *session, const uint8_t *bytes, size_t len)
{
    if (session->state != SL_SESSION_OPEN)
        return -ENOTCONN;
    if (len > MESSAGE_MAX - 1)
        return -EMSGSIZE;
    if (session->out_count >= QUEUE_MAX)
        return -ENOBUFS;
    send_message(session, MESSAGE_DATA, bytes, len);
    return 0;
}

static size_t read_data(struct sl_session *session, uint8_t *ret_bytes, size_t cap)
{
    return pop(&session->in, &session->in_count, ret_bytes, cap);
}

static enum sl_session_state state(const struct sl_session *session)
{
    return session->state;
}

static enum sl_refusal refusal_of(const struct sl_session *session)
{
    return session->refusal;
}

static const struct sl_identity *peer_of(const struct sl_session *session)
{
    return session->state == SL_SESSION_OPEN ? &session->peer : NULL;
}

static void close_session(struct sl_session *session)
{
    if (session->state != SL_SESSION_OPEN)
        return;
    send_message(session, MESSAGE_CLOSE, NULL, 0);
    session->state = SL_SESSION_CLOSED;
}

static void free_session(struct sl_session *session)
{
    uint8_t nothing[1];
    if (!session)
        return;
    while (!sl_list_empty(&session->out))
        pop(&session->out, &session->out_count, nothing, sizeof(nothing));
    while (!sl_list_empty(&session->in))
        pop(&session->in, &session->in_count, nothing, sizeof(nothing));
    session->member->session_count--;
    sl_list_remove(&session->list);
    free(session);
}

void sl_fake_sessions(struct sl_fake_member *member, struct sl_sessions *ret_sessions)
{
    *ret_sessions = (struct sl_sessions){
        .ctx = member,
        .connect = connect_session,
        .accept = accept_session,
        .receive = receive,
        .tick = tick,
        .deadline = deadline,
        .transmit = transmit,
        .send = send_data,
        .read = read_data,
        .state = state,
        .refusal = refusal_of,
        .peer = peer_of,
        .close = close_session,
        .free = free_session,
    };
}
