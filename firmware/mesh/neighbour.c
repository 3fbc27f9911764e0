#include "mesh/neighbour.h"

#include "mesh/crowd.h"
#include "mesh/node_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    SAME_ADDRESS_MAX = 2, /* one that was, one that comes */
    FEW_LINKS = 4,        /* with fewer, a doubtful one is better than none */
};

#define COOKIE_SLOT (30 * SL_SECOND)
#define VERIFY_INTERVAL                                                                            \
    (4 * SL_SECOND)                    /* a beacon this long after is answered with a probe again */
#define FORGET_AFTER (120 * SL_SECOND) /* without a link, and without proof of its address */
#define YIELD_AFTER  (3 * SL_SECOND)   /* an unlinked one leaves its place to a newer one */
#define RETRY_MIN    (2 * SL_SECOND)
#define RETRY_MAX    (60 * SL_SECOND)
#define LINK_ID_LIFE SL_DAY

/* Where a greeting came from. */
struct place {
    int bearer;
    const struct sl_address *address;
};

/* ---- Cookies ---- */

static void make_cookie(const struct sl_node *node, const struct place *place,
                        const uint8_t to[SL_LINK_ID_LEN], uint32_t slot,
                        uint8_t ret_cookie[SL_COOKIE_LEN])
{
    uint8_t bytes[1 + sizeof(struct sl_address) + SL_LINK_ID_LEN + 4];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_u8(&w, (uint8_t)place->bearer);
    sl_write_u8(&w, place->address->len);
    sl_write_bytes(&w, place->address->bytes, place->address->len);
    sl_write_bytes(&w, to, SL_LINK_ID_LEN);
    sl_write_u32(&w, slot);
    const struct sl_primitives *p = &node->config.primitives;
    p->hash(p->ctx, "starling cookie", node->boot_secret, bytes, (size_t)sl_write_done(&w),
            ret_cookie, SL_COOKIE_LEN);
}

static uint32_t cookie_slot(sl_time now)
{
    return (uint32_t)(now / COOKIE_SLOT);
}

/* This slot, and the one before for what was under way at the change. */
static bool is_our_cookie(const struct sl_node *node, const struct place *place,
                          const struct sl_greeting *greeting, sl_time now)
{
    const struct sl_primitives *p = &node->config.primitives;
    for (uint32_t back = 0; back < 2; back++) {
        uint8_t cookie[SL_COOKIE_LEN];
        make_cookie(node, place, greeting->from, cookie_slot(now) - back, cookie);
        if (p->equal(p->ctx, cookie, greeting->echo, SL_COOKIE_LEN))
            return true;
    }
    return false;
}

/* ---- The table ---- */

struct sl_neighbour *sl_neighbour_at(const struct sl_node *node, int bearer,
                                     const struct sl_address *address)
{
    const struct sl_map *map = &node->bearers[bearer].by_address;
    uint32_t number = sl_map_get(map, (const uint8_t *)address);
    return number == SL_MAP_EMPTY ? NULL : node->neighbour_table[number];
}

bool sl_neighbour_is_client(const struct sl_neighbour *neighbour)
{
    return memcmp(neighbour->own_id, neighbour->peer_id, SL_LINK_ID_LEN) < 0;
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);

static bool is_idle(const struct sl_neighbour *neighbour)
{
    return !neighbour->link && !neighbour->pending;
}

/* Chains `neighbour` in front of the others at its address, or takes it out. */
static int set_first_at(struct sl_node *node, const struct sl_neighbour *at,
                        const struct sl_neighbour *first)
{
    struct sl_map *map = &node->bearers[at->bearer].by_address;
    if (first)
        return sl_map_put(map, (const uint8_t *)&at->address, first->number);
    sl_map_remove(map, (const uint8_t *)&at->address);
    return 0;
}

static void unchain(struct sl_node *node, struct sl_neighbour *neighbour)
{
    struct sl_neighbour *first = sl_neighbour_at(node, neighbour->bearer, &neighbour->address);
    if (first == neighbour) {
        /* Replacing a value never fails. */
        set_first_at(node, neighbour, neighbour->same_address);
        return;
    }
    while (first->same_address != neighbour)
        first = first->same_address;
    first->same_address = neighbour->same_address;
}

