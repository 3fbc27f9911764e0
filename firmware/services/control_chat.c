/* Personas, channels, and what is written. */
#include "services/control_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_LIMIT 100         /* messages in an answer, unless the request says otherwise */
#define ANSWER_BYTES  (60 * 1024) /* of SL_CONTROL_LINE_MAX, for the list in an answer */

/* ---- Personas ---- */

static bool persona_info(const struct sl_control_request *request, uint32_t persona,
                         struct sl_persona_info *ret_info)
{
    for (size_t i = 0; sl_chat_persona(request->config->chat, request->uid, i, ret_info) == 0; i++)
        if (ret_info->persona == persona)
            return true;
    return false;
}

static bool use_persona(struct sl_control_request *request, const struct sl_persona_info *info)
{
    request->persona = info->persona;
    memcpy(request->persona_key, info->key, SL_KEY_LEN);
    return true;
}

static bool only_persona(struct sl_control_request *request)
{
    struct sl_persona_info info, second;
    if (sl_chat_persona(request->config->chat, request->uid, 0, &info) < 0)
        sl_control_fail(request, "no-persona",
                        "you are nobody here yet; make a persona, or unlock the one you kept");
    else if (sl_chat_persona(request->config->chat, request->uid, 1, &second) == 0)
        sl_control_fail(request, "no-persona",
                        "you have several personas (%s, %s, …); say which one in 'persona'",
                        info.nick, second.nick);
    else
        return use_persona(request, &info);
    return false;
}

bool sl_control_find_persona(struct sl_control_request *request)
{
    const json_t *wanted = json_object_get(request->fields, "persona");
    struct sl_persona_info info;
    if (!wanted)
        return only_persona(request);
    const char *nick = json_string_value(wanted);
    for (size_t i = 0; sl_chat_persona(request->config->chat, request->uid, i, &info) == 0; i++)
        if (nick ? strcmp(info.nick, nick) == 0 : info.persona == json_integer_value(wanted))
            return use_persona(request, &info);
    if (nick)
        sl_control_fail(request, "no-persona",
                        "no persona '%.40s' of yours is open here; unlock it if it was kept, else "
                        "make it",
                        nick);
    else
        sl_control_fail(request, "no-persona",
                        "that persona is not yours, or was locked or forgotten meanwhile");
    return false;
}

static void give_persona(struct sl_control_request *request, uint32_t persona)
{
    struct sl_persona_info info;
    if (persona_info(request, persona, &info))
        sl_control_give(request, "persona", sl_control_persona_json(&info));
}

void sl_control_do_persona_create(struct sl_control_request *request)
{
    const char *nick = sl_control_text(request, "nick");
    uint32_t persona;
    int error = sl_chat_create(request->config->chat, request->uid, nick,
                               sl_control_text(request, "passphrase"), request->now, &persona);
    switch (error) {
    case 0:
        give_persona(request, persona);
        break;
    case -EEXIST:
        sl_control_fail(request, "exists",
                        "there is a persona '%.40s' here already; unlock it if it was kept, else "
                        "take another nick",
                        nick);
        break;
    case -EINVAL:
        sl_control_fail(request, "bad-request",
                        "'nick' has to be 1 to %d bytes of plain text that does not start with '#'",
                        SL_NICK_MAX);
        break;
    case -ERANGE:
        sl_control_fail(request, "bad-request",
                        "'passphrase' has to be at least %d bytes long: the board may be seized "
                        "with your messages on it",
                        SL_PASSPHRASE_MIN);
        break;
    case -ENOSPC:
        sl_control_fail(request, "full",
                        "this node has no place for another persona (%d at most), or its disk is "
                        "full",
                        SL_PERSONAS_MAX);
        break;
    default:
        sl_control_fail_errno(request, error);
    }
}

