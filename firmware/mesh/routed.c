#include "mesh/routed.h"

#include "mesh/give.h"
#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 16, TRIES_MAX = 2, UNTAKEN_MAX = 10 };

#define TAKEN_WAIT      (1000 * SL_MILLISECOND) /* for a neighbour to say that it holds it; doubling */
#define ANSWER_WAIT     (8 * SL_SECOND)         /* for the receipt: it took the whole way twice */
#define ANSWERED_WAIT   (150 * SL_SECOND) /* for SETTLED after a receipt: that is said in batches */
#define HOLD_TIME       (3 * SL_MINUTE)   /* for SETTLED, on the way */
#define PASSING_TIME    (10 * SL_SECOND) /* what is not held is known for so long, should it stray */
#define REMEMBERED_TIME SL_MINUTE        /* whom a message was for, once it floods */

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);

void sl_routing_init(struct sl_node *node, uint64_t seed)
{
    struct sl_routing *routing = &node->routing;
    sl_map_init(&routing->map, SL_ID_LEN, SL_ROUTED_MAX, seed);
    sl_map_init(&routing->settled, SL_SHORT_ID_LEN, SL_SETTLED_MAX, seed + 1);
    sl_alarm_init(&routing->alarm, fire);
    routing->settle_at = SL_NEVER;
}

void sl_routing_done(struct sl_node *node)
{
    struct sl_routing *routing = &node->routing;
    sl_heap_cancel(&node->alarms, &routing->alarm.timer);
    sl_map_done(&routing->map);
    sl_map_done(&routing->settled);
    free(routing->table);
    free(routing->settled_ids);
}

bool sl_routed_is_kind(uint8_t kind)
{
    return kind == SL_ENVELOPE_DIRECT || kind == SL_ENVELOPE_RECEIPT || kind == SL_ENVELOPE_SETTLED;
}

bool sl_routed_is_confirmed(uint8_t kind)
{
    return kind != SL_ENVELOPE_SETTLED;
}

bool sl_routed_is_held(uint8_t kind)
{
    return kind == SL_ENVELOPE_DIRECT;
}

/* ---- The table ---- */

struct sl_routed *sl_routed_find(const struct sl_node *node, const uint8_t id[SL_ID_LEN])
{
    uint32_t number = sl_map_get(&node->routing.map, id);
    return number == SL_MAP_EMPTY ? NULL : &node->routing.table[number];
}

static int grow(struct sl_routing *routing)
{
    size_t cap = routing->cap > 0 ? 2 * routing->cap : CAP_MIN;
    struct sl_routed *table = realloc(routing->table, cap * sizeof(*table));
    if (!table)
        return -ENOMEM;
    routing->table = table;
    routing->cap = cap;
    return 0;
}

struct sl_routed *sl_routed_add(struct sl_node *node, const uint8_t id[SL_ID_LEN], sl_time end_at)
{
    struct sl_routing *routing = &node->routing;
    if (routing->count >= SL_ROUTED_MAX || (routing->count == routing->cap && grow(routing) < 0) ||
        sl_map_put(&routing->map, id, (uint32_t)routing->count) < 0)
        return NULL;
    struct sl_routed *routed = &routing->table[routing->count++];
    *routed = (struct sl_routed){
        .retry_at = SL_NEVER, .end_at = end_at, .confirm_at = SL_NEVER, .first_giver = -1};
    memcpy(routed->id, id, SL_ID_LEN);
    sl_routed_wake(node, end_at);
    return routed;
}

void sl_routed_remove(struct sl_node *node, struct sl_routed *routed)
{
    struct sl_routing *routing = &node->routing;
    struct sl_routed *last = &routing->table[--routing->count];
    sl_map_remove(&routing->map, routed->id);
    if (last == routed)
        return;
    *routed = *last;
    sl_map_put(&routing->map, routed->id, (uint32_t)(routed - routing->table)); /* replaces */
}

void sl_routed_wake(struct sl_node *node, sl_time at)
{
    struct sl_timer *timer = &node->routing.alarm.timer;
    if (!sl_timer_is_set(timer) || at < timer->at)
        sl_node_alarm(node, &node->routing.alarm, at);
}

/* ---- Sending ---- */

struct sl_target sl_routed_without_way(const struct sl_target *target)
{
    struct sl_target result = {.slot = -1, .back = target->back, .stray = target->stray};
    memcpy(result.tag, target->tag, SL_TARGET_LEN);
    return result;
}

static bool is_up(const struct sl_node *node, int slot)
{
    return slot >= 0 && node->slots[slot] && node->slots[slot]->up;
}

