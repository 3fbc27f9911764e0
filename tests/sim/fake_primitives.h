/* Primitives for tests and simulations: fast, the same for the same seed on every machine, and not
 * secure at all. But they agree with one another as real ones do: verify() accepts only what sign()
 * made with that key's seed, open() refuses whenever one bit of key, nonce, additional data or
 * bytes changed, and hash() spreads like a hash as long as nobody means harm. */
#ifndef SL_SIM_FAKE_PRIMITIVES_H
#define SL_SIM_FAKE_PRIMITIVES_H

#include "mesh/ports.h"

/* `seed` feeds random() only: all else is the same for every seed. Valid until the program ends. */
void sl_fake_primitives(struct sl_primitives *ret_primitives, uint64_t seed);

#endif
