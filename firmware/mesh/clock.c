#include "mesh/clock.h"

#include <assert.h>
#include <string.h>

enum {
    QUORUM = 3, /* from so many on, one liar among them cannot choose the median */
    OPINIONS_MAX = SL_NEIGHBOURS_MAX + SL_WITNESSES_MAX + 1,
};

/* What a person, a battery or NTP said is not touched by neighbours for so long. */
#define TRUST_TIME SL_HOUR
/* A sample counts for so long. */
#define SAMPLE_TIME SL_MINUTE
/* No step for less: hellos arrive late by what they waited in queues, and a flock in which everyone
 * followed that would set itself back for ever. */
#define SLACK (500 * SL_MILLISECOND)
/* A witness counts for so long. */
#define WITNESS_TIME SL_HOUR
/* By so much a hello comes late at most; whose hellos say earlier times was set back. */
#define LATE_MAX (10 * SL_SECOND)
/* After the first quorum others join it one by one: so long the clock goes with their median. Not
 * longer: with a minute, liars who begin meanwhile take whole fields along. */
#define YOUNG (30 * SL_SECOND)
/* What a steady median may move, and a clock be off without doubt. */
#define FAR (2 * SL_SECOND)
/* Later is no date: leaves room to add and subtract life clocks (year 148,000). */
#define UNIX_MAX ((int64_t)1 << 62)

void sl_clock_init(struct sl_clock *clock)
{
    *clock = (struct sl_clock){0};
}

static bool is_date(int64_t unix_us)
{
    return unix_us > 0 && unix_us < UNIX_MAX;
}

/* Whether the clock relies on something better than neighbours, heard not long ago. */
static bool is_trusted(const struct sl_clock *clock, sl_time now)
{
    return clock->source > SL_CLOCK_NEIGHBOURS && now - clock->set_at <= TRUST_TIME;
}

void sl_clock_set(struct sl_clock *clock, enum sl_clock_source source, int64_t unix_us, sl_time now)
{
    assert(source == SL_CLOCK_STORED || source > SL_CLOCK_NEIGHBOURS);
    if (!is_date(unix_us))
        return;
    if (source < clock->source && (source == SL_CLOCK_STORED || is_trusted(clock, now)))
        return;
    clock->source = source;
    clock->offset = unix_us - now;
    clock->set_at = now;
    clock->stepped_at = now;
}

static int64_t latest_of(const struct sl_clock_sample *sample)
{
    return sample->offset > sample->before ? sample->offset : sample->before;
}

void sl_clock_hear(struct sl_clock *clock, size_t neighbour, enum sl_clock_source source,
                   int64_t unix_us, sl_time now)
{
    assert(neighbour < SL_NEIGHBOURS_MAX);
    if (source == SL_CLOCK_UNSET || !is_date(unix_us)) {
        sl_clock_forget(clock, neighbour);
        return;
    }
    struct sl_clock_sample *sample = &clock->samples[neighbour];
    int64_t offset = unix_us - now;
    bool follows =
        sample->used && now - sample->at <= SAMPLE_TIME && offset > latest_of(sample) - LATE_MAX;
    if (!follows)
        *sample = (struct sl_clock_sample){.offset = offset, .before = offset, .since = now};
    if (now - sample->since >= SAMPLE_TIME / 2) {
        sample->before = sample->offset;
        sample->offset = offset;
        sample->since = now;
    }
    if (offset > sample->offset)
        sample->offset = offset;
    sample->used = true;
    sample->at = now;
    sample->source = (uint8_t)source;
}

void sl_clock_forget(struct sl_clock *clock, size_t neighbour)
{
    assert(neighbour < SL_NEIGHBOURS_MAX);
    clock->samples[neighbour].used = false;
}

/* ---- Witnesses ---- */

static bool is_fresh(const struct sl_clock_witness *witness, sl_time now)
{
    return witness->used && now - witness->at <= WITNESS_TIME;
}

/* Where to put it: its own place, that of the oldest of an invite that has enough, or the oldest.
 */
