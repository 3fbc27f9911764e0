/* The commands of the interactive chat, as IRC clients name them. */
#include "talk.h"

#include "ask.h"
#include "output.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

struct command {
    const char *name; /* with '/', as it is completed */
    const char *arguments;
    const char *summary;
    void (*run)(struct sl_talk *talk, char *arguments);
};

/* Cuts the first word off. "" if there is none. */
static char *first_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    char *end = word + strcspn(word, " \t");
    *rest = end + strspn(end, " \t");
    *end = '\0';
    return word;
}

/* ---- Channels ---- */

/* A link has no '#' in front, but one inside: its channel is what it names. */
static void join_link(struct sl_talk *talk, const char *link)
{
    json_t *fields = sl_talk_fields(talk);
    json_object_set_new(fields, "channel", json_string(link));
    json_t *answer = sl_ask(talk->client, "channel.join", fields);
    if (answer != NULL) {
        sl_talk_load_channels(talk);
        sl_talk_note(talk, "you are in; /channels lists it, /join #NAME goes there");
    }
    json_decref(answer);
}

static bool is_nick(const struct sl_people *people, const char *name)
{
    const char *nick;
    for (size_t i = 0; (nick = sl_people_nick(people, i)) != NULL; i++)
        if (strcasecmp(nick, name) == 0)
            return true;
    return false;
}

static void do_join(struct sl_talk *talk, char *arguments)
{
    const char *name = first_word(&arguments);
    if (name[0] == '\0') {
        sl_talk_note(talk, "join what? /join #medics, or /join LINK");
    } else if (is_nick(talk->view.people, name)) {
        /* What is meant for one person must not go to a channel that everybody can read. */
        sl_talk_note(talk, "%s is a person: /msg %s goes there, /join #%s to a channel", name, name,
                     name);
    } else if (strncmp(name, "starling:", 9) == 0) {
        join_link(talk, name);
    } else {
        char *channel = sl_output_format("#%s", name + (name[0] == '#'));
        sl_talk_open(talk, channel);
        free(channel);
    }
}

/* A request about a channel: that named, or that in front. */
static json_t *ask_channel(struct sl_talk *talk, const char *what, const char *name)
{
    if (name[0] == '\0')
        name = talk->conversation;
    json_t *fields = sl_talk_fields(talk);
    json_object_set_new(fields, "channel", json_string(name + (name[0] == '#')));
    return sl_ask(talk->client, what, fields);
}

static void do_leave(struct sl_talk *talk, char *arguments)
{
    const char *name = first_word(&arguments);
    if (name[0] == '\0' && talk->conversation[0] != '#') {
        sl_talk_note(talk, "leave which channel? /leave #medics");
        return;
    }
    char *channel = name[0] == '\0' ? sl_output_format("%s", talk->conversation)
                                    : sl_output_format("#%s", name + (name[0] == '#'));
    json_t *answer = ask_channel(talk, "channel.leave", channel);
    if (answer != NULL) {
        sl_talk_load_channels(talk);
        sl_talk_note(talk, "you left %s", channel);
        if (strcmp(channel, talk->conversation) == 0 && strcmp(channel, "#general") != 0)
            sl_talk_open(talk, "#general");
    }
    json_decref(answer);
    free(channel);
}

static void do_channels(struct sl_talk *talk, char *arguments)
{
    (void)arguments;
    json_t *answer = sl_ask(talk->client, "channels", sl_talk_fields(talk)), *channel;
    size_t i;
    json_array_foreach (json_object_get(answer, "channels"), i, channel) {
        json_int_t unread = json_integer_value(json_object_get(channel, "unread"));
        const char *kind = json_is_true(json_object_get(channel, "private")) ? ", private" : "";
        if (unread > 0)
            sl_talk_note(talk, "#%s%s, %lld new", sl_ask_text(channel, "name"), kind,
                         (long long)unread);
        else
            sl_talk_note(talk, "#%s%s", sl_ask_text(channel, "name"), kind);
    }
    json_decref(answer);
}

