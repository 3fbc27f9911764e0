#include "sim/fabric.h"

#include "base/heap.h"
#include "base/prng.h"
#include "sim/fake_primitives.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMERS_MAX = 1 << 18,
    SPINS_MAX = 2000, /* ticks of one node at one moment */
    BLOCKS_MAX = 64,
    TO_EVERYONE = -1,
    TO_NOBODY = -2,
};

#define START_OF_TIME (1000 * SL_SECOND)

struct fabric_node {
    struct sl_timer timer; /* its deadline */
    int number;
    struct sl_fabric_node_config config;
    char name[64];
    uint8_t seed[SL_KEY_LEN];
    uint8_t secret[SL_KEY_LEN];
    struct sl_memory_store *store;
    struct sl_fake_member *member;
    struct sl_node *node; /* NULL while it is stopped */
    sl_time turn_at;      /* of the last tick, and how many there were at that moment */
    unsigned spins;
};

struct block {
    int from, to;
};

struct medium {
    struct sl_medium_config config;
    bool cut;
    bool attached[SL_FABRIC_NODES_MAX];
    int bearers[SL_FABRIC_NODES_MAX]; /* -1: none, or the node is stopped */
    struct block blocks[BLOCKS_MAX];
    size_t block_count;
    uint64_t datagrams, bytes;
};

/* A datagram on its way. */
struct flight {
    struct sl_timer timer;
    int medium;
    int to;
    struct sl_address from;
    size_t len;
    uint8_t bytes[];
};

struct sl_fabric {
    uint64_t seed;
    struct sl_prng prng;
    struct sl_primitives primitives;
    struct sl_heap heap;
    sl_time now;
    struct fabric_node *nodes[SL_FABRIC_NODES_MAX];
    int node_count;
    struct medium *media[SL_FABRIC_MEDIA_MAX];
    int medium_count;
    sl_fabric_tap tap;
    void *tap_arg;
};

static void must(const struct sl_fabric *fabric, bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fabric: %s (seed %llu, at %lld us)\n", what, (unsigned long long)fabric->seed,
            (long long)fabric->now);
    abort();
}

struct sl_fabric *sl_fabric_new(const struct sl_fabric_config *config)
{
    struct sl_fabric *fabric = calloc(1, sizeof(*fabric));
    assert(fabric);
    fabric->seed = config->seed;
    fabric->now = START_OF_TIME;
    sl_prng_init(&fabric->prng, config->seed);
    if (config->primitives)
        fabric->primitives = *config->primitives;
    else
        sl_fake_primitives(&fabric->primitives, config->seed);
    must(fabric, sl_heap_init(&fabric->heap, TIMERS_MAX) == 0, "out of memory");
    return fabric;
}

static void free_flights(struct sl_fabric *fabric)
{
    for (struct sl_timer *timer; (timer = sl_heap_pop(&fabric->heap, SL_NEVER - 1));) {
        bool is_node = false;
        for (int i = 0; i < fabric->node_count; i++)
            is_node = is_node || timer == &fabric->nodes[i]->timer;
        if (!is_node)
            free(SL_CONTAINER_OF(timer, struct flight, timer));
    }
}

static void stop_node(struct sl_fabric *fabric, struct fabric_node *node);

void sl_fabric_free(struct sl_fabric *fabric)
{
    if (!fabric)
        return;
    for (int i = 0; i < fabric->node_count; i++)
        if (fabric->nodes[i]->node)
            stop_node(fabric, fabric->nodes[i]);
    free_flights(fabric);
    for (int i = 0; i < fabric->node_count; i++) {
        sl_memory_store_free(fabric->nodes[i]->store);
        sl_fake_member_free(fabric->nodes[i]->member);
        free(fabric->nodes[i]);
    }
    for (int i = 0; i < fabric->medium_count; i++)
        free(fabric->media[i]);
    sl_heap_done(&fabric->heap);
    free(fabric);
}

sl_time sl_fabric_now(const struct sl_fabric *fabric)
{
    return fabric->now;
}

/* ---- Media ---- */

static struct medium *medium_of(const struct sl_fabric *fabric, int medium)
{
    assert(medium >= 0 && medium < fabric->medium_count);
    return fabric->media[medium];
}

static struct fabric_node *node_of(const struct sl_fabric *fabric, int number)
{
    assert(number >= 0 && number < fabric->node_count);
    return fabric->nodes[number];
}

