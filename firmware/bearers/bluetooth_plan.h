/* Who connects to whom over Bluetooth, so that at most SL_BLUETOOTH_LINKS_MAX links a board keep
 * the mesh in one piece. Pure: events and a time go in, actions and the next deadline come out.
 *
 * Every board has a random id. The least id in a connected part is the part's root, and its label.
 * It travels along the links with a round that the root counts up, and with the hops to it, as in
 * the spanning tree of bridges (IEEE 802.1D) and with the loop freedom of destination sequence
 * numbers (Perkins and Bhagwat 1994): so a label ends when its root is gone. A board connects
 * first to boards that bear another label, then to a few of its own; of its links it gives up only
 * those that neither end needs to reach the root, to make room for another label. Where all are
 * needed and somebody still cannot get in, one gives way every minute, so that a hub with more
 * boards around it than places serves them in turn.
 *
 * Of two boards the lower id connects; the other one only if nothing came of it for some seconds
 * (one of them may not hear the other). */
#ifndef SL_BEARERS_BLUETOOTH_PLAN_H
#define SL_BEARERS_BLUETOOTH_PLAN_H

#include "base/prng.h"
#include "bearers/bluetooth_advert.h"

/* Somebody whose advertisement was heard. */
struct sl_plan_seen {
    struct sl_address address; /* len 0: free */
    struct sl_advert advert;
    int8_t rssi; /* dBm */
    sl_time first_seen, last_seen;
    sl_time retry_at;  /* not before this */
    sl_time turn_over; /* it gave way to others: not the last place before this */
    sl_time linked_at; /* last; 0: never */
    uint8_t failures;  /* in a row */
};

/* A channel, by the number that the caller gave it. */
struct sl_plan_link {
    uint32_t number;
    struct sl_address address;
    sl_time opened;
    bool outgoing;  /* we connected */
    bool wired;     /* to another adapter of this board: not counted, never given up */
    bool dropping;  /* to be closed */
    bool drop_told; /* and the caller knows */
    bool announced; /* `peer` is known */
    bool proved;    /* the mesh has a session over it: only then its label counts */
    struct sl_advert peer;
    struct sl_advert said; /* what it was told last; id 0: nothing yet */
};

#define SL_PLAN_WIRED_MAX 4
/* One more: it is being closed while its successor is there. */
#define SL_PLAN_LINKS_CAP (SL_BLUETOOTH_LINKS_MAX + 1 + SL_PLAN_WIRED_MAX)

struct sl_plan {
    struct sl_prng prng;
    uint64_t id;
    uint8_t psm;
    struct sl_plan_seen seen[SL_BLUETOOTH_SEEN_MAX];
    struct sl_plan_link links[SL_PLAN_LINKS_CAP];
    size_t link_count;

    uint64_t root;
    uint16_t round;
    uint16_t own_round; /* of ourselves as a root: never goes back */
    uint8_t hops;
    sl_time round_at;    /* the round last went on; as root: when it does next */
    uint32_t parent;     /* number of the link to the root; SL_PLAN_NONE as root */
    uint64_t ended_root; /* a root that was lost, not to be believed before a later round */
    uint16_t ended_round;

    bool connecting; /* an attempt is under way; radios make one at a time */
    struct sl_address connecting_to;
    struct sl_advert advertised; /* id 0: nothing yet */
    sl_time advertised_at;
    sl_time next_connect;  /* attempts keep a distance */
    sl_time changed_at;    /* somebody came or went, as far as can be seen */
    sl_time crowded_since; /* full of needed links while somebody cannot get in; SL_NEVER: not */
};

#define SL_PLAN_NONE UINT32_MAX

enum sl_plan_verb {
    SL_PLAN_ADVERTISE, /* `advert`, instead of what was advertised before */
    SL_PLAN_CONNECT,   /* to `address`, PSM advert.psm; answer with _connected() or _failed() */
    SL_PLAN_DROP,      /* link `number`; answer with _closed() */
    SL_PLAN_ANNOUNCE,  /* `advert` over link `number` */
};

struct sl_plan_action {
    enum sl_plan_verb verb;
    uint32_t number;
    struct sl_address address;
    struct sl_advert advert;
};

/* `id` is 40 random bits, not 0. */
void sl_plan_init(struct sl_plan *plan, uint64_t id, uint8_t psm, uint64_t seed, sl_time now);

/* The day has changed: the same board under another id. Links stay. */
void sl_plan_rename(struct sl_plan *plan, uint64_t id, sl_time now);

/* An advertisement that was decoded came from `address`. */
void sl_plan_seen(struct sl_plan *plan, const struct sl_advert *advert,
                  const struct sl_address *address, int8_t rssi, sl_time now);

/* The attempt last asked for succeeded, or not. `number` is the caller's, unique among links. */
void sl_plan_connected(struct sl_plan *plan, uint32_t number, sl_time now);
void sl_plan_failed(struct sl_plan *plan, sl_time now);

/* Somebody connected to us. 0; -EBUSY: close it again. ret_drop: SL_PLAN_NONE, or a link that has
 * to be closed (and _closed() called) for it. */
int sl_plan_incoming(struct sl_plan *plan, const struct sl_address *address, uint32_t number,
                     uint32_t *ret_drop, sl_time now);

/* Another adapter of this board: one end of a link that costs nothing. Announcements pass over it,
 * too. -ENOSPC. */
int sl_plan_wire(struct sl_plan *plan, uint32_t number, sl_time now);

/* An announcement came over a link. */
void sl_plan_announced(struct sl_plan *plan, uint32_t number, const struct sl_advert *advert,
                       sl_time now);

/* The mesh opened a session over it, with somebody who is a member. */
void sl_plan_proved(struct sl_plan *plan, uint32_t number, sl_time now);

/* The link has ended, whoever ended it. */
void sl_plan_closed(struct sl_plan *plan, uint32_t number, sl_time now);

/* Nothing that was connected or advertised is any more: the adapter was off. What was seen stays.
 */
void sl_plan_reset(struct sl_plan *plan, sl_time now);

/* Next action; false when there is none. Call until then after every event and at the deadline. */
bool sl_plan_next(struct sl_plan *plan, struct sl_plan_action *ret_action, sl_time now);
sl_time sl_plan_deadline(const struct sl_plan *plan, sl_time now);

/* Links over the air, those about to be closed not counted. */
size_t sl_plan_link_count(const struct sl_plan *plan);

/* How much there is to be heard. */
enum sl_plan_search {
    SL_PLAN_SETTLED, /* nobody came or went for minutes */
    SL_PLAN_CALM,    /* linked, and nobody within reach is missing */
    SL_PLAN_LONELY,  /* without a link for long: whoever comes is looking for us, too */
    SL_PLAN_EAGER,   /* somebody is to be linked to, or may be any moment */
};
enum sl_plan_search sl_plan_search(const struct sl_plan *plan, sl_time now);

#endif
