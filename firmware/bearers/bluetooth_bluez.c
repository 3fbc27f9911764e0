#include "bearers/bluetooth_bluez.h"

#include "bearers/bluetooth_internal.h"
#include "bearers/bluetooth_objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

enum { ADAPTERS_MAX = 8 }; /* known of, in use or not */

/* How often an advertisement goes out. The kernel's 1.28 s is long: one who connects listens half
 * of the time, and needs one to know that the board is there and a second to reach it. */
enum { INTERVAL_MIN_MS = 200, INTERVAL_MAX_MS = 250 };

struct bluez_adapter;

/* A method call whose answer is outstanding. */
struct call {
    struct bluez_adapter *adapter;
    enum sl_bluetooth_request request;
    sd_bus_slot *slot;
};

struct bluez_adapter {
    struct sl_bluez *bluez;
    bool known; /* BlueZ has it */
    struct sl_bluetooth_adapter info;
    struct call calls[SL_BLUETOOTH_REQUESTS];
    bool registered;
    uint8_t advert[SL_ADVERT_LEN];
    sd_bus_slot *object; /* our advertisement */
};

/* A device that advertises for us, with what it said last: BlueZ tells only what changes. */
struct bluez_device {
    struct sl_object object; /* path empty: free */
    unsigned used;           /* order of use */
};

struct sl_bluez {
    sd_event *event;
    const sl_time *now;
    struct sl_bluetooth *bluetooth;
    sd_bus *bus;
    bool lost;   /* the bus hung up; to be closed */
    bool asking; /* for all objects; the answer is outstanding */
    bool asked;  /* something was sent since it was taken */
    struct bluez_adapter adapters[ADAPTERS_MAX];
    struct bluez_device devices[SL_BLUETOOTH_SEEN_MAX];
    unsigned uses;
};

/* ---- Errors ---- */

static int error_of(const sd_bus_error *error)
{
    static const struct {
        const char *name;
        int number;
    } table[] = {
        {"org.bluez.Error.NotReady", ENETDOWN},      {"org.bluez.Error.Blocked", ERFKILL},
        {"org.bluez.Error.InProgress", EINPROGRESS}, {"org.bluez.Error.AlreadyExists", EEXIST},
        {"org.bluez.Error.NotPermitted", EPERM},     {"org.bluez.Error.NotSupported", EOPNOTSUPP},
        {"org.bluez.Error.NotAuthorized", EACCES},   {"org.bluez.Error.Busy", EBUSY},
        {"org.bluez.Error.InvalidLength", EMSGSIZE}, {"org.bluez.Error.Failed", EIO},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(table); i++)
        if (sd_bus_error_has_name(error, table[i].name))
            return -table[i].number;
    int number = sd_bus_error_get_errno(error);
    return number > 0 ? -number : -EIO;
}

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    struct call *call = arg;
    const struct bluez_adapter *adapter = call->adapter;
    const sd_bus_error *failure = sd_bus_message_get_error(m);
    int error = failure ? error_of(failure) : 0;
    (void)ret_error;
    call->slot = sd_bus_slot_unref(call->slot);
    /* It is as it should be, only not by this call. */
    if (error == -EINPROGRESS || error == -EEXIST)
        error = 0;
    if (call->request == SL_BLUETOOTH_ADVERTISE)
        call->adapter->registered = error == 0;
    sl_bluetooth_answer(adapter->bluez->bluetooth, adapter->info.name, call->request, error,
                        *adapter->bluez->now);
    return 0;
}

/* ---- Calls ---- */

static struct bluez_adapter *find_adapter(struct sl_bluez *bluez, const char *name)
{
    for (size_t i = 0; i < ADAPTERS_MAX; i++)
        if (bluez->adapters[i].known && strcmp(bluez->adapters[i].info.name, name) == 0)
            return &bluez->adapters[i];
    return NULL;
}

static void adapter_path(const struct bluez_adapter *adapter, char ret_path[SL_OBJECT_PATH_CAP])
{
    snprintf(ret_path, SL_OBJECT_PATH_CAP, "/org/bluez/%s", adapter->info.name);
}

static void advert_path(const struct bluez_adapter *adapter, char ret_path[SL_OBJECT_PATH_CAP])
{
    snprintf(ret_path, SL_OBJECT_PATH_CAP, "/org/starling/%s", adapter->info.name);
}

