/* The control socket and the lines that come in through it; what requests do is in
 * control_request.c. */
#include "services/control_internal.h"
#include "services/control_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES   16384     /* of one client in one turn, so that none holds up the mesh */
#define BATCH        16        /* clients served in one turn */
#define ACCEPT_PAUSE SL_SECOND /* when the process is out of descriptors */

/* ---- Requests ---- */

static char *handle(struct sl_control_request *request, const char *line, size_t len)
{
    json_t *answer = sl_control_handle(request, line, len);
    char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    return text;
}

char *sl_control_answer(struct sl_control *control, uint32_t uid, const char *line, size_t len,
                        sl_time now)
{
    struct sl_control_request request = {.config = &control->config, .uid = uid, .now = now};
    return handle(&request, line, len);
}

static void take_subscription(struct sl_control *control, struct sl_control_client *client,
                              const struct sl_control_request *request)
{
    if (!request->subscribe)
        return;
    if (!control->events)
        control->events = calloc(SL_CONTROL_EVENTS_MAX, sizeof(control->events[0]));
    control->subscriber_count += !client->subscribed;
    client->subscribed = true;
    client->subscribed_all = request->subscribe_all;
    client->persona = request->persona;
}

static void serve_line(struct sl_control *control, struct sl_control_client *client,
                       const char *line, size_t len, sl_time now)
{
    struct sl_control_request request = {
        .config = &control->config, .uid = client->uid, .now = now};
    control->serving = client;
    char *answer = handle(&request, line, len);
    control->serving = NULL;
    take_subscription(control, client, &request);
    sl_control_send_line(control, client, answer);
    sl_control_wiping_free(answer);
}

static void refuse_long_line(struct sl_control *control, struct sl_control_client *client)
{
    client->ended = true;
    sl_control_send_line(
        control, client,
        "{\"ok\":false,\"error\":\"too-long\",\"text\":\"a line may have 64 KiB\"}");
}

/* Serves the whole lines in the buffer and keeps the rest. */
static void serve_lines(struct sl_control *control, struct sl_control_client *client, sl_time now)
{
    size_t at = 0;
    while (client->fd >= 0 && !client->ended) {
        uint8_t *feed = memchr(client->in + at, '\n', client->in_len - at);
        if (!feed)
            break;
        size_t len = (size_t)(feed - client->in) - at;
        /* The client may be gone afterwards, and its buffer with it. */
        serve_line(control, client, (const char *)client->in + at, len, now);
        at += len + 1;
    }
    if (client->fd < 0)
        return;
    memmove(client->in, client->in + at, client->in_len - at);
    explicit_bzero(client->in + client->in_len - at, at);
    client->in_len -= at;
    if (client->in_len == 0) {
        sl_control_wiping_free(client->in);
        client->in = NULL;
    }
    if (client->in_len >= SL_CONTROL_LINE_MAX && !client->ended)
        refuse_long_line(control, client);
}

static void read_client(struct sl_control *control, struct sl_control_client *client, sl_time now)
{
    size_t cap = client->in_len + READ_BYTES;
    uint8_t *grown = malloc(cap);
    if (!grown) {
        sl_control_close_client(control, client);
        return;
    }
    if (client->in_len > 0)
        memcpy(grown, client->in, client->in_len);
    sl_control_wiping_free(client->in);
    client->in = grown;
    ssize_t got = recv(client->fd, grown + client->in_len, READ_BYTES, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        sl_control_close_client(control, client);
        return;
    }
    client->in_len += got > 0 ? (size_t)got : 0;
    serve_lines(control, client, now);
}

/* ---- New clients ---- */

static struct sl_control_client *free_place(struct sl_control *control)
{
    for (size_t i = 0; i < SL_CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd < 0)
            return &control->clients[i];
    return NULL;
}

