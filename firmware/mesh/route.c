#include "mesh/route.h"

#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CAP_MIN = 16,
    ORIGIN_BITS = 64,
    EVICT_AMONG = 8,  /* the one silent for longest of so many is given up */
    LOSSY = 250,      /* permille: such a link counts as one more */
    VERY_LOSSY = 500, /* and such a one as three */
    FAILURES_MAX = 7,
};

#define WAY_LIFE   (5 * SL_MINUTE)  /* people walk */
#define WAY_STANDS (10 * SL_SECOND) /* against a longer one that was heard later */
#define FLOOD_FOR  (30 * SL_SECOND) /* after a failure; doubling, to about an hour */

void sl_routes_init(struct sl_routes *routes, uint64_t seed)
{
    sl_map_init(&routes->map, SL_ORIGIN_LEN, SL_ROUTES_MAX, seed);
}

void sl_routes_done(struct sl_routes *routes)
{
    sl_map_done(&routes->map);
    free(routes->table);
}

static struct sl_way *find(const struct sl_routes *routes, const uint8_t origin[SL_ORIGIN_LEN])
{
    uint32_t number = sl_map_get(&routes->map, origin);
    return number == SL_MAP_EMPTY ? NULL : &routes->table[number];
}

/* ---- Learning ---- */

/* What was heard longest ago, of a few that are next in turn. */
static struct sl_way *evict(struct sl_routes *routes)
{
    struct sl_way *victim = NULL;
    for (size_t i = 0; i < EVICT_AMONG; i++) {
        struct sl_way *way = &routes->table[routes->hand++ % routes->count];
        if (!victim || way->heard_at < victim->heard_at)
            victim = way;
    }
    sl_map_remove(&routes->map, victim->origin);
    return victim;
}

static int grow(struct sl_routes *routes)
{
    size_t cap = routes->cap > 0 ? 2 * routes->cap : CAP_MIN;
    struct sl_way *table = realloc(routes->table, cap * sizeof(*table));
    if (!table)
        return -ENOMEM;
    routes->table = table;
    routes->cap = cap;
    return 0;
}

/* NULL if out of memory. */
static struct sl_way *add(struct sl_routes *routes, const uint8_t origin[SL_ORIGIN_LEN])
{
    struct sl_way *way;
    if (routes->count >= SL_ROUTES_MAX)
        way = evict(routes);
    else if (routes->count == routes->cap && grow(routes) < 0)
        return NULL;
    else
        way = &routes->table[routes->count];
    uint32_t number = (uint32_t)(way - routes->table);
    if (sl_map_put(&routes->map, origin, number) < 0)
        return NULL; /* the map is as large as the table: only for lack of memory, when it grows */
    if (number == routes->count)
        routes->count++;
    *way = (struct sl_way){.slot = -1};
    memcpy(way->origin, origin, SL_ORIGIN_LEN);
    return way;
}

static unsigned cost_of(const struct sl_link *link, unsigned hops)
{
    uint32_t frames = link->received + link->lost;
    uint32_t loss = frames > 0 ? (uint32_t)((uint64_t)link->lost * 1000 / frames) : 0;
    return hops + (loss >= VERY_LOSSY ? 4 : loss >= LOSSY ? 2 : 1);
}

void sl_route_note(struct sl_node *node, const struct sl_link *link,
                   const uint8_t origin[SL_ORIGIN_LEN], uint64_t created, unsigned hops,
                   sl_time now)
{
    unsigned cost = cost_of(link, hops);
    if (memcmp(origin, node->origin, SL_ORIGIN_LEN) == 0)
        return;
    struct sl_way *way = find(&node->routes, origin);
    if (!way)
        way = add(&node->routes, origin);
    if (!way)
        return;
    bool stands = way->slot >= 0 && now - way->heard_at < WAY_STANDS;
    if (stands && (cost > way->cost || created < way->created))
        return;
    way->slot = link->slot;
    way->cost = cost;
    way->created = created;
    way->heard_at = now;
}

