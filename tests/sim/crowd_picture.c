#include "sim/crowd_picture.h"

#include "sim/crowd_internal.h"

#include <math.h>
#include <stdlib.h>

#define CURVE_FROM_S 0.01

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
        board->wifi = !crowd->stations[i].has_no_wifi;
        board->bluetooth = crowd->stations[i].bluetooth != NULL;
        board->x = sl_air_place_of(crowd->air, i)->x;
        board->y = sl_air_place_of(crowd->air, i)->y;
        board->floor = sl_air_place_of(crowd->air, i)->floor;
    }
}

static struct sl_crowd_line *add_line(struct sl_crowd_picture *picture, size_t *cap)
{
    if (picture->line_count == *cap) {
        *cap = *cap > 0 ? 2 * *cap : 256;
        picture->lines = realloc(picture->lines, *cap * sizeof(*picture->lines));
        if (!picture->lines)
            abort();
    }
    return &picture->lines[picture->line_count++];
}

/* Among those from `first` on, that to a board; NULL: it is not there yet. */
static struct sl_crowd_line *find_line(struct sl_crowd_picture *picture, size_t first, int to)
{
    for (size_t i = first; i < picture->line_count; i++)
        if (picture->lines[i].b == to)
            return &picture->lines[i];
    return NULL;
}

static void draw_lines_of(const struct sl_crowd *crowd, int from, struct sl_crowd_picture *picture,
                          size_t *cap)
{
    const struct sl_crowd_station *station = &crowd->stations[from];
    struct sl_neighbour_info info;
    size_t first = picture->line_count;
    for (size_t i = 0; station->node && sl_node_neighbour(station->node, i, &info); i++) {
        int to = sl_crowd_station_at(&info.address);
        if (info.state != SL_LINK_UP || to <= from || !sl_crowd_is_on(&crowd->stations[to]))
            continue;
        bool bluetooth = sl_crowd_bluetooth_is(station, info.bearer);
        struct sl_crowd_line *line = find_line(picture, first, to);
        if (line)
            line->bluetooth = line->bluetooth && bluetooth;
        else
            *add_line(picture, cap) = (struct sl_crowd_line){from, to, bluetooth};
    }
}

static int compare_delays(const void *a, const void *b)
{
    const sl_time *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* What each board wanted and got; how long it took, to be freed. */
static sl_time *collect_delays(const struct sl_crowd *crowd, struct sl_crowd_picture *picture)
{
    size_t cap = crowd->message_count * (size_t)crowd->config.node_count + 1;
    sl_time *delays = sl_crowd_allocate(cap, sizeof(*delays));
    for (size_t m = 0; m < crowd->message_count; m++)
        for (int i = 0; i < crowd->config.node_count; i++) {
            const struct sl_crowd_message *message = &crowd->messages[m];
            if (!sl_crowd_counts_as_reader(crowd, message, i))
                continue;
            picture->boards[i].wanted++;
            picture->wanted++;
            if (message->first[i] == SL_NEVER)
                continue;
            picture->boards[i].got++;
            delays[picture->got++] = message->first[i] - message->at;
        }
    return delays;
}

static void draw_reading(const struct sl_crowd *crowd, struct sl_crowd_picture *picture)
{
    sl_time *delays = collect_delays(crowd, picture);
    size_t at = 0, got = (size_t)picture->got;
    if (got > 0)
        qsort(delays, got, sizeof(*delays), compare_delays);
    for (size_t i = 0; i < SL_CROWD_CURVE_POINTS; i++) {
        picture->curve_s[i] = CURVE_FROM_S * pow(10, (double)i / SL_CROWD_CURVE_DECADE);
        while (at < got && (double)delays[at] <= picture->curve_s[i] * (double)SL_SECOND)
            at++;
        picture->curve[i] = picture->wanted > 0 ? (double)at / (double)picture->wanted : 0;
    }
    if (got > 0) {
        picture->half_s = (double)delays[(got - 1) / 2] / (double)SL_SECOND;
        picture->most_s = (double)delays[(got - 1) * 95 / 100] / (double)SL_SECOND;
    }
    free(delays);
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
