/* Chains and revocation lists, good and odd. */
#include "crypto/membership.h"
#include "base/text.h"
#include "base/wire.h"
#include "crypto/mbedtls_compat.h"
#include "sim/test_credentials.h"

#include <errno.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHAIN_CAP 4096

struct chain {
    uint8_t bytes[CHAIN_CAP];
    size_t len;
};

struct world {
    struct test_network network;
    struct test_network foreign;
    struct test_node self; /* whose credentials judge */
    struct test_node other;
    struct test_issuer invite;
    struct test_node guest;
    struct sl_membership port;
    struct chain chain; /* scratch */
    struct sl_identity identity;
    enum sl_refusal refusal;
};

static int setup(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    test_network_make(&world->network, "square");
    test_network_make(&world->foreign, "square");
    test_node_make(&world->self, &world->network, "self");
    test_node_make(&world->other, &world->network, "other");
    test_invite_make(&world->invite, &world->network, "gate");
    test_node_make_invited(&world->guest, &world->network, &world->invite, "guest");
    sl_credentials_membership(world->self.credentials, &world->port);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    test_node_done(&world->self);
    test_node_done(&world->other);
    test_node_done(&world->guest);
    test_free(world);
    return 0;
}

static int check(struct world *world, const struct chain *chain, int64_t unix_time)
{
    world->refusal = SL_REFUSAL_NONE;
    memset(&world->identity, 0, sizeof(world->identity));
    return world->port.check(world->port.ctx, chain->bytes, chain->len, unix_time, &world->identity,
                             &world->refusal);
}

static void chain_of(const struct test_node *node, struct chain *ret_chain)
{
    ret_chain->len = test_node_chain(node, ret_chain->bytes, CHAIN_CAP);
}

static void add_pem(struct chain *chain, const char *pem)
{
    uint8_t der[SL_PEM_MAX];
    int len = sl_pem_to_der(pem, der, sizeof(der));
    assert_true(len > 0);
    struct sl_writer w;
    sl_writer_init(&w, chain->bytes + chain->len, CHAIN_CAP - chain->len);
    sl_write_u16(&w, (uint16_t)len);
    sl_write_bytes(&w, der, (size_t)len);
    assert_true(sl_write_done(&w) > 0);
    chain->len += (size_t)len + 2;
}

static void assert_refused(struct world *world, const struct chain *chain, int64_t unix_time,
                           enum sl_refusal refusal)
{
    assert_int_equal(check(world, chain, unix_time), -EACCES);
    assert_int_equal(world->refusal, refusal);
}

static void test_own_chain(void **state)
{
    struct world *world = *state;
    struct sl_identity own;
    chain_of(&world->self, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW), 0);
    sl_credentials_own(world->self.credentials, &own);
    assert_memory_equal(own.key, world->self.sign_key, SL_KEY_LEN);
    assert_string_equal(own.name, "self");
    assert_memory_equal(&own, &world->identity, sizeof(own));
    uint8_t small[CHAIN_CAP];
    for (size_t cap = 0; cap < world->chain.len; cap++)
        assert_int_equal(world->port.own_chain(world->port.ctx, small, cap), -ENOBUFS);
}

static void test_member(void **state)
{
    struct world *world = *state;
    static const uint8_t no_serial[20];
    chain_of(&world->other, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW + 1), 0);
    assert_memory_equal(world->identity.key, world->other.sign_key, SL_KEY_LEN);
    assert_memory_equal(world->identity.serial, world->other.serial, 20);
    assert_memory_equal(world->identity.issuer_serial, no_serial, 20);
    assert_true(world->identity.not_after == TEST_NOW + TEST_LIFETIME);
    assert_string_equal(world->identity.name, "other");
}

static void test_invited_member(void **state)
{
    struct world *world = *state;
    chain_of(&world->guest, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW + 1), 0);
    assert_string_equal(world->identity.name, "guest");
    assert_memory_equal(world->identity.serial, world->guest.serial, 20);
    assert_memory_equal(world->identity.issuer_serial, world->invite.serial, 20);

    /* The leaf alone leads nowhere. */
    uint16_t leaf_len = (uint16_t)(world->chain.bytes[0] << 8 | world->chain.bytes[1]);
    world->chain.len = leaf_len + 2u;
    assert_refused(world, &world->chain, TEST_NOW, SL_REFUSAL_FOREIGN);
}

