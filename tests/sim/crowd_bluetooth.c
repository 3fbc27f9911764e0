#include "sim/crowd_bluetooth.h"

#include "bearers/bluetooth_plan.h"
#include "sim/crowd_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    RATE_BPS = 700000, /* what the firmware tells the mesh */
    QUEUE = 64,
    PSM = 0xc1,
    ADVERT_HEARD_PERCENT = 60,
    ANNOUNCEMENT_LEN = 1 + SL_ADVERT_LEN,
    ENDS_MAX = SL_PLAN_LINKS_CAP + 1,
};

#define ADVERT_EVERY SL_SECOND
#define CONNECT_MIN  (300 * SL_MILLISECOND)
#define CONNECT_MAX  (900 * SL_MILLISECOND)

struct end {
    uint32_t number; /* 0: free */
    int peer;
    bool proved;
};

struct sl_crowd_bluetooth {
    struct sl_crowd_station *station;
    struct sl_plan plan;
    struct sl_crowd_event planned, advertised, attempted;
    struct sl_advert advert;
    bool advertises;
    int attempt_to;
    int bearer; /* -1 while off */
    struct end ends[ENDS_MAX];
};

/* A station, and the channel to it: one made anew is another place. */
static struct sl_address address_of(int station, uint32_t end)
{
    return (struct sl_address){
        .len = 10,
        .bytes = {0xb1, 0xe0, 0, 0, (uint8_t)(station >> 8), (uint8_t)station, (uint8_t)(end >> 24),
                  (uint8_t)(end >> 16), (uint8_t)(end >> 8), (uint8_t)end},
    };
}

static uint32_t end_at(const struct sl_address *address)
{
    return (uint32_t)address->bytes[6] << 24 | (uint32_t)address->bytes[7] << 16 |
           (uint32_t)address->bytes[8] << 8 | address->bytes[9];
}

static struct end *find_end(struct sl_crowd_bluetooth *bluetooth, uint32_t number)
{
    for (size_t i = 0; i < ENDS_MAX; i++)
        if (bluetooth->ends[i].number == number)
            return &bluetooth->ends[i];
    return NULL;
}

/* ---- Links come and go ---- */

static void act(struct sl_crowd_bluetooth *bluetooth);

/* False: all places are taken. */
static bool add_end(struct sl_crowd_bluetooth *bluetooth, int peer, uint32_t number)
{
    struct sl_crowd_station *station = bluetooth->station;
    struct sl_address address = address_of(peer, number);
    struct end *end = find_end(bluetooth, 0);
    if (!end)
        return false;
    *end = (struct end){.number = number, .peer = peer};
    sl_crowd_trace(station->crowd, "join", station->number, (uint64_t)peer, number);
    return sl_node_add_peer(station->node, bluetooth->bearer, &address, station->crowd->now) == 0;
}

static void forget_end(struct sl_crowd_bluetooth *bluetooth, struct end *end)
{
    struct sl_crowd_station *station = bluetooth->station;
    struct sl_address address = address_of(end->peer, end->number);
    uint32_t number = end->number;
    sl_crowd_trace(station->crowd, "part", station->number, (uint64_t)end->peer, number);
    *end = (struct end){0};
    if (!station->node)
        return;
    sl_node_remove_peer(station->node, bluetooth->bearer, &address, station->crowd->now);
    sl_plan_closed(&bluetooth->plan, number, station->crowd->now);
}

/* The medium says so: the other end closed it, or it was lost. */
static void closed(void *arg, int number, uint32_t end_number, sl_time now)
{
    (void)now;
    struct sl_crowd *crowd = arg;
    struct sl_crowd_station *station = &crowd->stations[number];
    struct end *end = find_end(station->bluetooth, end_number);
    if (!end)
        return; /* it was never taken */
    forget_end(station->bluetooth, end);
    if (!station->node)
        return;
    act(station->bluetooth);
    sl_crowd_finish_turn(station);
}

static void close_own(struct sl_crowd_bluetooth *bluetooth, uint32_t number)
{
    struct sl_crowd *crowd = bluetooth->station->crowd;
    struct end *end = find_end(bluetooth, number);
    if (end)
        forget_end(bluetooth, end);
    sl_ble_close(crowd->ble, number, crowd->now);
}

