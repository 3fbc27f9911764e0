/* Chains as a peer sends them, and what the tools and the daemon read from files. First byte:
 * which. */
#include "base/text.h"
#include "base/wire.h"
#include "sim/test_credentials.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_chain(struct sl_credentials *credentials, struct sl_reader *r)
{
    struct sl_membership port;
    struct sl_identity identity;
    enum sl_refusal refusal = SL_REFUSAL_NONE;
    int64_t unix_time = sl_read_u32(r);
    size_t len = sl_read_left(r);
    const uint8_t *chain = sl_read_slice(r, len);
    if (!chain)
        return;
    sl_credentials_membership(credentials, &port);
    if (port.check(port.ctx, chain, len, unix_time, &identity, &refusal) != 0) {
        assert(refusal != SL_REFUSAL_NONE && refusal < SL_REFUSAL_COUNT);
        return;
    }
    size_t name_len = strlen(identity.name);
    assert(name_len >= 1 && name_len < sizeof(identity.name));
    assert(sl_text_showable((const uint8_t *)identity.name, name_len));
    assert(unix_time <= identity.not_after);
    assert(!port.revoked(port.ctx, &identity));
}

static void load_files(struct sl_reader *r)
{
    struct sl_credentials *credentials = NULL;
    const char *what = NULL;
    struct sl_credentials_files files = {.ca_len = sl_read_u16(r)};
    files.ca = sl_read_slice(r, files.ca_len);
    files.certificate_len = sl_read_u16(r);
    files.certificate = sl_read_slice(r, files.certificate_len);
    files.key_len = sl_read_u16(r);
    files.key = sl_read_slice(r, files.key_len);
    files.crl_len = sl_read_left(r);
    files.crl = sl_read_slice(r, files.crl_len);
    if (!sl_read_failed(r) && sl_credentials_new(&files, &credentials, &what) < 0)
        assert(strlen(what) > 0);
    sl_credentials_free(credentials);
}

static void read_pem(struct sl_reader *r)
{
    struct sl_certificate_info info;
    uint8_t der[SL_PEM_MAX];
    size_t len = sl_read_left(r);
    char *text = calloc(1, len + 1);
    assert(text);
    sl_read_copy(r, (uint8_t *)text, len);
    int der_len = sl_pem_to_der(text, der, sizeof(der));
    assert(der_len <= (int)sizeof(der));
    if (sl_certificate_read(text, &info) == 0)
        assert(info.identity.name[0] != '\0');
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sl_credentials *credentials;
    if (!credentials)
        credentials = test_credentials_load("node");
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    switch (sl_read_u8(&r) % 3) {
    case 0:
        check_chain(credentials, &r);
        break;
    case 1:
        load_files(&r);
        break;
    default:
        read_pem(&r);
        break;
    }
    return 0;
}