/* Whether it has yet to be told to a neighbour. */
static bool is_pending(const struct sl_target *target)
{
    return target->slot >= 0 && !target->taken;
}

/* Chooses a way for each target that nobody took: not back to where it came from, and another one
 * than before if there is one. The links to send it to. */
static uint64_t choose_ways(const struct sl_node *node, struct sl_routed *routed, bool is_retry,
                            sl_time now)
{
    struct sl_targets *targets = &routed->targets;
    uint64_t slots = 0, failed = 0;
    for (size_t i = 0; i < targets->count; i++) {
        struct sl_target *target = &targets->items[i];
        bool again = target->sent && !target->taken && is_retry;
        if (again && is_up(node, target->slot))
            failed |= UINT64_C(1) << target->slot;
        if (again || !is_up(node, target->slot))
            *target = sl_routed_without_way(target);
    }
    uint64_t avoid = routed->givers | routed->astray;
    sl_back_choose(node, targets, avoid);
    sl_route_choose(node, targets->items, targets->count, avoid | failed, now);
    if (failed != 0)
        sl_route_choose(node, targets->items, targets->count, avoid, now);
    for (size_t i = 0; i < targets->count; i++)
        if (is_pending(&targets->items[i]) && !targets->items[i].sent)
            slots |= UINT64_C(1) << targets->items[i].slot;
    routed->also &= ~slots;
    return slots | routed->also;
}

static const uint8_t nobody[SL_TARGET_LEN];

/* Whether it is one of those that a neighbour is sent it for now. */
static bool is_for(const struct sl_target *target, const struct sl_link *link, bool back)
{
    return target->back == back && target->slot == link->slot && !target->taken && !target->sent;
}

static uint8_t count_for(const struct sl_targets *targets, const struct sl_link *link, bool back)
{
    uint8_t count = 0;
    for (size_t i = 0; i < targets->count; i++)
        count = (uint8_t)(count + is_for(&targets->items[i], link, back));
    return count;
}

static void send_to(struct sl_node *node, struct sl_link *link, struct sl_routed *routed,
                    const struct sl_entry *entry, const uint8_t *bytes, sl_time now)
{
    struct sl_targets *targets = &routed->targets;
    struct sl_route route = {
        .bearer = link->neighbour->bearer, .link = link, .class = SL_OUTPUT_URGENT};
    bool back = count_for(targets, link, true) == 1; /* the others, if any, when it is due again */
    uint8_t count = count_for(targets, link, back);
    size_t tags = count > 0 ? count : 1; /* for nobody, but for what it settles there: zeros */
    size_t len = 2 + tags * SL_TARGET_LEN + SL_ENVELOPE_MUTABLE + entry->stored.len;
    if (3 + len > SL_FRAME_BODY_MAX)
        return; /* no message is so long; another kind of such length floods in the end */
    sl_routed_confirm_along(node, link); /* before: this may be the answer that settles it */
    uint8_t *value = sl_output_element(node, &route, SL_ELEMENT_ROUTED, len);
    struct sl_writer w;
    if (!value)
        return; /* again when it is due */
    sl_writer_init(&w, value, len);
    sl_write_u8(&w, targets->hops_max);
    sl_write_u8(&w, back ? 0 : (uint8_t)tags);
    for (size_t i = 0; i < targets->count; i++)
        if (is_for(&targets->items[i], link, back)) {
            sl_write_bytes(&w, targets->items[i].tag, SL_TARGET_LEN);
            targets->items[i].sent = true;
        }
    if (count == 0)
        sl_write_bytes(&w, nobody, SL_TARGET_LEN);
    sl_relay_write(&w, entry, bytes, now);
    if (!sl_routed_is_confirmed(entry->stored.kind))
        routed->also &= ~link->siblings;
    node->status.sent_envelopes++;
    node->status.sent_routed++;
}

/* Whether it is to be sent again, unless TAKEN comes; where that is not said, what found no room in
 * the queue. */
static bool is_waiting(const struct sl_routed *routed, uint8_t kind)
{
    bool waits = routed->also != 0;
    for (size_t i = 0; i < routed->targets.count; i++) {
        const struct sl_target *target = &routed->targets.items[i];
        waits = waits || (is_pending(target) && (sl_routed_is_confirmed(kind) || !target->sent));
    }
    return waits;
}

