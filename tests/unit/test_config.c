/* The configuration file: every setting, every kind of mistake with its line, all at once. */
#include "daemon/config.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

static struct sl_config config;
static struct sl_problems problems;

static int parse(const char *text)
{
    memset(&problems, 0, sizeof(problems));
    return sl_config_parse("/etc/starling/starlingd.conf", text, strlen(text), &config, &problems);
}

/* The text is refused, with exactly that many errors, and the messages hold `part`. */
static void assert_refused(const char *text, size_t errors, const char *part)
{
    assert_int_equal(parse(text), -22);
    if (!strstr(problems.text, part))
        print_error("'%s' is not in:\n%s", part, problems.text);
    assert_non_null(strstr(problems.text, part));
    assert_int_equal(problems.error_count, errors);
}

static void test_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_string_equal(config.bundle, "/etc/starling");
    assert_string_equal(config.state, "/var/lib/starling");
    assert_string_equal(config.control, "/run/starling/control.sock");
    assert_int_equal(config.control_mode, 0);
    assert_int_equal(config.store_bytes_max, SL_STORE_BYTES_DEFAULT);
    assert_true(config.udp_enabled);
    assert_int_equal(ntohs(config.udp.listen.sin6_port), 17017);
    assert_int_equal(config.udp.interface_count, 1);
    assert_string_equal(config.udp.interfaces[0], "*");
    assert_int_equal(config.udp.peer_count, 0);
    assert_int_equal(config.quota.origin_rate, SL_ORIGIN_RATE);
    assert_int_equal(config.clock_trust, SL_CLOCK_TRUST_AUTO);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.fault.loss_permille, 0);
}

static void test_every_setting_is_taken(void **state)
{
    (void)state;
    assert_int_equal(parse("# a comment\n"
                           "[node]\n"
                           "bundle = ../b\n"
                           "state=/s\r\n"
                           "control = c.sock ; behind a value\n"
                           "control-mode = 0660\n"
                           "[store]\nsize-mib = 2\n"
                           "[udp]\nenabled = no\ninterfaces = eth0, wlan*\nport = 5\n"
                           "group = ff02::1234\npeers = 10.0.0.1 [fd00::1]:7\npeers = 10.0.0.2:8\n"
                           "rate-mbit = 6\n"
                           "[quota]\norigin-rate = 1\norigin-burst = 2\nlink-rate = 3\n"
                           "link-burst = 4\nairtime-percent = 50\n"
                           "[clock]\nsystem = ignored\n"
                           "[log]\nlevel = debug\n"
                           "[test]\nloss = 20%\ndelay-ms = 30\nseed = 9\n"),
                     0);
    assert_string_equal(problems.text, "");
    assert_string_equal(config.bundle, "/etc/starling/../b");
    assert_string_equal(config.state, "/s");
    assert_string_equal(config.control, "/etc/starling/c.sock");
    assert_int_equal(config.control_mode, 0660);
    assert_int_equal(config.store_bytes_max, 2 << 20);
    assert_false(config.udp_enabled);
    assert_int_equal(config.udp.interface_count, 2);
    assert_string_equal(config.udp.interfaces[1], "wlan*");
    assert_int_equal(ntohs(config.udp.listen.sin6_port), 5);
    assert_int_equal(config.udp.peer_count, 3);
    assert_int_equal(ntohs(config.udp.peers[0].sin6_port), 5);
    assert_int_equal(ntohs(config.udp.peers[1].sin6_port), 7);
    assert_true(IN6_IS_ADDR_V4MAPPED(&config.udp.peers[2].sin6_addr));
    assert_int_equal(config.udp.rate_bps, 6000000);
    assert_int_equal(config.quota.origin_rate, 1);
    assert_int_equal(config.quota.origin_burst, 2);
    assert_int_equal(config.quota.link_rate, 3);
    assert_int_equal(config.quota.link_burst, 4);
    assert_int_equal(config.quota.airtime_percent, 50);
    assert_int_equal(config.clock_trust, SL_CLOCK_TRUST_IGNORED);
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_int_equal(config.fault.loss_permille, 200);
    assert_int_equal(config.fault.delay_ms, 30);
    assert_int_equal(config.fault.seed, 9);
}

