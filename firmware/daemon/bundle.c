#include "daemon/bundle.h"

#include "base/text.h"
#include "crypto/authority.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536
#define PATH_CAP 600

/* Everything that is read, until it is checked. */
struct pieces {
    uint8_t *ca, *certificate, *key, *crl, *seed, *secret;
    size_t ca_len, certificate_len, key_len, crl_len, seed_len, secret_len;
};

static void path_of(const char *folder, const char *name, char ret_path[PATH_CAP])
{
    snprintf(ret_path, PATH_CAP, "%s/%s", folder, name);
}

static int read_all(int fd, uint8_t **ret_bytes, size_t *ret_len)
{
    uint8_t *bytes = malloc(FILE_MAX + 1);
    size_t len = 0;
    ssize_t got = 1;
    if (!bytes)
        return -ENOMEM;
    while (got > 0 && len <= FILE_MAX) {
        got = read(fd, bytes + len, FILE_MAX + 1 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    int error = got < 0 ? -errno : len > FILE_MAX ? -EFBIG : 0;
    if (error < 0) {
        free(bytes);
        return error;
    }
    bytes[len] = '\0';
    *ret_bytes = bytes;
    *ret_len = len;
    return 0;
}

int sl_bundle_file(const char *folder, const char *name, uint8_t **ret_bytes, size_t *ret_len)
{
    char path[PATH_CAP];
    path_of(folder, name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = read_all(fd, ret_bytes, ret_len);
    close(fd);
    return error;
}

/* Who but its owner can read a secret can be this node. */
static void check_mode(const char *path, struct sl_problems *problems)
{
    struct stat about;
    if (stat(path, &about) < 0)
        return;
    if (about.st_mode & (S_IRWXO | S_IWGRP))
        sl_problem_error(problems, path, 0,
                         "is secret, but others may read or change it (mode %04o); do: chmod 600 "
                         "it, and make a new bundle if they are not to be trusted",
                         about.st_mode & 07777);
    else if (about.st_mode & S_IRGRP)
        sl_problem_warning(problems, path, 0,
                           "is secret, but its group may read it (mode %04o); do: chmod 600 it",
                           about.st_mode & 07777);
}

static bool take_file(const char *folder, const char *name, bool secret,
                      struct sl_problems *problems, uint8_t **ret_bytes, size_t *ret_len)
{
    char path[PATH_CAP];
    path_of(folder, name, path);
    int error = sl_bundle_file(folder, name, ret_bytes, ret_len);
    if (error == -ENOENT)
        sl_problem_error(problems, path, 0,
                         "is missing; copy the whole folder that 'starling node add' made, or "
                         "name it with 'bundle' under [node]");
    else if (error == -EACCES)
        sl_problem_error(problems, path, 0,
                         "may not be read by this user; do: chown it to the user that starlingd "
                         "runs as");
    else if (error < 0)
        sl_problem_error(problems, path, 0, "cannot be read: %s", strerror(-error));
    else if (secret)
        check_mode(path, problems);
    return error == 0;
}

/* 64 hex digits; blanks around them are fine. The text is wiped. */
static void take_hex(const char *folder, const char *name, uint8_t *text, size_t len,
                     uint8_t ret_key[SL_KEY_LEN], struct sl_problems *problems)
{
    char *start = (char *)text;
    while (len > 0 && isspace((unsigned char)start[len - 1]))
        start[--len] = '\0';
    while (isspace((unsigned char)*start))
        start++;
    if (sl_hex_decode(start, ret_key, SL_KEY_LEN) < 0) {
        char path[PATH_CAP];
        path_of(folder, name, path);
        sl_problem_error(problems, path, 0,
                         "does not hold 64 hex digits; copy it again from the folder that "
                         "'starling node add' made");
    }
}

static void explain_credentials(const char *folder, int error, const char *what,
                                struct sl_problems *problems)
{
    static const char *const names[][2] = {
        {"ca", "ca.crt"}, {"certificate", "node.crt"}, {"key", "node.key"}, {"crl", "network.crl"}};
    char path[PATH_CAP];
    const char *name = error == -EKEYREJECTED ? "node.key" : "node.crt";
    for (size_t i = 0; i < SL_ARRAY_LEN(names) && error == -EBADMSG; i++)
        if (what && strcmp(what, names[i][0]) == 0)
            name = names[i][1];
    path_of(folder, name, path);
    if (error == -EKEYREJECTED)
        sl_problem_error(problems, path, 0,
                         "is not the key of node.crt; both have to come from the same 'starling "
                         "node add'");
    else if (error == -EACCES)
        sl_problem_error(problems, path, 0,
                         "was not issued by the authority of ca.crt; do they belong to two "
                         "networks?");
    else if (error == -EBADMSG)
        sl_problem_error(problems, path, 0,
                         "is damaged or of another kind; copy it again from the folder that "
                         "'starling node add' made");
    else
        sl_problem_error(problems, folder, 0, "cannot be used: %s", strerror(-error));
}

static void take_dates(const struct pieces *pieces, struct sl_bundle *ret_bundle)
{
    struct sl_certificate_info info;
    if (sl_certificate_read((const char *)pieces->certificate, &info) == 0)
        ret_bundle->not_before = info.not_before;
    if (sl_certificate_read((const char *)pieces->ca, &info) == 0)
        snprintf(ret_bundle->network, sizeof(ret_bundle->network), "%s", info.identity.name);
}

static void check_seed(const char *folder, const struct sl_primitives *primitives,
                       const struct sl_bundle *bundle, struct sl_problems *problems)
{
    uint8_t key[SL_KEY_LEN];
    char path[PATH_CAP];
    primitives->sign_key(primitives->ctx, bundle->seed, key);
    if (memcmp(key, bundle->own.key, sizeof(key)) == 0)
        return;
    path_of(folder, "node.seed", path);
    sl_problem_error(problems, path, 0,
                     "is not the seed of node.crt; both have to come from the same 'starling node "
                     "add'");
}

static void take_credentials(const char *folder, const struct pieces *pieces,
                             struct sl_bundle *ret_bundle, struct sl_problems *problems)
{
    struct sl_credentials_files files = {
        .ca = pieces->ca,
        .ca_len = pieces->ca_len,
        .certificate = pieces->certificate,
        .certificate_len = pieces->certificate_len,
        .key = pieces->key,
        .key_len = pieces->key_len,
        .crl = pieces->crl,
        .crl_len = pieces->crl_len,
    };
    const char *what = NULL;
    int error = sl_credentials_new(&files, &ret_bundle->credentials, &what);
    if (error < 0) {
        explain_credentials(folder, error, what, problems);
        return;
    }
    sl_credentials_own(ret_bundle->credentials, &ret_bundle->own);
    take_dates(pieces, ret_bundle);
}

static void free_pieces(struct pieces *pieces, const struct sl_primitives *primitives)
{
    if (pieces->key)
        primitives->wipe(primitives->ctx, pieces->key, pieces->key_len);
    if (pieces->seed)
        primitives->wipe(primitives->ctx, pieces->seed, pieces->seed_len);
    if (pieces->secret)
        primitives->wipe(primitives->ctx, pieces->secret, pieces->secret_len);
    free(pieces->ca);
    free(pieces->certificate);
    free(pieces->key);
    free(pieces->crl);
    free(pieces->seed);
    free(pieces->secret);
}

int sl_bundle_load(const char *folder, const struct sl_primitives *primitives,
                   struct sl_bundle *ret_bundle, struct sl_problems *problems)
{
    size_t before = problems->error_count;
    struct pieces pieces = {0};
    *ret_bundle = (struct sl_bundle){0};
    bool whole = take_file(folder, "ca.crt", false, problems, &pieces.ca, &pieces.ca_len);
    whole &= take_file(folder, "node.crt", false, problems, &pieces.certificate,
                       &pieces.certificate_len);
    whole &= take_file(folder, "node.key", true, problems, &pieces.key, &pieces.key_len);
    whole &= take_file(folder, "node.seed", true, problems, &pieces.seed, &pieces.seed_len);
    whole &= take_file(folder, "network.key", true, problems, &pieces.secret, &pieces.secret_len);
    if (pieces.seed)
        take_hex(folder, "node.seed", pieces.seed, pieces.seed_len, ret_bundle->seed, problems);
    if (pieces.secret)
        take_hex(folder, "network.key", pieces.secret, pieces.secret_len,
                 ret_bundle->network_secret, problems);
    sl_bundle_file(folder, "network.crl", &pieces.crl, &pieces.crl_len);
    if (whole)
        take_credentials(folder, &pieces, ret_bundle, problems);
    if (problems->error_count == before)
        check_seed(folder, primitives, ret_bundle, problems);
    free_pieces(&pieces, primitives);
    return problems->error_count == before ? 0 : -EINVAL;
}

void sl_bundle_done(struct sl_bundle *bundle, const struct sl_primitives *primitives)
{
    sl_credentials_free(bundle->credentials);
    primitives->wipe(primitives->ctx, bundle, sizeof(*bundle));
}
