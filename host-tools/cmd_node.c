/* starling node: bundles for the nodes of a network. */
#include "commands.h"

#include "ask.h"
#include "base/text.h"
#include "bundle.h"
#include "files.h"
#include "invite.h"
#include "output.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINK_MAX_LEN 16384

/* ---- add ---- */

static int decode_invite(const char *link, int64_t now, struct sl_invite *ret_invite)
{
    int rc = sl_invite_decode(link, ret_invite);
    if (rc == -EINVAL)
        sl_output_error("that is no invite: an invite begins with " SL_INVITE_PREFIX);
    else if (rc == -ENOTSUP)
        sl_output_error("that invite was made by a newer starling. Update this one.");
    else if (rc < 0)
        sl_output_error("that invite is damaged: a character is wrong or missing. Copy all of it.");
    if (rc == 0 && now > ret_invite->expires) {
        char date[SL_WORDS_MAX];
        sl_words_date_time(ret_invite->expires, date);
        sl_output_error("that invite expired on %s. Ask for a new one.", date);
        rc = -EKEYEXPIRED;
    }
    return rc;
}

/* Whether the open network is that of the invite. */
static bool is_same(const struct sl_network *network, const struct sl_invite *invite)
{
    uint8_t here[SL_PEM_MAX], there[SL_PEM_MAX];
    int here_len = sl_pem_to_der(network->certificate, here, sizeof(here));
    int there_len = sl_pem_to_der(invite->authority, there, sizeof(there));
    return here_len > 0 && here_len == there_len && memcmp(here, there, (size_t)here_len) == 0 &&
           memcmp(network->secret, invite->secret, SL_KEY_LEN) == 0;
}

/* Opens the network that the invite leads to, and makes its folder if it is new here. */
static int open_invited(const char *wanted, const struct sl_invite *invite,
                        struct sl_network **ret_network)
{
    struct sl_certificate_info authority;
    if (sl_certificate_read(invite->authority, &authority) < 0 ||
        sl_network_name_fault(authority.identity.name) != NULL) {
        sl_output_error("that invite holds no usable network.");
        return -EBADMSG;
    }
    if (wanted == NULL)
        wanted = getenv("STARLING_NETWORK");
    if (wanted != NULL && wanted[0] == '\0')
        wanted = NULL;
    const char *name = authority.identity.name;
    char *folder = wanted != NULL && strchr(wanted, '/') != NULL
                       ? sl_output_format("%s", wanted)
                       : sl_network_place(wanted != NULL ? wanted : name);
    int rc = 0;
    if (!sl_files_exist(folder, "network.json")) {
        char *made = NULL;
        struct sl_network_draft draft = {name, folder, invite->authority, NULL, invite->secret};
        rc = sl_network_make(&draft, &made);
        free(made);
    }
    struct sl_network *network = NULL;
    if (rc == 0)
        rc = sl_network_open(folder, true, &network);
    if (rc == 0 && !is_same(network, invite)) {
        sl_output_error("%s is another network than that of the invite.\n"
                        "  Say where this one goes: --network %s-2",
                        folder, name);
        sl_network_close(network);
        rc = -EEXIST;
    }
    free(folder);
    if (rc == 0)
        *ret_network = network;
    return rc;
}

static void show_added(const struct sl_call *call, const struct sl_network *network,
                       const char *name)
{
    const struct sl_issued *issued = sl_network_find(network, name);
    char origin[2 * SL_ORIGIN_LEN + 1], date[SL_WORDS_MAX];
    sl_hex_encode(issued->origin, SL_ORIGIN_LEN, origin);
    sl_words_date_time(issued->not_after, date);
    char *folder = sl_output_format("%s/nodes/%s", network->folder, name);
    if (call->settings->json) {
        json_t *json =
            json_pack("{ss ss ss ss sI}", "name", name, "network", network->name, "folder", folder,
                      "origin", origin, "not_after", (json_int_t)issued->not_after);
        sl_ask_print(json);
        json_decref(json);
    } else {
        char *where = sl_output_word(folder), *word = sl_output_word(name);
        printf("Node %s of network %s, valid until %s, is in %s\n"
               "Start it with: starlingd -c %s/starlingd.conf\n"
               "Then talk to it: starling chat --socket %s/control.sock\n"
               "Or put it on a board's card: starling flash IMAGE /dev/sdX --node %s\n"
               "Its keys are for one computer alone.\n",
               name, network->name, date, folder, where, where, word);
        free(word);
        free(where);
    }
    free(folder);
}

