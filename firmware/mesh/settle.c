/* Envelopes along routes that arrived: their origin says so with SETTLED, and whoever held them
 * until then drops them. */
#include "mesh/node_internal.h"
#include "mesh/routed.h"

#include <stdlib.h>
#include <string.h>

enum { IDS_MAX = 32 };

#define SETTLE_DELAY     (90 * SL_SECOND) /* what arrives meanwhile shares the envelope */
#define SETTLED_LIFETIME 300              /* seconds; longer than anybody waits for it */
#define SETTLED_HELD     SL_MINUTE        /* by who wrote it, to answer for copies */

/* ---- What was settled ---- */

static void short_key(uint64_t short_id, uint8_t ret_key[SL_SHORT_ID_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_key, SL_SHORT_ID_LEN);
    sl_write_u64(&w, short_id);
}

static void remember(struct sl_routing *routing, uint64_t short_id)
{
    uint8_t key[SL_SHORT_ID_LEN];
    if (!routing->settled_ids)
        routing->settled_ids = calloc(SL_SETTLED_MAX, sizeof(*routing->settled_ids));
    short_key(short_id, key);
    if (!routing->settled_ids || sl_map_get(&routing->settled, key) != SL_MAP_EMPTY)
        return;
    uint32_t at = (uint32_t)(routing->settled_next++ % SL_SETTLED_MAX);
    short_key(routing->settled_ids[at], key);
    if (sl_map_get(&routing->settled, key) == at)
        sl_map_remove(&routing->settled, key);
    short_key(short_id, key);
    if (sl_map_put(&routing->settled, key, at) == 0)
        routing->settled_ids[at] = short_id;
}

bool sl_settle_was(const struct sl_node *node, uint64_t short_id)
{
    uint8_t key[SL_SHORT_ID_LEN];
    short_key(short_id, key);
    return sl_map_get(&node->routing.settled, key) != SL_MAP_EMPTY;
}

/* With a tombstone neighbours would repair the difference for as long as it lives. */
void sl_settle_forget(struct sl_node *node, int64_t number)
{
    const struct sl_store_port *store = &node->config.store;
    const struct sl_stored *stored = &sl_index_entry(node->index, number)->stored;
    remember(&node->routing, sl_short_id(stored->id));
    store->drop(store->ctx, stored->row);
    sl_share_remove(node, number);
    sl_index_forget(node->index, number);
}

static void drop(struct sl_node *node, int64_t number)
{
    sl_settle_forget(node, number);
    node->status.routed_settled++;
}

/* ---- Our own ---- */

/* A receipt: nobody else holds it. */
static bool is_answer(const struct sl_routed *routed)
{
    static const uint8_t nothing[SL_ID_LEN];
    return memcmp(routed->answers, nothing, SL_ID_LEN) != 0;
}

/* It arrived: the others are told together with the next ones. May move the others. */
static void conclude(struct sl_node *node, struct sl_routed *routed, sl_time now)
{
    struct sl_routing *routing = &node->routing;
    int64_t number = sl_index_find(node->index, routed->id);
    if (routed->targets.count > 0)
        sl_route_judge(node, routed->destination, true, now);
    else
        sl_route_reconsider(node, routed->destination, now);
    if (number >= 0 && sl_index_entry(node->index, number)->quiet)
        drop(node, number);
    if (is_answer(routed)) {
        sl_routed_remove(node, routed);
        return;
    }
    routed->settled = true;
    routed->retry_at = SL_NEVER;
    routed->end_at = SL_NEVER;
    routing->settle_at = sl_min_time(routing->settle_at, now + SETTLE_DELAY);
    sl_routed_wake(node, routing->settle_at);
}

void sl_node_settled(struct sl_node *node, const uint8_t id[SL_ID_LEN], const uint8_t *by,
                     sl_time now)
{
    int64_t number = sl_index_find(node->index, id);
    if (number >= 0)
        sl_relay_note_holder(node, number); /* its word may be on the way yet, as TAKEN */
    struct sl_routed *routed = sl_routed_find(node, id);
    if (!routed && by && (routed = sl_routed_add(node, id, SL_NEVER))) {
        routed->own = true; /* long ago; but whoever sent the receipt waits for word of it */
        memcpy(routed->destination, by, SL_ORIGIN_LEN);
    }
    if (routed && routed->own && !routed->settled)
        conclude(node, routed, now);
}

/* Takes out what arrived at one node. Targets and slots of all of it in ret_sent. */
static size_t gather(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                     uint8_t *ret_ids, struct sl_routed *ret_sent)
{
    struct sl_routing *routing = &node->routing;
    size_t count = 0;
    for (size_t i = routing->count; i > 0 && count < IDS_MAX; i--) {
        struct sl_routed *routed = &routing->table[i - 1];
        if (!routed->settled || memcmp(routed->destination, destination, SL_ORIGIN_LEN) != 0)
            continue;
        memcpy(ret_ids + SL_SHORT_ID_LEN * count++, routed->id, SL_SHORT_ID_LEN);
        sl_targets_merge(&ret_sent->targets, &routed->targets);
        ret_sent->given |= routed->given;
        sl_routed_remove(node, routed);
    }
    return count;
}

