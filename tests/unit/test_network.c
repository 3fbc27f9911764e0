/* The organiser's folder: networks, bundles, invites, revocation, and what a crash leaves. */
#include "admission.h"
#include "bundle.h"
#include "files.h"
#include "invite.h"
#include "network.h"
#include "output.h"

#include "base/text.h"
#include "crypto/membership.h"
#include "crypto/sodium.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOW   ((int64_t)1800000000)
#define DAY_S ((int64_t)86400)

static char base[64]; /* folder of this test */

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(base, "/tmp/starling-test-XXXXXX");
    assert_non_null(mkdtemp(base));
    assert_int_equal(setenv("XDG_DATA_HOME", base, 1), 0);
    assert_int_equal(unsetenv("STARLING_NETWORK"), 0);
    return sl_sodium_init();
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(base, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Makes a network of that name in the usual place. */
static void make_network(const char *name)
{
    char certificate[SL_PEM_MAX], key[SL_PEM_MAX], *folder = NULL;
    uint8_t secret[SL_KEY_LEN];
    memset(secret, name[0], sizeof(secret));
    assert_int_equal(sl_authority_create(name, NOW, 3650, certificate, key), 0);
    struct sl_network_draft draft = {name, NULL, certificate, key, secret};
    assert_int_equal(sl_network_make(&draft, &folder), 0);
    assert_int_equal(sl_network_make(&draft, &folder), -EEXIST);
    free(folder);
}

static struct sl_network *open_network(const char *wanted)
{
    struct sl_network *network = NULL;
    assert_int_equal(sl_network_open(wanted, true, &network), 0);
    return network;
}

static int add_node(struct sl_network *network, const char *name)
{
    struct sl_bundle_draft draft = {.name = name,
                                    .issuer_certificate = network->certificate,
                                    .issuer_key = network->key,
                                    .now = NOW,
                                    .lifetime = 365 * DAY_S};
    return sl_bundle_make(network, &draft);
}

static mode_t mode_of(const char *folder, const char *name)
{
    char path[300];
    struct stat about;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(stat(path, &about), 0);
    return about.st_mode & 0777;
}

static const char *const bundle_files[] = {"ca.crt",    "node.crt",    "node.key",
                                           "node.seed", "network.key", "starlingd.conf"};

/* Everything is there, private where it has to be, and a daemon would take it. */
static void check_bundle(const struct sl_network *network, const char *name)
{
    char folder[200];
    snprintf(folder, sizeof(folder), "%s/nodes/%s", network->folder, name);
    for (size_t i = 0; i < SL_ARRAY_LEN(bundle_files); i++)
        assert_true(sl_files_exist(folder, bundle_files[i]));
    assert_int_equal(mode_of(folder, "node.key"), 0600);
    assert_int_equal(mode_of(folder, "node.seed"), 0600);
    assert_int_equal(mode_of(folder, "network.key"), 0600);
    char *ca = NULL, *certificate = NULL, *key = NULL, *seed_text = NULL;
    struct sl_credentials_files files = {0};
    assert_int_equal(sl_files_read(folder, "ca.crt", SL_PEM_MAX, &ca, &files.ca_len), 0);
    assert_int_equal(
        sl_files_read(folder, "node.crt", 2 * SL_PEM_MAX, &certificate, &files.certificate_len), 0);
    assert_int_equal(sl_files_read(folder, "node.key", SL_PEM_MAX, &key, &files.key_len), 0);
    assert_int_equal(sl_files_read(folder, "node.seed", 100, &seed_text, NULL), 0);
    files.ca = (const uint8_t *)ca;
    files.certificate = (const uint8_t *)certificate;
    files.key = (const uint8_t *)key;
    struct sl_credentials *credentials = NULL;
    const char *what = NULL;
    assert_int_equal(sl_credentials_new(&files, &credentials, &what), 0);
    struct sl_identity own;
    sl_credentials_own(credentials, &own);
    assert_string_equal(own.name, name);
    /* The seed is that of the key in the certificate. */
    uint8_t seed[SL_KEY_LEN], sign_key[SL_KEY_LEN];
    seed_text[2 * SL_KEY_LEN] = '\0';
    assert_int_equal(sl_hex_decode(seed_text, seed, sizeof(seed)), 0);
    struct sl_primitives primitives;
    sl_sodium_primitives(&primitives);
    primitives.sign_key(primitives.ctx, seed, sign_key);
    assert_memory_equal(sign_key, own.key, sizeof(sign_key));
    const struct sl_issued *issued = sl_network_find(network, name);
    assert_non_null(issued);
    assert_memory_equal(issued->origin, own.origin, SL_ORIGIN_LEN);
    assert_memory_equal(issued->serial, own.serial, SL_SERIAL_LEN);
    sl_credentials_free(credentials);
    free(ca);
    free(certificate);
    free(key);
    free(seed_text);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"square", "lamp-post 3", "площадь", "广场", "a.b"};
    static const char *const bad[] = {"",    "a/b",  "..",   ".a",      "-a",  " a",   "a ",  "a,b",
                                      "a=b", "a\nb", "\xff", "a\033[m", "a;b", "a\"b", "a\\b"};
    for (size_t i = 0; i < SL_ARRAY_LEN(good); i++)
        assert_null(sl_network_name_fault(good[i]));
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
        assert_non_null(sl_network_name_fault(bad[i]));
    char longest[65];
    memset(longest, 'x', 64);
    longest[64] = '\0';
    assert_non_null(sl_network_name_fault(longest));
    assert_null(sl_network_name_fault(longest + 1));
}

