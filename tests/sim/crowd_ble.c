#include "sim/crowd_ble.h"

#include "base/list.h"
#include "base/prng.h"
#include "sim/crowd_event.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINKS_PER_STATION = 8, /* one more than a board takes: it may have to refuse it */
    FRAGMENT = 247,
    SDU_HEADER = 2,
    FRAGMENT_HEADER = 4,
    PACKET_BITS = 80,
    CHANNELS = 37,
    SIDES = 2,
    SLOT_BITS = 14, /* of a link's number; then come those that were in its slot before */
};

#define TX_POWER_DBM    4.0
#define SENSITIVITY_DBM (-90.0)
#define IFS_US          150
#define INTERVAL        (30 * SL_MILLISECOND)
#define SUPERVISION     (420 * SL_MILLISECOND)

struct parcel {
    struct sl_list list;
    struct sl_air_frame frame;
    uint8_t bytes[];
};

struct side {
    int station;
    struct sl_list queue;
    size_t queued;
    size_t at;    /* bytes of the first one that arrived */
    size_t going; /* bytes of it under way in this exchange */
};

struct link {
    struct sl_crowd_event event; /* the next connection event, or the end of an exchange in one */
    struct sl_ble *ble;
    uint32_t number;     /* of side 0; 0: free */
    uint32_t generation; /* links in this slot so far */
    struct side sides[SIDES];
    bool inside;       /* an exchange is under way */
    sl_time anchor;    /* of the present connection event, or the last */
    sl_time event_end; /* when it has to be over */
    sl_time heard_at;  /* last packet that got through, or since when there is something to say */
    unsigned failures; /* in a row */
};

struct radio {
    bool on;
    struct sl_path_place place;
    size_t link_count;
    sl_time busy_until;
};

