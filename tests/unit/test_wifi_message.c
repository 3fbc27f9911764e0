/* Messages of nl80211 and rtnetlink, without a kernel: what is built holds what the kernel wants,
 * what the kernel tells is taken, and nothing is read past the end. */
#include "bearers/wifi_message.h"

#include <linux/if_addr.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { FAMILY = 28 };

static struct sl_wifi_phy phys[SL_RADIOS_MAX];

/* ---- What the kernel tells ---- */

static struct nl_msg *begin(uint8_t command)
{
    struct nl_msg *msg = nlmsg_alloc();
    assert_non_null(genlmsg_put(msg, 1, 1, FAMILY, 0, 0, command, 1));
    return msg;
}

static void put_flags(struct nl_msg *msg, int attribute, const int *flags, size_t count)
{
    struct nlattr *list = nla_nest_start(msg, attribute);
    for (size_t i = 0; i < count; i++)
        nla_put_flag(msg, flags[i]);
    nla_nest_end(msg, list);
}

static void put_channel(struct nl_msg *msg, int number, uint32_t mhz, int flag)
{
    struct nlattr *channel = nla_nest_start(msg, number);
    nla_put_u32(msg, NL80211_FREQUENCY_ATTR_FREQ, mhz);
    if (flag > 0)
        nla_put_flag(msg, flag);
    nla_nest_end(msg, channel);
}

static struct nl_msg *phy_part_1(void)
{
    static const int types[] = {NL80211_IFTYPE_ADHOC, NL80211_IFTYPE_STATION};
    struct nl_msg *msg = begin(NL80211_CMD_NEW_WIPHY);
    nla_put_u32(msg, NL80211_ATTR_WIPHY, 3);
    nla_put_string(msg, NL80211_ATTR_WIPHY_NAME, "phy3");
    put_flags(msg, NL80211_ATTR_SUPPORTED_IFTYPES, types, SL_ARRAY_LEN(types));
    struct nlattr *commands = nla_nest_start(msg, NL80211_ATTR_SUPPORTED_COMMANDS);
    nla_put_u32(msg, 1, NL80211_CMD_NEW_INTERFACE);
    nla_put_u32(msg, 2, NL80211_CMD_JOIN_IBSS);
    nla_nest_end(msg, commands);
    return msg;
}

static struct nl_msg *phy_part_2(void)
{
    struct nl_msg *msg = begin(NL80211_CMD_NEW_WIPHY);
    nla_put_u32(msg, NL80211_ATTR_WIPHY, 3);
    struct nlattr *bands = nla_nest_start(msg, NL80211_ATTR_WIPHY_BANDS);
    struct nlattr *band = nla_nest_start(msg, 0);
    struct nlattr *channels = nla_nest_start(msg, NL80211_BAND_ATTR_FREQS);
    put_channel(msg, 0, 2412, 0);
    put_channel(msg, 1, 2467, NL80211_FREQUENCY_ATTR_NO_IR);
    put_channel(msg, 2, 2484, NL80211_FREQUENCY_ATTR_DISABLED);
    nla_nest_end(msg, channels);
    struct nlattr *rates = nla_nest_start(msg, NL80211_BAND_ATTR_RATES);
    for (int i = 0; i < 2; i++) {
        struct nlattr *rate = nla_nest_start(msg, i);
        nla_put_u32(msg, NL80211_BITRATE_ATTR_RATE, i == 0 ? 540 : 10);
        nla_nest_end(msg, rate);
    }
    nla_nest_end(msg, rates);
    nla_nest_end(msg, band);
    nla_nest_end(msg, bands);
    return msg;
}

static void put_limit(struct nl_msg *msg, int number, uint32_t max, const int *types, size_t count)
{
    struct nlattr *limit = nla_nest_start(msg, number);
    nla_put_u32(msg, NL80211_IFACE_LIMIT_MAX, max);
    put_flags(msg, NL80211_IFACE_LIMIT_TYPES, types, count);
    nla_nest_end(msg, limit);
}

static struct nl_msg *phy_part_3(void)
{
    static const int client[] = {NL80211_IFTYPE_STATION};
    static const int others[] = {NL80211_IFTYPE_ADHOC, NL80211_IFTYPE_AP};
    struct nl_msg *msg = begin(NL80211_CMD_NEW_WIPHY);
    nla_put_u32(msg, NL80211_ATTR_WIPHY, 3);
    struct nlattr *all = nla_nest_start(msg, NL80211_ATTR_INTERFACE_COMBINATIONS);
    struct nlattr *one = nla_nest_start(msg, 1);
    struct nlattr *limits = nla_nest_start(msg, NL80211_IFACE_COMB_LIMITS);
    put_limit(msg, 1, 1, client, SL_ARRAY_LEN(client));
    put_limit(msg, 2, 1, others, SL_ARRAY_LEN(others));
    nla_nest_end(msg, limits);
    nla_nest_end(msg, one);
    nla_nest_end(msg, all);
    return msg;
}

