/* The node and its links: status, neighbours, revocation. */
#include "services/control_request.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *refusal_name(enum sl_refusal refusal)
{
    switch (refusal) {
    case SL_REFUSAL_FOREIGN:
        return "foreign";
    case SL_REFUSAL_EXPIRED:
        return "expired";
    case SL_REFUSAL_NOT_YET:
        return "not-yet";
    case SL_REFUSAL_REVOKED:
        return "revoked";
    case SL_REFUSAL_MALFORMED:
        return "malformed";
    case SL_REFUSAL_TIMEOUT:
        return "timeout";
    case SL_REFUSAL_BUSY:
        return "busy";
    case SL_REFUSAL_SELF:
        return "self";
    case SL_REFUSAL_BY_PEER:
        return "by-peer";
    case SL_REFUSAL_NONE:
    case SL_REFUSAL_COUNT:
        break;
    }
    return NULL;
}

static const char *source_name(enum sl_clock_source source)
{
    switch (source) {
    case SL_CLOCK_UNSET:
        return "unset";
    case SL_CLOCK_STORED:
        return "stored";
    case SL_CLOCK_NEIGHBOURS:
        return "neighbours";
    case SL_CLOCK_PERSON:
        return "person";
    case SL_CLOCK_RTC:
        return "rtc";
    case SL_CLOCK_NTP:
        return "ntp";
    }
    return "unset";
}

static const char *link_state_name(enum sl_link_state state)
{
    switch (state) {
    case SL_LINK_HEARD:
        return "heard";
    case SL_LINK_HANDSHAKE:
        return "handshake";
    case SL_LINK_UP:
        return "up";
    }
    return "heard";
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *refused_json(const struct sl_node_status *status)
{
    json_t *refused = json_object();
    for (int i = SL_REFUSAL_NONE + 1; i < SL_REFUSAL_COUNT; i++)
        json_object_set_new(refused, refusal_name((enum sl_refusal)i), number(status->refused[i]));
    return refused;
}

static json_t *counters_json(const struct sl_node_status *status,
                             const struct sl_chat_counters *chat)
{
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"accepted", status->accepted},
        {"duplicates", status->duplicates},
        {"sent_envelopes", status->sent_envelopes},
        {"suppressed", status->suppressed},
        {"routes", status->route_count},
        {"held", status->held_count},
        {"sent_routed", status->sent_routed},
        {"routed_settled", status->routed_settled},
        {"routed_flooded", status->routed_flooded},
        {"bytes_in", status->bytes_in},
        {"bytes_out", status->bytes_out},
        {"frames_in", status->frames_in},
        {"frames_out", status->frames_out},
        {"repair_bytes_out", status->repair_bytes_out},
        {"rejected_signature", status->rejected_signature},
        {"rejected_malformed", status->rejected_malformed},
        {"rejected_quota", status->rejected_quota},
        {"rejected_expired", status->rejected_expired},
        {"rejected_replayed", status->rejected_replayed},
        {"rejected_unknown", status->rejected_unknown},
        {"rejected_revoked", status->rejected_revoked},
        {"rejected_garbage", status->rejected_garbage},
        {"unopened", chat->unopened},
    };
    json_t *object = json_object();
    for (size_t i = 0; i < SL_ARRAY_LEN(counters); i++)
        json_object_set_new(object, counters[i].name, number(counters[i].value));
    return object;
}

static json_t *store_json(const struct sl_node_status *status)
{
    char error[160];
    snprintf(error, sizeof(error), "the disk takes nothing (%s): what comes now is in memory only",
             strerror(-status->store_error));
    return json_pack("{s:o, s:o, s:o, s:s?}", "count", number(status->stored_count), "bytes",
                     number(status->stored_bytes), "bytes_max", number(status->store_bytes_max),
                     "error", status->store_error < 0 ? error : NULL);
}

static bool certificate_expired(const struct sl_control_about *about,
                                const struct sl_node_status *status)
{
    return status->unix_us > 0 && about->not_after > 0 &&
           status->unix_us / SL_SECOND > about->not_after;
}

