/* People talking: channels, direct messages, states, order. */
#include "sim/chat_bus.h"
#include "sim/chat_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANA_OWNER 1000
#define BOB_OWNER 1001

/* Ana on node 0, Bob on node 1 (or on node 0 if there is only one). */
struct pair {
    struct sl_bus *bus;
    struct sl_bus_node *a, *b;
    uint32_t ana, bob;
    uint8_t ana_key[SL_KEY_LEN], bob_key[SL_KEY_LEN];
};

static void get_key(const struct sl_bus_node *node, uint32_t owner, uint32_t persona,
                    uint8_t ret_key[SL_KEY_LEN])
{
    struct sl_persona_info info;
    for (size_t i = 0; sl_chat_persona(node->chat, owner, i, &info) == 0; i++)
        if (info.persona == persona)
            memcpy(ret_key, info.key, SL_KEY_LEN);
}

static void pair_init(struct pair *p, int node_count)
{
    p->bus = sl_bus_new(node_count);
    p->a = &p->bus->nodes[0];
    p->b = &p->bus->nodes[node_count > 1 ? 1 : 0];
    assert_int_equal(sl_chat_create(p->a->chat, ANA_OWNER, "ana", NULL, p->bus->now, &p->ana), 0);
    assert_int_equal(sl_chat_create(p->b->chat, BOB_OWNER, "bob", NULL, p->bus->now, &p->bob), 0);
    get_key(p->a, ANA_OWNER, p->ana, p->ana_key);
    get_key(p->b, BOB_OWNER, p->bob, p->bob_key);
    sl_bus_deliver(p->bus);
}

static struct sl_message say(struct pair *p, const char *channel, const char *text)
{
    struct sl_message message;
    assert_int_equal(sl_chat_send(p->a->chat, ANA_OWNER, p->ana, TO_CHANNEL(channel, text),
                                  p->bus->now, &message),
                     0);
    return message;
}

static struct sl_message tell_bob(struct pair *p, const char *text)
{
    struct sl_message message;
    assert_int_equal(sl_chat_send(p->a->chat, ANA_OWNER, p->ana, TO_PERSON(p->bob_key, text),
                                  p->bus->now, &message),
                     0);
    return message;
}

static enum sl_message_state state_of(struct pair *p, uint64_t number)
{
    struct sl_message message;
    assert_int_equal(sl_chat_history(p->a->chat, ANA_OWNER, p->ana, number, &message), 0);
    assert_int_equal(message.number, number);
    return message.state;
}

static void expect_received(const struct pair *p, const char *const *texts, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < p->b->messages.count; i++) {
        if (p->b->messages.items[i].message.outgoing)
            continue;
        assert_true(at < count);
        assert_string_equal(p->b->messages.items[i].message.text, texts[at]);
        at++;
    }
    assert_int_equal(at, count);
}

static void test_channel_message_arrives_once(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    struct sl_message sent = say(&p, "#general", "Grüße, 你好, مرحبا");
    assert_int_equal(sent.state, SL_MESSAGE_QUEUED);
    assert_true(sent.outgoing && sent.durable && !sent.direct);
    sl_bus_run(p.bus, SL_SECOND);
    assert_int_equal(sl_bus_received(p.bus, 1, "Grüße, 你好, مرحبا"), 1);
    const struct sl_message *got = &p.b->messages.items[0].message;
    assert_string_equal(got->channel, "general");
    assert_memory_equal(got->person, p.ana_key, SL_KEY_LEN);
    assert_memory_equal(got->id, sent.id, SL_ID_LEN);
    assert_int_equal(got->created, sent.created);
    assert_true(got->unread);
    assert_int_equal(got->state, SL_MESSAGE_RECEIVED);
    assert_int_equal(p.b->messages.items[0].owner, BOB_OWNER);
    /* A channel message is relayed, and nothing more can be earned. */
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_RELAYED);
    assert_int_equal(sl_bus_count(p.bus, 1, SL_ENVELOPE_RECEIPT), 0);
    sl_bus_free(p.bus);
}

