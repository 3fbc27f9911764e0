/* Envelopes from anywhere: what decodes is what encoding would have made, and is never taken for
 * signed. */
#include "mesh/envelope.h"
#include "sim/fake_primitives.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sl_primitives primitives;
    static const uint8_t seed[SL_KEY_LEN] = "a seed for fuzzing";
    static uint8_t key[SL_KEY_LEN];
    if (!primitives.hash) {
        sl_fake_primitives(&primitives, 1);
        primitives.sign_key(primitives.ctx, seed, key);
    }
    struct sl_envelope envelope;
    if (sl_envelope_decode(bytes, len, &envelope) < 0)
        return 0;
    assert(envelope.payload_len <= SL_PAYLOAD_MAX);
    assert(envelope.lifetime >= 1 && envelope.lifetime <= SL_LIFETIME_MAX / SL_SECOND);

    uint8_t again[SL_ENVELOPE_MAX];
    int again_len = sl_envelope_encode(&envelope, &primitives, seed, again, sizeof(again));
    assert(again_len == (int)len);
    assert(memcmp(again, bytes, envelope.signed_len) == 0);
    bool signed_right = memcmp(again, bytes, len) == 0;
    assert(sl_envelope_verify(&envelope, &primitives, key) == signed_right);

    struct sl_envelope twin;
    uint8_t id[SL_ID_LEN], twin_id[SL_ID_LEN];
    assert(sl_envelope_decode(again, (size_t)again_len, &twin) == 0);
    assert(sl_envelope_verify(&twin, &primitives, key));
    sl_envelope_id(&envelope, &primitives, id);
    sl_envelope_id(&twin, &primitives, twin_id);
    assert(memcmp(id, twin_id, SL_ID_LEN) == 0);
    return 0;
}
