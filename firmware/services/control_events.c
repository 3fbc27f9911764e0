/* Events of the control service: taken down while the chat tells them, written at the end of the
 * turn. */
#include "services/control_internal.h"
#include "services/control_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

static struct sl_control_event *add_event(struct sl_control *control,
                                          enum sl_control_event_kind kind)
{
    if (control->subscriber_count == 0)
        return NULL;
    if (!control->events || control->event_count == SL_CONTROL_EVENTS_MAX) {
        control->lost_count++;
        return NULL;
    }
    struct sl_control_event *event = &control->events[control->event_count++];
    *event = (struct sl_control_event){.kind = kind, .cause = control->serving};
    return event;
}

static void add_message_event(struct sl_control *control, enum sl_control_event_kind kind,
                              uint32_t persona, uint32_t owner, const struct sl_message *message)
{
    struct sl_control_event *event = add_event(control, kind);
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
    add_message_event(control, SL_CONTROL_EVENT_MESSAGE, persona, owner, message);
}

void sl_control_state(struct sl_control *control, uint32_t persona, uint32_t owner,
                      const struct sl_message *message)
{
    add_message_event(control, SL_CONTROL_EVENT_STATE, persona, owner, message);
}

void sl_control_person(struct sl_control *control, const struct sl_person *person)
{
    struct sl_control_event *event = add_event(control, SL_CONTROL_EVENT_PERSON);
    if (event)
        event->person = *person;
}

static bool own_key(const struct sl_control *control, const struct sl_control_event *event,
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
static json_t *message_event_json(const struct sl_control *control,
                                  const struct sl_control_event *event, sl_time now,
                                  bool *ret_outgoing)
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
    return json_pack("{s:s, s:o}", "event",
                     event->kind == SL_CONTROL_EVENT_STATE ? "state" : "message", "message",
                     sl_control_message_json(&request, &message));
}

static bool concerns(const struct sl_control_client *client, const struct sl_control_event *event,
                     bool outgoing)
{
    if (client->fd < 0 || !client->subscribed || client->ended)
        return false;
    if (event->kind == SL_CONTROL_EVENT_PERSON)
        return true;
    /* Who sent it has it in the answer. */
    if (event->kind == SL_CONTROL_EVENT_MESSAGE && outgoing && event->cause == client)
        return false;
    return client->uid == event->owner &&
           (client->subscribed_all || client->persona == event->persona);
}

static void tell(struct sl_control *control, const struct sl_control_event *event, sl_time now)
{
    bool outgoing = false;
    json_t *object = event->kind == SL_CONTROL_EVENT_PERSON
                         ? json_pack("{s:s, s:o}", "event", "person", "person",
                                     sl_control_person_json(&event->person, now))
                         : message_event_json(control, event, now, &outgoing);
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    for (size_t i = 0; line && i < SL_CONTROL_CLIENTS_MAX; i++)
        if (concerns(&control->clients[i], event, outgoing))
            sl_control_send_line(control, &control->clients[i], line);
    sl_control_wiping_free(line);
    json_decref(object);
}

static void tell_lost(struct sl_control *control)
{
    char line[80];
    snprintf(line, sizeof(line), "{\"event\":\"lost\",\"count\":%zu}", control->lost_count);
    for (size_t i = 0; i < SL_CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd >= 0 && control->clients[i].subscribed)
            sl_control_send_line(control, &control->clients[i], line);
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
        sl_control_watch(control, EPOLL_CTL_MOD, control->listen_fd, EPOLLIN, NULL);
        control->paused_until = 0;
    }
}