static int new_call(const struct bluez_adapter *adapter, const char *interface, const char *method,
                    sd_bus_message **ret_message)
{
    char path[SL_OBJECT_PATH_CAP];
    adapter_path(adapter, path);
    if (!adapter->bluez->bus)
        return -ENOTCONN;
    adapter->bluez->asked = true;
    int r = sd_bus_message_new_method_call(adapter->bluez->bus, ret_message, "org.bluez", path,
                                           interface, method);
    /* D-Bus would start it again for the call that clears up after somebody has stopped it. */
    return r < 0 ? r : sd_bus_message_set_auto_start(*ret_message, 0);
}

/* Sends it and takes the message; `r` is how making it went. The answer to what was asked before
 * does not count any more. */
static int send_call(struct bluez_adapter *adapter, enum sl_bluetooth_request request,
                     sd_bus_message *m, int r, sd_bus_message_handler_t handler)
{
    struct call *call = &adapter->calls[request];
    sd_bus_slot_unref(call->slot);
    *call = (struct call){.adapter = adapter, .request = request};
    if (r >= 0)
        r = sd_bus_call_async(adapter->bluez->bus, &call->slot, m, handler, call, 0);
    sd_bus_message_unref(m);
    return r;
}

/* A failure to send is an answer, too. */
static void ask(struct bluez_adapter *adapter, enum sl_bluetooth_request request, sd_bus_message *m,
                int r)
{
    r = send_call(adapter, request, m, r, on_answer);
    if (r < 0)
        sl_bluetooth_answer(adapter->bluez->bluetooth, adapter->info.name, request, r,
                            *adapter->bluez->now);
}

static void do_power(void *arg, const char *name)
{
    struct bluez_adapter *adapter = find_adapter(arg, name);
    sd_bus_message *m = NULL;
    if (!adapter)
        return;
    int r = new_call(adapter, "org.freedesktop.DBus.Properties", "Set", &m);
    if (r >= 0)
        r = sd_bus_message_append(m, "ssv", "org.bluez.Adapter1", "Powered", "b", 1);
    ask(adapter, SL_BLUETOOTH_POWER, m, r);
}

/* ---- Scanning ---- */

/* Before every scan, for BlueZ forgets it with the power. LE only. Without it, BlueZ would look for
 * classic devices, too, and leave out whoever does not call itself discoverable. */
static int set_filter(struct bluez_adapter *adapter)
{
    sd_bus_message *m = NULL;
    int r = new_call(adapter, "org.bluez.Adapter1", "SetDiscoveryFilter", &m);
    if (r >= 0)
        r = sd_bus_message_append(m, "a{sv}", 2, "Transport", "s", "le", "DuplicateData", "b", 0);
    if (r >= 0)
        r = sd_bus_message_set_expect_reply(m, 0);
    if (r >= 0)
        r = sd_bus_send(adapter->bluez->bus, m, NULL);
    sd_bus_message_unref(m);
    return r;
}

static void do_scan(void *arg, const char *name, bool on)
{
    struct bluez_adapter *adapter = find_adapter(arg, name);
    sd_bus_message *m = NULL;
    if (!adapter)
        return;
    int r = on ? set_filter(adapter) : 0;
    if (r >= 0)
        r = new_call(adapter, "org.bluez.Adapter1", on ? "StartDiscovery" : "StopDiscovery", &m);
    ask(adapter, SL_BLUETOOTH_SCAN, m, r);
}

/* ---- Advertising ---- */

static int get_type(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *arg, sd_bus_error *ret_error)
{
    (void)bus, (void)path, (void)interface, (void)property, (void)arg, (void)ret_error;
    return sd_bus_message_append(reply, "s", "peripheral");
}

static int append_data(sd_bus_message *reply, const uint8_t *bytes)
{
    int r = sd_bus_message_open_container(reply, 'a', "{sv}");
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'e', "sv");
    if (r >= 0)
        r = sd_bus_message_append(reply, "s", SL_BLUETOOTH_UUID);
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'v', "ay");
    if (r >= 0)
        r = sd_bus_message_append_array(reply, 'y', bytes, SL_ADVERT_LEN);
    for (unsigned i = 0; i < 3 && r >= 0; i++)
        r = sd_bus_message_close_container(reply);
    return r;
}

