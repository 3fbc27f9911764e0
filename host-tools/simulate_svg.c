#include "simulate.h"

#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The document is 1000 by 560 units: the field on the left, the curve on the right. */
#define FIELD_LEFT  30.0
#define FIELD_TOP   70.0
#define FIELD_SIZE  430.0
#define CURVE_LEFT  560.0
#define CURVE_TOP   90.0
#define CURVE_WIDTH 400.0
#define CURVE_HIGH  340.0

static const char head[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 560\" width=\"1000\" "
    "height=\"560\" role=\"img\">\n"
    "<style>text{font:13px system-ui,sans-serif;fill:#24292f}.h{font-size:16px;font-weight:600}"
    ".s{font-size:11px;fill:#57606a}.l{stroke:#0969da;stroke-width:.7;stroke-opacity:.35}"
    ".b{stroke:#bc4c00;stroke-width:.9;stroke-opacity:.55}"
    ".f{fill:#f6f8fa;stroke:#d0d7de}"
    ".a{stroke:#8c959f;stroke-width:1}.q{stroke:#d8dee4;stroke-width:1}"
    ".c{fill:none;stroke:#1a7f37;stroke-width:2.5}.w{fill:none;stroke:#bf3989;stroke-width:2}"
    "</style>\n<rect width=\"1000\" height=\"560\" fill=\"#fff\"/>\n";

/* Metres of the field to units of the document. */
struct view {
    double left, top, scale, x, y;
};

static struct view view_of(const struct sl_crowd_picture *picture)
{
    struct sl_extent extent = sl_extent_of(picture);
    double scale = (FIELD_SIZE - 40) / fmax(1, fmax(extent.width, extent.height));
    return (struct view){
        .left = extent.left,
        .top = extent.top,
        .scale = scale,
        .x = FIELD_LEFT + (FIELD_SIZE - extent.width * scale) / 2,
        .y = FIELD_TOP + (FIELD_SIZE - extent.height * scale) / 2,
    };
}

static double to_x(const struct view *view, double metres)
{
    return view->x + (metres - view->left) * view->scale;
}

static double to_y(const struct view *view, double metres)
{
    return view->y + (metres - view->top) * view->scale;
}

/* Green with all that was written, yellow with half of it, red with none; grey while off. */
static void put_colour(FILE *to, const struct sl_crowd_board *board)
{
    double share = board->wanted > 0 ? (double)board->got / (double)board->wanted : 1;
    if (!board->on)
        fprintf(to, "#afb8c1");
    else
        fprintf(to, "hsl(%.0f,75%%,%.0f%%)", 130 * share * share, 36 + 12 * (1 - share));
}

static void put_links(FILE *to, const struct view *view, const struct sl_crowd_picture *picture)
{
    for (size_t i = 0; i < picture->line_count; i++) {
        const struct sl_crowd_board *a = &picture->boards[picture->lines[i].a];
        const struct sl_crowd_board *b = &picture->boards[picture->lines[i].b];
        fprintf(to, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                picture->lines[i].bluetooth ? "b" : "l", to_x(view, a->x), to_y(view, a->y),
                to_x(view, b->x), to_y(view, b->y));
    }
}

static void put_gaps(FILE *to, const struct view *view, const struct sl_simulation *run)
{
    for (size_t i = 0; i < run->gaps.gap_count; i++) {
        const struct sl_gap *gap = &run->gaps.gaps[i];
        for (int n = 0; n < gap->boards; n++) {
            double at = gap->boards > 1 ? (double)n / (gap->boards - 1) : 0;
            fprintf(to,
                    "<circle class=\"w\" stroke-dasharray=\"3 2\" cx=\"%.1f\" cy=\"%.1f\" "
                    "r=\"6\"><title>a board here would join two parts</title></circle>\n",
                    to_x(view, gap->x + (gap->to_x - gap->x) * at),
                    to_y(view, gap->y + (gap->to_y - gap->y) * at));
        }
    }
    for (size_t i = 0; i < run->gaps.critical_count; i++) {
        const struct sl_crowd_board *board = &run->picture.boards[run->gaps.critical[i]];
        fprintf(to, "<circle class=\"w\" cx=\"%.1f\" cy=\"%.1f\" r=\"8\"/>\n", to_x(view, board->x),
                to_y(view, board->y));
    }
}

static void put_boards(FILE *to, const struct view *view, const struct sl_crowd_picture *picture)
{
    double radius = picture->board_count > 300 ? 3 : picture->board_count > 100 ? 4 : 5.5;
    for (size_t i = 0; i < picture->board_count; i++) {
        const struct sl_crowd_board *board = &picture->boards[i];
        fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" stroke=\"#fff\" fill=\"",
                to_x(view, board->x), to_y(view, board->y), radius);
        put_colour(to, board);
        fprintf(to, "\"><title>board %zu: %llu of %llu messages%s</title></circle>\n", i,
                (unsigned long long)board->got, (unsigned long long)board->wanted,
                board->on ? "" : ", off");
    }
}

