/* The store as the mesh and the chat use it, on a disk that works. */
#include "store_fixture.h"

#include "store/schema.h"

#include <sqlite3.h>
#include <sys/wait.h>

/* ---- Envelopes ---- */

static void put_and_get(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    uint64_t rows[50];
    for (uint64_t n = 0; n < 50; n++)
        rows[n] = fixture_put(&f, n, n == 20);
    for (int round = 0; round < 2; round++) {
        for (uint64_t n = 0; n < 50; n++)
            assert_true(fixture_holds(&f, n, rows[n]));
        fixture_reopen(&f);
    }
    uint8_t byte;
    assert_int_equal(f.port.get(f.port.ctx, 999, &byte, 1), -ENOENT);
    assert_int_equal(f.port.get(f.port.ctx, rows[3], &byte, 1), -ENOBUFS);
    assert_int_equal(sl_store_error(f.store), 0);
    assert_int_equal(f.line_count, 0);
    fixture_done(&f);
}

static void each_tells_all_fields_in_order(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    for (uint64_t n = 0; n < 200; n++)
        fixture_put(&f, n * 3, false);
    for (int round = 0; round < 2; round++) { /* from the open group, then from the file */
        struct fixture_list list;
        assert_int_equal(fixture_list(&f, &list), 0);
        assert_int_equal(list.count, 200);
        assert_true(list.whole);
        for (size_t i = 0; i < list.count; i++) {
            assert_int_equal(list.numbers[i], i * 3);
            assert_int_equal(list.relayed[i], i * 3 % 7 == 0);
            assert_true(i == 0 || list.rows[i - 1] < list.rows[i]);
        }
        fixture_list_done(&list);
        fixture_reopen(&f);
    }
    fixture_done(&f);
}

static void drop_and_set_relayed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    uint64_t rows[40];
    for (uint64_t n = 0; n < 40; n++)
        rows[n] = fixture_put(&f, n * 7 + 1, n == 19); /* none is relayed; half are on disk */
    for (size_t n = 0; n < 40; n += 2)
        f.port.drop(f.port.ctx, rows[n]);
    for (size_t n = 1; n < 40; n += 4)
        f.port.set_relayed(f.port.ctx, rows[n]);
    f.port.drop(f.port.ctx, 12345); /* unknown: nothing happens */
    f.port.set_relayed(f.port.ctx, 12345);
    for (int round = 0; round < 2; round++) {
        struct fixture_list list;
        assert_int_equal(fixture_list(&f, &list), 0);
        assert_int_equal(list.count, 20);
        assert_true(list.whole);
        for (size_t i = 0; i < list.count; i++) {
            size_t n = 2 * i + 1;
            assert_int_equal(list.rows[i], rows[n]);
            assert_int_equal(list.relayed[i], n % 4 == 1);
            assert_true(fixture_holds(&f, n * 7 + 1, rows[n]));
        }
        fixture_list_done(&list);
        uint8_t bytes[SL_ENVELOPE_MAX];
        assert_int_equal(f.port.get(f.port.ctx, rows[0], bytes, sizeof(bytes)), -ENOENT);
        fixture_reopen(&f);
    }
    fixture_done(&f);
}

/* A row number is not given again while it is known, not even when the last row was dropped. */
static void rows_are_not_reused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    uint64_t first = fixture_put(&f, 1, true);
    f.port.drop(f.port.ctx, first);
    assert_true(fixture_put(&f, 2, true) > first);
    fixture_done(&f);
}

struct dropper {
    struct fixture *f;
    size_t told;
    uint64_t put_row;
};

static void drop_all_while_told(void *arg, const struct sl_stored *meta)
{
    struct dropper *d = arg;
    d->told++;
    d->f->port.drop(d->f->port.ctx, meta->row);
    d->f->port.drop(d->f->port.ctx, meta->row + 1); /* one that the walk has not reached */
    d->put_row = fixture_put(d->f, 9999, false);    /* and one that it must not reach */
}

static void each_allows_changes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    for (uint64_t n = 0; n < 100; n++)
        fixture_put(&f, n, false);
    struct dropper d = {.f = &f};
    assert_int_equal(f.port.each(f.port.ctx, drop_all_while_told, &d), 0);
    assert_int_equal(d.told, 50);
    assert_true(fixture_holds(&f, 9999, d.put_row));
    fixture_done(&f);
}

/* ---- The vault ---- */

