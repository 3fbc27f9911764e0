/* The control socket: people and tools on this machine talk to the node through it, one JSON object
 * a line. Requests, answers and events are described in CONTROL.md.
 *
 * Nothing here waits: the caller polls sl_control_fd(). The user id of the process at the other end
 * owns the personas that it makes. */
#ifndef SL_SERVICES_CONTROL_H
#define SL_SERVICES_CONTROL_H

#include "chat/chat.h"

#define SL_CONTROL_LINE_MAX    65536         /* bytes with the line feed; the longest text fits */
#define SL_CONTROL_CLIENTS_MAX 64            /* each may hold the next two */
#define SL_CONTROL_BACKLOG_MAX (1024 * 1024) /* bytes not yet read by a client */
#define SL_CONTROL_EVENTS_MAX  4096          /* in one turn; a persona that comes back has many */

/* What the node is, as the daemon knows it. Borrowed texts. */
struct sl_control_about {
    const char *node_name;
    const char *network;
    const char *version;
    int64_t not_after; /* of this node's certificate, Unix seconds */
    bool revoked;      /* this node's own certificate */
    sl_time uptime;
};

/* A radio of this node, in words for people. */
struct sl_control_radio {
    const char *kind;   /* "wifi", "bluetooth" */
    char name[32];      /* "phy0", "hci0" */
    char interface[16]; /* "wlan0"; empty: none */
    const char *state;  /* one word; what it is is in CONTROL.md */
    bool used;          /* it carries datagrams, or may any moment */
    bool trouble;       /* somebody has to do something before it can */
    const char *mode;   /* "ad hoc"; NULL: none yet */
    char can[128];      /* words parted by commas: what the driver can do */
    char country[3];    /* empty: does not matter */
    char why[200];      /* a sentence: what it is used for, or why not and what to do */
};

/* How well a neighbour is heard, as far as its radio tells. */
struct sl_control_quality {
    bool has_signal, has_rate, has_loss;
    int signal_dbm;
    uint32_t rate_kbps;
    uint32_t loss_permille;
};

struct sl_control_config {
    const char *path;     /* of the socket; NULL: none, only sl_control_answer() */
    uint32_t mode;        /* permissions of the socket */
    struct sl_node *node; /* these two outlive the control */
    struct sl_chat *chat;
    void *arg;
    void (*about)(void *arg, struct sl_control_about *ret_about);
    /* NULL if there is no bearer of that number. */
    const char *(*bearer_name)(void *arg, int bearer);
    void (*address_text)(void *arg, int bearer, const struct sl_address *address, char *ret_text,
                         size_t cap);
    /* Radios by number, 0 up; false past the last. NULL: there are none. */
    bool (*radio)(void *arg, size_t number, struct sl_control_radio *ret_radio);
    /* False if nothing is known. May be NULL. */
    bool (*quality)(void *arg, int bearer, const struct sl_address *address,
                    struct sl_control_quality *ret_quality);
};

struct sl_control;

/* Takes the place of a socket that nobody listens on. 0; -EADDRINUSE if another program does,
 * -EEXIST if the path is something else than a socket, -ENAMETOOLONG, -ENOMEM, or the -errno of
 * binding. */
int sl_control_new(const struct sl_control_config *config, struct sl_control **ret_control);
/* Closes all connections and removes the socket. */
void sl_control_free(struct sl_control *control);

/* Readable when sl_control_dispatch() has something to do. */
int sl_control_fd(const struct sl_control *control);
void sl_control_dispatch(struct sl_control *control, sl_time now);

/* At the end of a turn: writes the events of this turn to those who subscribed. */
void sl_control_flush(struct sl_control *control, sl_time now);

/* One request of that user, without a connection: for tests and fuzzing. The answer without line
 * feed, to free(); NULL if out of memory. */
char *sl_control_answer(struct sl_control *control, uint32_t uid, const char *line, size_t len,
                        sl_time now);

/* From the chat's events (sl_chat_events); kept until sl_control_flush(). */
void sl_control_message(struct sl_control *control, uint32_t persona, uint32_t owner,
                        const struct sl_message *message);
void sl_control_state(struct sl_control *control, uint32_t persona, uint32_t owner,
                      const struct sl_message *message);
void sl_control_person(struct sl_control *control, const struct sl_person *person);

#endif
