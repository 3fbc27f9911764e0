#include "bearers/bluetooth_plan.h"

#include "bearers/bluetooth_root.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
    WANTED = 4,      /* links made within one's own part: losing one then cuts nobody off */
    RESERVED = 1,    /* places left for other labels */
    UNKNOWN_MAX = 3, /* links at a time whose other end has said nothing yet */
    SAME_ID_MAX = 3, /* addresses under which one id is remembered: replays have others */
    DOUBLINGS_MAX = 6,
    HOPES_MAX = 3, /* attempts in vain, after which a board is not searched for any more */
};

#define FRESH            (30 * SL_SECOND) /* an advertisement counts this long */
#define TURN_WAIT        (4 * SL_SECOND)  /* the lower id connects first */
#define RETRY_MIN        (2 * SL_SECOND)
#define RETRY_SPARE      (30 * SL_SECOND) /* a link that was given up is not made again at once */
#define CROWDED_MAX      (60 * SL_SECOND)
#define TURN_OVER        (5 * CROWDED_MAX)
#define ANNOUNCE_TIMEOUT (5 * SL_SECOND)
#define PROOF_TIMEOUT    (20 * SL_SECOND) /* that of a handshake, SL_HANDSHAKE_TIMEOUT */
#define ADVERTISE_MIN    SL_SECOND
#define EAGER            SL_MINUTE       /* alone */
#define SETTLED          (5 * SL_MINUTE) /* without a change */

/* ---- Links ---- */

static struct sl_plan_link *find_link(struct sl_plan *plan, uint32_t number)
{
    for (size_t i = 0; i < plan->link_count; i++)
        if (plan->links[i].number == number)
            return &plan->links[i];
    return NULL;
}

size_t sl_plan_link_count(const struct sl_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->link_count; i++)
        count += !plan->links[i].wired && !plan->links[i].dropping;
    return count;
}

static size_t free_places(const struct sl_plan *plan)
{
    size_t taken = sl_plan_link_count(plan) + plan->connecting;
    return taken < SL_BLUETOOTH_LINKS_MAX ? SL_BLUETOOTH_LINKS_MAX - taken : 0;
}

static size_t unknown_count(const struct sl_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->link_count; i++)
        count += !plan->links[i].announced && !plan->links[i].dropping && !plan->links[i].wired;
    return count;
}

/* The link that is needed least, of those that nobody needs; NULL if all are needed. */
static const struct sl_plan_link *spare_link(const struct sl_plan *plan)
{
    const struct sl_plan_link *best = NULL;
    for (size_t i = 0; i < plan->link_count; i++) {
        const struct sl_plan_link *link = &plan->links[i];
        if (!sl_root_is_spare(plan, link))
            continue;
        if (!(link->peer.flags & SL_ADVERT_PARENT))
            return link;
        if (!best)
            best = link;
    }
    return best;
}

static struct sl_plan_link *new_link(struct sl_plan *plan, uint32_t number,
                                     const struct sl_address *address, sl_time now)
{
    struct sl_plan_link *link = &plan->links[plan->link_count++];
    *link = (struct sl_plan_link){.number = number, .address = *address, .opened = now};
    plan->changed_at = now;
    return link;
}

/* ---- Who was seen ---- */

static bool same_address(const struct sl_address *a, const struct sl_address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* By its id, or by where it is: an old advertisement may still bear an old id. */
static bool is_linked(const struct sl_plan *plan, const struct sl_plan_seen *seen)
{
    for (size_t i = 0; i < plan->link_count; i++) {
        const struct sl_plan_link *link = &plan->links[i];
        if ((link->announced && link->peer.id == seen->advert.id) ||
            same_address(&link->address, &seen->address))
            return true;
    }
    return false;
}

static struct sl_plan_seen *find_seen(struct sl_plan *plan, const struct sl_address *address)
{
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++)
        if (plan->seen[i].address.len > 0 && same_address(&plan->seen[i].address, address))
            return &plan->seen[i];
    return NULL;
}

