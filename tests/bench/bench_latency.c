/* Added latency of a hop on an idle link: from publishing at A to acceptance at C, through
 * starlingd at B, against a UDP datagram of the same size on the same path through the bare
 * forwarder. Both one way, on one clock, in turns. All that A and C do (signing, verifying, storing
 * in memory) is counted to the one hop. */
#include "bench.h"
#include "daemon.h"
#include "forwarder.h"
#include "lab.h"
#include "player.h"

#include "crypto/sodium.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAMPLES = 500 };
#define PAUSE     (20 * SL_MILLISECOND)
#define PING_SIZE (BENCH_TEXT_ENVELOPE + 30) /* as the frame's */

struct sample {
    uint64_t number;
    sl_time arrived; /* 0: not yet */
};

static void note_arrival(void *arg, uint64_t number, sl_time now)
{
    struct sample *sample = arg;
    if (number == sample->number)
        sample->arrived = now;
}

static bool has_arrived(void *arg)
{
    const struct sample *sample = arg;
    return sample->arrived != 0;
}

static double message_ms(struct bench_player *a, struct bench_player *c)
{
    struct bench_player *both[] = {a, c};
    struct sample sample = {.number = a->published};
    c->arrived = note_arrival;
    c->arrived_arg = &sample;
    sl_time start = bench_now();
    bench_player_publish(a);
    bench_player_send(a);
    bench_play_until(&(struct bench_wait){.players = both,
                                          .count = 2,
                                          .done = has_arrived,
                                          .arg = &sample,
                                          .timeout = 10 * SL_SECOND,
                                          .what = "the arrival of a message at C"});
    c->arrived = NULL;
    return (double)(sample.arrived - start) / 1e3;
}

static double ping_ms(const struct bench_forwarder *forwarder)
{
    uint8_t bytes[PING_SIZE] = {BENCH_PING};
    struct pollfd wait = {.fd = forwarder->to_fd, .events = POLLIN};
    sl_time start = bench_now();
    send(forwarder->from_fd, bytes, sizeof(bytes), 0);
    if (poll(&wait, 1, 1000) != 1 || recv(forwarder->to_fd, bytes, sizeof(bytes), 0) < 0)
        bench_fail("a ping was lost");
    return (double)(bench_now() - start) / 1e3;
}

static void print(double *messages, double *pings)
{
    char detail[160];
    double message = bench_median(messages, SAMPLES);
    double ping = bench_median(pings, SAMPLES);
    snprintf(detail, sizeof(detail), "message %.2f ms (p99 %.2f), ping %.2f ms (p99 %.2f)", message,
             bench_percentile(messages, SAMPLES, 99), ping, bench_percentile(pings, SAMPLES, 99));
    bench_figure(&(struct bench_figure){.name = "added latency of a hop, median",
                                        .direction = BENCH_AT_MOST,
                                        .goal = 2,
                                        .measured = message - ping,
                                        .unit = " ms",
                                        .detail = detail});
}

int main(void)
{
    static double messages[SAMPLES], pings[SAMPLES];
    struct bench_player a, c;
    struct bench_player *both[] = {&a, &c};
    struct bench_forwarder forwarder;
    if (sl_sodium_init() < 0)
        bench_fail("no entropy");
    bench_pin(0, BENCH_CORE_PLAYERS);
    bench_forwarder_start(&forwarder, BENCH_TEXT_ENVELOPE);
    bench_lab_wipe("B");
    struct bench_daemon *relay = bench_daemon_start("B");
    bench_pin(bench_daemon_pid(relay), BENCH_CORE_RELAY);
    struct sl_memory_store *rams[2] = {sl_memory_store_new(), sl_memory_store_new()};
    bench_player_start(&a, "A", rams[0]);
    bench_player_start(&c, "C", rams[1]);
    bench_players_link(both, 2);
    bench_play_for(both, 2, 2 * SL_SECOND);
    for (size_t i = 0; i < SAMPLES; i++) {
        messages[i] = message_ms(&a, &c);
        bench_play_for(both, 2, PAUSE);
        pings[i] = ping_ms(&forwarder);
        bench_play_for(both, 2, PAUSE);
    }
    print(messages, pings);
    bench_player_stop(&a);
    bench_player_stop(&c);
    bench_daemon_stop(relay);
    sl_memory_store_free(rams[0]);
    sl_memory_store_free(rams[1]);
    return 0;
}