static json_t *node_json(const struct sl_control_about *about, const struct sl_node_status *status)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:{s:o, s:b, s:b}}", "name",
                     sl_control_shown(about->node_name), "origin",
                     sl_control_hex(status->origin, sizeof(status->origin)), "version",
                     about->version, "uptime", json_integer(about->uptime / SL_SECOND),
                     "certificate", "not_after", json_integer(about->not_after), "expired",
                     certificate_expired(about, status), "revoked", about->revoked);
}

static json_t *bearers_json(const struct sl_control_request *request)
{
    json_t *list = json_array();
    for (int i = 0; i < SL_BEARERS_MAX; i++) {
        const char *name = request->config->bearer_name(request->config->arg, i);
        if (name)
            json_array_append_new(list, json_string(name));
    }
    return list;
}

static json_t *warnings_json(const struct sl_control_about *about,
                             const struct sl_node_status *status)
{
    json_t *list = json_array();
    if (certificate_expired(about, status))
        json_array_append_new(
            list, json_string("this node's certificate has expired: other nodes refuse it; make a "
                              "new bundle with 'starling node add'"));
    if (about->revoked)
        json_array_append_new(
            list, json_string("this node was revoked by its network: other nodes refuse it"));
    if (status->refused[SL_REFUSAL_SELF] > 0)
        json_array_append_new(
            list,
            json_string(
                "another board was met that has this node's own keys: a card was copied, or its "
                "bundle put on two; flash one of them with a node of its own"));
    if (status->clock_source == SL_CLOCK_UNSET)
        json_array_append_new(
            list, json_string("the clock is not set: certificates cannot be judged, and dates of "
                              "messages are wrong until a neighbour or this system knows better"));
    if (status->store_error < 0)
        json_array_append_new(
            list, json_string("the disk takes nothing: messages are lost if this node stops"));
    return list;
}

void sl_control_do_status(struct sl_control_request *request)
{
    const struct sl_control_config *config = request->config;
    struct sl_node_status status;
    struct sl_control_about about;
    struct sl_chat_counters chat;
    sl_chat_counters(config->chat, &chat);
    sl_node_status(config->node, request->now, &status);
    config->about(config->arg, &about);

    sl_control_give(request, "node", node_json(&about, &status));
    sl_control_give(request, "network", sl_control_shown(about.network));
    sl_control_give(
        request, "clock",
        json_pack("{s:s, s:o}", "source", source_name(status.clock_source), "unix",
                  status.unix_us > 0 ? json_integer(status.unix_us / SL_SECOND) : json_null()));
    sl_control_give(request, "store", store_json(&status));
    sl_control_give(request, "neighbours", number(status.neighbour_count));
    sl_control_give(request, "handshakes", number(status.handshake_count));
    sl_control_give(request, "heard", number(status.heard_count));
    sl_control_give(request, "origins", number(status.origin_count));
    sl_control_give(request, "counters", counters_json(&status, &chat));
    sl_control_give(request, "refused", refused_json(&status));
    sl_control_give(request, "bearers", bearers_json(request));
    sl_control_give(request, "warnings", warnings_json(&about, &status));
}

static json_t *seconds_since(sl_time then, sl_time now)
{
    return json_integer(now > then ? (now - then) / SL_SECOND : 0);
}

static void give_quality(const struct sl_control_request *request,
                         const struct sl_neighbour_info *info, json_t *object)
{
    struct sl_control_quality quality = {0};
    const struct sl_control_config *config = request->config;
    if (config->quality && info->state == SL_LINK_UP &&
        !config->quality(config->arg, info->bearer, &info->address, &quality))
        quality = (struct sl_control_quality){0};
    json_object_set_new(object, "signal",
                        quality.has_signal ? json_integer(quality.signal_dbm) : json_null());
    json_object_set_new(object, "rate",
                        quality.has_rate ? json_integer(quality.rate_kbps) : json_null());
    json_object_set_new(object, "radio_loss",
                        quality.has_loss ? json_real(quality.loss_permille / 1000.0) : json_null());
}

