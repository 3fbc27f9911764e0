/* The index, against a plain array that is searched from end to end; then its cost at full size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "mesh/envelope.h"
#include "mesh/index.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- The model ---- */

enum {
    MODEL_MAX = 300,
    MODEL_ORIGINS = 7,
    MODEL_BYTES = 60000,
};

struct model {
    struct sl_stored items[MODEL_MAX]; /* in order of arrival */
    size_t count;
    uint64_t next;
    struct sl_prng prng;
};

static size_t model_find(const struct model *m, const uint8_t id[SL_ID_LEN])
{
    for (size_t i = 0; i < m->count; i++) {
        if (memcmp(m->items[i].id, id, SL_ID_LEN) == 0)
            return i;
    }
    return SIZE_MAX;
}

static void model_remove(struct model *m, size_t i)
{
    m->count--;
    memmove(&m->items[i], &m->items[i + 1], (m->count - i) * sizeof(m->items[0]));
}

static uint64_t model_bytes(const struct model *m, const uint8_t *origin)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (!origin || memcmp(m->items[i].origin, origin, SL_ORIGIN_LEN) == 0)
            bytes += m->items[i].len;
    }
    return bytes;
}

static bool model_has_room(const struct model *m, size_t len)
{
    return m->count < MODEL_MAX && model_bytes(m, NULL) + len <= MODEL_BYTES;
}

static bool is_certificate(const struct sl_stored *s)
{
    return s->kind == SL_ENVELOPE_IDENTITY || s->kind == SL_ENVELOPE_REVOCATION;
}

/* Whether the first that has a short id is this one. */
static bool model_is_first_of_short(const struct model *m, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (memcmp(m->items[k].id, m->items[i].id, SL_SHORT_ID_LEN) == 0)
            return false;
    }
    return true;
}

/* Few short ids, few dates and few sizes, so that all of them meet. */
static struct sl_stored model_draw(struct model *m)
{
    struct sl_prng *prng = &m->prng;
    struct sl_stored s = {.row = ++m->next};
    sl_prng_bytes(prng, s.id, SL_ID_LEN);
    if (sl_prng_below(prng, 4) == 0) {
        memset(s.id, 0xab, SL_SHORT_ID_LEN);
        s.id[0] = (uint8_t)(sl_prng_below(prng, 4) << 6);
    }
    memset(s.origin, (int)sl_prng_below(prng, MODEL_ORIGINS), SL_ORIGIN_LEN);
    s.kind = (uint8_t)(1 + sl_prng_below(prng, 6));
    s.len = (uint16_t)(87 + sl_prng_below(prng, 1109));
    s.created = sl_prng_below(prng, 50);
    s.lifetime = (uint32_t)(1 + sl_prng_below(prng, 100));
    s.born = sl_prng_time(prng, -50, 50) * SL_SECOND;
    return s;
}

/* ---- Comparing ---- */

static void check_totals(const struct sl_index *index, const struct model *m)
{
    assert_int_equal(sl_index_count(index), m->count);
    assert_int_equal(sl_index_bytes(index), model_bytes(m, NULL));
    for (int o = 0; o < MODEL_ORIGINS; o++) {
        uint8_t origin[SL_ORIGIN_LEN];
        memset(origin, o, sizeof(origin));
        assert_int_equal(sl_index_origin_bytes(index, origin), model_bytes(m, origin));
    }
    uint8_t sum[16] = {0};
    for (size_t i = 0; i < m->count; i++) {
        unsigned carry = 0;
        for (size_t k = 16; k-- > 0; carry >>= 8) {
            carry += (unsigned)sum[k] + m->items[i].id[k];
            sum[k] = (uint8_t)carry;
        }
    }
    uint8_t digest[16];
    sl_index_digest(index, digest);
    assert_memory_equal(digest, sum, sizeof(sum));
}

static void check_walk(struct sl_index *index, const struct model *m)
{
    int64_t number = -1;
    for (size_t i = 0; i < m->count; i++) {
        number = sl_index_next(index, number);
        assert_true(number >= 0);
        assert_memory_equal(&sl_index_entry(index, number)->stored, &m->items[i],
                            sizeof(m->items[i]));
        assert_int_equal(sl_index_find(index, m->items[i].id), number);
        bool first = model_is_first_of_short(m, i);
        int64_t found = sl_index_find_short(index, sl_short_id(m->items[i].id));
        assert_int_equal(found == number, first);
        assert_true(found >= 0);
    }
    assert_int_equal(sl_index_next(index, number), -1);
}

