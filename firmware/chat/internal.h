/* The chat from inside: shared by the chat's own files, and by tests that put a stand-in in place
 * of the mesh node. */
#ifndef SL_CHAT_INTERNAL_H
#define SL_CHAT_INTERNAL_H

#include "base/prng.h"
#include "chat/expiry.h"
#include "chat/parts.h"

#include <errno.h>

/* Live prekeys at a time: SL_PREKEY_DESTROY / SL_PREKEY_ROTATE, and some for early unlocks. */
#define SL_PREKEYS_MAX 8
#define SL_PINS_MAX    256 /* verified people of a persona; with SL_PERSONAS_MAX no more than fit */
/* Opened messages of senders whose announcement has not come; about 1 kB each. */
#define SL_WAITING_MAX 32
/* Receipts to be sent; what is beyond is found again in the histories. */
#define SL_RECEIPTS_MAX 4096
#define SL_RETRY        SL_MINUTE

typedef void (*sl_mesh_found)(void *arg, const struct sl_envelope *envelope,
                              const uint8_t id[SL_ID_LEN], sl_time born, bool local, bool relayed);

/* What the chat asks of the node below; a seam for tests. */
struct sl_chat_mesh {
    void *ctx;
    uint64_t (*next_created)(void *ctx, sl_time now);
    int (*publish)(void *ctx, const struct sl_draft *draft, sl_time now, uint8_t ret_id[SL_ID_LEN]);
    int (*each)(void *ctx, enum sl_envelope_kind kind, sl_time now, sl_mesh_found found, void *arg);
    void (*settled)(void *ctx, const uint8_t id[SL_ID_LEN], const uint8_t *by, sl_time now);
    uint8_t origin[SL_ORIGIN_LEN];
};

struct sl_waiting {
    bool used;
    struct sl_direct_message opened;
    uint8_t id[SL_ID_LEN];
    uint64_t created;
    uint32_t lifetime;
    sl_time born;
};

/* A search of the store that is under way. */
struct sl_scan {
    unsigned kinds;     /* still to be searched: SL_SCAN_BIT()s; 0: none is under way */
    struct sl_map done; /* ids looked at */
};
#define SL_SCAN_BIT(kind) (1u << (kind))
#define SL_SCAN_ALL                                                                                \
    (SL_SCAN_BIT(SL_ENVELOPE_CHANNEL) | SL_SCAN_BIT(SL_ENVELOPE_DIRECT) |                          \
     SL_SCAN_BIT(SL_ENVELOPE_RECEIPT))

struct sl_persona {
    uint32_t handle;
    uint32_t owner;
    char nick[SL_NICK_MAX + 1];
    char code[SL_CODE_LEN];
    uint8_t key[SL_KEY_LEN];
    struct sl_profile profile;
    bool kept;
    struct sl_vault vault;
    struct sl_prekey prekeys[SL_PREKEYS_MAX]; /* oldest first */
    size_t prekey_count;
    sl_time announce_at;
    struct sl_channel channels[SL_CHANNELS_MAX];
    size_t channel_count;
    uint8_t pins[SL_PINS_MAX][SL_KEY_LEN];
    size_t pin_count;
    struct sl_history history;
    sl_time horizon[2]; /* what the store holds from before is not taken again: [direct] */
    struct sl_parts parts;
    struct sl_hold hold;
    struct sl_waiting waiting[SL_WAITING_MAX];
    size_t waiting_next;
    struct sl_scan scan;
};

struct sl_due_receipt {
    uint32_t persona;
    uint64_t number;
    enum sl_token_kind kind;
    uint8_t token[SL_TOKEN_LEN];
    uint8_t id[SL_ID_LEN];         /* of the envelope that it acknowledges */
    uint8_t origin[SL_ORIGIN_LEN]; /* node that its author announced themselves from; or zeros */
    unsigned group;                /* while they are sent: envelope that it is in, from 1; else 0 */
};

struct sl_receipts {
    struct sl_due_receipt *items;
    size_t count, cap;
    sl_time at;    /* when they go out */
    bool overflow; /* some were left out */
};

struct sl_chat {
    struct sl_chat_config config;
    struct sl_chat_mesh mesh;
    uint8_t people_key[SL_KEY_LEN];
    struct sl_prng prng;
    struct sl_people people;
    struct sl_persona *personas[SL_PERSONAS_MAX]; /* in order of handle */
    size_t persona_count;
    uint32_t next_handle;
    struct sl_receipts receipts;
    struct sl_expiry expiry;
    const struct sl_persona *publishing; /* whose envelope the node is taking right now */
    struct sl_chat_counters counters;
    sl_time now; /* of the last call that told it */
};

/* As sl_chat_new(), over anything that behaves like a node. */
struct sl_chat *sl_chat_new_over(const struct sl_chat_config *config,
                                 const struct sl_chat_mesh *mesh, sl_time now);

