#include "bearers/bluetooth_channel.h"

#include "bearers/bluetooth_internal.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's numbers (include/net/bluetooth/bluetooth.h and l2cap.h), which are its interface to
 * programs and do not change. The header package of BlueZ has no more than these. */
enum {
    PROTOCOL_L2CAP = 0,
    SOL_BT = 274,
    OPTION_RCVMTU = 13,
    LE_PUBLIC = 1,
    LE_RANDOM = 2,
};

struct l2cap_address {
    sa_family_t family;
    uint16_t psm; /* little-endian, as the rest */
    uint8_t address[6];
    uint16_t cid;
    uint8_t type;
};

enum {
    PSM_FIRST = 0xc1, /* dynamic ones of LE: 0x80 to 0xff */
    PSM_LAST = 0xcf,
    /* The kernel grants as many credits as fit this, so that some packets are under way at once
     * (net/bluetooth/l2cap_core.c, l2cap_le_flowctl_init). */
    RECEIVE_MTU = 8192,
    /* Some tenths of a second of what the radio carries: what is late is better held by the mesh,
     * which knows what is urgent. */
    SEND_BUFFER = 16384,
    BATCH = 16,
    SOCKETS_MAX = SL_BLUETOOTH_ADAPTERS_MAX * (SL_BLUETOOTH_LINKS_MAX + 2),
};

struct channel_socket {
    struct sl_channels *channels;
    int fd; /* -1: free */
    uint32_t number;
    bool connecting;
    bool writing; /* waits for room */
    sd_event_source *source;
};

struct listener {
    struct sl_channels *channels;
    unsigned slot;
    int fd; /* -1: none */
    sd_event_source *source;
};

struct sl_channels {
    sd_event *event;
    const sl_time *now;
    struct sl_bluetooth *bluetooth;
    struct listener listeners[SL_BLUETOOTH_ADAPTERS_MAX];
    struct channel_socket sockets[SOCKETS_MAX];
};

/* ---- Addresses ---- */

static struct l2cap_address to_kernel(const struct sl_address *address, uint8_t psm)
{
    struct l2cap_address result = {.family = AF_BLUETOOTH, .psm = htole16(psm)};
    result.type = address->bytes[0] == 0 ? LE_PUBLIC : LE_RANDOM;
    for (size_t i = 0; i < 6; i++)
        result.address[i] = address->bytes[6 - i];
    return result;
}

static struct sl_address from_kernel(const struct l2cap_address *address)
{
    struct sl_address result = {.len = SL_BLUETOOTH_ADDRESS_LEN};
    result.bytes[0] = address->type == LE_PUBLIC ? 0 : 1;
    for (size_t i = 0; i < 6; i++)
        result.bytes[6 - i] = address->address[i];
    return result;
}

/* ---- Sockets ---- */

