#include "mesh/route.h"

#include "mesh/node_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    CAP_MIN = 16,
    EVICT_AMONG = 8, /* the one silent for longest of so many is given up */
    LINK_COST = 10,  /* of one that loses nothing; those before it lose as usual: */
    HOP_COST = 13,
    DETOUR_MAX = 6, /* that sharing a link with other targets is worth */
    LOSS_MAX = 900, /* permille */
    ARRIVES_HARDLY = 100,
    FAILURES_MAX = 7,
    OFF_THE_WAY = 26, /* as if two links farther */
};

#define WAY_LIFE    (5 * SL_MINUTE)  /* people walk */
#define AGES        (5 * SL_SECOND)  /* and in each of these its node hides others worse */
#define WAY_FADES   (10 * SL_SECOND) /* and in each of these it costs 1 more */
#define LINK_STANDS (15 * SL_SECOND) /* until then better links may yet come up around it */
#define FLOOD_FOR   (30 * SL_SECOND) /* after a failure; doubling, to about an hour */

void sl_routes_init(struct sl_routes *routes, uint64_t seed)
{
    sl_map_init(&routes->map, SL_ORIGIN_LEN, SL_ROUTES_MAX, seed);
}

void sl_routes_done(struct sl_routes *routes)
{
    sl_map_done(&routes->map);
    free(routes->table);
}

static struct sl_route_to *find(const struct sl_routes *routes, const uint8_t origin[SL_ORIGIN_LEN])
{
    uint32_t number = sl_map_get(&routes->map, origin);
    return number == SL_MAP_EMPTY ? NULL : &routes->table[number];
}

/* ---- Learning ---- */

/* What was heard longest ago, of a few that are next in turn. */
static struct sl_route_to *evict(struct sl_routes *routes)
{
    struct sl_route_to *victim = NULL;
    for (size_t i = 0; i < EVICT_AMONG; i++) {
        struct sl_route_to *to = &routes->table[routes->hand++ % routes->count];
        if (!victim || to->heard_at < victim->heard_at)
            victim = to;
    }
    sl_map_remove(&routes->map, victim->origin);
    return victim;
}

static int grow(struct sl_routes *routes)
{
    size_t cap = routes->cap > 0 ? 2 * routes->cap : CAP_MIN;
    struct sl_route_to *table = realloc(routes->table, cap * sizeof(*table));
    if (!table)
        return -ENOMEM;
    routes->table = table;
    routes->cap = cap;
    return 0;
}

/* NULL if out of memory. */
static struct sl_route_to *add(struct sl_routes *routes, const uint8_t origin[SL_ORIGIN_LEN])
{
    struct sl_route_to *to;
    if (routes->count >= SL_ROUTES_MAX)
        to = evict(routes);
    else if (routes->count == routes->cap && grow(routes) < 0)
        return NULL;
    else
        to = &routes->table[routes->count];
    uint32_t number = (uint32_t)(to - routes->table);
    if (sl_map_put(&routes->map, origin, number) < 0)
        return NULL; /* it never shrinks: so only before the table is full */
    if (number == routes->count)
        routes->count++;
    *to = (struct sl_route_to){.failures = 0};
    memcpy(to->origin, origin, SL_ORIGIN_LEN);
    for (size_t i = 0; i < SL_WAYS_MAX; i++)
        to->ways[i].slot = -1;
    return to;
}

/* The last link as often as it takes to get something across and heard of (ETX: De Couto, Aguayo,
 * Bicket, Morris, MobiCom 2003), as if it lost as much one way as the other; but if the neighbour
 * says whom it receives well, and not us, what we send hardly arrives. */
static uint16_t cost_of(const struct sl_link *link, unsigned hops)
{
    uint32_t frames = link->received + link->lost;
    uint32_t loss = frames > 0 ? (uint32_t)((uint64_t)link->lost * 1000 / frames) : 0;
    uint32_t comes = 1000 - (loss < LOSS_MAX ? loss : LOSS_MAX);
    uint32_t goes = link->cover.lists && !link->cover.hears_us ? ARRIVES_HARDLY : comes;
    return (uint16_t)(HOP_COST * hops + LINK_COST * 1000 * 1000 / (comes * goes));
}

