#include "output.h"

#include "base/text.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static void *or_end(void *memory)
{
    if (memory == NULL) {
        fputs("starling: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Bytes of the first character, or 0 if it is not well-formed. */
static size_t take_character(const uint8_t *bytes, size_t len, uint32_t *ret_point)
{
    size_t width = 1;
    while (width <= 4 && width <= len && !sl_utf8_valid(bytes, width))
        width++;
    if (width > 4 || width > len)
        return 0;
    uint32_t point = width == 1 ? bytes[0] : bytes[0] & (0x7fU >> width);
    for (size_t i = 1; i < width; i++)
        point = point << 6 | (bytes[i] & 0x3fU);
    *ret_point = point;
    return width;
}

struct point_range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t point, const struct point_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* C1 controls, line and paragraph separators, bidirectional embeddings, overrides and isolates,
 * interlinear annotation; noncharacters are harmless. */
static bool is_treacherous(uint32_t point)
{
    static const struct point_range ranges[] = {
        {0x80, 0x9f},
        {0x2028, 0x202e},
        {0x2066, 0x206f},
        {0xfff9, 0xfffb},
    };
    return in_ranges(point, ranges, SL_ARRAY_LEN(ranges));
}

/* What takes no room or looks like a plain space: two names that differ in it look the same. */
static bool is_invisible(uint32_t point)
{
    static const struct point_range ranges[] = {
        {0xa0, 0xa0},     {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},   {0x115f, 0x1160},
        {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200b}, {0x200e, 0x200f}, {0x202f, 0x202f},
        {0x205f, 0x2065}, {0x3164, 0x3164}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xe0000, 0xe0fff},
    };
    return in_ranges(point, ranges, SL_ARRAY_LEN(ranges));
}

/* Joiners shape emoji, Persian and Indic scripts; after Latin letters they only hide. */
static bool is_stray_joiner(uint32_t point, uint32_t previous)
{
    return (point == 0x200c || point == 0x200d) && previous < 0x300;
}

static bool must_show_code(uint32_t point, uint32_t previous, enum sl_clean how)
{
    return is_treacherous(point) ||
           (how == SL_CLEAN_NAME && (is_invisible(point) || is_stray_joiner(point, previous)));
}

static void put_picture(FILE *to, uint32_t control)
{
    uint32_t picture = control == 0x7f ? 0x2421 : 0x2400 + control;
    fprintf(to, "%c%c%c", 0xe2, (int)(0x80 | (picture >> 6 & 0x3f)),
            (int)(0x80 | (picture & 0x3f)));
}

void sl_output_clean(FILE *to, const char *text, enum sl_clean how)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t len = strlen(text), width;
    uint32_t point = 0;
    for (size_t at = 0; at < len; at += width) {
        uint32_t previous = point;
        width = take_character(bytes + at, len - at, &point);
        if (width == 0) {
            fputs("\xef\xbf\xbd", to);
            width = 1;
        } else if ((point == '\n' || point == '\t') && how == SL_CLEAN_TEXT) {
            fputc((int)point, to);
        } else if (point < 0x20 || point == 0x7f) {
            put_picture(to, point);
        } else if (must_show_code(point, previous, how)) {
            fprintf(to, "<U+%04X>", (unsigned)point);
            point = '>'; /* what a joiner would join now */
        } else {
            fwrite(bytes + at, 1, width, to);
        }
    }
}

char *sl_output_cleaned(const char *text, enum sl_clean how)
{
    char *clean = NULL;
    size_t len = 0;
    FILE *to = or_end(open_memstream(&clean, &len));
    sl_output_clean(to, text, how);
    fclose(to);
    return or_end(clean);
}

size_t sl_output_character(const char *text, size_t *ret_columns)
{
    uint32_t point = 0;
    size_t width = take_character((const uint8_t *)text, strnlen(text, 4), &point);
    int columns = width == 0 ? 1 : wcwidth((wchar_t)point);
    *ret_columns = columns > 0 ? (size_t)columns : 0;
    return width == 0 ? 1 : width;
}

size_t sl_output_width(const char *text)
{
    size_t columns = 0;
    while (*text != '\0') {
        size_t more;
        text += sl_output_character(text, &more);
        columns += more;
    }
    return columns;
}

__attribute__((format(printf, 1, 0))) static char *format_list(const char *format, va_list list)
{
    char *text = NULL;
    return vasprintf(&text, format, list) < 0 ? or_end(NULL) : text;
}

char *sl_output_format(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *text = format_list(format, list);
    va_end(list);
    return text;
}

char *sl_output_word(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789%+,-./:=@_";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0')
        return sl_output_format("%s", text);
    char *word = or_end(malloc(4 * strlen(text) + 3)), *at = word;
    *at++ = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            at = stpcpy(at, "'\\''");
        else
            *at++ = *text;
    }
    strcpy(at, "'");
    return word;
}

