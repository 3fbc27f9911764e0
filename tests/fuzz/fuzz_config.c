/* The configuration file. Whatever is in it: an answer in bounded space, and errors exactly when it
 * is refused. */
#include "daemon/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sl_config config;
    static struct sl_problems problems;
    memset(&problems, 0, sizeof(problems));
    int error = sl_config_parse("folder/file", (const char *)bytes, len, &config, &problems);
    assert((error == 0) == (problems.error_count == 0));
    assert((problems.error_count == 0) == (problems.text[0] == '\0'));
    assert(config.udp.peer_count <= SL_PEERS_MAX);
    assert(config.udp.interface_count <= SL_UDP_INTERFACES_MAX);
    assert(config.fault.loss_permille <= 1000);
    return 0;
}
