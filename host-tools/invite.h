/* Invites: a short-lived intermediate certificate with its key, and what a node needs to know of
 * the network, as one line of text (PROTOCOL.md, Invite). Whoever holds the line can add nodes
 * until it expires: it is a secret. */
#ifndef SL_TOOLS_INVITE_H
#define SL_TOOLS_INVITE_H

#include "crypto/authority.h"

#define SL_INVITE_PREFIX "starling:invite/"

struct sl_invite {
    uint8_t secret[SL_KEY_LEN]; /* of the network */
    int64_t expires;            /* Unix seconds */
    char authority[SL_PEM_MAX]; /* certificates, PEM */
    char certificate[SL_PEM_MAX];
    char key[SL_PEM_MAX];
};

/* The link, to be freed, or NULL if the PEMs are not what they should be. */
char *sl_invite_encode(const struct sl_invite *invite);

/* -EINVAL if it is no invite link, -ENOTSUP if of a later version, -EBADMSG if it is cut off or was
 * mistyped. Does not look at the clock or check the certificates. */
int sl_invite_decode(const char *link, struct sl_invite *ret_invite);

#endif
