#include "sim/crowd_air.h"

#include "base/list.h"
#include "base/prng.h"
#include "sim/crowd_event.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOT_US = 9,
    DIFS_US = 16 + 2 * SLOT_US,
    SENSE_US = 4, /* until a radio finds that another one sends */
    WINDOW_MIN = 15,
    WINDOW_MAX = 1023,
    RETRIES_MAX = 7,
    OVERHEAD_LEN = 84,
    ACK_US = 16 + 44, /* SIFS, and 14 bytes */
    FADES_A_DRAW = 5,
};

#define TX_POWER_DBM    15.0
#define SENSITIVITY_DBM (-82.0)
#define FLOOR_DBM       (-92.0)
#define NOISE_DBM       (-94.0)
#define SINR_DB         5.0
#define CAPTURE_DB      10.0

/* A frame that waits, is sent, or is on its way up. */
struct parcel {
    struct sl_list list;
    struct sl_air_frame frame;
    bool delivered; /* unicast: a try arrived */
    uint8_t bytes[];
};

struct hearer {
    int station;
    float dbm, mw;
};

struct hearing {
    int station;
    float mw;
};

struct transmission {
    struct sl_list list;
    struct sl_crowd_event event; /* its end */
    struct sl_air *air;
    int from;
    struct parcel *parcel;
    bool acked;
    size_t hearing_count;
    struct hearing hearings[];
};

struct radio {
    struct sl_crowd_event access; /* its back-off ends */
    struct sl_air *air;
    int number;
    bool on;
    struct sl_path_place place;
    bool second_side;
    struct hearer *hearers; /* who hears this one above the floor */
    size_t hearer_count, hearer_cap;

    struct sl_list queue;
    size_t queued;
    bool sending;
    unsigned window, slots, tries;
    sl_time idle_since, busy_since;

    unsigned signals, sensed; /* on the air here; those above the sensitivity */
    double total_mw;
    const struct transmission *locked;
    double locked_mw;
    bool spoiled;
};

/* A frame handed up late. */
struct late {
    struct sl_list list;
    struct sl_crowd_event event;
    struct sl_air *air;
    int station;
    struct parcel *parcel;
};

struct sl_air {
    struct sl_air_config config;
    struct sl_heap *heap;
    struct sl_prng prng;
    sl_air_receive receive;
    void *arg;
    double sensitivity_mw, noise_mw, sinr, capture, reach_m;
    float fades[SL_PATH_FADES];
    enum sl_air_cut cut;
    struct sl_air_stats stats;
    struct sl_list late, transmissions;
    struct radio *radios;
};

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

static void schedule(struct sl_air *air, struct sl_crowd_event *event, sl_time at)
{
    if (sl_heap_set(air->heap, &event->timer, at) < 0)
        abort();
}

sl_time sl_air_time(size_t len)
{
    size_t bits = 16 + 8 * (len + OVERHEAD_LEN) + 6;
    return 20 + 4 * (sl_time)((bits + 23) / 24);
}

/* ---- Who hears whom ---- */

static bool is_cut(const struct sl_air *air, const struct radio *from, const struct radio *to)
{
    if (air->cut == SL_AIR_WHOLE || from->second_side == to->second_side)
        return false;
    return air->cut == SL_AIR_CUT || from->second_side;
}

static double power_dbm(const struct sl_air *air, int from, int to)
{
    const struct radio *a = &air->radios[from], *b = &air->radios[to];
    if (is_cut(air, a, b))
        return -INFINITY;
    return TX_POWER_DBM - sl_path_loss(&air->config.path, from, to, &a->place, &b->place);
}

/* Close enough to be worth the logarithms. */
static bool is_near(const struct sl_air *air, const struct radio *a, const struct radio *b)
{
    return fabs(a->place.x - b->place.x) <= air->reach_m &&
           fabs(a->place.y - b->place.y) <= air->reach_m;
}

static void add_hearer(struct radio *radio, int station, double dbm)
{
    if (radio->hearer_count == radio->hearer_cap) {
        radio->hearer_cap = radio->hearer_cap > 0 ? 2 * radio->hearer_cap : 32;
        radio->hearers = realloc(radio->hearers, radio->hearer_cap * sizeof(*radio->hearers));
        if (!radio->hearers)
            abort();
    }
    radio->hearers[radio->hearer_count++] =
        (struct hearer){station, (float)dbm, (float)sl_path_milliwatts(dbm)};
}

