/* The live state of a node: this file is the architecture of the mesh. Only mesh/ includes it.
 *
 *   node.c       what the outside calls        status.c     what a person may see
 *   neighbour.c  greetings, beacons, link ids  link.c       sessions with neighbours
 *   beacons.c    which beacons came             crowd.c      with whom of many in reach
 *   keys.c       keys of frames                frame.c      frames coming in
 *   cover.c      who receives whom
 *   accept.c     checks of an envelope         relay.c      the fast path
 *   keep.c       store, index, holders         origins.c    identities, revocation
 *   sync.c       hellos, when to repair        exchange.c   sketches
 *   give.c       bulk in both directions       output.c     datagrams waiting to leave
 *   gap.c        one envelope that a hello tells of
 *   revocation.c the CRL, handed on            tree.c       the fast path over links of two
 *   share.c      what an origin may have of the store
 *   route.c      which neighbour leads where   routed.c     what travels along routes
 *   settle.c     what arrived along them      refused.c    what is not taken just now */
#ifndef SL_MESH_NODE_INTERNAL_H
#define SL_MESH_NODE_INTERNAL_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "mesh/beacons.h"
#include "mesh/give.h"
#include "mesh/index.h"
#include "mesh/link.h"
#include "mesh/neighbour.h"
#include "mesh/node.h"
#include "mesh/origins.h"
#include "mesh/output.h"
#include "mesh/quota.h"
#include "mesh/refused.h"
#include "mesh/relay.h"
#include "mesh/revocation.h"
#include "mesh/route.h"
#include "mesh/routed.h"
#include "mesh/share.h"
#include "mesh/sync.h"
#include "mesh/tree.h"

struct sl_node_bearer {
    bool used;
    sl_time since; /* it was added */
    struct sl_bearer_info info;
    struct sl_map by_address; /* struct sl_address to number in neighbour_table: the first there */
    uint64_t links;           /* slots of links that are up */
    size_t waiting_count;     /* datagrams in the output queue */
    struct sl_sender sender;  /* the broadcast key on this bearer */
    struct sl_bucket airtime; /* bytes that traffic of others may take */
    sl_time echo_us;          /* that an ECHO takes, smoothed: what waits in the radio included */
    struct sl_bucket openings[2]; /* sessions with strangers: begun by them, by us */
    struct sl_alarm beacon;
    uint8_t beacon_number; /* of the last one to all */
    unsigned beacon_count; /* sent to all so far */
    struct sl_alarm hello;
    unsigned hello_count;
    uint64_t list;                             /* slots named in our last NEAR */
    struct sl_output *open[SL_OUTPUT_CLASSES]; /* broadcast frame that still takes elements */
};

struct sl_node {
    struct sl_node_config config;
    struct sl_prng prng;             /* jitter only */
    struct sl_heap alarms;           /* every sl_alarm of this node */
    uint8_t key[SL_KEY_LEN];         /* Ed25519, public */
    uint8_t origin[SL_ORIGIN_LEN];   /* start of its hash */
    uint8_t beacon_key[SL_KEY_LEN];  /* tags of greetings and LINK */
    uint8_t boot_secret[SL_KEY_LEN]; /* cookies */
    uint8_t link_id[SL_LINK_ID_LEN]; /* the present one; links keep the one they began with */
    sl_time link_id_until;
    struct sl_beacons beacons;
    struct sl_clock clock;
    struct sl_index *index; /* what the store holds */
    struct sl_origins origins;
    struct sl_shares shares;
    struct sl_relays relays;
    struct sl_tree tree;
    struct sl_routes routes;
    struct sl_routing routing;
    struct sl_crl_fetch fetch;
    struct sl_output_queues output;
    struct sl_node_bearer bearers[SL_BEARERS_MAX];
    struct sl_peer *peers[SL_PEERS_MAX]; /* NULL where free */
    struct sl_list neighbours;           /* order of first hearing */
    struct sl_neighbour *neighbour_table[SL_HEARD_MAX];
    size_t neighbour_count;
    struct sl_link *slots[SL_NEIGHBOURS_MAX];      /* links whose session is open */
    struct sl_link *handshakes[SL_HANDSHAKES_MAX]; /* links whose session is not yet open */
    size_t handshake_count;
    size_t decoder_count; /* struct sl_decoder at work */
    struct sl_given given[SL_GIVEN_MAX];
    struct sl_refusals refusals;
    struct sl_link *taking;         /* the one neighbour that gives us what we lack */
    uint64_t last_created;          /* of this node's own envelopes */
    struct sl_unrelayed *unrelayed; /* local envelopes that nobody else is known to hold */
    size_t unrelayed_count, unrelayed_cap;
    struct sl_alarm housekeeping; /* every second */
    struct sl_node_status status; /* the counters; the rest is filled in when asked for */
};

/* Sets an alarm; SL_NEVER cancels. The heap has room for all there can be. */
void sl_node_alarm(struct sl_node *node, struct sl_alarm *alarm, sl_time at);

/* Mesh clock in seconds, to judge by whether a certificate has expired; 0 if it is not set, or if
 * it is the word of fewer than three neighbours who are gone, or whom our own certificate
 * contradicts: one liar could cut us off from everybody. */
int64_t sl_node_expiry_seconds(const struct sl_node *node, sl_time now);

/* The same to judge all of a validity period by: 0 also if the clock lags (SL_CLOCK_STORED), for
 * then a certificate that is valid may seem not to be so yet. */
int64_t sl_node_unix_seconds(const struct sl_node *node, sl_time now);

/* Whose time is over, leaves index and store. */
void sl_node_drop_expired(struct sl_node *node, sl_time now);

/* A CRL was taken: everything that it forbids ends. */
void sl_node_judge_all(struct sl_node *node, sl_time now);

/* An envelope of this node, signed; `envelope` borrows from `bytes`. */
struct sl_own_envelope {
    uint8_t bytes[SL_ENVELOPE_MAX];
    struct sl_envelope envelope;
    int durable; /* 0, or why it lives in memory only */
};

/* Signs and keeps, but sends nothing. Number of the entry, or as sl_node_publish(). */
int64_t sl_node_keep_own(struct sl_node *node, const struct sl_draft *draft, sl_time now,
                         struct sl_own_envelope *ret_own);

/* `base` give or take a quarter. */
sl_time sl_node_jitter(struct sl_node *node, sl_time base);

static inline unsigned sl_count_bits(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

#endif
