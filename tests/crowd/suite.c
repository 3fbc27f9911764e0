#include "suite.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A figure that a run is held to, and the goal it is measured against. */
struct figure {
    const char *name;
    double measured, limit, goal;
    bool at_most; /* else at least */
};

static bool is_within(const struct figure *figure, double bound)
{
    return figure->at_most ? figure->measured <= bound : figure->measured >= bound;
}

static void print_figure(const struct figure *f)
{
    printf("# %s: goal %s %g, measured %.4g", f->name, f->at_most ? "at most" : "at least", f->goal,
           f->measured);
    if (is_within(f, f->goal))
        printf(", met\n");
    else
        printf(", short by %.4g\n", f->at_most ? f->measured - f->goal : f->goal - f->measured);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 100;
}

/* What is expected of a run beside its invariants. The limits are where the mesh is today,
 * with a margin; the goals are those that the mesh is to reach. */
struct expectation {
    double delivered, timely; /* at least, percent */
    double goal_delivered;
};

static struct expectation expectation_of(const struct sl_crowd_config *c)
{
    if (c->attack == SL_CROWD_FLOODER)
        return (struct expectation){.delivered = 5, .timely = 0, .goal_delivered = 95};
    if (c->churn && c->field > SL_CROWD_MARCHING) /* no second way: what could be had is a guess */
        return (struct expectation){.delivered = 30, .timely = 30, .goal_delivered = 99.9};
    if (c->attack == SL_CROWD_GARBAGE && c->churn)
        return (struct expectation){.delivered = 70, .timely = 50, .goal_delivered = 95};
    if (c->attack == SL_CROWD_GARBAGE)
        return (struct expectation){.delivered = 95, .timely = 70, .goal_delivered = 95};
    if (c->churn)
        return (struct expectation){.delivered = 95, .timely = 80, .goal_delivered = 99.9};
    if (c->field == SL_CROWD_MARCHING || c->field == SL_CROWD_COURIER)
        return (struct expectation){.delivered = 98, .timely = 85, .goal_delivered = 99.9};
    return (struct expectation){.delivered = 99, .timely = 90, .goal_delivered = 99.9};
}

static bool is_lawful(const struct sl_crowd_result *r)
{
    return r->double_deliveries == 0 && r->forgeries == 0 && r->bound_violations == 0;
}

/* Makes one run and says how it went; whether it was as expected. */
static bool judge(const struct sl_crowd_config *config, struct sl_crowd_result *ret_result)
{
    struct expectation e = expectation_of(config);
    char command[SUITE_COMMAND_MAX];
    suite_command(config, command);
    sl_crowd_run(config, ret_result);
    const struct sl_crowd_result *r = ret_result;
    struct figure figures[] = {
        {"delivered %", share(r->delivered, r->deliverable), e.delivered, e.goal_delivered, false},
        {"in time %", share(r->timely, r->timed), e.timely, 95, false},
    };
    bool fine = is_lawful(r);
    if (r->stuck > 0)
        printf("# stuck: %" PRIu64 " not there although a connected node has it\n", r->stuck);
    for (size_t i = 0; i < SL_ARRAY_LEN(figures); i++)
        fine = fine && is_within(&figures[i], figures[i].limit);
    printf("%s %s\n", fine ? "ok" : "not ok", command);
    for (size_t i = 0; i < SL_ARRAY_LEN(figures); i++)
        print_figure(&figures[i]);
    if (!fine)
        printf("# %" PRIu64 " twice, %" PRIu64 " forged, %" PRIu64 " bounds %s\n# again: sim %s\n",
               r->double_deliveries, r->forgeries, r->bound_violations, r->violation, command);
    fflush(stdout);
    return fine;
}

static void print_costs(const struct sl_crowd_result *r, double flooding_sends)
{
    print_figure(&(struct figure){"sends against flooding", r->sends_per_message / flooding_sends,
                                  0, 0.35, true});
    print_figure(&(struct figure){"useful receptions %", 100 * r->useful, 0, 50.2, false});
    print_figure(
        &(struct figure){"channel busy with control %", 100 * r->control_share, 0, 10, true});
    print_figure(&(struct figure){"crossings of a link", (double)r->crossings_max, 0, 2, true});
}

/* ---- The fixed runs ---- */

