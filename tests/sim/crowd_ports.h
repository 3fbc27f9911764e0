/* Ports of a node in a crowd of a thousand: cheap enough to have ten thousand envelopes a second
 * checked, and small enough for a thousand stores. */
#ifndef SL_SIM_CROWD_PORTS_H
#define SL_SIM_CROWD_PORTS_H

#include "mesh/ports.h"

/* The primitives of sim/fake_primitives.h, but what is sealed stays readable in front of its tag,
 * so that what is on the air can be measured. It opens only unchanged, and under the same key,
 * nonce and additional data. */
void sl_crowd_primitives(struct sl_primitives *ret_primitives, uint64_t seed);

/* The same of other primitives: theirs, but what is sealed stays readable. */
void sl_crowd_readable(struct sl_primitives *primitives);

/* Bytes of envelopes, kept once for all stores. */
struct sl_crowd_depot;
struct sl_crowd_depot *sl_crowd_depot_new(void);
void sl_crowd_depot_free(struct sl_crowd_depot *depot); /* after its stores */

/* The store of one node. Everything put is on disk at once, but while it is in trouble. */
struct sl_crowd_store;
struct sl_crowd_store *sl_crowd_store_new(struct sl_crowd_depot *depot);
void sl_crowd_store_free(struct sl_crowd_store *store);
void sl_crowd_store_port(struct sl_crowd_store *store, struct sl_store_port *ret_port);
/* From now on put() returns `put_error` (-EIO, -ENOSPC or -EROFS: kept until the next restart) and
 * get() `get_error`. 0: works again, and what was kept is on disk. */
void sl_crowd_store_fail(struct sl_crowd_store *store, int put_error, int get_error);
/* The board goes off: what is not on disk is lost. Whether anything is. */
bool sl_crowd_store_restart(struct sl_crowd_store *store);
void sl_crowd_store_each(const struct sl_crowd_store *store,
                         void (*found)(void *arg, const uint8_t *bytes, size_t len), void *arg);
size_t sl_crowd_store_count(const struct sl_crowd_store *store);

/* Types of elements that are told apart. */
#define SL_CROWD_ELEMENTS 32

/* What a datagram of a node is made of. */
struct sl_crowd_content {
    uint64_t envelopes[16]; /* a number for each envelope in it, the same everywhere */
    size_t envelope_count;
    uint8_t kind;                          /* of the first */
    size_t element_len[SL_CROWD_ELEMENTS]; /* bytes of each type of element; [0]: all that is not in
                                              an element */
};

void sl_crowd_read_frame(const uint8_t *bytes, size_t len, struct sl_crowd_content *ret_content);

/* The number of the envelope with that origin and creation time. */
uint64_t sl_crowd_envelope_number(const uint8_t origin[SL_ORIGIN_LEN], uint64_t created);

#endif
