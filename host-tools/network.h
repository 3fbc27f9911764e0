/* The organiser's folder of a network:
 *
 *   ca.crt         the authority's certificate, PEM
 *   ca.key         its key, PEM; secret. A folder that an invite made has none
 *   network.key    the network secret, 64 hex digits; secret
 *   network.json   its name, and what was issued and revoked
 *   network.crl    the revocation list in DER; missing until something was revoked
 *   nodes/NAME/    a bundle for each node
 *
 * What is secret has mode 0600. Everything is written whole (files.h). Functions that can fail for
 * a reason that a person can mend print it, with what to do, and return -errno. */
#ifndef SL_TOOLS_NETWORK_H
#define SL_TOOLS_NETWORK_H

#include "crypto/authority.h"

#define SL_NETWORK_NAME_MAX 63 /* bytes; an X.509 name takes no more */
#define SL_NETWORK_INDEX    "network.json"

enum sl_issued_kind { SL_ISSUED_NODE, SL_ISSUED_INVITE, SL_ISSUED_ELSEWHERE };

/* A certificate that was issued here, or elsewhere and only revoked here. */
struct sl_issued {
    enum sl_issued_kind kind;
    char name[SL_NETWORK_NAME_MAX + 1];
    uint8_t serial[SL_SERIAL_LEN];
    uint8_t origin[SL_ORIGIN_LEN]; /* of a node */
    int64_t not_after;             /* Unix seconds; 0 if not known */
    int64_t revoked;               /* when; 0 if it is not */
};

struct sl_network {
    char *folder;
    int lock_fd; /* -1 if opened to look only */
    char name[SL_NETWORK_NAME_MAX + 1];
    uint64_t crl_number;
    struct sl_issued *issued;
    size_t issued_count;
    uint8_t secret[SL_KEY_LEN];
    char certificate[SL_PEM_MAX]; /* the authority's */
    char key[SL_PEM_MAX];         /* empty if it is not here */
    struct sl_certificate_info authority;
};

/* NULL if it may name a network or a node, else what is wrong with it. */
const char *sl_network_name_fault(const char *name);

/* Whether keys can be made on this computer; told if not. Before anything of crypto/. */
bool sl_network_can_make_keys(void);

/* Unix seconds, or -EINVAL (told) if this computer's clock cannot be right. */
int64_t sl_network_now(void);

struct sl_network_draft {
    const char *name;
    const char *folder;            /* NULL: the usual place */
    const char *certificate, *key; /* of the authority; key NULL: not held here */
    const uint8_t *secret;
};
/* Makes the folder; -EEXIST. ret_folder is to be freed. */
int sl_network_make(const struct sl_network_draft *draft, char **ret_folder);

/* `wanted` is a name, a folder or NULL. To change it, the folder is locked. */
int sl_network_open(const char *wanted, bool to_change, struct sl_network **ret_network);
void sl_network_close(struct sl_network *network);

/* Where a network of that name is, or would be; to be freed. */
char *sl_network_place(const char *name);

/* The certificate of that name that is not revoked, else the last one revoked, or NULL. */
struct sl_issued *sl_network_find(const struct sl_network *network, const char *name);
struct sl_issued *sl_network_find_serial(const struct sl_network *network,
                                         const uint8_t serial[SL_SERIAL_LEN]);
/* -EEXIST (told) if a node of that name was made and is not revoked. */
int sl_network_may_add(const struct sl_network *network, const char *name);

/* Adds to what was issued, and saves. */
int sl_network_record(struct sl_network *network, const struct sl_issued *issued);
int sl_network_save(const struct sl_network *network);

/* network.json: begins it, and reads it (-EBADMSG). */
int sl_network_new_index(const char *folder, const char *name);
int sl_network_load_index(struct sl_network *network);

/* Whether the authority's key is here and its certificate valid at `now`; told if not. */
int sl_network_may_issue(const struct sl_network *network, int64_t now);

/* The revocation list as DER: its length, 0 if nothing was revoked yet, -errno (told). */
int sl_network_crl(const struct sl_network *network, int64_t now, uint8_t ret_der[SL_CRL_MAX]);

#endif