static void show_link(struct sl_talk *talk, json_t *answer)
{
    if (answer == NULL)
        return;
    sl_talk_note(talk, "whoever has this link can read and write there:");
    sl_output_clean(stdout, sl_ask_text(answer, "link"), SL_CLEAN_NAME);
    putchar('\n');
    sl_talk_load_channels(talk);
    json_decref(answer);
}

static void do_create(struct sl_talk *talk, char *arguments)
{
    const char *name = first_word(&arguments);
    if (name[0] == '\0')
        sl_talk_note(talk, "what is it to be called? /create #legal");
    else
        show_link(talk, ask_channel(talk, "channel.create", name));
}

static void do_link(struct sl_talk *talk, char *arguments)
{
    show_link(talk, ask_channel(talk, "channel.link", first_word(&arguments)));
}

/* ---- People ---- */

static void do_people(struct sl_talk *talk, char *arguments)
{
    (void)arguments;
    json_t *answer = sl_ask_all(talk->client, "people", sl_talk_fields(talk), "people"), *person;
    json_t *people = json_object_get(answer, "people");
    size_t i;
    json_array_foreach (people, i, person) {
        char heard[SL_WORDS_MAX];
        char *label = sl_people_label(talk->view.people, person);
        sl_words_ago((int64_t)json_number_value(json_object_get(person, "silent_for")), heard);
        sl_talk_note(
            talk, "%s (%s), %s%s", label, sl_ask_text(person, "code"),
            json_is_true(json_object_get(person, "local")) ? "on this node" : heard,
            json_is_true(json_object_get(person, "writable")) ? "" : ", cannot be written to now");
        free(label);
    }
    if (answer != NULL && json_array_size(people) == 0)
        sl_talk_note(talk, "nobody was heard yet");
    json_decref(answer);
}

static void do_msg(struct sl_talk *talk, char *arguments)
{
    const char *name = first_word(&arguments);
    if (name[0] == '\0') {
        sl_talk_note(talk, "to whom? /msg ana [TEXT]");
    } else if (arguments[0] == '\0') {
        sl_talk_open(talk, name);
    } else if (name[0] == '#') {
        sl_talk_send(talk, name, arguments);
    } else {
        json_t *person = sl_talk_person(talk, name);
        if (person != NULL)
            sl_talk_send(talk, sl_ask_text(person, "key"), arguments);
        json_decref(person);
    }
}

/* Remembers who was looked at, so that /verified marks that very key. */
static void do_verify(struct sl_talk *talk, char *arguments)
{
    const char *name = first_word(&arguments);
    if (name[0] == '\0') {
        sl_talk_note(talk, "whom? /verify ana");
        return;
    }
    json_t *person = sl_talk_person(talk, name);
    if (person == NULL)
        return;
    char *full = sl_people_full_name(person);
    free(talk->checked);
    talk->checked = sl_output_format("%s", sl_ask_text(person, "key"));
    sl_talk_note(talk, "the code of you and %s is  %s", full, sl_ask_text(person, "auth_code"));
    sl_talk_note(talk,
                 "ask them for theirs, face to face or by a voice you know; if every digit is the "
                 "same, type /verified");
    free(full);
    json_decref(person);
}

static void do_verified(struct sl_talk *talk, char *arguments)
{
    (void)arguments;
    if (talk->checked == NULL) {
        sl_talk_note(talk, "compare the code first: /verify NAME");
        return;
    }
    json_t *fields = sl_talk_fields(talk);
    json_object_set_new(fields, "name", json_string(talk->checked));
    json_object_set_new(fields, "verified", json_true());
    json_t *answer = sl_ask(talk->client, "person.verify", fields);
    if (answer != NULL) {
        char *label = sl_people_label(talk->view.people, json_object_get(answer, "person"));
        sl_talk_note(talk, "%s is verified", label);
        free(label);
    }
    json_decref(answer);
}

/* ---- The rest ---- */

