/* SQLite (WAL) behind the store and vault ports. What was put with `sync` is on disk on return; the
 * rest is committed in groups at most a second apart. If the disk takes nothing the store goes on
 * in memory (bounded) and says so once; it tries again every minute. */
#ifndef SL_STORE_STORE_H
#define SL_STORE_STORE_H

#include "chat/ports.h"

struct sl_store;

struct sl_store_config {
    const char *path;          /* of the database; NULL for memory only */
    uint64_t bytes_max;        /* SL_STORE_BYTES_DEFAULT */
    uint64_t memory_bytes_max; /* kept while the disk takes nothing; 4 MiB */
    /* One line for the log, at most one for each change of state; never content. May be NULL. */
    void (*report)(void *arg, const char *line);
    void *report_arg;
};

/* Opens or creates. A damaged file is repaired if SQLite can, else set aside as PATH.damaged-N and
 * a new one begun; a file of a newer version is refused with -ENOTSUP and left alone. An unusable
 * disk is no error here: the store then starts in memory. -ENOMEM, -ENOTSUP. */
int sl_store_open(const struct sl_store_config *config, struct sl_store **ret_store);
/* Commits and closes. */
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
