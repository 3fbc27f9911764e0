#include "base/list.h"
#include "sim/crowd_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOW_EVERY = 5,
    SLOW_US = 3000,
    INBOX_MAX = 256, /* datagrams in a socket's buffer of 208 KiB: Linux counts a page for each */
    STORE_EVERY = 3,
    CLOCK_EVERY = 20, /* every second one of those that have NTP */
};

struct waiting {
    struct sl_list list;
    struct sl_air_frame frame;
    uint8_t bytes[];
};

/* Datagrams that a slow node has not come to yet. */
struct sl_crowd_inbox {
    struct sl_crowd_event work;
    struct sl_crowd_station *station;
    struct sl_list waiting;
    size_t count;
};

static bool has(const struct sl_crowd *crowd, unsigned fault)
{
    return (crowd->config.faults & fault) != 0;
}

/* ---- Slow nodes ---- */

static void work(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_inbox *inbox = SL_CONTAINER_OF(event, struct sl_crowd_inbox, work);
    struct waiting *waiting = SL_CONTAINER_OF(inbox->waiting.next, struct waiting, list);
    sl_list_remove(&waiting->list);
    if (--inbox->count > 0)
        sl_crowd_schedule(inbox->station->crowd, event, now + SLOW_US);
    sl_crowd_take(inbox->station, &waiting->frame, now);
    free(waiting);
}

static struct sl_crowd_inbox *make_inbox(struct sl_crowd_station *station)
{
    struct sl_crowd_inbox *inbox = sl_crowd_allocate(1, sizeof(*inbox));
    sl_timer_init(&inbox->work.timer);
    inbox->work.fire = work;
    inbox->station = station;
    sl_list_init(&inbox->waiting);
    return inbox;
}

bool sl_crowd_defer(struct sl_crowd_station *station, const struct sl_air_frame *frame, sl_time now)
{
    struct sl_crowd_inbox *inbox = station->inbox;
    if (!inbox)
        return false;
    if (inbox->count == INBOX_MAX) {
        sl_crowd_trace(station->crowd, "lose", station->number, frame->len, (uint64_t)frame->from);
        return true;
    }
    struct waiting *waiting = sl_crowd_allocate(1, sizeof(*waiting) + frame->len);
    waiting->frame = *frame;
    memcpy(waiting->bytes, frame->bytes, frame->len);
    waiting->frame.bytes = waiting->bytes;
    sl_list_append(&inbox->waiting, &waiting->list);
    if (inbox->count++ == 0)
        sl_crowd_schedule(station->crowd, &inbox->work, now + SLOW_US);
    return true;
}

void sl_crowd_empty_inbox(struct sl_crowd_station *station)
{
    struct sl_crowd_inbox *inbox = station->inbox;
    if (!inbox)
        return;
    SL_LIST_FOR_EACH_SAFE (item, &inbox->waiting) {
        sl_list_remove(item);
        free(SL_CONTAINER_OF(item, struct waiting, list));
    }
    inbox->count = 0;
    sl_heap_cancel(&station->crowd->heap, &inbox->work.timer);
}

/* ---- Stores and clocks ---- */

/* A third of those in trouble cannot read either. */
static void trouble_store(struct sl_crowd_station *station, bool begins)
{
    static const int put_errors[] = {-EIO, -ENOSPC, -EROFS};
    if (station->number % STORE_EVERY != 0 || !station->store)
        return;
    unsigned kind = (unsigned)(station->number / STORE_EVERY) % SL_ARRAY_LEN(put_errors);
    sl_crowd_store_fail(station->store, begins ? put_errors[kind] : 0,
                        begins && kind == 0 ? -EIO : 0);
}

/* A day ahead or an hour behind, and right again. */
static void jump_clock(struct sl_crowd_station *station, bool begins)
{
    sl_time now = station->crowd->now;
    if (station->number % CLOCK_EVERY != 0 || !station->node)
        return;
    int64_t jump = station->number / CLOCK_EVERY % 2 == 0 ? SL_DAY : -SL_HOUR;
    sl_node_set_time(station->node, SL_CLOCK_NTP, SL_CROWD_EPOCH_US + now + (begins ? jump : 0),
                     now);
    sl_crowd_finish_turn(station);
}

/* ---- When ---- */

static void cut(struct sl_crowd *crowd, enum sl_air_cut how)
{
    sl_air_cut(crowd->air, how);
    sl_crowd_place(crowd);
    sl_crowd_look(crowd);
}

static void begin_faults(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd *crowd = SL_CONTAINER_OF(event, struct sl_crowd, fault);
    bool begins = !crowd->in_trouble;
    crowd->in_trouble = begins;
    sl_crowd_trace(crowd, begins ? "trouble" : "mended", -1, crowd->config.faults, 0);
    if (has(crowd, SL_CROWD_FAULT_CUT))
        cut(crowd, begins ? SL_AIR_CUT : SL_AIR_WHOLE);
    if (has(crowd, SL_CROWD_FAULT_ONE_WAY))
        cut(crowd, begins ? SL_AIR_CUT_ONE_WAY : SL_AIR_WHOLE);
    for (int i = 0; i < crowd->config.node_count; i++) {
        if (has(crowd, SL_CROWD_FAULT_STORE))
            trouble_store(&crowd->stations[i], begins);
        if (has(crowd, SL_CROWD_FAULT_CLOCK))
            jump_clock(&crowd->stations[i], begins);
    }
    if (begins)
        sl_crowd_schedule(crowd, event, now + crowd->config.chat / 2);
}

static void end_apart(struct sl_crowd_event *event, sl_time now)
{
    (void)now;
    struct sl_crowd *crowd = SL_CONTAINER_OF(event, struct sl_crowd, fault);
    sl_crowd_begin_reunion(crowd);
    cut(crowd, SL_AIR_WHOLE);
}

void sl_crowd_fault_init(struct sl_crowd *crowd)
{
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct sl_crowd_station *station = &crowd->stations[i];
        sl_air_side(crowd->air, i, sl_crowd_on_second_side(crowd, i));
        if (has(crowd, SL_CROWD_FAULT_SLOW) && i % SLOW_EVERY == 0)
            station->inbox = make_inbox(station);
    }
    bool apart = has(crowd, SL_CROWD_FAULT_APART);
    sl_timer_init(&crowd->fault.timer);
    crowd->fault.fire = apart ? end_apart : begin_faults;
    if (apart)
        sl_air_cut(crowd->air, SL_AIR_CUT);
    if (crowd->config.faults != 0)
        sl_crowd_schedule(crowd, &crowd->fault,
                          apart ? crowd->settle_at : crowd->chat_at + crowd->config.chat / 4);
}

void sl_crowd_fault_done(struct sl_crowd *crowd)
{
    for (int i = 0; i < crowd->config.node_count; i++) {
        sl_crowd_empty_inbox(&crowd->stations[i]);
        free(crowd->stations[i].inbox);
    }
}
