#include "daemon/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void add(struct sl_problems *problems,
                                                      const char *kind, const char *where,
                                                      const char *format, va_list args)
{
    char what[256];
    vsnprintf(what, sizeof(what), format, args);
    size_t used = strlen(problems->text);
    if (problems->shown < SL_PROBLEMS_SHOWN)
        snprintf(problems->text + used, sizeof(problems->text) - used, "%s: %s%s\n", where, kind,
                 what);
    problems->shown++;
}

static void place(const char *file, int line, char *ret_text, size_t cap)
{
    if (line > 0)
        snprintf(ret_text, cap, "%s:%d", file, line);
    else
        snprintf(ret_text, cap, "%s", file);
}

void sl_problem_error(struct sl_problems *problems, const char *file, int line, const char *format,
                      ...)
{
    char where[600];
    va_list args;
    va_start(args, format);
    place(file, line, where, sizeof(where));
    add(problems, "", where, format, args);
    va_end(args);
    problems->error_count++;
}

void sl_problem_warning(struct sl_problems *problems, const char *file, int line,
                        const char *format, ...)
{
    char where[600];
    va_list args;
    va_start(args, format);
    place(file, line, where, sizeof(where));
    add(problems, "warning: ", where, format, args);
    va_end(args);
    problems->warning_count++;
}
