/* SHA-256 (FIPS 180-4), for files that other programs check: sha256sum(1) on a board. What the mesh
 * hashes goes through its port. */
#ifndef SL_CRYPTO_DIGEST_H
#define SL_CRYPTO_DIGEST_H

#include "base/base.h"

#define SL_SHA256_LEN 32

void sl_sha256(const uint8_t *bytes, size_t len, uint8_t ret_digest[SL_SHA256_LEN]);

#endif
