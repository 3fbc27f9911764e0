/* Commands and their options: a table of commands, each with its help, and getopt_long(3) under it,
 * so that every command takes the common options and says the same when it is used wrongly. */
#ifndef SL_TOOLS_ARGS_H
#define SL_TOOLS_ARGS_H

#include "base/base.h"

enum { SL_EXIT_OK = 0, SL_EXIT_FAILURE = 1, SL_EXIT_USAGE = 2 };

/* What the common options said. Texts are borrowed from argv. */
struct sl_settings {
    bool json;
    const char *socket;          /* --socket; NULL: the usual places */
    const char *network;         /* --network; NULL: $STARLING_NETWORK, or the only one */
    const char *persona;         /* --as; NULL: the only one */
    const char *passphrase_file; /* --passphrase-file; NULL: $STARLING_PASSPHRASE_FILE */
};

/* One run of a command. */
struct sl_call {
    const struct sl_command *command;
    const char *name; /* as typed: "starling network invite" */
    struct sl_settings *settings;
    int argc; /* with the command's own name in argv[0] */
    char **argv;
    int arg_count; /* after sl_args_parse(): what is not an option */
    char **args;
    int exit_code; /* after sl_args_parse() gave false */
};

/* Which common options a command takes, beside --help. */
enum sl_takes {
    SL_TAKES_JSON = 1,
    SL_TAKES_SOCKET = 2,
    SL_TAKES_NETWORK = 4,
    SL_TAKES_PERSONA = 8,
    SL_TAKES_PASSPHRASE = 16,
};

struct sl_command {
    const char *name;
    const char *also;                 /* another spelling, or NULL */
    const char *arguments;            /* "NAME [--folder DIR]", for the line of usage, or NULL */
    const char *summary;              /* one line */
    const char *help;                 /* paragraphs and examples */
    unsigned takes;                   /* enum sl_takes */
    int arg_min, arg_max;             /* -1: any number */
    int (*run)(struct sl_call *call); /* NULL: it has parts only */
    const struct sl_command *parts;   /* ended by one without a name */
};

struct sl_option {
    const char *name;
    char letter;       /* or 0 */
    const char *value; /* what it takes, "DURATION"; NULL: a switch */
    const char *help;
    const char **ret_value;
    bool *ret_given; /* of a switch */
};

/* Reads the options of a command, and prints its help for --help. False if there is nothing more to
 * do: the caller then returns call->exit_code. */
bool sl_args_parse(struct sl_call *call, const struct sl_option *options, size_t option_count);

/* Finds the command in `root` and its parts that argv names, and runs it. An exit code. */
int sl_args_run(const struct sl_command *root, int argc, char **argv);

/* Wrong use: says why, and where help is. SL_EXIT_USAGE. */
int sl_args_wrong(const struct sl_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "a", "a or b", "a, b or c" out of the nearest of `names`, to be freed; NULL if none is near. */
char *sl_args_suggest(const char *name, const char *const *names, size_t count);

#endif
