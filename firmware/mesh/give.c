#include "mesh/give.h"

#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRAMES_PER_MARK = 16,
    MARKS_MAX = 2,     /* unanswered at a time */
    TIMEOUTS_MAX = 4,  /* in a row: the rest is left to the next repair */
    WANT_TRIES = 3,    /* batches in a row of which nothing came */
    ECHOES_WAITED = 4, /* as long as so many of them take */
    ROOM_MIN = 32,     /* of the output queue that bulk leaves free */
};

#define ECHO_WAIT     (500 * SL_MILLISECOND)
#define WANT_WAIT     SL_SECOND              /* for the first that comes */
#define WANT_PAUSE    (300 * SL_MILLISECOND) /* between two that come: the rest is lost */
#define UNDER_WAY_MIN (500 * SL_MILLISECOND) /* what was sent this recently may still arrive */
#define UNDER_WAY_MAX (4 * SL_SECOND)
#define PAUSE         SL_MILLISECOND

/* ---- Lists of ids ---- */

void sl_ids_done(struct sl_ids *ids)
{
    free(ids->ids);
    *ids = (struct sl_ids){0};
}

bool sl_ids_add(struct sl_ids *ids, uint64_t id)
{
    if (ids->count - ids->at >= SL_SKETCH_SYMBOLS)
        return false;
    if (ids->at > 0 && ids->count == ids->cap) {
        ids->count -= ids->at;
        memmove(ids->ids, ids->ids + ids->at, ids->count * sizeof(*ids->ids));
        ids->at = 0;
    }
    if (ids->count == ids->cap) {
        size_t cap = ids->cap > 0 ? ids->cap * 2 : 64;
        uint64_t *larger = realloc(ids->ids, cap * sizeof(*larger));
        if (!larger)
            return false;
        ids->ids = larger;
        ids->cap = cap;
    }
    ids->ids[ids->count++] = id;
    return true;
}

/* ---- Giving ---- */

/* What others need to check the rest first, then the oldest of each origin, its second, and so on:
 * who wrote much does not hold up who wrote little. */
struct gift {
    uint64_t short_id;
    bool later;    /* neither IDENTITY nor REVOCATION */
    uint32_t rank; /* among those of its origin */
    sl_time born;
    uint8_t origin[SL_ORIGIN_LEN];
};

static int compare_times(const struct gift *x, const struct gift *y)
{
    if (x->born != y->born)
        return x->born < y->born ? -1 : 1;
    return x->short_id < y->short_id ? -1 : x->short_id > y->short_id;
}

static int compare_within_origins(const void *a, const void *b)
{
    const struct gift *x = a, *y = b;
    int order = memcmp(x->origin, y->origin, SL_ORIGIN_LEN);
    return order != 0 ? order : compare_times(x, y);
}

static int compare_gifts(const void *a, const void *b)
{
    const struct gift *x = a, *y = b;
    if (x->later != y->later)
        return x->later ? 1 : -1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return compare_times(x, y);
}

static void put_in_order(struct gift *gifts, size_t count)
{
    qsort(gifts, count, sizeof(*gifts), compare_within_origins);
    for (size_t i = 1; i < count; i++)
        if (memcmp(gifts[i].origin, gifts[i - 1].origin, SL_ORIGIN_LEN) == 0)
            gifts[i].rank = gifts[i - 1].rank + 1;
    qsort(gifts, count, sizeof(*gifts), compare_gifts);
}

static size_t collect_gifts(struct sl_node *node, const uint64_t *ids, size_t count,
                            struct gift *ret_gifts)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t number = sl_index_find_short(node->index, ids[i]);
        if (number < 0)
            continue;
        const struct sl_stored *stored = &sl_index_entry(node->index, number)->stored;
        if (sl_index_entry(node->index, number)->quiet)
            continue; /* goes its own way */
        ret_gifts[found++] = (struct gift){
            .short_id = ids[i],
            .born = stored->born,
            .later = stored->kind != SL_ENVELOPE_IDENTITY && stored->kind != SL_ENVELOPE_REVOCATION,
        };
        memcpy(ret_gifts[found - 1].origin, stored->origin, SL_ORIGIN_LEN);
    }
    return found;
}

