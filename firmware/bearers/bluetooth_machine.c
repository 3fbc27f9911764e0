#include "bearers/bluetooth_machine.h"

#include "bearers/bluetooth_internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define CONNECT_TIMEOUT (6 * SL_SECOND) /* a board that is there takes one or two */
#define SCAN_STOP_MAX   (2 * SL_SECOND) /* an attempt waits this long for the scan to stop */
#define STALL_MAX       SL_SECOND
#define PROOF_INTERVAL  (250 * SL_MILLISECOND)

void sl_bluetooth_config_init(struct sl_bluetooth_config *config)
{
    *config = (struct sl_bluetooth_config){
        .adapters = {"hci*"}, .adapter_count = 1, .scan_percent = 10, .rate_bps = 700000};
}

void sl_bluetooth_report(const struct sl_bluetooth *b, const struct sl_bt_adapter *adapter,
                         int priority, const char *what)
{
    char line[200];
    const char *name = adapter ? adapter->info.name : "";
    snprintf(line, sizeof(line), "bluetooth%s%s: %s", adapter ? " " : "", name, what);
    if (b->setup.host.report)
        b->setup.host.report(b->setup.host.arg, priority, line);
}

/* ---- Channels ---- */

struct sl_bt_channel *sl_bt_channel(struct sl_bluetooth *b, uint32_t number)
{
    for (size_t i = 0; i < SL_ARRAY_LEN(b->channels); i++)
        if (b->channels[i].used && b->channels[i].number == number)
            return &b->channels[i];
    return NULL;
}

static struct sl_bt_channel *new_channel(struct sl_bluetooth *b, struct sl_bt_adapter *adapter,
                                         const struct sl_address *peer)
{
    struct sl_bt_channel *channel = NULL;
    for (size_t i = 0; i < SL_ARRAY_LEN(b->channels) && !channel; i++)
        if (!b->channels[i].used)
            channel = &b->channels[i];
    if (!channel)
        return NULL;
    *channel = (struct sl_bt_channel){
        .used = true, .number = ++b->last_number & SL_BT_NUMBER_MASK, .adapter = adapter};
    channel->address = *peer;
    channel->address.len = SL_BLUETOOTH_ADDRESS_LEN + 4;
    for (unsigned i = 0; i < 4; i++)
        channel->address.bytes[SL_BLUETOOTH_ADDRESS_LEN + i] =
            (uint8_t)(channel->number >> (24 - 8 * i));
    return channel;
}

/* Forgets it; the kernel's end is closed already. */
static void forget(struct sl_bluetooth *b, struct sl_bt_channel *channel, sl_time now)
{
    struct sl_bt_adapter *adapter = channel->adapter;
    const struct sl_bearer_host *host = &b->setup.host;
    channel->used = false;
    if (channel->open && adapter->bearer >= 0)
        host->remove_peer(host->arg, adapter->bearer, &channel->address);
    if (channel->open)
        sl_plan_closed(&adapter->plan, channel->number, now);
}

static void close_channel(struct sl_bluetooth *b, struct sl_bt_channel *channel, sl_time now)
{
    b->setup.channels.close(b->setup.channels.arg, channel->number);
    forget(b, channel, now);
}

void sl_bt_close_all(struct sl_bluetooth *b, const struct sl_bt_adapter *adapter, sl_time now)
{
    for (size_t i = 0; i < SL_ARRAY_LEN(b->channels); i++)
        if (b->channels[i].used && b->channels[i].adapter == adapter)
            close_channel(b, &b->channels[i], now);
}

/* From now on it is a place in the mesh, whose beacons begin at once. */
static void open_channel(struct sl_bluetooth *b, struct sl_bt_channel *channel)
{
    const struct sl_bearer_host *host = &b->setup.host;
    channel->open = true;
    host->add_peer(host->arg, channel->adapter->bearer, &channel->address);
}

