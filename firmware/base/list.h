/* Intrusive doubly linked list; the head is a node of its own. */
#ifndef SL_BASE_LIST_H
#define SL_BASE_LIST_H

#include "base/base.h"

struct sl_list {
    struct sl_list *prev;
    struct sl_list *next;
};

static inline void sl_list_init(struct sl_list *head)
{
    head->prev = head;
    head->next = head;
}

static inline bool sl_list_empty(const struct sl_list *head)
{
    return head->next == head;
}

static inline void sl_list_insert(struct sl_list *before, struct sl_list *item)
{
    item->prev = before->prev;
    item->next = before;
    before->prev->next = item;
    before->prev = item;
}

static inline void sl_list_append(struct sl_list *head, struct sl_list *item)
{
    sl_list_insert(head, item);
}

static inline void sl_list_remove(struct sl_list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    sl_list_init(item);
}

#define SL_LIST_FOR_EACH(item, head)                                                               \
    for (struct sl_list *item = (head)->next; item != (head); item = item->next)

/* The current item may be removed inside the loop. */
#define SL_LIST_FOR_EACH_SAFE(item, head)                                                          \
    for (struct sl_list *item = (head)->next, *item##_next = item->next; item != (head);           \
         item = item##_next, item##_next = item->next)

#endif
