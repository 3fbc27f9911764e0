/* What somebody without keys can do to a node: throw noise at it, and play back what they recorded.
 *
 *   attack noise ADDRESS PORT COUNT     random datagrams, half of them with a type that exists
 *   attack resend FILE ADDRESS PORT     the UDP payloads of a capture, from one's own address
 *   attack replay FILE INTERFACE        its frames as they were, sender's address and all
 *
 * A capture is what tcpdump -w writes of an Ethernet interface. Prints how many bytes of payload it
 * sent. Part of test_stranger.sh. */
#include <linux/if_packet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    DATAGRAM_MAX = 1300,
    FRAME_MAX = 2048,
    ADDRESSES =
        14 + 8, /* both, of 16 bytes each, behind Ethernet's and the start of IPv6's header */
    NEXT_HEADER = 14 + 6,
    UDP_HEADER = 14 + 40,
    CHECKSUM = UDP_HEADER + 6,
    HEADERS = UDP_HEADER + 8,
    UDP = 17,
    BREATH = 64, /* datagrams between two pauses of 1 ms: some 50,000 a second */
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void breathe(size_t sent)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    if (sent % BREATH == 0)
        nanosleep(&pause, NULL);
}

static int socket_to(const char *address, const char *port)
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

static size_t make_noise(int fd, size_t count)
{
    uint8_t bytes[DATAGRAM_MAX];
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        uint16_t random[2];
        if (getrandom(random, sizeof(random), 0) < 0 || getrandom(bytes, sizeof(bytes), 0) < 0)
            fail("getrandom");
        /* Every fourth has the length of a greeting. */
        size_t len = i % 4 == 0 ? 49 : random[0] % sizeof(bytes);
        if (i % 2 == 0)
            bytes[0] = (uint8_t)(1 + random[1] % 6);
        if (send(fd, bytes, len, 0) > 0)
            total += len;
        breathe(i);
    }
    return total;
}

static FILE *open_capture(const char *path)
{
    uint32_t header[6];
    FILE *file = fopen(path, "rb");
    if (!file || fread(header, sizeof(header), 1, file) != 1 || header[0] != 0xa1b2c3d4)
        fail(path);
    return file;
}

/* Length of the next frame that carries UDP, or 0 at the end. */
static size_t next_frame(FILE *file, uint8_t frame[FRAME_MAX])
{
    uint32_t header[4]; /* seconds, microseconds, length here, length on the wire */
    while (fread(header, sizeof(header), 1, file) == 1) {
        if (header[2] > FRAME_MAX || fread(frame, header[2], 1, file) != 1)
            return 0;
        if (header[2] > HEADERS && frame[NEXT_HEADER] == UDP)
            return header[2];
    }
    return 0;
}

static size_t resend(FILE *file, int fd)
{
    uint8_t frame[FRAME_MAX];
    size_t len, total = 0, count = 0;
    while ((len = next_frame(file, frame)) > 0) {
        if (send(fd, frame + HEADERS, len - HEADERS, 0) > 0)
            total += len - HEADERS;
        breathe(count++);
    }
    return total;
}

static uint32_t sum16(const uint8_t *bytes, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    return sum;
}

/* Recorded where it was sent, a frame has no checksum yet: the card would have added it. */
static void set_checksum(uint8_t *frame, size_t len)
{
    size_t udp_len = len - UDP_HEADER;
    frame[CHECKSUM] = frame[CHECKSUM + 1] = 0;
    uint32_t sum =
        sum16(frame + ADDRESSES, 32) + (uint32_t)udp_len + UDP + sum16(frame + UDP_HEADER, udp_len);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    sum = sum == 0xffff ? sum : 0xffff - sum;
    frame[CHECKSUM] = (uint8_t)(sum >> 8);
    frame[CHECKSUM + 1] = (uint8_t)sum;
}

static size_t replay(FILE *file, const char *interface)
{
    uint8_t frame[FRAME_MAX];
    size_t len, total = 0, count = 0;
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = (int)if_nametoindex(interface)};
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0 || to.sll_ifindex == 0)
        fail(interface);
    while ((len = next_frame(file, frame)) > 0) {
        set_checksum(frame, len);
        if (sendto(fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) > 0)
            total += len - HEADERS;
        breathe(count++);
    }
    close(fd);
    return total;
}

int main(int argc, char **argv)
{
    size_t total;
    if (argc == 5 && strcmp(argv[1], "noise") == 0) {
        total = make_noise(socket_to(argv[2], argv[3]), strtoul(argv[4], NULL, 10));
    } else if (argc == 5 && strcmp(argv[1], "resend") == 0) {
        total = resend(open_capture(argv[2]), socket_to(argv[3], argv[4]));
    } else if (argc == 4 && strcmp(argv[1], "replay") == 0) {
        total = replay(open_capture(argv[2]), argv[3]);
    } else {
        fputs("usage: attack noise|resend|replay …, see attack.c\n", stderr);
        return 2;
    }
    printf("%zu\n", total);
    return 0;
}
