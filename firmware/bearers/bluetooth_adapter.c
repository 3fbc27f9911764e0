/* Adapters: found, switched on, listening, advertising, scanning; and all of it again when
 * bluetoothd was restarted, the adapter pulled, or the radio switched off and on. */
#include "bearers/bluetooth_internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define RETRY_MIN (2 * SL_SECOND)
#define RETRY_MAX (60 * SL_SECOND)

/* BlueZ introduces an adapter first, and what it can do after that. */
#define JUDGE_AFTER (5 * SL_SECOND)

/* BlueZ reports an advertisement that does not change once for each scan, and not at all if it is
 * heard in the moment before the kernel says that the scan has begun; so a scan has to be begun
 * again, soon where something happened just now. Boards advertise five times a second, others
 * every 1.28 s by the kernel's default: a window of 3 s hears nearly all. */
#define SEARCH_MIN (2 * SL_SECOND)
#define SEARCH_MAX (9 * SL_SECOND) /* BlueZ makes a pause of its own after 10.24 s */
#define SEARCH_OFF (SL_SECOND / 2)
#define WINDOW     (3 * SL_SECOND)
#define LONELY_ON  (4 * SL_SECOND)
#define LONELY_OFF (8 * SL_SECOND)
#define CYCLE_MAX  (60 * SL_SECOND)

/* ---- Requests ---- */

static bool may_ask(const struct sl_bt_request *request, sl_time now)
{
    return !request->asked && now >= request->retry_at;
}

static void take_answer(struct sl_bt_request *request, int error, sl_time now)
{
    request->asked = false;
    request->error = error;
    if (error == 0) {
        request->wait = 0;
        request->retry_at = now;
        return;
    }
    request->wait = sl_min_time(request->wait > 0 ? 2 * request->wait : RETRY_MIN, RETRY_MAX);
    request->retry_at = now + request->wait;
}

/* ---- Power ---- */

static void ask_for_power(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    struct sl_bt_request *power = &adapter->requests[SL_BLUETOOTH_POWER];
    if (adapter->info.powered)
        return;
    if (!b->setup.config.power) {
        if (!adapter->off_reported)
            sl_bluetooth_report(b, adapter, LOG_NOTICE,
                                "switched off; `bluetoothctl power on` switches it on, and so does "
                                "'enabled = yes' under [bluetooth]");
        adapter->off_reported = true;
        return;
    }
    if (!may_ask(power, now))
        return;
    power->asked = true;
    b->setup.bluez.power(b->setup.bluez.arg, adapter->info.name);
}

static void report_refused_power(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, int error)
{
    char line[128];
    if (adapter->off_reported)
        return;
    adapter->off_reported = true;
    snprintf(line, sizeof(line), "cannot be switched on: %s",
             error == -ERFKILL  ? "blocked by rfkill (`rfkill unblock bluetooth`)"
             : error == -EACCES ? "D-Bus does not let us (is the policy of this package installed?)"
                                : strerror(-error));
    sl_bluetooth_report(b, adapter, LOG_WARNING, line);
}

/* ---- In use ---- */

static uint64_t random_bits(const struct sl_bluetooth *b)
{
    uint64_t bits;
    const struct sl_primitives *p = &b->setup.primitives;
    p->random(p->ctx, (uint8_t *)&bits, sizeof(bits));
    return bits;
}

static uint64_t new_id(const struct sl_bluetooth *b)
{
    uint64_t id = 0;
    while (id == 0)
        id = random_bits(b) & SL_PLAN_ID_MASK;
    return id;
}

static void wire(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++) {
        struct sl_bt_adapter *other = &b->adapters[i];
        if (other == adapter || !other->running)
            continue;
        sl_plan_wire(&adapter->plan, SL_BT_WIRED | other->slot, now);
        sl_plan_wire(&other->plan, SL_BT_WIRED | adapter->slot, now);
    }
}

