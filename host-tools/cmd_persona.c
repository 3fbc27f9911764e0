/* starling persona: who you are on this node. */
#include "commands.h"

#include "ask.h"
#include "output.h"
#include "passphrase.h"
#include "people.h"

#include <stdlib.h>
#include <string.h>

static void print_name(json_t *persona)
{
    char *name = sl_people_full_name(persona);
    sl_output_clean(stdout, name, SL_CLEAN_NAME);
    free(name);
}

static int show_persona(const struct sl_call *call, json_t *answer, const char *done)
{
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    json_t *persona = json_object_get(answer, "persona");
    if (call->settings->json) {
        sl_ask_print(answer);
    } else {
        print_name(persona);
        printf(" %s.%s\n", done,
               json_is_true(json_object_get(persona, "kept"))
                   ? ""
                   : " It lives in memory: it is gone when starlingd ends.");
    }
    json_decref(answer);
    return SL_EXIT_OK;
}

/* Adds "passphrase" to the fields. */
static bool add_passphrase(const struct sl_call *call, json_t *fields, const char *prompt,
                           bool twice)
{
    char passphrase[SL_PASSPHRASE_MAX];
    if (!sl_passphrase_get(call->settings, prompt, twice, passphrase))
        return false;
    json_t *text = json_string(passphrase);
    explicit_bzero(passphrase, sizeof(passphrase));
    if (text == NULL)
        sl_output_error("a passphrase has to be UTF-8.");
    else
        json_object_set_new(fields, "passphrase", text);
    return text != NULL;
}

