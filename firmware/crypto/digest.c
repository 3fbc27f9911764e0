#include "crypto/digest.h"

#include <sodium.h>

_Static_assert(SL_SHA256_LEN == crypto_hash_sha256_BYTES, "as libsodium's");

void sl_sha256(const uint8_t *bytes, size_t len, uint8_t ret_digest[SL_SHA256_LEN])
{
    crypto_hash_sha256(ret_digest, bytes, len);
}
