/* The UDP bearer on real sockets: loopback for everybody, and interfaces that come and go where the
 * kernel lets this test have a network of its own. */
#include "bearers/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define RECEIVED_MAX 512

/* Stands in for the daemon: takes down what the bearer tells it. */
struct host {
    struct sl_bearer_info bearers[SL_BEARERS_MAX];
    bool in_use[SL_BEARERS_MAX];
    size_t bearer_cap;
    struct sl_address peers[SL_PEERS_MAX];
    size_t peer_count;
    int bearer[RECEIVED_MAX];
    struct sl_address from[RECEIVED_MAX];
    size_t len[RECEIVED_MAX];
    uint8_t first[RECEIVED_MAX];
    size_t received;
    char reports[2048];
};

static int add(void *arg, const struct sl_bearer_info *info)
{
    struct host *host = arg;
    for (size_t i = 0; i < host->bearer_cap; i++)
        if (!host->in_use[i]) {
            host->in_use[i] = true;
            host->bearers[i] = *info;
            return (int)i;
        }
    return -ENOSPC;
}

static void remove_bearer(void *arg, int bearer)
{
    struct host *host = arg;
    assert_true(host->in_use[bearer]);
    host->in_use[bearer] = false;
}

static int add_peer(void *arg, int bearer, const struct sl_address *address)
{
    struct host *host = arg;
    assert_true(host->in_use[bearer]);
    if (host->peer_count == SL_PEERS_MAX)
        return -ENOSPC;
    host->peers[host->peer_count++] = *address;
    return 0;
}

static void receive(void *arg, int bearer, const struct sl_address *from, const uint8_t *bytes,
                    size_t len)
{
    struct host *host = arg;
    assert_true(host->received < RECEIVED_MAX);
    host->bearer[host->received] = bearer;
    host->from[host->received] = *from;
    host->len[host->received] = len;
    host->first[host->received++] = bytes[0];
}

static void report(void *arg, int priority, const char *line)
{
    struct host *host = arg;
    (void)priority;
    strcat(strcat(host->reports, line), "\n");
}

static struct sl_bearer_host host_of(struct host *host)
{
    if (host->bearer_cap == 0)
        host->bearer_cap = SL_BEARERS_MAX;
    return (struct sl_bearer_host){.arg = host,
                                   .add = add,
                                   .remove = remove_bearer,
                                   .add_peer = add_peer,
                                   .receive = receive,
                                   .report = report};
}

/* A free port: bound once, and let go. */
static uint16_t free_port(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin6_port);
}

static struct sl_bearer *open_at(struct host *host, const char *address, uint16_t port)
{
    struct sl_udp_config config;
    struct sl_bearer *bearer = NULL;
    struct sl_bearer_host ends = host_of(host);
    sl_udp_config_init(&config);
    config.interface_count = 0;
    assert_int_equal(sl_udp_parse(address, port, &config.listen), 0);
    assert_int_equal(sl_udp_new(&config, &ends, &bearer), 0);
    return bearer;
}

static struct sl_address mesh_address(const char *text, uint16_t port)
{
    struct sockaddr_in6 parsed;
    struct sl_address address = {.len = 18};
    assert_int_equal(sl_udp_parse(text, port, &parsed), 0);
    memcpy(address.bytes, &parsed.sin6_addr, 16);
    memcpy(address.bytes + 16, &parsed.sin6_port, 2);
    return address;
}

static bool readable(const struct sl_bearer *bearer, int timeout_ms)
{
    struct pollfd wait = {.fd = sl_udp_fd(bearer), .events = POLLIN};
    return poll(&wait, 1, timeout_ms) == 1;
}

static void test_addresses_are_parsed(void **state)
{
    (void)state;
    struct sockaddr_in6 address;
    char text[INET6_ADDRSTRLEN];
    assert_int_equal(sl_udp_parse("192.0.2.1", 7, &address), 0);
    assert_true(IN6_IS_ADDR_V4MAPPED(&address.sin6_addr));
    assert_int_equal(ntohs(address.sin6_port), 7);
    assert_int_equal(sl_udp_parse("[2001:db8::1]:65535", 7, &address), 0);
    assert_non_null(inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text)));
    assert_string_equal(text, "2001:db8::1");
    assert_int_equal(ntohs(address.sin6_port), 65535);

    static const char *const wrong[] = {"",
                                        "[",
                                        "[]",
                                        "[::1",
                                        "::1",
                                        "1.2.3",
                                        "1.2.3.4:",
                                        "1.2.3.4:0",
                                        "1.2.3.4:65536",
                                        "1.2.3.4:1x",
                                        "[::1]1",
                                        "[::1]:",
                                        "[::1]:-1",
                                        "a.b",
                                        "[1.2.3.4]:1",
                                        "1.2.3.4 ",
                                        "[::1%lo]:17017",
                                        "1.2.3.4:000001"};
    for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++)
        assert_int_equal(sl_udp_parse(wrong[i], 7, &address), -EINVAL);
}

