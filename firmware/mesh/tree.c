#include "mesh/tree.h"

#include "mesh/give.h"
#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Ids wait for more of them: a connection event of Bluetooth LE comes each 30 to 50 ms anyway. */
#define HAVE_WAIT (40 * SL_MILLISECOND)
/* From an id to the payload on its way along the tree; and from a GRAFT to its answer. */
#define GRAFT_WAIT       (400 * SL_MILLISECOND)
#define GAP_WAIT         (150 * SL_MILLISECOND) /* the same where everyone hears: relays wait 100 */
#define PRUNE_AGAIN      SL_SECOND              /* the last PRUNE may have been lost */
#define TAKE_BACK_WITHIN (2 * SL_SECOND)
#define IDS_PER_UNIT     8 /* of the link's quota */

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);
static void fire_have(struct sl_node *node, struct sl_alarm *alarm, sl_time now);

/* ---- What is missing ---- */

static void short_id_key(uint64_t short_id, uint8_t ret_key[SL_SHORT_ID_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_key, SL_SHORT_ID_LEN);
    sl_write_u64(&w, short_id);
}

static struct sl_missing *missing_of(struct sl_list *item)
{
    return SL_CONTAINER_OF(item, struct sl_missing, list);
}

void sl_tree_init(struct sl_tree *tree, uint64_t seed)
{
    sl_map_init(&tree->map, SL_SHORT_ID_LEN, SL_MISSING_MAX, seed);
    sl_list_init(&tree->due);
    sl_list_init(&tree->spare);
    sl_alarm_init(&tree->alarm, fire);
}

void sl_tree_done(struct sl_node *node)
{
    sl_heap_cancel(&node->alarms, &node->tree.alarm.timer);
    sl_map_done(&node->tree.map);
    free(node->tree.table);
}

static bool make_table(struct sl_tree *tree)
{
    if (tree->table)
        return true;
    tree->table = calloc(SL_MISSING_MAX, sizeof(*tree->table));
    for (size_t i = 0; tree->table && i < SL_MISSING_MAX; i++)
        sl_list_append(&tree->spare, &tree->table[i].list);
    return tree->table != NULL;
}

static struct sl_missing *find_missing(const struct sl_tree *tree, uint64_t short_id)
{
    uint8_t key[SL_SHORT_ID_LEN];
    if (!tree->table)
        return NULL;
    short_id_key(short_id, key);
    uint32_t number = sl_map_get(&tree->map, key);
    return number == SL_MAP_EMPTY ? NULL : &tree->table[number];
}

static void set_alarm(struct sl_node *node)
{
    struct sl_list *due = &node->tree.due;
    sl_node_alarm(node, &node->tree.alarm,
                  sl_list_empty(due) ? SL_NEVER : missing_of(due->next)->at);
}

static void forget_missing(struct sl_node *node, struct sl_missing *missing)
{
    uint8_t key[SL_SHORT_ID_LEN];
    if (missing->first >= 0)
        node->slots[missing->first]->tree.missing_count--;
    short_id_key(missing->short_id, key);
    sl_map_remove(&node->tree.map, key);
    sl_list_remove(&missing->list);
    sl_list_append(&node->tree.spare, &missing->list);
}

static bool is_on_broadcast(const struct sl_node *node, const struct sl_link *link)
{
    return node->bearers[link->neighbour->bearer].info.broadcast;
}

/* For what that neighbour announced, or was asked for. */
static void wait_for(struct sl_node *node, struct sl_missing *missing, const struct sl_link *link,
                     sl_time now)
{
    struct sl_list *later = &node->tree.due;
    missing->at = now + (is_on_broadcast(node, link) ? GAP_WAIT : GRAFT_WAIT);
    sl_list_remove(&missing->list);
    while (later->prev != &node->tree.due && missing_of(later->prev)->at > missing->at)
        later = later->prev;
    sl_list_insert(later, &missing->list);
}

