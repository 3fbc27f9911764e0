/* A store in a folder of its own, for the tests of the store: envelopes and records that are known
 * by a number, and the lines that the log was told. */
#ifndef SL_TESTS_STORE_FIXTURE_H
#define SL_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FIXTURE_BODY_MAX = SL_ENVELOPE_MAX,
    FIXTURE_OWNERS = 3,
};

struct fixture {
    char folder[64];
    char path[96];
    unsigned line_count;
    char line[8192]; /* the last */
    struct sl_store_config config;
    struct sl_store *store;
    struct sl_store_port port;
    struct sl_vault_port vault;
};

static inline void fixture_report(void *arg, const char *line)
{
    struct fixture *f = arg;
    f->line_count++;
    snprintf(f->line, sizeof(f->line), "%s", line);
}

static inline void fixture_configure(struct fixture *f)
{
    snprintf(f->path, sizeof(f->path), "%s/store.db", f->folder);
    f->config = (struct sl_store_config){
        .path = f->path,
        .bytes_max = SL_STORE_BYTES_DEFAULT,
        .memory_bytes_max = (uint64_t)4 << 20,
        .report = fixture_report,
        .report_arg = f,
    };
}

static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    const char *base = getenv("TMPDIR");
    if (!base) /* memory if there is: nothing here needs more than to survive a kill */
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(f->folder, sizeof(f->folder), "%.32s/starling-store-XXXXXX", base);
    assert_non_null(mkdtemp(f->folder));
    fixture_configure(f);
}

static inline int fixture_try_open(struct fixture *f)
{
    int r = sl_store_open(&f->config, &f->store);
    if (r < 0) {
        f->store = NULL;
        return r;
    }
    sl_store_port(f->store, &f->port);
    sl_store_vault(f->store, &f->vault);
    return 0;
}

static inline void fixture_open(struct fixture *f)
{
    assert_int_equal(fixture_try_open(f), 0);
}

static inline void fixture_close(struct fixture *f)
{
    sl_store_close(f->store);
    f->store = NULL;
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

/* Calls back with the full name of each file in the folder; returns how many there are. */
static inline size_t fixture_files(const struct fixture *f, void (*found)(const char *path))
{
    DIR *folder = opendir(f->folder);
    assert_non_null(folder);
    size_t count = 0;
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", f->folder, entry->d_name);
        if (found)
            found(path);
        count++;
    }
    closedir(folder);
    return count;
}

static inline void fixture_remove_file(const char *path)
{
    if (unlink(path) < 0)
        (void)rmdir(path);
}

static inline void fixture_done(struct fixture *f)
{
    fixture_close(f);
    (void)fixture_files(f, fixture_remove_file);
    (void)rmdir(f->folder);
}

/* ---- Envelope number n ---- */

static inline void fixture_body(uint64_t n, uint8_t *ret_bytes, size_t len)
{
    struct sl_prng prng;
    sl_prng_init(&prng, n);
    sl_prng_bytes(&prng, ret_bytes, len);
}

static inline struct sl_stored fixture_meta(uint64_t n, size_t len)
{
    struct sl_stored meta = {
        .kind = (uint8_t)(1 + n % 6),
        .hops = (uint8_t)(n % 64),
        .local = n % 3 == 0,
        .relayed = n % 7 == 0,
        .len = (uint16_t)len,
        .created = UINT64_C(1750000000000000) + n,
        .lifetime = (uint32_t)(1 + n % 604800),
        .born = (sl_time)(n % 1000),
    };
    fixture_body(n ^ 0x1d, meta.id, SL_ID_LEN);
    fixture_body(n % 5, meta.origin, SL_ORIGIN_LEN);
    return meta;
}

/* Envelope n has this length: from 1 to the largest. */
static inline size_t fixture_len(uint64_t n)
{
    return 1 + (size_t)(n * 7919 % FIXTURE_BODY_MAX);
}

static inline int fixture_try_put(struct fixture *f, uint64_t n, bool sync, uint64_t *ret_row)
{
    uint8_t body[FIXTURE_BODY_MAX];
    size_t len = fixture_len(n);
    struct sl_stored meta = fixture_meta(n, len);
    fixture_body(n, body, len);
    return f->port.put(f->port.ctx, &meta, body, sync, ret_row);
}

static inline uint64_t fixture_put(struct fixture *f, uint64_t n, bool sync)
{
    uint64_t row = 0;
    assert_int_equal(fixture_try_put(f, n, sync, &row), 0);
    return row;
}

static inline bool fixture_holds(struct fixture *f, uint64_t n, uint64_t row)
{
    uint8_t body[FIXTURE_BODY_MAX];
    uint8_t expected[FIXTURE_BODY_MAX];
    size_t len = fixture_len(n);
    fixture_body(n, expected, len);
    int r = f->port.get(f->port.ctx, row, body, sizeof(body));
    return r == (int)len && memcmp(body, expected, len) == 0;
}

/* The number of an envelope, from what the store says of it. */
static inline uint64_t fixture_number(const struct sl_stored *meta)
{
    return meta->created - UINT64_C(1750000000000000);
}

