#include "passphrase.h"

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Why a file may not be used, or NULL. */
static const char *file_fault(int fd)
{
    struct stat about;
    if (fstat(fd, &about) < 0)
        return strerror(errno);
    if (!S_ISREG(about.st_mode))
        return "it is not a plain file";
    if (about.st_uid != geteuid() && about.st_uid != 0)
        return "it belongs to somebody else";
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "others may read it; forbid it with chmod 600";
    return NULL;
}

/* Up to the end of the line, which is cut off. False at the end of the input or past `cap`. */
static bool read_line(int fd, char *ret_line, size_t cap)
{
    size_t len = 0;
    ssize_t got = 0;
    while (len < cap && (got = read(fd, ret_line + len, 1)) == 1 && ret_line[len] != '\n')
        len++;
    if (len == cap || (got != 1 && len == 0)) {
        explicit_bzero(ret_line, cap);
        return false;
    }
    ret_line[len] = '\0';
    return true;
}

static bool from_file(const char *path, char ret_passphrase[SL_PASSPHRASE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const char *fault = fd < 0 ? strerror(errno) : file_fault(fd);
    if (fault == NULL && !read_line(fd, ret_passphrase, SL_PASSPHRASE_MAX))
        fault = "its first line is empty or too long";
    if (fd >= 0)
        close(fd);
    if (fault != NULL)
        sl_output_error("passphrase file %s: %s.", path, fault);
    return fault == NULL;
}

/* Reads one line from the terminal without echo. Signals wait until the echo is back. */
static bool read_hidden(int fd, const char *prompt, char ret_line[SL_PASSPHRASE_MAX])
{
    struct termios before, hidden;
    if (tcgetattr(fd, &before) < 0)
        return false;
    sigset_t all, old;
    sigemptyset(&all);
    sigaddset(&all, SIGTSTP);
    sigaddset(&all, SIGTERM);
    sigaddset(&all, SIGHUP);
    sigprocmask(SIG_BLOCK, &all, &old);
    hidden = before;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    hidden.c_lflag |= ECHONL | ICANON;
    tcsetattr(fd, TCSAFLUSH, &hidden);
    dprintf(fd, "%s", prompt);
    bool got = read_line(fd, ret_line, SL_PASSPHRASE_MAX);
    tcsetattr(fd, TCSAFLUSH, &before);
    sigprocmask(SIG_SETMASK, &old, NULL);
    /* Without ISIG, Ctrl-C is a character: it means the same. */
    if (got && strchr(ret_line, '\003') != NULL) {
        explicit_bzero(ret_line, SL_PASSPHRASE_MAX);
        got = false;
    }
    return got;
}

static bool from_terminal(const char *prompt, bool twice, char ret_passphrase[SL_PASSPHRASE_MAX])
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        sl_output_error(
            "there is no terminal to ask for the passphrase. Put it into a file of mode "
            "0600 and name that: --passphrase-file FILE");
        return false;
    }
    char again[SL_PASSPHRASE_MAX] = "";
    bool good = read_hidden(fd, prompt, ret_passphrase);
    if (good && twice) {
        good = read_hidden(fd, "Once more: ", again);
        if (good && strcmp(again, ret_passphrase) != 0) {
            sl_output_error("the two are not the same. Nothing was done.");
            good = false;
        }
    }
    explicit_bzero(again, sizeof(again));
    close(fd);
    return good;
}

bool sl_passphrase_get(const struct sl_settings *settings, const char *prompt, bool twice,
                       char ret_passphrase[SL_PASSPHRASE_MAX])
{
    const char *file = settings->passphrase_file;
    if (file == NULL)
        file = getenv("STARLING_PASSPHRASE_FILE");
    if (file != NULL && file[0] != '\0')
        return from_file(file, ret_passphrase);
    return from_terminal(prompt, twice, ret_passphrase);
}

bool sl_passphrase_ask_line(const char *prompt, char *ret_line, size_t cap)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return false;
    dprintf(fd, "%s", prompt);
    bool got = read_line(fd, ret_line, cap);
    close(fd);
    return got;
}

bool sl_passphrase_confirm(const char *question)
{
    char answer[16] = "";
    char *prompt = sl_output_format("%s [y/N] ", question);
    bool yes = sl_passphrase_ask_line(prompt, answer, sizeof(answer)) &&
               (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0);
    free(prompt);
    return yes;
}
