/* A connection to starlingd's control socket (firmware/services/CONTROL.md): JSON objects, one a
 * line. Errors are -errno; ask.h puts them into words. */
#ifndef SL_TOOLS_CLIENT_H
#define SL_TOOLS_CLIENT_H

#include "base/base.h"

#include <jansson.h>

struct sl_client;

/* Before anything else: what JSON held is wiped when it is freed, since passphrases go through it.
 */
void sl_client_init(void);

/* `path` NULL: $STARLING_SOCKET, else the usual places, the first that answers. On failure ret_path
 * is the one to speak of, to be freed; it may be NULL if no path is wanted. */
int sl_client_open(const char *path, struct sl_client **ret_client, char **ret_path);
void sl_client_free(struct sl_client *client);

/* To poll; readable when there may be events. */
int sl_client_fd(const struct sl_client *client);

/* Asks `what` with the fields of an object (taken; NULL: none), and waits for the answer; events
 * that come before it are kept. 0, or -EREMOTEIO: starlingd refused, and the answer says why. In
 * both cases ret_answer is to be freed. -EPIPE: it hung up. -ETIMEDOUT, -EPROTO, -EMSGSIZE,
 * -ENOMEM. */
int sl_client_call(struct sl_client *client, const char *what, json_t *fields, json_t **ret_answer);

/* Takes in what has arrived, without waiting. 0, -EPIPE, -EPROTO. */
int sl_client_pump(struct sl_client *client);

/* As above, after waiting up to `timeout_ms` (-1: for ever) for an event. 0 also if none came. */
int sl_client_wait(struct sl_client *client, int timeout_ms);

/* Whether there is an event to hand out. */
bool sl_client_has_event(const struct sl_client *client);

/* The oldest event not yet handed out, to be freed, or NULL. */
json_t *sl_client_event(struct sl_client *client);

#endif
