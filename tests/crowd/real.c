#include "real.h"

#include "base/prng.h"
#include "crypto/dtls.h"
#include "crypto/sodium.h"
#include "sim/test_credentials.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct member {
    struct test_node node;
    struct sl_dtls *dtls;
};

struct members {
    struct sl_primitives primitives;
    struct test_network network;
    struct member *items;
};

/* ---- Chance ---- */

static struct sl_prng chance;

static const char *name_of_chance(void)
{
    return "seeded";
}

static uint32_t draw(void)
{
    return (uint32_t)sl_prng_next(&chance);
}

static void draw_bytes(void *const bytes, const size_t len)
{
    sl_prng_bytes(&chance, bytes, len);
}

/* mbedTLS writes the time of day into its hellos. In this program it stands still. */
time_t time(time_t *ret_time)
{
    if (ret_time)
        *ret_time = TEST_NOW;
    return TEST_NOW;
}

static void seed_chance(uint64_t seed)
{
    static struct randombytes_implementation seeded = {
        .implementation_name = name_of_chance,
        .random = draw,
        .buf = draw_bytes,
    };
    int result = randombytes_set_implementation(&seeded);
    assert(result == 0);
    result = sl_sodium_init(); /* draws, but only the first time */
    assert(result == 0);
    sl_prng_init(&chance, seed);
}

/* ---- Members ---- */

static void join(void *ctx, int number, uint8_t ret_seed[SL_KEY_LEN],
                 struct sl_membership *ret_membership, struct sl_sessions *ret_sessions)
{
    struct members *members = ctx;
    struct member *member = &members->items[number];
    memcpy(ret_seed, member->node.seed, SL_KEY_LEN);
    sl_credentials_membership(member->node.credentials, ret_membership);
    sl_dtls_sessions(member->dtls, ret_sessions);
}

void real_members_make(struct sl_crowd_members *members, int count, uint64_t seed)
{
    seed_chance(seed);
    struct members *all = calloc(1, sizeof(*all));
    assert(all);
    all->items = calloc((size_t)count, sizeof(*all->items));
    assert(all->items);
    sl_sodium_primitives(&all->primitives);
    test_network_make(&all->network, "crowd");
    for (int i = 0; i < count; i++) {
        struct member *member = &all->items[i];
        char name[32];
        snprintf(name, sizeof(name), "node-%d", i);
        test_node_make(&member->node, &all->network, name);
        member->dtls = sl_dtls_new(member->node.credentials, &all->primitives);
        assert(member->dtls);
    }
    *members = (struct sl_crowd_members){
        .ctx = all,
        .primitives = all->primitives,
        .join = join,
    };
}

void real_members_free(struct sl_crowd_members *members, int count)
{
    struct members *all = members->ctx;
    for (int i = 0; i < count; i++) {
        sl_dtls_free(all->items[i].dtls);
        test_node_done(&all->items[i].node);
    }
    free(all->items);
    free(all);
}
