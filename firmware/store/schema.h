/* What the store's file looks like, version by version.
 *
 * Version 2: envelope (row, head, body, relayed, sum), vault (row, owner, kind, key, body, sum) and
 * state (version, life, unix, sum), the last with one row. `head` is that of record.h. `relayed` is
 * 0, or equal to the row's sum, so that no flipped bit shows a state that was not earned. The
 * version stands in the file's header (user_version) and in the table state: every version to come
 * keeps both, so that a damaged header is not taken for a newer version. */
#ifndef SL_STORE_SCHEMA_H
#define SL_STORE_SCHEMA_H

#include "store/sql.h"

#define SL_SCHEMA_VERSION 2

/* "Star" as a number: the application_id of the file's header. */
#define SL_SCHEMA_APPLICATION 0x53746172

#define SL_SCHEMA_PAGE_SIZE 4096

/* The tables of this version, in an empty file. */
int sl_schema_create(struct sqlite3 *db);

/* The version of a file. -EBADMSG if it holds no store or contradicts itself. */
int sl_schema_version(struct sqlite3 *db, int *ret_version);

/* Brings an older version up to this one, in one transaction: after an error, or a power cut, it is
 * what it was before. -EBADMSG, -ENOSPC, -EIO, -EROFS. */
int sl_schema_migrate(struct sqlite3 *db, int version);

#endif
