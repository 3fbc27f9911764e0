#include "chat/direct.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char LABEL[] = "starling direct";
static const size_t SIZES[] = {256, 512, SL_DIRECT_PAYLOAD_MAX};

enum { PROLOGUE_LEN = sizeof(LABEL) + SL_STAMP_LEN + SL_KEY_LEN };

void sl_persona_id(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                   uint8_t ret_id[SL_PERSONA_ID_LEN])
{
    primitives->hash(primitives->ctx, "starling persona id", NULL, key, SL_KEY_LEN, ret_id,
                     SL_PERSONA_ID_LEN);
}

static void make_prologue(const struct sl_stamp *stamp, const uint8_t recipient[SL_KEY_LEN],
                          uint8_t ret_prologue[PROLOGUE_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_prologue, PROLOGUE_LEN);
    sl_write_bytes(&w, (const uint8_t *)LABEL, sizeof(LABEL)); /* with its zero byte */
    sl_stamp_write(&w, stamp);
    sl_write_bytes(&w, recipient, SL_KEY_LEN);
    assert(!w.failed && w.len == PROLOGUE_LEN);
}

/* The smallest size that holds that much plaintext. */
static size_t padded_len(size_t plaintext_len)
{
    size_t i = 0;
    while (i < SL_ARRAY_LEN(SIZES) && plaintext_len + SL_NOISE_X_OVERHEAD > SIZES[i])
        i++;
    assert(i < SL_ARRAY_LEN(SIZES)); /* content over SL_DIRECT_CONTENT_MAX */
    return SIZES[i];
}

int sl_direct_seal(const struct sl_primitives *primitives, const struct sl_sealing *sealing,
                   const struct sl_direct_draft *draft, uint8_t ret_payload[SL_DIRECT_PAYLOAD_MAX])
{
    uint8_t prologue[PROLOGUE_LEN], plaintext[SL_DIRECT_PLAINTEXT_MAX];
    uint8_t sender[SL_PERSONA_ID_LEN];
    size_t payload_len = padded_len(SL_DIRECT_HEADER_LEN + draft->content_len);
    size_t plaintext_len = payload_len - SL_NOISE_X_OVERHEAD;
    sl_persona_id(primitives, draft->sender, sender);
    make_prologue(&draft->stamp, draft->recipient, prologue);

    struct sl_writer w;
    sl_writer_init(&w, plaintext, plaintext_len);
    sl_write_bytes(&w, draft->receipt_key, SL_RECEIPT_KEY_LEN);
    sl_write_bytes(&w, sender, sizeof(sender));
    sl_write_u16(&w, (uint16_t)draft->content_len);
    sl_write_bytes(&w, draft->content, draft->content_len);
    sl_write_zeros(&w, sl_write_left(&w));
    assert(!w.failed);

    int error = sealing->seal(sealing->ctx, draft->sender_secret, draft->prekey, prologue,
                              sizeof(prologue), plaintext, plaintext_len, ret_payload);
    primitives->wipe(primitives->ctx, plaintext, sizeof(plaintext));
    return error < 0 ? error : (int)payload_len;
}

static bool is_payload_size(size_t len)
{
    for (size_t i = 0; i < SL_ARRAY_LEN(SIZES); i++)
        if (len == SIZES[i])
            return true;
    return false;
}

/* The padding is zeros: what is sealed has one meaning and carries nothing unseen. */
static bool read_plaintext(const uint8_t *plaintext, size_t len,
                           struct sl_direct_message *ret_message)
{
    struct sl_reader r;
    sl_reader_init(&r, plaintext, len);
    sl_read_copy(&r, ret_message->receipt_key, SL_RECEIPT_KEY_LEN);
    sl_read_copy(&r, ret_message->sender, SL_PERSONA_ID_LEN);
    ret_message->content_len = sl_read_u16(&r);
    if (ret_message->content_len > SL_DIRECT_CONTENT_MAX)
        return false;
    sl_read_copy(&r, ret_message->content, ret_message->content_len);
    size_t padding_len = sl_read_left(&r);
    const uint8_t *padding = sl_read_slice(&r, padding_len);
    uint8_t any = 0;
    for (size_t i = 0; padding && i < padding_len; i++)
        any |= padding[i];
    return sl_read_done(&r) == 0 && any == 0;
}

bool sl_direct_open(const struct sl_primitives *primitives, const struct sl_sealing *sealing,
                    const struct sl_direct_recipient *recipient, const struct sl_envelope *envelope,
                    struct sl_direct_message *ret_message)
{
    if (!is_payload_size(envelope->payload_len))
        return false;
    struct sl_stamp stamp = {.created = envelope->created};
    memcpy(stamp.origin, envelope->origin, SL_ORIGIN_LEN);
    uint8_t prologue[PROLOGUE_LEN], plaintext[SL_DIRECT_PLAINTEXT_MAX];
    make_prologue(&stamp, recipient->key, prologue);
    struct sl_direct_message message;
    bool ok = sealing->open(sealing->ctx, recipient->prekey_secret, prologue, sizeof(prologue),
                            envelope->payload, envelope->payload_len, message.box, plaintext) &&
              read_plaintext(plaintext, envelope->payload_len - SL_NOISE_X_OVERHEAD, &message);
    if (ok)
        *ret_message = message;
    primitives->wipe(primitives->ctx, plaintext, sizeof(plaintext));
    primitives->wipe(primitives->ctx, &message, sizeof(message));
    return ok;
}
