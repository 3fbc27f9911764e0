/* The Linux kernel behind the port of the Wi-Fi controller: nl80211 and rtnetlink through libnl,
 * and /dev/rfkill. The codes of libnl end here: the kernel's own -errno is taken from its answers,
 * what libnl itself finds wrong is translated. */
#include "bearers/wifi_port.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/rfkill.h>
#include <netinet/in.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define EVENTS_ONCE  64        /* datagrams of events taken in one call */
#define EVENT_BUFFER (1 << 18) /* bytes of events that may wait */

/* The kernel answers within the call; a driver that hangs must not hang the node. */
static const struct timeval patience = {.tv_sec = 5};

struct kernel {
    struct nl_sock *requests; /* of nl80211; the cells that were joined last as long as it does */
    struct nl_sock *route;
    struct nl_sock *events;       /* of nl80211; NULL until there is Wi-Fi */
    struct nl_sock *route_events; /* interfaces and addresses */
    int family;                   /* of nl80211; 0 until there is Wi-Fi */
    int rfkill_fd;                /* -1: none */
    bool rfkill_writable;
    int epoll_fd;
};

/* ---- Asking ---- */

static int translate(int code)
{
    static const struct {
        int code, error;
    } table[] = {
        {NLE_NOMEM, ENOMEM},    {NLE_PERM, EPERM},       {NLE_NOACCESS, EACCES},
        {NLE_AGAIN, ETIMEDOUT}, {NLE_NODEV, ENODEV},     {NLE_OBJ_NOTFOUND, ENOENT},
        {NLE_BUSY, EBUSY},      {NLE_INVAL, EINVAL},     {NLE_OPNOTSUPP, EOPNOTSUPP},
        {NLE_INTR, EINTR},      {NLE_EXIST, EEXIST},     {NLE_AF_NOSUPPORT, EAFNOSUPPORT},
        {NLE_RANGE, ERANGE},    {NLE_MSGSIZE, EMSGSIZE},
    };
    code = code < 0 ? -code : code;
    for (size_t i = 0; i < SL_ARRAY_LEN(table); i++)
        if (table[i].code == code)
            return -table[i].error;
    return code == 0 ? 0 : -EIO;
}

/* While answers to one request are taken. */
struct asking {
    int status;   /* 1: not yet done; 0 or -errno */
    uint32_t seq; /* of the request */
    void (*take)(void *arg, struct nlmsghdr *header);
    void *arg;
};

static int on_seq(struct nl_msg *msg, void *arg)
{
    const struct asking *asking = arg;
    return nlmsg_hdr(msg)->nlmsg_seq == asking->seq ? NL_OK : NL_SKIP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
    struct asking *asking = arg;
    if (asking->take)
        asking->take(asking->arg, nlmsg_hdr(msg));
    return NL_SKIP;
}

static int on_end(struct nl_msg *msg, void *arg)
{
    struct asking *asking = arg;
    (void)msg;
    asking->status = 0;
    return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *answer, void *arg)
{
    struct asking *asking = arg;
    (void)from;
    asking->status = answer->error < 0 ? answer->error : 0;
    return NL_STOP;
}

/* Sends, takes all answers, frees the message. Answers to an earlier request that was given up are
 * passed over by their number. */
static int ask(struct nl_sock *socket, struct nl_msg *msg,
               void (*take)(void *arg, struct nlmsghdr *header), void *arg)
{
    struct asking asking = {.status = 1, .take = take, .arg = arg};
    struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
    int code = msg && cb ? nl_send_auto(socket, msg) : -NLE_NOMEM;
    asking.seq = code >= 0 ? nlmsg_hdr(msg)->nlmsg_seq : 0;
    nlmsg_free(msg);
    if (code >= 0) {
        nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_seq, &asking);
        nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &asking);
        nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &asking);
        nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, &asking);
        nl_cb_err(cb, NL_CB_CUSTOM, on_error, &asking);
        while (asking.status > 0 && code >= 0)
            code = nl_recvmsgs(socket, cb);
    }
    nl_cb_put(cb);
    return asking.status > 0 ? translate(code) : asking.status;
}

