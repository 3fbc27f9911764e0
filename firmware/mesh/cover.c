#include "mesh/cover.h"

#include "mesh/node_internal.h"

#include <string.h>

enum {
    HISTORY_MAX = 32, /* bits: with a hello every other second, about a minute */
    COUNT_MIN = 4,    /* frames, to judge by */
    WELL_PERCENT = 70,
    POOR_PERCENT = 50, /* below, who was heard well is so no more */
    LIST_MIN = 2,      /* if there are so many: whoever has only poor ones counts on the best */
    LIST_HELLOS = 4,   /* hellos, after which a list that has not changed is said again */
    TAG_LEN = SL_NEAR_TAG_LEN,
    LIST_SHORT = 2,      /* whoever names so few counts on each of them, */
    LIST_FEW = 4,        /* and so few on the first of them */
    COPIES_ENOUGH = 1,   /* for those who have sent no list yet */
    WEIGHT = 64,         /* of one who is not covered, divided by the number that it names */
    WEIGHT_OF_SEND = 26, /* more must be left than so much, */
    WEIGHT_OF_COPY = 28, /* and than so much for each copy that was heard */
};

#define NEW_FOR (10 * SL_SECOND) /* after, whoever has sent no list is hardly heard at all */

/* ---- How well others are heard ---- */

static unsigned percent_heard(const struct sl_cover_link *cover)
{
    uint32_t mask = cover->count < HISTORY_MAX ? (1u << cover->count) - 1 : UINT32_MAX;
    return cover->count > 0
               ? (unsigned)__builtin_popcount(cover->history & mask) * 100 / cover->count
               : 0;
}

void sl_cover_note_frame(struct sl_link *link, uint32_t skipped)
{
    struct sl_cover_link *cover = &link->cover;
    unsigned step = skipped < HISTORY_MAX - 1 ? (unsigned)skipped + 1 : HISTORY_MAX;
    cover->history = (step < HISTORY_MAX ? cover->history << step : 0) | 1;
    cover->count = cover->count + step < HISTORY_MAX ? cover->count + step : HISTORY_MAX;
    cover->well = cover->count >= COUNT_MIN &&
                  percent_heard(cover) >= (cover->well ? POOR_PERCENT : WELL_PERCENT);
}

/* ---- Our own list ---- */

static uint64_t heard_well(const struct sl_node *node, int bearer)
{
    uint64_t list = 0;
    for (uint64_t slots = node->bearers[bearer].links; slots != 0; slots &= slots - 1) {
        int slot = __builtin_ctzll(slots);
        if (node->slots[slot]->cover.well)
            list |= UINT64_C(1) << slot;
    }
    return list;
}

/* The one heard best of those, or 0. */
static uint64_t best_of(const struct sl_node *node, uint64_t slots)
{
    uint64_t best = 0;
    unsigned best_percent = 0;
    for (; slots != 0; slots &= slots - 1) {
        int slot = __builtin_ctzll(slots);
        unsigned percent = percent_heard(&node->slots[slot]->cover);
        if (percent > best_percent) {
            best = UINT64_C(1) << slot;
            best_percent = percent;
        }
    }
    return best;
}

static uint64_t own_list(const struct sl_node *node, int bearer)
{
    uint64_t list = heard_well(node, bearer), best;
    while (sl_count_bits(list) < LIST_MIN &&
           (best = best_of(node, node->bearers[bearer].links & ~list)) != 0)
        list |= best;
    return list;
}

static void put_tags(struct sl_writer *w, const struct sl_node *node, uint64_t slots)
{
    for (; slots != 0; slots &= slots - 1)
        sl_write_bytes(w, node->slots[__builtin_ctzll(slots)]->neighbour->peer_id, TAG_LEN);
}

static bool say(struct sl_node *node, const struct sl_route *route, uint64_t list)
{
    size_t len = sl_count_bits(list) * TAG_LEN;
    uint8_t *value = sl_output_element(node, route, SL_ELEMENT_NEAR, len);
    if (!value)
        return false;
    struct sl_writer w;
    sl_writer_init(&w, value, len);
    uint64_t best = best_of(node, list);
    put_tags(&w, node, best);
    put_tags(&w, node, list & ~best);
    node->status.repair_bytes_out += len + 3;
    return true;
}

