#include "sim/crowd.h"

#include "mesh/packet.h"
#include "sim/crowd_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMERS_MAX = 1 << 20,
    SPINS_MAX = 2000, /* turns of one node at one moment */
    CHECK_EVERY = 64, /* turns */
    NTP_EVERY = 10,   /* nodes */
    RATE_BPS = 6000000,
};

#define BOOT_WITHIN (10 * SL_SECOND)
#define WALKS_HOME  SL_MINUTE /* still in reach of some for a while */
#define MEAN_ON     (5.0 * 60 * 1e6)
#define MEAN_OFF    (30.0 * 1e6)

enum { LATE_EVERY = 10, LEAVES_ONE_IN = 8 };

/* ---- Helpers ---- */

void *sl_crowd_allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

void sl_crowd_must(const struct sl_crowd *crowd, bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "crowd: %s (seed %" PRIu64 ", at %" PRId64 " us)\n", what, crowd->config.seed,
            crowd->now - SL_CROWD_BEGIN);
    abort();
}

void sl_crowd_schedule(struct sl_crowd *crowd, struct sl_crowd_event *event, sl_time at)
{
    sl_crowd_must(crowd, sl_heap_set(&crowd->heap, &event->timer, at) == 0, "too many timers");
}

double sl_crowd_draw(struct sl_crowd *crowd, double mean)
{
    double u = ((double)(sl_prng_next(&crowd->prng) >> 11) + 1) * 0x1p-53;
    return -mean * log(u);
}

bool sl_crowd_is_on(const struct sl_crowd_station *station)
{
    return station->on_since != SL_NEVER;
}

static struct sl_address address_of(int station)
{
    return (struct sl_address){
        .len = 6,
        .bytes = {0xfd, 0, 0, 0, (uint8_t)(station >> 8), (uint8_t)station},
    };
}

int sl_crowd_station_at(const struct sl_address *address)
{
    return address->bytes[4] << 8 | address->bytes[5];
}

/* ---- Turns ---- */

/* Addresses that are nobody's are an attacker's, and that is the last one. */
static int receiver_of(const struct sl_crowd *crowd, const struct sl_address *address)
{
    int station = sl_crowd_station_at(address), last = crowd->config.node_count - 1;
    return station <= last ? station : last;
}

static unsigned class_of(const struct sl_datagram *datagram, const struct sl_crowd_content *content)
{
    if (content->envelope_count == 0)
        return content->element_len[SL_ELEMENT_TAKEN] + content->element_len[SL_ELEMENT_STRAY] > 0
                   ? SL_CROWD_AIR_TAKEN
                   : datagram->bytes[0];
    bool floods = content->element_len[SL_ELEMENT_ENVELOPE] > 0;
    switch (content->kind) {
    case SL_ENVELOPE_CHANNEL:
        return SL_CROWD_AIR_CHANNEL;
    case SL_ENVELOPE_DIRECT:
        return floods ? SL_CROWD_AIR_DIRECT_FLOOD : SL_CROWD_AIR_DIRECT;
    case SL_ENVELOPE_RECEIPT:
        return floods ? SL_CROWD_AIR_RECEIPT_FLOOD : SL_CROWD_AIR_RECEIPT;
    case SL_ENVELOPE_SETTLED:
        return SL_CROWD_AIR_SETTLED;
    default:
        return datagram->bytes[0];
    }
}

/* Headers belong to the envelopes that a frame carries, or to all that is in it. */
static void count_kinds(const struct sl_datagram *datagram, const struct sl_crowd_content *content,
                        struct sl_air_frame *frame)
{
    const size_t *len = content->element_len;
    if (datagram->bytes[0] != SL_PACKET_FRAME) {
        frame->kind_len[SL_CROWD_PACKETS + datagram->bytes[0] % SL_PACKET_FRAME] =
            (uint16_t)datagram->len;
        return;
    }
    for (size_t i = 1; i < SL_CROWD_PACKETS; i++)
        frame->kind_len[i] = (uint16_t)len[i];
    size_t carried = len[SL_ELEMENT_ENVELOPE] > 0 ? SL_ELEMENT_ENVELOPE : SL_ELEMENT_ROUTED;
    if (content->envelope_count > 0)
        frame->kind_len[carried] = (uint16_t)(len[carried] + len[0]);
}