static void test_finding_a_network(void **state)
{
    (void)state;
    struct sl_network *network = NULL;
    assert_int_equal(sl_network_open(NULL, false, &network), -ENOENT);
    make_network("square");
    assert_int_equal(sl_network_open(NULL, false, &network), 0);
    assert_string_equal(network->name, "square");
    char folder[200];
    snprintf(folder, sizeof(folder), "%s", network->folder);
    assert_int_equal(mode_of(folder, "ca.key"), 0600);
    assert_int_equal(mode_of(folder, "network.key"), 0600);
    assert_int_equal(mode_of(folder, "."), 0700);
    sl_network_close(network);
    make_network("park");
    assert_int_equal(sl_network_open(NULL, false, &network), -ENOENT);
    assert_int_equal(sl_network_open("parc", false, &network), -ENOENT);
    assert_int_equal(sl_network_open("park", false, &network), 0);
    sl_network_close(network);
    assert_int_equal(setenv("STARLING_NETWORK", folder, 1), 0);
    assert_int_equal(sl_network_open(NULL, false, &network), 0);
    assert_string_equal(network->name, "square");
    sl_network_close(network);
    assert_int_equal(unsetenv("STARLING_NETWORK"), 0);
}

static void test_nodes(void **state)
{
    (void)state;
    make_network("square");
    struct sl_network *network = open_network("square");
    assert_int_equal(add_node(network, "lamp post 1"), 0);
    assert_int_equal(add_node(network, "фонарь"), 0);
    assert_int_equal(add_node(network, "lamp post 1"), -EEXIST);
    check_bundle(network, "lamp post 1");
    check_bundle(network, "фонарь");
    sl_network_close(network);
    network = open_network("square");
    assert_int_equal(network->issued_count, 2);
    check_bundle(network, "фонарь");
    /* A bundle that was carried away still takes its name. */
    char path[200], away[200];
    snprintf(path, sizeof(path), "%s/nodes/фонарь", network->folder);
    snprintf(away, sizeof(away), "%s/away", base);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(add_node(network, "фонарь"), -EEXIST);
    sl_network_close(network);
}

/* Killed between bundle and record: the next run records it. */
static void test_unrecorded_bundles_are_adopted(void **state)
{
    (void)state;
    make_network("square");
    struct sl_network *network = open_network("square");
    assert_int_equal(add_node(network, "a"), 0);
    assert_int_equal(add_node(network, "b"), 0);
    network->issued_count = 1;
    assert_int_equal(sl_network_save(network), 0);
    sl_network_close(network);
    network = open_network("square");
    assert_int_equal(network->issued_count, 1);
    assert_int_equal(sl_bundle_adopt(network), 0);
    assert_int_equal(network->issued_count, 2);
    check_bundle(network, "b");
    assert_int_equal(sl_bundle_adopt(network), 0);
    assert_int_equal(network->issued_count, 2);
    sl_network_close(network);
}