void sl_output_error(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *text = format_list(format, list);
    va_end(list);
    fflush(stdout);
    fputs("starling: ", stderr);
    sl_output_clean(stderr, text, SL_CLEAN_TEXT);
    fputc('\n', stderr);
    free(text);
}

const char *sl_output_style(FILE *to, enum sl_style style)
{
    static const char *const sequences[] = {"\033[0m", "\033[1m", "\033[2m", "\033[32m",
                                            "\033[31m"};
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool plain = (no_color != NULL && no_color[0] != '\0') || term == NULL ||
                 strcmp(term, "dumb") == 0 || isatty(fileno(to)) == 0;
    return plain ? "" : sequences[style];
}

void sl_output_setup(void)
{
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* JSON and arguments have decimal points */
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

size_t sl_output_columns(FILE *to)
{
    struct winsize size;
    if (ioctl(fileno(to), TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
        return 0;
    return size.ws_col;
}

/* Bytes and columns up to the next space, line feed or end. */
static size_t measure_word(const char *text, size_t *ret_columns)
{
    size_t len = 0, columns = 0, more;
    while (text[len] != '\0' && strchr(" \n\t", text[len]) == NULL) {
        len += sl_output_character(text + len, &more);
        columns += more;
    }
    *ret_columns = columns;
    return len;
}

/* A word that may be longer than a line: broken only before what takes room of its own. */
static size_t put_word(FILE *to, const char *word, size_t len, struct sl_flow *flow)
{
    size_t column = flow->column, columns;
    for (size_t at = 0; at < len;) {
        size_t width = sl_output_character(word + at, &columns);
        if (flow->columns > 0 && columns > 0 && column + columns > flow->columns) {
            fprintf(to, "\n%*s", (int)flow->indent, "");
            column = flow->indent;
        }
        fwrite(word + at, 1, width, to);
        column += columns;
        at += width;
    }
    return column;
}

void sl_output_flow(FILE *to, const char *text, struct sl_flow flow)
{
    char *clean = sl_output_cleaned(text, SL_CLEAN_TEXT);
    for (const char *at = clean; *at != '\0';) {
        size_t columns, len = measure_word(at, &columns);
        bool fits = flow.columns == 0 || flow.column + columns <= flow.columns;
        bool helps = flow.indent + columns <= flow.columns && flow.column > flow.indent;
        if (len > 0 && !fits && helps) {
            fprintf(to, "\n%*s", (int)flow.indent, "");
            flow.column = flow.indent;
        }
        flow.column = put_word(to, at, len, &flow);
        at += len;
        if (*at == '\n') {
            fprintf(to, "\n%*s", (int)flow.indent, "");
            flow.column = flow.indent;
        } else if (*at != '\0') {
            flow.column = put_word(to, " ", 1, &flow);
        }
        at += *at != '\0';
    }
    free(clean);
}

struct sl_table {
    const char *const *headings; /* borrowed */
    size_t column_count;
    size_t *widths; /* of each column */
    char **cells;
    size_t cell_count;
};

static const char *heading(const struct sl_table *table, size_t column)
{
    const char *text = table->headings[column];
    return text[0] == '>' ? text + 1 : text;
}

struct sl_table *sl_table_new(const char *const *headings, size_t column_count)
{
    struct sl_table *table = or_end(calloc(1, sizeof(*table)));
    table->headings = headings;
    table->column_count = column_count;
    table->widths = or_end(calloc(column_count, sizeof(*table->widths)));
    for (size_t i = 0; i < column_count; i++)
        table->widths[i] = sl_output_width(heading(table, i));
    return table;
}

void sl_table_free(struct sl_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table->widths);
    free(table);
}

void sl_table_cell(struct sl_table *table, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *text = format_list(format, list);
    va_end(list);
    char *cell = sl_output_cleaned(text, SL_CLEAN_NAME);
    free(text);
    table->cells = or_end(reallocarray(table->cells, table->cell_count + 1, sizeof(*table->cells)));
    size_t *width = &table->widths[table->cell_count % table->column_count];
    table->cells[table->cell_count++] = cell;
    size_t cell_width = sl_output_width(cell);
    *width = cell_width > *width ? cell_width : *width;
}

/* One cell, padded by columns and not by bytes; nothing after the last of a row. */
static void print_cell(const struct sl_table *table, size_t column, const char *text, FILE *to)
{
    bool last = column + 1 == table->column_count;
    bool right = table->headings[column][0] == '>';
    int pad = (int)(table->widths[column] - sl_output_width(text));
    fprintf(to, "%*s%s%*s%s", right ? pad : 0, "", text, right || last ? 0 : pad, "",
            last ? "\n" : "  ");
}

void sl_table_print(const struct sl_table *table, FILE *to)
{
    fputs(sl_output_style(to, SL_STYLE_DIM), to);
    for (size_t column = 0; column < table->column_count; column++)
        print_cell(table, column, heading(table, column), to);
    fputs(sl_output_style(to, SL_STYLE_PLAIN), to);
    for (size_t i = 0; i < table->cell_count; i++)
        print_cell(table, i % table->column_count, table->cells[i], to);
}
