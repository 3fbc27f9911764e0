/* Envelopes in bulk: what we give a neighbour that lacks it, paced by MARK and ECHO, and what we
 * ask for with WANT, a batch at a time. Internal to the mesh. */
#ifndef SL_MESH_GIVE_H
#define SL_MESH_GIVE_H

#include "mesh/sync.h"

/* An envelope that a link was given lately. */
struct sl_given {
    uint64_t short_id;
    sl_time at;
    int slot;
};

void sl_ids_done(struct sl_ids *ids);
/* At most SL_SKETCH_SYMBOLS that are not yet worked through. False: full, or out of memory. */
bool sl_ids_add(struct sl_ids *ids, uint64_t id);

/* Queues what the neighbour lacks, in the order in which it is to arrive. */
void sl_give_start(struct sl_node *node, struct sl_link *link, const uint64_t *ids, size_t count,
                   sl_time now);
/* Sends as much of it as pace, airtime and quota allow. */
void sl_give_pump(struct sl_node *node, struct sl_link *link, sl_time now);
void sl_give_timeout(struct sl_node *node, struct sl_link *link, sl_time now);

/* Asks for more ids; those already held are left out when their turn comes. */
void sl_want_start(struct sl_node *node, struct sl_link *link, const uint64_t *ids, size_t count,
                   sl_time now);
void sl_want_pump(struct sl_node *node, struct sl_link *link, sl_time now);

/* One of them was new here, and came from that neighbour. */
void sl_want_came(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now);
bool sl_want_has(const struct sl_link *link, uint64_t short_id);

/* Elements from a neighbour. */
void sl_give_want(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                  sl_time now);
void sl_give_mark(struct sl_node *node, struct sl_link *link, const struct sl_element *element);
void sl_give_echo(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                  sl_time now);

#endif
