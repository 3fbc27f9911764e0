/* Commands, options, and what is said to wrong use. */
#include "args.h"

#include "output.h"
#include "unit/captured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What the last run saw. */
static struct {
    char name[64];
    int arg_count;
    char args[4][32];
    char color[32], socket[32], persona[32];
    bool loud, json;
} seen;

static int run_paint(struct sl_call *call)
{
    const char *color = "grey";
    bool loud = false;
    const struct sl_option options[] = {
        {"color", 'c', "NAME", "which", &color, NULL},
        {"loud", 0, NULL, "with noise", NULL, &loud},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    snprintf(seen.name, sizeof(seen.name), "%s", call->name);
    seen.arg_count = call->arg_count;
    for (int i = 0; i < call->arg_count && i < 4; i++)
        snprintf(seen.args[i], sizeof(seen.args[i]), "%s", call->args[i]);
    const char *socket = call->settings->socket, *persona = call->settings->persona;
    snprintf(seen.color, sizeof(seen.color), "%s", color);
    snprintf(seen.socket, sizeof(seen.socket), "%s", socket != NULL ? socket : "");
    snprintf(seen.persona, sizeof(seen.persona), "%s", persona != NULL ? persona : "");
    seen.loud = loud;
    seen.json = call->settings->json;
    return 0;
}

static const struct sl_command parts[] = {
    {
        .name = "wall",
        .arguments = "WHAT",
        .summary = "Paints a wall",
        .help = "Examples:\n  x\n",
        .takes = SL_TAKES_JSON | SL_TAKES_SOCKET,
        .arg_min = 1,
        .arg_max = 2,
        .run = run_paint,
    },
    {.name = "colour", .also = "color", .summary = "Paints", .arg_max = -1, .run = run_paint},
    {0},
};
static const struct sl_command top[] = {
    {.name = "paint", .summary = "Paints things", .parts = parts},
    {
        .name = "list",
        .summary = "Lists",
        .takes = SL_TAKES_SOCKET | SL_TAKES_PERSONA,
        .run = run_paint,
        .parts = parts,
    },
    {0},
};
static const struct sl_command root = {
    .name = "tool", .summary = "A tool", .help = "Help of it.\n", .parts = top};

static char said[4096]; /* standard error and output of the last run */

/* Runs with these words; what was printed is in `said`. */
static int run(const char *line)
{
    memset(&seen, 0, sizeof(seen));
    return sl_captured_run(&root, " ", line, said, sizeof(said));
}

static void test_right_use(void **state)
{
    (void)state;
    assert_int_equal(run("tool paint wall north --color=red --json"), SL_EXIT_OK);
    assert_string_equal(seen.name, "tool paint wall");
    assert_int_equal(seen.arg_count, 1);
    assert_string_equal(seen.args[0], "north");
    assert_string_equal(seen.color, "red");
    assert_true(seen.json);
    assert_int_equal(run("tool --json --socket /x paint --socket=/y wall -c blue a --loud b"), 0);
    assert_true(seen.json && seen.loud);
    assert_string_equal(seen.socket, "/y");
    assert_string_equal(seen.color, "blue");
    assert_string_equal(seen.args[1], "b");
    assert_int_equal(run("tool paint color"), 0);
    assert_string_equal(seen.name, "tool paint colour");
    assert_int_equal(run("tool paint colour -- --loud -x"), 0);
    assert_int_equal(seen.arg_count, 2);
    assert_string_equal(seen.args[0], "--loud");
    assert_false(seen.loud);
}

/* A command that has parts and can run by itself. */
static void test_parts_and_run(void **state)
{
    (void)state;
    assert_int_equal(run("tool list --as ana"), 0);
    assert_string_equal(seen.name, "tool list");
    assert_string_equal(seen.persona, "ana");
    assert_int_equal(run("tool list --as ana wall x"), 0);
    assert_string_equal(seen.name, "tool list wall");
    assert_string_equal(seen.persona, "ana");
    assert_int_equal(run("tool list nonsense"), SL_EXIT_USAGE);
}

static void expect_wrong(const char *line, const char *hint)
{
    assert_int_equal(run(line), SL_EXIT_USAGE);
    if (strstr(said, hint) == NULL)
        fail_msg("'%s' said: %s", line, said);
    assert_string_equal(seen.name, "");
}

static void test_wrong_use(void **state)
{
    (void)state;
    expect_wrong("tool", "Paints things");
    expect_wrong("tool pant", "Did you mean paint?");
    expect_wrong("tool zzzzz", "tool --help");
    expect_wrong("tool paint", "Paints a wall");
    expect_wrong("tool paint wal x", "Did you mean wall?");
    expect_wrong("tool paint wall", "Usage: tool paint wall WHAT");
    expect_wrong("tool paint wall a b c", "too many");
    expect_wrong("tool paint wall a --colr red", "Did you mean --color?");
    expect_wrong("tool paint wall a -z", "no option -z");
    expect_wrong("tool paint wall a --color", "--color needs a value");
    expect_wrong("tool paint wall a --persona x", "no option --persona");
    expect_wrong("tool paint wall a --loud=yes", "--loud");
}

static void test_help(void **state)
{
    (void)state;
    assert_int_equal(run("tool --help"), 0);
    assert_non_null(strstr(said, "Help of it."));
    assert_int_equal(run("tool paint -h"), 0);
    assert_non_null(strstr(said, "Paints a wall"));
    assert_int_equal(run("tool paint wall --help"), 0);
    assert_non_null(strstr(said, "-c, --color NAME"));
    assert_non_null(strstr(said, "--socket PATH"));
    assert_null(strstr(said, "--as NICK"));
    char direct[sizeof(said)];
    strcpy(direct, said);
    assert_int_equal(run("tool help paint wall"), 0);
    assert_string_equal(said, direct);
    assert_string_equal(seen.name, "");
    assert_int_equal(run("tool help"), 0);
    assert_int_equal(run("tool --version"), 0);
    assert_memory_equal(said, "tool ", 5);
}

static void test_suggestions(void **state)
{
    (void)state;
    static const char *const names[] = {"ana1", "ana2", "ana3", "zoe"};
    char *text = sl_args_suggest("ana", names, 4);
    assert_string_equal(text, "ana1, ana2 or ana3");
    free(text);
    text = sl_args_suggest("zo", names, 4);
    assert_string_equal(text, "zoe");
    free(text);
    assert_null(sl_args_suggest("nobody", names, 4));
}

/* Errors are cleaned: an argument may come from anywhere. */
static void test_errors_are_clean(void **state)
{
    (void)state;
    assert_int_equal(run("tool \033[2Jx"), SL_EXIT_USAGE);
    assert_null(strchr(said, '\033'));
    assert_non_null(strstr(said, "␛[2Jx"));
}

int main(void)
{
    sl_output_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_use),   cmocka_unit_test(test_parts_and_run),
        cmocka_unit_test(test_wrong_use),   cmocka_unit_test(test_help),
        cmocka_unit_test(test_suggestions), cmocka_unit_test(test_errors_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