static inline bool fixture_same_meta(const struct sl_stored *a, const struct sl_stored *b)
{
    return memcmp(a->id, b->id, SL_ID_LEN) == 0 &&
           memcmp(a->origin, b->origin, SL_ORIGIN_LEN) == 0 && a->kind == b->kind &&
           a->hops == b->hops && a->local == b->local && a->relayed == b->relayed &&
           a->len == b->len && a->created == b->created && a->lifetime == b->lifetime &&
           a->born == b->born;
}

/* What each() tells: rows and numbers in order; checks the fields that never change. */
struct fixture_list {
    size_t count, cap;
    uint64_t *rows;
    uint64_t *numbers;
    bool *relayed;
    bool whole; /* all as they were put */
};

static inline void fixture_listed(void *arg, const struct sl_stored *meta)
{
    struct fixture_list *list = arg;
    if (list->count == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 64;
        list->rows = reallocarray(list->rows, list->cap, sizeof(*list->rows));
        list->numbers = reallocarray(list->numbers, list->cap, sizeof(*list->numbers));
        list->relayed = reallocarray(list->relayed, list->cap, sizeof(*list->relayed));
        assert_true(list->rows && list->numbers && list->relayed);
    }
    uint64_t n = fixture_number(meta);
    struct sl_stored expected = fixture_meta(n, fixture_len(n));
    expected.relayed = meta->relayed;
    list->whole = list->whole && fixture_same_meta(&expected, meta);
    list->rows[list->count] = meta->row;
    list->numbers[list->count] = n;
    list->relayed[list->count] = meta->relayed;
    list->count++;
}

static inline int fixture_list(struct fixture *f, struct fixture_list *ret_list)
{
    *ret_list = (struct fixture_list){.whole = true};
    return f->port.each(f->port.ctx, fixture_listed, ret_list);
}

static inline void fixture_list_done(struct fixture_list *list)
{
    free(list->rows);
    free(list->numbers);
    free(list->relayed);
    *list = (struct fixture_list){0};
}

/* ---- Record number n of owner o: kind 1, bytes that depend on a version too ---- */

static inline void fixture_name(uint64_t o, uint64_t n, uint8_t ret_owner[SL_VAULT_ID_LEN],
                                uint8_t ret_key[SL_VAULT_ID_LEN])
{
    fixture_body(1000 + o, ret_owner, SL_VAULT_ID_LEN);
    memset(ret_key, 0, SL_VAULT_ID_LEN);
    memcpy(ret_key, &n, sizeof(n));
}

/* From 0 bytes to several pages. */
static inline size_t fixture_record_len(uint64_t n)
{
    return n % 5 == 4 ? (size_t)(n * 977 % 10000) : (size_t)(n * 31 % 700);
}

static inline int fixture_try_vault_put(struct fixture *f, uint64_t o, uint64_t n, uint64_t version,
                                        bool sync)
{
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN];
    uint8_t bytes[10000];
    size_t len = fixture_record_len(n + version);
    fixture_name(o, n, owner, key);
    fixture_body(o << 48 ^ n << 16 ^ version, bytes, len);
    return f->vault.put(f->vault.ctx, owner, 1, key, bytes, len, sync);
}

static inline void fixture_vault_put(struct fixture *f, uint64_t o, uint64_t n, uint64_t version,
                                     bool sync)
{
    assert_int_equal(fixture_try_vault_put(f, o, n, version, sync), 0);
}

static inline int fixture_vault_len(struct fixture *f, uint64_t o, uint64_t n)
{
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN];
    uint8_t bytes[10000];
    fixture_name(o, n, owner, key);
    return f->vault.get(f->vault.ctx, owner, 1, key, bytes, sizeof(bytes));
}

static inline bool fixture_vault_holds(struct fixture *f, uint64_t o, uint64_t n, uint64_t version)
{
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN];
    uint8_t bytes[10000];
    uint8_t expected[10000];
    size_t len = fixture_record_len(n + version);
    fixture_name(o, n, owner, key);
    fixture_body(o << 48 ^ n << 16 ^ version, expected, len);
    int r = f->vault.get(f->vault.ctx, owner, 1, key, bytes, sizeof(bytes));
    return r == (int)len && memcmp(bytes, expected, len) == 0;
}

static inline void fixture_vault_drop(struct fixture *f, uint64_t o, uint64_t n)
{
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN];
    fixture_name(o, n, owner, key);
    f->vault.drop(f->vault.ctx, owner, 1, key);
}

static inline void fixture_vault_drop_owner(struct fixture *f, uint64_t o)
{
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN];
    fixture_name(o, 0, owner, key);
    f->vault.drop_owner(f->vault.ctx, owner);
}

/* ---- Files ---- */

/* The whole file, with room for one more byte; free() it. NULL if there is none. */
static inline uint8_t *fixture_read_file(const char *path, size_t *ret_len)
{
    struct stat st;
    *ret_len = 0;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return NULL;
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *ret_len = (size_t)st.st_size;
    return bytes;
}

static inline void fixture_write_file(const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

#endif
