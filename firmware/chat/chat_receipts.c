/* Receipts that are due. One goes out only for what would survive a power cut here: the sender
 * stops worrying when it arrives. */
#include "chat/internal.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

static int make_room(struct sl_receipts *receipts)
{
    if (receipts->count < receipts->cap)
        return 0;
    size_t cap = receipts->cap ? 2 * receipts->cap : FIRST_CAP;
    if (cap > SL_RECEIPTS_MAX)
        return -ENOSPC;
    struct sl_due_receipt *items = realloc(receipts->items, cap * sizeof(*items));
    if (!items)
        return -ENOMEM;
    receipts->items = items;
    receipts->cap = cap;
    return 0;
}

/* The node of a person; NULL if it is not known. */
static const uint8_t *origin_of(const struct sl_chat *chat, const uint8_t person[SL_KEY_LEN])
{
    const struct sl_person_entry *entry = sl_people_key_entry(&chat->people, person);
    return entry ? sl_person_origin(entry) : NULL;
}

void sl_receipts_add(struct sl_chat *chat, struct sl_persona *persona,
                     const struct sl_record *record, enum sl_token_kind kind, sl_time now)
{
    struct sl_receipts *receipts = &chat->receipts;
    const uint8_t *origin = origin_of(chat, record->message.person);
    for (size_t i = 0; i < record->part_count; i++) {
        if (make_room(receipts) < 0) {
            receipts->overflow = true;
            break;
        }
        struct sl_due_receipt *due = &receipts->items[receipts->count++];
        *due = (struct sl_due_receipt){
            .persona = persona->handle, .number = record->message.number, .kind = kind};
        sl_receipt_token(&chat->config.primitives, kind, record->parts[i].receipt_key,
                         record->parts[i].id, due->token);
        memcpy(due->id, record->parts[i].id, SL_ID_LEN);
        if (origin)
            memcpy(due->origin, origin, SL_ORIGIN_LEN);
    }
    receipts->at = sl_min_time(receipts->at, now + SL_RECEIPT_DELAY);
}

void sl_receipts_add_owed(struct sl_chat *chat, struct sl_persona *persona, sl_time now)
{
    for (size_t i = 0; i < persona->history.count; i++) {
        const struct sl_record *record = persona->history.records[i];
        const struct sl_message *m = &record->message;
        if (!m->direct || m->outgoing || now - m->at >= SL_MESSAGE_LIFETIME * SL_SECOND)
            continue;
        if (!record->acked)
            sl_receipts_add(chat, persona, record, SL_TOKEN_DELIVERED, now);
        if (!m->unread && !record->read_acked)
            sl_receipts_add(chat, persona, record, SL_TOKEN_READ, now);
    }
}

void sl_receipts_forget(struct sl_chat *chat, const struct sl_persona *persona)
{
    struct sl_receipts *receipts = &chat->receipts;
    size_t kept = 0;
    for (size_t i = 0; i < receipts->count; i++)
        if (receipts->items[i].persona != persona->handle)
            receipts->items[kept++] = receipts->items[i];
    receipts->count = kept;
}

bool sl_receipts_take(struct sl_chat *chat, const uint8_t token[SL_TOKEN_LEN])
{
    for (size_t i = 0; i < chat->persona_count; i++) {
        struct sl_persona *persona = chat->personas[i];
        size_t part;
        enum sl_token_kind kind;
        struct sl_record *record = sl_history_take_token(&persona->history, token, &part, &kind);
        if (!record)
            continue;
        sl_chat_raise(chat, persona, record, part,
                      kind == SL_TOKEN_READ ? SL_MESSAGE_READ : SL_MESSAGE_DELIVERED);
        if (chat->mesh.settled)
            chat->mesh.settled(chat->mesh.ctx, record->parts[part].id,
                               origin_of(chat, record->message.person), chat->now);
        return true;
    }
    return false;
}

/* ---- Sending ---- */

static struct sl_record *record_of(const struct sl_chat *chat, const struct sl_due_receipt *due,
                                   struct sl_persona **ret_persona)
{
    *ret_persona = sl_chat_by_handle(chat, due->persona);
    return *ret_persona ? sl_history_number(&(*ret_persona)->history, due->number) : NULL;
}

/* Notes that it went out; `saved` last, so that a crash sends it twice rather than never. */
static void mark_sent(struct sl_chat *chat, const struct sl_due_receipt *due)
{
    struct sl_persona *persona;
    struct sl_record *record = record_of(chat, due, &persona);
    if (!record)
        return;
    bool *sent = due->kind == SL_TOKEN_READ ? &record->read_acked : &record->acked;
    if (*sent)
        return;
    *sent = true;
    sl_chat_save(persona, record);
}

void sl_receipts_settle(struct sl_chat *chat)
{
    struct sl_receipts *receipts = &chat->receipts;
    size_t kept = 0;
    for (size_t i = 0; i < receipts->count; i++) {
        if (sl_receipts_take(chat, receipts->items[i].token))
            mark_sent(chat, &receipts->items[i]);
        else
            receipts->items[kept++] = receipts->items[i];
    }
    receipts->count = kept;
}

