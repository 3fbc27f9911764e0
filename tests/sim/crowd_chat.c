#include "sim/crowd_internal.h"

#include "base/wire.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEALING_LEN = 150,
    TEXT_MEAN_LEN = 60,
    NUMBER_LEN = 4,
    /* What an envelope of ours is longer in its datagram; the other meshes send the same length. */
    ENVELOPE_OVERHEAD = 3 + SL_ENVELOPE_MUTABLE + SL_ENVELOPE_HEADER + SL_SIGNATURE_LEN + 22,
};

/* ---- Writing ---- */

static uint8_t filler(uint32_t message, size_t at)
{
    return (uint8_t)(message * 131 + at * 17);
}

static void make_payload(uint32_t number, uint8_t *ret_payload, size_t len)
{
    struct sl_writer w;
    sl_writer_init(&w, ret_payload, len);
    sl_write_u32(&w, number);
    for (size_t i = NUMBER_LEN; i < len; i++)
        ret_payload[i] = filler(number, i);
}

static struct sl_crowd_message *add_message(struct sl_crowd *crowd, int author)
{
    size_t count = (size_t)crowd->config.node_count;
    if (crowd->message_count == crowd->message_cap) {
        crowd->message_cap = crowd->message_cap > 0 ? 2 * crowd->message_cap : 64;
        crowd->messages = realloc(crowd->messages, crowd->message_cap * sizeof(*crowd->messages));
        if (!crowd->messages)
            abort();
    }
    struct sl_crowd_message *message = &crowd->messages[crowd->message_count++];
    *message = (struct sl_crowd_message){
        .author = author,
        .at = crowd->now,
        .first = sl_crowd_allocate(count, sizeof(sl_time)),
        .hops = sl_crowd_allocate(count, sizeof(uint8_t)),
        .holders = sl_crowd_allocate(count, sizeof(bool)),
    };
    for (size_t i = 0; i < count; i++)
        message->first[i] = SL_NEVER;
    size_t text = (size_t)sl_crowd_draw(crowd, TEXT_MEAN_LEN);
    message->payload_len = (uint16_t)sl_min_size(SEALING_LEN + text, SL_PAYLOAD_MAX);
    if (crowd->ble) /* seven links each: farther than the reach says */
        sl_crowd_linked_hops(crowd, author, message->hops);
    else
        sl_reach_hops(crowd->reach, author, message->hops);
    crowd->least_sends += sl_reach_least(crowd->reach, author);
    message->holders[author] = true;
    sl_reach_expand(crowd->reach, message->holders);
    return message;
}

static void write_envelope(struct sl_crowd_station *station, uint32_t number)
{
    struct sl_crowd *crowd = station->crowd;
    struct sl_crowd_message *message = &crowd->messages[number];
    uint8_t payload[SL_PAYLOAD_MAX], id[SL_ID_LEN];
    make_payload(number, payload, message->payload_len);
    message->created = sl_node_next_created(station->node, crowd->now);
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL,
        .created = message->created,
        .lifetime = (uint32_t)(SL_LIFETIME_DEFAULT / SL_SECOND),
        .payload = payload,
        .payload_len = message->payload_len,
        .sync = true,
    };
    int64_t *before = sl_memory_charge(&station->memory);
    int result = sl_node_publish(station->node, &draft, crowd->now, id);
    sl_memory_charge(before);
    if (result < 0 && result != -EIO && result != -ENOSPC && result != -EROFS)
        abort(); /* with a store in trouble it spreads, too */
}

/* Halves that are apart write in turns, so that each has as much to tell. */
static bool may_write(const struct sl_crowd *crowd, int station)
{
    bool second = crowd->message_count % 2 == 1;
    if ((crowd->config.faults & SL_CROWD_FAULT_APART) != 0 &&
        sl_crowd_on_second_side(crowd, station) != second)
        return false;
    return sl_crowd_is_on(&crowd->stations[station]) &&
           crowd->stations[station].role == SL_ROLE_MEMBER;
}

