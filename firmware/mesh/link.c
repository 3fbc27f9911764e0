#include "mesh/link.h"

#include "mesh/node_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVER_HANDSHAKES_MAX = 12, /* the rest is for those that we open: a flood cannot take them */
    RETRY_HANDSHAKES_MAX = 8,   /* the rest is for neighbours that never failed before */
    LINKS_PER_MEMBER = 4,       /* a board has few radios; its key must not fill the table */
};

/* A handshake gives way when it was silent for so long: after an answer, and before the first. */
#define SILENT_AFTER     (2 * SL_SECOND)
#define UNANSWERED_AFTER (500 * SL_MILLISECOND)
#define FIRST_GAP        (2 * SL_SECOND) /* between hellos, assumed until two came */
#define HELLO_GAP_MAX    (10 * SL_SECOND)
#define DROP_RETRY       SL_SECOND
#define STALE_FRAMES     3 /* no radio doubles or delays so many in a row */

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);

/* ---- Making and freeing ---- */

static struct sl_link *link_new(struct sl_node *node, struct sl_neighbour *neighbour,
                                struct sl_session *session, sl_time now)
{
    const struct sl_quota_config *quota = &node->config.quota;
    struct sl_link *link = calloc(1, sizeof(*link));
    if (!link)
        return NULL;
    link->neighbour = neighbour;
    link->session = session;
    link->started_at = now;
    link->answered_at = now;
    link->last_heard = now;
    link->slot = -1;
    link->key_retry_at = SL_NEVER;
    link->refused_epoch = -1;
    link->dropped_epoch = -1;
    link->drop_at = SL_NEVER;
    link->hello_gap = FIRST_GAP;
    for (size_t i = 0; i < SL_KEY_CLASSES; i++)
        link->acked[i] = -1;
    sl_bucket_init(&link->quota, quota->link_rate, quota->link_burst, now);
    link->accepted_before = node->status.accepted;
    sl_bucket_init(&link->who, SL_WHO_RATE, SL_WHO_BURST, now);
    sl_alarm_init(&link->alarm, fire);
    sl_sync_init(node, link, now);
    sl_tree_link_init(link, now);
    sl_refused_link_init(link);
    node->handshakes[node->handshake_count++] = link;
    return link;
}

static void leave_handshakes(struct sl_node *node, const struct sl_link *link)
{
    for (size_t i = 0; i < node->handshake_count; i++)
        if (node->handshakes[i] == link) {
            node->handshakes[i] = node->handshakes[--node->handshake_count];
            node->handshakes[node->handshake_count] = NULL;
            return;
        }
}

static void leave_slot(struct sl_node *node, struct sl_link *link)
{
    uint64_t bit = UINT64_C(1) << link->slot;
    for (size_t i = 0; i < SL_NEIGHBOURS_MAX; i++)
        if (node->slots[i])
            node->slots[i]->siblings &= ~bit;
    node->slots[link->slot] = NULL;
    node->bearers[link->neighbour->bearer].links &= ~bit;
    sl_index_forget_neighbour(node->index, (size_t)link->slot);
    sl_route_forget_slot(node, link->slot);
    sl_routed_forget_slot(node, link->slot);
    sl_cover_forget_slot(node, link->slot);
    sl_clock_forget(&node->clock, (size_t)link->slot);
}

void sl_link_free(struct sl_node *node, struct sl_link *link)
{
    struct sl_neighbour *neighbour = link->neighbour;
    if (node->taking == link)
        node->taking = NULL;
    sl_sync_done(node, link);
    sl_tree_forget_link(node, link);
    sl_refused_forget_link(node, link);
    sl_revocation_forget_link(node, link);
    sl_output_forget_link(node, link);
    if (link->slot >= 0)
        leave_slot(node, link);
    leave_handshakes(node, link);
    sl_heap_cancel(&node->alarms, &link->alarm.timer);
    sl_keys_done(link);
    node->config.sessions.free(link->session);
    if (neighbour->link == link)
        neighbour->link = neighbour->pending;
    neighbour->pending = NULL;
    node->config.primitives.wipe(node->config.primitives.ctx, link, sizeof(*link));
    free(link);
}

