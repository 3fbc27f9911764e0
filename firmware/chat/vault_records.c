/* What stands inside the vault's records. */
#include "chat/vault.h"

#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int put(const struct sl_vault *vault, const struct sl_vault_name *name, struct sl_writer *w,
               bool sync)
{
    assert(!w->failed);
    int error = sl_vault_put(vault, name, w->bytes, w->len, sync);
    vault->primitives->wipe(vault->primitives->ctx, w->bytes, w->len);
    return error;
}

static void write_text(struct sl_writer *w, const char *text)
{
    size_t len = strlen(text);
    sl_write_u8(w, (uint8_t)len);
    sl_write_bytes(w, (const uint8_t *)text, len);
}

/* `cap` counts the final NUL. */
static void read_text(struct sl_reader *r, char *ret_text, size_t cap)
{
    size_t len = sl_read_u8(r);
    if (len >= cap) {
        sl_read_fail(r);
        len = 0;
    }
    sl_read_copy(r, (uint8_t *)ret_text, len);
    ret_text[len] = '\0';
}

/* ---- Profile ---- */

enum { PROFILE_LEN = 3 * SL_KEY_LEN + 8 };

int sl_vault_put_profile(const struct sl_vault *vault, const struct sl_profile *profile)
{
    uint8_t bytes[PROFILE_LEN];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_bytes(&w, profile->seed, SL_KEY_LEN);
    sl_write_bytes(&w, profile->box_secret, SL_KEY_LEN);
    sl_write_bytes(&w, profile->box, SL_KEY_LEN);
    sl_write_u64(&w, profile->number_reserved);
    return put(vault, &(struct sl_vault_name){.kind = SL_VAULT_PROFILE}, &w, true);
}

int sl_profile_decode(const uint8_t *bytes, size_t len, struct sl_profile *ret_profile)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    sl_read_copy(&r, ret_profile->seed, SL_KEY_LEN);
    sl_read_copy(&r, ret_profile->box_secret, SL_KEY_LEN);
    sl_read_copy(&r, ret_profile->box, SL_KEY_LEN);
    ret_profile->number_reserved = sl_read_u64(&r);
    return sl_read_done(&r);
}

/* ---- Prekeys ---- */

enum { PREKEY_LEN = 2 * SL_KEY_LEN + 8 };

static struct sl_vault_name prekey_name(const struct sl_prekey *prekey)
{
    return (struct sl_vault_name){.kind = SL_VAULT_PREKEY, .bytes = prekey->key, .len = SL_KEY_LEN};
}

int sl_vault_put_prekey(const struct sl_vault *vault, const struct sl_prekey *prekey)
{
    uint8_t bytes[PREKEY_LEN];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_bytes(&w, prekey->secret, SL_KEY_LEN);
    sl_write_bytes(&w, prekey->key, SL_KEY_LEN);
    sl_write_u64(&w, (uint64_t)prekey->made);
    struct sl_vault_name name = prekey_name(prekey);
    return put(vault, &name, &w, true);
}

void sl_vault_prekey_key(const struct sl_vault *vault, const struct sl_prekey *prekey,
                         uint8_t ret_key[SL_VAULT_ID_LEN])
{
    struct sl_vault_name name = prekey_name(prekey);
    sl_vault_record_key(vault, &name, ret_key);
}

int sl_prekey_decode(const uint8_t *bytes, size_t len, struct sl_prekey *ret_prekey)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    sl_read_copy(&r, ret_prekey->secret, SL_KEY_LEN);
    sl_read_copy(&r, ret_prekey->key, SL_KEY_LEN);
    ret_prekey->made = (sl_time)(sl_read_u64(&r) & INT64_MAX);
    return sl_read_done(&r);
}

/* ---- Channels ---- */

enum { CHANNEL_LEN_MAX = 1 + SL_KEY_LEN + 1 + SL_CHANNEL_NAME_MAX };

static struct sl_vault_name channel_name(const struct sl_channel *channel)
{
    return (struct sl_vault_name){.kind = SL_VAULT_CHANNEL,
                                  .bytes = (const uint8_t *)channel->name,
                                  .len = strlen(channel->name)};
}

