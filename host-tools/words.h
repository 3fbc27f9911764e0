/* Quantities as people say and write them, and the nearest of several names. Pure. */
#ifndef SL_TOOLS_WORDS_H
#define SL_TOOLS_WORDS_H

#include "base/base.h"

/* Room for every text below, with its NUL. */
#define SL_WORDS_MAX 64

/* "40 s", "3 min", "2 h 5 min", "4 days 2 h". Negative counts as 0. */
void sl_words_duration(int64_t seconds, char ret_text[SL_WORDS_MAX]);

/* "just now" or "3 min ago". */
void sl_words_ago(int64_t seconds, char ret_text[SL_WORDS_MAX]);

/* "3.1 of 64 MiB": both in the unit of the second; "2.5 KiB of 64 MiB" if that would say 0. */
void sl_words_share(uint64_t bytes, uint64_t bytes_max, char ret_text[SL_WORDS_MAX]);

/* "1,204". */
void sl_words_count(uint64_t count, char ret_text[SL_WORDS_MAX]);

/* Local date, "2027-03-01"; with the time of day, "2027-03-01 14:02". */
void sl_words_date(int64_t unix_time, char ret_text[SL_WORDS_MAX]);
void sl_words_date_time(int64_t unix_time, char ret_text[SL_WORDS_MAX]);

/* "90s", "30m" or "30min", "24h", "7d", "2w", "1y": seconds, more than 0. -EINVAL; -ERANGE past 100
 * years. */
int sl_words_parse_duration(const char *text, int64_t *ret_seconds);

/* Insertions, deletions, replacements and swaps of neighbouring characters that turn one into the
 * other, without regard to the case of ASCII letters (Damerau and Levenshtein, optimal string
 * alignment). Characters past the 64th are not looked at. */
size_t sl_words_distance(const char *a, const char *b);

/* Numbers of the names that someone who wrote `name` may have meant, nearest first; how many. */
#define SL_NEAREST_MAX 3
size_t sl_words_nearest(const char *name, const char *const *names, size_t count,
                        size_t ret_at[SL_NEAREST_MAX]);

#endif
