/* Memory runs out at each allocation in turn: an error comes back, nothing is lost, nothing
 * crashes. Stands in front of the C library's allocator, so under a sanitizer, which has its own,
 * it is skipped. */
#include "crypto/authority.h"
#include "crypto/dtls.h"
#include "crypto/sodium.h"
#include "mesh/packet.h"
#include "sim/test_credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define OTHER_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OTHER_ALLOCATOR 1
#endif
#endif

#define NOT_ARMED UINT32_MAX

/* Allocations until one fails; then all go well again. */
static uint32_t until_failure = NOT_ARMED;

/* Blocks now in use. */
static size_t live;

#ifndef OTHER_ALLOCATOR
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static bool fails(void)
{
    if (until_failure == NOT_ARMED)
        return false;
    if (until_failure > 0) {
        until_failure--;
        return false;
    }
    until_failure = NOT_ARMED;
    errno = ENOMEM;
    return true;
}

static void *count(void *block)
{
    live += block != NULL;
    return block;
}

void *malloc(size_t size)
{
    return fails() ? NULL : count(__libc_malloc(size));
}

void *calloc(size_t items, size_t size)
{
    return fails() ? NULL : count(__libc_calloc(items, size));
}

void *realloc(void *block, size_t size)
{
    if (fails())
        return NULL;
    void *moved = __libc_realloc(block, size);
    live += !block && moved;
    return moved;
}

void free(void *block)
{
    live -= block != NULL;
    __libc_free(block);
}
#endif

struct world {
    struct test_network network;
    struct test_issuer invite;
    struct test_node node[2];
    struct sl_primitives primitives;
};

static int setup(void **state)
{
#ifndef OTHER_ALLOCATOR
    struct world *world = test_calloc(1, sizeof(*world));
    test_network_make(&world->network, "square");
    test_invite_make(&world->invite, &world->network, "gate");
    sl_sodium_primitives(&world->primitives);
    test_node_make(&world->node[0], &world->network, "client");
    test_node_make_invited(&world->node[1], &world->network, &world->invite, "server");
    *state = world;
#else
    *state = NULL;
#endif
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    if (!world)
        return 0;
    for (int i = 0; i < 2; i++)
        test_node_done(&world->node[i]);
    test_free(world);
    return 0;
}

/* Runs `attempt` with an allocation failing: each of the first fifty, then ever fewer, for the many
 * behind them are all in the arithmetic of one library. Ends when `attempt` makes fewer; it must
 * then report success. */
static void fail_each(void **state, bool (*attempt)(struct world *world))
{
    struct world *world = *state;
    if (!world)
        skip();
    attempt(world);
    size_t before = live;
    unsigned runs = 0;
    for (uint32_t at = 0;; at += 1 + at / 50) {
        until_failure = at;
        bool succeeded = attempt(world);
        bool failed_one = until_failure == NOT_ARMED;
        until_failure = NOT_ARMED;
        if (live != before)
            fail_msg("failure of allocation %u lost %zd blocks", at, (ssize_t)(live - before));
        if (!failed_one) {
            assert_true(succeeded);
            print_message("%u failures among some %u allocations\n", runs, at);
            return;
        }
        runs++;
    }
}

static bool load_credentials(struct world *world)
{
    uint8_t crl[1024];
    uint32_t armed = until_failure;
    until_failure = NOT_ARMED;
    const struct test_node *node = &world->node[1];
    struct sl_credentials_files files = {
        .ca = (const uint8_t *)world->network.authority.certificate,
        .ca_len = strlen(world->network.authority.certificate),
        .certificate = (const uint8_t *)node->certificate,
        .certificate_len = strlen(node->certificate),
        .key = (const uint8_t *)node->key,
        .key_len = strlen(node->key),
        .crl = crl,
        .crl_len = test_crl_make(&world->network, (const uint8_t(*)[20]) & world->node[0].serial, 1,
                                 1, crl, sizeof(crl)),
    };
    struct sl_credentials *credentials = NULL;
    const char *what = NULL;
    until_failure = armed;
    int result = sl_credentials_new(&files, &credentials, &what);
    sl_credentials_free(credentials);
    assert_true(result == 0 || what != NULL);
    return result == 0;
}

static void test_load_credentials(void **state)
{
    fail_each(state, load_credentials);
}

static bool issue_and_revoke(struct world *world)
{
    char certificate[SL_PEM_MAX];
    struct sl_revoked revoked = {.when = TEST_NOW};
    uint8_t crl[1024];
    struct sl_issue issue = {
        .issuer_certificate = world->invite.certificate,
        .issuer_key = world->invite.key,
        .subject_key = world->node[0].key,
        .name = "relay",
        .sign_key = world->node[0].sign_key,
        .now_unix = TEST_NOW,
        .lifetime = 1000,
    };
    if (sl_authority_issue(&issue, certificate, revoked.serial) < 0)
        return false;
    return sl_authority_crl(world->network.authority.certificate, world->network.authority.key,
                            &revoked, 1, 1, TEST_NOW, crl, sizeof(crl)) > 0;
}

static void test_issue_and_revoke(void **state)
{
    fail_each(state, issue_and_revoke);
}

/* One datagram lost to a failed allocation is a lost datagram: it comes again after a while. */
static void carry(struct sl_sessions port[2], struct sl_session *session[2], sl_time now)
{
    static const struct sl_address address = {.len = 1, .bytes = {1}};
    bool moved = true;
    while (moved) {
        moved = false;
        for (int from = 0; from < 2; from++) {
            uint8_t bytes[SL_DATAGRAM_MAX];
            struct sl_reply reply = {0};
            size_t len =
                session[from] ? port[from].transmit(session[from], bytes, sizeof(bytes)) : 0;
            if (len == 0)
                continue;
            moved = true;
            if (session[!from])
                port[!from].receive(session[!from], bytes, len, now);
            else
                port[1].accept(port[1].ctx,
                               &(struct sl_opening){&address, bytes, len, TEST_NOW, now},
                               &session[1], &reply);
            if (reply.len > 0)
                port[0].receive(session[0], reply.bytes, reply.len, now);
        }
    }
}

static bool both_open(struct sl_sessions port[2], struct sl_session *session[2])
{
    return session[0] && session[1] && port[0].state(session[0]) == SL_SESSION_OPEN &&
           port[1].state(session[1]) == SL_SESSION_OPEN;
}

static bool shake_hands(struct world *world)
{
    struct sl_dtls *dtls[2] = {NULL, NULL};
    struct sl_sessions port[2];
    struct sl_session *session[2] = {NULL, NULL};
    bool open = false;
    for (int i = 0; i < 2; i++) {
        dtls[i] = sl_dtls_new(world->node[i].credentials, &world->primitives);
        if (dtls[i])
            sl_dtls_sessions(dtls[i], &port[i]);
    }
    if (dtls[0] && dtls[1])
        session[0] = port[0].connect(port[0].ctx, TEST_NOW, 0);
    if (session[0]) {
        carry(port, session, 0);
        for (sl_time now = 0; now < 16 * SL_SECOND && !both_open(port, session); now += SL_SECOND) {
            for (int i = 0; i < 2; i++)
                if (session[i])
                    port[i].tick(session[i], now);
            carry(port, session, now);
        }
        open = both_open(port, session);
    }
    for (int i = 0; i < 2; i++) {
        if (session[i])
            port[i].free(session[i]);
        sl_dtls_free(dtls[i]);
    }
    return open;
}

static void test_handshake(void **state)
{
    fail_each(state, shake_hands);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_load_credentials),
        TEST(test_issue_and_revoke),
        TEST(test_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
