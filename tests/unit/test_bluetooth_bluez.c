/* The D-Bus side of Bluetooth against a bus and a bluetoothd of its own, at the other end of a
 * socket: what is asked of BlueZ, in which order, and what is made of its answers and signals. */
#include "bearers/bluetooth_bluez.h"
#include "bearers/bluetooth_internal.h"
#include "sim/fake_primitives.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#define ADVERT "/org/starling/hci0"

struct lab {
    sd_event *event;
    char folder[64], path[80];
    int listener;
    sd_bus *bus; /* BlueZ's and the bus's end */
    sl_time now;
    struct sl_bluez *bluez;
    struct sl_bluetooth *machine;
    char calls[4096];    /* what was asked of BlueZ, one word each */
    char matches[2048];  /* rules that the bus was given */
    const char *refused; /* this method is answered with `refusal` */
    const char *refusal;
    bool powered;
    uint8_t advertised[SL_ADVERT_LEN]; /* as BlueZ read it last */
    uint32_t interval;
    unsigned strange;     /* signals of ours */
    unsigned would_start; /* calls for which D-Bus would start a bluetoothd that was stopped */
    char why[200];
};

static struct lab lab;

/* ---- The bus and bluetoothd ---- */

static int on_properties(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    const char *name, *type;
    (void)arg, (void)ret_error;
    const sd_bus_error *failure = sd_bus_message_get_error(m);
    if (failure)
        fail_msg("%s: %s", failure->name, failure->message);
    assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
    while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
        assert_true(sd_bus_message_read_basic(m, 's', &name) >= 0);
        if (strcmp(name, "ServiceData") == 0) {
            const void *bytes;
            const char *uuid;
            size_t len;
            assert_true(sd_bus_message_enter_container(m, 'v', "a{sv}") >= 0);
            assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
            assert_true(sd_bus_message_enter_container(m, 'e', "sv") >= 0);
            assert_true(sd_bus_message_read_basic(m, 's', &uuid) >= 0);
            assert_string_equal(uuid, SL_BLUETOOTH_UUID);
            assert_true(sd_bus_message_enter_container(m, 'v', "ay") >= 0);
            assert_true(sd_bus_message_read_array(m, 'y', &bytes, &len) >= 0);
            assert_int_equal(len, SL_ADVERT_LEN);
            memcpy(lab.advertised, bytes, len);
            for (unsigned i = 0; i < 4; i++)
                assert_true(sd_bus_message_exit_container(m) >= 0);
        } else if (strcmp(name, "MaxInterval") == 0) {
            assert_true(sd_bus_message_read(m, "v", "u", &lab.interval) >= 0);
        } else {
            assert_true(sd_bus_message_peek_type(m, NULL, &type) > 0);
            assert_true(sd_bus_message_skip(m, "v") >= 0);
        }
        assert_true(sd_bus_message_exit_container(m) >= 0);
    }
    return 0;
}

static int give_objects(sd_bus_message *m)
{
    sd_bus_message *reply = NULL;
    int r = sd_bus_message_new_method_return(m, &reply);
    if (r >= 0)
        r = sd_bus_message_append(reply, "a{oa{sa{sv}}}", 1, "/org/bluez/hci0", 2,
                                  "org.bluez.Adapter1", 4, "Address", "s", "00:11:22:33:44:55",
                                  "AddressType", "s", "public", "Powered", "b", (int)lab.powered,
                                  "Roles", "as", 2, "peripheral", "central-peripheral",
                                  "org.bluez.LEAdvertisingManager1", 0);
    if (r >= 0)
        r = sd_bus_send(lab.bus, reply, NULL);
    sd_bus_message_unref(reply);
    return r;
}

static void note(char *list, size_t cap, const char *word)
{
    size_t len = strlen(list);
    snprintf(list + len, cap - len, "%s ", word);
}

