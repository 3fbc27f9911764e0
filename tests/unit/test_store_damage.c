/* Stores that were truncated, overwritten or had bits flipped: opening succeeds, what is whole is
 * there, what is not whole is not shown. A failing case prints its seed. */
#include "store_fixture.h"

#include "store/schema.h"

#include <signal.h>
#include <sys/wait.h>

enum {
    ENVELOPES = 300,
    RECORDS = 60, /* of each owner */
    /* What a page holds at most of either: the most that one damaged page may cost. */
    ENVELOPES_A_PAGE = 12,
    RECORDS_A_PAGE = 25,
    /* The last so many of each were put after the log was last moved into the file. */
    IN_LOG = 100,
};

struct image {
    uint8_t *file, *log;
    size_t file_len, log_len;
};

static struct image closed; /* a store that was closed: no log */
static struct image pulled; /* a store of which the plug was pulled */

static void put_all(struct fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        fixture_put(f, n, n % 4 == 0);
        if (n % 5 == 0)
            fixture_vault_put(f, n % 2, n / 5, 0, false);
    }
    fixture_put(f, to, true);
}

static struct image take_image(const struct fixture *f)
{
    struct image image;
    char log_path[128];
    snprintf(log_path, sizeof(log_path), "%s-wal", f->path);
    image.file = fixture_read_file(f->path, &image.file_len);
    image.log = fixture_read_file(log_path, &image.log_len);
    return image;
}

static int make_images(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    sl_store_tick(f.store, SL_HOUR, 777);
    put_all(&f, 0, ENVELOPES - IN_LOG - 1);
    fixture_reopen(&f);
    put_all(&f, ENVELOPES - IN_LOG, ENVELOPES - 1);
    pulled = take_image(&f);
    fixture_close(&f);
    closed = take_image(&f);
    fixture_done(&f);
    return 0;
}

static int free_images(void **state)
{
    (void)state;
    free(closed.file);
    free(closed.log);
    free(pulled.file);
    free(pulled.log);
    return 0;
}

struct found {
    size_t envelopes;
    size_t in_file; /* of them, those that were not in the log */
    size_t records;
    size_t lines;
};

static struct image copy_image(const struct image *from)
{
    struct image copy = *from;
    copy.file = malloc(from->file_len);
    copy.log = malloc(from->log_len + 1);
    assert_true(copy.file && copy.log);
    memcpy(copy.file, from->file, from->file_len);
    if (from->log_len > 0)
        memcpy(copy.log, from->log, from->log_len);
    return copy;
}

static void write_image(const struct fixture *f, const struct image *image)
{
    char log_path[128];
    snprintf(log_path, sizeof(log_path), "%s-wal", f->path);
    fixture_write_file(f->path, image->file, image->file_len);
    if (image->log_len > 0)
        fixture_write_file(log_path, image->log, image->log_len);
}

static void free_image(struct image *image)
{
    free(image->file);
    free(image->log);
}

static bool was_relayed(uint64_t n)
{
    return n % 7 == 0;
}

/* Counts what is there; whatever is told must be as it was put. */
static struct found count_whole(struct fixture *f)
{
    struct found found = {0};
    struct fixture_list list;
    assert_int_equal(fixture_list(f, &list), 0);
    assert_true(list.whole);
    for (size_t i = 0; i < list.count; i++) {
        uint64_t n = list.numbers[i];
        assert_true(n < ENVELOPES);
        assert_true(!list.relayed[i] || was_relayed(n));
        assert_true(fixture_holds(f, n, list.rows[i]));
        found.envelopes++;
        found.in_file += n < ENVELOPES - IN_LOG;
    }
    fixture_list_done(&list);
    for (uint64_t n = 0; n < ENVELOPES; n += 5) {
        int len = fixture_vault_len(f, n % 2, n / 5);
        assert_true(len >= 0 || len == -ENOENT || len == -EIO);
        if (len >= 0)
            assert_true(fixture_vault_holds(f, n % 2, n / 5, 0));
        found.records += len >= 0;
    }
    found.lines = f->line_count;
    return found;
}

