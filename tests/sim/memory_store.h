/* The store and vault ports in memory, with faults to order. */
#ifndef SL_SIM_MEMORY_STORE_H
#define SL_SIM_MEMORY_STORE_H

#include "chat/ports.h"

struct sl_memory_store;

struct sl_memory_store *sl_memory_store_new(void);
void sl_memory_store_free(struct sl_memory_store *store);

void sl_memory_store_port(struct sl_memory_store *store, struct sl_store_port *ret_port);
void sl_memory_store_vault(struct sl_memory_store *store, struct sl_vault_port *ret_vault);

/* From now on put() returns that (-EIO, -ENOSPC, -EROFS: kept in memory and lost by a power cut;
 * -ENOMEM, -ENOBUFS: not kept). 0: works again. */
void sl_memory_store_fail(struct sl_memory_store *store, int error);

/* From now on get() returns that. */
void sl_memory_store_fail_reads(struct sl_memory_store *store, int error);

/* What was not synced is gone. */
void sl_memory_store_power_cut(struct sl_memory_store *store);

/* Everything that was put so far survives a power cut: as if a second had passed. */
void sl_memory_store_commit(struct sl_memory_store *store);

size_t sl_memory_store_count(const struct sl_memory_store *store);
size_t sl_memory_store_vault_count(const struct sl_memory_store *store);

/* Whether any byte string kept anywhere (envelopes, vault) holds `bytes`. */
bool sl_memory_store_contains(const struct sl_memory_store *store, const void *bytes, size_t len);

#endif
