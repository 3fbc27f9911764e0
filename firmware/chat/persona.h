/* Who somebody is (PROTOCOL.md, Persona): announcements, short codes, authentication codes. */
#ifndef SL_CHAT_PERSONA_H
#define SL_CHAT_PERSONA_H

#include "chat/chat.h"
#include "chat/stamp.h"

#define SL_CODE_LEN sizeof("k7mq-2hdc")

#define SL_PERSONA_LIFETIME (30 * 3600)    /* seconds, of an announcement */
#define SL_PREKEY_ROTATE    (6 * SL_HOUR)  /* then a new prekey is announced */
#define SL_PREKEY_SEAL_MAX  (24 * SL_HOUR) /* no longer sealed to */
#define SL_PREKEY_DESTROY   (30 * SL_HOUR) /* its secret is gone */

struct sl_announcement {
    uint8_t key[SL_KEY_LEN];    /* Ed25519 */
    uint8_t box[SL_KEY_LEN];    /* X25519: direct messages are from it */
    uint8_t prekey[SL_KEY_LEN]; /* X25519: direct messages are sealed to it */
    char nick[SL_NICK_MAX + 1];
};

/* 1 to SL_NICK_MAX bytes, showable on one line, not like a channel or a short code, and no space at
 * either end. */
bool sl_nick_valid(const char *nick);

/* Key that all members share, under which announcements are hidden from others. */
void sl_people_key(const struct sl_primitives *primitives, const uint8_t network_secret[SL_KEY_LEN],
                   uint8_t ret_key[SL_KEY_LEN]);

struct sl_announcing {
    const uint8_t *people_key;
    const uint8_t *seed; /* Ed25519, of the key that is announced */
    struct sl_stamp stamp;
    struct sl_announcement announcement;
};

/* Length of the payload. */
size_t sl_announcement_seal(const struct sl_primitives *primitives,
                            const struct sl_announcing *announcing,
                            uint8_t ret_payload[SL_PAYLOAD_MAX]);

/* -EBADMSG: malformed, not signed by the key it announces for this very envelope, a nick that is
 * not valid, or a low-order point. */
int sl_announcement_open(const struct sl_primitives *primitives,
                         const uint8_t people_key[SL_KEY_LEN], const struct sl_envelope *envelope,
                         struct sl_announcement *ret_announcement);

/* "k7mq-2hdc": tells namesakes apart; is no proof. */
void sl_persona_code(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                     char ret_code[SL_CODE_LEN]);
bool sl_is_persona_code(const char *text);

/* The same for both sides. */
void sl_auth_code(const struct sl_primitives *primitives, const uint8_t a[SL_KEY_LEN],
                  const uint8_t b[SL_KEY_LEN], char ret_code[SL_AUTH_CODE_LEN]);

/* A Curve25519 point whose multiples are few (RFC 7748, 6.1): a shared secret with it is no secret.
 */
bool sl_is_low_order(const uint8_t point[SL_KEY_LEN]);

#endif
