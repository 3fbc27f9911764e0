#include "store/held.h"

#include "base/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROW_KEY_LEN = 8,
    ALLOCATION_COST = 16, /* of malloc, for each piece */
};

void sl_held_init(struct sl_held *held, size_t change_cap)
{
    *held = (struct sl_held){0};
    /* The rows are the store's own numbers: nobody chooses them, so the seed need not be secret. */
    sl_map_init(&held->changes, ROW_KEY_LEN, change_cap, 0);
}

static void free_record(struct sl_held *held, struct sl_held_record *record)
{
    held->bytes -= record->len + sizeof(*record) + ALLOCATION_COST;
    if (record->bytes)
        explicit_bzero(record->bytes, record->len);
    free(record->bytes);
}

void sl_held_forget_changes(struct sl_held *held)
{
    for (size_t i = 0; i < held->record_count; i++)
        free_record(held, &held->records[i]);
    held->record_count = 0;
    if (held->changes.count > 0) {
        size_t cap = held->changes.count_cap;
        sl_map_done(&held->changes);
        sl_map_init(&held->changes, ROW_KEY_LEN, cap, 0);
    }
}

void sl_held_clear(struct sl_held *held)
{
    sl_held_forget_changes(held);
    for (size_t i = held->row_first; i < held->row_end; i++)
        free(held->rows[i].bytes);
    held->row_first = 0;
    held->row_end = 0;
    held->bytes = 0;
}

void sl_held_done(struct sl_held *held)
{
    sl_held_clear(held);
    sl_map_done(&held->changes);
    free(held->rows);
    free(held->records);
    *held = (struct sl_held){0};
}

bool sl_held_empty(const struct sl_held *held)
{
    return held->row_first == held->row_end && held->record_count == 0 && held->changes.count == 0;
}

/* ---- Envelopes ---- */

static size_t row_cost(size_t len)
{
    return len + sizeof(struct sl_held_row) + ALLOCATION_COST;
}

