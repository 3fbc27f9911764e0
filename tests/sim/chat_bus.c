#include "sim/chat_bus.h"

#include "crypto/sodium.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { UNIX_START = 1700000000 };

/* ---- The node that the chat sees ---- */

uint64_t sl_bus_next_created(struct sl_bus *bus, int node)
{
    uint64_t clock = (uint64_t)UNIX_START * 1000000 + (uint64_t)bus->now;
    uint64_t last = bus->nodes[node].last_created;
    return clock > last ? clock : last + 1;
}

static uint64_t next_created(void *ctx, sl_time now)
{
    const struct sl_bus_node *node = ctx;
    (void)now;
    return sl_bus_next_created(node->bus, node->number);
}

static struct sl_bus_stored *put(struct sl_bus_node *node, const uint8_t *bytes, size_t len)
{
    node->stored = realloc(node->stored, (node->stored_count + 1) * sizeof(*node->stored));
    assert(node->stored);
    struct sl_bus_stored *stored = &node->stored[node->stored_count++];
    *stored = (struct sl_bus_stored){.bytes = malloc(len), .len = len, .born = node->bus->now};
    assert(stored->bytes);
    memcpy(stored->bytes, bytes, len);
    int error = sl_envelope_decode(stored->bytes, len, &stored->envelope);
    assert(error == 0);
    sl_envelope_id(&stored->envelope, &node->bus->primitives, stored->id);
    stored->from = node->number;
    return stored;
}

static size_t seal(struct sl_bus_node *node, const struct sl_draft *draft,
                   uint8_t ret_bytes[SL_ENVELOPE_MAX])
{
    struct sl_envelope envelope = {.kind = (uint8_t)draft->kind,
                                   .created = draft->created,
                                   .lifetime = draft->lifetime,
                                   .payload = draft->payload,
                                   .payload_len = draft->payload_len};
    memcpy(envelope.origin, node->origin, SL_ORIGIN_LEN);
    int len = sl_envelope_encode(&envelope, &node->bus->primitives, node->seed, ret_bytes,
                                 SL_ENVELOPE_MAX);
    assert(len > 0);
    return (size_t)len;
}

static int publish(void *ctx, const struct sl_draft *draft, sl_time now, uint8_t ret_id[SL_ID_LEN])
{
    struct sl_bus_node *node = ctx;
    if (sl_publish_failed(node->publish_error))
        return node->publish_error;
    assert(draft->created > node->last_created);
    if (node->on_publish)
        node->on_publish(node, draft);
    node->last_created = draft->created;
    uint8_t bytes[SL_ENVELOPE_MAX];
    struct sl_bus_stored *stored = put(node, bytes, seal(node, draft, bytes));
    memcpy(ret_id, stored->id, SL_ID_LEN);
    struct sl_envelope envelope = stored->envelope;
    sl_chat_accepted(node->chat, &envelope, ret_id, now, true, now);
    return node->publish_error;
}

static bool is_alive(const struct sl_bus_stored *stored, sl_time now)
{
    return now - stored->born < stored->envelope.lifetime * SL_SECOND;
}

static int each(void *ctx, enum sl_envelope_kind kind, sl_time now, sl_mesh_found found, void *arg)
{
    struct sl_bus_node *node = ctx;
    for (size_t i = 0; i < node->stored_count; i++) {
        struct sl_bus_stored stored = node->stored[i];
        if (stored.envelope.kind == kind && is_alive(&stored, now))
            found(arg, &stored.envelope, stored.id, stored.born, stored.from == node->number,
                  stored.relayed);
    }
    return 0;
}

/* ---- Events ---- */

static void note(struct sl_bus_events *events, uint32_t persona, uint32_t owner,
                 const struct sl_message *message)
{
    events->items = realloc(events->items, (events->count + 1) * sizeof(*events->items));
    assert(events->items);
    struct sl_bus_event *event = &events->items[events->count++];
    *event = (struct sl_bus_event){.persona = persona, .owner = owner, .message = *message};
    event->message.text = strndup(message->text, message->text_len);
    assert(event->message.text);
}

static void on_message(void *arg, uint32_t persona, uint32_t owner,
                       const struct sl_message *message)
{
    struct sl_bus_node *node = arg;
    note(&node->messages, persona, owner, message);
}

static void on_state(void *arg, uint32_t persona, uint32_t owner, const struct sl_message *message)
{
    struct sl_bus_node *node = arg;
    note(&node->states, persona, owner, message);
}

