#include "mesh/digest.h"

#include "base/wire.h"

#include <string.h>

/* How far from its place an id may have come in another order: at most SWAPS_MAX of so many on
 * either side are tried, some 4,400 sums. */
enum { REACH = 12 };

static struct sl_digest_sum sum_of(const uint8_t bytes[SL_DIGEST_LEN])
{
    struct sl_digest_sum sum;
    struct sl_reader r;
    sl_reader_init(&r, bytes, SL_DIGEST_LEN);
    sum.high = sl_read_u64(&r);
    sum.low = sl_read_u64(&r);
    return sum;
}

static struct sl_digest_sum plus(struct sl_digest_sum a, struct sl_digest_sum b)
{
    uint64_t low = a.low + b.low;
    return (struct sl_digest_sum){a.high + b.high + (low < b.low), low};
}

static struct sl_digest_sum minus(struct sl_digest_sum a, struct sl_digest_sum b)
{
    return (struct sl_digest_sum){a.high - b.high - (a.low < b.low), a.low - b.low};
}

static bool is_zero(struct sl_digest_sum a)
{
    return (a.high | a.low) == 0;
}

static bool is_same(struct sl_digest_sum a, struct sl_digest_sum b)
{
    return is_zero(minus(a, b));
}

void sl_digest_add(struct sl_digest *digest, const uint8_t id[SL_ID_LEN])
{
    struct sl_digest_sum value = sum_of(id);
    digest->sum = plus(digest->sum, value);
    if (digest->recent_count == SL_RECENT_MAX)
        memmove(digest->recent, digest->recent + 1,
                --digest->recent_count * sizeof(digest->recent[0]));
    digest->recent[digest->recent_count++] = value;
}

void sl_digest_remove(struct sl_digest *digest, const uint8_t id[SL_ID_LEN])
{
    struct sl_digest_sum value = sum_of(id);
    size_t i = 0;
    digest->sum = minus(digest->sum, value);
    while (i < digest->recent_count && !is_same(digest->recent[i], value))
        i++;
    if (i == digest->recent_count)
        return;
    digest->recent_count--;
    memmove(digest->recent + i, digest->recent + i + 1,
            (digest->recent_count - i) * sizeof(digest->recent[0]));
}

void sl_digest_write(const struct sl_digest *digest, uint8_t ret_bytes[SL_DIGEST_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_bytes, SL_DIGEST_LEN);
    sl_write_u64(&w, digest->sum.high);
    sl_write_u64(&w, digest->sum.low);
}

/* Ids around the place from which on they lack what came. */
struct boundary {
    const struct sl_digest_sum *before, *after; /* that they have; that they lack */
    size_t before_count, after_count;
};

/* Whether, of one or of two pairs, `wrong` is what they lack instead less what they have instead:
 * the sums of two before are looked for among those of two after. */
static bool is_swap(const struct boundary *at, struct sl_digest_sum wrong)
{
    for (size_t i = 0; i < at->before_count; i++)
        for (size_t j = 0; j < at->after_count; j++)
            if (is_same(minus(at->before[i], at->after[j]), wrong))
                return true;
    return false;
}

static bool are_two_swaps(const struct boundary *at, struct sl_digest_sum wrong)
{
    for (size_t i = 0; i < at->before_count; i++)
        for (size_t j = 0; j < at->after_count; j++) {
            struct boundary rest = {at->before + i + 1, at->after + j + 1, at->before_count - i - 1,
                                    at->after_count - j - 1};
            if (is_swap(&rest, minus(wrong, minus(at->before[i], at->after[j]))))
                return true;
        }
    return false;
}

bool sl_digest_is_behind(const struct sl_digest *digest, const uint8_t theirs[SL_DIGEST_LEN],
                         size_t lacking)
{
    struct sl_digest_sum wrong = minus(digest->sum, sum_of(theirs));
    if (lacking > digest->recent_count)
        return false;
    size_t first = digest->recent_count - lacking;
    for (size_t i = first; i < digest->recent_count; i++)
        wrong = minus(wrong, digest->recent[i]);
    size_t before = sl_min_size(first, REACH);
    struct boundary at = {
        .before = digest->recent + first - before,
        .before_count = before,
        .after = digest->recent + first,
        .after_count = sl_min_size(lacking, REACH),
    };
    return is_zero(wrong) || is_swap(&at, wrong) || are_two_swaps(&at, wrong);
}
