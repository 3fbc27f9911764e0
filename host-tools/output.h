/* What the tools print. Others write what comes from the network: nothing of it reaches a terminal
 * but through sl_output_clean(), which tables and errors call themselves. */
#ifndef SL_TOOLS_OUTPUT_H
#define SL_TOOLS_OUTPUT_H

#include "base/base.h"

#include <stdio.h>

enum sl_clean {
    SL_CLEAN_TEXT, /* what people write: line feeds stay, and so do the joiners that emoji need */
    SL_CLEAN_NAME, /* one line, and nothing invisible that could make two names look alike */
};

/* Writes `text` so that it is safe on a terminal: control characters as pictures (U+2400 on), bytes
 * that are not UTF-8 as U+FFFD, characters that reorder or hide what stands around them as
 * <U+202E>. */
void sl_output_clean(FILE *to, const char *text, enum sl_clean how);

/* The same as a text to be freed. */
char *sl_output_cleaned(const char *text, enum sl_clean how);

/* Columns that a clean text takes on a terminal, combining marks and wide characters as wcwidth(3).
 */
size_t sl_output_width(const char *text);

/* Bytes of the first character of a text that is not empty, and its columns. */
size_t sl_output_character(const char *text, size_t *ret_columns);

/* Width of the terminal behind `to`; 0 if it is none. */
size_t sl_output_columns(FILE *to);

/* Writes what a person wrote, cleaned and broken into lines that all begin at `indent`: else it
 * could look like a line of somebody else's. `column` is where it begins; `columns` 0 breaks at
 * line feeds only. */
struct sl_flow {
    size_t column, indent, columns;
};
void sl_output_flow(FILE *to, const char *text, struct sl_flow flow);

/* A text as one word of a shell command that a person may copy: quoted if it has to be. To be
 * freed.
 */
char *sl_output_word(const char *text);

/* As asprintf(3), but ends the program when memory does: the tools have nothing better to do. */
char *sl_output_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "starling: ..." on standard error: what is wrong and what to do, cleaned. */
void sl_output_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An escape sequence if `to` is a terminal that wants it (NO_COLOR is not set), else "". */
enum sl_style { SL_STYLE_PLAIN, SL_STYLE_BOLD, SL_STYLE_DIM, SL_STYLE_GOOD, SL_STYLE_BAD };
const char *sl_output_style(FILE *to, enum sl_style style);

/* LC_CTYPE as UTF-8, whatever the environment says: the mesh speaks nothing else. */
void sl_output_setup(void);

/* A table. Headings that begin with '>' stand right, above numbers. */
struct sl_table;
struct sl_table *sl_table_new(const char *const *headings, size_t column_count);
void sl_table_free(struct sl_table *table);
/* The next cell, from left to right and row by row. */
void sl_table_cell(struct sl_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sl_table_print(const struct sl_table *table, FILE *to);

#endif
