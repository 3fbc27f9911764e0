/* Inside the control service: one request on its way through a handler, and the JSON that handlers
 * read and write. */
#ifndef SL_SERVICES_CONTROL_REQUEST_H
#define SL_SERVICES_CONTROL_REQUEST_H

#include "services/control.h"

#include <jansson.h>

struct sl_control_request {
    const struct sl_control_config *config;
    uint32_t uid;
    sl_time now;
    const char *name;     /* what is asked for */
    const json_t *fields; /* the request, checked against its list of fields */
    json_t *answer;       /* object to add to */
    bool failed;          /* the answer tells why */
    /* Set by the handlers below, where it applies. */
    uint32_t persona;
    uint8_t persona_key[SL_KEY_LEN];
    /* Set by `subscribe`. */
    bool subscribe;
    bool subscribe_all;
};

/* Reads the line, calls the handler of what it asks for, and gives the answer; NULL if out of
 * memory. */
json_t *sl_control_handle(struct sl_control_request *request, const char *line, size_t len);

/* ---- For the handlers ---- */

/* Makes the answer an error. The first one stays. */
__attribute__((format(printf, 3, 4))) void
sl_control_fail(struct sl_control_request *request, const char *word, const char *format, ...);
/* The same for the errors that several calls of the chat share. */
void sl_control_fail_errno(struct sl_control_request *request, int error);

/* A field as text, NULL if it was left out. */
const char *sl_control_text(const struct sl_control_request *request, const char *field);
int64_t sl_control_number(const struct sl_control_request *request, const char *field,
                          int64_t missing);

/* Adds to the answer, and takes the value over. */
void sl_control_give(struct sl_control_request *request, const char *name, json_t *value);

/* Which persona the request is about: sets request->persona, or fails. */
bool sl_control_find_persona(struct sl_control_request *request);
/* Who is meant by the name in that field, or fails and says who else it could be. */
bool sl_control_find_person(struct sl_control_request *request, const char *field,
                            struct sl_person *ret_person);

/* ---- JSON of things ---- */

json_t *sl_control_hex(const uint8_t *bytes, size_t len);
/* null if it could do harm on a terminal: names in certificates are their owners' choice. */
json_t *sl_control_shown(const char *text);
json_t *sl_control_persona_json(const struct sl_persona_info *info);
json_t *sl_control_person_json(const struct sl_person *person, sl_time now);
json_t *sl_control_message_json(const struct sl_control_request *request,
                                const struct sl_message *message);
/* "31 h", for texts. */
void sl_control_duration(sl_time duration, char *ret_text, size_t cap);

/* ---- Handlers: control_mesh.c, control_chat.c, control_people.c ---- */

void sl_control_do_status(struct sl_control_request *request);
void sl_control_do_neighbours(struct sl_control_request *request);
void sl_control_do_radios(struct sl_control_request *request);
void sl_control_do_revoke(struct sl_control_request *request);

void sl_control_do_persona_create(struct sl_control_request *request);
void sl_control_do_persona_unlock(struct sl_control_request *request);
void sl_control_do_persona_lock(struct sl_control_request *request);
void sl_control_do_persona_forget(struct sl_control_request *request);
void sl_control_do_personas(struct sl_control_request *request);
void sl_control_do_channels(struct sl_control_request *request);
void sl_control_do_channel_join(struct sl_control_request *request);
void sl_control_do_channel_create(struct sl_control_request *request);
void sl_control_do_channel_leave(struct sl_control_request *request);
void sl_control_do_channel_link(struct sl_control_request *request);

void sl_control_do_people(struct sl_control_request *request);
void sl_control_do_person(struct sl_control_request *request);
void sl_control_do_person_verify(struct sl_control_request *request);

void sl_control_do_send(struct sl_control_request *request);
void sl_control_do_history(struct sl_control_request *request);
void sl_control_do_read(struct sl_control_request *request);

#endif
