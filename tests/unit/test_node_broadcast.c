/* Frames to all: every neighbour of a node holds their key, and can forge them to the others. */
#include "mesh/node_internal.h"
#include "sim/fabric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { A, B, C, NODES };

struct scene {
    struct sl_fabric *fabric;
    int medium;
};

/* Three on one air. C forges what B says to A. */
static void begin(struct scene *scene, uint64_t seed)
{
    scene->fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = seed});
    for (int i = 0; i < NODES; i++)
        sl_fabric_add_node(scene->fabric, NULL);
    scene->medium = sl_fabric_mesh(scene->fabric);
    assert_true(sl_fabric_run_until_linked(scene->fabric, 5 * SL_SECOND));
    assert_true(sl_fabric_run_until_stored(scene->fabric, NODES, 5 * SL_SECOND));
    sl_fabric_run(scene->fabric, 5 * SL_SECOND);
}

static const struct sl_sender *key_of_b(const struct scene *scene)
{
    const struct sl_node *b = sl_fabric_node(scene->fabric, B);
    return &b->bearers[sl_fabric_bearer(scene->fabric, scene->medium, B)].sender;
}

static void forge(const struct scene *scene, uint32_t counter, const uint8_t *body, size_t len)
{
    uint8_t frame[SL_DATAGRAM_MAX];
    struct sl_address address;
    const struct sl_sender *key = key_of_b(scene);
    struct sl_frame_header header = {.epoch = key->epoch, .counter = counter};
    int frame_len = sl_frame_seal(sl_fabric_primitives(scene->fabric), key->key, &header, body, len,
                                  frame, sizeof(frame));
    assert_true(frame_len > 0);
    sl_fabric_address(scene->fabric, scene->medium, B, &address);
    sl_fabric_inject(scene->fabric, scene->medium, A, &address, frame, (size_t)frame_len);
}

/* Since when the link from A to B is up; it must be. */
static sl_time up_since(const struct scene *scene)
{
    struct sl_neighbour_info info;
    struct sl_address address;
    sl_fabric_address(scene->fabric, scene->medium, B, &address);
    for (size_t i = 0; sl_node_neighbour(sl_fabric_node(scene->fabric, A), i, &info); i++)
        if (memcmp(&info.address, &address, sizeof(address)) == 0 && info.state == SL_LINK_UP)
            return info.up_since;
    fail_msg("A has no link to B");
    return 0;
}

/* What B says reaches A at once, and over the link that was there before. */
static void assert_heard(const struct scene *scene, sl_time since)
{
    size_t before = sl_fabric_status(scene->fabric, A).stored_count;
    sl_fabric_publish(scene->fabric, B, "to all", 6, NULL);
    assert_true(sl_fabric_run_until_stored(scene->fabric, before + 1, SL_SECOND));
    assert_int_equal(up_since(scene), since);
}

/* A hello in B's name that equals A's own store would make A believe that B has nothing for it. */
static void test_a_forged_hello_is_refused(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t body[3 + SL_HELLO_LEN];
    struct sl_writer w;
    begin(&scene, 1);
    sl_time since = up_since(&scene);
    struct sl_node_status before = sl_fabric_status(scene.fabric, A);
    struct sl_hello hello = {.stored_count = 77};
    for (uint32_t i = 0; i < 100; i++) {
        sl_writer_init(&w, body, sizeof(body));
        sl_hello_write(&w, &hello);
        forge(&scene, key_of_b(&scene)->counter + i, body, w.len);
    }
    struct sl_node_status after = sl_fabric_status(scene.fabric, A);
    /* One look at a signature, and then the key is worth nothing any more. */
    assert_int_equal(after.rejected_signature - before.rejected_signature, 1);
    assert_int_equal(after.rejected_garbage - before.rejected_garbage, 99);
    sl_fabric_run(scene.fabric, 100 * SL_MILLISECOND);
    assert_heard(&scene, since);
    sl_fabric_run(scene.fabric, SL_MINUTE);
    assert_heard(&scene, since);
    sl_fabric_free(scene.fabric);
}

/* B's own signed hello under another counter is none of B's. */
static void test_a_signature_is_good_for_one_counter(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t body[SL_FRAME_BODY_MAX];
    struct sl_writer w;
    begin(&scene, 2);
    struct sl_hello hello = {.stored_count = 77};
    for (uint32_t shift = 0; shift < 2; shift++) {
        uint64_t before = sl_fabric_status(scene.fabric, A).rejected_signature;
        struct sl_frame_header header = {.epoch = key_of_b(&scene)->epoch,
                                         .counter = key_of_b(&scene)->counter};
        sl_writer_init(&w, body, sizeof(body));
        sl_hello_write(&w, &hello);
        size_t signed_len = w.len;
        uint8_t *signature = sl_element_reserve(&w, SL_ELEMENT_SIGNATURE, SL_SIGNATURE_LEN);
        sl_frame_sign(sl_fabric_primitives(scene.fabric), sl_fabric_seed(scene.fabric, B), &header,
                      body, signed_len, signature);
        forge(&scene, header.counter + shift, body, w.len);
        assert_int_equal(sl_fabric_status(scene.fabric, A).rejected_signature - before, shift);
    }
    sl_fabric_free(scene.fabric);
}

