#include "sim/crowd_reach.h"

#include <stdlib.h>
#include <string.h>

struct sl_reach {
    int count;
    bool first;
    bool *hears, *heard_before; /* [from * count + to] */
    int *neighbours;            /* [station * count ...] */
    size_t *degrees;
    int *component; /* of each station; the lowest number in it */
    int *queue;
    bool *marked;
    int *news; /* to how many neighbours it would be news */
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

struct sl_reach *sl_reach_new(int station_count)
{
    size_t count = (size_t)station_count;
    struct sl_reach *reach = allocate(1, sizeof(*reach));
    reach->count = station_count;
    reach->first = true;
    reach->hears = allocate(count * count, sizeof(bool));
    reach->heard_before = allocate(count * count, sizeof(bool));
    reach->neighbours = allocate(count * count, sizeof(int));
    reach->degrees = allocate(count, sizeof(size_t));
    reach->component = allocate(count, sizeof(int));
    reach->queue = allocate(count, sizeof(int));
    reach->marked = allocate(count, sizeof(bool));
    reach->news = allocate(count, sizeof(int));
    return reach;
}

void sl_reach_free(struct sl_reach *reach)
{
    if (!reach)
        return;
    free(reach->hears);
    free(reach->heard_before);
    free(reach->neighbours);
    free(reach->degrees);
    free(reach->component);
    free(reach->queue);
    free(reach->marked);
    free(reach->news);
    free(reach);
}

static void label_component(struct sl_reach *reach, int label)
{
    size_t head = 0, tail = 0;
    reach->queue[tail++] = label;
    reach->component[label] = label;
    while (head < tail) {
        int at = reach->queue[head++];
        const int *neighbours;
        size_t degree = sl_reach_neighbours(reach, at, &neighbours);
        for (size_t i = 0; i < degree; i++) {
            if (reach->component[neighbours[i]] >= 0)
                continue;
            reach->component[neighbours[i]] = label;
            reach->queue[tail++] = neighbours[i];
        }
    }
}

static void find_links(struct sl_reach *reach)
{
    size_t count = (size_t)reach->count;
    for (size_t a = 0; a < count; a++) {
        reach->degrees[a] = 0;
        for (size_t b = 0; b < count; b++) {
            size_t there = a * count + b, back = b * count + a;
            bool linked =
                reach->hears[there] && reach->hears[back] &&
                (reach->first || (reach->heard_before[there] && reach->heard_before[back]));
            if (linked)
                reach->neighbours[a * count + reach->degrees[a]++] = (int)b;
        }
    }
}

static size_t reached_by_air(const void *arg, int from, int *ret_stations)
{
    return sl_air_reached(arg, from, ret_stations);
}

void sl_reach_snapshot(struct sl_reach *reach, const struct sl_air *air)
{
    sl_reach_look(reach, reached_by_air, air);
}

void sl_reach_look(struct sl_reach *reach, sl_reach_of reached, const void *arg)
{
    size_t count = (size_t)reach->count;
    bool *before = reach->hears;
    reach->hears = reach->heard_before;
    reach->heard_before = before;
    memset(reach->hears, 0, count * count);
    for (int from = 0; from < reach->count; from++) {
        size_t reached_count = reached(arg, from, reach->queue);
        for (size_t i = 0; i < reached_count; i++)
            reach->hears[(size_t)from * count + (size_t)reach->queue[i]] = true;
    }
    find_links(reach);
    reach->first = false;
    for (int i = 0; i < reach->count; i++)
        reach->component[i] = -1;
    for (int i = 0; i < reach->count; i++)
        if (reach->component[i] < 0)
            label_component(reach, i);
}

void sl_reach_hops(struct sl_reach *reach, int from, uint8_t *ret_hops)
{
    size_t head = 0, tail = 0;
    memset(ret_hops, SL_REACH_NEVER, (size_t)reach->count);
    ret_hops[from] = 0;
    reach->queue[tail++] = from;
    while (head < tail) {
        int at = reach->queue[head++];
        const int *neighbours;
        size_t degree = sl_reach_neighbours(reach, at, &neighbours);
        for (size_t i = 0; i < degree; i++) {
            uint8_t *hops = &ret_hops[neighbours[i]];
            if (*hops != SL_REACH_NEVER)
                continue;
            *hops = ret_hops[at] < SL_REACH_NEVER - 1 ? ret_hops[at] + 1 : ret_hops[at];
            reach->queue[tail++] = neighbours[i];
        }
    }
}

/* It has it: that is no news any more. */
static void inform(struct sl_reach *reach, int station)
{
    const int *neighbours;
    size_t degree = sl_reach_neighbours(reach, station, &neighbours);
    reach->marked[station] = true;
    for (size_t i = 0; i < degree; i++)
        reach->news[neighbours[i]]--;
}

/* Of those that have it, the one to most of whose neighbours it is news; -1: to nobody's. */
static int best_sender(const struct sl_reach *reach)
{
    int best = -1;
    for (int i = 0; i < reach->count; i++)
        if (reach->marked[i] && reach->news[i] > (best < 0 ? 0 : reach->news[best]))
            best = i;
    return best;
}

size_t sl_reach_least(struct sl_reach *reach, int from)
{
    size_t senders = 1; /* it says it, even if nobody is there */
    memset(reach->marked, 0, (size_t)reach->count);
    for (int i = 0; i < reach->count; i++)
        reach->news[i] = (int)reach->degrees[i];
    inform(reach, from);
    for (int at = from; at >= 0; at = best_sender(reach)) {
        const int *neighbours;
        size_t degree = sl_reach_neighbours(reach, at, &neighbours);
        senders += at != from;
        for (size_t i = 0; i < degree; i++)
            if (!reach->marked[neighbours[i]])
                inform(reach, neighbours[i]);
    }
    return senders;
}

void sl_reach_expand(struct sl_reach *reach, bool *holders)
{
    memset(reach->marked, 0, (size_t)reach->count);
    for (int i = 0; i < reach->count; i++)
        if (holders[i])
            reach->marked[reach->component[i]] = true;
    for (int i = 0; i < reach->count; i++)
        holders[i] = holders[i] || reach->marked[reach->component[i]];
}

size_t sl_reach_neighbours(const struct sl_reach *reach, int station, const int **ret_neighbours)
{
    *ret_neighbours = reach->neighbours + (size_t)station * (size_t)reach->count;
    return reach->degrees[station];
}

int sl_reach_component(const struct sl_reach *reach, int station)
{
    return reach->component[station];
}

double sl_reach_mean_degree(const struct sl_reach *reach)
{
    size_t sum = 0;
    for (int i = 0; i < reach->count; i++)
        sum += reach->degrees[i];
    return (double)sum / reach->count;
}

bool sl_reach_is_connected(const struct sl_reach *reach)
{
    for (int i = 0; i < reach->count; i++)
        if (reach->component[i] != reach->component[0])
            return false;
    return true;
}
