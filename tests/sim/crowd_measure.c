#include "sim/crowd_internal.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOPS_IN_GROUP = 5 };

#define TIME_FOR_GROUP (2 * SL_SECOND)
#define CLOCK_GOAL_US  2e6
#define KNOWN_FOR      (30 * SL_SECOND) /* who was switched on later need not have everything */

/* mallinfo2 leaves out nothing that matters here; sanitizers replace it by zeros. */
double sl_crowd_heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)info.uordblks + (double)info.hblkhd;
}

/* ---- Delivery ---- */

struct delays {
    sl_time *items[SL_CROWD_HOP_GROUPS];
    size_t counts[SL_CROWD_HOP_GROUPS], caps[SL_CROWD_HOP_GROUPS];
};

static void add_delay(struct delays *delays, size_t group, sl_time delay)
{
    if (delays->counts[group] == delays->caps[group]) {
        delays->caps[group] = delays->caps[group] > 0 ? 2 * delays->caps[group] : 1024;
        delays->items[group] = realloc(delays->items[group], delays->caps[group] * sizeof(sl_time));
        if (!delays->items[group])
            abort();
    }
    delays->items[group][delays->counts[group]++] = delay;
}

bool sl_crowd_counts_as_reader(const struct sl_crowd *crowd, const struct sl_crowd_message *message,
                               int station)
{
    const struct sl_crowd_station *reader = &crowd->stations[station];
    return station != message->author && reader->role == SL_ROLE_MEMBER && sl_crowd_is_on(reader) &&
           crowd->now - reader->on_since >= KNOWN_FOR;
}

static void measure_pair(struct sl_crowd *crowd, const struct sl_crowd_message *message,
                         int station, struct delays *delays)
{
    struct sl_crowd_result *result = &crowd->result;
    sl_time first = message->first[station];
    result->deliverable++;
    result->delivered += first != SL_NEVER;
    if (message->hops[station] == SL_REACH_NEVER)
        return;
    size_t group = message->hops[station] > 0 ? (message->hops[station] - 1u) / HOPS_IN_GROUP : 0;
    result->timed++;
    result->timely +=
        first != SL_NEVER && first - message->at <= TIME_FOR_GROUP * (sl_time)(group + 1);
    if (first != SL_NEVER)
        add_delay(delays, sl_min_size(group, SL_CROWD_HOP_GROUPS - 1), first - message->at);
}

