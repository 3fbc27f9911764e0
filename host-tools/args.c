#include "args.h"

#include "base/text.h"
#include "output.h"
#include "words.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#ifndef SL_VERSION
#define SL_VERSION "0.1.0"
#endif

#define OPTIONS_MAX  24
#define COMMANDS_MAX 32

char *sl_args_suggest(const char *name, const char *const *names, size_t count)
{
    size_t at[SL_NEAREST_MAX];
    size_t found = sl_words_nearest(name, names, count, at);
    char *text = NULL;
    for (size_t i = 0; i < found; i++) {
        const char *joint = i == 0 ? "" : i + 1 == found ? " or " : ", ";
        char *longer = sl_output_format("%s%s%s", text == NULL ? "" : text, joint, names[at[i]]);
        free(text);
        text = longer;
    }
    return text;
}

int sl_args_wrong(const struct sl_call *call, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    sl_output_error("%s\n  See `%s --help`.", text, call->name);
    return SL_EXIT_USAGE;
}

static size_t common_options(const struct sl_call *call, bool *ret_help,
                             struct sl_option ret_options[OPTIONS_MAX])
{
    struct sl_settings *s = call->settings;
    const struct {
        unsigned takes;
        struct sl_option option;
    } all[] = {
        {SL_TAKES_JSON, {"json", 0, NULL, "print JSON, for scripts", NULL, &s->json}},
        {SL_TAKES_SOCKET,
         {"socket", 0, "PATH", "control socket of starlingd (or $STARLING_SOCKET)", &s->socket,
          NULL}},
        {SL_TAKES_NETWORK,
         {"network", 0, "NAME", "network, by name or folder (or $STARLING_NETWORK)", &s->network,
          NULL}},
        {SL_TAKES_PERSONA, {"as", 0, "NICK", "which of your personas", &s->persona, NULL}},
        {SL_TAKES_PASSPHRASE,
         {"passphrase-file", 0, "FILE", "read the passphrase there (or $STARLING_PASSPHRASE_FILE)",
          &s->passphrase_file, NULL}},
        {0, {"help", 'h', NULL, "show this help", NULL, ret_help}},
    };
    size_t count = 0;
    for (size_t i = 0; i < SL_ARRAY_LEN(all); i++)
        if ((all[i].takes & ~call->command->takes) == 0)
            ret_options[count++] = all[i].option;
    return count;
}

static void print_option(const struct sl_option *option)
{
    char left[64];
    snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value != NULL ? " " : "",
             option->value != NULL ? option->value : "");
    if (option->letter != 0)
        printf("  -%c, %-22s %s\n", option->letter, left, option->help);
    else
        printf("      %-22s %s\n", left, option->help);
}

static void print_parts(const struct sl_command *command)
{
    for (const struct sl_command *part = command->parts; part != NULL && part->name != NULL; part++)
        printf("  %-12s %s\n", part->name, part->summary);
}

/* " NAME [--folder DIR]", or "" */
static char *usage_arguments(const struct sl_command *command)
{
    return command->arguments != NULL ? sl_output_format(" %s", command->arguments)
                                      : sl_output_format("%s", "");
}

static void print_usage(const struct sl_call *call)
{
    char *arguments = usage_arguments(call->command);
    printf("Usage: %s%s\n", call->name, arguments);
    free(arguments);
}

static void print_help(const struct sl_call *call, const struct sl_option *options, size_t count)
{
    const struct sl_command *command = call->command;
    if (command->run != NULL)
        print_usage(call);
    if (command->parts != NULL)
        printf("Usage: %s COMMAND ...\n", call->name);
    printf("\n%s.\n", command->summary);
    if (command->parts != NULL) {
        printf("\nCommands:\n");
        print_parts(command);
    }
    if (count > 0)
        printf("\nOptions:\n");
    for (size_t i = 0; i < count; i++)
        print_option(&options[i]);
    if (command->help != NULL)
        printf("\n%s", command->help);
}

/* The tables that getopt_long() wants. */
struct getopt_tables {
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 2];
};

