#include "bearers/wifi_found.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAC_FORMAT "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_SCAN   "%2x:%2x:%2x:%2x:%2x:%2x"
#define OF_MAC(m)  (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

static void take_mac(const unsigned numbers[SL_MAC_LEN], uint8_t ret_mac[SL_MAC_LEN])
{
    for (size_t i = 0; i < SL_MAC_LEN; i++)
        ret_mac[i] = (uint8_t)numbers[i];
}

static bool parse_line(const char *line, struct sl_wifi_record *ret_record)
{
    unsigned index, type, was[SL_MAC_LEN], given[SL_MAC_LEN], up;
    int read = sscanf(line, "%u %u " MAC_SCAN " " MAC_SCAN " %u", &index, &type, &was[0], &was[1],
                      &was[2], &was[3], &was[4], &was[5], &given[0], &given[1], &given[2],
                      &given[3], &given[4], &given[5], &up);
    if (read != 15 || index == 0 || type > NL80211_IFTYPE_MAX || up > 1)
        return false;
    *ret_record = (struct sl_wifi_record){
        .found = {.interface = index, .type = (enum nl80211_iftype)type, .up = up == 1}};
    take_mac(was, ret_record->found.mac);
    take_mac(given, ret_record->mac);
    return true;
}

size_t sl_wifi_found_load(const char *path, struct sl_wifi_record *ret_records, size_t cap)
{
    char line[128];
    size_t count = 0;
    FILE *file = fopen(path, "re");
    while (file && count < cap && fgets(line, sizeof(line), file))
        count += parse_line(line, &ret_records[count]);
    if (file)
        fclose(file);
    return count;
}

static bool write_all(FILE *file, const struct sl_wifi_record *records, size_t count)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        const struct sl_wifi_record *one = &records[i];
        good = good && fprintf(file, "%u %u " MAC_FORMAT " " MAC_FORMAT " %d\n",
                               one->found.interface, (unsigned)one->found.type,
                               OF_MAC(one->found.mac), OF_MAC(one->mac), one->found.up) > 0;
    }
    return good;
}

int sl_wifi_found_save(const char *path, const struct sl_wifi_record *records, size_t count)
{
    char fresh[600];
    if (count == 0)
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
        return -ENAMETOOLONG;
    FILE *file = fopen(fresh, "we");
    if (!file)
        return -errno;
    bool good = write_all(file, records, count);
    good = fclose(file) == 0 && good;
    if (!good || rename(fresh, path) < 0) {
        int error = errno > 0 ? -errno : -EIO;
        unlink(fresh);
        return error;
    }
    return 0;
}

const struct sl_wifi_record *sl_wifi_found_match(const struct sl_wifi_record *records, size_t count,
                                                 const struct sl_wifi_interface *interface)
{
    for (size_t i = 0; i < count; i++)
        if (records[i].found.interface == interface->index &&
            (memcmp(records[i].mac, interface->mac, SL_MAC_LEN) == 0 ||
             memcmp(records[i].found.mac, interface->mac, SL_MAC_LEN) == 0))
            return &records[i];
    return NULL;
}
