/* A run of a crowd from the inside: shared by the files crowd*.c only.
 *
 *   crowd.c        stations, their turns, the run        crowd_field.c    where they stand and walk
 *   crowd_chat.c   who writes, who got it, when          crowd_check.c    invariants, the trace
 *   crowd_attack.c outsiders who mean harm               crowd_measure.c  the figures at the end
 *   crowd_attack_member.c members who do                 crowd_bluetooth.c boards with Bluetooth
 *   crowd_fault.c  what goes wrong                       crowd_memory.c    whose memory it is
 *   crowd_member.c keys, certificates, sessions
 *   crowd_picture.c what there is to see at the end
 *   crowd_direct.c pairs who write to each other        crowd_listen.c    who was whom yesterday */
#ifndef SL_SIM_CROWD_INTERNAL_H
#define SL_SIM_CROWD_INTERNAL_H

#include "base/prng.h"
#include "mesh/node.h"
#include "mesh/packet.h"
#include "sim/crowd.h"
#include "sim/crowd_bluetooth.h"
#include "sim/crowd_event.h"
#include "sim/crowd_listen.h"
#include "sim/crowd_memory.h"
#include "sim/crowd_plain.h"
#include "sim/crowd_ports.h"
#include "sim/fake_sessions.h"

#define SL_CROWD_BEGIN    (1000 * SL_SECOND)
#define SL_CROWD_EPOCH_US INT64_C(1790000000000000) /* Unix time at life clock 0 */
#define SL_CROWD_SNAPSHOT (5 * SL_SECOND)
#define SL_CROWD_TOO_LATE (45 * SL_SECOND) /* before the end: who meets now need not be in sync */
#define SL_CROWD_SPAM     UINT32_C(0xfffffffe) /* number of all that a flooder writes */

enum sl_crowd_role {
    SL_ROLE_MEMBER,
    SL_ROLE_LIAR,
    SL_ROLE_FLOODER,
    SL_ROLE_TRAITOR,
    SL_ROLE_OUTSIDER
};

struct sl_crowd_totals {
    uint64_t accepted, duplicates, sent, repair_bytes;
    uint64_t heard; /* receptions of envelopes */
    sl_time busy, heard_airtime, heard_control;
    double heard_kinds[SL_AIR_KINDS];
};

/* The key that a station speaks under to all, as a traitor beside it knows it. */
struct sl_crowd_key {
    bool known;
    uint8_t key[SL_KEY_LEN];
    struct sl_frame_header header; /* of its last frame */
};

struct sl_crowd_station {
    struct sl_crowd_event deadline;
    struct sl_crowd_event power; /* it is switched on or off */
    struct sl_crowd_event mischief;
    struct sl_crowd *crowd;
    int number;
    enum sl_crowd_role role;
    size_t accepted_at_chat;   /* sessions begun as server, when the chat began */
    uint32_t spam_count;       /* that it wrote */
    struct sl_crowd_key *keys; /* by station; a traitor's */
    int hearing;               /* whose frame it is that it reads */
    sl_time on_since;          /* SL_NEVER while off */
    uint8_t seed[SL_KEY_LEN];
    uint8_t origin[SL_ORIGIN_LEN];
    struct sl_fake_member *member; /* NULL with members of the caller's */
    struct sl_membership membership;
    struct sl_sessions sessions;
    struct sl_crowd_store *store;
    struct sl_node *node;                 /* NULL while off, and in other modes */
    int bearer;                           /* Wi-Fi; -1: none */
    bool has_no_wifi;                     /* Bluetooth only */
    struct sl_crowd_bluetooth *bluetooth; /* NULL: has none */
    struct sl_plain *plain;               /* in other modes */
    bool *seen;                           /* by message: what its present store took */
    size_t seen_cap;
    struct sl_crowd_totals past; /* of nodes that are gone */
    sl_time turn_at;
    unsigned spins;
    uint64_t turns;
    int64_t memory;               /* heap of its node and its sessions, where it is counted */
    struct sl_crowd_inbox *inbox; /* of a slow one; else NULL */
};

struct sl_crowd_message {
    int author;
    sl_time at;
    uint64_t created;
    uint16_t payload_len;
    sl_time *first; /* when each station got it; SL_NEVER: not */
    uint8_t *hops;  /* from the author, when it was written */
    bool *holders;  /* who could have it */
};