static void fill_tables(struct getopt_tables *tables, const struct sl_option *options, size_t count)
{
    char *letter = tables->shorts;
    *letter++ = ':';
    for (size_t i = 0; i < count; i++) {
        tables->longs[i] = (struct option){
            options[i].name, options[i].value != NULL ? required_argument : no_argument, NULL,
            0x100 + (int)i};
        if (options[i].letter != 0)
            *letter++ = options[i].letter;
        if (options[i].letter != 0 && options[i].value != NULL)
            *letter++ = ':';
    }
    tables->longs[count] = (struct option){0};
    *letter = '\0';
}

static const struct sl_option *find_option(int code, const struct sl_option *options, size_t count)
{
    if (code >= 0x100)
        return &options[code - 0x100];
    for (size_t i = 0; i < count; i++)
        if (options[i].letter == code)
            return &options[i];
    return NULL;
}

static int unknown_option(const struct sl_call *call, const char *given,
                          const struct sl_option *options, size_t count)
{
    const char *names[OPTIONS_MAX];
    for (size_t i = 0; i < count; i++)
        names[i] = options[i].name;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(given, "="), given);
    char *near = sl_args_suggest(name + strspn(name, "-"), names, count);
    int code = near != NULL
                   ? sl_args_wrong(call, "no option %s. Did you mean --%s?", name, near)
                   : sl_args_wrong(call,
                                   "no option %s. If it is text that begins with a dash, put -- "
                                   "before it.",
                                   name);
    free(near);
    return code;
}

static bool take_options(struct sl_call *call, const struct sl_option *options, size_t count)
{
    struct getopt_tables tables;
    fill_tables(&tables, options, count);
    opterr = 0;
    optind = 0; /* glibc: start anew, permuting */
    for (;;) {
        int before = optind == 0 ? 1 : optind;
        int code = getopt_long(call->argc, call->argv, tables.shorts, tables.longs, NULL);
        if (code == -1)
            break;
        if (code == ':') {
            call->exit_code = sl_args_wrong(call, "%s needs a value.", call->argv[optind - 1]);
            return false;
        }
        const struct sl_option *option = code == '?' ? NULL : find_option(code, options, count);
        if (option == NULL) {
            int at = optind > before ? optind - 1 : before;
            call->exit_code = unknown_option(call, call->argv[at], options, count);
            return false;
        }
        if (option->value != NULL)
            *option->ret_value = optarg;
        else
            *option->ret_given = true;
    }
    call->args = call->argv + optind;
    call->arg_count = call->argc - optind;
    return true;
}

static bool is_text(const char *text)
{
    return sl_utf8_valid((const uint8_t *)text, strlen(text));
}

static bool args_are_text(const struct sl_call *call)
{
    for (int i = 0; i < call->arg_count; i++)
        if (!is_text(call->args[i]))
            return false;
    return call->settings->persona == NULL || is_text(call->settings->persona);
}

static int unknown_part(const struct sl_call *call, const char *name)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    for (const struct sl_command *part = call->command->parts; part->name != NULL; part++)
        names[count++] = part->name;
    char *near = sl_args_suggest(name, names, count);
    int code = near != NULL ? sl_args_wrong(call, "no command '%s'. Did you mean %s?", name, near)
                            : sl_args_wrong(call, "no command '%s'.", name);
    free(near);
    return code;
}

/* One argument too many, often a part that was misspelt. */
static int wrong_argument(const struct sl_call *call, const char *given)
{
    const struct sl_command *command = call->command;
    if (command->parts != NULL)
        return unknown_part(call, given);
    char *arguments = usage_arguments(command);
    int code = sl_args_wrong(call, "'%s' is one argument too many.\n  Usage: %s%s", given,
                             call->name, arguments);
    free(arguments);
    return code;
}

bool sl_args_parse(struct sl_call *call, const struct sl_option *options, size_t option_count)
{
    struct sl_option all[OPTIONS_MAX];
    bool help = false;
    assert(option_count + 6 <= OPTIONS_MAX);
    for (size_t i = 0; i < option_count; i++)
        all[i] = options[i];
    size_t count = option_count + common_options(call, &help, all + option_count);
    if (!take_options(call, all, count))
        return false;
    if (help) {
        print_help(call, all, count);
        call->exit_code = SL_EXIT_OK;
        return false;
    }
    if (!args_are_text(call)) {
        call->exit_code = sl_args_wrong(call, "an argument is not UTF-8.");
        return false;
    }
    const struct sl_command *command = call->command;
    bool too_few = call->arg_count < command->arg_min;
    bool too_many = command->arg_max >= 0 && call->arg_count > command->arg_max;
    if (too_few)
        call->exit_code = sl_args_wrong(call, "something is missing.\n  Usage: %s %s", call->name,
                                        command->arguments);
    else if (too_many)
        call->exit_code = wrong_argument(call, call->args[command->arg_max]);
    return !too_few && !too_many;
}

