/* What is due at a moment of virtual time. Embedded in what it is about. */
#ifndef SL_SIM_CROWD_EVENT_H
#define SL_SIM_CROWD_EVENT_H

#include "base/heap.h"

struct sl_crowd_event;
typedef void (*sl_crowd_fire)(struct sl_crowd_event *event, sl_time now);

struct sl_crowd_event {
    struct sl_timer timer;
    sl_crowd_fire fire;
};

static inline struct sl_crowd_event *sl_crowd_event_of(struct sl_timer *timer)
{
    return SL_CONTAINER_OF(timer, struct sl_crowd_event, timer);
}

#endif