/* 1, 2 or 5 times a power of ten, at most that much. */
static double round_length(double metres)
{
    double power = pow(10, floor(log10(metres)));
    double digit = metres / power;
    return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}

static void put_scale(FILE *to, const struct view *view)
{
    double length = round_length(fmax(1, 120 / view->scale));
    double x = FIELD_LEFT + 14, y = FIELD_TOP + FIELD_SIZE - 14, end = x + length * view->scale;
    fprintf(to, "<line class=\"a\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x, y, end,
            y);
    fprintf(to, "<text class=\"s\" x=\"%.1f\" y=\"%.1f\">%g m</text>\n", end + 6, y + 4, length);
}

static void put_key(FILE *to)
{
    static const struct {
        const char *circle, *words;
        double width;
    } keys[] = {
        {"r=\"5.5\" fill=\"hsl(130,75%,36%)\"", "got everything", 106},
        {"r=\"5.5\" fill=\"hsl(0,75%,48%)\"", "got nothing", 88},
        {"r=\"5.5\" fill=\"#afb8c1\"", "off", 44},
        {"class=\"w\" r=\"6\"", "weak point", 86},
        {"class=\"w\" stroke-dasharray=\"3 2\" r=\"6\"", "a board would help", 0},
    };
    double x = FIELD_LEFT + 8, y = FIELD_TOP + FIELD_SIZE + 24;
    for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
        fprintf(to, "<circle cx=\"%g\" cy=\"%g\" %s/>\n", x, y, keys[i].circle);
        fprintf(to, "<text class=\"s\" x=\"%g\" y=\"%g\">%s</text>\n", x + 11, y + 4,
                keys[i].words);
        x += keys[i].width;
    }
}

/* What the colours of the links mean, where there are two. */
static void put_link_key(FILE *to, const struct sl_crowd_picture *picture)
{
    bool bluetooth = false;
    for (size_t i = 0; i < picture->line_count; i++)
        bluetooth = bluetooth || picture->lines[i].bluetooth;
    if (bluetooth)
        fprintf(to,
                "<text class=\"s\" x=\"%g\" y=\"%g\" text-anchor=\"end\">links: blue Wi-Fi, "
                "brown Bluetooth</text>\n",
                FIELD_LEFT + FIELD_SIZE - 10, FIELD_TOP + FIELD_SIZE - 10);
}

static void put_field(FILE *to, const struct sl_simulation *run)
{
    struct view view = view_of(&run->picture);
    fprintf(to, "<rect class=\"f\" x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" rx=\"6\"/>\n",
            FIELD_LEFT, FIELD_TOP, FIELD_SIZE, FIELD_SIZE);
    put_links(to, &view, &run->picture);
    put_boards(to, &view, &run->picture);
    put_gaps(to, &view, run);
    put_scale(to, &view);
    put_key(to);
    put_link_key(to, &run->picture);
}

