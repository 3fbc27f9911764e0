#include "ask.h"

#include "output.h"
#include "people.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void tell_unreachable(int rc, const char *path)
{
    switch (rc) {
    case -ENOENT:
    case -ECONNREFUSED:
        sl_output_error(
            "starlingd is not running: nothing answers at %s.\n"
            "  Start it:  sudo systemctl start starlingd   or  starlingd -c starlingd.conf\n"
            "  If it runs elsewhere, say where:  --socket PATH, or $STARLING_SOCKET",
            path);
        break;
    case -EACCES:
    case -EPERM:
        sl_output_error("you may not talk to starlingd at %s.\n"
                        "  Its group may:  sudo usermod -aG starling $USER   and log in again.",
                        path);
        break;
    case -ENAMETOOLONG:
        sl_output_error("%s is too long for a socket: at most 107 bytes.", path);
        break;
    case -EAGAIN:
        sl_output_error("starlingd at %s is too busy to answer. Try again.", path);
        break;
    default:
        sl_output_error("starlingd cannot be reached at %s: %s.", path, strerror(-rc));
        break;
    }
}

struct sl_client *sl_ask_open(const struct sl_settings *settings)
{
    struct sl_client *client = NULL;
    char *path = NULL;
    int rc = sl_client_open(settings->socket, &client, &path);
    if (rc < 0)
        tell_unreachable(rc, path != NULL ? path : "its socket");
    free(path);
    return client;
}

json_t *sl_ask_fields(const struct sl_settings *settings)
{
    json_t *fields = json_object();
    if (settings->persona != NULL)
        json_object_set_new(fields, "persona", json_string(settings->persona));
    return fields;
}

