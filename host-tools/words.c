#include "words.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MINUTE_S ((int64_t)60)
#define HOUR_S   (60 * MINUTE_S)
#define DAY_S    (24 * HOUR_S)
#define YEAR_S   (365 * DAY_S)

/* "2 h 5 min", or "2 h" if there is no rest. */
static void two_units(char ret_text[SL_WORDS_MAX], int64_t whole, const char *unit, int64_t rest,
                      const char *rest_unit)
{
    if (rest == 0)
        snprintf(ret_text, SL_WORDS_MAX, "%" PRId64 " %s", whole, unit);
    else
        snprintf(ret_text, SL_WORDS_MAX, "%" PRId64 " %s %" PRId64 " %s", whole, unit, rest,
                 rest_unit);
}

void sl_words_duration(int64_t seconds, char ret_text[SL_WORDS_MAX])
{
    if (seconds < MINUTE_S)
        snprintf(ret_text, SL_WORDS_MAX, "%" PRId64 " s", seconds < 0 ? 0 : seconds);
    else if (seconds < HOUR_S)
        snprintf(ret_text, SL_WORDS_MAX, "%" PRId64 " min", seconds / MINUTE_S);
    else if (seconds < DAY_S)
        two_units(ret_text, seconds / HOUR_S, "h", seconds % HOUR_S / MINUTE_S, "min");
    else
        two_units(ret_text, seconds / DAY_S, seconds < 2 * DAY_S ? "day" : "days",
                  seconds % DAY_S / HOUR_S, "h");
}

void sl_words_ago(int64_t seconds, char ret_text[SL_WORDS_MAX])
{
    if (seconds < 10) {
        snprintf(ret_text, SL_WORDS_MAX, "just now");
        return;
    }
    char duration[SL_WORDS_MAX];
    sl_words_duration(seconds, duration);
    snprintf(ret_text, SL_WORDS_MAX, "%.40s ago", duration);
}

static const char *const byte_units[] = {"B", "KiB", "MiB", "GiB", "TiB"};

/* The largest unit in which `bytes` is at least 1. */
static size_t byte_unit(uint64_t bytes)
{
    size_t unit = 0;
    while (unit + 1 < SL_ARRAY_LEN(byte_units) && bytes >> (10 * (unit + 1)) > 0)
        unit++;
    return unit;
}

#define NUMBER_MAX 23

/* One decimal below 10, none above and none that is zero. */
static void in_unit(uint64_t bytes, size_t unit, char ret_text[NUMBER_MAX])
{
    uint64_t tenths = ((bytes >> (10 * unit)) * 10) + (bytes & ((UINT64_C(1) << (10 * unit)) - 1)) *
                                                          10 / (UINT64_C(1) << (10 * unit));
    if (tenths >= 100 || tenths % 10 == 0)
        snprintf(ret_text, NUMBER_MAX, "%" PRIu64, tenths / 10);
    else
        snprintf(ret_text, NUMBER_MAX, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

void sl_words_share(uint64_t bytes, uint64_t bytes_max, char ret_text[SL_WORDS_MAX])
{
    size_t unit = byte_unit(bytes_max);
    char number[NUMBER_MAX], number_max[NUMBER_MAX];
    in_unit(bytes, unit, number);
    in_unit(bytes_max, unit, number_max);
    if (bytes > 0 && strcmp(number, "0") == 0) {
        size_t small = byte_unit(bytes);
        in_unit(bytes, small, number);
        snprintf(ret_text, SL_WORDS_MAX, "%s %s of %s %s", number, byte_units[small], number_max,
                 byte_units[unit]);
        return;
    }
    snprintf(ret_text, SL_WORDS_MAX, "%s of %s %s", number, number_max, byte_units[unit]);
}

void sl_words_count(uint64_t count, char ret_text[SL_WORDS_MAX])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            ret_text[at++] = ',';
        ret_text[at++] = digits[i];
    }
    ret_text[at] = '\0';
}

