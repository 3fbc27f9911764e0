#include "sim/examples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE "firmware/PROTOCOL.md"

static void give_up(const char *name, const char *why)
{
    fprintf(stderr, "%s: example \"%s\": %s\n", PAGE, name, why);
    abort();
}

/* Where the hex starts if this line is the head of the example, or NULL. */
static const char *match_head(const char *line, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(line, "    ", 4) != 0 || strncmp(line + 4, name, len) != 0 || line[4 + len] != ':')
        return NULL;
    return line + 4 + len + 1;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static size_t append_hex(const char *name, const char *text, uint8_t *bytes, size_t len, size_t cap)
{
    text += strspn(text, " ");
    while (*text != '\n' && *text != '\0') {
        int high = digit(text[0]);
        int low = high >= 0 ? digit(text[1]) : -1;
        if (low < 0)
            give_up(name, "not hex");
        if (len == cap)
            give_up(name, "too long");
        bytes[len++] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return len;
}

size_t sl_example(const char *name, uint8_t *ret_bytes, size_t cap)
{
    FILE *page = fopen(PAGE, "r");
    if (!page)
        give_up(name, "cannot read the page; run this from the top folder");
    char line[512];
    size_t len = 0;
    bool inside = false;
    while (fgets(line, sizeof(line), page)) {
        const char *hex = inside ? line : match_head(line, name);
        if (inside && strncmp(line, "        ", 8) != 0)
            break;
        if (hex)
            len = append_hex(name, hex, ret_bytes, len, cap);
        inside = hex;
    }
    fclose(page);
    if (len == 0)
        give_up(name, "not on the page");
    return len;
}
