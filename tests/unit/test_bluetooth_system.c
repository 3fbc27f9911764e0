/* The kernel's answers about Bluetooth controllers, byte by byte (BlueZ's doc/mgmt-api.txt), and
 * what `starling doctor` makes of them. */
#include "bearers/bluetooth_system.h"
#include "doctor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { INFO_LEN = 6 + 3 + 280 };

/* Command complete, no controller, 9 bytes; read list, success; two: 0 and 7. */
static const uint8_t list[] = {1, 0, 0xff, 0xff, 9, 0, 3, 0, 0, 2, 0, 0, 0, 7, 0};

/* Of hci3: address, version 9, manufacturer 15, then settings. */
static void make_info(uint32_t supported, uint32_t current, uint8_t ret_bytes[INFO_LEN])
{
    static const uint8_t begin[] = {1, 0, 3, 0, 0x1b, 1, 4, 0, 0, 1, 2, 3, 4, 5, 6, 9, 15, 0};
    memset(ret_bytes, 0, INFO_LEN);
    memcpy(ret_bytes, begin, sizeof(begin));
    for (unsigned i = 0; i < 4; i++) {
        ret_bytes[sizeof(begin) + i] = (uint8_t)(supported >> 8 * i);
        ret_bytes[sizeof(begin) + 4 + i] = (uint8_t)(current >> 8 * i);
    }
}

static void list_is_read(void **state)
{
    uint16_t numbers[4] = {0};
    (void)state;
    assert_int_equal(sl_bluetooth_read_list(list, sizeof(list), numbers, 4), 2);
    assert_int_equal(numbers[0], 0);
    assert_int_equal(numbers[1], 7);
    assert_int_equal(sl_bluetooth_read_list(list, sizeof(list), numbers, 1), 1);
    for (size_t len = 0; len < sizeof(list); len++)
        assert_int_equal(sl_bluetooth_read_list(list, len, numbers, 4), -EBADMSG);
}

static void list_that_claims_more_is_refused(void **state)
{
    uint8_t bytes[sizeof(list)];
    uint16_t numbers[4];
    (void)state;
    memcpy(bytes, list, sizeof(list));
    bytes[9] = 3;
    assert_int_equal(sl_bluetooth_read_list(bytes, sizeof(bytes), numbers, 4), -EBADMSG);
}

static void controller_is_read(void **state)
{
    struct sl_bluetooth_controller controller;
    uint8_t bytes[INFO_LEN];
    (void)state;
    make_info(0x0001be1b, 0x00000203, bytes); /* without advertising, and with privacy to have */
    assert_int_equal(sl_bluetooth_read_controller(bytes, sizeof(bytes), &controller), 0);
    assert_string_equal(controller.name, "hci3");
    assert_true(controller.powered && controller.has_le && controller.has_advertising);
    assert_false(controller.random_address);
    make_info(0x0000021b, 0x00002202, bytes);
    assert_int_equal(sl_bluetooth_read_controller(bytes, sizeof(bytes), &controller), 0);
    assert_false(controller.powered || controller.has_advertising);
    assert_true(controller.random_address);
}

static void other_answers_are_refused(void **state)
{
    struct sl_bluetooth_controller controller;
    uint8_t bytes[INFO_LEN];
    (void)state;
    make_info(0xffffffff, 0, bytes);
    for (size_t len = 0; len < sizeof(bytes); len++)
        assert_int_equal(sl_bluetooth_read_controller(bytes, len, &controller), -EBADMSG);
    bytes[8] = 0x11; /* status: not there any more */
    assert_int_equal(sl_bluetooth_read_controller(bytes, sizeof(bytes), &controller), -EBADMSG);
    assert_int_equal(sl_bluetooth_read_controller(list, sizeof(list), &controller), -EBADMSG);
}

/* ---- The doctor ---- */

static const struct sl_bluetooth_facts good = {
    .service_runs = true,
    .controller_count = 1,
    .controllers = {{.name = "hci0",
                     .powered = true,
                     .has_le = true,
                     .has_advertising = true,
                     .random_address = true}},
};

