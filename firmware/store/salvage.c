/* Walks all pages and takes the rows that it finds on leaves of tables, whatever the pages above
 * say. Which table a row is of is told by its shape, whether it is whole by its sum.
 * sqlite.org/fileformat2.html, 1.6 (pages) and 2.1 (records). */
#include "store/salvage.h"

#include "base/wire.h"
#include "store/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = SL_SCHEMA_PAGE_SIZE,
    LEAF_OF_TABLE = 13,
    LEAF_HEADER_LEN = 8,
    /* How much of a long row stays on its leaf: fileformat2, 1.6. */
    LOCAL_MAX = PAGE - 35,
    LOCAL_MIN = (PAGE - 12) * 32 / 255 - 23,
    COLUMNS_MAX = 6,
    GROUP_ROWS = 512,
};

/* Room for the longest row of a table: a record of the vault, its columns and their header. */
#define PAYLOAD_MAX (SL_RECORD_MAX + 128)

struct column {
    bool is_blob;
    int64_t integer;
    const uint8_t *blob; /* into the payload */
    size_t len;
};

struct row {
    uint64_t number;
    size_t column_count;
    struct column columns[COLUMNS_MAX];
};

struct walk {
    struct sl_pages pages;
    struct sl_disk *to;
    struct sl_salvage found;
    sl_time life;
    int64_t unix_us;
    size_t in_group;
    uint8_t *payload; /* PAYLOAD_MAX */
    uint8_t page[PAGE];
    uint8_t overflow[PAGE];
};

/* ---- Rows as SQLite writes them ---- */

static uint64_t read_varint(struct sl_reader *r)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        uint8_t byte = sl_read_u8(r);
        value = value << 7 | (byte & 0x7f);
        if (!(byte & 0x80))
            return value;
    }
    return value << 8 | sl_read_u8(r);
}

static int64_t read_integer(struct sl_reader *r, size_t width)
{
    if (width == 0)
        return 0;
    uint64_t value = sl_read_u8(r);
    if (value & 0x80)
        value |= ~(uint64_t)0xff;
    for (size_t i = 1; i < width; i++)
        value = value << 8 | sl_read_u8(r);
    return (int64_t)value;
}

static void read_column(struct sl_reader *r, uint64_t type, struct column *ret_column)
{
    static const uint8_t widths[] = {0, 1, 2, 3, 4, 6, 8};
    *ret_column = (struct column){0};
    if (type < SL_ARRAY_LEN(widths)) { /* NULL, which is how a row number reads, or an integer */
        ret_column->integer = read_integer(r, widths[type]);
    } else if (type == 8 || type == 9) {
        ret_column->integer = (int64_t)type - 8;
    } else if (type >= 12 && type % 2 == 0) {
        ret_column->is_blob = true;
        ret_column->len = (size_t)((type - 12) / 2);
        ret_column->blob = sl_read_slice(r, ret_column->len);
    } else {
        sl_read_fail(r); /* a real number or a text: no table of ours has one */
    }
}

static int read_row(const uint8_t *payload, size_t len, struct row *ret_row)
{
    struct sl_reader values;
    sl_reader_init(&values, payload, len);
    uint64_t header_len = read_varint(&values);
    if (sl_read_failed(&values) || header_len > len)
        return -EBADMSG;
    struct sl_reader types;
    sl_reader_init(&types, payload, (size_t)header_len);
    (void)read_varint(&types);
    (void)sl_read_slice(&values, sl_read_left(&types));
    ret_row->column_count = 0;
    while (sl_read_left(&types) > 0) {
        if (ret_row->column_count == COLUMNS_MAX)
            return -EBADMSG;
        uint64_t type = read_varint(&types);
        read_column(&values, type, &ret_row->columns[ret_row->column_count++]);
    }
    return sl_read_failed(&types) ? -EBADMSG : sl_read_done(&values);
}

/* Follows the overflow pages of a long row. */
static int read_rest(struct walk *w, uint32_t next, size_t done, size_t len)
{
    while (done < len) {
        if (sl_pages_read(&w->pages, next, w->overflow) < 0)
            return -EBADMSG;
        struct sl_reader r;
        sl_reader_init(&r, w->overflow, PAGE);
        next = sl_read_u32(&r);
        size_t part = sl_min_size(len - done, PAGE - 4);
        sl_read_copy(&r, w->payload + done, part);
        done += part;
    }
    return 0;
}

static int read_cell(struct walk *w, size_t at, struct row *ret_row)
{
    if (at >= PAGE)
        return -EBADMSG;
    struct sl_reader r;
    sl_reader_init(&r, w->page, PAGE);
    (void)sl_read_slice(&r, at);
    uint64_t len = read_varint(&r);
    ret_row->number = read_varint(&r);
    if (sl_read_failed(&r) || len > PAYLOAD_MAX)
        return -EBADMSG;
    size_t local = (size_t)len;
    if (len > LOCAL_MAX) {
        local = LOCAL_MIN + ((size_t)len - LOCAL_MIN) % (PAGE - 4);
        if (local > LOCAL_MAX)
            local = LOCAL_MIN;
    }
    sl_read_copy(&r, w->payload, local);
    uint32_t next = local < len ? sl_read_u32(&r) : 0;
    if (sl_read_failed(&r) || read_rest(w, next, local, (size_t)len) < 0)
        return -EBADMSG;
    return read_row(w->payload, (size_t)len, ret_row);
}