void sl_control_do_persona_unlock(struct sl_control_request *request)
{
    const char *nick = sl_control_text(request, "nick");
    uint32_t persona = UINT32_MAX;
    struct sl_persona_info info;
    int error = sl_chat_unlock(request->config->chat, request->uid, nick,
                               sl_control_text(request, "passphrase"), request->now, &persona);
    switch (error) {
    case 0:
        give_persona(request, persona);
        break;
    case -EALREADY:
        if (persona_info(request, persona, &info))
            sl_control_give(request, "persona", sl_control_persona_json(&info));
        else
            sl_control_fail(request, "denied", "another user of this node has '%.40s' open", nick);
        break;
    case -ENOENT:
        sl_control_fail(request, "not-found",
                        "no persona '%.40s' was kept on this node; nicks are spelt exactly", nick);
        break;
    case -EACCES:
        sl_control_fail(request, "wrong-passphrase", "that is not the passphrase of '%.40s'", nick);
        break;
    case -ENOSPC:
        sl_control_fail(request, "full",
                        "this node has no place for another open persona (%d at "
                        "most); lock one first",
                        SL_PERSONAS_MAX);
        break;
    default:
        sl_control_fail_errno(request, error);
    }
}

void sl_control_do_persona_lock(struct sl_control_request *request)
{
    if (!sl_control_find_persona(request))
        return;
    int error = sl_chat_lock(request->config->chat, request->uid, request->persona);
    if (error < 0)
        sl_control_fail_errno(request, error);
}

void sl_control_do_persona_forget(struct sl_control_request *request)
{
    if (!sl_control_find_persona(request))
        return;
    int error = sl_chat_forget(request->config->chat, request->uid, request->persona);
    if (error < 0)
        sl_control_fail_errno(request, error);
}

void sl_control_do_personas(struct sl_control_request *request)
{
    struct sl_persona_info info;
    json_t *list = json_array();
    for (size_t i = 0; sl_chat_persona(request->config->chat, request->uid, i, &info) == 0; i++)
        json_array_append_new(list, sl_control_persona_json(&info));
    sl_control_give(request, "personas", list);
}

/* ---- Channels ---- */

static const char *without_hash(const char *name)
{
    return name && name[0] == '#' ? name + 1 : name;
}

void sl_control_do_channels(struct sl_control_request *request)
{
    struct sl_channel_info info;
    if (!sl_control_find_persona(request))
        return;
    json_t *list = json_array();
    for (size_t i = 0;
         sl_chat_channel(request->config->chat, request->uid, request->persona, i, &info) == 0; i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:I}", "name", info.name, "private",
                                              info.is_private, "unread", (json_int_t)info.unread));
    sl_control_give(request, "channels", list);
}

static void fail_channel(struct sl_control_request *request, int error)
{
    const char *name = without_hash(sl_control_text(request, "channel"));
    if (error == -EINVAL)
        sl_control_fail(request, "bad-request",
                        "'channel' has to be a name of 1 to %d bytes of plain text, or a link "
                        "starling:channel/NAME#KEY copied whole",
                        SL_CHANNEL_NAME_MAX);
    else if (error == -EEXIST)
        sl_control_fail(request, "exists",
                        "this persona has a channel of that name already; leave it first if the "
                        "new one is meant");
    else if (error == -ENOENT)
        sl_control_fail(request, "not-found", "this persona is not in #%.40s; join it first", name);
    else if (error == -ENODATA)
        sl_control_fail(request, "bad-request",
                        "#%.40s is public and needs no link: whoever is in the network joins it by "
                        "its name",
                        name);
    else if (error == -ENOSPC)
        sl_control_fail(request, "full", "a persona may be in %d channels; leave one first",
                        SL_CHANNELS_MAX);
    else
        sl_control_fail_errno(request, error);
}

void sl_control_do_channel_join(struct sl_control_request *request)
{
    if (!sl_control_find_persona(request))
        return;
    int error = sl_chat_join(request->config->chat, request->uid, request->persona,
                             sl_control_text(request, "channel"), request->now);
    if (error < 0)
        fail_channel(request, error);
}

