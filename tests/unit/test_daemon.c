/* The parts of the daemon that are not its loop: the bundle, the trust in the system's clock, the
 * bad radio of tests. */
#include "daemon/bundle.h"
#include "daemon/fault.h"
#include "daemon/timesource.h"

#include "base/text.h"
#include "crypto/sodium.h"
#include "sim/test_credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- The bundle ---- */

static struct test_network network;
static struct test_node node;
static struct sl_primitives primitives;
static char folder[64];

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    fclose(file);
}

static void write_bundle(void)
{
    char hex[2 * SL_KEY_LEN + 2];
    write_file("ca.crt", network.authority.certificate, 0644);
    write_file("node.crt", node.certificate, 0644);
    write_file("node.key", node.key, 0600);
    sl_hex_encode(node.seed, SL_KEY_LEN, hex);
    write_file("node.seed", strcat(hex, "\n"), 0600);
    sl_hex_encode(network.secret, SL_KEY_LEN, hex);
    write_file("network.key", hex, 0600);
    unlink(path_of("network.crl"));
}

static int make_networks(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_daemon.XXXXXX");
    assert_non_null(mkdtemp(folder));
    test_network_make(&network, "square");
    test_node_make(&node, &network, "lamp post");
    sl_sodium_primitives(&primitives);
    return 0;
}

static int remove_networks(void **state)
{
    static const char *const names[] = {"ca.crt",    "node.crt",    "node.key",
                                        "node.seed", "network.key", "network.crl"};
    (void)state;
    for (size_t i = 0; i < SL_ARRAY_LEN(names); i++)
        unlink(path_of(names[i]));
    test_node_done(&node);
    return rmdir(folder);
}

/* Loads the bundle; the number of errors. `part` has to be in what is said, unless NULL. */
static size_t load(const char *part)
{
    struct sl_problems problems = {0};
    struct sl_bundle bundle;
    int error = sl_bundle_load(folder, &primitives, &bundle, &problems);
    assert_true((error == 0) == (problems.error_count == 0));
    if (part && !strstr(problems.text, part))
        print_error("'%s' is not in:\n%s", part, problems.text);
    assert_true(!part || strstr(problems.text, part));
    /* No secret is ever quoted. */
    char hex[2 * SL_KEY_LEN + 1];
    sl_hex_encode(node.seed, SL_KEY_LEN, hex);
    hex[8] = '\0';
    assert_null(strstr(problems.text, hex));
    sl_bundle_done(&bundle, &primitives);
    return problems.error_count;
}

static void test_a_whole_bundle(void **state)
{
    (void)state;
    struct sl_problems problems = {0};
    struct sl_bundle bundle;
    write_bundle();
    assert_int_equal(sl_bundle_load(folder, &primitives, &bundle, &problems), 0);
    assert_string_equal(problems.text, "");
    assert_string_equal(bundle.own.name, "lamp post");
    assert_string_equal(bundle.network, "square");
    assert_memory_equal(bundle.own.key, node.sign_key, SL_KEY_LEN);
    assert_memory_equal(bundle.seed, node.seed, SL_KEY_LEN);
    assert_memory_equal(bundle.network_secret, network.secret, SL_KEY_LEN);
    assert_true(bundle.not_before <= TEST_NOW && bundle.not_before > TEST_NOW - 86400 * 2);
    assert_true(bundle.own.not_after > TEST_NOW);
    sl_bundle_done(&bundle, &primitives);
    static const struct sl_bundle wiped;
    assert_memory_equal(&bundle, &wiped, sizeof(bundle));
}

static void test_missing_pieces(void **state)
{
    (void)state;
    static const char *const names[] = {"ca.crt", "node.crt", "node.key", "node.seed",
                                        "network.key"};
    for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
        char expected[80];
        write_bundle();
        unlink(path_of(names[i]));
        snprintf(expected, sizeof(expected), "/%s: is missing; copy the whole folder", names[i]);
        assert_int_equal(load(expected), 1);
    }
    write_bundle();
    unlink(path_of("ca.crt"));
    unlink(path_of("node.seed"));
    assert_int_equal(load("/node.seed: is missing"), 2);
}

static void test_damaged_pieces(void **state)
{
    (void)state;
    static const char *const names[] = {"ca.crt", "node.crt", "node.key", "network.crl"};
    for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
        char expected[80];
        write_bundle();
        write_file(names[i], "nonsense\n", 0600);
        snprintf(expected, sizeof(expected), "/%s: is damaged", names[i]);
        assert_int_equal(load(expected), 1);
    }
    write_bundle();
    write_file("node.seed", "0123\n", 0600);
    assert_int_equal(load("/node.seed: does not hold 64 hex digits"), 1);
    write_bundle();
    write_file("network.key", "", 0600);
    assert_int_equal(load("/network.key: does not hold 64 hex digits"), 1);
}

static void test_pieces_of_another_node_or_network(void **state)
{
    (void)state;
    struct test_network other_network;
    struct test_node other;
    test_network_make(&other_network, "elsewhere");
    test_node_make(&other, &other_network, "stranger");

    write_bundle();
    write_file("ca.crt", other_network.authority.certificate, 0644);
    assert_int_equal(load("/node.crt: was not issued by the authority of ca.crt"), 1);
    write_bundle();
    write_file("node.key", other.key, 0600);
    assert_int_equal(load("/node.key: is not the key of node.crt"), 1);
    char hex[2 * SL_KEY_LEN + 1];
    sl_hex_encode(other.seed, SL_KEY_LEN, hex);
    write_bundle();
    write_file("node.seed", hex, 0600);
    assert_int_equal(load("/node.seed: is not the seed of node.crt"), 1);
    test_node_done(&other);
}