static bool is_known(const struct sl_way *way, sl_time now)
{
    return way->slot >= 0 && now - way->heard_at < WAY_LIFE;
}

/* What it is worth now. */
static unsigned present_cost(const struct sl_way *way, sl_time now)
{
    return way->cost + (unsigned)((now - way->heard_at) / WAY_FADES);
}

/* That of the same link, or one that is gone, or the dearest. */
static struct sl_way *place_for(struct sl_route_to *to, int slot, sl_time now)
{
    struct sl_way *worst = &to->ways[0];
    for (size_t i = 0; i < SL_WAYS_MAX; i++)
        if (to->ways[i].slot == slot)
            return &to->ways[i];
    for (size_t i = 0; i < SL_WAYS_MAX; i++) {
        if (!is_known(&to->ways[i], now))
            return &to->ways[i];
        if (present_cost(&to->ways[i], now) > present_cost(worst, now))
            worst = &to->ways[i];
    }
    return worst;
}

void sl_route_note(struct sl_node *node, const struct sl_link *link,
                   const uint8_t origin[SL_ORIGIN_LEN], unsigned hops, sl_time now)
{
    if (now - link->up_since < LINK_STANDS || memcmp(origin, node->origin, SL_ORIGIN_LEN) == 0)
        return;
    struct sl_route_to *to = find(&node->routes, origin);
    if (!to)
        to = add(&node->routes, origin);
    if (!to)
        return;
    struct sl_way *way = place_for(to, link->slot, now);
    unsigned cost = cost_of(link, hops);
    to->heard_at = now;
    if (is_known(way, now) && present_cost(way, now) < cost)
        return;
    *way = (struct sl_way){.slot = (int8_t)link->slot, .cost = (uint16_t)cost, .heard_at = now};
}

void sl_route_forget_slot(struct sl_node *node, int slot)
{
    for (size_t i = 0; i < node->routes.count; i++)
        for (size_t j = 0; j < SL_WAYS_MAX; j++)
            if (node->routes.table[i].ways[j].slot == slot)
                node->routes.table[i].ways[j].slot = -1;
}

/* ---- Whom for ---- */

static bool is_reachable(const struct sl_route_to *to, sl_time now)
{
    for (size_t i = 0; i < SL_WAYS_MAX; i++)
        if (is_known(&to->ways[i], now))
            return true;
    return false;
}

size_t sl_route_count(const struct sl_node *node, sl_time now)
{
    size_t count = 0;
    for (size_t i = 0; i < node->routes.count; i++)
        count += is_reachable(&node->routes.table[i], now);
    return count;
}

uint8_t sl_route_hops_max(const struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                          sl_time now)
{
    const struct sl_route_to *to = find(&node->routes, destination);
    unsigned least = UINT_MAX;
    for (size_t i = 0; to && i < SL_WAYS_MAX; i++)
        if (is_known(&to->ways[i], now) && to->ways[i].cost < least)
            least = to->ways[i].cost;
    unsigned hops = least == UINT_MAX ? 0 : least / HOP_COST + 1;
    return (uint8_t)sl_min_size(2 * hops + 2, SL_HOPS_MAX);
}

static bool is_in_company(const struct sl_route_to *to, const uint8_t origin[SL_ORIGIN_LEN])
{
    for (size_t i = 0; i < SL_TARGETS - 1; i++)
        if (memcmp(to->company[i], origin, SL_ORIGIN_LEN) == 0)
            return true;
    return memcmp(to->origin, origin, SL_ORIGIN_LEN) == 0;
}

static const struct sl_way *way_over(const struct sl_route_to *to, int slot, sl_time now)
{
    for (size_t i = 0; i < SL_WAYS_MAX; i++)
        if (to->ways[i].slot == slot && is_known(&to->ways[i], now))
            return &to->ways[i];
    return NULL;
}