void sl_routed_forward(struct sl_node *node, struct sl_routed *routed, int64_t number,
                       const uint8_t *bytes, sl_time now)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    bool is_retry = routed->retry_at <= now;
    routed->retry_at = SL_NEVER;
    if (entry->stored.hops >= routed->targets.hops_max)
        return;
    uint64_t slots = choose_ways(node, routed, is_retry, now);
    routed->given |= slots;
    for (; slots != 0; slots &= slots - 1)
        send_to(node, node->slots[__builtin_ctzll(slots)], routed, entry, bytes, now);
    if (is_waiting(routed, entry->stored.kind))
        routed->retry_at = now + (TAKEN_WAIT << routed->tries);
    sl_routed_wake(node, routed->retry_at);
    if (entry->stored.kind != SL_ENVELOPE_SETTLED)
        sl_routed_return(node, routed, now);
}

/* Remembers whom a message was for although it floods: its receipt comes along a route, and whoever
 * sent that wants to know that it arrived. */
static void remember(struct sl_node *node, const uint8_t id[SL_ID_LEN],
                     const struct sl_draft *draft, sl_time now)
{
    struct sl_routed *routed =
        draft->kind == SL_ENVELOPE_DIRECT ? sl_routed_add(node, id, now + REMEMBERED_TIME) : NULL;
    if (!routed)
        return;
    routed->own = true;
    memcpy(routed->destination, draft->destination, SL_ORIGIN_LEN);
}

static void find_targets(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                         struct sl_targets *ret_targets, sl_time now)
{
    *ret_targets = (struct sl_targets){.hops_max = sl_route_hops_max(node, destination, now)};
    if (!sl_route_is_doubtful(node, destination, now))
        ret_targets->count = sl_route_targets(node, destination, now, ret_targets->items);
}

bool sl_routed_publish(struct sl_node *node, int64_t number, const uint8_t *bytes,
                       const struct sl_draft *draft, sl_time now)
{
    const uint8_t *id = sl_index_entry(node->index, number)->stored.id;
    struct sl_targets targets = {0};
    sl_time patience = draft->kind == SL_ENVELOPE_RECEIPT ? ANSWERED_WAIT : ANSWER_WAIT;
    if (!draft->answers || !sl_back_targets(node, draft->answers, &targets))
        find_targets(node, draft->destination, &targets, now);
    if (targets.count == 0) {
        remember(node, id, draft, now);
        return false;
    }
    sl_index_hush(node->index, number);
    struct sl_routed *routed =
        sl_index_entry(node->index, number)->quiet ? sl_routed_add(node, id, now + patience) : NULL;
    if (!routed) {
        sl_index_raise(node->index, number);
        return false;
    }
    routed->own = true;
    routed->targets = targets;
    memcpy(routed->destination, draft->destination, SL_ORIGIN_LEN);
    if (draft->answers)
        memcpy(routed->answers, draft->answers, SL_ID_LEN);
    sl_routed_forward(node, routed, number, bytes, now);
    return true;
}

/* ---- Receiving ---- */

void sl_routed_receive(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                       sl_time now)
{
    struct sl_targets targets = {0};
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    targets.giver = (int8_t)link->slot;
    targets.hops_max = sl_read_u8(&r);
    targets.count = sl_read_u8(&r);
    bool back = targets.count == 0;
    targets.count += back;
    if (targets.count > SL_TARGETS_MAX) {
        node->status.rejected_malformed++;
        return;
    }
    for (size_t i = 0; i < targets.count; i++) {
        targets.items[i] = (struct sl_target){.slot = -1, .back = back};
        sl_read_copy(&r, targets.items[i].tag, SL_TARGET_LEN);
    }
    size_t len = sl_read_left(&r);
    const uint8_t *value = sl_read_slice(&r, len);
    if (sl_read_failed(&r)) {
        node->status.rejected_malformed++;
        return;
    }
    sl_relay_receive(node, link, &(struct sl_arriving){value, len, &targets}, now);
}

static bool has_room_for(const struct sl_routing *routing, const uint8_t origin[SL_ORIGIN_LEN])
{
    size_t count = 0;
    for (size_t i = 0; i < routing->count; i++)
        count +=
            !routing->table[i].own && memcmp(routing->table[i].origin, origin, SL_ORIGIN_LEN) == 0;
    return count < SL_ROUTED_PER_ORIGIN;
}

bool sl_routed_take(struct sl_node *node, int64_t number, const uint8_t *bytes,
                    const struct sl_targets *targets, uint64_t also, sl_time now)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    bool held = sl_routed_is_held(entry->stored.kind);
    sl_time end_at = now + (held ? sl_node_jitter(node, HOLD_TIME) /* the first floods it for all */
                                 : PASSING_TIME);
    struct sl_routed *routed = entry->quiet && has_room_for(&node->routing, entry->stored.origin)
                                   ? sl_routed_add(node, entry->stored.id, end_at)
                                   : NULL;
    if (!routed)
        return false;
    memcpy(routed->origin, entry->stored.origin, SL_ORIGIN_LEN);
    routed->targets = *targets;
    routed->givers = entry->known_by;
    routed->first_giver = targets->giver;
    routed->also = also & ~entry->known_by;
    sl_routed_forward(node, routed, number, bytes, now);
    return true;
}

