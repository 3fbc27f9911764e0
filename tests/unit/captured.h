/* A command line run inside a test, and what it printed. */
#ifndef SL_UNIT_CAPTURED_H
#define SL_UNIT_CAPTURED_H

#include "args.h"

/* Runs the words of `line`, which are parted by `parting`. Returns the exit code; standard output
 * and error are in `ret_said`, cut off at `cap`. */
int sl_captured_run(const struct sl_command *root, const char *parting, const char *line,
                    char *ret_said, size_t cap);

#endif
