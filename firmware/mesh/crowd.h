/* Whom to link with where many are in reach of each other (PROTOCOL.md, Greetings). Everybody hears
 * everybody there, so a link with each would be dear and useless: a graph in which each node has a
 * few links chosen by chance hangs together (Bollobas, "Random Graphs", 7.2). But chance must not
 * leave two such graphs apart where only few hear each other: so whoever has enough links answers
 * whoever none of its neighbours hears. Internal to the mesh. */
#ifndef SL_MESH_CROWD_H
#define SL_MESH_CROWD_H

#include "mesh/packet.h"

struct sl_node;
struct sl_node_bearer;

/* A beacon came; what it says is remembered. Whether a link with its sender is wanted now: in a
 * crowd by chance, so that one beacon is answered by few of the many who hear it. */
bool sl_crowd_wants(struct sl_node *node, int bearer, const struct sl_greeting *beacon,
                    sl_time now);

/* Fills in what our beacon says of our surroundings. */
void sl_crowd_describe(struct sl_node *node, int bearer, sl_time now, struct sl_greeting *beacon);

/* Whether this node has fewer links on that bearer than it seeks. */
bool sl_crowd_seeks(const struct sl_node *node, int bearer);

/* Asked once a second: whether this node may make itself known to all now. Whoever does it before
 * it has its links leaves it to repair, pair by pair, and so do all others that wake up with it. */
bool sl_crowd_may_announce(struct sl_node *node, sl_time now);

/* Until our next beacon: all in reach together send so many a second at most (as RFC 6206 bounds
 * them, but by count, for each beacon says something of its own). */
sl_time sl_crowd_beacon_interval(struct sl_node *node, int bearer, sl_time now);

#endif
