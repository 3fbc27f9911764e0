/* Who does what, and the attackers without a certificate. */
#include "sim/crowd_internal.h"

#include "base/wire.h"
#include "mesh/packet.h"

#include <stdlib.h>
#include <string.h>

enum {
    RADIO_WAITING = 4, /* frames that an attacker keeps in its radio's queue */
    HEARD_MAX = 512,   /* datagrams that a replayer remembers */
    NAMES_MAX = 20000, /* addresses that one with the network secret goes by */
    FIRST_NAME = 30000,
    FOREIGN_NETWORK = 999,
};

#define ATTACK_PAUSE  SL_MILLISECOND
#define REFLECT_PAUSE (2 * SL_MILLISECOND)
#define BEACON_PAUSE  (10 * SL_MILLISECOND)

struct heard {
    int from;
    size_t len;
    uint8_t bytes[SL_DATAGRAM_MAX];
};

/* A board that answers an address which is not the one that asked. */
struct mirror {
    bool known;
    uint8_t link_id[SL_LINK_ID_LEN];
    uint8_t number; /* of the next beacon to it */
};

struct sl_crowd_outsider {
    struct heard *heard;
    size_t heard_count;
    uint32_t names;           /* so many link ids were used */
    struct mirror *mirrors;   /* by station; a reflector's */
    uint64_t asked, answered; /* bytes of greetings, likewise */
    uint8_t beacon_key[SL_KEY_LEN];
};

static enum sl_crowd_role role_of(enum sl_crowd_attack attack, int number, int last)
{
    switch (attack) {
    case SL_CROWD_GARBAGE:
    case SL_CROWD_REPLAY:
    case SL_CROWD_HALF_OPEN:
    case SL_CROWD_REFLECTOR:
    case SL_CROWD_LISTENER:
        return number == last ? SL_ROLE_OUTSIDER : SL_ROLE_MEMBER;
    case SL_CROWD_FLOODER:
    case SL_CROWD_DATES:
    case SL_CROWD_SYBILS:
        return number == last ? SL_ROLE_FLOODER : SL_ROLE_MEMBER;
    case SL_CROWD_POISON:
    case SL_CROWD_FORGER:
    case SL_CROWD_LEECH:
    case SL_CROWD_TAMPERER:
    case SL_CROWD_CLONE:
        return number == last ? SL_ROLE_TRAITOR : SL_ROLE_MEMBER;
    case SL_CROWD_LIARS:
    case SL_CROWD_OLD_LIARS:
        return number % 3 == 2 ? SL_ROLE_LIAR : SL_ROLE_MEMBER;
    case SL_CROWD_LIAR:
        return number == last ? SL_ROLE_LIAR : SL_ROLE_MEMBER;
    case SL_CROWD_SWALLOWERS:
        return number % 5 == 4 ? SL_ROLE_TRAITOR : SL_ROLE_MEMBER;
    case SL_CROWD_PEACE:
    case SL_CROWD_ATTACKS:
        break;
    }
    return SL_ROLE_MEMBER;
}

int sl_crowd_identity_of(const struct sl_crowd *crowd, int station)
{
    bool is_clone =
        crowd->config.attack == SL_CROWD_CLONE && station == crowd->config.node_count - 1;
    return is_clone ? 0 : station;
}

void sl_crowd_cast(struct sl_crowd *crowd)
{
    for (int i = 0; i < crowd->config.node_count; i++)
        crowd->stations[i].role = role_of(crowd->config.attack, i, crowd->config.node_count - 1);
    const struct sl_primitives *p = &crowd->primitives;
    crowd->outsider = sl_crowd_allocate(1, sizeof(*crowd->outsider));
    crowd->outsider->heard = sl_crowd_allocate(HEARD_MAX, sizeof(struct heard));
    p->hash(p->ctx, "starling beacon key", crowd->secret, NULL, 0, crowd->outsider->beacon_key,
            SL_KEY_LEN);
    crowd->outsider->mirrors =
        sl_crowd_allocate((size_t)crowd->config.node_count, sizeof(struct mirror));
    if (crowd->config.attack == SL_CROWD_LISTENER)
        crowd->listener = sl_listener_new(crowd->config.node_count);
}

void sl_crowd_attack_done(struct sl_crowd *crowd)
{
    free(crowd->outsider->heard);
    free(crowd->outsider->mirrors);
    free(crowd->outsider);
    sl_listener_free(crowd->listener);
}

/* ---- Without anything: garbage, and what others said ---- */

/* Half of it looks like a packet of ours at first sight. */
static void send_garbage(struct sl_crowd_station *station, sl_time now)
{
    struct sl_crowd *crowd = station->crowd;
    uint8_t bytes[SL_DATAGRAM_MAX];
    sl_prng_bytes(&crowd->prng, bytes, sizeof(bytes));
    if (sl_prng_below(&crowd->prng, 2) == 0)
        bytes[0] = (uint8_t)(1 + sl_prng_below(&crowd->prng, 6));
    struct sl_air_frame frame = {
        .from = station->number, .to = SL_AIR_EVERYONE, .len = sizeof(bytes), .bytes = bytes};
    sl_air_send(crowd->air, &frame, now);
}

