#include "bearers/wifi_message.h"

#include <linux/if_addr.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <string.h>
#include <sys/socket.h>

/* Attributes that nl80211 gives with a fixed size; libnl then refuses those that are shorter. Names
 * are copied by their length: libnl does not see to it that they end. */
static const struct nla_policy policy[NL80211_ATTR_MAX + 1] = {
    [NL80211_ATTR_WIPHY] = {.type = NLA_U32},
    [NL80211_ATTR_WIPHY_NAME] = {.type = NLA_UNSPEC, .maxlen = SL_WIFI_PHY_NAME},
    [NL80211_ATTR_IFINDEX] = {.type = NLA_U32},
    [NL80211_ATTR_IFNAME] = {.type = NLA_UNSPEC, .maxlen = IFNAMSIZ},
    [NL80211_ATTR_IFTYPE] = {.type = NLA_U32},
    [NL80211_ATTR_MAC] = {.type = NLA_UNSPEC, .minlen = SL_MAC_LEN, .maxlen = SL_MAC_LEN},
    [NL80211_ATTR_SSID] = {.type = NLA_UNSPEC, .maxlen = SL_SSID_MAX},
    [NL80211_ATTR_WIPHY_FREQ] = {.type = NLA_U32},
    [NL80211_ATTR_SUPPORTED_IFTYPES] = {.type = NLA_NESTED},
    [NL80211_ATTR_SUPPORTED_COMMANDS] = {.type = NLA_NESTED},
    [NL80211_ATTR_INTERFACE_COMBINATIONS] = {.type = NLA_NESTED},
    [NL80211_ATTR_WIPHY_BANDS] = {.type = NLA_NESTED},
    [NL80211_ATTR_STA_INFO] = {.type = NLA_NESTED},
    [NL80211_ATTR_REG_ALPHA2] = {.type = NLA_UNSPEC, .minlen = 2},
};

static bool parse(struct nlmsghdr *header, struct nlattr *ret_attributes[NL80211_ATTR_MAX + 1])
{
    return genlmsg_valid_hdr(header, 0) &&
           genlmsg_parse(header, 0, ret_attributes, NL80211_ATTR_MAX, policy) == 0;
}

