#include "mesh/sync.h"

#include "mesh/exchange.h"
#include "mesh/gap.h"
#include "mesh/give.h"
#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SYMBOLS_MIN = 24,
    PARTITION_DIFFERENCES = 1000, /* expected in each, when the ids are cut up */
    DOUBTFUL_DIFFERENCES = 100, /* the same with whom the last repair was in vain: little is lost */
    /* Symbols on credit, before a repair must bring something: as many as cutting the ids up until
     * they decode may take; with who is doubtful fewer. */
    SPENT_MAX = 3 * SL_SKETCH_SYMBOLS,
    DOUBTFUL_SPENT_MIN = 512, /* doubling with what it had to wait */
    SKETCH_TRIES = 4,
    EXPLAINED_MAX = 4,    /* hellos in a row that differ by what was announced along with them */
    UNANSWERED_MAX = 2,   /* repairs in a row, before the next has to wait */
    SYMBOLS_FOR_ONE = 32, /* are worth sending for an envelope: about as long */
};

#define UNDER_WAY   (500 * SL_MILLISECOND) /* what is new spreads in this time */
#define SKETCH_WAIT (250 * SL_MILLISECOND) /* for its ECHO, doubling */
#define SETTLED     (300 * SL_MILLISECOND) /* nothing came after an answer: it gave what it had */
#define TAKING_TIME (3 * SL_SECOND)        /* without progress: another neighbour's turn */
#define BACKOFF_MIN                                                                                \
    (250 * SL_MILLISECOND) /* what was given may have been lost: soon again at first */
#define BACKOFF_MAX (60 * SL_SECOND)

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);

void sl_sync_init(struct sl_node *node, struct sl_link *link, sl_time now)
{
    (void)node;
    link->sync.new_at = now;
    link->sync.suspect_at = SL_NEVER;
    sl_alarm_init(&link->sync.alarm, fire);
}

void sl_sync_done(struct sl_node *node, struct sl_link *link)
{
    struct sl_sync *sync = &link->sync;
    sl_decoder_free(node, &sync->decoder);
    sl_decoder_free(node, &sync->sketch);
    sl_ids_done(&sync->give);
    sl_ids_done(&sync->want);
    sl_heap_cancel(&node->alarms, &sync->alarm.timer);
}

/* ---- Hellos ---- */

uint8_t *sl_sync_element(struct sl_node *node, struct sl_link *link, enum sl_element_type type,
                         size_t len)
{
    struct sl_route route = {
        .bearer = link->neighbour->bearer, .link = link, .class = SL_OUTPUT_URGENT};
    node->status.repair_bytes_out += len + 3;
    return sl_output_element(node, &route, type, len);
}

static struct sl_hello own_hello(const struct sl_node *node, sl_time now)
{
    struct sl_hello hello = {
        .stored_count = (uint32_t)sl_index_shared_count(node->index),
        .clock_source = (uint8_t)node->clock.source,
        .unix_us = sl_clock_unix(&node->clock, now),
    };
    sl_index_digest(node->index, hello.digest);
    return hello;
}

static void send_hello(struct sl_node *node, const struct sl_route *route, sl_time now)
{
    uint8_t element[3 + SL_HELLO_LEN];
    struct sl_hello hello = own_hello(node, now);
    struct sl_writer w;
    sl_writer_init(&w, element, sizeof(element));
    sl_hello_write(&w, &hello);
    uint8_t *value = sl_output_element(node, route, SL_ELEMENT_HELLO, SL_HELLO_LEN);
    if (value)
        memcpy(value, element + 3, SL_HELLO_LEN);
    node->status.repair_bytes_out += sizeof(element);
}

static void send_hello_to(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_route route = {
        .bearer = link->neighbour->bearer, .link = link, .class = SL_OUTPUT_URGENT};
    sl_tree_flush(node, link); /* what it announces is no difference to repair */
    send_hello(node, &route, now);
}

