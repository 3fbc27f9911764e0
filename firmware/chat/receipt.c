#include "chat/receipt.h"

#include <errno.h>
#include <string.h>

void sl_receipt_token(const struct sl_primitives *primitives, enum sl_token_kind kind,
                      const uint8_t receipt_key[SL_RECEIPT_KEY_LEN], const uint8_t id[SL_ID_LEN],
                      uint8_t ret_token[SL_TOKEN_LEN])
{
    const char *label = kind == SL_TOKEN_READ ? "starling read" : "starling delivered";
    uint8_t bytes[SL_RECEIPT_KEY_LEN + SL_ID_LEN];
    memcpy(bytes, receipt_key, SL_RECEIPT_KEY_LEN);
    memcpy(bytes + SL_RECEIPT_KEY_LEN, id, SL_ID_LEN);
    primitives->hash(primitives->ctx, label, NULL, bytes, sizeof(bytes), ret_token, SL_TOKEN_LEN);
    primitives->wipe(primitives->ctx, bytes, sizeof(bytes));
}

int sl_receipt_count(const uint8_t *payload, size_t len)
{
    if (!payload || len == 0 || len % SL_TOKEN_LEN != 0 ||
        len > SL_RECEIPT_TOKENS_MAX * SL_TOKEN_LEN)
        return -EBADMSG;
    return (int)(len / SL_TOKEN_LEN);
}
