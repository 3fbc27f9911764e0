/* A board that the benchmark plays itself: a real mesh node with the real bundle, links and UDP
 * bearer of its place in the lab, and a store in plain memory. All players share one loop and one
 * core. */
#ifndef BENCH_PLAYER_H
#define BENCH_PLAYER_H

#include "bearers/udp.h"
#include "crypto/dtls.h"
#include "daemon/bundle.h"
#include "daemon/config.h"
#include "mesh/node.h"
#include "sim/memory_store.h"

/* Payload of a channel message with a text of 200 bytes (PROTOCOL.md, Channel message): hint 4,
 * salt 8, author 32, signature 64, type 1, prev 4, text 200, tag 16. */
#define BENCH_TEXT_PAYLOAD  329
#define BENCH_TEXT_ENVELOPE (SL_ENVELOPE_HEADER + BENCH_TEXT_PAYLOAD + SL_SIGNATURE_LEN)

struct bench_player {
    const char *name;
    struct sl_config config;
    struct sl_bundle bundle;
    struct sl_dtls *dtls;
    struct sl_memory_store *ram; /* borrowed */
    struct sl_primitives sodium;
    struct sl_node *node;
    struct sl_bearer *bearer;
    sl_time now; /* of this turn */

    /* Channel messages of others that were accepted here; told to `arrived` if that is set. */
    size_t accepted;
    void (*arrived)(void *arg, uint64_t number, sl_time now);
    void *arrived_arg;

    size_t published;
    uint64_t prepared_created; /* creation time of the first prepared message */
    size_t prepared_count, prepared_next;
    uint8_t (*prepared_signatures)[SL_SIGNATURE_LEN];

    bool trusting; /* counts signatures as good without work, so that it keeps up */
};

/* `ram` outlives it. */
void bench_player_start(struct bench_player *player, const char *name, struct sl_memory_store *ram);
/* Says goodbye to its neighbours. */
void bench_player_stop(struct bench_player *player);

/* One turn: waits at most so long for datagrams or a deadline, then does all that is due. */
void bench_turn(struct bench_player *const *players, size_t count, sl_time wait);

/* Turns until `done` says so; ends the program after `timeout` with `what` in the message. */
struct bench_wait {
    struct bench_player *const *players;
    size_t count;
    bool (*done)(void *arg);
    void *arg;
    sl_time timeout;
    const char *what;
};
void bench_play_until(const struct bench_wait *wait);
void bench_play_for(struct bench_player *const *players, size_t count, sl_time duration);

/* Until every player has a link. */
void bench_players_link(struct bench_player *const *players, size_t count);

/* Signs the next messages before the clock starts. */
void bench_player_prepare(struct bench_player *player, size_t count);

/* Publishes one text of 200 bytes; its number is how many came before. What there is to send stays
 * queued until bench_player_send(). */
void bench_player_publish(struct bench_player *player);
void bench_player_send(struct bench_player *player);

void bench_player_status(const struct bench_player *player, struct sl_node_status *ret_status);

#endif