static int get_data(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *arg, sd_bus_error *ret_error)
{
    const struct bluez_adapter *adapter = arg;
    (void)bus, (void)path, (void)interface, (void)property, (void)ret_error;
    return append_data(reply, adapter->advert);
}

static int get_interval(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *arg, sd_bus_error *ret_error)
{
    uint32_t ms = strcmp(property, "MinInterval") == 0 ? INTERVAL_MIN_MS : INTERVAL_MAX_MS;
    (void)bus, (void)path, (void)interface, (void)arg, (void)ret_error;
    return sd_bus_message_append(reply, "u", ms);
}

/* BlueZ ends the advertisement by itself. */
static int on_release(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    struct bluez_adapter *adapter = arg;
    (void)ret_error;
    adapter->registered = false;
    sl_bluetooth_advert_lost(adapter->bluez->bluetooth, adapter->info.name, *adapter->bluez->now);
    return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable advert_table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Release", NULL, NULL, on_release, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("Type", "s", get_type, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("ServiceData", "a{sv}", get_data, 0, 0),
    SD_BUS_PROPERTY("MinInterval", "u", get_interval, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("MaxInterval", "u", get_interval, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_VTABLE_END,
};

static void register_advert(struct bluez_adapter *adapter)
{
    char path[SL_OBJECT_PATH_CAP];
    sd_bus_message *m = NULL;
    advert_path(adapter, path);
    int r = new_call(adapter, "org.bluez.LEAdvertisingManager1", "RegisterAdvertisement", &m);
    if (r >= 0 && !adapter->object)
        r = sd_bus_add_object_vtable(adapter->bluez->bus, &adapter->object, path,
                                     "org.bluez.LEAdvertisement1", advert_table, adapter);
    if (r >= 0)
        r = sd_bus_message_append(m, "oa{sv}", path, 0);
    ask(adapter, SL_BLUETOOTH_ADVERTISE, m, r);
}

static int on_unregistered(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    struct call *call = arg;
    (void)m; /* one that it does not know is gone as well */
    (void)ret_error;
    call->slot = sd_bus_slot_unref(call->slot);
    call->adapter->registered = false;
    register_advert(call->adapter);
    return 0;
}

static int new_unregister(const struct bluez_adapter *adapter, sd_bus_message **ret_message)
{
    char path[SL_OBJECT_PATH_CAP];
    advert_path(adapter, path);
    int r = new_call(adapter, "org.bluez.LEAdvertisingManager1", "UnregisterAdvertisement",
                     ret_message);
    return r < 0 ? r : sd_bus_message_append(*ret_message, "o", path);
}

/* Each one is registered anew. A change of its properties would do, but there is nobody whom
 * bluetoothd could tell that the radio refused it: 5.66 aborts over that, which happens whenever
 * rfkill is a moment ahead of it. */
static void do_advertise(void *arg, const char *name, const uint8_t bytes[SL_ADVERT_LEN])
{
    struct bluez_adapter *adapter = find_adapter(arg, name);
    sd_bus_message *m = NULL;
    if (!adapter)
        return;
    memcpy(adapter->advert, bytes, SL_ADVERT_LEN);
    if (!adapter->registered) {
        register_advert(adapter);
        return;
    }
    int r = new_unregister(adapter, &m);
    r = send_call(adapter, SL_BLUETOOTH_ADVERTISE, m, r, on_unregistered);
    if (r < 0)
        sl_bluetooth_answer(adapter->bluez->bluetooth, name, SL_BLUETOOTH_ADVERTISE, r,
                            *adapter->bluez->now);
}

static void do_stop_advertising(void *arg, const char *name)
{
    struct bluez_adapter *adapter = find_adapter(arg, name);
    sd_bus_message *m = NULL;
    if (!adapter || !adapter->object)
        return;
    struct call *call = &adapter->calls[SL_BLUETOOTH_ADVERTISE];
    /* Also one whose registration is under way, the answer to which concerns nobody any more. */
    if ((adapter->registered || call->slot) && new_unregister(adapter, &m) >= 0 &&
        sd_bus_message_set_expect_reply(m, 0) >= 0)
        sd_bus_send(adapter->bluez->bus, m, NULL);
    sd_bus_message_unref(m);
    call->slot = sd_bus_slot_unref(call->slot);
    adapter->registered = false;
    adapter->object = sd_bus_slot_unref(adapter->object);
}

/* ---- Objects ---- */

static struct bluez_adapter *add_adapter(struct sl_bluez *bluez, const char *name)
{
    for (size_t i = 0; i < ADAPTERS_MAX; i++) {
        struct bluez_adapter *adapter = &bluez->adapters[i];
        if (adapter->known)
            continue;
        *adapter = (struct bluez_adapter){.bluez = bluez, .known = true};
        snprintf(adapter->info.name, sizeof(adapter->info.name), "%s", name);
        return adapter;
    }
    return NULL;
}

static void take_adapter(struct sl_bluez *bluez, const struct sl_object *object)
{
    struct bluez_adapter *adapter = find_adapter(bluez, object->adapter);
    if (!adapter)
        adapter = add_adapter(bluez, object->adapter);
    if (!adapter)
        return;
    struct sl_bluetooth_adapter *info = &adapter->info;
    if (object->has_powered)
        info->powered = object->powered;
    if (object->advertises)
        info->advertises = true;
    if (object->both_roles)
        info->both_roles = true;
    if (object->has_address_type)
        info->address.bytes[0] = object->random ? 1 : 0;
    if (object->has_address) {
        info->address.len = SL_BLUETOOTH_ADDRESS_LEN;
        memcpy(info->address.bytes + 1, object->address, 6);
    }
    if (info->address.len > 0)
        sl_bluetooth_adapter(bluez->bluetooth, info, *bluez->now);
}

static struct bluez_device *find_device(struct sl_bluez *bluez, const char *path)
{
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++)
        if (strcmp(bluez->devices[i].object.path, path) == 0)
            return &bluez->devices[i];
    return NULL;
}

/* A free place, or that of the one least recently heard. */
static struct bluez_device *place_for_device(struct sl_bluez *bluez)
{
    struct bluez_device *oldest = &bluez->devices[0];
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++) {
        struct bluez_device *device = &bluez->devices[i];
        if (device->object.path[0] == '\0')
            return device;
        if (bluez->uses - device->used > bluez->uses - oldest->used)
            oldest = device;
    }
    return oldest;
}

