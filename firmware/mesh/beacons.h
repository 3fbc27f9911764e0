/* Which of a neighbour's beacons came: whether it is worth to open a session with it (PROTOCOL.md,
 * Greetings). A session with somebody at the edge of reach is tried in vain, eight frames for each
 * that gets lost. Internal to the mesh.
 *
 * A beacon proves nothing, so this table is all that it changes: of fixed size, and of no use to
 * whoever fills it. A link id for which there is no room counts as heard well. */
#ifndef SL_MESH_BEACONS_H
#define SL_MESH_BEACONS_H

#include "mesh/limits.h"

#define SL_BEACON_SPAN 8 /* beacons that are looked back on */

enum {
    SL_BEACON_WAYS = 4,
    SL_BEACON_STEP = 4, /* in which a beacon counts others */
};

/* On one bearer its counting has no gaps. */
struct sl_beacon_source {
    uint8_t bearer;
    uint8_t link_id[SL_LINK_ID_LEN];
};

/* What a beacon says of its sender's surroundings. */
struct sl_beacon_word {
    uint8_t links;          /* that it has */
    uint8_t heard, seeking; /* as in struct sl_greeting */
};

struct sl_beacon_track {
    struct sl_beacon_source source;
    uint8_t last;               /* number of the last one */
    uint8_t history;            /* bit 0: the last one came, bit 1: the one before, ... */
    struct sl_beacon_word word; /* of the last one */
    bool apart;                 /* no neighbour of ours is known to lead to it */
    sl_time at;                 /* of the last one; 0: unused */
};

/* Who is in reach on a bearer, by the beacons of the last minute. Whoever was just switched on has
 * not heard them: what others heard counts as well, the mean of what they say. */
struct sl_beacon_census {
    unsigned heard;
    unsigned seeking; /* of them, those with fewer links than SL_LINKS_SOUGHT */
    unsigned apart;   /* of the others, those to whom no neighbour of ours leads */
    unsigned others_heard, others_seeking;
};

struct sl_beacons {
    uint64_t seed; /* secret: link ids are chosen by others */
    sl_time counted_at;
    struct sl_beacon_census census[SL_BEARERS_MAX];
    struct sl_beacon_track tracks[SL_BEACONS_MAX / SL_BEACON_WAYS][SL_BEACON_WAYS];
};

void sl_beacons_init(struct sl_beacons *beacons, uint64_t seed);

/* A beacon came, which its sender numbered so. A replay, or one that came twice, changes nothing.
 */
void sl_beacons_note(struct sl_beacons *beacons, const struct sl_beacon_source *source,
                     uint8_t number, sl_time now);

/* What its last beacon said, and whether it is apart. */
void sl_beacons_mark(struct sl_beacons *beacons, const struct sl_beacon_source *source,
                     const struct sl_beacon_word *word, bool apart);

/* At most a moment old. */
const struct sl_beacon_census *sl_beacons_census(struct sl_beacons *beacons, int bearer,
                                                 sl_time now);

/* How many of its last `span` beacons came, the last one known included; `span` is at most
 * SL_BEACON_SPAN. */
unsigned sl_beacons_came(const struct sl_beacons *beacons, const struct sl_beacon_source *source,
                         unsigned span);

/* It could not be reached: those that came so far do not count any more. */
void sl_beacons_forget(struct sl_beacons *beacons, const struct sl_beacon_source *source);

#endif