static void test_validity_to_the_second(void **state)
{
    struct world *world = *state;
    struct chain *chain = &world->chain;
    chain_of(&world->other, chain);
    assert_refused(world, chain, TEST_NOW - 1, SL_REFUSAL_NOT_YET);
    assert_int_equal(check(world, chain, TEST_NOW), 0);
    assert_int_equal(check(world, chain, TEST_NOW + TEST_LIFETIME), 0);
    assert_refused(world, chain, TEST_NOW + TEST_LIFETIME + 1, SL_REFUSAL_EXPIRED);
    assert_int_equal(check(world, chain, 0), 0);

    /* An invite that has ended ends what came through it, and says so in not_after. */
    struct test_issuer *brief = &world->invite;
    struct sl_issue issue = {
        .issuer_certificate = world->network.authority.certificate,
        .issuer_key = world->network.authority.key,
        .subject_key = brief->key,
        .name = "brief",
        .now_unix = TEST_NOW,
        .lifetime = 100,
    };
    assert_int_equal(sl_authority_issue(&issue, brief->certificate, brief->serial), 0);
    test_node_done(&world->guest);
    test_node_make_invited(&world->guest, &world->network, brief, "guest");
    chain_of(&world->guest, chain);
    assert_int_equal(check(world, chain, TEST_NOW + 100), 0);
    assert_true(world->identity.not_after == TEST_NOW + 100);
    assert_refused(world, chain, TEST_NOW + 101, SL_REFUSAL_EXPIRED);
}

static void test_foreign_network(void **state)
{
    struct world *world = *state;
    struct test_node stranger;
    test_node_make(&stranger, &world->foreign, "other");
    chain_of(&stranger, &world->chain);
    assert_refused(world, &world->chain, TEST_NOW, SL_REFUSAL_FOREIGN);
    /* Bringing the own authority along makes it no better. */
    add_pem(&world->chain, world->foreign.authority.certificate);
    assert_refused(world, &world->chain, TEST_NOW, SL_REFUSAL_FOREIGN);
    test_node_done(&stranger);
}

/* A member cannot issue: its certificate is no authority's. */
static void test_member_cannot_issue(void **state)
{
    struct world *world = *state;
    mbedtls_pk_context key;
    mbedtls_pk_context subject;
    mbedtls_x509write_cert writer;
    char pem[SL_PEM_MAX];
    char name[200] = "CN=";
    uint8_t serial[1] = {7};
    mbedtls_pk_init(&key);
    mbedtls_pk_init(&subject);
    mbedtls_x509write_crt_init(&writer);
    const uint8_t *other_key = (const uint8_t *)world->other.key;
    assert_int_equal(sl_mbedtls_parse_key(&key, other_key, strlen(world->other.key) + 1), 0);
    const uint8_t *self_key = (const uint8_t *)world->self.key;
    assert_int_equal(sl_mbedtls_parse_key(&subject, self_key, strlen(world->self.key) + 1), 0);
    sl_hex_encode(world->other.sign_key, SL_KEY_LEN, name + 3);
    strcat(name, ",OU=other");
    mbedtls_x509write_crt_set_subject_key(&writer, &subject);
    mbedtls_x509write_crt_set_issuer_key(&writer, &key);
    mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&writer, name), 0);
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(&writer, name), 0);
    assert_int_equal(sl_mbedtls_set_serial(&writer, serial, 1), 0);
    assert_int_equal(
        mbedtls_x509write_crt_set_validity(&writer, "20250101000000", "20300101000000"), 0);
    assert_int_equal(
        mbedtls_x509write_crt_set_key_usage(&writer, MBEDTLS_X509_KU_DIGITAL_SIGNATURE), 0);
    assert_int_equal(mbedtls_x509write_crt_pem(&writer, (unsigned char *)pem, sizeof(pem),
                                               sl_mbedtls_random, NULL),
                     0);
    world->chain.len = 0;
    add_pem(&world->chain, pem);
    add_pem(&world->chain, world->other.certificate);
    assert_refused(world, &world->chain, TEST_NOW, SL_REFUSAL_FOREIGN);
    mbedtls_x509write_crt_free(&writer);
    mbedtls_pk_free(&key);
    mbedtls_pk_free(&subject);
}

