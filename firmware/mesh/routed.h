/* Envelopes that travel along routes instead of flooding: direct messages, their receipts, and
 * SETTLED (PROTOCOL.md, Routes). Those on the way hold them quietly, outside digest and sketch,
 * until their origin says that they arrived, or nothing of the kind was heard for long: then they
 * flood like any other, so that nothing is lost. Internal to the mesh.
 *
 *   routed.c   on their way: sent along, held, raised     settle.c   arrived: dropped
 *   taken.c    what neighbours say of them: TAKEN, STRAY
 *   back.c     receipts go back the way that their message came */
#ifndef SL_MESH_ROUTED_H
#define SL_MESH_ROUTED_H

#include "mesh/alarm.h"
#include "mesh/node.h"
#include "mesh/packet.h"
#include "mesh/route.h"

struct sl_link;

struct sl_targets {
    struct sl_target items[SL_TARGETS_MAX];
    size_t count;     /* 0: it floods, or did from the beginning */
    uint8_t hops_max; /* it is sent on no farther: who is not found by then is elsewhere */
    int8_t giver;     /* slot of the neighbour that named them; not own ones */
};

/* An envelope under way; or one published here, floods as it may, of which word is awaited. */
struct sl_routed {
    uint8_t id[SL_ID_LEN];
    struct sl_targets targets;
    bool own;                           /* published here */
    uint8_t destination[SL_ORIGIN_LEN]; /* own: whom for */
    uint8_t origin[SL_ORIGIN_LEN];      /* not own: whose */
    uint8_t answers[SL_ID_LEN];         /* own receipt: the message that it is about; else zeros */
    bool settled;                       /* own: arrived; SETTLED has yet to say so */
    uint64_t givers;                    /* slots that it came from */
    int8_t first_giver;                 /* the first of them; -1: own, or that link is gone */
    uint64_t given;                     /* and to which it was sent, in vain perhaps */
    uint64_t also;                      /* SETTLED: slots to tell beside those of the targets */
    uint64_t astray;                    /* slots of neighbours that know no way on */
    unsigned strays;                    /* times that some of it came back from one */
    uint64_t unconfirmed;               /* slots of neighbours that have yet to be told TAKEN */
    sl_time confirm_at;
    unsigned tries;   /* times that it was sent */
    sl_time retry_at; /* to those who did not say that they hold it */
    sl_time end_at;   /* of patience */
};

struct sl_routing {
    struct sl_map map;       /* id to number in `table` */
    struct sl_routed *table; /* moves when one is added or removed */
    size_t count, cap;
    sl_time settle_at; /* SETTLED goes out for all that is to be told */
    struct sl_map settled;
    uint64_t *settled_ids; /* ring of SL_SETTLED_MAX short ids, allocated when first needed */
    size_t settled_next;
    struct sl_alarm alarm;
};

void sl_routing_init(struct sl_node *node, uint64_t seed);
void sl_routing_done(struct sl_node *node);

/* An envelope was published for draft->destination. False: no route will do, it has to flood. */
bool sl_routed_publish(struct sl_node *node, int64_t number, const uint8_t *bytes,
                       const struct sl_draft *draft, sl_time now);

/* ROUTED, TAKEN and STRAY from a neighbour. */
void sl_routed_receive(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                       sl_time now);
void sl_routed_taken(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                     sl_time now);
void sl_routed_stray(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                     sl_time now);

/* Whether envelopes of that kind may travel along routes; and whether each link on the way says
 * TAKEN, and whoever is on the way keeps them until they arrived: messages. What becomes of the
 * others is noticed at the ends. */
bool sl_routed_is_kind(uint8_t kind);
bool sl_routed_is_confirmed(uint8_t kind);
bool sl_routed_is_held(uint8_t kind);

/* One that was just kept came with these targets: it is held quietly, and sent along (SETTLED: to
 * those slots also). False: there
 * is no room, it has to flood. */
bool sl_routed_take(struct sl_node *node, int64_t number, const uint8_t *bytes,
                    const struct sl_targets *targets, uint64_t also, sl_time now);
