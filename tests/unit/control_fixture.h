/* Boards with node, chat and control in virtual time, for the test and the fuzz target of the
 * control service. Everything is real but links, store and passphrases. */
#ifndef SL_TESTS_UNIT_CONTROL_FIXTURE_H
#define SL_TESTS_UNIT_CONTROL_FIXTURE_H

#include "crypto/sodium.h"
#include "services/control.h"
#include "sim/fabric.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOARDS 2

struct board {
    struct fixture *fixture;
    const char *socket_path; /* NULL: none */
    struct sl_chat *chat;
    struct sl_control *control;
    bool revoked;
    int64_t not_after;
};

struct fixture {
    struct sl_fabric *fabric;
    struct board boards[BOARDS];
};

/* Argon2id would take most of the time of every test. */
static int quick_passphrase_key(void *ctx, const char *passphrase, const uint8_t salt[16],
                                uint8_t ret_key[SL_KEY_LEN])
{
    struct sl_primitives primitives;
    uint8_t padded[SL_KEY_LEN] = {0};
    (void)ctx;
    sl_sodium_primitives(&primitives);
    memcpy(padded, salt, 16);
    primitives.hash(primitives.ctx, "quick", padded, (const uint8_t *)passphrase,
                    strlen(passphrase), ret_key, SL_KEY_LEN);
    return 0;
}

/* ---- What the daemon's glue does ---- */

static sl_time fixture_now(const struct board *board)
{
    return sl_fabric_now(board->fixture->fabric);
}

static void on_accepted(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                        sl_time born, bool local)
{
    struct board *board = arg;
    if (board->chat)
        sl_chat_accepted(board->chat, envelope, id, born, local, fixture_now(board));
}

static void on_relayed(void *arg, const uint8_t id[SL_ID_LEN])
{
    struct board *board = arg;
    if (board->chat)
        sl_chat_relayed(board->chat, id, fixture_now(board));
}

static void on_message(void *arg, uint32_t persona, uint32_t owner,
                       const struct sl_message *message)
{
    struct board *board = arg;
    if (board->control)
        sl_control_message(board->control, persona, owner, message);
}

static void on_state(void *arg, uint32_t persona, uint32_t owner, const struct sl_message *message)
{
    struct board *board = arg;
    if (board->control)
        sl_control_state(board->control, persona, owner, message);
}

static void on_person(void *arg, const struct sl_person *person)
{
    struct board *board = arg;
    if (board->control)
        sl_control_person(board->control, person);
}

static void on_about(void *arg, struct sl_control_about *ret_about)
{
    const struct board *board = arg;
    *ret_about = (struct sl_control_about){.node_name = "lamp post",
                                           .network = "square",
                                           .version = "test",
                                           .not_after = board->not_after,
                                           .revoked = board->revoked,
                                           .uptime = 5 * SL_SECOND};
}

static const char *on_bearer_name(void *arg, int bearer)
{
    (void)arg;
    return bearer == 0 ? "cable" : NULL;
}

static void on_address_text(void *arg, int bearer, const struct sl_address *address, char *ret_text,
                            size_t cap)
{
    (void)arg;
    (void)bearer;
    snprintf(ret_text, cap, "address of %u bytes", address->len);
}

static bool on_radio(void *arg, size_t number, struct sl_control_radio *ret_radio)
{
    (void)arg;
    *ret_radio = (struct sl_control_radio){.kind = "wifi",
                                           .name = "phy0",
                                           .interface = "wlan0",
                                           .state = "joined",
                                           .used = true,
                                           .mode = "ad hoc",
                                           .can = "ad hoc, client",
                                           .country = "DE",
                                           .why = "in the cell"};
    return number == 0;
}

static bool on_quality(void *arg, int bearer, const struct sl_address *address,
                       struct sl_control_quality *ret_quality)
{
    (void)arg;
    (void)address;
    *ret_quality = (struct sl_control_quality){.has_signal = true, .signal_dbm = -61};
    return bearer == 0;
}

/* ---- The layer above each node ---- */

static void on_started(void *arg, int number, struct sl_node *node, sl_time now)
{
    struct board *board = arg;
    struct sl_fabric *fabric = board->fixture->fabric;
    struct sl_chat_config chat = {
        .node = node,
        .events = {board, on_message, on_state, on_person},
        .prng_seed = (uint64_t)number + 1,
    };
    sl_sodium_primitives(&chat.primitives);
    sl_sodium_sealing(&chat.sealing);
    chat.sealing.passphrase_key = quick_passphrase_key;
    sl_memory_store_vault(sl_fabric_store(fabric, number), &chat.vault);
    memcpy(chat.network_secret, sl_fabric_secret(fabric, number), SL_KEY_LEN);
    memcpy(chat.node_seed, sl_fabric_seed(fabric, number), SL_KEY_LEN);
    sl_node_set_time(node, SL_CLOCK_NTP, 1760000000 * SL_SECOND + now, now);
    board->chat = sl_chat_new(&chat, now);
    struct sl_control_config control = {
        .path = board->socket_path,
        .mode = 0600,
        .node = node,
        .chat = board->chat,
        .arg = board,
        .about = on_about,
        .bearer_name = on_bearer_name,
        .address_text = on_address_text,
        .radio = on_radio,
        .quality = on_quality,
    };
    int error = sl_control_new(&control, &board->control);
    assert(board->chat && error == 0);
}

static void on_stopping(void *arg, int number, sl_time now)
{
    struct board *board = arg;
    (void)number;
    (void)now;
    sl_control_free(board->control);
    sl_chat_free(board->chat);
    board->control = NULL;
    board->chat = NULL;
}

static void on_tick(void *arg, sl_time now)
{
    struct board *board = arg;
    if (sl_chat_deadline(board->chat) <= now)
        sl_chat_tick(board->chat, now);
    sl_control_flush(board->control, now);
}

static sl_time on_deadline(void *arg)
{
    const struct board *board = arg;
    return sl_chat_deadline(board->chat);
}

/* `socket_path` is for the first board, or NULL. */
static void fixture_init(struct fixture *fixture, const char *socket_path)
{
    struct sl_primitives primitives;
    int error = sl_sodium_init();
    assert(error == 0);
    sl_sodium_primitives(&primitives);
    *fixture = (struct fixture){0};
    fixture->fabric =
        sl_fabric_new(&(struct sl_fabric_config){.seed = 1, .primitives = &primitives});
    for (int i = 0; i < BOARDS; i++) {
        struct board *board = &fixture->boards[i];
        *board = (struct board){.fixture = fixture,
                                .socket_path = i == 0 ? socket_path : NULL,
                                .not_after = 1790000000};
        struct sl_fabric_node_config config = {
            .events = {.arg = board, .accepted = on_accepted, .relayed = on_relayed},
            .layer = {board, on_started, on_stopping, on_tick, on_deadline},
        };
        sl_fabric_add_node(fixture->fabric, &config);
    }
    sl_fabric_line(fixture->fabric);
}

static void fixture_done(struct fixture *fixture)
{
    sl_fabric_free(fixture->fabric);
}

#endif
