/* What worked on systems like this one, tried here. Each test is named after its row in the list of
 * attacks. */
#include "sim/chat_bus.h"
#include "sim/chat_texts.h"

#include "chat/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OWNER 1000

/* Ana on node 0, Bob on node 1; Mallory runs node 2, a member's, as she likes. */
struct scene {
    struct sl_bus *bus;
    const struct sl_primitives *p;
    struct sl_bus_node *a, *b;
    struct sl_persona *ana, *bob;
    uint8_t seed[SL_KEY_LEN], key[SL_KEY_LEN]; /* Mallory's */
    uint8_t box_secret[SL_KEY_LEN], box[SL_KEY_LEN];
    uint8_t people_key[SL_KEY_LEN];
};

enum { MALLORY = 2 };

static void scene_init(struct scene *s)
{
    uint32_t handle;
    s->bus = sl_bus_new(3);
    s->p = &s->bus->primitives;
    s->a = &s->bus->nodes[0];
    s->b = &s->bus->nodes[1];
    assert_int_equal(sl_chat_create(s->a->chat, OWNER, "anastasia", NULL, s->bus->now, &handle), 0);
    assert_int_equal(sl_chat_create(s->b->chat, OWNER, "bobadilla", NULL, s->bus->now, &handle), 0);
    s->ana = s->a->chat->personas[0];
    s->bob = s->b->chat->personas[0];
    memset(s->seed, 0x66, SL_KEY_LEN);
    s->p->sign_key(s->p->ctx, s->seed, s->key);
    s->bus->sealing.box_keypair(s->bus->sealing.ctx, s->box_secret, s->box);
    sl_people_key(s->p, s->bus->network_secret, s->people_key);
    sl_bus_deliver(s->bus);
}

static struct sl_stamp mallorys_stamp(struct scene *s)
{
    struct sl_stamp stamp = {.created = sl_bus_next_created(s->bus, MALLORY)};
    memcpy(stamp.origin, s->bus->nodes[MALLORY].origin, SL_ORIGIN_LEN);
    return stamp;
}

/* Publishes a payload from Mallory's node. */
static void publish(struct scene *s, enum sl_envelope_kind kind, const struct sl_stamp *stamp,
                    const uint8_t *payload, size_t len)
{
    sl_bus_forge(s->bus, MALLORY, kind, stamp->created, payload, len);
    sl_bus_deliver(s->bus);
}

static void announce(struct scene *s, const uint8_t *seed,
                     const struct sl_announcement *announcement)
{
    uint8_t payload[SL_PAYLOAD_MAX];
    struct sl_announcing announcing = {.people_key = s->people_key,
                                       .seed = seed,
                                       .stamp = mallorys_stamp(s),
                                       .announcement = *announcement};
    size_t len = sl_announcement_seal(s->p, &announcing, payload);
    publish(s, SL_ENVELOPE_PERSONA, &announcing.stamp, payload, len);
}

static struct sl_announcement mallorys_announcement(const struct scene *s, const char *nick)
{
    struct sl_announcement announcement = {0};
    memcpy(announcement.key, s->key, SL_KEY_LEN);
    memcpy(announcement.box, s->box, SL_KEY_LEN);
    memcpy(announcement.prekey, s->box, SL_KEY_LEN);
    memcpy(announcement.nick, nick, strlen(nick));
    return announcement;
}

static size_t text_content(const char *text, uint8_t *ret_bytes, size_t cap)
{
    struct sl_content content = {
        .type = SL_CONTENT_TEXT, .text = (const uint8_t *)text, .text_len = strlen(text)};
    int len = sl_content_encode(&content, ret_bytes, cap);
    assert_true(len > 0);
    return (size_t)len;
}

/* A direct message to Bob, sealed with a box key and in the name of a persona of Mallory's choice.
 */
