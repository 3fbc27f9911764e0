/* What survives a restart, and what a store in trouble does to a node. */
#include "sim/fabric.h"
#include "sim/solo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    int states[8];
    size_t state_count;
    size_t found, found_local, found_relayed;
    uint8_t first[4];
};

static void note_state(void *arg, int error)
{
    struct seen *seen = arg;
    seen->states[seen->state_count++ % 8] = error;
}

static void note_found(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                       sl_time born, bool local, bool relayed)
{
    struct seen *seen = arg;
    (void)id;
    (void)born;
    if (seen->found++ == 0 && envelope->payload_len >= 4)
        memcpy(seen->first, envelope->payload, 4);
    seen->found_local += local;
    seen->found_relayed += relayed;
}

static void test_the_store_comes_back(void **state)
{
    (void)state;
    struct seen seen = {.found = 0};
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 1});
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    for (uint8_t i = 0; i < 10; i++) {
        const uint8_t payload[4] = {i, 1, 2, 3};
        sl_fabric_publish(fabric, i % 2, payload, 4, NULL);
    }
    assert_true(sl_fabric_run_until_stored(fabric, 12, 10 * SL_SECOND));
    sl_fabric_run(fabric, 3 * SL_SECOND);
    sl_fabric_stop(fabric, 0);
    sl_fabric_run(fabric, SL_MINUTE);
    sl_fabric_start(fabric, 0);
    /* At once, and with nobody's help: */
    struct sl_node_status status = sl_fabric_status(fabric, 0);
    assert_int_equal(status.stored_count, 12);
    assert_int_equal(status.origin_count, 2);
    assert_int_equal(sl_node_each(sl_fabric_node(fabric, 0), SL_ENVELOPE_CHANNEL,
                                  sl_fabric_now(fabric), note_found, &seen),
                     0);
    assert_int_equal(seen.found, 10);
    assert_int_equal(seen.found_local, 5);
    assert_int_equal(seen.found_relayed, 5);
    const uint8_t first[4] = {0, 1, 2, 3};
    assert_memory_equal(seen.first, first, 4);
    assert_true(sl_fabric_run_until_linked(fabric, 10 * SL_SECOND));
    sl_fabric_run(fabric, 3 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 0).accepted, 0); /* nothing was missing */
    assert_int_equal(sl_fabric_status(fabric, 1).stored_count, 12);
    sl_fabric_free(fabric);
}

static void test_created_never_goes_back(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 2});
    sl_fabric_add_node(fabric, NULL);
    struct sl_node *node = sl_fabric_node(fabric, 0);
    uint64_t last = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t created = sl_node_next_created(node, sl_fabric_now(fabric));
        assert_true(created > last);
        assert_int_equal(created, sl_node_next_created(node, sl_fabric_now(fabric)));
        last = created;
        sl_fabric_publish(fabric, 0, &i, sizeof(i), NULL);
    }
    sl_node_set_time(node, SL_CLOCK_NTP, INT64_C(1900000000000000), sl_fabric_now(fabric));
    assert_int_equal(sl_node_next_created(node, sl_fabric_now(fabric)), 1900000000000000);
    sl_fabric_publish(fabric, 0, "x", 1, NULL);
    sl_node_set_time(node, SL_CLOCK_NTP, INT64_C(1800000000000000), sl_fabric_now(fabric));
    assert_int_equal(sl_node_next_created(node, sl_fabric_now(fabric)), 1900000000000001);
    sl_fabric_publish(fabric, 0, "y", 1, NULL);
    sl_fabric_stop(fabric, 0);
    sl_fabric_start(fabric, 0); /* without any clock */
    assert_true(sl_node_next_created(sl_fabric_node(fabric, 0), sl_fabric_now(fabric)) >
                1900000000000001);
    sl_fabric_free(fabric);
}

