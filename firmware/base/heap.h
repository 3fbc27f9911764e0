/* Timer heap: a binary min-heap of embedded entries. Equal times leave in the order they were set,
 * so that the same seed gives the same run. The heap allocates only its array of pointers. */
#ifndef SL_BASE_HEAP_H
#define SL_BASE_HEAP_H

#include "base/base.h"

struct sl_timer {
    sl_time at;     /* SL_NEVER when not set */
    uint64_t order; /* private: tie-break */
    size_t index;   /* private: place in the heap, SIZE_MAX when not in it */
};

struct sl_heap {
    struct sl_timer **items;
    size_t count;
    size_t cap;
    uint64_t next_order;
};

/* At most `cap` timers at a time. -ENOMEM. */
int sl_heap_init(struct sl_heap *heap, size_t cap);

/* Timers still in the heap become unset; they must still exist. */
void sl_heap_done(struct sl_heap *heap);

void sl_timer_init(struct sl_timer *timer);
bool sl_timer_is_set(const struct sl_timer *timer);

/* Sets or moves; SL_NEVER cancels. -ENOSPC if the heap is full (the timer is then not set). */
int sl_heap_set(struct sl_heap *heap, struct sl_timer *timer, sl_time at);
void sl_heap_cancel(struct sl_heap *heap, struct sl_timer *timer);

/* Time of the earliest, or SL_NEVER. */
sl_time sl_heap_next(const struct sl_heap *heap);

/* Removes and returns the earliest timer that is due at `now`, or NULL. */
struct sl_timer *sl_heap_pop(struct sl_heap *heap, sl_time now);

#endif
