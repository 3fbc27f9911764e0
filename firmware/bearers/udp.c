#include "bearers/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#define BATCH           32        /* datagrams for one system call */
#define SOCKET_BUFFER   (4 << 20) /* a burst of a second's worth on a small board's radio */
#define ADDRESS_LEN     18
#define REPORTED_ERRORS 8 /* different errors told for each link, so that none floods the log */

/* One bearer number of the mesh. */
struct udp_link {
    int number;
    unsigned index; /* of the interface; 0 for the peers' */
    char name[IFNAMSIZ];
    int reported[REPORTED_ERRORS];
};

struct sl_udp {
    struct sl_bearer base;
    struct sl_bearer_host host;
    struct sl_udp_config config;
    int fd;
    int watch_fd;
    int epoll_fd; /* both of them */
    bool waiting; /* for room to send */
    bool full_reported;
    struct udp_link links[SL_BEARERS_MAX]; /* the first is the peers' */
    size_t link_count;

    /* What one recvmmsg() fills. */
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in6 from[BATCH];
    uint8_t bytes[BATCH][SL_DATAGRAM_MAX];
};

static struct sl_udp *udp_of(const struct sl_bearer *bearer)
{
    return SL_CONTAINER_OF(bearer, struct sl_udp, base);
}

static void report(const struct sl_udp *udp, int priority, const char *name, const char *what)
{
    char line[160];
    snprintf(line, sizeof(line), "udp %s: %s", name, what);
    if (udp->host.report)
        udp->host.report(udp->host.arg, priority, line);
}

/* ---- Addresses ---- */

static void to_mesh(const struct sockaddr_in6 *socket_address, struct sl_address *ret_address)
{
    *ret_address = (struct sl_address){.len = ADDRESS_LEN};
    memcpy(ret_address->bytes, &socket_address->sin6_addr, 16);
    memcpy(ret_address->bytes + 16, &socket_address->sin6_port, 2);
}

static struct sockaddr_in6 to_socket(const struct sl_udp *udp, const struct udp_link *link,
                                     const struct sl_address *address)
{
    struct sockaddr_in6 result = {.sin6_family = AF_INET6, .sin6_scope_id = link->index};
    if (address->len == 0) {
        result.sin6_addr = udp->config.group;
        result.sin6_port = udp->config.listen.sin6_port;
    } else {
        memcpy(&result.sin6_addr, address->bytes, 16);
        memcpy(&result.sin6_port, address->bytes + 16, 2);
    }
    return result;
}

static void address_text(const struct sl_bearer *bearer, const struct sl_address *address,
                         char *ret_text, size_t cap)
{
    (void)bearer;
    char host[INET6_ADDRSTRLEN] = "";
    struct in6_addr ip;
    if (address->len != ADDRESS_LEN) {
        snprintf(ret_text, cap, "%s", address->len == 0 ? "everyone" : "");
        return;
    }
    memcpy(&ip, address->bytes, 16);
    unsigned port = (unsigned)address->bytes[16] << 8 | address->bytes[17];
    bool v4 = IN6_IS_ADDR_V4MAPPED(&ip);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address->bytes + 12 : address->bytes, host,
              sizeof(host));
    snprintf(ret_text, cap, v4 ? "%s:%u" : "[%s]:%u", host, port);
}

/* ---- Sending ---- */

static struct udp_link *link_of_number(struct sl_udp *udp, int number)
{
    for (size_t i = 0; i < udp->link_count; i++)
        if (udp->links[i].number == number)
            return &udp->links[i];
    return NULL;
}

/* Each kind of error is told once for each link, however often it comes back. An address that is
 * still being checked for duplicates (RFC 4862, 5.4) is no error, nor an interface whose route the
 * kernel has not yet made: the next datagram goes. */
static void report_send_error(const struct sl_udp *udp, struct udp_link *link, int error)
{
    if (error == EADDRNOTAVAIL || (error == ENETUNREACH && link->index != 0))
        return;
    for (size_t i = 0; i < REPORTED_ERRORS; i++) {
        if (link->reported[i] == error)
            return;
        if (link->reported[i] == 0) {
            char line[96];
            link->reported[i] = error;
            snprintf(line, sizeof(line), "cannot send: %s%s", strerror(error),
                     error == EPERM ? " (a firewall forbids it)" : "");
            report(udp, LOG_WARNING, link->name, line);
            return;
        }
    }
}

