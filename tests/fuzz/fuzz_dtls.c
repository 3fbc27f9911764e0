/* DTLS sessions. First byte: where the datagrams that follow (each behind a u16 length) arrive. Random
 * numbers come from a counter that starts anew with each input, so that a finding can be repeated. */
#include "base/wire.h"
#include "crypto/client_hello.h"
#include "crypto/dtls.h"
#include "crypto/sodium.h"
#include "mesh/packet.h"
#include "sim/test_credentials.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MTU SL_DATAGRAM_MAX

static uint64_t random_count;

static const char *random_name(void)
{
    return "counter";
}

static uint32_t random_number(void)
{
    return (uint32_t)sl_splitmix64_value(random_count++);
}

static void random_fill(void *const bytes, const size_t len)
{
    uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)random_number();
}

static struct randombytes_implementation counter = {
    .implementation_name = random_name,
    .random = random_number,
    .buf = random_fill,
};
