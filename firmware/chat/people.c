#include "chat/people.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

void sl_people_init(struct sl_people *people, const struct sl_primitives *primitives, uint64_t seed)
{
    *people = (struct sl_people){.primitives = primitives};
    sl_map_init(&people->ids, SL_PERSONA_ID_LEN, SL_PEOPLE_MAX, seed);
}

void sl_people_done(struct sl_people *people)
{
    const struct sl_primitives *p = people->primitives;
    if (people->entries)
        p->wipe(p->ctx, people->entries, people->cap * sizeof(*people->entries));
    free(people->entries);
    sl_map_done(&people->ids);
    *people = (struct sl_people){0};
}

struct sl_person_entry *sl_people_id(const struct sl_people *people,
                                     const uint8_t id[SL_PERSONA_ID_LEN])
{
    uint32_t at = sl_map_get(&people->ids, id);
    return at == SL_MAP_EMPTY ? NULL : &people->entries[at];
}

struct sl_person_entry *sl_people_key_entry(const struct sl_people *people,
                                            const uint8_t key[SL_KEY_LEN])
{
    uint8_t id[SL_PERSONA_ID_LEN];
    sl_persona_id(people->primitives, key, id);
    return sl_people_id(people, id);
}

/* The last entry moves into the gap. */
static void remove_entry(struct sl_people *people, size_t at)
{
    sl_map_remove(&people->ids, people->entries[at].id);
    size_t last = --people->count;
    if (at != last) {
        people->entries[at] = people->entries[last];
        sl_map_put(&people->ids, people->entries[at].id, (uint32_t)at);
    }
    people->primitives->wipe(people->primitives->ctx, &people->entries[last],
                             sizeof(people->entries[last]));
}

static bool may_go(const struct sl_person_entry *entry)
{
    return entry->pins == 0 && !entry->local;
}

/* Whom to give up first: strangers before those that somebody here wrote with, then by silence. */
static bool goes_before(const struct sl_person_entry *a, const struct sl_person_entry *b)
{
    return a->met != b->met ? !a->met : a->last_heard < b->last_heard;
}

/* Of all, or of one origin; SIZE_MAX if nobody may go. */
static size_t find_victim(const struct sl_people *people, const uint8_t *origin)
{
    size_t victim = SIZE_MAX;
    for (size_t i = 0; i < people->count; i++) {
        const struct sl_person_entry *entry = &people->entries[i];
        if (!may_go(entry) || (origin && memcmp(entry->origin, origin, SL_ORIGIN_LEN) != 0))
            continue;
        if (victim == SIZE_MAX || goes_before(entry, &people->entries[victim]))
            victim = i;
    }
    return victim;
}

static size_t count_strangers(const struct sl_people *people, const uint8_t origin[SL_ORIGIN_LEN])
{
    size_t count = 0;
    for (size_t i = 0; i < people->count; i++)
        if (memcmp(people->entries[i].origin, origin, SL_ORIGIN_LEN) == 0 &&
            may_go(&people->entries[i]))
            count++;
    return count;
}

/* False if everybody has to stay. */
static bool make_room(struct sl_people *people, const uint8_t *origin)
{
    bool crowded = origin && count_strangers(people, origin) >= SL_PEOPLE_PER_ORIGIN;
    if (!crowded && people->count < SL_PEOPLE_MAX)
        return true;
    size_t victim = find_victim(people, crowded ? origin : NULL);
    if (victim == SIZE_MAX)
        return false;
    remove_entry(people, victim);
    return true;
}

/* As realloc, but leaves no copy of the old behind. */
static int grow(struct sl_people *people)
{
    if (people->count < people->cap)
        return 0;
    size_t cap = people->cap ? sl_min_size(2 * people->cap, SL_PEOPLE_MAX) : FIRST_CAP;
    struct sl_person_entry *entries = calloc(cap, sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    if (people->entries) {
        size_t size = people->cap * sizeof(*entries);
        memcpy(entries, people->entries, size);
        people->primitives->wipe(people->primitives->ctx, people->entries, size);
        free(people->entries);
    }
    people->entries = entries;
    people->cap = cap;
    return 0;
}

static struct sl_person_entry *add(struct sl_people *people, const uint8_t key[SL_KEY_LEN],
                                   const uint8_t *origin)
{
    struct sl_person_entry entry = {.last_heard = INT64_MIN};
    sl_persona_id(people->primitives, key, entry.id);
    sl_persona_code(people->primitives, key, entry.code);
    if (!make_room(people, origin) || grow(people) < 0 ||
        sl_map_put(&people->ids, entry.id, (uint32_t)people->count) < 0)
        return NULL;
    people->entries[people->count] = entry;
    return &people->entries[people->count++];
}

struct sl_person_entry *sl_people_hear(struct sl_people *people, const struct sl_heard *heard)
{
    struct sl_person_entry *entry = sl_people_key_entry(people, heard->announcement->key);
    if (entry && entry->created >= heard->created)
        return NULL;
    if (!entry)
        entry = add(people, heard->announcement->key, heard->origin);
    if (!entry)
        return NULL;
    entry->announcement = *heard->announcement;
    memcpy(entry->origin, heard->origin, SL_ORIGIN_LEN);
    entry->created = heard->created;
    entry->born = heard->born;
    if (entry->last_heard < heard->born)
        entry->last_heard = heard->born;
    return entry;
}

struct sl_person_entry *sl_people_remember(struct sl_people *people,
                                           const struct sl_announcement *announcement, sl_time now)
{
    struct sl_person_entry *entry = sl_people_key_entry(people, announcement->key);
    if (entry)
        return entry;
    entry = add(people, announcement->key, NULL);
    if (!entry)
        return NULL;
    entry->announcement = *announcement;
    entry->last_heard = now;
    return entry;
}

const uint8_t *sl_person_origin(const struct sl_person_entry *entry)
{
    return entry->created != 0 ? entry->origin : NULL;
}

bool sl_person_present(const struct sl_person_entry *entry, sl_time now)
{
    return entry->created != 0 && now - entry->born < SL_PERSONA_LIFETIME * SL_SECOND;
}

bool sl_person_writable(const struct sl_person_entry *entry, sl_time now)
{
    return entry->created != 0 && now - entry->born < SL_PREKEY_SEAL_MAX;
}
