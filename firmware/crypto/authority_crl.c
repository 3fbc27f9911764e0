/* mbedTLS reads revocation lists but does not write them. Like its own writers this one works from
 * the end of the buffer to its start, so that each length is known when it is written. */
#include "crypto/authority.h"

#include "crypto/issuer.h"

#include <errno.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <stdlib.h>
#include <string.h>

struct der {
    unsigned char *start;
    unsigned char *at; /* what is written begins here */
    unsigned char *end;
    int error; /* the first one; sticky */
};

static void der_init(struct der *der, unsigned char *bytes, size_t cap)
{
    *der = (struct der){.start = bytes, .at = bytes + cap, .end = bytes + cap};
}

/* Takes what an mbedtls_asn1_write function returned. */
static void note(struct der *der, int result)
{
    if (result < 0 && der->error == 0)
        der->error = sl_mbedtls_errno(result);
}

static size_t der_len(const struct der *der)
{
    return (size_t)(der->end - der->at);
}

/* Puts a tag and length before all that was written since der_len() was `mark`. */
static void wrap(struct der *der, size_t mark, int tag)
{
    note(der, mbedtls_asn1_write_len(&der->at, der->start, der_len(der) - mark));
    note(der, mbedtls_asn1_write_tag(&der->at, der->start, (unsigned char)tag));
}

static void wrap_sequence(struct der *der, size_t mark)
{
    wrap(der, mark, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
}

static void put_bytes(struct der *der, const uint8_t *bytes, size_t len, int tag)
{
    size_t mark = der_len(der);
    note(der, mbedtls_asn1_write_raw_buffer(&der->at, der->start, bytes, len));
    wrap(der, mark, tag);
}

/* A non-negative INTEGER from big-endian bytes. */
static void put_integer(struct der *der, const uint8_t *bytes, size_t len)
{
    uint8_t number[SL_SERIAL_LEN + 1] = {0};
    while (len > 1 && *bytes == 0) {
        bytes++;
        len--;
    }
    memcpy(number + 1, bytes, len);
    bool sign_bit = (number[1] & 0x80) != 0;
    put_bytes(der, sign_bit ? number : number + 1, sign_bit ? len + 1 : len, MBEDTLS_ASN1_INTEGER);
}

/* UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280, 5.1.2.4). */
static void put_time(struct der *der, int64_t unix_time)
{
    char text[17];
    sl_x509_time_text(unix_time, text);
    bool short_year = memcmp(text, "2050", 4) < 0;
    text[14] = 'Z';
    put_bytes(der, (const uint8_t *)text + (short_year ? 2 : 0), short_year ? 13 : 15,
              short_year ? MBEDTLS_ASN1_UTC_TIME : MBEDTLS_ASN1_GENERALIZED_TIME);
}

static void put_algorithm(struct der *der)
{
    size_t mark = der_len(der);
    note(der, mbedtls_asn1_write_oid(&der->at, der->start, MBEDTLS_OID_ECDSA_SHA256,
                                     MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA256)));
    wrap_sequence(der, mark);
}

static void put_extension(struct der *der, size_t mark, const char *oid, size_t oid_len)
{
    wrap(der, mark, MBEDTLS_ASN1_OCTET_STRING);
    note(der, mbedtls_asn1_write_oid(&der->at, der->start, oid, oid_len));
    wrap_sequence(der, mark);
}

/* The SHA-1 of the public key's bits (RFC 5280, 4.2.1.2, method 1), as mbedTLS writes it into the
 * certificate. A name for the key, not a proof. */
static void put_key_identifier(struct der *der, mbedtls_pk_context *key)
{
    uint8_t spki[256];
    unsigned char *at = spki + sizeof(spki);
    uint8_t identifier[20];
    int len = mbedtls_pk_write_pubkey(&at, spki, key);
    note(der, len);
    if (len < 0)
        return;
    note(der, sl_mbedtls_sha1(at, (size_t)len, identifier));
    size_t mark = der_len(der);
    put_bytes(der, identifier, sizeof(identifier), MBEDTLS_ASN1_CONTEXT_SPECIFIC | 0);
    wrap_sequence(der, mark);
    put_extension(der, mark, MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER,
                  MBEDTLS_OID_SIZE(MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER));
}

static void put_number(struct der *der, uint64_t number)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(number >> (8 * (7 - i)));
    size_t mark = der_len(der);
    put_integer(der, bytes, sizeof(bytes));
    put_extension(der, mark, MBEDTLS_OID_CRL_NUMBER, MBEDTLS_OID_SIZE(MBEDTLS_OID_CRL_NUMBER));
}

