/* The worked examples of PROTOCOL.md: each is decoded, and made anew from what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bearers/bluetooth_advert.h"
#include "crypto/sodium.h"
#include "mesh/envelope.h"
#include "mesh/packet.h"
#include "mesh/sketch.h"
#include "sim/examples.h"

#include <string.h>

static struct sl_primitives primitives;
static uint8_t secret[SL_KEY_LEN], beacon_key[SL_KEY_LEN], seed[SL_KEY_LEN], node_key[SL_KEY_LEN];
static uint8_t link_a[SL_LINK_ID_LEN], link_b[SL_LINK_ID_LEN];

static void count_up(uint8_t *bytes, size_t len, uint8_t from)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(from + i);
}

static void read_exact(const char *name, uint8_t *ret_bytes, size_t len)
{
    assert_int_equal(sl_example(name, ret_bytes, len), len);
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(sl_sodium_init(), 0);
    sl_sodium_primitives(&primitives);
    read_exact("network secret", secret, SL_KEY_LEN);
    read_exact("beacon key", beacon_key, SL_KEY_LEN);
    read_exact("node seed", seed, SL_KEY_LEN);
    read_exact("node key", node_key, SL_KEY_LEN);
    count_up(link_a, sizeof(link_a), 0xa0);
    count_up(link_b, sizeof(link_b), 0xb0);
    return 0;
}

static void check_hash(const char *name, const char *label, const char *data)
{
    uint8_t expected[SL_KEY_LEN], key[SL_KEY_LEN];
    read_exact(name, expected, SL_KEY_LEN);
    primitives.hash(primitives.ctx, label, secret, (const uint8_t *)data, strlen(data), key,
                    SL_KEY_LEN);
    assert_memory_equal(key, expected, SL_KEY_LEN);
}

static void test_keys(void **state)
{
    (void)state;
    check_hash("beacon key", "starling beacon key", "");
    check_hash("people key", "starling people key", "");
    check_hash("key of #general", "starling channel key", "general");
    uint8_t key[SL_KEY_LEN], expected[SL_ORIGIN_LEN], origin[SL_ORIGIN_LEN];
    primitives.sign_key(primitives.ctx, seed, key);
    assert_memory_equal(key, node_key, SL_KEY_LEN);
    read_exact("origin", expected, SL_ORIGIN_LEN);
    sl_origin_of_key(&primitives, node_key, origin);
    assert_memory_equal(origin, expected, SL_ORIGIN_LEN);
}

static struct sl_greeting read_greeting(const char *name, enum sl_packet_type type)
{
    uint8_t bytes[SL_HANDSHAKE_PACKET_LEN], again[SL_HANDSHAKE_PACKET_LEN];
    struct sl_greeting g;
    read_exact(name, bytes, sizeof(bytes));
    assert_int_equal(sl_greeting_decode(bytes, sizeof(bytes), &primitives, beacon_key, &g), 0);
    assert_int_equal(g.type, type);
    sl_greeting_encode(&g, &primitives, beacon_key, again);
    assert_memory_equal(again, bytes, sizeof(bytes));
    return g;
}

static void test_greetings(void **state)
{
    (void)state;
    struct sl_greeting beacon = read_greeting("BEACON", SL_PACKET_BEACON);
    struct sl_greeting probe = read_greeting("PROBE", SL_PACKET_PROBE);
    struct sl_greeting reply = read_greeting("REPLY", SL_PACKET_REPLY);
    struct sl_greeting confirm = read_greeting("CONFIRM", SL_PACKET_CONFIRM);
    assert_memory_equal(beacon.from, link_a, SL_LINK_ID_LEN);
    assert_memory_equal(probe.from, link_b, SL_LINK_ID_LEN);
    assert_memory_equal(probe.to, beacon.from, SL_LINK_ID_LEN);
    assert_memory_equal(reply.to, link_b, SL_LINK_ID_LEN);
    assert_memory_equal(reply.echo, probe.cookie, SL_COOKIE_LEN);
    assert_memory_equal(confirm.echo, reply.cookie, SL_COOKIE_LEN);
}

static void test_link(void **state)
{
    (void)state;
    uint8_t bytes[128], again[128];
    size_t len = sl_example("LINK", bytes, sizeof(bytes));
    struct sl_link_inner inner;
    assert_int_equal(
        sl_link_packet_decode(bytes, len, &primitives, beacon_key, link_a, link_b, &inner), 0);
    assert_int_equal(inner.len, 5);
    assert_memory_equal(inner.bytes, "\x16\xfe\xfd\0\0", 5);
    assert_int_equal(sl_link_packet_encode(&primitives, beacon_key, link_a, link_b, inner.bytes,
                                           inner.len, again, sizeof(again)),
                     len);
    assert_memory_equal(again, bytes, len);
}

static void check_element(const char *name, enum sl_element_type type, const uint8_t *value,
                          size_t len)
{
    uint8_t expected[64], bytes[64];
    struct sl_writer w;
    struct sl_reader r;
    struct sl_element element;
    size_t expected_len = sl_example(name, expected, sizeof(expected));
    sl_writer_init(&w, bytes, sizeof(bytes));
    uint8_t *place = sl_element_reserve(&w, type, len);
    assert_non_null(place);
    memcpy(place, value, len);
    assert_int_equal(sl_write_done(&w), expected_len);
    assert_memory_equal(bytes, expected, expected_len);
    sl_reader_init(&r, expected, expected_len);
    assert_true(sl_element_next(&r, &element));
    assert_int_equal(element.type, type);
    assert_int_equal(element.len, len);
    assert_false(sl_element_next(&r, &element));
}

static void test_what_neighbours_say(void **state)
{
    (void)state;
    uint8_t id[SL_ID_LEN], origin[SL_ORIGIN_LEN], more[SL_SKETCH_PART_LEN], near[4],
        stray[SL_SHORT_ID_LEN + SL_TARGET_LEN];
    struct sl_writer w;
    read_exact("id", id, sizeof(id));
    read_exact("origin", origin, sizeof(origin));
    sl_writer_init(&w, more, sizeof(more));
    sl_sketch_part_write(&w, &(struct sl_sketch_part){.first = 2});
    memcpy(near, link_a, 2);
    memcpy(near + 2, link_b, 2);
    memcpy(stray, id, SL_SHORT_ID_LEN);
    memcpy(stray + SL_SHORT_ID_LEN, origin, SL_TARGET_LEN);
    check_element("MORE element", SL_ELEMENT_MORE, more, sizeof(more));
    check_element("WANT element", SL_ELEMENT_WANT, id, SL_SHORT_ID_LEN);
    check_element("ECHO element", SL_ELEMENT_ECHO, (const uint8_t *)"\1\2", 2);
    check_element("WHO element", SL_ELEMENT_WHO, origin, sizeof(origin));
    check_element("HAVE element", SL_ELEMENT_HAVE, id, SL_SHORT_ID_LEN);
    check_element("GRAFT element", SL_ELEMENT_GRAFT, id, SL_SHORT_ID_LEN);
    check_element("PRUNE element", SL_ELEMENT_PRUNE, id, 0);
    check_element("NEAR element", SL_ELEMENT_NEAR, near, sizeof(near));
    check_element("TAKEN element", SL_ELEMENT_TAKEN, id, SL_SHORT_ID_LEN);
    check_element("STRAY element", SL_ELEMENT_STRAY, stray, sizeof(stray));
    check_element("REFUSED element", SL_ELEMENT_REFUSED, id, SL_SHORT_ID_LEN);
}

static struct sl_key_message read_key_message(void)
{
    uint8_t bytes[SL_KEY_MESSAGE_LEN];
    struct sl_key_message message;
    read_exact("KEY", bytes, sizeof(bytes));
    assert_int_equal(sl_key_message_decode(bytes, sizeof(bytes), &message), 0);
    return message;
}

static void test_frame(void **state)
{
    (void)state;
    struct sl_key_message key = read_key_message();
    assert_int_equal(key.epoch, 1);
    assert_int_equal(key.first_counter, 1000);

    uint8_t frame[64], expected[64], body[64], again[64];
    size_t len = sl_example("FRAME", frame, sizeof(frame));
    struct sl_frame_header header;
    assert_int_equal(sl_frame_peek(frame, len, &header), 0);
    assert_int_equal(header.epoch, 1);
    assert_int_equal(header.counter, 1002);
    size_t body_len = sl_example("frame body", expected, sizeof(expected));
    assert_int_equal(sl_frame_open(&primitives, key.key, frame, len, body, sizeof(body)), body_len);
    assert_memory_equal(body, expected, body_len);
    assert_int_equal(
        sl_frame_seal(&primitives, key.key, &header, body, body_len, again, sizeof(again)), len);
    assert_memory_equal(again, frame, len);

    struct sl_reader r;
    struct sl_element element;
    sl_reader_init(&r, body, body_len);
    assert_true(sl_element_next(&r, &element));
    assert_int_equal(element.type, SL_ELEMENT_MARK);
    assert_memory_equal(element.value, "\1\2", 2);
    assert_true(sl_element_next(&r, &element));
    assert_int_equal(element.type, SL_ELEMENT_BYE);
    assert_false(sl_element_next(&r, &element));
}

static void test_signed_frame(void **state)
{
    (void)state;
    struct sl_key_message key = read_key_message();
    uint8_t frame[160], expected[160], body[160], again[160], hello[64],
        signature[SL_SIGNATURE_LEN];
    size_t len = sl_example("signed FRAME", frame, sizeof(frame));
    size_t body_len = sl_example("signed body", expected, sizeof(expected));
    size_t hello_len = sl_example("HELLO element", hello, sizeof(hello));
    struct sl_frame_header header;
    assert_int_equal(sl_frame_peek(frame, len, &header), 0);
    assert_int_equal(header.counter, 1003);
    assert_int_equal(sl_frame_open(&primitives, key.key, frame, len, body, sizeof(body)), body_len);
    assert_memory_equal(body, expected, body_len);
    assert_memory_equal(body, hello, hello_len);
    assert_int_equal(body_len, hello_len + 3 + SL_SIGNATURE_LEN);
    sl_frame_sign(&primitives, seed, &header, hello, hello_len, signature);
    assert_memory_equal(body + hello_len + 3, signature, SL_SIGNATURE_LEN);
    assert_true(sl_frame_verify(&primitives, node_key, &header, hello, hello_len, signature));
    assert_int_equal(
        sl_frame_seal(&primitives, key.key, &header, body, body_len, again, sizeof(again)), len);
    assert_memory_equal(again, frame, len);
}

static void check_answer(const char *name, enum sl_control_type type, uint8_t epoch)
{
    uint8_t bytes[SL_KEY_ACK_LEN];
    read_exact(name, bytes, sizeof(bytes));
    assert_int_equal(bytes[0], type);
    assert_int_equal(bytes[1], epoch);
}

static void test_answers_to_keys(void **state)
{
    (void)state;
    check_answer("KEY_ACK", SL_CONTROL_KEY_ACK, read_key_message().epoch);
    check_answer("KEY_DROP", SL_CONTROL_KEY_DROP, read_key_message().epoch);
}

/* The one element that the example is. */
static struct sl_element read_element(const char *name, enum sl_element_type type, uint8_t *bytes,
                                      size_t cap)
{
    struct sl_reader r;
    struct sl_element element;
    sl_reader_init(&r, bytes, sl_example(name, bytes, cap));
    assert_true(sl_element_next(&r, &element));
    assert_int_equal(sl_read_left(&r), 0);
    assert_int_equal(element.type, type);
    return element;
}

