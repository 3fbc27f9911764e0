/* Keeping the resident set small on boards with 256 MB. */
#ifndef SL_DAEMON_FOOTPRINT_H
#define SL_DAEMON_FOOTPRINT_H

/* Gives the kernel back the pages of program and libraries that are only read, and what the heap
 * does not need. Those still in use come back from the page cache at their next use; those that
 * only starting needed, or a handshake an hour ago, stay away. */
void sl_footprint_trim(void);

#endif