/* Opens a damaged image, looks, writes, and looks again. */
static struct found open_image(const struct image *image)
{
    struct fixture f;
    fixture_init(&f);
    write_image(&f, image);
    fixture_open(&f);
    if (sl_store_error(f.store) != 0)
        fail_msg("%s", f.line);
    struct found found = count_whole(&f);
    assert_in_range(found.lines, 0, 2); /* the file, and single rows */
    assert_true(sl_store_life(f.store) <= SL_HOUR);
    uint64_t row = fixture_put(&f, 5000, true);
    f.port.drop(f.port.ctx, row);
    f.line_count = 0;
    fixture_reopen(&f);
    assert_int_equal(f.line_count, 0); /* healed for good */
    struct found again = count_whole(&f);
    assert_int_equal(again.envelopes, found.envelopes);
    assert_int_equal(again.records, found.records);
    fixture_done(&f);
    return found;
}

/* ---- At random ---- */

static void flip_bit(uint8_t *bytes, size_t len, struct sl_prng *prng)
{
    bytes[sl_prng_below(prng, len)] ^= (uint8_t)(1 << sl_prng_below(prng, 8));
}

/* A sector that was lost: zeros, or something else. */
static void spoil_sector(uint8_t *bytes, size_t len, struct sl_prng *prng)
{
    uint8_t *sector = &bytes[sl_prng_below(prng, len / 512) * 512];
    memset(sector, 0, 512);
    if (sl_prng_below(prng, 2))
        sl_prng_bytes(prng, sector, 512);
}

struct tally {
    size_t cases, repaired, envelopes_lost, envelopes_lost_max, records_lost_max;
};

static void add(struct tally *t, const struct found *found)
{
    size_t envelopes = ENVELOPES - found->envelopes;
    size_t records = RECORDS - found->records;
    t->cases++;
    t->repaired += found->lines > 0;
    t->envelopes_lost += envelopes;
    if (envelopes > t->envelopes_lost_max)
        t->envelopes_lost_max = envelopes;
    if (records > t->records_lost_max)
        t->records_lost_max = records;
}

static void print_tally(const char *what, const struct tally *t)
{
    print_message("%s: %zu cases, %zu noticed, on average %.1f of %d envelopes lost, at most %zu; "
                  "at most %zu of %d records\n",
                  what, t->cases, t->repaired, (double)t->envelopes_lost / (double)t->cases,
                  ENVELOPES, t->envelopes_lost_max, t->records_lost_max, RECORDS);
}

static void run_seeds(const char *what, const struct image *from, uint64_t seeds,
                      void (*damage)(struct image *image, struct sl_prng *prng), struct tally *ret)
{
    *ret = (struct tally){0};
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct sl_prng prng;
        sl_prng_init(&prng, seed);
        struct image image = copy_image(from);
        damage(&image, &prng);
        char line[64];
        snprintf(line, sizeof(line), "%s, seed %llu\n", what, (unsigned long long)seed);
        if (getenv("SL_VERBOSE"))
            print_message("%s", line);
        struct found found = open_image(&image);
        add(ret, &found);
        free_image(&image);
    }
    print_tally(what, ret);
}

static void flip_in_file(struct image *image, struct sl_prng *prng)
{
    flip_bit(image->file, image->file_len, prng);
}

static void spoil_in_file(struct image *image, struct sl_prng *prng)
{
    spoil_sector(image->file, image->file_len, prng);
}

static void cut_file(struct image *image, struct sl_prng *prng)
{
    image->file_len = (size_t)sl_prng_below(prng, image->file_len);
}

static void flip_in_log(struct image *image, struct sl_prng *prng)
{
    flip_bit(image->log, image->log_len, prng);
}

static void cut_log(struct image *image, struct sl_prng *prng)
{
    image->log_len = (size_t)sl_prng_below(prng, image->log_len);
}

static void ruin_both(struct image *image, struct sl_prng *prng)
{
    for (int i = 0; i < 20; i++) {
        flip_bit(image->file, image->file_len, prng);
        spoil_sector(image->log, image->log_len, prng);
    }
    if (sl_prng_below(prng, 2))
        cut_file(image, prng);
    if (sl_prng_below(prng, 2))
        cut_log(image, prng);
}

static void flipped_bit_costs_a_page_at_most(void **state)
{
    (void)state;
    struct tally t;
    run_seeds("bit flipped in file", &closed, 300, flip_in_file, &t);
    assert_in_range(t.envelopes_lost_max, 1, ENVELOPES_A_PAGE);
    assert_in_range(t.records_lost_max, 1, RECORDS_A_PAGE);
    assert_in_range(t.repaired, 200, 300);
    run_seeds("bit flipped in file with log", &pulled, 100, flip_in_file, &t);
    assert_in_range(t.envelopes_lost_max, 1, ENVELOPES_A_PAGE);
    assert_in_range(t.records_lost_max, 1, RECORDS_A_PAGE);
}

