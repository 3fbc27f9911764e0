/* starling radios: what each radio can do, and what it is used for. */
#include "commands.h"

#include "ask.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

/* "ad hoc, client", to be freed. */
static char *joined_words(json_t *words)
{
    char *text = sl_output_format("%s", "");
    json_t *word;
    size_t i;
    json_array_foreach (words, i, word) {
        char *longer = sl_output_format("%s%s%s", text, i > 0 ? ", " : "",
                                        json_is_string(word) ? json_string_value(word) : "?");
        free(text);
        text = longer;
    }
    return text;
}

static void print_label(const char *label)
{
    printf("  %s%-8s%s ", sl_output_style(stdout, SL_STYLE_DIM), label,
           sl_output_style(stdout, SL_STYLE_PLAIN));
}

static void print_sentence(const char *label, const char *text)
{
    const struct sl_flow flow = {.column = 11, .indent = 11, .columns = sl_output_columns(stdout)};
    print_label(label);
    sl_output_flow(stdout, text, flow);
    putchar('\n');
}

static void print_radio(json_t *radio)
{
    const char *interface = sl_ask_text(radio, "interface");
    const char *country = sl_ask_text(radio, "country");
    bool trouble = json_is_true(json_object_get(radio, "trouble"));
    bool used = json_is_true(json_object_get(radio, "used"));
    enum sl_style style = used ? SL_STYLE_GOOD : trouble ? SL_STYLE_BAD : SL_STYLE_PLAIN;
    char *can = joined_words(json_object_get(radio, "can"));
    sl_output_clean(stdout, sl_ask_text(radio, "kind"), SL_CLEAN_NAME);
    putchar(' ');
    sl_output_clean(stdout, interface[0] != '\0' ? interface : sl_ask_text(radio, "name"),
                    SL_CLEAN_NAME);
    printf(": %s%s%s\n", sl_output_style(stdout, style), sl_ask_text(radio, "state"),
           sl_output_style(stdout, SL_STYLE_PLAIN));
    print_sentence(used ? "how" : "why", sl_ask_text(radio, "why"));
    print_sentence("can do", can[0] != '\0' ? can : "nothing that is known here");
    if (country[0] != '\0')
        print_sentence("country", strcmp(country, "00") == 0 ? "not set: what is allowed everywhere"
                                                             : country);
    free(can);
}

static int run(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    json_t *answer = sl_ask_once(call->settings, "radios", NULL);
    if (answer == NULL)
        return SL_EXIT_FAILURE;
    json_t *radios = json_object_get(answer, "radios"), *radio;
    size_t i;
    if (call->settings->json)
        sl_ask_print(answer);
    else if (json_array_size(radios) == 0)
        printf("No radio here that starlingd may use. `starling doctor` looks why.\n");
    else
        json_array_foreach (radios, i, radio)
            print_radio(radio);
    json_decref(answer);
    return SL_EXIT_OK;
}

const struct sl_command sl_cmd_radios = {
    .name = "radios",
    .summary = "Shows what each radio can do, and what it is used for",
    .help = "Which radios are used, and how, is set under [wifi] and [bluetooth] in\n"
            "starlingd.conf.\n\n"
            "Examples:\n"
            "  starling radios\n"
            "  starling radios --json\n",
    .takes = SL_TAKES_JSON | SL_TAKES_SOCKET,
    .run = run,
};
