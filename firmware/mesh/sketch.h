/* Rateless invertible Bloom lookup table over 64-bit short ids (Yang, Gilad, Alizadeh: Practical
 * Rateless Set Reconciliation, SIGCOMM 2024). Any prefix of the symbols of two sets, subtracted,
 * gives back the difference once the prefix is about 1.4 times as long as the difference. */
#ifndef SL_MESH_SKETCH_H
#define SL_MESH_SKETCH_H

#include "base/wire.h"
#include "mesh/limits.h"

struct sl_symbol {
    uint64_t sum;   /* XOR of the ids in it */
    uint32_t check; /* XOR of their check hashes */
    int32_t count;
};

#define SL_SYMBOL_WIRE_LEN 14 /* sum 8, check 4, count as i16 */

/* Check hash of an id: mixes all 64 bits; PROTOCOL.md gives it exactly. */
uint32_t sl_sketch_check(uint64_t id);

/* Walks the symbols that an id belongs to: 0, then ever farther apart. */
struct sl_sketch_walk {
    uint64_t state;
    uint64_t index;
};

void sl_sketch_walk_init(struct sl_sketch_walk *walk, uint64_t id);
/* Index of the next symbol after the current one. */
uint64_t sl_sketch_walk_next(struct sl_sketch_walk *walk);

/* Adds (sign 1) or removes (sign -1) an id in `symbols`, which are those from 0 to count - 1. */
void sl_sketch_apply(struct sl_symbol *symbols, size_t count, uint64_t id, int sign);
/* The same where `symbols` are those from `first` to first + count - 1. */
void sl_sketch_apply_range(struct sl_symbol *symbols, size_t first, size_t count, uint64_t id,
                           int sign);

/* symbols becomes symbols minus others. */
void sl_sketch_subtract(struct sl_symbol *symbols, const struct sl_symbol *others, size_t count);

/* Reads or writes one symbol. Counts travel modulo 2^16, and only their differences mean anything:
 * a store of 200,000 overflows them, a difference that can be decoded never does. */
void sl_sketch_write(struct sl_writer *w, const struct sl_symbol *symbol);
void sl_sketch_read(struct sl_reader *r, struct sl_symbol *ret_symbol);

/* Peels `symbols` (theirs minus ours; destroyed). Ids only they have go to ret_theirs, ids only we
 * have to ret_ours. At most `cap` ids each, and at most `count` peeled in all, so that a poisoned
 * sketch costs a bounded time. `count` is at most SL_SKETCH_SYMBOLS. 0 when everything was peeled;
 * -EAGAIN when more symbols are needed (what was found so far is returned too, not yet to be
 * trusted); -EBADMSG when it cannot be a sketch; -ENOBUFS. */
int sl_sketch_decode(struct sl_symbol *symbols, size_t count, uint64_t *ret_theirs,
                     size_t *ret_their_count, uint64_t *ret_ours, size_t *ret_our_count,
                     size_t cap);

#endif
