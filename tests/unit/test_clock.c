/* The mesh clock: ranks, medians, bounded steps, and liars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "mesh/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRUE_OFFSET INT64_C(1790000000000000)
#define YEAR        (365 * SL_DAY)

/* The clock and what its neighbours say; time in whole seconds. */
struct scene {
    struct sl_clock clock;
    sl_time now;
    int64_t lies[SL_NEIGHBOURS_MAX]; /* what each neighbour's clock is off */
    enum sl_clock_source sources[SL_NEIGHBOURS_MAX];
    size_t count;
};

static void scene_init(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    sl_clock_init(&s->clock);
    s->now = 1000 * SL_SECOND;
}

static void scene_add(struct scene *s, enum sl_clock_source source, int64_t lie)
{
    s->sources[s->count] = source;
    s->lies[s->count++] = lie;
}

/* All neighbours say hello, and a second passes. */
static void scene_second(struct scene *s)
{
    s->now += SL_SECOND;
    for (size_t i = 0; i < s->count; i++)
        sl_clock_hear(&s->clock, i, s->sources[i], TRUE_OFFSET + s->now + s->lies[i], s->now);
    sl_clock_tick(&s->clock, s->now);
}

static void scene_run(struct scene *s, int seconds)
{
    while (seconds-- > 0)
        scene_second(s);
}

/* How far the clock is from the truth. */
static int64_t scene_error(const struct scene *s)
{
    return sl_clock_unix(&s->clock, s->now) - s->now - TRUE_OFFSET;
}

static void scene_set(struct scene *s, enum sl_clock_source source, int64_t lie)
{
    sl_clock_set(&s->clock, source, TRUE_OFFSET + s->now + lie, s->now);
}

/* ---- Setting ---- */

static void test_unset(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_run(&s, 10);
    assert_int_equal(s.clock.source, SL_CLOCK_UNSET);
    assert_true(sl_clock_unix(&s.clock, s.now) == 0);
    scene_add(&s, SL_CLOCK_UNSET, 0);
    scene_run(&s, 10);
    assert_int_equal(s.clock.source, SL_CLOCK_UNSET);
}

static void test_set_runs_with_the_life_clock(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_set(&s, SL_CLOCK_RTC, 0);
    assert_true(sl_clock_unix(&s.clock, s.now) == TRUE_OFFSET + s.now);
    assert_true(sl_clock_unix(&s.clock, s.now + SL_DAY) == TRUE_OFFSET + s.now + SL_DAY);
}

static void test_ranks_of_sources(void **state)
{
    (void)state;
    static const enum sl_clock_source sources[] = {SL_CLOCK_STORED, SL_CLOCK_PERSON, SL_CLOCK_RTC,
                                                   SL_CLOCK_NTP};
    for (size_t i = 0; i < SL_ARRAY_LEN(sources); i++) {
        for (size_t k = 0; k < SL_ARRAY_LEN(sources); k++) {
            struct scene s;
            scene_init(&s);
            scene_set(&s, sources[i], 0);
            s.now += SL_HOUR;
            scene_set(&s, sources[k], SL_MINUTE);
            assert_int_equal(s.clock.source, sources[k >= i ? k : i]);
            assert_int_equal(scene_error(&s), k >= i ? SL_MINUTE : 0);
            /* Whatever set it has been silent for too long; but a stored time never is better. */
            scene_init(&s);
            scene_set(&s, sources[i], 0);
            s.now += SL_HOUR + 1;
            scene_set(&s, sources[k], SL_MINUTE);
            bool taken = k >= i || sources[k] != SL_CLOCK_STORED;
            assert_int_equal(scene_error(&s), taken ? SL_MINUTE : 0);
        }
    }
}