static void local_time(int64_t unix_time, bool with_time, char ret_text[SL_WORDS_MAX])
{
    time_t when = (time_t)unix_time;
    struct tm parts;
    size_t len = 0;
    if (localtime_r(&when, &parts) != NULL)
        len = with_time ? strftime(ret_text, SL_WORDS_MAX, "%Y-%m-%d %H:%M", &parts)
                        : strftime(ret_text, SL_WORDS_MAX, "%Y-%m-%d", &parts);
    if (len == 0)
        snprintf(ret_text, SL_WORDS_MAX, "?");
}

void sl_words_date(int64_t unix_time, char ret_text[SL_WORDS_MAX])
{
    local_time(unix_time, false, ret_text);
}

void sl_words_date_time(int64_t unix_time, char ret_text[SL_WORDS_MAX])
{
    local_time(unix_time, true, ret_text);
}

/* Seconds in a unit, or 0. */
static int64_t unit_seconds(const char *unit)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {
        {"s", 1},     {"m", MINUTE_S},  {"min", MINUTE_S}, {"h", HOUR_S},
        {"d", DAY_S}, {"w", 7 * DAY_S}, {"y", YEAR_S},
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(units); i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].seconds;
    return 0;
}

int sl_words_parse_duration(const char *text, int64_t *ret_seconds)
{
    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    char *unit = NULL;
    long long number = strtoll(text, &unit, 10);
    while (*unit == ' ')
        unit++;
    int64_t seconds = unit_seconds(unit);
    if (seconds == 0 || number == 0)
        return -EINVAL;
    if (errno == ERANGE || number > 100 * YEAR_S / seconds)
        return -ERANGE;
    *ret_seconds = number * seconds;
    return 0;
}

#define DISTANCE_CHARACTERS 64

/* The first characters as code points, upper-case ASCII folded; bad bytes stand for themselves. */
static size_t code_points(const char *text, uint32_t ret_points[DISTANCE_CHARACTERS])
{
    size_t count = 0;
    for (const uint8_t *at = (const uint8_t *)text; *at != 0; at++) {
        if ((*at & 0xc0) == 0x80 && count > 0) {
            ret_points[count - 1] = ret_points[count - 1] << 6 | (*at & 0x3fU);
            continue;
        }
        if (count == DISTANCE_CHARACTERS)
            break;
        ret_points[count++] = *at < 0x80 ? (uint32_t)tolower(*at) : *at;
    }
    return count;
}

size_t sl_words_distance(const char *a, const char *b)
{
    uint32_t x[DISTANCE_CHARACTERS], y[DISTANCE_CHARACTERS];
    size_t x_len = code_points(a, x), y_len = code_points(b, y);
    size_t rows[3][DISTANCE_CHARACTERS + 1];
    for (size_t j = 0; j <= y_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= x_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= y_len; j++) {
            size_t replaced = above[j - 1] + (x[i - 1] != y[j - 1]);
            row[j] = sl_min_size(replaced, sl_min_size(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
                row[j] = sl_min_size(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[x_len % 3][y_len];
}

/* How far off a name is, or SIZE_MAX if nobody would mean it. What was only begun counts as near.
 */
static size_t likeness(const char *name, const char *candidate)
{
    size_t len = strlen(name);
    size_t distance = sl_words_distance(name, candidate);
    size_t most = len <= 1 ? 0 : len <= 3 ? 1 : len <= 6 ? 2 : 3;
    if (distance <= most)
        return distance;
    if (len >= 2 && strncasecmp(name, candidate, len) == 0)
        return most + 1;
    return SIZE_MAX;
}

size_t sl_words_nearest(const char *name, const char *const *names, size_t count,
                        size_t ret_at[SL_NEAREST_MAX])
{
    size_t found = 0;
    size_t scores[SL_NEAREST_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t score = likeness(name, names[i]);
        size_t place = found;
        while (place > 0 && scores[place - 1] > score)
            place--;
        if (score == SIZE_MAX || place == SL_NEAREST_MAX)
            continue;
        found = sl_min_size(found + 1, SL_NEAREST_MAX);
        for (size_t j = found - 1; j > place; j--) {
            scores[j] = scores[j - 1];
            ret_at[j] = ret_at[j - 1];
        }
        scores[place] = score;
        ret_at[place] = i;
    }
    return found;
}