/* Of one id the address that failed most makes room, so that a replayed advertisement cannot push
 * out the board's own for long. */
static struct sl_plan_seen *worst_of_id(struct sl_plan *plan, uint64_t id)
{
    struct sl_plan_seen *worst = NULL;
    size_t count = 0;
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++) {
        struct sl_plan_seen *seen = &plan->seen[i];
        if (seen->address.len == 0 || seen->advert.id != id)
            continue;
        count++;
        if (!worst || seen->failures > worst->failures ||
            (seen->failures == worst->failures && seen->last_seen < worst->last_seen))
            worst = seen;
    }
    return count < SAME_ID_MAX ? NULL : worst;
}

/* A free place, or that of one of our own label, or else of whoever was not heard for longest. */
static struct sl_plan_seen *place_for(struct sl_plan *plan, uint64_t id)
{
    struct sl_plan_seen *oldest = NULL, *oldest_own = NULL;
    struct sl_plan_seen *worst = worst_of_id(plan, id);
    if (worst)
        return worst;
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++) {
        struct sl_plan_seen *seen = &plan->seen[i];
        if (seen->address.len == 0)
            return seen;
        if (!oldest || seen->last_seen < oldest->last_seen)
            oldest = seen;
        if (seen->advert.root == plan->root &&
            (!oldest_own || seen->last_seen < oldest_own->last_seen))
            oldest_own = seen;
    }
    return oldest_own ? oldest_own : oldest;
}

void sl_plan_seen(struct sl_plan *plan, const struct sl_advert *advert,
                  const struct sl_address *address, int8_t rssi, sl_time now)
{
    if (advert->id == plan->id || address->len == 0)
        return;
    struct sl_plan_seen *seen = find_seen(plan, address);
    if (!seen || seen->advert.id != advert->id) {
        seen = seen ? seen : place_for(plan, advert->id);
        *seen = (struct sl_plan_seen){.address = *address, .first_seen = now, .retry_at = now};
        plan->changed_at = now;
    }
    seen->advert = *advert;
    seen->rssi = rssi;
    seen->last_seen = now;
}

static void hold_off(struct sl_plan *plan, const struct sl_address *address, sl_time wait,
                     sl_time now)
{
    struct sl_plan_seen *seen = find_seen(plan, address);
    if (seen)
        seen->retry_at = now + sl_prng_time(&plan->prng, wait - wait / 4, wait + wait / 4);
}

static void count_failure(struct sl_plan *plan, const struct sl_address *address, sl_time now)
{
    struct sl_plan_seen *seen = find_seen(plan, address);
    if (!seen)
        return;
    hold_off(plan, address, RETRY_MIN << seen->failures, now);
    if (seen->failures < DOUBLINGS_MAX)
        seen->failures++;
}

/* ---- Whom to connect to ---- */

static bool is_other_part(const struct sl_plan *plan, const struct sl_plan_seen *seen)
{
    return seen->advert.root != plan->root;
}

static bool is_wanted(const struct sl_plan *plan, const struct sl_plan_seen *seen)
{
    if (seen->address.len == 0 || is_linked(plan, seen))
        return false;
    if (is_other_part(plan, seen))
        return (seen->advert.places > 0 || (seen->advert.flags & SL_ADVERT_ROOM)) &&
               (free_places(plan) > 0 || spare_link(plan));
    return sl_plan_link_count(plan) < WANTED && seen->advert.places > RESERVED;
}

/* When it may be tried; SL_NEVER if not at all as things are. */
static sl_time connect_at(const struct sl_plan *plan, const struct sl_plan_seen *seen, sl_time now)
{
    if (!is_wanted(plan, seen) || now - seen->last_seen > FRESH)
        return SL_NEVER;
    sl_time at = seen->retry_at > plan->next_connect ? seen->retry_at : plan->next_connect;
    sl_time turn = seen->advert.id < plan->id ? seen->first_seen + TURN_WAIT : now;
    if (free_places(plan) <= 1 && turn < seen->turn_over)
        turn = seen->turn_over;
    return turn > at ? turn : at;
}

