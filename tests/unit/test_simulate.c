/* What `starling simulate` finds in a picture, and what it says of it. */
#include "simulate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BOARDS = 40 };

/* Boards 10 m apart on a line, all on, all read. */
struct field {
    struct sl_crowd_board boards[BOARDS];
    struct sl_crowd_line lines[BOARDS * 2];
    struct sl_crowd_picture picture;
};

static void make_field(struct field *field, size_t boards)
{
    *field = (struct field){.picture = {.board_count = boards}};
    field->picture.boards = field->boards;
    field->picture.lines = field->lines;
    for (size_t i = 0; i < boards; i++)
        field->boards[i] =
            (struct sl_crowd_board){.x = 10.0 * (double)i, .on = true, .member = true};
}

static void link_boards(struct field *field, int a, int b)
{
    field->lines[field->picture.line_count++] = (struct sl_crowd_line){.a = a, .b = b};
}

static void link_in_line(struct field *field)
{
    for (int i = 0; i + 1 < (int)field->picture.board_count; i++)
        link_boards(field, i, i + 1);
}

static void test_a_line_depends_on_its_middle(void **state)
{
    (void)state;
    struct field field;
    struct sl_gaps gaps;
    make_field(&field, 5);
    link_in_line(&field);
    sl_gaps_find(&field.picture, &gaps);
    assert_int_equal(gaps.part_count, 1);
    assert_int_equal(gaps.largest, 5);
    assert_int_equal(gaps.gap_count, 0);
    assert_int_equal(gaps.critical_count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(gaps.critical[i], i + 1);
    assert_true(fabs(gaps.links_mean - 1.6) < 1e-9);
    assert_int_equal(gaps.links_least, 1);
    assert_true(fabs(gaps.link_m - 10) < 1e-9);
    sl_gaps_done(&gaps);
}

static void test_a_ring_depends_on_nobody(void **state)
{
    (void)state;
    struct field field;
    struct sl_gaps gaps;
    make_field(&field, BOARDS);
    link_in_line(&field);
    link_boards(&field, 0, BOARDS - 1);
    sl_gaps_find(&field.picture, &gaps);
    assert_int_equal(gaps.critical_count, 0);
    assert_int_equal(gaps.part_count, 1);
    sl_gaps_done(&gaps);
}

static void test_two_rings_depend_on_the_board_they_share(void **state)
{
    (void)state;
    struct field field;
    struct sl_gaps gaps;
    make_field(&field, 5);
    link_boards(&field, 0, 1);
    link_boards(&field, 1, 2);
    link_boards(&field, 0, 2);
    link_boards(&field, 2, 3);
    link_boards(&field, 3, 4);
    link_boards(&field, 2, 4);
    sl_gaps_find(&field.picture, &gaps);
    assert_int_equal(gaps.critical_count, 1);
    assert_int_equal(gaps.critical[0], 2);
    sl_gaps_done(&gaps);
}

/* 0-1-2 and, 40 m away, 6-7; the boards between them are off. */
static void test_a_gap_is_bridged_at_the_usual_distance(void **state)
{
    (void)state;
    struct field field;
    struct sl_gaps gaps;
    make_field(&field, 8);
    link_boards(&field, 0, 1);
    link_boards(&field, 1, 2);
    link_boards(&field, 6, 7);
    for (int i = 3; i < 6; i++)
        field.boards[i].on = false;
    sl_gaps_find(&field.picture, &gaps);
    assert_int_equal(gaps.on, 5);
    assert_int_equal(gaps.part_count, 2);
    assert_int_equal(gaps.largest, 3);
    assert_int_equal(gaps.gap_count, 1);
    assert_int_equal(gaps.gaps[0].boards, 3);
    assert_true(fabs(gaps.gaps[0].length_m - 40) < 1e-9);
    assert_true(fabs(gaps.gaps[0].x - 50) < 1e-9); /* from the smaller part */
    assert_true(fabs(gaps.gaps[0].to_x - 30) < 1e-9);
    sl_gaps_done(&gaps);
}

static void test_nobody_is_on(void **state)
{
    (void)state;
    struct field field;
    struct sl_gaps gaps;
    make_field(&field, 3);
    for (int i = 0; i < 3; i++)
        field.boards[i].on = false;
    sl_gaps_find(&field.picture, &gaps);
    assert_int_equal(gaps.part_count, 0);
    assert_int_equal(gaps.links_least, 0);
    sl_gaps_done(&gaps);
}

/* ---- Words ---- */

static char *report_of(struct sl_simulation *run)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    assert_non_null(to);
    sl_gaps_find(&run->picture, &run->gaps);
    sl_simulate_print(to, run, NULL, 0);
    sl_gaps_done(&run->gaps);
    fclose(to);
    return text;
}

