#include "mesh/relay.h"

#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE_MAX = 2, /* neighbours that lack it, up to which nobody waits */
    WAIT_HALVED = 4, /* by so many that are not covered */
    KEY_LEN = SL_ID_LEN + 1,
};

#define WAIT_FOR_EACH (5 * SL_MILLISECOND) /* of the neighbours that lack it */
#define WAIT_MAX      (100 * SL_MILLISECOND)

void sl_relay_init(struct sl_relays *relays, uint64_t seed)
{
    sl_map_init(&relays->map, KEY_LEN, SL_RELAY_QUEUE_MAX, seed);
}

/* ---- What waits to be sent on ---- */

static void waiting_key(const uint8_t id[SL_ID_LEN], int bearer, uint8_t ret_key[KEY_LEN])
{
    memcpy(ret_key, id, SL_ID_LEN);
    ret_key[SL_ID_LEN] = (uint8_t)bearer;
}

static struct sl_relay *find_waiting(const struct sl_node *node, const uint8_t id[SL_ID_LEN],
                                     int bearer)
{
    uint8_t key[KEY_LEN];
    if (node->relays.count == 0)
        return NULL;
    waiting_key(id, bearer, key);
    uint32_t number = sl_map_get(&node->relays.map, key);
    return number == SL_MAP_EMPTY ? NULL : node->relays.table[number];
}

void sl_relay_note_copy(struct sl_node *node, const uint8_t id[SL_ID_LEN],
                        const struct sl_link *link)
{
    struct sl_relay *relay = find_waiting(node, id, link->neighbour->bearer);
    if (!relay)
        return;
    relay->copies++;
    relay->covered |= link->to_all ? sl_cover_of(link) : link->siblings;
}

static void forget_waiting(struct sl_node *node, struct sl_relay *relay)
{
    struct sl_relays *relays = &node->relays;
    uint8_t key[KEY_LEN];
    waiting_key(relay->id, relay->bearer, key);
    sl_map_remove(&relays->map, key);
    sl_heap_cancel(&node->alarms, &relay->alarm.timer);
    struct sl_relay *last = relays->table[--relays->count];
    relays->table[relay->number] = last;
    if (last != relay) {
        last->number = relay->number;
        waiting_key(last->id, last->bearer, key);
        sl_map_put(&relays->map, key, last->number); /* replaces: cannot fail */
    }
    free(relay);
}

void sl_relay_forget_bearer(struct sl_node *node, int bearer)
{
    for (size_t i = node->relays.count; i > 0; i--)
        if (node->relays.table[i - 1]->bearer == bearer)
            forget_waiting(node, node->relays.table[i - 1]);
}

void sl_relay_done(struct sl_node *node)
{
    while (node->relays.count > 0)
        forget_waiting(node, node->relays.table[node->relays.count - 1]);
    free(node->relays.table);
    sl_map_done(&node->relays.map);
}

/* ---- Sending ---- */

bool sl_relay_is_metered(const struct sl_entry *entry)
{
    return !entry->stored.local && entry->stored.kind != SL_ENVELOPE_DIRECT &&
           entry->stored.kind != SL_ENVELOPE_RECEIPT &&
           entry->stored.kind != SL_ENVELOPE_IDENTITY &&
           entry->stored.kind != SL_ENVELOPE_REVOCATION &&
           entry->stored.kind != SL_ENVELOPE_SETTLED;
}

static uint32_t age_ms(const struct sl_entry *entry, sl_time now)
{
    sl_time age = now > entry->stored.born ? now - entry->stored.born : 0;
    return (uint32_t)((age + SL_MILLISECOND - 1) / SL_MILLISECOND);
}

void sl_relay_write(struct sl_writer *w, const struct sl_entry *entry, const uint8_t *bytes,
                    sl_time now)
{
    sl_write_u8(w, entry->stored.hops);
    sl_write_u32(w, age_ms(entry, now));
    sl_write_bytes(w, bytes, entry->stored.len);
}

