#include "chat/parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct piece {
    uint8_t *text; /* NULL: not here yet */
    size_t len;
    struct sl_part_ref ref;
    uint64_t created;
    sl_time born;
};

struct sl_parts_group {
    uint8_t group[SL_GROUP_LEN];
    uint8_t prev[SL_PREV_LEN];
    uint8_t person[SL_KEY_LEN];
    char channel[SL_CHANNEL_NAME_MAX + 1];
    bool direct, outgoing;
    uint32_t lifetime;
    size_t count, have;
    size_t text_len;
    struct piece pieces[];
};

static size_t group_size(size_t count)
{
    return sizeof(struct sl_parts_group) + count * sizeof(struct piece);
}

void sl_parts_init(struct sl_parts *parts, const struct sl_primitives *primitives)
{
    *parts = (struct sl_parts){.primitives = primitives};
}

static void drop_group(struct sl_parts *parts, size_t at)
{
    struct sl_parts_group *group = parts->groups[at];
    const struct sl_primitives *p = parts->primitives;
    for (size_t i = 0; i < group->count; i++) {
        if (!group->pieces[i].text)
            continue;
        p->wipe(p->ctx, group->pieces[i].text, group->pieces[i].len);
        free(group->pieces[i].text);
    }
    size_t size = group_size(group->count);
    parts->bytes -= size + group->text_len;
    p->wipe(p->ctx, group, size);
    free(group);
    parts->count--;
    memmove(parts->groups + at, parts->groups + at + 1,
            (parts->count - at) * sizeof(struct sl_parts_group *));
}

void sl_parts_done(struct sl_parts *parts)
{
    while (parts->count > 0)
        drop_group(parts, parts->count - 1);
}

void sl_parts_forget(struct sl_parts *parts, const char *channel)
{
    for (size_t i = parts->count; i-- > 0;)
        if (!parts->groups[i]->direct && strcmp(parts->groups[i]->channel, channel) == 0)
            drop_group(parts, i);
}

/* Oldest group of the author that holds most; the newest is the one being filled. */
static size_t find_victim(const struct sl_parts *parts)
{
    size_t victim = 0, most = 0;
    for (size_t i = 0; i < parts->count; i++) {
        size_t bytes = 0;
        for (size_t j = i; j < parts->count; j++)
            if (memcmp(parts->groups[i]->person, parts->groups[j]->person, SL_KEY_LEN) == 0)
                bytes += group_size(parts->groups[j]->count) + parts->groups[j]->text_len;
        if (bytes > most) {
            most = bytes;
            victim = i;
        }
    }
    return victim;
}

static bool matches(const struct sl_parts_group *group, const struct sl_incoming *in)
{
    return memcmp(group->group, in->content.group, SL_GROUP_LEN) == 0 &&
           memcmp(group->person, in->person, SL_KEY_LEN) == 0 && group->direct == in->direct &&
           group->count == in->content.count && strcmp(group->channel, in->channel) == 0;
}

static struct sl_parts_group *find_group(const struct sl_parts *parts, const struct sl_incoming *in,
                                         size_t *ret_at)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (!matches(parts->groups[i], in))
            continue;
        *ret_at = i;
        return parts->groups[i];
    }
    return NULL;
}

static struct sl_parts_group *new_group(struct sl_parts *parts, const struct sl_incoming *in)
{
    size_t size = group_size(in->content.count);
    while (parts->count == SL_PARTS_GROUPS_MAX ||
           parts->bytes + size + in->content.text_len > SL_PARTS_BYTES_MAX)
        drop_group(parts, find_victim(parts));
    struct sl_parts_group *group = calloc(1, size);
    if (!group)
        return NULL;
    memcpy(group->group, in->content.group, SL_GROUP_LEN);
    memcpy(group->prev, in->content.prev, SL_PREV_LEN);
    memcpy(group->person, in->person, SL_KEY_LEN);
    memcpy(group->channel, in->channel, strlen(in->channel));
    group->direct = in->direct;
    group->outgoing = in->outgoing;
    group->lifetime = in->lifetime;
    group->count = in->content.count;
    parts->groups[parts->count++] = group;
    parts->bytes += size;
    return group;
}

/* False if that piece is here already or there is no memory. */
static bool keep_piece(struct sl_parts *parts, struct sl_parts_group *group,
                       const struct sl_incoming *in)
{
    struct piece *piece = &group->pieces[in->content.number];
    if (piece->text)
        return false;
    uint8_t *text = malloc(in->content.text_len);
    if (!text)
        return false;
    memcpy(text, in->content.text, in->content.text_len);
    *piece = (struct piece){.text = text,
                            .len = in->content.text_len,
                            .ref = in->ref,
                            .created = in->created,
                            .born = in->born};
    group->have++;
    group->text_len += piece->len;
    parts->bytes += piece->len;
    return true;
}

static void describe(struct sl_record *record, const struct sl_incoming *in)
{
    struct sl_message *m = &record->message;
    memcpy(m->id, record->parts[0].id, SL_ID_LEN);
    memcpy(m->person, in->person, SL_KEY_LEN);
    memcpy(m->channel, in->channel, strlen(in->channel));
    m->direct = in->direct;
    m->outgoing = in->outgoing;
    m->durable = in->outgoing;
    m->unread = !in->outgoing;
    m->created = in->created;
    m->at = in->born;
    m->state = SL_MESSAGE_RECEIVED;
    record->lifetime = in->lifetime;
    if (in->outgoing)
        sl_record_raise(record, SIZE_MAX, SL_MESSAGE_QUEUED);
}

