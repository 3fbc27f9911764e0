/* What was refused here lately: it is not asked for by name, whoever announces it, and who gave it
 * is told (REFUSED), so that repair does not give it again and again.
 *
 * Noted is only what follows from the signed part of an envelope and from what is here: a copy with
 * another signature, age or count of hops would be refused alike, so nobody keeps the genuine one
 * away by sending a spoiled one first. Whoever pushes it is heard in any case. Internal to the
 * mesh. */
#ifndef SL_MESH_REFUSED_H
#define SL_MESH_REFUSED_H

#include "mesh/alarm.h"
#include "mesh/index.h"
#include "mesh/packet.h"

struct sl_node;
struct sl_link;

/* An envelope, by its short id, or an origin whose IDENTITY was refused. */
struct sl_refused {
    uint64_t key;     /* keyed hash of what stands here */
    uint32_t origin;  /* the same, of whose it is */
    uint32_t until_s; /* on the life clock; 0: free */
};

/* Zeroed but for the seed: nothing was refused. A newer one may take the place of another, which
 * then may be asked for once more; when that happens often the table grows. */
struct sl_refusals {
    uint64_t seed; /* secret: nobody can make two that stand in one place */
    struct sl_refused *table;
    size_t size;            /* of it; SL_REFUSED_MAX at most */
    size_t displaced_count; /* since it has that size */
};

void sl_refusals_done(struct sl_refusals *refusals);

/* Out of memory nothing is noted. */
void sl_refusals_note(struct sl_refusals *refusals, uint64_t short_id,
                      const uint8_t origin[SL_ORIGIN_LEN], sl_time now);
bool sl_refusals_has(const struct sl_refusals *refusals, uint64_t short_id, sl_time now);

/* The same for an origin: nobody is asked who it is. */
void sl_refusals_note_origin(struct sl_refusals *refusals, const uint8_t origin[SL_ORIGIN_LEN],
                             sl_time now);
bool sl_refusals_has_origin(const struct sl_refusals *refusals, const uint8_t origin[SL_ORIGIN_LEN],
                            sl_time now);

/* Its IDENTITY is here: it is welcome, and so is all that it wrote. */
void sl_refusals_forget_origin(struct sl_refusals *refusals, const uint8_t origin[SL_ORIGIN_LEN]);

/* ---- Telling ---- */

struct sl_refused_link {
    uint64_t ids[SL_HAVE_BATCH]; /* to be told */
    size_t count;
    struct sl_alarm alarm; /* they leave */
};

void sl_refused_link_init(struct sl_link *link);
void sl_refused_forget_link(struct sl_node *node, struct sl_link *link);

/* That neighbour hears of it in a moment. */
void sl_refused_tell(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now);

/* A neighbour's REFUSED. */
void sl_refused_take(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                     sl_time now);

/* Whether that neighbour said so, and has not asked for it since. */
bool sl_refused_by(const struct sl_entry *entry, const struct sl_link *link);

#endif