static void test_envelope(void **state)
{
    (void)state;
    uint8_t bytes[200], again[200], id[SL_ID_LEN], expected_id[SL_ID_LEN];
    size_t len = sl_example("envelope", bytes, sizeof(bytes));
    struct sl_envelope e;
    assert_int_equal(sl_envelope_decode(bytes, len, &e), 0);
    assert_int_equal(e.kind, SL_ENVELOPE_CHANNEL);
    assert_true(e.created == UINT64_C(1790000000000000));
    assert_int_equal(e.lifetime, 86400);
    assert_int_equal(e.payload_len, 5);
    assert_memory_equal(e.payload, "hello", 5);
    assert_true(sl_envelope_verify(&e, &primitives, node_key));
    assert_int_equal(sl_envelope_encode(&e, &primitives, seed, again, sizeof(again)), len);
    assert_memory_equal(again, bytes, len);
    read_exact("id", expected_id, SL_ID_LEN);
    sl_envelope_id(&e, &primitives, id);
    assert_memory_equal(id, expected_id, SL_ID_LEN);

    uint8_t on_link[256];
    struct sl_element element =
        read_element("ENVELOPE element", SL_ELEMENT_ENVELOPE, on_link, sizeof(on_link));
    struct sl_reader r;
    sl_reader_init(&r, element.value, element.len);
    assert_int_equal(sl_read_u8(&r), 2);
    assert_int_equal(sl_read_u32(&r), 1500);
    assert_int_equal(sl_read_left(&r), len);
    assert_memory_equal(sl_read_slice(&r, len), bytes, len);
}

