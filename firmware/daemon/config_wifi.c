/* [wifi] of the configuration. */
#include "daemon/config_internal.h"
#include "daemon/values.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *sl_config_take_wifi_enabled(struct sl_config_parser *parse, const char *value)
{
    static const char *const words[] = {"auto", "yes", "no", NULL};
    static const enum sl_wifi_enabled meanings[] = {SL_WIFI_AUTO, SL_WIFI_YES, SL_WIFI_NO};
    int word = sl_value_word(value, words);
    if (word < 0)
        return "auto, yes or no";
    parse->config->wifi.wish.enabled = meanings[word];
    return NULL;
}

static const char *take_pattern(void *target, const char *word)
{
    struct sl_wifi_config *wifi = target;
    if (wifi->pattern_count == SL_WIFI_PATTERNS)
        return "at most 8 radios; patterns such as wlan* stand for several";
    if (strlen(word) >= sizeof(wifi->patterns[0]))
        return "names of interfaces or radios, such as wlan0, phy1 or *";
    snprintf(wifi->patterns[wifi->pattern_count++], sizeof(wifi->patterns[0]), "%s", word);
    return NULL;
}

const char *sl_config_take_wifi_radios(struct sl_config_parser *parse, const char *value)
{
    return sl_value_each_word(value, take_pattern, &parse->config->wifi);
}

const char *sl_config_take_wifi_mode(struct sl_config_parser *parse, const char *value)
{
    static const char *const words[] = {"auto", "adhoc", "mesh", "existing", NULL};
    static const enum sl_wifi_mode modes[] = {SL_WIFI_MODE_AUTO, SL_WIFI_MODE_ADHOC,
                                              SL_WIFI_MODE_MESH, SL_WIFI_MODE_EXISTING};
    int word = sl_value_word(value, words);
    if (word < 0)
        return "auto, adhoc, mesh or existing";
    parse->config->wifi.wish.mode = modes[word];
    return NULL;
}

const char *sl_config_take_wifi_cell(struct sl_config_parser *parse, const char *value)
{
    struct sl_wifi_cell *cell = &parse->config->wifi.wish.cell;
    size_t len = strlen(value);
    if (len == 0 || len > SL_SSID_MAX)
        return "a name of 1 to 32 bytes, the same on every board";
    memset(cell->ssid, 0, sizeof(cell->ssid));
    memcpy(cell->ssid, value, len);
    cell->ssid_len = len;
    return NULL;
}

const char *sl_config_take_wifi_channel(struct sl_config_parser *parse, const char *value)
{
    uint32_t channel;
    if (!sl_value_u32(value, 1, 177, &channel) || sl_wifi_channel_mhz(channel) == 0)
        return "a channel, 1 to 13 or 36 to 177, the same on every board";
    parse->config->wifi.wish.cell.mhz = sl_wifi_channel_mhz(channel);
    return NULL;
}

const char *sl_config_take_wifi_bssid(struct sl_config_parser *parse, const char *value)
{
    struct sl_wifi_cell *cell = &parse->config->wifi.wish.cell;
    unsigned bytes[SL_MAC_LEN];
    int used = 0;
    cell->fixed_bssid = strcasecmp(value, "any") != 0;
    if (!cell->fixed_bssid)
        return NULL;
    if (strlen(value) != 17 || strspn(value, "0123456789abcdefABCDEF:") != 17 ||
        sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
               &bytes[4], &bytes[5], &used) != SL_MAC_LEN ||
        used != 17 || (bytes[0] & 1) != 0)
        return "any, or an address of one station such as 02:53:54:41:52:4c, the same on every "
               "board";
    for (size_t i = 0; i < SL_MAC_LEN; i++)
        cell->bssid[i] = (uint8_t)bytes[i];
    return NULL;
}

const char *sl_config_take_wifi_country(struct sl_config_parser *parse, const char *value)
{
    char *country = parse->config->wifi.wish.country;
    if (strcasecmp(value, "any") == 0)
        return NULL;
    if (strlen(value) != 2 || strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
        return "the two capital letters of a country (ISO 3166), such as DE, or any";
    memcpy(country, value, 3);
    return NULL;
}

const char *sl_config_take_wifi_rate(struct sl_config_parser *parse, const char *value)
{
    /* The rates that every radio of the band has (IEEE 802.11, 15 to 18), in Mbit/s. */
    static const char *const words[] = {"auto", "1", "2", "6", "9", "12", "18", "24", NULL};
    static const uint32_t rates[] = {0, 10, 20, 60, 90, 120, 180, 240};
    int word = sl_value_word(value, words);
    if (word < 0)
        return "auto, 1, 2, 6, 9, 12, 18 or 24 Mbit/s, without the unit";
    parse->config->wifi.wish.cell.multicast_100kbps = rates[word];
    return NULL;
}
