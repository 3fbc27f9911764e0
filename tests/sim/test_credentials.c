#include "sim/test_credentials.h"

#include "crypto/sodium.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define AUTHORITY_DAYS 3650
#define VECTORS        "tests/vectors/credentials"

void test_network_make(struct test_network *network, const char *name)
{
    struct sl_primitives primitives;
    int result = sl_sodium_init();
    assert(result == 0);
    sl_sodium_primitives(&primitives);
    memset(network, 0, sizeof(*network));
    primitives.random(primitives.ctx, network->secret, sizeof(network->secret));
    result = sl_authority_create(name, TEST_NOW, AUTHORITY_DAYS, network->authority.certificate,
                                 network->authority.key);
    assert(result == 0);
    struct sl_certificate_info info;
    result = sl_certificate_read(network->authority.certificate, &info);
    assert(result == 0);
    memcpy(network->authority.serial, info.identity.serial, sizeof(info.identity.serial));
}

static struct sl_credentials *load(const char *ca, const char *certificate, const char *key)
{
    struct sl_credentials_files files = {
        .ca = (const uint8_t *)ca,
        .ca_len = strlen(ca),
        .certificate = (const uint8_t *)certificate,
        .certificate_len = strlen(certificate),
        .key = (const uint8_t *)key,
        .key_len = strlen(key),
    };
    struct sl_credentials *credentials = NULL;
    const char *what = NULL;
    int result = sl_credentials_new(&files, &credentials, &what);
    if (result != 0)
        fprintf(stderr, "sl_credentials_new: %d, %s\n", result, what);
    assert(result == 0);
    return credentials;
}

static void make_keys(struct test_node *node)
{
    struct sl_primitives primitives;
    sl_sodium_primitives(&primitives);
    memset(node, 0, sizeof(*node));
    primitives.random(primitives.ctx, node->seed, sizeof(node->seed));
    primitives.sign_key(primitives.ctx, node->seed, node->sign_key);
    int result = sl_authority_key(node->key);
    assert(result == 0);
}

static void certify(struct test_node *node, const struct test_issuer *issuer, const char *name,
                    int64_t now, int64_t lifetime)
{
    struct sl_issue issue = {
        .issuer_certificate = issuer->certificate,
        .issuer_key = issuer->key,
        .subject_key = node->key,
        .name = name,
        .sign_key = node->sign_key,
        .now_unix = now,
        .lifetime = lifetime,
    };
    int result = sl_authority_issue(&issue, node->certificate, node->serial);
    assert(result == 0);
}

void test_node_make_at(struct test_node *node, const struct test_network *network, const char *name,
                       int64_t now, int64_t lifetime)
{
    make_keys(node);
    certify(node, &network->authority, name, now, lifetime);
    node->credentials = load(network->authority.certificate, node->certificate, node->key);
}

void test_node_make(struct test_node *node, const struct test_network *network, const char *name)
{
    test_node_make_at(node, network, name, TEST_NOW, TEST_LIFETIME);
}

void test_invite_make(struct test_issuer *invite, const struct test_network *network,
                      const char *name)
{
    int result = sl_authority_key(invite->key);
    assert(result == 0);
    struct sl_issue issue = {
        .issuer_certificate = network->authority.certificate,
        .issuer_key = network->authority.key,
        .subject_key = invite->key,
        .name = name,
        .now_unix = TEST_NOW,
        .lifetime = TEST_LIFETIME,
    };
    result = sl_authority_issue(&issue, invite->certificate, invite->serial);
    assert(result == 0);
}

void test_node_make_invited(struct test_node *node, const struct test_network *network,
                            const struct test_issuer *invite, const char *name)
{
    make_keys(node);
    certify(node, invite, name, TEST_NOW, TEST_LIFETIME);
    size_t len = strlen(node->certificate);
    snprintf(node->certificate + len, sizeof(node->certificate) - len, "%s", invite->certificate);
    node->credentials = load(network->authority.certificate, node->certificate, node->key);
}

void test_node_done(struct test_node *node)
{
    sl_credentials_free(node->credentials);
    memset(node, 0, sizeof(*node));
}

static void read_file(const char *name, const char *suffix, char *ret_text, size_t cap)
{
    char path[128];
    snprintf(path, sizeof(path), VECTORS "/%s.%s", name, suffix);
    FILE *file = fopen(path, "r");
    if (!file)
        fprintf(stderr, "cannot read %s: run this from the top folder\n", path);
    assert(file);
    size_t len = fread(ret_text, 1, cap - 1, file);
    ret_text[len] = '\0';
    fclose(file);
}

struct sl_credentials *test_credentials_load(const char *name)
{
    char ca[SL_PEM_MAX];
    char certificate[2 * SL_PEM_MAX];
    char key[SL_PEM_MAX];
    int result = sl_sodium_init();
    assert(result == 0);
    read_file("ca", "pem", ca, sizeof(ca));
    read_file(name, "pem", certificate, sizeof(certificate));
    read_file(name, "key", key, sizeof(key));
    return load(ca, certificate, key);
}

size_t test_crl_make(const struct test_network *network, const uint8_t (*serials)[20], size_t count,
                     uint64_t number, uint8_t *ret_der, size_t cap)
{
    struct sl_revoked revoked[64] = {0};
    assert(count <= SL_ARRAY_LEN(revoked));
    for (size_t i = 0; i < count; i++) {
        memcpy(revoked[i].serial, serials[i], sizeof(revoked[i].serial));
        revoked[i].when = TEST_NOW;
    }
    int len = sl_authority_crl(network->authority.certificate, network->authority.key, revoked,
                               count, number, TEST_NOW, ret_der, cap);
    assert(len > 0);
    return (size_t)len;
}

size_t test_node_chain(const struct test_node *node, uint8_t *ret_chain, size_t cap)
{
    struct sl_membership membership;
    sl_credentials_membership(node->credentials, &membership);
    int len = membership.own_chain(membership.ctx, ret_chain, cap);
    assert(len > 0);
    return (size_t)len;
}