static int add_bearer(struct sl_bluetooth *b, struct sl_bt_adapter *adapter)
{
    struct sl_bearer_info info = {.rate_bps = b->setup.config.rate_bps};
    snprintf(info.name, sizeof(info.name), "bluetooth %s", adapter->info.name);
    int number = b->setup.host.add(b->setup.host.arg, &info);
    if (number < 0)
        return number;
    adapter->bearer = number;
    return 0;
}

static int start(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    const struct sl_channel_ports *channels = &b->setup.channels;
    int error =
        channels->listen(channels->arg, adapter->slot, &adapter->info.address, &adapter->psm);
    if (error < 0)
        return error;
    error = add_bearer(b, adapter);
    if (error < 0) {
        channels->unlisten(channels->arg, adapter->slot);
        return error;
    }
    sl_plan_init(&adapter->plan, new_id(b), adapter->psm, random_bits(b), now);
    adapter->day_ends = now + SL_DAY;
    adapter->running = true;
    adapter->scan_phase = true;
    adapter->phase_end = now + SEARCH_MIN;
    wire(b, adapter, now);
    return 0;
}

static bool can_do_it(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    if (!adapter->info.advertises && now >= adapter->judged_at && !adapter->off_reported) {
        sl_bluetooth_report(b, adapter, LOG_WARNING,
                            "cannot be used: no Bluetooth LE, or no advertising in it");
        adapter->off_reported = true;
    }
    return adapter->info.advertises;
}

static void try_start(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    char line[128];
    if (!can_do_it(b, adapter, now) || now < adapter->listen_retry_at)
        return;
    int error = start(b, adapter, now);
    if (error == 0) {
        sl_bluetooth_report(b, adapter, LOG_INFO, "in use");
    } else if (error != adapter->listen_error) {
        snprintf(line, sizeof(line), "cannot listen for other boards: %s%s", strerror(-error),
                 error == -EAFNOSUPPORT ? " (this kernel has no Bluetooth sockets)" : "");
        sl_bluetooth_report(b, adapter, LOG_WARNING, line);
    }
    adapter->listen_error = error;
    adapter->listen_retry_at = now + RETRY_MIN;
}

void sl_bt_adapter_stop(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    if (!adapter->running)
        return;
    sl_bt_close_all(b, adapter, now);
    adapter->attempt = 0;
    adapter->running = false;
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++)
        if (b->adapters[i].running)
            sl_plan_closed(&b->adapters[i].plan, SL_BT_WIRED | adapter->slot, now);
    b->setup.channels.unlisten(b->setup.channels.arg, adapter->slot);
    b->setup.bluez.stop_advertising(b->setup.bluez.arg, adapter->info.name);
    if (adapter->scanning)
        b->setup.bluez.scan(b->setup.bluez.arg, adapter->info.name, false);
    b->setup.host.remove(b->setup.host.arg, adapter->bearer);
    adapter->bearer = -1;
    adapter->advert = (struct sl_advert){0};
    adapter->advertising = adapter->advert_due = adapter->scanning = false;
    adapter->listen_retry_at = now;
    memset(adapter->requests, 0, sizeof(adapter->requests));
}

/* ---- Advertising ---- */

void sl_bt_advertise(struct sl_bluetooth *b, struct sl_bt_adapter *adapter,
                     const struct sl_advert *advert, sl_time now)
{
    struct sl_bt_request *request = &adapter->requests[SL_BLUETOOTH_ADVERTISE];
    uint8_t bytes[SL_ADVERT_LEN];
    if (advert != &adapter->advert)
        adapter->advert = *advert;
    adapter->advert_due = true;
    if (!may_ask(request, now))
        return;
    sl_advert_encode(advert, &b->setup.primitives, b->setup.beacon_key, bytes);
    request->asked = true;
    adapter->advert_due = false;
    b->setup.bluez.advertise(b->setup.bluez.arg, adapter->info.name, bytes);
}

