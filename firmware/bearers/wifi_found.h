/* How radios were before they were taken, in a file that outlives a daemon that was killed, so that
 * the next one gives them back as they were. It belongs where files end with the boot (/run).
 *
 * One line an interface: index, type (number of enum nl80211_iftype), MAC as it was, MAC that it
 * was given, whether it was up. */
#ifndef SL_BEARERS_WIFI_FOUND_H
#define SL_BEARERS_WIFI_FOUND_H

#include "bearers/wifi_plan.h"

struct sl_wifi_record {
    struct sl_wifi_found found;
    uint8_t mac[SL_MAC_LEN]; /* given by us */
};

/* How many there are, up to cap; 0 if there is no such file. Lines that are not as above are passed
 * over. */
size_t sl_wifi_found_load(const char *path, struct sl_wifi_record *ret_records, size_t cap);

/* Replaces the file; without records it is removed. 0 or -errno: it is then as it was. */
int sl_wifi_found_save(const char *path, const struct sl_wifi_record *records, size_t count);

/* The record of an interface that is still as a daemon left it; NULL if there is none, or if the
 * interface is another by now. */
const struct sl_wifi_record *sl_wifi_found_match(const struct sl_wifi_record *records, size_t count,
                                                 const struct sl_wifi_interface *interface);

#endif
