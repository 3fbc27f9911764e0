/* The chat at its bounds, and people who use what is not theirs. */
#include "sim/chat_bus.h"
#include "sim/chat_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OWNER      1000
#define PASSPHRASE "correct horse battery"

static uint32_t create(struct sl_bus *bus, int node, const char *nick, const char *passphrase)
{
    uint32_t persona;
    assert_int_equal(
        sl_chat_create(bus->nodes[node].chat, OWNER, nick, passphrase, bus->now, &persona), 0);
    sl_bus_deliver(bus);
    return persona;
}

static int say(struct sl_bus *bus, int node, uint32_t persona, const char *text)
{
    struct sl_message message;
    return sl_chat_send(bus->nodes[node].chat, OWNER, persona, TO_CHANNEL("general", text),
                        bus->now, &message);
}

static int tell(struct sl_bus *bus, int node, uint32_t persona, const uint8_t *key,
                const char *text)
{
    struct sl_message message;
    return sl_chat_send(bus->nodes[node].chat, OWNER, persona, TO_PERSON(key, text), bus->now,
                        &message);
}

static void unlock(struct sl_bus *bus, int node, const char *nick, uint32_t *ret_persona)
{
    assert_int_equal(
        sl_chat_unlock(bus->nodes[node].chat, OWNER, nick, PASSPHRASE, bus->now, ret_persona), 0);
}

/* Hands the newest envelope of node 0 to node 1, without looking at all the others. */
static void hand_newest(struct sl_bus *bus, enum sl_envelope_kind kind)
{
    struct sl_bus_stored stored = *sl_bus_last(bus, 0, kind, 0);
    sl_chat_accepted(bus->nodes[1].chat, &stored.envelope, stored.id, stored.born, false, bus->now);
}

static void test_more_receipts_than_fit(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(2);
    uint32_t ana = create(bus, 0, "ana", NULL);
    create(bus, 1, "bob", NULL);
    const struct sl_persona *bob = bus->nodes[1].chat->personas[0];
    enum { COUNT = SL_RECEIPTS_MAX + 200 };
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(tell(bus, 0, ana, bob->key, "x"), 0);
        hand_newest(bus, SL_ENVELOPE_DIRECT);
        assert_true(bus->nodes[1].chat->receipts.count <= SL_RECEIPTS_MAX);
    }
    assert_true(bus->nodes[1].chat->receipts.overflow);
    for (int i = 0; i < 4; i++) {
        bus->now += SL_SECOND;
        sl_chat_tick(bus->nodes[1].chat, bus->now);
    }
    assert_int_equal(sl_chat_deadline(bus->nodes[1].chat) > bus->now + SL_MINUTE, true);
    for (size_t back = 0; sl_bus_last(bus, 1, SL_ENVELOPE_RECEIPT, back); back++) {
        struct sl_bus_stored stored = *sl_bus_last(bus, 1, SL_ENVELOPE_RECEIPT, back);
        sl_chat_accepted(bus->nodes[0].chat, &stored.envelope, stored.id, stored.born, false,
                         bus->now);
    }
    const struct sl_history *history = &bus->nodes[0].chat->personas[0]->history;
    for (size_t i = 0; i < history->count; i++)
        assert_int_equal(history->records[i]->message.state, SL_MESSAGE_DELIVERED);
    sl_bus_free(bus);
}

static void test_receipts_that_cannot_be_published_wait(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(2);
    uint32_t ana = create(bus, 0, "ana", NULL);
    create(bus, 1, "bob", NULL);
    assert_int_equal(tell(bus, 0, ana, bus->nodes[1].chat->personas[0]->key, "x"), 0);
    bus->nodes[1].publish_error = -ENOMEM;
    sl_bus_run(bus, SL_SECOND);
    assert_int_equal(sl_bus_count(bus, 1, SL_ENVELOPE_RECEIPT), 0);
    bus->nodes[1].publish_error = 0;
    sl_bus_run(bus, SL_MINUTE);
    assert_int_equal(sl_bus_count(bus, 1, SL_ENVELOPE_RECEIPT), 1);
    assert_int_equal(bus->nodes[0].chat->personas[0]->history.records[0]->message.state,
                     SL_MESSAGE_DELIVERED);
    sl_bus_free(bus);
}

