#include "player.h"
#include "bench.h"
#include "lab.h"

#include "base/wire.h"
#include "crypto/sodium.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLAYERS_MAX  16
#define LINK_TIMEOUT (20 * SL_SECOND)
#define AHEAD        (SL_HOUR) /* of the clock, for creation times known beforehand */

/* ---- Primitives: libsodium, but for what was prepared and what is taken on trust ---- */

/* Bytes before `created` in what is signed: "starling envelope", zero, version, kind, flags,
 * origin. */
#define CREATED_AT (sizeof("starling envelope") + 3 + SL_ORIGIN_LEN)

static uint64_t created_of(const uint8_t *bytes, size_t len)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    sl_read_slice(&r, CREATED_AT);
    return sl_read_u64(&r);
}

static void sign(void *ctx, const uint8_t seed[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                 uint8_t ret_signature[SL_SIGNATURE_LEN])
{
    struct bench_player *p = ctx;
    if (p->prepared_next < p->prepared_count &&
        created_of(bytes, len) == p->prepared_created + p->prepared_next)
        memcpy(ret_signature, p->prepared_signatures[p->prepared_next++], SL_SIGNATURE_LEN);
    else
        p->sodium.sign(p->sodium.ctx, seed, bytes, len, ret_signature);
}

static bool verify(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                   const uint8_t signature[SL_SIGNATURE_LEN])
{
    struct bench_player *p = ctx;
    return p->trusting || p->sodium.verify(p->sodium.ctx, key, bytes, len, signature);
}

/* ---- What the node and the bearer tell ---- */

static void accepted(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                     sl_time born, bool local)
{
    (void)id;
    (void)born;
    struct bench_player *p = arg;
    if (local || envelope->kind != SL_ENVELOPE_CHANNEL)
        return;
    p->accepted++;
    if (!p->arrived)
        return;
    struct sl_reader r;
    sl_reader_init(&r, envelope->payload, envelope->payload_len);
    p->arrived(p->arrived_arg, sl_read_u64(&r), bench_now());
}

static int add_bearer(void *arg, const struct sl_bearer_info *info)
{
    struct bench_player *p = arg;
    return sl_node_add_bearer(p->node, info, p->now);
}

static void remove_bearer(void *arg, int bearer)
{
    struct bench_player *p = arg;
    sl_node_remove_bearer(p->node, bearer, p->now);
}

static int add_peer(void *arg, int bearer, const struct sl_address *address)
{
    struct bench_player *p = arg;
    return sl_node_add_peer(p->node, bearer, address, p->now);
}

static void receive(void *arg, int bearer, const struct sl_address *from, const uint8_t *bytes,
                    size_t len)
{
    struct bench_player *p = arg;
    sl_node_receive(p->node, bearer, from, bytes, len, p->now);
}

/* ---- Starting and stopping ---- */

static void read_files(struct bench_player *p)
{
    char path[PATH_MAX];
    struct sl_problems problems = {0};
    bench_lab_path(p->name, "conf", path);
    if (sl_config_read(path, &p->config, &problems) < 0)
        bench_fail("configuration of %s: %s", p->name, problems.text);
    if (sl_bundle_load(p->config.bundle, &p->sodium, &p->bundle, &problems) < 0)
        bench_fail("bundle of %s: %s", p->name, problems.text);
}

static int64_t unix_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * SL_SECOND + t.tv_nsec / 1000;
}

static void make_node(struct bench_player *p)
{
    struct sl_node_config config = {
        .primitives = p->sodium,
        .events = {.arg = p, .accepted = accepted},
        .quota = p->config.quota,
        .store_bytes_max = p->config.store_bytes_max,
    };
    config.primitives.ctx = p;
    config.primitives.sign = sign;
    config.primitives.verify = verify;
    memcpy(config.seed, p->bundle.seed, SL_KEY_LEN);
    memcpy(config.network_secret, p->bundle.network_secret, SL_KEY_LEN);
    p->sodium.random(p->sodium.ctx, (uint8_t *)&config.prng_seed, sizeof(config.prng_seed));
    sl_dtls_sessions(p->dtls, &config.sessions);
    sl_credentials_membership(p->bundle.credentials, &config.membership);
    sl_memory_store_port(p->ram, &config.store);
    p->node = sl_node_new(&config, p->now);
    if (!p->node)
        bench_fail("out of memory");
    sl_node_set_time(p->node, SL_CLOCK_NTP, unix_us(), p->now);
}

static void make_bearer(struct bench_player *p)
{
    struct sl_bearer_host host = {.arg = p,
                                  .add = add_bearer,
                                  .remove = remove_bearer,
                                  .add_peer = add_peer,
                                  .receive = receive};
    int before = bench_enter(p->name);
    int error = sl_udp_new(&p->config.udp, &host, &p->bearer);
    bench_leave(before);
    if (error < 0)
        bench_fail("socket of %s: %s", p->name, strerror(-error));
}

void bench_player_start(struct bench_player *p, const char *name, struct sl_memory_store *ram)
{
    *p = (struct bench_player){.name = name, .ram = ram, .now = bench_now()};
    sl_sodium_primitives(&p->sodium);
    read_files(p);
    p->dtls = sl_dtls_new(p->bundle.credentials, &p->sodium);
    if (!p->dtls)
        bench_fail("out of memory");
    make_node(p);
    make_bearer(p);
}

void bench_player_stop(struct bench_player *p)
{
    p->now = bench_now();
    sl_node_close(p->node, p->now);
    bench_player_send(p);
    p->bearer->ops->free(p->bearer);
    sl_node_free(p->node);
    sl_dtls_free(p->dtls);
    sl_bundle_done(&p->bundle, &p->sodium);
    free(p->prepared_signatures);
    *p = (struct bench_player){0};
}