/* A draft must carry the time that was handed out, and a lifetime within bounds. */
static void test_bad_drafts_are_refused(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t payload[SL_PAYLOAD_MAX + 1] = {0}, id[SL_ID_LEN];
    sl_solo_init(&solo, 3, true, NULL);
    sl_solo_run(&solo, SL_MILLISECOND);
    struct sl_draft good = {.kind = SL_ENVELOPE_CHANNEL,
                            .created = sl_node_next_created(solo.node, solo.now),
                            .lifetime = 60,
                            .payload = payload,
                            .payload_len = SL_PAYLOAD_MAX};
    struct sl_draft bad = good;
    bad.payload_len++;
    assert_int_equal(sl_node_publish(solo.node, &bad, solo.now, id), -EMSGSIZE);
    bad = good;
    bad.lifetime = 0;
    assert_int_equal(sl_node_publish(solo.node, &bad, solo.now, id), -EINVAL);
    bad.lifetime = (uint32_t)(SL_LIFETIME_MAX / SL_SECOND) + 1;
    assert_int_equal(sl_node_publish(solo.node, &bad, solo.now, id), -EINVAL);
    assert_int_equal(sl_node_publish(solo.node, &good, solo.now, id), 0);
    assert_int_equal(sl_node_publish(solo.node, &good, solo.now, id), -EINVAL); /* not later */
    good.created++;
    good.payload_len = 0; /* an empty one is an envelope like any other */
    assert_int_equal(sl_node_publish(solo.node, &good, solo.now, id), 0);
    assert_int_equal(sl_solo_status(&solo).stored_count, 3);
    sl_solo_done(&solo);
}

static void test_a_store_in_trouble_is_reported_once(void **state)
{
    (void)state;
    struct seen seen = {.state_count = 0};
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 4});
    struct sl_fabric_node_config config = {.events = {.arg = &seen, .store_state = note_state}};
    sl_fabric_add_node(fabric, &config);
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_stored(fabric, 2, 10 * SL_SECOND));
    sl_memory_store_fail(sl_fabric_store(fabric, 0), -ENOSPC);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sl_fabric_publish(fabric, 0, &i, sizeof(i), NULL), -ENOSPC);
    assert_int_equal(sl_fabric_status(fabric, 0).store_error, -ENOSPC);
    assert_true(sl_fabric_run_until_stored(fabric, 7, SL_SECOND)); /* it spreads all the same */
    sl_memory_store_fail(sl_fabric_store(fabric, 0), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sl_fabric_publish(fabric, 0, &i, sizeof(i), NULL), 0);
    assert_int_equal(seen.state_count, 2);
    assert_int_equal(seen.states[0], -ENOSPC);
    assert_int_equal(seen.states[1], 0);
    /* Kept by nobody: nothing happened. */
    sl_memory_store_fail(sl_fabric_store(fabric, 0), -ENOBUFS);
    assert_int_equal(sl_fabric_publish(fabric, 0, "lost", 4, NULL), -ENOBUFS);
    assert_int_equal(sl_fabric_status(fabric, 0).stored_count, 12);
    assert_int_equal(seen.state_count, 2);
    sl_fabric_free(fabric);
}

/* A disk that cannot be read: nothing is given that was not read, and the node goes on. */
static void test_unreadable_envelopes_are_not_given(void **state)
{
    (void)state;
    struct seen seen = {.found = 0};
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 5});
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_publish(fabric, 0, "x", 1, NULL);
    sl_fabric_run(fabric, SL_MILLISECOND);
    sl_memory_store_fail_reads(sl_fabric_store(fabric, 0), -EIO);
    sl_fabric_line(fabric);
    sl_fabric_run(fabric, 20 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 1).accepted, 0);
    assert_int_equal(sl_node_each(sl_fabric_node(fabric, 0), SL_ENVELOPE_CHANNEL,
                                  sl_fabric_now(fabric), note_found, &seen),
                     -EIO);
    sl_memory_store_fail_reads(sl_fabric_store(fabric, 0), 0);
    assert_true(sl_fabric_run_until_stored(fabric, 3, 2 * SL_MINUTE));
    sl_fabric_free(fabric);
}

/* The key of who is no neighbour is in its IDENTITY: where that could not be read at the start, a
 * copy of it is asked for when something comes that needs it. */
