/* The kernel's side of Bluetooth: LE credit-based channels (Core 5.4, Vol 3, Part A, 4.22 to 4.24)
 * as sockets of packets. No pairing and the lowest security level: what runs inside brings its own.
 * Needs no privilege (the PSM is a dynamic one). */
#ifndef SL_BEARERS_BLUETOOTH_CHANNEL_H
#define SL_BEARERS_BLUETOOTH_CHANNEL_H

#include "bearers/bluetooth_machine.h"

#include <systemd/sd-event.h>

struct sl_channels;

/* Handlers run in `event`, and take the time from `now`. NULL if out of memory. */
struct sl_channels *sl_channels_new(sd_event *event, const sl_time *now);
void sl_channels_free(struct sl_channels *channels);

/* Whom to tell; before anything else is called. */
void sl_channels_attach(struct sl_channels *channels, struct sl_bluetooth *bluetooth);

void sl_channels_ports(struct sl_channels *channels, struct sl_channel_ports *ret_ports);

#endif