/* Brings the messages to disk that this persona is about to acknowledge; one synced write takes all
 * before it along. */
static bool make_durable(const struct sl_chat *chat, const struct sl_persona *persona)
{
    struct sl_record *last = NULL;
    for (size_t i = 0; i < chat->receipts.count; i++) {
        struct sl_persona *owner;
        struct sl_record *record = record_of(chat, &chat->receipts.items[i], &owner);
        if (owner != persona || !record)
            continue;
        if (!record->saved)
            record->saved = sl_vault_put_record(&persona->vault, record, false) == 0;
        if (!record->saved)
            return false;
        last = record;
    }
    return !last || sl_vault_put_record(&persona->vault, last, true) == 0;
}

/* Which personas may acknowledge now; those of which nothing is left but the receipt may. */
static bool may_send(const struct sl_chat *chat, const bool durable[SL_PERSONAS_MAX],
                     uint32_t handle)
{
    for (size_t i = 0; i < chat->persona_count; i++)
        if (chat->personas[i]->handle == handle)
            return durable[i];
    return true;
}

/* Fills one envelope from the first that is in none, and others for the same node: what is for
 * another goes another way. Number of tokens; 0: all are in one. */
static size_t gather(const struct sl_chat *chat, const bool durable[SL_PERSONAS_MAX],
                     unsigned group, uint8_t *ret_payload, const struct sl_due_receipt **ret_first)
{
    const struct sl_due_receipt *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < chat->receipts.count && count < SL_RECEIPT_TOKENS_MAX; i++) {
        struct sl_due_receipt *due = &chat->receipts.items[i];
        if (due->group != 0 || !may_send(chat, durable, due->persona) ||
            (first && memcmp(first->origin, due->origin, SL_ORIGIN_LEN) != 0))
            continue;
        first = first ? first : due;
        due->group = group;
        memcpy(ret_payload + count++ * SL_TOKEN_LEN, due->token, SL_TOKEN_LEN);
    }
    *ret_first = first;
    return count;
}

/* Removes those that are in an envelope before that one; those in it have to wait. */
static void remove_sent(struct sl_chat *chat, unsigned failed)
{
    struct sl_receipts *receipts = &chat->receipts;
    size_t kept = 0;
    for (size_t i = 0; i < receipts->count; i++) {
        struct sl_due_receipt *due = &receipts->items[i];
        if (due->group != 0 && due->group < failed) {
            mark_sent(chat, due);
            continue;
        }
        due->group = 0;
        receipts->items[kept++] = *due;
    }
    receipts->count = kept;
}

static int publish_one(struct sl_chat *chat, const uint8_t *payload, size_t count,
                       const struct sl_due_receipt *first, sl_time now)
{
    static const uint8_t nowhere[SL_ORIGIN_LEN];
    uint8_t destination[SL_ORIGIN_LEN], answers[SL_ID_LEN], id[SL_ID_LEN];
    memcpy(destination, first->origin, SL_ORIGIN_LEN);
    memcpy(answers, first->id, SL_ID_LEN);
    bool is_located = memcmp(destination, nowhere, SL_ORIGIN_LEN) != 0;
    struct sl_outgoing outgoing = {.kind = SL_ENVELOPE_RECEIPT,
                                   .created = chat->mesh.next_created(chat->mesh.ctx, now),
                                   .lifetime = SL_MESSAGE_LIFETIME,
                                   .payload = payload,
                                   .payload_len = count * SL_TOKEN_LEN,
                                   .destination = is_located ? destination : NULL,
                                   .answers = answers};
    return sl_chat_publish(chat, NULL, &outgoing, now, id);
}

static void publish_due(struct sl_chat *chat, const bool durable[SL_PERSONAS_MAX], sl_time now)
{
    uint8_t payload[SL_RECEIPT_TOKENS_MAX * SL_TOKEN_LEN];
    const struct sl_due_receipt *first;
    unsigned group = 1;
    size_t count;
    while ((count = gather(chat, durable, group, payload, &first)) > 0) {
        if (sl_publish_failed(publish_one(chat, payload, count, first, now)))
            break;
        group++;
    }
    remove_sent(chat, group);
}

void sl_receipts_flush(struct sl_chat *chat, sl_time now)
{
    struct sl_receipts *receipts = &chat->receipts;
    bool durable[SL_PERSONAS_MAX] = {false};
    receipts->at = SL_NEVER;
    sl_receipts_settle(chat);
    for (size_t i = 0; i < chat->persona_count; i++)
        durable[i] = !chat->personas[i]->kept || make_durable(chat, chat->personas[i]);
    publish_due(chat, durable, now);
    if (receipts->count == 0 && receipts->overflow) {
        receipts->overflow = false;
        for (size_t i = 0; i < chat->persona_count; i++)
            sl_receipts_add_owed(chat, chat->personas[i], now);
    } else if (receipts->count > 0) {
        receipts->at = now + SL_RETRY;
    }
}