/* Frames on the air are counted by the first envelope in them; below these, by their first byte. */
enum {
    SL_CROWD_AIR_CHANNEL = 8,
    SL_CROWD_AIR_DIRECT,
    SL_CROWD_AIR_RECEIPT,
    SL_CROWD_AIR_SETTLED,
    SL_CROWD_AIR_TAKEN,         /* no envelope, but TAKEN or STRAY */
    SL_CROWD_AIR_DIRECT_FLOOD,  /* a DIRECT that floods */
    SL_CROWD_AIR_RECEIPT_FLOOD, /* a RECEIPT that does */
};

struct sl_crowd_directs;

/* How often an envelope crossed a directed link between honest members. */
struct sl_crowd_crossings {
    uint64_t *keys;
    uint8_t *counts;
    size_t slots, used;
    uint64_t sample; /* one envelope in that many is followed */
    uint64_t max, over;
};

/* When halves that were apart meet. */
struct sl_crowd_reunion {
    sl_time at, last_news_at; /* 0: not yet */
    sl_time airtime, last_news_airtime, missing_airtime;
};

struct sl_crowd {
    struct sl_crowd_config config;
    struct sl_heap heap;
    sl_time now, chat_at, settle_at, end_at;
    struct sl_prng prng;
    struct sl_primitives primitives;
    uint8_t secret[SL_KEY_LEN];
    struct sl_air *air;
    struct sl_ble *ble; /* NULL: nobody has Bluetooth */
    struct sl_reach *reach;
    struct sl_crowd_depot *depot;
    struct sl_crowd_station *stations;
    struct sl_crowd_event chat;     /* the next message */
    struct sl_crowd_event snapshot; /* the next look at the field */
    struct sl_crowd_event fault;    /* the next that goes wrong, or is mended */
    bool in_trouble;
    struct sl_crowd_reunion reunion;
    double *loudness;         /* cumulative weights */
    double width_m, height_m; /* of a square or a column */
    sl_time progress_at;
    struct sl_crowd_message *messages;
    size_t message_count, message_cap;
    size_t least_sends;               /* of all of them: sl_reach_least() */
    struct sl_crowd_totals at_chat;   /* what had happened when the chat began */
    uint64_t heard;                   /* receptions of envelopes */
    struct sl_crowd_directs *directs; /* NULL: no pairs */
    struct sl_crowd_crossings crossings;
    struct sl_crowd_outsider *outsider;
    struct sl_listener *listener; /* NULL: nobody listens */
    struct sl_crowd_result result;
};

void *sl_crowd_allocate(size_t count, size_t size);
/* Else prints what and the seed, and aborts. */
void sl_crowd_must(const struct sl_crowd *crowd, bool holds, const char *what);
void sl_crowd_schedule(struct sl_crowd *crowd, struct sl_crowd_event *event, sl_time at);
/* Exponentially distributed. */
double sl_crowd_draw(struct sl_crowd *crowd, double mean);
bool sl_crowd_is_on(const struct sl_crowd_station *station);
/* The number of the station with that address. */
int sl_crowd_station_at(const struct sl_address *address);
/* Sends what its node has to send, and looks at its deadline. */
void sl_crowd_finish_turn(struct sl_crowd_station *station);
void sl_crowd_sum(const struct sl_crowd *crowd, struct sl_crowd_totals *ret_totals);

/* What its node makes of a frame, at once. */
void sl_crowd_take(struct sl_crowd_station *station, const struct sl_air_frame *frame, sl_time now);
/* Who is linked now, and so could have got what. */
void sl_crowd_look(struct sl_crowd *crowd);

/* crowd_member.c. Keys, certificates and sessions of a station. */
void sl_crowd_members_init(struct sl_crowd *crowd);
void sl_crowd_join(struct sl_crowd_station *station);

/* crowd_fault.c. True: the frame waits until a slow node comes to it. */
void sl_crowd_fault_init(struct sl_crowd *crowd);
void sl_crowd_fault_done(struct sl_crowd *crowd);
bool sl_crowd_defer(struct sl_crowd_station *station, const struct sl_air_frame *frame,
                    sl_time now);
