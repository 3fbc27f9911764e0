/* Chats on whole nodes, across the mesh in virtual time. */
#include "chat/chat.h"
#include "crypto/sodium.h"
#include "sim/chat_texts.h"
#include "sim/fabric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OWNER      1000
#define PASSPHRASE "correct horse battery"

enum { NODES_MAX = 4, TEXTS_MAX = 256 };

struct place {
    struct world *world;
    int number;
    struct sl_chat *chat;   /* NULL while the node is stopped */
    char *texts[TEXTS_MAX]; /* incoming, in order */
    size_t text_count;
};

/* Nodes in line, with a chat on each. */
struct world {
    struct sl_fabric *fabric;
    struct sl_primitives primitives;
    struct sl_sealing sealing;
    struct place places[NODES_MAX];
    int count;
};

/* A layer is in place before its node knows its number. */
static void accepted(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                     sl_time born, bool local)
{
    struct place *place = arg;
    if (place->chat)
        sl_chat_accepted(place->chat, envelope, id, born, local,
                         sl_fabric_now(place->world->fabric));
}

static void relayed(void *arg, const uint8_t id[SL_ID_LEN])
{
    struct place *place = arg;
    if (place->chat)
        sl_chat_relayed(place->chat, id, sl_fabric_now(place->world->fabric));
}

static void on_message(void *arg, uint32_t persona, uint32_t owner,
                       const struct sl_message *message)
{
    struct place *place = arg;
    (void)persona, (void)owner;
    if (message->outgoing)
        return;
    assert_true(place->text_count < TEXTS_MAX);
    place->texts[place->text_count++] = strdup(message->text);
}

static int fast_passphrase_key(void *ctx, const char *passphrase, const uint8_t salt[16],
                               uint8_t ret_key[SL_KEY_LEN])
{
    (void)ctx, (void)passphrase;
    memcpy(ret_key, salt, 16);
    memcpy(ret_key + 16, salt, 16);
    return 0;
}

static void started(void *arg, int number, struct sl_node *node, sl_time now)
{
    struct place *place = arg;
    struct world *world = place->world;
    struct sl_chat_config config = {.node = node,
                                    .primitives = world->primitives,
                                    .sealing = world->sealing,
                                    .events = {.arg = place, .message = on_message},
                                    .prng_seed = (uint64_t)number};
    config.sealing.passphrase_key = fast_passphrase_key;
    sl_memory_store_vault(sl_fabric_store(world->fabric, number), &config.vault);
    memcpy(config.network_secret, sl_fabric_secret(world->fabric, number), SL_KEY_LEN);
    memcpy(config.node_seed, sl_fabric_seed(world->fabric, number), SL_KEY_LEN);
    place->chat = sl_chat_new(&config, now);
    assert_non_null(place->chat);
}

static void stopping(void *arg, int number, sl_time now)
{
    struct place *place = arg;
    (void)number, (void)now;
    sl_chat_free(place->chat);
    place->chat = NULL;
}

static void tick(void *arg, sl_time now)
{
    struct place *place = arg;
    if (place->chat)
        sl_chat_tick(place->chat, now);
}

static sl_time deadline(void *arg)
{
    const struct place *place = arg;
    return place->chat ? sl_chat_deadline(place->chat) : SL_NEVER;
}

static void world_init(struct world *w, int count, uint64_t seed)
{
    *w = (struct world){.count = count};
    assert_int_equal(sl_sodium_init(), 0);
    sl_sodium_primitives(&w->primitives);
    sl_sodium_sealing(&w->sealing);
    w->fabric =
        sl_fabric_new(&(struct sl_fabric_config){.seed = seed, .primitives = &w->primitives});
    assert_non_null(w->fabric);
    for (int i = 0; i < count; i++) {
        struct place *place = &w->places[i];
        place->world = w;
        place->number = i;
        struct sl_fabric_node_config config = {
            .events = {.arg = place, .accepted = accepted, .relayed = relayed},
            .layer = {.arg = place,
                      .started = started,
                      .stopping = stopping,
                      .tick = tick,
                      .deadline = deadline}};
        assert_int_equal(sl_fabric_add_node(w->fabric, &config), i);
    }
    sl_fabric_line(w->fabric);
    assert_true(sl_fabric_run_until_linked(w->fabric, SL_MINUTE));
}