static void test_loss_is_a_share_or_a_percentage(void **state)
{
    (void)state;
    assert_int_equal(parse("[test]\nloss = 0.05\n"), 0);
    assert_int_equal(config.fault.loss_permille, 50);
    assert_int_equal(parse("[test]\nloss = 0\n"), 0);
    assert_int_equal(config.fault.loss_permille, 0);
    assert_int_equal(parse("[test]\nloss = 100%\n"), 0);
    assert_int_equal(config.fault.loss_permille, 1000);
    assert_refused("[test]\nloss = 20\n", 1, "or a percentage such as 20%");
    assert_refused("[test]\nloss = nan\n", 1, "or a percentage");
    assert_refused("[test]\nloss = -0.1\n", 1, "or a percentage");
    assert_refused("[test]\nloss = 0.1.2\n", 1, "or a percentage");
}

static void test_radios(void **state)
{
    static const uint8_t bssid[SL_MAC_LEN] = {0x02, 0xca, 0xfe, 0, 1, 0xff};
    const struct sl_wifi_wish *wish = &config.wifi.wish;
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_int_equal(wish->enabled, SL_WIFI_AUTO);
    assert_int_equal(config.wifi.pattern_count, 1);
    assert_int_equal(wish->cell.mhz, 2412);
    assert_int_equal(
        parse(
            "[wifi]\nenabled = yes\nradios = wlan1, phy2\nradios = usb*\nmode = mesh\ncell = two "
            "words\nchannel = 36\nbssid = 02:ca:FE:00:01:ff\ncountry = DE\nmulticast-mbit = 24\n"),
        0);
    assert_int_equal(wish->enabled, SL_WIFI_YES);
    assert_int_equal(wish->mode, SL_WIFI_MODE_MESH);
    assert_int_equal(config.wifi.pattern_count, 3);
    assert_string_equal(config.wifi.patterns[2], "usb*");
    assert_int_equal(wish->cell.ssid_len, 9);
    assert_memory_equal(wish->cell.ssid, "two words", 9);
    assert_int_equal(wish->cell.mhz, 5180);
    assert_true(wish->cell.fixed_bssid);
    assert_memory_equal(wish->cell.bssid, bssid, SL_MAC_LEN);
    assert_string_equal(wish->country, "DE");
    assert_int_equal(wish->cell.multicast_100kbps, 240);
    assert_int_equal(parse("[wifi]\nbssid = any\nmulticast-mbit = auto\n"), 0);
    assert_false(wish->cell.fixed_bssid);
    assert_int_equal(wish->cell.multicast_100kbps, 0);

    assert_refused("[wifi]\nenabled = maybe\n", 1, "auto, yes or no");
    assert_refused("[wifi]\nmode = infra\n", 1, "auto, adhoc, mesh or existing");
    assert_refused("[wifi]\ncell = 123456789012345678901234567890123\n", 1, "1 to 32 bytes");
    assert_refused("[wifi]\nchannel = 15\n", 1, "1 to 13 or 36 to 177");
    assert_refused("[wifi]\nbssid = 03:00:00:00:00:01\n", 1, "of one station");
    assert_refused("[wifi]\nbssid = 02:0:00:00:00:001\n", 1, "of one station");
    assert_refused("[wifi]\ncountry = Germany\n", 1, "ISO 3166");
    assert_refused("[wifi]\nmulticast-mbit = 5\n", 1, "auto, 1, 2, 6");
    assert_refused("[wifi]\nradios = a b c d e f g h i\n", 1, "at most 8");
}

