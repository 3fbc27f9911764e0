/* What comes in: opened, authenticated, joined, put in order, kept, told. */
#include "chat/internal.h"

#include <string.h>

/* ---- Into the history ---- */

void sl_chat_save(struct sl_persona *persona, struct sl_record *record)
{
    if (persona->kept)
        record->saved = sl_vault_put_record(&persona->vault, record, false) == 0;
}

void sl_chat_raise(struct sl_chat *chat, struct sl_persona *persona, struct sl_record *record,
                   size_t part, enum sl_message_state state)
{
    uint8_t before = part == SIZE_MAX ? 0 : record->parts[part].state;
    bool changed = sl_record_raise(record, part, state);
    if (changed || part == SIZE_MAX || record->parts[part].state != before)
        sl_chat_save(persona, record);
    if (changed && chat->config.events.state)
        chat->config.events.state(chat->config.events.arg, persona->handle, persona->owner,
                                  &record->message);
}

/* Gives up what does not fit any more. */
static void make_room(struct sl_persona *persona, const struct sl_record *record)
{
    struct sl_record *victim;
    while ((victim = sl_history_victim(&persona->history, record))) {
        sl_time *horizon = &persona->horizon[victim->message.direct];
        if (*horizon < victim->message.at)
            *horizon = victim->message.at;
        if (persona->kept)
            sl_vault_drop_record(&persona->vault, victim);
        sl_history_remove(&persona->history, victim);
    }
}

/* Numbers are never used again, so the vault hears of them before the first of each block is used.
 */
static void reserve_number(struct sl_persona *persona)
{
    const uint64_t block = 256;
    if (!persona->kept || persona->history.next_number < persona->profile.number_reserved)
        return;
    persona->profile.number_reserved = persona->history.next_number + block;
    sl_vault_put_profile(&persona->vault, &persona->profile);
}

static bool is_to_oneself(const struct sl_persona *persona, const struct sl_message *message)
{
    return message->direct && message->outgoing &&
           memcmp(message->person, persona->key, SL_KEY_LEN) == 0;
}

struct sl_record *sl_chat_keep_take(struct sl_chat *chat, struct sl_persona *persona,
                                    struct sl_record *record, sl_time now)
{
    make_room(persona, record);
    reserve_number(persona);
    if (is_to_oneself(persona, &record->message))
        sl_record_raise(record, SIZE_MAX, SL_MESSAGE_DELIVERED);
    if (sl_history_add_take(&persona->history, record) < 0) {
        sl_record_free(&chat->config.primitives, record);
        return NULL;
    }
    sl_chat_save(persona, record);
    if (record->message.direct && !record->message.outgoing)
        sl_receipts_add(chat, persona, record, SL_TOKEN_DELIVERED, now);
    if (chat->config.events.message)
        chat->config.events.message(chat->config.events.arg, persona->handle, persona->owner,
                                    &record->message);
    return record;
}

/* ---- Order ---- */

/* Keeps it, and what waited for it. */
static void release(struct sl_chat *chat, struct sl_persona *persona, struct sl_record *record,
                    sl_time now)
{
    while (record) {
        const struct sl_record *kept = sl_chat_keep_take(chat, persona, record, now);
        record = kept ? sl_hold_follower(&persona->hold, kept) : NULL;
    }
}

void sl_chat_release_due(struct sl_chat *chat, struct sl_persona *persona, sl_time now)
{
    struct sl_record *record;
    if (persona->scan.kinds != 0)
        return; /* what is missing may yet be found */
    while ((record = sl_hold_due(&persona->hold, now)))
        release(chat, persona, record, now);
}

static void put_in_order(struct sl_chat *chat, struct sl_persona *persona, struct sl_record *record,
                         const struct sl_offer *offer)
{
    static const uint8_t first[SL_PREV_LEN];
    if (memcmp(record->prev, first, SL_PREV_LEN) == 0 ||
        sl_history_seen(&persona->history, record, record->prev)) {
        release(chat, persona, record, offer->now);
        return;
    }
    while (sl_hold_full(&persona->hold, record))
        release(chat, persona, sl_hold_due(&persona->hold, SL_NEVER), offer->now);
    record->due = offer->backlog ? offer->now : offer->now + SL_HOLD_TIME;
    sl_hold_put_take(&persona->hold, record);
}

/* ---- One opened content ---- */

static bool is_known(const struct sl_persona *persona, const uint8_t id[SL_ID_LEN])
{
    return sl_history_id(&persona->history, id, NULL) || sl_hold_has(&persona->hold, id);
}

/* What the persona is just publishing is put into its history by who sends it. */
static bool is_own_publication(const struct sl_chat *chat, const struct sl_persona *persona,
                               const struct sl_incoming *incoming)
{
    return incoming->outgoing && chat->publishing == persona;
}