static void world_done(struct world *w)
{
    sl_fabric_free(w->fabric);
    for (int i = 0; i < w->count; i++)
        for (size_t j = 0; j < w->places[i].text_count; j++)
            free(w->places[i].texts[j]);
}

static uint32_t create(struct world *w, int number, const char *nick, const char *passphrase)
{
    uint32_t persona;
    assert_int_equal(sl_chat_create(w->places[number].chat, OWNER, nick, passphrase,
                                    sl_fabric_now(w->fabric), &persona),
                     0);
    sl_fabric_touch(w->fabric, number);
    return persona;
}

/* Waits until the announcement is there. */
static void key_of(struct world *w, int number, uint32_t persona, const char *nick,
                   uint8_t ret_key[SL_KEY_LEN])
{
    struct sl_person person;
    sl_time limit = sl_fabric_now(w->fabric) + SL_MINUTE;
    while (sl_chat_find(w->places[number].chat, OWNER, persona, nick, &person) < 0) {
        assert_true(sl_fabric_now(w->fabric) < limit);
        sl_fabric_run(w->fabric, 100 * SL_MILLISECOND);
    }
    memcpy(ret_key, person.key, SL_KEY_LEN);
}

static struct sl_message tell(struct world *w, int number, uint32_t persona,
                              const uint8_t key[SL_KEY_LEN], const char *text)
{
    struct sl_message message;
    assert_int_equal(sl_chat_send(w->places[number].chat, OWNER, persona, TO_PERSON(key, text),
                                  sl_fabric_now(w->fabric), &message),
                     0);
    sl_fabric_touch(w->fabric, number);
    return message;
}

static void say(struct world *w, int number, uint32_t persona, const char *text)
{
    struct sl_message message;
    assert_int_equal(sl_chat_send(w->places[number].chat, OWNER, persona,
                                  TO_CHANNEL("general", text), sl_fabric_now(w->fabric), &message),
                     0);
    sl_fabric_touch(w->fabric, number);
}

static enum sl_message_state state_of(struct world *w, int number, uint32_t persona,
                                      uint64_t message_number)
{
    struct sl_message message;
    assert_int_equal(
        sl_chat_history(w->places[number].chat, OWNER, persona, message_number, &message), 0);
    return message.state;
}

static size_t received(const struct world *w, int number, const char *text)
{
    size_t count = 0;
    for (size_t i = 0; i < w->places[number].text_count; i++)
        count += strcmp(w->places[number].texts[i], text) == 0;
    return count;
}

static void test_talk_across_a_relay(void **state)
{
    (void)state;
    struct world w;
    uint8_t carol[SL_KEY_LEN], alice[SL_KEY_LEN];
    world_init(&w, 3, 11);
    uint32_t a = create(&w, 0, "alice", NULL);
    uint32_t c = create(&w, 2, "carol", NULL);
    key_of(&w, 0, a, "carol", carol);
    key_of(&w, 2, c, "alice", alice);
    say(&w, 0, a, "good evening");
    struct sl_message direct = tell(&w, 0, a, carol, "just for you");
    assert_int_equal(direct.state, SL_MESSAGE_QUEUED);
    sl_fabric_run(w.fabric, 3 * SL_SECOND);
    assert_int_equal(received(&w, 2, "good evening"), 1);
    assert_int_equal(received(&w, 2, "just for you"), 1);
    assert_int_equal(w.places[1].text_count, 0);
    assert_int_equal(state_of(&w, 0, a, direct.number), SL_MESSAGE_DELIVERED);
    assert_int_equal(sl_chat_mark_read(w.places[2].chat, OWNER, c,
                                       &(struct sl_conversation){.person = alice}, UINT64_MAX,
                                       sl_fabric_now(w.fabric)),
                     0);
    sl_fabric_touch(w.fabric, 2);
    sl_fabric_run(w.fabric, 3 * SL_SECOND);
    assert_int_equal(state_of(&w, 0, a, direct.number), SL_MESSAGE_READ);
    world_done(&w);
}

