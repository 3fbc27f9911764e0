#include "unit/played_daemon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct sl_played_daemon sl_played;

static void send_bytes(int fd, const char *bytes, size_t len)
{
    size_t step = sl_played.one_byte_at_a_time ? 1 : len;
    for (size_t i = 0; i < len; i += step)
        if (send(fd, bytes + i, step, MSG_NOSIGNAL) < 0)
            return;
}

static void send_answer(int fd, const char *request, const char *answer)
{
    char id[16] = "0", out[8192];
    const char *at = strstr(request, "\"id\":");
    if (at != NULL)
        snprintf(id, sizeof(id), "%.*s", (int)strspn(at + 5, "0123456789"), at + 5);
    size_t len = 0;
    for (const char *c = answer; *c != '\0'; c++) {
        if (*c == '~') {
            send_bytes(fd, out, len);
            usleep(10000);
            len = 0;
            continue;
        }
        len +=
            (size_t)snprintf(out + len, sizeof(out) - len, "%s", *c == '@' ? id : (char[]){*c, 0});
    }
    send_bytes(fd, out, len);
}

static void *play(void *arg)
{
    (void)arg;
    int fd = accept(sl_played.listener, NULL, NULL);
    FILE *in = fdopen(fd, "r");
    while (in != NULL && sl_played.done < sl_played.count &&
           fgets(sl_played.requests[sl_played.done], sizeof(sl_played.requests[0]), in) != NULL) {
        const struct sl_exchange *exchange = &sl_played.script[sl_played.done];
        const char *request = sl_played.requests[sl_played.done++];
        if (strstr(request, exchange->expected) == NULL)
            break;
        send_answer(fd, request, exchange->answer);
    }
    if (in != NULL)
        fclose(in);
    return NULL;
}

void sl_played_begin(const struct sl_exchange *script, size_t count)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    sl_played.script = script;
    sl_played.count = count;
    sl_played.done = 0;
    memset(sl_played.requests, 0, sizeof(sl_played.requests));
    strcpy(sl_played.path, "/tmp/starling-client-XXXXXX");
    assert_non_null(mkdtemp(sl_played.path));
    strcat(sl_played.path, "/s");
    strcpy(address.sun_path, sl_played.path);
    sl_played.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(sl_played.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(sl_played.listener, 4), 0);
    assert_int_equal(setenv("STARLING_SOCKET", sl_played.path, 1), 0);
    assert_int_equal(pthread_create(&sl_played.thread, NULL, play, NULL), 0);
}

void sl_played_end(void)
{
    shutdown(sl_played.listener, SHUT_RDWR);
    pthread_join(sl_played.thread, NULL);
    close(sl_played.listener);
    unlink(sl_played.path);
    *strrchr(sl_played.path, '/') = '\0';
    rmdir(sl_played.path);
    sl_played.one_byte_at_a_time = false;
    assert_int_equal(sl_played.done, sl_played.count);
}
