#include "crypto/x509.h"

#include "base/text.h"
#include "crypto/sodium.h"

#include <errno.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEM_BEGIN "-----BEGIN "
#define PEM_DASH  "-----"

/* "RSA PRIVATE KEY" and the like. */
#define PEM_LABEL_MAX 40

const mbedtls_x509_crt_profile sl_x509_profile = {
    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256),
    .allowed_pks = MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA),
    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1),
    .rsa_min_bitlen = 0,
};

bool sl_x509_is_pem(const uint8_t *bytes, size_t len)
{
    return memmem(bytes, len, PEM_BEGIN, strlen(PEM_BEGIN)) != NULL;
}

/* mbedTLS takes PEM with a final zero only. NULL if out of memory; wipe with free_text(). */
static uint8_t *copy_text(const uint8_t *bytes, size_t len)
{
    uint8_t *text = malloc(len + 1);
    if (!text)
        return NULL;
    memcpy(text, bytes, len);
    text[len] = '\0';
    return text;
}

static void free_text(uint8_t *text, size_t len)
{
    sodium_memzero(text, len + 1);
    free(text);
}

int sl_x509_parse(mbedtls_x509_crt *chain, const uint8_t *bytes, size_t len)
{
    if (!sl_x509_is_pem(bytes, len)) {
        if (mbedtls_x509_crt_parse_der(chain, bytes, len) != 0)
            return -EBADMSG;
        const mbedtls_x509_crt *last = chain;
        while (last->next)
            last = last->next;
        return last->raw.len == len ? 0 : -EBADMSG;
    }
    uint8_t *text = copy_text(bytes, len);
    if (!text)
        return -ENOMEM;
    int result = mbedtls_x509_crt_parse(chain, text, len + 1);
    free_text(text, len);
    return result == 0 ? 0 : -EBADMSG;
}

int sl_x509_parse_key(mbedtls_pk_context *key, const uint8_t *bytes, size_t len, bool private_half)
{
    uint8_t *text = copy_text(bytes, len);
    if (!text)
        return -ENOMEM;
    size_t text_len = len + (sl_x509_is_pem(bytes, len) ? 1 : 0);
    int result = sl_mbedtls_parse_key(key, text, text_len);
    if (result != 0 && !private_half) {
        mbedtls_pk_free(key);
        mbedtls_pk_init(key);
        result = mbedtls_pk_parse_public_key(key, text, text_len);
    }
    free_text(text, len);
    if (result != 0 || sl_mbedtls_curve(key) != MBEDTLS_ECP_DP_SECP256R1)
        return -EBADMSG;
    return 0;
}

/* "-----BEGIN X-----" and "-----END X-----" of the first block. */
static int find_label(const char *text, char *ret_header, char *ret_footer, size_t cap)
{
    const char *begin = strstr(text, PEM_BEGIN);
    if (!begin)
        return -EBADMSG;
    const char *label = begin + strlen(PEM_BEGIN);
    const char *end = strstr(label, PEM_DASH);
    if (!end || end - label > PEM_LABEL_MAX || memchr(label, '\n', (size_t)(end - label)))
        return -EBADMSG;
    int label_len = (int)(end - label);
    snprintf(ret_header, cap, PEM_BEGIN "%.*s" PEM_DASH, label_len, label);
    snprintf(ret_footer, cap, "-----END %.*s" PEM_DASH, label_len, label);
    return 0;
}

int sl_x509_pem_decode(const uint8_t *pem, size_t len, uint8_t *ret_der, size_t cap)
{
    uint8_t *text = copy_text(pem, len);
    if (!text)
        return -ENOMEM;
    char header[PEM_LABEL_MAX + 20];
    char footer[PEM_LABEL_MAX + 20];
    mbedtls_pem_context decoded;
    mbedtls_pem_init(&decoded);
    size_t used = 0;
    int result = find_label((const char *)text, header, footer, sizeof(header));
    if (result == 0 && mbedtls_pem_read_buffer(&decoded, header, footer, text, NULL, 0, &used) != 0)
        result = -EBADMSG;
    if (result == 0 && decoded.MBEDTLS_PRIVATE(buflen) > cap)
        result = -ENOBUFS;
    if (result == 0) {
        result = (int)decoded.MBEDTLS_PRIVATE(buflen);
        memcpy(ret_der, decoded.MBEDTLS_PRIVATE(buf), (size_t)result);
    }
    mbedtls_pem_free(&decoded);
    free_text(text, len);
    return result;
}

int sl_x509_serial(const mbedtls_x509_buf *serial, uint8_t ret_serial[SL_SERIAL_LEN])
{
    const uint8_t *bytes = serial->p;
    size_t len = serial->len;
    while (len > 0 && *bytes == 0) {
        bytes++;
        len--;
    }
    /* Positive (RFC 5280, 4.1.2.2). There is none at all where mbedTLS leaves a certificate of an
     * unknown algorithm empty in a chain. */
    if (len == 0 || len > SL_SERIAL_LEN)
        return -EBADMSG;
    memset(ret_serial, 0, SL_SERIAL_LEN - len);
    memcpy(ret_serial + SL_SERIAL_LEN - len, bytes, len);
    return 0;
}