void sl_neighbour_remove(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now)
{
    (void)now;
    if (neighbour->pending)
        sl_link_free(node, neighbour->pending);
    if (neighbour->link)
        sl_link_free(node, neighbour->link);
    sl_heap_cancel(&node->alarms, &neighbour->alarm.timer);
    unchain(node, neighbour);
    sl_list_remove(&neighbour->order);
    node->neighbour_table[neighbour->number] = NULL;
    node->neighbour_count--;
    free(neighbour);
}

/* The one without a link that has been silent longest. */
static struct sl_neighbour *stalest(const struct sl_node *node)
{
    struct sl_neighbour *result = NULL;
    SL_LIST_FOR_EACH (item, &node->neighbours) {
        struct sl_neighbour *neighbour = SL_CONTAINER_OF(item, struct sl_neighbour, order);
        if (is_idle(neighbour) && (!result || neighbour->verified_at < result->verified_at))
            result = neighbour;
    }
    return result;
}

static bool make_room(struct sl_node *node, sl_time now)
{
    if (node->neighbour_count < SL_HEARD_MAX)
        return true;
    struct sl_neighbour *victim = stalest(node);
    if (!victim)
        return false;
    sl_neighbour_remove(node, victim, now);
    return true;
}

/* At most two at an address: a third takes the place of one that made nothing of it. */
static bool make_room_at(struct sl_node *node, const struct place *place, sl_time now)
{
    struct sl_neighbour *victim = NULL;
    size_t count = 0;
    for (struct sl_neighbour *n = sl_neighbour_at(node, place->bearer, place->address); n;
         n = n->same_address) {
        count++;
        if (is_idle(n) || (!n->link->up && now - n->verified_at >= YIELD_AFTER))
            victim = n;
    }
    if (count < SAME_ADDRESS_MAX)
        return true;
    if (!victim)
        return false;
    sl_neighbour_remove(node, victim, now);
    return true;
}

static uint32_t free_number(const struct sl_node *node)
{
    uint32_t number = 0;
    while (node->neighbour_table[number])
        number++;
    return number;
}

static struct sl_neighbour *add(struct sl_node *node, const struct place *place,
                                const uint8_t peer_id[SL_LINK_ID_LEN], sl_time now)
{
    if (!make_room_at(node, place, now) || !make_room(node, now))
        return NULL;
    struct sl_neighbour *neighbour = calloc(1, sizeof(*neighbour));
    if (!neighbour)
        return NULL;
    neighbour->number = free_number(node);
    neighbour->bearer = place->bearer;
    neighbour->address = *place->address;
    neighbour->same_address = sl_neighbour_at(node, place->bearer, place->address);
    neighbour->retry_us = RETRY_MIN;
    memcpy(neighbour->peer_id, peer_id, SL_LINK_ID_LEN);
    memcpy(neighbour->own_id, node->link_id, SL_LINK_ID_LEN);
    if (set_first_at(node, neighbour, neighbour) < 0) {
        free(neighbour);
        return NULL;
    }
    sl_alarm_init(&neighbour->alarm, fire);
    node->neighbour_table[neighbour->number] = neighbour;
    node->neighbour_count++;
    sl_list_append(&node->neighbours, &neighbour->order);
    return neighbour;
}

/* ---- Whom to try ---- */

static struct sl_beacon_source source_of(int bearer, const uint8_t link_id[SL_LINK_ID_LEN])
{
    struct sl_beacon_source source = {.bearer = (uint8_t)bearer};
    memcpy(source.link_id, link_id, SL_LINK_ID_LEN);
    return source;
}

static uint8_t link_count(const struct sl_node_bearer *bearer)
{
    return (uint8_t)sl_count_bits(bearer->links);
}

/* Most of its latest beacons came, so that a session with it is not tried in vain; whoever has few
 * links waits for fewer of them, whoever has none for a single one. */