static void test_an_identity_unread_at_the_start_is_learnt_again(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 15});
    for (int i = 0; i < 3; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_stored(fabric, 3, 10 * SL_SECOND));
    sl_memory_store_fail_reads(sl_fabric_store(fabric, 2), -EIO);
    sl_fabric_stop(fabric, 2);
    sl_fabric_start(fabric, 2);
    sl_memory_store_fail_reads(sl_fabric_store(fabric, 2), 0);
    sl_fabric_run(fabric, 10 * SL_SECOND);
    size_t before = sl_fabric_status(fabric, 0).stored_count;
    for (int i = 0; i < 5; i++)
        sl_fabric_publish(fabric, 0, &i, sizeof(i), NULL);
    assert_true(sl_fabric_run_until_stored(fabric, before + 5, 20 * SL_SECOND));
    uint64_t unknown = sl_fabric_status(fabric, 2).rejected_unknown;
    assert_in_range(unknown, 1, 5); /* or nothing had to be learnt */
    sl_fabric_publish(fabric, 0, "known", 5, NULL);
    assert_true(sl_fabric_run_until_stored(fabric, before + 6, 10 * SL_SECOND));
    assert_int_equal(sl_fabric_status(fabric, 2).rejected_unknown, unknown);
    sl_fabric_free(fabric);
}

/* The plug is pulled again and again: what publish() called durable is never lost. */
static void test_pulled_plugs_lose_nothing_synced(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 6});
    for (int i = 0; i < 3; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    size_t count = 0;
    for (int i = 0; i < 60; i++) {
        int victim = i % 3;
        for (int j = 0; j < 3; j++) {
            assert_int_equal(sl_fabric_publish(fabric, victim, &i, sizeof(i), NULL), 0);
            count++;
        }
        sl_fabric_pull_plug(fabric, victim);
        sl_fabric_run(fabric, 100 * SL_MILLISECOND);
        sl_fabric_start(fabric, victim);
        sl_fabric_run(fabric, 700 * SL_MILLISECOND);
    }
    assert_true(sl_fabric_run_until_stored(fabric, count + 3, 30 * SL_SECOND));
    sl_fabric_free(fabric);
}

static void test_revocation_survives_a_restart(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 7});
    uint8_t crl[16];
    for (int i = 0; i < 3; i++)
        sl_fabric_add_node(fabric, NULL);
    sl_fabric_line(fabric);
    assert_true(sl_fabric_run_until_stored(fabric, 3, 10 * SL_SECOND));
    uint32_t serial = sl_fake_member_serial(sl_fabric_member(fabric, 2));
    size_t len = sl_fake_crl(0, 5, &serial, 1, crl, sizeof(crl));
    assert_int_equal(sl_node_revoke(sl_fabric_node(fabric, 0), crl, len, sl_fabric_now(fabric)), 0);
    sl_fabric_touch(fabric, 0);
    sl_fabric_run(fabric, SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 1).neighbour_count, 1);
    sl_fabric_stop(fabric, 1);
    sl_fabric_start(fabric, 1);
    sl_fabric_run(fabric, 20 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 1).neighbour_count, 1);
    assert_true(sl_fabric_status(fabric, 1).refused[SL_REFUSAL_REVOKED] >= 1);
    sl_fabric_free(fabric);
}

static void test_not_a_crl_is_refused(void **state)
{
    (void)state;
    struct sl_solo solo;
    sl_solo_init(&solo, 8, true, NULL);
    assert_int_equal(sl_node_revoke(solo.node, (const uint8_t *)"?", 1, solo.now), -EBADMSG);
    assert_int_equal(sl_node_revoke(solo.node, NULL, 0, solo.now), -EBADMSG);
    sl_solo_done(&solo);
}

/* Our own IDENTITY is in the mesh, is renewed when half of its week is over, and when it changes.
 */
