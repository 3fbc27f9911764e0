/* What goes out: cut into parts, sealed, published, kept. */
#include "chat/internal.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

int sl_chat_publish(struct sl_chat *chat, const struct sl_persona *persona,
                    const struct sl_outgoing *outgoing, sl_time now, uint8_t ret_id[SL_ID_LEN])
{
    struct sl_draft draft = {.kind = outgoing->kind,
                             .created = outgoing->created,
                             .lifetime = outgoing->lifetime,
                             .payload = outgoing->payload,
                             .payload_len = outgoing->payload_len,
                             .sync = outgoing->sync,
                             .destination = outgoing->destination,
                             .answers = outgoing->answers};
    chat->publishing = persona;
    int error = chat->mesh.publish(chat->mesh.ctx, &draft, now, ret_id);
    chat->publishing = NULL;
    return error;
}

/* A text on its way out. */
struct sending {
    struct sl_chat *chat;
    struct sl_persona *persona;
    const struct sl_channel *channel; /* NULL: direct */
    struct sl_person_entry *person;   /* NULL: channel */
    uint32_t lifetime;
    sl_time now;
    struct sl_record *record;
    size_t part;      /* which is being sent */
    uint64_t created; /* and the creation time of its envelope */
};

static int check_text(const struct sl_text *text)
{
    if (text->len > SL_TEXT_MAX)
        return -EMSGSIZE;
    if (text->len == 0 || !sl_utf8_valid((const uint8_t *)text->bytes, text->len) ||
        text->lifetime > SL_LIFETIME_MAX / SL_SECOND)
        return -EINVAL;
    return 0;
}

/* Length of the payload. Draws a receipt key for a direct message. */
static int seal(const struct sending *s, const uint8_t *content, size_t len,
                uint8_t ret_payload[SL_PAYLOAD_MAX])
{
    const struct sl_primitives *p = &s->chat->config.primitives;
    struct sl_stamp stamp = {.created = s->created};
    memcpy(stamp.origin, s->chat->mesh.origin, SL_ORIGIN_LEN);
    if (s->channel) {
        struct sl_channel_draft draft = {.stamp = stamp,
                                         .author = s->persona->key,
                                         .author_seed = s->persona->profile.seed,
                                         .content = content,
                                         .content_len = len};
        return (int)sl_channel_seal(p, s->channel, &draft, ret_payload);
    }
    uint8_t *receipt_key = s->record->parts[s->part].receipt_key;
    p->random(p->ctx, receipt_key, SL_RECEIPT_KEY_LEN);
    struct sl_direct_draft draft = {.stamp = stamp,
                                    .sender = s->persona->key,
                                    .sender_secret = s->persona->profile.box_secret,
                                    .recipient = s->person->announcement.key,
                                    .prekey = s->person->announcement.prekey,
                                    .receipt_key = receipt_key,
                                    .content = content,
                                    .content_len = len};
    return sl_direct_seal(p, &s->chat->config.sealing, &draft, ret_payload);
}

/* One envelope. The last one is synced, and with it all before. */
static int send_content(struct sending *s, const struct sl_content *content)
{
    const struct sl_primitives *p = &s->chat->config.primitives;
    uint8_t bytes[SL_CHANNEL_CONTENT_MAX], payload[SL_PAYLOAD_MAX];
    int len = sl_content_encode(content, bytes, sizeof(bytes));
    assert(len > 0);
    s->created = s->chat->mesh.next_created(s->chat->mesh.ctx, s->now);
    int payload_len = seal(s, bytes, (size_t)len, payload);
    p->wipe(p->ctx, bytes, sizeof(bytes));
    if (payload_len < 0)
        return -EHOSTUNREACH;
    struct sl_outgoing outgoing = {
        .kind = s->channel ? SL_ENVELOPE_CHANNEL : SL_ENVELOPE_DIRECT,
        .created = s->created,
        .lifetime = s->lifetime,
        .payload = payload,
        .payload_len = (size_t)payload_len,
        .sync = s->part + 1 == s->record->part_count,
        .destination = s->person ? sl_person_origin(s->person) : NULL,
    };
    int error =
        sl_chat_publish(s->chat, s->persona, &outgoing, s->now, s->record->parts[s->part].id);
    if (sl_publish_failed(error))
        return error;
    if (error < 0)
        s->record->message.durable = false;
    if (s->part == 0)
        s->record->message.created = s->created;
    return 0;
}

static int send_all(struct sending *s, const size_t *ends)
{
    struct sl_record *record = s->record;
    const struct sl_primitives *p = &s->chat->config.primitives;
    struct sl_content content = {.type = record->part_count > 1 ? SL_CONTENT_PART : SL_CONTENT_TEXT,
                                 .count = record->part_count};
    p->random(p->ctx, content.group, SL_GROUP_LEN);
    memcpy(content.prev, record->prev, SL_PREV_LEN);
    size_t at = 0;
    for (s->part = 0; s->part < record->part_count; s->part++) {
        content.number = (uint8_t)s->part;
        content.text = (const uint8_t *)record->message.text + at;
        content.text_len = ends[s->part] - at;
        int error = send_content(s, &content);
        if (error < 0)
            return error;
        at = ends[s->part];
    }
    memcpy(record->message.id, record->parts[0].id, SL_ID_LEN);
    return 0;
}

