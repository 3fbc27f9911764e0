/* Bluetooth as a state machine: what BlueZ and the kernel report goes in with a time, what they are
 * asked to do comes out through two tables of functions. No I/O, no clock: the unit tests script
 * both sides. bluetooth.c ties it to D-Bus (bluetooth_bluez.h) and sockets (bluetooth_channel.h).
 *
 * Each adapter is a bearer of the mesh without broadcast. Each channel to another board is a peer
 * on it: its mesh address is address type, address (6, as written) and the channel's number (4), so
 * that a channel made anew is a place never seen before. The first byte of a packet says what it
 * is: 0 an announcement (bluetooth_advert.h), anything else a datagram of the mesh. */
#ifndef SL_BEARERS_BLUETOOTH_MACHINE_H
#define SL_BEARERS_BLUETOOTH_MACHINE_H

#include "bearers/bearer.h"
#include "bearers/bluetooth_plan.h"

#define SL_BLUETOOTH_NAME_CAP     16 /* "hci0" */
#define SL_BLUETOOTH_PATTERNS_MAX 8
#define SL_BLUETOOTH_ADDRESS_LEN  7 /* type (0 public, 1 random), address as written */
#define SL_BLUETOOTH_PACKET_MAX   (SL_DATAGRAM_MAX)

struct sl_bluetooth_config {
    char adapters[SL_BLUETOOTH_PATTERNS_MAX][SL_BLUETOOTH_NAME_CAP]; /* with * and ? */
    size_t adapter_count;
    bool power;            /* switch adapters on that are off; else wait until somebody does */
    unsigned scan_percent; /* of the time, while nobody is looked for; 1 to 100 */
    uint64_t rate_bps;     /* nominal, of each adapter */
};

/* hci*, no power, 10 %, 700 kbit/s. */
void sl_bluetooth_config_init(struct sl_bluetooth_config *config);

/* What is asked of BlueZ. Each is answered with sl_bluetooth_answer(), later, and none is asked of
 * an adapter while the same is unanswered. */
enum sl_bluetooth_request {
    SL_BLUETOOTH_POWER,     /* on */
    SL_BLUETOOTH_ADVERTISE, /* these bytes from now on, connectable */
    SL_BLUETOOTH_SCAN,      /* on or off */
    SL_BLUETOOTH_REQUESTS
};

struct sl_bluez_ports {
    void *arg;
    void (*power)(void *arg, const char *adapter);
    void (*advertise)(void *arg, const char *adapter, const uint8_t bytes[SL_ADVERT_LEN]);
    /* Without an answer; also of an adapter that is not there any more. */
    void (*stop_advertising)(void *arg, const char *adapter);
    void (*scan)(void *arg, const char *adapter, bool on);
};

/* What is asked of the kernel. Channels are called by their number. */
struct sl_channel_ports {
    void *arg;
    /* Listens on the adapter with that address, on a PSM of its own choice. 0 or -errno. */
    int (*listen)(void *arg, unsigned slot, const struct sl_address *own, uint8_t *ret_psm);
    void (*unlisten)(void *arg, unsigned slot);
    /* Answered with sl_bluetooth_connected(), unless it is closed before. 0 or -errno at once. */
    int (*connect)(void *arg, uint32_t number, const struct sl_address *own,
                   const struct sl_address *peer, uint8_t psm);
    /* 0; -EAGAIN: no room now; anything else: it will be closed. */
    int (*send)(void *arg, uint32_t number, const uint8_t *bytes, size_t len);
    void (*close)(void *arg, uint32_t number);
};

struct sl_bluetooth;

struct sl_bluetooth_setup {
    struct sl_bluetooth_config config;
    struct sl_bearer_host host;
    struct sl_primitives primitives;
    uint8_t beacon_key[SL_KEY_LEN];
    struct sl_bluez_ports bluez;
    struct sl_channel_ports channels;
};

/* NULL if out of memory. Copies `setup`. */
struct sl_bluetooth *sl_bluetooth_new(const struct sl_bluetooth_setup *setup, sl_time now);

/* Closes all channels, ends advertising and scanning. */
void sl_bluetooth_free(struct sl_bluetooth *bluetooth);

