/* The rows of the tables. */
#include "store/disk.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* ---- Envelopes ---- */

int sl_disk_put(struct sl_disk *disk, const struct sl_stored *meta, const uint8_t *bytes)
{
    int r = sl_disk_begin(disk);
    if (r < 0)
        return r;
    struct sl_stored shifted = *meta;
    shifted.born += disk->shift;
    uint8_t head[SL_HEAD_LEN];
    sl_record_write_head(&shifted, head);
    int64_t sum = sl_record_envelope_sum(meta->row, head, bytes, meta->len);
    struct sqlite3_stmt *put = disk->statements[SL_DISK_PUT];
    sqlite3_bind_int64(put, 1, (int64_t)meta->row);
    sl_sql_bind_blob(put, 2, head, sizeof(head));
    sl_sql_bind_blob(put, 3, bytes, meta->len);
    sqlite3_bind_int64(put, 4, meta->relayed ? sum : 0);
    sqlite3_bind_int64(put, 5, sum);
    return sl_disk_run(disk, SL_DISK_PUT);
}

static int run_for_row(struct sl_disk *disk, enum sl_disk_statement number, uint64_t row)
{
    int r = sl_disk_begin(disk);
    if (r < 0)
        return r;
    sqlite3_bind_int64(disk->statements[number], 1, (int64_t)row);
    return sl_disk_run(disk, number);
}

int sl_disk_set_relayed(struct sl_disk *disk, uint64_t row)
{
    return run_for_row(disk, SL_DISK_SET_RELAYED, row);
}

int sl_disk_drop(struct sl_disk *disk, uint64_t row)
{
    return run_for_row(disk, SL_DISK_DROP, row);
}

/* The row on which a statement stands. False if it is damaged; then only the row number is set. */
static bool read_envelope(const struct sl_disk *disk, struct sqlite3_stmt *at,
                          struct sl_stored *ret_meta, const uint8_t **ret_body)
{
    *ret_meta = (struct sl_stored){.row = (uint64_t)sqlite3_column_int64(at, 0)};
    size_t head_len;
    size_t body_len;
    const uint8_t *head = sl_sql_blob(at, 1, &head_len);
    const uint8_t *body = sl_sql_blob(at, 2, &body_len);
    int64_t relayed = sqlite3_column_int64(at, 3);
    int64_t sum = sqlite3_column_int64(at, 4);
    struct sl_stored meta = *ret_meta;
    if (body_len > UINT16_MAX || sl_record_read_head(head, head_len, &meta) < 0)
        return false;
    if (sl_record_envelope_sum(meta.row, head, body, body_len) != sum)
        return false;
    meta.born -= disk->shift;
    meta.len = (uint16_t)body_len;
    meta.relayed = relayed == sum;
    *ret_meta = meta;
    *ret_body = body;
    return true;
}

static int copy_out(const uint8_t *bytes, size_t len, uint8_t *ret_bytes, size_t cap)
{
    if (len > cap)
        return -ENOBUFS;
    if (len > 0)
        memcpy(ret_bytes, bytes, len);
    return (int)len;
}

/* -EBADMSG is for a single row: damage of the whole file is in disk->damaged. */
static int read_error(struct sl_disk *disk, int r)
{
    (void)sl_disk_failed(disk, r);
    return -EIO;
}

int sl_disk_get(struct sl_disk *disk, uint64_t row, uint8_t *ret_bytes, size_t cap)
{
    struct sqlite3_stmt *get = disk->statements[SL_DISK_GET];
    sqlite3_bind_int64(get, 1, (int64_t)row);
    int r = sl_sql_step(get);
    struct sl_stored meta;
    const uint8_t *body;
    if (r < 0)
        r = read_error(disk, r);
    else if (r == 0)
        r = -ENOENT;
    else if (!read_envelope(disk, get, &meta, &body))
        r = -EBADMSG;
    else
        r = copy_out(body, meta.len, ret_bytes, cap);
    sl_sql_reset(get);
    return r;
}

int sl_disk_next(struct sl_disk *disk, uint64_t after, struct sl_stored *ret_metas, size_t cap)
{
    struct sqlite3_stmt *next = disk->statements[SL_DISK_NEXT];
    sqlite3_bind_int64(next, 1, (int64_t)after);
    sqlite3_bind_int64(next, 2, (int64_t)cap);
    int count = 0;
    int r;
    while ((r = sl_sql_step(next)) > 0) {
        const uint8_t *body;
        if (!read_envelope(disk, next, &ret_metas[count], &body))
            ret_metas[count].kind = 0;
        count++;
    }
    if (r < 0)
        r = sl_disk_failed(disk, r);
    sl_sql_reset(next);
    return r < 0 ? r : count;
}

