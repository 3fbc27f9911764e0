#include "client.h"

#include "output.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536             /* CONTROL.md */
#define ANSWER_MAX  ((size_t)4 << 20) /* more than CONTROL.md promises: a bound, not a rule */
#define EVENTS_MAX  65536
/* Longer than a passphrase takes on a small board, or a sync on a slow card. */
#define ANSWER_MS 30000

struct sl_client {
    int fd;
    json_int_t next_id;
    char *input;
    size_t input_len, input_cap;
    json_t *events; /* array */
    json_t *answer; /* to the request under way */
};

/* ---- Memory of JSON ---- */

static void wipe_and_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void sl_client_init(void)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
}

/* ---- Opening ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

/* The usual places: a system's daemon, then the user's own. A socket that is there but refuses is
 * worth more words than one that is not there. */
static int connect_usual(char **ret_path)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *places[] = {
        sl_output_format("/run/starling/control.sock"),
        sl_output_format("%s/starling/control.sock", runtime != NULL ? runtime : "/run"),
    };
    int best = -ENOENT;
    size_t best_at = 0;
    for (size_t i = 0; i < SL_ARRAY_LEN(places) && best < 0; i++) {
        int fd = connect_to(places[i]);
        if (fd >= 0 || best == -ENOENT) {
            best = fd;
            best_at = fd == -ENOENT ? 0 : i;
        }
    }
    for (size_t i = 0; i < SL_ARRAY_LEN(places); i++)
        if (i == best_at)
            *ret_path = places[i];
        else
            free(places[i]);
    return best;
}

int sl_client_open(const char *path, struct sl_client **ret_client, char **ret_path)
{
    char *used = NULL;
    if (path == NULL)
        path = getenv("STARLING_SOCKET");
    int fd;
    if (path != NULL && path[0] != '\0') {
        used = sl_output_format("%s", path);
        fd = connect_to(path);
    } else {
        fd = connect_usual(&used);
    }
    struct sl_client *client = fd >= 0 ? calloc(1, sizeof(*client)) : NULL;
    if (client != NULL) {
        client->fd = fd;
        client->next_id = 1;
        client->events = json_array();
        *ret_client = client;
    } else if (fd >= 0) {
        close(fd);
        fd = -ENOMEM;
    }
    if (ret_path != NULL)
        *ret_path = used;
    else
        free(used);
    return fd < 0 ? fd : 0;
}

void sl_client_free(struct sl_client *client)
{
    if (client == NULL)
        return;
    close(client->fd);
    json_decref(client->events);
    json_decref(client->answer);
    free(client->input);
    free(client);
}

int sl_client_fd(const struct sl_client *client)
{
    return client->fd;
}

/* ---- Reading ---- */

/* One line that came: an event, the answer under way, or an answer given up on. */
static int take_line(struct sl_client *client, const char *line, size_t len)
{
    json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return -EPROTO;
    }
    json_t *id = json_object_get(json, "id");
    if (json_object_get(json, "event") != NULL) {
        if (json_array_size(client->events) >= EVENTS_MAX)
            json_array_remove(client->events, 0);
        return json_array_append_new(client->events, json) < 0 ? -ENOMEM : 0;
    }
    /* Without an id: the request could not even be read. */
    bool ours = id == NULL || json_is_null(id) || json_integer_value(id) == client->next_id - 1;
    if (ours && client->answer == NULL)
        client->answer = json;
    else
        json_decref(json);
    return 0;
}