static void check_symbols(const struct sl_index *index, const struct model *m, uint8_t bits,
                          uint16_t partition)
{
    static struct sl_symbol expected[SL_SKETCH_SYMBOLS], got[SL_SKETCH_SYMBOLS];
    memset(expected, 0, sizeof(expected));
    for (size_t i = 0; i < m->count; i++) {
        uint64_t short_id = sl_short_id(m->items[i].id);
        if (model_is_first_of_short(m, i) && (bits == 0 || short_id >> (64 - bits) == partition))
            sl_sketch_apply(expected, SL_SKETCH_SYMBOLS, short_id, 1);
    }
    sl_index_symbols(index, bits, partition, 0, 100, got);
    sl_index_symbols(index, bits, partition, 100, SL_SKETCH_SYMBOLS - 100, got + 100);
    assert_memory_equal(got, expected, sizeof(expected));
}

static void check_victim(struct sl_index *index, const struct model *m, size_t len)
{
    int64_t victim = sl_index_victim(index, len);
    if (model_has_room(m, len)) {
        assert_int_equal(victim, -1);
        return;
    }
    assert_true(victim >= 0);
    const struct sl_stored *v = &sl_index_entry(index, victim)->stored;
    uint64_t most = model_bytes(m, v->origin);
    for (size_t i = 0; i < m->count; i++) {
        const struct sl_stored *s = &m->items[i];
        assert_true(model_bytes(m, s->origin) <= most);
        if (memcmp(s->origin, v->origin, SL_ORIGIN_LEN) != 0)
            continue;
        assert_true(is_certificate(v) <= is_certificate(s));
        if (is_certificate(v) == is_certificate(s))
            assert_true(v->created <= s->created);
    }
}

static void check_expiry(struct sl_index *index, const struct model *m)
{
    sl_time first = SL_NEVER;
    for (size_t i = 0; i < m->count; i++)
        first = sl_min_time(first, m->items[i].born + m->items[i].lifetime * SL_SECOND);
    assert_true(sl_index_next_expiry(index) == first);
    assert_int_equal(sl_index_expired(index, first - 1), -1);
    if (m->count == 0)
        return;
    const struct sl_stored *s = &sl_index_entry(index, sl_index_expired(index, first))->stored;
    assert_true(s->born + s->lifetime * SL_SECOND == first);
}

static void check_all(struct sl_index *index, const struct model *m)
{
    check_totals(index, m);
    check_walk(index, m);
    check_symbols(index, m, 0, 0);
    check_symbols(index, m, 2, 2);
    check_symbols(index, m, 16, 0x40ab);
    check_expiry(index, m);
}

/* ---- Random operations ---- */

static void remove_both(struct sl_index *index, struct model *m, int64_t number)
{
    uint8_t id[SL_ID_LEN];
    memcpy(id, sl_index_entry(index, number)->stored.id, SL_ID_LEN);
    size_t i = model_find(m, id);
    assert_true(i != SIZE_MAX);
    sl_index_remove(index, number);
    model_remove(m, i);
    assert_int_equal(sl_index_find(index, id), -1);
    assert_true(sl_index_buried(index, id));
}

static void add_both(struct sl_index *index, struct model *m)
{
    struct sl_stored s = model_draw(m);
    check_victim(index, m, s.len);
    if (!model_has_room(m, s.len))
        assert_int_equal(sl_index_add(index, &s), -ENOSPC);
    int64_t victim;
    while ((victim = sl_index_victim(index, s.len)) >= 0)
        remove_both(index, m, victim);
    int64_t number = sl_index_add(index, &s);
    assert_true(number >= 0);
    assert_int_equal(sl_index_entry(index, number)->known_by, 0);
    assert_int_equal(sl_index_add(index, &s), -EEXIST);
    m->items[m->count++] = s;
}

static void remove_some(struct sl_index *index, struct model *m)
{
    if (m->count == 0)
        return;
    size_t i = sl_prng_below(&m->prng, m->count);
    remove_both(index, m, sl_index_find(index, m->items[i].id));
}

