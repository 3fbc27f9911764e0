/* The bearer port: anything that carries datagrams. A bearer may bring several links to the node
 * (one for each interface); it calls the host to add and remove them and to hand in what arrives.
 *
 * Nothing in a bearer waits. The loop polls fd() and calls dispatch(); it calls tick() when
 * deadline() has come. All calls of one turn carry the same time, on the life clock. */
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
    /* Where addresses come and go, as channels do. */
    void (*remove_peer)(void *arg, int bearer, const struct sl_address *address);
    /* Whether the mesh has a link to a member there. */
    bool (*linked)(void *arg, int bearer, const struct sl_address *address);
    void (*receive)(void *arg, int bearer, const struct sl_address *from, const uint8_t *bytes,
                    size_t len);
    /* Lets the daemon put in what it knows of a network interface: its name for people and its
     * rate. May be NULL. */
    void (*describe)(void *arg, unsigned interface, struct sl_bearer_info *info);
    /* For people, one line; at most one for each change of state. */
    void (*report)(void *arg, int priority, const char *line);
};

/* How well a neighbour is heard, as far as the radio tells. */
struct sl_bearer_quality {
    bool has_signal, has_rate, has_loss;
    int signal_dbm;
    uint32_t rate_kbps;     /* of what is sent to it */
    uint32_t loss_permille; /* of frames sent to it, after all retries */
};

struct sl_bearer;

struct sl_bearer_ops {
    /* Sends a datagram. 0; -EAGAIN: not now, call again after a dispatch(); anything else: it is
     * lost, as datagrams may be. NULL for one that never adds a link, but prepares those of others.
     */
    int (*send)(struct sl_bearer *bearer, const struct sl_datagram *datagram);
    /* "fe80::1%eth0 port 17017"; at most cap bytes with the NUL. */
    void (*address_text)(const struct sl_bearer *bearer, const struct sl_address *address,
                         char *ret_text, size_t cap);
    /* Readable when dispatch() has something to do; after -EAGAIN also when there is room again.
     * The same as long as the bearer lives: a set (epoll(7)) where there are several. */
    int (*fd)(const struct sl_bearer *bearer);
    /* Does a bounded part of what there is to do. True if there may be more. */
    bool (*dispatch)(struct sl_bearer *bearer, sl_time now);
    /* When tick() is due; NULL without timers of its own. */
    sl_time (*deadline)(const struct sl_bearer *bearer);
    void (*tick)(struct sl_bearer *bearer, sl_time now);
    /* Every ten seconds: looks at what is there, in case an event was lost. May be NULL. */
    void (*refresh)(struct sl_bearer *bearer, sl_time now);
    void (*free)(struct sl_bearer *bearer);
};

/* First member of every bearer. */
struct sl_bearer {
    const struct sl_bearer_ops *ops;
    uint32_t numbers; /* bit mask of the numbers that host.add() gave it */
};

#endif
