/* The Wi-Fi controller on a scripted kernel: every way into the cell, everything that may happen to
 * a radio there, and the way back. */
#include "bearers/wifi.h"
#include "bearers/wifi_found.h"
#include "sim/fake_primitives.h"
#include "sim/scripted_wifi.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct lab {
    struct sl_scripted_wifi kernel;
    struct sl_wifi_config config;
    struct sl_bearer *wifi;
    sl_time refresh_at;
    char reports[4096];
    size_t report_count;
};

static void report(void *arg, int priority, const char *line)
{
    struct lab *lab = arg;
    size_t len = strlen(lab->reports);
    (void)priority;
    snprintf(lab->reports + len, sizeof(lab->reports) - len, "%s\n", line);
    lab->report_count++;
}

static void begin(struct lab *lab)
{
    memset(lab, 0, sizeof(*lab));
    sl_scripted_wifi_init(&lab->kernel);
    sl_wifi_config_init(&lab->config);
    lab->config.wish.enabled = SL_WIFI_YES;
    lab->kernel.now = 1000 * SL_SECOND;
}

static void start(struct lab *lab)
{
    struct sl_wifi_port port;
    struct sl_primitives primitives;
    const struct sl_bearer_host host = {.arg = lab, .report = report};
    sl_scripted_wifi_port(&lab->kernel, &port);
    sl_fake_primitives(&primitives, 5);
    assert_int_equal(sl_wifi_new(&lab->config, &port, &primitives, &host, &lab->wifi), 0);
    lab->refresh_at = lab->kernel.now + 10 * SL_SECOND;
}

/* As the daemon's loop does it: events, timers, and a refresh every ten seconds. */
static void run(struct lab *lab, sl_time duration)
{
    struct sl_scripted_wifi *kernel = &lab->kernel;
    sl_time end = kernel->now + duration;
    for (int turns = 0; kernel->now < end; turns++) {
        if (turns > 200000)
            fail_msg("it never comes to rest");
        if (kernel->event)
            lab->wifi->ops->dispatch(lab->wifi, kernel->now);
        sl_time due = sl_min_time(lab->wifi->ops->deadline(lab->wifi), lab->refresh_at);
        if (due > kernel->now) {
            kernel->now = sl_min_time(due, end);
            continue;
        }
        kernel->now += SL_MILLISECOND;
        if (lab->refresh_at <= kernel->now) {
            lab->wifi->ops->refresh(lab->wifi, kernel->now);
            lab->refresh_at = kernel->now + 10 * SL_SECOND;
        }
        if (lab->wifi->ops->deadline(lab->wifi) <= kernel->now)
            lab->wifi->ops->tick(lab->wifi, kernel->now);
    }
}

static void stop(struct lab *lab)
{
    if (lab->wifi)
        lab->wifi->ops->free(lab->wifi);
    lab->wifi = NULL;
}

/* From the start of it. */
static void power_up(struct lab *lab, sl_time duration)
{
    start(lab);
    run(lab, duration);
}

/* Something has changed, which the kernel tells, or loses. */
static void changed(struct lab *lab, sl_time duration)
{
    sl_scripted_wifi_tell(&lab->kernel, false);
    run(lab, duration);
}

static int set_up(void **state)
{
    static struct lab lab;
    begin(&lab);
    *state = &lab;
    return 0;
}

static int tear_down(void **state)
{
    stop(*state);
    return 0;
}

static const struct sl_wifi_interface *wlan(const struct lab *lab)
{
    return &lab->kernel.real.interfaces[0];
}

static enum sl_wifi_state state_of(const struct lab *lab)
{
    struct sl_wifi_radio_info info;
    assert_true(sl_wifi_radio(lab->wifi, 0, &info));
    return info.plan->state;
}