/* ---- Sessions ---- */

static sl_time silence_at(const struct sl_link *link)
{
    if (!link->up)
        return link->started_at + SL_HANDSHAKE_TIMEOUT;
    return link->last_heard + sl_link_patience(link);
}

/* When somebody else must have spoiled the window with forged counters: what the peer says to all
 * arrives but is stale, and no hello does. A link that merely loses them keeps the key: to speak to
 * each neighbour alone would cost a crowd its air. Before the link would end for it. */
static sl_time deaf_at(const struct sl_link *link)
{
    if (!link->up || !link->receivers[SL_KEY_BEARER][0].window || link->stale < STALE_FRAMES)
        return SL_NEVER;
    sl_time heard = link->sync.hello_at > link->up_since ? link->sync.hello_at : link->up_since;
    return heard + sl_link_patience(link) * 7 / 10;
}

static void schedule(struct sl_node *node, struct sl_link *link)
{
    sl_time at = node->config.sessions.deadline(link->session);
    at = sl_min_time(at, link->key_retry_at);
    at = sl_min_time(at, sl_min_time(link->drop_at, deaf_at(link)));
    sl_node_alarm(node, &link->alarm, sl_min_time(at, silence_at(link)));
}

void sl_link_note_stale(struct sl_node *node, struct sl_link *link)
{
    if (++link->stale == STALE_FRAMES)
        schedule(node, link);
}

/* A datagram of a session, in a LINK packet. */
static void send_inner(struct sl_node *node, const struct sl_neighbour *neighbour,
                       const uint8_t *inner, size_t inner_len)
{
    uint8_t packet[SL_DATAGRAM_MAX];
    int len = sl_link_packet_encode(&node->config.primitives, node->beacon_key, neighbour->own_id,
                                    neighbour->peer_id, inner, inner_len, packet, sizeof(packet));
    if (len > 0)
        sl_output_datagram(node, neighbour->bearer, &neighbour->address, packet, (size_t)len);
}

/* Sends what the session has to send. */
static void flush(struct sl_node *node, struct sl_link *link)
{
    uint8_t inner[SL_DATAGRAM_MAX - SL_LINK_OVERHEAD];
    size_t inner_len;
    while ((inner_len = node->config.sessions.transmit(link->session, inner, sizeof(inner))) > 0)
        send_inner(node, link->neighbour, inner, inner_len);
}

void sl_link_end(struct sl_node *node, struct sl_link *link, enum sl_refusal refusal, sl_time now)
{
    struct sl_neighbour *neighbour = link->neighbour;
    if (refusal != SL_REFUSAL_NONE) {
        node->status.refused[refusal]++;
        neighbour->last_refusal = refusal;
    }
    node->config.sessions.close(link->session);
    flush(node, link);
    sl_link_free(node, link);
    sl_neighbour_unlinked(node, neighbour, now);
}

static size_t server_handshakes(const struct sl_node *node)
{
    size_t count = 0;
    for (size_t i = 0; i < node->handshake_count; i++)
        count += !node->handshakes[i]->client;
    return count;
}

/* Whether it gives way to others when all places are taken. */
static bool is_silent(const struct sl_link *link, sl_time now)
{
    bool answered = link->answered_at > link->started_at;
    return now - link->answered_at >= (answered ? SILENT_AFTER : UNANSWERED_AFTER);
}

size_t sl_link_handshakes_alive(const struct sl_node *node, sl_time now)
{
    size_t count = 0;
    for (size_t i = 0; i < node->handshake_count; i++)
        count += node->handshakes[i]->client && !is_silent(node->handshakes[i], now);
    return count;
}

