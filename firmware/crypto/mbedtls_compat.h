/* Private to crypto/. mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13) under one face: what changed its
 * name or its arguments between the two, and their random source. */
#ifndef SL_CRYPTO_MBEDTLS_COMPAT_H
#define SL_CRYPTO_MBEDTLS_COMPAT_H

#include "base/base.h"

#include <mbedtls/pk.h>
#include <mbedtls/sha1.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include <sodium.h>

/* Fields that 3.x renames and 2.28 has in the open. */
#ifndef MBEDTLS_PRIVATE
#define MBEDTLS_PRIVATE(member) member
#endif

/* 3.6 wants the PSA core to run, as soon as TLS 1.3 is compiled in. Any number of times. */
static inline int sl_mbedtls_init(void)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return psa_crypto_init() == PSA_SUCCESS ? 0 : -1;
#else
    return 0;
#endif
}

/* mbedTLS's random callback over libsodium, which sl_sodium_init() has made ready. */
static inline int sl_mbedtls_random(void *ctx, unsigned char *ret_bytes, size_t len)
{
    (void)ctx;
    randombytes_buf(ret_bytes, len);
    return 0;
}

static inline int sl_mbedtls_parse_key(mbedtls_pk_context *key, const uint8_t *bytes, size_t len)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_pk_parse_key(key, bytes, len, NULL, 0, sl_mbedtls_random, NULL);
#else
    return mbedtls_pk_parse_key(key, bytes, len, NULL, 0);
#endif
}

/* 0 if `key` is the private half of `certified`. */
static inline int sl_mbedtls_check_pair(const mbedtls_pk_context *certified,
                                        const mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_pk_check_pair(certified, key, sl_mbedtls_random, NULL);
#else
    return mbedtls_pk_check_pair(certified, key);
#endif
}

static inline int sl_mbedtls_sign_sha256(mbedtls_pk_context *key, const uint8_t hash[32],
                                         uint8_t *ret_signature, size_t cap, size_t *ret_len)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, ret_signature, cap, ret_len,
                           sl_mbedtls_random, NULL);
#else
    (void)cap;
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, ret_signature, ret_len,
                           sl_mbedtls_random, NULL);
#endif
}

static inline int sl_mbedtls_sha1(const uint8_t *bytes, size_t len, uint8_t ret_hash[20])
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_sha1(bytes, len, ret_hash);
#else
    return mbedtls_sha1_ret(bytes, len, ret_hash);
#endif
}

/* MBEDTLS_ECP_DP_NONE for keys of other kinds. */
static inline mbedtls_ecp_group_id sl_mbedtls_curve(const mbedtls_pk_context *key)
{
    if (mbedtls_pk_get_type(key) != MBEDTLS_PK_ECKEY)
        return MBEDTLS_ECP_DP_NONE;
    return mbedtls_pk_ec(*key)->MBEDTLS_PRIVATE(grp).id;
}

static inline int sl_mbedtls_set_serial(mbedtls_x509write_cert *writer, uint8_t *serial, size_t len)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
    return mbedtls_x509write_crt_set_serial_raw(writer, serial, len);
#else
    mbedtls_mpi number;
    mbedtls_mpi_init(&number);
    int result = mbedtls_mpi_read_binary(&number, serial, len);
    if (result == 0)
        result = mbedtls_x509write_crt_set_serial(writer, &number);
    mbedtls_mpi_free(&number);
    return result;
#endif
}

/* DTLS 1.2 and nothing else; ECDHE over X25519 or P-256; ECDSA with SHA-256. */
static inline void sl_mbedtls_restrict(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
    static const uint16_t algorithms[] = {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
                                          MBEDTLS_TLS1_3_SIG_NONE};
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_sig_algs(config, algorithms);
#else
    static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519,
                                                  MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
    static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_NONE};
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(config, curves);
    mbedtls_ssl_conf_sig_hashes(config, hashes);
#endif
}

#endif