static void test_same_envelope_twice_is_one_message(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    say(&p, "general", "once");
    tell_bob(&p, "once directly");
    sl_bus_run(p.bus, SL_SECOND);
    for (size_t i = 0; i < p.b->stored_count; i++) {
        struct sl_bus_stored again = p.b->stored[i];
        sl_chat_accepted(p.b->chat, &again.envelope, again.id, again.born, false, p.bus->now);
    }
    assert_int_equal(sl_bus_received(p.bus, 1, "once"), 1);
    assert_int_equal(sl_bus_received(p.bus, 1, "once directly"), 1);
    sl_bus_free(p.bus);
}

static void test_direct_message_earns_its_states(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    p.b->offline = true;
    struct sl_message sent = tell_bob(&p, "are you there?");
    sl_bus_run(p.bus, SL_MINUTE);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_QUEUED);
    p.b->offline = false;
    sl_bus_deliver(p.bus);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_RELAYED);
    sl_bus_run(p.bus, SL_RECEIPT_DELAY);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_DELIVERED);
    assert_int_equal(sl_bus_received(p.bus, 1, "are you there?"), 1);
    const struct sl_message *got = &p.b->messages.items[0].message;
    assert_true(got->direct);
    assert_memory_equal(got->person, p.ana_key, SL_KEY_LEN);

    assert_int_equal(sl_chat_mark_read(p.b->chat, BOB_OWNER, p.bob,
                                       &(struct sl_conversation){.person = p.ana_key}, got->number,
                                       p.bus->now),
                     0);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_DELIVERED);
    sl_bus_run(p.bus, SL_SECOND);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_READ);

    /* Nothing lowers it again. */
    sl_chat_relayed(p.a->chat, sent.id, p.bus->now);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_READ);
    assert_int_equal(p.a->states.count, 3);
    sl_bus_free(p.bus);
}

static void test_read_receipt_before_delivered(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    struct sl_message sent = tell_bob(&p, "quick");
    struct sl_bus_stored stored = *sl_bus_last(p.bus, 0, SL_ENVELOPE_DIRECT, 0);
    sl_bus_hand(p.bus, &stored, 1);
    sl_chat_mark_read(p.b->chat, BOB_OWNER, p.bob, &(struct sl_conversation){.person = p.ana_key},
                      UINT64_MAX, p.bus->now);
    sl_chat_tick(p.b->chat, p.bus->now + SL_SECOND);
    struct sl_bus_stored receipt = *sl_bus_last(p.bus, 1, SL_ENVELOPE_RECEIPT, 0);
    assert_int_equal(receipt.envelope.payload_len, 2 * SL_TOKEN_LEN);
    uint8_t swapped[2 * SL_TOKEN_LEN];
    memcpy(swapped, receipt.envelope.payload + SL_TOKEN_LEN, SL_TOKEN_LEN);
    memcpy(swapped + SL_TOKEN_LEN, receipt.envelope.payload, SL_TOKEN_LEN);
    receipt = *sl_bus_forge(p.bus, 1, SL_ENVELOPE_RECEIPT, 0, swapped, sizeof(swapped));
    sl_bus_hand(p.bus, &receipt, 0);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_READ);
    assert_int_equal(p.a->states.items[p.a->states.count - 1].message.state, SL_MESSAGE_READ);
    sl_bus_free(p.bus);
}

static void test_receipts_share_envelopes(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    char text[16];
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        tell_bob(&p, text);
    }
    sl_bus_run(p.bus, SL_SECOND);
    assert_int_equal(sl_bus_count(p.bus, 1, SL_ENVELOPE_RECEIPT), 3); /* 16 + 16 + 8 */
    for (uint64_t number = 1; number <= 40; number++)
        assert_int_equal(state_of(&p, number), SL_MESSAGE_DELIVERED);
    sl_bus_free(p.bus);
}