/* ---- From BlueZ ---- */

struct sl_bluetooth_adapter {
    char name[SL_BLUETOOTH_NAME_CAP];
    struct sl_address address; /* SL_BLUETOOTH_ADDRESS_LEN */
    bool powered;
    bool advertises; /* it has the interface for it: LE, peripheral role */
    bool both_roles; /* central and peripheral at the same time */
};

/* An adapter is there, or something about it changed. */
void sl_bluetooth_adapter(struct sl_bluetooth *bluetooth,
                          const struct sl_bluetooth_adapter *adapter, sl_time now);
void sl_bluetooth_adapter_gone(struct sl_bluetooth *bluetooth, const char *name, sl_time now);

/* bluetoothd is there, or not; `why` for people, NULL when it is. */
void sl_bluetooth_service(struct sl_bluetooth *bluetooth, const char *why, sl_time now);

void sl_bluetooth_answer(struct sl_bluetooth *bluetooth, const char *adapter,
                         enum sl_bluetooth_request request, int error, sl_time now);

/* BlueZ ended the advertisement of that adapter. */
void sl_bluetooth_advert_lost(struct sl_bluetooth *bluetooth, const char *adapter, sl_time now);

/* The service data of an advertisement under our UUID. */
struct sl_bluetooth_heard {
    const char *adapter;
    struct sl_address address; /* SL_BLUETOOTH_ADDRESS_LEN */
    int8_t rssi;               /* dBm */
    const uint8_t *bytes;
    size_t len;
};

void sl_bluetooth_heard(struct sl_bluetooth *bluetooth, const struct sl_bluetooth_heard *heard,
                        sl_time now);

/* ---- From channels ---- */

/* Somebody connected to the adapter in that slot. 0 with the channel's number; -EBUSY: close it. */
int sl_bluetooth_accepted(struct sl_bluetooth *bluetooth, unsigned slot,
                          const struct sl_address *peer, uint32_t *ret_number, sl_time now);

/* An attempt succeeded (0) or failed (-errno; the channel is closed already). */
void sl_bluetooth_connected(struct sl_bluetooth *bluetooth, uint32_t number, int error,
                            sl_time now);
void sl_bluetooth_packet(struct sl_bluetooth *bluetooth, uint32_t number, const uint8_t *bytes,
                         size_t len, sl_time now);
/* The other end, or the radio, ended it; the channel is closed already. */
void sl_bluetooth_ended(struct sl_bluetooth *bluetooth, uint32_t number, sl_time now);

/* ---- From the daemon ---- */

/* As sl_bearer_ops.send(). A channel that takes nothing for a second does not hold up the others:
 * what is for it is lost, until it takes something again. */
int sl_bluetooth_send(struct sl_bluetooth *bluetooth, const struct sl_datagram *datagram);

void sl_bluetooth_tick(struct sl_bluetooth *bluetooth, sl_time now);
sl_time sl_bluetooth_deadline(const struct sl_bluetooth *bluetooth);

/* Bit mask of the mesh's numbers. */
uint32_t sl_bluetooth_numbers(const struct sl_bluetooth *bluetooth);

/* "D4:12:… (random)"; at most cap bytes with the NUL. */
void sl_bluetooth_address_text(const struct sl_address *address, char *ret_text, size_t cap);

/* ---- For people ---- */

struct sl_bluetooth_status {
    char name[SL_BLUETOOTH_NAME_CAP];
    struct sl_address address;
    bool powered, advertises, both_roles, in_use, advertising, scanning;
    size_t links;
    int listen_error, advertise_error, scan_error, power_error; /* of the last try; 0: none */
};

/* Adapters by number, 0 up; false past the last. */
bool sl_bluetooth_status(const struct sl_bluetooth *bluetooth, size_t number,
                         struct sl_bluetooth_status *ret_status);

/* Why no adapter can be had from BlueZ, in a sentence; NULL if BlueZ is there. Borrowed until the
 * next call. */
const char *sl_bluetooth_missing(const struct sl_bluetooth *bluetooth);

/* Whether anybody asked for Bluetooth, or it was there before: then it is missed. */
bool sl_bluetooth_is_missed(const struct sl_bluetooth *bluetooth);

#endif
