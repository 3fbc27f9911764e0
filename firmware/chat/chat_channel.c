/* Joining and leaving channels. */
#include "chat/internal.h"

#include <string.h>

static const char *without_hash(const char *name)
{
    return *name == '#' ? name + 1 : name;
}

struct sl_channel *sl_persona_channel(struct sl_persona *persona, const char *name)
{
    name = without_hash(name);
    for (size_t i = 0; i < persona->channel_count; i++)
        if (strcmp(persona->channels[i].name, name) == 0)
            return &persona->channels[i];
    return NULL;
}

int sl_persona_join(struct sl_chat *chat, struct sl_persona *persona,
                    const struct sl_channel *channel, sl_time now)
{
    if (sl_persona_channel(persona, channel->name))
        return -EEXIST;
    if (persona->channel_count == SL_CHANNELS_MAX)
        return -ENOSPC;
    if (persona->kept) {
        int error = sl_vault_put_channel(&persona->vault, channel);
        if (sl_publish_failed(error))
            return error;
    }
    persona->channels[persona->channel_count++] = *channel;
    sl_scan_start(chat, persona, SL_SCAN_BIT(SL_ENVELOPE_CHANNEL), now);
    return 0;
}

int sl_chat_join(struct sl_chat *chat, uint32_t owner, uint32_t persona, const char *name_or_link,
                 sl_time now)
{
    chat->now = now;
    const struct sl_primitives *p = &chat->config.primitives;
    struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    struct sl_channel channel;
    int error = sl_channel_is_link(name_or_link)
                    ? sl_channel_from_link(p, name_or_link, &channel)
                    : sl_channel_public(p, chat->config.network_secret, name_or_link, &channel);
    if (error < 0)
        return error;
    error = sl_persona_join(chat, self, &channel, now);
    p->wipe(p->ctx, &channel, sizeof(channel));
    return error;
}

int sl_chat_make_private(struct sl_chat *chat, uint32_t owner, uint32_t persona, const char *name,
                         sl_time now)
{
    chat->now = now;
    const struct sl_primitives *p = &chat->config.primitives;
    struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    struct sl_channel channel;
    uint8_t key[SL_KEY_LEN];
    p->random(p->ctx, key, sizeof(key));
    int error = sl_channel_private(p, without_hash(name), key, &channel);
    p->wipe(p->ctx, key, sizeof(key));
    if (error < 0)
        return error;
    error = sl_persona_join(chat, self, &channel, now);
    p->wipe(p->ctx, &channel, sizeof(channel));
    return error;
}

/* What was said there goes too: another private channel of the same name is another channel. */
static void forget_channel_history(struct sl_persona *persona, const char *name)
{
    for (size_t i = persona->history.count; i-- > 0;) {
        struct sl_record *record = persona->history.records[i];
        if (!sl_record_in(record, name, NULL))
            continue;
        if (persona->kept)
            sl_vault_drop_record(&persona->vault, record);
        sl_history_remove(&persona->history, record);
    }
}

int sl_chat_leave(struct sl_chat *chat, uint32_t owner, uint32_t persona, const char *name)
{
    const struct sl_primitives *p = &chat->config.primitives;
    struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    struct sl_channel *channel = sl_persona_channel(self, name);
    if (!channel)
        return -ENOENT;
    if (self->kept)
        sl_vault_drop_channel(&self->vault, channel);
    sl_parts_forget(&self->parts, channel->name);
    sl_hold_forget(&self->hold, channel->name);
    forget_channel_history(self, channel->name);
    size_t at = (size_t)(channel - self->channels);
    self->channel_count--;
    memmove(channel, channel + 1, (self->channel_count - at) * sizeof(*channel));
    p->wipe(p->ctx, &self->channels[self->channel_count], sizeof(*channel));
    return 0;
}

int sl_chat_channel(const struct sl_chat *chat, uint32_t owner, uint32_t persona, size_t at,
                    struct sl_channel_info *ret_info)
{
    const struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    if (at >= self->channel_count)
        return -ENOENT;
    const struct sl_channel *channel = &self->channels[at];
    struct sl_channel_info info = {
        .is_private = channel->is_private,
        .unread = sl_history_unread(&self->history, channel->name, NULL),
    };
    memcpy(info.name, channel->name, sizeof(info.name));
    *ret_info = info;
    return 0;
}

int sl_chat_channel_link(const struct sl_chat *chat, uint32_t owner, uint32_t persona,
                         const char *name, char *ret_link, size_t cap)
{
    struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    const struct sl_channel *channel = sl_persona_channel(self, name);
    if (!channel)
        return -ENOENT;
    return channel->is_private ? sl_channel_to_link(channel, ret_link, cap) : -ENODATA;
}