static void test_peers_exchange_datagrams_on(const char *at_a, const char *at_b,
                                             const char *text_of_a)
{
    struct host host_a = {0}, host_b = {0};
    uint16_t port_a = free_port(), port_b = free_port();
    struct sl_bearer *a = open_at(&host_a, at_a, port_a), *b = open_at(&host_b, at_b, port_b);
    assert_string_equal(host_a.bearers[0].name, "udp peers");
    assert_false(host_a.bearers[0].broadcast);
    assert_int_equal(a->numbers, 1);

    struct sl_datagram datagram = {.to = mesh_address(at_b, port_b), .len = 3, .bytes = "abc"};
    assert_int_equal(a->ops->send(a, &datagram), 0);
    assert_true(readable(b, 1000));
    assert_false(sl_udp_receive(b));
    assert_int_equal(host_b.received, 1);
    assert_int_equal(host_b.len[0], 3);
    assert_int_equal(host_b.first[0], 'a');

    /* The answer goes to where it came from. */
    char text[80], expected[80];
    b->ops->address_text(b, &host_b.from[0], text, sizeof(text));
    snprintf(expected, sizeof(expected), "%s:%u", text_of_a, port_a);
    assert_string_equal(text, expected);
    datagram.to = host_b.from[0];
    assert_int_equal(b->ops->send(b, &datagram), 0);
    assert_true(readable(a, 1000));
    sl_udp_receive(a);
    assert_int_equal(host_a.received, 1);

    a->ops->free(a);
    b->ops->free(b);
    assert_false(host_a.in_use[0]);
}

static void test_peers_exchange_datagrams(void **state)
{
    (void)state;
    test_peers_exchange_datagrams_on("127.0.0.1", "127.0.0.1", "127.0.0.1");
    test_peers_exchange_datagrams_on("[::1]", "[::1]", "[::1]");
}

static void test_batches(void **state)
{
    (void)state;
    struct host host_a = {0}, host_b = {0};
    uint16_t port_b = free_port();
    struct sl_bearer *a = open_at(&host_a, "127.0.0.1", free_port());
    struct sl_bearer *b = open_at(&host_b, "127.0.0.1", port_b);
    struct sl_datagram datagram = {.to = mesh_address("127.0.0.1", port_b), .len = 1232};
    for (int i = 0; i < 70; i++) {
        datagram.bytes[0] = (uint8_t)i;
        assert_int_equal(a->ops->send(a, &datagram), 0);
    }
    assert_true(sl_udp_receive(b));
    assert_int_equal(host_b.received, 32);
    assert_true(sl_udp_receive(b));
    assert_false(sl_udp_receive(b));
    assert_int_equal(host_b.received, 70);
    for (int i = 0; i < 70; i++)
        assert_int_equal(host_b.first[i], i);
    assert_false(sl_udp_receive(b));
    a->ops->free(a);
    b->ops->free(b);
}

static void test_what_is_too_long_or_empty_is_dropped(void **state)
{
    (void)state;
    struct host host = {0};
    uint16_t port = free_port();
    struct sl_bearer *bearer = open_at(&host, "127.0.0.1", port);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const size_t lengths[] = {0, 1233, 9000, 1232, 1};
    static const uint8_t bytes[9000];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    for (size_t i = 0; i < SL_ARRAY_LEN(lengths); i++)
        assert_int_equal(sendto(fd, bytes, lengths[i], 0, (struct sockaddr *)&to, sizeof(to)),
                         lengths[i]);
    close(fd);
    assert_true(readable(bearer, 1000));
    sl_udp_receive(bearer);
    assert_int_equal(host.received, 2);
    assert_int_equal(host.len[0], 1232);
    assert_int_equal(host.len[1], 1);
    bearer->ops->free(bearer);
}

