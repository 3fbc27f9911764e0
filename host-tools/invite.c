#include "invite.h"

#include "base/text.h"
#include "base/wire.h"
#include "crypto/sodium.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INVITE_VERSION 1
#define INVITE_MAX     8192 /* bytes; two certificates and a key are some 1,000 */
#define CHECK_LEN      4

static void check_bytes(const uint8_t *bytes, size_t len, uint8_t ret_check[CHECK_LEN])
{
    struct sl_primitives primitives;
    sl_sodium_primitives(&primitives);
    primitives.hash(primitives.ctx, "starling invite", NULL, bytes, len, ret_check, CHECK_LEN);
}

static int write_der(struct sl_writer *w, const char *pem)
{
    uint8_t der[SL_PEM_MAX];
    int len = sl_pem_to_der(pem, der, sizeof(der));
    if (len > 0) {
        sl_write_u16(w, (uint16_t)len);
        sl_write_bytes(w, der, (size_t)len);
    }
    explicit_bzero(der, sizeof(der));
    return len > 0 ? 0 : -EBADMSG;
}

char *sl_invite_encode(const struct sl_invite *invite)
{
    uint8_t bytes[INVITE_MAX], check[CHECK_LEN];
    struct sl_writer w;
    sl_writer_init(&w, bytes, sizeof(bytes));
    sl_write_u8(&w, INVITE_VERSION);
    sl_write_bytes(&w, invite->secret, SL_KEY_LEN);
    sl_write_u64(&w, (uint64_t)invite->expires);
    char *link = NULL;
    if (write_der(&w, invite->authority) == 0 && write_der(&w, invite->certificate) == 0 &&
        write_der(&w, invite->key) == 0 && sl_write_left(&w) >= CHECK_LEN) {
        check_bytes(bytes, w.len, check);
        sl_write_bytes(&w, check, CHECK_LEN);
        size_t cap = strlen(SL_INVITE_PREFIX) + sl_base64_len(w.len) + 1;
        link = malloc(cap);
        if (link != NULL) {
            strcpy(link, SL_INVITE_PREFIX);
            size_t prefix_len = strlen(link);
            sl_base64_encode(bytes, w.len, link + prefix_len, cap - prefix_len);
        }
    }
    explicit_bzero(bytes, sizeof(bytes));
    return link;
}

static void read_pem(struct sl_reader *r, const char *label, char ret_pem[SL_PEM_MAX])
{
    size_t len = sl_read_u16(r);
    const uint8_t *der = sl_read_slice(r, len);
    if (der == NULL || len == 0 || sl_der_to_pem(label, der, len, ret_pem) < 0)
        sl_read_fail(r);
}

static int read_invite(const uint8_t *bytes, size_t len, struct sl_invite *ret_invite)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    uint8_t version = sl_read_u8(&r);
    sl_read_copy(&r, ret_invite->secret, SL_KEY_LEN);
    uint64_t expires = sl_read_u64(&r);
    if (!sl_read_failed(&r) && version != INVITE_VERSION)
        return -ENOTSUP;
    if (expires > INT64_MAX)
        sl_read_fail(&r);
    ret_invite->expires = (int64_t)expires;
    read_pem(&r, "CERTIFICATE", ret_invite->authority);
    read_pem(&r, "CERTIFICATE", ret_invite->certificate);
    read_pem(&r, "EC PRIVATE KEY", ret_invite->key);
    return sl_read_done(&r);
}

int sl_invite_decode(const char *link, struct sl_invite *ret_invite)
{
    size_t prefix_len = strlen(SL_INVITE_PREFIX);
    link += strspn(link, " \t\n");
    if (strncmp(link, SL_INVITE_PREFIX, prefix_len) != 0)
        return -EINVAL;
    const char *text = link + prefix_len;
    size_t text_len = strlen(text);
    while (text_len > 0 && isspace((unsigned char)text[text_len - 1]))
        text_len--;
    uint8_t bytes[INVITE_MAX], check[CHECK_LEN];
    int len = sl_base64_decode(text, text_len, bytes, sizeof(bytes));
    if (len < CHECK_LEN)
        return -EBADMSG;
    size_t body_len = (size_t)len - CHECK_LEN;
    check_bytes(bytes, body_len, check);
    struct sl_invite invite;
    int rc = memcmp(check, bytes + body_len, CHECK_LEN) == 0 ? read_invite(bytes, body_len, &invite)
                                                             : -EBADMSG;
    if (rc == 0)
        *ret_invite = invite;
    explicit_bzero(&invite, sizeof(invite));
    explicit_bzero(bytes, sizeof(bytes));
    return rc;
}
