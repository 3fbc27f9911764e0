/* The chat's formats: round trips, every truncation, refusals. */
#include "base/text.h"
#include "chat/channel.h"
#include "chat/persona.h"
#include "chat/vault.h"
#include "crypto/sodium.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sl_primitives primitives;
static struct sl_sealing sealing;

static int setup(void **state)
{
    (void)state;
    sl_sodium_primitives(&primitives);
    sl_sodium_sealing(&sealing);
    return sl_sodium_init();
}

static void random_bytes(void *bytes, size_t len)
{
    primitives.random(primitives.ctx, bytes, len);
}

/* ---- Content ---- */

static void test_content_round_trip(void **state)
{
    (void)state;
    const struct sl_content contents[] = {
        {.type = SL_CONTENT_TEXT,
         .prev = {1, 2, 3, 4},
         .text = (const uint8_t *)"hé",
         .text_len = 3},
        {.type = SL_CONTENT_PART,
         .prev = {9, 9, 9, 9},
         .number = 15,
         .count = 16,
         .group = {5, 6, 7, 8},
         .text = (const uint8_t *)"x",
         .text_len = 1},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(contents); i++) {
        uint8_t bytes[64];
        struct sl_content decoded;
        int len = sl_content_encode(&contents[i], bytes, sizeof(bytes));
        assert_true(len > 0);
        assert_int_equal(sl_content_decode(bytes, (size_t)len, &decoded), 0);
        assert_int_equal(decoded.type, contents[i].type);
        assert_memory_equal(decoded.prev, contents[i].prev, SL_PREV_LEN);
        assert_memory_equal(decoded.group, contents[i].group, SL_GROUP_LEN);
        assert_int_equal(decoded.number, contents[i].number);
        assert_int_equal(decoded.count, contents[i].count);
        assert_int_equal(decoded.text_len, contents[i].text_len);
        assert_memory_equal(decoded.text, contents[i].text, contents[i].text_len);
        for (int cap = 0; cap < len; cap++)
            assert_int_equal(sl_content_encode(&contents[i], bytes, (size_t)cap), -ENOBUFS);
    }
}

static void test_content_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},
        {"\x01", 1},
        {"\x01\0\0\0\0", 5},     /* empty text */
        {"\x01\0\0\0\0\xff", 6}, /* not UTF-8 */
        {"\x01\0\0\0\0a\0b", 8}, /* NUL */
        {"\x00\0\0\0\0a", 6},    /* unknown type */
        {"\x03\0\0\0\0a", 6},
        {"\x02\0\0\0\0\x00\x02gggg", 11},         /* empty part */
        {"\x02\0\0\0\0\x00\x01gggga", 12},        /* one part */
        {"\x02\0\0\0\0\x00\x11gggga", 12},        /* 17 parts */
        {"\x02\0\0\0\0\x02\x02gggga", 12},        /* number 2 of 2 */
        {"\x02\0\0\0\0\x00\x02gggg\xe4\xbd", 13}, /* cut inside a character */
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
        struct sl_content content = {.number = 77};
        assert_int_equal(sl_content_decode((const uint8_t *)bad[i].bytes, bad[i].len, &content),
                         -EBADMSG);
        assert_int_equal(content.number, 77);
    }
    static const char good[] = "\x02\0\0\0\0\x00\x02gggga";
    struct sl_content content;
    assert_int_equal(sl_content_decode((const uint8_t *)good, 12, &content), 0);
    for (size_t len = 0; len < 12; len++)
        assert_int_equal(sl_content_decode((const uint8_t *)good, len, &content), -EBADMSG);
}