/* Whether the set tells when there is room to send; as long as there is, that would never be quiet.
 */
static void wait_for_room(struct sl_udp *udp, bool waiting)
{
    struct epoll_event event = {.events = waiting ? EPOLLIN | EPOLLOUT : EPOLLIN,
                                .data.fd = udp->fd};
    if (udp->waiting != waiting && epoll_ctl(udp->epoll_fd, EPOLL_CTL_MOD, udp->fd, &event) == 0)
        udp->waiting = waiting;
}

static int send_datagram(struct sl_bearer *bearer, const struct sl_datagram *datagram)
{
    struct sl_udp *udp = udp_of(bearer);
    struct udp_link *link = link_of_number(udp, datagram->bearer);
    if (!link || (datagram->to.len != 0 && datagram->to.len != ADDRESS_LEN))
        return -EINVAL;
    if (datagram->to.len == 0 && link->index == 0)
        return -EDESTADDRREQ;

    struct sockaddr_in6 to = to_socket(udp, link, &datagram->to);
    ssize_t sent;
    do {
        sent = sendto(udp->fd, datagram->bytes, datagram->len, MSG_NOSIGNAL,
                      (const struct sockaddr *)&to, sizeof(to));
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    if (errno == EAGAIN) {
        wait_for_room(udp, true);
        return -EAGAIN;
    }
    /* A full transmit queue (ENOBUFS) is ordinary loss. */
    int error = errno;
    if (error != ENOBUFS)
        report_send_error(udp, link, error);
    return -error;
}

/* ---- Receiving ---- */

/* Link-local senders belong to the interface they were heard on; all others to the peers' link. */
static const struct udp_link *link_of_sender(const struct sl_udp *udp,
                                             const struct sockaddr_in6 *from)
{
    if (!IN6_IS_ADDR_LINKLOCAL(&from->sin6_addr))
        return &udp->links[0];
    for (size_t i = 1; i < udp->link_count; i++)
        if (udp->links[i].index == from->sin6_scope_id)
            return &udp->links[i];
    return NULL;
}

static void prepare_batch(struct sl_udp *udp)
{
    for (size_t i = 0; i < BATCH; i++) {
        udp->parts[i] = (struct iovec){udp->bytes[i], sizeof(udp->bytes[i])};
        udp->messages[i].msg_hdr = (struct msghdr){.msg_name = &udp->from[i],
                                                   .msg_namelen = sizeof(udp->from[i]),
                                                   .msg_iov = &udp->parts[i],
                                                   .msg_iovlen = 1};
    }
}

bool sl_udp_receive(struct sl_bearer *bearer)
{
    struct sl_udp *udp = udp_of(bearer);
    int count = recvmmsg(udp->fd, udp->messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        struct mmsghdr *message = &udp->messages[i];
        const struct udp_link *link = link_of_sender(udp, &udp->from[i]);
        bool whole = (message->msg_hdr.msg_flags & MSG_TRUNC) == 0;
        message->msg_hdr.msg_namelen = sizeof(udp->from[i]);
        if (!link || !whole || message->msg_len == 0)
            continue;
        struct sl_address from;
        to_mesh(&udp->from[i], &from);
        udp->host.receive(udp->host.arg, link->number, &from, udp->bytes[i], message->msg_len);
    }
    return count == BATCH;
}

/* ---- Interfaces ---- */

static bool interface_wanted(const struct sl_udp_config *config, const struct ifaddrs *item)
{
    if (!item->ifa_addr || item->ifa_addr->sa_family != AF_INET6)
        return false;
    if ((item->ifa_flags & (IFF_UP | IFF_MULTICAST | IFF_LOOPBACK)) != (IFF_UP | IFF_MULTICAST))
        return false;
    const struct sockaddr_in6 *address = (const void *)item->ifa_addr;
    if (!IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
        return false;
    for (size_t i = 0; i < config->interface_count; i++)
        if (fnmatch(config->interfaces[i], item->ifa_name, 0) == 0)
            return true;
    return false;
}

static bool link_is(const struct udp_link *link, const struct ifaddrs *item)
{
    const struct sockaddr_in6 *address = (const void *)item->ifa_addr;
    return link->index == address->sin6_scope_id && strcmp(link->name, item->ifa_name) == 0;
}

static int change_membership(const struct sl_udp *udp, int option, unsigned index)
{
    struct ipv6_mreq request = {.ipv6mr_multiaddr = udp->config.group, .ipv6mr_interface = index};
    return setsockopt(udp->fd, IPPROTO_IPV6, option, &request, sizeof(request)) < 0 ? -errno : 0;
}

static int add_link(struct sl_udp *udp, const char *name, unsigned index)
{
    if (udp->link_count == SL_BEARERS_MAX)
        return -ENOSPC;
    struct sl_bearer_info info = {.broadcast = index != 0, .rate_bps = udp->config.rate_bps};
    snprintf(info.name, sizeof(info.name), "udp %s", name);
    if (index != 0 && udp->host.describe)
        udp->host.describe(udp->host.arg, index, &info);
    int number = udp->host.add(udp->host.arg, &info);
    if (number < 0)
        return number;
    struct udp_link *link = &udp->links[udp->link_count++];
    *link = (struct udp_link){.number = number, .index = index};
    snprintf(link->name, sizeof(link->name), "%s", name);
    udp->base.numbers |= UINT32_C(1) << number;
    return 0;
}

static void remove_link(struct sl_udp *udp, struct udp_link *link)
{
    if (link->index != 0) /* fails when the interface is gone, and then the kernel has done it */
        change_membership(udp, IPV6_LEAVE_GROUP, link->index);
    udp->base.numbers &= ~(UINT32_C(1) << link->number);
    udp->host.remove(udp->host.arg, link->number);
    *link = udp->links[--udp->link_count];
}

static void add_interface(struct sl_udp *udp, const char *name, unsigned index)
{
    /* EADDRINUSE: still a member since the interface was here last. */
    int error = change_membership(udp, IPV6_JOIN_GROUP, index);
    if (error < 0 && error != -EADDRINUSE) {
        report(udp, LOG_WARNING, name, "cannot join the multicast group");
        return;
    }
    error = add_link(udp, name, index);
    if (error == 0)
        report(udp, LOG_INFO, name, "in use");
    else if (!udp->full_reported)
        report(udp, LOG_WARNING, name,
               "left out, too many interfaces; name the wanted ones under [udp] interfaces");
    udp->full_reported = udp->full_reported || error != 0;
}

static void remove_gone(struct sl_udp *udp, const struct ifaddrs *list)
{
    for (size_t i = udp->link_count; i-- > 1;) {
        struct udp_link *link = &udp->links[i];
        bool found = false;
        for (const struct ifaddrs *item = list; item && !found; item = item->ifa_next)
            found = interface_wanted(&udp->config, item) && link_is(link, item);
        if (!found) {
            report(udp, LOG_INFO, link->name, "gone");
            remove_link(udp, link);
        }
    }
}

static void add_new(struct sl_udp *udp, const struct ifaddrs *list)
{
    for (const struct ifaddrs *item = list; item; item = item->ifa_next) {
        /* What is sent without a carrier is lost, and the first beacon is worth a second. One that
         * loses it later keeps its links for when it is back. */
        if (!interface_wanted(&udp->config, item) || (item->ifa_flags & IFF_RUNNING) == 0)
            continue;
        bool known = false;
        for (size_t i = 1; i < udp->link_count && !known; i++)
            known = link_is(&udp->links[i], item);
        if (!known)
            add_interface(
                udp, item->ifa_name,
                ((const struct sockaddr_in6 *)(const void *)item->ifa_addr)->sin6_scope_id);
    }
}

void sl_udp_follow(struct sl_bearer *bearer)
{
    struct sl_udp *udp = udp_of(bearer);
    struct ifaddrs *list = NULL;
    uint8_t events[8192]; /* only that they came is of interest */
    while (udp->watch_fd >= 0 &&
           (recv(udp->watch_fd, events, sizeof(events), MSG_DONTWAIT) > 0 || errno == ENOBUFS))
        ;
    if (udp->config.interface_count == 0 || getifaddrs(&list) < 0)
        return;
    remove_gone(udp, list);
    add_new(udp, list);
    freeifaddrs(list);
}

/* ---- Peers ---- */

static bool same_endpoint(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
    return a->sin6_port == b->sin6_port && IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr);
}

static bool among(const struct sockaddr_in6 *list, size_t count, const struct sockaddr_in6 *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (same_endpoint(&list[i], wanted))
            return true;
    return false;
}

unsigned sl_udp_interface(const struct sl_bearer *bearer, int number)
{
    const struct udp_link *link = link_of_number(udp_of(bearer), number);
    return link ? link->index : 0;
}

static void announce_peer(struct sl_udp *udp, const struct sockaddr_in6 *peer)
{
    struct sl_address address;
    to_mesh(peer, &address);
    if (udp->host.add_peer(udp->host.arg, udp->links[0].number, &address) == -ENOSPC)
        report(udp, LOG_WARNING, udp->links[0].name, "too many peers; the last ones are left out");
}

size_t sl_udp_add_peers(struct sl_bearer *bearer, const struct sockaddr_in6 *peers, size_t count)
{
    struct sl_udp *udp = udp_of(bearer);
    struct sl_udp_config *config = &udp->config;
    size_t gone = 0;
    for (size_t i = 0; i < config->peer_count; i++)
        gone += !among(peers, count, &config->peers[i]);
    for (size_t i = 0; i < count && config->peer_count < SL_PEERS_MAX; i++) {
        if (among(config->peers, config->peer_count, &peers[i]))
            continue;
        config->peers[config->peer_count++] = peers[i];
        announce_peer(udp, &peers[i]);
    }
    return gone;
}

/* ---- Making and ending ---- */

static void set_option(int fd, int level, int option, int value)
{
    /* All of these are improvements only; the socket works without. */
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

static int open_socket(const struct sockaddr_in6 *address)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
    set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    /* Past net.core.rmem_max only with CAP_NET_ADMIN; then the second call is the one that works.
     */
    set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER);
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int open_watch(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_LINK | RTMGRP_IPV6_IFADDR};
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int open_set(const struct sl_udp *udp)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    const int fds[] = {udp->fd, udp->watch_fd};
    for (size_t i = 0; i < SL_ARRAY_LEN(fds) && set >= 0; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        if (fds[i] >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event) < 0) {
            close(set);
            return -1;
        }
    }
    return set;
}

