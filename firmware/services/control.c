/* Sockets, lines and events of the control service; what requests do is in control_request.c. */
#include "services/control.h"
#include "services/control_request.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
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

struct client {
    int fd; /* -1: place is free */
    uint32_t uid;
    bool subscribed;
    bool subscribed_all;
    uint32_t persona; /* if not all */
    bool ended;       /* to be closed when the output is written */
    uint8_t *in;      /* a line not yet whole */
    size_t in_len;
    uint8_t *out; /* not yet written; the first out_at bytes are */
    size_t out_len, out_at, out_cap;
};

enum event_kind { EVENT_MESSAGE, EVENT_STATE, EVENT_PERSON };

/* Something that subscribers are to know; written at the end of the turn, because the chat may not be
 * asked while it tells. */
struct event {
    enum event_kind kind;
    uint32_t persona, owner;
    uint64_t number; /* of the message */
    enum sl_message_state state;
    const struct client *cause; /* whose request made it, or NULL */
    struct sl_person person;
};

struct sl_control {
    struct sl_control_config config;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int epoll_fd;
    int listen_fd; /* -1: none */
    sl_time paused_until; /* the listener rests; 0: it does not */
    struct client clients[SL_CONTROL_CLIENTS_MAX];
    const struct client *serving; /* whose request is being handled */
    size_t subscriber_count;
    struct event *events; /* SL_CONTROL_EVENTS_MAX, made with the first subscriber */
    size_t event_count;
    size_t lost_count;
};

/* ---- Memory for JSON: texts and passphrases pass through it ---- */

static void wiping_free(void *pointer)
{
    if (pointer)
        explicit_bzero(pointer, malloc_usable_size(pointer));
    free(pointer);
}

/* ---- Clients ---- */

static void watch(const struct sl_control *control, int operation, int fd, uint32_t events,
                  void *pointer)
{
    struct epoll_event event = {.events = events, .data.ptr = pointer};
    (void)epoll_ctl(control->epoll_fd, operation, fd, &event);
}

static void close_client(struct sl_control *control, struct client *client)
{
    close(client->fd);
    wiping_free(client->in);
    wiping_free(client->out);
    control->subscriber_count -= client->subscribed;
    for (size_t i = 0; i < control->event_count; i++)
        if (control->events[i].cause == client)
            control->events[i].cause = NULL;
    *client = (struct client){.fd = -1};
}

/* Writes what it can; keeps the rest for when the client reads. */
static void write_out(struct sl_control *control, struct client *client)
{
    while (client->out_at < client->out_len) {
        ssize_t sent = send(client->fd, client->out + client->out_at,
                            client->out_len - client->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            watch(control, EPOLL_CTL_MOD, client->fd, EPOLLIN | EPOLLOUT, client);
            return;
        }
        if (sent < 0) {
            close_client(control, client);
            return;
        }
        client->out_at += (size_t)sent;
    }
    wiping_free(client->out);
    client->out = NULL;
    client->out_len = client->out_at = client->out_cap = 0;
    if (client->ended)
        close_client(control, client);
    else
        watch(control, EPOLL_CTL_MOD, client->fd, EPOLLIN, client);
}

/* Room for that many more bytes of output; what was written already makes way. */
static bool make_room(struct client *client, size_t len)
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
    wiping_free(client->out);
    client->out = grown;
    client->out_cap = cap;
    client->out_at = 0;
    client->out_len = pending;
    return true;
}

/* One line, without its line feed. A client that does not read loses its connection. */
static void send_line(struct sl_control *control, struct client *client, const char *line)
{
    size_t len = line ? strlen(line) : 0;
    if (!line || !make_room(client, len + 1)) {
        close_client(control, client);
        return;
    }
    memcpy(client->out + client->out_len, line, len);
    client->out[client->out_len + len] = '\n';
    client->out_len += len + 1;
    write_out(control, client);
}

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

static void take_subscription(struct sl_control *control, struct client *client,
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

static void serve_line(struct sl_control *control, struct client *client, const char *line,
                       size_t len, sl_time now)
{
    struct sl_control_request request = {
        .config = &control->config, .uid = client->uid, .now = now};
    control->serving = client;
    char *answer = handle(&request, line, len);
    control->serving = NULL;
    take_subscription(control, client, &request);
    send_line(control, client, answer);
    wiping_free(answer);
}

static void refuse_long_line(struct sl_control *control, struct client *client)
{
    client->ended = true;
    send_line(control, client,
              "{\"ok\":false,\"error\":\"too-long\",\"text\":\"a line may have 64 KiB\"}");
}

/* Serves the whole lines in the buffer and keeps the rest. */
static void serve_lines(struct sl_control *control, struct client *client, sl_time now)
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
        wiping_free(client->in);
        client->in = NULL;
    }
    if (client->in_len >= SL_CONTROL_LINE_MAX && !client->ended)
        refuse_long_line(control, client);
}

static void read_client(struct sl_control *control, struct client *client, sl_time now)
{
    size_t cap = client->in_len + READ_BYTES;
    uint8_t *grown = malloc(cap);
    if (!grown) {
        close_client(control, client);
        return;
    }
    if (client->in_len > 0)
        memcpy(grown, client->in, client->in_len);
    wiping_free(client->in);
    client->in = grown;
    ssize_t got = recv(client->fd, grown + client->in_len, READ_BYTES, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        close_client(control, client);
        return;
    }
    client->in_len += got > 0 ? (size_t)got : 0;
    serve_lines(control, client, now);
}

/* ---- New clients ---- */

