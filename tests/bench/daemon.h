/* The real starlingd as a child of the benchmark, its control socket, and what the kernel says of
 * it. */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include "base/base.h"

#include <jansson.h>
#include <sys/types.h>

struct bench_daemon;

/* Starts the node of that name (configuration NAME.conf and socket NAME.sock in the lab), and waits
 * until it answers. Ends the program if it does not. Stopped at exit at the latest. */
struct bench_daemon *bench_daemon_start(const char *name);
void bench_daemon_stop(struct bench_daemon *daemon);
pid_t bench_daemon_pid(const struct bench_daemon *daemon);

/* Asks on the control socket; the answer is the caller's. Ends the program on "ok": false. The
 * request is made by json_pack() of `format`. */
json_t *bench_daemon_ask(struct bench_daemon *daemon, const char *format, ...);

/* A number out of {"do": "status"}, for example "store", "count". */
double bench_daemon_status(struct bench_daemon *daemon, const char *group, const char *name);

/* Megabytes (2^20) of a field of /proc/PID/status or /proc/PID/smaps_rollup, as "VmRSS", "Pss". */
double bench_memory_mb(pid_t pid, const char *field);

#endif