int sl_disk_last_row(struct sl_disk *disk, uint64_t *ret_row)
{
    struct sqlite3_stmt *last = disk->statements[SL_DISK_LAST_ROW];
    int r = sl_sql_step(last);
    if (r < 0)
        (void)sl_disk_failed(disk, r);
    else
        *ret_row = (uint64_t)sqlite3_column_int64(last, 0);
    sl_sql_reset(last);
    return r < 0 ? r : 0;
}

/* Gives the first row after `after` the number `number`. 0 at the end, else 1. */
static int renumber_next(struct sl_disk *disk, uint64_t after, uint64_t number, uint64_t *ret_row)
{
    struct sqlite3_stmt *next = disk->statements[SL_DISK_NEXT];
    struct sqlite3_stmt *update = disk->statements[SL_DISK_RENUMBER];
    sqlite3_bind_int64(next, 1, (int64_t)after);
    sqlite3_bind_int(next, 2, 1);
    int r = sl_sql_step(next);
    if (r > 0) {
        size_t len;
        const uint8_t *body = sl_sql_blob(next, 2, &len);
        size_t head_len;
        const uint8_t *head = sl_sql_blob(next, 1, &head_len);
        struct sl_stored meta;
        bool good = read_envelope(disk, next, &meta, &body);
        int64_t sum = good ? sl_record_envelope_sum(number, head, body, len) : 0;
        *ret_row = (uint64_t)sqlite3_column_int64(next, 0);
        sqlite3_bind_int64(update, 1, (int64_t)*ret_row);
        sqlite3_bind_int64(update, 2, (int64_t)number);
        sqlite3_bind_int64(update, 3, good && meta.relayed ? sum : 0);
        sqlite3_bind_int64(update, 4, sum);
    }
    if (r < 0)
        (void)sl_disk_failed(disk, r);
    sl_sql_reset(next);
    if (r <= 0)
        return r;
    r = sl_disk_run(disk, SL_DISK_RENUMBER);
    return r < 0 ? r : 1;
}

int sl_disk_renumber(struct sl_disk *disk)
{
    int r = sl_disk_begin(disk);
    uint64_t row = 0;
    /* In ascending order no new number is taken: it is never higher than the old one. */
    for (uint64_t number = 1; r >= 0; number++) {
        r = renumber_next(disk, row, number, &row);
        if (r == 0)
            break;
    }
    if (r == 0)
        r = sl_disk_commit(disk, disk->life - disk->shift, disk->unix_us);
    else
        sl_disk_rollback(disk);
    return r;
}

/* ---- The vault ---- */

static void bind_name(struct sqlite3_stmt *statement, const struct sl_record_name *name)
{
    sl_sql_bind_blob(statement, 1, name->owner, SL_VAULT_ID_LEN);
    sqlite3_bind_int(statement, 2, name->kind);
    if (sqlite3_bind_parameter_count(statement) > 2)
        sl_sql_bind_blob(statement, 3, name->key, SL_VAULT_ID_LEN);
}

/* Row 0: the next. */
static int put_record(struct sl_disk *disk, uint64_t row, const struct sl_record_name *name,
                      const uint8_t *bytes, size_t len)
{
    int r = sl_disk_begin(disk);
    if (r < 0)
        return r;
    struct sqlite3_stmt *put = disk->statements[SL_DISK_VAULT_PUT];
    if (row != 0)
        sqlite3_bind_int64(put, 6, (int64_t)row);
    bind_name(put, name);
    sl_sql_bind_blob(put, 4, bytes, len);
    sqlite3_bind_int64(put, 5, sl_record_vault_sum(name, bytes, len));
    return sl_disk_run(disk, SL_DISK_VAULT_PUT);
}

int sl_disk_vault_put(struct sl_disk *disk, const struct sl_record_name *name, const uint8_t *bytes,
                      size_t len)
{
    return put_record(disk, 0, name, bytes, len);
}

int sl_disk_vault_restore(struct sl_disk *disk, uint64_t row, const struct sl_record_name *name,
                          const uint8_t *bytes, size_t len)
{
    int r = put_record(disk, row, name, bytes, len);
    return r == -EEXIST ? put_record(disk, 0, name, bytes, len) : r;
}