void sl_sync_close(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_route route = {
        .bearer = link->neighbour->bearer, .link = link, .class = SL_OUTPUT_BULK};
    struct sl_writer w;
    if (link->sync.closing) {
        uint8_t *value = sl_output_element(node, &route, SL_ELEMENT_ECHO, 2);
        node->status.repair_bytes_out += SL_EXCHANGE_MARK_LEN;
        if (value) {
            sl_writer_init(&w, value, 2);
            sl_write_u16(&w, link->sync.their_mark);
        }
    }
    link->sync.closing = false;
    send_hello(node, &route, now);
}

static void send_hellos(struct sl_node *node, int bearer, sl_time now)
{
    uint64_t links = node->bearers[bearer].links;
    uint64_t hearers = 0;
    bool crl_is_due = node->bearers[bearer].hello_count++ % SL_CRL_HELLOS == 0;
    for (uint64_t slots = links; slots != 0; slots &= slots - 1) {
        int slot = __builtin_ctzll(slots);
        if (sl_link_hears_broadcast(node, node->slots[slot]))
            hearers |= UINT64_C(1) << slot;
    }
    if (sl_count_bits(hearers) >= 2) {
        struct sl_route everyone = {.bearer = bearer, .class = SL_OUTPUT_URGENT};
        send_hello(node, &everyone, now);
        sl_cover_tell(node, &everyone);
        if (crl_is_due)
            sl_revocation_tell(node, &everyone);
        links &= ~hearers;
    }
    for (; links != 0; links &= links - 1) {
        struct sl_link *link = node->slots[__builtin_ctzll(links)];
        struct sl_route route = {.bearer = bearer, .link = link, .class = SL_OUTPUT_URGENT};
        send_hello(node, &route, now);
        sl_cover_tell(node, &route);
        if (crl_is_due)
            sl_revocation_tell(node, &route);
    }
}

void sl_sync_hello_fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    const struct sl_node_bearer *bearer = SL_ALARM_OWNER(alarm, struct sl_node_bearer, hello);
    sl_time crowd = (sl_time)(sl_count_bits(bearer->links) / 8);
    if (bearer->links == 0)
        return; /* the first link sets it again */
    send_hellos(node, (int)(bearer - node->bearers), now);
    sl_time interval = SL_HELLO_INTERVAL * (crowd > 1 ? crowd : 1);
    sl_node_alarm(node, alarm, now + sl_node_jitter(node, interval));
}

void sl_sync_start(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_alarm *hello = &node->bearers[link->neighbour->bearer].hello;
    link->sync.heard = false;
    send_hello_to(node, link, now);
    if (!sl_timer_is_set(&hello->timer))
        sl_node_alarm(node, hello, now + sl_node_jitter(node, SL_HELLO_INTERVAL));
}

/* ---- What we lack: our sketch goes out ---- */

static size_t difference(const struct sl_node *node, const struct sl_sync *sync)
{
    size_t ours = sl_index_shared_count(node->index), theirs = sync->hello.stored_count;
    return ours > theirs ? ours - theirs : theirs - ours;
}

static size_t symbols_for(size_t differences)
{
    return sl_min_size(SYMBOLS_MIN + differences + differences / 2, SL_SKETCH_SYMBOLS);
}

/* The last repair with that neighbour was in vain: perhaps it says what is not so. */
static bool is_doubtful(const struct sl_sync *sync)
{
    return sync->backoff_us > 0;
}

/* So that one sketch suffices; with who is doubtful a short one. */
static uint8_t bits_for(const struct sl_sync *sync, size_t differences)
{
    uint8_t bits = 0;
    size_t most = is_doubtful(sync) ? DOUBTFUL_DIFFERENCES : PARTITION_DIFFERENCES;
    if (!is_doubtful(sync) && SYMBOLS_MIN + differences + differences / 2 <= SL_SKETCH_SYMBOLS)
        return 0;
    while (bits < SL_EXCHANGE_BITS_MAX && differences >> bits > most)
        bits++;
    return bits;
}

