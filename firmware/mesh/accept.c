/* What an envelope must pass before it is kept and sent on. */
#include "mesh/give.h"
#include "mesh/node_internal.h"

#include <errno.h>
#include <string.h>

enum {
    FAILURE_COST = 50,  /* of the link's quota, for a signature that does not hold */
    IDENTITY_COST = 50, /* and for a chain, good or not: up to three signatures of P-256 */
};

/* By so much clocks may differ, and an envelope may still be as old as it says. */
#define AGE_SLACK SL_MINUTE

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
    bool asked_for;                   /* free of the origin's quota */
    const struct sl_targets *targets; /* came along a route to these; NULL: it floods */
};

/* Of those that walk about: older ones say nothing about the way. */
#define FRESH (10 * SL_SECOND)

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

/* A relay that lies about the age could make an envelope end early everywhere. Where its date can
 * be checked it is no older than that. The other way round the date proves nothing: clocks may
 * stand still. */
static void limit_age(const struct sl_node *node, struct arrival *a, sl_time now)
{
    int64_t unix_us = node->clock.source > SL_CLOCK_STORED ? sl_clock_unix(&node->clock, now) : 0;
    int64_t created = (int64_t)a->envelope.created;
    if (created <= unix_us && now - a->born > unix_us - created + AGE_SLACK)
        a->born = now - (unix_us - created + AGE_SLACK);
}

static bool is_too_old(const struct arrival *a, sl_time now)
{
    return now - a->born >= (sl_time)a->envelope.lifetime * SL_SECOND || a->hops >= SL_HOPS_MAX;
}

static bool is_well_formed(const struct arrival *a)
{
    if (a->targets && !sl_routed_is_kind(a->envelope.kind))
        return false;
    if (a->targets && a->targets->items[0].back && a->envelope.kind != SL_ENVELOPE_RECEIPT)
        return false;
    if (a->envelope.kind != SL_ENVELOPE_SETTLED)
        return true;
    return a->targets && sl_settle_is_well_formed(&a->envelope);
}

static void note_way(struct sl_node *node, const struct arrival *a, sl_time now)
{
    if (now - a->born < FRESH)
        sl_route_note(node, a->link, a->envelope.origin, a->hops, now);
}

/* Whatever copy comes would be refused: neither signature, age nor hops matter (refused.h). What
 * was sent to all is no business of its sender's alone. */
static void note_refused(struct sl_node *node, const struct arrival *a, sl_time now)
{
    sl_refusals_note(&node->refusals, a->short_id, a->envelope.origin, now);
    if (!a->link->to_all && !a->targets)
        sl_refused_tell(node, a->link, a->short_id, now);
}

/* A certificate that has run out signs nothing any more: not by the date on the envelope, and not
 * by the time that it was really made. */
static bool is_after_expiry(const struct sl_node *node, const struct sl_origin *origin,
                            const struct arrival *a, sl_time now)
{
    int64_t unix_s = sl_node_expiry_seconds(node, now);
    int64_t not_after = origin->identity.not_after;
    return (int64_t)(a->envelope.created / (uint64_t)SL_SECOND) > not_after ||
           (unix_s != 0 && unix_s - (now - a->born) / SL_SECOND > not_after);
}

/* Honest relays pass on only what they checked: whoever does not, and makes us check in vain, pays
 * for it with its quota, and waits when that is used up. */
