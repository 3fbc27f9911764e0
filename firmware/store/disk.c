#include "store/disk.h"

#include "store/schema.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    RESERVE_PAGES = 256, /* ahead of need: a call for each megabyte */
};

#define ENVELOPE_COLUMNS "SELECT row, head, body, relayed, sum FROM envelope"

/* What replaces keeps its row, and with it its place in the order. */
#define VAULT_UPSERT                                                                               \
    "INSERT INTO vault (owner, kind, key, body, sum, row) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"         \
    " ON CONFLICT (owner, kind, key) DO UPDATE SET body = ?4, sum = ?5"

static const char *const statement_sql[] = {
    [SL_DISK_BEGIN] = "BEGIN IMMEDIATE",
    [SL_DISK_COMMIT] = "COMMIT",
    [SL_DISK_ROLLBACK] = "ROLLBACK",
    [SL_DISK_PUT] = "INSERT INTO envelope VALUES (?1, ?2, ?3, ?4, ?5)",
    [SL_DISK_GET] = ENVELOPE_COLUMNS " WHERE row = ?1",
    [SL_DISK_NEXT] = ENVELOPE_COLUMNS " WHERE row > ?1 ORDER BY row LIMIT ?2",
    [SL_DISK_LAST_ROW] = "SELECT coalesce(max(row), 0) FROM envelope",
    [SL_DISK_SET_RELAYED] = "UPDATE envelope SET relayed = sum WHERE row = ?1",
    [SL_DISK_DROP] = "DELETE FROM envelope WHERE row = ?1",
    [SL_DISK_RENUMBER] = "UPDATE envelope SET row = ?2, relayed = ?3, sum = ?4 WHERE row = ?1",
    [SL_DISK_VAULT_PUT] = VAULT_UPSERT,
    [SL_DISK_VAULT_GET] = "SELECT body, sum FROM vault WHERE owner = ?1 AND kind = ?2 AND key = ?3",
    [SL_DISK_VAULT_DROP] = "DELETE FROM vault WHERE owner = ?1 AND kind = ?2 AND key = ?3",
    [SL_DISK_VAULT_DROP_OWNER] = "DELETE FROM vault WHERE owner = ?1",
    [SL_DISK_VAULT_COUNT] = "SELECT count(*) FROM vault WHERE owner = ?1 AND kind = ?2",
    [SL_DISK_VAULT_ROWS] = "SELECT row FROM vault WHERE owner = ?1 AND kind = ?2 ORDER BY row",
    [SL_DISK_VAULT_ROW] = "SELECT body, sum, key FROM vault WHERE row = ?1",
    [SL_DISK_PAGES] = "PRAGMA page_count",
    [SL_DISK_STATE_GET] = "SELECT life, unix, sum FROM state",
    [SL_DISK_STATE_PUT] = "UPDATE state SET life = ?1, unix = ?2, sum = ?3",
};
static_assert(SL_ARRAY_LEN(statement_sql) == SL_DISK_STATEMENTS, "one statement for each name");

/* Exclusive locking keeps the log's index in memory, so that there is no -shm file. Content that
 * was deleted is overwritten with zeros. */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                               "PRAGMA cache_size = -1024;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA secure_delete = ON;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA journal_size_limit = 4194304;"
                               "PRAGMA wal_autocheckpoint = 0;";

int sl_disk_failed(struct sl_disk *disk, int r)
{
    assert(r < 0);
    snprintf(disk->reason, sizeof(disk->reason), "%s", sqlite3_errmsg(disk->db));
    disk->damaged = disk->damaged || r == -EBADMSG;
    return r;
}

/* ---- Opening and closing ---- */

static int count_log(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct sl_disk *disk = arg;
    disk->wal_pages = pages;
    return SQLITE_OK;
}

