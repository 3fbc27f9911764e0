#include "mesh/relay.h"

#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE_MAX = 2,      /* neighbours that lack it, up to which nobody waits */
    COPIES_ENOUGH = 3,    /* heard meanwhile: it need not be sent on */
    FAILURE_COST = 50,    /* of the link's quota, for a signature that does not hold */
    KEY_LEN = SL_ID_LEN + 1,
};

#define WAIT_FOR_EACH (2 * SL_MILLISECOND) /* of the neighbours that lack it */
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
           entry->stored.kind != SL_ENVELOPE_REVOCATION;
}

static uint32_t age_ms(const struct sl_entry *entry, sl_time now)
{
    sl_time age = now > entry->stored.born ? now - entry->stored.born : 0;
    return (uint32_t)((age + SL_MILLISECOND - 1) / SL_MILLISECOND);
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
    sl_write_u8(&w, entry->stored.hops);
    sl_write_u32(&w, age_ms(entry, now));
    sl_write_bytes(&w, bytes, entry->stored.len);
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

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    struct sl_relay *relay = SL_ALARM_OWNER(alarm, struct sl_relay, alarm);
    int64_t number = sl_index_find(node->index, relay->id);
    if (number >= 0) {
        if (relay->copies < COPIES_ENOUGH)
            send_on(node, relay->bearer, number, relay->bytes, now);
        else
            node->status.suppressed++;
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
    relay->len = entry->stored.len;
    memcpy(relay->id, entry->stored.id, SL_ID_LEN);
    memcpy(relay->bytes, bytes, entry->stored.len);
    sl_alarm_init(&relay->alarm, fire);
    relays->table[relays->count++] = relay;
    return relay;
}

static void spread_on(struct sl_node *node, int bearer, int64_t number, const uint8_t *bytes,
                      sl_time now)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    unsigned count = sl_count_bits(node->bearers[bearer].links & ~entry->known_by);
    if (count == 0)
        return;
    if (count <= AT_ONCE_MAX) {
        send_on(node, bearer, number, bytes, now);
        return;
    }
    struct sl_relay *relay = add_waiting(node, entry, bearer, bytes);
    if (!relay)
        return; /* too many wait: left to repair */
    sl_time longest = sl_min_time(WAIT_FOR_EACH * (sl_time)count, WAIT_MAX);
    sl_node_alarm(node, &relay->alarm, now + sl_prng_time(&node->prng, 0, longest));
}

void sl_relay_spread(struct sl_node *node, int64_t number, const uint8_t *bytes, sl_time now)
{
    for (int bearer = 0; bearer < SL_BEARERS_MAX; bearer++)
        if (node->bearers[bearer].links != 0)
            spread_on(node, bearer, number, bytes, now);
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

void sl_relay_note_all(struct sl_node *node)
{
    size_t count = node->unrelayed_count;
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct sl_entry *entry = unrelayed_entry(node, node->unrelayed[i].id);
        if (entry)
            mark_relayed(node, entry);
    }
    /* What the callbacks published stays. */
    node->unrelayed_count -= count;
    memmove(node->unrelayed, node->unrelayed + count,
            node->unrelayed_count * sizeof(*node->unrelayed));
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
        if (entry && holds)
            mark_relayed(node, entry);
    }
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

/* ---- Keeping ---- */

