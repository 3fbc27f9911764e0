#include "simulate.h"

#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The document is 1000 units wide: the field on the left, the curve on the right; or, if the field
 * is long, the field above and the curve below. */
#define PAGE_WIDTH 1000.0
#define LONG_FIELD 2.2 /* times as wide as it is high */
#define FIELD_EDGE 20.0
#define LINES_FULL 300 /* links; where there are more each is fainter */

struct box {
    double x, y, width, height;
};

struct layout {
    struct box field, curve;
    double words_x, words_y; /* what is said of the curve */
    double height;           /* of the document */
};

static const char head[] =
    "<style>text{font:13px system-ui,sans-serif;fill:#24292f}.h{font-size:16px;font-weight:600}"
    ".s{font-size:11px;fill:#57606a}.l{stroke:#0969da;stroke-width:.7}"
    ".b{stroke:#bc4c00;stroke-width:.9}"
    ".f{fill:#f6f8fa;stroke:#d0d7de}"
    ".a{stroke:#8c959f;stroke-width:1}.q{stroke:#d8dee4;stroke-width:1}"
    ".c{fill:none;stroke:#1a7f37;stroke-width:2.5}.w{fill:none;stroke:#bf3989;stroke-width:2}"
    ".o1{fill:none;stroke:#57606a;stroke-width:1.5}"
    ".o2{fill:none;stroke:#57606a;stroke-width:1.5;stroke-dasharray:5 4}"
    "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";

/* Metres of the field to units of the document. */
struct view {
    double left, top, scale, x, y;
};

static struct layout layout_of(const struct sl_crowd_picture *picture)
{
    struct sl_extent extent = sl_extent_of(picture);
    if (extent.width < LONG_FIELD * extent.height)
        return (struct layout){.field = {30, 70, 430, 430},
                               .curve = {560, 90, 400, 320},
                               .words_x = 560,
                               .words_y = 480,
                               .height = 560};
    double width = PAGE_WIDTH - 60;
    double high = (width - 2 * FIELD_EDGE) * extent.height / extent.width + 2 * FIELD_EDGE;
    double field = fmin(fmax(high, 110), 400), curve = 70 + field + 90;
    return (struct layout){.field = {30, 70, width, field},
                           .curve = {80, curve, 440, 260},
                           .words_x = 570,
                           .words_y = curve + 12,
                           .height = curve + 320};
}

static struct view view_of(const struct sl_crowd_picture *picture, const struct box *field)
{
    struct sl_extent extent = sl_extent_of(picture);
    double scale = fmin((field->width - 2 * FIELD_EDGE) / fmax(1, extent.width),
                        (field->height - 2 * FIELD_EDGE) / fmax(1, extent.height));
    return (struct view){
        .left = extent.left,
        .top = extent.top,
        .scale = scale,
        .x = field->x + (field->width - extent.width * scale) / 2,
        .y = field->y + (field->height - extent.height * scale) / 2,
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
    double count = fmax(LINES_FULL, (double)picture->line_count);
    fprintf(to, "<g stroke-opacity=\"%.2f\">\n", fmax(0.12, 0.55 * sqrt(LINES_FULL / count)));
    for (size_t i = 0; i < picture->line_count; i++) {
        const struct sl_crowd_board *a = &picture->boards[picture->lines[i].a];
        const struct sl_crowd_board *b = &picture->boards[picture->lines[i].b];
        fprintf(to, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                picture->lines[i].bluetooth ? "b" : "l", to_x(view, a->x), to_y(view, a->y),
                to_x(view, b->x), to_y(view, b->y));
    }
    fprintf(to, "</g>\n");
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
        fprintf(to, "\"><title>board %zu: %llu of %llu messages%s", i,
                (unsigned long long)board->got, (unsigned long long)board->wanted,
                board->on ? "" : ", off");
        if (board->floor > 0)
            fprintf(to, ", storey %d", board->floor);
        fprintf(to, "</title></circle>\n");
    }
}

/* 1, 2 or 5 times a power of ten, at most that much. */
static double round_length(double metres)
{
    double power = pow(10, floor(log10(metres)));
    double digit = metres / power;
    return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}

