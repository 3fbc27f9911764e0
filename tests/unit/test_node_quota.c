/* Shares: of the fast path, of a link, of the store. */
#include "base/wire.h"
#include "mesh/index.h"
#include "sim/fabric.h"
#include "sim/solo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void send_texts(struct sl_solo *solo, struct sl_fake_peer *peer, int count, size_t len)
{
    uint8_t payload[1000] = {0};
    for (int i = 0; i < count; i++) {
        memcpy(payload, &i, sizeof(i));
        struct sl_solo_draft draft = {
            .kind = SL_ENVELOPE_CHANNEL, .payload = payload, .payload_len = len};
        sl_solo_send_envelope(solo, peer, &draft);
        sl_solo_drain(solo);
    }
}

/* The certificate of a member of the same invite as all of `many`, with a key of its own for each
 * number, as `through` sends it on. */
static void send_another_identity(struct sl_solo *solo, struct sl_fake_peer *through,
                                  struct sl_fake_peer *many, int number)
{
    uint8_t chain[200], value[SL_ENVELOPE_MAX];
    memcpy(many->seed, &number, sizeof(number));
    solo->primitives.sign_key(solo->primitives.ctx, many->seed, many->certificate.key);
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_IDENTITY,
                                  .payload = chain,
                                  .payload_len =
                                      sl_fake_chain(&many->certificate, chain, sizeof(chain))};
    size_t len = sl_solo_envelope(solo, many, &draft, value);
    sl_solo_send_element(solo, through, SL_ELEMENT_ENVELOPE, value, len);
}

static void test_an_origins_burst_and_rate(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 1, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_identity(&solo, peer);
    send_texts(&solo, peer, 1000, 20);
    struct sl_node_status status = sl_solo_status(&solo);
    assert_int_equal(status.accepted, SL_ORIGIN_BURST); /* the identity among them */
    assert_int_equal(status.rejected_quota, 1001 - SL_ORIGIN_BURST);
    sl_solo_run(&solo, 2 * SL_SECOND);
    send_texts(&solo, peer, 1000, 20);
    assert_in_range(sl_solo_status(&solo).accepted, SL_ORIGIN_BURST + 2 * SL_ORIGIN_RATE,
                    SL_ORIGIN_BURST + 2 * SL_ORIGIN_RATE + 1);
    sl_solo_done(&solo);
}

/* One of an origin whose dates are anywhere in the last hours; its short id. */
static uint64_t send_dated(struct sl_solo *solo, struct sl_fake_peer *peer, uint64_t created)
{
    uint8_t value[SL_ENVELOPE_MAX], id[SL_ID_LEN];
    struct sl_envelope envelope;
    struct sl_solo_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL, .created = created, .payload = "x", .payload_len = 1};
    size_t len = sl_solo_envelope(solo, peer, &draft, value);
    sl_solo_send_element(solo, peer, SL_ELEMENT_ENVELOPE, value, len);
    sl_solo_drain(solo);
    assert_int_equal(
        sl_envelope_decode(value + SL_ENVELOPE_MUTABLE, len - SL_ENVELOPE_MUTABLE, &envelope), 0);
    sl_envelope_id(&envelope, &solo->primitives, id);
    return sl_short_id(id);
}

/* How many of those envelopes the node gives when it is asked for them. */
static uint64_t ask_for(struct sl_solo *solo, struct sl_fake_peer *peer, const uint64_t *short_ids,
                        size_t count)
{
    uint8_t value[64 * SL_SHORT_ID_LEN];
    struct sl_writer w;
    uint64_t before = peer->elements[SL_ELEMENT_ENVELOPE];
    sl_writer_init(&w, value, sizeof(value));
    for (size_t i = 0; i < count; i++)
        sl_write_u64(&w, short_ids[i]);
    assert_int_equal(sl_write_done(&w), count * SL_SHORT_ID_LEN);
    sl_solo_send_element(solo, peer, SL_ELEMENT_WANT, value, count * SL_SHORT_ID_LEN);
    sl_solo_run(solo, 100 * SL_MILLISECOND);
    return peer->elements[SL_ELEMENT_ENVELOPE] - before;
}

/* A flood with invented dates finds room in as many windows as it likes: so each node would take
 * others of it, and repair bring them all together. */