static void tell_device(const struct sl_bluez *bluez, const struct sl_object *object)
{
    struct sl_bluetooth_heard heard = {.adapter = object->adapter,
                                       .address = {.len = SL_BLUETOOTH_ADDRESS_LEN},
                                       .rssi = object->rssi,
                                       .bytes = object->data,
                                       .len = SL_ADVERT_LEN};
    heard.address.bytes[0] = object->random ? 1 : 0;
    memcpy(heard.address.bytes + 1, object->address, 6);
    sl_bluetooth_heard(bluez->bluetooth, &heard, *bluez->now);
}

static int ask_for_objects(struct sl_bluez *bluez);

/* `fresh`: the message came because it was heard just now. A device that BlueZ knew before it heard
 * our service data is introduced without them, and later changes do not bring its address. */
static void take_device(struct sl_bluez *bluez, const struct sl_object *news, bool fresh)
{
    struct bluez_device *device = find_device(bluez, news->path);
    if (!device) {
        if (!news->has_data)
            return; /* not one of ours */
        if (!news->has_address) {
            ask_for_objects(bluez);
            return;
        }
        device = place_for_device(bluez);
        device->object = *news;
    }
    device->used = ++bluez->uses;
    if (news->has_rssi)
        device->object.rssi = news->rssi;
    if (news->has_data)
        memcpy(device->object.data, news->data, SL_ADVERT_LEN);
    if (news->has_rssi || (fresh && news->has_data))
        tell_device(bluez, &device->object);
}

static void take_object(struct sl_bluez *bluez, const struct sl_object *object, bool fresh)
{
    if (object->adapter[0] == '\0')
        return;
    if (object->is_device)
        take_device(bluez, object, fresh);
    else if (object->is_adapter || object->advertises)
        take_adapter(bluez, object);
}

static void forget_adapter(struct bluez_adapter *adapter)
{
    for (size_t i = 0; i < SL_BLUETOOTH_REQUESTS; i++)
        sd_bus_slot_unref(adapter->calls[i].slot);
    sd_bus_slot_unref(adapter->object);
    *adapter = (struct bluez_adapter){0};
}

static void forget_all(struct sl_bluez *bluez)
{
    for (size_t i = 0; i < ADAPTERS_MAX; i++)
        forget_adapter(&bluez->adapters[i]);
    memset(bluez->devices, 0, sizeof(bluez->devices));
}

