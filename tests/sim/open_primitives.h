/* Primitives that let everything through, for fuzzing what stands behind authentication: what is
 * sealed is the plaintext with zeros behind it, every signature is good, and whoever opens a direct
 * message is its recipient. */
#ifndef SL_SIM_OPEN_PRIMITIVES_H
#define SL_SIM_OPEN_PRIMITIVES_H

#include "chat/ports.h"

void sl_open_primitives(struct sl_primitives *ret_primitives, uint64_t seed);
/* The sender of a direct message is its first SL_KEY_LEN bytes. */
void sl_open_sealing(struct sl_sealing *ret_sealing);

#endif