void sl_cover_tell(struct sl_node *node, const struct sl_route *route)
{
    struct sl_node_bearer *bearer = &node->bearers[route->bearer];
    uint64_t list = own_list(node, route->bearer);
    bool is_due = list != bearer->list || bearer->hello_count % LIST_HELLOS == 0;
    if (bearer->info.broadcast && is_due && say(node, route, list))
        bearer->list = list;
}

/* ---- Lists of others ---- */

static bool names(const struct sl_cover_link *cover, const uint8_t link_id[SL_LINK_ID_LEN])
{
    for (size_t i = 0; i < cover->listed; i++)
        if (memcmp(cover->names + i * TAG_LEN, link_id, TAG_LEN) == 0)
            return true;
    return false;
}

void sl_cover_take(struct sl_node *node, struct sl_link *link, const struct sl_element *element)
{
    uint64_t bit = UINT64_C(1) << link->slot;
    if (element->len % TAG_LEN != 0 || element->len > SL_NEIGHBOURS_MAX * TAG_LEN) {
        node->status.rejected_malformed++;
        return;
    }
    link->cover.lists = element->len > 0;
    link->cover.listed = element->len / TAG_LEN;
    memcpy(link->cover.names, element->value, element->len);
    link->cover.hears_us = names(&link->cover, link->neighbour->own_id);
    link->cover.relies =
        element->len > 0 && memcmp(element->value, link->neighbour->own_id, TAG_LEN) == 0;
    for (uint64_t slots = node->bearers[link->neighbour->bearer].links; slots != 0;
         slots &= slots - 1) {
        struct sl_link *other = node->slots[__builtin_ctzll(slots)];
        if (names(&link->cover, other->neighbour->peer_id))
            other->cover.heard_by |= bit;
        else
            other->cover.heard_by &= ~bit;
    }
}

void sl_cover_forget_slot(struct sl_node *node, int slot)
{
    for (size_t i = 0; i < SL_NEIGHBOURS_MAX; i++)
        if (node->slots[i])
            node->slots[i]->cover.heard_by &= ~(UINT64_C(1) << slot);
}

/* ---- Who is covered, and by whom ---- */

uint64_t sl_cover_of(const struct sl_link *link)
{
    return link->siblings | link->cover.heard_by;
}

uint64_t sl_cover_duty(const struct sl_node *node, int bearer, sl_time now)
{
    uint64_t duty = 0;
    for (uint64_t slots = node->bearers[bearer].links; slots != 0; slots &= slots - 1) {
        int slot = __builtin_ctzll(slots);
        const struct sl_link *link = node->slots[slot];
        if (link->cover.lists ? link->cover.hears_us : now - link->up_since < NEW_FOR)
            duty |= UINT64_C(1) << slot;
    }
    return duty;
}

bool sl_cover_is_worth(const struct sl_node *node, uint64_t uncovered, unsigned copies)
{
    size_t weight = 0;
    for (; uncovered != 0; uncovered &= uncovered - 1) {
        const struct sl_cover_link *cover = &node->slots[__builtin_ctzll(uncovered)]->cover;
        if (cover->lists ? cover->listed <= LIST_SHORT : copies < COPIES_ENOUGH)
            return true;
        weight += cover->lists ? WEIGHT / cover->listed : 0;
    }
    return weight > WEIGHT_OF_SEND + copies * WEIGHT_OF_COPY;
}

uint64_t sl_cover_relying(const struct sl_node *node, uint64_t uncovered)
{
    uint64_t relying = 0;
    for (uint64_t slots = uncovered; slots != 0; slots &= slots - 1) {
        int slot = __builtin_ctzll(slots);
        const struct sl_cover_link *cover = &node->slots[slot]->cover;
        if (cover->relies && cover->listed <= LIST_FEW)
            relying |= UINT64_C(1) << slot;
    }
    return relying;
}

unsigned sl_cover_namers(const struct sl_node *node, int bearer,
                         const uint8_t link_id[SL_LINK_ID_LEN])
{
    unsigned count = 0;
    for (uint64_t slots = node->bearers[bearer].links; slots != 0; slots &= slots - 1)
        count += names(&node->slots[__builtin_ctzll(slots)]->cover, link_id);
    return count;
}
