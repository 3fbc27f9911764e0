/* Who receives whom: so that an envelope is sent on only where somebody still lacks it
 * (PROTOCOL.md, Dissemination). Each node tells its neighbours whose frames to all it receives
 * well; who knows the lists of its own neighbours knows whom each of them covers when it sends.
 * After Peng and Lu, "On the Reduction of Broadcast Redundancy in Mobile Ad Hoc Networks" (MobiHoc
 * 2000); but that the receiver says who is heard, not the sender who hears: links are one-way, and
 * a liar harms only itself. Internal to the mesh. */
#ifndef SL_MESH_COVER_H
#define SL_MESH_COVER_H

#include "mesh/packet.h"

struct sl_node;
struct sl_link;
struct sl_route;

#define SL_NEAR_TAG_LEN 2 /* of a link id, in NEAR */

/* The part of a link. */
struct sl_cover_link {
    uint32_t
        history;    /* of its frames to all: bit 0: the last one came, bit 1: the one before, ... */
    unsigned count; /* of bits that mean something, at most 32 */
    bool well;      /* heard well: in our list */
    bool lists;     /* a list of its came */
    size_t listed;  /* so many are in it */
    bool hears_us;  /* and names us */
    bool relies;    /* first of all */
    uint64_t heard_by;                                  /* slots of links whose lists name it */
    uint8_t names[SL_NEIGHBOURS_MAX * SL_NEAR_TAG_LEN]; /* the list */
};

/* A frame to all came from it, and so many before it did not. */
void sl_cover_note_frame(struct sl_link *link, uint32_t skipped);

/* A slot got free. */
void sl_cover_forget_slot(struct sl_node *node, int slot);

/* Our list goes along with the hello that is being made, if it changed or is due again. */
void sl_cover_tell(struct sl_node *node, const struct sl_route *route);

/* A NEAR element from a neighbour. */
void sl_cover_take(struct sl_node *node, struct sl_link *link, const struct sl_element *element);

/* Slots that hold what that neighbour sends to all: its own, and those that receive it well. */
uint64_t sl_cover_of(const struct sl_link *link);

/* Slots on that bearer that count on us, if nobody else covers them: those whose lists name us, and
 * those so new that none came. */
uint64_t sl_cover_duty(const struct sl_node *node, int bearer, sl_time now);

/* Whether it is worth a frame to all that those slots are not covered, after so many copies were
 * heard. Whoever names many others has hardly missed them all. */
bool sl_cover_is_worth(const struct sl_node *node, uint64_t uncovered, unsigned copies);

/* Of those, the ones that name us first, and few others: to each of them one frame of its own, if
 * none to all. With many neighbours they soon hear from one of them that they lack it (gap.h). */
uint64_t sl_cover_relying(const struct sl_node *node, uint64_t uncovered);

/* How many neighbours on that bearer name that link id. */
unsigned sl_cover_namers(const struct sl_node *node, int bearer,
                         const uint8_t link_id[SL_LINK_ID_LEN]);

#endif
