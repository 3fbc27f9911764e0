/* Datagrams and the elements of frames. Where a tag stands guard the input is tried as it is, and
 * again with the right tag, so that what lies behind is reached too. */
#include "mesh/packet.h"
#include "mesh/sketch.h"
#include "sim/fake_primitives.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct sl_primitives primitives;
static const uint8_t key[SL_KEY_LEN] = "a beacon key for fuzzing";
static const uint8_t link_a[SL_LINK_ID_LEN] = "link  a";
static const uint8_t link_b[SL_LINK_ID_LEN] = "link  b";

static void try_greeting(const uint8_t *bytes, size_t len)
{
    enum { BODY_LEN = SL_HANDSHAKE_PACKET_LEN - SL_TAG_LEN };
    struct sl_greeting greeting;
    (void)sl_greeting_decode(bytes, len, &primitives, key, &greeting);
    if (len < BODY_LEN)
        return;
    uint8_t tagged[SL_HANDSHAKE_PACKET_LEN];
    memcpy(tagged, bytes, BODY_LEN);
    primitives.hash(primitives.ctx, "starling greeting", key, tagged, BODY_LEN, tagged + BODY_LEN,
                    SL_TAG_LEN);
    if (sl_greeting_decode(tagged, sizeof(tagged), &primitives, key, &greeting) < 0)
        return;
    uint8_t again[SL_HANDSHAKE_PACKET_LEN];
    sl_greeting_encode(&greeting, &primitives, key, again);
    assert(memcmp(again, tagged, sizeof(again)) == 0);
}

static void try_link(const uint8_t *bytes, size_t len)
{
    struct sl_link_inner inner;
    (void)sl_link_packet_decode(bytes, len, &primitives, key, link_a, link_b, &inner);
    uint8_t packet[SL_DATAGRAM_MAX];
    int packet_len =
        sl_link_packet_encode(&primitives, key, link_a, link_b, bytes, len, packet, sizeof(packet));
    if (packet_len < 0)
        return;
    int error =
        sl_link_packet_decode(packet, (size_t)packet_len, &primitives, key, link_a, link_b, &inner);
    assert(error == 0 && inner.len == len && memcmp(inner.bytes, bytes, len) == 0);
}

static void try_symbols(struct sl_reader *r)
{
    struct sl_sketch_part part;
    sl_sketch_part_read(r, &part);
    while (sl_read_left(r) > 0) {
        struct sl_symbol symbol;
        sl_sketch_read(r, &symbol);
        assert(symbol.count >= INT16_MIN && symbol.count <= INT16_MAX);
    }
    assert(part.bits <= SL_SKETCH_BITS_MAX && part.first < SL_SKETCH_SYMBOLS);
}

static void try_element(const struct sl_element *element)
{
    struct sl_hello hello;
    if (sl_hello_read(element, &hello) == 0) {
        uint8_t again[3 + SL_HELLO_LEN];
        struct sl_writer w;
        sl_writer_init(&w, again, sizeof(again));
        assert(sl_hello_write(&w, &hello) == 0);
        assert(memcmp(again + 3, element->value, SL_HELLO_LEN) == 0);
    }
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    try_symbols(&r);
}

static void try_elements(const uint8_t *bytes, size_t len)
{
    struct sl_reader r;
    struct sl_element element;
    size_t total = 0;
    sl_reader_init(&r, bytes, len);
    while (sl_element_next(&r, &element)) {
        total += 3 + element.len;
        try_element(&element);
    }
    assert(total <= len && (total == len || sl_read_failed(&r)));
}

static void try_frame(const uint8_t *bytes, size_t len)
{
    uint8_t frame[SL_DATAGRAM_MAX];
    uint8_t body[SL_FRAME_BODY_MAX];
    struct sl_frame_header header = {0};
    (void)sl_frame_open(&primitives, key, bytes, len, body, sizeof(body));
    (void)sl_frame_peek(bytes, len, &header);
    int frame_len = sl_frame_seal(&primitives, key, &header, bytes, len, frame, sizeof(frame));
    if (frame_len < 0)
        return;
    int body_len = sl_frame_open(&primitives, key, frame, (size_t)frame_len, body, sizeof(body));
    assert(body_len == (int)len && memcmp(body, bytes, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!primitives.hash)
        sl_fake_primitives(&primitives, 1);
    try_greeting(bytes, len);
    try_link(bytes, len);
    try_frame(bytes, len);
    try_elements(bytes, len);
    struct sl_key_message message;
    if (sl_key_message_decode(bytes, len, &message) == 0) {
        uint8_t again[SL_KEY_MESSAGE_LEN];
        sl_key_message_encode(&message, again);
        assert(memcmp(again, bytes, len) == 0);
    }
    return 0;
}
