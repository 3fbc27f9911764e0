/* [bluetooth] of the configuration. */
#include "daemon/config_internal.h"
#include "daemon/values.h"

#include <stdio.h>
#include <string.h>

const char *sl_config_take_bluetooth_enabled(struct sl_config_parser *parse, const char *value)
{
    static const char *const words[] = {"auto", "yes", "no", NULL};
    int word = sl_value_word(value, words);
    if (word < 0)
        return "auto (adapters that are switched on), yes (switch them on) or no";
    parse->config->bluetooth_enabled = word != 2;
    parse->config->bluetooth.power = word == 1;
    return NULL;
}

static const char *take_pattern(void *target, const char *word)
{
    struct sl_bluetooth_config *config = target;
    if (config->adapter_count == SL_BLUETOOTH_PATTERNS_MAX)
        return "at most 8 names; a pattern such as hci* stands for several";
    if (strlen(word) >= SL_BLUETOOTH_NAME_CAP)
        return "names of adapters such as hci0, or patterns such as hci*";
    snprintf(config->adapters[config->adapter_count++], SL_BLUETOOTH_NAME_CAP, "%s", word);
    return NULL;
}

const char *sl_config_take_bluetooth_adapters(struct sl_config_parser *parse, const char *value)
{
    return sl_value_each_word(value, take_pattern, &parse->config->bluetooth);
}

const char *sl_config_take_bluetooth_scan(struct sl_config_parser *parse, const char *value)
{
    uint32_t percent;
    if (!sl_value_u32(value, 5, 100, &percent))
        return "a percentage from 5 to 100, without the sign";
    parse->config->bluetooth.scan_percent = percent;
    return NULL;
}

const char *sl_config_take_bluetooth_rate(struct sl_config_parser *parse, const char *value)
{
    uint32_t kbit;
    if (!sl_value_u32(value, 10, 100000, &kbit))
        return "a number of kbit/s from 10 to 100000";
    parse->config->bluetooth.rate_bps = (uint64_t)kbit * 1000;
    return NULL;
}
