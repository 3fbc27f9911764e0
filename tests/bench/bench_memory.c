/* Memory of a relay: starlingd at B with eight neighbours, idle, and then with 10,000 envelopes
 * stored. */
#include "bench.h"
#include "daemon.h"
#include "lab.h"
#include "player.h"

#include "crypto/sodium.h"

#include <stdio.h>

enum { NEIGHBOURS = 8, STORED = 10000, WINDOW = 64 };

/* starlingd gives memory back that it does not use, twice a minute: long enough to see it at rest.
 */
#define AT_REST (45 * SL_SECOND)

static const char *const names[NEIGHBOURS] = {"A", "C", "D", "E", "F", "G", "H", "I"};

struct star {
    struct bench_player players[NEIGHBOURS];
    struct bench_player *all[NEIGHBOURS];
    struct bench_daemon *relay;
};

static bool all_seen(void *arg)
{
    struct star *star = arg;
    return bench_daemon_status(star->relay, NULL, "neighbours") >= NEIGHBOURS;
}

static size_t slowest(const struct star *star)
{
    size_t least = SIZE_MAX;
    for (size_t i = 1; i < NEIGHBOURS; i++)
        least = sl_min_size(least, star->players[i].accepted);
    return least;
}

static bool all_have_everything(void *arg)
{
    const struct star *star = arg;
    return slowest(star) >= STORED;
}

static void fill(struct star *star)
{
    struct bench_player *first = &star->players[0];
    while (first->published < STORED) {
        bool open = first->published - slowest(star) < WINDOW;
        if (open) {
            bench_player_publish(first);
            bench_player_send(first);
        }
        bench_turn(star->all, NEIGHBOURS, open ? 0 : 10 * SL_MILLISECOND);
    }
    bench_play_until(&(struct bench_wait){.players = star->all,
                                          .count = NEIGHBOURS,
                                          .done = all_have_everything,
                                          .arg = star,
                                          .timeout = 60 * SL_SECOND,
                                          .what = "the arrival of every message"});
}

static void print(const struct bench_daemon *relay, const char *name, double goal)
{
    char detail[160];
    pid_t pid = bench_daemon_pid(relay);
    snprintf(detail, sizeof(detail), "own %.1f, of files %.1f; PSS %.1f; at most so far %.1f",
             bench_memory_mb(pid, "RssAnon"), bench_memory_mb(pid, "RssFile"),
             bench_memory_mb(pid, "Pss"), bench_memory_mb(pid, "VmHWM"));
    bench_figure(&(struct bench_figure){.name = name,
                                        .direction = BENCH_AT_MOST,
                                        .goal = goal,
                                        .measured = bench_memory_mb(pid, "VmRSS"),
                                        .unit = " MB",
                                        .detail = detail});
}

int main(void)
{
    static struct star star;
    struct sl_memory_store *rams[NEIGHBOURS];
    if (sl_sodium_init() < 0)
        bench_fail("no entropy");
    bench_lab_wipe("B");
    star.relay = bench_daemon_start("B");
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        rams[i] = sl_memory_store_new();
        bench_player_start(&star.players[i], names[i], rams[i]);
        star.all[i] = &star.players[i];
    }
    bench_players_link(star.all, NEIGHBOURS);
    bench_play_until(&(struct bench_wait){.players = star.all,
                                          .count = NEIGHBOURS,
                                          .done = all_seen,
                                          .arg = &star,
                                          .timeout = 20 * SL_SECOND,
                                          .what = "eight links at B"});
    bench_play_for(star.all, NEIGHBOURS, AT_REST);
    print(star.relay, "relay's memory, 8 neighbours, idle", 6);

    for (size_t i = 0; i < NEIGHBOURS; i++)
        star.players[i].trusting = true;
    fill(&star);
    bench_play_for(star.all, NEIGHBOURS, AT_REST);
    double stored = bench_daemon_status(star.relay, "store", "count");
    if (stored < STORED)
        bench_fail("B has stored %.0f envelopes only", stored);
    print(star.relay, "relay's memory, 10,000 stored", 10);

    for (size_t i = 0; i < NEIGHBOURS; i++) {
        bench_player_stop(&star.players[i]);
        sl_memory_store_free(rams[i]);
    }
    bench_daemon_stop(star.relay);
    return 0;
}
