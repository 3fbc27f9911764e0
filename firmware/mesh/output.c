#include "mesh/output.h"

#include "mesh/node_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPARE_MAX = 16,
    ELEMENT_HEADER = 3,
    SIGNATURE_ELEMENT = ELEMENT_HEADER + SL_SIGNATURE_LEN,
};

void sl_output_init(struct sl_output_queues *queues)
{
    for (size_t i = 0; i < SL_OUTPUT_CLASSES; i++)
        sl_list_init(&queues->waiting[i]);
    sl_list_init(&queues->spare);
    queues->count = 0;
    queues->held = 0;
    queues->spare_count = 0;
}

static struct sl_output *output_of(struct sl_list *item)
{
    return SL_CONTAINER_OF(item, struct sl_output, list);
}

static void free_list(struct sl_list *list)
{
    SL_LIST_FOR_EACH_SAFE (item, list) {
        sl_list_remove(item);
        free(output_of(item));
    }
}

void sl_output_done(struct sl_output_queues *queues)
{
    for (size_t i = 0; i < SL_OUTPUT_CLASSES; i++)
        free_list(&queues->waiting[i]);
    free_list(&queues->spare);
}

/* Where the open frame of a destination is remembered. */
static struct sl_output **open_frame(struct sl_node *node, int bearer, struct sl_link *link,
                                     enum sl_output_class class)
{
    return link ? &link->open[class] : &node->bearers[bearer].open[class];
}

/* Nothing may be added to it any more. */
static void close_frame(struct sl_node *node, const struct sl_output *output)
{
    if (!output->frame)
        return;
    struct sl_output **open = open_frame(node, output->bearer, output->link, output->class);
    if (*open == output)
        *open = NULL;
}

static void release(struct sl_node *node, struct sl_output *output)
{
    struct sl_output_queues *queues = &node->output;
    close_frame(node, output);
    sl_list_remove(&output->list);
    queues->count--;
    node->bearers[output->bearer].waiting_count--;
    if (queues->spare_count >= SPARE_MAX) {
        free(output);
        return;
    }
    sl_list_append(&queues->spare, &output->list);
    queues->spare_count++;
}

static bool is_held(const struct sl_output_queues *queues, int bearer)
{
    return (queues->held >> bearer & 1) != 0;
}

/* When the queue is full, what is urgent takes the place of the bulk that came last. */
static bool make_room(struct sl_node *node, enum sl_output_class class, int bearer)
{
    struct sl_output_queues *queues = &node->output;
    if (is_held(queues, bearer) && node->bearers[bearer].waiting_count >= SL_OUTPUT_HELD_MAX)
        return false;
    if (queues->count < SL_OUTPUT_QUEUE_MAX)
        return true;
    if (class == SL_OUTPUT_BULK || sl_list_empty(&queues->waiting[SL_OUTPUT_BULK]))
        return false;
    release(node, output_of(queues->waiting[SL_OUTPUT_BULK].prev));
    return true;
}

static struct sl_output *take_spare(struct sl_output_queues *queues)
{
    if (sl_list_empty(&queues->spare))
        return malloc(sizeof(struct sl_output));
    struct sl_output *output = output_of(queues->spare.next);
    sl_list_remove(&output->list);
    queues->spare_count--;
    return output;
}

static struct sl_output *append(struct sl_node *node, enum sl_output_class class, int bearer)
{
    if (!make_room(node, class, bearer))
        return NULL;
    struct sl_output *output = take_spare(&node->output);
    if (!output)
        return NULL;
    output->class = class;
    output->bearer = bearer;
    output->len = 0;
    output->to_sign = false;
    output->link = NULL;
    output->to = (struct sl_address){0};
    sl_list_append(&node->output.waiting[class], &output->list);
    node->output.count++;
    node->bearers[bearer].waiting_count++;
    return output;
}

void sl_output_datagram(struct sl_node *node, int bearer, const struct sl_address *to,
                        const uint8_t *bytes, size_t len)
{
    assert(len <= SL_DATAGRAM_MAX);
    struct sl_output *output = append(node, SL_OUTPUT_URGENT, bearer);
    if (!output)
        return;
    output->frame = false;
    output->to = *to;
    output->len = len;
    memcpy(output->bytes, bytes, len);
}

static bool fits(const struct sl_output *open, size_t len, bool to_sign)
{
    size_t signature = open && (open->to_sign || to_sign) ? SIGNATURE_ELEMENT : 0;
    return open && open->len + ELEMENT_HEADER + len + signature <= SL_FRAME_BODY_MAX;
}

bool sl_output_fits(const struct sl_node *node, const struct sl_route *route, size_t len)
{
    return fits(route->link ? route->link->open[route->class]
                            : node->bearers[route->bearer].open[route->class],
                len, false);
}

/* Envelopes have their origin's signature; all else that goes to all needs its sender's. */
static bool needs_signature(const struct sl_route *route, enum sl_element_type type)
{
    return !route->link && type != SL_ELEMENT_ENVELOPE;
}

