#include "mesh/refused.h"

#include "mesh/node_internal.h"

#include <stdlib.h>

/* Shares and rates change with what comes and goes: a minute later it may be welcome. */
#define REFUSED_FOR_S 60

enum {
    SIZE_MIN = 256,       /* a power of 4 less than SL_REFUSED_MAX */
    DISPLACED_SHARE = 16, /* one in so many: time to grow */
};

#define TELL_WAIT (40 * SL_MILLISECOND) /* others of the same repair come with it */

/* ---- What is refused here ---- */

void sl_refusals_done(struct sl_refusals *refusals)
{
    free(refusals->table);
    refusals->table = NULL;
    refusals->size = 0;
}

static uint64_t mix(const struct sl_refusals *refusals, uint64_t number)
{
    uint64_t state = number ^ refusals->seed;
    return sl_splitmix64(&state);
}

static uint64_t number_of(const uint8_t origin[SL_ORIGIN_LEN])
{
    struct sl_reader r;
    sl_reader_init(&r, origin, SL_ORIGIN_LEN);
    return sl_read_u64(&r);
}

static uint32_t tag_of(const struct sl_refusals *refusals, const uint8_t origin[SL_ORIGIN_LEN])
{
    return (uint32_t)(mix(refusals, number_of(origin)) >> 32);
}

static uint32_t seconds(sl_time now)
{
    return (uint32_t)(now / SL_SECOND);
}

/* Where it stands or would; NULL before the first refusal. */
static struct sl_refused *place_of(const struct sl_refusals *refusals, uint64_t key)
{
    return refusals->size > 0 ? &refusals->table[key % refusals->size] : NULL;
}

static void grow(struct sl_refusals *refusals)
{
    struct sl_refusals old = *refusals;
    refusals->size = old.size > 0 ? 4 * old.size : SIZE_MIN;
    refusals->table = calloc(refusals->size, sizeof(*refusals->table));
    refusals->displaced_count = 0;
    if (!refusals->table) {
        *refusals = old;
        return;
    }
    for (size_t i = 0; i < old.size; i++)
        if (old.table[i].until_s > 0)
            *place_of(refusals, old.table[i].key) = old.table[i];
    free(old.table);
}

static struct sl_refused *make_place(struct sl_refusals *refusals, uint64_t key, sl_time now)
{
    const struct sl_refused *place = place_of(refusals, key);
    if (place && seconds(now) < place->until_s && place->key != key)
        refusals->displaced_count++;
    bool is_full = refusals->displaced_count > refusals->size / DISPLACED_SHARE;
    if (!place || (is_full && refusals->size < SL_REFUSED_MAX))
        grow(refusals);
    return place_of(refusals, key);
}

void sl_refusals_note(struct sl_refusals *refusals, uint64_t short_id,
                      const uint8_t origin[SL_ORIGIN_LEN], sl_time now)
{
    uint64_t key = mix(refusals, short_id);
    struct sl_refused *place = make_place(refusals, key, now);
    if (place)
        *place = (struct sl_refused){.key = key,
                                     .origin = tag_of(refusals, origin),
                                     .until_s = seconds(now) + REFUSED_FOR_S};
}

bool sl_refusals_has(const struct sl_refusals *refusals, uint64_t short_id, sl_time now)
{
    uint64_t key = mix(refusals, short_id);
    const struct sl_refused *place = place_of(refusals, key);
    return place && place->key == key && seconds(now) < place->until_s;
}

void sl_refusals_note_origin(struct sl_refusals *refusals, const uint8_t origin[SL_ORIGIN_LEN],
                             sl_time now)
{
    sl_refusals_note(refusals, number_of(origin), origin, now);
}

bool sl_refusals_has_origin(const struct sl_refusals *refusals, const uint8_t origin[SL_ORIGIN_LEN],
                            sl_time now)
{
    return sl_refusals_has(refusals, number_of(origin), now);
}

void sl_refusals_forget_origin(struct sl_refusals *refusals, const uint8_t origin[SL_ORIGIN_LEN])
{
    uint32_t tag = tag_of(refusals, origin);
    for (size_t i = 0; i < refusals->size; i++)
        if (refusals->table[i].origin == tag)
            refusals->table[i].until_s = 0;
}

/* ---- Telling ---- */

static void flush(struct sl_node *node, struct sl_link *link)
{
    struct sl_refused_link *refused = &link->refused;
    size_t len = refused->count * SL_SHORT_ID_LEN;
    uint8_t *value = len > 0 ? sl_sync_element(node, link, SL_ELEMENT_REFUSED, len) : NULL;
    struct sl_writer w;
    sl_heap_cancel(&node->alarms, &refused->alarm.timer);
    sl_writer_init(&w, value, value ? len : 0);
    for (size_t i = 0; value && i < refused->count; i++)
        sl_write_u64(&w, refused->ids[i]);
    refused->count = 0; /* untold, it is given once more */
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    (void)now;
    flush(node, SL_ALARM_OWNER(alarm, struct sl_link, refused.alarm));
}

void sl_refused_link_init(struct sl_link *link)
{
    sl_alarm_init(&link->refused.alarm, fire);
}

void sl_refused_forget_link(struct sl_node *node, struct sl_link *link)
{
    sl_heap_cancel(&node->alarms, &link->refused.alarm.timer);
}

void sl_refused_tell(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now)
{
    struct sl_refused_link *refused = &link->refused;
    if (refused->count == SL_HAVE_BATCH)
        flush(node, link);
    if (refused->count == 0)
        sl_node_alarm(node, &refused->alarm, now + TELL_WAIT);
    refused->ids[refused->count++] = short_id;
}

void sl_refused_take(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                     sl_time now)
{
    struct sl_reader r;
    if (!sl_tree_open_ids(node, link, element, now, &r))
        return;
    while (sl_read_left(&r) > 0) {
        int64_t number = sl_index_find_short(node->index, sl_read_u64(&r));
        if (number >= 0)
            sl_index_entry(node->index, number)->refused_by |= link->siblings;
    }
}

bool sl_refused_by(const struct sl_entry *entry, const struct sl_link *link)
{
    return (entry->refused_by & UINT64_C(1) << link->slot) != 0;
}
