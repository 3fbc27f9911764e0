#include "mesh/origins.h"

#include "mesh/give.h"
#include "mesh/crowd.h"
#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    WHO_MAX = 64,     /* origins answered in one element */
    ANSWER_COST = 20, /* of the link's quota, for each: it is a hundred times longer */
};

#define ASK_AGAIN         SL_SECOND
#define ANNOUNCE_AGAIN    (2 * SL_MINUTE) /* if a full store gave it up, or those of our invite */
#define IDENTITY_LIFETIME ((uint32_t)(SL_LIFETIME_MAX / SL_SECOND))

void sl_origins_init(struct sl_origins *origins, uint64_t seed)
{
    sl_map_init(&origins->map, SL_ORIGIN_LEN, SL_ORIGINS_MAX, seed);
}

void sl_origins_done(struct sl_origins *origins)
{
    sl_map_done(&origins->map);
    free(origins->table);
    free(origins->waiting);
}

struct sl_origin *sl_origins_find(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN])
{
    uint32_t number = sl_map_get(&node->origins.map, origin);
    return number == SL_MAP_EMPTY ? NULL : &node->origins.table[number];
}

/* ---- The table ---- */

static int grow(struct sl_origins *origins)
{
    size_t cap = origins->cap > 0 ? origins->cap * 2 : 16;
    struct sl_origin *table = realloc(origins->table, cap * sizeof(*table));
    if (!table)
        return -ENOMEM;
    memset(table + origins->cap, 0, (cap - origins->cap) * sizeof(*table));
    origins->table = table;
    origins->cap = cap;
    return 0;
}

static bool is_needed(const struct sl_node *node, const struct sl_origin *origin)
{
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX; slot++)
        if (node->slots[slot] &&
            memcmp(node->slots[slot]->peer.origin, origin->identity.origin, SL_ORIGIN_LEN) == 0)
            return true;
    return memcmp(origin->identity.origin, node->origin, SL_ORIGIN_LEN) == 0 || origin->revoked ||
           sl_index_origin_bytes(node->index, origin->identity.origin) > 0;
}

/* Gives up an origin that the store holds nothing of; the next in turn, so that none is always the
 * first to go. */
static int64_t evict(struct sl_node *node)
{
    struct sl_origins *origins = &node->origins;
    for (size_t i = 0; i < origins->count; i++) {
        size_t number = origins->hand++ % origins->count;
        struct sl_origin *origin = &origins->table[number];
        if (is_needed(node, origin))
            continue;
        if (origin->used) {
            sl_share_leave(node, origin->invite);
            sl_map_remove(&origins->map, origin->identity.origin);
            origins->used_count--;
        }
        *origin = (struct sl_origin){0};
        return (int64_t)number;
    }
    return -ENOSPC;
}

static int64_t free_number(struct sl_node *node)
{
    struct sl_origins *origins = &node->origins;
    if (origins->count >= SL_ORIGINS_MAX)
        return evict(node);
    if (origins->count == origins->cap && grow(origins) < 0)
        return -ENOMEM;
    return (int64_t)origins->count++;
}

/* Puts it into the table; its invite has counted it. */
static int insert(struct sl_node *node, const struct sl_identity *identity, uint16_t invite,
                  sl_time now)
{
    struct sl_origins *origins = &node->origins;
    const struct sl_quota_config *quota = &node->config.quota;
    int64_t number = free_number(node);
    if (number < 0)
        return (int)number;
    struct sl_origin *origin = &origins->table[number];
    int r = sl_map_put(&origins->map, identity->origin, (uint32_t)number);
    if (r < 0) {
        *origin = (struct sl_origin){0}; /* a hole that eviction finds again */
        return r;
    }
    *origin = (struct sl_origin){.used = true, .identity = *identity, .invite = invite};
    sl_bucket_init(&origin->fresh, quota->origin_rate, quota->origin_burst, now);
    sl_bucket_init(&origin->stock, quota->origin_rate > 0 ? SL_ORIGIN_STOCK_RATE : 0,
                   SL_ORIGIN_STOCK, now);
    origins->used_count++;
    return 0;
}

static int add(struct sl_node *node, const struct sl_identity *identity, sl_time now)
{
    int invite = sl_share_join(node, identity, now);
    if (invite < 0)
        return invite;
    int r = insert(node, identity, (uint16_t)invite, now);
    if (r < 0)
        sl_share_leave(node, (uint16_t)invite);
    else
        sl_refusals_forget_origin(&node->refusals, identity->origin);
    return r;
}