static void seal_to_bob(struct scene *s, const uint8_t *sender, const uint8_t *sender_secret,
                        const char *text)
{
    uint8_t payload[SL_DIRECT_PAYLOAD_MAX], content[256], receipt_key[SL_RECEIPT_KEY_LEN] = {1};
    struct sl_direct_draft draft = {.stamp = mallorys_stamp(s),
                                    .sender = sender,
                                    .sender_secret = sender_secret,
                                    .recipient = s->bob->key,
                                    .prekey = s->bob->prekeys[0].key,
                                    .receipt_key = receipt_key,
                                    .content = content,
                                    .content_len = text_content(text, content, sizeof(content))};
    int len = sl_direct_seal(s->p, &s->bus->sealing, &draft, payload);
    assert_true(len > 0);
    publish(s, SL_ENVELOPE_DIRECT, &draft.stamp, payload, (size_t)len);
}

static void tell_bob(struct scene *s, const char *text)
{
    struct sl_message message;
    assert_int_equal(sl_chat_send(s->a->chat, OWNER, s->ana->handle, TO_PERSON(s->bob->key, text),
                                  s->bus->now, &message),
                     0);
}

static bool contains(const uint8_t *bytes, size_t len, const void *wanted, size_t wanted_len)
{
    for (size_t i = 0; i + wanted_len <= len; i++)
        if (memcmp(bytes + i, wanted, wanted_len) == 0)
            return true;
    return false;
}

static void test_row_01_largest_message_costs_bounded_memory(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    char *text = malloc(SL_TEXT_MAX);
    assert_non_null(text);
    memset(text, 'x', SL_TEXT_MAX);
    struct sl_message message;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(
            sl_chat_send(
                s.a->chat, OWNER, s.ana->handle,
                &(struct sl_text){.to = {.channel = "general"}, .bytes = text, .len = SL_TEXT_MAX},
                s.bus->now, &message),
            0);
        assert_int_equal(
            sl_chat_send(
                s.a->chat, OWNER, s.ana->handle,
                &(struct sl_text){.to = {.person = s.bob->key}, .bytes = text, .len = SL_TEXT_MAX},
                s.bus->now, &message),
            0);
    }
    /* One message is what it is long on the air, and less than twice that in memory. */
    assert_true(sl_bus_count(s.bus, 0, SL_ENVELOPE_DIRECT) == 300 * 12);
    assert_true(sl_record_size(s.ana->history.records[0]) < 2 * SL_TEXT_MAX);
    for (size_t i = 0; i < s.a->stored_count; i++) {
        struct sl_bus_stored stored = s.a->stored[i];
        if (stored.from == 0 && stored.envelope.kind != SL_ENVELOPE_PERSONA)
            sl_chat_accepted(s.b->chat, &stored.envelope, stored.id, stored.born, false,
                             s.bus->now);
        assert_true(s.bob->parts.bytes <= SL_PARTS_BYTES_MAX);
    }
    assert_true(s.bob->history.count > 100);
    assert_true(s.bob->history.bytes <= SL_HISTORY_BYTES_MAX);
    assert_true(s.bob->hold.bytes <= SL_HOLD_BYTES_MAX);
    free(text);
    sl_bus_free(s.bus);
}

static void expect_silence(struct scene *s)
{
    sl_bus_run(s->bus, SL_SECOND);
    assert_int_equal(s->b->messages.count, 0);
    assert_int_equal(s->bob->history.count, 0);
    assert_int_equal(sl_bus_count(s->bus, 1, SL_ENVELOPE_RECEIPT), 0);
}

