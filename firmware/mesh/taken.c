/* What neighbours say to each other about envelopes along routes: TAKEN, it is held here; STRAY, no
 * way leads on from here. */
#include "mesh/node_internal.h"
#include "mesh/routed.h"

#include <string.h>

enum { IDS_MAX = 32, STRAYS_MAX = 2 };

#define CONFIRM_DELAY (500 * SL_MILLISECOND) /* a receipt comes back meanwhile, if one comes */

static uint64_t bit_of(const struct sl_link *link)
{
    return UINT64_C(1) << link->slot;
}

/* ---- TAKEN ---- */

static void say_taken(struct sl_node *node, struct sl_link *link, const uint64_t *short_ids,
                      size_t count)
{
    size_t len = count * SL_SHORT_ID_LEN;
    uint8_t *value = count > 0 ? sl_sync_element(node, link, SL_ELEMENT_TAKEN, len) : NULL;
    struct sl_writer w;
    if (!value)
        return; /* it is sent again */
    sl_writer_init(&w, value, len);
    for (size_t i = 0; i < count; i++)
        sl_write_u64(&w, short_ids[i]);
}

void sl_routed_confirm(struct sl_node *node, struct sl_link *link, const uint8_t id[SL_ID_LEN],
                       bool at_once, sl_time now)
{
    struct sl_routed *routed = at_once ? NULL : sl_routed_find(node, id);
    if (!routed) {
        say_taken(node, link, &(uint64_t){sl_short_id(id)}, 1);
        return;
    }
    routed->unconfirmed |= bit_of(link);
    routed->confirm_at = now + CONFIRM_DELAY;
    sl_routed_wake(node, routed->confirm_at);
}

void sl_routed_confirm_due(struct sl_node *node, struct sl_routed *routed)
{
    uint64_t short_id = sl_short_id(routed->id);
    for (uint64_t slots = routed->unconfirmed; slots != 0; slots &= slots - 1)
        say_taken(node, node->slots[__builtin_ctzll(slots)], &short_id, 1);
    routed->unconfirmed = 0;
    routed->confirm_at = SL_NEVER;
}

void sl_routed_confirm_along(struct sl_node *node, struct sl_link *link)
{
    struct sl_route route = {
        .bearer = link->neighbour->bearer, .link = link, .class = SL_OUTPUT_URGENT};
    uint64_t short_ids[IDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < node->routing.count && count < IDS_MAX; i++) {
        struct sl_routed *routed = &node->routing.table[i];
        if (!(routed->unconfirmed & bit_of(link)))
            continue;
        if (!sl_output_fits(node, &route, (count + 1) * SL_SHORT_ID_LEN))
            break; /* in one of its own, when it is due */
        short_ids[count++] = sl_short_id(routed->id);
        routed->unconfirmed &= ~bit_of(link);
    }
    say_taken(node, link, short_ids, count);
}

static void note_taken(struct sl_node *node, struct sl_link *link, uint64_t short_id)
{
    int64_t number = sl_index_find_short(node->index, short_id);
    if (number < 0)
        return;
    struct sl_entry *entry = sl_index_entry(node->index, number);
    struct sl_routed *routed = sl_routed_find(node, entry->stored.id);
    if (!entry->quiet || !routed || !(routed->given & bit_of(link)))
        return; /* not what was sent there along a route */
    for (size_t i = 0; i < routed->targets.count; i++)
        if (routed->targets.items[i].slot == link->slot)
            routed->targets.items[i].taken = true;
    link->untaken = 0;
    entry->known_by |= link->siblings;
    sl_relay_note_holder(node, number);
}

/* Whether what a neighbour says is worth reading: well-formed, and within its quota. */
static bool may_say(struct sl_node *node, struct sl_link *link, bool well_formed, sl_time now)
{
    if (!well_formed) {
        node->status.rejected_malformed++;
        return false;
    }
    if (!sl_bucket_take(&link->quota, 1, now)) {
        node->status.rejected_quota++;
        return false;
    }
    return true;
}

void sl_routed_taken(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                     sl_time now)
{
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    if (!may_say(node, link, element->len > 0 && element->len % SL_SHORT_ID_LEN == 0, now))
        return;
    while (sl_read_left(&r) > 0)
        note_taken(node, link, sl_read_u64(&r));
}

/* ---- STRAY ---- */