static int put_envelope(struct sl_node *node, const struct sl_route *route,
                        const struct sl_entry *entry, const uint8_t *bytes, sl_time now)
{
    size_t len = SL_ENVELOPE_MUTABLE + entry->stored.len;
    uint8_t *value = sl_output_element(node, route, SL_ELEMENT_ENVELOPE, len);
    if (!value)
        return -ENOBUFS;
    struct sl_writer w;
    sl_writer_init(&w, value, len);
    sl_relay_write(&w, entry, bytes, now);
    node->status.sent_envelopes++;
    return 0;
}

static enum sl_output_class class_of(const struct sl_entry *entry)
{
    return sl_relay_is_metered(entry) ? SL_OUTPUT_BULK : SL_OUTPUT_URGENT;
}

/* Whether it may take that much of the bearer's airtime now. */
static bool take_airtime(struct sl_node *node, int bearer, const struct sl_entry *entry,
                         sl_time now)
{
    if (!sl_relay_is_metered(entry))
        return true;
    return sl_bucket_take(&node->bearers[bearer].airtime,
                          (uint64_t)entry->stored.len + SL_FRAME_OVERHEAD, now);
}

int sl_relay_send(struct sl_node *node, struct sl_link *link, int64_t number, const uint8_t *bytes,
                  sl_time now)
{
    struct sl_entry *entry = sl_index_entry(node->index, number);
    struct sl_route route = {
        .bearer = link->neighbour->bearer, .link = link, .class = class_of(entry)};
    if (!take_airtime(node, route.bearer, entry, now))
        return -EAGAIN;
    int r = put_envelope(node, &route, entry, bytes, now);
    if (r == 0)
        entry->known_by |= link->siblings;
    return r;
}

static uint64_t broadcast_hearers(const struct sl_node *node, int bearer)
{
    uint64_t hearers = 0;
    for (uint64_t slots = node->bearers[bearer].links; slots != 0; slots &= slots - 1) {
        int slot = __builtin_ctzll(slots);
        if (sl_link_hears_broadcast(node, node->slots[slot]))
            hearers |= UINT64_C(1) << slot;
    }
    return hearers;
}

/* One frame to all that hear it, when more than one lacks it. Who is left over. */
static uint64_t send_broadcast(struct sl_node *node, int bearer, struct sl_entry *entry,
                               const uint8_t *bytes, sl_time now)
{
    uint64_t lacking = node->bearers[bearer].links & ~entry->known_by;
    if (!node->bearers[bearer].info.broadcast || sl_count_bits(lacking) < 2)
        return lacking;
    uint64_t hearers = broadcast_hearers(node, bearer);
    if (sl_count_bits(lacking & hearers) < 2)
        return lacking;
    struct sl_route route = {.bearer = bearer, .class = class_of(entry)};
    if (!take_airtime(node, bearer, entry, now))
        return 0; /* left to repair */
    if (put_envelope(node, &route, entry, bytes, now) == 0)
        entry->known_by |= hearers;
    return lacking & ~hearers;
}

static void send_on(struct sl_node *node, int bearer, int64_t number, const uint8_t *bytes,
                    sl_time now)
{
    struct sl_entry *entry = sl_index_entry(node->index, number);
    uint64_t lacking = send_broadcast(node, bearer, entry, bytes, now);
    for (; lacking != 0; lacking &= lacking - 1) {
        struct sl_link *link = node->slots[__builtin_ctzll(lacking)];
        if (!(entry->known_by & UINT64_C(1) << link->slot)) /* two links may lead to one node */
            sl_relay_send(node, link, number, bytes, now);
    }
}

/* Those who count on us and received no copy that we know of. */
static uint64_t find_uncovered(const struct sl_node *node, const struct sl_relay *relay,
                               const struct sl_entry *entry, sl_time now)
{
    return sl_cover_duty(node, relay->bearer, now) & ~relay->covered & ~entry->known_by;
}

/* The more it would cover, the sooner: so that few sends do. */
static void set_wait(struct sl_node *node, struct sl_relay *relay, sl_time now)
{
    sl_time links = (sl_time)sl_count_bits(node->bearers[relay->bearer].links);
    sl_time longest = sl_min_time(WAIT_FOR_EACH * links, WAIT_MAX);
    sl_time rank = longest * 2 / 3 * WAIT_HALVED / (WAIT_HALVED + (sl_time)relay->uncovered);
    sl_node_alarm(node, &relay->alarm, now + rank + sl_prng_time(&node->prng, 0, longest / 3));
}