/* ---- Signals ---- */

static int on_changes(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    struct sl_bluez *bluez = arg;
    struct sl_object object;
    (void)ret_error;
    if (sl_object_read_changes(m, &object) < 0)
        return 0;
    /* Changes of adapters that were not introduced are old ones. */
    if (object.is_device || find_adapter(bluez, object.adapter))
        take_object(bluez, &object, true);
    return 0;
}

static int on_added(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    struct sl_object object;
    const char *path;
    (void)ret_error;
    if (sd_bus_message_read_basic(m, 'o', &path) >= 0 &&
        sl_object_read_interfaces(m, path, &object) >= 0)
        take_object(arg, &object, true);
    return 0;
}

static void take_removal(struct sl_bluez *bluez, const char *path, const char *interface)
{
    struct bluez_device *device = find_device(bluez, path);
    struct bluez_adapter *adapter = NULL;
    if (strncmp(path, "/org/bluez/", 11) == 0)
        adapter = find_adapter(bluez, path + 11);
    if (device && strcmp(interface, "org.bluez.Device1") == 0)
        *device = (struct bluez_device){0};
    if (adapter && strcmp(interface, "org.bluez.Adapter1") == 0) {
        sl_bluetooth_adapter_gone(bluez->bluetooth, adapter->info.name, *bluez->now);
        forget_adapter(adapter);
    }
}

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    const char *path, *interface;
    (void)ret_error;
    int r = sd_bus_message_read_basic(m, 'o', &path);
    if (r >= 0)
        r = sd_bus_message_enter_container(m, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &interface)) > 0)
        take_removal(arg, path, interface);
    return 0;
}

/* ---- The service ---- */

static void report_failure(struct sl_bluez *bluez, const sd_bus_error *failure)
{
    char line[160];
    snprintf(line, sizeof(line), "bluetoothd does not answer: %s", failure->name);
    if (sd_bus_error_has_names(failure, SD_BUS_ERROR_SERVICE_UNKNOWN,
                               SD_BUS_ERROR_NAME_HAS_NO_OWNER))
        snprintf(line, sizeof(line),
                 "bluetoothd is not running; 'systemctl enable --now bluetooth' as root starts it");
    else if (sd_bus_error_has_name(failure, SD_BUS_ERROR_ACCESS_DENIED))
        snprintf(line, sizeof(line),
                 "D-Bus does not let us speak to bluetoothd; its policy for the user starling "
                 "(starling.conf in dbus-1/system.d) comes with this package");
    sl_bluetooth_service(bluez->bluetooth, line, *bluez->now);
}

static int on_objects(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    struct sl_bluez *bluez = arg;
    const sd_bus_error *failure = sd_bus_message_get_error(m);
    (void)ret_error;
    bluez->asking = false;
    if (failure) {
        report_failure(bluez, failure);
        return 0;
    }
    sl_bluetooth_service(bluez->bluetooth, NULL, *bluez->now);
    int r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
    while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
        struct sl_object object;
        const char *path;
        r = sd_bus_message_read_basic(m, 'o', &path);
        if (r >= 0)
            r = sl_object_read_interfaces(m, path, &object);
        if (r >= 0)
            r = sd_bus_message_exit_container(m);
        if (r >= 0)
            take_object(bluez, &object, false);
    }
    return 0;
}

static int ask_for_objects(struct sl_bluez *bluez)
{
    sd_bus_message *m = NULL;
    int r =
        sd_bus_message_new_method_call(bluez->bus, &m, "org.bluez", "/",
                                       "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
    if (r >= 0)
        r = sd_bus_message_set_auto_start(m, 0);
    if (r >= 0)
        r = sd_bus_call_async(bluez->bus, NULL, m, on_objects, bluez, 0);
    sd_bus_message_unref(m);
    bluez->asking = r >= 0;
    bluez->asked = true;
    return r;
}

static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    struct sl_bluez *bluez = arg;
    const char *name, *old, *new;
    (void)ret_error;
    if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0)
        return 0;
    if (old[0] != '\0') {
        sl_bluetooth_service(
            bluez->bluetooth,
            "bluetoothd has stopped; 'systemctl enable --now bluetooth' as root starts it again",
            *bluez->now);
        forget_all(bluez);
    }
    bluez->asking = false; /* whoever was asked is gone */
    if (new[0] != '\0')
        ask_for_objects(bluez);
    return 0;
}