static void take_advertise_answer(struct sl_bluetooth *b, struct sl_bt_adapter *adapter,
                                  int last_error, int error)
{
    char line[128];
    adapter->advertising = error == 0;
    if (error == 0)
        return;
    adapter->advert_due = true;
    if (error == last_error)
        return;
    snprintf(line, sizeof(line), "cannot advertise, so that no new board finds this one: %s",
             error == -EACCES ? "D-Bus does not let us" : strerror(-error));
    sl_bluetooth_report(b, adapter, LOG_WARNING, line);
}

/* ---- Scanning ---- */

bool sl_bt_scan_is_on(const struct sl_bt_adapter *adapter)
{
    return adapter->scanning || adapter->requests[SL_BLUETOOTH_SCAN].asked;
}

/* Each scan costs a board, beside the radio's time, a message for every device around it, be it
 * one of ours or not: so one that knows all its neighbours for minutes scans half as often. */
static sl_time pause_length(const struct sl_bluetooth *b, enum sl_plan_search search)
{
    sl_time percent = (sl_time)b->setup.config.scan_percent;
    sl_time pause = WINDOW * (100 - percent) / percent;
    if (search == SL_PLAN_LONELY)
        return sl_min_time(pause, LONELY_OFF);
    if (search == SL_PLAN_SETTLED)
        pause *= 2;
    return sl_min_time(pause, CYCLE_MAX);
}

static sl_time search_length(const struct sl_plan *plan, sl_time now)
{
    sl_time half = (now - plan->changed_at) / 2;
    return half < SEARCH_MIN ? SEARCH_MIN : sl_min_time(half, SEARCH_MAX);
}

static sl_time phase_length(const struct sl_bluetooth *b, const struct sl_bt_adapter *adapter,
                            sl_time now)
{
    enum sl_plan_search search = sl_plan_search(&adapter->plan, now);
    if (search == SL_PLAN_EAGER || b->setup.config.scan_percent >= 100)
        return adapter->scan_phase ? search_length(&adapter->plan, now) : SEARCH_OFF;
    if (!adapter->scan_phase)
        return pause_length(b, search);
    return search == SL_PLAN_LONELY ? LONELY_ON : WINDOW;
}

void sl_bt_scan_follow(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    struct sl_bt_request *request = &adapter->requests[SL_BLUETOOTH_SCAN];
    if (now >= adapter->phase_end) {
        adapter->scan_phase = !adapter->scan_phase;
        adapter->phase_end = now + phase_length(b, adapter, now);
    } else if (!adapter->scan_phase && sl_plan_search(&adapter->plan, now) == SL_PLAN_EAGER) {
        adapter->phase_end = sl_min_time(adapter->phase_end, now + SEARCH_OFF);
    }
    bool wanted = adapter->scan_phase && adapter->attempt == 0;
    if (wanted == adapter->scanning || !may_ask(request, now))
        return;
    request->asked = true;
    adapter->scan_asked = wanted;
    b->setup.bluez.scan(b->setup.bluez.arg, adapter->info.name, wanted);
}

static void take_scan_answer(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, int last_error,
                             int error)
{
    char line[128];
    /* A scan that cannot be stopped is none of ours. */
    adapter->scanning = error == 0 && adapter->scan_asked;
    if (error == 0 || error == last_error || !adapter->scan_asked)
        return;
    snprintf(line, sizeof(line), "cannot scan for other boards: %s",
             error == -EACCES ? "D-Bus does not let us" : strerror(-error));
    sl_bluetooth_report(b, adapter, LOG_WARNING, line);
}

/* ---- From BlueZ ---- */

static struct sl_bt_adapter *find_adapter(struct sl_bluetooth *b, const char *name)
{
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++)
        if (b->adapters[i].present && strcmp(b->adapters[i].info.name, name) == 0)
            return &b->adapters[i];
    return NULL;
}

