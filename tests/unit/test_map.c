/* The hash map, against an array that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/prng.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum {
    KEY_LEN_MAX = 32,
    KEY_COUNT = 300,
};

/* Key number i, of any length; different for i below 256 even with a length of 1. */
static void make_key(uint8_t *key, size_t key_len, size_t i)
{
    memset(key, 0x5a, key_len);
    key[key_len - 1] = (uint8_t)i;
    if (key_len > 1)
        key[0] = (uint8_t)(i >> 8);
    if (key_len > 2)
        key[1] = (uint8_t)(i >> 16);
}

struct model {
    uint32_t values[KEY_COUNT]; /* SL_MAP_EMPTY if absent */
    size_t count;
};

static void compare(const struct sl_map *map, const struct model *m, size_t key_count)
{
    uint8_t key[KEY_LEN_MAX];
    for (size_t i = 0; i < key_count; i++) {
        make_key(key, map->key_len, i);
        assert_int_equal(sl_map_get(map, key), m->values[i]);
    }
    assert_int_equal(map->count, m->count);
}

static void put_one(struct sl_map *map, struct model *m, size_t i, uint32_t value)
{
    uint8_t key[KEY_LEN_MAX];
    make_key(key, map->key_len, i);
    bool is_new = m->values[i] == SL_MAP_EMPTY;
    int r = sl_map_put(map, key, value);
    if (is_new && m->count == map->count_cap) {
        assert_int_equal(r, -ENOSPC);
        return;
    }
    assert_int_equal(r, 0);
    m->count += is_new;
    m->values[i] = value;
}

static void remove_one(struct sl_map *map, struct model *m, size_t i)
{
    uint8_t key[KEY_LEN_MAX];
    make_key(key, map->key_len, i);
    bool was_there = m->values[i] != SL_MAP_EMPTY;
    assert_int_equal(sl_map_remove(map, key), was_there);
    m->count -= was_there;
    m->values[i] = SL_MAP_EMPTY;
}

static void run_against_model(uint64_t seed, size_t key_len, size_t count_cap)
{
    struct sl_prng prng;
    sl_prng_init(&prng, seed);
    size_t key_count = key_len == 1 ? 256 : KEY_COUNT;
    struct model m;
    memset(&m, 0xff, sizeof(m));
    m.count = 0;
    struct sl_map map;
    sl_map_init(&map, key_len, count_cap, sl_prng_next(&prng));
    for (int step = 0; step < 3000; step++) {
        /* Filling to the bound and draining take turns. */
        uint64_t put_share = step / 750 % 2 ? 3 : 8;
        size_t i = sl_prng_below(&prng, key_count);
        if (sl_prng_below(&prng, 10) < put_share)
            put_one(&map, &m, i, (uint32_t)sl_prng_below(&prng, SL_MAP_EMPTY));
        else
            remove_one(&map, &m, i);
        if (step % 16 == 0)
            compare(&map, &m, key_count);
    }
    for (size_t i = 0; i < key_count; i++) {
        remove_one(&map, &m, i);
        if (i % 8 == 0)
            compare(&map, &m, key_count);
    }
    compare(&map, &m, key_count);
    sl_map_done(&map);
}

static void test_random_operations_against_model(void **state)
{
    (void)state;
    static const size_t key_lens[] = {1, 2, 7, 8, 9, 16, 31, 32};
    static const size_t caps[] = {1, 11, 12, 13, 96, 200};
    for (size_t i = 0; i < SL_ARRAY_LEN(key_lens); i++) {
        for (size_t j = 0; j < SL_ARRAY_LEN(caps); j++) {
            uint64_t seed = 100 * i + j;
            print_message("seed %u key_len %u cap %u\n", (unsigned)seed, (unsigned)key_lens[i],
                          (unsigned)caps[j]);
            run_against_model(seed, key_lens[i], caps[j]);
        }
    }
}

static void test_empty(void **state)
{
    (void)state;
    struct sl_map map;
    uint8_t key[4] = {0};
    sl_map_init(&map, sizeof(key), 10, 1);
    assert_int_equal(sl_map_get(&map, key), SL_MAP_EMPTY);
    assert_false(sl_map_remove(&map, key));
    sl_map_done(&map);
    sl_map_done(&map);

    sl_map_init(&map, sizeof(key), 0, 1);
    assert_int_equal(sl_map_put(&map, key, 1), -ENOSPC);
    assert_int_equal(sl_map_get(&map, key), SL_MAP_EMPTY);
    sl_map_done(&map);
}

static void test_extreme_values(void **state)
{
    (void)state;
    struct sl_map map;
    const uint8_t zeros[2] = {0, 0};
    const uint8_t ones[2] = {0xff, 0xff};
    sl_map_init(&map, 2, 2, 1);
    assert_int_equal(sl_map_put(&map, zeros, 0), 0);
    assert_int_equal(sl_map_put(&map, ones, SL_MAP_EMPTY - 1), 0);
    assert_int_equal(sl_map_get(&map, zeros), 0);
    assert_int_equal(sl_map_get(&map, ones), SL_MAP_EMPTY - 1);
    sl_map_done(&map);
}

