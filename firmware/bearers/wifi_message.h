/* Messages of nl80211 and rtnetlink: structs in, bytes out, and the other way round. Nothing here
 * has a socket; wifi_kernel.c sends and receives. What a driver can do comes in many parts
 * (NL80211_ATTR_SPLIT_WIPHY_DUMP), so a phy is put together from them.
 *
 * The attributes are those of linux/nl80211.h; what is left out is unknown, and zero. */
#ifndef SL_BEARERS_WIFI_MESSAGE_H
#define SL_BEARERS_WIFI_MESSAGE_H

#include "mesh/limits.h"

#include <linux/nl80211.h>
#include <net/if.h>
#include <netlink/msg.h>

#define SL_MAC_LEN         6
#define SL_SSID_MAX        32
#define SL_WIFI_PHY_NAME   32
#define SL_WIFI_BIT(type)  (UINT32_C(1) << (type))
#define SL_WIFI_NO_SIGNAL  INT8_MIN
#define SL_WIFI_NO_BITRATE 0

struct sl_wifi_channel {
    uint32_t mhz;
    bool disabled; /* by the regulatory domain */
    bool no_start; /* no-IR: nobody may begin to send there */
};

/* A radio as its driver declares it. */
struct sl_wifi_phy {
    uint32_t index;
    char name[SL_WIFI_PHY_NAME];
    uint32_t types;       /* bit mask by enum nl80211_iftype */
    uint32_t with_client; /* types that may share the radio with a client of an access point */
    bool joins_cells;     /* NL80211_CMD_JOIN_IBSS */
    bool joins_meshes;    /* NL80211_CMD_JOIN_MESH */
    uint32_t top_rate;    /* highest legacy rate of any band, in 100 kbit/s */
    struct sl_wifi_channel channels[SL_WIFI_CHANNELS_MAX];
    size_t channel_count;
};

struct sl_wifi_interface {
    uint32_t phy;
    uint32_t index;
    char name[IFNAMSIZ];
    enum nl80211_iftype type;
    uint8_t mac[SL_MAC_LEN];
    uint8_t ssid[SL_SSID_MAX]; /* of what it is joined to, or about to be */
    size_t ssid_len;
    uint32_t mhz; /* 0: not tuned */
    /* From rtnetlink and the system; not from nl80211. */
    bool up;
    bool running; /* joined: the kernel says that the carrier is there */
    bool has_link_local;
    char holder[24]; /* the program that manages it; empty: none known */
};

struct sl_wifi_station {
    uint8_t mac[SL_MAC_LEN];
    int8_t signal_dbm;      /* or SL_WIFI_NO_SIGNAL */
    uint32_t rate_100kbps;  /* of the last frame sent to it, or SL_WIFI_NO_BITRATE */
    uint32_t sent, retried; /* frames */
    uint32_t failed;        /* given up */
    uint32_t idle_ms;
};

/* Where boards meet. */
struct sl_wifi_cell {
    uint8_t ssid[SL_SSID_MAX]; /* the mesh id, for 802.11s */
    size_t ssid_len;
    uint32_t mhz;
    uint8_t bssid[SL_MAC_LEN];
    bool fixed_bssid;
    uint32_t multicast_100kbps; /* rate of frames to everyone; 0: the lowest, as the driver likes */
};

enum sl_wifi_do {
    SL_WIFI_DO_NOTHING,
    SL_WIFI_DO_UNBLOCK, /* rfkill */
    SL_WIFI_DO_SET_COUNTRY,
    SL_WIFI_DO_CREATE, /* an interface on a radio that has none */
    SL_WIFI_DO_DELETE,
    SL_WIFI_DO_DOWN,
    SL_WIFI_DO_UP,
    SL_WIFI_DO_SET_TYPE,
    SL_WIFI_DO_SET_MAC,
    SL_WIFI_DO_JOIN, /* a cell, or a mesh where the type is that */
    SL_WIFI_DO_LEAVE,
    SL_WIFI_DO_ADD_ADDRESS, /* the link-local one of RFC 4291, 2.5.1; of use at once */
    SL_WIFI_DO_COUNT
};

/* What the kernel is asked to do. */
struct sl_wifi_request {
    enum sl_wifi_do what;
    uint32_t phy;
    uint32_t interface;
    enum nl80211_iftype type;
    uint8_t mac[SL_MAC_LEN];
    char country[3];
    struct sl_wifi_cell cell;
};

/* The message for a request, or NULL if out of memory or not a request to the kernel by netlink.
 * `family` is nl80211's number. ret_route: it goes to rtnetlink. To be freed with nlmsg_free(). */
struct nl_msg *sl_wifi_build(const struct sl_wifi_request *request, int family, bool *ret_route);

/* Take one message of a dump; false if it is not one or lacks what names its object. A phy in parts
 * is found by its index in the array, and added to. `header` is whole: nlmsg_ok() said so. */
bool sl_wifi_parse_phy(struct nlmsghdr *header, struct sl_wifi_phy *phys, size_t cap,
                       size_t *count);
bool sl_wifi_parse_interface(struct nlmsghdr *header, struct sl_wifi_interface *ret_interface);
bool sl_wifi_parse_station(struct nlmsghdr *header, struct sl_wifi_station *ret_station);
bool sl_wifi_parse_country(struct nlmsghdr *header, char ret_country[3]);

/* Whether an event may have changed what a dump would tell. */
bool sl_wifi_event_matters(struct nlmsghdr *header);

/* Channel number to frequency and back (IEEE 802.11, annex E), 2.4 and 5 GHz; 0 if there is none.
 */
uint32_t sl_wifi_channel_mhz(uint32_t channel);
uint32_t sl_wifi_mhz_channel(uint32_t mhz);

/* The link-local address that belongs to a MAC, and back; false if it was not made from one. */
void sl_wifi_link_local(const uint8_t mac[SL_MAC_LEN], uint8_t ret_address[16]);
bool sl_wifi_mac_of(const uint8_t address[16], uint8_t ret_mac[SL_MAC_LEN]);

#endif
