/* How a board that made its own keys becomes a member: it shows a request, which is public; the
 * organiser's answer is sealed to it. PROTOCOL.md, Admission. Call sl_sodium_init() first. */
#ifndef SL_CRYPTO_ADMISSION_H
#define SL_CRYPTO_ADMISSION_H

#include "crypto/authority.h"

#define SL_REQUEST_MAX 256
/* Beyond the plaintext: an X25519 key and a Poly1305 tag. */
#define SL_ANSWER_OVERHEAD 48

struct sl_request {
    uint8_t sign_key[SL_KEY_LEN]; /* Ed25519, public */
    char key[SL_PEM_MAX];         /* P-256, public half, PEM */
};

/* The request of the node that holds `seed` (Ed25519) and `key` (P-256, PEM). Its length, or
 * -EBADMSG if the key cannot be read, -ENOBUFS. */
int sl_request_make(const uint8_t seed[SL_KEY_LEN], const char *key, uint8_t *ret_bytes,
                    size_t cap);

/* 0; -ENOTSUP if it is of a later version; -EBADMSG if it is damaged, or was not signed by the key
 * that it names. */
int sl_request_read(const uint8_t *bytes, size_t len, struct sl_request *ret_request);

/* Seals to the node with that public key (X25519 of the Ed25519 key; libsodium's sealed box).
 * Length, or -ENOBUFS, -EBADMSG if the key is none. */
int sl_answer_seal(const uint8_t sign_key[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                   uint8_t *ret_sealed, size_t cap);
/* Opens what was sealed to the node that holds `seed`. Length, or -EBADMSG, -ENOBUFS. */
int sl_answer_open(const uint8_t seed[SL_KEY_LEN], const uint8_t *sealed, size_t len,
                   uint8_t *ret_bytes, size_t cap);

#endif