static void assert_joined_as(const struct lab *lab, enum nl80211_iftype type)
{
    const struct sl_wifi_interface *item = wlan(lab);
    assert_int_equal(state_of(lab), SL_WIFI_JOINED);
    assert_int_equal(item->type, type);
    assert_true(item->up && item->running && item->has_link_local);
    assert_int_equal(item->ssid_len, strlen(SL_WIFI_CELL));
    assert_memory_equal(item->ssid, SL_WIFI_CELL, item->ssid_len);
    assert_int_equal(item->mhz, 2412);
}

static void assert_joined(const struct lab *lab)
{
    assert_joined_as(lab, NL80211_IFTYPE_ADHOC);
}

static void leave_behind_its_back(struct lab *lab)
{
    struct sl_wifi_interface *item = &lab->kernel.real.interfaces[0];
    item->running = item->has_link_local = false;
    item->ssid_len = 0;
    item->mhz = 0;
    lab->kernel.running_at[0] = SL_NEVER;
}

/* ---- The way in and the way back ---- */

static void test_joins_from_nothing(void **state)
{
    struct lab *lab = *state;
    static const enum sl_wifi_do steps[] = {SL_WIFI_DO_SET_TYPE, SL_WIFI_DO_SET_MAC,
                                            SL_WIFI_DO_ADD_ADDRESS, SL_WIFI_DO_UP, SL_WIFI_DO_JOIN};
    power_up(lab, SL_SECOND);
    assert_joined(lab);
    assert_int_equal(lab->kernel.request_count, SL_ARRAY_LEN(steps));
    for (size_t i = 0; i < SL_ARRAY_LEN(steps); i++)
        assert_int_equal(lab->kernel.last[i].what, steps[i]);
    assert_int_equal(wlan(lab)->mac[0] & 3, 2); /* locally administered, not multicast */
    assert_true(lab->kernel.last[4].cell.fixed_bssid);
    assert_int_equal(lab->kernel.last[4].cell.multicast_100kbps, 60);
    assert_non_null(
        strstr(lab->reports, "wifi wlan0: in the ad hoc cell 'starling' on channel 1\n"));
}

static void test_gives_back_what_it_found(void **state)
{
    struct lab *lab = *state;
    for (int up = 0; up < 2; up++) {
        begin(lab);
        lab->kernel.real.interfaces[0].up = up == 1;
        const struct sl_wifi_interface found = lab->kernel.real.interfaces[0];
        power_up(lab, 2 * SL_SECOND);
        assert_joined(lab);
        stop(lab);
        assert_memory_equal(wlan(lab)->mac, found.mac, SL_MAC_LEN);
        assert_int_equal(wlan(lab)->type, found.type);
        assert_int_equal(wlan(lab)->up, found.up);
    }
}

static void test_a_new_address_for_each_run(void **state)
{
    struct lab *lab = *state;
    sl_scripted_wifi_add(&lab->kernel, 1, 3);
    power_up(lab, 2 * SL_SECOND);
    assert_true(lab->kernel.real.interfaces[0].running && lab->kernel.real.interfaces[1].running);
    assert_memory_not_equal(lab->kernel.real.interfaces[0].mac, lab->kernel.real.interfaces[1].mac,
                            SL_MAC_LEN);
}

static void test_makes_an_interface_where_there_is_none(void **state)
{
    struct lab *lab = *state;
    lab->kernel.real.interface_count = 0;
    power_up(lab, 2 * SL_SECOND);
    assert_joined(lab);
    stop(lab);
    assert_int_equal(lab->kernel.real.interface_count, 0);
}

static void test_the_country_comes_first(void **state)
{
    struct lab *lab = *state;
    strcpy(lab->config.wish.country, "DE");
    power_up(lab, 10 * SL_SECOND);
    assert_int_equal(lab->kernel.last[0].what, SL_WIFI_DO_SET_COUNTRY);
    assert_string_equal(lab->kernel.real.country, "DE");
    assert_joined(lab);
}

