/* Members who mean harm: real nodes, with what they say changed on its way to the air. */
#include "sim/crowd_internal.h"

#include "base/wire.h"
#include "mesh/packet.h"

#include <string.h>

enum {
    SPAM_US = 2000, /* 500 a second */
    SPAM_LEN = 400,
    SYBILS = 10000,
    SYBIL_INVITE = 77,
    NONCE_LEN = 12, /* of frames: seven zeros, epoch, counter */
    EPOCH_AT = 7,
    COUNTER_AT = 8,
    DAY_SECONDS = 86400,
    NO_ELEMENT = 255,
};

#define LIE_AGAIN   (20 * SL_SECOND)
#define FORGE_PAUSE (20 * SL_MILLISECOND)

/* ---- Floods ---- */

/* As long as a certificate of one of the many, so that one takes the other's place. */
static size_t spam_len(const struct sl_crowd *crowd)
{
    return crowd->config.attack == SL_CROWD_SYBILS ? sl_crowd_sybil_chain(crowd, 0, NULL)
                                                   : SPAM_LEN;
}

static void write_spam(struct sl_crowd_station *station, sl_time now)
{
    uint8_t payload[SPAM_LEN] = {0}, id[SL_ID_LEN];
    struct sl_writer w;
    sl_writer_init(&w, payload, sizeof(payload));
    sl_write_u32(&w, SL_CROWD_SPAM);
    sl_write_u32(&w, station->spam_count++);
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL,
        .created = sl_node_next_created(station->node, now),
        .lifetime = (uint32_t)(SL_LIFETIME_DEFAULT / SL_SECOND),
        .payload = payload,
        .payload_len = spam_len(station->crowd),
    };
    int64_t *before = sl_memory_charge(&station->memory);
    sl_node_publish(station->node, &draft, now, id); /* what it cannot keep it does not say */
    sl_memory_charge(before);
    sl_crowd_finish_turn(station);
}

static void spam(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    write_spam(station, now);
    sl_crowd_schedule(station->crowd, event, now + SPAM_US);
}

/* ---- Liars ---- */

/* They write, too, so that their dates are heard far away. */
static void lie(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    sl_crowd_schedule(station->crowd, event, now + (station->node ? LIE_AGAIN : SL_SECOND));
    if (!station->node)
        return;
    sl_node_set_time(station->node, SL_CLOCK_NTP, SL_CROWD_EPOCH_US + now + SL_HOUR, now);
    write_spam(station, now);
}

/* ---- One of ten thousand names that an invite gives ---- */

static void sybil_seed(uint32_t number, uint8_t ret_seed[SL_KEY_LEN])
{
    memset(ret_seed, 0x5b, SL_KEY_LEN);
    memcpy(ret_seed, &number, sizeof(number));
}

size_t sl_crowd_sybil_chain(const struct sl_crowd *crowd, uint32_t number, uint8_t *ret_chain)
{
    uint8_t seed[SL_KEY_LEN], chain[SPAM_LEN];
    struct sl_fake_member_config config = {.serial = 1000000 + number, .invite = SYBIL_INVITE};
    sybil_seed(number, seed);
    crowd->primitives.sign_key(crowd->primitives.ctx, seed, config.key);
    snprintf(config.name, sizeof(config.name), "sybil-%06u", number % 1000000);
    size_t len = sl_fake_chain(&config, chain, sizeof(chain));
    if (ret_chain)
        memcpy(ret_chain, chain, len);
    return len;
}

/* First a certificate, then a word under it. */
static void disguise(const struct sl_crowd *crowd, uint32_t count, struct sl_envelope *envelope,
                     uint8_t ret_seed[SL_KEY_LEN])
{
    static uint8_t chain[SPAM_LEN];
    uint8_t key[SL_KEY_LEN];
    uint32_t number = count / 2 % SYBILS;
    if (count % 2 == 0) {
        envelope->kind = SL_ENVELOPE_IDENTITY;
        envelope->payload_len = sl_crowd_sybil_chain(crowd, number, chain);
        envelope->payload = chain;
    }
    sybil_seed(number, ret_seed);
    crowd->primitives.sign_key(crowd->primitives.ctx, ret_seed, key);
    sl_origin_of_key(&crowd->primitives, key, envelope->origin);
}

/* Spam becomes what the attack is about; `value` is changed in its place. */
static void rewrite(const struct sl_crowd_station *station, uint8_t *value, size_t len)
{
    const struct sl_crowd *crowd = station->crowd;
    uint8_t seed[SL_KEY_LEN], payload[SL_PAYLOAD_MAX];
    struct sl_envelope envelope;
    struct sl_reader r;
    if (sl_envelope_decode(value + SL_ENVELOPE_MUTABLE, len - SL_ENVELOPE_MUTABLE, &envelope) < 0 ||
        envelope.kind != SL_ENVELOPE_CHANNEL)
        return;
    sl_reader_init(&r, envelope.payload, envelope.payload_len);
    uint32_t mark = sl_read_u32(&r), count = sl_read_u32(&r);
    if (mark != SL_CROWD_SPAM)
        return;
    memcpy(payload, envelope.payload, envelope.payload_len);
    envelope.payload = payload;
    memcpy(seed, station->seed, sizeof(seed));
    if (crowd->config.attack == SL_CROWD_SYBILS)
        disguise(crowd, count, &envelope, seed);
    else /* any second of the last day: the same one each time that it is sent */
        envelope.created -= count * UINT64_C(2654435761) % DAY_SECONDS * (uint64_t)SL_SECOND;
    sl_envelope_encode(&envelope, &crowd->primitives, seed, value + SL_ENVELOPE_MUTABLE,
                       len - SL_ENVELOPE_MUTABLE);
}

