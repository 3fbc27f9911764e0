#include "talk.h"

#include "ask.h"
#include "output.h"
#include "screen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_SHOWN 20
#define STATE_INDENT  "      "

json_t *sl_talk_fields(const struct sl_talk *talk)
{
    json_t *fields = json_object();
    json_object_set(fields, "persona", talk->persona);
    return fields;
}

void sl_talk_note(struct sl_talk *talk, const char *format, ...)
{
    va_list list;
    char *text = NULL;
    FILE *out = talk->settings->json ? stderr : stdout;
    va_start(list, format);
    int len = vasprintf(&text, format, list);
    va_end(list);
    if (len < 0)
        return;
    fprintf(out, "%s-- ", sl_output_style(out, SL_STYLE_DIM));
    sl_output_flow(out, text, (struct sl_flow){3, 3, talk->view.columns});
    fprintf(out, "%s\n", sl_output_style(out, SL_STYLE_PLAIN));
    talk->bottom = 0;
    free(text);
}

static void replace(char **text, const char *with)
{
    char *copy = sl_output_format("%s", with);
    free(*text);
    *text = copy;
}

/* ---- Messages ---- */

static bool is_in_front(const struct sl_talk *talk, json_t *message)
{
    char *conversation = sl_message_conversation(message);
    bool front = talk->conversation != NULL && strcmp(conversation, talk->conversation) == 0;
    free(conversation);
    return front;
}

static void print_message(struct sl_talk *talk, json_t *message)
{
    json_int_t number = json_integer_value(json_object_get(message, "number"));
    talk->view.columns = talk->on_terminal ? sl_output_columns(stdout) : 0;
    if (talk->settings->json)
        sl_message_print_json(message);
    else
        sl_message_print(&talk->view, message);
    talk->bottom = 0;
    talk->last = number > talk->last ? number : talk->last;
}

/* Below a message of one's own: what became of it so far. */
static void print_state(struct sl_talk *talk, json_t *message)
{
    printf("%s" STATE_INDENT "%s%s\n", sl_output_style(stdout, SL_STYLE_DIM),
           sl_ask_text(message, "state"), sl_output_style(stdout, SL_STYLE_PLAIN));
    talk->bottom = json_integer_value(json_object_get(message, "number"));
}

static void print_own(struct sl_talk *talk, json_t *message)
{
    json_int_t number = json_integer_value(json_object_get(message, "number"));
    if (number <= talk->last)
        return; /* shown already, by what was looked up after lost events */
    if (!talk->on_terminal && !talk->settings->json) {
        talk->last = number;
        return;
    }
    print_message(talk, message);
    if (talk->settings->json)
        return;
    if (json_is_false(json_object_get(message, "durable")))
        sl_talk_note(talk, "the node's disk did not take that: it lives in memory only");
    print_state(talk, message);
}

void sl_talk_send(struct sl_talk *talk, const char *conversation, const char *text)
{
    json_t *fields = sl_talk_fields(talk);
    sl_ask_target(fields, conversation, "to");
    size_t len = strlen(text);
    while (len > 0 && strchr("\r\n", text[len - 1]) != NULL) /* the end of what was pasted */
        len--;
    json_t *value = json_stringn(text, len);
    if (value == NULL) {
        sl_talk_note(talk, "that is no UTF-8 text: not sent");
        json_decref(fields);
        return;
    }
    json_object_set_new(fields, "text", value);
    json_t *answer = sl_ask(talk->client, "send", fields);
    talk->bottom = answer == NULL ? 0 : talk->bottom;
    /* What came before it stands before it. */
    sl_talk_events(talk);
    json_t *message = json_object_get(answer, "message");
    if (message != NULL)
        print_own(talk, message);
    json_decref(answer);
}

/* ---- The conversation in front ---- */

