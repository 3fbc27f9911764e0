/* Envelopes over links that are one-to-one: Bluetooth channels, configured addresses. Payloads go
 * along a tree, short ids along all other links: Leitao, Pereira, Rodrigues, "Epidemic Broadcast
 * Trees" (SRDS 2007), called Plumtree; PROTOCOL.md, Dissemination. Internal to the mesh.
 *
 * A link begins as a branch of the tree. A payload that comes twice takes the second link out of it
 * (PRUNE); an id that was announced (HAVE) while no payload came puts one in (GRAFT). Repair lies
 * beneath: nothing is lost when any of this is. */
#ifndef SL_MESH_TREE_H
#define SL_MESH_TREE_H

#include "base/list.h"
#include "base/map.h"
#include "mesh/alarm.h"
#include "mesh/limits.h"
#include "mesh/packet.h"

struct sl_node;
struct sl_link;

/* The part of a link. */
struct sl_tree_link {
    bool lazy;            /* gets ids only */
    sl_time pruned_at;    /* when it was last told so */
    int instead;          /* slot of the link that had been faster then; -1: it has ended */
    unsigned unkept;      /* times in a row that it did not give what it had announced */
    size_t missing_count; /* ids that it was the first to announce, and that are not here yet */
    uint64_t have[SL_HAVE_BATCH]; /* to be announced */
    size_t have_count;
    struct sl_alarm alarm; /* they leave */
};

/* An id that was announced and is not here. */
struct sl_missing {
    struct sl_list list; /* in sl_tree.due, or .spare */
    uint64_t short_id;
    uint64_t holders; /* slots of links that announced it */
    uint64_t unasked; /* of them, those that may still be asked */
    int first;        /* slot of the first to announce it; -1: its link has ended */
    int asked;        /* slot of the link that was asked last; -1: none yet, or ended */
    sl_time at;       /* the next is asked */
};

struct sl_tree {
    struct sl_map map;        /* short id to number in the table */
    struct sl_missing *table; /* SL_MISSING_MAX, allocated when first needed */
    struct sl_list due;       /* the next first */
    struct sl_list spare;
    struct sl_alarm alarm; /* of the first in `due` */
};

void sl_tree_init(struct sl_tree *tree, uint64_t seed);
void sl_tree_done(struct sl_node *node);
void sl_tree_link_init(struct sl_link *link, sl_time now);
void sl_tree_forget_link(struct sl_node *node, struct sl_link *link);

/* Sends an envelope to each neighbour on that bearer that is not known to hold it: itself along the
 * tree, its id along the other links. */
void sl_tree_spread(struct sl_node *node, int bearer, int64_t number, const uint8_t *bytes,
                    sl_time now);

/* Tells one neighbour that an envelope is here: whoever needs it asks. */
void sl_tree_announce(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now);

/* The ids that wait for that link leave in this turn. */
void sl_tree_flush(struct sl_node *node, struct sl_link *link);

/* Whether that neighbour announced something that is not here yet, and may still come. */
bool sl_tree_expects(const struct sl_node *node, const struct sl_link *link);

/* An envelope that is new here came from that link. The slots of those that announced it: they hold
 * it. */
uint64_t sl_tree_arrived(struct sl_node *node, struct sl_link *link, uint64_t short_id);

/* One that is not new came from there, after so many hops. */
void sl_tree_copy(struct sl_node *node, struct sl_link *link, int64_t number, uint8_t hops,
                  sl_time now);

/* That neighbour holds it: if it is not here it is asked for, unless it comes soon. */
void sl_tree_announced(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now);

/* The short ids that a neighbour tells in HAVE or REFUSED, 1 to SL_HAVE_BATCH, at the cost of its
 * quota. False: malformed or too many, and counted as such. */
bool sl_tree_open_ids(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                      sl_time now, struct sl_reader *ret_ids);

/* Elements from a neighbour. */
void sl_tree_have(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                  sl_time now);
void sl_tree_graft(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                   sl_time now);
void sl_tree_prune(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                   sl_time now);

#endif
