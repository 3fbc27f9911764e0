/* Personas of this node: made, kept, brought back, wiped; and their prekeys. */
#include "chat/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void wipe(const struct sl_chat *chat, void *bytes, size_t len)
{
    chat->config.primitives.wipe(chat->config.primitives.ctx, bytes, len);
}

/* ---- Prekeys ---- */

static void drop_oldest_prekey(struct sl_chat *chat, struct sl_persona *persona)
{
    if (persona->kept)
        sl_expiry_drop(&chat->expiry, &persona->vault, &persona->prekeys[0]);
    persona->prekey_count--;
    memmove(persona->prekeys, persona->prekeys + 1,
            persona->prekey_count * sizeof(struct sl_prekey));
    wipe(chat, &persona->prekeys[persona->prekey_count], sizeof(struct sl_prekey));
}

static void drop_newest_prekey(struct sl_chat *chat, struct sl_persona *persona)
{
    struct sl_prekey *newest = &persona->prekeys[--persona->prekey_count];
    if (persona->kept)
        sl_expiry_drop(&chat->expiry, &persona->vault, newest);
    wipe(chat, newest, sizeof(*newest));
}

static int publish_announcement(struct sl_chat *chat, struct sl_persona *persona, sl_time now)
{
    struct sl_announcing announcing = {
        .people_key = chat->people_key,
        .seed = persona->profile.seed,
        .stamp = {.created = chat->mesh.next_created(chat->mesh.ctx, now)},
    };
    struct sl_announcement *announcement = &announcing.announcement;
    memcpy(announcing.stamp.origin, chat->mesh.origin, SL_ORIGIN_LEN);
    memcpy(announcement->key, persona->key, SL_KEY_LEN);
    memcpy(announcement->box, persona->profile.box, SL_KEY_LEN);
    memcpy(announcement->prekey, persona->prekeys[persona->prekey_count - 1].key, SL_KEY_LEN);
    memcpy(announcement->nick, persona->nick, sizeof(announcement->nick));
    uint8_t payload[SL_PAYLOAD_MAX], id[SL_ID_LEN];
    struct sl_outgoing outgoing = {
        .kind = SL_ENVELOPE_PERSONA,
        .created = announcing.stamp.created,
        .lifetime = SL_PERSONA_LIFETIME,
        .payload = payload,
        .payload_len = sl_announcement_seal(&chat->config.primitives, &announcing, payload),
    };
    return sl_chat_publish(chat, persona, &outgoing, now, id);
}

static struct sl_prekey *new_prekey(struct sl_chat *chat, struct sl_persona *persona, sl_time now)
{
    if (persona->prekey_count == SL_PREKEYS_MAX)
        drop_oldest_prekey(chat, persona);
    struct sl_prekey *prekey = &persona->prekeys[persona->prekey_count++];
    const struct sl_sealing *sealing = &chat->config.sealing;
    sealing->box_keypair(sealing->ctx, prekey->secret, prekey->key);
    prekey->made = now;
    return prekey;
}

/* False while the disk does not take it: a power cut would make unreadable what is sealed to it. */
static bool keep_prekey(struct sl_chat *chat, struct sl_persona *persona,
                        const struct sl_prekey *prekey)
{
    if (!persona->kept)
        return true;
    sl_expiry_add(&chat->expiry, &persona->vault, prekey);
    return sl_vault_put_prekey(&persona->vault, prekey) == 0;
}

/* A fresh prekey, on disk before anybody can seal to it. Until then people seal to the last one. */
static void rotate_prekey(struct sl_chat *chat, struct sl_persona *persona, sl_time now)
{
    const struct sl_prekey *prekey = new_prekey(chat, persona, now);
    persona->announce_at = now + SL_PREKEY_ROTATE;
    if (keep_prekey(chat, persona, prekey) &&
        !sl_publish_failed(publish_announcement(chat, persona, now)))
        return;
    drop_newest_prekey(chat, persona);
    persona->announce_at = now + SL_RETRY;
}

void sl_persona_tick(struct sl_chat *chat, struct sl_persona *persona, sl_time now)
{
    while (persona->prekey_count > 0 && now - persona->prekeys[0].made >= SL_PREKEY_DESTROY)
        drop_oldest_prekey(chat, persona);
    if (persona->announce_at <= now)
        rotate_prekey(chat, persona, now);
}

