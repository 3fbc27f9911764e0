/* The store on a disk that is full, read-only, missing or late. Full and read-only disks are real
 * ones where this program may mount (as root, in a mount namespace of its own), and limits of the
 * kernel otherwise. */
#include "store_fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static bool may_mount;

/* A test that fails leaves its limit behind, and then not even a report could be written. */
static int lift_limit_after(void **state)
{
    (void)state;
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &limit);
}

static int set_up(void **state)
{
    (void)state;
    may_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    signal(SIGXFSZ, SIG_IGN);
    return 0;
}

static void wait_a_minute(struct fixture *f)
{
    sl_time now = sl_store_deadline(f->store);
    assert_true(now < SL_NEVER);
    sl_store_tick(f->store, now, 0);
}

/* Puts until the disk takes no more; all that was put is still to be had. Returns how many. */
static uint64_t fill(struct fixture *f, uint64_t from, uint64_t *ret_rows, int *ret_error)
{
    for (uint64_t n = from; n < from + 3000; n++) {
        int r = fixture_try_put(f, n, n % 10 == 0, &ret_rows[n]);
        if (r < 0) {
            *ret_error = r;
            return n + 1;
        }
    }
    fail_msg("the disk took everything");
    return 0;
}

static void check_all(struct fixture *f, const uint64_t *rows, uint64_t count)
{
    for (uint64_t n = 0; n < count; n++)
        if (!fixture_holds(f, n, rows[n]))
            fail_msg("envelope %llu is gone", (unsigned long long)n);
    struct fixture_list list;
    assert_int_equal(fixture_list(f, &list), 0);
    assert_int_equal(list.count, count);
    assert_true(list.whole);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.rows[i], rows[i]);
    fixture_list_done(&list);
}

/* From full to well again, whatever `widen` does to make it so. */
static void fill_and_widen(struct fixture *f, void (*widen)(struct fixture *f))
{
    static uint64_t rows[4000];
    int error = 0;
    uint64_t count = fill(f, 0, rows, &error);
    assert_int_equal(error, -ENOSPC);
    assert_int_equal(sl_store_error(f->store), -ENOSPC);
    assert_int_equal(f->line_count, 1);
    assert_non_null(strstr(f->line, "no space is left"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture_try_put(f, count, true, &rows[count]), -ENOSPC);
        count++;
        wait_a_minute(f);
        assert_int_equal(sl_store_error(f->store), -ENOSPC);
    }
    assert_int_equal(f->line_count, 1); /* said once */
    check_all(f, rows, count);
    widen(f);
    wait_a_minute(f);
    assert_int_equal(sl_store_error(f->store), 0);
    assert_int_equal(f->line_count, 2);
    assert_non_null(strstr(f->line, "takes data again"));
    check_all(f, rows, count);
    assert_int_equal(fixture_try_put(f, count, true, &rows[count]), 0);
    fixture_reopen(f);
    check_all(f, rows, count + 1);
    assert_int_equal(f->line_count, 2);
}

/* ---- Full ---- */

static void remount(const struct fixture *f, unsigned long flags, const char *options)
{
    assert_int_equal(mount("tmpfs", f->folder, "tmpfs", MS_REMOUNT | flags, options), 0);
}

static void make_larger(struct fixture *f)
{
    remount(f, 0, "size=32m");
}

static bool mount_small_disk(struct fixture *f, const char *options)
{
    if (!may_mount)
        return false;
    assert_int_equal(mount("tmpfs", f->folder, "tmpfs", 0, options), 0);
    return true;
}

static void unmount_and_done(struct fixture *f)
{
    fixture_close(f);
    assert_int_equal(umount(f->folder), 0);
    fixture_done(f);
}

static void full_disk(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    if (!mount_small_disk(&f, "size=400k")) {
        fixture_done(&f);
        skip();
    }
    fixture_open(&f);
    fill_and_widen(&f, make_larger);
    unmount_and_done(&f);
}

/* Not even room for an empty store. */
static void full_from_the_start(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    if (!mount_small_disk(&f, "size=12k")) {
        fixture_done(&f);
        skip();
    }
    fixture_open(&f);
    assert_int_equal(f.line_count, 1);
    uint64_t rows[10];
    for (uint64_t n = 0; n < 10; n++)
        assert_int_equal(fixture_try_put(&f, n, true, &rows[n]), -ENOSPC);
    wait_a_minute(&f);
    make_larger(&f);
    wait_a_minute(&f);
    assert_int_equal(sl_store_error(f.store), 0);
    assert_int_equal(f.line_count, 2);
    check_all(&f, rows, 10);
    fixture_reopen(&f);
    check_all(&f, rows, 10);
    unmount_and_done(&f);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lift_limit(struct fixture *f)
{
    (void)f;
    limit_file_size(RLIM_INFINITY);
}

static void file_size_limit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    limit_file_size(400 << 10);
    fill_and_widen(&f, lift_limit);
    fixture_done(&f);
}

