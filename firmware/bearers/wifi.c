#include "bearers/wifi.h"

#include "bearers/wifi_found.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define DEBOUNCE       (20 * SL_MILLISECOND) /* events come in groups */
#define PHYS_INTERVAL  (5 * SL_MINUTE)       /* what drivers declare hardly changes */
#define STATION_AGE    SL_SECOND
#define RESTORE_STEPS  8
#define RADIO_RATE_BPS 6000000 /* of frames to everyone, where no other is set */

struct radio {
    uint32_t phy;
    struct sl_wifi_plan plan;
    enum sl_wifi_state told; /* to people */
    int told_error;
};

struct sl_wifi {
    struct sl_bearer base;
    struct sl_bearer_host host;
    struct sl_wifi_config config;
    struct sl_wifi_port port;
    struct sl_primitives primitives;
    struct sl_wifi_snapshot snapshot;
    struct radio radios[SL_RADIOS_MAX];
    size_t radio_count;
    bool seen;      /* the snapshot is of use */
    bool look_phys; /* with the next look */
    bool told_none; /* that there is no Wi-Fi */
    /* Of a daemon that was killed; each is good for one radio. */
    struct sl_wifi_record records[SL_RADIOS_MAX];
    size_t record_count;
    sl_time look_at; /* SL_NEVER: what is in the snapshot holds */
    sl_time phys_at; /* when the phys are looked at again */
    /* The stations of one interface, a short while */
    struct sl_wifi_station stations[SL_WIFI_STATIONS_MAX];
    size_t station_count;
    unsigned stations_of;
    sl_time stations_at;
};

static struct sl_wifi *wifi_of(const struct sl_bearer *bearer)
{
    return SL_CONTAINER_OF(bearer, struct sl_wifi, base);
}

void sl_wifi_config_init(struct sl_wifi_config *config)
{
    *config = (struct sl_wifi_config){
        .wish = {.cell = {.ssid = SL_WIFI_CELL,
                          .ssid_len = sizeof(SL_WIFI_CELL) - 1,
                          .bssid = {0x02, 'S', 'T', 'L', 'G', 1},
                          .fixed_bssid = true,
                          .multicast_100kbps = RADIO_RATE_BPS / 100000}},
        .patterns = {"*"},
        .pattern_count = 1,
    };
    config->wish.cell.mhz = sl_wifi_channel_mhz(SL_WIFI_CHANNEL);
}

/* ---- What is seen of one radio ---- */

static const struct sl_wifi_phy *phy_of(const struct sl_wifi *wifi, uint32_t index)
{
    for (size_t i = 0; i < wifi->snapshot.phy_count; i++)
        if (wifi->snapshot.phys[i].index == index)
            return &wifi->snapshot.phys[i];
    return NULL;
}

static bool is_named(const struct sl_wifi *wifi, const char *name)
{
    for (size_t i = 0; i < wifi->config.pattern_count; i++)
        if (fnmatch(wifi->config.patterns[i], name, 0) == 0)
            return true;
    return false;
}

/* Which of a radio's interfaces to use: the one that was taken, else one that was named, else the
 * first. */
static const struct sl_wifi_interface *choose_interface(const struct sl_wifi *wifi,
                                                        const struct radio *radio)
{
    const struct sl_wifi_interface *best = NULL;
    int best_score = -1;
    for (size_t i = 0; i < wifi->snapshot.interface_count; i++) {
        const struct sl_wifi_interface *item = &wifi->snapshot.interfaces[i];
        if (item->phy != radio->phy)
            continue;
        int score = 4 * (item->index == radio->plan.found.interface) +
                    2 * is_named(wifi, item->name) +
                    (item->type == NL80211_IFTYPE_STATION || item->type == NL80211_IFTYPE_ADHOC);
        if (score > best_score)
            best = item;
        best_score = score > best_score ? score : best_score;
    }
    return best;
}

