/* The organiser's side: what it issues is read back here and, where openssl is installed, checked
 * by that, too. */
#include "base/text.h"
#include "crypto/authority.h"
#include "crypto/sodium.h"
#include "sim/test_credentials.h"

#include <errno.h>
#include <mbedtls/x509_crl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY INT64_C(86400)

/* 63 bytes, the longest name there is. */
#define LONG_NAME "0123456789 lamp post at the fountain, north side, behind market"

struct world {
    struct test_network network;
    struct test_issuer invite;
    uint8_t sign_key[SL_KEY_LEN];
    char subject_key[SL_PEM_MAX];
    char certificate[SL_PEM_MAX];
    uint8_t serial[20];
};

static int setup(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    test_network_make(&world->network, "square");
    test_invite_make(&world->invite, &world->network, "gate");
    memset(world->sign_key, 0xa5, sizeof(world->sign_key));
    assert_int_equal(sl_authority_key(world->subject_key), 0);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    test_free(*state);
    return 0;
}

static struct sl_issue node_issue(const struct world *world)
{
    return (struct sl_issue){
        .issuer_certificate = world->network.authority.certificate,
        .issuer_key = world->network.authority.key,
        .subject_key = world->subject_key,
        .name = "relay",
        .sign_key = world->sign_key,
        .now_unix = TEST_NOW,
        .lifetime = 30 * DAY,
    };
}

static void test_authority_reads_back(void **state)
{
    struct world *world = *state;
    struct sl_certificate_info info;
    assert_int_equal(sl_certificate_read(world->network.authority.certificate, &info), 0);
    assert_true(info.is_ca);
    assert_string_equal(info.identity.name, "square");
    assert_true(info.not_before == TEST_NOW);
    assert_true(info.not_after == TEST_NOW + 3650 * DAY);
    for (size_t i = 0; i < SL_KEY_LEN; i++)
        assert_int_equal(info.identity.key[i], 0);
}

static void test_node_reads_back(void **state)
{
    struct world *world = *state;
    struct sl_issue issue = node_issue(world);
    struct sl_certificate_info info;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), 0);
    assert_int_equal(sl_certificate_read(world->certificate, &info), 0);
    assert_false(info.is_ca);
    assert_string_equal(info.identity.name, "relay");
    assert_memory_equal(info.identity.key, world->sign_key, SL_KEY_LEN);
    assert_memory_equal(info.identity.serial, world->serial, 20);
    assert_true(info.not_before == TEST_NOW);
    assert_true(info.not_after == TEST_NOW + 30 * DAY);
    assert_true(info.identity.not_after == info.not_after);

    struct sl_primitives primitives;
    uint8_t origin[SL_ORIGIN_LEN];
    sl_sodium_primitives(&primitives);
    primitives.hash(primitives.ctx, "starling origin", NULL, world->sign_key, SL_KEY_LEN, origin,
                    sizeof(origin));
    assert_memory_equal(info.identity.origin, origin, sizeof(origin));
}

static void test_names(void **state)
{
    struct world *world = *state;
    static const char *const good[] = {"a",        "комната 5", "灯柱", "x,y=z+\"q\"\\;<>#",
                                       " spaces ", LONG_NAME};
    static const char *const bad[] = {
        "", LONG_NAME "!", "two\nlines", "tab\tbed", "\x1b[31mred", "\u202edrawkcab", "\xff\xfe"};
    assert_int_equal(strlen(LONG_NAME), 63);
    struct sl_issue issue = node_issue(world);
    for (size_t i = 0; i < SL_ARRAY_LEN(good); i++) {
        struct sl_certificate_info info;
        issue.name = good[i];
        assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), 0);
        assert_int_equal(sl_certificate_read(world->certificate, &info), 0);
        assert_string_equal(info.identity.name, good[i]);
    }
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
        issue.name = bad[i];
        assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EINVAL);
        assert_int_equal(
            sl_authority_create(bad[i], TEST_NOW, 30, world->certificate, world->subject_key),
            -EINVAL);
    }
}

