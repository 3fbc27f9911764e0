/* Members with certificates, and sessions that are DTLS: what the boards run, in virtual time. */
#ifndef SL_CROWD_REAL_H
#define SL_CROWD_REAL_H

#include "sim/crowd.h"

/* An authority, and a certificate for each of `count` nodes. What libsodium and mbedTLS draw by
 * chance comes from `seed` from now on, for the whole process: the keys made here are worth
 * nothing. Asserts. */
void real_members_make(struct sl_crowd_members *members, int count, uint64_t seed);
void real_members_free(struct sl_crowd_members *members, int count);

#endif
