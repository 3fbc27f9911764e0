/* One envelope that is missing, told by the sums in a hello. */
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An envelope that the neighbour has. */
struct envelope {
    uint8_t value[SL_ENVELOPE_MAX], id[SL_ID_LEN];
    size_t len;
};

static struct sl_fake_peer *begin(struct sl_solo *solo, uint64_t seed)
{
    sl_solo_init(solo, seed, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(solo);
    assert_true(sl_solo_link(solo, peer));
    sl_solo_send_identity(solo, peer);
    sl_solo_run(solo, 5 * SL_SECOND);
    return peer;
}

static void make(struct sl_solo *solo, struct sl_fake_peer *peer, uint32_t lifetime,
                 struct envelope *ret)
{
    struct sl_envelope envelope;
    struct sl_solo_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL, .lifetime = lifetime, .payload = "bread", .payload_len = 5};
    ret->len = sl_solo_envelope(solo, peer, &draft, ret->value);
    assert_int_equal(sl_envelope_decode(ret->value + SL_ENVELOPE_MUTABLE,
                                        ret->len - SL_ENVELOPE_MUTABLE, &envelope),
                     0);
    sl_envelope_id(&envelope, &solo->primitives, ret->id);
}

static void send(struct sl_solo *solo, struct sl_fake_peer *peer, const struct envelope *envelope)
{
    sl_solo_send_element(solo, peer, SL_ELEMENT_ENVELOPE, envelope->value, envelope->len);
    sl_solo_drain(solo);
}

/* A hello of one who holds what the node said last that it holds, and `more` envelopes, whose ids
 * add up to `sum`. */
static void say_more(struct sl_solo *solo, struct sl_fake_peer *peer, uint32_t more,
                     const uint8_t sum[SL_ID_LEN])
{
    uint8_t digest[16];
    unsigned carry = 0;
    for (int i = 15; i >= 0; i--) {
        carry += (unsigned)peer->last_hello.digest[i] + sum[i];
        digest[i] = (uint8_t)carry;
        carry >>= 8;
    }
    sl_solo_send_hello(solo, peer, peer->last_hello.stored_count + more, digest);
    sl_solo_drain(solo);
}

static void test_one_is_asked_for_without_a_sketch(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct envelope bread;
    struct sl_fake_peer *peer = begin(&solo, 1);
    make(&solo, peer, 0, &bread);
    say_more(&solo, peer, 1, bread.id);
    sl_solo_run(&solo, 100 * SL_MILLISECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_GRAFT], 0); /* perhaps somebody relays it yet */
    sl_solo_run(&solo, 100 * SL_MILLISECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_GRAFT], 1);
    assert_int_equal(peer->last_type, SL_ELEMENT_GRAFT);
    assert_int_equal(peer->last_len, SL_SHORT_ID_LEN);
    assert_memory_equal(peer->last_value, bread.id, SL_SHORT_ID_LEN);
    uint64_t accepted = sl_solo_status(&solo).accepted;
    send(&solo, peer, &bread);
    assert_int_equal(sl_solo_status(&solo).accepted, accepted + 1);
    sl_solo_run(&solo, 500 * SL_MILLISECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_GRAFT], 1);
    assert_int_equal(peer->elements[SL_ELEMENT_SKETCH], 0);
    sl_solo_done(&solo);
}

static void test_what_comes_by_itself_is_not_asked_for(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct envelope bread;
    struct sl_fake_peer *peer = begin(&solo, 2);
    make(&solo, peer, 0, &bread);
    say_more(&solo, peer, 1, bread.id);
    sl_solo_run(&solo, 100 * SL_MILLISECOND);
    send(&solo, peer, &bread);
    sl_solo_run(&solo, 500 * SL_MILLISECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_GRAFT], 0);
    assert_int_equal(peer->elements[SL_ELEMENT_SKETCH], 0);
    sl_solo_done(&solo);
}

static void test_two_take_a_sketch(void **state)
{
    (void)state;
    struct sl_solo solo;
    const uint8_t sum[SL_ID_LEN] = {1, 2, 3};
    struct sl_fake_peer *peer = begin(&solo, 3);
    say_more(&solo, peer, 2, sum);
    sl_solo_run(&solo, 500 * SL_MILLISECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_GRAFT], 0);
    assert_true(peer->elements[SL_ELEMENT_SKETCH] >= 1);
    sl_solo_done(&solo);
}

/* It lacks something as well, or it lies: what the sums tell is nothing, and a sketch follows. */
static void test_a_difference_that_is_no_id_delays_repair_only(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t sum[SL_ID_LEN] = {9};
    struct sl_fake_peer *peer = begin(&solo, 4);
    for (uint8_t i = 0; i < 6; i++) {
        sum[1] = i;
        say_more(&solo, peer, 1, sum);
        sl_solo_run(&solo, SL_SECOND);
    }
    assert_in_range(peer->elements[SL_ELEMENT_GRAFT], 1, 6);
    assert_true(peer->elements[SL_ELEMENT_SKETCH] >= 1);
    sl_solo_done(&solo);
}

static void test_what_expired_here_is_not_asked_for(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct envelope bread;
    struct sl_fake_peer *peer = begin(&solo, 5);
    make(&solo, peer, 10, &bread);
    send(&solo, peer, &bread);
    sl_solo_run(&solo, 20 * SL_SECOND);
    say_more(&solo, peer, 1, bread.id);
    sl_solo_run(&solo, 500 * SL_MILLISECOND);
    assert_int_equal(peer->elements[SL_ELEMENT_GRAFT], 0);
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_is_asked_for_without_a_sketch),
        cmocka_unit_test(test_what_comes_by_itself_is_not_asked_for),
        cmocka_unit_test(test_two_take_a_sketch),
        cmocka_unit_test(test_a_difference_that_is_no_id_delays_repair_only),
        cmocka_unit_test(test_what_expired_here_is_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
