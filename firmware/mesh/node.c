#include "mesh/node.h"

#include "mesh/node_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Neighbours and links with their repairs and announcements, beacons and hellos, peers, relays,
     * housekeeping, a CRL under way, what is missing, routes. */
    ALARMS_MAX = SL_HEARD_MAX + 3 * (SL_NEIGHBOURS_MAX + SL_HANDSHAKES_MAX) + 2 * SL_BEARERS_MAX +
                 SL_PEERS_MAX + SL_RELAY_QUEUE_MAX + 4,
    ENVELOPES_IN_BURST = 4, /* that even the slowest bearer may carry at a time */
};

#define HOUSEKEEPING_INTERVAL SL_SECOND

/* ---- Time ---- */

void sl_node_alarm(struct sl_node *node, struct sl_alarm *alarm, sl_time at)
{
    int r = sl_heap_set(&node->alarms, &alarm->timer, at);
    assert(r == 0); /* ALARMS_MAX counts them all */
}

sl_time sl_node_jitter(struct sl_node *node, sl_time base)
{
    return sl_prng_time(&node->prng, base - base / 4, base + base / 4);
}

/* Whether our own certificate says that it cannot be that time: then fewer than three neighbours
 * are not believed. */
static bool is_doubtful(const struct sl_node *node, int64_t unix_s)
{
    const struct sl_origin *own = sl_origins_find(node, node->origin);
    return node->clock.source <= SL_CLOCK_NEIGHBOURS && !node->clock.heard_quorum && own &&
           (unix_s < own->identity.not_before || unix_s > own->identity.not_after);
}

int64_t sl_node_expiry_seconds(const struct sl_node *node, sl_time now)
{
    const struct sl_clock *clock = &node->clock;
    int64_t unix_s = sl_clock_unix(clock, now) / SL_SECOND;
    if (clock->source == SL_CLOCK_NEIGHBOURS && !sl_clock_is_vouched(clock, now))
        return 0;
    return is_doubtful(node, unix_s) ? 0 : unix_s;
}

int64_t sl_node_unix_seconds(const struct sl_node *node, sl_time now)
{
    return node->clock.source > SL_CLOCK_STORED ? sl_node_expiry_seconds(node, now) : 0;
}

void sl_node_set_time(struct sl_node *node, enum sl_clock_source source, int64_t unix_us,
                      sl_time now)
{
    sl_clock_set(&node->clock, source, unix_us, now);
}

void sl_node_judge_all(struct sl_node *node, sl_time now)
{
    sl_origins_judge_all(node);
    sl_link_judge_all(node, now);
    sl_revocation_taken(node);
}

static void housekeeping(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    sl_clock_tick(&node->clock, now);
    sl_neighbour_rotate(node, now);
    sl_link_housekeeping(node, now);
    sl_origins_announce(node, now);
    sl_node_alarm(node, alarm, now + HOUSEKEEPING_INTERVAL);
}

/* ---- Making and freeing ---- */

void sl_quota_config_init(struct sl_quota_config *config)
{
    *config = (struct sl_quota_config){
        .origin_rate = SL_ORIGIN_RATE,
        .origin_burst = SL_ORIGIN_BURST,
        .link_rate = SL_LINK_RATE,
        .link_burst = SL_LINK_BURST,
        .airtime_percent = SL_RELAY_AIRTIME_PERCENT,
    };
}

static uint64_t random_seed(const struct sl_node *node)
{
    uint64_t seed;
    const struct sl_primitives *p = &node->config.primitives;
    p->random(p->ctx, (uint8_t *)&seed, sizeof(seed));
    return seed;
}

static void make_keys(struct sl_node *node)
{
    const struct sl_primitives *p = &node->config.primitives;
    p->sign_key(p->ctx, node->config.seed, node->key);
    sl_origin_of_key(p, node->key, node->origin);
    p->hash(p->ctx, "starling beacon key", node->config.network_secret, NULL, 0, node->beacon_key,
            SL_KEY_LEN);
    p->random(p->ctx, node->boot_secret, sizeof(node->boot_secret));
}

static uint64_t derived_seed(const struct sl_node *node, const char *label)
{
    uint64_t seed;
    const struct sl_primitives *p = &node->config.primitives;
    p->hash(p->ctx, label, NULL, node->boot_secret, SL_KEY_LEN, (uint8_t *)&seed, sizeof(seed));
    return seed;
}