static void test_what_is_no_date_is_ignored(void **state)
{
    (void)state;
    static const int64_t junk[] = {0, -1, INT64_MIN, INT64_MAX, (int64_t)1 << 62};
    struct scene s;
    scene_init(&s);
    for (size_t i = 0; i < SL_ARRAY_LEN(junk); i++) {
        sl_clock_set(&s.clock, SL_CLOCK_NTP, junk[i], s.now);
        for (size_t k = 0; k < 5; k++)
            sl_clock_hear(&s.clock, k, SL_CLOCK_NTP, junk[i], s.now);
        sl_clock_tick(&s.clock, s.now);
        assert_int_equal(s.clock.source, SL_CLOCK_UNSET);
    }
    /* A neighbour that lost its clock no longer counts. */
    scene_add(&s, SL_CLOCK_NTP, 0);
    sl_clock_hear(&s.clock, 0, SL_CLOCK_NTP, TRUE_OFFSET, s.now);
    sl_clock_hear(&s.clock, 0, SL_CLOCK_NTP, 0, s.now);
    sl_clock_tick(&s.clock, s.now);
    assert_int_equal(s.clock.source, SL_CLOCK_UNSET);
    /* Extremes that pass as dates, on either side of the truth, overflow nothing. */
    scene_add(&s, SL_CLOCK_NTP, ((int64_t)1 << 62) - 1 - TRUE_OFFSET - 2000 * SL_SECOND);
    scene_add(&s, SL_CLOCK_NTP, 1 - TRUE_OFFSET - 1100 * SL_SECOND);
    scene_run(&s, 100);
    assert_int_equal(scene_error(&s), 0);
}

/* ---- Following ---- */

static void test_first_time_at_once(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_second(&s);
    assert_int_equal(s.clock.source, SL_CLOCK_NEIGHBOURS);
    assert_int_equal(scene_error(&s), 0);
}

enum { YOUNG_SECONDS = 31 };

/* Three neighbours have set it, and others can no longer join them at once. */
static void scene_settle(struct scene *s)
{
    scene_init(s);
    for (int i = 0; i < 3; i++)
        scene_add(s, SL_CLOCK_NEIGHBOURS, 0);
    scene_run(s, YOUNG_SECONDS);
}

static void scene_lie(struct scene *s, int64_t lie)
{
    for (size_t i = 0; i < s->count; i++)
        s->lies[i] = lie;
}

static void test_a_set_clock_moves_as_crystals_drift(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        struct scene s;
        scene_settle(&s);
        scene_lie(&s, sign * SL_HOUR);
        int64_t last = 0;
        for (int i = 0; i < SL_CLOCK_HOLD / SL_SECOND; i++) {
            scene_second(&s);
            assert_in_range(sign * (scene_error(&s) - last), 0, SL_CLOCK_DRIFT);
            last = scene_error(&s);
        }
    }
}

static void test_a_clock_without_a_quorum_goes_by_steps(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_add(&s, SL_CLOCK_NTP, 0);
    scene_second(&s);
    s.lies[0] = SL_HOUR;
    for (int i = 1; i <= 100; i++) {
        scene_second(&s);
        assert_int_equal(scene_error(&s), i * SL_CLOCK_STEP);
    }
}

/* All the others, minutes on end: whoever joined among liars, or was set wrong, comes right. */
static void test_a_steady_median_is_taken_at_last(void **state)
{
    (void)state;
    struct scene s;
    scene_settle(&s);
    scene_lie(&s, SL_DAY);
    scene_run(&s, SL_CLOCK_HOLD / SL_SECOND - 1);
    assert_in_range(scene_error(&s), 0, SL_SECOND);
    scene_run(&s, 5);
    assert_int_equal(scene_error(&s), SL_DAY);
}

static void test_a_median_that_wanders_is_not(void **state)
{
    (void)state;
    struct scene s;
    scene_settle(&s);
    for (int minute = 0; minute < 60; minute++) {
        scene_lie(&s, minute % 2 ? SL_HOUR : 2 * SL_HOUR);
        scene_run(&s, 60);
    }
    assert_in_range(scene_error(&s), 0, 3600 * SL_CLOCK_DRIFT);
}

static void test_ticking_often_moves_no_faster(void **state)
{
    (void)state;
    struct scene s;
    scene_settle(&s);
    scene_lie(&s, SL_HOUR);
    for (int i = 0; i < 10; i++) {
        scene_second(&s);
        for (int k = 0; k < 1000; k++)
            sl_clock_tick(&s.clock, s.now + k * SL_SECOND / 1001);
    }
    assert_int_equal(scene_error(&s), 10 * SL_CLOCK_DRIFT);
}

