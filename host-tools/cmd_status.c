/* starling status: how this node is, in a few lines. */
#include "commands.h"

#include "ask.h"
#include "output.h"
#include "refusals.h"
#include "words.h"

#include <string.h>

static const char *clock_words(const char *source)
{
    static const struct {
        const char *source, *words;
    } all[] = {
        {"ntp", "from NTP"},
        {"rtc", "from this board's clock chip"},
        {"person", "from somebody's phone"},
        {"neighbours", "agreed with the neighbours"},
        {"stored", "not sure: this computer's own, or the last one known"},
        {"unset", "not set"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(all); i++)
        if (strcmp(all[i].source, source) == 0)
            return all[i].words;
    return source;
}

static void print_label(const char *label)
{
    printf("%s%-12s%s ", sl_output_style(stdout, SL_STYLE_DIM), label,
           sl_output_style(stdout, SL_STYLE_PLAIN));
}

static void print_node(json_t *status)
{
    json_t *node = json_object_get(status, "node");
    char up[SL_WORDS_MAX];
    sl_words_duration(sl_ask_number(node, "uptime"), up);
    print_label("node");
    sl_output_clean(stdout, sl_ask_text(node, "name"), SL_CLEAN_NAME);
    printf(" of network ");
    sl_output_clean(stdout, sl_ask_text(status, "network"), SL_CLEAN_NAME);
    printf(", up %s\n", up);
    json_t *certificate = json_object_get(node, "certificate");
    if (certificate == NULL)
        return;
    char until[SL_WORDS_MAX];
    sl_words_date(sl_ask_number(certificate, "not_after"), until);
    print_label("certificate");
    printf("valid until %s%s\n", until,
           json_is_true(json_object_get(certificate, "revoked"))   ? ", but revoked"
           : json_is_true(json_object_get(certificate, "expired")) ? ": expired"
                                                                   : "");
}

static void print_links(json_t *status, json_t *neighbours)
{
    size_t in_step = 0, i;
    json_t *neighbour;
    json_array_foreach (json_object_get(neighbours, "neighbours"), i, neighbour)
        if (strcmp(sl_ask_text(neighbour, "state"), "up") == 0)
            in_step += json_is_true(json_object_get(neighbour, "in_sync"));
    int64_t up = sl_ask_number(status, "neighbours");
    print_label("neighbours");
    if (up == 0)
        printf("none: nobody is in reach, or nobody was let in");
    else if (up == 1)
        printf("1, %s", in_step == 1 ? "in step with it" : "catching up with it");
    else if ((int64_t)in_step >= up)
        printf("%lld, in step with all", (long long)up);
    else
        printf("%lld, in step with %zu of them", (long long)up, in_step);
    if (sl_ask_number(status, "handshakes") > 0)
        printf("; %lld in a handshake", (long long)sl_ask_number(status, "handshakes"));
    int64_t known = sl_ask_number(status, "origins");
    printf("; %lld %s known\n", (long long)known, known == 1 ? "node" : "nodes");
}

static void print_clock(json_t *status)
{
    json_t *clock = json_object_get(status, "clock");
    json_t *unix_time = json_object_get(clock, "unix");
    print_label("clock");
    printf("%s", clock_words(sl_ask_text(clock, "source")));
    if (json_is_number(unix_time)) {
        char date[SL_WORDS_MAX];
        sl_words_date_time((int64_t)json_number_value(unix_time), date);
        printf(", %s here", date);
    }
    putchar('\n');
}

static void print_store(json_t *status)
{
    json_t *store = json_object_get(status, "store");
    char count[SL_WORDS_MAX], share[SL_WORDS_MAX];
    sl_words_count((uint64_t)sl_ask_number(store, "count"), count);
    sl_words_share((uint64_t)sl_ask_number(store, "bytes"),
                   (uint64_t)sl_ask_number(store, "bytes_max"), share);
    print_label("kept");
    printf("%s message%s, %s\n", count, sl_ask_number(store, "count") == 1 ? "" : "s", share);
}

/* Of messages to one person: those that pass here, not only one's own. */
static void print_routes(json_t *status)
{
    json_t *counters = json_object_get(status, "counters");
    int64_t ways = sl_ask_number(counters, "routes"), under_way = sl_ask_number(counters, "held");
    int64_t arrived = sl_ask_number(counters, "routed_settled");
    int64_t spread = sl_ask_number(counters, "routed_flooded");
    print_label("routes");
    if (ways == 0)
        printf("none known yet: messages to one person go to everybody");
    else
        printf("to %lld %s", (long long)ways, ways == 1 ? "node" : "nodes");
    if (arrived + spread + under_way > 0)
        printf("; %lld message%s arrived along one", (long long)arrived, arrived == 1 ? "" : "s");
    if (spread > 0)
        printf(", %lld went to everybody instead", (long long)spread);
    if (under_way > 0)
        printf(", %lld under way", (long long)under_way);
    putchar('\n');
}

static void print_bearers(json_t *status)
{
    json_t *bearers = json_object_get(status, "bearers"), *bearer;
    size_t i;
    print_label("bearers");
    json_array_foreach (bearers, i, bearer) {
        printf("%s", i > 0 ? ", " : "");
        sl_output_clean(stdout, json_is_string(bearer) ? json_string_value(bearer) : "?",
                        SL_CLEAN_NAME);
    }
    puts(json_array_size(bearers) == 0 ? "none: no interface is usable" : "");
}

static void print_warnings(json_t *status)
{
    size_t i;
    json_t *warning;
    json_array_foreach (json_object_get(status, "warnings"), i, warning) {
        printf("%s! ", sl_output_style(stdout, SL_STYLE_BAD));
        sl_output_clean(stdout, json_is_string(warning) ? json_string_value(warning) : "?",
                        SL_CLEAN_NAME);
        printf("%s\n", sl_output_style(stdout, SL_STYLE_PLAIN));
    }
}

static int run(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    struct sl_client *client = sl_ask_open(call->settings);
    if (client == NULL)
        return SL_EXIT_FAILURE;
    json_t *status = sl_ask(client, "status", NULL);
    json_t *neighbours =
        status != NULL && !call->settings->json ? sl_ask(client, "neighbours", NULL) : NULL;
    if (status != NULL && call->settings->json) {
        sl_ask_print(status);
    } else if (status != NULL && neighbours != NULL) {
        print_node(status);
        print_links(status, neighbours);
        print_clock(status);
        print_store(status);
        print_routes(status);
        print_bearers(status);
        sl_refusals_print(json_object_get(status, "refused"), "refused      ");
        print_warnings(status);
    }
    bool good = status != NULL && (call->settings->json || neighbours != NULL);
    json_decref(neighbours);
    json_decref(status);
    sl_client_free(client);
    return good ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

const struct sl_command sl_cmd_status = {
    .name = "status",
    .summary = "Shows how this node is",
    .help = "Neighbours are in step when both hold the same messages. A message to one\n"
            "person goes along a route, from neighbour to neighbour, where one is known;\n"
            "and to everybody where none is, or where no answer came back.\n\n"
            "Examples:\n"
            "  starling status\n"
            "  starling status --json\n",
    .takes = SL_TAKES_JSON | SL_TAKES_SOCKET,
    .run = run,
};
