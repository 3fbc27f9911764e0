/* The folder that makes a board a member of a network, written by `starling node add`:
 *
 *   ca.crt        the authority's certificate, PEM
 *   node.crt      this node's certificate and, if it was invited, the invite's; PEM
 *   node.key      the P-256 key of node.crt, PEM; secret
 *   node.seed     the node's Ed25519 seed, 64 hex digits; secret
 *   network.key   the network secret, 64 hex digits; secret
 *   network.crl   the revocation list in DER; may be missing
 *
 * Only the daemon's user may read the secret ones. */
#ifndef SL_DAEMON_BUNDLE_H
#define SL_DAEMON_BUNDLE_H

#include "crypto/membership.h"
#include "daemon/problems.h"

struct sl_bundle {
    struct sl_credentials *credentials; /* owned */
    struct sl_identity own;             /* as node.crt says */
    int64_t not_before;                 /* of node.crt, Unix seconds */
    char network[64];                   /* the authority's name */
    uint8_t seed[SL_KEY_LEN];           /* secret */
    uint8_t network_secret[SL_KEY_LEN]; /* secret */
};

/* Reads and checks all of it: that the pieces belong together too. 0 or -EINVAL; everything that is
 * wrong is in `problems`. */
int sl_bundle_load(const char *folder, const struct sl_primitives *primitives,
                   struct sl_bundle *ret_bundle, struct sl_problems *problems);

/* Frees and wipes. */
void sl_bundle_done(struct sl_bundle *bundle, const struct sl_primitives *primitives);

/* Contents of a file that may be missing (such as network.crl): bytes to free() and 0, or -ENOENT,
 * -EFBIG, -errno. A zero byte stands after the last. */
int sl_bundle_file(const char *folder, const char *name, uint8_t **ret_bytes, size_t *ret_len);

#endif