static void test_serials_are_random_and_positive(void **state)
{
    struct world *world = *state;
    struct sl_issue issue = node_issue(world);
    uint8_t serials[8][20];
    static const uint8_t zeros[4];
    for (int i = 0; i < 8; i++) {
        assert_int_equal(sl_authority_issue(&issue, world->certificate, serials[i]), 0);
        assert_memory_equal(serials[i], zeros, 4);
        assert_true(serials[i][4] >= 0x40 && serials[i][4] < 0x80);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(serials[i], serials[j], 20);
    }
}

static void test_lifetime_is_cut_to_the_issuers(void **state)
{
    struct world *world = *state;
    struct sl_issue issue = node_issue(world);
    struct sl_certificate_info info;
    issue.lifetime = INT64_MAX;
    issue.now_unix = TEST_NOW + 10 * DAY;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), 0);
    assert_int_equal(sl_certificate_read(world->certificate, &info), 0);
    assert_true(info.not_after == TEST_NOW + 3650 * DAY);

    issue.issuer_certificate = world->invite.certificate;
    issue.issuer_key = world->invite.key;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), 0);
    assert_int_equal(sl_certificate_read(world->certificate, &info), 0);
    assert_true(info.not_after == TEST_NOW + TEST_LIFETIME);
}

/* UTCTime ends with 2049. */
static void test_dates_past_2049(void **state)
{
    struct world *world = *state;
    static const int64_t starts[] = {
        2524607999, /* 2049-12-31 23:59:59 */
        2524608000, /* 2050-01-01 00:00:00 */
        4102444800, /* 2100-01-01 00:00:00 */
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(starts); i++) {
        struct sl_certificate_info info;
        uint8_t crl[1024];
        assert_int_equal(
            sl_authority_create("later", starts[i], 36500, world->certificate, world->subject_key),
            0);
        assert_int_equal(sl_certificate_read(world->certificate, &info), 0);
        assert_true(info.not_before == starts[i]);
        assert_true(info.not_after == starts[i] + 36500 * DAY);
        assert_true(sl_authority_crl(world->certificate, world->subject_key, NULL, 0, 1, starts[i],
                                     crl, sizeof(crl)) > 0);
    }
    struct sl_certificate_info info;
    assert_int_equal(sl_authority_create("last", INT64_C(253402300000), 30, world->certificate,
                                         world->subject_key),
                     0);
    assert_int_equal(sl_certificate_read(world->certificate, &info), 0);
    assert_true(info.not_after == INT64_C(253402300799));
}

static void test_who_may_not_issue(void **state)
{
    struct world *world = *state;
    struct sl_issue issue = node_issue(world);
    char leaf[SL_PEM_MAX];
    assert_int_equal(sl_authority_issue(&issue, leaf, world->serial), 0);

    issue.issuer_certificate = leaf;
    issue.issuer_key = world->subject_key;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EACCES);

    issue = node_issue(world);
    issue.now_unix = TEST_NOW - 1;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EACCES);
    issue.now_unix = TEST_NOW + 3650 * DAY + 1;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EACCES);

    issue = node_issue(world);
    issue.issuer_key = world->subject_key;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EKEYREJECTED);

    /* An invite admits nodes, not further invites. */
    issue = node_issue(world);
    issue.issuer_certificate = world->invite.certificate;
    issue.issuer_key = world->invite.key;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), 0);
    issue.sign_key = NULL;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EACCES);
}

static void test_unreadable_input(void **state)
{
    struct world *world = *state;
    struct sl_issue issue = node_issue(world);
    struct sl_certificate_info info;
    issue.issuer_certificate = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n";
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EBADMSG);
    assert_int_equal(sl_certificate_read(issue.issuer_certificate, &info), -EBADMSG);
    assert_int_equal(sl_certificate_read("", &info), -EBADMSG);
    issue = node_issue(world);
    issue.issuer_key = "";
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EBADMSG);
    issue = node_issue(world);
    issue.subject_key = world->network.authority.certificate;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EBADMSG);
    issue = node_issue(world);
    issue.lifetime = 0;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), -EINVAL);
    assert_int_equal(sl_authority_create("x", TEST_NOW, 0, world->certificate, world->subject_key),
                     -EINVAL);
}