static void test_cut_never_splits_a_character(void **state)
{
    (void)state;
    size_t ends[SL_PARTS_MAX];
    uint8_t text[4 * 400];
    for (size_t i = 0; i < sizeof(text); i += 4)
        memcpy(text + i, "\xf0\x9f\x90\xa6", 4);
    for (size_t cap = 115; cap < 140; cap++) {
        size_t count = sl_content_cut(text, sizeof(text), cap, ends), at = 0;
        assert_in_range(count, 13, 16);
        for (size_t i = 0; i < count; i++) {
            assert_true(sl_utf8_valid(text + at, ends[i] - at));
            assert_in_range(ends[i] - at, 1, cap - SL_PART_HEADER_LEN);
            at = ends[i];
        }
        assert_int_equal(at, sizeof(text));
    }
    assert_int_equal(sl_content_cut(text, sizeof(text), 100, ends), 0);
    assert_int_equal(sl_content_cut(text, 100, 100 + SL_TEXT_HEADER_LEN, ends), 1);
    assert_int_equal(sl_content_cut(text, 104, 100 + SL_TEXT_HEADER_LEN, ends), 2);
}

static void test_longest_text_fits_sixteen_parts(void **state)
{
    (void)state;
    size_t ends[SL_PARTS_MAX];
    uint8_t text[SL_TEXT_MAX];
    for (size_t i = 0; i + 4 <= sizeof(text); i += 4)
        memcpy(text + i, "\xf0\x9f\x90\xa6", 4);
    assert_int_equal(sl_content_cut(text, sizeof(text), SL_DIRECT_CONTENT_MAX, ends), 12);
    assert_int_equal(sl_content_cut(text, sizeof(text), SL_CHANNEL_CONTENT_MAX, ends), 11);
}

/* ---- Channels ---- */

static void test_channel_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a",    "general",  "médecins",
                                       "广场", "no-1_x.y", "12345678901234567890123456789012"};
    static const char *const bad[] = {"",
                                      "#a",
                                      "a#b",
                                      "a b",
                                      "a\nb",
                                      "a\x1b[2J",
                                      "a,b",
                                      "\xff",
                                      "a\xe2\x80\xae",
                                      "a\tb",
                                      "123456789012345678901234567890123"};
    for (size_t i = 0; i < SL_ARRAY_LEN(good); i++)
        assert_true(sl_channel_name_valid(good[i]));
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
        assert_false(sl_channel_name_valid(bad[i]));
}

static void test_channel_links(void **state)
{
    (void)state;
    struct sl_channel channel, copy;
    char link[SL_CHANNEL_LINK_MAX];
    uint8_t key[SL_KEY_LEN];
    random_bytes(key, sizeof(key));
    static const char *const names[] = {"a", "médecins", "50%/?&=", "广场广场广场广场广场"};
    for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
        assert_int_equal(sl_channel_private(&primitives, names[i], key, &channel), 0);
        assert_int_equal(sl_channel_to_link(&channel, link, sizeof(link)), 0);
        assert_true(sl_channel_is_link(link));
        assert_int_equal(sl_channel_from_link(&primitives, link, &copy), 0);
        assert_memory_equal(&copy, &channel, sizeof(copy));
        for (size_t cap = 0; cap <= strlen(link); cap++)
            assert_int_equal(sl_channel_to_link(&channel, link, cap), -ENOBUFS);
        assert_int_equal(sl_channel_to_link(&channel, link, sizeof(link)), 0);
        size_t len = strlen(link);
        while (len-- > 0) {
            link[len] = '\0';
            assert_int_equal(sl_channel_from_link(&primitives, link, &copy), -EINVAL);
        }
    }
#define KEY43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    static const char *const bad[] = {
        "starling:channel/a",
        "starling:channel/#" KEY43,
        "starling:channel/a%4#" KEY43,
        "starling:channel/a%zz#" KEY43,
        "starling:channel/a%00b#" KEY43,
        "starling:channel/a%20b#" KEY43,
        "starling:channel/a b#" KEY43,
        "starling:channel/a%23b#" KEY43,
        "starling:channel/a#" KEY43 "A",
        "starling:channel/a#" KEY43 "=",
        "starling:channel/a##" KEY43,
        "starling:channel/123456789012345678901234567890123#" KEY43,
        "http://channel/a#" KEY43,
    };
    assert_int_equal(sl_channel_from_link(&primitives, "starling:channel/a#" KEY43, &copy), 0);
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
        assert_int_equal(sl_channel_from_link(&primitives, bad[i], &copy), -EINVAL);
}

