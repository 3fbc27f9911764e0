/* People: who is meant by a name, and who is here. */
#include "services/control_request.h"

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define PEOPLE_LIMIT   200 /* in an answer: about 250 bytes each */
#define CANDIDATES_MAX 5

/* ---- Names that come near ---- */

/* Levenshtein's distance of two short texts, without regard to the case of ASCII. */
static size_t distance(const char *a, const char *b)
{
    size_t row[SL_NICK_MAX + 1];
    size_t a_len = sl_min_size(strlen(a), SL_NICK_MAX), b_len = sl_min_size(strlen(b), SL_NICK_MAX);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            row[j] = sl_min_size(diagonal + !same, sl_min_size(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_len];
}

/* Adds those people whose nick is at most that far from the name. */
static json_t *candidates(const struct sl_control_request *request, const char *name, size_t most)
{
    struct sl_person person;
    json_t *list = json_array();
    for (size_t far = 0; far <= most; far++)
        for (size_t i = 0;
             json_array_size(list) < CANDIDATES_MAX &&
             sl_chat_person(request->config->chat, request->uid, request->persona, i, &person) == 0;
             i++)
            if (distance(person.nick, name) == far)
                json_array_append_new(list, sl_control_person_json(&person, request->now));
    return list;
}

static void fail_not_found(struct sl_control_request *request, const char *name)
{
    json_t *near = candidates(request, name, strlen(name) < 4 ? 1 : 2);
    const char *first = json_string_value(json_object_get(json_array_get(near, 0), "nick"));
    if (first)
        sl_control_fail(request, "not-found", "nobody called '%.40s' was heard; did you mean %s?",
                        name, first);
    else
        sl_control_fail(request, "not-found",
                        "nobody called '%.40s' was heard; people show up once a message of theirs "
                        "or their announcement has come this far",
                        name);
    sl_control_give(request, "candidates", near);
}

static void fail_not_unique(struct sl_control_request *request, const char *name)
{
    sl_control_fail(request, "not-unique",
                    "several people call themselves '%.40s'; add the code, as in NICK.CODE", name);
    sl_control_give(request, "candidates", candidates(request, name, 0));
}

bool sl_control_find_person(struct sl_control_request *request, const char *field,
                            struct sl_person *ret_person)
{
    const char *name = sl_control_text(request, field);
    uint8_t key[SL_KEY_LEN];
    struct sl_chat *chat = request->config->chat;
    int error = sl_hex_decode(name, key, sizeof(key)) == 0
                    ? sl_chat_person_by_key(chat, request->uid, request->persona, key, ret_person)
                    : sl_chat_find(chat, request->uid, request->persona, name, ret_person);
    if (error == -ENOENT)
        fail_not_found(request, name);
    else if (error == -ENOTUNIQ)
        fail_not_unique(request, name);
    else if (error < 0)
        sl_control_fail_errno(request, error);
    return error == 0;
}

/* ---- Requests ---- */

void sl_control_do_people(struct sl_control_request *request)
{
    struct sl_person person;
    if (!sl_control_find_persona(request))
        return;
    json_t *list = json_array();
    json_t *next = NULL;
    for (size_t i = (size_t)sl_control_number(request, "from", 0);
         !next &&
         sl_chat_person(request->config->chat, request->uid, request->persona, i, &person) == 0;
         i++) {
        if (json_array_size(list) == PEOPLE_LIMIT)
            next = json_integer((json_int_t)i);
        else
            json_array_append_new(list, sl_control_person_json(&person, request->now));
    }
    sl_control_give(request, "people", list);
    sl_control_give(request, "next", next ? next : json_null());
}

void sl_control_do_person(struct sl_control_request *request)
{
    struct sl_person person;
    char code[SL_AUTH_CODE_LEN];
    if (!sl_control_find_persona(request) || !sl_control_find_person(request, "name", &person))
        return;
    int error =
        sl_chat_auth_code(request->config->chat, request->uid, request->persona, person.key, code);
    if (error < 0) {
        sl_control_fail_errno(request, error);
        return;
    }
    sl_control_give(request, "person", sl_control_person_json(&person, request->now));
    sl_control_give(request, "auth_code", json_string(code));
}

void sl_control_do_person_verify(struct sl_control_request *request)
{
    struct sl_person person;
    if (!sl_control_find_persona(request) || !sl_control_find_person(request, "name", &person))
        return;
    bool verified = json_is_true(json_object_get(request->fields, "verified"));
    int error = sl_chat_verify(request->config->chat, request->uid, request->persona, person.key,
                               verified, request->now);
    if (error < 0) {
        sl_control_fail_errno(request, error);
        return;
    }
    sl_chat_person_by_key(request->config->chat, request->uid, request->persona, person.key,
                          &person);
    sl_control_give(request, "person", sl_control_person_json(&person, request->now));
}
