/* A heap of numbered things: which number has the smallest key. Numbers are small and dense (slots
 * of a table); each is in the heap once or not at all. Equal keys leave by number. */
#ifndef SL_MESH_RANK_H
#define SL_MESH_RANK_H

#include "base/base.h"

struct sl_rank {
    uint32_t *heap;  /* numbers */
    uint32_t *place; /* by number: where in the heap, or SL_RANK_NONE */
    int64_t *keys;   /* by number */
    size_t count;
    size_t cap; /* numbers 0 to cap - 1 have room */
};

#define SL_RANK_NONE UINT32_MAX

/* Allocates nothing yet. */
void sl_rank_init(struct sl_rank *rank);
void sl_rank_done(struct sl_rank *rank);

/* Room for numbers below `cap`. 0, or -ENOMEM and nothing changed. */
int sl_rank_reserve(struct sl_rank *rank, size_t cap);

/* Puts in or moves. `number` is one that room was reserved for. */
void sl_rank_set(struct sl_rank *rank, uint32_t number, int64_t key);
void sl_rank_remove(struct sl_rank *rank, uint32_t number);

/* The number with the smallest key and that key; SL_RANK_NONE and INT64_MAX if there is none. */
uint32_t sl_rank_first(const struct sl_rank *rank);
int64_t sl_rank_first_key(const struct sl_rank *rank);

#endif
