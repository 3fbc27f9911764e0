#include "suite.h"

#include "commit.h"

#include <inttypes.h>

static bool is_within(const struct suite_figure *figure, double bound)
{
    return figure->at_most ? figure->measured <= bound : figure->measured >= bound;
}

void suite_print_figure(const struct suite_figure *f)
{
    printf("# %s: goal %s %g, measured %.4g", f->name, f->at_most ? "at most" : "at least", f->goal,
           f->measured);
    if (is_within(f, f->goal))
        printf(", met\n");
    else
        printf(", short by %.4g\n", f->at_most ? f->measured - f->goal : f->goal - f->measured);
}

double suite_percent(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 100;
}

/* What is expected of a run beside its invariants. The limits are where the mesh is today,
 * with a margin; the goals are those that the mesh is to reach. */
struct expectation {
    double delivered, timely; /* at least, percent */
    double goal_delivered;
};

static bool is_thin(enum sl_crowd_field field)
{
    return field == SL_CROWD_COURIER || field == SL_CROWD_RING || field == SL_CROWD_LINE;
}

static struct expectation expectation_of(const struct sl_crowd_config *c)
{
    if (c->attack == SL_CROWD_FLOODER)
        return (struct expectation){.delivered = 90, .timely = 30, .goal_delivered = 95};
    if (c->churn && is_thin(c->field)) /* no second way: what could be had is a guess */
        return (struct expectation){.delivered = 30, .timely = 30, .goal_delivered = 99.9};
    if (c->attack == SL_CROWD_GARBAGE && c->churn)
        return (struct expectation){.delivered = 70, .timely = 35, .goal_delivered = 95};
    if (c->attack == SL_CROWD_GARBAGE && is_thin(c->field)) /* as long as it jams the only way */
        return (struct expectation){.delivered = 50, .timely = 30, .goal_delivered = 95};
    if (c->attack == SL_CROWD_GARBAGE)
        return (struct expectation){.delivered = 95,
                                    .timely = c->field == SL_CROWD_STANDING ? 70 : 35,
                                    .goal_delivered = 95};
    if (c->faults != 0) /* who is behind a cut hears of it when that heals */
        return (struct expectation){.delivered = 95, .timely = 60, .goal_delivered = 99.9};
    if (c->churn)
        return (struct expectation){.delivered = 95, .timely = 80, .goal_delivered = 99.9};
    if (c->field != SL_CROWD_STANDING && c->field != SL_CROWD_PACKED)
        return (struct expectation){.delivered = 98, .timely = 85, .goal_delivered = 99.9};
    return (struct expectation){.delivered = 99, .timely = 90, .goal_delivered = 99.9};
}

/* An envelope crosses a link twice at most, or more often if it is asked for by name: where many
 * are lost in a full channel, and where links end and begin anew. */
static double crossings_limit_of(const struct sl_crowd_config *c)
{
    enum { LARGE = 300 };
    bool is_full = c->attack == SL_CROWD_FLOODER || c->attack == SL_CROWD_GARBAGE ||
                   (c->faults & SL_CROWD_FAULT_APART) != 0 || c->bluetooth_percent > 0 ||
                   c->node_count > LARGE;
    return is_full ? 16 : 8;
}

bool suite_is_lawful(const struct sl_crowd_result *r)
{
    return r->double_deliveries == 0 && r->forgeries == 0 && r->bound_violations == 0 &&
           r->recognised == 0;
}

void suite_print_again(const struct sl_crowd_config *config, const struct sl_crowd_result *r)
{
    char command[SUITE_COMMAND_MAX];
    suite_command(config, command);
    printf("# %" PRIu64 " twice, %" PRIu64 " forged, %" PRIu64 " bounds, %" PRIu64
           " recognised; first: %s\n",
           r->double_deliveries, r->forgeries, r->bound_violations, r->recognised,
           r->violation[0] ? r->violation : "none");
    printf("# commit " SIM_COMMIT ", seed %" PRIu64 "; again, with every event up to T seconds:\n"
           "# " SIM_PROGRAM " %s --until T --trace\n",
           config->seed, command);
}

bool suite_judge(const struct sl_crowd_config *config, struct sl_crowd_result *ret_result)
{
    struct expectation e = expectation_of(config);
    char command[SUITE_COMMAND_MAX];
    suite_command(config, command);
    printf("# " SIM_PROGRAM " %s\n", command);
    fflush(stdout); /* who dies on the way leaves it behind */
    sl_crowd_run(config, ret_result);
    const struct sl_crowd_result *r = ret_result;
    struct suite_figure figures[] = {
        {"delivered %", suite_percent(r->delivered, r->deliverable), e.delivered, e.goal_delivered,
         false},
        {"in time %", suite_percent(r->timely, r->timed), e.timely, 95, false},
        {"crossings of a link", (double)r->crossings_max, crossings_limit_of(config), 2, true},
    };
    bool fine = suite_is_lawful(r);
    if (r->stuck > 0)
        printf("# stuck: %" PRIu64 " not there although a connected node has it\n", r->stuck);
    for (size_t i = 0; i < SL_ARRAY_LEN(figures); i++)
        fine = fine && is_within(&figures[i], figures[i].limit);
    printf("%s %s\n", fine ? "ok" : "not ok", command);
    for (size_t i = 0; i < SL_ARRAY_LEN(figures); i++)
        suite_print_figure(&figures[i]);
    if (!fine)
        suite_print_again(config, r);
    fflush(stdout);
    return fine;
}
