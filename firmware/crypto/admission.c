#include "crypto/admission.h"

#include "base/wire.h"
#include "crypto/issuer.h"
#include "crypto/x509.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define REQUEST_VERSION 1
#define LABEL           "starling request" /* its NUL is the zero byte behind it */
#define PUBLIC_KEY_MAX  128                /* DER of a P-256 SubjectPublicKeyInfo is 91 */

_Static_assert(SL_ANSWER_OVERHEAD == crypto_box_SEALBYTES, "as libsodium's sealed boxes");

/* What is signed. */
static size_t signed_text(const uint8_t *body, size_t len, uint8_t ret_text[SL_REQUEST_MAX * 2])
{
    memcpy(ret_text, LABEL, sizeof(LABEL));
    memcpy(ret_text + sizeof(LABEL), body, len);
    return sizeof(LABEL) + len;
}

/* The public half of a PEM, as DER. Number of bytes, or -EBADMSG. */
static int public_der(const char *key, uint8_t ret_der[PUBLIC_KEY_MAX])
{
    mbedtls_pk_context context;
    uint8_t der[PUBLIC_KEY_MAX];
    mbedtls_pk_init(&context);
    int rc = sl_x509_parse_key(&context, (const uint8_t *)key, strlen(key), true);
    int len = rc == 0 ? mbedtls_pk_write_pubkey_der(&context, der, sizeof(der)) : -1;
    mbedtls_pk_free(&context);
    if (len <= 0)
        return -EBADMSG;
    memcpy(ret_der, der + sizeof(der) - (size_t)len, (size_t)len); /* it writes from the end */
    return len;
}

int sl_request_make(const uint8_t seed[SL_KEY_LEN], const char *key, uint8_t *ret_bytes, size_t cap)
{
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret_key[crypto_sign_SECRETKEYBYTES];
    uint8_t der[PUBLIC_KEY_MAX], text[2 * SL_REQUEST_MAX], signature[SL_SIGNATURE_LEN];
    int der_len = public_der(key, der);
    if (der_len < 0)
        return der_len;
    crypto_sign_seed_keypair(public_key, secret_key, seed);
    struct sl_writer w;
    sl_writer_init(&w, ret_bytes, cap < SL_REQUEST_MAX ? cap : SL_REQUEST_MAX);
    sl_write_u8(&w, REQUEST_VERSION);
    sl_write_bytes(&w, public_key, SL_KEY_LEN);
    sl_write_u16(&w, (uint16_t)der_len);
    sl_write_bytes(&w, der, (size_t)der_len);
    if (sl_write_left(&w) < SL_SIGNATURE_LEN) {
        sodium_memzero(secret_key, sizeof(secret_key));
        return -ENOBUFS;
    }
    size_t text_len = signed_text(ret_bytes, w.len, text);
    crypto_sign_detached(signature, NULL, text, text_len, secret_key);
    sodium_memzero(secret_key, sizeof(secret_key));
    sl_write_bytes(&w, signature, SL_SIGNATURE_LEN);
    return (int)w.len;
}

/* A P-256 key and nothing else, as PEM. */
static int public_pem(const uint8_t *der, size_t len, char ret_pem[SL_PEM_MAX])
{
    mbedtls_pk_context context;
    mbedtls_pk_init(&context);
    int rc = sl_x509_parse_key(&context, der, len, false);
    if (rc == 0 && mbedtls_pk_write_pubkey_pem(&context, (unsigned char *)ret_pem, SL_PEM_MAX) != 0)
        rc = -EBADMSG;
    mbedtls_pk_free(&context);
    return rc;
}

int sl_request_read(const uint8_t *bytes, size_t len, struct sl_request *ret_request)
{
    struct sl_reader r;
    struct sl_request request = {0};
    uint8_t text[2 * SL_REQUEST_MAX], signature[SL_SIGNATURE_LEN];
    if (len > 0 && bytes[0] > REQUEST_VERSION)
        return -ENOTSUP;
    if (len > SL_REQUEST_MAX || len < SL_SIGNATURE_LEN || bytes[0] != REQUEST_VERSION)
        return -EBADMSG;
    sl_reader_init(&r, bytes, len);
    sl_read_u8(&r);
    sl_read_copy(&r, request.sign_key, SL_KEY_LEN);
    size_t der_len = sl_read_u16(&r);
    const uint8_t *der = sl_read_slice(&r, der_len);
    sl_read_copy(&r, signature, SL_SIGNATURE_LEN);
    if (sl_read_done(&r) < 0)
        return -EBADMSG;
    size_t text_len = signed_text(bytes, len - SL_SIGNATURE_LEN, text);
    if (crypto_sign_verify_detached(signature, text, text_len, request.sign_key) != 0)
        return -EBADMSG;
    int rc = public_pem(der, der_len, request.key);
    if (rc == 0)
        *ret_request = request;
    return rc;
}

int sl_answer_seal(const uint8_t sign_key[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                   uint8_t *ret_sealed, size_t cap)
{
    uint8_t box_key[crypto_box_PUBLICKEYBYTES];
    if (cap < len + SL_ANSWER_OVERHEAD)
        return -ENOBUFS;
    if (crypto_sign_ed25519_pk_to_curve25519(box_key, sign_key) != 0 ||
        crypto_box_seal(ret_sealed, bytes, len, box_key) != 0)
        return -EBADMSG;
    return (int)(len + SL_ANSWER_OVERHEAD);
}

int sl_answer_open(const uint8_t seed[SL_KEY_LEN], const uint8_t *sealed, size_t len,
                   uint8_t *ret_bytes, size_t cap)
{
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret_key[crypto_sign_SECRETKEYBYTES];
    uint8_t box_public[crypto_box_PUBLICKEYBYTES], box_secret[crypto_box_SECRETKEYBYTES];
    if (len < SL_ANSWER_OVERHEAD)
        return -EBADMSG;
    if (cap < len - SL_ANSWER_OVERHEAD)
        return -ENOBUFS;
    crypto_sign_seed_keypair(public_key, secret_key, seed);
    int rc = crypto_sign_ed25519_pk_to_curve25519(box_public, public_key);
    if (rc == 0)
        rc = crypto_sign_ed25519_sk_to_curve25519(box_secret, secret_key);
    if (rc == 0)
        rc = crypto_box_seal_open(ret_bytes, sealed, len, box_public, box_secret);
    sodium_memzero(secret_key, sizeof(secret_key));
    sodium_memzero(box_secret, sizeof(box_secret));
    return rc == 0 ? (int)(len - SL_ANSWER_OVERHEAD) : -EBADMSG;
}