/* The end at the other board, which may have had to give up another one for it. */
static bool is_taken(struct sl_crowd_bluetooth *from, struct sl_crowd_bluetooth *to,
                     uint32_t number)
{
    uint32_t drop = SL_PLAN_NONE;
    struct sl_address address = address_of(from->station->number, 0);
    if (sl_plan_incoming(&to->plan, &address, number, &drop, to->station->crowd->now) < 0)
        return false;
    if (drop != SL_PLAN_NONE)
        close_own(to, drop);
    return add_end(to, from->station->number, number);
}

static void finish_attempt(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_bluetooth *from = SL_CONTAINER_OF(event, struct sl_crowd_bluetooth, attempted);
    struct sl_crowd *crowd = from->station->crowd;
    struct sl_crowd_station *peer = &crowd->stations[from->attempt_to];
    uint32_t number = sl_ble_open(crowd->ble, from->station->number, from->attempt_to, now);
    if (number != 0 && is_taken(from, peer->bluetooth, number + 1) &&
        add_end(from, from->attempt_to, number)) {
        sl_plan_connected(&from->plan, number, now);
        act(peer->bluetooth);
        sl_crowd_finish_turn(peer);
    } else {
        if (number != 0)
            sl_ble_close(crowd->ble, number, now);
        sl_plan_failed(&from->plan, now);
    }
    act(from);
    sl_crowd_finish_turn(from->station);
}

/* ---- What the plan wants ---- */

static void announce(struct sl_crowd_bluetooth *bluetooth, const struct sl_plan_action *action)
{
    struct sl_crowd *crowd = bluetooth->station->crowd;
    uint8_t bytes[ANNOUNCEMENT_LEN] = {0};
    sl_advert_encode(&action->advert, &crowd->primitives, crowd->secret, bytes + 1);
    struct sl_air_frame frame = {
        .bytes = bytes, .len = sizeof(bytes), .control_len = sizeof(bytes)};
    sl_ble_send(crowd->ble, action->number, &frame, crowd->now);
}

static void obey(struct sl_crowd_bluetooth *bluetooth, const struct sl_plan_action *action)
{
    struct sl_crowd *crowd = bluetooth->station->crowd;
    switch (action->verb) {
    case SL_PLAN_ADVERTISE:
        bluetooth->advert = action->advert;
        bluetooth->advertises = true;
        break;
    case SL_PLAN_CONNECT:
        bluetooth->attempt_to = sl_crowd_station_at(&action->address);
        sl_crowd_schedule(crowd, &bluetooth->attempted,
                          crowd->now + sl_prng_time(&crowd->prng, CONNECT_MIN, CONNECT_MAX));
        break;
    case SL_PLAN_DROP:
        close_own(bluetooth, action->number);
        break;
    case SL_PLAN_ANNOUNCE:
        announce(bluetooth, action);
        break;
    }
}

static void act(struct sl_crowd_bluetooth *bluetooth)
{
    struct sl_crowd *crowd = bluetooth->station->crowd;
    struct sl_plan_action action;
    while (sl_plan_next(&bluetooth->plan, &action, crowd->now))
        obey(bluetooth, &action);
    sl_time at = sl_plan_deadline(&bluetooth->plan, crowd->now);
    sl_crowd_schedule(crowd, &bluetooth->planned, at > crowd->now ? at : crowd->now + 1);
    size_t links = sl_plan_link_count(&bluetooth->plan);
    if (links > crowd->result.ble_links_most)
        crowd->result.ble_links_most = links;
}

static void fire_plan(struct sl_crowd_event *event, sl_time now)
{
    (void)now;
    struct sl_crowd_bluetooth *bluetooth =
        SL_CONTAINER_OF(event, struct sl_crowd_bluetooth, planned);
    act(bluetooth);
    sl_crowd_finish_turn(bluetooth->station);
}

static void advertise(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_bluetooth *from = SL_CONTAINER_OF(event, struct sl_crowd_bluetooth, advertised);
    struct sl_crowd *crowd = from->station->crowd;
    struct sl_address address = address_of(from->station->number, 0);
    sl_crowd_schedule(
        crowd, event,
        now + sl_prng_time(&crowd->prng, ADVERT_EVERY * 9 / 10, ADVERT_EVERY * 11 / 10));
    for (int i = 0; from->advertises && i < crowd->config.node_count; i++) {
        struct sl_crowd_bluetooth *to = crowd->stations[i].bluetooth;
        double dbm;
        if (!to || !crowd->stations[i].node ||
            !sl_ble_hears(crowd->ble, from->station->number, i, &dbm) ||
            sl_prng_below(&crowd->prng, 100) >= ADVERT_HEARD_PERCENT)
            continue;
        sl_plan_seen(&to->plan, &from->advert, &address, (int8_t)fmax(dbm, INT8_MIN), now);
        act(to);
        sl_crowd_finish_turn(&crowd->stations[i]);
    }
}

