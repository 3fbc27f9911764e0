/* Personas kept under a passphrase: over locks, restarts and power cuts. */
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

/* Ana lives in memory on node 0; Kim is kept on node 1. */
struct world {
    struct sl_bus *bus;
    struct sl_bus_node *a, *k;
    uint32_t ana, kim;
    uint8_t ana_key[SL_KEY_LEN], kim_key[SL_KEY_LEN];
};

static void world_init(struct world *w)
{
    struct sl_persona_info info;
    w->bus = sl_bus_new(2);
    w->a = &w->bus->nodes[0];
    w->k = &w->bus->nodes[1];
    assert_int_equal(sl_chat_create(w->a->chat, OWNER, "ana", NULL, w->bus->now, &w->ana), 0);
    assert_int_equal(
        sl_chat_create(w->k->chat, OWNER, "kimberley", PASSPHRASE, w->bus->now, &w->kim), 0);
    assert_int_equal(sl_chat_persona(w->a->chat, OWNER, 0, &info), 0);
    memcpy(w->ana_key, info.key, SL_KEY_LEN);
    assert_int_equal(sl_chat_persona(w->k->chat, OWNER, 0, &info), 0);
    assert_true(info.kept);
    memcpy(w->kim_key, info.key, SL_KEY_LEN);
    sl_bus_deliver(w->bus);
}

static uint64_t tell_kim(struct world *w, const char *text)
{
    struct sl_message message;
    assert_int_equal(
        sl_chat_send(w->a->chat, OWNER, w->ana, TO_PERSON(w->kim_key, text), w->bus->now, &message),
        0);
    return message.number;
}

static struct sl_message tell_ana(struct world *w, const char *text)
{
    struct sl_message message;
    assert_int_equal(
        sl_chat_send(w->k->chat, OWNER, w->kim, TO_PERSON(w->ana_key, text), w->bus->now, &message),
        0);
    return message;
}

static void unlock(struct world *w)
{
    assert_int_equal(
        sl_chat_unlock(w->k->chat, OWNER, "kimberley", PASSPHRASE, w->bus->now, &w->kim), 0);
}

static enum sl_message_state state_of(const struct sl_bus_node *node, uint32_t persona,
                                      uint64_t number)
{
    struct sl_message message;
    assert_int_equal(sl_chat_history(node->chat, OWNER, persona, number, &message), 0);
    assert_int_equal(message.number, number);
    return message.state;
}

static size_t in_history(struct world *w, const char *text)
{
    struct sl_message message;
    size_t count = 0;
    for (uint64_t from = 0; sl_chat_history(w->k->chat, OWNER, w->kim, from, &message) == 0;
         from = message.number + 1)
        count += strcmp(message.text, text) == 0;
    return count;
}

static void test_passphrase_guards_the_vault(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint32_t handle = 77;
    struct sl_chat *chat = w.k->chat;
    sl_time now = w.bus->now;
    assert_int_equal(sl_chat_create(chat, OWNER, "lea", "short", now, &handle), -ERANGE);
    assert_int_equal(sl_chat_create(chat, OWNER, "kimberley", NULL, now, &handle), -EEXIST);
    assert_int_equal(sl_chat_create(chat, OWNER + 1, "kimberley", PASSPHRASE, now, &handle),
                     -EEXIST);
    assert_int_equal(sl_chat_unlock(chat, OWNER, "kimberley", PASSPHRASE, now, &handle), -EALREADY);
    assert_int_equal(handle, w.kim);
    handle = 77;
    assert_int_equal(sl_chat_unlock(chat, OWNER + 1, "kimberley", PASSPHRASE, now, &handle),
                     -EALREADY);
    assert_int_equal(handle, 77);
    assert_int_equal(sl_chat_lock(chat, OWNER + 1, w.kim), -EPERM);
    assert_int_equal(sl_chat_lock(chat, OWNER, w.kim), 0);
    assert_int_equal(sl_chat_lock(chat, OWNER, w.kim), -EPERM);
    assert_int_equal(sl_chat_create(chat, OWNER, "kimberley", NULL, now, &handle), -EEXIST);
    assert_int_equal(
        sl_chat_unlock(chat, OWNER, "kimberley", "correct horse baTtery", now, &handle), -EACCES);
    assert_int_equal(sl_chat_unlock(chat, OWNER, "nobody", PASSPHRASE, now, &handle), -ENOENT);
    assert_int_equal(sl_chat_unlock(chat, OWNER, "kimberley", PASSPHRASE, now, &handle), 0);
    assert_int_not_equal(handle, w.kim); /* handles are not used again */
    sl_bus_free(w.bus);
}