static struct nl_msg *interface_message(void)
{
    static const uint8_t mac[SL_MAC_LEN] = {2, 1, 2, 3, 4, 5};
    struct nl_msg *msg = begin(NL80211_CMD_NEW_INTERFACE);
    nla_put_u32(msg, NL80211_ATTR_WIPHY, 3);
    nla_put_u32(msg, NL80211_ATTR_IFINDEX, 7);
    nla_put_string(msg, NL80211_ATTR_IFNAME, "wlan0");
    nla_put_u32(msg, NL80211_ATTR_IFTYPE, NL80211_IFTYPE_ADHOC);
    nla_put(msg, NL80211_ATTR_MAC, sizeof(mac), mac);
    nla_put(msg, NL80211_ATTR_SSID, 8, "starling");
    nla_put_u32(msg, NL80211_ATTR_WIPHY_FREQ, 2412);
    return msg;
}

static struct nl_msg *station_message(void)
{
    static const uint8_t mac[SL_MAC_LEN] = {2, 1, 2, 3, 4, 5};
    struct nl_msg *msg = begin(NL80211_CMD_NEW_STATION);
    nla_put(msg, NL80211_ATTR_MAC, sizeof(mac), mac);
    struct nlattr *info = nla_nest_start(msg, NL80211_ATTR_STA_INFO);
    nla_put_u8(msg, NL80211_STA_INFO_SIGNAL, (uint8_t)-61);
    nla_put_u32(msg, NL80211_STA_INFO_TX_PACKETS, 90);
    nla_put_u32(msg, NL80211_STA_INFO_TX_FAILED, 10);
    struct nlattr *rate = nla_nest_start(msg, NL80211_STA_INFO_TX_BITRATE);
    nla_put_u16(msg, NL80211_RATE_INFO_BITRATE, 540);
    nla_nest_end(msg, rate);
    nla_nest_end(msg, info);
    return msg;
}

static void test_a_phy_in_parts(void **state)
{
    struct nl_msg *(*const parts[])(void) = {phy_part_1, phy_part_2, phy_part_3};
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(parts); i++) {
        struct nl_msg *msg = parts[i]();
        assert_true(sl_wifi_parse_phy(nlmsg_hdr(msg), phys, SL_RADIOS_MAX, &count));
        nlmsg_free(msg);
    }
    assert_int_equal(count, 1);
    assert_int_equal(phys[0].index, 3);
    assert_string_equal(phys[0].name, "phy3");
    assert_int_equal(phys[0].types,
                     SL_WIFI_BIT(NL80211_IFTYPE_ADHOC) | SL_WIFI_BIT(NL80211_IFTYPE_STATION));
    assert_true(phys[0].joins_cells);
    assert_false(phys[0].joins_meshes);
    assert_int_equal(phys[0].channel_count, 3);
    assert_false(phys[0].channels[0].no_start || phys[0].channels[0].disabled);
    assert_true(phys[0].channels[1].no_start);
    assert_true(phys[0].channels[2].disabled);
    assert_int_equal(phys[0].top_rate, 540);
    /* The client itself has one place only. */
    assert_int_equal(phys[0].with_client,
                     SL_WIFI_BIT(NL80211_IFTYPE_ADHOC) | SL_WIFI_BIT(NL80211_IFTYPE_AP));
}

static void test_more_phys_than_there_is_room_for(void **state)
{
    size_t count = 0;
    (void)state;
    for (uint32_t i = 0; i < SL_RADIOS_MAX + 2; i++) {
        struct nl_msg *msg = begin(NL80211_CMD_NEW_WIPHY);
        nla_put_u32(msg, NL80211_ATTR_WIPHY, i);
        assert_int_equal(sl_wifi_parse_phy(nlmsg_hdr(msg), phys, SL_RADIOS_MAX, &count),
                         i < SL_RADIOS_MAX);
        nlmsg_free(msg);
    }
    assert_int_equal(count, SL_RADIOS_MAX);
}