/* A crowd is switched on: for the first 20 s everything waits in queues. */
static void test_hellos_late_at_the_beginning(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    for (int i = 0; i < 5; i++)
        scene_add(&s, SL_CLOCK_NTP, -3 * SL_SECOND);
    scene_run(&s, 20);
    assert_int_equal(scene_error(&s), -3 * SL_SECOND);
    scene_lie(&s, 0);
    scene_run(&s, 2);
    assert_int_equal(scene_error(&s), 0);
}

/* Of the hellos of a minute the one that waited least counts, not the last one. */
static void test_one_hello_in_time_is_enough(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    for (int i = 0; i < 5; i++)
        scene_add(&s, SL_CLOCK_NTP, 0);
    for (int round = 0; round < 100; round++) {
        scene_lie(&s, 0);
        scene_run(&s, 1);
        scene_lie(&s, -3 * SL_SECOND);
        scene_run(&s, 20);
        assert_int_equal(scene_error(&s), 0);
    }
}

/* Neighbours that were set back are believed after a minute, if not at once. */
static void test_neighbours_set_back(void **state)
{
    (void)state;
    for (int seconds = 5; seconds <= 3600; seconds *= 720) {
        struct scene s;
        scene_init(&s);
        scene_add(&s, SL_CLOCK_NTP, 0);
        scene_run(&s, 1);
        scene_lie(&s, -seconds * SL_SECOND);
        scene_run(&s, 60);
        assert_in_range(-scene_error(&s), 1, 60 * SL_CLOCK_STEP);
    }
}

/* Hellos always come late. A flock that followed every lateness would fall back for ever. */
static void test_small_differences_move_nothing(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    for (int i = 0; i < 5; i++)
        scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_second(&s);
    for (int i = 0; i < 5; i++)
        s.lies[i] = -500 * SL_MILLISECOND;
    scene_run(&s, 1000);
    assert_int_equal(scene_error(&s), 0);
}

static void test_median_of_an_even_number(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    static const int64_t lies[] = {-9 * SL_SECOND, 1 * SL_SECOND, 3 * SL_SECOND, 90 * SL_SECOND};
    for (size_t i = 0; i < SL_ARRAY_LEN(lies); i++)
        scene_add(&s, SL_CLOCK_NEIGHBOURS, lies[i]);
    scene_second(&s);
    assert_int_equal(scene_error(&s), 3 * SL_SECOND); /* the later one: it had none of its own */
    scene_run(&s, 100);
    assert_int_equal(scene_error(&s), 3 * SL_SECOND); /* the nearer one */
    for (size_t i = 0; i < SL_ARRAY_LEN(lies); i++)
        s.lies[i] += 10 * SL_SECOND;
    scene_run(&s, 1000);
    assert_in_range(scene_error(&s), 10500 * SL_MILLISECOND, 11 * SL_SECOND);
}

static void test_trusted_clock_is_not_moved(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_set(&s, SL_CLOCK_PERSON, 0);
    for (int i = 0; i < 5; i++)
        scene_add(&s, SL_CLOCK_NTP, SL_HOUR);
    scene_run(&s, 3600);
    assert_int_equal(scene_error(&s), 0);
    assert_int_equal(s.clock.source, SL_CLOCK_PERSON);
    /* After an hour it follows, by steps. */
    scene_run(&s, 10);
    assert_in_range(scene_error(&s), 1, 10 * SL_CLOCK_STEP);
    assert_int_equal(s.clock.source, SL_CLOCK_NEIGHBOURS);
    scene_set(&s, SL_CLOCK_PERSON, 0);
    assert_int_equal(scene_error(&s), 0);
}

static void test_samples_grow_old_and_are_forgotten(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    sl_clock_hear(&s.clock, 63, SL_CLOCK_NTP, TRUE_OFFSET + s.now, s.now);
    s.now += SL_MINUTE + 1;
    sl_clock_tick(&s.clock, s.now);
    assert_int_equal(s.clock.source, SL_CLOCK_UNSET);
    sl_clock_hear(&s.clock, 63, SL_CLOCK_NTP, TRUE_OFFSET + s.now, s.now);
    sl_clock_forget(&s.clock, 63);
    sl_clock_tick(&s.clock, s.now);
    assert_int_equal(s.clock.source, SL_CLOCK_UNSET);
    sl_clock_hear(&s.clock, 63, SL_CLOCK_NTP, TRUE_OFFSET + s.now, s.now);
    s.now += SL_MINUTE;
    sl_clock_tick(&s.clock, s.now);
    assert_int_equal(scene_error(&s), 0);
}