static struct sl_link *silent_handshake(const struct sl_node *node, bool servers_only, sl_time now)
{
    struct sl_link *result = NULL;
    for (size_t i = 0; i < node->handshake_count; i++) {
        struct sl_link *link = node->handshakes[i];
        if ((servers_only && link->client) || !is_silent(link, now))
            continue;
        if (!result || link->started_at < result->started_at)
            result = link;
    }
    return result;
}

/* Sessions with strangers on that bearer: those that we open have their own, so that a flood of
 * theirs leaves room for ours. */
static struct sl_bucket *openings_of(struct sl_node *node, const struct sl_neighbour *neighbour,
                                     bool client)
{
    return &node->bearers[neighbour->bearer].openings[client];
}

static void note_opening(struct sl_node *node, const struct sl_neighbour *neighbour, bool client,
                         sl_time now)
{
    if (!neighbour->was_linked)
        sl_bucket_take(openings_of(node, neighbour, client), 1, now);
}

/* Handshakes are dear: their number and their rate are capped, and the silent ones give way.
 * `ret_victim` is the one that has to, or NULL. */
static bool may_begin(struct sl_node *node, const struct sl_neighbour *neighbour, bool client,
                      sl_time now, struct sl_link **ret_victim)
{
    bool failed_before = neighbour->last_refusal != SL_REFUSAL_NONE;
    bool servers_only = !client && server_handshakes(node) >= SERVER_HANDSHAKES_MAX;
    *ret_victim = NULL;
    if (!neighbour->was_linked && !sl_bucket_has(openings_of(node, neighbour, client), 1, now))
        return false;
    if (client && failed_before && node->handshake_count >= RETRY_HANDSHAKES_MAX)
        return false;
    if (!servers_only && node->handshake_count < SL_HANDSHAKES_MAX)
        return true;
    *ret_victim = silent_handshake(node, servers_only, now);
    return *ret_victim != NULL;
}

static void refuse_busy(struct sl_node *node, struct sl_neighbour *neighbour)
{
    node->status.refused[SL_REFUSAL_BUSY]++;
    neighbour->last_refusal = SL_REFUSAL_BUSY;
}

/* Takes ownership of the session. NULL if out of memory. */
static struct sl_link *attach_take(struct sl_node *node, struct sl_neighbour *neighbour,
                                   struct sl_session *session, sl_time now)
{
    struct sl_link *link = link_new(node, neighbour, session, now);
    if (!link) {
        node->config.sessions.free(session);
        return NULL;
    }
    if (neighbour->link)
        neighbour->pending = link;
    else
        neighbour->link = link;
    return link;
}

static bool pump(struct sl_node *node, struct sl_link *link, sl_time now);

void sl_link_connect(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now)
{
    const struct sl_sessions *sessions = &node->config.sessions;
    struct sl_link *victim;
    if (!may_begin(node, neighbour, true, now, &victim)) {
        refuse_busy(node, neighbour);
        sl_neighbour_unlinked(node, neighbour, now);
        return;
    }
    if (victim)
        sl_link_end(node, victim, SL_REFUSAL_TIMEOUT, now);
    struct sl_session *session =
        sessions->connect(sessions->ctx, sl_node_unix_seconds(node, now), now);
    struct sl_link *link = session ? attach_take(node, neighbour, session, now) : NULL;
    if (!link) {
        sl_neighbour_unlinked(node, neighbour, now);
        return;
    }
    link->client = true;
    note_opening(node, neighbour, true, now);
    pump(node, link, now);
}

/* ---- Open ---- */

void sl_link_offer_keys(struct sl_node *node, struct sl_link *link, sl_time now)
{
    sl_keys_offer(node, link, now);
    flush(node, link);
    schedule(node, link);
}