int sl_vault_put_channel(const struct sl_vault *vault, const struct sl_channel *channel)
{
    uint8_t bytes[CHANNEL_LEN_MAX];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_u8(&w, channel->is_private);
    sl_write_bytes(&w, channel->key, SL_KEY_LEN);
    write_text(&w, channel->name);
    struct sl_vault_name name = channel_name(channel);
    return put(vault, &name, &w, true);
}

void sl_vault_drop_channel(const struct sl_vault *vault, const struct sl_channel *channel)
{
    struct sl_vault_name name = channel_name(channel);
    sl_vault_drop(vault, &name);
}

int sl_stored_channel_decode(const struct sl_primitives *primitives, const uint8_t *bytes,
                             size_t len, struct sl_channel *ret_channel)
{
    struct sl_reader r;
    char name[SL_CHANNEL_NAME_MAX + 1];
    uint8_t key[SL_KEY_LEN];
    sl_reader_init(&r, bytes, len);
    bool is_private = sl_read_u8(&r) != 0;
    sl_read_copy(&r, key, sizeof(key));
    read_text(&r, name, sizeof(name));
    int error = sl_read_done(&r);
    if (error == 0)
        error = sl_channel_private(primitives, name, key, ret_channel);
    primitives->wipe(primitives->ctx, key, sizeof(key));
    if (error < 0)
        return -EBADMSG;
    ret_channel->is_private = is_private;
    return 0;
}

/* ---- Pins ---- */

enum { PIN_LEN_MAX = 2 * SL_KEY_LEN + 1 + SL_NICK_MAX };

static struct sl_vault_name pin_name(const uint8_t key[SL_KEY_LEN])
{
    return (struct sl_vault_name){.kind = SL_VAULT_PIN, .bytes = key, .len = SL_KEY_LEN};
}

int sl_vault_put_pin(const struct sl_vault *vault, const struct sl_announcement *person)
{
    uint8_t bytes[PIN_LEN_MAX];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_bytes(&w, person->key, SL_KEY_LEN);
    sl_write_bytes(&w, person->box, SL_KEY_LEN);
    write_text(&w, person->nick);
    struct sl_vault_name name = pin_name(person->key);
    return put(vault, &name, &w, true);
}

void sl_vault_drop_pin(const struct sl_vault *vault, const uint8_t key[SL_KEY_LEN])
{
    struct sl_vault_name name = pin_name(key);
    sl_vault_drop(vault, &name);
}

int sl_pin_decode(const uint8_t *bytes, size_t len, struct sl_announcement *ret_person)
{
    struct sl_announcement person = {0};
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    sl_read_copy(&r, person.key, SL_KEY_LEN);
    sl_read_copy(&r, person.box, SL_KEY_LEN);
    read_text(&r, person.nick, sizeof(person.nick));
    if (sl_read_done(&r) < 0 || !sl_nick_valid(person.nick))
        return -EBADMSG;
    *ret_person = person;
    return 0;
}

/* ---- Messages ---- */

enum {
    FLAG_DIRECT = 1,
    FLAG_OUTGOING = 2,
    FLAG_DURABLE = 4,
    FLAG_UNREAD = 8,
    FLAG_ACKED = 16,
    FLAG_READ_ACKED = 32,
    RECORD_HEADER_MAX = 8 + 1 + 1 + SL_CHANNEL_NAME_MAX + SL_KEY_LEN + 8 + 8 + SL_PREV_LEN + 4 + 1,
    REF_LEN = SL_ID_LEN + SL_RECEIPT_KEY_LEN + 1,
};

static struct sl_vault_name record_name(const struct sl_record *record)
{
    /* The id of the envelope, which a seized disk cannot tie to this: it is hashed with the key. */
    return (struct sl_vault_name){
        .kind = SL_VAULT_RECORD, .bytes = record->message.id, .len = SL_ID_LEN};
}

static uint8_t record_flags(const struct sl_record *record)
{
    const struct sl_message *m = &record->message;
    return (uint8_t)((m->direct ? FLAG_DIRECT : 0) | (m->outgoing ? FLAG_OUTGOING : 0) |
                     (m->durable ? FLAG_DURABLE : 0) | (m->unread ? FLAG_UNREAD : 0) |
                     (record->acked ? FLAG_ACKED : 0) | (record->read_acked ? FLAG_READ_ACKED : 0));
}

