#include "crypto/crl.h"

#include "crypto/membership.h"

#include <errno.h>
#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crl.h>
#include <stdlib.h>
#include <string.h>

static int compare_serials(const void *a, const void *b)
{
    return memcmp(a, b, SL_SERIAL_LEN);
}

/* Enters a SEQUENCE or the like: moves *p to its content. False if it is not there. */
static bool enter(unsigned char **p, const unsigned char *end, int tag, unsigned char **ret_end)
{
    size_t len = 0;
    if (mbedtls_asn1_get_tag(p, end, &len, tag | MBEDTLS_ASN1_CONSTRUCTED) != 0)
        return false;
    *ret_end = *p + len;
    return true;
}

/* One Extension. True if it is the CRL number, and a number that fits. */
static bool read_number(unsigned char *p, const unsigned char *end, uint64_t *ret_number)
{
    size_t len = 0;
    int critical = 0;
    if (mbedtls_asn1_get_tag(&p, end, &len, MBEDTLS_ASN1_OID) != 0 ||
        len != MBEDTLS_OID_SIZE(MBEDTLS_OID_CRL_NUMBER) ||
        memcmp(p, MBEDTLS_OID_CRL_NUMBER, len) != 0)
        return false;
    p += len;
    mbedtls_asn1_get_bool(&p, end, &critical);
    if (mbedtls_asn1_get_tag(&p, end, &len, MBEDTLS_ASN1_OCTET_STRING) != 0 || p + len != end ||
        mbedtls_asn1_get_tag(&p, end, &len, MBEDTLS_ASN1_INTEGER) != 0 || p + len != end)
        return false;
    if (len == 0 || (*p & 0x80) != 0 || len > 9 || (len == 9 && *p != 0))
        return false;
    uint64_t number = 0;
    for (; p < end; p++)
        number = number << 8 | *p;
    *ret_number = number;
    return true;
}

/* The crlNumber extension (RFC 5280, 5.2.3), which mbedTLS leaves alone. */
static bool find_number(const mbedtls_x509_crl *crl, uint64_t *ret_number)
{
    unsigned char *p = crl->crl_ext.p;
    unsigned char *end = p + crl->crl_ext.len;
    if (crl->crl_ext.len == 0 || !enter(&p, end, MBEDTLS_ASN1_SEQUENCE, &end))
        return false;
    while (p < end) {
        unsigned char *extension_end = NULL;
        if (!enter(&p, end, MBEDTLS_ASN1_SEQUENCE, &extension_end))
            return false;
        if (read_number(p, extension_end, ret_number))
            return true;
        p = extension_end;
    }
    return false;
}

static bool signed_by(const mbedtls_x509_crl *crl, mbedtls_x509_crt *authority)
{
    uint8_t hash[32];
    if (crl->issuer_raw.len != authority->subject_raw.len ||
        memcmp(crl->issuer_raw.p, authority->subject_raw.p, crl->issuer_raw.len) != 0)
        return false;
    if (crl->MBEDTLS_PRIVATE(sig_md) != MBEDTLS_MD_SHA256 ||
        crl->MBEDTLS_PRIVATE(sig_pk) != MBEDTLS_PK_ECDSA ||
        mbedtls_x509_crt_check_key_usage(authority, MBEDTLS_X509_KU_CRL_SIGN) != 0)
        return false;
    if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), crl->tbs.p, crl->tbs.len, hash) !=
        0)
        return false;
    return mbedtls_pk_verify(&authority->pk, MBEDTLS_MD_SHA256, hash, sizeof(hash),
                             crl->MBEDTLS_PRIVATE(sig).p, crl->MBEDTLS_PRIVATE(sig).len) == 0;
}

/* An entry without a serial ends mbedTLS's list of none. */
static size_t count_entries(const mbedtls_x509_crl *crl)
{
    size_t count = 0;
    for (const mbedtls_x509_crl_entry *entry = &crl->entry; entry && entry->raw.len > 0;
         entry = entry->next)
        count++;
    return count;
}

static int copy_crl(const mbedtls_x509_crl *parsed, struct sl_crl *ret_crl)
{
    size_t count = count_entries(parsed);
    struct sl_crl crl = {
        .der = malloc(parsed->raw.len),
        .len = parsed->raw.len,
        .serials = calloc(count + 1, SL_SERIAL_LEN),
        .serial_count = count,
    };
    int result = crl.der && crl.serials ? 0 : -ENOMEM;
    const mbedtls_x509_crl_entry *entry = &parsed->entry;
    for (size_t i = 0; i < count && result == 0; i++, entry = entry->next)
        result = sl_x509_serial(&entry->serial, crl.serials[i]);
    if (result == 0 && !find_number(parsed, &crl.number))
        result = -EBADMSG;
    if (result < 0) {
        sl_crl_done(&crl);
        return result;
    }
    memcpy(crl.der, parsed->raw.p, crl.len);
    qsort(crl.serials, count, SL_SERIAL_LEN, compare_serials);
    *ret_crl = crl;
    return 0;
}

int sl_crl_parse(mbedtls_x509_crt *authority, const uint8_t *der, size_t len,
                 struct sl_crl *ret_crl)
{
    if (len == 0 || len > SL_CRL_MAX)
        return -EBADMSG;
    mbedtls_x509_crl parsed;
    mbedtls_x509_crl_init(&parsed);
    int result = mbedtls_x509_crl_parse_der(&parsed, der, len) == 0 ? 0 : -EBADMSG;
    if (result == 0 && (parsed.version != 2 || !signed_by(&parsed, authority)))
        result = -EBADMSG;
    if (result == 0)
        result = copy_crl(&parsed, ret_crl);
    mbedtls_x509_crl_free(&parsed);
    return result;
}

void sl_crl_done(struct sl_crl *crl)
{
    free(crl->der);
    free(crl->serials);
    *crl = (struct sl_crl){0};
}

bool sl_crl_lists(const struct sl_crl *crl, const uint8_t serial[SL_SERIAL_LEN])
{
    return crl->serial_count > 0 &&
           bsearch(serial, crl->serials, crl->serial_count, SL_SERIAL_LEN, compare_serials) != NULL;
}
