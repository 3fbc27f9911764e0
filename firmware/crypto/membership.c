#include "crypto/membership.h"

#include "base/wire.h"
#include "crypto/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 2 /* a node's certificate and the invite it came through */

void sl_verification_init(struct sl_verification *verification,
                          const struct sl_credentials *credentials, int64_t unix_time)
{
    *verification = (struct sl_verification){
        .credentials = credentials,
        .unix_time = unix_time,
        .identity = {.not_after = INT64_MAX},
    };
}

static void refuse(struct sl_verification *verification, enum sl_refusal refusal, uint32_t flag,
                   uint32_t *flags)
{
    if (verification->refusal == SL_REFUSAL_NONE)
        verification->refusal = refusal;
    *flags |= flag;
}

static void judge_time(struct sl_verification *verification, const mbedtls_x509_crt *certificate,
                       uint32_t *flags)
{
    int64_t not_before = sl_x509_time(&certificate->valid_from);
    int64_t not_after = sl_x509_time(&certificate->valid_to);
    if (not_after < verification->identity.not_after)
        verification->identity.not_after = not_after;
    if (not_before > verification->identity.not_before)
        verification->identity.not_before = not_before;
    if (verification->unix_time == 0)
        return;
    if (verification->unix_time > not_after)
        refuse(verification, SL_REFUSAL_EXPIRED, MBEDTLS_X509_BADCERT_EXPIRED, flags);
    if (verification->unix_time < not_before)
        refuse(verification, SL_REFUSAL_NOT_YET, MBEDTLS_X509_BADCERT_FUTURE, flags);
}

static void judge_serial(struct sl_verification *verification, const mbedtls_x509_crt *certificate,
                         uint32_t *flags)
{
    uint8_t serial[SL_SERIAL_LEN];
    if (sl_x509_serial(&certificate->serial, serial) != 0)
        refuse(verification, SL_REFUSAL_MALFORMED, MBEDTLS_X509_BADCERT_OTHER, flags);
    else if (sl_crl_lists(&verification->credentials->crl, serial))
        refuse(verification, SL_REFUSAL_REVOKED, MBEDTLS_X509_BADCERT_REVOKED, flags);
}

static size_t chain_length(const mbedtls_x509_crt *chain)
{
    size_t length = 0;
    for (; chain; chain = chain->next)
        length++;
    return length;
}

static void judge_invite(struct sl_verification *verification, const mbedtls_x509_crt *certificate,
                         uint32_t *flags)
{
    if (!sl_x509_is_invite(certificate) ||
        sl_x509_serial(&certificate->serial, verification->identity.issuer_serial) != 0)
        refuse(verification, SL_REFUSAL_MALFORMED, MBEDTLS_X509_BADCERT_OTHER, flags);
}

/* Every certificate that was sent must be part of the path: nothing rides along. */
static void judge_leaf(struct sl_verification *verification, const mbedtls_x509_crt *leaf,
                       uint32_t *flags)
{
    static const uint8_t no_serial[SL_SERIAL_LEN];
    struct sl_identity *identity = &verification->identity;
    bool through_invite = memcmp(identity->issuer_serial, no_serial, SL_SERIAL_LEN) != 0;
    struct sl_identity read;
    if (chain_length(leaf) != (through_invite ? 2 : 1) || sl_x509_identity(leaf, &read) != 0) {
        refuse(verification, SL_REFUSAL_MALFORMED, MBEDTLS_X509_BADCERT_OTHER, flags);
        return;
    }
    read.not_before = identity->not_before;
    read.not_after = identity->not_after;
    memcpy(read.issuer_serial, identity->issuer_serial, SL_SERIAL_LEN);
    *identity = read;
}

