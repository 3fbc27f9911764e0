/* Crowds in a box from the command line. */
#include "pool.h"
#include "real.h"
#include "suite.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NODES_MAX = 4000, RUNS_MAX = 100, WORKERS_MAX = 64 };

struct job {
    struct sl_crowd_config config;
    int run_count;
    unsigned workers;
    bool dtls, table, check, trace, heading;
    double soak_seconds;
};

static const char usage_text[] =
    "usage: sim [option]...\n"
    "  --nodes N        2 to 4000 (30)\n"
    "  --field F        standing, marching, courier, ring, line, packed, building,\n"
    "                   gathering\n"
    "  --mode M         starling, flooding, phone\n"
    "  --attack A       peace, garbage, flooder, liars, old-liars, dates, sybils, poison,\n"
    "                   forger, replay, half-open, reflector, listener, liar,\n"
    "                   leech, tamperer, clone, swallowers\n"
    "  --churn          nodes come, go and lose their disks\n"
    "  --dtls           real certificates, signatures and sessions\n"
    "  --fault F,...    cut, one-way, store, clock, slow, apart\n"
    "  --seed S         (1)\n"
    "  --warm-up SECONDS boards are switched on in the first ten, and find each other (60)\n"
    "  --chat SECONDS   how long people write after that (120)\n"
    "  --settle SECONDS what is under way arrives (60)\n"
    "  --messages N     of each node in an hour, on average (30)\n"
    "  --at-most N      no more messages than that\n"
    "  --bluetooth N    of 100 nodes have Bluetooth and no Wi-Fi (0)\n"
    "  --both N         of 100 have both (0)\n"
    "  --pairs N        that many pairs write to each other directly, too\n"
    "  --duplicate N    of 1,000 frames arrive twice\n"
    "  --reorder MS     frames arrive up to that much late\n"
    "  --until SECONDS  ends early\n"
    "  --trace          one line for each event: time, event, node, two numbers\n"
    "  --runs N         as many runs, with seeds from S on\n"
    "  --workers N      how many at once (one for each processor)\n"
    "  --table          a row of a table for them\n"
    "  --heading        the heading of that table\n"
    "  --check          the runs of `make sim`\n"
    "  --soak SECONDS   runs with fresh seeds for that long\n";

static void fail(const char *what, const char *value)
{
    fprintf(stderr, "sim: %s: %s\n%s", what, value, usage_text);
    exit(2);
}

static double number(const char *text, double low, double high)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || end == text || *end || !(value >= low && value <= high))
        fail("not a number, or out of range", text);
    return value;
}

static uint64_t whole(const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-')
        fail("not a whole number", text);
    return value;
}

static unsigned field_of(const char *text)
{
    for (unsigned i = 0; i < SL_CROWD_FIELDS; i++)
        if (strcmp(text, sl_crowd_field_name(i)) == 0)
            return i;
    fail("no such field", text);
    return 0;
}

static unsigned mode_of(const char *text)
{
    for (unsigned i = 0; i < SL_CROWD_MODES; i++)
        if (strcmp(text, sl_crowd_mode_name(i)) == 0)
            return i;
    fail("no such mode", text);
    return 0;
}

static unsigned attack_of(const char *text)
{
    for (unsigned i = 0; i < SL_CROWD_ATTACKS; i++)
        if (strcmp(text, sl_crowd_attack_name(i)) == 0)
            return i;
    fail("no such attack", text);
    return 0;
}

static sl_time seconds_of(const char *text)
{
    return (sl_time)(number(text, 0, 1e6) * (double)SL_SECOND);
}

static const struct option options[] = {
    {"nodes", required_argument, NULL, 'n'},
    {"field", required_argument, NULL, 'f'},
    {"mode", required_argument, NULL, 'm'},
    {"attack", required_argument, NULL, 'a'},
    {"churn", no_argument, NULL, 'c'},
    {"dtls", no_argument, NULL, 'L'},
    {"fault", required_argument, NULL, 'F'},
    {"at-most", required_argument, NULL, 'x'},
    {"seed", required_argument, NULL, 's'},
    {"warm-up", required_argument, NULL, 'W'},
    {"chat", required_argument, NULL, 'd'},
    {"messages", required_argument, NULL, 'r'},
    {"bluetooth", required_argument, NULL, 'b'},
    {"both", required_argument, NULL, 'B'},
    {"duplicate", required_argument, NULL, 'D'},
    {"pairs", required_argument, NULL, 'p'},
    {"reorder", required_argument, NULL, 'R'},
    {"settle", required_argument, NULL, 'e'},
    {"until", required_argument, NULL, 'u'},
    {"trace", no_argument, NULL, 't'},
    {"runs", required_argument, NULL, 'N'},
    {"workers", required_argument, NULL, 'w'},
    {"table", no_argument, NULL, 'T'},
    {"heading", no_argument, NULL, 'H'},
    {"check", no_argument, NULL, 'C'},
    {"soak", required_argument, NULL, 'S'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* Several, with commas between them. */
static unsigned faults_of(const char *text)
{
    unsigned faults = 0;
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, ",");
        unsigned i = 0;
        while (i < SL_CROWD_FAULTS && (strncmp(at, sl_crowd_fault_name(i), len) != 0 ||
                                       sl_crowd_fault_name(i)[len] != '\0'))
            i++;
        if (i == SL_CROWD_FAULTS)
            fail("no such fault", at);
        faults |= 1u << i;
        at += len + (at[len] == ',');
    }
    return faults;
}