static uint64_t at_most_burst(const struct sl_node *node, uint32_t cost)
{
    uint32_t burst = node->config.quota.link_burst;
    return burst < cost ? burst : cost;
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

static bool has_room(const struct sl_node *node, uint16_t invite, const struct arrival *a)
{
    struct sl_stored stored = meta_of(a);
    int64_t victims[2];
    return sl_share_judge(node, &stored, invite, victims) == 0;
}

/* Valid identities are without number for the holder of an invite, and their chains are dear. */
static bool is_chain(struct sl_node *node, const struct arrival *a, sl_time now,
                     struct sl_identity *ret_identity)
{
    if (!sl_bucket_take(&a->link->quota, at_most_burst(node, IDENTITY_COST), now)) {
        node->status.rejected_quota++;
        return false;
    }
    if (sl_origins_check_chain(node, &a->envelope, now, ret_identity) == 0)
        return true;
    node->status.rejected_signature++;
    return false;
}

static bool is_identity(struct sl_node *node, const struct arrival *a, sl_time now)
{
    struct sl_identity identity;
    if (!is_chain(node, a, now, &identity))
        return false;
    if (has_room(node, sl_share_invite(node, &identity), a) &&
        sl_origins_take(node, &identity, now) == 0)
        return true;
    node->status.rejected_quota++;
    note_refused(node, a, now);
    sl_refusals_note_origin(&node->refusals, a->envelope.origin, now);
    return false;
}

static bool is_signed(struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    uint64_t failure_cost = at_most_burst(node, FAILURE_COST);
    if (!sl_bucket_has(&a->link->quota, failure_cost, now)) {
        node->status.rejected_quota++;
        return false;
    }
    if (sl_envelope_verify(&a->envelope, &node->config.primitives, origin->identity.key))
        return true;
    sl_bucket_take(&a->link->quota, failure_cost, now);
    node->status.rejected_signature++;
    if (a->link->to_all)
        sl_link_distrust(node, a->link, now); /* hardly the neighbour's own doing */
    return false;
}

/* Of an IDENTITY that is here, and could not be read or judged when the node started: without this
 * all that its member says would be refused for as long as it lives, and given again and again. */
static void learn_from_copy(struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    struct sl_identity identity;
    if (a->envelope.kind != SL_ENVELOPE_IDENTITY || (origin && origin->has_envelope))
        return;
    if (!origin &&
        (!is_chain(node, a, now, &identity) || sl_origins_take(node, &identity, now) < 0))
        return;
    sl_origins_note_envelope(node, a->envelope.origin, a->short_id);
    sl_origins_arrived(node, a->envelope.origin, now);
}

/* Another copy of what is here: its sender holds it. */
static void take_copy(struct sl_node *node, const struct arrival *a, int64_t number, sl_time now)
{
    struct sl_entry *entry = sl_index_entry(node->index, number);
    node->status.duplicates++;
    entry->known_by |= a->link->siblings;
    entry->refused_by &= ~a->link->siblings;
    /* Whoever was first may have said too many, so that nobody takes it from here. */
    if (a->hops + 1 < entry->stored.hops)
        entry->stored.hops = (uint8_t)(a->hops + 1);
    sl_relay_note_copy(node, a->id, a->link);
    if (!a->targets && !entry->quiet)
        sl_tree_copy(node, a->link, number, a->hops, now);
    sl_relay_note_holder(node, number);
    learn_from_copy(node, a, now);
    if (a->hops < entry->stored.hops) /* else it may have come from here, or by the same detour */
        note_way(node, a, now);
    if (a->targets) {
        if (sl_routed_is_confirmed(a->envelope.kind))
            sl_routed_confirm(node, a->link, a->id, true, now);
        sl_routed_take_more(node, number, a->link, a->bytes, a->targets, now);
    } else {
        sl_routed_raise(node, number, now);
    }
}

/* IDENTITY brings its own proof; REVOCATION is the authority's word, whoever passes it on. */
static bool may_speak(const struct sl_node *node, const struct sl_origin *origin,
                      const struct arrival *a, sl_time now)
{
    return a->envelope.kind == SL_ENVELOPE_IDENTITY || a->envelope.kind == SL_ENVELOPE_REVOCATION ||
           (!origin->revoked && !is_after_expiry(node, origin, a, now));
}

/* Counts why it is refused. */
static bool is_genuine(struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    if (!origin && a->envelope.kind != SL_ENVELOPE_IDENTITY) {
        note_refused(node, a, now);
        sl_origins_wait(node, a->link, a->envelope.origin, a->short_id, now);
        node->status.rejected_unknown++;
        return false;
    }
    if (!may_speak(node, origin, a, now)) {
        node->status.rejected_revoked++;
        if (origin->revoked)
            note_refused(node, a, now); /* of expiry its age may say too little */
        return false;
    }
    return a->envelope.kind == SL_ENVELOPE_IDENTITY ? is_identity(node, a, now)
                                                    : is_signed(node, a, now);
}

static bool may_pay(const struct sl_node *node, const struct sl_origin *origin,
                    const struct arrival *a, bool asked_for, sl_time now)
{
    enum sl_share_rate rate = sl_share_rate_of(node, a->envelope.created, asked_for, now);
    return sl_share_may_pay(node, origin, rate, now);
}

/* Before its signature is checked, so that a flood costs little: however it came, it would not be
 * kept. */
static bool is_hopeless(const struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    return origin &&
           (!has_room(node, origin->invite, a) ||
            (!may_pay(node, origin, a, false, now) && !may_pay(node, origin, a, true, now)));
}

static bool is_within_share(const struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    return origin && has_room(node, origin->invite, a) &&
           may_pay(node, origin, a, a->asked_for, now);
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

static bool is_neighbour(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN])
{
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX; slot++)
        if (node->slots[slot] && memcmp(node->slots[slot]->peer.origin, origin, SL_ORIGIN_LEN) == 0)
            return true;
    return false;
}

/* What its date says of the time: neighbours say it in their hellos. */
static void hear_witness(struct sl_node *node, const struct arrival *a, sl_time now)
{
    const struct sl_origin *origin = sl_origins_find(node, a->envelope.origin);
    if ((a->envelope.flags & SL_ENVELOPE_DATED) && !is_neighbour(node, a->envelope.origin) &&
        memcmp(a->envelope.origin, node->origin, SL_ORIGIN_LEN) != 0)
        sl_clock_witness(&node->clock, a->envelope.origin, origin->invite,
                         (int64_t)a->envelope.created, now - a->born, now);
}