/* In the name, and from the address, of whoever said it first. */
static void send_replay(struct sl_crowd_station *station, sl_time now)
{
    struct sl_crowd *crowd = station->crowd;
    struct sl_crowd_outsider *outsider = crowd->outsider;
    size_t known = sl_min_size(outsider->heard_count, HEARD_MAX);
    if (known == 0)
        return;
    const struct heard *heard = &outsider->heard[sl_prng_below(&crowd->prng, known)];
    struct sl_air_frame frame = {.from = station->number,
                                 .to = SL_AIR_EVERYONE,
                                 .guise = heard->from + 1,
                                 .len = heard->len,
                                 .bytes = heard->bytes};
    sl_air_send(crowd->air, &frame, now);
}

static void be_noisy(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    struct sl_crowd *crowd = station->crowd;
    for (size_t i = sl_air_waiting(crowd->air, station->number); i < RADIO_WAITING; i++) {
        if (crowd->config.attack == SL_CROWD_REPLAY)
            send_replay(station, now);
        else
            send_garbage(station, now);
    }
    sl_crowd_schedule(crowd, event, now + ATTACK_PAUSE);
}

static void remember(struct sl_crowd_outsider *outsider, const struct sl_air_frame *frame)
{
    struct heard *heard = &outsider->heard[outsider->heard_count++ % HEARD_MAX];
    heard->from = frame->from;
    heard->len = frame->len;
    memcpy(heard->bytes, frame->bytes, frame->len);
}

/* ---- With the network secret, but without a certificate: handshakes that lead nowhere ---- */

/* Every second one is lower than all others, so that it is the client. */
static void name_of(uint32_t number, uint8_t ret_id[SL_LINK_ID_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_id, SL_LINK_ID_LEN);
    sl_write_u32(&w, number % 2 == 0 ? 0x0000a55a : 0xffffa55a);
    sl_write_u32(&w, number);
}

static bool number_of(const uint8_t id[SL_LINK_ID_LEN], uint32_t *ret_number)
{
    uint8_t expected[SL_LINK_ID_LEN];
    struct sl_reader r;
    sl_reader_init(&r, id, SL_LINK_ID_LEN);
    sl_read_u32(&r);
    *ret_number = sl_read_u32(&r);
    name_of(*ret_number, expected);
    return memcmp(id, expected, SL_LINK_ID_LEN) == 0;
}

struct letter {
    int to;
    uint32_t name;
    const uint8_t *bytes;
    size_t len;
};

static bool post(struct sl_crowd_station *station, const struct letter *letter, sl_time now)
{
    struct sl_air_frame frame = {.from = station->number,
                                 .to = letter->to,
                                 .guise = FIRST_NAME + (int)(letter->name % NAMES_MAX),
                                 .len = letter->len,
                                 .bytes = letter->bytes,
                                 .class = letter->bytes[0],
                                 .control_len = letter->len};
    return sl_air_send(station->crowd->air, &frame, now);
}

static bool greet(struct sl_crowd_station *station, int to, const struct sl_greeting *greeting,
                  sl_time now)
{
    const struct sl_crowd *crowd = station->crowd;
    uint8_t bytes[SL_HANDSHAKE_PACKET_LEN];
    struct letter letter = {.to = to, .bytes = bytes, .len = sizeof(bytes)};
    number_of(greeting->from, &letter.name);
    sl_greeting_encode(greeting, &crowd->primitives, crowd->outsider->beacon_key, bytes);
    return post(station, &letter, now);
}

static void show_up(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    struct sl_crowd *crowd = station->crowd;
    struct sl_greeting greeting = {.type = SL_PACKET_BEACON};
    name_of(crowd->outsider->names++, greeting.from);
    sl_prng_bytes(&crowd->prng, greeting.salt, sizeof(greeting.salt));
    greet(station, SL_AIR_EVERYONE, &greeting, now);
    sl_crowd_schedule(crowd, event, now + BEACON_PAUSE);
}

/* A first flight with a certificate that is no member's. */
static void open_session(struct sl_crowd_station *station, int to,
                         const struct sl_greeting *confirm, sl_time now)
{
    const struct sl_crowd *crowd = station->crowd;
    struct sl_fake_member_config stranger = {.network = FOREIGN_NETWORK, .name = "stranger"};
    uint8_t flight[200] = {1}, packet[SL_DATAGRAM_MAX];
    size_t len = 1 + sl_fake_chain(&stranger, flight + 1, sizeof(flight) - 1);
    struct letter letter = {.to = to, .bytes = packet};
    number_of(confirm->to, &letter.name);
    int packet_len =
        sl_link_packet_encode(&crowd->primitives, crowd->outsider->beacon_key, confirm->to,
                              confirm->from, flight, len, packet, sizeof(packet));
    letter.len = (size_t)packet_len;
    post(station, &letter, now);
}