static void test_longest_link_fits(void **state)
{
    (void)state;
    struct sl_channel channel;
    char link[SL_CHANNEL_LINK_MAX];
    uint8_t key[SL_KEY_LEN] = {0};
    assert_int_equal(
        sl_channel_private(&primitives,
                           "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"", key,
                           &channel),
        0);
    assert_int_equal(sl_channel_to_link(&channel, link, sizeof(link)), 0);
}

static void test_public_channels_derive_from_network_and_name(void **state)
{
    (void)state;
    uint8_t secret[SL_KEY_LEN] = {1}, other[SL_KEY_LEN] = {2};
    struct sl_channel a, b;
    assert_int_equal(sl_channel_public(&primitives, secret, "general", &a), 0);
    assert_false(a.is_private);
    assert_int_equal(sl_channel_public(&primitives, secret, "#general", &b), 0);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_int_equal(sl_channel_public(&primitives, other, "general", &b), 0);
    assert_memory_not_equal(a.key, b.key, SL_KEY_LEN);
    assert_int_equal(sl_channel_public(&primitives, secret, "side", &b), 0);
    assert_memory_not_equal(a.key, b.key, SL_KEY_LEN);
    assert_int_equal(sl_channel_public(&primitives, secret, "##x", &b), -EINVAL);
}

static struct sl_envelope envelope_of(const struct sl_stamp *stamp, const uint8_t *payload,
                                      size_t len)
{
    struct sl_envelope envelope = {
        .created = stamp->created, .payload = payload, .payload_len = len};
    memcpy(envelope.origin, stamp->origin, SL_ORIGIN_LEN);
    return envelope;
}

static void test_channel_messages_of_every_length(void **state)
{
    (void)state;
    uint8_t secret[SL_KEY_LEN] = {1}, seed[SL_KEY_LEN] = {3}, key[SL_KEY_LEN];
    uint8_t content[SL_CHANNEL_CONTENT_MAX], payload[SL_PAYLOAD_MAX];
    struct sl_channel channel;
    struct sl_channel_post post;
    struct sl_stamp stamp = {.origin = {1, 2, 3}, .created = 1700000000000000};
    assert_int_equal(sl_channel_public(&primitives, secret, "general", &channel), 0);
    primitives.sign_key(primitives.ctx, seed, key);
    random_bytes(content, sizeof(content));
    for (size_t len = 0; len <= sizeof(content); len += len < 8 ? 1 : 61) {
        struct sl_channel_draft draft = {.stamp = stamp,
                                         .author = key,
                                         .author_seed = seed,
                                         .content = content,
                                         .content_len = len};
        size_t payload_len = sl_channel_seal(&primitives, &channel, &draft, payload);
        assert_int_equal(payload_len, len + SL_CHANNEL_OVERHEAD);
        struct sl_envelope envelope = envelope_of(&stamp, payload, payload_len);
        assert_int_equal(sl_channel_open(&primitives, &channel, &envelope, &post), 0);
        assert_int_equal(post.content_len, len);
        assert_memory_equal(post.content, content, len);
        assert_memory_equal(post.author, key, SL_KEY_LEN);
    }
    struct sl_channel_draft draft = {
        .stamp = stamp, .author = key, .author_seed = seed, .content = content, .content_len = 5};
    size_t full = sl_channel_seal(&primitives, &channel, &draft, payload);
    struct sl_envelope envelope = envelope_of(&stamp, payload, full);
    for (size_t len = 0; len < full; len++) {
        envelope.payload_len = len;
        assert_int_equal(sl_channel_open(&primitives, &channel, &envelope, &post), -EBADMSG);
    }
    envelope.payload_len = full;
    for (size_t i = 0; i < full; i++) {
        payload[i] ^= 1;
        assert_int_equal(sl_channel_open(&primitives, &channel, &envelope, &post), -EBADMSG);
        payload[i] ^= 1;
    }
    assert_int_equal(sl_channel_open(&primitives, &channel, &envelope, &post), 0);
}

