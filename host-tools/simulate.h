/* What `starling simulate` says and draws of its runs. */
#ifndef SL_TOOLS_SIMULATE_H
#define SL_TOOLS_SIMULATE_H

#include "simulate_gaps.h"

#include "sim/crowd.h"

#include <jansson.h>
#include <stdio.h>

/* One run: what was asked for, what came of it. */
struct sl_simulation {
    struct sl_crowd_config config;
    long people;
    struct sl_crowd_result result;
    struct sl_crowd_picture picture;
    struct sl_gaps gaps; /* only of our own mesh: the others have no links */
};

/* simulate_report.c. For people; `others` are runs of other meshes to compare with. */
void sl_simulate_print(FILE *to, const struct sl_simulation *run,
                       const struct sl_simulation *others, size_t other_count);
/* A new object with all figures. */
json_t *sl_simulate_json(const struct sl_simulation *run, const struct sl_simulation *others,
                         size_t other_count);
/* "30 boards on 83 m x 83 m": what and where, for a heading; to be freed. */
char *sl_simulate_title(const struct sl_simulation *run);

/* simulate_svg.c. The field of the first run with boards and links, and delivery over time, with
 * that of the others beside it; a whole document, to be freed. */
char *sl_simulate_svg(const struct sl_simulation *runs, size_t count);

#endif
