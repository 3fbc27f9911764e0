#include "unit/captured.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int sl_captured_run(const struct sl_command *root, const char *parting, const char *line,
                    char *ret_said, size_t cap)
{
    char copy[512], *argv[16], *rest = NULL;
    int argc = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok_r(copy, parting, &rest); word && argc < 15;
         word = strtok_r(NULL, parting, &rest))
        argv[argc++] = word;
    argv[argc] = NULL;
    FILE *file = tmpfile();
    fflush(stdout);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    int code = sl_args_run(root, argc, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    rewind(file);
    ret_said[fread(ret_said, 1, cap - 1, file)] = '\0';
    fclose(file);
    return code;
}
