/* starling: the command of organisers, operators and people at a terminal. This is its table; each
 * command has a file of its own, cmd_*.c. */
#include "client.h"
#include "commands.h"
#include "output.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#define COMMANDS_MAX 24

static const char help[] =
    "To begin with:\n"
    "  starling network create square          a network called 'square'\n"
    "  starling node add lamp-post             a node in it: a folder for a board\n"
    "  starling chat                           once starlingd runs: say hello in #general\n"
    "\n"
    "`starling COMMAND --help` has the details and examples; starling(1) is the manual.\n"
    "Exit status: 0 it worked, 1 it did not, 2 wrong use.\n";

static void collect_commands(struct sl_command ret_commands[COMMANDS_MAX])
{
    const struct sl_command *const all[] = {
        &sl_cmd_chat,     &sl_cmd_send,    &sl_cmd_inbox,   &sl_cmd_people,
        &sl_cmd_channels, &sl_cmd_persona, &sl_cmd_status,  &sl_cmd_neighbours,
        &sl_cmd_radios,   &sl_cmd_doctor,  &sl_cmd_network, &sl_cmd_node,
        &sl_cmd_simulate, &sl_cmd_flash,   &sl_cmd_image,   &sl_cmd_sheet,
    };
    _Static_assert(SL_ARRAY_LEN(all) < COMMANDS_MAX, "a place for every command, and an end");
    for (size_t i = 0; i < SL_ARRAY_LEN(all); i++)
        ret_commands[i] = *all[i];
    ret_commands[SL_ARRAY_LEN(all)] = (struct sl_command){0};
}

/* A core file would hold passphrases and keys. */
static void forbid_core_files(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL);
    forbid_core_files();
    sl_output_setup();
    sl_client_init();
    struct sl_command commands[COMMANDS_MAX];
    collect_commands(commands);
    const struct sl_command root = {.name = "starling",
                                    .arguments = "COMMAND",
                                    .summary = "Chat for people in one place without internet",
                                    .help = help,
                                    .parts = commands};
    int code = sl_args_run(&root, argc, argv);
    if (fflush(stdout) != 0 && code == SL_EXIT_OK) {
        sl_output_error("what was to be shown could not be written.");
        code = SL_EXIT_FAILURE;
    }
    return code;
}
