#include "crypto/dtls.h"

#include "crypto/credentials.h"
#include "crypto/client_hello.h"
#include "crypto/queue.h"
#include "mesh/packet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* First retransmission and the last wait, in ms: 0.5, 1, 2, 4 and 8 s are 15.5 s in all, before the
 * mesh gives up at 20 s. */
#define RETRANSMIT_MIN_MS 500
#define RETRANSMIT_MAX_MS 8000

/* A flight is at most 4 datagrams; one may be repeated before the first has left. */
#define OUTPUT_MAX 16

/* KEY and KEY_ACK are all that is ever sent through a session. */
#define INPUT_MAX 8

struct sl_dtls {
    struct sl_credentials *credentials;
    struct sl_dtls_cookies cookies;
    mbedtls_ssl_config client_config;
    mbedtls_ssl_config server_config;
};

struct sl_session {
    mbedtls_ssl_context ssl;
    struct sl_verification verification; /* of the peer; its identity once open */
    enum sl_session_state state;
    enum sl_refusal refusal;

    sl_time now;          /* of the call under way; never read outside it */
    sl_time intermediate; /* mbedTLS's timer; SL_NEVER when not set */
    sl_time final;

    const uint8_t *datagram; /* under way to mbedTLS; NULL when taken */
    size_t datagram_len;
    struct sl_queue output;
    struct sl_queue input;
};

static int take_output(void *ctx, const unsigned char *bytes, size_t len)
{
    struct sl_session *session = ctx;
    /* What does not fit is lost, as datagrams may be: retransmission brings it back. */
    sl_queue_push(&session->output, bytes, len);
    return (int)len;
}

static int give_input(void *ctx, unsigned char *ret_bytes, size_t cap)
{
    struct sl_session *session = ctx;
    if (!session->datagram || session->datagram_len > cap)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(ret_bytes, session->datagram, session->datagram_len);
    session->datagram = NULL;
    return (int)session->datagram_len;
}

static void set_timer(void *ctx, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct sl_session *session = ctx;
    session->intermediate = SL_NEVER;
    session->final = SL_NEVER;
    if (final_ms > 0) {
        session->intermediate = session->now + intermediate_ms * SL_MILLISECOND;
        session->final = session->now + final_ms * SL_MILLISECOND;
    }
}

/* The values are those of mbedtls_ssl_get_timer_t. */
static int get_timer(void *ctx)
{
    const struct sl_session *session = ctx;
    if (session->final == SL_NEVER)
        return -1;
    if (session->now >= session->final)
        return 2;
    return session->now >= session->intermediate ? 1 : 0;
}

/* mbedTLS's state goes at once, for it is large; datagrams not yet sent stay. */
static void end(struct sl_session *session, enum sl_session_state state)
{
    session->state = state;
    session->intermediate = SL_NEVER;
    session->final = SL_NEVER;
    mbedtls_ssl_free(&session->ssl);
    mbedtls_ssl_init(&session->ssl);
}

static enum sl_refusal refusal_for(int code)
{
    if (code == MBEDTLS_ERR_SSL_TIMEOUT)
        return SL_REFUSAL_TIMEOUT;
    return code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ? SL_REFUSAL_BY_PEER : SL_REFUSAL_MALFORMED;
}

static void fail(struct sl_session *session, int code)
{
    session->refusal = session->verification.refusal;
    if (session->refusal == SL_REFUSAL_NONE)
        session->refusal = refusal_for(code);
    end(session, SL_SESSION_FAILED);
}

static bool waits(int code)
{
    return code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static void shake_hands(struct sl_session *session)
{
    int code = mbedtls_ssl_handshake(&session->ssl);
    if (waits(code))
        return;
    const struct sl_verification *verification = &session->verification;
    if (code != 0 || !verification->complete || verification->refusal != SL_REFUSAL_NONE)
        fail(session, code);
    else
        session->state = SL_SESSION_OPEN;
}

static void read_messages(struct sl_session *session)
{
    uint8_t message[SL_DATAGRAM_MAX];
    int code;
    do {
        code = mbedtls_ssl_read(&session->ssl, message, sizeof(message));
        if (code > 0)
            sl_queue_push(&session->input, message, (size_t)code);
    } while (code > 0);
    sodium_memzero(message, sizeof(message));
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ||
        code == MBEDTLS_ERR_SSL_CONN_EOF)
        end(session, SL_SESSION_CLOSED);
    else if (!waits(code))
        fail(session, code);
}

static void step(struct sl_session *session)
{
    if (session->state == SL_SESSION_HANDSHAKE)
        shake_hands(session);
    /* What came with the last flight, too. */
    if (session->state == SL_SESSION_OPEN)
        read_messages(session);
}

static void session_free(struct sl_session *session)
{
    if (!session)
        return;
    mbedtls_ssl_free(&session->ssl);
    sl_queue_done(&session->output);
    sl_queue_done(&session->input);
    free(session);
}