static void put_on_air(struct sl_crowd_station *station, const struct sl_datagram *datagram)
{
    struct sl_crowd *crowd = station->crowd;
    struct sl_crowd_content content;
    sl_crowd_read_frame(datagram->bytes, datagram->len, &content);
    struct sl_air_frame frame = {
        .from = station->number,
        .to = datagram->to.len == 0 ? SL_AIR_EVERYONE : receiver_of(crowd, &datagram->to),
        .len = datagram->len,
        .bytes = datagram->bytes,
        .class = class_of(datagram, &content),
        .control_len = datagram->len,
    };
    if (content.envelope_count > 0) /* headers belong to what is carried */
        frame.control_len -= content.element_len[0] + content.element_len[SL_ELEMENT_ENVELOPE] +
                             content.element_len[SL_ELEMENT_ROUTED];
    count_kinds(datagram, &content, &frame);
    frame.cargo_count = sl_min_size(content.envelope_count, SL_AIR_CARGO_MAX);
    memcpy(frame.cargo, content.envelopes, frame.cargo_count * sizeof(frame.cargo[0]));
    bool sent = sl_crowd_bluetooth_is(station, datagram->bearer)
                    ? sl_crowd_bluetooth_send(station, &datagram->to, &frame)
                    : sl_air_send(crowd->air, &frame, crowd->now);
    sl_crowd_trace(crowd, sent ? "send" : "refuse", station->number, datagram->len,
                   (uint64_t)(int64_t)frame.to);
}

static bool next_datagram(struct sl_crowd_station *station, struct sl_datagram *ret_datagram)
{
    int64_t *before = sl_memory_charge(&station->memory);
    bool sent = sl_node_transmit(station->node, ret_datagram, station->crowd->now);
    sl_memory_charge(before);
    return sent;
}

static void drain(struct sl_crowd_station *station)
{
    struct sl_datagram datagram;
    while (station->node && next_datagram(station, &datagram))
        put_on_air(station, &datagram);
}

void sl_crowd_finish_turn(struct sl_crowd_station *station)
{
    struct sl_crowd *crowd = station->crowd;
    sl_time deadline = SL_NEVER;
    if (station->node) {
        drain(station);
        if (station->turns++ % CHECK_EVERY == 0)
            sl_crowd_check_bounds(station);
        deadline = sl_node_deadline(station->node);
    } else if (station->plain) {
        deadline = sl_plain_deadline(station->plain);
    }
    if (deadline != SL_NEVER && deadline < crowd->now)
        deadline = crowd->now;
    sl_crowd_schedule(crowd, &station->deadline, deadline);
}

static void tick(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, deadline);
    station->spins = station->turn_at == now ? station->spins + 1 : 0;
    station->turn_at = now;
    sl_crowd_must(station->crowd, station->spins < SPINS_MAX,
                  "a node asks to be ticked again and again");
    int64_t *before = sl_memory_charge(&station->memory);
    if (station->node)
        sl_node_tick(station->node, now);
    sl_memory_charge(before);
    if (station->plain)
        sl_plain_tick(station->plain, station->crowd->air, now);
    sl_crowd_finish_turn(station);
}

static void receive(void *arg, int number, const struct sl_air_frame *frame, sl_time now)
{
    struct sl_crowd *crowd = arg;
    struct sl_crowd_station *station = &crowd->stations[number];
    sl_crowd_trace(crowd, "receive", number, frame->len, (uint64_t)frame->from);
    if (!sl_crowd_defer(station, frame, now))
        sl_crowd_take(station, frame, now);
}

