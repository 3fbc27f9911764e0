/* Private to crypto/. A revocation list of the authority (RFC 5280, 5), checked and made ready for
 * look-ups. */
#ifndef SL_CRYPTO_CRL_H
#define SL_CRYPTO_CRL_H

#include "crypto/x509.h"

struct sl_crl {
    uint8_t *der; /* NULL: none in force */
    size_t len;
    uint64_t number;
    uint8_t (*serials)[SL_SERIAL_LEN]; /* sorted */
    size_t serial_count;
};

/* A copy of `der`, if the authority itself signed it: version 2, ECDSA with SHA-256, with a CRL
 * number, not longer than SL_CRL_MAX. -EBADMSG, -ENOMEM; ret_crl untouched then. */
int sl_crl_parse(mbedtls_x509_crt *authority, const uint8_t *der, size_t len,
                 struct sl_crl *ret_crl);
void sl_crl_done(struct sl_crl *crl);

bool sl_crl_lists(const struct sl_crl *crl, const uint8_t serial[SL_SERIAL_LEN]);

#endif
