/* The bearer port: anything that carries datagrams. A bearer may bring several links to the node
 * (one for each interface); it calls the host to add and remove them and to hand in what arrives.
 */
#ifndef SL_BEARERS_BEARER_H
#define SL_BEARERS_BEARER_H

#include "mesh/node.h"

/* What the daemon offers to bearers. */
struct sl_bearer_host {
    void *arg;
    /* Number for the calls below, or -ENOSPC. */
    int (*add)(void *arg, const struct sl_bearer_info *info);
    void (*remove)(void *arg, int bearer);
    int (*add_peer)(void *arg, int bearer, const struct sl_address *address);
    void (*receive)(void *arg, int bearer, const struct sl_address *from, const uint8_t *bytes,
                    size_t len);
    /* For people, one line; at most one for each change of state. */
    void (*report)(void *arg, int priority, const char *line);
};

struct sl_bearer;

struct sl_bearer_ops {
    /* Sends a datagram. 0; -EAGAIN: not now, call again when writable; anything else: it is lost,
     * as datagrams may be. */
    int (*send)(struct sl_bearer *bearer, const struct sl_datagram *datagram);
    /* "fe80::1%eth0 port 17017"; at most cap bytes with the NUL. */
    void (*address_text)(const struct sl_bearer *bearer, const struct sl_address *address,
                         char *ret_text, size_t cap);
    void (*free)(struct sl_bearer *bearer);
};

/* First member of every bearer. */
struct sl_bearer {
    const struct sl_bearer_ops *ops;
    uint32_t numbers; /* bit mask of the numbers that host.add() gave it */
};

#endif
