#include "mesh/beacons.h"

#include "base/prng.h"

#include <string.h>

#define STALE_AFTER  SL_MINUTE              /* whoever beacons more rarely is out of reach */
#define CENSUS_EVERY (250 * SL_MILLISECOND) /* walks the whole table */

void sl_beacons_init(struct sl_beacons *beacons, uint64_t seed)
{
    *beacons = (struct sl_beacons){.seed = seed};
}

static size_t row_of(const struct sl_beacons *beacons, const struct sl_beacon_source *source)
{
    uint64_t state = 0;
    for (size_t i = 0; i < SL_LINK_ID_LEN; i++)
        state = state << 8 | source->link_id[i];
    state = (state ^ beacons->seed) + source->bearer;
    return sl_splitmix64(&state) % SL_ARRAY_LEN(beacons->tracks);
}

static size_t find(const struct sl_beacon_track row[SL_BEACON_WAYS],
                   const struct sl_beacon_source *source)
{
    size_t i = 0;
    while (i < SL_BEACON_WAYS &&
           (row[i].at == 0 || memcmp(&row[i].source, source, sizeof(*source)) != 0))
        i++;
    return i;
}

static size_t find_free(const struct sl_beacon_track row[SL_BEACON_WAYS], sl_time now)
{
    size_t i = 0;
    while (i < SL_BEACON_WAYS && row[i].at != 0 && now - row[i].at < STALE_AFTER)
        i++;
    return i;
}

static void advance(struct sl_beacon_track *track, uint8_t number)
{
    uint8_t ahead = (uint8_t)(number - track->last);
    uint8_t behind = (uint8_t)(track->last - number);
    if (behind < SL_BEACON_SPAN)
        return; /* it came before, or late */
    track->history = ahead < SL_BEACON_SPAN ? (uint8_t)(track->history << ahead | 1) : 1;
    track->last = number;
}

void sl_beacons_note(struct sl_beacons *beacons, const struct sl_beacon_source *source,
                     uint8_t number, sl_time now)
{
    struct sl_beacon_track *row = beacons->tracks[row_of(beacons, source)];
    size_t i = find(row, source);
    if (i < SL_BEACON_WAYS && now - row[i].at < STALE_AFTER) {
        advance(&row[i], number);
        row[i].at = now;
        return;
    }
    if (i == SL_BEACON_WAYS)
        i = find_free(row, now);
    if (i == SL_BEACON_WAYS)
        return;
    row[i] = (struct sl_beacon_track){.source = *source, .last = number, .history = 1, .at = now};
}

void sl_beacons_mark(struct sl_beacons *beacons, const struct sl_beacon_source *source,
                     const struct sl_beacon_word *word, bool apart)
{
    struct sl_beacon_track *row = beacons->tracks[row_of(beacons, source)];
    size_t i = find(row, source);
    if (i == SL_BEACON_WAYS)
        return;
    row[i].word = *word;
    row[i].apart = apart;
}

static void count(struct sl_beacons *beacons, const struct sl_beacon_track *track, sl_time now)
{
    if (track->at == 0 || now - track->at >= STALE_AFTER)
        return;
    struct sl_beacon_census *census = &beacons->census[track->source.bearer];
    bool seeks = track->word.links < SL_LINKS_SOUGHT;
    census->heard++;
    census->seeking += seeks;
    census->others_heard += track->word.heard * SL_BEACON_STEP;
    census->others_seeking += track->word.seeking * SL_BEACON_STEP;
    census->apart += !seeks && track->apart;
}

const struct sl_beacon_census *sl_beacons_census(struct sl_beacons *beacons, int bearer,
                                                 sl_time now)
{
    if (beacons->counted_at != 0 && now - beacons->counted_at < CENSUS_EVERY)
        return &beacons->census[bearer];
    memset(beacons->census, 0, sizeof(beacons->census));
    for (size_t row = 0; row < SL_ARRAY_LEN(beacons->tracks); row++)
        for (size_t i = 0; i < SL_BEACON_WAYS; i++)
            count(beacons, &beacons->tracks[row][i], now);
    for (size_t i = 0; i < SL_BEARERS_MAX; i++) {
        struct sl_beacon_census *census = &beacons->census[i];
        if (census->heard == 0)
            continue;
        census->others_heard /= census->heard;
        census->others_seeking /= census->heard;
    }
    beacons->counted_at = now;
    return &beacons->census[bearer];
}

unsigned sl_beacons_came(const struct sl_beacons *beacons, const struct sl_beacon_source *source,
                         unsigned span)
{
    const struct sl_beacon_track *row = beacons->tracks[row_of(beacons, source)];
    size_t i = find(row, source);
    if (i == SL_BEACON_WAYS)
        return span;
    return (unsigned)__builtin_popcount(row[i].history & ((1u << span) - 1));
}

void sl_beacons_forget(struct sl_beacons *beacons, const struct sl_beacon_source *source)
{
    struct sl_beacon_track *row = beacons->tracks[row_of(beacons, source)];
    size_t i = find(row, source);
    if (i < SL_BEACON_WAYS)
        row[i].history = 0;
}
