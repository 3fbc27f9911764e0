/* A few chats with real cryptography and nothing of a mesh between them: what one publishes is put
 * into its store and, if they are connected, into that of the others at the next sl_bus_deliver().
 * For tests of the chat alone. */
#ifndef SL_SIM_CHAT_BUS_H
#define SL_SIM_CHAT_BUS_H

#include "chat/internal.h"
#include "sim/memory_store.h"

#define SL_BUS_NODES_MAX 4

/* What an event told. */
struct sl_bus_event {
    uint32_t persona, owner;
    struct sl_message message; /* text: a copy */
};

struct sl_bus_events {
    struct sl_bus_event *items;
    size_t count;
};

struct sl_bus_stored {
    uint8_t *bytes; /* signed part and signature */
    size_t len;
    struct sl_envelope envelope;
    uint8_t id[SL_ID_LEN];
    int from;
    bool relayed;
    sl_time born;
};

struct sl_bus_node {
    struct sl_bus *bus;
    int number;
    struct sl_chat *chat; /* NULL while stopped */
    struct sl_memory_store *store;
    uint8_t seed[SL_KEY_LEN];
    uint8_t origin[SL_ORIGIN_LEN];
    uint64_t last_created;
    void (*on_publish)(struct sl_bus_node *node, const struct sl_draft *draft); /* may be NULL */
    int publish_error; /* what publish() answers from now on */
    bool offline;
    struct sl_bus_stored *stored;
    size_t stored_count;
    struct sl_bus_events messages, states;
    size_t person_count;
    struct sl_person last_person;
};

struct sl_bus {
    struct sl_bus_node nodes[SL_BUS_NODES_MAX];
    int node_count;
    sl_time now;
    struct sl_primitives primitives;
    struct sl_sealing sealing;
    uint8_t network_secret[SL_KEY_LEN];
    bool fast_passphrases; /* a hash in place of Argon2 */
};

/* At most SL_BUS_NODES_MAX nodes, all connected. Aborts when out of memory. */
struct sl_bus *sl_bus_new(int node_count);
void sl_bus_free(struct sl_bus *bus);

/* Stops the chat of a node; its store and vault stay, or stay only as far as they were synced. */
void sl_bus_stop(struct sl_bus *bus, int node);
void sl_bus_pull_plug(struct sl_bus *bus, int node);
void sl_bus_start(struct sl_bus *bus, int node);

/* Hands everything to every node that is online and has not got it, until nothing is left. Does not
 * move time. */
void sl_bus_deliver(struct sl_bus *bus);
/* Hands over one envelope only. */
void sl_bus_hand(struct sl_bus *bus, const struct sl_bus_stored *stored, int to);
/* Moves time on, ticking at every deadline, and delivers. */
void sl_bus_run(struct sl_bus *bus, sl_time duration);

/* Makes an envelope of that node's origin out of any payload, without its chat: what a modified
 * node could send. `created` 0: the next. The envelope is in the node's store. */
const struct sl_bus_stored *sl_bus_forge(struct sl_bus *bus, int node, enum sl_envelope_kind kind,
                                         uint64_t created, const uint8_t *payload, size_t len);
uint64_t sl_bus_next_created(struct sl_bus *bus, int node);

/* The newest envelope of that kind that a node published; NULL if none. `back`: that many before
 * it. */
const struct sl_bus_stored *sl_bus_last(struct sl_bus *bus, int node, enum sl_envelope_kind kind,
                                        size_t back);
size_t sl_bus_count(struct sl_bus *bus, int node, enum sl_envelope_kind kind);

/* Forgets what events told so far. */
void sl_bus_forget_events(struct sl_bus *bus, int node);

/* How many incoming messages with that text a node told of. */
size_t sl_bus_received(const struct sl_bus *bus, int node, const char *text);

#endif