/* Symbols to begin with. */
static size_t first_count(const struct sl_sync *sync, size_t differences)
{
    size_t count = symbols_for(differences);
    return is_doubtful(sync) ? sl_min_size(count, symbols_for(DOUBTFUL_DIFFERENCES)) : count;
}

static uint32_t spent_max(const struct sl_sync *sync)
{
    if (!is_doubtful(sync))
        return SPENT_MAX;
    sl_time waits = sync->backoff_us / BACKOFF_MIN; /* 1, 2, 4, ... */
    return waits < SPENT_MAX / DOUBTFUL_SPENT_MIN ? DOUBTFUL_SPENT_MIN * (uint32_t)waits
                                                  : SPENT_MAX;
}

/* Whether it has brought what its symbols were worth so far. */
static bool is_worth_it(const struct sl_sync *sync)
{
    return sync->gain >= 1 + sync->spent / SYMBOLS_FOR_ONE;
}

/* Our symbols as they are now, kept so that those asked for later belong to the same store. */
static bool take_snapshot(struct sl_node *node, struct sl_sync *sync,
                          const struct sl_sketch_part *part)
{
    if (!sync->sketch)
        sync->sketch = sl_decoder_new(node);
    if (!sync->sketch)
        return false;
    sl_decoder_begin(sync->sketch, part);
    sl_index_symbols(node->index, part->bits, part->partition, 0, SL_SKETCH_SYMBOLS,
                     sync->sketch->symbols);
    return true;
}

static void send_symbols(struct sl_node *node, struct sl_link *link,
                         const struct sl_sketch_part *from, size_t count)
{
    struct sl_decoder *sketch = link->sync.sketch;
    struct sl_sketch_part part = *from;
    size_t end = sl_min_size(from->first + count, SL_SKETCH_SYMBOLS);
    if (end < sketch->count)
        end = sketch->count; /* what was sent before got lost, at least in part */
    sketch->count = end;
    link->sync.spent += (uint32_t)(end - part.first);
    while (part.first < end) {
        size_t n = sl_min_size(end - part.first, SL_EXCHANGE_SYMBOLS_PER_ELEMENT);
        size_t len = SL_SKETCH_PART_LEN + n * SL_SYMBOL_WIRE_LEN;
        uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_SKETCH, len);
        struct sl_writer w;
        if (!value)
            return; /* asked for again */
        sl_writer_init(&w, value, len);
        sl_sketch_part_write(&w, &part);
        for (size_t i = 0; i < n; i++)
            sl_sketch_write(&w, &sketch->symbols[part.first + i]);
        part.first = (uint16_t)(part.first + n);
    }
}

static void keep_taking(struct sl_node *node, struct sl_link *link, sl_time now)
{
    node->taking = link;
    link->sync.taking_until = now + TAKING_TIME;
}

/* The sketch behind a MARK, so that a lost one is told from one that led to nothing. */
static void send_sketch(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    struct sl_writer w;
    if (sync->sketch_tries > 0)
        take_snapshot(node, sync, &sync->sketch->part); /* what came since is not to come again */
    sync->sketch_by = now + (SKETCH_WAIT << sync->sketch_tries);
    sync->sketch_tries++;
    uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_MARK, 2);
    if (!value)
        return; /* again when it is due */
    sl_writer_init(&w, value, 2);
    sync->sketch_mark = ++sync->mark;
    sync->marked_at = now;
    sl_write_u16(&w, sync->sketch_mark);
    send_symbols(node, link, &sync->sketch->part, sync->sketch_count);
}

static bool is_unanswered(const struct sl_sync *sync)
{
    return sync->tried && !sync->answered && sync->sketch && sync->sketch_tries < SKETCH_TRIES;
}

bool sl_sync_echo(struct sl_node *node, struct sl_link *link, uint16_t mark, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    if (!sync->tried || mark != sync->sketch_mark)
        return false;
    if (sync->answered)
        sync->taking_until = now; /* the second one: there is no more to come */
    else
        sync->new_at = now;
    sync->answered = true;
    sl_sync_proceed(node, link, now);
    return true;
}

