/* Networks and nodes with real certificates, made on the spot, for tests and fuzz targets.
 * Everything here asserts: a test that cannot make its credentials has failed. Calls
 * sl_sodium_init() itself. */
#ifndef SL_TESTS_SIM_TEST_CREDENTIALS_H
#define SL_TESTS_SIM_TEST_CREDENTIALS_H

#include "crypto/authority.h"
#include "crypto/membership.h"

/* Certificates made here are valid from TEST_NOW, nodes' and invites' for TEST_LIFETIME seconds,
 * the authority's for ten years. */
#define TEST_NOW      INT64_C(1760000000)
#define TEST_LIFETIME INT64_C(31536000)

/* An authority, or an invite issued by one: whoever can issue. */
struct test_issuer {
    char certificate[SL_PEM_MAX];
    char key[SL_PEM_MAX];
    uint8_t serial[20];
};

struct test_network {
    struct test_issuer authority;
    uint8_t secret[SL_KEY_LEN]; /* network secret */
};
void test_network_make(struct test_network *network, const char *name);

struct test_node {
    uint8_t seed[SL_KEY_LEN];         /* Ed25519 */
    uint8_t sign_key[SL_KEY_LEN];     /* its public half */
    char certificate[2 * SL_PEM_MAX]; /* with the invite behind it, if it came through one */
    char key[SL_PEM_MAX];
    uint8_t serial[20];
    struct sl_credentials *credentials; /* free with test_node_done() */
};
void test_node_make(struct test_node *node, const struct test_network *network, const char *name);
void test_node_done(struct test_node *node);

/* As test_node_make(), valid from `now` for `lifetime` seconds: an expired one, or one of tomorrow.
 */
void test_node_make_at(struct test_node *node, const struct test_network *network, const char *name,
                       int64_t now, int64_t lifetime);

/* An invite, and a node admitted by it. */
void test_invite_make(struct test_issuer *invite, const struct test_network *network,
                      const char *name);
void test_node_make_invited(struct test_node *node, const struct test_network *network,
                            const struct test_issuer *invite, const char *name);

/* The credentials of `name` ("node", or "guest" who was invited) under tests/vectors/credentials,
 * which are the same in every run: for fuzz targets, whose corpus refers to them. Free them
 * yourself. */
struct sl_credentials *test_credentials_load(const char *name);

/* A CRL of the network over `count` serial numbers. Its length. */
size_t test_crl_make(const struct test_network *network, const uint8_t (*serials)[20], size_t count,
                     uint64_t number, uint8_t *ret_der, size_t cap);

/* The node's chain as in an IDENTITY envelope. Its length. */
size_t test_node_chain(const struct test_node *node, uint8_t *ret_chain, size_t cap);

#endif
