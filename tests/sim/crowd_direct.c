#include "sim/crowd_internal.h"

#include "base/list.h"
#include "base/wire.h"
#include "chat/receipt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIRECT_LEN = 256,  /* the smallest sealed size */
    RECEIPT_LEN = 16,  /* one token */
    FIRST_MESSAGES = 2 /* there and back, before what is measured */
};

#define FIRST_BEFORE (25 * SL_SECOND) /* the chat: the mesh stands by then */
#define FIRST_WITHIN (5 * SL_SECOND)
#define PAUSE_MEAN   (20 * SL_SECOND)

/* Two people who write to each other in turns. */
struct pair {
    struct sl_crowd_event event;
    struct sl_crowd *crowd;
    int ends[2];
    unsigned written;
};

struct direct {
    int from, to;
    sl_time at;
    uint64_t created;
    uint8_t id[SL_ID_LEN];
    bool counts; /* written once they had talked */
    unsigned delivered, answered;
};

/* A receipt that is about to be written. */
struct due {
    struct sl_list list;
    struct sl_crowd_event event;
    struct sl_crowd_station *station;
    size_t number;
    uint8_t id[SL_ID_LEN]; /* of the message */
};

struct sl_crowd_directs {
    struct pair *pairs;
    struct sl_list due;
    struct direct *messages;
    size_t count, cap;
    sl_time airtime_before[SL_AIR_CLASSES];
};

/* ---- Writing ---- */

static bool is_there(const struct sl_crowd *crowd, int station)
{
    return sl_crowd_is_on(&crowd->stations[station]) && crowd->stations[station].node;
}

static void publish(struct sl_crowd_station *from, int to, struct sl_draft *draft,
                    uint8_t ret_id[SL_ID_LEN])
{
    struct sl_crowd *crowd = from->crowd;
    draft->created = sl_node_next_created(from->node, crowd->now);
    draft->lifetime = (uint32_t)(SL_LIFETIME_DEFAULT / SL_SECOND);
    draft->destination = crowd->stations[to].origin;
    int r = sl_node_publish(from->node, draft, crowd->now, ret_id);
    if (r < 0 && r != -EIO && r != -ENOSPC && r != -EROFS)
        abort();
}

static struct direct *add(struct sl_crowd_directs *directs)
{
    if (directs->count == directs->cap) {
        directs->cap = directs->cap > 0 ? 2 * directs->cap : 64;
        directs->messages = realloc(directs->messages, directs->cap * sizeof(*directs->messages));
        if (!directs->messages)
            abort();
    }
    return &directs->messages[directs->count++];
}

static void write_direct(struct sl_crowd *crowd, int from, int to)
{
    struct sl_crowd_directs *directs = crowd->directs;
    uint8_t payload[DIRECT_LEN] = {0}, id[SL_ID_LEN];
    struct sl_writer w;
    size_t number = directs->count;
    sl_writer_init(&w, payload, sizeof(payload));
    sl_write_u32(&w, (uint32_t)number);
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_DIRECT, .payload = payload, .payload_len = sizeof(payload)};
    *add(directs) = (struct direct){
        .from = from, .to = to, .at = crowd->now, .counts = crowd->now >= crowd->chat_at};
    publish(&crowd->stations[from], to, &draft, id);
    memcpy(directs->messages[number].id, id, SL_ID_LEN);
    directs->messages[number].created = draft.created;
    sl_crowd_trace(crowd, "direct", from, number, (uint64_t)to);
    sl_crowd_finish_turn(&crowd->stations[from]);
}