static int run_create(struct sl_call *call)
{
    bool keep = false;
    const struct sl_option options[] = {
        {"keep", 0, NULL, "keep it on this node's disk, under a passphrase", NULL, &keep},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    json_t *fields = json_pack("{ss}", "nick", call->args[0]);
    if (fields == NULL)
        return sl_args_wrong(call, "a nick has to be UTF-8.");
    if (keep &&
        !add_passphrase(call, fields, "A passphrase for it (8 characters or more): ", true)) {
        json_decref(fields);
        return SL_EXIT_FAILURE;
    }
    return show_persona(call, sl_ask_once(call->settings, "persona.create", fields), "is here");
}

static int run_unlock(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    json_t *fields = json_pack("{ss}", "nick", call->args[0]);
    if (fields == NULL)
        return sl_args_wrong(call, "a nick has to be UTF-8.");
    if (!add_passphrase(call, fields, "Passphrase: ", false)) {
        json_decref(fields);
        return SL_EXIT_FAILURE;
    }
    return show_persona(call, sl_ask_once(call->settings, "persona.unlock", fields), "is unlocked");
}

/* A request about one persona that answers with nothing. */
static int plain(const struct sl_call *call, struct sl_client *client, const char *what,
                 const char *done)
{
    json_t *fields = json_pack("{ss}", "persona", call->args[0]);
    if (fields == NULL)
        return sl_args_wrong(call, "a nick has to be UTF-8.");
    json_t *answer = sl_ask(client, what, fields);
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    if (call->settings->json)
        sl_ask_print(answer);
    else
        printf("%s %s.\n", call->args[0], done);
    json_decref(answer);
    return SL_EXIT_OK;
}

/* Whether it is one that unlocking could bring back; one that is not there is left to starlingd. */
static bool may_lock(json_t *personas, const char *nick)
{
    json_t *persona;
    size_t i;
    json_array_foreach (personas, i, persona) {
        if (strcmp(sl_ask_text(persona, "nick"), nick) != 0 ||
            json_is_true(json_object_get(persona, "kept")))
            continue;
        sl_output_error("%s lives in memory only: locked, it would be gone for good.\n"
                        "  If that is meant: starling persona forget %s",
                        nick, nick);
        return false;
    }
    return true;
}

static int run_lock(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    struct sl_client *client = sl_ask_open(call->settings);
    json_t *answer = client != NULL ? sl_ask(client, "personas", NULL) : NULL;
    int code = SL_EXIT_FAILURE;
    if (answer != NULL && may_lock(json_object_get(answer, "personas"), call->args[0]))
        code = plain(call, client, "persona.lock", "is locked");
    json_decref(answer);
    sl_client_free(client);
    return code;
}

static int run_forget(struct sl_call *call)
{
    bool yes = false;
    const struct sl_option options[] = {{"yes", 'y', NULL, "do not ask", NULL, &yes}};
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    char *question = sl_output_format(
        "Destroy the keys and the history of %s on this node, for good?", call->args[0]);
    bool agreed = yes || sl_passphrase_confirm(question);
    free(question);
    if (!agreed) {
        sl_output_error("nothing was done. Without a terminal, add --yes.");
        return SL_EXIT_FAILURE;
    }
    struct sl_client *client = sl_ask_open(call->settings);
    if (client == NULL)
        return SL_EXIT_FAILURE;
    int code =
        plain(call, client, "persona.forget", "is forgotten: its keys and its history are gone");
    sl_client_free(client);
    return code;
}

static int run_list(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    json_t *answer = sl_ask_once(call->settings, "personas", NULL);
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    json_t *personas = json_object_get(answer, "personas"), *persona;
    if (call->settings->json) {
        sl_ask_print(answer);
    } else if (json_array_size(personas) == 0) {
        printf("You have no persona on this node. Make one: starling persona create NICK\n");
    } else {
        static const char *const headings[] = {"nick", "code", "kept", ">unread"};
        struct sl_table *table = sl_table_new(headings, SL_ARRAY_LEN(headings));
        size_t i;
        json_array_foreach (personas, i, persona) {
            sl_table_cell(table, "%s", sl_ask_text(persona, "nick"));
            sl_table_cell(table, "%s", sl_ask_text(persona, "code"));
            sl_table_cell(table, "%s",
                          json_is_true(json_object_get(persona, "kept")) ? "on disk" : "in memory");
            sl_table_cell(table, "%lld",
                          (long long)json_integer_value(json_object_get(persona, "unread")));
        }
        sl_table_print(table, stdout);
        sl_table_free(table);
    }
    json_decref(answer);
    return SL_EXIT_OK;
}

static const struct sl_command parts[] = {
    {
        .name = "create",
        .arguments = "NICK [--keep]",
        .summary = "Makes a new persona",
        .help = "Without --keep it lives in the memory of starlingd, and nothing of it is ever on\n"
                "a disk. With --keep it survives a restart: its keys and its history are then on\n"
                "this node's disk, sealed under a passphrase, and `starling persona unlock`\n"
                "brings it back.\n\n"
                "Examples:\n"
                "  starling persona create ana\n"
                "  starling persona create ana --keep\n",
        .takes = SL_TAKES_JSON | SL_TAKES_SOCKET | SL_TAKES_PASSPHRASE,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_create,
    },
    {
        .name = "unlock",
        .arguments = "NICK",
        .summary = "Brings a kept persona back",
        .help = "Examples:\n"
                "  starling persona unlock ana\n"
                "  starling persona unlock ana --passphrase-file ~/.ana\n",
        .takes = SL_TAKES_JSON | SL_TAKES_SOCKET | SL_TAKES_PASSPHRASE,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_unlock,
    },
    {
        .name = "lock",
        .arguments = "NICK",
        .summary = "Wipes a kept persona from memory until it is unlocked",
        .help = "One that lives in memory only is not locked: it could not come back.\n\n"
                "Examples:\n"
                "  starling persona lock ana\n",
        .takes = SL_TAKES_JSON | SL_TAKES_SOCKET,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_lock,
    },
    {
        .name = "list",
        .summary = "Lists your personas here",
        .help = "Examples:\n  starling persona list --json\n",
        .takes = SL_TAKES_JSON | SL_TAKES_SOCKET,
        .run = run_list,
    },
    {
        .name = "forget",
        .arguments = "NICK [--yes]",
        .summary = "Destroys a persona",
        .help = "Its keys and its history are erased from memory and disk. Nobody can bring them\n"
                "back.\n\n"
                "Examples:\n"
                "  starling persona forget ana\n",
        .takes = SL_TAKES_JSON | SL_TAKES_SOCKET,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_forget,
    },
    {0},
};

const struct sl_command sl_cmd_persona = {
    .name = "persona",
    .summary = "Who you are on this node",
    .help = "Examples:\n"
            "  starling persona create ana\n"
            "  starling persona list\n",
    .parts = parts,
};