sl_time sl_persona_deadline(const struct sl_persona *persona)
{
    sl_time destroy_at =
        persona->prekey_count > 0 ? persona->prekeys[0].made + SL_PREKEY_DESTROY : SL_NEVER;
    return sl_min_time(persona->announce_at, destroy_at);
}

/* ---- Coming and going ---- */

/* Without keys yet. NULL if out of memory. */
static struct sl_persona *new_persona(struct sl_chat *chat, uint32_t owner, const char *nick)
{
    struct sl_persona *persona = calloc(1, sizeof(*persona));
    if (!persona)
        return NULL;
    const struct sl_primitives *p = &chat->config.primitives;
    persona->owner = owner;
    memcpy(persona->nick, nick, strlen(nick));
    sl_vault_init(&persona->vault, &chat->config.vault, p, &chat->config.sealing);
    sl_vault_set_owner(&persona->vault, chat->config.node_seed, nick);
    sl_history_init(&persona->history, p, sl_prng_next(&chat->prng));
    sl_parts_init(&persona->parts, p);
    sl_hold_init(&persona->hold, p);
    sl_map_init(&persona->scan.done, SL_ID_LEN, 1, 0);
    /* Not 0: what a new board hears may be older than its life clock. */
    for (size_t i = 0; i < SL_ARRAY_LEN(persona->horizon); i++)
        persona->horizon[i] = INT64_MIN;
    return persona;
}

static void set_keys(const struct sl_chat *chat, struct sl_persona *persona)
{
    const struct sl_primitives *p = &chat->config.primitives;
    p->sign_key(p->ctx, persona->profile.seed, persona->key);
    sl_persona_code(p, persona->key, persona->code);
}

static void mark_local(struct sl_chat *chat, const struct sl_persona *persona, bool local)
{
    struct sl_person_entry *entry = sl_people_key_entry(&chat->people, persona->key);
    if (entry)
        entry->local = local;
}

static void enlist(struct sl_chat *chat, struct sl_persona *persona)
{
    persona->handle = chat->next_handle++;
    chat->personas[chat->persona_count++] = persona;
}

static void delist(struct sl_chat *chat, struct sl_persona *persona)
{
    size_t at = 0;
    while (at < chat->persona_count && chat->personas[at] != persona)
        at++;
    if (at == chat->persona_count)
        return;
    chat->persona_count--;
    memmove(chat->personas + at, chat->personas + at + 1,
            (chat->persona_count - at) * sizeof(struct sl_persona *));
    mark_local(chat, persona, false);
}

void sl_persona_free(struct sl_chat *chat, struct sl_persona *persona)
{
    delist(chat, persona);
    while (persona->pin_count > 0)
        sl_chat_unpin(chat, persona, persona->pin_count - 1);
    sl_history_done(&persona->history);
    sl_parts_done(&persona->parts);
    sl_hold_done(&persona->hold);
    sl_map_done(&persona->scan.done);
    sl_vault_done(&persona->vault);
    wipe(chat, persona, sizeof(*persona));
    free(persona);
}

/* Opened by anybody under that nick in this vault, or by this owner. */
static struct sl_persona *find_open(const struct sl_chat *chat, uint32_t owner, const char *nick,
                                    bool kept)
{
    for (size_t i = 0; i < chat->persona_count; i++) {
        struct sl_persona *persona = chat->personas[i];
        if (strcmp(persona->nick, nick) == 0 && (kept ? persona->kept : persona->owner == owner))
            return persona;
    }
    return NULL;
}

/* ---- Create ---- */

static int check_new(const struct sl_chat *chat, uint32_t owner, const char *nick,
                     const char *passphrase)
{
    if (!sl_nick_valid(nick))
        return -EINVAL;
    if (passphrase && strlen(passphrase) < SL_PASSPHRASE_MIN)
        return -ERANGE;
    if (find_open(chat, owner, nick, false))
        return -EEXIST;
    return chat->persona_count == SL_PERSONAS_MAX ? -ENOSPC : 0;
}