static struct sl_clock_witness *place_for(struct sl_clock *clock,
                                          const uint8_t origin[SL_ORIGIN_LEN], uint16_t invite)
{
    struct sl_clock_witness *oldest = NULL, *oldest_guest = NULL;
    size_t guests = 0;
    for (size_t i = 0; i < SL_WITNESSES_MAX; i++) {
        struct sl_clock_witness *w = &clock->witnesses[i];
        if (w->used && memcmp(w->origin, origin, SL_ORIGIN_LEN) == 0)
            return w;
        if (!oldest || (oldest->used && (!w->used || w->at < oldest->at)))
            oldest = w;
        if (!w->used || invite == 0 || w->invite != invite)
            continue;
        guests++;
        if (!oldest_guest || w->at < oldest_guest->at)
            oldest_guest = w;
    }
    return guests < SL_WITNESSES_OF_INVITE ? oldest : oldest_guest;
}

void sl_clock_witness(struct sl_clock *clock, const uint8_t origin[SL_ORIGIN_LEN], uint16_t invite,
                      int64_t unix_us, sl_time age, sl_time now)
{
    if (!is_date(unix_us) || age < 0 || age > SL_CLOCK_WITNESS_AGE)
        return;
    struct sl_clock_witness *witness = place_for(clock, origin, invite);
    *witness = (struct sl_clock_witness){
        .used = true, .invite = invite, .offset = unix_us + age - now, .at = now};
    memcpy(witness->origin, origin, SL_ORIGIN_LEN);
}

void sl_clock_forget_witness(struct sl_clock *clock, const uint8_t origin[SL_ORIGIN_LEN])
{
    for (size_t i = 0; i < SL_WITNESSES_MAX; i++)
        if (clock->witnesses[i].used &&
            memcmp(clock->witnesses[i].origin, origin, SL_ORIGIN_LEN) == 0)
            clock->witnesses[i].used = false;
}

/* ---- The median ---- */

/* A clock as the median sees it. */
struct opinion {
    int64_t offset;
    enum sl_clock_source source;
};

static void insert_sorted(struct opinion *opinions, size_t count, struct opinion opinion)
{
    size_t at = count;
    for (; at > 0 && opinions[at - 1].offset > opinion.offset; at--)
        opinions[at] = opinions[at - 1];
    opinions[at] = opinion;
}

/* The clocks of neighbours that count, lowest first. What a store remembered counts only where
 * there is nothing better. */
static size_t collect_neighbours(const struct sl_clock *clock, sl_time now,
                                 struct opinion *ret_opinions)
{
    size_t count = 0;
    for (size_t i = 0; i < SL_NEIGHBOURS_MAX; i++) {
        const struct sl_clock_sample *s = &clock->samples[i];
        if (!s->used || now - s->at > SAMPLE_TIME)
            continue;
        if (s->source == SL_CLOCK_STORED && clock->source > SL_CLOCK_STORED)
            continue;
        struct opinion opinion = {latest_of(s), (enum sl_clock_source)s->source};
        insert_sorted(ret_opinions, count++, opinion);
    }
    return count;
}

/* And those of witnesses among them. */
static size_t collect(const struct sl_clock *clock, sl_time now, struct opinion *ret_opinions)
{
    size_t count = collect_neighbours(clock, now, ret_opinions);
    for (size_t i = 0; i < SL_WITNESSES_MAX; i++) {
        const struct sl_clock_witness *w = &clock->witnesses[i];
        if (is_fresh(w, now))
            insert_sorted(ret_opinions, count++, (struct opinion){w->offset, SL_CLOCK_NEIGHBOURS});
    }
    return count;
}

static bool any_first_hand(const struct opinion *opinions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (opinions[i].source > SL_CLOCK_NEIGHBOURS)
            return true;
    }
    return false;
}

/* Of an even number the two in the middle are equally good: the one nearer to our own, but the
 * later one if we have none or only a stored one, which lags behind. */
static struct opinion median(const struct sl_clock *clock, const struct opinion *opinions,
                             size_t count)
{
    struct opinion low = opinions[(count - 1) / 2];
    struct opinion high = opinions[count / 2];
    if (clock->source <= SL_CLOCK_STORED || clock->offset >= high.offset)
        return high;
    if (clock->offset <= low.offset)
        return low;
    return clock->offset - low.offset < high.offset - clock->offset ? low : high;
}