/* What the store holds that the index does not take: to be dropped after the walk. */
struct loading {
    struct sl_node *node;
    uint64_t *rows;
    size_t count, cap;
};

static void refuse_row(struct loading *loading, uint64_t row)
{
    if (loading->count == loading->cap) {
        size_t cap = loading->cap > 0 ? loading->cap * 2 : 64;
        uint64_t *rows = realloc(loading->rows, cap * sizeof(*rows));
        if (!rows)
            return; /* it stays where it is until the next start */
        loading->rows = rows;
        loading->cap = cap;
    }
    loading->rows[loading->count++] = row;
}

static void load_one(void *arg, const struct sl_stored *stored)
{
    struct loading *loading = arg;
    struct sl_node *node = loading->node;
    if (stored->kind == SL_ENVELOPE_SETTLED || /* what it was about floods from now on */
        sl_index_add(node->index, stored) < 0) {
        refuse_row(loading, stored->row);
        return;
    }
    if (memcmp(stored->origin, node->origin, SL_ORIGIN_LEN) == 0 &&
        stored->created > node->last_created)
        node->last_created = stored->created;
    if (stored->local && !stored->relayed)
        sl_relay_remember_unrelayed(node, stored->id);
}

void sl_node_drop_expired(struct sl_node *node, sl_time now)
{
    int64_t number;
    while ((number = sl_index_expired(node->index, now)) >= 0)
        sl_relay_drop(node, number);
}

static void load_store(struct sl_node *node, sl_time now)
{
    const struct sl_store_port *store = &node->config.store;
    struct loading loading = {.node = node};
    int64_t victim;
    node->status.store_error = store->each(store->ctx, load_one, &loading);
    for (size_t i = 0; i < loading.count; i++)
        store->drop(store->ctx, loading.rows[i]);
    free(loading.rows);
    sl_node_drop_expired(node, now);
    while ((victim = sl_index_victim(node->index, 0)) >= 0)
        sl_relay_drop(node, victim);
    sl_origins_load(node, now);
    sl_share_load(node);
}

struct sl_node *sl_node_new(const struct sl_node_config *config, sl_time now)
{
    struct sl_node *node = calloc(1, sizeof(*node));
    if (!node)
        return NULL;
    node->config = *config;
    sl_prng_init(&node->prng, config->prng_seed);
    sl_list_init(&node->neighbours);
    sl_output_init(&node->output);
    sl_origins_init(&node->origins, random_seed(node));
    sl_share_init(&node->shares, random_seed(node));
    sl_relay_init(&node->relays, random_seed(node));
    sl_tree_init(&node->tree, random_seed(node));
    sl_beacons_init(&node->beacons, random_seed(node));
    sl_clock_init(&node->clock);
    sl_alarm_init(&node->housekeeping, housekeeping);
    sl_revocation_init(node);
    make_keys(node);
    sl_routes_init(&node->routes, derived_seed(node, "starling routes"));
    sl_routing_init(node, derived_seed(node, "starling routed"));
    node->refusals.seed = derived_seed(node, "starling refused");
    struct sl_index_config index = {.bytes_max = config->store_bytes_max,
                                    .count_max = SL_STORE_COUNT_MAX,
                                    .seed = random_seed(node)};
    node->index = sl_index_new(&index);
    if (sl_heap_init(&node->alarms, ALARMS_MAX) < 0 || !node->index) {
        sl_node_free(node);
        return NULL;
    }
    node->link_id_until = now;
    sl_neighbour_rotate(node, now);
    load_store(node, now);
    sl_node_alarm(node, &node->housekeeping, now);
    return node;
}

static void remove_neighbours(struct sl_node *node, int bearer, sl_time now)
{
    SL_LIST_FOR_EACH_SAFE (item, &node->neighbours) {
        struct sl_neighbour *neighbour = SL_CONTAINER_OF(item, struct sl_neighbour, order);
        if (neighbour->bearer == bearer)
            sl_neighbour_remove(node, neighbour, now);
    }
}

static void remove_peer(struct sl_node *node, struct sl_peer **place)
{
    sl_heap_cancel(&node->alarms, &(*place)->beacon.timer);
    free(*place);
    *place = NULL;
}

static void remove_peers(struct sl_node *node, int bearer)
{
    for (size_t i = 0; i < SL_PEERS_MAX; i++)
        if (node->peers[i] && node->peers[i]->bearer == bearer)
            remove_peer(node, &node->peers[i]);
}