static void test_row_02_one_answer_for_every_failure(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    s.b->offline = true;
    tell_bob(&s, "sealed");
    struct sl_bus_stored stored = *sl_bus_last(s.bus, 0, SL_ENVELOPE_DIRECT, 0);
    uint8_t payload[SL_DIRECT_PAYLOAD_MAX];
    struct sl_envelope envelope = stored.envelope;
    struct sl_direct_recipient recipient = {.key = s.bob->key,
                                            .prekey_secret = s.bob->prekeys[0].secret};
    struct sl_direct_message opened, untouched;
    memset(&opened, 0xee, sizeof(opened));
    untouched = opened;
    size_t len = envelope.payload_len;
    memcpy(payload, stored.envelope.payload, len);
    envelope.payload = payload;
    for (size_t i = 0; i < len; i++) {
        payload[i] ^= 0x10;
        assert_false(sl_direct_open(s.p, &s.bus->sealing, &recipient, &envelope, &opened));
        payload[i] ^= 0x10;
    }
    static const size_t lens[] = {0, 1, 95, 96, 97, 255, 257, 511, 512, 1023, 1024};
    for (size_t i = 0; i < SL_ARRAY_LEN(lens); i++) {
        envelope.payload_len = lens[i];
        assert_false(sl_direct_open(s.p, &s.bus->sealing, &recipient, &envelope, &opened));
    }
    envelope.payload_len = len;
    envelope.created++; /* carried into another envelope */
    assert_false(sl_direct_open(s.p, &s.bus->sealing, &recipient, &envelope, &opened));
    envelope.created--;
    envelope.origin[0] ^= 1;
    assert_false(sl_direct_open(s.p, &s.bus->sealing, &recipient, &envelope, &opened));
    envelope.origin[0] ^= 1;
    recipient.key = s.ana->key; /* meant for somebody else */
    assert_false(sl_direct_open(s.p, &s.bus->sealing, &recipient, &envelope, &opened));
    assert_memory_equal(&opened, &untouched, sizeof(opened));

    /* Neither an event nor a receipt tells the sender how far it got. */
    payload[len - 1] ^= 1;
    sl_chat_accepted(s.b->chat, &envelope, stored.id, s.bus->now, false, s.bus->now);
    payload[len - 1] ^= 1;
    s.b->offline = false;
    for (size_t i = 0; i < s.a->stored_count; i++)
        if (s.a->stored[i].envelope.kind == SL_ENVELOPE_DIRECT)
            s.a->stored[i].born -= 2 * SL_DAY; /* the good one shall not arrive */
    struct sl_announcement mallory = mallorys_announcement(&s, "mallory");
    announce(&s, s.seed, &mallory);
    seal_to_bob(&s, s.key, s.ana->profile.seed, "wrong box key");
    seal_to_bob(&s, s.key, s.box_secret, "\xff not UTF-8");
    expect_silence(&s);
    sl_bus_free(s.bus);
}

static void test_row_03_no_persona_and_no_recipient_in_clear(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    struct sl_message message;
    char text[SL_DIRECT_CONTENT_MAX];
    memset(text, 'q', sizeof(text));
    for (size_t len = 1; len < sizeof(text); len += 40)
        assert_int_equal(
            sl_chat_send(s.a->chat, OWNER, s.ana->handle,
                         &(struct sl_text){.to = {.person = s.bob->key}, .bytes = text, .len = len},
                         s.bus->now, &message),
            0);
    assert_int_equal(sl_chat_send(s.a->chat, OWNER, s.ana->handle,
                                  TO_CHANNEL("general", "hello, bobadilla"), s.bus->now, &message),
                     0);
    sl_bus_run(s.bus, SL_SECOND);
    struct {
        const void *bytes;
        size_t len;
    } hidden[] = {
        {s.ana->key, SL_PERSONA_ID_LEN},
        {s.bob->key, SL_PERSONA_ID_LEN},
        {s.ana->profile.box, 16},
        {s.bob->profile.box, 16},
        {s.ana->prekeys[0].key, 16},
        {s.bob->prekeys[0].key, 16},
        {"anastasia", 9},
        {"bobadilla", 9},
        {s.ana->code, 9},
        {s.bob->code, 9},
        {"general", 7},
        {"hello, bob", 10},
    };
    size_t sizes[3] = {0}, seen = 0;
    const struct sl_bus_node *relay = &s.bus->nodes[MALLORY];
    for (size_t i = 0; i < relay->stored_count; i++) {
        const struct sl_envelope *envelope = &relay->stored[i].envelope;
        seen++;
        for (size_t j = 0; j < SL_ARRAY_LEN(hidden); j++)
            assert_false(contains(relay->stored[i].bytes, relay->stored[i].len, hidden[j].bytes,
                                  hidden[j].len));
        if (envelope->kind != SL_ENVELOPE_DIRECT)
            continue;
        assert_true(envelope->payload_len == 256 || envelope->payload_len == 512 ||
                    envelope->payload_len == 1024);
        sizes[envelope->payload_len / 512]++;
    }
    assert_true(seen > 20 && sizes[0] > 0 && sizes[1] > 0 && sizes[2] > 0);
    sl_bus_free(s.bus);
}