static struct nl_msg *question(const struct kernel *kernel, uint8_t command, int flags)
{
    struct nl_msg *msg = nlmsg_alloc();
    if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, kernel->family, 0, flags, command, 0)) {
        nlmsg_free(msg);
        return NULL;
    }
    return msg;
}

/* ---- Looking ---- */

static void take_phy(void *arg, struct nlmsghdr *header)
{
    struct sl_wifi_snapshot *snapshot = arg;
    sl_wifi_parse_phy(header, snapshot->phys, SL_RADIOS_MAX, &snapshot->phy_count);
}

static int look_at_phys(struct kernel *kernel, struct sl_wifi_snapshot *snapshot)
{
    struct nl_msg *msg = question(kernel, NL80211_CMD_GET_WIPHY, NLM_F_DUMP);
    snapshot->phy_count = 0;
    if (msg && nla_put_flag(msg, NL80211_ATTR_SPLIT_WIPHY_DUMP) < 0) {
        nlmsg_free(msg);
        return -ENOMEM;
    }
    return ask(kernel->requests, msg, take_phy, snapshot);
}

static void take_interface(void *arg, struct nlmsghdr *header)
{
    struct sl_wifi_snapshot *snapshot = arg;
    if (snapshot->interface_count < SL_WIFI_INTERFACES_MAX &&
        sl_wifi_parse_interface(header, &snapshot->interfaces[snapshot->interface_count]))
        snapshot->interface_count++;
}

static void take_country(void *arg, struct nlmsghdr *header)
{
    struct sl_wifi_snapshot *snapshot = arg;
    sl_wifi_parse_country(header, snapshot->country);
}

static void look_at_link(const struct kernel *kernel, struct sl_wifi_interface *interface)
{
    struct rtnl_link *link = NULL;
    if (rtnl_link_get_kernel(kernel->route, (int)interface->index, NULL, &link) < 0)
        return;
    interface->up = (rtnl_link_get_flags(link) & IFF_UP) != 0;
    interface->running = interface->up && rtnl_link_get_carrier(link) != 0;
    rtnl_link_put(link);
}

static void look_for_addresses(struct sl_wifi_snapshot *snapshot)
{
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) < 0)
        return;
    for (const struct ifaddrs *item = list; item; item = item->ifa_next) {
        const struct sockaddr_in6 *address = (const void *)item->ifa_addr;
        if (!address || address->sin6_family != AF_INET6 ||
            !IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
            continue;
        for (size_t i = 0; i < snapshot->interface_count; i++)
            if (snapshot->interfaces[i].index == address->sin6_scope_id)
                snapshot->interfaces[i].has_link_local = true;
    }
    freeifaddrs(list);
}

static int add_events(struct kernel *kernel);

/* nl80211 is a module, and may be loaded after us. */
static int find_family(struct kernel *kernel)
{
    if (kernel->family > 0)
        return 0;
    int family = genl_ctrl_resolve(kernel->requests, NL80211_GENL_NAME);
    if (family < 0)
        return -ENOSYS;
    kernel->family = family;
    return add_events(kernel);
}

static int look(void *arg, bool phys, struct sl_wifi_snapshot *snapshot)
{
    struct kernel *kernel = arg;
    int error = find_family(kernel);
    if (error == 0 && phys)
        error = look_at_phys(kernel, snapshot);
    snapshot->interface_count = 0;
    if (error == 0)
        error = ask(kernel->requests, question(kernel, NL80211_CMD_GET_INTERFACE, NLM_F_DUMP),
                    take_interface, snapshot);
    if (error < 0)
        return error;
    strcpy(snapshot->country, "00");
    ask(kernel->requests, question(kernel, NL80211_CMD_GET_REG, 0), take_country, snapshot);
    for (size_t i = 0; i < snapshot->interface_count; i++) {
        look_at_link(kernel, &snapshot->interfaces[i]);
        sl_wifi_read_holder(&snapshot->interfaces[i]);
    }
    look_for_addresses(snapshot);
    sl_wifi_read_switches(snapshot);
    return 0;
}

