/* Two other meshes over the same radio, to compare with.
 *
 * Flooding: everybody sends everything once, after 0 to 10 ms (RFC 5148, jitter in mobile ad hoc
 * networks), as a broadcast.
 *
 * Phone: the relay rules of the chat meshes of phones. A message lives 7 hops. Whoever gets it for
 * the first time waits 10 to 220 ms, and does nothing if it comes again meanwhile; else it sends
 * it, as links between phones are pairs, by unicast to ceil(log2(n)) + 1 of its n neighbours at
 * random, never to the one it came from. The author sends to all. Who the neighbours are it knows
 * from the field, for nothing; real ones would have to find out. */
#ifndef SL_SIM_CROWD_PLAIN_H
#define SL_SIM_CROWD_PLAIN_H

#include "base/prng.h"
#include "mesh/limits.h"
#include "sim/crowd_reach.h"

enum { SL_PLAIN_WAITING_MAX = 512 };

struct sl_plain_waiting {
    sl_time at;
    uint32_t message;
    uint16_t len;
    uint8_t lives;
    int from; /* -1: written here */
};

struct sl_plain {
    bool phone;
    int number;
    const struct sl_reach *reach; /* borrowed */
    struct sl_prng prng;
    bool *seen; /* by message */
    size_t seen_cap;
    struct sl_plain_waiting waiting[SL_PLAIN_WAITING_MAX];
    size_t waiting_count;
    uint64_t sent, received, duplicates, dropped;
};

void sl_plain_init(struct sl_plain *plain, bool phone, int number, const struct sl_reach *reach,
                   uint64_t seed);
void sl_plain_done(struct sl_plain *plain);

/* `len`: of the datagram. */
void sl_plain_publish(struct sl_plain *plain, uint32_t message, uint16_t len, sl_time now);

/* True if it is new, with its number. */
bool sl_plain_receive(struct sl_plain *plain, int from, const uint8_t *bytes, size_t len,
                      sl_time now, uint32_t *ret_message);

/* Earliest moment at which something is to be sent, or SL_NEVER. */
sl_time sl_plain_deadline(const struct sl_plain *plain);

/* Sends what is due. */
void sl_plain_tick(struct sl_plain *plain, struct sl_air *air, sl_time now);

#endif
