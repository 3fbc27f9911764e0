#include "store/schema.h"

#include "store/record.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static const char tables[] = "CREATE TABLE envelope ("
                             " row INTEGER PRIMARY KEY,"
                             " head BLOB NOT NULL,"
                             " body BLOB NOT NULL,"
                             " relayed INTEGER NOT NULL,"
                             " sum INTEGER NOT NULL);"
                             "CREATE TABLE vault ("
                             " row INTEGER PRIMARY KEY,"
                             " owner BLOB NOT NULL,"
                             " kind INTEGER NOT NULL,"
                             " key BLOB NOT NULL,"
                             " body BLOB NOT NULL,"
                             " sum INTEGER NOT NULL,"
                             " UNIQUE (owner, kind, key));"
                             "CREATE TABLE state ("
                             " version INTEGER NOT NULL,"
                             " life INTEGER NOT NULL,"
                             " unix INTEGER NOT NULL,"
                             " sum INTEGER NOT NULL);";

static int set_version(struct sqlite3 *db)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             SL_SCHEMA_APPLICATION, SL_SCHEMA_VERSION);
    return sl_sql_exec(db, sql);
}

static int insert_state(struct sqlite3 *db, int64_t life, int64_t unix_us)
{
    struct sqlite3_stmt *insert = NULL;
    int r = sl_sql_prepare(db, "INSERT INTO state VALUES (?1, ?2, ?3, ?4)", &insert);
    if (r < 0)
        return r;
    sqlite3_bind_int(insert, 1, SL_SCHEMA_VERSION);
    sqlite3_bind_int64(insert, 2, life);
    sqlite3_bind_int64(insert, 3, unix_us);
    sqlite3_bind_int64(insert, 4, sl_record_state_sum(life, unix_us));
    r = sl_sql_run(insert);
    sqlite3_finalize(insert);
    return r;
}

int sl_schema_create(struct sqlite3 *db)
{
    int r = sl_sql_exec(db, "BEGIN IMMEDIATE");
    if (r == 0)
        r = sl_sql_exec(db, tables);
    if (r == 0)
        r = insert_state(db, 0, 0);
    if (r == 0)
        r = set_version(db);
    if (r == 0)
        r = sl_sql_exec(db, "COMMIT");
    return r;
}

int sl_schema_version(struct sqlite3 *db, int *ret_version)
{
    int64_t application = 0;
    int64_t header = 0;
    int64_t table = 0;
    int r = sl_sql_integer(db, "PRAGMA application_id", &application);
    if (r == 0)
        r = sl_sql_integer(db, "PRAGMA user_version", &header);
    if (r < 0)
        return r;
    if (application != SL_SCHEMA_APPLICATION || header <= 0)
        return -EBADMSG;
    r = sl_sql_integer(db, "SELECT version FROM state", &table);
    bool has_table = r == 0;
    if (has_table && table != header)
        return -EBADMSG;
    if (!has_table && header == SL_SCHEMA_VERSION)
        return -EBADMSG;
    *ret_version = (int)header;
    return 0;
}

/* ---- From version 1, which kept each field in a column and had no sums ---- */

static int copy_id(struct sqlite3_stmt *from, int column, uint8_t *ret_id, size_t id_len)
{
    size_t len;
    const uint8_t *bytes = sl_sql_blob(from, column, &len);
    if (len != id_len)
        return -EBADMSG;
    memcpy(ret_id, bytes, len);
    return 0;
}

static int convert_envelope_1(struct sqlite3_stmt *from, struct sqlite3_stmt *to)
{
    struct sl_stored meta = {
        .row = (uint64_t)sqlite3_column_int64(from, 0),
        .kind = (uint8_t)sqlite3_column_int(from, 3),
        .hops = (uint8_t)sqlite3_column_int(from, 4),
        .local = sqlite3_column_int(from, 5) != 0,
        .relayed = sqlite3_column_int(from, 6) != 0,
        .created = (uint64_t)sqlite3_column_int64(from, 7),
        .lifetime = (uint32_t)sqlite3_column_int64(from, 8),
        .born = sqlite3_column_int64(from, 9),
    };
    size_t len;
    const uint8_t *body = sl_sql_blob(from, 10, &len);
    if (copy_id(from, 1, meta.id, SL_ID_LEN) < 0 ||
        copy_id(from, 2, meta.origin, SL_ORIGIN_LEN) < 0)
        return 0; /* a row that cannot have been written so: left behind */
    uint8_t head[SL_HEAD_LEN];
    sl_record_write_head(&meta, head);
    int64_t sum = sl_record_envelope_sum(meta.row, head, body, len);
    sqlite3_bind_int64(to, 1, (int64_t)meta.row);
    sl_sql_bind_blob(to, 2, head, sizeof(head));
    sl_sql_bind_blob(to, 3, body, len);
    sqlite3_bind_int64(to, 4, meta.relayed ? sum : 0);
    sqlite3_bind_int64(to, 5, sum);
    return sl_sql_run(to);
}

