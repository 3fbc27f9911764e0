/* The digest of a store, against sums of the sets that it stands for. */
#include "base/prng.h"
#include "mesh/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { IDS = 100 };

struct store {
    uint8_t ids[IDS][SL_ID_LEN];
    struct sl_digest digest;
};

/* With `count` of the ids, in this order. */
static void fill(struct store *store, size_t count)
{
    struct sl_prng prng;
    sl_prng_init(&prng, 1);
    *store = (struct store){0};
    for (size_t i = 0; i < IDS; i++)
        for (size_t j = 0; j < SL_ID_LEN; j++)
            store->ids[i][j] = (uint8_t)sl_prng_next(&prng);
    for (size_t i = 0; i < count; i++)
        sl_digest_add(&store->digest, store->ids[i]);
}

/* Whether `digest` is behind in the eyes of `store` once the ids with these numbers are missing. */
static bool is_behind_without(const struct store *store, const size_t *numbers, size_t count)
{
    struct sl_digest other = store->digest;
    uint8_t bytes[SL_DIGEST_LEN];
    for (size_t i = 0; i < count; i++)
        sl_digest_remove(&other, store->ids[numbers[i]]);
    sl_digest_write(&other, bytes);
    return sl_digest_is_behind(&store->digest, bytes, count);
}

static void test_what_goes_leaves_no_trace(void **state)
{
    (void)state;
    struct store store, empty;
    uint8_t a[SL_DIGEST_LEN], b[SL_DIGEST_LEN];
    fill(&store, 50);
    fill(&empty, 0);
    for (size_t i = 50; i > 0; i--)
        sl_digest_remove(&store.digest, store.ids[(i * 7) % 50]);
    sl_digest_write(&store.digest, a);
    sl_digest_write(&empty.digest, b);
    assert_memory_equal(a, b, sizeof(a));
    assert_int_equal(store.digest.recent_count, 0);
}

static void test_the_sum_carries(void **state)
{
    (void)state;
    struct sl_digest digest = {0};
    uint8_t id[SL_ID_LEN], sum[SL_DIGEST_LEN];
    const uint8_t expected[SL_DIGEST_LEN] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    memset(id, 0, sizeof(id));
    memset(id + 8, 0xff, 8);
    sl_digest_add(&digest, id);
    memset(id, 0, sizeof(id));
    id[15] = 1;
    sl_digest_add(&digest, id);
    sl_digest_write(&digest, sum);
    assert_memory_equal(sum, expected, sizeof(sum));
}

static void test_who_lacks_the_latest_is_behind(void **state)
{
    (void)state;
    struct store store;
    size_t latest[IDS];
    fill(&store, IDS);
    for (size_t i = 0; i < IDS; i++)
        latest[i] = IDS - 1 - i;
    for (size_t count = 0; count < IDS; count++)
        assert_int_equal(is_behind_without(&store, latest, count), count <= SL_RECENT_MAX);
}

static void test_order_may_differ_by_two(void **state)
{
    (void)state;
    struct store store;
    fill(&store, IDS);
    const size_t one[] = {95};
    const size_t two[] = {90, 97};
    const size_t five[] = {99, 98, 97, 89, 91};
    const size_t three_off[] = {99, 98, 90, 91, 92};
    const size_t long_ago[] = {80};
    assert_true(is_behind_without(&store, one, 1));
    assert_true(is_behind_without(&store, two, 2));
    assert_true(is_behind_without(&store, five, 5));
    assert_false(is_behind_without(&store, three_off, 5));
    assert_false(is_behind_without(&store, long_ago, 1));
}

static void test_who_has_something_else_is_not_behind(void **state)
{
    (void)state;
    struct store store, other;
    uint8_t bytes[SL_DIGEST_LEN];
    fill(&store, 50);
    for (size_t lacking = 1; lacking < 20; lacking++) {
        fill(&other, 50 - lacking - 1);
        sl_digest_add(&other.digest, other.ids[IDS - 1]);
        sl_digest_write(&other.digest, bytes);
        assert_false(sl_digest_is_behind(&store.digest, bytes, lacking));
    }
}

static void test_what_is_gone_is_not_lacked(void **state)
{
    (void)state;
    struct store store, other;
    uint8_t bytes[SL_DIGEST_LEN];
    fill(&store, 50);
    fill(&other, 48);
    sl_digest_remove(&store.digest, store.ids[49]);
    sl_digest_write(&other.digest, bytes);
    assert_false(sl_digest_is_behind(&store.digest, bytes, 2));
    assert_true(sl_digest_is_behind(&store.digest, bytes, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_leaves_no_trace),
        cmocka_unit_test(test_the_sum_carries),
        cmocka_unit_test(test_who_lacks_the_latest_is_behind),
        cmocka_unit_test(test_order_may_differ_by_two),
        cmocka_unit_test(test_who_has_something_else_is_not_behind),
        cmocka_unit_test(test_what_is_gone_is_not_lacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
