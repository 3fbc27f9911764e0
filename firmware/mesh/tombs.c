#include "mesh/tombs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 256

void sl_tombs_init(struct sl_tombs *tombs, uint64_t seed)
{
    *tombs = (struct sl_tombs){0};
    sl_map_init(&tombs->by_id, SL_ID_LEN, SL_TOMBSTONES_MAX, seed);
}

void sl_tombs_done(struct sl_tombs *tombs)
{
    sl_map_done(&tombs->by_id);
    free(tombs->ids);
    tombs->ids = NULL;
    tombs->cap = 0;
    tombs->next = 0;
}

bool sl_tombs_has(const struct sl_tombs *tombs, const uint8_t id[SL_ID_LEN])
{
    return sl_map_get(&tombs->by_id, id) != SL_MAP_EMPTY;
}

static int grow(struct sl_tombs *tombs)
{
    size_t cap = tombs->cap > 0 ? tombs->cap * 2 : CAP_MIN;
    cap = sl_min_size(cap, SL_TOMBSTONES_MAX);
    uint8_t(*ids)[SL_ID_LEN] = realloc(tombs->ids, cap * sizeof(*ids));
    if (!ids)
        return -ENOMEM;
    tombs->ids = ids;
    tombs->cap = cap;
    return 0;
}

void sl_tombs_add(struct sl_tombs *tombs, const uint8_t id[SL_ID_LEN])
{
    if (sl_tombs_has(tombs, id))
        return;
    if (tombs->next == tombs->cap && grow(tombs) < 0)
        return;
    uint8_t *place = tombs->ids[tombs->next];
    if (tombs->by_id.count == SL_TOMBSTONES_MAX)
        sl_map_remove(&tombs->by_id, place);
    if (sl_map_put(&tombs->by_id, id, 0) < 0)
        return;
    memcpy(place, id, SL_ID_LEN);
    tombs->next = (tombs->next + 1) % SL_TOMBSTONES_MAX;
}
