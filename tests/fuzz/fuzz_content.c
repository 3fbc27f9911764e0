/* Decoders of the chat that stand behind a key: content, receipts, links, the vault's records.
 * First byte: which. */
#include "base/text.h"
#include "chat/content.h"
#include "chat/receipt.h"
#include "chat/vault.h"
#include "sim/open_primitives.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct sl_primitives primitives;

static void fuzz_content(const uint8_t *bytes, size_t len)
{
    struct sl_content content;
    if (sl_content_decode(bytes, len, &content) < 0)
        return;
    assert(sl_utf8_valid(content.text, content.text_len));
    uint8_t *again = malloc(len);
    assert(again && sl_content_encode(&content, again, len) == (int)len);
    assert(memcmp(again, bytes, len) == 0);
    free(again);
}

static void fuzz_cut(const uint8_t *bytes, size_t len)
{
    size_t ends[SL_PARTS_MAX], at = 0;
    if (len == 0 || !sl_utf8_valid(bytes, len))
        return;
    size_t count = sl_content_cut(bytes, len, 64, ends);
    assert(count <= SL_PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        assert(ends[i] > at && sl_utf8_valid(bytes + at, ends[i] - at));
        at = ends[i];
    }
    assert(count == 0 || at == len);
}

static void fuzz_link(const uint8_t *bytes, size_t len)
{
    struct sl_channel channel, copy;
    char link[SL_CHANNEL_LINK_MAX];
    char *text = strndup((const char *)bytes, len);
    assert(text);
    if (sl_channel_from_link(&primitives, text, &channel) == 0) {
        assert(sl_channel_to_link(&channel, link, sizeof(link)) == 0);
        assert(sl_channel_from_link(&primitives, link, &copy) == 0);
        assert(memcmp(&channel, &copy, sizeof(copy)) == 0);
    }
    free(text);
}

static void fuzz_records(const uint8_t *bytes, size_t len)
{
    struct sl_profile profile;
    struct sl_prekey prekey;
    struct sl_channel channel;
    struct sl_announcement pin;
    sl_profile_decode(bytes, len, &profile);
    sl_prekey_decode(bytes, len, &prekey);
    sl_stored_channel_decode(&primitives, bytes, len, &channel);
    if (sl_pin_decode(bytes, len, &pin) == 0)
        assert(sl_nick_valid(pin.nick));
    struct sl_record *record = sl_record_decode(bytes, len);
    if (!record)
        return;
    assert(record->message.text[record->message.text_len] == '\0');
    assert(record->message.state <= SL_MESSAGE_READ);
    sl_record_free(&primitives, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    sl_open_primitives(&primitives, 1);
    if (len == 0)
        return 0;
    switch (bytes[0] % 5) {
    case 0:
        fuzz_content(bytes + 1, len - 1);
        break;
    case 1:
        fuzz_cut(bytes + 1, len - 1);
        break;
    case 2:
        fuzz_link(bytes + 1, len - 1);
        break;
    case 3:
        fuzz_records(bytes + 1, len - 1);
        break;
    default:
        assert(sl_receipt_count(bytes + 1, len - 1) <= SL_RECEIPT_TOKENS_MAX);
        break;
    }
    return 0;
}
