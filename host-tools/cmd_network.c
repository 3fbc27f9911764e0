/* starling network: make a network, look at it, invite to it, revoke from it. */
#include "commands.h"

#include "ask.h"
#include "base/text.h"
#include "bundle.h"
#include "crypto/sodium.h"
#include "files.h"
#include "invite.h"
#include "output.h"
#include "qr.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S ((int64_t)86400)
/* An authority outlives its nodes; 100 years would outlive the dates of X.509 (RFC 5280, 4.1.2.5).
 */
#define AUTHORITY_DAYS_MAX (25 * 365)
/* An invite that lies around is a way in. */
#define INVITE_DAYS_MAX 30

/* ---- create ---- */

static int make_authority(const char *name, const char *folder, int days, char **ret_folder)
{
    struct sl_primitives primitives;
    uint8_t secret[SL_KEY_LEN];
    char certificate[SL_PEM_MAX], key[SL_PEM_MAX];
    int64_t now = sl_network_now();
    if (now < 0)
        return (int)now;
    sl_sodium_primitives(&primitives);
    primitives.random(primitives.ctx, secret, sizeof(secret));
    int rc = sl_authority_create(name, now, days, certificate, key);
    if (rc < 0)
        sl_output_error("no certificate authority could be made: %s.", strerror(-rc));
    struct sl_network_draft draft = {name, folder, certificate, key, secret};
    if (rc == 0)
        rc = sl_network_make(&draft, ret_folder);
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(key, sizeof(key));
    return rc;
}

