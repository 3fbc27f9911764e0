#include "daemon/footprint.h"

#include "base/base.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

/* Read-only segments are private mappings of files that nobody wrote to: dropping their pages loses
 * nothing (madvise(2), MADV_DONTNEED). Segments with relocations are writable by their flags, so
 * they are left alone even where RELRO protects them later. */
static int trim_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    (void)arg;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
            continue;
        uintptr_t first = (info->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t end = (info->dlpi_addr + segment->p_vaddr + segment->p_filesz) & ~(page - 1);
        if (end > first)
            madvise((void *)first, end - first, MADV_DONTNEED);
    }
    return 0;
}

void sl_footprint_trim(void)
{
    malloc_trim(0);
    dl_iterate_phdr(trim_object, NULL);
}