static void test_an_interface(void **state)
{
    struct nl_msg *msg = interface_message();
    struct sl_wifi_interface found;
    (void)state;
    assert_true(sl_wifi_parse_interface(nlmsg_hdr(msg), &found));
    assert_int_equal(found.phy, 3);
    assert_int_equal(found.index, 7);
    assert_string_equal(found.name, "wlan0");
    assert_int_equal(found.type, NL80211_IFTYPE_ADHOC);
    assert_int_equal(found.mac[5], 5);
    assert_int_equal(found.ssid_len, 8);
    assert_memory_equal(found.ssid, "starling", 8);
    assert_int_equal(found.mhz, 2412);
    nlmsg_free(msg);
}

static void test_a_station(void **state)
{
    struct nl_msg *msg = station_message();
    struct sl_wifi_station found;
    (void)state;
    assert_true(sl_wifi_parse_station(nlmsg_hdr(msg), &found));
    assert_int_equal(found.signal_dbm, -61);
    assert_int_equal(found.rate_100kbps, 540);
    assert_int_equal(found.sent, 90);
    assert_int_equal(found.failed, 10);
    nlmsg_free(msg);
}

/* A message cut off anywhere is refused, or gives what is whole; the sanitizers see the rest. */
static void test_cut_at_every_length(void **state)
{
    struct nl_msg *(*const all[])(void) = {phy_part_1, phy_part_2, phy_part_3, interface_message,
                                           station_message};
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
        struct nl_msg *msg = all[i]();
        const struct nlmsghdr *whole = nlmsg_hdr(msg);
        for (uint32_t len = NLMSG_HDRLEN; len <= whole->nlmsg_len; len++) {
            struct sl_wifi_interface interface;
            struct sl_wifi_station station;
            char country[3];
            size_t count = 0;
            struct nlmsghdr *cut = malloc(len);
            memcpy(cut, whole, len);
            cut->nlmsg_len = len;
            sl_wifi_parse_phy(cut, phys, SL_RADIOS_MAX, &count);
            sl_wifi_parse_station(cut, &station);
            sl_wifi_parse_country(cut, country);
            sl_wifi_event_matters(cut);
            if (sl_wifi_parse_interface(cut, &interface))
                assert_string_equal(interface.name, "wlan0");
            free(cut);
        }
        nlmsg_free(msg);
    }
}

static void test_sizes_are_checked(void **state)
{
    struct sl_wifi_interface found;
    struct nl_msg *msg = begin(NL80211_CMD_NEW_INTERFACE);
    (void)state;
    nla_put_u32(msg, NL80211_ATTR_WIPHY, 3);
    nla_put_u16(msg, NL80211_ATTR_IFINDEX, 7); /* a number that is too short */
    nla_put_string(msg, NL80211_ATTR_IFNAME, "wlan0");
    nla_put_u32(msg, NL80211_ATTR_IFTYPE, NL80211_IFTYPE_ADHOC);
    assert_false(sl_wifi_parse_interface(nlmsg_hdr(msg), &found));
    nlmsg_free(msg);
    msg = interface_message();
    nla_put_string(msg, NL80211_ATTR_IFNAME, "a name that is too long for it");
    assert_false(sl_wifi_parse_interface(nlmsg_hdr(msg), &found));
    nlmsg_free(msg);
}

static void test_events(void **state)
{
    static const struct {
        uint8_t command;
        bool matters;
    } cases[] = {
        {NL80211_CMD_DEL_WIPHY, true},        {NL80211_CMD_LEAVE_IBSS, true},
        {NL80211_CMD_CH_SWITCH_NOTIFY, true}, {NL80211_CMD_REG_CHANGE, true},
        {NL80211_CMD_NEW_STATION, false},     {NL80211_CMD_NEW_SCAN_RESULTS, false},
    };
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        struct nl_msg *msg = begin(cases[i].command);
        assert_int_equal(sl_wifi_event_matters(nlmsg_hdr(msg)), cases[i].matters);
        nlmsg_free(msg);
    }
}

/* ---- What the kernel is asked ---- */

static struct sl_wifi_request join_request(enum nl80211_iftype type)
{
    return (struct sl_wifi_request){.what = SL_WIFI_DO_JOIN,
                                    .interface = 7,
                                    .type = type,
                                    .cell = {.ssid = "starling",
                                             .ssid_len = 8,
                                             .mhz = 2412,
                                             .bssid = {2, 3, 4, 5, 6, 7},
                                             .fixed_bssid = true,
                                             .multicast_100kbps = 60}};
}

