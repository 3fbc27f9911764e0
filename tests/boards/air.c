/* The air between the virtual Wi-Fi radios of emulated boards: runs on a board, makes its radio in
 * the kernel's mac80211_hwsim and carries what that sends to the radio at the other end of a serial
 * port, and back. To everything above it is a radio: mac80211 does the rest.
 *
 *   air ADDRESS PORT        for example: air 02:00:00:00:00:01 /dev/virtio-ports/air
 *
 * The messages are those of Linux's drivers/net/wireless/virtual/mac80211_hwsim.h, which is in no
 * package of headers. On the port a frame is: magic, length and frequency in MHz (4, 4 and 4 bytes,
 * little-endian), the frame. The magic finds the next frame when a board lost its plug within one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { REGISTER = 1, FRAME = 2, TX_INFO_FRAME = 3, NEW_RADIO = 4 };
enum {
    ADDR_RECEIVER = 1,
    ADDR_TRANSMITTER = 2,
    BYTES = 3,
    FLAGS = 4,
    RX_RATE = 5,
    SIGNAL = 6,
    TX_INFO = 7,
    COOKIE = 8,
    CHANNELS = 9,
    FREQ = 19,
    PERM_ADDR = 22,
    ATTRIBUTES = 32
};
#define STAT_ACK    4U /* in FLAGS: the frame was acknowledged */
#define SIGNAL_DBM  (-50)
#define MAGIC       0x31726961U /* "air1" */
#define HEADER      12
#define FRAME_MAX   4096
#define ADDRESS_LEN 6
#define WAIT_MS     1000

struct air {
    struct nl_sock *socket;
    int family, port;
    uint8_t address[ADDRESS_LEN];
    uint8_t input[4 * FRAME_MAX]; /* from the port, not yet whole */
    size_t input_len;
};

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "air: %s: %s\n", what, why);
    exit(1);
}

static struct nl_msg *begin(const struct air *air, uint8_t command)
{
    struct nl_msg *msg = nlmsg_alloc();
    if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, air->family, 0, 0, command, 1))
        give_up("message", "no memory");
    return msg;
}

/* Errors are told by the kernel's answers; most are frames for a radio that is off. */
static void end(struct air *air, struct nl_msg *msg)
{
    nl_send_auto(air->socket, msg);
    nlmsg_free(msg);
}

/* The radio's own sending is over: it was heard. */
static void acknowledge(struct air *air, struct nlattr **attributes)
{
    struct nl_msg *msg = begin(air, TX_INFO_FRAME);
    nla_put(msg, ADDR_TRANSMITTER, ADDRESS_LEN, nla_data(attributes[ADDR_TRANSMITTER]));
    nla_put_u32(msg, FLAGS, nla_get_u32(attributes[FLAGS]) | STAT_ACK);
    nla_put_u64(msg, COOKIE, nla_get_u64(attributes[COOKIE]));
    nla_put_u32(msg, SIGNAL, (uint32_t)SIGNAL_DBM);
    nla_put(msg, TX_INFO, nla_len(attributes[TX_INFO]), nla_data(attributes[TX_INFO]));
    end(air, msg);
}