static void answer(struct sl_crowd_station *station, const struct sl_air_frame *frame, sl_time now)
{
    const struct sl_crowd *crowd = station->crowd;
    struct sl_greeting heard, reply = {.type = SL_PACKET_REPLY};
    uint32_t number;
    if (sl_greeting_decode(frame->bytes, frame->len, &crowd->primitives,
                           crowd->outsider->beacon_key, &heard) < 0 ||
        heard.type == SL_PACKET_BEACON || !number_of(heard.to, &number))
        return;
    if (heard.type == SL_PACKET_CONFIRM && number % 2 == 0)
        open_session(station, frame->from, &heard, now);
    if (heard.type != SL_PACKET_PROBE)
        return;
    memcpy(reply.from, heard.to, SL_LINK_ID_LEN);
    memcpy(reply.to, heard.from, SL_LINK_ID_LEN);
    memcpy(reply.echo, heard.cookie, SL_COOKIE_LEN);
    memcpy(reply.cookie, heard.cookie, SL_COOKIE_LEN);
    greet(station, frame->from, &reply, now);
}

/* ---- Greetings in the name of an address that never asked ---- */

/* To a board that was heard: a beacon, or a question whether it is there. */
static void ask_as_another(struct sl_crowd_event *event, sl_time now)
{
    struct sl_crowd_station *station = SL_CONTAINER_OF(event, struct sl_crowd_station, mischief);
    struct sl_crowd *crowd = station->crowd;
    struct sl_crowd_outsider *outsider = crowd->outsider;
    int to = (int)sl_prng_below(&crowd->prng, (uint64_t)crowd->config.node_count);
    struct mirror *mirror = &outsider->mirrors[to];
    struct sl_greeting greeting = {.type = SL_PACKET_BEACON, .number = mirror->number};
    name_of(0, greeting.from);
    if (sl_prng_below(&crowd->prng, 2) == 0) {
        greeting.type = SL_PACKET_PROBE;
        memcpy(greeting.to, mirror->link_id, SL_LINK_ID_LEN);
    } else {
        mirror->number++;
    }
    if (mirror->known && greet(station, to, &greeting, now))
        outsider->asked += SL_HANDSHAKE_PACKET_LEN;
    sl_crowd_schedule(crowd, event, now + REFLECT_PAUSE);
}

/* What goes to nobody's address comes to the last station: here it is the victim, too. */
static void count_answer(struct sl_crowd_station *station, const struct sl_air_frame *frame)
{
    const struct sl_crowd *crowd = station->crowd;
    struct mirror *mirror = &crowd->outsider->mirrors[frame->from];
    struct sl_greeting heard;
    if (frame->to == station->number)
        crowd->outsider->answered += frame->len;
    if (sl_greeting_decode(frame->bytes, frame->len, &crowd->primitives,
                           crowd->outsider->beacon_key, &heard) < 0)
        return;
    mirror->known = true;
    memcpy(mirror->link_id, heard.from, SL_LINK_ID_LEN);
}

double sl_crowd_reflected(const struct sl_crowd *crowd)
{
    const struct sl_crowd_outsider *outsider = crowd->outsider;
    return outsider->asked > 0 ? (double)outsider->answered / (double)outsider->asked : 0;
}

void sl_crowd_overhear(struct sl_crowd_station *station, const struct sl_air_frame *frame,
                       sl_time now)
{
    struct sl_crowd *crowd = station->crowd;
    if (crowd->config.attack == SL_CROWD_REPLAY)
        remember(crowd->outsider, frame);
    else if (crowd->config.attack == SL_CROWD_HALF_OPEN)
        answer(station, frame, now);
    else if (crowd->config.attack == SL_CROWD_REFLECTOR)
        count_answer(station, frame);
    else if (crowd->listener)
        sl_listener_hear(crowd->listener, frame->from, crowd->stations[frame->from].on_since,
                         frame->bytes, frame->len);
}

/* ---- When ---- */

static sl_crowd_fire mischief_of(const struct sl_crowd_station *station)
{
    if (station->role != SL_ROLE_OUTSIDER)
        return sl_crowd_member_mischief(station);
    if (station->crowd->config.attack == SL_CROWD_REFLECTOR)
        return ask_as_another;
    return station->crowd->config.attack == SL_CROWD_HALF_OPEN ? show_up : be_noisy;
}

void sl_crowd_begin_mischief(struct sl_crowd *crowd)
{
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct sl_crowd_station *station = &crowd->stations[i];
        sl_timer_init(&station->mischief.timer);
        if (station->role == SL_ROLE_MEMBER || crowd->listener)
            continue;
        station->mischief.fire = mischief_of(station);
        /* Old liars lied before anybody else had a clock. */
        bool is_old = crowd->config.attack == SL_CROWD_OLD_LIARS;
        sl_crowd_schedule(crowd, &station->mischief, is_old ? crowd->now : crowd->chat_at);
    }
}