static void come_up(struct sl_node *node, struct sl_link *link, sl_time now)
{
    if (link->up || !link->receivers[SL_KEY_LINK][0].window || link->acked[SL_KEY_LINK] < 0)
        return;
    link->up = true;
    link->up_since = now;
    link->last_heard = now;
    node->bearers[link->neighbour->bearer].links |= UINT64_C(1) << link->slot;
    sl_neighbour_linked(node, link->neighbour, now);
    sl_sync_start(node, link, now);
    sl_revocation_tell(node, &(struct sl_route){.bearer = link->neighbour->bearer, .link = link});
}

enum sl_refusal sl_link_judge(const struct sl_node *node, const struct sl_identity *peer,
                              sl_time now)
{
    const struct sl_membership *membership = &node->config.membership;
    int64_t unix_s = sl_node_expiry_seconds(node, now);
    if (memcmp(peer->key, node->key, SL_KEY_LEN) == 0)
        return SL_REFUSAL_SELF;
    if (membership->revoked(membership->ctx, peer))
        return SL_REFUSAL_REVOKED;
    if (unix_s > peer->not_after)
        return SL_REFUSAL_EXPIRED;
    return SL_REFUSAL_NONE;
}

static uint64_t slots_of(const struct sl_node *node, const uint8_t key[SL_KEY_LEN])
{
    uint64_t slots = 0;
    for (size_t i = 0; i < SL_NEIGHBOURS_MAX; i++)
        if (node->slots[i] && memcmp(node->slots[i]->peer.key, key, SL_KEY_LEN) == 0)
            slots |= UINT64_C(1) << i;
    return slots;
}

/* One member holds few slots: of too many links the one silent for longest goes. */
static void limit_siblings(struct sl_node *node, const struct sl_link *link, sl_time now)
{
    uint64_t slots = slots_of(node, link->peer.key);
    struct sl_link *victim = NULL;
    if (sl_count_bits(slots) < LINKS_PER_MEMBER)
        return;
    for (; slots != 0; slots &= slots - 1) {
        struct sl_link *other = node->slots[__builtin_ctzll(slots)];
        if (other->neighbour != link->neighbour &&
            (!victim || other->last_heard < victim->last_heard))
            victim = other;
    }
    if (victim)
        sl_link_end(node, victim, SL_REFUSAL_BUSY, now);
}

static bool take_slot(struct sl_node *node, struct sl_link *link)
{
    size_t slot = 0;
    while (slot < SL_NEIGHBOURS_MAX && node->slots[slot])
        slot++;
    if (slot == SL_NEIGHBOURS_MAX)
        return false;
    link->slot = (int)slot;
    node->slots[slot] = link;
    link->siblings = slots_of(node, link->peer.key);
    for (uint64_t slots = link->siblings; slots != 0; slots &= slots - 1)
        node->slots[__builtin_ctzll(slots)]->siblings |= UINT64_C(1) << slot;
    return true;
}

/* A new session with the same neighbour takes the place of the old one. */
static void replace_old(struct sl_node *node, struct sl_link *link)
{
    struct sl_neighbour *neighbour = link->neighbour;
    if (neighbour->pending != link)
        return;
    struct sl_link *old = neighbour->link;
    neighbour->link = link;
    neighbour->pending = old;
    sl_link_free(node, old);
}

/* False if the link is gone. */
static bool open_link(struct sl_node *node, struct sl_link *link, sl_time now)
{
    const struct sl_identity *peer = node->config.sessions.peer(link->session);
    assert(peer);
    link->peer = *peer;
    enum sl_refusal refusal = sl_link_judge(node, &link->peer, now);
    if (refusal == SL_REFUSAL_NONE) {
        leave_handshakes(node, link);
        replace_old(node, link);
        limit_siblings(node, link, now);
        if (!take_slot(node, link))
            refusal = SL_REFUSAL_BUSY;
    }
    if (refusal != SL_REFUSAL_NONE) {
        sl_link_end(node, link, refusal, now);
        return false;
    }
    sl_origins_take(node, &link->peer, now);
    sl_sender_init(node, &link->sender, SL_KEY_LINK, now);
    sl_link_offer_keys(node, link, now);
    return true;
}

