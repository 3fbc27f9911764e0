/* Channels (PROTOCOL.md, Channel message; Private channels): a name and a key. Messages are
 * encrypted under the channel's key and signed by the persona that wrote them. */
#ifndef SL_CHAT_CHANNEL_H
#define SL_CHAT_CHANNEL_H

#include "chat/chat.h"
#include "chat/stamp.h"

#define SL_CHANNEL_HINT_LEN 4

/* What sealing adds to a content: hint, salt, tag, author, signature. */
#define SL_CHANNEL_OVERHEAD                                                                        \
    (SL_CHANNEL_HINT_LEN + SL_SALT_LEN + SL_TAG_LEN + SL_KEY_LEN + SL_SIGNATURE_LEN)
#define SL_CHANNEL_CONTENT_MAX (SL_PAYLOAD_MAX - SL_CHANNEL_OVERHEAD)

struct sl_channel {
    char name[SL_CHANNEL_NAME_MAX + 1];
    bool is_private;
    uint8_t key[SL_KEY_LEN];
    uint8_t id[SL_KEY_LEN];            /* what authors sign instead of the key */
    uint8_t hint[SL_CHANNEL_HINT_LEN]; /* which key to try; all that relays see */
};

/* 1 to SL_CHANNEL_NAME_MAX bytes, showable, without '#', space, comma or control characters. */
bool sl_channel_name_valid(const char *name);

/* A public channel, its key derived from the network. `name` with or without '#'. -EINVAL. */
int sl_channel_public(const struct sl_primitives *primitives,
                      const uint8_t network_secret[SL_KEY_LEN], const char *name,
                      struct sl_channel *ret_channel);
/* A private one with a given key. -EINVAL. */
int sl_channel_private(const struct sl_primitives *primitives, const char *name,
                       const uint8_t key[SL_KEY_LEN], struct sl_channel *ret_channel);

bool sl_channel_is_link(const char *text);
/* From "starling:channel/NAME#KEY". -EINVAL. */
int sl_channel_from_link(const struct sl_primitives *primitives, const char *link,
                         struct sl_channel *ret_channel);
/* The link of a private channel. -ENOBUFS. */
int sl_channel_to_link(const struct sl_channel *channel, char *ret_link, size_t cap);

struct sl_channel_draft {
    struct sl_stamp stamp;
    const uint8_t *author;      /* Ed25519 public key */
    const uint8_t *author_seed; /* and its private one */
    const uint8_t *content;
    size_t content_len; /* at most SL_CHANNEL_CONTENT_MAX */
};

/* Length of the payload. */
size_t sl_channel_seal(const struct sl_primitives *primitives, const struct sl_channel *channel,
                       const struct sl_channel_draft *draft, uint8_t ret_payload[SL_PAYLOAD_MAX]);

struct sl_channel_post {
    uint8_t author[SL_KEY_LEN];
    size_t content_len;
    uint8_t content[SL_CHANNEL_CONTENT_MAX];
};

/* Whether the payload may be under that channel's key. */
bool sl_channel_hinted(const struct sl_channel *channel, const uint8_t *payload, size_t len);

/* 0, or -EBADMSG: not this channel's, or not signed by who it says. */
int sl_channel_open(const struct sl_primitives *primitives, const struct sl_channel *channel,
                    const struct sl_envelope *envelope, struct sl_channel_post *ret_post);

#endif
