#include "mesh/share.h"

#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_LEN = SL_ORIGIN_LEN + 8,
    WINDOWS_MAX = 2 * SL_STORE_COUNT_MAX, /* one for the origin and one for the invite of each */
    STOCK_LEFT = 16, /* of a stock, below which nothing is given on: the next ones are for us */
};

/* An envelope whose date is farther from the mesh clock is late: fifty hops and a repair take less
 * time, and clocks agree better. */
#define LATE SL_MINUTE

/* In the number of a window: creation times are below 2^63, and windows are no shorter than 2 us.
 */
#define OF_INVITE     (UINT64_C(1) << 63)
#define OF_IDENTITIES (UINT64_C(1) << 62)
#define NONE          SL_MAP_EMPTY

/* Whose window: an envelope stands in one of its origin, and in one of its invite if it has one. */
enum holder { ORIGIN, INVITE, HOLDERS };

void sl_share_init(struct sl_shares *shares, uint64_t seed)
{
    sl_map_init(&shares->by_window, KEY_LEN, WINDOWS_MAX, seed);
}

void sl_share_done(struct sl_shares *shares)
{
    sl_map_done(&shares->by_window);
    free(shares->invites);
}

/* ---- Invites ---- */

static bool is_invited(const struct sl_identity *identity)
{
    static const uint8_t authority[sizeof(identity->issuer_serial)];
    return memcmp(identity->issuer_serial, authority, sizeof(authority)) != 0;
}

static int add_invite(struct sl_node *node, const struct sl_identity *identity, sl_time now)
{
    struct sl_shares *shares = &node->shares;
    const struct sl_quota_config *quota = &node->config.quota;
    if (shares->invite_count == shares->invite_cap) {
        size_t cap = shares->invite_cap > 0 ? 2 * shares->invite_cap : 4;
        struct sl_invite *invites = realloc(shares->invites, cap * sizeof(*invites));
        if (!invites)
            return -ENOMEM;
        shares->invites = invites;
        shares->invite_cap = cap;
    }
    struct sl_invite *invite = &shares->invites[shares->invite_count++];
    *invite = (struct sl_invite){0};
    memcpy(invite->serial, identity->issuer_serial, sizeof(invite->serial));
    sl_bucket_init(&invite->fresh, quota->origin_rate > 0 ? SL_INVITE_RATE : 0, SL_INVITE_BURST,
                   now);
    sl_bucket_init(&invite->stock, quota->origin_rate > 0 ? SL_INVITE_STOCK_RATE : 0,
                   SL_INVITE_STOCK, now);
    return (int)shares->invite_count;
}

uint16_t sl_share_invite(const struct sl_node *node, const struct sl_identity *identity)
{
    const struct sl_shares *shares = &node->shares;
    if (!is_invited(identity))
        return SL_INVITE_NONE;
    for (size_t i = 0; i < shares->invite_count; i++)
        if (memcmp(shares->invites[i].serial, identity->issuer_serial,
                   sizeof(identity->issuer_serial)) == 0)
            return (uint16_t)(i + 1);
    return shares->invite_count < SL_INVITES_MAX ? SL_INVITE_NONE : SL_INVITES_MAX;
}

int sl_share_join(struct sl_node *node, const struct sl_identity *identity, sl_time now)
{
    int number = sl_share_invite(node, identity);
    if (number == SL_INVITE_NONE && is_invited(identity))
        number = add_invite(node, identity, now);
    if (number <= 0)
        return number;
    struct sl_invite *invite = &node->shares.invites[number - 1];
    if (invite->origin_count >= SL_INVITE_ORIGINS_MAX)
        return -ENOSPC;
    invite->origin_count++;
    return number;
}

void sl_share_leave(struct sl_node *node, uint16_t invite)
{
    if (invite != SL_INVITE_NONE)
        node->shares.invites[invite - 1].origin_count--;
}

/* ---- Windows ---- */

static void window_key(enum holder holder, const struct sl_stored *stored, uint16_t invite,
                       uint8_t ret_key[KEY_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_key, KEY_LEN);
    if (holder == ORIGIN) {
        sl_write_bytes(&w, stored->origin, SL_ORIGIN_LEN);
        sl_write_u64(&w, stored->created / (uint64_t)SL_ORIGIN_WINDOW);
    } else {
        sl_write_u64(&w, invite);
        sl_write_u64(&w, stored->created / (uint64_t)SL_INVITE_WINDOW | OF_INVITE |
                             (stored->kind == SL_ENVELOPE_IDENTITY ? OF_IDENTITIES : 0));
    }
}

