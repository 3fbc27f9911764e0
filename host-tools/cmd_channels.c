/* starling channels: where people talk. */
#include "commands.h"

#include "ask.h"
#include "output.h"
#include "qr.h"

#include <stdlib.h>
#include <string.h>

static int run(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    json_t *answer = sl_ask_once(call->settings, "channels", sl_ask_fields(call->settings));
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    json_t *channels = json_object_get(answer, "channels"), *channel;
    if (call->settings->json) {
        sl_ask_print(answer);
    } else if (json_array_size(channels) == 0) {
        printf("You are in no channel. Join one: starling channels join general\n");
    } else {
        static const char *const headings[] = {"channel", "kind", ">unread"};
        struct sl_table *table = sl_table_new(headings, SL_ARRAY_LEN(headings));
        size_t i;
        json_array_foreach (channels, i, channel) {
            sl_table_cell(table, "#%s", sl_ask_text(channel, "name"));
            sl_table_cell(table, "%s",
                          json_is_true(json_object_get(channel, "private")) ? "private" : "public");
            sl_table_cell(table, "%lld",
                          (long long)json_integer_value(json_object_get(channel, "unread")));
        }
        sl_table_print(table, stdout);
        sl_table_free(table);
    }
    json_decref(answer);
    return SL_EXIT_OK;
}

/* A request about one channel. */
static json_t *ask_channel(const struct sl_call *call, const char *what)
{
    const char *name = call->args[0] + (call->args[0][0] == '#');
    json_t *fields = sl_ask_fields(call->settings);
    json_object_set_new(fields, "channel", json_string(name));
    return sl_ask_once(call->settings, what, fields);
}

static int show_done(const struct sl_call *call, json_t *answer, const char *format)
{
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    if (call->settings->json)
        sl_ask_print(answer);
    else
        puts(format);
    json_decref(answer);
    return SL_EXIT_OK;
}

static int run_join(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    return show_done(call, ask_channel(call, "channel.join"), "You are in.");
}

static int run_leave(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    return show_done(call, ask_channel(call, "channel.leave"), "You left.");
}

/* The link alone on standard output, so that it can be piped on. */
static int show_link(const struct sl_call *call, json_t *answer, bool qr)
{
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    const char *link = sl_ask_text(answer, "link");
    if (call->settings->json) {
        sl_ask_print(answer);
    } else {
        sl_output_clean(stdout, link, SL_CLEAN_NAME);
        putchar('\n');
        if (qr)
            sl_qr_show(stdout, link);
        fflush(stdout);
        fprintf(stderr, "Whoever has this link can read and write in the channel: pass it on as a "
                        "secret.\nThey type: starling channels join LINK\n");
    }
    json_decref(answer);
    return SL_EXIT_OK;
}

static int run_create(struct sl_call *call)
{
    bool qr = false;
    const struct sl_option options[] = {
        {"qr", 0, NULL, "show the link as a QR code too", NULL, &qr}};
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    return show_link(call, ask_channel(call, "channel.create"), qr);
}

static int run_link(struct sl_call *call)
{
    bool qr = false;
    const struct sl_option options[] = {{"qr", 0, NULL, "show it as a QR code too", NULL, &qr}};
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    return show_link(call, ask_channel(call, "channel.link"), qr);
}

#define TAKES (SL_TAKES_JSON | SL_TAKES_SOCKET | SL_TAKES_PERSONA)

static const struct sl_command parts[] = {
    {
        .name = "join",
        .arguments = "NAME|LINK",
        .summary = "Joins a public channel by its name, or a private one by its link",
        .help = "Examples:\n"
                "  starling channels join medics\n"
                "  starling channels join 'starling:channel/legal#...'\n",
        .takes = TAKES,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_join,
    },
    {
        .name = "leave",
        .arguments = "NAME",
        .summary = "Leaves a channel",
        .help = "Examples:\n  starling channels leave medics\n",
        .takes = TAKES,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_leave,
    },
    {
        .name = "create",
        .arguments = "NAME [--qr]",
        .summary = "Makes a private channel",
        .help = "Its key is in the link that this prints. There is no list of who has it.\n\n"
                "Examples:\n"
                "  starling channels create legal --qr\n",
        .takes = TAKES,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_create,
    },
    {
        .name = "link",
        .arguments = "NAME [--qr]",
        .summary = "Prints the link of a private channel",
        .help = "Examples:\n  starling channels link legal --qr\n",
        .takes = TAKES,
        .arg_min = 1,
        .arg_max = 1,
        .run = run_link,
    },
    {0},
};

const struct sl_command sl_cmd_channels = {
    .name = "channels",
    .also = "channel",
    .summary = "Lists the channels you are in",
    .help = "Examples:\n"
            "  starling channels\n"
            "  starling channels join medics\n"
            "  starling channels create legal --qr\n",
    .takes = TAKES,
    .run = run,
    .parts = parts,
};