/* NULL when there is no room: the id is left to repair. */
static struct sl_missing *add_missing(struct sl_node *node, struct sl_link *link, uint64_t short_id,
                                      sl_time now)
{
    struct sl_tree *tree = &node->tree;
    uint8_t key[SL_SHORT_ID_LEN];
    if (link->tree.missing_count >= SL_MISSING_PER_LINK || !make_table(tree) ||
        sl_list_empty(&tree->spare))
        return NULL;
    struct sl_missing *missing = missing_of(tree->spare.next);
    short_id_key(short_id, key);
    if (sl_map_put(&tree->map, key, (uint32_t)(missing - tree->table)) < 0)
        return NULL;
    missing->short_id = short_id;
    missing->holders = 0;
    missing->unasked = 0;
    missing->first = link->slot;
    missing->asked = -1;
    link->tree.missing_count++;
    wait_for(node, missing, link, now);
    return missing;
}

/* ---- Links ---- */

void sl_tree_link_init(struct sl_link *link, sl_time now)
{
    link->tree.pruned_at = now - PRUNE_AGAIN;
    link->tree.instead = -1;
    sl_alarm_init(&link->tree.alarm, fire_have);
}

void sl_tree_forget_link(struct sl_node *node, struct sl_link *link)
{
    sl_heap_cancel(&node->alarms, &link->tree.alarm.timer);
    if (link->slot < 0)
        return;
    uint64_t bit = UINT64_C(1) << link->slot;
    for (size_t i = 0; i < SL_NEIGHBOURS_MAX; i++)
        if (node->slots[i] && node->slots[i]->tree.instead == link->slot)
            node->slots[i]->tree.instead = -1;
    SL_LIST_FOR_EACH_SAFE (item, &node->tree.due) {
        struct sl_missing *missing = missing_of(item);
        missing->holders &= ~bit;
        missing->unasked &= ~bit;
        if (missing->first == link->slot)
            missing->first = -1;
        if (missing->asked == link->slot)
            missing->asked = -1;
        if (missing->holders == 0)
            forget_missing(node, missing);
    }
    set_alarm(node);
}

/* Whether the same neighbour hears what is broadcast on another bearer, and so needs it here only
 * if it is lost there. */
static bool is_reached_by_broadcast(const struct sl_node *node, const struct sl_link *link)
{
    for (uint64_t slots = link->siblings; slots != 0; slots &= slots - 1) {
        const struct sl_link *sibling = node->slots[__builtin_ctzll(slots)];
        if (sibling->up && is_on_broadcast(node, sibling))
            return true;
    }
    return false;
}

/* ---- Sending ---- */

static bool may_lack(const struct sl_entry *entry, const struct sl_link *link)
{
    return (entry->known_by & UINT64_C(1) << link->slot) == 0 || sl_refused_by(entry, link);
}

void sl_tree_flush(struct sl_node *node, struct sl_link *link)
{
    struct sl_tree_link *tree = &link->tree;
    size_t count = 0;
    for (size_t i = 0; i < tree->have_count; i++) {
        int64_t number = sl_index_find_short(node->index, tree->have[i]);
        if (number >= 0 && may_lack(sl_index_entry(node->index, number), link))
            tree->have[count++] = tree->have[i]; /* not gone, nor announced by it meanwhile */
    }
    tree->have_count = 0;
    sl_heap_cancel(&node->alarms, &tree->alarm.timer);
    if (count == 0)
        return;
    uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_HAVE, count * SL_SHORT_ID_LEN);
    if (!value)
        return; /* left to repair */
    struct sl_writer w;
    sl_writer_init(&w, value, count * SL_SHORT_ID_LEN);
    for (size_t i = 0; i < count; i++)
        sl_write_u64(&w, tree->have[i]);
}

static void fire_have(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    (void)now;
    sl_tree_flush(node, SL_ALARM_OWNER(alarm, struct sl_link, tree.alarm));
}

void sl_tree_announce(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now)
{
    struct sl_tree_link *tree = &link->tree;
    if (tree->have_count == SL_HAVE_BATCH)
        sl_tree_flush(node, link);
    if (tree->have_count == 0)
        sl_node_alarm(node, &tree->alarm, now + HAVE_WAIT);
    tree->have[tree->have_count++] = short_id;
}