void sl_node_remove_bearer(struct sl_node *node, int bearer, sl_time now)
{
    assert(bearer >= 0 && bearer < SL_BEARERS_MAX && node->bearers[bearer].used);
    struct sl_node_bearer *b = &node->bearers[bearer];
    remove_neighbours(node, bearer, now);
    remove_peers(node, bearer);
    sl_relay_forget_bearer(node, bearer);
    sl_output_forget_bearer(node, bearer);
    node->output.held &= ~(UINT32_C(1) << bearer);
    sl_heap_cancel(&node->alarms, &b->beacon.timer);
    sl_heap_cancel(&node->alarms, &b->hello.timer);
    sl_map_done(&b->by_address);
    node->config.primitives.wipe(node->config.primitives.ctx, b, sizeof(*b));
}

void sl_node_free(struct sl_node *node)
{
    if (!node)
        return;
    for (int bearer = 0; bearer < SL_BEARERS_MAX; bearer++)
        if (node->bearers[bearer].used)
            sl_node_remove_bearer(node, bearer, 0);
    sl_heap_cancel(&node->alarms, &node->housekeeping.timer);
    sl_revocation_done(node);
    sl_relay_done(node);
    sl_tree_done(node);
    sl_routing_done(node);
    sl_routes_done(&node->routes);
    sl_origins_done(&node->origins);
    sl_share_done(&node->shares);
    sl_refusals_done(&node->refusals);
    sl_output_done(&node->output);
    sl_index_free(node->index);
    sl_heap_done(&node->alarms);
    free(node->unrelayed);
    struct sl_primitives primitives = node->config.primitives;
    primitives.wipe(primitives.ctx, node, sizeof(*node));
    free(node);
}

/* ---- Bearers ---- */

static uint64_t airtime_rate(const struct sl_node *node, uint64_t rate_bps)
{
    uint32_t percent = node->config.quota.airtime_percent;
    return percent >= 100 ? 0 : rate_bps / 8 * percent / 100;
}

int sl_node_add_bearer(struct sl_node *node, const struct sl_bearer_info *info, sl_time now)
{
    int number = 0;
    while (number < SL_BEARERS_MAX && node->bearers[number].used)
        number++;
    if (number == SL_BEARERS_MAX)
        return -ENOSPC;
    struct sl_node_bearer *bearer = &node->bearers[number];
    uint64_t rate = airtime_rate(node, info->rate_bps);
    uint64_t burst =
        rate > ENVELOPES_IN_BURST * SL_DATAGRAM_MAX ? rate : ENVELOPES_IN_BURST * SL_DATAGRAM_MAX;
    *bearer = (struct sl_node_bearer){.used = true, .since = now, .info = *info};
    sl_neighbour_count_anew(node, bearer);
    sl_map_init(&bearer->by_address, sizeof(struct sl_address), SL_HEARD_MAX, random_seed(node));
    sl_bucket_init(&bearer->airtime, rate, burst, now);
    for (size_t i = 0; i < SL_ARRAY_LEN(bearer->openings); i++)
        sl_bucket_init(&bearer->openings[i], SL_OPENING_RATE, SL_OPENING_BURST, now);
    sl_sender_init(node, &bearer->sender, SL_KEY_BEARER, now);
    sl_alarm_init(&bearer->beacon, sl_neighbour_beacon_fire);
    sl_alarm_init(&bearer->hello, sl_sync_hello_fire);
    if (info->broadcast)
        sl_node_alarm(node, &bearer->beacon, now);
    sl_node_alarm(node, &bearer->hello, now + sl_node_jitter(node, SL_HELLO_INTERVAL));
    return number;
}

/* Padding is zeros, so that equal addresses are equal bytes. */
static void normalise(const struct sl_address *address, struct sl_address *ret)
{
    *ret = (struct sl_address){.len = address->len};
    memcpy(ret->bytes, address->bytes, address->len);
}