static void test_full_history_over_a_restart(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(2);
    uint32_t ana = create(bus, 0, "ana", NULL), kim = create(bus, 1, "kim", PASSPHRASE);
    const struct sl_persona *self = bus->nodes[1].chat->personas[0];
    uint8_t key[SL_KEY_LEN];
    char text[16];
    memcpy(key, self->key, SL_KEY_LEN);
    assert_int_equal(tell(bus, 0, ana, key, "oldest of all"), 0);
    struct sl_bus_stored late = *sl_bus_last(bus, 0, SL_ENVELOPE_DIRECT, 0);
    bus->now += SL_SECOND;
    assert_int_equal(tell(bus, 0, ana, key, "direct"), 0);
    hand_newest(bus, SL_ENVELOPE_DIRECT);
    bus->now += SL_HOLD_TIME;
    sl_chat_tick(bus->nodes[1].chat, bus->now);
    for (int i = 0; i < SL_HISTORY_MAX + 50; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        bus->now += SL_MILLISECOND;
        assert_int_equal(say(bus, 0, ana, text), 0);
        struct sl_bus_stored stored = *sl_bus_last(bus, 0, SL_ENVELOPE_CHANNEL, 0);
        if (i < 100) /* in the store of node 1, so that it is found again */
            sl_bus_hand(bus, &stored, 1);
        else
            hand_newest(bus, SL_ENVELOPE_CHANNEL);
    }
    assert_int_equal(self->history.count, SL_HISTORY_MAX);
    uint64_t last = self->history.next_number;
    sl_bus_stop(bus, 1);
    sl_bus_hand(bus, &late, 1); /* came while the node was off */
    sl_bus_start(bus, 1);
    sl_bus_forget_events(bus, 1);
    unlock(bus, 1, "kim", &kim);
    bus->now += SL_SECOND;
    sl_chat_tick(bus->nodes[1].chat, bus->now);
    /* What was let go does not come back as new; what is new and old does come. */
    self = bus->nodes[1].chat->personas[0];
    assert_int_equal(bus->nodes[1].messages.count, 1);
    assert_string_equal(bus->nodes[1].messages.items[0].message.text, "oldest of all");
    assert_true(bus->nodes[1].messages.items[0].message.number >= last);
    assert_int_equal(self->history.count, SL_HISTORY_MAX);
    assert_string_equal(self->history.records[0]->message.text, "direct");
    sl_bus_free(bus);
}

static void test_number_of_personas(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    struct sl_chat *chat = bus->nodes[0].chat;
    uint32_t persona = create(bus, 0, "kim", PASSPHRASE);
    char nick[16];
    struct sl_persona_info info;
    assert_int_equal(sl_chat_lock(chat, OWNER, persona), 0);
    for (int i = 0; i < SL_PERSONAS_MAX; i++) {
        snprintf(nick, sizeof(nick), "p%d", i);
        create(bus, 0, nick, NULL);
    }
    assert_int_equal(sl_chat_create(chat, OWNER, "more", NULL, bus->now, &persona), -ENOSPC);
    assert_int_equal(sl_chat_unlock(chat, OWNER, "kim", PASSPHRASE, bus->now, &persona), -ENOSPC);
    assert_int_equal(sl_chat_persona(chat, OWNER, SL_PERSONAS_MAX - 1, &info), 0);
    assert_string_equal(info.nick, "p15");
    assert_int_equal(sl_chat_persona(chat, OWNER, SL_PERSONAS_MAX, &info), -ENOENT);
    assert_int_equal(sl_chat_persona(chat, OWNER + 1, 0, &info), -ENOENT);
    assert_int_equal(sl_chat_forget(chat, OWNER, info.persona), 0);
    unlock(bus, 0, "kim", &persona);
    sl_bus_free(bus);
}

static void test_nicks_are_of_their_owner(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    struct sl_chat *chat = bus->nodes[0].chat;
    uint32_t persona;
    create(bus, 0, "ana", NULL);
    assert_int_equal(sl_chat_create(chat, OWNER, "ana", NULL, bus->now, &persona), -EEXIST);
    assert_int_equal(sl_chat_create(chat, OWNER + 1, "ana", NULL, bus->now, &persona), 0);
    assert_int_equal(sl_chat_create(chat, OWNER, "#ana", NULL, bus->now, &persona), -EINVAL);
    assert_int_equal(sl_chat_unlock(chat, OWNER, "#ana", PASSPHRASE, bus->now, &persona), -ENOENT);
    sl_bus_free(bus);
}

