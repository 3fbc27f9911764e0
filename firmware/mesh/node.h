/* A mesh node as a state machine: bytes and a time go in, bytes and the next deadline come out.
 *
 * The caller reads a clock once a turn and passes it as `now` to all calls of that turn. After any
 * call it drains sl_node_transmit() and asks sl_node_deadline() when to call sl_node_tick().
 * Nothing here reads a clock, a socket, a file or a random source of its own.
 *
 * Model: ngtcp2's read_pkt / write_pkt / get_expiry. Formats and rules: PROTOCOL.md. */
#ifndef SL_MESH_NODE_H
#define SL_MESH_NODE_H

#include "mesh/clock.h"
#include "mesh/envelope.h"

struct sl_node;

/* What happened, told to the layer above in the turn in which it happened. Callbacks may publish,
 * but not free the node. Pointers are borrowed for the call. */
struct sl_node_events {
    void *arg;
    /* An envelope that is new here passed every check and is kept. Also called for those published
     * on this node (local is true). */
    void (*accepted)(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                     sl_time born, bool local);
    /* Another node is known to hold an envelope published here. */
    void (*relayed)(void *arg, const uint8_t id[SL_ID_LEN]);
    /* The store takes nothing durable (error is -errno) or does again (0). Once for each change. */
    void (*store_state)(void *arg, int error);
};

struct sl_quota_config {
    uint32_t origin_rate; /* envelopes a second on the fast path; 0 is no limit */
    uint32_t origin_burst;
    uint32_t link_rate; /* envelopes a second from one neighbour; 0 is no limit */
    uint32_t link_burst;
    uint32_t airtime_percent; /* of a bearer's rate, for traffic of others; 100 is no limit */
};

/* The defaults of limits.h. */
void sl_quota_config_init(struct sl_quota_config *config);

struct sl_node_config {
    struct sl_primitives primitives;
    struct sl_sessions sessions;
    struct sl_membership membership;
    struct sl_store_port store;
    struct sl_node_events events;
    struct sl_quota_config quota;
    uint8_t seed[SL_KEY_LEN];           /* Ed25519 private key of this node */
    uint8_t network_secret[SL_KEY_LEN]; /* shared by all members; beacon key and the rest derive */
    uint64_t store_bytes_max;
    uint64_t prng_seed;
};

/* NULL if out of memory. Copies `config`. Loads the index through store.each(). */
struct sl_node *sl_node_new(const struct sl_node_config *config, sl_time now);
void sl_node_free(struct sl_node *node);

struct sl_bearer_info {
    char name[32];     /* for people: "udp eth0" */
    bool broadcast;    /* an address of len 0 reaches everyone */
    uint64_t rate_bps; /* nominal, for the airtime ceiling */
};

/* Number of the bearer (0 to SL_BEARERS_MAX - 1), or -ENOSPC. Removing one ends its links. */
int sl_node_add_bearer(struct sl_node *node, const struct sl_bearer_info *info, sl_time now);
void sl_node_remove_bearer(struct sl_node *node, int bearer, sl_time now);

/* A configured address that gets beacons although no broadcast reaches it. -ENOSPC, -EEXIST. */
int sl_node_add_peer(struct sl_node *node, int bearer, const struct sl_address *address,
                     sl_time now);

/* The address is no more: its beacons end, and every link and neighbour there. */
void sl_node_remove_peer(struct sl_node *node, int bearer, const struct sl_address *address,
                         sl_time now);

/* Whether a link to a member is up there. */
bool sl_node_is_linked(const struct sl_node *node, int bearer, const struct sl_address *address);

void sl_node_receive(struct sl_node *node, int bearer, const struct sl_address *from,
                     const uint8_t *bytes, size_t len, sl_time now);
void sl_node_tick(struct sl_node *node, sl_time now);
sl_time sl_node_deadline(const struct sl_node *node);

struct sl_datagram {
    int bearer;
    struct sl_address to; /* len 0: everyone on the bearer */
    size_t len;
    uint8_t bytes[SL_DATAGRAM_MAX];
};

/* Next datagram to send. False when there is none. */
bool sl_node_transmit(struct sl_node *node, struct sl_datagram *ret_datagram, sl_time now);

/* The bearers, as a bit mask of their numbers, that cannot send just now: what is for them waits,
 * up to SL_OUTPUT_HELD_MAX datagrams each, and the others go on. */
void sl_node_hold(struct sl_node *node, uint32_t bearers);

/* Says goodbye to all neighbours; drain sl_node_transmit() afterwards, then free. */
void sl_node_close(struct sl_node *node, sl_time now);

/* The creation time that the next envelope must carry: the mesh clock, moved on so that it is later
 * than any before. Stays the same until something is published. */
uint64_t sl_node_next_created(struct sl_node *node, sl_time now);

