/* Fields of boards that follow the plan, in virtual time. Adverts are heard with loss, attempts and
 * sessions take their time, and every board acts on what it heard alone. */
#include "bearers/bluetooth_plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    BOARDS_MAX = 300,
    CHANNELS_MAX = BOARDS_MAX * 8,
    ADVERT_LOSS_PERCENT = 40,
};

#define STEP         (100 * SL_MILLISECOND)
#define ADVERT_EVERY SL_SECOND
#define CONNECT_TIME (600 * SL_MILLISECOND)
#define SESSION_TIME (800 * SL_MILLISECOND)
#define ADDRESS(board)                                                                             \
    ((struct sl_address){.len = 2, .bytes = {(uint8_t)((board) >> 8), (uint8_t)(board)}})

struct board {
    double x, y;
    bool on;
    struct sl_plan plan;
    struct sl_advert advert;
    bool advertises;
    int attempt_to; /* board, or -1 */
    sl_time attempt_until;
    unsigned moves; /* links made and given up */
};

/* Ends are 2 × channel + side, so that each end has a number of its own. */
struct channel {
    bool used, proved;
    int board[2];
    sl_time opened;
};

struct field {
    size_t count;
    double range;
    bool star; /* all hear board 0, and nobody else */
    sl_time now;
    struct sl_prng prng;
    struct board *boards;
    struct channel *channels;
    size_t links_most;
};

static bool near(const struct field *field, size_t a, size_t b)
{
    double x = field->boards[a].x - field->boards[b].x, y = field->boards[a].y - field->boards[b].y;
    if (field->star && a != 0 && b != 0)
        return false;
    return field->boards[a].on && field->boards[b].on && a != b &&
           x * x + y * y <= field->range * field->range;
}

/* ---- Parts of a graph ---- */