static void test_against_a_model(void **state)
{
    (void)state;
    static struct model m;
    for (uint64_t seed = 0; seed < 6; seed++) {
        memset(&m, 0, sizeof(m));
        sl_prng_init(&m.prng, seed);
        struct sl_index *index = sl_index_new(
            &(struct sl_index_config){.bytes_max = MODEL_BYTES, .count_max = MODEL_MAX, .seed = 1});
        assert_non_null(index);
        check_all(index, &m);
        for (int i = 0; i < 3000; i++) {
            if (sl_prng_below(&m.prng, 3) > 0)
                add_both(index, &m);
            else
                remove_some(index, &m);
            if (i % 97 == 0)
                check_all(index, &m);
        }
        while (m.count > 0)
            remove_both(index, &m, sl_index_expired(index, SL_NEVER - 1));
        check_all(index, &m);
        sl_index_free(index);
    }
}

/* ---- Single rules ---- */

static struct sl_stored make(uint64_t n, uint64_t origin, uint16_t len)
{
    struct sl_stored s = {.kind = SL_ENVELOPE_CHANNEL, .len = len, .created = n, .lifetime = 100};
    uint64_t state = n;
    uint64_t bits = sl_splitmix64(&state);
    memcpy(s.id, &bits, 8);
    memcpy(s.id + 8, &n, 8);
    memcpy(s.origin, &origin, 8);
    return s;
}

static struct sl_index *make_index(uint64_t bytes_max, size_t count_max)
{
    struct sl_index *index = sl_index_new(
        &(struct sl_index_config){.bytes_max = bytes_max, .count_max = count_max, .seed = 7});
    assert_non_null(index);
    return index;
}

static void add_ok(struct sl_index *index, struct sl_stored s)
{
    assert_true(sl_index_add(index, &s) >= 0);
}

static void test_count_bound(void **state)
{
    (void)state;
    struct sl_index *index = make_index(1 << 20, 3);
    for (uint64_t n = 1; n <= 3; n++)
        add_ok(index, make(n, n == 2, 100));
    struct sl_stored s = make(4, 9, 100);
    assert_int_equal(sl_index_add(index, &s), -ENOSPC);
    int64_t victim = sl_index_victim(index, 100);
    assert_int_equal(sl_index_entry(index, victim)->stored.created, 1);
    sl_index_remove(index, victim);
    assert_int_equal(sl_index_victim(index, 100), -1);
    assert_true(sl_index_add(index, &s) >= 0);
    sl_index_free(index);
}

/* What can never fit must not empty the store. */
static void test_too_large_for_the_store(void **state)
{
    (void)state;
    struct sl_index *index = make_index(1000, 100);
    add_ok(index, make(1, 1, 1000));
    assert_int_equal(sl_index_victim(index, 1001), -1);
    struct sl_stored s = make(2, 1, 1001);
    assert_int_equal(sl_index_add(index, &s), -ENOSPC);
    assert_true(sl_index_victim(index, 1) >= 0);
    sl_index_free(index);
}

static void test_certificates_are_given_up_last(void **state)
{
    (void)state;
    struct sl_index *index = make_index(400, 100);
    struct sl_stored identity = make(1, 5, 100);
    identity.kind = SL_ENVELOPE_IDENTITY;
    add_ok(index, identity);
    for (uint64_t n = 2; n <= 4; n++)
        add_ok(index, make(n, 5, 100));
    for (uint64_t n = 2; n <= 5; n++) {
        int64_t victim = sl_index_victim(index, 400);
        assert_int_equal(sl_index_entry(index, victim)->stored.created, n <= 4 ? n : 1);
        sl_index_remove(index, victim);
    }
    sl_index_free(index);
}