static void acquit(struct sl_sync *sync)
{
    sync->suspect_at = SL_NEVER;
    sync->convicted = false;
}

static void begin(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    size_t differences = difference(node, sync);
    struct sl_sketch_part part = {.bits = bits_for(sync, differences)};
    size_t count = first_count(sync, differences >> part.bits);
    if (!take_snapshot(node, sync, &part))
        return;
    acquit(sync);
    sync->tried = true;
    sync->answered = false;
    /* Whoever never answers is asked once at a time. */
    sync->sketch_tries = sync->unanswered >= UNANSWERED_MAX ? SKETCH_TRIES - 1 : 0;
    sync->sketch_count = count;
    sync->gain = 0;
    sync->spent = 0;
    sync->begun_at = now;
    sync->allowance = (uint32_t)count;
    keep_taking(node, link, now);
    send_sketch(node, link, now);
    sl_sync_proceed(node, link, now);
}

/* The side that holds less says what it has. */
static bool is_ours_to_begin(const struct sl_node *node, const struct sl_link *link)
{
    size_t ours = sl_index_shared_count(node->index), theirs = link->sync.hello.stored_count;
    return ours != theirs ? ours < theirs : sl_neighbour_is_client(link->neighbour);
}

/* Our sketch is out, and what it leads to may still be under way. */
static bool is_taking(const struct sl_sync *sync, sl_time now)
{
    bool settled = sync->answered && now - sync->new_at >= SETTLED;
    return now < sync->taking_until && !settled;
}

static bool is_busy(const struct sl_node *node, const struct sl_link *link, sl_time now)
{
    const struct sl_sync *sync = &link->sync;
    return (node->taking && node->taking != link) || is_taking(sync, now) || sync->decoder ||
           sync->give.count > 0 || sync->batch_count > 0;
}

/* Whether the last one came to nothing: it arrived and brought neither side anything, or it was the
 * second in a row that nobody answered. */
static bool was_fruitless(struct sl_sync *sync)
{
    if (sync->gain > 0 || sync->answered)
        sync->unanswered = 0;
    else
        sync->unanswered++;
    /* A neighbour that differs for ever, or says so, must not make us send sketches for ever. */
    return !is_worth_it(sync) && (sync->answered || sync->unanswered >= UNANSWERED_MAX);
}

static bool is_held_back(struct sl_sync *sync, sl_time now)
{
    if (sync->tried && was_fruitless(sync))
        sync->backoff_us =
            sync->backoff_us > 0 ? sl_min_time(2 * sync->backoff_us, BACKOFF_MAX) : BACKOFF_MIN;
    else if (sync->tried)
        sync->backoff_us = 0;
    sync->tried = false;
    return sync->backoff_us > 0 && now - sync->begun_at < sync->backoff_us;
}

static bool is_equal(const struct sl_sync *sync, const struct sl_hello *ours)
{
    return sync->hello.stored_count == ours->stored_count &&
           memcmp(sync->hello.digest, ours->digest, sizeof(ours->digest)) == 0;
}

/* ---- When to begin ---- */

static bool holds_all(const struct sl_node *node, const struct sl_hello *theirs)
{
    return sl_index_holds_all(node->index, theirs->stored_count, theirs->digest);
}

/* What differs now may be under way. */
static void suspect(struct sl_sync *sync, sl_time wait, sl_time now)
{
    if (sync->suspect_at != SL_NEVER)
        return;
    sync->suspect = sync->hello;
    sync->suspect_at = now + wait;
}

static bool may_begin(struct sl_node *node, struct sl_link *link, sl_time now)
{
    return !is_busy(node, link, now) && !is_held_back(&link->sync, now);
}

static void judge_suspect(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    bool announced = !node->bearers[link->neighbour->bearer].info.broadcast &&
                     sl_tree_expects(node, link) && sync->differ_count <= EXPLAINED_MAX;
    sync->suspect_at = SL_NEVER;
    if (announced || holds_all(node, &sync->suspect))
        return;
    sync->convicted = true;
    if (may_begin(node, link, now))
        begin(node, link, now);
}