void sl_crowd_take(struct sl_crowd_station *station, const struct sl_air_frame *frame, sl_time now)
{
    struct sl_crowd *crowd = station->crowd;
    uint32_t message;
    if (station->node) {
        struct sl_address from = address_of(frame->guise > 0 ? frame->guise - 1 : frame->from);
        station->hearing = frame->from;
        sl_crowd_note_crossings(crowd, frame, station->number);
        int64_t *before = sl_memory_charge(&station->memory);
        sl_node_receive(station->node, station->bearer, &from, frame->bytes, frame->len, now);
        sl_memory_charge(before);
    } else if (station->role == SL_ROLE_OUTSIDER) {
        sl_crowd_overhear(station, frame, now);
        return;
    } else if (!station->plain || crowd->stations[frame->from].role == SL_ROLE_OUTSIDER) {
        return;
    } else if (sl_plain_receive(station->plain, frame->from, frame->bytes, frame->len, now,
                                &message)) {
        sl_crowd_delivered(station, message);
    }
    sl_crowd_finish_turn(station);
}

/* ---- On and off ---- */

/* Against those who lied from the beginning, two honest boards in three have the time from somebody
 * else: what nobody knows the majority cannot know. */
static bool has_time(const struct sl_crowd_station *station)
{
    if (station->crowd->config.attack == SL_CROWD_OLD_LIARS)
        return station->number / 3 % 3 != 0;
    return station->number % NTP_EVERY == 0;
}

static void set_clock(struct sl_crowd_station *station)
{
    sl_time now = station->crowd->now;
    if (has_time(station))
        sl_node_set_time(station->node, SL_CLOCK_NTP, SL_CROWD_EPOCH_US + now, now);
}

static void add_wifi(struct sl_crowd_station *station)
{
    struct sl_bearer_info info = {.name = "crowd", .broadcast = true, .rate_bps = RATE_BPS};
    station->bearer = sl_node_add_bearer(station->node, &info, station->crowd->now);
    sl_crowd_must(station->crowd, station->bearer >= 0, "no bearer");
}

static void start_node(struct sl_crowd_station *station)
{
    struct sl_crowd *crowd = station->crowd;
    struct sl_node_config config = {
        .primitives = crowd->primitives,
        .events = {.arg = station, .accepted = sl_crowd_accepted},
        .store_bytes_max = SL_STORE_BYTES_DEFAULT,
        .prng_seed = sl_prng_next(&crowd->prng),
    };
    sl_quota_config_init(&config.quota);
    memcpy(config.seed, station->seed, SL_KEY_LEN);
    memcpy(config.network_secret, crowd->secret, SL_KEY_LEN);
    config.membership = station->membership;
    config.sessions = station->sessions;
    sl_crowd_store_port(station->store, &config.store);
    sl_crowd_corrupt(station, &config);
    int64_t *before = sl_memory_charge(&station->memory);
    station->node = sl_node_new(&config, crowd->now);
    sl_memory_charge(before);
    sl_crowd_must(crowd, station->node != NULL, "out of memory");
    if (!station->has_no_wifi)
        add_wifi(station);
    sl_crowd_bluetooth_start(station);
    set_clock(station);
}

static void switch_on(struct sl_crowd_station *station)
{
    struct sl_crowd *crowd = station->crowd;
    sl_crowd_trace(crowd, "on", station->number, 0, 0);
    station->on_since = crowd->now;
    if (!station->has_no_wifi)
        sl_air_switch(crowd->air, station->number, true, crowd->now);
    if (station->role != SL_ROLE_OUTSIDER && crowd->config.mode == SL_CROWD_STARLING)
        start_node(station);
    sl_crowd_finish_turn(station);
}

static void add_status(struct sl_crowd_totals *totals, const struct sl_crowd_station *station)
{
    struct sl_node_status status;
    if (station->plain) {
        totals->accepted += station->plain->received - station->plain->duplicates;
        totals->duplicates += station->plain->duplicates;
        totals->sent += station->plain->sent;
        totals->heard += station->plain->received;
    }
    if (!station->node)
        return;
    sl_node_status(station->node, station->crowd->now, &status);
    totals->accepted += status.accepted;
    totals->duplicates += status.duplicates;
    totals->sent += status.sent_envelopes;
    totals->repair_bytes += status.repair_bytes_out;
}

