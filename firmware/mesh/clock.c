#include "mesh/clock.h"

#include <assert.h>

enum {
    QUORUM = 3, /* from so many on, one liar among them cannot choose the median */
};

/* What a person, a battery or NTP said is not touched by neighbours for so long. */
#define TRUST_TIME SL_HOUR
/* A sample counts for so long. */
#define SAMPLE_TIME SL_MINUTE
/* No step for less: hellos arrive late by what they waited in queues, and a flock in which everyone
 * followed that would set itself back for ever. */
#define SLACK (500 * SL_MILLISECOND)
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

void sl_clock_hear(struct sl_clock *clock, size_t neighbour, enum sl_clock_source source,
                   int64_t unix_us, sl_time now)
{
    assert(neighbour < SL_NEIGHBOURS_MAX);
    if (source == SL_CLOCK_UNSET || !is_date(unix_us)) {
        sl_clock_forget(clock, neighbour);
        return;
    }
    clock->samples[neighbour] = (struct sl_clock_sample){
        .used = true, .offset = unix_us - now, .at = now, .source = (uint8_t)source};
}

void sl_clock_forget(struct sl_clock *clock, size_t neighbour)
{
    assert(neighbour < SL_NEIGHBOURS_MAX);
    clock->samples[neighbour].used = false;
}

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

/* The neighbours' clocks that count, lowest first. What a store remembered counts only where there
 * is nothing better. */
static size_t collect(const struct sl_clock *clock, sl_time now, struct opinion *ret_opinions)
{
    size_t count = 0;
    for (size_t i = 0; i < SL_NEIGHBOURS_MAX; i++) {
        const struct sl_clock_sample *s = &clock->samples[i];
        if (!s->used || now - s->at > SAMPLE_TIME)
            continue;
        if (s->source == SL_CLOCK_STORED && clock->source > SL_CLOCK_STORED)
            continue;
        struct opinion opinion = {s->offset, (enum sl_clock_source)s->source};
        insert_sorted(ret_opinions, count++, opinion);
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

static int64_t clamp_step(int64_t step)
{
    if (step > SL_CLOCK_STEP)
        return SL_CLOCK_STEP;
    return step < -SL_CLOCK_STEP ? -SL_CLOCK_STEP : step;
}

/* A clock that nobody vouched for so far goes to the first quorum at once, else by steps. */
static void follow(struct sl_clock *clock, struct opinion target, bool first_quorum, sl_time now)
{
    int64_t difference = target.offset - clock->offset;
    bool is_far = difference > SLACK || difference < -SLACK;
    bool is_settled = clock->source > SL_CLOCK_NEIGHBOURS ||
                      (clock->source == SL_CLOCK_NEIGHBOURS && !first_quorum);
    if (clock->source == SL_CLOCK_UNSET || (is_far && !is_settled))
        clock->offset = target.offset;
    else if (is_far)
        clock->offset += clamp_step(difference);
    clock->source = target.source == SL_CLOCK_STORED ? SL_CLOCK_STORED : SL_CLOCK_NEIGHBOURS;
    clock->set_at = now;
    clock->stepped_at = now;
}

void sl_clock_tick(struct sl_clock *clock, sl_time now)
{
    struct opinion opinions[SL_NEIGHBOURS_MAX + 1];
    size_t count = collect(clock, now, opinions);
    bool first_quorum = count >= QUORUM && !clock->heard_quorum;
    if (first_quorum)
        clock->heard_quorum = true;
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
    follow(clock, median(clock, opinions, count), first_quorum, now);
}

bool sl_clock_is_vouched(const struct sl_clock *clock, sl_time now)
{
    struct opinion opinions[SL_NEIGHBOURS_MAX];
    return clock->source > SL_CLOCK_NEIGHBOURS || clock->heard_quorum ||
           collect(clock, now, opinions) > 0;
}

int64_t sl_clock_unix(const struct sl_clock *clock, sl_time now)
{
    return clock->source == SL_CLOCK_UNSET ? 0 : clock->offset + now;
}