/* nla_for_each_nested() of libnl compares signed with unsigned. */
#define FOR_EACH_NESTED(item, nest)                                                                \
    for (int item##_left = nla_len(nest),                                                          \
             item##_once = ((item) = (struct nlattr *)nla_data(nest), 1);                          \
         item##_once && nla_ok(item, item##_left); (item) = nla_next(item, &item##_left))

/* ---- What a radio can do ---- */

static uint32_t type_bits(struct nlattr *list)
{
    uint32_t bits = 0;
    struct nlattr *item;
    /* A list of flags: the type of each attribute is the value. */
    FOR_EACH_NESTED(item, list)
    if (nla_type(item) < 32)
        bits |= SL_WIFI_BIT(nla_type(item));
    return bits;
}

static void take_commands(struct nlattr *list, struct sl_wifi_phy *phy)
{
    struct nlattr *item;
    FOR_EACH_NESTED(item, list)
    {
        if (nla_len(item) < (int)sizeof(uint32_t))
            continue;
        phy->joins_cells = phy->joins_cells || nla_get_u32(item) == NL80211_CMD_JOIN_IBSS;
        phy->joins_meshes = phy->joins_meshes || nla_get_u32(item) == NL80211_CMD_JOIN_MESH;
    }
}

/* A combination is a list of limits, each with the types it is for. */
static uint32_t types_of_combination(struct nlattr *limits, bool *ret_client)
{
    static const struct nla_policy limit_policy[NUM_NL80211_IFACE_LIMIT] = {
        [NL80211_IFACE_LIMIT_MAX] = {.type = NLA_U32},
        [NL80211_IFACE_LIMIT_TYPES] = {.type = NLA_NESTED},
    };
    uint32_t types = 0;
    struct nlattr *limit, *parts[NUM_NL80211_IFACE_LIMIT];
    FOR_EACH_NESTED(limit, limits)
    {
        if (nla_parse_nested(parts, MAX_NL80211_IFACE_LIMIT, limit, limit_policy) < 0 ||
            !parts[NL80211_IFACE_LIMIT_TYPES] || !parts[NL80211_IFACE_LIMIT_MAX])
            continue;
        uint32_t of_limit = type_bits(parts[NL80211_IFACE_LIMIT_TYPES]);
        bool client = (of_limit & SL_WIFI_BIT(NL80211_IFTYPE_STATION)) != 0;
        *ret_client = *ret_client || client;
        /* One place only, and the client takes it. */
        if (!client || nla_get_u32(parts[NL80211_IFACE_LIMIT_MAX]) > 1)
            types |= of_limit;
    }
    return types;
}

static void take_combinations(struct nlattr *list, struct sl_wifi_phy *phy)
{
    static const struct nla_policy combination_policy[NUM_NL80211_IFACE_COMB] = {
        [NL80211_IFACE_COMB_LIMITS] = {.type = NLA_NESTED},
    };
    struct nlattr *item, *parts[NUM_NL80211_IFACE_COMB];
    FOR_EACH_NESTED(item, list)
    {
        bool client = false;
        if (nla_parse_nested(parts, MAX_NL80211_IFACE_COMB, item, combination_policy) < 0 ||
            !parts[NL80211_IFACE_COMB_LIMITS])
            continue;
        uint32_t types = types_of_combination(parts[NL80211_IFACE_COMB_LIMITS], &client);
        if (client)
            phy->with_client |= types;
    }
}

static struct sl_wifi_channel *channel_place(struct sl_wifi_phy *phy, uint32_t mhz)
{
    for (size_t i = 0; i < phy->channel_count; i++)
        if (phy->channels[i].mhz == mhz)
            return &phy->channels[i];
    return phy->channel_count < SL_WIFI_CHANNELS_MAX ? &phy->channels[phy->channel_count++] : NULL;
}

static void take_channels(struct nlattr *list, struct sl_wifi_phy *phy)
{
    static const struct nla_policy frequency_policy[NL80211_FREQUENCY_ATTR_MAX + 1] = {
        [NL80211_FREQUENCY_ATTR_FREQ] = {.type = NLA_U32},
    };
    struct nlattr *item, *parts[NL80211_FREQUENCY_ATTR_MAX + 1];
    FOR_EACH_NESTED(item, list)
    {
        if (nla_parse_nested(parts, NL80211_FREQUENCY_ATTR_MAX, item, frequency_policy) < 0 ||
            !parts[NL80211_FREQUENCY_ATTR_FREQ])
            continue;
        uint32_t mhz = nla_get_u32(parts[NL80211_FREQUENCY_ATTR_FREQ]);
        struct sl_wifi_channel *channel = channel_place(phy, mhz);
        if (channel)
            *channel = (struct sl_wifi_channel){
                .mhz = mhz,
                .disabled = parts[NL80211_FREQUENCY_ATTR_DISABLED] != NULL,
                .no_start = parts[NL80211_FREQUENCY_ATTR_NO_IR] != NULL ||
                            parts[NL80211_FREQUENCY_ATTR_RADAR] != NULL,
            };
    }
}

static void take_rates(struct nlattr *list, struct sl_wifi_phy *phy)
{
    static const struct nla_policy rate_policy[NL80211_BITRATE_ATTR_MAX + 1] = {
        [NL80211_BITRATE_ATTR_RATE] = {.type = NLA_U32},
    };
    struct nlattr *item, *parts[NL80211_BITRATE_ATTR_MAX + 1];
    FOR_EACH_NESTED(item, list)
    {
        if (nla_parse_nested(parts, NL80211_BITRATE_ATTR_MAX, item, rate_policy) < 0 ||
            !parts[NL80211_BITRATE_ATTR_RATE])
            continue;
        uint32_t rate = nla_get_u32(parts[NL80211_BITRATE_ATTR_RATE]);
        phy->top_rate = rate > phy->top_rate ? rate : phy->top_rate;
    }
}

static void take_bands(struct nlattr *list, struct sl_wifi_phy *phy)
{
    static const struct nla_policy band_policy[NL80211_BAND_ATTR_MAX + 1] = {
        [NL80211_BAND_ATTR_FREQS] = {.type = NLA_NESTED},
        [NL80211_BAND_ATTR_RATES] = {.type = NLA_NESTED},
    };
    struct nlattr *item, *parts[NL80211_BAND_ATTR_MAX + 1];
    FOR_EACH_NESTED(item, list)
    {
        if (nla_parse_nested(parts, NL80211_BAND_ATTR_MAX, item, band_policy) < 0)
            continue;
        if (parts[NL80211_BAND_ATTR_FREQS])
            take_channels(parts[NL80211_BAND_ATTR_FREQS], phy);
        if (parts[NL80211_BAND_ATTR_RATES])
            take_rates(parts[NL80211_BAND_ATTR_RATES], phy);
    }
}

static struct sl_wifi_phy *phy_place(struct sl_wifi_phy *phys, size_t cap, size_t *count,
                                     uint32_t index)
{
    for (size_t i = 0; i < *count; i++)
        if (phys[i].index == index)
            return &phys[i];
    if (*count == cap)
        return NULL;
    phys[*count] = (struct sl_wifi_phy){.index = index};
    return &phys[(*count)++];
}

bool sl_wifi_parse_phy(struct nlmsghdr *header, struct sl_wifi_phy *phys, size_t cap, size_t *count)
{
    static const struct {
        int attribute;
        void (*take)(struct nlattr *list, struct sl_wifi_phy *phy);
    } lists[] = {
        {NL80211_ATTR_SUPPORTED_COMMANDS, take_commands},
        {NL80211_ATTR_INTERFACE_COMBINATIONS, take_combinations},
        {NL80211_ATTR_WIPHY_BANDS, take_bands},
    };
    struct nlattr *attributes[NL80211_ATTR_MAX + 1];
    if (!parse(header, attributes) || !attributes[NL80211_ATTR_WIPHY])
        return false;
    struct sl_wifi_phy *phy =
        phy_place(phys, cap, count, nla_get_u32(attributes[NL80211_ATTR_WIPHY]));
    if (!phy)
        return false;
    if (attributes[NL80211_ATTR_WIPHY_NAME])
        nla_strlcpy(phy->name, attributes[NL80211_ATTR_WIPHY_NAME], sizeof(phy->name));
    if (attributes[NL80211_ATTR_SUPPORTED_IFTYPES])
        phy->types |= type_bits(attributes[NL80211_ATTR_SUPPORTED_IFTYPES]);
    for (size_t i = 0; i < SL_ARRAY_LEN(lists); i++)
        if (attributes[lists[i].attribute])
            lists[i].take(attributes[lists[i].attribute], phy);
    return true;
}

/* ---- What is there now ---- */

bool sl_wifi_parse_interface(struct nlmsghdr *header, struct sl_wifi_interface *ret_interface)
{
    struct nlattr *attributes[NL80211_ATTR_MAX + 1];
    /* One without an index is no network interface: a P2P device. */
    if (!parse(header, attributes) || !attributes[NL80211_ATTR_WIPHY] ||
        !attributes[NL80211_ATTR_IFINDEX] || !attributes[NL80211_ATTR_IFNAME] ||
        !attributes[NL80211_ATTR_IFTYPE])
        return false;
    struct sl_wifi_interface found = {
        .phy = nla_get_u32(attributes[NL80211_ATTR_WIPHY]),
        .index = nla_get_u32(attributes[NL80211_ATTR_IFINDEX]),
        .type = (enum nl80211_iftype)nla_get_u32(attributes[NL80211_ATTR_IFTYPE]),
    };
    nla_strlcpy(found.name, attributes[NL80211_ATTR_IFNAME], sizeof(found.name));
    if (attributes[NL80211_ATTR_MAC])
        memcpy(found.mac, nla_data(attributes[NL80211_ATTR_MAC]), SL_MAC_LEN);
    if (attributes[NL80211_ATTR_SSID]) {
        found.ssid_len = (size_t)nla_len(attributes[NL80211_ATTR_SSID]);
        memcpy(found.ssid, nla_data(attributes[NL80211_ATTR_SSID]), found.ssid_len);
    }
    if (attributes[NL80211_ATTR_WIPHY_FREQ])
        found.mhz = nla_get_u32(attributes[NL80211_ATTR_WIPHY_FREQ]);
    *ret_interface = found;
    return true;
}

static uint32_t bitrate(struct nlattr *list)
{
    static const struct nla_policy rate_policy[NL80211_RATE_INFO_MAX + 1] = {
        [NL80211_RATE_INFO_BITRATE] = {.type = NLA_U16},
        [NL80211_RATE_INFO_BITRATE32] = {.type = NLA_U32},
    };
    struct nlattr *parts[NL80211_RATE_INFO_MAX + 1];
    if (nla_parse_nested(parts, NL80211_RATE_INFO_MAX, list, rate_policy) < 0)
        return SL_WIFI_NO_BITRATE;
    if (parts[NL80211_RATE_INFO_BITRATE32])
        return nla_get_u32(parts[NL80211_RATE_INFO_BITRATE32]);
    return parts[NL80211_RATE_INFO_BITRATE] ? nla_get_u16(parts[NL80211_RATE_INFO_BITRATE])
                                            : SL_WIFI_NO_BITRATE;
}

static uint32_t number_of(struct nlattr *attribute)
{
    return attribute ? nla_get_u32(attribute) : 0;
}

bool sl_wifi_parse_station(struct nlmsghdr *header, struct sl_wifi_station *ret_station)
{
    static const struct nla_policy station_policy[NL80211_STA_INFO_MAX + 1] = {
        [NL80211_STA_INFO_INACTIVE_TIME] = {.type = NLA_U32},
        [NL80211_STA_INFO_SIGNAL] = {.type = NLA_U8},
        [NL80211_STA_INFO_TX_BITRATE] = {.type = NLA_NESTED},
        [NL80211_STA_INFO_TX_PACKETS] = {.type = NLA_U32},
        [NL80211_STA_INFO_TX_RETRIES] = {.type = NLA_U32},
        [NL80211_STA_INFO_TX_FAILED] = {.type = NLA_U32},
    };
    struct nlattr *attributes[NL80211_ATTR_MAX + 1], *parts[NL80211_STA_INFO_MAX + 1];
    if (!parse(header, attributes) || !attributes[NL80211_ATTR_MAC] ||
        !attributes[NL80211_ATTR_STA_INFO] ||
        nla_parse_nested(parts, NL80211_STA_INFO_MAX, attributes[NL80211_ATTR_STA_INFO],
                         station_policy) < 0)
        return false;
    struct sl_wifi_station station = {
        .signal_dbm = parts[NL80211_STA_INFO_SIGNAL]
                          ? (int8_t)nla_get_u8(parts[NL80211_STA_INFO_SIGNAL])
                          : SL_WIFI_NO_SIGNAL,
        .rate_100kbps = parts[NL80211_STA_INFO_TX_BITRATE]
                            ? bitrate(parts[NL80211_STA_INFO_TX_BITRATE])
                            : SL_WIFI_NO_BITRATE,
        .sent = number_of(parts[NL80211_STA_INFO_TX_PACKETS]),
        .retried = number_of(parts[NL80211_STA_INFO_TX_RETRIES]),
        .failed = number_of(parts[NL80211_STA_INFO_TX_FAILED]),
        .idle_ms = number_of(parts[NL80211_STA_INFO_INACTIVE_TIME]),
    };
    memcpy(station.mac, nla_data(attributes[NL80211_ATTR_MAC]), SL_MAC_LEN);
    *ret_station = station;
    return true;
}

bool sl_wifi_parse_country(struct nlmsghdr *header, char ret_country[3])
{
    struct nlattr *attributes[NL80211_ATTR_MAX + 1];
    if (!parse(header, attributes) || !attributes[NL80211_ATTR_REG_ALPHA2])
        return false;
    memcpy(ret_country, nla_data(attributes[NL80211_ATTR_REG_ALPHA2]), 2);
    ret_country[2] = '\0';
    return true;
}

bool sl_wifi_event_matters(struct nlmsghdr *header)
{
    if (!genlmsg_valid_hdr(header, 0))
        return false;
    const struct genlmsghdr *generic = nlmsg_data(header);
    switch (generic->cmd) {
    case NL80211_CMD_NEW_WIPHY:
    case NL80211_CMD_DEL_WIPHY:
    case NL80211_CMD_NEW_INTERFACE:
    case NL80211_CMD_SET_INTERFACE:
    case NL80211_CMD_DEL_INTERFACE:
    case NL80211_CMD_JOIN_IBSS:
    case NL80211_CMD_LEAVE_IBSS:
    case NL80211_CMD_JOIN_MESH:
    case NL80211_CMD_LEAVE_MESH:
    case NL80211_CMD_CONNECT:
    case NL80211_CMD_DISCONNECT:
    case NL80211_CMD_CH_SWITCH_NOTIFY:
    case NL80211_CMD_REG_CHANGE:
    case NL80211_CMD_WIPHY_REG_CHANGE:
        return true;
    default:
        return false;
    }
}

/* ---- Requests ---- */

static int put_mesh(struct nl_msg *msg, const struct sl_wifi_cell *cell)
{
    int error = nla_put(msg, NL80211_ATTR_MESH_ID, (int)cell->ssid_len, cell->ssid);
    /* Relaying is ours to do: who is not a member must not pass through. */
    struct nlattr *settings = nla_nest_start(msg, NL80211_ATTR_MESH_CONFIG);
    if (error < 0 || !settings || nla_put_u8(msg, NL80211_MESHCONF_FORWARDING, 0) < 0)
        return -1;
    nla_nest_end(msg, settings);
    return 0;
}

static int put_cell(struct nl_msg *msg, const struct sl_wifi_cell *cell)
{
    int error = nla_put(msg, NL80211_ATTR_SSID, (int)cell->ssid_len, cell->ssid);
    if (error == 0 && cell->fixed_bssid)
        error = nla_put(msg, NL80211_ATTR_MAC, SL_MAC_LEN, cell->bssid);
    /* Nobody moves the cell to another channel: boards out of reach would be lost. */
    if (error == 0)
        error = nla_put_flag(msg, NL80211_ATTR_FREQ_FIXED);
    return error;
}

static int put_join(struct nl_msg *msg, const struct sl_wifi_request *request)
{
    const struct sl_wifi_cell *cell = &request->cell;
    int error = nla_put_u32(msg, NL80211_ATTR_IFINDEX, request->interface);
    if (error == 0)
        error =
            request->type == NL80211_IFTYPE_MESH_POINT ? put_mesh(msg, cell) : put_cell(msg, cell);
    if (error == 0)
        error = nla_put_u32(msg, NL80211_ATTR_WIPHY_FREQ, cell->mhz);
    if (error == 0 && cell->multicast_100kbps > 0)
        error = nla_put_u32(msg, NL80211_ATTR_MCAST_RATE, cell->multicast_100kbps);
    /* Leaves with this process, however it ends. */
    return error == 0 ? nla_put_flag(msg, NL80211_ATTR_SOCKET_OWNER) : error;
}

static int put_create(struct nl_msg *msg, const struct sl_wifi_request *request)
{
    /* The kernel puts in a number. */
    return nla_put_u32(msg, NL80211_ATTR_WIPHY, request->phy) < 0 ||
                   nla_put_string(msg, NL80211_ATTR_IFNAME, "starling%d") < 0 ||
                   nla_put_u32(msg, NL80211_ATTR_IFTYPE, request->type) < 0 ||
                   nla_put(msg, NL80211_ATTR_MAC, SL_MAC_LEN, request->mac) < 0 ||
                   nla_put_flag(msg, NL80211_ATTR_SOCKET_OWNER) < 0
               ? -1
               : 0;
}

static uint8_t command_of(const struct sl_wifi_request *request)
{
    bool mesh = request->type == NL80211_IFTYPE_MESH_POINT;
    switch (request->what) {
    case SL_WIFI_DO_SET_COUNTRY:
        return NL80211_CMD_REQ_SET_REG;
    case SL_WIFI_DO_CREATE:
        return NL80211_CMD_NEW_INTERFACE;
    case SL_WIFI_DO_DELETE:
        return NL80211_CMD_DEL_INTERFACE;
    case SL_WIFI_DO_SET_TYPE:
        return NL80211_CMD_SET_INTERFACE;
    case SL_WIFI_DO_JOIN:
        return mesh ? NL80211_CMD_JOIN_MESH : NL80211_CMD_JOIN_IBSS;
    case SL_WIFI_DO_LEAVE:
        return mesh ? NL80211_CMD_LEAVE_MESH : NL80211_CMD_LEAVE_IBSS;
    case SL_WIFI_DO_NOTHING:
    case SL_WIFI_DO_UNBLOCK:
    case SL_WIFI_DO_DOWN:
    case SL_WIFI_DO_UP:
    case SL_WIFI_DO_SET_MAC:
    case SL_WIFI_DO_ADD_ADDRESS:
    case SL_WIFI_DO_COUNT:
    default:
        return NL80211_CMD_UNSPEC;
    }
}

static int put_attributes(struct nl_msg *msg, const struct sl_wifi_request *request)
{
    int error;
    switch (command_of(request)) {
    case NL80211_CMD_REQ_SET_REG:
        return nla_put_string(msg, NL80211_ATTR_REG_ALPHA2, request->country);
    case NL80211_CMD_NEW_INTERFACE:
        return put_create(msg, request);
    case NL80211_CMD_JOIN_IBSS:
    case NL80211_CMD_JOIN_MESH:
        return put_join(msg, request);
    case NL80211_CMD_SET_INTERFACE:
        error = nla_put_u32(msg, NL80211_ATTR_IFINDEX, request->interface);
        return error < 0 ? error : nla_put_u32(msg, NL80211_ATTR_IFTYPE, request->type);
    default: /* DEL_INTERFACE, LEAVE_IBSS, LEAVE_MESH */
        return nla_put_u32(msg, NL80211_ATTR_IFINDEX, request->interface);
    }
}

static struct nl_msg *build_nl80211(const struct sl_wifi_request *request, int family)
{
    struct nl_msg *msg = nlmsg_alloc();
    if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, command_of(request), 0) &&
        put_attributes(msg, request) >= 0)
        return msg;
    nlmsg_free(msg);
    return NULL;
}

