#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

void sl_hex_encode(const uint8_t *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * len] = '\0';
}

/* 0 to 15, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int sl_hex_decode(const char *text, uint8_t *ret_bytes, size_t len)
{
    for (size_t i = 0; i < 2 * len; i++)
        if (hex_digit(text[i]) < 0)
            return -EINVAL;
    if (text[2 * len] != '\0')
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        ret_bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return 0;
}

size_t sl_base64_len(size_t len)
{
    size_t rest = len % 3;
    return len / 3 * 4 + (rest > 0 ? rest + 1 : 0);
}

int sl_base64_encode(const uint8_t *bytes, size_t len, char *ret_text, size_t cap)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (sl_base64_len(len) >= cap)
        return -ENOBUFS;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (bit_count += 8; bit_count >= 6; bit_count -= 6)
            ret_text[at++] = alphabet[bits >> (bit_count - 6) & 63];
    }
    if (bit_count > 0)
        ret_text[at++] = alphabet[bits << (6 - bit_count) & 63];
    ret_text[at] = '\0';
    return 0;
}

/* 0 to 63, or -1. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

/* The digit after the last whole byte carries 2 or 4 unused bits, which must be zero. */
static bool base64_is_canonical(const char *text, size_t text_len)
{
    for (size_t i = 0; i < text_len; i++)
        if (base64_digit(text[i]) < 0)
            return false;
    size_t rest = text_len % 4;
    if (rest == 0)
        return true;
    if (rest == 1)
        return false;
    int unused = rest == 2 ? 15 : 3;
    return (base64_digit(text[text_len - 1]) & unused) == 0;
}

int sl_base64_decode(const char *text, size_t text_len, uint8_t *ret_bytes, size_t cap)
{
    assert(cap <= INT_MAX);
    if (!base64_is_canonical(text, text_len))
        return -EINVAL;
    size_t len = text_len / 4 * 3 + text_len % 4 * 3 / 4;
    if (len > cap)
        return -ENOBUFS;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t at = 0;
    for (size_t i = 0; i < text_len; i++) {
        bits = bits << 6 | (uint32_t)base64_digit(text[i]);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            ret_bytes[at++] = (uint8_t)(bits >> bit_count);
        }
    }
    return (int)len;
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Bytes of the character that `lead` begins, or 0. RFC 3629, 4: C0, C1 and F5 to FF never occur. */
static size_t utf8_width(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static bool is_scalar(uint32_t point, size_t width)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point >= smallest[width] && point <= 0x10ffff && !surrogate;
}

/* Bytes of the first character, or 0 if it is not well-formed. */
static size_t utf8_decode(const uint8_t *bytes, size_t len, uint32_t *ret_point)
{
    size_t width = utf8_width(bytes[0]);
    if (width == 0 || width > len)
        return 0;
    uint32_t point = width == 1 ? bytes[0] : bytes[0] & (0x7fU >> width);
    for (size_t i = 1; i < width; i++) {
        if (!is_continuation(bytes[i]))
            return 0;
        point = point << 6 | (bytes[i] & 0x3fU);
    }
    if (!is_scalar(point, width))
        return 0;
    *ret_point = point;
    return width;
}

bool sl_utf8_valid(const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint32_t point = 0;
        size_t width = utf8_decode(bytes + at, len - at, &point);
        if (width == 0 || point == 0)
            return false;
        at += width;
    }
    return true;
}

size_t sl_utf8_prefix(const uint8_t *bytes, size_t len, size_t cap)
{
    if (len <= cap)
        return len;
    size_t prefix_len = cap;
    while (prefix_len > 0 && is_continuation(bytes[prefix_len]))
        prefix_len--;
    return prefix_len;
}

static bool is_showable(uint32_t point)
{
    if (point == '\n' || point == '\t')
        return true;
    if (point < 0x20 || (point >= 0x7f && point <= 0x9f))
        return false;
    bool embedding_or_override = point >= 0x202a && point <= 0x202e;
    bool isolate = point >= 0x2066 && point <= 0x2069;
    return !embedding_or_override && !isolate;
}

bool sl_text_showable(const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint32_t point = 0;
        size_t width = utf8_decode(bytes + at, len - at, &point);
        if (width == 0 || !is_showable(point))
            return false;
        at += width;
    }
    return true;
}