void sl_relay_drop(struct sl_node *node, int64_t number)
{
    const struct sl_store_port *store = &node->config.store;
    store->drop(store->ctx, sl_index_entry(node->index, number)->stored.row);
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

int64_t sl_relay_keep(struct sl_node *node, struct sl_stored *stored, const uint8_t *bytes,
                      bool sync, int *ret_durable)
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

/* ---- Receiving ---- */

/* What is known of an envelope on its way through the checks. */
struct arrival {
    struct sl_link *link;
    struct sl_envelope envelope;
    uint8_t id[SL_ID_LEN];
    uint64_t short_id;
    uint8_t hops;
    sl_time born;
    const uint8_t *bytes; /* signed part and signature */
    size_t len;
    bool asked_for; /* free of the origin's quota */
};

static int decode(const uint8_t *value, size_t len, sl_time now, struct arrival *ret)
{
    struct sl_reader r;
    sl_reader_init(&r, value, len);
    ret->hops = sl_read_u8(&r);
    ret->born = now - (sl_time)sl_read_u32(&r) * SL_MILLISECOND;
    ret->len = sl_read_left(&r);
    ret->bytes = sl_read_slice(&r, ret->len);
    if (sl_read_failed(&r) || len > SL_ENVELOPE_MAX)
        return -EBADMSG;
    return sl_envelope_decode(ret->bytes, ret->len, &ret->envelope);
}

static bool is_too_old(const struct arrival *a, sl_time now)
{
    return now - a->born >= (sl_time)a->envelope.lifetime * SL_SECOND || a->hops >= SL_HOPS_MAX;
}

/* Another copy of what is here: its sender holds it. */
static void take_copy(struct sl_node *node, const struct arrival *a, int64_t number)
{
    struct sl_entry *entry = sl_index_entry(node->index, number);
    struct sl_relay *relay = find_waiting(node, a->id, a->link->neighbour->bearer);
    node->status.duplicates++;
    entry->known_by |= a->link->siblings;
    if (relay)
        relay->copies++;
    sl_relay_note_holder(node, number);
}

/* A certificate that has run out signs nothing any more: not by the date on the envelope, and not by
 * the time that it was really made. */
static bool is_after_expiry(const struct sl_node *node, const struct sl_origin *origin,
                            const struct arrival *a, sl_time now)
{
    int64_t unix_us = sl_clock_unix(&node->clock, now);
    int64_t not_after = origin->identity.not_after;
    return (int64_t)(a->envelope.created / (uint64_t)SL_SECOND) > not_after ||
           (unix_us != 0 && (unix_us - (now - a->born)) / SL_SECOND > not_after);
}

/* Honest relays pass on only what they checked: whoever does not, and makes us check in vain, pays for
 * it with its quota, and waits when that is used up. */
static uint64_t failure_cost(const struct sl_node *node)
{
    uint32_t burst = node->config.quota.link_burst;
    return burst < FAILURE_COST ? burst : FAILURE_COST;
}

static bool is_signed(struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    if (!sl_bucket_has(&a->link->quota, failure_cost(node), now)) {
        node->status.rejected_quota++;
        return false;
    }
    if (a->envelope.kind == SL_ENVELOPE_IDENTITY
            ? sl_origins_take_chain(node, &a->envelope, now) == 0
            : sl_envelope_verify(&a->envelope, &node->config.primitives, origin->identity.key))
        return true;
    sl_bucket_take(&a->link->quota, failure_cost(node), now);
    node->status.rejected_signature++;
    return false;
}

/* IDENTITY brings its own proof; REVOCATION is the authority's word, whoever passes it on. */
static bool may_speak(const struct sl_node *node, const struct sl_origin *origin,
                      const struct arrival *a, sl_time now)
{
    return a->envelope.kind == SL_ENVELOPE_IDENTITY ||
           a->envelope.kind == SL_ENVELOPE_REVOCATION ||
           (!origin->revoked && !is_after_expiry(node, origin, a, now));
}

/* Counts why it is refused. */
static bool is_genuine(struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    if (!origin && a->envelope.kind != SL_ENVELOPE_IDENTITY) {
        sl_origins_wait(node, a->link, a->envelope.origin, a->short_id, now);
        node->status.rejected_unknown++;
        return false;
    }
    if (!may_speak(node, origin, a, now)) {
        node->status.rejected_revoked++;
        return false;
    }
    return is_signed(node, a, now);
}

static bool is_within_quota(struct sl_node *node, const struct arrival *a, sl_time now)
{
    struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    return a->asked_for || (origin && sl_bucket_take(&origin->quota, 1, now));
}

/* A neighbour whose last hello was the giver's own holds what the giver holds. */
static uint64_t same_as(const struct sl_node *node, const struct sl_link *link)
{
    uint64_t same = link->siblings;
    for (size_t i = 0; i < SL_NEIGHBOURS_MAX; i++) {
        const struct sl_link *other = node->slots[i];
        if (other && other->sync.heard && link->sync.heard &&
            other->sync.hello.stored_count == link->sync.hello.stored_count &&
            memcmp(other->sync.hello.digest, link->sync.hello.digest, 16) == 0)
            same |= UINT64_C(1) << i;
    }
    return same;
}

static struct sl_stored meta_of(const struct arrival *a)
{
    struct sl_stored stored = {
        .kind = a->envelope.kind,
        .hops = (uint8_t)(a->hops + 1),
        .len = (uint16_t)a->len,
        .created = a->envelope.created,
        .lifetime = a->envelope.lifetime,
        .born = a->born,
    };
    memcpy(stored.id, a->id, SL_ID_LEN);
    memcpy(stored.origin, a->envelope.origin, SL_ORIGIN_LEN);
    return stored;
}

static bool keep(struct sl_node *node, const struct arrival *a, sl_time now)
{
    struct sl_stored stored = meta_of(a);
    int durable;
    int64_t number = sl_relay_keep(node, &stored, a->bytes, false, &durable);
    if (number < 0) {
        node->status.rejected_quota++;
        return false;
    }
    node->status.accepted++;
    a->link->envelopes_in++;
    sl_index_entry(node->index, number)->known_by =
        a->asked_for ? same_as(node, a->link) : a->link->siblings;
    if (memcmp(stored.origin, node->origin, SL_ORIGIN_LEN) == 0 &&
        stored.created > node->last_created)
        node->last_created = stored.created; /* ours, from before the store was lost */
    if (stored.kind == SL_ENVELOPE_IDENTITY)
        sl_origins_note_envelope(node, stored.origin, a->short_id);
    sl_relay_spread(node, number, a->bytes, now);
    sl_sync_gained(node, a->link, a->short_id, now);
    return true;
}

static void tell(struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_node_events *events = &node->config.events;
    if (a->envelope.kind == SL_ENVELOPE_IDENTITY)
        sl_origins_arrived(node, a->envelope.origin, now);
    if (events->accepted)
        events->accepted(events->arg, &a->envelope, a->id, a->born, false);
}

static void examine(struct sl_node *node, struct arrival *a, sl_time now)
{
    const struct sl_membership *membership = &node->config.membership;
    bool is_revocation = a->envelope.kind == SL_ENVELOPE_REVOCATION;
    int crl = 0;
    if (!is_genuine(node, a, now))
        return;
    a->asked_for = sl_sync_expects(a->link, a->short_id, now);
    if (!is_within_quota(node, a, now)) {
        node->status.rejected_quota++;
        return;
    }
    if (is_revocation)
        crl = membership->take_crl(membership->ctx, a->envelope.payload, a->envelope.payload_len);
    if (crl < 0 && crl != -EALREADY) {
        node->status.rejected_malformed++;
        return;
    }
    if (keep(node, a, now))
        tell(node, a, now);
    if (is_revocation && crl == 0)
        sl_node_judge_all(node, now); /* last: it may end the link that brought it */
}

void sl_relay_receive(struct sl_node *node, struct sl_link *link, const uint8_t *value, size_t len,
                      sl_time now)
{
    struct arrival a = {.link = link};
    if (decode(value, len, now, &a) < 0) {
        node->status.rejected_malformed++;
        return;
    }
    if (!sl_bucket_take(&link->quota, 1, now)) {
        node->status.rejected_quota++;
        return;
    }
    if (is_too_old(&a, now)) {
        node->status.rejected_expired++;
        return;
    }
    sl_envelope_id(&a.envelope, &node->config.primitives, a.id);
    a.short_id = sl_short_id(a.id);
    int64_t number = sl_index_find(node->index, a.id);
    if (number >= 0)
        take_copy(node, &a, number);
    else if (sl_index_buried(node->index, a.id))
        node->status.duplicates++;
    else
        examine(node, &a, now);
}