static struct sl_session *session_new(struct sl_dtls *dtls, const mbedtls_ssl_config *config,
                                      int64_t unix_time, sl_time now)
{
    struct sl_session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    session->state = SL_SESSION_HANDSHAKE;
    session->now = now;
    session->intermediate = SL_NEVER;
    session->final = SL_NEVER;
    sl_queue_init(&session->output, OUTPUT_MAX);
    sl_queue_init(&session->input, INPUT_MAX);
    sl_verification_init(&session->verification, dtls->credentials, unix_time);
    mbedtls_ssl_init(&session->ssl);
    if (mbedtls_ssl_setup(&session->ssl, config) != 0) {
        session_free(session);
        return NULL;
    }
    mbedtls_ssl_set_bio(&session->ssl, session, take_output, give_input, NULL);
    mbedtls_ssl_set_timer_cb(&session->ssl, session, set_timer, get_timer);
    mbedtls_ssl_set_mtu(&session->ssl, SL_DATAGRAM_MAX - SL_LINK_OVERHEAD);
    mbedtls_ssl_set_verify(&session->ssl, sl_verification_step, &session->verification);
    return session;
}

static struct sl_session *session_connect(void *ctx, int64_t unix_time, sl_time now)
{
    struct sl_dtls *dtls = ctx;
    struct sl_session *session = session_new(dtls, &dtls->client_config, unix_time, now);
    if (!session)
        return NULL;
    /* Members are told apart by their keys, not by a host name: 3.6 wants to hear that. */
    if (mbedtls_ssl_set_hostname(&session->ssl, NULL) != 0) {
        session_free(session);
        return NULL;
    }
    step(session);
    return session;
}

static void session_receive(struct sl_session *session, const uint8_t *bytes, size_t len,
                            sl_time now)
{
    session->now = now;
    if (len == 0 || session->state == SL_SESSION_FAILED || session->state == SL_SESSION_CLOSED)
        return;
    /* mbedTLS would let a new ClientHello end an open session (RFC 6347, 4.2.8). Here a new session
     * begins in accept() and the old one stays until the new one is open. */
    if (session->state == SL_SESSION_OPEN && sl_client_hello_inside(bytes, len))
        return;
    session->datagram = bytes;
    session->datagram_len = len;
    step(session);
    session->datagram = NULL;
}

static void session_tick(struct sl_session *session, sl_time now)
{
    session->now = now;
    if (session->final <= now)
        step(session);
}

static sl_time session_deadline(const struct sl_session *session)
{
    return session->final;
}

static size_t session_transmit(struct sl_session *session, uint8_t *ret_bytes, size_t cap)
{
    return sl_queue_pop(&session->output, ret_bytes, cap);
}

static int session_send(struct sl_session *session, const uint8_t *bytes, size_t len)
{
    if (session->state != SL_SESSION_OPEN)
        return -ENOTCONN;
    int payload_max = mbedtls_ssl_get_max_out_record_payload(&session->ssl);
    if (len == 0 || payload_max < 0 || len > (size_t)payload_max)
        return -EMSGSIZE;
    if (sl_queue_full(&session->output))
        return -ENOBUFS;
    return mbedtls_ssl_write(&session->ssl, bytes, len) == (int)len ? 0 : -ENOBUFS;
}

static size_t session_read(struct sl_session *session, uint8_t *ret_bytes, size_t cap)
{
    return sl_queue_pop(&session->input, ret_bytes, cap);
}

static enum sl_session_state session_state(const struct sl_session *session)
{
    return session->state;
}

static enum sl_refusal session_refusal(const struct sl_session *session)
{
    return session->refusal;
}

static const struct sl_identity *session_peer(const struct sl_session *session)
{
    return session->state == SL_SESSION_OPEN ? &session->verification.identity : NULL;
}

static void session_close(struct sl_session *session)
{
    if (session->state == SL_SESSION_OPEN)
        mbedtls_ssl_close_notify(&session->ssl);
    if (session->state == SL_SESSION_OPEN || session->state == SL_SESSION_HANDSHAKE)
        end(session, SL_SESSION_CLOSED);
}

/* The cookie was good: a session that has read the ClientHello. */
static int accept_hello(struct sl_dtls *dtls, const struct sl_opening *opening,
                        const uint8_t *binding, size_t binding_len, struct sl_session **ret_session)
{
    struct sl_session *session =
        session_new(dtls, &dtls->server_config, opening->unix_time, opening->now);
    if (!session)
        return -ENOMEM;
    if (mbedtls_ssl_set_client_transport_id(&session->ssl, binding, binding_len) != 0) {
        session_free(session);
        return -ENOMEM;
    }
    session_receive(session, opening->bytes, opening->len, opening->now);
    if (session->state != SL_SESSION_HANDSHAKE) {
        session_free(session);
        return -EBADMSG;
    }
    *ret_session = session;
    return 0;
}