static void test_wrong_destinations(void **state)
{
    (void)state;
    struct host host = {0};
    struct sl_bearer *bearer = open_at(&host, "127.0.0.1", free_port());
    struct sl_datagram datagram = {.len = 1};
    assert_int_equal(bearer->ops->send(bearer, &datagram), -EDESTADDRREQ); /* no broadcast here */
    datagram.to.len = 6;
    assert_int_equal(bearer->ops->send(bearer, &datagram), -EINVAL);
    datagram.to = mesh_address("127.0.0.1", 9);
    datagram.bearer = 3;
    assert_int_equal(bearer->ops->send(bearer, &datagram), -EINVAL);
    bearer->ops->free(bearer);
}

/* However often sending fails, the log has one line. */
static void test_errors_are_told_once(void **state)
{
    (void)state;
    struct host host = {0};
    struct sl_bearer *bearer = open_at(&host, "127.0.0.1", free_port());
    struct sl_datagram datagram = {.to = mesh_address("[2001:db8::1]", 9), .len = 1};
    for (int i = 0; i < 1000; i++)
        assert_true(bearer->ops->send(bearer, &datagram) < 0);
    assert_non_null(strstr(host.reports, "udp peers: cannot send: "));
    assert_ptr_equal(strchr(host.reports, '\n'), host.reports + strlen(host.reports) - 1);
    bearer->ops->free(bearer);
}

static void test_a_port_in_use(void **state)
{
    (void)state;
    struct host host = {0}, second = {0};
    struct sl_udp_config config;
    struct sl_bearer *bearer = open_at(&host, "[::]", free_port()), *other = NULL;
    struct sockaddr_in6 address;
    socklen_t len = sizeof(address);
    struct sl_bearer_host ends = host_of(&second);
    sl_udp_config_init(&config);
    assert_int_equal(getsockname(sl_udp_fd(bearer), (struct sockaddr *)&address, &len), 0);
    config.listen.sin6_port = address.sin6_port;
    assert_int_equal(sl_udp_new(&config, &ends, &other), -EADDRINUSE);
    assert_false(second.in_use[0]);
    bearer->ops->free(bearer);
}

static void test_no_place_for_bearers(void **state)
{
    (void)state;
    struct host host = {.bearer_cap = 1, .in_use = {true}};
    struct sl_udp_config config;
    struct sl_bearer *bearer = NULL;
    struct sl_bearer_host ends = host_of(&host);
    sl_udp_config_init(&config);
    config.listen.sin6_port = htons(free_port());
    assert_int_equal(sl_udp_new(&config, &ends, &bearer), -ENOSPC);
    assert_null(bearer);
}

static void test_configured_peers(void **state)
{
    (void)state;
    struct host host = {0};
    struct sl_udp_config config;
    struct sl_bearer *bearer = NULL;
    struct sl_bearer_host ends = host_of(&host);
    sl_udp_config_init(&config);
    config.interface_count = 0;
    config.listen.sin6_port = htons(free_port());
    config.peer_count = 2;
    assert_int_equal(sl_udp_parse("10.0.0.1:1", 0, &config.peers[0]), 0);
    assert_int_equal(sl_udp_parse("10.0.0.2:2", 0, &config.peers[1]), 0);
    assert_int_equal(sl_udp_new(&config, &ends, &bearer), 0);
    assert_int_equal(host.peer_count, 2);
    struct sl_address expected = mesh_address("10.0.0.2:2", 0);
    assert_memory_equal(&host.peers[1], &expected, sizeof(expected));

    /* Read again: one is new, one is gone, one stays. */
    struct sockaddr_in6 fresh[3];
    assert_int_equal(sl_udp_parse("10.0.0.2:2", 0, &fresh[0]), 0);
    assert_int_equal(sl_udp_parse("10.0.0.3:3", 0, &fresh[1]), 0);
    fresh[2] = fresh[1];
    assert_int_equal(sl_udp_add_peers(bearer, fresh, 3), 1);
    assert_int_equal(host.peer_count, 3);
    assert_int_equal(sl_udp_add_peers(bearer, fresh, 3), 1);
    assert_int_equal(host.peer_count, 3);
    bearer->ops->free(bearer);
}

/* ---- Interfaces ---- */

static bool run(const char *command)
{
    char quiet[200];
    snprintf(quiet, sizeof(quiet), "( %s ) >/dev/null 2>&1", command);
    return system(quiet) == 0;
}

/* Two ends of a cable, in this namespace both. */
static bool make_cable(void)
{
    return unshare(CLONE_NEWNET) == 0 && run("ip link set lo up") &&
           run("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad") &&
           run("ip link add cable0 type veth peer name other0") && run("ip link set cable0 up") &&
           run("ip link set other0 up");
}