static void test_row_15_a_flood_of_invented_dates_is_slow(void **state)
{
    (void)state;
    enum { FLOOD = 2000, WAIT_S = 10 };
    struct sl_solo solo;
    uint64_t short_ids[SL_ORIGIN_STOCK];
    uint64_t now_us = 1790000000 * (uint64_t)SL_SECOND;
    sl_solo_init(&solo, 9, true, NULL);
    struct sl_fake_peer *loud = sl_solo_add_peer(&solo), *other = sl_solo_add_peer(&solo);
    sl_node_set_time(solo.node, SL_CLOCK_NTP, (int64_t)now_us, solo.now);
    assert_true(sl_solo_link(&solo, loud));
    sl_solo_send_identity(&solo, loud);
    for (uint64_t i = 0; i < FLOOD; i++) {
        uint64_t short_id = send_dated(&solo, loud, now_us - (i + 100) * SL_SECOND);
        if (i < SL_ORIGIN_STOCK)
            short_ids[i] = short_id;
    }
    struct sl_node_status status = sl_solo_status(&solo);
    assert_int_equal(status.accepted, SL_ORIGIN_STOCK); /* the identity among them */
    assert_true(sl_solo_link(&solo, other));
    for (uint64_t i = 0; i < FLOOD; i++) /* it goes on: what there is room for is taken at once */
        send_dated(&solo, loud, now_us - (i + 2 * FLOOD) * SL_SECOND);
    assert_int_equal(ask_for(&solo, other, short_ids, 32), 0); /* it would refuse them as we do */
    sl_solo_run(&solo, WAIT_S * SL_SECOND);
    assert_int_equal(ask_for(&solo, other, short_ids, 32), 32); /* over: nothing was lost */
    uint64_t before = sl_solo_status(&solo).accepted;
    for (uint64_t i = 0; i < FLOOD; i++)
        send_dated(&solo, loud, now_us - (i + 4 * FLOOD) * SL_SECOND);
    assert_in_range(sl_solo_status(&solo).accepted - before, WAIT_S * SL_ORIGIN_STOCK_RATE,
                    (WAIT_S + 1) * SL_ORIGIN_STOCK_RATE);
    sl_solo_done(&solo);
}

/* More than a stock of one author, written while the other was away: as much comes at once, the
 * rest at the stock's rate. */
static void test_a_long_absence_is_made_up_at_the_stocks_rate(void **state)
{
    (void)state;
    enum { REST = 1500 };
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 5});
    for (int i = 0; i < 2; i++) {
        sl_fabric_add_node(fabric, NULL);
        sl_node_set_time(sl_fabric_node(fabric, i), SL_CLOCK_NTP, 1790000000 * SL_SECOND,
                         sl_fabric_now(fabric));
    }
    for (int i = 0; i < SL_ORIGIN_STOCK + REST; i++) {
        sl_fabric_publish(fabric, 0, (const uint8_t *)&i, sizeof(i), NULL);
        sl_fabric_run(fabric, SL_SECOND / SL_ORIGIN_RATE);
    }
    sl_fabric_run(fabric, 2 * SL_MINUTE);
    sl_fabric_line(fabric);
    sl_fabric_run(fabric, 5 * SL_SECOND);
    assert_in_range(sl_fabric_status(fabric, 1).accepted, SL_ORIGIN_STOCK, SL_ORIGIN_STOCK + 50);
    assert_true(sl_fabric_run_until_stored(fabric, SL_ORIGIN_STOCK + REST + 2,
                                           2 * REST / SL_ORIGIN_STOCK_RATE * SL_SECOND));
    sl_fabric_free(fabric);
}

/* The messages of today have a rate of their own beside such a flood. */
static void test_late_ones_leave_the_fast_path_alone(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint64_t now_us = 1790000000 * (uint64_t)SL_SECOND;
    sl_solo_init(&solo, 10, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    sl_node_set_time(solo.node, SL_CLOCK_NTP, (int64_t)now_us, solo.now);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_identity(&solo, peer);
    for (uint64_t i = 0; i < 2 * SL_ORIGIN_STOCK; i++)
        send_dated(&solo, peer, now_us - (i + 100) * SL_SECOND);
    uint64_t before = sl_solo_status(&solo).accepted;
    for (uint64_t i = 0; i < SL_ORIGIN_SHARE / 2; i++)
        send_dated(&solo, peer, now_us + i);
    assert_int_equal(sl_solo_status(&solo).accepted - before, SL_ORIGIN_SHARE / 2);
    sl_solo_done(&solo);
}

/* What was over the quota is not buried: it comes by repair. */
static void test_a_loud_origin_travels_by_repair(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 2});
    for (int i = 0; i < 3; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_stored(fabric, 3, 10 * SL_SECOND));
    for (int i = 0; i < 500; i++)
        sl_fabric_publish(fabric, 0, &i, sizeof(i), NULL);
    sl_fabric_run(fabric, 50 * SL_MILLISECOND);
    assert_in_range(sl_fabric_status(fabric, 1).stored_count, 190, 210);
    assert_true(sl_fabric_run_until_stored(fabric, 503, 20 * SL_SECOND));
    sl_fabric_free(fabric);
}