void sl_tree_spread(struct sl_node *node, int bearer, int64_t number, const uint8_t *bytes,
                    sl_time now)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    uint64_t short_id = sl_short_id(entry->stored.id);
    for (uint64_t left = node->bearers[bearer].links; left != 0; left &= left - 1) {
        struct sl_link *link = node->slots[__builtin_ctzll(left)];
        if (entry->known_by & UINT64_C(1) << link->slot)
            continue;
        /* What the ceiling on airtime holds back is announced: whoever needs it asks. */
        if (link->tree.lazy || is_reached_by_broadcast(node, link) ||
            sl_relay_send(node, link, number, bytes, now) == -EAGAIN)
            sl_tree_announce(node, link, short_id, now);
    }
}

/* Into the tree, and what it is asked for: one id or none. */
static void send_graft(struct sl_node *node, struct sl_link *link, const uint64_t *short_id)
{
    size_t len = short_id ? SL_SHORT_ID_LEN : 0;
    uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_GRAFT, len);
    struct sl_writer w;
    link->tree.lazy = false;
    if (!value || !short_id)
        return; /* if it was lost the next is asked instead */
    sl_writer_init(&w, value, len);
    sl_write_u64(&w, *short_id);
}

/* ---- Grafting ---- */

/* The one that kept its word best: a liar is asked last. */
static struct sl_link *choose_giver(const struct sl_node *node, const struct sl_missing *missing)
{
    struct sl_link *best = NULL;
    for (uint64_t slots = missing->unasked; slots != 0; slots &= slots - 1) {
        struct sl_link *link = node->slots[__builtin_ctzll(slots)];
        if (!best || link->tree.unkept < best->tree.unkept)
            best = link;
    }
    return best;
}

static void ask_next(struct sl_node *node, struct sl_missing *missing, sl_time now)
{
    if (missing->asked >= 0)
        node->slots[missing->asked]->tree.unkept++;
    struct sl_link *link = sl_refusals_has(&node->refusals, missing->short_id, now)
                               ? NULL
                               : choose_giver(node, missing);
    if (!link) {
        forget_missing(node, missing); /* left to repair */
        return;
    }
    missing->asked = link->slot;
    missing->unasked &= ~link->siblings;
    send_graft(node, link, &missing->short_id);
    wait_for(node, missing, link, now);
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    (void)alarm;
    struct sl_list *due = &node->tree.due;
    while (!sl_list_empty(due) && missing_of(due->next)->at <= now)
        ask_next(node, missing_of(due->next), now);
    set_alarm(node);
}

/* ---- Receiving ---- */

bool sl_tree_expects(const struct sl_node *node, const struct sl_link *link)
{
    SL_LIST_FOR_EACH (item, &node->tree.due)
        if (missing_of(item)->holders & UINT64_C(1) << link->slot)
            return true;
    return false;
}

uint64_t sl_tree_arrived(struct sl_node *node, struct sl_link *link, uint64_t short_id)
{
    struct sl_missing *missing = find_missing(&node->tree, short_id);
    if (!missing)
        return 0;
    uint64_t holders = missing->holders;
    if (missing->asked == link->slot)
        link->tree.unkept = 0;
    if (link->tree.lazy && !is_on_broadcast(node, link) && !is_reached_by_broadcast(node, link))
        send_graft(node, link, NULL); /* a repair was faster than the question: go on from there */
    forget_missing(node, missing);
    set_alarm(node);
    return holders;
}

/* Whether the payload came first along another link that is in the tree still. What a repair
 * brought says nothing about the tree; and where two envelopes under way came first along different
 * links, and each pruned the other's, nothing would be left. */
static struct sl_link *faster_link(const struct sl_node *node, const struct sl_link *link,
                                   const struct sl_entry *entry)
{
    struct sl_link *parent = entry->brought_by >= 0 ? node->slots[entry->brought_by] : NULL;
    if (!parent || parent->tree.lazy || link->siblings & UINT64_C(1) << parent->slot)
        return NULL;
    return parent;
}

static void send_prune(struct sl_node *node, struct sl_link *link, const struct sl_link *instead,
                       sl_time now)
{
    link->tree.lazy = true;
    link->tree.pruned_at = now;
    link->tree.instead = instead->slot;
    sl_sync_element(node, link, SL_ELEMENT_PRUNE, 0);
}