static bool has_other_up(const struct sl_wifi *wifi, const struct sl_wifi_interface *chosen)
{
    for (size_t i = 0; i < wifi->snapshot.interface_count; i++) {
        const struct sl_wifi_interface *item = &wifi->snapshot.interfaces[i];
        if (chosen && item->phy == chosen->phy && item != chosen && item->up)
            return true;
    }
    return false;
}

static void see(const struct sl_wifi *wifi, const struct radio *radio,
                struct sl_wifi_seen *ret_seen)
{
    const struct sl_wifi_phy *phy = phy_of(wifi, radio->phy);
    const struct sl_wifi_interface *interface = choose_interface(wifi, radio);
    *ret_seen = (struct sl_wifi_seen){
        .phy = phy,
        .interface = interface,
        .named = is_named(wifi, phy->name) || (interface && is_named(wifi, interface->name)),
        .shared = has_other_up(wifi, interface),
        .country = wifi->snapshot.country,
    };
    for (size_t i = 0; i < wifi->snapshot.switch_count; i++) {
        const struct sl_wifi_switch *item = &wifi->snapshot.switches[i];
        if (strcmp(item->phy, phy->name) != 0)
            continue;
        ret_seen->soft_blocked = ret_seen->soft_blocked || item->soft;
        ret_seen->hard_blocked = ret_seen->hard_blocked || item->hard;
    }
}

/* ---- Radios that come and go ---- */

static void add_radio(struct sl_wifi *wifi, const struct sl_wifi_phy *phy)
{
    uint8_t mac[SL_MAC_LEN];
    struct radio *radio = &wifi->radios[wifi->radio_count++];
    wifi->primitives.random(wifi->primitives.ctx, mac, sizeof(mac));
    mac[0] = (uint8_t)((mac[0] | 2) & ~1); /* locally administered, of one (IEEE 802, 8.2) */
    *radio = (struct radio){.phy = phy->index, .told = SL_WIFI_STARTING};
    sl_wifi_plan_init(&radio->plan, mac);
}

static bool has_radio(const struct sl_wifi *wifi, uint32_t phy)
{
    for (size_t i = 0; i < wifi->radio_count; i++)
        if (wifi->radios[i].phy == phy)
            return true;
    return false;
}

static void follow_phys(struct sl_wifi *wifi)
{
    for (size_t i = wifi->radio_count; i-- > 0;)
        if (!phy_of(wifi, wifi->radios[i].phy))
            wifi->radios[i] = wifi->radios[--wifi->radio_count];
    for (size_t i = 0; i < wifi->snapshot.phy_count; i++)
        if (!has_radio(wifi, wifi->snapshot.phys[i].index))
            add_radio(wifi, &wifi->snapshot.phys[i]);
}

/* ---- Looking ---- */

static void report(const struct sl_wifi *wifi, int priority, const char *name, const char *text)
{
    char line[256];
    snprintf(line, sizeof(line), "wifi %s: %s", name, text);
    if (wifi->host.report)
        wifi->host.report(wifi->host.arg, priority, line);
}

/* An interface of a radio that is not known: something was missed. */
static bool knows_all(const struct sl_wifi *wifi)
{
    for (size_t i = 0; i < wifi->snapshot.interface_count; i++)
        if (!phy_of(wifi, wifi->snapshot.interfaces[i].phy))
            return wifi->snapshot.phy_count == SL_RADIOS_MAX;
    return true;
}

static void look(struct sl_wifi *wifi, sl_time now)
{
    bool phys = wifi->look_phys || now >= wifi->phys_at;
    wifi->look_at = SL_NEVER;
    int error = wifi->port.look(wifi->port.arg, phys, &wifi->snapshot);
    if (error == 0 && !phys && !knows_all(wifi)) {
        phys = true;
        error = wifi->port.look(wifi->port.arg, true, &wifi->snapshot);
    }
    wifi->seen = error == 0;
    if (error < 0) {
        /* Not an error: the module comes with the first radio. The next refresh looks again. */
        wifi->look_phys = true;
        wifi->snapshot.phy_count = wifi->snapshot.interface_count = 0;
    } else if (phys) {
        wifi->look_phys = false;
        wifi->phys_at = now + PHYS_INTERVAL;
    }
    follow_phys(wifi);
}

