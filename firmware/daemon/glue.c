/* The ends at which the parts of the daemon meet. */
#include "daemon/daemon.h"

#include "daemon/log.h"
#include "daemon/version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- Bearers ---- */

static struct sl_carrier *carrier_of(struct sl_daemon *daemon, int number)
{
    for (size_t i = 0; i < daemon->carrier_count; i++)
        if (number >= 0 && (daemon->carriers[i].bearer->numbers >> number & 1))
            return &daemon->carriers[i];
    return NULL;
}

int sl_daemon_take_bearer(struct sl_daemon *daemon, struct sl_bearer *bearer)
{
    if (daemon->carrier_count == SL_DAEMON_BEARERS_MAX) {
        sl_log(LOG_WARNING, "at most %d kinds of radio and network; one is left out",
               SL_DAEMON_BEARERS_MAX);
        bearer->ops->free(bearer);
        return -ENOSPC;
    }
    daemon->carriers[daemon->carrier_count++].bearer = bearer;
    return 0;
}

static int add_bearer(void *arg, const struct sl_bearer_info *info)
{
    struct sl_daemon *daemon = arg;
    int number = sl_node_add_bearer(daemon->node, info, daemon->now);
    if (number >= 0)
        snprintf(daemon->bearer_names[number], sizeof(daemon->bearer_names[number]), "%s",
                 info->name);
    return number;
}

static void remove_bearer(void *arg, int number)
{
    struct sl_daemon *daemon = arg;
    sl_node_remove_bearer(daemon->node, number, daemon->now);
    daemon->bearer_names[number][0] = '\0';
}

static int add_peer(void *arg, int number, const struct sl_address *address)
{
    struct sl_daemon *daemon = arg;
    return sl_node_add_peer(daemon->node, number, address, daemon->now);
}

static void remove_peer(void *arg, int number, const struct sl_address *address)
{
    struct sl_daemon *daemon = arg;
    sl_node_remove_peer(daemon->node, number, address, daemon->now);
}

static bool linked(void *arg, int number, const struct sl_address *address)
{
    const struct sl_daemon *daemon = arg;
    return sl_node_is_linked(daemon->node, number, address);
}

static void receive(void *arg, int number, const struct sl_address *from, const uint8_t *bytes,
                    size_t len)
{
    struct sl_daemon *daemon = arg;
    if (daemon->fault && sl_fault_loses(daemon->fault))
        return;
    if (daemon->fault && sl_fault_delays(daemon->fault))
        sl_fault_push(daemon->fault, number, from, bytes, len, daemon->now);
    else
        sl_node_receive(daemon->node, number, from, bytes, len, daemon->now);
}

static void describe(void *arg, unsigned interface, struct sl_bearer_info *info)
{
    const struct sl_daemon *daemon = arg;
    if (daemon->wifi)
        sl_wifi_describe(daemon->wifi, interface, info);
}

static void report(void *arg, int priority, const char *line)
{
    (void)arg;
    sl_log(priority, "%s", line);
}

void sl_daemon_bearer_host(struct sl_daemon *daemon, struct sl_bearer_host *ret_host)
{
    *ret_host = (struct sl_bearer_host){
        .arg = daemon,
        .add = add_bearer,
        .remove = remove_bearer,
        .add_peer = add_peer,
        .remove_peer = remove_peer,
        .linked = linked,
        .receive = receive,
        .describe = describe,
        .report = report,
    };
}

/* What was held is tried again. Bit mask of the numbers whose bearer still cannot send. */
static uint32_t send_held(struct sl_daemon *daemon)
{
    uint32_t stuck = 0;
    for (size_t i = 0; i < daemon->carrier_count; i++) {
        struct sl_carrier *carrier = &daemon->carriers[i];
        struct sl_bearer *bearer = carrier->bearer;
        if (carrier->holding)
            carrier->holding = (bearer->numbers >> carrier->held.bearer & 1) != 0 &&
                               bearer->ops->send(bearer, &carrier->held) == -EAGAIN;
        if (carrier->holding)
            stuck |= bearer->numbers;
    }
    return stuck;
}

