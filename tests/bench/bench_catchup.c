/* Catch-up: C goes away, misses 1,000 messages that B stores meanwhile, and comes back. The time
 * from the moment its link is up until it has all of them, against the time that 1,000 fresh ones
 * take from A to C through the same line, in one run; and the bytes of reconciliation beyond the
 * messages themselves. With 1,000 and with 50,000 messages that B and C have in common. */
#include "bench.h"
#include "daemon.h"
#include "lab.h"
#include "player.h"

#include "crypto/sodium.h"

#include <stdio.h>

enum { ROUNDS = 3, MISSED = 1000, WINDOW = 128, BURST = 8 };

static const size_t sizes[] = {1000, 50000};

struct line {
    struct bench_player a, c;
    struct bench_player *both[2];
    struct sl_memory_store *ram_a, *ram_c;
    struct bench_daemon *relay;
    double wanted; /* accepted at C, or stored at B */
};

struct result {
    double fresh_ms;
    double contact_ms; /* from starting C until its link is up */
    double catch_up_ms;
    double repair_bytes;            /* a missed message: sketches, wants, marks and hellos */
    double fresh_wire, missed_wire; /* bytes at the interface, a message */
};

static bool c_has_enough(void *arg)
{
    const struct line *line = arg;
    return (double)line->c.accepted >= line->wanted;
}

static bool b_has_enough(void *arg)
{
    const struct line *line = arg;
    return bench_daemon_status(line->relay, "store", "count") >= line->wanted;
}

static void play_until(struct line *line, size_t count, bool (*done)(void *arg), const char *what)
{
    bench_play_until(&(struct bench_wait){.players = line->both,
                                          .count = count,
                                          .done = done,
                                          .arg = line,
                                          .timeout = 60 * SL_SECOND,
                                          .what = what});
}

/* A publishes, C receives. */
static void send_through(struct line *line, size_t count)
{
    size_t start = line->c.accepted;
    for (size_t sent = 0; sent < count;) {
        size_t burst = 0;
        for (; burst < BURST && sent < count && sent - (line->c.accepted - start) < WINDOW;
             burst++, sent++) {
            bench_player_publish(&line->a);
            bench_player_send(&line->a);
        }
        bench_turn(line->both, 2, burst > 0 ? 0 : 10 * SL_MILLISECOND);
    }
    line->wanted = (double)(start + count);
    play_until(line, 2, c_has_enough, "the arrival of every fresh message at C");
}

/* A publishes while C is away; ends when B has them all. */
static void send_to_store(struct line *line, size_t count)
{
    line->wanted = bench_daemon_status(line->relay, "store", "count") + (double)count;
    for (size_t i = 0; i < count; i++) {
        bench_player_publish(&line->a);
        bench_player_send(&line->a);
        bench_turn(line->both, 1, i % WINDOW == 0 ? 50 * SL_MILLISECOND : 0);
    }
    play_until(line, 1, b_has_enough, "the arrival of every missed message at B");
    bench_play_for(line->both, 1, 2 * SL_SECOND);
}

static double wire_bytes(void)
{
    return bench_lab_has_netns() ? (double)bench_lab_bytes("B", "C") : 0;
}

static void begin(struct line *line)
{
    *line = (struct line){.both = {&line->a, &line->c}};
    bench_lab_wipe("B");
    line->relay = bench_daemon_start("B");
    bench_pin(bench_daemon_pid(line->relay), BENCH_CORE_RELAY);
    line->ram_a = sl_memory_store_new();
    line->ram_c = sl_memory_store_new();
    bench_player_start(&line->a, "A", line->ram_a);
    bench_player_start(&line->c, "C", line->ram_c);
    bench_players_link(line->both, 2);
    bench_play_for(line->both, 2, 2 * SL_SECOND);
}

static void end(struct line *line)
{
    bench_player_stop(&line->a);
    bench_player_stop(&line->c);
    bench_daemon_stop(line->relay);
    sl_memory_store_free(line->ram_a);
    sl_memory_store_free(line->ram_c);
}

static void measure_fresh(struct line *line, struct result *ret_result)
{
    bench_player_prepare(&line->a, MISSED);
    bench_play_for(line->both, 2, SL_SECOND);
    double wire = wire_bytes();
    sl_time start = bench_now();
    send_through(line, MISSED);
    ret_result->fresh_ms = (double)(bench_now() - start) / 1e3;
    bench_play_for(line->both, 2, SL_SECOND);
    ret_result->fresh_wire = (wire_bytes() - wire) / MISSED;
}

