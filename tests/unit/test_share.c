/* What one origin, and all of one invite, may have of everybody's store. */
#include "sim/fabric.h"
#include "sim/solo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { FLOOD = 200 };

/* Envelope `number` of a flood: dates a millisecond apart from the start of a window on. */
static void send_numbered(struct sl_solo *solo, struct sl_fake_peer *peer, uint64_t base,
                          uint32_t number)
{
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                                  .created = base + number * (uint64_t)SL_MILLISECOND,
                                  .payload = &number,
                                  .payload_len = sizeof(number)};
    sl_solo_send_envelope(solo, peer, &draft);
    sl_solo_drain(solo);
}

struct kept {
    size_t count;
    uint64_t last; /* the latest creation time */
    uint64_t sum;
};

static void note(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                 sl_time born, bool local, bool relayed)
{
    (void)id, (void)born, (void)local, (void)relayed;
    struct kept *kept = arg;
    kept->count++;
    kept->sum += envelope->created;
    if (envelope->created > kept->last)
        kept->last = envelope->created;
}

static struct kept kept_of(struct sl_solo *solo)
{
    struct kept kept = {0};
    assert_int_equal(sl_node_each(solo->node, SL_ENVELOPE_CHANNEL, solo->now, note, &kept), 0);
    return kept;
}

static uint64_t window_start(uint64_t number)
{
    return number * (uint64_t)SL_ORIGIN_WINDOW;
}

static void begin(struct sl_solo *solo, uint64_t seed, struct sl_fake_peer **ret_peer)
{
    sl_solo_init(solo, seed, true, NULL);
    *ret_peer = sl_solo_add_peer(solo);
    assert_true(sl_solo_link(solo, *ret_peer));
    sl_solo_send_identity(solo, *ret_peer);
}

/* Forwards, backwards, and mixed up: the first of the window are kept, and the same everywhere. */
static void test_a_flood_leaves_the_same_everywhere(void **state)
{
    (void)state;
    for (int order = 0; order < 3; order++) {
        struct sl_solo solo;
        struct sl_fake_peer *peer;
        begin(&solo, 1, &peer);
        for (uint32_t i = 0; i < FLOOD; i++) {
            uint32_t number = order == 0 ? i : order == 1 ? FLOOD - 1 - i : i * 77 % FLOOD;
            send_numbered(&solo, peer, window_start(1000), number);
            sl_solo_run(&solo, SL_SECOND / SL_ORIGIN_RATE); /* within the rate of arrival */
        }
        struct kept kept = kept_of(&solo);
        assert_int_equal(kept.count, SL_ORIGIN_SHARE);
        assert_int_equal(kept.last, window_start(1000) + (SL_ORIGIN_SHARE - 1) * SL_MILLISECOND);
        sl_solo_done(&solo);
    }
}

/* What we ask for is held to the same share, or a flood would come by repair. */
static void test_repair_brings_no_more_than_the_share(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peer;
    begin(&solo, 2, &peer);
    sl_solo_run(&solo, SL_SECOND);
    sl_solo_send_hello(&solo, peer, 1000, (const uint8_t[16]){1});
    sl_solo_drain(&solo);
    for (uint32_t i = 0; i < FLOOD; i++)
        send_numbered(&solo, peer, window_start(1000), i);
    assert_int_equal(kept_of(&solo).count, SL_ORIGIN_SHARE);
    for (uint32_t i = 0; i < SL_ORIGIN_SHARE; i++) /* the next window is another matter */
        send_numbered(&solo, peer, window_start(1001), i);
    assert_int_equal(kept_of(&solo).count, 2 * SL_ORIGIN_SHARE);
    sl_solo_done(&solo);
}

/* Others' shares are their own. */
static void test_a_flood_takes_nothing_from_others(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *loud;
    begin(&solo, 3, &loud);
    struct sl_fake_peer *quiet = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, quiet));
    sl_solo_send_identity(&solo, quiet);
    for (uint32_t i = 0; i < FLOOD; i++)
        send_numbered(&solo, loud, window_start(1000), i);
    for (uint32_t i = 0; i < SL_ORIGIN_SHARE; i++)
        send_numbered(&solo, quiet, window_start(1000), i);
    assert_int_equal(kept_of(&solo).count, 2 * SL_ORIGIN_SHARE);
    sl_solo_done(&solo);
}