static void test_real_passphrase_hash(void **state)
{
    (void)state;
    struct sl_bus *bus = sl_bus_new(1);
    sl_bus_stop(bus, 0);
    bus->fast_passphrases = false;
    sl_bus_start(bus, 0);
    uint32_t kim;
    assert_int_equal(
        sl_chat_create(bus->nodes[0].chat, OWNER, "kimberley", PASSPHRASE, bus->now, &kim), 0);
    sl_bus_stop(bus, 0);
    sl_bus_start(bus, 0);
    assert_int_equal(
        sl_chat_unlock(bus->nodes[0].chat, OWNER, "kimberley", "not that one", bus->now, &kim),
        -EACCES);
    assert_int_equal(
        sl_chat_unlock(bus->nodes[0].chat, OWNER, "kimberley", PASSPHRASE, bus->now, &kim), 0);
    sl_bus_free(bus);
}

static void test_everything_is_there_after_a_restart(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    char link[SL_CHANNEL_LINK_MAX], again[SL_CHANNEL_LINK_MAX];
    struct sl_person person;
    struct sl_message message;
    sl_time now = w.bus->now;
    assert_int_equal(sl_chat_make_private(w.k->chat, OWNER, w.kim, "night shift", now), -EINVAL);
    assert_int_equal(sl_chat_make_private(w.k->chat, OWNER, w.kim, "night-shift", now), 0);
    assert_int_equal(
        sl_chat_channel_link(w.k->chat, OWNER, w.kim, "night-shift", link, sizeof(link)), 0);
    assert_int_equal(sl_chat_verify(w.k->chat, OWNER, w.kim, w.ana_key, true, now), 0);
    tell_kim(&w, "to kim");
    tell_ana(&w, "from kim");
    sl_bus_run(w.bus, SL_SECOND);
    uint64_t last = 0;
    while (sl_chat_history(w.k->chat, OWNER, w.kim, last + 1, &message) == 0)
        last = message.number;
    sl_bus_stop(w.bus, 1);
    sl_bus_start(w.bus, 1);
    unlock(&w);
    assert_int_equal(in_history(&w, "to kim"), 1);
    assert_int_equal(in_history(&w, "from kim"), 1);
    assert_int_equal(
        sl_chat_channel_link(w.k->chat, OWNER, w.kim, "night-shift", again, sizeof(again)), 0);
    assert_string_equal(link, again);
    assert_int_equal(sl_chat_person_by_key(w.k->chat, OWNER, w.kim, w.ana_key, &person), 0);
    assert_true(person.verified && person.writable);
    assert_true(tell_ana(&w, "later").number > last);
    struct sl_persona_info info;
    assert_int_equal(sl_chat_persona(w.k->chat, OWNER, 0, &info), 0);
    assert_memory_equal(info.key, w.kim_key, SL_KEY_LEN);
    assert_int_equal(info.unread, 1);
    sl_bus_free(w.bus);
}

static void test_what_came_while_locked_is_there_at_unlock(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sl_message said;
    assert_int_equal(sl_chat_lock(w.k->chat, OWNER, w.kim), 0);
    uint64_t number = tell_kim(&w, "while you were out");
    tell_kim(&w, "and another");
    assert_int_equal(
        sl_chat_send(w.a->chat, OWNER, w.ana, TO_CHANNEL("general", "to all"), w.bus->now, &said),
        0);
    sl_bus_run(w.bus, SL_HOUR);
    assert_int_equal(state_of(w.a, w.ana, number), SL_MESSAGE_RELAYED);
    assert_int_equal(w.k->messages.count, 0);
    unlock(&w);
    assert_int_equal(w.k->messages.count, 3);
    sl_bus_run(w.bus, SL_SECOND);
    assert_int_equal(state_of(w.a, w.ana, number), SL_MESSAGE_DELIVERED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sl_chat_lock(w.k->chat, OWNER, w.kim), 0);
        unlock(&w);
    }
    assert_int_equal(w.k->messages.count, 3);
    assert_int_equal(in_history(&w, "while you were out"), 1);
    assert_int_equal(in_history(&w, "to all"), 1);
    /* And no prekey more than the first is needed for all this. */
    assert_int_equal(w.k->chat->personas[0]->prekey_count, 1);
    sl_bus_free(w.bus);
}

