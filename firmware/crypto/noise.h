/* Noise_X_25519_ChaChaPoly_SHA256 (The Noise Protocol Framework, revision 34), whole messages only.
 */
#ifndef SL_CRYPTO_NOISE_H
#define SL_CRYPTO_NOISE_H

#include "chat/ports.h"

/* With a given ephemeral, for the published test vectors; all else calls the port. -EINVAL for a
 * low-order recipient. */
int sl_noise_x_seal(const uint8_t sender_secret[SL_KEY_LEN], const uint8_t recipient[SL_KEY_LEN],
                    const uint8_t ephemeral_secret[SL_KEY_LEN], const uint8_t *prologue,
                    size_t prologue_len, const uint8_t *bytes, size_t len, uint8_t *ret_sealed);

/* One answer and the same work for every way to fail. */
bool sl_noise_x_open(const uint8_t recipient_secret[SL_KEY_LEN], const uint8_t *prologue,
                     size_t prologue_len, const uint8_t *sealed, size_t len,
                     uint8_t ret_sender[SL_KEY_LEN], uint8_t *ret_bytes);

#endif
