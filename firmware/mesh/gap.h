/* Small gaps: what a hello says without a sketch (PROTOCOL.md, Repair). A digest is the sum of the
 * ids in a store; where a neighbour holds one envelope more than we do and no other, the difference
 * of the two sums is its id, and asking for it costs 11 bytes instead of a sketch. Internal to the
 * mesh. */
#ifndef SL_MESH_GAP_H
#define SL_MESH_GAP_H

#include "base/base.h"

struct sl_node;
struct sl_link;

/* A hello came from that neighbour. If it tells of an id that is not here, that counts as announced
 * by it (tree.h): asked for if it does not come by itself. */
void sl_gap_learn(struct sl_node *node, struct sl_link *link, sl_time now);

#endif
