/* libsodium behind the mesh's and the chat's ports. */
#ifndef SL_CRYPTO_SODIUM_H
#define SL_CRYPTO_SODIUM_H

#include "chat/ports.h"

/* Once, before anything else. -EIO if there is no entropy source. Waits for the kernel's generator
 * to be seeded, so that keys of a first boot cannot be guessed. */
int sl_sodium_init(void);

void sl_sodium_primitives(struct sl_primitives *ret_primitives);
void sl_sodium_sealing(struct sl_sealing *ret_sealing);

#endif