/* Forgets the space of rows that are gone, or gets more. */
static int reserve_row(struct sl_held *held)
{
    if (held->row_end < held->row_cap)
        return 0;
    size_t live = 0;
    for (size_t i = held->row_first; i < held->row_end; i++)
        live += held->rows[i].bytes != NULL;
    if (live <= held->row_cap / 2 && held->row_cap > 0) {
        size_t end = 0;
        for (size_t i = held->row_first; i < held->row_end; i++)
            if (held->rows[i].bytes)
                held->rows[end++] = held->rows[i];
        held->row_first = 0;
        held->row_end = end;
        return 0;
    }
    size_t cap = held->row_cap ? 2 * held->row_cap : 64;
    struct sl_held_row *rows = reallocarray(held->rows, cap, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    held->rows = rows;
    held->row_cap = cap;
    return 0;
}

int sl_held_put(struct sl_held *held, const struct sl_stored *meta, const uint8_t *bytes)
{
    assert(held->row_end == held->row_first || held->rows[held->row_end - 1].meta.row < meta->row);
    if (reserve_row(held) < 0)
        return -ENOMEM;
    uint8_t *copy = malloc(meta->len ? meta->len : 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, bytes, meta->len);
    held->rows[held->row_end++] = (struct sl_held_row){.meta = *meta, .bytes = copy};
    held->bytes += row_cost(meta->len);
    return 0;
}

/* Index of the first whose row is at least `row`. */
static size_t lower_bound(const struct sl_held *held, uint64_t row)
{
    size_t low = held->row_first;
    size_t high = held->row_end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (held->rows[middle].meta.row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct sl_held_row *sl_held_find(const struct sl_held *held, uint64_t row)
{
    size_t at = lower_bound(held, row);
    if (at == held->row_end || held->rows[at].meta.row != row || !held->rows[at].bytes)
        return NULL;
    return &held->rows[at];
}

struct sl_held_row *sl_held_next(const struct sl_held *held, uint64_t after)
{
    if (after == UINT64_MAX)
        return NULL;
    for (size_t at = lower_bound(held, after + 1); at < held->row_end; at++)
        if (held->rows[at].bytes)
            return &held->rows[at];
    return NULL;
}

void sl_held_drop(struct sl_held *held, struct sl_held_row *row)
{
    assert(row->bytes);
    free(row->bytes);
    row->bytes = NULL;
    held->bytes -= row_cost(row->meta.len);
    while (held->row_first < held->row_end && !held->rows[held->row_first].bytes)
        held->row_first++;
    if (held->row_first == held->row_end) {
        held->row_first = 0;
        held->row_end = 0;
    }
}

bool sl_held_make_room(struct sl_held *held, size_t len, uint64_t bytes_max)
{
    size_t cost = row_cost(len);
    while (held->bytes + cost > bytes_max && held->row_first < held->row_end) {
        sl_held_drop(held, &held->rows[held->row_first]);
        held->given_up++;
    }
    return held->bytes + cost <= bytes_max;
}

size_t sl_held_forget(struct sl_held *held, uint64_t row)
{
    size_t count = 0;
    for (; held->row_first < held->row_end && held->rows[held->row_first].meta.row <= row; count++)
        sl_held_drop(held, &held->rows[held->row_first]);
    return count;
}

/* ---- Changes of rows on disk ---- */

static void row_key(uint64_t row, uint8_t ret_key[ROW_KEY_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_key, ROW_KEY_LEN);
    sl_write_u64(&w, row);
}

void sl_held_change(struct sl_held *held, uint64_t row, enum sl_held_change change)
{
    uint8_t key[ROW_KEY_LEN];
    row_key(row, key);
    unsigned changes = sl_held_changed(held, row) | (unsigned)change;
    /* When it does not fit: a dropped row comes back at the next start and then expires, and a
     * message shows as not relayed although it was. */
    (void)sl_map_put(&held->changes, key, changes);
}

unsigned sl_held_changed(const struct sl_held *held, uint64_t row)
{
    uint8_t key[ROW_KEY_LEN];
    row_key(row, key);
    uint32_t changes = sl_map_get(&held->changes, key);
    return changes == SL_MAP_EMPTY ? 0 : changes;
}

bool sl_held_next_change(const struct sl_held *held, size_t *at, uint64_t *ret_row,
                         unsigned *ret_change)
{
    for (; *at < held->changes.slots; ++*at) {
        if (held->changes.values[*at] == SL_MAP_EMPTY)
            continue;
        struct sl_reader r;
        sl_reader_init(&r, &held->changes.keys[*at * ROW_KEY_LEN], ROW_KEY_LEN);
        *ret_row = sl_read_u64(&r);
        *ret_change = held->changes.values[(*at)++];
        return true;
    }
    return false;
}

/* ---- The vault ---- */

static bool same_name(const struct sl_record_name *a, const struct sl_record_name *b)
{
    return a->kind == b->kind && memcmp(a->key, b->key, SL_VAULT_ID_LEN) == 0 &&
           memcmp(a->owner, b->owner, SL_VAULT_ID_LEN) == 0;
}

static bool covers(const struct sl_held_record *record, const struct sl_record_name *name)
{
    if (record->action == SL_HELD_DROP_OWNER)
        return memcmp(record->name.owner, name->owner, SL_VAULT_ID_LEN) == 0;
    return same_name(&record->name, name);
}

static bool undone_by(const struct sl_held_record *record, const struct sl_held_record *by)
{
    if (record->action == SL_HELD_DROP_OWNER && by->action != SL_HELD_DROP_OWNER)
        return false;
    return covers(by, &record->name);
}

static void remove_records(struct sl_held *held, const struct sl_held_record *by)
{
    size_t end = 0;
    for (size_t i = 0; i < held->record_count; i++) {
        if (undone_by(&held->records[i], by))
            free_record(held, &held->records[i]);
        else
            held->records[end++] = held->records[i];
    }
    held->record_count = end;
}

static int append_record(struct sl_held *held, struct sl_held_record *record)
{
    if (held->record_count == held->record_cap) {
        size_t cap = held->record_cap ? 2 * held->record_cap : 16;
        struct sl_held_record *records = reallocarray(held->records, cap, sizeof(*records));
        if (!records)
            return -ENOMEM;
        held->records = records;
        held->record_cap = cap;
    }
    held->records[held->record_count++] = *record;
    held->bytes += record->len + sizeof(*record) + ALLOCATION_COST;
    return 0;
}

const struct sl_held_record *sl_held_record_find(const struct sl_held *held,
                                                 const struct sl_record_name *name)
{
    for (size_t i = held->record_count; i > 0; i--)
        if (covers(&held->records[i - 1], name))
            return &held->records[i - 1];
    return NULL;
}

bool sl_held_record_is_fresh(const struct sl_held *held, const struct sl_held_record *record)
{
    for (size_t i = 0; &held->records[i] != record; i++)
        if (covers(&held->records[i], &record->name))
            return true;
    return false;
}

static void replace_bytes(struct sl_held *held, struct sl_held_record *record, uint8_t *bytes_take,
                          size_t len)
{
    explicit_bzero(record->bytes, record->len);
    free(record->bytes);
    held->bytes = held->bytes - record->len + len;
    record->bytes = bytes_take;
    record->len = len;
}

int sl_held_record_put(struct sl_held *held, const struct sl_record_name *name,
                       const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        return -ENOMEM;
    if (len > 0)
        memcpy(copy, bytes, len);
    struct sl_held_record *before = (struct sl_held_record *)sl_held_record_find(held, name);
    if (before && before->action == SL_HELD_PUT) {
        replace_bytes(held, before, copy, len);
        return 0;
    }
    struct sl_held_record record = {SL_HELD_PUT, *name, copy, len};
    int r = append_record(held, &record);
    if (r < 0)
        free(copy);
    return r;
}

int sl_held_record_drop(struct sl_held *held, const struct sl_record_name *name, bool remember)
{
    const struct sl_held_record *before = sl_held_record_find(held, name);
    if (before && before->action != SL_HELD_PUT)
        return 0;
    struct sl_held_record record = {.action = SL_HELD_DROP, .name = *name};
    remove_records(held, &record);
    return remember ? append_record(held, &record) : 0;
}

int sl_held_record_drop_owner(struct sl_held *held, const uint8_t owner[SL_VAULT_ID_LEN],
                              bool remember)
{
    struct sl_held_record record = {.action = SL_HELD_DROP_OWNER};
    memcpy(record.name.owner, owner, SL_VAULT_ID_LEN);
    remove_records(held, &record);
    return remember ? append_record(held, &record) : 0;
}
