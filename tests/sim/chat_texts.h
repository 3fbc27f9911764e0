/* What to send, for sl_chat_send(): a text without a lifetime of its own. */
#ifndef SL_TESTS_SIM_CHAT_TEXTS_H
#define SL_TESTS_SIM_CHAT_TEXTS_H

#include "chat/chat.h"

#include <string.h>

#define TO_CHANNEL(name, text)                                                                     \
    (&(struct sl_text){.to = {.channel = (name)}, .bytes = (text), .len = strlen(text)})
#define TO_PERSON(key, text)                                                                       \
    (&(struct sl_text){.to = {.person = (key)}, .bytes = (text), .len = strlen(text)})

#endif
