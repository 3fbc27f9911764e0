/* What the kernel tells of radios: bytes of a generic netlink message, behind the netlink header
 * that the library checks. Also what any program may send to the socket. */
#include "bearers/wifi_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_phys(struct nlmsghdr *header)
{
    static struct sl_wifi_phy phys[2];
    size_t count = 0;
    /* Twice, as parts of one dump. */
    for (int i = 0; i < 2; i++)
        if (sl_wifi_parse_phy(header, phys, SL_ARRAY_LEN(phys), &count) && count != 1)
            abort();
    if (count > 0 && (phys[0].channel_count > SL_WIFI_CHANNELS_MAX ||
                      strnlen(phys[0].name, sizeof(phys[0].name)) == sizeof(phys[0].name)))
        abort();
}

static void check_interface(struct nlmsghdr *header)
{
    struct sl_wifi_interface interface;
    if (sl_wifi_parse_interface(header, &interface) &&
        (interface.ssid_len > SL_SSID_MAX ||
         strnlen(interface.name, sizeof(interface.name)) == sizeof(interface.name)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_wifi_station station;
    char country[3];
    if (size > 16384)
        return 0;
    /* Exactly as long as the message: reading past it is seen. */
    struct nlmsghdr *header = calloc(1, NLMSG_HDRLEN + size);
    if (!header)
        return 0;
    header->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size);
    if (size > 0)
        memcpy((uint8_t *)header + NLMSG_HDRLEN, data, size);
    check_phys(header);
    check_interface(header);
    if (sl_wifi_parse_country(header, country) && country[2] != '\0')
        abort();
    sl_wifi_parse_station(header, &station);
    sl_wifi_event_matters(header);
    free(header);
    return 0;
}