static void test_full_store_is_searched_in_slices(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint32_t lea;
    struct sl_message message;
    struct sl_persona_info info;
    char text[16];
    assert_int_equal(sl_chat_create(w.a->chat, OWNER, "lea", NULL, w.bus->now, &lea), 0);
    assert_int_equal(sl_chat_persona(w.a->chat, OWNER, 1, &info), 0);
    assert_int_equal(sl_chat_lock(w.k->chat, OWNER, w.kim), 0);
    enum { OURS = 100, OTHERS = 5 };
    for (int i = 0; i < OURS; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        tell_kim(&w, text);
        for (int j = 0; j < OTHERS; j++)
            assert_int_equal(sl_chat_send(w.a->chat, OWNER, w.ana, TO_PERSON(info.key, "x"),
                                          w.bus->now, &message),
                             0);
    }
    sl_bus_deliver(w.bus);
    unlock(&w);
    size_t at_once = w.k->messages.count;
    assert_in_range(at_once, 20, OURS - 20);
    assert_int_equal(sl_chat_deadline(w.k->chat), w.bus->now);
    assert_int_equal(sl_chat_lock(w.k->chat, OWNER, w.kim), 0); /* in the middle of it */
    unlock(&w);
    sl_bus_run(w.bus, SL_MILLISECOND);
    assert_true(sl_chat_deadline(w.k->chat) > w.bus->now);
    assert_int_equal(w.k->messages.count, OURS);
    for (int i = 0; i < OURS; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        assert_string_equal(w.k->messages.items[i].message.text, text);
    }
    sl_bus_free(w.bus);
}

static void test_states_go_on_after_a_restart(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.a->offline = true;
    uint64_t first = tell_ana(&w, "first").number;
    uint64_t second = tell_ana(&w, "second").number;
    sl_bus_stop(w.bus, 1);
    sl_bus_start(w.bus, 1);
    unlock(&w);
    assert_int_equal(state_of(w.k, w.kim, first), SL_MESSAGE_QUEUED);
    w.a->offline = false;
    sl_bus_run(w.bus, SL_SECOND);
    assert_int_equal(state_of(w.k, w.kim, first), SL_MESSAGE_DELIVERED);

    /* Read while kim is locked: the receipt waits in the store. */
    sl_bus_stop(w.bus, 1);
    sl_bus_start(w.bus, 1);
    assert_int_equal(sl_chat_mark_read(w.a->chat, OWNER, w.ana,
                                       &(struct sl_conversation){.person = w.kim_key}, UINT64_MAX,
                                       w.bus->now),
                     0);
    sl_bus_run(w.bus, SL_SECOND);
    unlock(&w);
    assert_int_equal(state_of(w.k, w.kim, first), SL_MESSAGE_READ);
    assert_int_equal(state_of(w.k, w.kim, second), SL_MESSAGE_READ);
    sl_bus_free(w.bus);
}

static void test_relayed_while_locked_is_known_at_unlock(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.a->offline = true;
    struct sl_message said;
    assert_int_equal(
        sl_chat_send(w.k->chat, OWNER, w.kim, TO_CHANNEL("general", "hello"), w.bus->now, &said),
        0);
    assert_int_equal(sl_chat_lock(w.k->chat, OWNER, w.kim), 0);
    w.a->offline = false;
    sl_bus_run(w.bus, SL_SECOND);
    unlock(&w);
    assert_int_equal(state_of(w.k, w.kim, said.number), SL_MESSAGE_RELAYED);
    sl_bus_free(w.bus);
}

