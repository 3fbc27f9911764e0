/* Revocation lists, as they come in envelopes and from files. */
#include "sim/test_credentials.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sl_credentials *credentials;
    if (!credentials)
        credentials = test_credentials_load("node");
    struct sl_membership port;
    sl_credentials_membership(credentials, &port);
    int result = port.take_crl(port.ctx, bytes, len);
    assert(result == 0 || result == -EALREADY || result == -EBADMSG);
    if (result == 0) {
        size_t in_force_len = 0;
        const uint8_t *in_force = sl_credentials_crl(credentials, &in_force_len);
        assert(in_force_len == len && memcmp(in_force, bytes, len) == 0);
        assert(port.take_crl(port.ctx, bytes, len) == -EALREADY);
    }
    return 0;
}