static void look_soon(struct sl_wifi *wifi, sl_time at)
{
    wifi->look_at = sl_min_time(wifi->look_at, at);
}

/* ---- Doing ---- */

static int urgency(enum sl_wifi_state state)
{
    switch (state) {
    case SL_WIFI_HARD_BLOCKED:
    case SL_WIFI_SOFT_BLOCKED:
    case SL_WIFI_NO_MODE:
    case SL_WIFI_NO_CHANNEL:
    case SL_WIFI_NOT_ALLOWED:
    case SL_WIFI_BUSY:
    case SL_WIFI_FAILED:
        return LOG_WARNING;
    case SL_WIFI_OFF:
    case SL_WIFI_STARTING:
    case SL_WIFI_JOINING:
        return LOG_DEBUG;
    case SL_WIFI_JOINED:
    case SL_WIFI_EXISTING:
    case SL_WIFI_IN_USE:
    case SL_WIFI_STATE_COUNT:
    default:
        return LOG_INFO;
    }
}

static void tell(const struct sl_wifi *wifi, struct radio *radio, const struct sl_wifi_seen *seen)
{
    char text[200];
    const struct sl_wifi_plan *plan = &radio->plan;
    if (plan->state == radio->told &&
        (plan->state != SL_WIFI_FAILED || plan->error == radio->told_error))
        return;
    /* On the way from one state to the next it passes these; that is no news. */
    if (plan->state == SL_WIFI_STARTING || plan->state == SL_WIFI_JOINING)
        return;
    radio->told = plan->state;
    radio->told_error = plan->error;
    sl_wifi_explain(plan, &wifi->config.wish, seen, text, sizeof(text));
    report(wifi, urgency(plan->state), seen->interface ? seen->interface->name : seen->phy->name,
           text);
}

/* What was found is written down before anything is changed. */
static void save_found(const struct sl_wifi *wifi)
{
    struct sl_wifi_record records[SL_RADIOS_MAX];
    size_t count = 0;
    if (wifi->config.found_path[0] == '\0')
        return;
    for (size_t i = 0; i < wifi->radio_count; i++) {
        const struct sl_wifi_plan *plan = &wifi->radios[i].plan;
        if (plan->found.interface == 0 || plan->found.created)
            continue;
        records[count].found = plan->found;
        memcpy(records[count++].mac, plan->mac, SL_MAC_LEN);
    }
    int error = sl_wifi_found_save(wifi->config.found_path, records, count);
    if (error < 0)
        report(wifi, LOG_DEBUG, "radios",
               "how they were cannot be written down; after a crash they stay as they are then");
}

static void resume(struct sl_wifi *wifi, struct radio *radio, const struct sl_wifi_seen *seen)
{
    if (radio->plan.found.interface != 0 || !seen->interface)
        return;
    const struct sl_wifi_record *record =
        sl_wifi_found_match(wifi->records, wifi->record_count, seen->interface);
    if (record)
        sl_wifi_plan_resume(&radio->plan, &record->found);
}

/* One request at most. */
static void step(struct sl_wifi *wifi, struct radio *radio, sl_time now)
{
    struct sl_wifi_seen seen;
    struct sl_wifi_request request;
    see(wifi, radio, &seen);
    resume(wifi, radio, &seen);
    uint32_t found = radio->plan.found.interface;
    sl_wifi_plan_next(&radio->plan, &wifi->config.wish, &seen, now, &request);
    if (radio->plan.found.interface != found)
        save_found(wifi);
    if (request.what != SL_WIFI_DO_NOTHING) {
        int error = wifi->port.perform(wifi->port.arg, &request);
        sl_wifi_plan_done(&radio->plan, &request, error, now);
        /* It is gone, and the event was lost. */
        wifi->look_phys = wifi->look_phys || error == -ENODEV;
        look_soon(wifi, now);
    }
    tell(wifi, radio, &seen);
}

