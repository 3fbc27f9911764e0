/* Datagrams and elements: round trips, truncation at every length, every changed bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "mesh/packet.h"
#include "sim/fake_primitives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct sl_primitives primitives;
static uint8_t beacon_key[SL_KEY_LEN];
static const uint8_t link_a[SL_LINK_ID_LEN] = "link  a";
static const uint8_t link_b[SL_LINK_ID_LEN] = "link  b";

static int setup(void **state)
{
    (void)state;
    sl_fake_primitives(&primitives, 1);
    primitives.random(primitives.ctx, beacon_key, SL_KEY_LEN);
    return 0;
}

/* A copy that ends where the block ends, so that a read past it is caught. */
static uint8_t *exact(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return copy;
}

/* ---- Greetings ---- */

static struct sl_greeting make_greeting(enum sl_packet_type type)
{
    struct sl_greeting g = {.type = type};
    memset(g.from, 0xf1, sizeof(g.from));
    if (type == SL_PACKET_BEACON) {
        memset(g.salt, 0x5a, sizeof(g.salt));
        g.number = 0x17;
        g.links = 0x33;
        g.heard = 0x44;
        g.seeking = 0x55;
        return g;
    }
    memset(g.to, 0x70, sizeof(g.to));
    if (type != SL_PACKET_CONFIRM)
        memset(g.cookie, 0xc0, sizeof(g.cookie));
    if (type != SL_PACKET_PROBE)
        memset(g.echo, 0xec, sizeof(g.echo));
    return g;
}

static int decode_greeting(const uint8_t *bytes, size_t len, struct sl_greeting *ret)
{
    uint8_t *copy = exact(bytes, len);
    int error = sl_greeting_decode(copy, len, &primitives, beacon_key, ret);
    free(copy);
    return error;
}

static void test_greeting_round_trip(void **state)
{
    (void)state;
    for (int type = SL_PACKET_BEACON; type <= SL_PACKET_CONFIRM; type++) {
        struct sl_greeting in = make_greeting((enum sl_packet_type)type);
        uint8_t bytes[SL_HANDSHAKE_PACKET_LEN];
        sl_greeting_encode(&in, &primitives, beacon_key, bytes);
        struct sl_greeting out;
        assert_int_equal(decode_greeting(bytes, sizeof(bytes), &out), 0);
        assert_int_equal(out.type, in.type);
        assert_memory_equal(out.from, in.from, sizeof(in.from));
        assert_memory_equal(out.to, in.to, sizeof(in.to));
        assert_memory_equal(out.cookie, in.cookie, sizeof(in.cookie));
        assert_memory_equal(out.echo, in.echo, sizeof(in.echo));
        assert_int_equal(out.heard, in.heard);
        assert_int_equal(out.seeking, in.seeking);
        assert_memory_equal(out.salt, in.salt, sizeof(in.salt));
        assert_int_equal(out.number, in.number);
        assert_int_equal(out.links, in.links);
    }
}

static void test_greeting_truncated_at_every_length(void **state)
{
    (void)state;
    struct sl_greeting in = make_greeting(SL_PACKET_REPLY);
    uint8_t bytes[SL_HANDSHAKE_PACKET_LEN + 1] = {0};
    sl_greeting_encode(&in, &primitives, beacon_key, bytes);
    struct sl_greeting out;
    for (size_t len = 0; len < SL_HANDSHAKE_PACKET_LEN; len++)
        assert_int_equal(decode_greeting(bytes, len, &out), -EBADMSG);
    assert_int_equal(decode_greeting(bytes, sizeof(bytes), &out), -EBADMSG);
}

