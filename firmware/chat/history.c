#include "chat/history.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    REFS_MAX = SL_HISTORY_MAX * SL_PARTS_MAX,
    FIRST_CAP = 64,
};

/* Maps hold the low 31 bits of a number: more than the history ever spans. */
static const uint64_t NUMBER_MASK = 0x7fffffff;

/* ---- Records ---- */

struct sl_record *sl_record_new(size_t part_count, size_t text_len)
{
    assert(part_count >= 1 && part_count <= SL_PARTS_MAX && text_len <= SL_TEXT_MAX);
    size_t refs_len = part_count * sizeof(struct sl_part_ref);
    struct sl_record *record = calloc(1, sizeof(*record) + refs_len + text_len + 1);
    if (!record)
        return NULL;
    record->part_count = (uint8_t)part_count;
    record->message.text_len = text_len;
    record->message.text = (const char *)&record->parts[part_count];
    return record;
}

char *sl_record_text(struct sl_record *record)
{
    return (char *)&record->parts[record->part_count];
}

size_t sl_record_size(const struct sl_record *record)
{
    return sizeof(*record) + record->part_count * sizeof(struct sl_part_ref) +
           record->message.text_len + 1;
}

void sl_record_free(const struct sl_primitives *primitives, struct sl_record *record)
{
    if (!record)
        return;
    primitives->wipe(primitives->ctx, record, sl_record_size(record));
    free(record);
}

bool sl_record_in(const struct sl_record *record, const char *channel, const uint8_t *person)
{
    const struct sl_message *m = &record->message;
    if (channel)
        return !m->direct && strcmp(m->channel, channel) == 0;
    return !person || (m->direct && memcmp(m->person, person, SL_KEY_LEN) == 0);
}

bool sl_record_same_thread(const struct sl_record *a, const struct sl_record *b)
{
    return a->message.direct == b->message.direct && a->message.outgoing == b->message.outgoing &&
           memcmp(a->message.person, b->message.person, SL_KEY_LEN) == 0 &&
           strcmp(a->message.channel, b->message.channel) == 0;
}

bool sl_record_raise(struct sl_record *record, size_t part, enum sl_message_state state)
{
    enum sl_message_state weakest = SL_MESSAGE_READ;
    for (size_t i = 0; i < record->part_count; i++) {
        struct sl_part_ref *ref = &record->parts[i];
        if ((part == SIZE_MAX || part == i) && ref->state < state)
            ref->state = (uint8_t)state;
        if (ref->state < weakest)
            weakest = (enum sl_message_state)ref->state;
    }
    if (weakest <= record->message.state)
        return false;
    record->message.state = weakest;
    record->saved = false;
    return true;
}

/* ---- The history ---- */

void sl_history_init(struct sl_history *history, const struct sl_primitives *primitives,
                     uint64_t seed)
{
    *history = (struct sl_history){.next_number = 1, .primitives = primitives};
    sl_map_init(&history->ids, SL_ID_LEN, REFS_MAX, seed);
    sl_map_init(&history->prevs, SL_PREV_LEN, SL_HISTORY_MAX, seed);
    sl_map_init(&history->tokens, SL_TOKEN_LEN, 2 * REFS_MAX, seed);
}

void sl_history_done(struct sl_history *history)
{
    for (size_t i = 0; i < history->count; i++)
        sl_record_free(history->primitives, history->records[i]);
    free(history->records);
    sl_map_done(&history->ids);
    sl_map_done(&history->prevs);
    sl_map_done(&history->tokens);
    *history = (struct sl_history){0};
}

static struct sl_record *oldest(const struct sl_history *history, bool direct)
{
    for (size_t i = 0; i < history->count; i++)
        if (history->records[i]->message.direct == direct)
            return history->records[i];
    return NULL;
}

struct sl_record *sl_history_victim(const struct sl_history *history,
                                    const struct sl_record *record)
{
    if (history->count < SL_HISTORY_MAX &&
        history->bytes + sl_record_size(record) <= SL_HISTORY_BYTES_MAX)
        return NULL;
    bool direct_first = history->direct_bytes > SL_HISTORY_BYTES_MAX / 2;
    struct sl_record *victim = oldest(history, direct_first);
    return victim ? victim : oldest(history, !direct_first);
}

static int make_room(struct sl_history *history)
{
    if (history->count < history->cap)
        return 0;
    size_t cap = history->cap ? 2 * history->cap : FIRST_CAP;
    struct sl_record **records = realloc(history->records, cap * sizeof(struct sl_record *));
    if (!records)
        return -ENOMEM;
    history->records = records;
    history->cap = cap;
    return 0;
}