static int connect(struct sl_disk *disk, const char *path, int flags, const char *vfs)
{
    /* Statistics of memory cost a lock for each allocation. Fails once SQLite is in use, which is
     * fine. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    errno = 0;
    int code = sqlite3_open_v2(path, &disk->db, flags | SQLITE_OPEN_NOMUTEX, vfs);
    if (!disk->db)
        return -ENOMEM;
    int r = sl_sql_error(disk->db, code);
    if (r < 0)
        return sl_disk_failed(disk, r);
    (void)sqlite3_extended_result_codes(disk->db, 1);
    (void)sqlite3_db_config(disk->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_db_config(disk->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    r = sl_sql_exec(disk->db, settings);
    return r < 0 ? sl_disk_failed(disk, r) : 0;
}

static void append_escaped(sqlite3_str *uri, const char *path)
{
    for (const char *c = path; *c; c++) {
        if (strchr("%?#", *c))
            sqlite3_str_appendf(uri, "%%%02x", (unsigned)*c);
        else
            sqlite3_str_appendchar(uri, 1, *c);
    }
}

/* On a disk that cannot be written SQLite cannot lock, nor make the log that it is used to find.
 * With a log it needs a VFS without locks (this process holds its own on the file), without one the
 * promise that nobody writes. */
static int connect_read_only(struct sl_disk *disk, const char *path)
{
    char log_path[4096];
    snprintf(log_path, sizeof(log_path), "%s-wal", path);
    struct stat st;
    if (stat(log_path, &st) == 0 && st.st_size > 0)
        return connect(disk, path, SQLITE_OPEN_READONLY, "unix-none");
    sqlite3_str *uri = sqlite3_str_new(NULL);
    sqlite3_str_appendall(uri, path[0] == '/' ? "file://" : "file:");
    append_escaped(uri, path);
    sqlite3_str_appendall(uri, "?immutable=1");
    char *text = sqlite3_str_finish(uri);
    if (!text)
        return -ENOMEM;
    int r = connect(disk, text, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    sqlite3_free(text);
    return r;
}

static int check_pages(struct sl_disk *disk)
{
    struct sqlite3_stmt *check = NULL;
    int r = sl_sql_prepare(disk->db, "PRAGMA integrity_check(1)", &check);
    if (r < 0)
        return sl_disk_failed(disk, r);
    r = sl_sql_step(check);
    if (r < 0) {
        (void)sl_disk_failed(disk, r);
    } else {
        const char *verdict = r > 0 ? (const char *)sqlite3_column_text(check, 0) : "no verdict";
        snprintf(disk->reason, sizeof(disk->reason), "%s", verdict ? verdict : "out of memory");
        r = strcmp(disk->reason, "ok") == 0 ? 0 : -EBADMSG;
    }
    sqlite3_finalize(check);
    return r;
}

static int check_version(struct sl_disk *disk)
{
    int version;
    int r = sl_schema_version(disk->db, &version);
    if (r < 0)
        return sl_disk_failed(disk, r);
    if (version > SL_SCHEMA_VERSION) {
        snprintf(disk->reason, sizeof(disk->reason), "version %d, and this program knows up to %d",
                 version, SL_SCHEMA_VERSION);
        return -ENOTSUP;
    }
    r = check_pages(disk);
    if (r < 0)
        return r;
    if (version < SL_SCHEMA_VERSION && !disk->writable) {
        snprintf(disk->reason, sizeof(disk->reason),
                 "version %d cannot be brought up to %d on a disk that may not be written", version,
                 SL_SCHEMA_VERSION);
        return -EROFS;
    }
    r = disk->writable ? sl_sql_exec(disk->db, "PRAGMA journal_mode = WAL") : 0;
    if (r == 0)
        r = sl_schema_migrate(disk->db, version);
    return r < 0 ? sl_disk_failed(disk, r) : 0;
}

static int prepare(struct sl_disk *disk)
{
    for (size_t i = 0; i < SL_DISK_STATEMENTS; i++) {
        int r = sl_sql_prepare(disk->db, statement_sql[i], &disk->statements[i]);
        if (r < 0)
            return sl_disk_failed(disk, r);
    }
    (void)sqlite3_wal_hook(disk->db, count_log, disk);
    return 0;
}

/* When the row of the clocks is damaged, time goes on from the newest envelope. */
static int guess_life(struct sl_disk *disk)
{
    disk->life = 0;
    disk->unix_us = 0;
    struct sl_stored metas[16];
    uint64_t after = 0;
    int count;
    while ((count = sl_disk_next(disk, after, metas, SL_ARRAY_LEN(metas))) > 0) {
        for (int i = 0; i < count; i++)
            if (metas[i].kind != 0 && metas[i].born > disk->life)
                disk->life = metas[i].born;
        after = metas[count - 1].row;
    }
    return count;
}

static int read_state(struct sl_disk *disk)
{
    struct sqlite3_stmt *get = disk->statements[SL_DISK_STATE_GET];
    int r = sl_sql_step(get);
    if (r < 0)
        r = sl_disk_failed(disk, r);
    bool good = false;
    if (r > 0) {
        disk->life = sqlite3_column_int64(get, 0);
        disk->unix_us = sqlite3_column_int64(get, 1);
        good = sqlite3_column_int64(get, 2) == sl_record_state_sum(disk->life, disk->unix_us);
    }
    sl_sql_reset(get);
    if (r < 0)
        return r;
    return good ? 0 : guess_life(disk);
}

static int limit_pages(struct sl_disk *disk, uint64_t bytes_max)
{
    if (bytes_max == 0)
        return 0;
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %llu",
             (unsigned long long)(bytes_max / SL_SCHEMA_PAGE_SIZE));
    int r = sl_sql_exec(disk->db, sql);
    return r < 0 ? sl_disk_failed(disk, r) : 0;
}

static int finish_open(struct sl_disk *disk, uint64_t bytes_max)
{
    int r = check_version(disk);
    if (r == 0)
        r = prepare(disk);
    if (r == 0)
        r = read_state(disk);
    if (r == 0 && disk->writable)
        r = limit_pages(disk, bytes_max);
    return r;
}

static int create_tables(struct sl_disk *disk)
{
    char sql[128];
    snprintf(sql, sizeof(sql),
             "PRAGMA page_size = %d; PRAGMA auto_vacuum = NONE;"
             "PRAGMA journal_mode = WAL;",
             SL_SCHEMA_PAGE_SIZE);
    int r = sl_sql_exec(disk->db, sql);
    if (r == 0)
        r = sl_schema_create(disk->db);
    return r < 0 ? sl_disk_failed(disk, r) : 0;
}

int sl_disk_create(struct sl_disk *disk, const char *path)
{
    *disk = (struct sl_disk){.writable = true, .fd = -1};
    int r = connect(disk, path, SQLITE_OPEN_READWRITE, NULL);
    if (r == 0)
        r = create_tables(disk);
    if (r == 0)
        r = prepare(disk);
    if (r < 0)
        sl_disk_close(disk, true);
    return r;
}

int sl_disk_open(struct sl_disk *disk, const char *path, bool writable, uint64_t bytes_max)
{
    *disk = (struct sl_disk){.writable = writable, .fd = -1};
    int r =
        writable ? connect(disk, path, SQLITE_OPEN_READWRITE, NULL) : connect_read_only(disk, path);
    if (r == 0)
        r = finish_open(disk, bytes_max);
    if (r < 0)
        sl_disk_close(disk, true);
    return r;
}

void sl_disk_close(struct sl_disk *disk, bool keep_log)
{
    if (!disk->db)
        return;
    sl_disk_rollback(disk);
    for (size_t i = 0; i < SL_DISK_STATEMENTS; i++) {
        (void)sqlite3_finalize(disk->statements[i]);
        disk->statements[i] = NULL;
    }
    (void)sqlite3_db_config(disk->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)keep_log, NULL);
    int code = sqlite3_close(disk->db);
    assert(code == SQLITE_OK); /* else a statement is left */
    disk->db = NULL;
}