static void send(struct sl_node *node, const uint8_t *ids, size_t count,
                 const struct sl_routed *sent, sl_time now)
{
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_SETTLED,
        .created = sl_node_next_created(node, now),
        .lifetime = SETTLED_LIFETIME,
        .payload = ids,
        .payload_len = count * SL_SHORT_ID_LEN,
    };
    struct sl_own_envelope own;
    int64_t number = sl_node_keep_own(node, &draft, now, &own);
    if (number < 0)
        return;
    sl_index_hush(node->index, number);
    struct sl_entry *entry = sl_index_entry(node->index, number);
    struct sl_routed *routed =
        entry->quiet ? sl_routed_add(node, entry->stored.id, now + SETTLED_HELD) : NULL;
    if (!routed) {
        sl_relay_drop(node, number);
        return;
    }
    routed->own = true;
    routed->targets = sent->targets;
    routed->also = sent->given;
    routed->targets.hops_max = SL_HOPS_MAX; /* as far as that went */
    for (size_t i = 0; i < sent->targets.count; i++)
        routed->targets.items[i].sent = routed->targets.items[i].taken = false;
    sl_routed_forward(node, routed, number, own.bytes, now);
}

static const struct sl_routed *first_settled(const struct sl_routing *routing)
{
    for (size_t i = 0; i < routing->count; i++)
        if (routing->table[i].settled)
            return &routing->table[i];
    return NULL;
}

void sl_settle_flush(struct sl_node *node, sl_time now)
{
    const struct sl_routed *next;
    node->routing.settle_at = SL_NEVER;
    while ((next = first_settled(&node->routing))) {
        uint8_t destination[SL_ORIGIN_LEN], ids[IDS_MAX * SL_SHORT_ID_LEN];
        struct sl_routed sent = {0};
        memcpy(destination, next->destination, SL_ORIGIN_LEN);
        size_t count = gather(node, destination, ids, &sent);
        if (sent.targets.count == 0) /* they flooded: only the answer's sender waits for it */
            sent.targets.count = sl_route_targets(node, destination, now, sent.targets.items);
        if (sent.targets.count > 0)
            send(node, ids, count, &sent, now);
    }
}

/* ---- Those of others ---- */

/* Our receipts about that message arrived, for its origin would not say so otherwise. */
static void settle_answers(struct sl_node *node, uint64_t short_id,
                           const uint8_t origin[SL_ORIGIN_LEN], sl_time now)
{
    for (size_t i = node->routing.count; i > 0; i--) { /* removing moves the last into its place */
        struct sl_routed *routed = &node->routing.table[i - 1];
        if (routed->own && !routed->settled && sl_short_id(routed->answers) == short_id &&
            memcmp(routed->destination, origin, SL_ORIGIN_LEN) == 0)
            conclude(node, routed, now);
    }
}

/* SETTLED goes where the envelope went, even if routes changed since: all who hold it are there. */
static void follow(struct sl_targets *targets, const struct sl_targets *before)
{
    for (size_t i = 0; i < targets->count; i++)
        for (size_t j = 0; j < before->count; j++)
            if (memcmp(targets->items[i].tag, before->items[j].tag, SL_TARGET_LEN) == 0)
                targets->items[i].slot = before->items[j].slot;
}

/* The slots of those to whom it was sent. */
static uint64_t settle_one(struct sl_node *node, uint64_t short_id,
                           const uint8_t origin[SL_ORIGIN_LEN], struct sl_targets *targets)
{
    uint64_t given = 0;
    int64_t number = sl_index_find_short(node->index, short_id);
    if (number < 0)
        return 0;
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    if (!entry->quiet || entry->stored.local ||
        memcmp(entry->stored.origin, origin, SL_ORIGIN_LEN) != 0)
        return 0; /* it floods already, or is not that node's to settle */
    struct sl_routed *routed = sl_routed_find(node, entry->stored.id);
    if (routed) {
        follow(targets, &routed->targets);
        given = routed->given;
        sl_routed_remove(node, routed);
    }
    drop(node, number);
    return given;
}

bool sl_settle_is_well_formed(const struct sl_envelope *envelope)
{
    return envelope->payload_len > 0 && envelope->payload_len % SL_SHORT_ID_LEN == 0 &&
           envelope->payload_len <= IDS_MAX * SL_SHORT_ID_LEN;
}

uint64_t sl_settle_take(struct sl_node *node, const struct sl_envelope *envelope,
                        struct sl_targets *targets, sl_time now)
{
    uint64_t given = 0;
    struct sl_reader r;
    sl_reader_init(&r, envelope->payload, envelope->payload_len);
    while (sl_read_left(&r) >= SL_SHORT_ID_LEN) {
        uint64_t short_id = sl_read_u64(&r);
        settle_answers(node, short_id, envelope->origin, now);
        given |= settle_one(node, short_id, envelope->origin, targets);
    }
    return given;
}