void sl_air_place(struct sl_air *air, int station, double x, double y)
{
    air->radios[station].place.x = x;
    air->radios[station].place.y = y;
}

void sl_air_lift(struct sl_air *air, int station, int floor)
{
    air->radios[station].place.floor = floor;
}

void sl_air_side(struct sl_air *air, int station, bool second)
{
    air->radios[station].second_side = second;
}

void sl_air_cut(struct sl_air *air, enum sl_air_cut cut)
{
    air->cut = cut;
}

const struct sl_path_place *sl_air_place_of(const struct sl_air *air, int station)
{
    return &air->radios[station].place;
}

void sl_air_update(struct sl_air *air)
{
    for (int from = 0; from < air->config.station_count; from++) {
        struct radio *radio = &air->radios[from];
        radio->hearer_count = 0;
        for (int to = 0; to < air->config.station_count; to++) {
            if (to == from || !is_near(air, radio, &air->radios[to]))
                continue;
            double dbm = power_dbm(air, from, to);
            if (dbm >= FLOOR_DBM)
                add_hearer(radio, to, dbm);
        }
    }
}

static double mean_power(const struct sl_air *air, int from, int to)
{
    const struct radio *radio = &air->radios[from];
    for (size_t i = 0; i < radio->hearer_count; i++)
        if (radio->hearers[i].station == to)
            return (double)radio->hearers[i].dbm;
    return -INFINITY;
}

size_t sl_air_reached(const struct sl_air *air, int from, int *ret_stations)
{
    const struct radio *radio = &air->radios[from];
    size_t count = 0;
    for (size_t i = 0; radio->on && i < radio->hearer_count; i++) {
        const struct hearer *hearer = &radio->hearers[i];
        if (air->radios[hearer->station].on &&
            (double)hearer->dbm >= SENSITIVITY_DBM + air->config.path.fade_db / 2)
            ret_stations[count++] = hearer->station;
    }
    return count;
}

/* ---- Reception ---- */

static bool is_clear(const struct sl_air *air, const struct radio *radio)
{
    return radio->locked_mw >=
           air->sinr * (air->noise_mw + fmax(0, radio->total_mw - radio->locked_mw));
}

static void lock(const struct sl_air *air, struct radio *radio, const struct transmission *tx,
                 double mw)
{
    radio->locked = tx;
    radio->locked_mw = mw;
    radio->spoiled = !is_clear(air, radio);
}

static void freeze(struct radio *radio, sl_time now);
static void contend(struct radio *radio, sl_time now);

static bool is_busy(const struct radio *radio)
{
    return radio->sensed > 0 || radio->sending;
}

/* To be called after anything that may have changed it. */
static void note_busy(struct radio *radio, bool was_busy, sl_time now)
{
    if (!was_busy && is_busy(radio))
        radio->busy_since = now;
    if (was_busy && !is_busy(radio))
        radio->air->stats.busy += now - radio->busy_since;
}

static void begin_signal(struct radio *radio, const struct transmission *tx, double mw, sl_time now)
{
    struct sl_air *air = radio->air;
    bool was_busy = is_busy(radio);
    radio->signals++;
    radio->total_mw += mw;
    if (mw >= air->sensitivity_mw && radio->sensed++ == 0)
        freeze(radio, now);
    note_busy(radio, was_busy, now);
    if (radio->sending || !radio->on)
        return;
    if (radio->locked && mw < radio->locked_mw * air->capture)
        radio->spoiled = radio->spoiled || !is_clear(air, radio);
    else if (mw >= air->sensitivity_mw) {
        air->stats.spoiled += radio->locked != NULL;
        lock(air, radio, tx, mw);
    }
}

static void free_late(struct late *late)
{
    sl_heap_cancel(late->air->heap, &late->event.timer);
    sl_list_remove(&late->list);
    free(late->parcel);
    free(late);
}

static void arrive_late(struct sl_crowd_event *event, sl_time now)
{
    struct late *late = SL_CONTAINER_OF(event, struct late, event);
    if (late->air->radios[late->station].on)
        late->air->receive(late->air->arg, late->station, &late->parcel->frame, now);
    free_late(late);
}

