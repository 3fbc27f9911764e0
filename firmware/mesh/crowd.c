#include "mesh/crowd.h"

#include "mesh/node_internal.h"

#include <string.h>

enum {
    CROWD = 24,             /* so many in reach may all link at once */
    PATHS_ENOUGH = 1,       /* over a neighbour, to whom needs no link of its own */
    ANSWER_OFTEN = 64,      /* with so many in reach one answers a beacon, */
    ANSWER_RARELY = 128,    /* from so many on one in two beacons is answered */
    HANDSHAKES_MAX = 2,     /* at a time, in a crowd */
    ANNOUNCED_A_SECOND = 6, /* in reach together: each costs some fifty frames */
    HASTY_BEACONS = 8,      /* the first ones follow quickly, so that all find each other soon */
    LINKS_FOR_CALM = 8,     /* with so many times more, beacons are so many times rarer */
};

#define WAKING             (3 * SL_SECOND)  /* until one knows whether it is a crowd */
#define SEEKING            (30 * SL_SECOND) /* whoever lacks links then will not get them soon */
#define BEACON_GAP_SEEKING (15 * SL_MILLISECOND) /* between any two beacons in reach */
#define BEACON_GAP_CALM    (50 * SL_MILLISECOND)
#define SEEKING_MAX        (4 * SL_SECOND)
#define CALM_MAX           (20 * SL_SECOND) /* two may be lost, and it still counts as in reach */

static unsigned link_count(const struct sl_node *node, int bearer)
{
    return sl_count_bits(node->bearers[bearer].links);
}

bool sl_crowd_seeks(const struct sl_node *node, int bearer)
{
    return !node->bearers[bearer].info.broadcast || link_count(node, bearer) < SL_LINKS_SOUGHT;
}

static unsigned in_reach(const struct sl_beacon_census *census)
{
    return census->heard > census->others_heard ? census->heard : census->others_heard;
}

static unsigned seeking(const struct sl_beacon_census *census)
{
    return census->seeking > census->others_seeking ? census->seeking : census->others_seeking;
}

static bool is_crowd(const struct sl_beacon_census *census)
{
    return in_reach(census) > CROWD;
}

/* Of `count` who might answer a beacon some do: the fewer, the more are in reach, down to one for
 * every second beacon. */
static bool is_chosen(struct sl_node *node, const struct sl_beacon_census *census, unsigned count)
{
    unsigned reach = in_reach(census) < ANSWER_RARELY ? in_reach(census) : ANSWER_RARELY;
    uint64_t one_in = (uint64_t)count * reach / ANSWER_OFTEN;
    return one_in <= 1 || sl_prng_below(&node->prng, one_in) == 0;
}

static void note(struct sl_node *node, int bearer, const struct sl_greeting *beacon, bool apart)
{
    struct sl_beacon_source source = {.bearer = (uint8_t)bearer};
    struct sl_beacon_word word = {
        .links = beacon->links, .heard = beacon->heard, .seeking = beacon->seeking};
    memcpy(source.link_id, beacon->from, SL_LINK_ID_LEN);
    sl_beacons_mark(&node->beacons, &source, &word, apart);
}

bool sl_crowd_wants(struct sl_node *node, int bearer, const struct sl_greeting *beacon, sl_time now)
{
    bool apart = sl_cover_namers(node, bearer, beacon->from) < PATHS_ENOUGH;
    note(node, bearer, beacon, apart);
    const struct sl_beacon_census *census = sl_beacons_census(&node->beacons, bearer, now);
    if (!node->bearers[bearer].info.broadcast || !is_crowd(census))
        return true;
    if (sl_link_handshakes_alive(node, now) >= HANDSHAKES_MAX)
        return false;
    if (sl_crowd_seeks(node, bearer))
        return is_chosen(node, census, seeking(census));
    if (beacon->links < SL_LINKS_SOUGHT)
        return is_chosen(node, census, in_reach(census));
    return apart && link_count(node, bearer) < SL_LINKS_BRIDGED &&
           is_chosen(node, census, census->apart);
}

static uint8_t in_steps(unsigned count)
{
    unsigned steps = count / SL_BEACON_STEP;
    return (uint8_t)(steps < UINT8_MAX ? steps : UINT8_MAX);
}

void sl_crowd_describe(struct sl_node *node, int bearer, sl_time now, struct sl_greeting *beacon)
{
    const struct sl_beacon_census *census = sl_beacons_census(&node->beacons, bearer, now);
    beacon->links = (uint8_t)link_count(node, bearer);
    beacon->heard = in_steps(census->heard);
    beacon->seeking = in_steps(census->seeking);
}

static bool is_settled(struct sl_node *node, int number, sl_time now)
{
    const struct sl_node_bearer *bearer = &node->bearers[number];
    const struct sl_beacon_census *census = sl_beacons_census(&node->beacons, number, now);
    if (now - bearer->since < WAKING)
        return false;
    bool waited = now - bearer->since >= SEEKING;
    if (!is_crowd(census))
        return bearer->links != 0 || waited;
    return (!sl_crowd_seeks(node, number) || waited) &&
           sl_prng_below(&node->prng, in_reach(census)) < ANNOUNCED_A_SECOND;
}

bool sl_crowd_may_announce(struct sl_node *node, sl_time now)
{
    for (int i = 0; i < SL_BEARERS_MAX; i++)
        if (node->bearers[i].used && node->bearers[i].info.broadcast && !is_settled(node, i, now))
            return false;
    return true;
}

static sl_time max_time(sl_time a, sl_time b)
{
    return a > b ? a : b;
}

sl_time sl_crowd_beacon_interval(struct sl_node *node, int number, sl_time now)
{
    const struct sl_node_bearer *bearer = &node->bearers[number];
    const struct sl_beacon_census *census = sl_beacons_census(&node->beacons, number, now);
    unsigned links = link_count(node, number);
    bool hurries = is_crowd(census) ? now - bearer->since < SEEKING && links < SL_LINKS_SOUGHT
                                    : bearer->beacon_count < HASTY_BEACONS;
    if (links == 0 || hurries)
        return sl_min_time(max_time(in_reach(census) * BEACON_GAP_SEEKING, SL_SECOND), SEEKING_MAX);
    sl_time interval = SL_BEACON_INTERVAL * (links > LINKS_FOR_CALM ? links / LINKS_FOR_CALM : 1);
    return sl_min_time(max_time(in_reach(census) * BEACON_GAP_CALM, interval), CALM_MAX);
}
