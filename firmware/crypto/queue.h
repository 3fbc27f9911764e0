/* Private to crypto/. A bounded first-in first-out row of byte strings; wiped as they leave, for
 * they may hold keys. */
#ifndef SL_CRYPTO_QUEUE_H
#define SL_CRYPTO_QUEUE_H

#include "base/list.h"

struct sl_queue {
    struct sl_list items;
    size_t count;
    size_t count_cap;
};

void sl_queue_init(struct sl_queue *queue, size_t count_cap);
void sl_queue_done(struct sl_queue *queue);

bool sl_queue_full(const struct sl_queue *queue);

/* Copies. False if it is full or memory has run out. */
bool sl_queue_push(struct sl_queue *queue, const uint8_t *bytes, size_t len);

/* The oldest: its length, or 0 if there is none. Longer than cap: cut off. */
size_t sl_queue_pop(struct sl_queue *queue, uint8_t *ret_bytes, size_t cap);

#endif
