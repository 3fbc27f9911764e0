#include "lab.h"
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <ifaddrs.h>
#include <jansson.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_BUFFER   (4 << 20)       /* as the daemon's own */
#define ADDRESS_TIMEOUT (5 * SL_SECOND) /* for an interface that just came up */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        bench_fail("%s is not set; run this through tests/bench/run BUILD_FOLDER", name);
    return value;
}

void bench_lab_path(const char *node, const char *extension, char *ret_path)
{
    snprintf(ret_path, PATH_MAX, "%s/%s.%s", variable("BENCH_LAB"), node, extension);
}

bool bench_lab_has_netns(void)
{
    return strcmp(variable("BENCH_NETNS"), "yes") == 0;
}

int bench_enter(const char *node)
{
    char path[PATH_MAX];
    if (!bench_lab_has_netns())
        return -1;
    snprintf(path, sizeof(path), "/run/netns/%s", node);
    int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int wanted = open(path, O_RDONLY | O_CLOEXEC);
    if (before < 0 || wanted < 0 || setns(wanted, CLONE_NEWNET) < 0)
        bench_fail("%s: %s", path, strerror(errno));
    close(wanted);
    return before;
}

void bench_leave(int before)
{
    if (before < 0)
        return;
    if (setns(before, CLONE_NEWNET) < 0)
        bench_fail("cannot leave the network namespace: %s", strerror(errno));
    close(before);
}

int bench_lab_socket(const char *node)
{
    int before = bench_enter(node);
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bench_leave(before);
    int no = 0;
    int size = SOCKET_BUFFER;
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
        bench_fail("socket of %s: %s", node, strerror(errno));
    return fd;
}

/* The link-local address of an interface of that node. */
static bool link_local(const char *node, const char *interface, struct in6_addr *ret_address)
{
    struct ifaddrs *list = NULL;
    bool found = false;
    int before = bench_enter(node);
    if (getifaddrs(&list) < 0)
        list = NULL;
    bench_leave(before);
    for (const struct ifaddrs *item = list; item && !found; item = item->ifa_next) {
        const struct sockaddr_in6 *address = (const void *)item->ifa_addr;
        found = address && address->sin6_family == AF_INET6 &&
                strcmp(item->ifa_name, interface) == 0 &&
                IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr);
        if (found)
            *ret_address = address->sin6_addr;
    }
    freeifaddrs(list);
    return found;
}

struct sockaddr_in6 bench_lab_address(int fd, const char *node, const char *neighbour)
{
    struct sockaddr_in6 address;
    socklen_t len = sizeof(address);
    char interface[IFNAMSIZ];
    getsockname(fd, (struct sockaddr *)&address, &len);
    if (!bench_lab_has_netns()) {
        inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr);
        return address;
    }
    snprintf(interface, sizeof(interface), "to-%s", neighbour);
    sl_time end = bench_now() + ADDRESS_TIMEOUT;
    while (!link_local(node, interface, &address.sin6_addr)) {
        if (bench_now() > end)
            bench_fail("%s has no link-local address on %s", node, interface);
        usleep(10000);
    }
    snprintf(interface, sizeof(interface), "to-%s", node);
    int before = bench_enter(neighbour);
    address.sin6_scope_id = if_nametoindex(interface);
    bench_leave(before);
    return address;
}

uint64_t bench_lab_bytes(const char *node, const char *neighbour)
{
    char command[160];
    snprintf(command, sizeof(command), "ip -n %s -j -s link show dev to-%s", node, neighbour);
    FILE *pipe = popen(command, "r");
    json_t *list = pipe ? json_loadf(pipe, 0, NULL) : NULL;
    json_int_t in = 0, out = 0;
    if (!list || json_unpack(list, "[{s:{s:{s:I},s:{s:I}}}]", "stats64", "rx", "bytes", &in, "tx",
                             "bytes", &out) < 0)
        bench_fail("no counters from: %s", command);
    json_decref(list);
    pclose(pipe);
    return (uint64_t)in + (uint64_t)out;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void bench_lab_wipe(const char *node)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/state-%s", variable("BENCH_LAB"), node);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (mkdir(path, 0700) < 0)
        bench_fail("%s: %s", path, strerror(errno));
}