/* The command, with the attributes of a message that is good. */
static uint8_t taken_apart(struct nl_msg *msg, struct nlattr *attributes[NL80211_ATTR_MAX + 1])
{
    assert_non_null(msg);
    struct nlmsghdr *header = nlmsg_hdr(msg);
    assert_int_equal(header->nlmsg_type, FAMILY);
    assert_int_equal(genlmsg_parse(header, 0, attributes, NL80211_ATTR_MAX, NULL), 0);
    return ((const struct genlmsghdr *)nlmsg_data(header))->cmd;
}

static void test_joining_a_cell(void **state)
{
    struct nlattr *attributes[NL80211_ATTR_MAX + 1];
    struct sl_wifi_request request = join_request(NL80211_IFTYPE_ADHOC);
    bool route = true;
    (void)state;
    struct nl_msg *msg = sl_wifi_build(&request, FAMILY, &route);
    assert_false(route);
    assert_int_equal(taken_apart(msg, attributes), NL80211_CMD_JOIN_IBSS);
    assert_int_equal(nla_get_u32(attributes[NL80211_ATTR_IFINDEX]), 7);
    assert_int_equal(nla_len(attributes[NL80211_ATTR_SSID]), 8);
    assert_memory_equal(nla_data(attributes[NL80211_ATTR_MAC]), request.cell.bssid, SL_MAC_LEN);
    assert_int_equal(nla_get_u32(attributes[NL80211_ATTR_WIPHY_FREQ]), 2412);
    assert_int_equal(nla_get_u32(attributes[NL80211_ATTR_MCAST_RATE]), 60);
    assert_non_null(attributes[NL80211_ATTR_FREQ_FIXED]);
    assert_non_null(attributes[NL80211_ATTR_SOCKET_OWNER]);
    nlmsg_free(msg);
    request.cell.fixed_bssid = false;
    request.cell.multicast_100kbps = 0;
    msg = sl_wifi_build(&request, FAMILY, &route);
    taken_apart(msg, attributes);
    assert_null(attributes[NL80211_ATTR_MAC]);
    assert_null(attributes[NL80211_ATTR_MCAST_RATE]);
    nlmsg_free(msg);
}

static void test_joining_a_mesh_without_forwarding(void **state)
{
    struct nlattr *attributes[NL80211_ATTR_MAX + 1], *settings[NL80211_MESHCONF_ATTR_MAX + 1];
    const struct sl_wifi_request request = join_request(NL80211_IFTYPE_MESH_POINT);
    bool route;
    (void)state;
    struct nl_msg *msg = sl_wifi_build(&request, FAMILY, &route);
    assert_int_equal(taken_apart(msg, attributes), NL80211_CMD_JOIN_MESH);
    assert_memory_equal(nla_data(attributes[NL80211_ATTR_MESH_ID]), "starling", 8);
    assert_int_equal(nla_parse_nested(settings, NL80211_MESHCONF_ATTR_MAX,
                                      attributes[NL80211_ATTR_MESH_CONFIG], NULL),
                     0);
    assert_int_equal(nla_get_u8(settings[NL80211_MESHCONF_FORWARDING]), 0);
    assert_non_null(attributes[NL80211_ATTR_SOCKET_OWNER]);
    nlmsg_free(msg);
}

static void test_the_other_requests(void **state)
{
    static const struct {
        enum sl_wifi_do what;
        uint8_t command;
    } cases[] = {
        {SL_WIFI_DO_SET_COUNTRY, NL80211_CMD_REQ_SET_REG},
        {SL_WIFI_DO_CREATE, NL80211_CMD_NEW_INTERFACE},
        {SL_WIFI_DO_DELETE, NL80211_CMD_DEL_INTERFACE},
        {SL_WIFI_DO_SET_TYPE, NL80211_CMD_SET_INTERFACE},
        {SL_WIFI_DO_LEAVE, NL80211_CMD_LEAVE_IBSS},
    };
    struct nlattr *attributes[NL80211_ATTR_MAX + 1];
    bool route;
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        const struct sl_wifi_request request = {.what = cases[i].what,
                                                .phy = 3,
                                                .interface = 7,
                                                .type = NL80211_IFTYPE_ADHOC,
                                                .country = "DE"};
        struct nl_msg *msg = sl_wifi_build(&request, FAMILY, &route);
        assert_int_equal(taken_apart(msg, attributes), cases[i].command);
        if (cases[i].what == SL_WIFI_DO_SET_COUNTRY)
            assert_string_equal(nla_get_string(attributes[NL80211_ATTR_REG_ALPHA2]), "DE");
        else if (cases[i].what == SL_WIFI_DO_CREATE)
            assert_int_equal(nla_get_u32(attributes[NL80211_ATTR_WIPHY]), 3);
        else
            assert_int_equal(nla_get_u32(attributes[NL80211_ATTR_IFINDEX]), 7);
        nlmsg_free(msg);
    }
}

