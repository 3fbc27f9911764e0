#include "bearers/bluetooth_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *sl_bluetooth_state_word(enum sl_bluetooth_state state)
{
    static const char *const words[] = {
        [SL_BLUETOOTH_STARTING] = "starting",
        [SL_BLUETOOTH_LOOKING] = "looking",
        [SL_BLUETOOTH_LINKED] = "linked",
        [SL_BLUETOOTH_OFF] = "off",
        [SL_BLUETOOTH_SOFT_BLOCKED] = "soft-blocked",
        [SL_BLUETOOTH_HARD_BLOCKED] = "hard-blocked",
        [SL_BLUETOOTH_NO_LE] = "no-le",
        [SL_BLUETOOTH_NOT_ALLOWED] = "not-allowed",
        [SL_BLUETOOTH_FAILED] = "failed",
    };
    _Static_assert(SL_ARRAY_LEN(words) == SL_BLUETOOTH_STATES, "a word for every state");
    return words[state];
}

bool sl_bluetooth_is_trouble(enum sl_bluetooth_state state)
{
    return state >= SL_BLUETOOTH_SOFT_BLOCKED;
}

/* Of what BlueZ was asked last, what it would not do; 0. */
static int first_error(const struct sl_bluetooth_status *status)
{
    if (!status->powered)
        return status->power_error;
    return status->listen_error      ? status->listen_error
           : status->advertise_error ? status->advertise_error
                                     : status->scan_error;
}

enum sl_bluetooth_state sl_bluetooth_judge(const struct sl_bluetooth_status *status,
                                           const struct sl_bluetooth_controller *controller)
{
    int error = first_error(status);
    if (!status->powered && controller && controller->hard_blocked)
        return SL_BLUETOOTH_HARD_BLOCKED;
    if (!status->powered && (error == -ERFKILL || (controller && controller->soft_blocked)))
        return SL_BLUETOOTH_SOFT_BLOCKED;
    if (controller && !controller->has_le)
        return SL_BLUETOOTH_NO_LE;
    if (error == -EACCES || error == -EPERM)
        return SL_BLUETOOTH_NOT_ALLOWED;
    if (error < 0)
        return SL_BLUETOOTH_FAILED;
    if (!status->powered)
        return SL_BLUETOOTH_OFF;
    if (!status->advertises)
        return SL_BLUETOOTH_NO_LE;
    if (!status->in_use)
        return SL_BLUETOOTH_STARTING;
    return status->links > 0 ? SL_BLUETOOTH_LINKED : SL_BLUETOOTH_LOOKING;
}

static void explain_use(const struct sl_bluetooth_status *status,
                        const struct sl_bluetooth_controller *controller, char *ret_text,
                        size_t cap)
{
    int len = status->links == 0 ? snprintf(ret_text, cap, "looking for other boards")
                                 : snprintf(ret_text, cap, "%zu link%s", status->links,
                                            status->links > 1 ? "s" : "");
    if (controller && !controller->random_address && len > 0 && (size_t)len < cap)
        snprintf(ret_text + len, cap - (size_t)len,
                 ", under an address that never changes and can be followed; 'Privacy = device' "
                 "under [General] in /etc/bluetooth/main.conf changes it every 15 minutes");
}

static const char *what_failed(const struct sl_bluetooth_status *status)
{
    if (!status->powered)
        return "switching it on";
    return status->listen_error      ? "listening for other boards"
           : status->advertise_error ? "advertising"
                                     : "scanning";
}

void sl_bluetooth_explain(const struct sl_bluetooth_status *status,
                          const struct sl_bluetooth_controller *controller, char *ret_text,
                          size_t cap)
{
    switch (sl_bluetooth_judge(status, controller)) {
    case SL_BLUETOOTH_LINKED:
    case SL_BLUETOOTH_LOOKING:
        explain_use(status, controller, ret_text, cap);
        return;
    case SL_BLUETOOTH_OFF:
        snprintf(ret_text, cap,
                 "switched off; 'bluetoothctl power on' switches it on, and so does "
                 "'enabled = yes' under [bluetooth]");
        return;
    case SL_BLUETOOTH_SOFT_BLOCKED:
        snprintf(ret_text, cap, "blocked by rfkill; 'rfkill unblock bluetooth' lets it go");
        return;
    case SL_BLUETOOTH_HARD_BLOCKED:
        snprintf(ret_text, cap, "blocked by a switch on the device; look for one, or a key");
        return;
    case SL_BLUETOOTH_NO_LE:
        snprintf(ret_text, cap,
                 "no Bluetooth low energy, or no advertising in it; use another adapter");
        return;
    case SL_BLUETOOTH_NOT_ALLOWED:
        snprintf(ret_text, cap,
                 "%s is not allowed by D-Bus; its policy for the user starling (starling.conf in "
                 "dbus-1/system.d) comes with this package",
                 what_failed(status));
        return;
    case SL_BLUETOOTH_FAILED:
        snprintf(ret_text, cap, "%s failed: %s; 'journalctl -u bluetooth' may say more",
                 what_failed(status), strerror(-first_error(status)));
        return;
    case SL_BLUETOOTH_STARTING:
    case SL_BLUETOOTH_STATES:
    default:
        snprintf(ret_text, cap, "starting");
        return;
    }
}