static void show_history(struct sl_talk *talk)
{
    json_t *fields = sl_talk_fields(talk), *message;
    sl_ask_target(fields, talk->conversation, "with");
    json_object_set_new(fields, "last", json_integer(HISTORY_SHOWN));
    json_t *answer = sl_ask(talk->client, "history", fields);
    json_t *messages = json_object_get(answer, "messages");
    size_t i;
    talk->view.with_state = true;
    json_array_foreach (messages, i, message)
        print_message(talk, message);
    talk->view.with_state = false;
    sl_message_mark_read(talk->client, talk->persona, messages);
    json_decref(answer);
}

/* Being in it already is no fault. */
static bool join(struct sl_talk *talk, const char *channel)
{
    json_t *fields = sl_talk_fields(talk), *answer = NULL;
    json_object_set_new(fields, "channel", json_string(channel + 1));
    int rc = sl_client_call(talk->client, "channel.join", json_incref(fields), &answer);
    bool good = rc == 0 || strcmp(sl_ask_text(answer, "error"), "exists") == 0;
    if (!good)
        sl_ask_explain(talk->client, rc, fields, answer);
    json_decref(answer);
    json_decref(fields);
    return good;
}

json_t *sl_talk_person(struct sl_talk *talk, const char *name)
{
    json_t *fields = sl_talk_fields(talk);
    json_object_set_new(fields, "name", json_string(name));
    json_t *answer = sl_ask(talk->client, "person", fields);
    json_t *person = json_incref(json_object_get(answer, "person"));
    if (answer != NULL)
        json_object_set(person, "auth_code", json_object_get(answer, "auth_code"));
    json_decref(answer);
    return person;
}

static void bring_to_front(struct sl_talk *talk, const char *conversation, const char *title)
{
    replace(&talk->conversation, conversation);
    replace(&talk->title, title);
    talk->view.within = talk->conversation;
    char *prompt = sl_output_format("%s> ", talk->title);
    if (talk->on_terminal)
        sl_screen_prompt(prompt);
    free(prompt);
    sl_talk_note(talk, "%s", talk->title);
    show_history(talk);
}

bool sl_talk_open(struct sl_talk *talk, const char *target)
{
    if (target[0] == '#') {
        if (!join(talk, target))
            return false;
        sl_talk_load_channels(talk);
        char *title = sl_output_cleaned(target, SL_CLEAN_NAME);
        bring_to_front(talk, target, title);
        free(title);
        return true;
    }
    json_t *person = sl_talk_person(talk, target);
    if (person == NULL)
        return false;
    char *title = sl_people_label(talk->view.people, person);
    bring_to_front(talk, sl_ask_text(person, "key"), title);
    if (!json_is_true(json_object_get(person, "writable")))
        sl_talk_note(talk, "%s was not heard for a while, and can be written to once heard again",
                     title);
    free(title);
    json_decref(person);
    return true;
}

/* ---- Events ---- */

/* What one turn brings: states are gathered, so that a burst of them takes one line. */
struct turn {
    json_t *read;   /* messages shown in the conversation in front */
    json_t *states; /* number -> message */
};

static void take_message(struct sl_talk *talk, json_t *message, struct turn *turn)
{
    if (json_integer_value(json_object_get(message, "number")) <= talk->last)
        return;
    print_message(talk, message);
    if (is_in_front(talk, message))
        json_array_append(turn->read, message);
}

static void take_lost(struct sl_talk *talk, struct turn *turn)
{
    json_t *fields = sl_talk_fields(talk), *message;
    json_object_set_new(fields, "from", json_integer(talk->last + 1));
    json_t *answer = sl_ask_all(talk->client, "history", fields, "messages");
    size_t i;
    json_array_foreach (json_object_get(answer, "messages"), i, message)
        take_message(talk, message, turn);
    json_decref(answer);
}

