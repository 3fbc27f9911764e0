/* How people are named to one another. A nick is what someone calls themselves, and no proof: where
 * two people with one nick were seen, both are shown with their code. */
#ifndef SL_TOOLS_PEOPLE_H
#define SL_TOOLS_PEOPLE_H

#include "base/base.h"

#include <jansson.h>

/* "ana.k7mq-2hdc", to be freed: unambiguous wherever a name is taken. Not cleaned. */
char *sl_people_full_name(json_t *person);

/* Who was seen so far. */
struct sl_people;
struct sl_people *sl_people_new(void);
void sl_people_free(struct sl_people *people);

/* "ana", "ana.k7mq-2hdc" if there is another ana, with " ✓" if verified; clean, to be freed. */
char *sl_people_label(struct sl_people *people, json_t *person);

/* Nicks seen, in the order of first sight; NULL past the last. */
const char *sl_people_nick(const struct sl_people *people, size_t at);

#endif