static struct client *free_place(struct sl_control *control)
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
        watch(control, EPOLL_CTL_MOD, control->listen_fd, 0, NULL);
        control->paused_until = now + ACCEPT_PAUSE;
    }
    if (fd < 0)
        return;
    struct client *client = free_place(control);
    if (!client || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
        refuse_client(fd);
        return;
    }
    *client = (struct client){.fd = fd, .uid = peer.uid};
    watch(control, EPOLL_CTL_ADD, fd, EPOLLIN, client);
}

static void serve_client(struct sl_control *control, struct client *client, uint32_t events,
                         sl_time now)
{
    if (client->fd < 0) /* closed earlier in this batch */
        return;
    if (events & EPOLLOUT)
        write_out(control, client);
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

/* ---- Events ---- */

static struct event *add_event(struct sl_control *control, enum event_kind kind)
{
    if (control->subscriber_count == 0)
        return NULL;
    if (!control->events || control->event_count == SL_CONTROL_EVENTS_MAX) {
        control->lost_count++;
        return NULL;
    }
    struct event *event = &control->events[control->event_count++];
    *event = (struct event){.kind = kind, .cause = control->serving};
    return event;
}

static void add_message_event(struct sl_control *control, enum event_kind kind, uint32_t persona,
                              uint32_t owner, const struct sl_message *message)
{
    struct event *event = add_event(control, kind);
    if (!event)
        return;
    event->persona = persona;
    event->owner = owner;
    event->number = message->number;
    event->state = message->state;
}

void sl_control_message(struct sl_control *control, uint32_t persona, uint32_t owner,
                        const struct sl_message *message)
{
    add_message_event(control, EVENT_MESSAGE, persona, owner, message);
}

void sl_control_state(struct sl_control *control, uint32_t persona, uint32_t owner,
                      const struct sl_message *message)
{
    add_message_event(control, EVENT_STATE, persona, owner, message);
}

void sl_control_person(struct sl_control *control, const struct sl_person *person)
{
    struct event *event = add_event(control, EVENT_PERSON);
    if (event)
        event->person = *person;
}

static bool own_key(const struct sl_control *control, const struct event *event,
                    uint8_t ret_key[SL_KEY_LEN])
{
    struct sl_persona_info info;
    for (size_t i = 0; sl_chat_persona(control->config.chat, event->owner, i, &info) == 0; i++)
        if (info.persona == event->persona) {
            memcpy(ret_key, info.key, SL_KEY_LEN);
            return true;
        }
    return false;
}

/* NULL if what it is about is gone. */
static json_t *message_event_json(const struct sl_control *control, const struct event *event,
                                  sl_time now, bool *ret_outgoing)
{
    struct sl_control_request request = {
        .config = &control->config, .uid = event->owner, .persona = event->persona, .now = now};
    struct sl_message message;
    if (!own_key(control, event, request.persona_key) ||
        sl_chat_history(control->config.chat, event->owner, event->persona, event->number,
                        &message) < 0 ||
        message.number != event->number)
        return NULL;
    *ret_outgoing = message.outgoing;
    message.state = event->state;
    return json_pack("{s:s, s:o}", "event", event->kind == EVENT_STATE ? "state" : "message",
                     "message", sl_control_message_json(&request, &message));
}

static bool concerns(const struct client *client, const struct event *event, bool outgoing)
{
    if (client->fd < 0 || !client->subscribed || client->ended)
        return false;
    if (event->kind == EVENT_PERSON)
        return true;
    /* Who sent it has it in the answer. */
    if (event->kind == EVENT_MESSAGE && outgoing && event->cause == client)
        return false;
    return client->uid == event->owner &&
           (client->subscribed_all || client->persona == event->persona);
}

static void tell(struct sl_control *control, const struct event *event, sl_time now)
{
    bool outgoing = false;
    json_t *object = event->kind == EVENT_PERSON
                         ? json_pack("{s:s, s:o}", "event", "person", "person",
                                     sl_control_person_json(&event->person, now))
                         : message_event_json(control, event, now, &outgoing);
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    for (size_t i = 0; line && i < SL_CONTROL_CLIENTS_MAX; i++)
        if (concerns(&control->clients[i], event, outgoing))
            send_line(control, &control->clients[i], line);
    wiping_free(line);
    json_decref(object);
}

static void tell_lost(struct sl_control *control)
{
    char line[80];
    snprintf(line, sizeof(line), "{\"event\":\"lost\",\"count\":%zu}", control->lost_count);
    for (size_t i = 0; i < SL_CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd >= 0 && control->clients[i].subscribed)
            send_line(control, &control->clients[i], line);
    control->lost_count = 0;
}

void sl_control_flush(struct sl_control *control, sl_time now)
{
    for (size_t i = 0; i < control->event_count && control->subscriber_count > 0; i++)
        tell(control, &control->events[i], now);
    if (control->event_count > 0)
        explicit_bzero(control->events, control->event_count * sizeof(control->events[0]));
    control->event_count = 0;
    if (control->lost_count > 0)
        tell_lost(control);
    if (control->subscriber_count == 0) {
        free(control->events);
        control->events = NULL;
    }
    if (control->paused_until != 0 && now >= control->paused_until) {
        watch(control, EPOLL_CTL_MOD, control->listen_fd, EPOLLIN, NULL);
        control->paused_until = 0;
    }
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
    watch(control, EPOLL_CTL_ADD, control->listen_fd, EPOLLIN, NULL);
    return 0;
}

int sl_control_new(const struct sl_control_config *config, struct sl_control **ret_control)
{
    struct sl_control *control = calloc(1, sizeof(*control));
    if (!control)
        return -ENOMEM;
    json_set_alloc_funcs(malloc, wiping_free);
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
            close_client(control, &control->clients[i]);
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