static size_t root_of(size_t *parent, size_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static size_t parts_in_range(const struct field *field)
{
    size_t parent[BOARDS_MAX], parts = 0;
    for (size_t i = 0; i < field->count; i++)
        parent[i] = i;
    for (size_t a = 0; a < field->count; a++)
        for (size_t b = 0; b < a; b++)
            if (near(field, a, b))
                parent[root_of(parent, a)] = root_of(parent, b);
    for (size_t i = 0; i < field->count; i++)
        parts += field->boards[i].on && root_of(parent, i) == i;
    return parts;
}

static size_t parts_linked(const struct field *field)
{
    size_t parent[BOARDS_MAX], parts = 0;
    for (size_t i = 0; i < field->count; i++)
        parent[i] = i;
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        if (field->channels[i].used && field->channels[i].proved)
            parent[root_of(parent, (size_t)field->channels[i].board[0])] =
                root_of(parent, (size_t)field->channels[i].board[1]);
    for (size_t i = 0; i < field->count; i++)
        parts += field->boards[i].on && root_of(parent, i) == i;
    return parts;
}

/* ---- The field ---- */

static void scatter(struct field *field, size_t count, double neighbours, uint64_t seed)
{
    *field = (struct field){.count = count};
    sl_prng_init(&field->prng, seed);
    field->boards = calloc(count, sizeof(*field->boards));
    field->channels = calloc(CHANNELS_MAX, sizeof(*field->channels));
    assert_non_null(field->boards);
    assert_non_null(field->channels);
    /* In a unit square, so that a board has that many within range on average. */
    field->range = 1;
    while (field->range * field->range * 3.14159 * (double)count > neighbours)
        field->range *= 0.99;
    for (size_t i = 0; i < count; i++) {
        struct board *board = &field->boards[i];
        board->x = (double)sl_prng_below(&field->prng, 1000000) / 1e6;
        board->y = (double)sl_prng_below(&field->prng, 1000000) / 1e6;
        board->on = true;
        board->attempt_to = -1;
        sl_plan_init(&board->plan, 1 + sl_prng_below(&field->prng, SL_PLAN_ID_MASK), 0xc1,
                     sl_prng_next(&field->prng), 0);
    }
}

static void clear(struct field *field)
{
    free(field->boards);
    free(field->channels);
}

static int channel_index(const struct field *field)
{
    for (int i = 0; i < CHANNELS_MAX; i++)
        if (!field->channels[i].used)
            return i;
    fail_msg("more channels than there can be");
    return -1;
}

static void cut(struct field *field, uint32_t index)
{
    struct channel *channel = &field->channels[index];
    channel->used = false;
    for (uint32_t side = 0; side < 2; side++)
        sl_plan_closed(&field->boards[channel->board[side]].plan, index * 2 + side, field->now);
}

static void connect(struct field *field, size_t from, size_t to)
{
    struct board *board = &field->boards[from];
    int index = channel_index(field);
    uint32_t number = (uint32_t)index * 2, drop;
    struct sl_address address = ADDRESS(from);
    if (!near(field, from, to) ||
        sl_plan_incoming(&field->boards[to].plan, &address, number + 1, &drop, field->now) < 0) {
        sl_plan_failed(&board->plan, field->now);
        return;
    }
    if (drop != SL_PLAN_NONE)
        cut(field, drop / 2);
    field->channels[index] =
        (struct channel){.used = true, .board = {(int)from, (int)to}, .opened = field->now};
    sl_plan_connected(&board->plan, number, field->now);
    board->moves++;
}

static void obey(struct field *field, size_t i, const struct sl_plan_action *action)
{
    struct board *board = &field->boards[i];
    const struct channel *channel = &field->channels[action->number / 2];
    switch (action->verb) {
    case SL_PLAN_ADVERTISE:
        board->advert = action->advert;
        board->advertises = true;
        break;
    case SL_PLAN_CONNECT:
        board->attempt_to = action->address.bytes[0] << 8 | action->address.bytes[1];
        board->attempt_until = field->now + CONNECT_TIME;
        break;
    case SL_PLAN_DROP:
        board->moves++;
        cut(field, action->number / 2);
        break;
    case SL_PLAN_ANNOUNCE:
        sl_plan_announced(&field->boards[channel->board[1 - action->number % 2]].plan,
                          action->number ^ 1, &action->advert, field->now);
        break;
    }
}

static void act(struct field *field, size_t i)
{
    struct board *board = &field->boards[i];
    struct sl_plan_action action;
    if (board->attempt_to >= 0 && field->now >= board->attempt_until) {
        size_t to = (size_t)board->attempt_to;
        board->attempt_to = -1;
        connect(field, i, to);
    }
    for (unsigned n = 0; sl_plan_next(&board->plan, &action, field->now); n++) {
        assert_true(n < 100); /* an action is not given for ever */
        obey(field, i, &action);
    }
    size_t links = sl_plan_link_count(&board->plan);
    if (links > field->links_most)
        field->links_most = links;
}

static void advertise(struct field *field, size_t i)
{
    const struct board *board = &field->boards[i];
    struct sl_address address = ADDRESS(i);
    if (!board->advertises)
        return;
    for (size_t to = 0; to < field->count; to++)
        if (near(field, i, to) && sl_prng_below(&field->prng, 100) >= ADVERT_LOSS_PERCENT)
            sl_plan_seen(&field->boards[to].plan, &board->advert, &address, -60, field->now);
}

static void prove(struct field *field)
{
    for (uint32_t i = 0; i < CHANNELS_MAX; i++) {
        struct channel *channel = &field->channels[i];
        if (!channel->used || channel->proved || field->now - channel->opened < SESSION_TIME)
            continue;
        channel->proved = true;
        for (uint32_t side = 0; side < 2; side++)
            sl_plan_proved(&field->boards[channel->board[side]].plan, i * 2 + side, field->now);
    }
}

static void step(struct field *field)
{
    sl_time phase = field->now / STEP;
    for (size_t i = 0; i < field->count; i++)
        if (field->boards[i].on && (phase + (sl_time)i) % (ADVERT_EVERY / STEP) == 0)
            advertise(field, i);
    prove(field);
    for (size_t i = 0; i < field->count; i++)
        if (field->boards[i].on)
            act(field, i);
    field->now += STEP;
}

static void run(struct field *field, sl_time duration)
{
    sl_time until = field->now + duration;
    while (field->now < until)
        step(field);
}

/* When it is in as many parts as the radio allows; the time, or SL_NEVER. */
static sl_time run_until_joined(struct field *field, sl_time duration)
{
    sl_time until = field->now + duration;
    size_t parts = parts_in_range(field);
    while (field->now < until) {
        run(field, SL_SECOND);
        if (parts_linked(field) == parts)
            return field->now;
    }
    return SL_NEVER;
}

static void switch_off(struct field *field, size_t i)
{
    for (uint32_t n = 0; n < CHANNELS_MAX; n++) {
        const struct channel *channel = &field->channels[n];
        if (channel->used && (channel->board[0] == (int)i || channel->board[1] == (int)i))
            cut(field, n);
    }
    field->boards[i].on = false;
}

static unsigned moves_of(const struct field *field)
{
    unsigned moves = 0;
    for (size_t i = 0; i < field->count; i++)
        moves += field->boards[i].moves;
    return moves;
}

/* ---- Tests ---- */

static void joins(size_t count, double neighbours, uint64_t seed)
{
    struct field field;
    scatter(&field, count, neighbours, seed);
    sl_time joined = run_until_joined(&field, 5 * SL_MINUTE);
    unsigned moves = moves_of(&field);
    run(&field, SL_MINUTE);
    unsigned later = moves_of(&field);
    run(&field, SL_MINUTE);
    printf("%zu boards, %.0f in range: %zu parts of %zu after %.0f s, %.1f moves each, %.1f in the "
           "next minute, %.2f in the one after, most links %zu\n",
           count, neighbours, parts_linked(&field), parts_in_range(&field),
           joined == SL_NEVER ? -1.0 : (double)joined / 1e6, (double)moves / (double)count,
           (double)(later - moves) / (double)count,
           (double)(moves_of(&field) - later) / (double)count, field.links_most);
    assert_true(joined != SL_NEVER);
    assert_int_equal(parts_linked(&field), parts_in_range(&field));
    assert_true(field.links_most <= SL_BLUETOOTH_LINKS_MAX);
    assert_true(moves <= 8 * count);
    clear(&field);
}

static void fields_of_any_size_join(void **state)
{
    (void)state;
    const size_t counts[] = {2, 5, 20, 50, 100, 300};
    const double neighbours[] = {6, 12, 40};
    for (size_t c = 0; c < SL_ARRAY_LEN(counts); c++)
        for (size_t n = 0; n < SL_ARRAY_LEN(neighbours); n++)
            joins(counts[c], neighbours[n], 1000 * c + n);
}

/* A third of them goes, so that links and labels end everywhere at once. */
static void what_is_left_joins_again(void **state)
{
    struct field field;
    (void)state;
    scatter(&field, 120, 14, 7);
    assert_true(run_until_joined(&field, 2 * SL_MINUTE) != SL_NEVER);
    for (size_t i = 0; i < field.count; i += 3)
        switch_off(&field, i);
    assert_true(run_until_joined(&field, 3 * SL_MINUTE) != SL_NEVER);
    run(&field, SL_MINUTE);
    assert_int_equal(parts_linked(&field), parts_in_range(&field));
    clear(&field);
}

static size_t board_with_least_id(const struct field *field)
{
    size_t least = 0;
    for (size_t i = 1; i < field->count; i++)
        if (field->boards[i].plan.id < field->boards[least].plan.id)
            least = i;
    return least;
}

static void label_ends_with_its_root(void **state)
{
    struct field field;
    (void)state;
    scatter(&field, 40, 12, 11);
    size_t root = board_with_least_id(&field);
    uint64_t old = field.boards[root].plan.id;
    run(&field, SL_MINUTE);
    size_t followers = 0;
    for (size_t i = 0; i < field.count; i++)
        followers += field.boards[i].plan.root == old;
    assert_true(followers > field.count / 2);
    switch_off(&field, root);
    run(&field, 2 * SL_MINUTE);
    for (size_t i = 0; i < field.count; i++)
        assert_true(!field.boards[i].on || field.boards[i].plan.root != old);
    assert_int_equal(parts_linked(&field), parts_in_range(&field));
    clear(&field);
}

/* Two crowds, each full of itself, and a single pair that hears one another. */
static void crowds_join_by_a_single_pair(void **state)
{
    struct field field;
    (void)state;
    scatter(&field, 60, 1, 23);
    field.range = 1;
    for (size_t i = 0; i < field.count; i++) {
        field.boards[i].x = i < 30 ? 0.3 : 2.2;
        field.boards[i].y = 0;
    }
    field.boards[0].on = field.boards[30].on = false;
    run(&field, 2 * SL_MINUTE);
    assert_int_equal(parts_linked(&field), 2);
    field.boards[0].x = 0.8;
    field.boards[30].x = 1.7;
    field.boards[0].on = field.boards[30].on = true;
    assert_int_equal(parts_in_range(&field), 1);
    assert_true(run_until_joined(&field, SL_MINUTE) != SL_NEVER);
    clear(&field);
}

/* More boards than places, none of which hears any but the hub: each has its turn. */
static void hub_serves_all_in_turn(void **state)
{
    struct field field;
    bool served[13] = {false};
    (void)state;
    scatter(&field, 13, 13, 31);
    field.range = 2;
    field.star = true;
    for (unsigned minute = 0; minute < 20; minute++) {
        run(&field, SL_MINUTE);
        for (size_t i = 0; i < CHANNELS_MAX; i++) {
            const struct channel *channel = &field.channels[i];
            if (channel->used && channel->proved)
                served[channel->board[0]] = served[channel->board[1]] = true;
        }
    }
    for (size_t i = 0; i < field.count; i++)
        assert_true(served[i]);
    assert_true(field.links_most <= SL_BLUETOOTH_LINKS_MAX);
    clear(&field);
}

/* ---- One board ---- */

static const struct sl_advert other = {.id = 500, .root = 500, .places = 2, .psm = 0xc1};
static const struct sl_address there = {.len = 2, .bytes = {9, 9}};

static struct sl_plan board_of(uint64_t id)
{
    struct sl_plan plan;
    struct sl_plan_action action;
    sl_plan_init(&plan, id, 0xc1, 1, 0);
    assert_true(sl_plan_next(&plan, &action, 0));
    assert_int_equal(action.verb, SL_PLAN_ADVERTISE);
    assert_int_equal(action.advert.id, id);
    assert_false(sl_plan_next(&plan, &action, 0));
    return plan;
}

/* The next action of that verb until then, going from deadline to deadline; its time. */
static sl_time next_of(struct sl_plan *plan, enum sl_plan_verb verb, sl_time from, sl_time until,
                       struct sl_plan_action *ret_action)
{
    for (sl_time now = from; now <= until; now = sl_plan_deadline(plan, now + 1))
        while (sl_plan_next(plan, ret_action, now))
            if (ret_action->verb == verb)
                return now;
    return SL_NEVER;
}

/* A link to a board with that id, as proved as can be. */
static void link_up(struct sl_plan *plan, uint32_t number, uint64_t id, uint8_t flags, sl_time now)
{
    struct sl_address address = {.len = 2, .bytes = {1, (uint8_t)number}};
    struct sl_advert advert = {
        .id = id, .root = plan->root < id ? plan->root : id, .flags = flags, .psm = 0xc1};
    uint32_t drop;
    assert_int_equal(sl_plan_incoming(plan, &address, number, &drop, now), 0);
    assert_true(drop == SL_PLAN_NONE);
    sl_plan_announced(plan, number, &advert, now);
    sl_plan_proved(plan, number, now);
}

static void lower_id_connects_first(void **state)
{
    (void)state;
    struct sl_plan_action action;
    struct sl_plan low = board_of(100), high = board_of(900);
    sl_plan_seen(&low, &other, &there, -50, 0);
    sl_plan_seen(&high, &other, &there, -50, 0);
    assert_int_equal(next_of(&low, SL_PLAN_CONNECT, 0, SL_SECOND, &action), 0);
    assert_memory_equal(&action.address, &there, sizeof(there));
    assert_int_equal(action.advert.psm, 0xc1);
    sl_time at = next_of(&high, SL_PLAN_CONNECT, 0, 20 * SL_SECOND, &action);
    assert_true(at > 3 * SL_SECOND && at < 10 * SL_SECOND);
}

static void failures_wait_longer_and_longer(void **state)
{
    (void)state;
    struct sl_plan_action action;
    struct sl_plan plan = board_of(100);
    sl_time last = 0, gap = 0, now = 0;
    for (unsigned i = 0; i < 5; i++) {
        sl_plan_seen(&plan, &other, &there, -50, now);
        for (;; now += SL_SECOND) {
            sl_plan_seen(&plan, &other, &there, -50, now);
            if (next_of(&plan, SL_PLAN_CONNECT, now, now, &action) != SL_NEVER)
                break;
            assert_true(now < 5 * SL_MINUTE);
        }
        assert_true(i < 2 || now - last > gap);
        gap = now - last;
        last = now;
        sl_plan_failed(&plan, now);
    }
    assert_true(gap > 10 * SL_SECOND);
}

static void silent_link_is_dropped(void **state)
{
    (void)state;
    struct sl_plan_action action;
    struct sl_plan plan = board_of(100);
    uint32_t drop;
    assert_int_equal(sl_plan_incoming(&plan, &there, 1, &drop, 0), 0);
    sl_time at = next_of(&plan, SL_PLAN_DROP, 0, SL_MINUTE, &action);
    assert_int_equal(at, 5 * SL_SECOND);
    assert_int_equal(action.number, 1);
}

/* It knows how to announce (a replay would do), but is no member. */
static void link_without_a_session_is_dropped(void **state)
{
    (void)state;
    struct sl_plan_action action;
    struct sl_advert liar = {.id = 7, .root = 3, .psm = 0xc1};
    struct sl_plan plan = board_of(100);
    uint32_t drop;
    assert_int_equal(sl_plan_incoming(&plan, &there, 1, &drop, 0), 0);
    sl_plan_announced(&plan, 1, &liar, 0);
    assert_int_equal(plan.root, 100); /* its word does not count */
    sl_time at = next_of(&plan, SL_PLAN_DROP, 0, SL_MINUTE, &action);
    assert_int_equal(at, 20 * SL_SECOND);
}

static void strangers_take_few_places_and_displace_nobody(void **state)
{
    (void)state;
    struct sl_plan plan = board_of(100);
    uint32_t drop;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(sl_plan_incoming(&plan, &there, i, &drop, 0), 0);
    assert_int_equal(sl_plan_incoming(&plan, &there, 3, &drop, 0), -EBUSY);
    for (uint32_t i = 0; i < 3; i++)
        sl_plan_closed(&plan, i, 0);
    for (uint32_t i = 0; i < SL_BLUETOOTH_LINKS_MAX; i++)
        link_up(&plan, 10 + i, 200 + i, 0, 0);
    assert_int_equal(sl_plan_incoming(&plan, &there, 3, &drop, 0), -EBUSY);
}

/* Full of links that nobody needs: one makes room for another label, and for that only. */
static void spare_link_makes_room_for_another_part(void **state)
{
    (void)state;
    struct sl_advert own_part = other;
    struct sl_plan plan = board_of(100);
    uint32_t drop;
    for (uint32_t i = 0; i < SL_BLUETOOTH_LINKS_MAX; i++)
        link_up(&plan, 10 + i, 200 + i, i == 3 ? 0 : SL_ADVERT_PARENT, 0);
    own_part.root = 100;
    sl_plan_seen(&plan, &own_part, &there, -50, 0);
    assert_int_equal(sl_plan_incoming(&plan, &there, 3, &drop, 0), -EBUSY);
    sl_plan_seen(&plan, &other, &there, -50, 0);
    assert_int_equal(sl_plan_incoming(&plan, &there, 3, &drop, 0), 0);
    assert_int_equal(drop, 13);
    sl_plan_closed(&plan, drop, 0);
    assert_int_equal(sl_plan_link_count(&plan), SL_BLUETOOTH_LINKS_MAX);
}

/* Both connected at once: both ends keep the one that the lower id made. */
static void twin_links_become_one(void **state)
{
    (void)state;
    for (int low = 0; low < 2; low++) {
        struct sl_plan_action action;
        struct sl_plan plan = board_of(low ? 100 : 900);
        uint32_t drop;
        sl_plan_seen(&plan, &other, &there, -50, 0);
        assert_true(next_of(&plan, SL_PLAN_CONNECT, 0, SL_MINUTE, &action) != SL_NEVER);
        assert_int_equal(sl_plan_incoming(&plan, &there, 2, &drop, 0), 0);
        sl_plan_connected(&plan, 1, 0);
        sl_plan_announced(&plan, 1, &other, 0);
        sl_plan_announced(&plan, 2, &other, 0);
        assert_true(next_of(&plan, SL_PLAN_DROP, 0, SL_SECOND, &action) != SL_NEVER);
        assert_int_equal(action.number, low ? 2 : 1);
    }
}

/* Replays of one advertisement from many addresses fill neither the table nor the air. */
static void replays_keep_to_few_places(void **state)
{
    (void)state;
    struct sl_plan plan = board_of(100);
    for (unsigned i = 0; i < 1000; i++) {
        struct sl_address address = {.len = 3, .bytes = {7, (uint8_t)(i >> 8), (uint8_t)i}};
        sl_plan_seen(&plan, &other, &address, -20, (sl_time)i * SL_MILLISECOND);
    }
    size_t count = 0;
    for (size_t i = 0; i < SL_BLUETOOTH_SEEN_MAX; i++)
        count += plan.seen[i].address.len > 0;
    assert_int_equal(count, 3);
}

static void new_day_new_id(void **state)
{
    (void)state;
    struct sl_plan_action action;
    struct sl_plan plan = board_of(100);
    link_up(&plan, 1, 200, SL_ADVERT_PARENT, 0);
    sl_plan_rename(&plan, 300, SL_SECOND);
    assert_true(next_of(&plan, SL_PLAN_ADVERTISE, SL_SECOND, SL_MINUTE, &action) != SL_NEVER);
    assert_int_equal(action.advert.id, 300);
    assert_true(action.advert.root != 100);
    assert_int_equal(sl_plan_link_count(&plan), 1);
}

/* Two adapters of a board are one part, and do not connect to one another. */
static void adapters_of_a_board_are_wired(void **state)
{
    (void)state;
    struct sl_plan_action action;
    struct sl_advert sibling = {.id = 50, .root = 40, .round = 9, .hops = 2, .psm = 0xc1};
    struct sl_plan plan = board_of(100);
    assert_int_equal(sl_plan_wire(&plan, 1, 0), 0);
    sl_plan_announced(&plan, 1, &sibling, 0);
    assert_int_equal(plan.root, 40);
    assert_int_equal(sl_plan_link_count(&plan), 0);
    sl_plan_seen(&plan, &sibling, &there, -10, 0);
    assert_true(next_of(&plan, SL_PLAN_CONNECT, 0, 20 * SL_SECOND, &action) == SL_NEVER);
}

/* The adapter went and came back: all is said and advertised anew. */
static void reset_begins_anew(void **state)
{
    (void)state;
    struct sl_plan_action action;
    struct sl_plan plan = board_of(100);
    link_up(&plan, 1, 50, 0, 0);
    assert_int_equal(plan.root, 50);
    sl_plan_reset(&plan, SL_SECOND);
    assert_int_equal(sl_plan_link_count(&plan), 0);
    assert_int_equal(plan.root, 100);
    assert_int_equal(next_of(&plan, SL_PLAN_ADVERTISE, 2 * SL_SECOND, SL_MINUTE, &action),
                     2 * SL_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_any_size_join),
        cmocka_unit_test(what_is_left_joins_again),
        cmocka_unit_test(label_ends_with_its_root),
        cmocka_unit_test(crowds_join_by_a_single_pair),
        cmocka_unit_test(hub_serves_all_in_turn),
        cmocka_unit_test(lower_id_connects_first),
        cmocka_unit_test(failures_wait_longer_and_longer),
        cmocka_unit_test(silent_link_is_dropped),
        cmocka_unit_test(link_without_a_session_is_dropped),
        cmocka_unit_test(strangers_take_few_places_and_displace_nobody),
        cmocka_unit_test(spare_link_makes_room_for_another_part),
        cmocka_unit_test(twin_links_become_one),
        cmocka_unit_test(replays_keep_to_few_places),
        cmocka_unit_test(new_day_new_id),
        cmocka_unit_test(adapters_of_a_board_are_wired),
        cmocka_unit_test(reset_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
