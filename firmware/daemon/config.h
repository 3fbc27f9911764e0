/* What starlingd was told: one INI file (starlingd.conf, described in starlingd(8)), read once at
 * the start and again at SIGHUP. Never changed by the daemon itself; what changes is in daemon.h.
 */
#ifndef SL_DAEMON_CONFIG_H
#define SL_DAEMON_CONFIG_H

#include "bearers/bluetooth.h"
#include "bearers/udp.h"
#include "bearers/wifi.h"
#include "daemon/fault.h"
#include "daemon/problems.h"
#include "daemon/timesource.h"

#define SL_CONFIG_PATH_DEFAULT "/etc/starling/starlingd.conf"
#define SL_CONFIG_PATH_MAX     512
#define SL_CONFIG_SIZE_MAX     65536 /* bytes of the whole file */

struct sl_config {
    char path[SL_CONFIG_PATH_MAX]; /* of the file itself, for messages */

    /* [node]; all paths are made relative to the file's folder */
    char bundle[SL_CONFIG_PATH_MAX];  /* folder of certificate and keys; default: the file's own */
    char state[SL_CONFIG_PATH_MAX];   /* folder of the database, written to */
    char control[SL_CONFIG_PATH_MAX]; /* the control socket */
    uint32_t control_mode;            /* its permissions; 0: 0660 for root, else 0600 */

    /* [store] */
    uint64_t store_bytes_max;

    /* [udp] */
    bool udp_enabled;
    struct sl_udp_config udp;

    /* [wifi] */
    struct sl_wifi_config wifi;

    /* [bluetooth] */
    bool bluetooth_enabled;
    struct sl_bluetooth_config bluetooth;

    /* [quota] */
    struct sl_quota_config quota;

    /* [clock] */
    enum sl_clock_trust clock_trust; /* whether the system's clock is asked at all */

    /* [log] */
    int log_level; /* as in syslog: LOG_ERR to LOG_DEBUG */

    /* [test] */
    struct sl_fault_config fault; /* loss and delay, as a bad radio would have */
};

/* Reads a file. 0, -EINVAL or the -errno of reading it; what is wrong is in `problems`, everything
 * at once. ret_config is then as far as it came, and of no use. */
int sl_config_read(const char *path, struct sl_config *ret_config, struct sl_problems *problems);

/* The same from memory; `path` is for messages and for relative paths. */
int sl_config_parse(const char *path, const char *text, size_t len, struct sl_config *ret_config,
                    struct sl_problems *problems);

#endif