static void on_person(void *arg, const struct sl_person *person)
{
    struct sl_bus_node *node = arg;
    node->person_count++;
    node->last_person = *person;
}

static void forget_events(struct sl_bus_events *events)
{
    for (size_t i = 0; i < events->count; i++)
        free((char *)events->items[i].message.text);
    free(events->items);
    *events = (struct sl_bus_events){0};
}

void sl_bus_forget_events(struct sl_bus *bus, int node)
{
    forget_events(&bus->nodes[node].messages);
    forget_events(&bus->nodes[node].states);
}

/* ---- Nodes ---- */

static int fast_passphrase_key(void *ctx, const char *passphrase, const uint8_t salt[16],
                               uint8_t ret_key[SL_KEY_LEN])
{
    const struct sl_primitives *p = ctx;
    uint8_t key[SL_KEY_LEN] = {0};
    memcpy(key, salt, 16);
    p->hash(p->ctx, "fast", key, (const uint8_t *)passphrase, strlen(passphrase), ret_key,
            SL_KEY_LEN);
    return 0;
}

void sl_bus_start(struct sl_bus *bus, int number)
{
    struct sl_bus_node *node = &bus->nodes[number];
    struct sl_chat_config config = {
        .primitives = bus->primitives,
        .sealing = bus->sealing,
        .events = {.arg = node, .message = on_message, .state = on_state, .person = on_person},
        .prng_seed = (uint64_t)number + 1,
    };
    if (bus->fast_passphrases) {
        config.sealing.ctx = &bus->primitives;
        config.sealing.passphrase_key = fast_passphrase_key;
    }
    memcpy(config.network_secret, bus->network_secret, SL_KEY_LEN);
    memcpy(config.node_seed, node->seed, SL_KEY_LEN);
    sl_memory_store_vault(node->store, &config.vault);
    struct sl_chat_mesh mesh = {
        .ctx = node, .next_created = next_created, .publish = publish, .each = each};
    memcpy(mesh.origin, node->origin, SL_ORIGIN_LEN);
    node->chat = sl_chat_new_over(&config, &mesh, bus->now);
    assert(node->chat);
}

void sl_bus_stop(struct sl_bus *bus, int number)
{
    sl_memory_store_commit(bus->nodes[number].store);
    sl_chat_free(bus->nodes[number].chat);
    bus->nodes[number].chat = NULL;
}

void sl_bus_pull_plug(struct sl_bus *bus, int number)
{
    sl_chat_free(bus->nodes[number].chat);
    bus->nodes[number].chat = NULL;
    sl_memory_store_power_cut(bus->nodes[number].store);
}

struct sl_bus *sl_bus_new(int node_count)
{
    struct sl_bus *bus = calloc(1, sizeof(*bus));
    assert(bus && node_count <= SL_BUS_NODES_MAX);
    int error = sl_sodium_init();
    assert(error == 0);
    bus->now = 1000 * SL_SECOND;
    bus->fast_passphrases = true;
    bus->node_count = node_count;
    memset(bus->network_secret, 0x5e, SL_KEY_LEN);
    sl_sodium_primitives(&bus->primitives);
    sl_sodium_sealing(&bus->sealing);
    for (int i = 0; i < node_count; i++) {
        struct sl_bus_node *node = &bus->nodes[i];
        uint8_t key[SL_KEY_LEN];
        node->bus = bus;
        node->number = i;
        node->store = sl_memory_store_new();
        assert(node->store);
        memset(node->seed, 'a' + i, SL_KEY_LEN);
        bus->primitives.sign_key(bus->primitives.ctx, node->seed, key);
        sl_origin_of_key(&bus->primitives, key, node->origin);
        sl_bus_start(bus, i);
    }
    return bus;
}

void sl_bus_free(struct sl_bus *bus)
{
    for (int i = 0; i < bus->node_count; i++) {
        struct sl_bus_node *node = &bus->nodes[i];
        sl_chat_free(node->chat);
        sl_memory_store_free(node->store);
        for (size_t j = 0; j < node->stored_count; j++)
            free(node->stored[j].bytes);
        free(node->stored);
        sl_bus_forget_events(bus, i);
    }
    free(bus);
}

/* ---- Delivery ---- */

