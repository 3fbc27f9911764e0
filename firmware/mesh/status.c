/* What a person may see of a node. */
#include "mesh/node_internal.h"

#include <string.h>

void sl_node_status(const struct sl_node *node, sl_time now, struct sl_node_status *ret_status)
{
    *ret_status = node->status;
    memcpy(ret_status->origin, node->origin, SL_ORIGIN_LEN);
    for (size_t i = 0; i < SL_BEARERS_MAX; i++)
        ret_status->neighbour_count += sl_count_bits(node->bearers[i].links);
    ret_status->handshake_count = node->handshake_count;
    ret_status->heard_count = node->neighbour_count;
    ret_status->origin_count = node->origins.used_count;
    ret_status->stored_count = sl_index_count(node->index);
    ret_status->held_count = ret_status->stored_count - sl_index_shared_count(node->index);
    ret_status->route_count = sl_route_count(node, now);
    ret_status->stored_bytes = sl_index_bytes(node->index);
    ret_status->store_bytes_max = node->config.store_bytes_max;
    ret_status->clock_source = node->clock.source;
    ret_status->unix_us = sl_clock_unix(&node->clock, now);
}

static const struct sl_neighbour *neighbour_number(const struct sl_node *node, size_t number)
{
    SL_LIST_FOR_EACH (item, &node->neighbours) {
        if (number-- == 0)
            return SL_CONTAINER_OF(item, struct sl_neighbour, order);
    }
    return NULL;
}

static void describe_link(const struct sl_link *link, struct sl_neighbour_info *ret_info)
{
    uint64_t frames = (uint64_t)link->received + link->lost;
    ret_info->state = link->up ? SL_LINK_UP : SL_LINK_HANDSHAKE;
    ret_info->up_since = link->up_since;
    ret_info->last_heard = link->last_heard;
    ret_info->frames_in = link->frames_in;
    ret_info->frames_out = link->frames_out;
    ret_info->bytes_in = link->bytes_in;
    ret_info->bytes_out = link->bytes_out;
    ret_info->envelopes_in = link->envelopes_in;
    ret_info->loss_permille = frames > 0 ? (uint32_t)(link->lost * UINT64_C(1000) / frames) : 0;
    ret_info->stored_count = link->sync.hello.stored_count;
    ret_info->in_sync = link->sync.in_sync;
    if (!link->up)
        return;
    memcpy(ret_info->origin, link->peer.origin, SL_ORIGIN_LEN);
    memcpy(ret_info->name, link->peer.name, sizeof(ret_info->name));
}

bool sl_node_neighbour(const struct sl_node *node, size_t number,
                       struct sl_neighbour_info *ret_info)
{
    const struct sl_neighbour *neighbour = neighbour_number(node, number);
    if (!neighbour)
        return false;
    *ret_info = (struct sl_neighbour_info){
        .bearer = neighbour->bearer,
        .address = neighbour->address,
        .state = SL_LINK_HEARD,
        .last_heard = neighbour->verified_at,
        .last_refusal = neighbour->last_refusal,
    };
    memcpy(ret_info->bearer_name, node->bearers[neighbour->bearer].info.name,
           sizeof(ret_info->bearer_name));
    if (neighbour->link)
        describe_link(neighbour->link, ret_info);
    return true;
}

const char *sl_node_name(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN])
{
    const struct sl_origin *known = sl_origins_find(node, origin);
    return known ? known->identity.name : NULL;
}
