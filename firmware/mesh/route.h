/* Routes: which neighbour leads to which node, learnt from the envelopes that pass (PROTOCOL.md,
 * Routes). A hint and no more: whatever is sent along one and does not arrive floods. Internal to
 * the mesh. */
#ifndef SL_MESH_ROUTE_H
#define SL_MESH_ROUTE_H

#include "base/map.h"
#include "mesh/ports.h"

struct sl_node;
struct sl_link;

/* The way to one node. */
struct sl_way {
    uint8_t origin[SL_ORIGIN_LEN];
    int slot;         /* of the link that its envelopes come from first; -1: it is gone */
    unsigned cost;    /* links to cross, a lossy one counted as more */
    uint64_t created; /* of the envelope that it was learnt from */
    sl_time heard_at;
    unsigned failures; /* in a row, of what went out from here */
    sl_time not_before;
};

struct sl_routes {
    struct sl_map map; /* origin to number in `table` */
    struct sl_way *table;
    size_t count, cap;
    size_t hand; /* where the search for one to give up goes on */
};

/* A node as ROUTED names it, and the neighbour that leads there. */
struct sl_target {
    uint8_t tag[SL_TARGET_LEN]; /* first bytes of its origin */
    int8_t slot;                /* -1: none */
};

void sl_routes_init(struct sl_routes *routes, uint64_t seed);
void sl_routes_done(struct sl_routes *routes);

/* A fresh, checked envelope came over that link, having crossed `hops` links before it. */
void sl_route_note(struct sl_node *node, const struct sl_link *link,
                   const uint8_t origin[SL_ORIGIN_LEN], uint64_t created, unsigned hops,
                   sl_time now);

/* A neighbour slot got free: nothing leads over it any more. */
void sl_route_forget_slot(struct sl_node *node, int slot);

/* Whom to name when something is for `destination`: that node and others whose origins begin with
 * the same bits, the same ones for everybody who knows the same routes. Their number, or 0: it has
 * to flood, because no route is known, or not to enough nodes for one of them to hide among. */
size_t sl_route_targets(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN], sl_time now,
                        struct sl_target ret_targets[SL_TARGETS_MAX]);

/* The slot of the link that leads to whoever has that tag, or -1. */
int sl_route_slot(const struct sl_node *node, const uint8_t tag[SL_TARGET_LEN], sl_time now);

/* What was sent along a route arrived, or did not: then the next floods at once, for a while that
 * doubles each time. So whoever draws routes to itself and drops what comes gains little. */
void sl_route_judge(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN], bool arrived,
                    sl_time now);

/* Nodes to which a way is known now. */
size_t sl_route_count(const struct sl_node *node, sl_time now);

#endif