/* Dropping makes space on a disk that is full. */
static void dropping_makes_space(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    if (!mount_small_disk(&f, "size=1m")) {
        fixture_done(&f);
        skip();
    }
    fixture_open(&f);
    static uint64_t rows[4000];
    int error;
    uint64_t count = fill(&f, 0, rows, &error);
    wait_a_minute(&f);
    assert_int_equal(sl_store_error(f.store), -ENOSPC);
    for (uint64_t n = 0; n < count / 2; n++)
        f.port.drop(f.port.ctx, rows[n]);
    wait_a_minute(&f);
    assert_int_equal(sl_store_error(f.store), 0);
    assert_int_equal(f.line_count, 2);
    fixture_reopen(&f);
    for (uint64_t n = 0; n < count; n++)
        assert_int_equal(fixture_holds(&f, n, rows[n]), n >= count / 2);
    unmount_and_done(&f);
}

static void memory_is_bounded_oldest_out_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.config.memory_bytes_max = 64 << 10;
    fixture_open(&f);
    static uint64_t rows[8000];
    int error;
    limit_file_size(200 << 10);
    uint64_t on_disk = fill(&f, 0, rows, &error) - 11; /* 10 to a group: those before are on disk */
    uint64_t count = on_disk + 11;
    for (uint64_t i = 0; i < 2000; i++, count++)
        assert_int_equal(fixture_try_put(&f, count, false, &rows[count]), -ENOSPC);
    uint64_t oldest = count;
    while (fixture_holds(&f, oldest - 1, rows[oldest - 1]))
        oldest--;
    assert_in_range(count - oldest, 50, 130); /* 64 KiB of 600 each */
    for (uint64_t n = on_disk + 11; n < oldest; n++)
        assert_false(fixture_holds(&f, n, rows[n]));
    for (uint64_t n = 0; n < on_disk; n++) /* what is on disk is not the price */
        assert_true(fixture_holds(&f, n, rows[n]));
    lift_limit(&f);
    wait_a_minute(&f);
    assert_int_equal(sl_store_error(f.store), 0);
    fixture_reopen(&f);
    for (uint64_t n = oldest; n < count; n++)
        assert_true(fixture_holds(&f, n, rows[n]));
    fixture_done(&f);
}

/* ---- Read-only ---- */

/* A store with 20 envelopes, of which the last 10 are in the log if `pulled`. */
static void make_old_store(struct fixture *f, uint64_t *ret_rows, bool pulled)
{
    fixture_open(f);
    sl_store_tick(f->store, SL_HOUR, 0);
    for (uint64_t n = 0; n < 10; n++)
        ret_rows[n] = fixture_put(f, n, n == 9);
    fixture_reopen(f);
    for (uint64_t n = 10; n < 20; n++)
        ret_rows[n] = fixture_put(f, n, n == 19);
    size_t file_len = 0;
    size_t log_len = 0;
    char log_path[128];
    snprintf(log_path, sizeof(log_path), "%s-wal", f->path);
    uint8_t *file = fixture_read_file(f->path, &file_len);
    uint8_t *log = fixture_read_file(log_path, &log_len);
    fixture_close(f);
    if (pulled) {
        fixture_write_file(f->path, file, file_len);
        fixture_write_file(log_path, log, log_len);
    }
    free(file);
    free(log);
}

/* Reads go on, what comes in is kept in memory, and goes to disk when that can be written. */
static void check_read_only(struct fixture *f, uint64_t rows[30],
                            void (*make_writable)(struct fixture *))
{
    fixture_open(f);
    assert_int_equal(sl_store_error(f->store), -EROFS);
    assert_int_equal(f->line_count, 1);
    assert_non_null(strstr(f->line, "may not be written"));
    assert_int_equal(sl_store_life(f->store), SL_HOUR);
    check_all(f, rows, 20);
    for (uint64_t n = 20; n < 30; n++)
        assert_int_equal(fixture_try_put(f, n, true, &rows[n]), -EROFS);
    check_all(f, rows, 30);
    wait_a_minute(f);
    check_all(f, rows, 30);
    assert_int_equal(f->line_count, 1);
    make_writable(f);
    wait_a_minute(f);
    assert_int_equal(sl_store_error(f->store), 0);
    assert_int_equal(f->line_count, 2);
    fixture_reopen(f);
    check_all(f, rows, 30);
}

