/* A crowd in a box: up to thousands of nodes on one radio channel, in virtual time, from one seed.
 * The same configuration gives the same run, event by event: `trace_hash` says so.
 *
 * A run has three parts: boards are switched on during the first ten seconds of the warm-up; people
 * chat; nobody writes any more and what is under way arrives.
 *
 * Chat. Messages come as a Poisson process. Who writes is drawn by Zipf's law (weight 1/rank): a
 * few are loud and most are quiet, as Whittaker, Terveen, Hill and Cherny found in Usenet ("The
 * dynamics of mass interaction", CSCW 1998). A payload is 150 bytes (what seals a short channel
 * message) and an exponentially distributed number more, 60 on average: about what people type at a
 * time.
 *
 * Fields. At about 20 neighbours a node:
 *   standing  a square, positions uniform
 *   marching  a column 40 m wide that walks at 1.4 m/s (Weidmann 1993: 1.34); in it everyone
 *             drifts forth and back by up to 20 m within minutes
 *   courier   two squares out of each other's reach; the last node walks between them
 *   ring      25 m from one to the next, little shadowing: two neighbours each
 *   line      the same, open
 *   packed    a square of 8 m: however many there are, everyone is within reach of everyone
 *   building  four floors of rooms of 5 m; a third of the people changes between two places
 *   gathering a square: a third is there, the others come walking from a gate out of reach until
 *             the middle of the chat, and after that a quarter leaves
 *
 * With churn, a tenth arrives during the chat, and boards go off after 5 minutes on average for
 * half a minute: a third of them says goodbye, a third loses power, a third loses its disk, too.
 * One in eight stays off. */
#ifndef SL_SIM_CROWD_H
#define SL_SIM_CROWD_H

#include "mesh/ports.h"
#include "sim/crowd_air.h"
#include "sim/crowd_ble.h"
#include "sim/crowd_picture.h"
#include "sim/crowd_ports.h"

#include <stdio.h>

enum sl_crowd_field {
    SL_CROWD_STANDING,
    SL_CROWD_MARCHING,
    SL_CROWD_COURIER,
    SL_CROWD_RING,
    SL_CROWD_LINE,
    SL_CROWD_PACKED,
    SL_CROWD_BUILDING,
    SL_CROWD_GATHERING,
    SL_CROWD_FIELDS
};

enum sl_crowd_mode { SL_CROWD_STARLING, SL_CROWD_FLOODING, SL_CROWD_PHONE, SL_CROWD_MODES };

/* What the last node does from the time on when people chat (the liars: every third one). */
enum sl_crowd_attack {
    SL_CROWD_PEACE,
    SL_CROWD_GARBAGE,   /* an outsider: random datagrams, as many as the channel lets through */
    SL_CROWD_FLOODER,   /* a member: 500 envelopes a second, no limits of its own */
    SL_CROWD_LIARS,     /* members whose NTP jumps an hour ahead */
    SL_CROWD_OLD_LIARS, /* and who said so from the beginning */
    SL_CROWD_DATES,     /* a flooder whose dates are anywhere in the last day */
    SL_CROWD_SYBILS,    /* a flooder with an invite, and 10,000 identities from it */
    SL_CROWD_POISON, /* a member: false counts, digests, sketches, ages and hops in all that it says
                      */
    SL_CROWD_FORGER, /* a member: forges what its neighbours say to all, 50 times a second */
    SL_CROWD_REPLAY, /* an outsider: what it heard, again, from the same address, without pause */
    SL_CROWD_HALF_OPEN, /* the network secret, but no certificate: 100 new link ids a second, each
                           of which opens or awaits a session */
    SL_CROWD_REFLECTOR, /* the same: 500 greetings a second from an address that is another's */
    SL_CROWD_LISTENER,  /* an outsider: only listens, from the beginning (crowd_listen.h) */
    SL_CROWD_LIAR,      /* one member whose NTP jumps an hour ahead */
    SL_CROWD_LEECH,    /* a member: says that it holds nothing, and asks for all, again and again */
    SL_CROWD_TAMPERER, /* a member: changes what others wrote when it passes it on */
    SL_CROWD_CLONE,    /* a board with the keys of the first one */
    SL_CROWD_SWALLOWERS, /* members, every fifth: say that they hold what came, and pass nothing on
                          */
    SL_CROWD_ATTACKS
};

/* What goes wrong from a quarter of the chat to three quarters of it. Bits. */
enum sl_crowd_fault {
    SL_CROWD_FAULT_CUT = 1,     /* two halves of the field do not hear each other */
    SL_CROWD_FAULT_ONE_WAY = 2, /* one half hears the other, and not the other way round */
    SL_CROWD_FAULT_STORE = 4,   /* every third store keeps nothing durably, some cannot be read */
    SL_CROWD_FAULT_CLOCK = 8,   /* every second NTP jumps, a day ahead or an hour back */
    SL_CROWD_FAULT_SLOW = 16,   /* every fifth node takes 3 ms for a datagram, all the time */
    SL_CROWD_FAULT_APART = 32,  /* the halves are apart until the chat is over; write in turns */
    SL_CROWD_FAULTS = 6
};

/* Keys and sessions other than the stand-ins of fake_sessions.h. All outlive the run. */
struct sl_crowd_members {
    void *ctx;
    struct sl_primitives primitives;
    void (*join)(void *ctx, int number, uint8_t ret_seed[SL_KEY_LEN],
                 struct sl_membership *ret_membership, struct sl_sessions *ret_sessions);
};

