/* What one origin, and all origins of one invite together, may have of everybody's store
 * (PROTOCOL.md, Shares). Internal to the mesh.
 *
 * Buckets alone would not do: each node would admit other envelopes of a flood, and neighbours
 * would try to repair that difference for as long as it lives. So what is admitted follows from
 * the envelopes themselves: creation times are cut into windows, and in each an origin keeps its
 * first ones. Whatever the order and the way in which they came, nodes that saw the same envelopes
 * keep the same. */
#ifndef SL_MESH_SHARE_H
#define SL_MESH_SHARE_H

#include "base/map.h"
#include "mesh/ports.h"
#include "mesh/quota.h"

struct sl_node;
struct sl_origin;

/* An invite that origins came through. They are numbered as they are met; when the table is full
 * all further ones count as one. */
struct sl_invite {
    uint8_t serial[20];
    size_t origin_count;
    struct sl_bucket fresh, stock; /* as those of an origin */
};

struct sl_shares {
    struct sl_map by_window; /* who and when, to the first entry in it */
    struct sl_invite *invites;
    size_t invite_count, invite_cap;
};

#define SL_INVITE_NONE 0 /* certified by the authority itself; else number in `invites` plus 1 */

void sl_share_init(struct sl_shares *shares, uint64_t seed);
void sl_share_done(struct sl_shares *shares);

/* The number of the invite that an identity came through; SL_INVITE_NONE also if it is new. */
uint16_t sl_share_invite(const struct sl_node *node, const struct sl_identity *identity);

/* The same for one that is to stay; counts one origin more for it. -ENOSPC:
 * the invite has admitted as many as it may. -ENOMEM. */
int sl_share_join(struct sl_node *node, const struct sl_identity *identity, sl_time now);
void sl_share_leave(struct sl_node *node, uint16_t invite);

/* Whether there is room for it: -EDQUOT if not. Numbers of up to two entries that give way to it
 * in ret_victims, or -1. Without a limit for origins (sl_quota_config) there is always room. */
int sl_share_judge(const struct sl_node *node, const struct sl_stored *stored, uint16_t invite,
                   int64_t ret_victims[2]);

/* An entry of the index begins or ceases to count. */
void sl_share_add(struct sl_node *node, int64_t number, uint16_t invite);
void sl_share_remove(struct sl_node *node, int64_t number);

/* At the start, when identities are known: counts what the store holds. */
void sl_share_load(struct sl_node *node);

/* The first creation time from `created` on at which this origin has room. */
uint64_t sl_share_next_room(const struct sl_node *node, const uint8_t origin[SL_ORIGIN_LEN],
                            uint64_t created);

/* At which rate an origin brings an envelope in. */
enum sl_share_rate {
    SL_SHARE_FRESH, /* on the fast path */
    SL_SHARE_STOCK, /* what is late: its date says so, or, where there is no clock, that we asked */
    SL_SHARE_FREE,  /* asked for and of this minute: the windows bound it */
};

/* `asked_for` by us (repair), or on the fast path. */
enum sl_share_rate sl_share_rate_of(const struct sl_node *node, uint64_t created, bool asked_for,
                                    sl_time now);

/* Whether the origin, and the invite it came through, may bring in one more now. */
bool sl_share_may_pay(const struct sl_node *node, const struct sl_origin *origin,
                      enum sl_share_rate rate, sl_time now);
void sl_share_pay(struct sl_node *node, struct sl_origin *origin, enum sl_share_rate rate,
                  sl_time now);

/* Whether so much of its origin came late that repair gives no more such envelopes away, for now:
 * neighbours would refuse them as we do. */
bool sl_share_is_spent(const struct sl_node *node, const struct sl_stored *stored, sl_time now);

#endif
