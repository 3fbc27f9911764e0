#include "services/control_request.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- What there is to ask for ---- */

/* Each field means the same wherever it is taken. */
static const struct field {
    const char *name;
    enum { TEXT, NUMBER, TRUTH, HANDLE } type;
    const char *what; /* for people */
} fields[] = {
    {"channel", TEXT, "a text"},
    {"crl", TEXT, "a text (base64url)"},
    {"from", NUMBER, "a number from 0"},
    {"last", NUMBER, "a number from 0"},
    {"lifetime", NUMBER, "a number of seconds"},
    {"limit", NUMBER, "a number from 0"},
    {"name", TEXT, "a text"},
    {"nick", TEXT, "a text"},
    {"number", NUMBER, "the number of a message"},
    {"passphrase", TEXT, "a text"},
    {"persona", HANDLE, "a nick or the handle of a persona"},
    {"text", TEXT, "a text"},
    {"to", TEXT, "a text"},
    {"verified", TRUTH, "true or false"},
    {"with", TEXT, "a text"},
};

static void subscribe(struct sl_control_request *request)
{
    request->subscribe_all = json_object_get(request->fields, "persona") == NULL;
    request->subscribe = request->subscribe_all || sl_control_find_persona(request);
}

static const struct request_kind {
    const char *name;
    void (*handle)(struct sl_control_request *request);
    const char *fields; /* those with a ? may be left out */
} kinds[] = {
    {"status", sl_control_do_status, ""},
    {"neighbours", sl_control_do_neighbours, ""},
    {"radios", sl_control_do_radios, ""},
    {"persona.create", sl_control_do_persona_create, "nick passphrase?"},
    {"persona.unlock", sl_control_do_persona_unlock, "nick passphrase"},
    {"persona.lock", sl_control_do_persona_lock, "persona?"},
    {"persona.forget", sl_control_do_persona_forget, "persona?"},
    {"personas", sl_control_do_personas, ""},
    {"channels", sl_control_do_channels, "persona?"},
    {"channel.join", sl_control_do_channel_join, "persona? channel"},
    {"channel.create", sl_control_do_channel_create, "persona? channel"},
    {"channel.leave", sl_control_do_channel_leave, "persona? channel"},
    {"channel.link", sl_control_do_channel_link, "persona? channel"},
    {"people", sl_control_do_people, "persona? from?"},
    {"person", sl_control_do_person, "persona? name"},
    {"person.verify", sl_control_do_person_verify, "persona? name verified"},
    {"send", sl_control_do_send, "persona? channel? to? text lifetime?"},
    {"history", sl_control_do_history, "persona? from? channel? with? limit? last?"},
    {"read", sl_control_do_read, "persona? channel? with? number"},
    {"subscribe", subscribe, "persona?"},
    {"revoke", sl_control_do_revoke, "crl"},
};

/* ---- Answers ---- */

void sl_control_give(struct sl_control_request *request, const char *name, json_t *value)
{
    /* Without memory the answer lacks a part; the client sees that, and nothing breaks. */
    (void)json_object_set_new(request->answer, name, value);
}

void sl_control_fail(struct sl_control_request *request, const char *word, const char *format, ...)
{
    char text[400];
    va_list args;
    if (request->failed)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    request->failed = true;
    sl_control_give(request, "error", json_string(word));
    /* What a request quoted may have been cut inside a character. */
    if (!sl_utf8_valid((const uint8_t *)text, strlen(text)))
        for (char *at = text; *at != '\0'; at++)
            *at = (unsigned char)*at < 0x80 ? *at : '?';
    sl_control_give(request, "text", json_string(text));
}

void sl_control_fail_errno(struct sl_control_request *request, int error)
{
    if (error == -EPERM)
        sl_control_fail(request, "denied", "that persona belongs to another user");
    else if (error == -ENOMEM || error == -ENOBUFS)
        sl_control_fail(request, "full", "the node is out of memory; try again later");
    else if (error == -EIO || error == -ENOSPC || error == -EROFS)
        sl_control_fail(request, "disk",
                        "the node's disk took nothing (%s); make room or check the disk, then try "
                        "again",
                        strerror(-error));
    else
        sl_control_fail(request, "busy", "the node could not do it: %s", strerror(-error));
}

