#include "mesh/revocation.h"

#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_LEN = 8 + 4,
    PART_LEN = 1024,
    PARTS_AT_ONCE = 8,
    WANT_COST = 100, /* of the link's quota: it makes us send eight datagrams */
};

#define ASK_AGAIN  (500 * SL_MILLISECOND)
#define PATIENCE   (5 * SL_SECOND)  /* without progress: somebody else's turn */
#define FETCH_TIME (60 * SL_SECOND) /* for all of it */
#define BAN_TIME   (20 * SL_SECOND) /* long enough for all others to tell theirs */

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);

void sl_revocation_init(struct sl_node *node)
{
    node->fetch = (struct sl_crl_fetch){0};
    sl_alarm_init(&node->fetch.alarm, fire);
}

static void drop_fetch(struct sl_node *node)
{
    struct sl_crl_fetch *fetch = &node->fetch;
    free(fetch->bytes);
    fetch->bytes = NULL;
    fetch->from = NULL;
    sl_heap_cancel(&node->alarms, &fetch->alarm.timer);
}

void sl_revocation_done(struct sl_node *node)
{
    drop_fetch(node);
}

void sl_revocation_forget_link(struct sl_node *node, const struct sl_link *link)
{
    if (node->fetch.from == link)
        drop_fetch(node);
}

static const uint8_t *in_force(const struct sl_node *node, uint64_t *ret_number, size_t *ret_len)
{
    const struct sl_membership *membership = &node->config.membership;
    return membership->crl(membership->ctx, ret_number, ret_len);
}

/* An element that begins with a number and a place; where the rest goes, or NULL. */
static uint8_t *begin_element(struct sl_node *node, const struct sl_route *route,
                              enum sl_element_type type, uint64_t number, size_t place,
                              size_t rest_len)
{
    struct sl_writer w;
    uint8_t *value = sl_output_element(node, route, type, HEADER_LEN + rest_len);
    if (!value)
        return NULL;
    sl_writer_init(&w, value, HEADER_LEN);
    sl_write_u64(&w, number);
    sl_write_u32(&w, (uint32_t)place);
    return value + HEADER_LEN;
}

static struct sl_route route_to(struct sl_link *link)
{
    return (struct sl_route){
        .bearer = link->neighbour->bearer, .link = link, .class = SL_OUTPUT_URGENT};
}

/* ---- Telling and giving ---- */

void sl_revocation_tell(struct sl_node *node, const struct sl_route *route)
{
    uint64_t number;
    size_t len;
    if (in_force(node, &number, &len))
        begin_element(node, route, SL_ELEMENT_CRL, number, len, 0);
}

void sl_revocation_taken(struct sl_node *node)
{
    uint64_t number;
    size_t len;
    if (!in_force(node, &number, &len) || len <= SL_PAYLOAD_MAX)
        return;
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX; slot++) {
        struct sl_link *link = node->slots[slot];
        if (!link || !link->up)
            continue;
        struct sl_route route = route_to(link);
        sl_revocation_tell(node, &route);
    }
}

/* Reads number and place; false if it is not the format. */
static bool read_header(struct sl_node *node, const struct sl_element *element, bool has_rest,
                        struct sl_reader *r, uint64_t *ret_number, size_t *ret_place)
{
    sl_reader_init(r, element->value, element->len);
    *ret_number = sl_read_u64(r);
    *ret_place = sl_read_u32(r);
    if (!sl_read_failed(r) && *ret_place <= SL_CRL_MAX && (sl_read_left(r) > 0) == has_rest)
        return true;
    node->status.rejected_malformed++;
    return false;
}

