/* What each attacker of the simulator may cost the others (attacks on systems like this one:
 * PROTOCOL.md, Threats). */
#include "suite.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* The limits are where the mesh is today, with a margin; 0: not looked at. */
struct attack {
    enum sl_crowd_attack attack;
    enum sl_crowd_field field;
    int nodes;
    bool churn;
    sl_time warm_up, chat; /* 0: as usual */
    double delivered;      /* percent of others' messages, at least */
    double clock_s;        /* worst clock of honest nodes, at most */
    double control;        /* channel busy with anything but envelopes, percent, at most */
    double accepted;       /* sessions begun as server a second, at most, by any member */
    double delivered_goal; /* of the project */
    double sends;          /* of an envelope by each node, at most */
    double reflected;      /* bytes for each byte in another's name, at most */
    uint64_t changed;      /* names of boards that gave way to others, at least */
    size_t alarms;         /* of boards that met their own key, exactly */
    unsigned pairs;        /* who write to each other directly; all of that arrives */
};

#define TWO_DAYS (25 * SL_HOUR)

/* In the order of the attack list, where there is one. */
static const struct attack attacks[] = {
    {.attack = SL_CROWD_GARBAGE, .nodes = 40, .delivered = 95, .clock_s = 2, .delivered_goal = 95},
    {.attack = SL_CROWD_FLOODER, .nodes = 40, .delivered = 90, .clock_s = 2, .delivered_goal = 95},
    {.attack = SL_CROWD_DATES, .nodes = 40, .delivered = 95, .clock_s = 2, .delivered_goal = 95},
    /* 5, 10: what others wrote, changed on its way */
    {.attack = SL_CROWD_TAMPERER,
     .nodes = 40,
     .delivered = 99,
     .clock_s = 2,
     .delivered_goal = 95,
     .sends = 1.2},
    /* black holes: every fifth member says that it holds what it dropped */
    {.attack = SL_CROWD_SWALLOWERS,
     .nodes = 100,
     .delivered = 99,
     .clock_s = 2,
     .delivered_goal = 99.9,
     .pairs = 10},
    /* 8: tracking, over a day and over restarts */
    {.attack = SL_CROWD_LISTENER,
     .nodes = 10,
     .warm_up = TWO_DAYS,
     .delivered = 99,
     .clock_s = 2,
     .delivered_goal = 99.9,
     .changed = 4},
    {.attack = SL_CROWD_LISTENER,
     .nodes = 30,
     .churn = true,
     .chat = 10 * SL_MINUTE,
     .delivered = 95,
     .clock_s = 2,
     .delivered_goal = 99.9,
     .changed = 10},
    /* 9, 12 */
    {.attack = SL_CROWD_REPLAY, .nodes = 40, .delivered = 90, .clock_s = 2, .delivered_goal = 95},
    {.attack = SL_CROWD_FORGER,
     .nodes = 40,
     .delivered = 99,
     .clock_s = 2,
     .control = 20,
     .delivered_goal = 95},
    {.attack = SL_CROWD_POISON,
     .nodes = 40,
     .delivered = 99,
     .clock_s = 2,
     .control = 12,
     .delivered_goal = 95},
    /* 11: who says that it lacks everything */
    {.attack = SL_CROWD_LEECH,
     .nodes = 40,
     .delivered = 99,
     .clock_s = 2,
     .control = 10,
     .delivered_goal = 95,
     .sends = 1},
    /* 13 */
    {.attack = SL_CROWD_HALF_OPEN,
     .nodes = 40,
     .delivered = 95,
     .clock_s = 2,
     .accepted = 6,
     .delivered_goal = 95},
    /* 15 */
    {.attack = SL_CROWD_SYBILS, .nodes = 40, .delivered = 92, .clock_s = 2, .delivered_goal = 95},
    /* 16 */
    {.attack = SL_CROWD_REFLECTOR,
     .nodes = 40,
     .delivered = 95,
     .clock_s = 2,
     .delivered_goal = 95,
     .reflected = 1},
    /* 17 */
    {.attack = SL_CROWD_CLONE,
     .nodes = 20,
     .field = SL_CROWD_PACKED,
     .delivered = 99,
     .clock_s = 2,
     .delivered_goal = 99.9,
     .alarms = 1},
    /* 21 */
    {.attack = SL_CROWD_LIAR, .nodes = 40, .delivered = 99, .clock_s = 2, .delivered_goal = 99.9},
    {.attack = SL_CROWD_LIARS, .nodes = 100, .delivered = 99, .clock_s = 2, .delivered_goal = 99.9},
    {.attack = SL_CROWD_OLD_LIARS,
     .nodes = 40,
     .chat = 8 * SL_MINUTE,
     .delivered = 99,
     .clock_s = 2,
     .delivered_goal = 99.9},
    {.attack = SL_CROWD_OLD_LIARS,
     .nodes = 60,
     .churn = true,
     .chat = 8 * SL_MINUTE,
     .delivered = 95,
     .delivered_goal = 99.9},
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

/* What an attack is for: none of it is true of a run in which it did not happen. */
static bool happened(const struct attack *a, const struct sl_crowd_result *r)
{
    bool reflects = a->attack != SL_CROWD_REFLECTOR || r->reflected > 0;
    bool swallows = a->attack != SL_CROWD_SWALLOWERS || r->swallowed > 0;
    if (a->changed > 0)
        printf("# names of boards given up: %" PRIu64 ", traces to the next ones: %" PRIu64 "\n",
               r->names_changed, r->recognised);
    return holds("bytes for a byte in another's name", r->reflected, a->reflected, a->reflected) &&
           reflects && swallows && r->names_changed >= a->changed && r->alarms == a->alarms;
}

static bool directs_arrive(const struct attack *a, const struct sl_crowd_result *r)
{
    if (a->pairs == 0)
        return true;
    printf("# direct messages: %" PRIu64 " of %" PRIu64 " arrived, %" PRIu64 " answered\n",
           r->directs_delivered, r->directs, r->directs_answered);
    return r->directs > 0 && r->directs_delivered == r->directs &&
           r->directs_answered == r->directs;
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
    config.field = a->field;
    config.churn = a->churn;
    config.pair_count = a->pairs;
    if (a->warm_up > 0)
        config.warm_up = a->warm_up;
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
    fine = holds("sends a node", r.sends_of_flooding, a->sends, a->sends) && fine;
    fine = happened(a, &r) && fine;
    fine = directs_arrive(a, &r) && fine;
    printf("# heap %.0f kB a node, %zu envelopes at most\n", r.bytes_per_node / 1000, r.stored_max);
    printf("%s %s\n", fine ? "ok" : "not ok", command);
    if (!fine)
        suite_print_again(&config, &r);
    fflush(stdout);
    return !fine;
}