static void test_revocation_list(void **state)
{
    (void)state;
    static uint8_t crl[SL_CRL_MAX];
    make_network("square");
    struct sl_network *network = open_network("square");
    assert_int_equal(add_node(network, "a"), 0);
    assert_int_equal(add_node(network, "b"), 0);
    assert_int_equal(sl_network_crl(network, NOW, crl), 0);
    struct sl_issued *a = sl_network_find(network, "a");
    a->revoked = NOW;
    network->crl_number = 1;
    int len = sl_network_crl(network, NOW + 1, crl);
    assert_true(len > 0);
    /* As a node would judge it. */
    struct sl_credentials *credentials = NULL;
    struct sl_credentials_files files = {0};
    char folder[200], *key = NULL, *certificate = NULL;
    const char *what = NULL;
    snprintf(folder, sizeof(folder), "%s/nodes/b", network->folder);
    assert_int_equal(sl_files_read(folder, "node.key", SL_PEM_MAX, &key, &files.key_len), 0);
    assert_int_equal(
        sl_files_read(folder, "node.crt", SL_PEM_MAX, &certificate, &files.certificate_len), 0);
    files.ca = (const uint8_t *)network->certificate;
    files.ca_len = strlen(network->certificate);
    files.key = (const uint8_t *)key;
    files.certificate = (const uint8_t *)certificate;
    files.crl = crl;
    files.crl_len = (size_t)len;
    assert_int_equal(sl_credentials_new(&files, &credentials, &what), 0);
    struct sl_membership membership;
    sl_credentials_membership(credentials, &membership);
    struct sl_identity identity = {0};
    memcpy(identity.serial, a->serial, SL_SERIAL_LEN);
    assert_true(membership.revoked(membership.ctx, &identity));
    memcpy(identity.serial, sl_network_find(network, "b")->serial, SL_SERIAL_LEN);
    assert_false(membership.revoked(membership.ctx, &identity));
    /* A name is free again once its node was revoked and its bundle is gone. */
    assert_int_equal(add_node(network, "a"), -EEXIST);
    char path[220];
    snprintf(path, sizeof(path), "%s/nodes/a", network->folder);
    assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(add_node(network, "a"), 0);
    assert_int_equal(sl_network_find(network, "a")->revoked, 0);
    assert_true(sl_files_exist(path, "network.crl"));
    sl_credentials_free(credentials);
    free(key);
    free(certificate);
    sl_network_close(network);
}

static void test_authority_must_be_valid_and_here(void **state)
{
    (void)state;
    make_network("square");
    struct sl_network *network = open_network("square");
    assert_int_equal(sl_network_may_issue(network, NOW), 0);
    assert_int_equal(sl_network_may_issue(network, NOW + 3651 * DAY_S), -EKEYEXPIRED);
    assert_int_equal(sl_network_may_issue(network, NOW - DAY_S), -EINVAL);
    network->key[0] = '\0';
    assert_int_equal(sl_network_may_issue(network, NOW), -ENOKEY);
    sl_network_close(network);
}

/* ---- Invites ---- */

static struct sl_invite make_invite(struct sl_network *network)
{
    struct sl_invite invite = {.expires = NOW + DAY_S};
    uint8_t serial[SL_SERIAL_LEN];
    assert_int_equal(sl_authority_key(invite.key), 0);
    struct sl_issue issue = {.issuer_certificate = network->certificate,
                             .issuer_key = network->key,
                             .subject_key = invite.key,
                             .name = "invite-1",
                             .now_unix = NOW,
                             .lifetime = DAY_S};
    assert_int_equal(sl_authority_issue(&issue, invite.certificate, serial), 0);
    memcpy(invite.authority, network->certificate, SL_PEM_MAX);
    memcpy(invite.secret, network->secret, SL_KEY_LEN);
    return invite;
}

static void test_invite_round_trip(void **state)
{
    (void)state;
    make_network("square");
    struct sl_network *network = open_network("square");
    struct sl_invite invite = make_invite(network), back;
    char *link = sl_invite_encode(&invite);
    assert_non_null(link);
    assert_memory_equal(link, SL_INVITE_PREFIX, strlen(SL_INVITE_PREFIX));
    char *padded = sl_output_format("  %s\n", link);
    assert_int_equal(sl_invite_decode(padded, &back), 0);
    assert_memory_equal(back.secret, invite.secret, SL_KEY_LEN);
    assert_int_equal(back.expires, invite.expires);
    struct sl_bundle_draft draft = {.name = "guest",
                                    .issuer_certificate = back.certificate,
                                    .issuer_key = back.key,
                                    .intermediate = back.certificate,
                                    .now = NOW,
                                    .lifetime = 365 * DAY_S};
    assert_int_equal(sl_bundle_make(network, &draft), 0);
    check_bundle(network, "guest");
    /* What an invite lets in ends with it. */
    assert_int_equal(sl_network_find(network, "guest")->not_after, NOW + DAY_S);
    free(padded);
    free(link);
    sl_network_close(network);
}

