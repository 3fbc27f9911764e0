/* What the store costs: puts a second, grouped and synced, beside a plain file that gets the same
 * bytes with write() and is synced as often, in the same run on the same disk; what it takes to
 * open a large store; and memory. SL_BENCH_FOLDER says on which disk. */
#include "base/prng.h"
#include "bench/bench.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LEN = 400,
    GROUPED = 200000,
    SYNCED = 500,
    ROUNDS = 3,          /* the best of them: what else the machine does is not the store's doing */
    GROUP_LEN = 1 << 20, /* the store syncs after each megabyte, at the latest */
    MEMORY_ENVELOPES = 10000,
};

static char folder[256];
static uint8_t body[LEN];

static double seconds(void)
{
    return (double)bench_now() / SL_SECOND;
}

static void path_of(const char *name, char ret_path[512])
{
    snprintf(ret_path, 512, "%s/%s", folder, name);
}

static void fail(const char *what)
{
    bench_fail("%s: %s", what, strerror(errno));
}

/* ---- The yardstick ---- */

static double plain_rate(unsigned count, size_t sync_every)
{
    char path[512];
    path_of("plain", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        fail(path);
    double start = seconds();
    for (unsigned i = 1; i <= count; i++) {
        if (write(fd, body, LEN) != LEN)
            fail("write");
        if (i % sync_every == 0 && fsync(fd) < 0)
            fail("fsync");
    }
    if (fsync(fd) < 0)
        fail("fsync");
    double rate = count / (seconds() - start);
    close(fd);
    unlink(path);
    return rate;
}

/* ---- The store ---- */

static void say(void *arg, const char *line)
{
    (void)arg;
    bench_note("%s", line);
}

static struct sl_store *open_store(void)
{
    char path[512];
    path_of("store.db", path);
    struct sl_store_config config = {
        .path = path,
        .bytes_max = SL_STORE_BYTES_DEFAULT,
        .memory_bytes_max = (uint64_t)4 << 20,
        .report = say,
    };
    struct sl_store *store;
    if (sl_store_open(&config, &store) < 0 || sl_store_error(store) != 0)
        fail("the store did not open");
    return store;
}

static void remove_store(void)
{
    char path[512];
    path_of("store.db", path);
    unlink(path);
    path_of("store.db-wal", path);
    unlink(path);
}

static void put_many(struct sl_store *store, unsigned count, bool sync)
{
    struct sl_store_port port;
    sl_store_port(store, &port);
    struct sl_stored meta = {.kind = 1, .len = LEN, .lifetime = 86400};
    for (unsigned i = 0; i < count; i++) {
        uint64_t row;
        memcpy(meta.id, &i, sizeof(i));
        if (port.put(port.ctx, &meta, body, sync, &row) < 0)
            fail("put");
    }
}

static double store_rate(unsigned count, bool sync)
{
    remove_store();
    struct sl_store *store = open_store();
    double start = seconds();
    put_many(store, count, sync);
    sl_store_tick(store, SL_DAY, 0); /* commits the rest */
    double rate = count / (seconds() - start);
    sl_store_close(store);
    return rate;
}

static void compare(const char *name, unsigned count, bool sync, double goal)
{
    double plain = 0;
    double ours = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double rate = plain_rate(count, sync ? 1 : GROUP_LEN / LEN);
        plain = rate > plain ? rate : plain;
        rate = store_rate(count, sync);
        ours = rate > ours ? rate : ours;
    }
    char detail[160];
    snprintf(detail, sizeof(detail),
             "%.1f us each; write() and fsync() of the same bytes: %.0f/s, ratio %.2f", 1e6 / ours,
             plain, ours / plain);
    struct bench_figure figure = {name, BENCH_AT_LEAST, goal, ours, "/s", detail};
    if (goal > 0)
        bench_figure(&figure);
    else
        bench_note("%s: %.0f/s, %s", name, ours, detail);
}

/* ---- Opening and memory ---- */

static long resident_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;
    if (!f || fscanf(f, "%*s %ld", &pages) != 1)
        fail("/proc/self/statm");
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void count_row(void *arg, const struct sl_stored *meta)
{
    (void)meta;
    ++*(unsigned *)arg;
}

/* The store as it is after the grouped run, that is full, against reading the file once. */
static void time_open(void)
{
    char path[512];
    path_of("store.db", path);
    static char buffer[1 << 16];
    double start = seconds();
    int fd = open(path, O_RDONLY);
    ssize_t n;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        ;
    close(fd);
    double read_time = seconds() - start;
    start = seconds();
    struct sl_store *store = open_store();
    double open_time = seconds() - start;
    struct sl_store_port port;
    sl_store_port(store, &port);
    unsigned count = 0;
    (void)port.each(port.ctx, count_row, &count);
    double each_time = seconds() - start - open_time;
    struct stat st;
    if (stat(path, &st) < 0)
        fail(path);
    bench_note(
        "store of %u envelopes, file of %.1f MiB (%.2f times the bodies): opened and checked in "
        "%.3f s, listed in %.3f s; read() of the file %.3f s, ratio %.1f",
        count, (double)st.st_size / (1 << 20), (double)st.st_size / ((double)count * LEN),
        open_time, each_time, read_time, (open_time + each_time) / read_time);
    sl_store_close(store);
}

static void measure_memory(void)
{
    remove_store();
    long before = resident_kib();
    struct sl_store *store = open_store();
    long idle = resident_kib();
    put_many(store, MEMORY_ENVELOPES, false);
    sl_store_tick(store, SL_DAY, 0);
    long full = resident_kib();
    bench_note("memory of the store: %ld KiB when empty, %ld KiB with %d envelopes", idle - before,
               full - before, MEMORY_ENVELOPES);
    sl_store_close(store);
}

static void remove_folder(void *arg)
{
    (void)arg;
    remove_store();
    (void)rmdir(folder);
}

int main(void)
{
    const char *base = getenv("SL_BENCH_FOLDER");
    if (!base)
        base = getenv("BENCH_LAB");
    snprintf(folder, sizeof(folder), "%.200s/bench-store-XXXXXX", base ? base : "/var/tmp");
    if (!mkdtemp(folder))
        fail(folder);
    bench_at_exit(remove_folder, NULL);
    struct sl_prng prng;
    sl_prng_init(&prng, 1);
    sl_prng_bytes(&prng, body, LEN);
    measure_memory();
    compare("store: synced puts of 400 bytes", SYNCED, true, 0);
    compare("store: puts of 400 bytes, not synced", GROUPED, false, 100000);
    time_open();
    return 0;
}