static bool is_heard_well(const struct sl_node *node, int number,
                          const uint8_t link_id[SL_LINK_ID_LEN], unsigned links)
{
    struct sl_beacon_source source = source_of(number, link_id);
    if (!node->bearers[number].info.broadcast || links == 0)
        return true;
    if (links < FEW_LINKS)
        return sl_beacons_came(&node->beacons, &source, 3) >= 2;
    return sl_beacons_came(&node->beacons, &source, 5) >= 4;
}

void sl_neighbour_unheard(struct sl_node *node, const struct sl_neighbour *neighbour)
{
    struct sl_beacon_source source = source_of(neighbour->bearer, neighbour->peer_id);
    sl_beacons_forget(&node->beacons, &source);
}

/* ---- Sending greetings ---- */

static void send(struct sl_node *node, const struct place *place, struct sl_greeting *greeting)
{
    uint8_t bytes[SL_HANDSHAKE_PACKET_LEN];
    memcpy(greeting->from, node->link_id, SL_LINK_ID_LEN);
    sl_greeting_encode(greeting, &node->config.primitives, node->beacon_key, bytes);
    sl_output_datagram(node, place->bearer, place->address, bytes, sizeof(bytes));
}

static void send_beacon(struct sl_node *node, const struct place *place, sl_time now)
{
    struct sl_greeting beacon = {.type = SL_PACKET_BEACON};
    const struct sl_primitives *p = &node->config.primitives;
    p->random(p->ctx, beacon.salt, sizeof(beacon.salt));
    const struct sl_node_bearer *bearer = &node->bearers[place->bearer];
    beacon.number = bearer->beacon_number;
    sl_crowd_describe(node, place->bearer, now, &beacon);
    send(node, place, &beacon);
}

static void send_probe(struct sl_node *node, const struct place *place,
                       const uint8_t to[SL_LINK_ID_LEN], sl_time now)
{
    struct sl_greeting probe = {.type = SL_PACKET_PROBE};
    memcpy(probe.to, to, SL_LINK_ID_LEN);
    make_cookie(node, place, to, cookie_slot(now), probe.cookie);
    send(node, place, &probe);
}

/* ---- What becomes of it ---- */

/* Before another session, whether it is there at all, and knows us: our CONFIRM may have been lost,
 * and a session with whom it does not know gets no answer. */
static void ask(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now)
{
    struct place place = {.bearer = neighbour->bearer, .address = &neighbour->address};
    neighbour->asked = true;
    send_probe(node, &place, neighbour->peer_id, now);
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    struct sl_neighbour *neighbour = SL_ALARM_OWNER(alarm, struct sl_neighbour, alarm);
    if (!is_idle(neighbour))
        return;
    if (now - neighbour->verified_at >= FORGET_AFTER) {
        sl_neighbour_remove(node, neighbour, now);
        return;
    }
    if (sl_neighbour_is_client(neighbour) && sl_crowd_seeks(node, neighbour->bearer) &&
        is_heard_well(node, neighbour->bearer, neighbour->peer_id,
                      link_count(&node->bearers[neighbour->bearer])))
        ask(node, neighbour, now);
    sl_neighbour_unlinked(node, neighbour, now);
}

void sl_neighbour_unlinked(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now)
{
    sl_time at = neighbour->verified_at + FORGET_AFTER;
    if (!is_idle(neighbour))
        return;
    if (sl_neighbour_is_client(neighbour)) {
        sl_time retry_at = now + sl_node_jitter(node, neighbour->retry_us);
        neighbour->retry_us = sl_min_time(neighbour->retry_us * 2, RETRY_MAX);
        at = sl_min_time(at, retry_at);
    }
    sl_node_alarm(node, &neighbour->alarm, at > now ? at : now + 1);
}

/* A link of the same node, or one that has fallen silent, gives way to the new one. */
static bool gives_way(const struct sl_neighbour *old, const struct sl_neighbour *linked,
                      sl_time now)
{
    if (!old->link || !old->link->up)
        return true;
    bool same = memcmp(old->link->peer.key, linked->link->peer.key, SL_KEY_LEN) == 0;
    return same || now - old->link->last_heard >= YIELD_AFTER;
}

