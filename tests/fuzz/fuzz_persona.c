/* Announcements, direct and channel messages as they look to who holds the key: the ciphers let
 * everything through, so that the fuzzer reaches what is inside. */
#include "base/text.h"
#include "chat/channel.h"
#include "chat/direct.h"
#include "chat/persona.h"
#include "sim/open_primitives.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void fuzz_announcement(const struct sl_primitives *primitives,
                              const struct sl_envelope *envelope)
{
    static const uint8_t people_key[SL_KEY_LEN];
    struct sl_announcement announcement;
    if (sl_announcement_open(primitives, people_key, envelope, &announcement) < 0)
        return;
    assert(sl_nick_valid(announcement.nick));
    assert(!sl_is_low_order(announcement.box) && !sl_is_low_order(announcement.prekey));
}

static void fuzz_direct(const struct sl_primitives *primitives, const struct sl_envelope *envelope)
{
    static const uint8_t key[SL_KEY_LEN];
    struct sl_sealing sealing;
    struct sl_direct_message message;
    sl_open_sealing(&sealing);
    if (sl_direct_open(primitives, &sealing,
                       &(struct sl_direct_recipient){.key = key, .prekey_secret = key}, envelope,
                       &message))
        assert(message.content_len <= sizeof(message.content));
}

static void fuzz_channel(const struct sl_primitives *primitives, const struct sl_envelope *envelope)
{
    struct sl_channel channel = {.name = "x"};
    struct sl_channel_post post;
    if (envelope->payload_len >= SL_CHANNEL_HINT_LEN)
        memcpy(channel.hint, envelope->payload, SL_CHANNEL_HINT_LEN);
    if (sl_channel_open(primitives, &channel, envelope, &post) == 0)
        assert(post.content_len <= sizeof(post.content));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct sl_primitives primitives;
    sl_open_primitives(&primitives, 1);
    if (len == 0 || len - 1 > SL_PAYLOAD_MAX)
        return 0;
    struct sl_envelope envelope = {.created = 1, .payload = bytes + 1, .payload_len = len - 1};
    switch (bytes[0] % 3) {
    case 0:
        fuzz_announcement(&primitives, &envelope);
        break;
    case 1:
        fuzz_direct(&primitives, &envelope);
        break;
    default:
        fuzz_channel(&primitives, &envelope);
        break;
    }
    return 0;
}
