/* What an adapter is used for, or why not and what to do, in words. */
#ifndef SL_BEARERS_BLUETOOTH_WORDS_H
#define SL_BEARERS_BLUETOOTH_WORDS_H

#include "bearers/bluetooth_system.h"

enum sl_bluetooth_state {
    SL_BLUETOOTH_STARTING,
    SL_BLUETOOTH_LOOKING, /* in use, and nobody there yet */
    SL_BLUETOOTH_LINKED,
    SL_BLUETOOTH_OFF,
    SL_BLUETOOTH_SOFT_BLOCKED, /* by rfkill */
    SL_BLUETOOTH_HARD_BLOCKED, /* by a switch on the device */
    SL_BLUETOOTH_NO_LE,
    SL_BLUETOOTH_NOT_ALLOWED, /* by D-Bus, or a policy of BlueZ */
    SL_BLUETOOTH_FAILED,
    SL_BLUETOOTH_STATES
};

/* `controller` is what the kernel says of the same adapter; NULL if it said nothing. */
enum sl_bluetooth_state sl_bluetooth_judge(const struct sl_bluetooth_status *status,
                                           const struct sl_bluetooth_controller *controller);

/* "linked", "off" ... */
const char *sl_bluetooth_state_word(enum sl_bluetooth_state state);

bool sl_bluetooth_is_trouble(enum sl_bluetooth_state state);

void sl_bluetooth_explain(const struct sl_bluetooth_status *status,
                          const struct sl_bluetooth_controller *controller, char *ret_text,
                          size_t cap);

#endif