void sl_fabric_address(const struct sl_fabric *fabric, int medium, int node,
                       struct sl_address *ret_address)
{
    (void)fabric;
    *ret_address = (struct sl_address){
        .len = 6,
        .bytes = {0xfd, 0, (uint8_t)(medium >> 8), (uint8_t)medium, (uint8_t)(node >> 8),
                  (uint8_t)node},
    };
}

int sl_fabric_bearer(const struct sl_fabric *fabric, int medium, int node)
{
    return medium_of(fabric, medium)->bearers[node];
}

static int node_at(const struct sl_fabric *fabric, int medium, const struct sl_address *address)
{
    if (address->len == 0)
        return TO_EVERYONE;
    for (int i = 0; i < fabric->node_count; i++) {
        struct sl_address other;
        sl_fabric_address(fabric, medium, i, &other);
        if (memcmp(&other, address, sizeof(other)) == 0)
            return i;
    }
    return TO_NOBODY;
}

static bool is_blocked(const struct medium *medium, int from, int to)
{
    for (size_t i = 0; i < medium->block_count; i++)
        if (medium->blocks[i].from == from && medium->blocks[i].to == to)
            return true;
    return false;
}

static bool chance(struct sl_fabric *fabric, unsigned permille)
{
    return permille > 0 && sl_prng_below(&fabric->prng, 1000) < permille;
}

static void launch(struct sl_fabric *fabric, const struct sl_fabric_packet *packet, int to)
{
    const struct medium *medium = medium_of(fabric, packet->medium);
    struct flight *flight = malloc(sizeof(*flight) + packet->len);
    must(fabric, flight != NULL, "out of memory");
    sl_timer_init(&flight->timer);
    flight->medium = packet->medium;
    flight->to = to;
    sl_fabric_address(fabric, packet->medium, packet->from, &flight->from);
    flight->len = packet->len;
    memcpy(flight->bytes, packet->bytes, packet->len);
    sl_time delay = medium->config.delay + sl_prng_time(&fabric->prng, 0, medium->config.jitter);
    must(fabric, sl_heap_set(&fabric->heap, &flight->timer, fabric->now + delay) == 0,
         "too many datagrams under way");
}

static void carry(struct sl_fabric *fabric, const struct sl_fabric_packet *packet, int to)
{
    const struct medium *medium = medium_of(fabric, packet->medium);
    if (to == packet->from || !medium->attached[to] || medium->cut ||
        is_blocked(medium, packet->from, to) || chance(fabric, medium->config.loss_permille))
        return;
    launch(fabric, packet, to);
    if (chance(fabric, medium->config.duplicate_permille))
        launch(fabric, packet, to);
}

static int medium_of_bearer(const struct sl_fabric *fabric, int node, int bearer)
{
    for (int i = 0; i < fabric->medium_count; i++)
        if (fabric->media[i]->attached[node] && fabric->media[i]->bearers[node] == bearer)
            return i;
    return -1;
}

static void send_datagram(struct sl_fabric *fabric, int from, const struct sl_datagram *datagram)
{
    int number = medium_of_bearer(fabric, from, datagram->bearer);
    must(fabric, number >= 0, "a datagram for a bearer that is not there");
    must(fabric, datagram->len > 0 && datagram->len <= SL_DATAGRAM_MAX, "a datagram out of bounds");
    struct medium *medium = medium_of(fabric, number);
    must(fabric, datagram->to.len > 0 || !medium->config.unicast_only,
         "a broadcast on a medium without");
    struct sl_fabric_packet packet = {
        .medium = number,
        .from = from,
        .to = node_at(fabric, number, &datagram->to),
        .address = datagram->to,
        .bytes = datagram->bytes,
        .len = datagram->len,
    };
    medium->datagrams++;
    medium->bytes += datagram->len;
    if (fabric->tap && !fabric->tap(fabric->tap_arg, &packet, fabric->now))
        return;
    for (int to = 0; to < fabric->node_count; to++)
        if (packet.to == to || packet.to == TO_EVERYONE)
            carry(fabric, &packet, to);
}

/* ---- Turns ---- */

static bool drain(struct sl_fabric *fabric, struct fabric_node *node)
{
    struct sl_datagram datagram;
    bool any = false;
    while (node->node && sl_node_transmit(node->node, &datagram, fabric->now)) {
        send_datagram(fabric, node->number, &datagram);
        any = true;
    }
    return any;
}

