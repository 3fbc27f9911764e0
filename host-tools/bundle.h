/* A node's bundle: the folder that makes a computer a node of the network. What is in it stands in
 * firmware/daemon/bundle.h, and beside that
 *
 *   starlingd.conf  ready to use: starlingd -c .../starlingd.conf
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

/* The files of a bundle, all NUL-terminated but the list. */
struct sl_bundle_files {
    const char *network, *name; /* for people, in the configuration */
    const char *authority;      /* PEM */
    const char *chain;          /* PEM: the node's certificate, and the invite's it came through */
    const char *key, *seed;     /* PEM and a line of hex; NULL where the board made its own */
    const char *secret;         /* a line of hex; NULL: likewise */
    const uint8_t *crl;         /* DER */
    size_t crl_len;             /* 0: there is none */
};
/* Makes the folder of them. -EEXIST and other faults are told. */
int sl_bundle_place(const char *destination, const struct sl_bundle_files *files);

/* The revocation list for a new node: as the authority makes it now, or as an invite left it here.
 * Length, 0 if there is none, or -errno. */
int sl_bundle_crl(const struct sl_network *network, int64_t now, uint8_t ret_crl[SL_CRL_MAX]);

/* Records the bundles that a run which was killed made but did not record. */
int sl_bundle_adopt(struct sl_network *network);

#endif
