/* Where and when an envelope entered the mesh. Everything that is sealed or signed inside one is
 * bound to it, so that it cannot be lifted into another envelope. */
#ifndef SL_CHAT_STAMP_H
#define SL_CHAT_STAMP_H

#include "base/wire.h"
#include "mesh/envelope.h"

#define SL_STAMP_LEN  (SL_ORIGIN_LEN + 8)
#define SL_SALT_LEN   8
#define SL_XNONCE_LEN 24

struct sl_stamp {
    uint8_t origin[SL_ORIGIN_LEN];
    uint64_t created; /* Unix microseconds, mesh clock of the origin */
};

static inline void sl_stamp_write(struct sl_writer *w, const struct sl_stamp *stamp)
{
    sl_write_bytes(w, stamp->origin, SL_ORIGIN_LEN);
    sl_write_u64(w, stamp->created);
}

/* Origin, creation time and salt: never twice under one key, even if a clock is lost. */
static inline void sl_stamp_nonce(const struct sl_stamp *stamp, const uint8_t salt[SL_SALT_LEN],
                                  uint8_t ret_nonce[SL_XNONCE_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_nonce, SL_XNONCE_LEN);
    sl_stamp_write(&w, stamp);
    sl_write_bytes(&w, salt, SL_SALT_LEN);
}

#endif