bool sl_targets_have(const struct sl_targets *targets, const struct sl_target *target)
{
    for (size_t i = 0; i < targets->count; i++)
        if (targets->items[i].back == target->back &&
            memcmp(targets->items[i].tag, target->tag, SL_TARGET_LEN) == 0)
            return true;
    return false;
}

/* What was sent on comes from a neighbour that it did not come from before: in a circle, most
 * likely. Those targets need another way. */
static bool turn_back(struct sl_node *node, struct sl_targets *targets,
                      const struct sl_targets *returned)
{
    bool any = false;
    for (size_t i = 0; i < targets->count; i++) {
        struct sl_target *target = &targets->items[i];
        if (target->slot < 0 || !sl_targets_have(returned, target))
            continue;
        if (!target->back)
            sl_route_forget_way(node, target->tag, target->slot);
        *target = sl_routed_without_way(target);
        any = true;
    }
    return any;
}

void sl_routed_take_more(struct sl_node *node, int64_t number, struct sl_link *link,
                         const uint8_t *bytes, const struct sl_targets *targets, sl_time now)
{
    struct sl_routed *routed = sl_routed_find(node, sl_index_entry(node->index, number)->stored.id);
    if (!routed || routed->settled || routed->targets.count == 0)
        return;
    bool any = false;
    size_t before = routed->targets.count;
    sl_routed_refuse(node, routed, link, targets);
    if (!(routed->givers & UINT64_C(1) << link->slot))
        any = turn_back(node, &routed->targets, targets);
    routed->givers |= link->siblings;
    sl_targets_merge(&routed->targets, targets);
    if (any || routed->targets.count > before)
        sl_routed_forward(node, routed, number, bytes, now);
}

void sl_targets_merge(struct sl_targets *targets, const struct sl_targets *more)
{
    if (more->hops_max > targets->hops_max)
        targets->hops_max = more->hops_max;
    for (size_t i = 0; i < more->count && targets->count < SL_TARGETS_MAX; i++)
        if (!sl_targets_have(targets, &more->items[i]))
            targets->items[targets->count++] = more->items[i];
}

void sl_routed_forget_slot(struct sl_node *node, int slot)
{
    for (size_t i = 0; i < node->routing.count; i++) {
        struct sl_targets *targets = &node->routing.table[i].targets;
        node->routing.table[i].givers &= ~(UINT64_C(1) << slot);
        if (node->routing.table[i].first_giver == slot)
            node->routing.table[i].first_giver = -1;
        node->routing.table[i].given &= ~(UINT64_C(1) << slot);
        node->routing.table[i].also &= ~(UINT64_C(1) << slot);
        node->routing.table[i].astray &= ~(UINT64_C(1) << slot);
        node->routing.table[i].unconfirmed &= ~(UINT64_C(1) << slot);
        for (size_t j = 0; j < targets->count; j++)
            if (targets->items[j].slot == slot)
                targets->items[j].slot = -1;
    }
}

/* ---- Giving up on routes ---- */

static void flood(struct sl_node *node, int64_t number, sl_time now)
{
    uint8_t bytes[SL_ENVELOPE_MAX];
    const struct sl_store_port *store = &node->config.store;
    if (!sl_relay_release(node, number))
        return;
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    int len = store->get(store->ctx, entry->stored.row, bytes, sizeof(bytes));
    if (len == entry->stored.len)
        sl_relay_spread(node, number, bytes, NULL, now);
}

/* Whoever floods a message that was answered did not get the answer. */
static void hurry_answers(struct sl_node *node, const uint8_t id[SL_ID_LEN], sl_time now)
{
    for (size_t i = 0; i < node->routing.count; i++) {
        struct sl_routed *routed = &node->routing.table[i];
        if (routed->own && !routed->settled && memcmp(routed->answers, id, SL_ID_LEN) == 0) {
            routed->end_at = now;
            sl_routed_wake(node, now);
        }
    }
}

