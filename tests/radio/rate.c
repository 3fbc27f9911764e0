/* What a radio carries without a mesh, as a yardstick, and how fast envelopes arrive.
 *
 *   rate receive udp PORT                       until nothing came for a second
 *   rate receive l2cap ADAPTER PSM              the same for an LE credit-based channel
 *   rate send udp ADDRESS PORT BYTES SECONDS    packets of so many bytes, as fast as they go
 *   rate send l2cap ADAPTER,PEER PSM BYTES SECONDS
 *   rate accepted SOCKET COUNT                  until starlingd has accepted so many envelopes
 *   rate linked SOCKET                          until starlingd has a neighbour
 *   rate checks BYTES SECONDS                   signatures (Ed25519) of so many bytes, checked
 *
 * ADAPTER and PEER are addresses such as 00:AA:01:00:00:42. Each prints {"packets", "bytes",
 * "seconds"} (receive: from the first packet to the last; accepted: from the first envelope;
 * linked: from its own start). */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Of the kernel's Bluetooth, as linux/ has no header for them. */
enum { L2CAP = 0, BT_RCVMTU = 13, LE_PUBLIC = 1, MTU = 2048 };

struct l2cap_address {
    sa_family_t family;
    uint16_t psm; /* little-endian */
    uint8_t address[6];
    uint16_t cid;
    uint8_t type;
};

enum { BUFFER = 1 << 20, PATIENCE = 120 }; /* seconds for a first packet */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print(size_t packets, size_t bytes, double seconds)
{
    printf("{\"packets\":%zu,\"bytes\":%zu,\"seconds\":%.3f}\n", packets, bytes, seconds);
}

