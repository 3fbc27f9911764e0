/* What a row of the store holds, as bytes, and the sum that tells whether it still holds them. */
#ifndef SL_STORE_RECORD_H
#define SL_STORE_RECORD_H

#include "chat/ports.h"

/* The fields of struct sl_stored that never change, in a row. */
#define SL_HEAD_LEN 47

/* Longest record of the vault; a salvage allocates no more for one. */
#define SL_RECORD_MAX ((size_t)1 << 20)

void sl_record_write_head(const struct sl_stored *meta, uint8_t ret_head[SL_HEAD_LEN]);

/* -EBADMSG. Leaves row, relayed and len of ret_meta alone. */
int sl_record_read_head(const uint8_t *head, size_t len, struct sl_stored *ret_meta);

/* Sums differ for certain when the damage lies within eight bytes of a row, and almost for certain
 * else. They are no protection against somebody who writes to the disk. Never 0. */
int64_t sl_record_envelope_sum(uint64_t row, const uint8_t head[SL_HEAD_LEN], const uint8_t *body,
                               size_t len);
int64_t sl_record_state_sum(int64_t life, int64_t unix_us);

/* Names one record of the vault. */
struct sl_record_name {
    uint8_t owner[SL_VAULT_ID_LEN];
    uint8_t kind;
    uint8_t key[SL_VAULT_ID_LEN];
};

int64_t sl_record_vault_sum(const struct sl_record_name *name, const uint8_t *body, size_t len);

#endif
