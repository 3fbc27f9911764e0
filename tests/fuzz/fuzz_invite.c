/* Invites, as text that somebody pasted. The first byte chooses: the rest is the link itself, or
 * the bytes inside one, to which the right check is added, for else hardly anything would pass it.
 */
#include "base/text.h"
#include "crypto/sodium.h"
#include "invite.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_LEN 4

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* To be freed. */
static char *link_around(const uint8_t *bytes, size_t len)
{
    struct sl_primitives primitives;
    sl_sodium_primitives(&primitives);
    size_t prefix_len = strlen(SL_INVITE_PREFIX),
           cap = prefix_len + sl_base64_len(len + CHECK_LEN) + 1;
    uint8_t *whole = malloc(len + CHECK_LEN);
    char *link = malloc(cap);
    assert(whole != NULL && link != NULL);
    memcpy(whole, bytes, len);
    primitives.hash(primitives.ctx, "starling invite", NULL, bytes, len, whole + len, CHECK_LEN);
    strcpy(link, SL_INVITE_PREFIX);
    assert(sl_base64_encode(whole, len + CHECK_LEN, link + prefix_len, cap - prefix_len) == 0);
    free(whole);
    return link;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static bool ready;
    if (!ready && sl_sodium_init() < 0)
        return 0;
    ready = true;
    if (len < 1)
        return 0;
    char *link;
    if (bytes[0] % 2 == 0) {
        link = link_around(bytes + 1, len - 1);
    } else {
        link = strndup((const char *)bytes + 1, len - 1);
        assert(link != NULL);
    }
    struct sl_invite invite, back;
    if (sl_invite_decode(link, &invite) == 0) {
        /* What was understood can be said again, and means the same. */
        char *again = sl_invite_encode(&invite);
        if (again != NULL) {
            assert(sl_invite_decode(again, &back) == 0);
            assert(back.expires == invite.expires);
            assert(strcmp(back.key, invite.key) == 0);
        }
        free(again);
    }
    free(link);
    return 0;
}