static void test_links_and_addresses(void **state)
{
    static const uint8_t mac[SL_MAC_LEN] = {2, 1, 2, 3, 4, 5};
    struct sl_wifi_request request = {.what = SL_WIFI_DO_UP, .interface = 7};
    bool route = false;
    (void)state;
    memcpy(request.mac, mac, sizeof(mac));
    struct nl_msg *msg = sl_wifi_build(&request, FAMILY, &route);
    const struct ifinfomsg *link = nlmsg_data(nlmsg_hdr(msg));
    assert_true(route);
    assert_int_equal(link->ifi_index, 7);
    assert_int_equal(link->ifi_flags & link->ifi_change & IFF_UP, IFF_UP);
    nlmsg_free(msg);

    request.what = SL_WIFI_DO_DOWN;
    msg = sl_wifi_build(&request, FAMILY, &route);
    link = nlmsg_data(nlmsg_hdr(msg));
    assert_int_equal(link->ifi_flags & IFF_UP, 0);
    assert_int_equal(link->ifi_change & IFF_UP, IFF_UP);
    nlmsg_free(msg);

    request.what = SL_WIFI_DO_SET_MAC;
    msg = sl_wifi_build(&request, FAMILY, &route);
    struct nlattr *address = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(*link), IFLA_ADDRESS);
    assert_memory_equal(nla_data(address), mac, sizeof(mac));
    nlmsg_free(msg);

    request.what = SL_WIFI_DO_ADD_ADDRESS;
    msg = sl_wifi_build(&request, FAMILY, &route);
    const struct ifaddrmsg *entry = nlmsg_data(nlmsg_hdr(msg));
    assert_int_equal(entry->ifa_family, AF_INET6);
    assert_int_equal(entry->ifa_prefixlen, 64);
    assert_int_equal(entry->ifa_index, 7);
    assert_int_equal(entry->ifa_flags & IFA_F_NODAD, IFA_F_NODAD);
    nlmsg_free(msg);
}

/* ---- Numbers ---- */

static void test_channels(void **state)
{
    (void)state;
    assert_int_equal(sl_wifi_channel_mhz(1), 2412);
    assert_int_equal(sl_wifi_channel_mhz(13), 2472);
    assert_int_equal(sl_wifi_channel_mhz(14), 2484);
    assert_int_equal(sl_wifi_channel_mhz(36), 5180);
    assert_int_equal(sl_wifi_channel_mhz(0), 0);
    assert_int_equal(sl_wifi_channel_mhz(20), 0);
    assert_int_equal(sl_wifi_channel_mhz(178), 0);
    for (uint32_t channel = 1; channel <= 177; channel++)
        if (sl_wifi_channel_mhz(channel) != 0)
            assert_int_equal(sl_wifi_mhz_channel(sl_wifi_channel_mhz(channel)), channel);
}

/* RFC 4291, appendix A: 34-56-78-9A-BC-DE becomes 36-56-78-FF-FE-9A-BC-DE. */
static void test_link_local_addresses(void **state)
{
    static const uint8_t mac[SL_MAC_LEN] = {0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde};
    static const uint8_t expected[16] = {0xfe, 0x80, 0,    0,    0,    0,    0,    0,
                                         0x36, 0x56, 0x78, 0xff, 0xfe, 0x9a, 0xbc, 0xde};
    uint8_t address[16], back[SL_MAC_LEN];
    (void)state;
    sl_wifi_link_local(mac, address);
    assert_memory_equal(address, expected, sizeof(expected));
    assert_true(sl_wifi_mac_of(address, back));
    assert_memory_equal(back, mac, sizeof(mac));
    address[11] = 0;
    assert_false(sl_wifi_mac_of(address, back));
    address[11] = 0xff;
    address[0] = 0xfd;
    assert_false(sl_wifi_mac_of(address, back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_phy_in_parts),
        cmocka_unit_test(test_more_phys_than_there_is_room_for),
        cmocka_unit_test(test_an_interface),
        cmocka_unit_test(test_a_station),
        cmocka_unit_test(test_cut_at_every_length),
        cmocka_unit_test(test_sizes_are_checked),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_joining_a_cell),
        cmocka_unit_test(test_joining_a_mesh_without_forwarding),
        cmocka_unit_test(test_the_other_requests),
        cmocka_unit_test(test_links_and_addresses),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_link_local_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