static void refuse_client(int fd)
{
    static const char busy[] = "{\"ok\":false,\"error\":\"busy\",\"text\":\"64 programs are "
                               "connected to this node already; close one\"}\n";
    (void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void accept_client(struct sl_control *control, sl_time now)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    int fd = accept4(control->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
        /* Else the waiting client would wake the loop for ever. */
        sl_control_watch(control, EPOLL_CTL_MOD, control->listen_fd, 0, NULL);
        control->paused_until = now + ACCEPT_PAUSE;
    }
    if (fd < 0)
        return;
    struct sl_control_client *client = free_place(control);
    if (!client || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
        refuse_client(fd);
        return;
    }
    *client = (struct sl_control_client){.fd = fd, .uid = peer.uid};
    sl_control_watch(control, EPOLL_CTL_ADD, fd, EPOLLIN, client);
}

static void serve_client(struct sl_control *control, struct sl_control_client *client,
                         uint32_t events, sl_time now)
{
    if (client->fd < 0) /* closed earlier in this batch */
        return;
    if (events & EPOLLOUT)
        sl_control_write_out(control, client);
    if (client->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        read_client(control, client, now);
}

void sl_control_dispatch(struct sl_control *control, sl_time now)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(control->epoll_fd, events, BATCH, 0);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr)
            serve_client(control, events[i].data.ptr, events[i].events, now);
        else
            accept_client(control, now);
}

/* ---- Making and ending ---- */

/* Removes a socket that its owner left behind. 0, -EADDRINUSE, -EEXIST. */
static int remove_stale(const struct sockaddr_un *address)
{
    struct stat about;
    if (lstat(address->sun_path, &about) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(about.st_mode))
        return -EEXIST;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
    close(fd);
    if (error != ECONNREFUSED)
        return error == ENOENT ? 0 : -EADDRINUSE;
    return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int listen_at(struct sl_control *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, control->path, sizeof(control->path));
    int error = remove_stale(&address);
    if (error < 0)
        return error;
    control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (control->listen_fd < 0)
        return -errno;
    /* Nobody may connect between bind() and chmod(). */
    mode_t before = umask(0177);
    int bound = bind(control->listen_fd, (const struct sockaddr *)&address, sizeof(address));
    error = bound < 0 ? -errno : 0;
    umask(before);
    if (error == 0 && (chmod(control->path, control->config.mode) < 0 ||
                       listen(control->listen_fd, SL_CONTROL_CLIENTS_MAX) < 0))
        error = -errno;
    if (error < 0) {
        close(control->listen_fd);
        control->listen_fd = -1;
        return error;
    }
    sl_control_watch(control, EPOLL_CTL_ADD, control->listen_fd, EPOLLIN, NULL);
    return 0;
}

int sl_control_new(const struct sl_control_config *config, struct sl_control **ret_control)
{
    struct sl_control *control = calloc(1, sizeof(*control));
    if (!control)
        return -ENOMEM;
    json_set_alloc_funcs(malloc, sl_control_wiping_free);
    control->config = *config;
    control->listen_fd = -1;
    for (size_t i = 0; i < SL_CONTROL_CLIENTS_MAX; i++)
        control->clients[i].fd = -1;
    control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int error = control->epoll_fd < 0 ? -errno : 0;
    if (error == 0 && config->path) {
        if (strlen(config->path) >= sizeof(control->path))
            error = -ENAMETOOLONG;
        else
            strcpy(control->path, config->path);
    }
    if (error == 0 && config->path)
        error = listen_at(control);
    if (error < 0) {
        sl_control_free(control);
        return error;
    }
    *ret_control = control;
    return 0;
}

void sl_control_free(struct sl_control *control)
{
    if (!control)
        return;
    for (size_t i = 0; i < SL_CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd >= 0)
            sl_control_close_client(control, &control->clients[i]);
    if (control->listen_fd >= 0) {
        unlink(control->path);
        close(control->listen_fd);
    }
    if (control->epoll_fd >= 0)
        close(control->epoll_fd);
    free(control->events);
    free(control);
}

int sl_control_fd(const struct sl_control *control)
{
    return control->epoll_fd;
}