static int session_accept(void *ctx, const struct sl_opening *opening,
                          struct sl_session **ret_session, struct sl_reply *ret_reply)
{
    struct sl_dtls *dtls = ctx;
    struct sl_client_hello hello;
    uint8_t binding[SL_DTLS_BINDING_MAX];
    uint8_t cookie[SL_DTLS_COOKIE_LEN];
    if (ret_session)
        *ret_session = NULL;
    ret_reply->len = 0;
    if (sl_client_hello_decode(opening->bytes, opening->len, &hello) != 0)
        return -EBADMSG;
    dtls->cookies.slot = (uint32_t)(opening->now / SL_DTLS_COOKIE_SLOT);
    size_t binding_len = sl_dtls_cookie_binding(opening->from, &hello, binding);
    if (sl_dtls_cookie_valid(&dtls->cookies, binding, binding_len, hello.cookie, hello.cookie_len))
        return ret_session ? accept_hello(dtls, opening, binding, binding_len, ret_session)
                           : -EBUSY;
    /* Never longer than the question (CVE-2025-24356 in fastd). */
    _Static_assert(SL_VERIFY_REQUEST_LEN <= sizeof(ret_reply->bytes), "a cookie fits");
    if (SL_VERIFY_REQUEST_LEN > opening->len)
        return 0;
    sl_dtls_cookie_make(&dtls->cookies, binding, binding_len, cookie);
    sl_verify_request_encode(&hello, cookie, ret_reply->bytes);
    ret_reply->len = SL_VERIFY_REQUEST_LEN;
    return 0;
}

/* mbedTLS asks again for what session_accept() has checked; the slot is that of the same call. */
static int check_cookie(void *ctx, const unsigned char *cookie, size_t cookie_len,
                        const unsigned char *binding, size_t binding_len)
{
    const struct sl_dtls *dtls = ctx;
    return sl_dtls_cookie_valid(&dtls->cookies, binding, binding_len, cookie, cookie_len) ? 0 : -1;
}

/* It never writes one itself: see session_accept(). */
static int refuse_cookie(void *ctx, unsigned char **p, unsigned char *end_of_buffer,
                         const unsigned char *binding, size_t binding_len)
{
    (void)ctx;
    (void)p;
    (void)end_of_buffer;
    (void)binding;
    (void)binding_len;
    return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int configure(struct sl_dtls *dtls, mbedtls_ssl_config *config, int endpoint)
{
    static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                 MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};
    struct sl_credentials *credentials = dtls->credentials;
    int code = mbedtls_ssl_config_defaults(config, endpoint, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                           MBEDTLS_SSL_PRESET_DEFAULT);
    if (code != 0)
        return code;
    sl_mbedtls_restrict(config);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_rng(config, sl_mbedtls_random, NULL);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_cert_profile(config, &sl_x509_profile);
    mbedtls_ssl_conf_ca_chain(config, &credentials->ca, NULL);
    mbedtls_ssl_conf_cert_req_ca_list(config, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
    mbedtls_ssl_conf_handshake_timeout(config, RETRANSMIT_MIN_MS, RETRANSMIT_MAX_MS);
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    if (endpoint == MBEDTLS_SSL_IS_CLIENT)
        mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    else
        mbedtls_ssl_conf_dtls_cookies(config, refuse_cookie, check_cookie, dtls);
    return mbedtls_ssl_conf_own_cert(config, &credentials->chain, &credentials->key);
}

struct sl_dtls *sl_dtls_new(struct sl_credentials *credentials,
                            const struct sl_primitives *primitives)
{
    struct sl_dtls *dtls = calloc(1, sizeof(*dtls));
    if (!dtls)
        return NULL;
    dtls->credentials = credentials;
    dtls->cookies.primitives = primitives;
    primitives->random(primitives->ctx, dtls->cookies.secret, sizeof(dtls->cookies.secret));
    mbedtls_ssl_config_init(&dtls->client_config);
    mbedtls_ssl_config_init(&dtls->server_config);
    if (sl_mbedtls_init() != 0 ||
        configure(dtls, &dtls->client_config, MBEDTLS_SSL_IS_CLIENT) != 0 ||
        configure(dtls, &dtls->server_config, MBEDTLS_SSL_IS_SERVER) != 0) {
        sl_dtls_free(dtls);
        return NULL;
    }
    return dtls;
}

void sl_dtls_free(struct sl_dtls *dtls)
{
    if (!dtls)
        return;
    mbedtls_ssl_config_free(&dtls->client_config);
    mbedtls_ssl_config_free(&dtls->server_config);
    sodium_memzero(&dtls->cookies, sizeof(dtls->cookies));
    free(dtls);
}

void sl_dtls_sessions(struct sl_dtls *dtls, struct sl_sessions *ret_sessions)
{
    *ret_sessions = (struct sl_sessions){
        .ctx = dtls,
        .connect = session_connect,
        .accept = session_accept,
        .receive = session_receive,
        .tick = session_tick,
        .deadline = session_deadline,
        .transmit = session_transmit,
        .send = session_send,
        .read = session_read,
        .state = session_state,
        .refusal = session_refusal,
        .peer = session_peer,
        .close = session_close,
        .free = session_free,
    };
}