static void test_short_id_collision(void **state)
{
    (void)state;
    static struct sl_symbol before[SL_SKETCH_SYMBOLS], after[SL_SKETCH_SYMBOLS];
    struct sl_index *index = make_index(1 << 20, 100);
    struct sl_stored first = make(1, 1, 100);
    struct sl_stored second = first;
    struct sl_stored third = first;
    second.id[15] ^= 1;
    third.id[15] ^= 2;
    uint64_t short_id = sl_short_id(first.id);
    int64_t a = sl_index_add(index, &first);
    sl_index_symbols(index, 0, 0, 0, SL_SKETCH_SYMBOLS, before);
    int64_t b = sl_index_add(index, &second);
    int64_t c = sl_index_add(index, &third);
    assert_true(a != b && b != c && a != c);
    sl_index_symbols(index, 0, 0, 0, SL_SKETCH_SYMBOLS, after);
    assert_memory_equal(before, after, sizeof(before));
    assert_int_equal(sl_index_find_short(index, short_id), a);
    assert_int_equal(sl_index_find(index, second.id), b);
    assert_int_equal(sl_index_find(index, third.id), c);

    sl_index_remove(index, b);
    assert_int_equal(sl_index_find_short(index, short_id), a);
    assert_int_equal(sl_index_find(index, third.id), c);
    sl_index_remove(index, a);
    assert_int_equal(sl_index_find_short(index, short_id), c);
    sl_index_symbols(index, 0, 0, 0, SL_SKETCH_SYMBOLS, after);
    assert_memory_equal(before, after, sizeof(before));
    assert_false(sl_index_buried(index, third.id));
    sl_index_remove(index, c);
    assert_int_equal(sl_index_find_short(index, short_id), -1);
    sl_index_symbols(index, 0, 0, 0, SL_SKETCH_SYMBOLS, after);
    memset(before, 0, sizeof(before));
    assert_memory_equal(before, after, sizeof(before));
    sl_index_free(index);
}

static void test_forget_neighbour(void **state)
{
    (void)state;
    struct sl_index *index = make_index(1 << 20, 100);
    for (uint64_t n = 0; n < 10; n++) {
        struct sl_stored s = make(n, 1, 100);
        sl_index_entry(index, sl_index_add(index, &s))->known_by = UINT64_MAX;
    }
    sl_index_forget_neighbour(index, 0);
    sl_index_forget_neighbour(index, 63);
    for (int64_t n = -1; (n = sl_index_next(index, n)) >= 0;)
        assert_true(sl_index_entry(index, n)->known_by == UINT64_MAX >> 2 << 1);
    sl_index_free(index);
}

static void test_expiry_far_away(void **state)
{
    (void)state;
    struct sl_index *index = make_index(1 << 20, 100);
    struct sl_stored s = make(1, 1, 100);
    s.born = SL_NEVER - 5;
    add_ok(index, s);
    assert_true(sl_index_next_expiry(index) == SL_NEVER - 1);
    sl_index_free(index);
    sl_index_free(NULL);
}

static void test_tombstones_are_bounded(void **state)
{
    (void)state;
    struct sl_index *index = make_index(1 << 20, 100);
    const uint64_t total = 3 * SL_TOMBSTONES_MAX + 100;
    for (uint64_t n = 0; n < total; n++) {
        sl_index_bury(index, make(n, 1, 100).id);
        sl_index_bury(index, make(n, 1, 100).id); /* once more changes nothing */
    }
    for (uint64_t n = 0; n < total; n++)
        assert_int_equal(sl_index_buried(index, make(n, 1, 100).id),
                         n >= total - SL_TOMBSTONES_MAX);
    sl_index_free(index);
}

/* ---- Cost ---- */

