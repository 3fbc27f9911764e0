#include "sim/solo.h"

#include "base/prng.h"
#include "mesh/envelope.h"
#include "mesh/node_internal.h"
#include "sim/fake_primitives.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FAKE_EPOCH = 200, /* of a link's key */
    TICKS_MAX = 2000, /* at one moment */
    SERIAL_BASE = 1000,
};

/* ---- Making and freeing ---- */

static void fill(uint8_t *ret_bytes, size_t len, uint64_t seed)
{
    struct sl_prng prng;
    sl_prng_init(&prng, seed);
    sl_prng_bytes(&prng, ret_bytes, len);
}

static void make_certificate(const struct sl_solo *solo, const uint8_t *seed, uint32_t serial,
                             struct sl_fake_member_config *ret)
{
    *ret = (struct sl_fake_member_config){.primitives = &solo->primitives, .serial = serial};
    solo->primitives.sign_key(solo->primitives.ctx, seed, ret->key);
    snprintf(ret->name, sizeof(ret->name), "node-%u", serial);
}

void sl_solo_init(struct sl_solo *solo, uint64_t seed, bool broadcast,
                  const struct sl_node_config *config)
{
    struct sl_node_config c = {.store_bytes_max = SL_STORE_BYTES_DEFAULT};
    struct sl_bearer_info info = {.name = "solo", .broadcast = broadcast, .rate_bps = 54000000};
    *solo = (struct sl_solo){.seed = seed, .now = 1000 * SL_SECOND};
    sl_fake_primitives(&solo->primitives, seed);
    if (config)
        c = *config;
    else
        sl_quota_config_init(&c.quota);
    fill(solo->node_seed, SL_KEY_LEN, seed + 1);
    fill(solo->secret, SL_KEY_LEN, seed + 2);
    solo->primitives.hash(solo->primitives.ctx, "starling beacon key", solo->secret, NULL, 0,
                          solo->beacon_key, SL_KEY_LEN);
    struct sl_fake_member_config certificate;
    make_certificate(solo, solo->node_seed, 1, &certificate);
    solo->member = sl_fake_member_new(&certificate);
    solo->store = sl_memory_store_new();
    assert(solo->member && solo->store);
    c.primitives = solo->primitives;
    c.prng_seed = seed;
    memcpy(c.seed, solo->node_seed, SL_KEY_LEN);
    memcpy(c.network_secret, solo->secret, SL_KEY_LEN);
    sl_fake_membership(solo->member, &c.membership);
    sl_fake_sessions(solo->member, &c.sessions);
    sl_memory_store_port(solo->store, &c.store);
    solo->node = sl_node_new(&c, solo->now);
    assert(solo->node);
    solo->bearer = sl_node_add_bearer(solo->node, &info, solo->now);
    assert(solo->bearer >= 0);
}

static void free_peer(struct sl_fake_peer *peer)
{
    if (!peer)
        return;
    struct sl_sessions sessions;
    sl_fake_sessions(peer->member, &sessions);
    sessions.free(peer->session);
    sl_fake_member_free(peer->member);
    free(peer);
}

void sl_solo_done(struct sl_solo *solo)
{
    sl_node_free(solo->node);
    for (size_t i = 0; i < solo->peer_count; i++)
        free_peer(solo->peers[i]);
    sl_fake_member_free(solo->member);
    sl_memory_store_free(solo->store);
}

struct sl_fake_peer *sl_solo_add_peer(struct sl_solo *solo)
{
    size_t number = solo->peer_count;
    assert(number < SL_SOLO_PEERS_MAX);
    struct sl_fake_peer *peer = calloc(1, sizeof(*peer));
    assert(peer);
    peer->address =
        (struct sl_address){.len = 4, .bytes = {1, 2, (uint8_t)(number >> 8), (uint8_t)number}};
    fill(peer->seed, SL_KEY_LEN, solo->seed * 31 + number + 1000);
    fill(peer->link_id, SL_LINK_ID_LEN, solo->seed * 37 + number + 5000);
    fill(peer->key, SL_KEY_LEN, solo->seed * 41 + number + 9000);
    make_certificate(solo, peer->seed, SERIAL_BASE + (uint32_t)number, &peer->certificate);
    peer->member = sl_fake_member_new(&peer->certificate);
    peer->created = 1;
    assert(peer->member);
    solo->peers[solo->peer_count++] = peer;
    return peer;
}

void sl_solo_remove_peer(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    for (size_t i = 0; i < solo->peer_count; i++)
        if (solo->peers[i] == peer)
            solo->peers[i] = NULL;
    free_peer(peer);
}

/* ---- From peer to node ---- */

