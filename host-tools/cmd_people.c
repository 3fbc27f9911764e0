/* starling people: who is there, and whether they are who they say. */
#include "commands.h"

#include "ask.h"
#include "output.h"
#include "passphrase.h"
#include "people.h"
#include "words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- list ---- */

static bool is(json_t *person, const char *key)
{
    return json_is_true(json_object_get(person, key));
}

static int by_hearing(const void *a, const void *b)
{
    json_t *const *left = a, *const *right = b;
    json_int_t x = json_integer_value(json_object_get(*left, "silent_for"));
    json_int_t y = json_integer_value(json_object_get(*right, "silent_for"));
    return (x > y) - (x < y);
}

static void print_people(json_t *list)
{
    static const char *const headings[] = {"nick", "code", "verified", "can be written to",
                                           "heard"};
    size_t count = json_array_size(list);
    json_t **people = calloc(count + 1, sizeof(*people));
    if (people == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        people[i] = json_array_get(list, i);
    qsort(people, count, sizeof(*people), by_hearing);
    struct sl_table *table = sl_table_new(headings, SL_ARRAY_LEN(headings));
    for (size_t i = 0; i < count; i++) {
        char heard[SL_WORDS_MAX];
        sl_words_ago((int64_t)json_number_value(json_object_get(people[i], "silent_for")), heard);
        sl_table_cell(table, "%s", sl_ask_text(people[i], "nick"));
        sl_table_cell(table, "%s", sl_ask_text(people[i], "code"));
        sl_table_cell(table, "%s", is(people[i], "verified") ? "yes" : "no");
        sl_table_cell(table, "%s", is(people[i], "writable") ? "yes" : "once heard again");
        sl_table_cell(table, "%s", is(people[i], "local") ? "on this node" : heard);
    }
    sl_table_print(table, stdout);
    sl_table_free(table);
    free(people);
}

static int run(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    struct sl_client *client = sl_ask_open(call->settings);
    if (client == NULL)
        return SL_EXIT_FAILURE;
    json_t *answer = sl_ask_all(client, "people", sl_ask_fields(call->settings), "people");
    sl_client_free(client);
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    if (call->settings->json)
        sl_ask_print(answer);
    else if (json_array_size(json_object_get(answer, "people")) == 0)
        printf("Nobody was heard yet. Is this node linked? See starling status.\n");
    else
        print_people(json_object_get(answer, "people"));
    json_decref(answer);
    return SL_EXIT_OK;
}

/* ---- verify ---- */

/* Whether both hold the same digits, whatever the spaces. */
static bool same_digits(const char *a, const char *b)
{
    for (;;) {
        while (*a != '\0' && !isdigit((unsigned char)*a))
            a++;
        while (*b != '\0' && !isdigit((unsigned char)*b))
            b++;
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

/* By its key: the person who was looked at is the person who is marked, whoever else takes that
 * nick meanwhile. */
static json_t *mark(struct sl_client *client, const struct sl_settings *settings, json_t *person,
                    bool verified)
{
    json_t *fields = sl_ask_fields(settings);
    json_object_set(fields, "name", json_object_get(person, "key"));
    json_object_set_new(fields, "verified", json_boolean(verified));
    return sl_ask(client, "person.verify", fields);
}

/* Shows the code and asks, or compares it with the one given. */
static bool codes_agree(const char *label, const char *code, const char *given)
{
    if (given != NULL) {
        bool same = same_digits(code, given);
        if (!same)
            sl_output_error(
                "the code of you and %s is %s, not %s.\n"
                "  If they read theirs from their screen, somebody stands between you: do not "
                "trust this key.",
                label, code, given);
        return same;
    }
    printf(
        "The code of you and %s is\n\n    %s%s%s\n\n"
        "Ask them, face to face or by a voice you know, what `starling people verify` shows them "
        "for you.\n",
        label, sl_output_style(stdout, SL_STYLE_BOLD), code,
        sl_output_style(stdout, SL_STYLE_PLAIN));
    fflush(stdout);
    bool same = sl_passphrase_confirm("Is it the same, every digit?");
    if (!same)
        printf("Not marked as verified. If the digits differ, somebody stands between you.\n"
               "Without a terminal to answer on, give theirs: --code DIGITS\n");
    return same;
}

static int verify(const struct sl_call *call, struct sl_client *client, const char *given,
                  bool undo)
{
    json_t *fields = sl_ask_fields(call->settings);
    json_object_set_new(fields, "name", json_string(call->args[0]));
    json_t *found = sl_ask(client, "person", fields);
    if (found == NULL)
        return SL_EXIT_FAILURE;
    json_t *person = json_object_get(found, "person"), *marked = NULL;
    char *name = sl_people_full_name(person);
    char *label = sl_output_cleaned(name, SL_CLEAN_NAME);
    if (undo || codes_agree(label, sl_ask_text(found, "auth_code"), given))
        marked = mark(client, call->settings, person, !undo);
    if (marked != NULL && call->settings->json)
        sl_ask_print(marked);
    else if (marked != NULL)
        printf("%s is %sverified.\n", label, undo ? "no longer " : "");
    int code = marked != NULL ? SL_EXIT_OK : SL_EXIT_FAILURE;
    free(label);
    free(name);
    json_decref(marked);
    json_decref(found);
    return code;
}

static int run_verify(struct sl_call *call)
{
    const char *given = NULL;
    bool undo = false;
    const struct sl_option options[] = {
        {"code", 0, "DIGITS", "the code they read to you: compare without asking", &given, NULL},
        {"undo", 0, NULL, "no longer verified", NULL, &undo},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    struct sl_client *client = sl_ask_open(call->settings);
    if (client == NULL)
        return SL_EXIT_FAILURE;
    int code = verify(call, client, given, undo);
    sl_client_free(client);
    return code;
}

static const struct sl_command parts[] = {
    {
        .name = "verify",
        .arguments = "PERSON [--code DIGITS]",
        .summary = "Compares a code with somebody, to know it is them",
        .help = "A nick is no proof. This shows 18 digits made of your key and theirs; if both of\n"
                "you see the same, nobody stands between you. Read them aloud, face to face.\n\n"
                "Examples:\n"
                "  starling people verify ana\n"
                "  starling people verify ana --code '1234 5678 9012 3456 78'\n",
        .takes = SL_TAKES_JSON | SL_TAKES_SOCKET | SL_TAKES_PERSONA,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_verify,
    },
    {0},
};

const struct sl_command sl_cmd_people = {
    .name = "people",
    .summary = "Lists who was heard",
    .help = "The code tells people of the same nick apart: write to nick.code.\n\n"
            "Examples:\n"
            "  starling people\n"
            "  starling people verify ana\n",
    .takes = SL_TAKES_JSON | SL_TAKES_SOCKET | SL_TAKES_PERSONA,
    .run = run,
    .parts = parts,
};