/* ---- One or two neighbours ---- */

static void test_lone_neighbour(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_second(&s);
    /* One that merely follows others moves nothing any more. */
    s.lies[0] = SL_HOUR;
    scene_run(&s, 100);
    assert_int_equal(scene_error(&s), 0);
    /* One with a phone does. */
    s.sources[0] = SL_CLOCK_PERSON;
    scene_run(&s, 100);
    assert_int_equal(scene_error(&s), 100 * SL_CLOCK_STEP);
}

static void test_two_neighbours_and_our_own_vote(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_second(&s);
    s.lies[0] = YEAR;
    scene_run(&s, 100);
    assert_int_equal(scene_error(&s), 0);
    s.lies[1] = SL_HOUR;
    scene_run(&s, 100);
    assert_int_equal(scene_error(&s), 100 * SL_CLOCK_STEP);
}

static void test_never_again_fewer_than_three(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    for (int i = 0; i < 3; i++)
        scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_second(&s);
    s.count = 2;
    sl_clock_forget(&s.clock, 2);
    for (int i = 0; i < 2; i++) {
        s.lies[i] = YEAR;
        s.sources[i] = SL_CLOCK_NTP;
    }
    scene_run(&s, 1000);
    assert_int_equal(scene_error(&s), 0);
    scene_add(&s, SL_CLOCK_NEIGHBOURS, YEAR);
    scene_run(&s, 10);
    assert_int_equal(scene_error(&s), 10 * SL_CLOCK_DRIFT);
}

/* Also when they were heard while nobody needed to be followed. */
static void test_quorum_heard_under_a_trusted_clock(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_set(&s, SL_CLOCK_NTP, 0);
    for (int i = 0; i < 3; i++)
        scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_second(&s);
    s.count = 1;
    s.now += 2 * SL_HOUR;
    s.lies[0] = YEAR;
    s.sources[0] = SL_CLOCK_NTP;
    scene_run(&s, 1000);
    assert_int_equal(scene_error(&s), 0);
}

/* ---- Stored clocks ---- */

static void test_stored_clock_goes_forward_at_once(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_set(&s, SL_CLOCK_STORED, -SL_DAY);
    scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_second(&s);
    assert_int_equal(scene_error(&s), 0);
    assert_int_equal(s.clock.source, SL_CLOCK_NEIGHBOURS);
    /* From now on what others merely remember does not count. */
    scene_init(&s);
    scene_set(&s, SL_CLOCK_PERSON, 0);
    s.now += 2 * SL_HOUR;
    for (int i = 0; i < 4; i++)
        scene_add(&s, SL_CLOCK_STORED, -SL_DAY);
    scene_run(&s, 100);
    assert_int_equal(scene_error(&s), 0);
}

/* Two boards without any clock: both end at the later time, and remain open to a better one. */
static void test_two_stored_clocks(void **state)
{
    (void)state;
    struct sl_clock a, b;
    sl_time now = SL_SECOND;
    sl_clock_init(&a);
    sl_clock_init(&b);
    sl_clock_set(&a, SL_CLOCK_STORED, TRUE_OFFSET, now);
    sl_clock_set(&b, SL_CLOCK_STORED, TRUE_OFFSET + SL_HOUR, now);
    for (int i = 0; i < 10; i++) {
        now += SL_SECOND;
        int64_t said_by_a = sl_clock_unix(&a, now);
        sl_clock_hear(&a, 0, b.source, sl_clock_unix(&b, now), now);
        sl_clock_hear(&b, 0, a.source, said_by_a, now);
        sl_clock_tick(&a, now);
        sl_clock_tick(&b, now);
    }
    assert_true(sl_clock_unix(&a, now) == TRUE_OFFSET + SL_HOUR + 10 * SL_SECOND);
    assert_true(sl_clock_unix(&b, now) == sl_clock_unix(&a, now));
    assert_int_equal(a.source, SL_CLOCK_STORED);
    sl_clock_hear(&a, 1, SL_CLOCK_PERSON, TRUE_OFFSET + SL_DAY, now);
    sl_clock_tick(&a, now);
    assert_true(sl_clock_unix(&a, now) == TRUE_OFFSET + SL_DAY);
    assert_int_equal(a.source, SL_CLOCK_NEIGHBOURS);
}

