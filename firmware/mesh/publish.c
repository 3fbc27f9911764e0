#include "mesh/node.h"

#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATE_MARGIN SL_HOUR

/* Dates never go back, and nobody takes what is dated past our certificate: a clock that somebody
 * set to the next century must not mute us for good. The margin is for what is published meanwhile.
 */
static int64_t latest_date(const struct sl_node *node)
{
    const struct sl_origin *own = sl_origins_find(node, node->origin);
    int64_t not_after = own ? own->identity.not_after : INT64_MAX;
    if (not_after >= INT64_MAX / SL_SECOND)
        return INT64_MAX - DATE_MARGIN;
    return not_after * SL_SECOND - DATE_MARGIN;
}

uint64_t sl_node_next_created(struct sl_node *node, sl_time now)
{
    int64_t unix_us = sl_min_time(sl_clock_unix(&node->clock, now), latest_date(node));
    uint64_t created = (uint64_t)(unix_us > 0 ? unix_us : now > 0 ? now : 1);
    if (created <= node->last_created)
        created = node->last_created + 1;
    return sl_share_next_room(node, node->origin, created);
}

/* Whether that date is what the clock says, and more than a guess. */
static bool is_dated(const struct sl_node *node, uint64_t created, sl_time now)
{
    return node->clock.source > SL_CLOCK_STORED &&
           created == (uint64_t)sl_clock_unix(&node->clock, now);
}

static int encode(const struct sl_node *node, const struct sl_draft *draft, sl_time now,
                  uint8_t ret_bytes[SL_ENVELOPE_MAX], struct sl_envelope *ret_envelope)
{
    struct sl_envelope envelope = {
        .kind = (uint8_t)draft->kind,
        .flags = is_dated(node, draft->created, now) ? SL_ENVELOPE_DATED : 0,
        .created = draft->created,
        .lifetime = draft->lifetime,
        .payload = draft->payload,
        .payload_len = draft->payload_len,
    };
    memcpy(envelope.origin, node->origin, SL_ORIGIN_LEN);
    int len = sl_envelope_encode(&envelope, &node->config.primitives, node->config.seed, ret_bytes,
                                 SL_ENVELOPE_MAX - SL_ENVELOPE_MUTABLE);
    if (len < 0)
        return len;
    return sl_envelope_decode(ret_bytes, (size_t)len, ret_envelope) < 0 ? -EINVAL : len;
}

static struct sl_stored meta_of(const struct sl_envelope *envelope, int len, sl_time now)
{
    struct sl_stored stored = {
        .kind = envelope->kind,
        .local = true,
        .len = (uint16_t)len,
        .created = envelope->created,
        .lifetime = envelope->lifetime,
        .born = now,
    };
    memcpy(stored.origin, envelope->origin, SL_ORIGIN_LEN);
    return stored;
}

int64_t sl_node_keep_own(struct sl_node *node, const struct sl_draft *draft, sl_time now,
                         struct sl_own_envelope *ret_own)
{
    if (draft->created <= node->last_created)
        return -EINVAL;
    int len = encode(node, draft, now, ret_own->bytes, &ret_own->envelope);
    if (len < 0)
        return len;
    struct sl_stored stored = meta_of(&ret_own->envelope, len, now);
    sl_envelope_id(&ret_own->envelope, &node->config.primitives, stored.id);
    ret_own->durable = 0;
    int64_t number = sl_relay_keep(node, &stored, ret_own->bytes, draft->sync, &ret_own->durable);
    if (number < 0)
        return number == -ENOSPC ? -ENOBUFS : number;
    node->last_created = draft->created;
    return number;
}

int sl_node_publish(struct sl_node *node, const struct sl_draft *draft, sl_time now,
                    uint8_t ret_id[SL_ID_LEN])
{
    struct sl_own_envelope own;
    if (draft->kind != SL_ENVELOPE_IDENTITY)
        sl_origins_announce_before(node, draft->created, now);
    int64_t number = sl_node_keep_own(node, draft, now, &own);
    if (number < 0)
        return (int)number;
    memcpy(ret_id, sl_index_entry(node->index, number)->stored.id, SL_ID_LEN);
    if (own.envelope.kind == SL_ENVELOPE_IDENTITY)
        sl_origins_note_envelope(node, node->origin, sl_short_id(ret_id));
    if (!draft->destination || !sl_routed_publish(node, number, own.bytes, draft, now))
        sl_relay_spread(node, number, own.bytes, NULL, now);
    if (node->config.events.accepted)
        node->config.events.accepted(node->config.events.arg, &own.envelope, ret_id, now, true);
    return own.durable;
}

int sl_node_revoke(struct sl_node *node, const uint8_t *crl, size_t len, sl_time now)
{
    uint8_t id[SL_ID_LEN];
    const struct sl_membership *membership = &node->config.membership;
    int r = membership->take_crl(membership->ctx, crl, len);
    if (r < 0)
        return r;
    if (len <= SL_PAYLOAD_MAX) {
        struct sl_draft draft = {
            .kind = SL_ENVELOPE_REVOCATION,
            .created = sl_node_next_created(node, now),
            .lifetime = (uint32_t)(SL_LIFETIME_MAX / SL_SECOND),
            .payload = crl,
            .payload_len = len,
            .sync = true,
        };
        sl_node_publish(node, &draft, now, id);
    }
    sl_node_judge_all(node, now);
    return 0;
}

/* ---- Reading back ---- */

typedef void (*found_callback)(void *arg, const struct sl_envelope *envelope,
                               const uint8_t id[SL_ID_LEN], sl_time born, bool local, bool relayed);

static size_t collect_kind(const struct sl_node *node, enum sl_envelope_kind kind,
                           struct sl_unrelayed *ret_ids)
{
    size_t count = 0;
    for (int64_t number = sl_index_next(node->index, -1); number >= 0;
         number = sl_index_next(node->index, number)) {
        const struct sl_entry *entry = sl_index_entry(node->index, number);
        if (entry->stored.kind == kind)
            memcpy(ret_ids[count++].id, entry->stored.id, SL_ID_LEN);
    }
    return count;
}

static int read_back(struct sl_node *node, const uint8_t id[SL_ID_LEN], found_callback found,
                     void *arg)
{
    uint8_t bytes[SL_ENVELOPE_MAX];
    struct sl_envelope envelope;
    const struct sl_store_port *store = &node->config.store;
    int64_t number = sl_index_find(node->index, id);
    if (number < 0)
        return 0; /* gone since the walk */
    const struct sl_stored stored = sl_index_entry(node->index, number)->stored;
    int len = store->get(store->ctx, stored.row, bytes, sizeof(bytes));
    if (len < 0 || sl_envelope_decode(bytes, (size_t)len, &envelope) < 0)
        return -EIO;
    found(arg, &envelope, id, stored.born, stored.local, stored.relayed);
    return 0;
}

int sl_node_each(struct sl_node *node, enum sl_envelope_kind kind, sl_time now,
                 void (*found)(void *arg, const struct sl_envelope *envelope,
                               const uint8_t id[SL_ID_LEN], sl_time born, bool local, bool relayed),
                 void *arg)
{
    int result = 0;
    sl_node_drop_expired(node, now);
    size_t cap = sl_index_count(node->index);
    struct sl_unrelayed *ids = calloc(cap > 0 ? cap : 1, sizeof(*ids));
    if (!ids)
        return -ENOMEM;
    size_t count = collect_kind(node, kind, ids);
    for (size_t i = 0; i < count; i++)
        if (read_back(node, ids[i].id, found, arg) < 0)
            result = -EIO;
    free(ids);
    return result;
}