static struct nl_msg *build_link(const struct sl_wifi_request *request)
{
    struct nl_msg *msg = NULL;
    struct rtnl_link *link = rtnl_link_alloc();
    struct rtnl_link *change = rtnl_link_alloc();
    struct nl_addr *mac = nl_addr_build(AF_LLC, request->mac, SL_MAC_LEN);
    if (link && change && mac) {
        rtnl_link_set_ifindex(link, (int)request->interface);
        rtnl_link_set_family(link, AF_UNSPEC);
        if (request->what == SL_WIFI_DO_SET_MAC)
            rtnl_link_set_addr(change, mac);
        else if (request->what == SL_WIFI_DO_UP)
            rtnl_link_set_flags(change, IFF_UP);
        else
            rtnl_link_unset_flags(change, IFF_UP);
        if (rtnl_link_build_change_request(link, change, 0, &msg) < 0)
            msg = NULL;
    }
    nl_addr_put(mac);
    rtnl_link_put(change);
    rtnl_link_put(link);
    return msg;
}

static struct nl_msg *build_address(const struct sl_wifi_request *request)
{
    uint8_t bytes[16];
    sl_wifi_link_local(request->mac, bytes);
    struct nl_msg *msg = NULL;
    struct rtnl_addr *entry = rtnl_addr_alloc();
    struct nl_addr *address = nl_addr_build(AF_INET6, bytes, sizeof(bytes));
    if (entry && address) {
        nl_addr_set_prefixlen(address, 64);
        rtnl_addr_set_ifindex(entry, (int)request->interface);
        rtnl_addr_set_scope(entry, RT_SCOPE_LINK);
        rtnl_addr_set_flags(entry, IFA_F_NODAD);
        if (rtnl_addr_set_local(entry, address) < 0 ||
            rtnl_addr_build_add_request(entry, NLM_F_CREATE | NLM_F_REPLACE, &msg) < 0)
            msg = NULL;
    }
    nl_addr_put(address);
    rtnl_addr_put(entry);
    return msg;
}

