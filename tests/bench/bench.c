#include "bench.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define UNDO_MAX 64

static struct {
    void (*undo)(void *arg);
    void *arg;
} undos[UNDO_MAX];
static size_t undo_count;
static pid_t undo_owner;

sl_time bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SL_SECOND + t.tv_nsec / 1000;
}

void bench_pin(pid_t pid, enum bench_core core)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cores > 1 ? (size_t)core : 0, &set);
    sched_setaffinity(pid, sizeof(set), &set);
}

double bench_cpu_seconds(pid_t pid)
{
    char path[64];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                        &user, &system) != 2)
        bench_fail("%s cannot be read", path);
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

double bench_percentile(double *values, size_t count, double percent)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), compare);
    double at = percent / 100 * (double)(count - 1);
    size_t below = (size_t)at;
    size_t above = below + 1 < count ? below + 1 : below;
    return values[below] + (values[above] - values[below]) * (at - (double)below);
}

double bench_median(double *values, size_t count)
{
    return bench_percentile(values, count, 50);
}

/* Three digits or more that mean something, and never an exponent. */
static const char *number_text(double value, char ret_text[32])
{
    double size = value < 0 ? -value : value;
    int places = size >= 1000 ? 0 : size >= 100 ? 1 : 2;
    snprintf(ret_text, 32, "%.*f", places, value);
    return ret_text;
}

void bench_figure(const struct bench_figure *f)
{
    char goal[32], measured[32], off[32];
    bool least = f->direction == BENCH_AT_LEAST;
    bool reached = least ? f->measured >= f->goal : f->measured <= f->goal;
    char verdict[64] = "reached";
    if (!reached)
        snprintf(verdict, sizeof(verdict), "short by %s%s",
                 number_text(least ? f->goal - f->measured : f->measured - f->goal, off), f->unit);
    printf("figure\t%s\t%s %s%s\t%s%s\t%s\t%s\n", f->name, least ? "at least" : "at most",
           number_text(f->goal, goal), f->unit, number_text(f->measured, measured), f->unit,
           verdict, f->detail);
    fflush(stdout);
}

void bench_note(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("note\t", stdout);
    vprintf(format, list);
    fputc('\n', stdout);
    va_end(list);
    fflush(stdout);
}

static void run_undos(void)
{
    if (getpid() != undo_owner)
        return;
    while (undo_count > 0) {
        undo_count--;
        undos[undo_count].undo(undos[undo_count].arg);
    }
}

void bench_at_exit(void (*undo)(void *arg), void *arg)
{
    if (undo_owner == 0) {
        undo_owner = getpid();
        atexit(run_undos);
    }
    if (undo_count == UNDO_MAX)
        bench_fail("too many things to undo at exit");
    undos[undo_count].undo = undo;
    undos[undo_count++].arg = arg;
}

void bench_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}
