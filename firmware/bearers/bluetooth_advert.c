#include "bearers/bluetooth_advert.h"

#include "base/wire.h"

#include <errno.h>
#include <string.h>

enum {
    TAG_LEN = 8, /* a forger gets one of 2^64 past it, and with that a channel without a session */
    BODY_LEN = SL_ADVERT_LEN - TAG_LEN,
};

static void write_id(struct sl_writer *w, uint64_t id)
{
    sl_write_u8(w, (uint8_t)(id >> 32));
    sl_write_u32(w, (uint32_t)id);
}

static uint64_t read_id(struct sl_reader *r)
{
    uint64_t high = sl_read_u8(r);
    return high << 32 | sl_read_u32(r);
}

static void make_tag(const struct sl_primitives *p, const uint8_t *beacon_key, const uint8_t *body,
                     uint8_t ret_tag[TAG_LEN])
{
    p->hash(p->ctx, "starling advert", beacon_key, body, BODY_LEN, ret_tag, TAG_LEN);
}

/* Its own inverse. */
static void mask(const struct sl_primitives *p, const uint8_t *beacon_key, const uint8_t *tag,
                 uint8_t *body)
{
    uint8_t stream[BODY_LEN];
    p->hash(p->ctx, "starling advert mask", beacon_key, tag, TAG_LEN, stream, BODY_LEN);
    for (size_t i = 0; i < BODY_LEN; i++)
        body[i] ^= stream[i];
}

void sl_advert_encode(const struct sl_advert *advert, const struct sl_primitives *primitives,
                      const uint8_t beacon_key[SL_KEY_LEN], uint8_t ret_bytes[SL_ADVERT_LEN])
{
    struct sl_writer w;
    uint8_t *body = ret_bytes + TAG_LEN;
    sl_writer_init(&w, body, BODY_LEN);
    write_id(&w, advert->id);
    write_id(&w, advert->root);
    sl_write_u16(&w, advert->round);
    sl_write_u8(&w, advert->hops);
    sl_write_u8(&w, advert->places);
    sl_write_u8(&w, advert->flags);
    sl_write_u8(&w, advert->psm);
    make_tag(primitives, beacon_key, body, ret_bytes);
    mask(primitives, beacon_key, ret_bytes, body);
}

static int parse(const uint8_t *body, struct sl_advert *ret_advert)
{
    struct sl_reader r;
    struct sl_advert advert;
    sl_reader_init(&r, body, BODY_LEN);
    advert.id = read_id(&r);
    advert.root = read_id(&r);
    advert.round = sl_read_u16(&r);
    advert.hops = sl_read_u8(&r);
    advert.places = sl_read_u8(&r);
    advert.flags = sl_read_u8(&r);
    advert.psm = sl_read_u8(&r);
    if (advert.id == 0 || advert.root == 0 || advert.root > advert.id || advert.psm < 0x80)
        sl_read_fail(&r);
    if (sl_read_done(&r) < 0)
        return -EBADMSG;
    *ret_advert = advert;
    return 0;
}

int sl_advert_decode(const uint8_t *bytes, size_t len, const struct sl_primitives *primitives,
                     const uint8_t beacon_key[SL_KEY_LEN], struct sl_advert *ret_advert)
{
    uint8_t body[BODY_LEN], tag[TAG_LEN];
    if (len != SL_ADVERT_LEN)
        return -EBADMSG;
    memcpy(body, bytes + TAG_LEN, BODY_LEN);
    mask(primitives, beacon_key, bytes, body);
    make_tag(primitives, beacon_key, body, tag);
    if (!primitives->equal(primitives->ctx, tag, bytes, TAG_LEN))
        return -EBADMSG;
    return parse(body, ret_advert);
}
