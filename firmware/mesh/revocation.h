/* The revocation list from neighbour to neighbour, of any length: who has a newer one says so, who
 * lacks it asks for it piece by piece, and judges it by the authority's signature before it tells
 * anyone else (PROTOCOL.md, Revocation). Internal to the mesh. */
#ifndef SL_MESH_REVOCATION_H
#define SL_MESH_REVOCATION_H

#include "mesh/alarm.h"
#include "mesh/output.h"
#include "mesh/packet.h"

struct sl_link;

/* Every so many hellos the CRL in force is told, for those who missed it. */
#define SL_CRL_HELLOS 8

/* A newer CRL on its way here, one at a time. */
struct sl_crl_fetch {
    struct sl_link *from; /* NULL: none */
    uint64_t number;
    uint8_t *bytes;
    size_t len, have;
    sl_time begun_at, moved_at;
    struct sl_alarm alarm;
};

void sl_revocation_init(struct sl_node *node);
void sl_revocation_done(struct sl_node *node);

/* Number and length of the CRL in force, if there is one. */
void sl_revocation_tell(struct sl_node *node, const struct sl_route *route);

/* A CRL was taken: one that no envelope holds is told to all at once. */
void sl_revocation_taken(struct sl_node *node);

/* CRL, CRL_WANT and CRL_PART from a neighbour. The last may end links, that one included. */
void sl_revocation_notice(struct sl_node *node, struct sl_link *link,
                          const struct sl_element *element, sl_time now);
void sl_revocation_want(struct sl_node *node, struct sl_link *link,
                        const struct sl_element *element, sl_time now);
void sl_revocation_part(struct sl_node *node, struct sl_link *link,
                        const struct sl_element *element, sl_time now);

void sl_revocation_forget_link(struct sl_node *node, const struct sl_link *link);

#endif
