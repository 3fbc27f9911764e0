#include "suite.h"

#include <inttypes.h>
#include <math.h>

static double percent(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 100;
}

void suite_faults(unsigned faults, char ret_names[SUITE_FAULTS_MAX])
{
    size_t len = 0;
    ret_names[0] = '\0';
    for (unsigned i = 0; i < SL_CROWD_FAULTS; i++)
        if (faults & 1u << i)
            len += (size_t)snprintf(ret_names + len, SUITE_FAULTS_MAX - len, "%s%s",
                                    len > 0 ? "," : "", sl_crowd_fault_name(i));
}

void suite_command(const struct sl_crowd_config *c, char ret_command[SUITE_COMMAND_MAX])
{
    char faults[SUITE_FAULTS_MAX];
    suite_faults(c->faults, faults);
    size_t len =
        (size_t)snprintf(ret_command, SUITE_COMMAND_MAX,
                         "--nodes %d --field %s --mode %s --attack %s%s --seed %" PRIu64
                         " --chat %.0f --settle %.0f --messages %g --duplicate %u --reorder %.0f",
                         c->node_count, sl_crowd_field_name(c->field), sl_crowd_mode_name(c->mode),
                         sl_crowd_attack_name(c->attack), c->churn ? " --churn" : "", c->seed,
                         (double)c->chat / (double)SL_SECOND, (double)c->settle / (double)SL_SECOND,
                         c->messages_per_hour, c->duplicate_permille,
                         (double)c->reorder_max / (double)SL_MILLISECOND);
    if (c->faults != 0 && len < SUITE_COMMAND_MAX)
        len += (size_t)snprintf(ret_command + len, SUITE_COMMAND_MAX - len, " --fault %s", faults);
    if (c->bluetooth_percent + c->both_percent > 0 && len < SUITE_COMMAND_MAX)
        len += (size_t)snprintf(ret_command + len, SUITE_COMMAND_MAX - len,
                                " --bluetooth %u --both %u", c->bluetooth_percent, c->both_percent);
    if (c->members && len < SUITE_COMMAND_MAX)
        len += (size_t)snprintf(ret_command + len, SUITE_COMMAND_MAX - len, " --dtls");
    if (c->messages_max > 0 && len < SUITE_COMMAND_MAX)
        snprintf(ret_command + len, SUITE_COMMAND_MAX - len, " --at-most %" PRIu64,
                 c->messages_max);
}

static void print_latency(const struct sl_crowd_result *r)
{
    for (int g = 0; g < SL_CROWD_HOP_GROUPS; g++)
        if (r->latency[g].count > 0)
            printf("  %2d to %2d hops      %.3f s median, %.3f s 95 %%, %.3f s 99 %% of %" PRIu64
                   "\n",
                   5 * g + 1, 5 * g + 5, r->latency[g].p50, r->latency[g].p95, r->latency[g].p99,
                   r->latency[g].count);
}

static void print_elements(const struct sl_crowd_result *r)
{
    static const char *const names[] = {"headers, greetings, sessions",
                                        "envelope",
                                        "hello",
                                        "sketch",
                                        "more",
                                        "want",
                                        "mark",
                                        "echo",
                                        "who"};
    static const char *const classes[] = {"other",   "beacon",  "probe", "reply",
                                          "confirm", "session", "frame", "other"};
    for (size_t i = 0; i < SL_ARRAY_LEN(r->element_bytes); i++)
        if (r->element_bytes[i] > 0)
            printf("  bytes             %12" PRIu64 " %s\n", r->element_bytes[i],
                   i < SL_ARRAY_LEN(names) ? names[i] : "other elements");
    for (size_t i = 0; i < SL_AIR_CLASSES; i++)
        if (r->air.class_airtime[i] > 0)
            printf("  airtime           %12.2f s %s\n",
                   (double)r->air.class_airtime[i] / (double)SL_SECOND, classes[i]);
}

static void print_bluetooth(const struct sl_crowd_config *c, const struct sl_crowd_result *r)
{
    if (c->bluetooth_percent + c->both_percent == 0)
        return;
    printf("  bluetooth         %" PRIu64 " links made, %" PRIu64
           " lost, at most %zu of a node; %" PRIu64 " datagrams, %" PRIu64 " refused; %" PRIu64
           " packets, %" PRIu64 " lost, %" PRIu64 " events missed\n",
           r->ble.opened, r->ble.lost, r->ble_links_most, r->ble.sent, r->ble.refused,
           r->ble.packets, r->ble.packets_lost, r->ble.missed);
    printf("  parts             %d of the mesh, %d of the field\n", r->parts_linked,
           r->parts_in_reach);
}