/* A chain of the longest names must still fit an envelope. */
static void test_longest_chain_fits_an_envelope(void **state)
{
    struct world *world = *state;
    uint8_t chain[SL_PAYLOAD_MAX];
    struct test_node node;
    struct test_network *network = test_calloc(1, sizeof(*network));
    test_network_make(network, LONG_NAME);
    test_invite_make(&world->invite, network, LONG_NAME);
    test_node_make_invited(&node, network, &world->invite, LONG_NAME);
    size_t len = test_node_chain(&node, chain, sizeof(chain));
    print_message("longest chain: %zu of %d bytes\n", len, SL_PAYLOAD_MAX);
    assert_in_range(len, 1, SL_PAYLOAD_MAX);
    test_node_done(&node);
    test_free(network);
}

static void test_crl_limits(void **state)
{
    struct world *world = *state;
    const struct test_issuer *authority = &world->network.authority;
    struct sl_revoked revoked[40] = {0};
    uint8_t der[4096];
    for (size_t i = 0; i < SL_ARRAY_LEN(revoked); i++) {
        revoked[i].serial[4] = (uint8_t)(200 - i);
        revoked[i].when = TEST_NOW;
    }
    size_t fits = 0;
    for (size_t count = 0; count <= SL_ARRAY_LEN(revoked); count++) {
        int len = sl_authority_crl(authority->certificate, authority->key, revoked, count,
                                   UINT64_MAX, TEST_NOW, der, sizeof(der));
        assert_true(len > 0);
        if (len <= SL_PAYLOAD_MAX)
            fits = count;
    }
    print_message("revocations in one envelope: %zu\n", fits);
    assert_true(fits >= 20);

    int exact = sl_authority_crl(authority->certificate, authority->key, revoked, 1, 1, TEST_NOW,
                                 der, sizeof(der));
    for (size_t cap = 0; cap < (size_t)exact - 8; cap++)
        assert_int_equal(sl_authority_crl(authority->certificate, authority->key, revoked, 1, 1,
                                          TEST_NOW, der, cap),
                         -ENOBUFS);
    assert_int_equal(sl_authority_crl(authority->certificate, world->subject_key, revoked, 1, 1,
                                      TEST_NOW, der, sizeof(der)),
                     -EKEYREJECTED);
    assert_int_equal(sl_authority_crl(world->invite.certificate, world->invite.key, revoked, 1, 1,
                                      TEST_NOW, der, sizeof(der)),
                     -EACCES);
}

static void test_crl_entries_are_sorted(void **state)
{
    struct world *world = *state;
    uint8_t serials[3][20] = {{0}};
    uint8_t der[1024];
    mbedtls_x509_crl crl;
    serials[0][19] = 0x7f;
    serials[1][18] = 0x01;
    serials[2][19] = 0x05;
    size_t len =
        test_crl_make(&world->network, (const uint8_t(*)[20])serials, 3, 1, der, sizeof(der));
    mbedtls_x509_crl_init(&crl);
    assert_int_equal(mbedtls_x509_crl_parse_der(&crl, der, len), 0);
    assert_int_equal(crl.version, 2);
    const mbedtls_x509_crl_entry *entry = &crl.entry;
    assert_int_equal(entry->serial.p[0], 0x05);
    entry = entry->next;
    assert_int_equal(entry->serial.p[0], 0x7f);
    entry = entry->next;
    assert_int_equal(entry->serial.len, 2);
    assert_int_equal(entry->revocation_date.year, 2025);
    mbedtls_x509_crl_free(&crl);
}