static void test_to_a_persona_of_the_same_node(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 1);
    struct sl_message sent = tell_bob(&p, "next to me");
    /* Delivered at once, without a word on the air; nobody relayed it. */
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_DELIVERED);
    assert_int_equal(sl_bus_received(p.bus, 0, "next to me"), 1);
    sl_bus_run(p.bus, SL_MINUTE);
    assert_int_equal(sl_bus_count(p.bus, 0, SL_ENVELOPE_RECEIPT), 0);
    sl_chat_mark_read(p.b->chat, BOB_OWNER, p.bob, &(struct sl_conversation){.person = p.ana_key},
                      UINT64_MAX, p.bus->now);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_READ);
    assert_int_equal(sl_bus_count(p.bus, 0, SL_ENVELOPE_RECEIPT), 0);

    say(&p, "general", "all of us");
    assert_int_equal(sl_bus_received(p.bus, 0, "all of us"), 1);
    sl_bus_free(p.bus);
}

static void test_to_oneself(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    struct sl_message sent;
    assert_int_equal(
        sl_chat_send(p.a->chat, ANA_OWNER, p.ana, TO_PERSON(p.ana_key, "note"), p.bus->now, &sent),
        0);
    assert_int_equal(sent.state, SL_MESSAGE_DELIVERED);
    sl_bus_run(p.bus, SL_MINUTE);
    struct sl_message message;
    assert_int_equal(sl_chat_history(p.a->chat, ANA_OWNER, p.ana, sent.number + 1, &message),
                     -ENOENT);
    sl_chat_mark_read(p.a->chat, ANA_OWNER, p.ana, &(struct sl_conversation){.person = p.ana_key},
                      sent.number, p.bus->now);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_READ);
    assert_int_equal(sl_bus_count(p.bus, 0, SL_ENVELOPE_RECEIPT), 0);
    sl_bus_free(p.bus);
}

static char *long_text(size_t len)
{
    static const char *const words[] = {"straße ", "你好 ", "سلام ", "👩‍👩‍👧 ",
                                        "plain "};
    char *text = calloc(1, len + 1);
    assert_non_null(text);
    size_t at = 0;
    for (size_t i = 0; at + strlen(words[i % 5]) <= len; i++) {
        memcpy(text + at, words[i % 5], strlen(words[i % 5]));
        at += strlen(words[i % 5]);
    }
    memset(text + at, '.', len - at);
    return text;
}

static void test_long_texts_arrive_whole(void **state)
{
    (void)state;
    static const size_t lens[] = {105, 106, 878, 888, 889, 900, 979, 980, 1999, 5000, SL_TEXT_MAX};
    struct pair p;
    pair_init(&p, 2);
    for (size_t i = 0; i < SL_ARRAY_LEN(lens); i++) {
        char *text = long_text(lens[i]);
        say(&p, "general", text);
        struct sl_message sent = tell_bob(&p, text);
        sl_bus_run(p.bus, SL_SECOND);
        assert_int_equal(sl_bus_received(p.bus, 1, text), 2);
        assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_DELIVERED);
        free(text);
    }
    sl_bus_free(p.bus);
}

static void test_state_is_that_of_the_weakest_part(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    p.b->offline = true;
    char *text = long_text(3000);
    struct sl_message sent = tell_bob(&p, text);
    size_t count = sl_bus_count(p.bus, 0, SL_ENVELOPE_DIRECT);
    assert_int_equal(count, 4);
    for (size_t back = 0; back < count; back++) {
        assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_QUEUED);
        assert_int_equal(p.b->messages.count, 0);
        struct sl_bus_stored part = *sl_bus_last(p.bus, 0, SL_ENVELOPE_DIRECT, back);
        sl_bus_hand(p.bus, &part, 1); /* last part first */
    }
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_RELAYED);
    assert_int_equal(sl_bus_received(p.bus, 1, text), 1);
    assert_memory_equal(p.b->messages.items[0].message.id, sent.id, SL_ID_LEN);

    /* Receipts for three of the four parts. */
    p.bus->now += SL_SECOND;
    sl_chat_tick(p.b->chat, p.bus->now);
    struct sl_bus_stored receipt = *sl_bus_last(p.bus, 1, SL_ENVELOPE_RECEIPT, 0);
    assert_int_equal(receipt.envelope.payload_len, 4 * SL_TOKEN_LEN);
    struct sl_bus_stored some =
        *sl_bus_forge(p.bus, 1, SL_ENVELOPE_RECEIPT, 0, receipt.envelope.payload, 3 * SL_TOKEN_LEN);
    sl_bus_hand(p.bus, &some, 0);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_RELAYED);
    sl_bus_hand(p.bus, &receipt, 0);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_DELIVERED);
    free(text);
    sl_bus_free(p.bus);
}

