#include "sim/scripted_wifi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct sl_wifi_interface *interface_of(struct sl_scripted_wifi *kernel, uint32_t index)
{
    for (size_t i = 0; i < kernel->real.interface_count; i++)
        if (kernel->real.interfaces[i].index == index)
            return &kernel->real.interfaces[i];
    return NULL;
}

static struct sl_wifi_phy *phy_of(struct sl_scripted_wifi *kernel, uint32_t index)
{
    for (size_t i = 0; i < kernel->real.phy_count; i++)
        if (kernel->real.phys[i].index == index)
            return &kernel->real.phys[i];
    return NULL;
}

static sl_time *running_at(struct sl_scripted_wifi *kernel, const struct sl_wifi_interface *item)
{
    return &kernel->running_at[item - kernel->real.interfaces];
}

void sl_scripted_wifi_tell(struct sl_scripted_wifi *kernel, bool phy)
{
    if (kernel->loses_events)
        return;
    kernel->event = true;
    kernel->phy_event = kernel->phy_event || phy;
}

/* ---- Requests ---- */

static bool is_blocked(struct sl_scripted_wifi *kernel, uint32_t phy)
{
    for (size_t i = 0; i < kernel->real.switch_count; i++)
        if (strcmp(kernel->real.switches[i].phy, phy_of(kernel, phy)->name) == 0)
            return kernel->real.switches[i].soft || kernel->real.switches[i].hard;
    return false;
}

static void leave(struct sl_scripted_wifi *kernel, struct sl_wifi_interface *item)
{
    item->ssid_len = 0;
    item->mhz = 0;
    item->running = false;
    *running_at(kernel, item) = SL_NEVER;
}

static int join(struct sl_scripted_wifi *kernel, struct sl_wifi_interface *item,
                const struct sl_wifi_request *request)
{
    const struct sl_wifi_cell *cell = &request->cell;
    if (item->type != request->type)
        return -EOPNOTSUPP;
    if (!item->up)
        return -ENETDOWN;
    if (item->ssid_len > 0)
        return -EALREADY;
    if (kernel->refuses_join && item->type == NL80211_IFTYPE_ADHOC)
        return -EOPNOTSUPP;
    if ((kernel->refuses_rate && cell->multicast_100kbps > 0) ||
        (kernel->refuses_bssid && cell->fixed_bssid))
        return -EINVAL;
    memcpy(item->ssid, cell->ssid, cell->ssid_len);
    item->ssid_len = cell->ssid_len;
    item->mhz = cell->mhz;
    *running_at(kernel, item) =
        kernel->join_takes == SL_NEVER ? SL_NEVER : kernel->now + kernel->join_takes;
    return 0;
}

static int set_type(struct sl_scripted_wifi *kernel, struct sl_wifi_interface *item,
                    enum nl80211_iftype type)
{
    if (item->up)
        return -EBUSY;
    if ((phy_of(kernel, item->phy)->types & SL_WIFI_BIT(type)) == 0)
        return -EOPNOTSUPP;
    item->type = type;
    return 0;
}

static int change_interface(struct sl_scripted_wifi *kernel, const struct sl_wifi_request *request)
{
    struct sl_wifi_interface *item = interface_of(kernel, request->interface);
    if (!item)
        return -ENODEV;
    switch (request->what) {
    case SL_WIFI_DO_DOWN:
        leave(kernel, item);
        item->up = item->has_link_local = false;
        return 0;
    case SL_WIFI_DO_UP:
        if (is_blocked(kernel, item->phy))
            return -ERFKILL;
        item->up = true;
        return 0;
    case SL_WIFI_DO_SET_TYPE:
        return set_type(kernel, item, request->type);
    case SL_WIFI_DO_SET_MAC:
        if (item->up || kernel->refuses_mac)
            return item->up ? -EBUSY : -EOPNOTSUPP;
        memcpy(item->mac, request->mac, SL_MAC_LEN);
        return 0;
    case SL_WIFI_DO_JOIN:
        return join(kernel, item, request);
    case SL_WIFI_DO_LEAVE:
        if (item->ssid_len == 0)
            return -ENOTCONN;
        leave(kernel, item);
        return 0;
    case SL_WIFI_DO_ADD_ADDRESS:
        if (kernel->refuses_address)
            return -EACCES;
        item->has_link_local = true;
        return 0;
    case SL_WIFI_DO_DELETE:
        *item = kernel->real.interfaces[--kernel->real.interface_count];
        return 0;
    case SL_WIFI_DO_NOTHING:
    case SL_WIFI_DO_UNBLOCK:
    case SL_WIFI_DO_SET_COUNTRY:
    case SL_WIFI_DO_CREATE:
    case SL_WIFI_DO_COUNT:
    default:
        return -EINVAL;
    }
}

