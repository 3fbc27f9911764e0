/* Tombstones: the last ids that were in the store and are gone, so that they are not taken again.
 * The oldest gives way to the next. */
#ifndef SL_MESH_TOMBS_H
#define SL_MESH_TOMBS_H

#include "base/map.h"
#include "mesh/limits.h"

struct sl_tombs {
    uint8_t (*ids)[SL_ID_LEN]; /* a ring once SL_TOMBSTONES_MAX are there */
    size_t cap;
    size_t next; /* where the next one goes */
    struct sl_map by_id;
};

/* Allocates nothing yet. The seed is secret. */
void sl_tombs_init(struct sl_tombs *tombs, uint64_t seed);
void sl_tombs_done(struct sl_tombs *tombs);

/* Out of memory: the id is not buried, and may come back once. */
void sl_tombs_add(struct sl_tombs *tombs, const uint8_t id[SL_ID_LEN]);
bool sl_tombs_has(const struct sl_tombs *tombs, const uint8_t id[SL_ID_LEN]);

#endif
