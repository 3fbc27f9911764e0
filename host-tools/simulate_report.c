#include "simulate.h"

#include "output.h"
#include "words.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { PEOPLE_A_BOARD = 50, CRITICAL_SHOWN = 6 };

#define ENOUGH_ARRIVED 0.99
#define AIR_BUSY       0.4 /* the share of the air that relayed traffic may take */

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 1;
}

static double arrived(const struct sl_simulation *run)
{
    return share(run->picture.got, run->picture.wanted);
}

/* Rounded down: 100 % is all of it. */
static double percent_below(double part)
{
    return floor(1e4 * part) / 100;
}

/* " with Bluetooth", or how many have what; to be freed. */
static char *radios_of(const struct sl_crowd_picture *picture)
{
    size_t wifi = 0, bluetooth = 0, both = 0;
    for (size_t i = 0; i < picture->board_count; i++) {
        const struct sl_crowd_board *board = &picture->boards[i];
        both += board->wifi && board->bluetooth;
        wifi += board->wifi && !board->bluetooth;
        bluetooth += board->bluetooth && !board->wifi;
    }
    if (bluetooth + both == 0)
        return sl_output_format("with Wi-Fi");
    if (wifi + both == 0)
        return sl_output_format("with Bluetooth");
    if (wifi + bluetooth == 0)
        return sl_output_format("with Wi-Fi and Bluetooth");
    return sl_output_format("(%zu with Wi-Fi, %zu with Bluetooth, %zu with both)", wifi, bluetooth,
                            both);
}

char *sl_simulate_title(const struct sl_simulation *run)
{
    const struct sl_crowd_config *c = &run->config;
    struct sl_extent extent = sl_extent_of(&run->picture);
    char people[SL_WORDS_MAX], boards[SL_WORDS_MAX], messages[SL_WORDS_MAX];
    sl_words_count((uint64_t)lround(c->messages_per_hour * c->node_count), messages);
    sl_words_count((uint64_t)c->node_count, boards);
    sl_words_count((uint64_t)run->people, people);
    char *radios = radios_of(&run->picture);
    char *title = sl_output_format(
        "%s boards %s, %s, %.0f m x %.0f m; %s people write %s messages an hour", boards, radios,
        sl_crowd_field_name(c->field), extent.width, extent.height, people, messages);
    free(radios);
    return title;
}

/* ---- What it means ---- */

static void print_place(FILE *to, const struct sl_simulation *run, int board)
{
    struct sl_extent extent = sl_extent_of(&run->picture);
    const struct sl_crowd_board *b = &run->picture.boards[board];
    fprintf(to, "%d (%.0f m, %.0f m)", board, b->x - extent.left, b->y - extent.top);
}

static void print_gaps(FILE *to, const struct sl_simulation *run)
{
    const struct sl_gaps *gaps = &run->gaps;
    struct sl_extent extent = sl_extent_of(&run->picture);
    if (gaps->part_count > 1)
        fprintf(to, "  gaps          the mesh is in %zu parts; the largest has %zu of %zu boards\n",
                gaps->part_count, gaps->largest, gaps->on);
    else
        fprintf(to, "  gaps          none: all boards are in one mesh\n");
    for (size_t i = 0; i < gaps->gap_count; i++) {
        const struct sl_gap *gap = &gaps->gaps[i];
        fprintf(to, "                %.0f m: %d more board%s near (%.0f m, %.0f m)", gap->length_m,
                gap->boards, gap->boards > 1 ? "s" : "", gap->x - extent.left, gap->y - extent.top);
        if (gap->boards > 1)
            fprintf(to, " to (%.0f m, %.0f m)", gap->to_x - extent.left, gap->to_y - extent.top);
        fprintf(to, "\n");
    }
}

static void print_critical(FILE *to, const struct sl_simulation *run)
{
    const struct sl_gaps *gaps = &run->gaps;
    if (gaps->critical_count == 0) {
        fprintf(to, "  weak points   none: any one board may fail\n");
        return;
    }
    fprintf(to, "  weak points   %zu board%s on which others depend: ", gaps->critical_count,
            gaps->critical_count > 1 ? "s" : "");
    for (size_t i = 0; i < gaps->critical_count && i < CRITICAL_SHOWN; i++) {
        fprintf(to, "%s", i > 0 ? ", " : "");
        print_place(to, run, gaps->critical[i]);
    }
    fprintf(to, "%s\n", gaps->critical_count > CRITICAL_SHOWN ? ", ..." : "");
}

static int missing_boards(const struct sl_gaps *gaps)
{
    int boards = 0;
    for (size_t i = 0; i < gaps->gap_count; i++)
        boards += gaps->gaps[i].boards;
    return boards;
}

