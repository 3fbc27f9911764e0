/* starling node request, admit, accept: a board that makes its own keys, and its way in. */
#include "commands.h"

#include "admission.h"
#include "ask.h"
#include "bundle.h"
#include "output.h"
#include "qr.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LEN_MAX 4096

int sl_node_request(struct sl_call *call)
{
    bool show = false;
    const struct sl_option options[] = {
        {"show", 0, NULL, "only show the request that is there", NULL, &show},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    const char *folder = call->args[0];
    if (!show && (!sl_network_can_make_keys() || sl_admission_begin(folder) < 0))
        return SL_EXIT_FAILURE;
    char *line = sl_admission_line(folder);
    if (line == NULL)
        return SL_EXIT_FAILURE;
    sl_qr_show(stdout, line);
    fputs(line, stdout);
    free(line);
    return SL_EXIT_OK;
}

/* The request: a file, or `-` for what is typed or pasted. */
static bool read_line(const char *file, char ret_line[LINE_LEN_MAX])
{
    FILE *from = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    bool read = from != NULL && fgets(ret_line, LINE_LEN_MAX, from) != NULL;
    if (from == NULL || (!read && ferror(from)))
        sl_output_error("%s cannot be read: %m.", file);
    else if (!read)
        sl_output_error("%s is empty.", file);
    if (from != NULL && from != stdin)
        fclose(from);
    return read;
}

static void show_admitted(const struct sl_call *call, const struct sl_network *network,
                          const char *name)
{
    char *answer = sl_output_format("%s/nodes/%s/answer", network->folder, name);
    char date[SL_WORDS_MAX];
    int64_t not_after = sl_network_find(network, name)->not_after;
    sl_words_date_time(not_after, date);
    if (call->settings->json) {
        json_t *json = json_pack("{ss ss ss sI}", "name", name, "network", network->name, "answer",
                                 answer, "not_after", (json_int_t)not_after);
        sl_ask_print(json);
        json_decref(json);
    } else {
        printf(
            "%s is admitted to %s until %s. Its answer, which it alone can open, is in\n"
            "  %s\n"
            "On the board's card it goes into the folder `starling` of the partition BOOT, and is "
            "called `answer`.\n",
            name, network->name, date, answer);
    }
    free(answer);
}

int sl_node_admit(struct sl_call *call)
{
    const char *name = NULL, *valid_for = "1y";
    const struct sl_option options[] = {
        {"name", 0, "NAME", "what the board is to be called", &name, NULL},
        {"valid-for", 0, "TIME", "how long it is valid (1y)", &valid_for, NULL},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    if (name == NULL)
        return sl_args_wrong(call, "say what the board is to be called: --name NAME");
    const char *fault = sl_network_name_fault(name);
    struct sl_admission_draft draft = {.name = name};
    if (fault != NULL)
        return sl_args_wrong(call, "'%s' cannot name a node: %s.", name, fault);
    if (sl_words_parse_duration(valid_for, &draft.lifetime) < 0)
        return sl_args_wrong(call, "--valid-for takes a time such as 30d or 1y, not '%s'.",
                             valid_for);
    char line[LINE_LEN_MAX];
    if (!sl_network_can_make_keys() || !read_line(call->args[0], line))
        return SL_EXIT_FAILURE;
    draft.request = line;
    draft.now = sl_network_now();
    struct sl_network *network = NULL;
    int rc =
        draft.now < 0 ? (int)draft.now : sl_network_open(call->settings->network, true, &network);
    if (rc == 0)
        rc = sl_network_may_issue(network, draft.now);
    if (rc == 0)
        rc = sl_bundle_adopt(network);
    if (rc == 0)
        rc = sl_admission_answer(network, &draft);
    if (rc == 0)
        show_admitted(call, network, name);
    sl_network_close(network);
    return rc == 0 ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

int sl_node_accept(struct sl_call *call)
{
    const char *destination = NULL;
    const struct sl_option options[] = {
        {"out", 0, "FOLDER", "where the bundle goes", &destination, NULL},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    if (destination == NULL)
        return sl_args_wrong(call, "say where the bundle goes: --out FOLDER");
    char network[SL_NETWORK_NAME_MAX + 1];
    if (!sl_network_can_make_keys() ||
        sl_admission_accept(call->args[0], call->args[1], destination, network) < 0)
        return SL_EXIT_FAILURE;
    printf("This board is a node of %s now; its bundle is in %s\n", network, destination);
    return SL_EXIT_OK;
}
