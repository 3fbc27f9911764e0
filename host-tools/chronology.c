#include "chronology.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    json_t *message; /* borrowed */
    const char *author;
    json_int_t created; /* clock of the author's node: orders that author's messages, no others */
    double written;     /* by its age, as this node saw it arrive: seconds, negative */
    size_t position;    /* order of arrival */
};

static struct entry entry_of(json_t *message, size_t position)
{
    json_t *author = json_object_get(json_object_get(message, "from"), "key");
    return (struct entry){
        .message = message,
        .author = json_is_string(author) ? json_string_value(author) : "",
        .created = json_integer_value(json_object_get(message, "created")),
        .written = -json_number_value(json_object_get(message, "age")),
        .position = position,
    };
}

static int compare_positions(const struct entry *a, const struct entry *b)
{
    return a->position < b->position ? -1 : a->position > b->position;
}

static int by_author_and_creation(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    int order = strcmp(a->author, b->author);
    if (order != 0)
        return order;
    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    return compare_positions(a, b);
}

static int by_time(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    if (a->written < b->written || a->written > b->written)
        return a->written < b->written ? -1 : 1;
    return compare_positions(a, b);
}

/* Ages are true to some milliseconds only. No message is older than the one its author wrote
 * before it. */
static void smooth(struct entry *entries, size_t count)
{
    qsort(entries, count, sizeof(*entries), by_author_and_creation);
    for (size_t i = 0; i < count; i++) {
        bool follows = i > 0 && strcmp(entries[i - 1].author, entries[i].author) == 0;
        if (follows && entries[i].written < entries[i - 1].written)
            entries[i].written = entries[i - 1].written;
        entries[i].position = i; /* equal times keep this order */
    }
    qsort(entries, count, sizeof(*entries), by_time);
}

json_t *sl_chronology(json_t *messages)
{
    size_t count = json_array_size(messages), i;
    struct entry *entries = calloc(count > 0 ? count : 1, sizeof(*entries));
    json_t *ordered = json_array(), *message;
    if (entries == NULL || ordered == NULL) {
        free(entries);
        json_decref(ordered);
        return NULL;
    }
    json_array_foreach (messages, i, message)
        entries[i] = entry_of(message, i);
    smooth(entries, count);
    for (i = 0; i < count; i++)
        json_array_append(ordered, entries[i].message);
    free(entries);
    return ordered;
}