static int compare_delays(const void *a, const void *b)
{
    const sl_time *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double quantile(const sl_time *delays, size_t count, size_t percent)
{
    return count > 0 ? (double)delays[(count - 1) * percent / 100] / (double)SL_SECOND : 0;
}

static bool has(const struct sl_crowd *crowd, size_t message, int station)
{
    const struct sl_crowd_station *s = &crowd->stations[station];
    return message < s->seen_cap && s->seen[message];
}

/* Liveness: whoever is connected to one that has it must have it. */
static void measure_stuck(struct sl_crowd *crowd, size_t message, bool *here)
{
    int count = crowd->config.node_count;
    memset(here, 0, (size_t)count * sizeof(bool));
    for (int i = 0; i < count; i++)
        if (has(crowd, message, i) && crowd->stations[i].role == SL_ROLE_MEMBER &&
            sl_crowd_is_on(&crowd->stations[i]))
            here[sl_reach_component(crowd->reach, i)] = true;
    for (int i = 0; i < count; i++)
        crowd->result.stuck += here[sl_reach_component(crowd->reach, i)] &&
                               !has(crowd, message, i) &&
                               sl_crowd_counts_as_reader(crowd, &crowd->messages[message], i);
}

static void measure_delivery(struct sl_crowd *crowd)
{
    struct delays delays = {0};
    bool *here = sl_crowd_allocate((size_t)crowd->config.node_count, sizeof(bool));
    for (size_t m = 0; m < crowd->message_count; m++)
        measure_stuck(crowd, m, here);
    free(here);
    for (size_t m = 0; m < crowd->message_count; m++)
        for (int i = 0; i < crowd->config.node_count; i++)
            if (crowd->messages[m].holders[i] &&
                sl_crowd_counts_as_reader(crowd, &crowd->messages[m], i))
                measure_pair(crowd, &crowd->messages[m], i, &delays);
    for (size_t g = 0; g < SL_CROWD_HOP_GROUPS; g++) {
        size_t count = delays.counts[g];
        if (count > 0)
            qsort(delays.items[g], count, sizeof(sl_time), compare_delays);
        crowd->result.latency[g] = (struct sl_crowd_latency){
            .count = count,
            .p50 = quantile(delays.items[g], count, 50),
            .p95 = quantile(delays.items[g], count, 95),
            .p99 = quantile(delays.items[g], count, 99),
        };
        free(delays.items[g]);
    }
}

/* ---- Cost ---- */

/* Frames overlap at those who hear two at once: so it is a share of the airtime heard. */
static double control_of_heard(const struct sl_crowd_totals *before,
                               const struct sl_crowd_totals *after)
{
    double heard = (double)(after->heard_airtime - before->heard_airtime);
    return heard > 0 ? (double)(after->heard_control - before->heard_control) / heard : 0;
}

static void measure_kinds(const struct sl_crowd_totals *before, const struct sl_crowd_totals *after,
                          struct sl_crowd_result *result)
{
    double heard = (double)(after->heard_airtime - before->heard_airtime);
    for (size_t i = 0; i < SL_AIR_KINDS && heard > 0; i++)
        result->kind_shares[i] =
            result->channel_busy * (after->heard_kinds[i] - before->heard_kinds[i]) / heard;
}

static void measure_cost(struct sl_crowd *crowd)
{
    struct sl_crowd_result *result = &crowd->result;
    const struct sl_crowd_totals *before = &crowd->at_chat;
    struct sl_crowd_totals after;
    sl_crowd_sum(crowd, &after);
    double messages = (double)crowd->message_count;
    double accepted = (double)(after.accepted - before->accepted);
    double heard = (double)(after.heard - before->heard);
    double seconds = (double)(crowd->now - crowd->chat_at) * crowd->config.node_count;
    if (!crowd->stations[0].plain)
        accepted -= messages; /* what a node wrote itself counts as accepted there */
    if (messages > 0) {
        result->sends_per_message = (double)(after.sent - before->sent) / messages;
        result->sends_least = (double)crowd->least_sends / messages / crowd->config.node_count;
    }
    result->sends_of_flooding = result->sends_per_message / crowd->config.node_count;
    result->useful = heard > 0 ? accepted / heard : 0;
    result->repair_bytes = after.repair_bytes - before->repair_bytes;
    if (seconds > 0) {
        result->channel_busy = (double)(after.busy - before->busy) / seconds;
        result->control_share = control_of_heard(before, &after) * result->channel_busy;
        measure_kinds(before, &after, result);
    }
    sl_air_stats(crowd->air, &result->air);
}

static void measure_clocks(struct sl_crowd *crowd)
{
    double worst = 0;
    int counted = 0, off = 0;
    bool unset = false;
    for (int i = 0; i < crowd->config.node_count; i++) {
        const struct sl_crowd_station *station = &crowd->stations[i];
        struct sl_node_status status;
        if (!station->node || station->role != SL_ROLE_MEMBER ||
            crowd->now - station->on_since < KNOWN_FOR)
            continue;
        sl_node_status(station->node, crowd->now, &status);
        double error = fabs((double)(status.unix_us - SL_CROWD_EPOCH_US - crowd->now));
        counted++;
        off += status.unix_us == 0 || error > CLOCK_GOAL_US;
        unset = unset || status.unix_us == 0;
        worst = fmax(worst, error / (double)SL_SECOND);
    }
    crowd->result.clock_error_max = unset ? -1 : worst;
    crowd->result.clock_off = counted > 0 ? (double)off / counted : 0;
}

/* Parts of those that have been on for long enough to have found each other. */
static void measure_parts(struct sl_crowd *crowd)
{
    int count = crowd->config.node_count;
    uint8_t *hops = sl_crowd_allocate((size_t)count, sizeof(*hops));
    bool *field = sl_crowd_allocate((size_t)count, sizeof(*field));
    bool *mesh = sl_crowd_allocate((size_t)count, sizeof(*mesh));
    for (int i = 0; i < count; i++) {
        if (!crowd->stations[i].node || crowd->now - crowd->stations[i].on_since < KNOWN_FOR)
            continue;
        int component = sl_reach_component(crowd->reach, i);
        crowd->result.parts_in_reach += !field[component];
        field[component] = true;
        if (mesh[i])
            continue;
        crowd->result.parts_linked++;
        sl_crowd_linked_hops(crowd, i, hops);
        for (int other = 0; other < count; other++)
            mesh[other] = mesh[other] || hops[other] != SL_REACH_NEVER;
    }
    free(hops);
    free(field);
    free(mesh);
}

/* Since people chat; a member's session count goes on over restarts. */
static void measure_sessions(struct sl_crowd *crowd)
{
    double seconds = (double)(crowd->now - crowd->chat_at) / (double)SL_SECOND;
    for (int i = 0; i < crowd->config.node_count; i++) {
        const struct sl_crowd_station *station = &crowd->stations[i];
        if (!station->member || station->role != SL_ROLE_MEMBER || seconds <= 0)
            continue;
        double accepted =
            (double)(sl_fake_member_accepted(station->member) - station->accepted_at_chat);
        crowd->result.accepted_max = fmax(crowd->result.accepted_max, accepted / seconds);
    }
}

static void measure_alarms(struct sl_crowd *crowd)
{
    for (int i = 0; i < crowd->config.node_count; i++) {
        const struct sl_crowd_station *station = &crowd->stations[i];
        struct sl_node_status status;
        if (!station->node || station->role != SL_ROLE_MEMBER)
            continue;
        sl_node_status(station->node, crowd->now, &status);
        crowd->result.alarms += status.refused[SL_REFUSAL_SELF] > 0;
    }
}

static void measure_listening(struct sl_crowd *crowd)
{
    struct sl_listener_verdict verdict;
    if (!crowd->listener)
        return;
    sl_listener_judge(crowd->listener, &verdict);
    crowd->result.names_changed = verdict.changes + verdict.restarts;
    for (uint64_t i = verdict.shared + verdict.followed; i > 0; i--)
        sl_crowd_violate(crowd, &crowd->result.recognised, "a board is recognised by a listener",
                         -1);
}

/* By freeing them: what is left over is not theirs. */
static void measure_memory(struct sl_crowd *crowd)
{
    double before = sl_crowd_heap_bytes();
    int count = 0;
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct sl_crowd_station *station = &crowd->stations[i];
        count += station->node != NULL;
        sl_node_free(station->node);
        station->node = NULL; /* nothing runs any more: its links need not be told */
    }
    if (count > 0)
        crowd->result.bytes_per_node = (before - sl_crowd_heap_bytes()) / count;
}

