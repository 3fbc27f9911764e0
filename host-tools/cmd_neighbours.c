/* starling neighbours: the links of this node, and who was refused. */
#include "commands.h"

#include "ask.h"
#include "output.h"
#include "refusals.h"
#include "words.h"

#include <string.h>

static bool is_up(json_t *neighbour)
{
    return strcmp(sl_ask_text(neighbour, "state"), "up") == 0;
}

static void print_step(struct sl_table *table, json_t *neighbour)
{
    char stored[SL_WORDS_MAX];
    sl_words_count((uint64_t)sl_ask_number(neighbour, "stored"), stored);
    if (!is_up(neighbour))
        sl_table_cell(table, "-");
    else if (json_is_true(json_object_get(neighbour, "in_sync")))
        sl_table_cell(table, "yes");
    else
        sl_table_cell(table, "no, holds %s", stored);
}

/* "-61 dBm, 54 Mbit/s", as far as the radio tells. */
static void print_signal(struct sl_table *table, json_t *neighbour)
{
    bool has_signal = json_is_integer(json_object_get(neighbour, "signal"));
    bool has_rate = json_is_integer(json_object_get(neighbour, "rate"));
    double mbit = (double)sl_ask_number(neighbour, "rate") / 1000;
    if (has_signal && has_rate)
        sl_table_cell(table, "%lld dBm, %.3g Mbit/s", (long long)sl_ask_number(neighbour, "signal"),
                      mbit);
    else if (has_signal)
        sl_table_cell(table, "%lld dBm", (long long)sl_ask_number(neighbour, "signal"));
    else if (has_rate)
        sl_table_cell(table, "%.3g Mbit/s", mbit);
    else
        sl_table_cell(table, "-");
}

static void print_row(struct sl_table *table, json_t *neighbour)
{
    const char *name = sl_ask_text(neighbour, "name");
    const char *refusal = sl_ask_text(neighbour, "refusal");
    char since[SL_WORDS_MAX], silent[SL_WORDS_MAX];
    sl_words_duration(sl_ask_number(neighbour, "up_for"), since);
    sl_words_ago(sl_ask_number(neighbour, "silent_for"), silent);
    sl_table_cell(table, "%s", name[0] != '\0' ? name : "?");
    sl_table_cell(table, "%s %s", sl_ask_text(neighbour, "bearer"),
                  sl_ask_text(neighbour, "address"));
    if (!is_up(neighbour) && refusal[0] != '\0')
        sl_table_cell(table, "refused: %s", sl_refusal_words(refusal));
    else
        sl_table_cell(table, "%s", sl_ask_text(neighbour, "state"));
    sl_table_cell(table, "%s", is_up(neighbour) ? since : "-");
    sl_table_cell(table, "%s", silent);
    if (is_up(neighbour))
        sl_table_cell(table, "%.1f %%",
                      100 * json_number_value(json_object_get(neighbour, "loss")));
    else
        sl_table_cell(table, "-");
    print_signal(table, neighbour);
    print_step(table, neighbour);
}

static void print_table(json_t *neighbours)
{
    static const char *const headings[] = {"node",  "through", "state",  ">for",
                                           "heard", ">loss",   "signal", "in step"};
    struct sl_table *table = sl_table_new(headings, SL_ARRAY_LEN(headings));
    json_t *neighbour;
    size_t i;
    /* Links first. */
    for (int up = 1; up >= 0; up--)
        json_array_foreach (neighbours, i, neighbour)
            if (is_up(neighbour) == (up == 1))
                print_row(table, neighbour);
    sl_table_print(table, stdout);
    sl_table_free(table);
}

static int run(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    json_t *answer = sl_ask_once(call->settings, "neighbours", NULL);
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    json_t *neighbours = json_object_get(answer, "neighbours");
    if (call->settings->json) {
        sl_ask_print(answer);
    } else {
        if (json_array_size(neighbours) == 0)
            printf("No neighbour in reach. Are other nodes of this network on, and on the same "
                   "link?\n");
        else
            print_table(neighbours);
        sl_refusals_print(json_object_get(answer, "refused"), "");
    }
    json_decref(answer);
    return SL_EXIT_OK;
}

const struct sl_command sl_cmd_neighbours = {
    .name = "neighbours",
    .also = "neighbors",
    .summary = "Shows the links to other nodes",
    .help = "A neighbour is heard, then in a handshake (certificates are checked), then up.\n"
            "Loss is what its frames lost on the way here; the signal is how a radio hears\n"
            "it, and the rate what it sends to it with. In step means that both hold the same\n"
            "messages. Below the table: who was refused, and why.\n\n"
            "Examples:\n"
            "  starling neighbours\n"
            "  starling neighbors --json\n",
    .takes = SL_TAKES_JSON | SL_TAKES_SOCKET,
    .run = run,
};
