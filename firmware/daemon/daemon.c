#include "daemon/daemon.h"

#include "crypto/sodium.h"
#include "daemon/log.h"
#include "daemon/privileges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Never later than this after a turn whose deadline is past already: a part that asks to be ticked
 * for ever costs a core a tenth of its time, and not all of it. */
#define SHORTEST_WAIT (SL_MILLISECOND / 2)

/* Time that a switched-off board can have slept through; after it everything has expired anyway. */
#define OFF_TIME_MAX (SL_LIFETIME_MAX + SL_DAY)

/* ---- Time ---- */

static sl_time boottime(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (sl_time)now.tv_sec * SL_SECOND + now.tv_nsec / 1000;
}

void sl_daemon_begin_turn(struct sl_daemon *daemon)
{
    daemon->now = boottime() + daemon->life_offset;
}

static enum sl_clock_source system_clock(const struct sl_daemon *daemon, int64_t *ret_unix_us)
{
    struct sl_clock_facts facts;
    sl_clock_facts_read(&facts, daemon->bundle.not_before);
    *ret_unix_us = facts.unix_us;
    return sl_clock_judge(&facts, daemon->live.clock_trust);
}

/* The life clock goes on where it was; with what passed meanwhile, if that can be known. */
static void start_life_clock(struct sl_daemon *daemon)
{
    int64_t unix_us;
    enum sl_clock_source source = system_clock(daemon, &unix_us);
    int64_t stored_unix = sl_store_unix(daemon->store);
    sl_time off = 0;
    if (source >= SL_CLOCK_RTC && stored_unix > 0 && unix_us > stored_unix)
        off = sl_min_time(unix_us - stored_unix, OFF_TIME_MAX);
    daemon->life_offset = sl_store_life(daemon->store) + off - boottime();
    sl_daemon_begin_turn(daemon);
    daemon->started = daemon->now;
}

static void set_mesh_clock(struct sl_daemon *daemon)
{
    int64_t unix_us;
    struct sl_node_status status;
    enum sl_clock_source source = system_clock(daemon, &unix_us);
    sl_node_status(daemon->node, daemon->now, &status);
    if (source == SL_CLOCK_UNSET && status.clock_source == SL_CLOCK_UNSET &&
        sl_store_unix(daemon->store) > 0) {
        source = SL_CLOCK_STORED;
        unix_us = sl_store_unix(daemon->store) + (daemon->now - daemon->started);
    }
    if (source != SL_CLOCK_UNSET)
        sl_node_set_time(daemon->node, source, unix_us, daemon->now);
}

/* ---- Starting ---- */

static void store_report(void *arg, const char *line)
{
    (void)arg;
    sl_log(LOG_WARNING, "store: %s", line);
}

static int open_store(struct sl_daemon *daemon)
{
    char path[SL_CONFIG_PATH_MAX + 16];
    int error = sl_daemon_lock_state(daemon);
    if (error < 0)
        return error;
    snprintf(path, sizeof(path), "%s/starling.db", daemon->config->state);
    struct sl_store_config config = {
        .path = path,
        .bytes_max = daemon->config->store_bytes_max,
        /* What was never on a disk needs more room than what waits for it. */
        .memory_bytes_max =
            daemon->lock_fd >= 0 ? (uint64_t)4 << 20 : daemon->config->store_bytes_max,
        .report = store_report,
    };
    error = sl_store_open(&config, &daemon->store);
    if (error == -ENOTSUP)
        sl_log(LOG_ERR, "the state folder was written by a newer starlingd; install that version, "
                        "or give this one another 'state' under [node]");
    else if (error < 0)
        sl_log(LOG_ERR, "the store cannot be opened: %s", strerror(-error));
    return error;
}

static uint64_t random_seed(const struct sl_daemon *daemon)
{
    uint64_t seed;
    daemon->primitives.random(daemon->primitives.ctx, (uint8_t *)&seed, sizeof(seed));
    return seed;
}

