/* Chat on a node: personas, channels, sealed direct messages, receipts, history. A state machine
 * like the mesh below it: no I/O, no clock. Formats and rules: PROTOCOL.md, Chat.
 *
 * Everything a person does is done as a persona, and a persona belongs to an owner (a user id of
 * the control socket): calls with another owner's persona return -EPERM. */
#ifndef SL_CHAT_CHAT_H
#define SL_CHAT_CHAT_H

#include "chat/ports.h"
#include "mesh/node.h"

/* Limits, each with its reason. */
#define SL_PERSONAS_MAX     16    /* each tries each prekey, two X25519, on every direct message */
#define SL_NICK_MAX         32    /* bytes of UTF-8 */
#define SL_CHANNEL_NAME_MAX 32    /* bytes of UTF-8 without '#' */
#define SL_CHANNELS_MAX     32    /* for each persona */
#define SL_PEOPLE_MAX       4096  /* about 250 bytes each */
#define SL_TEXT_MAX         10000 /* bytes of UTF-8 in one message, at most 16 parts */
#define SL_PARTS_MAX        16
#define SL_HISTORY_MAX      5000 /* messages for each persona, and 2 MiB; see history.h */
#define SL_PASSPHRASE_MIN   8    /* bytes; the board may be seized with the vault on it */

#define SL_MESSAGE_LIFETIME (24 * 3600) /* seconds */

/* What a person can believe of a message they sent. Each was earned (PROTOCOL.md, States). */
enum sl_message_state {
    SL_MESSAGE_RECEIVED,  /* came in: not ours */
    SL_MESSAGE_QUEUED,    /* on this node, on disk */
    SL_MESSAGE_RELAYED,   /* another node has it */
    SL_MESSAGE_DELIVERED, /* the recipient's node opened it (direct messages only) */
    SL_MESSAGE_READ,      /* the recipient looked at it (direct messages only) */
};

/* "queued", "relayed", "delivered", "read", "received". */
const char *sl_message_state_name(enum sl_message_state state);

struct sl_chat;

struct sl_message {
    uint64_t number;       /* order in this persona's history; never reused */
    uint8_t id[SL_ID_LEN]; /* envelope id of its first part */
    bool direct;
    char channel[SL_CHANNEL_NAME_MAX + 1]; /* without '#'; empty if direct */
    uint8_t person[SL_KEY_LEN]; /* direct: who the conversation is with. channel: the author */
    bool outgoing;
    enum sl_message_state state;
    bool durable;     /* outgoing: false if the disk did not take it */
    bool unread;      /* incoming and not yet looked at */
    uint64_t created; /* Unix microseconds as its author's node says; orders an author's
                         messages */
    sl_time at;       /* life clock: when it was written, by its age at arrival */
    const char *text; /* UTF-8, NUL-terminated, borrowed */
    size_t text_len;
};

struct sl_person {
    uint8_t key[SL_KEY_LEN];    /* Ed25519: this is who they are */
    char code[12];              /* short code, "k7mq-2hdc": enough to tell namesakes apart */
    char nick[SL_NICK_MAX + 1]; /* what they call themselves: not unique, not proof */
    bool verified;              /* the persona's owner compared the authentication code */
    bool local;                 /* a persona of this node */
    bool writable;              /* a prekey that can still be sealed to is known */
    sl_time last_heard;
};

struct sl_persona_info {
    uint32_t persona; /* handle, valid until forgotten or locked */
    char nick[SL_NICK_MAX + 1];
    char code[12];
    uint8_t key[SL_KEY_LEN];
    bool kept;
    size_t unread;
};

struct sl_channel_info {
    char name[SL_CHANNEL_NAME_MAX + 1];
    bool is_private;
    size_t unread;
};

/* Told in the turn in which it happens; pointers borrowed. May not call back into the chat. */
struct sl_chat_events {
    void *arg;
    /* Came in, or was written by this persona: a second client of theirs wants to see it too. */
    void (*message)(void *arg, uint32_t persona, uint32_t owner, const struct sl_message *message);
    /* A message of the persona's changed its state. */
    void (*state)(void *arg, uint32_t persona, uint32_t owner, const struct sl_message *message);
    /* Announced themselves. `verified`: by any persona of this node. */
    void (*person)(void *arg, const struct sl_person *person);
};

struct sl_chat_config {
    struct sl_node *node; /* outlives the chat */
    struct sl_primitives primitives;
    struct sl_sealing sealing;
    struct sl_vault_port vault;
    struct sl_chat_events events;
    uint8_t network_secret[SL_KEY_LEN];
    uint8_t node_seed[SL_KEY_LEN]; /* for vault ids */
    uint64_t prng_seed;
};

struct sl_chat *sl_chat_new(const struct sl_chat_config *config, sl_time now);
void sl_chat_free(struct sl_chat *chat); /* wipes every persona from memory */

/* From sl_node_events of the node below. */
void sl_chat_accepted(struct sl_chat *chat, const struct sl_envelope *envelope,
                      const uint8_t id[SL_ID_LEN], sl_time born, bool local, sl_time now);
void sl_chat_relayed(struct sl_chat *chat, const uint8_t id[SL_ID_LEN], sl_time now);

void sl_chat_tick(struct sl_chat *chat, sl_time now);
sl_time sl_chat_deadline(const struct sl_chat *chat);

struct sl_chat_counters {
    uint64_t unopened; /* announcements, messages and receipts that were malformed, not authentic or
                          not from who they say; not: messages for others */
};
void sl_chat_counters(const struct sl_chat *chat, struct sl_chat_counters *ret_counters);

/* ---- Personas ---- */

