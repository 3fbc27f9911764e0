/* What a persona wrote and received, in order of arrival, bounded in number and bytes. Found by
 * number, by the envelope id of any part, by receipt token, and by the start of a message's id. */
#ifndef SL_CHAT_HISTORY_H
#define SL_CHAT_HISTORY_H

#include "base/map.h"
#include "chat/content.h"
#include "chat/receipt.h"

/* About 400 bytes a message; together with SL_PERSONAS_MAX at most 32 MiB a node. */
#define SL_HISTORY_BYTES_MAX ((size_t)2 << 20)

struct sl_part_ref {
    uint8_t id[SL_ID_LEN];
    uint8_t receipt_key[SL_RECEIPT_KEY_LEN]; /* direct messages only */
    uint8_t state;                           /* enum sl_message_state of this part */
};

/* A whole message. */
struct sl_record {
    struct sl_message message; /* its text is owned and NUL-terminated */
    uint8_t prev[SL_PREV_LEN];
    uint32_t lifetime;  /* seconds */
    sl_time due;        /* while held back: when it is shown all the same */
    bool saved;         /* kept personas: the vault has it as it is now */
    bool acked;         /* incoming direct: the delivered receipt went out */
    bool read_acked;    /* and the read receipt */
    uint8_t part_count; /* 1 to SL_PARTS_MAX */
    struct sl_part_ref parts[];
};

/* Zeroed, with room for that text. NULL if out of memory. */
struct sl_record *sl_record_new(size_t part_count, size_t text_len);
void sl_record_free(const struct sl_primitives *primitives, struct sl_record *record); /* wipes */
char *sl_record_text(struct sl_record *record);

/* Memory that it takes. */
size_t sl_record_size(const struct sl_record *record);

/* Whether both are of one conversation: the same channel, or direct with the same person. */
bool sl_record_in(const struct sl_record *record, const char *channel, const uint8_t *person);

/* Whether both are of one conversation and by one author. */
bool sl_record_same_thread(const struct sl_record *a, const struct sl_record *b);

/* Raises the state of a part (SIZE_MAX: of all); never lowers one. The message has the state of its
 * weakest part. True if that changed. */
bool sl_record_raise(struct sl_record *record, size_t part, enum sl_message_state state);

struct sl_history {
    struct sl_record **records; /* by number */
    size_t count, cap;
    size_t bytes, direct_bytes;
    uint64_t next_number;
    struct sl_map ids;    /* envelope id -> low bits of the number */
    struct sl_map prevs;  /* start of a message's id -> the same */
    struct sl_map tokens; /* receipts still expected -> the same */
    const struct sl_primitives *primitives;
};

void sl_history_init(struct sl_history *history, const struct sl_primitives *primitives,
                     uint64_t seed);
void sl_history_done(struct sl_history *history);

/* What has to be removed before `record` fits; NULL if it does. Direct messages give way only where
 * they take more than half, so that a flooded channel cannot push them out. */
struct sl_record *sl_history_victim(const struct sl_history *history,
                                    const struct sl_record *record);

/* Takes the record; a number of 0 is replaced by the next. -ENOMEM, -EEXIST (then not taken). */
int sl_history_add_take(struct sl_history *history, struct sl_record *record);
void sl_history_remove(struct sl_history *history, struct sl_record *record);

/* Index of the first with at least that number; may be the count. */
size_t sl_history_from(const struct sl_history *history, uint64_t number);
/* That number, or NULL. */
struct sl_record *sl_history_number(const struct sl_history *history, uint64_t number);
/* The message with that envelope, or NULL; ret_part may be NULL. */
struct sl_record *sl_history_id(const struct sl_history *history, const uint8_t id[SL_ID_LEN],
                                size_t *ret_part);

/* Whether a message of that thread starts with that id. */
bool sl_history_seen(const struct sl_history *history, const struct sl_record *thread,
                     const uint8_t prev[SL_PREV_LEN]);

/* Takes a token: which message and part it is about; NULL if nobody waits for it. */
struct sl_record *sl_history_take_token(struct sl_history *history,
                                        const uint8_t token[SL_TOKEN_LEN], size_t *ret_part,
                                        enum sl_token_kind *ret_kind);

/* The persona's last own message in that conversation, or NULL. */
struct sl_record *sl_history_last_own(const struct sl_history *history, const char *channel,
                                      const uint8_t *person);

/* Incoming and not looked at; both NULL: everywhere. */
size_t sl_history_unread(const struct sl_history *history, const char *channel,
                         const uint8_t *person);

#endif