static int open_node(struct sl_daemon *daemon)
{
    struct sl_node_config config = {
        .primitives = daemon->primitives,
        .quota = daemon->config->quota,
        .store_bytes_max = daemon->config->store_bytes_max,
        .prng_seed = random_seed(daemon),
    };
    daemon->dtls = sl_dtls_new(daemon->bundle.credentials, &daemon->primitives);
    if (!daemon->dtls)
        return -ENOMEM;
    sl_dtls_sessions(daemon->dtls, &config.sessions);
    sl_credentials_membership(daemon->bundle.credentials, &config.membership);
    sl_store_port(daemon->store, &config.store);
    sl_daemon_node_events(daemon, &config.events);
    memcpy(config.seed, daemon->bundle.seed, SL_KEY_LEN);
    memcpy(config.network_secret, daemon->bundle.network_secret, SL_KEY_LEN);
    daemon->node = sl_node_new(&config, daemon->now);
    daemon->primitives.wipe(daemon->primitives.ctx, &config, sizeof(config));
    return daemon->node ? 0 : -ENOMEM;
}

static int open_chat(struct sl_daemon *daemon)
{
    struct sl_chat_config config = {
        .node = daemon->node,
        .primitives = daemon->primitives,
        .sealing = daemon->sealing,
        .prng_seed = random_seed(daemon),
    };
    sl_store_vault(daemon->store, &config.vault);
    sl_daemon_chat_events(daemon, &config.events);
    memcpy(config.network_secret, daemon->bundle.network_secret, SL_KEY_LEN);
    memcpy(config.node_seed, daemon->bundle.seed, SL_KEY_LEN);
    daemon->chat = sl_chat_new(&config, daemon->now);
    daemon->primitives.wipe(daemon->primitives.ctx, &config, sizeof(config));
    return daemon->chat ? 0 : -ENOMEM;
}

