#include "suite.h"

#include "mesh/packet.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

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

struct text {
    char *bytes;
    size_t len, cap;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text->bytes + text->len, text->cap - text->len, format, args);
    va_end(args);
    if (len > 0)
        text->len = sl_min_size(text->len + (size_t)len, text->cap - 1);
}

static double seconds(sl_time time)
{
    return (double)time / (double)SL_SECOND;
}

static void add_scene(struct text *text, const struct sl_crowd_config *c)
{
    char faults[SUITE_FAULTS_MAX];
    add(text, "--nodes %d", c->node_count);
    if (c->field != SL_CROWD_STANDING)
        add(text, " --field %s", sl_crowd_field_name(c->field));
    if (c->mode != SL_CROWD_STARLING)
        add(text, " --mode %s", sl_crowd_mode_name(c->mode));
    if (c->attack != SL_CROWD_PEACE)
        add(text, " --attack %s", sl_crowd_attack_name(c->attack));
    if (c->churn)
        add(text, " --churn");
    suite_faults(c->faults, faults);
    if (c->faults != 0)
        add(text, " --fault %s", faults);
    if (c->bluetooth_percent + c->both_percent > 0)
        add(text, " --bluetooth %u --both %u", c->bluetooth_percent, c->both_percent);
    if (c->members)
        add(text, " --dtls");
}

/* What is not as usual. */
static void add_numbers(struct text *text, const struct sl_crowd_config *c)
{
    struct sl_crowd_config usual;
    sl_crowd_config_init(&usual);
    if (c->warm_up != usual.warm_up)
        add(text, " --warm-up %.15g", seconds(c->warm_up));
    if (c->chat != usual.chat)
        add(text, " --chat %.15g", seconds(c->chat));
    if (c->settle != usual.settle)
        add(text, " --settle %.15g", seconds(c->settle));
    if (c->messages_per_hour != usual.messages_per_hour)
        add(text, " --messages %.17g", c->messages_per_hour);
    if (c->messages_max > 0)
        add(text, " --at-most %" PRIu64, c->messages_max);
    if (c->pair_count > 0)
        add(text, " --pairs %u", c->pair_count);
    if (c->duplicate_permille > 0)
        add(text, " --duplicate %u", c->duplicate_permille);
    if (c->reorder_max > 0)
        add(text, " --reorder %.15g", 1e3 * seconds(c->reorder_max));
}

