/* Bluetooth's state machine against a scripted BlueZ and kernel (tests/sim/scripted_bluetooth.h).
 */
#include "sim/scripted_bluetooth.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct sl_scripted_air air;
static struct sl_bluetooth_config config;

static int setup(void **state)
{
    (void)state;
    sl_scripted_air_init(&air);
    sl_bluetooth_config_init(&config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_scripted_air_done(&air);
    return 0;
}

static struct sl_scripted_adapter *hci0(unsigned board)
{
    return &air.boards[board].adapters[0];
}

static void two_linked(void)
{
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_board_on(&air, 1, &config);
    sl_scripted_run(&air, 10 * SL_SECOND);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
}

/* The mesh's address of the one channel that a board has. */
static struct sl_datagram to_other(unsigned board, const void *bytes, size_t len)
{
    struct sl_datagram datagram = {.len = len};
    const struct sl_bluetooth *machine = air.boards[board].machine;
    for (size_t i = 0; i < SL_ARRAY_LEN(machine->channels); i++)
        if (machine->channels[i].used && machine->channels[i].open) {
            datagram.to = machine->channels[i].address;
            datagram.bearer = machine->channels[i].adapter->bearer;
        }
    memcpy(datagram.bytes, bytes, len);
    return datagram;
}

static bool reported(unsigned board, const char *word)
{
    return strstr(air.boards[board].last_report, word) != NULL;
}

/* ---- Linking ---- */

static void two_boards_link_within_ten_seconds(void **state)
{
    (void)state;
    two_linked();
    assert_int_equal(air.boards[0].peers_added, 1);
    assert_int_equal(air.boards[1].peers_added, 1);
    sl_scripted_run(&air, SL_HOUR);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
    assert_int_equal(air.boards[0].peers_removed, 0);
}

static void datagrams_go_both_ways(void **state)
{
    uint8_t bytes[SL_DATAGRAM_MAX];
    (void)state;
    memset(bytes, 6, sizeof(bytes));
    two_linked();
    for (unsigned from = 0; from < 2; from++) {
        const struct sl_scripted_board *to = &air.boards[1 - from];
        struct sl_datagram datagram = to_other(from, bytes, sizeof(bytes));
        assert_int_equal(sl_bluetooth_send(air.boards[from].machine, &datagram), 0);
        assert_int_equal(to->received, 1);
        assert_int_equal(to->last_len, sizeof(bytes));
        assert_memory_equal(to->last, bytes, sizeof(bytes));
        struct sl_datagram back = to_other(1 - from, bytes, 1);
        assert_memory_equal(&back.to, &to->last_from, sizeof(back.to));
    }
}

static void no_scan_while_connecting(void **state)
{
    (void)state;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_board_on(&air, 1, &config);
    bool attempted = false;
    for (unsigned i = 0; i < 400; i++) {
        sl_scripted_run(&air, 25 * SL_MILLISECOND);
        for (size_t c = 0; c < SL_SCRIPTED_CHANNELS; c++) {
            const struct sl_scripted_channel *channel = &air.channels[c];
            if (!channel->used || channel->open)
                continue;
            attempted = true;
            assert_false(hci0((unsigned)channel->board[0])->scanning);
        }
    }
    assert_true(attempted);
}

/* It advertises, and then does not answer: the attempt ends, and is tried again, less and less. */
static void attempts_end_and_are_repeated(void **state)
{
    (void)state;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_board_on(&air, 1, &config);
    hci0(0)->unreachable = hci0(1)->unreachable = true;
    sl_scripted_run(&air, 15 * SL_SECOND);
    size_t attempts = 0;
    for (size_t c = 0; c < SL_SCRIPTED_CHANNELS; c++)
        attempts += air.channels[c].used;
    assert_true(attempts <= 2); /* one of each, at a time */
    assert_int_equal(sl_scripted_links(&air, 0, 1), 0);
    hci0(0)->unreachable = hci0(1)->unreachable = false;
    sl_scripted_run(&air, SL_MINUTE);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
}

static void adapters_of_one_board_leave_each_other_alone(void **state)
{
    (void)state;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_pull(&air, 0, 1, false);
    sl_scripted_board_on(&air, 1, &config);
    sl_scripted_run(&air, SL_MINUTE);
    assert_int_equal(sl_scripted_links(&air, 0, 0), 0);
    assert_true(sl_scripted_links(&air, 0, 1) >= 1);
    assert_int_equal(__builtin_popcount(air.boards[0].bearers), 2);
    assert_int_equal(air.boards[0].bearers, sl_bluetooth_numbers(air.boards[0].machine));
}

static void unwanted_adapters_are_left_alone(void **state)
{
    (void)state;
    strcpy(config.adapters[0], "hci1");
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_run(&air, 10 * SL_SECOND);
    assert_int_equal(air.boards[0].bearers, 0);
    assert_int_equal(hci0(0)->scan_changes, 0);
    assert_int_equal(hci0(0)->advert_changes, 0);
}

/* ---- Healing ---- */

static void heals_after_bluetoothd_was_restarted(void **state)
{
    (void)state;
    two_linked();
    sl_scripted_service(&air, 0, false);
    assert_true(reported(0, "stopped"));
    sl_scripted_run(&air, 5 * SL_SECOND);
    assert_int_equal(air.boards[0].bearers, 0);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 0);
    sl_scripted_service(&air, 0, true);
    sl_scripted_run(&air, 30 * SL_SECOND);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
    assert_true(hci0(0)->advertising);
}