void sl_routed_raise(struct sl_node *node, int64_t number, sl_time now)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    if (!entry->quiet)
        return;
    struct sl_routed *routed = sl_routed_find(node, entry->stored.id);
    hurry_answers(node, entry->stored.id, now);
    if (routed && routed->own) {
        routed->targets.count = 0;
        routed->retry_at = SL_NEVER;
        routed->end_at = now + REMEMBERED_TIME;
        sl_routed_wake(node, routed->end_at);
    } else if (routed) {
        sl_routed_remove(node, routed);
    }
    flood(node, number, now);
}

static void note_untaken(struct sl_node *node, const struct sl_targets *targets)
{
    uint64_t slots = 0;
    for (size_t i = 0; i < targets->count; i++)
        if (is_pending(&targets->items[i]))
            slots |= UINT64_C(1) << targets->items[i].slot;
    for (; slots != 0; slots &= slots - 1) {
        struct sl_link *link = node->slots[__builtin_ctzll(slots)];
        link->untaken += link->untaken < UNTAKEN_MAX;
    }
}

/* Nobody next on the way took it. */
static void give_up(struct sl_routed *routed)
{
    for (size_t i = 0; i < routed->targets.count; i++)
        if (is_pending(&routed->targets.items[i]))
            routed->targets.items[i] = sl_routed_without_way(&routed->targets.items[i]);
}

static void send_again(struct sl_node *node, struct sl_routed *routed, int64_t number, sl_time now)
{
    uint8_t bytes[SL_ENVELOPE_MAX];
    const struct sl_store_port *store = &node->config.store;
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    int len = store->get(store->ctx, entry->stored.row, bytes, sizeof(bytes));
    if (len == entry->stored.len)
        sl_routed_forward(node, routed, number, bytes, now);
}

static void retry(struct sl_node *node, struct sl_routed *routed, int64_t number, sl_time now)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    note_untaken(node, &routed->targets);
    if (++routed->tries >= TRIES_MAX) {
        routed->retry_at = SL_NEVER;
        give_up(routed);
        if (entry->stored.kind != SL_ENVELOPE_SETTLED)
            sl_routed_return(node, routed, now);
        return;
    }
    send_again(node, routed, number, now);
}

/* A receipt that finds no way back goes like a message. */
static bool go_elsewhere(struct sl_node *node, struct sl_routed *routed, int64_t number,
                         sl_time now)
{
    const struct sl_target *first = &routed->targets.items[0];
    if (!routed->own || routed->targets.count == 0 || !first->back || !first->stray)
        return false;
    find_targets(node, routed->destination, &routed->targets, now);
    if (routed->targets.count == 0)
        return false;
    routed->astray = 0;
    routed->strays = routed->tries = 0;
    routed->end_at = now + ANSWERED_WAIT;
    sl_routed_wake(node, routed->end_at);
    send_again(node, routed, number, now);
    return true;
}

/* Its time is over. May move the others. */
static void end(struct sl_node *node, struct sl_routed *routed, int64_t number, sl_time now)
{
    if (number < 0 || !sl_index_entry(node->index, number)->quiet) {
        sl_routed_remove(node, routed);
        return;
    }
    uint8_t kind = sl_index_entry(node->index, number)->stored.kind;
    if (kind == SL_ENVELOPE_SETTLED || (!routed->own && !sl_routed_is_held(kind))) {
        sl_routed_remove(node, routed);
        sl_settle_forget(node, number);
        return;
    }
    if (go_elsewhere(node, routed, number, now))
        return;
    if (routed->own)
        sl_route_judge(node, routed->destination, false, now);
    node->status.routed_flooded++;
    sl_routed_raise(node, number, now);
}

static sl_time due_at(const struct sl_routed *routed)
{
    return sl_min_time(routed->confirm_at, sl_min_time(routed->retry_at, routed->end_at));
}

static void look_at(struct sl_node *node, struct sl_routed *routed, sl_time now)
{
    int64_t number = sl_index_find(node->index, routed->id);
    if (routed->confirm_at <= now)
        sl_routed_confirm_due(node, routed);
    if (number >= 0 && routed->retry_at <= now)
        retry(node, routed, number, now);
    if (number < 0)
        routed->retry_at = SL_NEVER;
    if (routed->end_at <= now)
        end(node, routed, number, now);
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    struct sl_routing *routing = &node->routing;
    if (routing->settle_at <= now)
        sl_settle_flush(node, now);
    for (size_t i = routing->count; i > 0; i--) /* removing one moves the last into its place */
        if (i <= routing->count && due_at(&routing->table[i - 1]) <= now)
            look_at(node, &routing->table[i - 1], now);
    sl_time next = routing->settle_at;
    for (size_t i = 0; i < routing->count; i++)
        next = sl_min_time(next, due_at(&routing->table[i]));
    sl_node_alarm(node, alarm, next);
}