static void add_interface(struct sl_scripted_wifi *kernel, uint32_t phy, uint32_t index,
                          enum nl80211_iftype type, const uint8_t mac[SL_MAC_LEN])
{
    struct sl_wifi_interface *item = &kernel->real.interfaces[kernel->real.interface_count++];
    *item = (struct sl_wifi_interface){.phy = phy, .index = index, .type = type};
    snprintf(item->name, sizeof(item->name), "wlan%u", index - 2);
    memcpy(item->mac, mac, SL_MAC_LEN);
    *running_at(kernel, item) = SL_NEVER;
}

static int perform(void *arg, const struct sl_wifi_request *request)
{
    struct sl_scripted_wifi *kernel = arg;
    if (kernel->request_count < SL_ARRAY_LEN(kernel->last))
        kernel->last[kernel->request_count] = *request;
    kernel->request_count++;
    if (request->what == SL_WIFI_DO_UNBLOCK) {
        if (!kernel->may_unblock)
            return -EPERM;
        for (size_t i = 0; i < kernel->real.switch_count; i++)
            kernel->real.switches[i].soft = false;
        sl_scripted_wifi_tell(kernel, false);
        return 0;
    }
    if (!kernel->may_change)
        return -EPERM;
    sl_scripted_wifi_tell(kernel, false);
    if (request->what == SL_WIFI_DO_SET_COUNTRY) {
        memcpy(kernel->real.country, request->country, 3);
        return 0;
    }
    if (request->what == SL_WIFI_DO_CREATE) {
        if (!phy_of(kernel, request->phy))
            return -ENODEV;
        add_interface(kernel, request->phy, 90 + request->phy, request->type, request->mac);
        return 0;
    }
    return change_interface(kernel, request);
}

/* ---- Looking ---- */

static void pass_time(struct sl_scripted_wifi *kernel)
{
    for (size_t i = 0; i < kernel->real.interface_count; i++) {
        struct sl_wifi_interface *item = &kernel->real.interfaces[i];
        if (kernel->running_at[i] > kernel->now)
            continue;
        item->running = true;
        item->has_link_local = item->has_link_local || kernel->makes_addresses;
    }
}

static int look(void *arg, bool phys, struct sl_wifi_snapshot *snapshot)
{
    struct sl_scripted_wifi *kernel = arg;
    kernel->looks++;
    kernel->phy_looks += phys;
    if (!kernel->has_wifi)
        return -ENOSYS;
    pass_time(kernel);
    const struct sl_wifi_snapshot before = *snapshot;
    *snapshot = kernel->real;
    if (!phys) {
        memcpy(snapshot->phys, before.phys, sizeof(before.phys));
        snapshot->phy_count = before.phy_count;
    }
    /* The kernel tells no mesh's id. */
    for (size_t i = 0; i < snapshot->interface_count; i++)
        if (snapshot->interfaces[i].type == NL80211_IFTYPE_MESH_POINT)
            snapshot->interfaces[i].ssid_len = 0;
    return 0;
}