/* By Zipf's law; SL_CROWD_UNKNOWN if those drawn are off. */
static int draw_author(struct sl_crowd *crowd)
{
    for (int tries = 0; tries < 16; tries++) {
        double at = (double)(sl_prng_next(&crowd->prng) >> 11) * 0x1p-53;
        int low = 0, high = crowd->config.node_count - 1;
        while (low < high) {
            int middle = (low + high) / 2;
            if (crowd->loudness[middle] < at)
                low = middle + 1;
            else
                high = middle;
        }
        if (may_write(crowd, low))
            return low;
    }
    return -1;
}

static bool note_seen(struct sl_crowd_station *station, uint32_t message)
{
    if (message >= station->seen_cap) {
        size_t cap = 2 * (size_t)message + 64;
        station->seen = realloc(station->seen, cap * sizeof(bool));
        if (!station->seen)
            abort();
        memset(station->seen + station->seen_cap, 0, cap - station->seen_cap);
        station->seen_cap = cap;
    }
    bool is_new = !station->seen[message];
    station->seen[message] = true;
    return is_new;
}

static void write_message(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd *crowd = SL_CONTAINER_OF(event, struct sl_crowd, chat);
    double rate = crowd->config.messages_per_hour * crowd->config.node_count / 3600;
    sl_time next = now + (sl_time)sl_crowd_draw(crowd, (double)SL_SECOND / rate);
    if (crowd->config.messages_max > 0 && crowd->message_count >= crowd->config.messages_max)
        return;
    if (next < crowd->settle_at)
        sl_crowd_schedule(crowd, event, next);
    int author = draw_author(crowd);
    if (author < 0)
        return;
    struct sl_crowd_station *station = &crowd->stations[author];
    uint32_t number = (uint32_t)crowd->message_count;
    struct sl_crowd_message *message = add_message(crowd, author);
    note_seen(station, number);
    sl_crowd_trace(crowd, "write", author, number, message->payload_len);
    if (station->plain)
        sl_plain_publish(station->plain, number,
                         (uint16_t)(message->payload_len + ENVELOPE_OVERHEAD), now);
    else
        write_envelope(station, number);
    sl_crowd_finish_turn(station);
}

void sl_crowd_chat_init(struct sl_crowd *crowd)
{
    int count = crowd->config.node_count;
    double sum = 0;
    crowd->loudness = sl_crowd_allocate((size_t)count, sizeof(double));
    for (int i = 0; i < count; i++) /* positions are random: so are those of the loud */
        crowd->loudness[i] = sum += 1.0 / (i + 1);
    for (int i = 0; i < count; i++)
        crowd->loudness[i] /= sum;
    sl_timer_init(&crowd->chat.timer);
    crowd->chat.fire = write_message;
    if (crowd->config.messages_per_hour > 0)
        sl_crowd_schedule(crowd, &crowd->chat, crowd->chat_at);
}

void sl_crowd_chat_done(struct sl_crowd *crowd)
{
    for (size_t i = 0; i < crowd->message_count; i++) {
        free(crowd->messages[i].first);
        free(crowd->messages[i].hops);
        free(crowd->messages[i].holders);
    }
    free(crowd->messages);
    free(crowd->loudness);
}

/* ---- Reading ---- */

static sl_time airtime_so_far(const struct sl_crowd *crowd)
{
    struct sl_air_stats stats;
    sl_air_stats(crowd->air, &stats);
    return stats.airtime;
}

static bool is_missed(const struct sl_crowd *crowd, size_t message)
{
    for (int i = 0; i < crowd->config.node_count; i++) {
        const struct sl_crowd_station *station = &crowd->stations[i];
        if (station->role == SL_ROLE_MEMBER && sl_crowd_is_on(station) &&
            (message >= station->seen_cap || !station->seen[message]))
            return true;
    }
    return false;
}

