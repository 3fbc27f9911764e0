#include "network.h"

#include "args.h"
#include "base/text.h"
#include "crypto/sodium.h"
#include "files.h"
#include "output.h"
#include "words.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NETWORKS_MAX    256
#define CLOCK_PLAUSIBLE 1735689600 /* 2025-01-01: no certificate of Starling is older */
/* A revoked certificate stays listed so many seconds after its end. */
#define EXPIRED_KEPT (30 * 24 * 3600)

const char *sl_network_name_fault(const char *name)
{
    size_t len = strlen(name);
    if (len == 0)
        return "it is empty";
    if (len > SL_NETWORK_NAME_MAX)
        return "it is longer than 63 bytes";
    if (!sl_text_showable((const uint8_t *)name, len) || strpbrk(name, "\n\t") != NULL)
        return "it holds control characters or is not UTF-8";
    if (strpbrk(name, "/\\,=+<>#;\"") != NULL)
        return "it holds one of / \\ , = + < > # ; \"";
    if (name[0] == '.' || name[0] == '-' || name[0] == ' ' || name[len - 1] == ' ')
        return "it begins with a dot, a dash or a space, or ends with a space";
    return NULL;
}

bool sl_network_can_make_keys(void)
{
    if (sl_sodium_init() == 0)
        return true;
    sl_output_error("this computer has no source of randomness: no keys can be made.");
    return false;
}

int64_t sl_network_now(void)
{
    int64_t now = (int64_t)time(NULL);
    if (now >= CLOCK_PLAUSIBLE)
        return now;
    char date[SL_WORDS_MAX];
    sl_words_date(now, date);
    sl_output_error(
        "this computer's clock is not set: it says %s, and certificates are dated by it.\n"
        "  Set it first, for example: sudo date -s '2026-05-01 14:00'",
        date);
    return -EINVAL;
}

/* ---- Where networks are ---- */

static char *networks_folder(void)
{
    const char *data = getenv("XDG_DATA_HOME");
    if (data != NULL && data[0] == '/')
        return sl_output_format("%s/starling/networks", data);
    const char *home = getenv("HOME");
    return sl_output_format("%s/.local/share/starling/networks", home != NULL ? home : ".");
}

char *sl_network_place(const char *name)
{
    char *parent = networks_folder();
    char *place = sl_output_format("%s/%s", parent, name);
    free(parent);
    return place;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
}

/* Names of the networks in the usual place, to be freed; how many. */
static size_t list_networks(char *ret_names[NETWORKS_MAX])
{
    char *parent = networks_folder();
    DIR *folder = opendir(parent);
    size_t count = 0;
    struct dirent *entry;
    while (folder != NULL && count < NETWORKS_MAX && (entry = readdir(folder)) != NULL) {
        char *path = sl_output_format("%s/%s", parent, entry->d_name);
        if (entry->d_name[0] != '.' && sl_files_exist(path, SL_NETWORK_INDEX))
            ret_names[count++] = sl_output_format("%s", entry->d_name);
        free(path);
    }
    if (folder != NULL)
        closedir(folder);
    free(parent);
    return count;
}

/* "a, b, c", to be freed. */
static char *joined(char *const *names, size_t count)
{
    char *text = sl_output_format("%s", "");
    for (size_t i = 0; i < count; i++) {
        char *longer = sl_output_format("%s%s%s", text, i > 0 ? ", " : "", names[i]);
        free(text);
        text = longer;
    }
    return text;
}

static void tell_missing(const char *wanted, char *const *names, size_t count)
{
    char *all = joined(names, count);
    char *near = sl_args_suggest(wanted, (const char *const *)names, count);
    if (near != NULL)
        sl_output_error("no network '%s'. Did you mean %s?", wanted, near);
    else if (count > 0)
        sl_output_error("no network '%s'. There is: %s", wanted, all);
    else
        sl_output_error("no network '%s', nor any other yet.\n"
                        "  Make one: starling network create %s",
                        wanted, wanted);
    free(near);
    free(all);
}

static int pick_only(char *const *names, size_t count, char **ret_folder)
{
    if (count == 1) {
        *ret_folder = sl_network_place(names[0]);
        return 0;
    }
    char *all = joined(names, count);
    if (count == 0)
        sl_output_error("no network yet. Make one:    starling network create NAME\n"
                        "  or, with an invite link:  starling node add NAME --invite LINK");
    else
        sl_output_error(
            "there are %zu networks: %s. Say which with --network or $STARLING_NETWORK.", count,
            all);
    free(all);
    return -ENOENT;
}

