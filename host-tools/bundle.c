#include "bundle.h"

#include "base/text.h"
#include "crypto/sodium.h"
#include "files.h"
#include "output.h"

#include "mesh/envelope.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is made for a new node, wiped afterwards. */
struct parts {
    char key[SL_PEM_MAX];
    char chain[2 * SL_PEM_MAX];
    char seed[2 * SL_KEY_LEN + 2];
    char secret[2 * SL_KEY_LEN + 2];
    uint8_t crl[SL_CRL_MAX];
    size_t crl_len;
};

static const char configuration[] =
    "# Node %s of network %s. Start it with:  starlingd -c starlingd.conf\n"
    "# and talk to it, here, with:  starling chat --socket control.sock\n"
    "# Paths are relative to this folder. All settings: starlingd(8).\n"
    "\n"
    "[node]\n"
    "bundle = .\n"
    "# On a board where systemd starts starlingd, remove the next two lines: the state then goes "
    "to\n"
    "# /var/lib/starling and the control socket to /run/starling.\n"
    "state = state\n"
    "control = control.sock\n"
    "\n"
    "[udp]\n"
    "# Every interface; or a list such as: eth0, wlan*\n"
    "interfaces = *\n"
    "# Nodes that multicast does not reach, address and port:\n"
    "# peers = 192.0.2.7:17017\n";

static int write_configuration(const char *folder, const struct sl_bundle_files *files)
{
    char text[1024];
    int len = snprintf(text, sizeof(text), configuration, files->name, files->network);
    return sl_files_write(folder, "starlingd.conf", text, (size_t)len, 0644);
}

/* The two keys of a node and the certificate that binds them. */
static int make_parts(const struct sl_network *network, const struct sl_bundle_draft *draft,
                      struct parts *parts, struct sl_issued *issued)
{
    struct sl_primitives primitives;
    sl_sodium_primitives(&primitives);
    uint8_t seed[SL_KEY_LEN], sign_key[SL_KEY_LEN];
    primitives.random(primitives.ctx, seed, sizeof(seed));
    primitives.sign_key(primitives.ctx, seed, sign_key);
    sl_hex_encode(seed, sizeof(seed), parts->seed);
    sl_hex_encode(network->secret, SL_KEY_LEN, parts->secret);
    strcat(parts->seed, "\n");
    strcat(parts->secret, "\n");
    explicit_bzero(seed, sizeof(seed));
    sl_origin_of_key(&primitives, sign_key, issued->origin);
    int rc = sl_authority_key(parts->key);
    if (rc < 0)
        return rc;
    struct sl_issue issue = {.issuer_certificate = draft->issuer_certificate,
                             .issuer_key = draft->issuer_key,
                             .subject_key = parts->key,
                             .name = draft->name,
                             .sign_key = sign_key,
                             .now_unix = draft->now,
                             .lifetime = draft->lifetime};
    rc = sl_authority_issue(&issue, parts->chain, issued->serial);
    if (rc < 0)
        return rc;
    struct sl_certificate_info info;
    rc = sl_certificate_read(parts->chain, &info);
    if (rc < 0)
        return rc;
    issued->not_after = info.not_after;
    if (draft->intermediate != NULL)
        strcat(parts->chain, draft->intermediate);
    return 0;
}

