/* DTLS 1.2 through mbedTLS behind the session port: mutual certificates, cookies, in-memory BIOs,
 * deadlines instead of timers. ECDHE-ECDSA-CHACHA20-POLY1305 first, AES-128-GCM second. Validity
 * periods are judged against the mesh clock, not the system's. */
#ifndef SL_CRYPTO_DTLS_H
#define SL_CRYPTO_DTLS_H

#include "crypto/membership.h"

struct sl_dtls;

/* Both arguments outlive it, and it outlives its sessions. NULL if out of memory. */
struct sl_dtls *sl_dtls_new(struct sl_credentials *credentials,
                            const struct sl_primitives *primitives);
void sl_dtls_free(struct sl_dtls *dtls);
void sl_dtls_sessions(struct sl_dtls *dtls, struct sl_sessions *ret_sessions);

#endif