/* Who comes back with a certificate of another invite counts there from now on. */
static int change_invite(struct sl_node *node, const struct sl_origin *origin,
                         const struct sl_identity *identity, sl_time now)
{
    if (memcmp(origin->identity.issuer_serial, identity->issuer_serial,
               sizeof(identity->issuer_serial)) == 0)
        return origin->invite;
    int invite = sl_share_join(node, identity, now);
    if (invite >= 0)
        sl_share_leave(node, origin->invite);
    return invite;
}

int sl_origins_take(struct sl_node *node, const struct sl_identity *identity, sl_time now)
{
    const struct sl_membership *membership = &node->config.membership;
    struct sl_origin *known = sl_origins_find(node, identity->origin);
    if (!known)
        return add(node, identity, now);
    if (memcmp(known->identity.key, identity->key, SL_KEY_LEN) != 0)
        return -EACCES;
    if (identity->not_after < known->identity.not_after)
        return 0; /* an older certificate of the same member */
    int invite = change_invite(node, known, identity, now);
    if (invite < 0)
        return invite;
    known->identity = *identity;
    known->invite = (uint16_t)invite;
    known->revoked = membership->revoked(membership->ctx, identity);
    sl_refusals_forget_origin(&node->refusals, identity->origin);
    return 0;
}

int sl_origins_check_chain(struct sl_node *node, const struct sl_envelope *envelope, sl_time now,
                           struct sl_identity *ret_identity)
{
    const struct sl_membership *membership = &node->config.membership;
    enum sl_refusal refusal = SL_REFUSAL_NONE;
    int r = membership->check(membership->ctx, envelope->payload, envelope->payload_len,
                              sl_node_unix_seconds(node, now), ret_identity, &refusal);
    if (r < 0)
        return r;
    if (memcmp(ret_identity->origin, envelope->origin, SL_ORIGIN_LEN) != 0 ||
        !sl_envelope_verify(envelope, &node->config.primitives, ret_identity->key))
        return -EACCES;
    return 0;
}

void sl_origins_note_envelope(struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN],
                              uint64_t short_id)
{
    struct sl_origin *known = sl_origins_find(node, origin);
    if (!known)
        return;
    known->has_envelope = true;
    known->identity_short = short_id;
}

static void drop_revoked(struct sl_node *node)
{
    int64_t next;
    for (int64_t number = sl_index_next(node->index, -1); number >= 0; number = next) {
        next = sl_index_next(node->index, number);
        const struct sl_stored *stored = &sl_index_entry(node->index, number)->stored;
        const struct sl_origin *origin = sl_origins_find(node, stored->origin);
        if (origin && origin->revoked && stored->kind != SL_ENVELOPE_REVOCATION)
            sl_relay_drop(node, number);
    }
}

/* What a revoked board said goes too: otherwise those who kept it and those who refuse it would try
 * to repair the difference for as long as it lives. */
void sl_origins_judge_all(struct sl_node *node)
{
    const struct sl_membership *membership = &node->config.membership;
    bool any = false;
    for (size_t i = 0; i < node->origins.count; i++) {
        struct sl_origin *origin = &node->origins.table[i];
        if (!origin->used)
            continue;
        bool was = origin->revoked;
        origin->revoked = membership->revoked(membership->ctx, &origin->identity);
        any = any || (origin->revoked && !was);
    }
    if (any)
        drop_revoked(node);
}

/* ---- Envelopes that came before the identity ---- */

static bool was_asked(const struct sl_origins *origins, const uint8_t origin[SL_ORIGIN_LEN],
                      int slot, sl_time now)
{
    for (size_t i = 0; i < SL_WAITING_MAX; i++) {
        const struct sl_waiting *waiting = &origins->waiting[i];
        if (waiting->used && waiting->slot == slot && now - waiting->asked_at < ASK_AGAIN &&
            memcmp(waiting->origin, origin, SL_ORIGIN_LEN) == 0)
            return true;
    }
    return false;
}

