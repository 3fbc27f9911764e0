#include "chat/channel.h"

#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define LINK_START "starling:channel/"

static const char AD[] = "starling channel";

enum { BODY_MAX = SL_KEY_LEN + SL_SIGNATURE_LEN + SL_CHANNEL_CONTENT_MAX };

bool sl_channel_name_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > SL_CHANNEL_NAME_MAX || !sl_text_showable((const uint8_t *)name, len))
        return false;
    for (const char *c = name; *c; c++)
        if (strchr("# ,\n\t", *c))
            return false;
    return true;
}

int sl_channel_private(const struct sl_primitives *primitives, const char *name,
                       const uint8_t key[SL_KEY_LEN], struct sl_channel *ret_channel)
{
    if (!sl_channel_name_valid(name))
        return -EINVAL;
    struct sl_channel channel = {.is_private = true};
    memcpy(channel.name, name, strlen(name));
    memcpy(channel.key, key, SL_KEY_LEN);
    primitives->hash(primitives->ctx, "starling channel id", key, NULL, 0, channel.id,
                     sizeof(channel.id));
    primitives->hash(primitives->ctx, "starling channel hint", key, NULL, 0, channel.hint,
                     sizeof(channel.hint));
    *ret_channel = channel;
    primitives->wipe(primitives->ctx, &channel, sizeof(channel));
    return 0;
}

int sl_channel_public(const struct sl_primitives *primitives,
                      const uint8_t network_secret[SL_KEY_LEN], const char *name,
                      struct sl_channel *ret_channel)
{
    if (*name == '#')
        name++;
    uint8_t key[SL_KEY_LEN];
    primitives->hash(primitives->ctx, "starling channel key", network_secret, (const uint8_t *)name,
                     strlen(name), key, sizeof(key));
    int error = sl_channel_private(primitives, name, key, ret_channel);
    primitives->wipe(primitives->ctx, key, sizeof(key));
    if (error < 0)
        return error;
    ret_channel->is_private = false;
    return 0;
}

/* ---- Links ---- */

bool sl_channel_is_link(const char *text)
{
    return strncmp(text, LINK_START, strlen(LINK_START)) == 0;
}

/* RFC 3986, 2.3. */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* The name ends at '#'; ret_name takes SL_CHANNEL_NAME_MAX + 1 bytes. */
static int percent_decode(const char *text, size_t len, char *ret_name)
{
    size_t name_len = 0;
    for (size_t i = 0; i < len; i++) {
        if (name_len == SL_CHANNEL_NAME_MAX)
            return -EINVAL;
        uint8_t byte = (uint8_t)text[i];
        if (text[i] == '%') {
            char digits[3] = {0};
            memcpy(digits, text + i + 1, sl_min_size(2, len - i - 1));
            if (sl_hex_decode(digits, &byte, 1) < 0 || byte == 0)
                return -EINVAL;
            i += 2;
        } else if (!is_unreserved(text[i])) {
            return -EINVAL;
        }
        ret_name[name_len++] = (char)byte;
    }
    ret_name[name_len] = '\0';
    return 0;
}

int sl_channel_from_link(const struct sl_primitives *primitives, const char *link,
                         struct sl_channel *ret_channel)
{
    if (!sl_channel_is_link(link))
        return -EINVAL;
    const char *name_text = link + strlen(LINK_START);
    const char *hash = strchr(name_text, '#');
    if (!hash)
        return -EINVAL;
    char name[SL_CHANNEL_NAME_MAX + 1];
    if (percent_decode(name_text, (size_t)(hash - name_text), name) < 0)
        return -EINVAL;
    uint8_t key[SL_KEY_LEN];
    if (sl_base64_decode(hash + 1, strlen(hash + 1), key, sizeof(key)) != (int)sizeof(key))
        return -EINVAL;
    int error = sl_channel_private(primitives, name, key, ret_channel);
    primitives->wipe(primitives->ctx, key, sizeof(key));
    return error;
}

static void write_percent(struct sl_writer *w, char c)
{
    static const char digits[] = "0123456789ABCDEF"; /* in upper case: RFC 3986, 2.1 */
    if (is_unreserved(c)) {
        sl_write_u8(w, (uint8_t)c);
        return;
    }
    sl_write_u8(w, '%');
    sl_write_u8(w, (uint8_t)digits[(uint8_t)c >> 4]);
    sl_write_u8(w, (uint8_t)digits[(uint8_t)c & 15]);
}

int sl_channel_to_link(const struct sl_channel *channel, char *ret_link, size_t cap)
{
    struct sl_writer w;
    sl_writer_init(&w, (uint8_t *)ret_link, cap);
    sl_write_bytes(&w, (const uint8_t *)LINK_START, strlen(LINK_START));
    for (const char *c = channel->name; *c; c++)
        write_percent(&w, *c);
    sl_write_u8(&w, '#');
    int len = sl_write_done(&w);
    if (len < 0)
        return len;
    return sl_base64_encode(channel->key, SL_KEY_LEN, ret_link + len, cap - (size_t)len) < 0
               ? -ENOBUFS
               : 0;
}

/* ---- Messages ---- */

enum { SIGNED_MAX = sizeof(AD) + SL_KEY_LEN + SL_STAMP_LEN + SL_CHANNEL_CONTENT_MAX };

