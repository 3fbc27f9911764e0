/* Bytes as text and text as text: hexadecimal, base64url (RFC 4648, 5, without padding), UTF-8. */
#ifndef SL_BASE_TEXT_H
#define SL_BASE_TEXT_H

#include "base/base.h"

/* `ret_text` holds 2 * len + 1 characters. Lower case. */
void sl_hex_encode(const uint8_t *bytes, size_t len, char *ret_text);

/* Exactly `len` bytes from exactly 2 * len digits (of either case) and a NUL. -EINVAL, ret_bytes
 * untouched. */
int sl_hex_decode(const char *text, uint8_t *ret_bytes, size_t len);

/* Characters needed for `len` bytes, without the final NUL. */
size_t sl_base64_len(size_t len);

/* `cap` counts the final NUL. -ENOBUFS. */
int sl_base64_encode(const uint8_t *bytes, size_t len, char *ret_text, size_t cap);

/* Number of bytes, or -EINVAL (also for non-canonical tails), or -ENOBUFS. `cap` up to INT_MAX. */
int sl_base64_decode(const char *text, size_t text_len, uint8_t *ret_bytes, size_t cap);

/* Well-formed UTF-8 (RFC 3629: no overlongs, no surrogates, nothing past U+10FFFF) without NUL. */
bool sl_utf8_valid(const uint8_t *bytes, size_t len);

/* Length of the longest prefix of at most `cap` bytes that does not cut a character (a code point)
 * of valid text in two. */
size_t sl_utf8_prefix(const uint8_t *bytes, size_t len, size_t cap);

/* True for text that may be shown on a terminal as it is: valid UTF-8 in which the only control
 * characters (C0, DEL, C1) are line feed and tab, and without the bidirectional embeddings,
 * overrides and isolates (U+202A-202E, U+2066-2069) that could reorder what stands around it. */
bool sl_text_showable(const uint8_t *bytes, size_t len);

#endif
