/* Who may speak: the identities of origins, from their certificates; and the envelopes that came
 * before the identity needed to check them. Internal to the mesh. */
#ifndef SL_MESH_ORIGINS_H
#define SL_MESH_ORIGINS_H

#include "base/map.h"
#include "mesh/node.h"
#include "mesh/quota.h"

struct sl_link;

struct sl_origin {
    bool used;
    bool revoked;
    bool has_envelope; /* identity_short is that of an IDENTITY envelope in the store */
    struct sl_identity identity;
    uint64_t identity_short;
    uint16_t invite;        /* that it came through: share.h */
    struct sl_bucket fresh; /* what it may bring in on the fast path */
    struct sl_bucket stock; /* and late: share.h */
};

#define SL_WAITING_MAX 256

/* An envelope that could not be checked: its sender is asked who its origin is, and then for it. */
struct sl_waiting {
    bool used;
    uint8_t origin[SL_ORIGIN_LEN];
    uint64_t short_id;
    int slot; /* link that offered it */
    sl_time asked_at;
};

struct sl_origins {
    struct sl_map map; /* origin to number in `table` */
    struct sl_origin *table;
    size_t count, cap; /* used or once used, allocated */
    size_t used_count;
    size_t hand;                /* where the search for one to give up goes on */
    struct sl_waiting *waiting; /* ring, allocated when first needed */
    size_t waiting_at;
    bool announced;                     /* our own IDENTITY was published */
    sl_time announced_at;               /* born */
    uint8_t announced_chain[SL_ID_LEN]; /* hash of what it said */
    uint8_t own_chain[SL_ID_LEN];       /* hash of what was last taken as our own */
};

void sl_origins_init(struct sl_origins *origins, uint64_t seed);
void sl_origins_done(struct sl_origins *origins);

/* NULL if it is not known. Valid until the next sl_origins_take(). */
struct sl_origin *sl_origins_find(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN]);

/* A checked identity. A key once known for an origin is never replaced: -EACCES. -ENOSPC when full
 * of origins that have envelopes in the store, -ENOMEM. */
int sl_origins_take(struct sl_node *node, const struct sl_identity *identity, sl_time now);

/* An IDENTITY envelope of a known or unknown origin: checks its chain and its signature. 0, or
 * -EACCES. */
int sl_origins_check_chain(struct sl_node *node, const struct sl_envelope *envelope, sl_time now,
                           struct sl_identity *ret_identity);

/* The store holds that IDENTITY envelope now. */
void sl_origins_note_envelope(struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN],
                              uint64_t short_id);

/* Marks whoever a new CRL names, and drops what the store holds of them. */
void sl_origins_judge_all(struct sl_node *node);

/* Remembers an envelope of an unknown origin and asks for the identity (WHO). */
void sl_origins_wait(struct sl_node *node, struct sl_link *link,
                     const uint8_t origin[SL_ORIGIN_LEN], uint64_t short_id, sl_time now);

/* The identity came: asks for what waited (WANT). */
void sl_origins_arrived(struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN], sl_time now);

/* A neighbour's WHO. */
void sl_origins_who(struct sl_node *node, struct sl_link *link, const uint8_t *origins, size_t len,
                    sl_time now);

/* Once a second: publishes this node's own IDENTITY when it is missing, changed, or half over, and
 * there is somebody to tell (crowd.h). */
void sl_origins_announce(struct sl_node *node, sl_time now);

/* The same at once, with the microsecond before `created`: for what else is published then, which
 * nobody could check without. */
void sl_origins_announce_before(struct sl_node *node, uint64_t created, sl_time now);

/* At the start: identities and CRLs that the store holds. */
void sl_origins_load(struct sl_node *node, sl_time now);

#endif