/* The last own message of the conversation, if those who read this one may have it. */
static void set_prev(const struct sending *s, struct sl_record *record)
{
    const struct sl_message *m = &record->message;
    const struct sl_record *last = sl_history_last_own(
        &s->persona->history, s->channel ? m->channel : NULL, s->channel ? NULL : m->person);
    if (last && s->now - last->message.at < last->lifetime * SL_SECOND)
        memcpy(record->prev, last->message.id, SL_PREV_LEN);
}

static struct sl_record *new_record(const struct sending *s, const struct sl_text *text,
                                    size_t part_count)
{
    struct sl_record *record = sl_record_new(part_count, text->len);
    if (!record)
        return NULL;
    struct sl_message *m = &record->message;
    memcpy(sl_record_text(record), text->bytes, text->len);
    if (s->channel)
        memcpy(m->channel, s->channel->name, sizeof(m->channel));
    memcpy(m->person, s->channel ? s->persona->key : s->person->announcement.key, SL_KEY_LEN);
    m->direct = !s->channel;
    m->outgoing = true;
    m->durable = true;
    m->at = s->now;
    record->lifetime = s->lifetime;
    set_prev(s, record);
    return record;
}

/* Into the history, and for a kept persona to disk before the caller is told that it is queued. */
static int keep(struct sending *s, struct sl_message *ret_message)
{
    struct sl_record *record = s->record;
    sl_record_raise(record, SIZE_MAX, SL_MESSAGE_QUEUED);
    s->record = NULL;
    record = sl_chat_keep_take(s->chat, s->persona, record, s->now);
    if (!record)
        return -ENOMEM;
    if (s->persona->kept && sl_vault_put_record(&s->persona->vault, record, true) < 0)
        record->message.durable = false;
    sl_receipts_settle(s->chat);
    *ret_message = record->message;
    ret_message->text = NULL;
    return 0;
}

static int send_text(struct sending *s, const struct sl_text *text, struct sl_message *ret_message)
{
    size_t ends[SL_PARTS_MAX];
    size_t content_cap = s->channel ? SL_CHANNEL_CONTENT_MAX : SL_DIRECT_CONTENT_MAX;
    size_t count = sl_content_cut((const uint8_t *)text->bytes, text->len, content_cap, ends);
    if (count == 0)
        return -EMSGSIZE;
    s->record = new_record(s, text, count);
    if (!s->record)
        return -ENOMEM;
    int error = send_all(s, ends);
    if (error == 0)
        error = keep(s, ret_message);
    sl_record_free(&s->chat->config.primitives, s->record);
    return error;
}

static int find_recipient(struct sending *s, const struct sl_conversation *to)
{
    if (!to->channel == !to->person)
        return -EINVAL;
    if (to->channel)
        s->channel = sl_persona_channel(s->persona, to->channel);
    else
        s->person = sl_people_key_entry(&s->chat->people, to->person);
    return s->channel || s->person ? 0 : -ENOENT;
}

/* A prekey's secret is destroyed at a known age: what is sealed to it must not live longer. */
static uint32_t prekey_lifetime(const struct sl_person_entry *person, uint32_t lifetime,
                                sl_time now)
{
    sl_time left = (SL_PREKEY_DESTROY - (now - person->born)) / SL_SECOND;
    return left < lifetime ? (uint32_t)left : lifetime;
}

int sl_chat_send(struct sl_chat *chat, uint32_t owner, uint32_t persona, const struct sl_text *text,
                 sl_time now, struct sl_message *ret_message)
{
    chat->now = now;
    struct sending s = {.chat = chat,
                        .persona = sl_chat_own(chat, owner, persona),
                        .lifetime = text->lifetime ? text->lifetime : SL_MESSAGE_LIFETIME,
                        .now = now};
    if (!s.persona)
        return -EPERM;
    int error = find_recipient(&s, &text->to);
    if (error == 0)
        error = check_text(text);
    if (error < 0)
        return error;
    if (s.person) {
        if (!sl_person_writable(s.person, now))
            return -EHOSTUNREACH;
        s.person->met = true;
        s.lifetime = prekey_lifetime(s.person, s.lifetime, now);
    }
    return send_text(&s, text, ret_message);
}

int sl_chat_mark_read(struct sl_chat *chat, uint32_t owner, uint32_t persona,
                      const struct sl_conversation *conversation, uint64_t number, sl_time now)
{
    const char *channel = conversation->channel;
    const uint8_t *person = conversation->person;
    chat->now = now;
    struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    if (!channel == !person)
        return -EINVAL;
    const struct sl_channel *joined = channel ? sl_persona_channel(self, channel) : NULL;
    if (channel && !joined)
        return -ENOENT;
    bool to_oneself = person && memcmp(person, self->key, SL_KEY_LEN) == 0;
    for (size_t i = 0; i < self->history.count; i++) {
        struct sl_record *record = self->history.records[i];
        if (record->message.number > number ||
            !sl_record_in(record, joined ? joined->name : NULL, person))
            continue;
        if (to_oneself)
            sl_chat_raise(chat, self, record, SIZE_MAX, SL_MESSAGE_READ);
        if (!record->message.unread)
            continue;
        record->message.unread = false;
        sl_chat_save(self, record);
        if (record->message.direct)
            sl_receipts_add(chat, self, record, SL_TOKEN_READ, now);
    }
    sl_receipts_settle(chat);
    return 0;
}
