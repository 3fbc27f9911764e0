/* What a run looks like at its end, for those who want to see it: where boards stand, who is linked
 * with whom, what each of them got, and how fast. */
#ifndef SL_SIM_CROWD_PICTURE_H
#define SL_SIM_CROWD_PICTURE_H

#include "base/base.h"

#define SL_CROWD_CURVE_POINTS 61

struct sl_crowd_board {
    double x, y;          /* metres */
    bool on;              /* at the end */
    bool member;          /* not one of the attackers */
    uint64_t wanted, got; /* messages of others: all, and those that arrived */
};

/* A link that is up. */
struct sl_crowd_line {
    int a, b; /* numbers of boards, a below b */
};

struct sl_crowd_picture {
    struct sl_crowd_board *boards;
    size_t board_count;
    struct sl_crowd_line *lines;
    size_t line_count;
    double curve_step_s;
    /* Share of all messages to all readers that had arrived after so many steps. */
    double curve[SL_CROWD_CURVE_POINTS];
};

void sl_crowd_picture_done(struct sl_crowd_picture *picture);

#endif
