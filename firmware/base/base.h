/* What every file may use: time, sizes, and the few helpers that belong nowhere else. */
#ifndef SL_BASE_BASE_H
#define SL_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds on the node's life clock: monotonic, and continued (not reset) across restarts, so
 * that ages computed from it stay true. Not a date; the mesh clock (mesh/clock.h) gives dates. */
typedef int64_t sl_time;

#define SL_NEVER       INT64_MAX
#define SL_MILLISECOND ((sl_time)1000)
#define SL_SECOND      ((sl_time)1000000)
#define SL_MINUTE      (60 * SL_SECOND)
#define SL_HOUR        (60 * SL_MINUTE)
#define SL_DAY         (24 * SL_HOUR)

#define SL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define SL_CONTAINER_OF(pointer, type, member)                                                     \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline size_t sl_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline sl_time sl_min_time(sl_time a, sl_time b)
{
    return a < b ? a : b;
}

#endif