/* The folder of the socket, if only its last part is missing: /run is empty after each boot. */
static void make_control_folder(const char *path)
{
    char folder[SL_CONFIG_PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return;
    snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
    (void)mkdir(folder, 0755);
}

static int open_control(struct sl_daemon *daemon)
{
    struct sl_control_config config;
    sl_daemon_control_config(daemon, &config);
    if (config.mode == 0)
        config.mode = geteuid() == 0 ? 0660 : 0600;
    make_control_folder(config.path);
    int error = sl_control_new(&config, &daemon->control);
    if (error == -EADDRINUSE)
        sl_log(LOG_ERR, "the control socket is in use by another starlingd; stop it, or give this "
                        "one another 'control' under [node]");
    else if (error == -EEXIST)
        sl_log(LOG_ERR, "something else than a socket stands where the control socket belongs; "
                        "move it away, or set 'control' under [node]");
    else if (error < 0)
        sl_log(LOG_ERR, "the control socket cannot be made: %s; see 'control' under [node]",
               strerror(-error));
    return error;
}

static int open_udp(struct sl_daemon *daemon)
{
    struct sl_bearer_host host;
    const struct sl_udp_config *config = &daemon->config->udp;
    if (!daemon->config->udp_enabled)
        return 0;
    sl_daemon_bearer_host(daemon, &host);
    int error = sl_udp_new(config, &host, &daemon->udp);
    int port = ntohs(config->listen.sin6_port);
    if (error == -EADDRINUSE)
        sl_log(LOG_ERR,
               "UDP port %d is in use by another program; stop it, or set another 'port' "
               "under [udp]",
               port);
    else if (error == -EADDRNOTAVAIL)
        sl_log(LOG_ERR, "the address to listen on is not this machine's, or IPv6 is switched off; "
                        "see 'listen' under [udp]");
    else if (error == -EAFNOSUPPORT)
        sl_log(LOG_ERR, "this kernel has no IPv6, which UDP links need; boot without "
                        "ipv6.disable=1, or write 'enabled = no' under [udp]");
    else if (error < 0)
        sl_log(LOG_ERR, "UDP port %d cannot be opened: %s", port, strerror(-error));
    return error < 0 ? error : sl_daemon_take_bearer(daemon, daemon->udp);
}

/* Without it the node does what it can: no reason not to start. */
static int open_wifi(struct sl_daemon *daemon)
{
    struct sl_bearer_host host;
    struct sl_wifi_port port;
    if (daemon->config->wifi.wish.enabled == SL_WIFI_NO)
        return 0;
    sl_daemon_bearer_host(daemon, &host);
    /* Beside the control socket, in a folder that is empty after each boot. */
    struct sl_wifi_config config = daemon->config->wifi;
    snprintf(config.found_path, sizeof(config.found_path), "%s.radios", daemon->config->control);
    int error = sl_wifi_kernel_new(&port);
    if (error == 0)
        error = sl_wifi_new(&config, &port, &daemon->primitives, &host, &daemon->wifi);
    if (error < 0) {
        sl_log(LOG_WARNING, "Wi-Fi cannot be used: %s", strerror(-error));
        return 0;
    }
    return sl_daemon_take_bearer(daemon, daemon->wifi);
}

static int open_bluetooth(struct sl_daemon *daemon)
{
    struct sl_bearer_host host;
    if (!daemon->config->bluetooth_enabled)
        return 0;
    sl_daemon_bearer_host(daemon, &host);
    int error = sl_bluetooth_bearer_new(&daemon->config->bluetooth, &host, &daemon->primitives,
                                        daemon->bundle.network_secret, &daemon->bluetooth);
    if (error < 0) {
        sl_log(LOG_WARNING, "Bluetooth cannot be used: %s", strerror(-error));
        return error == -ENOMEM ? error : 0;
    }
    return sl_daemon_take_bearer(daemon, daemon->bluetooth);
}

static int open_fault(struct sl_daemon *daemon)
{
    const struct sl_fault_config *config = &daemon->config->fault;
    if (config->loss_permille == 0 && config->delay_ms == 0)
        return 0;
    sl_log(LOG_WARNING, "[test] is in force: loss of %u in 1000, delay of %u ms",
           config->loss_permille, config->delay_ms);
    daemon->fault = sl_fault_new(config);
    return daemon->fault ? 0 : -ENOMEM;
}

static int open_bundle(struct sl_daemon *daemon)
{
    struct sl_problems problems = {0};
    int error =
        sl_bundle_load(daemon->config->bundle, &daemon->primitives, &daemon->bundle, &problems);
    /* Not through the log: these lines name files. */
    fputs(problems.text, stderr);
    return error;
}

static void warn_of_certificate(struct sl_daemon *daemon)
{
    int64_t unix_us;
    struct sl_membership membership;
    if (system_clock(daemon, &unix_us) != SL_CLOCK_UNSET) {
        int64_t left = daemon->bundle.own.not_after - unix_us / SL_SECOND;
        if (left < 0)
            sl_log(LOG_WARNING, "this node's certificate has expired: other nodes will refuse it; "
                                "make a new bundle with 'starling node add'");
        else if (left < 14 * 86400)
            sl_log(LOG_WARNING, "this node's certificate expires in %d days", (int)(left / 86400));
    } else {
        sl_log(LOG_WARNING, "the clock is not set: dates are wrong, and certificates are not "
                            "judged, until a neighbour or this system knows the time");
    }
    sl_credentials_membership(daemon->bundle.credentials, &membership);
    if (membership.revoked(membership.ctx, &daemon->bundle.own))
        sl_log(LOG_WARNING, "this node was revoked by its network: other nodes will refuse it");
}

int sl_daemon_open(struct sl_daemon *daemon, const struct sl_config *config)
{
    *daemon = (struct sl_daemon){.config = config, .live = *config, .lock_fd = -1};
    sl_log_set_level(config->log_level);
    if (sl_sodium_init() < 0) {
        sl_log(LOG_ERR, "the kernel has no source of random numbers");
        return -EIO;
    }
    sl_sodium_primitives(&daemon->primitives);
    sl_sodium_sealing(&daemon->sealing);

    static int (*const steps[])(struct sl_daemon *) = {open_bundle, open_store};
    int error = 0;
    for (size_t i = 0; i < SL_ARRAY_LEN(steps) && error == 0; i++)
        error = steps[i](daemon);
    if (error < 0)
        return error;
    sl_daemon_load_crl(daemon);
    start_life_clock(daemon);

    static int (*const later_steps[])(struct sl_daemon *) = {
        open_node, open_chat, open_fault, open_control, open_wifi, open_udp, open_bluetooth};
    for (size_t i = 0; i < SL_ARRAY_LEN(later_steps) && error == 0; i++)
        error = later_steps[i](daemon);
    if (error == -ENOMEM)
        sl_log(LOG_ERR, "there is not enough memory to start");
    if (error == 0)
        warn_of_certificate(daemon);
    /* After the sockets are open: their buffers are larger with it. */
    if (config->wifi.wish.enabled == SL_WIFI_NO && sl_privileges_drop() < 0)
        sl_log(LOG_WARNING, "the right to change network interfaces could not be given up");
    return error;
}

/* ---- Turns ---- */

static void receive_delayed(struct sl_daemon *daemon)
{
    const struct sl_fault_datagram *datagram;
    while ((datagram = sl_fault_pop(daemon->fault, daemon->now))) {
        sl_node_receive(daemon->node, datagram->bearer, &datagram->from, datagram->bytes,
                        datagram->len, daemon->now);
        sl_daemon_drain(daemon);
    }
}

static void tick_store(struct sl_daemon *daemon)
{
    struct sl_node_status status;
    sl_node_status(daemon->node, daemon->now, &status);
    sl_store_tick(daemon->store, daemon->now, status.unix_us);
}

static sl_time bearer_deadline(const struct sl_bearer *bearer)
{
    return bearer->ops->deadline ? bearer->ops->deadline(bearer) : SL_NEVER;
}

static void tick_bearers(struct sl_daemon *daemon)
{
    for (size_t i = 0; i < daemon->carrier_count; i++) {
        struct sl_bearer *bearer = daemon->carriers[i].bearer;
        if (bearer_deadline(bearer) <= daemon->now)
            bearer->ops->tick(bearer, daemon->now);
    }
}

void sl_daemon_settle(struct sl_daemon *daemon)
{
    if (daemon->fault)
        receive_delayed(daemon);
    if (sl_node_deadline(daemon->node) <= daemon->now)
        sl_node_tick(daemon->node, daemon->now);
    if (sl_chat_deadline(daemon->chat) <= daemon->now)
        sl_chat_tick(daemon->chat, daemon->now);
    if (sl_store_deadline(daemon->store) <= daemon->now)
        tick_store(daemon);
    tick_bearers(daemon);
    sl_daemon_drain(daemon);
    sl_control_flush(daemon->control, daemon->now);
}

sl_time sl_daemon_deadline(const struct sl_daemon *daemon)
{
    sl_time due = sl_min_time(sl_node_deadline(daemon->node), sl_chat_deadline(daemon->chat));
    due = sl_min_time(due, sl_store_deadline(daemon->store));
    for (size_t i = 0; i < daemon->carrier_count; i++)
        due = sl_min_time(due, bearer_deadline(daemon->carriers[i].bearer));
    if (daemon->fault)
        due = sl_min_time(due, sl_fault_deadline(daemon->fault));
    return due <= daemon->now ? daemon->now + SHORTEST_WAIT : due;
}

void sl_daemon_housekeeping(struct sl_daemon *daemon)
{
    struct sl_node_status status;
    set_mesh_clock(daemon);
    sl_daemon_save_crl(daemon);
    for (size_t i = 0; i < daemon->carrier_count; i++) {
        struct sl_bearer *bearer = daemon->carriers[i].bearer;
        if (bearer->ops->refresh)
            bearer->ops->refresh(bearer, daemon->now);
    }
    sl_node_status(daemon->node, daemon->now, &status);
    if (status.neighbour_count != daemon->neighbours_told)
        sl_log(LOG_INFO, "neighbours: %zu, envelopes: %zu", status.neighbour_count,
               status.stored_count);
    daemon->neighbours_told = status.neighbour_count;
    /* What handshakes and requests left between blocks still in use goes back to the kernel. */
    malloc_trim(0);
}

/* ---- Reloading ---- */

static void reload_crl(struct sl_daemon *daemon)
{
    uint8_t *crl = NULL;
    size_t len = 0;
    if (sl_bundle_file(daemon->config->bundle, "network.crl", &crl, &len) < 0)
        return;
    int error = sl_node_revoke(daemon->node, crl, len, daemon->now);
    if (error == -EBADMSG)
        sl_log(LOG_WARNING, "network.crl is not a revocation list of this network; not taken");
    else if (error == 0)
        sl_daemon_save_crl(daemon);
    free(crl);
}

/* What is read at the start only. */
static bool needs_restart(const struct sl_config *a, const struct sl_config *b)
{
    return strcmp(a->bundle, b->bundle) != 0 || strcmp(a->state, b->state) != 0 ||
           strcmp(a->control, b->control) != 0 || a->control_mode != b->control_mode ||
           a->store_bytes_max != b->store_bytes_max || a->udp_enabled != b->udp_enabled ||
           memcmp(&a->udp.listen, &b->udp.listen, sizeof(a->udp.listen)) != 0 ||
           memcmp(&a->udp.group, &b->udp.group, sizeof(a->udp.group)) != 0 ||
           a->udp.interface_count != b->udp.interface_count ||
           memcmp(a->udp.interfaces, b->udp.interfaces, sizeof(a->udp.interfaces)) != 0 ||
           a->udp.rate_bps != b->udp.rate_bps || memcmp(&a->wifi, &b->wifi, sizeof(a->wifi)) != 0 ||
           a->bluetooth_enabled != b->bluetooth_enabled ||
           memcmp(&a->bluetooth, &b->bluetooth, sizeof(a->bluetooth)) != 0 ||
           memcmp(&a->quota, &b->quota, sizeof(a->quota)) ||
           a->fault.loss_permille != b->fault.loss_permille ||
           a->fault.delay_ms != b->fault.delay_ms;
}

void sl_daemon_reload(struct sl_daemon *daemon)
{
    struct sl_problems problems = {0};
    struct sl_config fresh;
    if (sl_config_read(daemon->config->path, &fresh, &problems) < 0) {
        sl_log(LOG_ERR,
               "the configuration has %zu errors and was not taken; 'starlingd --check' "
               "shows them",
               problems.error_count);
        return;
    }
    size_t gone =
        daemon->udp ? sl_udp_add_peers(daemon->udp, fresh.udp.peers, fresh.udp.peer_count) : 0;
    if (gone > 0)
        sl_log(LOG_WARNING, "%zu peers were taken out; they are let go at the next start", gone);
    if (needs_restart(daemon->config, &fresh))
        sl_log(LOG_WARNING, "log level, clock, new peers and network.crl are in force now; what "
                            "else was changed needs a restart");
    daemon->live = fresh;
    sl_log_set_level(fresh.log_level);
    reload_crl(daemon);
    set_mesh_clock(daemon);
    sl_log(LOG_INFO, "configuration read again");
}

/* ---- Ending ---- */

void sl_daemon_close(struct sl_daemon *daemon)
{
    if (daemon->node && daemon->chat && daemon->control) {
        sl_daemon_begin_turn(daemon);
        sl_control_flush(daemon->control, daemon->now);
        sl_node_close(daemon->node, daemon->now);
        sl_daemon_drain(daemon);
        tick_store(daemon);
        sl_daemon_save_crl(daemon);
    }
    sl_control_free(daemon->control);
    daemon->control = NULL;
    while (daemon->carrier_count > 0) {
        struct sl_bearer *bearer = daemon->carriers[--daemon->carrier_count].bearer;
        bearer->ops->free(bearer);
    }
    if (daemon->chat)
        sl_chat_free(daemon->chat);
    daemon->chat = NULL;
    if (daemon->node)
        sl_node_free(daemon->node);
    sl_dtls_free(daemon->dtls);
    if (daemon->store)
        sl_store_close(daemon->store);
    sl_fault_free(daemon->fault);
    free(daemon->saved_crl);
    if (daemon->primitives.wipe)
        sl_bundle_done(&daemon->bundle, &daemon->primitives);
    if (daemon->lock_fd >= 0)
        close(daemon->lock_fd);
}