static void test_order_of_an_author_is_kept(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "two", "three", "four"};
    struct pair p;
    pair_init(&p, 2);
    p.b->offline = true;
    for (size_t i = 0; i < 4; i++)
        say(&p, "general", texts[i]);
    for (size_t back = 0; back < 4; back++) {
        struct sl_bus_stored stored = *sl_bus_last(p.bus, 0, SL_ENVELOPE_CHANNEL, back);
        sl_bus_hand(p.bus, &stored, 1);
    }
    expect_received(&p, texts, 4);
    sl_bus_free(p.bus);
}

static void test_gap_is_waited_for_five_seconds(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "three", "four", "two"};
    struct pair p;
    pair_init(&p, 2);
    say(&p, "general", "one");
    sl_bus_run(p.bus, SL_SECOND);
    p.b->offline = true;
    say(&p, "general", "two");
    say(&p, "general", "three");
    say(&p, "general", "four");
    struct sl_bus_stored two = *sl_bus_last(p.bus, 0, SL_ENVELOPE_CHANNEL, 2);
    struct sl_bus_stored three = *sl_bus_last(p.bus, 0, SL_ENVELOPE_CHANNEL, 1);
    struct sl_bus_stored four = *sl_bus_last(p.bus, 0, SL_ENVELOPE_CHANNEL, 0);
    sl_bus_hand(p.bus, &four, 1);
    sl_bus_hand(p.bus, &three, 1);
    sl_bus_run(p.bus, SL_HOLD_TIME - SL_MILLISECOND);
    expect_received(&p, texts, 1);
    sl_bus_run(p.bus, 2 * SL_MILLISECOND);
    expect_received(&p, texts, 3);
    sl_bus_hand(p.bus, &two, 1);
    expect_received(&p, texts, 4);
    sl_bus_free(p.bus);
}

static void test_hold_is_bounded_and_loses_nothing(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    p.b->offline = true;
    enum { COUNT = 3 * SL_HOLD_MAX };
    char text[16];
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        say(&p, "general", text);
    }
    for (size_t back = 0; back < COUNT; back++) {
        struct sl_bus_stored stored = *sl_bus_last(p.bus, 0, SL_ENVELOPE_CHANNEL, back);
        sl_bus_hand(p.bus, &stored, 1);
        assert_true(p.b->chat->personas[0]->hold.count <= SL_HOLD_MAX);
    }
    sl_bus_run(p.bus, 10 * SL_SECOND);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        assert_int_equal(sl_bus_received(p.bus, 1, text), 1);
    }
    sl_bus_free(p.bus);
}

static void test_late_comer_sees_what_was_said(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    say(&p, "general", "before");
    say(&p, "general", "she came");
    sl_bus_run(p.bus, SL_SECOND);
    sl_bus_forget_events(p.bus, 1);
    uint32_t eve;
    assert_int_equal(sl_chat_create(p.b->chat, BOB_OWNER, "eve", NULL, p.bus->now, &eve), 0);
    static const char *const texts[] = {"before", "she came"};
    expect_received(&p, texts, 2);
    sl_bus_free(p.bus);
}