struct sl_ble {
    struct sl_ble_config config;
    struct sl_ble_events events;
    struct sl_heap *heap;
    struct sl_prng prng;
    struct radio *radios;
    float *dbm; /* [from * count + to], mean */
    struct link *links;
    size_t link_cap;
    struct sl_ble_stats stats;
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

static void fire(struct sl_crowd_event *event, sl_time now);

struct sl_ble *sl_ble_new(const struct sl_ble_config *config, struct sl_heap *heap,
                          const struct sl_ble_events *events)
{
    struct sl_ble *ble = allocate(1, sizeof(*ble));
    size_t count = (size_t)config->station_count;
    ble->config = *config;
    ble->events = *events;
    ble->heap = heap;
    sl_prng_init(&ble->prng, config->seed ^ UINT64_C(0xb1e));
    ble->radios = allocate(count, sizeof(*ble->radios));
    ble->dbm = allocate(count * count, sizeof(*ble->dbm));
    ble->link_cap = sl_min_size(count * LINKS_PER_STATION, (size_t)1 << SLOT_BITS);
    ble->links = allocate(ble->link_cap, sizeof(*ble->links));
    for (size_t i = 0; i < ble->link_cap; i++) {
        struct link *link = &ble->links[i];
        link->ble = ble;
        sl_timer_init(&link->event.timer);
        link->event.fire = fire;
        for (int side = 0; side < SIDES; side++)
            sl_list_init(&link->sides[side].queue);
    }
    return ble;
}

static void drop_parcel(struct side *side)
{
    struct parcel *parcel = SL_CONTAINER_OF(side->queue.next, struct parcel, list);
    sl_list_remove(&parcel->list);
    side->queued--;
    side->at = side->going = 0;
    free(parcel);
}

static void free_link(struct link *link)
{
    for (int i = 0; i < SIDES; i++) {
        while (link->sides[i].queued > 0)
            drop_parcel(&link->sides[i]);
        link->ble->radios[link->sides[i].station].link_count--;
    }
    sl_heap_cancel(link->ble->heap, &link->event.timer);
    link->inside = false;
    link->number = 0;
}

void sl_ble_free(struct sl_ble *ble)
{
    if (!ble)
        return;
    for (size_t i = 0; i < ble->link_cap; i++)
        if (ble->links[i].number != 0)
            free_link(&ble->links[i]);
    free(ble->links);
    free(ble->dbm);
    free(ble->radios);
    free(ble);
}

/* ---- Who hears whom ---- */

static double mean_dbm(const struct sl_ble *ble, int from, int to)
{
    return (double)ble->dbm[(size_t)from * (size_t)ble->config.station_count + (size_t)to];
}

void sl_ble_place(struct sl_ble *ble, int station, const struct sl_path_place *place)
{
    ble->radios[station].place = *place;
}

static void lose(struct link *link, sl_time now)
{
    struct sl_ble *ble = link->ble;
    uint32_t number = link->number;
    int a = link->sides[0].station, b = link->sides[1].station;
    ble->stats.lost++;
    free_link(link);
    ble->events.closed(ble->events.arg, a, number, now);
    ble->events.closed(ble->events.arg, b, number + 1, now);
}

static bool is_out_of_reach(const struct sl_ble *ble, const struct link *link)
{
    double least = SENSITIVITY_DBM - 2 * ble->config.path.fade_db;
    int a = link->sides[0].station, b = link->sides[1].station;
    return mean_dbm(ble, a, b) < least || mean_dbm(ble, b, a) < least;
}

void sl_ble_update(struct sl_ble *ble, sl_time now)
{
    int count = ble->config.station_count;
    for (int from = 0; from < count; from++)
        for (int to = 0; to < count; to++)
            ble->dbm[(size_t)from * (size_t)count + (size_t)to] =
                (float)(from == to ? -INFINITY
                                   : TX_POWER_DBM - sl_path_loss(&ble->config.path, from, to,
                                                                 &ble->radios[from].place,
                                                                 &ble->radios[to].place));
    for (size_t i = 0; i < ble->link_cap; i++)
        if (ble->links[i].number != 0 && is_out_of_reach(ble, &ble->links[i]))
            lose(&ble->links[i], now);
}

void sl_ble_switch(struct sl_ble *ble, int station, bool on, sl_time now)
{
    ble->radios[station].on = on;
    ble->radios[station].busy_until = now;
    for (size_t i = 0; !on && i < ble->link_cap; i++) {
        struct link *link = &ble->links[i];
        if (link->number != 0 &&
            (link->sides[0].station == station || link->sides[1].station == station))
            lose(link, now);
    }
}

bool sl_ble_hears(const struct sl_ble *ble, int from, int to, double *ret_dbm)
{
    double dbm = mean_dbm(ble, from, to);
    if (!ble->radios[from].on || !ble->radios[to].on ||
        dbm < SENSITIVITY_DBM + ble->config.path.fade_db / 2)
        return false;
    *ret_dbm = dbm;
    return true;
}

size_t sl_ble_reached(const struct sl_ble *ble, int from, int *ret_stations)
{
    size_t count = 0;
    double dbm;
    for (int to = 0; to < ble->config.station_count; to++)
        if (sl_ble_hears(ble, from, to, &dbm) && sl_ble_hears(ble, to, from, &dbm))
            ret_stations[count++] = to;
    return count;
}

/* ---- Links ---- */

uint32_t sl_ble_open(struct sl_ble *ble, int from, int to, sl_time now)
{
    double dbm;
    size_t at = 0;
    if (!sl_ble_hears(ble, from, to, &dbm) || !sl_ble_hears(ble, to, from, &dbm))
        return 0;
    while (at < ble->link_cap && ble->links[at].number != 0)
        at++;
    if (at == ble->link_cap)
        return 0;
    struct link *link = &ble->links[at];
    link->number = (++link->generation << SLOT_BITS | (uint32_t)at) * SIDES;
    link->sides[0].station = from;
    link->sides[1].station = to;
    link->heard_at = now;
    link->failures = 0;
    ble->radios[from].link_count++;
    ble->radios[to].link_count++;
    ble->stats.opened++;
    return link->number;
}

static struct link *find_link(const struct sl_ble *ble, uint32_t end)
{
    size_t at = end / SIDES & ((UINT32_C(1) << SLOT_BITS) - 1);
    if (end < SIDES || at >= ble->link_cap || ble->links[at].number != end - end % SIDES)
        return NULL;
    return &ble->links[at];
}

void sl_ble_close(struct sl_ble *ble, uint32_t end, sl_time now)
{
    struct link *link = find_link(ble, end);
    if (!link)
        return;
    int other = link->sides[1 - end % SIDES].station;
    free_link(link);
    ble->events.closed(ble->events.arg, other, end ^ 1, now);
}

int sl_ble_peer(const struct sl_ble *ble, uint32_t end)
{
    const struct link *link = find_link(ble, end);
    return link ? link->sides[1 - end % SIDES].station : -1;
}

size_t sl_ble_link_count(const struct sl_ble *ble, int station)
{
    return ble->radios[station].link_count;
}

/* ---- Connection events ---- */

static void schedule(struct link *link, sl_time at)
{
    if (sl_heap_set(link->ble->heap, &link->event.timer, at) < 0)
        abort();
}

static bool has_data(const struct link *link)
{
    return link->sides[0].queued > 0 || link->sides[1].queued > 0;
}

/* The anchor drifts: somewhere in half an interval around where it would be. */
static void schedule_next(struct link *link, sl_time now)
{
    sl_time at = link->anchor + sl_prng_time(&link->ble->prng, INTERVAL * 3 / 4, INTERVAL * 5 / 4);
    schedule(link, at > now + IFS_US ? at : now + IFS_US);
}

bool sl_ble_send(struct sl_ble *ble, uint32_t end, const struct sl_air_frame *frame, sl_time now)
{
    struct link *link = find_link(ble, end);
    struct side *side = link ? &link->sides[end % SIDES] : NULL;
    if (!side || side->queued >= ble->config.queue_cap) {
        ble->stats.refused++;
        return false;
    }
    struct parcel *parcel = malloc(sizeof(*parcel) + frame->len);
    if (!parcel)
        abort();
    parcel->frame = *frame;
    parcel->frame.from = side->station;
    parcel->frame.to = link->sides[1 - end % SIDES].station;
    memcpy(parcel->bytes, frame->bytes, frame->len);
    parcel->frame.bytes = parcel->bytes;
    bool was_idle = !has_data(link);
    sl_list_append(&side->queue, &parcel->list);
    side->queued++;
    ble->stats.sent++;
    if (was_idle && !link->inside) {
        link->heard_at = now;
        schedule(link, now + sl_prng_time(&ble->prng, 0, INTERVAL));
    }
    return true;
}

static struct parcel *first_of(const struct side *side)
{
    return SL_CONTAINER_OF(side->queue.next, struct parcel, list);
}

/* What the next packet from that side carries of its first datagram; 0: it is empty. */
static size_t next_fragment(const struct side *side)
{
    if (side->queued == 0)
        return 0;
    return sl_min_size(FRAGMENT, SDU_HEADER + first_of(side)->frame.len - side->at);
}

static sl_time packet_time(size_t fragment)
{
    return PACKET_BITS + 8 * (sl_time)(fragment > 0 ? fragment + FRAGMENT_HEADER : 0) + IFS_US;
}

/* Other radios at work that the receiver hears. */
static unsigned interferers(const struct sl_ble *ble, const struct link *link, int receiver,
                            sl_time now)
{
    unsigned count = 0;
    for (int i = 0; i < ble->config.station_count; i++)
        count += ble->radios[i].busy_until > now && i != link->sides[0].station &&
                 i != link->sides[1].station && mean_dbm(ble, i, receiver) >= SENSITIVITY_DBM;
    return count;
}

static bool gets_through(struct sl_ble *ble, const struct link *link, int from, int to, sl_time now)
{
    uint64_t bits = sl_prng_next(&ble->prng);
    double sum =
        (double)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)) *
        0x1p-16; /* four uniform numbers make a normal one */
    double fade = (sum - 2) * 1.7320508 * ble->config.path.fade_db;
    ble->stats.packets++;
    if (mean_dbm(ble, from, to) + fade < SENSITIVITY_DBM)
        return false;
    for (unsigned k = interferers(ble, link, to, now); k > 0; k--)
        if (sl_prng_below(&ble->prng, CHANNELS) == 0)
            return false;
    return true;
}