static void finish_turn(struct sl_fabric *fabric, struct fabric_node *node)
{
    const struct sl_fabric_layer *layer = &node->config.layer;
    if (!node->node)
        return;
    drain(fabric, node);
    if (layer->tick) {
        layer->tick(layer->arg, fabric->now);
        drain(fabric, node);
    }
    sl_time deadline = sl_node_deadline(node->node);
    if (layer->deadline)
        deadline = sl_min_time(deadline, layer->deadline(layer->arg));
    if (deadline < fabric->now)
        deadline = fabric->now;
    must(fabric, sl_heap_set(&fabric->heap, &node->timer, deadline) == 0, "too many timers");
}

void sl_fabric_touch(struct sl_fabric *fabric, int number)
{
    finish_turn(fabric, node_of(fabric, number));
}

static void tick_node(struct sl_fabric *fabric, struct fabric_node *node)
{
    node->spins = node->turn_at == fabric->now ? node->spins + 1 : 0;
    node->turn_at = fabric->now;
    must(fabric, node->spins < SPINS_MAX, "a node asks to be ticked again and again");
    sl_node_tick(node->node, fabric->now);
    finish_turn(fabric, node);
}

static void land(struct sl_fabric *fabric, struct flight *flight)
{
    const struct medium *medium = medium_of(fabric, flight->medium);
    struct fabric_node *node = node_of(fabric, flight->to);
    int bearer = medium->bearers[flight->to];
    if (node->node && bearer >= 0 && !medium->cut) {
        sl_node_receive(node->node, bearer, &flight->from, flight->bytes, flight->len, fabric->now);
        finish_turn(fabric, node);
    }
    free(flight);
}

static bool step(struct sl_fabric *fabric, sl_time until)
{
    sl_time next = sl_heap_next(&fabric->heap);
    if (next > until)
        return false;
    fabric->now = next > fabric->now ? next : fabric->now;
    struct sl_timer *timer = sl_heap_pop(&fabric->heap, fabric->now);
    for (int i = 0; i < fabric->node_count; i++) {
        if (timer != &fabric->nodes[i]->timer)
            continue;
        tick_node(fabric, fabric->nodes[i]);
        return true;
    }
    land(fabric, SL_CONTAINER_OF(timer, struct flight, timer));
    return true;
}

void sl_fabric_run(struct sl_fabric *fabric, sl_time duration)
{
    sl_time until = fabric->now + duration;
    while (step(fabric, until))
        ;
    fabric->now = until;
}

bool sl_fabric_run_until(struct sl_fabric *fabric, bool (*done)(struct sl_fabric *, void *arg),
                         void *arg, sl_time limit)
{
    sl_time until = fabric->now + limit;
    while (!done(fabric, arg)) {
        if (!step(fabric, until)) {
            fabric->now = until;
            return done(fabric, arg);
        }
    }
    return true;
}

void sl_fabric_inject(struct sl_fabric *fabric, int medium, int to, const struct sl_address *from,
                      const uint8_t *bytes, size_t len)
{
    struct fabric_node *node = node_of(fabric, to);
    int bearer = sl_fabric_bearer(fabric, medium, to);
    if (!node->node || bearer < 0)
        return;
    sl_node_receive(node->node, bearer, from, bytes, len, fabric->now);
    finish_turn(fabric, node);
}

/* ---- Nodes ---- */

static void make_member(struct sl_fabric *fabric, struct fabric_node *node)
{
    struct sl_fake_member_config config = {
        .primitives = &fabric->primitives,
        .network = node->config.network,
        .serial = (uint32_t)node->number + 1,
        .not_before = node->config.not_before,
        .not_after = node->config.not_after,
    };
    fabric->primitives.sign_key(fabric->primitives.ctx, node->seed, config.key);
    memcpy(config.name, node->name, sizeof(config.name));
    node->member = sl_fake_member_new(&config);
    must(fabric, node->member != NULL, "out of memory");
}

