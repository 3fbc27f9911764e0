#include "pool.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AHEAD_MAX = 64, FAILED_MAX = 200 };

struct child {
    pid_t pid;
    FILE *output;
    bool ended;
    int status;
};

struct pool {
    const struct pool_job *job;
    size_t started, printed; /* numbers of runs */
    unsigned running;
    struct child children[AHEAD_MAX]; /* by number */
    int failed;
};

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    abort();
}

void *pool_share(size_t len)
{
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(memory != MAP_FAILED, "mmap");
    return memory;
}

_Noreturn static void be_child(const struct pool_job *job, size_t number, FILE *output)
{
    dup2(fileno(output), STDOUT_FILENO);
    dup2(fileno(output), STDERR_FILENO);
    int failed = job->run(job->arg, number);
    fflush(stdout);
    _exit(failed < FAILED_MAX ? failed : FAILED_MAX);
}

static void start(struct pool *pool)
{
    struct child *child = &pool->children[pool->started % AHEAD_MAX];
    *child = (struct child){.output = tmpfile()};
    must(child->output != NULL, "tmpfile");
    fflush(stdout);
    child->pid = fork();
    must(child->pid >= 0, "fork");
    if (child->pid == 0)
        be_child(pool->job, pool->started, child->output);
    pool->started++;
    pool->running++;
}

static void reap(struct pool *pool)
{
    int status;
    pid_t pid = wait(&status);
    must(pid >= 0, "wait");
    for (size_t i = pool->printed; i < pool->started; i++) {
        struct child *child = &pool->children[i % AHEAD_MAX];
        if (child->pid != pid)
            continue;
        child->ended = true;
        child->status = status;
        pool->running--;
    }
}

static void print_child(struct pool *pool, struct child *child)
{
    char bytes[4096];
    size_t len;
    rewind(child->output);
    while ((len = fread(bytes, 1, sizeof(bytes), child->output)) > 0)
        fwrite(bytes, 1, len, stdout);
    fclose(child->output);
    if (WIFSIGNALED(child->status))
        printf("not ok the run above died: %s\n", strsignal(WTERMSIG(child->status)));
    pool->failed += WIFEXITED(child->status) ? WEXITSTATUS(child->status) : 1;
    fflush(stdout);
}

int pool_run(const struct pool_job *job, unsigned workers)
{
    struct pool pool = {.job = job};
    double begin = now_seconds();
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (workers == 0)
        workers = processors > 0 ? (unsigned)processors : 1;
    for (;;) {
        bool more = pool.started < job->count &&
                    (job->seconds <= 0 || now_seconds() - begin < job->seconds);
        if (more && pool.running < workers && pool.started - pool.printed < AHEAD_MAX)
            start(&pool);
        else if (pool.running > 0)
            reap(&pool);
        else
            return pool.failed;
        for (; pool.printed < pool.started && pool.children[pool.printed % AHEAD_MAX].ended;
             pool.printed++)
            print_child(&pool, &pool.children[pool.printed % AHEAD_MAX]);
    }
}