/* The folder that is meant, to be freed. */
static int find_folder(const char *wanted, char **ret_folder)
{
    if (wanted == NULL)
        wanted = getenv("STARLING_NETWORK");
    if (wanted != NULL && strchr(wanted, '/') != NULL) {
        *ret_folder = sl_output_format("%s", wanted);
        return 0;
    }
    char *names[NETWORKS_MAX];
    size_t count = list_networks(names);
    int rc = 0;
    if (wanted == NULL || wanted[0] == '\0') {
        rc = pick_only(names, count, ret_folder);
    } else {
        char *place = sl_network_place(wanted);
        if (sl_files_exist(place, SL_NETWORK_INDEX)) {
            *ret_folder = place;
        } else {
            free(place);
            tell_missing(wanted, names, count);
            rc = -ENOENT;
        }
    }
    free_names(names, count);
    return rc;
}

/* ---- Opening ---- */

/* A text file into a fixed buffer; -ENOENT, -EFBIG. */
static int read_text(const char *folder, const char *name, char *ret_text, size_t cap)
{
    char *text = NULL;
    size_t len = 0;
    int rc = sl_files_read(folder, name, cap - 1, &text, &len);
    if (rc < 0)
        return rc;
    memcpy(ret_text, text, len + 1);
    explicit_bzero(text, len);
    free(text);
    return 0;
}

static int load_secret(struct sl_network *network)
{
    char hex[2 * SL_KEY_LEN + 2];
    int rc = read_text(network->folder, "network.key", hex, sizeof(hex));
    if (rc < 0)
        return rc;
    hex[strcspn(hex, "\n")] = '\0';
    rc = strlen(hex) == 2 * SL_KEY_LEN ? sl_hex_decode(hex, network->secret, SL_KEY_LEN) : -EBADMSG;
    explicit_bzero(hex, sizeof(hex));
    return rc;
}

/* 0, or -errno with the file that is to blame. */
static int load(struct sl_network *network, const char **ret_file)
{
    *ret_file = SL_NETWORK_INDEX;
    int rc = sl_network_load_index(network);
    if (rc < 0)
        return rc;
    *ret_file = "network.key";
    rc = load_secret(network);
    if (rc < 0)
        return rc;
    *ret_file = "ca.crt";
    rc = read_text(network->folder, *ret_file, network->certificate, SL_PEM_MAX);
    if (rc == 0)
        rc = sl_certificate_read(network->certificate, &network->authority);
    if (rc < 0)
        return rc;
    *ret_file = "ca.key";
    rc = read_text(network->folder, *ret_file, network->key, SL_PEM_MAX);
    return rc == -ENOENT ? 0 : rc;
}

static void tell_broken(const char *folder, const char *file, int rc)
{
    if (rc == -ENOENT && strcmp(file, SL_NETWORK_INDEX) == 0)
        sl_output_error("%s is no network folder (there is no network.json in it).\n"
                        "  Make one: starling network create NAME --folder %s",
                        folder, folder);
    else if (rc == -EACCES)
        sl_output_error("%s/%s may not be read by you. Whose network is it?", folder, file);
    else if (rc == -EBADMSG || rc == -EINVAL || rc == -EFBIG)
        sl_output_error("%s/%s is damaged. Bring it back from a backup.", folder, file);
    else
        sl_output_error("%s/%s cannot be read: %s.", folder, file, strerror(-rc));
}

int sl_network_open(const char *wanted, bool to_change, struct sl_network **ret_network)
{
    char *folder = NULL;
    int rc = find_folder(wanted, &folder);
    if (rc < 0)
        return rc;
    struct sl_network *network = calloc(1, sizeof(*network));
    if (network == NULL) {
        free(folder);
        return -ENOMEM;
    }
    network->folder = folder;
    network->lock_fd = -1;
    const char *file = SL_NETWORK_INDEX;
    if (to_change && sl_files_exist(folder, file)) {
        network->lock_fd = sl_files_lock(folder);
        rc = network->lock_fd < 0 ? network->lock_fd : 0;
        if (rc == 0)
            sl_files_clear(folder);
    }
    if (rc == 0)
        rc = load(network, &file);
    if (rc < 0) {
        tell_broken(folder, file, rc);
        sl_network_close(network);
        return rc;
    }
    *ret_network = network;
    return 0;
}

void sl_network_close(struct sl_network *network)
{
    if (network == NULL)
        return;
    if (network->lock_fd >= 0)
        close(network->lock_fd);
    free(network->issued);
    free(network->folder);
    explicit_bzero(network, sizeof(*network));
    free(network);
}

/* ---- Making ---- */

static int write_network(const char *folder, const void *arg)
{
    const struct sl_network_draft *draft = arg;
    char secret[2 * SL_KEY_LEN + 2];
    sl_hex_encode(draft->secret, SL_KEY_LEN, secret);
    strcat(secret, "\n");
    int rc = sl_files_write(folder, "ca.crt", draft->certificate, strlen(draft->certificate), 0644);
    if (rc == 0 && draft->key != NULL)
        rc = sl_files_write(folder, "ca.key", draft->key, strlen(draft->key), 0600);
    if (rc == 0)
        rc = sl_files_write(folder, "network.key", secret, strlen(secret), 0600);
    if (rc == 0)
        rc = sl_network_new_index(folder, draft->name);
    explicit_bzero(secret, sizeof(secret));
    return rc;
}