/* ---- Changing what a node says ---- */

/* As if it had nothing of what its neighbours have. */
static void ask_for_all(struct sl_crowd *crowd, uint8_t type, uint8_t *value, size_t len)
{
    if (type == SL_ELEMENT_HELLO)
        sl_prng_bytes(&crowd->prng, value + 4, 16); /* the digest: other than anybody's */
    if (type == SL_ELEMENT_SKETCH && len > SL_SKETCH_PART_LEN)
        memset(value + SL_SKETCH_PART_LEN, 0, len - SL_SKETCH_PART_LEN);
}

/* Whether an envelope, as it stands in an element, is another's. */
static bool is_of_another(const struct sl_crowd_station *station, const uint8_t *value, size_t len,
                          struct sl_envelope *ret_envelope)
{
    return len > SL_ENVELOPE_MUTABLE &&
           sl_envelope_decode(value + SL_ENVELOPE_MUTABLE, len - SL_ENVELOPE_MUTABLE,
                              ret_envelope) == 0 &&
           memcmp(ret_envelope->origin, station->origin, SL_ORIGIN_LEN) != 0;
}

/* The words of others, with another letter in them; its own it leaves whole. */
static void tamper(const struct sl_crowd_station *station, uint8_t *value, size_t len)
{
    struct sl_envelope envelope;
    if (is_of_another(station, value, len, &envelope) && envelope.payload_len > 0)
        value[len - SL_SIGNATURE_LEN - 1] ^= 1;
}

/* What others wrote goes out as noise that everybody skips; all that says "it is here" stays. */
static void swallow(struct sl_crowd_station *station, uint8_t *type, const uint8_t *value,
                    size_t len)
{
    struct sl_envelope envelope;
    size_t before = 0;
    if (*type == SL_ELEMENT_ROUTED && len > 2) /* one that goes back counts none, and names one */
        before = 2 + (value[1] > 0 ? value[1] : 1) * (size_t)SL_TARGET_LEN;
    else if (*type != SL_ELEMENT_ENVELOPE)
        return;
    if (len <= before || !is_of_another(station, value + before, len - before, &envelope))
        return;
    *type = NO_ELEMENT;
    station->crowd->result.swallowed++;
}

static void poison(struct sl_crowd *crowd, uint8_t type, uint8_t *value, size_t len)
{
    if (type == SL_ELEMENT_HELLO)
        sl_prng_bytes(&crowd->prng, value + 1, 3 + 16); /* far more than we hold, and other */
    if (type == SL_ELEMENT_SKETCH && len > SL_SKETCH_PART_LEN)
        sl_prng_bytes(&crowd->prng, value + SL_SKETCH_PART_LEN, len - SL_SKETCH_PART_LEN);
    if (type == SL_ELEMENT_ENVELOPE) {
        value[0] = (uint8_t)sl_prng_below(&crowd->prng, SL_HOPS_MAX);
        sl_prng_bytes(&crowd->prng, value + 2, 3); /* up to five hours old */
    }
}

/* Walks the elements of a frame; where its signature stands, or 0. */
static size_t change(struct sl_crowd_station *station, uint8_t *body, size_t len)
{
    struct sl_crowd *crowd = station->crowd;
    enum sl_crowd_attack attack = crowd->config.attack;
    size_t at = 0;
    while (len - at >= 3) {
        uint8_t type = body[at];
        size_t value_len = (size_t)body[at + 1] << 8 | body[at + 2];
        if (value_len > len - at - 3)
            break;
        if (type == SL_ELEMENT_SIGNATURE)
            return at + 3;
        if (attack == SL_CROWD_POISON)
            poison(crowd, type, body + at + 3, value_len);
        if (attack == SL_CROWD_LEECH)
            ask_for_all(crowd, type, body + at + 3, value_len);
        if (attack == SL_CROWD_TAMPERER && type == SL_ELEMENT_ENVELOPE)
            tamper(station, body + at + 3, value_len);
        if (attack == SL_CROWD_SWALLOWERS)
            swallow(station, body + at, body + at + 3, value_len);
        if ((attack == SL_CROWD_SYBILS || attack == SL_CROWD_DATES) && type == SL_ELEMENT_ENVELOPE)
            rewrite(station, body + at + 3, value_len);
        at += 3 + value_len;
    }
    return 0;
}

