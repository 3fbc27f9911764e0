/* QR codes as text, two modules high in each character, through libqrencode. */
#ifndef SL_TOOLS_QR_H
#define SL_TOOLS_QR_H

#include "base/base.h"

#include <stdio.h>

/* Prints `text` as a QR code (ISO/IEC 18004, correction level L, with its quiet zone), on a
 * terminal in black on white, whatever its colours are; or says why that cannot be. */
void sl_qr_show(FILE *to, const char *text);

/* The same as an SVG group with its quiet zone, `width` units wide at (x, y). 0; -EFBIG if the text
 * does not fit a code. */
int sl_qr_svg(FILE *to, const char *text, double x, double y, double width);

#endif
