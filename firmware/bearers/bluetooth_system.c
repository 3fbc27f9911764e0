#include "bearers/bluetooth_system.h"

#include "bearers/system_file.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of Linux: net/bluetooth/hci_sock.h and mgmt.h, which no library header carries. */
enum {
    PROTOCOL_HCI = 1,
    CHANNEL_CONTROL = 3,
    NO_CONTROLLER = 0xffff,
    COMMAND_COMPLETE = 1,
    READ_LIST = 3,
    READ_INFO = 4,
    HEADER_LEN = 6,   /* event, controller, length */
    COMPLETE_LEN = 3, /* command, status */
    ANSWER_MAX = 1024,
    ANSWER_MS = 200,
    STRANGE_MAX = 16, /* events of others before the answer */
};

enum setting {
    SETTING_POWERED = 1 << 0,
    SETTING_LE = 1 << 9,
    SETTING_ADVERTISING = 1 << 10,
    SETTING_PRIVACY = 1 << 13,
};

struct hci_address {
    sa_family_t family;
    uint16_t controller;
    uint16_t channel;
};

/* ---- Answers: little-endian, as on the wire of Bluetooth ---- */

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t read_u32(const uint8_t *bytes)
{
    return read_u16(bytes) | (uint32_t)read_u16(bytes + 2) << 16;
}

/* What stands behind the header of a complete answer to that command; NULL if it is none. */
static const uint8_t *answer_to(uint16_t command, const uint8_t *bytes, size_t len, size_t need)
{
    if (len < HEADER_LEN + COMPLETE_LEN + need || read_u16(bytes) != COMMAND_COMPLETE ||
        read_u16(bytes + 4) != len - HEADER_LEN || read_u16(bytes + HEADER_LEN) != command ||
        bytes[HEADER_LEN + 2] != 0)
        return NULL;
    return bytes + HEADER_LEN + COMPLETE_LEN;
}

int sl_bluetooth_read_list(const uint8_t *bytes, size_t len, uint16_t *ret_numbers, size_t cap)
{
    const uint8_t *list = answer_to(READ_LIST, bytes, len, 2);
    if (!list)
        return -EBADMSG;
    size_t count = read_u16(list);
    if (len < HEADER_LEN + COMPLETE_LEN + 2 + 2 * count)
        return -EBADMSG;
    count = sl_min_size(count, cap);
    for (size_t i = 0; i < count; i++)
        ret_numbers[i] = read_u16(list + 2 + 2 * i);
    return (int)count;
}

int sl_bluetooth_read_controller(const uint8_t *bytes, size_t len,
                                 struct sl_bluetooth_controller *ret_controller)
{
    /* Address 6, version 1, manufacturer 2, settings supported 4, current 4, class and names. */
    const uint8_t *info = answer_to(READ_INFO, bytes, len, 280);
    if (!info)
        return -EBADMSG;
    uint32_t supported = read_u32(info + 9), current = read_u32(info + 13);
    *ret_controller = (struct sl_bluetooth_controller){
        .powered = (current & SETTING_POWERED) != 0,
        .has_le = (supported & SETTING_LE) != 0,
        .has_advertising = (supported & SETTING_ADVERTISING) != 0,
        .random_address = (current & SETTING_PRIVACY) != 0,
    };
    snprintf(ret_controller->name, sizeof(ret_controller->name), "hci%u",
             (unsigned)read_u16(bytes + 2));
    return 0;
}

/* ---- Asking ---- */

