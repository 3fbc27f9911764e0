/* What a board shows to be admitted. */
#include "crypto/admission.h"

#include "crypto/sodium.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static bool ready;
    static const uint8_t seed[SL_KEY_LEN] = {1};
    struct sl_request request;
    uint8_t opened[512];
    if (!ready && sl_sodium_init() < 0)
        abort();
    ready = true;
    sl_request_read(bytes, len, &request);
    sl_answer_open(seed, bytes, len, opened, sizeof(opened));
    return 0;
}