static void announce(struct sl_bluetooth *b, struct sl_bt_channel *channel,
                     const struct sl_advert *advert)
{
    uint8_t bytes[1 + SL_ADVERT_LEN] = {0};
    sl_advert_encode(advert, &b->setup.primitives, b->setup.beacon_key, bytes + 1);
    int error =
        b->setup.channels.send(b->setup.channels.arg, channel->number, bytes, sizeof(bytes));
    channel->unsaid = error == -EAGAIN;
    channel->unsaid_advert = *advert;
}

/* ---- What the plan wants ---- */

static void report_failure(const struct sl_bluetooth *b, const struct sl_bt_channel *channel,
                           int error)
{
    char line[120], address[24];
    sl_bluetooth_address_text(&channel->address, address, sizeof(address));
    snprintf(line, sizeof(line), "no channel to %s: %s", address, strerror(-error));
    sl_bluetooth_report(b, channel->adapter, LOG_DEBUG, line);
}

static void attempt_over(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, int error,
                         sl_time now)
{
    struct sl_bt_channel *channel = sl_bt_channel(b, adapter->attempt);
    adapter->attempt = 0;
    if (error < 0 && channel)
        report_failure(b, channel, error);
    if (error < 0 && channel)
        channel->used = false;
    if (error < 0 || !channel)
        sl_plan_failed(&adapter->plan, now);
    else
        sl_plan_connected(&adapter->plan, channel->number, now);
}

/* One attempt at a time, and no scan beside it: many controllers cannot do both. */
static void begin_attempt(struct sl_bluetooth *b, struct sl_bt_adapter *adapter,
                          const struct sl_plan_action *action, sl_time now)
{
    struct sl_bt_channel *channel = new_channel(b, adapter, &action->address);
    if (!channel) {
        sl_plan_failed(&adapter->plan, now);
        return;
    }
    channel->psm = action->advert.psm;
    adapter->attempt = channel->number;
    adapter->attempt_begun = false;
    adapter->attempt_until = now + SCAN_STOP_MAX;
    sl_bt_scan_follow(b, adapter, now);
}

static void go_on_with_attempt(struct sl_bluetooth *b, struct sl_bt_adapter *adapter, sl_time now)
{
    struct sl_bt_channel *channel = sl_bt_channel(b, adapter->attempt);
    if (adapter->attempt == 0)
        return;
    bool late = now >= adapter->attempt_until;
    if (adapter->attempt_begun && late) {
        b->setup.channels.close(b->setup.channels.arg, adapter->attempt);
        attempt_over(b, adapter, -ETIMEDOUT, now);
        return;
    }
    if (adapter->attempt_begun || (!late && sl_bt_scan_is_on(adapter)))
        return;
    struct sl_address peer = channel->address;
    peer.len = SL_BLUETOOTH_ADDRESS_LEN;
    adapter->attempt_begun = true;
    adapter->attempt_until = now + CONNECT_TIMEOUT;
    int error = b->setup.channels.connect(b->setup.channels.arg, channel->number,
                                          &adapter->info.address, &peer, channel->psm);
    if (error < 0)
        attempt_over(b, adapter, error, now);
}

/* To another adapter of this board: no radio in between. */
static void announce_inside(struct sl_bluetooth *b, const struct sl_bt_adapter *from,
                            const struct sl_plan_action *action, sl_time now)
{
    struct sl_bt_adapter *to = &b->adapters[action->number & ~SL_BT_WIRED];
    if (to->running)
        sl_plan_announced(&to->plan, SL_BT_WIRED | from->slot, &action->advert, now);
}