static void test_listening_on_one_address(void **state)
{
    (void)state;
    assert_int_equal(parse("[udp]\ninterfaces = none\nlisten = 127.0.0.1:17018\npeers =\n"), 0);
    assert_int_equal(config.udp.interface_count, 0);
    assert_int_equal(config.udp.peer_count, 0);
    assert_int_equal(ntohs(config.udp.listen.sin6_port), 17018);
    assert_int_equal(parse("[udp]\nlisten = [::]:9\n"), 0);
    assert_int_equal(parse("[udp]\nlisten = [::1]\nport = 9\ninterfaces=none\n"), 0);
    assert_int_equal(ntohs(config.udp.listen.sin6_port), 9);
    assert_refused("[udp]\nlisten = 127.0.0.1:9\n", 1, "starlingd.conf:2: a node that listens");
}

static void test_mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    assert_refused("\n[node]\nbundel = x\n", 1,
                   "/etc/starling/starlingd.conf:3: [node] has no 'bundel'; its keys are bundle, "
                   "state, control, control-mode\n");
    assert_refused("[nodes]\nbundle = x\n", 1,
                   ":2: there is no section [nodes]; the sections are node, store, udp, wifi, "
                   "bluetooth, quota, clock, log, test\n");
    assert_refused("bundle = x\n", 1, ":1: 'bundle' stands before any section");
    assert_refused("[log]\nlevel = debug\nlevel = info\n", 1,
                   ":3: 'level' was given in line 2 already");
    assert_refused("[log]\nnonsense\n", 1, ":2: is neither");
    assert_refused("[log\n", 1, ":1: is neither");
}

static void test_bad_values_are_told_what_they_have_to_be(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[store]\nsize-mib = 0\n", "1 to 4096"},
        {"[store]\nsize-mib = 12x\n", "1 to 4096"},
        {"[store]\nsize-mib = -1\n", "1 to 4096"},
        {"[store]\nsize-mib = 99999999999999999999\n", "1 to 4096"},
        {"[udp]\nport = 65536\n", "1 to 65535"},
        {"[udp]\nenabled = maybe\n", "yes or no"},
        {"[udp]\ngroup = ff05::1\n", "link-local scope"},
        {"[udp]\ngroup = fe80::1\n", "link-local scope"},
        {"[udp]\nlisten = localhost\n", "numeric address"},
        {"[udp]\npeers = fd00::1\n", "numeric addresses"},
        {"[udp]\npeers = 10.0.0.1:\n", "numeric addresses"},
        {"[udp]\npeers = 10.0.0.1:0\n", "numeric addresses"},
        {"[udp]\npeers = [fd00::1\n", "numeric addresses"},
        {"[udp]\npeers = [fe80::1]\n", "found by themselves"},
        {"[udp]\npeers = [ff02::1]\n", "found by themselves"},
        {"[udp]\ninterfaces = abcdefghijklmnop\n", "15 characters"},
        {"[udp]\nrate-mbit = 0\n", "Mbit/s"},
        {"[quota]\norigin-rate = x\n", "0 (no limit)"},
        {"[quota]\nairtime-percent = 0\n", "1 to 100"},
        {"[quota]\nairtime-percent = 101\n", "1 to 100"},
        {"[clock]\nsystem = ntp\n", "auto, trusted or ignored"},
        {"[log]\nlevel = verbose\n", "error, warning, info or debug"},
        {"[test]\ndelay-ms = 10001\n", "0 to 10000"},
        {"[test]\nseed = a\n", "a number"},
        {"[node]\nbundle =\n", "a path"},
        {"[node]\ncontrol-mode = 660\n", "0600, 0660 or 0666"},
        {"[node]\ncontrol-mode = 0777\n", "0600, 0660 or 0666"},
        {"[node]\ncontrol-mode = 0640\n", "0600, 0660 or 0666"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        assert_refused(cases[i][0], 1, cases[i][1]);
        assert_non_null(strstr(problems.text, ":2: '"));
    }
}

