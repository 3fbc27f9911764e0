#include "chat/content.h"

#include "base/text.h"

#include <errno.h>

int sl_content_encode(const struct sl_content *content, uint8_t *ret_bytes, size_t cap)
{
    struct sl_writer w;
    sl_writer_init(&w, ret_bytes, cap);
    sl_write_u8(&w, (uint8_t)content->type);
    sl_write_bytes(&w, content->prev, SL_PREV_LEN);
    if (content->type == SL_CONTENT_PART) {
        sl_write_u8(&w, content->number);
        sl_write_u8(&w, content->count);
        sl_write_bytes(&w, content->group, SL_GROUP_LEN);
    }
    sl_write_bytes(&w, content->text, content->text_len);
    return sl_write_done(&w);
}

static void read_part_header(struct sl_reader *r, struct sl_content *content)
{
    content->number = sl_read_u8(r);
    content->count = sl_read_u8(r);
    sl_read_copy(r, content->group, SL_GROUP_LEN);
    if (content->count < 2 || content->count > SL_PARTS_MAX || content->number >= content->count)
        sl_read_fail(r);
}

int sl_content_decode(const uint8_t *bytes, size_t len, struct sl_content *ret_content)
{
    struct sl_content content = {0};
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    uint8_t type = sl_read_u8(&r);
    sl_read_copy(&r, content.prev, SL_PREV_LEN);
    if (type == SL_CONTENT_PART)
        read_part_header(&r, &content);
    else if (type != SL_CONTENT_TEXT)
        sl_read_fail(&r);
    content.type = (enum sl_content_type)type;
    content.text_len = sl_read_left(&r);
    content.text = sl_read_slice(&r, content.text_len);
    if (sl_read_done(&r) < 0 || content.text_len == 0 ||
        !sl_utf8_valid(content.text, content.text_len))
        return -EBADMSG;
    *ret_content = content;
    return 0;
}

size_t sl_content_cut(const uint8_t *text, size_t len, size_t content_cap,
                      size_t ret_ends[SL_PARTS_MAX])
{
    if (len <= content_cap - SL_TEXT_HEADER_LEN) {
        ret_ends[0] = len;
        return 1;
    }
    size_t at = 0;
    for (size_t count = 0; count < SL_PARTS_MAX; count++) {
        at += sl_utf8_prefix(text + at, len - at, content_cap - SL_PART_HEADER_LEN);
        ret_ends[count] = at;
        if (at == len)
            return count + 1;
    }
    return 0;
}