static void test_a_channel_that_is_forbidden(void **state)
{
    struct lab *lab = *state;
    lab->config.wish.cell.mhz = 5260;
    power_up(lab, 30 * SL_SECOND);
    assert_int_equal(state_of(lab), SL_WIFI_NO_CHANNEL);
    assert_int_equal(sl_scripted_wifi_asked(&lab->kernel, SL_WIFI_DO_JOIN), 0);
    assert_non_null(strstr(lab->reports, "country '00'"));
}

static void test_an_address_where_the_kernel_makes_none(void **state)
{
    struct lab *lab = *state;
    lab->kernel.makes_addresses = false;
    power_up(lab, 5 * SL_SECOND);
    assert_joined(lab);
    assert_int_equal(sl_scripted_wifi_asked(&lab->kernel, SL_WIFI_DO_ADD_ADDRESS), 1);
    lab->kernel.real.interfaces[0].has_link_local = false; /* somebody takes it away */
    changed(lab, 5 * SL_SECOND);
    assert_joined(lab);
}

static void test_no_address_to_be_had(void **state)
{
    struct lab *lab = *state;
    lab->kernel.makes_addresses = false;
    lab->kernel.refuses_address = true;
    power_up(lab, 5 * SL_SECOND);
    assert_int_equal(state_of(lab), SL_WIFI_JOINED);
    assert_int_equal(sl_scripted_wifi_asked(&lab->kernel, SL_WIFI_DO_ADD_ADDRESS), 1);
    assert_non_null(strstr(lab->reports, "is IPv6 switched off on it?"));
}

/* Killed in the middle of it: the next one knows how the radio was. */
static void test_gives_back_what_a_killed_one_took(void **state)
{
    struct lab *lab = *state;
    char folder[] = "/tmp/test_wifi.XXXXXX";
    assert_non_null(mkdtemp(folder));
    snprintf(lab->config.found_path, sizeof(lab->config.found_path), "%s/radios", folder);
    lab->config.wish.enabled = SL_WIFI_AUTO;
    const struct sl_wifi_interface found = lab->kernel.real.interfaces[0];
    power_up(lab, 2 * SL_SECOND);
    assert_joined(lab);
    struct sl_wifi_record record;
    assert_int_equal(sl_wifi_found_load(lab->config.found_path, &record, 1), 1);
    /* The kernel leaves the cell with the process, and all else stays: the file too. */
    const struct sl_scripted_wifi killed_at = lab->kernel;
    stop(lab);
    assert_int_equal(access(lab->config.found_path, F_OK), -1);
    lab->kernel = killed_at;
    leave_behind_its_back(lab);
    assert_int_equal(sl_wifi_found_save(lab->config.found_path, &record, 1), 0);

    power_up(lab, 2 * SL_SECOND);
    assert_joined(lab);
    stop(lab);
    assert_int_equal(wlan(lab)->type, found.type);
    assert_memory_equal(wlan(lab)->mac, found.mac, SL_MAC_LEN);
    assert_false(wlan(lab)->up);
    assert_int_equal(rmdir(folder), 0);
}