void sl_solo_send(struct sl_solo *solo, struct sl_fake_peer *peer, const uint8_t *bytes, size_t len)
{
    peer->bytes_out += len;
    solo->bytes_in += len;
    sl_node_receive(solo->node, solo->bearer, &peer->address, bytes, len, solo->now);
}

void sl_solo_send_greeting(struct sl_solo *solo, struct sl_fake_peer *peer,
                           enum sl_packet_type type, const uint8_t cookie[SL_COOKIE_LEN],
                           const uint8_t echo[SL_COOKIE_LEN])
{
    uint8_t bytes[SL_HANDSHAKE_PACKET_LEN];
    struct sl_greeting greeting = {
        .type = type, .number = peer->beacon_number, .links = peer->beacon_links};
    memcpy(greeting.from, peer->link_id, SL_LINK_ID_LEN);
    memcpy(greeting.to, peer->node_id, SL_LINK_ID_LEN);
    if (cookie)
        memcpy(greeting.cookie, cookie, SL_COOKIE_LEN);
    if (echo)
        memcpy(greeting.echo, echo, SL_COOKIE_LEN);
    sl_greeting_encode(&greeting, &solo->primitives, solo->beacon_key, bytes);
    sl_solo_send(solo, peer, bytes, sizeof(bytes));
}

static void flush(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    struct sl_sessions sessions;
    uint8_t inner[SL_DATAGRAM_MAX - SL_LINK_OVERHEAD], packet[SL_DATAGRAM_MAX];
    size_t len;
    sl_fake_sessions(peer->member, &sessions);
    while (peer->session && (len = sessions.transmit(peer->session, inner, sizeof(inner))) > 0) {
        int packet_len = sl_link_packet_encode(&solo->primitives, solo->beacon_key, peer->link_id,
                                               peer->node_id, inner, len, packet, sizeof(packet));
        assert(packet_len > 0);
        sl_solo_send(solo, peer, packet, (size_t)packet_len);
    }
}

void sl_solo_send_frame(struct sl_solo *solo, struct sl_fake_peer *peer, const uint8_t *body,
                        size_t len)
{
    uint8_t frame[SL_DATAGRAM_MAX];
    struct sl_frame_header header = {.epoch = FAKE_EPOCH, .counter = peer->counter++};
    int frame_len =
        sl_frame_seal(&solo->primitives, peer->key, &header, body, len, frame, sizeof(frame));
    assert(frame_len > 0);
    sl_solo_send(solo, peer, frame, (size_t)frame_len);
}

void sl_solo_send_element(struct sl_solo *solo, struct sl_fake_peer *peer, uint8_t type,
                          const uint8_t *value, size_t len)
{
    uint8_t body[SL_FRAME_BODY_MAX];
    struct sl_writer w;
    sl_writer_init(&w, body, sizeof(body));
    sl_write_u8(&w, type);
    sl_write_u16(&w, (uint16_t)len);
    sl_write_bytes(&w, value, len);
    int body_len = sl_write_done(&w);
    assert(body_len > 0);
    sl_solo_send_frame(solo, peer, body, (size_t)body_len);
}

/* As far apart as an origin's share allows on average. */
static uint64_t next_created(struct sl_fake_peer *peer)
{
    return peer->created += (uint64_t)SL_ORIGIN_WINDOW / SL_ORIGIN_SHARE;
}

size_t sl_solo_envelope(struct sl_solo *solo, struct sl_fake_peer *peer,
                        const struct sl_solo_draft *draft, uint8_t ret_value[SL_ENVELOPE_MAX])
{
    struct sl_envelope envelope = {
        .kind = draft->kind,
        .created = draft->created != 0 ? draft->created : next_created(peer),
        .lifetime = draft->lifetime != 0 ? draft->lifetime : 86400,
        .payload = draft->payload,
        .payload_len = draft->payload_len,
    };
    struct sl_writer w;
    sl_origin_of_key(&solo->primitives, peer->certificate.key, envelope.origin);
    sl_writer_init(&w, ret_value, SL_ENVELOPE_MAX);
    sl_write_u8(&w, draft->hops);
    sl_write_u32(&w, draft->age_ms);
    int len = sl_envelope_encode(&envelope, &solo->primitives, peer->seed, ret_value + w.len,
                                 SL_ENVELOPE_MAX - w.len);
    assert(len > 0);
    if (draft->bad_signature)
        ret_value[w.len + (size_t)len - 1] ^= 1;
    return w.len + (size_t)len;
}

void sl_solo_send_envelope(struct sl_solo *solo, struct sl_fake_peer *peer,
                           const struct sl_solo_draft *draft)
{
    uint8_t value[SL_ENVELOPE_MAX];
    size_t len = sl_solo_envelope(solo, peer, draft, value);
    sl_solo_send_element(solo, peer, SL_ELEMENT_ENVELOPE, value, len);
}