void sl_daemon_drain(struct sl_daemon *daemon)
{
    struct sl_datagram datagram;
    uint32_t stuck = send_held(daemon);
    sl_node_hold(daemon->node, stuck);
    while (sl_node_transmit(daemon->node, &datagram, daemon->now)) {
        struct sl_carrier *carrier = carrier_of(daemon, datagram.bearer);
        if (!carrier || carrier->bearer->ops->send(carrier->bearer, &datagram) != -EAGAIN)
            continue;
        carrier->holding = true;
        carrier->held = datagram;
        stuck |= carrier->bearer->numbers;
        sl_node_hold(daemon->node, stuck);
    }
}

/* ---- Mesh to chat ---- */

static void accepted(void *arg, const struct sl_envelope *envelope, const uint8_t id[SL_ID_LEN],
                     sl_time born, bool local)
{
    struct sl_daemon *daemon = arg;
    if (daemon->chat)
        sl_chat_accepted(daemon->chat, envelope, id, born, local, daemon->now);
}

static void relayed(void *arg, const uint8_t id[SL_ID_LEN])
{
    struct sl_daemon *daemon = arg;
    if (daemon->chat)
        sl_chat_relayed(daemon->chat, id, daemon->now);
}

static void store_state(void *arg, int error)
{
    (void)arg;
    if (error < 0)
        sl_log(LOG_DEBUG, "store: not durable now: %s", strerror(-error));
    else
        sl_log(LOG_DEBUG, "store: durable again");
}

void sl_daemon_node_events(struct sl_daemon *daemon, struct sl_node_events *ret_events)
{
    *ret_events = (struct sl_node_events){
        .arg = daemon,
        .accepted = accepted,
        .relayed = relayed,
        .store_state = store_state,
    };
}

/* ---- Chat to control ---- */

static void message(void *arg, uint32_t persona, uint32_t owner, const struct sl_message *about)
{
    struct sl_daemon *daemon = arg;
    if (daemon->control)
        sl_control_message(daemon->control, persona, owner, about);
}

static void state(void *arg, uint32_t persona, uint32_t owner, const struct sl_message *about)
{
    struct sl_daemon *daemon = arg;
    if (daemon->control)
        sl_control_state(daemon->control, persona, owner, about);
}

static void person(void *arg, const struct sl_person *about)
{
    struct sl_daemon *daemon = arg;
    if (daemon->control)
        sl_control_person(daemon->control, about);
}

void sl_daemon_chat_events(struct sl_daemon *daemon, struct sl_chat_events *ret_events)
{
    *ret_events = (struct sl_chat_events){
        .arg = daemon, .message = message, .state = state, .person = person};
}

/* ---- What the control socket tells ---- */

static void about(void *arg, struct sl_control_about *ret_about)
{
    const struct sl_daemon *daemon = arg;
    struct sl_membership membership;
    sl_credentials_membership(daemon->bundle.credentials, &membership);
    *ret_about = (struct sl_control_about){
        .node_name = daemon->bundle.own.name,
        .network = daemon->bundle.network,
        .version = SL_VERSION,
        .not_after = daemon->bundle.own.not_after,
        .revoked = membership.revoked(membership.ctx, &daemon->bundle.own),
        .uptime = daemon->now - daemon->started,
    };
}

static const char *bearer_name(void *arg, int number)
{
    const struct sl_daemon *daemon = arg;
    return daemon->bearer_names[number][0] != '\0' ? daemon->bearer_names[number] : NULL;
}

static void address_text(void *arg, int number, const struct sl_address *address, char *ret_text,
                         size_t cap)
{
    const struct sl_carrier *carrier = carrier_of(arg, number);
    if (carrier)
        carrier->bearer->ops->address_text(carrier->bearer, address, ret_text, cap);
}

void sl_daemon_control_config(struct sl_daemon *daemon, struct sl_control_config *ret_config)
{
    uint32_t mode = daemon->config->control_mode;
    *ret_config = (struct sl_control_config){
        .path = daemon->config->control,
        .mode = mode,
        .node = daemon->node,
        .chat = daemon->chat,
        .arg = daemon,
        .about = about,
        .bearer_name = bearer_name,
        .address_text = address_text,
        .radio = sl_daemon_radio,
        .quality = sl_daemon_quality,
    };
}