static void give_link(struct sl_control_request *request)
{
    char link[SL_CHANNEL_LINK_MAX];
    int error =
        sl_chat_channel_link(request->config->chat, request->uid, request->persona,
                             without_hash(sl_control_text(request, "channel")), link, sizeof(link));
    if (error < 0)
        fail_channel(request, error);
    else
        sl_control_give(request, "link", json_string(link));
}

void sl_control_do_channel_create(struct sl_control_request *request)
{
    if (!sl_control_find_persona(request))
        return;
    int error =
        sl_chat_make_private(request->config->chat, request->uid, request->persona,
                             without_hash(sl_control_text(request, "channel")), request->now);
    if (error < 0)
        fail_channel(request, error);
    else
        give_link(request);
}

void sl_control_do_channel_leave(struct sl_control_request *request)
{
    if (!sl_control_find_persona(request))
        return;
    int error = sl_chat_leave(request->config->chat, request->uid, request->persona,
                              without_hash(sl_control_text(request, "channel")));
    if (error < 0)
        fail_channel(request, error);
}

void sl_control_do_channel_link(struct sl_control_request *request)
{
    if (sl_control_find_persona(request))
        give_link(request);
}

/* ---- Messages ---- */

static void fail_unreachable(struct sl_control_request *request, const struct sl_person *person)
{
    char silence[32];
    sl_control_duration(request->now - person->last_heard, silence, sizeof(silence));
    sl_control_fail(request, "unreachable",
                    "%s was last heard %s ago, and messages can be sealed only to somebody heard "
                    "within a day; they have to be near again first",
                    person->nick, silence);
}

static void fail_send(struct sl_control_request *request, int error, const struct sl_person *person)
{
    if (error == -EHOSTUNREACH)
        fail_unreachable(request, person);
    else if (error == -EINVAL)
        sl_control_fail(request, "bad-request", "'text' is empty");
    else if (error == -EMSGSIZE)
        sl_control_fail(request, "too-long",
                        "a message may have %d bytes; this one has %zu, so send it in pieces",
                        SL_TEXT_MAX, strlen(sl_control_text(request, "text")));
    else if (error == -ENOENT && !person->nick[0])
        fail_channel(request, error);
    else if (error == -ENOENT)
        sl_control_fail(request, "not-found", "%s is not known here any more", person->nick);
    else
        sl_control_fail_errno(request, error);
}

/* The message as the history has it, with its text. */
static void give_message(struct sl_control_request *request, struct sl_message *message)
{
    struct sl_message kept;
    if (sl_chat_history(request->config->chat, request->uid, request->persona, message->number,
                        &kept) == 0 &&
        kept.number == message->number)
        *message = kept;
    sl_control_give(request, "message", sl_control_message_json(request, message));
}

void sl_control_do_send(struct sl_control_request *request)
{
    const char *channel = without_hash(sl_control_text(request, "channel"));
    const char *to = sl_control_text(request, "to");
    const char *text = sl_control_text(request, "text");
    int64_t lifetime = sl_control_number(request, "lifetime", 0);
    struct sl_person person = {0};
    struct sl_message message = {0};
    if (!channel == !to)
        sl_control_fail(request, "bad-request", "'send' needs either 'channel' or 'to'");
    else if (lifetime > SL_LIFETIME_MAX / SL_SECOND)
        sl_control_fail(request, "bad-request", "'lifetime' may be a week (%d s) at most",
                        (int)(SL_LIFETIME_MAX / SL_SECOND));
    if (request->failed || !sl_control_find_persona(request) ||
        (to && !sl_control_find_person(request, "to", &person)))
        return;

    const struct sl_text sent = {.to = {.channel = channel, .person = to ? person.key : NULL},
                                 .bytes = text,
                                 .len = strlen(text),
                                 .lifetime = (uint32_t)lifetime};
    int error = sl_chat_send(request->config->chat, request->uid, request->persona, &sent,
                             request->now, &message);
    if (error < 0)
        fail_send(request, error, &person);
    else
        give_message(request, &message);
}

/* Which messages of a history are asked for. */
struct filter {
    const char *channel;          /* NULL: all */
    const struct sl_person *with; /* NULL: all */
};