static void test_new_board_sees_what_is_older_than_itself(void **state)
{
    (void)state;
    struct pair p;
    struct sl_person person;
    uint32_t eve;
    pair_init(&p, 2);
    say(&p, "general", "before");
    sl_bus_deliver(p.bus);
    sl_bus_stop(p.bus, 1);
    for (size_t i = 0; i < p.b->stored_count; i++)
        p.b->stored[i].born = -SL_HOUR;
    sl_bus_forget_events(p.bus, 1);
    sl_bus_start(p.bus, 1);
    assert_int_equal(sl_chat_create(p.b->chat, BOB_OWNER, "eve", NULL, p.bus->now, &eve), 0);
    static const char *const texts[] = {"before"};
    expect_received(&p, texts, 1);
    assert_int_equal(sl_chat_person_by_key(p.b->chat, BOB_OWNER, eve, p.ana_key, &person), 0);
    assert_int_equal(person.last_heard, -SL_HOUR);
    sl_bus_free(p.bus);
}

static void test_message_before_its_senders_announcement(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    p.b->offline = true;
    uint32_t eve;
    assert_int_equal(sl_chat_create(p.a->chat, ANA_OWNER, "eve", NULL, p.bus->now, &eve), 0);
    struct sl_message message;
    assert_int_equal(
        sl_chat_send(p.a->chat, ANA_OWNER, eve, TO_PERSON(p.bob_key, "psst"), p.bus->now, &message),
        0);
    struct sl_bus_stored persona = *sl_bus_last(p.bus, 0, SL_ENVELOPE_PERSONA, 0);
    struct sl_bus_stored direct = *sl_bus_last(p.bus, 0, SL_ENVELOPE_DIRECT, 0);
    sl_bus_hand(p.bus, &direct, 1);
    sl_chat_accepted(p.b->chat, &direct.envelope, direct.id, direct.born, false, p.bus->now);
    sl_bus_run(p.bus, SL_SECOND);
    assert_int_equal(p.b->messages.count, 0);
    assert_int_equal(sl_bus_count(p.bus, 1, SL_ENVELOPE_RECEIPT), 0);
    sl_bus_hand(p.bus, &persona, 1);
    assert_int_equal(sl_bus_received(p.bus, 1, "psst"), 1);
    sl_bus_free(p.bus);
}

static void test_prekeys_rotate_and_die(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    struct sl_persona *bob = p.b->chat->personas[0];
    struct sl_prekey first = bob->prekeys[0];
    p.a->offline = true; /* ana knows the first prekey only */
    sl_bus_run(p.bus, 23 * SL_HOUR);
    assert_int_equal(bob->prekey_count, 4);
    struct sl_message sent = tell_bob(&p, "sealed to the first prekey");
    struct sl_bus_stored stored = *sl_bus_last(p.bus, 0, SL_ENVELOPE_DIRECT, 0);
    assert_int_equal(stored.envelope.lifetime, 7 * 3600); /* what is left to 30 h */
    sl_bus_run(p.bus, 6 * SL_HOUR);
    struct sl_message refused;
    assert_int_equal(
        sl_chat_send(p.a->chat, ANA_OWNER, p.ana, TO_PERSON(p.bob_key, "x"), p.bus->now, &refused),
        -EHOSTUNREACH);
    sl_bus_hand(p.bus, &stored, 1);
    assert_int_equal(sl_bus_received(p.bus, 1, "sealed to the first prekey"), 1);
    sl_bus_run(p.bus, 2 * SL_HOUR);
    assert_int_equal(bob->prekey_count, 5);
    const uint8_t *raw = (const uint8_t *)bob;
    for (size_t i = 0; i + SL_KEY_LEN <= sizeof(*bob); i++)
        assert_memory_not_equal(raw + i, first.secret, SL_KEY_LEN);
    p.a->offline = false;
    sl_bus_run(p.bus, SL_SECOND);
    assert_int_equal(state_of(&p, sent.number), SL_MESSAGE_DELIVERED);
    tell_bob(&p, "and now the newest");
    sl_bus_run(p.bus, SL_SECOND);
    assert_int_equal(sl_bus_received(p.bus, 1, "and now the newest"), 1);
    sl_bus_free(p.bus);
}