static void test_row_04_key_checked_is_key_sealed_to(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    char at_ana[SL_AUTH_CODE_LEN], at_bob[SL_AUTH_CODE_LEN], other[SL_AUTH_CODE_LEN];
    uint32_t ana = s.ana->handle;
    assert_int_equal(sl_chat_auth_code(s.a->chat, OWNER, ana, s.bob->key, at_ana), 0);
    assert_int_equal(sl_chat_auth_code(s.b->chat, OWNER, s.bob->handle, s.ana->key, at_bob), 0);
    assert_string_equal(at_ana, at_bob);
    assert_int_equal(sl_chat_verify(s.a->chat, OWNER, ana, s.bob->key, true, s.bus->now), 0);

    /* Mallory calls herself like him: the verified one is found, and his key sealed to. */
    struct sl_announcement mallory = mallorys_announcement(&s, "bobadilla");
    announce(&s, s.seed, &mallory);
    struct sl_person found, person;
    assert_int_equal(sl_chat_person_by_key(s.a->chat, OWNER, ana, s.key, &person), 0);
    assert_false(person.verified);
    assert_int_equal(sl_chat_auth_code(s.a->chat, OWNER, ana, s.key, other), 0);
    assert_string_not_equal(other, at_ana);
    assert_int_equal(sl_chat_find(s.a->chat, OWNER, ana, "bobadilla", &found), 0);
    assert_memory_equal(found.key, s.bob->key, SL_KEY_LEN);
    assert_true(found.verified);
    tell_bob(&s, "for bob alone");
    sl_bus_run(s.bus, SL_SECOND);
    assert_int_equal(sl_bus_received(s.bus, 1, "for bob alone"), 1);

    /* Without a verified one, the name is not enough. */
    assert_int_equal(sl_chat_verify(s.a->chat, OWNER, ana, s.bob->key, false, s.bus->now), 0);
    assert_int_equal(sl_chat_find(s.a->chat, OWNER, ana, "bobadilla", &found), -ENOTUNIQ);
    char name[SL_NICK_MAX + 16];
    snprintf(name, sizeof(name), "bobadilla.%s", s.bob->code);
    assert_int_equal(sl_chat_find(s.a->chat, OWNER, ana, name, &found), 0);
    assert_memory_equal(found.key, s.bob->key, SL_KEY_LEN);
    assert_int_equal(sl_chat_find(s.a->chat, OWNER, ana, s.bob->code, &found), 0);
    assert_memory_equal(found.key, s.bob->key, SL_KEY_LEN);
    assert_int_equal(sl_chat_find(s.a->chat, OWNER, ana, "nobody", &found), -ENOENT);

    /* Nobody can take another's code for a name. */
    mallory = mallorys_announcement(&s, name);
    announce(&s, s.seed, &mallory);
    mallory = mallorys_announcement(&s, s.bob->code);
    announce(&s, s.seed, &mallory);
    assert_int_equal(sl_chat_person_by_key(s.a->chat, OWNER, ana, s.key, &person), 0);
    assert_string_equal(person.nick, "bobadilla");
    sl_bus_free(s.bus);
}