/* The answer to the question that was asked: are these boards enough? */
static char *verdict(const struct sl_simulation *run)
{
    const struct sl_gaps *gaps = &run->gaps;
    double reached = arrived(run);
    if (run->picture.wanted == 0)
        return sl_output_format("Nobody wrote anything: more --minutes, --people or --messages "
                                "show how it works under load.");
    if (gaps->part_count > 1)
        return sl_output_format("Not enough: about %d more board%s would join the parts "
                                "(see gaps).",
                                missing_boards(gaps), missing_boards(gaps) > 1 ? "s" : "");
    if (run->result.channel_busy > AIR_BUSY)
        return sl_output_format("Too much for the air: it is busy %.0f %% of the time. Fewer "
                                "messages, or two networks on two channels.",
                                100 * run->result.channel_busy);
    if (reached < ENOUGH_ARRIVED)
        return sl_output_format("Not good enough yet: %.2f %% arrived. The mesh is thin; more "
                                "boards give it a second way.",
                                percent_below(reached));
    if (run->people > (long)PEOPLE_A_BOARD * run->config.node_count)
        return sl_output_format("The mesh holds, but a board serves some %d people over its own "
                                "Wi-Fi: %ld boards for %ld.",
                                PEOPLE_A_BOARD, (run->people + PEOPLE_A_BOARD - 1) / PEOPLE_A_BOARD,
                                run->people);
    if (gaps->critical_count > 0)
        return sl_output_format("Enough while all of them run. A second board beside each weak "
                                "point, and any one may fail.");
    return sl_output_format("Enough: everything is linked in more than one way.");
}

/* ---- Text ---- */

static void print_comparison(FILE *to, const struct sl_simulation *run,
                             const struct sl_simulation *others, size_t other_count)
{
    static const char *const headings[] = {"the same field with", ">arrived %",  ">half within s",
                                           ">95 % within s",      ">air busy %", ">sends a board"};
    struct sl_table *table = sl_table_new(headings, SL_ARRAY_LEN(headings));
    for (size_t i = 0; i <= other_count; i++) {
        const struct sl_simulation *s = i == 0 ? run : &others[i - 1];
        sl_table_cell(table, "%s", sl_crowd_mode_name(s->config.mode));
        sl_table_cell(table, "%.2f", percent_below(arrived(s)));
        sl_table_cell(table, "%.2f", s->picture.half_s);
        sl_table_cell(table, "%.2f", s->picture.most_s);
        sl_table_cell(table, "%.2f", 100 * s->result.channel_busy);
        sl_table_cell(table, "%.2f", s->result.sends_of_flooding);
    }
    fprintf(to, "\n");
    sl_table_print(table, to);
    sl_table_free(table);
    fprintf(to, "flooding: everybody sends everything once. phone: the rules of chat meshes of "
                "phones, 7 hops,\nneighbours known for nothing. Neither encrypts, keeps or "
                "repairs anything.\n");
}

static void print_air(FILE *to, const struct sl_crowd_result *r)
{
    if (r->air.frames > 0)
        fprintf(to,
                "  air           busy %.1f %% of the time; %.1f of that holds the mesh together\n",
                100 * r->channel_busy, 100 * r->control_share);
    if (r->ble.packets > 0)
        fprintf(to,
                "  bluetooth     at most %zu links a board; %.1f %% of packets sent again, "
                "%.1f %% of datagrams too many\n",
                r->ble_links_most, 100 * share(r->ble.packets_lost, r->ble.packets),
                100 * share(r->ble.refused, r->ble.sent + r->ble.refused));
}

static void print_figures(FILE *to, const struct sl_simulation *run)
{
    const struct sl_crowd_result *r = &run->result;
    const struct sl_crowd_picture *p = &run->picture;
    char got[SL_WORDS_MAX], wanted[SL_WORDS_MAX], messages[SL_WORDS_MAX];
    sl_words_count(p->got, got);
    sl_words_count(p->wanted, wanted);
    sl_words_count(r->messages, messages);
    fprintf(to, "  arrived       %.2f %% of %s messages at all boards that were on (%s of %s)\n",
            percent_below(arrived(run)), messages, got, wanted);
    if (r->delivered < r->deliverable)
        fprintf(to, "                %.2f %% of what could arrive: of boards that met\n",
                percent_below(share(r->delivered, r->deliverable)));
    if (p->got > 0)
        fprintf(to, "  how fast      half within %.2f s, 95 of 100 within %.2f s\n", p->half_s,
                p->most_s);
    print_air(to, r);
    fprintf(to, "  sending       %.2f times for each message and board (flooding: 1)\n",
            r->sends_of_flooding);
    fprintf(to, "  links         %.1f a board, %zu at least; half of them up to %.0f m\n",
            run->gaps.links_mean, run->gaps.links_least, run->gaps.link_m);
}

