/* Frames as they come in: opened, and taken apart. */
#include "mesh/give.h"
#include "mesh/node_internal.h"

#include <errno.h>

#define LOSS_WINDOW 1000 /* frames that the loss estimate looks back on, about */

struct opened {
    struct sl_frame_header header;
    const uint8_t *body;
    size_t body_len, len;
};

/* Length of the body; -EALREADY for a replay, -EACCES for what its key does not open. */
static int open_frame(struct sl_node *node, struct sl_link *link, const uint8_t *bytes, size_t len,
                      uint8_t ret_body[SL_FRAME_BODY_MAX])
{
    struct sl_frame_header header;
    if (sl_frame_peek(bytes, len, &header) < 0)
        return -EACCES;
    struct sl_receiver *receiver = sl_keys_receiver(link, header.epoch);
    if (!receiver)
        return -EACCES;
    if (!sl_window_fresh(receiver->window, header.counter)) {
        if (header.epoch < SL_EPOCHS)
            sl_link_note_stale(node, link);
        return -EALREADY;
    }
    int body_len = sl_frame_open(&node->config.primitives, receiver->key, bytes, len, ret_body,
                                 SL_FRAME_BODY_MAX);
    if (body_len < 0)
        return -EACCES;
    bool late = receiver->window->started && header.counter < receiver->window->top;
    uint32_t skipped = sl_window_mark(receiver->window, header.counter);
    if (late && link->lost > 0)
        link->lost--;
    if (header.epoch < SL_EPOCHS && !late)
        sl_cover_note_frame(link, skipped);
    link->lost += skipped < LOSS_WINDOW ? skipped : LOSS_WINDOW;
    return body_len;
}

static void count_frame(struct sl_node *node, struct sl_link *link, size_t len, sl_time now)
{
    node->status.frames_in++;
    link->last_heard = now;
    link->frames_in++;
    link->bytes_in += len;
    link->received++;
    if (link->received + link->lost > LOSS_WINDOW) {
        link->received /= 2;
        link->lost /= 2;
    }
}

/* What a frame to all may hold, by the signature at its end: an element that only its sender may
 * say needs one. SL_ELEMENT_BYE was never anything. */
static bool may_hold(const struct sl_element *element, bool is_signed)
{
    switch ((enum sl_element_type)element->type) {
    case SL_ELEMENT_HELLO:
    case SL_ELEMENT_CRL:
    case SL_ELEMENT_NEAR:
        return is_signed;
    case SL_ELEMENT_SKETCH:
    case SL_ELEMENT_MORE:
    case SL_ELEMENT_WANT:
    case SL_ELEMENT_MARK:
    case SL_ELEMENT_ECHO:
    case SL_ELEMENT_WHO:
    case SL_ELEMENT_CRL_WANT:
    case SL_ELEMENT_CRL_PART:
    case SL_ELEMENT_HAVE:
    case SL_ELEMENT_GRAFT:
    case SL_ELEMENT_PRUNE:
    case SL_ELEMENT_ROUTED:
    case SL_ELEMENT_TAKEN:
    case SL_ELEMENT_STRAY:
    case SL_ELEMENT_REFUSED:
        return false;
    case SL_ELEMENT_ENVELOPE:
    case SL_ELEMENT_BYE:
    case SL_ELEMENT_SIGNATURE:
    default:
        return true;
    }
}

/* All neighbours of a neighbour hold the key of what it sends to all. Whether one of them, and not
 * the neighbour itself, made this frame: it holds what it must not. */
static bool is_forged(const struct sl_node *node, const struct sl_link *link,
                      const struct sl_frame_header *header, const uint8_t *body, size_t len)
{
    struct sl_reader r;
    struct sl_element element, last = {0};
    bool is_signed = false;
    sl_reader_init(&r, body, len);
    while (sl_element_next(&r, &element))
        last = element;
    if (last.type == SL_ELEMENT_SIGNATURE && last.len == SL_SIGNATURE_LEN && !sl_read_failed(&r)) {
        is_signed = sl_frame_verify(&node->config.primitives, link->peer.key, header, body,
                                    len - 3 - SL_SIGNATURE_LEN, last.value);
        if (!is_signed)
            return true;
    }
    sl_reader_init(&r, body, len);
    while (sl_element_next(&r, &element))
        if (!may_hold(&element, is_signed))
            return true;
    return false;
}

