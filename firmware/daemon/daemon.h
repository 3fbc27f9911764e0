/* The running node: every part of it, and how they are tied together. One of these exists, owned by
 * main(). What it was told is in config.h; what is here changes.
 *
 * A turn is: something happened, the clock is read once into `now`, the part concerned is called
 * with it, then sl_daemon_settle() does what became due and sends what is to be sent. */
#ifndef SL_DAEMON_DAEMON_H
#define SL_DAEMON_DAEMON_H

#include "bearers/bearer.h"
#include "chat/chat.h"
#include "crypto/dtls.h"
#include "daemon/bundle.h"
#include "daemon/config.h"
#include "services/control.h"
#include "store/store.h"

#define SL_DAEMON_BEARERS_MAX 8 /* UDP, Wi-Fi, and an adapter of Bluetooth each */

/* A bearer, and the datagram that it could not send yet. */
struct sl_carrier {
    struct sl_bearer *bearer;
    bool holding;
    struct sl_datagram held;
};

struct sl_daemon {
    const struct sl_config *config; /* as at the start; reloading changes `live` and no more */
    struct sl_config live;          /* what is in force now */

    /* Time */
    sl_time now;         /* life clock, read once a turn */
    sl_time life_offset; /* life clock minus CLOCK_BOOTTIME */
    sl_time started;     /* life clock at the start */

    /* The parts, in the order they are made; each uses only those above it */
    struct sl_primitives primitives; /* libsodium */
    struct sl_sealing sealing;
    struct sl_bundle bundle; /* who this node is; owns the credentials */
    int lock_fd;             /* of the state folder; -1 if there is none to lock */
    struct sl_store *store;
    struct sl_dtls *dtls;
    struct sl_node *node;
    struct sl_chat *chat;
    struct sl_control *control;
    struct sl_fault *fault; /* NULL unless [test] asks for it */

    /* Bearers, in the order they are made */
    struct sl_carrier carriers[SL_DAEMON_BEARERS_MAX];
    size_t carrier_count;
    struct sl_bearer *wifi;      /* one of them, to name interfaces; NULL: no radio wanted */
    struct sl_bearer *bluetooth; /* one of them, to ask for its status; NULL: not wanted */
    struct sl_bearer *udp;       /* one of them, to add peers; NULL if not enabled */
    char bearer_names[SL_BEARERS_MAX][32]; /* by the mesh's number; empty: not in use */

    /* The revocation list as it was last written to the state folder */
    uint8_t *saved_crl;
    size_t saved_crl_len;

    size_t neighbours_told; /* in the log and to systemd */
};

/* Starts all parts. What is wrong is written to the log. 0 or -errno; call sl_daemon_close() in
 * either case. `config` outlives it. */
int sl_daemon_open(struct sl_daemon *daemon, const struct sl_config *config);

/* Says goodbye to the neighbours, commits, frees and wipes. */
void sl_daemon_close(struct sl_daemon *daemon);

/* Reads the clock: a new turn. */
void sl_daemon_begin_turn(struct sl_daemon *daemon);

/* Ends a turn: ticks what is due, sends what is to be sent, tells subscribers. */
void sl_daemon_settle(struct sl_daemon *daemon);

/* When the next turn has to begin at the latest; life clock. */
sl_time sl_daemon_deadline(const struct sl_daemon *daemon);

/* Every ten seconds: the system's clock, a changed revocation list, interfaces, the log, memory. */
void sl_daemon_housekeeping(struct sl_daemon *daemon);

/* SIGHUP: takes over what can be changed while running and says what cannot. */
void sl_daemon_reload(struct sl_daemon *daemon);

/* ---- glue.c ---- */

/* The ends that the parts call. */
void sl_daemon_bearer_host(struct sl_daemon *daemon, struct sl_bearer_host *ret_host);
void sl_daemon_node_events(struct sl_daemon *daemon, struct sl_node_events *ret_events);
void sl_daemon_chat_events(struct sl_daemon *daemon, struct sl_chat_events *ret_events);
void sl_daemon_control_config(struct sl_daemon *daemon, struct sl_control_config *ret_config);

/* Takes the bearer into the list; the daemon frees it. 0 or -ENOSPC. */
int sl_daemon_take_bearer(struct sl_daemon *daemon, struct sl_bearer *bearer);

/* Sends until there is nothing left but what its bearer cannot send now. */
void sl_daemon_drain(struct sl_daemon *daemon);

/* ---- radios.c: what the control socket tells of radios; `arg` is the daemon ---- */

bool sl_daemon_radio(void *arg, size_t number, struct sl_control_radio *ret_radio);
bool sl_daemon_quality(void *arg, int number, const struct sl_address *address,
                       struct sl_control_quality *ret_quality);

/* ---- state.c ---- */

/* Makes and locks the state folder. 0, also when there is no usable folder (the store then works in
 * memory); -EBUSY if another starlingd works in it. */
int sl_daemon_lock_state(struct sl_daemon *daemon);

/* Revocation lists outlive the envelope that brought them: loads the one kept in the state folder,
 * and writes the one in force if it is another. */
void sl_daemon_load_crl(struct sl_daemon *daemon);
void sl_daemon_save_crl(struct sl_daemon *daemon);

/* ---- loop.c ---- */

/* Runs until SIGTERM or SIGINT. 0 or -errno. */
int sl_daemon_run(struct sl_daemon *daemon);

#endif
