#include "mesh/window.h"

#include <string.h>

enum {
    WORD_BITS = 64,
    /* One word more than the window has, so that a word can be cleared as a whole while the window
     * still reaches into the oldest (RFC 6479, 3). */
    WORD_COUNT = SL_WINDOW_BITS / WORD_BITS + 1,
};

static uint64_t *word_of(struct sl_window *window, uint32_t counter)
{
    return &window->bits[counter / WORD_BITS % WORD_COUNT];
}

static uint64_t bit_of(uint32_t counter)
{
    return (uint64_t)1 << counter % WORD_BITS;
}

void sl_window_init(struct sl_window *window, uint32_t first)
{
    *window = (struct sl_window){0};
    if (first == 0)
        return;
    /* As if all below `first` had been seen. */
    window->started = true;
    window->top = first - 1;
    memset(window->bits, 0xff, sizeof(window->bits));
    uint64_t bit = bit_of(window->top);
    *word_of(window, window->top) = bit | (bit - 1);
}

bool sl_window_fresh(const struct sl_window *window, uint32_t counter)
{
    if (!window->started || counter > window->top)
        return true;
    if (window->top - counter >= SL_WINDOW_BITS)
        return false;
    return !(window->bits[counter / WORD_BITS % WORD_COUNT] & bit_of(counter));
}

/* Clears the words between the one of the old top and that of the new, the latter included. */
static void clear_up_to(struct sl_window *window, uint32_t counter)
{
    uint32_t words = counter / WORD_BITS - window->top / WORD_BITS;
    if (words > WORD_COUNT)
        words = WORD_COUNT;
    for (uint32_t i = 0; i < words; i++)
        *word_of(window, counter - i * WORD_BITS) = 0;
}

uint32_t sl_window_mark(struct sl_window *window, uint32_t counter)
{
    if (!sl_window_fresh(window, counter))
        return 0;
    uint32_t skipped = 0;
    if (!window->started || counter > window->top) {
        skipped = window->started ? counter - window->top - 1 : counter;
        clear_up_to(window, counter);
        window->top = counter;
        window->started = true;
    }
    *word_of(window, counter) |= bit_of(counter);
    return skipped;
}
