/* One who only listens, for days, and tries to tell which board of today was which of yesterday.
 *
 * It knows the protocol and no key. A board goes by one name, the link id in its beacons, for a day
 * or until it is switched off. What would lead from one name to the next one: eight bytes that
 * beacons of both share; a number in beacons, or a counter of frames, that goes on where it was. */
#ifndef SL_SIM_CROWD_LISTEN_H
#define SL_SIM_CROWD_LISTEN_H

#include "base/base.h"

struct sl_listener;

/* `station_count` of them are told apart: who really sent something is what a guess is held
 * against. Aborts if out of memory. */
struct sl_listener *sl_listener_new(int station_count);
void sl_listener_free(struct sl_listener *listener);

/* A datagram to all, or to anybody, that it received. `life` is when its sender was switched on. */
void sl_listener_hear(struct sl_listener *listener, int from, sl_time life, const uint8_t *bytes,
                      size_t len);

struct sl_listener_verdict {
    uint64_t names;    /* under which it heard beacons */
    uint64_t changes;  /* from one name of a board to its next one */
    uint64_t restarts; /* of boards that sent frames before and after */
    uint64_t shared;   /* pieces of beacons under one name that were there under another, too */
    uint64_t
        followed; /* numbers and counters that went on over a change, beyond what chance does */
};

void sl_listener_judge(struct sl_listener *listener, struct sl_listener_verdict *ret_verdict);

#endif
