/* What was dropped from the vault is nowhere in the store's files, nor what was replaced; and a
 * disk taken after pulling the plug holds nothing else than what was put there. Row 22 of the list
 * of attacks, as far as the store goes: the chat gives it sealed records only. */
#include "store_fixture.h"

#include <sys/wait.h>

enum {
    SECRETS = 40,
    SECRET_LEN = 24,
};

static char wanted[SECRET_LEN];
static size_t hits;

static void grep(const char *path)
{
    size_t len = 0;
    uint8_t *bytes = fixture_read_file(path, &len);
    assert_non_null(bytes);
    hits += memmem(bytes, len, wanted, SECRET_LEN) != NULL;
    free(bytes);
}

/* In how many files of the folder secret number n stands. */
static size_t find_secret(const struct fixture *f, char owner, unsigned n)
{
    snprintf(wanted, sizeof(wanted), "planted secret %c %06u", owner, n);
    hits = 0;
    (void)fixture_files(f, grep);
    return hits;
}

/* Lengths from one line to several pages; the secret at the start and at the end. */
static void plant(struct fixture *f, char owner, unsigned n, unsigned key_number, bool sync)
{
    uint8_t name[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN] = {0};
    memset(name, owner, sizeof(name));
    memcpy(key, &key_number, sizeof(key_number));
    size_t len = SECRET_LEN * 2 + n % 7 * 1500;
    uint8_t *bytes = calloc(1, len);
    assert_non_null(bytes);
    char secret[SECRET_LEN];
    snprintf(secret, sizeof(secret), "planted secret %c %06u", owner, n);
    memcpy(bytes, secret, SECRET_LEN);
    memcpy(bytes + len - SECRET_LEN, secret, SECRET_LEN);
    assert_int_equal(f->vault.put(f->vault.ctx, name, 1, key, bytes, len, sync), 0);
    free(bytes);
}

static void drop_owner(struct fixture *f, char owner)
{
    uint8_t name[SL_VAULT_ID_LEN];
    memset(name, owner, sizeof(name));
    f->vault.drop_owner(f->vault.ctx, name);
}

static void drop_one(struct fixture *f, char owner, unsigned key_number)
{
    uint8_t name[SL_VAULT_ID_LEN];
    uint8_t key[SL_VAULT_ID_LEN] = {0};
    memset(name, owner, sizeof(name));
    memcpy(key, &key_number, sizeof(key_number));
    f->vault.drop(f->vault.ctx, name, 1, key);
}

/* Two owners, mixed with envelopes, some moved into the file and some in the log. */
static void plant_all(struct fixture *f)
{
    fixture_open(f);
    for (unsigned n = 0; n < SECRETS; n++) {
        plant(f, 'a', n, n, n % 4 == 0);
        plant(f, 'b', n, n, n % 5 == 0);
        fixture_put(f, n, n % 3 == 0);
        if (n == SECRETS / 2)
            fixture_reopen(f);
    }
    sl_store_tick(f->store, 1 * SL_SECOND + 1000, 0);
}

static void row_22_dropped_owner_is_erased(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    plant_all(&f);
    for (unsigned n = 0; n < SECRETS; n++)
        assert_true(find_secret(&f, 'a', n) > 0); /* the search can find */
    drop_owner(&f, 'a');
    for (unsigned n = 0; n < SECRETS; n++) { /* at once, with the store still open */
        assert_int_equal(find_secret(&f, 'a', n), 0);
        assert_true(find_secret(&f, 'b', n) > 0);
    }
    fixture_reopen(&f);
    for (unsigned n = 0; n < SECRETS; n++)
        assert_int_equal(find_secret(&f, 'a', n), 0);
    assert_int_equal(f.line_count, 0);
    fixture_done(&f);
}

/* As prekeys are: within a second of the drop. */
static void row_22_dropped_record_is_erased(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    plant_all(&f);
    for (unsigned n = 0; n < SECRETS; n += 2)
        drop_one(&f, 'a', n);
    sl_store_tick(f.store, sl_store_deadline(f.store), 0);
    for (unsigned n = 0; n < SECRETS; n++)
        assert_int_equal(find_secret(&f, 'a', n) > 0, n % 2);
    fixture_done(&f);
}

static void row_22_replaced_record_is_erased_within_a_minute(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    plant_all(&f);
    for (unsigned n = 0; n < SECRETS; n++)
        plant(&f, 'a', 1000 + n, n, n % 2);
    for (sl_time now = 2 * SL_SECOND; now < 63 * SL_SECOND; now += SL_SECOND)
        sl_store_tick(f.store, now, 0);
    for (unsigned n = 0; n < SECRETS; n++) {
        assert_int_equal(find_secret(&f, 'a', n), 0);
        assert_true(find_secret(&f, 'a', 1000 + n) > 0);
    }
    fixture_done(&f);
}

/* An envelope that was dropped is gone with the log that it was in: what expires is not kept. */
static void row_22_dropped_envelopes_are_erased(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    uint64_t rows[SECRETS];
    for (unsigned n = 0; n < SECRETS; n++) {
        snprintf(wanted, sizeof(wanted), "planted secret e %06u", n);
        struct sl_stored meta = fixture_meta(n, SECRET_LEN);
        assert_int_equal(f.port.put(f.port.ctx, &meta, (const uint8_t *)wanted, n % 2, &rows[n]),
                         0);
    }
    for (unsigned n = 0; n < SECRETS; n++)
        assert_true(find_secret(&f, 'e', n) > 0);
    for (unsigned n = 0; n < SECRETS; n++)
        f.port.drop(f.port.ctx, rows[n]);
    fixture_close(&f);
    for (unsigned n = 0; n < SECRETS; n++)
        assert_int_equal(find_secret(&f, 'e', n), 0);
    fixture_done(&f);
}

/* A migration, too, leaves nothing of what it copied and dropped: tested through the repair, which
 * makes a new file and removes the old one. */
static void row_22_repair_leaves_no_copy(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    plant_all(&f);
    fixture_close(&f);
    int fd = open(f.path, O_RDWR);
    assert_int_equal(pwrite(fd, "?", 1, 0), 1);
    close(fd);
    fixture_open(&f);
    assert_int_equal(f.line_count, 1);
    assert_true(find_secret(&f, 'a', 1) > 0);
    drop_owner(&f, 'a');
    for (unsigned n = 0; n < SECRETS; n++)
        assert_int_equal(find_secret(&f, 'a', n), 0);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_22_dropped_owner_is_erased),
        cmocka_unit_test(row_22_dropped_record_is_erased),
        cmocka_unit_test(row_22_replaced_record_is_erased_within_a_minute),
        cmocka_unit_test(row_22_dropped_envelopes_are_erased),
        cmocka_unit_test(row_22_repair_leaves_no_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