/* ---- Turns ---- */

void bench_player_send(struct bench_player *p)
{
    struct sl_datagram datagram;
    while (sl_node_transmit(p->node, &datagram, p->now))
        p->bearer->ops->send(p->bearer, &datagram);
}

static void take_turn(struct bench_player *p, bool readable)
{
    p->now = bench_now();
    if (readable)
        sl_udp_receive(p->bearer);
    if (sl_node_deadline(p->node) <= p->now)
        sl_node_tick(p->node, p->now);
    bench_player_send(p);
}

void bench_turn(struct bench_player *const *players, size_t count, sl_time wait)
{
    struct pollfd fds[PLAYERS_MAX];
    sl_time now = bench_now();
    sl_time until = now + wait;
    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = sl_udp_fd(players[i]->bearer), .events = POLLIN};
        until = sl_min_time(until, sl_node_deadline(players[i]->node));
    }
    sl_time left = until > now ? until - now : 0;
    struct timespec timeout = {.tv_sec = left / SL_SECOND, .tv_nsec = left % SL_SECOND * 1000};
    ppoll(fds, count, &timeout, NULL);
    for (size_t i = 0; i < count; i++)
        take_turn(players[i], (fds[i].revents & POLLIN) != 0);
}

void bench_play_until(const struct bench_wait *wait)
{
    sl_time end = bench_now() + wait->timeout;
    while (!wait->done(wait->arg)) {
        if (bench_now() > end)
            bench_fail("%s did not happen in %d s", wait->what, (int)(wait->timeout / SL_SECOND));
        bench_turn(wait->players, wait->count, 10 * SL_MILLISECOND);
    }
}

void bench_play_for(struct bench_player *const *players, size_t count, sl_time duration)
{
    for (sl_time end = bench_now() + duration; bench_now() < end;)
        bench_turn(players, count, sl_min_time(end - bench_now(), 100 * SL_MILLISECOND));
}

static bool all_linked(void *arg)
{
    const struct bench_wait *wait = arg;
    for (size_t i = 0; i < wait->count; i++) {
        struct sl_node_status status;
        bench_player_status(wait->players[i], &status);
        if (status.neighbour_count == 0)
            return false;
    }
    return true;
}

void bench_players_link(struct bench_player *const *players, size_t count)
{
    struct bench_wait wait = {.players = players,
                              .count = count,
                              .done = all_linked,
                              .timeout = LINK_TIMEOUT,
                              .what = "a link to B"};
    wait.arg = &wait;
    bench_play_until(&wait);
}

void bench_player_status(const struct bench_player *player, struct sl_node_status *ret_status)
{
    sl_node_status(player->node, player->now, ret_status);
}

/* ---- Messages ---- */

static void fill_payload(uint8_t payload[BENCH_TEXT_PAYLOAD], uint64_t number)
{
    struct sl_writer w;
    sl_writer_init(&w, payload, BENCH_TEXT_PAYLOAD);
    sl_write_u64(&w, number);
    for (size_t i = w.len; i < BENCH_TEXT_PAYLOAD; i++)
        sl_write_u8(&w, (uint8_t)(number * 31 + i * 7));
}

/* A creation time is the mesh clock, or one more than the last if that is ahead of the clock. So
 * one message from the future makes all that follow known beforehand. */
static void run_ahead(struct bench_player *p)
{
    sl_node_set_time(p->node, SL_CLOCK_NTP, unix_us() + AHEAD, p->now);
    bench_player_publish(p);
    sl_node_set_time(p->node, SL_CLOCK_NTP, unix_us(), p->now);
    p->prepared_created = sl_node_next_created(p->node, p->now);
}

void bench_player_prepare(struct bench_player *p, size_t count)
{
    uint8_t payload[BENCH_TEXT_PAYLOAD];
    uint8_t bytes[SL_ENVELOPE_MAX];
    struct sl_envelope envelope = {.kind = SL_ENVELOPE_CHANNEL,
                                   .lifetime = SL_LIFETIME_DEFAULT / SL_SECOND,
                                   .payload = payload,
                                   .payload_len = sizeof(payload)};
    p->now = bench_now();
    run_ahead(p);
    memcpy(envelope.origin, p->bundle.own.origin, SL_ORIGIN_LEN);
    free(p->prepared_signatures);
    p->prepared_signatures = calloc(count, SL_SIGNATURE_LEN);
    if (!p->prepared_signatures)
        bench_fail("out of memory");
    for (size_t i = 0; i < count; i++) {
        fill_payload(payload, p->published + i);
        envelope.created = p->prepared_created + i;
        int len = sl_envelope_encode(&envelope, &p->sodium, p->bundle.seed, bytes, sizeof(bytes));
        memcpy(p->prepared_signatures[i], bytes + len - SL_SIGNATURE_LEN, SL_SIGNATURE_LEN);
    }
    p->prepared_count = count;
    p->prepared_next = 0;
}

void bench_player_publish(struct bench_player *p)
{
    uint8_t payload[BENCH_TEXT_PAYLOAD];
    uint8_t id[SL_ID_LEN];
    p->now = bench_now();
    fill_payload(payload, p->published++);
    struct sl_draft draft = {.kind = SL_ENVELOPE_CHANNEL,
                             .created = sl_node_next_created(p->node, p->now),
                             .lifetime = SL_LIFETIME_DEFAULT / SL_SECOND,
                             .payload = payload,
                             .payload_len = sizeof(payload)};
    int error = sl_node_publish(p->node, &draft, p->now, id);
    if (error < 0)
        bench_fail("%s cannot publish: %s", p->name, strerror(-error));
}
