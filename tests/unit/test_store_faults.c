/* A disk that fails at each of its operations in turn, once or from then on, and a power cut at
 * each of them, in which of what was written since the last sync only some sectors arrived.
 * Whatever happens, what was acknowledged is there afterwards. */
#include "store_fixture.h"

#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* ---- A file system below SQLite that fails when told ---- */

enum {
    FILES_MAX = 4,
    SECTOR = 512,
    WRITES_MAX = 8192,
};

enum failure {
    FAIL_IO,    /* nothing is written */
    FAIL_FULL,  /* nothing is written, and it is for want of space */
    FAIL_TORN,  /* half is written */
    FAIL_POWER, /* the end of the process, and of all that was not synced */
    FAILURES,
};

struct written {
    sqlite3_int64 at;
    uint8_t *bytes;
    size_t len;
};

/* A file that is open: what is on the platter, and what is on its way there. */
struct platter {
    char path[256];
    uint8_t *bytes;
    size_t len;
    struct written *writes;
    size_t write_count;
};

struct shim_file {
    sqlite3_file base;
    sqlite3_file *below;
    struct platter *platter;
};

static sqlite3_vfs *below_vfs;
static sqlite3_vfs shim_vfs;
static struct platter platters[FILES_MAX];
static unsigned operation;  /* so far */
static unsigned fail_from;  /* 0: none */
static unsigned fail_count; /* how many in a row */
static enum failure failure;
static struct sl_prng prng;

static void forget_writes(struct platter *platter)
{
    for (size_t i = 0; i < platter->write_count; i++)
        free(platter->writes[i].bytes);
    platter->write_count = 0;
}

static void settle(struct platter *platter)
{
    forget_writes(platter);
    free(platter->bytes);
    platter->bytes = fixture_read_file(platter->path, &platter->len);
}

static void note_write(struct platter *platter, const void *bytes, int len, sqlite3_int64 at)
{
    assert_true(platter->write_count < WRITES_MAX);
    struct written *w = &platter->writes[platter->write_count++];
    *w = (struct written){.at = at, .bytes = malloc((size_t)len), .len = (size_t)len};
    assert_non_null(w->bytes);
    memcpy(w->bytes, bytes, (size_t)len);
}

/* Sector by sector, each by chance. */
static void write_some(int fd, const struct written *w)
{
    for (size_t done = 0; done < w->len;) {
        size_t part = SECTOR - ((size_t)w->at + done) % SECTOR;
        part = sl_min_size(part, w->len - done);
        if (sl_prng_below(&prng, 2))
            (void)!pwrite(fd, w->bytes + done, part, w->at + (off_t)done);
        done += part;
    }
}

static void cut_power(void)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct platter *platter = &platters[i];
        if (!platter->path[0] || access(platter->path, F_OK) != 0)
            continue;
        fixture_write_file(platter->path, platter->bytes, platter->len);
        int fd = open(platter->path, O_RDWR);
        for (size_t n = 0; n < platter->write_count; n++)
            write_some(fd, &platter->writes[n]);
        close(fd);
    }
    _exit(0);
}

/* Whether this operation fails. */
static bool fails(void)
{
    operation++;
    bool now = fail_from != 0 && operation >= fail_from && operation - fail_from < fail_count;
    if (now && failure == FAIL_POWER)
        cut_power();
    return now;
}

static struct shim_file *shim(sqlite3_file *file)
{
    return (struct shim_file *)file;
}

static int shim_close(sqlite3_file *file)
{
    struct shim_file *f = shim(file);
    int r = f->below->pMethods ? f->below->pMethods->xClose(f->below) : SQLITE_OK;
    forget_writes(f->platter);
    f->platter->path[0] = '\0';
    return r;
}

static int shim_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    return shim(file)->below->pMethods->xRead(shim(file)->below, bytes, len, at);
}

static int shim_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    struct shim_file *f = shim(file);
    if (fails()) {
        if (failure == FAIL_TORN)
            (void)f->below->pMethods->xWrite(f->below, bytes, len / 2, at);
        return failure == FAIL_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    note_write(f->platter, bytes, len, at);
    return f->below->pMethods->xWrite(f->below, bytes, len, at);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    struct shim_file *f = shim(file);
    if (fails())
        return SQLITE_IOERR_TRUNCATE;
    int r = f->below->pMethods->xTruncate(f->below, len);
    settle(f->platter);
    return r;
}

