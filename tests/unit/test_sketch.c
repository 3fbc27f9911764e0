/* The rateless sketch: vectors, what a difference costs, and what poisoned symbols cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "mesh/sketch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N = SL_SKETCH_SYMBOLS };

/* ---- Vectors, computed from PROTOCOL.md by an independent program ---- */

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        uint64_t id;
        uint32_t check;
        uint64_t walk[12];
    } vectors[] = {
        {0, 0xad23bee0, {0, 1, 4, 8, 18, 22, 39, 95, 121, 140, 141, 201}},
        {1, 0x6f49bccc, {0, 1, 3, 9, 26, 52, 138, 880, 1245, 1483, 1822, 2382}},
        {0x0123456789abcdef, 0xca5c6d3d, {0, 4, 5, 6, 20, 37, 64, 104, 472, 1070, 3198, 5183}},
        {UINT64_MAX, 0x5ef50148, {0, 6, 7, 34, 39, 41, 113, 129, 143, 215, 234, 380}},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(vectors); i++) {
        assert_int_equal(sl_sketch_check(vectors[i].id), vectors[i].check);
        struct sl_sketch_walk walk;
        sl_sketch_walk_init(&walk, vectors[i].id);
        assert_int_equal(walk.index, 0);
        for (size_t k = 1; k < SL_ARRAY_LEN(vectors[i].walk); k++)
            assert_int_equal(sl_sketch_walk_next(&walk), vectors[i].walk[k]);
    }
}

/* Always forward, also from the states that give the smallest and the largest gaps, and bounded. */
static void test_walk_moves_forward(void **state)
{
    (void)state;
    static const uint64_t states[] = {0, 1, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 2};
    /* The inverse of the multiplier modulo 2^64: the state of the first step is then states[i]. */
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - UINT64_C(0xda942042e4dd58b5) * inverse;
    for (size_t i = 0; i < SL_ARRAY_LEN(states); i++) {
        struct sl_sketch_walk walk = {.state = states[i] * inverse};
        uint64_t last = 0;
        for (int k = 0; k < 100 && last <= UINT32_MAX; k++) {
            uint64_t next = sl_sketch_walk_next(&walk);
            assert_true(next > last);
            last = next;
        }
        while (walk.index <= UINT32_MAX)
            sl_sketch_walk_next(&walk);
        last = walk.index;
        assert_true(sl_sketch_walk_next(&walk) == last);
    }
}

static void test_ranges_are_slices_of_the_whole(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 5);
    struct sl_symbol whole[200] = {0};
    struct sl_symbol parts[200] = {0};
    for (int i = 0; i < 300; i++) {
        uint64_t id = sl_prng_next(&prng);
        int sign = i % 3 == 0 ? -1 : 1;
        sl_sketch_apply(whole, 200, id, sign);
        sl_sketch_apply_range(parts, 0, 1, id, sign);
        sl_sketch_apply_range(parts + 1, 1, 99, id, sign);
        sl_sketch_apply_range(parts + 100, 100, 100, id, sign);
        sl_sketch_apply_range(parts, 77, 0, id, sign);
    }
    assert_memory_equal(whole, parts, sizeof(whole));
    assert_int_equal(whole[0].count, 100);
}

static void test_wire_round_trip(void **state)
{
    (void)state;
    static const struct {
        int32_t in, out;
    } counts[] = {{0, 0},           {1, 1},      {-1, -1},       {32767, 32767},  {32768, -32768},
                  {-32768, -32768}, {65535, -1}, {200000, 3392}, {-200000, -3392}};
    for (size_t i = 0; i < SL_ARRAY_LEN(counts); i++) {
        struct sl_symbol in = {UINT64_C(0x0102030405060708), 0xa1a2a3a4, counts[i].in};
        uint8_t bytes[SL_SYMBOL_WIRE_LEN];
        struct sl_writer w;
        sl_writer_init(&w, bytes, sizeof(bytes));
        sl_sketch_write(&w, &in);
        assert_int_equal(sl_write_done(&w), SL_SYMBOL_WIRE_LEN);
        struct sl_symbol out;
        struct sl_reader r;
        sl_reader_init(&r, bytes, sizeof(bytes));
        sl_sketch_read(&r, &out);
        assert_int_equal(sl_read_done(&r), 0);
        assert_true(out.sum == in.sum);
        assert_int_equal(out.check, in.check);
        assert_int_equal(out.count, counts[i].out);
        for (size_t cut = 0; cut < sizeof(bytes); cut++) {
            sl_reader_init(&r, bytes, cut);
            sl_sketch_read(&r, &out);
            assert_int_equal(sl_read_done(&r), -EBADMSG);
        }
    }
}

