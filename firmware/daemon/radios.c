/* The radios of this node, as the control socket tells them. */
#include "daemon/daemon.h"

#include "bearers/bluetooth.h"
#include "bearers/bluetooth_words.h"

#include <stdio.h>
#include <string.h>

/* ---- Wi-Fi ---- */

static bool is_trouble(enum sl_wifi_state state)
{
    return state == SL_WIFI_HARD_BLOCKED || state == SL_WIFI_SOFT_BLOCKED ||
           state == SL_WIFI_IN_USE || state == SL_WIFI_NO_MODE || state == SL_WIFI_NO_CHANNEL ||
           state == SL_WIFI_NOT_ALLOWED || state == SL_WIFI_BUSY || state == SL_WIFI_FAILED;
}

static void list_abilities(const struct sl_wifi_phy *phy, char *ret_text, size_t cap)
{
    static const enum nl80211_iftype types[] = {NL80211_IFTYPE_ADHOC, NL80211_IFTYPE_MESH_POINT,
                                                NL80211_IFTYPE_STATION, NL80211_IFTYPE_AP};
    size_t len = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < SL_ARRAY_LEN(types) && len < cap; i++)
        if (phy->types & SL_WIFI_BIT(types[i]))
            len += (size_t)snprintf(ret_text + len, cap - len, "%s%s", len > 0 ? ", " : "",
                                    sl_wifi_type_word(types[i]));
    if (len < cap && (phy->with_client & SL_WIFI_BIT(NL80211_IFTYPE_ADHOC)))
        snprintf(ret_text + len, cap - len, ", ad hoc beside a client");
}

static void tell_wifi(const struct sl_wifi_radio_info *info, struct sl_control_radio *ret_radio)
{
    enum sl_wifi_state state = info->plan->state;
    *ret_radio = (struct sl_control_radio){
        .kind = "wifi",
        .state = sl_wifi_state_word(state),
        .used = state == SL_WIFI_JOINED || state == SL_WIFI_EXISTING,
        .trouble = is_trouble(state),
    };
    if (state == SL_WIFI_EXISTING && info->interface)
        ret_radio->mode = sl_wifi_type_word(info->interface->type);
    else if (state == SL_WIFI_JOINED || state == SL_WIFI_JOINING)
        ret_radio->mode = sl_wifi_type_word(info->plan->type);
    snprintf(ret_radio->name, sizeof(ret_radio->name), "%s", info->phy->name);
    snprintf(ret_radio->interface, sizeof(ret_radio->interface), "%s",
             info->interface ? info->interface->name : "");
    snprintf(ret_radio->country, sizeof(ret_radio->country), "%s", info->country);
    snprintf(ret_radio->why, sizeof(ret_radio->why), "%s", info->why);
    list_abilities(info->phy, ret_radio->can, sizeof(ret_radio->can));
}

/* ---- Bluetooth ---- */

static void tell_adapter(const struct sl_bluetooth_status *status,
                         const struct sl_bluetooth_controller *controller,
                         struct sl_control_radio *ret_radio)
{
    enum sl_bluetooth_state state = sl_bluetooth_judge(status, controller);
    *ret_radio = (struct sl_control_radio){
        .kind = "bluetooth",
        .state = sl_bluetooth_state_word(state),
        .used = state == SL_BLUETOOTH_LINKED || state == SL_BLUETOOTH_LOOKING,
        .trouble = sl_bluetooth_is_trouble(state),
    };
    snprintf(ret_radio->name, sizeof(ret_radio->name), "%s", status->name);
    snprintf(ret_radio->can, sizeof(ret_radio->can), "%s%s%s",
             status->advertises ? "low energy, advertising" : "",
             status->both_roles ? ", both roles at once" : "",
             controller && controller->random_address ? ", random addresses" : "");
    sl_bluetooth_explain(status, controller, ret_radio->why, sizeof(ret_radio->why));
}

/* No adapter at all, where there should be one: that is told as if it were one. */
static bool tell_missing(const struct sl_bluetooth *bluetooth, struct sl_control_radio *ret_radio)
{
    const char *why = sl_bluetooth_missing(bluetooth);
    if (!sl_bluetooth_is_missed(bluetooth))
        return false;
    *ret_radio = (struct sl_control_radio){.kind = "bluetooth",
                                           .state = why ? "no-service" : "no-adapter",
                                           .name = "adapters",
                                           .trouble = true};
    snprintf(ret_radio->why, sizeof(ret_radio->why), "%s",
             why ? why
                 : "BlueZ knows none of those that 'adapters' under [bluetooth] names; "
                   "`bluetoothctl list` shows what there is");
    return true;
}

static bool tell_bluetooth(const struct sl_bearer *bearer, size_t number,
                           struct sl_control_radio *ret_radio)
{
    const struct sl_bluetooth *bluetooth = sl_bluetooth_of(bearer);
    struct sl_bluetooth_status status;
    struct sl_bluetooth_facts facts;
    if (!sl_bluetooth_status(bluetooth, number, &status))
        return number == 0 && tell_missing(bluetooth, ret_radio);
    sl_bluetooth_look(&facts);
    tell_adapter(&status, sl_bluetooth_controller(&facts, status.name), ret_radio);
    return true;
}

bool sl_daemon_radio(void *arg, size_t number, struct sl_control_radio *ret_radio)
{
    const struct sl_daemon *daemon = arg;
    struct sl_wifi_radio_info info;
    size_t wifi_count = 0;
    while (daemon->wifi && wifi_count <= number && sl_wifi_radio(daemon->wifi, wifi_count, &info))
        wifi_count++;
    if (number < wifi_count)
        tell_wifi(&info, ret_radio);
    return number < wifi_count ||
           (daemon->bluetooth && tell_bluetooth(daemon->bluetooth, number - wifi_count, ret_radio));
}

bool sl_daemon_quality(void *arg, int number, const struct sl_address *address,
                       struct sl_control_quality *ret_quality)
{
    const struct sl_daemon *daemon = arg;
    struct sl_bearer_quality quality;
    /* A mesh address of UDP begins with the IPv6 address (bearers/udp.h). */
    if (!daemon->wifi || !daemon->udp || (daemon->udp->numbers >> number & 1) == 0 ||
        address->len < 16 ||
        !sl_wifi_quality(daemon->wifi, sl_udp_interface(daemon->udp, number), address->bytes,
                         daemon->now, &quality))
        return false;
    *ret_quality = (struct sl_control_quality){
        .has_signal = quality.has_signal,
        .has_rate = quality.has_rate,
        .has_loss = quality.has_loss,
        .signal_dbm = quality.signal_dbm,
        .rate_kbps = quality.rate_kbps,
        .loss_permille = quality.loss_permille,
    };
    return true;
}
