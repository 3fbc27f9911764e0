/* starling send: one message from the command line or a script. */
#include "commands.h"

#include "ask.h"
#include "mesh/limits.h"
#include "message.h"
#include "output.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_READ_MAX 65536 /* more than any message takes: starlingd says what is too long */

struct wait {
    const char *state; /* NULL: do not wait */
    int64_t timeout_s;
};

/* All of standard input, without the line feeds at its end. */
static char *read_input(void)
{
    char *text = malloc(TEXT_READ_MAX + 1);
    if (text == NULL)
        return NULL;
    size_t len = fread(text, 1, TEXT_READ_MAX, stdin);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    text[len] = '\0';
    if (strlen(text) == len)
        return text;
    free(text); /* a zero byte inside: no text */
    return NULL;
}

static char *join_words(char *const *words, int count)
{
    char *text = sl_output_format("%s", words[0]);
    for (int i = 1; i < count; i++) {
        char *longer = sl_output_format("%s %s", text, words[i]);
        free(text);
        text = longer;
    }
    return text;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes the events that have come; the message as it is now replaces *message. */
static void take_states(struct sl_client *client, json_t **message)
{
    json_t *event;
    while ((event = sl_client_event(client)) != NULL) {
        json_t *now = json_object_get(event, "message");
        json_int_t number = json_integer_value(json_object_get(*message, "number"));
        if (strcmp(sl_ask_text(event, "event"), "state") == 0 &&
            json_integer_value(json_object_get(now, "number")) == number) {
            json_decref(*message);
            *message = json_incref(now);
        }
        json_decref(event);
    }
}

/* True once the state was earned. Tells what came instead. */
static bool wait_for(struct sl_client *client, const struct wait *wait, json_t **message)
{
    int wanted = sl_message_rank(wait->state);
    int64_t until = now_ms() + wait->timeout_s * 1000;
    for (;;) {
        take_states(client, message);
        if (sl_message_rank(sl_ask_text(*message, "state")) >= wanted)
            return true;
        int64_t left = until - now_ms();
        if (left <= 0) {
            sl_output_error(
                "not %s within %lld s: it is %s. It goes on by itself; see starling inbox "
                "--all.",
                wait->state, (long long)wait->timeout_s, sl_ask_text(*message, "state"));
            return false;
        }
        int rc = sl_client_wait(client, (int)left);
        if (rc < 0) {
            sl_ask_explain(client, rc, NULL, NULL);
            return false;
        }
    }
}

static void show_sent(const struct sl_call *call, json_t *message)
{
    if (call->settings->json) {
        json_t *answer = json_pack("{sO}", "message", message);
        sl_ask_print(answer);
        json_decref(answer);
        return;
    }
    printf("%s\n", sl_ask_text(message, "state"));
    if (json_is_false(json_object_get(message, "durable")))
        sl_output_error(
            "the node's disk did not take it: it lives in memory, and would not survive a "
            "power cut. See starling status.");
}

static int send_text(const struct sl_call *call, json_t *fields, const struct wait *wait)
{
    struct sl_client *client = sl_ask_open(call->settings);
    if (client == NULL) {
        json_decref(fields);
        return SL_EXIT_FAILURE;
    }
    json_t *answer = NULL;
    bool good = true;
    /* Events from before the message on, so that none of its states is missed. */
    if (wait->state != NULL) {
        answer = sl_ask(client, "subscribe", sl_ask_fields(call->settings));
        good = answer != NULL;
        json_decref(answer);
        answer = NULL;
    }
    if (good)
        answer = sl_ask(client, "send", fields);
    else
        json_decref(fields);
    json_t *message = json_incref(json_object_get(answer, "message"));
    good = message != NULL;
    if (good && wait->state != NULL)
        good = wait_for(client, wait, &message);
    if (message != NULL)
        show_sent(call, message);
    json_decref(message);
    json_decref(answer);
    sl_client_free(client);
    return good ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

/* The fields of the request, or NULL (told). */
static json_t *make_fields(const struct sl_call *call, const char *target, char *const *words,
                           int count, int64_t lifetime)
{
    bool from_input = count == 1 && strcmp(words[0], "-") == 0;
    char *text = from_input ? read_input() : join_words(words, count);
    json_t *value = text != NULL ? json_string(text) : NULL;
    free(text);
    if (value == NULL || json_string_length(value) == 0) {
        sl_output_error("%s",
                        value == NULL ? "that is no UTF-8 text." : "there is no text to send.");
        json_decref(value);
        return NULL;
    }
    json_t *fields = sl_ask_fields(call->settings);
    sl_ask_target(fields, target, "to");
    json_object_set_new(fields, "text", value);
    if (lifetime > 0)
        json_object_set_new(fields, "lifetime", json_integer(lifetime));
    return fields;
}

static bool is_wait_state(const char *state)
{
    return sl_message_rank(state) >= sl_message_rank("queued");
}

static int run(struct sl_call *call)
{
    const char *wait_text = NULL, *timeout_text = "60", *lifetime_text = NULL, *channel = NULL;
    const struct sl_option options[] = {
        {"channel", 'c', "NAME", "to this channel (saves quoting the '#')", &channel, NULL},
        {"wait", 0, "STATE", "until it is relayed, delivered or read", &wait_text, NULL},
        {"timeout", 0, "SECONDS", "how long to wait at most (60)", &timeout_text, NULL},
        {"lifetime", 0, "TIME", "how long nodes carry it (24h)", &lifetime_text, NULL},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    int skip = channel == NULL;
    if (call->arg_count < skip + 1)
        return sl_args_wrong(call, "to whom, and what?\n"
                                   "  starling send ana TEXT   or   starling send '#general' TEXT\n"
                                   "  (the shell takes # for a comment unless it is quoted)");
    struct wait wait = {.state = wait_text};
    int64_t lifetime = 0;
    char *end = NULL;
    wait.timeout_s = strtoll(timeout_text, &end, 10);
    if (*end != '\0' || wait.timeout_s < 0 || wait.timeout_s > 86400)
        return sl_args_wrong(call, "--timeout takes seconds, 0 to 86400, not '%s'.", timeout_text);
    if (lifetime_text != NULL && (sl_words_parse_duration(lifetime_text, &lifetime) < 0 ||
                                  lifetime > SL_LIFETIME_MAX / SL_SECOND))
        return sl_args_wrong(call, "--lifetime takes a time such as 2h, at most 7d, not '%s'.",
                             lifetime_text);
    if (wait_text != NULL && !is_wait_state(wait_text))
        return sl_args_wrong(call, "--wait takes queued, relayed, delivered or read, not '%s'.",
                             wait_text);
    char *target = channel == NULL ? sl_output_format("%s", call->args[0])
                                   : sl_output_format("#%s", channel + (channel[0] == '#'));
    int code = SL_EXIT_FAILURE;
    if (wait_text != NULL && target[0] == '#' &&
        sl_message_rank(wait_text) > sl_message_rank("relayed"))
        code =
            sl_args_wrong(call, "a message to a channel is relayed at most: no one person's node "
                                "answers for all.");
    else {
        json_t *fields =
            make_fields(call, target, call->args + skip, call->arg_count - skip, lifetime);
        if (fields != NULL)
            code = send_text(call, fields, &wait);
    }
    free(target);
    return code;
}

const struct sl_command sl_cmd_send = {
    .name = "send",
    .arguments = "#CHANNEL|PERSON TEXT... [--wait STATE]",
    .summary = "Sends one message",
    .help = "Prints the state that the message has earned: queued (on this node's disk),\n"
            "relayed (another node has it), delivered (the recipient's node opened it), read\n"
            "(the recipient looked at it). TEXT - is standard input. A person is a nick, or\n"
            "nick.code where there are several of that nick.\n\n"
            "Examples:\n"
            "  starling send '#general' water is at the fountain\n"
            "  starling send ana --wait delivered --timeout 30 on my way\n"
            "  uptime | starling send -c general -\n",
    .takes = SL_TAKES_JSON | SL_TAKES_SOCKET | SL_TAKES_PERSONA,
    .arg_max = -1,
    .run = run,
};