/* Revocations count for nobody but who signs the envelope. */
static bool counts_for(enum holder holder, const struct sl_stored *stored, uint16_t invite)
{
    return holder == ORIGIN || (invite != SL_INVITE_NONE && stored->kind != SL_ENVELOPE_REVOCATION);
}

/* Whether `a` gives way to `b`: the earlier ones stay, so that a flood displaces nothing. */
static bool gives_way(const struct sl_stored *a, const struct sl_stored *b)
{
    if (a->created != b->created)
        return a->created > b->created;
    return memcmp(a->id, b->id, SL_ID_LEN) > 0;
}

static size_t most_in_window(enum holder holder, const struct sl_stored *stored)
{
    if (holder == ORIGIN)
        return SL_ORIGIN_SHARE;
    return stored->kind == SL_ENVELOPE_IDENTITY ? SL_INVITE_IDENTITIES : SL_INVITE_SHARE;
}

static uint32_t next_in_window(const struct sl_node *node, enum holder holder, uint32_t number)
{
    return sl_index_entry(node->index, number)->next_in_window[holder];
}

static int judge_window(const struct sl_node *node, enum holder holder,
                        const struct sl_stored *stored, uint16_t invite, int64_t *ret_victim)
{
    uint8_t key[KEY_LEN];
    size_t count = 0;
    const struct sl_stored *worst = stored;
    int64_t worst_number = -1;
    window_key(holder, stored, invite, key);
    for (uint32_t number = sl_map_get(&node->shares.by_window, key); number != NONE;
         number = next_in_window(node, holder, number)) {
        const struct sl_stored *other = &sl_index_entry(node->index, number)->stored;
        count++;
        if (gives_way(other, worst)) {
            worst = other;
            worst_number = number;
        }
    }
    if (count < most_in_window(holder, stored))
        return 0;
    *ret_victim = worst_number;
    return worst_number < 0 ? -EDQUOT : 0;
}

int sl_share_judge(const struct sl_node *node, const struct sl_stored *stored, uint16_t invite,
                   int64_t ret_victims[2])
{
    for (enum holder holder = ORIGIN; holder < HOLDERS; holder++) {
        ret_victims[holder] = -1;
        if (node->config.quota.origin_rate == 0 || !counts_for(holder, stored, invite))
            continue;
        int r = judge_window(node, holder, stored, invite, &ret_victims[holder]);
        if (r < 0)
            return r;
    }
    if (ret_victims[INVITE] == ret_victims[ORIGIN])
        ret_victims[INVITE] = -1;
    return 0;
}

void sl_share_add(struct sl_node *node, int64_t number, uint16_t invite)
{
    struct sl_entry *entry = sl_index_entry(node->index, number);
    entry->invite = invite;
    for (enum holder holder = ORIGIN; holder < HOLDERS; holder++) {
        uint8_t key[KEY_LEN];
        entry->next_in_window[holder] = NONE;
        if (!counts_for(holder, &entry->stored, invite))
            continue;
        window_key(holder, &entry->stored, invite, key);
        uint32_t first = sl_map_get(&node->shares.by_window, key);
        if (sl_map_put(&node->shares.by_window, key, (uint32_t)number) == 0)
            entry->next_in_window[holder] = first;
        /* else out of memory: this one is kept and not counted */
    }
}

static void remove_from(struct sl_node *node, enum holder holder, uint32_t number)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    uint32_t after = entry->next_in_window[holder];
    uint8_t key[KEY_LEN];
    window_key(holder, &entry->stored, entry->invite, key);
    uint32_t before = sl_map_get(&node->shares.by_window, key);
    if (before == number && after == NONE)
        sl_map_remove(&node->shares.by_window, key);
    else if (before == number)
        sl_map_put(&node->shares.by_window, key, after); /* replaces: cannot fail */
    if (before == number)
        return;
    while (before != NONE && next_in_window(node, holder, before) != number)
        before = next_in_window(node, holder, before);
    if (before != NONE)
        sl_index_entry(node->index, before)->next_in_window[holder] = after;
}