/* The example in PROTOCOL.md. */
static void test_invite_example(void **state)
{
    (void)state;
    static const char link[] = "starling:invite/AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
                               "AAAAAGtJ0gAABTADAgEBAAUwAwIBAgAFMAMCAQOgTD2r";
    struct sl_invite invite;
    uint8_t der[16];
    assert_int_equal(sl_invite_decode(link, &invite), 0);
    for (int i = 0; i < SL_KEY_LEN; i++)
        assert_int_equal(invite.secret[i], i);
    assert_int_equal(invite.expires, 1800000000);
    const char *const pems[] = {invite.authority, invite.certificate, invite.key};
    for (size_t i = 0; i < SL_ARRAY_LEN(pems); i++) {
        const uint8_t expected[] = {0x30, 3, 2, 1, (uint8_t)(i + 1)};
        assert_int_equal(sl_pem_to_der(pems[i], der, sizeof(der)), sizeof(expected));
        assert_memory_equal(der, expected, sizeof(expected));
    }
    char *again = sl_invite_encode(&invite);
    assert_string_equal(again, link);
    free(again);
}

static void test_damaged_invites(void **state)
{
    (void)state;
    make_network("square");
    struct sl_network *network = open_network("square");
    struct sl_invite invite = make_invite(network), back;
    char *link = sl_invite_encode(&invite);
    size_t len = strlen(link), prefix_len = strlen(SL_INVITE_PREFIX);
    memset(&back, 0x5a, sizeof(back));
    struct sl_invite untouched = back;
    for (size_t cut = prefix_len; cut < len; cut++) {
        char *damaged = sl_output_format("%.*s", (int)cut, link);
        assert_int_equal(sl_invite_decode(damaged, &back), -EBADMSG);
        free(damaged);
    }
    for (size_t at = prefix_len; at < len; at += 7) {
        char *damaged = sl_output_format("%s", link);
        damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
        assert_int_equal(sl_invite_decode(damaged, &back), -EBADMSG);
        free(damaged);
    }
    assert_int_equal(sl_invite_decode("starling:channel/x#y", &back), -EINVAL);
    assert_int_equal(sl_invite_decode("", &back), -EINVAL);
    assert_memory_equal(&back, &untouched, sizeof(back));
    free(link);
    strcpy(invite.certificate, "no PEM");
    assert_null(sl_invite_encode(&invite));
    sl_network_close(network);
}

/* ---- Damage ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
    assert_int_equal(sl_files_write(folder, name, text, strlen(text), 0600), 0);
}

static void test_damaged_folders(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } damages[] = {
        {"network.json", ""},
        {"network.json", "{\"version\": 2, \"name\": \"x\", \"crl_number\": 0, \"issued\": []}"},
        {"network.json", "{\"version\": 1, \"name\": \"x\", \"crl_number\": -1, \"issued\": []}"},
        {"network.json", "{\"version\": 1, \"name\": \"x\", \"crl_number\": 0, \"issued\": [{}]}"},
        {"network.json",
         "{\"version\": 1, \"name\": \"x\", \"crl_number\": 0, \"issued\": [{\"kind\":"
         "\"king\", \"name\": \"n\", \"serial\": \"00\", \"origin\": \"00\", "
         "\"not_after\": 0, \"revoked\": 0}]}"},
        {"network.json",
         "{\"version\": 1, \"name\": \"x\\u001b[2J\", \"crl_number\": 0, \"issued\": []}"},
        {"network.json", "{\"version\": 1, \"name\": \"../x\", \"crl_number\": 0, \"issued\": []}"},
        {"network.json",
         "{\"version\": 1, \"name\": \"x\", \"crl_number\": 0, \"issued\": [{\"kind\":"
         "\"node\", \"name\": \"../../n\", \"serial\": "
         "\"0000000000000000000000000000000000000000\", \"origin\": \"0000000000000000\", "
         "\"not_after\": 0, \"revoked\": 0}]}"},
        {"network.key", "not hex\n"},
        {"network.key", "00ff\n"},
        {"ca.crt", "no certificate"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(damages); i++) {
        char name[16];
        snprintf(name, sizeof(name), "net%zu", i);
        make_network(name);
        char *folder = sl_network_place(name);
        write_file(folder, damages[i].name, damages[i].text);
        struct sl_network *network = NULL;
        assert_true(sl_network_open(name, true, &network) < 0);
        assert_null(network);
        free(folder);
    }
}

/* Entries of a folder that are neither hidden nor known to be whole; all names end in `names`. */
static size_t count_entries(const char *path, bool hidden)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    size_t count = 0;
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count += hidden == (entry->d_name[0] == '.');
    if (folder != NULL)
        closedir(folder);
    return count;
}