static struct parcel *copy_frame(const struct sl_air_frame *frame)
{
    struct parcel *parcel = malloc(sizeof(*parcel) + frame->len);
    if (!parcel)
        abort();
    parcel->frame = *frame;
    parcel->delivered = false;
    memcpy(parcel->bytes, frame->bytes, frame->len);
    parcel->frame.bytes = parcel->bytes;
    return parcel;
}

static void hand_up_late(struct sl_air *air, int station, const struct sl_air_frame *frame,
                         sl_time now)
{
    struct late *late = allocate(sizeof(*late));
    sl_timer_init(&late->event.timer);
    late->event.fire = arrive_late;
    late->air = air;
    late->station = station;
    late->parcel = copy_frame(frame);
    sl_list_append(&air->late, &late->list);
    schedule(air, &late->event, now + sl_prng_time(&air->prng, 0, air->config.reorder_max));
}

static void hand_up(struct sl_air *air, int station, struct parcel *parcel, sl_time now)
{
    bool twice = air->config.duplicate_permille > 0 &&
                 sl_prng_below(&air->prng, 1000) < air->config.duplicate_permille;
    for (int i = 0; i <= twice; i++) {
        if (air->config.reorder_max > 0)
            hand_up_late(air, station, &parcel->frame, now);
        else
            air->receive(air->arg, station, &parcel->frame, now);
    }
}

static void receive(struct sl_air *air, struct radio *radio, struct transmission *tx, sl_time now)
{
    struct parcel *parcel = tx->parcel;
    air->stats.spoiled += radio->spoiled;
    if (radio->spoiled ||
        (parcel->frame.to != SL_AIR_EVERYONE && parcel->frame.to != radio->number))
        return;
    air->stats.received++;
    if (parcel->frame.to == radio->number) {
        tx->acked = mean_power(air, radio->number, tx->from) >= SENSITIVITY_DBM;
        if (parcel->delivered)
            return; /* a repetition, found by its sequence number */
        parcel->delivered = true;
    }
    hand_up(air, radio->number, parcel, now);
}

static void end_signal(struct radio *radio, struct transmission *tx, double mw, sl_time now)
{
    struct sl_air *air = radio->air;
    bool taken = radio->locked == tx, was_busy = is_busy(radio);
    radio->signals--;
    radio->total_mw = radio->signals > 0 ? radio->total_mw - mw : 0;
    if (taken)
        radio->locked = NULL;
    if (mw >= air->sensitivity_mw && --radio->sensed == 0 && !radio->sending) {
        radio->idle_since = now;
        contend(radio, now);
    }
    note_busy(radio, was_busy, now);
    if (taken && radio->on)
        receive(air, radio, tx, now);
}

/* ---- Access ---- */

static unsigned draw_slots(struct radio *radio)
{
    return (unsigned)sl_prng_below(&radio->air->prng, radio->window + 1);
}

static sl_time may_send_at(const struct radio *radio)
{
    return radio->idle_since + DIFS_US + SLOT_US * (sl_time)radio->slots;
}

static void contend(struct radio *radio, sl_time now)
{
    if (radio->queued == 0 || radio->sending || radio->sensed > 0)
        return;
    sl_time at = may_send_at(radio);
    schedule(radio->air, &radio->access, at > now ? at : now);
}

static void freeze(struct radio *radio, sl_time now)
{
    struct sl_timer *timer = &radio->access.timer;
    if (!sl_timer_is_set(timer) || timer->at - now <= SENSE_US)
        return;
    sl_heap_cancel(radio->air->heap, timer);
    sl_time counted = (now - radio->idle_since - DIFS_US) / SLOT_US;
    if (counted > 0)
        radio->slots -= (unsigned)sl_min_time(counted, radio->slots);
}