/* ---- Datagrams ---- */

static void take_announcement(struct sl_crowd_bluetooth *bluetooth, uint32_t number,
                              const struct sl_air_frame *frame)
{
    struct sl_crowd *crowd = bluetooth->station->crowd;
    struct sl_advert advert;
    if (sl_advert_decode(frame->bytes + 1, frame->len - 1, &crowd->primitives, crowd->secret,
                         &advert) == 0)
        sl_plan_announced(&bluetooth->plan, number, &advert, crowd->now);
    act(bluetooth);
}

static void receive(void *arg, int number, uint32_t end_number, const struct sl_air_frame *frame,
                    sl_time now)
{
    struct sl_crowd *crowd = arg;
    struct sl_crowd_station *station = &crowd->stations[number];
    struct sl_crowd_bluetooth *bluetooth = station->bluetooth;
    struct end *end = find_end(bluetooth, end_number);
    if (!end || !station->node)
        return;
    sl_crowd_trace(crowd, "receive", number, frame->len, (uint64_t)frame->from);
    if (frame->bytes[0] == 0) {
        take_announcement(bluetooth, end_number, frame);
    } else {
        struct sl_address from = address_of(end->peer, end_number);
        sl_crowd_note_crossings(crowd, frame, number);
        sl_node_receive(station->node, bluetooth->bearer, &from, frame->bytes, frame->len, now);
        if (!end->proved && sl_node_is_linked(station->node, bluetooth->bearer, &from)) {
            end->proved = true;
            sl_plan_proved(&bluetooth->plan, end_number, now);
            act(bluetooth);
        }
    }
    sl_crowd_finish_turn(station);
}

bool sl_crowd_bluetooth_is(const struct sl_crowd_station *station, int bearer)
{
    return station->bluetooth && station->bluetooth->bearer == bearer;
}

bool sl_crowd_bluetooth_send(struct sl_crowd_station *station, const struct sl_address *to,
                             const struct sl_air_frame *frame)
{
    return sl_ble_send(station->crowd->ble, end_at(to), frame, station->crowd->now);
}

/* ---- On and off ---- */

void sl_crowd_bluetooth_start(struct sl_crowd_station *station)
{
    struct sl_crowd *crowd = station->crowd;
    struct sl_crowd_bluetooth *bluetooth = station->bluetooth;
    struct sl_bearer_info info = {.name = "bluetooth", .rate_bps = RATE_BPS};
    if (!bluetooth)
        return;
    bluetooth->bearer = sl_node_add_bearer(station->node, &info, crowd->now);
    if (bluetooth->bearer < 0)
        abort();
    bluetooth->advertises = false;
    memset(bluetooth->ends, 0, sizeof(bluetooth->ends));
    sl_ble_switch(crowd->ble, station->number, true, crowd->now);
    sl_plan_init(&bluetooth->plan, 1 + sl_prng_below(&crowd->prng, SL_PLAN_ID_MASK), PSM,
                 sl_prng_next(&crowd->prng), crowd->now);
    act(bluetooth);
    sl_crowd_schedule(crowd, &bluetooth->advertised,
                      crowd->now + sl_prng_time(&crowd->prng, 0, ADVERT_EVERY));
}

static void cancel_events(struct sl_crowd_bluetooth *bluetooth)
{
    struct sl_heap *heap = &bluetooth->station->crowd->heap;
    sl_heap_cancel(heap, &bluetooth->planned.timer);
    sl_heap_cancel(heap, &bluetooth->advertised.timer);
    sl_heap_cancel(heap, &bluetooth->attempted.timer);
}

void sl_crowd_bluetooth_stop(struct sl_crowd_station *station)
{
    struct sl_crowd *crowd = station->crowd;
    struct sl_crowd_bluetooth *bluetooth = station->bluetooth;
    if (!bluetooth)
        return;
    bluetooth->bearer = -1;
    cancel_events(bluetooth);
    sl_ble_switch(crowd->ble, station->number, false, crowd->now);
}