/* No file may grow beyond some size, as on a full disk. */
static void test_full_disk_leaves_nothing(void **state)
{
    (void)state;
    make_network("square");
    for (rlim_t most = 0; most < 1000; most += 100) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct rlimit limit = {most, most};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &limit);
            struct sl_network *network = NULL;
            int rc = sl_network_open("square", true, &network);
            if (rc == 0)
                rc = add_node(network, "a");
            _exit(rc < 0 ? 1 : 0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        struct sl_network *network = open_network("square");
        char nodes[200];
        snprintf(nodes, sizeof(nodes), "%s/nodes", network->folder);
        assert_int_equal(count_entries(nodes, true), 0);
        if (count_entries(nodes, false) == 1) {
            assert_int_equal(sl_bundle_adopt(network), 0);
            check_bundle(network, "a");
            assert_int_equal(add_node(network, "a"), -EEXIST);
        } else {
            assert_int_not_equal(status, 0);
            assert_int_equal(network->issued_count, 0);
        }
        sl_network_close(network);
    }
}

/* Adds nodes until it is killed; says so through the pipe after each. */
static void add_for_ever(int round, int done)
{
    struct sl_network *network = NULL;
    for (int i = 0; sl_network_open("square", true, &network) == 0; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%d-%d", round, i);
        if (sl_bundle_adopt(network) < 0 || add_node(network, name) < 0 || write(done, "+", 1) != 1)
            _exit(1);
        sl_network_close(network);
    }
    _exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Kills it within about two additions after the first. How many it said it made. */
static size_t kill_at_random(int round)
{
    int ends[2];
    char said[64];
    assert_int_equal(pipe(ends), 0);
    int64_t begun = now_us();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        add_for_ever(round, ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], said, 1), 1);
    usleep((useconds_t)((now_us() - begun) * round / 20));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    ssize_t more = read(ends[0], said, sizeof(said));
    close(ends[0]);
    assert_true(more >= 0);
    return 1 + (size_t)more;
}

/* SIGKILL at random moments: what was said to be made is there, what has its name is whole, the
 * index can be read, and what a dead run left is cleared away. */
static void test_killed_runs_leave_nothing_half_made(void **state)
{
    (void)state;
    make_network("square");
    char nodes[200];
    size_t said = 0;
    for (int round = 0; round < 40; round++)
        said += kill_at_random(round);
    struct sl_network *network = open_network("square");
    assert_int_equal(sl_bundle_adopt(network), 0);
    snprintf(nodes, sizeof(nodes), "%s/nodes", network->folder);
    assert_int_equal(count_entries(nodes, false), network->issued_count);
    assert_true(network->issued_count >= said);
    for (size_t i = 0; i < network->issued_count; i++)
        check_bundle(network, network->issued[i].name);
    assert_int_equal(add_node(network, "last"), 0);
    assert_int_equal(count_entries(nodes, true), 0);
    assert_int_equal(count_entries(network->folder, true), 0);
    sl_network_close(network);
}

/* What a killed run of ours left goes; what somebody else put into a shared folder stays, since
 * they could swap parts of it for links to our files while it is removed. */
static void test_stages_of_others_are_left_alone(void **state)
{
    (void)state;
    const char *const stages[] = {"ours", "theirs"};
    char path[2][100];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path[i], sizeof(path[i]), "%s/.starling-new-%s", base, stages[i]);
        assert_int_equal(mkdir(path[i], 0700), 0);
        assert_int_equal(sl_files_write(path[i], "node.key", "x", 1, 0600), 0);
    }
    bool shared = chown(path[1], 65534, 65534) == 0; /* takes root */
    char folder[80];
    snprintf(folder, sizeof(folder), "%s/made", base);
    assert_int_equal(sl_admission_begin(folder), 0);
    assert_int_equal(access(path[0], F_OK), -1);
    assert_int_equal(access(path[1], F_OK), shared ? 0 : -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_finding_a_network, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unrecorded_bundles_are_adopted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_revocation_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_authority_must_be_valid_and_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_invite_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_invite_example, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_invites, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_folders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stages_of_others_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_runs_leave_nothing_half_made, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