static void test_row_05_member_cannot_pose_as_another(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    const struct sl_channel *general = &s.bob->channels[0];
    uint8_t payload[SL_PAYLOAD_MAX], content[64];
    /* In Ana's name, under the channel's key, signed by Mallory. */
    struct sl_channel_draft draft = {.stamp = mallorys_stamp(&s),
                                     .author = s.ana->key,
                                     .author_seed = s.seed,
                                     .content = content,
                                     .content_len = text_content("forged", content, 64)};
    size_t len = sl_channel_seal(s.p, general, &draft, payload);
    publish(&s, SL_ENVELOPE_CHANNEL, &draft.stamp, payload, len);
    assert_int_equal(s.b->messages.count, 0);
    assert_int_equal(s.b->chat->counters.unopened, 1);

    /* Her own words in her own name do arrive: it was the signature. */
    draft.stamp = mallorys_stamp(&s);
    draft.author = s.key;
    len = sl_channel_seal(s.p, general, &draft, payload);
    publish(&s, SL_ENVELOPE_CHANNEL, &draft.stamp, payload, len);
    assert_int_equal(sl_bus_received(s.bus, 1, "forged"), 1);
    assert_memory_equal(s.b->messages.items[0].message.person, s.key, SL_KEY_LEN);
    sl_bus_free(s.bus);
}

static void test_row_05_words_are_not_carried_elsewhere(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    struct sl_message message;
    struct sl_channel side;
    assert_int_equal(sl_chat_join(s.a->chat, OWNER, s.ana->handle, "side", s.bus->now), 0);
    assert_int_equal(sl_chat_join(s.b->chat, OWNER, s.bob->handle, "side", s.bus->now), 0);
    assert_int_equal(sl_channel_public(s.p, s.bus->network_secret, "side", &side), 0);
    assert_int_equal(sl_chat_send(s.a->chat, OWNER, s.ana->handle, TO_CHANNEL("general", "yes"),
                                  s.bus->now, &message),
                     0);
    sl_bus_deliver(s.bus);
    sl_bus_forget_events(s.bus, 1);
    struct sl_envelope original = sl_bus_last(s.bus, 0, SL_ENVELOPE_CHANNEL, 0)->envelope;
    /* Opens it, as every member can, and seals the signed body anew. */
    uint8_t nonce[SL_XNONCE_LEN], body[SL_PAYLOAD_MAX], payload[SL_PAYLOAD_MAX];
    struct sl_stamp stamp = {.created = original.created};
    memcpy(stamp.origin, original.origin, SL_ORIGIN_LEN);
    const uint8_t *salt = original.payload + SL_CHANNEL_HINT_LEN;
    size_t sealed_len = original.payload_len - SL_CHANNEL_HINT_LEN - SL_SALT_LEN;
    sl_stamp_nonce(&stamp, salt, nonce);
    assert_true(s.p->open(s.p->ctx, s.ana->channels[0].key, nonce, sizeof(nonce),
                          (const uint8_t *)"starling channel", 16, salt + SL_SALT_LEN, sealed_len,
                          body));
    const struct sl_channel *channels[] = {&side, &s.ana->channels[0]};
    for (size_t i = 0; i < 2; i++) {
        stamp = mallorys_stamp(&s);
        memcpy(payload, channels[i]->hint, SL_CHANNEL_HINT_LEN);
        memset(payload + SL_CHANNEL_HINT_LEN, 7, SL_SALT_LEN);
        sl_stamp_nonce(&stamp, payload + SL_CHANNEL_HINT_LEN, nonce);
        s.p->seal(s.p->ctx, channels[i]->key, nonce, sizeof(nonce),
                  (const uint8_t *)"starling channel", 16, body, sealed_len - SL_TAG_LEN,
                  payload + SL_CHANNEL_HINT_LEN + SL_SALT_LEN);
        publish(&s, SL_ENVELOPE_CHANNEL, &stamp, payload, original.payload_len);
    }
    assert_int_equal(s.b->messages.count, 0);
    assert_int_equal(s.b->chat->counters.unopened, 2);
    sl_bus_free(s.bus);
}

