#include "bearers/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sl_udp_config_init(struct sl_udp_config *config)
{
    *config = (struct sl_udp_config){
        .listen = {.sin6_family = AF_INET6, .sin6_port = htons(SL_UDP_PORT)},
        .interfaces = {"*"},
        .interface_count = 1,
        .rate_bps = 100000000,
    };
    inet_pton(AF_INET6, SL_UDP_GROUP, &config->group);
}

static int parse_port(const char *text, uint16_t *ret_port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return -EINVAL;
    unsigned long port = strtoul(text, NULL, 10);
    if (port == 0 || port > UINT16_MAX)
        return -EINVAL;
    *ret_port = (uint16_t)port;
    return 0;
}

static int parse_host(const char *text, bool bracketed, struct in6_addr *ret_address)
{
    struct in_addr v4;
    if (bracketed)
        return inet_pton(AF_INET6, text, ret_address) == 1 ? 0 : -EINVAL;
    if (inet_pton(AF_INET, text, &v4) != 1)
        return -EINVAL;
    *ret_address = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&ret_address->s6_addr[12], &v4, sizeof(v4));
    return 0;
}

int sl_udp_parse(const char *text, uint16_t default_port, struct sockaddr_in6 *ret_address)
{
    char host[INET6_ADDRSTRLEN];
    bool bracketed = text[0] == '[';
    const char *start = text + bracketed;
    size_t len = strcspn(start, bracketed ? "]" : ":");
    if (len >= sizeof(host) || (bracketed && start[len] != ']'))
        return -EINVAL;
    memcpy(host, start, len);
    host[len] = '\0';

    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    if (parse_host(host, bracketed, &address.sin6_addr) < 0)
        return -EINVAL;
    const char *rest = start + len + bracketed;
    uint16_t port = default_port;
    if (*rest != '\0' && (*rest != ':' || parse_port(rest + 1, &port) < 0))
        return -EINVAL;
    address.sin6_port = htons(port);
    *ret_address = address;
    return 0;
}