const char *sl_ask_text(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

int64_t sl_ask_number(json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

void sl_ask_target(json_t *fields, const char *target, const char *person_key)
{
    if (target[0] == '#')
        json_object_set_new(fields, "channel", json_string(target + 1));
    else
        json_object_set_new(fields, person_key, json_string(target));
}

/* ---- Failures ---- */

static void tell_transport(int rc)
{
    switch (rc) {
    case -EPIPE:
        sl_output_error("starlingd closed the connection: it was stopped, or is too busy.");
        break;
    case -ETIMEDOUT:
        sl_output_error("starlingd does not answer. See its log: journalctl -u starlingd");
        break;
    case -EPROTO:
        sl_output_error("what answers at that socket is not starlingd, or not of this version.");
        break;
    case -EMSGSIZE:
        sl_output_error("that is too long: at most 10,000 bytes of text fit into a message.");
        break;
    default:
        sl_output_error("talking to starlingd failed: %s.", strerror(-rc));
        break;
    }
}

/* "a, b or c" of the names in a list that is near to `name`, to be freed; NULL. */
static char *near_names(json_t *list, const char *key, const char *name)
{
    size_t count = json_array_size(list);
    const char **names = calloc(count + 1, sizeof(*names));
    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        names[i] = sl_ask_text(json_array_get(list, i), key);
    char *near = sl_args_suggest(name, names, count);
    free(names);
    return near;
}

/* The people that an answer offers instead, as an indented list. */
static char *candidate_lines(json_t *candidates)
{
    char *text = sl_output_format("%s", "");
    size_t i;
    json_t *person;
    json_array_foreach (candidates, i, person) {
        char *label = sl_people_full_name(person);
        char *longer = sl_output_format("%s\n    %s", text, label);
        free(label);
        free(text);
        text = longer;
    }
    return text;
}

/* Asks for one of the caller's own lists, for a suggestion. */
static char *suggest_own(struct sl_client *client, const char *what, const char *key,
                         json_t *fields, const char *name)
{
    json_t *answer = NULL, *own = json_object();
    json_t *persona = json_object_get(fields, "persona");
    if (persona != NULL && strcmp(what, "personas") != 0)
        json_object_set(own, "persona", persona);
    char *near = NULL;
    if (sl_client_call(client, what, own, &answer) == 0)
        near = near_names(json_object_get(answer, what), key, name);
    json_decref(answer);
    return near;
}

static void tell_not_found(struct sl_client *client, json_t *fields, json_t *answer)
{
    json_t *candidates = json_object_get(answer, "candidates");
    const char *text = sl_ask_text(answer, "text");
    if (json_array_size(candidates) > 1) {
        char *lines = candidate_lines(candidates);
        sl_output_error("%s\n  Names that are near:%s", text, lines);
        free(lines);
        return;
    }
    const char *channel = sl_ask_text(fields, "channel"), *persona = sl_ask_text(fields, "persona");
    char *near = NULL;
    if (channel[0] != '\0')
        near = suggest_own(client, "channels", "name", fields, channel);
    else if (persona[0] != '\0')
        near = suggest_own(client, "personas", "nick", fields, persona);
    if (near != NULL)
        sl_output_error("%s\n  Did you mean %s?", text, near);
    else
        sl_output_error("%s", text);
    free(near);
}

/* `asked` is the nick or the handle that was given, or NULL. */
static void tell_no_persona(struct sl_client *client, json_t *asked, const char *text)
{
    json_t *answer = NULL;
    bool listed = sl_client_call(client, "personas", NULL, &answer) == 0;
    json_t *own = listed ? json_object_get(answer, "personas") : NULL;
    const char *nick = json_string_value(asked);
    char *near = nick != NULL ? near_names(own, "nick", nick) : NULL;
    if (near != NULL)
        sl_output_error("%s\n  Did you mean %s?", text, near);
    else if (json_array_size(own) == 0)
        sl_output_error("you have no persona on this node yet.\n"
                        "  Make one:                starling persona create NICK\n"
                        "  or bring a kept one back: starling persona unlock NICK");
    else if (asked != NULL || json_array_size(own) == 1)
        sl_output_error("%s", text);
    else
        sl_output_error("you have %zu personas here. Say which one: --as %s", json_array_size(own),
                        sl_ask_text(json_array_get(own, 0), "nick"));
    free(near);
    json_decref(answer);
}

void sl_ask_explain(struct sl_client *client, int rc, json_t *fields, json_t *answer)
{
    if (rc != -EREMOTEIO) {
        tell_transport(rc);
        return;
    }
    const char *word = sl_ask_text(answer, "error"), *text = sl_ask_text(answer, "text");
    const char *nick = sl_ask_text(fields, "nick");
    nick = nick[0] != '\0' ? nick : sl_ask_text(fields, "persona");
    if (strcmp(word, "not-found") == 0) {
        tell_not_found(client, fields, answer);
    } else if (strcmp(word, "no-persona") == 0) {
        tell_no_persona(client, json_object_get(fields, "persona"), text);
    } else if (strcmp(word, "not-unique") == 0) {
        char *lines = candidate_lines(json_object_get(answer, "candidates"));
        sl_output_error("%s\n  Say which one, with the code:%s", text, lines);
        free(lines);
    } else if (strcmp(word, "locked") == 0) {
        sl_output_error("%s\n  Unlock it: starling persona unlock %s", text,
                        nick[0] != '\0' ? nick : "NICK");
    } else if (strcmp(word, "unknown") == 0) {
        sl_output_error(
            "%s\n  starlingd may be older than this command: compare starling --version "
            "with starlingd --version.",
            text);
    } else {
        sl_output_error("%s", text[0] != '\0' ? text : word);
    }
}

/* ---- Asking ---- */

json_t *sl_ask(struct sl_client *client, const char *what, json_t *fields)
{
    json_t *answer = NULL;
    fields = fields != NULL ? fields : json_object();
    int rc = sl_client_call(client, what, json_incref(fields), &answer);
    if (rc < 0) {
        sl_ask_explain(client, rc, fields, answer);
        json_decref(answer);
        answer = NULL;
    }
    json_decref(fields);
    return answer;
}

json_t *sl_ask_once(const struct sl_settings *settings, const char *what, json_t *fields)
{
    struct sl_client *client = sl_ask_open(settings);
    if (client == NULL) {
        json_decref(fields);
        return NULL;
    }
    json_t *answer = sl_ask(client, what, fields);
    sl_client_free(client);
    return answer;
}

void sl_ask_print(json_t *answer)
{
    json_object_del(answer, "id");
    json_object_del(answer, "ok");
    json_dumpf(answer, stdout, JSON_INDENT(2));
    putchar('\n');
}

json_t *sl_ask_all(struct sl_client *client, const char *what, json_t *fields, const char *key)
{
    json_t *all = json_array();
    json_t *next = NULL;
    do {
        json_t *page_fields = json_copy(fields);
        if (next != NULL)
            json_object_set_new(page_fields, "from", next);
        next = NULL;
        json_t *answer = sl_ask(client, what, page_fields);
        if (answer == NULL) {
            json_decref(all);
            json_decref(fields);
            return NULL;
        }
        json_t *page = json_object_get(answer, key);
        json_array_extend(all, page);
        if (json_array_size(page) > 0 && json_is_integer(json_object_get(answer, "next")))
            next = json_incref(json_object_get(answer, "next"));
        json_decref(answer);
    } while (next != NULL);
    json_decref(fields);
    return json_pack("{so}", key, all);
}