struct station_list {
    struct sl_wifi_station *list;
    size_t cap, count;
};

static void take_station(void *arg, struct nlmsghdr *header)
{
    struct station_list *stations = arg;
    if (stations->count < stations->cap &&
        sl_wifi_parse_station(header, &stations->list[stations->count]))
        stations->count++;
}

static int stations(void *arg, uint32_t interface, struct sl_wifi_station *ret_stations, size_t cap)
{
    struct kernel *kernel = arg;
    struct station_list found = {.list = ret_stations, .cap = cap};
    if (kernel->family == 0)
        return -ENOSYS;
    struct nl_msg *msg = question(kernel, NL80211_CMD_GET_STATION, NLM_F_DUMP);
    if (msg && nla_put_u32(msg, NL80211_ATTR_IFINDEX, interface) < 0) {
        nlmsg_free(msg);
        msg = NULL;
    }
    int error = ask(kernel->requests, msg, take_station, &found);
    return error < 0 ? error : (int)found.count;
}

/* ---- Doing ---- */

static int unblock(const struct kernel *kernel)
{
    /* All of that kind: the switch's number says little about which radio it is. */
    const struct rfkill_event event = {.type = RFKILL_TYPE_WLAN, .op = RFKILL_OP_CHANGE_ALL};
    if (kernel->rfkill_fd < 0)
        return -ENODEV;
    if (!kernel->rfkill_writable)
        return -EPERM;
    return write(kernel->rfkill_fd, &event, sizeof(event)) < 0 ? -errno : 0;
}

static int perform(void *arg, const struct sl_wifi_request *request)
{
    struct kernel *kernel = arg;
    bool route;
    if (request->what == SL_WIFI_DO_UNBLOCK)
        return unblock(kernel);
    if (request->what == SL_WIFI_DO_NOTHING)
        return 0;
    struct nl_msg *msg = sl_wifi_build(request, kernel->family, &route);
    return ask(route ? kernel->route : kernel->requests, msg, NULL, NULL);
}

/* ---- Events ---- */

struct news {
    bool any, phys;
};

static int on_event(struct nl_msg *msg, void *arg)
{
    struct news *news = arg;
    struct nlmsghdr *header = nlmsg_hdr(msg);
    if (!sl_wifi_event_matters(header))
        return NL_OK;
    const struct genlmsghdr *generic = nlmsg_data(header);
    news->any = true;
    news->phys = news->phys || generic->cmd == NL80211_CMD_NEW_WIPHY ||
                 generic->cmd == NL80211_CMD_DEL_WIPHY || generic->cmd == NL80211_CMD_REG_CHANGE ||
                 generic->cmd == NL80211_CMD_WIPHY_REG_CHANGE;
    return NL_OK;
}

static int on_route_event(struct nl_msg *msg, void *arg)
{
    struct news *news = arg;
    (void)msg;
    news->any = true;
    return NL_OK;
}

/* Events answer nothing, and have no number. */
static int on_any_seq(struct nl_msg *msg, void *arg)
{
    (void)msg;
    (void)arg;
    return NL_OK;
}

static void take_events(struct nl_sock *socket, nl_recvmsg_msg_cb_t take, struct news *news)
{
    struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
    if (!cb)
        return;
    nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take, news);
    nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_any_seq, NULL);
    int code = 0;
    for (int i = 0; i < EVENTS_ONCE && code >= 0; i++)
        code = nl_recvmsgs(socket, cb);
    /* More came than the socket could hold: what was lost may have been anything. */
    if (code < 0 && code != -NLE_AGAIN)
        *news = (struct news){true, true};
    nl_cb_put(cb);
}

static void take_switches(const struct kernel *kernel, struct news *news)
{
    struct rfkill_event event;
    while (read(kernel->rfkill_fd, &event, sizeof(event)) > 0)
        news->any = news->any || event.type == RFKILL_TYPE_WLAN;
}