/* ---- Liars ---- */

enum lie { LIE_FUTURE, LIE_PAST, LIE_SMALL, LIE_DRIFT, LIE_SWING, LIE_JUST_INSIDE, LIE_COUNT };

static int64_t tell(enum lie lie, sl_time since)
{
    switch (lie) {
    case LIE_FUTURE:
        return 70 * YEAR;
    case LIE_PAST:
        return -30 * YEAR;
    case LIE_SMALL:
        return 3 * SL_SECOND;
    case LIE_DRIFT:
        return since / 10;
    case LIE_SWING:
        return since / SL_SECOND % 2 ? YEAR : -YEAR;
    case LIE_JUST_INSIDE:
        return 650 * SL_MILLISECOND;
    case LIE_COUNT:
        break;
    }
    return 0;
}

/* The worst error over an hour; the first `liars` neighbours lie, and are heard first. */
static int64_t worst_error(size_t count, size_t liars, enum lie lie, enum sl_clock_source source)
{
    struct scene s;
    struct sl_prng prng;
    scene_init(&s);
    sl_prng_init(&prng, count * 100 + liars);
    for (size_t i = 0; i < count; i++)
        scene_add(&s, i < liars ? source : SL_CLOCK_NEIGHBOURS,
                  sl_prng_time(&prng, -100 * SL_MILLISECOND, 100 * SL_MILLISECOND));
    int64_t worst = 0;
    sl_time start = s.now;
    for (int i = 0; i < 3600; i++) {
        for (size_t k = 0; k < liars; k++)
            s.lies[k] = tell(lie, s.now - start);
        scene_second(&s);
        int64_t error = llabs(scene_error(&s));
        worst = error > worst ? error : worst;
    }
    return worst;
}

static void row_21_one_liar_and_a_third_of_all(void **state)
{
    (void)state;
    int64_t worst = 0;
    for (int lie = 0; lie < LIE_COUNT; lie++) {
        for (size_t count = 3; count <= SL_NEIGHBOURS_MAX; count += count < 16 ? 1 : 16) {
            int64_t one = worst_error(count, 1, (enum lie)lie, SL_CLOCK_NTP);
            int64_t third = worst_error(count, count / 3, (enum lie)lie, SL_CLOCK_NTP);
            int64_t meek = worst_error(count, count / 3, (enum lie)lie, SL_CLOCK_NEIGHBOURS);
            assert_true(one <= 2 * SL_SECOND);
            assert_true(third <= 2 * SL_SECOND);
            assert_true(meek <= 2 * SL_SECOND);
            worst = third > worst ? third : worst;
        }
    }
    printf("a third of all neighbours: at most %d ms\n", (int)(worst / SL_MILLISECOND));
}

/* A cold board that meets a liar first believes it, for want of anything else, until it has heard
 * two more: then it is right at once, and not after years of steps. */
static void row_21_the_first_neighbour_is_a_liar(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_add(&s, SL_CLOCK_NTP, 10 * YEAR);
    scene_run(&s, 60);
    assert_int_equal(scene_error(&s), 10 * YEAR);
    scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_second(&s);
    assert_int_equal(scene_error(&s), 0);
    scene_run(&s, 1000);
    assert_int_equal(scene_error(&s), 0);
}

static void row_21_one_liar_beside_a_stored_flock(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    scene_set(&s, SL_CLOCK_STORED, 0);
    scene_add(&s, SL_CLOCK_NTP, YEAR);
    for (int i = 0; i < 3; i++)
        scene_add(&s, SL_CLOCK_STORED, 0);
    scene_run(&s, 100);
    assert_int_equal(scene_error(&s), 0);
}

/* A whole flock without any better clock, where everyone hears everyone late, and a third lie: the
 * honest ones must neither follow the liars nor fall back together because of the lateness. */
