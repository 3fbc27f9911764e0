/* The order in which messages are listed: by when they were written, and those of one author always
 * in the order in which that author wrote them, even if a repair brought them late and out of
 * order. */
#ifndef SL_TOOLS_CHRONOLOGY_H
#define SL_TOOLS_CHRONOLOGY_H

#include <jansson.h>

/* A new array of the same messages, as the control socket gives them. NULL if out of memory. */
json_t *sl_chronology(json_t *messages);

#endif
