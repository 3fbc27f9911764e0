/* A whole node against a script of bytes and time. The script may be nonsense from strangers, but
 * it may also speak through peers that are members: greetings with valid tags, frames sealed under
 * the right key around anything, envelopes with good signatures around anything. */
#include "mesh/node.h"
#include "sim/solo.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS = 4, OPERATIONS_MAX = 400 };

struct script {
    struct sl_solo solo;
    struct sl_fake_peer *peers[PEERS];
    struct sl_reader r;
};

/* Up to `cap` bytes of the script, as many as its next two bytes say. */
static size_t take_bytes(struct script *script, uint8_t *ret_bytes, size_t cap)
{
    size_t len = sl_read_u16(&script->r) % (cap + 1);
    len = sl_min_size(len, sl_read_left(&script->r));
    sl_read_copy(&script->r, ret_bytes, len);
    return len;
}

static struct sl_fake_peer *take_peer(struct script *script)
{
    return script->peers[sl_read_u8(&script->r) % PEERS];
}

static void send_raw(struct script *script)
{
    uint8_t bytes[SL_DATAGRAM_MAX + 8] = {0};
    struct sl_fake_peer *peer = take_peer(script);
    size_t len = take_bytes(script, bytes, sizeof(bytes));
    sl_solo_send(&script->solo, peer, bytes, len);
}

static void send_greeting(struct script *script)
{
    struct sl_fake_peer *peer = take_peer(script);
    uint8_t cookies[2 * SL_COOKIE_LEN];
    enum sl_packet_type type = SL_PACKET_BEACON + sl_read_u8(&script->r) % 4u;
    sl_read_copy(&script->r, cookies, sizeof(cookies));
    sl_solo_send_greeting(&script->solo, peer, type, cookies, cookies + SL_COOKIE_LEN);
}

static void send_frame(struct script *script)
{
    uint8_t body[SL_FRAME_BODY_MAX];
    struct sl_fake_peer *peer = take_peer(script);
    size_t len = take_bytes(script, body, sizeof(body));
    sl_solo_send_frame(&script->solo, peer, body, len);
}

static void send_element(struct script *script)
{
    uint8_t value[SL_FRAME_BODY_MAX - 3];
    struct sl_fake_peer *peer = take_peer(script);
    uint8_t type = sl_read_u8(&script->r) % (SL_ELEMENT_REFUSED + 2); /* one unknown, too */
    size_t len = take_bytes(script, value, sizeof(value));
    sl_solo_send_element(&script->solo, peer, type, value, len);
}

static void send_envelope(struct script *script)
{
    uint8_t payload[SL_PAYLOAD_MAX];
    struct sl_fake_peer *peer = take_peer(script);
    struct sl_solo_draft draft = {
        .kind = sl_read_u8(&script->r),
        .hops = sl_read_u8(&script->r),
        .age_ms = sl_read_u16(&script->r),
        .lifetime = 1 + sl_read_u16(&script->r) % 600u,
        .payload = payload,
    };
    draft.payload_len = take_bytes(script, payload, sizeof(payload));
    sl_solo_send_envelope(&script->solo, peer, &draft);
}

/* A session datagram with a valid tag around anything. */
static void send_session(struct script *script)
{
    uint8_t inner[SL_DATAGRAM_MAX - SL_LINK_OVERHEAD], packet[SL_DATAGRAM_MAX];
    struct sl_fake_peer *peer = take_peer(script);
    size_t len = take_bytes(script, inner, sizeof(inner));
    int packet_len =
        sl_link_packet_encode(&script->solo.primitives, script->solo.beacon_key, peer->link_id,
                              peer->node_id, inner, len, packet, sizeof(packet));
    if (packet_len > 0)
        sl_solo_send(&script->solo, peer, packet, (size_t)packet_len);
}

static void publish(struct script *script)
{
    uint8_t payload[SL_PAYLOAD_MAX], id[SL_ID_LEN];
    struct sl_solo *solo = &script->solo;
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL,
        .created = sl_node_next_created(solo->node, solo->now),
        .lifetime = 1 + sl_read_u16(&script->r) % 600u,
        .payload = payload,
    };
    draft.payload_len = take_bytes(script, payload, sizeof(payload));
    assert(sl_node_publish(solo->node, &draft, solo->now, id) == 0);
}

static void send_hello(struct script *script)
{
    uint8_t digest[16];
    struct sl_fake_peer *peer = take_peer(script);
    uint32_t count = sl_read_u16(&script->r);
    bool equal = sl_read_u8(&script->r) % 2 != 0;
    sl_read_copy(&script->r, digest, sizeof(digest));
    if (equal)
        sl_solo_send_hello(&script->solo, peer, peer->last_hello.stored_count,
                           peer->last_hello.digest);
    else
        sl_solo_send_hello(&script->solo, peer, count, digest);
}

static void restart_peer(struct script *script)
{
    struct sl_fake_peer *peer = take_peer(script);
    struct sl_sessions sessions;
    sl_fake_sessions(peer->member, &sessions);
    sessions.free(peer->session);
    peer->session = NULL;
    peer->link_id[0] = sl_read_u8(&script->r);
    peer->counter = 0;
    sl_solo_send_greeting(&script->solo, peer, SL_PACKET_BEACON, NULL, NULL);
}

static void revoke(struct script *script)
{
    uint8_t crl[16];
    uint32_t serial = take_peer(script)->certificate.serial;
    size_t len = sl_fake_crl(0, sl_read_u8(&script->r), &serial, 1, crl, sizeof(crl));
    sl_node_revoke(script->solo.node, crl, len, script->solo.now);
}

static void pass_time(struct script *script)
{
    sl_time duration = (sl_time)sl_read_u16(&script->r) * SL_MILLISECOND;
    if (duration > 65 * SL_SECOND)
        sl_node_set_time(script->solo.node, SL_CLOCK_PERSON, INT64_C(1800000000000000),
                         script->solo.now);
    sl_solo_run(&script->solo, duration);
}

static void run_operation(struct script *script)
{
    void (*const operations[])(struct script *) = {
        send_raw, send_greeting, send_frame,   send_element, send_envelope, send_session,
        publish,  send_hello,    restart_peer, revoke,       pass_time,
    };
    operations[sl_read_u8(&script->r) % SL_ARRAY_LEN(operations)](script);
    sl_solo_drain(&script->solo);
}

static void check(const struct script *script)
{
    struct sl_node_status status = sl_solo_status(&script->solo);
    assert(status.heard_count <= 2 * PEERS);
    assert(status.neighbour_count <= PEERS);
    assert(status.handshake_count <= SL_HANDSHAKES_MAX);
    assert(status.stored_bytes <= 20000);
    assert(sl_memory_store_count(script->solo.store) == status.stored_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct script script;
    struct sl_node_config config = {.store_bytes_max = 20000};
    sl_quota_config_init(&config.quota);
    sl_reader_init(&script.r, data, size);
    sl_solo_init(&script.solo, 1, true, &config);
    for (size_t i = 0; i < PEERS; i++) {
        script.peers[i] = sl_solo_add_peer(&script.solo);
        if (i < PEERS - 1) /* one has yet to come */
            sl_solo_link(&script.solo, script.peers[i]);
        if (i == 0)
            sl_solo_send_identity(&script.solo, script.peers[i]);
    }
    for (int i = 0; i < OPERATIONS_MAX && sl_read_left(&script.r) > 0; i++)
        run_operation(&script);
    sl_solo_run(&script.solo, SL_SECOND);
    check(&script);
    sl_solo_done(&script.solo);
    return 0;
}