static void test_several_mistakes_are_told_at_once(void **state)
{
    (void)state;
    assert_refused("[node]\nx = 1\n[udp]\nport = x\n[log]\nlevel = x\n", 3, ":4: 'port'");
    assert_non_null(strstr(problems.text, ":2: [node] has no 'x'"));
    assert_non_null(strstr(problems.text, ":6: 'level'"));
}

static void test_endless_mistakes_fill_nothing(void **state)
{
    (void)state;
    char text[60000] = "[node]\n";
    for (size_t len = strlen(text); len + 9 < sizeof(text); len += 6)
        memcpy(text + len, "x = 1\n", 7);
    assert_int_equal(parse(text), -22);
    assert_true(problems.error_count > 9000);
    assert_true(strlen(problems.text) < sizeof(problems.text) - 1);
    size_t lines = 0;
    for (const char *at = problems.text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, SL_PROBLEMS_SHOWN);
}

static void test_too_much_of_anything_is_refused(void **state)
{
    (void)state;
    char text[8192] = "[udp]\n";
    for (int i = 0; i < 65; i++)
        sprintf(text + strlen(text), "peers = 10.0.0.%d\n", i + 1);
    assert_refused(text, 1, ":66: 'peers' is '10.0.0.65'; it has to be at most 64 peers");
    strcpy(text, "[udp]\n");
    for (int i = 0; i < 17; i++)
        sprintf(text + strlen(text), "interfaces = eth%d\n", i);
    assert_refused(text, 1, ":18: 'interfaces'");

    memset(text, 'a', sizeof(text));
    memcpy(text, "[node]\nbundle = ", 16);
    strcpy(text + 400, "\n[log]\nlevel = x\n");
    assert_refused(text, 2, ":2: the line is too long");
    assert_non_null(strstr(problems.text, ":4: 'level'"));
}

static void test_the_control_path_must_fit_a_socket(void **state)
{
    (void)state;
    char text[200];
    snprintf(text, sizeof(text), "[node]\ncontrol = /%0106d\n", 0);
    assert_int_equal(parse(text), 0);
    snprintf(text, sizeof(text), "[node]\ncontrol = /%0107d\n", 0);
    assert_refused(text, 1, "107 characters");
}

static void test_zero_bytes_are_refused(void **state)
{
    (void)state;
    memset(&problems, 0, sizeof(problems));
    assert_int_equal(sl_config_parse("x", "[log]\n\0", 7, &config, &problems), -22);
    assert_non_null(strstr(problems.text, "plain text"));
}

static void test_every_truncation_ends_well(void **state)
{
    (void)state;
    static const char text[] = "[udp]\npeers = 10.0.0.1:7, [fd00::1]:8\n[test]\nloss = 0.5\n";
    for (size_t len = 0; len < sizeof(text); len++) {
        char *exact = malloc(len + 1);
        memcpy(exact, text, len);
        memset(&problems, 0, sizeof(problems));
        int error = sl_config_parse("f", exact, len, &config, &problems);
        assert_true((error == 0) == (problems.error_count == 0));
        free(exact);
    }
}

static void test_files(void **state)
{
    (void)state;
    char path[] = "/tmp/test_config.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[log]\nlevel = error\n", 20), 20);
    memset(&problems, 0, sizeof(problems));
    assert_int_equal(sl_config_read(path, &config, &problems), 0);
    assert_int_equal(config.log_level, LOG_ERR);
    assert_string_equal(config.bundle, "/tmp");
    assert_string_equal(config.path, path);

    for (int i = 0; i < 7000; i++)
        assert_int_equal(write(fd, "# comment\n", 10), 10);
    assert_int_equal(sl_config_read(path, &config, &problems), -22);
    assert_non_null(strstr(problems.text, "64 KiB"));
    close(fd);
    unlink(path);

    assert_int_equal(sl_config_read(path, &config, &problems), -2);
    assert_non_null(strstr(problems.text, "cannot be read (No such file or directory); name"));
    assert_int_equal(sl_config_read("/tmp", &config, &problems), -21);
}

