/* Noise X messages: length of the prologue, prologue, message. What opens must seal to the same
 * bytes only for who knows the ephemeral key, so here it is enough that what does not open leaves
 * nothing. */
#include "base/wire.h"
#include "crypto/noise.h"
#include "crypto/sodium.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void open_message(const uint8_t *prologue, size_t prologue_len, const uint8_t *sealed,
                         size_t len)
{
    static const uint8_t secret[SL_KEY_LEN] = {7, 7, 7};
    uint8_t sender[SL_KEY_LEN];
    size_t text_len = len < SL_NOISE_X_OVERHEAD ? 0 : len - SL_NOISE_X_OVERHEAD;
    uint8_t *text = malloc(text_len + 1);
    assert(text);
    memset(text, 0xaa, text_len + 1);
    if (!sl_noise_x_open(secret, prologue, prologue_len, sealed, len, sender, text))
        for (size_t i = 0; i < text_len; i++)
            assert(text[i] == 0);
    assert(text[text_len] == 0xaa);
    free(text);
}

/* The input as recipient, secrets and text: what is sealed has its length, or is nothing. */
static void seal_message(struct sl_reader *r)
{
    uint8_t keys[3][SL_KEY_LEN];
    for (int i = 0; i < 3; i++)
        sl_read_copy(r, keys[i], SL_KEY_LEN);
    size_t len = sl_read_left(r);
    const uint8_t *text = sl_read_slice(r, len);
    if (!text)
        return;
    uint8_t *sealed = malloc(len + SL_NOISE_X_OVERHEAD);
    assert(sealed);
    if (sl_noise_x_seal(keys[0], keys[1], keys[2], NULL, 0, text, len, sealed) != 0)
        for (size_t i = 0; i < len + SL_NOISE_X_OVERHEAD; i++)
            assert(sealed[i] == 0);
    free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static bool ready;
    if (!ready)
        ready = sl_sodium_init() == 0;
    assert(ready);
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    size_t prologue_len = sl_read_u8(&r);
    if (prologue_len == UINT8_MAX) {
        seal_message(&r);
        return 0;
    }
    const uint8_t *prologue = sl_read_slice(&r, prologue_len);
    size_t sealed_len = sl_read_left(&r);
    const uint8_t *sealed = sl_read_slice(&r, sealed_len);
    if (sealed)
        open_message(prologue, prologue_len, sealed, sealed_len);
    return 0;
}