static int set_fd(const struct sl_bearer *bearer)
{
    return udp_of(bearer)->epoll_fd;
}

static bool dispatch(struct sl_bearer *bearer, sl_time now)
{
    struct sl_udp *udp = udp_of(bearer);
    struct epoll_event events[2];
    bool more = false;
    int count = epoll_wait(udp->epoll_fd, events, SL_ARRAY_LEN(events), 0);
    (void)now;
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == udp->watch_fd) {
            sl_udp_follow(bearer);
            continue;
        }
        if (events[i].events & EPOLLOUT)
            wait_for_room(udp, false);
        more = sl_udp_receive(bearer);
    }
    return more;
}

static void refresh(struct sl_bearer *bearer, sl_time now)
{
    (void)now;
    sl_udp_follow(bearer);
}

static void free_udp(struct sl_bearer *bearer)
{
    struct sl_udp *udp = udp_of(bearer);
    while (udp->link_count > 0)
        remove_link(udp, &udp->links[udp->link_count - 1]);
    if (udp->epoll_fd >= 0)
        close(udp->epoll_fd);
    if (udp->watch_fd >= 0)
        close(udp->watch_fd);
    close(udp->fd);
    free(udp);
}

static const struct sl_bearer_ops ops = {
    .send = send_datagram,
    .address_text = address_text,
    .fd = set_fd,
    .dispatch = dispatch,
    .refresh = refresh,
    .free = free_udp,
};

int sl_udp_new(const struct sl_udp_config *config, const struct sl_bearer_host *host,
               struct sl_bearer **ret_bearer)
{
    int fd = open_socket(&config->listen);
    if (fd < 0)
        return fd;
    struct sl_udp *udp = calloc(1, sizeof(*udp));
    if (!udp) {
        close(fd);
        return -ENOMEM;
    }
    udp->base.ops = &ops;
    udp->host = *host;
    udp->config = *config;
    udp->fd = fd;
    udp->watch_fd = config->interface_count > 0 ? open_watch() : -1;
    udp->epoll_fd = open_set(udp);
    prepare_batch(udp);
    int error = udp->epoll_fd < 0 ? -EMFILE : add_link(udp, "peers", 0);
    if (error < 0) {
        free_udp(&udp->base);
        return error;
    }
    for (size_t i = 0; i < config->peer_count; i++)
        announce_peer(udp, &config->peers[i]);
    sl_udp_follow(&udp->base);
    *ret_bearer = &udp->base;
    return 0;
}

int sl_udp_fd(const struct sl_bearer *bearer)
{
    return udp_of(bearer)->fd;
}

int sl_udp_watch_fd(const struct sl_bearer *bearer)
{
    return udp_of(bearer)->watch_fd;
}