static void test_a_links_quota_holds_whatever_it_brings(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t value[SL_ENVELOPE_MAX];
    struct sl_node_config config = {.store_bytes_max = SL_STORE_BYTES_DEFAULT};
    sl_quota_config_init(&config.quota);
    config.quota.link_rate = 50;
    config.quota.link_burst = 200;
    sl_solo_init(&solo, 3, true, &config);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_identity(&solo, peer);
    struct sl_solo_draft draft = {.kind = SL_ENVELOPE_CHANNEL, .payload = "x", .payload_len = 1};
    size_t len = sl_solo_envelope(&solo, peer, &draft, value);
    for (int i = 0; i < 1000; i++) /* the same again and again */
        sl_solo_send_element(&solo, peer, SL_ELEMENT_ENVELOPE, value, len);
    struct sl_node_status status = sl_solo_status(&solo);
    assert_in_range(status.duplicates, 140, 150); /* the identity took fifty */
    assert_in_range(status.rejected_quota, 850, 860);
    sl_solo_done(&solo);
}

/* Signatures that do not hold cost fifty times as much: the node's work for a liar is bounded. */
static void test_bad_signatures_use_up_the_quota(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 4, true, NULL);
    struct sl_fake_peer *peer = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, peer));
    sl_solo_send_identity(&solo, peer);
    for (int i = 0; i < 5000; i++) {
        struct sl_solo_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                                      .payload = &i,
                                      .payload_len = sizeof(i),
                                      .bad_signature = true};
        sl_solo_send_envelope(&solo, peer, &draft);
    }
    assert_in_range(sl_solo_status(&solo).rejected_signature, 100, SL_LINK_BURST / 50);
    sl_solo_done(&solo);
}

/* The holder of an invite makes as many valid identities as he likes: what it costs to check them
 * is bounded for each link, and so no matter of names. */
static void test_row_15_chains_are_checked_at_a_bounded_rate(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_node_config config = {.store_bytes_max = SL_STORE_BYTES_DEFAULT};
    sl_quota_config_init(&config.quota);
    sl_solo_init(&solo, 8, true, &config);
    struct sl_fake_peer *liar = sl_solo_add_peer(&solo), *many = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, liar));
    many->mute = true;
    uint64_t before = sl_solo_status(&solo).accepted;
    for (int i = 0; i < 1000; i++) {
        send_another_identity(&solo, liar, many, i);
        sl_solo_drain(&solo);
    }
    assert_in_range(sl_solo_status(&solo).accepted - before, 100, SL_LINK_BURST / 50);
    sl_solo_done(&solo);
}

/* A full store gives up what the loudest wrote first; the quiet ones' words stay. */
static void test_a_full_store_gives_up_the_loudest(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_node_config config = {.store_bytes_max = 200000};
    config.quota.airtime_percent = 100;
    sl_solo_init(&solo, 5, true, &config);
    struct sl_fake_peer *quiet = sl_solo_add_peer(&solo), *loud = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, quiet) && sl_solo_link(&solo, loud));
    sl_solo_send_identity(&solo, quiet);
    sl_solo_send_identity(&solo, loud);
    send_texts(&solo, quiet, 20, 100);
    send_texts(&solo, loud, 1000, 1000);
    struct sl_node_status status = sl_solo_status(&solo);
    assert_true(status.stored_bytes <= 200000);
    assert_true(status.stored_bytes >= 190000);
    assert_int_equal(sl_memory_store_count(solo.store), status.stored_count);
    uint64_t before = status.duplicates;
    quiet->created = 1; /* the same envelopes again: all twenty and the identity are still here */
    sl_solo_send_identity(&solo, quiet);
    send_texts(&solo, quiet, 20, 100);
    assert_int_equal(sl_solo_status(&solo).duplicates - before, 21);
    sl_solo_done(&solo);
}