static void put_scale(FILE *to, const struct view *view, const struct box *field)
{
    double length = round_length(fmax(1, 120 / view->scale));
    double x = field->x + 14, y = field->y + field->height - 10, end = x + length * view->scale;
    fprintf(to, "<line class=\"a\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x, y, end,
            y);
    fprintf(to, "<text class=\"s\" x=\"%.1f\" y=\"%.1f\">%g m</text>\n", end + 6, y + 4, length);
}

static void put_key(FILE *to, const struct box *field)
{
    static const struct {
        const char *circle, *words;
        double width;
    } keys[] = {
        {"r=\"5.5\" fill=\"hsl(130,75%,36%)\"", "got everything", 106},
        {"r=\"5.5\" fill=\"hsl(33,75%,42%)\"", "half", 50},
        {"r=\"5.5\" fill=\"hsl(0,75%,48%)\"", "nothing", 66},
        {"r=\"5.5\" fill=\"#afb8c1\"", "off", 44},
        {"class=\"w\" r=\"6\"", "weak point", 86},
        {"class=\"w\" stroke-dasharray=\"3 2\" r=\"6\"", "a board would help", 0},
    };
    double x = field->x + 8, y = field->y + field->height + 24;
    for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
        fprintf(to, "<circle cx=\"%g\" cy=\"%g\" %s/>\n", x, y, keys[i].circle);
        fprintf(to, "<text class=\"s\" x=\"%g\" y=\"%g\">%s</text>\n", x + 11, y + 4,
                keys[i].words);
        x += keys[i].width;
    }
}

/* What the picture does not show by itself: colours of links, if there are two; storeys. */
static void put_notes(FILE *to, const struct box *field, const struct sl_crowd_picture *picture)
{
    bool bluetooth = false;
    int top = 0;
    for (size_t i = 0; i < picture->line_count; i++)
        bluetooth = bluetooth || picture->lines[i].bluetooth;
    for (size_t i = 0; i < picture->board_count; i++)
        top = picture->boards[i].floor > top ? picture->boards[i].floor : top;
    if (!bluetooth && top == 0)
        return;
    fprintf(to, "<text class=\"s\" x=\"%g\" y=\"%g\">", field->x + 3,
            field->y + field->height + 46);
    if (bluetooth)
        fprintf(to, "links: blue Wi-Fi, brown Bluetooth");
    if (top > 0)
        fprintf(to, "%s%d storeys, seen from above", bluetooth ? "; " : "", top + 1);
    fprintf(to, "</text>\n");
}

static void put_field(FILE *to, const struct layout *layout, const struct sl_simulation *run)
{
    const struct box *field = &layout->field;
    struct view view = view_of(&run->picture, field);
    fprintf(to, "<rect class=\"f\" x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" rx=\"6\"/>\n",
            field->x, field->y, field->width, field->height);
    put_links(to, &view, &run->picture);
    put_boards(to, &view, &run->picture);
    put_gaps(to, &view, run);
    put_scale(to, &view, field);
    put_key(to, field);
    put_notes(to, field, &run->picture);
}

static void put_axes(FILE *to, const struct box *curve, const struct sl_crowd_picture *picture)
{
    double bottom = curve->y + curve->height;
    for (int percent = 0; percent <= 100; percent += 25) {
        double y = curve->y + curve->height * (100 - percent) / 100;
        fprintf(to, "<line class=\"%s\" x1=\"%g\" y1=\"%.1f\" x2=\"%g\" y2=\"%.1f\"/>\n",
                percent == 0 ? "a" : "q", curve->x, y, curve->x + curve->width, y);
        fprintf(to, "<text class=\"s\" x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%d %%</text>\n",
                curve->x - 8, y + 4, percent);
    }
    for (int i = 0; i < SL_CROWD_CURVE_POINTS; i += SL_CROWD_CURVE_DECADE) {
        double x = curve->x + curve->width * i / (SL_CROWD_CURVE_POINTS - 1);
        fprintf(to, "<line class=\"q\" x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\"/>\n", x,
                curve->y, x, bottom);
        fprintf(to, "<text class=\"s\" x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%g s</text>\n", x,
                bottom + 18, picture->curve_s[i]);
    }
    fprintf(to,
            "<text x=\"%g\" y=\"%g\">Share of all messages at all boards that had arrived</text>\n",
            curve->x, curve->y - 16);
    fprintf(
        to,
        "<text class=\"s\" x=\"%g\" y=\"%g\" text-anchor=\"middle\">after it was written</text>\n",
        curve->x + curve->width / 2, bottom + 36);
}