static double seconds_since(clock_t start)
{
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void print_rate(const char *what, size_t count, clock_t start)
{
    printf("%s: %.2f us each\n", what, seconds_since(start) / (double)count * 1e6);
}

static void test_memory_of_an_entry(void **state)
{
    (void)state;
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    struct sl_index *index = make_index(UINT64_MAX, SL_STORE_COUNT_MAX);
    for (uint64_t n = 0; n < SL_STORE_COUNT_MAX; n++)
        add_ok(index, make(n, n % 100, 300));
    size_t bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    printf("%d entries: %zu bytes each\n", SL_STORE_COUNT_MAX, bytes / SL_STORE_COUNT_MAX);
    /* A sanitizer's allocator tells nothing. */
    if (bytes > 0)
        assert_in_range(bytes / SL_STORE_COUNT_MAX, 80, 170);
    sl_index_free(index);
}

/* A full store under a flood from as many identities as there may be, dates running backwards:
 * every envelope costs one eviction, whose price must not grow with the store. */
static void row_15_full_store_and_16384_origins(void **state)
{
    (void)state;
    enum { FLOOD = 100000 };
    struct sl_index *index = make_index((uint64_t)300 * SL_STORE_COUNT_MAX, SL_STORE_COUNT_MAX);
    clock_t start = clock();
    for (uint64_t n = 0; n < SL_STORE_COUNT_MAX; n++) {
        struct sl_stored s = make(n, n % 3 ? n % SL_ORIGINS_MAX : 1, 300);
        s.created = UINT64_MAX - n;
        add_ok(index, s);
    }
    print_rate("filling", SL_STORE_COUNT_MAX, start);
    start = clock();
    for (uint64_t n = 0; n < FLOOD; n++) {
        struct sl_stored s = make(SL_STORE_COUNT_MAX + n, n % SL_ORIGINS_MAX, 300);
        sl_index_remove(index, sl_index_victim(index, s.len));
        add_ok(index, s);
    }
    print_rate("evicting and adding", FLOOD, start);
    assert_true(seconds_since(start) < 20);
    assert_int_equal(sl_index_count(index), SL_STORE_COUNT_MAX);

    static struct sl_symbol symbols[SL_SKETCH_SYMBOLS];
    start = clock();
    sl_index_symbols(index, 8, 77, 0, SL_SKETCH_SYMBOLS, symbols);
    print_rate("a partition of 1/256", 1, start);
    sl_index_free(index);
}

/* One origin that chooses its dates: forwards, backwards, and outwards from the middle. */
static void test_order_of_dates_costs_nothing(void **state)
{
    (void)state;
    const uint64_t count = SL_STORE_COUNT_MAX / 4;
    for (int order = 0; order < 3; order++) {
        struct sl_index *index = make_index(UINT64_MAX, count);
        clock_t start = clock();
        for (uint64_t n = 0; n < count; n++) {
            struct sl_stored s = make(n, 1, 300);
            s.created = order == 0 ? n : order == 1 ? count - n : n % 2 ? count - n : count + n;
            add_ok(index, s);
        }
        /* A store that is too small for one more gives up the oldest of all. */
        uint64_t last = 0;
        for (uint64_t n = 0; n < count; n++) {
            struct sl_stored s = make(count + n, 1, 300);
            s.created = 3 * count + n;
            int64_t victim = sl_index_victim(index, 300);
            assert_true(sl_index_entry(index, victim)->stored.created >= last);
            last = sl_index_entry(index, victim)->stored.created;
            sl_index_remove(index, victim);
            add_ok(index, s);
        }
        print_rate("one origin, adding and removing", count, start);
        assert_true(seconds_since(start) < 5);
        sl_index_free(index);
    }
}

/* A quiet member keeps all it has while a loud one fills the store. */
static void test_flood_evicts_the_flooder(void **state)
{
    (void)state;
    struct sl_index *index = make_index(100 * 300, 100000);
    for (uint64_t n = 0; n < 20; n++)
        add_ok(index, make(n, 1, 300));
    for (uint64_t n = 20; n < 5000; n++) {
        struct sl_stored s = make(n, 2, 300);
        int64_t victim = sl_index_victim(index, s.len);
        if (victim >= 0)
            sl_index_remove(index, victim);
        add_ok(index, s);
    }
    uint8_t origin[SL_ORIGIN_LEN];
    memcpy(origin, make(0, 1, 0).origin, SL_ORIGIN_LEN);
    assert_int_equal(sl_index_origin_bytes(index, origin), 20 * 300);
    sl_index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_count_bound),
        cmocka_unit_test(test_too_large_for_the_store),
        cmocka_unit_test(test_certificates_are_given_up_last),
        cmocka_unit_test(test_short_id_collision),
        cmocka_unit_test(test_forget_neighbour),
        cmocka_unit_test(test_expiry_far_away),
        cmocka_unit_test(test_tombstones_are_bounded),
        cmocka_unit_test(test_memory_of_an_entry),
        cmocka_unit_test(row_15_full_store_and_16384_origins),
        cmocka_unit_test(test_order_of_dates_costs_nothing),
        cmocka_unit_test(test_flood_evicts_the_flooder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
