/* A network of whole nodes in memory, from one seed: virtual time, media that lose, delay, double
 * and reorder, nodes that stop and start again with their store kept. The same seed gives the same
 * run, byte for byte.
 *
 * A medium is anything that carries datagrams between the nodes attached to it: a cable between
 * two, or the air that many share. A node has one bearer for each medium it is attached to.
 *
 *     struct sl_fabric *fabric = sl_fabric_new(&(struct sl_fabric_config){.seed = 7});
 *     for (int i = 0; i < 3; i++)
 *         sl_fabric_add_node(fabric, NULL);
 *     sl_fabric_line(fabric);
 *     assert_true(sl_fabric_run_until_linked(fabric, 10 * SL_SECOND));
 *
 * What cannot work in a test (out of memory, a node that asks to be ticked for ever) aborts and
 * prints the seed. */
#ifndef SL_SIM_FABRIC_H
#define SL_SIM_FABRIC_H

#include "mesh/node.h"
#include "sim/fake_sessions.h"
#include "sim/memory_store.h"

#define SL_FABRIC_NODES_MAX 256
#define SL_FABRIC_MEDIA_MAX 1024

struct sl_fabric;

struct sl_fabric_config {
    uint64_t seed;
    const struct sl_primitives *primitives; /* copied; NULL: the fake ones */
};

struct sl_fabric *sl_fabric_new(const struct sl_fabric_config *config);
void sl_fabric_free(struct sl_fabric *fabric);

/* Virtual time: starts at 1,000 s. It is also the life clock of every node. */
sl_time sl_fabric_now(const struct sl_fabric *fabric);

/* ---- Nodes ---- */

/* A layer above a node, driven along with it (the chat, in its tests). Every member may be NULL. */
struct sl_fabric_layer {
    void *arg;
    /* The node was made, at first and again after each restart; and is about to go. */
    void (*started)(void *arg, int number, struct sl_node *node, sl_time now);
    void (*stopping)(void *arg, int number, sl_time now);
    /* Called after every turn of the node, and at `deadline`. */
    void (*tick)(void *arg, sl_time now);
    sl_time (*deadline)(void *arg);
};

struct sl_fabric_node_config {
    struct sl_node_events events; /* sl_fabric_now() tells the time in them */
    struct sl_fabric_layer layer;
    struct sl_quota_config quota;  /* all zeros: the defaults */
    uint64_t store_bytes_max;      /* 0: the default */
    const char *name;              /* in its certificate; NULL: "node-N" */
    uint32_t network;              /* of its certificate: 0 is everybody's, others are foreign */
    bool other_secret;             /* and its greetings are foreign, too */
    int64_t not_before, not_after; /* of its certificate, Unix seconds; 0: always valid */
    int clone_of;                  /* number + 1 of a node whose keys it shares; 0: own keys */
};

/* Makes and starts a node; its number, from 0. `config` may be NULL. */
int sl_fabric_add_node(struct sl_fabric *fabric, const struct sl_fabric_node_config *config);
int sl_fabric_node_count(const struct sl_fabric *fabric);

/* NULL while it is stopped. */
struct sl_node *sl_fabric_node(struct sl_fabric *fabric, int number);
struct sl_memory_store *sl_fabric_store(struct sl_fabric *fabric, int number);
struct sl_fake_member *sl_fabric_member(struct sl_fabric *fabric, int number);
/* The private key it signs with, and the secret of its network. */
const uint8_t *sl_fabric_seed(struct sl_fabric *fabric, int number);
const uint8_t *sl_fabric_secret(struct sl_fabric *fabric, int number);
/* The same primitives that the nodes use. */
const struct sl_primitives *sl_fabric_primitives(struct sl_fabric *fabric);

/* Stops it: in good order (goodbyes are sent), or as if the plug was pulled (nothing is sent, and
 * what the store had not synced is lost). Its store is kept. */
void sl_fabric_stop(struct sl_fabric *fabric, int number);
void sl_fabric_pull_plug(struct sl_fabric *fabric, int number);
void sl_fabric_start(struct sl_fabric *fabric, int number);

/* After calling a node's functions from outside: sends what it has to send and looks at its
 * deadline. Not needed inside its callbacks. */