static struct sl_record *join(const struct sl_parts_group *group)
{
    struct sl_record *record = sl_record_new(group->count, group->text_len);
    if (!record)
        return NULL;
    char *text = sl_record_text(record);
    for (size_t i = 0; i < group->count; i++) {
        memcpy(text, group->pieces[i].text, group->pieces[i].len);
        text += group->pieces[i].len;
        record->parts[i] = group->pieces[i].ref;
    }
    memcpy(record->prev, group->prev, SL_PREV_LEN);
    describe(record, &(struct sl_incoming){
                         .direct = group->direct,
                         .outgoing = group->outgoing,
                         .channel = group->channel,
                         .person = group->person,
                         .created = group->pieces[0].created,
                         .lifetime = group->lifetime,
                         .born = group->pieces[0].born,
                     });
    return record;
}

struct sl_record *sl_parts_add(struct sl_parts *parts, const struct sl_incoming *incoming)
{
    size_t at = 0;
    struct sl_parts_group *group = find_group(parts, incoming, &at);
    if (!group) {
        group = new_group(parts, incoming);
        at = parts->count - 1;
    }
    if (!group || !keep_piece(parts, group, incoming))
        return NULL;
    if (group->text_len > SL_TEXT_MAX) {
        drop_group(parts, at);
        return NULL;
    }
    struct sl_record *record = NULL;
    if (group->have == group->count) {
        record = join(group);
        drop_group(parts, at);
    }
    while (parts->bytes > SL_PARTS_BYTES_MAX)
        drop_group(parts, find_victim(parts));
    return record;
}

struct sl_record *sl_parts_whole(const struct sl_incoming *incoming)
{
    const struct sl_content *content = &incoming->content;
    if (content->text_len > SL_TEXT_MAX)
        return NULL;
    struct sl_record *record = sl_record_new(1, content->text_len);
    if (!record)
        return NULL;
    memcpy(sl_record_text(record), content->text, content->text_len);
    memcpy(record->prev, content->prev, SL_PREV_LEN);
    record->parts[0] = incoming->ref;
    describe(record, incoming);
    return record;
}

/* ---- Order ---- */

void sl_hold_init(struct sl_hold *hold, const struct sl_primitives *primitives)
{
    *hold = (struct sl_hold){.primitives = primitives};
}

void sl_hold_done(struct sl_hold *hold)
{
    for (size_t i = 0; i < hold->count; i++)
        sl_record_free(hold->primitives, hold->records[i]);
    hold->count = 0;
    hold->bytes = 0;
}

bool sl_hold_has(const struct sl_hold *hold, const uint8_t id[SL_ID_LEN])
{
    for (size_t i = 0; i < hold->count; i++)
        for (size_t j = 0; j < hold->records[i]->part_count; j++)
            if (memcmp(hold->records[i]->parts[j].id, id, SL_ID_LEN) == 0)
                return true;
    return false;
}

bool sl_hold_full(const struct sl_hold *hold, const struct sl_record *record)
{
    return hold->count == SL_HOLD_MAX || hold->bytes + sl_record_size(record) > SL_HOLD_BYTES_MAX;
}

void sl_hold_put_take(struct sl_hold *hold, struct sl_record *record)
{
    assert(!sl_hold_full(hold, record));
    hold->records[hold->count++] = record;
    hold->bytes += sl_record_size(record);
}

static struct sl_record *take(struct sl_hold *hold, size_t at)
{
    struct sl_record *record = hold->records[at];
    hold->records[at] = hold->records[--hold->count];
    hold->bytes -= sl_record_size(record);
    return record;
}

void sl_hold_forget(struct sl_hold *hold, const char *channel)
{
    for (size_t i = hold->count; i-- > 0;)
        if (sl_record_in(hold->records[i], channel, NULL))
            sl_record_free(hold->primitives, take(hold, i));
}

struct sl_record *sl_hold_follower(struct sl_hold *hold, const struct sl_record *record)
{
    for (size_t i = 0; i < hold->count; i++)
        if (memcmp(hold->records[i]->prev, record->message.id, SL_PREV_LEN) == 0 &&
            sl_record_same_thread(hold->records[i], record))
            return take(hold, i);
    return NULL;
}

/* The earliest of the thread of records[at], which may have waited for less long. */
static size_t earliest_of_thread(const struct sl_hold *hold, size_t at)
{
    for (size_t i = 0; i < hold->count; i++)
        if (hold->records[i]->message.created < hold->records[at]->message.created &&
            sl_record_same_thread(hold->records[i], hold->records[at]))
            at = i;
    return at;
}

struct sl_record *sl_hold_due(struct sl_hold *hold, sl_time now)
{
    size_t due = SIZE_MAX;
    for (size_t i = 0; i < hold->count; i++) {
        const struct sl_record *record = hold->records[i];
        if (record->due > now)
            continue;
        if (due == SIZE_MAX || record->due < hold->records[due]->due)
            due = i;
    }
    return due == SIZE_MAX ? NULL : take(hold, earliest_of_thread(hold, due));
}

sl_time sl_hold_deadline(const struct sl_hold *hold)
{
    sl_time next = SL_NEVER;
    for (size_t i = 0; i < hold->count; i++)
        next = sl_min_time(next, hold->records[i]->due);
    return next;
}
