#include "daemon/config.h"

#include "daemon/config_internal.h"
#include "daemon/values.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define SHOWN(value) (int)sl_min_size(strlen(value), 60), value /* for %.*s */

struct setting {
    const char *section;
    const char *key;
    /* NULL if the value is good, else what it should be. */
    const char *(*take)(struct sl_config_parser *parse, const char *value);
    bool list; /* may be given several times */
};

/* ---- Values ---- */

/* Relative paths start at the folder of the file. */
static const char *take_path(const struct sl_config_parser *parse, const char *value,
                             char ret_path[SL_CONFIG_PATH_MAX])
{
    const char *slash = strrchr(parse->path, '/');
    int folder_len = slash && value[0] != '/' ? (int)(slash - parse->path) + 1 : 0;
    if (value[0] == '\0')
        return "a path";
    int len = snprintf(ret_path, SL_CONFIG_PATH_MAX, "%.*s%s", folder_len, parse->path, value);
    return len < SL_CONFIG_PATH_MAX ? NULL : "a shorter path";
}

/* ---- Settings ---- */

static const char *take_bundle(struct sl_config_parser *parse, const char *value)
{
    return take_path(parse, value, parse->config->bundle);
}

static const char *take_state(struct sl_config_parser *parse, const char *value)
{
    return take_path(parse, value, parse->config->state);
}

static const char *take_control(struct sl_config_parser *parse, const char *value)
{
    const char *expected = take_path(parse, value, parse->config->control);
    /* sun_path of unix(7) */
    return expected ? expected
           : strlen(parse->config->control) < 108
               ? NULL
               : "a path of at most 107 characters, folder included; take one under /run";
}

static const char *take_control_mode(struct sl_config_parser *parse, const char *value)
{
    if (strlen(value) != 4 || strspn(value, "0123456") != 4 || value[0] != '0')
        return "0600, 0660 or 0666";
    uint32_t mode = (uint32_t)strtoul(value, NULL, 8);
    if (mode != 0600 && mode != 0660 && mode != 0666)
        return "0600, 0660 or 0666";
    parse->config->control_mode = mode;
    return NULL;
}

static const char *take_size(struct sl_config_parser *parse, const char *value)
{
    uint64_t mib;
    if (!sl_value_number(value, 1, 4096, &mib))
        return "a number of MiB from 1 to 4096";
    parse->config->store_bytes_max = mib << 20;
    return NULL;
}

static const char *take_quota(const char *value, uint32_t *ret_number)
{
    return sl_value_u32(value, 0, 1000000, ret_number)
               ? NULL
               : "a number of envelopes from 0 (no limit) to 1000000";
}

static const char *take_origin_rate(struct sl_config_parser *parse, const char *value)
{
    return take_quota(value, &parse->config->quota.origin_rate);
}

static const char *take_origin_burst(struct sl_config_parser *parse, const char *value)
{
    return take_quota(value, &parse->config->quota.origin_burst);
}

static const char *take_link_rate(struct sl_config_parser *parse, const char *value)
{
    return take_quota(value, &parse->config->quota.link_rate);
}

static const char *take_link_burst(struct sl_config_parser *parse, const char *value)
{
    return take_quota(value, &parse->config->quota.link_burst);
}

static const char *take_airtime(struct sl_config_parser *parse, const char *value)
{
    return sl_value_u32(value, 1, 100, &parse->config->quota.airtime_percent)
               ? NULL
               : "a percentage from 1 to 100 (no limit), without the sign";
}

static const char *take_trust(struct sl_config_parser *parse, const char *value)
{
    static const char *const words[] = {"auto", "trusted", "ignored", NULL};
    static const enum sl_clock_trust trusts[] = {SL_CLOCK_TRUST_AUTO, SL_CLOCK_TRUST_TRUSTED,
                                                 SL_CLOCK_TRUST_IGNORED};
    int word = sl_value_word(value, words);
    if (word < 0)
        return "auto, trusted or ignored";
    parse->config->clock_trust = trusts[word];
    return NULL;
}

static const char *take_level(struct sl_config_parser *parse, const char *value)
{
    static const char *const words[] = {"error", "warning", "info", "debug", NULL};
    static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    int word = sl_value_word(value, words);
    if (word < 0)
        return "error, warning, info or debug";
    parse->config->log_level = levels[word];
    return NULL;
}

static const char *take_loss(struct sl_config_parser *parse, const char *value)
{
    return sl_value_share(value, &parse->config->fault.loss_permille)
               ? NULL
               : "a share from 0 to 1 such as 0.2, or a percentage such as 20%";
}

static const char *take_delay(struct sl_config_parser *parse, const char *value)
{
    return sl_value_u32(value, 0, 10000, &parse->config->fault.delay_ms)
               ? NULL
               : "a number of milliseconds from 0 to 10000";
}

static const char *take_seed(struct sl_config_parser *parse, const char *value)
{
    return sl_value_number(value, 0, UINT64_MAX, &parse->config->fault.seed) ? NULL : "a number";
}