static void put_axes(FILE *to, const struct sl_crowd_picture *picture)
{
    for (int percent = 0; percent <= 100; percent += 25) {
        double y = CURVE_TOP + CURVE_HIGH * (100 - percent) / 100;
        fprintf(to, "<line class=\"%s\" x1=\"%g\" y1=\"%.1f\" x2=\"%g\" y2=\"%.1f\"/>\n",
                percent == 0 ? "a" : "q", CURVE_LEFT, y, CURVE_LEFT + CURVE_WIDTH, y);
        fprintf(to, "<text class=\"s\" x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%d %%</text>\n",
                CURVE_LEFT - 8, y + 4, percent);
    }
    for (int i = 0; i < SL_CROWD_CURVE_POINTS; i += SL_CROWD_CURVE_DECADE) {
        double x = CURVE_LEFT + CURVE_WIDTH * i / (SL_CROWD_CURVE_POINTS - 1);
        fprintf(to, "<line class=\"q\" x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\"/>\n", x,
                CURVE_TOP, x, CURVE_TOP + CURVE_HIGH);
        fprintf(to, "<text class=\"s\" x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%g s</text>\n", x,
                CURVE_TOP + CURVE_HIGH + 20, picture->curve_s[i]);
    }
}

static void put_caption(FILE *to, const struct sl_simulation *run)
{
    const struct sl_crowd_picture *picture = &run->picture;
    double share = (double)picture->got / fmax(1, (double)picture->wanted);
    double y = CURVE_TOP + CURVE_HIGH;
    fprintf(to,
            "<text x=\"%g\" y=\"%g\">Share of all messages that had arrived at all boards</text>\n",
            CURVE_LEFT, CURVE_TOP - 16);
    fprintf(to,
            "<text x=\"%g\" y=\"%g\">%.2f %% arrived; half within %.2f s, 95 of 100 within %.2f "
            "s</text>\n",
            CURVE_LEFT, y + 52, floor(1e4 * share) / 100, picture->half_s, picture->most_s);
    fprintf(to, "<text x=\"%g\" y=\"%g\">%.1f links a board; %zu part%s", CURVE_LEFT, y + 74,
            run->gaps.links_mean, run->gaps.part_count, run->gaps.part_count == 1 ? "" : "s");
    if (run->result.air.frames > 0)
        fprintf(to, "; air busy %.1f %% of the time", 100 * run->result.channel_busy);
    fprintf(to, "</text>\n");
}

static void put_curve(FILE *to, const struct sl_simulation *run)
{
    const struct sl_crowd_picture *picture = &run->picture;
    put_axes(to, picture);
    fprintf(to, "<polyline class=\"c\" points=\"");
    for (size_t i = 0; i < SL_CROWD_CURVE_POINTS; i++)
        fprintf(to, "%.1f,%.1f ",
                CURVE_LEFT + CURVE_WIDTH * (double)i / (SL_CROWD_CURVE_POINTS - 1),
                CURVE_TOP + CURVE_HIGH * (1 - picture->curve[i]));
    fprintf(to, "\"/>\n");
    put_caption(to, run);
}

char *sl_simulate_svg(const struct sl_simulation *run)
{
    char *text = NULL, *title = sl_simulate_title(run);
    size_t len;
    FILE *to = open_memstream(&text, &len);
    if (to == NULL)
        abort();
    fputs(head, to);
    size_t first = strcspn(title, ";"); /* the boards; then the people, on a line of their own */
    fprintf(to, "<title>%s</title>\n<text class=\"h\" x=\"%g\" y=\"34\">%.*s</text>\n", title,
            FIELD_LEFT, (int)first, title);
    fprintf(to, "<text x=\"%g\" y=\"55\">%s</text>\n", FIELD_LEFT,
            title + first + strspn(title + first, "; "));
    put_field(to, run);
    put_curve(to, run);
    fprintf(to, "</svg>\n");
    if (fclose(to) != 0)
        abort();
    free(title);
    return text;
}