/* The moment in which the receipt goes out is the last that the disk sees. */
static void pull_plug_at_receipt(struct sl_bus_node *node, const struct sl_draft *draft)
{
    if (draft->kind != SL_ENVELOPE_RECEIPT)
        return;
    sl_memory_store_power_cut(node->store);
    sl_memory_store_fail(node->store, -ENOMEM);
}

static void test_acknowledged_survives_a_power_cut(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sl_memory_store_commit(w.k->store);
    w.k->on_publish = pull_plug_at_receipt;
    uint64_t number = tell_kim(&w, "do not lose this");
    sl_bus_run(w.bus, SL_SECOND);
    assert_int_equal(state_of(w.a, w.ana, number), SL_MESSAGE_DELIVERED);
    sl_bus_stop(w.bus, 1);
    sl_memory_store_fail(w.k->store, 0);
    /* The mesh has forgotten the message too. */
    for (size_t i = 0; i < w.k->stored_count; i++)
        free(w.k->stored[i].bytes);
    w.k->stored_count = 0;
    w.a->offline = true;
    sl_bus_start(w.bus, 1);
    unlock(&w);
    assert_int_equal(in_history(&w, "do not lose this"), 1);
    sl_bus_free(w.bus);
}

static void test_what_was_sent_survives_a_power_cut(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint64_t number = tell_ana(&w, "queued means on disk").number;
    sl_bus_pull_plug(w.bus, 1);
    sl_bus_start(w.bus, 1);
    unlock(&w);
    assert_int_equal(in_history(&w, "queued means on disk"), 1);
    assert_int_equal(state_of(w.k, w.kim, number), SL_MESSAGE_QUEUED);
    sl_bus_free(w.bus);
}

static void test_no_prekey_is_announced_that_the_disk_does_not_hold(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sl_memory_store_commit(w.k->store);
    sl_memory_store_fail(w.k->store, -ENOSPC);
    sl_bus_run(w.bus, SL_PREKEY_ROTATE + SL_HOUR);
    tell_kim(&w, "sealed while the disk was full");
    w.k->offline = true; /* the message waits in the mesh */
    sl_bus_run(w.bus, SL_SECOND);
    sl_bus_pull_plug(w.bus, 1);
    sl_memory_store_fail(w.k->store, 0);
    sl_bus_start(w.bus, 1);
    unlock(&w);
    w.k->offline = false;
    sl_bus_run(w.bus, SL_MINUTE);
    assert_int_equal(in_history(&w, "sealed while the disk was full"), 1);
    sl_bus_free(w.bus);
}

static void test_no_receipt_from_a_broken_disk(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sl_memory_store_fail(w.k->store, -EROFS);
    uint64_t number = tell_kim(&w, "seen, not kept");
    sl_bus_run(w.bus, 5 * SL_MINUTE);
    assert_int_equal(sl_bus_received(w.bus, 1, "seen, not kept"), 1);
    assert_int_equal(state_of(w.a, w.ana, number), SL_MESSAGE_RELAYED);
    sl_memory_store_fail(w.k->store, 0);
    sl_bus_run(w.bus, 2 * SL_MINUTE);
    assert_int_equal(state_of(w.a, w.ana, number), SL_MESSAGE_DELIVERED);
    sl_bus_pull_plug(w.bus, 1);
    sl_bus_start(w.bus, 1);
    unlock(&w);
    assert_int_equal(in_history(&w, "seen, not kept"), 1);
    sl_bus_free(w.bus);
}

static void test_receipt_lost_in_a_crash_is_sent_again(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint64_t number = tell_kim(&w, "acknowledge me");
    sl_bus_deliver(w.bus); /* no time for the receipt */
    sl_bus_stop(w.bus, 1);
    sl_bus_start(w.bus, 1);
    unlock(&w);
    sl_bus_run(w.bus, SL_SECOND);
    assert_int_equal(state_of(w.a, w.ana, number), SL_MESSAGE_DELIVERED);
    size_t sent = sl_bus_count(w.bus, 1, SL_ENVELOPE_RECEIPT);
    assert_int_equal(sl_chat_lock(w.k->chat, OWNER, w.kim), 0);
    unlock(&w);
    sl_bus_run(w.bus, SL_SECOND);
    assert_int_equal(sl_bus_count(w.bus, 1, SL_ENVELOPE_RECEIPT), sent);
    sl_bus_free(w.bus);
}

