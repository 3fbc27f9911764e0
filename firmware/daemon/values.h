/* Values of the configuration as people write them. Strict: the whole text, or nothing. */
#ifndef SL_DAEMON_VALUES_H
#define SL_DAEMON_VALUES_H

#include "base/base.h"

/* Digits only, from `low` to `high`. */
bool sl_value_number(const char *value, uint64_t low, uint64_t high, uint64_t *ret_number);
bool sl_value_u32(const char *value, uint32_t low, uint32_t high, uint32_t *ret_number);

/* A share from 0 to 1 ("0.25") or in percent ("25%"), as thousandths. */
bool sl_value_share(const char *value, uint32_t *ret_permille);

/* Index of the word in a list that ends with NULL, whatever its case; or -1. */
int sl_value_word(const char *value, const char *const *words);

/* Takes one word of a list into the target. NULL if it is good, else what it should be. */
typedef const char *(*sl_value_take_word)(void *target, const char *word);

/* Each word of a list parted by commas or blanks, up to the first that is not good. NULL, or what
 * that one or the list should be. */
const char *sl_value_each_word(const char *value, sl_value_take_word take, void *target);

#endif
