/* A node's bundle: the folder that makes a computer a node of the network.
 *
 *   node.crt   its chain, PEM         node.key   P-256 key, PEM, 0600    node.seed   Ed25519 seed,
 * hex, 0600 ca.crt     the authority          network.key  secret, hex, 0600     network.crl  DER,
 * if there is one starlingd.conf                    ready to use: starlingd -c .../starlingd.conf
 *
 * It appears whole under its name, or not at all. */
#ifndef SL_TOOLS_BUNDLE_H
#define SL_TOOLS_BUNDLE_H

#include "network.h"

struct sl_bundle_draft {
    const char *name;
    const char *issuer_certificate, *issuer_key; /* authority or invite, PEM */
    const char *intermediate;                    /* PEM, sent with the node's own; NULL: none */
    int64_t now, lifetime;                       /* Unix seconds, seconds */
};

/* Makes NETWORK/nodes/NAME and records it in the network, which must be open to change. -EEXIST and
 * other faults are told. */
int sl_bundle_make(struct sl_network *network, const struct sl_bundle_draft *draft);

/* Records the bundles that a run which was killed made but did not record. */
int sl_bundle_adopt(struct sl_network *network);

#endif
