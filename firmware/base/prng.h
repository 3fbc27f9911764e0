/* Seeded generator for jitter and choices (xoshiro256**, Blackman and Vigna 2018, seeded through
 * splitmix64). Never for keys: those come from the crypto port. */
#ifndef SL_BASE_PRNG_H
#define SL_BASE_PRNG_H

#include "base/base.h"

struct sl_prng {
    uint64_t state[4];
};

void sl_prng_init(struct sl_prng *prng, uint64_t seed);
uint64_t sl_prng_next(struct sl_prng *prng);

/* Uniform in [0, bound); bound > 0. Without modulo bias. */
uint64_t sl_prng_below(struct sl_prng *prng, uint64_t bound);

/* Uniform in [low, high]. */
sl_time sl_prng_time(struct sl_prng *prng, sl_time low, sl_time high);

void sl_prng_bytes(struct sl_prng *prng, uint8_t *ret_bytes, size_t len);

/* One step of splitmix64 (Steele et al. 2014); also used as a mixing function. */
uint64_t sl_splitmix64(uint64_t *state);

#endif