static void put_extensions(struct der *der, struct sl_issuer *issuer, uint64_t number)
{
    size_t mark = der_len(der);
    put_number(der, number);
    put_key_identifier(der, &issuer->key);
    wrap_sequence(der, mark);
    wrap(der, mark, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0);
}

/* Last entry first. An empty list is left out (5.1.2.6). */
static void put_entries(struct der *der, const struct sl_revoked *sorted, size_t count)
{
    if (count == 0)
        return;
    size_t all = der_len(der);
    for (size_t i = count; i > 0; i--) {
        size_t mark = der_len(der);
        put_time(der, sorted[i - 1].when);
        put_integer(der, sorted[i - 1].serial, SL_SERIAL_LEN);
        wrap_sequence(der, mark);
    }
    wrap_sequence(der, all);
}

struct list {
    struct sl_revoked *sorted;
    size_t count;
    uint64_t number;
    int64_t now_unix;
};

/* TBSCertList (5.1.2). The next update is due when the authority ends: a list stays in force until
 * one with a higher number comes. */
static void put_to_be_signed(struct der *der, struct sl_issuer *issuer, const struct list *list)
{
    static const uint8_t version = 1; /* means 2 */
    const mbedtls_x509_buf *name = &issuer->certificate.subject_raw;
    put_extensions(der, issuer, list->number);
    put_entries(der, list->sorted, list->count);
    put_time(der, sl_x509_time(&issuer->certificate.valid_to));
    put_time(der, list->now_unix);
    note(der, mbedtls_asn1_write_raw_buffer(&der->at, der->start, name->p, name->len));
    put_algorithm(der);
    put_integer(der, &version, sizeof(version));
    wrap_sequence(der, 0);
}

/* The list around its signed part, at the start of ret_der. Its length or -errno. */
static int sign(const struct der *signed_part, struct sl_issuer *issuer, uint8_t *ret_der,
                size_t cap)
{
    uint8_t hash[32];
    uint8_t signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t signature_len = 0;
    crypto_hash_sha256(hash, signed_part->at, der_len(signed_part));
    int result =
        sl_mbedtls_sign_sha256(&issuer->key, hash, signature, sizeof(signature), &signature_len);
    if (result != 0)
        return sl_mbedtls_errno(result);
    struct der whole;
    der_init(&whole, ret_der, cap);
    note(&whole,
         mbedtls_asn1_write_bitstring(&whole.at, whole.start, signature, 8 * signature_len));
    put_algorithm(&whole);
    note(&whole, mbedtls_asn1_write_raw_buffer(&whole.at, whole.start, signed_part->at,
                                               der_len(signed_part)));
    wrap_sequence(&whole, 0);
    if (whole.error < 0)
        return whole.error;
    size_t len = der_len(&whole);
    memmove(ret_der, whole.at, len);
    return (int)len;
}

static int compare_revoked(const void *a, const void *b)
{
    const struct sl_revoked *left = a;
    const struct sl_revoked *right = b;
    return memcmp(left->serial, right->serial, SL_SERIAL_LEN);
}

static int write_list(struct sl_issuer *issuer, const struct list *list, uint8_t *ret_der,
                      size_t cap)
{
    unsigned char *scratch = malloc(cap);
    if (!scratch)
        return -ENOMEM;
    struct der der;
    der_init(&der, scratch, cap);
    put_to_be_signed(&der, issuer, list);
    int result = der.error < 0 ? der.error : sign(&der, issuer, ret_der, cap);
    free(scratch);
    return result;
}

int sl_authority_crl(const char *certificate, const char *key, const struct sl_revoked *revoked,
                     size_t count, uint64_t number, int64_t now_unix, uint8_t *ret_der, size_t cap)
{
    struct list list = {
        .sorted = calloc(count + 1, sizeof(*revoked)),
        .count = count,
        .number = number,
        .now_unix = now_unix,
    };
    if (!list.sorted)
        return -ENOMEM;
    if (count > 0)
        memcpy(list.sorted, revoked, count * sizeof(*revoked));
    qsort(list.sorted, count, sizeof(*revoked), compare_revoked);
    struct sl_issuer issuer;
    int result = sl_issuer_load(&issuer, certificate, key, now_unix);
    if (result == 0 && sl_x509_is_invite(&issuer.certificate))
        result = -EACCES;
    if (result == 0)
        result = write_list(&issuer, &list, ret_der, cap);
    sl_issuer_done(&issuer);
    free(list.sorted);
    return result;
}