void sl_give_start(struct sl_node *node, struct sl_link *link, const uint64_t *ids, size_t count,
                   sl_time now)
{
    if (count == 0)
        return;
    struct gift *gifts = malloc(count * sizeof(*gifts));
    if (!gifts)
        return; /* the next repair finds the same difference */
    size_t found = collect_gifts(node, ids, count, gifts);
    put_in_order(gifts, found);
    for (size_t i = 0; i < found; i++)
        sl_ids_add(&link->sync.give, gifts[i].short_id);
    free(gifts);
    sl_give_pump(node, link, now);
}

/* What was given lately may still wait in the radio: in a storm, for seconds. How long an ECHO
 * takes says so. */
static sl_time under_way(const struct sl_node_bearer *bearer)
{
    return sl_min_time(bearer->echo_us * ECHOES_WAITED, UNDER_WAY_MAX);
}

static struct sl_given *given_place(struct sl_node *node, const struct sl_link *link,
                                    uint64_t short_id)
{
    uint64_t state = short_id + (uint64_t)link->slot;
    return &node->given[sl_splitmix64(&state) % SL_GIVEN_MAX];
}

static void note_given(struct sl_node *node, const struct sl_link *link, uint64_t short_id,
                       sl_time now)
{
    *given_place(node, link, short_id) =
        (struct sl_given){.short_id = short_id, .slot = link->slot, .at = now};
}

/* It came from there, or was sent there, perhaps in vain. */
static bool should_have(const struct sl_link *link, const struct sl_entry *entry)
{
    return (entry->known_by & UINT64_C(1) << link->slot) != 0;
}

/* What it should have and lacks got lost; or it says so, and says so again. */
static bool may_give_again(const struct sl_node *node, const struct sl_link *link, sl_time now)
{
    uint64_t since = node->status.accepted - link->accepted_before;
    uint64_t seconds = (uint64_t)(now - link->started_at) / SL_SECOND;
    return link->again_count < SL_AGAIN_BURST + SL_AGAIN_SHARE * since + SL_AGAIN_RATE * seconds;
}

/* What it may not have now the next repair finds. */
static bool may_give(const struct sl_node *node, const struct sl_link *link,
                     const struct sl_entry *entry, sl_time now)
{
    return !should_have(link, entry) || may_give_again(node, link, now);
}

static bool is_under_way(struct sl_node *node, const struct sl_entry *entry,
                         const struct sl_link *link, sl_time now)
{
    uint64_t short_id = sl_short_id(entry->stored.id);
    const struct sl_given *given = given_place(node, link, short_id);
    if (!should_have(link, entry))
        return false;
    if (now - entry->stored.born < UNDER_WAY_MIN)
        return true;
    return given->short_id == short_id && given->slot == link->slot &&
           now - given->at < under_way(&node->bearers[link->neighbour->bearer]);
}

static void note_echo(struct sl_node *node, const struct sl_link *link, sl_time took)
{
    struct sl_node_bearer *bearer = &node->bearers[link->neighbour->bearer];
    bearer->echo_us = (3 * bearer->echo_us + took) / 4;
}

/* A MARK after so many frames; false if the neighbour has to answer first. */
static bool keep_pace(struct sl_node *node, struct sl_link *link, const struct sl_route *route,
                      size_t next_len, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    if (sync->mark_count >= MARKS_MAX)
        return false;
    if (sl_output_fits(node, route, next_len))
        return true;
    if (sync->frame_count < FRAMES_PER_MARK) {
        sync->frame_count++;
        return true;
    }
    uint8_t *value = sl_output_element(node, route, SL_ELEMENT_MARK, 2);
    if (!value)
        return false;
    struct sl_writer w;
    sl_writer_init(&w, value, 2);
    sl_write_u16(&w, ++sync->mark);
    node->status.repair_bytes_out += 5;
    sync->marked_at = now;
    if (sync->mark_count++ == 0)
        sync->echo_by = now + (ECHO_WAIT << sync->timeouts);
    sync->frame_count = 1;
    return sync->mark_count < MARKS_MAX;
}

