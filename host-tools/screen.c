#include "screen.h"

#include "output.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>
#include <readline/readline.h>

/* What was typed may be private: it is remembered for the arrow keys, never written to a file. */
#define HISTORY_LINES 500

static struct {
    struct sl_screen_handlers handlers;
    char *prompt;
    bool prompt_is_new;
    unsigned hidden; /* depth */
    bool open;
    bool ended;
} screen;

/* ---- Showing and hiding ---- */

void sl_screen_hide(void)
{
    if (screen.open && screen.hidden++ == 0) {
        rl_clear_visible_line();
        fflush(rl_outstream);
    }
}

void sl_screen_show(void)
{
    fflush(stdout);
    fflush(stderr);
    if (!screen.open || --screen.hidden > 0 || screen.ended)
        return;
    /* Else left alone: in the middle of a search, readline shows one of its own. */
    if (screen.prompt_is_new)
        rl_set_prompt(screen.prompt);
    screen.prompt_is_new = false;
    rl_on_new_line();
    rl_redisplay();
}

void sl_screen_prompt(const char *prompt)
{
    char *copy = strdup(prompt);
    if (copy == NULL)
        return;
    free(screen.prompt);
    screen.prompt = copy;
    screen.prompt_is_new = true;
}

/* ---- Entering ---- */

static void enter(const char *line)
{
    sl_screen_hide();
    screen.handlers.line(screen.handlers.arg, line);
    sl_screen_show();
}

/* In place of accept-line, which would leave the typed line on the screen: what was sent is shown
 * as the message it became. */
static int accept_line(int count, int key)
{
    (void)count;
    (void)key;
    char *line = strdup(rl_line_buffer);
    sl_screen_hide();
    rl_maybe_unsave_line(); /* an arrow key may have set one aside */
    rl_replace_line("", 1);
    rl_point = 0;
    if (line != NULL && line[0] != '\0') {
        add_history(line);
        stifle_history(HISTORY_LINES);
    }
    using_history();
    if (line != NULL)
        screen.handlers.line(screen.handlers.arg, line);
    if (line != NULL)
        explicit_bzero(line, strlen(line));
    free(line);
    sl_screen_show();
    return 0;
}

/* From readline: the end of input, or accept-line under some other key. */
static void take_line(char *line)
{
    if (line == NULL) {
        screen.ended = true;
        rl_callback_handler_remove();
    } else if (line[0] != '\0') {
        add_history(line);
    }
    enter(line);
    free(line);
}

/* ---- Completion ---- */

static char *next_match(const char *begun, int state)
{
    static size_t at;
    const char *word;
    if (state == 0)
        at = 0;
    size_t len = strlen(begun);
    while ((word = screen.handlers.word(screen.handlers.arg, at)) != NULL) {
        at++;
        if (strncasecmp(word, begun, len) == 0)
            return strdup(word);
    }
    return NULL;
}

static char **complete(const char *begun, int start, int end)
{
    (void)start;
    (void)end;
    rl_attempted_completion_over = 1; /* no names of files */
    return rl_completion_matches(begun, next_match);
}

/* ---- The terminal ---- */

void sl_screen_open(const struct sl_screen_handlers *handlers)
{
    static char word_breaks[] = " \t\n";
    screen.handlers = *handlers;
    screen.hidden = 0;
    screen.ended = false;
    rl_readline_name = "starling";
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = word_breaks;
    rl_basic_word_break_characters = word_breaks;
    using_history();
    rl_initialize(); /* reads inputrc, so that what follows has the last word */
    rl_add_defun("starling-accept", accept_line, -1);
    rl_bind_keyseq_in_map("\\C-m", accept_line, emacs_standard_keymap);
    rl_bind_keyseq_in_map("\\C-j", accept_line, emacs_standard_keymap);
    rl_bind_keyseq_in_map("\\C-m", accept_line, vi_insertion_keymap);
    rl_bind_keyseq_in_map("\\C-m", accept_line, vi_movement_keymap);
    rl_callback_handler_install(screen.prompt, take_line);
    screen.open = true;
}

void sl_screen_close(void)
{
    if (!screen.open)
        return;
    if (!screen.ended) {
        rl_clear_visible_line();
        rl_callback_handler_remove();
    }
    screen.open = false;
    clear_history();
    free(screen.prompt);
    screen.prompt = NULL;
}

void sl_screen_read(void)
{
    if (screen.open && !screen.ended)
        rl_callback_read_char();
}

/* Rows between the beginning of the line and the cursor, on a terminal of that width. */
static size_t rows_above(int columns)
{
    char *typed = strndup(rl_line_buffer, (size_t)rl_point);
    size_t width =
        sl_output_width(rl_display_prompt) + (typed != NULL ? sl_output_width(typed) : 0);
    free(typed);
    return columns > 0 ? width / (size_t)columns : 0;
}

/* readline's own way takes the rows of the old width back, which on a terminal that wraps its lines
 * anew erases a message. The fewer rows of the two leave at worst a piece of the line behind. */
void sl_screen_resize(void)
{
    int rows, old_columns, new_columns;
    if (!screen.open || screen.ended)
        return;
    rl_get_screen_size(&rows, &old_columns);
    rl_reset_screen_size();
    rl_get_screen_size(&rows, &new_columns);
    size_t up = sl_min_size(rows_above(old_columns), rows_above(new_columns));
    if (rl_terminal_name != NULL && strcmp(rl_terminal_name, "dumb") == 0)
        fputc('\n', rl_outstream);
    else if (up > 0)
        fprintf(rl_outstream, "\r\033[%zuA\033[J", up);
    else
        fputs("\r\033[J", rl_outstream);
    rl_on_new_line();
    rl_redisplay();
}

bool sl_screen_abandon(void)
{
    bool typed = rl_end > 0;
    rl_callback_sigcleanup(); /* ends a search or the like, and shows the line again */
    sl_screen_hide();
    rl_maybe_unsave_line();
    rl_replace_line("", 1);
    using_history();
    sl_screen_show();
    return typed;
}

void sl_screen_suspend(void)
{
    sl_screen_hide();
    if (screen.open)
        rl_deprep_terminal();
    raise(SIGSTOP);
    if (screen.open)
        rl_prep_terminal(1);
    sl_screen_resize();
    sl_screen_show();
}
