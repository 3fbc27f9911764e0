#include "mesh/packet.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
    GREETING_BODY_LEN = SL_HANDSHAKE_PACKET_LEN - SL_TAG_LEN, /* what the tag covers */
    NONCE_LEN = 12,
};

static bool is_greeting(uint8_t type)
{
    return type >= SL_PACKET_BEACON && type <= SL_PACKET_CONFIRM;
}

static void greeting_tag(const struct sl_primitives *primitives,
                         const uint8_t beacon_key[SL_KEY_LEN], const uint8_t *bytes,
                         uint8_t ret_tag[SL_TAG_LEN])
{
    primitives->hash(primitives->ctx, "starling greeting", beacon_key, bytes, GREETING_BODY_LEN,
                     ret_tag, SL_TAG_LEN);
}

void sl_greeting_encode(const struct sl_greeting *greeting, const struct sl_primitives *primitives,
                        const uint8_t beacon_key[SL_KEY_LEN],
                        uint8_t ret_bytes[SL_HANDSHAKE_PACKET_LEN])
{
    static const uint8_t none[SL_COOKIE_LEN];
    enum sl_packet_type type = greeting->type;
    assert(is_greeting((uint8_t)type));

    struct sl_writer w;
    sl_writer_init(&w, ret_bytes, SL_HANDSHAKE_PACKET_LEN);
    sl_write_u8(&w, (uint8_t)type);
    sl_write_bytes(&w, greeting->from, SL_LINK_ID_LEN);
    if (type == SL_PACKET_BEACON) {
        sl_write_u8(&w, greeting->number);
        sl_write_u8(&w, greeting->links);
        sl_write_u8(&w, greeting->heard);
        sl_write_u8(&w, greeting->seeking);
        sl_write_bytes(&w, greeting->salt, sizeof(greeting->salt));
    } else {
        sl_write_bytes(&w, greeting->to, SL_LINK_ID_LEN);
        sl_write_bytes(&w, type == SL_PACKET_CONFIRM ? none : greeting->cookie, SL_COOKIE_LEN);
        sl_write_bytes(&w, type == SL_PACKET_PROBE ? none : greeting->echo, SL_COOKIE_LEN);
    }
    uint8_t *tag = sl_write_reserve(&w, SL_TAG_LEN);
    assert(tag && sl_write_done(&w) == SL_HANDSHAKE_PACKET_LEN);
    greeting_tag(primitives, beacon_key, ret_bytes, tag);
}

static void read_zeros(struct sl_reader *r, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (sl_read_u8(r) != 0)
            sl_read_fail(r);
    }
}

static void read_greeting_body(struct sl_reader *r, struct sl_greeting *ret)
{
    if (ret->type == SL_PACKET_BEACON) {
        ret->number = sl_read_u8(r);
        ret->links = sl_read_u8(r);
        ret->heard = sl_read_u8(r);
        ret->seeking = sl_read_u8(r);
        sl_read_copy(r, ret->salt, sizeof(ret->salt));
        return;
    }
    sl_read_copy(r, ret->to, SL_LINK_ID_LEN);
    if (ret->type == SL_PACKET_CONFIRM)
        read_zeros(r, SL_COOKIE_LEN);
    else
        sl_read_copy(r, ret->cookie, SL_COOKIE_LEN);
    if (ret->type == SL_PACKET_PROBE)
        read_zeros(r, SL_COOKIE_LEN);
    else
        sl_read_copy(r, ret->echo, SL_COOKIE_LEN);
}

int sl_greeting_decode(const uint8_t *bytes, size_t len, const struct sl_primitives *primitives,
                       const uint8_t beacon_key[SL_KEY_LEN], struct sl_greeting *ret_greeting)
{
    if (len != SL_HANDSHAKE_PACKET_LEN || !is_greeting(bytes[0]))
        return -EBADMSG;
    uint8_t tag[SL_TAG_LEN];
    greeting_tag(primitives, beacon_key, bytes, tag);
    if (!primitives->equal(primitives->ctx, tag, bytes + GREETING_BODY_LEN, SL_TAG_LEN))
        return -EACCES;

    struct sl_greeting greeting = {0};
    struct sl_reader r;
    sl_reader_init(&r, bytes, GREETING_BODY_LEN);
    greeting.type = (enum sl_packet_type)sl_read_u8(&r);
    sl_read_copy(&r, greeting.from, SL_LINK_ID_LEN);
    read_greeting_body(&r, &greeting);
    int error = sl_read_done(&r);
    if (error == 0)
        *ret_greeting = greeting;
    return error;
}