void sl_simulate_print(FILE *to, const struct sl_simulation *run,
                       const struct sl_simulation *others, size_t other_count)
{
    char *title = sl_simulate_title(run), *words = verdict(run);
    fprintf(to, "%s.\n\n", title);
    print_figures(to, run);
    print_gaps(to, run);
    print_critical(to, run);
    if (run->result.violation[0] != '\0')
        fprintf(to,
                "  defect        %s. Please report it, with what starling --version\n"
                "                says, seed %" PRIu64
                " and this command: it shows it again, and with\n"
                "                --until SECONDS --trace FILE event by event.\n",
                run->result.violation, run->config.seed);
    if (other_count > 0)
        print_comparison(to, run, others, other_count);
    fprintf(to, "\n%s\n", words);
    free(title);
    free(words);
}

/* ---- JSON ---- */

static json_t *delivery_json(const struct sl_simulation *run)
{
    const struct sl_crowd_result *r = &run->result;
    const struct sl_crowd_picture *p = &run->picture;
    json_t *curve = json_array();
    for (size_t i = 0; i < SL_CROWD_CURVE_POINTS; i++)
        json_array_append_new(curve, json_pack("[f, f]", p->curve_s[i], p->curve[i]));
    return json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:o}", "mode",
                     sl_crowd_mode_name(run->config.mode), "messages", (json_int_t)r->messages,
                     "wanted", (json_int_t)p->wanted, "arrived", (json_int_t)p->got, "half_within",
                     p->half_s, "most_within", p->most_s, "deliverable", (json_int_t)r->deliverable,
                     "delivered", (json_int_t)r->delivered, "air_busy", r->channel_busy,
                     "air_control", r->control_share, "sends", r->sends_of_flooding, "useful",
                     r->useful, "curve", curve);
}

static json_t *board_json(const struct sl_simulation *run, size_t at)
{
    const struct sl_crowd_board *b = &run->picture.boards[at];
    return json_pack("{s:f, s:f, s:b, s:b, s:b, s:I, s:I}", "x", b->x, "y", b->y, "on", b->on,
                     "wifi", b->wifi, "bluetooth", b->bluetooth, "wanted", (json_int_t)b->wanted,
                     "arrived", (json_int_t)b->got);
}

static json_t *gaps_json(const struct sl_gaps *gaps)
{
    json_t *list = json_array(), *critical = json_array();
    for (size_t i = 0; i < gaps->gap_count; i++) {
        const struct sl_gap *gap = &gaps->gaps[i];
        json_array_append_new(list, json_pack("{s:f, s:i, s:[f, f], s:[f, f]}", "length",
                                              gap->length_m, "boards", gap->boards, "from", gap->x,
                                              gap->y, "to", gap->to_x, gap->to_y));
    }
    for (size_t i = 0; i < gaps->critical_count; i++)
        json_array_append_new(critical, json_integer(gaps->critical[i]));
    return json_pack("{s:I, s:I, s:I, s:f, s:I, s:f, s:o, s:o}", "boards_on", (json_int_t)gaps->on,
                     "parts", (json_int_t)gaps->part_count, "largest", (json_int_t)gaps->largest,
                     "links", gaps->links_mean, "links_least", (json_int_t)gaps->links_least,
                     "link_length", gaps->link_m, "weak_points", critical, "gaps", list);
}

json_t *sl_simulate_json(const struct sl_simulation *run, const struct sl_simulation *others,
                         size_t other_count)
{
    json_t *runs = json_array(), *boards = json_array(), *links = json_array();
    char *words = verdict(run);
    json_array_append_new(runs, delivery_json(run));
    for (size_t i = 0; i < other_count; i++)
        json_array_append_new(runs, delivery_json(&others[i]));
    for (size_t i = 0; i < run->picture.board_count; i++)
        json_array_append_new(boards, board_json(run, i));
    for (size_t i = 0; i < run->picture.line_count; i++)
        json_array_append_new(
            links, json_pack("[i, i, s]", run->picture.lines[i].a, run->picture.lines[i].b,
                             run->picture.lines[i].bluetooth ? "bluetooth" : "wifi"));
    json_t *answer = json_pack(
        "{s:I, s:s, s:i, s:I, s:f, s:s, s:o, s:o, s:o, s:o}", "seed", (json_int_t)run->config.seed,
        "field", sl_crowd_field_name(run->config.field), "nodes", run->config.node_count, "people",
        (json_int_t)run->people, "messages_per_hour",
        run->config.messages_per_hour * run->config.node_count, "verdict", words, "mesh",
        gaps_json(&run->gaps), "runs", runs, "boards", boards, "links", links);
    free(words);
    return answer;
}