/* One packet each way. */
static void begin_exchange(struct link *link, sl_time now)
{
    struct sl_ble *ble = link->ble;
    sl_time duration = 0;
    bool through = true;
    for (int i = 0; i < SIDES; i++) {
        struct side *side = &link->sides[i];
        size_t fragment = next_fragment(side);
        duration += packet_time(fragment);
        through =
            through && gets_through(ble, link, side->station, link->sides[1 - i].station, now);
        side->going = through ? fragment : 0; /* the answer acknowledges what came before it */
    }
    link->failures = through ? 0 : link->failures + 1;
    ble->stats.packets_lost += !through;
    if (through)
        link->heard_at = now + duration;
    for (int i = 0; i < SIDES; i++)
        ble->radios[link->sides[i].station].busy_until = now + duration;
    ble->stats.busy += SIDES * duration;
    link->inside = true;
    schedule(link, now + duration);
}

/* Hands up what is whole. False if the link is gone. */
static bool end_exchange(struct link *link, sl_time now)
{
    struct sl_ble *ble = link->ble;
    uint32_t number = link->number;
    link->inside = false;
    for (uint32_t i = 0; i < SIDES; i++) {
        struct side *side = &link->sides[i];
        side->at += side->going;
        side->going = 0;
        if (side->queued == 0 || side->at < SDU_HEADER + first_of(side)->frame.len)
            continue;
        struct parcel *parcel = first_of(side);
        sl_list_remove(&parcel->list);
        side->queued--;
        side->at = 0;
        ble->stats.delivered++;
        ble->events.receive(ble->events.arg, parcel->frame.to, number + 1 - i, &parcel->frame, now);
        free(parcel);
        if (link->number != number)
            return false;
    }
    return true;
}