static void test_prekeys_are_kept_and_destroyed(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint64_t number = tell_kim(&w, "sealed yesterday");
    sl_bus_stop(w.bus, 1);
    sl_bus_run(w.bus, 20 * SL_HOUR);
    sl_bus_start(w.bus, 1);
    unlock(&w); /* opened with the first prekey; a new one is announced */
    assert_int_equal(w.k->chat->personas[0]->prekey_count, 2);
    assert_int_equal(in_history(&w, "sealed yesterday"), 1);
    sl_bus_run(w.bus, SL_SECOND);
    assert_int_equal(state_of(w.a, w.ana, number), SL_MESSAGE_DELIVERED);
    size_t records = sl_memory_store_vault_count(w.k->store);
    sl_bus_run(w.bus, 40 * SL_HOUR);
    assert_int_equal(w.k->chat->personas[0]->prekey_count, 5);
    assert_int_equal(sl_memory_store_vault_count(w.k->store), records + 6); /* with their dates */
    sl_bus_free(w.bus);
}

static void test_prekeys_of_a_locked_persona_are_destroyed(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    size_t records = sl_memory_store_vault_count(w.k->store);
    assert_int_equal(sl_chat_lock(w.k->chat, OWNER, w.kim), 0);
    sl_bus_run(w.bus, SL_PREKEY_DESTROY - SL_SECOND);
    assert_int_equal(sl_memory_store_vault_count(w.k->store), records);
    sl_bus_run(w.bus, 2 * SL_SECOND);
    size_t after = sl_memory_store_vault_count(w.k->store);
    assert_true(after < records);

    /* Over a restart as well, and without the passphrase. */
    unlock(&w);
    sl_bus_run(w.bus, SL_SECOND);
    records = sl_memory_store_vault_count(w.k->store);
    assert_true(records > after);
    sl_bus_stop(w.bus, 1);
    sl_bus_start(w.bus, 1);
    sl_bus_run(w.bus, SL_PREKEY_DESTROY + SL_SECOND);
    assert_int_equal(sl_memory_store_vault_count(w.k->store), after);
    unlock(&w);
    assert_int_equal(w.k->chat->personas[0]->prekey_count, 1);
    sl_bus_free(w.bus);
}

static void test_forgotten_is_gone(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    tell_kim(&w, "secret");
    sl_bus_run(w.bus, SL_SECOND);
    assert_int_equal(sl_chat_forget(w.k->chat, OWNER, w.kim), 0);
    assert_int_equal(sl_memory_store_vault_count(w.k->store), 0);
    uint32_t handle;
    assert_int_equal(sl_chat_unlock(w.k->chat, OWNER, "kimberley", PASSPHRASE, w.bus->now, &handle),
                     -ENOENT);
    assert_int_equal(sl_chat_create(w.k->chat, OWNER, "kimberley", PASSPHRASE, w.bus->now, &handle),
                     0);
    sl_bus_free(w.bus);
}

