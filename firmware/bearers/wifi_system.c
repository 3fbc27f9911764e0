/* What the system tells in files: rfkill's switches, and who manages an interface. */
#include "bearers/wifi_port.h"

#include "bearers/system_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SWITCHES "/sys/class/rfkill"

static void read_switch_file(const char *name, const char *file, char *ret_line, size_t cap)
{
    char path[sizeof(SWITCHES) + 256 + 8];
    snprintf(path, sizeof(path), SWITCHES "/%s/%s", name, file);
    sl_system_read_line(path, ret_line, cap);
}

static void read_switch(const char *name, struct sl_wifi_snapshot *snapshot)
{
    char type[16], value[8];
    struct sl_wifi_switch *place = &snapshot->switches[snapshot->switch_count];
    read_switch_file(name, "type", type, sizeof(type));
    if (strcmp(type, "wlan") != 0)
        return;
    *place = (struct sl_wifi_switch){0};
    read_switch_file(name, "name", place->phy, sizeof(place->phy));
    read_switch_file(name, "soft", value, sizeof(value));
    place->soft = value[0] == '1';
    read_switch_file(name, "hard", value, sizeof(value));
    place->hard = value[0] == '1';
    snapshot->switch_count++;
}

void sl_wifi_read_switches(struct sl_wifi_snapshot *snapshot)
{
    snapshot->switch_count = 0;
    DIR *folder = opendir(SWITCHES);
    struct dirent *entry;
    while (folder && snapshot->switch_count < SL_RADIOS_MAX && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            read_switch(entry->d_name, snapshot);
    if (folder)
        closedir(folder);
}

/* NetworkManager writes one file for each interface, by its number. */
static bool network_manager_holds(uint32_t interface)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/run/NetworkManager/devices/%u", interface);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    return strstr(text, "managed=true") != NULL || strstr(text, "managed=full") != NULL;
}

void sl_wifi_read_holder(struct sl_wifi_interface *interface)
{
    static const struct {
        const char *folder; /* of its control sockets, each named after its interface */
        const char *program;
    } others[] = {
        {"/run/wpa_supplicant", "wpa_supplicant"},
        {"/run/hostapd", "hostapd"},
    };
    char path[64];
    const char *holder = network_manager_holds(interface->index) ? "NetworkManager" : "";
    for (size_t i = 0; i < SL_ARRAY_LEN(others) && holder[0] == '\0'; i++) {
        snprintf(path, sizeof(path), "%s/%s", others[i].folder, interface->name);
        if (access(path, F_OK) == 0)
            holder = others[i].program;
    }
    snprintf(interface->holder, sizeof(interface->holder), "%s", holder);
}