static void test_the_verdict_names_what_is_wrong(void **state)
{
    (void)state;
    struct field field;
    const struct {
        bool ring;
        uint64_t got;
        double busy;
        long people;
        const char *says;
    } cases[] = {
        {true, 1000, 0.1, 100, "Enough: everything"},
        {true, 980, 0.1, 100, "98.00 % arrived. The mesh is thin"},
        {true, 1000, 0.5, 100, "Too much for the air"},
        {true, 1000, 0.1, 401, "9 boards for 401"},
        {false, 1000, 0.1, 100, "Enough while all of them run"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        make_field(&field, 8);
        link_in_line(&field);
        if (cases[i].ring)
            link_boards(&field, 0, 7);
        field.picture.wanted = 1000;
        field.picture.got = cases[i].got;
        struct sl_simulation run = {.picture = field.picture, .people = cases[i].people};
        run.config.node_count = 8;
        run.result.channel_busy = cases[i].busy;
        char *text = report_of(&run);
        if (strstr(text, cases[i].says) == NULL)
            fail_msg("case %zu: no '%s' in: %s", i, cases[i].says, text);
        free(text);
    }
}

static void test_the_picture_is_whole(void **state)
{
    (void)state;
    struct sl_simulation run = {.people = 50};
    sl_crowd_config_init(&run.config);
    run.config.node_count = 6;
    run.config.chat = 20 * SL_SECOND;
    run.config.messages_per_hour = 300;
    run.config.picture = &run.picture;
    sl_crowd_run(&run.config, &run.result);
    assert_int_equal(run.picture.board_count, 6);
    assert_in_range(run.picture.line_count, 5, 15);
    assert_int_equal(run.picture.wanted, run.result.deliverable);
    assert_int_equal(run.picture.got, run.result.delivered);
    assert_true(run.picture.got > 0);
    sl_gaps_find(&run.picture, &run.gaps);
    char *svg = sl_simulate_svg(&run, 1);
    assert_non_null(strstr(svg, "<title>6 boards with Wi-Fi, standing,"));
    assert_non_null(strstr(svg, "</svg>"));
    json_t *json = sl_simulate_json(&run, NULL, 0);
    assert_non_null(json);
    assert_int_equal(json_array_size(json_object_get(json, "links")), run.picture.line_count);
    assert_int_equal(json_array_size(json_object_get(json, "boards")), 6);
    assert_int_equal(json_array_size(json_object_get(json, "runs")), 1);
    json_decref(json);
    free(svg);
    sl_gaps_done(&run.gaps);
    sl_crowd_picture_done(&run.picture);
}

/* A column is drawn above its curve; every mesh has a curve of its own. */
static void test_the_picture_of_a_march_beside_others(void **state)
{
    (void)state;
    struct field field;
    struct sl_simulation runs[SL_CROWD_MODES] = {0};
    make_field(&field, 8);
    link_in_line(&field);
    for (size_t i = 0; i < SL_CROWD_MODES; i++) {
        runs[i].picture = field.picture;
        runs[i].config.node_count = 8;
        runs[i].config.mode = (enum sl_crowd_mode)i;
    }
    sl_gaps_find(&runs[0].picture, &runs[0].gaps);
    char *svg = sl_simulate_svg(runs, SL_CROWD_MODES);
    assert_null(strstr(svg, "height=\"560\""));
    assert_non_null(strstr(svg, "<polyline class=\"o1\""));
    assert_non_null(strstr(svg, "<polyline class=\"o2\""));
    assert_non_null(strstr(svg, ">phone</text>"));
    free(svg);
    svg = sl_simulate_svg(runs, 1);
    assert_null(strstr(svg, "class=\"o1\" points"));
    free(svg);
    sl_gaps_done(&runs[0].gaps);
}

static void test_a_defect_says_how_to_see_it_again(void **state)
{
    (void)state;
    struct field field;
    struct sl_simulation run = {.config = {.seed = 4711, .node_count = 8},
                                .result = {.violation = "a message delivered twice"}};
    make_field(&field, 8);
    run.picture = field.picture;
    char *text = report_of(&run);
    assert_non_null(strstr(text, "a message delivered twice"));
    assert_non_null(strstr(text, "seed 4711"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_depends_on_its_middle),
        cmocka_unit_test(test_a_ring_depends_on_nobody),
        cmocka_unit_test(test_two_rings_depend_on_the_board_they_share),
        cmocka_unit_test(test_a_gap_is_bridged_at_the_usual_distance),
        cmocka_unit_test(test_nobody_is_on),
        cmocka_unit_test(test_the_verdict_names_what_is_wrong),
        cmocka_unit_test(test_the_picture_is_whole),
        cmocka_unit_test(test_the_picture_of_a_march_beside_others),
        cmocka_unit_test(test_a_defect_says_how_to_see_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
