/* Joins the parts of long messages, and puts messages in order; for one persona. Both hold a
 * bounded amount of what authenticated authors sent, and relays hold nothing of the kind. */
#ifndef SL_CHAT_PARTS_H
#define SL_CHAT_PARTS_H

#include "chat/history.h"

#define SL_PARTS_BYTES_MAX  ((size_t)256 << 10)
#define SL_PARTS_GROUPS_MAX 256
#define SL_HOLD_MAX         128
#define SL_HOLD_BYTES_MAX   ((size_t)256 << 10)
#define SL_HOLD_TIME        (5 * SL_SECOND)

/* One opened envelope. */
struct sl_incoming {
    struct sl_part_ref ref;    /* id, receipt key, state */
    struct sl_content content; /* borrowed */
    bool direct;
    bool outgoing;         /* the persona's own, found in the store */
    const char *channel;   /* "" if direct */
    const uint8_t *person; /* who wrote it */
    uint64_t created;
    uint32_t lifetime;
    sl_time born;
};

struct sl_parts_group; /* private */

struct sl_parts {
    struct sl_parts_group *groups[SL_PARTS_GROUPS_MAX]; /* oldest first */
    size_t count;
    size_t bytes;
    const struct sl_primitives *primitives;
};

void sl_parts_init(struct sl_parts *parts, const struct sl_primitives *primitives);
void sl_parts_done(struct sl_parts *parts);

/* The whole message, now the caller's, once `incoming` was all that it lacked; else NULL. When
 * full, the oldest group of the author that holds most gives way. */
struct sl_record *sl_parts_add(struct sl_parts *parts, const struct sl_incoming *incoming);

/* A message that came whole. NULL if out of memory. */
struct sl_record *sl_parts_whole(const struct sl_incoming *incoming);

/* Forgets what is half there of a channel. */
void sl_parts_forget(struct sl_parts *parts, const char *channel);

/* Messages whose predecessor has not been seen. */
struct sl_hold {
    struct sl_record *records[SL_HOLD_MAX];
    size_t count;
    size_t bytes;
    const struct sl_primitives *primitives;
};

void sl_hold_init(struct sl_hold *hold, const struct sl_primitives *primitives);
void sl_hold_done(struct sl_hold *hold);
bool sl_hold_has(const struct sl_hold *hold, const uint8_t id[SL_ID_LEN]);

/* Forgets what is held of a channel. */
void sl_hold_forget(struct sl_hold *hold, const char *channel);

/* Takes a record that fits; sl_hold_full() says whether it would. */
void sl_hold_put_take(struct sl_hold *hold, struct sl_record *record);
bool sl_hold_full(const struct sl_hold *hold, const struct sl_record *record);

/* Gives back one that follows `record`, or NULL. */
struct sl_record *sl_hold_follower(struct sl_hold *hold, const struct sl_record *record);
/* Gives back one whose time has come; of one thread that which was written first. NULL if none. */
struct sl_record *sl_hold_due(struct sl_hold *hold, sl_time now);
sl_time sl_hold_deadline(const struct sl_hold *hold);

#endif