static void test_row_06_victims_key_with_ones_own(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    size_t known = s.b->chat->people.count;
    struct sl_announcement forged = mallorys_announcement(&s, "anastasia");
    /* Ana's persona key with Mallory's box key and prekey. */
    memcpy(forged.key, s.ana->key, SL_KEY_LEN);
    announce(&s, s.seed, &forged);
    assert_int_equal(s.b->chat->counters.unopened, 1);
    assert_int_equal(s.b->chat->people.count, known);
    const struct sl_person_entry *ana = sl_people_key_entry(&s.b->chat->people, s.ana->key);
    assert_memory_equal(ana->announcement.box, s.ana->profile.box, SL_KEY_LEN);
    assert_memory_equal(ana->announcement.prekey, s.ana->prekeys[0].key, SL_KEY_LEN);

    /* Ana's own announcement from another node, or at another time. */
    struct sl_envelope original = sl_bus_last(s.bus, 0, SL_ENVELOPE_PERSONA, 0)->envelope;
    struct sl_stamp stamp = mallorys_stamp(&s);
    publish(&s, SL_ENVELOPE_PERSONA, &stamp, original.payload, original.payload_len);
    assert_int_equal(s.b->chat->counters.unopened, 2);

    /* Her box key and prekey under Mallory's persona: neither do her words become Mallory's, ... */
    forged = mallorys_announcement(&s, "mallory");
    memcpy(forged.box, s.ana->profile.box, SL_KEY_LEN);
    memcpy(forged.prekey, s.ana->prekeys[0].key, SL_KEY_LEN);
    announce(&s, s.seed, &forged);
    tell_bob(&s, "it is me");
    sl_bus_run(s.bus, SL_SECOND);
    assert_int_equal(s.b->messages.count, 1);
    assert_memory_equal(s.b->messages.items[0].message.person, s.ana->key, SL_KEY_LEN);
    /* ... nor do words for Mallory land with her. */
    struct sl_message message;
    assert_int_equal(sl_chat_send(s.b->chat, OWNER, s.bob->handle, TO_PERSON(s.key, "to mallory"),
                                  s.bus->now, &message),
                     0);
    sl_bus_run(s.bus, SL_SECOND);
    assert_int_equal(sl_bus_received(s.bus, 0, "to mallory"), 0);
    assert_int_equal(s.ana->history.count, 1);
    sl_bus_free(s.bus);
}

static void test_row_06_low_order_points(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    struct sl_announcement forged = mallorys_announcement(&s, "mallory");
    memset(forged.prekey, 0, SL_KEY_LEN);
    announce(&s, s.seed, &forged);
    forged = mallorys_announcement(&s, "mallory");
    memset(forged.box, 0, SL_KEY_LEN);
    forged.box[0] = 1;
    forged.box[31] = 0x80;
    announce(&s, s.seed, &forged);
    assert_null(sl_people_key_entry(&s.b->chat->people, s.key));
    assert_int_equal(s.b->chat->counters.unopened, 2);
    sl_bus_free(s.bus);
}

static void test_row_07_only_the_authenticated_is_shown_as_direct(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    struct sl_announcement mallory = mallorys_announcement(&s, "mallory");
    announce(&s, s.seed, &mallory);
    seal_to_bob(&s, s.ana->key, s.box_secret, "I am ana"); /* her name, Mallory's box key */
    assert_int_equal(s.b->chat->counters.unopened, 1);

    /* A receipt, a channel message or noise in a DIRECT envelope. */
    uint8_t payload[SL_PAYLOAD_MAX];
    s.p->random(s.p->ctx, payload, sizeof(payload));
    struct sl_stamp stamp = mallorys_stamp(&s);
    publish(&s, SL_ENVELOPE_DIRECT, &stamp, payload, 256);
    uint8_t content[64];
    struct sl_channel_draft draft = {.stamp = mallorys_stamp(&s),
                                     .author = s.key,
                                     .author_seed = s.seed,
                                     .content = content,
                                     .content_len = text_content("psst bob", content, 64)};
    size_t len = sl_channel_seal(s.p, &s.bob->channels[0], &draft, payload);
    publish(&s, SL_ENVELOPE_DIRECT, &draft.stamp, payload, len);
    expect_silence(&s);

    /* And what is sealed by who it says is shown. */
    seal_to_bob(&s, s.key, s.box_secret, "I am mallory");
    assert_int_equal(sl_bus_received(s.bus, 1, "I am mallory"), 1);
    assert_true(s.b->messages.items[0].message.direct);
    assert_memory_equal(s.b->messages.items[0].message.person, s.key, SL_KEY_LEN);
    sl_bus_free(s.bus);
}