/* Within one's own part any is as good, and the same choice everywhere would make clusters. */
static uint64_t lot(const struct sl_plan *plan, const struct sl_plan_seen *seen)
{
    uint64_t state = plan->id ^ seen->advert.id;
    return sl_splitmix64(&state);
}

static bool is_preferred(const struct sl_plan *plan, const struct sl_plan_seen *a,
                         const struct sl_plan_seen *b)
{
    bool other_a = is_other_part(plan, a), other_b = is_other_part(plan, b);
    if (other_a != other_b)
        return other_a;
    if (a->failures != b->failures)
        return a->failures < b->failures;
    if (other_a && (a->advert.places > 0) != (b->advert.places > 0))
        return a->advert.places > 0;
    if (other_a && a->linked_at != b->linked_at)
        return a->linked_at < b->linked_at;
    if (other_a && a->rssi != b->rssi)
        return a->rssi > b->rssi;
    return lot(plan, a) < lot(plan, b);
}

static struct sl_plan_seen *choose(struct sl_plan *plan, sl_time now)
{
    struct sl_plan_seen *best = NULL;
    if (plan->connecting || now < plan->next_connect)
        return NULL;
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++) {
        struct sl_plan_seen *seen = &plan->seen[i];
        if (connect_at(plan, seen, now) <= now && (!best || is_preferred(plan, seen, best)))
            best = seen;
    }
    return best;
}

/* Somebody of another part is near, has room, and finds none with us. */
static bool is_kept_out(const struct sl_plan *plan, sl_time now)
{
    if (free_places(plan) > 0 || spare_link(plan))
        return false;
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++) {
        const struct sl_plan_seen *seen = &plan->seen[i];
        if (seen->address.len > 0 && now - seen->last_seen <= FRESH && is_other_part(plan, seen) &&
            !is_linked(plan, seen))
            return true;
    }
    return false;
}

/* ---- Events ---- */

void sl_plan_init(struct sl_plan *plan, uint64_t id, uint8_t psm, uint64_t seed, sl_time now)
{
    assert(id > 0 && id <= SL_PLAN_ID_MASK);
    *plan = (struct sl_plan){.id = id, .psm = psm, .changed_at = now, .crowded_since = SL_NEVER};
    sl_prng_init(&plan->prng, seed);
    sl_root_init(plan, now);
}

void sl_plan_rename(struct sl_plan *plan, uint64_t id, sl_time now)
{
    bool was_root = plan->root == plan->id;
    assert(id > 0 && id <= SL_PLAN_ID_MASK);
    plan->id = id;
    if (was_root || id < plan->root)
        sl_root_init(plan, now);
}

void sl_plan_connected(struct sl_plan *plan, uint32_t number, sl_time now)
{
    plan->connecting = false;
    struct sl_plan_link *link = new_link(plan, number, &plan->connecting_to, now);
    link->outgoing = true;
}

void sl_plan_failed(struct sl_plan *plan, sl_time now)
{
    plan->connecting = false;
    count_failure(plan, &plan->connecting_to, now);
}

/* A stranger may take a free place for a moment, but never that of a member. */
static bool may_displace(const struct sl_plan *plan, const struct sl_plan_seen *seen, sl_time now)
{
    return seen && now - seen->last_seen <= FRESH && is_other_part(plan, seen) && spare_link(plan);
}