static void stop_node(struct sl_crowd_station *station)
{
    add_status(&station->past, station);
    sl_node_free(station->node);
    station->node = NULL;
    station->memory = 0;
    sl_heap_cancel(&station->crowd->heap, &station->deadline.timer);
}

static void switch_off(struct sl_crowd_station *station, bool goodbye, bool disk)
{
    struct sl_crowd *crowd = station->crowd;
    sl_crowd_trace(crowd, "off", station->number, goodbye, disk);
    if (station->node && goodbye) {
        int64_t *before = sl_memory_charge(&station->memory);
        sl_node_close(station->node, crowd->now);
        sl_memory_charge(before);
        drain(station); /* it leaves with what the radio has sent by now: the rest stays behind */
    }
    if (station->node)
        stop_node(station);
    sl_air_switch(crowd->air, station->number, false, crowd->now);
    sl_crowd_empty_inbox(station);
    sl_crowd_bluetooth_stop(station);
    station->on_since = SL_NEVER;
    if (crowd->config.mode != SL_CROWD_STARLING)
        return;
    if (!disk) {
        sl_crowd_store_free(station->store);
        station->store = sl_crowd_store_new(crowd->depot);
    }
    if (!disk || sl_crowd_store_restart(station->store))
        sl_crowd_forget(station);
}

static void turn_switch(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, power);
    struct sl_crowd *crowd = station->crowd;
    if (!sl_crowd_is_on(station)) {
        switch_on(station);
        sl_time leaves = sl_crowd_leaves_at(crowd, station->number);
        if (leaves != SL_NEVER)
            sl_crowd_schedule(crowd, event, leaves + WALKS_HOME);
        else if (crowd->config.churn && station->role == SL_ROLE_MEMBER)
            sl_crowd_schedule(crowd, event, now + (sl_time)sl_crowd_draw(crowd, MEAN_ON));
        return;
    }
    if (sl_crowd_leaves_at(crowd, station->number) != SL_NEVER) {
        switch_off(station, true, true);
        return;
    }
    if (now > crowd->settle_at)
        return;
    uint64_t how = sl_prng_below(&crowd->prng, 3);
    switch_off(station, how == 0, how != 2);
    if (sl_prng_below(&crowd->prng, LEAVES_ONE_IN) > 0)
        sl_crowd_schedule(crowd, event, now + (sl_time)sl_crowd_draw(crowd, MEAN_OFF));
}

/* ---- The run ---- */

static bool changes(const struct sl_crowd *crowd)
{
    unsigned cuts = SL_CROWD_FAULT_CUT | SL_CROWD_FAULT_ONE_WAY | SL_CROWD_FAULT_APART;
    return sl_crowd_moves(crowd) || crowd->config.churn || (crowd->config.faults & cuts) != 0;
}

void sl_crowd_look(struct sl_crowd *crowd)
{
    sl_reach_look(crowd->reach, sl_crowd_in_reach, crowd);
    if (changes(crowd))
        sl_crowd_meet(crowd);
}

static void look_at_field(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd *crowd = SL_CONTAINER_OF(event, struct sl_crowd, snapshot);
    if (sl_crowd_moves(crowd))
        sl_crowd_place(crowd);
    sl_crowd_look(crowd);
    if (changes(crowd) || now < crowd->chat_at)
        sl_crowd_schedule(crowd, event, now + SL_CROWD_SNAPSHOT);
}