/* How far apart two nodes seem to be: those beside one another are as far away over each neighbour.
 * The nearer, the more of the way they share. */
static unsigned distance(const struct sl_route_to *a, const struct sl_route_to *b, sl_time now)
{
    unsigned sum = (unsigned)((now - b->heard_at) / AGES);
    for (size_t i = 0; i < SL_WAYS_MAX; i++) {
        const struct sl_way *way = &a->ways[i];
        const struct sl_way *other = is_known(way, now) ? way_over(b, way->slot, now) : NULL;
        if (is_known(way, now))
            sum += !other                    ? OFF_THE_WAY
                   : way->cost > other->cost ? way->cost - (unsigned)other->cost
                                             : other->cost - (unsigned)way->cost;
    }
    return sum;
}

/* NULL: everybody who can be reached is in it. */
static const struct sl_route_to *find_company(const struct sl_node *node,
                                              const struct sl_route_to *to, sl_time now)
{
    const struct sl_route_to *best = NULL;
    unsigned least = UINT_MAX;
    for (size_t i = 0; i < node->routes.count; i++) {
        const struct sl_route_to *other = &node->routes.table[i];
        if (is_in_company(to, other->origin) || !is_reachable(other, now))
            continue;
        unsigned apart = distance(to, other, now);
        if (apart >= least)
            continue;
        least = apart;
        best = other;
    }
    return best;
}

/* Whoever cannot be reached any more is replaced; nobody else, for who is named each time is the
 * one that is meant. */
static bool keep_company(struct sl_node *node, struct sl_route_to *to, sl_time now)
{
    for (size_t i = 0; i < SL_TARGETS - 1; i++) {
        const struct sl_route_to *old = find(&node->routes, to->company[i]);
        if (old && is_reachable(old, now))
            continue;
        const struct sl_route_to *other = find_company(node, to, now);
        if (!other)
            return false;
        memcpy(to->company[i], other->origin, SL_ORIGIN_LEN);
    }
    return true;
}

static int compare_tags(const void *a, const void *b)
{
    const struct sl_target *x = a, *y = b;
    return memcmp(x->tag, y->tag, SL_TARGET_LEN);
}

size_t sl_route_targets(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN], sl_time now,
                        struct sl_target ret_targets[SL_TARGETS_MAX])
{
    struct sl_route_to *to = find(&node->routes, destination);
    if (!to || !is_reachable(to, now) || !keep_company(node, to, now))
        return 0;
    for (size_t i = 0; i < SL_TARGETS; i++) {
        const uint8_t *origin = i == 0 ? to->origin : to->company[i - 1];
        ret_targets[i] = (struct sl_target){.slot = -1};
        memcpy(ret_targets[i].tag, origin, SL_TARGET_LEN);
    }
    qsort(ret_targets, SL_TARGETS, sizeof(*ret_targets), compare_tags); /* the order says nothing */
    return SL_TARGETS;
}

/* ---- Which way ---- */

/* The links that lead to a target, by what they cost; 0 where one does not. */
struct choice {
    uint16_t costs[SL_NEIGHBOURS_MAX];
};

static void offer(struct choice *choice, int slot, unsigned cost)
{
    if (choice->costs[slot] == 0 || cost < choice->costs[slot])
        choice->costs[slot] = (uint16_t)cost;
}

static bool has_tag(const uint8_t origin[SL_ORIGIN_LEN], const uint8_t tag[SL_TARGET_LEN])
{
    return memcmp(origin, tag, SL_TARGET_LEN) == 0;
}