static int open_control(void)
{
    const struct hci_address address = {AF_BLUETOOTH, NO_CONTROLLER, CHANNEL_CONTROL};
    int fd = socket(AF_BLUETOOTH, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, PROTOCOL_HCI);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* Length of the answer, which is put into `ret_bytes`; -errno. */
static ssize_t ask(int fd, uint16_t command, uint16_t controller, uint8_t ret_bytes[ANSWER_MAX])
{
    const uint8_t request[HEADER_LEN] = {(uint8_t)command,
                                         (uint8_t)(command >> 8),
                                         (uint8_t)controller,
                                         (uint8_t)(controller >> 8),
                                         0,
                                         0};
    if (write(fd, request, sizeof(request)) < 0)
        return -errno;
    for (unsigned i = 0; i < STRANGE_MAX; i++) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t len = poll(&wait, 1, ANSWER_MS) > 0 ? read(fd, ret_bytes, ANSWER_MAX) : -1;
        if (len < 0)
            return -ETIMEDOUT;
        if (answer_to(command, ret_bytes, (size_t)len, 0))
            return len;
    }
    return -EBADMSG;
}

static int look_at_controllers(struct sl_bluetooth_facts *facts)
{
    uint8_t bytes[ANSWER_MAX];
    uint16_t numbers[SL_BLUETOOTH_CONTROLLERS_MAX];
    int fd = open_control();
    if (fd < 0)
        return fd;
    ssize_t len = ask(fd, READ_LIST, NO_CONTROLLER, bytes);
    int count = len < 0
                    ? (int)len
                    : sl_bluetooth_read_list(bytes, (size_t)len, numbers, SL_ARRAY_LEN(numbers));
    for (int i = 0; i < count; i++) {
        struct sl_bluetooth_controller *controller = &facts->controllers[facts->controller_count];
        len = ask(fd, READ_INFO, numbers[i], bytes);
        if (len >= 0 && sl_bluetooth_read_controller(bytes, (size_t)len, controller) == 0)
            facts->controller_count++;
    }
    close(fd);
    return count < 0 ? count : 0;
}

/* ---- Files ---- */

#define CONTROLLERS "/sys/class/bluetooth"

static bool is_set(const char *controller, const char *rfkill, const char *file)
{
    char path[128], value[8];
    snprintf(path, sizeof(path), CONTROLLERS "/%s/%.32s/%s", controller, rfkill, file);
    sl_system_read_line(path, value, sizeof(value));
    return value[0] == '1';
}

/* Each controller's folder holds its switch: rfkill0 or so. */
static void look_at_switch(struct sl_bluetooth_controller *controller)
{
    char path[64];
    snprintf(path, sizeof(path), CONTROLLERS "/%s", controller->name);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (strncmp(entry->d_name, "rfkill", 6) != 0)
            continue;
        controller->soft_blocked = is_set(controller->name, entry->d_name, "soft");
        controller->hard_blocked = is_set(controller->name, entry->d_name, "hard");
    }
    if (folder)
        closedir(folder);
}

static bool runs(const char *program)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    bool found = false;
    while (folder && !found && (entry = readdir(folder))) {
        char path[64], name[32];
        snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        sl_system_read_line(path, name, sizeof(name));
        found = strcmp(name, program) == 0;
    }
    if (folder)
        closedir(folder);
    return found;
}

static bool has_policy(void)
{
    static const char *const files[] = {"/usr/share/dbus-1/system.d/starling.conf",
                                        "/usr/local/share/dbus-1/system.d/starling.conf",
                                        "/etc/dbus-1/system.d/starling.conf"};
    bool found = false;
    for (size_t i = 0; i < SL_ARRAY_LEN(files); i++)
        found = found || access(files[i], R_OK) == 0;
    return found;
}

void sl_bluetooth_look(struct sl_bluetooth_facts *ret_facts)
{
    *ret_facts = (struct sl_bluetooth_facts){.service_runs = runs("bluetoothd"),
                                             .policy_installed = has_policy()};
    ret_facts->kernel_error = look_at_controllers(ret_facts);
    for (size_t i = 0; i < ret_facts->controller_count; i++)
        look_at_switch(&ret_facts->controllers[i]);
}

const struct sl_bluetooth_controller *
sl_bluetooth_controller(const struct sl_bluetooth_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->controller_count; i++)
        if (strcmp(facts->controllers[i].name, name) == 0)
            return &facts->controllers[i];
    return NULL;
}
