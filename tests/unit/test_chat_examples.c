/* The worked examples of the chat in PROTOCOL.md: each is decoded, and made anew from what it says.
 */
#include "base/text.h"
#include "chat/channel.h"
#include "chat/content.h"
#include "chat/direct.h"
#include "chat/persona.h"
#include "chat/receipt.h"
#include "crypto/noise.h"
#include "crypto/sodium.h"
#include "sim/examples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CREATED UINT64_C(1790000000000000)

static struct sl_primitives primitives;
static struct sl_sealing sealing;
static struct sl_stamp stamp = {.created = CREATED};
static uint8_t secret[SL_KEY_LEN], ana_key[SL_KEY_LEN], bob_key[SL_KEY_LEN];
static uint8_t content[64];
static size_t content_len;

static void read_exact(const char *name, uint8_t *ret_bytes, size_t len)
{
    assert_int_equal(sl_example(name, ret_bytes, len), len);
}

static void read_key(const char *name, uint8_t ret_key[SL_KEY_LEN])
{
    read_exact(name, ret_key, SL_KEY_LEN);
}

/* What would be random in the examples. */
static void counting_random(void *ctx, uint8_t *ret_bytes, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ret_bytes[i] = (uint8_t)(0xd0 + i);
}

static int seal_with_example(void *ctx, const uint8_t sender_secret[SL_KEY_LEN],
                             const uint8_t recipient[SL_KEY_LEN], const uint8_t *prologue,
                             size_t prologue_len, const uint8_t *bytes, size_t len,
                             uint8_t *ret_sealed)
{
    uint8_t ephemeral[SL_KEY_LEN];
    (void)ctx;
    read_key("ephemeral secret", ephemeral);
    return sl_noise_x_seal(sender_secret, recipient, ephemeral, prologue, prologue_len, bytes, len,
                           ret_sealed);
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(sl_sodium_init(), 0);
    sl_sodium_primitives(&primitives);
    sl_sodium_sealing(&sealing);
    primitives.random = counting_random;
    sealing.seal = seal_with_example;
    read_key("network secret", secret);
    read_key("ana key", ana_key);
    read_key("bob key", bob_key);
    read_exact("origin", stamp.origin, SL_ORIGIN_LEN);
    content_len = sl_example("text content", content, sizeof(content));
    return 0;
}

/* Between backquotes, somewhere on the page. */
static void assert_page_says(const char *text)
{
    FILE *page = fopen("firmware/PROTOCOL.md", "r");
    assert_non_null(page);
    char line[1024], quoted[256];
    bool found = false;
    snprintf(quoted, sizeof(quoted), "`%s`", text);
    while (!found && fgets(line, sizeof(line), page))
        found = strstr(line, quoted) != NULL;
    fclose(page);
    if (!found)
        fail_msg("PROTOCOL.md does not say %s", quoted);
}

static struct sl_envelope envelope_of(const uint8_t *payload, size_t len)
{
    struct sl_envelope envelope = {.created = CREATED, .payload = payload, .payload_len = len};
    memcpy(envelope.origin, stamp.origin, SL_ORIGIN_LEN);
    return envelope;
}

static void test_codes(void **state)
{
    (void)state;
    char code[SL_CODE_LEN], auth[SL_AUTH_CODE_LEN];
    uint8_t seed[SL_KEY_LEN], key[SL_KEY_LEN];
    read_key("ana seed", seed);
    primitives.sign_key(primitives.ctx, seed, key);
    assert_memory_equal(key, ana_key, SL_KEY_LEN);
    sl_persona_code(&primitives, ana_key, code);
    assert_page_says(code);
    sl_auth_code(&primitives, ana_key, bob_key, auth);
    assert_page_says(auth);
}

static void test_persona(void **state)
{
    (void)state;
    uint8_t payload[SL_PAYLOAD_MAX], again[SL_PAYLOAD_MAX], seed[SL_KEY_LEN];
    uint8_t people_key[SL_KEY_LEN], expected[SL_KEY_LEN];
    sl_people_key(&primitives, secret, people_key);
    size_t len = sl_example("persona payload", payload, sizeof(payload));
    struct sl_envelope envelope = envelope_of(payload, len);
    struct sl_announcing announcing = {.people_key = people_key, .seed = seed, .stamp = stamp};
    struct sl_announcement *bob = &announcing.announcement;
    assert_int_equal(sl_announcement_open(&primitives, people_key, &envelope, bob), 0);
    assert_string_equal(bob->nick, "bob");
    assert_memory_equal(bob->key, bob_key, SL_KEY_LEN);
    read_key("bob box key", expected);
    assert_memory_equal(bob->box, expected, SL_KEY_LEN);
    read_key("bob prekey", expected);
    assert_memory_equal(bob->prekey, expected, SL_KEY_LEN);
    read_key("bob seed", seed);
    assert_int_equal(sl_announcement_seal(&primitives, &announcing, again), len);
    assert_memory_equal(again, payload, len);
}

static void test_contents(void **state)
{
    (void)state;
    static const uint8_t prev[] = {0xc0, 0xc1, 0xc2, 0xc3}, group[] = {0xe0, 0xe1, 0xe2, 0xe3};
    struct sl_content c;
    uint8_t bytes[64], again[64];
    assert_int_equal(sl_content_decode(content, content_len, &c), 0);
    assert_int_equal(c.type, SL_CONTENT_TEXT);
    assert_memory_equal(c.prev, prev, SL_PREV_LEN);
    assert_int_equal(c.text_len, strlen("你好"));
    assert_memory_equal(c.text, "你好", c.text_len);

    size_t len = sl_example("part content", bytes, sizeof(bytes));
    assert_int_equal(sl_content_decode(bytes, len, &c), 0);
    assert_int_equal(c.type, SL_CONTENT_PART);
    assert_int_equal(c.number, 1);
    assert_int_equal(c.count, 3);
    assert_memory_equal(c.group, group, SL_GROUP_LEN);
    assert_int_equal(c.text_len, 8);
    assert_memory_equal(c.text, "part two", 8);
    assert_int_equal(sl_content_encode(&c, again, sizeof(again)), len);
    assert_memory_equal(again, bytes, len);
}