static void heals_after_the_adapter_was_pulled(void **state)
{
    (void)state;
    two_linked();
    sl_scripted_pull(&air, 1, 0, true);
    assert_true(reported(1, "gone"));
    sl_scripted_run(&air, 5 * SL_SECOND);
    assert_int_equal(air.boards[1].bearers, 0);
    assert_int_equal(air.boards[1].peers_removed, 1);
    hci0(1)->address = 99; /* another one, perhaps */
    sl_scripted_pull(&air, 1, 0, false);
    sl_scripted_run(&air, 30 * SL_SECOND);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
}

static void heals_after_rfkill(void **state)
{
    (void)state;
    config.power = true;
    two_linked();
    sl_scripted_power(&air, 0, false, true);
    sl_scripted_run(&air, SL_MINUTE);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 0);
    assert_true(reported(0, "rfkill"));
    /* Switched off, and why it stays so: not once more for each try. */
    assert_true(air.boards[0].reports <= 3);
    assert_true(hci0(0)->power_asked > 1 && hci0(0)->power_asked < 10);
    hci0(0)->blocked = false;
    sl_scripted_run(&air, 100 * SL_SECOND);
    assert_true(hci0(0)->powered);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
}

static void switched_off_is_respected(void **state)
{
    (void)state;
    two_linked();
    sl_scripted_power(&air, 0, false, false);
    sl_scripted_run(&air, SL_MINUTE);
    assert_int_equal(hci0(0)->power_asked, 0);
    assert_true(reported(0, "enabled = yes"));
    sl_scripted_power(&air, 0, true, false);
    sl_scripted_run(&air, 30 * SL_SECOND);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
}

static void refusals_are_told_once_and_tried_again(void **state)
{
    (void)state;
    hci0(0)->refuse[SL_BLUETOOTH_ADVERTISE] = -EPERM;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_board_on(&air, 1, &config);
    sl_scripted_run(&air, 2 * SL_MINUTE);
    assert_true(reported(0, "advertise"));
    assert_int_equal(air.boards[0].reports, 2); /* in use; cannot advertise */
    assert_true(hci0(0)->advert_changes > 3 && hci0(0)->advert_changes < 30);
    hci0(0)->refuse[SL_BLUETOOTH_ADVERTISE] = 0;
    hci0(0)->refuse[SL_BLUETOOTH_SCAN] = -EIO;
    sl_scripted_run(&air, 2 * SL_MINUTE);
    assert_true(hci0(0)->advertising);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1); /* found by the other one */
}

static void lost_advertisement_comes_back(void **state)
{
    (void)state;
    two_linked();
    unsigned before = hci0(0)->advert_changes;
    hci0(0)->advertising = false;
    sl_bluetooth_advert_lost(air.boards[0].machine, "hci0", air.now);
    sl_scripted_run(&air, 5 * SL_SECOND);
    assert_true(hci0(0)->advertising);
    assert_int_equal(hci0(0)->advert_changes, before + 1);
}

static void kernel_without_sockets_is_told_once(void **state)
{
    (void)state;
    hci0(0)->refuse_listen = -EAFNOSUPPORT;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_run(&air, SL_MINUTE);
    assert_int_equal(air.boards[0].reports, 1);
    assert_true(reported(0, "kernel"));
    assert_int_equal(air.boards[0].bearers, 0);
    hci0(0)->refuse_listen = 0;
    sl_scripted_run(&air, 5 * SL_SECOND);
    assert_int_not_equal(air.boards[0].bearers, 0);
}