static void test_catching_up_after_absence(void **state)
{
    (void)state;
    struct world w;
    char text[32];
    world_init(&w, 3, 12);
    uint32_t a = create(&w, 0, "alice", NULL);
    create(&w, 2, "carol", PASSPHRASE);
    uint8_t carol[SL_KEY_LEN];
    key_of(&w, 0, a, "carol", carol);
    sl_fabric_stop(w.fabric, 2);
    struct sl_message first = tell(&w, 0, a, carol, "direct while away");
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "missed %d", i);
        say(&w, 0, a, text);
        sl_fabric_run(w.fabric, SL_SECOND);
    }
    sl_fabric_run(w.fabric, SL_HOUR);
    assert_int_equal(state_of(&w, 0, a, first.number), SL_MESSAGE_RELAYED);
    sl_fabric_start(w.fabric, 2);
    sl_fabric_run(w.fabric, SL_MINUTE);
    assert_int_equal(w.places[2].text_count, 0);
    uint32_t c;
    assert_int_equal(
        sl_chat_unlock(w.places[2].chat, OWNER, "carol", PASSPHRASE, sl_fabric_now(w.fabric), &c),
        0);
    sl_fabric_touch(w.fabric, 2);
    assert_int_equal(w.places[2].text_count, 21);
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "missed %d", i);
        assert_string_equal(w.places[2].texts[i], text);
    }
    sl_fabric_run(w.fabric, 5 * SL_SECOND);
    assert_int_equal(state_of(&w, 0, a, first.number), SL_MESSAGE_DELIVERED);
    world_done(&w);
}

static void test_everything_arrives_over_lossy_links(void **state)
{
    (void)state;
    struct world w;
    char text[32];
    world_init(&w, 4, 13);
    for (int medium = 0; medium < 3; medium++)
        sl_fabric_change_medium(w.fabric, medium,
                                &(struct sl_medium_config){.loss_permille = 200,
                                                           .duplicate_permille = 100,
                                                           .jitter = 20 * SL_MILLISECOND});
    uint32_t a = create(&w, 0, "alice", NULL);
    uint32_t d = create(&w, 3, "dora", PASSPHRASE);
    uint8_t alice[SL_KEY_LEN], dora[SL_KEY_LEN];
    key_of(&w, 0, a, "dora", dora);
    key_of(&w, 3, d, "alice", alice);
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "a%d", i);
        say(&w, 0, a, text);
        snprintf(text, sizeof(text), "d%d", i);
        tell(&w, 3, d, alice, text);
        sl_fabric_run(w.fabric, 200 * SL_MILLISECOND);
        if (i == 25) {
            sl_fabric_pull_plug(w.fabric, 1); /* a relay loses power in the middle */
            sl_fabric_run(w.fabric, SL_SECOND);
            sl_fabric_start(w.fabric, 1);
        }
    }
    sl_fabric_run(w.fabric, 2 * SL_MINUTE);
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "a%d", i);
        assert_int_equal(received(&w, 3, text), 1);
        snprintf(text, sizeof(text), "d%d", i);
        assert_int_equal(received(&w, 0, text), 1);
    }
    for (size_t number = 1; number <= 100; number++) {
        struct sl_message m;
        assert_int_equal(sl_chat_history(w.places[3].chat, OWNER, d, number, &m), 0);
        if (m.outgoing)
            assert_int_equal(m.state, SL_MESSAGE_DELIVERED);
    }
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talk_across_a_relay),
        cmocka_unit_test(test_catching_up_after_absence),
        cmocka_unit_test(test_everything_arrives_over_lossy_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