static void test_growth_to_the_bound(void **state)
{
    (void)state;
    enum { BOUND = 5000 };
    struct sl_map map;
    uint8_t key[8];
    sl_map_init(&map, sizeof(key), BOUND, 7);
    for (uint32_t i = 0; i < BOUND; i++) {
        make_key(key, sizeof(key), i);
        assert_int_equal(sl_map_put(&map, key, i), 0);
        assert_true(map.count < map.slots);
    }
    assert_true(map.slots <= 4 * BOUND);
    make_key(key, sizeof(key), BOUND);
    assert_int_equal(sl_map_put(&map, key, 1), -ENOSPC);
    assert_int_equal(sl_map_get(&map, key), SL_MAP_EMPTY);
    for (uint32_t i = 0; i < BOUND; i++) {
        make_key(key, sizeof(key), i);
        assert_int_equal(sl_map_get(&map, key), i);
    }
    /* Replacing at the bound is no growth; a free place can be taken again. */
    make_key(key, sizeof(key), 17);
    assert_int_equal(sl_map_put(&map, key, 99), 0);
    assert_int_equal(sl_map_get(&map, key), 99);
    assert_true(sl_map_remove(&map, key));
    make_key(key, sizeof(key), BOUND);
    assert_int_equal(sl_map_put(&map, key, 1), 0);
    sl_map_done(&map);
}

static size_t longest_run(const struct sl_map *map)
{
    size_t longest = 0;
    size_t run = 0;
    for (size_t i = 0; i < 2 * map->slots; i++) {
        run = map->values[i % map->slots] == SL_MAP_EMPTY ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void fill_with_similar_keys(struct sl_map *map, size_t key_len, uint64_t seed)
{
    uint8_t key[KEY_LEN_MAX];
    sl_map_init(map, key_len, 4096, seed);
    for (uint32_t i = 0; i < 2048; i++) {
        make_key(key, key_len, i);
        assert_int_equal(sl_map_put(map, key, i), 0);
    }
    assert_int_equal(map->slots, 4096);
}

/* Keys that differ in few bits spread as chance would, and otherwise under every seed. The lengths
 * put those bits into whole words and into the rest after them. */
static void test_seed_spreads_keys(void **state)
{
    (void)state;
    static const size_t key_lens[] = {2, 8, 9, 16, 31, 32};
    for (size_t k = 0; k < SL_ARRAY_LEN(key_lens); k++) {
        struct sl_map maps[2];
        fill_with_similar_keys(&maps[0], key_lens[k], 40);
        fill_with_similar_keys(&maps[1], key_lens[k], 41);
        size_t same = 0;
        for (size_t i = 0; i < 4096; i++)
            same += maps[0].values[i] != SL_MAP_EMPTY && maps[0].values[i] == maps[1].values[i];
        assert_true(same < 16);
        assert_true(longest_run(&maps[0]) < 64);
        assert_true(longest_run(&maps[1]) < 64);
        sl_map_done(&maps[0]);
        sl_map_done(&maps[1]);
    }
}

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
/* AddressSanitizer reserves its shadow beforehand, so that RLIMIT_AS cannot be used with it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=4";
}

static void limit_memory(struct rlimit *ret_before)
{
    *ret_before = (struct rlimit){0};
}

static void unlimit_memory(const struct rlimit *before)
{
    (void)before;
}
#else
static void limit_memory(struct rlimit *ret_before)
{
    assert_int_equal(getrlimit(RLIMIT_AS, ret_before), 0);
    struct rlimit tight = *ret_before;
    tight.rlim_cur = 64 << 20;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
}

static void unlimit_memory(const struct rlimit *before)
{
    assert_int_equal(setrlimit(RLIMIT_AS, before), 0);
}
#endif

/* The map that cannot grow keeps all it has, and goes on working. */
static void test_out_of_memory(void **state)
{
    (void)state;
    const uint32_t count_max = 1 << 22;
    struct sl_map map;
    struct rlimit before;
    uint8_t key[KEY_LEN_MAX];
    sl_map_init(&map, sizeof(key), count_max, 7);
    limit_memory(&before);
    uint32_t count = 0;
    int r = 0;
    while (count < count_max) {
        make_key(key, sizeof(key), count);
        r = sl_map_put(&map, key, count);
        if (r < 0)
            break;
        count++;
    }
    unlimit_memory(&before);
    assert_int_equal(r, -ENOMEM);
    assert_int_equal(map.count, count);
    assert_int_equal(sl_map_get(&map, key), SL_MAP_EMPTY);
    for (uint32_t i = 0; i < count; i++) {
        make_key(key, sizeof(key), i);
        assert_int_equal(sl_map_get(&map, key), i);
    }
    make_key(key, sizeof(key), 0);
    assert_int_equal(sl_map_put(&map, key, 5), 0);
    assert_true(sl_map_remove(&map, key));
    assert_int_equal(sl_map_put(&map, key, 6), 0);
    assert_int_equal(sl_map_get(&map, key), 6);
    sl_map_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations_against_model),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_extreme_values),
        cmocka_unit_test(test_growth_to_the_bound),
        cmocka_unit_test(test_seed_spreads_keys),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