static void take_option(struct job *job, int option, const char *value)
{
    struct sl_crowd_config *c = &job->config;
    switch (option) {
    case 'n':
        c->node_count = (int)number(value, 2, NODES_MAX);
        break;
    case 'f':
        c->field = field_of(value);
        break;
    case 'm':
        c->mode = mode_of(value);
        break;
    case 'a':
        c->attack = attack_of(value);
        break;
    case 'c':
        c->churn = true;
        break;
    case 'L':
        job->dtls = true;
        break;
    case 'F':
        c->faults = faults_of(value);
        break;
    case 'x':
        c->messages_max = whole(value);
        break;
    case 'p':
        c->pair_count = (unsigned)number(value, 0, NODES_MAX);
        break;
    case 's':
        c->seed = whole(value);
        break;
    case 'W':
        c->warm_up = seconds_of(value);
        break;
    case 'd':
        c->chat = seconds_of(value);
        break;
    case 'e':
        c->settle = seconds_of(value);
        break;
    case 'r':
        c->messages_per_hour = number(value, 0, 1e6);
        break;
    case 'b':
        c->bluetooth_percent = (unsigned)number(value, 0, 100);
        break;
    case 'B':
        c->both_percent = (unsigned)number(value, 0, 100);
        break;
    case 'D':
        c->duplicate_permille = (unsigned)number(value, 0, 1000);
        break;
    case 'R':
        c->reorder_max = (sl_time)(number(value, 0, 10000) * (double)SL_MILLISECOND);
        break;
    case 'u':
        c->until = seconds_of(value);
        break;
    case 't':
        job->trace = true;
        break;
    case 'N':
        job->run_count = (int)number(value, 1, RUNS_MAX);
        break;
    case 'T':
        job->table = true;
        break;
    case 'w':
        job->workers = (unsigned)number(value, 1, WORKERS_MAX);
        break;
    case 'H':
        job->heading = true;
        break;
    case 'C':
        job->check = true;
        break;
    case 'S':
        job->soak_seconds = number(value, 1, 1e7);
        break;
    default:
        fputs(usage_text, option == 'h' ? stdout : stderr);
        exit(option == 'h' ? 0 : 2);
    }
}

struct batch {
    const struct job *job;
    struct sl_crowd_result *results; /* shared */
    double *cpu_seconds;
};

static int run_one(void *arg, size_t number)
{
    const struct batch *batch = arg;
    struct sl_crowd_config config = batch->job->config;
    struct sl_crowd_result *result = &batch->results[number];
    struct sl_crowd_members members;
    config.seed += number;
    if (config.members) {
        real_members_make(&members, config.node_count, config.seed);
        config.members = &members;
    }
    sl_crowd_run(&config, result);
    if (config.members)
        real_members_free(&members, config.node_count);
    batch->cpu_seconds[number] = (double)clock() / CLOCKS_PER_SEC;
    if (!batch->job->table)
        suite_print_run(&config, result, batch->cpu_seconds[number]);
    if (suite_is_lawful(result))
        return 0;
    suite_print_again(&config, result);
    return 1;
}

static int run_all(const struct job *job)
{
    size_t count = (size_t)job->run_count;
    struct batch batch = {
        .job = job,
        .results = pool_share(count * sizeof(*batch.results)),
        .cpu_seconds = pool_share(count * sizeof(*batch.cpu_seconds)),
    };
    struct pool_job pool = {.run = run_one, .arg = &batch, .count = count};
    int failed = count > 1 ? pool_run(&pool, job->workers) : run_one(&batch, 0);
    double cpu_seconds = 0;
    for (size_t i = 0; i < count; i++)
        cpu_seconds += batch.cpu_seconds[i];
    if (job->table)
        suite_print_row(&job->config, batch.results, job->run_count, cpu_seconds);
    return failed > 0;
}

int main(int argc, char **argv)
{
    struct job job = {.run_count = 1};
    int option;
    sl_crowd_config_init(&job.config);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        take_option(&job, option, optarg);
    if (optind < argc)
        fail("unexpected", argv[optind]);
    if (job.trace)
        job.config.trace = stdout;
    if (job.heading) {
        suite_print_heading();
        return 0;
    }
    struct sl_crowd_members members;
    if (job.dtls && job.config.attack == SL_CROWD_CLONE)
        fail("a clone has no DTLS here", "--dtls");
    if (job.dtls)
        job.config.members = &members; /* made by each run, with its seed */
    if (job.check)
        return suite_check() > 0;
    if (job.soak_seconds > 0)
        return suite_soak(job.soak_seconds) > 0;
    return run_all(&job);
}