static int on_message(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    const char *member = sd_bus_message_get_member(m), *rule;
    (void)arg, (void)ret_error;
    if (sd_bus_message_is_signal(m, NULL, NULL)) {
        lab.strange++;
        return 1;
    }
    if (!sd_bus_message_is_method_call(m, NULL, NULL))
        return 0;
    if (strcmp(member, "Hello") == 0)
        return sd_bus_reply_method_return(m, "s", ":1.1") < 0 ? -EIO : 1;
    if (strcmp(member, "AddMatch") == 0) {
        assert_true(sd_bus_message_read(m, "s", &rule) >= 0);
        note(lab.matches, sizeof(lab.matches), rule);
        return sd_bus_reply_method_return(m, NULL) < 0 ? -EIO : 1;
    }
    note(lab.calls, sizeof(lab.calls), member);
    lab.would_start += sd_bus_message_get_auto_start(m) != 0;
    if (lab.refused && strcmp(member, lab.refused) == 0)
        return sd_bus_reply_method_errorf(m, lab.refusal, "no") < 0 ? -EIO : 1;
    if (strcmp(member, "GetManagedObjects") == 0)
        return give_objects(m) < 0 ? -EIO : 1;
    if (strcmp(member, "RegisterAdvertisement") == 0)
        sd_bus_call_method_async(lab.bus, NULL, ":1.1", ADVERT, "org.freedesktop.DBus.Properties",
                                 "GetAll", on_properties, NULL, "s", "org.bluez.LEAdvertisement1");
    return sd_bus_reply_method_return(m, NULL) < 0 ? -EIO : 1;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *arg)
{
    const sd_id128_t id = {.bytes = {1}};
    int accepted = accept(fd, NULL, NULL);
    (void)source, (void)events, (void)arg;
    assert_true(accepted >= 0);
    lab.bus = sd_bus_flush_close_unref(lab.bus);
    assert_true(sd_bus_new(&lab.bus) >= 0);
    assert_true(sd_bus_set_fd(lab.bus, accepted, accepted) >= 0);
    assert_true(sd_bus_set_server(lab.bus, 1, id) >= 0);
    assert_true(sd_bus_set_anonymous(lab.bus, 1) >= 0);
    assert_true(sd_bus_add_filter(lab.bus, NULL, on_message, NULL) >= 0);
    assert_true(sd_bus_start(lab.bus) >= 0);
    assert_true(sd_bus_attach_event(lab.bus, lab.event, 0) >= 0);
    return 0;
}

static void send_signal(sd_bus_message *m, const char *sender)
{
    assert_true(sd_bus_message_set_sender(m, sender) >= 0);
    assert_true(sd_bus_send(lab.bus, m, NULL) >= 0);
    sd_bus_message_unref(m);
}

static sd_bus_message *new_signal(const char *path, const char *interface, const char *member)
{
    sd_bus_message *m = NULL;
    assert_true(sd_bus_message_new_signal(lab.bus, &m, path, interface, member) >= 0);
    return m;
}

static void say_owner(const char *old, const char *new)
{
    sd_bus_message *m =
        new_signal("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged");
    assert_true(sd_bus_message_append(m, "sss", "org.bluez", old, new) >= 0);
    send_signal(m, "org.freedesktop.DBus");
}

static void say_powered(bool on)
{
    sd_bus_message *m =
        new_signal("/org/bluez/hci0", "org.freedesktop.DBus.Properties", "PropertiesChanged");
    assert_true(sd_bus_message_append(m, "sa{sv}as", "org.bluez.Adapter1", 1, "Powered", "b",
                                      (int)on, 0) >= 0);
    send_signal(m, ":1.9");
}

