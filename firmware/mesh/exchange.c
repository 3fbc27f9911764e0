#include "mesh/exchange.h"

#include "mesh/give.h"
#include "mesh/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BITS_STEP = 2,  /* finer after a partition that does not decode */
    MORE_TRIES = 6, /* in 3 s: then the other side does not answer any more */
    MORE_DOUBLINGS = 1,
};

#define GAP_WAIT  (50 * SL_MILLISECOND) /* for symbols that may still be under way */
#define MORE_WAIT (250 * SL_MILLISECOND)

void sl_decoder_begin(struct sl_decoder *decoder, const struct sl_sketch_part *part)
{
    decoder->part = *part;
    decoder->count = 0;
    decoder->tries = 0;
    memset(decoder->came, 0, sizeof(decoder->came));
}

struct sl_decoder *sl_decoder_new(struct sl_node *node)
{
    if (node->decoder_count >= SL_DECODERS_MAX)
        return NULL;
    struct sl_decoder *decoder = malloc(sizeof(*decoder));
    if (!decoder)
        return NULL;
    sl_decoder_begin(decoder, &(struct sl_sketch_part){0});
    decoder->at = SL_NEVER;
    node->decoder_count++;
    return decoder;
}

void sl_decoder_free(struct sl_node *node, struct sl_decoder **decoder)
{
    if (!*decoder)
        return;
    node->decoder_count--;
    free(*decoder);
    *decoder = NULL;
}

bool sl_sketch_part_is(const struct sl_sketch_part *a, const struct sl_sketch_part *b)
{
    return a->bits == b->bits && a->partition == b->partition;
}

uint64_t sl_exchange_cost(const struct sl_node *node, const struct sl_sketch_part *part)
{
    if (part->bits == 0)
        return SL_EXCHANGE_SKETCH_COST;
    return SL_EXCHANGE_WALK_COST + sl_index_count(node->index) / SL_EXCHANGE_WALK_STEP;
}

void sl_exchange_ask(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_decoder *decoder = link->sync.decoder;
    struct sl_sketch_part part = decoder->part;
    part.first = (uint16_t)decoder->count;
    decoder->at =
        now + (MORE_WAIT << (decoder->tries < MORE_DOUBLINGS ? decoder->tries : MORE_DOUBLINGS));
    uint8_t *value = sl_sync_element(node, link, SL_ELEMENT_MORE, SL_SKETCH_PART_LEN);
    struct sl_writer w;
    if (!value)
        return; /* again when it is due */
    sl_writer_init(&w, value, SL_SKETCH_PART_LEN);
    sl_sketch_part_write(&w, &part);
}

/* All symbols that there are do not suffice: the ids are cut up finer, from this partition on. */
static bool split(struct sl_decoder *decoder)
{
    struct sl_sketch_part finer = {
        .bits = (uint8_t)(decoder->part.bits + BITS_STEP),
        .partition = (uint16_t)(decoder->part.partition << BITS_STEP),
    };
    if (finer.bits > SL_EXCHANGE_BITS_MAX)
        return false;
    sl_decoder_begin(decoder, &finer);
    return true;
}

static void take_undecoded(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_decoder *decoder = link->sync.decoder;
    if (decoder->count >= SL_SKETCH_SYMBOLS && !split(decoder)) {
        sl_decoder_free(node, &link->sync.decoder);
        return;
    }
    sl_exchange_ask(node, link, now);
}

/* A decoded difference. */
struct findings {
    size_t theirs_count, ours_count;
    uint64_t theirs[SL_SKETCH_SYMBOLS]; /* only they have */
    uint64_t ours[SL_SKETCH_SYMBOLS];   /* only we have */
    struct sl_symbol symbols[SL_SKETCH_SYMBOLS];
    struct sl_symbol own[SL_SKETCH_SYMBOLS];
};

/* What is held here quietly floods elsewhere: so it does here. */
static void raise_theirs(struct sl_node *node, const struct sl_link *link,
                         const struct findings *findings, sl_time now)
{
    for (size_t i = 0; i < findings->theirs_count; i++) {
        int64_t number = sl_index_find_short(node->index, findings->theirs[i]);
        if (number < 0)
            continue;
        sl_index_entry(node->index, number)->known_by |= link->siblings;
        sl_routed_raise(node, number, now);
    }
}

static void take_decoded(struct sl_node *node, struct sl_link *link,
                         const struct findings *findings, sl_time now)
{
    struct sl_sync *sync = &link->sync;
    struct sl_sketch_part part = sync->decoder->part;
    sl_decoder_free(node, &sync->decoder);
    sync->next_part = (struct sl_sketch_part){0};
    if (part.bits > 0 && part.partition + 1 < 1 << part.bits)
        sync->next_part =
            (struct sl_sketch_part){.bits = part.bits, .partition = (uint16_t)(part.partition + 1)};
    sl_relay_note_except(node, &part, findings->ours, findings->ours_count);
    raise_theirs(node, link, findings, now);
    sync->closing = sync->next_part.bits == 0;
    if (findings->ours_count > 0)
        sl_give_start(node, link, findings->ours, findings->ours_count, now);
    else if (sync->closing && sync->give.count == 0)
        sl_sync_close(node, link, now);
    sl_want_start(node, link, findings->theirs, findings->theirs_count, now);
}