static const struct setting settings[] = {
    {"node", "bundle", take_bundle, false},
    {"node", "state", take_state, false},
    {"node", "control", take_control, false},
    {"node", "control-mode", take_control_mode, false},
    {"store", "size-mib", take_size, false},
    {"udp", "enabled", sl_config_take_udp_enabled, false},
    {"udp", "interfaces", sl_config_take_udp_interfaces, true},
    {"udp", "port", sl_config_take_udp_port, false},
    {"udp", "group", sl_config_take_udp_group, false},
    {"udp", "listen", sl_config_take_udp_listen, false},
    {"udp", "peers", sl_config_take_udp_peers, true},
    {"udp", "rate-mbit", sl_config_take_udp_rate, false},
    {"wifi", "enabled", sl_config_take_wifi_enabled, false},
    {"wifi", "radios", sl_config_take_wifi_radios, true},
    {"wifi", "mode", sl_config_take_wifi_mode, false},
    {"wifi", "cell", sl_config_take_wifi_cell, false},
    {"wifi", "channel", sl_config_take_wifi_channel, false},
    {"wifi", "bssid", sl_config_take_wifi_bssid, false},
    {"wifi", "country", sl_config_take_wifi_country, false},
    {"wifi", "multicast-mbit", sl_config_take_wifi_rate, false},
    {"bluetooth", "enabled", sl_config_take_bluetooth_enabled, false},
    {"bluetooth", "adapters", sl_config_take_bluetooth_adapters, true},
    {"bluetooth", "scan-percent", sl_config_take_bluetooth_scan, false},
    {"bluetooth", "rate-kbit", sl_config_take_bluetooth_rate, false},
    {"quota", "origin-rate", take_origin_rate, false},
    {"quota", "origin-burst", take_origin_burst, false},
    {"quota", "link-rate", take_link_rate, false},
    {"quota", "link-burst", take_link_burst, false},
    {"quota", "airtime-percent", take_airtime, false},
    {"clock", "system", take_trust, false},
    {"log", "level", take_level, false},
    {"test", "loss", take_loss, false},
    {"test", "delay-ms", take_delay, false},
    {"test", "seed", take_seed, false},
};
_Static_assert(SL_ARRAY_LEN(settings) <= SL_ARRAY_LEN(((struct sl_config_parser *)0)->seen_line),
               "seen_line has a place for every setting");

/* ---- The file ---- */

/* The sections, or the keys of one, for people. */
static void list_names(const char *section, char *ret_text, size_t cap)
{
    size_t len = 0;
    const char *last = "";
    ret_text[0] = '\0';
    for (size_t i = 0; i < SL_ARRAY_LEN(settings) && len < cap; i++) {
        const char *name = section ? settings[i].key : settings[i].section;
        if ((section && strcmp(settings[i].section, section) != 0) || strcmp(name, last) == 0)
            continue;
        len += (size_t)snprintf(ret_text + len, cap - len, "%s%s", len > 0 ? ", " : "", name);
        last = name;
    }
}

static void report_unknown(struct sl_config_parser *parse, const char *section, const char *key)
{
    char names[160];
    list_names(section, names, sizeof(names));
    if (section[0] == '\0') {
        sl_problem_error(parse->problems, parse->path, parse->line,
                         "'%.*s' stands before any section; put a line such as [node] above it",
                         SHOWN(key));
    } else if (names[0] == '\0') {
        list_names(NULL, names, sizeof(names));
        sl_problem_error(parse->problems, parse->path, parse->line,
                         "there is no section [%.*s]; the sections are %s", SHOWN(section), names);
    } else {
        sl_problem_error(parse->problems, parse->path, parse->line,
                         "[%s] has no '%.*s'; its keys are %s", section, SHOWN(key), names);
    }
}

static int take_setting(void *user, const char *section, const char *key, const char *value)
{
    struct sl_config_parser *parse = user;
    for (size_t i = 0; i < SL_ARRAY_LEN(settings); i++) {
        const struct setting *setting = &settings[i];
        if (strcmp(setting->section, section) != 0 || strcmp(setting->key, key) != 0)
            continue;
        if (parse->seen_line[i] > 0 && !setting->list) {
            sl_problem_error(parse->problems, parse->path, parse->line,
                             "'%s' was given in line %d already; remove one of them", key,
                             parse->seen_line[i]);
            return 1;
        }
        /* The first ones take the place of the default. */
        if (parse->seen_line[i] == 0 && setting->take == sl_config_take_udp_interfaces)
            parse->config->udp.interface_count = 0;
        if (parse->seen_line[i] == 0 && setting->take == sl_config_take_wifi_radios)
            parse->config->wifi.pattern_count = 0;
        if (parse->seen_line[i] == 0 && setting->take == sl_config_take_bluetooth_adapters)
            parse->config->bluetooth.adapter_count = 0;
        parse->seen_line[i] = parse->line;
        const char *expected = setting->take(parse, value);
        if (expected)
            sl_problem_error(parse->problems, parse->path, parse->line,
                             "'%s' is '%.*s'; it has to be %s", key, SHOWN(value), expected);
        return 1;
    }
    report_unknown(parse, section, key);
    return 1;
}