int sl_plan_incoming(struct sl_plan *plan, const struct sl_address *address, uint32_t number,
                     uint32_t *ret_drop, sl_time now)
{
    const struct sl_plan_seen *seen = find_seen(plan, address);
    *ret_drop = SL_PLAN_NONE;
    if (unknown_count(plan) >= UNKNOWN_MAX || plan->link_count == SL_PLAN_LINKS_CAP)
        return -EBUSY;
    if (seen && now < seen->turn_over && free_places(plan) <= 1)
        return -EBUSY;
    if (free_places(plan) == 0) {
        if (!may_displace(plan, seen, now))
            return -EBUSY;
        struct sl_plan_link *spare = find_link(plan, spare_link(plan)->number);
        spare->dropping = spare->drop_told = true;
        *ret_drop = spare->number;
    }
    new_link(plan, number, address, now);
    return 0;
}

int sl_plan_wire(struct sl_plan *plan, uint32_t number, sl_time now)
{
    size_t wired = 0;
    const struct sl_address nowhere = {0};
    for (size_t i = 0; i < plan->link_count; i++)
        wired += plan->links[i].wired;
    if (wired == SL_PLAN_WIRED_MAX || plan->link_count == SL_PLAN_LINKS_CAP)
        return -ENOSPC;
    struct sl_plan_link *link = new_link(plan, number, &nowhere, now);
    link->wired = link->proved = true;
    return 0;
}

/* Both may have connected at the same moment; both ends keep that of the lower id, or else the
 * later one, for the earlier is dead without knowing it. */
static bool gives_way(const struct sl_plan *plan, const struct sl_plan_link *old,
                      const struct sl_plan_link *new)
{
    if (old->outgoing == new->outgoing)
        return true;
    return old->outgoing != (plan->id < new->peer.id);
}

static void settle_twins(struct sl_plan *plan, struct sl_plan_link *link)
{
    for (size_t i = 0; i < plan->link_count; i++) {
        struct sl_plan_link *other = &plan->links[i];
        if (other == link || other->dropping || !other->announced || other->wired ||
            other->peer.id != link->peer.id)
            continue;
        if (gives_way(plan, other, link))
            other->dropping = true;
        else
            link->dropping = true;
    }
}

void sl_plan_announced(struct sl_plan *plan, uint32_t number, const struct sl_advert *advert,
                       sl_time now)
{
    struct sl_plan_link *link = find_link(plan, number);
    if (!link || link->dropping || (link->announced && advert->id == plan->id))
        return;
    link->dropping = advert->id == plan->id; /* ourselves, by another adapter or a replay */
    link->announced = true;
    link->peer = *advert;
    if (!link->dropping && !link->wired)
        settle_twins(plan, link);
    sl_root_heard(plan, link, now);
}

void sl_plan_proved(struct sl_plan *plan, uint32_t number, sl_time now)
{
    struct sl_plan_link *link = find_link(plan, number);
    if (!link || link->proved)
        return;
    link->proved = true;
    struct sl_plan_seen *seen = find_seen(plan, &link->address);
    if (seen) {
        seen->failures = 0;
        seen->linked_at = now;
    }
    sl_root_heard(plan, link, now);
}

static void judge_closed(struct sl_plan *plan, const struct sl_plan_link *link, sl_time now)
{
    bool needed = link->number == plan->parent || (link->peer.flags & SL_ADVERT_PARENT);
    if (!link->proved)
        count_failure(plan, &link->address, now);
    else
        hold_off(plan, &link->address, needed && !link->dropping ? RETRY_MIN : RETRY_SPARE, now);
}

void sl_plan_closed(struct sl_plan *plan, uint32_t number, sl_time now)
{
    struct sl_plan_link *link = find_link(plan, number);
    if (!link)
        return;
    judge_closed(plan, link, now);
    *link = plan->links[--plan->link_count];
    plan->changed_at = now;
    if (number == plan->parent)
        sl_root_parent_lost(plan, now);
}

void sl_plan_reset(struct sl_plan *plan, sl_time now)
{
    for (size_t i = plan->link_count; i-- > 0;)
        if (!plan->links[i].wired)
            sl_plan_closed(plan, plan->links[i].number, now);
    plan->connecting = false;
    plan->advertised = (struct sl_advert){0};
    plan->crowded_since = SL_NEVER;
}