/* With the authority's key, or with an invite. */
static int add(const struct sl_call *call, const char *name, const char *link, int64_t lifetime)
{
    struct sl_invite *invite = link != NULL ? calloc(1, sizeof(*invite)) : NULL;
    struct sl_network *network = NULL;
    int64_t now = sl_network_now();
    int rc = now < 0 ? (int)now : 0;
    if (rc == 0 && link != NULL)
        rc = invite != NULL ? decode_invite(link, now, invite) : -ENOMEM;
    if (rc == 0)
        rc = link != NULL ? open_invited(call->settings->network, invite, &network)
                          : sl_network_open(call->settings->network, true, &network);
    if (rc == 0 && link == NULL)
        rc = sl_network_may_issue(network, now);
    if (rc == 0)
        rc = sl_bundle_adopt(network);
    if (rc == 0) {
        struct sl_bundle_draft draft = {.name = name,
                                        .issuer_certificate = link != NULL ? invite->certificate
                                                                           : network->certificate,
                                        .issuer_key = link != NULL ? invite->key : network->key,
                                        .intermediate = link != NULL ? invite->certificate : NULL,
                                        .now = now,
                                        .lifetime = lifetime};
        rc = sl_bundle_make(network, &draft);
    }
    if (rc == 0)
        show_added(call, network, name);
    if (invite != NULL)
        explicit_bzero(invite, sizeof(*invite));
    free(invite);
    sl_network_close(network);
    return rc;
}

/* `--invite -` keeps the link out of the list of processes, which other users can see. */
static const char *read_link(char *ret_link, size_t cap)
{
    if (fgets(ret_link, (int)cap, stdin) == NULL)
        ret_link[0] = '\0';
    return ret_link;
}

static int run_add(struct sl_call *call)
{
    const char *link = NULL, *valid_for = "1y";
    const struct sl_option options[] = {
        {"invite", 0, "LINK", "add it with an invite (- reads it from input)", &link, NULL},
        {"valid-for", 0, "TIME", "how long it is valid (1y)", &valid_for, NULL},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    const char *name = call->args[0], *fault = sl_network_name_fault(name);
    int64_t lifetime = 0;
    if (fault != NULL)
        return sl_args_wrong(call, "'%s' cannot name a node: %s.", name, fault);
    if (sl_words_parse_duration(valid_for, &lifetime) < 0)
        return sl_args_wrong(call, "--valid-for takes a time such as 30d or 1y, not '%s'.",
                             valid_for);
    if (!sl_network_can_make_keys())
        return SL_EXIT_FAILURE;
    char line[LINK_MAX_LEN];
    if (link != NULL && strcmp(link, "-") == 0)
        link = read_link(line, sizeof(line));
    int rc = add(call, name, link, lifetime);
    explicit_bzero(line, sizeof(line));
    return rc == 0 ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

/* ---- list ---- */

static const char *node_state(const struct sl_issued *issued, int64_t now)
{
    if (issued->revoked != 0)
        return "revoked";
    if (now > issued->not_after)
        return "expired";
    return "valid";
}

static void list_json(const struct sl_network *network, int64_t now)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < network->issued_count; i++) {
        const struct sl_issued *issued = &network->issued[i];
        char origin[2 * SL_ORIGIN_LEN + 1];
        sl_hex_encode(issued->origin, SL_ORIGIN_LEN, origin);
        if (issued->kind == SL_ISSUED_NODE)
            json_array_append_new(nodes, json_pack("{ss ss ss sI}", "name", issued->name, "origin",
                                                   origin, "state", node_state(issued, now),
                                                   "not_after", (json_int_t)issued->not_after));
    }
    json_t *json = json_pack("{ss so}", "network", network->name, "nodes", nodes);
    sl_ask_print(json);
    json_decref(json);
}