void sl_crowd_empty_inbox(struct sl_crowd_station *station);

/* crowd_field.c. Places everyone for this moment, and whether anybody ever moves. */
void sl_crowd_place(struct sl_crowd *crowd);
bool sl_crowd_moves(const struct sl_crowd *crowd);
/* On which side of a cut a station is. */
bool sl_crowd_on_second_side(const struct sl_crowd *crowd, int station);
/* When someone of a gathering sets out for it, and for home; SL_NEVER: stays. */
sl_time sl_crowd_comes_at(const struct sl_crowd *crowd, int station);
sl_time sl_crowd_leaves_at(const struct sl_crowd *crowd, int station);
void sl_crowd_field_init(struct sl_crowd *crowd, struct sl_air_config *air);

/* crowd_chat.c */
void sl_crowd_chat_init(struct sl_crowd *crowd);
void sl_crowd_chat_done(struct sl_crowd *crowd);
void sl_crowd_delivered(struct sl_crowd_station *station, uint32_t message);
void sl_crowd_accepted(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                       sl_time born, bool local);
void sl_crowd_meet(struct sl_crowd *crowd);             /* the field was looked at */
void sl_crowd_forget(struct sl_crowd_station *station); /* what its store has no more */
void sl_crowd_begin_reunion(struct sl_crowd *crowd);

/* crowd_check.c */
void sl_crowd_check_init(struct sl_crowd *crowd);
void sl_crowd_check_done(struct sl_crowd *crowd);
void sl_crowd_note_crossings(struct sl_crowd *crowd, const struct sl_air_frame *frame, int to);
void sl_crowd_check_bounds(struct sl_crowd_station *station);
void sl_crowd_violate(struct sl_crowd *crowd, uint64_t *counter, const char *what, int station);
void sl_crowd_trace(struct sl_crowd *crowd, const char *what, int station, uint64_t a, uint64_t b);

/* crowd_direct.c */
/* What a run with pairs takes at least after the last message: until nobody holds any more. */
#define SL_CROWD_DIRECT_SETTLE (4 * SL_MINUTE)
void sl_crowd_direct_init(struct sl_crowd *crowd);
void sl_crowd_direct_done(struct sl_crowd *crowd);
void sl_crowd_direct_begin(struct sl_crowd *crowd); /* people begin to chat */
void sl_crowd_direct_accepted(struct sl_crowd_station *station, const struct sl_envelope *envelope,
                              const uint8_t id[SL_ID_LEN]);
void sl_crowd_direct_measure(struct sl_crowd *crowd);

/* crowd_attack.c. Whose keys a station has: its own, but for a clone. */
int sl_crowd_identity_of(const struct sl_crowd *crowd, int station);
void sl_crowd_cast(struct sl_crowd *crowd);
void sl_crowd_begin_mischief(struct sl_crowd *crowd);
void sl_crowd_attack_done(struct sl_crowd *crowd);
/* Bytes in answer to a reflector for each byte of its own; 0: there is none. */
double sl_crowd_reflected(const struct sl_crowd *crowd);
/* An outsider received a frame. */
void sl_crowd_overhear(struct sl_crowd_station *station, const struct sl_air_frame *frame,
                       sl_time now);

/* crowd_attack_member.c. What a member who means harm is given instead of honest ports and quotas;
 * and what it does from its moment on. */
void sl_crowd_corrupt(struct sl_crowd_station *station, struct sl_node_config *config);
sl_crowd_fire sl_crowd_member_mischief(const struct sl_crowd_station *station);
/* The certificate of one of ten thousand that an invite gives; its length. ret_chain may be NULL.
 */
size_t sl_crowd_sybil_chain(const struct sl_crowd *crowd, uint32_t number, uint8_t *ret_chain);

/* crowd_picture.c */
void sl_crowd_draw_picture(const struct sl_crowd *crowd, struct sl_crowd_picture *ret_picture);

/* crowd_measure.c */
/* Whether that station is one that should have got that message by the end, if it could. */
bool sl_crowd_counts_as_reader(const struct sl_crowd *crowd, const struct sl_crowd_message *message,
                               int station);
void sl_crowd_measure(struct sl_crowd *crowd);
double sl_crowd_heap_bytes(void);

#endif
