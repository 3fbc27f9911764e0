/* A timer that knows what to do: sl_node_tick() pops what is due and calls `fire`. Internal. */
#ifndef SL_MESH_ALARM_H
#define SL_MESH_ALARM_H

#include "base/heap.h"

struct sl_node;

struct sl_alarm {
    struct sl_timer timer; /* in sl_node.alarms */
    void (*fire)(struct sl_node *node, struct sl_alarm *alarm, sl_time now);
};

static inline void sl_alarm_init(struct sl_alarm *alarm,
                                 void (*fire)(struct sl_node *, struct sl_alarm *, sl_time))
{
    sl_timer_init(&alarm->timer);
    alarm->fire = fire;
}

#define SL_ALARM_OWNER(alarm, type, member) SL_CONTAINER_OF(alarm, type, member)

#endif
