#include "people.h"

#include "ask.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_MAX 4096 /* as many as a node knows */

struct seen {
    char *nick;
    char *key;
};

struct sl_people {
    struct seen *seen;
    size_t count;
};

char *sl_people_full_name(json_t *person)
{
    return sl_output_format("%s.%s", sl_ask_text(person, "nick"), sl_ask_text(person, "code"));
}

struct sl_people *sl_people_new(void)
{
    return calloc(1, sizeof(struct sl_people));
}

void sl_people_free(struct sl_people *people)
{
    if (people == NULL)
        return;
    for (size_t i = 0; i < people->count; i++) {
        free(people->seen[i].nick);
        free(people->seen[i].key);
    }
    free(people->seen);
    free(people);
}

static void remember(struct sl_people *people, const char *nick, const char *key)
{
    struct seen *seen = people->count < SEEN_MAX
                            ? reallocarray(people->seen, people->count + 1, sizeof(*seen))
                            : NULL;
    if (seen == NULL)
        return;
    people->seen = seen;
    seen[people->count++] =
        (struct seen){sl_output_format("%s", nick), sl_output_format("%s", key)};
}

/* Whether somebody else of that nick was seen. Remembers this one. */
static bool has_namesake(struct sl_people *people, const char *nick, const char *key)
{
    bool known = false, namesake = false;
    for (size_t i = 0; i < people->count; i++) {
        if (strcasecmp(people->seen[i].nick, nick) != 0)
            continue;
        bool same = strcmp(people->seen[i].key, key) == 0;
        known = known || same;
        namesake = namesake || !same;
    }
    if (!known)
        remember(people, nick, key);
    return namesake;
}

char *sl_people_label(struct sl_people *people, json_t *person)
{
    const char *nick = sl_ask_text(person, "nick");
    bool namesake = has_namesake(people, nick, sl_ask_text(person, "key"));
    char *name =
        namesake || nick[0] == '\0' ? sl_people_full_name(person) : sl_output_format("%s", nick);
    char *clean = sl_output_cleaned(name, SL_CLEAN_NAME);
    char *label = json_is_true(json_object_get(person, "verified"))
                      ? sl_output_format("%s \u2713", clean)
                      : sl_output_format("%s", clean);
    free(clean);
    free(name);
    return label;
}

const char *sl_people_nick(const struct sl_people *people, size_t at)
{
    return at < people->count ? people->seen[at].nick : NULL;
}