void sl_fabric_touch(struct sl_fabric *fabric, int number);

/* ---- Media ---- */

struct sl_medium_config {
    bool unicast_only; /* no broadcast: every two attached nodes are configured peers */
    sl_time delay;     /* 0: 1 ms */
    sl_time jitter;    /* added, uniform from 0: reorders */
    unsigned loss_permille;
    unsigned duplicate_permille;
    uint64_t rate_bps; /* told to the node; 0: 54 Mbit/s */
};

/* Number of the medium. `config` may be NULL. */
int sl_fabric_add_medium(struct sl_fabric *fabric, const struct sl_medium_config *config);
void sl_fabric_attach(struct sl_fabric *fabric, int medium, int node);
/* Ends that node's bearer. */
void sl_fabric_detach(struct sl_fabric *fabric, int medium, int node);
/* Changes loss and the like of a medium in use. */
void sl_fabric_change_medium(struct sl_fabric *fabric, int medium,
                             const struct sl_medium_config *config);

/* A cable between two nodes; the number of its medium. */
int sl_fabric_link(struct sl_fabric *fabric, int a, int b);
/* All nodes so far: cables 0-1, 1-2, ... (numbered 0, 1, ... if they are the first media); the same
 * and last-0; or one shared medium. */
void sl_fabric_line(struct sl_fabric *fabric);
void sl_fabric_ring(struct sl_fabric *fabric);
int sl_fabric_mesh(struct sl_fabric *fabric);

/* Nothing passes while it is cut. */
void sl_fabric_cut(struct sl_fabric *fabric, int medium);
void sl_fabric_join(struct sl_fabric *fabric, int medium);
/* In one direction only. */
void sl_fabric_block(struct sl_fabric *fabric, int medium, int from, int to, bool blocked);

/* The address of a node on a medium, and its bearer number there (-1: none). */
void sl_fabric_address(const struct sl_fabric *fabric, int medium, int node,
                       struct sl_address *ret_address);
int sl_fabric_bearer(const struct sl_fabric *fabric, int medium, int node);

/* A stranger's datagram, delivered at once. `from` may be anything. */
void sl_fabric_inject(struct sl_fabric *fabric, int medium, int to, const struct sl_address *from,
                      const uint8_t *bytes, size_t len);

struct sl_fabric_packet {
    int medium;
    int from;
    int to;                    /* -1: everyone, -2: an address that is no node's */
    struct sl_address address; /* where to; len 0: everyone */
    const uint8_t *bytes;
    size_t len;
};

/* Sees everything that nodes send, before loss. False: it is not delivered. */
typedef bool (*sl_fabric_tap)(void *arg, const struct sl_fabric_packet *packet, sl_time now);
void sl_fabric_set_tap(struct sl_fabric *fabric, sl_fabric_tap tap, void *arg);

/* Datagrams and bytes sent on a medium so far. */
uint64_t sl_fabric_datagrams(const struct sl_fabric *fabric, int medium);
uint64_t sl_fabric_bytes(const struct sl_fabric *fabric, int medium);

/* ---- Time ---- */

void sl_fabric_run(struct sl_fabric *fabric, sl_time duration);

/* Runs until `done` (asked after every event), for at most `limit`. Whether it came true. */
bool sl_fabric_run_until(struct sl_fabric *fabric, bool (*done)(struct sl_fabric *, void *arg),
                         void *arg, sl_time limit);

/* Until every two running nodes on an uncut medium are linked there. */
bool sl_fabric_run_until_linked(struct sl_fabric *fabric, sl_time limit);

/* Until all running nodes hold the same number of envelopes, and at least `count`. */
bool sl_fabric_run_until_stored(struct sl_fabric *fabric, size_t count, sl_time limit);

/* ---- Short cuts ---- */

struct sl_node_status sl_fabric_status(struct sl_fabric *fabric, int node);

/* Publishes a CHANNEL envelope with that payload, lifetime a day. Returns as sl_node_publish();
 * `ret_id` may be NULL. */
int sl_fabric_publish(struct sl_fabric *fabric, int node, const void *payload, size_t len,
                      uint8_t ret_id[SL_ID_LEN]);

#endif