static int convert_record_1(struct sqlite3_stmt *from, struct sqlite3_stmt *to)
{
    struct sl_record_name name = {.kind = (uint8_t)sqlite3_column_int(from, 1)};
    if (copy_id(from, 0, name.owner, SL_VAULT_ID_LEN) < 0 ||
        copy_id(from, 2, name.key, SL_VAULT_ID_LEN) < 0)
        return 0;
    size_t len;
    const uint8_t *body = sl_sql_blob(from, 3, &len);
    sl_sql_bind_blob(to, 1, name.owner, SL_VAULT_ID_LEN);
    sqlite3_bind_int(to, 2, name.kind);
    sl_sql_bind_blob(to, 3, name.key, SL_VAULT_ID_LEN);
    sl_sql_bind_blob(to, 4, body, len);
    sqlite3_bind_int64(to, 5, sl_record_vault_sum(&name, body, len));
    return sl_sql_run(to);
}

/* Runs `convert` for each row of the one, which writes through the other. */
static int convert_each(struct sqlite3 *db, const char *select_sql, const char *insert_sql,
                        int (*convert)(struct sqlite3_stmt *from, struct sqlite3_stmt *to))
{
    struct sqlite3_stmt *from = NULL;
    struct sqlite3_stmt *to = NULL;
    int r = sl_sql_prepare(db, select_sql, &from);
    if (r == 0)
        r = sl_sql_prepare(db, insert_sql, &to);
    if (r < 0)
        goto out;
    while ((r = sl_sql_step(from)) > 0) {
        r = convert(from, to);
        if (r < 0)
            break;
    }
out:
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    return r;
}

static int from_1_to_2(struct sqlite3 *db)
{
    int r = sl_sql_exec(db, tables);
    if (r == 0)
        r = convert_each(db,
                         "SELECT row, id, origin, kind, hops, local, relayed, created, lifetime,"
                         " born, bytes FROM envelopes ORDER BY row",
                         "INSERT INTO envelope VALUES (?1, ?2, ?3, ?4, ?5)", convert_envelope_1);
    if (r == 0)
        r = convert_each(db, "SELECT owner, kind, key, bytes FROM records ORDER BY rowid",
                         "INSERT INTO vault (owner, kind, key, body, sum)"
                         " VALUES (?1, ?2, ?3, ?4, ?5)",
                         convert_record_1);
    int64_t life = 0;
    int64_t unix_us = 0;
    if (r == 0)
        r = sl_sql_integer(db, "SELECT life FROM clock", &life);
    if (r == 0)
        r = sl_sql_integer(db, "SELECT unix FROM clock", &unix_us);
    if (r == 0)
        r = insert_state(db, life, unix_us);
    if (r == 0)
        r = sl_sql_exec(db, "DROP TABLE envelopes; DROP TABLE records; DROP TABLE clock;");
    return r;
}

/* steps[v] leads from version v to v + 1. */
static int (*const steps[SL_SCHEMA_VERSION])(struct sqlite3 *db) = {
    [1] = from_1_to_2,
};

int sl_schema_migrate(struct sqlite3 *db, int version)
{
    assert(version >= 1 && version <= SL_SCHEMA_VERSION);
    if (version == SL_SCHEMA_VERSION)
        return 0;
    int r = sl_sql_exec(db, "BEGIN IMMEDIATE");
    for (int v = version; r == 0 && v < SL_SCHEMA_VERSION; v++)
        r = steps[v](db);
    if (r == 0)
        r = set_version(db);
    if (r == 0)
        r = sl_sql_exec(db, "COMMIT");
    if (r < 0)
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return r == -ENOENT || r == -EEXIST ? -EBADMSG : r;
}
