/* The organiser's side of membership, for the host tools: makes the authority, issues certificates,
 * writes revocation lists. P-256 keys, X.509 v3 (RFC 5280), all output PEM and NUL-terminated. Call
 * sl_sodium_init() before anything here. -ENOMEM is possible everywhere. */
#ifndef SL_CRYPTO_AUTHORITY_H
#define SL_CRYPTO_AUTHORITY_H

#include "mesh/ports.h"

#define SL_PEM_MAX 4096

/* A self-signed authority for `name`, valid from `now` for `days`. -EINVAL if the name is empty,
 * longer than 63 bytes or not showable on one line. */
int sl_authority_create(const char *name, int64_t now_unix, int days,
                        char ret_certificate[SL_PEM_MAX], char ret_key[SL_PEM_MAX]);

/* A P-256 key pair. */
int sl_authority_key(char ret_key[SL_PEM_MAX]);

struct sl_issue {
    const char *issuer_certificate; /* PEM: authority or intermediate */
    const char *issuer_key;
    const char *subject_key; /* PEM of the key to certify (its public half is used) */
    const char *name;        /* node name, or of the invite */
    const uint8_t *sign_key; /* Ed25519 public key; NULL for an intermediate */
    int64_t now_unix;
    int64_t lifetime; /* seconds; cut to that of the issuer */
};

/* Issues a node certificate, or an intermediate (path length 0) if sign_key is NULL. 0;
 * -EKEYREJECTED if the issuer's key is not its certificate's; -EACCES if the issuer may not issue
 * or has expired (or is not valid yet); -EINVAL for the name, as above; -EBADMSG if a PEM cannot be
 * read. */
int sl_authority_issue(const struct sl_issue *issue, char ret_certificate[SL_PEM_MAX],
                       uint8_t ret_serial[SL_SERIAL_LEN]);

struct sl_revoked {
    uint8_t serial[SL_SERIAL_LEN];
    int64_t when; /* Unix seconds */
};
/* A full CRL with the given number (RFC 5280, 5.2.3), DER, entries by serial number. Length, or
 * -ENOBUFS, -EKEYREJECTED, -EBADMSG, -EACCES as above. */
int sl_authority_crl(const char *certificate, const char *key, const struct sl_revoked *revoked,
                     size_t count, uint64_t number, int64_t now_unix, uint8_t *ret_der, size_t cap);

struct sl_certificate_info {
    struct sl_identity identity; /* key is zeros for an authority or intermediate */
    int64_t not_before, not_after;
    bool is_ca;
};
/* First certificate of a PEM. -EBADMSG if it is none, or neither a node's nor an authority's. */
int sl_certificate_read(const char *pem, struct sl_certificate_info *ret_info);

/* The first block of a PEM to DER and back, for invites. Length, or -EBADMSG, -ENOBUFS; -ENOBUFS.
 */
int sl_pem_to_der(const char *pem, uint8_t *ret_der, size_t cap);
int sl_der_to_pem(const char *label, const uint8_t *der, size_t len, char ret_pem[SL_PEM_MAX]);

#endif