/* It came along a route, and goes on along it. */
static void take_along(struct sl_node *node, const struct arrival *a, int64_t number, sl_time now)
{
    struct sl_targets targets = *a->targets;
    uint64_t also = 0;
    if (a->envelope.kind == SL_ENVELOPE_SETTLED)
        also = sl_settle_take(node, &a->envelope, &targets, now);
    bool taken = sl_routed_take(node, number, a->bytes, &targets, also, now);
    if (sl_routed_is_confirmed(a->envelope.kind))
        sl_routed_confirm(node, a->link, a->id, !taken, now);
    if (taken)
        return;
    if (a->envelope.kind == SL_ENVELOPE_SETTLED)
        sl_settle_forget(node, number); /* whoever misses it floods what it was about */
    else if (sl_relay_release(node, number))
        sl_relay_spread(node, number, a->bytes, NULL, now);
}

/* Whether it came by a repair or on a route, and not as payloads do along the tree. */
static bool is_beside_tree(const struct arrival *a)
{
    return a->targets || (a->asked_for && a->link->tree.lazy);
}

static bool keep(struct sl_node *node, const struct arrival *a, sl_time now)
{
    struct sl_stored stored = meta_of(a);
    int durable;
    int64_t number = a->targets ? sl_relay_hold(node, &stored, a->bytes)
                                : sl_relay_keep(node, &stored, a->bytes, false, &durable);
    if (number < 0) {
        node->status.rejected_quota++;
        return false;
    }
    node->status.accepted++;
    a->link->envelopes_in++;
    struct sl_entry *entry = sl_index_entry(node->index, number);
    entry->known_by = sl_tree_arrived(node, a->link, a->short_id) |
                      (a->asked_for ? same_as(node, a->link) : a->link->siblings);
    entry->brought_by = (int8_t)(is_beside_tree(a) ? -1 : a->link->slot);
    if (memcmp(stored.origin, node->origin, SL_ORIGIN_LEN) == 0 &&
        stored.created > node->last_created)
        node->last_created = stored.created; /* ours, from before the store was lost */
    if (stored.kind == SL_ENVELOPE_IDENTITY)
        sl_origins_note_envelope(node, stored.origin, a->short_id);
    note_way(node, a, now);
    if (a->targets) {
        take_along(node, a, number, now);
        return true;
    }
    sl_relay_spread(node, number, a->bytes, a->link, now);
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
    if (is_hopeless(node, a, now)) {
        node->status.rejected_quota++;
        note_refused(node, a, now);
        return;
    }
    if (!is_genuine(node, a, now))
        return;
    a->asked_for = !a->targets && sl_sync_expects(a->link, a->short_id, now);
    if (!is_within_share(node, a, now)) {
        node->status.rejected_quota++;
        return;
    }
    if (is_revocation)
        crl = membership->take_crl(membership->ctx, a->envelope.payload, a->envelope.payload_len);
    if (crl < 0 && crl != -EALREADY) {
        node->status.rejected_malformed++;
        return;
    }
    sl_share_pay(node, sl_origins_find(node, a->envelope.origin),
                 sl_share_rate_of(node, a->envelope.created, a->asked_for, now), now);
    hear_witness(node, a, now);
    bool again = sl_settle_was(node, a->short_id); /* somebody did not hear that it arrived */
    if (keep(node, a, now) && !again)
        tell(node, a, now);
    if (is_revocation && crl == 0)
        sl_node_judge_all(node, now); /* last: it may end the link that brought it */
}

void sl_relay_receive(struct sl_node *node, struct sl_link *link,
                      const struct sl_arriving *arriving, sl_time now)
{
    struct arrival a = {.link = link, .targets = arriving->targets};
    if (decode(arriving->value, arriving->len, now, &a) < 0 || !is_well_formed(&a)) {
        node->status.rejected_malformed++;
        return;
    }
    if (!sl_bucket_take(&link->quota, 1, now)) {
        node->status.rejected_quota++;
        return;
    }
    limit_age(node, &a, now);
    if (is_too_old(&a, now)) {
        node->status.rejected_expired++;
        return;
    }
    sl_envelope_id(&a.envelope, &node->config.primitives, a.id);
    a.short_id = sl_short_id(a.id);
    int64_t number = sl_index_find(node->index, a.id);
    if (number >= 0)
        take_copy(node, &a, number, now);
    else if (sl_index_buried(node->index, a.id)) {
        node->status.duplicates++;
        note_refused(node, &a, now);
    } else if (a.targets && sl_settle_was(node, a.short_id)) {
        if (sl_routed_is_confirmed(a.envelope.kind))
            sl_routed_confirm(node, link, a.id, true, now);
    } else
        examine(node, &a, now);
}