static void take_content(struct sl_chat *chat, struct sl_persona *persona,
                         struct sl_incoming *incoming, const struct sl_offer *offer)
{
    incoming->outgoing = memcmp(incoming->person, persona->key, SL_KEY_LEN) == 0;
    if (is_own_publication(chat, persona, incoming) || is_known(persona, incoming->ref.id))
        return;
    if (offer->backlog && incoming->born < persona->horizon[incoming->direct])
        return;
    if (incoming->outgoing)
        incoming->ref.state = offer->relayed ? SL_MESSAGE_RELAYED : SL_MESSAGE_QUEUED;
    struct sl_record *record = incoming->content.type == SL_CONTENT_PART
                                   ? sl_parts_add(&persona->parts, incoming)
                                   : sl_parts_whole(incoming);
    if (record)
        put_in_order(chat, persona, record, offer);
}

/* ---- Channels ---- */

static void heard_from(struct sl_chat *chat, const uint8_t author[SL_KEY_LEN], sl_time born)
{
    struct sl_person_entry *entry = sl_people_key_entry(&chat->people, author);
    if (entry && entry->last_heard < born)
        entry->last_heard = born;
}

/* One channel message, opened at most once for each key it may be under. */
struct opened_post {
    const struct sl_channel *channel; /* NULL: not opened yet */
    struct sl_channel_post post;
    struct sl_content content;
};

static bool open_post(struct sl_chat *chat, const struct sl_channel *channel,
                      const struct sl_offer *offer, struct opened_post *opened)
{
    if (opened->channel && memcmp(opened->channel->key, channel->key, SL_KEY_LEN) == 0)
        return true;
    const struct sl_primitives *p = &chat->config.primitives;
    if (opened->channel || sl_channel_open(p, channel, offer->envelope, &opened->post) < 0 ||
        sl_content_decode(opened->post.content, opened->post.content_len, &opened->content) < 0) {
        chat->counters.unopened++;
        return false;
    }
    opened->channel = channel;
    heard_from(chat, opened->post.author, offer->born);
    return true;
}

static void offer_post(struct sl_chat *chat, struct sl_persona *persona,
                       const struct sl_offer *offer, struct opened_post *opened)
{
    const struct sl_envelope *envelope = offer->envelope;
    for (size_t i = 0; i < persona->channel_count; i++) {
        const struct sl_channel *channel = &persona->channels[i];
        if (!sl_channel_hinted(channel, envelope->payload, envelope->payload_len) ||
            !open_post(chat, channel, offer, opened))
            continue;
        struct sl_incoming incoming = {.content = opened->content,
                                       .channel = channel->name,
                                       .person = opened->post.author,
                                       .created = envelope->created,
                                       .lifetime = envelope->lifetime,
                                       .born = offer->born};
        memcpy(incoming.ref.id, offer->id, SL_ID_LEN);
        take_content(chat, persona, &incoming, offer);
    }
}

static void offer_channel(struct sl_chat *chat, const struct sl_offer *offer)
{
    struct opened_post opened = {0};
    for (size_t i = 0; i < chat->persona_count; i++)
        if (!offer->only || offer->only == chat->personas[i])
            offer_post(chat, chat->personas[i], offer, &opened);
    chat->config.primitives.wipe(chat->config.primitives.ctx, &opened, sizeof(opened));
}

/* ---- Direct messages ---- */

static void take_direct(struct sl_chat *chat, struct sl_persona *persona,
                        struct sl_person_entry *sender, const struct sl_waiting *message,
                        const struct sl_offer *offer)
{
    const struct sl_direct_message *opened = &message->opened;
    struct sl_incoming incoming = {.direct = true,
                                   .channel = "",
                                   .person = sender->announcement.key,
                                   .created = message->created,
                                   .lifetime = message->lifetime,
                                   .born = message->born};
    /* The box key that sealed it has to be the one this persona announced. */
    if (memcmp(sender->announcement.box, opened->box, SL_KEY_LEN) != 0 ||
        sl_content_decode(opened->content, opened->content_len, &incoming.content) < 0) {
        chat->counters.unopened++;
        return;
    }
    memcpy(incoming.ref.id, message->id, SL_ID_LEN);
    memcpy(incoming.ref.receipt_key, opened->receipt_key, SL_RECEIPT_KEY_LEN);
    sender->met = true;
    if (sender->last_heard < message->born)
        sender->last_heard = message->born;
    take_content(chat, persona, &incoming, offer);
}

static bool open_direct(const struct sl_chat *chat, const struct sl_persona *persona,
                        const struct sl_envelope *envelope, struct sl_direct_message *ret_opened)
{
    for (size_t i = persona->prekey_count; i-- > 0;) {
        struct sl_direct_recipient recipient = {.key = persona->key,
                                                .prekey_secret = persona->prekeys[i].secret};
        if (sl_direct_open(&chat->config.primitives, &chat->config.sealing, &recipient, envelope,
                           ret_opened))
            return true;
    }
    return false;
}

