/* Bounded reader and writer for wire formats. Errors are sticky: decode with a straight list of
 * reads and look once, in sl_read_done(). All integers are big-endian. */
#ifndef SL_BASE_WIRE_H
#define SL_BASE_WIRE_H

#include "base/base.h"

struct sl_reader {
    const uint8_t *bytes;
    size_t len;
    size_t at;
    bool failed;
};

/* Borrows `bytes` until the reader and everything it handed out is out of use. */
void sl_reader_init(struct sl_reader *r, const uint8_t *bytes, size_t len);

/* Past the end these return 0 (or NULL, or a copy of zeros) and mark the reader as failed. */
uint8_t sl_read_u8(struct sl_reader *r);
uint16_t sl_read_u16(struct sl_reader *r);
uint32_t sl_read_u32(struct sl_reader *r);
uint64_t sl_read_u64(struct sl_reader *r);
void sl_read_copy(struct sl_reader *r, uint8_t *ret_bytes, size_t len);

/* A slice of the input, borrowed; NULL if there are fewer than `len` bytes. `len` may be 0. */
const uint8_t *sl_read_slice(struct sl_reader *r, size_t len);

/* Bytes not yet read; 0 after a failure. */
size_t sl_read_left(const struct sl_reader *r);

/* Marks the input as bad, for a value out of range. */
void sl_read_fail(struct sl_reader *r);

bool sl_read_failed(const struct sl_reader *r);

/* 0 if everything was read and nothing failed, else -EBADMSG. */
int sl_read_done(const struct sl_reader *r);

struct sl_writer {
    uint8_t *bytes;
    size_t cap;
    size_t len;
    bool failed;
};

/* `cap` is at most INT_MAX. What does not fit is not begun, and nothing is written after it. */
void sl_writer_init(struct sl_writer *w, uint8_t *bytes, size_t cap);
void sl_write_u8(struct sl_writer *w, uint8_t value);
void sl_write_u16(struct sl_writer *w, uint16_t value);
void sl_write_u32(struct sl_writer *w, uint32_t value);
void sl_write_u64(struct sl_writer *w, uint64_t value);
void sl_write_bytes(struct sl_writer *w, const uint8_t *bytes, size_t len);
void sl_write_zeros(struct sl_writer *w, size_t len);

/* Room for `len` bytes that the caller fills; NULL (and failed) if there is none. */
uint8_t *sl_write_reserve(struct sl_writer *w, size_t len);

size_t sl_write_left(const struct sl_writer *w);

/* Number of bytes written, or -ENOBUFS if something did not fit. */
int sl_write_done(const struct sl_writer *w);

#endif