struct sl_draft {
    enum sl_envelope_kind kind;
    uint64_t created; /* from sl_node_next_created() in this turn */
    uint32_t lifetime;
    const uint8_t *payload;
    size_t payload_len;
    bool sync; /* on disk before this returns */
    /* Of DIRECT and RECEIPT, if known: the node that it is for. It goes there along a route where
     * one is known, and floods if it does not arrive. NULL: it floods. */
    const uint8_t *destination;
    const uint8_t *answers; /* of RECEIPT: the envelope that it is about; NULL: not known */
};

/* Signs, keeps and starts to spread an envelope of this node. 0 with ret_id. -EIO, -ENOSPC or
 * -EROFS: it spreads, but lives in memory only (ret_id is set). Anything else: nothing happened. */
int sl_node_publish(struct sl_node *node, const struct sl_draft *draft, sl_time now,
                    uint8_t ret_id[SL_ID_LEN]);

/* A receipt of an envelope published here came from a node (NULL: not known which): nobody need
 * hold either of them any more. */
void sl_node_settled(struct sl_node *node, const uint8_t id[SL_ID_LEN], const uint8_t *by,
                     sl_time now);

/* Every live envelope of that kind in the store, oldest first; for a persona that was just
 * unlocked. `found` may publish. 0 or -EIO. */
int sl_node_each(struct sl_node *node, enum sl_envelope_kind kind, sl_time now,
                 void (*found)(void *arg, const struct sl_envelope *envelope,
                               const uint8_t id[SL_ID_LEN], sl_time born, bool local, bool relayed),
                 void *arg);

/* Installs a CRL given by hand (the organiser's tool) and spreads it. 0, -EALREADY, -EBADMSG. */
int sl_node_revoke(struct sl_node *node, const uint8_t *crl, size_t len, sl_time now);

/* The clock, to feed it what the daemon knows (clock.h). */
void sl_node_set_time(struct sl_node *node, enum sl_clock_source source, int64_t unix_us,
                      sl_time now);

/* ---- What a person may see ---- */

struct sl_node_status {
    uint8_t origin[SL_ORIGIN_LEN];
    size_t neighbour_count; /* with an open link */
    size_t handshake_count;
    size_t heard_count;
    size_t origin_count; /* nodes whose certificate is known */
    size_t stored_count;
    uint64_t stored_bytes;
    uint64_t store_bytes_max;
    int store_error; /* 0, or why the store is in memory only */
    enum sl_clock_source clock_source;
    int64_t unix_us;   /* mesh clock; 0 if not set */
    uint64_t accepted; /* envelopes new here */
    uint64_t duplicates;
    uint64_t sent_envelopes; /* envelope elements sent, each counted once for each datagram */
    uint64_t suppressed;     /* not sent on because others had */
    size_t route_count;      /* nodes to which a neighbour is known to lead */
    size_t held_count;       /* stored envelopes that are under way along routes */
    uint64_t sent_routed;    /* of the envelope elements sent, those along routes */
    uint64_t routed_settled; /* envelopes held here that arrived along a route */
    uint64_t routed_flooded; /* and those that did not, as far as is known, and flooded */
    uint64_t bytes_in, bytes_out;
    uint64_t frames_in, frames_out;
    uint64_t repair_bytes_out; /* hello, sketch, more, want, have and so on: without envelopes */
    uint64_t rejected_signature, rejected_malformed, rejected_quota, rejected_expired,
        rejected_replayed, rejected_unknown, rejected_revoked, rejected_garbage;
    uint64_t refused[SL_REFUSAL_COUNT];
};

void sl_node_status(const struct sl_node *node, sl_time now, struct sl_node_status *ret_status);

enum sl_link_state { SL_LINK_HEARD, SL_LINK_HANDSHAKE, SL_LINK_UP };

struct sl_neighbour_info {
    int bearer;
    char bearer_name[32];
    struct sl_address address;
    enum sl_link_state state;
    uint8_t origin[SL_ORIGIN_LEN]; /* zeros until the link is up */
    char name[64];                 /* from its certificate */
    sl_time up_since, last_heard;  /* life clock */
    uint64_t frames_in, frames_out, bytes_in, bytes_out, envelopes_in;
    uint32_t loss_permille; /* from gaps in its frame counter */
    uint32_t stored_count;  /* what its last hello said */
    bool in_sync;           /* its last hello equalled our store */
    enum sl_refusal last_refusal;
};

/* Neighbours by number, 0 up; false past the last. Order is that of first hearing. */
bool sl_node_neighbour(const struct sl_node *node, size_t number,
                       struct sl_neighbour_info *ret_info);

/* Name of a node from its certificate; NULL if its identity is not known. */
const char *sl_node_name(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN]);

#endif
