#include "mesh/envelope.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
    SIGNED_MAX = SL_ENVELOPE_HEADER + SL_PAYLOAD_MAX,
    STORED_MAX = SIGNED_MAX + SL_SIGNATURE_LEN,
    LIFETIME_MAX_SECONDS = SL_LIFETIME_MAX / SL_SECOND,
};

/* Separates what is signed here from all else that the same key may sign; the array's NUL is the
 * zero byte. */
static const char sign_label[] = "starling envelope";

/* What the signature covers. */
struct signable {
    uint8_t bytes[sizeof(sign_label) + SIGNED_MAX];
    size_t len;
};

static void signable_init(struct signable *s, const uint8_t *signed_part, size_t signed_len)
{
    assert(signed_len <= SIGNED_MAX);
    memcpy(s->bytes, sign_label, sizeof(sign_label));
    memcpy(s->bytes + sizeof(sign_label), signed_part, signed_len);
    s->len = sizeof(sign_label) + signed_len;
}

static bool is_lifetime(uint32_t seconds)
{
    return seconds >= 1 && seconds <= LIFETIME_MAX_SECONDS;
}

int sl_envelope_decode(const uint8_t *bytes, size_t len, struct sl_envelope *ret_envelope)
{
    if (len < SL_ENVELOPE_HEADER + SL_SIGNATURE_LEN || len > STORED_MAX)
        return -EBADMSG;
    struct sl_envelope envelope = {
        .payload_len = len - SL_ENVELOPE_HEADER - SL_SIGNATURE_LEN,
        .signed_part = bytes,
        .signed_len = len - SL_SIGNATURE_LEN,
    };
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    uint8_t version = sl_read_u8(&r);
    envelope.kind = sl_read_u8(&r);
    envelope.flags = sl_read_u8(&r);
    sl_read_copy(&r, envelope.origin, SL_ORIGIN_LEN);
    envelope.created = sl_read_u64(&r);
    envelope.lifetime = sl_read_u32(&r);
    envelope.payload = sl_read_slice(&r, envelope.payload_len);
    envelope.signature = sl_read_slice(&r, SL_SIGNATURE_LEN);
    if (sl_read_done(&r) < 0 || version != SL_ENVELOPE_VERSION || !is_lifetime(envelope.lifetime) ||
        envelope.created > INT64_MAX)
        return -EBADMSG;
    *ret_envelope = envelope;
    return 0;
}

int sl_envelope_encode(const struct sl_envelope *envelope, const struct sl_primitives *primitives,
                       const uint8_t seed[SL_KEY_LEN], uint8_t *ret_bytes, size_t cap)
{
    if (envelope->payload_len > SL_PAYLOAD_MAX)
        return -EMSGSIZE;
    if (!is_lifetime(envelope->lifetime) || envelope->created > INT64_MAX)
        return -EINVAL;
    struct sl_writer w;
    sl_writer_init(&w, ret_bytes, cap);
    sl_write_u8(&w, SL_ENVELOPE_VERSION);
    sl_write_u8(&w, envelope->kind);
    sl_write_u8(&w, envelope->flags);
    sl_write_bytes(&w, envelope->origin, SL_ORIGIN_LEN);
    sl_write_u64(&w, envelope->created);
    sl_write_u32(&w, envelope->lifetime);
    sl_write_bytes(&w, envelope->payload, envelope->payload_len);
    size_t signed_len = w.len;
    uint8_t *signature = sl_write_reserve(&w, SL_SIGNATURE_LEN);
    if (!signature)
        return -EMSGSIZE;

    struct signable s;
    signable_init(&s, ret_bytes, signed_len);
    primitives->sign(primitives->ctx, seed, s.bytes, s.len, signature);
    return sl_write_done(&w);
}

void sl_envelope_id(const struct sl_envelope *envelope, const struct sl_primitives *primitives,
                    uint8_t ret_id[SL_ID_LEN])
{
    primitives->hash(primitives->ctx, "starling envelope id", NULL, envelope->signed_part,
                     envelope->signed_len, ret_id, SL_ID_LEN);
}

bool sl_envelope_verify(const struct sl_envelope *envelope, const struct sl_primitives *primitives,
                        const uint8_t key[SL_KEY_LEN])
{
    struct signable s;
    signable_init(&s, envelope->signed_part, envelope->signed_len);
    return primitives->verify(primitives->ctx, key, s.bytes, s.len, envelope->signature);
}

void sl_origin_of_key(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                      uint8_t ret_origin[SL_ORIGIN_LEN])
{
    primitives->hash(primitives->ctx, "starling origin", NULL, key, SL_KEY_LEN, ret_origin,
                     SL_ORIGIN_LEN);
}