static void test_records_of_radios(void **unused)
{
    struct sl_wifi_record records[2] = {
        {.found = {.interface = 4, .type = NL80211_IFTYPE_STATION, .mac = {1, 2, 3, 4, 5, 0xff}},
         .mac = {2, 0, 0, 0, 0, 9}},
        {.found = {.interface = 5, .type = NL80211_IFTYPE_AP, .up = true}, .mac = {6}}};
    struct sl_wifi_record back[2];
    struct sl_wifi_interface interface = {.index = 4, .mac = {2, 0, 0, 0, 0, 9}};
    static const char nonsense[] = "4 2 nonsense\n\n0 2 00:00:00:00:00:00 00:00:00:00:00:00 0\n";
    char path[] = "/tmp/test_wifi.XXXXXX";
    int fd = mkstemp(path);
    (void)unused;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, nonsense, sizeof(nonsense) - 1), sizeof(nonsense) - 1);
    close(fd);
    assert_int_equal(sl_wifi_found_load(path, back, 2), 0);
    assert_int_equal(sl_wifi_found_save(path, records, 2), 0);
    assert_int_equal(sl_wifi_found_load(path, back, 2), 2);
    assert_memory_equal(back[0].found.mac, records[0].found.mac, SL_MAC_LEN);
    assert_memory_equal(back[0].mac, records[0].mac, SL_MAC_LEN);
    assert_true(back[1].found.up);
    assert_int_equal(back[1].found.type, NL80211_IFTYPE_AP);
    assert_ptr_equal(sl_wifi_found_match(back, 2, &interface), &back[0]);
    interface.mac[5] = 8; /* another radio has that number now */
    assert_null(sl_wifi_found_match(back, 2, &interface));
    assert_int_equal(sl_wifi_found_save(path, NULL, 0), 0);
    assert_int_equal(sl_wifi_found_load(path, back, 2), 0);
}

/* ---- Drivers ---- */

static void test_falls_back_to_802_11s(void **state)
{
    struct lab *lab = *state;
    lab->kernel.real.phys[0].types &= ~SL_WIFI_BIT(NL80211_IFTYPE_ADHOC);
    power_up(lab, 2 * SL_SECOND);
    assert_joined_as(lab, NL80211_IFTYPE_MESH_POINT);
    assert_non_null(strstr(lab->reports, "because its driver has no ad hoc"));
}

static void test_falls_back_when_the_driver_promised_too_much(void **state)
{
    struct lab *lab = *state;
    lab->kernel.refuses_join = true;
    power_up(lab, 5 * SL_SECOND);
    assert_joined_as(lab, NL80211_IFTYPE_MESH_POINT);
}

static void test_does_without_what_drivers_lack(void **state)
{
    struct lab *lab = *state;
    lab->kernel.refuses_mac = lab->kernel.refuses_rate = lab->kernel.refuses_bssid = true;
    power_up(lab, 5 * SL_SECOND);
    assert_joined(lab);
    assert_non_null(strstr(lab->reports, "with its own MAC address"));
    stop(lab);
    assert_false(wlan(lab)->up);
}

static void test_neither_ad_hoc_nor_mesh(void **state)
{
    struct lab *lab = *state;
    lab->kernel.real.phys[0].types = SL_WIFI_BIT(NL80211_IFTYPE_STATION);
    power_up(lab, 60 * SL_SECOND);
    assert_int_equal(state_of(lab), SL_WIFI_NO_MODE);
    assert_int_equal(lab->kernel.request_count, 0);
}

/* ---- Whose radio it is ---- */

static void connect_to_home(struct lab *lab)
{
    struct sl_wifi_interface *item = &lab->kernel.real.interfaces[0];
    item->up = true;
    memcpy(item->ssid, "home", 4);
    item->ssid_len = 4;
    item->mhz = 2437;
    lab->kernel.running_at[0] = 0;
}

static void test_auto_leaves_a_connection_alone(void **state)
{
    struct lab *lab = *state;
    lab->config.wish.enabled = SL_WIFI_AUTO;
    connect_to_home(lab);
    power_up(lab, 60 * SL_SECOND);
    assert_int_equal(lab->kernel.request_count, 0);
    assert_int_equal(state_of(lab), SL_WIFI_EXISTING);
    stop(lab);
    assert_int_equal(lab->kernel.request_count, 0);
}

static void test_auto_leaves_a_manager_s_radio_alone(void **state)
{
    struct lab *lab = *state;
    lab->config.wish.enabled = SL_WIFI_AUTO;
    strcpy(lab->kernel.real.interfaces[0].holder, "NetworkManager");
    power_up(lab, 60 * SL_SECOND);
    assert_int_equal(lab->kernel.request_count, 0);
    assert_int_equal(state_of(lab), SL_WIFI_IN_USE);
    assert_non_null(strstr(lab->reports, "nmcli device set wlan0 managed no"));
}

