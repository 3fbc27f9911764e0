/* The heap with accounts (sim/crowd_memory.h). The program is linked with --wrap for each of these
 * four, so that __real_malloc is the C library's. */
#include "sim/crowd_memory.h"

#include <malloc.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static void add(int64_t bytes)
{
    int64_t *account = sl_memory_account();
    if (account)
        *account += bytes;
}

static int64_t size_of(void *memory)
{
    return (int64_t)malloc_usable_size(memory);
}

void *__wrap_malloc(size_t size)
{
    void *memory = __real_malloc(size);
    add(size_of(memory));
    return memory;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *memory = __real_calloc(count, size);
    add(size_of(memory));
    return memory;
}

void *__wrap_realloc(void *memory, size_t size)
{
    int64_t before = size_of(memory);
    void *moved = __real_realloc(memory, size);
    if (moved || size == 0)
        add(size_of(moved) - before);
    return moved;
}

void __wrap_free(void *memory)
{
    add(-size_of(memory));
    __real_free(memory);
}