static void adapter_without_advertising_is_told_once(void **state)
{
    (void)state;
    hci0(0)->advertises_at_all = false;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_run(&air, SL_SECOND);
    assert_int_equal(air.boards[0].reports, 0); /* it may come yet */
    sl_scripted_run(&air, SL_MINUTE);
    assert_int_equal(air.boards[0].reports, 1);
    assert_true(reported(0, "no Bluetooth LE"));
    hci0(0)->advertises_at_all = true;
    sl_scripted_tell(&air, 0, 0);
    sl_scripted_run(&air, SL_SECOND);
    assert_int_not_equal(air.boards[0].bearers, 0);
}

/* ---- Outsiders ---- */

static void noise_creates_nothing(void **state)
{
    uint8_t noise[SL_ADVERT_LEN + 8] = {0};
    (void)state;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_run(&air, SL_SECOND);
    for (unsigned i = 0; i < 1000; i++) {
        struct sl_bluetooth_heard heard = {.adapter = "hci0",
                                           .address = {.len = SL_BLUETOOTH_ADDRESS_LEN,
                                                       .bytes = {1, (uint8_t)i, (uint8_t)(i >> 8)}},
                                           .bytes = noise,
                                           .len = i % sizeof(noise)};
        memset(noise, (int)i, sizeof(noise));
        sl_bluetooth_heard(air.boards[0].machine, &heard, air.now);
    }
    sl_scripted_run(&air, 20 * SL_SECOND);
    const struct sl_plan *plan = &air.boards[0].machine->adapters[0].plan;
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++)
        assert_int_equal(plan->seen[i].address.len, 0);
    for (size_t i = 0; i < SL_SCRIPTED_CHANNELS; i++)
        assert_false(air.channels[i].used);
}

/* Outsiders connect from everywhere and say nothing, or nonsense. */
static void silent_channels_are_few_and_short(void **state)
{
    uint32_t numbers[20];
    unsigned accepted = 0;
    uint8_t nonsense[100] = {0};
    (void)state;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_run(&air, SL_SECOND);
    for (unsigned i = 0; i < 20; i++) {
        struct sl_address peer = {.len = SL_BLUETOOTH_ADDRESS_LEN, .bytes = {1, 200, (uint8_t)i}};
        if (sl_bluetooth_accepted(air.boards[0].machine, 0, &peer, &numbers[accepted], air.now) ==
            0)
            accepted++;
    }
    assert_true(accepted > 0 && accepted <= 3);
    for (unsigned i = 0; i < accepted; i++)
        for (size_t len = 0; len < sizeof(nonsense); len++)
            sl_bluetooth_packet(air.boards[0].machine, numbers[i], nonsense, len, air.now);
    sl_scripted_run(&air, 6 * SL_SECOND);
    assert_int_equal(air.boards[0].peers_removed, accepted);
    for (size_t i = 0; i < SL_ARRAY_LEN(air.boards[0].machine->channels); i++)
        assert_false(air.boards[0].machine->channels[i].used);
}

/* Of the network, by its advertisement, but no session comes up: a replay. */
static void channel_without_a_session_is_given_up(void **state)
{
    (void)state;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_board_on(&air, 1, &config);
    air.boards[1].sessions = false;
    sl_scripted_run(&air, 15 * SL_SECOND);
    assert_int_equal(air.boards[0].peers_added, 1);
    sl_scripted_run(&air, 15 * SL_SECOND);
    assert_true(air.boards[0].peers_removed >= 1);
    sl_scripted_run(&air, 10 * SL_MINUTE);
    assert_true(air.boards[0].peers_added < 20);
}

/* ---- Load ---- */

