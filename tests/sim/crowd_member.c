#include "sim/crowd_internal.h"

#include <string.h>

/* Certificates that everyone believes, and sessions without DTLS. */
static void join_fake(struct sl_crowd_station *station, uint8_t ret_key[SL_KEY_LEN])
{
    struct sl_crowd *crowd = station->crowd;
    int identity = sl_crowd_identity_of(crowd, station->number);
    struct sl_fake_member_config config = {.primitives = &crowd->primitives,
                                           .serial = (uint32_t)identity + 1};
    crowd->primitives.sign_key(crowd->primitives.ctx, station->seed, ret_key);
    memcpy(config.key, ret_key, SL_KEY_LEN);
    snprintf(config.name, sizeof(config.name), "node-%d", identity);
    station->member = sl_fake_member_new(&config);
    sl_crowd_must(crowd, station->member != NULL, "out of memory");
    sl_fake_membership(station->member, &station->membership);
    sl_fake_sessions(station->member, &station->sessions);
}

void sl_crowd_join(struct sl_crowd_station *station)
{
    struct sl_crowd *crowd = station->crowd;
    const struct sl_crowd_members *members = crowd->config.members;
    uint8_t key[SL_KEY_LEN];
    if (members) {
        members->join(members->ctx, station->number, station->seed, &station->membership,
                      &station->sessions);
        crowd->primitives.sign_key(crowd->primitives.ctx, station->seed, key);
    } else {
        join_fake(station, key);
    }
    sl_origin_of_key(&crowd->primitives, key, station->origin);
}

void sl_crowd_members_init(struct sl_crowd *crowd)
{
    if (crowd->config.members) {
        crowd->primitives = crowd->config.members->primitives;
        sl_crowd_readable(&crowd->primitives);
    } else {
        sl_crowd_primitives(&crowd->primitives, crowd->config.seed);
    }
}