static struct sl_output *frame_for(struct sl_node *node, const struct sl_route *route, size_t len,
                                   bool to_sign)
{
    struct sl_output **open = open_frame(node, route->bearer, route->link, route->class);
    if (fits(*open, len, to_sign))
        return *open;
    struct sl_output *output = append(node, route->class, route->bearer);
    if (!output)
        return NULL;
    output->frame = true;
    output->link = route->link;
    *open = output;
    return output;
}

uint8_t *sl_output_element(struct sl_node *node, const struct sl_route *route,
                           enum sl_element_type type, size_t len)
{
    bool to_sign = needs_signature(route, type);
    assert(ELEMENT_HEADER + len + (to_sign ? SIGNATURE_ELEMENT : 0) <= SL_FRAME_BODY_MAX);
    struct sl_output *output = frame_for(node, route, len, to_sign);
    if (!output)
        return NULL;
    output->to_sign = output->to_sign || to_sign;
    struct sl_writer w;
    sl_writer_init(&w, output->bytes + output->len, SL_FRAME_BODY_MAX - output->len);
    uint8_t *value = sl_element_reserve(&w, type, len);
    output->len += (size_t)sl_write_done(&w);
    return value;
}

size_t sl_output_room(const struct sl_node *node, int bearer)
{
    size_t room = SL_OUTPUT_QUEUE_MAX - node->output.count;
    size_t waiting = node->bearers[bearer].waiting_count;
    if (!is_held(&node->output, bearer))
        return room;
    return waiting < SL_OUTPUT_HELD_MAX ? sl_min_size(room, SL_OUTPUT_HELD_MAX - waiting) : 0;
}

void sl_output_forget_link(struct sl_node *node, const struct sl_link *link)
{
    for (size_t i = 0; i < SL_OUTPUT_CLASSES; i++)
        SL_LIST_FOR_EACH_SAFE (item, &node->output.waiting[i]) {
            struct sl_output *output = output_of(item);
            if (output->frame && output->link == link)
                release(node, output);
        }
}

void sl_output_forget_bearer(struct sl_node *node, int bearer)
{
    for (size_t i = 0; i < SL_OUTPUT_CLASSES; i++)
        SL_LIST_FOR_EACH_SAFE (item, &node->output.waiting[i])
            if (output_of(item)->bearer == bearer)
                release(node, output_of(item));
}

static void count_frame(struct sl_link *link, size_t len)
{
    link->frames_out++;
    link->bytes_out += len;
}

static void count_broadcast(struct sl_node *node, const struct sl_node_bearer *bearer, size_t len)
{
    for (uint64_t slots = bearer->links; slots != 0; slots &= slots - 1) {
        struct sl_link *link = node->slots[__builtin_ctzll(slots)];
        if (sl_link_hears_broadcast(node, link))
            count_frame(link, len);
    }
}

static void sign(struct sl_node *node, struct sl_output *output,
                 const struct sl_frame_header *header)
{
    struct sl_writer w;
    size_t signed_len = output->len;
    sl_writer_init(&w, output->bytes + signed_len, SL_FRAME_BODY_MAX - signed_len);
    uint8_t *signature = sl_element_reserve(&w, SL_ELEMENT_SIGNATURE, SL_SIGNATURE_LEN);
    assert(signature); /* fits() kept the room */
    sl_frame_sign(&node->config.primitives, node->config.seed, header, output->bytes, signed_len,
                  signature);
    output->len += w.len;
    node->status.repair_bytes_out += w.len;
}

static void seal(struct sl_node *node, struct sl_output *output, struct sl_datagram *ret_datagram)
{
    struct sl_node_bearer *bearer = &node->bearers[output->bearer];
    struct sl_sender *sender = output->link ? &output->link->sender : &bearer->sender;
    struct sl_frame_header header = {.epoch = sender->epoch, .counter = sender->counter++};
    if (output->to_sign)
        sign(node, output, &header);
    int len = sl_frame_seal(&node->config.primitives, sender->key, &header, output->bytes,
                            output->len, ret_datagram->bytes, sizeof(ret_datagram->bytes));
    assert(len > 0);
    ret_datagram->len = (size_t)len;
    node->status.frames_out++;
    if (output->link) {
        ret_datagram->to = output->link->neighbour->address;
        count_frame(output->link, ret_datagram->len);
    } else {
        ret_datagram->to = (struct sl_address){0};
        count_broadcast(node, bearer, ret_datagram->len);
    }
}

/* The oldest of the most urgent whose bearer is free, or NULL. */
static struct sl_output *next_free(const struct sl_output_queues *queues)
{
    for (size_t i = 0; i < SL_OUTPUT_CLASSES; i++)
        SL_LIST_FOR_EACH (item, &queues->waiting[i])
            if (!is_held(queues, output_of(item)->bearer))
                return output_of(item);
    return NULL;
}

bool sl_output_next(struct sl_node *node, struct sl_datagram *ret_datagram)
{
    struct sl_output *output = next_free(&node->output);
    if (!output)
        return false;
    ret_datagram->bearer = output->bearer;
    if (output->frame) {
        seal(node, output, ret_datagram);
    } else {
        ret_datagram->to = output->to;
        ret_datagram->len = output->len;
        memcpy(ret_datagram->bytes, output->bytes, output->len);
    }
    node->status.bytes_out += ret_datagram->len;
    release(node, output);
    return true;
}