static size_t text_len(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

static int write_files(const char *folder, const void *arg)
{
    const struct sl_bundle_files *files = arg;
    const struct {
        const char *name;
        const void *bytes;
        size_t len;
        mode_t mode;
    } list[] = {
        {"ca.crt", files->authority, text_len(files->authority), 0644},
        {"node.crt", files->chain, text_len(files->chain), 0644},
        {"node.key", files->key, text_len(files->key), 0600},
        {"node.seed", files->seed, text_len(files->seed), 0600},
        {"network.key", files->secret, text_len(files->secret), 0600},
        {"network.crl", files->crl, files->crl_len, 0644},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(list); i++) {
        if (list[i].len == 0)
            continue;
        int rc = sl_files_write(folder, list[i].name, list[i].bytes, list[i].len, list[i].mode);
        if (rc < 0)
            return rc;
    }
    return write_configuration(folder, files);
}

int sl_bundle_place(const char *destination, const struct sl_bundle_files *files)
{
    int rc = sl_files_make_folder(destination, write_files, files);
    if (rc < 0)
        sl_output_error("%s cannot be written: %s.", destination, strerror(-rc));
    return rc;
}

static int place_parts(const struct sl_network *network, const struct parts *parts,
                       const char *name)
{
    struct sl_bundle_files files = {.network = network->name,
                                    .name = name,
                                    .authority = network->certificate,
                                    .chain = parts->chain,
                                    .key = parts->key,
                                    .seed = parts->seed,
                                    .secret = parts->secret,
                                    .crl = parts->crl,
                                    .crl_len = parts->crl_len};
    char *destination = sl_output_format("%s/nodes/%s", network->folder, name);
    int rc = sl_bundle_place(destination, &files);
    free(destination);
    return rc;
}

int sl_bundle_crl(const struct sl_network *network, int64_t now, uint8_t ret_crl[SL_CRL_MAX])
{
    if (network->key[0] != '\0')
        return sl_network_crl(network, now, ret_crl);
    char *bytes = NULL;
    size_t len = 0;
    int rc = sl_files_read(network->folder, "network.crl", SL_CRL_MAX, &bytes, &len);
    if (rc == 0)
        memcpy(ret_crl, bytes, len);
    free(bytes);
    return rc == -ENOENT ? 0 : rc < 0 ? rc : (int)len;
}

int sl_bundle_make(struct sl_network *network, const struct sl_bundle_draft *draft)
{
    int rc = sl_network_may_add(network, draft->name);
    if (rc < 0)
        return rc;
    struct parts *parts = calloc(1, sizeof(*parts));
    if (parts == NULL)
        return -ENOMEM;
    struct sl_issued issued = {.kind = SL_ISSUED_NODE};
    snprintf(issued.name, sizeof(issued.name), "%s", draft->name);
    rc = make_parts(network, draft, parts, &issued);
    if (rc < 0)
        sl_output_error("no certificate could be made for %s: %s.", draft->name, strerror(-rc));
    if (rc == 0) {
        int len = sl_bundle_crl(network, draft->now, parts->crl);
        parts->crl_len = len > 0 ? (size_t)len : 0;
        rc = len < 0 ? len : 0;
    }
    if (rc == 0)
        rc = place_parts(network, parts, draft->name);
    if (rc == 0)
        rc = sl_network_record(network, &issued);
    explicit_bzero(parts, sizeof(*parts));
    free(parts);
    return rc;
}

static int adopt_one(struct sl_network *network, const char *nodes, const char *name)
{
    char *folder = sl_output_format("%s/%s", nodes, name);
    char *pem = NULL;
    struct sl_certificate_info info;
    int rc = sl_files_read(folder, "node.crt", 2 * SL_PEM_MAX, &pem, NULL);
    bool readable = rc == 0 && sl_certificate_read(pem, &info) == 0;
    free(pem);
    free(folder);
    if (!readable || sl_network_find_serial(network, info.identity.serial) != NULL)
        return 0;
    struct sl_issued issued = {.kind = SL_ISSUED_NODE, .not_after = info.not_after};
    snprintf(issued.name, sizeof(issued.name), "%s", name);
    memcpy(issued.serial, info.identity.serial, sizeof(issued.serial));
    memcpy(issued.origin, info.identity.origin, sizeof(issued.origin));
    return sl_network_record(network, &issued);
}

int sl_bundle_adopt(struct sl_network *network)
{
    char *nodes = sl_output_format("%s/nodes", network->folder);
    DIR *folder = opendir(nodes);
    struct dirent *entry;
    int rc = 0;
    while (rc == 0 && folder != NULL && (entry = readdir(folder)) != NULL) {
        bool is_node = sl_network_name_fault(entry->d_name) == NULL;
        if (is_node && sl_network_find(network, entry->d_name) == NULL)
            rc = adopt_one(network, nodes, entry->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    free(nodes);
    return rc;
}
