/* What every benchmark needs: time, order statistics, one processor core for each process, and
 * lines that `tests/bench/run` collects into its table. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/base.h"

#include <sys/types.h>

/* Monotonic microseconds. */
sl_time bench_now(void);

/* The relay and the bare forwarder share the first core and are never busy at the same time; the
 * benchmark itself, which plays all their neighbours, has the second. With one core they share it.
 */
enum bench_core { BENCH_CORE_RELAY, BENCH_CORE_PLAYERS };
void bench_pin(pid_t pid, enum bench_core core);

/* Seconds of processor time used so far, user and system. */
double bench_cpu_seconds(pid_t pid);

/* Sorts `values`. */
double bench_percentile(double *values, size_t count, double percent);
double bench_median(double *values, size_t count);

enum bench_goal { BENCH_AT_LEAST, BENCH_AT_MOST };

struct bench_figure {
    const char *name;
    enum bench_goal direction;
    double goal;
    double measured;
    const char *unit;   /* may be "" */
    const char *detail; /* spread, or what it is made of */
};

/* One line of the table: goal, measured, and whether it was reached or by how much it falls short.
 */
void bench_figure(const struct bench_figure *figure);

/* A line that explains figures, printed with them. */
void bench_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program: a benchmark that cannot measure says why and does not guess. */
void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Run at exit and by bench_fail(), last registered first. */
void bench_at_exit(void (*undo)(void *arg), void *arg);

#endif