/* How a certificate signed by the network's own authority may still be wrong. */
struct odd {
    const char *subject;
    bool is_ca;
    int path_length;
    unsigned key_usage; /* 0: none */
    mbedtls_md_type_t md;
    mbedtls_ecp_group_id curve;
    bool no_serial;
};

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GOOD                                                                                       \
    .path_length = -1, .key_usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE, .md = MBEDTLS_MD_SHA256,    \
    .curve = MBEDTLS_ECP_DP_SECP256R1

static void write_odd(const struct world *world, const struct odd *odd, char ret_pem[SL_PEM_MAX],
                      mbedtls_pk_context *subject)
{
    mbedtls_pk_context key;
    mbedtls_x509write_cert writer;
    const char *authority_key = world->network.authority.key;
    uint8_t serial[2] = {0x12, 0x34};
    if (odd->no_serial)
        memset(serial, 0, sizeof(serial));
    mbedtls_pk_init(&key);
    mbedtls_x509write_crt_init(&writer);
    assert_int_equal(
        sl_mbedtls_parse_key(&key, (const uint8_t *)authority_key, strlen(authority_key) + 1), 0);
    assert_int_equal(mbedtls_pk_setup(subject, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
    assert_int_equal(
        mbedtls_ecp_gen_key(odd->curve, mbedtls_pk_ec(*subject), sl_mbedtls_random, NULL), 0);
    mbedtls_x509write_crt_set_subject_key(&writer, subject);
    mbedtls_x509write_crt_set_issuer_key(&writer, &key);
    mbedtls_x509write_crt_set_md_alg(&writer, odd->md);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&writer, "CN=square"), 0);
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(&writer, odd->subject), 0);
    assert_int_equal(sl_mbedtls_set_serial(&writer, serial, sizeof(serial)), 0);
    assert_int_equal(
        mbedtls_x509write_crt_set_validity(&writer, "20250101000000", "20300101000000"), 0);
    assert_int_equal(
        mbedtls_x509write_crt_set_basic_constraints(&writer, odd->is_ca, odd->path_length), 0);
    if (odd->key_usage != 0)
        assert_int_equal(
            mbedtls_x509write_crt_set_key_usage(&writer, (unsigned char)odd->key_usage), 0);
    assert_int_equal(mbedtls_x509write_crt_pem(&writer, (unsigned char *)ret_pem, SL_PEM_MAX,
                                               sl_mbedtls_random, NULL),
                     0);
    mbedtls_x509write_crt_free(&writer);
    mbedtls_pk_free(&key);
}

static void odd_chain(struct world *world, const struct odd *odd)
{
    char pem[SL_PEM_MAX];
    mbedtls_pk_context subject;
    mbedtls_pk_init(&subject);
    write_odd(world, odd, pem, &subject);
    mbedtls_pk_free(&subject);
    world->chain.len = 0;
    add_pem(&world->chain, pem);
}

