/* network.json: the name of a network, and every certificate that was issued or revoked. */
#include "network.h"

#include "base/text.h"
#include "files.h"
#include "output.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FILE_CAP ((size_t)16 << 20)

static const char *const kind_names[] = {"node", "invite", "elsewhere"};

static json_t *issued_to_json(const struct sl_issued *issued)
{
    char serial[2 * SL_SERIAL_LEN + 1], origin[2 * SL_ORIGIN_LEN + 1];
    sl_hex_encode(issued->serial, SL_SERIAL_LEN, serial);
    sl_hex_encode(issued->origin, SL_ORIGIN_LEN, origin);
    return json_pack("{ss ss ss ss sI sI}", "kind", kind_names[issued->kind], "name", issued->name,
                     "serial", serial, "origin", origin, "not_after", (json_int_t)issued->not_after,
                     "revoked", (json_int_t)issued->revoked);
}

static int issued_from_json(json_t *json, struct sl_issued *ret_issued)
{
    const char *kind, *name, *serial, *origin;
    json_int_t not_after, revoked;
    if (json_unpack(json, "{ss ss ss ss sI sI}", "kind", &kind, "name", &name, "serial", &serial,
                    "origin", &origin, "not_after", &not_after, "revoked", &revoked) < 0)
        return -EBADMSG;
    struct sl_issued issued = {.not_after = not_after, .revoked = revoked};
    while (strcmp(kind, kind_names[issued.kind]) != 0)
        if (++issued.kind == SL_ARRAY_LEN(kind_names))
            return -EBADMSG;
    if (strlen(name) > SL_NETWORK_NAME_MAX || strlen(serial) != 2 * SL_SERIAL_LEN ||
        strlen(origin) != 2 * SL_ORIGIN_LEN ||
        (issued.kind == SL_ISSUED_NODE && sl_network_name_fault(name) != NULL) ||
        sl_hex_decode(serial, issued.serial, SL_SERIAL_LEN) < 0 ||
        sl_hex_decode(origin, issued.origin, SL_ORIGIN_LEN) < 0)
        return -EBADMSG;
    memcpy(issued.name, name, strlen(name) + 1);
    *ret_issued = issued;
    return 0;
}

static char *index_text(const char *name, uint64_t crl_number, const struct sl_issued *issued,
                        size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, issued_to_json(&issued[i]));
    json_t *json = json_pack("{si ss sI so}", "version", 1, "name", name, "crl_number",
                             (json_int_t)crl_number, "issued", list);
    char *text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    return text;
}

static int write_index(const char *folder, char *text)
{
    int rc =
        text == NULL ? -ENOMEM : sl_files_write(folder, SL_NETWORK_INDEX, text, strlen(text), 0600);
    free(text);
    return rc;
}

int sl_network_new_index(const char *folder, const char *name)
{
    return write_index(folder, index_text(name, 0, NULL, 0));
}

int sl_network_save(const struct sl_network *network)
{
    int rc = write_index(network->folder, index_text(network->name, network->crl_number,
                                                     network->issued, network->issued_count));
    if (rc < 0)
        sl_output_error("%s/" SL_NETWORK_INDEX " cannot be written: %s.", network->folder,
                        strerror(-rc));
    return rc;
}

static int load_index(struct sl_network *network, json_t *json)
{
    int version = 0;
    const char *name = NULL;
    json_int_t crl_number = 0;
    json_t *list = NULL;
    if (json_unpack(json, "{si ss sI so}", "version", &version, "name", &name, "crl_number",
                    &crl_number, "issued", &list) < 0 ||
        version != 1 || crl_number < 0 || !json_is_array(list) ||
        sl_network_name_fault(name) != NULL)
        return -EBADMSG;
    memcpy(network->name, name, strlen(name) + 1);
    network->crl_number = (uint64_t)crl_number;
    network->issued = calloc(json_array_size(list) + 1, sizeof(*network->issued));
    if (network->issued == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < json_array_size(list); i++) {
        int rc = issued_from_json(json_array_get(list, i), &network->issued[i]);
        if (rc < 0)
            return rc;
        network->issued_count++;
    }
    return 0;
}

int sl_network_load_index(struct sl_network *network)
{
    char *text = NULL;
    int rc = sl_files_read(network->folder, SL_NETWORK_INDEX, FILE_CAP, &text, NULL);
    if (rc < 0)
        return rc;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    rc = load_index(network, json);
    json_decref(json);
    return rc;
}