/* Everyone who hears it, with the fading of this frame: 12 bits of chance for each. */
static void spread(struct sl_air *air, struct transmission *tx)
{
    const struct radio *radio = &air->radios[tx->from];
    uint64_t bits = 0;
    for (size_t i = 0; i < radio->hearer_count; i++) {
        bits = i % FADES_A_DRAW == 0 ? sl_prng_next(&air->prng) : bits >> 12;
        const struct hearer *hearer = &radio->hearers[i];
        tx->hearings[i] =
            (struct hearing){hearer->station, hearer->mw * air->fades[bits % SL_PATH_FADES]};
    }
    tx->hearing_count = radio->hearer_count;
}

static void count_kinds(struct sl_air *air, const struct sl_air_frame *frame, sl_time heard)
{
    size_t sum = 0;
    for (size_t i = 0; i < SL_AIR_KINDS; i++)
        sum += frame->kind_len[i];
    for (size_t i = 0; i < SL_AIR_KINDS; i++)
        if (frame->kind_len[i] > 0)
            air->stats.heard_kinds[i] += (double)heard * frame->kind_len[i] / (double)sum;
}

static void count_airtime(struct sl_air *air, const struct transmission *tx, sl_time airtime)
{
    const struct sl_air_frame *frame = &tx->parcel->frame;
    sl_time control =
        frame->len > 0 ? airtime * (sl_time)frame->control_len / (sl_time)frame->len : 0;
    size_t heard = 1;
    for (size_t i = 0; i < tx->hearing_count; i++)
        heard += (double)tx->hearings[i].mw >= air->sensitivity_mw;
    air->stats.airtime += airtime;
    air->stats.control_airtime += control;
    air->stats.class_airtime[frame->class % SL_AIR_CLASSES] += airtime;
    air->stats.heard_airtime += airtime * (sl_time)heard;
    air->stats.heard_control += control * (sl_time)heard;
    count_kinds(air, frame, airtime * (sl_time)heard);
}

static void end_transmission(struct sl_crowd_event *event, sl_time now);

static void begin_transmission(struct sl_crowd_event *event, sl_time now)
{
    struct radio *radio = SL_CONTAINER_OF(event, struct radio, access);
    struct sl_air *air = radio->air;
    size_t size = sizeof(struct transmission) + radio->hearer_count * sizeof(struct hearing);
    struct transmission *tx = allocate(size);
    sl_timer_init(&tx->event.timer);
    tx->event.fire = end_transmission;
    sl_list_append(&air->transmissions, &tx->list);
    tx->air = air;
    tx->from = radio->number;
    tx->parcel = SL_CONTAINER_OF(radio->queue.next, struct parcel, list);
    sl_list_remove(&tx->parcel->list);
    radio->queued--;
    bool was_busy = is_busy(radio);
    radio->sending = true;
    note_busy(radio, was_busy, now);
    radio->locked = NULL; /* what it was hearing is lost */
    sl_time airtime =
        sl_air_time(tx->parcel->frame.len) + (tx->parcel->frame.to == SL_AIR_EVERYONE ? 0 : ACK_US);
    spread(air, tx);
    air->stats.frames++;
    air->stats.retries += radio->tries > 0;
    count_airtime(air, tx, airtime);
    schedule(air, &tx->event, now + airtime);
    for (size_t i = 0; i < tx->hearing_count; i++)
        begin_signal(&air->radios[tx->hearings[i].station], tx, (double)tx->hearings[i].mw, now);
}

/* The sender's side. Frees the parcel, or queues it again at the front. */
static void conclude(struct radio *radio, struct transmission *tx, sl_time now)
{
    struct parcel *parcel = tx->parcel;
    bool unicast = parcel->frame.to != SL_AIR_EVERYONE;
    radio->sending = false;
    note_busy(radio, true, now);
    radio->idle_since = now;
    if (unicast && !tx->acked && radio->tries < RETRIES_MAX && radio->on) {
        radio->tries++;
        radio->window = sl_min_size(2 * radio->window + 1, WINDOW_MAX) & WINDOW_MAX;
        sl_list_insert(radio->queue.next, &parcel->list);
        radio->queued++;
    } else {
        radio->air->stats.failures += unicast && !tx->acked;
        radio->tries = 0;
        radio->window = WINDOW_MIN;
        free(parcel);
    }
    radio->slots = draw_slots(radio);
    contend(radio, now);
}