int64_t sl_x509_time(const mbedtls_x509_time *when)
{
    struct tm date = {
        .tm_year = when->year - 1900,
        .tm_mon = when->mon - 1,
        .tm_mday = when->day,
        .tm_hour = when->hour,
        .tm_min = when->min,
        .tm_sec = when->sec,
    };
    return timegm(&date);
}

bool sl_x509_name_valid(const uint8_t *bytes, size_t len)
{
    return len >= 1 && len <= SL_NAME_MAX && sl_text_showable(bytes, len) &&
           !memchr(bytes, '\n', len) && !memchr(bytes, '\t', len);
}

/* The value of the one attribute of that kind; NULL if there are none or several. */
static const mbedtls_x509_buf *find_attribute(const mbedtls_x509_name *subject, const char *oid,
                                              size_t oid_len)
{
    const mbedtls_x509_buf *found = NULL;
    for (const mbedtls_x509_name *name = subject; name; name = name->next) {
        if (name->oid.len != oid_len || memcmp(name->oid.p, oid, oid_len) != 0)
            continue;
        if (found)
            return NULL;
        found = &name->val;
    }
    return found;
}

static size_t attribute_count(const mbedtls_x509_name *subject)
{
    size_t count = 0;
    for (const mbedtls_x509_name *name = subject; name; name = name->next)
        count++;
    return count;
}

/* Lower case only, so that there is one way to write a key. */
static int decode_key(const mbedtls_x509_buf *text, uint8_t ret_key[SL_KEY_LEN])
{
    char digits[2 * SL_KEY_LEN + 1];
    if (text->len != 2 * SL_KEY_LEN)
        return -EBADMSG;
    for (size_t i = 0; i < text->len; i++)
        digits[i] = (char)text->p[i];
    digits[text->len] = '\0';
    if (strpbrk(digits, "ABCDEF") || sl_hex_decode(digits, ret_key, SL_KEY_LEN) != 0)
        return -EBADMSG;
    return 0;
}

/* mbedTLS takes a missing key usage for every usage; here it must be there. */
static bool has_usage(const mbedtls_x509_crt *certificate, unsigned usage)
{
    return (certificate->MBEDTLS_PRIVATE(ext_types) & MBEDTLS_X509_EXT_KEY_USAGE) &&
           mbedtls_x509_crt_check_key_usage(certificate, usage) == 0;
}

int sl_x509_identity(const mbedtls_x509_crt *leaf, struct sl_identity *ret_identity)
{
    struct sl_identity identity = {.not_after = sl_x509_time(&leaf->valid_to)};
    const mbedtls_x509_buf *key =
        find_attribute(&leaf->subject, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN));
    const mbedtls_x509_buf *name = find_attribute(&leaf->subject, MBEDTLS_OID_AT_ORG_UNIT,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_ORG_UNIT));
    if (!key || !name || attribute_count(&leaf->subject) != 2)
        return -EBADMSG;
    if (leaf->version != 3 || leaf->MBEDTLS_PRIVATE(ca_istrue) ||
        !has_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE))
        return -EBADMSG;
    if (sl_mbedtls_curve(&leaf->pk) != MBEDTLS_ECP_DP_SECP256R1)
        return -EBADMSG;
    if (!sl_x509_name_valid(name->p, name->len) || decode_key(key, identity.key) != 0 ||
        sl_x509_serial(&leaf->serial, identity.serial) != 0)
        return -EBADMSG;
    memcpy(identity.name, name->p, name->len);

    struct sl_primitives primitives;
    sl_sodium_primitives(&primitives);
    primitives.hash(primitives.ctx, "starling origin", NULL, identity.key, SL_KEY_LEN,
                    identity.origin, SL_ORIGIN_LEN);
    *ret_identity = identity;
    return 0;
}

int sl_x509_authority(const mbedtls_x509_crt *certificate, struct sl_identity *ret_identity)
{
    struct sl_identity identity = {.not_after = sl_x509_time(&certificate->valid_to)};
    const mbedtls_x509_buf *name = find_attribute(&certificate->subject, MBEDTLS_OID_AT_CN,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN));
    if (!name || !sl_x509_name_valid(name->p, name->len) ||
        sl_x509_serial(&certificate->serial, identity.serial) != 0)
        return -EBADMSG;
    memcpy(identity.name, name->p, name->len);
    *ret_identity = identity;
    return 0;
}

bool sl_x509_is_authority(const mbedtls_x509_crt *certificate)
{
    return certificate->version == 3 && certificate->MBEDTLS_PRIVATE(ca_istrue) &&
           sl_mbedtls_curve(&certificate->pk) == MBEDTLS_ECP_DP_SECP256R1 &&
           has_usage(certificate, MBEDTLS_X509_KU_KEY_CERT_SIGN);
}

bool sl_x509_is_invite(const mbedtls_x509_crt *certificate)
{
    /* mbedTLS keeps the path length plus one. */
    return sl_x509_is_authority(certificate) && certificate->MBEDTLS_PRIVATE(max_pathlen) == 1;
}