static void test_odd_certificates_of_the_authority(void **state)
{
    struct world *world = *state;
    static const struct odd good = {GOOD, .subject = "CN=" HEX64 ",OU=odd"};
    static const struct odd cases[] = {
        {GOOD, .subject = "CN=" HEX64},
        {GOOD, .subject = "OU=odd"},
        {GOOD, .subject = "CN=" HEX64 ",OU=serial number 0", .no_serial = true},
        {GOOD, .subject = "CN=" HEX64 ",OU=odd,O=more"},
        {GOOD, .subject = "CN=00112233,OU=short"},
        {GOOD, .subject = "CN=" HEX64 "00,OU=long"},
        {GOOD, .subject = "CN=00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff,"
                          "OU=upper case"},
        {GOOD, .subject = "CN=0011223344556677889gaabbccddeeff00112233445566778899aabbccddeeff,"
                          "OU=not hex"},
        {GOOD, .subject = "CN=" HEX64 ",OU=two\nlines"},
        {GOOD, .subject = "CN=" HEX64 ",OU=\u202ebidi"},
        {GOOD, .subject = "CN=" HEX64 ",OU=0123456789012345678901234567890123456789012345678901234"
                          "567890123"},
        {.subject = "CN=" HEX64 ",OU=no usage",
         .path_length = -1,
         .md = MBEDTLS_MD_SHA256,
         .curve = MBEDTLS_ECP_DP_SECP256R1},
        {.subject = "CN=" HEX64 ",OU=wrong usage",
         .path_length = -1,
         .md = MBEDTLS_MD_SHA256,
         .curve = MBEDTLS_ECP_DP_SECP256R1,
         .key_usage = MBEDTLS_X509_KU_KEY_AGREEMENT},
        {.subject = "CN=" HEX64 ",OU=an authority",
         .is_ca = true,
         .path_length = 0,
         .md = MBEDTLS_MD_SHA256,
         .curve = MBEDTLS_ECP_DP_SECP256R1,
         .key_usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE},
        {.subject = "CN=" HEX64 ",OU=curve",
         .path_length = -1,
         .md = MBEDTLS_MD_SHA256,
         .curve = MBEDTLS_ECP_DP_SECP384R1,
         .key_usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE},
        {.subject = "CN=" HEX64 ",OU=hash",
         .path_length = -1,
         .md = MBEDTLS_MD_SHA512,
         .curve = MBEDTLS_ECP_DP_SECP256R1,
         .key_usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE},
    };
    odd_chain(world, &good);
    assert_int_equal(check(world, &world->chain, TEST_NOW), 0);
    assert_string_equal(world->identity.name, "odd");
    for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
        odd_chain(world, &cases[i]);
        if (check(world, &world->chain, TEST_NOW) == 0)
            fail_msg("%s passed", cases[i].subject);
        assert_int_equal(world->refusal, SL_REFUSAL_MALFORMED);
    }
}

/* An intermediate that could admit further intermediates is none of ours. */
static void test_invite_with_a_longer_path(void **state)
{
    struct world *world = *state;
    static const struct odd odd = {.subject = "CN=wide gate",
                                   .is_ca = true,
                                   .path_length = 1,
                                   .key_usage = MBEDTLS_X509_KU_KEY_CERT_SIGN,
                                   .md = MBEDTLS_MD_SHA256,
                                   .curve = MBEDTLS_ECP_DP_SECP256R1};
    mbedtls_pk_context subject;
    char wide[SL_PEM_MAX];
    char wide_key[SL_PEM_MAX];
    char leaf[SL_PEM_MAX];
    uint8_t serial[20];
    mbedtls_pk_init(&subject);
    write_odd(world, &odd, wide, &subject);
    assert_int_equal(
        mbedtls_pk_write_key_pem(&subject, (unsigned char *)wide_key, sizeof(wide_key)), 0);
    mbedtls_pk_free(&subject);
    struct sl_issue issue = {
        .issuer_certificate = wide,
        .issuer_key = wide_key,
        .subject_key = world->other.key,
        .name = "other",
        .sign_key = world->other.sign_key,
        .now_unix = TEST_NOW,
        .lifetime = TEST_LIFETIME,
    };
    assert_int_equal(sl_authority_issue(&issue, leaf, serial), 0);
    world->chain.len = 0;
    add_pem(&world->chain, leaf);
    add_pem(&world->chain, wide);
    assert_refused(world, &world->chain, TEST_NOW, SL_REFUSAL_MALFORMED);
}