static void vault_put_get_drop(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    for (uint64_t o = 0; o < FIXTURE_OWNERS; o++)
        for (uint64_t n = 0; n < 30; n++)
            fixture_vault_put(&f, o, n, 0, n == 10);
    for (uint64_t n = 0; n < 30; n += 3)
        fixture_vault_put(&f, 0, n, 1, false);
    fixture_vault_drop(&f, 1, 5);
    fixture_vault_drop(&f, 1, 500);
    fixture_vault_drop_owner(&f, 2);
    for (int round = 0; round < 2; round++) {
        for (uint64_t n = 0; n < 30; n++) {
            assert_true(fixture_vault_holds(&f, 0, n, n % 3 == 0));
            assert_int_equal(fixture_vault_holds(&f, 1, n, 0), n != 5);
            assert_int_equal(fixture_vault_len(&f, 2, n), -ENOENT);
        }
        fixture_reopen(&f);
    }
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN];
    uint8_t byte;
    fixture_name(0, 1, owner, key);
    assert_int_equal(f.vault.get(f.vault.ctx, owner, 1, key, &byte, 1), -ENOBUFS);
    assert_int_equal(f.vault.get(f.vault.ctx, owner, 2, key, &byte, 1), -ENOENT);
    fixture_done(&f);
}

struct told {
    struct fixture *f;
    uint64_t owner;
    uint64_t numbers[64];
    size_t count;
    uint64_t versions[64]; /* expected, by number */
};

static void note_record(void *arg, const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes,
                        size_t len)
{
    struct told *told = arg;
    uint64_t n;
    memcpy(&n, key, sizeof(n));
    uint8_t expected[10000];
    assert_int_equal(len, fixture_record_len(n + told->versions[n]));
    fixture_body(told->owner << 48 ^ n << 16 ^ told->versions[n], expected, len);
    assert_memory_equal(bytes, expected, len);
    told->numbers[told->count++] = n;
}

/* What replaces keeps the place of what it replaces. */
static void vault_each_is_oldest_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    static const uint64_t order[] = {17, 3, 60, 1, 44, 9};
    struct told told = {.f = &f, .owner = 1};
    for (size_t i = 0; i < SL_ARRAY_LEN(order); i++) {
        fixture_vault_put(&f, 1, order[i], 0, false);
        fixture_vault_put(&f, 0, order[i] + 1, 0, false);
    }
    fixture_vault_put(&f, 1, 3, 2, true);
    told.versions[3] = 2;
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN];
    fixture_name(1, 0, owner, key);
    for (int round = 0; round < 2; round++) {
        told.count = 0;
        assert_int_equal(f.vault.each(f.vault.ctx, owner, 1, note_record, &told), 0);
        assert_int_equal(told.count, SL_ARRAY_LEN(order));
        assert_memory_equal(told.numbers, order, sizeof(order));
        fixture_reopen(&f);
    }
    told.count = 0;
    assert_int_equal(f.vault.each(f.vault.ctx, owner, 2, note_record, &told), 0);
    assert_int_equal(told.count, 0);
    fixture_done(&f);
}

static void vault_refuses_what_is_too_long(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    size_t len = (size_t)1 << 20;
    uint8_t *bytes = calloc(len + 1, 1);
    uint8_t name[SL_VAULT_ID_LEN] = {0};
    assert_non_null(bytes);
    assert_int_equal(f.vault.put(f.vault.ctx, name, 1, name, bytes, len + 1, true), -ENOBUFS);
    assert_int_equal(f.vault.put(f.vault.ctx, name, 1, name, bytes, len, true), 0);
    assert_int_equal(f.vault.get(f.vault.ctx, name, 1, name, bytes, len), len);
    free(bytes);
    fixture_done(&f);
}

/* ---- Groups and clocks ---- */

/* How many envelopes another process finds now, as after a power cut: it reads a copy. */
static size_t count_on_disk(struct fixture *f)
{
    struct fixture copy;
    fixture_init(&copy);
    char from[128];
    char to[128];
    static const char *const tails[] = {"", "-wal"};
    for (size_t i = 0; i < SL_ARRAY_LEN(tails); i++) {
        size_t len;
        snprintf(from, sizeof(from), "%s%s", f->path, tails[i]);
        snprintf(to, sizeof(to), "%s%s", copy.path, tails[i]);
        uint8_t *bytes = fixture_read_file(from, &len);
        if (bytes)
            fixture_write_file(to, bytes, len);
        free(bytes);
    }
    fixture_open(&copy);
    struct fixture_list list;
    assert_int_equal(fixture_list(&copy, &list), 0);
    size_t count = list.count;
    assert_int_equal(copy.line_count, 0);
    fixture_list_done(&list);
    fixture_done(&copy);
    return count;
}