/* After whatever touched the session: sends, and follows its state. False if the link is gone. */
static bool pump(struct sl_node *node, struct sl_link *link, sl_time now)
{
    const struct sl_sessions *sessions = &node->config.sessions;
    enum sl_session_state state = sessions->state(link->session);
    flush(node, link);
    if (state == SL_SESSION_FAILED || state == SL_SESSION_CLOSED) {
        enum sl_refusal refusal =
            state == SL_SESSION_FAILED ? sessions->refusal(link->session) : SL_REFUSAL_NONE;
        sl_link_end(node, link, refusal, now);
        return false;
    }
    if (state == SL_SESSION_OPEN) {
        if (link->slot < 0 && !open_link(node, link, now))
            return false;
        sl_keys_read(node, link);
        flush(node, link);
        come_up(node, link, now);
    }
    schedule(node, link);
    return true;
}

sl_time sl_link_patience(const struct sl_link *link)
{
    return SL_NEIGHBOUR_LOST * sl_min_time(link->hello_gap, HELLO_GAP_MAX);
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    struct sl_link *link = SL_ALARM_OWNER(alarm, struct sl_link, alarm);
    const struct sl_sessions *sessions = &node->config.sessions;
    if (now >= silence_at(link)) {
        sl_neighbour_unheard(node, link->neighbour);
        sl_link_end(node, link, link->up ? SL_REFUSAL_NONE : SL_REFUSAL_TIMEOUT, now);
        return;
    }
    if (now >= sessions->deadline(link->session))
        sessions->tick(link->session, now);
    if (now >= link->key_retry_at)
        sl_link_offer_keys(node, link, now);
    if (now >= link->drop_at || now >= deaf_at(link))
        sl_link_distrust(node, link, now);
    pump(node, link, now);
}

void sl_link_distrust(struct sl_node *node, struct sl_link *link, sl_time now)
{
    /* Again until it speaks to us alone. */
    bool is_told = link->drop_at != SL_NEVER && link->sync.hello_at > link->dropped_at;
    if (link->drop_at == SL_NEVER)
        link->dropped_at = now;
    link->drop_at = is_told ? SL_NEVER : now + DROP_RETRY;
    if (is_told)
        return;
    sl_keys_drop(node, link);
    flush(node, link);
    schedule(node, link);
}

/* ---- LINK datagrams ---- */

/* A datagram for which there is no session, or which may begin a new one beside an open one. False:
 * it does not. */
static bool try_accept(struct sl_node *node, struct sl_neighbour *neighbour, const uint8_t *inner,
                       size_t inner_len, sl_time now)
{
    const struct sl_sessions *sessions = &node->config.sessions;
    const struct sl_opening opening = {.from = &neighbour->address,
                                       .bytes = inner,
                                       .len = inner_len,
                                       .unix_time = sl_node_unix_seconds(node, now),
                                       .now = now};
    struct sl_reply reply;
    struct sl_session *session = NULL;
    struct sl_link *victim;
    bool may = may_begin(node, neighbour, false, now, &victim);
    int r = sessions->accept(sessions->ctx, &opening, may ? &session : NULL, &reply);
    if (r == -EBUSY) {
        refuse_busy(node, neighbour);
        return true;
    }
    if (r < 0)
        return false;
    if (reply.len > 0)
        send_inner(node, neighbour, reply.bytes, reply.len);
    if (!session)
        return true;
    if (victim)
        sl_link_end(node, victim, SL_REFUSAL_TIMEOUT, now);
    note_opening(node, neighbour, false, now);
    struct sl_link *link = attach_take(node, neighbour, session, now);
    if (link)
        pump(node, link, now);
    return true;
}