/* A node that writes quickly dates ahead of its clock rather than lose what it writes. */
static void test_honest_writers_stay_within_it(void **state)
{
    (void)state;
    enum { TEXTS = 1000 };
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 4});
    for (int i = 0; i < 3; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_stored(fabric, 3, 10 * SL_SECOND));
    uint64_t before = sl_node_next_created(sl_fabric_node(fabric, 0), sl_fabric_now(fabric));
    for (int i = 0; i < TEXTS; i++)
        sl_fabric_publish(fabric, 0, &i, sizeof(i), NULL);
    uint64_t after = sl_node_next_created(sl_fabric_node(fabric, 0), sl_fabric_now(fabric));
    assert_in_range((after - before) / (uint64_t)SL_SECOND, TEXTS / SL_ORIGIN_RATE - 4,
                    TEXTS / SL_ORIGIN_RATE + 2);
    assert_true(sl_fabric_run_until_stored(fabric, 3 + TEXTS, 30 * SL_SECOND));
    sl_fabric_free(fabric);
}

/* A guest of that invite, speaking through `through`: its certificate, then a word dated so. */
static void send_guest(struct sl_solo *solo, struct sl_fake_peer *through,
                       struct sl_fake_peer *guest, uint32_t number, uint64_t created)
{
    uint8_t chain[200], value[SL_ENVELOPE_MAX];
    memcpy(guest->seed, &number, sizeof(number));
    solo->primitives.sign_key(solo->primitives.ctx, guest->seed, guest->certificate.key);
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_IDENTITY,
                                  .created = (5000 + number) * (uint64_t)SL_INVITE_WINDOW,
                                  .payload = chain,
                                  .payload_len =
                                      sl_fake_chain(&guest->certificate, chain, sizeof(chain))};
    size_t len = sl_solo_envelope(solo, guest, &draft, value);
    sl_solo_send_element(solo, through, SL_ELEMENT_ENVELOPE, value, len);
    draft.kind = SL_ENVELOPE_CHANNEL;
    draft.created = created;
    len = sl_solo_envelope(solo, guest, &draft, value);
    sl_solo_send_element(solo, through, SL_ELEMENT_ENVELOPE, value, len);
    sl_solo_run(solo, 2 * SL_SECOND / SL_INVITE_RATE);
}

/* The holder of an invite makes as many origins as he likes: together they have the invite's. */
static void test_row_15_guests_share_what_their_invite_has(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peer;
    begin(&solo, 5, &peer);
    struct sl_fake_peer *guest = sl_solo_add_peer(&solo);
    guest->mute = true;
    guest->certificate.invite = 77;
    for (uint32_t i = 0; i < 2 * SL_INVITE_SHARE; i++)
        send_guest(&solo, peer, guest, i, 1000 * (uint64_t)SL_INVITE_WINDOW);
    assert_int_equal(kept_of(&solo).count, SL_INVITE_SHARE);
    for (uint32_t i = 0; i < SL_ORIGIN_SHARE; i++) /* who has it from the authority is apart */
        send_numbered(&solo, peer, 1000 * (uint64_t)SL_INVITE_WINDOW, i);
    assert_int_equal(kept_of(&solo).count, SL_INVITE_SHARE + SL_ORIGIN_SHARE);
    sl_solo_done(&solo);
}

