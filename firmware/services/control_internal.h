/* Inside the control service: its state, its clients and what they are told. */
#ifndef SL_SERVICES_CONTROL_INTERNAL_H
#define SL_SERVICES_CONTROL_INTERNAL_H

#include "services/control.h"

#include <sys/un.h>

/* A connection. */
struct sl_control_client {
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

enum sl_control_event_kind {
    SL_CONTROL_EVENT_MESSAGE,
    SL_CONTROL_EVENT_STATE,
    SL_CONTROL_EVENT_PERSON
};

/* Something that subscribers are to know; written at the end of the turn, because the chat may not
 * be asked while it tells. */
struct sl_control_event {
    enum sl_control_event_kind kind;
    uint32_t persona, owner;
    uint64_t number; /* of the message */
    enum sl_message_state state;
    const struct sl_control_client *cause; /* whose request made it, or NULL */
    struct sl_person person;
};

struct sl_control {
    struct sl_control_config config;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int epoll_fd;
    int listen_fd;        /* -1: none */
    sl_time paused_until; /* the listener rests; 0: it does not */
    struct sl_control_client clients[SL_CONTROL_CLIENTS_MAX];
    const struct sl_control_client *serving; /* whose request is being handled */
    size_t subscriber_count;
    struct sl_control_event *events; /* SL_CONTROL_EVENTS_MAX, made with the first subscriber */
    size_t event_count;
    size_t lost_count;
};

/* Texts and passphrases pass through these buffers. */
void sl_control_wiping_free(void *pointer);

/* epoll_ctl(); `pointer` comes back with the event. */
void sl_control_watch(const struct sl_control *control, int operation, int fd, uint32_t events,
                      void *pointer);

/* ---- control_client.c ---- */

void sl_control_close_client(struct sl_control *control, struct sl_control_client *client);

/* One line, without its line feed. The client is closed if it has not read a megabyte, or `line` is
 * NULL. */
void sl_control_send_line(struct sl_control *control, struct sl_control_client *client,
                          const char *line);

/* Writes what the socket takes; keeps the rest for when the client reads. May close the client. */
void sl_control_write_out(struct sl_control *control, struct sl_control_client *client);

#endif
