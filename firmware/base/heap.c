#include "base/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define NOT_IN_HEAP SIZE_MAX

int sl_heap_init(struct sl_heap *heap, size_t cap)
{
    struct sl_timer **items = calloc(cap > 0 ? cap : 1, sizeof(struct sl_timer *));
    if (!items)
        return -ENOMEM;
    *heap = (struct sl_heap){.items = items, .cap = cap};
    return 0;
}

void sl_timer_init(struct sl_timer *timer)
{
    *timer = (struct sl_timer){.at = SL_NEVER, .index = NOT_IN_HEAP};
}

void sl_heap_done(struct sl_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        sl_timer_init(heap->items[i]);
    free(heap->items);
    *heap = (struct sl_heap){0};
}

bool sl_timer_is_set(const struct sl_timer *timer)
{
    return timer->index != NOT_IN_HEAP;
}

static bool is_earlier(const struct sl_timer *a, const struct sl_timer *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void place(struct sl_heap *heap, struct sl_timer *timer, size_t index)
{
    heap->items[index] = timer;
    timer->index = index;
}

static void sift_up(struct sl_heap *heap, struct sl_timer *timer, size_t index)
{
    while (index > 0) {
        struct sl_timer *parent = heap->items[(index - 1) / 2];
        if (!is_earlier(timer, parent))
            break;
        size_t parent_index = parent->index;
        place(heap, parent, index);
        index = parent_index;
    }
    place(heap, timer, index);
}

static void sift_down(struct sl_heap *heap, struct sl_timer *timer, size_t index)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && is_earlier(heap->items[child + 1], heap->items[child]))
            child++;
        if (!is_earlier(heap->items[child], timer))
            break;
        place(heap, heap->items[child], index);
        index = child;
    }
    place(heap, timer, index);
}

/* Puts `timer` where it belongs, starting from the hole at `index`. */
static void settle(struct sl_heap *heap, struct sl_timer *timer, size_t index)
{
    sift_up(heap, timer, index);
    sift_down(heap, timer, timer->index);
}

void sl_heap_cancel(struct sl_heap *heap, struct sl_timer *timer)
{
    if (!sl_timer_is_set(timer))
        return;
    size_t index = timer->index;
    assert(index < heap->count && heap->items[index] == timer);
    struct sl_timer *last = heap->items[--heap->count];
    if (last != timer)
        settle(heap, last, index);
    sl_timer_init(timer);
}

int sl_heap_set(struct sl_heap *heap, struct sl_timer *timer, sl_time at)
{
    if (at == SL_NEVER) {
        sl_heap_cancel(heap, timer);
        return 0;
    }
    if (!sl_timer_is_set(timer)) {
        if (heap->count >= heap->cap)
            return -ENOSPC;
        place(heap, timer, heap->count++);
    }
    assert(timer->index < heap->count && heap->items[timer->index] == timer);
    timer->at = at;
    timer->order = heap->next_order++;
    settle(heap, timer, timer->index);
    return 0;
}

sl_time sl_heap_next(const struct sl_heap *heap)
{
    return heap->count > 0 ? heap->items[0]->at : SL_NEVER;
}

struct sl_timer *sl_heap_pop(struct sl_heap *heap, sl_time now)
{
    if (heap->count == 0 || heap->items[0]->at > now)
        return NULL;
    struct sl_timer *timer = heap->items[0];
    sl_heap_cancel(heap, timer);
    return timer;
}