/* ---- Receipts ---- */

static void test_receipts(void **state)
{
    (void)state;
    uint8_t key[SL_RECEIPT_KEY_LEN] = {1}, other_key[SL_RECEIPT_KEY_LEN] = {2};
    uint8_t id[SL_ID_LEN] = {3}, other_id[SL_ID_LEN] = {4};
    uint8_t tokens[4][SL_TOKEN_LEN], bytes[SL_RECEIPT_TOKENS_MAX * SL_TOKEN_LEN + SL_TOKEN_LEN];
    sl_receipt_token(&primitives, SL_TOKEN_DELIVERED, key, id, tokens[0]);
    sl_receipt_token(&primitives, SL_TOKEN_READ, key, id, tokens[1]);
    sl_receipt_token(&primitives, SL_TOKEN_DELIVERED, other_key, id, tokens[2]);
    sl_receipt_token(&primitives, SL_TOKEN_DELIVERED, key, other_id, tokens[3]);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(tokens[i], tokens[j], SL_TOKEN_LEN);
    memset(bytes, 0, sizeof(bytes));
    for (size_t len = 0; len <= sizeof(bytes); len++)
        assert_int_equal(sl_receipt_count(bytes, len),
                         len > 0 && len % 16 == 0 && len <= 256 ? (int)(len / 16) : -EBADMSG);
}

/* ---- Personas ---- */

static void test_nicks(void **state)
{
    (void)state;
    static const char *const good[] = {"a",
                                       "Ana María",
                                       "王芳",
                                       "سارة",
                                       "👩‍🚀",
                                       "k7mq-2hdcx",
                                       "12345678901234567890123456789012"};
    static const char *const bad[] = {
        "",          "#ana",          " ana",
        "ana ",      "a\nb",          "a\tb",
        "a\x07",     "\xc3",          "a\xe2\x80\xae-",
        "k7mq-2hdc", "ana.k7mq-2hdc", "123456789012345678901234567890123"};
    for (size_t i = 0; i < SL_ARRAY_LEN(good); i++)
        assert_true(sl_nick_valid(good[i]));
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
        assert_false(sl_nick_valid(bad[i]));
}

struct announcing {
    uint8_t people_key[SL_KEY_LEN], seed[SL_KEY_LEN];
    struct sl_announcing what;
    uint8_t payload[SL_PAYLOAD_MAX];
    size_t len;
};

static void announcing_init(struct announcing *a, const char *nick)
{
    *a = (struct announcing){.people_key = {1}, .seed = {2}};
    a->what =
        (struct sl_announcing){.people_key = a->people_key, .seed = a->seed, .stamp = {{3}, 4}};
    primitives.sign_key(primitives.ctx, a->seed, a->what.announcement.key);
    random_bytes(a->what.announcement.box, SL_KEY_LEN);
    random_bytes(a->what.announcement.prekey, SL_KEY_LEN);
    memcpy(a->what.announcement.nick, nick, strlen(nick));
    a->len = sl_announcement_seal(&primitives, &a->what, a->payload);
}

static void test_announcement_round_trip_and_damage(void **state)
{
    (void)state;
    struct announcing a;
    struct sl_announcement heard;
    announcing_init(&a, "Ana María");
    struct sl_envelope envelope = envelope_of(&a.what.stamp, a.payload, a.len);
    assert_int_equal(sl_announcement_open(&primitives, a.people_key, &envelope, &heard), 0);
    assert_memory_equal(&heard, &a.what.announcement, sizeof(heard));
    for (size_t len = 0; len < a.len; len++) {
        envelope.payload_len = len;
        assert_int_equal(sl_announcement_open(&primitives, a.people_key, &envelope, &heard),
                         -EBADMSG);
    }
    envelope.payload_len = a.len;
    for (size_t i = 0; i < a.len; i++) {
        a.payload[i] ^= 0x20;
        assert_int_equal(sl_announcement_open(&primitives, a.people_key, &envelope, &heard),
                         -EBADMSG);
        a.payload[i] ^= 0x20;
    }
    uint8_t other[SL_KEY_LEN] = {9};
    assert_int_equal(sl_announcement_open(&primitives, other, &envelope, &heard), -EBADMSG);
    envelope.created++;
    assert_int_equal(sl_announcement_open(&primitives, a.people_key, &envelope, &heard), -EBADMSG);
}