/* Certificates that are not part of the path, and authorities in the place of nodes. */
static void test_riders(void **state)
{
    struct world *world = *state;
    struct chain *chain = &world->chain;
    chain_of(&world->other, chain);
    add_pem(chain, world->invite.certificate);
    assert_refused(world, chain, TEST_NOW, SL_REFUSAL_MALFORMED);
    chain_of(&world->other, chain);
    add_pem(chain, world->network.authority.certificate);
    assert_refused(world, chain, TEST_NOW, SL_REFUSAL_MALFORMED);
    chain_of(&world->guest, chain);
    add_pem(chain, world->network.authority.certificate);
    assert_refused(world, chain, TEST_NOW, SL_REFUSAL_MALFORMED);
    chain->len = 0;
    add_pem(chain, world->network.authority.certificate);
    assert_refused(world, chain, TEST_NOW, SL_REFUSAL_MALFORMED);
    chain->len = 0;
    add_pem(chain, world->invite.certificate);
    assert_refused(world, chain, TEST_NOW, SL_REFUSAL_MALFORMED);
}

static void test_truncated_and_flipped(void **state)
{
    struct world *world = *state;
    struct chain *chain = &world->chain;
    chain_of(&world->guest, chain);
    size_t len = chain->len;
    size_t leaf_len = (size_t)(chain->bytes[0] << 8 | chain->bytes[1]) + 2;
    for (chain->len = 0; chain->len < len; chain->len++)
        assert_refused(world, chain, TEST_NOW,
                       chain->len == leaf_len ? SL_REFUSAL_FOREIGN : SL_REFUSAL_MALFORMED);
    for (size_t at = 0; at < len; at++) {
        chain->bytes[at] ^= 0x10;
        assert_int_equal(check(world, chain, TEST_NOW), -EACCES);
        chain->bytes[at] ^= 0x10;
    }
    chain->bytes[chain->len++] = 0;
    assert_refused(world, chain, TEST_NOW, SL_REFUSAL_MALFORMED);
    /* A byte behind the certificate, inside its length. */
    chain_of(&world->other, chain);
    chain->bytes[1]++;
    if (chain->bytes[1] == 0)
        chain->bytes[0]++;
    chain->bytes[chain->len++] = 0;
    assert_refused(world, chain, TEST_NOW, SL_REFUSAL_MALFORMED);
}

static size_t make_crl(const struct world *world, const uint8_t serial[20], uint64_t number,
                       uint8_t ret_der[1024])
{
    return test_crl_make(&world->network, (const uint8_t(*)[20])(const void *)serial, 1, number,
                         ret_der, 1024);
}

static void test_revocation(void **state)
{
    struct world *world = *state;
    uint8_t crl[1024];
    size_t in_force_len = 1;
    assert_null(sl_credentials_crl(world->self.credentials, &in_force_len));
    assert_int_equal(in_force_len, 0);
    chain_of(&world->other, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW), 0);
    struct sl_identity other = world->identity;
    assert_false(world->port.revoked(world->port.ctx, &other));

    size_t len = make_crl(world, world->other.serial, 1, crl);
    assert_int_equal(world->port.take_crl(world->port.ctx, crl, len), 0);
    assert_refused(world, &world->chain, TEST_NOW, SL_REFUSAL_REVOKED);
    assert_refused(world, &world->chain, 0, SL_REFUSAL_REVOKED);
    assert_true(world->port.revoked(world->port.ctx, &other));
    uint64_t number = 0;
    size_t port_len = 0;
    const uint8_t *in_force = sl_credentials_crl(world->self.credentials, &in_force_len);
    assert_ptr_equal(world->port.crl(world->port.ctx, &number, &port_len), in_force);
    assert_int_equal(number, 1);
    assert_int_equal(port_len, in_force_len);
    assert_int_equal(in_force_len, len);
    assert_memory_equal(in_force, crl, len);

    chain_of(&world->guest, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW), 0);
}

static void test_revoked_invite(void **state)
{
    struct world *world = *state;
    uint8_t crl[1024];
    chain_of(&world->guest, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW), 0);
    struct sl_identity guest = world->identity;
    size_t len = make_crl(world, world->invite.serial, 1, crl);
    assert_int_equal(world->port.take_crl(world->port.ctx, crl, len), 0);
    assert_refused(world, &world->chain, TEST_NOW, SL_REFUSAL_REVOKED);
    assert_true(world->port.revoked(world->port.ctx, &guest));
}