static void measure_catch_up(struct line *line, struct result *ret_result)
{
    struct sl_node_status status;
    double wire = wire_bytes();
    sl_time start = bench_now();
    bench_player_start(&line->c, "C", line->ram_c);
    double repair = bench_daemon_status(line->relay, "counters", "repair_bytes_out");
    do {
        bench_turn(line->both, 2, 100 * SL_MILLISECOND);
        bench_player_status(&line->c, &status);
    } while (status.neighbour_count == 0);
    sl_time up = bench_now();
    line->wanted = MISSED;
    play_until(line, 2, c_has_enough, "the catch-up of C");
    ret_result->contact_ms = (double)(up - start) / 1e3;
    ret_result->catch_up_ms = (double)(bench_now() - up) / 1e3;
    bench_play_for(line->both, 2, SL_SECOND);
    bench_player_status(&line->c, &status);
    ret_result->missed_wire = (wire_bytes() - wire) / MISSED;
    repair = bench_daemon_status(line->relay, "counters", "repair_bytes_out") - repair;
    ret_result->repair_bytes = (repair + (double)status.repair_bytes_out) / MISSED;
}

static struct result run(size_t size)
{
    static struct line line;
    struct result result;
    begin(&line);
    line.c.trusting = true;
    send_through(&line, size - MISSED);
    line.c.trusting = false;
    bench_play_for(line.both, 2, SL_SECOND);
    measure_fresh(&line, &result);
    bench_player_stop(&line.c);
    send_to_store(&line, MISSED);
    measure_catch_up(&line, &result);
    end(&line);
    return result;
}

static void note_round(size_t size, size_t number, const struct result *r)
{
    bench_note(
        "store of %zu, round %zu: fresh %.0f ms, catch-up %.0f ms after a link that took %.0f "
        "ms; reconciliation %.1f bytes a message",
        size, number, r->fresh_ms, r->catch_up_ms, r->contact_ms, r->repair_bytes);
    if (bench_lab_has_netns())
        bench_note(
            "         at the interface, all included: %.0f bytes a fresh message, %.0f a missed "
            "one with the handshake",
            r->fresh_wire, r->missed_wire);
}

static void print(size_t size, const struct result *results)
{
    double ratios[ROUNDS], whole[ROUNDS], bytes[ROUNDS];
    char name[96], detail[160];
    for (size_t i = 0; i < ROUNDS; i++) {
        const struct result *r = &results[i];
        ratios[i] = r->catch_up_ms / r->fresh_ms;
        bytes[i] = r->repair_bytes;
        whole[i] = (r->contact_ms + r->catch_up_ms) / r->fresh_ms;
        note_round(size, i + 1, r);
    }
    double median = bench_median(ratios, ROUNDS);
    snprintf(name, sizeof(name), "catch-up of 1,000 over fresh 1,000, store of %zu", size);
    snprintf(detail, sizeof(detail), "%d rounds, %.2f to %.2f; with C's start and handshake %.2f",
             ROUNDS, ratios[0], ratios[ROUNDS - 1], bench_median(whole, ROUNDS));
    bench_figure(&(struct bench_figure){.name = name,
                                        .direction = BENCH_AT_MOST,
                                        .goal = 1.3,
                                        .measured = median,
                                        .unit = "",
                                        .detail = detail});
    median = bench_median(bytes, ROUNDS);
    snprintf(name, sizeof(name), "reconciliation bytes a missed message, store of %zu", size);
    snprintf(detail, sizeof(detail), "%d rounds, %.1f to %.1f", ROUNDS, bytes[0],
             bytes[ROUNDS - 1]);
    bench_figure(&(struct bench_figure){.name = name,
                                        .direction = BENCH_AT_MOST,
                                        .goal = 40,
                                        .measured = median,
                                        .unit = "",
                                        .detail = detail});
}

int main(void)
{
    if (sl_sodium_init() < 0)
        bench_fail("no entropy");
    bench_pin(0, BENCH_CORE_PLAYERS);
    for (size_t i = 0; i < SL_ARRAY_LEN(sizes); i++) {
        struct result results[ROUNDS];
        for (size_t round = 0; round < ROUNDS; round++)
            results[round] = run(sizes[i]);
        print(sizes[i], results);
    }
    bench_note(
        "A's messages are signed before the clock starts; C checks all signatures, both times");
    return 0;
}
