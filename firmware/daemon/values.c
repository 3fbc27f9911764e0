#include "daemon/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool sl_value_number(const char *value, uint64_t low, uint64_t high, uint64_t *ret_number)
{
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > 18 || value[digits] != '\0')
        return false;
    uint64_t number = strtoull(value, NULL, 10);
    if (number < low || number > high)
        return false;
    *ret_number = number;
    return true;
}

bool sl_value_u32(const char *value, uint32_t low, uint32_t high, uint32_t *ret_number)
{
    uint64_t number;
    if (!sl_value_number(value, low, high, &number))
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

bool sl_value_share(const char *value, uint32_t *ret_permille)
{
    char *end;
    if (value[0] == '\0' || strspn(value, "0123456789.%") != strlen(value))
        return false;
    double share = strtod(value, &end);
    if (strcmp(end, "%") == 0)
        share /= 100;
    else if (*end != '\0')
        return false;
    if (!(share >= 0 && share <= 1))
        return false;
    *ret_permille = (uint32_t)(share * 1000 + 0.5);
    return true;
}

int sl_value_word(const char *value, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcasecmp(value, words[i]) == 0)
            return i;
    return -1;
}

static char *next_word(char **rest)
{
    *rest += strspn(*rest, " \t,");
    if (**rest == '\0')
        return NULL;
    char *word = *rest;
    *rest += strcspn(*rest, " \t,");
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word;
}

const char *sl_value_each_word(const char *value, sl_value_take_word take, void *target)
{
    char words[256];
    char *rest = words;
    const char *expected = NULL;
    if (strlen(value) >= sizeof(words))
        return "a shorter list; the key may be given several times";
    snprintf(words, sizeof(words), "%s", value);
    for (char *word = next_word(&rest); word && !expected; word = next_word(&rest))
        expected = take(target, word);
    return expected;
}