static void take_turn(struct sl_crowd_event *event, sl_time now)
{
    struct pair *pair = SL_CONTAINER_OF(event, struct pair, event);
    struct sl_crowd *crowd = pair->crowd;
    int from = pair->ends[pair->written % 2], to = pair->ends[(pair->written + 1) % 2];
    sl_time pause = pair->written + 1 < FIRST_MESSAGES
                        ? FIRST_WITHIN
                        : (sl_time)sl_crowd_draw(crowd, (double)PAUSE_MEAN);
    pair->written++;
    sl_time next = now + pause;
    if (pair->written >= FIRST_MESSAGES && next < crowd->chat_at)
        next = crowd->chat_at + pause;
    if (next < crowd->settle_at)
        sl_crowd_schedule(crowd, event, next);
    if (is_there(crowd, from) && is_there(crowd, to))
        write_direct(crowd, from, to);
}

/* ---- Reading ---- */

static void answer(struct sl_crowd_station *station, size_t number, const uint8_t id[SL_ID_LEN])
{
    uint8_t token[RECEIPT_LEN] = {0}, receipt_id[SL_ID_LEN];
    struct sl_writer w;
    sl_writer_init(&w, token, sizeof(token));
    sl_write_u32(&w, (uint32_t)number);
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_RECEIPT, .payload = token, .payload_len = sizeof(token), .answers = id};
    publish(station, station->crowd->directs->messages[number].from, &draft, receipt_id);
    sl_crowd_finish_turn(station);
}

static void forget_due(struct due *due)
{
    sl_list_remove(&due->list);
    sl_heap_cancel(&due->station->crowd->heap, &due->event.timer);
    free(due);
}

static void answer_due(struct sl_crowd_event *event, sl_time now)
{
    struct due *due = SL_CONTAINER_OF(event, struct due, event);
    (void)now;
    if (is_there(due->station->crowd, due->station->number))
        answer(due->station, due->number, due->id);
    forget_due(due);
}

static void answer_soon(struct sl_crowd_station *station, size_t number,
                        const uint8_t id[SL_ID_LEN])
{
    struct sl_crowd *crowd = station->crowd;
    struct due *due = sl_crowd_allocate(1, sizeof(*due));
    *due = (struct due){.station = station, .number = number};
    memcpy(due->id, id, SL_ID_LEN);
    sl_timer_init(&due->event.timer);
    due->event.fire = answer_due;
    sl_list_append(&crowd->directs->due, &due->list);
    sl_crowd_schedule(crowd, &due->event, crowd->now + SL_RECEIPT_DELAY);
}

/* As the chat does: a message is shown and answered once, a receipt ends the wait for it. */
void sl_crowd_direct_accepted(struct sl_crowd_station *station, const struct sl_envelope *envelope,
                              const uint8_t id[SL_ID_LEN])
{
    struct sl_crowd *crowd = station->crowd;
    struct sl_reader r;
    sl_reader_init(&r, envelope->payload, envelope->payload_len);
    size_t number = sl_read_u32(&r);
    if (!crowd->directs || number >= crowd->directs->count)
        return;
    struct direct *message = &crowd->directs->messages[number];
    if (envelope->kind == SL_ENVELOPE_DIRECT && station->number == message->to &&
        message->delivered++ == 0) {
        sl_crowd_trace(crowd, "arrive", station->number, number,
                       (uint64_t)(crowd->now - message->at));
        answer_soon(station, number, id);
    }
    if (envelope->kind == SL_ENVELOPE_RECEIPT && station->number == message->from &&
        message->answered++ == 0)
        sl_node_settled(station->node, message->id, crowd->stations[message->to].origin,
                        crowd->now);
}

/* ---- The run ---- */

static int draw_member(struct sl_crowd *crowd)
{
    int station;
    do
        station = (int)sl_prng_below(&crowd->prng, (uint64_t)crowd->config.node_count);
    while (crowd->stations[station].role != SL_ROLE_MEMBER);
    return station;
}