static void list_table(const struct sl_network *network, int64_t now)
{
    static const char *const headings[] = {"node", "origin", "state", "until", "bundle"};
    struct sl_table *table = sl_table_new(headings, SL_ARRAY_LEN(headings));
    char *nodes = sl_output_format("%s/nodes", network->folder);
    size_t count = 0;
    for (size_t i = 0; i < network->issued_count; i++) {
        const struct sl_issued *issued = &network->issued[i];
        if (issued->kind != SL_ISSUED_NODE)
            continue;
        char origin[2 * SL_ORIGIN_LEN + 1], date[SL_WORDS_MAX];
        sl_hex_encode(issued->origin, SL_ORIGIN_LEN, origin);
        sl_words_date(issued->not_after, date);
        sl_table_cell(table, "%s", issued->name);
        sl_table_cell(table, "%s", origin);
        sl_table_cell(table, "%s", node_state(issued, now));
        sl_table_cell(table, "%s", date);
        sl_table_cell(table, "%s", sl_files_exist(nodes, issued->name) ? "here" : "taken away");
        count++;
    }
    if (count > 0)
        sl_table_print(table, stdout);
    else
        printf("Network %s has no nodes yet. Add one: starling node add NAME\n", network->name);
    sl_table_free(table);
    free(nodes);
}

static int run_list(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    int64_t now = sl_network_now();
    struct sl_network *network = NULL;
    if (now < 0 || sl_network_open(call->settings->network, false, &network) < 0)
        return SL_EXIT_FAILURE;
    if (call->settings->json)
        list_json(network, now);
    else
        list_table(network, now);
    sl_network_close(network);
    return SL_EXIT_OK;
}

static const struct sl_command parts[] = {
    {
        .name = "add",
        .arguments = "NAME [--invite LINK] [--valid-for TIME]",
        .summary = "Makes the bundle of a new node",
        .help = "Makes NETWORK/nodes/NAME with the node's certificate, its keys and a\n"
                "configuration that starlingd runs with. Each node has its own; none is made\n"
                "twice.\n\n"
                "Examples:\n"
                "  starling node add lamp-post\n"
                "  starling node add backpack-3 --valid-for 30d\n"
                "  starling node add stage --invite starling:invite/AbC...\n",
        .takes = SL_TAKES_JSON | SL_TAKES_NETWORK,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_add,
    },
    {
        .name = "list",
        .summary = "Lists the nodes that were made",
        .help = "Examples:\n  starling node list\n  starling node list --json\n",
        .takes = SL_TAKES_JSON | SL_TAKES_NETWORK,
        .run = run_list,
    },
    {
        .name = "request",
        .arguments = "FOLDER [--show]",
        .summary = "On a board: makes keys and the request to be admitted",
        .help = "Makes FOLDER with the board's own keys, which never leave it, and shows the\n"
                "request, which is no secret.\n\n"
                "Examples:\n"
                "  starling node request /data/request\n"
                "  starling node request /data/request --show\n",
        .arg_min = 1,
        .arg_max = 1,
        .run = sl_node_request,
    },
    {
        .name = "admit",
        .arguments = "FILE --name NAME [--valid-for TIME]",
        .summary = "Answers the request of a board",
        .help = "FILE holds the board's request (- reads it from input). The answer is sealed to\n"
                "that board.\n\n"
                "Examples:\n"
                "  starling node admit /media/BOOT/request.txt --name lamp-post\n",
        .takes = SL_TAKES_JSON | SL_TAKES_NETWORK,
        .arg_min = 1,
        .arg_max = 1,
        .run = sl_node_admit,
    },
    {
        .name = "accept",
        .arguments = "FOLDER ANSWER --out FOLDER",
        .summary = "On a board: makes its bundle of the answer",
        .help = "Examples:\n"
                "  starling node accept /data/request answer --out /data/node\n",
        .arg_min = 2,
        .arg_max = 2,
        .run = sl_node_accept,
    },
    {0},
};

const struct sl_command sl_cmd_node = {
    .name = "node",
    .summary = "Makes bundles for the nodes of a network (organisers)",
    .help = "Examples:\n"
            "  starling node add lamp-post\n"
            "  starling node list\n"
            "  starling node admit request.txt --name lamp-post\n",
    .parts = parts,
};
