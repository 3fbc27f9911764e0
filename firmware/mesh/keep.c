/* What is kept, and who else holds it. */
#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Keeping ---- */

void sl_relay_drop(struct sl_node *node, int64_t number)
{
    const struct sl_store_port *store = &node->config.store;
    store->drop(store->ctx, sl_index_entry(node->index, number)->stored.row);
    sl_share_remove(node, number);
    sl_index_remove(node->index, number);
}

static void report_store(struct sl_node *node, int error)
{
    const struct sl_node_events *events = &node->config.events;
    if (error == node->status.store_error)
        return;
    node->status.store_error = error;
    if (events->store_state)
        events->store_state(events->arg, error);
}

static bool is_kept(int error)
{
    return error == 0 || error == -EIO || error == -ENOSPC || error == -EROFS;
}

static uint16_t invite_of(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN])
{
    const struct sl_origin *known = sl_origins_find(node, origin);
    return known ? known->invite : SL_INVITE_NONE;
}

/* Those of the same origin or invite that have to go for it. */
static int make_way(struct sl_node *node, const struct sl_stored *stored, uint16_t invite)
{
    int64_t victims[2];
    int r = sl_share_judge(node, stored, invite, victims);
    if (r < 0)
        return r;
    for (size_t i = 0; i < SL_ARRAY_LEN(victims); i++)
        if (victims[i] >= 0)
            sl_relay_drop(node, victims[i]);
    return 0;
}

static int64_t put(struct sl_node *node, struct sl_stored *stored, const uint8_t *bytes, bool sync,
                   int *ret_durable)
{
    const struct sl_store_port *store = &node->config.store;
    int64_t victim;
    while ((victim = sl_index_victim(node->index, stored->len)) >= 0)
        sl_relay_drop(node, victim);
    int r = store->put(store->ctx, stored, bytes, sync, &stored->row);
    if (!is_kept(r))
        return r;
    int64_t number = sl_index_add(node->index, stored);
    if (number < 0) {
        store->drop(store->ctx, stored->row);
        return number;
    }
    if (stored->local && !stored->relayed)
        sl_relay_remember_unrelayed(node, stored->id);
    *ret_durable = r;
    report_store(node, r);
    return number;
}

int64_t sl_relay_keep(struct sl_node *node, struct sl_stored *stored, const uint8_t *bytes,
                      bool sync, int *ret_durable)
{
    uint16_t invite = invite_of(node, stored->origin);
    int r = make_way(node, stored, invite);
    if (r < 0)
        return r;
    int64_t number = put(node, stored, bytes, sync, ret_durable);
    if (number >= 0)
        sl_share_add(node, number, invite);
    return number;
}

int64_t sl_relay_hold(struct sl_node *node, struct sl_stored *stored, const uint8_t *bytes)
{
    int durable;
    int64_t number = put(node, stored, bytes, false, &durable);
    if (number >= 0)
        sl_index_hush(node->index, number);
    return number;
}

bool sl_relay_release(struct sl_node *node, int64_t number)
{
    const struct sl_stored stored = sl_index_entry(node->index, number)->stored;
    uint16_t invite = invite_of(node, stored.origin);
    if (!stored.local) { /* our own counted from the beginning */
        if (make_way(node, &stored, invite) < 0) {
            sl_relay_drop(node, number);
            return false;
        }
        sl_share_add(node, number, invite);
    }
    sl_index_raise(node->index, number);
    return true;
}

/* ---- Holders ---- */

static void mark_relayed(struct sl_node *node, struct sl_entry *entry)
{
    const struct sl_store_port *store = &node->config.store;
    const struct sl_node_events *events = &node->config.events;
    uint8_t id[SL_ID_LEN];
    entry->stored.relayed = true;
    store->set_relayed(store->ctx, entry->stored.row);
    memcpy(id, entry->stored.id, SL_ID_LEN); /* the callback may publish, and so move entries */
    if (events->relayed)
        events->relayed(events->arg, id);
}

void sl_relay_note_holder(struct sl_node *node, int64_t number)
{
    struct sl_entry *entry = sl_index_entry(node->index, number);
    if (entry->stored.local && !entry->stored.relayed)
        mark_relayed(node, entry);
}

static struct sl_entry *unrelayed_entry(struct sl_node *node, const uint8_t id[SL_ID_LEN])
{
    int64_t number = sl_index_find(node->index, id);
    struct sl_entry *entry = number >= 0 ? sl_index_entry(node->index, number) : NULL;
    return entry && entry->stored.local && !entry->stored.relayed ? entry : NULL;
}

/* Takes out those that others hold by now, or that are gone. */
static void tidy_unrelayed(struct sl_node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->unrelayed_count; i++)
        if (unrelayed_entry(node, node->unrelayed[i].id))
            node->unrelayed[kept++] = node->unrelayed[i];
    node->unrelayed_count = kept;
}

void sl_relay_note_all(struct sl_node *node)
{
    size_t count = node->unrelayed_count;
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct sl_entry *entry = unrelayed_entry(node, node->unrelayed[i].id);
        if (entry && !entry->quiet)
            mark_relayed(node, entry);
    }
    tidy_unrelayed(node); /* what is quiet stays, and what the callbacks published */
}

void sl_relay_note_except(struct sl_node *node, const struct sl_sketch_part *part,
                          const uint64_t *lacking, size_t count)
{
    size_t end = node->unrelayed_count;
    for (size_t i = 0; i < end; i++) {
        uint64_t short_id = sl_short_id(node->unrelayed[i].id);
        struct sl_entry *entry = unrelayed_entry(node, node->unrelayed[i].id);
        bool holds = part->bits == 0 || short_id >> (64 - part->bits) == part->partition;
        for (size_t j = 0; holds && j < count; j++)
            holds = lacking[j] != short_id;
        if (entry && !entry->quiet && holds)
            mark_relayed(node, entry);
    }
}

void sl_relay_remember_unrelayed(struct sl_node *node, const uint8_t id[SL_ID_LEN])
{
    if (node->unrelayed_count == node->unrelayed_cap)
        tidy_unrelayed(node);
    if (node->unrelayed_count >= node->unrelayed_cap / 2) {
        size_t cap = node->unrelayed_cap > 0 ? node->unrelayed_cap * 2 : 64;
        struct sl_unrelayed *ids = realloc(node->unrelayed, cap * sizeof(*ids));
        if (!ids)
            return; /* it will still be marked when a copy is heard */
        node->unrelayed = ids;
        node->unrelayed_cap = cap;
    }
    memcpy(node->unrelayed[node->unrelayed_count++].id, id, SL_ID_LEN);
}
