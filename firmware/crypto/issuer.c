#include "crypto/issuer.h"

#include <errno.h>
#include <string.h>
#include <time.h>

int sl_mbedtls_errno(int code)
{
    switch (code) {
    case 0:
        return 0;
    case MBEDTLS_ERR_ASN1_BUF_TOO_SMALL:
    case MBEDTLS_ERR_X509_BUFFER_TOO_SMALL:
        return -ENOBUFS;
    case MBEDTLS_ERR_ASN1_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
    case MBEDTLS_ERR_PK_ALLOC_FAILED:
        return -ENOMEM;
    default:
        return code > 0 ? 0 : -EIO;
    }
}

void sl_x509_time_text(int64_t unix_time, char ret_text[16])
{
    time_t when = (time_t)unix_time;
    if (unix_time < 0)
        when = 0;
    if (unix_time > SL_X509_TIME_MAX)
        when = (time_t)SL_X509_TIME_MAX;
    struct tm date;
    gmtime_r(&when, &date);
    strftime(ret_text, 16, "%Y%m%d%H%M%S", &date);
}

int sl_issuer_load(struct sl_issuer *issuer, const char *certificate, const char *key,
                   int64_t now_unix)
{
    mbedtls_x509_crt_init(&issuer->certificate);
    mbedtls_pk_init(&issuer->key);
    if (sl_mbedtls_init() != 0)
        return -ENOMEM;
    int result =
        sl_x509_parse(&issuer->certificate, (const uint8_t *)certificate, strlen(certificate));
    if (result == 0)
        result = sl_x509_parse_key(&issuer->key, (const uint8_t *)key, strlen(key), true);
    if (result < 0)
        return result;
    if (sl_mbedtls_check_pair(&issuer->certificate.pk, &issuer->key) != 0)
        return -EKEYREJECTED;
    if (!sl_x509_is_authority(&issuer->certificate) ||
        now_unix < sl_x509_time(&issuer->certificate.valid_from) ||
        now_unix > sl_x509_time(&issuer->certificate.valid_to))
        return -EACCES;
    return 0;
}

void sl_issuer_done(struct sl_issuer *issuer)
{
    mbedtls_x509_crt_free(&issuer->certificate);
    mbedtls_pk_free(&issuer->key);
}
