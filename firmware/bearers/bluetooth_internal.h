/* The live state of Bluetooth. Internal to bluetooth_machine.c (channels and the plan) and
 * bluetooth_adapter.c (adapters: power, advertising, scanning). */
#ifndef SL_BEARERS_BLUETOOTH_INTERNAL_H
#define SL_BEARERS_BLUETOOTH_INTERNAL_H

#include "bearers/bluetooth_machine.h"

#define SL_BLUETOOTH_ADAPTERS_MAX 4

/* Numbers of links between adapters of this board: this bit and the other's slot. */
#define SL_BT_WIRED       UINT32_C(0x80000000)
#define SL_BT_NUMBER_MASK UINT32_C(0x3fffffff)

/* Something asked of BlueZ, tried again with a back-off when it failed. */
struct sl_bt_request {
    bool asked; /* the answer is outstanding */
    int error;  /* of the last try */
    sl_time retry_at;
    sl_time wait;
};

struct sl_bt_adapter {
    unsigned slot;
    bool present;
    bool running; /* powered and in use: a bearer, a plan, a listener */
    struct sl_bluetooth_adapter info;
    struct sl_bt_request requests[SL_BLUETOOTH_REQUESTS];
    bool off_reported;
    sl_time judged_at; /* from then on it is known what it can do */

    int bearer; /* -1: none */
    struct sl_plan plan;
    uint8_t psm;
    sl_time day_ends; /* then the id changes */
    int listen_error;
    sl_time listen_retry_at;

    struct sl_advert advert; /* to be advertised; id 0: nothing yet */
    bool advert_due;         /* it is not what is advertised */
    bool advertising;

    bool scanning;     /* as BlueZ last confirmed */
    bool scan_asked;   /* what it was asked for last */
    bool scan_phase;   /* on by the duty cycle */
    sl_time phase_end; /* of it */

    uint32_t attempt; /* number of the channel that is being made; 0: none */
    bool attempt_begun;
    sl_time attempt_until;
};

struct sl_bt_channel {
    bool used;
    bool open;
    uint32_t number;
    struct sl_bt_adapter *adapter;
    struct sl_address address; /* the mesh's */
    uint8_t psm;               /* where to connect */
    bool proved;
    bool stalled, stuck; /* takes nothing now; has taken nothing for long */
    sl_time stalled_at;
    bool unsaid; /* this announcement did not fit */
    struct sl_advert unsaid_advert;
};

struct sl_bluetooth {
    struct sl_bluetooth_setup setup;
    sl_time now;    /* of the last tick */
    bool unsettled; /* something happened since */
    bool service_down;
    char why_down[160]; /* for people; while it is down */
    bool service_seen;  /* it was there once */
    uint32_t last_number;
    struct sl_bt_adapter adapters[SL_BLUETOOTH_ADAPTERS_MAX];
    struct sl_bt_channel channels[SL_BLUETOOTH_ADAPTERS_MAX * (SL_BLUETOOTH_LINKS_MAX + 2)];
};

void sl_bluetooth_report(const struct sl_bluetooth *bluetooth, const struct sl_bt_adapter *adapter,
                         int priority, const char *what);

struct sl_bt_channel *sl_bt_channel(struct sl_bluetooth *bluetooth, uint32_t number);
void sl_bt_close_all(struct sl_bluetooth *bluetooth, const struct sl_bt_adapter *adapter,
                     sl_time now);

/* ---- bluetooth_adapter.c ---- */

void sl_bt_adapter_stop(struct sl_bluetooth *bluetooth, struct sl_bt_adapter *adapter, sl_time now);
void sl_bt_adapter_tick(struct sl_bluetooth *bluetooth, struct sl_bt_adapter *adapter, sl_time now);
sl_time sl_bt_adapter_deadline(const struct sl_bluetooth *bluetooth,
                               const struct sl_bt_adapter *adapter);
void sl_bt_advertise(struct sl_bluetooth *bluetooth, struct sl_bt_adapter *adapter,
                     const struct sl_advert *advert, sl_time now);

/* Asks for the scan that the duty cycle and a pending attempt call for. */
void sl_bt_scan_follow(struct sl_bluetooth *bluetooth, struct sl_bt_adapter *adapter, sl_time now);
/* Or about to be. */
bool sl_bt_scan_is_on(const struct sl_bt_adapter *adapter);

#endif