/* ---- Two stores and their difference ---- */

struct pair {
    struct sl_symbol theirs[N], ours[N];
    uint64_t only_theirs[N], only_ours[N];
    size_t their_count, our_count;
};

static void pair_init(struct pair *p, uint64_t seed, size_t common, size_t theirs, size_t ours)
{
    struct sl_prng prng;
    sl_prng_init(&prng, seed);
    memset(p, 0, sizeof(*p));
    for (size_t i = 0; i < common; i++) {
        uint64_t id = sl_prng_next(&prng);
        sl_sketch_apply(p->theirs, N, id, 1);
        sl_sketch_apply(p->ours, N, id, 1);
    }
    for (; p->their_count < theirs; p->their_count++) {
        p->only_theirs[p->their_count] = sl_prng_next(&prng);
        sl_sketch_apply(p->theirs, N, p->only_theirs[p->their_count], 1);
    }
    for (; p->our_count < ours; p->our_count++) {
        p->only_ours[p->our_count] = sl_prng_next(&prng);
        sl_sketch_apply(p->ours, N, p->only_ours[p->our_count], 1);
    }
}

struct found {
    uint64_t theirs[N], ours[N];
    size_t their_count, our_count;
};

/* Decodes from the first `count` symbols, theirs having travelled. */
static int pair_decode(const struct pair *p, size_t count, struct found *f)
{
    static uint8_t wire[N * SL_SYMBOL_WIRE_LEN];
    struct sl_symbol symbols[N];
    struct sl_writer w;
    sl_writer_init(&w, wire, sizeof(wire));
    for (size_t i = 0; i < count; i++)
        sl_sketch_write(&w, &p->theirs[i]);
    struct sl_reader r;
    sl_reader_init(&r, wire, w.len);
    for (size_t i = 0; i < count; i++)
        sl_sketch_read(&r, &symbols[i]);
    assert_int_equal(sl_read_done(&r), 0);
    sl_sketch_subtract(symbols, p->ours, count);
    return sl_sketch_decode(symbols, count, f->theirs, &f->their_count, f->ours, &f->our_count, N);
}

/* The fewest symbols that decode, given that more always do. */
static size_t symbols_needed(const struct pair *p, struct found *f)
{
    size_t low = 0, high = N;
    assert_int_equal(pair_decode(p, high, f), 0);
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        int result = pair_decode(p, middle, f);
        assert_true(result == 0 || result == -EAGAIN);
        if (result == 0)
            high = middle;
        else
            low = middle;
    }
    assert_int_equal(pair_decode(p, high, f), 0);
    return high;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void assert_same_set(uint64_t *a, size_t a_count, uint64_t *b, size_t b_count)
{
    assert_int_equal(a_count, b_count);
    qsort(a, a_count, sizeof(*a), compare_ids);
    qsort(b, b_count, sizeof(*b), compare_ids);
    assert_memory_equal(a, b, a_count * sizeof(*a));
}

/* Mean symbols for each difference over some runs; what was found is checked each time. */
static double mean_cost(size_t common, size_t differences, int runs)
{
    static struct pair p;
    static struct found f;
    size_t total = 0;
    for (int run = 0; run < runs; run++) {
        size_t theirs = differences * (size_t)(run % 5) / 4;
        pair_init(&p, 1000 + (uint64_t)run, common, theirs, differences - theirs);
        total += symbols_needed(&p, &f);
        assert_same_set(f.theirs, f.their_count, p.only_theirs, p.their_count);
        assert_same_set(f.ours, f.our_count, p.only_ours, p.our_count);
    }
    return (double)total / (double)runs / (double)differences;
}