/* Keys come from the seed and the node's number only, so that adding one changes no other. */
static void make_keys(struct sl_fabric *fabric, struct fabric_node *node)
{
    int number = node->config.clone_of > 0 ? node->config.clone_of - 1 : node->number;
    struct sl_prng prng;
    sl_prng_init(&prng, fabric->seed + (uint64_t)number * UINT64_C(0x10001) + 1);
    sl_prng_bytes(&prng, node->seed, sizeof(node->seed));
    sl_prng_init(&prng, fabric->seed ^ (node->config.other_secret ? UINT64_C(0xf0e1) : 0));
    sl_prng_bytes(&prng, node->secret, sizeof(node->secret));
}

int sl_fabric_add_node(struct sl_fabric *fabric, const struct sl_fabric_node_config *config)
{
    struct fabric_node *node = calloc(1, sizeof(*node));
    must(fabric, node && fabric->node_count < SL_FABRIC_NODES_MAX, "too many nodes");
    sl_timer_init(&node->timer);
    node->number = fabric->node_count;
    if (config)
        node->config = *config;
    if (node->config.name)
        snprintf(node->name, sizeof(node->name), "%s", node->config.name);
    else
        snprintf(node->name, sizeof(node->name), "node-%d", node->number);
    node->config.name = node->name;
    make_keys(fabric, node);
    make_member(fabric, node);
    node->store = sl_memory_store_new();
    must(fabric, node->store != NULL, "out of memory");
    fabric->nodes[fabric->node_count++] = node;
    sl_fabric_start(fabric, node->number);
    return node->number;
}

int sl_fabric_node_count(const struct sl_fabric *fabric)
{
    return fabric->node_count;
}

struct sl_node *sl_fabric_node(struct sl_fabric *fabric, int number)
{
    return node_of(fabric, number)->node;
}

struct sl_memory_store *sl_fabric_store(struct sl_fabric *fabric, int number)
{
    return node_of(fabric, number)->store;
}

struct sl_fake_member *sl_fabric_member(struct sl_fabric *fabric, int number)
{
    return node_of(fabric, number)->member;
}

const uint8_t *sl_fabric_seed(struct sl_fabric *fabric, int number)
{
    return node_of(fabric, number)->seed;
}

const uint8_t *sl_fabric_secret(struct sl_fabric *fabric, int number)
{
    return node_of(fabric, number)->secret;
}

const struct sl_primitives *sl_fabric_primitives(struct sl_fabric *fabric)
{
    return &fabric->primitives;
}

static void add_peers(struct sl_fabric *fabric, int number, int from, int to)
{
    struct medium *medium = medium_of(fabric, number);
    if (!medium->config.unicast_only || from == to || medium->bearers[from] < 0 ||
        !medium->attached[to])
        return;
    struct sl_address address;
    sl_fabric_address(fabric, number, to, &address);
    int r =
        sl_node_add_peer(fabric->nodes[from]->node, medium->bearers[from], &address, fabric->now);
    must(fabric, r == 0 || r == -EEXIST, "too many peers");
}

static void bring_up(struct sl_fabric *fabric, int number, int node)
{
    struct medium *medium = medium_of(fabric, number);
    if (!medium->attached[node] || !fabric->nodes[node]->node)
        return;
    struct sl_bearer_info info = {
        .broadcast = !medium->config.unicast_only,
        .rate_bps = medium->config.rate_bps,
    };
    snprintf(info.name, sizeof(info.name), "fabric %d", number);
    medium->bearers[node] = sl_node_add_bearer(fabric->nodes[node]->node, &info, fabric->now);
    must(fabric, medium->bearers[node] >= 0, "too many bearers");
    for (int other = 0; other < fabric->node_count; other++)
        add_peers(fabric, number, node, other);
}

void sl_fabric_start(struct sl_fabric *fabric, int number)
{
    struct fabric_node *node = node_of(fabric, number);
    assert(!node->node);
    struct sl_node_config config = {
        .primitives = fabric->primitives,
        .events = node->config.events,
        .quota = node->config.quota,
        .store_bytes_max = node->config.store_bytes_max > 0 ? node->config.store_bytes_max
                                                            : SL_STORE_BYTES_DEFAULT,
        .prng_seed = sl_prng_next(&fabric->prng),
    };
    if (config.quota.airtime_percent == 0)
        sl_quota_config_init(&config.quota);
    memcpy(config.seed, node->seed, SL_KEY_LEN);
    memcpy(config.network_secret, node->secret, SL_KEY_LEN);
    sl_fake_membership(node->member, &config.membership);
    sl_fake_sessions(node->member, &config.sessions);
    sl_memory_store_port(node->store, &config.store);
    node->node = sl_node_new(&config, fabric->now);
    must(fabric, node->node != NULL, "out of memory");
    for (int i = 0; i < fabric->medium_count; i++)
        bring_up(fabric, i, number);
    if (node->config.layer.started)
        node->config.layer.started(node->config.layer.arg, number, node->node, fabric->now);
    finish_turn(fabric, node);
}