static void put_line(FILE *to, const struct box *curve, const struct sl_crowd_picture *picture,
                     const char *class)
{
    fprintf(to, "<polyline class=\"%s\" points=\"", class);
    for (size_t i = 0; i < SL_CROWD_CURVE_POINTS; i++)
        fprintf(to, "%.1f,%.1f ", curve->x + curve->width * (double)i / (SL_CROWD_CURVE_POINTS - 1),
                curve->y + curve->height * (1 - picture->curve[i]));
    fprintf(to, "\"/>\n");
}

static void put_words(FILE *to, const struct layout *layout, const struct sl_simulation *run)
{
    const struct sl_crowd_picture *picture = &run->picture;
    double share = (double)picture->got / fmax(1, (double)picture->wanted);
    double x = layout->words_x, y = layout->words_y;
    fprintf(to,
            "<text x=\"%g\" y=\"%g\">%.2f %% arrived; half within %.2f s, 95 of 100 within %.2f "
            "s</text>\n",
            x, y, floor(1e4 * share) / 100, picture->half_s, picture->most_s);
    fprintf(to, "<text x=\"%g\" y=\"%g\">%.1f links a board; %zu part%s", x, y + 22,
            run->gaps.links_mean, run->gaps.part_count, run->gaps.part_count == 1 ? "" : "s");
    if (run->result.air.frames > 0)
        fprintf(to, "; air busy %.1f %% of the time", 100 * run->result.channel_busy);
    fprintf(to, "</text>\n");
}

static const char *const classes[] = {"c", "o1", "o2"};

/* Which line is which, where there are several. */
static void put_line_key(FILE *to, const struct layout *layout, const struct sl_simulation *runs,
                         size_t count)
{
    double x = layout->words_x, y = layout->words_y + 44;
    for (size_t i = 0; count > 1 && i < count; i++) {
        fprintf(to, "<polyline class=\"%s\" points=\"%g,%g %g,%g\"/>\n", classes[i], x, y - 4,
                x + 22, y - 4);
        fprintf(to, "<text class=\"s\" x=\"%g\" y=\"%g\">%s</text>\n", x + 28, y,
                sl_crowd_mode_name(runs[i].config.mode));
        x += 100;
    }
}

char *sl_simulate_svg(const struct sl_simulation *runs, size_t count)
{
    char *text = NULL, *title = sl_simulate_title(&runs[0]);
    struct layout layout = layout_of(&runs[0].picture);
    size_t len;
    FILE *to = open_memstream(&text, &len);
    if (to == NULL)
        abort();
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" "
            "height=\"%g\" role=\"img\">\n",
            PAGE_WIDTH, layout.height, PAGE_WIDTH, layout.height);
    fputs(head, to);
    size_t first = strcspn(title, ";"); /* the boards; then the people, on a line of their own */
    fprintf(to, "<title>%s</title>\n<text class=\"h\" x=\"30\" y=\"34\">%.*s</text>\n", title,
            (int)first, title);
    fprintf(to, "<text x=\"30\" y=\"55\">%s</text>\n", title + first + strspn(title + first, "; "));
    put_field(to, &layout, &runs[0]);
    put_axes(to, &layout.curve, &runs[0].picture);
    for (size_t i = sl_min_size(count, SL_ARRAY_LEN(classes)); i-- > 0;)
        put_line(to, &layout.curve, &runs[i].picture, classes[i]);
    put_words(to, &layout, &runs[0]);
    put_line_key(to, &layout, runs, sl_min_size(count, SL_ARRAY_LEN(classes)));
    fprintf(to, "</svg>\n");
    if (fclose(to) != 0)
        abort();
    free(title);
    return text;
}