static void test_row_15_an_invite_admits_so_many_and_no_more(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peer;
    begin(&solo, 6, &peer);
    struct sl_fake_peer *guest = sl_solo_add_peer(&solo);
    guest->mute = true;
    size_t before = sl_solo_status(&solo).origin_count;
    guest->certificate.invite = 77;
    for (uint32_t i = 0; i < SL_INVITE_ORIGINS_MAX + 500; i++)
        send_guest(&solo, peer, guest, i, (1000 + i) * (uint64_t)SL_INVITE_WINDOW);
    assert_int_equal(sl_solo_status(&solo).origin_count, before + SL_INVITE_ORIGINS_MAX);
    guest->certificate.invite = 78; /* another invite still admits */
    send_guest(&solo, peer, guest, 1000000, 1);
    assert_int_equal(sl_solo_status(&solo).origin_count, before + SL_INVITE_ORIGINS_MAX + 1);
    sl_solo_done(&solo);
}

/* Certificates are dear, so they have a share of their own; and what is refused takes no place. */
static void test_row_15_certificates_come_slowly(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_fake_peer *peer;
    begin(&solo, 7, &peer);
    struct sl_fake_peer *guest = sl_solo_add_peer(&solo);
    guest->mute = true;
    guest->certificate.invite = 77;
    size_t before = sl_solo_status(&solo).origin_count;
    for (uint32_t i = 0; i < 3 * SL_INVITE_IDENTITIES; i++) {
        uint8_t chain[200], value[SL_ENVELOPE_MAX];
        memcpy(guest->seed, &i, sizeof(i));
        solo.primitives.sign_key(solo.primitives.ctx, guest->seed, guest->certificate.key);
        struct sl_solo_draft draft = {.kind = SL_ENVELOPE_IDENTITY,
                                      .created = 1000 * (uint64_t)SL_INVITE_WINDOW + i,
                                      .payload = chain,
                                      .payload_len =
                                          sl_fake_chain(&guest->certificate, chain, sizeof(chain))};
        size_t len = sl_solo_envelope(&solo, guest, &draft, value);
        sl_solo_send_element(&solo, peer, SL_ELEMENT_ENVELOPE, value, len);
    }
    assert_int_equal(sl_solo_status(&solo).origin_count, before + SL_INVITE_IDENTITIES);
    sl_solo_done(&solo);
}

/* ---- Turns ---- */

enum { LOUD = 300, WORDS = 3 };

struct order {
    size_t count;
    size_t last_word; /* place of the last that the quiet one wrote */
};

static void note_order(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                       sl_time born, bool local)
{
    (void)id, (void)born, (void)local;
    struct order *order = arg;
    order->count++;
    if (envelope->kind == SL_ENVELOPE_CHANNEL && envelope->payload_len == 1)
        order->last_word = order->count;
}

/* Who wrote little, and last, is not held up by who wrote much. */
static void test_repair_gives_each_origin_its_turn(void **state)
{
    (void)state;
    struct order order = {0};
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 8});
    for (int i = 0; i < 2; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_stored(fabric, 2, 10 * SL_SECOND));
    for (int i = 0; i < LOUD; i++)
        sl_fabric_publish(fabric, 0, &i, sizeof(i), NULL);
    assert_true(sl_fabric_run_until_stored(fabric, 2 + LOUD, 30 * SL_SECOND));
    for (int i = 0; i < WORDS; i++)
        sl_fabric_publish(fabric, 1, "x", 1, NULL);
    struct sl_fabric_node_config late = {.events = {.arg = &order, .accepted = note_order}};
    int number = sl_fabric_add_node(fabric, &late);
    sl_fabric_link(fabric, 1, number);
    assert_true(sl_fabric_run_until_stored(fabric, 3 + LOUD + WORDS, 30 * SL_SECOND));
    assert_in_range(order.last_word, WORDS, 3 * WORDS + 3);
    sl_fabric_free(fabric);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flood_leaves_the_same_everywhere),
        cmocka_unit_test(test_repair_brings_no_more_than_the_share),
        cmocka_unit_test(test_a_flood_takes_nothing_from_others),
        cmocka_unit_test(test_honest_writers_stay_within_it),
        cmocka_unit_test(test_row_15_guests_share_what_their_invite_has),
        cmocka_unit_test(test_row_15_an_invite_admits_so_many_and_no_more),
        cmocka_unit_test(test_row_15_certificates_come_slowly),
        cmocka_unit_test(test_repair_gives_each_origin_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
