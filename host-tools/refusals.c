#include "refusals.h"

#include "base/base.h"
#include "output.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

const char *sl_refusal_words(const char *word)
{
    static const struct {
        const char *word, *words;
    } all[] = {
        {"foreign", "of another network"},
        {"expired", "certificate expired"},
        {"not-yet", "certificate not valid yet (is a clock wrong?)"},
        {"revoked", "certificate revoked"},
        {"malformed", "spoke no proper Starling"},
        {"timeout", "did not finish the handshake"},
        {"busy", "too many at once"},
        {"self", "this node's own key at another address (a cloned board?)"},
        {"by-peer", "refused by the other side, which shows the reason there"},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(all); i++)
        if (strcmp(all[i].word, word) == 0)
            return all[i].words;
    return word;
}

size_t sl_refusals_print(json_t *refused, const char *prefix)
{
    const char *word;
    json_t *count;
    size_t lines = 0;
    json_object_foreach (refused, word, count) {
        char number[SL_WORDS_MAX];
        if (json_integer_value(count) <= 0)
            continue;
        sl_words_count((uint64_t)json_integer_value(count), number);
        printf("%s%s refused: ", prefix, number);
        sl_output_clean(stdout, sl_refusal_words(word), SL_CLEAN_NAME);
        putchar('\n');
        lines++;
    }
    return lines;
}