static int on_disconnected(sd_bus_message *m, void *arg, sd_bus_error *ret_error)
{
    struct sl_bluez *bluez = arg;
    (void)m;
    (void)ret_error;
    bluez->lost = true; /* it cannot be freed in its own handler */
    sl_bluetooth_service(
        bluez->bluetooth,
        "the system's D-Bus has stopped; 'systemctl start dbus' as root starts it again",
        *bluez->now);
    forget_all(bluez);
    return 0;
}

static int add_matches(struct sl_bluez *bluez)
{
    static const struct {
        const char *match;
        sd_bus_message_handler_t handler;
    } matches[] = {
        {"type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
         "member='NameOwnerChanged',arg0='org.bluez'",
         on_owner},
        {"type='signal',sender='org.bluez',interface='org.freedesktop.DBus.ObjectManager',"
         "member='InterfacesAdded'",
         on_added},
        {"type='signal',sender='org.bluez',interface='org.freedesktop.DBus.ObjectManager',"
         "member='InterfacesRemoved'",
         on_removed},
        /* Of these interfaces only: what a laptop's headset or watch has to say wakes nobody. */
        {"type='signal',sender='org.bluez',interface='org.freedesktop.DBus.Properties',"
         "member='PropertiesChanged',path_namespace='/org/bluez',arg0='org.bluez.Adapter1'",
         on_changes},
        {"type='signal',sender='org.bluez',interface='org.freedesktop.DBus.Properties',"
         "member='PropertiesChanged',path_namespace='/org/bluez',arg0='org.bluez.Device1'",
         on_changes},
        {"type='signal',sender='org.freedesktop.DBus.Local',"
         "interface='org.freedesktop.DBus.Local',member='Disconnected'",
         on_disconnected},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(matches); i++) {
        int r = sd_bus_add_match_async(bluez->bus, NULL, matches[i].match, matches[i].handler, NULL,
                                       bluez);
        if (r < 0)
            return r;
    }
    return 0;
}

static void close_bus(struct sl_bluez *bluez)
{
    if (!bluez->bus)
        return;
    sd_bus_flush(bluez->bus); /* what stops the scan and the advertisement */
    forget_all(bluez);
    sd_bus_detach_event(bluez->bus);
    bluez->bus = sd_bus_close_unref(bluez->bus);
    bluez->lost = bluez->asking = false;
}

void sl_bluez_refresh(struct sl_bluez *bluez)
{
    if (bluez->lost)
        close_bus(bluez);
    if (bluez->bus)
        return;
    int r = sd_bus_open_system(&bluez->bus);
    if (r >= 0)
        r = sd_bus_attach_event(bluez->bus, bluez->event, SD_EVENT_PRIORITY_NORMAL);
    if (r >= 0)
        r = add_matches(bluez);
    if (r >= 0)
        r = ask_for_objects(bluez);
    if (r >= 0)
        return;
    sl_bluetooth_service(
        bluez->bluetooth,
        "the system's D-Bus is not running; 'systemctl start dbus' as root starts it", *bluez->now);
    close_bus(bluez);
}

/* ---- Made and freed ---- */

struct sl_bluez *sl_bluez_new(sd_event *event, const sl_time *now)
{
    struct sl_bluez *bluez = calloc(1, sizeof(*bluez));
    if (!bluez)
        return NULL;
    bluez->event = sd_event_ref(event);
    bluez->now = now;
    return bluez;
}

void sl_bluez_attach(struct sl_bluez *bluez, struct sl_bluetooth *bluetooth)
{
    bluez->bluetooth = bluetooth;
}

void sl_bluez_free(struct sl_bluez *bluez)
{
    if (!bluez)
        return;
    close_bus(bluez);
    sd_event_unref(bluez->event);
    free(bluez);
}

bool sl_bluez_take_asked(struct sl_bluez *bluez)
{
    bool asked = bluez->asked;
    bluez->asked = false;
    return asked;
}

void sl_bluez_ports(struct sl_bluez *bluez, struct sl_bluez_ports *ret_ports)
{
    *ret_ports = (struct sl_bluez_ports){
        .arg = bluez,
        .power = do_power,
        .advertise = do_advertise,
        .stop_advertising = do_stop_advertising,
        .scan = do_scan,
    };
}
