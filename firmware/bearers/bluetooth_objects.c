#include "bearers/bluetooth_objects.h"

#include "bearers/bluetooth_bluez.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Runs `read` on each entry of a dictionary; the reader takes key and value. */
static int each_entry(sd_bus_message *m, const char *array, const char *entry,
                      int (*read)(sd_bus_message *m, struct sl_object *object),
                      struct sl_object *object)
{
    int r = sd_bus_message_enter_container(m, 'a', array);
    while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', entry)) > 0) {
        r = read(m, object);
        if (r >= 0)
            r = sd_bus_message_exit_container(m);
    }
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_variant(sd_bus_message *m, const char *type, void *ret_value)
{
    int r = sd_bus_message_enter_container(m, 'v', type);
    if (r >= 0)
        r = sd_bus_message_read_basic(m, type[0], ret_value);
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- Service data ---- */

static int read_bytes(sd_bus_message *m, struct sl_object *object)
{
    const void *bytes;
    size_t len;
    int r = sd_bus_message_enter_container(m, 'v', "ay");
    if (r >= 0)
        r = sd_bus_message_read_array(m, 'y', &bytes, &len);
    if (r >= 0 && len == SL_ADVERT_LEN) {
        object->has_data = true;
        memcpy(object->data, bytes, SL_ADVERT_LEN);
    }
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_service(sd_bus_message *m, struct sl_object *object)
{
    const char *uuid;
    int r = sd_bus_message_read_basic(m, 's', &uuid);
    if (r < 0)
        return r;
    return strcmp(uuid, SL_BLUETOOTH_UUID) == 0 ? read_bytes(m, object)
                                                : sd_bus_message_skip(m, "v");
}

static int read_service_data(sd_bus_message *m, struct sl_object *object)
{
    int r = sd_bus_message_enter_container(m, 'v', "a{sv}");
    if (r >= 0)
        r = each_entry(m, "{sv}", "sv", read_service, object);
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- Properties ---- */

static int read_address(sd_bus_message *m, struct sl_object *object)
{
    const char *text;
    unsigned b[6];
    int r = read_variant(m, "s", &text);
    if (r < 0)
        return r;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
        return -EBADMSG;
    for (size_t i = 0; i < 6; i++)
        object->address[i] = (uint8_t)b[i];
    object->has_address = true;
    return 0;
}

static int read_address_type(sd_bus_message *m, struct sl_object *object)
{
    const char *text;
    int r = read_variant(m, "s", &text);
    object->has_address_type = r >= 0;
    object->random = r >= 0 && strcmp(text, "random") == 0;
    return r;
}

static int read_powered(sd_bus_message *m, struct sl_object *object)
{
    int powered = 0;
    int r = read_variant(m, "b", &powered);
    object->has_powered = r >= 0;
    object->powered = powered != 0;
    return r;
}

static int read_roles(sd_bus_message *m, struct sl_object *object)
{
    const char *role;
    int r = sd_bus_message_enter_container(m, 'v', "as");
    if (r >= 0)
        r = sd_bus_message_enter_container(m, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &role)) > 0)
        object->both_roles = object->both_roles || strcmp(role, "central-peripheral") == 0;
    for (unsigned i = 0; i < 2 && r >= 0; i++)
        r = sd_bus_message_exit_container(m);
    return r;
}

static int read_rssi(sd_bus_message *m, struct sl_object *object)
{
    int16_t rssi = 0;
    int r = read_variant(m, "n", &rssi);
    object->has_rssi = r >= 0;
    object->rssi = (int8_t)(rssi < INT8_MIN ? INT8_MIN : rssi > INT8_MAX ? INT8_MAX : rssi);
    return r;
}

static int read_property(sd_bus_message *m, struct sl_object *object)
{
    static const struct {
        const char *name;
        int (*read)(sd_bus_message *m, struct sl_object *object);
    } readers[] = {
        {"Address", read_address}, {"AddressType", read_address_type},
        {"Powered", read_powered}, {"ServiceData", read_service_data},
        {"RSSI", read_rssi},       {"Roles", read_roles},
    };
    const char *name;
    int r = sd_bus_message_read_basic(m, 's', &name);
    if (r < 0)
        return r;
    for (size_t i = 0; i < SL_ARRAY_LEN(readers); i++)
        if (strcmp(readers[i].name, name) == 0)
            return readers[i].read(m, object);
    return sd_bus_message_skip(m, "v");
}

/* ---- Objects ---- */

static void begin(struct sl_object *object, const char *path)
{
    *object = (struct sl_object){0};
    snprintf(object->path, sizeof(object->path), "%s", path);
    if (sscanf(path, "/org/bluez/%15[^/]", object->adapter) != 1)
        object->adapter[0] = '\0';
}

/* False for interfaces that do not concern us. */
static bool note_interface(struct sl_object *object, const char *interface)
{
    bool adapter = strcmp(interface, "org.bluez.Adapter1") == 0;
    bool device = strcmp(interface, "org.bluez.Device1") == 0;
    object->is_adapter = object->is_adapter || adapter;
    object->is_device = object->is_device || device;
    if (strcmp(interface, "org.bluez.LEAdvertisingManager1") == 0)
        object->advertises = true;
    return adapter || device;
}

static int read_interface(sd_bus_message *m, struct sl_object *object)
{
    const char *interface;
    int r = sd_bus_message_read_basic(m, 's', &interface);
    if (r < 0)
        return r;
    if (!note_interface(object, interface))
        return sd_bus_message_skip(m, "a{sv}");
    return each_entry(m, "{sv}", "sv", read_property, object);
}

int sl_object_read_interfaces(sd_bus_message *m, const char *path, struct sl_object *ret_object)
{
    begin(ret_object, path);
    return each_entry(m, "{sa{sv}}", "sa{sv}", read_interface, ret_object);
}

int sl_object_read_changes(sd_bus_message *m, struct sl_object *ret_object)
{
    const char *interface;
    begin(ret_object, sd_bus_message_get_path(m));
    int r = sd_bus_message_read_basic(m, 's', &interface);
    if (r < 0)
        return r;
    if (!note_interface(ret_object, interface))
        return 0;
    return each_entry(m, "{sv}", "sv", read_property, ret_object);
}