static bool events(void *arg, bool *ret_phys)
{
    struct kernel *kernel = arg;
    struct news news = {0};
    if (kernel->events)
        take_events(kernel->events, on_event, &news);
    take_events(kernel->route_events, on_route_event, &news);
    if (kernel->rfkill_fd >= 0)
        take_switches(kernel, &news);
    *ret_phys = news.phys;
    return news.any;
}

static int kernel_fd(void *arg)
{
    const struct kernel *kernel = arg;
    return kernel->epoll_fd;
}

/* ---- Making and ending ---- */

static int watch(const struct kernel *kernel, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(kernel->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static struct nl_sock *open_socket(int protocol, bool is_for_events)
{
    struct nl_sock *socket = nl_socket_alloc();
    if (!socket || nl_connect(socket, protocol) < 0) {
        nl_socket_free(socket);
        return NULL;
    }
    nl_socket_disable_seq_check(socket); /* ask() has its own */
    if (is_for_events) {
        nl_socket_set_nonblocking(socket);
        nl_socket_set_buffer_size(socket, EVENT_BUFFER, 0);
    } else {
        (void)setsockopt(nl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
                         sizeof(patience));
    }
    return socket;
}

static int add_events(struct kernel *kernel)
{
    static const char *const groups[] = {NL80211_MULTICAST_GROUP_CONFIG,
                                         NL80211_MULTICAST_GROUP_MLME, NL80211_MULTICAST_GROUP_REG};
    struct nl_sock *socket = open_socket(NETLINK_GENERIC, true);
    if (!socket)
        return -ENOMEM;
    for (size_t i = 0; i < SL_ARRAY_LEN(groups); i++) {
        int group = genl_ctrl_resolve_grp(kernel->requests, NL80211_GENL_NAME, groups[i]);
        if (group >= 0)
            (void)nl_socket_add_membership(socket, group);
    }
    kernel->events = socket;
    return watch(kernel, nl_socket_get_fd(socket));
}

static void open_rfkill(struct kernel *kernel)
{
    kernel->rfkill_fd = open("/dev/rfkill", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    kernel->rfkill_writable = kernel->rfkill_fd >= 0;
    if (kernel->rfkill_fd < 0)
        kernel->rfkill_fd = open("/dev/rfkill", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (kernel->rfkill_fd >= 0)
        (void)watch(kernel, kernel->rfkill_fd);
}

static void kernel_free(void *arg)
{
    struct kernel *kernel = arg;
    struct nl_sock *sockets[] = {kernel->events, kernel->route_events, kernel->route,
                                 kernel->requests};
    for (size_t i = 0; i < SL_ARRAY_LEN(sockets); i++)
        nl_socket_free(sockets[i]);
    if (kernel->rfkill_fd >= 0)
        close(kernel->rfkill_fd);
    if (kernel->epoll_fd >= 0)
        close(kernel->epoll_fd);
    free(kernel);
}

static int open_all(struct kernel *kernel)
{
    kernel->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (kernel->epoll_fd < 0)
        return -errno;
    kernel->requests = open_socket(NETLINK_GENERIC, false);
    kernel->route = open_socket(NETLINK_ROUTE, false);
    kernel->route_events = open_socket(NETLINK_ROUTE, true);
    if (!kernel->requests || !kernel->route || !kernel->route_events)
        return -EPROTONOSUPPORT;
    int code = nl_socket_add_memberships(kernel->route_events, RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR,
                                         RTNLGRP_NONE);
    open_rfkill(kernel);
    return code < 0 ? translate(code) : watch(kernel, nl_socket_get_fd(kernel->route_events));
}

int sl_wifi_kernel_new(struct sl_wifi_port *ret_port)
{
    struct kernel *kernel = calloc(1, sizeof(*kernel));
    if (!kernel)
        return -ENOMEM;
    kernel->rfkill_fd = -1;
    int error = open_all(kernel);
    if (error < 0) {
        kernel_free(kernel);
        return error;
    }
    *ret_port = (struct sl_wifi_port){
        .arg = kernel,
        .look = look,
        .perform = perform,
        .stations = stations,
        .fd = kernel_fd,
        .events = events,
        .free = kernel_free,
    };
    return 0;
}