static void test_relative_to_the_working_folder(void **state)
{
    (void)state;
    memset(&problems, 0, sizeof(problems));
    assert_int_equal(
        sl_config_parse("starlingd.conf", "[node]\nstate = s\n", 17, &config, &problems), 0);
    assert_string_equal(config.bundle, ".");
    assert_string_equal(config.state, "s");
    assert_int_equal(sl_config_parse("/starlingd.conf", "", 0, &config, &problems), 0);
    assert_string_equal(config.bundle, "/");
}

/* What is installed shows the defaults, and must be good itself. */
static void test_the_file_that_is_installed(void **state)
{
    (void)state;
    memset(&problems, 0, sizeof(problems));
    assert_int_equal(sl_config_read("firmware/system/starlingd.conf", &config, &problems), 0);
    assert_string_equal(problems.text, "");

    FILE *file = fopen("firmware/system/starlingd.conf", "r");
    char text[8192] = "", line[256];
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        strcat(text, line[0] == '#' && line[1] != ' ' ? line + 1 : line);
    fclose(file);
    char *peers = strstr(text, "peers =");
    memcpy(peers, "#", 1);
    struct sl_config defaults;
    int error =
        sl_config_parse("/etc/starling/starlingd.conf", text, strlen(text), &config, &problems);
    assert_string_equal(problems.text, "");
    assert_int_equal(error, 0);
    static const char said[] = "[node]\ncontrol-mode = 0660\nbundle = .\n";
    assert_int_equal(
        sl_config_parse("/etc/starling/starlingd.conf", said, strlen(said), &defaults, &problems),
        0);
    assert_memory_equal(&config, &defaults, sizeof(config));
}

static void test_bluetooth(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_true(config.bluetooth_enabled);
    assert_false(config.bluetooth.power);
    assert_int_equal(config.bluetooth.adapter_count, 1);
    assert_int_equal(parse("[bluetooth]\nenabled = yes\nadapters = hci1, hci2\nadapters = hci7\n"
                           "scan-percent = 50\nrate-kbit = 300\n"),
                     0);
    assert_true(config.bluetooth.power);
    assert_int_equal(config.bluetooth.adapter_count, 3);
    assert_string_equal(config.bluetooth.adapters[2], "hci7");
    assert_int_equal(config.bluetooth.scan_percent, 50);
    assert_int_equal(config.bluetooth.rate_bps, 300000);
    assert_int_equal(parse("[bluetooth]\nenabled = no\n"), 0);
    assert_false(config.bluetooth_enabled);
    assert_refused("[bluetooth]\nenabled = maybe\n", 1, "auto (adapters that are switched on)");
    assert_refused("[bluetooth]\nadapters = a-name-much-too-long\n", 1, "names of adapters");
    assert_refused("[bluetooth]\nscan-percent = 0\n", 1, "5 to 100");
    assert_refused("[bluetooth]\nrate-kbit = fast\n", 1, "kbit/s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_file_gives_the_defaults),
        cmocka_unit_test(test_every_setting_is_taken),
        cmocka_unit_test(test_loss_is_a_share_or_a_percentage),
        cmocka_unit_test(test_radios),
        cmocka_unit_test(test_listening_on_one_address),
        cmocka_unit_test(test_mistakes_are_named_with_their_line),
        cmocka_unit_test(test_bluetooth),
        cmocka_unit_test(test_bad_values_are_told_what_they_have_to_be),
        cmocka_unit_test(test_several_mistakes_are_told_at_once),
        cmocka_unit_test(test_endless_mistakes_fill_nothing),
        cmocka_unit_test(test_too_much_of_anything_is_refused),
        cmocka_unit_test(test_the_control_path_must_fit_a_socket),
        cmocka_unit_test(test_zero_bytes_are_refused),
        cmocka_unit_test(test_every_truncation_ends_well),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_relative_to_the_working_folder),
        cmocka_unit_test(test_the_file_that_is_installed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
