/* The ends at which the parts of the daemon meet. */
#include "daemon/daemon.h"

#include "daemon/log.h"
#include "daemon/version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- Bearers ---- */

static struct sl_bearer *bearer_of(const struct sl_daemon *daemon, int number)
{
    if (daemon->udp && number >= 0 && (daemon->udp->numbers & UINT32_C(1) << number))
        return daemon->udp;
    return NULL;
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
        .receive = receive,
        .report = report,
    };
}

/* False if it has to be tried again. */
static bool send_datagram(const struct sl_daemon *daemon)
{
    struct sl_bearer *bearer = bearer_of(daemon, daemon->datagram.bearer);
    return !bearer || bearer->ops->send(bearer, &daemon->datagram) != -EAGAIN;
}

void sl_daemon_drain(struct sl_daemon *daemon)
{
    if (daemon->holding && !send_datagram(daemon))
        return;
    daemon->holding = false;
    while (sl_node_transmit(daemon->node, &daemon->datagram, daemon->now)) {
        if (!send_datagram(daemon)) {
            daemon->holding = true;
            return;
        }
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
    const struct sl_bearer *bearer = bearer_of(arg, number);
    if (bearer)
        bearer->ops->address_text(bearer, address, ret_text, cap);
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
    };
}
