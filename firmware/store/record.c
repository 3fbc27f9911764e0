#include "store/record.h"

#include "base/prng.h"
#include "base/wire.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

/* Each kind of row starts its sum elsewhere, so that none passes for another. */
enum {
    SUM_ENVELOPE = 1,
    SUM_VAULT = 2,
    SUM_STATE = 3,
};

enum {
    HEAD_LOCAL = 1, /* in the byte of flags */
};

void sl_record_write_head(const struct sl_stored *meta, uint8_t ret_head[SL_HEAD_LEN])
{
    struct sl_writer w;
    sl_writer_init(&w, ret_head, SL_HEAD_LEN);
    sl_write_bytes(&w, meta->id, SL_ID_LEN);
    sl_write_bytes(&w, meta->origin, SL_ORIGIN_LEN);
    sl_write_u8(&w, meta->kind);
    sl_write_u8(&w, meta->hops);
    sl_write_u8(&w, meta->local ? HEAD_LOCAL : 0);
    sl_write_u64(&w, meta->created);
    sl_write_u32(&w, meta->lifetime);
    sl_write_u64(&w, (uint64_t)meta->born);
    int len = sl_write_done(&w);
    assert(len == SL_HEAD_LEN);
}

int sl_record_read_head(const uint8_t *head, size_t len, struct sl_stored *ret_meta)
{
    struct sl_reader r;
    sl_reader_init(&r, head, len);
    struct sl_stored meta = *ret_meta;
    sl_read_copy(&r, meta.id, SL_ID_LEN);
    sl_read_copy(&r, meta.origin, SL_ORIGIN_LEN);
    meta.kind = sl_read_u8(&r);
    meta.hops = sl_read_u8(&r);
    meta.local = sl_read_u8(&r) & HEAD_LOCAL;
    meta.created = sl_read_u64(&r);
    meta.lifetime = sl_read_u32(&r);
    meta.born = (sl_time)sl_read_u64(&r);
    if (sl_read_done(&r) < 0)
        return -EBADMSG;
    *ret_meta = meta;
    return 0;
}

/* One-to-one in `sum`, and for any given `sum` in `word`. */
static void absorb_word(uint64_t *sum, uint64_t word)
{
    *sum = (*sum ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* odd, bits as of the golden ratio */
    *sum ^= *sum >> 32;
}

/* Not through a reader: this is the better part of what a put costs beside SQLite. */
static void absorb(uint64_t *sum, const uint8_t *bytes, size_t len)
{
    absorb_word(sum, len);
    size_t at = 0;
    for (; at + 8 <= len; at += 8) {
        uint64_t word;
        memcpy(&word, &bytes[at], sizeof(word));
        absorb_word(sum, be64toh(word));
    }
    uint64_t last = 0;
    for (; at < len; at++)
        last = last << 8 | bytes[at];
    absorb_word(sum, last);
}

static int64_t finish(uint64_t sum)
{
    sum = sl_splitmix64(&sum);
    return sum == 0 ? 1 : (int64_t)sum;
}

int64_t sl_record_envelope_sum(uint64_t row, const uint8_t head[SL_HEAD_LEN], const uint8_t *body,
                               size_t len)
{
    uint64_t sum = SUM_ENVELOPE;
    absorb_word(&sum, row);
    absorb(&sum, head, SL_HEAD_LEN);
    absorb(&sum, body, len);
    return finish(sum);
}

int64_t sl_record_state_sum(int64_t life, int64_t unix_us)
{
    uint64_t sum = SUM_STATE;
    absorb_word(&sum, (uint64_t)life);
    absorb_word(&sum, (uint64_t)unix_us);
    return finish(sum);
}

int64_t sl_record_vault_sum(const struct sl_record_name *name, const uint8_t *body, size_t len)
{
    uint64_t sum = SUM_VAULT;
    absorb(&sum, name->owner, SL_VAULT_ID_LEN);
    absorb_word(&sum, name->kind);
    absorb(&sum, name->key, SL_VAULT_ID_LEN);
    absorb(&sum, body, len);
    return finish(sum);
}