static void test_announced_nicks_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"#ana", "a\x1b]0;x", "", "a\nb", "\xff\xfe"};
    struct sl_announcement heard;
    for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
        struct announcing a;
        announcing_init(&a, bad[i]);
        struct sl_envelope envelope = envelope_of(&a.what.stamp, a.payload, a.len);
        assert_int_equal(sl_announcement_open(&primitives, a.people_key, &envelope, &heard),
                         -EBADMSG);
    }
}

static void test_low_order_points(void **state)
{
    (void)state;
    /* Whatever the sealing refuses as a recipient must be known here. */
    uint8_t secret[SL_KEY_LEN], ignored[SL_KEY_LEN], point[SL_KEY_LEN] = {0};
    uint8_t sealed[1 + SL_NOISE_X_OVERHEAD];
    sealing.box_keypair(sealing.ctx, secret, ignored);
    for (int last = 0; last < 256; last++) {
        for (int first = 0; first < 256; first++) {
            memset(point, last == 0x7f || last == 0xff ? 0xff : 0, sizeof(point));
            point[0] = (uint8_t)first;
            point[31] = (uint8_t)last;
            if (!sl_is_low_order(point) && (last & 0x7f) != 0 && (last & 0x7f) != 0x7f)
                continue;
            int error =
                sealing.seal(sealing.ctx, secret, point, NULL, 0, (const uint8_t *)"x", 1, sealed);
            assert_int_equal(error < 0, sl_is_low_order(point));
        }
    }
    static const char *const order_eight[] = {
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sl_hex_decode(order_eight[i], point, sizeof(point)), 0);
        assert_true(sl_is_low_order(point));
        assert_true(
            sealing.seal(sealing.ctx, secret, point, NULL, 0, (const uint8_t *)"x", 1, sealed) < 0);
    }
    assert_false(sl_is_low_order(ignored));
}

static void test_codes(void **state)
{
    (void)state;
    uint8_t a[SL_KEY_LEN] = {1}, b[SL_KEY_LEN] = {2};
    char code[SL_CODE_LEN], ab[SL_AUTH_CODE_LEN], ba[SL_AUTH_CODE_LEN];
    sl_persona_code(&primitives, a, code);
    assert_true(sl_is_persona_code(code));
    assert_false(sl_is_persona_code("k7mq2hdcx"));
    assert_false(sl_is_persona_code("k7mq-2hd"));
    assert_false(sl_is_persona_code("k7mq-2hd1"));
    assert_false(sl_is_persona_code("K7mq-2hdc"));
    sl_auth_code(&primitives, a, b, ab);
    sl_auth_code(&primitives, b, a, ba);
    assert_string_equal(ab, ba);
    assert_int_equal(strlen(ab), SL_AUTH_CODE_LEN - 1);
    for (size_t i = 0; i < SL_AUTH_CODE_LEN - 1; i++)
        assert_true(i % 5 == 4 ? ab[i] == ' ' : ab[i] >= '0' && ab[i] <= '9');
    sl_auth_code(&primitives, a, a, ba);
    assert_string_not_equal(ab, ba);
}

/* ---- The vault's records ---- */

struct kept {
    uint8_t bytes[12000];
    size_t len;
};

static int keep(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes, size_t len, bool sync)
{
    (void)owner, (void)kind, (void)key, (void)sync;
    struct kept *kept = ctx;
    memcpy(kept->bytes, bytes, len);
    kept->len = len;
    return 0;
}

