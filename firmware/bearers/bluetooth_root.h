/* The part of the plan that knows which part of the mesh this board is in: root, round and parent
 * (bluetooth_plan.h). Internal to bluetooth_plan.c. */
#ifndef SL_BEARERS_BLUETOOTH_ROOT_H
#define SL_BEARERS_BLUETOOTH_ROOT_H

#include "bearers/bluetooth_plan.h"

/* A board by itself. */
void sl_root_init(struct sl_plan *plan, sl_time now);

/* The label that a link brings may be better, or its sender may have lost ours. */
void sl_root_heard(struct sl_plan *plan, const struct sl_plan_link *link, sl_time now);

/* The link to the parent is no more: find another way, or be a root. */
void sl_root_parent_lost(struct sl_plan *plan, sl_time now);

/* As root: the next round. Else: the root fell silent? */
void sl_root_tick(struct sl_plan *plan, sl_time now);
sl_time sl_root_deadline(const struct sl_plan *plan);

/* Whether the root would still be reached without the parent, by somebody not behind us. */
bool sl_root_has_elsewhere(const struct sl_plan *plan);

/* Whether neither end needs the link to reach the root. */
bool sl_root_is_spare(const struct sl_plan *plan, const struct sl_plan_link *link);

#endif