static int shim_sync(sqlite3_file *file, int flags)
{
    struct shim_file *f = shim(file);
    if (fails())
        return failure == FAIL_FULL ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
    int r = f->below->pMethods->xSync(f->below, flags);
    settle(f->platter);
    return r;
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *ret_len)
{
    return shim(file)->below->pMethods->xFileSize(shim(file)->below, ret_len);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return shim(file)->below->pMethods->xLock(shim(file)->below, level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return shim(file)->below->pMethods->xUnlock(shim(file)->below, level);
}

static int shim_check_lock(sqlite3_file *file, int *ret)
{
    return shim(file)->below->pMethods->xCheckReservedLock(shim(file)->below, ret);
}

static int shim_control(sqlite3_file *file, int code, void *arg)
{
    return shim(file)->below->pMethods->xFileControl(shim(file)->below, code, arg);
}

static int shim_sector(sqlite3_file *file)
{
    (void)file;
    return SECTOR;
}

/* As SQLite takes for granted of any disk under Linux: a write that is cut short does not harm what
 * stands beside it. */
static int shim_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 1,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_check_lock,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_traits,
};

static struct platter *free_platter(void)
{
    for (size_t i = 0; i < FILES_MAX; i++)
        if (!platters[i].path[0])
            return &platters[i];
    fail_msg("too many files are open");
    return NULL;
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags)
{
    (void)vfs;
    struct shim_file *f = shim(file);
    f->base.pMethods = NULL;
    f->below = (sqlite3_file *)(void *)(f + 1);
    if (fails())
        return SQLITE_CANTOPEN;
    int r = below_vfs->xOpen(below_vfs, name, f->below, flags, ret_flags);
    if (r != SQLITE_OK)
        return r;
    f->base.pMethods = &shim_methods;
    f->platter = free_platter();
    snprintf(f->platter->path, sizeof(f->platter->path), "%s", name);
    if (!f->platter->writes)
        f->platter->writes = calloc(WRITES_MAX, sizeof(struct written));
    assert_non_null(f->platter->writes);
    settle(f->platter);
    return SQLITE_OK;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    if (fails())
        return SQLITE_IOERR_DELETE;
    return below_vfs->xDelete(below_vfs, name, sync_folder);
}

static int install_shim(void **state)
{
    (void)state;
    below_vfs = sqlite3_vfs_find(NULL);
    shim_vfs = *below_vfs;
    shim_vfs.zName = "failing";
    shim_vfs.szOsFile = (int)sizeof(struct shim_file) + below_vfs->szOsFile;
    shim_vfs.xOpen = shim_open;
    shim_vfs.xDelete = shim_delete;
    return sqlite3_vfs_register(&shim_vfs, 1);
}

static int remove_shim(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES_MAX; i++) {
        forget_writes(&platters[i]);
        free(platters[i].writes);
        free(platters[i].bytes);
    }
    return sqlite3_vfs_unregister(&shim_vfs);
}

/* ---- Work, and what of it must be there ---- */

enum {
    ENVELOPES = 40,
    RECORDS = 15,
    BEFORE = 10, /* envelopes from an earlier run */
};

/* Shared with the process whose power is cut. */
struct promises {
    uint64_t rows[ENVELOPES];
    bool given[ENVELOPES]; /* put() came back, durable or not */
    bool durable[ENVELOPES];
    bool dropped[ENVELOPES];   /* drop() was called */
    uint64_t version[RECORDS]; /* durable; 0: none */
    uint64_t version_next[RECORDS];
    bool erased; /* drop_owner() was called */
};

static void make_earlier_store(struct fixture *f)
{
    fail_from = 0;
    fixture_init(f);
    fixture_open(f);
    for (uint64_t n = 0; n < BEFORE; n++)
        fixture_put(f, 1000 * (n + 1), false); /* all born at 0: fixture_meta() */
    fixture_vault_put(f, 1, 0, 1, false);
    fixture_close(f);
    f->line_count = 0;
}

static void put_envelope(struct fixture *f, struct promises *p, uint64_t n)
{
    bool sync = n % 3 == 0;
    int r = fixture_try_put(f, n, sync, &p->rows[n]);
    assert_true(r == 0 || r == -EIO || r == -ENOSPC || r == -EROFS);
    p->given[n] = true;
    for (uint64_t i = 0; r == 0 && sync && i <= n; i++)
        p->durable[i] = p->given[i] && !p->dropped[i];
}

static void put_record(struct fixture *f, struct promises *p, uint64_t n, uint64_t version)
{
    p->version_next[n] = version;
    if (fixture_try_vault_put(f, 0, n, version, true) == 0)
        p->version[n] = version;
}