static void spoiled_sector_costs_a_page_at_most(void **state)
{
    (void)state;
    struct tally t;
    run_seeds("sector lost", &closed, 100, spoil_in_file, &t);
    assert_in_range(t.envelopes_lost_max, 1, ENVELOPES_A_PAGE);
    assert_in_range(t.records_lost_max, 1, RECORDS_A_PAGE);
}

/* Half of the file at random is there after a cut at random: so are half of the rows. */
static void cut_file_keeps_what_is_left(void **state)
{
    (void)state;
    struct tally t;
    run_seeds("file cut", &closed, 100, cut_file, &t);
    assert_true(t.envelopes_lost < t.cases * ENVELOPES * 6 / 10);
    run_seeds("file cut with log", &pulled, 60, cut_file, &t);
    assert_true(t.envelopes_lost < t.cases * ENVELOPES * 6 / 10);
}

/* A flipped bit ends the log for SQLite: what comes after it must not be lost. A log that is cut
 * costs what it held, and nothing of what was moved into the file before. */
static void damaged_log_costs_only_what_is_in_it(void **state)
{
    (void)state;
    struct tally t;
    run_seeds("bit flipped in log", &pulled, 150, flip_in_log, &t);
    assert_in_range(t.envelopes_lost_max, 1, ENVELOPES_A_PAGE);
    run_seeds("log cut", &pulled, 100, cut_log, &t);
    assert_in_range(t.envelopes_lost_max, 1, IN_LOG);
}

static void ruins_open_too(void **state)
{
    (void)state;
    struct tally t;
    run_seeds("ruined", &pulled, 100, ruin_both, &t);
    assert_true(t.envelopes_lost > 0);
}

/* ---- One by one ---- */

/* Nothing in the header is needed: every bit of it may flip. */
static void header_bits(const struct image *from, size_t step)
{
    for (size_t at = 0; at < 100; at++) {
        for (size_t bit = at % step; bit < 8; bit += step) {
            struct image image = copy_image(from);
            image.file[at] ^= (uint8_t)(1 << bit);
            struct found found = open_image(&image);
            if (found.envelopes != ENVELOPES || found.records != RECORDS)
                fail_msg("byte %zu bit %zu: %zu envelopes, %zu records", at, bit, found.envelopes,
                         found.records);
            free_image(&image);
        }
    }
}

static void every_bit_of_the_header(void **state)
{
    (void)state;
    header_bits(&closed, 1);
}

static void a_bit_of_each_byte_of_the_header_with_log(void **state)
{
    (void)state;
    header_bits(&pulled, 8);
}

/* The clocks stand in a row of their own. Without it time goes on from the newest envelope. */
static void lost_clocks_are_guessed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    write_image(&f, &closed);
    fixture_open(&f);
    assert_int_equal(sl_store_life(f.store), SL_HOUR);
    assert_int_equal(sl_store_unix(f.store), 777);
    fixture_close(&f);
    struct image image = copy_image(&closed);
    uint8_t life[8];
    for (size_t i = 0; i < 8; i++)
        life[i] = (uint8_t)((uint64_t)SL_HOUR >> (8 * (7 - i)));
    uint8_t *at = memmem(image.file, image.file_len, &life[2], 6);
    assert_non_null(at);
    at[5] ^= 1;
    write_image(&f, &image);
    fixture_open(&f);
    assert_int_equal(sl_store_life(f.store), ENVELOPES - 1); /* born: fixture_meta() */
    struct found found = count_whole(&f);
    assert_int_equal(found.envelopes, ENVELOPES);
    free_image(&image);
    fixture_done(&f);
}

static unsigned damaged_files;

static void count_damaged(const char *path)
{
    damaged_files += strstr(path, ".damaged-") != NULL;
}

/* What holds nothing of ours is kept, but not without end. */
static void foreign_files_are_set_aside(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const size_t lens[] = {1, 100, 511, 4096, 100000};
    for (size_t i = 0; i < SL_ARRAY_LEN(lens); i++) {
        uint8_t *bytes = malloc(lens[i]);
        assert_non_null(bytes);
        fixture_body(i, bytes, lens[i]);
        fixture_write_file(f.path, bytes, lens[i]);
        free(bytes);
        f.line_count = 0;
        fixture_open(&f);
        assert_int_equal(f.line_count, 1);
        assert_non_null(strstr(f.line, ".damaged-"));
        fixture_put(&f, 1, true);
        fixture_close(&f);
        damaged_files = 0;
        (void)fixture_files(&f, count_damaged);
        assert_int_equal(damaged_files, i < 3 ? i + 1 : 3);
    }
    char path[128];
    snprintf(path, sizeof(path), "%s.damaged-3", f.path);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 100000); /* the newest has the highest number */
    fixture_done(&f);
}

