/* Why neighbours are refused, in words. */
#ifndef SL_TOOLS_REFUSALS_H
#define SL_TOOLS_REFUSALS_H

#include <jansson.h>

/* "certificate revoked" for "revoked"; the word itself if it is not known. */
const char *sl_refusal_words(const char *word);

/* "2 refused: certificate revoked" for each reason counted; how many lines. */
size_t sl_refusals_print(json_t *refused, const char *prefix);

#endif
