#include "qr.h"

#include "output.h"

#include <errno.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET 4 /* modules around the code */

/* Whether the module is dark; the quiet zone and beyond are light. */
static bool is_dark(const QRcode *code, int row, int column)
{
    if (row < 0 || row >= code->width || column < 0 || column >= code->width)
        return false;
    return (code->data[row * code->width + column] & 1) != 0;
}

static void print_rows(FILE *to, const QRcode *code, const char *begin, const char *end)
{
    static const char *const blocks[] = {" ", "\u2580", "\u2584", "\u2588"};
    for (int row = -QUIET; row < code->width + QUIET; row += 2) {
        fputs(begin, to);
        for (int column = -QUIET; column < code->width + QUIET; column++)
            fputs(blocks[is_dark(code, row, column) | is_dark(code, row + 1, column) << 1], to);
        fprintf(to, "%s\n", end);
    }
}

/* -EFBIG if the text does not fit a code, -ENOSPC if the terminal is too narrow; ret_columns then
 * says how many it takes. */
static int print_code(FILE *to, const char *text, size_t *ret_columns)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (code == NULL)
        return errno == ERANGE ? -EFBIG : -ENOMEM;
    size_t columns = (size_t)code->width + 2 * QUIET;
    size_t room = sl_output_columns(to);
    *ret_columns = columns;
    if (room > 0 && room < columns) {
        QRcode_free(code);
        return -ENOSPC;
    }
    bool terminal = isatty(fileno(to)) == 1;
    print_rows(to, code, terminal ? "\033[38;5;16;48;5;231m" : "", terminal ? "\033[0m" : "");
    QRcode_free(code);
    return 0;
}

void sl_qr_show(FILE *to, const char *text)
{
    size_t columns = 0;
    int rc = print_code(to, text, &columns);
    if (rc == -ENOSPC)
        sl_output_error("the QR code is %zu columns wide: make the terminal wider, or its letters "
                        "smaller, and try again.",
                        columns);
    else if (rc == -EFBIG)
        sl_output_error("the link is too long for a QR code: pass it on as text.");
    else if (rc < 0)
        sl_output_error("the QR code cannot be made: %s.", strerror(-rc));
}

int sl_qr_svg(FILE *to, const char *text, double x, double y, double width)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (code == NULL)
        return errno == ERANGE ? -EFBIG : -ENOMEM;
    double scale = width / (code->width + 2 * QUIET);
    fprintf(to,
            "<g transform=\"translate(%.3f %.3f) scale(%.5f)\" "
            "shape-rendering=\"crispEdges\">\n<path d=\"",
            x, y, scale);
    for (int row = 0; row < code->width; row++)
        for (int column = 0; column < code->width; column++)
            if (is_dark(code, row, column))
                fprintf(to, "M%d %dh1v1h-1z", column + QUIET, row + QUIET);
    fputs("\"/>\n</g>\n", to);
    QRcode_free(code);
    return 0;
}