static sl_time deadline(const struct sl_bearer *bearer)
{
    const struct sl_wifi *wifi = wifi_of(bearer);
    sl_time due = wifi->look_at;
    for (size_t i = 0; i < wifi->radio_count; i++)
        due = sl_min_time(due, sl_wifi_plan_deadline(&wifi->radios[i].plan));
    return due;
}

static void tick(struct sl_bearer *bearer, sl_time now)
{
    struct sl_wifi *wifi = wifi_of(bearer);
    look(wifi, now);
    for (size_t i = 0; i < wifi->radio_count && wifi->seen; i++)
        step(wifi, &wifi->radios[i], now);
}

static bool dispatch(struct sl_bearer *bearer, sl_time now)
{
    struct sl_wifi *wifi = wifi_of(bearer);
    bool phys = false;
    if (!wifi->port.events(wifi->port.arg, &phys))
        return false;
    wifi->look_phys = wifi->look_phys || phys;
    for (size_t i = 0; i < wifi->radio_count; i++)
        sl_wifi_plan_hurry(&wifi->radios[i].plan);
    look_soon(wifi, now + DEBOUNCE);
    return false;
}

static void refresh(struct sl_bearer *bearer, sl_time now)
{
    look_soon(wifi_of(bearer), now);
}

static int set_fd(const struct sl_bearer *bearer)
{
    const struct sl_wifi *wifi = wifi_of(bearer);
    return wifi->port.fd(wifi->port.arg);
}

/* ---- What others ask ---- */

static const struct sl_wifi_interface *interface_of(const struct sl_wifi *wifi, unsigned index)
{
    for (size_t i = 0; i < wifi->snapshot.interface_count; i++)
        if (wifi->snapshot.interfaces[i].index == index)
            return &wifi->snapshot.interfaces[i];
    return NULL;
}

void sl_wifi_describe(struct sl_bearer *bearer, unsigned interface, struct sl_bearer_info *info)
{
    struct sl_wifi *wifi = wifi_of(bearer);
    const struct sl_wifi_interface *found = interface_of(wifi, interface);
    /* It may have come up before its event was taken, or before the first look. */
    if (!found && wifi->port.look(wifi->port.arg, false, &wifi->snapshot) == 0)
        found = interface_of(wifi, interface);
    if (!found)
        return;
    snprintf(info->name, sizeof(info->name), "wifi %s", found->name);
    /* In a cell most of what is sent goes to everyone, and that has one rate. */
    uint32_t rate = wifi->config.wish.cell.multicast_100kbps;
    if (found->type == NL80211_IFTYPE_ADHOC || found->type == NL80211_IFTYPE_MESH_POINT)
        info->rate_bps = rate > 0 ? (uint64_t)rate * 100000 : RADIO_RATE_BPS;
}

static void take_stations(struct sl_wifi *wifi, unsigned interface, sl_time now)
{
    if (wifi->stations_of == interface && now - wifi->stations_at < STATION_AGE)
        return;
    int count =
        wifi->port.stations(wifi->port.arg, interface, wifi->stations, SL_WIFI_STATIONS_MAX);
    wifi->station_count = count > 0 ? (size_t)count : 0;
    wifi->stations_of = interface;
    wifi->stations_at = now;
}