static void give_bluetooth(struct sl_crowd_station *station)
{
    struct sl_crowd_bluetooth *bluetooth = sl_crowd_allocate(1, sizeof(*bluetooth));
    bluetooth->station = station;
    bluetooth->bearer = -1;
    sl_timer_init(&bluetooth->planned.timer);
    sl_timer_init(&bluetooth->advertised.timer);
    sl_timer_init(&bluetooth->attempted.timer);
    bluetooth->planned.fire = fire_plan;
    bluetooth->advertised.fire = advertise;
    bluetooth->attempted.fire = finish_attempt;
    station->bluetooth = bluetooth;
}

void sl_crowd_bluetooth_init(struct sl_crowd *crowd, const struct sl_path_config *path)
{
    const struct sl_crowd_config *config = &crowd->config;
    unsigned alone = config->bluetooth_percent, both = config->both_percent;
    struct sl_prng prng;
    if (alone + both == 0 || config->mode != SL_CROWD_STARLING)
        return;
    struct sl_ble_config ble = {.seed = config->seed,
                                .station_count = config->node_count,
                                .path = *path,
                                .queue_cap = QUEUE};
    ble.path.seed = config->seed;
    struct sl_ble_events events = {.arg = crowd, .receive = receive, .closed = closed};
    crowd->ble = sl_ble_new(&ble, &crowd->heap, &events);
    sl_prng_init(&prng, config->seed ^ UINT64_C(0xb1e7007));
    for (int i = 0; i < config->node_count; i++) {
        uint64_t lot = sl_prng_below(&prng, 100);
        if (crowd->stations[i].role == SL_ROLE_OUTSIDER)
            continue; /* floods the Wi-Fi */
        crowd->stations[i].has_no_wifi = lot < alone;
        if (lot < alone + both)
            give_bluetooth(&crowd->stations[i]);
    }
}

void sl_crowd_bluetooth_done(struct sl_crowd *crowd)
{
    sl_ble_free(crowd->ble);
    for (int i = 0; i < crowd->config.node_count; i++) {
        if (crowd->stations[i].bluetooth)
            cancel_events(crowd->stations[i].bluetooth);
        free(crowd->stations[i].bluetooth);
    }
}

void sl_crowd_bluetooth_move(struct sl_crowd *crowd)
{
    if (!crowd->ble)
        return;
    for (int i = 0; i < crowd->config.node_count; i++)
        sl_ble_place(crowd->ble, i, sl_air_place_of(crowd->air, i));
    sl_ble_update(crowd->ble, crowd->now);
}

/* ---- Who could be linked, and who is ---- */

static bool contains(const int *stations, size_t count, int station)
{
    for (size_t i = 0; i < count; i++)
        if (stations[i] == station)
            return true;
    return false;
}

size_t sl_crowd_in_reach(const void *arg, int from, int *ret_stations)
{
    const struct sl_crowd *crowd = arg;
    size_t by_air = sl_air_reached(crowd->air, from, ret_stations), count = by_air;
    double dbm;
    for (int to = 0; crowd->ble && to < crowd->config.node_count; to++)
        if (sl_ble_hears(crowd->ble, from, to, &dbm) && !contains(ret_stations, by_air, to))
            ret_stations[count++] = to;
    return count;
}

void sl_crowd_linked_hops(const struct sl_crowd *crowd, int from, uint8_t *ret_hops)
{
    int *queue = sl_crowd_allocate((size_t)crowd->config.node_count, sizeof(int));
    size_t head = 0, tail = 0;
    struct sl_neighbour_info info;
    memset(ret_hops, SL_REACH_NEVER, (size_t)crowd->config.node_count);
    ret_hops[from] = 0;
    queue[tail++] = from;
    while (head < tail) {
        int at = queue[head++];
        const struct sl_node *node = crowd->stations[at].node;
        for (size_t i = 0; node && sl_node_neighbour(node, i, &info); i++) {
            int to = sl_crowd_station_at(&info.address);
            if (info.state != SL_LINK_UP || ret_hops[to] != SL_REACH_NEVER)
                continue;
            ret_hops[to] = (uint8_t)(ret_hops[at] + (ret_hops[at] < SL_REACH_NEVER - 1));
            queue[tail++] = to;
        }
    }
    free(queue);
}