static int each(void *ctx, const uint8_t owner[SL_VAULT_ID_LEN], uint8_t kind,
                void (*found)(void *arg, const uint8_t key[SL_VAULT_ID_LEN], const uint8_t *bytes,
                              size_t len),
                void *arg)
{
    (void)ctx, (void)owner, (void)kind, (void)found, (void)arg;
    return 0;
}

/* Leaves what would be in the record: an "encryption" that copies. */
static void copy_seal(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce,
                      size_t nonce_len, const uint8_t *ad, size_t ad_len, const uint8_t *bytes,
                      size_t len, uint8_t *ret_sealed)
{
    (void)ctx, (void)key, (void)nonce, (void)nonce_len, (void)ad, (void)ad_len;
    memcpy(ret_sealed, bytes, len);
    memset(ret_sealed + len, 0, SL_TAG_LEN);
}

struct vault_fixture {
    struct kept kept;
    struct sl_primitives copying;
    struct sl_vault_port port;
    struct sl_vault vault;
};

static void vault_fixture_init(struct vault_fixture *f)
{
    *f = (struct vault_fixture){.copying = primitives};
    f->copying.seal = copy_seal;
    f->port = (struct sl_vault_port){.ctx = &f->kept, .put = keep, .each = each};
    sl_vault_init(&f->vault, &f->port, &f->copying, &sealing);
}

static const uint8_t *clear_record(const struct vault_fixture *f, size_t *ret_len)
{
    *ret_len = f->kept.len - SL_VAULT_OVERHEAD;
    return f->kept.bytes + SL_XNONCE_LEN;
}

static struct sl_record *sample_record(size_t parts)
{
    struct sl_record *record = sl_record_new(parts, 7);
    assert_non_null(record);
    memcpy(sl_record_text(record), "grüße", 7);
    record->message.number = 42;
    record->message.direct = true;
    record->message.outgoing = true;
    record->message.durable = true;
    record->message.created = 99;
    record->message.at = 12345;
    memset(record->message.person, 8, SL_KEY_LEN);
    record->lifetime = 86400;
    memset(record->prev, 6, SL_PREV_LEN);
    record->acked = true;
    for (size_t i = 0; i < parts; i++) {
        memset(record->parts[i].id, (int)i + 1, SL_ID_LEN);
        memset(record->parts[i].receipt_key, (int)i + 100, SL_RECEIPT_KEY_LEN);
        record->parts[i].state = i == 1 ? SL_MESSAGE_RELAYED : SL_MESSAGE_DELIVERED;
    }
    memcpy(record->message.id, record->parts[0].id, SL_ID_LEN);
    sl_record_raise(record, SIZE_MAX, SL_MESSAGE_QUEUED);
    return record;
}

static void test_vault_messages(void **state)
{
    (void)state;
    struct vault_fixture f;
    for (size_t parts = 1; parts <= SL_PARTS_MAX; parts++) {
        vault_fixture_init(&f);
        struct sl_record *record = sample_record(parts);
        assert_int_equal(sl_vault_put_record(&f.vault, record, false), 0);
        size_t len;
        const uint8_t *bytes = clear_record(&f, &len);
        struct sl_record *copy = sl_record_decode(bytes, len);
        assert_non_null(copy);
        assert_string_equal(copy->message.text, record->message.text);
        assert_int_equal(copy->message.state,
                         parts > 1 ? SL_MESSAGE_RELAYED : SL_MESSAGE_DELIVERED);
        assert_true(copy->saved && copy->acked && !copy->read_acked);
        copy->message.text = record->message.text;
        assert_memory_equal(copy->message.id, record->message.id, SL_ID_LEN);
        assert_memory_equal(copy->message.person, record->message.person, SL_KEY_LEN);
        assert_int_equal(copy->message.number, 42);
        assert_int_equal(copy->message.created, 99);
        assert_int_equal(copy->message.at, 12345);
        assert_true(copy->message.direct && copy->message.outgoing && copy->message.durable);
        assert_false(copy->message.unread);
        assert_memory_equal(copy->parts, record->parts, parts * sizeof(struct sl_part_ref));
        sl_record_free(&primitives, copy);
        /* Cut anywhere before the text it is refused; inside the text it is another text. */
        for (size_t cut = 0; cut <= len - 7; cut++)
            assert_null(sl_record_decode(bytes, cut));
        sl_record_free(&primitives, record);
    }
}

