/* starling image: builds and checks images of boards, with the programs in the source's boards/. */
#include "commands.h"

#include "output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Runs boards/NAME of the source folder that one stands in; returns only if that failed. */
static int run_program(const char *program, const char *argument)
{
    if (access(program, X_OK) < 0) {
        sl_output_error("%s is not here: run this in the folder of Starling's source.", program);
        return SL_EXIT_FAILURE;
    }
    execl(program, program, argument, (char *)NULL);
    sl_output_error("%s cannot be run: %s.", program, strerror(errno));
    return SL_EXIT_FAILURE;
}

static int run_build(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    return run_program("boards/build", call->args[0]);
}

static int run_list(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    return run_program("boards/build", "--list");
}

static int run_verify(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    return run_program("boards/verify", call->args[0]);
}

static const struct sl_command parts[] = {
    {
        .name = "build",
        .arguments = "BOARD",
        .summary = "Builds the image of a board from Debian packages",
        .help = "Leaves build/image/starling-BOARD.img.zst and its manifest. `make image\n"
                "BOARD=...` does the same and installs what it needs.\n\n"
                "Examples:\n"
                "  starling image build rpi\n",
        .arg_min = 1,
        .arg_max = 1,
        .run = run_build,
    },
    {
        .name = "list",
        .summary = "Lists the boards there are images for",
        .help = "Examples:\n  starling image list\n",
        .run = run_list,
    },
    {
        .name = "verify",
        .arguments = "FILE",
        .summary = "Looks into an image: partitions, units, permissions, no keys",
        .help = "Examples:\n  starling image verify build/image/starling-rpi.img.zst\n",
        .arg_min = 1,
        .arg_max = 1,
        .run = run_verify,
    },
    {0},
};

const struct sl_command sl_cmd_image = {
    .name = "image",
    .summary = "Builds and checks images of boards (organisers)",
    .help = "Examples:\n  starling image list\n  starling image build rpi\n",
    .parts = parts,
};