static int run_create(struct sl_call *call)
{
    const char *folder = NULL, *valid_for = "10y";
    const struct sl_option options[] = {
        {"folder", 0, "DIR", "where to put it", &folder, NULL},
        {"valid-for", 0, "TIME", "how long its authority is valid (10y)", &valid_for, NULL},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    const char *name = call->args[0], *fault = sl_network_name_fault(name);
    int64_t lifetime = 0;
    if (fault != NULL)
        return sl_args_wrong(call, "'%s' cannot name a network: %s.", name, fault);
    if (sl_words_parse_duration(valid_for, &lifetime) < 0 || lifetime < DAY_S ||
        lifetime > AUTHORITY_DAYS_MAX * DAY_S)
        return sl_args_wrong(call, "--valid-for takes 1d to 25y, not '%s'.", valid_for);
    if (!sl_network_can_make_keys())
        return SL_EXIT_FAILURE;
    char *made = NULL;
    if (make_authority(name, folder, (int)(lifetime / DAY_S), &made) < 0)
        return SL_EXIT_FAILURE;
    if (call->settings->json) {
        json_t *answer = json_pack("{ss ss}", "name", name, "folder", made);
        sl_ask_print(answer);
        json_decref(answer);
    } else {
        printf("Network %s is in %s\n"
               "Its ca.key lets in and shuts out: keep it safe, and a copy of it elsewhere.\n"
               "Next: starling node add NAME%s%s\n",
               name, made, folder != NULL ? " --network " : "", folder != NULL ? made : "");
    }
    free(made);
    return SL_EXIT_OK;
}

/* ---- show, list ---- */

static const char *state_word(const struct sl_issued *issued, int64_t now)
{
    if (issued->revoked != 0)
        return "revoked";
    return issued->not_after != 0 && now > issued->not_after ? "expired" : "valid";
}

static json_t *network_json(const struct sl_network *network, int64_t now)
{
    json_t *issued = json_array();
    for (size_t i = 0; i < network->issued_count; i++) {
        const struct sl_issued *one = &network->issued[i];
        static const char *const kinds[] = {"node", "invite", "elsewhere"};
        char serial[2 * SL_SERIAL_LEN + 1];
        sl_hex_encode(one->serial, SL_SERIAL_LEN, serial);
        json_array_append_new(issued,
                              json_pack("{ss ss ss sI ss}", "kind", kinds[one->kind], "name",
                                        one->name, "serial", serial, "not_after",
                                        (json_int_t)one->not_after, "state", state_word(one, now)));
    }
    return json_pack("{ss ss sb sI sI so}", "name", network->name, "folder", network->folder,
                     "authority_key", network->key[0] != '\0', "not_after",
                     (json_int_t)network->authority.not_after, "crl_number",
                     (json_int_t)network->crl_number, "issued", issued);
}

static void count_issued(const struct sl_network *network, enum sl_issued_kind kind, int64_t now,
                         const char *word)
{
    size_t count = 0, revoked = 0, expired = 0;
    for (size_t i = 0; i < network->issued_count; i++) {
        const struct sl_issued *one = &network->issued[i];
        if (one->kind != kind)
            continue;
        count++;
        revoked += one->revoked != 0;
        expired += strcmp(state_word(one, now), "expired") == 0;
    }
    printf("%-10s %zu", word, count);
    if (revoked > 0)
        printf(", %zu revoked", revoked);
    if (expired > 0)
        printf(", %zu expired", expired);
    putchar('\n');
}

static int run_show(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    struct sl_network *network = NULL;
    int64_t now = sl_network_now();
    if (now < 0 || sl_network_open(call->settings->network, false, &network) < 0)
        return SL_EXIT_FAILURE;
    if (call->settings->json) {
        json_t *json = network_json(network, now);
        sl_ask_print(json);
        json_decref(json);
    } else {
        char date[SL_WORDS_MAX];
        sl_words_date(network->authority.not_after, date);
        printf("network    %s\nfolder     %s\nauthority  valid until %s%s%s\n", network->name,
               network->folder, date, now > network->authority.not_after ? " (expired)" : "",
               network->key[0] == '\0' ? "; its key is not here" : "");
        count_issued(network, SL_ISSUED_NODE, now, "nodes");
        count_issued(network, SL_ISSUED_INVITE, now, "invites");
        if (network->crl_number > 0)
            printf("revocation list number %llu: %s/network.crl\n",
                   (unsigned long long)network->crl_number, network->folder);
    }
    sl_network_close(network);
    return SL_EXIT_OK;
}

/* ---- invite ---- */

static int make_invite(struct sl_network *network, int64_t now, int64_t lifetime,
                       struct sl_invite *invite, struct sl_issued *issued)
{
    size_t number = 1;
    for (size_t i = 0; i < network->issued_count; i++)
        number += network->issued[i].kind == SL_ISSUED_INVITE;
    snprintf(issued->name, sizeof(issued->name), "invite-%zu", number);
    int rc = sl_authority_key(invite->key);
    if (rc < 0)
        return rc;
    struct sl_issue issue = {.issuer_certificate = network->certificate,
                             .issuer_key = network->key,
                             .subject_key = invite->key,
                             .name = issued->name,
                             .now_unix = now,
                             .lifetime = lifetime};
    rc = sl_authority_issue(&issue, invite->certificate, issued->serial);
    struct sl_certificate_info info;
    if (rc == 0)
        rc = sl_certificate_read(invite->certificate, &info);
    if (rc < 0)
        return rc;
    issued->kind = SL_ISSUED_INVITE;
    issued->not_after = info.not_after;
    invite->expires = info.not_after;
    memcpy(invite->secret, network->secret, sizeof(invite->secret));
    memcpy(invite->authority, network->certificate, sizeof(invite->authority));
    return 0;
}

/* The link alone goes to standard output, so that it can be piped on. */
static void show_invite(const struct sl_call *call, const struct sl_issued *issued,
                        const char *link, bool qr)
{
    char date[SL_WORDS_MAX];
    sl_words_date_time(issued->not_after, date);
    if (call->settings->json) {
        json_t *json = json_pack("{ss ss sI}", "name", issued->name, "link", link, "not_after",
                                 (json_int_t)issued->not_after);
        sl_ask_print(json);
        json_decref(json);
        return;
    }
    printf("%s\n", link);
    if (qr)
        sl_qr_show(stdout, link);
    fflush(stdout);
    fprintf(stderr,
            "Whoever has this link can add nodes, which belong to the network until %s.\n"
            "They type:      starling node add NAME --invite LINK\n"
            "To take it back: starling network revoke %s\n",
            date, issued->name);
}

static int run_invite(struct sl_call *call)
{
    const char *lifetime_text = "24h";
    bool qr = false;
    const struct sl_option options[] = {
        {"for", 0, "TIME", "how long it is valid, at most 30d (24h)", &lifetime_text, NULL},
        {"qr", 0, NULL, "show it as a QR code too", NULL, &qr},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    int64_t lifetime = 0, now = sl_network_now();
    if (sl_words_parse_duration(lifetime_text, &lifetime) < 0 || lifetime > INVITE_DAYS_MAX * DAY_S)
        return sl_args_wrong(call, "--for takes a time up to 30d, for example 2h, not '%s'.",
                             lifetime_text);
    if (!sl_network_can_make_keys())
        return SL_EXIT_FAILURE;
    struct sl_network *network = NULL;
    if (now < 0 || sl_network_open(call->settings->network, true, &network) < 0)
        return SL_EXIT_FAILURE;
    struct sl_invite invite = {0};
    struct sl_issued issued = {0};
    char *link = NULL;
    int rc = sl_network_may_issue(network, now);
    if (rc == 0) {
        rc = make_invite(network, now, lifetime, &invite, &issued);
        link = rc == 0 ? sl_invite_encode(&invite) : NULL;
        if (link == NULL)
            sl_output_error("no invite could be made: %s.", strerror(rc < 0 ? -rc : EBADMSG));
        rc = link == NULL ? -EBADMSG : sl_network_record(network, &issued);
    }
    if (rc == 0)
        show_invite(call, &issued, link, qr);
    explicit_bzero(&invite, sizeof(invite));
    free(link);
    sl_network_close(network);
    return rc == 0 ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

/* ---- revoke ---- */

/* A certificate file, or a serial number as `network show --json` gives it. */
static int read_foreign(const char *what, struct sl_issued *ret_issued)
{
    struct sl_issued issued = {.kind = SL_ISSUED_ELSEWHERE};
    if (strlen(what) == 2 * SL_SERIAL_LEN &&
        sl_hex_decode(what, issued.serial, SL_SERIAL_LEN) == 0) {
        snprintf(issued.name, sizeof(issued.name), "%s", what);
        *ret_issued = issued;
        return 0;
    }
    char *pem = NULL;
    struct sl_certificate_info info;
    if (sl_files_read(what[0] == '/' ? "" : ".", what, 2 * SL_PEM_MAX, &pem, NULL) < 0)
        return -ENOENT;
    int rc = sl_certificate_read(pem, &info);
    free(pem);
    if (rc < 0)
        return -ENOENT;
    memcpy(issued.serial, info.identity.serial, SL_SERIAL_LEN);
    memcpy(issued.origin, info.identity.origin, SL_ORIGIN_LEN);
    issued.not_after = info.not_after;
    snprintf(issued.name, sizeof(issued.name), "%s", info.identity.name);
    *ret_issued = issued;
    return 0;
}

static void tell_no_node(const struct sl_network *network, const char *name)
{
    const char **names = calloc(network->issued_count + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < network->issued_count; i++)
        names[i] = network->issued[i].name;
    char *near = names != NULL ? sl_args_suggest(name, names, network->issued_count) : NULL;
    if (near != NULL)
        sl_output_error("no node or invite '%s' in network %s. Did you mean %s?", name,
                        network->name, near);
    else
        sl_output_error("no node or invite '%s' in network %s.\n"
                        "  See starling node list. A node that an invite let in is revoked by its "
                        "certificate, .../node.crt, or with the whole invite.",
                        name, network->name);
    free(near);
    free(names);
}

/* Marks it, once. The record comes before the list that is made from it, so that no later list can
 * forget it. */
static int mark_revoked(struct sl_network *network, const char *what, int64_t now,
                        struct sl_issued *ret_issued)
{
    struct sl_issued *issued = sl_network_find(network, what);
    struct sl_issued foreign;
    if (issued == NULL && read_foreign(what, &foreign) == 0) {
        issued = sl_network_find_serial(network, foreign.serial);
        if (issued == NULL) {
            int rc = sl_network_record(network, &foreign);
            if (rc < 0)
                return rc;
            issued = &network->issued[network->issued_count - 1];
        }
    }
    if (issued == NULL) {
        tell_no_node(network, what);
        return -ENOENT;
    }
    int rc = 0;
    if (issued->revoked == 0) {
        issued->revoked = now;
        network->crl_number++;
        rc = sl_network_save(network);
    }
    *ret_issued = *issued;
    return rc;
}

enum handed { HANDED_OVER, HANDED_NOT_RUNNING, HANDED_REFUSED };

static enum handed hand_over(const struct sl_settings *settings, const uint8_t *crl, size_t len)
{
    struct sl_client *client = NULL;
    char *path = NULL;
    int rc = sl_client_open(settings->socket, &client, &path);
    if (rc == -ENOENT || rc == -ECONNREFUSED) {
        free(path);
        return HANDED_NOT_RUNNING;
    }
    free(path);
    if (rc < 0) {
        client = sl_ask_open(settings); /* says what is wrong */
        sl_client_free(client);
        return HANDED_REFUSED;
    }
    char *text = malloc(sl_base64_len(len) + 1);
    json_t *answer = NULL, *fields = json_object();
    if (text != NULL && sl_base64_encode(crl, len, text, sl_base64_len(len) + 1) == 0)
        json_object_set_new(fields, "crl", json_string(text));
    rc = sl_client_call(client, "revoke", json_incref(fields), &answer);
    bool known = rc == -EREMOTEIO && strcmp(sl_ask_text(answer, "error"), "exists") == 0;
    if (rc < 0 && !known)
        sl_ask_explain(client, rc, fields, answer);
    json_decref(answer);
    json_decref(fields);
    free(text);
    sl_client_free(client);
    return rc == 0 || known ? HANDED_OVER : HANDED_REFUSED;
}

static void show_revoked(const struct sl_call *call, const struct sl_network *network,
                         const struct sl_issued *issued, enum handed handed)
{
    if (call->settings->json) {
        char serial[2 * SL_SERIAL_LEN + 1];
        sl_hex_encode(issued->serial, SL_SERIAL_LEN, serial);
        json_t *json =
            json_pack("{ss ss sI sb}", "revoked", issued->name, "serial", serial, "crl_number",
                      (json_int_t)network->crl_number, "handed_over", handed == HANDED_OVER);
        sl_ask_print(json);
        json_decref(json);
        return;
    }
    printf("%s is revoked. The list (number %llu) is %s/network.crl\n", issued->name,
           (unsigned long long)network->crl_number, network->folder);
    if (handed == HANDED_OVER)
        printf(
            "The starlingd on this computer took it and passes it on. Every node that hears of it\n"
            "drops %s; nodes that are away learn of it when they come back.\n",
            issued->name);
    else
        printf("It is not in force yet, for no starlingd here took it. Bring this folder to a "
               "computer\n"
               "where a node of the network runs, and repeat:  starling network revoke %s\n"
               "One node is enough: the mesh carries it on.\n",
               issued->name);
}

static int run_revoke(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    int64_t now = sl_network_now();
    struct sl_network *network = NULL;
    if (!sl_network_can_make_keys())
        return SL_EXIT_FAILURE;
    if (now < 0 || sl_network_open(call->settings->network, true, &network) < 0)
        return SL_EXIT_FAILURE;
    struct sl_issued issued = {0};
    enum handed handed = HANDED_REFUSED;
    uint8_t *crl = malloc(SL_CRL_MAX);
    int rc = crl != NULL ? sl_network_may_issue(network, now) : -ENOMEM;
    if (rc == 0)
        rc = sl_bundle_adopt(network);
    if (rc == 0)
        rc = mark_revoked(network, call->args[0], now, &issued);
    int len = rc == 0 ? sl_network_crl(network, now, crl) : rc;
    if (len > 0) {
        rc = sl_files_write(network->folder, "network.crl", crl, (size_t)len, 0644);
        if (rc < 0)
            sl_output_error("%s/network.crl cannot be written: %s.", network->folder,
                            strerror(-rc));
        handed = hand_over(call->settings, crl, (size_t)len);
        show_revoked(call, network, &issued, handed);
    }
    bool good = len > 0 && rc == 0 && handed != HANDED_REFUSED;
    free(crl);
    sl_network_close(network);
    return good ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

static const struct sl_command parts[] = {
    {
        .name = "create",
        .arguments = "NAME [--folder DIR] [--valid-for TIME]",
        .summary = "Makes a network",
        .help = "Makes a certificate authority and a secret for a new network, in a folder that\n"
                "is yours alone.\n\n"
                "Examples:\n"
                "  starling network create square\n"
                "  starling network create square --folder /media/stick/square --valid-for 1y\n",
        .takes = SL_TAKES_JSON,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_create,
    },
    {
        .name = "show",
        .summary = "Shows a network and what it issued",
        .help =
            "Examples:\n  starling network show\n  starling network show --network square --json\n",
        .takes = SL_TAKES_JSON | SL_TAKES_NETWORK,
        .run = run_show,
    },
    {
        .name = "invite",
        .arguments = "[--for TIME] [--qr]",
        .summary = "Makes a link that lets its holder add nodes",
        .help = "The link holds the network's secret and a short-lived certificate. Whoever has\n"
                "it can add nodes without you; nodes and link are valid until the same time, so\n"
                "choose the length of the event. Pass it on as a secret: on paper, or as a QR\n"
                "code that only the right people see.\n\n"
                "Examples:\n"
                "  starling network invite --for 3d\n"
                "  starling network invite --for 2h --qr\n",
        .takes = SL_TAKES_JSON | SL_TAKES_NETWORK,
        .run = run_invite,
    },
    {
        .name = "revoke",
        .arguments = "NODE|INVITE|CERTIFICATE|SERIAL",
        .summary = "Shuts a node, or all that an invite let in, out",
        .help = "Adds it to the revocation list, and hands that to the starlingd on this\n"
                "computer, which passes it on through the mesh. There is no way back: a node that\n"
                "returns is added under a new name.\n\n"
                "Examples:\n"
                "  starling network revoke lamp-post\n"
                "  starling network revoke invite-1\n"
                "  starling network revoke found-board/node.crt\n",
        .takes = SL_TAKES_JSON | SL_TAKES_NETWORK | SL_TAKES_SOCKET,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_revoke,
    },
    {0},
};

const struct sl_command sl_cmd_network = {
    .name = "network",
    .summary = "Makes and looks after a network (organisers)",
    .help = "Examples:\n"
            "  starling network create square\n"
            "  starling network invite --for 2h --qr\n"
            "  starling network revoke lamp-post\n",
    .parts = parts,
};