/* True: it has to wait once more, because others may cover more by now: they go first. */
static bool yield(struct sl_node *node, struct sl_relay *relay, unsigned uncovered, sl_time now)
{
    if (uncovered == 0 || 2 * uncovered > relay->uncovered)
        return false;
    relay->uncovered = uncovered;
    set_wait(node, relay, now);
    return true;
}

static void send_to_relying(struct sl_node *node, const struct sl_relay *relay, uint64_t uncovered,
                            int64_t number, sl_time now)
{
    uint64_t slots = relay->copies == 0 ? sl_cover_relying(node, uncovered) : 0;
    node->status.suppressed += slots == 0;
    for (; slots != 0; slots &= slots - 1)
        sl_relay_send(node, node->slots[__builtin_ctzll(slots)], number, relay->bytes, now);
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    struct sl_relay *relay = SL_ALARM_OWNER(alarm, struct sl_relay, alarm);
    int64_t number = sl_index_find(node->index, relay->id);
    if (number >= 0) {
        uint64_t uncovered = find_uncovered(node, relay, sl_index_entry(node->index, number), now);
        bool worth = sl_cover_is_worth(node, uncovered, relay->copies);
        if (worth && yield(node, relay, sl_count_bits(uncovered), now))
            return;
        if (worth)
            send_on(node, relay->bearer, number, relay->bytes, now);
        else
            send_to_relying(node, relay, uncovered, number, now);
    }
    forget_waiting(node, relay);
}

static struct sl_relay *add_waiting(struct sl_node *node, const struct sl_entry *entry, int bearer,
                                    const uint8_t *bytes)
{
    struct sl_relays *relays = &node->relays;
    uint8_t key[KEY_LEN];
    if (!relays->table)
        relays->table = calloc(SL_RELAY_QUEUE_MAX, sizeof(struct sl_relay *));
    if (!relays->table || relays->count >= SL_RELAY_QUEUE_MAX)
        return NULL;
    struct sl_relay *relay = malloc(sizeof(*relay) + entry->stored.len);
    if (!relay)
        return NULL;
    waiting_key(entry->stored.id, bearer, key);
    if (sl_map_put(&relays->map, key, (uint32_t)relays->count) < 0) {
        free(relay);
        return NULL;
    }
    relay->number = (uint32_t)relays->count;
    relay->bearer = bearer;
    relay->copies = 0;
    relay->covered = 0;
    relay->len = entry->stored.len;
    memcpy(relay->id, entry->stored.id, SL_ID_LEN);
    memcpy(relay->bytes, bytes, entry->stored.len);
    sl_alarm_init(&relay->alarm, fire);
    relays->table[relays->count++] = relay;
    return relay;
}

static void spread_on(struct sl_node *node, int bearer, int64_t number, const uint8_t *bytes,
                      const struct sl_link *from, sl_time now)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    uint64_t lacking = node->bearers[bearer].links & ~entry->known_by;
    if (!node->bearers[bearer].info.broadcast) {
        sl_tree_spread(node, bearer, number, bytes, now);
        return;
    }
    uint64_t covered = from ? sl_cover_of(from) : 0;
    if ((lacking & ~covered) == 0)
        return;
    /* Nobody else could send it: no use in waiting for them. */
    if (entry->stored.local || sl_count_bits(lacking) <= AT_ONCE_MAX) {
        send_on(node, bearer, number, bytes, now);
        return;
    }
    struct sl_relay *relay = add_waiting(node, entry, bearer, bytes);
    if (!relay)
        return; /* too many wait: left to repair */
    relay->covered = covered;
    relay->uncovered = sl_count_bits(find_uncovered(node, relay, entry, now));
    set_wait(node, relay, now);
}

void sl_relay_spread(struct sl_node *node, int64_t number, const uint8_t *bytes,
                     const struct sl_link *from, sl_time now)
{
    for (int bearer = 0; bearer < SL_BEARERS_MAX; bearer++)
        if (node->bearers[bearer].links != 0)
            spread_on(node, bearer, number, bytes,
                      from && from->neighbour->bearer == bearer ? from : NULL, now);
}
