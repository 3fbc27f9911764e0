/* The table of neighbours, and the four greetings by which two nodes make sure that each really is
 * at its address before either keeps anything (PROTOCOL.md, Greetings). Internal to the mesh. */
#ifndef SL_MESH_NEIGHBOUR_H
#define SL_MESH_NEIGHBOUR_H

#include "base/list.h"
#include "base/map.h"
#include "mesh/alarm.h"
#include "mesh/node.h"

struct sl_link;
struct sl_node_bearer;

/* One incarnation of a node at an address. When it restarts, or its link id changes, it comes back
 * as another neighbour at the same address, and the old one goes once the new one is linked. */
struct sl_neighbour {
    struct sl_list order;              /* in sl_node.neighbours: order of first hearing */
    uint32_t number;                   /* in sl_node.neighbour_table */
    struct sl_neighbour *same_address; /* the next at this address, or NULL */
    int bearer;
    struct sl_address address;
    uint8_t peer_id[SL_LINK_ID_LEN]; /* its link id */
    uint8_t own_id[SL_LINK_ID_LEN];  /* the one of ours that it knows */
    sl_time verified_at;             /* it last proved that it is at the address */
    sl_time retry_us;                /* back-off of the next try to open a session */
    bool asked;                      /* for a proof that it is there: the next session follows it */
    enum sl_refusal last_refusal;
    bool was_linked;         /* a member for certain */
    struct sl_link *link;    /* a session at work or open */
    struct sl_link *pending; /* a new one that may take its place (RFC 6347, 4.2.8) */
    struct sl_alarm alarm;   /* next try, or the end of an entry that fell silent */
};

/* A configured address. */
struct sl_peer {
    int bearer;
    struct sl_address address;
    struct sl_alarm beacon;
};

/* Takes BEACON, PROBE, REPLY and CONFIRM. */
void sl_neighbour_greeting(struct sl_node *node, int bearer, const struct sl_address *from,
                           const uint8_t *bytes, size_t len, sl_time now);

/* The first neighbour at an address, or NULL; go on with same_address. */
struct sl_neighbour *sl_neighbour_at(const struct sl_node *node, int bearer,
                                     const struct sl_address *address);

/* The lower link id opens the session. */
bool sl_neighbour_is_client(const struct sl_neighbour *neighbour);

/* Its session ended or was refused: the next try waits, or the entry is left to expire. */
void sl_neighbour_unlinked(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now);

/* Its session is open: others at its address give way, the back-off starts anew. */
void sl_neighbour_linked(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now);

void sl_neighbour_remove(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now);

/* It could not be reached, or not any longer: its beacons are waited for anew. */
void sl_neighbour_unheard(struct sl_node *node, const struct sl_neighbour *neighbour);

/* Beacons are numbered from a random number on, which says nothing of what was before. */
void sl_neighbour_count_anew(struct sl_node *node, struct sl_node_bearer *bearer);

/* New link ids each day. */
void sl_neighbour_rotate(struct sl_node *node, sl_time now);

/* Beacons. A bearer's first one is due at once. */
void sl_neighbour_beacon_fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);
void sl_neighbour_peer_fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);

#endif