static void obey(struct sl_bluetooth *b, struct sl_bt_adapter *adapter,
                 const struct sl_plan_action *action, sl_time now)
{
    struct sl_bt_channel *channel = sl_bt_channel(b, action->number);
    switch (action->verb) {
    case SL_PLAN_ADVERTISE:
        sl_bt_advertise(b, adapter, &action->advert, now);
        break;
    case SL_PLAN_CONNECT:
        begin_attempt(b, adapter, action, now);
        break;
    case SL_PLAN_DROP:
        if (channel)
            close_channel(b, channel, now);
        else
            sl_plan_closed(&adapter->plan, action->number, now);
        break;
    case SL_PLAN_ANNOUNCE:
        if (action->number & SL_BT_WIRED)
            announce_inside(b, adapter, action, now);
        else if (channel)
            announce(b, channel, &action->advert);
        break;
    }
}

/* All that is due now. What one adapter learns may concern the next, which comes after it or at
 * the next turn. */
static void follow_plans(struct sl_bluetooth *b, sl_time now)
{
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++) {
        struct sl_bt_adapter *adapter = &b->adapters[i];
        struct sl_plan_action action;
        if (!adapter->running)
            continue;
        while (sl_plan_next(&adapter->plan, &action, now))
            obey(b, adapter, &action, now);
        go_on_with_attempt(b, adapter, now);
        sl_bt_scan_follow(b, adapter, now);
    }
}

/* ---- From channels ---- */

int sl_bluetooth_accepted(struct sl_bluetooth *b, unsigned slot, const struct sl_address *peer,
                          uint32_t *ret_number, sl_time now)
{
    struct sl_bt_adapter *adapter = &b->adapters[slot];
    struct sl_bt_channel *channel = adapter->running ? new_channel(b, adapter, peer) : NULL;
    uint32_t drop = SL_PLAN_NONE;
    if (!channel)
        return -EBUSY;
    if (sl_plan_incoming(&adapter->plan, peer, channel->number, &drop, now) < 0) {
        channel->used = false;
        return -EBUSY;
    }
    struct sl_bt_channel *spare = sl_bt_channel(b, drop);
    if (spare)
        close_channel(b, spare, now);
    open_channel(b, channel);
    *ret_number = channel->number;
    b->unsettled = true;
    return 0;
}

void sl_bluetooth_connected(struct sl_bluetooth *b, uint32_t number, int error, sl_time now)
{
    struct sl_bt_channel *channel = sl_bt_channel(b, number);
    if (!channel || channel->adapter->attempt != number)
        return;
    struct sl_bt_adapter *adapter = channel->adapter;
    if (error == 0)
        open_channel(b, channel);
    attempt_over(b, adapter, error, now);
    b->unsettled = true;
}

void sl_bluetooth_packet(struct sl_bluetooth *b, uint32_t number, const uint8_t *bytes, size_t len,
                         sl_time now)
{
    struct sl_bt_channel *channel = sl_bt_channel(b, number);
    const struct sl_bearer_host *host = &b->setup.host;
    struct sl_advert advert;
    if (!channel || !channel->open || len == 0)
        return;
    if (bytes[0] != 0) {
        host->receive(host->arg, channel->adapter->bearer, &channel->address, bytes, len);
        return;
    }
    if (sl_advert_decode(bytes + 1, len - 1, &b->setup.primitives, b->setup.beacon_key, &advert) <
        0)
        return;
    sl_plan_announced(&channel->adapter->plan, number, &advert, now);
    b->unsettled = true;
}

void sl_bluetooth_ended(struct sl_bluetooth *b, uint32_t number, sl_time now)
{
    struct sl_bt_channel *channel = sl_bt_channel(b, number);
    if (channel)
        forget(b, channel, now);
    b->unsettled = true;
}

int sl_bluetooth_send(struct sl_bluetooth *b, const struct sl_datagram *datagram)
{
    for (size_t i = 0; i < SL_ARRAY_LEN(b->channels); i++) {
        struct sl_bt_channel *channel = &b->channels[i];
        if (!channel->used || !channel->open || channel->adapter->bearer != datagram->bearer ||
            channel->address.len != datagram->to.len ||
            memcmp(channel->address.bytes, datagram->to.bytes, datagram->to.len) != 0)
            continue;
        int error = b->setup.channels.send(b->setup.channels.arg, channel->number, datagram->bytes,
                                           datagram->len);
        if (error != -EAGAIN) {
            channel->stalled = channel->stuck = false;
            return error;
        }
        channel->stalled_at = channel->stalled ? channel->stalled_at : b->now;
        channel->stalled = true;
        return channel->stuck ? -ENOBUFS : -EAGAIN;
    }
    return -ENOTCONN;
}

