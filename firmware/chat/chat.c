#include "chat/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *sl_message_state_name(enum sl_message_state state)
{
    switch (state) {
    case SL_MESSAGE_RECEIVED:
        return "received";
    case SL_MESSAGE_QUEUED:
        return "queued";
    case SL_MESSAGE_RELAYED:
        return "relayed";
    case SL_MESSAGE_DELIVERED:
        return "delivered";
    case SL_MESSAGE_READ:
        return "read";
    }
    return "unknown";
}

/* ---- The node below ---- */

static uint64_t node_next_created(void *ctx, sl_time now)
{
    return sl_node_next_created(ctx, now);
}

static int node_publish(void *ctx, const struct sl_draft *draft, sl_time now,
                        uint8_t ret_id[SL_ID_LEN])
{
    return sl_node_publish(ctx, draft, now, ret_id);
}

static void node_settled(void *ctx, const uint8_t id[SL_ID_LEN], const uint8_t *by, sl_time now)
{
    sl_node_settled(ctx, id, by, now);
}

static int node_each(void *ctx, enum sl_envelope_kind kind, sl_time now, sl_mesh_found found,
                     void *arg)
{
    return sl_node_each(ctx, kind, now, found, arg);
}

struct sl_chat *sl_chat_new(const struct sl_chat_config *config, sl_time now)
{
    struct sl_chat_mesh mesh = {
        .ctx = config->node,
        .next_created = node_next_created,
        .publish = node_publish,
        .each = node_each,
        .settled = node_settled,
    };
    struct sl_node_status status;
    sl_node_status(config->node, now, &status);
    memcpy(mesh.origin, status.origin, SL_ORIGIN_LEN);
    return sl_chat_new_over(config, &mesh, now);
}

/* ---- Life ---- */

struct found {
    struct sl_chat *chat;
    sl_time now;
};

static void found_persona(void *arg, const struct sl_envelope *envelope,
                          const uint8_t id[SL_ID_LEN], sl_time born, bool local, bool relayed)
{
    (void)local;
    const struct found *found = arg;
    sl_chat_offer(found->chat, &(struct sl_offer){.envelope = envelope,
                                                  .id = id,
                                                  .born = born,
                                                  .relayed = relayed,
                                                  .backlog = true,
                                                  .now = found->now});
}

struct sl_chat *sl_chat_new_over(const struct sl_chat_config *config,
                                 const struct sl_chat_mesh *mesh, sl_time now)
{
    struct sl_chat *chat = calloc(1, sizeof(*chat));
    if (!chat)
        return NULL;
    chat->config = *config;
    chat->mesh = *mesh;
    chat->now = now;
    chat->next_handle = 1;
    chat->receipts.at = SL_NEVER;
    sl_prng_init(&chat->prng, config->prng_seed);
    sl_people_key(&chat->config.primitives, config->network_secret, chat->people_key);
    sl_people_init(&chat->people, &chat->config.primitives, sl_prng_next(&chat->prng));
    struct sl_vault ports;
    sl_vault_init(&ports, &chat->config.vault, &chat->config.primitives, &chat->config.sealing);
    sl_expiry_init(&chat->expiry, &ports, config->node_seed);
    struct found found = {.chat = chat, .now = now};
    mesh->each(mesh->ctx, SL_ENVELOPE_PERSONA, now, found_persona, &found);
    return chat;
}

void sl_chat_free(struct sl_chat *chat)
{
    if (!chat)
        return;
    const struct sl_primitives primitives = chat->config.primitives;
    while (chat->persona_count > 0)
        sl_persona_free(chat, chat->personas[chat->persona_count - 1]);
    free(chat->receipts.items);
    sl_expiry_done(&chat->expiry);
    sl_people_done(&chat->people);
    primitives.wipe(primitives.ctx, chat, sizeof(*chat));
    free(chat);
}

/* ---- From the node ---- */