static void say_stray(struct sl_node *node, struct sl_link *link, const uint8_t id[SL_ID_LEN],
                      const struct sl_target *const *targets, size_t count)
{
    size_t len = SL_SHORT_ID_LEN + count * SL_TARGET_LEN;
    uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_STRAY, len);
    struct sl_writer w;
    if (!value)
        return; /* its origin floods it in the end */
    sl_writer_init(&w, value, len);
    sl_write_bytes(&w, id, SL_SHORT_ID_LEN);
    for (size_t i = 0; i < count; i++)
        sl_write_bytes(&w, targets[i]->tag, SL_TARGET_LEN);
}

static bool is_lost(const struct sl_node *node, const struct sl_target *target)
{
    return target->slot < 0 && !target->stray && !sl_back_is_here(node, target);
}

static void give_back(struct sl_node *node, struct sl_routed *routed,
                      const struct sl_target *const *lost, size_t count)
{
    for (uint64_t slots = routed->givers; slots != 0; slots &= slots - 1) {
        struct sl_link *link = node->slots[__builtin_ctzll(slots)];
        if (link->up)
            say_stray(node, link, routed->id, lost, count);
    }
}

void sl_routed_return(struct sl_node *node, struct sl_routed *routed, sl_time now)
{
    const struct sl_target *lost[SL_TARGETS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < routed->targets.count; i++) {
        struct sl_target *target = &routed->targets.items[i];
        if (!is_lost(node, target))
            continue;
        target->stray = true;
        lost[count++] = target;
        if (!routed->own ||
            (!target->back && memcmp(target->tag, routed->destination, SL_TARGET_LEN) != 0))
            continue;
        routed->end_at = now;
        sl_routed_wake(node, now);
    }
    if (count > 0 && !routed->own)
        give_back(node, routed, lost, count);
}

void sl_routed_refuse(struct sl_node *node, const struct sl_routed *routed, struct sl_link *link,
                      const struct sl_targets *given)
{
    const struct sl_target *lost[SL_TARGETS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < routed->targets.count; i++) {
        const struct sl_target *target = &routed->targets.items[i];
        if (target->slot < 0 && target->stray && sl_targets_have(given, target))
            lost[count++] = target;
    }
    if (count > 0)
        say_stray(node, link, routed->id, lost, count);
}

/* Whether that target was sent there; then it needs another way. */
static bool take_back(struct sl_node *node, struct sl_routed *routed, const struct sl_link *link,
                      const uint8_t tag[SL_TARGET_LEN])
{
    for (size_t i = 0; i < routed->targets.count; i++) {
        struct sl_target *target = &routed->targets.items[i];
        if (target->slot != link->slot || memcmp(target->tag, tag, SL_TARGET_LEN) != 0)
            continue;
        if (!target->back)
            sl_route_forget_way(node, tag, link->slot);
        *target = sl_routed_without_way(target);
        return true;
    }
    return false;
}

static void send_elsewhere(struct sl_node *node, struct sl_routed *routed, int64_t number,
                           const struct sl_link *link, sl_time now)
{
    uint8_t bytes[SL_ENVELOPE_MAX];
    const struct sl_store_port *store = &node->config.store;
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    int len = store->get(store->ctx, entry->stored.row, bytes, sizeof(bytes));
    routed->astray |= ++routed->strays > STRAYS_MAX ? UINT64_MAX : bit_of(link);
    if (len == entry->stored.len)
        sl_routed_forward(node, routed, number, bytes, now);
}

void sl_routed_stray(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                     sl_time now)
{
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    uint64_t short_id = sl_read_u64(&r);
    size_t left = sl_read_left(&r);
    bool well_formed = !sl_read_failed(&r) && left > 0 && left % SL_TARGET_LEN == 0 &&
                       left <= SL_TARGETS_MAX * SL_TARGET_LEN;
    if (!may_say(node, link, well_formed, now))
        return;
    int64_t number = sl_index_find_short(node->index, short_id);
    const struct sl_entry *entry = number >= 0 ? sl_index_entry(node->index, number) : NULL;
    struct sl_routed *routed = entry ? sl_routed_find(node, entry->stored.id) : NULL;
    if (!routed || !entry->quiet)
        return;
    bool any = false;
    while (sl_read_left(&r) > 0)
        any = take_back(node, routed, link, sl_read_slice(&r, SL_TARGET_LEN)) || any;
    if (any)
        send_elsewhere(node, routed, number, link, now);
}