bool sl_wifi_quality(struct sl_bearer *bearer, unsigned interface, const uint8_t address[16],
                     sl_time now, struct sl_bearer_quality *ret_quality)
{
    uint8_t mac[SL_MAC_LEN];
    struct sl_wifi *wifi = wifi_of(bearer);
    if (!interface_of(wifi, interface) || !sl_wifi_mac_of(address, mac))
        return false;
    take_stations(wifi, interface, now);
    for (size_t i = 0; i < wifi->station_count; i++) {
        const struct sl_wifi_station *station = &wifi->stations[i];
        if (memcmp(station->mac, mac, sizeof(mac)) != 0)
            continue;
        uint64_t tried = (uint64_t)station->sent + station->failed;
        *ret_quality = (struct sl_bearer_quality){
            .has_signal = station->signal_dbm != SL_WIFI_NO_SIGNAL,
            .has_rate = station->rate_100kbps != SL_WIFI_NO_BITRATE,
            .has_loss = tried > 0,
            .signal_dbm = station->signal_dbm,
            .rate_kbps = station->rate_100kbps * 100,
            .loss_permille = tried > 0 ? (uint32_t)((uint64_t)station->failed * 1000 / tried) : 0,
        };
        return true;
    }
    return false;
}

bool sl_wifi_radio(const struct sl_bearer *bearer, size_t number,
                   struct sl_wifi_radio_info *ret_info)
{
    const struct sl_wifi *wifi = wifi_of(bearer);
    struct sl_wifi_seen seen;
    if (!wifi->seen || number >= wifi->radio_count)
        return false;
    const struct radio *radio = &wifi->radios[number];
    see(wifi, radio, &seen);
    *ret_info = (struct sl_wifi_radio_info){.phy = seen.phy,
                                            .interface = seen.interface,
                                            .plan = &radio->plan,
                                            .country = seen.country};
    sl_wifi_explain(&radio->plan, &wifi->config.wish, &seen, ret_info->why, sizeof(ret_info->why));
    return true;
}

/* ---- Making and ending ---- */

static void give_back(struct sl_wifi *wifi, const struct radio *radio)
{
    for (int i = 0; i < RESTORE_STEPS; i++) {
        struct sl_wifi_request request;
        const struct sl_wifi_interface *interface = interface_of(wifi, radio->plan.found.interface);
        sl_wifi_plan_restore(&radio->plan, interface, &request);
        if (request.what == SL_WIFI_DO_NOTHING ||
            wifi->port.perform(wifi->port.arg, &request) < 0 ||
            wifi->port.look(wifi->port.arg, false, &wifi->snapshot) < 0)
            return;
    }
}

static void free_wifi(struct sl_bearer *bearer)
{
    struct sl_wifi *wifi = wifi_of(bearer);
    bool some = false;
    for (size_t i = 0; i < wifi->radio_count; i++)
        some = some || wifi->radios[i].plan.found.interface != 0;
    if (some && wifi->port.look(wifi->port.arg, false, &wifi->snapshot) == 0)
        for (size_t i = 0; i < wifi->radio_count; i++)
            give_back(wifi, &wifi->radios[i]);
    if (some && wifi->config.found_path[0] != '\0')
        (void)sl_wifi_found_save(wifi->config.found_path, NULL, 0);
    wifi->port.free(wifi->port.arg);
    free(wifi);
}

static const struct sl_bearer_ops ops = {
    .fd = set_fd,
    .dispatch = dispatch,
    .deadline = deadline,
    .tick = tick,
    .refresh = refresh,
    .free = free_wifi,
};

int sl_wifi_new(const struct sl_wifi_config *config, const struct sl_wifi_port *port,
                const struct sl_primitives *primitives, const struct sl_bearer_host *host,
                struct sl_bearer **ret_bearer)
{
    struct sl_wifi *wifi = calloc(1, sizeof(*wifi));
    if (!wifi) {
        port->free(port->arg);
        return -ENOMEM;
    }
    wifi->base.ops = &ops;
    wifi->host = *host;
    wifi->config = *config;
    wifi->port = *port;
    wifi->primitives = *primitives;
    wifi->look_phys = true;
    if (config->found_path[0] != '\0')
        wifi->record_count =
            sl_wifi_found_load(config->found_path, wifi->records, SL_ARRAY_LEN(wifi->records));
    *ret_bearer = &wifi->base;
    return 0;
}
