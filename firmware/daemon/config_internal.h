/* Inside the reading of the configuration: what the settings of one section share with the rest. */
#ifndef SL_DAEMON_CONFIG_INTERNAL_H
#define SL_DAEMON_CONFIG_INTERNAL_H

#include "daemon/config.h"

/* While a file is parsed. */
struct sl_config_parser {
    struct sl_config *config;
    struct sl_problems *problems;
    const char *path;
    const char *at; /* what is left of the text */
    const char *end;
    int line;
    uint16_t udp_port;
    int listen_line;   /* 0: not given */
    int seen_line[64]; /* by number of the setting: where it was given first */
};

/* ---- config_udp.c: the settings of [udp]. As all here: NULL if the value is good, else what it
 * should be. ----
 */

const char *sl_config_take_udp_enabled(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_udp_interfaces(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_udp_port(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_udp_group(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_udp_listen(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_udp_peers(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_udp_rate(struct sl_config_parser *parse, const char *value);

/* ---- config_wifi.c: the settings of [wifi] ---- */

const char *sl_config_take_wifi_enabled(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_wifi_radios(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_wifi_mode(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_wifi_cell(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_wifi_channel(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_wifi_bssid(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_wifi_country(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_wifi_rate(struct sl_config_parser *parse, const char *value);

/* ---- config_bluetooth.c: the settings of [bluetooth] ---- */

const char *sl_config_take_bluetooth_enabled(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_bluetooth_adapters(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_bluetooth_scan(struct sl_config_parser *parse, const char *value);
const char *sl_config_take_bluetooth_rate(struct sl_config_parser *parse, const char *value);

#endif
