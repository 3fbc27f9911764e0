/* Messages as lines on a terminal or a pipe:
 *
 *     14:02 #general ana: where are you?
 *     14:03 ana -> ben: at the fountain   (delivered)
 */
#ifndef SL_TOOLS_MESSAGE_H
#define SL_TOOLS_MESSAGE_H

#include "people.h"

#include <stdio.h>

struct sl_message_view {
    FILE *to;
    size_t columns;           /* of the terminal, or 0 */
    struct sl_people *people; /* seen so far */
    const char *own_nick;     /* of the persona that looks */
    bool with_state;          /* behind own messages, "(relayed)" */
    const char *within; /* conversation on the screen: "#general" or a key; its messages need no
                           label. NULL: none */
    char day[16];       /* of the message before; a new day gets a line. Empty at first */
};

void sl_message_print(struct sl_message_view *view, json_t *message);

/* "#general", or the key of the person that the message was exchanged with; to be freed. */
char *sl_message_conversation(json_t *message);

/* 0 received, 1 queued ... 4 read; -1 for no such word. */
int sl_message_rank(const char *state);

/* The beginning of its text on one line, clean, to be freed. */
char *sl_message_excerpt(json_t *message);

/* For --json: one line. */
void sl_message_print_json(json_t *message);

/* Tells starlingd that its persona looked at the newest of each conversation in `messages`. False
 * if that failed (told). `persona` may be NULL. */
struct sl_client;
bool sl_message_mark_read(struct sl_client *client, json_t *persona, json_t *messages);

#endif