static void row_21_flock_with_liars_and_late_hellos(void **state)
{
    (void)state;
    enum { HONEST = 12, LIARS = 6 };
    for (int lie = 0; lie < LIE_COUNT; lie++) {
        static struct sl_clock clocks[HONEST];
        struct sl_prng prng;
        sl_prng_init(&prng, (uint64_t)lie);
        sl_time now = SL_HOUR;
        for (size_t i = 0; i < HONEST; i++) {
            sl_clock_init(&clocks[i]);
            sl_clock_set(&clocks[i], SL_CLOCK_PERSON,
                         TRUE_OFFSET + now +
                             sl_prng_time(&prng, -900 * SL_MILLISECOND, 900 * SL_MILLISECOND),
                         now);
        }
        now += SL_HOUR; /* the phones are long gone */
        int64_t worst = 0;
        for (sl_time start = now; now < start + 6 * SL_HOUR;) {
            now += SL_SECOND;
            for (size_t i = 0; i < HONEST * HONEST; i++) {
                size_t from = i / HONEST, to = i % HONEST;
                sl_time late = sl_prng_time(&prng, 0, 200 * SL_MILLISECOND);
                if (from != to)
                    sl_clock_hear(&clocks[to], from, clocks[from].source,
                                  sl_clock_unix(&clocks[from], now - late), now);
            }
            for (size_t i = 0; i < HONEST; i++) {
                for (size_t k = 0; k < LIARS; k++)
                    sl_clock_hear(&clocks[i], HONEST + k, SL_CLOCK_NTP,
                                  TRUE_OFFSET + now + tell((enum lie)lie, now - start), now);
                sl_clock_tick(&clocks[i], now);
                int64_t error = llabs(sl_clock_unix(&clocks[i], now) - now - TRUE_OFFSET);
                worst = error > worst ? error : worst;
            }
        }
        printf("flock, lie %d: at most %d ms\n", lie, (int)(worst / SL_MILLISECOND));
        assert_true(worst <= 2 * SL_SECOND);
    }
}

/* ---- Witnesses ---- */

/* `count` origins from `first` on say something, each for itself. */
static void scene_witness(struct scene *s, uint8_t first, int count, int64_t lie, uint16_t invite)
{
    for (int i = 0; i < count; i++) {
        uint8_t origin[SL_ORIGIN_LEN] = {1, (uint8_t)(first + i)};
        sl_time age = i % 5 * SL_SECOND;
        sl_clock_witness(&s->clock, origin, invite, TRUE_OFFSET + s->now - age + lie, age, s->now);
    }
}

/* The majority of the network counts, not that of a corner of it. */
static void row_21_a_corner_full_of_liars(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    for (int i = 0; i < 20; i++)
        scene_add(&s, SL_CLOCK_NEIGHBOURS, i < 14 ? SL_HOUR : 0);
    scene_witness(&s, 0, 20, 0, 0);
    scene_witness(&s, 100, 3, SL_HOUR, 0);
    scene_run(&s, 1800);
    assert_int_equal(scene_error(&s), 0);
}

/* A crowd is switched on: what origins far away write comes seconds later than its age says, and
 * there are more of them than neighbours. */
static void test_late_witnesses_do_not_outvote_neighbours(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    for (int i = 0; i < 5; i++)
        scene_add(&s, SL_CLOCK_NEIGHBOURS, 0);
    scene_witness(&s, 0, 100, -5 * SL_SECOND, 0);
    scene_run(&s, 10);
    assert_int_equal(scene_error(&s), 0);
    scene_run(&s, SL_CLOCK_HOLD / SL_SECOND + 60);
    assert_int_equal(scene_error(&s), 0);
}

/* Who was switched on there comes right as soon as it has heard enough of the others. */
static void row_21_who_joins_among_liars_heals(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    for (int i = 0; i < 5; i++)
        scene_add(&s, SL_CLOCK_NTP, i < 4 ? SL_HOUR : 0);
    scene_run(&s, 120);
    assert_int_equal(scene_error(&s), SL_HOUR);
    scene_witness(&s, 0, 10, 0, 0);
    scene_run(&s, SL_CLOCK_HOLD / SL_SECOND + 1);
    assert_in_range(llabs(scene_error(&s)), 0, SL_SECOND);
}

