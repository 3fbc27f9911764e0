/* X.509 membership through mbedTLS: the authority's certificate, this node's own chain and key, and
 * the revocation list. Certificates carry the hex of the node's Ed25519 key as common name and the
 * node's name as organizational unit. */
#ifndef SL_CRYPTO_MEMBERSHIP_H
#define SL_CRYPTO_MEMBERSHIP_H

#include "mesh/ports.h"

struct sl_credentials; /* opaque */

/* All PEM or DER, copied; a chain of two in PEM. `crl` may be NULL. -EBADMSG (and ret_what says
 * which: "ca", "certificate", "key", "crl"), -EKEYREJECTED if the key is not the certificate's,
 * -EACCES if the chain does not lead to the authority, -ENOMEM. Dates are not judged, nor whether
 * the node itself is on the list. Call sl_sodium_init() first. */
struct sl_credentials_files {
    const uint8_t *ca, *certificate, *key, *crl;
    size_t ca_len, certificate_len, key_len, crl_len;
};
int sl_credentials_new(const struct sl_credentials_files *files,
                       struct sl_credentials **ret_credentials, const char **ret_what);
void sl_credentials_free(struct sl_credentials *credentials);

/* The membership port over these credentials, which outlive it. */
void sl_credentials_membership(struct sl_credentials *credentials,
                               struct sl_membership *ret_membership);
/* This node's own identity. */
void sl_credentials_own(const struct sl_credentials *credentials, struct sl_identity *ret_identity);
/* The CRL in force as DER, borrowed until the next take_crl; NULL if none. */
const uint8_t *sl_credentials_crl(const struct sl_credentials *credentials, size_t *ret_len);

#endif