static struct sl_frame_header header_of(const uint8_t *nonce)
{
    struct sl_reader r;
    sl_reader_init(&r, nonce + COUNTER_AT, 4);
    return (struct sl_frame_header){.epoch = nonce[EPOCH_AT], .counter = sl_read_u32(&r)};
}

static void seal(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *ad, size_t ad_len, const uint8_t *bytes, size_t len,
                 uint8_t *ret_sealed)
{
    struct sl_crowd_station *station = ctx;
    struct sl_crowd *crowd = station->crowd;
    const struct sl_primitives *p = &crowd->primitives;
    uint8_t body[SL_DATAGRAM_MAX];
    if (nonce_len == NONCE_LEN && len <= sizeof(body)) {
        memcpy(body, bytes, len);
        size_t signature_at = change(station, body, len);
        struct sl_frame_header header = header_of(nonce);
        if (signature_at > 0)
            sl_frame_sign(p, station->seed, &header, body, signature_at - 3, body + signature_at);
        bytes = body;
    }
    p->seal(p->ctx, key, nonce, nonce_len, ad, ad_len, bytes, len, ret_sealed);
}

/* The keys that neighbours speak under to all. */
static bool open_and_keep_key(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce,
                              size_t nonce_len, const uint8_t *ad, size_t ad_len,
                              const uint8_t *sealed, size_t len, uint8_t *ret_bytes)
{
    struct sl_crowd_station *station = ctx;
    const struct sl_primitives *p = &station->crowd->primitives;
    bool opens = p->open(p->ctx, key, nonce, nonce_len, ad, ad_len, sealed, len, ret_bytes);
    if (opens && nonce_len == NONCE_LEN && nonce[EPOCH_AT] < 128) {
        struct sl_crowd_key *known = &station->keys[station->hearing];
        known->known = true;
        known->header = header_of(nonce);
        memcpy(known->key, key, SL_KEY_LEN);
    }
    return opens;
}

static void random_bytes(void *ctx, uint8_t *ret_bytes, size_t len)
{
    struct sl_crowd_station *station = ctx;
    const struct sl_primitives *p = &station->crowd->primitives;
    p->random(p->ctx, ret_bytes, len);
}

/* None of the other primitives of a crowd has a context. */
void sl_crowd_corrupt(struct sl_crowd_station *station, struct sl_node_config *config)
{
    if (station->role == SL_ROLE_FLOODER)
        config->quota = (struct sl_quota_config){.airtime_percent = 100};
    if (station->role != SL_ROLE_TRAITOR && station->role != SL_ROLE_FLOODER)
        return;
    if (!station->keys)
        station->keys =
            sl_crowd_allocate((size_t)station->crowd->config.node_count, sizeof(*station->keys));
    config->primitives.ctx = station;
    config->primitives.random = random_bytes;
    config->primitives.seal = seal;
    config->primitives.open = open_and_keep_key;
}

/* ---- Forging what neighbours say to all ---- */

/* Half of it has a counter that spoils the window. */
static void forge_as(struct sl_crowd_station *station, int victim, sl_time now)
{
    struct sl_crowd *crowd = station->crowd;
    struct sl_crowd_key *known = &station->keys[victim];
    uint8_t body[3 + SL_HELLO_LEN], bytes[SL_DATAGRAM_MAX];
    struct sl_writer w;
    struct sl_hello hello = {
        .stored_count = 1, .clock_source = SL_CLOCK_NTP, .unix_us = SL_CROWD_EPOCH_US};
    struct sl_frame_header header = known->header;
    header.counter += 1 + (uint32_t)sl_prng_below(&crowd->prng, 2) * 100000;
    sl_writer_init(&w, body, sizeof(body));
    sl_hello_write(&w, &hello);
    int len = sl_frame_seal(&crowd->primitives, known->key, &header, body, sizeof(body), bytes,
                            sizeof(bytes));
    struct sl_air_frame frame = {.from = station->number,
                                 .to = SL_AIR_EVERYONE,
                                 .guise = victim + 1,
                                 .len = (size_t)len,
                                 .bytes = bytes,
                                 .class = bytes[0],
                                 .control_len = (size_t)len};
    sl_air_send(crowd->air, &frame, now);
}

static void forge(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    size_t count = (size_t)station->crowd->config.node_count;
    for (int tries = 0; tries < 16; tries++) {
        int victim = (int)sl_prng_below(&station->crowd->prng, count);
        if (!station->keys[victim].known)
            continue;
        forge_as(station, victim, now);
        break;
    }
    sl_crowd_schedule(station->crowd, event, now + FORGE_PAUSE);
}

static void do_nothing(struct sl_crowd_event *event, sl_time now)
{
    (void)event, (void)now;
}

sl_crowd_fire sl_crowd_member_mischief(const struct sl_crowd_station *station)
{
    if (station->role == SL_ROLE_FLOODER)
        return spam;
    if (station->role == SL_ROLE_LIAR)
        return lie;
    return station->crowd->config.attack == SL_CROWD_FORGER ? forge : do_nothing;
}