static json_t *unread_messages(struct sl_talk *talk)
{
    json_t *history = sl_ask_all(talk->client, "history", sl_talk_fields(talk), "messages");
    json_t *unread = json_array(), *message;
    size_t i;
    json_array_foreach (json_object_get(history, "messages"), i, message)
        if (json_is_true(json_object_get(message, "unread")))
            json_array_append(unread, message);
    json_decref(history);
    return unread;
}

static void do_read(struct sl_talk *talk, char *arguments)
{
    (void)arguments;
    json_t *unread = unread_messages(talk), *message;
    size_t i;
    json_int_t last = talk->last;
    json_array_foreach (unread, i, message) {
        sl_message_print(&talk->view, message);
        json_int_t number = json_integer_value(json_object_get(message, "number"));
        last = number > last ? number : last;
    }
    talk->last = last;
    talk->bottom = 0;
    if (json_array_size(unread) == 0)
        sl_talk_note(talk, "nothing new elsewhere");
    sl_message_mark_read(talk->client, talk->persona, unread);
    json_decref(unread);
}

static void do_quit(struct sl_talk *talk, char *arguments)
{
    (void)arguments;
    talk->done = true;
}

static void do_help(struct sl_talk *talk, char *arguments);

static const struct command commands[] = {
    {"/help", "", "this list", do_help},
    {"/join", "#CHANNEL or LINK", "go to a channel, new or known", do_join},
    {"/leave", "[#CHANNEL]", "leave a channel", do_leave},
    {"/msg", "PERSON [TEXT]", "write to one person; without text, go there", do_msg},
    {"/people", "", "who was heard", do_people},
    {"/channels", "", "where you are", do_channels},
    {"/read", "", "show what is new in other conversations", do_read},
    {"/create", "#CHANNEL", "make a private channel", do_create},
    {"/link", "[#CHANNEL]", "the link of a private channel", do_link},
    {"/verify", "PERSON", "compare a code, to know who it is", do_verify},
    {"/verified", "", "the code was the same", do_verified},
    {"/quit", "", "leave the chat; Ctrl-D does too", do_quit},
};

static void do_help(struct sl_talk *talk, char *arguments)
{
    (void)arguments;
    for (size_t i = 0; i < SL_ARRAY_LEN(commands); i++)
        sl_talk_note(talk, "%s%s%s: %s", commands[i].name, commands[i].arguments[0] ? " " : "",
                     commands[i].arguments, commands[i].summary);
    sl_talk_note(talk, "anything else is sent; // sends a line that begins with /");
}

const char *sl_talk_command_name(size_t at)
{
    return at < SL_ARRAY_LEN(commands) ? commands[at].name : NULL;
}

/* By its name, another usual name, or an unambiguous beginning. */
static const struct command *find_command(const char *name)
{
    static const char *const also[][2] = {
        {"part", "leave"}, {"query", "msg"}, {"who", "people"},    {"names", "people"},
        {"exit", "quit"},  {"q", "quit"},    {"list", "channels"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(also); i++)
        if (strcmp(name, also[i][0]) == 0)
            name = also[i][1];
    for (size_t i = 0; i < SL_ARRAY_LEN(commands); i++)
        if (strcmp(name, commands[i].name + 1) == 0)
            return &commands[i];
    return NULL;
}

static void unknown_command(struct sl_talk *talk, const char *name)
{
    const char *names[SL_ARRAY_LEN(commands)];
    for (size_t i = 0; i < SL_ARRAY_LEN(commands); i++)
        names[i] = commands[i].name + 1;
    char *near = sl_args_suggest(name, names, SL_ARRAY_LEN(commands));
    if (near != NULL)
        sl_talk_note(talk, "no command /%s. Did you mean /%s? Nothing was sent.", name, near);
    else
        sl_talk_note(talk, "no command /%s: /help lists them. Nothing was sent.", name);
    free(near);
}

void sl_talk_command(struct sl_talk *talk, const char *line)
{
    char *copy = sl_output_format("%s", line), *rest = copy;
    const char *name = first_word(&rest);
    const struct command *command = find_command(name);
    talk->bottom = 0;
    if (command != NULL)
        command->run(talk, rest);
    else
        unknown_command(talk, name);
    free(copy);
}
