/* Whether the boards of a picture hold together, and where some more would help. Pure. */
#ifndef SL_TOOLS_SIMULATE_GAPS_H
#define SL_TOOLS_SIMULATE_GAPS_H

#include "sim/crowd_picture.h"

#define SL_GAPS_MAX 8

struct sl_gap {
    double x, y;       /* where the first board would go */
    double to_x, to_y; /* and the last */
    double length_m;
    int boards; /* that bridge it, at the usual distance from one to the next */
};

struct sl_gaps {
    size_t on;          /* boards that are on */
    size_t part_count;  /* parts of the mesh that are not linked with one another */
    size_t largest;     /* boards in the largest */
    double link_m;      /* half of the links are at most that long; 0: there is none */
    double links_mean;  /* of a board */
    size_t links_least; /* of the one with the fewest */
    int *critical;      /* boards without which a part would fall apart */
    size_t critical_count;
    struct sl_gap gaps[SL_GAPS_MAX]; /* between a smaller part and what is nearest to it */
    size_t gap_count;
};

/* What the boards stand on, metres. */
struct sl_extent {
    double left, top, width, height;
};
struct sl_extent sl_extent_of(const struct sl_crowd_picture *picture);

/* Aborts if out of memory. */
void sl_gaps_find(const struct sl_crowd_picture *picture, struct sl_gaps *ret_gaps);
void sl_gaps_done(struct sl_gaps *gaps);

#endif