static void stop_node(struct sl_fabric *fabric, struct fabric_node *node)
{
    if (node->config.layer.stopping)
        node->config.layer.stopping(node->config.layer.arg, node->number, fabric->now);
    sl_heap_cancel(&fabric->heap, &node->timer);
    sl_node_free(node->node);
    node->node = NULL;
    for (int i = 0; i < fabric->medium_count; i++)
        fabric->media[i]->bearers[node->number] = -1;
}

void sl_fabric_stop(struct sl_fabric *fabric, int number)
{
    struct fabric_node *node = node_of(fabric, number);
    assert(node->node);
    sl_node_close(node->node, fabric->now);
    drain(fabric, node);
    sl_memory_store_commit(node->store);
    stop_node(fabric, node);
}

void sl_fabric_pull_plug(struct sl_fabric *fabric, int number)
{
    struct fabric_node *node = node_of(fabric, number);
    assert(node->node);
    stop_node(fabric, node);
    sl_memory_store_power_cut(node->store);
}

/* ---- Topology ---- */

static struct sl_medium_config medium_defaults(const struct sl_medium_config *config)
{
    struct sl_medium_config result = config ? *config : (struct sl_medium_config){0};
    if (result.delay == 0)
        result.delay = SL_MILLISECOND;
    if (result.rate_bps == 0)
        result.rate_bps = 54000000;
    return result;
}

int sl_fabric_add_medium(struct sl_fabric *fabric, const struct sl_medium_config *config)
{
    struct medium *medium = calloc(1, sizeof(*medium));
    must(fabric, medium && fabric->medium_count < SL_FABRIC_MEDIA_MAX, "too many media");
    medium->config = medium_defaults(config);
    for (int i = 0; i < SL_FABRIC_NODES_MAX; i++)
        medium->bearers[i] = -1;
    fabric->media[fabric->medium_count] = medium;
    return fabric->medium_count++;
}

void sl_fabric_change_medium(struct sl_fabric *fabric, int medium,
                             const struct sl_medium_config *config)
{
    medium_of(fabric, medium)->config = medium_defaults(config);
}

void sl_fabric_attach(struct sl_fabric *fabric, int medium, int node)
{
    struct medium *m = medium_of(fabric, medium);
    assert(node >= 0 && node < fabric->node_count && !m->attached[node]);
    m->attached[node] = true;
    bring_up(fabric, medium, node);
    for (int other = 0; other < fabric->node_count; other++)
        add_peers(fabric, medium, other, node);
    for (int other = 0; other < fabric->node_count; other++)
        if (m->attached[other])
            sl_fabric_touch(fabric, other);
}

void sl_fabric_detach(struct sl_fabric *fabric, int medium, int node)
{
    struct medium *m = medium_of(fabric, medium);
    struct fabric_node *detached = node_of(fabric, node);
    if (detached->node && m->bearers[node] >= 0) {
        sl_node_remove_bearer(detached->node, m->bearers[node], fabric->now);
        finish_turn(fabric, detached);
    }
    m->attached[node] = false;
    m->bearers[node] = -1;
}

int sl_fabric_link(struct sl_fabric *fabric, int a, int b)
{
    int medium = sl_fabric_add_medium(fabric, NULL);
    sl_fabric_attach(fabric, medium, a);
    sl_fabric_attach(fabric, medium, b);
    return medium;
}

void sl_fabric_line(struct sl_fabric *fabric)
{
    for (int i = 0; i + 1 < fabric->node_count; i++)
        sl_fabric_link(fabric, i, i + 1);
}

void sl_fabric_ring(struct sl_fabric *fabric)
{
    sl_fabric_line(fabric);
    sl_fabric_link(fabric, fabric->node_count - 1, 0);
}

int sl_fabric_mesh(struct sl_fabric *fabric)
{
    int medium = sl_fabric_add_medium(fabric, NULL);
    for (int i = 0; i < fabric->node_count; i++)
        sl_fabric_attach(fabric, medium, i);
    return medium;
}