static void test_auto_takes_a_free_one(void **state)
{
    struct lab *lab = *state;
    lab->config.wish.enabled = SL_WIFI_AUTO;
    power_up(lab, 2 * SL_SECOND);
    assert_joined(lab);
}

static void test_yes_takes_a_connected_one(void **state)
{
    struct lab *lab = *state;
    connect_to_home(lab);
    power_up(lab, 2 * SL_SECOND);
    assert_joined(lab);
    stop(lab);
    assert_int_equal(wlan(lab)->type, NL80211_IFTYPE_STATION);
    assert_true(wlan(lab)->up);
}

static void test_only_radios_that_are_named(void **state)
{
    struct lab *lab = *state;
    sl_scripted_wifi_add(&lab->kernel, 1, 3);
    strcpy(lab->config.patterns[0], "wlan1");
    power_up(lab, 2 * SL_SECOND);
    assert_int_equal(state_of(lab), SL_WIFI_OFF);
    assert_false(wlan(lab)->up);
    assert_true(lab->kernel.real.interfaces[1].running);
}

/* ---- Blocked ---- */

static void test_unblocks_what_it_may(void **state)
{
    struct lab *lab = *state;
    lab->kernel.real.switches[0].soft = true;
    power_up(lab, 2 * SL_SECOND);
    assert_joined(lab);
}

static void test_says_what_it_may_not_unblock(void **state)
{
    struct lab *lab = *state;
    lab->kernel.real.switches[0].soft = true;
    lab->kernel.may_unblock = false;
    power_up(lab, 10 * SL_MINUTE);
    assert_int_equal(state_of(lab), SL_WIFI_SOFT_BLOCKED);
    assert_non_null(strstr(lab->reports, "rfkill unblock wlan"));
    assert_int_equal(lab->report_count, 1);
    lab->kernel.real.switches[0].soft = false;
    changed(lab, 3 * SL_SECOND);
    assert_joined(lab);
}

static void test_a_switch_on_the_device(void **state)
{
    struct lab *lab = *state;
    lab->kernel.real.switches[0].hard = true;
    power_up(lab, SL_MINUTE);
    assert_int_equal(state_of(lab), SL_WIFI_HARD_BLOCKED);
    assert_int_equal(lab->kernel.request_count, 0);
    lab->kernel.real.switches[0].hard = false;
    changed(lab, 3 * SL_SECOND);
    assert_joined(lab);
}

/* Off and on in the middle of it: the kernel takes the interface down. */
static void test_blocked_and_unblocked_at_work(void **state)
{
    struct lab *lab = *state;
    lab->kernel.may_unblock = false;
    power_up(lab, 2 * SL_SECOND);
    struct sl_wifi_interface *item = &lab->kernel.real.interfaces[0];
    lab->kernel.real.switches[0].soft = true;
    item->up = item->running = item->has_link_local = false;
    item->ssid_len = 0;
    lab->kernel.running_at[0] = SL_NEVER;
    changed(lab, 20 * SL_SECOND);
    assert_int_equal(state_of(lab), SL_WIFI_SOFT_BLOCKED);
    lab->kernel.real.switches[0].soft = false;
    changed(lab, 3 * SL_SECOND);
    assert_joined(lab);
}

static void test_without_the_capability(void **state)
{
    struct lab *lab = *state;
    lab->kernel.may_change = false;
    power_up(lab, 10 * SL_MINUTE);
    assert_int_equal(state_of(lab), SL_WIFI_NOT_ALLOWED);
    assert_in_range(lab->kernel.request_count, 2, 20);
    assert_int_equal(lab->report_count, 1);
    assert_non_null(strstr(lab->reports, "CAP_NET_ADMIN"));
    lab->kernel.may_change = true;
    run(lab, 2 * SL_MINUTE);
    assert_joined(lab);
}

