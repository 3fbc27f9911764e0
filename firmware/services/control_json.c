#include "services/control_request.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

json_t *sl_control_hex(const uint8_t *bytes, size_t len)
{
    char text[2 * SL_KEY_LEN + 1];
    sl_hex_encode(bytes, sl_min_size(len, SL_KEY_LEN), text);
    return json_string(text);
}

json_t *sl_control_shown(const char *text)
{
    return text && sl_text_showable((const uint8_t *)text, strlen(text)) ? json_string(text)
                                                                         : json_null();
}

void sl_control_duration(sl_time duration, char *ret_text, size_t cap)
{
    if (duration < 2 * SL_MINUTE)
        snprintf(ret_text, cap, "%d s", (int)(duration / SL_SECOND));
    else if (duration < 2 * SL_HOUR)
        snprintf(ret_text, cap, "%d min", (int)(duration / SL_MINUTE));
    else if (duration < 2 * SL_DAY)
        snprintf(ret_text, cap, "%d h", (int)(duration / SL_HOUR));
    else
        snprintf(ret_text, cap, "%d days", (int)(duration / SL_DAY));
}

static json_t *seconds_since(sl_time then, sl_time now)
{
    return json_integer(now > then ? (now - then) / SL_SECOND : 0);
}

json_t *sl_control_persona_json(const struct sl_persona_info *info)
{
    return json_pack("{s:I, s:s, s:s, s:o, s:b, s:I}", "persona", (json_int_t)info->persona, "nick",
                     info->nick, "code", info->code, "key",
                     sl_control_hex(info->key, sizeof(info->key)), "kept", info->kept, "unread",
                     (json_int_t)info->unread);
}

json_t *sl_control_person_json(const struct sl_person *person, sl_time now)
{
    return json_pack("{s:s, s:s, s:o, s:b, s:b, s:b, s:o}", "nick", person->nick, "code",
                     person->code, "key", sl_control_hex(person->key, sizeof(person->key)),
                     "verified", person->verified, "local", person->local, "writable",
                     person->writable, "silent_for", seconds_since(person->last_heard, now));
}

/* Somebody of whom only the key is left: the table of people gave them up. */
static json_t *person_of_key(const struct sl_control_request *request,
                             const uint8_t key[SL_KEY_LEN])
{
    struct sl_person person = {.nick = "?", .code = "?"};
    memcpy(person.key, key, SL_KEY_LEN);
    sl_chat_person_by_key(request->config->chat, request->uid, request->persona, key, &person);
    return sl_control_person_json(&person, request->now);
}

json_t *sl_control_message_json(const struct sl_control_request *request,
                                const struct sl_message *message)
{
    /* In a channel `person` is the author; in a direct conversation it is the other side. */
    const uint8_t *author =
        message->direct && message->outgoing ? request->persona_key : message->person;
    json_t *object = json_pack(
        "{s:I, s:o, s:I, s:s?, s:o, s:o, s:b, s:s, s:b, s:b, s:I, s:o}", "number",
        (json_int_t)message->number, "id", sl_control_hex(message->id, sizeof(message->id)),
        "persona", (json_int_t)request->persona, "channel",
        message->direct ? NULL : message->channel, "with",
        message->direct ? person_of_key(request, message->person) : json_null(), "from",
        person_of_key(request, author), "outgoing", message->outgoing, "state",
        sl_message_state_name(message->state), "durable", message->durable, "unread",
        message->unread, "created", (json_int_t)message->created, "age",
        seconds_since(message->at, request->now));
    if (message->text)
        json_object_set_new(object, "text", json_stringn(message->text, message->text_len));
    return object;
}