/* ---- Actions ---- */

static bool is_overdue(const struct sl_plan_link *link, sl_time now)
{
    if (link->wired)
        return false;
    return (!link->announced && now - link->opened >= ANNOUNCE_TIMEOUT) ||
           (!link->proved && now - link->opened >= PROOF_TIMEOUT);
}

/* One of those that hang on us: the one that did for longest, so that all have their turn. */
static struct sl_plan_link *turn_out(struct sl_plan *plan, sl_time now)
{
    struct sl_plan_link *oldest = NULL;
    for (size_t i = 0; i < plan->link_count; i++) {
        struct sl_plan_link *link = &plan->links[i];
        if (link->wired || link->dropping || link->number == plan->parent)
            continue;
        if (!oldest || link->opened < oldest->opened)
            oldest = link;
    }
    struct sl_plan_seen *seen = oldest ? find_seen(plan, &oldest->address) : NULL;
    if (seen)
        seen->turn_over = now + TURN_OVER;
    return oldest;
}

static struct sl_plan_link *crowded_out(struct sl_plan *plan, sl_time now)
{
    if (!is_kept_out(plan, now)) {
        plan->crowded_since = SL_NEVER;
        return NULL;
    }
    if (plan->crowded_since == SL_NEVER)
        plan->crowded_since = now + sl_prng_time(&plan->prng, 0, CROWDED_MAX / 2);
    if (now - plan->crowded_since < CROWDED_MAX)
        return NULL;
    plan->crowded_since = SL_NEVER;
    return turn_out(plan, now);
}

/* True with the number of a link to close. Each is told once. */
static bool next_drop(struct sl_plan *plan, struct sl_plan_action *ret_action, sl_time now)
{
    struct sl_plan_link *victim = NULL;
    for (size_t i = 0; i < plan->link_count && !victim; i++) {
        struct sl_plan_link *link = &plan->links[i];
        if (!link->drop_told && (link->dropping || is_overdue(link, now)))
            victim = link;
    }
    if (!victim)
        victim = crowded_out(plan, now);
    if (!victim)
        return false;
    victim->dropping = victim->drop_told = true;
    *ret_action = (struct sl_plan_action){.verb = SL_PLAN_DROP, .number = victim->number};
    return true;
}

/* More places than make a difference are not told: each change costs a new advertisement. */
static void own_advert(const struct sl_plan *plan, struct sl_advert *ret_advert)
{
    size_t places = free_places(plan) + plan->connecting; /* which may yet fail */
    *ret_advert = (struct sl_advert){.id = plan->id,
                                     .root = plan->root,
                                     .places = (uint8_t)sl_min_size(places, RESERVED + 1),
                                     .flags = spare_link(plan) ? SL_ADVERT_ROOM : 0,
                                     .psm = plan->psm};
}

static void advert_for(const struct sl_plan *plan, const struct sl_plan_link *link,
                       struct sl_advert *ret_advert)
{
    *ret_advert = (struct sl_advert){.id = plan->id,
                                     .root = plan->root,
                                     .round = plan->round,
                                     .hops = plan->hops,
                                     .psm = plan->psm};
    if (link->number == plan->parent) {
        ret_advert->flags |= SL_ADVERT_PARENT;
        if (sl_root_has_elsewhere(plan))
            ret_advert->flags |= SL_ADVERT_ELSEWHERE;
    }
}

static bool same_advert(const struct sl_advert *a, const struct sl_advert *b)
{
    return a->id == b->id && a->root == b->root && a->round == b->round && a->hops == b->hops &&
           a->places == b->places && a->flags == b->flags && a->psm == b->psm;
}

