/* The digest of a store: the sum modulo 2^128 of the ids in it (PROTOCOL.md, Repair). A sum can be
 * taken apart: whether another store is ours without some of what came here last, and so lacks
 * nothing but what is under way, shows in the difference of two digests. Pure. */
#ifndef SL_MESH_DIGEST_H
#define SL_MESH_DIGEST_H

#include "mesh/limits.h"

#define SL_DIGEST_LEN 16

struct sl_digest_sum {
    uint64_t high, low;
};

struct sl_digest {
    struct sl_digest_sum sum;
    struct sl_digest_sum recent[SL_RECENT_MAX]; /* ids that came last, the latest at the end */
    size_t recent_count;
};

/* All zeros: of an empty store. An id is added at most once at a time. */
void sl_digest_add(struct sl_digest *digest, const uint8_t id[SL_ID_LEN]);
void sl_digest_remove(struct sl_digest *digest, const uint8_t id[SL_ID_LEN]);
void sl_digest_write(const struct sl_digest *digest, uint8_t ret_bytes[SL_DIGEST_LEN]);

/* Whether `theirs` is the digest of this store without `lacking` of what came last: the latest
 * ones, but for at most two that came in another order there. Exact: never true by chance. */
bool sl_digest_is_behind(const struct sl_digest *digest, const uint8_t theirs[SL_DIGEST_LEN],
                         size_t lacking);

#endif