void sl_neighbour_linked(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now)
{
    struct sl_neighbour *next;
    sl_heap_cancel(&node->alarms, &neighbour->alarm.timer);
    neighbour->retry_us = RETRY_MIN;
    neighbour->last_refusal = SL_REFUSAL_NONE;
    neighbour->was_linked = true;
    for (struct sl_neighbour *n = sl_neighbour_at(node, neighbour->bearer, &neighbour->address); n;
         n = next) {
        next = n->same_address;
        if (n != neighbour && gives_way(n, neighbour, now))
            sl_neighbour_remove(node, n, now);
    }
}

static struct sl_neighbour *find(const struct sl_node *node, const struct place *place,
                                 const uint8_t peer_id[SL_LINK_ID_LEN])
{
    struct sl_neighbour *n = sl_neighbour_at(node, place->bearer, place->address);
    while (n && memcmp(n->peer_id, peer_id, SL_LINK_ID_LEN) != 0)
        n = n->same_address;
    return n;
}

static void admit_again(struct sl_node *node, struct sl_neighbour *known, sl_time now)
{
    known->verified_at = now;
    if (!known->asked || !is_idle(known))
        return;
    known->asked = false;
    sl_link_connect(node, known, now);
}

/* It proved that it is at that address. */
static void admit(struct sl_node *node, const struct place *place,
                  const uint8_t peer_id[SL_LINK_ID_LEN], sl_time now)
{
    struct sl_neighbour *known = find(node, place, peer_id);
    if (known && memcmp(known->own_id, node->link_id, SL_LINK_ID_LEN) == 0) {
        admit_again(node, known, now);
        return;
    }
    struct sl_neighbour *neighbour = add(node, place, peer_id, now);
    if (!neighbour)
        return;
    neighbour->verified_at = now;
    sl_node_alarm(node, &neighbour->alarm, now + FORGET_AFTER);
    if (sl_neighbour_is_client(neighbour))
        sl_link_connect(node, neighbour, now);
}

/* ---- Greetings ---- */

static void take_beacon(struct sl_node *node, const struct place *place,
                        const struct sl_greeting *beacon, sl_time now)
{
    const struct sl_neighbour *known = find(node, place, beacon->from);
    struct sl_beacon_source source = source_of(place->bearer, beacon->from);
    uint8_t links = link_count(&node->bearers[place->bearer]);
    sl_beacons_note(&node->beacons, &source, beacon->number, now);
    bool wanted = sl_crowd_wants(node, place->bearer, beacon, now);
    if (!is_heard_well(node, place->bearer, beacon->from,
                       links < beacon->links ? links : beacon->links))
        return;
    if (known && (!is_idle(known) || now - known->verified_at < VERIFY_INTERVAL))
        return;
    if (wanted)
        send_probe(node, place, beacon->from, now);
}

static void take_probe(struct sl_node *node, const struct place *place,
                       const struct sl_greeting *probe, sl_time now)
{
    struct sl_greeting reply = {.type = SL_PACKET_REPLY};
    memcpy(reply.to, probe->from, SL_LINK_ID_LEN);
    memcpy(reply.echo, probe->cookie, SL_COOKIE_LEN);
    make_cookie(node, place, probe->from, cookie_slot(now), reply.cookie);
    send(node, place, &reply);
}

static void take_reply(struct sl_node *node, const struct place *place,
                       const struct sl_greeting *reply, sl_time now)
{
    struct sl_greeting confirm = {.type = SL_PACKET_CONFIRM};
    if (!is_our_cookie(node, place, reply, now)) {
        node->status.rejected_garbage++;
        return;
    }
    memcpy(confirm.to, reply->from, SL_LINK_ID_LEN);
    memcpy(confirm.echo, reply->cookie, SL_COOKIE_LEN);
    send(node, place, &confirm);
    admit(node, place, reply->from, now);
}

/* Only who has no session with us goes so far. If we believe that there is one it ended without a
 * word, and what the peer says to all, under a key that we still hold, makes it look alive. A
 * CONFIRM that is older than the link cannot be replayed any more when the link is that old, and
 * does nothing that silence would not do. */