/* A new persona, joined to #general and announced. Without a passphrase it lives in memory; with
 * one it is kept in the vault. 0 with ret_persona; -EEXIST (this owner's nick in use here, or
 * kept), -EINVAL (nick empty, too long, not showable, or starting with '#'), -ENOSPC, -ERANGE
 * (passphrase too short), or a vault error. */
int sl_chat_create(struct sl_chat *chat, uint32_t owner, const char *nick, const char *passphrase,
                   sl_time now, uint32_t *ret_persona);
/* A kept persona comes back, and with it what arrived meanwhile: at once, or when there is much of
 * it in the next ticks. -ENOENT, -EACCES (wrong passphrase), -EALREADY (already unlocked;
 * ret_persona is set if it is this owner's). */
int sl_chat_unlock(struct sl_chat *chat, uint32_t owner, const char *nick, const char *passphrase,
                   sl_time now, uint32_t *ret_persona);
/* Wipes it from memory; a kept one stays in the vault, another is gone. */
int sl_chat_lock(struct sl_chat *chat, uint32_t owner, uint32_t persona);
/* Wipes it for good, vault included. */
int sl_chat_forget(struct sl_chat *chat, uint32_t owner, uint32_t persona);
/* Number `at` of this owner's unlocked personas. -ENOENT past the last. */
int sl_chat_persona(const struct sl_chat *chat, uint32_t owner, size_t at,
                    struct sl_persona_info *ret_info);

/* ---- Channels ---- */

#define SL_CHANNEL_LINK_MAX 160

/* Joins a public channel by name ("general", with or without '#'), or a private one by its link
 * "starling:channel/NAME#KEY" (KEY: base64url of 32 bytes; NAME percent-encoded). What the mesh
 * still holds of it comes in as if it were said now. -EINVAL, -EEXIST, -ENOSPC. */
int sl_chat_join(struct sl_chat *chat, uint32_t owner, uint32_t persona, const char *name_or_link,
                 sl_time now);
/* Makes a private channel with a fresh key and joins it. */
int sl_chat_make_private(struct sl_chat *chat, uint32_t owner, uint32_t persona, const char *name,
                         sl_time now);
/* Leaves it, and forgets what was said there. -ENOENT. */
int sl_chat_leave(struct sl_chat *chat, uint32_t owner, uint32_t persona, const char *name);
int sl_chat_channel(const struct sl_chat *chat, uint32_t owner, uint32_t persona, size_t at,
                    struct sl_channel_info *ret_info);
/* The link of a private channel. -ENOENT; -ENODATA for a public one, which needs none. */
int sl_chat_channel_link(const struct sl_chat *chat, uint32_t owner, uint32_t persona,
                         const char *name, char *ret_link, size_t cap);

/* ---- Messages ---- */

/* Where something is said: a channel, or between a persona and a person. The other is NULL. */
struct sl_conversation {
    const char *channel;   /* without '#' */
    const uint8_t *person; /* key */
};

struct sl_text {
    struct sl_conversation to;
    const char *bytes; /* UTF-8 */
    size_t len;
    uint32_t lifetime; /* seconds; 0: SL_MESSAGE_LIFETIME */
};

/* 0 with ret_message (its text is not set), also when the disk did not take it (durable is then
 * false). -EPERM; -ENOENT if the persona is not in that channel or the person is not known;
 * -EINVAL if it is empty or not UTF-8, or lives too long; -EMSGSIZE over SL_TEXT_MAX;
 * -EHOSTUNREACH if no prekey of the person's is young enough to seal to: they have to be heard
 * again first. */
int sl_chat_send(struct sl_chat *chat, uint32_t owner, uint32_t persona, const struct sl_text *text,
                 sl_time now, struct sl_message *ret_message);

/* The persona's history in order of `number`: the first with number >= from. -ENOENT at the end. */
int sl_chat_history(const struct sl_chat *chat, uint32_t owner, uint32_t persona, uint64_t from,
                    struct sl_message *ret_message);
/* The persona looked at everything in that conversation up to `number`: read receipts go out for
 * direct messages. -EPERM, -EINVAL, -ENOENT. */
int sl_chat_mark_read(struct sl_chat *chat, uint32_t owner, uint32_t persona,
                      const struct sl_conversation *conversation, uint64_t number, sl_time now);

/* ---- People ---- */

/* Number `at` of all people known to the node. */
int sl_chat_person(const struct sl_chat *chat, uint32_t owner, uint32_t persona, size_t at,
                   struct sl_person *ret_person);
/* By nick, by code, or by nick and code ("ana.k7mq-2hdc"). -ENOENT; -ENOTUNIQ if several have that
 * nick and none of them is verified. */
int sl_chat_find(const struct sl_chat *chat, uint32_t owner, uint32_t persona, const char *name,
                 struct sl_person *ret_person);
int sl_chat_person_by_key(const struct sl_chat *chat, uint32_t owner, uint32_t persona,
                          const uint8_t key[SL_KEY_LEN], struct sl_person *ret_person);

/* Sixty bits as "1234 5678 9012 3456 78": both sides see the same digits, and read them aloud. */
#define SL_AUTH_CODE_LEN 23
int sl_chat_auth_code(const struct sl_chat *chat, uint32_t owner, uint32_t persona,
                      const uint8_t person[SL_KEY_LEN], char ret_code[SL_AUTH_CODE_LEN]);
/* The codes were equal: pins that key, which no table full of others can push out. */
int sl_chat_verify(struct sl_chat *chat, uint32_t owner, uint32_t persona,
                   const uint8_t person[SL_KEY_LEN], bool verified, sl_time now);

#endif
