/* Connections of the control service: what goes out to them, and their end. */
#include "services/control_internal.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void sl_control_wiping_free(void *pointer)
{
    if (pointer)
        explicit_bzero(pointer, malloc_usable_size(pointer));
    free(pointer);
}

void sl_control_watch(const struct sl_control *control, int operation, int fd, uint32_t events,
                      void *pointer)
{
    struct epoll_event event = {.events = events, .data.ptr = pointer};
    (void)epoll_ctl(control->epoll_fd, operation, fd, &event);
}

void sl_control_close_client(struct sl_control *control, struct sl_control_client *client)
{
    close(client->fd);
    sl_control_wiping_free(client->in);
    sl_control_wiping_free(client->out);
    control->subscriber_count -= client->subscribed;
    for (size_t i = 0; i < control->event_count; i++)
        if (control->events[i].cause == client)
            control->events[i].cause = NULL;
    *client = (struct sl_control_client){.fd = -1};
}

void sl_control_write_out(struct sl_control *control, struct sl_control_client *client)
{
    while (client->out_at < client->out_len) {
        ssize_t sent = send(client->fd, client->out + client->out_at,
                            client->out_len - client->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            sl_control_watch(control, EPOLL_CTL_MOD, client->fd, EPOLLIN | EPOLLOUT, client);
            return;
        }
        if (sent < 0) {
            sl_control_close_client(control, client);
            return;
        }
        client->out_at += (size_t)sent;
    }
    sl_control_wiping_free(client->out);
    client->out = NULL;
    client->out_len = client->out_at = client->out_cap = 0;
    if (client->ended)
        sl_control_close_client(control, client);
    else
        sl_control_watch(control, EPOLL_CTL_MOD, client->fd, EPOLLIN, client);
}

/* Room for that many more bytes of output; what was written already makes way. */
static bool make_room(struct sl_control_client *client, size_t len)
{
    size_t pending = client->out_len - client->out_at;
    if (pending + len > SL_CONTROL_BACKLOG_MAX)
        return false;
    if (client->out_len + len <= client->out_cap)
        return true;
    size_t cap = 2 * (pending + len);
    uint8_t *grown = malloc(cap);
    if (!grown)
        return false;
    if (pending > 0)
        memcpy(grown, client->out + client->out_at, pending);
    sl_control_wiping_free(client->out);
    client->out = grown;
    client->out_cap = cap;
    client->out_at = 0;
    client->out_len = pending;
    return true;
}

void sl_control_send_line(struct sl_control *control, struct sl_control_client *client,
                          const char *line)
{
    size_t len = line ? strlen(line) : 0;
    if (!line || !make_room(client, len + 1)) {
        sl_control_close_client(control, client);
        return;
    }
    memcpy(client->out + client->out_len, line, len);
    client->out[client->out_len + len] = '\n';
    client->out_len += len + 1;
    sl_control_write_out(control, client);
}