static void test_announcement_is_tried_again(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    uint32_t ana;
    bus->nodes[0].publish_error = -ENOMEM;
    assert_int_equal(sl_chat_create(bus->nodes[0].chat, 1, "ana", NULL, bus->now, &ana), 0);
    assert_int_equal(sl_bus_count(bus, 0, SL_ENVELOPE_PERSONA), 0);
    bus->nodes[0].publish_error = 0;
    sl_bus_run(bus, SL_MINUTE);
    assert_int_equal(sl_bus_count(bus, 0, SL_ENVELOPE_PERSONA), 1);
    assert_int_equal(bus->nodes[0].chat->personas[0]->prekey_count, 1);
    sl_bus_free(bus);
}

static void test_disk_that_takes_nothing_is_told(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    p.a->publish_error = -EROFS;
    struct sl_message sent = say(&p, "general", "in memory only");
    assert_false(sent.durable);
    p.a->publish_error = -ENOMEM;
    assert_int_equal(
        sl_chat_send(p.a->chat, ANA_OWNER, p.ana, TO_CHANNEL("general", "x"), p.bus->now, &sent),
        -ENOMEM);
    p.a->publish_error = 0;
    struct sl_message last;
    assert_int_equal(sl_chat_history(p.a->chat, ANA_OWNER, p.ana, 2, &last), -ENOENT);
    sl_bus_free(p.bus);
}

static void test_wrong_use_is_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    struct sl_chat *chat = p.a->chat;
    struct sl_message m;
    uint8_t nobody[SL_KEY_LEN] = {1};
    char *huge = long_text(SL_TEXT_MAX + 1);
    sl_time now = p.bus->now;
    assert_int_equal(sl_chat_send(chat, BOB_OWNER, p.ana, TO_CHANNEL("general", "x"), now, &m),
                     -EPERM);
    assert_int_equal(sl_chat_send(chat, ANA_OWNER, 99, TO_CHANNEL("general", "x"), now, &m),
                     -EPERM);
    assert_int_equal(sl_chat_send(chat, ANA_OWNER, p.ana, TO_CHANNEL("x", "x"), now, &m), -ENOENT);
    assert_int_equal(sl_chat_send(chat, ANA_OWNER, p.ana, TO_CHANNEL("general", ""), now, &m),
                     -EINVAL);
    assert_int_equal(sl_chat_send(chat, ANA_OWNER, p.ana, TO_CHANNEL("general", "\xff"), now, &m),
                     -EINVAL);
    assert_int_equal(
        sl_chat_send(chat, ANA_OWNER, p.ana,
                     &(struct sl_text){
                         .to = {.channel = "general"}, .bytes = "x", .len = 1, .lifetime = 604801},
                     now, &m),
        -EINVAL);
    assert_int_equal(sl_chat_send(chat, ANA_OWNER, p.ana, TO_CHANNEL("general", huge), now, &m),
                     -EMSGSIZE);
    assert_int_equal(sl_chat_send(chat, ANA_OWNER, p.ana, TO_PERSON(nobody, "x"), now, &m),
                     -ENOENT);
    assert_int_equal(sl_chat_mark_read(chat, ANA_OWNER, p.ana,
                                       &(struct sl_conversation){.channel = NULL}, 1, now),
                     -EINVAL);
    assert_int_equal(sl_chat_mark_read(chat, ANA_OWNER, p.ana,
                                       &(struct sl_conversation){.channel = "x"}, 1, now),
                     -ENOENT);
    assert_int_equal(sl_chat_mark_read(chat, BOB_OWNER, p.ana,
                                       &(struct sl_conversation){.channel = "x"}, 1, now),
                     -EPERM);
    assert_int_equal(sl_chat_history(chat, BOB_OWNER, p.ana, 1, &m), -EPERM);
    free(huge);
    sl_bus_free(p.bus);
}

