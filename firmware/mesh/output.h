/* Datagrams on their way out. Frames are kept as plain elements until the moment they leave, so
 * that what is due together shares one, and counters leave in order. Internal to the mesh. */
#ifndef SL_MESH_OUTPUT_H
#define SL_MESH_OUTPUT_H

#include "base/list.h"
#include "mesh/node.h"
#include "mesh/packet.h"

struct sl_link;

/* Two queues: bulk leaves when nothing urgent is left. */
enum sl_output_class { SL_OUTPUT_URGENT, SL_OUTPUT_BULK, SL_OUTPUT_CLASSES };

struct sl_output {
    struct sl_list list;
    enum sl_output_class class;
    bool frame;   /* bytes are elements, to be sealed; else a finished datagram */
    bool to_sign; /* frame to all, with something in it that only its sender may say */
    int bearer;
    struct sl_link *link; /* frame: to that link; NULL: to all of the bearer */
    struct sl_address to; /* not a frame: where to */
    size_t len;
    uint8_t bytes[SL_DATAGRAM_MAX];
};

struct sl_output_queues {
    struct sl_list waiting[SL_OUTPUT_CLASSES];
    struct sl_list spare; /* a few kept for the next turn */
    size_t count;
    uint32_t held; /* bit mask of the bearers that cannot send just now */
    size_t spare_count;
};

/* Where a frame goes. */
struct sl_route {
    int bearer;
    struct sl_link *link; /* NULL: every neighbour on the bearer */
    enum sl_output_class class;
};

void sl_output_init(struct sl_output_queues *queues);
void sl_output_done(struct sl_output_queues *queues);

/* A finished datagram: greetings and sessions. Dropped when the queue is full. */
void sl_output_datagram(struct sl_node *node, int bearer, const struct sl_address *to,
                        const uint8_t *bytes, size_t len);

/* Room for the value of an element in a frame that leaves this turn; NULL when the queue is full:
 * nothing is sent then. */
uint8_t *sl_output_element(struct sl_node *node, const struct sl_route *route,
                           enum sl_element_type type, size_t len);

/* Whether an element of that length fits the frame that is already open there. */
bool sl_output_fits(const struct sl_node *node, const struct sl_route *route, size_t len);

/* Room for how many more datagrams there is on that bearer. */
size_t sl_output_room(const struct sl_node *node, int bearer);

/* Forgets what waits for a link, or for a bearer with all its links. */
void sl_output_forget_link(struct sl_node *node, const struct sl_link *link);
void sl_output_forget_bearer(struct sl_node *node, int bearer);

/* Takes out the next one of a bearer that is not held. False: none. */
bool sl_output_next(struct sl_node *node, struct sl_datagram *ret_datagram);

#endif
