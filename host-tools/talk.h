/* An interactive chat: one persona, one conversation in front, all others announced. Knows nothing
 * of terminals but to hide the line being typed (screen.h) while it prints. */
#ifndef SL_TOOLS_TALK_H
#define SL_TOOLS_TALK_H

#include "args.h"
#include "client.h"
#include "message.h"

struct sl_talk {
    const struct sl_settings *settings;
    struct sl_client *client;
    json_t *persona; /* handle */
    char *nick;
    bool on_terminal;   /* else a pipe: own messages are not repeated */
    bool can_rewrite;   /* the terminal can move the cursor up */
    char *conversation; /* in front: "#general", or the key of a person */
    char *title;        /* of it, for the prompt: "#general" or "ana"; clean */
    struct sl_message_view view;
    json_int_t last;   /* newest number printed */
    json_int_t bottom; /* own message whose state is the lowest line on the screen, or 0 */
    json_t *channels;  /* names with '#', for completion */
    char *checked;     /* key of the person whose code was shown last */
    bool done;
    int exit_code;
};

/* Shows the conversation `target` ("#channel" or a person's name), joining the channel if need be.
 * False if there is none (told): the one in front stays. */
bool sl_talk_open(struct sl_talk *talk, const char *target);

/* A line that was typed: a message, or a command that begins with '/'. NULL is the end of input. */
void sl_talk_line(struct sl_talk *talk, const char *line);

/* Prints the events that have come. */
void sl_talk_events(struct sl_talk *talk);

/* Sends to a conversation (as sl_talk.conversation) and shows the message with its state. */
void sl_talk_send(struct sl_talk *talk, const char *conversation, const char *text);

/* Words to complete: commands, channels, people. */
const char *sl_talk_word(struct sl_talk *talk, size_t at);

/* A line that begins with '/', without it: talk_commands.c. */
void sl_talk_command(struct sl_talk *talk, const char *line);
const char *sl_talk_command_name(size_t at);

/* Fields with the persona in them. */
json_t *sl_talk_fields(const struct sl_talk *talk);

/* "-- text", dim, below everything else. */
void sl_talk_note(struct sl_talk *talk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The person of that name, to be freed, or NULL (told). */
json_t *sl_talk_person(struct sl_talk *talk, const char *name);

/* Asks anew for the channels, for completion. */
void sl_talk_load_channels(struct sl_talk *talk);

void sl_talk_done(struct sl_talk *talk);

#endif
