/* [udp] of the configuration. */
#include "daemon/config_internal.h"
#include "daemon/values.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

const char *sl_config_take_udp_enabled(struct sl_config_parser *parse, const char *value)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", NULL};
    int word = sl_value_word(value, words);
    if (word < 0)
        return "yes or no";
    parse->config->udp_enabled = word % 2 == 1;
    return NULL;
}

static const char *take_interface(void *target, const char *name)
{
    struct sl_udp_config *udp = target;
    if (strcmp(name, "none") == 0) {
        udp->interface_count = 0;
        return NULL;
    }
    if (udp->interface_count == SL_UDP_INTERFACES_MAX)
        return "at most 16 interfaces; patterns such as wlan* stand for several";
    if (strlen(name) >= IFNAMSIZ)
        return "interface names of at most 15 characters, *, or none";
    snprintf(udp->interfaces[udp->interface_count++], IFNAMSIZ, "%s", name);
    return NULL;
}

const char *sl_config_take_udp_interfaces(struct sl_config_parser *parse, const char *value)
{
    return sl_value_each_word(value, take_interface, &parse->config->udp);
}

const char *sl_config_take_udp_port(struct sl_config_parser *parse, const char *value)
{
    uint32_t port;
    if (!sl_value_u32(value, 1, 65535, &port))
        return "a port from 1 to 65535";
    parse->udp_port = (uint16_t)port;
    return NULL;
}

const char *sl_config_take_udp_group(struct sl_config_parser *parse, const char *value)
{
    struct in6_addr group;
    if (inet_pton(AF_INET6, value, &group) != 1 || !IN6_IS_ADDR_MC_LINKLOCAL(&group))
        return "an IPv6 multicast address of link-local scope, ff02::…";
    parse->config->udp.group = group;
    return NULL;
}

const char *sl_config_take_udp_listen(struct sl_config_parser *parse, const char *value)
{
    parse->listen_line = parse->line;
    /* Port 0: whatever [udp] port says, which may come later in the file. */
    return sl_udp_parse(value, 0, &parse->config->udp.listen) < 0
               ? "a numeric address, with or without port: 127.0.0.1:17018 or [::]:17018"
               : NULL;
}

static const char *take_peer(void *target, const char *word)
{
    struct sl_udp_config *udp = target;
    struct sockaddr_in6 *peer = &udp->peers[udp->peer_count];
    if (udp->peer_count == SL_PEERS_MAX)
        return "at most 64 peers";
    if (sl_udp_parse(word, 0, peer) < 0)
        return "numeric addresses, with or without port: 192.0.2.7:17017 or [2001:db8::7]:17017";
    if (IN6_IS_ADDR_LINKLOCAL(&peer->sin6_addr) || IN6_IS_ADDR_MULTICAST(&peer->sin6_addr))
        return "addresses further away: link-local neighbours are found by themselves on the "
               "interfaces";
    udp->peer_count++;
    return NULL;
}

const char *sl_config_take_udp_peers(struct sl_config_parser *parse, const char *value)
{
    return sl_value_each_word(value, take_peer, &parse->config->udp);
}

const char *sl_config_take_udp_rate(struct sl_config_parser *parse, const char *value)
{
    uint32_t mbit;
    if (!sl_value_u32(value, 1, 100000, &mbit))
        return "a number of Mbit/s from 1 to 100000";
    parse->config->udp.rate_bps = (uint64_t)mbit * 1000000;
    return NULL;
}