static void measure_reunion(struct sl_crowd *crowd)
{
    const struct sl_crowd_reunion *r = &crowd->reunion;
    crowd->result.reunion_seconds = (double)(r->last_news_at - r->at) / (double)SL_SECOND;
    crowd->result.reunion_airtime = (double)(r->last_news_airtime - r->airtime) / (double)SL_SECOND;
    crowd->result.missing_airtime = (double)r->missing_airtime / (double)SL_SECOND;
}

void sl_crowd_measure(struct sl_crowd *crowd)
{
    crowd->result.messages = crowd->message_count;
    crowd->result.crossings_max = crowd->crossings.max;
    crowd->result.crossings_over = crowd->crossings.over;
    for (int i = 0; i < crowd->config.node_count; i++)
        sl_crowd_check_bounds(&crowd->stations[i]);
    measure_reunion(crowd);
    measure_delivery(crowd);
    measure_cost(crowd);
    measure_clocks(crowd);
    measure_parts(crowd);
    if (crowd->ble)
        sl_ble_stats(crowd->ble, &crowd->result.ble);
    measure_sessions(crowd);
    measure_alarms(crowd);
    crowd->result.reflected = sl_crowd_reflected(crowd);
    measure_listening(crowd);
    sl_crowd_direct_measure(crowd);
    measure_memory(crowd);
}

/* ---- Names ---- */

const char *sl_crowd_field_name(enum sl_crowd_field field)
{
    static const char *const names[] = {"standing", "marching", "courier",  "ring",
                                        "line",     "packed",   "building", "gathering"};
    return names[field];
}

const char *sl_crowd_mode_name(enum sl_crowd_mode mode)
{
    static const char *const names[] = {"starling", "flooding", "phone"};
    return names[mode];
}

const char *sl_crowd_fault_name(unsigned number)
{
    static const char *const names[] = {"cut", "one-way", "store", "clock", "slow", "apart"};
    return names[number];
}

const char *sl_crowd_attack_name(enum sl_crowd_attack attack)
{
    static const char *const names[] = {
        "peace",    "garbage", "flooder", "liars",    "old-liars", "dates",
        "sybils",   "poison",  "forger",  "replay",   "half-open", "reflector",
        "listener", "liar",    "leech",   "tamperer", "clone",     "swallowers"};
    return names[attack];
}
