/* What a run looks like at its end, for those who want to see it: where boards stand, who is linked
 * with whom, what each of them got, and how fast. */
#ifndef SL_SIM_CROWD_PICTURE_H
#define SL_SIM_CROWD_PICTURE_H

#include "base/base.h"

/* Of the curve: 15 for each factor of ten, from 10 ms to 100 s. */
#define SL_CROWD_CURVE_POINTS 61
#define SL_CROWD_CURVE_DECADE 15

struct sl_crowd_board {
    double x, y;          /* metres */
    int floor;            /* 0: the ground, or the open */
    bool on;              /* at the end */
    bool member;          /* not one of the attackers */
    bool wifi, bluetooth; /* which radios it has */
    uint64_t wanted, got; /* messages of others: all, and those that arrived */
};

/* Two that are linked. */
struct sl_crowd_line {
    int a, b;       /* numbers of boards, a below b */
    bool bluetooth; /* over that alone */
};

struct sl_crowd_picture {
    struct sl_crowd_board *boards;
    size_t board_count;
    struct sl_crowd_line *lines;
    size_t line_count;
    /* Share of all messages to all readers that had arrived after so many seconds. */
    double curve_s[SL_CROWD_CURVE_POINTS], curve[SL_CROWD_CURVE_POINTS];
    uint64_t wanted, got;
    double half_s, most_s; /* in which half, and 95 of 100, of what arrived did so */
};

void sl_crowd_picture_done(struct sl_crowd_picture *picture);

#endif
