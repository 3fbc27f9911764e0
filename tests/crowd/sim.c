/* Crowds in a box from the command line. */
#include "suite.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NODES_MAX = 4000, RUNS_MAX = 100 };

struct job {
    struct sl_crowd_config config;
    int run_count;
    bool table, check, trace;
    double soak_seconds;
};

static const char usage_text[] =
    "usage: sim [option]...\n"
    "  --nodes N        2 to 4000 (30)\n"
    "  --field F        standing, marching, courier, ring, line, packed\n"
    "  --mode M         starling, flooding, phone\n"
    "  --attack A       peace, garbage, flooder, liars\n"
    "  --churn          nodes come, go and lose their disks\n"
    "  --seed S         (1)\n"
    "  --chat SECONDS   how long people write, after a minute of warm-up (120)\n"
    "  --settle SECONDS what is under way arrives (60)\n"
    "  --messages N     of each node in an hour, on average (30)\n"
    "  --duplicate N    of 1,000 frames arrive twice\n"
    "  --reorder MS     frames arrive up to that much late\n"
    "  --until SECONDS  ends early\n"
    "  --trace          one line for each event: time, event, node, two numbers\n"
    "  --runs N         as many runs, with seeds from S on\n"
    "  --table          a row of a table for them\n"
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
    {"seed", required_argument, NULL, 's'},
    {"chat", required_argument, NULL, 'd'},
    {"messages", required_argument, NULL, 'r'},
    {"duplicate", required_argument, NULL, 'D'},
    {"reorder", required_argument, NULL, 'R'},
    {"settle", required_argument, NULL, 'e'},
    {"until", required_argument, NULL, 'u'},
    {"trace", no_argument, NULL, 't'},
    {"runs", required_argument, NULL, 'N'},
    {"table", no_argument, NULL, 'T'},
    {"check", no_argument, NULL, 'C'},
    {"soak", required_argument, NULL, 'S'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

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
    case 's':
        c->seed = whole(value);
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

static int run_all(const struct job *job)
{
    static struct sl_crowd_result results[RUNS_MAX];
    struct sl_crowd_config config = job->config;
    uint64_t violations = 0;
    clock_t begin = clock(), last = begin;
    for (int i = 0; i < job->run_count; i++) {
        sl_crowd_run(&config, &results[i]);
        violations +=
            results[i].double_deliveries + results[i].forgeries + results[i].bound_violations;
        if (!job->table)
            suite_print_run(&config, &results[i], (double)(clock() - last) / CLOCKS_PER_SEC);
        last = clock();
        config.seed++;
    }
    if (job->table) {
        suite_print_heading();
        suite_print_row(&job->config, results, job->run_count,
                        (double)(clock() - begin) / CLOCKS_PER_SEC);
    }
    return violations > 0;
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
    if (job.check)
        return suite_check() > 0;
    if (job.soak_seconds > 0)
        return suite_soak(job.soak_seconds) > 0;
    return run_all(&job);
}