/* All of it or nothing: a vault that is half there would block the nick. */
static int create_vault(struct sl_persona *persona, const char *passphrase)
{
    int error = sl_vault_create(&persona->vault, passphrase);
    if (error == 0)
        error = sl_vault_put_profile(&persona->vault, &persona->profile);
    if (error < 0)
        persona->vault.port->drop_owner(persona->vault.port->ctx, persona->vault.owner);
    return error;
}

/* Whether the nick is kept already. A disk that cannot be read is in the way of kept personas only.
 */
static int check_vault(const struct sl_persona *persona, bool keep)
{
    int exists = sl_vault_exists(&persona->vault);
    if (exists > 0)
        return -EEXIST;
    return keep ? exists : 0;
}

int sl_chat_create(struct sl_chat *chat, uint32_t owner, const char *nick, const char *passphrase,
                   sl_time now, uint32_t *ret_persona)
{
    chat->now = now;
    int error = check_new(chat, owner, nick, passphrase);
    if (error < 0)
        return error;
    struct sl_persona *persona = new_persona(chat, owner, nick);
    if (!persona)
        return -ENOMEM;
    const struct sl_primitives *p = &chat->config.primitives;
    const struct sl_sealing *sealing = &chat->config.sealing;
    error = check_vault(persona, passphrase != NULL);
    p->random(p->ctx, persona->profile.seed, SL_KEY_LEN);
    sealing->box_keypair(sealing->ctx, persona->profile.box_secret, persona->profile.box);
    set_keys(chat, persona);
    if (error == 0 && passphrase)
        error = create_vault(persona, passphrase);
    if (error < 0) {
        sl_persona_free(chat, persona);
        return error;
    }
    persona->kept = passphrase != NULL;
    enlist(chat, persona);
    rotate_prekey(chat, persona, now);
    *ret_persona = persona->handle;
    struct sl_channel general;
    error = sl_channel_public(p, chat->config.network_secret, "general", &general);
    assert(error == 0);
    sl_persona_join(chat, persona, &general, now);
    wipe(chat, &general, sizeof(general));
    return 0;
}

/* ---- Unlock ---- */

struct loading {
    struct sl_chat *chat;
    struct sl_persona *persona;
    bool found_profile;
    sl_time now;
};

static void load_profile(void *arg, const uint8_t *bytes, size_t len)
{
    struct loading *l = arg;
    l->found_profile = sl_profile_decode(bytes, len, &l->persona->profile) == 0;
}

static void load_prekey(void *arg, const uint8_t *bytes, size_t len)
{
    const struct loading *l = arg;
    struct sl_persona *persona = l->persona;
    struct sl_prekey prekey;
    if (sl_prekey_decode(bytes, len, &prekey) == 0 && persona->prekey_count < SL_PREKEYS_MAX) {
        size_t at = persona->prekey_count++;
        for (; at > 0 && persona->prekeys[at - 1].made > prekey.made; at--)
            persona->prekeys[at] = persona->prekeys[at - 1];
        persona->prekeys[at] = prekey;
    }
    wipe(l->chat, &prekey, sizeof(prekey));
}

static void load_channel(void *arg, const uint8_t *bytes, size_t len)
{
    const struct loading *l = arg;
    struct sl_persona *persona = l->persona;
    struct sl_channel channel;
    if (persona->channel_count == SL_CHANNELS_MAX ||
        sl_stored_channel_decode(&l->chat->config.primitives, bytes, len, &channel) < 0)
        return;
    persona->channels[persona->channel_count++] = channel;
    wipe(l->chat, &channel, sizeof(channel));
}

static void load_pin(void *arg, const uint8_t *bytes, size_t len)
{
    const struct loading *l = arg;
    struct sl_announcement person;
    if (sl_pin_decode(bytes, len, &person) < 0)
        return;
    struct sl_person_entry *entry = sl_people_remember(&l->chat->people, &person, l->now);
    if (entry)
        sl_chat_pin(l->chat, l->persona, entry);
}

static void load_record(void *arg, const uint8_t *bytes, size_t len)
{
    const struct loading *l = arg;
    struct sl_record *record = sl_record_decode(bytes, len);
    if (!record)
        return;
    if (sl_history_victim(&l->persona->history, record) ||
        sl_history_add_take(&l->persona->history, record) < 0)
        sl_record_free(&l->chat->config.primitives, record);
}