/* What seals LINK between two link ids, in one direction. */
struct link_seal {
    uint8_t key[SL_KEY_LEN];
    uint8_t ids[2 * SL_LINK_ID_LEN];
};

static void link_seal_init(struct link_seal *seal, const struct sl_primitives *primitives,
                           const uint8_t beacon_key[SL_KEY_LEN], const uint8_t from[SL_LINK_ID_LEN],
                           const uint8_t to[SL_LINK_ID_LEN])
{
    primitives->hash(primitives->ctx, "starling link key", beacon_key, NULL, 0, seal->key,
                     SL_KEY_LEN);
    memcpy(seal->ids, from, SL_LINK_ID_LEN);
    memcpy(seal->ids + SL_LINK_ID_LEN, to, SL_LINK_ID_LEN);
}

/* Only the same datagram between the same two has the same nonce. */
static void link_nonce(const struct link_seal *seal, const struct sl_primitives *primitives,
                       const uint8_t *bytes, size_t len, uint8_t ret_nonce[SL_LINK_NONCE_LEN])
{
    uint8_t covered[sizeof(seal->ids) + SL_DATAGRAM_MAX];
    struct sl_writer w;
    sl_writer_init(&w, covered, sizeof(covered));
    sl_write_bytes(&w, seal->ids, sizeof(seal->ids));
    sl_write_bytes(&w, bytes, len);
    int covered_len = sl_write_done(&w);
    assert(covered_len > 0);
    primitives->hash(primitives->ctx, "starling link nonce", seal->key, covered,
                     (size_t)covered_len, ret_nonce, SL_LINK_NONCE_LEN);
}

int sl_link_packet_encode(const struct sl_primitives *primitives,
                          const uint8_t beacon_key[SL_KEY_LEN], const uint8_t from[SL_LINK_ID_LEN],
                          const uint8_t to[SL_LINK_ID_LEN], const uint8_t *bytes, size_t len,
                          uint8_t *ret_bytes, size_t cap)
{
    if (len > SL_DATAGRAM_MAX - SL_LINK_OVERHEAD)
        return -EMSGSIZE;
    struct sl_writer w;
    sl_writer_init(&w, ret_bytes, cap);
    sl_write_u8(&w, SL_PACKET_LINK);
    uint8_t *nonce = sl_write_reserve(&w, SL_LINK_NONCE_LEN);
    uint8_t *sealed = sl_write_reserve(&w, len + SL_TAG_LEN);
    int packet_len = sl_write_done(&w);
    if (packet_len < 0)
        return packet_len;
    struct link_seal seal;
    link_seal_init(&seal, primitives, beacon_key, from, to);
    link_nonce(&seal, primitives, bytes, len, nonce);
    primitives->seal(primitives->ctx, seal.key, nonce, SL_LINK_NONCE_LEN, seal.ids,
                     sizeof(seal.ids), bytes, len, sealed);
    primitives->wipe(primitives->ctx, &seal, sizeof(seal));
    return packet_len;
}

int sl_link_packet_decode(const uint8_t *bytes, size_t len, const struct sl_primitives *primitives,
                          const uint8_t beacon_key[SL_KEY_LEN], const uint8_t from[SL_LINK_ID_LEN],
                          const uint8_t to[SL_LINK_ID_LEN], struct sl_link_inner *ret_inner)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    uint8_t type = sl_read_u8(&r);
    const uint8_t *nonce = sl_read_slice(&r, SL_LINK_NONCE_LEN);
    size_t sealed_len = sl_read_left(&r);
    const uint8_t *sealed = sl_read_slice(&r, sealed_len);
    if (sl_read_done(&r) < 0 || type != SL_PACKET_LINK || sealed_len < SL_TAG_LEN ||
        len > SL_DATAGRAM_MAX)
        return -EBADMSG;

    struct link_seal seal;
    link_seal_init(&seal, primitives, beacon_key, from, to);
    bool opened = primitives->open(primitives->ctx, seal.key, nonce, SL_LINK_NONCE_LEN, seal.ids,
                                   sizeof(seal.ids), sealed, sealed_len, ret_inner->bytes);
    primitives->wipe(primitives->ctx, &seal, sizeof(seal));
    ret_inner->len = opened ? sealed_len - SL_TAG_LEN : 0;
    return opened ? 0 : -EACCES;
}