void sl_origins_wait(struct sl_node *node, struct sl_link *link,
                     const uint8_t origin[SL_ORIGIN_LEN], uint64_t short_id, sl_time now)
{
    struct sl_origins *origins = &node->origins;
    if (sl_refusals_has_origin(&node->refusals, origin, now))
        return;
    if (!origins->waiting)
        origins->waiting = calloc(SL_WAITING_MAX, sizeof(*origins->waiting));
    if (!origins->waiting)
        return;
    bool asked = was_asked(origins, origin, link->slot, now) || !sl_bucket_take(&link->who, 1, now);
    struct sl_waiting *waiting = &origins->waiting[origins->waiting_at++ % SL_WAITING_MAX];
    *waiting = (struct sl_waiting){.used = true,
                                   .short_id = short_id,
                                   .slot = link->slot,
                                   .asked_at = asked ? INT64_MIN / 2 : now};
    memcpy(waiting->origin, origin, SL_ORIGIN_LEN);
    if (asked)
        return;
    uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_WHO, SL_ORIGIN_LEN);
    if (value)
        memcpy(value, origin, SL_ORIGIN_LEN);
}

void sl_origins_arrived(struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN], sl_time now)
{
    struct sl_origins *origins = &node->origins;
    if (!origins->waiting)
        return;
    for (size_t i = 0; i < SL_WAITING_MAX; i++) {
        struct sl_waiting *waiting = &origins->waiting[i];
        if (!waiting->used || memcmp(waiting->origin, origin, SL_ORIGIN_LEN) != 0)
            continue;
        waiting->used = false;
        struct sl_link *link = node->slots[waiting->slot];
        if (link && link->up)
            sl_want_start(node, link, &waiting->short_id, 1, now);
    }
}

static void answer_who(struct sl_node *node, struct sl_link *link,
                       const uint8_t origin[SL_ORIGIN_LEN], sl_time now)
{
    uint8_t bytes[SL_ENVELOPE_MAX];
    const struct sl_store_port *store = &node->config.store;
    const struct sl_origin *known = sl_origins_find(node, origin);
    if (!known || !known->has_envelope || !sl_bucket_take(&link->quota, ANSWER_COST, now))
        return;
    int64_t number = sl_index_find_short(node->index, known->identity_short);
    if (number < 0)
        return;
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    int len = store->get(store->ctx, entry->stored.row, bytes, sizeof(bytes));
    if (len == entry->stored.len)
        sl_relay_send(node, link, number, bytes, now);
}

void sl_origins_who(struct sl_node *node, struct sl_link *link, const uint8_t *origins, size_t len,
                    sl_time now)
{
    struct sl_reader r;
    sl_reader_init(&r, origins, len);
    for (size_t i = 0; i < WHO_MAX && sl_read_left(&r) >= SL_ORIGIN_LEN; i++)
        answer_who(node, link, sl_read_slice(&r, SL_ORIGIN_LEN), now);
    if (len % SL_ORIGIN_LEN != 0)
        node->status.rejected_malformed++;
}

/* ---- Our own ---- */

static void chain_hash(const struct sl_node *node, const uint8_t *chain, size_t len,
                       uint8_t ret_hash[SL_ID_LEN])
{
    const struct sl_primitives *p = &node->config.primitives;
    p->hash(p->ctx, "starling chain", NULL, chain, len, ret_hash, SL_ID_LEN);
}

static void note_announced(struct sl_node *node, const uint8_t *chain, size_t len, sl_time born)
{
    struct sl_origins *origins = &node->origins;
    if (origins->announced && born < origins->announced_at)
        return;
    origins->announced = true;
    origins->announced_at = born;
    chain_hash(node, chain, len, origins->announced_chain);
}

static bool is_in_store(const struct sl_node *node)
{
    const struct sl_origin *own = sl_origins_find(node, node->origin);
    return own && own->has_envelope && sl_index_find_short(node->index, own->identity_short) >= 0;
}

/* Judged from memory: a disk that cannot be read must not make us shout. */
static bool is_announced(const struct sl_node *node, const uint8_t *chain, size_t len, sl_time now)
{
    const struct sl_origins *origins = &node->origins;
    uint8_t hash[SL_ID_LEN];
    sl_time age = now - origins->announced_at;
    chain_hash(node, chain, len, hash);
    return origins->announced && age < SL_LIFETIME_MAX / 2 &&
           memcmp(hash, origins->announced_chain, SL_ID_LEN) == 0 &&
           (is_in_store(node) || age < ANNOUNCE_AGAIN);
}

