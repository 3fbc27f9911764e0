/* Datagrams over UDP: IPv6 link-local multicast on every wanted interface, and unicast to
 * configured peers. One socket carries all of it. Each interface with a link-local address is one
 * bearer of the mesh, on which an address of length 0 reaches everyone; a further one, "udp peers",
 * is for the configured peers and whoever reaches this node from further away.
 *
 * A mesh address is 18 bytes: IPv6 address (IPv4 as v4-mapped, RFC 4291, 2.5.5.2) and port. The
 * scope of a link-local one is its bearer.
 *
 * Driven by the port of bearer.h. The calls below are what that is made of, for those who have a
 * loop of their own. */
#ifndef SL_BEARERS_UDP_H
#define SL_BEARERS_UDP_H

#include "bearers/bearer.h"

#include <net/if.h>
#include <netinet/in.h>

#define SL_UDP_PORT           17017
#define SL_UDP_GROUP          "ff02::5354:4c47" /* link-local scope, transient (RFC 4291, 2.7) */
#define SL_UDP_INTERFACES_MAX 16                /* patterns of names */

struct sl_udp_config {
    struct sockaddr_in6 listen; /* its port is the group's too; v4-mapped for IPv4 */
    struct in6_addr group;
    char interfaces[SL_UDP_INTERFACES_MAX][IFNAMSIZ]; /* names, with * and ? as in a shell */
    size_t interface_count;                           /* 0: no multicast at all */
    struct sockaddr_in6 peers[SL_PEERS_MAX];
    size_t peer_count;
    uint64_t rate_bps; /* nominal, of each bearer */
};

/* Listens on [::]:17017 and on every interface, without peers. */
void sl_udp_config_init(struct sl_udp_config *config);

/* "127.0.0.1:17017", "[fd00::1]:17017", or either without its port. Names are not looked up: a node
 * starts where there is no resolver. -EINVAL. */
int sl_udp_parse(const char *text, uint16_t default_port, struct sockaddr_in6 *ret_address);

/* Binds, adds the peers' bearer, and an interface's for each that is there. `config` is copied,
 * `host` too. 0; -EADDRINUSE if another program has the port, -EADDRNOTAVAIL, -EAFNOSUPPORT without
 * IPv6 in the kernel, -ENOMEM, -ENOSPC. Freed through its ops. */
int sl_udp_new(const struct sl_udp_config *config, const struct sl_bearer_host *host,
               struct sl_bearer **ret_bearer);

/* Readable when datagrams are there; writable when sending is possible again after -EAGAIN. */
int sl_udp_fd(const struct sl_bearer *bearer);

/* Hands one batch of what arrived to the host. True if there may be more. */
bool sl_udp_receive(struct sl_bearer *bearer);

/* Readable when interfaces came or went; -1 where the kernel does not tell. */
int sl_udp_watch_fd(const struct sl_bearer *bearer);

/* The network interface behind a number that it gave the mesh; 0: the peers', or none. */
unsigned sl_udp_interface(const struct sl_bearer *bearer, int number);

/* Looks what interfaces there are; adds and removes bearers. */
void sl_udp_follow(struct sl_bearer *bearer);

/* Adds the peers that are new. Returns how many of the present ones are not in the list: the mesh
 * keeps those until the next start. */
size_t sl_udp_add_peers(struct sl_bearer *bearer, const struct sockaddr_in6 *peers, size_t count);

#endif