static void full_channel_holds_nobody_up_for_long(void **state)
{
    (void)state;
    sl_scripted_board_on(&air, 0, &config);
    sl_scripted_board_on(&air, 1, &config);
    sl_scripted_board_on(&air, 2, &config);
    sl_scripted_run(&air, 20 * SL_SECOND);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
    for (size_t i = 0; i < SL_SCRIPTED_CHANNELS; i++)
        air.channels[i].full = true;
    struct sl_datagram datagram = to_other(0, "x", 1);
    assert_int_equal(sl_bluetooth_send(air.boards[0].machine, &datagram), -EAGAIN);
    sl_scripted_run(&air, 1500 * SL_MILLISECOND);
    assert_int_equal(sl_bluetooth_send(air.boards[0].machine, &datagram), -ENOBUFS);
    for (size_t i = 0; i < SL_SCRIPTED_CHANNELS; i++)
        air.channels[i].full = false;
    assert_int_equal(sl_bluetooth_send(air.boards[0].machine, &datagram), 0);
}

static void linked_boards_scan_little(void **state)
{
    (void)state;
    two_linked();
    sl_scripted_run(&air, SL_MINUTE);
    sl_time before = hci0(0)->scan_time;
    unsigned adverts = hci0(0)->advert_changes;
    sl_scripted_run(&air, 10 * SL_MINUTE);
    assert_true(hci0(0)->scan_time - before < 10 * SL_MINUTE * 13 / 100);
    assert_true(hci0(0)->scan_time - before > 10 * SL_MINUTE * 4 / 100);
    assert_int_equal(hci0(0)->advert_changes, adverts);
}

/* Turns of the loop that Bluetooth is to blame for in a minute, once all is quiet. */
static unsigned wakes_in_a_minute(unsigned board, sl_time quiet)
{
    sl_scripted_run(&air, quiet);
    unsigned before = air.boards[board].wakes;
    sl_scripted_run(&air, 10 * SL_MINUTE);
    return (air.boards[board].wakes - before) / 10;
}

static void idle_boards_sleep(void **state)
{
    (void)state;
    two_linked();
    assert_in_range(wakes_in_a_minute(0, 10 * SL_MINUTE), 6, 20);
    assert_in_range(wakes_in_a_minute(1, 0), 6, 20); /* six of each are the root's rounds */
}

static void lonely_boards_sleep_and_are_found(void **state)
{
    (void)state;
    sl_scripted_board_on(&air, 0, &config);
    assert_in_range(wakes_in_a_minute(0, 10 * SL_MINUTE), 6, 28);
    sl_time before = hci0(0)->scan_time;
    sl_scripted_run(&air, 10 * SL_MINUTE);
    assert_true(hci0(0)->scan_time - before < 10 * SL_MINUTE * 40 / 100);
    sl_scripted_board_on(&air, 1, &config);
    sl_scripted_run(&air, 12 * SL_SECOND);
    assert_int_equal(sl_scripted_links(&air, 0, 1), 1);
}

/* What listeners could put together: ids end with the day, links do not. */
static void advertisement_changes_with_the_day(void **state)
{
    uint8_t today[SL_ADVERT_LEN];
    size_t same = 0;
    (void)state;
    two_linked();
    memcpy(today, hci0(0)->advert, SL_ADVERT_LEN);
    sl_scripted_run(&air, SL_DAY / 2);
    assert_memory_equal(hci0(0)->advert, today, SL_ADVERT_LEN);
    sl_scripted_run(&air, SL_DAY / 2 + SL_MINUTE);
    for (size_t i = 0; i < SL_ADVERT_LEN; i++)
        same += hci0(0)->advert[i] == today[i];
    assert_true(same < 5);
    assert_int_equal(air.boards[0].peers_removed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_boards_link_within_ten_seconds),
        TEST(datagrams_go_both_ways),
        TEST(no_scan_while_connecting),
        TEST(attempts_end_and_are_repeated),
        TEST(adapters_of_one_board_leave_each_other_alone),
        TEST(unwanted_adapters_are_left_alone),
        TEST(heals_after_bluetoothd_was_restarted),
        TEST(heals_after_the_adapter_was_pulled),
        TEST(heals_after_rfkill),
        TEST(switched_off_is_respected),
        TEST(refusals_are_told_once_and_tried_again),
        TEST(lost_advertisement_comes_back),
        TEST(kernel_without_sockets_is_told_once),
        TEST(adapter_without_advertising_is_told_once),
        TEST(noise_creates_nothing),
        TEST(silent_channels_are_few_and_short),
        TEST(channel_without_a_session_is_given_up),
        TEST(full_channel_holds_nobody_up_for_long),
        TEST(linked_boards_scan_little),
        TEST(idle_boards_sleep),
        TEST(lonely_boards_sleep_and_are_found),
        TEST(advertisement_changes_with_the_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
