/* What BlueZ's objects say of themselves, read out of D-Bus messages. Internal to
 * bluetooth_bluez.c. */
#ifndef SL_BEARERS_BLUETOOTH_OBJECTS_H
#define SL_BEARERS_BLUETOOTH_OBJECTS_H

#include "bearers/bluetooth_machine.h"

#include <systemd/sd-bus.h>

#define SL_OBJECT_PATH_CAP 64 /* "/org/bluez/hci0/dev_00_11_22_33_44_55" */

/* What one message told of an object; what it did not tell is unset. */
struct sl_object {
    char path[SL_OBJECT_PATH_CAP];
    char adapter[SL_BLUETOOTH_NAME_CAP]; /* "hci0", from the path; empty for others */
    bool is_adapter, is_device;          /* the interface came with it */
    bool advertises;
    bool both_roles; /* "central-peripheral" is among its roles */
    bool has_powered, powered;
    bool has_address, has_address_type, random;
    uint8_t address[6]; /* as written */
    bool has_rssi;
    int8_t rssi;
    bool has_data; /* service data under our UUID, of the right length */
    uint8_t data[SL_ADVERT_LEN];
};

/* The message stands at an a{sa{sv}}: interfaces and their properties. 0 or -errno. */
int sl_object_read_interfaces(sd_bus_message *m, const char *path, struct sl_object *ret_object);

/* The message is PropertiesChanged. 0 or -errno. */
int sl_object_read_changes(sd_bus_message *m, struct sl_object *ret_object);

#endif
