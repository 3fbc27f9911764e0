/* Symbols from anywhere: decoding ends, gives no more ids than there were symbols, and if it says
 * that it found everything, then the ids found make up exactly those symbols. */
#include "mesh/sketch.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct sl_symbol symbols[SL_SKETCH_SYMBOLS];
static struct sl_symbol again[SL_SKETCH_SYMBOLS];

static size_t read_symbols(const uint8_t *bytes, size_t len)
{
    struct sl_reader r;
    size_t count = 0;
    sl_reader_init(&r, bytes, len);
    while (sl_read_left(&r) >= SL_SYMBOL_WIRE_LEN && count < SL_SKETCH_SYMBOLS)
        sl_sketch_read(&r, &symbols[count++]);
    return count;
}

/* The same bytes taken as ids: what one side adds and the other side removes. */
static size_t apply_ids(const uint8_t *bytes, size_t len)
{
    struct sl_reader r;
    size_t count = 0;
    memset(symbols, 0, sizeof(symbols));
    sl_reader_init(&r, bytes, len);
    for (; sl_read_left(&r) >= 8; count++)
        sl_sketch_apply(symbols, SL_SKETCH_SYMBOLS, sl_read_u64(&r), count % 2 ? 1 : -1);
    return sl_min_size(SL_SKETCH_SYMBOLS, 8 + 2 * count);
}

static void decode(size_t count)
{
    static struct sl_symbol before[SL_SKETCH_SYMBOLS];
    static uint64_t theirs[SL_SKETCH_SYMBOLS], ours[SL_SKETCH_SYMBOLS];
    size_t their_count = 0, our_count = 0;
    memcpy(before, symbols, sizeof(before));
    int result =
        sl_sketch_decode(symbols, count, theirs, &their_count, ours, &our_count, SL_SKETCH_SYMBOLS);
    assert(their_count + our_count <= count);
    if (result < 0)
        return;
    memset(again, 0, sizeof(again));
    for (size_t i = 0; i < their_count; i++)
        sl_sketch_apply(again, count, theirs[i], 1);
    for (size_t i = 0; i < our_count; i++)
        sl_sketch_apply(again, count, ours[i], -1);
    sl_sketch_subtract(again, before, count);
    for (size_t i = 0; i < count; i++)
        assert(again[i].sum == 0 && again[i].check == 0 && again[i].count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    decode(read_symbols(bytes, len));
    decode(apply_ids(bytes, len));
    return 0;
}
