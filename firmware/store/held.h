/* What was given to the store and is not on disk yet: the copy of the open group, from which a
 * group that failed is written again, and the whole store while the disk takes nothing. */
#ifndef SL_STORE_HELD_H
#define SL_STORE_HELD_H

#include "base/map.h"
#include "store/record.h"

struct sl_held_row {
    struct sl_stored meta;
    uint8_t *bytes; /* NULL: dropped */
};

enum sl_held_action {
    SL_HELD_PUT,
    SL_HELD_DROP,
    SL_HELD_DROP_OWNER,
};

struct sl_held_record {
    enum sl_held_action action;
    struct sl_record_name name; /* for DROP_OWNER only the owner */
    uint8_t *bytes;             /* of PUT */
    size_t len;
};

/* Rows on disk that are to change. */
enum sl_held_change {
    SL_HELD_CHANGE_RELAYED = 1,
    SL_HELD_CHANGE_DROPPED = 2,
};

struct sl_held {
    struct sl_held_row *rows; /* ascending; those before row_first are gone */
    size_t row_first, row_end, row_cap;
    struct sl_map changes;          /* row as 8 bytes -> enum sl_held_change */
    struct sl_held_record *records; /* in the order given; at most one PUT of each name */
    size_t record_count, record_cap;
    uint64_t bytes;    /* of memory, about */
    uint64_t given_up; /* rows lost for want of room, ever */
};

/* `change_cap`: changes beyond are forgotten. */
void sl_held_init(struct sl_held *held, size_t change_cap);
void sl_held_done(struct sl_held *held);
/* Empties it. */
void sl_held_clear(struct sl_held *held);
bool sl_held_empty(const struct sl_held *held);

/* meta->row is greater than any before. Copies. -ENOMEM. */
int sl_held_put(struct sl_held *held, const struct sl_stored *meta, const uint8_t *bytes);
struct sl_held_row *sl_held_find(const struct sl_held *held, uint64_t row);
/* The first whose row is greater than `after`, or NULL. */
struct sl_held_row *sl_held_next(const struct sl_held *held, uint64_t after);
void sl_held_drop(struct sl_held *held, struct sl_held_row *row);
/* Gives up oldest rows until `len` more bytes fit in `bytes_max`. False if they do not even then.
 */
bool sl_held_make_room(struct sl_held *held, size_t len, uint64_t bytes_max);
/* The rows up to that one (inclusive) are on disk: forgets them. How many they were. */
size_t sl_held_forget(struct sl_held *held, uint64_t row);

void sl_held_change(struct sl_held *held, uint64_t row, enum sl_held_change change);
/* 0 if there is none. */
unsigned sl_held_changed(const struct sl_held *held, uint64_t row);
/* Walks the changes: start with *at = 0. */
bool sl_held_next_change(const struct sl_held *held, size_t *at, uint64_t *ret_row,
                         unsigned *ret_change);

/* Changes and records are on disk: forgets them. */
void sl_held_forget_changes(struct sl_held *held);

/* Copies. -ENOMEM. */
int sl_held_record_put(struct sl_held *held, const struct sl_record_name *name,
                       const uint8_t *bytes, size_t len);
/* `remember`: there may be something of it on disk. -ENOMEM: that will stay. */
int sl_held_record_drop(struct sl_held *held, const struct sl_record_name *name, bool remember);
int sl_held_record_drop_owner(struct sl_held *held, const uint8_t owner[SL_VAULT_ID_LEN],
                              bool remember);
/* The last word on that record, or NULL if only the disk knows. */
const struct sl_held_record *sl_held_record_find(const struct sl_held *held,
                                                 const struct sl_record_name *name);
/* Whether the record on disk is dropped before this one is put. */
bool sl_held_record_is_fresh(const struct sl_held *held, const struct sl_held_record *record);

#endif
