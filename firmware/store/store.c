#include "store/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Pages of the write-ahead log after which it is moved into the file: 2 MiB. */
    LOG_PAGES_MAX = 512,
    RETRY_ROWS = 256, /* a commit each, so that a disk with little space takes what it can */
};

#define GROUP_TIME SL_SECOND
#define CLOCK_TIME SL_MINUTE /* flash wears: a page and a sync each time */
#define RETRY_TIME SL_MINUTE

/* Row numbers of a store that began without its file start here, above those in the file. */
#define BLIND_ROW ((uint64_t)1 << 40)
#define LAST_ROW  ((uint64_t)1 << 62)

/* The file is larger than its bodies by the heads, by the tree, and by pages of which part of the
 * rows is gone: SQLite joins those that are less than a third full. */
#define FILE_BYTES_MAX(bytes_max) (3 * (bytes_max) + ((uint64_t)16 << 20))

/* ---- What the log is told ---- */

__attribute__((format(printf, 2, 3))) static void report(const struct sl_store *store,
                                                         const char *format, ...)
{
    if (!store->config.report)
        return;
    char line[SL_FILES_PATH_MAX + 512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    store->config.report(store->config.report_arg, line);
}

static const char *words_for(int r)
{
    switch (r) {
    case -ENOSPC:
        return "no space is left on the disk";
    case -EROFS:
    case -EACCES:
        return "the disk, the folder or the file may not be written";
    case -ENOENT:
    case -ENOTDIR:
        return "its folder is missing, and cannot be made";
    case -EBADMSG:
        return "the file was found damaged";
    default:
        return "the disk does not work";
    }
}

static void report_trouble(const struct sl_store *store, int r, const char *reason)
{
    report(
        store,
        "%s: %s (%s). Messages are kept in memory only, up to %llu KiB, and a restart loses them. "
        "Tried again every minute.",
        store->path, words_for(r), reason,
        (unsigned long long)(store->config.memory_bytes_max >> 10));
}

void sl_store_tell_damage(struct sl_store *store)
{
    if (!store->damage_told)
        report(store, "%s: single messages or records in it are damaged; they are left out",
               store->path);
    store->damage_told = true;
}

/* ---- Trouble ---- */

static void fail_because(struct sl_store *store, int r, const char *reason)
{
    if (store->volume.disk.db)
        sl_disk_rollback(&store->volume.disk);
    bool was_well = store->error == 0;
    store->damaged = r == -EBADMSG;
    store->error = r == -ENOSPC || r == -EROFS ? r : -EIO;
    store->commit_at = SL_NEVER;
    store->retry_at = store->now + RETRY_TIME;
    if (was_well)
        report_trouble(store, r, reason);
}

void sl_store_read_failed(struct sl_store *store)
{
    if (sl_store_writes(store) && store->volume.disk.damaged)
        sl_store_fail(store, -EBADMSG);
}

uint64_t sl_store_memory_max(const struct sl_store *store)
{
    return store->path ? store->config.memory_bytes_max : store->config.bytes_max;
}

/* ---- Groups ---- */

static int checkpoint_if_due(struct sl_store *store)
{
    struct sl_disk *disk = &store->volume.disk;
    bool erase = store->erase_due;
    if (!erase && disk->wal_pages < LOG_PAGES_MAX)
        return 0;
    int r = sl_disk_checkpoint(disk, erase);
    if (r == 0 && erase) {
        store->erase_due = false;
        store->erase_later = false;
    }
    return r;
}

int sl_store_commit(struct sl_store *store)
{
    if (!sl_store_writes(store))
        return store->error;
    int r = sl_disk_commit(&store->volume.disk, store->now, store->unix_us);
    if (r == 0) {
        sl_held_clear(&store->held);
        store->commit_at = SL_NEVER;
        store->clock_at = store->now + CLOCK_TIME;
        r = checkpoint_if_due(store);
    }
    if (r < 0)
        sl_store_fail(store, r);
    return store->error;
}

void sl_store_wrote(struct sl_store *store, int r)
{
    if (r < 0) {
        sl_store_fail(store, r);
        return;
    }
    store->commit_at = sl_min_time(store->commit_at, store->now + GROUP_TIME);
    const struct sl_held *held = &store->held;
    if (held->bytes >= SL_STORE_GROUP_BYTES || held->changes.count >= SL_STORE_GROUP_CHANGES ||
        held->record_count >= SL_STORE_GROUP_RECORDS)
        (void)sl_store_commit(store);
}

/* ---- From memory to disk again ---- */

static int write_record(struct sl_store *store, const struct sl_held_record *record)
{
    struct sl_disk *disk = &store->volume.disk;
    switch (record->action) {
    case SL_HELD_PUT:
        return sl_disk_vault_put(disk, &record->name, record->bytes, record->len);
    case SL_HELD_DROP:
        return sl_disk_vault_drop(disk, &record->name);
    case SL_HELD_DROP_OWNER:
        return sl_disk_vault_drop_owner(disk, record->name.owner);
    }
    return 0;
}

static int write_change(struct sl_store *store, uint64_t row, unsigned change)
{
    if (change & SL_HELD_CHANGE_DROPPED)
        return sl_disk_drop(&store->volume.disk, row);
    return sl_disk_set_relayed(&store->volume.disk, row);
}

/* Changes and the vault, in one commit: drops come first because they make space. */
static int move_changes(struct sl_store *store)
{
    int r = 0;
    size_t at = 0;
    uint64_t row;
    unsigned change;
    while (r == 0 && sl_held_next_change(&store->held, &at, &row, &change))
        r = write_change(store, row, change);
    for (size_t i = 0; r == 0 && i < store->held.record_count; i++)
        r = write_record(store, &store->held.records[i]);
    if (r == 0)
        r = sl_disk_commit(&store->volume.disk, store->now, store->unix_us);
    if (r == 0)
        sl_held_forget_changes(&store->held);
    return r;
}

/* The oldest rows, in one commit. */
static int move_rows(struct sl_store *store)
{
    uint64_t last = 0;
    for (size_t i = 0; i < RETRY_ROWS; i++) {
        const struct sl_held_row *row = sl_held_next(&store->held, last);
        if (!row)
            break;
        int r = sl_disk_put(&store->volume.disk, &row->meta, row->bytes);
        if (r < 0)
            return r;
        last = row->meta.row;
    }
    int r = sl_disk_commit(&store->volume.disk, store->now, store->unix_us);
    if (r == 0)
        store->moved += sl_held_forget(&store->held, last);
    return r;
}

static int move_to_disk(struct sl_store *store)
{
    int r = move_changes(store);
    while (r == 0 && sl_held_next(&store->held, 0)) {
        r = move_rows(store);
        if (r == 0)
            r = checkpoint_if_due(store);
    }
    if (r == 0)
        r = checkpoint_if_due(store);
    return r;
}

/* When the disk is full the log cannot grow, but what is in it may still have room in the file. */
static bool make_space(struct sl_store *store)
{
    struct sl_disk *disk = &store->volume.disk;
    if (!disk->db)
        return false;
    sl_disk_rollback(disk);
    return disk->wal_pages > 0 && sl_disk_checkpoint(disk, false) == 0 && move_to_disk(store) == 0;
}

void sl_store_fail(struct sl_store *store, int r)
{
    if (r == -ENOSPC && sl_store_writes(store) && make_space(store))
        return;
    fail_because(store, r, store->volume.disk.reason);
}

/* ---- The file ---- */

/* Numbers go on after those in the file. A store that began without it has numbers out already, and
 * then those in the file, which nobody knows yet, give way. */
static int settle_rows(struct sl_store *store)
{
    struct sl_disk *disk = &store->volume.disk;
    uint64_t last;
    int r = sl_disk_last_row(disk, &last);
    if (r < 0)
        return r;
    bool in_the_way = last >= (store->blind ? BLIND_ROW : LAST_ROW);
    if (in_the_way && disk->writable) {
        r = sl_disk_renumber(disk);
        if (r == 0)
            r = sl_disk_last_row(disk, &last);
        if (r < 0)
            return r;
    }
    if (last >= store->next_row)
        store->next_row = last + 1;
    return 0;
}

/* Opens the file; what it says of time counts if it is the first to say something. */
static int attach(struct sl_store *store)
{
    struct sl_volume *volume = &store->volume;
    int r = sl_volume_open(volume, store->path, FILE_BYTES_MAX(store->config.bytes_max));
    if (volume->note[0])
        report(store, "%s", volume->note);
    if (r < 0)
        return r;
    r = settle_rows(store);
    if (r < 0) {
        snprintf(volume->reason, sizeof(volume->reason), "%s", volume->disk.reason);
        sl_volume_close(volume, true);
        return r;
    }
    if (store->blind) {
        store->shift = volume->disk.life - store->first_life;
        store->blind = false;
    }
    volume->disk.shift = store->shift;
    return 0;
}

static int reattach(struct sl_store *store)
{
    if (store->volume.disk.db && store->volume.disk.writable && !store->damaged)
        return 0;
    sl_volume_close(&store->volume, true);
    int r = attach(store);
    if (r < 0)
        return r;
    store->damaged = false;
    return store->volume.write_error;
}

void sl_store_retry(struct sl_store *store)
{
    int r = reattach(store);
    if (r == 0)
        r = move_to_disk(store);
    if (r == -ENOSPC && make_space(store))
        r = 0;
    if (r < 0) {
        sl_store_fail(store, r);
        return;
    }
    store->error = 0;
    store->retry_at = SL_NEVER;
    store->clock_at = store->now + CLOCK_TIME;
    report(store,
           "%s: the disk takes data again. %llu messages went from memory to disk; %llu had to be "
           "given up.",
           store->path, (unsigned long long)store->moved, (unsigned long long)store->held.given_up);
    store->moved = 0;
    store->held.given_up = 0;
}

/* ---- The interface ---- */

static struct sl_store *allocate(const struct sl_store_config *config)
{
    struct sl_store *store = calloc(1, sizeof(*store));
    if (!store)
        return NULL;
    store->config = *config;
    store->path = config->path ? strdup(config->path) : NULL;
    store->config.path = NULL;
    if (config->path && !store->path) {
        free(store);
        return NULL;
    }
    size_t change_cap = (size_t)(config->memory_bytes_max / 64);
    if (change_cap < 2 * SL_STORE_GROUP_CHANGES)
        change_cap = 2 * SL_STORE_GROUP_CHANGES;
    sl_held_init(&store->held, change_cap);
    sl_volume_init(&store->volume);
    store->next_row = 1;
    store->commit_at = SL_NEVER;
    store->clock_at = SL_NEVER;
    store->retry_at = SL_NEVER;
    return store;
}

/* -ENOMEM, -ENOTSUP, -EBUSY; else the store goes on, if need be without the file. */
static int open_file(struct sl_store *store)
{
    int r = attach(store);
    const struct sl_volume *volume = &store->volume;
    if (r == -ENOTSUP)
        report(store, "%s was written by a newer Starling (%s): it is left as it is", store->path,
               volume->reason);
    if (r == -EBUSY)
        report(store, "%s is in use by another process", store->path);
    if (r == -ENOTSUP || r == -EBUSY || r == -ENOMEM)
        return r;
    if (r < 0) {
        store->blind = true;
        store->next_row = BLIND_ROW;
        fail_because(store, r, volume->reason);
        return 0;
    }
    store->first_life = volume->disk.life;
    store->first_unix = volume->disk.unix_us;
    store->now = store->first_life;
    store->unix_us = store->first_unix;
    store->clock_at = store->now + CLOCK_TIME;
    if (volume->write_error < 0)
        fail_because(store, volume->write_error, volume->reason);
    return 0;
}

int sl_store_open(const struct sl_store_config *config, struct sl_store **ret_store)
{
    struct sl_store *store = allocate(config);
    if (!store)
        return -ENOMEM;
    int r = store->path ? open_file(store) : 0;
    if (r < 0) {
        sl_store_close(store);
        return r;
    }
    *ret_store = store;
    return 0;
}

void sl_store_close(struct sl_store *store)
{
    if (!store)
        return;
    store->erase_due = store->erase_due || store->erase_later;
    if (store->error == 0)
        (void)sl_store_commit(store);
    else if (!sl_held_empty(&store->held))
        sl_store_retry(store);
    sl_volume_close(&store->volume, store->error != 0);
    sl_held_done(&store->held);
    free(store->path);
    free(store);
}

sl_time sl_store_life(const struct sl_store *store)
{
    return store->first_life;
}

int64_t sl_store_unix(const struct sl_store *store)
{
    return store->first_unix;
}

void sl_store_tick(struct sl_store *store, sl_time now, int64_t unix_us)
{
    if (now >= store->now) {
        store->now = now;
        store->unix_us = unix_us;
    }
    if (now >= store->clock_at && store->erase_later)
        store->erase_due = true;
    if (store->error != 0 && now >= store->retry_at)
        sl_store_retry(store);
    else if (now >= store->commit_at || now >= store->clock_at)
        (void)sl_store_commit(store);
}

sl_time sl_store_deadline(const struct sl_store *store)
{
    if (store->error != 0)
        return store->retry_at;
    return sl_min_time(store->commit_at, store->clock_at);
}

int sl_store_error(const struct sl_store *store)
{
    return store->error;
}
