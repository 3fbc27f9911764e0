#include "daemon/log.h"

#include "mesh/quota.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINES_BURST  60
#define LINES_SECOND 2

static int max_priority = LOG_INFO;
static bool started;
static bool journal; /* standard error leads to the journal */
static struct sl_bucket budget;
static unsigned long left_out;

static sl_time monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (sl_time)now.tv_sec * SL_SECOND + now.tv_nsec / 1000;
}

/* systemd.exec(5): JOURNAL_STREAM is device and inode of the stream it connected. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long device, inode;
    struct stat about;
    return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &about) == 0 && about.st_dev == device && about.st_ino == inode;
}

static void write_line(int priority, const char *text)
{
    if (journal)
        fprintf(stderr, "<%d>%s\n", priority, text);
    else
        fprintf(stderr, "starlingd: %s%s\n", priority <= LOG_ERR ? "error: " : "", text);
}

void sl_log_set_level(int level)
{
    max_priority = level;
}

void sl_log(int priority, const char *format, ...)
{
    char line[400];
    va_list args;
    sl_time now = monotonic();
    if (!started) {
        sl_bucket_init(&budget, LINES_SECOND, LINES_BURST, now);
        journal = is_journal();
        started = true;
    }
    if (priority > max_priority)
        return;
    if (!sl_bucket_take(&budget, 1, now)) {
        left_out++;
        return;
    }
    if (left_out > 0) {
        snprintf(line, sizeof(line), "%lu lines were left out here", left_out);
        left_out = 0;
        write_line(LOG_WARNING, line);
    }
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    write_line(priority, line);
}
