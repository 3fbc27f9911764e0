/* What an adapter is used for, or why not, in words: from scripted states. */
#include "bearers/bluetooth_words.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct sl_bluetooth_status linked = {.name = "hci0",
                                                  .powered = true,
                                                  .advertises = true,
                                                  .in_use = true,
                                                  .advertising = true,
                                                  .links = 2};
static const struct sl_bluetooth_controller ordinary = {.name = "hci0",
                                                        .powered = true,
                                                        .has_le = true,
                                                        .has_advertising = true,
                                                        .random_address = true};

static void assert_says(const struct sl_bluetooth_status *status,
                        const struct sl_bluetooth_controller *controller, const char *word,
                        const char *part)
{
    char text[200];
    enum sl_bluetooth_state state = sl_bluetooth_judge(status, controller);
    assert_string_equal(sl_bluetooth_state_word(state), word);
    sl_bluetooth_explain(status, controller, text, sizeof(text));
    assert_non_null(strstr(text, part));
    assert_true(strlen(text) < sizeof(text) - 1); /* nothing was cut off */
}

static void use_is_told(void **state)
{
    struct sl_bluetooth_status status = linked;
    struct sl_bluetooth_controller controller = ordinary;
    (void)state;
    assert_says(&status, &controller, "linked", "2 links");
    assert_says(&status, NULL, "linked", "2 links");
    status.links = 0;
    assert_says(&status, &controller, "looking", "looking for other boards");
    controller.random_address = false;
    assert_says(&status, &controller, "looking", "Privacy = device");
    status.in_use = false;
    assert_says(&status, &controller, "starting", "starting");
}

static void switched_off_has_its_causes(void **state)
{
    struct sl_bluetooth_status status = linked;
    struct sl_bluetooth_controller controller = ordinary;
    (void)state;
    status.powered = status.in_use = controller.powered = false;
    assert_says(&status, &controller, "off", "enabled = yes");
    assert_says(&status, NULL, "off", "bluetoothctl power on");
    status.power_error = -EACCES;
    assert_says(&status, &controller, "not-allowed", "dbus-1/system.d");
    status.power_error = -EIO;
    assert_says(&status, &controller, "failed", "switching it on failed");
    status.power_error = -ERFKILL;
    assert_says(&status, &controller, "soft-blocked", "rfkill unblock bluetooth");
    status.power_error = 0;
    controller.soft_blocked = true;
    assert_says(&status, &controller, "soft-blocked", "rfkill unblock bluetooth");
    controller.hard_blocked = true;
    assert_says(&status, &controller, "hard-blocked", "switch on the device");
}

static void what_is_refused_is_told(void **state)
{
    struct sl_bluetooth_status status = linked;
    struct sl_bluetooth_controller controller = ordinary;
    (void)state;
    status.scan_error = -EIO;
    assert_says(&status, &controller, "failed", "scanning failed");
    status.advertise_error = -EPERM;
    assert_says(&status, &controller, "not-allowed", "advertising is not allowed");
    status.listen_error = -EAFNOSUPPORT;
    assert_says(&status, &controller, "failed", "listening for other boards failed");
    controller.has_le = false;
    assert_says(&status, &controller, "no-le", "another adapter");
    status = linked;
    status.advertises = false;
    assert_says(&status, NULL, "no-le", "another adapter");
}

static void trouble_is_what_somebody_has_to_mend(void **state)
{
    (void)state;
    assert_false(sl_bluetooth_is_trouble(SL_BLUETOOTH_LOOKING));
    assert_false(sl_bluetooth_is_trouble(SL_BLUETOOTH_OFF)); /* perhaps on purpose */
    assert_true(sl_bluetooth_is_trouble(SL_BLUETOOTH_SOFT_BLOCKED));
    assert_true(sl_bluetooth_is_trouble(SL_BLUETOOTH_FAILED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(use_is_told),
        cmocka_unit_test(switched_off_has_its_causes),
        cmocka_unit_test(what_is_refused_is_told),
        cmocka_unit_test(trouble_is_what_somebody_has_to_mend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
