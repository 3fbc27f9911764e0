/* What this system says of its Bluetooth without asking bluetoothd: the kernel's list of
 * controllers (BlueZ's doc/mgmt-api.txt, commands 3 and 4, open to everybody), rfkill's switches,
 * whether bluetoothd runs, and whether D-Bus was told about starlingd. For people who ask why. */
#ifndef SL_BEARERS_BLUETOOTH_SYSTEM_H
#define SL_BEARERS_BLUETOOTH_SYSTEM_H

#include "bearers/bluetooth_machine.h"

#define SL_BLUETOOTH_CONTROLLERS_MAX 8

struct sl_bluetooth_controller {
    char name[SL_BLUETOOTH_NAME_CAP]; /* "hci0" */
    bool powered;
    bool has_le;          /* Bluetooth low energy */
    bool has_advertising; /* in it */
    bool random_address;  /* privacy is on: what it sends bears an address that changes */
    bool soft_blocked, hard_blocked; /* by rfkill, by a switch on the device */
};

struct sl_bluetooth_facts {
    int kernel_error; /* -errno: the kernel cannot be asked; 0 */
    bool service_runs;
    bool policy_installed; /* of D-Bus, for starlingd */
    struct sl_bluetooth_controller controllers[SL_BLUETOOTH_CONTROLLERS_MAX];
    size_t controller_count;
};

/* Takes a fifth of a second at most, and next to nothing as a rule. */
void sl_bluetooth_look(struct sl_bluetooth_facts *ret_facts);

/* NULL if there is none of that name. */
const struct sl_bluetooth_controller *
sl_bluetooth_controller(const struct sl_bluetooth_facts *facts, const char *name);

/* ---- Answers of the kernel: "command complete" with its header. 0, or -EBADMSG ---- */

/* Count of the numbers of controllers, at most `cap`. */
int sl_bluetooth_read_list(const uint8_t *bytes, size_t len, uint16_t *ret_numbers, size_t cap);
int sl_bluetooth_read_controller(const uint8_t *bytes, size_t len,
                                 struct sl_bluetooth_controller *ret_controller);

#endif
