/* What is wrong with the files a node starts from: collected, so that all of it is said at once. */
#ifndef SL_DAEMON_PROBLEMS_H
#define SL_DAEMON_PROBLEMS_H

#include "base/base.h"

#define SL_PROBLEMS_SHOWN 20

struct sl_problems {
    size_t error_count;   /* the node cannot start */
    size_t warning_count; /* it can, but should not stay like this */
    size_t shown;
    char text[SL_PROBLEMS_SHOWN * 320]; /* a line each, NUL-terminated; starts empty */
};

/* "FILE:LINE: what is wrong; what to do". No line number if `line` is 0. */
__attribute__((format(printf, 4, 5))) void
sl_problem_error(struct sl_problems *problems, const char *file, int line, const char *format, ...);
__attribute__((format(printf, 4, 5))) void sl_problem_warning(struct sl_problems *problems,
                                                              const char *file, int line,
                                                              const char *format, ...);

#endif