int sl_verification_step(void *ctx, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    struct sl_verification *verification = ctx;
    bool is_authority = certificate == &verification->credentials->ca;
    *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    if (*flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        refuse(verification, SL_REFUSAL_FOREIGN, 0, flags);
    else if (*flags != 0)
        refuse(verification, SL_REFUSAL_MALFORMED, 0, flags);
    if (!is_authority && depth > 0)
        judge_invite(verification, certificate, flags);
    if (!is_authority)
        judge_serial(verification, certificate, flags);
    judge_time(verification, certificate, flags);
    if (depth == 0) {
        judge_leaf(verification, certificate, flags);
        verification->complete = true;
    }
    return 0;
}

/* Each certificate behind its length. mbedTLS borrows the bytes. */
static int parse_chain(const uint8_t *bytes, size_t len, mbedtls_x509_crt *ret_chain)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    const mbedtls_x509_crt *last = NULL;
    for (int i = 0; i < CHAIN_MAX && (i == 0 || sl_read_left(&r) > 0); i++) {
        uint16_t der_len = sl_read_u16(&r);
        const uint8_t *der = sl_read_slice(&r, der_len);
        if (!der || mbedtls_x509_crt_parse_der_nocopy(ret_chain, der, der_len) != 0)
            return -EBADMSG;
        last = last ? last->next : ret_chain;
        if (last->raw.len != der_len)
            return -EBADMSG;
    }
    return sl_read_done(&r);
}

static int check(void *ctx, const uint8_t *bytes, size_t len, int64_t unix_time,
                 struct sl_identity *ret_identity, enum sl_refusal *ret_refusal)
{
    struct sl_credentials *credentials = ctx;
    struct sl_verification verification;
    sl_verification_init(&verification, credentials, unix_time);
    mbedtls_x509_crt chain;
    mbedtls_x509_crt_init(&chain);
    uint32_t flags = 0;
    int result = parse_chain(bytes, len, &chain);
    if (result == 0)
        result =
            mbedtls_x509_crt_verify_with_profile(&chain, &credentials->ca, NULL, &sl_x509_profile,
                                                 NULL, &flags, sl_verification_step, &verification);
    mbedtls_x509_crt_free(&chain);
    if (result == 0 && verification.complete) {
        *ret_identity = verification.identity;
        return 0;
    }
    *ret_refusal = verification.refusal ? verification.refusal : SL_REFUSAL_MALFORMED;
    return -EACCES;
}

static int own_chain(void *ctx, uint8_t *ret_chain, size_t cap)
{
    const struct sl_credentials *credentials = ctx;
    struct sl_writer w;
    sl_writer_init(&w, ret_chain, cap);
    for (const mbedtls_x509_crt *link = &credentials->chain; link; link = link->next) {
        sl_write_u16(&w, (uint16_t)link->raw.len);
        sl_write_bytes(&w, link->raw.p, link->raw.len);
    }
    return sl_write_done(&w);
}

static int take_crl(void *ctx, const uint8_t *der, size_t len)
{
    struct sl_credentials *credentials = ctx;
    struct sl_crl *present = &credentials->crl;
    /* The usual case, without the price of a signature. */
    if (present->der && present->len == len && memcmp(present->der, der, len) == 0)
        return -EALREADY;
    struct sl_crl taken;
    int result = sl_crl_parse(&credentials->ca, der, len, &taken);
    if (result < 0)
        return result;
    if (present->der && taken.number <= present->number) {
        sl_crl_done(&taken);
        return -EALREADY;
    }
    sl_crl_done(present);
    *present = taken;
    return 0;
}

static bool revoked(void *ctx, const struct sl_identity *identity)
{
    const struct sl_credentials *credentials = ctx;
    return sl_crl_lists(&credentials->crl, identity->serial) ||
           sl_crl_lists(&credentials->crl, identity->issuer_serial);
}

static const uint8_t *crl_in_force(void *ctx, uint64_t *ret_number, size_t *ret_len)
{
    const struct sl_credentials *credentials = ctx;
    *ret_number = credentials->crl.number;
    *ret_len = credentials->crl.len;
    return credentials->crl.der;
}

static int load_authority(struct sl_credentials *credentials, const uint8_t *bytes, size_t len)
{
    int result = sl_x509_parse(&credentials->ca, bytes, len);
    if (result == 0 && (credentials->ca.next || !sl_x509_is_authority(&credentials->ca)))
        result = -EBADMSG;
    return result;
}

