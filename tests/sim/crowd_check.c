#include "sim/crowd_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FOLLOW_ALL_BELOW = 100, SAMPLE = 16, SLOTS_MIN = 1 << 12 };

void sl_crowd_violate(struct sl_crowd *crowd, uint64_t *counter, const char *what, int station)
{
    if ((*counter)++ == 0 && crowd->result.violation[0] == '\0')
        snprintf(crowd->result.violation, sizeof(crowd->result.violation),
                 "%s at station %d, %.6f s", what, station,
                 (double)(crowd->now - SL_CROWD_BEGIN) / (double)SL_SECOND);
}

/* FNV-1a (Fowler, Noll, Vo), a word at a time. */
static void mix(uint64_t *hash, uint64_t word)
{
    *hash = (*hash ^ word) * UINT64_C(0x100000001b3);
    *hash ^= *hash >> 29;
}

void sl_crowd_trace(struct sl_crowd *crowd, const char *what, int station, uint64_t a, uint64_t b)
{
    uint64_t *hash = &crowd->result.trace_hash;
    mix(hash, (uint64_t)crowd->now);
    mix(hash, (uint64_t)(unsigned char)what[0] << 32 | (uint32_t)station);
    mix(hash, a);
    mix(hash, b);
    if (crowd->config.trace)
        fprintf(crowd->config.trace, "%.6f %s %d %" PRIu64 " %" PRIu64 "\n",
                (double)(crowd->now - SL_CROWD_BEGIN) / (double)SL_SECOND, what, station, a, b);
}

/* ---- Crossings ---- */

void sl_crowd_check_init(struct sl_crowd *crowd)
{
    struct sl_crowd_crossings *c = &crowd->crossings;
    c->sample = crowd->config.node_count <= FOLLOW_ALL_BELOW ? 1 : SAMPLE;
    c->slots = SLOTS_MIN;
    c->keys = sl_crowd_allocate(c->slots, sizeof(*c->keys));
    c->counts = sl_crowd_allocate(c->slots, sizeof(*c->counts));
}

void sl_crowd_check_done(struct sl_crowd *crowd)
{
    free(crowd->crossings.keys);
    free(crowd->crossings.counts);
}

/* The slot of a key; a free one has count 0. */
static size_t slot_of(const struct sl_crowd_crossings *c, uint64_t key)
{
    size_t slot = (size_t)key & (c->slots - 1);
    while (c->counts[slot] > 0 && c->keys[slot] != key)
        slot = (slot + 1) & (c->slots - 1);
    return slot;
}

static void grow(struct sl_crowd_crossings *c)
{
    struct sl_crowd_crossings old = *c;
    c->slots *= 2;
    c->keys = sl_crowd_allocate(c->slots, sizeof(*c->keys));
    c->counts = sl_crowd_allocate(c->slots, sizeof(*c->counts));
    for (size_t i = 0; i < old.slots; i++) {
        if (old.counts[i] == 0)
            continue;
        size_t slot = slot_of(c, old.keys[i]);
        c->keys[slot] = old.keys[i];
        c->counts[slot] = old.counts[i];
    }
    free(old.keys);
    free(old.counts);
}

static void note_crossing(struct sl_crowd_crossings *c, uint64_t envelope, int from, int to)
{
    if (envelope % c->sample != 0)
        return;
    if (2 * c->used >= c->slots)
        grow(c);
    uint64_t state =
        envelope ^ ((uint64_t)from << 32 | (uint64_t)to) * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t key = sl_splitmix64(&state);
    size_t slot = slot_of(c, key);
    c->used += c->counts[slot] == 0;
    c->keys[slot] = key;
    if (c->counts[slot] < UINT8_MAX)
        c->counts[slot]++;
    if (c->counts[slot] > c->max)
        c->max = c->counts[slot];
    c->over += c->counts[slot] == 3;
}

/* Attackers give and ask as they like. */
static bool is_honest(const struct sl_crowd *crowd, int station)
{
    return crowd->stations[station].role == SL_ROLE_MEMBER;
}

void sl_crowd_note_crossings(struct sl_crowd *crowd, const struct sl_air_frame *frame, int to)
{
    crowd->heard += frame->cargo_count;
    if (!is_honest(crowd, frame->from) || !is_honest(crowd, to))
        return;
    for (size_t i = 0; i < frame->cargo_count; i++)
        note_crossing(&crowd->crossings, frame->cargo[i], frame->from, to);
}

/* ---- Bounds ---- */

/* What a node may hold at most, from the bounds that limits.h states and the counts that it shows:
 * tables of fixed size, queues of datagrams, decoders; then so much for each entry, twice over, as
 * tables grow by doubling. */
static int64_t memory_bound(const struct sl_crowd *crowd, const struct sl_node_status *status)
{
    int64_t session = crowd->config.members ? 64000 : 8000;
    size_t sessions = status->neighbour_count + status->handshake_count;
    size_t datagrams = SL_RELAY_QUEUE_MAX + SL_OUTPUT_QUEUE_MAX;
    return 512000 + (int64_t)datagrams * 1400 + SL_DECODERS_MAX * 40000 + SL_TOMBSTONES_MAX * 56 +
           (int64_t)sessions * session + (int64_t)status->heard_count * 200 +
           (int64_t)status->origin_count * 400 + (int64_t)status->stored_count * 600;
}

static void check_memory(struct sl_crowd_station *station, const struct sl_node_status *status)
{
    struct sl_crowd *crowd = station->crowd;
    if (station->memory > memory_bound(crowd, status))
        sl_crowd_violate(crowd, &crowd->result.bound_violations,
                         "more memory than its tables explain", station->number);
    if ((double)station->memory > crowd->result.bytes_max)
        crowd->result.bytes_max = (double)station->memory;
}

void sl_crowd_check_bounds(struct sl_crowd_station *station)
{
    struct sl_node_status status;
    struct sl_crowd *crowd = station->crowd;
    if (!station->node)
        return;
    sl_node_status(station->node, crowd->now, &status);
    bool holds = status.neighbour_count <= SL_NEIGHBOURS_MAX &&
                 status.handshake_count <= SL_HANDSHAKES_MAX &&
                 status.heard_count <= SL_HEARD_MAX && status.origin_count <= SL_ORIGINS_MAX &&
                 status.stored_count <= SL_STORE_COUNT_MAX &&
                 status.stored_bytes <= status.store_bytes_max &&
                 status.stored_count == sl_crowd_store_count(station->store) &&
                 (!station->member || sl_fake_member_session_count(station->member) <=
                                          SL_NEIGHBOURS_MAX + SL_HANDSHAKES_MAX);
    if (!holds)
        sl_crowd_violate(crowd, &crowd->result.bound_violations, "a table past its bound",
                         station->number);
    check_memory(station, &status);
    if (status.stored_count > crowd->result.stored_max)
        crowd->result.stored_max = status.stored_count;
}
