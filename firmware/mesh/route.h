/* Routes: which neighbour leads to which node, learnt from the envelopes that pass (PROTOCOL.md,
 * Routes). A hint and no more: whatever is sent along one and does not arrive floods. Internal to
 * the mesh. */
#ifndef SL_MESH_ROUTE_H
#define SL_MESH_ROUTE_H

#include "base/map.h"
#include "mesh/ports.h"

struct sl_node;
struct sl_link;

/* A link that envelopes of a node came over. */
struct sl_way {
    int8_t slot;   /* -1: none */
    uint16_t cost; /* about a dozen for each link to cross, more for a lossy one */
    sl_time heard_at;
};

#define SL_WAYS_MAX 4

/* How to reach one node. */
struct sl_route_to {
    uint8_t origin[SL_ORIGIN_LEN];
    struct sl_way ways[SL_WAYS_MAX];
    sl_time heard_at;                               /* its last envelope */
    uint8_t company[SL_TARGETS - 1][SL_ORIGIN_LEN]; /* named beside it; zeros: nobody chosen yet */
    unsigned failures;                              /* in a row, of what went out from here */
    sl_time not_before;
};

struct sl_routes {
    struct sl_map map; /* origin to number in `table` */
    struct sl_route_to *table;
    size_t count, cap;
    size_t hand; /* where the search for one to give up goes on */
};

/* A node as ROUTED names it, and the neighbour that leads there. */
struct sl_target {
    uint8_t tag[SL_TARGET_LEN]; /* first bytes of its origin */
    bool back;   /* or of the id of a message that is answered: its origin, the way that it came */
    int8_t slot; /* -1: none */
    bool sent, taken; /* it was sent there; the neighbour said that it holds it */
    bool stray;       /* no way leads there, and who gave it was told */
};

void sl_routes_init(struct sl_routes *routes, uint64_t seed);
void sl_routes_done(struct sl_routes *routes);

/* A fresh, checked envelope came over that link, having crossed `hops` links before it. */
void sl_route_note(struct sl_node *node, const struct sl_link *link,
                   const uint8_t origin[SL_ORIGIN_LEN], unsigned hops, sl_time now);

/* A neighbour slot got free: nothing leads over it any more. */
void sl_route_forget_slot(struct sl_node *node, int slot);

/* Whom to name when something is for `destination`: that node among others as far away in the same
 * direction, the same ones each time while they can be reached. SL_TARGETS, or 0: it has to flood,
 * because no route is known, or not to enough nodes for one of them to hide among. */
size_t sl_route_targets(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN], sl_time now,
                        struct sl_target ret_targets[SL_TARGETS_MAX]);
/* How many links it may take to get there, with some to spare. */
uint8_t sl_route_hops_max(const struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                          sl_time now);
/* Whether what was sent there last did not arrive, not long ago. */
bool sl_route_is_doubtful(const struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                          sl_time now);

/* Sets the slot of each target that has none: to a link that leads there and is not in `avoid`, so
 * that few links serve all. Own tags, and those without a way, are left without. */
void sl_route_choose(const struct sl_node *node, struct sl_target *targets, size_t count,
                     uint64_t avoid, sl_time now);

/* That link does not lead there after all: what was sent over it came back. */
void sl_route_forget_way(struct sl_node *node, const uint8_t tag[SL_TARGET_LEN], int slot);

/* What was sent along a route arrived, or did not: then the next floods at once, for a while that
 * doubles each time. So whoever draws routes to itself and drops what comes gains little. */
void sl_route_judge(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN], bool arrived,
                    sl_time now);

/* What flooded was answered, and so everybody learnt the ways anew: unless they failed twice, the
 * next is sent along them. */
void sl_route_reconsider(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                         sl_time now);

/* Nodes to which a way is known now. */
size_t sl_route_count(const struct sl_node *node, sl_time now);

#endif
