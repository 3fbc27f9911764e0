/* What the program `sim` prints of runs of a crowd, and the runs that `make sim` makes. */
#ifndef SL_CROWD_SUITE_H
#define SL_CROWD_SUITE_H

#include "sim/crowd.h"

#define SUITE_COMMAND_MAX 256

/* The options that repeat a run, without the program's name. */
void suite_command(const struct sl_crowd_config *config, char ret_command[SUITE_COMMAND_MAX]);

/* One run in full. */
void suite_print_run(const struct sl_crowd_config *config, const struct sl_crowd_result *result,
                     double cpu_seconds);

/* Means and standard deviations of `count` runs, as one row of a table in Markdown. */
void suite_print_heading(void);
void suite_print_row(const struct sl_crowd_config *config, const struct sl_crowd_result *results,
                     int count, double cpu_seconds);

/* The fixed runs and some with fresh seeds, in lines "ok ...", "not ok ..."; the number that
 * failed. */
int suite_check(void);

/* Runs with fresh seeds for that many seconds; the number that failed. */
int suite_soak(double seconds);

#endif