static void test_cost_of_a_difference(void **state)
{
    (void)state;
    static const struct {
        size_t differences;
        int runs;
        double bound; /* the paper measures 1.72 at its worst, 1.35 for many */
    } rows[] = {{1, 50, 1.0}, {10, 50, 1.9}, {100, 20, 1.6}, {1000, 5, 1.45}};
    for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
        double cost = mean_cost(500, rows[i].differences, rows[i].runs);
        printf("%zu differences: %.2f symbols each\n", rows[i].differences, cost);
        assert_true(cost <= rows[i].bound);
        assert_true(cost >= 1.0);
    }
}

/* Not merely about the same: what both hold leaves no trace in the difference. */
static void test_cost_does_not_depend_on_the_store(void **state)
{
    (void)state;
    static struct pair p;
    static struct found f;
    size_t needed[2];
    static const size_t stores[] = {1000, 50000};
    for (size_t i = 0; i < 2; i++) {
        pair_init(&p, 77, 0, 60, 40);
        struct sl_prng prng;
        sl_prng_init(&prng, 1234);
        for (size_t k = 0; k < stores[i]; k++) {
            uint64_t id = sl_prng_next(&prng);
            sl_sketch_apply(p.theirs, N, id, 1);
            sl_sketch_apply(p.ours, N, id, 1);
        }
        needed[i] = symbols_needed(&p, &f);
        assert_same_set(f.theirs, f.their_count, p.only_theirs, p.their_count);
        printf("store of %zu: 100 differences from %zu symbols\n", stores[i], needed[i]);
    }
    assert_int_equal(needed[0], needed[1]);
}

/* Counts overflow 16 bits, in different directions of the wrap. */
static void test_store_past_sixteen_bits(void **state)
{
    (void)state;
    static struct pair p;
    static struct found f;
    static const size_t stores[] = {32760, 65530, 100000};
    for (size_t i = 0; i < SL_ARRAY_LEN(stores); i++) {
        pair_init(&p, i, stores[i], 20, 5);
        assert_int_equal(pair_decode(&p, 100, &f), 0);
        assert_same_set(f.theirs, f.their_count, p.only_theirs, p.their_count);
        assert_same_set(f.ours, f.our_count, p.only_ours, p.our_count);
    }
}

static void test_no_difference(void **state)
{
    (void)state;
    static struct pair p;
    static struct found f;
    pair_init(&p, 3, 1000, 0, 0);
    assert_int_equal(pair_decode(&p, 0, &f), -EAGAIN);
    assert_int_equal(pair_decode(&p, 1, &f), 0);
    assert_int_equal(f.their_count + f.our_count, 0);
}

static void test_results_past_cap(void **state)
{
    (void)state;
    struct sl_symbol symbols[64] = {0};
    struct sl_symbol again[64];
    for (uint64_t id = 1; id <= 9; id++)
        sl_sketch_apply(symbols, 64, id, id <= 5 ? 1 : -1);
    memcpy(again, symbols, sizeof(symbols));
    uint64_t theirs[5], ours[5];
    size_t their_count = 99, our_count = 99;
    assert_int_equal(sl_sketch_decode(again, 64, theirs, &their_count, ours, &our_count, 4),
                     -ENOBUFS);
    assert_int_equal(their_count, 99);
    assert_int_equal(our_count, 99);
    assert_int_equal(sl_sketch_decode(symbols, 64, theirs, &their_count, ours, &our_count, 5), 0);
    assert_int_equal(their_count, 5);
    assert_int_equal(our_count, 4);
}

/* ---- Poison ---- */

static struct found poisoned;

/* Whatever the symbols: it ends, and gives no more ids than there were symbols. */
static int decode_poison(struct sl_symbol *symbols, size_t count)
{
    poisoned.their_count = 0;
    poisoned.our_count = 0;
    int result = sl_sketch_decode(symbols, count, poisoned.theirs, &poisoned.their_count,
                                  poisoned.ours, &poisoned.our_count, N);
    assert_true(result == 0 || result == -EAGAIN || result == -EBADMSG);
    assert_true(poisoned.their_count + poisoned.our_count <= count);
    return result;
}

