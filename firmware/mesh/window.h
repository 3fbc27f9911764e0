/* Anti-replay window over 32-bit counters that do not wrap (RFC 4303, 3.4.3; RFC 6479 for the ring
 * of words). */
#ifndef SL_MESH_WINDOW_H
#define SL_MESH_WINDOW_H

#include "base/base.h"
#include "mesh/limits.h"

struct sl_window {
    uint32_t top; /* highest accepted */
    bool started;
    uint64_t bits[SL_WINDOW_BITS / 64 + 1];
};

/* Counters below `first` are refused. */
void sl_window_init(struct sl_window *window, uint32_t first);

/* Whether `counter` would be fresh; changes nothing, so that it can be asked before the tag is
 * checked. */
bool sl_window_fresh(const struct sl_window *window, uint32_t counter);

/* Marks an authenticated counter as seen. Returns how many counters were skipped since the highest
 * (0 for late ones): the loss estimate. */
uint32_t sl_window_mark(struct sl_window *window, uint32_t counter);

#endif
