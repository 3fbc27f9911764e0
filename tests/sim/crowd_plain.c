#include "sim/crowd_plain.h"

#include "base/wire.h"

#include <stdlib.h>
#include <string.h>

enum { LIVES = 7, HEADER_LEN = 5 };

void sl_plain_init(struct sl_plain *plain, bool phone, int number, const struct sl_reach *reach,
                   uint64_t seed)
{
    *plain = (struct sl_plain){.phone = phone, .number = number, .reach = reach};
    sl_prng_init(&plain->prng, seed);
}

void sl_plain_done(struct sl_plain *plain)
{
    free(plain->seen);
}

static bool note_seen(struct sl_plain *plain, uint32_t message)
{
    if (message >= plain->seen_cap) {
        size_t cap = 2 * (size_t)message + 64;
        plain->seen = realloc(plain->seen, cap * sizeof(bool));
        if (!plain->seen)
            abort();
        memset(plain->seen + plain->seen_cap, 0, cap - plain->seen_cap);
        plain->seen_cap = cap;
    }
    bool is_new = !plain->seen[message];
    plain->seen[message] = true;
    return is_new;
}

static void wait_for(struct sl_plain *plain, const struct sl_plain_waiting *waiting)
{
    if (plain->waiting_count == SL_PLAIN_WAITING_MAX)
        plain->dropped++;
    else
        plain->waiting[plain->waiting_count++] = *waiting;
}

static void cancel(struct sl_plain *plain, uint32_t message)
{
    for (size_t i = 0; i < plain->waiting_count; i++) {
        if (plain->waiting[i].message != message)
            continue;
        plain->waiting[i] = plain->waiting[--plain->waiting_count];
        return;
    }
}

void sl_plain_publish(struct sl_plain *plain, uint32_t message, uint16_t len, sl_time now)
{
    note_seen(plain, message);
    wait_for(plain, &(struct sl_plain_waiting){
                        .at = now, .message = message, .len = len, .lives = LIVES, .from = -1});
}

bool sl_plain_receive(struct sl_plain *plain, int from, const uint8_t *bytes, size_t len,
                      sl_time now, uint32_t *ret_message)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    uint32_t message = sl_read_u32(&r);
    uint8_t lives = sl_read_u8(&r);
    if (sl_read_failed(&r))
        return false;
    plain->received++;
    if (!note_seen(plain, message)) {
        plain->duplicates++;
        if (plain->phone)
            cancel(plain, message);
        return false;
    }
    sl_time wait = plain->phone
                       ? sl_prng_time(&plain->prng, 10 * SL_MILLISECOND, 220 * SL_MILLISECOND)
                       : sl_prng_time(&plain->prng, 0, 10 * SL_MILLISECOND);
    if (!plain->phone || lives > 1)
        wait_for(plain, &(struct sl_plain_waiting){.at = now + wait,
                                                   .message = message,
                                                   .len = (uint16_t)len,
                                                   .lives = (uint8_t)(lives - plain->phone),
                                                   .from = from});
    *ret_message = message;
    return true;
}

sl_time sl_plain_deadline(const struct sl_plain *plain)
{
    sl_time at = SL_NEVER;
    for (size_t i = 0; i < plain->waiting_count; i++)
        at = sl_min_time(at, plain->waiting[i].at);
    return at;
}

static void put_on_air(struct sl_plain *plain, struct sl_air *air,
                       const struct sl_plain_waiting *waiting, int to, sl_time now)
{
    uint8_t bytes[SL_DATAGRAM_MAX] = {0};
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_u32(&w, waiting->message);
    sl_write_u8(&w, waiting->lives);
    struct sl_air_frame frame = {
        .from = plain->number, .to = to, .len = waiting->len, .bytes = bytes};
    if (sl_air_send(air, &frame, now))
        plain->sent++;
    else
        plain->dropped++;
}

static size_t fan_out(size_t neighbour_count)
{
    size_t log = 0;
    while (((size_t)1 << log) < neighbour_count)
        log++;
    return log + 1;
}

static void send_to_some(struct sl_plain *plain, struct sl_air *air,
                         const struct sl_plain_waiting *waiting, sl_time now)
{
    const int *neighbours;
    size_t count = sl_reach_neighbours(plain->reach, plain->number, &neighbours);
    size_t wanted = waiting->from < 0 ? count : fan_out(count);
    for (size_t i = 0; i < count && wanted > 0; i++) {
        if (neighbours[i] == waiting->from)
            continue;
        if (sl_prng_below(&plain->prng, count - i) >= wanted) /* Knuth's selection sampling */
            continue;
        put_on_air(plain, air, waiting, neighbours[i], now);
        wanted--;
    }
}

void sl_plain_tick(struct sl_plain *plain, struct sl_air *air, sl_time now)
{
    for (size_t i = 0; i < plain->waiting_count;) {
        struct sl_plain_waiting waiting = plain->waiting[i];
        if (waiting.at > now) {
            i++;
            continue;
        }
        plain->waiting[i] = plain->waiting[--plain->waiting_count];
        if (plain->phone)
            send_to_some(plain, air, &waiting, now);
        else
            put_on_air(plain, air, &waiting, SL_AIR_EVERYONE, now);
    }
}
