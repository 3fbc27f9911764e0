#include "message.h"

#include "ask.h"
#include "output.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INDENT          6
#define EXCERPT_COLUMNS 32

char *sl_message_conversation(json_t *message)
{
    const char *channel = sl_ask_text(message, "channel");
    if (channel[0] != '\0')
        return sl_output_format("#%s", channel);
    return sl_output_format("%s", sl_ask_text(json_object_get(message, "with"), "key"));
}

int sl_message_rank(const char *state)
{
    static const char *const states[] = {"received", "queued", "relayed", "delivered", "read"};
    for (size_t i = 0; i < SL_ARRAY_LEN(states); i++)
        if (strcmp(state, states[i]) == 0)
            return (int)i;
    return -1;
}

char *sl_message_excerpt(json_t *message)
{
    char *clean = sl_output_cleaned(sl_ask_text(message, "text"), SL_CLEAN_TEXT);
    size_t at = 0, columns = 0, more = 0;
    while (clean[at] != '\0' && clean[at] != '\n') {
        size_t width = sl_output_character(clean + at, &more);
        if (columns + more > EXCERPT_COLUMNS)
            break;
        columns += more;
        at += width;
    }
    char *excerpt = sl_output_format("%.*s%s", (int)at, clean, clean[at] == '\0' ? "" : "…");
    free(clean);
    return excerpt;
}

/* A message is dated by how long ago it was written, so that its author's clock does not matter. */
static void print_time(struct sl_message_view *view, json_t *message)
{
    time_t written = time(NULL) - (time_t)json_number_value(json_object_get(message, "age"));
    struct tm parts;
    char day[sizeof(view->day)] = "", clock[8] = "";
    if (localtime_r(&written, &parts) != NULL) {
        strftime(day, sizeof(day), "%Y-%m-%d", &parts);
        strftime(clock, sizeof(clock), "%H:%M", &parts);
    }
    if (strcmp(view->day, day) != 0)
        fprintf(view->to, "%s-- %s --%s\n", sl_output_style(view->to, SL_STYLE_DIM), day,
                sl_output_style(view->to, SL_STYLE_PLAIN));
    memcpy(view->day, day, sizeof(day));
    fprintf(view->to, "%s%s%s ", sl_output_style(view->to, SL_STYLE_DIM), clock,
            sl_output_style(view->to, SL_STYLE_PLAIN));
}

/* "#general ana", "ana", or "ana → ben"; clean, to be freed. */
static char *heading(struct sl_message_view *view, json_t *message)
{
    char *conversation = sl_message_conversation(message);
    bool within = view->within != NULL && strcmp(conversation, view->within) == 0;
    bool outgoing = json_is_true(json_object_get(message, "outgoing"));
    char *author = outgoing ? sl_output_cleaned(view->own_nick, SL_CLEAN_NAME)
                            : sl_people_label(view->people, json_object_get(message, "from"));
    char *text;
    if (within) {
        text = sl_output_format("%s", author);
    } else if (conversation[0] == '#') {
        char *channel = sl_output_cleaned(conversation, SL_CLEAN_NAME);
        text = sl_output_format("%s %s", channel, author);
        free(channel);
    } else {
        char *other = outgoing ? sl_people_label(view->people, json_object_get(message, "with"))
                               : sl_output_cleaned(view->own_nick, SL_CLEAN_NAME);
        text = sl_output_format("%s → %s", author, other);
        free(other);
    }
    free(author);
    free(conversation);
    return text;
}

void sl_message_print(struct sl_message_view *view, json_t *message)
{
    print_time(view, message);
    char *head = heading(view, message);
    bool outgoing = json_is_true(json_object_get(message, "outgoing"));
    fprintf(view->to, "%s%s:%s ",
            sl_output_style(view->to, outgoing ? SL_STYLE_DIM : SL_STYLE_BOLD), head,
            sl_output_style(view->to, SL_STYLE_PLAIN));
    struct sl_flow flow = {INDENT + sl_output_width(head) + 2, INDENT, view->columns};
    sl_output_flow(view->to, sl_ask_text(message, "text"), flow);
    free(head);
    if (outgoing && view->with_state)
        fprintf(view->to, "%s  (%s)%s", sl_output_style(view->to, SL_STYLE_DIM),
                sl_ask_text(message, "state"), sl_output_style(view->to, SL_STYLE_PLAIN));
    fputc('\n', view->to);
}

void sl_message_print_json(json_t *message)
{
    json_dumpf(message, stdout, JSON_COMPACT);
    putchar('\n');
}

static bool mark_one(struct sl_client *client, json_t *persona, json_t *message)
{
    json_t *fields = json_object();
    if (persona != NULL)
        json_object_set(fields, "persona", persona);
    const char *channel = sl_ask_text(message, "channel");
    if (channel[0] != '\0')
        json_object_set_new(fields, "channel", json_string(channel));
    else
        json_object_set(fields, "with", json_object_get(json_object_get(message, "with"), "key"));
    json_object_set(fields, "number", json_object_get(message, "number"));
    json_t *answer = sl_ask(client, "read", fields);
    json_decref(answer);
    return answer != NULL;
}

static json_int_t number_of(json_t *message)
{
    return json_integer_value(json_object_get(message, "number"));
}

bool sl_message_mark_read(struct sl_client *client, json_t *persona, json_t *messages)
{
    json_t *newest = json_object(); /* conversation -> message */
    size_t i;
    json_t *message;
    const char *conversation;
    json_array_foreach (messages, i, message) {
        if (!json_is_true(json_object_get(message, "unread")))
            continue;
        char *key = sl_message_conversation(message);
        json_t *before = json_object_get(newest, key);
        if (before == NULL || number_of(message) > number_of(before))
            json_object_set(newest, key, message);
        free(key);
    }
    bool all = true;
    json_object_foreach (newest, conversation, message)
        all = mark_one(client, persona, message) && all;
    json_decref(newest);
    return all;
}
