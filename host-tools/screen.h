/* The line being typed at the foot of a terminal, through GNU readline's callback interface, with
 * everything else printed above it. One at a time: readline keeps its state in globals. */
#ifndef SL_TOOLS_SCREEN_H
#define SL_TOOLS_SCREEN_H

#include "base/base.h"

struct sl_screen_handlers {
    void *arg;
    /* A line was entered; NULL at the end of input (Ctrl-D). Called while the line is hidden. */
    void (*line)(void *arg, const char *line);
    /* Number `at` of the words to complete from; NULL past the last. Borrowed. */
    const char *(*word)(void *arg, size_t at);
};

/* Takes the terminal over. */
void sl_screen_open(const struct sl_screen_handlers *handlers);
/* Gives it back, with the cursor on a line of its own. */
void sl_screen_close(void);

/* What stands before the line; shown from the next sl_screen_show(). */
void sl_screen_prompt(const char *prompt);

/* Print only between these two; they nest. */
void sl_screen_hide(void);
void sl_screen_show(void);

/* Whenever the terminal has input. */
void sl_screen_read(void);

/* After SIGWINCH; after SIGINT (true if there was a line, which is now gone); at SIGTSTP, stops the
 * program and comes back with the line intact. */
void sl_screen_resize(void);
bool sl_screen_abandon(void);
void sl_screen_suspend(void);

#endif
