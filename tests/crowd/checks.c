#include "pool.h"
#include "real.h"
#include "suite.h"

#include "commit.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FRESH_RUNS = 16, TWICE_MAX = 20, CHECKS_MAX = 200 };

/* ---- What is checked ---- */

enum {
    EVERYTHING =
        SL_CROWD_FAULT_CUT | SL_CROWD_FAULT_STORE | SL_CROWD_FAULT_CLOCK | SL_CROWD_FAULT_SLOW
};

static const struct {
    int nodes;
    enum sl_crowd_field field;
    enum sl_crowd_attack attack;
    bool churn;
    unsigned faults;
    unsigned duplicate_permille;
    sl_time reorder_max;
    unsigned bluetooth_percent, both_percent;
} fields[] = {
    {.nodes = 10, .field = SL_CROWD_STANDING},
    {.nodes = 30, .field = SL_CROWD_STANDING},
    {.nodes = 60, .field = SL_CROWD_PACKED},
    {.nodes = 200, .field = SL_CROWD_PACKED},
    {.nodes = 100, .field = SL_CROWD_MARCHING},
    {.nodes = 40, .field = SL_CROWD_COURIER},
    {.nodes = 60, .field = SL_CROWD_BUILDING},
    {.nodes = 60, .field = SL_CROWD_GATHERING},
    {.nodes = 40, .field = SL_CROWD_RING},
    {.nodes = 14, .field = SL_CROWD_RING},
    {.nodes = 40, .field = SL_CROWD_LINE},
    {.nodes = 60, .field = SL_CROWD_STANDING, .churn = true},
    {.nodes = 30,
     .field = SL_CROWD_STANDING,
     .duplicate_permille = 100,
     .reorder_max = 20 * SL_MILLISECOND},
    {.nodes = 60, .field = SL_CROWD_STANDING, .faults = SL_CROWD_FAULT_CUT},
    {.nodes = 60, .field = SL_CROWD_STANDING, .faults = SL_CROWD_FAULT_ONE_WAY},
    {.nodes = 60, .field = SL_CROWD_STANDING, .faults = SL_CROWD_FAULT_STORE, .churn = true},
    {.nodes = 60, .field = SL_CROWD_STANDING, .faults = SL_CROWD_FAULT_SLOW},
    {.nodes = 60, .field = SL_CROWD_MARCHING, .faults = EVERYTHING},
    {.nodes = 100, .field = SL_CROWD_STANDING, .bluetooth_percent = 100},
    {.nodes = 60, .field = SL_CROWD_MARCHING, .bluetooth_percent = 100},
    {.nodes = 60, .field = SL_CROWD_STANDING, .churn = true, .bluetooth_percent = 100},
    {.nodes = 60, .field = SL_CROWD_STANDING, .bluetooth_percent = 40, .both_percent = 20},
    {.nodes = 40, .field = SL_CROWD_STANDING, .attack = SL_CROWD_GARBAGE},
    {.nodes = 40, .field = SL_CROWD_STANDING, .attack = SL_CROWD_FLOODER},
};

/* Seven links of a board keep what stands in reach in one piece. */
static bool check_bluetooth(const struct sl_crowd_config *config, const struct sl_crowd_result *r)
{
    bool still = config->field == SL_CROWD_STANDING && !config->churn;
    bool holds = r->ble_links_most <= SL_BLUETOOTH_LINKS_MAX &&
                 (!still || r->parts_linked == r->parts_in_reach);
    printf("%s bluetooth: at most %zu links, %d parts of the mesh, %d of the field\n",
           holds ? "ok" : "not ok", r->ble_links_most, r->parts_linked, r->parts_in_reach);
    suite_print_figure(
        &(struct suite_figure){"sends a node, along trees", r->sends_of_flooding, 0, 1.1, true});
    return holds;
}

/* Row 20 of the attack list: what holds the mesh together leaves the air to what people say. */
static bool check_control(const struct sl_crowd_result *r)
{
    const struct suite_figure control = {"channel busy with control %", 100 * r->control_share, 12,
                                         10, true};
    bool holds = control.measured <= control.limit;
    printf("%s control where everyone hears everyone\n", holds ? "ok" : "not ok");
    suite_print_figure(&control);
    return holds;
}

/* Row 24 of the attack list: nothing goes round for ever. */
static bool check_loops(const struct sl_crowd_result *r)
{
    const struct suite_figure sends = {"sends a node", r->sends_of_flooding, 1.5, 1.5, true};
    const struct suite_figure crossings = {"crossings of a link", (double)r->crossings_max, 3, 2,
                                           true};
    bool holds = sends.measured <= sends.limit && crossings.measured <= crossings.limit;
    printf("%s loops of a ring\n", holds ? "ok" : "not ok");
    suite_print_figure(&sends);
    suite_print_figure(&crossings);
    return holds;
}

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
    config.faults = fields[which].faults;
    config.duplicate_permille = fields[which].duplicate_permille;
    config.reorder_max = fields[which].reorder_max;
    config.bluetooth_percent = fields[which].bluetooth_percent;
    config.both_percent = fields[which].both_percent;
    if (config.field == SL_CROWD_COURIER)
        config.chat = 10 * SL_MINUTE; /* there and back */
    int failed = !suite_judge(&config, &result);
    failed += config.field == SL_CROWD_PACKED && !check_control(&result);
    failed += config.field == SL_CROWD_RING && !check_loops(&result);
    return failed + (config.bluetooth_percent > 0 && !check_bluetooth(&config, &result));
}

