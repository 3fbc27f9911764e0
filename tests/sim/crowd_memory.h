/* Whose memory it is that the heap gives. A program that is linked with its allocator wrapped
 * (tests/crowd/memory.c) adds what is allocated to the account in charge and takes off what is
 * freed; in others accounts stay 0. What shared libraries allocate is not seen. */
#ifndef SL_SIM_CROWD_MEMORY_H
#define SL_SIM_CROWD_MEMORY_H

#include <stdint.h>

/* From now on it is that account's, in bytes; NULL: nobody's. The one before. */
int64_t *sl_memory_charge(int64_t *account);

/* The account in charge. */
int64_t *sl_memory_account(void);

#endif