static void write_record(struct sl_writer *w, const struct sl_record *record)
{
    const struct sl_message *m = &record->message;
    sl_write_u64(w, m->number);
    sl_write_u8(w, record_flags(record));
    write_text(w, m->channel);
    sl_write_bytes(w, m->person, SL_KEY_LEN);
    sl_write_u64(w, m->created);
    sl_write_u64(w, (uint64_t)m->at);
    sl_write_bytes(w, record->prev, SL_PREV_LEN);
    sl_write_u32(w, record->lifetime);
    sl_write_u8(w, record->part_count);
    for (size_t i = 0; i < record->part_count; i++) {
        sl_write_bytes(w, record->parts[i].id, SL_ID_LEN);
        sl_write_bytes(w, record->parts[i].receipt_key, SL_RECEIPT_KEY_LEN);
        sl_write_u8(w, record->parts[i].state);
    }
    sl_write_bytes(w, (const uint8_t *)m->text, m->text_len);
}

int sl_vault_put_record(const struct sl_vault *vault, const struct sl_record *record, bool sync)
{
    size_t cap =
        RECORD_HEADER_MAX + record->part_count * (size_t)REF_LEN + record->message.text_len;
    uint8_t *bytes = malloc(cap);
    if (!bytes)
        return -ENOMEM;
    struct sl_writer w;
    sl_writer_init(&w, bytes, cap);
    write_record(&w, record);
    struct sl_vault_name name = record_name(record);
    int error = put(vault, &name, &w, sync);
    free(bytes);
    return error;
}

void sl_vault_drop_record(const struct sl_vault *vault, const struct sl_record *record)
{
    struct sl_vault_name name = record_name(record);
    sl_vault_drop(vault, &name);
}

static void read_header(struct sl_reader *r, struct sl_record *header)
{
    struct sl_message *m = &header->message;
    m->number = sl_read_u64(r);
    uint8_t flags = sl_read_u8(r);
    m->direct = flags & FLAG_DIRECT;
    m->outgoing = flags & FLAG_OUTGOING;
    m->durable = flags & FLAG_DURABLE;
    m->unread = flags & FLAG_UNREAD;
    header->acked = flags & FLAG_ACKED;
    header->read_acked = flags & FLAG_READ_ACKED;
    read_text(r, m->channel, sizeof(m->channel));
    sl_read_copy(r, m->person, SL_KEY_LEN);
    m->created = sl_read_u64(r);
    m->at = (sl_time)sl_read_u64(r);
    sl_read_copy(r, header->prev, SL_PREV_LEN);
    header->lifetime = sl_read_u32(r);
    header->part_count = sl_read_u8(r);
    if (m->number == 0 || header->part_count == 0 || header->part_count > SL_PARTS_MAX)
        sl_read_fail(r);
}

static void read_refs(struct sl_reader *r, struct sl_record *record)
{
    for (size_t i = 0; i < record->part_count; i++) {
        struct sl_part_ref *ref = &record->parts[i];
        sl_read_copy(r, ref->id, SL_ID_LEN);
        sl_read_copy(r, ref->receipt_key, SL_RECEIPT_KEY_LEN);
        ref->state = sl_read_u8(r);
        if (ref->state > SL_MESSAGE_READ)
            sl_read_fail(r);
    }
    memcpy(record->message.id, record->parts[0].id, SL_ID_LEN);
}

struct sl_record *sl_record_decode(const uint8_t *bytes, size_t len)
{
    struct sl_record header = {0};
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    read_header(&r, &header);
    size_t refs_len = header.part_count * (size_t)REF_LEN;
    size_t left = sl_read_left(&r);
    if (sl_read_failed(&r) || left <= refs_len || left - refs_len > SL_TEXT_MAX)
        return NULL;
    struct sl_record *record = sl_record_new(header.part_count, left - refs_len);
    if (!record)
        return NULL;
    header.message.text = record->message.text;
    header.message.text_len = record->message.text_len;
    *record = header;
    read_refs(&r, record);
    sl_read_copy(&r, (uint8_t *)sl_record_text(record), record->message.text_len);
    if (sl_read_done(&r) < 0 ||
        !sl_utf8_valid((const uint8_t *)record->message.text, record->message.text_len)) {
        free(record);
        return NULL;
    }
    sl_record_raise(record, SIZE_MAX, SL_MESSAGE_RECEIVED);
    record->saved = true;
    return record;
}