/* A full history has let go of older messages that the store may still hold. */
static void set_horizon(struct sl_persona *persona)
{
    const struct sl_history *history = &persona->history;
    if (history->count < SL_HISTORY_MAX && history->bytes < SL_HISTORY_BYTES_MAX / 8 * 7)
        return;
    bool direct_went = history->direct_bytes > SL_HISTORY_BYTES_MAX / 8 * 3;
    for (size_t i = history->count; i-- > 0;) {
        const struct sl_message *m = &history->records[i]->message;
        if (!m->direct || direct_went)
            persona->horizon[m->direct] = m->at;
    }
}

static int load(struct loading *l)
{
    const struct sl_vault *vault = &l->persona->vault;
    int error = sl_vault_each(vault, SL_VAULT_PROFILE, load_profile, l);
    if (error == 0 && !l->found_profile)
        error = -EBADMSG;
    if (error == 0)
        error = sl_vault_each(vault, SL_VAULT_PREKEY, load_prekey, l);
    if (error == 0)
        error = sl_vault_each(vault, SL_VAULT_CHANNEL, load_channel, l);
    if (error == 0)
        error = sl_vault_each(vault, SL_VAULT_PIN, load_pin, l);
    if (error == 0)
        error = sl_vault_each(vault, SL_VAULT_RECORD, load_record, l);
    if (error < 0)
        return error;
    if (l->persona->history.next_number < l->persona->profile.number_reserved)
        l->persona->history.next_number = l->persona->profile.number_reserved;
    set_horizon(l->persona);
    return 0;
}

/* The newest prekey goes on until its time, if those who look will find its announcement. */
static sl_time next_announcement(const struct sl_chat *chat, const struct sl_persona *persona,
                                 sl_time now)
{
    const struct sl_person_entry *entry = sl_people_key_entry(&chat->people, persona->key);
    if (!entry || persona->prekey_count == 0)
        return now;
    const struct sl_prekey *newest = &persona->prekeys[persona->prekey_count - 1];
    if (memcmp(entry->announcement.prekey, newest->key, SL_KEY_LEN) != 0)
        return now;
    return newest->made + SL_PREKEY_ROTATE;
}

int sl_chat_unlock(struct sl_chat *chat, uint32_t owner, const char *nick, const char *passphrase,
                   sl_time now, uint32_t *ret_persona)
{
    chat->now = now;
    const struct sl_persona *open = find_open(chat, owner, nick, true);
    if (open) {
        if (open->owner == owner)
            *ret_persona = open->handle;
        return -EALREADY;
    }
    if (!sl_nick_valid(nick))
        return -ENOENT;
    if (chat->persona_count == SL_PERSONAS_MAX)
        return -ENOSPC;
    struct sl_persona *persona = new_persona(chat, owner, nick);
    if (!persona)
        return -ENOMEM;
    struct loading loading = {.chat = chat, .persona = persona, .now = now};
    int error = sl_vault_unlock(&persona->vault, passphrase);
    if (error == 0)
        error = load(&loading);
    if (error < 0) {
        sl_persona_free(chat, persona);
        return error;
    }
    set_keys(chat, persona);
    persona->kept = true;
    enlist(chat, persona);
    mark_local(chat, persona, true);
    persona->announce_at = next_announcement(chat, persona, now);
    sl_persona_tick(chat, persona, now);
    sl_receipts_add_owed(chat, persona, now);
    sl_scan_start(chat, persona, SL_SCAN_ALL, now);
    *ret_persona = persona->handle;
    return 0;
}

/* ---- Lock and forget ---- */

int sl_chat_lock(struct sl_chat *chat, uint32_t owner, uint32_t persona)
{
    struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    /* A kept one finds what it owes again; the last word of another still goes out. */
    if (self->kept)
        sl_receipts_forget(chat, self);
    sl_persona_free(chat, self);
    return 0;
}

int sl_chat_forget(struct sl_chat *chat, uint32_t owner, uint32_t persona)
{
    struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    if (self->kept) {
        self->vault.port->drop_owner(self->vault.port->ctx, self->vault.owner);
        sl_expiry_drop_owner(&chat->expiry, self->vault.owner);
    }
    sl_receipts_forget(chat, self);
    sl_persona_free(chat, self);
    return 0;
}
