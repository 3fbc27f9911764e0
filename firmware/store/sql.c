#include "store/sql.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>

/* SQLite has the system's error for some calls only; else errno is what the last call that failed
 * in it left, if it was cleared before. */
static int io_error(struct sqlite3 *db, int os_errno)
{
    int noted = sqlite3_system_errno(db);
    switch (noted ? noted : os_errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return -ENOSPC;
    case EROFS:
    case EACCES:
    case EPERM:
        return -EROFS;
    default:
        return -EIO;
    }
}

int sl_sql_error(struct sqlite3 *db, int code)
{
    int os_errno = errno;
    switch (code & 0xff) { /* the rest are the extended codes */
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* the statements are right, so the file is not what its header says */
        return -EBADMSG;
    case SQLITE_BUSY:
        return -EBUSY;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return io_error(db, os_errno);
    default:
        return -EIO;
    }
}

int sl_sql_exec(struct sqlite3 *db, const char *sql)
{
    errno = 0;
    return sl_sql_error(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int sl_sql_integer(struct sqlite3 *db, const char *sql, int64_t *ret_value)
{
    struct sqlite3_stmt *statement = NULL;
    int r = sl_sql_prepare(db, sql, &statement);
    if (r < 0)
        return r;
    r = sl_sql_step(statement);
    if (r > 0)
        *ret_value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return r == 0 ? -ENOENT : r < 0 ? r : 0;
}

int sl_sql_prepare(struct sqlite3 *db, const char *sql, struct sqlite3_stmt **ret_statement)
{
    errno = 0;
    int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
    /* SQLITE_ERROR is what a table that is missing gives: the schema is not what the version says.
     */
    return code == SQLITE_ERROR ? -EBADMSG : sl_sql_error(db, code);
}

int sl_sql_run(struct sqlite3_stmt *statement)
{
    errno = 0;
    int code = sqlite3_step(statement);
    assert(code != SQLITE_ROW);
    int r = sl_sql_error(sqlite3_db_handle(statement), code);
    sl_sql_reset(statement);
    return r;
}

int sl_sql_step(struct sqlite3_stmt *statement)
{
    errno = 0;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    return sl_sql_error(sqlite3_db_handle(statement), code);
}

void sl_sql_reset(struct sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement); /* repeats what the step said */
    (void)sqlite3_clear_bindings(statement);
}

void sl_sql_bind_blob(struct sqlite3_stmt *statement, int number, const uint8_t *bytes, size_t len)
{
    int code = len == 0 ? sqlite3_bind_zeroblob(statement, number, 0)
                        : sqlite3_bind_blob(statement, number, bytes, (int)len, SQLITE_STATIC);
    assert(code == SQLITE_OK);
    (void)code;
}

const uint8_t *sl_sql_blob(struct sqlite3_stmt *statement, int column, size_t *ret_len)
{
    const uint8_t *bytes = sqlite3_column_blob(statement, column);
    *ret_len = (size_t)sqlite3_column_bytes(statement, column);
    return bytes;
}