int sl_frame_peek(const uint8_t *bytes, size_t len, struct sl_frame_header *ret_header)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    uint8_t type = sl_read_u8(&r);
    uint8_t epoch = sl_read_u8(&r);
    uint32_t counter = sl_read_u32(&r);
    if (type != SL_PACKET_FRAME || len < SL_FRAME_OVERHEAD || len > SL_DATAGRAM_MAX)
        return -EBADMSG;
    *ret_header = (struct sl_frame_header){.epoch = epoch, .counter = counter};
    return 0;
}

/* Seven zero bytes, then epoch and counter as they stand in the frame. */
static void frame_nonce(const uint8_t header[SL_FRAME_HEADER], uint8_t ret_nonce[NONCE_LEN])
{
    enum { ZEROS = NONCE_LEN - (SL_FRAME_HEADER - 1) };
    memset(ret_nonce, 0, ZEROS);
    memcpy(ret_nonce + ZEROS, header + 1, SL_FRAME_HEADER - 1);
}

int sl_frame_seal(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                  const struct sl_frame_header *header, const uint8_t *body, size_t body_len,
                  uint8_t *ret_bytes, size_t cap)
{
    if (body_len > SL_FRAME_BODY_MAX)
        return -ENOBUFS;
    struct sl_writer w;
    sl_writer_init(&w, ret_bytes, cap);
    sl_write_u8(&w, SL_PACKET_FRAME);
    sl_write_u8(&w, header->epoch);
    sl_write_u32(&w, header->counter);
    uint8_t *sealed = sl_write_reserve(&w, body_len + SL_TAG_LEN);
    int frame_len = sl_write_done(&w);
    if (frame_len < 0)
        return frame_len;
    uint8_t nonce[NONCE_LEN];
    frame_nonce(ret_bytes, nonce);
    primitives->seal(primitives->ctx, key, nonce, NONCE_LEN, ret_bytes, SL_FRAME_HEADER, body,
                     body_len, sealed);
    return frame_len;
}

int sl_frame_open(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                  const uint8_t *bytes, size_t len, uint8_t *ret_body, size_t cap)
{
    struct sl_frame_header header;
    if (sl_frame_peek(bytes, len, &header) < 0)
        return -EACCES;
    size_t body_len = len - SL_FRAME_OVERHEAD;
    if (body_len > cap)
        return -ENOBUFS;
    uint8_t nonce[NONCE_LEN];
    frame_nonce(bytes, nonce);
    bool opened = primitives->open(primitives->ctx, key, nonce, NONCE_LEN, bytes, SL_FRAME_HEADER,
                                   bytes + SL_FRAME_HEADER, len - SL_FRAME_HEADER, ret_body);
    return opened ? (int)body_len : -EACCES;
}

static const char frame_label[] = "starling frame"; /* with its zero byte */

struct signed_frame {
    uint8_t bytes[sizeof(frame_label) + SL_FRAME_HEADER - 1 + SL_FRAME_BODY_MAX];
    size_t len;
};

static void signed_frame_init(struct signed_frame *s, const struct sl_frame_header *header,
                              const uint8_t *body, size_t body_len)
{
    struct sl_writer w;
    sl_writer_init(&w, s->bytes, sizeof(s->bytes));
    sl_write_bytes(&w, (const uint8_t *)frame_label, sizeof(frame_label));
    sl_write_u8(&w, header->epoch);
    sl_write_u32(&w, header->counter);
    sl_write_bytes(&w, body, body_len);
    assert(!w.failed);
    s->len = w.len;
}

void sl_frame_sign(const struct sl_primitives *primitives, const uint8_t seed[SL_KEY_LEN],
                   const struct sl_frame_header *header, const uint8_t *body, size_t body_len,
                   uint8_t ret_signature[SL_SIGNATURE_LEN])
{
    struct signed_frame s;
    signed_frame_init(&s, header, body, body_len);
    primitives->sign(primitives->ctx, seed, s.bytes, s.len, ret_signature);
}

