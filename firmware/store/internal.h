/* The store from within: what store.c, which decides when something is written and what happens
 * when it cannot be, shares with the two ports. */
#ifndef SL_STORE_INTERNAL_H
#define SL_STORE_INTERNAL_H

#include "store/held.h"
#include "store/store.h"
#include "store/volume.h"

/* A group is also committed when it has grown to this: what is in it is in memory twice. */
#define SL_STORE_GROUP_BYTES   ((uint64_t)1 << 20)
#define SL_STORE_GROUP_CHANGES 1024
#define SL_STORE_GROUP_RECORDS 256

struct sl_store {
    struct sl_store_config config;
    char *path;              /* NULL: memory only, as configured */
    struct sl_volume volume; /* volume.disk.db is NULL while there is no file */
    struct sl_held held;     /* given and not committed */
    int error;               /* 0, or why nothing is written: then `held` is all there is of it */
    bool damaged;            /* the error is damage: opening the file anew repairs it */
    bool blind;              /* began without its file, of whose rows nobody was told */
    bool damage_told;
    uint64_t next_row;
    uint64_t moved; /* rows, from memory to disk, since the trouble began */
    uint64_t drops; /* so far; tells a walk that its look ahead is stale */
    sl_time first_life;
    int64_t first_unix;
    sl_time now; /* as last given */
    int64_t unix_us;
    sl_time shift; /* see struct sl_disk */
    sl_time commit_at;
    sl_time clock_at;
    sl_time retry_at;
    bool erase_due;   /* something secret was dropped: with the next commit */
    bool erase_later; /* something secret was replaced: within a minute */
};

/* Whether what is written goes to disk. */
static inline bool sl_store_writes(const struct sl_store *store)
{
    return store->volume.disk.db && store->error == 0;
}

/* Undoes the group, of which `held` has a copy, and goes on in memory. Tells the log. */
void sl_store_fail(struct sl_store *store, int r);

/* What became of a write into the group: it is committed in a second, or now if it is full, or it
 * failed. */
void sl_store_wrote(struct sl_store *store, int r);

/* A read gave -EIO: if the file is damaged it is time to repair it. */
void sl_store_read_failed(struct sl_store *store);

/* 0, or why it is not durable now. */
int sl_store_commit(struct sl_store *store);

/* Tries whether the disk takes data again. */
void sl_store_retry(struct sl_store *store);

/* Says once in a run that single rows were found damaged. */
void sl_store_tell_damage(struct sl_store *store);

uint64_t sl_store_memory_max(const struct sl_store *store);

#endif