static int check_fields(void)
{
    static const struct {
        int nodes;
        enum sl_crowd_field field;
        enum sl_crowd_attack attack;
        bool churn;
        unsigned duplicate_permille;
        sl_time reorder_max;
    } runs[] = {
        {10, SL_CROWD_STANDING, SL_CROWD_PEACE, false, 0, 0},
        {30, SL_CROWD_STANDING, SL_CROWD_PEACE, false, 0, 0},
        {100, SL_CROWD_MARCHING, SL_CROWD_PEACE, false, 0, 0},
        {40, SL_CROWD_COURIER, SL_CROWD_PEACE, false, 0, 0},
        {40, SL_CROWD_RING, SL_CROWD_PEACE, false, 0, 0},
        {40, SL_CROWD_LINE, SL_CROWD_PEACE, false, 0, 0},
        {60, SL_CROWD_STANDING, SL_CROWD_PEACE, true, 0, 0},
        {30, SL_CROWD_STANDING, SL_CROWD_PEACE, false, 100, 20 * SL_MILLISECOND},
        {40, SL_CROWD_STANDING, SL_CROWD_GARBAGE, false, 0, 0},
        {40, SL_CROWD_STANDING, SL_CROWD_FLOODER, false, 0, 0},
    };
    int failed = 0;
    for (size_t i = 0; i < SL_ARRAY_LEN(runs); i++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct sl_crowd_config config;
            struct sl_crowd_result result;
            sl_crowd_config_init(&config);
            config.seed = seed;
            config.node_count = runs[i].nodes;
            config.field = runs[i].field;
            config.attack = runs[i].attack;
            config.churn = runs[i].churn;
            config.duplicate_permille = runs[i].duplicate_permille;
            config.reorder_max = runs[i].reorder_max;
            if (config.field == SL_CROWD_COURIER)
                config.chat = 10 * SL_MINUTE; /* there and back */
            failed += !judge(&config, &result);
        }
    }
    return failed;
}

/* The same field and traffic three times: ours must bring at least as much as the others. */
static int check_modes(int nodes, uint64_t seed)
{
    struct sl_crowd_result results[SL_CROWD_MODES];
    struct sl_crowd_config config;
    sl_crowd_config_init(&config);
    config.node_count = nodes;
    config.seed = seed;
    int failed = !judge(&config, &results[SL_CROWD_STARLING]);
    for (unsigned mode = SL_CROWD_FLOODING; mode < SL_CROWD_MODES; mode++) {
        config.mode = mode;
        sl_crowd_run(&config, &results[mode]);
        double ours = share(results[0].delivered, results[0].deliverable);
        double theirs = share(results[mode].delivered, results[mode].deliverable);
        bool ahead = ours >= theirs && is_lawful(&results[mode]);
        failed += !ahead;
        printf("%s %d nodes, seed %" PRIu64 ": delivered %.3f %%, %s %.3f %%\n",
               ahead ? "ok" : "not ok", nodes, seed, ours, sl_crowd_mode_name(mode), theirs);
        printf("# channel busy %.2f %%, %s %.2f %%; sends a message %.1f, %.1f\n",
               100 * results[0].channel_busy, sl_crowd_mode_name(mode),
               100 * results[mode].channel_busy, results[0].sends_per_message,
               results[mode].sends_per_message);
    }
    print_costs(&results[SL_CROWD_STARLING], results[SL_CROWD_FLOODING].sends_per_message);
    return failed;
}

static int check_liars(uint64_t seed)
{
    struct sl_crowd_config config;
    struct sl_crowd_result result;
    sl_crowd_config_init(&config);
    config.node_count = 100;
    config.attack = SL_CROWD_LIARS;
    config.seed = seed;
    int failed = !judge(&config, &result);
    print_figure(&(struct figure){"worst clock s", result.clock_error_max, 0, 2, true});
    printf("# clocks off by more than 2 s: %.1f %%\n", 100 * result.clock_off);
    return failed;
}

static uint64_t fresh_seed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) % 1000000007 +
           (uint64_t)getpid();
}

static double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A crowd of some kind: which one follows from the seed. */
static int check_fresh(uint64_t seed)
{
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
    return !judge(&config, &result);
}

int suite_check(void)
{
    int failed = check_fields() + check_modes(10, 1) + check_modes(100, 1) + check_modes(300, 1);
    failed += check_liars(1) + check_liars(2);
    uint64_t seed = fresh_seed();
    printf("# fresh seeds from %" PRIu64 "\n", seed);
    for (uint64_t i = 0; i < 5; i++)
        failed += check_fresh(seed + i);
    return failed;
}

int suite_soak(double seconds)
{
    double end = wall_seconds() + seconds;
    uint64_t seed = fresh_seed();
    int failed = 0;
    printf("# fresh seeds from %" PRIu64 "\n", seed);
    while (wall_seconds() < end)
        failed += check_fresh(seed++);
    return failed;
}