/* Nobody gives us anything just now: whoever else has something may. */
static void stop_taking(struct sl_node *node, struct sl_link *link, sl_time now)
{
    link->sync.taking_until = now;
    sl_decoder_free(node, &link->sync.sketch);
    if (node->taking != link)
        return;
    node->taking = NULL;
    for (size_t slot = 0; slot < SL_NEIGHBOURS_MAX && !node->taking; slot++) {
        struct sl_link *other = node->slots[slot];
        if (other && other != link && other->up && other->sync.convicted &&
            !holds_all(node, &other->sync.suspect) && may_begin(node, other, now))
            begin(node, other, now);
    }
}

/* It holds nothing that is not here. */
static void take_nothing_new(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    sync->differ_count = 0;
    acquit(sync);
    sync->backoff_us = 0;
    sync->tried = false;
    stop_taking(node, link, now);
}

static void take_different(struct sl_node *node, struct sl_link *link, bool first, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    size_t ours = sl_index_shared_count(node->index);
    sync->differ_count++;
    if (ours > sync->hello.stored_count)
        return;
    sl_gap_learn(node, link, now);
    /* Of equally many the client begins, but for what it cannot see. */
    if (!first || sl_tree_expects(node, link))
        suspect(sync, is_ours_to_begin(node, link) ? UNDER_WAY : 2 * UNDER_WAY, now);
    else if (is_ours_to_begin(node, link) && may_begin(node, link, now))
        begin(node, link, now);
}

static void note_gap(struct sl_link *link, sl_time now)
{
    sl_time gap = now - link->sync.hello_at;
    if (link->sync.heard)
        link->hello_gap = (3 * link->hello_gap + gap) / 4;
    if (link->hello_gap < SL_HELLO_INTERVAL)
        link->hello_gap = SL_HELLO_INTERVAL;
}

void sl_sync_hello(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                   sl_time now)
{
    struct sl_sync *sync = &link->sync;
    struct sl_hello ours = own_hello(node, now);
    bool first = !sync->heard;
    if (sl_hello_read(element, &sync->hello) < 0) {
        node->status.rejected_malformed++;
        return;
    }
    note_gap(link, now);
    sync->heard = true;
    sync->hello_at = now;
    sl_clock_forget_witness(&node->clock, link->peer.origin);
    sl_clock_hear(&node->clock, (size_t)link->slot, (enum sl_clock_source)sync->hello.clock_source,
                  sync->hello.unix_us, now);
    sync->in_sync = is_equal(sync, &ours);
    if (sync->in_sync)
        sl_relay_note_all(node);
    if (sync->in_sync || holds_all(node, &sync->hello))
        take_nothing_new(node, link, now);
    else
        take_different(node, link, first, now);
    sl_sync_proceed(node, link, now);
}

void sl_sync_more(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                  sl_time now)
{
    struct sl_sync *sync = &link->sync;
    struct sl_sketch_part part;
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    sl_sketch_part_read(&r, &part);
    if (sl_read_done(&r) < 0 || part.bits > SL_EXCHANGE_BITS_MAX) {
        node->status.rejected_malformed++;
        return;
    }
    if (now >= sync->taking_until || !sync->sketch)
        return; /* nothing is going on that it could belong to */
    bool fresh = part.first == 0;
    if (sync->spent >= spent_max(sync) && !is_worth_it(sync))
        return; /* a neighbour that is never content */
    if (!fresh && !sl_sketch_part_is(&part, &sync->sketch->part))
        return;
    if (!sl_bucket_take(&link->quota,
                        fresh ? sl_exchange_cost(node, &part) : SL_EXCHANGE_SKETCH_COST, now)) {
        node->status.rejected_quota++;
        return;
    }
    sync->answered = true;
    if (fresh)
        take_snapshot(node, sync, &part);
    size_t count = fresh ? first_count(sync, difference(node, sync) >> part.bits)
                         : (part.first / 2 > SYMBOLS_MIN ? part.first / 2 : SYMBOLS_MIN);
    sync->allowance += (uint32_t)count;
    keep_taking(node, link, now);
    send_symbols(node, link, &part, count);
    sl_sync_proceed(node, link, now);
}

