/* Asking starlingd, with every failure told in words and with what to do. */
#ifndef SL_TOOLS_ASK_H
#define SL_TOOLS_ASK_H

#include "args.h"
#include "client.h"

/* A connection, or NULL (told). */
struct sl_client *sl_ask_open(const struct sl_settings *settings);

/* An object for the fields of a request that a persona makes: holds "persona" if --as was given. */
json_t *sl_ask_fields(const struct sl_settings *settings);

/* The answer, to be freed, or NULL (told). Takes `fields`, which may be NULL. */
json_t *sl_ask(struct sl_client *client, const char *what, json_t *fields);

/* As sl_ask(), for one question: opens and closes a connection of its own. */
json_t *sl_ask_once(const struct sl_settings *settings, const char *what, json_t *fields);

/* Puts into words why a call failed: `rc` as sl_client_call() gave it, `fields` as it was asked. */
void sl_ask_explain(struct sl_client *client, int rc, json_t *fields, json_t *answer);

/* The answer for --json: without "id" and "ok". */
void sl_ask_print(json_t *answer);

/* All of a list that comes in several answers: `key` is "people" or "messages". An object with that
 * list, to be freed, or NULL (told). Takes `fields`. */
json_t *sl_ask_all(struct sl_client *client, const char *what, json_t *fields, const char *key);

/* Text of a member, or "". */
const char *sl_ask_text(json_t *object, const char *key);

/* Number of a member, or 0. */
int64_t sl_ask_number(json_t *object, const char *key);

/* Sets "channel" (without '#') or "to"/"with" (`person_key`) from what a person typed: '#' begins a
 * channel. */
void sl_ask_target(json_t *fields, const char *target, const char *person_key);

#endif