static void remount_writable(struct fixture *f)
{
    remount(f, 0, NULL);
}

static void read_only_disk(void **state)
{
    (void)state;
    for (int pulled = 0; pulled < 2; pulled++) {
        struct fixture f;
        uint64_t rows[30];
        fixture_init(&f);
        if (!mount_small_disk(&f, "size=8m")) {
            fixture_done(&f);
            skip();
        }
        make_old_store(&f, rows, pulled);
        remount(&f, MS_RDONLY, NULL);
        check_read_only(&f, rows, remount_writable);
        unmount_and_done(&f);
    }
}

static void read_only_disk_without_store(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t rows[5];
    fixture_init(&f);
    if (!mount_small_disk(&f, "size=8m")) {
        fixture_done(&f);
        skip();
    }
    remount(&f, MS_RDONLY, NULL);
    fixture_open(&f);
    assert_int_equal(sl_store_error(f.store), -EROFS);
    for (uint64_t n = 0; n < 5; n++)
        assert_int_equal(fixture_try_put(&f, n, true, &rows[n]), -EROFS);
    check_all(&f, rows, 5);
    remount_writable(&f);
    wait_a_minute(&f);
    assert_int_equal(sl_store_error(f.store), 0);
    fixture_reopen(&f);
    check_all(&f, rows, 5);
    unmount_and_done(&f);
}

/* As ext4 does when it meets errors, in the middle of the run. No open file may be writable for it,
 * so the kernel is told through a bind mount. */
static void file_that_may_not_grow_or_change(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t rows[40];
    fixture_init(&f);
    fixture_open(&f);
    for (uint64_t n = 0; n < 10; n++)
        rows[n] = fixture_put(&f, n, n == 9);
    limit_file_size(0); /* every write to a file fails from here on */
    for (uint64_t n = 10; n < 20; n++)
        (void)fixture_try_put(&f, n, true, &rows[n]);
    assert_int_equal(sl_store_error(f.store), -ENOSPC);
    check_all(&f, rows, 20);
    f.port.drop(f.port.ctx, rows[19]);
    f.port.drop(f.port.ctx, rows[0]);
    f.port.set_relayed(f.port.ctx, rows[1]);
    f.port.set_relayed(f.port.ctx, rows[18]);
    for (int round = 0; round < 3; round++) {
        struct fixture_list list;
        assert_int_equal(fixture_list(&f, &list), 0);
        assert_int_equal(list.count, 18);
        assert_int_equal(list.rows[0], rows[1]);
        assert_true(list.relayed[0]);
        assert_int_equal(list.rows[17], rows[18]);
        assert_true(list.relayed[17]);
        assert_false(list.relayed[1]);
        fixture_list_done(&list);
        assert_false(fixture_holds(&f, 0, rows[0]));
        assert_false(fixture_holds(&f, 19, rows[19]));
        lift_limit(&f);
        if (round == 0)
            wait_a_minute(&f);
        if (round == 1)
            fixture_reopen(&f);
    }
    fixture_done(&f);
}

