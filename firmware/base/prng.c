#include "base/prng.h"

#include <assert.h>

uint64_t sl_splitmix64(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void sl_prng_init(struct sl_prng *prng, uint64_t seed)
{
    for (size_t i = 0; i < SL_ARRAY_LEN(prng->state); i++)
        prng->state[i] = sl_splitmix64(&seed);
}

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t sl_prng_next(struct sl_prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t sl_prng_below(struct sl_prng *prng, uint64_t bound)
{
    assert(bound > 0);
    /* 2^64 mod bound: without that many values, every remainder is equally frequent. */
    uint64_t surplus = (UINT64_MAX - bound + 1) % bound;
    uint64_t value;
    do {
        value = sl_prng_next(prng);
    } while (value < surplus);
    return value % bound;
}

sl_time sl_prng_time(struct sl_prng *prng, sl_time low, sl_time high)
{
    assert(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t offset = span == UINT64_MAX ? sl_prng_next(prng) : sl_prng_below(prng, span + 1);
    return (sl_time)((uint64_t)low + offset);
}

void sl_prng_bytes(struct sl_prng *prng, uint8_t *ret_bytes, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            word = sl_prng_next(prng);
        ret_bytes[i] = (uint8_t)word;
        word >>= 8;
    }
}