void sl_route_forget_slot(struct sl_node *node, int slot)
{
    for (size_t i = 0; i < node->routes.count; i++)
        if (node->routes.table[i].slot == slot)
            node->routes.table[i].slot = -1;
}

/* ---- Using ---- */

static bool is_known(const struct sl_way *way, sl_time now)
{
    return way->slot >= 0 && now - way->heard_at < WAY_LIFE;
}

size_t sl_route_count(const struct sl_node *node, sl_time now)
{
    size_t count = 0;
    for (size_t i = 0; i < node->routes.count; i++)
        count += is_known(&node->routes.table[i], now);
    return count;
}

static bool shares(const uint8_t a[SL_ORIGIN_LEN], const uint8_t b[SL_ORIGIN_LEN], unsigned bits)
{
    return bits == 0 || (sl_short_id(a) ^ sl_short_id(b)) >> (ORIGIN_BITS - bits) == 0;
}

static size_t count_sharing(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN],
                            unsigned bits, sl_time now)
{
    size_t count = 0;
    for (size_t i = 0; i < node->routes.count; i++) {
        const struct sl_way *way = &node->routes.table[i];
        count += is_known(way, now) && shares(way->origin, origin, bits);
    }
    return count;
}

/* So many bits that about SL_TARGETS_MIN to twice that number share them, and no fewer do. 0: too
 * few are known. */
static unsigned choose_bits(const struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                            sl_time now)
{
    unsigned bits = 0;
    for (size_t n = sl_route_count(node, now) / SL_TARGETS_MIN; n > 1; n /= 2)
        bits++;
    while (bits > 0 && count_sharing(node, destination, bits, now) < SL_TARGETS_MIN)
        bits--;
    return bits;
}

size_t sl_route_targets(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN], sl_time now,
                        struct sl_target ret_targets[SL_TARGETS_MAX])
{
    const struct sl_way *to = find(&node->routes, destination);
    size_t count = 0;
    bool named = false;
    if (!to || !is_known(to, now) || now < to->not_before)
        return 0;
    unsigned bits = choose_bits(node, destination, now);
    if (bits == 0)
        return 0;
    for (size_t i = 0; i < node->routes.count && count < SL_TARGETS_MAX; i++) {
        const struct sl_way *way = &node->routes.table[i];
        if (!is_known(way, now) || !shares(way->origin, destination, bits))
            continue;
        memcpy(ret_targets[count].tag, way->origin, SL_TARGET_LEN);
        ret_targets[count++].slot = -1;
        named = named || way == to;
    }
    if (!named)
        memcpy(ret_targets[sl_prng_below(&node->prng, count)].tag, destination, SL_TARGET_LEN);
    return count;
}

static bool has_tag(const uint8_t origin[SL_ORIGIN_LEN], const uint8_t tag[SL_TARGET_LEN])
{
    return memcmp(origin, tag, SL_TARGET_LEN) == 0;
}

int sl_route_slot(const struct sl_node *node, const uint8_t tag[SL_TARGET_LEN], sl_time now)
{
    const struct sl_way *best = NULL;
    for (int slot = 0; slot < SL_NEIGHBOURS_MAX; slot++) {
        const struct sl_link *link = node->slots[slot];
        if (link && link->up && has_tag(link->peer.origin, tag))
            return slot;
    }
    for (size_t i = 0; i < node->routes.count; i++) {
        const struct sl_way *way = &node->routes.table[i];
        if (is_known(way, now) && has_tag(way->origin, tag) && (!best || way->cost < best->cost))
            best = way;
    }
    return best ? best->slot : -1;
}

void sl_route_judge(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN], bool arrived,
                    sl_time now)
{
    struct sl_way *way = find(&node->routes, destination);
    if (!way)
        return;
    if (arrived) {
        way->failures = 0;
        return;
    }
    way->not_before = now + (FLOOD_FOR << way->failures);
    if (way->failures < FAILURES_MAX)
        way->failures++;
}