static int stations(void *arg, uint32_t interface, struct sl_wifi_station *ret_stations, size_t cap)
{
    struct sl_scripted_wifi *kernel = arg;
    (void)interface;
    kernel->station_looks++;
    int count = kernel->station_count < (int)cap ? kernel->station_count : (int)cap;
    memcpy(ret_stations, kernel->stations, (size_t)count * sizeof(*ret_stations));
    return count;
}

static bool events(void *arg, bool *ret_phys)
{
    struct sl_scripted_wifi *kernel = arg;
    bool any = kernel->event;
    *ret_phys = kernel->phy_event;
    kernel->event = kernel->phy_event = false;
    return any;
}

static int no_fd(void *arg)
{
    (void)arg;
    return -1;
}

static void free_nothing(void *arg)
{
    (void)arg;
}

void sl_scripted_wifi_port(struct sl_scripted_wifi *kernel, struct sl_wifi_port *ret_port)
{
    *ret_port = (struct sl_wifi_port){
        .arg = kernel,
        .look = look,
        .perform = perform,
        .stations = stations,
        .fd = no_fd,
        .events = events,
        .free = free_nothing,
    };
}

void sl_scripted_wifi_add(struct sl_scripted_wifi *kernel, uint32_t phy, uint32_t interface)
{
    struct sl_wifi_phy *radio = &kernel->real.phys[kernel->real.phy_count++];
    const uint8_t mac[SL_MAC_LEN] = {0x00, 0xc0, 0xca, 0, 0, (uint8_t)phy};
    *radio = (struct sl_wifi_phy){
        .index = phy,
        .types = SL_WIFI_BIT(NL80211_IFTYPE_STATION) | SL_WIFI_BIT(NL80211_IFTYPE_AP) |
                 SL_WIFI_BIT(NL80211_IFTYPE_ADHOC) | SL_WIFI_BIT(NL80211_IFTYPE_MESH_POINT),
        .joins_cells = true,
        .joins_meshes = true,
        .channels = {{.mhz = 2412}, {.mhz = 2437}, {.mhz = 5260, .no_start = true}},
        .channel_count = 3,
    };
    snprintf(radio->name, sizeof(radio->name), "phy%u", phy);
    struct sl_wifi_switch *item = &kernel->real.switches[kernel->real.switch_count++];
    *item = (struct sl_wifi_switch){0};
    snprintf(item->phy, sizeof(item->phy), "phy%u", phy);
    if (interface > 0)
        add_interface(kernel, phy, interface, NL80211_IFTYPE_STATION, mac);
    sl_scripted_wifi_tell(kernel, true);
}

void sl_scripted_wifi_remove(struct sl_scripted_wifi *kernel, uint32_t phy)
{
    struct sl_wifi_snapshot *real = &kernel->real;
    for (size_t i = real->interface_count; i-- > 0;)
        if (real->interfaces[i].phy == phy) {
            real->interface_count--;
            real->interfaces[i] = real->interfaces[real->interface_count];
            kernel->running_at[i] = kernel->running_at[real->interface_count];
        }
    for (size_t i = real->phy_count; i-- > 0;)
        if (real->phys[i].index == phy) {
            real->switches[i] = real->switches[--real->switch_count];
            real->phys[i] = real->phys[--real->phy_count];
        }
    sl_scripted_wifi_tell(kernel, true);
}

void sl_scripted_wifi_init(struct sl_scripted_wifi *kernel)
{
    *kernel = (struct sl_scripted_wifi){
        .may_change = true,
        .may_unblock = true,
        .has_wifi = true,
        .makes_addresses = true,
    };
    strcpy(kernel->real.country, "00");
    sl_scripted_wifi_add(kernel, 0, 2);
}

size_t sl_scripted_wifi_asked(const struct sl_scripted_wifi *kernel, enum sl_wifi_do what)
{
    size_t count = 0;
    for (size_t i = 0; i < kernel->request_count && i < SL_ARRAY_LEN(kernel->last); i++)
        count += kernel->last[i].what == what;
    return count;
}
