/* Relay throughput: texts of 200 bytes from A through the real starlingd at B to C, stored by B in
 * SQLite and sent on, against the bare forwarder; in turns, so that both see the same machine. */
#include "bench.h"
#include "daemon.h"
#include "forwarder.h"
#include "lab.h"
#include "player.h"

#include "crypto/sodium.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 3,
    WINDOW = 128,      /* messages on the way; no queue overflows, so none is lost */
    BURST = 8,         /* published before A looks at its socket again */
    PREPARED = 150000, /* signed beforehand */
};
#define WARM_UP       (1 * SL_SECOND)
#define DURATION      (10 * SL_SECOND)
#define BARE_DURATION (5 * SL_SECOND)

struct round {
    double rate;
    double relay_cpu;   /* of one core */
    double players_cpu; /* of the other */
    double stored;      /* share of the messages in B's store afterwards */
    double repaired;    /* share that B asked for again */
    double micros;      /* processor time of B for a message */
    double datagrams;   /* that B sends for a message: what is due together shares one */
};

struct line {
    struct bench_player a, c;
    struct bench_player *both[2];
};

static double own_cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool all_arrived(void *arg)
{
    const struct line *line = arg;
    return line->c.accepted >= line->a.published;
}

/* Offers as much as the window lets through, one datagram for each message. */
static void offer(struct line *line, sl_time duration)
{
    for (sl_time end = bench_now() + duration; bench_now() < end;) {
        size_t burst = 0;
        for (; burst < BURST && line->a.published - line->c.accepted < WINDOW; burst++) {
            bench_player_publish(&line->a);
            bench_player_send(&line->a);
        }
        bench_turn(line->both, 2, burst > 0 ? 0 : 10 * SL_MILLISECOND);
    }
}

static void measure(struct line *line, struct bench_daemon *relay, struct round *ret_round)
{
    offer(line, WARM_UP);
    size_t accepted = line->c.accepted;
    double frames = bench_daemon_status(relay, "counters", "frames_out");
    double relay_cpu = bench_cpu_seconds(bench_daemon_pid(relay));
    double players_cpu = own_cpu_seconds();
    sl_time start = bench_now();
    offer(line, DURATION);
    double seconds = (double)(bench_now() - start) / 1e6;
    double count = (double)(line->c.accepted - accepted);
    relay_cpu = bench_cpu_seconds(bench_daemon_pid(relay)) - relay_cpu;
    frames = bench_daemon_status(relay, "counters", "frames_out") - frames;
    ret_round->datagrams = frames / count;
    ret_round->rate = count / seconds;
    ret_round->micros = relay_cpu * 1e6 / count;
    ret_round->relay_cpu = relay_cpu / seconds;
    ret_round->players_cpu = (own_cpu_seconds() - players_cpu) / seconds;
}

static struct round relay_round(void)
{
    struct round round = {0};
    struct line line = {.both = {&line.a, &line.c}};
    bench_lab_wipe("B");
    struct bench_daemon *relay = bench_daemon_start("B");
    bench_pin(bench_daemon_pid(relay), BENCH_CORE_RELAY);
    struct sl_memory_store *rams[2] = {sl_memory_store_new(), sl_memory_store_new()};
    bench_player_start(&line.a, "A", rams[0]);
    bench_player_start(&line.c, "C", rams[1]);
    bench_players_link(line.both, 2);
    bench_play_for(line.both, 2, 2 * SL_SECOND); /* certificates spread */
    bench_player_prepare(&line.a, PREPARED);
    line.c.trusting = true;

    measure(&line, relay, &round);
    bench_play_until(&(struct bench_wait){.players = line.both,
                                          .count = 2,
                                          .done = all_arrived,
                                          .arg = &line,
                                          .timeout = 30 * SL_SECOND,
                                          .what = "the arrival of every message at C"});
    struct sl_node_status status;
    bench_player_status(&line.a, &status);
    double published = (double)line.a.published;
    round.stored = bench_daemon_status(relay, "store", "count") / published;
    round.repaired = ((double)status.sent_envelopes - published) / published;

    bench_player_stop(&line.a);
    bench_player_stop(&line.c);
    bench_daemon_stop(relay);
    sl_memory_store_free(rams[0]);
    sl_memory_store_free(rams[1]);
    return round;
}

static void note_round(size_t number, const struct round *r, const struct bench_forwarded *bare)
{
    bench_note(
        "round %zu: B %.0f/s (%.1f us of processor time a message, %.2f datagrams sent for each, "
        "%.0f %% of its core), bare forwarder %.0f/s (%.1f us)",
        number, r->rate, r->micros, r->datagrams, 100 * r->relay_cpu, bare->rate, bare->micros);
    bench_note(
        "         A and C's core %.0f %% busy; in B's store %.1f %%, sent twice by A %.2f %%",
        100 * r->players_cpu, 100 * r->stored, 100 * r->repaired);
}

static void print(const struct round *rounds, const struct bench_forwarded *bare)
{
    double ratios[ROUNDS], rates[ROUNDS], bares[ROUNDS], work[ROUNDS];
    char detail[160];
    for (size_t i = 0; i < ROUNDS; i++) {
        ratios[i] = rounds[i].rate / bare[i].rate;
        work[i] = bare[i].micros / rounds[i].micros;
        rates[i] = rounds[i].rate;
        bares[i] = bare[i].rate;
        note_round(i + 1, &rounds[i], &bare[i]);
    }
    double median = bench_median(ratios, ROUNDS);
    snprintf(detail, sizeof(detail),
             "%.0f/s of %.0f/s; %d rounds, ratio %.2f to %.2f; by processor time %.2f",
             bench_median(rates, ROUNDS), bench_median(bares, ROUNDS), ROUNDS, ratios[0],
             ratios[ROUNDS - 1], bench_median(work, ROUNDS));
    bench_figure(&(struct bench_figure){.name = "relay throughput, of a bare forwarder's",
                                        .direction = BENCH_AT_LEAST,
                                        .goal = 0.5,
                                        .measured = median,
                                        .unit = "",
                                        .detail = detail});
}

/* Before and after each round of B, so that both see the same machine. */
static struct bench_forwarded mean(struct bench_forwarded a, struct bench_forwarded b)
{
    return (struct bench_forwarded){.rate = (a.rate + b.rate) / 2,
                                    .micros = (a.micros + b.micros) / 2};
}

int main(void)
{
    struct bench_forwarded bare[ROUNDS];
    struct round rounds[ROUNDS];
    struct bench_forwarder forwarder;
    if (sl_sodium_init() < 0)
        bench_fail("no entropy");
    bench_pin(0, BENCH_CORE_PLAYERS);
    bench_forwarder_start(&forwarder, BENCH_TEXT_ENVELOPE);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct bench_forwarded before = bench_forwarder_run(&forwarder, WINDOW, BARE_DURATION / 2);
        rounds[i] = relay_round();
        bare[i] = mean(before, bench_forwarder_run(&forwarder, WINDOW, BARE_DURATION / 2));
    }
    print(rounds, bare);
    bench_note(
        "one datagram a message into B; window of %d for both; quotas of origins, links and "
        "airtime lifted in B's configuration; A's messages signed before the clock starts, C "
        "takes signatures on trust, so that the second core is not what is measured",
        WINDOW);
    return 0;
}