static void test_channel_message(void **state)
{
    (void)state;
    uint8_t payload[SL_PAYLOAD_MAX], again[SL_PAYLOAD_MAX], seed[SL_KEY_LEN], expected[SL_KEY_LEN];
    struct sl_channel general;
    struct sl_channel_post post;
    assert_int_equal(sl_channel_public(&primitives, secret, "general", &general), 0);
    read_key("key of #general", expected);
    assert_memory_equal(general.key, expected, SL_KEY_LEN);
    read_key("id of #general", expected);
    assert_memory_equal(general.id, expected, SL_KEY_LEN);
    read_exact("hint of #general", expected, SL_CHANNEL_HINT_LEN);
    assert_memory_equal(general.hint, expected, SL_CHANNEL_HINT_LEN);

    size_t len = sl_example("channel payload", payload, sizeof(payload));
    struct sl_envelope envelope = envelope_of(payload, len);
    assert_int_equal(sl_channel_open(&primitives, &general, &envelope, &post), 0);
    assert_memory_equal(post.author, ana_key, SL_KEY_LEN);
    assert_int_equal(post.content_len, content_len);
    assert_memory_equal(post.content, content, content_len);
    read_key("ana seed", seed);
    struct sl_channel_draft draft = {.stamp = stamp,
                                     .author = ana_key,
                                     .author_seed = seed,
                                     .content = content,
                                     .content_len = content_len};
    assert_int_equal(sl_channel_seal(&primitives, &general, &draft, again), len);
    assert_memory_equal(again, payload, len);
}

static void test_channel_link(void **state)
{
    (void)state;
    char link[SL_CHANNEL_LINK_MAX];
    uint8_t key[SL_KEY_LEN];
    struct sl_channel channel;
    memset(key, 0x77, sizeof(key));
    assert_int_equal(sl_channel_private(&primitives, "médecins", key, &channel), 0);
    assert_int_equal(sl_channel_to_link(&channel, link, sizeof(link)), 0);
    assert_page_says(link);
}

static void test_direct_message(void **state)
{
    (void)state;
    uint8_t payload[SL_DIRECT_PAYLOAD_MAX], again[SL_DIRECT_PAYLOAD_MAX];
    uint8_t prekey_secret[SL_KEY_LEN], prekey[SL_KEY_LEN], box_secret[SL_KEY_LEN], box[SL_KEY_LEN];
    uint8_t receipt_key[SL_RECEIPT_KEY_LEN], sender[SL_PERSONA_ID_LEN];
    struct sl_direct_message message;
    read_key("bob prekey secret", prekey_secret);
    read_key("bob prekey", prekey);
    read_key("ana box secret", box_secret);
    read_key("ana box key", box);
    read_exact("receipt key", receipt_key, sizeof(receipt_key));
    read_exact("ana persona id", sender, sizeof(sender));
    size_t len = sl_example("direct payload", payload, sizeof(payload));
    struct sl_envelope envelope = envelope_of(payload, len);
    struct sl_direct_recipient bob = {.key = bob_key, .prekey_secret = prekey_secret};
    assert_true(sl_direct_open(&primitives, &sealing, &bob, &envelope, &message));
    assert_memory_equal(message.box, box, SL_KEY_LEN);
    assert_memory_equal(message.sender, sender, sizeof(sender));
    assert_memory_equal(message.receipt_key, receipt_key, sizeof(receipt_key));
    assert_int_equal(message.content_len, content_len);
    assert_memory_equal(message.content, content, content_len);
    struct sl_direct_draft draft = {.stamp = stamp,
                                    .sender = ana_key,
                                    .sender_secret = box_secret,
                                    .recipient = bob_key,
                                    .prekey = prekey,
                                    .receipt_key = receipt_key,
                                    .content = content,
                                    .content_len = content_len};
    assert_int_equal(sl_direct_seal(&primitives, &sealing, &draft, again), len);
    assert_memory_equal(again, payload, len);
}

static void test_receipt(void **state)
{
    (void)state;
    uint8_t receipt_key[SL_RECEIPT_KEY_LEN], id[SL_ID_LEN], expected[SL_TOKEN_LEN];
    uint8_t token[SL_TOKEN_LEN];
    read_exact("receipt key", receipt_key, sizeof(receipt_key));
    read_exact("acknowledged id", id, sizeof(id));
    read_exact("delivered token", expected, sizeof(expected));
    sl_receipt_token(&primitives, SL_TOKEN_DELIVERED, receipt_key, id, token);
    assert_memory_equal(token, expected, sizeof(token));
    read_exact("read token", expected, sizeof(expected));
    sl_receipt_token(&primitives, SL_TOKEN_READ, receipt_key, id, token);
    assert_memory_equal(token, expected, sizeof(token));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),        cmocka_unit_test(test_persona),
        cmocka_unit_test(test_contents),     cmocka_unit_test(test_channel_message),
        cmocka_unit_test(test_channel_link), cmocka_unit_test(test_direct_message),
        cmocka_unit_test(test_receipt),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