/* So that what we publish can be checked when it comes back to us, even without our certificate. */
static void take_own(struct sl_node *node, const uint8_t *chain, size_t len, sl_time now)
{
    const struct sl_membership *membership = &node->config.membership;
    enum sl_refusal refusal;
    struct sl_identity identity = {.not_after = INT64_MAX};
    uint8_t hash[SL_ID_LEN];
    chain_hash(node, chain, len, hash);
    if (memcmp(hash, node->origins.own_chain, SL_ID_LEN) == 0 &&
        sl_origins_find(node, node->origin))
        return; /* as it was a second ago: two signatures need not be checked for that */
    if (membership->check(membership->ctx, chain, len, 0, &identity, &refusal) < 0 ||
        memcmp(identity.key, node->key, SL_KEY_LEN) != 0) {
        identity = (struct sl_identity){.not_after = INT64_MAX};
        memcpy(identity.key, node->key, SL_KEY_LEN);
        memcpy(identity.origin, node->origin, SL_ORIGIN_LEN);
    }
    if (sl_origins_take(node, &identity, now) == 0)
        memcpy(node->origins.own_chain, hash, SL_ID_LEN);
}

static void announce(struct sl_node *node, const uint8_t *chain, size_t len, uint64_t created,
                     sl_time now)
{
    uint8_t id[SL_ID_LEN];
    struct sl_draft draft = {
        .kind = SL_ENVELOPE_IDENTITY,
        .created = created,
        .lifetime = IDENTITY_LIFETIME,
        .payload = chain,
        .payload_len = len,
    };
    int r = sl_node_publish(node, &draft, now, id);
    if (r != -ENOMEM && r != -ENOBUFS)
        note_announced(node, chain, len, now);
}

/* A date that others gave us would count as one more witness for them: without a clock of our own
 * there is none. */
static uint64_t date_of_own(struct sl_node *node, sl_time now)
{
    return node->clock.source > SL_CLOCK_NEIGHBOURS ? sl_node_next_created(node, now)
                                                    : node->last_created + 1;
}

void sl_origins_announce(struct sl_node *node, sl_time now)
{
    uint8_t chain[SL_PAYLOAD_MAX];
    const struct sl_membership *membership = &node->config.membership;
    int len = membership->own_chain(membership->ctx, chain, sizeof(chain));
    if (len < 0)
        return; /* too long to travel: neighbours know it from their sessions */
    take_own(node, chain, (size_t)len, now);
    if (!is_announced(node, chain, (size_t)len, now) && sl_crowd_may_announce(node, now))
        announce(node, chain, (size_t)len, date_of_own(node, now), now);
}

void sl_origins_announce_before(struct sl_node *node, uint64_t created, sl_time now)
{
    uint8_t chain[SL_PAYLOAD_MAX];
    const struct sl_membership *membership = &node->config.membership;
    if (created <= node->last_created + 1)
        return;
    int len = membership->own_chain(membership->ctx, chain, sizeof(chain));
    if (len >= 0 && !is_announced(node, chain, (size_t)len, now))
        announce(node, chain, (size_t)len, created - 1, now);
}

/* ---- From the store ---- */

static void load_entry(struct sl_node *node, const struct sl_entry *entry, sl_time now)
{
    uint8_t bytes[SL_ENVELOPE_MAX];
    struct sl_envelope envelope;
    struct sl_identity identity;
    const struct sl_membership *membership = &node->config.membership;
    const struct sl_store_port *store = &node->config.store;
    int len = store->get(store->ctx, entry->stored.row, bytes, sizeof(bytes));
    if (len < 0 || sl_envelope_decode(bytes, (size_t)len, &envelope) < 0)
        return;
    if (envelope.kind == SL_ENVELOPE_REVOCATION)
        membership->take_crl(membership->ctx, envelope.payload, envelope.payload_len);
    else if (sl_origins_check_chain(node, &envelope, now, &identity) == 0 &&
             sl_origins_take(node, &identity, now) == 0)
        sl_origins_note_envelope(node, envelope.origin, sl_short_id(entry->stored.id));
    if (envelope.kind == SL_ENVELOPE_IDENTITY &&
        memcmp(envelope.origin, node->origin, SL_ORIGIN_LEN) == 0)
        note_announced(node, envelope.payload, envelope.payload_len, entry->stored.born);
}

/* Revocations first, so that whoever they name is not taken. */
void sl_origins_load(struct sl_node *node, sl_time now)
{
    const uint8_t kinds[] = {SL_ENVELOPE_REVOCATION, SL_ENVELOPE_IDENTITY};
    for (size_t i = 0; i < SL_ARRAY_LEN(kinds); i++)
        for (int64_t number = sl_index_next(node->index, -1); number >= 0;
             number = sl_index_next(node->index, number)) {
            const struct sl_entry *entry = sl_index_entry(node->index, number);
            if (entry->stored.kind == kinds[i])
                load_entry(node, entry, now);
        }
}