bool sl_frame_verify(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                     const struct sl_frame_header *header, const uint8_t *body, size_t body_len,
                     const uint8_t signature[SL_SIGNATURE_LEN])
{
    struct signed_frame s;
    signed_frame_init(&s, header, body, body_len);
    return primitives->verify(primitives->ctx, key, s.bytes, s.len, signature);
}

bool sl_element_next(struct sl_reader *r, struct sl_element *ret_element)
{
    if (sl_read_left(r) == 0)
        return false;
    uint8_t type = sl_read_u8(r);
    size_t len = sl_read_u16(r);
    const uint8_t *value = sl_read_slice(r, len);
    if (sl_read_failed(r))
        return false;
    *ret_element = (struct sl_element){.type = type, .value = value, .len = len};
    return true;
}

uint8_t *sl_element_reserve(struct sl_writer *w, enum sl_element_type type, size_t len)
{
    assert(len <= UINT16_MAX);
    struct sl_writer begun = *w;
    sl_write_u8(&begun, (uint8_t)type);
    sl_write_u16(&begun, (uint16_t)len);
    uint8_t *value = sl_write_reserve(&begun, len);
    /* A header without its value must not stay behind. */
    if (value)
        *w = begun;
    else
        w->failed = true;
    return value;
}

int sl_hello_write(struct sl_writer *w, const struct sl_hello *hello)
{
    uint8_t *value = sl_element_reserve(w, SL_ELEMENT_HELLO, SL_HELLO_LEN);
    if (!value)
        return -ENOBUFS;
    struct sl_writer v;
    sl_writer_init(&v, value, SL_HELLO_LEN);
    sl_write_u32(&v, hello->stored_count);
    sl_write_bytes(&v, hello->digest, sizeof(hello->digest));
    sl_write_u8(&v, hello->clock_source);
    sl_write_u64(&v, (uint64_t)hello->unix_us);
    assert(sl_write_done(&v) == SL_HELLO_LEN);
    return 0;
}

int sl_hello_read(const struct sl_element *element, struct sl_hello *ret_hello)
{
    struct sl_hello hello;
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    hello.stored_count = sl_read_u32(&r);
    sl_read_copy(&r, hello.digest, sizeof(hello.digest));
    hello.clock_source = sl_read_u8(&r);
    uint64_t unix_us = sl_read_u64(&r);
    if (element->type != SL_ELEMENT_HELLO || sl_read_done(&r) < 0 || unix_us > INT64_MAX)
        return -EBADMSG;
    hello.unix_us = (int64_t)unix_us;
    *ret_hello = hello;
    return 0;
}

void sl_sketch_part_write(struct sl_writer *w, const struct sl_sketch_part *part)
{
    sl_write_u8(w, part->bits);
    sl_write_u16(w, part->partition);
    sl_write_u16(w, part->first);
}

void sl_sketch_part_read(struct sl_reader *r, struct sl_sketch_part *ret_part)
{
    struct sl_sketch_part part;
    part.bits = sl_read_u8(r);
    part.partition = sl_read_u16(r);
    part.first = sl_read_u16(r);
    if (part.bits > SL_SKETCH_BITS_MAX || part.partition >> part.bits != 0 ||
        part.first >= SL_SKETCH_SYMBOLS)
        sl_read_fail(r);
    *ret_part = sl_read_failed(r) ? (struct sl_sketch_part){0} : part;
}

void sl_key_message_encode(const struct sl_key_message *message, uint8_t ret[SL_KEY_MESSAGE_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret, SL_KEY_MESSAGE_LEN);
    sl_write_u8(&w, SL_CONTROL_KEY);
    sl_write_u8(&w, message->epoch);
    sl_write_u32(&w, message->first_counter);
    sl_write_bytes(&w, message->key, SL_KEY_LEN);
    assert(sl_write_done(&w) == SL_KEY_MESSAGE_LEN);
}

int sl_key_message_decode(const uint8_t *bytes, size_t len, struct sl_key_message *ret_message)
{
    struct sl_key_message message;
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    uint8_t type = sl_read_u8(&r);
    message.epoch = sl_read_u8(&r);
    message.first_counter = sl_read_u32(&r);
    sl_read_copy(&r, message.key, SL_KEY_LEN);
    if (sl_read_done(&r) < 0 || type != SL_CONTROL_KEY)
        return -EBADMSG;
    *ret_message = message;
    return 0;
}