static void find_links(const struct sl_node *node, const uint8_t tag[SL_TARGET_LEN], uint64_t avoid,
                       sl_time now, struct choice *ret_choice)
{
    *ret_choice = (struct choice){0};
    for (int slot = 0; slot < SL_NEIGHBOURS_MAX; slot++) {
        const struct sl_link *link = node->slots[slot];
        if (link && link->up && !(avoid >> slot & 1) && has_tag(link->peer.origin, tag))
            offer(ret_choice, slot, cost_of(link, 0) + LINK_COST * link->untaken);
    }
    for (size_t i = 0; i < node->routes.count; i++) {
        const struct sl_route_to *to = &node->routes.table[i];
        for (size_t j = 0; has_tag(to->origin, tag) && j < SL_WAYS_MAX; j++) {
            const struct sl_way *way = &to->ways[j];
            if (is_known(way, now) && !(avoid >> way->slot & 1) && node->slots[way->slot]->up)
                offer(ret_choice, way->slot,
                      present_cost(way, now) + LINK_COST * node->slots[way->slot]->untaken);
        }
    }
}

/* Leaves those that cost little more than the best. */
static void drop_detours(struct choice *choice)
{
    unsigned best = UINT16_MAX;
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX; slot++)
        if (choice->costs[slot] > 0 && choice->costs[slot] < best)
            best = choice->costs[slot];
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX; slot++)
        if (choice->costs[slot] > best + DETOUR_MAX)
            choice->costs[slot] = 0;
}

/* The link that most targets without one can take, of equals the cheapest; -1: none can. */
static int most_shared(const struct sl_target *targets, const struct choice *choices, size_t count)
{
    size_t most = 0;
    unsigned least = 0;
    int best = -1;
    for (int slot = 0; slot < SL_NEIGHBOURS_MAX; slot++) {
        size_t shared = 0;
        unsigned cost = 0;
        for (size_t i = 0; i < count; i++)
            if (targets[i].slot < 0 && choices[i].costs[slot] > 0) {
                shared++;
                cost += choices[i].costs[slot];
            }
        if (shared > most || (shared == most && shared > 0 && cost < least)) {
            most = shared;
            least = cost;
            best = slot;
        }
    }
    return best;
}

/* A set cover by the greedy rule (Johnson, JCSS 1974). */
void sl_route_choose(const struct sl_node *node, struct sl_target *targets, size_t count,
                     uint64_t avoid, sl_time now)
{
    struct choice choices[SL_TARGETS_MAX];
    int slot;
    for (size_t i = 0; i < count; i++) {
        choices[i] = (struct choice){0};
        if (targets[i].slot >= 0 || targets[i].back || has_tag(node->origin, targets[i].tag))
            continue;
        find_links(node, targets[i].tag, avoid, now, &choices[i]);
        drop_detours(&choices[i]);
    }
    while ((slot = most_shared(targets, choices, count)) >= 0)
        for (size_t i = 0; i < count; i++)
            if (targets[i].slot < 0 && choices[i].costs[slot] > 0)
                targets[i].slot = (int8_t)slot;
}

void sl_route_forget_way(struct sl_node *node, const uint8_t tag[SL_TARGET_LEN], int slot)
{
    for (size_t i = 0; i < node->routes.count; i++) {
        struct sl_route_to *to = &node->routes.table[i];
        for (size_t j = 0; has_tag(to->origin, tag) && j < SL_WAYS_MAX; j++)
            if (to->ways[j].slot == slot)
                to->ways[j].slot = -1;
    }
}

bool sl_route_is_doubtful(const struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                          sl_time now)
{
    const struct sl_route_to *to = find(&node->routes, destination);
    return to && now < to->not_before;
}

void sl_route_judge(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN], bool arrived,
                    sl_time now)
{
    struct sl_route_to *to = find(&node->routes, destination);
    if (!to)
        return;
    if (arrived) {
        to->failures = 0;
        to->not_before = now;
        return;
    }
    to->not_before = now + (FLOOD_FOR << to->failures);
    if (to->failures < FAILURES_MAX)
        to->failures++;
}

void sl_route_reconsider(struct sl_node *node, const uint8_t destination[SL_ORIGIN_LEN],
                         sl_time now)
{
    struct sl_route_to *to = find(&node->routes, destination);
    if (to && to->failures <= 1)
        to->not_before = now;
}