void sl_crowd_begin_reunion(struct sl_crowd *crowd)
{
    struct sl_crowd_reunion *reunion = &crowd->reunion;
    reunion->at = reunion->last_news_at = crowd->now;
    reunion->airtime = reunion->last_news_airtime = airtime_so_far(crowd);
    for (size_t i = 0; i < crowd->message_count; i++)
        if (is_missed(crowd, i))
            reunion->missing_airtime +=
                sl_air_time(crowd->messages[i].payload_len + (size_t)ENVELOPE_OVERHEAD);
}

void sl_crowd_delivered(struct sl_crowd_station *station, uint32_t number)
{
    struct sl_crowd *crowd = station->crowd;
    if (number >= crowd->message_count) {
        sl_crowd_violate(crowd, &crowd->result.forgeries, "a message that nobody wrote",
                         station->number);
        return;
    }
    if (!note_seen(station, number))
        sl_crowd_violate(crowd, &crowd->result.double_deliveries, "a message delivered twice",
                         station->number);
    sl_time *first = &crowd->messages[number].first[station->number];
    if (*first == SL_NEVER)
        *first = crowd->now;
    if (crowd->reunion.at > 0) {
        crowd->reunion.last_news_at = crowd->now;
        crowd->reunion.last_news_airtime = airtime_so_far(crowd);
    }
    sl_crowd_trace(crowd, "deliver", station->number, number, 0);
}

static bool is_genuine(const struct sl_crowd *crowd, const struct sl_envelope *envelope,
                       uint32_t number)
{
    if (number >= crowd->message_count)
        return false;
    const struct sl_crowd_message *message = &crowd->messages[number];
    bool same =
        message->created == envelope->created && message->payload_len == envelope->payload_len &&
        memcmp(crowd->stations[message->author].origin, envelope->origin, SL_ORIGIN_LEN) == 0;
    for (size_t i = NUMBER_LEN; same && i < envelope->payload_len; i++)
        same = envelope->payload[i] == filler(number, i);
    return same;
}

void sl_crowd_accepted(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                       sl_time born, bool local)
{
    (void)born;
    struct sl_crowd_station *station = arg;
    struct sl_crowd *crowd = station->crowd;
    if (envelope->kind != SL_ENVELOPE_CHANNEL) {
        sl_crowd_direct_accepted(station, envelope, id);
        return;
    }
    struct sl_reader r;
    sl_reader_init(&r, envelope->payload, envelope->payload_len);
    uint32_t number = sl_read_u32(&r);
    if (number == SL_CROWD_SPAM && crowd->config.attack > SL_CROWD_GARBAGE)
        return;
    int64_t *node = sl_memory_charge(NULL); /* what follows is the simulator's */
    if (!is_genuine(crowd, envelope, number))
        sl_crowd_violate(crowd, &crowd->result.forgeries, "a forged envelope", station->number);
    else if (!local)
        sl_crowd_delivered(station, number);
    sl_memory_charge(node);
}

void sl_crowd_meet(struct sl_crowd *crowd)
{
    if (crowd->now > crowd->end_at - SL_CROWD_TOO_LATE)
        return;
    for (size_t i = 0; i < crowd->message_count; i++)
        sl_reach_expand(crowd->reach, crowd->messages[i].holders);
}

static void remember(void *arg, const uint8_t *bytes, size_t len)
{
    struct sl_crowd_station *station = arg;
    struct sl_envelope envelope;
    struct sl_reader r;
    if (sl_envelope_decode(bytes, len, &envelope) < 0 || envelope.kind != SL_ENVELOPE_CHANNEL)
        return;
    sl_reader_init(&r, envelope.payload, envelope.payload_len);
    uint32_t number = sl_read_u32(&r);
    if (number < station->crowd->message_count)
        note_seen(station, number);
}

void sl_crowd_forget(struct sl_crowd_station *station)
{
    if (station->seen_cap > 0)
        memset(station->seen, 0, station->seen_cap * sizeof(bool));
    sl_crowd_store_each(station->store, remember, station);
    for (size_t i = 0; i < station->crowd->message_count; i++)
        station->crowd->messages[i].holders[station->number] =
            i < station->seen_cap && station->seen[i];
}