/* The first finding: its level, and what is in its text or cure. */
static void assert_finding(const struct sl_bluetooth_facts *facts, const char *level,
                           const char *word)
{
    struct sl_doctor doctor = {.findings = json_array()};
    sl_doctor_judge_bluetooth(&doctor, facts);
    bool found = false;
    json_t *finding;
    size_t i;
    json_array_foreach (doctor.findings, i, finding) {
        const char *text = json_string_value(json_object_get(finding, "text"));
        const char *cure = json_string_value(json_object_get(finding, "cure"));
        bool here = strstr(text, word) || (cure && strstr(cure, word));
        if (here && strcmp(json_string_value(json_object_get(finding, "level")), level) == 0)
            found = true;
    }
    assert_true(found);
    assert_true((doctor.bad_count > 0) == (strcmp(level, "bad") == 0));
    json_decref(doctor.findings);
}

static void doctor_names_cause_and_cure(void **state)
{
    struct sl_bluetooth_facts facts = good;
    struct sl_bluetooth_controller *controller = &facts.controllers[0];
    (void)state;
    assert_finding(&facts, "good", "hci0 can be used");
    controller->random_address = false;
    assert_finding(&facts, "note", "Privacy = device");
    controller->powered = false;
    assert_finding(&facts, "note", "bluetoothctl power on");
    controller->has_advertising = false;
    assert_finding(&facts, "note", "no low energy");
    controller->soft_blocked = true;
    assert_finding(&facts, "bad", "rfkill unblock");
    controller->hard_blocked = true;
    assert_finding(&facts, "bad", "switch on the device");
}

static void doctor_misses_service_adapter_and_kernel(void **state)
{
    struct sl_bluetooth_facts facts = good;
    (void)state;
    facts.service_runs = false;
    assert_finding(&facts, "bad", "systemctl enable --now bluetooth");
    facts.controller_count = 0; /* then it does not matter */
    assert_finding(&facts, "note", "no Bluetooth adapter");
    facts.kernel_error = -EAFNOSUPPORT;
    assert_finding(&facts, "note", "modprobe bluetooth");
}

/* It was told to leave Bluetooth alone, or meets others without: then nothing is wrong. */
static void what_a_running_starlingd_does_not_miss_is_a_note(void **state)
{
    struct sl_doctor doctor = {.findings = json_array(), .radios = json_object()};
    struct sl_bluetooth_facts facts = good;
    (void)state;
    facts.service_runs = false;
    facts.controllers[0].soft_blocked = true;
    sl_doctor_judge_bluetooth(&doctor, &facts);
    assert_int_equal(json_array_size(doctor.findings), 2);
    assert_int_equal(doctor.bad_count, 0);
    json_decref(doctor.findings);
    json_decref(doctor.radios);
}

/* Whatever this machine has: that is bounded, and consistent. */
static void this_machine_can_be_looked_at(void **state)
{
    struct sl_bluetooth_facts facts;
    (void)state;
    sl_bluetooth_look(&facts);
    assert_true(facts.controller_count <= SL_BLUETOOTH_CONTROLLERS_MAX);
    assert_true(facts.kernel_error == 0 || facts.controller_count == 0);
    for (size_t i = 0; i < facts.controller_count; i++)
        assert_ptr_equal(sl_bluetooth_controller(&facts, facts.controllers[i].name),
                         &facts.controllers[i]);
    assert_null(sl_bluetooth_controller(&facts, "none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_is_read),
        cmocka_unit_test(list_that_claims_more_is_refused),
        cmocka_unit_test(controller_is_read),
        cmocka_unit_test(other_answers_are_refused),
        cmocka_unit_test(doctor_names_cause_and_cure),
        cmocka_unit_test(doctor_misses_service_adapter_and_kernel),
        cmocka_unit_test(what_a_running_starlingd_does_not_miss_is_a_note),
        cmocka_unit_test(this_machine_can_be_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
