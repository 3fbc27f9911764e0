/* starling inbox: what came. */
#include "commands.h"

#include "ask.h"
#include "chronology.h"
#include "message.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

struct inbox {
    const struct sl_call *call;
    struct sl_client *client;
    struct sl_message_view view;
    json_t *persona; /* handle */
    bool all, peek;
    json_int_t last; /* newest number printed */
};

/* The persona that looks: that of --as, or the only one. Told if there is none. */
static bool find_persona(struct inbox *inbox)
{
    const char *wanted = inbox->call->settings->persona;
    json_t *answer = sl_ask(inbox->client, "personas", NULL);
    json_t *personas = json_object_get(answer, "personas"), *persona;
    size_t i;
    json_array_foreach (personas, i, persona) {
        bool only = wanted == NULL && json_array_size(personas) == 1;
        if (!only && (wanted == NULL || strcmp(wanted, sl_ask_text(persona, "nick")) != 0))
            continue;
        inbox->persona = json_incref(json_object_get(persona, "persona"));
        inbox->view.own_nick = sl_output_format("%s", sl_ask_text(persona, "nick"));
        break;
    }
    json_decref(answer);
    if (inbox->persona != NULL || answer == NULL)
        return inbox->persona != NULL;
    /* starlingd knows the right words: the persona is unknown, locked, or one of several. */
    answer = sl_ask(inbox->client, "channels", sl_ask_fields(inbox->call->settings));
    json_decref(answer);
    return false;
}

/* What is to be shown of the whole history: everything, or what is new. */
static json_t *choose(const struct inbox *inbox, json_t *history)
{
    json_t *chosen = json_array(), *message;
    size_t i;
    json_array_foreach (json_object_get(history, "messages"), i, message)
        if (inbox->all || json_is_true(json_object_get(message, "unread")))
            json_array_append(chosen, message);
    return chosen;
}

static json_t *load(struct inbox *inbox)
{
    json_t *fields = json_object();
    json_object_set(fields, "persona", inbox->persona);
    json_t *history = sl_ask_all(inbox->client, "history", fields, "messages");
    if (history == NULL)
        return NULL;
    json_t *chosen = choose(inbox, history);
    json_t *ordered = sl_chronology(chosen);
    json_decref(chosen);
    json_decref(history);
    return ordered;
}

static void note_number(struct inbox *inbox, json_t *message)
{
    json_int_t number = json_integer_value(json_object_get(message, "number"));
    if (number > inbox->last)
        inbox->last = number;
}

static void show(struct inbox *inbox, json_t *messages)
{
    size_t i;
    json_t *message;
    json_array_foreach (messages, i, message) {
        sl_message_print(&inbox->view, message);
        note_number(inbox, message);
    }
    if (json_array_size(messages) == 0 && !inbox->call->settings->json)
        printf("Nothing %s.\n", inbox->all ? "yet" : "new");
}

/* One event of --follow; a state is no news here. */
static bool follow_event(struct inbox *inbox, json_t *event)
{
    json_t *message = json_object_get(event, "message");
    bool wanted = strcmp(sl_ask_text(event, "event"), "message") == 0 &&
                  json_integer_value(json_object_get(message, "number")) > inbox->last &&
                  (inbox->all || json_is_true(json_object_get(message, "unread")));
    if (!wanted)
        return true;
    if (inbox->call->settings->json)
        sl_message_print_json(message);
    else
        sl_message_print(&inbox->view, message);
    fflush(stdout);
    if (inbox->peek)
        return true;
    json_t *one = json_pack("[O]", message);
    bool marked = sl_message_mark_read(inbox->client, inbox->persona, one);
    json_decref(one);
    return marked;
}

static bool follow(struct inbox *inbox)
{
    for (;;) {
        json_t *event;
        while ((event = sl_client_event(inbox->client)) != NULL) {
            bool good = follow_event(inbox, event);
            json_decref(event);
            if (!good)
                return false;
        }
        int rc = sl_client_wait(inbox->client, -1);
        if (rc < 0) {
            sl_ask_explain(inbox->client, rc, NULL, NULL);
            return false;
        }
    }
}

/* Before the history is read, so that nothing falls between the two. */
static bool subscribe(struct inbox *inbox)
{
    json_t *fields = json_object();
    json_object_set(fields, "persona", inbox->persona);
    json_t *answer = sl_ask(inbox->client, "subscribe", fields);
    json_decref(answer);
    return answer != NULL;
}

static bool read_inbox(struct inbox *inbox, bool follows)
{
    if (!find_persona(inbox) || (follows && !subscribe(inbox)))
        return false;
    json_t *messages = load(inbox);
    if (messages == NULL)
        return false;
    if (inbox->call->settings->json && !follows) {
        json_t *answer = json_pack("{sO}", "messages", messages);
        sl_ask_print(answer);
        json_decref(answer);
    } else if (inbox->call->settings->json) {
        size_t i;
        json_t *message;
        json_array_foreach (messages, i, message) {
            sl_message_print_json(message);
            note_number(inbox, message);
        }
    } else {
        show(inbox, messages);
    }
    /* Shown first: what could not be shown was not read. */
    bool good = fflush(stdout) == 0;
    if (good && !inbox->peek)
        good = sl_message_mark_read(inbox->client, inbox->persona, messages);
    json_decref(messages);
    return good && (!follows || follow(inbox));
}

static int run(struct sl_call *call)
{
    bool all = false, peek = false, follows = false;
    const struct sl_option options[] = {
        {"all", 'a', NULL, "the whole history, your own messages too", NULL, &all},
        {"peek", 0, NULL, "leave what is new marked as new", NULL, &peek},
        {"follow", 'f', NULL, "go on with what comes, until interrupted", NULL, &follows},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    struct inbox inbox = {
        .call = call,
        .client = sl_ask_open(call->settings),
        .view = {.to = stdout, .columns = sl_output_columns(stdout), .with_state = true},
        .all = all,
        .peek = peek};
    if (inbox.client == NULL)
        return SL_EXIT_FAILURE;
    inbox.view.people = sl_people_new();
    bool good = inbox.view.people != NULL && read_inbox(&inbox, follows);
    free((char *)inbox.view.own_nick);
    json_decref(inbox.persona);
    sl_people_free(inbox.view.people);
    sl_client_free(inbox.client);
    return good ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

const struct sl_command sl_cmd_inbox = {
    .name = "inbox",
    .arguments = "[--all] [--peek] [--follow]",
    .summary = "Shows what came and was not read yet",
    .help = "What is shown counts as read, and people who wrote to you alone learn that,\n"
            "unless you --peek.\n\n"
            "Examples:\n"
            "  starling inbox\n"
            "  starling inbox --all --peek --json\n"
            "  starling inbox --follow\n",
    .takes = SL_TAKES_JSON | SL_TAKES_SOCKET | SL_TAKES_PERSONA,
    .run = run,
};