/* A device appears, with these service data. */
static void say_device(const char *uuid, const uint8_t *bytes, size_t len)
{
    sd_bus_message *m = new_signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded");
    int r = sd_bus_message_append(m, "o", "/org/bluez/hci0/dev_0A_0B_0C_0D_0E_0F");
    for (unsigned i = 0; i < 2 && r >= 0; i++)
        r = i == 0 ? sd_bus_message_open_container(m, 'a', "{sa{sv}}")
                   : sd_bus_message_open_container(m, 'e', "sa{sv}");
    r = r < 0 ? r : sd_bus_message_append(m, "s", "org.bluez.Device1");
    r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "{sv}");
    r = r < 0 ? r
              : sd_bus_message_append(m, "{sv}{sv}{sv}", "Address", "s", "0A:0B:0C:0D:0E:0F",
                                      "AddressType", "s", "random", "RSSI", "n", -60);
    r = r < 0 ? r : sd_bus_message_open_container(m, 'e', "sv");
    r = r < 0 ? r : sd_bus_message_append(m, "s", "ServiceData");
    r = r < 0 ? r : sd_bus_message_open_container(m, 'v', "a{sv}");
    r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "{sv}");
    r = r < 0 ? r : sd_bus_message_open_container(m, 'e', "sv");
    r = r < 0 ? r : sd_bus_message_append(m, "s", uuid);
    r = r < 0 ? r : sd_bus_message_open_container(m, 'v', "ay");
    r = r < 0 ? r : sd_bus_message_append_array(m, 'y', bytes, len);
    for (unsigned i = 0; i < 8 && r >= 0; i++)
        r = sd_bus_message_close_container(m);
    assert_true(r >= 0);
    send_signal(m, ":1.9");
}

/* ---- Our side ---- */

static int do_listen(void *arg, unsigned slot, const struct sl_address *own, uint8_t *ret_psm)
{
    (void)arg, (void)slot, (void)own;
    *ret_psm = 0xc1;
    return 0;
}

static void do_unlisten(void *arg, unsigned slot)
{
    (void)arg, (void)slot;
}

static int do_connect(void *arg, uint32_t number, const struct sl_address *own,
                      const struct sl_address *peer, uint8_t psm)
{
    (void)arg, (void)number, (void)own, (void)psm;
    assert_int_equal(peer->bytes[0], 1);
    assert_int_equal(peer->bytes[1], 0x0a);
    note(lab.calls, sizeof(lab.calls), "connect");
    return 0;
}

static void do_close(void *arg, uint32_t number)
{
    (void)arg, (void)number;
}

static int host_add(void *arg, const struct sl_bearer_info *info)
{
    (void)arg, (void)info;
    return 3;
}

static void host_remove(void *arg, int bearer)
{
    (void)arg, (void)bearer;
}

static void host_report(void *arg, int priority, const char *line)
{
    (void)arg, (void)priority;
    snprintf(lab.why, sizeof(lab.why), "%s", line);
}

/* Until nobody has anything to say; then for so long. */
static void run(sl_time duration)
{
    sl_time until = lab.now + duration;
    unsigned quiet = 0;
    while (quiet < 3) {
        quiet = sd_event_run(lab.event, 2000) > 0 ? 0 : quiet + 1;
        while (sl_bluetooth_deadline(lab.machine) <= lab.now)
            sl_bluetooth_tick(lab.machine, lab.now), quiet = 0;
        if (quiet == 3 && sl_bluetooth_deadline(lab.machine) <= until) {
            lab.now = sl_bluetooth_deadline(lab.machine);
            quiet = 0;
        }
    }
    lab.now = until;
}

