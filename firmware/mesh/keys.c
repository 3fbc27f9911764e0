#include "mesh/keys.h"

#include "mesh/node_internal.h"

#include <stdlib.h>
#include <string.h>

enum { DOUBLINGS_MAX = 2 };

/* Doubling: in a crowd that wakes up the air is full for a while. */
#define KEY_RETRY (500 * SL_MILLISECOND)

/* A record that is being made: whatever is due together shares a datagram. */
struct record {
    size_t len;
    uint8_t bytes[SL_CONTROL_MAX];
};

void sl_sender_init(struct sl_node *node, struct sl_sender *sender, enum sl_key_class class,
                    sl_time now)
{
    sender->epoch = class == SL_KEY_LINK ? 2 * SL_EPOCHS - 1 : SL_EPOCHS - 1;
    sl_sender_renew(node, sender, now);
}

void sl_sender_renew(struct sl_node *node, struct sl_sender *sender, sl_time now)
{
    const struct sl_primitives *p = &node->config.primitives;
    uint8_t class_bit = sender->epoch & SL_EPOCHS;
    p->random(p->ctx, sender->key, sizeof(sender->key));
    sender->epoch = (uint8_t)(class_bit | ((sender->epoch + 1) & (SL_EPOCHS - 1)));
    sender->counter = 0;
    sender->made_at = now;
}

bool sl_sender_is_worn(const struct sl_sender *sender, sl_time now)
{
    return sender->counter >= SL_FRAMES_PER_KEY || now - sender->made_at >= SL_BROADCAST_KEY_LIFE;
}

static const struct sl_sender *sender_of(const struct sl_node *node, const struct sl_link *link,
                                         size_t class)
{
    const struct sl_node_bearer *bearer = &node->bearers[link->neighbour->bearer];
    if (class == SL_KEY_LINK)
        return &link->sender;
    return bearer->info.broadcast ? &bearer->sender : NULL;
}

bool sl_link_hears_broadcast(const struct sl_node *node, const struct sl_link *link)
{
    const struct sl_sender *sender = sender_of(node, link, SL_KEY_BEARER);
    return sender && link->acked[SL_KEY_BEARER] == sender->epoch;
}

static void send_record(struct sl_node *node, struct sl_link *link, struct record *record)
{
    if (record->len > 0) /* if it fails, again when the next is due */
        node->config.sessions.send(link->session, record->bytes, record->len);
    node->config.primitives.wipe(node->config.primitives.ctx, record, sizeof(*record));
}

static void add_key(struct sl_node *node, struct record *record, const struct sl_sender *sender)
{
    struct sl_key_message message = {.epoch = sender->epoch, .first_counter = sender->counter};
    memcpy(message.key, sender->key, SL_KEY_LEN);
    sl_key_message_encode(&message, record->bytes + record->len);
    record->len += SL_KEY_MESSAGE_LEN;
    node->config.primitives.wipe(node->config.primitives.ctx, &message, sizeof(message));
}

void sl_keys_offer(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct record record = {0};
    if (link->key_retry_at == SL_NEVER)
        link->key_tries = 0;
    link->key_retry_at = SL_NEVER;
    for (size_t class = 0; class < SL_KEY_CLASSES; class ++) {
        const struct sl_sender *sender = sender_of(node, link, class);
        if (!sender || link->acked[class] == sender->epoch ||
            (class == SL_KEY_BEARER && link->refused_epoch == sender->epoch))
            continue;
        add_key(node, &record, sender);
    }
    if (record.len > 0) {
        link->key_retry_at = now + (KEY_RETRY << link->key_tries);
        link->key_tries += link->key_tries < DOUBLINGS_MAX;
    }
    send_record(node, link, &record);
}

/* More than a record holds is not said; whoever waits for it asks again. */
static void say(struct record *record, enum sl_control_type type, int epoch)
{
    if (sizeof(record->bytes) - record->len < SL_KEY_ACK_LEN)
        return;
    record->bytes[record->len++] = (uint8_t)type;
    record->bytes[record->len++] = (uint8_t)epoch;
}

void sl_keys_drop(struct sl_node *node, struct sl_link *link)
{
    struct sl_receiver *receivers = link->receivers[SL_KEY_BEARER];
    if (receivers[0].window)
        link->dropped_epoch = receivers[0].epoch;
    for (size_t i = 0; i < 2; i++) {
        free(receivers[i].window);
        receivers[i] = (struct sl_receiver){0};
    }
    struct record record = {0};
    if (link->dropped_epoch >= 0)
        say(&record, SL_CONTROL_KEY_DROP, link->dropped_epoch);
    send_record(node, link, &record);
}

