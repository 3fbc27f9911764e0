#include "chat/persona.h"

#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char AD[] = "starling persona";
static const char BASE32[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648, 6, in lower case */

enum {
    BODY_MAX = 3 * SL_KEY_LEN + 2 + SL_NICK_MAX + SL_SIGNATURE_LEN,
    SIGNED_MAX = sizeof(AD) + SL_STAMP_LEN + BODY_MAX,
    CODE_HALF = 4,
};

bool sl_is_persona_code(const char *text)
{
    if (strlen(text) != SL_CODE_LEN - 1 || text[CODE_HALF] != '-')
        return false;
    for (size_t i = 0; i < SL_CODE_LEN - 1; i++)
        if (i != CODE_HALF && !strchr(BASE32, text[i]))
            return false;
    return true;
}

/* "ana.k7mq-2hdc" asks for ana with that code, and nobody may be called so. */
static bool ends_like_code(const char *nick, size_t len)
{
    if (len < SL_CODE_LEN - 1)
        return false;
    const char *tail = nick + len - (SL_CODE_LEN - 1);
    return sl_is_persona_code(tail) && (tail == nick || tail[-1] == '.');
}

bool sl_nick_valid(const char *nick)
{
    size_t len = strlen(nick);
    return len > 0 && len <= SL_NICK_MAX && sl_text_showable((const uint8_t *)nick, len) &&
           !strchr(nick, '\n') && !strchr(nick, '\t') && nick[0] != '#' && nick[0] != ' ' &&
           nick[len - 1] != ' ' && !ends_like_code(nick, len);
}

void sl_people_key(const struct sl_primitives *primitives, const uint8_t network_secret[SL_KEY_LEN],
                   uint8_t ret_key[SL_KEY_LEN])
{
    primitives->hash(primitives->ctx, "starling people key", network_secret, NULL, 0, ret_key,
                     SL_KEY_LEN);
}

bool sl_is_low_order(const uint8_t point[SL_KEY_LEN])
{
    /* The five u-coordinates of order 1, 2, 4 and 8, and the two that become 0 and 1 modulo p. */
    static const uint8_t points[][SL_KEY_LEN] = {
        {0},
        {1},
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
        {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
         0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
         0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    };
    uint8_t masked[SL_KEY_LEN];
    memcpy(masked, point, SL_KEY_LEN);
    masked[SL_KEY_LEN - 1] &= 0x7f; /* the top bit is ignored, RFC 7748, 5 */
    for (size_t i = 0; i < SL_ARRAY_LEN(points); i++)
        if (memcmp(masked, points[i], SL_KEY_LEN) == 0)
            return true;
    return false;
}

/* ---- Announcements ---- */

static void write_signed(struct sl_writer *w, const struct sl_stamp *stamp, const uint8_t *body,
                         size_t len)
{
    sl_write_bytes(w, (const uint8_t *)AD, sizeof(AD)); /* with its zero byte */
    sl_stamp_write(w, stamp);
    sl_write_bytes(w, body, len);
    assert(!w->failed);
}

static void write_body(struct sl_writer *w, const struct sl_announcement *announcement)
{
    size_t nick_len = strlen(announcement->nick);
    sl_write_bytes(w, announcement->key, SL_KEY_LEN);
    sl_write_bytes(w, announcement->box, SL_KEY_LEN);
    sl_write_bytes(w, announcement->prekey, SL_KEY_LEN);
    sl_write_u8(w, 0); /* flags */
    sl_write_u8(w, (uint8_t)nick_len);
    sl_write_bytes(w, (const uint8_t *)announcement->nick, nick_len);
}

size_t sl_announcement_seal(const struct sl_primitives *primitives,
                            const struct sl_announcing *announcing,
                            uint8_t ret_payload[SL_PAYLOAD_MAX])
{
    uint8_t body[BODY_MAX], to_sign[SIGNED_MAX], salt[SL_SALT_LEN], nonce[SL_XNONCE_LEN];
    struct sl_writer b, s, w;
    sl_writer_init(&b, body, sizeof(body));
    write_body(&b, &announcing->announcement);
    sl_writer_init(&s, to_sign, sizeof(to_sign));
    write_signed(&s, &announcing->stamp, body, b.len);
    uint8_t *signature = sl_write_reserve(&b, SL_SIGNATURE_LEN);
    assert(signature);
    primitives->sign(primitives->ctx, announcing->seed, to_sign, s.len, signature);

    primitives->random(primitives->ctx, salt, sizeof(salt));
    sl_stamp_nonce(&announcing->stamp, salt, nonce);
    sl_writer_init(&w, ret_payload, SL_PAYLOAD_MAX);
    sl_write_bytes(&w, salt, sizeof(salt));
    uint8_t *sealed = sl_write_reserve(&w, b.len + SL_TAG_LEN);
    assert(sealed);
    primitives->seal(primitives->ctx, announcing->people_key, nonce, sizeof(nonce),
                     (const uint8_t *)AD, sizeof(AD) - 1, body, b.len, sealed);
    return w.len;
}

static bool is_signed(const struct sl_primitives *primitives, const struct sl_stamp *stamp,
                      const uint8_t *body, size_t len, const uint8_t *signature)
{
    uint8_t to_verify[SIGNED_MAX];
    struct sl_writer w;
    sl_writer_init(&w, to_verify, sizeof(to_verify));
    write_signed(&w, stamp, body, len);
    return primitives->verify(primitives->ctx, body, to_verify, w.len, signature);
}

static int read_body(const struct sl_primitives *primitives, const struct sl_stamp *stamp,
                     const uint8_t *body, size_t len, struct sl_announcement *ret_announcement)
{
    struct sl_announcement a = {0};
    struct sl_reader r;
    sl_reader_init(&r, body, len);
    sl_read_copy(&r, a.key, SL_KEY_LEN);
    sl_read_copy(&r, a.box, SL_KEY_LEN);
    sl_read_copy(&r, a.prekey, SL_KEY_LEN);
    sl_read_u8(&r); /* flags: none defined, ignored */
    size_t nick_len = sl_read_u8(&r);
    if (nick_len > SL_NICK_MAX)
        return -EBADMSG;
    sl_read_copy(&r, (uint8_t *)a.nick, nick_len);
    size_t signed_len = r.at;
    const uint8_t *signature = sl_read_slice(&r, SL_SIGNATURE_LEN);
    if (sl_read_done(&r) < 0 || strlen(a.nick) != nick_len || !sl_nick_valid(a.nick) ||
        sl_is_low_order(a.box) || sl_is_low_order(a.prekey) ||
        !is_signed(primitives, stamp, body, signed_len, signature))
        return -EBADMSG;
    *ret_announcement = a;
    return 0;
}

int sl_announcement_open(const struct sl_primitives *primitives,
                         const uint8_t people_key[SL_KEY_LEN], const struct sl_envelope *envelope,
                         struct sl_announcement *ret_announcement)
{
    size_t len = envelope->payload_len;
    if (len < SL_SALT_LEN + SL_TAG_LEN || len > SL_SALT_LEN + SL_TAG_LEN + BODY_MAX)
        return -EBADMSG;
    struct sl_stamp stamp = {.created = envelope->created};
    memcpy(stamp.origin, envelope->origin, SL_ORIGIN_LEN);
    uint8_t nonce[SL_XNONCE_LEN], body[BODY_MAX];
    sl_stamp_nonce(&stamp, envelope->payload, nonce);
    if (!primitives->open(primitives->ctx, people_key, nonce, sizeof(nonce), (const uint8_t *)AD,
                          sizeof(AD) - 1, envelope->payload + SL_SALT_LEN, len - SL_SALT_LEN, body))
        return -EBADMSG;
    return read_body(primitives, &stamp, body, len - SL_SALT_LEN - SL_TAG_LEN, ret_announcement);
}

/* ---- Codes ---- */

void sl_persona_code(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                     char ret_code[SL_CODE_LEN])
{
    uint8_t hash[8];
    primitives->hash(primitives->ctx, "starling persona code", NULL, key, SL_KEY_LEN, hash,
                     sizeof(hash));
    uint64_t bits = 0;
    for (size_t i = 0; i < 5; i++)
        bits = bits << 8 | hash[i];
    size_t at = 0;
    for (int shift = 35; shift >= 0; shift -= 5) {
        ret_code[at++] = BASE32[bits >> shift & 31];
        if (at == CODE_HALF)
            ret_code[at++] = '-';
    }
    ret_code[at] = '\0';
}

void sl_auth_code(const struct sl_primitives *primitives, const uint8_t a[SL_KEY_LEN],
                  const uint8_t b[SL_KEY_LEN], char ret_code[SL_AUTH_CODE_LEN])
{
    bool a_is_lower = memcmp(a, b, SL_KEY_LEN) < 0;
    uint8_t keys[2 * SL_KEY_LEN], hash[8];
    memcpy(keys, a_is_lower ? a : b, SL_KEY_LEN);
    memcpy(keys + SL_KEY_LEN, a_is_lower ? b : a, SL_KEY_LEN);
    primitives->hash(primitives->ctx, "starling authentication", NULL, keys, sizeof(keys), hash,
                     sizeof(hash));
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(hash); i++)
        number = number << 8 | hash[i];
    number = (number >> 4) % UINT64_C(1000000000000000000);
    /* From the right; a space before the 17th, 13th, 9th and 5th digit. */
    ret_code[SL_AUTH_CODE_LEN - 1] = '\0';
    for (size_t at = SL_AUTH_CODE_LEN - 1; at-- > 0;) {
        if (at % 5 == 4) {
            ret_code[at] = ' ';
            continue;
        }
        ret_code[at] = (char)('0' + number % 10);
        number /= 10;
    }
}