static void test_row_12_replayed_announcement_changes_nothing(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    struct sl_bus_stored first = *sl_bus_last(s.bus, 0, SL_ENVELOPE_PERSONA, 0);
    sl_bus_run(s.bus, 7 * SL_HOUR);
    const struct sl_person_entry *ana = sl_people_key_entry(&s.b->chat->people, s.ana->key);
    assert_memory_equal(ana->announcement.prekey, s.ana->prekeys[1].key, SL_KEY_LEN);
    struct sl_person_entry before = *ana;
    size_t told = s.b->person_count;
    for (int i = 0; i < 3; i++)
        sl_chat_accepted(s.b->chat, &first.envelope, first.id, s.bus->now, false, s.bus->now);
    assert_memory_equal(ana, &before, sizeof(before));
    assert_int_equal(s.b->person_count, told);
    sl_bus_free(s.bus);
}

/* One part of a long text by an author with that seed, in #general. */
static void post_part(struct scene *s, uint8_t author, uint32_t group, uint8_t number)
{
    uint8_t seed[SL_KEY_LEN], key[SL_KEY_LEN], text[900], content[SL_CHANNEL_CONTENT_MAX],
        payload[SL_PAYLOAD_MAX];
    memset(seed, author, sizeof(seed));
    memset(text, 't', sizeof(text));
    s->p->sign_key(s->p->ctx, seed, key);
    struct sl_content part = {.type = SL_CONTENT_PART,
                              .number = number,
                              .count = 2,
                              .text = text,
                              .text_len = sizeof(text)};
    memcpy(part.group, &group, SL_GROUP_LEN);
    struct sl_channel_draft draft = {
        .stamp = mallorys_stamp(s), .author = key, .author_seed = seed, .content = content};
    draft.content_len = (size_t)sl_content_encode(&part, content, sizeof(content));
    size_t len = sl_channel_seal(s->p, &s->bob->channels[0], &draft, payload);
    const struct sl_bus_stored *forged =
        sl_bus_forge(s->bus, MALLORY, SL_ENVELOPE_CHANNEL, draft.stamp.created, payload, len);
    sl_chat_accepted(s->b->chat, &forged->envelope, forged->id, s->bus->now, false, s->bus->now);
}

static void test_row_14_incomplete_parts_are_capped(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    post_part(&s, 200, 1, 0); /* an honest author, whose second part is late */
    for (uint32_t i = 0; i < 1000; i++) {
        post_part(&s, 201, i, 0);
        assert_true(s.bob->parts.bytes <= SL_PARTS_BYTES_MAX);
        assert_true(s.bob->parts.count <= SL_PARTS_GROUPS_MAX);
    }
    assert_true(s.bob->parts.bytes > SL_PARTS_BYTES_MAX / 2);
    assert_int_equal(s.b->messages.count, 0);
    post_part(&s, 200, 1, 1);
    assert_int_equal(s.b->messages.count, 1);
    assert_int_equal(s.b->messages.items[0].message.text_len, 1800);
    /* Forged in the honest one's group by another author: not joined with theirs. */
    post_part(&s, 200, 2, 0);
    post_part(&s, 202, 2, 1);
    assert_int_equal(s.b->messages.count, 1);
    sl_bus_free(s.bus);
}

/* Somebody with that number, of an origin with that number, who said so at that time. */
static struct sl_person_entry *hear(struct sl_people *people, uint32_t number, uint32_t origin,
                                    sl_time at)
{
    struct sl_announcement announcement = {.nick = "stranger"};
    uint8_t origin_bytes[SL_ORIGIN_LEN] = {0};
    memcpy(announcement.key, &number, sizeof(number));
    memcpy(origin_bytes, &origin, sizeof(origin));
    return sl_people_hear(people, &(struct sl_heard){.announcement = &announcement,
                                                     .origin = origin_bytes,
                                                     .created = (uint64_t)at,
                                                     .born = at});
}