static void test_pem_and_der(void **state)
{
    struct world *world = *state;
    uint8_t der[SL_PEM_MAX];
    char pem[SL_PEM_MAX];
    int len = sl_pem_to_der(world->invite.certificate, der, sizeof(der));
    assert_true(len > 300);
    assert_int_equal(sl_der_to_pem("CERTIFICATE", der, (size_t)len, pem), 0);
    assert_string_equal(pem, world->invite.certificate);
    assert_int_equal(sl_pem_to_der(world->invite.certificate, der, (size_t)len - 1), -ENOBUFS);
    int key_len = sl_pem_to_der(world->invite.key, der, sizeof(der));
    assert_true(key_len > 100);
    assert_int_equal(sl_der_to_pem("EC PRIVATE KEY", der, (size_t)key_len, pem), 0);
    assert_string_equal(pem, world->invite.key);

    assert_int_equal(sl_pem_to_der("nothing here", der, sizeof(der)), -EBADMSG);
    assert_int_equal(sl_pem_to_der("-----BEGIN ", der, sizeof(der)), -EBADMSG);
    assert_int_equal(sl_pem_to_der("-----BEGIN X-----\nAA", der, sizeof(der)), -EBADMSG);
    assert_int_equal(sl_pem_to_der("-----BEGIN a label that is far longer than any label is-----\n",
                                   der, sizeof(der)),
                     -EBADMSG);
    assert_int_equal(sl_der_to_pem("CERTIFICATE", (const uint8_t *)world, 3500, pem), -ENOBUFS);
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t len)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void openssl(const char *folder, const char *arguments, int expected)
{
    char command[512];
    snprintf(command, sizeof(command), "cd %s && openssl %s >openssl.log 2>&1", folder, arguments);
    int status = system(command);
    if ((status == 0) != (expected == 0))
        fail_msg("openssl %s: status %d", arguments, status);
}

/* Another implementation, in its strictest mode. */
static void test_openssl_agrees(void **state)
{
    struct world *world = *state;
    if (system("openssl version >/dev/null 2>&1") != 0)
        skip();
    char folder[] = "/tmp/starling-authority-XXXXXX";
    assert_non_null(mkdtemp(folder));
    uint8_t crl[1024];
    struct sl_issue issue = node_issue(world);
    const char *ca = world->network.authority.certificate;
    write_file(folder, "ca.pem", ca, strlen(ca));
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), 0);
    write_file(folder, "node.pem", world->certificate, strlen(world->certificate));
    size_t len = test_crl_make(&world->network, (const uint8_t(*)[20]) & world->serial, 1, 3, crl,
                               sizeof(crl));
    write_file(folder, "crl.der", crl, len);
    issue.issuer_certificate = world->invite.certificate;
    issue.issuer_key = world->invite.key;
    assert_int_equal(sl_authority_issue(&issue, world->certificate, world->serial), 0);
    write_file(folder, "guest.pem", world->certificate, strlen(world->certificate));
    write_file(folder, "invite.pem", world->invite.certificate, strlen(world->invite.certificate));

    openssl(folder, "verify -x509_strict -attime 1760000010 -CAfile ca.pem node.pem", 0);
    openssl(folder,
            "verify -x509_strict -attime 1760000010 -CAfile ca.pem -untrusted invite.pem "
            "guest.pem",
            0);
    openssl(folder, "verify -x509_strict -attime 1760000010 -CAfile ca.pem guest.pem", 1);
    openssl(folder, "crl -inform DER -in crl.der -CAfile ca.pem -out crl.pem", 0);
    openssl(folder, "verify -crl_check -CRLfile crl.pem -attime 1760000010 -CAfile ca.pem node.pem",
            1);
    char command[128];
    snprintf(command, sizeof(command),
             "cd %s && openssl crl -in crl.pem -noout -crlnumber | grep -q '=0*x*0*3$'", folder);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_authority_reads_back),
        TEST(test_node_reads_back),
        TEST(test_names),
        TEST(test_serials_are_random_and_positive),
        TEST(test_lifetime_is_cut_to_the_issuers),
        TEST(test_dates_past_2049),
        TEST(test_who_may_not_issue),
        TEST(test_unreadable_input),
        TEST(test_longest_chain_fits_an_envelope),
        TEST(test_crl_limits),
        TEST(test_crl_entries_are_sorted),
        TEST(test_pem_and_der),
        TEST(test_openssl_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
