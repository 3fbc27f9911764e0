/* kill -9 at random moments, a hundred times: what was acknowledged is there. What was not may be
 * there or not, but if it is it is whole. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

enum {
    KILLS = 100,
    LIVE_MIN = 1000,   /* envelopes that are left when the oldest are dropped */
    DROPS_UNTOLD = 16, /* more than happen between two acknowledgements */
    VAULT_NUMBERS = 50,
};

/* What the child says once a call came back. */
struct acknowledgement {
    uint64_t number; /* of the envelope; 0: none */
    uint64_t row;
    uint64_t vault_version; /* 0: nothing was put in the vault */
    uint64_t oldest;        /* envelopes before this number may be gone */
};

/* Puts until it is killed. Every eighth is synced, and the vault's every fifth. */
static void work(struct fixture *f, uint64_t first, uint64_t oldest, int pipe_fd)
{
    fixture_open(f);
    struct fixture_list list;
    if (fixture_list(f, &list) < 0)
        _exit(3);
    size_t at = 0;
    for (uint64_t n = first;; n++) {
        struct acknowledgement ack = {.oldest = oldest};
        uint64_t row = 0;
        bool sync = n % 8 == 0;
        if (fixture_try_put(f, n, sync, &row) < 0)
            _exit(4);
        if (sync) {
            ack.number = n;
            ack.row = row;
        }
        if (n % 5 == 0) {
            if (fixture_try_vault_put(f, 0, n % VAULT_NUMBERS, n, true) < 0)
                _exit(5);
            ack.vault_version = n;
        }
        if (n % 2 == 0 && at + LIVE_MIN < list.count) {
            oldest = list.numbers[at] + 1;
            f->port.drop(f->port.ctx, list.rows[at++]);
        }
        if (n % 16 == 0)
            sl_store_tick(f->store, (sl_time)n * SL_SECOND, 1);
        ack.oldest = oldest;
        if ((ack.number || ack.vault_version) && write(pipe_fd, &ack, sizeof(ack)) != sizeof(ack))
            _exit(6);
    }
}

struct ledger {
    uint64_t *rows; /* by number; 0: not acknowledged */
    size_t cap;
    uint64_t last;   /* highest number acknowledged */
    uint64_t oldest; /* numbers before may be gone */
    uint64_t vault_version[VAULT_NUMBERS];
};

static void note(struct ledger *ledger, const struct acknowledgement *ack)
{
    if (ack->number) {
        assert_true(ack->number < ledger->cap);
        ledger->rows[ack->number] = ack->row;
        ledger->last = ack->number;
    }
    if (ack->vault_version)
        ledger->vault_version[ack->vault_version % VAULT_NUMBERS] = ack->vault_version;
    ledger->oldest = ack->oldest;
}

static void run_and_kill(struct fixture *f, struct ledger *ledger, uint64_t first, useconds_t after)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        work(f, first, ledger->oldest, fds[1]);
    }
    close(fds[1]);
    /* The pipe is drained while the child works, so that it never waits for us. */
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    struct acknowledgement ack;
    for (useconds_t t = 0; t < after; t += 500) {
        usleep(500);
        while (read(fds[0], &ack, sizeof(ack)) == sizeof(ack))
            note(ledger, &ack);
    }
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    while (read(fds[0], &ack, sizeof(ack)) == sizeof(ack))
        note(ledger, &ack);
    close(fds[0]);
}

/* All acknowledged ones are there, in order and whole; the next run goes on after the highest. */
static uint64_t check(struct fixture *f, const struct ledger *ledger)
{
    fixture_open(f);
    if (f->line_count > 0)
        fail_msg("%s", f->line);
    assert_int_equal(sl_store_error(f->store), 0);
    struct fixture_list list;
    assert_int_equal(fixture_list(f, &list), 0);
    assert_true(list.whole);
    uint64_t highest = ledger->last;
    size_t at = 0;
    for (uint64_t n = ledger->oldest + DROPS_UNTOLD; n <= ledger->last; n++) {
        if (ledger->rows[n] == 0)
            continue;
        while (at < list.count && list.numbers[at] < n)
            at++;
        if (at == list.count || list.numbers[at] != n || list.rows[at] != ledger->rows[n])
            fail_msg("envelope %llu was acknowledged and is gone", (unsigned long long)n);
        assert_true(fixture_holds(f, n, list.rows[at]));
    }
    if (list.count > 0 && list.numbers[list.count - 1] > highest)
        highest = list.numbers[list.count - 1];
    fixture_list_done(&list);
    for (uint64_t v = 0; v < VAULT_NUMBERS; v++) {
        uint64_t version = ledger->vault_version[v];
        if (version == 0)
            continue;
        /* The next version may have been on its way when the kill came. */
        assert_true(fixture_vault_holds(f, 0, v, version) ||
                    fixture_vault_holds(f, 0, v, version + VAULT_NUMBERS));
    }
    fixture_close(f);
    return highest + 1;
}

static void killed_a_hundred_times(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct ledger ledger = {.cap = (size_t)4 << 20};
    ledger.rows = calloc(ledger.cap, sizeof(*ledger.rows));
    assert_non_null(ledger.rows);
    struct sl_prng prng;
    sl_prng_init(&prng, 1);
    uint64_t first = 1;
    for (int i = 0; i < KILLS; i++) {
        run_and_kill(&f, &ledger, first, (useconds_t)sl_prng_below(&prng, 40000));
        first = check(&f, &ledger);
    }
    print_message("%d kills, %llu envelopes put\n", KILLS, (unsigned long long)first);
    assert_true(first > 10 * KILLS);
    free(ledger.rows);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_a_hundred_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