void sl_solo_send_text(struct sl_solo *solo, struct sl_fake_peer *peer, const char *text)
{
    struct sl_solo_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL, .payload = text, .payload_len = strlen(text)};
    sl_solo_send_envelope(solo, peer, &draft);
}

void sl_solo_send_identity(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    uint8_t chain[256];
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_IDENTITY,
                                  .payload = chain,
                                  .payload_len =
                                      sl_fake_chain(&peer->certificate, chain, sizeof(chain))};
    sl_solo_send_envelope(solo, peer, &draft);
}

void sl_solo_send_hello(struct sl_solo *solo, struct sl_fake_peer *peer, uint32_t stored_count,
                        const uint8_t digest[16])
{
    uint8_t body[3 + SL_HELLO_LEN];
    struct sl_writer w;
    struct sl_hello hello = {.stored_count = stored_count};
    memcpy(hello.digest, digest, 16);
    sl_writer_init(&w, body, sizeof(body));
    sl_hello_write(&w, &hello);
    sl_solo_send_frame(solo, peer, body, sizeof(body));
}

/* ---- From node to peer ---- */

static void send_keys(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    struct sl_sessions sessions;
    uint8_t bytes[SL_KEY_MESSAGE_LEN];
    struct sl_key_message message = {.epoch = FAKE_EPOCH};
    sl_fake_sessions(peer->member, &sessions);
    memcpy(message.key, peer->key, SL_KEY_LEN);
    sl_key_message_encode(&message, bytes);
    sessions.send(peer->session, bytes, sizeof(bytes));
    flush(solo, peer);
}

static void take_message(struct sl_solo *solo, struct sl_fake_peer *peer, const uint8_t *bytes,
                         size_t len)
{
    struct sl_sessions sessions;
    struct sl_key_message message;
    sl_fake_sessions(peer->member, &sessions);
    if (sl_key_message_decode(bytes, sl_min_size(len, SL_KEY_MESSAGE_LEN), &message) < 0)
        return;
    peer->node_keys[message.epoch / 128] = message;
    peer->has_node_keys = true;
    uint8_t ack[SL_KEY_ACK_LEN] = {SL_CONTROL_KEY_ACK, message.epoch};
    sessions.send(peer->session, ack, sizeof(ack));
    send_keys(solo, peer);
}

static void read_session(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    struct sl_sessions sessions;
    uint8_t bytes[SL_CONTROL_MAX];
    size_t len;
    sl_fake_sessions(peer->member, &sessions);
    while ((len = sessions.read(peer->session, bytes, sizeof(bytes))) > 0)
        for (size_t at = 0; at < len;
             at += bytes[at] == SL_CONTROL_KEY ? SL_KEY_MESSAGE_LEN : SL_KEY_ACK_LEN)
            take_message(solo, peer, bytes + at, len - at);
}

static void connect_peer(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    struct sl_sessions sessions;
    sl_fake_sessions(peer->member, &sessions);
    if (peer->session || memcmp(peer->link_id, peer->node_id, SL_LINK_ID_LEN) > 0)
        return;
    peer->session = sessions.connect(sessions.ctx, 0, solo->now);
    flush(solo, peer);
}

static void take_link(struct sl_solo *solo, struct sl_fake_peer *peer, const uint8_t *bytes,
                      size_t len)
{
    struct sl_sessions sessions;
    struct sl_link_inner inner;
    struct sl_reply reply;
    sl_fake_sessions(peer->member, &sessions);
    if (peer->half_open || sl_link_packet_decode(bytes, len, &solo->primitives, solo->beacon_key,
                                                 peer->node_id, peer->link_id, &inner) < 0)
        return;
    const struct sl_opening opening = {
        .from = &peer->address, .bytes = inner.bytes, .len = inner.len, .now = solo->now};
    if (!peer->session)
        sessions.accept(sessions.ctx, &opening, &peer->session, &reply);
    else
        sessions.receive(peer->session, inner.bytes, inner.len, solo->now);
    if (!peer->session)
        return;
    flush(solo, peer);
    read_session(solo, peer);
    flush(solo, peer);
}

static void take_greeting(struct sl_solo *solo, struct sl_fake_peer *peer, const uint8_t *bytes,
                          size_t len)
{
    struct sl_greeting greeting;
    if (sl_greeting_decode(bytes, len, &solo->primitives, solo->beacon_key, &greeting) < 0)
        return;
    if (greeting.type != SL_PACKET_BEACON &&
        memcmp(greeting.to, peer->link_id, SL_LINK_ID_LEN) != 0)
        return;
    memcpy(peer->node_id, greeting.from, SL_LINK_ID_LEN);
    if (greeting.type == SL_PACKET_PROBE) {
        const uint8_t cookie[SL_COOKIE_LEN] = {1};
        sl_solo_send_greeting(solo, peer, SL_PACKET_REPLY, cookie, greeting.cookie);
    } else if (greeting.type == SL_PACKET_REPLY) {
        sl_solo_send_greeting(solo, peer, SL_PACKET_CONFIRM, NULL, greeting.cookie);
    }
    if (greeting.type == SL_PACKET_CONFIRM || greeting.type == SL_PACKET_REPLY) {
        peer->greeted = true;
        connect_peer(solo, peer);
    }
}