/* ---- Time ---- */

static void tick_channel(struct sl_bluetooth *b, struct sl_bt_channel *channel, sl_time now)
{
    const struct sl_bearer_host *host = &b->setup.host;
    if (channel->stalled && now - channel->stalled_at >= STALL_MAX)
        channel->stuck = true;
    if (channel->unsaid)
        announce(b, channel, &channel->unsaid_advert);
    if (channel->proved)
        return;
    channel->proved = host->linked(host->arg, channel->adapter->bearer, &channel->address);
    if (channel->proved)
        sl_plan_proved(&channel->adapter->plan, channel->number, now);
}

void sl_bluetooth_tick(struct sl_bluetooth *b, sl_time now)
{
    b->now = now;
    b->unsettled = false;
    for (size_t i = 0; i < SL_ARRAY_LEN(b->channels); i++)
        if (b->channels[i].used && b->channels[i].open)
            tick_channel(b, &b->channels[i], now);
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++)
        if (b->adapters[i].present)
            sl_bt_adapter_tick(b, &b->adapters[i], now);
    follow_plans(b, now);
}

static sl_time channel_deadline(const struct sl_bluetooth *b, const struct sl_bt_channel *channel)
{
    sl_time at = SL_NEVER;
    if (!channel->used || !channel->open)
        return at;
    if (!channel->proved || channel->unsaid)
        at = b->now + PROOF_INTERVAL;
    if (channel->stalled && !channel->stuck)
        at = sl_min_time(at, channel->stalled_at + STALL_MAX);
    return at;
}

sl_time sl_bluetooth_deadline(const struct sl_bluetooth *b)
{
    sl_time at = b->unsettled ? b->now : SL_NEVER;
    for (size_t i = 0; i < SL_ARRAY_LEN(b->channels); i++)
        at = sl_min_time(at, channel_deadline(b, &b->channels[i]));
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++)
        at = sl_min_time(at, sl_bt_adapter_deadline(b, &b->adapters[i]));
    return at;
}

/* ---- Made and freed ---- */

struct sl_bluetooth *sl_bluetooth_new(const struct sl_bluetooth_setup *setup, sl_time now)
{
    struct sl_bluetooth *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->setup = *setup;
    b->now = now;
    for (unsigned i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++) {
        b->adapters[i].slot = i;
        b->adapters[i].bearer = -1;
    }
    return b;
}

void sl_bluetooth_free(struct sl_bluetooth *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++)
        sl_bt_adapter_stop(b, &b->adapters[i], b->now);
    b->setup.primitives.wipe(b->setup.primitives.ctx, b, sizeof(*b));
    free(b);
}

uint32_t sl_bluetooth_numbers(const struct sl_bluetooth *b)
{
    uint32_t numbers = 0;
    for (size_t i = 0; i < SL_BLUETOOTH_ADAPTERS_MAX; i++)
        if (b->adapters[i].bearer >= 0)
            numbers |= UINT32_C(1) << b->adapters[i].bearer;
    return numbers;
}

void sl_bluetooth_address_text(const struct sl_address *address, char *ret_text, size_t cap)
{
    const uint8_t *a = address->bytes + 1;
    if (address->len < SL_BLUETOOTH_ADDRESS_LEN) {
        snprintf(ret_text, cap, "%s", address->len == 0 ? "everyone" : "");
        return;
    }
    snprintf(ret_text, cap, "%02X:%02X:%02X:%02X:%02X:%02X", a[0], a[1], a[2], a[3], a[4], a[5]);
}