/* fgets() over the text, for inih: counts lines, because inih's handler is not told their number.
 */
static char *read_line(char *ret_line, int cap, void *user)
{
    struct sl_config_parser *parse = user;
    if (parse->at == parse->end)
        return NULL;
    size_t left = (size_t)(parse->end - parse->at);
    const char *feed = memchr(parse->at, '\n', left);
    size_t len = feed ? (size_t)(feed - parse->at) + 1 : left;
    parse->line++;
    if (len + 1 <= (size_t)cap) {
        memcpy(ret_line, parse->at, len);
        ret_line[len] = '\0';
    } else {
        sl_problem_error(parse->problems, parse->path, parse->line,
                         "the line is too long; at most %d characters (interfaces and peers may be "
                         "given several times)",
                         cap - 3);
        strcpy(ret_line, "\n");
    }
    parse->at += len;
    return ret_line;
}

/* What only the whole file can tell. */
static void finish(struct sl_config_parser *parse)
{
    struct sl_udp_config *udp = &parse->config->udp;
    if (udp->listen.sin6_port == 0)
        udp->listen.sin6_port = htons(parse->udp_port);
    for (size_t i = 0; i < udp->peer_count; i++)
        if (udp->peers[i].sin6_port == 0)
            udp->peers[i].sin6_port = htons(parse->udp_port);
    if (udp->interface_count > 0 && !IN6_IS_ADDR_UNSPECIFIED(&udp->listen.sin6_addr))
        sl_problem_error(parse->problems, parse->path, parse->listen_line,
                         "a node that listens on one address hears no multicast; write "
                         "'interfaces = none' too, or 'listen = [::]:%d'",
                         ntohs(udp->listen.sin6_port));
}

static void set_defaults(const char *path, struct sl_config *config)
{
    const char *slash = strrchr(path, '/');
    memset(config, 0, sizeof(*config));
    strcpy(config->state, "/var/lib/starling");
    strcpy(config->control, "/run/starling/control.sock");
    config->store_bytes_max = SL_STORE_BYTES_DEFAULT;
    config->udp_enabled = true;
    config->log_level = LOG_INFO;
    config->fault.seed = 1;
    snprintf(config->path, sizeof(config->path), "%s", path);
    snprintf(config->bundle, sizeof(config->bundle), "%.*s",
             slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
    sl_udp_config_init(&config->udp);
    sl_wifi_config_init(&config->wifi);
    config->bluetooth_enabled = true;
    sl_bluetooth_config_init(&config->bluetooth);
    config->udp.listen.sin6_port = 0;
    sl_quota_config_init(&config->quota);
}

int sl_config_parse(const char *path, const char *text, size_t len, struct sl_config *ret_config,
                    struct sl_problems *problems)
{
    size_t before = problems->error_count;
    struct sl_config_parser parse = {.config = ret_config,
                                     .problems = problems,
                                     .path = path,
                                     .at = text,
                                     .end = text + len,
                                     .udp_port = SL_UDP_PORT};
    set_defaults(path, ret_config);
    if (memchr(text, '\0', len)) {
        sl_problem_error(problems, path, 0, "holds zero bytes; it has to be plain text");
        return -EINVAL;
    }
    int bad_line = ini_parse_stream(read_line, &parse, take_setting, &parse);
    if (bad_line > 0)
        sl_problem_error(problems, path, bad_line,
                         "is neither '[section]' nor 'key = value' nor a comment ('# …')");
    if (bad_line < 0)
        return -ENOMEM;
    finish(&parse);
    return problems->error_count == before ? 0 : -EINVAL;
}

int sl_config_read(const char *path, struct sl_config *ret_config, struct sl_problems *problems)
{
    char *text = NULL;
    int error = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = -1;
    if (strlen(path) >= SL_CONFIG_PATH_MAX)
        errno = ENAMETOOLONG;
    else if (fd >= 0 && (text = malloc(SL_CONFIG_SIZE_MAX + 1)))
        len = read(fd, text, SL_CONFIG_SIZE_MAX + 1);
    if (len < 0) {
        error = -errno;
        sl_problem_error(
            problems, path, 0,
            "cannot be read (%s); name another with -c: the folder that 'starling node "
            "add' made holds one",
            strerror(errno));
    } else if (len > SL_CONFIG_SIZE_MAX) {
        error = -EINVAL;
        sl_problem_error(problems, path, 0, "is over 64 KiB; is it a configuration file?");
    } else {
        error = sl_config_parse(path, text, (size_t)len, ret_config, problems);
    }
    free(text);
    if (fd >= 0)
        close(fd);
    return error;
}
