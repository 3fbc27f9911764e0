/* Wi-Fi: as starlingd tells it, or looked at here. */
#include "doctor.h"

#include "ask.h"
#include "bearers/wifi.h"

#include <string.h>

#define CHECK "wifi"

/* ---- As starlingd tells it ---- */

static void tell_radio(struct sl_doctor *doctor, json_t *radio)
{
    const char *interface = sl_ask_text(radio, "interface");
    const char *name = interface[0] != '\0' ? interface : sl_ask_text(radio, "name");
    const char *why = sl_ask_text(radio, "why");
    if (json_is_true(json_object_get(radio, "used")))
        sl_doctor_found_text(doctor, SL_DOCTOR_GOOD, CHECK, NULL, "Wi-Fi %s: %s", name, why);
    else if (json_is_true(json_object_get(radio, "trouble")))
        sl_doctor_found_text(doctor, SL_DOCTOR_BAD, CHECK, NULL, "Wi-Fi %s is not used: %s", name,
                             why);
    else
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, CHECK, NULL, "Wi-Fi %s: %s", name, why);
    if (strcmp(sl_ask_text(radio, "country"), "00") == 0)
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, CHECK,
                             "set 'country' under [wifi], or with 'iw reg set DE' as root",
                             "Wi-Fi %s knows no country, and keeps to what is allowed everywhere",
                             name);
}

/* ---- Looked at here ---- */

static const struct sl_wifi_interface *first_interface(const struct sl_wifi_snapshot *snapshot,
                                                       uint32_t phy)
{
    for (size_t i = 0; i < snapshot->interface_count; i++)
        if (snapshot->interfaces[i].phy == phy)
            return &snapshot->interfaces[i];
    return NULL;
}

static const struct sl_wifi_switch *switch_of(const struct sl_wifi_snapshot *snapshot,
                                              const char *phy)
{
    for (size_t i = 0; i < snapshot->switch_count; i++)
        if (strcmp(snapshot->switches[i].phy, phy) == 0)
            return &snapshot->switches[i];
    return NULL;
}

/* True if it was found blocked. */
static bool look_at_switch(struct sl_doctor *doctor, const struct sl_wifi_switch *item,
                           const char *name)
{
    if (item && item->hard)
        sl_doctor_found_text(doctor, SL_DOCTOR_BAD, CHECK,
                             "look for a switch or a key on the device",
                             "Wi-Fi %s is blocked by a switch on the device", name);
    else if (item && item->soft)
        sl_doctor_found_text(doctor, SL_DOCTOR_BAD, CHECK, "'rfkill unblock wlan' as root",
                             "Wi-Fi %s is blocked by rfkill", name);
    return item && (item->hard || item->soft);
}

static void look_at_phy(struct sl_doctor *doctor, const struct sl_wifi_snapshot *snapshot,
                        const struct sl_wifi_phy *phy)
{
    const struct sl_wifi_interface *interface = first_interface(snapshot, phy->index);
    const char *name = interface ? interface->name : phy->name;
    bool meets = (phy->types & SL_WIFI_BIT(NL80211_IFTYPE_ADHOC) && phy->joins_cells) ||
                 (phy->types & SL_WIFI_BIT(NL80211_IFTYPE_MESH_POINT) && phy->joins_meshes);
    if (look_at_switch(doctor, switch_of(snapshot, phy->name), name))
        return;
    if (interface && interface->holder[0] != '\0')
        sl_doctor_found_text(
            doctor, SL_DOCTOR_NOTE, CHECK,
            "give the radio away (with NetworkManager: 'nmcli device set NAME managed no'), or "
            "write 'enabled = yes' under [wifi]",
            "Wi-Fi %s is in the hands of %s, and starlingd leaves it there", name,
            interface->holder);
    else if (interface && !interface->running && sl_wifi_in_use(interface))
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, CHECK,
                             "take it down with 'ip link set NAME down' as root, or write 'enabled "
                             "= yes' under [wifi]",
                             "Wi-Fi %s was set up by somebody else, and starlingd leaves it alone",
                             name);
    else if (!meets)
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, CHECK,
                             "connect it to a network that other boards are in, or use another "
                             "radio",
                             "Wi-Fi %s: its driver has neither ad hoc nor 802.11s", name);
    else
        sl_doctor_found_text(doctor, SL_DOCTOR_GOOD, CHECK, NULL,
                             "Wi-Fi %s can be used once starlingd runs", name);
}

static void look_ourselves(struct sl_doctor *doctor)
{
    struct sl_wifi_port port;
    struct sl_wifi_snapshot snapshot = {0};
    if (sl_wifi_kernel_new(&port) < 0)
        return;
    int error = port.look(port.arg, true, &snapshot);
    if (error == 0 && snapshot.phy_count > 0)
        for (size_t i = 0; i < snapshot.phy_count; i++)
            look_at_phy(doctor, &snapshot, &snapshot.phys[i]);
    else
        sl_doctor_found(doctor, SL_DOCTOR_NOTE, CHECK, "there is no Wi-Fi radio",
                        "plug one in; if there is one, 'dmesg' says whether its driver or firmware "
                        "is missing (Debian: firmware-brcm80211, firmware-atheros, …)");
    port.free(port.arg);
}

void sl_doctor_wifi(struct sl_doctor *doctor)
{
    json_t *radio;
    size_t i, count = 0;
    json_array_foreach (json_object_get(doctor->radios, "radios"), i, radio) {
        if (strcmp(sl_ask_text(radio, "kind"), "wifi") != 0)
            continue;
        tell_radio(doctor, radio);
        count++;
    }
    if (count == 0)
        look_ourselves(doctor);
}