static int open_socket(const struct sl_address *own, uint8_t psm)
{
    const uint16_t mtu = RECEIVE_MTU;
    const int buffer = SEND_BUFFER;
    struct l2cap_address address = to_kernel(own, psm);
    int fd = socket(AF_BLUETOOTH, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, PROTOCOL_L2CAP);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0 ||
        setsockopt(fd, SOL_BT, OPTION_RCVMTU, &mtu, sizeof(mtu)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static struct channel_socket *find_socket(struct sl_channels *channels, uint32_t number)
{
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        if (channels->sockets[i].fd >= 0 && channels->sockets[i].number == number)
            return &channels->sockets[i];
    return NULL;
}

static void close_socket(struct channel_socket *socket)
{
    sd_event_source_disable_unref(socket->source);
    close(socket->fd);
    socket->source = NULL;
    socket->fd = -1;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *arg);

/* Takes the descriptor. */
static int add_socket(struct sl_channels *channels, int fd, uint32_t number, bool connecting)
{
    struct channel_socket *socket = NULL;
    for (size_t i = 0; i < SOCKETS_MAX && !socket; i++)
        if (channels->sockets[i].fd < 0)
            socket = &channels->sockets[i];
    if (!socket) {
        close(fd);
        return -ENOSPC;
    }
    *socket = (struct channel_socket){
        .channels = channels, .fd = fd, .number = number, .connecting = connecting};
    int error = sd_event_add_io(channels->event, &socket->source, fd,
                                connecting ? EPOLLOUT : EPOLLIN, on_channel, socket);
    if (error < 0)
        close_socket(socket);
    return error < 0 ? error : 0;
}

/* ---- Events ---- */

static int error_of(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

static void end_attempt(struct channel_socket *socket, uint32_t events)
{
    struct sl_channels *channels = socket->channels;
    uint32_t number = socket->number;
    int error = error_of(socket->fd);
    if (error == 0 && (events & (EPOLLERR | EPOLLHUP)))
        error = -ECONNREFUSED;
    socket->connecting = false;
    if (error < 0)
        close_socket(socket);
    else
        sd_event_source_set_io_events(socket->source, EPOLLIN);
    sl_bluetooth_connected(channels->bluetooth, number, error, *channels->now);
}

/* False when the other end has gone. */
static bool receive_batch(struct channel_socket *socket)
{
    struct sl_channels *channels = socket->channels;
    const uint32_t number = socket->number;
    uint8_t bytes[SL_BLUETOOTH_PACKET_MAX + 1];
    for (unsigned i = 0; i < BATCH; i++) {
        ssize_t len = recv(socket->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (len < 0)
            return errno == EAGAIN || errno == EINTR;
        if (len == 0)
            return false;
        if ((size_t)len <= SL_BLUETOOTH_PACKET_MAX)
            sl_bluetooth_packet(channels->bluetooth, number, bytes, (size_t)len, *channels->now);
        if (socket->fd < 0 || socket->number != number)
            return true; /* closed because of it */
    }
    return true;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *arg)
{
    struct channel_socket *socket = arg;
    struct sl_channels *channels = socket->channels;
    (void)source;
    (void)fd;
    if (socket->connecting) {
        end_attempt(socket, events);
        return 0;
    }
    if (socket->writing && (events & EPOLLOUT)) {
        /* The loop that ran us lets the mesh send again. */
        socket->writing = false;
        sd_event_source_set_io_events(socket->source, EPOLLIN);
    }
    if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        return 0;
    if (receive_batch(socket) && !(events & (EPOLLERR | EPOLLHUP)))
        return 0;
    if (socket->fd >= 0) {
        uint32_t number = socket->number;
        close_socket(socket);
        sl_bluetooth_ended(channels->bluetooth, number, *channels->now);
    }
    return 0;
}

static int on_listener(sd_event_source *source, int fd, uint32_t events, void *arg)
{
    const struct listener *listener = arg;
    struct sl_channels *channels = listener->channels;
    struct l2cap_address kernel = {0};
    socklen_t len = sizeof(kernel);
    uint32_t number;
    (void)source;
    (void)events;
    int accepted =
        accept4(fd, (struct sockaddr *)(void *)&kernel, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0)
        return 0;
    struct sl_address peer = from_kernel(&kernel);
    if (sl_bluetooth_accepted(channels->bluetooth, listener->slot, &peer, &number, *channels->now) <
        0)
        close(accepted);
    else if (add_socket(channels, accepted, number, false) < 0)
        sl_bluetooth_ended(channels->bluetooth, number, *channels->now);
    return 0;
}

/* ---- What the machine asks for ---- */

static int do_listen(void *arg, unsigned slot, const struct sl_address *own, uint8_t *ret_psm)
{
    struct sl_channels *channels = arg;
    struct listener *listener = &channels->listeners[slot];
    int fd = -EADDRINUSE;
    uint8_t psm = PSM_FIRST;
    /* Another program may have the first. */
    for (; psm <= PSM_LAST && fd == -EADDRINUSE; psm++)
        fd = open_socket(own, psm);
    if (fd < 0)
        return fd;
    *listener = (struct listener){.channels = channels, .slot = slot, .fd = fd};
    int error = listen(fd, SL_BLUETOOTH_LINKS_MAX) < 0 ? -errno : 0;
    if (error == 0)
        error =
            sd_event_add_io(channels->event, &listener->source, fd, EPOLLIN, on_listener, listener);
    if (error < 0) {
        close(fd);
        listener->fd = -1;
        return error;
    }
    *ret_psm = (uint8_t)(psm - 1);
    return 0;
}

static void do_unlisten(void *arg, unsigned slot)
{
    struct sl_channels *channels = arg;
    struct listener *listener = &channels->listeners[slot];
    if (listener->fd < 0)
        return;
    sd_event_source_disable_unref(listener->source);
    close(listener->fd);
    listener->source = NULL;
    listener->fd = -1;
}

static int do_connect(void *arg, uint32_t number, const struct sl_address *own,
                      const struct sl_address *peer, uint8_t psm)
{
    struct sl_channels *channels = arg;
    struct l2cap_address address = to_kernel(peer, psm);
    int fd = open_socket(own, 0);
    if (fd < 0)
        return fd;
    if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0 &&
        errno != EINPROGRESS && errno != EAGAIN) {
        int error = -errno;
        close(fd);
        return error;
    }
    return add_socket(channels, fd, number, true);
}

static int do_send(void *arg, uint32_t number, const uint8_t *bytes, size_t len)
{
    struct channel_socket *socket = find_socket(arg, number);
    ssize_t sent;
    if (!socket || socket->connecting)
        return -ENOTCONN;
    do {
        sent = send(socket->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    int error = -errno;
    if (error == -EAGAIN && !socket->writing) {
        socket->writing = true;
        sd_event_source_set_io_events(socket->source, EPOLLIN | EPOLLOUT);
    }
    return error;
}

static void do_close(void *arg, uint32_t number)
{
    struct channel_socket *socket = find_socket(arg, number);
    if (socket)
        close_socket(socket);
}

/* ---- Made and freed ---- */

struct sl_channels *sl_channels_new(sd_event *event, const sl_time *now)
{
    struct sl_channels *channels = calloc(1, sizeof(*channels));
    if (!channels)
        return NULL;
    channels->event = sd_event_ref(event);
    channels->now = now;
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++)
        channels->listeners[i].fd = -1;
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        channels->sockets[i].fd = -1;
    return channels;
}

void sl_channels_attach(struct sl_channels *channels, struct sl_bluetooth *bluetooth)
{
    channels->bluetooth = bluetooth;
}

void sl_channels_free(struct sl_channels *channels)
{
    if (!channels)
        return;
    for (unsigned i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++)
        do_unlisten(channels, i);
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        if (channels->sockets[i].fd >= 0)
            close_socket(&channels->sockets[i]);
    sd_event_unref(channels->event);
    free(channels);
}

void sl_channels_ports(struct sl_channels *channels, struct sl_channel_ports *ret_ports)
{
    *ret_ports = (struct sl_channel_ports){
        .arg = channels,
        .listen = do_listen,
        .unlisten = do_unlisten,
        .connect = do_connect,
        .send = do_send,
        .close = do_close,
    };
}