static void print_costs(const struct sl_crowd_result *r, double flooding_sends)
{
    suite_print_figure(&(struct suite_figure){
        "sends against flooding", r->sends_per_message / flooding_sends, 0, 0.35, true});
    suite_print_figure(
        &(struct suite_figure){"useful receptions %", 100 * r->useful, 0, 50.2, false});
    suite_print_figure(
        &(struct suite_figure){"channel busy with control %", 100 * r->control_share, 0, 10, true});
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

/* Two halves with 1,000 messages each meet; two boards are the goal's contact, with more of them in
 * reach of each other it is told what it cost. */
static int check_reunion(unsigned nodes, uint64_t seed)
{
    struct sl_crowd_config config;
    struct sl_crowd_result result;
    sl_crowd_config_init(&config);
    config.node_count = (int)nodes;
    config.field = SL_CROWD_PACKED;
    config.faults = SL_CROWD_FAULT_APART;
    config.seed = seed;
    config.chat = 4 * SL_MINUTE;
    config.messages_per_hour = 36000.0 / nodes;
    config.messages_max = 2000;
    if (!suite_judge(&config, &result))
        return 1;
    struct suite_figure figure = {"airtime of what was missing",
                                  result.reunion_airtime / result.missing_airtime,
                                  nodes == 2 ? 1.5 : 60, 1.5, true};
    bool fine = result.messages == 2000 && figure.measured <= figure.limit;
    printf("%s 2 partitions of 1,000 messages, %u boards, in sync after %.2f s\n",
           fine ? "ok" : "not ok", nodes, result.reunion_seconds);
    suite_print_figure(&figure);
    if (!fine)
        suite_print_again(&config, &result);
    return !fine;
}

/* Certificates, signatures and DTLS as on the boards; a small one twice: chance is seeded there,
 * too. */
static int check_dtls(unsigned nodes, uint64_t seed)
{
    struct sl_crowd_config config;
    struct sl_crowd_result result, again;
    struct sl_crowd_members members;
    sl_crowd_config_init(&config);
    config.node_count = (int)nodes;
    config.seed = seed;
    config.members = &members;
    config.chat = 30 * SL_SECOND; /* handshakes are what costs */
    config.settle = 30 * SL_SECOND;
    real_members_make(&members, config.node_count, seed);
    clock_t begin = clock();
    bool fine = suite_judge(&config, &result);
    printf("# %u nodes with real DTLS: %.1f s of CPU, %.0f kB a node\n", nodes,
           (double)(clock() - begin) / CLOCKS_PER_SEC, result.bytes_per_node / 1e3);
    real_members_free(&members, config.node_count);
    if (nodes > TWICE_MAX)
        return !fine;
    real_members_make(&members, config.node_count, seed);
    sl_crowd_run(&config, &again);
    real_members_free(&members, config.node_count);
    bool same = again.trace_hash == result.trace_hash && again.steps == result.steps;
    printf("%s the same seed gives the same trace with DTLS\n", same ? "ok" : "not ok");
    if (!same)
        suite_print_again(&config, &again);
    return !fine + !same;
}

/* Pairs who write to each other in a standing field, beside channel messages in the same run. */
static int check_direct(unsigned nodes, uint64_t seed)
{
    struct sl_crowd_config config;
    struct sl_crowd_result result;
    sl_crowd_config_init(&config);
    config.node_count = (int)nodes;
    config.pair_count = 10;
    config.seed = seed;
    if (!suite_judge(&config, &result))
        return 1;
    struct suite_figure figures[] = {
        {"airtime of a direct message in channel messages",
         result.direct_airtime / result.channel_airtime, 0.3, 0.25, true},
        {"and with its receipt",
         (result.direct_airtime + result.answer_airtime) / result.channel_airtime, 0.6, 0.5, true},
    };
    bool fine = result.directs > 0 && result.directs_delivered == result.directs &&
                result.directs_answered == result.directs && result.directs_held == 0;
    for (size_t i = 0; i < SL_ARRAY_LEN(figures); i++)
        fine = fine && figures[i].measured <= figures[i].limit;
    printf("%s direct messages of %u nodes, seed %" PRIu64 ": %" PRIu64 " of %" PRIu64
           " delivered, %" PRIu64 " answered\n",
           fine ? "ok" : "not ok", nodes, seed, result.directs_delivered, result.directs,
           result.directs_answered);
    for (size_t i = 0; i < SL_ARRAY_LEN(figures); i++)
        suite_print_figure(&figures[i]);
    if (!fine)
        suite_print_again(&config, &result);
    return !fine;
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
    config.faults = (unsigned)(seed / 120 % 2 ? seed / 240 % 32 : 0);
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
    add(&checks, (struct check){check_dtls, 100, 1}, 1);
    add(&checks, (struct check){check_dtls, 12, 1}, 1);
    add(&checks, (struct check){check_direct, 300, 1}, 1);
    add(&checks, (struct check){check_modes, 100, 1}, 1);
    add(&checks, (struct check){check_modes, 10, 1}, 1);
    for (unsigned i = 0; i < SUITE_ATTACKS; i++)
        add(&checks, (struct check){suite_attack, i, 1}, 2);
    add(&checks, (struct check){check_reunion, 2, 1}, 2);
    add(&checks, (struct check){check_reunion, 20, 1}, 1);
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
