#include "base/wire.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

/* Where slices of length 0 point if the buffer is NULL: NULL would mean failure, and C11 knows no
 * arithmetic on it, not even adding 0. */
static uint8_t nothing[1];

void sl_reader_init(struct sl_reader *r, const uint8_t *bytes, size_t len)
{
    assert(bytes || len == 0);
    *r = (struct sl_reader){.bytes = bytes ? bytes : nothing, .len = len};
}

const uint8_t *sl_read_slice(struct sl_reader *r, size_t len)
{
    if (r->failed || len > r->len - r->at) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *slice = r->bytes + r->at;
    r->at += len;
    return slice;
}

static uint64_t read_integer(struct sl_reader *r, size_t width)
{
    const uint8_t *bytes = sl_read_slice(r, width);
    if (!bytes)
        return 0;
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t sl_read_u8(struct sl_reader *r)
{
    return (uint8_t)read_integer(r, 1);
}

uint16_t sl_read_u16(struct sl_reader *r)
{
    return (uint16_t)read_integer(r, 2);
}

uint32_t sl_read_u32(struct sl_reader *r)
{
    return (uint32_t)read_integer(r, 4);
}

uint64_t sl_read_u64(struct sl_reader *r)
{
    return read_integer(r, 8);
}

void sl_read_copy(struct sl_reader *r, uint8_t *ret_bytes, size_t len)
{
    const uint8_t *bytes = sl_read_slice(r, len);
    if (len == 0)
        return;
    if (bytes)
        memcpy(ret_bytes, bytes, len);
    else
        memset(ret_bytes, 0, len);
}

size_t sl_read_left(const struct sl_reader *r)
{
    return r->failed ? 0 : r->len - r->at;
}

void sl_read_fail(struct sl_reader *r)
{
    r->failed = true;
}

bool sl_read_failed(const struct sl_reader *r)
{
    return r->failed;
}

int sl_read_done(const struct sl_reader *r)
{
    return r->failed || r->at != r->len ? -EBADMSG : 0;
}

void sl_writer_init(struct sl_writer *w, uint8_t *bytes, size_t cap)
{
    assert(bytes || cap == 0);
    assert(cap <= INT_MAX);
    *w = (struct sl_writer){.bytes = bytes ? bytes : nothing, .cap = cap};
}

uint8_t *sl_write_reserve(struct sl_writer *w, size_t len)
{
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *room = w->bytes + w->len;
    w->len += len;
    return room;
}

static void put_integer(uint8_t *room, uint64_t value, size_t width)
{
    for (size_t i = width; i > 0; i--) {
        room[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

static void write_integer(struct sl_writer *w, uint64_t value, size_t width)
{
    uint8_t *room = sl_write_reserve(w, width);
    if (room)
        put_integer(room, value, width);
}

void sl_write_u8(struct sl_writer *w, uint8_t value)
{
    write_integer(w, value, 1);
}

void sl_write_u16(struct sl_writer *w, uint16_t value)
{
    write_integer(w, value, 2);
}

void sl_write_u32(struct sl_writer *w, uint32_t value)
{
    write_integer(w, value, 4);
}

void sl_write_u64(struct sl_writer *w, uint64_t value)
{
    write_integer(w, value, 8);
}

void sl_write_bytes(struct sl_writer *w, const uint8_t *bytes, size_t len)
{
    assert(bytes || len == 0);
    uint8_t *room = sl_write_reserve(w, len);
    if (room && len > 0)
        memcpy(room, bytes, len);
}

void sl_write_zeros(struct sl_writer *w, size_t len)
{
    uint8_t *room = sl_write_reserve(w, len);
    if (room)
        memset(room, 0, len);
}

size_t sl_write_left(const struct sl_writer *w)
{
    return w->failed ? 0 : w->cap - w->len;
}

int sl_write_done(const struct sl_writer *w)
{
    return w->failed ? -ENOBUFS : (int)w->len;
}