static void test_channels(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    struct sl_chat *a = p.a->chat, *b = p.b->chat;
    char link[SL_CHANNEL_LINK_MAX];
    struct sl_channel_info info;
    sl_time now = p.bus->now;
    assert_int_equal(sl_chat_join(a, ANA_OWNER, p.ana, "general", now), -EEXIST);
    assert_int_equal(sl_chat_join(a, ANA_OWNER, p.ana, "two words", now), -EINVAL);
    assert_int_equal(sl_chat_make_private(a, ANA_OWNER, p.ana, "médecins", now), 0);
    assert_int_equal(sl_chat_channel_link(a, ANA_OWNER, p.ana, "general", link, sizeof(link)),
                     -ENODATA);
    assert_int_equal(sl_chat_channel_link(a, ANA_OWNER, p.ana, "x", link, sizeof(link)), -ENOENT);
    assert_int_equal(sl_chat_channel_link(a, ANA_OWNER, p.ana, "médecins", link, sizeof(link)), 0);
    say(&p, "médecins", "before bob had the link");
    sl_bus_run(p.bus, SL_SECOND);
    assert_int_equal(p.b->messages.count, 0);
    assert_int_equal(sl_chat_join(b, BOB_OWNER, p.bob, link, p.bus->now), 0);
    assert_int_equal(sl_bus_received(p.bus, 1, "before bob had the link"), 1);
    assert_int_equal(sl_chat_channel(b, BOB_OWNER, p.bob, 1, &info), 0);
    assert_string_equal(info.name, "médecins");
    assert_true(info.is_private);
    assert_int_equal(info.unread, 1);
    assert_int_equal(sl_chat_mark_read(b, BOB_OWNER, p.bob,
                                       &(struct sl_conversation){.channel = "#médecins"},
                                       UINT64_MAX, now),
                     0);
    assert_int_equal(sl_chat_channel(b, BOB_OWNER, p.bob, 1, &info), 0);
    assert_int_equal(info.unread, 0);
    assert_int_equal(sl_chat_channel(b, BOB_OWNER, p.bob, 2, &info), -ENOENT);

    assert_int_equal(sl_chat_leave(b, BOB_OWNER, p.bob, "médecins"), 0);
    assert_int_equal(sl_chat_leave(b, BOB_OWNER, p.bob, "médecins"), -ENOENT);
    struct sl_message message;
    assert_int_equal(sl_chat_history(b, BOB_OWNER, p.bob, 0, &message), -ENOENT);
    say(&p, "médecins", "without bob");
    sl_bus_run(p.bus, SL_SECOND);
    assert_int_equal(sl_bus_received(p.bus, 1, "without bob"), 0);
    for (int i = 1; i < SL_CHANNELS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        assert_int_equal(sl_chat_join(b, BOB_OWNER, p.bob, name, now), 0);
    }
    assert_int_equal(sl_chat_join(b, BOB_OWNER, p.bob, "one-more", now), -ENOSPC);
    sl_bus_free(p.bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_message_arrives_once),
        cmocka_unit_test(test_same_envelope_twice_is_one_message),
        cmocka_unit_test(test_direct_message_earns_its_states),
        cmocka_unit_test(test_read_receipt_before_delivered),
        cmocka_unit_test(test_receipts_share_envelopes),
        cmocka_unit_test(test_to_a_persona_of_the_same_node),
        cmocka_unit_test(test_to_oneself),
        cmocka_unit_test(test_long_texts_arrive_whole),
        cmocka_unit_test(test_state_is_that_of_the_weakest_part),
        cmocka_unit_test(test_order_of_an_author_is_kept),
        cmocka_unit_test(test_gap_is_waited_for_five_seconds),
        cmocka_unit_test(test_hold_is_bounded_and_loses_nothing),
        cmocka_unit_test(test_late_comer_sees_what_was_said),
        cmocka_unit_test(test_new_board_sees_what_is_older_than_itself),
        cmocka_unit_test(test_message_before_its_senders_announcement),
        cmocka_unit_test(test_prekeys_rotate_and_die),
        cmocka_unit_test(test_announcement_is_tried_again),
        cmocka_unit_test(test_disk_that_takes_nothing_is_told),
        cmocka_unit_test(test_wrong_use_is_refused),
        cmocka_unit_test(test_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
