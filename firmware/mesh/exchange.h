/* Sketches as they come in: symbols gathered, MORE asked for, and what a decoded difference leads
 * to (PROTOCOL.md, Repair). Internal to the mesh. */
#ifndef SL_MESH_EXCHANGE_H
#define SL_MESH_EXCHANGE_H

#include "mesh/sync.h"

enum {
    SL_EXCHANGE_MARK_LEN = 5, /* stands before the first symbols, in one frame with them */
    SL_EXCHANGE_SYMBOLS_PER_ELEMENT =
        (SL_FRAME_BODY_MAX - SL_EXCHANGE_MARK_LEN - 3 - SL_SKETCH_PART_LEN) / SL_SYMBOL_WIRE_LEN,
    SL_EXCHANGE_BITS_MAX = 12,
    SL_EXCHANGE_SKETCH_COST = 16, /* of the link's quota, for decoding or making a sketch */
    SL_EXCHANGE_WALK_COST = 100,  /* the same of a partition, for which the index is walked, */
    SL_EXCHANGE_WALK_STEP = 200,  /* and 1 more for so many envelopes in it */
};

/* What decoding or making a sketch of that partition costs a link. */
uint64_t sl_exchange_cost(const struct sl_node *node, const struct sl_sketch_part *part);

/* NULL if SL_DECODERS_MAX are at work, or out of memory. */
struct sl_decoder *sl_decoder_new(struct sl_node *node);
/* Empty, for that partition. */
void sl_decoder_begin(struct sl_decoder *decoder, const struct sl_sketch_part *part);
/* Sets the pointer to NULL; may be NULL before. */
void sl_decoder_free(struct sl_node *node, struct sl_decoder **decoder);

/* The same partition; `first` does not matter. */
bool sl_sketch_part_is(const struct sl_sketch_part *a, const struct sl_sketch_part *b);

/* Asks the neighbour for the symbols that our decoder lacks. */
void sl_exchange_ask(struct sl_node *node, struct sl_link *link, sl_time now);

/* The decoder's time has come: tries what is there, asks again, or gives up. */
void sl_exchange_due(struct sl_node *node, struct sl_link *link, sl_time now);

#endif
