#include "daemon.h"
#include "bench.h"
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIMEOUT (10 * SL_SECOND)

struct bench_daemon {
    char name[32];
    pid_t pid;
    int control;   /* the socket; -1 until it answers */
    FILE *answers; /* reads from a duplicate of it */
};

static int try_connect(const char *name)
{
    char path[PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bench_lab_path(name, "sock", path);
    if (strlen(path) >= sizeof(address.sun_path))
        bench_fail("%s is too long for a socket; set TMPDIR to a shorter folder", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* In the child: never returns. */
static void become_daemon(const char *name)
{
    char config[PATH_MAX], log[PATH_MAX], program[PATH_MAX];
    bench_lab_path(name, "conf", config);
    bench_lab_path(name, "log", log);
    const char *build = getenv("STARLING_BUILD");
    snprintf(program, sizeof(program), "%s/starlingd", build ? build : ".");
    bench_enter(name);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execl(program, "starlingd", "-c", config, (char *)NULL);
    fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

static void stop_at_exit(void *arg)
{
    struct bench_daemon *daemon = arg;
    if (daemon->pid > 0)
        kill(daemon->pid, SIGKILL);
}

struct bench_daemon *bench_daemon_start(const char *name)
{
    struct bench_daemon *daemon = calloc(1, sizeof(*daemon));
    if (!daemon)
        bench_fail("out of memory");
    snprintf(daemon->name, sizeof(daemon->name), "%s", name);
    daemon->pid = fork();
    if (daemon->pid == 0)
        become_daemon(name);
    if (daemon->pid < 0)
        bench_fail("fork: %s", strerror(errno));
    bench_at_exit(stop_at_exit, daemon);
    sl_time deadline = bench_now() + START_TIMEOUT;
    daemon->control = -1;
    while (daemon->control < 0 && bench_now() < deadline &&
           waitpid(daemon->pid, NULL, WNOHANG) == 0) {
        usleep(20000);
        daemon->control = try_connect(name);
    }
    if (daemon->control < 0)
        bench_fail("starlingd of %s did not start; see %s.log in the lab (LAB_KEEP=1 keeps it)",
                   name, name);
    daemon->answers = fdopen(fcntl(daemon->control, F_DUPFD_CLOEXEC, 0), "r");
    return daemon;
}

void bench_daemon_stop(struct bench_daemon *daemon)
{
    fclose(daemon->answers);
    close(daemon->control);
    kill(daemon->pid, SIGTERM);
    int status = 0;
    waitpid(daemon->pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail("starlingd of %s ended with wait status %d", daemon->name, status);
    daemon->pid = 0;
}

pid_t bench_daemon_pid(const struct bench_daemon *daemon)
{
    return daemon->pid;
}

json_t *bench_daemon_ask(struct bench_daemon *daemon, const char *format, ...)
{
    json_error_t error;
    va_list list;
    va_start(list, format);
    json_t *request = json_vpack_ex(&error, 0, format, list);
    va_end(list);
    if (!request)
        bench_fail("request: %s", error.text);
    char *line = json_dumps(request, JSON_COMPACT);
    dprintf(daemon->control, "%s\n", line);
    json_t *answer = json_loadf(daemon->answers, JSON_DISABLE_EOF_CHECK, &error);
    if (!answer)
        bench_fail("%s: no answer to %s: %s", daemon->name, line, error.text);
    if (!json_is_true(json_object_get(answer, "ok")))
        bench_fail("%s: %s: %s", daemon->name, line,
                   json_string_value(json_object_get(answer, "text")));
    free(line);
    json_decref(request);
    return answer;
}

double bench_daemon_status(struct bench_daemon *daemon, const char *group, const char *name)
{
    json_t *answer = bench_daemon_ask(daemon, "{s:s}", "do", "status");
    json_t *object = group ? json_object_get(answer, group) : answer;
    json_t *number = json_object_get(object, name);
    if (!json_is_number(number))
        bench_fail("status of %s has no number %s.%s", daemon->name, group ? group : "", name);
    double value = json_number_value(number);
    json_decref(answer);
    return value;
}

static double memory_of(const char *path, const char *field)
{
    char line[256];
    double kilobytes = -1;
    FILE *file = fopen(path, "r");
    size_t len = strlen(field);
    while (file && kilobytes < 0 && fgets(line, sizeof(line), file))
        if (strncmp(line, field, len) == 0 && line[len] == ':')
            kilobytes = strtod(line + len + 1, NULL);
    if (file)
        fclose(file);
    return kilobytes;
}

double bench_memory_mb(pid_t pid, const char *field)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    double kilobytes = memory_of(path, field);
    if (kilobytes < 0) {
        snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
        kilobytes = memory_of(path, field);
    }
    if (kilobytes < 0)
        bench_fail("the kernel does not tell %s of process %d", field, (int)pid);
    return kilobytes / 1024;
}