static void wait_for_sender(struct sl_persona *persona, const struct sl_waiting *message)
{
    for (size_t i = 0; i < SL_WAITING_MAX; i++)
        if (persona->waiting[i].used && memcmp(persona->waiting[i].id, message->id, SL_ID_LEN) == 0)
            return;
    persona->waiting[persona->waiting_next] = *message;
    persona->waiting_next = (persona->waiting_next + 1) % SL_WAITING_MAX;
}

/* True if it is this persona's. */
static bool offer_to_persona(struct sl_chat *chat, struct sl_persona *persona,
                             const struct sl_offer *offer)
{
    const struct sl_primitives *p = &chat->config.primitives;
    if (is_known(persona, offer->id))
        return true;
    struct sl_waiting message = {.used = true,
                                 .created = offer->envelope->created,
                                 .lifetime = offer->envelope->lifetime,
                                 .born = offer->born};
    if (!open_direct(chat, persona, offer->envelope, &message.opened))
        return false;
    memcpy(message.id, offer->id, SL_ID_LEN);
    struct sl_person_entry *sender = sl_people_id(&chat->people, message.opened.sender);
    if (sender)
        take_direct(chat, persona, sender, &message, offer);
    else
        wait_for_sender(persona, &message);
    p->wipe(p->ctx, &message, sizeof(message));
    return true;
}

static void offer_direct(struct sl_chat *chat, const struct sl_offer *offer)
{
    for (size_t i = 0; i < chat->persona_count; i++) {
        struct sl_persona *persona = chat->personas[i];
        if ((!offer->only || offer->only == persona) && offer_to_persona(chat, persona, offer))
            return;
    }
}

/* ---- Personas ---- */

static void offer_waiting(struct sl_chat *chat, struct sl_persona *persona,
                          struct sl_person_entry *sender, const struct sl_offer *offer)
{
    /* In the order in which they came. */
    for (size_t n = 0; n < SL_WAITING_MAX; n++) {
        struct sl_waiting *message =
            &persona->waiting[(persona->waiting_next + n) % SL_WAITING_MAX];
        if (!message->used || memcmp(message->opened.sender, sender->id, SL_PERSONA_ID_LEN) != 0)
            continue;
        take_direct(chat, persona, sender, message, offer);
        chat->config.primitives.wipe(chat->config.primitives.ctx, message, sizeof(*message));
    }
}

static void offer_announcement(struct sl_chat *chat, const struct sl_offer *offer)
{
    struct sl_announcement announcement;
    if (sl_announcement_open(&chat->config.primitives, chat->people_key, offer->envelope,
                             &announcement) < 0) {
        chat->counters.unopened++;
        return;
    }
    struct sl_heard heard = {.announcement = &announcement,
                             .origin = offer->envelope->origin,
                             .created = offer->envelope->created,
                             .born = offer->born};
    struct sl_person_entry *entry = sl_people_hear(&chat->people, &heard);
    if (!entry)
        return;
    entry->local = sl_chat_by_key(chat, announcement.key) != NULL;
    struct sl_person person;
    sl_chat_describe(chat, NULL, entry, &person);
    if (chat->config.events.person)
        chat->config.events.person(chat->config.events.arg, &person);
    for (size_t i = 0; i < chat->persona_count; i++)
        offer_waiting(chat, chat->personas[i], entry, offer);
}

/* ---- Receipts ---- */

static void offer_receipt(struct sl_chat *chat, const struct sl_offer *offer)
{
    const uint8_t *tokens = offer->envelope->payload;
    int count = sl_receipt_count(tokens, offer->envelope->payload_len);
    if (count < 0)
        chat->counters.unopened++;
    for (int i = 0; i < count; i++)
        sl_receipts_take(chat, tokens + (size_t)i * SL_TOKEN_LEN);
}

void sl_chat_offer(struct sl_chat *chat, const struct sl_offer *offer)
{
    switch ((enum sl_envelope_kind)offer->envelope->kind) {
    case SL_ENVELOPE_CHANNEL:
        offer_channel(chat, offer);
        break;
    case SL_ENVELOPE_DIRECT:
        offer_direct(chat, offer);
        break;
    case SL_ENVELOPE_RECEIPT:
        offer_receipt(chat, offer);
        break;
    case SL_ENVELOPE_PERSONA:
        offer_announcement(chat, offer);
        break;
    case SL_ENVELOPE_IDENTITY:
    case SL_ENVELOPE_REVOCATION:
    case SL_ENVELOPE_SETTLED:
        break;
    }
}