/* ---- What happens to radios ---- */

static void test_left_the_cell(void **state)
{
    struct lab *lab = *state;
    for (int lost = 0; lost < 2; lost++) {
        begin(lab);
        power_up(lab, 5 * SL_SECOND);
        lab->kernel.loses_events = lost == 1;
        leave_behind_its_back(lab);
        changed(lab, lost ? 12 * SL_SECOND : SL_SECOND);
        assert_joined(lab);
        stop(lab);
    }
}

static void test_channel_changed_behind_its_back(void **state)
{
    struct lab *lab = *state;
    for (int lost = 0; lost < 2; lost++) {
        begin(lab);
        power_up(lab, 20 * SL_SECOND);
        lab->kernel.loses_events = lost == 1;
        lab->kernel.real.interfaces[0].mhz = 2437;
        changed(lab, lost ? 12 * SL_SECOND : SL_SECOND);
        assert_joined(lab);
        stop(lab);
    }
}

static void test_driver_reset(void **state)
{
    struct lab *lab = *state;
    const struct sl_wifi_interface fresh = lab->kernel.real.interfaces[0];
    power_up(lab, 20 * SL_SECOND);
    lab->kernel.real.interfaces[0] = fresh;
    lab->kernel.running_at[0] = SL_NEVER;
    lab->kernel.loses_events = true;
    run(lab, 15 * SL_SECOND);
    assert_joined(lab);
}

static void test_unplugged_and_back(void **state)
{
    struct lab *lab = *state;
    for (int lost = 0; lost < 2; lost++) {
        begin(lab);
        power_up(lab, 5 * SL_SECOND);
        lab->kernel.loses_events = lost == 1;
        sl_scripted_wifi_remove(&lab->kernel, 0);
        run(lab, 20 * SL_SECOND);
        sl_scripted_wifi_add(&lab->kernel, 7, 12);
        run(lab, lost ? 15 * SL_SECOND : 2 * SL_SECOND);
        assert_joined(lab);
        assert_int_equal(wlan(lab)->phy, 7);
        stop(lab);
        assert_int_equal(wlan(lab)->type, NL80211_IFTYPE_STATION);
    }
}

static void test_wifi_that_comes_later(void **state)
{
    struct lab *lab = *state;
    lab->kernel.has_wifi = false;
    power_up(lab, SL_MINUTE);
    assert_int_equal(lab->report_count, 0);
    lab->kernel.has_wifi = true;
    run(lab, 12 * SL_SECOND);
    assert_joined(lab);
}

static void test_a_scan_before_it_joins(void **state)
{
    struct lab *lab = *state;
    lab->kernel.join_takes = 8 * SL_SECOND;
    power_up(lab, 20 * SL_SECOND);
    assert_joined(lab);
    assert_int_equal(sl_scripted_wifi_asked(&lab->kernel, SL_WIFI_DO_JOIN), 1);
}

static void test_joining_that_never_ends(void **state)
{
    struct lab *lab = *state;
    lab->kernel.join_takes = SL_NEVER;
    power_up(lab, 5 * SL_MINUTE);
    size_t tries = sl_scripted_wifi_asked(&lab->kernel, SL_WIFI_DO_JOIN);
    assert_in_range(tries, 5, 25);
    lab->kernel.join_takes = 0;
    run(lab, 20 * SL_SECOND);
    assert_joined(lab);
}

/* ---- At rest ---- */

static void test_quiet_when_joined(void **state)
{
    struct lab *lab = *state;
    power_up(lab, 5 * SL_SECOND);
    size_t requests = lab->kernel.request_count, looks = lab->kernel.looks;
    run(lab, 10 * SL_MINUTE);
    assert_int_equal(lab->kernel.request_count, requests);
    assert_in_range(lab->kernel.looks - looks, 59, 61); /* one for each refresh */
    assert_in_range(lab->kernel.phy_looks, 1, 5);
    assert_int_equal(lab->report_count, 1);
}