int sl_disk_vault_drop(struct sl_disk *disk, const struct sl_record_name *name)
{
    int r = sl_disk_begin(disk);
    if (r < 0)
        return r;
    bind_name(disk->statements[SL_DISK_VAULT_DROP], name);
    return sl_disk_run(disk, SL_DISK_VAULT_DROP);
}

int sl_disk_vault_drop_owner(struct sl_disk *disk, const uint8_t owner[SL_VAULT_ID_LEN])
{
    int r = sl_disk_begin(disk);
    if (r < 0)
        return r;
    sl_sql_bind_blob(disk->statements[SL_DISK_VAULT_DROP_OWNER], 1, owner, SL_VAULT_ID_LEN);
    return sl_disk_run(disk, SL_DISK_VAULT_DROP_OWNER);
}

/* The record on which a statement stands, with body and sum in its first columns. */
static int read_record(struct sqlite3_stmt *at, const struct sl_record_name *name,
                       const uint8_t **ret_body, size_t *ret_len)
{
    *ret_body = sl_sql_blob(at, 0, ret_len);
    if (sl_record_vault_sum(name, *ret_body, *ret_len) != sqlite3_column_int64(at, 1))
        return -EBADMSG;
    return 0;
}

int sl_disk_vault_get(struct sl_disk *disk, const struct sl_record_name *name, uint8_t *ret_bytes,
                      size_t cap)
{
    struct sqlite3_stmt *get = disk->statements[SL_DISK_VAULT_GET];
    bind_name(get, name);
    int r = sl_sql_step(get);
    const uint8_t *body;
    size_t len;
    if (r < 0) {
        r = read_error(disk, r);
    } else if (r == 0) {
        r = -ENOENT;
    } else {
        r = read_record(get, name, &body, &len);
        if (r == 0)
            r = copy_out(body, len, ret_bytes, cap);
    }
    sl_sql_reset(get);
    return r;
}

static int count_records(struct sl_disk *disk, const struct sl_record_name *name, size_t *ret_count)
{
    struct sqlite3_stmt *count = disk->statements[SL_DISK_VAULT_COUNT];
    bind_name(count, name);
    int r = sl_sql_step(count);
    if (r < 0)
        (void)sl_disk_failed(disk, r);
    else
        *ret_count = (size_t)sqlite3_column_int64(count, 0);
    sl_sql_reset(count);
    return r < 0 ? r : 0;
}

int sl_disk_vault_rows(struct sl_disk *disk, const struct sl_record_name *name, uint64_t **ret_rows,
                       size_t *ret_count)
{
    size_t cap;
    int r = count_records(disk, name, &cap);
    if (r < 0)
        return r;
    uint64_t *rows = calloc(cap ? cap : 1, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    struct sqlite3_stmt *list = disk->statements[SL_DISK_VAULT_ROWS];
    bind_name(list, name);
    size_t count = 0;
    while (count < cap && (r = sl_sql_step(list)) > 0)
        rows[count++] = (uint64_t)sqlite3_column_int64(list, 0);
    if (r < 0)
        (void)sl_disk_failed(disk, r);
    sl_sql_reset(list);
    if (r < 0) {
        free(rows);
        return r;
    }
    *ret_rows = rows;
    *ret_count = count;
    return 0;
}

int sl_disk_vault_row(struct sl_disk *disk, uint64_t row, struct sl_record_name *name,
                      uint8_t **ret_bytes, size_t *ret_len)
{
    struct sqlite3_stmt *get = disk->statements[SL_DISK_VAULT_ROW];
    sqlite3_bind_int64(get, 1, (int64_t)row);
    int r = sl_sql_step(get);
    const uint8_t *body;
    size_t len;
    size_t key_len;
    uint8_t *bytes = NULL;
    if (r <= 0) {
        r = r < 0 ? sl_disk_failed(disk, r) : -ENOENT;
        goto out;
    }
    const uint8_t *key = sl_sql_blob(get, 2, &key_len);
    r = key_len == SL_VAULT_ID_LEN ? 0 : -EBADMSG;
    if (r < 0)
        goto out;
    memcpy(name->key, key, SL_VAULT_ID_LEN);
    r = read_record(get, name, &body, &len);
    if (r < 0)
        goto out;
    bytes = malloc(len ? len : 1);
    r = bytes ? copy_out(body, len, bytes, len) : -ENOMEM;
    if (r < 0)
        goto out;
    *ret_bytes = bytes;
    *ret_len = len;
    r = 0;
out:
    sl_sql_reset(get);
    return r;
}