void sl_crowd_direct_init(struct sl_crowd *crowd)
{
    if (crowd->config.pair_count == 0 || crowd->config.mode != SL_CROWD_STARLING)
        return;
    struct sl_crowd_directs *directs = sl_crowd_allocate(1, sizeof(*directs));
    directs->pairs = sl_crowd_allocate(crowd->config.pair_count, sizeof(*directs->pairs));
    sl_list_init(&directs->due);
    crowd->directs = directs;
    for (unsigned i = 0; i < crowd->config.pair_count; i++) {
        struct pair *pair = &directs->pairs[i];
        pair->crowd = crowd;
        pair->ends[0] = draw_member(crowd);
        do
            pair->ends[1] = draw_member(crowd);
        while (pair->ends[1] == pair->ends[0]);
        sl_timer_init(&pair->event.timer);
        pair->event.fire = take_turn;
        sl_crowd_schedule(crowd, &pair->event,
                          crowd->chat_at - FIRST_BEFORE +
                              sl_prng_time(&crowd->prng, 0, FIRST_WITHIN));
    }
}

void sl_crowd_direct_done(struct sl_crowd *crowd)
{
    if (!crowd->directs)
        return;
    while (!sl_list_empty(&crowd->directs->due))
        forget_due(SL_CONTAINER_OF(crowd->directs->due.next, struct due, list));
    free(crowd->directs->pairs);
    free(crowd->directs->messages);
    free(crowd->directs);
}

void sl_crowd_direct_begin(struct sl_crowd *crowd)
{
    struct sl_air_stats air;
    if (!crowd->directs)
        return;
    sl_air_stats(crowd->air, &air);
    memcpy(crowd->directs->airtime_before, air.class_airtime, sizeof(air.class_airtime));
}

/* Seconds of airtime of a class since the chat began, for each of `count`. */
static double airtime_each(const struct sl_crowd *crowd, unsigned class, uint64_t count)
{
    struct sl_air_stats air;
    sl_air_stats(crowd->air, &air);
    sl_time airtime = air.class_airtime[class] - crowd->directs->airtime_before[class];
    return count > 0 ? (double)airtime / (double)SL_SECOND / (double)count : 0;
}

/* The same of SETTLED, which comes so late that the first messages' is among it: of the whole run,
 * for each message of it. */
static double settled_each(const struct sl_crowd *crowd)
{
    struct sl_air_stats air;
    sl_air_stats(crowd->air, &air);
    sl_time airtime = air.class_airtime[SL_CROWD_AIR_SETTLED];
    size_t count = crowd->directs->count;
    return count > 0 ? (double)airtime / (double)SL_SECOND / (double)count : 0;
}

void sl_crowd_direct_measure(struct sl_crowd *crowd)
{
    struct sl_crowd_result *result = &crowd->result;
    const struct sl_crowd_directs *directs = crowd->directs;
    if (!directs)
        return;
    for (size_t i = 0; i < directs->count; i++) {
        const struct direct *message = &directs->messages[i];
        if (!message->counts)
            continue;
        result->directs++;
        result->directs_delivered += message->delivered > 0;
        result->directs_answered += message->answered > 0;
    }
    result->channel_airtime = airtime_each(crowd, SL_CROWD_AIR_CHANNEL, crowd->message_count);
    result->direct_airtime = airtime_each(crowd, SL_CROWD_AIR_DIRECT, result->directs) +
                             airtime_each(crowd, SL_CROWD_AIR_DIRECT_FLOOD, result->directs);
    result->answer_airtime = airtime_each(crowd, SL_CROWD_AIR_RECEIPT, result->directs) +
                             airtime_each(crowd, SL_CROWD_AIR_RECEIPT_FLOOD, result->directs) +
                             settled_each(crowd) +
                             airtime_each(crowd, SL_CROWD_AIR_TAKEN, result->directs);
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct sl_node_status status;
        if (!crowd->stations[i].node)
            continue;
        sl_node_status(crowd->stations[i].node, crowd->now, &status);
        result->directs_flooded += status.routed_flooded;
        result->directs_held += status.held_count;
    }
}