static bool watch_tells(const struct sl_bearer *bearer)
{
    struct pollfd wait = {.fd = sl_udp_watch_fd(bearer), .events = POLLIN};
    return poll(&wait, 1, 2000) == 1;
}

static int number_of(const struct host *host, const char *name)
{
    for (int i = 0; i < SL_BEARERS_MAX; i++)
        if (host->in_use[i] && strcmp(host->bearers[i].name, name) == 0)
            return i;
    return -1;
}

/* What goes to everyone on cable0 arrives at the other end, other0, and comes from a link-local
 * address. */
static void check_multicast(struct sl_bearer *bearer, struct host *host)
{
    struct sl_datagram datagram = {.bearer = number_of(host, "udp cable0"), .len = 2};
    host->received = 0;
    assert_int_equal(bearer->ops->send(bearer, &datagram), 0);
    assert_true(readable(bearer, 1000));
    sl_udp_receive(bearer);
    assert_int_equal(host->received, 1);
    assert_int_equal(host->bearer[0], number_of(host, "udp other0"));
    assert_int_equal(host->from[0].len, 18);
    assert_int_equal(host->from[0].bytes[0], 0xfe);
    assert_int_equal(host->from[0].bytes[1], 0x80);
}

static void test_interfaces_come_and_go(void **state)
{
    (void)state;
    if (!make_cable()) {
        print_message("no network namespace for this user: not tested\n");
        skip();
    }
    struct host host = {0};
    struct sl_udp_config config;
    struct sl_bearer *bearer = NULL;
    struct sl_bearer_host ends = host_of(&host);
    sl_udp_config_init(&config);
    assert_int_equal(sl_udp_new(&config, &ends, &bearer), 0);
    for (int i = 0;
         i < 20 && (number_of(&host, "udp cable0") < 0 || number_of(&host, "udp other0") < 0);
         i++) {
        assert_true(watch_tells(bearer));
        sl_udp_follow(bearer);
    }
    assert_true(number_of(&host, "udp cable0") > 0);
    assert_true(host.bearers[number_of(&host, "udp cable0")].broadcast);
    assert_int_equal(number_of(&host, "udp lo"), -1);

    check_multicast(bearer, &host);

    assert_true(run("ip link set cable0 down"));
    for (int i = 0; i < 20 && number_of(&host, "udp cable0") >= 0; i++) {
        assert_true(watch_tells(bearer));
        sl_udp_follow(bearer);
    }
    assert_int_equal(number_of(&host, "udp cable0"), -1);

    assert_true(run("ip link set cable0 up"));
    for (int i = 0; i < 20 && number_of(&host, "udp cable0") < 0; i++) {
        assert_true(watch_tells(bearer));
        sl_udp_follow(bearer);
    }
    assert_true(number_of(&host, "udp cable0") > 0);
    assert_true(run("ip link del cable0"));
    for (int i = 0; i < 20 && bearer->numbers != 1; i++) {
        assert_true(watch_tells(bearer));
        sl_udp_follow(bearer);
    }
    assert_int_equal(bearer->numbers, 1);
    bearer->ops->free(bearer);
}

static void test_only_wanted_interfaces(void **state)
{
    (void)state;
    if (!make_cable()) {
        print_message("no network namespace for this user: not tested\n");
        skip();
    }
    struct host host = {0};
    struct sl_udp_config config;
    struct sl_bearer *bearer = NULL;
    struct sl_bearer_host ends = host_of(&host);
    sl_udp_config_init(&config);
    strcpy(config.interfaces[0], "ot*");
    assert_int_equal(sl_udp_new(&config, &ends, &bearer), 0);
    for (int i = 0; i < 20 && number_of(&host, "udp other0") < 0; i++) {
        assert_true(watch_tells(bearer));
        sl_udp_follow(bearer);
    }
    assert_true(number_of(&host, "udp other0") > 0);
    assert_int_equal(number_of(&host, "udp cable0"), -1);
    bearer->ops->free(bearer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_parsed),
        cmocka_unit_test(test_peers_exchange_datagrams),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_what_is_too_long_or_empty_is_dropped),
        cmocka_unit_test(test_wrong_destinations),
        cmocka_unit_test(test_errors_are_told_once),
        cmocka_unit_test(test_a_port_in_use),
        cmocka_unit_test(test_no_place_for_bearers),
        cmocka_unit_test(test_configured_peers),
        cmocka_unit_test(test_interfaces_come_and_go),
        cmocka_unit_test(test_only_wanted_interfaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
