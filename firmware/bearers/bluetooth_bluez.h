/* BlueZ over D-Bus (its doc/adapter-api.txt, device-api.txt and advertising-api.txt): which
 * adapters there are, power, advertising, scanning, and what the scan hears. Knows nothing of the
 * mesh.
 *
 * Not its AdvertisementMonitorManager1. That is experimental up to 5.79, the newest looked at: it
 * is there only under `bluetoothd --experimental`, which no package can ask of a system. And where
 * the controller does not filter by itself (a vendor's extension) the kernel scans for as long as a
 * monitor stands, and wakes bluetoothd for everything around; a settled board scans a twentieth of
 * the time (`scan-percent`), and then stops.
 *
 * The name org.bluez is watched: when bluetoothd goes everything that it told is forgotten, when it
 * comes everything is asked anew. It is never started by us. */
#ifndef SL_BEARERS_BLUETOOTH_BLUEZ_H
#define SL_BEARERS_BLUETOOTH_BLUEZ_H

#include "bearers/bluetooth_machine.h"

#include <systemd/sd-event.h>

/* The 16-bit UUID of our service data. Not assigned to anybody (Bluetooth SIG, Assigned Numbers,
 * 3.4 and on); a product asks for one of its own. A 128-bit one would not leave room for the data
 * (PROTOCOL.md, Bluetooth). */
#define SL_BLUETOOTH_UUID "00005354-0000-1000-8000-00805f9b34fb"

struct sl_bluez;

/* Handlers run in `event`, and take the time from `now`. NULL if out of memory. */
struct sl_bluez *sl_bluez_new(sd_event *event, const sl_time *now);
void sl_bluez_free(struct sl_bluez *bluez);

/* Whom to tell; before anything else is called. */
void sl_bluez_attach(struct sl_bluez *bluez, struct sl_bluetooth *bluetooth);

/* Connects to the bus if it is not; call it now and then. */
void sl_bluez_refresh(struct sl_bluez *bluez);

/* Whether something was sent to the bus since the last call: then `event` has to be prepared anew,
 * for the time that the answer may take, or for room to write. */
bool sl_bluez_take_asked(struct sl_bluez *bluez);

void sl_bluez_ports(struct sl_bluez *bluez, struct sl_bluez_ports *ret_ports);

#endif
