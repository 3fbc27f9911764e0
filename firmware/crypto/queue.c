#include "crypto/queue.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct item {
    struct sl_list link;
    size_t len;
    uint8_t bytes[];
};

void sl_queue_init(struct sl_queue *queue, size_t count_cap)
{
    sl_list_init(&queue->items);
    queue->count = 0;
    queue->count_cap = count_cap;
}

static void drop(struct sl_queue *queue, struct item *item)
{
    sl_list_remove(&item->link);
    queue->count--;
    sodium_memzero(item->bytes, item->len);
    free(item);
}

static struct item *first(struct sl_queue *queue)
{
    if (sl_list_empty(&queue->items))
        return NULL;
    return SL_CONTAINER_OF(queue->items.next, struct item, link);
}

void sl_queue_done(struct sl_queue *queue)
{
    while (queue->count > 0)
        drop(queue, first(queue));
}

bool sl_queue_full(const struct sl_queue *queue)
{
    return queue->count >= queue->count_cap;
}

bool sl_queue_push(struct sl_queue *queue, const uint8_t *bytes, size_t len)
{
    if (sl_queue_full(queue))
        return false;
    struct item *item = malloc(sizeof(*item) + len);
    if (!item)
        return false;
    item->len = len;
    memcpy(item->bytes, bytes, len);
    sl_list_append(&queue->items, &item->link);
    queue->count++;
    return true;
}

size_t sl_queue_pop(struct sl_queue *queue, uint8_t *ret_bytes, size_t cap)
{
    struct item *item = first(queue);
    if (!item)
        return 0;
    size_t len = sl_min_size(item->len, cap);
    memcpy(ret_bytes, item->bytes, len);
    drop(queue, item);
    return len;
}