/* When airtime and quota allow an envelope of that length. */
static sl_time allowed_at(struct sl_node *node, const struct sl_link *link,
                          const struct sl_entry *entry, sl_time now)
{
    const struct sl_bucket *airtime = &node->bearers[link->neighbour->bearer].airtime;
    sl_time at = sl_bucket_when(&link->quota, 1, now);
    if (!sl_relay_is_metered(entry))
        return at;
    sl_time air = sl_bucket_when(airtime, (uint64_t)entry->stored.len + SL_FRAME_OVERHEAD, now);
    return air > at ? air : at;
}

/* 0: sent, or not needed; else it has to wait. */
static int give_one(struct sl_node *node, struct sl_link *link, int64_t number, sl_time now)
{
    uint8_t bytes[SL_ENVELOPE_MAX];
    const struct sl_store_port *store = &node->config.store;
    const struct sl_entry *entry = sl_index_entry(node->index, number);
    struct sl_route route = {.bearer = link->neighbour->bearer,
                             .link = link,
                             .class =
                                 sl_relay_is_metered(entry) ? SL_OUTPUT_BULK : SL_OUTPUT_URGENT};
    link->sync.give_at = allowed_at(node, link, entry, now);
    if (link->sync.give_at > now)
        return -EAGAIN;
    if (sl_output_room(node, route.bearer) < ROOM_MIN) {
        link->sync.give_at = now + PAUSE;
        return -EAGAIN;
    }
    if (sl_share_is_spent(node, &entry->stored, now))
        return 0; /* the next repair finds it again */
    if (!keep_pace(node, link, &route, SL_ENVELOPE_MUTABLE + (size_t)entry->stored.len, now))
        return -EAGAIN;
    int len = store->get(store->ctx, entry->stored.row, bytes, sizeof(bytes));
    if (len != entry->stored.len)
        return 0; /* unreadable: nobody gets it from here */
    sl_bucket_take(&link->quota, 1, now);
    link->again_count += should_have(link, entry);
    link->sync.gain++;
    note_given(node, link, sl_short_id(entry->stored.id), now);
    sl_relay_send(node, link, number, bytes, now);
    return 0;
}

/* As give_one(). Of what was refused there only the id is told: it is asked for once it is welcome.
 */
static int give_or_tell(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now)
{
    int64_t number = sl_index_find_short(node->index, short_id);
    const struct sl_entry *entry = number >= 0 ? sl_index_entry(node->index, number) : NULL;
    if (!entry || is_under_way(node, entry, link, now))
        return 0;
    if (sl_refused_by(entry, link)) {
        sl_tree_announce(node, link, short_id, now);
        return 0;
    }
    return may_give(node, link, entry, now) ? give_one(node, link, number, now) : 0;
}

void sl_give_pump(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_ids *give = &link->sync.give;
    while (give->at < give->count && give_or_tell(node, link, give->ids[give->at], now) == 0)
        give->at++;
    if (give->count > 0 && give->at == give->count) {
        sl_ids_done(give);
        sl_sync_close(node, link, now);
    }
    sl_sync_proceed(node, link, now);
}

void sl_give_timeout(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    sync->mark_count = 0;
    if (++sync->timeouts >= TIMEOUTS_MAX) {
        sync->timeouts = 0;
        sl_ids_done(&sync->give);
    }
    sl_give_pump(node, link, now);
}

/* Whoever asks for it does not hold it, even if it was sent just now. False: it has asked for too
 * much that it should have. */
static bool forget_holder(struct sl_node *node, struct sl_link *link, uint64_t short_id,
                          sl_time now)
{
    int64_t number = sl_index_find_short(node->index, short_id);
    struct sl_entry *entry = number >= 0 ? sl_index_entry(node->index, number) : NULL;
    if (!entry)
        return false;
    if (!may_give(node, link, entry, now))
        return false;
    link->again_count += should_have(link, entry);
    entry->known_by &= ~(UINT64_C(1) << link->slot);
    entry->refused_by &= ~link->siblings;
    return true;
}

void sl_give_want(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                  sl_time now)
{
    uint64_t ids[SL_WANT_BATCH];
    struct sl_reader r;
    size_t count = 0;
    sl_reader_init(&r, element->value, element->len);
    if (element->len % SL_SHORT_ID_LEN != 0 || element->len > sizeof(ids)) {
        node->status.rejected_malformed++;
        return;
    }
    if (!sl_bucket_take(&link->quota, 1, now)) {
        node->status.rejected_quota++;
        return;
    }
    while (sl_read_left(&r) > 0) {
        ids[count] = sl_read_u64(&r);
        count += forget_holder(node, link, ids[count], now);
    }
    sl_give_start(node, link, ids, count, now);
}