static int take_lines(struct sl_client *client)
{
    char *at = client->input, *end = client->input + client->input_len, *feed;
    int rc = 0;
    while (rc == 0 && (feed = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        rc = take_line(client, at, (size_t)(feed - at));
        at = feed + 1;
    }
    client->input_len = (size_t)(end - at);
    memmove(client->input, at, client->input_len);
    return rc;
}

static int make_room(struct sl_client *client)
{
    if (client->input_len < client->input_cap)
        return 0;
    size_t cap = client->input_cap == 0 ? 4096 : 2 * client->input_cap;
    char *input = cap <= ANSWER_MAX ? realloc(client->input, cap) : NULL;
    if (input == NULL)
        return cap <= ANSWER_MAX ? -ENOMEM : -EPROTO;
    client->input = input;
    client->input_cap = cap;
    return 0;
}

int sl_client_pump(struct sl_client *client)
{
    for (;;) {
        int rc = make_room(client);
        if (rc < 0)
            return rc;
        ssize_t got = recv(client->fd, client->input + client->input_len,
                           client->input_cap - client->input_len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -EPIPE;
        if (got == 0)
            return -EPIPE;
        client->input_len += (size_t)got;
        rc = take_lines(client);
        if (rc < 0)
            return rc;
    }
}

/* ---- Waiting ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the socket is ready or `until` passes: 0, -ETIMEDOUT. */
static int wait_ready(const struct sl_client *client, short events, int64_t until)
{
    for (;;) {
        int64_t left = until - now_ms();
        struct pollfd ready = {.fd = client->fd, .events = events};
        int count = poll(&ready, 1, left > 0 ? (int)left : 0);
        if (count > 0)
            return 0;
        if (count == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

int sl_client_wait(struct sl_client *client, int timeout_ms)
{
    if (json_array_size(client->events) > 0)
        return 0;
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    if (poll(&ready, 1, timeout_ms) < 0 && errno != EINTR)
        return -errno;
    int rc = sl_client_pump(client);
    /* What came before it hung up counts; that it did, the next call says again. */
    return rc == -EPIPE && json_array_size(client->events) > 0 ? 0 : rc;
}

static int send_line(struct sl_client *client, const char *line, size_t len, int64_t until)
{
    while (len > 0) {
        ssize_t sent = send(client->fd, line, len, MSG_NOSIGNAL);
        if (sent >= 0) {
            line += sent;
            len -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            int rc = wait_ready(client, POLLOUT, until);
            if (rc < 0)
                return rc;
        } else if (errno != EINTR) {
            return -EPIPE;
        }
    }
    return 0;
}

static int send_request(struct sl_client *client, const char *what, json_t *fields, int64_t until)
{
    json_object_set_new(fields, "id", json_integer(client->next_id++));
    json_object_set_new(fields, "do", json_string(what));
    /* jansson writes into a buffer of ours, so that no copy of a passphrase stays behind. */
    char *line = malloc(REQUEST_MAX + 1);
    if (line == NULL)
        return -ENOMEM;
    size_t len = json_dumpb(fields, line, REQUEST_MAX, JSON_COMPACT);
    int rc = len == 0 || len >= REQUEST_MAX ? -EMSGSIZE : 0;
    if (rc == 0) {
        line[len++] = '\n';
        rc = send_line(client, line, len, until);
    }
    explicit_bzero(line, REQUEST_MAX);
    free(line);
    return rc;
}

int sl_client_call(struct sl_client *client, const char *what, json_t *fields, json_t **ret_answer)
{
    int64_t until = now_ms() + ANSWER_MS;
    fields = fields != NULL ? fields : json_object();
    json_decref(client->answer);
    client->answer = NULL;
    int rc = send_request(client, what, fields, until);
    json_decref(fields);
    while (rc == 0 && client->answer == NULL) {
        rc = wait_ready(client, POLLIN, until);
        int pumped = rc == 0 ? sl_client_pump(client) : 0;
        if (client->answer == NULL && pumped < 0)
            rc = pumped;
    }
    if (client->answer == NULL)
        return rc < 0 ? rc : -EPROTO;
    *ret_answer = client->answer;
    client->answer = NULL;
    return json_is_true(json_object_get(*ret_answer, "ok")) ? 0 : -EREMOTEIO;
}

bool sl_client_has_event(const struct sl_client *client)
{
    return json_array_size(client->events) > 0;
}

json_t *sl_client_event(struct sl_client *client)
{
    json_t *event = json_array_get(client->events, 0);
    if (event == NULL)
        return NULL;
    json_incref(event);
    json_array_remove(client->events, 0);
    return event;
}