static void make_bus(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[128];
    snprintf(lab.folder, sizeof(lab.folder), "/tmp/starling-bus.XXXXXX");
    assert_non_null(mkdtemp(lab.folder));
    snprintf(lab.path, sizeof(lab.path), "%s/bus", lab.folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", lab.path);
    snprintf(text, sizeof(text), "unix:path=%s", lab.path);
    setenv("DBUS_SYSTEM_BUS_ADDRESS", text, 1);
    lab.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        bind(lab.listener, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    assert_int_equal(listen(lab.listener, 1), 0);
    assert_true(
        sd_event_add_io(lab.event, NULL, lab.listener, 1 /* EPOLLIN */, on_connection, NULL) >= 0);
}

static int setup(void **state)
{
    struct sl_bluetooth_setup machine = {0};
    (void)state;
    lab = (struct lab){.now = SL_MINUTE, .powered = true};
    assert_true(sd_event_new(&lab.event) >= 0);
    make_bus();
    lab.bluez = sl_bluez_new(lab.event, &lab.now);
    sl_bluetooth_config_init(&machine.config);
    sl_fake_primitives(&machine.primitives, 4);
    machine.host =
        (struct sl_bearer_host){.add = host_add, .remove = host_remove, .report = host_report};
    machine.channels = (struct sl_channel_ports){
        .listen = do_listen, .unlisten = do_unlisten, .connect = do_connect, .close = do_close};
    sl_bluez_ports(lab.bluez, &machine.bluez);
    lab.machine = sl_bluetooth_new(&machine, lab.now);
    sl_bluez_attach(lab.bluez, lab.machine);
    sl_bluez_refresh(lab.bluez);
    run(SL_SECOND);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_bluetooth_free(lab.machine);
    sl_bluez_free(lab.bluez);
    sd_bus_flush_close_unref(lab.bus);
    sd_event_unref(lab.event);
    close(lab.listener);
    unlink(lab.path);
    rmdir(lab.folder);
    assert_int_equal(lab.would_start, 0);
    return 0;
}

static bool asked(const char *words)
{
    return strstr(lab.calls, words) != NULL;
}

static struct sl_bluetooth_status status_of_hci0(void)
{
    struct sl_bluetooth_status status;
    assert_true(sl_bluetooth_status(lab.machine, 0, &status));
    return status;
}

/* ---- Tests ---- */

static void adapter_is_found_and_used(void **state)
{
    (void)state;
    assert_true(asked("GetManagedObjects"));
    assert_true(asked("RegisterAdvertisement"));
    assert_true(asked("SetDiscoveryFilter StartDiscovery"));
    struct sl_bluetooth_status status = status_of_hci0();
    assert_true(status.in_use && status.advertising && status.scanning && status.both_roles);
    assert_int_equal(lab.interval, 250);
}

/* Signals about everything that Bluetooth does on a laptop would wake us all day. */
static void only_what_concerns_us_is_subscribed_to(void **state)
{
    const char *rule = lab.matches;
    unsigned found = 0;
    (void)state;
    while ((rule = strstr(rule, "'PropertiesChanged'"))) {
        const char *end = strchr(rule, ' ');
        const char *only = strstr(rule, "arg0='org.bluez.");
        assert_true(only && (!end || only < end));
        rule++;
        found++;
    }
    assert_int_equal(found, 2);
}

/* bluetoothd 5.66 aborts over an advertisement that changes in place and is refused. */
static void advertisement_that_changes_is_registered_anew(void **state)
{
    struct sl_bluez_ports ports;
    uint8_t bytes[SL_ADVERT_LEN];
    (void)state;
    memset(bytes, 0x5a, sizeof(bytes));
    sl_bluez_ports(lab.bluez, &ports);
    lab.calls[0] = '\0';
    ports.advertise(ports.arg, "hci0", bytes);
    run(0);
    assert_true(asked("UnregisterAdvertisement RegisterAdvertisement"));
    assert_memory_equal(lab.advertised, bytes, sizeof(bytes));
    assert_int_equal(lab.strange, 0);
}

static void advertisement_that_bluez_forgot_is_registered_all_the_same(void **state)
{
    struct sl_bluez_ports ports;
    uint8_t bytes[SL_ADVERT_LEN] = {1};
    (void)state;
    sl_bluez_ports(lab.bluez, &ports);
    lab.refused = "UnregisterAdvertisement";
    lab.refusal = "org.bluez.Error.DoesNotExist";
    ports.advertise(ports.arg, "hci0", bytes);
    run(0);
    assert_memory_equal(lab.advertised, bytes, sizeof(bytes));
}

static void nothing_is_asked_of_an_adapter_without_power(void **state)
{
    (void)state;
    say_powered(false);
    run(0);
    assert_false(status_of_hci0().in_use);
    lab.calls[0] = '\0';
    run(SL_HOUR);
    assert_string_equal(lab.calls, "");
    say_powered(true);
    run(SL_SECOND);
    assert_true(asked("RegisterAdvertisement"));
    assert_true(status_of_hci0().advertising);
}

static void boards_are_heard_and_connected_to(void **state)
{
    struct sl_advert advert = {.id = SL_PLAN_ID_MASK, .root = 1, .places = 2, .psm = 0xc1};
    uint8_t bytes[SL_ADVERT_LEN];
    (void)state;
    sl_advert_encode(&advert, &lab.machine->setup.primitives, lab.machine->setup.beacon_key, bytes);
    say_device("0000180f-0000-1000-8000-00805f9b34fb", bytes, sizeof(bytes));
    say_device(SL_BLUETOOTH_UUID, bytes, sizeof(bytes) - 1);
    run(SL_SECOND);
    assert_false(asked("connect"));
    say_device(SL_BLUETOOTH_UUID, bytes, sizeof(bytes));
    run(2 * SL_SECOND);
    assert_true(asked("StopDiscovery connect")); /* no scan beside it */
}

static void refusals_are_understood(void **state)
{
    static const struct {
        const char *name;
        int error;
    } table[] = {{"org.bluez.Error.NotReady", -ENETDOWN},
                 {"org.freedesktop.DBus.Error.AccessDenied", -EACCES},
                 {"org.bluez.Error.Failed", -EIO},
                 {"org.example.Unheard", -EIO}};
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(table); i++) {
        lab.refused = "StartDiscovery";
        lab.refusal = table[i].name;
        lab.machine->adapters[0].scanning = false;
        lab.machine->adapters[0].requests[SL_BLUETOOTH_SCAN].retry_at = lab.now;
        run(10 * SL_SECOND);
        assert_int_equal(status_of_hci0().scan_error, table[i].error);
    }
}

static void bluetoothd_may_go_and_come_back(void **state)
{
    struct sl_bluetooth_status status;
    (void)state;
    say_owner(":1.9", "");
    run(SL_SECOND);
    assert_false(sl_bluetooth_status(lab.machine, 0, &status));
    assert_non_null(strstr(sl_bluetooth_missing(lab.machine), "stopped"));
    assert_non_null(strstr(sl_bluetooth_missing(lab.machine), "systemctl enable --now bluetooth"));
    lab.calls[0] = '\0';
    say_owner("", ":1.10");
    run(SL_SECOND);
    assert_null(sl_bluetooth_missing(lab.machine));
    assert_true(status_of_hci0().advertising);
}

static void without_bluetoothd_it_says_what_to_do(void **state)
{
    (void)state;
    lab.refused = "GetManagedObjects";
    lab.refusal = "org.freedesktop.DBus.Error.ServiceUnknown";
    say_owner(":1.9", "");
    say_owner("", ":1.10");
    run(SL_SECOND);
    assert_non_null(strstr(sl_bluetooth_missing(lab.machine), "systemctl enable --now bluetooth"));
    lab.refusal = "org.freedesktop.DBus.Error.AccessDenied";
    say_owner("", ":1.11");
    run(SL_SECOND);
    assert_non_null(strstr(sl_bluetooth_missing(lab.machine), "policy"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(adapter_is_found_and_used),
        TEST(only_what_concerns_us_is_subscribed_to),
        TEST(advertisement_that_changes_is_registered_anew),
        TEST(advertisement_that_bluez_forgot_is_registered_all_the_same),
        TEST(nothing_is_asked_of_an_adapter_without_power),
        TEST(boards_are_heard_and_connected_to),
        TEST(refusals_are_understood),
        TEST(bluetoothd_may_go_and_come_back),
        TEST(without_bluetoothd_it_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