/* One element of bytes that are the same from both sides. */
static void check_numbers(const char *name, enum sl_element_type type, uint64_t crl, uint32_t at,
                          const char *rest)
{
    uint8_t value[32];
    struct sl_writer w;
    sl_writer_init(&w, value, sizeof(value));
    sl_write_u64(&w, crl);
    sl_write_u32(&w, at);
    sl_write_bytes(&w, (const uint8_t *)rest, strlen(rest));
    check_element(name, type, value, (size_t)sl_write_done(&w));
}

static void test_revocation(void **state)
{
    (void)state;
    check_numbers("CRL element", SL_ELEMENT_CRL, 3, 1030, "");
    check_numbers("CRL_WANT element", SL_ELEMENT_CRL_WANT, 3, 1024, "");
    check_numbers("CRL_PART element", SL_ELEMENT_CRL_PART, 3, 1024, "\x90\x91\x92\x93\x94\x95");
}

static void test_routed(void **state)
{
    (void)state;
    uint8_t bytes[256], envelope[200], origin[SL_ORIGIN_LEN];
    size_t len = sl_example("envelope", envelope, sizeof(envelope));
    read_exact("origin", origin, sizeof(origin));
    struct sl_element element =
        read_element("ROUTED element", SL_ELEMENT_ROUTED, bytes, sizeof(bytes));
    struct sl_reader r;
    sl_reader_init(&r, element.value, element.len);
    assert_int_equal(sl_read_u8(&r), 7);
    assert_int_equal(sl_read_u8(&r), 2);
    assert_memory_equal(sl_read_slice(&r, SL_TARGET_LEN), origin, SL_TARGET_LEN);
    assert_memory_equal(sl_read_slice(&r, SL_TARGET_LEN), "\xc0\xc1\xc2", SL_TARGET_LEN);
    assert_int_equal(sl_read_u8(&r), 2);
    assert_int_equal(sl_read_u32(&r), 1500);
    assert_int_equal(sl_read_left(&r), len);
    assert_memory_equal(sl_read_slice(&r, len), envelope, len);
}