static void try_decode(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_decoder *decoder = link->sync.decoder;
    uint64_t cost = sl_exchange_cost(node, &decoder->part);
    struct findings *findings = NULL;
    if (sl_bucket_take(&link->quota, cost, now))
        findings = malloc(sizeof(*findings));
    if (!findings) {
        sl_decoder_free(node, &link->sync.decoder); /* until the next repair */
        return;
    }
    findings->theirs_count = 0;
    findings->ours_count = 0;
    memcpy(findings->symbols, decoder->symbols, decoder->count * sizeof(decoder->symbols[0]));
    sl_index_symbols(node->index, decoder->part.bits, decoder->part.partition, 0, decoder->count,
                     findings->own);
    sl_sketch_subtract(findings->symbols, findings->own, decoder->count);
    int r = sl_sketch_decode(findings->symbols, decoder->count, findings->theirs,
                             &findings->theirs_count, findings->ours, &findings->ours_count,
                             SL_SKETCH_SYMBOLS);
    if (r == 0) {
        take_decoded(node, link, findings, now);
    } else if (r == -EAGAIN) {
        take_undecoded(node, link, now);
    } else {
        node->status.rejected_malformed++;
        sl_decoder_free(node, &link->sync.decoder);
    }
    free(findings);
}

static bool has_symbol(const struct sl_decoder *decoder, size_t at)
{
    return at < SL_SKETCH_SYMBOLS && (decoder->came[at / 64] >> (at % 64) & 1) != 0;
}

/* Symbol 0 holds every id: another one is of another sketch. */
static bool is_other_sketch(const struct sl_decoder *decoder, const struct sl_symbol *first)
{
    return has_symbol(decoder, 0) &&
           (decoder->symbols[0].sum != first->sum || decoder->symbols[0].check != first->check);
}

/* Whether the row without a gap got longer. */
static bool take_symbols(struct sl_decoder *decoder, struct sl_reader *r, size_t first)
{
    size_t before = decoder->count;
    for (size_t at = first; sl_read_left(r) > 0; at++) {
        struct sl_symbol symbol;
        sl_sketch_read(r, &symbol);
        if (at == 0 && is_other_sketch(decoder, &symbol)) {
            sl_decoder_begin(
                decoder, &(struct sl_sketch_part){decoder->part.bits, decoder->part.partition, 0});
            before = 0;
        }
        if (at >= SL_SKETCH_SYMBOLS || has_symbol(decoder, at))
            continue;
        decoder->symbols[at] = symbol;
        decoder->came[at / 64] |= UINT64_C(1) << (at % 64);
    }
    while (has_symbol(decoder, decoder->count))
        decoder->count++;
    return decoder->count > before;
}

/* The decoder that an element belongs to, or NULL. The first symbols of another sketch begin anew.
 */
static struct sl_decoder *decoder_for(struct sl_node *node, struct sl_sync *sync,
                                      const struct sl_sketch_part *part)
{
    if (sync->decoder && sl_sketch_part_is(&sync->decoder->part, part))
        return sync->decoder;
    if (sync->decoder && part->first != 0)
        return NULL; /* late, of the partition before */
    if (!sync->decoder)
        sync->decoder = sl_decoder_new(node);
    if (sync->decoder)
        sl_decoder_begin(sync->decoder, part);
    return sync->decoder;
}

void sl_sync_sketch(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                    sl_time now)
{
    struct sl_sketch_part part;
    struct sl_reader r;
    sl_reader_init(&r, element->value, element->len);
    sl_sketch_part_read(&r, &part);
    size_t left = sl_read_left(&r);
    if (sl_read_failed(&r) || left % SL_SYMBOL_WIRE_LEN != 0 || part.bits > SL_EXCHANGE_BITS_MAX) {
        node->status.rejected_malformed++;
        return;
    }
    if (!sl_bucket_take(&link->quota, 1, now)) {
        node->status.rejected_quota++;
        return;
    }
    struct sl_decoder *decoder = decoder_for(node, &link->sync, &part);
    if (!decoder)
        return;
    if (part.first == 0)
        link->sync.their_mark = link->sync.mark_in;
    if (take_symbols(decoder, &r, part.first))
        decoder->tries = 0;
    decoder->at = now + GAP_WAIT;
    /* Elements are filled up, but for the last of a row. */
    if (decoder->count > part.first && left / SL_SYMBOL_WIRE_LEN < SL_EXCHANGE_SYMBOLS_PER_ELEMENT)
        try_decode(node, link, now);
    sl_sync_proceed(node, link, now);
}

void sl_exchange_due(struct sl_node *node, struct sl_link *link, sl_time now)
{
    struct sl_decoder *decoder = link->sync.decoder;
    if (++decoder->tries > MORE_TRIES)
        sl_decoder_free(node, &link->sync.decoder);
    else if (decoder->tries == 1 && decoder->count > 0)
        try_decode(node, link, now); /* perhaps what came was all */
    else
        sl_exchange_ask(node, link, now);
}
