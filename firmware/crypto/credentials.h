/* Private to crypto/. What a node holds, and how a peer's chain is judged: the same for a chain in
 * an envelope and for one in a DTLS handshake. */
#ifndef SL_CRYPTO_CREDENTIALS_H
#define SL_CRYPTO_CREDENTIALS_H

#include "crypto/crl.h"
#include "crypto/membership.h"

struct sl_credentials {
    mbedtls_x509_crt ca;
    mbedtls_x509_crt chain; /* this node's, leaf first */
    mbedtls_pk_context key;
    struct sl_identity identity;
    struct sl_crl crl;
};

/* One look at a chain. mbedTLS calls sl_verification_step() for each certificate, the authority's
 * first and the leaf last; the outcome then stands here. */
struct sl_verification {
    const struct sl_credentials *credentials;
    int64_t unix_time;       /* 0: validity periods are not judged */
    enum sl_refusal refusal; /* the first reason found */
    bool complete;           /* the leaf was seen; refusal and identity are final */
    struct sl_identity identity;
};

void sl_verification_init(struct sl_verification *verification,
                          const struct sl_credentials *credentials, int64_t unix_time);

/* `ctx` is the verification. Sets in `flags` what mbedTLS needs to refuse the certificate, and
 * clears what it says of validity by the system's clock. Returns 0. */
int sl_verification_step(void *ctx, mbedtls_x509_crt *certificate, int depth, uint32_t *flags);

#endif
