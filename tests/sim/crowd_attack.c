#include "sim/crowd_inside.h"

#include "base/wire.h"

enum {
    SPAM_US = 2000, /* 500 a second */
    SPAM_LEN = 400,
    GARBAGE_US = 1000,
    GARBAGE_WAITING = 4,
};

void sl_crowd_cast(struct sl_crowd *crowd)
{
    int last = crowd->config.node_count - 1;
    if (crowd->config.attack == SL_CROWD_GARBAGE)
        crowd->stations[last].role = SL_ROLE_OUTSIDER;
    if (crowd->config.attack == SL_CROWD_FLOODER)
        crowd->stations[last].role = SL_ROLE_FLOODER;
    for (int i = 2; i <= last && crowd->config.attack == SL_CROWD_LIARS; i += 3)
        crowd->stations[i].role = SL_ROLE_LIAR;
}

/* Half of it looks like a packet of ours at first sight. */
static void send_garbage(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    struct sl_crowd *crowd = station->crowd;
    uint8_t bytes[SL_DATAGRAM_MAX];
    while (sl_air_waiting(crowd->air, station->number) < GARBAGE_WAITING) {
        sl_prng_bytes(&crowd->prng, bytes, sizeof(bytes));
        if (sl_prng_below(&crowd->prng, 2) == 0)
            bytes[0] = (uint8_t)(1 + sl_prng_below(&crowd->prng, 6));
        struct sl_air_frame frame = {
            .from = station->number, .to = SL_AIR_EVERYONE, .len = sizeof(bytes), .bytes = bytes};
        sl_air_send(crowd->air, &frame, now);
    }
    sl_crowd_schedule(crowd, event, now + GARBAGE_US);
}

static void spam(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    uint8_t payload[SPAM_LEN] = {0}, id[SL_ID_LEN];
    struct sl_writer w;
    sl_writer_init(&w, payload, sizeof(payload));
    sl_write_u32(&w, SL_CROWD_SPAM);
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL,
        .created = sl_node_next_created(station->node, now),
        .lifetime = (uint32_t)(SL_LIFETIME_DEFAULT / SL_SECOND),
        .payload = payload,
        .payload_len = sizeof(payload),
    };
    int64_t *before = sl_memory_charge(&station->memory);
    sl_node_publish(station->node, &draft, now, id); /* what it cannot keep it does not say */
    sl_memory_charge(before);
    sl_crowd_finish_turn(station);
    sl_crowd_schedule(station->crowd, event, now + SPAM_US);
}

static void lie(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    if (!station->node)
        return;
    sl_node_set_time(station->node, SL_CLOCK_NTP, SL_CROWD_EPOCH_US + now + SL_HOUR, now);
    sl_crowd_finish_turn(station);
}

void sl_crowd_begin_mischief(struct sl_crowd *crowd)
{
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct sl_crowd_station *station = &crowd->stations[i];
        sl_timer_init(&station->mischief.timer);
        station->mischief.fire = station->role == SL_ROLE_OUTSIDER  ? send_garbage
                                 : station->role == SL_ROLE_FLOODER ? spam
                                                                    : lie;
        if (station->role != SL_ROLE_MEMBER)
            sl_crowd_schedule(crowd, &station->mischief, crowd->chat_at);
    }
}
