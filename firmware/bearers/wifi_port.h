/* What the Wi-Fi controller asks of a kernel: to look, to do one thing, to say that something
 * happened. wifi_kernel.c is the real one; tests script their own. */
#ifndef SL_BEARERS_WIFI_PORT_H
#define SL_BEARERS_WIFI_PORT_H

#include "bearers/wifi_plan.h"

struct sl_wifi_switch { /* rfkill's of one radio */
    char phy[SL_WIFI_PHY_NAME];
    bool soft, hard;
};

/* Everything there is to see, at one moment. */
struct sl_wifi_snapshot {
    struct sl_wifi_phy phys[SL_RADIOS_MAX];
    size_t phy_count;
    struct sl_wifi_interface interfaces[SL_WIFI_INTERFACES_MAX];
    size_t interface_count;
    struct sl_wifi_switch switches[SL_RADIOS_MAX];
    size_t switch_count;
    char country[3]; /* "00": not set */
};

struct sl_wifi_port {
    void *arg;
    /* Fills in the snapshot; the phys only if `phys` says so, which takes the kernel longest. 0,
     * -ENOSYS if there is no Wi-Fi in this kernel (yet), or -errno: the snapshot is then of no use.
     */
    int (*look)(void *arg, bool phys, struct sl_wifi_snapshot *snapshot);
    /* 0 or the kernel's -errno. Returns when it is done; most take microseconds, bringing up a
     * radio that has to load its firmware half a second. */
    int (*perform)(void *arg, const struct sl_wifi_request *request);
    /* How many, up to cap; or -errno. */
    int (*stations)(void *arg, uint32_t interface, struct sl_wifi_station *ret_stations,
                    size_t cap);
    /* Readable when events() has something. */
    int (*fd)(void *arg);
    /* Takes what came. True if it may have changed what look() tells, or if something was lost;
     * ret_phys: radios too. */
    bool (*events)(void *arg, bool *ret_phys);
    void (*free)(void *arg);
};

/* The real kernel. 0, or -errno if there is no netlink. Freed through the port. */
int sl_wifi_kernel_new(struct sl_wifi_port *ret_port);

/* rfkill and the programs that manage interfaces, from what every user may read. */
void sl_wifi_read_switches(struct sl_wifi_snapshot *snapshot);
void sl_wifi_read_holder(struct sl_wifi_interface *interface);

#endif
