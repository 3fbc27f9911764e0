/* The Bluetooth bearer: the state machine (bluetooth_machine.h) between BlueZ, the kernel's sockets
 * and the daemon. */
#ifndef SL_BEARERS_BLUETOOTH_H
#define SL_BEARERS_BLUETOOTH_H

#include "bearers/bluetooth_machine.h"

/* Works also where there is no Bluetooth, and waits for it. `host` and `primitives` are copied.
 * 0 or -ENOMEM. Freed through its ops. */
int sl_bluetooth_bearer_new(const struct sl_bluetooth_config *config,
                            const struct sl_bearer_host *host,
                            const struct sl_primitives *primitives,
                            const uint8_t network_secret[SL_KEY_LEN],
                            struct sl_bearer **ret_bearer);

/* Its state machine, to ask it for its status. */
const struct sl_bluetooth *sl_bluetooth_of(const struct sl_bearer *bearer);

#endif
