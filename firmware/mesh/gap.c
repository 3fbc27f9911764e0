#include "mesh/gap.h"

#include "mesh/node_internal.h"

/* Theirs less ours, both big-endian, modulo 2^128. */
static void subtract(const uint8_t theirs[16], const uint8_t ours[16], uint8_t ret_id[16])
{
    int borrow = 0;
    for (int i = 15; i >= 0; i--) {
        int digit = theirs[i] - ours[i] - borrow;
        borrow = digit < 0;
        ret_id[i] = (uint8_t)digit;
    }
}

void sl_gap_learn(struct sl_node *node, struct sl_link *link, sl_time now)
{
    const struct sl_hello *theirs = &link->sync.hello;
    uint8_t ours[16], id[SL_ID_LEN];
    if (theirs->stored_count != sl_index_shared_count(node->index) + 1)
        return;
    sl_index_digest(node->index, ours);
    subtract(theirs->digest, ours, id);
    if (!sl_index_buried(node->index, id))
        sl_tree_announced(node, link, sl_short_id(id), now);
}