static void work(struct fixture *f, struct promises *p)
{
    for (uint64_t n = 0; n < ENVELOPES; n++) {
        put_envelope(f, p, n);
        if (n % 4 == 0)
            put_record(f, p, n % RECORDS, n + 1);
        if (n % 5 == 4) {
            p->dropped[n - 2] = true;
            f->port.drop(f->port.ctx, p->rows[n - 2]);
        }
        if (n % 10 == 9)
            sl_store_tick(f->store, (sl_time)n * SL_SECOND, 0);
    }
    p->erased = true;
    fixture_vault_drop_owner(f, 1);
    sl_store_tick(f->store, 100 * SL_SECOND, 0);
}

/* `all`: what is not durable must be there too, for it was kept in memory and moved to disk. */
static void check(struct fixture *f, const struct promises *p, bool all, unsigned at)
{
    struct fixture_list list;
    assert_int_equal(fixture_list(f, &list), 0);
    assert_true(list.whole);
    assert_true(list.count >= BEFORE);
    fixture_list_done(&list);
    for (uint64_t n = 0; n < ENVELOPES; n++) {
        bool must = !p->dropped[n] && (all ? p->given[n] : p->durable[n]);
        if (must && !fixture_holds(f, n, p->rows[n]))
            fail_msg("operation %u: envelope %llu is gone", at, (unsigned long long)n);
    }
    for (uint64_t n = 0; n < RECORDS; n++)
        if (p->version[n] && !fixture_vault_holds(f, 0, n, p->version[n]) &&
            !fixture_vault_holds(f, 0, n, p->version_next[n]))
            fail_msg("operation %u: record %llu is gone", at, (unsigned long long)n);
    if (!p->erased || all)
        assert_int_equal(fixture_vault_len(f, 1, 0) >= 0, !p->erased);
}

/* One run in which operation number `at` fails. False if there are not as many operations. */
static bool run_failing(enum failure how, unsigned at, unsigned count)
{
    struct fixture f;
    struct promises p = {0};
    make_earlier_store(&f);
    operation = 0;
    fail_from = at;
    fail_count = count;
    failure = how;
    fixture_open(&f);
    work(&f, &p);
    bool reached = operation >= at;
    fail_from = 0;
    for (int i = 0; i < 3 && sl_store_error(f.store) != 0; i++)
        sl_store_tick(f.store, sl_store_deadline(f.store), 0);
    assert_int_equal(sl_store_error(f.store), 0);
    assert_in_range(f.line_count, 0, 6);
    check(&f, &p, true, at);
    fixture_reopen(&f);
    check(&f, &p, true, at);
    fixture_done(&f);
    return reached;
}

static void fail_each(enum failure how, unsigned count)
{
    unsigned at = 1;
    while (run_failing(how, at, count))
        at++;
    print_message("%u operations failed in turn\n", at - 1);
    assert_true(at > 100);
}

static void each_operation_fails_once(void **state)
{
    (void)state;
    fail_each(FAIL_IO, 1);
    fail_each(FAIL_TORN, 1);
    fail_each(FAIL_FULL, 1);
}

static void disk_fails_from_each_operation_on(void **state)
{
    (void)state;
    fail_each(FAIL_IO, 1000000);
    fail_each(FAIL_FULL, 1000000);
}

/* False if there are not as many operations. */
static bool run_power_cut(unsigned at, uint64_t seed, struct promises *p)
{
    struct fixture f;
    memset(p, 0, sizeof(*p));
    make_earlier_store(&f);
    pid_t child = fork();
    if (child == 0) {
        sl_prng_init(&prng, seed);
        operation = 0;
        fail_from = at;
        fail_count = 1;
        failure = FAIL_POWER;
        fixture_open(&f);
        work(&f, p);
        _exit(1); /* there was no such operation */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    fixture_open(&f);
    if (f.line_count > 0)
        fail_msg("operation %u, seed %llu: %s", at, (unsigned long long)seed, f.line);
    check(&f, p, false, at);
    fixture_done(&f);
    return WEXITSTATUS(status) == 0;
}

static void power_cut_at_each_operation(void **state)
{
    (void)state;
    struct promises *p =
        mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    unsigned at = 1;
    while (run_power_cut(at, at, p))
        at++;
    print_message("power was cut at %u operations in turn\n", at - 1);
    assert_true(at > 100);
    munmap(p, sizeof(*p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_fails_once),
        cmocka_unit_test(disk_fails_from_each_operation_on),
        cmocka_unit_test(power_cut_at_each_operation),
    };
    return cmocka_run_group_tests(tests, install_shim, remove_shim);
}