static bool is_wanted(const struct sl_bluetooth *b, const char *name)
{
    for (size_t i = 0; i < b->setup.config.adapter_count; i++)
        if (fnmatch(b->setup.config.adapters[i], name, 0) == 0)
            return true;
    return false;
}

static struct sl_bt_adapter *add_adapter(struct sl_bluetooth *b, const char *name, sl_time now)
{
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++) {
        struct sl_bt_adapter *adapter = &b->adapters[i];
        if (adapter->present)
            continue;
        *adapter = (struct sl_bt_adapter){
            .slot = adapter->slot, .present = true, .bearer = -1, .judged_at = now + JUDGE_AFTER};
        snprintf(adapter->info.name, sizeof(adapter->info.name), "%s", name);
        return adapter;
    }
    return NULL;
}

static bool same_address(const struct sl_address *a, const struct sl_address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

void sl_bluetooth_adapter(struct sl_bluetooth *b, const struct sl_bluetooth_adapter *info,
                          sl_time now)
{
    struct sl_bt_adapter *adapter = find_adapter(b, info->name);
    b->unsettled = true;
    if (!adapter && is_wanted(b, info->name))
        adapter = add_adapter(b, info->name, now);
    if (!adapter)
        return;
    if (adapter->running &&
        (!info->powered || !same_address(&info->address, &adapter->info.address))) {
        sl_bt_adapter_stop(b, adapter, now);
        sl_bluetooth_report(b, adapter, LOG_NOTICE, "switched off");
    }
    if (info->powered || !adapter->info.powered)
        adapter->off_reported = adapter->off_reported && !info->powered;
    adapter->info = *info;
}

void sl_bluetooth_adapter_gone(struct sl_bluetooth *b, const char *name, sl_time now)
{
    struct sl_bt_adapter *adapter = find_adapter(b, name);
    if (!adapter)
        return;
    sl_bt_adapter_stop(b, adapter, now);
    sl_bluetooth_report(b, adapter, LOG_NOTICE, "gone");
    adapter->present = false;
    b->unsettled = true;
}

void sl_bluetooth_service(struct sl_bluetooth *b, const char *why, sl_time now)
{
    b->service_seen = b->service_seen || !why;
    snprintf(b->why_down, sizeof(b->why_down), "%s", why ? why : "");
    if (b->service_down == (why != NULL))
        return;
    b->service_down = why != NULL;
    b->unsettled = true;
    /* Where nobody asked for Bluetooth and it was never there, it is not missed. */
    if (why)
        sl_bluetooth_report(b, NULL, sl_bluetooth_is_missed(b) ? LOG_NOTICE : LOG_DEBUG, why);
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX && why; i++) {
        sl_bt_adapter_stop(b, &b->adapters[i], now);
        b->adapters[i].present = false;
    }
}

void sl_bluetooth_answer(struct sl_bluetooth *b, const char *name,
                         enum sl_bluetooth_request request, int error, sl_time now)
{
    struct sl_bt_adapter *adapter = find_adapter(b, name);
    if (!adapter || !adapter->requests[request].asked)
        return; /* to what was asked before it went */
    int last_error = adapter->requests[request].error;
    take_answer(&adapter->requests[request], error, now);
    b->unsettled = true;
    if (request == SL_BLUETOOTH_ADVERTISE)
        take_advertise_answer(b, adapter, last_error, error);
    else if (request == SL_BLUETOOTH_SCAN)
        take_scan_answer(b, adapter, last_error, error);
    else if (error < 0)
        report_refused_power(b, adapter, error);
}

void sl_bluetooth_advert_lost(struct sl_bluetooth *b, const char *name, sl_time now)
{
    struct sl_bt_adapter *adapter = find_adapter(b, name);
    if (!adapter || !adapter->running)
        return;
    adapter->advertising = false;
    adapter->advert_due = true;
    adapter->requests[SL_BLUETOOTH_ADVERTISE].retry_at = now + RETRY_MIN;
    b->unsettled = true;
}