static void test_row_22_disk_gives_up_nothing(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sl_persona *kim = w.k->chat->personas[0];
    assert_int_equal(sl_chat_verify(w.k->chat, OWNER, w.kim, w.ana_key, true, w.bus->now), 0);
    assert_int_equal(sl_chat_make_private(w.k->chat, OWNER, w.kim, "medics", w.bus->now), 0);
    tell_kim(&w, "meet at the fountain");
    tell_ana(&w, "the fountain it is");
    sl_bus_run(w.bus, SL_SECOND);
    struct {
        const void *bytes;
        size_t len;
    } secrets[] = {
        {"meet at the fountain", 20},
        {"the fountain it is", 18},
        {"medics", 6},
        {"kimberley", 9},
        {w.ana_key, SL_KEY_LEN},
        {w.kim_key, SL_KEY_LEN},
        {kim->profile.seed, SL_KEY_LEN},
        {kim->profile.box_secret, SL_KEY_LEN},
        {kim->profile.box, SL_KEY_LEN},
        {kim->prekeys[0].secret, SL_KEY_LEN},
        {kim->prekeys[0].key, SL_KEY_LEN},
        {kim->channels[1].key, SL_KEY_LEN},
        {kim->vault.key, SL_KEY_LEN},
        {kim->history.records[0]->parts[0].id, SL_ID_LEN},
        {kim->history.records[0]->parts[0].receipt_key, SL_RECEIPT_KEY_LEN},
    };
    assert_true(sl_memory_store_vault_count(w.k->store) >= 8);
    for (size_t i = 0; i < SL_ARRAY_LEN(secrets); i++)
        assert_false(sl_memory_store_contains(w.k->store, secrets[i].bytes, secrets[i].len));
    sl_bus_free(w.bus);
}

static void test_damaged_vault_is_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sl_bus_stop(w.bus, 1);
    sl_bus_start(w.bus, 1);
    uint32_t handle;
    sl_memory_store_fail_reads(w.k->store, -EIO);
    assert_int_equal(sl_chat_unlock(w.k->chat, OWNER, "kimberley", PASSPHRASE, w.bus->now, &handle),
                     -EIO);
    assert_int_equal(sl_chat_create(w.k->chat, OWNER, "lea", PASSPHRASE, w.bus->now, &handle),
                     -EIO);
    assert_int_equal(sl_chat_create(w.k->chat, OWNER, "lea", NULL, w.bus->now, &handle), 0);
    sl_memory_store_fail_reads(w.k->store, 0);
    unlock(&w);
    sl_memory_store_fail(w.k->store, -ENOSPC);
    size_t count = sl_memory_store_vault_count(w.k->store);
    assert_int_equal(sl_chat_create(w.k->chat, OWNER, "tom", PASSPHRASE, w.bus->now, &handle),
                     -ENOSPC);
    assert_int_equal(sl_memory_store_vault_count(w.k->store), count);
    sl_bus_free(w.bus);
}

static void test_numbers_are_never_used_again(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint64_t last = 0;
    struct sl_message message;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(sl_chat_join(w.k->chat, OWNER, w.kim, "side", w.bus->now), 0);
        for (int i = 0; i < 200; i++) {
            assert_int_equal(sl_chat_send(w.k->chat, OWNER, w.kim, TO_CHANNEL("side", "x"),
                                          w.bus->now, &message),
                             0);
            assert_true(message.number > last);
            last = message.number;
        }
        assert_int_equal(sl_chat_leave(w.k->chat, OWNER, w.kim, "side"), 0);
        sl_bus_pull_plug(w.bus, 1);
        sl_bus_start(w.bus, 1);
        unlock(&w);
    }
    sl_bus_free(w.bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passphrase_guards_the_vault),
        cmocka_unit_test(test_real_passphrase_hash),
        cmocka_unit_test(test_everything_is_there_after_a_restart),
        cmocka_unit_test(test_what_came_while_locked_is_there_at_unlock),
        cmocka_unit_test(test_full_store_is_searched_in_slices),
        cmocka_unit_test(test_states_go_on_after_a_restart),
        cmocka_unit_test(test_relayed_while_locked_is_known_at_unlock),
        cmocka_unit_test(test_acknowledged_survives_a_power_cut),
        cmocka_unit_test(test_what_was_sent_survives_a_power_cut),
        cmocka_unit_test(test_no_prekey_is_announced_that_the_disk_does_not_hold),
        cmocka_unit_test(test_no_receipt_from_a_broken_disk),
        cmocka_unit_test(test_receipt_lost_in_a_crash_is_sent_again),
        cmocka_unit_test(test_prekeys_are_kept_and_destroyed),
        cmocka_unit_test(test_prekeys_of_a_locked_persona_are_destroyed),
        cmocka_unit_test(test_forgotten_is_gone),
        cmocka_unit_test(test_row_22_disk_gives_up_nothing),
        cmocka_unit_test(test_damaged_vault_is_refused),
        cmocka_unit_test(test_numbers_are_never_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