static void test_newest_crl_is_in_force(void **state)
{
    struct world *world = *state;
    uint8_t old[1024];
    uint8_t new[1024];
    uint8_t same[1024];
    struct sl_membership *port = &world->port;
    size_t old_len = make_crl(world, world->other.serial, 9, old);
    size_t new_len = make_crl(world, world->guest.serial, 256, new);
    size_t same_len = make_crl(world, world->other.serial, 256, same);
    assert_int_equal(port->take_crl(port->ctx, old, old_len), 0);
    assert_int_equal(port->take_crl(port->ctx, old, old_len), -EALREADY);
    assert_int_equal(port->take_crl(port->ctx, new, new_len), 0);
    assert_int_equal(port->take_crl(port->ctx, old, old_len), -EALREADY);
    assert_int_equal(port->take_crl(port->ctx, same, same_len), -EALREADY);
    chain_of(&world->other, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW), 0);

    new_len = test_crl_make(&world->network, NULL, 0, UINT64_MAX, new, sizeof(new));
    assert_int_equal(port->take_crl(port->ctx, new, new_len), 0);
    chain_of(&world->guest, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW), 0);
}

static void test_crl_lookup_among_many(void **state)
{
    struct world *world = *state;
    uint8_t serials[40][20];
    uint8_t crl[4096];
    for (size_t i = 0; i < SL_ARRAY_LEN(serials); i++) {
        memset(serials[i], 0, 20);
        serials[i][19] = (uint8_t)(2 * i + 1);
        serials[i][4] = (uint8_t)(i % 3 ? 0x90 : 0); /* some need a leading zero, some are short */
    }
    size_t len = test_crl_make(&world->network, (const uint8_t(*)[20])serials,
                               SL_ARRAY_LEN(serials), 1, crl, sizeof(crl));
    assert_int_equal(world->port.take_crl(world->port.ctx, crl, len), 0);
    struct sl_identity identity = {0};
    for (size_t i = 0; i < SL_ARRAY_LEN(serials); i++) {
        memcpy(identity.serial, serials[i], 20);
        assert_true(world->port.revoked(world->port.ctx, &identity));
        identity.serial[19]++;
        assert_false(world->port.revoked(world->port.ctx, &identity));
    }
}