/* What the author signs: the channel, so that nobody carries it into another, and the stamp. */
static size_t signed_bytes(const struct sl_channel *channel, const struct sl_stamp *stamp,
                           const uint8_t *content, size_t len, uint8_t ret_bytes[SIGNED_MAX])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_bytes, SIGNED_MAX);
    sl_write_bytes(&w, (const uint8_t *)AD, sizeof(AD)); /* with its zero byte */
    sl_write_bytes(&w, channel->id, SL_KEY_LEN);
    sl_stamp_write(&w, stamp);
    sl_write_bytes(&w, content, len);
    assert(!w.failed);
    return w.len;
}

size_t sl_channel_seal(const struct sl_primitives *primitives, const struct sl_channel *channel,
                       const struct sl_channel_draft *draft, uint8_t ret_payload[SL_PAYLOAD_MAX])
{
    uint8_t to_sign[SIGNED_MAX], body[BODY_MAX], signature[SL_SIGNATURE_LEN];
    uint8_t salt[SL_SALT_LEN], nonce[SL_XNONCE_LEN];
    size_t to_sign_len =
        signed_bytes(channel, &draft->stamp, draft->content, draft->content_len, to_sign);
    primitives->sign(primitives->ctx, draft->author_seed, to_sign, to_sign_len, signature);

    struct sl_writer w;
    sl_writer_init(&w, body, sizeof(body));
    sl_write_bytes(&w, draft->author, SL_KEY_LEN);
    sl_write_bytes(&w, signature, sizeof(signature));
    sl_write_bytes(&w, draft->content, draft->content_len);
    size_t body_len = w.len;
    assert(!w.failed);

    primitives->random(primitives->ctx, salt, sizeof(salt));
    sl_stamp_nonce(&draft->stamp, salt, nonce);
    sl_writer_init(&w, ret_payload, SL_PAYLOAD_MAX);
    sl_write_bytes(&w, channel->hint, SL_CHANNEL_HINT_LEN);
    sl_write_bytes(&w, salt, sizeof(salt));
    uint8_t *sealed = sl_write_reserve(&w, body_len + SL_TAG_LEN);
    assert(sealed);
    primitives->seal(primitives->ctx, channel->key, nonce, sizeof(nonce), (const uint8_t *)AD,
                     sizeof(AD) - 1, body, body_len, sealed);
    primitives->wipe(primitives->ctx, to_sign, sizeof(to_sign));
    primitives->wipe(primitives->ctx, body, sizeof(body));
    return w.len;
}

bool sl_channel_hinted(const struct sl_channel *channel, const uint8_t *payload, size_t len)
{
    return len >= SL_CHANNEL_OVERHEAD && len <= SL_PAYLOAD_MAX &&
           memcmp(payload, channel->hint, SL_CHANNEL_HINT_LEN) == 0;
}

static bool is_signed(const struct sl_primitives *primitives, const struct sl_channel *channel,
                      const struct sl_stamp *stamp, const uint8_t *body, size_t len)
{
    const uint8_t *signature = body + SL_KEY_LEN;
    const uint8_t *content = signature + SL_SIGNATURE_LEN;
    uint8_t to_verify[SIGNED_MAX];
    size_t to_verify_len =
        signed_bytes(channel, stamp, content, len - SL_KEY_LEN - SL_SIGNATURE_LEN, to_verify);
    bool ok = primitives->verify(primitives->ctx, body, to_verify, to_verify_len, signature);
    primitives->wipe(primitives->ctx, to_verify, sizeof(to_verify));
    return ok;
}

int sl_channel_open(const struct sl_primitives *primitives, const struct sl_channel *channel,
                    const struct sl_envelope *envelope, struct sl_channel_post *ret_post)
{
    if (!sl_channel_hinted(channel, envelope->payload, envelope->payload_len))
        return -EBADMSG;
    struct sl_stamp stamp = {.created = envelope->created};
    memcpy(stamp.origin, envelope->origin, SL_ORIGIN_LEN);
    const uint8_t *salt = envelope->payload + SL_CHANNEL_HINT_LEN;
    const uint8_t *sealed = salt + SL_SALT_LEN;
    size_t sealed_len = envelope->payload_len - SL_CHANNEL_HINT_LEN - SL_SALT_LEN;
    size_t body_len = sealed_len - SL_TAG_LEN;
    uint8_t nonce[SL_XNONCE_LEN], body[BODY_MAX];
    sl_stamp_nonce(&stamp, salt, nonce);
    bool ok = primitives->open(primitives->ctx, channel->key, nonce, sizeof(nonce),
                               (const uint8_t *)AD, sizeof(AD) - 1, sealed, sealed_len, body) &&
              is_signed(primitives, channel, &stamp, body, body_len);
    if (ok) {
        memcpy(ret_post->author, body, SL_KEY_LEN);
        ret_post->content_len = body_len - SL_KEY_LEN - SL_SIGNATURE_LEN;
        memcpy(ret_post->content, body + SL_KEY_LEN + SL_SIGNATURE_LEN, ret_post->content_len);
    }
    primitives->wipe(primitives->ctx, body, sizeof(body));
    return ok ? 0 : -EBADMSG;
}