static void test_verified_people_are_bounded_and_can_be_let_go(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    struct sl_chat *chat = bus->nodes[0].chat;
    uint32_t kim = create(bus, 0, "kim", PASSPHRASE);
    struct sl_announcement somebody = {.nick = "somebody"};
    for (uint32_t i = 0; i <= SL_PINS_MAX; i++) {
        memcpy(somebody.key, &i, sizeof(i));
        assert_non_null(sl_people_remember(&chat->people, &somebody, bus->now));
        assert_int_equal(sl_chat_verify(chat, OWNER, kim, somebody.key, true, bus->now),
                         i < SL_PINS_MAX ? 0 : -ENOSPC);
    }
    uint8_t first[SL_KEY_LEN] = {0}, nobody[SL_KEY_LEN] = {0xff, 0xff};
    struct sl_person person;
    assert_int_equal(sl_chat_verify(chat, OWNER, kim, first, true, bus->now), 0);
    assert_int_equal(sl_chat_verify(chat, OWNER, kim, first, false, bus->now), 0);
    assert_int_equal(sl_chat_verify(chat, OWNER, kim, first, false, bus->now), 0);
    assert_int_equal(sl_chat_verify(chat, OWNER, kim, nobody, true, bus->now), -ENOENT);
    assert_int_equal(sl_chat_verify(chat, OWNER, kim, somebody.key, true, bus->now), 0);
    sl_bus_stop(bus, 0);
    sl_bus_start(bus, 0);
    unlock(bus, 0, "kim", &kim);
    chat = bus->nodes[0].chat;
    assert_int_equal(sl_chat_person_by_key(chat, OWNER, kim, first, &person), -ENOENT);
    assert_int_equal(sl_chat_person_by_key(chat, OWNER, kim, somebody.key, &person), 0);
    assert_true(person.verified && !person.writable);
    size_t count = 0;
    for (size_t i = 0; sl_chat_person(chat, OWNER, kim, i, &person) == 0; i++)
        count += person.verified;
    assert_int_equal(count, SL_PINS_MAX);
    assert_int_equal(sl_chat_lock(chat, OWNER, kim), 0);
    for (size_t i = 0; i < chat->people.count; i++)
        assert_int_equal(chat->people.entries[i].pins, 0);
    sl_bus_free(bus);
}

static void test_prekeys_stay_bounded_over_many_unlocks(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    uint32_t kim = create(bus, 0, "kim", PASSPHRASE);
    for (int i = 0; i < 20; i++) {
        /* Nobody remembers the announcement. */
        for (size_t j = 0; j < bus->nodes[0].stored_count; j++)
            free(bus->nodes[0].stored[j].bytes);
        bus->nodes[0].stored_count = 0;
        sl_bus_stop(bus, 0);
        sl_bus_start(bus, 0);
        bus->now += SL_MINUTE;
        unlock(bus, 0, "kim", &kim);
        const struct sl_persona *self = bus->nodes[0].chat->personas[0];
        assert_true(self->prekey_count <= SL_PREKEYS_MAX);
        assert_int_equal(self->prekeys[self->prekey_count - 1].made, bus->now);
        assert_int_equal(sl_bus_count(bus, 0, SL_ENVELOPE_PERSONA), 1);
    }
    /* Lock, profile, channel; eight prekeys and their dates. */
    assert_int_equal(sl_memory_store_vault_count(bus->nodes[0].store), 3 + 2 * SL_PREKEYS_MAX);
    sl_bus_free(bus);
}