struct nl_msg *sl_wifi_build(const struct sl_wifi_request *request, int family, bool *ret_route)
{
    *ret_route = false;
    if (command_of(request) != NL80211_CMD_UNSPEC)
        return build_nl80211(request, family);
    if (request->what == SL_WIFI_DO_NOTHING || request->what == SL_WIFI_DO_UNBLOCK)
        return NULL;
    *ret_route = true;
    return request->what == SL_WIFI_DO_ADD_ADDRESS ? build_address(request) : build_link(request);
}

/* ---- Numbers ---- */

uint32_t sl_wifi_channel_mhz(uint32_t channel)
{
    if (channel == 14)
        return 2484;
    if (channel >= 1 && channel <= 13)
        return 2407 + 5 * channel;
    return channel >= 36 && channel <= 177 ? 5000 + 5 * channel : 0;
}

uint32_t sl_wifi_mhz_channel(uint32_t mhz)
{
    if (mhz == 2484)
        return 14;
    if (mhz >= 2412 && mhz <= 2472)
        return (mhz - 2407) / 5;
    return mhz >= 5180 && mhz <= 5885 ? (mhz - 5000) / 5 : 0;
}

void sl_wifi_link_local(const uint8_t mac[SL_MAC_LEN], uint8_t ret_address[16])
{
    const uint8_t address[16] = {
        0xfe,   0x80,  [8] = (uint8_t)(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe, mac[3],
        mac[4], mac[5]};
    memcpy(ret_address, address, 16);
}

bool sl_wifi_mac_of(const uint8_t address[16], uint8_t ret_mac[SL_MAC_LEN])
{
    static const uint8_t prefix[8] = {0xfe, 0x80};
    if (memcmp(address, prefix, sizeof(prefix)) != 0 || address[11] != 0xff || address[12] != 0xfe)
        return false;
    const uint8_t mac[SL_MAC_LEN] = {
        (uint8_t)(address[8] ^ 2), address[9], address[10], address[13], address[14], address[15]};
    memcpy(ret_mac, mac, SL_MAC_LEN);
    return true;
}
