/* Everybody this node has heard of, bounded. Who is pinned by a persona of this node, or is one, is
 * never given up; of the rest a node brings in no more than it could have users, and the one that
 * was silent for longest goes first. */
#ifndef SL_CHAT_PEOPLE_H
#define SL_CHAT_PEOPLE_H

#include "base/map.h"
#include "chat/direct.h"
#include "chat/persona.h"

/* Personas remembered of one origin: four times what a board may hold at a time. */
#define SL_PEOPLE_PER_ORIGIN (4 * SL_PERSONAS_MAX)

struct sl_person_entry {
    struct sl_announcement announcement; /* prekey is zeros until it was heard */
    uint8_t id[SL_PERSONA_ID_LEN];
    char code[SL_CODE_LEN];
    uint8_t origin[SL_ORIGIN_LEN];
    uint64_t created; /* of the announcement */
    sl_time born;     /* and by its age */
    sl_time last_heard;
    uint16_t pins; /* personas of this node that verified them */
    bool local;
    bool met; /* wrote to one of this node directly, or was written to */
};

struct sl_people {
    struct sl_person_entry *entries;
    size_t count, cap;
    struct sl_map ids; /* persona id -> place */
    const struct sl_primitives *primitives;
};

void sl_people_init(struct sl_people *people, const struct sl_primitives *primitives,
                    uint64_t seed);
void sl_people_done(struct sl_people *people);

/* NULL if not known. Pointers are valid until the next call that adds. */
struct sl_person_entry *sl_people_id(const struct sl_people *people,
                                     const uint8_t id[SL_PERSONA_ID_LEN]);
struct sl_person_entry *sl_people_key_entry(const struct sl_people *people,
                                            const uint8_t key[SL_KEY_LEN]);

struct sl_heard {
    const struct sl_announcement *announcement;
    const uint8_t *origin;
    uint64_t created;
    sl_time born;
};

/* Takes a checked announcement. The entry if it was news; NULL if it is not newer than what is
 * known, or there is no room. */
struct sl_person_entry *sl_people_hear(struct sl_people *people, const struct sl_heard *heard);

/* Adds somebody of whom only key, box key and nick are known, unless they are known better. NULL if
 * there is no room. */
struct sl_person_entry *sl_people_remember(struct sl_people *people,
                                           const struct sl_announcement *announcement, sl_time now);

/* The node they announced themselves from; NULL if they were never heard. */
const uint8_t *sl_person_origin(const struct sl_person_entry *entry);

bool sl_person_writable(const struct sl_person_entry *entry, sl_time now);
/* Announced themselves within the lifetime of an announcement. */
bool sl_person_present(const struct sl_person_entry *entry, sl_time now);

#endif