/* Ten thousand members of one invite, each with its own key, all through one link. */
static void test_row_15_ten_thousand_identities(void **state)
{
    (void)state;
    enum { IDENTITIES = 10000 };
    struct sl_solo solo;
    struct sl_node_config config = {.store_bytes_max = 1000000};
    size_t delivered = 0;
    sl_quota_config_init(&config.quota);
    sl_solo_init(&solo, 6, true, &config);
    struct sl_fake_peer *honest = sl_solo_add_peer(&solo), *liar = sl_solo_add_peer(&solo);
    struct sl_fake_peer *many = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, honest) && sl_solo_link(&solo, liar));
    sl_solo_send_identity(&solo, honest);
    many->mute = true;
    for (int i = 0; i < IDENTITIES; i++) {
        send_another_identity(&solo, liar, many, i);
        if (i % 100 == 99) {
            uint64_t before = sl_solo_status(&solo).accepted;
            sl_solo_send_text(&solo, honest, "still here");
            delivered += sl_solo_status(&solo).accepted - before;
            sl_solo_send_hello(&solo, honest, 1, (const uint8_t[16]){0});
            sl_solo_send_hello(&solo, liar, 1, (const uint8_t[16]){0});
        }
        sl_solo_run(&solo, SL_MILLISECOND);
    }
    struct sl_node_status status = sl_solo_status(&solo);
    assert_true(delivered >= 95);
    assert_true(status.origin_count <= SL_ORIGINS_MAX);
    assert_true(status.stored_bytes <= 1000000);
    assert_int_equal(status.neighbour_count, 2);
    sl_solo_done(&solo);
}

/* A key once known for an origin stays, whatever comes after; identities without any envelope in
 * the store are the ones that give way when the table is full. */
static void test_row_18_known_keys_stay(void **state)
{
    (void)state;
    struct sl_solo solo;
    struct sl_node_config config = {.store_bytes_max = 50000};
    config.quota.airtime_percent = 100;
    sl_solo_init(&solo, 7, true, &config);
    struct sl_fake_peer *friend = sl_solo_add_peer(&solo), *many = sl_solo_add_peer(&solo);
    assert_true(sl_solo_link(&solo, friend));
    sl_solo_send_identity(&solo, friend);
    sl_solo_send_text(&solo, friend, "first");
    many->mute = true;
    for (int i = 0; i < SL_ORIGINS_MAX + 500; i++) {
        send_another_identity(&solo, friend, many, i);
        sl_solo_drain(&solo);
    }
    assert_in_range(sl_solo_status(&solo).origin_count, SL_ORIGINS_MAX - 1, SL_ORIGINS_MAX);
    uint8_t origin[SL_ORIGIN_LEN];
    sl_origin_of_key(&solo.primitives, friend->certificate.key, origin);
    assert_string_equal(sl_node_name(solo.node, origin), friend->certificate.name);
    sl_origin_of_key(&solo.primitives, many->certificate.key, origin);
    assert_non_null(sl_node_name(solo.node, origin)); /* the last one found room */
    uint64_t before = sl_solo_status(&solo).accepted;
    sl_solo_send_text(&solo, friend, "second");
    assert_int_equal(sl_solo_status(&solo).accepted, before + 1);
    sl_solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_origins_burst_and_rate),
        cmocka_unit_test(test_row_15_a_flood_of_invented_dates_is_slow),
        cmocka_unit_test(test_a_long_absence_is_made_up_at_the_stocks_rate),
        cmocka_unit_test(test_late_ones_leave_the_fast_path_alone),
        cmocka_unit_test(test_a_loud_origin_travels_by_repair),
        cmocka_unit_test(test_a_links_quota_holds_whatever_it_brings),
        cmocka_unit_test(test_bad_signatures_use_up_the_quota),
        cmocka_unit_test(test_a_full_store_gives_up_the_loudest),
        cmocka_unit_test(test_row_15_ten_thousand_identities),
        cmocka_unit_test(test_row_15_chains_are_checked_at_a_bounded_rate),
        cmocka_unit_test(test_row_18_known_keys_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