/* ---- Groups ---- */

int sl_disk_run(struct sl_disk *disk, enum sl_disk_statement number)
{
    int r = sl_sql_run(disk->statements[number]);
    return r < 0 ? sl_disk_failed(disk, r) : 0;
}

int sl_disk_begin(struct sl_disk *disk)
{
    if (disk->in_group)
        return 0;
    int r = sl_disk_run(disk, SL_DISK_BEGIN);
    disk->in_group = r == 0;
    return r;
}

void sl_disk_rollback(struct sl_disk *disk)
{
    disk->in_group = false;
    if (!sqlite3_get_autocommit(disk->db))
        (void)sl_sql_run(disk->statements[SL_DISK_ROLLBACK]);
}

static int64_t count_pages(struct sl_disk *disk)
{
    struct sqlite3_stmt *pages = disk->statements[SL_DISK_PAGES];
    int64_t count = sl_sql_step(pages) > 0 ? sqlite3_column_int64(pages, 0) : 0;
    sl_sql_reset(pages);
    return count;
}

/* Space in the file for what the group adds to it. A group in the log that finds no place in the
 * file would block the log, and with it every drop that could make space. */
static int reserve(struct sl_disk *disk)
{
    int64_t pages = count_pages(disk);
    if (disk->fd < 0 || pages <= disk->pages_reserved)
        return 0;
    int64_t ahead = pages + RESERVE_PAGES;
    if (fallocate(disk->fd, FALLOC_FL_KEEP_SIZE, 0, ahead * SL_SCHEMA_PAGE_SIZE) == 0) {
        disk->pages_reserved = ahead;
        return 0;
    }
    if (fallocate(disk->fd, FALLOC_FL_KEEP_SIZE, 0, pages * SL_SCHEMA_PAGE_SIZE) == 0) {
        disk->pages_reserved = pages;
        return 0;
    }
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    if (full)
        snprintf(disk->reason, sizeof(disk->reason), "%s", strerror(errno));
    return full ? -ENOSPC : 0; /* the file system may know no reserving */
}

static int put_state(struct sl_disk *disk, sl_time life, int64_t unix_us)
{
    struct sqlite3_stmt *put = disk->statements[SL_DISK_STATE_PUT];
    sqlite3_bind_int64(put, 1, life + disk->shift);
    sqlite3_bind_int64(put, 2, unix_us);
    sqlite3_bind_int64(put, 3, sl_record_state_sum(life + disk->shift, unix_us));
    return sl_disk_run(disk, SL_DISK_STATE_PUT);
}

int sl_disk_commit(struct sl_disk *disk, sl_time life, int64_t unix_us)
{
    int r = sl_disk_begin(disk);
    if (r < 0)
        return r;
    r = put_state(disk, life, unix_us);
    if (r == 0)
        r = reserve(disk);
    if (r == 0)
        r = sl_disk_run(disk, SL_DISK_COMMIT);
    if (r < 0)
        sl_disk_rollback(disk);
    disk->in_group = false;
    return r;
}

int sl_disk_checkpoint(struct sl_disk *disk, bool erase)
{
    int mode = erase ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    errno = 0;
    int code = sqlite3_wal_checkpoint_v2(disk->db, NULL, mode, NULL, NULL);
    int r = sl_sql_error(disk->db, code);
    if (r < 0)
        return sl_disk_failed(disk, r);
    disk->wal_pages = 0;
    disk->pages_reserved = 0; /* SQLite cut the file to its length */
    return 0;
}