static void take_element(struct sl_fake_peer *peer, const struct sl_element *element)
{
    if (element->type < SL_ARRAY_LEN(peer->elements))
        peer->elements[element->type]++;
    if (element->type == SL_ELEMENT_HELLO) {
        sl_hello_read(element, &peer->last_hello);
        return;
    }
    peer->last_type = element->type;
    peer->last_len = element->len;
    memcpy(peer->last_value, element->value, element->len);
}

static void take_frame(struct sl_solo *solo, struct sl_fake_peer *peer, const uint8_t *bytes,
                       size_t len)
{
    uint8_t body[SL_FRAME_BODY_MAX];
    struct sl_frame_header header;
    struct sl_element element;
    struct sl_reader r;
    if (sl_frame_peek(bytes, len, &header) < 0 || !peer->has_node_keys)
        return;
    const struct sl_key_message *key = &peer->node_keys[header.epoch / 128];
    int body_len = sl_frame_open(&solo->primitives, key->key, bytes, len, body, sizeof(body));
    if (body_len < 0)
        return;
    sl_reader_init(&r, body, (size_t)body_len);
    while (sl_element_next(&r, &element))
        take_element(peer, &element);
}

static void deliver(struct sl_solo *solo, struct sl_fake_peer *peer,
                    const struct sl_datagram *datagram)
{
    peer->bytes_in += datagram->len;
    if (peer->mute)
        return;
    if (datagram->bytes[0] == SL_PACKET_FRAME)
        take_frame(solo, peer, datagram->bytes, datagram->len);
    else if (datagram->bytes[0] == SL_PACKET_LINK)
        take_link(solo, peer, datagram->bytes, datagram->len);
    else
        take_greeting(solo, peer, datagram->bytes, datagram->len);
}

static bool is_for(const struct sl_datagram *datagram, const struct sl_fake_peer *peer)
{
    return peer && (datagram->to.len == 0 ||
                    memcmp(&datagram->to, &peer->address, sizeof(peer->address)) == 0);
}

void sl_solo_drain(struct sl_solo *solo)
{
    struct sl_datagram datagram;
    while (sl_node_transmit(solo->node, &datagram, solo->now)) {
        solo->bytes_out += datagram.len;
        if (solo->sent)
            solo->sent(solo->sent_arg, &datagram);
        for (size_t i = 0; i < solo->peer_count; i++)
            if (is_for(&datagram, solo->peers[i]))
                deliver(solo, solo->peers[i], &datagram);
    }
}

void sl_solo_run(struct sl_solo *solo, sl_time duration)
{
    sl_time until = solo->now + duration;
    unsigned ticks = 0;
    sl_solo_drain(solo);
    while (sl_node_deadline(solo->node) <= until) {
        sl_time deadline = sl_node_deadline(solo->node);
        ticks = deadline > solo->now ? 0 : ticks + 1;
        assert(ticks < TICKS_MAX);
        if (deadline > solo->now)
            solo->now = deadline;
        sl_node_tick(solo->node, solo->now);
        sl_solo_drain(solo);
    }
    solo->now = until;
}

/* A node in a crowd leaves most beacons alone: then the peer makes the first step. */
void sl_solo_greet(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    const uint8_t cookie[SL_COOKIE_LEN] = {1};
    sl_solo_send_greeting(solo, peer, SL_PACKET_BEACON, NULL, NULL);
    sl_solo_drain(solo);
    if (peer->greeted)
        return;
    memcpy(peer->node_id, solo->node->link_id, SL_LINK_ID_LEN);
    sl_solo_send_greeting(solo, peer, SL_PACKET_PROBE, cookie, NULL);
    sl_solo_drain(solo);
}

bool sl_solo_link(struct sl_solo *solo, struct sl_fake_peer *peer)
{
    for (int i = 0; i < 10 && !peer->elements[SL_ELEMENT_HELLO]; i++) {
        sl_solo_greet(solo, peer);
        sl_solo_run(solo, SL_SECOND);
    }
    return peer->elements[SL_ELEMENT_HELLO] > 0;
}

struct sl_node_status sl_solo_status(const struct sl_solo *solo)
{
    struct sl_node_status status;
    sl_node_status(solo->node, solo->now, &status);
    return status;
}
