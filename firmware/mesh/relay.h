/* The fast path: what a fresh envelope must pass, and how it is sent on (PROTOCOL.md, Envelope and
 * Dissemination). Internal to the mesh. */
#ifndef SL_MESH_RELAY_H
#define SL_MESH_RELAY_H

#include "base/list.h"
#include "base/map.h"
#include "mesh/alarm.h"
#include "mesh/node.h"

struct sl_link;
struct sl_entry;
struct sl_targets;
struct sl_writer;
struct sl_sketch_part;

struct sl_unrelayed {
    uint8_t id[SL_ID_LEN];
};

/* An envelope that waits for its turn on a bearer, and for others to send it first. */
struct sl_relay {
    struct sl_alarm alarm;
    uint8_t id[SL_ID_LEN];
    int bearer;
    uint32_t number;    /* in sl_relays.table */
    unsigned copies;    /* heard on the bearer meanwhile */
    uint64_t covered;   /* slots of those who received one of them, as far as is known */
    unsigned uncovered; /* that count on us: when it was set to wait */
    size_t len;
    uint8_t bytes[]; /* signed part and signature */
};

struct sl_relays {
    struct sl_map map;       /* id and bearer to number */
    struct sl_relay **table; /* SL_RELAY_QUEUE_MAX, allocated when first needed */
    size_t count;
};

void sl_relay_init(struct sl_relays *relays, uint64_t seed);
void sl_relay_done(struct sl_node *node);
void sl_relay_forget_bearer(struct sl_node *node, int bearer);

/* Hops, age, signed part and signature as a neighbour sent them. */
struct sl_arriving {
    const uint8_t *value;
    size_t len;
    const struct sl_targets *targets; /* of ROUTED; NULL: in an ENVELOPE element */
};

/* Checks it and takes it (accept.c). */
void sl_relay_receive(struct sl_node *node, struct sl_link *link,
                      const struct sl_arriving *arriving, sl_time now);

/* A copy came from that neighbour: who received it too needs none from here. */
void sl_relay_note_copy(struct sl_node *node, const uint8_t id[SL_ID_LEN],
                        const struct sl_link *link);

/* Keeps an envelope (keep.c): store, index, room. Number of the entry, or -errno: nothing happened.
 * ret_durable is 0, or why it lives in memory only. */
int64_t sl_relay_keep(struct sl_node *node, struct sl_stored *stored, const uint8_t *bytes,
                      bool sync, int *ret_durable);

/* The same for one that came along a route: outside digest and sketch, and what its origin may have
 * of the store, for only those on its way have it. */
int64_t sl_relay_hold(struct sl_node *node, struct sl_stored *stored, const uint8_t *bytes);

/* One that was held, here or as our own, is kept like any other from now on. False: its origin has
 * no room for it; it is dropped, as it is everywhere. */
bool sl_relay_release(struct sl_node *node, int64_t number);

/* Sends it to every neighbour that is not known to hold it, at once or after a wait. `from` brought
 * it, and those who receive that neighbour had it from there: whoever sends to one alone found that
 * few others lack it. NULL: nobody. */
void sl_relay_spread(struct sl_node *node, int64_t number, const uint8_t *bytes,
                     const struct sl_link *from, sl_time now);

/* One ENVELOPE element to one link, if the bearer's airtime allows it. -EAGAIN: not now; -ENOBUFS.
 */
int sl_relay_send(struct sl_node *node, struct sl_link *link, int64_t number, const uint8_t *bytes,
                  sl_time now);

/* Writes what goes into the element: hops, age, signed part and signature (`bytes`). */
void sl_relay_write(struct sl_writer *w, const struct sl_entry *entry, const uint8_t *bytes,
                    sl_time now);

/* Whether the ceiling on airtime holds for it. */
bool sl_relay_is_metered(const struct sl_entry *entry);

/* A neighbour holds it: if it was published here and this is the first, the layer above is told. */
void sl_relay_note_holder(struct sl_node *node, int64_t number);
/* A neighbour holds all that is stored here; or all of a partition but those. */
void sl_relay_note_all(struct sl_node *node);
void sl_relay_note_except(struct sl_node *node, const struct sl_sketch_part *part,
                          const uint64_t *lacking, size_t count);

/* A local envelope that nobody else is known to hold. */
void sl_relay_remember_unrelayed(struct sl_node *node, const uint8_t id[SL_ID_LEN]);

/* Takes an entry out of index and store. */
void sl_relay_drop(struct sl_node *node, int64_t number);

#endif