/* NULL unless it exists and is that owner's. */
struct sl_persona *sl_chat_own(const struct sl_chat *chat, uint32_t owner, uint32_t handle);
struct sl_persona *sl_chat_by_handle(const struct sl_chat *chat, uint32_t handle);
struct sl_persona *sl_chat_by_key(const struct sl_chat *chat, const uint8_t key[SL_KEY_LEN]);
struct sl_channel *sl_persona_channel(struct sl_persona *persona, const char *name);

/* ---- chat_receive.c ---- */

/* An envelope that came in or was found in the store. */
struct sl_offer {
    const struct sl_envelope *envelope;
    const uint8_t *id;
    sl_time born;
    bool relayed;
    bool backlog;            /* from the store: nothing older is on its way */
    struct sl_persona *only; /* NULL: for everybody here */
    sl_time now;
};
void sl_chat_offer(struct sl_chat *chat, const struct sl_offer *offer);

/* Takes a message into the history; the record as it is there, or NULL if it could not be kept. */
struct sl_record *sl_chat_keep_take(struct sl_chat *chat, struct sl_persona *persona,
                                    struct sl_record *record, sl_time now);
/* Raises a state, saves and tells. */
void sl_chat_raise(struct sl_chat *chat, struct sl_persona *persona, struct sl_record *record,
                   size_t part, enum sl_message_state state);
void sl_chat_save(struct sl_persona *persona, struct sl_record *record);
/* Shows what was held back long enough. */
void sl_chat_release_due(struct sl_chat *chat, struct sl_persona *persona, sl_time now);

/* ---- chat_scan.c ---- */

/* Looks through the store for what the persona has not seen: the first slice at once. */
void sl_scan_start(struct sl_chat *chat, struct sl_persona *persona, unsigned kinds, sl_time now);
/* The next slice. */
void sl_scan_go_on(struct sl_chat *chat, struct sl_persona *persona, sl_time now);

/* ---- chat_receipts.c ---- */

void sl_receipts_add(struct sl_chat *chat, struct sl_persona *persona,
                     const struct sl_record *record, enum sl_token_kind kind, sl_time now);
/* All that a persona's history still owes. */
void sl_receipts_add_owed(struct sl_chat *chat, struct sl_persona *persona, sl_time now);
/* Hands those for personas of this node over at once. */
void sl_receipts_settle(struct sl_chat *chat);
void sl_receipts_flush(struct sl_chat *chat, sl_time now);
void sl_receipts_forget(struct sl_chat *chat, const struct sl_persona *persona);
/* A token that came in, from here or elsewhere. Whether a message was waiting for it. */
bool sl_receipts_take(struct sl_chat *chat, const uint8_t token[SL_TOKEN_LEN]);

/* ---- chat_persona.c ---- */

void sl_persona_free(struct sl_chat *chat, struct sl_persona *persona);
/* Rotates and destroys prekeys as their time comes. */
void sl_persona_tick(struct sl_chat *chat, struct sl_persona *persona, sl_time now);
sl_time sl_persona_deadline(const struct sl_persona *persona);
/* -EEXIST, -ENOSPC. */
int sl_persona_join(struct sl_chat *chat, struct sl_persona *persona,
                    const struct sl_channel *channel, sl_time now);

/* ---- chat_send.c ---- */

struct sl_outgoing {
    enum sl_envelope_kind kind;
    uint64_t created; /* from mesh.next_created() in this turn */
    uint32_t lifetime;
    const uint8_t *payload;
    size_t payload_len;
    bool sync;
    const uint8_t *destination; /* node that it is for; NULL: all, or not known */
    const uint8_t *answers;     /* receipt: the envelope that it is about; or NULL */
};
/* Publishes for a persona (NULL: for the node). As sl_node_publish(). */
int sl_chat_publish(struct sl_chat *chat, const struct sl_persona *persona,
                    const struct sl_outgoing *outgoing, sl_time now, uint8_t ret_id[SL_ID_LEN]);
/* Whether an error of sl_chat_publish() means that nothing happened. */
static inline bool sl_publish_failed(int error)
{
    return error < 0 && error != -EIO && error != -ENOSPC && error != -EROFS;
}

/* ---- chat_people.c ---- */

/* `persona` NULL: verified by anybody here. */
void sl_chat_describe(const struct sl_chat *chat, const struct sl_persona *persona,
                      const struct sl_person_entry *entry, struct sl_person *ret_person);
/* Adds a pin: counted in the table, so that the person stays. -ENOSPC. */
int sl_chat_pin(struct sl_chat *chat, struct sl_persona *persona, struct sl_person_entry *entry);
void sl_chat_unpin(struct sl_chat *chat, struct sl_persona *persona, size_t at);

#endif
