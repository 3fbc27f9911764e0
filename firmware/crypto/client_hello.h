/* Private to crypto/. The stateless half of a DTLS server (RFC 6347, 4.2.1): a ClientHello is
 * answered with a cookie, and only one that brings the cookie back is worth a session. Nothing here
 * allocates. */
#ifndef SL_CRYPTO_CLIENT_HELLO_H
#define SL_CRYPTO_CLIENT_HELLO_H

#include "mesh/ports.h"

#define SL_DTLS_COOKIE_LEN    16
#define SL_CLIENT_RANDOM_LEN  32
#define SL_VERIFY_REQUEST_LEN (13 + 12 + 3 + SL_DTLS_COOKIE_LEN)

/* What of a ClientHello matters; borrows from the datagram. */
struct sl_client_hello {
    const uint8_t *sequence; /* of the record, 6 bytes */
    uint16_t message_seq;
    const uint8_t *random; /* SL_CLIENT_RANDOM_LEN */
    const uint8_t *cookie;
    size_t cookie_len;
};

/* A datagram that begins with a whole ClientHello in one unencrypted record. -EBADMSG. */
int sl_client_hello_decode(const uint8_t *bytes, size_t len, struct sl_client_hello *ret_hello);

/* Whether any record of a datagram is an unencrypted ClientHello. */
bool sl_client_hello_inside(const uint8_t *bytes, size_t len);

/* The answer to a ClientHello without a good cookie. */
void sl_verify_request_encode(const struct sl_client_hello *hello,
                              const uint8_t cookie[SL_DTLS_COOKIE_LEN],
                              uint8_t ret_bytes[SL_VERIFY_REQUEST_LEN]);

/* Cookies are a keyed hash over address, client random and time slot. */
struct sl_dtls_cookies {
    const struct sl_primitives *primitives;
    uint8_t secret[SL_KEY_LEN]; /* new at each boot */
    uint32_t slot;              /* now */
};

#define SL_DTLS_COOKIE_SLOT (30 * SL_SECOND)

/* What a cookie is bound to: the address, behind its length, then the random. */
#define SL_DTLS_BINDING_MAX (sizeof(struct sl_address) + SL_CLIENT_RANDOM_LEN)
size_t sl_dtls_cookie_binding(const struct sl_address *from, const struct sl_client_hello *hello,
                              uint8_t ret_binding[SL_DTLS_BINDING_MAX]);

/* `binding_len` is at most SL_DTLS_BINDING_MAX. */
void sl_dtls_cookie_make(const struct sl_dtls_cookies *cookies, const uint8_t *binding,
                         size_t binding_len, uint8_t ret_cookie[SL_DTLS_COOKIE_LEN]);

/* Of this slot or the one before. */
bool sl_dtls_cookie_valid(const struct sl_dtls_cookies *cookies, const uint8_t *binding,
                          size_t binding_len, const uint8_t *cookie, size_t cookie_len);

#endif