void sl_share_remove(struct sl_node *node, int64_t number)
{
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    for (enum holder holder = ORIGIN; holder < HOLDERS; holder++)
        if (counts_for(holder, &entry->stored, entry->invite))
            remove_from(node, holder, (uint32_t)number);
}

void sl_share_load(struct sl_node *node)
{
    for (int64_t number = sl_index_next(node->index, -1); number >= 0;
         number = sl_index_next(node->index, number)) {
        const struct sl_stored *stored = &sl_index_entry(node->index, number)->stored;
        const struct sl_origin *origin = sl_origins_find(node, stored->origin);
        sl_share_add(node, number, origin ? origin->invite : SL_INVITE_NONE);
    }
}

uint64_t sl_share_next_room(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN],
                            uint64_t created)
{
    struct sl_stored next = {.created = created};
    int64_t victim;
    memcpy(next.origin, origin, SL_ORIGIN_LEN);
    memset(next.id, 0xff, SL_ID_LEN);
    if (node->config.quota.origin_rate == 0)
        return created;
    while (judge_window(node, ORIGIN, &next, SL_INVITE_NONE, &victim) < 0) {
        uint64_t window = next.created / (uint64_t)SL_ORIGIN_WINDOW;
        next.created = (window + 1) * (uint64_t)SL_ORIGIN_WINDOW;
    }
    return next.created;
}

/* ---- Rates ---- */

static const struct sl_invite *invite_of(const struct sl_node *node, const struct sl_origin *origin)
{
    return origin->invite != SL_INVITE_NONE ? &node->shares.invites[origin->invite - 1] : NULL;
}

static bool is_late(uint64_t created, int64_t unix_us)
{
    int64_t lag = unix_us - (int64_t)created;
    return lag > LATE || lag < -LATE;
}

static int64_t unix_us_of(const struct sl_node *node, sl_time now)
{
    return sl_node_unix_seconds(node, now) * SL_SECOND;
}

enum sl_share_rate sl_share_rate_of(const struct sl_node *node, uint64_t created, bool asked_for,
                                    sl_time now)
{
    int64_t unix_us = unix_us_of(node, now);
    if (unix_us == 0)
        return asked_for ? SL_SHARE_STOCK : SL_SHARE_FRESH;
    if (is_late(created, unix_us))
        return SL_SHARE_STOCK;
    return asked_for ? SL_SHARE_FREE : SL_SHARE_FRESH;
}

bool sl_share_may_pay(const struct sl_node *node, const struct sl_origin *origin,
                      enum sl_share_rate rate, sl_time now)
{
    const struct sl_invite *invite = invite_of(node, origin);
    if (rate == SL_SHARE_FREE)
        return true;
    bool late = rate == SL_SHARE_STOCK;
    return sl_bucket_has(late ? &origin->stock : &origin->fresh, 1, now) &&
           (!invite || sl_bucket_has(late ? &invite->stock : &invite->fresh, 1, now));
}

void sl_share_pay(struct sl_node *node, struct sl_origin *origin, enum sl_share_rate rate,
                  sl_time now)
{
    if (rate == SL_SHARE_FREE)
        return;
    bool late = rate == SL_SHARE_STOCK;
    sl_bucket_take(late ? &origin->stock : &origin->fresh, 1, now);
    if (origin->invite == SL_INVITE_NONE)
        return;
    struct sl_invite *invite = &node->shares.invites[origin->invite - 1];
    sl_bucket_take(late ? &invite->stock : &invite->fresh, 1, now);
}

bool sl_share_is_spent(const struct sl_node *node, const struct sl_stored *stored, sl_time now)
{
    int64_t unix_us = unix_us_of(node, now);
    const struct sl_origin *origin = sl_origins_find(node, stored->origin);
    if (stored->local || !origin || unix_us == 0 || !is_late(stored->created, unix_us))
        return false;
    const struct sl_invite *invite = invite_of(node, origin);
    return !sl_bucket_has(&origin->stock, STOCK_LEFT, now) ||
           (invite && !sl_bucket_has(&invite->stock, STOCK_LEFT, now));
}
