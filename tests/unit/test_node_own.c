/* What a node does about its own certificate, alone and for a long time. */
#include "mesh/node.h"
#include "sim/fake_primitives.h"
#include "sim/fake_sessions.h"
#include "sim/memory_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A membership that counts how often a chain is checked: each costs a real one two signatures. */
struct counting {
    struct sl_membership real;
    unsigned checks;
};

static int check_and_count(void *ctx, const uint8_t *chain, size_t len, int64_t unix_time,
                           struct sl_identity *ret_identity, enum sl_refusal *ret_refusal)
{
    struct counting *counting = ctx;
    counting->checks++;
    return counting->real.check(counting->real.ctx, chain, len, unix_time, ret_identity,
                                ret_refusal);
}

static int own_chain(void *ctx, uint8_t *ret_chain, size_t cap)
{
    struct counting *counting = ctx;
    return counting->real.own_chain(counting->real.ctx, ret_chain, cap);
}

static bool is_revoked(void *ctx, const struct sl_identity *identity)
{
    struct counting *counting = ctx;
    return counting->real.revoked(counting->real.ctx, identity);
}

static const uint8_t *crl(void *ctx, uint64_t *ret_number, size_t *ret_len)
{
    struct counting *counting = ctx;
    return counting->real.crl(counting->real.ctx, ret_number, ret_len);
}

struct alone {
    struct sl_primitives primitives;
    struct sl_fake_member *member;
    struct sl_memory_store *store;
    struct counting counting;
    struct sl_node *node;
    sl_time now;
};

static void begin(struct alone *alone)
{
    memset(alone, 0, sizeof(*alone));
    sl_fake_primitives(&alone->primitives, 1);
    struct sl_fake_member_config member = {.primitives = &alone->primitives, .serial = 1};
    struct sl_node_config config = {
        .primitives = alone->primitives, .seed = {7}, .store_bytes_max = SL_STORE_BYTES_DEFAULT};
    config.primitives.sign_key(config.primitives.ctx, config.seed, member.key);
    alone->member = sl_fake_member_new(&member);
    alone->store = sl_memory_store_new();
    assert_true(alone->member && alone->store);
    sl_fake_membership(alone->member, &alone->counting.real);
    config.membership = (struct sl_membership){.ctx = &alone->counting,
                                               .check = check_and_count,
                                               .own_chain = own_chain,
                                               .revoked = is_revoked,
                                               .crl = crl};
    sl_fake_sessions(alone->member, &config.sessions);
    sl_memory_store_port(alone->store, &config.store);
    sl_quota_config_init(&config.quota);
    alone->now = 1000 * SL_SECOND;
    alone->node = sl_node_new(&config, alone->now);
    assert_non_null(alone->node);
}

static void end(struct alone *alone)
{
    sl_node_free(alone->node);
    sl_fake_member_free(alone->member);
    sl_memory_store_free(alone->store);
}

static void pass(struct alone *alone, sl_time duration)
{
    sl_time until = alone->now + duration;
    while (sl_node_deadline(alone->node) <= until) {
        sl_time at = sl_node_deadline(alone->node);
        alone->now = at > alone->now ? at : alone->now;
        sl_node_tick(alone->node, alone->now);
    }
    alone->now = until;
}

static void test_its_own_chain_is_checked_once(void **state)
{
    (void)state;
    struct alone alone;
    begin(&alone);
    pass(&alone, SL_HOUR);
    assert_int_equal(alone.counting.checks, 1);
    end(&alone);
}

static void test_a_renewed_one_is_checked_and_announced(void **state)
{
    (void)state;
    struct alone alone;
    struct sl_node_status status;
    begin(&alone);
    pass(&alone, SL_MINUTE);
    sl_fake_member_renew(alone.member, 2, 2000000000);
    pass(&alone, SL_MINUTE);
    assert_int_equal(alone.counting.checks, 2);
    sl_node_status(alone.node, alone.now, &status);
    assert_int_equal(status.origin_count, 1);
    end(&alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_own_chain_is_checked_once),
        cmocka_unit_test(test_a_renewed_one_is_checked_and_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