/* Length of the message, or 0: malformed. */
static size_t take_key(struct sl_node *node, struct sl_link *link, const uint8_t *bytes, size_t len,
                       struct record *reply)
{
    struct sl_key_message message;
    if (sl_key_message_decode(bytes, sl_min_size(len, SL_KEY_MESSAGE_LEN), &message) < 0)
        return 0;
    if (message.epoch == link->dropped_epoch) {
        say(reply, SL_CONTROL_KEY_DROP, message.epoch);
        return SL_KEY_MESSAGE_LEN;
    }
    struct sl_receiver *receivers = link->receivers[message.epoch / SL_EPOCHS];
    if (!receivers[0].window || receivers[0].epoch != message.epoch) {
        struct sl_window *window = malloc(sizeof(*window));
        if (!window)
            return SL_KEY_MESSAGE_LEN; /* it comes again */
        free(receivers[1].window);
        receivers[1] = receivers[0];
        receivers[0] = (struct sl_receiver){.window = window, .epoch = message.epoch};
        memcpy(receivers[0].key, message.key, SL_KEY_LEN);
        sl_window_init(window, message.first_counter);
    }
    say(reply, SL_CONTROL_KEY_ACK, message.epoch);
    node->config.primitives.wipe(node->config.primitives.ctx, &message, sizeof(message));
    return SL_KEY_MESSAGE_LEN;
}

static size_t take_ack(struct sl_node *node, struct sl_link *link, const uint8_t *bytes, size_t len)
{
    if (len < SL_KEY_ACK_LEN)
        return 0;
    size_t class = bytes[1] / SL_EPOCHS;
    const struct sl_sender *sender = sender_of(node, link, class);
    if (!sender || sender->epoch != bytes[1] || bytes[1] == link->refused_epoch)
        return SL_KEY_ACK_LEN; /* of a key that is no longer in use */
    link->acked[class] = bytes[1];
    if (link->acked[SL_KEY_LINK] == link->sender.epoch &&
        (!sender_of(node, link, SL_KEY_BEARER) || sl_link_hears_broadcast(node, link)))
        link->key_retry_at = SL_NEVER;
    return SL_KEY_ACK_LEN;
}

/* From now on it gets frames of its own, until there is another key. */
static size_t take_drop(const struct sl_node *node, struct sl_link *link, const uint8_t *bytes,
                        size_t len)
{
    const struct sl_sender *sender = sender_of(node, link, SL_KEY_BEARER);
    if (len < SL_KEY_ACK_LEN || bytes[1] >= SL_EPOCHS)
        return 0;
    if (sender && sender->epoch == bytes[1]) {
        link->refused_epoch = bytes[1];
        link->acked[SL_KEY_BEARER] = -1;
    }
    return SL_KEY_ACK_LEN;
}

static size_t take_message(struct sl_node *node, struct sl_link *link, const uint8_t *bytes,
                           size_t len, struct record *reply)
{
    switch ((enum sl_control_type)bytes[0]) {
    case SL_CONTROL_KEY:
        return take_key(node, link, bytes, len, reply);
    case SL_CONTROL_KEY_ACK:
        return take_ack(node, link, bytes, len);
    case SL_CONTROL_KEY_DROP:
        return take_drop(node, link, bytes, len);
    default:
        return 0;
    }
}

void sl_keys_read(struct sl_node *node, struct sl_link *link)
{
    uint8_t bytes[SL_CONTROL_MAX + 1];
    struct record reply = {0};
    size_t len;
    while ((len = node->config.sessions.read(link->session, bytes, sizeof(bytes))) > 0) {
        size_t at = 0, taken = len <= SL_CONTROL_MAX;
        while (taken > 0 && at < len) {
            taken = take_message(node, link, bytes + at, len - at, &reply);
            at += taken;
        }
        if (taken == 0)
            node->status.rejected_malformed++;
    }
    send_record(node, link, &reply);
    node->config.primitives.wipe(node->config.primitives.ctx, bytes, sizeof(bytes));
}

struct sl_receiver *sl_keys_receiver(struct sl_link *link, uint8_t epoch)
{
    struct sl_receiver *receivers = link->receivers[epoch / SL_EPOCHS];
    for (size_t i = 0; i < 2; i++)
        if (receivers[i].window && receivers[i].epoch == epoch)
            return &receivers[i];
    return NULL;
}

void sl_keys_done(struct sl_link *link)
{
    for (size_t class = 0; class < SL_KEY_CLASSES; class ++)
        for (size_t i = 0; i < 2; i++)
            free(link->receivers[class][i].window);
}