void sl_chat_accepted(struct sl_chat *chat, const struct sl_envelope *envelope,
                      const uint8_t id[SL_ID_LEN], sl_time born, bool local, sl_time now)
{
    (void)local;
    chat->now = now;
    sl_chat_offer(chat,
                  &(struct sl_offer){.envelope = envelope, .id = id, .born = born, .now = now});
}

void sl_chat_relayed(struct sl_chat *chat, const uint8_t id[SL_ID_LEN], sl_time now)
{
    chat->now = now;
    for (size_t i = 0; i < chat->persona_count; i++) {
        size_t part;
        struct sl_record *record = sl_history_id(&chat->personas[i]->history, id, &part);
        if (record && record->message.outgoing)
            sl_chat_raise(chat, chat->personas[i], record, part, SL_MESSAGE_RELAYED);
    }
}

void sl_chat_tick(struct sl_chat *chat, sl_time now)
{
    chat->now = now;
    for (size_t i = 0; i < chat->persona_count; i++) {
        sl_persona_tick(chat, chat->personas[i], now);
        if (chat->personas[i]->scan.kinds != 0)
            sl_scan_go_on(chat, chat->personas[i], now);
        sl_chat_release_due(chat, chat->personas[i], now);
    }
    sl_expiry_tick(&chat->expiry, now);
    if (chat->receipts.at <= now)
        sl_receipts_flush(chat, now);
}

sl_time sl_chat_deadline(const struct sl_chat *chat)
{
    sl_time next = sl_min_time(chat->receipts.at, sl_expiry_deadline(&chat->expiry));
    for (size_t i = 0; i < chat->persona_count; i++) {
        next = sl_min_time(next, sl_persona_deadline(chat->personas[i]));
        next = sl_min_time(next, chat->personas[i]->scan.kinds != 0
                                     ? chat->now
                                     : sl_hold_deadline(&chat->personas[i]->hold));
    }
    return next;
}

void sl_chat_counters(const struct sl_chat *chat, struct sl_chat_counters *ret_counters)
{
    *ret_counters = chat->counters;
}

/* ---- Look-ups ---- */

struct sl_persona *sl_chat_by_handle(const struct sl_chat *chat, uint32_t handle)
{
    for (size_t i = 0; i < chat->persona_count; i++)
        if (chat->personas[i]->handle == handle)
            return chat->personas[i];
    return NULL;
}

struct sl_persona *sl_chat_own(const struct sl_chat *chat, uint32_t owner, uint32_t handle)
{
    struct sl_persona *persona = sl_chat_by_handle(chat, handle);
    return persona && persona->owner == owner ? persona : NULL;
}

struct sl_persona *sl_chat_by_key(const struct sl_chat *chat, const uint8_t key[SL_KEY_LEN])
{
    for (size_t i = 0; i < chat->persona_count; i++)
        if (memcmp(chat->personas[i]->key, key, SL_KEY_LEN) == 0)
            return chat->personas[i];
    return NULL;
}

/* ---- What a persona may see ---- */

int sl_chat_persona(const struct sl_chat *chat, uint32_t owner, size_t at,
                    struct sl_persona_info *ret_info)
{
    for (size_t i = 0; i < chat->persona_count; i++) {
        const struct sl_persona *persona = chat->personas[i];
        if (persona->owner != owner || at-- > 0)
            continue;
        struct sl_persona_info info = {.persona = persona->handle,
                                       .kept = persona->kept,
                                       .unread = sl_history_unread(&persona->history, NULL, NULL)};
        memcpy(info.nick, persona->nick, sizeof(info.nick));
        memcpy(info.code, persona->code, sizeof(persona->code));
        memcpy(info.key, persona->key, sizeof(info.key));
        *ret_info = info;
        return 0;
    }
    return -ENOENT;
}

int sl_chat_history(const struct sl_chat *chat, uint32_t owner, uint32_t persona, uint64_t from,
                    struct sl_message *ret_message)
{
    const struct sl_persona *self = sl_chat_own(chat, owner, persona);
    if (!self)
        return -EPERM;
    size_t at = sl_history_from(&self->history, from);
    if (at == self->history.count)
        return -ENOENT;
    *ret_message = self->history.records[at]->message;
    return 0;
}