static json_t *neighbour_json(const struct sl_control_request *request,
                              const struct sl_neighbour_info *info)
{
    char address[80] = "";
    bool known = info->name[0] != '\0';
    bool up = info->state == SL_LINK_UP;
    request->config->address_text(request->config->arg, info->bearer, &info->address, address,
                                  sizeof(address));
    json_t *object = json_pack(
        "{s:o, s:o, s:s, s:s, s:s, s:o, s:o}", "name",
        known ? sl_control_shown(info->name) : json_null(), "origin",
        known ? sl_control_hex(info->origin, sizeof(info->origin)) : json_null(), "bearer",
        info->bearer_name, "address", address, "state", link_state_name(info->state), "up_for",
        up ? seconds_since(info->up_since, request->now) : json_integer(0), "silent_for",
        seconds_since(info->last_heard, request->now));
    json_object_set_new(object, "frames_in", number(info->frames_in));
    json_object_set_new(object, "frames_out", number(info->frames_out));
    json_object_set_new(object, "bytes_in", number(info->bytes_in));
    json_object_set_new(object, "bytes_out", number(info->bytes_out));
    json_object_set_new(object, "envelopes_in", number(info->envelopes_in));
    json_object_set_new(object, "loss", json_real(info->loss_permille / 1000.0));
    give_quality(request, info, object);
    json_object_set_new(object, "stored", number(info->stored_count));
    json_object_set_new(object, "in_sync", json_boolean(info->in_sync));
    const char *refusal = refusal_name(info->last_refusal);
    json_object_set_new(object, "refusal", refusal ? json_string(refusal) : json_null());
    return object;
}

void sl_control_do_neighbours(struct sl_control_request *request)
{
    struct sl_node_status status;
    struct sl_neighbour_info info;
    json_t *list = json_array();
    /* 100 fit a line; those with a link are at most SL_NEIGHBOURS_MAX and must not fall out. */
    size_t heard_left = 100 - SL_NEIGHBOURS_MAX;
    for (size_t i = 0; sl_node_neighbour(request->config->node, i, &info); i++) {
        if (info.state == SL_LINK_HEARD && heard_left == 0)
            continue;
        heard_left -= info.state == SL_LINK_HEARD;
        json_array_append_new(list, neighbour_json(request, &info));
    }
    sl_node_status(request->config->node, request->now, &status);
    sl_control_give(request, "neighbours", list);
    sl_control_give(request, "refused", refused_json(&status));
}

/* ---- Radios ---- */

static json_t *words_json(const char *words)
{
    json_t *list = json_array();
    while (*words != '\0') {
        size_t len = strcspn(words, ",");
        json_array_append_new(list, json_stringn(words, len));
        words += len;
        words += strspn(words, ", ");
    }
    return list;
}

static json_t *text_or_null(const char *text)
{
    return text && text[0] != '\0' ? sl_control_shown(text) : json_null();
}

static json_t *radio_json(const struct sl_control_radio *radio)
{
    return json_pack("{s:s, s:o, s:o, s:s, s:b, s:b, s:o, s:o, s:o, s:o}", "kind", radio->kind,
                     "name", sl_control_shown(radio->name), "interface",
                     text_or_null(radio->interface), "state", radio->state, "used", radio->used,
                     "trouble", radio->trouble, "mode", text_or_null(radio->mode), "can",
                     words_json(radio->can), "country", text_or_null(radio->country), "why",
                     sl_control_shown(radio->why));
}

void sl_control_do_radios(struct sl_control_request *request)
{
    const struct sl_control_config *config = request->config;
    json_t *list = json_array();
    struct sl_control_radio radio = {0};
    for (size_t i = 0; config->radio && config->radio(config->arg, i, &radio); i++) {
        json_array_append_new(list, radio_json(&radio));
        radio = (struct sl_control_radio){0};
    }
    sl_control_give(request, "radios", list);
}

/* ---- Revocation ---- */

void sl_control_do_revoke(struct sl_control_request *request)
{
    const char *text = sl_control_text(request, "crl");
    size_t cap = strlen(text) + 1;
    uint8_t *crl = malloc(cap);
    int len = crl ? sl_base64_decode(text, strlen(text), crl, cap) : -ENOMEM;
    int error =
        len < 0 ? len : sl_node_revoke(request->config->node, crl, (size_t)len, request->now);
    free(crl);
    if (error == -EINVAL)
        sl_control_fail(request, "bad-request", "'crl' is not base64url without padding");
    else if (error == -EALREADY)
        sl_control_fail(request, "exists", "this list or a newer one is in force here already");
    else if (error == -EBADMSG)
        sl_control_fail(request, "denied",
                        "this list was not issued by the authority of this node's network");
    else if (error < 0)
        sl_control_fail_errno(request, error);
}