/* Another copy of one that is held came from there, perhaps for others. */
void sl_routed_take_more(struct sl_node *node, int64_t number, struct sl_link *link,
                         const uint8_t *bytes, const struct sl_targets *targets, sl_time now);
/* Tells a neighbour that it is held here: soon, perhaps together with its answer; or at once, if it
 * asks again or it is not under way here. */
void sl_routed_confirm(struct sl_node *node, struct sl_link *link, const uint8_t id[SL_ID_LEN],
                       bool at_once, sl_time now);

/* It floods from here on: into digest and sketch, and to whoever is not known to hold it. Nothing
 * if it does already. */
void sl_routed_raise(struct sl_node *node, int64_t number, sl_time now);

/* A neighbour slot got free. */
void sl_routed_forget_slot(struct sl_node *node, int slot);

/* Among each other, routed.c and settle.c: */
/* Adds those that are not there yet, as far as there is room. */
void sl_targets_merge(struct sl_targets *targets, const struct sl_targets *more);
/* Whether one with the same tag is among them. */
bool sl_targets_have(const struct sl_targets *targets, const struct sl_target *target);
struct sl_routed *sl_routed_find(const struct sl_node *node, const uint8_t id[SL_ID_LEN]);
/* NULL if there is no room. Pointers to others are void afterwards, as after removing one. */
struct sl_routed *sl_routed_add(struct sl_node *node, const uint8_t id[SL_ID_LEN], sl_time end_at);
void sl_routed_remove(struct sl_node *node, struct sl_routed *routed);
/* Sends it, or sends it again, to those next on the way who do not hold it. */
void sl_routed_forward(struct sl_node *node, struct sl_routed *routed, int64_t number,
                       const uint8_t *bytes, sl_time now);
void sl_routed_wake(struct sl_node *node, sl_time at);
/* What a target is before a way is chosen. */
struct sl_target sl_routed_without_way(const struct sl_target *target);
/* Those targets to which no way leads from here go back to whoever gave them; if it is ours and its
 * destination is one of them, it floods soon. */
void sl_routed_return(struct sl_node *node, struct sl_routed *routed, sl_time now);
/* That neighbour gave those targets, and some of them went back to others before: to it, too. */
void sl_routed_refuse(struct sl_node *node, const struct sl_routed *routed, struct sl_link *link,
                      const struct sl_targets *given);
/* TAKEN that is due, in a frame of its own; or that is waiting, in one that goes there anyway. */
void sl_routed_confirm_due(struct sl_node *node, struct sl_routed *routed);
void sl_routed_confirm_along(struct sl_node *node, struct sl_link *link);

/* ---- back.c ---- */

/* Whether that message came along a route whose last link still stands: then its receipt goes back
 * over it, and names nobody. */
bool sl_back_targets(const struct sl_node *node, const uint8_t message[SL_ID_LEN],
                     struct sl_targets *ret_targets);
/* Sets the slots of targets that go back, but not to one in `avoid`. */
void sl_back_choose(const struct sl_node *node, struct sl_targets *targets, uint64_t avoid);
/* Whether a target is this node, as its origin or as that of the message that is answered. */
bool sl_back_is_here(const struct sl_node *node, const struct sl_target *target);

/* ---- settle.c ---- */

/* SETTLED came and was kept: what it names is dropped. Its own targets learn the way that it went.
 * The slots of all to whom it was sent. */
uint64_t sl_settle_take(struct sl_node *node, const struct sl_envelope *envelope,
                        struct sl_targets *targets, sl_time now);
bool sl_settle_is_well_formed(const struct sl_envelope *envelope);
/* Drops what is held here quietly, without a tombstone: should it flood yet, it is taken like any
 * other, but not told to the layer above again. */
void sl_settle_forget(struct sl_node *node, int64_t number);
/* Whether it was settled, or forgotten so, not long ago. */
bool sl_settle_was(const struct sl_node *node, uint64_t short_id);
/* Sends what is to be told. */
void sl_settle_flush(struct sl_node *node, sl_time now);

#endif