static void test_settled(void **state)
{
    (void)state;
    uint8_t bytes[200], again[200], id[SL_ID_LEN];
    size_t len = sl_example("SETTLED envelope", bytes, sizeof(bytes));
    struct sl_envelope e;
    assert_int_equal(sl_envelope_decode(bytes, len, &e), 0);
    assert_int_equal(e.kind, SL_ENVELOPE_SETTLED);
    assert_true(e.created == UINT64_C(1790000030000000));
    assert_int_equal(e.lifetime, 300);
    read_exact("id", id, SL_ID_LEN);
    assert_int_equal(e.payload_len, SL_SHORT_ID_LEN);
    assert_memory_equal(e.payload, id, SL_SHORT_ID_LEN);
    assert_true(sl_envelope_verify(&e, &primitives, node_key));
    assert_int_equal(sl_envelope_encode(&e, &primitives, seed, again, sizeof(again)), len);
    assert_memory_equal(again, bytes, len);
}

static void check_advert(const char *name, const struct sl_advert *expected)
{
    uint8_t bytes[SL_ADVERT_LEN], again[SL_ADVERT_LEN];
    struct sl_advert advert;
    read_exact(name, bytes, sizeof(bytes));
    assert_int_equal(sl_advert_decode(bytes, sizeof(bytes), &primitives, beacon_key, &advert), 0);
    assert_true(advert.id == expected->id && advert.root == expected->root);
    assert_int_equal(advert.round, expected->round);
    assert_int_equal(advert.hops, expected->hops);
    assert_int_equal(advert.places, expected->places);
    assert_int_equal(advert.flags, expected->flags);
    assert_int_equal(advert.psm, expected->psm);
    sl_advert_encode(expected, &primitives, beacon_key, again);
    assert_memory_equal(again, bytes, sizeof(bytes));
}