int sl_node_add_peer(struct sl_node *node, int bearer, const struct sl_address *address,
                     sl_time now)
{
    assert(bearer >= 0 && bearer < SL_BEARERS_MAX && node->bearers[bearer].used);
    assert(address->len > 0 && address->len <= sizeof(address->bytes));
    struct sl_address normal;
    struct sl_peer **place = NULL;
    normalise(address, &normal);
    for (size_t i = 0; i < SL_PEERS_MAX; i++) {
        struct sl_peer *peer = node->peers[i];
        if (!peer && !place)
            place = &node->peers[i];
        if (peer && peer->bearer == bearer && memcmp(&peer->address, &normal, sizeof(normal)) == 0)
            return -EEXIST;
    }
    struct sl_peer *peer = place ? calloc(1, sizeof(*peer)) : NULL;
    if (!peer)
        return -ENOSPC;
    peer->bearer = bearer;
    peer->address = normal;
    sl_alarm_init(&peer->beacon, sl_neighbour_peer_fire);
    sl_node_alarm(node, &peer->beacon, now);
    *place = peer;
    return 0;
}

void sl_node_remove_peer(struct sl_node *node, int bearer, const struct sl_address *address,
                         sl_time now)
{
    assert(bearer >= 0 && bearer < SL_BEARERS_MAX && node->bearers[bearer].used);
    struct sl_address normal;
    struct sl_neighbour *neighbour;
    normalise(address, &normal);
    for (size_t i = 0; i < SL_PEERS_MAX; i++) {
        struct sl_peer *peer = node->peers[i];
        if (peer && peer->bearer == bearer && memcmp(&peer->address, &normal, sizeof(normal)) == 0)
            remove_peer(node, &node->peers[i]);
    }
    while ((neighbour = sl_neighbour_at(node, bearer, &normal)))
        sl_neighbour_remove(node, neighbour, now);
}

bool sl_node_is_linked(const struct sl_node *node, int bearer, const struct sl_address *address)
{
    assert(bearer >= 0 && bearer < SL_BEARERS_MAX && node->bearers[bearer].used);
    struct sl_address normal;
    normalise(address, &normal);
    const struct sl_neighbour *n = sl_neighbour_at(node, bearer, &normal);
    while (n && !(n->link && n->link->up))
        n = n->same_address;
    return n != NULL;
}

/* ---- Turns ---- */

void sl_node_receive(struct sl_node *node, int bearer, const struct sl_address *from,
                     const uint8_t *bytes, size_t len, sl_time now)
{
    struct sl_address address;
    assert(bearer >= 0 && bearer < SL_BEARERS_MAX && node->bearers[bearer].used);
    assert(from->len <= sizeof(from->bytes));
    node->status.bytes_in += len;
    if (len < 1 || len > SL_DATAGRAM_MAX || from->len == 0) {
        node->status.rejected_garbage++;
        return;
    }
    normalise(from, &address);
    switch ((enum sl_packet_type)bytes[0]) {
    case SL_PACKET_FRAME:
        sl_link_frame(node, bearer, &address, bytes, len, now);
        break;
    case SL_PACKET_LINK:
        sl_link_receive(node, bearer, &address, bytes, len, now);
        break;
    case SL_PACKET_BEACON:
    case SL_PACKET_PROBE:
    case SL_PACKET_REPLY:
    case SL_PACKET_CONFIRM:
        sl_neighbour_greeting(node, bearer, &address, bytes, len, now);
        break;
    default:
        node->status.rejected_garbage++;
        break;
    }
}

void sl_node_tick(struct sl_node *node, sl_time now)
{
    struct sl_timer *timer;
    sl_node_drop_expired(node, now);
    while ((timer = sl_heap_pop(&node->alarms, now))) {
        struct sl_alarm *alarm = SL_CONTAINER_OF(timer, struct sl_alarm, timer);
        alarm->fire(node, alarm, now);
    }
}

sl_time sl_node_deadline(const struct sl_node *node)
{
    return sl_min_time(sl_heap_next(&node->alarms), sl_index_next_expiry(node->index));
}

bool sl_node_transmit(struct sl_node *node, struct sl_datagram *ret_datagram, sl_time now)
{
    (void)now;
    return sl_output_next(node, ret_datagram);
}

void sl_node_hold(struct sl_node *node, uint32_t bearers)
{
    node->output.held = bearers;
}

void sl_node_close(struct sl_node *node, sl_time now)
{
    SL_LIST_FOR_EACH_SAFE (item, &node->neighbours) {
        struct sl_neighbour *neighbour = SL_CONTAINER_OF(item, struct sl_neighbour, order);
        if (neighbour->link)
            sl_link_end(node, neighbour->link, SL_REFUSAL_NONE, now);
    }
}