static struct sl_bus_stored *find(struct sl_bus_node *node, const uint8_t id[SL_ID_LEN])
{
    for (size_t i = node->stored_count; i-- > 0;)
        if (memcmp(node->stored[i].id, id, SL_ID_LEN) == 0)
            return &node->stored[i];
    return NULL;
}

void sl_bus_hand(struct sl_bus *bus, const struct sl_bus_stored *from_store, int number)
{
    struct sl_bus_node *to = &bus->nodes[number];
    struct sl_bus_node *from = &bus->nodes[from_store->from];
    if (find(to, from_store->id))
        return;
    struct sl_bus_stored *copy = put(to, from_store->bytes, from_store->len);
    copy->from = from_store->from;
    copy->born = from_store->born;
    struct sl_bus_stored held = *copy;
    if (to->chat)
        sl_chat_accepted(to->chat, &held.envelope, held.id, held.born, false, bus->now);
    struct sl_bus_stored *original = find(from, held.id);
    if (!original || original->relayed)
        return;
    original->relayed = true;
    if (from->chat)
        sl_chat_relayed(from->chat, held.id, bus->now);
}

static bool deliver_once(struct sl_bus *bus)
{
    bool any = false;
    for (int from = 0; from < bus->node_count; from++) {
        for (size_t i = 0; i < bus->nodes[from].stored_count; i++) {
            for (int to = 0; to < bus->node_count; to++) {
                struct sl_bus_stored stored = bus->nodes[from].stored[i];
                if (to == from || bus->nodes[from].offline || bus->nodes[to].offline ||
                    !is_alive(&stored, bus->now) || find(&bus->nodes[to], stored.id))
                    continue;
                sl_bus_hand(bus, &stored, to);
                any = true;
            }
        }
    }
    return any;
}

void sl_bus_deliver(struct sl_bus *bus)
{
    while (deliver_once(bus))
        ;
}

static sl_time next_deadline(const struct sl_bus *bus)
{
    sl_time next = SL_NEVER;
    for (int i = 0; i < bus->node_count; i++)
        if (bus->nodes[i].chat)
            next = sl_min_time(next, sl_chat_deadline(bus->nodes[i].chat));
    return next;
}

void sl_bus_run(struct sl_bus *bus, sl_time duration)
{
    sl_time end = bus->now + duration;
    sl_bus_deliver(bus);
    for (sl_time at; (at = next_deadline(bus)) <= end;) {
        if (bus->now < at)
            bus->now = at;
        for (int i = 0; i < bus->node_count; i++)
            if (bus->nodes[i].chat && sl_chat_deadline(bus->nodes[i].chat) <= bus->now)
                sl_chat_tick(bus->nodes[i].chat, bus->now);
        sl_bus_deliver(bus);
    }
    bus->now = end;
}

/* ---- What tests look at ---- */

const struct sl_bus_stored *sl_bus_forge(struct sl_bus *bus, int number, enum sl_envelope_kind kind,
                                         uint64_t created, const uint8_t *payload, size_t len)
{
    struct sl_bus_node *node = &bus->nodes[number];
    struct sl_draft draft = {.kind = kind,
                             .created = created ? created : sl_bus_next_created(bus, number),
                             .lifetime = SL_MESSAGE_LIFETIME,
                             .payload = payload,
                             .payload_len = len};
    if (draft.created > node->last_created)
        node->last_created = draft.created;
    uint8_t bytes[SL_ENVELOPE_MAX];
    return put(node, bytes, seal(node, &draft, bytes));
}

const struct sl_bus_stored *sl_bus_last(struct sl_bus *bus, int number, enum sl_envelope_kind kind,
                                        size_t back)
{
    const struct sl_bus_node *node = &bus->nodes[number];
    for (size_t i = node->stored_count; i-- > 0;) {
        const struct sl_bus_stored *stored = &node->stored[i];
        if (stored->from == number && stored->envelope.kind == kind && back-- == 0)
            return stored;
    }
    return NULL;
}

size_t sl_bus_count(struct sl_bus *bus, int number, enum sl_envelope_kind kind)
{
    size_t count = 0;
    while (sl_bus_last(bus, number, kind, count))
        count++;
    return count;
}

size_t sl_bus_received(const struct sl_bus *bus, int number, const char *text)
{
    const struct sl_bus_events *messages = &bus->nodes[number].messages;
    size_t count = 0;
    for (size_t i = 0; i < messages->count; i++)
        if (!messages->items[i].message.outgoing &&
            strcmp(messages->items[i].message.text, text) == 0)
            count++;
    return count;
}