static void test_other_peoples_personas(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    struct sl_chat *chat = bus->nodes[0].chat;
    uint32_t ana = create(bus, 0, "ana", NULL);
    const uint8_t *key = chat->personas[0]->key;
    struct sl_message message;
    struct sl_person person;
    struct sl_channel_info channel;
    char link[SL_CHANNEL_LINK_MAX], code[SL_AUTH_CODE_LEN];
    static const uint32_t owners[] = {OWNER + 1, OWNER};
    for (size_t i = 0; i < 2; i++) {
        uint32_t owner = owners[i], persona = i == 0 ? ana : ana + 1;
        sl_time now = bus->now;
        assert_int_equal(sl_chat_lock(chat, owner, persona), -EPERM);
        assert_int_equal(sl_chat_forget(chat, owner, persona), -EPERM);
        assert_int_equal(sl_chat_join(chat, owner, persona, "x", now), -EPERM);
        assert_int_equal(sl_chat_make_private(chat, owner, persona, "x", now), -EPERM);
        assert_int_equal(sl_chat_leave(chat, owner, persona, "general"), -EPERM);
        assert_int_equal(sl_chat_channel(chat, owner, persona, 0, &channel), -EPERM);
        assert_int_equal(sl_chat_channel_link(chat, owner, persona, "general", link, sizeof(link)),
                         -EPERM);
        assert_int_equal(sl_chat_send(chat, owner, persona, TO_PERSON(key, "x"), now, &message),
                         -EPERM);
        assert_int_equal(sl_chat_history(chat, owner, persona, 0, &message), -EPERM);
        assert_int_equal(sl_chat_person(chat, owner, persona, 0, &person), -EPERM);
        assert_int_equal(sl_chat_find(chat, owner, persona, "ana", &person), -EPERM);
        assert_int_equal(sl_chat_person_by_key(chat, owner, persona, key, &person), -EPERM);
        assert_int_equal(sl_chat_auth_code(chat, owner, persona, key, code), -EPERM);
        assert_int_equal(sl_chat_verify(chat, owner, persona, key, true, now), -EPERM);
    }
    uint8_t nobody[SL_KEY_LEN] = {1};
    assert_int_equal(sl_chat_auth_code(chat, OWNER, ana, nobody, code), -ENOENT);
    assert_int_equal(sl_chat_make_private(chat, OWNER, ana, "a b", bus->now), -EINVAL);
    sl_bus_free(bus);
}

static void test_namesakes_that_went_away(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(2);
    uint32_t ana = create(bus, 0, "ana", NULL), bob = create(bus, 1, "bob", NULL);
    struct sl_person person;
    uint8_t key[SL_KEY_LEN];
    /* Bob's board restarts, and he comes back as another bob. */
    assert_int_equal(sl_chat_forget(bus->nodes[1].chat, OWNER, bob), 0);
    create(bus, 1, "bob", NULL);
    memcpy(key, bus->nodes[1].chat->personas[0]->key, SL_KEY_LEN);
    assert_int_equal(sl_chat_find(bus->nodes[0].chat, OWNER, ana, "bob", &person), -ENOTUNIQ);
    sl_bus_run(bus, 31 * SL_HOUR);
    assert_int_equal(sl_chat_find(bus->nodes[0].chat, OWNER, ana, "bob", &person), 0);
    assert_memory_equal(person.key, key, SL_KEY_LEN);
    sl_bus_free(bus);
}

static void test_malformed_receipts_are_counted(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(2);
    struct sl_chat_counters counters;
    uint8_t payload[17] = {0};
    sl_bus_forge(bus, 0, SL_ENVELOPE_RECEIPT, 0, payload, 17);
    sl_bus_forge(bus, 0, SL_ENVELOPE_RECEIPT, 0, payload, 0);
    sl_bus_forge(bus, 0, SL_ENVELOPE_RECEIPT, 0, payload, 16); /* nobody's, but well-formed */
    sl_bus_forge(bus, 0, SL_ENVELOPE_IDENTITY, 0, payload, 16);
    sl_bus_deliver(bus);
    sl_chat_counters(bus->nodes[1].chat, &counters);
    assert_int_equal(counters.unopened, 2);
    sl_chat_free(NULL);
    sl_bus_free(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_receipts_than_fit),
        cmocka_unit_test(test_receipts_that_cannot_be_published_wait),
        cmocka_unit_test(test_full_history_over_a_restart),
        cmocka_unit_test(test_number_of_personas),
        cmocka_unit_test(test_nicks_are_of_their_owner),
        cmocka_unit_test(test_verified_people_are_bounded_and_can_be_let_go),
        cmocka_unit_test(test_prekeys_stay_bounded_over_many_unlocks),
        cmocka_unit_test(test_other_peoples_personas),
        cmocka_unit_test(test_namesakes_that_went_away),
        cmocka_unit_test(test_malformed_receipts_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