static void make_station(struct sl_crowd *crowd, int number)
{
    struct sl_crowd_station *station = &crowd->stations[number];
    struct sl_prng prng;
    station->crowd = crowd;
    station->number = number;
    station->on_since = SL_NEVER;
    sl_timer_init(&station->deadline.timer);
    sl_timer_init(&station->power.timer);
    station->deadline.fire = tick;
    station->power.fire = turn_switch;
    uint64_t identity = (uint64_t)sl_crowd_identity_of(crowd, number);
    sl_prng_init(&prng, crowd->config.seed + identity * UINT64_C(0x10001) + 1);
    sl_prng_bytes(&prng, station->seed, sizeof(station->seed));
    if (crowd->config.mode != SL_CROWD_STARLING) {
        station->plain = sl_crowd_allocate(1, sizeof(*station->plain));
        sl_plain_init(station->plain, crowd->config.mode == SL_CROWD_PHONE, number, crowd->reach,
                      sl_prng_next(&prng));
        return;
    }
    sl_crowd_join(station);
    station->store = sl_crowd_store_new(crowd->depot);
}

static void plan_power(struct sl_crowd *crowd)
{
    for (int i = 0; i < crowd->config.node_count; i++) {
        sl_time at = crowd->now + sl_prng_time(&crowd->prng, 0, BOOT_WITHIN);
        if (crowd->config.churn && i % LATE_EVERY == LATE_EVERY - 1)
            at = sl_prng_time(&crowd->prng, crowd->chat_at, crowd->settle_at);
        if (crowd->config.field == SL_CROWD_GATHERING)
            at = sl_crowd_comes_at(crowd, i) + sl_prng_time(&crowd->prng, 0, SL_SECOND);
        sl_crowd_schedule(crowd, &crowd->stations[i].power, at);
    }
}

static struct sl_crowd *make_crowd(const struct sl_crowd_config *config)
{
    struct sl_crowd *crowd = sl_crowd_allocate(1, sizeof(*crowd));
    struct sl_air_config air;
    crowd->config = *config;
    crowd->now = SL_CROWD_BEGIN;
    crowd->chat_at = crowd->now + config->warm_up;
    crowd->settle_at = crowd->chat_at + config->chat;
    crowd->end_at = crowd->settle_at + config->settle;
    if (config->pair_count > 0 && config->settle < SL_CROWD_DIRECT_SETTLE)
        crowd->end_at = crowd->settle_at + SL_CROWD_DIRECT_SETTLE;
    sl_crowd_must(crowd, sl_heap_init(&crowd->heap, TIMERS_MAX) == 0, "out of memory");
    sl_prng_init(&crowd->prng, config->seed);
    sl_prng_bytes(&crowd->prng, crowd->secret, sizeof(crowd->secret));
    sl_crowd_members_init(crowd);
    sl_air_config_init(&air);
    air.seed = config->seed;
    air.station_count = config->node_count;
    air.duplicate_permille = config->duplicate_permille;
    air.reorder_max = config->reorder_max;
    sl_crowd_field_init(crowd, &air);
    crowd->air = sl_air_new(&air, &crowd->heap, receive, crowd);
    crowd->reach = sl_reach_new(config->node_count);
    crowd->depot = sl_crowd_depot_new();
    crowd->stations = sl_crowd_allocate((size_t)config->node_count, sizeof(*crowd->stations));
    for (int i = 0; i < config->node_count; i++)
        make_station(crowd, i);
    sl_crowd_cast(crowd);
    sl_crowd_bluetooth_init(crowd, &air.path);
    sl_crowd_check_init(crowd);
    sl_crowd_chat_init(crowd);
    sl_crowd_direct_init(crowd);
    sl_crowd_fault_init(crowd);
    sl_crowd_place(crowd);
    plan_power(crowd);
    sl_crowd_begin_mischief(crowd);
    sl_timer_init(&crowd->snapshot.timer);
    crowd->snapshot.fire = look_at_field;
    sl_crowd_schedule(crowd, &crowd->snapshot, crowd->now + BOOT_WITHIN);
    return crowd;
}