static void take_element(struct sl_node *node, struct sl_link *link,
                         const struct sl_element *element, sl_time now)
{
    switch ((enum sl_element_type)element->type) {
    case SL_ELEMENT_ENVELOPE:
        sl_relay_receive(node, link,
                         &(struct sl_arriving){.value = element->value, .len = element->len}, now);
        break;
    case SL_ELEMENT_HELLO:
        if (link->to_all)
            link->stale = 0;
        sl_sync_hello(node, link, element, now);
        break;
    case SL_ELEMENT_SKETCH:
        sl_sync_sketch(node, link, element, now);
        break;
    case SL_ELEMENT_MORE:
        sl_sync_more(node, link, element, now);
        break;
    case SL_ELEMENT_WANT:
        sl_give_want(node, link, element, now);
        break;
    case SL_ELEMENT_MARK:
        sl_give_mark(node, link, element);
        break;
    case SL_ELEMENT_ECHO:
        sl_give_echo(node, link, element, now);
        break;
    case SL_ELEMENT_WHO:
        sl_origins_who(node, link, element->value, element->len, now);
        break;
    case SL_ELEMENT_CRL:
        sl_revocation_notice(node, link, element, now);
        break;
    case SL_ELEMENT_CRL_WANT:
        sl_revocation_want(node, link, element, now);
        break;
    case SL_ELEMENT_CRL_PART:
        sl_revocation_part(node, link, element, now);
        break;
    case SL_ELEMENT_HAVE:
        sl_tree_have(node, link, element, now);
        break;
    case SL_ELEMENT_GRAFT:
        sl_tree_graft(node, link, element, now);
        break;
    case SL_ELEMENT_PRUNE:
        sl_tree_prune(node, link, element, now);
        break;
    case SL_ELEMENT_ROUTED:
        sl_routed_receive(node, link, element, now);
        break;
    case SL_ELEMENT_TAKEN:
        sl_routed_taken(node, link, element, now);
        break;
    case SL_ELEMENT_STRAY:
        sl_routed_stray(node, link, element, now);
        break;
    case SL_ELEMENT_REFUSED:
        sl_refused_take(node, link, element, now);
        break;
    case SL_ELEMENT_NEAR:
        sl_cover_take(node, link, element);
        break;
    case SL_ELEMENT_SIGNATURE: /* looked at before */
    case SL_ELEMENT_BYE:       /* a session says goodbye itself, where no third one can forge it */
    default:
        break;
    }
}

static void take_body(struct sl_node *node, struct sl_link *link, const uint8_t *body, size_t len,
                      sl_time now)
{
    struct sl_reader r;
    struct sl_element element;
    int slot = link->slot;
    sl_reader_init(&r, body, len);
    while (sl_element_next(&r, &element)) {
        take_element(node, link, &element, now);
        if (node->slots[slot] != link)
            return; /* what it brought ended the link itself */
    }
    if (sl_read_failed(&r))
        node->status.rejected_malformed++;
}

static void take_opened(struct sl_node *node, struct sl_link *link, const struct opened *frame,
                        sl_time now)
{
    link->to_all = frame->header.epoch < SL_EPOCHS;
    if (link->to_all && is_forged(node, link, &frame->header, frame->body, frame->body_len)) {
        node->status.rejected_signature++;
        sl_link_distrust(node, link, now);
        return;
    }
    count_frame(node, link, frame->len, now);
    take_body(node, link, frame->body, frame->body_len, now);
}

void sl_link_frame(struct sl_node *node, int bearer, const struct sl_address *from,
                   const uint8_t *bytes, size_t len, sl_time now)
{
    uint8_t body[SL_FRAME_BODY_MAX];
    bool replayed = false;
    for (struct sl_neighbour *n = sl_neighbour_at(node, bearer, from); n; n = n->same_address) {
        if (!n->link || n->link->slot < 0)
            continue;
        int body_len = open_frame(node, n->link, bytes, len, body);
        if (body_len >= 0) {
            struct opened frame = {.body = body, .body_len = (size_t)body_len, .len = len};
            sl_frame_peek(bytes, len, &frame.header);
            take_opened(node, n->link, &frame, now);
            return;
        }
        replayed = replayed || body_len == -EALREADY;
    }
    if (replayed)
        node->status.rejected_replayed++;
    else
        node->status.rejected_garbage++;
}
