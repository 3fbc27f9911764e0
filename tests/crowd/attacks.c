/* What each attacker of the simulator may cost the others (attacks on systems like this one:
 * PROTOCOL.md, Threats). */
#include "suite.h"

#include <assert.h>
#include <stdio.h>

/* The limits are where the mesh is today, with a margin; 0: not looked at. */
struct attack {
    enum sl_crowd_attack attack;
    int nodes;
    bool churn;
    sl_time chat;
    double delivered;      /* percent of others' messages, at least */
    double clock_s;        /* worst clock of honest nodes, at most */
    double control;        /* channel busy with anything but envelopes, percent, at most */
    double accepted;       /* sessions begun as server a second, at most, by any member */
    double delivered_goal; /* of the project */
};

static const struct attack attacks[] = {
    {SL_CROWD_GARBAGE, 40, false, 0, 95, 2, 0, 0, 95},
    {SL_CROWD_REPLAY, 40, false, 0, 90, 2, 0, 0, 95},
    {SL_CROWD_FLOODER, 40, false, 0, 90, 2, 0, 0, 95},
    {SL_CROWD_DATES, 40, false, 0, 70, 2, 0, 0, 95},
    {SL_CROWD_SYBILS, 40, false, 0, 92, 2, 0, 0, 95},
    {SL_CROWD_POISON, 40, false, 0, 99, 2, 12, 0, 95},
    {SL_CROWD_FORGER, 40, false, 0, 99, 2, 20, 0, 95},
    {SL_CROWD_HALF_OPEN, 40, false, 0, 95, 2, 0, 6, 95},
    {SL_CROWD_LIARS, 100, false, 0, 99, 2, 0, 0, 99.9},
    {SL_CROWD_OLD_LIARS, 40, false, 8 * SL_MINUTE, 99, 2, 0, 0, 99.9},
    {SL_CROWD_OLD_LIARS, 60, true, 8 * SL_MINUTE, 95, 0, 0, 0, 99.9},
};

static_assert(SL_ARRAY_LEN(attacks) == SUITE_ATTACKS, "as suite.h says");

/* Whether a figure is within its limit, if it has one. */
static bool holds(const char *name, double measured, double limit, double goal)
{
    if (limit <= 0)
        return true;
    suite_print_figure(&(struct suite_figure){name, measured, limit, goal, true});
    return measured >= 0 && measured <= limit;
}

int suite_attack(unsigned which, uint64_t seed)
{
    const struct attack *a = &attacks[which];
    struct sl_crowd_config config;
    struct sl_crowd_result r;
    char command[SUITE_COMMAND_MAX];
    sl_crowd_config_init(&config);
    config.seed = seed;
    config.node_count = a->nodes;
    config.attack = a->attack;
    config.churn = a->churn;
    if (a->chat > 0)
        config.chat = a->chat;
    suite_command(&config, command);
    printf("# " SIM_PROGRAM " %s\n", command);
    fflush(stdout); /* who dies on the way leaves it behind */
    sl_crowd_run(&config, &r);
    double delivered = suite_percent(r.delivered, r.deliverable);
    suite_print_figure(&(struct suite_figure){"others' messages delivered %", delivered,
                                              a->delivered, a->delivered_goal, false});
    bool fine = suite_is_lawful(&r) && delivered >= a->delivered;
    fine = holds("worst clock s", r.clock_error_max, a->clock_s, 2) && fine;
    fine = holds("channel busy with control %", 100 * r.control_share, a->control, 10) && fine;
    fine = holds("sessions accepted a second", r.accepted_max, a->accepted, a->accepted) && fine;
    printf("# heap %.0f kB a node, %zu envelopes at most\n", r.bytes_per_node / 1000, r.stored_max);
    printf("%s %s\n", fine ? "ok" : "not ok", command);
    if (!fine)
        suite_print_again(&config, &r);
    fflush(stdout);
    return !fine;
}
