/* States of radios in words. */
#include "bearers/wifi.h"

#include <stdio.h>
#include <string.h>

const char *sl_wifi_state_word(enum sl_wifi_state state)
{
    static const char *const words[] = {
        [SL_WIFI_STARTING] = "starting",
        [SL_WIFI_JOINED] = "joined",
        [SL_WIFI_EXISTING] = "existing",
        [SL_WIFI_JOINING] = "joining",
        [SL_WIFI_OFF] = "off",
        [SL_WIFI_HARD_BLOCKED] = "hard-blocked",
        [SL_WIFI_SOFT_BLOCKED] = "soft-blocked",
        [SL_WIFI_IN_USE] = "in-use",
        [SL_WIFI_NO_MODE] = "no-mode",
        [SL_WIFI_NO_CHANNEL] = "no-channel",
        [SL_WIFI_NOT_ALLOWED] = "not-allowed",
        [SL_WIFI_BUSY] = "busy",
        [SL_WIFI_FAILED] = "failed",
    };
    _Static_assert(SL_ARRAY_LEN(words) == SL_WIFI_STATE_COUNT, "a word for every state");
    return words[state];
}

const char *sl_wifi_type_word(enum nl80211_iftype type)
{
    switch ((unsigned)type) {
    case NL80211_IFTYPE_ADHOC:
        return "ad hoc";
    case NL80211_IFTYPE_MESH_POINT:
        return "802.11s";
    case NL80211_IFTYPE_STATION:
        return "client";
    case NL80211_IFTYPE_AP:
        return "access point";
    case NL80211_IFTYPE_MONITOR:
        return "monitor";
    default:
        return "other";
    }
}

static const char *request_word(enum sl_wifi_do what)
{
    static const char *const words[] = {
        [SL_WIFI_DO_NOTHING] = "waiting",
        [SL_WIFI_DO_UNBLOCK] = "unblocking it",
        [SL_WIFI_DO_SET_COUNTRY] = "setting the country",
        [SL_WIFI_DO_CREATE] = "making an interface",
        [SL_WIFI_DO_DELETE] = "removing the interface",
        [SL_WIFI_DO_DOWN] = "taking the interface down",
        [SL_WIFI_DO_UP] = "bringing the interface up",
        [SL_WIFI_DO_SET_TYPE] = "changing the type",
        [SL_WIFI_DO_SET_MAC] = "changing the address",
        [SL_WIFI_DO_JOIN] = "joining",
        [SL_WIFI_DO_LEAVE] = "leaving",
        [SL_WIFI_DO_ADD_ADDRESS] = "adding a link-local address",
    };
    _Static_assert(SL_ARRAY_LEN(words) == SL_WIFI_DO_COUNT, "a word for every request");
    return words[what];
}

static void explain_joined(const struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                           const struct sl_wifi_seen *seen, char *ret_text, size_t cap)
{
    uint32_t channel = sl_wifi_mhz_channel(wish->cell.mhz);
    bool has_address = !seen->interface || seen->interface->has_link_local;
    int len = snprintf(ret_text, cap, "%s '%.*s' on channel %u",
                       plan->type == NL80211_IFTYPE_ADHOC ? "in the ad hoc cell" : "in the mesh",
                       (int)wish->cell.ssid_len, (const char *)wish->cell.ssid, channel);
    const char *more = "";
    if (!has_address && plan->address_failed)
        more = ", but without an IPv6 address; is IPv6 switched off on it?";
    else if (plan->type == NL80211_IFTYPE_MESH_POINT && wish->mode == SL_WIFI_MODE_AUTO)
        more = ", because its driver has no ad hoc";
    else if (plan->keeps_mac)
        more = ", with its own MAC address, because its driver takes no other";
    if (len > 0 && (size_t)len < cap)
        snprintf(ret_text + len, cap - (size_t)len, "%s", more);
}

static void explain_in_use(const struct sl_wifi_seen *seen, char *ret_text, size_t cap)
{
    const struct sl_wifi_interface *interface = seen->interface;
    const char *holder = interface ? interface->holder : "";
    if (strcmp(holder, "NetworkManager") == 0)
        snprintf(ret_text, cap,
                 "NetworkManager has it; give it away with 'nmcli device set %s managed no', or "
                 "write 'enabled = yes' under [wifi]",
                 interface->name);
    else
        snprintf(ret_text, cap, "%s; to take it all the same, write 'enabled = yes' under [wifi]",
                 holder[0] != '\0' ? holder : "somebody else uses it");
}

static void explain_no_mode(const struct sl_wifi_wish *wish, char *ret_text, size_t cap)
{
    static const char *const texts[] = {
        [SL_WIFI_MODE_AUTO] = "no ad hoc, no 802.11s in its driver, and no connection to use",
        [SL_WIFI_MODE_ADHOC] = "its driver has no ad hoc; try 'mode = auto' under [wifi]",
        [SL_WIFI_MODE_MESH] = "its driver has no 802.11s; try 'mode = auto' under [wifi]",
        [SL_WIFI_MODE_EXISTING] = "it is connected to nothing, and 'mode = existing' leaves it so",
    };
    snprintf(ret_text, cap, "%s", texts[wish->mode]);
}

void sl_wifi_explain(const struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                     const struct sl_wifi_seen *seen, char *ret_text, size_t cap)
{
    uint32_t channel = sl_wifi_mhz_channel(wish->cell.mhz);
    switch (plan->state) {
    case SL_WIFI_JOINED:
        explain_joined(plan, wish, seen, ret_text, cap);
        return;
    case SL_WIFI_EXISTING:
        snprintf(ret_text, cap, "as it is: %s",
                 seen->interface ? sl_wifi_type_word(seen->interface->type) : "");
        return;
    case SL_WIFI_IN_USE:
        explain_in_use(seen, ret_text, cap);
        return;
    case SL_WIFI_NO_MODE:
        explain_no_mode(wish, ret_text, cap);
        return;
    case SL_WIFI_NO_CHANNEL:
        snprintf(ret_text, cap,
                 "the rules of country '%s' do not let it begin on channel %u; set 'country' or "
                 "another 'channel' under [wifi]",
                 seen->country, channel);
        return;
    case SL_WIFI_OFF:
        snprintf(ret_text, cap, "%s under [wifi] leaves it out",
                 wish->enabled == SL_WIFI_NO ? "'enabled = no'" : "'radios'");
        return;
    case SL_WIFI_HARD_BLOCKED:
        snprintf(ret_text, cap, "blocked by a switch on the device; look for one, or a key");
        return;
    case SL_WIFI_SOFT_BLOCKED:
        snprintf(ret_text, cap, "blocked by rfkill; 'rfkill unblock wlan' as root lets it go");
        return;
    case SL_WIFI_NOT_ALLOWED:
        snprintf(ret_text, cap,
                 "starlingd may not change it (CAP_NET_ADMIN is missing); start it with the unit "
                 "that comes with it");
        return;
    case SL_WIFI_BUSY:
        snprintf(ret_text, cap, "another interface of the same radio is in the way");
        return;
    case SL_WIFI_FAILED:
        snprintf(ret_text, cap, "%s failed: %s", request_word(plan->failed),
                 strerror(-plan->error));
        return;
    case SL_WIFI_JOINING:
        snprintf(ret_text, cap, "joining on channel %u", channel);
        return;
    case SL_WIFI_STARTING:
    case SL_WIFI_STATE_COUNT:
    default:
        snprintf(ret_text, cap, "starting");
        return;
    }
}