/* A neighbour sent it to all that is no further from its origin than this node, and so did not have
 * it from here: of two bridges between the same places one is enough. With as many hops the lower
 * origin keeps its own, or both would give up. */
static void leave_bridge(struct sl_node *node, const struct sl_link *link,
                         const struct sl_entry *entry, uint8_t hops, sl_time now)
{
    struct sl_link *bridge = entry->brought_by >= 0 ? node->slots[entry->brought_by] : NULL;
    if (!bridge || bridge->tree.lazy || is_on_broadcast(node, bridge) ||
        link->siblings & UINT64_C(1) << bridge->slot)
        return;
    if (hops < entry->stored.hops ||
        (hops == entry->stored.hops && memcmp(link->peer.origin, node->origin, SL_ORIGIN_LEN) < 0))
        send_prune(node, bridge, link, now);
}

void sl_tree_copy(struct sl_node *node, struct sl_link *link, int64_t number, uint8_t hops,
                  sl_time now)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    if (now < link->sync.taking_until || sl_want_has(link, sl_short_id(entry->stored.id)))
        return;
    if (is_on_broadcast(node, link)) {
        leave_bridge(node, link, entry, hops, now);
        return;
    }
    if (link->tree.lazy && now - link->tree.pruned_at < PRUNE_AGAIN)
        return; /* under way before it knew */
    const struct sl_link *faster = faster_link(node, link, entry);
    if (faster)
        send_prune(node, link, faster, now);
}

static void take_announced(struct sl_node *node, struct sl_link *link, uint64_t short_id,
                           sl_time now)
{
    int64_t number = sl_index_find_short(node->index, short_id);
    if (number >= 0) {
        sl_index_entry(node->index, number)->known_by |= link->siblings;
        sl_index_entry(node->index, number)->refused_by &= ~link->siblings;
        sl_relay_note_holder(node, number);
        sl_routed_raise(node, number, now); /* what floods there floods here, too */
        return;
    }
    if (sl_refusals_has(&node->refusals, short_id, now))
        return;
    struct sl_missing *missing = find_missing(&node->tree, short_id);
    if (!missing)
        missing = add_missing(node, link, short_id, now);
    if (!missing)
        return;
    missing->unasked |= UINT64_C(1) << link->slot & ~missing->holders;
    missing->holders |= link->siblings;
    link->sync.new_at = now; /* under way: no reason for a repair yet */
}

void sl_tree_announced(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now)
{
    take_announced(node, link, short_id, now);
    set_alarm(node);
}

bool sl_tree_open_ids(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                      sl_time now, struct sl_reader *ret_ids)
{
    size_t count = element->len / SL_SHORT_ID_LEN;
    if (element->len % SL_SHORT_ID_LEN != 0 || count == 0 || count > SL_HAVE_BATCH) {
        node->status.rejected_malformed++;
        return false;
    }
    if (!sl_bucket_take(&link->quota, 1 + count / IDS_PER_UNIT, now)) {
        node->status.rejected_quota++;
        return false;
    }
    sl_reader_init(ret_ids, element->value, element->len);
    return true;
}

void sl_tree_have(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                  sl_time now)
{
    struct sl_reader r;
    if (!sl_tree_open_ids(node, link, element, now, &r))
        return;
    while (sl_read_left(&r) > 0)
        take_announced(node, link, sl_read_u64(&r), now);
    set_alarm(node);
}

void sl_tree_graft(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                   sl_time now)
{
    link->tree.lazy = false;
    sl_give_want(node, link, element, now);
}

/* Those that were pruned just now in favour of a link that is pruned itself: the two ends saw two
 * envelopes the other way round. */
static void take_back(struct sl_node *node, const struct sl_link *lost, sl_time now)
{
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX; slot++) {
        struct sl_link *link = node->slots[slot];
        if (!link || !link->up || !link->tree.lazy || link->tree.instead != lost->slot ||
            now - link->tree.pruned_at >= TAKE_BACK_WITHIN)
            continue;
        send_graft(node, link, NULL);
        return; /* one suffices */
    }
}

void sl_tree_prune(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                   sl_time now)
{
    if (element->len != 0) {
        node->status.rejected_malformed++;
        return;
    }
    link->tree.lazy = true;
    link->tree.instead = -1;
    take_back(node, link, now);
}
