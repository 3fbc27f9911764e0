/* Boards with Bluetooth in a crowd: each follows the plan that the firmware follows
 * (bearers/bluetooth_plan.h), over the channels of crowd_ble.h. For the files crowd*.c only. */
#ifndef SL_SIM_CROWD_BLUETOOTH_H
#define SL_SIM_CROWD_BLUETOOTH_H

#include "mesh/node.h"
#include "sim/crowd_ble.h"

struct sl_crowd;
struct sl_crowd_station;
struct sl_crowd_bluetooth; /* of one station */

/* Decides who has which radio, by the shares in the configuration, and makes the medium. */
void sl_crowd_bluetooth_init(struct sl_crowd *crowd, const struct sl_path_config *path);
void sl_crowd_bluetooth_done(struct sl_crowd *crowd);

/* Places are those on the Wi-Fi air. */
void sl_crowd_bluetooth_move(struct sl_crowd *crowd);

/* The station's node was made, or is gone. */
void sl_crowd_bluetooth_start(struct sl_crowd_station *station);
void sl_crowd_bluetooth_stop(struct sl_crowd_station *station);

/* Whether that bearer is the station's Bluetooth. */
bool sl_crowd_bluetooth_is(const struct sl_crowd_station *station, int bearer);
bool sl_crowd_bluetooth_send(struct sl_crowd_station *station, const struct sl_address *to,
                             const struct sl_air_frame *frame);

/* Stations in reach over either radio. */
size_t sl_crowd_in_reach(const void *crowd, int from, int *ret_stations);

/* Hops over the links that are up now; SL_REACH_NEVER where there is no way. */
void sl_crowd_linked_hops(const struct sl_crowd *crowd, int from, uint8_t *ret_hops);

#endif
