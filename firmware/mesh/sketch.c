#include "mesh/sketch.h"

#include "base/prng.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

static uint64_t mix(uint64_t value)
{
    return sl_splitmix64(&value);
}

uint32_t sl_sketch_check(uint64_t id)
{
    return (uint32_t)(mix(id ^ UINT64_C(0x5354524c)) >> 32);
}

void sl_sketch_walk_init(struct sl_sketch_walk *walk, uint64_t id)
{
    *walk = (struct sl_sketch_walk){.state = mix(id)};
}

uint64_t sl_sketch_walk_next(struct sl_sketch_walk *walk)
{
    /* Past every sketch; further steps would leave what a double counts exactly. */
    if (walk->index > UINT32_MAX)
        return walk->index;
    walk->state *= UINT64_C(0xda942042e4dd58b5);
    double spread = 4294967296.0 / sqrt((double)walk->state + 1.0) - 1.0;
    uint64_t gap = (uint64_t)ceil(((double)walk->index + 1.5) * spread);
    /* The largest states round to a gap of 0: an id would be in one symbol twice. */
    walk->index += gap > 0 ? gap : 1;
    return walk->index;
}

static void symbol_toggle(struct sl_symbol *symbol, uint64_t id, uint32_t check, int sign)
{
    symbol->sum ^= id;
    symbol->check ^= check;
    symbol->count += sign;
}

void sl_sketch_apply_range(struct sl_symbol *symbols, size_t first, size_t count, uint64_t id,
                           int sign)
{
    uint32_t check = sl_sketch_check(id);
    struct sl_sketch_walk walk;
    sl_sketch_walk_init(&walk, id);
    for (uint64_t i = 0; i < first + count; i = sl_sketch_walk_next(&walk)) {
        if (i >= first)
            symbol_toggle(&symbols[i - first], id, check, sign);
    }
}

void sl_sketch_apply(struct sl_symbol *symbols, size_t count, uint64_t id, int sign)
{
    sl_sketch_apply_range(symbols, 0, count, id, sign);
}

void sl_sketch_write(struct sl_writer *w, const struct sl_symbol *symbol)
{
    sl_write_u64(w, symbol->sum);
    sl_write_u32(w, symbol->check);
    sl_write_u16(w, (uint16_t)symbol->count);
}

/* The number from -32,768 to 32,767 that equals `count` modulo 2^16. */
static int32_t wrap_count(int32_t count)
{
    int32_t low = (int32_t)((uint32_t)count & 0xffff);
    return low < 0x8000 ? low : low - 0x10000;
}

void sl_sketch_read(struct sl_reader *r, struct sl_symbol *ret_symbol)
{
    ret_symbol->sum = sl_read_u64(r);
    ret_symbol->check = sl_read_u32(r);
    ret_symbol->count = wrap_count(sl_read_u16(r));
}

void sl_sketch_subtract(struct sl_symbol *symbols, const struct sl_symbol *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        symbols[i].sum ^= others[i].sum;
        symbols[i].check ^= others[i].check;
        symbols[i].count -= others[i].count;
    }
}

/* Symbols that may be pure, each at most once. */
struct worklist {
    uint16_t items[SL_SKETCH_SYMBOLS];
    size_t count;
    uint64_t queued[SL_SKETCH_SYMBOLS / 64];
};

static void worklist_push(struct worklist *list, size_t i)
{
    uint64_t bit = (uint64_t)1 << i % 64;
    if (list->queued[i / 64] & bit)
        return;
    list->queued[i / 64] |= bit;
    list->items[list->count++] = (uint16_t)i;
}

static size_t worklist_pop(struct worklist *list)
{
    size_t i = list->items[--list->count];
    list->queued[i / 64] &= ~((uint64_t)1 << i % 64);
    return i;
}

static bool is_pure(const struct sl_symbol *symbol)
{
    return (symbol->count == 1 || symbol->count == -1) &&
           sl_sketch_check(symbol->sum) == symbol->check;
}

static bool is_empty(const struct sl_symbol *symbol)
{
    return symbol->sum == 0 && symbol->check == 0 && symbol->count == 0;
}

/* Takes an id out of all its symbols and queues those that became pure. */
static void peel(struct sl_symbol *symbols, size_t count, uint64_t id, int sign,
                 struct worklist *list)
{
    uint32_t check = sl_sketch_check(id);
    struct sl_sketch_walk walk;
    sl_sketch_walk_init(&walk, id);
    for (uint64_t i = 0; i < count; i = sl_sketch_walk_next(&walk)) {
        symbol_toggle(&symbols[i], id, check, -sign);
        if (is_pure(&symbols[i]))
            worklist_push(list, (size_t)i);
    }
}

static int verdict(const struct sl_symbol *symbols, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_empty(&symbols[i]))
            return -EAGAIN;
    }
    return count > 0 ? 0 : -EAGAIN;
}

int sl_sketch_decode(struct sl_symbol *symbols, size_t count, uint64_t *ret_theirs,
                     size_t *ret_their_count, uint64_t *ret_ours, size_t *ret_our_count, size_t cap)
{
    assert(count <= SL_SKETCH_SYMBOLS);
    struct worklist list = {0};
    for (size_t i = 0; i < count; i++) {
        symbols[i].count = wrap_count(symbols[i].count);
        if (is_pure(&symbols[i]))
            worklist_push(&list, i);
    }
    size_t their_count = 0;
    size_t our_count = 0;
    while (list.count > 0) {
        struct sl_symbol pure = symbols[worklist_pop(&list)];
        if (!is_pure(&pure))
            continue;
        /* Honest symbols are never fewer than the ids they give. */
        if (their_count + our_count == count)
            return -EBADMSG;
        size_t *side_count = pure.count > 0 ? &their_count : &our_count;
        if (*side_count == cap)
            return -ENOBUFS;
        (pure.count > 0 ? ret_theirs : ret_ours)[(*side_count)++] = pure.sum;
        peel(symbols, count, pure.sum, pure.count, &list);
    }
    *ret_their_count = their_count;
    *ret_our_count = our_count;
    return verdict(symbols, count);
}
