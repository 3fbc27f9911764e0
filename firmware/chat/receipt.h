/* Receipts (PROTOCOL.md, Receipt): tokens that only who opened a message can make, and that tell
 * nobody but its sender which message they are about. */
#ifndef SL_CHAT_RECEIPT_H
#define SL_CHAT_RECEIPT_H

#include "chat/direct.h"

#define SL_TOKEN_LEN          16
#define SL_RECEIPT_TOKENS_MAX 16 /* in one envelope: 256 bytes, like a small message */
#define SL_RECEIPT_DELAY      (200 * SL_MILLISECOND)

enum sl_token_kind { SL_TOKEN_DELIVERED, SL_TOKEN_READ };

void sl_receipt_token(const struct sl_primitives *primitives, enum sl_token_kind kind,
                      const uint8_t receipt_key[SL_RECEIPT_KEY_LEN], const uint8_t id[SL_ID_LEN],
                      uint8_t ret_token[SL_TOKEN_LEN]);

/* Number of tokens in a payload, which are one behind the other; or -EBADMSG. */
int sl_receipt_count(const uint8_t *payload, size_t len);

#endif
