/* The few things every user of SQLite needs. */
#ifndef SL_STORE_SQL_H
#define SL_STORE_SQL_H

#include "base/base.h"

struct sqlite3;
struct sqlite3_stmt;

/* 0, or the -errno for a result code that is not OK, ROW or DONE: -ENOSPC, -EROFS, -EBADMSG (the
 * file is damaged), -EBUSY, -EEXIST (a constraint), -EIO. sqlite3_errmsg() has the words. Set errno
 * to 0 before the call that gave the code. */
int sl_sql_error(struct sqlite3 *db, int code);

/* Runs statements without results. */
int sl_sql_exec(struct sqlite3 *db, const char *sql);

/* The first column of the first row; -ENOENT if there is no row. */
int sl_sql_integer(struct sqlite3 *db, const char *sql, int64_t *ret_value);

int sl_sql_prepare(struct sqlite3 *db, const char *sql, struct sqlite3_stmt **ret_statement);

/* Steps once, for a statement without rows, and resets it. */
int sl_sql_run(struct sqlite3_stmt *statement);

/* 1 if there is a row, 0 if there is none, -errno. The caller resets. */
int sl_sql_step(struct sqlite3_stmt *statement);

/* Resets, and lets go of what was bound. */
void sl_sql_reset(struct sqlite3_stmt *statement);

/* Borrows `bytes` until the reset. */
void sl_sql_bind_blob(struct sqlite3_stmt *statement, int number, const uint8_t *bytes, size_t len);

/* A column as a blob, borrowed until the next step or reset. */
const uint8_t *sl_sql_blob(struct sqlite3_stmt *statement, int column, size_t *ret_len);

#endif