/* Whether the chain leads to the authority. Dates are not judged: the clock may not be set, and an
 * expired node had better run and say so than not start. */
static int verify_own(struct sl_credentials *credentials)
{
    struct sl_verification verification;
    sl_verification_init(&verification, credentials, 0);
    uint32_t flags = 0;
    int result = mbedtls_x509_crt_verify_with_profile(&credentials->chain, &credentials->ca, NULL,
                                                      &sl_x509_profile, NULL, &flags,
                                                      sl_verification_step, &verification);
    if (verification.refusal == SL_REFUSAL_MALFORMED)
        return -EBADMSG;
    if (result != 0 || !verification.complete)
        return -EACCES;
    credentials->identity = verification.identity;
    return 0;
}

static int load_crl(struct sl_credentials *credentials, const uint8_t *bytes, size_t len)
{
    if (!sl_x509_is_pem(bytes, len))
        return sl_crl_parse(&credentials->ca, bytes, len, &credentials->crl);
    uint8_t *der = malloc(SL_CRL_MAX);
    if (!der)
        return -ENOMEM;
    int result = sl_x509_pem_decode(bytes, len, der, SL_CRL_MAX);
    if (result >= 0)
        result = sl_crl_parse(&credentials->ca, der, (size_t)result, &credentials->crl);
    free(der);
    return result == -ENOBUFS ? -EBADMSG : result;
}

/* The list is read last, so that a node that finds itself on it still starts. */
static int load(struct sl_credentials *credentials, const struct sl_credentials_files *files,
                const char **ret_what)
{
    *ret_what = "ca";
    int result = load_authority(credentials, files->ca, files->ca_len);
    if (result < 0)
        return result;
    *ret_what = "certificate";
    result = sl_x509_parse(&credentials->chain, files->certificate, files->certificate_len);
    if (result < 0)
        return result;
    *ret_what = "key";
    result = sl_x509_parse_key(&credentials->key, files->key, files->key_len, true);
    if (result < 0)
        return result;
    if (sl_mbedtls_check_pair(&credentials->chain.pk, &credentials->key) != 0)
        return -EKEYREJECTED;
    *ret_what = "certificate";
    result = verify_own(credentials);
    if (result < 0 || !files->crl)
        return result;
    *ret_what = "crl";
    return load_crl(credentials, files->crl, files->crl_len);
}

int sl_credentials_new(const struct sl_credentials_files *files,
                       struct sl_credentials **ret_credentials, const char **ret_what)
{
    *ret_what = "memory";
    struct sl_credentials *credentials = calloc(1, sizeof(*credentials));
    if (!credentials || sl_mbedtls_init() != 0) {
        free(credentials);
        return -ENOMEM;
    }
    mbedtls_x509_crt_init(&credentials->ca);
    mbedtls_x509_crt_init(&credentials->chain);
    mbedtls_pk_init(&credentials->key);
    int result = load(credentials, files, ret_what);
    if (result < 0) {
        sl_credentials_free(credentials);
        return result;
    }
    *ret_credentials = credentials;
    return 0;
}

void sl_credentials_free(struct sl_credentials *credentials)
{
    if (!credentials)
        return;
    mbedtls_x509_crt_free(&credentials->ca);
    mbedtls_x509_crt_free(&credentials->chain);
    mbedtls_pk_free(&credentials->key);
    sl_crl_done(&credentials->crl);
    free(credentials);
}

void sl_credentials_membership(struct sl_credentials *credentials,
                               struct sl_membership *ret_membership)
{
    *ret_membership = (struct sl_membership){
        .ctx = credentials,
        .check = check,
        .own_chain = own_chain,
        .take_crl = take_crl,
        .revoked = revoked,
        .crl = crl_in_force,
    };
}

void sl_credentials_own(const struct sl_credentials *credentials, struct sl_identity *ret_identity)
{
    *ret_identity = credentials->identity;
}

const uint8_t *sl_credentials_crl(const struct sl_credentials *credentials, size_t *ret_len)
{
    *ret_len = credentials->crl.len;
    return credentials->crl.der;
}
