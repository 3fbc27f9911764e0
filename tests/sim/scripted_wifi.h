/* A kernel with Wi-Fi in memory, behind the port of the controller: it does what nl80211 does with
 * each request, refuses what that would refuse, and lets a test pull out radios, change channels
 * behind the controller's back and lose events. */
#ifndef SL_SIM_SCRIPTED_WIFI_H
#define SL_SIM_SCRIPTED_WIFI_H

#include "bearers/wifi.h"

struct sl_scripted_wifi {
    struct sl_wifi_snapshot real; /* how it is */
    sl_time now;
    bool may_change;  /* CAP_NET_ADMIN */
    bool may_unblock; /* /dev/rfkill can be written to */
    bool has_wifi;    /* nl80211 is there */
    bool makes_addresses;
    sl_time join_takes; /* a scan; SL_NEVER: it never ends */
    /* What drivers cannot do. */
    bool refuses_mac, refuses_rate, refuses_bssid, refuses_join, refuses_address;
    /* Events not yet taken. */
    bool event, phy_event;
    bool loses_events;
    sl_time running_at[SL_WIFI_INTERFACES_MAX];
    struct sl_wifi_station stations[2];
    int station_count;
    /* What was asked. */
    size_t looks, phy_looks, station_looks;
    size_t request_count;
    struct sl_wifi_request last[64]; /* the first so many */
};

/* One radio "phy0" that can do everything, with a managed interface "wlan0" that is down. */
void sl_scripted_wifi_init(struct sl_scripted_wifi *kernel);
void sl_scripted_wifi_port(struct sl_scripted_wifi *kernel, struct sl_wifi_port *ret_port);

/* A further radio with an interface, by number. */
void sl_scripted_wifi_add(struct sl_scripted_wifi *kernel, uint32_t phy, uint32_t interface);
void sl_scripted_wifi_remove(struct sl_scripted_wifi *kernel, uint32_t phy);
/* Something changed: there is an event, if they are not lost. */
void sl_scripted_wifi_tell(struct sl_scripted_wifi *kernel, bool phy);
/* How many times that was asked for. */
size_t sl_scripted_wifi_asked(const struct sl_scripted_wifi *kernel, enum sl_wifi_do what);

#endif