static void put_little(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_little(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* All of a frame, once its first byte is gone: what is behind it would else be taken for the rest.
 */
static void send_frame(const struct air *air, const uint8_t *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        struct pollfd port = {air->port, POLLOUT, 0};
        ssize_t count = write(air->port, bytes + done, len - done);
        if (count < 0 && errno != EAGAIN && errno != EPIPE)
            give_up("port", strerror(errno));
        if (count < 0 && (done == 0 || poll(&port, 1, WAIT_MS) <= 0))
            return;
        done += count > 0 ? (size_t)count : 0;
    }
}

/* What the radio sends. Without anybody at the other end it is lost, as in air. */
static int on_message(struct nl_msg *msg, void *user)
{
    struct air *air = user;
    struct nlattr *attributes[ATTRIBUTES + 1];
    uint8_t bytes[HEADER + FRAME_MAX];
    if (genlmsg_hdr(nlmsg_hdr(msg))->cmd != FRAME ||
        genlmsg_parse(nlmsg_hdr(msg), 0, attributes, ATTRIBUTES, NULL) < 0 ||
        !attributes[ADDR_TRANSMITTER] || !attributes[BYTES] || !attributes[FLAGS] ||
        !attributes[COOKIE] || !attributes[TX_INFO])
        return NL_OK;
    size_t len = (size_t)nla_len(attributes[BYTES]);
    if (len <= FRAME_MAX) {
        put_little(bytes, MAGIC);
        put_little(bytes + 4, (uint32_t)len);
        put_little(bytes + 8, attributes[FREQ] ? nla_get_u32(attributes[FREQ]) : 2412);
        memcpy(bytes + HEADER, nla_data(attributes[BYTES]), len);
        send_frame(air, bytes, HEADER + len);
    }
    acknowledge(air, attributes);
    return NL_OK;
}

static int on_error(struct sockaddr_nl *who, struct nlmsgerr *error, void *user)
{
    (void)who, (void)error, (void)user;
    return NL_SKIP;
}

static void hear(struct air *air, const uint8_t *frame, size_t len, uint32_t mhz)
{
    struct nl_msg *msg = begin(air, FRAME);
    nla_put(msg, ADDR_RECEIVER, ADDRESS_LEN, air->address);
    nla_put(msg, BYTES, (int)len, frame);
    nla_put_u32(msg, RX_RATE, 0);
    nla_put_u32(msg, SIGNAL, (uint32_t)SIGNAL_DBM);
    nla_put_u32(msg, FREQ, mhz);
    end(air, msg);
}

/* Every whole frame of the input. */
static void take_input(struct air *air)
{
    size_t at = 0;
    while (air->input_len - at >= HEADER) {
        const uint8_t *header = air->input + at;
        uint32_t len = get_little(header + 4);
        if (get_little(header) != MAGIC || len > FRAME_MAX) {
            at++;
            continue;
        }
        if (air->input_len - at < HEADER + len)
            break;
        hear(air, header + HEADER, len, get_little(header + 8));
        at += HEADER + len;
    }
    air->input_len -= at;
    memmove(air->input, air->input + at, air->input_len);
}

/* False while nobody is at the other end. */
static bool on_port(struct air *air)
{
    ssize_t count =
        read(air->port, air->input + air->input_len, sizeof(air->input) - air->input_len);
    if (count > 0) {
        air->input_len += (size_t)count;
        take_input(air);
    }
    return count > 0 || (count < 0 && errno == EAGAIN);
}

static void make_radio(struct air *air)
{
    struct nl_msg *msg = begin(air, REGISTER);
    end(air, msg);
    msg = begin(air, NEW_RADIO);
    nla_put_u32(msg, CHANNELS, 1);
    nla_put(msg, PERM_ADDR, ADDRESS_LEN, air->address);
    end(air, msg);
}

static void start(struct air *air, const char *address, const char *port)
{
    uint8_t *a = air->address;
    if (sscanf(address, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", a, a + 1, a + 2, a + 3, a + 4, a + 5) !=
        ADDRESS_LEN)
        give_up(address, "no address");
    air->port = open(port, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (air->port < 0)
        give_up(port, strerror(errno));
    struct termios line;
    if (tcgetattr(air->port, &line) == 0) { /* a serial line: bytes as they are */
        cfmakeraw(&line);
        cfsetspeed(&line, B115200);
        tcsetattr(air->port, TCSANOW, &line);
    }
    air->socket = nl_socket_alloc();
    if (!air->socket || genl_connect(air->socket) < 0)
        give_up("netlink", "cannot connect");
    air->family = genl_ctrl_resolve(air->socket, "MAC80211_HWSIM");
    if (air->family < 0)
        give_up("mac80211_hwsim", nl_geterror(air->family));
    nl_socket_set_nonblocking(air->socket);
    nl_socket_disable_seq_check(air->socket);
    nl_socket_disable_auto_ack(air->socket);
    nl_socket_set_buffer_size(air->socket, 1 << 20, 1 << 20);
    nl_socket_modify_cb(air->socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, air);
    nl_socket_modify_err_cb(air->socket, NL_CB_CUSTOM, on_error, air);
    make_radio(air);
}

int main(int argc, char **argv)
{
    static struct air air;
    if (argc != 3)
        give_up("usage", "air ADDRESS PORT");
    start(&air, argv[1], argv[2]);
    for (;;) {
        struct pollfd fds[] = {{nl_socket_get_fd(air.socket), POLLIN, 0}, {air.port, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            give_up("poll", strerror(errno));
        if (fds[0].revents)
            nl_recvmsgs_default(air.socket);
        /* The port is readable all the time while the other board is off: look now and then. */
        if (fds[1].revents && !on_port(&air))
            usleep(50000);
    }
}