static void open_anew(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now)
{
    if (!neighbour || !neighbour->link || !neighbour->link->up || neighbour->pending ||
        !sl_neighbour_is_client(neighbour))
        return;
    if (now - neighbour->link->up_since >= 2 * COOKIE_SLOT ||
        now - neighbour->link->last_heard >= YIELD_AFTER)
        sl_link_connect(node, neighbour, now);
}

static void take_confirm(struct sl_node *node, const struct place *place,
                         const struct sl_greeting *confirm, sl_time now)
{
    if (!is_our_cookie(node, place, confirm, now)) {
        node->status.rejected_garbage++;
        return;
    }
    admit(node, place, confirm->from, now);
    open_anew(node, find(node, place, confirm->from), now);
}

static void take_greeting(struct sl_node *node, const struct place *place,
                          const struct sl_greeting *greeting, sl_time now)
{
    if (memcmp(greeting->from, node->link_id, SL_LINK_ID_LEN) == 0)
        return; /* ourselves, heard over the air */
    if (greeting->type == SL_PACKET_BEACON) {
        take_beacon(node, place, greeting, now);
        return;
    }
    if (memcmp(greeting->to, node->link_id, SL_LINK_ID_LEN) != 0)
        return; /* for another at a shared address, or for who we were */
    if (greeting->type == SL_PACKET_PROBE)
        take_probe(node, place, greeting, now);
    else if (greeting->type == SL_PACKET_REPLY)
        take_reply(node, place, greeting, now);
    else
        take_confirm(node, place, greeting, now);
}

void sl_neighbour_greeting(struct sl_node *node, int bearer, const struct sl_address *from,
                           const uint8_t *bytes, size_t len, sl_time now)
{
    struct sl_greeting greeting;
    struct place place = {.bearer = bearer, .address = from};
    int r = sl_greeting_decode(bytes, len, &node->config.primitives, node->beacon_key, &greeting);
    if (r < 0) {
        node->status.rejected_garbage++;
        if (len == SL_HANDSHAKE_PACKET_LEN) /* the format is right, the tag is not */
            node->status.refused[SL_REFUSAL_FOREIGN]++;
        return;
    }
    take_greeting(node, &place, &greeting, now);
}

/* ---- Beacons and link ids ---- */

void sl_neighbour_beacon_fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    struct sl_node_bearer *bearer = SL_ALARM_OWNER(alarm, struct sl_node_bearer, beacon);
    const struct sl_address everyone = {0};
    struct place place = {.bearer = (int)(bearer - node->bearers), .address = &everyone};
    bearer->beacon_number++;
    bearer->beacon_count++;
    send_beacon(node, &place, now);
    sl_time interval = sl_crowd_beacon_interval(node, place.bearer, now);
    sl_node_alarm(node, alarm, now + sl_node_jitter(node, interval));
}

static bool is_linked_at(const struct sl_node *node, const struct sl_peer *peer)
{
    struct sl_neighbour *n = sl_neighbour_at(node, peer->bearer, &peer->address);
    while (n && !(n->link && n->link->up))
        n = n->same_address;
    return n != NULL;
}

void sl_neighbour_peer_fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    struct sl_peer *peer = SL_ALARM_OWNER(alarm, struct sl_peer, beacon);
    struct place place = {.bearer = peer->bearer, .address = &peer->address};
    send_beacon(node, &place, now);
    sl_time interval = is_linked_at(node, peer) ? SL_BEACON_INTERVAL : SL_SECOND;
    sl_node_alarm(node, alarm, now + sl_node_jitter(node, interval));
}

void sl_neighbour_count_anew(struct sl_node *node, struct sl_node_bearer *bearer)
{
    const struct sl_primitives *p = &node->config.primitives;
    p->random(p->ctx, &bearer->beacon_number, sizeof(bearer->beacon_number));
}

void sl_neighbour_rotate(struct sl_node *node, sl_time now)
{
    const struct sl_primitives *p = &node->config.primitives;
    if (now < node->link_id_until)
        return;
    p->random(p->ctx, node->link_id, sizeof(node->link_id));
    for (size_t i = 0; i < SL_BEARERS_MAX; i++)
        sl_neighbour_count_anew(node, &node->bearers[i]);
    node->link_id_until = now + LINK_ID_LIFE;
}
