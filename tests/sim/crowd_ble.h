/* Bluetooth LE between boards in a crowd: channels of two, as far as a mesh above them can tell.
 *
 * Path. As in crowd_path.h, with the seed of the Wi-Fi air: both are at 2.4 GHz and in one place.
 * 4 dBm and -90 dBm: what small boards have (the standard asks for -70 dBm, Core 5.4, Vol 6, Part
 * A, 4.1). A link whose mean is below the sensitivity by twice the fading is lost.
 *
 * Packets (Vol 6, Part B, 2.1, 2.4, 4.1). LE 1M PHY: 1 Mbit/s, 80 bits beside the payload, which is
 * up to 251 bytes with data length extension; 150 us from one to the next. A datagram goes over an
 * L2CAP channel with credits (Vol 3, Part A, 3.4): 2 bytes of length before the whole, 4 before
 * each of its fragments of 247.
 *
 * Connection events (Part B, 4.5.1). Each link has one in an interval of 30 ms (Linux asks for 30
 * to 50), at a moment that drifts: anchors of different centrals move against one another (4.2.1
 * allows 50 ppm), so none is shut out for ever. Both radios take turns from it on, as long as one
 * of them has something to say, for the interval's share of the end with more links; a radio that
 * is at work elsewhere misses the event. Events without data are left out: they take 0.3 ms.
 *
 * Loss. A packet is lost when it fades below the sensitivity, or meets another one on the same of
 * 37 channels: with k radios at work in reach of the receiver it gets through with probability
 * (36/37)^k. It is sent again; two losses in a row end the event (4.5.6). Nothing for 420 ms (the
 * supervision timeout that Linux asks for) ends the link.
 *
 * Advertisements and connecting. Who is in reach hears an advertisement, sent each second, with
 * probability 0.6: scanners have a duty cycle, and there are three channels. Connecting takes 0.3
 * to 0.9 s and fails when either end is out of reach.
 *
 * Left out: what Wi-Fi takes off channels (hopping adapts), events without data, the airtime of
 * advertisements, encryption (the mesh has its own). */
#ifndef SL_SIM_CROWD_BLE_H
#define SL_SIM_CROWD_BLE_H

#include "sim/crowd_air.h"

struct sl_ble_config {
    uint64_t seed;
    int station_count;
    struct sl_path_config path;
    unsigned queue_cap; /* datagrams that wait at one end of a link */
};

struct sl_ble_events {
    void *arg;
    /* A datagram came out at an end of a link. `frame` is borrowed. */
    void (*receive)(void *arg, int station, uint32_t end, const struct sl_air_frame *frame,
                    sl_time now);
    /* A link is no more: told at the end that did not close it, and at both when it was lost. */
    void (*closed)(void *arg, int station, uint32_t end, sl_time now);
};

struct sl_ble_stats {
    uint64_t opened, lost; /* links */
    uint64_t sent, delivered, refused;
    uint64_t packets, packets_lost, missed; /* missed: connection events */
    sl_time busy;                           /* radios at work, added up */
};

struct sl_ble;

/* All stations are off. `heap` outlives it. Aborts if out of memory. */
struct sl_ble *sl_ble_new(const struct sl_ble_config *config, struct sl_heap *heap,
                          const struct sl_ble_events *events);
void sl_ble_free(struct sl_ble *ble);

void sl_ble_place(struct sl_ble *ble, int station, const struct sl_path_place *place);
/* After places changed: links out of reach are lost. */
void sl_ble_update(struct sl_ble *ble, sl_time now);

/* Off: its links are lost. */
void sl_ble_switch(struct sl_ble *ble, int station, bool on, sl_time now);

/* Whether one usually hears the other, and how strong, dBm. False while either is off. */
bool sl_ble_hears(const struct sl_ble *ble, int from, int to, double *ret_dbm);
/* Stations that hear `from` and are heard by it; as sl_air_reached(). */
size_t sl_ble_reached(const struct sl_ble *ble, int from, int *ret_stations);

/* A link between two that hear each other. The number of the end at `from`; that at `to` is one
 * more. 0: they do not. Numbers are not used again. */
uint32_t sl_ble_open(struct sl_ble *ble, int from, int to, sl_time now);
/* The other end is told. */
void sl_ble_close(struct sl_ble *ble, uint32_t end, sl_time now);
/* The station at the other end; -1: there is no such link any more. */
int sl_ble_peer(const struct sl_ble *ble, uint32_t end);

/* Copies. False: the queue is full, or there is no such link. */
bool sl_ble_send(struct sl_ble *ble, uint32_t end, const struct sl_air_frame *frame, sl_time now);

size_t sl_ble_link_count(const struct sl_ble *ble, int station);
void sl_ble_stats(const struct sl_ble *ble, struct sl_ble_stats *ret_stats);

#endif