static void test_bad_crls(void **state)
{
    struct world *world = *state;
    uint8_t crl[1024];
    struct sl_membership *port = &world->port;
    size_t len = test_crl_make(&world->foreign, (const uint8_t(*)[20]) & world->other.serial, 1, 1,
                               crl, sizeof(crl));
    assert_int_equal(port->take_crl(port->ctx, crl, len), -EBADMSG);
    len = make_crl(world, world->other.serial, 1, crl);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(port->take_crl(port->ctx, crl, cut), -EBADMSG);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        crl[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(port->take_crl(port->ctx, crl, len), -EBADMSG);
        crl[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    crl[len] = 0;
    assert_int_equal(port->take_crl(port->ctx, crl, len + 1), -EBADMSG);
    static uint8_t huge[SL_CRL_MAX + 1];
    memcpy(huge, crl, len);
    assert_int_equal(port->take_crl(port->ctx, huge, sizeof(huge)), -EBADMSG);
    chain_of(&world->other, &world->chain);
    assert_int_equal(check(world, &world->chain, TEST_NOW), 0);
    assert_int_equal(port->take_crl(port->ctx, crl, len), 0);
}

/* The list with one byte of its signed part changed, signed anew by the authority. Its new length.
 */
static size_t sign_changed(const struct world *world, uint8_t *crl, size_t len, size_t at,
                           uint8_t value, size_t cap)
{
    mbedtls_x509_crl parsed;
    mbedtls_pk_context key;
    const char *pem = world->network.authority.key;
    uint8_t tbs[1024];
    uint8_t hash[32];
    uint8_t signature[256];
    size_t signature_len = 0;
    mbedtls_x509_crl_init(&parsed);
    mbedtls_pk_init(&key);
    assert_int_equal(sl_mbedtls_parse_key(&key, (const uint8_t *)pem, strlen(pem) + 1), 0);
    assert_int_equal(mbedtls_x509_crl_parse_der(&parsed, crl, len), 0);
    size_t tbs_len = parsed.tbs.len;
    assert_true(tbs_len <= sizeof(tbs));
    memcpy(tbs, parsed.tbs.p, tbs_len);
    tbs[at - (size_t)(parsed.tbs.p - parsed.raw.p)] = value;
    crypto_hash_sha256(hash, tbs, tbs_len);
    assert_int_equal(
        sl_mbedtls_sign_sha256(&key, hash, signature, sizeof(signature), &signature_len), 0);
    unsigned char *p = crl + cap;
    int body = mbedtls_asn1_write_bitstring(&p, crl, signature, 8 * signature_len);
    body += mbedtls_asn1_write_algorithm_identifier(&p, crl, MBEDTLS_OID_ECDSA_SHA256,
                                                    MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA256), 0);
    body += mbedtls_asn1_write_raw_buffer(&p, crl, tbs, tbs_len);
    body += mbedtls_asn1_write_len(&p, crl, (size_t)body);
    body += mbedtls_asn1_write_tag(&p, crl, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    memmove(crl, p, (size_t)body);
    mbedtls_pk_free(&key);
    mbedtls_x509_crl_free(&parsed);
    return (size_t)body;
}

/* A list of the authority's that is not as PROTOCOL.md has it. */
static void test_crl_without_a_usable_number(void **state)
{
    struct world *world = *state;
    static const uint8_t crl_number[] = {0x06, 0x03, 0x55, 0x1d, 0x14,
                                         0x04, 0x0a, 0x02, 0x08, 0x7f};
    /* Offset in the above, and what is written there. */
    const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {
        {4, 0x15}, /* another extension */
        {7, 0x04}, /* no INTEGER */
        {9, 0x80}, /* negative */
        {8, 0x07}, /* something behind the number */
        {5, 0x03}, /* no OCTET STRING */
    };
    uint8_t crl[1024];
    for (size_t i = 0; i <= SL_ARRAY_LEN(wrong); i++) {
        size_t len = make_crl(world, world->other.serial, UINT64_C(0x7f00000000000000) + i, crl);
        uint8_t *found = memmem(crl, len, crl_number, sizeof(crl_number));
        assert_non_null(found);
        bool good = i == SL_ARRAY_LEN(wrong);
        size_t at = good ? 9 : wrong[i].at;
        uint8_t value = good ? 0x7e : wrong[i].value;
        len = sign_changed(world, crl, len, (size_t)(found - crl) + at, value, sizeof(crl));
        assert_int_equal(world->port.take_crl(world->port.ctx, crl, len), good ? 0 : -EBADMSG);
    }
}

/* Loading, in every form and with every mistake. */
static int load(const struct sl_credentials_files *files, const char **ret_what)
{
    struct sl_credentials *credentials = NULL;
    int result = sl_credentials_new(files, &credentials, ret_what);
    sl_credentials_free(credentials);
    return result;
}

static struct sl_credentials_files files_of(const struct world *world)
{
    return (struct sl_credentials_files){
        .ca = (const uint8_t *)world->network.authority.certificate,
        .ca_len = strlen(world->network.authority.certificate),
        .certificate = (const uint8_t *)world->other.certificate,
        .certificate_len = strlen(world->other.certificate),
        .key = (const uint8_t *)world->other.key,
        .key_len = strlen(world->other.key),
    };
}

static void test_load_der(void **state)
{
    struct world *world = *state;
    uint8_t ca[SL_PEM_MAX];
    uint8_t certificate[SL_PEM_MAX];
    uint8_t key[SL_PEM_MAX];
    uint8_t crl[1024];
    const char *what = NULL;
    struct sl_credentials_files files = {.ca = ca, .certificate = certificate, .key = key};
    files.ca_len = (size_t)sl_pem_to_der(world->network.authority.certificate, ca, sizeof(ca));
    files.certificate_len =
        (size_t)sl_pem_to_der(world->other.certificate, certificate, sizeof(certificate));
    files.key_len = (size_t)sl_pem_to_der(world->other.key, key, sizeof(key));
    assert_int_equal(load(&files, &what), 0);
    files.crl = crl;
    files.crl_len = make_crl(world, world->guest.serial, 1, crl);
    assert_int_equal(load(&files, &what), 0);

    char pem[SL_PEM_MAX];
    assert_int_equal(sl_der_to_pem("X509 CRL", crl, files.crl_len, pem), 0);
    files.crl = (const uint8_t *)pem;
    files.crl_len = strlen(pem);
    assert_int_equal(load(&files, &what), 0);

    files.certificate_len++;
    certificate[files.certificate_len - 1] = 0;
    assert_int_equal(load(&files, &what), -EBADMSG);
    assert_string_equal(what, "certificate");
}

static void assert_load_fails(const struct sl_credentials_files *files, int error,
                              const char *expected)
{
    const char *what = NULL;
    assert_int_equal(load(files, &what), error);
    assert_string_equal(what, expected);
}

static void test_load_mistakes(void **state)
{
    struct world *world = *state;
    static const uint8_t nonsense[] = "nonsense";
    struct sl_credentials_files files = files_of(world);
    files.ca = nonsense;
    files.ca_len = sizeof(nonsense);
    assert_load_fails(&files, -EBADMSG, "ca");
    files = files_of(world);
    files.ca = files.certificate;
    files.ca_len = files.certificate_len;
    assert_load_fails(&files, -EBADMSG, "ca");
    files = files_of(world);
    files.certificate_len = 0;
    assert_load_fails(&files, -EBADMSG, "certificate");
    files = files_of(world);
    files.certificate = files.ca;
    files.certificate_len = files.ca_len;
    assert_load_fails(&files, -EKEYREJECTED, "key");
    files = files_of(world);
    files.key = nonsense;
    files.key_len = sizeof(nonsense);
    assert_load_fails(&files, -EBADMSG, "key");
    files = files_of(world);
    files.key = (const uint8_t *)world->self.key;
    files.key_len = strlen(world->self.key);
    assert_load_fails(&files, -EKEYREJECTED, "key");
    files = files_of(world);
    files.ca = (const uint8_t *)world->foreign.authority.certificate;
    files.ca_len = strlen(world->foreign.authority.certificate);
    assert_load_fails(&files, -EACCES, "certificate");
    files = files_of(world);
    files.crl = nonsense;
    files.crl_len = sizeof(nonsense);
    assert_load_fails(&files, -EBADMSG, "crl");
    static const uint8_t bad_pem[] = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    files.crl = bad_pem;
    files.crl_len = sizeof(bad_pem) - 1;
    assert_load_fails(&files, -EBADMSG, "crl");
}

/* A key that is on no list of ours: refused at the start, not in the first handshake. */
static void test_load_certificate_that_names_nobody(void **state)
{
    struct world *world = *state;
    static const struct odd odd = {GOOD, .subject = "CN=nobody,OU=odd"};
    mbedtls_pk_context subject;
    char pem[SL_PEM_MAX];
    char key[SL_PEM_MAX];
    mbedtls_pk_init(&subject);
    write_odd(world, &odd, pem, &subject);
    assert_int_equal(mbedtls_pk_write_key_pem(&subject, (unsigned char *)key, sizeof(key)), 0);
    mbedtls_pk_free(&subject);
    struct sl_credentials_files files = files_of(world);
    files.certificate = (const uint8_t *)pem;
    files.certificate_len = strlen(pem);
    files.key = (const uint8_t *)key;
    files.key_len = strlen(key);
    assert_load_fails(&files, -EBADMSG, "certificate");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_own_chain),
        TEST(test_member),
        TEST(test_invited_member),
        TEST(test_validity_to_the_second),
        TEST(test_foreign_network),
        TEST(test_member_cannot_issue),
        TEST(test_odd_certificates_of_the_authority),
        TEST(test_invite_with_a_longer_path),
        TEST(test_riders),
        TEST(test_truncated_and_flipped),
        TEST(test_revocation),
        TEST(test_revoked_invite),
        TEST(test_newest_crl_is_in_force),
        TEST(test_crl_lookup_among_many),
        TEST(test_bad_crls),
        TEST(test_crl_without_a_usable_number),
        TEST(test_load_der),
        TEST(test_load_mistakes),
        TEST(test_load_certificate_that_names_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