/* Runs as somebody whom permissions stop. */
static void as_nobody(void (*run)(struct fixture *f))
{
    struct fixture f;
    fixture_init(&f);
    if (geteuid() == 0)
        assert_int_equal(chown(f.folder, 65534, 65534), 0);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 &&
            (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
            _exit(2);
        run(&f);
        fixture_close(&f);
        (void)chmod(f.folder, 0700);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    fixture_done(&f);
}

static void open_folder(struct fixture *f)
{
    assert_int_equal(chmod(f->folder, 0700), 0);
}

static void with_unwritable_folder(struct fixture *f)
{
    uint64_t rows[30];
    make_old_store(f, rows, false);
    assert_int_equal(chmod(f->folder, 0500), 0);
    check_read_only(f, rows, open_folder);
}

static void open_file(struct fixture *f)
{
    assert_int_equal(chmod(f->path, 0600), 0);
}

static void with_unwritable_file(struct fixture *f)
{
    uint64_t rows[30];
    make_old_store(f, rows, false);
    assert_int_equal(chmod(f->path, 0400), 0);
    check_read_only(f, rows, open_file);
}

static void with_unwritable_file_and_log(struct fixture *f)
{
    uint64_t rows[30];
    make_old_store(f, rows, true);
    assert_int_equal(chmod(f->path, 0400), 0);
    check_read_only(f, rows, open_file);
}

static void with_unreadable_folder(struct fixture *f)
{
    uint64_t rows[3];
    assert_int_equal(chmod(f->folder, 0), 0);
    fixture_open(f);
    assert_int_equal(sl_store_error(f->store), -EROFS);
    for (uint64_t n = 0; n < 3; n++)
        assert_int_equal(fixture_try_put(f, n, true, &rows[n]), -EROFS);
    open_folder(f);
    wait_a_minute(f);
    assert_int_equal(sl_store_error(f->store), 0);
    fixture_reopen(f);
    check_all(f, rows, 3);
}

static void unwritable_folder(void **state)
{
    (void)state;
    as_nobody(with_unwritable_folder);
}

static void unwritable_file(void **state)
{
    (void)state;
    as_nobody(with_unwritable_file);
}

static void unwritable_file_and_log(void **state)
{
    (void)state;
    as_nobody(with_unwritable_file_and_log);
}

static void unreadable_folder(void **state)
{
    (void)state;
    as_nobody(with_unreadable_folder);
}

/* ---- Missing and late ---- */

static void no_file_at_all(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(mkdir(f.path, 0700), 0); /* a folder where the file should be */
    fixture_open(&f);
    assert_int_equal(sl_store_error(f.store), -EIO);
    uint64_t row;
    assert_int_equal(fixture_try_put(&f, 1, true, &row), -EIO);
    assert_true(fixture_holds(&f, 1, row));
    fixture_close(&f);
    assert_int_equal(rmdir(f.path), 0);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    fixture_open(&f);
    assert_int_equal(sl_store_error(f.store), -EIO);
    assert_int_equal(unlink(f.path), 0);
    wait_a_minute(&f);
    assert_int_equal(sl_store_error(f.store), 0);
    fixture_done(&f);
}

/* The disk is not there at the start and comes later, with a store of an earlier run on it. What
 * came in meanwhile joins it: no row and no age gets mixed up, and that twice over. */
static void disk_comes_late(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    char away[96];
    char home[96];
    snprintf(home, sizeof(home), "%s/disk", f.folder);
    snprintf(away, sizeof(away), "%s/away", f.folder);
    snprintf(f.path, sizeof(f.path), "%s/disk/store.db", f.folder);
    assert_int_equal(mkdir(home, 0700), 0);
    fixture_open(&f);
    sl_store_tick(f.store, SL_HOUR, 0);
    for (uint64_t n = 0; n < 10; n++)
        fixture_put(&f, n, true);
    fixture_close(&f);
    sl_time life = SL_HOUR;
    for (uint64_t episode = 1; episode <= 3; episode++) {
        assert_int_equal(rename(home, away), 0);
        f.line_count = 0;
        fixture_open(&f);
        assert_int_equal(sl_store_life(f.store), 0);
        uint64_t rows[10];
        for (uint64_t n = 0; n < 10; n++)
            assert_int_equal(fixture_try_put(&f, episode * 10 + n, true, &rows[n]), -EIO);
        wait_a_minute(&f);
        assert_int_equal(rename(away, home), 0);
        wait_a_minute(&f);
        assert_int_equal(sl_store_error(f.store), 0);
        assert_int_equal(f.line_count, 2);
        for (uint64_t n = 0; n < 10; n++)
            assert_true(fixture_holds(&f, episode * 10 + n, rows[n]));
        fixture_close(&f);
        fixture_open(&f);
        life += 2 * SL_MINUTE;
        assert_in_range(sl_store_life(f.store), life, life + 100);
        life = sl_store_life(f.store);
        struct fixture_list list;
        assert_int_equal(fixture_list(&f, &list), 0);
        assert_int_equal(list.count, 10 + 10 * episode);
        for (size_t i = 0; i < list.count; i++)
            assert_int_equal(list.numbers[i], i);
        assert_int_equal(list.whole, false); /* born on the later part of the clock */
        fixture_list_done(&list);
        fixture_close(&f);
    }
    (void)unlink(f.path);
    fixture_done(&f);
}

static void at_close_memory_goes_to_disk(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    uint64_t rows[20];
    fixture_open(&f);
    limit_file_size(0);
    for (uint64_t n = 0; n < 20; n++)
        (void)fixture_try_put(&f, n, true, &rows[n]);
    lift_limit(&f);
    fixture_reopen(&f);
    check_all(&f, rows, 20);
    fixture_done(&f);
}

/* ---- The vault ---- */

enum {
    MODEL_NUMBERS = 12,
};

struct model {
    bool there[FIXTURE_OWNERS][MODEL_NUMBERS];
    uint64_t version[FIXTURE_OWNERS][MODEL_NUMBERS];
    uint64_t place[FIXTURE_OWNERS][MODEL_NUMBERS]; /* in the order of first puts */
};

struct model_walk {
    const struct model *model;
    uint64_t owner;
    size_t count;
    uint64_t last_place;
};

static void compare_record(void *arg, const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes,
                           size_t len)
{
    struct model_walk *walk = arg;
    uint64_t n;
    memcpy(&n, key, sizeof(n));
    uint64_t version = walk->model->version[walk->owner][n];
    uint8_t expected[10000];
    assert_true(walk->model->there[walk->owner][n]);
    assert_int_equal(len, fixture_record_len(n + version));
    fixture_body(walk->owner << 48 ^ n << 16 ^ version, expected, len);
    assert_memory_equal(bytes, expected, len);
    assert_true(walk->model->place[walk->owner][n] > walk->last_place);
    walk->last_place = walk->model->place[walk->owner][n];
    walk->count++;
}

static void compare(struct fixture *f, const struct model *model)
{
    for (uint64_t o = 0; o < FIXTURE_OWNERS; o++) {
        struct model_walk walk = {.model = model, .owner = o};
        size_t count = 0;
        for (uint64_t n = 0; n < MODEL_NUMBERS; n++) {
            count += model->there[o][n];
            if (model->there[o][n])
                assert_true(fixture_vault_holds(f, o, n, model->version[o][n]));
            else
                assert_int_equal(fixture_vault_len(f, o, n), -ENOENT);
        }
        uint8_t owner[SL_VAULT_ID_LEN];
        uint8_t key[SL_VAULT_ID_LEN];
        fixture_name(o, 0, owner, key);
        assert_int_equal(f->vault.each(f->vault.ctx, owner, 1, compare_record, &walk), 0);
        assert_int_equal(walk.count, count);
    }
}

static void vault_step(struct fixture *f, struct model *model, struct sl_prng *prng, uint64_t step)
{
    uint64_t o = sl_prng_below(prng, FIXTURE_OWNERS);
    uint64_t n = sl_prng_below(prng, MODEL_NUMBERS);
    uint64_t what = sl_prng_below(prng, 20);
    if (what == 0) {
        fixture_vault_drop_owner(f, o);
        memset(model->there[o], 0, sizeof(model->there[o]));
    } else if (what < 6) {
        fixture_vault_drop(f, o, n);
        model->there[o][n] = false;
    } else {
        int r = fixture_try_vault_put(f, o, n, step, what == 6);
        assert_int_equal(r, sl_store_error(f->store));
        if (!model->there[o][n])
            model->place[o][n] = step + 1;
        model->there[o][n] = true;
        model->version[o][n] = step;
    }
}

/* A disk that fails and recovers while records come and go: at every moment the vault says the same
 * as a plain table. */
static void vault_through_trouble(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct sl_prng prng;
        sl_prng_init(&prng, seed);
        struct fixture f;
        fixture_init(&f);
        fixture_open(&f);
        struct model model = {0};
        for (uint64_t step = 0; step < 300; step++) {
            uint64_t what = sl_prng_below(&prng, 30);
            if (what == 0)
                limit_file_size(0);
            if (what == 1 || what == 2)
                lift_limit(&f);
            if (what == 3)
                wait_a_minute(&f);
            if (what == 4) {
                lift_limit(&f);
                fixture_reopen(&f);
            }
            vault_step(&f, &model, &prng, step);
            compare(&f, &model);
        }
        lift_limit(&f);
        fixture_reopen(&f);
        compare(&f, &model);
        fixture_done(&f);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, lift_limit_after)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(full_disk),
        TEST(full_from_the_start),
        TEST(file_size_limit),
        TEST(dropping_makes_space),
        TEST(memory_is_bounded_oldest_out_first),
        TEST(read_only_disk),
        TEST(read_only_disk_without_store),
        TEST(file_that_may_not_grow_or_change),
        TEST(unwritable_folder),
        TEST(unwritable_file),
        TEST(unwritable_file_and_log),
        TEST(unreadable_folder),
        TEST(no_file_at_all),
        TEST(disk_comes_late),
        TEST(at_close_memory_goes_to_disk),
        TEST(vault_through_trouble),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