static void groups_are_committed_within_a_second(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    sl_store_tick(f.store, 5 * SL_SECOND, 0);
    sl_time idle = sl_store_deadline(f.store);
    assert_in_range(idle, 6 * SL_SECOND, 65 * SL_SECOND);
    for (uint64_t n = 0; n < 10; n++)
        fixture_put(&f, n, false);
    assert_int_equal(count_on_disk(&f), 0);
    assert_int_equal(sl_store_deadline(f.store), 6 * SL_SECOND);
    sl_store_tick(f.store, 6 * SL_SECOND - 1, 0);
    assert_int_equal(count_on_disk(&f), 0);
    sl_store_tick(f.store, 6 * SL_SECOND, 0);
    assert_int_equal(count_on_disk(&f), 10);
    assert_int_equal(sl_store_deadline(f.store), 66 * SL_SECOND);
    fixture_done(&f);
}

static void sync_commits_all_before_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    fixture_put(&f, 1, false);
    fixture_put(&f, 2, true);
    assert_int_equal(count_on_disk(&f), 2);
    fixture_put(&f, 3, false);
    fixture_vault_put(&f, 0, 1, 0, true);
    assert_int_equal(count_on_disk(&f), 3);
    fixture_put(&f, 4, false);
    assert_int_equal(count_on_disk(&f), 3);
    fixture_close(&f);
    assert_int_equal(count_on_disk(&f), 4);
    fixture_done(&f);
}

/* Memory for a group is bounded, whatever comes in within its second. */
static void large_groups_are_committed_early(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    for (uint64_t n = 0; n < 5000; n++) /* 3 MB */
        fixture_put(&f, n, false);
    size_t count = count_on_disk(&f);
    assert_in_range(count, 2500, 5000);
    fixture_done(&f);
}

static void clocks_are_kept(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(sl_store_life(f.store), 0);
    assert_int_equal(sl_store_unix(f.store), 0);
    sl_store_tick(f.store, 61 * SL_SECOND, 1234);  /* idle: written every minute */
    sl_store_tick(f.store, 119 * SL_SECOND, 2000); /* not yet again */
    assert_int_equal(count_on_disk(&f), 0);
    assert_int_equal(sl_store_life(f.store), 0);
    fixture_reopen(&f);
    assert_int_equal(sl_store_life(f.store), 119 * SL_SECOND);
    assert_int_equal(sl_store_unix(f.store), 2000);
    /* Time does not go back, and an envelope is not born in the future. */
    sl_store_tick(f.store, 10, 10);
    uint64_t row;
    struct sl_stored meta = fixture_meta(0, 1);
    meta.born = 200 * SL_SECOND;
    assert_int_equal(f.port.put(f.port.ctx, &meta, (const uint8_t *)"x", true, &row), 0);
    fixture_reopen(&f);
    assert_int_equal(sl_store_life(f.store), 200 * SL_SECOND);
    assert_int_equal(sl_store_unix(f.store), 2000 + 81 * SL_SECOND);
    fixture_done(&f);
}

/* An idle board writes its clock once a minute, not more: flash wears. */
static void an_idle_store_writes_once_a_minute(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    unsigned wakes = 0;
    for (sl_time now = 0; now < SL_HOUR; wakes++) {
        now = sl_store_deadline(f.store);
        sl_store_tick(f.store, now, 0);
    }
    assert_in_range(wakes, 59, 61);
    struct stat st;
    char log_path[128];
    snprintf(log_path, sizeof(log_path), "%s-wal", f.path);
    assert_int_equal(stat(log_path, &st), 0);
    assert_in_range(st.st_size, 1, 61 * 4200);
    fixture_done(&f);
}

/* ---- The file ---- */

static void memory_only_store(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.config.path = NULL;
    f.config.bytes_max = 100000;
    fixture_open(&f);
    uint64_t rows[1000];
    for (uint64_t n = 0; n < 1000; n++)
        rows[n] = fixture_put(&f, n, true);
    fixture_vault_put(&f, 0, 1, 0, true);
    assert_true(fixture_vault_holds(&f, 0, 1, 0));
    fixture_vault_drop_owner(&f, 0);
    assert_int_equal(fixture_vault_len(&f, 0, 1), -ENOENT);
    uint64_t kept = 0;
    for (uint64_t n = 0; n < 1000; n++)
        kept += fixture_holds(&f, n, rows[n]);
    assert_in_range(kept, 50, 200); /* the newest of them */
    assert_true(fixture_holds(&f, 999, rows[999]));
    f.port.set_relayed(f.port.ctx, rows[999]);
    f.port.drop(f.port.ctx, rows[998]);
    struct fixture_list list;
    assert_int_equal(fixture_list(&f, &list), 0);
    assert_int_equal(list.count, kept - 1);
    assert_true(list.relayed[list.count - 1]);
    fixture_list_done(&list);
    assert_int_equal(sl_store_error(f.store), 0);
    assert_int_equal(sl_store_deadline(f.store), SL_NEVER);
    sl_store_tick(f.store, SL_DAY, 0);
    assert_int_equal(fixture_files(&f, NULL), 0);
    assert_int_equal(f.line_count, 0);
    fixture_done(&f);
}

