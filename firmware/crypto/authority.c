#include "crypto/authority.h"

#include "crypto/issuer.h"

#include <errno.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <stdio.h>
#include <string.h>

#define SERIAL_BYTES 16

/* Appends to a name of the certificate being written. */
static int add_attribute(mbedtls_asn1_named_data **name, const char *oid, size_t oid_len,
                         const void *text, size_t len, int tag)
{
    mbedtls_asn1_named_data *attribute =
        mbedtls_asn1_store_named_data(name, oid, oid_len, text, len);
    if (!attribute)
        return -ENOMEM;
    attribute->val.tag = tag;
    return 0;
}

static int add_common_name(mbedtls_asn1_named_data **name, const char *text)
{
    return add_attribute(name, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN), text,
                         strlen(text), MBEDTLS_ASN1_UTF8_STRING);
}

/* Byte for byte what the issuer calls itself, for that is how a verifier finds it. */
static int copy_name(mbedtls_asn1_named_data **name, const mbedtls_x509_name *subject)
{
    for (; subject; subject = subject->next) {
        int result = add_attribute(name, (const char *)subject->oid.p, subject->oid.len,
                                   subject->val.p, subject->val.len, subject->val.tag);
        if (result < 0)
            return result;
    }
    return 0;
}

static int add_subject(mbedtls_x509write_cert *writer, const char *name, const uint8_t *sign_key)
{
    mbedtls_asn1_named_data **subject = &writer->MBEDTLS_PRIVATE(subject);
    if (!sign_key)
        return add_common_name(subject, name);
    char digits[2 * SL_KEY_LEN + 1];
    sodium_bin2hex(digits, sizeof(digits), sign_key, SL_KEY_LEN);
    int result = add_common_name(subject, digits);
    if (result == 0)
        result = add_attribute(subject, MBEDTLS_OID_AT_ORG_UNIT,
                               MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_ORG_UNIT), name, strlen(name),
                               MBEDTLS_ASN1_UTF8_STRING);
    return result;
}

/* Positive, and without a leading zero, so that it always takes the same room. */
static int add_serial(mbedtls_x509write_cert *writer, uint8_t ret_serial[SL_SERIAL_LEN])
{
    memset(ret_serial, 0, SL_SERIAL_LEN);
    uint8_t *serial = ret_serial + SL_SERIAL_LEN - SERIAL_BYTES;
    randombytes_buf(serial, SERIAL_BYTES);
    serial[0] = (serial[0] & 0x7f) | 0x40;
    return sl_mbedtls_set_serial(writer, serial, SERIAL_BYTES);
}

static int add_validity(mbedtls_x509write_cert *writer, int64_t not_before, int64_t not_after)
{
    char from[16];
    char to[16];
    sl_x509_time_text(not_before, from);
    sl_x509_time_text(not_after, to);
    return mbedtls_x509write_crt_set_validity(writer, from, to);
}

enum role { ROLE_AUTHORITY, ROLE_INVITE, ROLE_NODE };

/* Needs the keys set. Identifiers of keys as RFC 5280, 4.2.1.1 and 4.2.1.2, wants them. */
static int add_extensions(mbedtls_x509write_cert *writer, enum role role)
{
    static const unsigned usage[] = {
        [ROLE_AUTHORITY] = MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN,
        [ROLE_INVITE] = MBEDTLS_X509_KU_KEY_CERT_SIGN,
        [ROLE_NODE] = MBEDTLS_X509_KU_DIGITAL_SIGNATURE,
    };
    static const int path_length[] = {[ROLE_AUTHORITY] = 1, [ROLE_INVITE] = 0, [ROLE_NODE] = -1};
    int result =
        mbedtls_x509write_crt_set_basic_constraints(writer, role != ROLE_NODE, path_length[role]);
    if (result == 0)
        result = mbedtls_x509write_crt_set_key_usage(writer, (unsigned char)usage[role]);
    if (result == 0 && role != ROLE_NODE)
        result = mbedtls_x509write_crt_set_subject_key_identifier(writer);
    if (result == 0 && role != ROLE_AUTHORITY)
        result = mbedtls_x509write_crt_set_authority_key_identifier(writer);
    return result;
}

/* Signs; the names are in the writer. */
static int write_certificate(mbedtls_x509write_cert *writer, mbedtls_pk_context *subject_key,
                             mbedtls_pk_context *issuer_key, enum role role,
                             char ret_pem[SL_PEM_MAX])
{
    mbedtls_x509write_crt_set_version(writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(writer, subject_key);
    mbedtls_x509write_crt_set_issuer_key(writer, issuer_key);
    int result = add_extensions(writer, role);
    if (result == 0)
        result = mbedtls_x509write_crt_pem(writer, (unsigned char *)ret_pem, SL_PEM_MAX,
                                           sl_mbedtls_random, NULL);
    return sl_mbedtls_errno(result);
}

static int generate_key(mbedtls_pk_context *key)
{
    int result = sl_mbedtls_init();
    if (result == 0)
        result = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (result == 0)
        result = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
                                     sl_mbedtls_random, NULL);
    return sl_mbedtls_errno(result);
}

static int write_key(mbedtls_pk_context *key, char ret_key[SL_PEM_MAX])
{
    return sl_mbedtls_errno(mbedtls_pk_write_key_pem(key, (unsigned char *)ret_key, SL_PEM_MAX));
}

int sl_authority_key(char ret_key[SL_PEM_MAX])
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int result = generate_key(&key);
    if (result == 0)
        result = write_key(&key, ret_key);
    mbedtls_pk_free(&key);
    return result;
}

