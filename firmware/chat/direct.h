/* Direct messages (PROTOCOL.md, Direct message): sealed to the recipient's prekey with Noise X and
 * padded to one of three sizes.
 *
 * Both personas are bound into it: the recipient's key is in the prologue, and a hash of the
 * sender's is inside. Otherwise someone who announces another's box key or prekey as their own
 * could pass that person's messages off as theirs, or have messages for them land with that person.
 */
#ifndef SL_CHAT_DIRECT_H
#define SL_CHAT_DIRECT_H

#include "chat/chat.h"
#include "chat/stamp.h"

#define SL_DIRECT_PAYLOAD_MAX 1024
#define SL_RECEIPT_KEY_LEN    16
#define SL_PERSONA_ID_LEN     16

/* Receipt key, sender, length of the content. */
#define SL_DIRECT_HEADER_LEN    (SL_RECEIPT_KEY_LEN + SL_PERSONA_ID_LEN + 2)
#define SL_DIRECT_PLAINTEXT_MAX (SL_DIRECT_PAYLOAD_MAX - SL_NOISE_X_OVERHEAD)
#define SL_DIRECT_CONTENT_MAX   (SL_DIRECT_PLAINTEXT_MAX - SL_DIRECT_HEADER_LEN)

struct sl_direct_draft {
    struct sl_stamp stamp;
    const uint8_t *sender;        /* Ed25519 public key */
    const uint8_t *sender_secret; /* X25519, of the box key */
    const uint8_t *recipient;     /* Ed25519 public key */
    const uint8_t *prekey;        /* X25519, theirs */
    const uint8_t *receipt_key;   /* SL_RECEIPT_KEY_LEN random bytes */
    const uint8_t *content;
    size_t content_len; /* at most SL_DIRECT_CONTENT_MAX */
};

/* Length of the payload: 256, 512 or 1,024; or -EINVAL for a low-order prekey. */
int sl_direct_seal(const struct sl_primitives *primitives, const struct sl_sealing *sealing,
                   const struct sl_direct_draft *draft, uint8_t ret_payload[SL_DIRECT_PAYLOAD_MAX]);

struct sl_direct_message {
    uint8_t box[SL_KEY_LEN];           /* who sealed it, proved */
    uint8_t sender[SL_PERSONA_ID_LEN]; /* which persona they say they are: look it up and compare
                                          its box key */
    uint8_t receipt_key[SL_RECEIPT_KEY_LEN];
    size_t content_len;
    uint8_t content[SL_DIRECT_CONTENT_MAX];
};

struct sl_direct_recipient {
    const uint8_t *key;           /* Ed25519 public key */
    const uint8_t *prekey_secret; /* X25519 */
};

/* One answer for every way to fail; ret_message is then untouched. */
bool sl_direct_open(const struct sl_primitives *primitives, const struct sl_sealing *sealing,
                    const struct sl_direct_recipient *recipient, const struct sl_envelope *envelope,
                    struct sl_direct_message *ret_message);

/* What stands for a persona inside a direct message. */
void sl_persona_id(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                   uint8_t ret_id[SL_PERSONA_ID_LEN]);

#endif