static void test_the_own_identity_is_kept_fresh(void **state)
{
    (void)state;
    struct seen seen = {.found = 0};
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 9});
    sl_fabric_add_node(fabric, NULL);
    struct sl_node *node = sl_fabric_node(fabric, 0);
    sl_fabric_run(fabric, 3 * SL_DAY);
    assert_int_equal(sl_fabric_status(fabric, 0).stored_count, 1);
    sl_fabric_run(fabric, SL_DAY);
    assert_int_equal(sl_fabric_status(fabric, 0).stored_count, 2);
    sl_fabric_run(fabric, 60 * SL_DAY);
    assert_in_range(sl_fabric_status(fabric, 0).stored_count, 1, 2);
    sl_node_each(node, SL_ENVELOPE_IDENTITY, sl_fabric_now(fabric), note_found, &seen);
    sl_fake_member_renew(sl_fabric_member(fabric, 0), 77, 2000000000);
    sl_fabric_run(fabric, 2 * SL_SECOND);
    assert_int_equal(sl_fabric_status(fabric, 0).stored_count, seen.found + 1);
    sl_fabric_free(fabric);
}

/* A store that shrank, and rows that nobody can use. */
static void test_a_smaller_store_gives_up_the_excess(void **state)
{
    (void)state;
    struct sl_solo solo;
    uint8_t payload[1000] = {0}, id[SL_ID_LEN];
    sl_solo_init(&solo, 10, true, NULL);
    for (int i = 0; i < 200; i++) {
        struct sl_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                                 .created = sl_node_next_created(solo.node, solo.now),
                                 .lifetime = 3600,
                                 .payload = payload,
                                 .payload_len = sizeof(payload)};
        assert_int_equal(sl_node_publish(solo.node, &draft, solo.now, id), 0);
    }
    struct sl_store_port port;
    struct sl_stored stored = {.origin = {1}, .kind = 1, .len = 1, .lifetime = 60};
    sl_memory_store_port(solo.store, &port);
    for (int i = 0; i < 3; i++) /* one id three times */
        assert_int_equal(port.put(port.ctx, &stored, (const uint8_t *)"x", true, &stored.row), 0);
    struct sl_node_config config = {
        .primitives = solo.primitives, .store = port, .store_bytes_max = 50000};
    sl_quota_config_init(&config.quota);
    memcpy(config.seed, solo.node_seed, SL_KEY_LEN);
    sl_fake_membership(solo.member, &config.membership);
    sl_fake_sessions(solo.member, &config.sessions);
    struct sl_node *smaller = sl_node_new(&config, solo.now);
    struct sl_node_status status;
    sl_node_status(smaller, solo.now, &status);
    assert_true(status.stored_bytes <= 50000);
    assert_true(status.stored_count >= 40);
    assert_int_equal(sl_memory_store_count(solo.store), status.stored_count);
    sl_node_free(smaller);
    solo.store = (sl_memory_store_free(solo.store), sl_memory_store_new());
    sl_memory_store_port(solo.store, &port);
    sl_solo_done(&solo);
}

/* Time passes while the board is off: what expired meanwhile is gone at the start. */
static void test_what_expired_while_off_is_gone(void **state)
{
    (void)state;
    struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 11});
    sl_fabric_add_node(fabric, NULL);
    sl_fabric_publish(fabric, 0, "x", 1, NULL); /* a day */
    sl_fabric_run(fabric, SL_SECOND);
    sl_fabric_stop(fabric, 0);
    sl_fabric_run(fabric, SL_DAY);
    sl_fabric_start(fabric, 0);
    assert_int_equal(sl_fabric_status(fabric, 0).stored_count, 1); /* the identity's week */
    assert_int_equal(sl_memory_store_count(sl_fabric_store(fabric, 0)), 1);
    sl_fabric_free(fabric);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_store_comes_back),
        cmocka_unit_test(test_created_never_goes_back),
        cmocka_unit_test(test_bad_drafts_are_refused),
        cmocka_unit_test(test_a_store_in_trouble_is_reported_once),
        cmocka_unit_test(test_unreadable_envelopes_are_not_given),
        cmocka_unit_test(test_an_identity_unread_at_the_start_is_learnt_again),
        cmocka_unit_test(test_pulled_plugs_lose_nothing_synced),
        cmocka_unit_test(test_revocation_survives_a_restart),
        cmocka_unit_test(test_not_a_crl_is_refused),
        cmocka_unit_test(test_the_own_identity_is_kept_fresh),
        cmocka_unit_test(test_a_smaller_store_gives_up_the_excess),
        cmocka_unit_test(test_what_expired_while_off_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