/* Nor may a frame to all hold what one neighbour says to one other. */
static void test_forged_pairwise_elements_are_refused(void **state)
{
    (void)state;
    const enum sl_element_type types[] = {
        SL_ELEMENT_SKETCH, SL_ELEMENT_MORE,     SL_ELEMENT_WANT,
        SL_ELEMENT_MARK,   SL_ELEMENT_ECHO,     SL_ELEMENT_WHO,
        SL_ELEMENT_CRL,    SL_ELEMENT_CRL_WANT, SL_ELEMENT_CRL_PART};
    for (size_t i = 0; i < SL_ARRAY_LEN(types); i++) {
        struct scene scene;
        const uint8_t body[] = {(uint8_t)types[i], 0, 2, 0, 0};
        begin(&scene, 10 + i);
        uint64_t before = sl_fabric_status(scene.fabric, A).rejected_signature;
        forge(&scene, key_of_b(&scene)->counter, body, sizeof(body));
        assert_int_equal(sl_fabric_status(scene.fabric, A).rejected_signature - before, 1);
        sl_fabric_free(scene.fabric);
    }
}

/* Envelopes that nobody signed, in B's name: B does not pay for them. */
static void test_forged_envelopes_do_not_use_up_the_neighbours_quota(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t body[200] = {SL_ELEMENT_ENVELOPE, 0, 197};
    begin(&scene, 3);
    sl_time since = up_since(&scene);
    const uint8_t payload[105] = {0};
    struct sl_envelope envelope = {.kind = SL_ENVELOPE_CHANNEL,
                                   .created = 1,
                                   .lifetime = 3600,
                                   .payload = payload,
                                   .payload_len = sizeof(payload)};
    sl_origin_of_key(sl_fabric_primitives(scene.fabric), sl_fabric_node(scene.fabric, B)->key,
                     envelope.origin);
    uint64_t before = sl_fabric_status(scene.fabric, A).rejected_signature;
    for (uint32_t i = 0; i < 500; i++) {
        envelope.created++;
        assert_int_equal(sl_envelope_encode(&envelope, sl_fabric_primitives(scene.fabric),
                                            sl_fabric_seed(scene.fabric, C), body + 8, 192),
                         192);
        forge(&scene, key_of_b(&scene)->counter + i, body, sizeof(body));
    }
    assert_int_equal(sl_fabric_status(scene.fabric, A).rejected_signature - before, 1);
    sl_fabric_run(scene.fabric, 100 * SL_MILLISECOND);
    assert_heard(&scene, since);
    sl_fabric_free(scene.fabric);
}

/* A forged frame with the highest counter, and all that B says to all is outside the window. */
static void test_a_spoiled_window_heals_without_a_break(void **state)
{
    (void)state;
    struct scene scene;
    const uint8_t unknown[] = {200, 0, 0};
    begin(&scene, 4);
    sl_time since = up_since(&scene);
    forge(&scene, UINT32_MAX, unknown, sizeof(unknown));
    sl_fabric_run(scene.fabric, 15 * SL_SECOND);
    assert_heard(&scene, since);
    for (uint32_t i = 0; i < 50; i++)
        forge(&scene, UINT32_MAX - i, unknown, sizeof(unknown));
    sl_fabric_run(scene.fabric, SL_MINUTE);
    assert_heard(&scene, since);
    sl_fabric_free(scene.fabric);
}

/* Where nobody forges and nothing is lost, one frame goes on reaching all. */
static void test_hellos_to_all_go_on(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, 6);
    uint64_t before = sl_fabric_datagrams(scene.fabric, scene.medium);
    sl_fabric_run(scene.fabric, SL_MINUTE);
    uint64_t sent = sl_fabric_datagrams(scene.fabric, scene.medium) - before;
    /* Hellos each second, beacons each five seconds, of three nodes. */
    assert_in_range(sent, 3 * 60, 3 * 60 * 3 / 2);
    assert_int_equal(sl_fabric_status(scene.fabric, A).rejected_signature, 0);
    sl_fabric_free(scene.fabric);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_forged_hello_is_refused),
        cmocka_unit_test(test_a_signature_is_good_for_one_counter),
        cmocka_unit_test(test_forged_pairwise_elements_are_refused),
        cmocka_unit_test(test_forged_envelopes_do_not_use_up_the_neighbours_quota),
        cmocka_unit_test(test_a_spoiled_window_heals_without_a_break),
        cmocka_unit_test(test_hellos_to_all_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