void sl_give_mark(struct sl_node *node, struct sl_link *link, const struct sl_element *element)
{
    if (element->len != 2) {
        node->status.rejected_malformed++;
        return;
    }
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    link->sync.mark_in = sl_read_u16(&r);
    uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_ECHO, 2);
    if (value)
        memcpy(value, element->value, 2);
}

void sl_give_echo(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                  sl_time now)
{
    struct sl_sync *sync = &link->sync;
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    uint16_t mark = sl_read_u16(&r);
    uint16_t after = (uint16_t)(sync->mark - mark); /* marks sent since that one */
    if (sl_read_done(&r) < 0) {
        node->status.rejected_malformed++;
        return;
    }
    if (after == 0 && sync->marked_at > 0) {
        note_echo(node, link, now - sync->marked_at);
        sync->marked_at = 0;
    }
    if (sl_sync_echo(node, link, mark, now) || after >= sync->mark_count)
        return; /* answered already, or given up */
    sync->mark_count = after;
    sync->timeouts = 0;
    sync->echo_by = now + ECHO_WAIT;
    sl_give_pump(node, link, now);
}

/* ---- Wanting ---- */

static void take_from_batch(struct sl_sync *sync, size_t at)
{
    sync->batch[at] = sync->batch[--sync->batch_count];
}

/* What got lost on the way is asked for once more, unless too often nothing came at all. */
static void keep_rest(struct sl_sync *sync)
{
    if (sync->batch_moved)
        sync->batch_tries = 0;
    else if (sync->batch_count > 0)
        sync->batch_tries++;
    for (size_t i = 0; sync->batch_tries < WANT_TRIES && i < sync->batch_count; i++)
        sl_ids_add(&sync->want, sync->batch[i]);
    sync->batch_count = 0;
    sync->batch_moved = false;
}

/* The next ids that still are not here; what came by other ways is not asked for. */
static void fill_batch(struct sl_node *node, struct sl_sync *sync, sl_time now)
{
    struct sl_ids *want = &sync->want;
    while (want->at < want->count && sync->batch_count < SL_WANT_BATCH) {
        uint64_t id = want->ids[want->at++];
        if (sl_index_find_short(node->index, id) < 0 && !sl_refusals_has(&node->refusals, id, now))
            sync->batch[sync->batch_count++] = id;
    }
    if (want->at == want->count)
        sl_ids_done(want);
}

static void send_want(struct sl_node *node, struct sl_link *link)
{
    const struct sl_sync *sync = &link->sync;
    size_t len = sync->batch_count * SL_SHORT_ID_LEN;
    uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_WANT, len);
    struct sl_writer w;
    if (!value)
        return; /* given up in a second */
    sl_writer_init(&w, value, len);
    for (size_t i = 0; i < sync->batch_count; i++)
        sl_write_u64(&w, sync->batch[i]);
}

void sl_want_pump(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    if (sync->batch_count > 0 && now < sync->batch_by)
        return;
    keep_rest(sync);
    fill_batch(node, sync, now);
    if (sync->batch_count > 0) {
        sync->batch_by = now + WANT_WAIT;
        send_want(node, link);
    }
    sl_sync_proceed(node, link, now);
}

void sl_want_start(struct sl_node *node, struct sl_link *link, const uint64_t *ids, size_t count,
                   sl_time now)
{
    for (size_t i = 0; i < count; i++)
        sl_ids_add(&link->sync.want, ids[i]);
    sl_want_pump(node, link, now);
}

void sl_want_came(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    for (size_t i = 0; i < sync->batch_count; i++) {
        if (sync->batch[i] != short_id)
            continue;
        take_from_batch(sync, i);
        sync->batch_moved = true;
        sync->batch_by = now + WANT_PAUSE;
        if (sync->batch_count == 0)
            sl_want_pump(node, link, now);
        return;
    }
}

bool sl_want_has(const struct sl_link *link, uint64_t short_id)
{
    for (size_t i = 0; i < link->sync.batch_count; i++)
        if (link->sync.batch[i] == short_id)
            return true;
    return false;
}