static void take_event(struct sl_talk *talk, json_t *event, struct turn *turn)
{
    const char *what = sl_ask_text(event, "event");
    json_t *message = json_object_get(event, "message");
    if (strcmp(what, "message") == 0) {
        take_message(talk, message, turn);
    } else if (strcmp(what, "state") == 0) {
        char number[24];
        snprintf(number, sizeof(number), "%lld",
                 (long long)json_integer_value(json_object_get(message, "number")));
        json_object_set(turn->states, number, message);
    } else if (strcmp(what, "person") == 0) {
        free(sl_people_label(talk->view.people, json_object_get(event, "person")));
    } else if (strcmp(what, "lost") == 0) {
        take_lost(talk, turn);
    }
}

/* The lowest line on the screen is rewritten; nothing else can be. */
static bool rewrite_state(struct sl_talk *talk, json_t *message)
{
    json_int_t number = json_integer_value(json_object_get(message, "number"));
    if (!talk->can_rewrite || talk->bottom != number)
        return false;
    fputs("\033[1A\r\033[K", stdout);
    print_state(talk, message);
    return true;
}

static void print_states(struct sl_talk *talk, json_t *states, const char *state)
{
    const char *number;
    json_t *message, *only = NULL;
    size_t count = 0;
    json_object_foreach (states, number, message) {
        if (strcmp(sl_ask_text(message, "state"), state) != 0 || rewrite_state(talk, message))
            continue;
        if (talk->settings->json) {
            sl_message_print_json(message);
            continue;
        }
        only = message;
        count++;
    }
    if (count == 1) {
        char *excerpt = sl_message_excerpt(only);
        sl_talk_note(talk, "%s: %s", state, excerpt);
        free(excerpt);
    } else if (count > 1) {
        sl_talk_note(talk, "%s: %zu messages", state, count);
    }
}

void sl_talk_events(struct sl_talk *talk)
{
    struct turn turn = {json_array(), json_object()};
    json_t *event;
    while ((event = sl_client_event(talk->client)) != NULL) {
        take_event(talk, event, &turn);
        json_decref(event);
    }
    print_states(talk, turn.states, "relayed");
    print_states(talk, turn.states, "delivered");
    print_states(talk, turn.states, "read");
    if (json_array_size(turn.read) > 0)
        sl_message_mark_read(talk->client, talk->persona, turn.read);
    json_decref(turn.read);
    json_decref(turn.states);
}

/* ---- Lines ---- */

void sl_talk_line(struct sl_talk *talk, const char *line)
{
    if (line == NULL) {
        talk->done = true;
        return;
    }
    if (line[strspn(line, " \t\n")] == '\0')
        return;
    if (line[0] == '/' && line[1] != '/')
        sl_talk_command(talk, line + 1);
    else
        sl_talk_send(talk, talk->conversation, line + (line[0] == '/'));
}

/* ---- Completion ---- */

void sl_talk_load_channels(struct sl_talk *talk)
{
    json_t *answer = sl_ask(talk->client, "channels", sl_talk_fields(talk)), *channel;
    size_t i;
    if (answer == NULL)
        return;
    json_decref(talk->channels);
    talk->channels = json_array();
    json_array_foreach (json_object_get(answer, "channels"), i, channel) {
        char *name = sl_output_format("#%s", sl_ask_text(channel, "name"));
        json_array_append_new(talk->channels, json_string(name));
        free(name);
    }
    json_decref(answer);
}

const char *sl_talk_word(struct sl_talk *talk, size_t at)
{
    size_t before = 0;
    while (sl_talk_command_name(before) != NULL) {
        if (before == at)
            return sl_talk_command_name(at);
        before++;
    }
    at -= before;
    if (at < json_array_size(talk->channels))
        return json_string_value(json_array_get(talk->channels, at));
    return sl_people_nick(talk->view.people, at - json_array_size(talk->channels));
}

void sl_talk_done(struct sl_talk *talk)
{
    json_decref(talk->persona);
    json_decref(talk->channels);
    sl_people_free(talk->view.people);
    sl_client_free(talk->client);
    free(talk->checked);
    free(talk->nick);
    free(talk->conversation);
    free(talk->title);
}