void suite_command(const struct sl_crowd_config *c, char ret_command[SUITE_COMMAND_MAX])
{
    struct text text = {.bytes = ret_command, .cap = SUITE_COMMAND_MAX};
    add_scene(&text, c);
    add_numbers(&text, c);
    add(&text, " --seed %" PRIu64, c->seed);
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

/* What keeps the channel busy while people chat, the greatest share first. */
static void print_kinds(const struct sl_crowd_result *r)
{
    static const char *const names[SL_AIR_KINDS] = {
        [SL_ELEMENT_ENVELOPE] = "envelope",
        [SL_ELEMENT_HELLO] = "hello",
        [SL_ELEMENT_SKETCH] = "sketch",
        [SL_ELEMENT_MORE] = "more",
        [SL_ELEMENT_WANT] = "want",
        [SL_ELEMENT_MARK] = "mark",
        [SL_ELEMENT_ECHO] = "echo",
        [SL_ELEMENT_WHO] = "who",
        [SL_ELEMENT_CRL] = "crl",
        [SL_ELEMENT_CRL_WANT] = "crl want",
        [SL_ELEMENT_CRL_PART] = "crl part",
        [SL_ELEMENT_SIGNATURE] = "signature",
        [SL_ELEMENT_HAVE] = "have",
        [SL_ELEMENT_GRAFT] = "graft",
        [SL_ELEMENT_PRUNE] = "prune",
        [SL_ELEMENT_NEAR] = "near",
        [SL_ELEMENT_ROUTED] = "routed",
        [SL_ELEMENT_TAKEN] = "taken",
        [SL_ELEMENT_STRAY] = "stray",
        [SL_ELEMENT_REFUSED] = "refused",
        [SL_CROWD_PACKETS + SL_PACKET_BEACON] = "beacon",
        [SL_CROWD_PACKETS + SL_PACKET_PROBE] = "probe",
        [SL_CROWD_PACKETS + SL_PACKET_REPLY] = "reply",
        [SL_CROWD_PACKETS + SL_PACKET_CONFIRM] = "confirm",
        [SL_CROWD_PACKETS + SL_PACKET_LINK] = "session",
    };
    bool printed[SL_AIR_KINDS] = {false};
    for (;;) {
        size_t most = 0;
        for (size_t i = 0; i < SL_AIR_KINDS; i++)
            if (!printed[i] && (printed[most] || r->kind_shares[i] > r->kind_shares[most]))
                most = i;
        if (printed[most] || r->kind_shares[most] <= 0)
            return;
        printed[most] = true;
        printf("  of the channel    %8.4f %% %s\n", 100 * r->kind_shares[most],
               names[most] ? names[most] : "other");
    }
}

static void print_classes(const struct sl_crowd_result *r)
{
    static const char *const names[] = {"other",
                                        "beacon",
                                        "probe",
                                        "reply",
                                        "confirm",
                                        "session",
                                        "frame",
                                        "other",
                                        "channel messages",
                                        "direct messages along routes",
                                        "receipts along routes",
                                        "settled",
                                        "taken, stray",
                                        "direct messages that flood",
                                        "receipts that flood",
                                        "other"};
    for (size_t i = 0; i < SL_AIR_CLASSES; i++)
        if (r->air.class_airtime[i] > 0)
            printf("  airtime           %12.2f s %s\n",
                   (double)r->air.class_airtime[i] / (double)SL_SECOND, names[i]);
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
    printf(
        "  sends             %.1f a message, %.3f for each node; %.3f if whoever knows the field "
        "chose the relays\n",
        r->sends_per_message, r->sends_of_flooding, r->sends_least);
    printf("  useful            %.1f %% of received envelopes\n", 100 * r->useful);
    printf("  channel busy      %.1f %% of the time, %.2f %% with control\n", 100 * r->channel_busy,
           100 * r->control_share);
    print_kinds(r);
    print_classes(r);
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
    printf("  memory            %.0f kB a node, %.0f kB and %zu envelopes at most\n",
           r->bytes_per_node / 1e3, r->bytes_max / 1e3, r->stored_max);
    if (r->missing_airtime > 0)
        printf("  reunion           in sync after %.3f s; %.3f s of airtime, %.2f of what was "
               "missing\n",
               r->reunion_seconds, r->reunion_airtime, r->reunion_airtime / r->missing_airtime);
    if (r->directs > 0)
        printf(
            "  direct            %" PRIu64 " of %" PRIu64 " delivered, %" PRIu64
            " answered; airtime of each %.2f of a channel message, %.2f with its receipt; %" PRIu64
            " flooded after all, %" PRIu64 " held\n",
            r->directs_delivered, r->directs, r->directs_answered,
            r->direct_airtime / r->channel_airtime,
            (r->direct_airtime + r->answer_airtime) / r->channel_airtime, r->directs_flooded,
            r->directs_held);
    if (r->names_changed > 0)
        printf("  listener          %" PRIu64 " names given up, or restarts; %" PRIu64
               " traces from one to the next\n",
               r->names_changed, r->recognised);
    if (r->reflected > 0)
        printf("  reflector         %.2f bytes answered for each byte asked\n", r->reflected);
    if (r->swallowed > 0)
        printf("  swallowers        %" PRIu64 " times one did not pass on what it had\n",
               r->swallowed);
    if (r->alarms > 0)
        printf("  clones            %zu boards met their own key\n", r->alarms);
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

static double most_of(const struct sl_crowd_result *r)
{
    return r->bytes_max / 1e3;
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
    {"most kB", most_of, 0},
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
    char bytes[SUITE_COMMAND_MAX];
    struct text text = {.bytes = bytes, .cap = sizeof(bytes)};
    add_scene(&text, c);
    add_numbers(&text, c);
    printf("| `%s --runs %d` | ", bytes, count);
    for (size_t i = 0; i < SL_ARRAY_LEN(columns); i++)
        print_cell(results, count, i);
    printf("%.1f |\n", cpu_seconds / count);
}
