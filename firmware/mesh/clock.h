/* The mesh clock: dates for boards without a clock battery, that one liar cannot move.
 *
 * It is an offset between the life clock and Unix time, with the trust of its best source. Sources
 * above NEIGHBOURS set it; others can only move a clock that has nothing better, by the median of
 * what they say: neighbours in their hellos, and origins anywhere in the mesh (witnesses) by the
 * dates of what they write, so that the majority of the network counts and not that of a corner of
 * it. A clock that such a median has set moves no faster than crystals drift, unless the others
 * disagree with it for minutes on end (PROTOCOL.md, Mesh clock). */
#ifndef SL_MESH_CLOCK_H
#define SL_MESH_CLOCK_H

#include "base/base.h"
#include "mesh/limits.h"

enum sl_clock_source {
    SL_CLOCK_UNSET,  /* no idea: the certificates' validity cannot be judged */
    SL_CLOCK_STORED, /* not before what the store has seen */
    SL_CLOCK_NEIGHBOURS,
    SL_CLOCK_PERSON, /* a phone or a hand */
    SL_CLOCK_RTC,
    SL_CLOCK_NTP,
};

/* A hello comes late by what it waited in queues, never early: of those of the last minute the one
 * that says the latest time waited least (the clock filter of NTP, RFC 5905, 10). */
struct sl_clock_sample {
    bool used;
    int64_t offset; /* Unix microseconds minus life clock, as that neighbour sees it: the latest, */
    int64_t before; /* and that of the half minute before this one */
    sl_time since;  /* when this half minute began */
    sl_time at;     /* when it was last heard */
    uint8_t source; /* what the neighbour itself relies on */
};

/* What the envelope of an origin that is no neighbour said. */
struct sl_clock_witness {
    bool used;
    uint8_t origin[SL_ORIGIN_LEN];
    uint16_t invite; /* that it came through; 0: none */
    int64_t offset;
    sl_time at;
};

struct sl_clock {
    enum sl_clock_source source;
    int64_t offset;
    sl_time set_at;
    sl_time stepped_at;
    bool heard_quorum; /* three with a clock at a time: fewer are never followed again */
    sl_time quorum_at; /* when that was */
    bool is_doubted;   /* the median has been far from it, and steady, since: */
    sl_time doubted_at;
    int64_t doubt;                                     /* that median */
    struct sl_clock_sample samples[SL_NEIGHBOURS_MAX]; /* by neighbour slot */
    struct sl_clock_witness witnesses[SL_WITNESSES_MAX];
};

void sl_clock_init(struct sl_clock *clock);

/* From the daemon: source STORED, or better than NEIGHBOURS. Ignored if a better source was heard
 * within the last hour (STORED: if there is any better), and if unix_us is no date. */
void sl_clock_set(struct sl_clock *clock, enum sl_clock_source source, int64_t unix_us,
                  sl_time now);

/* What a neighbour's hello said; counts for a minute. Judged in sl_clock_tick(). */
void sl_clock_hear(struct sl_clock *clock, size_t neighbour, enum sl_clock_source source,
                   int64_t unix_us, sl_time now);
void sl_clock_forget(struct sl_clock *clock, size_t neighbour);

/* An origin dated an envelope by its clock, `age` ago as those who passed it on say; counts for an
 * hour. Older than SL_CLOCK_WITNESS_AGE it says nothing. Of one invite so many count together. */
void sl_clock_witness(struct sl_clock *clock, const uint8_t origin[SL_ORIGIN_LEN], uint16_t invite,
                      int64_t unix_us, sl_time age, sl_time now);
/* It is a neighbour now, whose hellos count. */
void sl_clock_forget_witness(struct sl_clock *clock, const uint8_t origin[SL_ORIGIN_LEN]);

/* Moves towards the median. To be called about every second; more often does no harm. */
void sl_clock_tick(struct sl_clock *clock, sl_time now);

/* Whether it rests on more than the word of one or two neighbours that are no longer there. */
bool sl_clock_is_vouched(const struct sl_clock *clock, sl_time now);

/* A second: before there was a quorum; and after, ten times what a bad crystal drifts. */
#define SL_CLOCK_STEP  (100 * SL_MILLISECOND)
#define SL_CLOCK_DRIFT SL_MILLISECOND
/* A median that is far from a clock, and steady, for so long is taken at once. */
#define SL_CLOCK_HOLD (5 * SL_MINUTE)
/* By so much a relay that lies about the age of what it passes on can shift a witness. */
#define SL_CLOCK_WITNESS_AGE (10 * SL_SECOND)

/* Unix microseconds, or 0 if not set. With source STORED it lags behind by as long as the board was
 * off: good to order messages by, but not to call a certificate not yet valid. */
int64_t sl_clock_unix(const struct sl_clock *clock, sl_time now);

#endif