/* Without slashes at the end. */
static char *trimmed(const char *folder)
{
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/')
        len--;
    return sl_output_format("%.*s", (int)len, folder);
}

int sl_network_make(const struct sl_network_draft *draft, char **ret_folder)
{
    char *folder = draft->folder != NULL ? trimmed(draft->folder) : sl_network_place(draft->name);
    int rc = sl_files_make_folder(folder, write_network, draft);
    if (rc == -EEXIST)
        sl_output_error("%s is there already. Choose another name, or another place with --folder.",
                        folder);
    else if (rc < 0)
        sl_output_error("the network cannot be written to %s: %s.", folder, strerror(-rc));
    /* Absolute, so that it can be named from anywhere. */
    char *absolute = rc == 0 ? realpath(folder, NULL) : NULL;
    if (rc == 0)
        *ret_folder = absolute != NULL ? absolute : sl_output_format("%s", folder);
    free(folder);
    return rc;
}

/* ---- What was issued ---- */

struct sl_issued *sl_network_find(const struct sl_network *network, const char *name)
{
    struct sl_issued *found = NULL;
    for (size_t i = 0; i < network->issued_count; i++) {
        struct sl_issued *issued = &network->issued[i];
        if (strcmp(issued->name, name) != 0)
            continue;
        if (issued->revoked == 0)
            return issued;
        found = issued;
    }
    return found;
}

struct sl_issued *sl_network_find_serial(const struct sl_network *network,
                                         const uint8_t serial[SL_SERIAL_LEN])
{
    for (size_t i = 0; i < network->issued_count; i++)
        if (memcmp(network->issued[i].serial, serial, SL_SERIAL_LEN) == 0)
            return &network->issued[i];
    return NULL;
}

int sl_network_may_add(const struct sl_network *network, const char *name)
{
    const struct sl_issued *found = sl_network_find(network, name);
    char *nodes = sl_output_format("%s/nodes", network->folder);
    bool has_bundle = sl_files_exist(nodes, name);
    free(nodes);
    bool valid = found != NULL && found->revoked == 0;
    if (!has_bundle && !valid)
        return 0;
    char *word = sl_output_word(name);
    if (has_bundle)
        sl_output_error(
            "node %s was made already: %s/nodes/%s. Choose another name.\n"
            "  To make it anew: revoke it (starling network revoke %s), remove that folder, "
            "and add it again.",
            name, network->folder, name, word);
    else
        sl_output_error(
            "node %s was made already, and its bundle was taken away. Choose another name, "
            "or revoke it first:\n  starling network revoke %s",
            name, word);
    free(word);
    return -EEXIST;
}

int sl_network_record(struct sl_network *network, const struct sl_issued *issued)
{
    struct sl_issued *list =
        reallocarray(network->issued, network->issued_count + 1, sizeof(*list));
    if (list == NULL)
        return -ENOMEM;
    network->issued = list;
    list[network->issued_count++] = *issued;
    return sl_network_save(network);
}

int sl_network_may_issue(const struct sl_network *network, int64_t now)
{
    char date[SL_WORDS_MAX];
    if (network->key[0] == '\0') {
        sl_output_error("the authority's key of %s is not on this computer (no %s/ca.key).\n"
                        "  Ask its organiser for an invite link, and use: starling node add NAME "
                        "--invite LINK",
                        network->name, network->folder);
        return -ENOKEY;
    }
    if (now > network->authority.not_after) {
        sl_words_date(network->authority.not_after, date);
        sl_output_error("the authority's certificate of %s expired on %s. Make a new network.",
                        network->name, date);
        return -EKEYEXPIRED;
    }
    if (now < network->authority.not_before) {
        sl_words_date(network->authority.not_before, date);
        sl_output_error(
            "this computer's clock is wrong: network %s was made on %s, which is in its "
            "future. Set the clock first.",
            network->name, date);
        return -EINVAL;
    }
    return 0;
}

int sl_network_crl(const struct sl_network *network, int64_t now, uint8_t ret_der[SL_CRL_MAX])
{
    if (network->crl_number == 0)
        return 0;
    struct sl_revoked *revoked = calloc(network->issued_count + 1, sizeof(*revoked));
    if (revoked == NULL)
        return -ENOMEM;
    size_t count = 0;
    for (size_t i = 0; i < network->issued_count; i++) {
        const struct sl_issued *issued = &network->issued[i];
        bool forgotten = issued->not_after != 0 && now > issued->not_after + EXPIRED_KEPT;
        if (issued->revoked == 0 || forgotten)
            continue;
        memcpy(revoked[count].serial, issued->serial, SL_SERIAL_LEN);
        revoked[count++].when = issued->revoked;
    }
    int len = sl_authority_crl(network->certificate, network->key, revoked, count,
                               network->crl_number, now, ret_der, SL_CRL_MAX);
    free(revoked);
    if (len < 0)
        sl_output_error("the revocation list cannot be made: %s.", strerror(-len));
    return len;
}