static struct sl_person_entry *find(struct sl_people *people, uint32_t number)
{
    uint8_t key[SL_KEY_LEN] = {0};
    memcpy(key, &number, sizeof(number));
    return sl_people_key_entry(people, key);
}

static void test_row_15_identities_of_one_node_are_bounded(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    struct sl_people people;
    sl_people_init(&people, &bus->primitives, 1);
    for (uint32_t i = 0; i < 500; i++)
        assert_non_null(hear(&people, i, i, 1 + i));
    for (uint32_t i = 0; i < 10000; i++)
        assert_non_null(hear(&people, 1000 + i, 77777, 1000 + i));
    assert_int_equal(people.count, 500 + SL_PEOPLE_PER_ORIGIN);
    for (uint32_t i = 0; i < 500; i++)
        assert_non_null(find(&people, i));
    assert_non_null(find(&people, 10999)); /* the newest of theirs */
    sl_people_done(&people);
    sl_bus_free(bus);
}

static void test_row_18_pinned_people_are_never_evicted(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    struct sl_people people;
    sl_people_init(&people, &bus->primitives, 1);
    hear(&people, 1, 1, 1)->pins = 1;
    hear(&people, 2, 2, 2)->local = true;
    hear(&people, 3, 3, 3)->met = true;
    for (uint32_t i = 0; i < 3 * SL_PEOPLE_MAX; i++) {
        assert_non_null(hear(&people, 100 + i, 100 + i, 100 + i));
        assert_true(people.count <= SL_PEOPLE_MAX && people.cap <= SL_PEOPLE_MAX);
    }
    assert_int_equal(people.count, SL_PEOPLE_MAX);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_non_null(find(&people, i));
        assert_memory_equal(find(&people, i)->announcement.key, &i, sizeof(i));
    }
    /* Everybody pinned: strangers stay outside. */
    for (size_t i = 0; i < people.count; i++)
        people.entries[i].pins = 1;
    assert_null(hear(&people, 99, 99, 1000000));
    for (size_t i = 0; i < people.count; i++)
        assert_ptr_equal(sl_people_id(&people, people.entries[i].id), &people.entries[i]);
    sl_people_done(&people);
    sl_bus_free(bus);
}

static void test_flooded_channel_does_not_push_out_direct_messages(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    struct sl_message message;
    tell_bob(&s, "keep this");
    sl_bus_run(s.bus, SL_SECOND);
    for (int i = 0; i < SL_HISTORY_MAX + 100; i++) {
        assert_int_equal(sl_chat_send(s.b->chat, OWNER, s.bob->handle,
                                      TO_CHANNEL("general", "flood"), s.bus->now, &message),
                         0);
        assert_true(s.bob->history.count <= SL_HISTORY_MAX);
    }
    assert_int_equal(sl_chat_history(s.b->chat, OWNER, s.bob->handle, 0, &message), 0);
    assert_string_equal(message.text, "keep this");
    sl_bus_free(s.bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_01_largest_message_costs_bounded_memory),
        cmocka_unit_test(test_row_02_one_answer_for_every_failure),
        cmocka_unit_test(test_row_03_no_persona_and_no_recipient_in_clear),
        cmocka_unit_test(test_row_04_key_checked_is_key_sealed_to),
        cmocka_unit_test(test_row_05_member_cannot_pose_as_another),
        cmocka_unit_test(test_row_05_words_are_not_carried_elsewhere),
        cmocka_unit_test(test_row_06_victims_key_with_ones_own),
        cmocka_unit_test(test_row_06_low_order_points),
        cmocka_unit_test(test_row_07_only_the_authenticated_is_shown_as_direct),
        cmocka_unit_test(test_row_12_replayed_announcement_changes_nothing),
        cmocka_unit_test(test_row_14_incomplete_parts_are_capped),
        cmocka_unit_test(test_row_15_identities_of_one_node_are_bounded),
        cmocka_unit_test(test_row_18_pinned_people_are_never_evicted),
        cmocka_unit_test(test_flooded_channel_does_not_push_out_direct_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