static void test_bluetooth(void **state)
{
    (void)state;
    static const uint64_t id = UINT64_C(0xe0e1e2e3e4), root = UINT64_C(0x1011121314);
    check_advert("advertisement",
                 &(struct sl_advert){.id = id, .root = id, .places = 2, .psm = 0xc1});
    check_advert("announcement", &(struct sl_advert){.id = id,
                                                     .root = root,
                                                     .round = 258,
                                                     .hops = 3,
                                                     .flags = SL_ADVERT_PARENT,
                                                     .psm = 0xc1});
}

static void test_hello(void **state)
{
    (void)state;
    uint8_t bytes[64], again[64], id[SL_ID_LEN];
    struct sl_element element =
        read_element("HELLO element", SL_ELEMENT_HELLO, bytes, sizeof(bytes));
    struct sl_hello hello;
    assert_int_equal(sl_hello_read(&element, &hello), 0);
    assert_int_equal(hello.stored_count, 1);
    read_exact("id", id, SL_ID_LEN);
    assert_memory_equal(hello.digest, id, SL_ID_LEN);
    assert_int_equal(hello.clock_source, 3);
    assert_true(hello.unix_us == INT64_C(1790000000000000));
    struct sl_writer w;
    sl_writer_init(&w, again, sizeof(again));
    assert_int_equal(sl_hello_write(&w, &hello), 0);
    assert_int_equal(w.len, 3 + element.len);
    assert_memory_equal(again, bytes, w.len);
}

static void test_sketch(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct sl_element element =
        read_element("SKETCH element", SL_ELEMENT_SKETCH, bytes, sizeof(bytes));
    struct sl_reader r;
    struct sl_sketch_part part;
    struct sl_symbol symbols[2];
    sl_reader_init(&r, element.value, element.len);
    sl_sketch_part_read(&r, &part);
    sl_sketch_read(&r, &symbols[0]);
    sl_sketch_read(&r, &symbols[1]);
    assert_int_equal(sl_read_done(&r), 0);
    assert_int_equal(part.bits, 0);
    assert_int_equal(part.first, 0);

    struct sl_symbol expected[2] = {0};
    sl_sketch_apply(expected, 2, UINT64_C(0x0123456789abcdef), 1);
    sl_sketch_apply(expected, 2, 1, 1);
    assert_memory_equal(symbols, expected, sizeof(expected));
    uint64_t theirs[2], ours[2];
    size_t their_count, our_count;
    assert_int_equal(sl_sketch_decode(symbols, 2, theirs, &their_count, ours, &our_count, 2), 0);
    assert_int_equal(their_count, 2);
    assert_true(theirs[0] == 1 && theirs[1] == UINT64_C(0x0123456789abcdef));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_signed_frame),
        cmocka_unit_test(test_answers_to_keys),
        cmocka_unit_test(test_revocation),
        cmocka_unit_test(test_routed),
        cmocka_unit_test(test_settled),
        cmocka_unit_test(test_bluetooth),
        cmocka_unit_test(test_what_neighbours_say),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_sketch),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