void sl_revocation_want(struct sl_node *node, struct sl_link *link,
                        const struct sl_element *element, sl_time now)
{
    struct sl_reader r;
    uint64_t wanted, number;
    size_t at, len;
    if (!read_header(node, element, false, &r, &wanted, &at))
        return;
    const uint8_t *crl = in_force(node, &number, &len);
    if (!crl || wanted != number || at >= len)
        return; /* of the one before: there is a newer one by now */
    if (!sl_bucket_take(&link->quota, WANT_COST, now)) {
        node->status.rejected_quota++;
        return;
    }
    struct sl_route route = route_to(link);
    for (size_t i = 0; i < PARTS_AT_ONCE && at < len; i++) {
        size_t part_len = sl_min_size(PART_LEN, len - at);
        uint8_t *rest = begin_element(node, &route, SL_ELEMENT_CRL_PART, number, at, part_len);
        if (!rest)
            return; /* asked for again */
        memcpy(rest, crl + at, part_len);
        at += part_len;
    }
}

/* ---- Fetching ---- */

static void ask(struct sl_node *node, sl_time now)
{
    struct sl_crl_fetch *fetch = &node->fetch;
    struct sl_route route = route_to(fetch->from);
    begin_element(node, &route, SL_ELEMENT_CRL_WANT, fetch->number, fetch->have, 0);
    sl_node_alarm(node, &fetch->alarm, now + ASK_AGAIN);
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    const struct sl_crl_fetch *fetch = SL_ALARM_OWNER(alarm, struct sl_crl_fetch, alarm);
    if (now - fetch->moved_at < PATIENCE && now - fetch->begun_at < FETCH_TIME) {
        ask(node, now);
        return;
    }
    fetch->from->crl_after = now + BAN_TIME;
    drop_fetch(node);
}

void sl_revocation_notice(struct sl_node *node, struct sl_link *link,
                          const struct sl_element *element, sl_time now)
{
    struct sl_crl_fetch *fetch = &node->fetch;
    struct sl_reader r;
    uint64_t theirs, ours;
    size_t len, our_len;
    if (!read_header(node, element, false, &r, &theirs, &len))
        return;
    bool is_newer = !in_force(node, &ours, &our_len) || theirs > ours;
    bool is_under_way = fetch->from && (fetch->from != link || fetch->number == theirs);
    if (!is_newer || len == 0 || now < link->crl_after || is_under_way)
        return;
    drop_fetch(node);
    fetch->bytes = malloc(len);
    if (!fetch->bytes)
        return; /* it is told again */
    fetch->from = link;
    fetch->number = theirs;
    fetch->len = len;
    fetch->have = 0;
    fetch->begun_at = now;
    fetch->moved_at = now;
    ask(node, now);
}

/* All of it is here. Whoever promised a newer CRL than there is one is not asked again. */
static void finish(struct sl_node *node, struct sl_link *link, sl_time now)
{
    const struct sl_membership *membership = &node->config.membership;
    struct sl_crl_fetch *fetch = &node->fetch;
    uint64_t number;
    size_t len;
    int r = membership->take_crl(membership->ctx, fetch->bytes, fetch->len);
    drop_fetch(node);
    if (r != -ENOMEM && (!in_force(node, &number, &len) || number < fetch->number)) {
        node->status.rejected_malformed++;
        link->crl_after = SL_NEVER;
    }
    if (r == 0)
        sl_node_judge_all(node, now); /* last: it may end the link that brought it */
}

void sl_revocation_part(struct sl_node *node, struct sl_link *link,
                        const struct sl_element *element, sl_time now)
{
    struct sl_crl_fetch *fetch = &node->fetch;
    struct sl_reader r;
    uint64_t number;
    size_t at;
    if (!read_header(node, element, true, &r, &number, &at))
        return;
    size_t len = sl_read_left(&r);
    if (fetch->from != link || fetch->number != number || at != fetch->have ||
        len > fetch->len - fetch->have)
        return; /* late, or one before it got lost: asked for again */
    sl_read_copy(&r, fetch->bytes + at, len);
    fetch->have += len;
    fetch->moved_at = now;
    if (fetch->have == fetch->len)
        finish(node, link, now);
    else if (fetch->have % (PART_LEN * PARTS_AT_ONCE) == 0)
        ask(node, now);
}