static bool is_radio_busy(const struct link *link, sl_time now)
{
    const struct radio *radios = link->ble->radios;
    return radios[link->sides[0].station].busy_until > now ||
           radios[link->sides[1].station].busy_until > now;
}

static sl_time share_of_interval(const struct link *link)
{
    const struct radio *radios = link->ble->radios;
    size_t a = radios[link->sides[0].station].link_count;
    size_t b = radios[link->sides[1].station].link_count;
    return INTERVAL / (sl_time)(a > b ? a : b);
}

static void fire(struct sl_crowd_event *event, sl_time now)
{
    struct link *link = SL_CONTAINER_OF(event, struct link, event);
    struct sl_ble *ble = link->ble;
    bool inside = link->inside;
    if (inside && !end_exchange(link, now))
        return;
    if (!has_data(link))
        return;
    if (now - link->heard_at >= SUPERVISION && link->failures > 1) {
        lose(link, now);
        return;
    }
    if (inside && (now >= link->event_end || link->failures > 1)) {
        schedule_next(link, now);
        return;
    }
    if (!inside)
        link->anchor = now;
    if (!inside && is_radio_busy(link, now)) {
        ble->stats.missed++;
        schedule_next(link, now);
        return;
    }
    if (!inside) {
        link->event_end = now + share_of_interval(link);
        link->failures = link->failures > 1 ? 1 : link->failures;
    }
    begin_exchange(link, now);
}

void sl_ble_stats(const struct sl_ble *ble, struct sl_ble_stats *ret_stats)
{
    *ret_stats = ble->stats;
}