/* ---- Rows as ours ---- */

/* `shape`: one letter a column, i for an integer and b for a blob. */
static bool has_shape(const struct row *row, const char *shape)
{
    if (row->column_count != strlen(shape))
        return false;
    for (size_t i = 0; i < row->column_count; i++)
        if (row->columns[i].is_blob != (shape[i] == 'b'))
            return false;
    return true;
}

static int take_envelope(struct walk *w, const struct row *row)
{
    const struct column *c = row->columns;
    int64_t sum = c[4].integer;
    struct sl_stored meta = {
        .row = row->number,
        .len = (uint16_t)c[2].len,
        .relayed = c[3].integer == sum,
    };
    if (c[2].len > UINT16_MAX || sl_record_read_head(c[1].blob, c[1].len, &meta) < 0)
        return 0;
    if (sl_record_envelope_sum(row->number, c[1].blob, c[2].blob, c[2].len) != sum)
        return 0;
    int r = sl_disk_put(w->to, &meta, c[2].blob);
    if (r == -EEXIST) /* an older or a newer copy: the same but for `relayed` */
        return meta.relayed ? sl_disk_set_relayed(w->to, meta.row) : 0;
    w->found.envelopes += r == 0;
    if (!w->found.clocks && meta.born > w->life)
        w->life = meta.born;
    return r;
}

static int take_record(struct walk *w, const struct row *row)
{
    const struct column *c = row->columns;
    struct sl_record_name name = {.kind = (uint8_t)c[2].integer};
    if (c[1].len != SL_VAULT_ID_LEN || c[3].len != SL_VAULT_ID_LEN)
        return 0;
    memcpy(name.owner, c[1].blob, SL_VAULT_ID_LEN);
    memcpy(name.key, c[3].blob, SL_VAULT_ID_LEN);
    if (sl_record_vault_sum(&name, c[4].blob, c[4].len) != c[5].integer)
        return 0;
    int r = sl_disk_vault_restore(w->to, row->number, &name, c[4].blob, c[4].len);
    w->found.records += r == 0;
    return r;
}

static void take_clocks(struct walk *w, const struct row *row)
{
    const struct column *c = row->columns;
    if (sl_record_state_sum(c[1].integer, c[2].integer) != c[3].integer)
        return;
    if (w->found.clocks && c[1].integer < w->life)
        return;
    w->life = c[1].integer;
    w->unix_us = c[2].integer;
    w->found.clocks = true;
}

static int commit(struct walk *w)
{
    w->in_group = 0;
    int r = sl_disk_commit(w->to, w->life, w->unix_us);
    return r == 0 ? sl_disk_checkpoint(w->to, false) : r;
}

static int take_row(struct walk *w, const struct row *row)
{
    int r = 0;
    if (has_shape(row, "ibbii"))
        r = take_envelope(w, row);
    else if (has_shape(row, "ibibbi"))
        r = take_record(w, row);
    else if (has_shape(row, "iiii"))
        take_clocks(w, row);
    if (r == 0 && ++w->in_group >= GROUP_ROWS)
        r = commit(w);
    return r;
}

/* The page in w->page. The first of a file holds no rows of ours. */
static int walk_page(struct walk *w)
{
    struct sl_reader r;
    sl_reader_init(&r, w->page, PAGE);
    uint8_t type = sl_read_u8(&r);
    (void)sl_read_u16(&r); /* first free block */
    uint16_t cell_count = sl_read_u16(&r);
    (void)sl_read_slice(&r, LEAF_HEADER_LEN - 5);
    if (type != LEAF_OF_TABLE)
        return 0;
    int error = 0;
    for (uint16_t i = 0; i < cell_count && sl_read_left(&r) > 0 && error == 0; i++) {
        struct row row;
        if (read_cell(w, sl_read_u16(&r), &row) == 0)
            error = take_row(w, &row);
    }
    return error;
}

/* First what SQLite would have taken. Then, of what comes after damage in the log, page by page
 * what is whole: the newer rows are there, in the older ones nothing is lost by it. */
static int walk_all(struct walk *w)
{
    int r = 0;
    for (uint32_t number = 1; number <= w->pages.count && r == 0; number++)
        if (sl_pages_read(&w->pages, number, w->page) == 0)
            r = walk_page(w);
    if (r == 0)
        r = sl_pages_apply_rest(&w->pages);
    for (uint32_t i = w->pages.whole_frames + 1; i <= w->pages.frames && r == 0; i++)
        if (sl_pages_read_frame(&w->pages, i, w->page) == 0)
            r = walk_page(w);
    return r;
}

int sl_salvage(const char *path, struct sl_disk *to, struct sl_salvage *ret_found)
{
    struct walk *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->to = to;
    w->payload = malloc(PAYLOAD_MAX);
    int r = w->payload ? sl_pages_open(&w->pages, path) : -ENOMEM;
    if (r < 0)
        goto out;
    r = walk_all(w);
    if (r == 0)
        r = commit(w);
    if (r == 0)
        *ret_found = w->found;
    sl_pages_close(&w->pages);
out:
    free(w->payload);
    free(w);
    return r;
}