static void end_transmission(struct sl_crowd_event *event, sl_time now)
{
    struct transmission *tx = SL_CONTAINER_OF(event, struct transmission, event);
    struct sl_air *air = tx->air;
    for (size_t i = 0; i < tx->hearing_count; i++)
        end_signal(&air->radios[tx->hearings[i].station], tx, (double)tx->hearings[i].mw, now);
    conclude(&air->radios[tx->from], tx, now);
    sl_list_remove(&tx->list);
    free(tx);
}

bool sl_air_send(struct sl_air *air, const struct sl_air_frame *frame, sl_time now)
{
    struct radio *radio = &air->radios[frame->from];
    if (!radio->on || radio->queued >= air->config.queue_cap) {
        air->stats.refused++;
        return false;
    }
    struct parcel *parcel = copy_frame(frame);
    sl_list_append(&radio->queue, &parcel->list);
    bool was_empty = radio->queued++ == 0;
    if (was_empty && (radio->sensed > 0 || now < radio->idle_since + DIFS_US))
        radio->slots = draw_slots(radio);
    if (was_empty)
        contend(radio, now);
    return true;
}

size_t sl_air_waiting(const struct sl_air *air, int station)
{
    return air->radios[station].queued;
}

/* ---- Making ---- */

static void drop_queue(struct radio *radio)
{
    SL_LIST_FOR_EACH_SAFE (item, &radio->queue) {
        sl_list_remove(item);
        free(SL_CONTAINER_OF(item, struct parcel, list));
    }
    radio->queued = 0;
    sl_heap_cancel(radio->air->heap, &radio->access.timer);
}

void sl_air_switch(struct sl_air *air, int station, bool on, sl_time now)
{
    struct radio *radio = &air->radios[station];
    radio->on = on;
    radio->locked = NULL;
    if (on && radio->sensed == 0 && !radio->sending)
        radio->idle_since = now;
    if (!on)
        drop_queue(radio);
}

void sl_air_config_init(struct sl_air_config *config)
{
    *config = (struct sl_air_config){
        .queue_cap = 256,
    };
    sl_path_outdoors(&config->path);
}

struct sl_air *sl_air_new(const struct sl_air_config *config, struct sl_heap *heap,
                          sl_air_receive receive_frame, void *arg)
{
    struct sl_air *air = allocate(sizeof(*air));
    air->config = *config;
    air->heap = heap;
    air->receive = receive_frame;
    air->arg = arg;
    air->sensitivity_mw = sl_path_milliwatts(SENSITIVITY_DBM);
    air->noise_mw = sl_path_milliwatts(NOISE_DBM);
    air->sinr = sl_path_milliwatts(SINR_DB);
    air->capture = sl_path_milliwatts(CAPTURE_DB);
    air->config.path.seed = config->seed;
    air->reach_m = sl_path_reach(&config->path, TX_POWER_DBM - FLOOR_DBM);
    sl_path_fades(&config->path, air->fades);
    sl_prng_init(&air->prng, config->seed ^ 0x616972);
    sl_list_init(&air->late);
    sl_list_init(&air->transmissions);
    air->radios = allocate((size_t)config->station_count * sizeof(*air->radios));
    for (int i = 0; i < config->station_count; i++) {
        struct radio *radio = &air->radios[i];
        sl_timer_init(&radio->access.timer);
        radio->access.fire = begin_transmission;
        radio->air = air;
        radio->number = i;
        radio->window = WINDOW_MIN;
        sl_list_init(&radio->queue);
    }
    return air;
}

void sl_air_free(struct sl_air *air)
{
    if (!air)
        return;
    SL_LIST_FOR_EACH_SAFE (item, &air->transmissions) {
        struct transmission *tx = SL_CONTAINER_OF(item, struct transmission, list);
        sl_heap_cancel(air->heap, &tx->event.timer);
        free(tx->parcel);
        free(tx);
    }
    SL_LIST_FOR_EACH_SAFE (item, &air->late)
        free_late(SL_CONTAINER_OF(item, struct late, list));
    for (int i = 0; i < air->config.station_count; i++) {
        drop_queue(&air->radios[i]);
        free(air->radios[i].hearers);
    }
    free(air->radios);
    free(air);
}

void sl_air_stats(const struct sl_air *air, struct sl_air_stats *ret_stats)
{
    *ret_stats = air->stats;
}
