#include "crypto/client_hello.h"

#include "base/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define RECORD_HANDSHAKE     22
#define CLIENT_HELLO         1
#define HELLO_VERIFY_REQUEST 3

/* Of HelloVerifyRequest, whatever is negotiated later (RFC 6347, 4.2.1). */
#define DTLS_1_0 0xfeff

#define SEQUENCE_LEN   6
#define SESSION_ID_MAX 32

/* A record (RFC 6347, 4.1). */
struct record {
    uint8_t type;
    uint16_t epoch;
    const uint8_t *sequence;
    const uint8_t *body;
    size_t body_len;
};

static struct record read_record(struct sl_reader *r)
{
    struct record record = {.type = sl_read_u8(r)};
    uint16_t version = sl_read_u16(r);
    if (version >> 8 != 0xfe)
        sl_read_fail(r);
    record.epoch = sl_read_u16(r);
    record.sequence = sl_read_slice(r, SEQUENCE_LEN);
    record.body_len = sl_read_u16(r);
    record.body = sl_read_slice(r, record.body_len);
    return record;
}

static bool holds_hello(const struct record *record)
{
    return record->type == RECORD_HANDSHAKE && record->epoch == 0 && record->body_len > 0 &&
           record->body[0] == CLIENT_HELLO;
}

static uint32_t read_u24(struct sl_reader *r)
{
    uint32_t high = sl_read_u8(r);
    return high << 16 | sl_read_u16(r);
}

/* A vector behind its length, which stands in one byte. */
static const uint8_t *read_short(struct sl_reader *r, size_t max, size_t *ret_len)
{
    *ret_len = sl_read_u8(r);
    if (*ret_len > max)
        sl_read_fail(r);
    return sl_read_slice(r, *ret_len);
}

static void read_hello_body(struct sl_reader *r, struct sl_client_hello *hello)
{
    size_t len = 0;
    sl_read_u16(r); /* version; judged by the handshake proper */
    hello->random = sl_read_slice(r, SL_CLIENT_RANDOM_LEN);
    read_short(r, SESSION_ID_MAX, &len);
    hello->cookie = read_short(r, UINT8_MAX, &hello->cookie_len);
    uint16_t suites_len = sl_read_u16(r);
    sl_read_slice(r, suites_len);
    read_short(r, UINT8_MAX, &len); /* compression methods */
    if (suites_len < 2 || len < 1)
        sl_read_fail(r);
    if (sl_read_left(r) > 0) {
        uint16_t extensions_len = sl_read_u16(r);
        sl_read_slice(r, extensions_len);
    }
}

int sl_client_hello_decode(const uint8_t *bytes, size_t len, struct sl_client_hello *ret_hello)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    struct record record = read_record(&r);
    if (sl_read_failed(&r) || !holds_hello(&record))
        return -EBADMSG;
    struct sl_client_hello hello = {.sequence = record.sequence};
    sl_reader_init(&r, record.body, record.body_len);
    sl_read_u8(&r);
    uint32_t message_len = read_u24(&r);
    hello.message_seq = sl_read_u16(&r);
    uint32_t fragment_at = read_u24(&r);
    uint32_t fragment_len = read_u24(&r);
    if (fragment_at != 0 || fragment_len != message_len || message_len != sl_read_left(&r))
        return -EBADMSG;
    read_hello_body(&r, &hello);
    if (sl_read_done(&r) != 0)
        return -EBADMSG;
    *ret_hello = hello;
    return 0;
}

bool sl_client_hello_inside(const uint8_t *bytes, size_t len)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    while (sl_read_left(&r) > 0) {
        struct record record = read_record(&r);
        if (!sl_read_failed(&r) && holds_hello(&record))
            return true;
    }
    return false;
}

void sl_verify_request_encode(const struct sl_client_hello *hello,
                              const uint8_t cookie[SL_DTLS_COOKIE_LEN],
                              uint8_t ret_bytes[SL_VERIFY_REQUEST_LEN])
{
    struct sl_writer w;
    const uint16_t body_len = 3 + SL_DTLS_COOKIE_LEN;
    sl_writer_init(&w, ret_bytes, SL_VERIFY_REQUEST_LEN);
    sl_write_u8(&w, RECORD_HANDSHAKE);
    sl_write_u16(&w, DTLS_1_0);
    sl_write_u16(&w, 0);
    sl_write_bytes(&w, hello->sequence, SEQUENCE_LEN);
    sl_write_u16(&w, 12 + body_len);
    sl_write_u8(&w, HELLO_VERIFY_REQUEST);
    sl_write_u8(&w, 0);
    sl_write_u16(&w, body_len);
    sl_write_u16(&w, hello->message_seq);
    sl_write_zeros(&w, 3); /* fragment offset */
    sl_write_u8(&w, 0);
    sl_write_u16(&w, body_len);
    sl_write_u16(&w, DTLS_1_0);
    sl_write_u8(&w, SL_DTLS_COOKIE_LEN);
    sl_write_bytes(&w, cookie, SL_DTLS_COOKIE_LEN);
    int written = sl_write_done(&w);
    assert(written == SL_VERIFY_REQUEST_LEN);
}

size_t sl_dtls_cookie_binding(const struct sl_address *from, const struct sl_client_hello *hello,
                              uint8_t ret_binding[SL_DTLS_BINDING_MAX])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_binding, SL_DTLS_BINDING_MAX);
    sl_write_u8(&w, from->len);
    sl_write_bytes(&w, from->bytes, from->len);
    sl_write_bytes(&w, hello->random, SL_CLIENT_RANDOM_LEN);
    int written = sl_write_done(&w);
    assert(written > 0);
    return (size_t)written;
}

static void make_cookie_of(const struct sl_dtls_cookies *cookies, uint32_t slot,
                           const uint8_t *binding, size_t binding_len,
                           uint8_t ret_cookie[SL_DTLS_COOKIE_LEN])
{
    uint8_t bytes[4 + SL_DTLS_BINDING_MAX];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_u32(&w, slot);
    sl_write_bytes(&w, binding, binding_len);
    int written = sl_write_done(&w);
    assert(written > 0);
    cookies->primitives->hash(cookies->primitives->ctx, "starling dtls cookie", cookies->secret,
                              bytes, (size_t)written, ret_cookie, SL_DTLS_COOKIE_LEN);
}

void sl_dtls_cookie_make(const struct sl_dtls_cookies *cookies, const uint8_t *binding,
                         size_t binding_len, uint8_t ret_cookie[SL_DTLS_COOKIE_LEN])
{
    make_cookie_of(cookies, cookies->slot, binding, binding_len, ret_cookie);
}

bool sl_dtls_cookie_valid(const struct sl_dtls_cookies *cookies, const uint8_t *binding,
                          size_t binding_len, const uint8_t *cookie, size_t cookie_len)
{
    if (cookie_len != SL_DTLS_COOKIE_LEN || binding_len > SL_DTLS_BINDING_MAX)
        return false;
    for (uint32_t age = 0; age <= 1; age++) {
        uint8_t expected[SL_DTLS_COOKIE_LEN];
        make_cookie_of(cookies, cookies->slot - age, binding, binding_len, expected);
        if (cookies->primitives->equal(cookies->primitives->ctx, expected, cookie,
                                       SL_DTLS_COOKIE_LEN))
            return true;
    }
    return false;
}