void sl_fabric_cut(struct sl_fabric *fabric, int medium)
{
    medium_of(fabric, medium)->cut = true;
}

void sl_fabric_join(struct sl_fabric *fabric, int medium)
{
    medium_of(fabric, medium)->cut = false;
}

void sl_fabric_block(struct sl_fabric *fabric, int medium, int from, int to, bool blocked)
{
    struct medium *m = medium_of(fabric, medium);
    for (size_t i = m->block_count; i > 0; i--)
        if (m->blocks[i - 1].from == from && m->blocks[i - 1].to == to)
            m->blocks[i - 1] = m->blocks[--m->block_count];
    if (!blocked)
        return;
    must(fabric, m->block_count < BLOCKS_MAX, "too many blocked directions");
    m->blocks[m->block_count++] = (struct block){.from = from, .to = to};
}

void sl_fabric_set_tap(struct sl_fabric *fabric, sl_fabric_tap tap, void *arg)
{
    fabric->tap = tap;
    fabric->tap_arg = arg;
}

uint64_t sl_fabric_datagrams(const struct sl_fabric *fabric, int medium)
{
    return medium_of(fabric, medium)->datagrams;
}

uint64_t sl_fabric_bytes(const struct sl_fabric *fabric, int medium)
{
    return medium_of(fabric, medium)->bytes;
}

/* ---- Predicates and short cuts ---- */

static int link_count(struct sl_fabric *fabric, int medium, int node)
{
    struct sl_neighbour_info info;
    int count = 0;
    for (size_t i = 0; sl_node_neighbour(fabric->nodes[node]->node, i, &info); i++)
        if (info.state == SL_LINK_UP && info.bearer == sl_fabric_bearer(fabric, medium, node))
            count++;
    return count;
}

static bool is_medium_linked(struct sl_fabric *fabric, int medium)
{
    const struct medium *m = fabric->media[medium];
    int running = 0;
    for (int i = 0; i < fabric->node_count; i++)
        running += m->attached[i] && fabric->nodes[i]->node;
    for (int i = 0; i < fabric->node_count; i++)
        if (m->attached[i] && fabric->nodes[i]->node && link_count(fabric, medium, i) < running - 1)
            return false;
    return true;
}

static bool all_linked(struct sl_fabric *fabric, void *arg)
{
    (void)arg;
    for (int i = 0; i < fabric->medium_count; i++)
        if (!fabric->media[i]->cut && !is_medium_linked(fabric, i))
            return false;
    return true;
}

bool sl_fabric_run_until_linked(struct sl_fabric *fabric, sl_time limit)
{
    return sl_fabric_run_until(fabric, all_linked, NULL, limit);
}

static bool all_stored(struct sl_fabric *fabric, void *arg)
{
    const size_t *count = arg;
    size_t first = SIZE_MAX;
    for (int i = 0; i < fabric->node_count; i++) {
        if (!fabric->nodes[i]->node)
            continue;
        size_t stored = sl_fabric_status(fabric, i).stored_count;
        if (stored < *count || (first != SIZE_MAX && stored != first))
            return false;
        first = stored;
    }
    return true;
}

bool sl_fabric_run_until_stored(struct sl_fabric *fabric, size_t count, sl_time limit)
{
    return sl_fabric_run_until(fabric, all_stored, &count, limit);
}

struct sl_node_status sl_fabric_status(struct sl_fabric *fabric, int node)
{
    struct sl_node_status status = {0};
    assert(node_of(fabric, node)->node);
    sl_node_status(node_of(fabric, node)->node, fabric->now, &status);
    return status;
}

int sl_fabric_publish(struct sl_fabric *fabric, int node, const void *payload, size_t len,
                      uint8_t ret_id[SL_ID_LEN])
{
    uint8_t id[SL_ID_LEN];
    struct sl_node *publisher = node_of(fabric, node)->node;
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_CHANNEL,
        .created = sl_node_next_created(publisher, fabric->now),
        .lifetime = (uint32_t)(SL_LIFETIME_DEFAULT / SL_SECOND),
        .payload = payload,
        .payload_len = len,
        .sync = true,
    };
    int r = sl_node_publish(publisher, &draft, fabric->now, ret_id ? ret_id : id);
    sl_fabric_touch(fabric, node);
    return r;
}
