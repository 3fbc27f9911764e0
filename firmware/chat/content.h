/* What is inside a message, once it is open (PROTOCOL.md, Content): a whole text, or a part of one.
 *
 *   type u8, prev 4, then  TEXT: UTF-8
 *                          PART: number u8, count u8, group 4, UTF-8 cut at a character */
#ifndef SL_CHAT_CONTENT_H
#define SL_CHAT_CONTENT_H

#include "base/wire.h"
#include "chat/chat.h"

#define SL_PREV_LEN        4 /* start of the id of the author's message before this one */
#define SL_GROUP_LEN       4 /* which parts belong together */
#define SL_TEXT_HEADER_LEN (1 + SL_PREV_LEN)
#define SL_PART_HEADER_LEN (SL_TEXT_HEADER_LEN + 2 + SL_GROUP_LEN)

enum sl_content_type { SL_CONTENT_TEXT = 1, SL_CONTENT_PART = 2 };

struct sl_content {
    enum sl_content_type type;
    uint8_t prev[SL_PREV_LEN];   /* zeros: the author's first here */
    uint8_t number;              /* parts only: 0 to count - 1 */
    uint8_t count;               /* parts only: 2 to SL_PARTS_MAX */
    uint8_t group[SL_GROUP_LEN]; /* parts only: random */
    const uint8_t *text;         /* borrowed, never empty */
    size_t text_len;
};

/* Number of bytes, or -ENOBUFS. */
int sl_content_encode(const struct sl_content *content, uint8_t *ret_bytes, size_t cap);

/* -EBADMSG if it is not well-formed; the text is then valid UTF-8. */
int sl_content_decode(const uint8_t *bytes, size_t len, struct sl_content *ret_content);

/* Cuts valid text into contents of at most `content_cap` bytes each: writes the end of every piece
 * and returns how many there are (1: it fits as TEXT), or 0 if SL_PARTS_MAX of them do not hold it.
 */
size_t sl_content_cut(const uint8_t *text, size_t len, size_t content_cap,
                      size_t ret_ends[SL_PARTS_MAX]);

#endif
