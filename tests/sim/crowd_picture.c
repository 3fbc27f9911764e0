#include "sim/crowd_picture.h"

#include "sim/crowd_inside.h"

#include <stdlib.h>
#include <string.h>

#define CURVE_STEP (250 * SL_MILLISECOND)

void sl_crowd_picture_done(struct sl_crowd_picture *picture)
{
    free(picture->boards);
    free(picture->lines);
    *picture = (struct sl_crowd_picture){0};
}

static void draw_boards(const struct sl_crowd *crowd, struct sl_crowd_picture *picture)
{
    picture->board_count = (size_t)crowd->config.node_count;
    picture->boards = sl_crowd_allocate(picture->board_count, sizeof(*picture->boards));
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct sl_crowd_board *board = &picture->boards[i];
        board->on = sl_crowd_is_on(&crowd->stations[i]);
        board->member = crowd->stations[i].role == SL_ROLE_MEMBER;
        sl_air_position(crowd->air, i, &board->x, &board->y);
    }
}

static void draw_lines_of(const struct sl_crowd *crowd, int from, struct sl_crowd_picture *picture,
                          size_t *cap)
{
    struct sl_neighbour_info info;
    const struct sl_node *node = crowd->stations[from].node;
    for (size_t i = 0; node && sl_node_neighbour(node, i, &info); i++) {
        int to = sl_crowd_station_at(&info.address);
        if (info.state != SL_LINK_UP || to <= from)
            continue;
        if (picture->line_count == *cap) {
            *cap = *cap > 0 ? 2 * *cap : 256;
            picture->lines = realloc(picture->lines, *cap * sizeof(*picture->lines));
            if (!picture->lines)
                abort();
        }
        picture->lines[picture->line_count++] = (struct sl_crowd_line){from, to};
    }
}

static void draw_reading(const struct sl_crowd *crowd, struct sl_crowd_picture *picture)
{
    uint64_t wanted = 0, arrived[SL_CROWD_CURVE_POINTS] = {0}, sum = 0;
    for (size_t m = 0; m < crowd->message_count; m++)
        for (int i = 0; i < crowd->config.node_count; i++) {
            const struct sl_crowd_message *message = &crowd->messages[m];
            struct sl_crowd_board *board = &picture->boards[i];
            if (!sl_crowd_counts_as_reader(crowd, message, i))
                continue;
            wanted++;
            board->wanted++;
            if (message->first[i] == SL_NEVER)
                continue;
            board->got++;
            sl_time steps = (message->first[i] - message->at + CURVE_STEP - 1) / CURVE_STEP;
            if (steps < SL_CROWD_CURVE_POINTS)
                arrived[steps]++;
        }
    picture->curve_step_s = (double)CURVE_STEP / (double)SL_SECOND;
    for (size_t i = 0; i < SL_CROWD_CURVE_POINTS; i++) {
        sum += arrived[i];
        picture->curve[i] = wanted > 0 ? (double)sum / (double)wanted : 0;
    }
}

void sl_crowd_draw_picture(const struct sl_crowd *crowd, struct sl_crowd_picture *ret_picture)
{
    size_t cap = 0;
    *ret_picture = (struct sl_crowd_picture){0};
    draw_boards(crowd, ret_picture);
    for (int i = 0; i < crowd->config.node_count; i++)
        draw_lines_of(crowd, i, ret_picture, &cap);
    draw_reading(crowd, ret_picture);
}
