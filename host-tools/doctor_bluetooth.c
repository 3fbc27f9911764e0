/* Bluetooth: as starlingd tells it, or looked at here. */
#include "doctor.h"

#include "ask.h"

#include <errno.h>
#include <string.h>

#define CHECK "bluetooth"

/* ---- As starlingd tells it ---- */

static void tell_adapter(struct sl_doctor *doctor, json_t *radio)
{
    const char *name = sl_ask_text(radio, "name"), *why = sl_ask_text(radio, "why");
    bool trouble = json_is_true(json_object_get(radio, "trouble"));
    enum sl_doctor_level level = trouble ? SL_DOCTOR_BAD : SL_DOCTOR_NOTE;
    if (json_is_true(json_object_get(radio, "used")))
        sl_doctor_found_text(doctor, SL_DOCTOR_GOOD, CHECK, NULL, "Bluetooth %s is used: %s", name,
                             why);
    else if (strcmp(name, "adapters") == 0) /* none is there */
        sl_doctor_found_text(doctor, level, CHECK, NULL, "Bluetooth is not used: %s", why);
    else
        sl_doctor_found_text(doctor, level, CHECK, NULL, "Bluetooth %s is not used: %s", name, why);
}

/* ---- Looked at here ---- */

/* A starlingd that runs and does not miss it was told to leave it alone, or meets others without.
 */
static enum sl_doctor_level level_of_trouble(const struct sl_doctor *doctor)
{
    return doctor->radios ? SL_DOCTOR_NOTE : SL_DOCTOR_BAD;
}

static void judge_service(struct sl_doctor *doctor, const struct sl_bluetooth_facts *facts)
{
    if (!facts->service_runs)
        sl_doctor_found(doctor, level_of_trouble(doctor), CHECK,
                        "bluetoothd is not running, without which there is no Bluetooth",
                        "'systemctl enable --now bluetooth' as root (Debian: package bluez)");
}

static void judge_address(struct sl_doctor *doctor,
                          const struct sl_bluetooth_controller *controller)
{
    if (!controller->random_address)
        sl_doctor_found_text(
            doctor, SL_DOCTOR_NOTE, CHECK,
            "write 'Privacy = device' under [General] in "
            "/etc/bluetooth/main.conf, then 'systemctl restart bluetooth'",
            "Bluetooth %s shows an address that never changes, and can be followed",
            controller->name);
}

static void judge_controller(struct sl_doctor *doctor,
                             const struct sl_bluetooth_controller *controller)
{
    const char *name = controller->name;
    enum sl_doctor_level trouble = level_of_trouble(doctor);
    if (controller->hard_blocked)
        sl_doctor_found_text(doctor, trouble, CHECK, "look for a switch or a key on the device",
                             "Bluetooth %s is blocked by a switch on the device", name);
    else if (controller->soft_blocked)
        sl_doctor_found_text(doctor, trouble, CHECK, "'rfkill unblock bluetooth' as root",
                             "Bluetooth %s is blocked by rfkill", name);
    else if (!controller->has_le || !controller->has_advertising)
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, CHECK, "use another adapter",
                             "Bluetooth %s has no low energy, or no advertising in it", name);
    else if (!controller->powered)
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, CHECK,
                             "'bluetoothctl power on', or 'enabled = yes' under [bluetooth]",
                             "Bluetooth %s is switched off", name);
    else {
        sl_doctor_found_text(doctor, SL_DOCTOR_GOOD, CHECK, NULL,
                             "Bluetooth %s can be used once starlingd runs", name);
        judge_address(doctor, controller);
    }
}

void sl_doctor_judge_bluetooth(struct sl_doctor *doctor, const struct sl_bluetooth_facts *facts)
{
    for (size_t i = 0; i < facts->controller_count; i++)
        judge_controller(doctor, &facts->controllers[i]);
    if (facts->controller_count > 0)
        judge_service(doctor, facts);
    else if (facts->kernel_error < 0)
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, CHECK,
                             "'modprobe bluetooth' as root; in a container there is none",
                             "there is no Bluetooth in this kernel: %s",
                             strerror(-facts->kernel_error));
    else
        sl_doctor_found(doctor, SL_DOCTOR_NOTE, CHECK, "there is no Bluetooth adapter",
                        "plug one in; if there is one, 'dmesg' says whether its driver or firmware "
                        "is missing (Debian: bluez-firmware, firmware-realtek, …)");
}

static bool is_bluetooth(json_t *radio)
{
    return strcmp(sl_ask_text(radio, "kind"), CHECK) == 0;
}

void sl_doctor_bluetooth(struct sl_doctor *doctor)
{
    struct sl_bluetooth_facts facts;
    json_t *radio;
    size_t i, count = 0;
    json_array_foreach (json_object_get(doctor->radios, "radios"), i, radio) {
        if (!is_bluetooth(radio))
            continue;
        tell_adapter(doctor, radio);
        count++;
    }
    if (count > 0)
        return;
    sl_bluetooth_look(&facts);
    sl_doctor_judge_bluetooth(doctor, &facts);
}
