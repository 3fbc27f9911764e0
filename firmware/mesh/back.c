/* A receipt goes back the way that its message came. Who is on it saw the message and can tell what
 * the receipt is about, whoever else were named: so nobody else is, and nobody else sees it
 * (PROTOCOL.md, Routes). */
#include "mesh/node_internal.h"
#include "mesh/routed.h"

#include <string.h>

static const struct sl_routed *find_message(const struct sl_node *node,
                                            const uint8_t tag[SL_TARGET_LEN])
{
    for (size_t i = 0; i < node->routing.count; i++) {
        const struct sl_routed *routed = &node->routing.table[i];
        if ((routed->own || routed->first_giver >= 0) &&
            memcmp(routed->id, tag, SL_TARGET_LEN) == 0)
            return routed;
    }
    return NULL;
}

static bool leads_back(const struct sl_node *node, const struct sl_routed *message)
{
    return message && message->first_giver >= 0 && node->slots[message->first_giver]->up;
}

bool sl_back_targets(const struct sl_node *node, const uint8_t message[SL_ID_LEN],
                     struct sl_targets *ret_targets)
{
    int64_t number = sl_index_find(node->index, message);
    if (number < 0 || !leads_back(node, sl_routed_find(node, message)))
        return false;
    unsigned hops = sl_index_entry(node->index, number)->stored.hops;
    *ret_targets = (struct sl_targets){.count = 1};
    ret_targets->hops_max = (uint8_t)sl_min_size(2 * hops + 2, SL_HOPS_MAX);
    ret_targets->items[0] = (struct sl_target){.slot = -1, .back = true};
    memcpy(ret_targets->items[0].tag, message, SL_TARGET_LEN);
    return true;
}

void sl_back_choose(const struct sl_node *node, struct sl_targets *targets, uint64_t avoid)
{
    for (size_t i = 0; i < targets->count; i++) {
        struct sl_target *target = &targets->items[i];
        if (!target->back || target->slot >= 0 || target->stray)
            continue;
        const struct sl_routed *message = find_message(node, target->tag);
        if (leads_back(node, message) && !(avoid >> message->first_giver & 1))
            target->slot = message->first_giver;
    }
}

bool sl_back_is_here(const struct sl_node *node, const struct sl_target *target)
{
    if (!target->back)
        return memcmp(target->tag, node->origin, SL_TARGET_LEN) == 0;
    const struct sl_routed *message = find_message(node, target->tag);
    return message && message->own;
}