/* A log whose file vanished is not thrown away. */
static void log_without_file_is_read(void **state)
{
    (void)state;
    struct image image = copy_image(&pulled);
    image.file_len = 0;
    struct found found = open_image(&image);
    assert_in_range(found.envelopes, IN_LOG, ENVELOPES);
    assert_int_equal(found.lines, 1);
    free_image(&image);
}

/* Damage that shows while the store is open: told once, repaired within a minute or two, and what
 * came in meanwhile is kept. */
static void damage_at_run_time_is_repaired(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    enum {
        MANY = 6000, /* several times what SQLite keeps in memory */
    };
    for (uint64_t n = 0; n < MANY; n++)
        fixture_put(&f, n, false);
    fixture_reopen(&f);
    int fd = open(f.path, O_RDWR);
    uint8_t page[SL_SCHEMA_PAGE_SIZE];
    for (off_t at = 0; at < 200; at++) { /* pages of the middle, rows first */
        memset(page, 0x5a, sizeof(page));
        assert_int_equal(pwrite(fd, page, sizeof(page), (400 + at) * SL_SCHEMA_PAGE_SIZE),
                         sizeof(page));
    }
    for (uint64_t row = 1; row <= MANY; row++) {
        uint8_t bytes[SL_ENVELOPE_MAX];
        int r = f.port.get(f.port.ctx, row, bytes, sizeof(bytes));
        assert_true(r >= 0 || r == -EIO || r == -EBADMSG);
    }
    assert_int_equal(sl_store_error(f.store), -EIO);
    assert_int_equal(f.line_count, 1);
    uint64_t row;
    assert_int_equal(fixture_try_put(&f, 70000, true, &row), -EIO);
    assert_true(fixture_holds(&f, 70000, row));
    sl_store_tick(f.store, sl_store_deadline(f.store), 0);
    assert_int_equal(sl_store_error(f.store), 0);
    assert_int_equal(f.line_count, 3); /* what was repaired, and that it goes on */
    assert_true(fixture_holds(&f, 70000, row));
    assert_true(fixture_holds(&f, 10, 11));
    fixture_reopen(&f);
    struct fixture_list list;
    assert_int_equal(fixture_list(&f, &list), 0);
    assert_in_range(list.count, MANY * 7 / 10, MANY - 100);
    fixture_list_done(&list);
    close(fd);
    fixture_done(&f);
}

/* The repair itself may be cut short at any moment. */
static void repair_survives_kill(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        struct image image = copy_image(&pulled);
        image.file[SL_SCHEMA_PAGE_SIZE * 3 + 3] ^= 0xff; /* how many rows a page has */
        struct fixture f;
        fixture_init(&f);
        write_image(&f, &image);
        pid_t child = fork();
        if (child == 0) {
            (void)fixture_try_open(&f);
            _exit(0);
        }
        usleep(i * 300);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        fixture_open(&f);
        struct found found = count_whole(&f);
        assert_in_range(found.envelopes, ENVELOPES - ENVELOPES_A_PAGE, ENVELOPES);
        assert_in_range(found.records, RECORDS - RECORDS_A_PAGE, RECORDS);
        fixture_close(&f);
        assert_int_equal(fixture_files(&f, NULL), 1);
        free_image(&image);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flipped_bit_costs_a_page_at_most),
        cmocka_unit_test(spoiled_sector_costs_a_page_at_most),
        cmocka_unit_test(cut_file_keeps_what_is_left),
        cmocka_unit_test(damaged_log_costs_only_what_is_in_it),
        cmocka_unit_test(ruins_open_too),
        cmocka_unit_test(every_bit_of_the_header),
        cmocka_unit_test(a_bit_of_each_byte_of_the_header_with_log),
        cmocka_unit_test(lost_clocks_are_guessed),
        cmocka_unit_test(foreign_files_are_set_aside),
        cmocka_unit_test(log_without_file_is_read),
        cmocka_unit_test(damage_at_run_time_is_repaired),
        cmocka_unit_test(repair_survives_kill),
    };
    return cmocka_run_group_tests(tests, make_images, free_images);
}
