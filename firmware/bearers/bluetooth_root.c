#include "bearers/bluetooth_root.h"

/* Some 20 links from end to end take well under a second each; 3.5 rounds missed is a loss. */
#define ROUND_INTERVAL (10 * SL_SECOND)
#define ROUND_LOST     (35 * SL_SECOND)

enum { HOPS_MAX = 250 };

/* Serial numbers (RFC 1982): how far a is after b. */
static int16_t rounds_after(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b);
}

static void be_root(struct sl_plan *plan, sl_time now)
{
    plan->root = plan->id;
    plan->round = ++plan->own_round;
    plan->hops = 0;
    plan->parent = SL_PLAN_NONE;
    plan->round_at = now + ROUND_INTERVAL;
}

void sl_root_init(struct sl_plan *plan, sl_time now)
{
    plan->ended_root = 0;
    be_root(plan, now);
}

/* Whoever is seen under the old label is most likely to come along. */
static void relabel_seen(struct sl_plan *plan, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++)
        if (plan->seen[i].address.len > 0 && plan->seen[i].advert.root == from)
            plan->seen[i].advert.root = to;
}

static void follow(struct sl_plan *plan, const struct sl_plan_link *link, sl_time now)
{
    const struct sl_advert *peer = &link->peer;
    if (peer->root != plan->root)
        relabel_seen(plan, plan->root, peer->root);
    if (peer->root != plan->root || peer->round != plan->round)
        plan->round_at = now;
    plan->root = peer->root;
    plan->round = peer->round;
    plan->hops = (uint8_t)(peer->hops + 1);
    plan->parent = link->number;
}

static bool is_believed(const struct sl_plan *plan, const struct sl_plan_link *link)
{
    const struct sl_advert *peer = &link->peer;
    if (!link->proved || !link->announced || link->dropping || peer->hops >= HOPS_MAX)
        return false;
    return peer->root != plan->ended_root || rounds_after(peer->round, plan->ended_round) > 0;
}

/* Behind it is a way to our root that does not lead through us: what is behind us has more hops. */
static bool leads_to_root(const struct sl_plan *plan, const struct sl_plan_link *link)
{
    const struct sl_advert *peer = &link->peer;
    return is_believed(plan, link) && link->number != plan->parent && peer->root == plan->root &&
           rounds_after(peer->round, plan->round) >= 0 && peer->hops <= plan->hops &&
           !(peer->flags & SL_ADVERT_PARENT);
}

void sl_root_parent_lost(struct sl_plan *plan, sl_time now)
{
    const struct sl_plan_link *best = NULL;
    for (size_t i = 0; i < plan->link_count; i++) {
        const struct sl_plan_link *link = &plan->links[i];
        if (leads_to_root(plan, link) && (!best || link->peer.hops < best->peer.hops))
            best = link;
    }
    if (best) {
        follow(plan, best, now);
        return;
    }
    plan->ended_root = plan->root;
    plan->ended_round = plan->round;
    be_root(plan, now);
    for (size_t i = 0; i < plan->link_count; i++)
        sl_root_heard(plan, &plan->links[i], now);
}

static bool is_better(const struct sl_plan *plan, const struct sl_plan_link *link)
{
    const struct sl_advert *peer = &link->peer;
    if (peer->root != plan->root)
        return peer->root < plan->root;
    if (plan->root == plan->id)
        return false; /* our own word, come back */
    int16_t newer = rounds_after(peer->round, plan->round);
    if (newer != 0)
        return newer > 0;
    return peer->hops + 1 < plan->hops && !(peer->flags & SL_ADVERT_PARENT);
}

void sl_root_heard(struct sl_plan *plan, const struct sl_plan_link *link, sl_time now)
{
    const struct sl_advert *peer = &link->peer;
    if (is_believed(plan, link) && is_better(plan, link))
        follow(plan, link, now);
    else if (link->number != plan->parent)
        return;
    else if (!is_believed(plan, link) || peer->root != plan->root ||
             (peer->flags & SL_ADVERT_PARENT))
        sl_root_parent_lost(plan, now);
    else if (peer->round == plan->round)
        plan->hops = (uint8_t)(peer->hops + 1);
}

void sl_root_tick(struct sl_plan *plan, sl_time now)
{
    if (now < sl_root_deadline(plan))
        return;
    if (plan->root != plan->id) {
        plan->ended_root = plan->root;
        plan->ended_round = plan->round;
        be_root(plan, now);
        return;
    }
    plan->round = ++plan->own_round;
    plan->round_at = now + ROUND_INTERVAL;
}

sl_time sl_root_deadline(const struct sl_plan *plan)
{
    return plan->root == plan->id ? plan->round_at : plan->round_at + ROUND_LOST;
}

bool sl_root_has_elsewhere(const struct sl_plan *plan)
{
    for (size_t i = 0; i < plan->link_count; i++)
        if (leads_to_root(plan, &plan->links[i]))
            return true;
    return false;
}

bool sl_root_is_spare(const struct sl_plan *plan, const struct sl_plan_link *link)
{
    if (link->wired || link->dropping || !link->proved || link->number == plan->parent)
        return false;
    if (link->peer.root != plan->root)
        return false; /* it joins two parts, or is about to */
    return !(link->peer.flags & SL_ADVERT_PARENT) || (link->peer.flags & SL_ADVERT_ELSEWHERE);
}