void suite_print_run(const struct sl_crowd_config *c, const struct sl_crowd_result *r,
                     double cpu_seconds)
{
    char command[SUITE_COMMAND_MAX];
    suite_command(c, command);
    printf("%s\n", command);
    printf("  delivered         %.4f %% of %" PRIu64 " (%" PRIu64 " messages, mean degree %.1f)\n",
           percent(r->delivered, r->deliverable), r->deliverable, r->messages, r->degree);
    printf("  in time           %.3f %% within 2 s for each 5 hops\n",
           percent(r->timely, r->timed));
    printf("  stuck             %" PRIu64 " not there although a connected node has it\n",
           r->stuck);
    print_latency(r);
    printf("  sends             %.1f a message, %.3f for each node\n", r->sends_per_message,
           r->sends_of_flooding);
    printf("  useful            %.1f %% of received envelopes\n", 100 * r->useful);
    printf("  channel busy      %.1f %% of the time, %.2f %% with control\n", 100 * r->channel_busy,
           100 * r->control_share);
    print_elements(r);
    printf("  radio             %" PRIu64 " frames, %" PRIu64 " retries, %" PRIu64
           " given up, %" PRIu64 " over a queue, %" PRIu64 " received, %" PRIu64 " spoiled\n",
           r->air.frames, r->air.retries, r->air.failures, r->air.refused, r->air.received,
           r->air.spoiled);
    print_bluetooth(c, r);
    printf("  crossings         at most %" PRIu64 " of a directed link, %" PRIu64
           " times more than 2\n",
           r->crossings_max, r->crossings_over);
    printf("  clocks            worst %.3f s off, %.1f %% by more than 2 s\n", r->clock_error_max,
           100 * r->clock_off);
    printf("  memory            %.0f kB a node, %zu envelopes at most\n", r->bytes_per_node / 1e3,
           r->stored_max);
    if (r->missing_airtime > 0)
        printf("  reunion           in sync after %.3f s; %.3f s of airtime, %.2f of what was "
               "missing\n",
               r->reunion_seconds, r->reunion_airtime, r->reunion_airtime / r->missing_airtime);
    printf("  violations        %" PRIu64 " twice, %" PRIu64 " forged, %" PRIu64 " bounds%s%s\n",
           r->double_deliveries, r->forgeries, r->bound_violations,
           r->violation[0] ? "; first: " : "", r->violation);
    printf("  trace             %016" PRIx64 ", %" PRIu64 " steps, %.1f s of CPU\n", r->trace_hash,
           r->steps, cpu_seconds);
}

/* ---- Rows ---- */

static double delivered_of(const struct sl_crowd_result *r)
{
    return percent(r->delivered, r->deliverable);
}

static double timely_of(const struct sl_crowd_result *r)
{
    return percent(r->timely, r->timed);
}

static double p95_of(const struct sl_crowd_result *r)
{
    return r->latency[0].p95;
}

static double sends_of(const struct sl_crowd_result *r)
{
    return r->sends_of_flooding;
}

static double useful_of(const struct sl_crowd_result *r)
{
    return 100 * r->useful;
}

static double busy_of(const struct sl_crowd_result *r)
{
    return 100 * r->channel_busy;
}

static double control_of(const struct sl_crowd_result *r)
{
    return 100 * r->control_share;
}

static double crossings_of(const struct sl_crowd_result *r)
{
    return (double)r->crossings_max;
}

static double clock_of(const struct sl_crowd_result *r)
{
    return 100 * r->clock_off;
}

static double memory_of(const struct sl_crowd_result *r)
{
    return r->bytes_per_node / 1e3;
}

static const struct {
    const char *name;
    double (*of)(const struct sl_crowd_result *result);
    int digits;
} columns[] = {
    {"delivered %", delivered_of, 3}, {"in time %", timely_of, 2},
    {"95 % s, 5 hops", p95_of, 3},    {"sends a node", sends_of, 3},
    {"useful %", useful_of, 1},       {"channel busy %", busy_of, 2},
    {"control %", control_of, 2},     {"crossings max", crossings_of, 1},
    {"clocks off %", clock_of, 1},    {"kB a node", memory_of, 0},
};

void suite_print_heading(void)
{
    printf("| run | ");
    for (size_t i = 0; i < SL_ARRAY_LEN(columns); i++)
        printf("%s | ", columns[i].name);
    printf("CPU s a run |\n|");
    for (size_t i = 0; i < SL_ARRAY_LEN(columns) + 2; i++)
        printf(" --- |");
    printf("\n");
}

static void print_cell(const struct sl_crowd_result *results, int count, size_t column)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++)
        sum += columns[column].of(&results[i]);
    for (int i = 0; i < count; i++)
        squares += pow(columns[column].of(&results[i]) - sum / count, 2);
    printf("%.*f", columns[column].digits, sum / count);
    if (count > 1)
        printf(" ± %.*f", columns[column].digits, sqrt(squares / (count - 1)));
    printf(" | ");
}

void suite_print_row(const struct sl_crowd_config *c, const struct sl_crowd_result *results,
                     int count, double cpu_seconds)
{
    printf("| %s, %s%s%s%s, %d nodes, %d seeds | ", sl_crowd_mode_name(c->mode),
           sl_crowd_field_name(c->field), c->attack == SL_CROWD_PEACE ? "" : ", ",
           c->attack == SL_CROWD_PEACE ? "" : sl_crowd_attack_name(c->attack),
           c->churn ? ", churn" : "", c->node_count, count);
    for (size_t i = 0; i < SL_ARRAY_LEN(columns); i++)
        print_cell(results, count, i);
    printf("%.1f |\n", cpu_seconds / count);
}