static void free_crowd(struct sl_crowd *crowd)
{
    sl_crowd_fault_done(crowd);
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct sl_crowd_station *station = &crowd->stations[i];
        sl_node_free(station->node);
        sl_crowd_store_free(station->store);
        sl_fake_member_free(station->member);
        if (station->plain)
            sl_plain_done(station->plain);
        free(station->plain);
        free(station->seen);
        free(station->keys);
    }
    sl_crowd_bluetooth_done(crowd);
    sl_air_free(crowd->air);
    sl_heap_done(&crowd->heap);
    free(crowd->stations);
    sl_reach_free(crowd->reach);
    sl_crowd_depot_free(crowd->depot);
    sl_crowd_chat_done(crowd);
    sl_crowd_direct_done(crowd);
    sl_crowd_check_done(crowd);
    sl_crowd_attack_done(crowd);
    free(crowd);
}

void sl_crowd_sum(const struct sl_crowd *crowd, struct sl_crowd_totals *ret_totals)
{
    struct sl_air_stats air;
    struct sl_crowd_totals totals = {.heard = crowd->heard};
    for (int i = 0; i < crowd->config.node_count; i++) {
        const struct sl_crowd_station *station = &crowd->stations[i];
        totals.accepted += station->past.accepted;
        totals.duplicates += station->past.duplicates;
        totals.sent += station->past.sent;
        totals.repair_bytes += station->past.repair_bytes;
        add_status(&totals, station);
    }
    sl_air_stats(crowd->air, &air);
    totals.busy = air.busy;
    totals.heard_airtime = air.heard_airtime;
    totals.heard_control = air.heard_control;
    memcpy(totals.heard_kinds, air.heard_kinds, sizeof(air.heard_kinds));
    *ret_totals = totals;
}

static void tell_progress(struct sl_crowd *crowd)
{
    const struct sl_crowd_config *config = &crowd->config;
    if (!config->progress || crowd->now < crowd->progress_at)
        return;
    crowd->progress_at = crowd->now + SL_SECOND;
    sl_time end = config->until > 0 ? sl_min_time(crowd->end_at, SL_CROWD_BEGIN + config->until)
                                    : crowd->end_at;
    config->progress(config->progress_arg,
                     (double)(crowd->now - SL_CROWD_BEGIN) / (double)(end - SL_CROWD_BEGIN));
}

static void run_until(struct sl_crowd *crowd, sl_time until)
{
    sl_time next;
    while ((next = sl_heap_next(&crowd->heap)) <= until) {
        crowd->now = next > crowd->now ? next : crowd->now;
        tell_progress(crowd);
        struct sl_crowd_event *event = sl_crowd_event_of(sl_heap_pop(&crowd->heap, crowd->now));
        crowd->result.steps++;
        event->fire(event, crowd->now);
    }
    crowd->now = until;
}

void sl_crowd_run(const struct sl_crowd_config *config, struct sl_crowd_result *ret_result)
{
    struct sl_crowd *crowd = make_crowd(config);
    sl_time end = crowd->end_at;
    if (config->until > 0)
        end = sl_min_time(end, SL_CROWD_BEGIN + config->until);
    run_until(crowd, sl_min_time(crowd->chat_at - 1, end));
    crowd->result.degree = sl_reach_mean_degree(crowd->reach);
    sl_crowd_sum(crowd, &crowd->at_chat);
    for (int i = 0; i < config->node_count; i++)
        if (crowd->stations[i].member)
            crowd->stations[i].accepted_at_chat =
                sl_fake_member_accepted(crowd->stations[i].member);
    sl_crowd_direct_begin(crowd);
    run_until(crowd, end);
    if (config->picture)
        sl_crowd_draw_picture(crowd, config->picture);
    sl_crowd_measure(crowd);
    *ret_result = crowd->result;
    free_crowd(crowd);
}

void sl_crowd_config_init(struct sl_crowd_config *config)
{
    *config = (struct sl_crowd_config){
        .seed = 1,
        .node_count = 30,
        .warm_up = SL_MINUTE,
        .chat = 2 * SL_MINUTE,
        .settle = SL_MINUTE,
        .messages_per_hour = 30,
    };
}
