/* QR codes as text, two modules high in each character, through libqrencode. */
#ifndef SL_TOOLS_QR_H
#define SL_TOOLS_QR_H

#include "base/base.h"

#include <stdio.h>

/* Prints `text` as a QR code (ISO/IEC 18004, correction level L, with its quiet zone). On a
 * terminal in black on white, whatever its colours are. -EFBIG if the text does not fit a code,
 * -ENOSPC if the terminal is too narrow; ret_columns then says how many it takes. */
int sl_qr_print(FILE *to, const char *text, size_t *ret_columns);

/* As sl_qr_print(), with words for what goes wrong. */
void sl_qr_show(FILE *to, const char *text);

#endif
