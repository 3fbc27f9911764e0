/* Private to crypto/. Who signs certificates and lists: a certificate with its private key. */
#ifndef SL_CRYPTO_ISSUER_H
#define SL_CRYPTO_ISSUER_H

#include "crypto/x509.h"

struct sl_issuer {
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
};

/* From PEM. -EBADMSG; -EKEYREJECTED if the key is not the certificate's; -EACCES if it is no
 * authority or not valid at `now_unix`. Call sl_issuer_done() in any case. */
int sl_issuer_load(struct sl_issuer *issuer, const char *certificate, const char *key,
                   int64_t now_unix);
void sl_issuer_done(struct sl_issuer *issuer);

/* -errno for what mbedTLS's writers and generators return. */
int sl_mbedtls_errno(int code);

/* The last second that a certificate can name (RFC 5280, 4.1.2.5): 9999-12-31 23:59:59. */
#define SL_X509_TIME_MAX INT64_C(253402300799)

/* "YYYYMMDDhhmmss" in UTC; times outside 1970 to SL_X509_TIME_MAX are clipped. */
void sl_x509_time_text(int64_t unix_time, char ret_text[16]);

#endif