static void set_timeout(int fd, int seconds)
{
    const struct timeval timeout = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

/* ---- UDP ---- */

static int udp_to(const char *address, const char *port)
{
    const struct addrinfo wanted = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    if (getaddrinfo(address, port, &wanted, &found) != 0)
        fail(address);
    int fd = socket(found->ai_family, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
        fail(address);
    freeaddrinfo(found);
    return fd;
}

static int udp_on(const char *port)
{
    const int size = BUFFER;
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6,
                                     .sin6_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
        fail("bind");
    return fd;
}

/* ---- L2CAP ---- */

static struct l2cap_address l2cap_address(const char *text, const char *psm)
{
    unsigned int b[6];
    struct l2cap_address address = {.family = AF_BLUETOOTH, .type = LE_PUBLIC};
    if (sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6) {
        fprintf(stderr, "%s is no Bluetooth address\n", text);
        exit(2);
    }
    for (size_t i = 0; i < 6; i++)
        address.address[i] = (uint8_t)b[5 - i];
    if (psm)
        address.psm = (uint16_t)strtoul(psm, NULL, 0);
    return address;
}

static int l2cap_socket(const struct l2cap_address *local)
{
    const uint16_t mtu = MTU;
    int fd = socket(AF_BLUETOOTH, SOCK_SEQPACKET, L2CAP);
    if (fd < 0 || bind(fd, (const struct sockaddr *)local, sizeof(*local)) < 0)
        fail("l2cap");
    setsockopt(fd, SOL_BLUETOOTH, BT_RCVMTU, &mtu, sizeof(mtu));
    return fd;
}

static int l2cap_on(const char *adapter, const char *psm)
{
    const struct l2cap_address local = l2cap_address(adapter, psm);
    int listening = l2cap_socket(&local);
    set_timeout(listening, PATIENCE);
    if (listen(listening, 1) < 0)
        fail("listen");
    int fd = accept(listening, NULL, NULL);
    if (fd < 0)
        fail("accept");
    close(listening);
    return fd;
}

static int l2cap_to(const char *both, const char *psm)
{
    const char *comma = strchr(both, ',');
    if (!comma) {
        fprintf(stderr, "%s: ADAPTER,PEER is wanted\n", both);
        exit(2);
    }
    const struct l2cap_address local = l2cap_address(both, NULL);
    const struct l2cap_address peer = l2cap_address(comma + 1, psm);
    int fd = l2cap_socket(&local);
    if (connect(fd, (const struct sockaddr *)&peer, sizeof(peer)) < 0)
        fail("connect");
    return fd;
}

/* ---- Both ---- */

static int receive(int fd)
{
    uint8_t packet[MTU];
    size_t packets = 0, bytes = 0;
    double first = 0, last = 0;
    ssize_t len;
    set_timeout(fd, PATIENCE);
    while ((len = recv(fd, packet, sizeof(packet), 0)) > 0) {
        last = now();
        if (packets++ == 0) {
            first = last;
            set_timeout(fd, 1);
        }
        bytes += (size_t)len;
    }
    print(packets, bytes, last - first);
    return packets > 0 ? 0 : 1;
}

static int send_for(int fd, size_t len, double seconds)
{
    static const char text[] = "what no radio hides. "; /* for searches of the air to find */
    uint8_t packet[MTU];
    size_t packets = 0, bytes = 0;
    const double start = now();
    double elapsed = 0;
    if (len == 0 || len > sizeof(packet)) {
        fprintf(stderr, "packets have 1 to %d bytes\n", MTU);
        return 2;
    }
    for (size_t i = 0; i < sizeof(packet); i++)
        packet[i] = (uint8_t)text[i % (sizeof(text) - 1)];
    while (elapsed < seconds) {
        if (send(fd, packet, len, 0) > 0) {
            packets++;
            bytes += len;
        } else if (errno != ENOBUFS && errno != EAGAIN) {
            fail("send");
        }
        elapsed = now() - start;
    }
    print(packets, bytes, elapsed);
    return 0;
}

/* ---- Envelopes ---- */

/* Between two questions: an answer costs an emulated machine milliseconds of what is measured. */
static const struct timespec pause_between = {.tv_nsec = 100000000};

/* A daemon that is only just starting gets its time. */
static FILE *control_open(const char *path)
{
    const double end = now() + PATIENCE;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (strlen(path) >= sizeof(at.sun_path))
        fail(path);
    memcpy(at.sun_path, path, strlen(path));
    while (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
        if (now() > end)
            fail(path);
        nanosleep(&pause_between, NULL);
    }
    return fdopen(fd, "r+");
}

/* A number out of a status (CONTROL.md). */
static size_t status_number(FILE *control, const char *name)
{
    static char line[65536];
    char key[32];
    snprintf(key, sizeof(key), "\"%s\":", name);
    fputs("{\"do\":\"status\"}\n", control);
    fflush(control);
    const char *at = fgets(line, sizeof(line), control) ? strstr(line, key) : NULL;
    if (!at) {
        fprintf(stderr, "starlingd says nothing of %s\n", name);
        exit(1);
    }
    return strtoul(at + strlen(key), NULL, 10);
}

static int wait_linked(const char *path)
{
    const double start = now();
    FILE *control = control_open(path);
    size_t links = 0;
    while (links == 0 && now() < start + PATIENCE) {
        nanosleep(&pause_between, NULL);
        links = status_number(control, "neighbours");
    }
    print(links, 0, now() - start);
    fclose(control);
    return links > 0 ? 0 : 1;
}

static int wait_accepted(const char *path, size_t count)
{
    FILE *control = control_open(path);
    const double end = now() + PATIENCE;
    double first = 0;
    size_t accepted = 0, at_first = 0; /* those came before the clock started */
    while (accepted < count && now() < end) {
        nanosleep(&pause_between, NULL);
        accepted = status_number(control, "accepted");
        if (at_first == 0 && accepted > 0) {
            first = now();
            at_first = accepted;
        }
    }
    print(accepted - at_first, 0, now() - first);
    fclose(control);
    return accepted >= count ? 0 : 1;
}

/* ---- Signatures ---- */

/* What a processor checks in a second is the most that a board with that processor can relay. */
static int check_for(size_t len, double seconds)
{
    static uint8_t text[MTU];
    uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    uint8_t signature[crypto_sign_BYTES];
    size_t count = 0;
    if (sodium_init() < 0 || len > sizeof(text))
        return 2;
    crypto_sign_keypair(public, secret);
    crypto_sign_detached(signature, NULL, text, len, secret);
    const double start = now();
    double elapsed = 0;
    while (elapsed < seconds) {
        if (crypto_sign_verify_detached(signature, text, len, public) != 0)
            return 1;
        count++;
        elapsed = now() - start;
    }
    print(count, count * len, elapsed);
    return 0;
}

int main(int argc, char **argv)
{
    const bool sending = argc == 7 && strcmp(argv[1], "send") == 0;
    const size_t len = sending ? strtoul(argv[5], NULL, 10) : 0;
    if (argc == 4 && strcmp(argv[1], "receive") == 0 && strcmp(argv[2], "udp") == 0)
        return receive(udp_on(argv[3]));
    if (argc == 5 && strcmp(argv[1], "receive") == 0 && strcmp(argv[2], "l2cap") == 0)
        return receive(l2cap_on(argv[3], argv[4]));
    if (sending && strcmp(argv[2], "udp") == 0)
        return send_for(udp_to(argv[3], argv[4]), len, strtod(argv[6], NULL));
    if (sending && strcmp(argv[2], "l2cap") == 0)
        return send_for(l2cap_to(argv[3], argv[4]), len, strtod(argv[6], NULL));
    if (argc == 4 && strcmp(argv[1], "accepted") == 0)
        return wait_accepted(argv[2], strtoul(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "linked") == 0)
        return wait_linked(argv[2]);
    if (argc == 4 && strcmp(argv[1], "checks") == 0)
        return check_for(strtoul(argv[2], NULL, 10), strtod(argv[3], NULL));
    fputs("usage: rate receive|send|accepted|linked|checks …, see rate.c\n", stderr);
    return 2;
}
