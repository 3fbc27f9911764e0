/* Files of one line in which the kernel tells how things are (/sys, /proc). */
#ifndef SL_BEARERS_SYSTEM_FILE_H
#define SL_BEARERS_SYSTEM_FILE_H

#include <stddef.h>

/* The first line without its end, cut to what has room; empty if it cannot be read. */
void sl_system_read_line(const char *path, char *ret_line, size_t cap);

#endif
