/* Bytes as a script: what the mesh and the chat do to a store, with disks that fill up, restarts,
 * and damage to its file. Every answer is compared with a plain table. After damage a row may be
 * missing, but never wrong. */
#include "base/wire.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum {
    ROWS = 64,
    OWNERS = 2,
    KEYS = 6,
    BODY_MAX = 1200,
    RECORD_MAX = 6000,
    STEPS_MAX = 400,
};

struct model_row {
    uint64_t row; /* 0: that number means another row now */
    bool there, relayed;
    uint8_t seed;
    uint16_t len;
};

struct model_record {
    bool there;
    uint8_t seed;
    uint16_t len;
};

struct machine {
    char folder[64], path[96];
    struct sl_store *store;
    struct sl_store_port port;
    struct sl_vault_port vault;
    sl_time now;
    bool damaged; /* something may be missing */
    size_t row_count;
    struct model_row rows[ROWS];
    struct model_record records[OWNERS][KEYS];
};

/* A wrong answer is a crash, which the fuzzer reports with the script. */
static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_store: %s\n", what);
    abort();
}

static void fill(uint8_t seed, uint8_t *ret_bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ret_bytes[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    (void)getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    (void)setrlimit(RLIMIT_FSIZE, &limit);
}

static void open_store(struct machine *m)
{
    struct sl_store_config config = {
        .path = m->path,
        .bytes_max = 1 << 20,
        .memory_bytes_max = 1 << 20, /* more than a script puts: nothing is given up */
    };
    check(sl_store_open(&config, &m->store) == 0, "the store did not open");
    sl_store_port(m->store, &m->port);
    sl_store_vault(m->store, &m->vault);
}

/* After a restart the number of a row that is gone may be given again. */
static void forget_number(struct machine *m, struct model_row *old, uint64_t given)
{
    if (old->row < given)
        return;
    check(!old->there || m->damaged, "the number of a row was given again");
    old->row = 0;
}

static void add_row(struct machine *m, struct sl_reader *r)
{
    if (m->row_count == ROWS)
        return;
    struct model_row *row = &m->rows[m->row_count];
    uint8_t body[BODY_MAX];
    *row = (struct model_row){.there = true, .seed = sl_read_u8(r)};
    row->len = sl_read_u16(r) % (BODY_MAX + 1);
    bool sync = row->seed % 4 == 0;
    fill(row->seed, body, row->len);
    struct sl_stored meta = {.kind = 1, .len = row->len, .created = m->row_count, .born = 0};
    int error = m->port.put(m->port.ctx, &meta, body, sync, &row->row);
    check(error == sl_store_error(m->store), "put() and the store's error differ");
    for (size_t i = 0; i < m->row_count; i++)
        forget_number(m, &m->rows[i], row->row);
    m->row_count++;
}

static void check_row(struct machine *m, const struct model_row *row)
{
    if (row->row == 0)
        return;
    uint8_t body[BODY_MAX];
    uint8_t expected[BODY_MAX];
    int len = m->port.get(m->port.ctx, row->row, body, sizeof(body));
    if (len < 0) {
        check(m->damaged || (!row->there && len == -ENOENT), "a row is missing");
        return;
    }
    /* What was dropped can come back from a damaged file. */
    check(row->there || m->damaged, "a row is there that was dropped");
    fill(row->seed, expected, row->len);
    check(len == row->len && memcmp(body, expected, row->len) == 0, "a row is wrong");
}

struct listing {
    struct machine *m;
    size_t count;
    uint64_t last;
};

static void note_row(void *arg, const struct sl_stored *meta)
{
    struct listing *l = arg;
    check(meta->row > l->last, "rows are out of order");
    l->last = meta->row;
    l->count++;
    for (size_t i = 0; i < l->m->row_count; i++) {
        const struct model_row *row = &l->m->rows[i];
        if (row->row != meta->row)
            continue;
        check(meta->created == i && meta->len == row->len, "a listed row is wrong");
        check(meta->relayed == row->relayed || (l->m->damaged && !meta->relayed),
              "a row is not as relayed as it was");
        return;
    }
    check(false, "a row is listed that was never put");
}

static void list_rows(struct machine *m)
{
    struct listing l = {.m = m};
    int error = m->port.each(m->port.ctx, note_row, &l);
    size_t expected = 0;
    for (size_t i = 0; i < m->row_count; i++)
        expected += m->rows[i].there && m->rows[i].row != 0;
    check(m->damaged || (error == 0 && l.count == expected), "a listing is not complete");
}

static void name_record(unsigned owner, unsigned key, uint8_t ret_owner[SL_VAULT_ID_LEN],
                        uint8_t ret_key[SL_VAULT_ID_LEN])
{
    memset(ret_owner, (int)owner + 1, SL_VAULT_ID_LEN);
    memset(ret_key, (int)key + 1, SL_VAULT_ID_LEN);
}

static void put_record(struct machine *m, struct sl_reader *r, unsigned owner, unsigned key)
{
    uint8_t o[SL_VAULT_ID_LEN];
    uint8_t k[SL_VAULT_ID_LEN];
    static uint8_t bytes[RECORD_MAX];
    struct model_record *record = &m->records[owner][key];
    record->there = true;
    record->seed = sl_read_u8(r);
    record->len = sl_read_u16(r) % (RECORD_MAX + 1);
    name_record(owner, key, o, k);
    fill(record->seed, bytes, record->len);
    (void)m->vault.put(m->vault.ctx, o, 1, k, bytes, record->len, record->seed % 3 == 0);
}

static void check_record(struct machine *m, unsigned owner, unsigned key)
{
    uint8_t o[SL_VAULT_ID_LEN];
    uint8_t k[SL_VAULT_ID_LEN];
    static uint8_t bytes[RECORD_MAX];
    static uint8_t expected[RECORD_MAX];
    const struct model_record *record = &m->records[owner][key];
    name_record(owner, key, o, k);
    int len = m->vault.get(m->vault.ctx, o, 1, k, bytes, sizeof(bytes));
    if (m->damaged) /* an older one may have come back */
        return;
    check(record->there == (len >= 0), "a record is missing, or should be");
    fill(record->seed, expected, record->len);
    check(len < 0 || (len == record->len && memcmp(bytes, expected, record->len) == 0),
          "a record is wrong");
}

static void drop_record(struct machine *m, unsigned owner, unsigned key)
{
    uint8_t o[SL_VAULT_ID_LEN];
    uint8_t k[SL_VAULT_ID_LEN];
    name_record(owner, key, o, k);
    m->vault.drop(m->vault.ctx, o, 1, k);
    m->records[owner][key].there = false;
}

static void drop_owner(struct machine *m, unsigned owner)
{
    uint8_t o[SL_VAULT_ID_LEN];
    uint8_t k[SL_VAULT_ID_LEN];
    name_record(owner, 0, o, k);
    m->vault.drop_owner(m->vault.ctx, o);
    memset(m->records[owner], 0, sizeof(m->records[owner]));
}

static void restart(struct machine *m)
{
    limit_files(RLIM_INFINITY); /* else what is in memory is lost, as it says */
    sl_store_close(m->store);
    open_store(m);
}

/* Writes bytes of the script over the file, between two runs. */
static void damage(struct machine *m, struct sl_reader *r)
{
    limit_files(RLIM_INFINITY);
    sl_store_close(m->store);
    int fd = open(m->path, O_RDWR);
    struct stat st;
    check(fd >= 0 && fstat(fd, &st) == 0, "the file is gone");
    uint32_t at = sl_read_u32(r) % ((uint32_t)st.st_size + 1);
    size_t count = sl_read_u8(r) % 32;
    const uint8_t *over = sl_read_slice(r, count);
    if (over)
        check(pwrite(fd, over, count, at) == (ssize_t)count, "the file was not written");
    else
        check(ftruncate(fd, at) == 0, "the file was not cut");
    close(fd);
    m->damaged = true;
    open_store(m);
}

static void step(struct machine *m, struct sl_reader *r)
{
    uint8_t what = sl_read_u8(r);
    uint8_t which = sl_read_u8(r);
    struct model_row *row = m->row_count ? &m->rows[which % m->row_count] : NULL;
    unsigned owner = which % OWNERS;
    unsigned key = which / OWNERS % KEYS;
    switch (what % 16) {
    case 0:
    case 1:
    case 2:
        add_row(m, r);
        break;
    case 3:
        if (row && row->row) {
            m->port.drop(m->port.ctx, row->row);
            row->there = false;
        }
        break;
    case 4:
        if (row && row->row) {
            m->port.set_relayed(m->port.ctx, row->row);
            row->relayed = true;
        }
        break;
    case 5:
        list_rows(m);
        break;
    case 6:
    case 7:
        put_record(m, r, owner, key);
        break;
    case 8:
        drop_record(m, owner, key);
        break;
    case 9:
        drop_owner(m, owner);
        break;
    case 10:
        m->now += (sl_time)which * SL_SECOND / 2;
        sl_store_tick(m->store, m->now, 0);
        break;
    case 11:
        m->now = sl_store_deadline(m->store);
        sl_store_tick(m->store, m->now, 0);
        break;
    case 12:
        limit_files((rlim_t)which * 1024);
        break;
    case 13:
        limit_files(RLIM_INFINITY);
        break;
    case 14:
        restart(m);
        break;
    case 15:
        if (which % 4 == 0)
            damage(m, r);
        break;
    }
    if (row)
        check_row(m, row);
    check_record(m, owner, key);
}

static void clean_up(struct machine *m)
{
    static const char *const tails[] = {
        "",           "-wal",           ".damaged-1",     ".damaged-2",
        ".damaged-3", ".damaged-1-wal", ".damaged-2-wal", ".damaged-3-wal"};
    char path[128];
    for (size_t i = 0; i < SL_ARRAY_LEN(tails); i++) {
        snprintf(path, sizeof(path), "%s%s", m->path, tails[i]);
        (void)unlink(path);
    }
    check(rmdir(m->folder) == 0, "the store left a file behind");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct machine m;
    memset(&m, 0, sizeof(m));
    signal(SIGXFSZ, SIG_IGN);
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(m.folder, sizeof(m.folder), "%s/fuzz-store-XXXXXX", base);
    check(mkdtemp(m.folder) != NULL, "no folder could be made");
    snprintf(m.path, sizeof(m.path), "%s/s", m.folder);
    open_store(&m);
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    for (int i = 0; i < STEPS_MAX && sl_read_left(&r) > 0; i++)
        step(&m, &r);
    restart(&m);
    for (size_t i = 0; i < m.row_count; i++)
        check_row(&m, &m.rows[i]);
    list_rows(&m);
    for (unsigned i = 0; i < OWNERS * KEYS; i++)
        check_record(&m, i % OWNERS, i / OWNERS);
    sl_store_close(m.store);
    clean_up(&m);
    return 0;
}