static void feed(struct sl_node *node, struct sl_link *link, const uint8_t *inner, size_t inner_len,
                 sl_time now)
{
    link->answered_at = now;
    node->config.sessions.receive(link->session, inner, inner_len, now);
    pump(node, link, now);
}

static void take_inner(struct sl_node *node, struct sl_neighbour *neighbour, const uint8_t *inner,
                       size_t inner_len, sl_time now)
{
    bool server = !sl_neighbour_is_client(neighbour);
    if (neighbour->pending) {
        feed(node, neighbour->pending, inner, inner_len, now);
        if (neighbour->pending) /* neither took the other's place: it may be for the open one */
            feed(node, neighbour->link, inner, inner_len, now);
        return;
    }
    if (!neighbour->link) {
        if (!server || !try_accept(node, neighbour, inner, inner_len, now))
            node->status.rejected_garbage++;
        return;
    }
    /* The peer may have lost its half of an open session and begin anew (RFC 6347, 4.2.8). */
    if (server && neighbour->link->slot >= 0 && try_accept(node, neighbour, inner, inner_len, now))
        return;
    feed(node, neighbour->link, inner, inner_len, now);
}

void sl_link_receive(struct sl_node *node, int bearer, const struct sl_address *from,
                     const uint8_t *bytes, size_t len, sl_time now)
{
    struct sl_link_inner inner;
    for (struct sl_neighbour *n = sl_neighbour_at(node, bearer, from); n; n = n->same_address) {
        if (sl_link_packet_decode(bytes, len, &node->config.primitives, node->beacon_key,
                                  n->peer_id, n->own_id, &inner) < 0)
            continue;
        take_inner(node, n, inner.bytes, inner.len, now);
        return;
    }
    node->status.rejected_garbage++;
}

/* ---- Who may stay ---- */

static void renew_bearer(struct sl_node *node, struct sl_node_bearer *bearer, sl_time now)
{
    sl_sender_renew(node, &bearer->sender, now);
    for (uint64_t slots = bearer->links; slots != 0; slots &= slots - 1)
        sl_link_offer_keys(node, node->slots[__builtin_ctzll(slots)], now);
}

/* Ends the links that are no longer allowed. Whether there were any on that bearer. */
static bool judge_bearer(struct sl_node *node, const struct sl_node_bearer *bearer, sl_time now)
{
    bool any = false;
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX; slot++) {
        struct sl_link *link = node->slots[slot];
        if (!link || &node->bearers[link->neighbour->bearer] != bearer)
            continue;
        enum sl_refusal refusal = sl_link_judge(node, &link->peer, now);
        if (refusal == SL_REFUSAL_NONE)
            continue;
        sl_link_end(node, link, refusal, now);
        any = true;
    }
    return any;
}

void sl_link_housekeeping(struct sl_node *node, sl_time now)
{
    for (size_t i = 0; i < SL_BEARERS_MAX; i++) {
        struct sl_node_bearer *bearer = &node->bearers[i];
        if (!bearer->used)
            continue;
        bool ended = judge_bearer(node, bearer, now);
        if (bearer->info.broadcast && (ended || sl_sender_is_worn(&bearer->sender, now)))
            renew_bearer(node, bearer, now);
    }
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX; slot++) {
        struct sl_link *link = node->slots[slot];
        if (!link || !sl_sender_is_worn(&link->sender, now))
            continue;
        sl_sender_renew(node, &link->sender, now);
        sl_link_offer_keys(node, link, now);
    }
}

/* Whoever the CRL names may hold a broadcast key although its link ended before: all are renewed.
 */
void sl_link_judge_all(struct sl_node *node, sl_time now)
{
    for (size_t i = 0; i < SL_BEARERS_MAX; i++) {
        struct sl_node_bearer *bearer = &node->bearers[i];
        if (!bearer->used)
            continue;
        judge_bearer(node, bearer, now);
        if (bearer->info.broadcast)
            renew_bearer(node, bearer, now);
    }
}