/* ---- Going on ---- */

/* The next partition, once this one is done. */
static void next_partition(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    if (sync->next_part.bits == 0 || sync->decoder || sync->give.count > 0 || sync->batch_count > 0)
        return;
    sync->decoder = sl_decoder_new(node);
    if (sync->decoder) {
        sl_decoder_begin(sync->decoder, &sync->next_part);
        sl_exchange_ask(node, link, now);
    }
    sync->next_part = (struct sl_sketch_part){0};
}

static bool is_stalled(const struct sl_sync *sync)
{
    return sync->mark_count > 1;
}

/* Our sketch arrived, but not the hello behind what it led to: some of that may have been lost too.
 */
static bool is_cut_short(const struct sl_node *node, const struct sl_link *link)
{
    const struct sl_sync *sync = &link->sync;
    return node->taking == link && sync->tried && sync->answered && sync->hello_at < sync->new_at &&
           !sync->decoder && sync->give.count == 0 && sync->batch_count == 0;
}

static sl_time next_due(const struct sl_node *node, const struct sl_link *link)
{
    const struct sl_sync *sync = &link->sync;
    sl_time at = SL_NEVER;
    if (sync->decoder)
        at = sl_min_time(at, sync->decoder->at);
    if (sync->give.count > 0)
        at = sl_min_time(at, is_stalled(sync) ? sync->echo_by : sync->give_at);
    if (sync->batch_count > 0)
        at = sl_min_time(at, sync->batch_by);
    if (node->taking == link || sync->sketch)
        at = sl_min_time(at, sync->taking_until);
    if (is_unanswered(sync))
        at = sl_min_time(at, sync->sketch_by);
    if (is_cut_short(node, link))
        at = sl_min_time(at, sync->new_at + SETTLED);
    return sl_min_time(at, sync->suspect_at);
}

void sl_sync_proceed(struct sl_node *node, struct sl_link *link, sl_time now)
{
    next_partition(node, link, now);
    sl_node_alarm(node, &link->sync.alarm, next_due(node, link));
}

static void fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now)
{
    struct sl_link *link = SL_ALARM_OWNER(alarm, struct sl_link, sync.alarm);
    struct sl_sync *sync = &link->sync;
    if (sync->decoder && now >= sync->decoder->at)
        sl_exchange_due(node, link, now);
    if (sync->give.count > 0 && is_stalled(sync) && now >= sync->echo_by)
        sl_give_timeout(node, link, now);
    else if (sync->give.count > 0 && !is_stalled(sync) && now >= sync->give_at)
        sl_give_pump(node, link, now);
    if (sync->batch_count > 0 && now >= sync->batch_by)
        sl_want_pump(node, link, now);
    if (is_unanswered(sync) && now >= sync->sketch_by)
        send_sketch(node, link, now);
    if (is_cut_short(node, link) && now >= sync->new_at + SETTLED && !is_held_back(sync, now))
        begin(node, link, now);
    if (now >= sync->suspect_at)
        judge_suspect(node, link, now);
    if (now >= sync->taking_until)
        stop_taking(node, link, now);
    sl_sync_proceed(node, link, now);
}

void sl_sync_gained(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    sync->new_at = now;
    sync->answered = true;
    sync->gain++;
    if (node->taking == link)
        sync->taking_until = now + TAKING_TIME;
    sl_want_came(node, link, short_id, now);
}

bool sl_sync_expects(struct sl_link *link, uint64_t short_id, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    if (sl_want_has(link, short_id))
        return true;
    if (now >= sync->taking_until || sync->allowance == 0)
        return false;
    sync->allowance--;
    return true;
}
