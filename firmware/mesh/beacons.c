#include "mesh/beacons.h"

#include "base/prng.h"

#include <string.h>

#define STALE_AFTER SL_MINUTE /* whoever beacons more rarely is out of reach */

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
