/* Where passphrases come from: a file that nobody else can read, or the terminal without echo.
 * Never the command line, which other users can see. */
#ifndef SL_TOOLS_PASSPHRASE_H
#define SL_TOOLS_PASSPHRASE_H

#include "args.h"

#define SL_PASSPHRASE_MAX 1024

/* From --passphrase-file or $STARLING_PASSPHRASE_FILE (its first line), else asked with `prompt`,
 * twice if `twice`. False if there is none (told). The caller wipes it. */
bool sl_passphrase_get(const struct sl_settings *settings, const char *prompt, bool twice,
                       char ret_passphrase[SL_PASSPHRASE_MAX]);

/* One line from the terminal, with echo; false at its end, or if there is no terminal. */
bool sl_passphrase_ask_line(const char *prompt, char *ret_line, size_t cap);

/* A yes or no from the terminal; no if there is none. */
bool sl_passphrase_confirm(const char *question);

#endif
