/* The worked examples of firmware/PROTOCOL.md, read from the page itself: lines of four spaces, a
 * name, a colon and hex, which may go on in lines of eight spaces. */
#ifndef SL_SIM_EXAMPLES_H
#define SL_SIM_EXAMPLES_H

#include "base/base.h"

/* The bytes of the example of that name; their number. Aborts, and says why, if the page has no
 * such example, or a longer one. Run from the top folder. */
size_t sl_example(const char *name, uint8_t *ret_bytes, size_t cap);

#endif