static size_t symbols_of(uint64_t id)
{
    struct sl_sketch_walk walk;
    sl_sketch_walk_init(&walk, id);
    size_t count = 0;
    for (; walk.index < N; sl_sketch_walk_next(&walk))
        count++;
    return count;
}

/* Every symbol pretends to be pure, with an id that is in as many symbols as can be found: each one
 * peeled damages many others, which an attacker may make pure once more. */
static void test_poison_of_pure_symbols_is_bounded(void **state)
{
    (void)state;
    struct sl_prng prng;
    sl_prng_init(&prng, 8);
    uint64_t heavy[64];
    size_t heaviest = 0;
    for (size_t i = 0; i < SL_ARRAY_LEN(heavy); i++) {
        heavy[i] = sl_prng_next(&prng);
        for (int k = 0; k < 2000; k++) {
            uint64_t id = sl_prng_next(&prng);
            if (symbols_of(id) > symbols_of(heavy[i]))
                heavy[i] = id;
        }
        heaviest = symbols_of(heavy[i]) > heaviest ? symbols_of(heavy[i]) : heaviest;
    }
    static struct sl_symbol symbols[N];
    clock_t start = clock();
    for (int run = 0; run < 20; run++) {
        for (size_t i = 0; i < N; i++) {
            uint64_t id = heavy[sl_prng_below(&prng, SL_ARRAY_LEN(heavy))];
            symbols[i] = (struct sl_symbol){id, sl_sketch_check(id), run % 2 ? 1 : -1};
        }
        assert_int_not_equal(decode_poison(symbols, N), 0);
    }
    double each = (double)(clock() - start) / CLOCKS_PER_SEC / 20;
    printf("poisoned: %.2f ms each, ids in up to %zu symbols\n", each * 1000, heaviest);
    assert_true(each < 0.1);
}

/* One id that is taken out and put back for ever, if nobody counts. */
static void test_poison_of_an_endless_swing(void **state)
{
    (void)state;
    uint64_t id = 1;
    struct sl_sketch_walk walk;
    sl_sketch_walk_init(&walk, id);
    while (walk.index != 1)
        sl_sketch_walk_init(&walk, ++id), sl_sketch_walk_next(&walk);
    /* In symbols 0 and 1: pure in 0, and in 1 with the wrong sign, so that each undoes the other.
     */
    struct sl_symbol symbols[2] = {{id, sl_sketch_check(id), 1}, {id, sl_sketch_check(id), -1}};
    decode_poison(symbols, 2);

    struct sl_symbol lone[2] = {{0, 0, 0}, {id, sl_sketch_check(id), 1}};
    assert_int_equal(decode_poison(lone, 2), -EBADMSG);
}

static void test_random_symbols(void **state)
{
    (void)state;
    static struct sl_symbol symbols[N];
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct sl_prng prng;
        sl_prng_init(&prng, seed);
        size_t count = 1 + sl_prng_below(&prng, N);
        for (size_t i = 0; i < count; i++) {
            uint64_t id = sl_prng_below(&prng, 1 + seed);
            bool pure = sl_prng_below(&prng, 4) > 0;
            symbols[i].sum = id;
            symbols[i].check = pure ? sl_sketch_check(id) : (uint32_t)sl_prng_next(&prng);
            symbols[i].count = (int32_t)sl_prng_below(&prng, 5) - 2;
        }
        decode_poison(symbols, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_walk_moves_forward),
        cmocka_unit_test(test_ranges_are_slices_of_the_whole),
        cmocka_unit_test(test_wire_round_trip),
        cmocka_unit_test(test_cost_of_a_difference),
        cmocka_unit_test(test_cost_does_not_depend_on_the_store),
        cmocka_unit_test(test_store_past_sixteen_bits),
        cmocka_unit_test(test_no_difference),
        cmocka_unit_test(test_results_past_cap),
        cmocka_unit_test(test_poison_of_pure_symbols_is_bounded),
        cmocka_unit_test(test_poison_of_an_endless_swing),
        cmocka_unit_test(test_random_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
