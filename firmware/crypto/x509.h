/* Private to crypto/. Certificates of a network as mbedTLS parses them: what PROTOCOL.md wants of
 * their form, and whom they name. RFC 5280. */
#ifndef SL_CRYPTO_X509_H
#define SL_CRYPTO_X509_H

#include "crypto/mbedtls_compat.h"
#include "mesh/ports.h"

/* A text in a name: 1 to 63 bytes. */
#define SL_NAME_MAX 63

/* ECDSA over P-256 with SHA-256, nothing else. */
extern const mbedtls_x509_crt_profile sl_x509_profile;

/* PEM or DER, appended to `chain`. Nothing may stand behind the last one. 0 or -EBADMSG. */
int sl_x509_parse(mbedtls_x509_crt *chain, const uint8_t *bytes, size_t len);

/* A P-256 key, PEM or DER. With `private_half` false a public key will do. -EBADMSG. */
int sl_x509_parse_key(mbedtls_pk_context *key, const uint8_t *bytes, size_t len, bool private_half);

/* The first block of a PEM, whatever its label, in DER. Number of bytes; -EBADMSG, -ENOBUFS,
 * -ENOMEM. */
int sl_x509_pem_decode(const uint8_t *pem, size_t len, uint8_t *ret_der, size_t cap);
bool sl_x509_is_pem(const uint8_t *bytes, size_t len);

/* Right-aligned. -EBADMSG if it is zero or longer than SL_SERIAL_LEN. */
int sl_x509_serial(const mbedtls_x509_buf *serial, uint8_t ret_serial[SL_SERIAL_LEN]);

/* Unix seconds. */
int64_t sl_x509_time(const mbedtls_x509_time *when);

/* 1 to SL_NAME_MAX bytes that may be shown on one line. */
bool sl_x509_name_valid(const uint8_t *bytes, size_t len);

/* Whom a node's certificate names: subject exactly CN (64 lower-case hex digits) and OU, no
 * authority. -EBADMSG. issuer_serial is left zero. */
int sl_x509_identity(const mbedtls_x509_crt *leaf, struct sl_identity *ret_identity);

/* The name (its CN) and serial number of an authority or invite; the key is zeros. -EBADMSG. */
int sl_x509_authority(const mbedtls_x509_crt *certificate, struct sl_identity *ret_identity);

/* Has the form of an authority, or (path length 0) of an invite. */
bool sl_x509_is_authority(const mbedtls_x509_crt *certificate);
bool sl_x509_is_invite(const mbedtls_x509_crt *certificate);

#endif
