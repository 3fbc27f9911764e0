/* The store's file: rows in and out, in groups that are committed together. No policy: what to do
 * when something fails is decided in store.c.
 *
 * All functions but open answer -ENOENT, -EIO, -ENOSPC, -EROFS or -EBADMSG (the file is damaged)
 * unless they say else, and leave the words in `reason`. */
#ifndef SL_STORE_DISK_H
#define SL_STORE_DISK_H

#include "store/record.h"
#include "store/sql.h"

enum sl_disk_statement {
    SL_DISK_BEGIN,
    SL_DISK_COMMIT,
    SL_DISK_ROLLBACK,
    SL_DISK_PUT,
    SL_DISK_GET,
    SL_DISK_NEXT,
    SL_DISK_LAST_ROW,
    SL_DISK_SET_RELAYED,
    SL_DISK_DROP,
    SL_DISK_RENUMBER,
    SL_DISK_VAULT_PUT,
    SL_DISK_VAULT_GET,
    SL_DISK_VAULT_DROP,
    SL_DISK_VAULT_DROP_OWNER,
    SL_DISK_VAULT_COUNT,
    SL_DISK_VAULT_ROWS,
    SL_DISK_VAULT_ROW,
    SL_DISK_PAGES,
    SL_DISK_STATE_GET,
    SL_DISK_STATE_PUT,
    SL_DISK_STATEMENTS,
};

struct sl_disk {
    struct sqlite3 *db; /* NULL: closed */
    struct sqlite3_stmt *statements[SL_DISK_STATEMENTS];
    bool writable;
    bool in_group;
    bool damaged;  /* SQLite came upon damage */
    int wal_pages; /* in the write-ahead log */
    int fd;        /* of the file, borrowed: to reserve space; -1 not to */
    int64_t pages_reserved;
    sl_time life; /* as the file had it when it was opened */
    int64_t unix_us;
    /* Added to every time on the life clock on its way to the file, taken off on its way back: for
     * a store that began without its file, and with it a clock of its own. */
    sl_time shift;
    char reason[160];
};

/* Makes a new file of which nothing exists, and leaves it open. */
int sl_disk_create(struct sl_disk *disk, const char *path);

/* Opens, checks every page and migrates. -ENOTSUP for a newer version (the file is untouched),
 * -EBUSY, -EBADMSG for damage (then too), -ENOMEM. `bytes_max` is a last bound for the file; 0 for
 * none. */
int sl_disk_open(struct sl_disk *disk, const char *path, bool writable, uint64_t bytes_max);

/* Commits nothing. `keep_log`: leaves the write-ahead log as it is, for a salvage. */
void sl_disk_close(struct sl_disk *disk, bool keep_log);

/* Opens a group if there is none. */
int sl_disk_put(struct sl_disk *disk, const struct sl_stored *meta, const uint8_t *bytes);
int sl_disk_set_relayed(struct sl_disk *disk, uint64_t row);
int sl_disk_drop(struct sl_disk *disk, uint64_t row);
int sl_disk_vault_put(struct sl_disk *disk, const struct sl_record_name *name, const uint8_t *bytes,
                      size_t len);
/* At a row of its own, which gives its place in the order; elsewhere if that is taken. */
int sl_disk_vault_restore(struct sl_disk *disk, uint64_t row, const struct sl_record_name *name,
                          const uint8_t *bytes, size_t len);
int sl_disk_vault_drop(struct sl_disk *disk, const struct sl_record_name *name);
int sl_disk_vault_drop_owner(struct sl_disk *disk, const uint8_t owner[SL_VAULT_ID_LEN]);

/* The group, and with it the clocks, is on disk on return; on failure it is undone. */
int sl_disk_commit(struct sl_disk *disk, sl_time life, int64_t unix_us);
void sl_disk_rollback(struct sl_disk *disk);

/* Moves the write-ahead log into the file, outside of groups; `erase`: and empties it, so that
 * nothing deleted or replaced is left anywhere. */
int sl_disk_checkpoint(struct sl_disk *disk, bool erase);

/* Number of bytes; -ENOENT, -ENOBUFS, -EIO. -EBADMSG: this row only. */
int sl_disk_get(struct sl_disk *disk, uint64_t row, uint8_t *ret_bytes, size_t cap);

/* The next rows after `after`: how many, 0 at the end. A damaged row is given with kind 0 (which no
 * envelope has). */
int sl_disk_next(struct sl_disk *disk, uint64_t after, struct sl_stored *ret_metas, size_t cap);

/* The highest row, 0 if there is none. */
int sl_disk_last_row(struct sl_disk *disk, uint64_t *ret_row);

/* Numbers all rows anew from 1, in a group of its own. */
int sl_disk_renumber(struct sl_disk *disk);

/* Number of bytes; -ENOENT, -ENOBUFS, -EIO. -EBADMSG: this record only. */
int sl_disk_vault_get(struct sl_disk *disk, const struct sl_record_name *name, uint8_t *ret_bytes,
                      size_t cap);

/* Row numbers of all records of that owner and kind, oldest first; free() the array. */
int sl_disk_vault_rows(struct sl_disk *disk, const struct sl_record_name *name, uint64_t **ret_rows,
                       size_t *ret_count);
/* Fills in the key. The bytes are on the heap: free() them. -EBADMSG: this record. */
int sl_disk_vault_row(struct sl_disk *disk, uint64_t row, struct sl_record_name *name,
                      uint8_t **ret_bytes, size_t *ret_len);

/* ---- Between disk.c and disk_rows.c ---- */

/* Notes the words, and passes the error on. */
int sl_disk_failed(struct sl_disk *disk, int r);
int sl_disk_begin(struct sl_disk *disk);
/* Runs a statement that gives no rows. */
int sl_disk_run(struct sl_disk *disk, enum sl_disk_statement number);

#endif