static void test_secrets_that_others_can_read(void **state)
{
    (void)state;
    static const char *const names[] = {"node.key", "node.seed", "network.key"};
    for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
        char expected[80];
        write_bundle();
        chmod(path_of(names[i]), 0604);
        snprintf(expected, sizeof(expected), "/%s: is secret, but others may read", names[i]);
        assert_int_equal(load(expected), 1);
        chmod(path_of(names[i]), 0640);
        assert_int_equal(load("warning: is secret, but its group may read it (mode 0640)"), 0);
    }
    write_bundle();
    chmod(path_of("node.key"), 0660);
    assert_int_equal(load("/node.key: is secret"), 1);
}

/* ---- The clock ---- */

static enum sl_clock_source judge(int64_t unix_time, bool synchronised, int64_t rtc,
                                  enum sl_clock_trust trust)
{
    struct sl_clock_facts facts = {.unix_us = unix_time * SL_SECOND,
                                   .synchronised = synchronised,
                                   .rtc_unix = rtc,
                                   .not_before = 1000};
    return sl_clock_judge(&facts, trust);
}

static void test_trust_in_the_systems_clock(void **state)
{
    (void)state;
    assert_int_equal(judge(2000, true, 0, SL_CLOCK_TRUST_AUTO), SL_CLOCK_NTP);
    assert_int_equal(judge(2000, false, 2000, SL_CLOCK_TRUST_AUTO), SL_CLOCK_RTC);
    /* No hardware clock, or one whose battery is empty: the time of the last shutdown. */
    assert_int_equal(judge(2000, false, 0, SL_CLOCK_TRUST_AUTO), SL_CLOCK_STORED);
    assert_int_equal(judge(2000, false, 5, SL_CLOCK_TRUST_AUTO), SL_CLOCK_STORED);
    assert_int_equal(judge(5, false, 5, SL_CLOCK_TRUST_AUTO), SL_CLOCK_UNSET);
    assert_int_equal(judge(5, false, 2000, SL_CLOCK_TRUST_AUTO), SL_CLOCK_UNSET);
    assert_int_equal(judge(2000, false, 0, SL_CLOCK_TRUST_TRUSTED), SL_CLOCK_NTP);
    assert_int_equal(judge(2000, true, 2000, SL_CLOCK_TRUST_IGNORED), SL_CLOCK_UNSET);
}

static void test_the_kernel_is_asked(void **state)
{
    (void)state;
    struct sl_clock_facts facts;
    sl_clock_facts_read(&facts, 77);
    assert_true(facts.unix_us > 1700000000 * SL_SECOND);
    assert_int_equal(facts.not_before, 77);
}

/* ---- The bad radio ---- */

/* The share is that of a link whose two ends both have it: sent here, received there. */
static void test_loss(void **state)
{
    (void)state;
    static const uint32_t shares[] = {0, 200, 400, 1000};
    for (size_t i = 0; i < SL_ARRAY_LEN(shares); i++) {
        struct sl_fault_config config = {.loss_permille = shares[i], .seed = 3};
        struct sl_fault *sender = sl_fault_new(&config);
        config.seed = 4;
        struct sl_fault *receiver = sl_fault_new(&config);
        size_t lost = 0;
        for (int n = 0; n < 10000; n++)
            lost += sl_fault_loses(sender) || sl_fault_loses(receiver);
        assert_in_range(lost, shares[i] * 19 / 2, shares[i] * 21 / 2);
        assert_false(sl_fault_delays(sender));
        assert_int_equal(sl_fault_deadline(sender), SL_NEVER);
        sl_fault_free(sender);
        sl_fault_free(receiver);
    }
}

static void test_delay(void **state)
{
    (void)state;
    struct sl_fault *fault = sl_fault_new(&(struct sl_fault_config){.delay_ms = 5});
    struct sl_address from = {.len = 1, .bytes = {9}};
    for (uint8_t i = 0; i < 3; i++)
        sl_fault_push(fault, i, &from, &i, 1, i * SL_MILLISECOND);
    assert_int_equal(sl_fault_deadline(fault), 5 * SL_MILLISECOND);
    assert_null(sl_fault_pop(fault, 5 * SL_MILLISECOND - 1));
    for (uint8_t i = 0; i < 3; i++) {
        const struct sl_fault_datagram *datagram = sl_fault_pop(fault, (5 + i) * SL_MILLISECOND);
        assert_non_null(datagram);
        assert_int_equal(datagram->bearer, i);
        assert_int_equal(datagram->bytes[0], i);
        assert_int_equal(datagram->from.bytes[0], 9);
        assert_null(sl_fault_pop(fault, (5 + i) * SL_MILLISECOND));
    }
    assert_int_equal(sl_fault_deadline(fault), SL_NEVER);

    /* What does not fit is lost, and the ring goes on. */
    uint8_t byte = 0;
    for (int i = 0; i < SL_FAULT_QUEUE + 10; i++)
        sl_fault_push(fault, i, &from, &byte, 1, 0);
    int popped = 0;
    for (; sl_fault_pop(fault, SL_SECOND); popped++)
        ;
    assert_int_equal(popped, SL_FAULT_QUEUE);
    sl_fault_free(fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_bundle),
        cmocka_unit_test(test_missing_pieces),
        cmocka_unit_test(test_damaged_pieces),
        cmocka_unit_test(test_pieces_of_another_node_or_network),
        cmocka_unit_test(test_secrets_that_others_can_read),
        cmocka_unit_test(test_trust_in_the_systems_clock),
        cmocka_unit_test(test_the_kernel_is_asked),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_delay),
    };
    return cmocka_run_group_tests(tests, make_networks, remove_networks);
}