struct sl_crowd_config {
    uint64_t seed;
    int node_count; /* at least 2 */
    enum sl_crowd_field field;
    enum sl_crowd_mode mode;
    enum sl_crowd_attack attack;
    bool churn;
    unsigned faults;       /* of enum sl_crowd_fault */
    uint64_t messages_max; /* 0: as many as come */
    unsigned pair_count;   /* pairs who write to each other directly, every 20 s on average;
                            * then it settles for 4 minutes at least */
    sl_time warm_up, chat, settle;
    double messages_per_hour;   /* of each node, on average */
    unsigned bluetooth_percent; /* of the nodes: with Bluetooth, and no Wi-Fi */
    unsigned both_percent;      /* with both; the rest has Wi-Fi */
    unsigned duplicate_permille;
    sl_time reorder_max;
    double width_m, height_m; /* of the standing crowd; 0: as 20 neighbours a node need */
    sl_time until;            /* ends early; 0: does not */
    FILE *trace;              /* one line for each event; may be NULL */
    /* Called now and then with the share of the run that is over; may be NULL. */
    void (*progress)(void *arg, double share);
    void *progress_arg;
    const struct sl_crowd_members *members; /* borrowed; NULL: stand-ins */
    struct sl_crowd_picture *picture;       /* filled in at the end; may be NULL */
};

/* Warm-up and settling of a minute each around two minutes of chat; 30 messages an hour. */
void sl_crowd_config_init(struct sl_crowd_config *config);

#define SL_CROWD_HOP_GROUPS 8
#define SL_CROWD_PACKETS    (SL_CROWD_ELEMENTS - 8) /* above all types of elements */

struct sl_crowd_latency {
    uint64_t count;
    double p50, p95, p99; /* seconds */
};

struct sl_crowd_result {
    uint64_t trace_hash;
    uint64_t steps;
    double degree; /* mean, at the beginning */
    uint64_t messages;
    uint64_t deliverable; /* pairs of message and node that was ever connected to its author */
    uint64_t delivered;   /* of them */
    uint64_t stuck; /* pairs not delivered although, at the end, the node is connected to one that
                       has it */
    uint64_t timely, timed; /* within 2 s per 5 hops, of those connected when it was written */
    struct sl_crowd_latency latency[SL_CROWD_HOP_GROUPS]; /* by 5 hops: 1-5, 6-10, ... */
    /* While people chat and after: */
    double sends_per_message;         /* envelopes sent for each message, by all nodes together */
    double sends_of_flooding;         /* the same divided by what one send of everybody would be */
    double sends_least;               /* the same, were the relays chosen by who knows the field */
    double useful;                    /* first receptions over all receptions of envelopes */
    double channel_busy;              /* share of time that a radio finds the channel busy */
    double control_share;             /* the part of it that carries anything but envelopes */
    double kind_shares[SL_AIR_KINDS]; /* the channel's busy time by what it carries: types of
                                         elements, and SL_CROWD_PACKETS and the types of others */
    uint64_t repair_bytes;
    struct sl_air_stats air;          /* of the whole run */
    struct sl_ble_stats ble;          /* likewise */
    size_t ble_links_most;            /* of a node at a time */
    int parts_in_reach, parts_linked; /* at the end: of the field, and of the mesh */
    /* Direct messages between pairs that had talked before people began to chat: */
    uint64_t directs, directs_delivered, directs_answered;
    uint64_t directs_flooded; /* envelopes that nodes flooded after all, of the whole run */
    uint64_t directs_held;    /* that nodes hold at the end */
    /* Seconds of everybody's airtime: sendings of a direct message; of its receipt, and of all that
     * says that they arrived; and of a channel message in the same run. */
    double direct_airtime, answer_airtime, channel_airtime;
    uint64_t crossings_max;  /* copies of an envelope over one directed link, between honest
                              * members: the most, */
    uint64_t crossings_over; /* and how often it was more than two */
    double clock_error_max;  /* seconds, of honest nodes; negative: one had no clock at all */
    double clock_off; /* share of honest nodes that are off by more than 2 s, or have no clock */
    /* After SL_CROWD_FAULT_APART, until the last one had everything: */
    double reunion_seconds;
    double reunion_airtime; /* seconds, of all */
    double missing_airtime; /* what one send each of all that somebody missed would take */
    double bytes_per_node;  /* heap, at the end; 0 if the C library does not tell */
    double bytes_max; /* of one node at any time; 0 where it is not counted (crowd_memory.h) */
    size_t stored_max;
    double accepted_max;    /* sessions that a member began as server, a second; the most of all */
    double reflected;       /* bytes that an address got which never asked, for each byte that a
                               reflector sent in its name */
    uint64_t swallowed;     /* envelopes that swallowers did not pass on, each time */
    size_t alarms;          /* honest nodes that met their own key */
    uint64_t names_changed; /* names of boards that a listener heard give way to others, and boards
                               that it heard before and after they were off */
    uint64_t double_deliveries, forgeries, bound_violations; /* must be 0 */
    uint64_t recognised; /* likewise: what leads a listener from one name of a board to the next */
    char violation[160]; /* the first of them */
};

/* Aborts if out of memory or if a node asks to be ticked for ever, and prints the seed. */
void sl_crowd_run(const struct sl_crowd_config *config, struct sl_crowd_result *ret_result);

/* For people and command lines: "standing", "starling", "peace", ... */
const char *sl_crowd_field_name(enum sl_crowd_field field);
const char *sl_crowd_mode_name(enum sl_crowd_mode mode);
const char *sl_crowd_attack_name(enum sl_crowd_attack attack);
const char *sl_crowd_fault_name(unsigned number); /* of the bit with that number */

#endif
