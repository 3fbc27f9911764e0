/* Finding people, and making sure of them. */
#include "chat/internal.h"

#include <string.h>

static size_t find_pin(const struct sl_persona *persona, const uint8_t key[SL_KEY_LEN])
{
    for (size_t i = 0; i < persona->pin_count; i++)
        if (memcmp(persona->pins[i], key, SL_KEY_LEN) == 0)
            return i;
    return SIZE_MAX;
}

static bool is_verified(const struct sl_persona *persona, const struct sl_person_entry *entry)
{
    return persona ? find_pin(persona, entry->announcement.key) != SIZE_MAX : entry->pins > 0;
}

void sl_chat_describe(const struct sl_chat *chat, const struct sl_persona *persona,
                      const struct sl_person_entry *entry, struct sl_person *ret_person)
{
    struct sl_person person = {.verified = is_verified(persona, entry),
                               .local = entry->local,
                               .writable = sl_person_writable(entry, chat->now),
                               .last_heard = entry->last_heard};
    memcpy(person.key, entry->announcement.key, SL_KEY_LEN);
    memcpy(person.code, entry->code, sizeof(entry->code));
    memcpy(person.nick, entry->announcement.nick, sizeof(person.nick));
    *ret_person = person;
}

int sl_chat_person(const struct sl_chat *chat, uint32_t owner, uint32_t persona, size_t at,
                   struct sl_person *ret_person)
{
    const struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    if (at >= chat->people.count)
        return -ENOENT;
    sl_chat_describe(chat, self, &chat->people.entries[at], ret_person);
    return 0;
}

/* ---- By name ---- */

/* "ana", "k7mq-2hdc", or "ana.k7mq-2hdc". */
struct wanted {
    const char *nick; /* NULL: any */
    size_t nick_len;
    const char *code; /* NULL: any */
};

static struct wanted parse_name(const char *name)
{
    size_t len = strlen(name);
    if (sl_is_persona_code(name))
        return (struct wanted){.code = name};
    const size_t tail_len = SL_CODE_LEN - 1;
    if (len > tail_len + 1 && name[len - tail_len - 1] == '.' &&
        sl_is_persona_code(name + len - tail_len))
        return (struct wanted){
            .nick = name, .nick_len = len - tail_len - 1, .code = name + len - tail_len};
    return (struct wanted){.nick = name, .nick_len = len};
}

static bool is_wanted(const struct wanted *wanted, const struct sl_person_entry *entry)
{
    const char *nick = entry->announcement.nick;
    if (wanted->nick &&
        (strlen(nick) != wanted->nick_len || memcmp(nick, wanted->nick, wanted->nick_len) != 0))
        return false;
    return !wanted->code || strcmp(entry->code, wanted->code) == 0;
}

/* Best last. A persona that went away without a word does not make the next of that nick ambiguous.
 */
enum rank { RANK_ABSENT, RANK_PRESENT, RANK_VERIFIED, RANK_NONE };

static enum rank rank_of(const struct sl_chat *chat, const struct sl_persona *self,
                         const struct sl_person_entry *entry)
{
    if (is_verified(self, entry))
        return RANK_VERIFIED;
    return entry->local || sl_person_present(entry, chat->now) ? RANK_PRESENT : RANK_ABSENT;
}

int sl_chat_find(const struct sl_chat *chat, uint32_t owner, uint32_t persona, const char *name,
                 struct sl_person *ret_person)
{
    const struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    struct wanted wanted = parse_name(name);
    size_t counts[RANK_NONE] = {0};
    const struct sl_person_entry *found[RANK_NONE];
    for (size_t i = 0; i < chat->people.count; i++) {
        const struct sl_person_entry *entry = &chat->people.entries[i];
        if (!is_wanted(&wanted, entry))
            continue;
        enum rank rank = rank_of(chat, self, entry);
        counts[rank]++;
        found[rank] = entry;
    }
    for (size_t rank = RANK_NONE; rank-- > 0;) {
        if (counts[rank] > 1)
            return -ENOTUNIQ;
        if (counts[rank] == 0)
            continue;
        sl_chat_describe(chat, self, found[rank], ret_person);
        return 0;
    }
    return -ENOENT;
}

int sl_chat_person_by_key(const struct sl_chat *chat, uint32_t owner, uint32_t persona,
                          const uint8_t key[SL_KEY_LEN], struct sl_person *ret_person)
{
    const struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    const struct sl_person_entry *entry = sl_people_key_entry(&chat->people, key);
    if (!entry)
        return -ENOENT;
    sl_chat_describe(chat, self, entry, ret_person);
    return 0;
}

/* ---- Authentication ---- */

int sl_chat_auth_code(const struct sl_chat *chat, uint32_t owner, uint32_t persona,
                      const uint8_t person[SL_KEY_LEN], char ret_code[SL_AUTH_CODE_LEN])
{
    const struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    if (!sl_people_key_entry(&chat->people, person))
        return -ENOENT;
    sl_auth_code(&chat->config.primitives, self->key, person, ret_code);
    return 0;
}

int sl_chat_pin(struct sl_chat *chat, struct sl_persona *persona, struct sl_person_entry *entry)
{
    (void)chat;
    if (persona->pin_count == SL_PINS_MAX)
        return -ENOSPC;
    memcpy(persona->pins[persona->pin_count++], entry->announcement.key, SL_KEY_LEN);
    entry->pins++;
    return 0;
}

void sl_chat_unpin(struct sl_chat *chat, struct sl_persona *persona, size_t at)
{
    struct sl_person_entry *entry = sl_people_key_entry(&chat->people, persona->pins[at]);
    if (entry)
        entry->pins--;
    persona->pin_count--;
    if (at != persona->pin_count)
        memcpy(persona->pins[at], persona->pins[persona->pin_count], SL_KEY_LEN);
}

int sl_chat_verify(struct sl_chat *chat, uint32_t owner, uint32_t persona,
                   const uint8_t person[SL_KEY_LEN], bool verified, sl_time now)
{
    chat->now = now;
    struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    struct sl_person_entry *entry = sl_people_key_entry(&chat->people, person);
    if (!entry)
        return -ENOENT;
    size_t at = find_pin(self, person);
    if (verified == (at != SIZE_MAX))
        return 0;
    if (!verified) {
        if (self->kept)
            sl_vault_drop_pin(&self->vault, person);
        sl_chat_unpin(chat, self, at);
        return 0;
    }
    int error = self->kept ? sl_vault_put_pin(&self->vault, &entry->announcement) : 0;
    return sl_publish_failed(error) ? error : sl_chat_pin(chat, self, entry);
}