static void test_vault_small_records(void **state)
{
    (void)state;
    struct vault_fixture f;
    size_t len;
    vault_fixture_init(&f);
    struct sl_profile profile = {.seed = {1}, .box_secret = {2}, .box = {3}, .number_reserved = 4};
    struct sl_profile profile_copy;
    assert_int_equal(sl_vault_put_profile(&f.vault, &profile), 0);
    const uint8_t *bytes = clear_record(&f, &len);
    assert_int_equal(sl_profile_decode(bytes, len, &profile_copy), 0);
    assert_memory_equal(&profile, &profile_copy, sizeof(profile));
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(sl_profile_decode(bytes, cut, &profile_copy), -EBADMSG);

    struct sl_prekey prekey = {.secret = {5}, .key = {6}, .made = 7}, prekey_copy;
    assert_int_equal(sl_vault_put_prekey(&f.vault, &prekey), 0);
    bytes = clear_record(&f, &len);
    assert_int_equal(sl_prekey_decode(bytes, len, &prekey_copy), 0);
    assert_memory_equal(&prekey, &prekey_copy, sizeof(prekey));
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(sl_prekey_decode(bytes, cut, &prekey_copy), -EBADMSG);

    struct sl_channel channel, channel_copy;
    uint8_t key[SL_KEY_LEN] = {8};
    assert_int_equal(sl_channel_public(&primitives, key, "général", &channel), 0);
    assert_int_equal(sl_vault_put_channel(&f.vault, &channel), 0);
    bytes = clear_record(&f, &len);
    assert_int_equal(sl_stored_channel_decode(&primitives, bytes, len, &channel_copy), 0);
    assert_memory_equal(&channel, &channel_copy, sizeof(channel));
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(sl_stored_channel_decode(&primitives, bytes, cut, &channel_copy),
                         -EBADMSG);

    struct sl_announcement pin = {.key = {9}, .box = {10}, .nick = "王芳"}, pin_copy;
    assert_int_equal(sl_vault_put_pin(&f.vault, &pin), 0);
    bytes = clear_record(&f, &len);
    assert_int_equal(sl_pin_decode(bytes, len, &pin_copy), 0);
    assert_memory_equal(&pin, &pin_copy, sizeof(pin));
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(sl_pin_decode(bytes, cut, &pin_copy), -EBADMSG);
}

static void test_state_names(void **state)
{
    (void)state;
    assert_string_equal(sl_message_state_name(SL_MESSAGE_RECEIVED), "received");
    assert_string_equal(sl_message_state_name(SL_MESSAGE_QUEUED), "queued");
    assert_string_equal(sl_message_state_name(SL_MESSAGE_RELAYED), "relayed");
    assert_string_equal(sl_message_state_name(SL_MESSAGE_DELIVERED), "delivered");
    assert_string_equal(sl_message_state_name(SL_MESSAGE_READ), "read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_round_trip),
        cmocka_unit_test(test_content_refuses),
        cmocka_unit_test(test_cut_never_splits_a_character),
        cmocka_unit_test(test_longest_text_fits_sixteen_parts),
        cmocka_unit_test(test_channel_names),
        cmocka_unit_test(test_channel_links),
        cmocka_unit_test(test_longest_link_fits),
        cmocka_unit_test(test_public_channels_derive_from_network_and_name),
        cmocka_unit_test(test_channel_messages_of_every_length),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_nicks),
        cmocka_unit_test(test_announcement_round_trip_and_damage),
        cmocka_unit_test(test_announced_nicks_are_checked),
        cmocka_unit_test(test_low_order_points),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_vault_messages),
        cmocka_unit_test(test_vault_small_records),
        cmocka_unit_test(test_state_names),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