static bool passes(const struct filter *filter, const struct sl_message *message)
{
    if (filter->channel && (message->direct || strcmp(filter->channel, message->channel) != 0))
        return false;
    return !filter->with ||
           (message->direct && memcmp(filter->with->key, message->person, SL_KEY_LEN) == 0);
}

static bool next_message(const struct sl_control_request *request, const struct filter *filter,
                         uint64_t *from, struct sl_message *ret_message)
{
    while (sl_chat_history(request->config->chat, request->uid, request->persona, *from,
                           ret_message) == 0) {
        *from = ret_message->number + 1;
        if (passes(filter, ret_message))
            return true;
    }
    return false;
}

/* The number of the first of the `last` newest messages. */
static uint64_t start_of_last(const struct sl_control_request *request, const struct filter *filter,
                              int64_t last)
{
    struct sl_message message;
    uint64_t from = 0;
    int64_t count = 0;
    while (next_message(request, filter, &from, &message))
        count++;
    uint64_t start = 0;
    for (int64_t skip = count - last; skip > 0; skip--)
        next_message(request, filter, &start, &message);
    return start;
}

static size_t json_size(const json_t *value)
{
    return json_dumpb(value, NULL, 0, JSON_COMPACT);
}

static void give_history(struct sl_control_request *request, const struct filter *filter,
                         uint64_t from, int64_t limit)
{
    struct sl_message message;
    json_t *list = json_array();
    json_t *next = NULL;
    size_t bytes = 0;
    while (!next && next_message(request, filter, &from, &message)) {
        json_t *object = sl_control_message_json(request, &message);
        bytes += json_size(object) + 1;
        if (json_array_size(list) > 0 && (bytes > ANSWER_BYTES || limit == 0)) {
            json_decref(object);
            next = json_integer((json_int_t)message.number);
        } else {
            json_array_append_new(list, object);
            limit--;
        }
    }
    sl_control_give(request, "messages", list);
    sl_control_give(request, "next", next ? next : json_null());
}

void sl_control_do_history(struct sl_control_request *request)
{
    struct sl_person person;
    struct filter filter = {.channel = without_hash(sl_control_text(request, "channel"))};
    int64_t last = sl_control_number(request, "last", -1);
    int64_t limit = sl_control_number(request, "limit", last > 0 ? last : HISTORY_LIMIT);
    uint64_t from = (uint64_t)sl_control_number(request, "from", 0);
    if (filter.channel && sl_control_text(request, "with"))
        sl_control_fail(request, "bad-request", "'history' takes 'channel' or 'with', not both");
    if (limit == 0 || last == 0)
        sl_control_fail(request, "bad-request", "'limit' and 'last' begin at 1");
    if (request->failed || !sl_control_find_persona(request))
        return;
    if (sl_control_text(request, "with")) {
        if (!sl_control_find_person(request, "with", &person))
            return;
        filter.with = &person;
    }
    if (last > 0)
        from = start_of_last(request, &filter, last);
    give_history(request, &filter, from, limit);
}

void sl_control_do_read(struct sl_control_request *request)
{
    const char *channel = without_hash(sl_control_text(request, "channel"));
    const char *with = sl_control_text(request, "with");
    struct sl_person person;
    if (!channel == !with)
        sl_control_fail(request, "bad-request", "'read' needs either 'channel' or 'with'");
    if (request->failed || !sl_control_find_persona(request) ||
        (with && !sl_control_find_person(request, "with", &person)))
        return;
    const struct sl_conversation read = {.channel = channel, .person = with ? person.key : NULL};
    int error = sl_chat_mark_read(request->config->chat, request->uid, request->persona, &read,
                                  (uint64_t)sl_control_number(request, "number", 0), request->now);
    if (error == -ENOENT && channel)
        fail_channel(request, error);
    else if (error < 0 &&
             error != -ENOENT) /* nothing was written with that person: nothing to read */
        sl_control_fail_errno(request, error);
}
