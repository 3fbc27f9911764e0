#include "mesh/rank.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void sl_rank_init(struct sl_rank *rank)
{
    *rank = (struct sl_rank){0};
}

void sl_rank_done(struct sl_rank *rank)
{
    free(rank->heap);
    free(rank->place);
    free(rank->keys);
    sl_rank_init(rank);
}

int sl_rank_reserve(struct sl_rank *rank, size_t cap)
{
    assert(cap < SL_RANK_NONE);
    if (cap <= rank->cap)
        return 0;
    /* What grew before one fails stays larger than it need be, which harms nothing. */
    uint32_t *heap = realloc(rank->heap, cap * sizeof(*heap));
    if (!heap)
        return -ENOMEM;
    rank->heap = heap;
    uint32_t *place = realloc(rank->place, cap * sizeof(*place));
    if (!place)
        return -ENOMEM;
    rank->place = place;
    int64_t *keys = realloc(rank->keys, cap * sizeof(*keys));
    if (!keys)
        return -ENOMEM;
    rank->keys = keys;
    for (size_t i = rank->cap; i < cap; i++)
        rank->place[i] = SL_RANK_NONE;
    rank->cap = cap;
    return 0;
}

static bool is_before(const struct sl_rank *rank, uint32_t a, uint32_t b)
{
    return rank->keys[a] != rank->keys[b] ? rank->keys[a] < rank->keys[b] : a < b;
}

static void put(struct sl_rank *rank, uint32_t number, size_t at)
{
    rank->heap[at] = number;
    rank->place[number] = (uint32_t)at;
}

static size_t sift_up(struct sl_rank *rank, uint32_t number, size_t at)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!is_before(rank, number, rank->heap[parent]))
            break;
        put(rank, rank->heap[parent], at);
        at = parent;
    }
    return at;
}

static size_t sift_down(struct sl_rank *rank, uint32_t number, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= rank->count)
            break;
        if (child + 1 < rank->count && is_before(rank, rank->heap[child + 1], rank->heap[child]))
            child++;
        if (!is_before(rank, rank->heap[child], number))
            break;
        put(rank, rank->heap[child], at);
        at = child;
    }
    return at;
}

/* Puts `number` where it belongs, starting from the hole at `at`. */
static void settle(struct sl_rank *rank, uint32_t number, size_t at)
{
    at = sift_up(rank, number, at);
    at = sift_down(rank, number, at);
    put(rank, number, at);
}

void sl_rank_set(struct sl_rank *rank, uint32_t number, int64_t key)
{
    assert(number < rank->cap);
    size_t at = rank->place[number] == SL_RANK_NONE ? rank->count++ : rank->place[number];
    rank->keys[number] = key;
    settle(rank, number, at);
}

void sl_rank_remove(struct sl_rank *rank, uint32_t number)
{
    assert(number < rank->cap);
    size_t at = rank->place[number];
    if (at == SL_RANK_NONE)
        return;
    uint32_t last = rank->heap[--rank->count];
    if (last != number)
        settle(rank, last, at);
    rank->place[number] = SL_RANK_NONE;
}

uint32_t sl_rank_first(const struct sl_rank *rank)
{
    return rank->count > 0 ? rank->heap[0] : SL_RANK_NONE;
}

int64_t sl_rank_first_key(const struct sl_rank *rank)
{
    return rank->count > 0 ? rank->keys[rank->heap[0]] : INT64_MAX;
}