static const struct sl_command *find_part(const struct sl_command *command, const char *name)
{
    for (const struct sl_command *part = command->parts; part != NULL && part->name != NULL; part++)
        if (strcmp(part->name, name) == 0 || (part->also != NULL && strcmp(part->also, name) == 0))
            return part;
    return NULL;
}

/* A command of parts without one of them: its help, on standard error if it was not asked for. */
static int list_parts(struct sl_call *call, bool asked)
{
    if (asked) {
        print_help(call, NULL, 0);
        return SL_EXIT_OK;
    }
    fprintf(stderr, "Usage: %s COMMAND ...\n", call->name);
    for (const struct sl_command *part = call->command->parts; part->name != NULL; part++)
        fprintf(stderr, "  %-12s %s\n", part->name, part->summary);
    return SL_EXIT_USAGE;
}

/* A common option that stands before the name of a command: how many words it takes, or 0. */
static int take_common(struct sl_settings *settings, const char *word, const char *next)
{
    const struct {
        const char *name;
        const char **ret_value;
    } common[] = {
        {"--socket", &settings->socket},
        {"--network", &settings->network},
        {"--as", &settings->persona},
        {"--passphrase-file", &settings->passphrase_file},
    };
    if (strcmp(word, "--json") == 0) {
        settings->json = true;
        return 1;
    }
    for (size_t i = 0; i < SL_ARRAY_LEN(common); i++) {
        size_t len = strlen(common[i].name);
        if (strncmp(word, common[i].name, len) != 0)
            continue;
        bool joined = word[len] == '=';
        if (!joined && (word[len] != '\0' || next == NULL))
            continue;
        *common[i].ret_value = joined ? word + len + 1 : next;
        return joined ? 1 : 2;
    }
    return 0;
}

/* Number of the first word that is no common option. */
static int skip_common(struct sl_call *call)
{
    int at = 1, taken = 1;
    while (at < call->argc && taken > 0) {
        const char *next = at + 1 < call->argc ? call->argv[at + 1] : NULL;
        taken = take_common(call->settings, call->argv[at], next);
        at += taken;
    }
    return at;
}

static int run_command(struct sl_call *call)
{
    const struct sl_command *command = call->command;
    int at = command->parts != NULL ? skip_common(call) : call->argc;
    const char *word = at < call->argc ? call->argv[at] : NULL;
    const struct sl_command *part = word != NULL ? find_part(command, word) : NULL;
    if (part != NULL) {
        char *name = sl_output_format("%s %s", call->name, part->name);
        struct sl_call inner = {.command = part,
                                .name = name,
                                .settings = call->settings,
                                .argc = call->argc - at,
                                .argv = call->argv + at};
        int code = run_command(&inner);
        free(name);
        return code;
    }
    if (command->run != NULL)
        return command->run(call);
    bool help = word != NULL && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
    return word == NULL || help ? list_parts(call, help) : unknown_part(call, word);
}

/* `starling help network invite` is `starling network invite --help`. */
static int run_help(struct sl_call *call)
{
    static char flag[] = "--help";
    call->argv[1] = call->argv[0];
    call->argv++;
    call->argc--;
    char **argv = calloc((size_t)call->argc + 2, sizeof(*argv));
    if (argv == NULL)
        return SL_EXIT_FAILURE;
    for (int i = 0; i < call->argc; i++)
        argv[i] = call->argv[i];
    argv[call->argc] = flag;
    call->argv = argv;
    call->argc++;
    int code = run_command(call);
    free(argv);
    return code;
}

int sl_args_run(const struct sl_command *root, int argc, char **argv)
{
    struct sl_settings settings = {0};
    struct sl_call call = {
        .command = root, .name = root->name, .settings = &settings, .argc = argc, .argv = argv};
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
        printf("%s %s\n", root->name, SL_VERSION);
        return SL_EXIT_OK;
    }
    if (argc >= 2 && strcmp(argv[1], "help") == 0)
        return run_help(&call);
    return run_command(&call);
}
