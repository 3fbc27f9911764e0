#include "pool.h"
#include "suite.h"

#include "commit.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FRESH_RUNS = 8, CHECKS_MAX = 200 };

/* ---- What is checked ---- */

static const struct {
    int nodes;
    enum sl_crowd_field field;
    enum sl_crowd_attack attack;
    bool churn;
    unsigned duplicate_permille;
    sl_time reorder_max;
} fields[] = {
    {10, SL_CROWD_STANDING, SL_CROWD_PEACE, false, 0, 0},
    {30, SL_CROWD_STANDING, SL_CROWD_PEACE, false, 0, 0},
    {100, SL_CROWD_MARCHING, SL_CROWD_PEACE, false, 0, 0},
    {40, SL_CROWD_COURIER, SL_CROWD_PEACE, false, 0, 0},
    {60, SL_CROWD_BUILDING, SL_CROWD_PEACE, false, 0, 0},
    {60, SL_CROWD_GATHERING, SL_CROWD_PEACE, false, 0, 0},
    {40, SL_CROWD_RING, SL_CROWD_PEACE, false, 0, 0},
    {40, SL_CROWD_LINE, SL_CROWD_PEACE, false, 0, 0},
    {60, SL_CROWD_STANDING, SL_CROWD_PEACE, true, 0, 0},
    {30, SL_CROWD_STANDING, SL_CROWD_PEACE, false, 100, 20 * SL_MILLISECOND},
    {40, SL_CROWD_STANDING, SL_CROWD_GARBAGE, false, 0, 0},
    {40, SL_CROWD_STANDING, SL_CROWD_FLOODER, false, 0, 0},
};

static int check_field(unsigned which, uint64_t seed)
{
    struct sl_crowd_config config;
    struct sl_crowd_result result;
    sl_crowd_config_init(&config);
    config.seed = seed;
    config.node_count = fields[which].nodes;
    config.field = fields[which].field;
    config.attack = fields[which].attack;
    config.churn = fields[which].churn;
    config.duplicate_permille = fields[which].duplicate_permille;
    config.reorder_max = fields[which].reorder_max;
    if (config.field == SL_CROWD_COURIER)
        config.chat = 10 * SL_MINUTE; /* there and back */
    return !suite_judge(&config, &result);
}

static void print_costs(const struct sl_crowd_result *r, double flooding_sends)
{
    suite_print_figure(&(struct suite_figure){
        "sends against flooding", r->sends_per_message / flooding_sends, 0, 0.35, true});
    suite_print_figure(
        &(struct suite_figure){"useful receptions %", 100 * r->useful, 0, 50.2, false});
    suite_print_figure(
        &(struct suite_figure){"channel busy with control %", 100 * r->control_share, 0, 10, true});
    suite_print_figure(
        &(struct suite_figure){"crossings of a link", (double)r->crossings_max, 0, 2, true});
}

/* The same field and traffic three times: ours must bring at least as much as the others. */
static int check_modes(unsigned nodes, uint64_t seed)
{
    struct sl_crowd_result results[SL_CROWD_MODES];
    struct sl_crowd_config config;
    sl_crowd_config_init(&config);
    config.node_count = (int)nodes;
    config.seed = seed;
    int failed = !suite_judge(&config, &results[SL_CROWD_STARLING]);
    for (unsigned mode = SL_CROWD_FLOODING; mode < SL_CROWD_MODES; mode++) {
        config.mode = mode;
        sl_crowd_run(&config, &results[mode]);
        double ours = suite_percent(results[0].delivered, results[0].deliverable);
        double theirs = suite_percent(results[mode].delivered, results[mode].deliverable);
        bool ahead = ours >= theirs && suite_is_lawful(&results[mode]);
        failed += !ahead;
        printf("%s %u nodes, seed %" PRIu64 ": delivered %.3f %%, %s %.3f %%\n",
               ahead ? "ok" : "not ok", nodes, seed, ours, sl_crowd_mode_name(mode), theirs);
        printf("# channel busy %.2f %%, %s %.2f %%; sends a message %.1f, %.1f\n",
               100 * results[0].channel_busy, sl_crowd_mode_name(mode),
               100 * results[mode].channel_busy, results[0].sends_per_message,
               results[mode].sends_per_message);
    }
    print_costs(&results[SL_CROWD_STARLING], results[SL_CROWD_FLOODING].sends_per_message);
    return failed;
}

