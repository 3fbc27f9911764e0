/* Bytes on the wire of a text of 200 bytes between people on three real daemons, counted by the
 * kernel at B's two interfaces, Ethernet headers included. What passes without any message is
 * measured in the same run and taken off. */
#include "bench.h"
#include "daemon.h"
#include "lab.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHANNEL_MESSAGES = 200, DIRECT_MESSAGES = 100, TEXT_LEN = 200 };
#define CHANNEL_PACE (100 * SL_MILLISECOND)
#define DIRECT_PACE  (200 * SL_MILLISECOND)
#define IDLE_TIME    (30 * SL_SECOND)
#define SETTLE_TIME  (3 * SL_SECOND)

struct line {
    struct bench_daemon *a, *b, *c;
    double idle_rate[2]; /* bytes a second on A–B and B–C, both directions */
};

struct counters {
    sl_time at;
    double bytes[2];
};

static struct counters count_bytes(void)
{
    return (struct counters){
        .at = bench_now(),
        .bytes = {(double)bench_lab_bytes("B", "A"), (double)bench_lab_bytes("B", "C")}};
}

static bool can_write(struct bench_daemon *daemon, const char *nick)
{
    json_t *answer = bench_daemon_ask(daemon, "{s:s}", "do", "people");
    bool found = false;
    size_t i;
    json_t *person;
    json_array_foreach (json_object_get(answer, "people"), i, person) {
        const char *name = json_string_value(json_object_get(person, "nick"));
        found = found || (name && strcmp(name, nick) == 0 &&
                          json_is_true(json_object_get(person, "writable")));
    }
    json_decref(answer);
    return found;
}

static size_t count_delivered(const json_t *messages)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const char *state =
            json_string_value(json_object_get(json_array_get(messages, i), "state"));
        count += state && strcmp(state, "delivered") == 0;
    }
    return count;
}

/* Of the messages to carol; a history comes in pieces. */
static size_t delivered_count(struct bench_daemon *daemon)
{
    size_t count = 0;
    json_int_t from = 0;
    for (bool more = true; more;) {
        json_t *answer = bench_daemon_ask(daemon, "{s:s, s:s, s:I}", "do", "history", "with",
                                          "carol", "from", from);
        json_t *next = json_object_get(answer, "next");
        count += count_delivered(json_object_get(answer, "messages"));
        more = json_is_integer(next);
        from = json_integer_value(next);
        json_decref(answer);
    }
    return count;
}

static void start(struct line *line)
{
    bench_lab_wipe("A");
    bench_lab_wipe("B");
    bench_lab_wipe("C");
    line->a = bench_daemon_start("A");
    line->b = bench_daemon_start("B");
    line->c = bench_daemon_start("C");
    json_decref(bench_daemon_ask(line->a, "{s:s, s:s}", "do", "persona.create", "nick", "alice"));
    json_decref(bench_daemon_ask(line->c, "{s:s, s:s}", "do", "persona.create", "nick", "carol"));
    sl_time end = bench_now() + 30 * SL_SECOND;
    while (!can_write(line->a, "carol") || !can_write(line->c, "alice")) {
        if (bench_now() > end)
            bench_fail("alice and carol did not hear of each other in 30 s");
        usleep(100000);
    }
    usleep(2 * SETTLE_TIME);
}

static void measure_idle(struct line *line)
{
    struct counters before = count_bytes();
    usleep(IDLE_TIME);
    struct counters after = count_bytes();
    for (size_t i = 0; i < 2; i++)
        line->idle_rate[i] =
            (after.bytes[i] - before.bytes[i]) / ((double)(after.at - before.at) / 1e6);
    bench_note("without messages: A-B %.0f, B-C %.0f bytes a second in both directions together "
               "(hellos and beacons); taken off below",
               line->idle_rate[0], line->idle_rate[1]);
}

/* Who is written to, how often, and how fast. */
struct traffic {
    const char *field; /* "channel" or "to" */
    const char *target;
    size_t count;
    sl_time pace;
};

static void send_at_pace(struct line *line, const struct traffic *traffic)
{
    char text[TEXT_LEN + 1];
    sl_time next = bench_now();
    memset(text, 'x', TEXT_LEN);
    text[TEXT_LEN] = '\0';
    for (size_t i = 0; i < traffic->count; i++) {
        int digits = snprintf(text, sizeof(text), "%zu", i);
        text[digits] = ' ';
        json_decref(bench_daemon_ask(line->a, "{s:s, s:s, s:s}", "do", "send", traffic->field,
                                     traffic->target, "text", text));
        next += traffic->pace;
        sl_time left = next - bench_now();
        if (left > 0)
            usleep((useconds_t)left);
    }
    usleep(SETTLE_TIME);
}

/* Bytes for each message beyond the idle traffic; of the link that carries more. */
static double per_message(const struct line *line, const struct counters *before, size_t count,
                          char *ret_detail, size_t cap)
{
    struct counters after = count_bytes();
    double seconds = (double)(after.at - before->at) / 1e6;
    double bytes[2];
    for (size_t i = 0; i < 2; i++)
        bytes[i] =
            (after.bytes[i] - before->bytes[i] - seconds * line->idle_rate[i]) / (double)count;
    snprintf(ret_detail, cap, "A-B %.0f, B-C %.0f; %zu messages in %.0f s", bytes[0], bytes[1],
             count, seconds);
    return bytes[0] > bytes[1] ? bytes[0] : bytes[1];
}

static void measure(struct line *line, const char *name, double goal, const struct traffic *traffic)
{
    char detail[128];
    struct counters before = count_bytes();
    send_at_pace(line, traffic);
    double measured = per_message(line, &before, traffic->count, detail, sizeof(detail));
    bench_figure(&(struct bench_figure){.name = name,
                                        .direction = BENCH_AT_MOST,
                                        .goal = goal,
                                        .measured = measured,
                                        .unit = "",
                                        .detail = detail});
}

int main(void)
{
    struct line line;
    if (!bench_lab_has_netns()) {
        bench_note("bytes on the wire: not measured, interfaces of their own need root");
        return 0;
    }
    start(&line);
    measure_idle(&line);
    measure(&line, "bytes on a link, channel message of 200", 520,
            &(struct traffic){"channel", "general", CHANNEL_MESSAGES, CHANNEL_PACE});
    measure(&line, "bytes on a link, direct message of 200 with receipt", 1000,
            &(struct traffic){"to", "carol", DIRECT_MESSAGES, DIRECT_PACE});
    size_t delivered = delivered_count(line.a);
    if (delivered != DIRECT_MESSAGES)
        bench_fail("of %d direct messages %zu were shown as delivered", DIRECT_MESSAGES, delivered);
    bench_daemon_stop(line.a);
    bench_daemon_stop(line.b);
    bench_daemon_stop(line.c);
    return 0;
}
