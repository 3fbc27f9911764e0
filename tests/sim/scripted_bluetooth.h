/* Boards with Bluetooth in memory: a BlueZ and a kernel behind the two ports of the state machine,
 * and air between them. It answers as BlueZ does, after a moment, and lets a test stop bluetoothd,
 * pull adapters, switch radios off, refuse what is asked and fill channels up. */
#ifndef SL_SIM_SCRIPTED_BLUETOOTH_H
#define SL_SIM_SCRIPTED_BLUETOOTH_H

#include "bearers/bluetooth_internal.h"

#define SL_SCRIPTED_BOARDS   4
#define SL_SCRIPTED_ADAPTERS 2 /* of a board: hci0 and hci1 */
#define SL_SCRIPTED_CHANNELS 32

struct sl_scripted_air;

/* An adapter as BlueZ and the kernel have it. */
struct sl_scripted_adapter {
    bool present, powered, blocked, advertises_at_all;
    uint8_t address;
    bool listening, advertising, scanning;
    uint8_t advert[SL_ADVERT_LEN];
    sl_time scan_time; /* how long it has been scanning in all */
    unsigned advert_changes, scan_changes, power_asked;
    int refuse[SL_BLUETOOTH_REQUESTS]; /* -errno instead of doing it */
    int refuse_listen;
    bool unreachable;                         /* attempts to reach it never end */
    sl_time answer_at[SL_BLUETOOTH_REQUESTS]; /* SL_NEVER: nothing asked */
    int answer[SL_BLUETOOTH_REQUESTS];
    bool scan_wanted;
    sl_time reported_at; /* its advertisement, to others */
};

struct sl_scripted_board {
    struct sl_scripted_air *air;
    struct sl_bluetooth *machine; /* NULL: switched off */
    bool service;                 /* bluetoothd runs */
    struct sl_scripted_adapter adapters[SL_SCRIPTED_ADAPTERS];
    bool woken;     /* in this step */
    unsigned wakes; /* steps in which there was something for it: turns of its daemon's loop */
    bool sessions;  /* the mesh opens a session over a channel, after a second */
    /* What the host saw. */
    uint32_t bearers; /* bit mask */
    unsigned peers_added, peers_removed;
    unsigned received;
    uint8_t last[SL_DATAGRAM_MAX];
    size_t last_len;
    struct sl_address last_from;
    int last_bearer;
    unsigned reports;
    char last_report[200];
};

struct sl_scripted_channel {
    bool used, open;
    sl_time open_at; /* of an attempt; SL_NEVER: never */
    int board[2];    /* who connected, who accepted */
    unsigned slot;   /* of the one who accepted */
    uint32_t number[2];
    struct sl_address peer; /* of an attempt */
    bool full;              /* takes nothing */
    sl_time opened_at;
};

struct sl_scripted_air {
    sl_time now;
    struct sl_scripted_board boards[SL_SCRIPTED_BOARDS];
    struct sl_scripted_channel channels[SL_SCRIPTED_CHANNELS];
    size_t links_most;
};

void sl_scripted_air_init(struct sl_scripted_air *air);
void sl_scripted_air_done(struct sl_scripted_air *air);

/* Switches a board on with an adapter hci0, powered, and bluetoothd running. */
void sl_scripted_board_on(struct sl_scripted_air *air, unsigned board,
                          const struct sl_bluetooth_config *config);

void sl_scripted_run(struct sl_scripted_air *air, sl_time duration);

/* Tells the machine how the adapter is now, as BlueZ would. */
void sl_scripted_tell(struct sl_scripted_air *air, unsigned board, unsigned adapter);
void sl_scripted_service(struct sl_scripted_air *air, unsigned board, bool runs);
void sl_scripted_power(struct sl_scripted_air *air, unsigned board, bool on, bool blocked);
void sl_scripted_pull(struct sl_scripted_air *air, unsigned board, unsigned adapter, bool out);

/* Channels that are open, and have a session, between two boards. */
size_t sl_scripted_links(const struct sl_scripted_air *air, unsigned a, unsigned b);

#endif