static void file_is_private_and_folder_untouched(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(chmod(f.folder, 0755), 0);
    mode_t before = umask(0);
    fixture_open(&f);
    fixture_put(&f, 1, true);
    umask(before);
    struct stat st;
    char log_path[128];
    snprintf(log_path, sizeof(log_path), "%s-wal", f.path);
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(log_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(f.folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    fixture_close(&f);
    assert_int_equal(chmod(f.path, 0644), 0); /* as a careless copy leaves it */
    fixture_open(&f);
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    fixture_close(&f);
    assert_int_equal(fixture_files(&f, NULL), 1); /* one file, and nothing beside it */
    fixture_done(&f);
}

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    fixture_put(&f, 1, true);
    pid_t child = fork();
    if (child == 0) {
        struct sl_store *second;
        f.line_count = 0;
        int r = sl_store_open(&f.config, &second);
        _exit(r == -EBUSY && f.line_count == 1 && strstr(f.line, "another process") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    fixture_put(&f, 2, true);
    fixture_reopen(&f);
    assert_int_equal(count_on_disk(&f), 2);
    fixture_done(&f);
}

/* Rows come and go, always within the bound: so does the file. */
static void churn_keeps_the_file_in_bounds(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    enum {
        LIVE = 2000,
        ROUNDS = 40000,
        LEN = 400,
    };
    static uint64_t rows[LIVE];
    uint8_t body[LEN] = {0};
    struct sl_prng prng;
    sl_prng_init(&prng, 7);
    uint64_t log_max = 0;
    char log_path[128];
    snprintf(log_path, sizeof(log_path), "%s-wal", f.path);
    struct stat st;
    for (uint64_t n = 0; n < ROUNDS; n++) {
        size_t at = (size_t)sl_prng_below(&prng, LIVE);
        if (rows[at])
            f.port.drop(f.port.ctx, rows[at]);
        struct sl_stored meta = fixture_meta(n, LEN);
        assert_int_equal(f.port.put(f.port.ctx, &meta, body, false, &rows[at]), 0);
        if (stat(log_path, &st) == 0 && (uint64_t)st.st_size > log_max)
            log_max = (uint64_t)st.st_size;
    }
    fixture_close(&f);
    assert_int_equal(stat(f.path, &st), 0);
    print_message("churn: file %.2f times its bodies, log at most %.1f MiB\n",
                  (double)st.st_size / (LIVE * LEN), (double)log_max / (1 << 20));
    assert_in_range(st.st_size, LIVE * LEN, 3 * LIVE * LEN);
    assert_in_range(log_max, 1, 8 << 20);
    fixture_done(&f);
}

/* ---- Versions ---- */

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, &message);
    assert_null(message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char *read_vector(const char *name)
{
    char path[256];
    const char *folder = getenv("SL_VECTORS");
    snprintf(path, sizeof(path), "%s/%s", folder ? folder : "tests/vectors", name);
    size_t len;
    uint8_t *text = fixture_read_file(path, &len);
    assert_non_null(text);
    text[len] = '\0';
    return (char *)text;
}

static int64_t user_version(const char *path)
{
    sqlite3 *db;
    int64_t version = 0;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sl_sql_integer(db, "PRAGMA user_version", &version), 0);
    sqlite3_close(db);
    return version;
}

static void check_migrated(struct fixture *f)
{
    struct fixture_list list;
    assert_int_equal(fixture_list(f, &list), 0);
    assert_int_equal(list.count, 3);
    fixture_list_done(&list);
    uint8_t bytes[64];
    assert_int_equal(f->port.get(f->port.ctx, 2, bytes, sizeof(bytes)), 3);
    assert_memory_equal(bytes, "\x02\x02\x02", 3);
    assert_int_equal(f->port.get(f->port.ctx, 5, bytes, sizeof(bytes)), 4);
    assert_memory_equal(bytes, "\x05\x05\x05\x05", 4);
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN];
    memset(owner, 0xaa, sizeof(owner));
    memset(key, 0x0b, sizeof(key));
    assert_int_equal(f->vault.get(f->vault.ctx, owner, 2, key, bytes, sizeof(bytes)), 2);
    assert_memory_equal(bytes, "\xc0\xde", 2);
    assert_int_equal(sl_store_life(f->store), 123456789);
    assert_int_equal(sl_store_unix(f->store), 1750000000000000);
}

struct migrated {
    struct sl_stored metas[3];
    size_t count;
};

static void note_migrated(void *arg, const struct sl_stored *meta)
{
    struct migrated *m = arg;
    m->metas[m->count++] = *meta;
}

static void version_1_is_migrated(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    char *sql = read_vector("store_v1.sql");
    run_sql(f.path, sql);
    free(sql);
    assert_int_equal(user_version(f.path), 1);
    fixture_open(&f);
    assert_int_equal(f.line_count, 0);
    check_migrated(&f);
    struct migrated m = {0};
    assert_int_equal(f.port.each(f.port.ctx, note_migrated, &m), 0);
    const struct sl_stored *meta = &m.metas[1];
    assert_int_equal(meta->row, 2);
    assert_int_equal(meta->id[0], 0x22);
    assert_int_equal(meta->origin[7], 0x99);
    assert_int_equal(meta->kind, 2);
    assert_int_equal(meta->hops, 7);
    assert_true(meta->local);
    assert_true(meta->relayed);
    assert_false(m.metas[2].relayed);
    assert_int_equal(meta->created, 1750000000000001);
    assert_int_equal(meta->lifetime, 3600);
    assert_int_equal(meta->born, 100);
    assert_int_equal(meta->len, 3);
    assert_true(fixture_put(&f, 1, true) > 5);
    fixture_close(&f);
    assert_int_equal(user_version(f.path), SL_SCHEMA_VERSION);
    fixture_done(&f);
}

/* Killed at any point of the migration: all is there afterwards, in version 1 or 2. */
static void migration_survives_kill(void **state)
{
    (void)state;
    char *sql = read_vector("store_v1.sql");
    for (unsigned i = 0; i < 20; i++) {
        struct fixture f;
        fixture_init(&f);
        run_sql(f.path, sql);
        pid_t child = fork();
        if (child == 0) {
            fixture_open(&f);
            _exit(0);
        }
        usleep(i * 200);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        fixture_open(&f);
        check_migrated(&f);
        fixture_done(&f);
    }
    free(sql);
}

static void newer_version_is_refused_and_untouched(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    fixture_put(&f, 1, true);
    fixture_close(&f);
    char sql[128];
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d; UPDATE state SET version = %d;",
             SL_SCHEMA_VERSION + 1, SL_SCHEMA_VERSION + 1);
    run_sql(f.path, sql);
    assert_int_equal(chmod(f.path, 0640), 0);
    struct stat st_before;
    struct stat st_after;
    size_t before_len;
    size_t after_len;
    uint8_t *before = fixture_read_file(f.path, &before_len);
    assert_int_equal(stat(f.path, &st_before), 0);
    assert_int_equal(fixture_try_open(&f), -ENOTSUP);
    assert_int_equal(f.line_count, 1);
    assert_non_null(strstr(f.line, "newer"));
    uint8_t *after = fixture_read_file(f.path, &after_len);
    assert_int_equal(stat(f.path, &st_after), 0);
    assert_int_equal(st_before.st_mode, st_after.st_mode);
    assert_int_equal(st_before.st_ino, st_after.st_ino);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    free(before);
    free(after);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_and_get),
        cmocka_unit_test(each_tells_all_fields_in_order),
        cmocka_unit_test(drop_and_set_relayed),
        cmocka_unit_test(rows_are_not_reused),
        cmocka_unit_test(each_allows_changes),
        cmocka_unit_test(vault_put_get_drop),
        cmocka_unit_test(vault_each_is_oldest_first),
        cmocka_unit_test(vault_refuses_what_is_too_long),
        cmocka_unit_test(groups_are_committed_within_a_second),
        cmocka_unit_test(sync_commits_all_before_it),
        cmocka_unit_test(large_groups_are_committed_early),
        cmocka_unit_test(clocks_are_kept),
        cmocka_unit_test(an_idle_store_writes_once_a_minute),
        cmocka_unit_test(memory_only_store),
        cmocka_unit_test(file_is_private_and_folder_untouched),
        cmocka_unit_test(one_process_at_a_time),
        cmocka_unit_test(churn_keeps_the_file_in_bounds),
        cmocka_unit_test(version_1_is_migrated),
        cmocka_unit_test(migration_survives_kill),
        cmocka_unit_test(newer_version_is_refused_and_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