/* ---- Fields ---- */

const char *sl_control_text(const struct sl_control_request *request, const char *field)
{
    return json_string_value(json_object_get(request->fields, field));
}

int64_t sl_control_number(const struct sl_control_request *request, const char *field,
                          int64_t missing)
{
    const json_t *value = json_object_get(request->fields, field);
    return value ? json_integer_value(value) : missing;
}

/* Whether the list "nick passphrase?" names it. */
static bool list_has(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ?");
        if (word == len && memcmp(at, name, len) == 0)
            return true;
        at += strcspn(at, " ");
    }
    return false;
}

static const struct field *find_field(const char *name, size_t len)
{
    for (size_t i = 0; i < SL_ARRAY_LEN(fields); i++)
        if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0)
            return &fields[i];
    return NULL;
}

static bool type_fits(const struct field *field, const json_t *value)
{
    switch (field->type) {
    case TEXT:
        return json_is_string(value);
    case NUMBER:
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case TRUTH:
        return json_is_boolean(value);
    case HANDLE:
        return json_is_string(value) || (json_is_integer(value) && json_integer_value(value) >= 0 &&
                                         json_integer_value(value) <= UINT32_MAX);
    }
    return false;
}

static void check_unknown(struct sl_control_request *request, const struct request_kind *kind)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)request->fields, key, value) {
        if (strcmp(key, "id") != 0 && strcmp(key, "do") != 0 && !list_has(kind->fields, key))
            sl_control_fail(request, "bad-request", "'%s' does not take '%.40s'; it takes: %s",
                            kind->name, key, kind->fields[0] ? kind->fields : "nothing");
    }
}

static void check_fields(struct sl_control_request *request, const struct request_kind *kind)
{
    check_unknown(request, kind);
    for (const char *at = kind->fields; *at != '\0'; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ?");
        const struct field *field = find_field(at, len);
        const json_t *value = json_object_get(request->fields, field->name);
        bool optional = at[len] == '?';
        if (!value && !optional)
            sl_control_fail(request, "bad-request", "'%s' needs '%s', %s", kind->name, field->name,
                            field->what);
        else if (value && !type_fits(field, value))
            sl_control_fail(request, "bad-request", "'%s' has to be %s", field->name, field->what);
        at += strcspn(at, " ");
    }
}

/* ---- A request ---- */

static const struct request_kind *find_kind(struct sl_control_request *request)
{
    const char *name = sl_control_text(request, "do");
    if (!name) {
        sl_control_fail(request, "bad-request", "'do' is missing, a text such as \"status\"");
        return NULL;
    }
    for (size_t i = 0; i < SL_ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    sl_control_fail(request, "unknown",
                    "there is no request '%.40s' in this version; CONTROL.md lists them", name);
    return NULL;
}

static void run(struct sl_control_request *request)
{
    json_t *id = json_object_get(request->fields, "id");
    if (id && !json_is_number(id) && !json_is_string(id)) {
        sl_control_fail(request, "bad-request", "'id' has to be a number or a text");
        return;
    }
    sl_control_give(request, "id", json_incref(id));
    const struct request_kind *kind = find_kind(request);
    if (!kind)
        return;
    request->name = kind->name;
    check_fields(request, kind);
    if (!request->failed)
        kind->handle(request);
}

json_t *sl_control_handle(struct sl_control_request *request, const char *line, size_t len)
{
    json_error_t error;
    json_t *fields_read = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    request->answer = json_object();
    request->fields = fields_read;
    if (!fields_read)
        sl_control_fail(request, "bad-request", "not JSON: %s (at byte %d of the line)", error.text,
                        error.position);
    else if (!json_is_object(fields_read))
        sl_control_fail(request, "bad-request",
                        "a request is one JSON object, such as {\"do\": \"status\"}");
    else
        run(request);
    json_decref(fields_read);
    request->fields = NULL;
    if (request->answer &&
        json_object_set_new(request->answer, "ok", json_boolean(!request->failed)))
        json_decref(request->answer), request->answer = NULL;
    return request->answer;
}