static bool next_announcement(struct sl_plan *plan, struct sl_plan_action *ret_action)
{
    for (size_t i = 0; i < plan->link_count; i++) {
        struct sl_plan_link *link = &plan->links[i];
        struct sl_advert advert;
        advert_for(plan, link, &advert);
        if (link->dropping || same_advert(&advert, &link->said))
            continue;
        link->said = advert;
        *ret_action = (struct sl_plan_action){
            .verb = SL_PLAN_ANNOUNCE, .number = link->number, .advert = advert};
        return true;
    }
    return false;
}

static bool next_advertisement(struct sl_plan *plan, struct sl_plan_action *ret_action, sl_time now)
{
    struct sl_advert advert;
    if (plan->advertised.id != 0 && now - plan->advertised_at < ADVERTISE_MIN)
        return false;
    own_advert(plan, &advert);
    if (same_advert(&advert, &plan->advertised))
        return false;
    plan->advertised = advert;
    plan->advertised_at = now;
    *ret_action = (struct sl_plan_action){.verb = SL_PLAN_ADVERTISE, .advert = advert};
    return true;
}

static bool next_attempt(struct sl_plan *plan, struct sl_plan_action *ret_action, sl_time now)
{
    struct sl_plan_seen *seen = choose(plan, now);
    if (!seen)
        return false;
    if (free_places(plan) == 0) {
        /* is_wanted() found one. The attempt comes when it is closed. */
        find_link(plan, spare_link(plan)->number)->dropping = true;
        return next_drop(plan, ret_action, now);
    }
    plan->connecting = true;
    plan->connecting_to = seen->address;
    plan->next_connect = now + sl_prng_time(&plan->prng, SL_SECOND / 5, SL_SECOND);
    *ret_action = (struct sl_plan_action){
        .verb = SL_PLAN_CONNECT, .address = seen->address, .advert = seen->advert};
    return true;
}

bool sl_plan_next(struct sl_plan *plan, struct sl_plan_action *ret_action, sl_time now)
{
    sl_root_tick(plan, now);
    return next_drop(plan, ret_action, now) || next_announcement(plan, ret_action) ||
           next_advertisement(plan, ret_action, now) || next_attempt(plan, ret_action, now);
}

static sl_time link_deadline(const struct sl_plan_link *link)
{
    if (link->wired || link->dropping || link->proved)
        return SL_NEVER;
    return link->opened + (link->announced ? PROOF_TIMEOUT : ANNOUNCE_TIMEOUT);
}

sl_time sl_plan_deadline(const struct sl_plan *plan, sl_time now)
{
    struct sl_advert advert;
    sl_time at = sl_root_deadline(plan);
    for (size_t i = 0; i < plan->link_count; i++)
        at = sl_min_time(at, link_deadline(&plan->links[i]));
    own_advert(plan, &advert);
    if (!same_advert(&advert, &plan->advertised))
        at = sl_min_time(at, plan->advertised_at + ADVERTISE_MIN);
    if (plan->crowded_since != SL_NEVER)
        at = sl_min_time(at, plan->crowded_since + CROWDED_MAX);
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX && !plan->connecting; i++)
        at = sl_min_time(at, connect_at(plan, &plan->seen[i], now));
    return at > now ? at : now;
}

static bool has_hopes(const struct sl_plan *plan, sl_time now)
{
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++) {
        const struct sl_plan_seen *seen = &plan->seen[i];
        if (is_wanted(plan, seen) && seen->failures < HOPES_MAX && now - seen->last_seen <= FRESH)
            return true;
    }
    return false;
}

enum sl_plan_search sl_plan_search(const struct sl_plan *plan, sl_time now)
{
    bool alone = sl_plan_link_count(plan) == 0;
    if (has_hopes(plan, now) || (alone && now - plan->changed_at < EAGER))
        return SL_PLAN_EAGER;
    if (alone)
        return SL_PLAN_LONELY;
    return now - plan->changed_at < SETTLED ? SL_PLAN_CALM : SL_PLAN_SETTLED;
}