void sl_bluetooth_heard(struct sl_bluetooth *b, const struct sl_bluetooth_heard *heard, sl_time now)
{
    struct sl_bt_adapter *adapter = find_adapter(b, heard->adapter);
    struct sl_advert advert;
    if (!adapter || !adapter->running ||
        sl_advert_decode(heard->bytes, heard->len, &b->setup.primitives, b->setup.beacon_key,
                         &advert) < 0)
        return;
    sl_plan_seen(&adapter->plan, &advert, &heard->address, heard->rssi, now);
    b->unsettled = true;
}

/* ---- Time ---- */

void sl_bt_adapter_tick(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    if (!adapter->info.powered) {
        ask_for_power(b, adapter, now);
        return;
    }
    if (!adapter->running)
        try_start(b, adapter, now);
    if (!adapter->running)
        return;
    if (now >= adapter->day_ends) {
        sl_plan_rename(&adapter->plan, new_id(b), now);
        adapter->day_ends = now + SL_DAY;
    }
    if (adapter->advert_due)
        sl_bt_advertise(b, adapter, &adapter->advert, now);
}

static sl_time request_deadline(const struct sl_bt_request *request)
{
    return request->asked ? SL_NEVER : request->retry_at;
}

sl_time sl_bt_adapter_deadline(const struct sl_bluetooth *b, const struct sl_bt_adapter *adapter)
{
    if (!adapter->present)
        return SL_NEVER;
    if (!adapter->info.powered)
        return b->setup.config.power ? request_deadline(&adapter->requests[SL_BLUETOOTH_POWER])
                                     : SL_NEVER;
    if (!adapter->running && !adapter->info.advertises)
        return adapter->off_reported ? SL_NEVER : adapter->judged_at;
    if (!adapter->running)
        return adapter->listen_retry_at;
    sl_time at = sl_min_time(sl_plan_deadline(&adapter->plan, b->now), adapter->day_ends);
    at = sl_min_time(at, adapter->phase_end);
    if (adapter->advert_due)
        at = sl_min_time(at, request_deadline(&adapter->requests[SL_BLUETOOTH_ADVERTISE]));
    if (adapter->attempt != 0)
        at = sl_min_time(at, adapter->attempt_until);
    if (adapter->scanning != (adapter->scan_phase && adapter->attempt == 0))
        at = sl_min_time(at, request_deadline(&adapter->requests[SL_BLUETOOTH_SCAN]));
    return at;
}

bool sl_bluetooth_status(const struct sl_bluetooth *b, size_t number,
                         struct sl_bluetooth_status *ret_status)
{
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++) {
        const struct sl_bt_adapter *adapter = &b->adapters[i];
        if (!adapter->present || number-- > 0)
            continue;
        *ret_status = (struct sl_bluetooth_status){
            .address = adapter->info.address,
            .powered = adapter->info.powered,
            .advertises = adapter->info.advertises,
            .both_roles = adapter->info.both_roles,
            .in_use = adapter->running,
            .advertising = adapter->advertising,
            .scanning = adapter->scanning,
            .links = adapter->running ? sl_plan_link_count(&adapter->plan) : 0,
            .listen_error = adapter->listen_error,
            .advertise_error = adapter->requests[SL_BLUETOOTH_ADVERTISE].error,
            .scan_error = adapter->requests[SL_BLUETOOTH_SCAN].error,
            .power_error = adapter->requests[SL_BLUETOOTH_POWER].error,
        };
        memcpy(ret_status->name, adapter->info.name, sizeof(ret_status->name));
        return true;
    }
    return false;
}

const char *sl_bluetooth_missing(const struct sl_bluetooth *b)
{
    return b->service_down ? b->why_down : NULL;
}

bool sl_bluetooth_is_missed(const struct sl_bluetooth *b)
{
    return b->setup.config.power || b->service_seen;
}