static void test_a_witness_counts_once_and_for_an_hour(void **state)
{
    (void)state;
    struct scene s;
    scene_settle(&s);
    for (int i = 0; i < 50; i++) /* one origin, however much it writes */
        scene_witness(&s, 0, 1, SL_HOUR, 0);
    scene_run(&s, SL_CLOCK_HOLD / SL_SECOND + 10);
    assert_int_equal(scene_error(&s), 0);
    scene_witness(&s, 0, 4, SL_HOUR, 0); /* four against three */
    scene_run(&s, 10);
    assert_int_equal(scene_error(&s), 10 * SL_CLOCK_DRIFT);
    for (uint8_t i = 0; i < 4; i++) /* they come near, and their hellos count instead */
        sl_clock_forget_witness(&s.clock, (const uint8_t[SL_ORIGIN_LEN]){1, i});
    scene_run(&s, SL_CLOCK_HOLD / SL_SECOND + 10);
    assert_int_equal(scene_error(&s), 10 * SL_CLOCK_DRIFT);
    scene_witness(&s, 0, 4, SL_HOUR, 0);
    s.now += SL_HOUR + SL_SECOND;
    scene_run(&s, SL_CLOCK_HOLD / SL_SECOND + 10);
    assert_int_equal(scene_error(&s), 10 * SL_CLOCK_DRIFT);
}

/* What was long under way says nothing: its age is only what relays say. */
static void test_old_envelopes_are_no_witnesses(void **state)
{
    (void)state;
    struct scene s;
    scene_settle(&s);
    for (uint8_t i = 0; i < 50; i++) {
        sl_time age = SL_CLOCK_WITNESS_AGE + 1;
        sl_clock_witness(&s.clock, (const uint8_t[SL_ORIGIN_LEN]){2, i}, 0, TRUE_OFFSET, age,
                         s.now);
    }
    scene_run(&s, SL_CLOCK_HOLD / SL_SECOND + 10);
    assert_int_equal(scene_error(&s), 0);
}

/* Whoever holds an invite makes as many origins as he likes. */
static void row_15_guests_of_an_invite_are_few_witnesses(void **state)
{
    (void)state;
    struct scene s;
    scene_settle(&s);
    scene_witness(&s, 0, 20, 0, 0);
    scene_witness(&s, 100, 100, SL_HOUR, 7);
    scene_run(&s, SL_CLOCK_HOLD / SL_SECOND + 10);
    assert_int_equal(scene_error(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unset),
        cmocka_unit_test(test_set_runs_with_the_life_clock),
        cmocka_unit_test(test_ranks_of_sources),
        cmocka_unit_test(test_what_is_no_date_is_ignored),
        cmocka_unit_test(test_first_time_at_once),
        cmocka_unit_test(test_a_set_clock_moves_as_crystals_drift),
        cmocka_unit_test(test_a_clock_without_a_quorum_goes_by_steps),
        cmocka_unit_test(test_a_steady_median_is_taken_at_last),
        cmocka_unit_test(test_a_median_that_wanders_is_not),
        cmocka_unit_test(test_ticking_often_moves_no_faster),
        cmocka_unit_test(test_hellos_late_at_the_beginning),
        cmocka_unit_test(test_one_hello_in_time_is_enough),
        cmocka_unit_test(test_neighbours_set_back),
        cmocka_unit_test(test_small_differences_move_nothing),
        cmocka_unit_test(test_median_of_an_even_number),
        cmocka_unit_test(test_trusted_clock_is_not_moved),
        cmocka_unit_test(test_samples_grow_old_and_are_forgotten),
        cmocka_unit_test(test_lone_neighbour),
        cmocka_unit_test(test_two_neighbours_and_our_own_vote),
        cmocka_unit_test(test_never_again_fewer_than_three),
        cmocka_unit_test(test_quorum_heard_under_a_trusted_clock),
        cmocka_unit_test(test_stored_clock_goes_forward_at_once),
        cmocka_unit_test(test_two_stored_clocks),
        cmocka_unit_test(row_21_one_liar_and_a_third_of_all),
        cmocka_unit_test(row_21_the_first_neighbour_is_a_liar),
        cmocka_unit_test(row_21_one_liar_beside_a_stored_flock),
        cmocka_unit_test(row_21_flock_with_liars_and_late_hellos),
        cmocka_unit_test(row_21_a_corner_full_of_liars),
        cmocka_unit_test(test_late_witnesses_do_not_outvote_neighbours),
        cmocka_unit_test(row_21_who_joins_among_liars_heals),
        cmocka_unit_test(test_a_witness_counts_once_and_for_an_hour),
        cmocka_unit_test(test_old_envelopes_are_no_witnesses),
        cmocka_unit_test(row_15_guests_of_an_invite_are_few_witnesses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