/* Both receipts of each part, unless it is read already. */
static int expect_tokens(struct sl_history *history, const struct sl_record *record, uint32_t value)
{
    if (!record->message.direct || !record->message.outgoing)
        return 0;
    for (size_t i = 0; i < record->part_count; i++) {
        const struct sl_part_ref *ref = &record->parts[i];
        for (int kind = SL_TOKEN_DELIVERED; kind <= SL_TOKEN_READ; kind++) {
            uint8_t token[SL_TOKEN_LEN];
            sl_receipt_token(history->primitives, (enum sl_token_kind)kind, ref->receipt_key,
                             ref->id, token);
            if (ref->state < SL_MESSAGE_READ && sl_map_put(&history->tokens, token, value) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

static void forget_refs(struct sl_history *history, const struct sl_record *record)
{
    for (size_t i = 0; i < record->part_count; i++) {
        const struct sl_part_ref *ref = &record->parts[i];
        sl_map_remove(&history->ids, ref->id);
        for (int kind = SL_TOKEN_DELIVERED; kind <= SL_TOKEN_READ && record->message.direct;
             kind++) {
            uint8_t token[SL_TOKEN_LEN];
            sl_receipt_token(history->primitives, (enum sl_token_kind)kind, ref->receipt_key,
                             ref->id, token);
            sl_map_remove(&history->tokens, token);
        }
    }
    sl_map_remove(&history->prevs, record->message.id);
}

int sl_history_add_take(struct sl_history *history, struct sl_record *record)
{
    if (make_room(history) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < record->part_count; i++)
        if (sl_history_id(history, record->parts[i].id, NULL))
            return -EEXIST;
    uint64_t number = record->message.number ? record->message.number : history->next_number;
    uint32_t value = (uint32_t)(number & NUMBER_MASK);
    int error = expect_tokens(history, record, value);
    for (size_t i = 0; i < record->part_count && error == 0; i++)
        error = sl_map_put(&history->ids, record->parts[i].id, value);
    if (error == 0)
        error = sl_map_put(&history->prevs, record->message.id, value);
    if (error < 0) {
        forget_refs(history, record);
        return -ENOMEM;
    }
    size_t at = sl_history_from(history, number);
    memmove(history->records + at + 1, history->records + at,
            (history->count - at) * sizeof(struct sl_record *));
    history->records[at] = record;
    history->count++;
    history->bytes += sl_record_size(record);
    if (record->message.direct)
        history->direct_bytes += sl_record_size(record);
    record->message.number = number;
    if (number >= history->next_number)
        history->next_number = number + 1;
    return 0;
}

void sl_history_remove(struct sl_history *history, struct sl_record *record)
{
    size_t at = sl_history_from(history, record->message.number);
    assert(at < history->count && history->records[at] == record);
    forget_refs(history, record);
    history->count--;
    memmove(history->records + at, history->records + at + 1,
            (history->count - at) * sizeof(struct sl_record *));
    history->bytes -= sl_record_size(record);
    if (record->message.direct)
        history->direct_bytes -= sl_record_size(record);
    sl_record_free(history->primitives, record);
}

size_t sl_history_from(const struct sl_history *history, uint64_t number)
{
    size_t low = 0, high = history->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->records[middle]->message.number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct sl_record *sl_history_number(const struct sl_history *history, uint64_t number)
{
    size_t at = sl_history_from(history, number);
    if (at == history->count || history->records[at]->message.number != number)
        return NULL;
    return history->records[at];
}

/* The whole number: the one at or below the newest with those low bits. */
static struct sl_record *by_map_value(const struct sl_history *history, uint32_t value)
{
    if (value == SL_MAP_EMPTY)
        return NULL;
    uint64_t newest = history->next_number - 1;
    return sl_history_number(history, newest - ((newest - value) & NUMBER_MASK));
}

struct sl_record *sl_history_id(const struct sl_history *history, const uint8_t id[SL_ID_LEN],
                                size_t *ret_part)
{
    struct sl_record *record = by_map_value(history, sl_map_get(&history->ids, id));
    for (size_t i = 0; record && i < record->part_count; i++) {
        if (memcmp(record->parts[i].id, id, SL_ID_LEN) != 0)
            continue;
        if (ret_part)
            *ret_part = i;
        return record;
    }
    return NULL;
}

bool sl_history_seen(const struct sl_history *history, const struct sl_record *thread,
                     const uint8_t prev[SL_PREV_LEN])
{
    const struct sl_record *record = by_map_value(history, sl_map_get(&history->prevs, prev));
    return record && sl_record_same_thread(record, thread);
}

static bool is_token(const struct sl_history *history, const struct sl_part_ref *ref,
                     enum sl_token_kind kind, const uint8_t token[SL_TOKEN_LEN])
{
    uint8_t expected[SL_TOKEN_LEN];
    sl_receipt_token(history->primitives, kind, ref->receipt_key, ref->id, expected);
    return memcmp(expected, token, SL_TOKEN_LEN) == 0;
}

struct sl_record *sl_history_take_token(struct sl_history *history,
                                        const uint8_t token[SL_TOKEN_LEN], size_t *ret_part,
                                        enum sl_token_kind *ret_kind)
{
    struct sl_record *record = by_map_value(history, sl_map_get(&history->tokens, token));
    for (size_t i = 0; record && i < record->part_count; i++) {
        bool is_read = is_token(history, &record->parts[i], SL_TOKEN_READ, token);
        if (!is_read && !is_token(history, &record->parts[i], SL_TOKEN_DELIVERED, token))
            continue;
        sl_map_remove(&history->tokens, token);
        *ret_part = i;
        *ret_kind = is_read ? SL_TOKEN_READ : SL_TOKEN_DELIVERED;
        return record;
    }
    return NULL;
}

struct sl_record *sl_history_last_own(const struct sl_history *history, const char *channel,
                                      const uint8_t *person)
{
    for (size_t i = history->count; i-- > 0;) {
        struct sl_record *record = history->records[i];
        if (record->message.outgoing && sl_record_in(record, channel, person))
            return record;
    }
    return NULL;
}

size_t sl_history_unread(const struct sl_history *history, const char *channel,
                         const uint8_t *person)
{
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++)
        if (history->records[i]->message.unread &&
            sl_record_in(history->records[i], channel, person))
            count++;
    return count;
}