/* What witnesses say was under way for longer than they know where the radio was busy, and so is
 * late by up to as much as they may be old. Neighbours who say no other time than that know better:
 * theirs is the word where both agree. */
static struct opinion target_of(const struct sl_clock *clock, const struct opinion *opinions,
                                size_t count, sl_time now)
{
    struct opinion neighbours[OPINIONS_MAX];
    struct opinion all = median(clock, opinions, count);
    size_t neighbour_count = collect_neighbours(clock, now, neighbours);
    if (neighbour_count < QUORUM)
        return all;
    struct opinion near = median(clock, neighbours, neighbour_count);
    bool agree = near.offset >= all.offset && near.offset - all.offset <= SL_CLOCK_WITNESS_AGE;
    return agree ? near : all;
}

static bool is_between(int64_t value, int64_t limit)
{
    return value >= -limit && value <= limit;
}

/* Whether the others have disagreed with the clock for long enough, and at one with themselves. */
static bool is_overruled(struct sl_clock *clock, int64_t target, sl_time now)
{
    if (is_between(target - clock->offset, FAR)) {
        clock->is_doubted = false;
        return false;
    }
    if (!clock->is_doubted || !is_between(target - clock->doubt, FAR)) {
        clock->is_doubted = true;
        clock->doubted_at = now;
        clock->doubt = target;
    }
    return now - clock->doubted_at >= SL_CLOCK_HOLD;
}

/* How fast it may go to the median: at once where nobody vouched for it so far. */
static int64_t speed_of(struct sl_clock *clock, int64_t target, bool first_quorum, sl_time now)
{
    bool is_young = clock->source == SL_CLOCK_NEIGHBOURS && clock->heard_quorum &&
                    now - clock->quorum_at < YOUNG;
    if (clock->source <= SL_CLOCK_STORED || is_young ||
        (clock->source == SL_CLOCK_NEIGHBOURS && first_quorum) || is_overruled(clock, target, now))
        return INT64_MAX;
    return clock->heard_quorum ? SL_CLOCK_DRIFT : SL_CLOCK_STEP;
}

static int64_t clamp(int64_t step, int64_t limit)
{
    if (step > limit)
        return limit;
    return step < -limit ? -limit : step;
}

static void follow(struct sl_clock *clock, struct opinion target, bool first_quorum, sl_time now)
{
    int64_t difference = target.offset - clock->offset;
    int64_t speed = speed_of(clock, target.offset, first_quorum, now);
    if (clock->source == SL_CLOCK_UNSET)
        clock->offset = target.offset;
    else if (!is_between(difference, SLACK))
        clock->offset += clamp(difference, speed);
    clock->source = target.source == SL_CLOCK_STORED ? SL_CLOCK_STORED : SL_CLOCK_NEIGHBOURS;
    clock->set_at = now;
    clock->stepped_at = now;
}

void sl_clock_tick(struct sl_clock *clock, sl_time now)
{
    struct opinion opinions[OPINIONS_MAX];
    size_t count = collect(clock, now, opinions);
    bool first_quorum = count >= QUORUM && !clock->heard_quorum;
    if (first_quorum) {
        clock->heard_quorum = true;
        clock->quorum_at = now;
    }
    if (count == 0 || (count < QUORUM && clock->heard_quorum) || is_trusted(clock, now))
        return;
    bool is_set = clock->source > SL_CLOCK_STORED;
    if (is_set && !first_quorum && now - clock->stepped_at < SL_SECOND)
        return;
    /* So few that our own clock has a vote, unless one of them knows better. */
    if (count < QUORUM && clock->source != SL_CLOCK_UNSET && !any_first_hand(opinions, count)) {
        struct opinion own = {clock->offset, clock->source};
        insert_sorted(opinions, count++, own);
    }
    follow(clock, target_of(clock, opinions, count, now), first_quorum, now);
}

bool sl_clock_is_vouched(const struct sl_clock *clock, sl_time now)
{
    struct opinion opinions[OPINIONS_MAX];
    return clock->source > SL_CLOCK_NEIGHBOURS || clock->heard_quorum ||
           collect(clock, now, opinions) > 0;
}

int64_t sl_clock_unix(const struct sl_clock *clock, sl_time now)
{
    return clock->source == SL_CLOCK_UNSET ? 0 : clock->offset + now;
}
