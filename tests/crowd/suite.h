/* What the program `sim` prints of runs of a crowd, and the runs that `make sim` makes. */
#ifndef SL_CROWD_SUITE_H
#define SL_CROWD_SUITE_H

#include "sim/crowd.h"

#define SUITE_COMMAND_MAX 256
#define SUITE_FAULTS_MAX  64
#define SIM_PROGRAM       "build/release/sim"

/* The options that repeat a run, without the program's name. */
void suite_command(const struct sl_crowd_config *config, char ret_command[SUITE_COMMAND_MAX]);

/* "cut,slow" */
void suite_faults(unsigned faults, char ret_names[SUITE_FAULTS_MAX]);

/* One run in full. */
void suite_print_run(const struct sl_crowd_config *config, const struct sl_crowd_result *result,
                     double cpu_seconds);

/* Means and standard deviations of `count` runs, as one row of a table in Markdown. */
void suite_print_heading(void);
void suite_print_row(const struct sl_crowd_config *config, const struct sl_crowd_result *results,
                     int count, double cpu_seconds);

/* A figure that a run is held to, and the goal it is measured against. */
struct suite_figure {
    const char *name;
    double measured, limit, goal;
    bool at_most; /* else at least */
};

/* Against its goal; a comment in the lines below. */
void suite_print_figure(const struct suite_figure *figure);

/* 100 where there was nothing to have. */
double suite_percent(uint64_t part, uint64_t whole);

/* Whether it kept the invariants. */
bool suite_is_lawful(const struct sl_crowd_result *result);

/* Makes one run and says in a line "ok ..." or "not ok ..." how it went; whether it kept the
 * invariants and delivered what is expected of its kind. */
bool suite_judge(const struct sl_crowd_config *config, struct sl_crowd_result *ret_result);

/* Why a run failed and how to see it again: seed, commit, command. */
void suite_print_again(const struct sl_crowd_config *config, const struct sl_crowd_result *result);

/* Each attack by itself, with the figures that it is held to (attacks.c); how many did not hold. */
#define SUITE_ATTACKS 19
int suite_attack(unsigned which, uint64_t seed);

/* The fixed runs and some with fresh seeds, in lines "ok ...", "not ok ..."; the number that
 * failed. */
int suite_check(void);

/* Begins runs with fresh seeds for that many seconds; the number that failed. */
int suite_soak(double seconds);

#endif