static void test_quality_of_a_neighbour(void **state)
{
    struct lab *lab = *state;
    static const uint8_t address[16] = {0xfe, 0x80, [8] = 0x00, 1, 2, 0xff, 0xfe, 3, 4, 5};
    struct sl_bearer_quality quality;
    power_up(lab, 2 * SL_SECOND);
    lab->kernel.stations[0] = (struct sl_wifi_station){.mac = {2, 1, 2, 3, 4, 5},
                                                       .signal_dbm = -61,
                                                       .rate_100kbps = 540,
                                                       .sent = 90,
                                                       .failed = 10};
    lab->kernel.station_count = 1;
    assert_true(sl_wifi_quality(lab->wifi, 2, address, lab->kernel.now, &quality));
    assert_true(quality.has_signal && quality.has_rate && quality.has_loss);
    assert_int_equal(quality.signal_dbm, -61);
    assert_int_equal(quality.rate_kbps, 54000);
    assert_int_equal(quality.loss_permille, 100);
    assert_true(sl_wifi_quality(lab->wifi, 2, address, lab->kernel.now, &quality));
    assert_int_equal(lab->kernel.station_looks, 1);
    assert_false(sl_wifi_quality(lab->wifi, 99, address, lab->kernel.now, &quality));
}

static void test_names_and_rates_of_interfaces(void **state)
{
    struct lab *lab = *state;
    struct sl_bearer_info info = {.name = "udp wlan0", .rate_bps = 100000000};
    power_up(lab, 2 * SL_SECOND);
    sl_wifi_describe(lab->wifi, 2, &info);
    assert_string_equal(info.name, "wifi wlan0");
    assert_int_equal(info.rate_bps, 6000000);
    struct sl_bearer_info cable = {.name = "udp eth0", .rate_bps = 100000000};
    sl_wifi_describe(lab->wifi, 1, &cable);
    assert_string_equal(cable.name, "udp eth0");
}

#define in_lab(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_lab(test_joins_from_nothing),
        in_lab(test_gives_back_what_it_found),
        in_lab(test_a_new_address_for_each_run),
        in_lab(test_makes_an_interface_where_there_is_none),
        in_lab(test_the_country_comes_first),
        in_lab(test_a_channel_that_is_forbidden),
        in_lab(test_an_address_where_the_kernel_makes_none),
        in_lab(test_no_address_to_be_had),
        in_lab(test_gives_back_what_a_killed_one_took),
        cmocka_unit_test(test_records_of_radios),
        in_lab(test_falls_back_to_802_11s),
        in_lab(test_falls_back_when_the_driver_promised_too_much),
        in_lab(test_does_without_what_drivers_lack),
        in_lab(test_neither_ad_hoc_nor_mesh),
        in_lab(test_auto_leaves_a_connection_alone),
        in_lab(test_auto_leaves_a_manager_s_radio_alone),
        in_lab(test_auto_takes_a_free_one),
        in_lab(test_yes_takes_a_connected_one),
        in_lab(test_only_radios_that_are_named),
        in_lab(test_unblocks_what_it_may),
        in_lab(test_says_what_it_may_not_unblock),
        in_lab(test_a_switch_on_the_device),
        in_lab(test_blocked_and_unblocked_at_work),
        in_lab(test_without_the_capability),
        in_lab(test_left_the_cell),
        in_lab(test_channel_changed_behind_its_back),
        in_lab(test_driver_reset),
        in_lab(test_unplugged_and_back),
        in_lab(test_wifi_that_comes_later),
        in_lab(test_a_scan_before_it_joins),
        in_lab(test_joining_that_never_ends),
        in_lab(test_quiet_when_joined),
        in_lab(test_quality_of_a_neighbour),
        in_lab(test_names_and_rates_of_interfaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