static int check_liars(unsigned nodes, uint64_t seed)
{
    struct sl_crowd_config config;
    struct sl_crowd_result result;
    sl_crowd_config_init(&config);
    config.node_count = (int)nodes;
    config.attack = SL_CROWD_LIARS;
    config.seed = seed;
    int failed = !suite_judge(&config, &result);
    suite_print_figure(&(struct suite_figure){"worst clock s", result.clock_error_max, 0, 2, true});
    printf("# clocks off by more than 2 s: %.1f %%\n", 100 * result.clock_off);
    return failed;
}

/* A crowd of some kind: which one follows from the seed. */
static int check_fresh(unsigned unused, uint64_t seed)
{
    (void)unused;
    struct sl_crowd_config config;
    struct sl_crowd_result result;
    sl_crowd_config_init(&config);
    config.seed = seed;
    config.node_count = 10 + (int)(seed * 7 % 60);
    config.field = (enum sl_crowd_field)(seed % SL_CROWD_FIELDS);
    config.attack = seed / 5 % 3 == 0 ? SL_CROWD_GARBAGE : SL_CROWD_PEACE;
    config.churn = seed / 15 % 2;
    config.duplicate_permille = seed / 30 % 2 ? 50 : 0;
    config.reorder_max = seed / 60 % 2 ? 10 * SL_MILLISECOND : 0;
    return !suite_judge(&config, &result);
}

/* ---- All of them ---- */

struct check {
    int (*run)(unsigned which, uint64_t seed); /* how many did not hold */
    unsigned which;
    uint64_t seed;
};

struct checks {
    struct check items[CHECKS_MAX];
    size_t count;
};

/* With as many seeds, from `seed` on. */
static void add(struct checks *checks, struct check check, size_t seeds)
{
    for (size_t i = 0; i < seeds && checks->count < CHECKS_MAX; i++) {
        checks->items[checks->count++] = check;
        check.seed++;
    }
}

static uint64_t fresh_seed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) % 1000000007 +
           (uint64_t)getpid();
}

static int run_check(void *arg, size_t number)
{
    const struct checks *checks = arg;
    const struct check *check = &checks->items[number];
    return check->run(check->which, check->seed);
}

/* Long ones first: then the last ones end together. */
int suite_check(void)
{
    static struct checks checks;
    uint64_t fresh = fresh_seed();
    add(&checks, (struct check){check_modes, 300, 1}, 1);
    add(&checks, (struct check){check_modes, 100, 1}, 1);
    add(&checks, (struct check){check_modes, 10, 1}, 1);
    add(&checks, (struct check){check_liars, 100, 1}, 2);
    for (unsigned i = 0; i < SL_ARRAY_LEN(fields); i++)
        add(&checks, (struct check){check_field, i, 1}, 2);
    add(&checks, (struct check){check_fresh, 0, fresh}, FRESH_RUNS);
    printf("# commit " SIM_COMMIT ", fresh seeds from %" PRIu64 "\n", fresh);
    struct pool_job job = {.run = run_check, .arg = &checks, .count = checks.count};
    return pool_run(&job, 0);
}

static int run_fresh(void *arg, size_t number)
{
    const uint64_t *seed = arg;
    return check_fresh(0, *seed + number);
}

int suite_soak(double seconds)
{
    uint64_t fresh = fresh_seed();
    printf("# commit " SIM_COMMIT ", fresh seeds from %" PRIu64 "\n", fresh);
    struct pool_job job = {.run = run_fresh, .arg = &fresh, .count = SIZE_MAX, .seconds = seconds};
    return pool_run(&job, 0);
}
