/* SQLite (WAL) behind the store and vault ports. What was put with `sync` is on disk on return; the
 * rest is committed in groups at most a second apart. If the disk takes nothing the store goes on
 * in memory (bounded) and says so once; it tries again every minute. */
#ifndef SL_STORE_STORE_H
#define SL_STORE_STORE_H

#include "chat/ports.h"

struct sl_store;

struct sl_store_config {
    const char *path; /* of the database; NULL for memory only */
    /* Of bodies, as the mesh counts them; SL_STORE_BYTES_DEFAULT. The file takes 1.3 times that
     * when rows go in the order in which they came, some 2.2 times when they go at random, and
     * never more than 3 times and 16 MiB; the log beside it stays below 8 MiB. */
    uint64_t bytes_max;
    uint64_t memory_bytes_max; /* kept while the disk takes nothing; 4 MiB */
    /* One line for the log, at most one for each change of state; never content. May be NULL. */
    void (*report)(void *arg, const char *line);
    void *report_arg;
};

/* Opens or creates. From a damaged file all rows that are whole are taken over into a new one; a
 * file with none is set aside as PATH.damaged-N (three of them are kept, and may hold sealed
 * records). A file of a newer version is refused with -ENOTSUP and left alone, one that another
 * process uses with -EBUSY. An unusable disk is no error here: the store then starts in memory.
 * -ENOMEM. */
int sl_store_open(const struct sl_store_config *config, struct sl_store **ret_store);
/* Commits and closes. NULL is fine. */
void sl_store_close(struct sl_store *store);

void sl_store_port(struct sl_store *store, struct sl_store_port *ret_port);
void sl_store_vault(struct sl_store *store, struct sl_vault_port *ret_vault);

/* The life clock where the last run left it (0 at first), and the Unix time it stood at then (0 if
 * that was not known). The daemon goes on from there. */
sl_time sl_store_life(const struct sl_store *store);
int64_t sl_store_unix(const struct sl_store *store);

/* Commits what is due, and with it the life clock. */
void sl_store_tick(struct sl_store *store, sl_time now, int64_t unix_us);
sl_time sl_store_deadline(const struct sl_store *store);

/* 0, or the -errno because of which nothing is durable now. */
int sl_store_error(const struct sl_store *store);

#endif