static void test_greeting_refuses_every_changed_bit(void **state)
{
    (void)state;
    for (int type = SL_PACKET_BEACON; type <= SL_PACKET_CONFIRM; type++) {
        struct sl_greeting in = make_greeting((enum sl_packet_type)type);
        uint8_t bytes[SL_HANDSHAKE_PACKET_LEN];
        sl_greeting_encode(&in, &primitives, beacon_key, bytes);
        for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
            struct sl_greeting out = {.type = SL_PACKET_FRAME};
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(decode_greeting(bytes, sizeof(bytes), &out), 0);
            assert_int_equal(out.type, SL_PACKET_FRAME);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void test_greeting_of_another_network(void **state)
{
    (void)state;
    struct sl_greeting in = make_greeting(SL_PACKET_BEACON);
    uint8_t bytes[SL_HANDSHAKE_PACKET_LEN];
    uint8_t other_key[SL_KEY_LEN] = "another network";
    sl_greeting_encode(&in, &primitives, other_key, bytes);
    struct sl_greeting out;
    assert_int_equal(decode_greeting(bytes, sizeof(bytes), &out), -EACCES);
}

/* A member's mistake: right tag, but something where zeros belong. */
static void test_greeting_with_a_filled_gap(void **state)
{
    (void)state;
    enum { COOKIE_AT = 17, ECHO_AT = 25, TAG_AT = 33 };
    static const struct {
        enum sl_packet_type type;
        size_t at;
    } gaps[] = {{SL_PACKET_PROBE, ECHO_AT + 7}, {SL_PACKET_CONFIRM, COOKIE_AT}};
    for (size_t i = 0; i < SL_ARRAY_LEN(gaps); i++) {
        struct sl_greeting in = make_greeting(gaps[i].type);
        uint8_t bytes[SL_HANDSHAKE_PACKET_LEN];
        sl_greeting_encode(&in, &primitives, beacon_key, bytes);
        bytes[gaps[i].at] = 1;
        primitives.hash(primitives.ctx, "starling greeting", beacon_key, bytes, TAG_AT,
                        bytes + TAG_AT, SL_TAG_LEN);
        struct sl_greeting out;
        assert_int_equal(decode_greeting(bytes, sizeof(bytes), &out), -EBADMSG);
    }
}

/* ---- LINK ---- */

static void test_link_packet_round_trip(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 100, SL_DATAGRAM_MAX - SL_LINK_OVERHEAD};
    uint8_t inner[SL_DATAGRAM_MAX];
    uint8_t bytes[SL_DATAGRAM_MAX];
    memset(inner, 0x16, sizeof(inner));
    for (size_t i = 0; i < SL_ARRAY_LEN(lens); i++) {
        int len = sl_link_packet_encode(&primitives, beacon_key, link_a, link_b, inner, lens[i],
                                        bytes, sizeof(bytes));
        assert_int_equal(len, lens[i] + SL_LINK_OVERHEAD);
        struct sl_link_inner out;
        assert_int_equal(sl_link_packet_decode(bytes, (size_t)len, &primitives, beacon_key, link_a,
                                               link_b, &out),
                         0);
        assert_int_equal(out.len, lens[i]);
        assert_memory_equal(out.bytes, inner, out.len);
        /* Both ends are covered, and the other direction is another packet. */
        assert_int_equal(sl_link_packet_decode(bytes, (size_t)len, &primitives, beacon_key, link_a,
                                               link_a, &out),
                         -EACCES);
        assert_int_equal(sl_link_packet_decode(bytes, (size_t)len, &primitives, beacon_key, link_b,
                                               link_b, &out),
                         -EACCES);
        assert_int_equal(sl_link_packet_decode(bytes, (size_t)len, &primitives, beacon_key, link_b,
                                               link_a, &out),
                         -EACCES);
    }
}

static void test_link_packet_limits(void **state)
{
    (void)state;
    uint8_t inner[SL_DATAGRAM_MAX] = {0};
    uint8_t bytes[SL_DATAGRAM_MAX + 1];
    assert_int_equal(sl_link_packet_encode(&primitives, beacon_key, link_a, link_b, inner,
                                           SL_DATAGRAM_MAX - SL_LINK_OVERHEAD + 1, bytes,
                                           sizeof(bytes)),
                     -EMSGSIZE);
    assert_int_equal(sl_link_packet_encode(&primitives, beacon_key, link_a, link_b, inner, 10,
                                           bytes, 10 + SL_LINK_OVERHEAD - 1),
                     -ENOBUFS);
    memset(bytes, 0, sizeof(bytes));
    bytes[0] = SL_PACKET_LINK;
    struct sl_link_inner out;
    assert_int_equal(
        sl_link_packet_decode(bytes, sizeof(bytes), &primitives, beacon_key, link_a, link_b, &out),
        -EBADMSG);
}

static void test_link_packet_damaged(void **state)
{
    (void)state;
    uint8_t bytes[64];
    int len = sl_link_packet_encode(&primitives, beacon_key, link_a, link_b,
                                    (const uint8_t *)"client hello", 12, bytes, sizeof(bytes));
    struct sl_link_inner out;
    for (size_t cut = 0; cut < (size_t)len; cut++) {
        uint8_t *copy = exact(bytes, cut);
        int error = sl_link_packet_decode(copy, cut, &primitives, beacon_key, link_a, link_b, &out);
        assert_int_equal(error, cut < SL_LINK_OVERHEAD ? -EBADMSG : -EACCES);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * (size_t)len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int error = sl_link_packet_decode(bytes, (size_t)len, &primitives, beacon_key, link_a,
                                          link_b, &out);
        assert_int_equal(error, bit < 8 ? -EBADMSG : -EACCES);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* ---- FRAME ---- */

static void test_frame_round_trip(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 255, SL_FRAME_BODY_MAX};
    uint8_t body[SL_FRAME_BODY_MAX];
    uint8_t bytes[SL_DATAGRAM_MAX];
    uint8_t out[SL_FRAME_BODY_MAX];
    memset(body, 0xbd, sizeof(body));
    for (size_t i = 0; i < SL_ARRAY_LEN(lens); i++) {
        struct sl_frame_header in = {.epoch = 0xe1, .counter = 0xc0ffee00};
        int len = sl_frame_seal(&primitives, beacon_key, &in, body, lens[i], bytes, sizeof(bytes));
        assert_int_equal(len, lens[i] + SL_FRAME_OVERHEAD);
        struct sl_frame_header header;
        assert_int_equal(sl_frame_peek(bytes, (size_t)len, &header), 0);
        assert_int_equal(header.epoch, in.epoch);
        assert_int_equal(header.counter, in.counter);
        assert_int_equal(sl_frame_open(&primitives, beacon_key, bytes, (size_t)len, out, lens[i]),
                         lens[i]);
        assert_memory_equal(out, body, lens[i]);
        if (lens[i] > 0)
            assert_int_equal(
                sl_frame_open(&primitives, beacon_key, bytes, (size_t)len, out, lens[i] - 1),
                -ENOBUFS);
    }
}

static void test_frame_too_long(void **state)
{
    (void)state;
    uint8_t bytes[SL_DATAGRAM_MAX + 1] = {SL_PACKET_FRAME};
    uint8_t body[SL_FRAME_BODY_MAX + 1] = {0};
    struct sl_frame_header header = {0};
    assert_int_equal(
        sl_frame_seal(&primitives, beacon_key, &header, body, sizeof(body), bytes, sizeof(bytes)),
        -ENOBUFS);
    assert_int_equal(sl_frame_seal(&primitives, beacon_key, &header, body, 10, bytes, 31),
                     -ENOBUFS);
    assert_int_equal(sl_frame_peek(bytes, sizeof(bytes), &header), -EBADMSG);
    assert_int_equal(
        sl_frame_open(&primitives, beacon_key, bytes, sizeof(bytes), body, sizeof(body)), -EACCES);
}

static void test_frame_damaged(void **state)
{
    (void)state;
    struct sl_frame_header header = {.epoch = 3, .counter = 77};
    uint8_t bytes[64];
    uint8_t body[64];
    int len = sl_frame_seal(&primitives, beacon_key, &header, (const uint8_t *)"elements", 8, bytes,
                            sizeof(bytes));
    assert_int_equal(len, 30);
    for (size_t cut = 0; cut < (size_t)len; cut++) {
        uint8_t *copy = exact(bytes, cut);
        assert_int_equal(sl_frame_open(&primitives, beacon_key, copy, cut, body, sizeof(body)),
                         -EACCES);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * (size_t)len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            sl_frame_open(&primitives, beacon_key, bytes, (size_t)len, body, sizeof(body)),
            -EACCES);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* ---- Elements ---- */

static void test_elements_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    memcpy(sl_element_reserve(&w, SL_ELEMENT_WANT, 8), "12345678", 8);
    assert_non_null(sl_element_reserve(&w, SL_ELEMENT_BYE, 0));
    memcpy(sl_element_reserve(&w, (enum sl_element_type)200, 3), "new", 3);
    assert_int_equal(sl_write_done(&w), 11 + 3 + 6);

    struct sl_reader r;
    struct sl_element e;
    sl_reader_init(&r, bytes, w.len);
    assert_true(sl_element_next(&r, &e));
    assert_int_equal(e.type, SL_ELEMENT_WANT);
    assert_int_equal(e.len, 8);
    assert_memory_equal(e.value, "12345678", 8);
    assert_true(sl_element_next(&r, &e));
    assert_int_equal(e.type, SL_ELEMENT_BYE);
    assert_int_equal(e.len, 0);
    assert_true(sl_element_next(&r, &e));
    assert_int_equal(e.type, 200);
    assert_false(sl_element_next(&r, &e));
    assert_false(sl_read_failed(&r));
    assert_false(sl_element_next(&r, &e));
}

static void test_elements_truncated_at_every_length(void **state)
{
    (void)state;
    static const uint8_t whole[] = {6, 0, 2, 0xab, 0xcd, 9, 0, 0, 7, 0, 2, 1, 2};
    for (size_t cut = 0; cut < sizeof(whole); cut++) {
        uint8_t *copy = exact(whole, cut);
        struct sl_reader r;
        struct sl_element e;
        size_t count = 0;
        sl_reader_init(&r, copy, cut);
        while (sl_element_next(&r, &e))
            count++;
        assert_int_equal(count, (cut >= 5) + (cut >= 8));
        assert_int_equal(sl_read_failed(&r), cut != 0 && cut != 5 && cut != 8);
        free(copy);
    }
}

static void test_element_that_does_not_fit_leaves_no_trace(void **state)
{
    (void)state;
    uint8_t bytes[16];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    assert_non_null(sl_element_reserve(&w, SL_ELEMENT_MARK, 2));
    assert_null(sl_element_reserve(&w, SL_ELEMENT_WANT, 9));
    assert_int_equal(w.len, 5);
    assert_int_equal(sl_write_done(&w), -ENOBUFS);
}

static void test_hello(void **state)
{
    (void)state;
    struct sl_hello in = {.stored_count = 50000, .clock_source = 5, .unix_us = 1700000000000000};
    memset(in.digest, 0xd1, sizeof(in.digest));
    uint8_t bytes[3 + SL_HELLO_LEN];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    assert_int_equal(sl_hello_write(&w, &in), 0);
    assert_int_equal(sl_write_done(&w), sizeof(bytes));
    assert_int_equal(sl_hello_write(&w, &in), -ENOBUFS);

    struct sl_reader r;
    struct sl_element e;
    struct sl_hello out;
    sl_reader_init(&r, bytes, sizeof(bytes));
    assert_true(sl_element_next(&r, &e));
    assert_int_equal(sl_hello_read(&e, &out), 0);
    assert_int_equal(out.stored_count, in.stored_count);
    assert_memory_equal(out.digest, in.digest, sizeof(in.digest));
    assert_int_equal(out.clock_source, 5);
    assert_true(out.unix_us == in.unix_us);

    for (e.len = 0; e.len < SL_HELLO_LEN; e.len++)
        assert_int_equal(sl_hello_read(&e, &out), -EBADMSG);
    e.type = SL_ELEMENT_MORE;
    assert_int_equal(sl_hello_read(&e, &out), -EBADMSG);
    e.type = SL_ELEMENT_HELLO;
    bytes[3 + SL_HELLO_LEN - 8] = 0x80; /* a date past INT64_MAX */
    assert_int_equal(sl_hello_read(&e, &out), -EBADMSG);
}

static bool part_passes(uint8_t bits, uint16_t partition, uint16_t first)
{
    struct sl_sketch_part in = {bits, partition, first};
    uint8_t bytes[SL_SKETCH_PART_LEN];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_sketch_part_write(&w, &in);
    assert_int_equal(sl_write_done(&w), SL_SKETCH_PART_LEN);
    struct sl_sketch_part out;
    struct sl_reader r;
    sl_reader_init(&r, bytes, sizeof(bytes));
    sl_sketch_part_read(&r, &out);
    if (sl_read_done(&r) < 0)
        return false;
    assert_int_equal(out.bits, bits);
    assert_int_equal(out.partition, partition);
    assert_int_equal(out.first, first);
    return true;
}

static void test_sketch_part(void **state)
{
    (void)state;
    assert_true(part_passes(0, 0, 0));
    assert_true(part_passes(0, 0, SL_SKETCH_SYMBOLS - 1));
    assert_false(part_passes(0, 0, SL_SKETCH_SYMBOLS));
    assert_false(part_passes(0, 1, 0));
    assert_true(part_passes(3, 7, 24));
    assert_false(part_passes(3, 8, 24));
    assert_true(part_passes(16, 0xffff, 0));
    assert_false(part_passes(17, 0, 0));
    assert_false(part_passes(255, 0, 0));
}

static void test_key_message(void **state)
{
    (void)state;
    struct sl_key_message in = {.epoch = 255, .first_counter = 0x01020304};
    memset(in.key, 0x4e, sizeof(in.key));
    uint8_t bytes[SL_KEY_MESSAGE_LEN + 1] = {0};
    sl_key_message_encode(&in, bytes);
    struct sl_key_message out;
    assert_int_equal(sl_key_message_decode(bytes, SL_KEY_MESSAGE_LEN, &out), 0);
    assert_int_equal(out.epoch, 255);
    assert_int_equal(out.first_counter, 0x01020304);
    assert_memory_equal(out.key, in.key, sizeof(in.key));
    for (size_t len = 0; len < SL_KEY_MESSAGE_LEN; len++)
        assert_int_equal(sl_key_message_decode(bytes, len, &out), -EBADMSG);
    assert_int_equal(sl_key_message_decode(bytes, sizeof(bytes), &out), -EBADMSG);
    bytes[0] = SL_CONTROL_KEY_ACK;
    assert_int_equal(sl_key_message_decode(bytes, SL_KEY_MESSAGE_LEN, &out), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeting_round_trip),
        cmocka_unit_test(test_greeting_truncated_at_every_length),
        cmocka_unit_test(test_greeting_refuses_every_changed_bit),
        cmocka_unit_test(test_greeting_of_another_network),
        cmocka_unit_test(test_greeting_with_a_filled_gap),
        cmocka_unit_test(test_link_packet_round_trip),
        cmocka_unit_test(test_link_packet_limits),
        cmocka_unit_test(test_link_packet_damaged),
        cmocka_unit_test(test_frame_round_trip),
        cmocka_unit_test(test_frame_too_long),
        cmocka_unit_test(test_frame_damaged),
        cmocka_unit_test(test_elements_round_trip),
        cmocka_unit_test(test_elements_truncated_at_every_length),
        cmocka_unit_test(test_element_that_does_not_fit_leaves_no_trace),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_sketch_part),
        cmocka_unit_test(test_key_message),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