int sl_authority_create(const char *name, int64_t now_unix, int days,
                        char ret_certificate[SL_PEM_MAX], char ret_key[SL_PEM_MAX])
{
    if (!sl_x509_name_valid((const uint8_t *)name, strlen(name)) || days <= 0)
        return -EINVAL;
    mbedtls_pk_context key;
    mbedtls_x509write_cert writer;
    uint8_t serial[SL_SERIAL_LEN];
    mbedtls_pk_init(&key);
    mbedtls_x509write_crt_init(&writer);
    int result = generate_key(&key);
    if (result == 0)
        result = add_subject(&writer, name, NULL);
    if (result == 0)
        result = add_common_name(&writer.MBEDTLS_PRIVATE(issuer), name);
    if (result == 0)
        result = sl_mbedtls_errno(add_serial(&writer, serial));
    if (result == 0)
        result = sl_mbedtls_errno(
            add_validity(&writer, now_unix, now_unix + (int64_t)days * (SL_DAY / SL_SECOND)));
    if (result == 0)
        result = write_certificate(&writer, &key, &key, ROLE_AUTHORITY, ret_certificate);
    if (result == 0)
        result = write_key(&key, ret_key);
    mbedtls_x509write_crt_free(&writer);
    mbedtls_pk_free(&key);
    return result;
}

static int issue_from(const struct sl_issue *issue, struct sl_issuer *issuer,
                      mbedtls_pk_context *subject_key, char ret_certificate[SL_PEM_MAX],
                      uint8_t ret_serial[SL_SERIAL_LEN])
{
    enum role role = issue->sign_key ? ROLE_NODE : ROLE_INVITE;
    int64_t issuer_end = sl_x509_time(&issuer->certificate.valid_to);
    int64_t left = issuer_end - issue->now_unix;
    int64_t lifetime = issue->lifetime < left ? issue->lifetime : left;
    uint8_t serial[SL_SERIAL_LEN];
    mbedtls_x509write_cert writer;
    mbedtls_x509write_crt_init(&writer);
    int result = add_subject(&writer, issue->name, issue->sign_key);
    if (result == 0)
        result = copy_name(&writer.MBEDTLS_PRIVATE(issuer), &issuer->certificate.subject);
    if (result == 0)
        result = sl_mbedtls_errno(add_serial(&writer, serial));
    if (result == 0)
        result =
            sl_mbedtls_errno(add_validity(&writer, issue->now_unix, issue->now_unix + lifetime));
    if (result == 0)
        result = write_certificate(&writer, subject_key, &issuer->key, role, ret_certificate);
    if (result == 0)
        memcpy(ret_serial, serial, SL_SERIAL_LEN);
    mbedtls_x509write_crt_free(&writer);
    return result;
}

int sl_authority_issue(const struct sl_issue *issue, char ret_certificate[SL_PEM_MAX],
                       uint8_t ret_serial[SL_SERIAL_LEN])
{
    if (!sl_x509_name_valid((const uint8_t *)issue->name, strlen(issue->name)) ||
        issue->lifetime <= 0)
        return -EINVAL;
    struct sl_issuer issuer;
    mbedtls_pk_context subject_key;
    mbedtls_pk_init(&subject_key);
    int result =
        sl_issuer_load(&issuer, issue->issuer_certificate, issue->issuer_key, issue->now_unix);
    /* A path length of 0 is for nodes only. */
    if (result == 0 && !issue->sign_key && sl_x509_is_invite(&issuer.certificate))
        result = -EACCES;
    if (result == 0)
        result = sl_x509_parse_key(&subject_key, (const uint8_t *)issue->subject_key,
                                   strlen(issue->subject_key), false);
    if (result == 0)
        result = issue_from(issue, &issuer, &subject_key, ret_certificate, ret_serial);
    mbedtls_pk_free(&subject_key);
    sl_issuer_done(&issuer);
    return result;
}

int sl_certificate_read(const char *pem, struct sl_certificate_info *ret_info)
{
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt_init(&certificate);
    struct sl_certificate_info info = {0};
    int result = sl_mbedtls_init() == 0 ? 0 : -EIO;
    if (result == 0)
        result = sl_x509_parse(&certificate, (const uint8_t *)pem, strlen(pem));
    if (result == 0) {
        info.is_ca = sl_x509_is_authority(&certificate);
        info.not_before = sl_x509_time(&certificate.valid_from);
        info.not_after = sl_x509_time(&certificate.valid_to);
        result = info.is_ca ? sl_x509_authority(&certificate, &info.identity)
                            : sl_x509_identity(&certificate, &info.identity);
    }
    if (result == 0)
        *ret_info = info;
    mbedtls_x509_crt_free(&certificate);
    return result;
}

int sl_pem_to_der(const char *pem, uint8_t *ret_der, size_t cap)
{
    return sl_x509_pem_decode((const uint8_t *)pem, strlen(pem), ret_der, cap);
}

int sl_der_to_pem(const char *label, const uint8_t *der, size_t len, char ret_pem[SL_PEM_MAX])
{
    char header[80];
    char footer[80];
    size_t written = 0;
    if (snprintf(header, sizeof(header), "-----BEGIN %s-----\n", label) >= (int)sizeof(header))
        return -ENOBUFS;
    snprintf(footer, sizeof(footer), "-----END %s-----\n", label);
    if (mbedtls_pem_write_buffer(header, footer, der, len, (unsigned char *)ret_pem, SL_PEM_MAX,
                                 &written) != 0)
        return -ENOBUFS;
    return 0;
}
