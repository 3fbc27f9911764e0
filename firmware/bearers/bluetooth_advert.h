/* What a board says of itself over Bluetooth: in its advertisement, to whoever is near, and as the
 * first packet and at each change on a channel (PROTOCOL.md, Bluetooth). Pure: no I/O, no clock.
 *
 * 24 bytes of service data are what a legacy advertisement has room for (Core 5.4, Vol 3, Part C,
 * 11: 31 bytes, less 3 for the flags and 4 for length, type and a 16-bit UUID). */
#ifndef SL_BEARERS_BLUETOOTH_ADVERT_H
#define SL_BEARERS_BLUETOOTH_ADVERT_H

#include "mesh/ports.h"

#define SL_ADVERT_LEN 24

/* Ids are 40 bits: of 300 boards two are the same once in 24 million fields. */
#define SL_PLAN_ID_MASK (((uint64_t)1 << 40) - 1)

enum sl_advert_flag {
    SL_ADVERT_ROOM = 1,      /* full, but would give up a link that is not needed */
    SL_ADVERT_PARENT = 2,    /* on a channel: you are my way to the root */
    SL_ADVERT_ELSEWHERE = 4, /* on a channel: I have another way to the root */
};

struct sl_advert {
    uint64_t id;    /* of the sender, 40 bits, new at each boot and each day */
    uint64_t root;  /* the least id that its links reach: the label of its part of the mesh */
    uint16_t round; /* of that root, counts up; 0 in an advertisement */
    uint8_t hops;   /* links to the root; 0 in an advertisement */
    uint8_t places; /* links that it could still take, 2 for more; 0 on a channel */
    uint8_t flags;  /* enum sl_advert_flag */
    uint8_t psm;    /* where it listens: L2CAP LE dynamic PSM, 0x80 to 0xff */
};

/* Sealed under the network's beacon key, deterministically (a synthetic IV in the manner of RFC
 * 5297): members learn what is in it, everybody else sees 24 bytes of noise. */
void sl_advert_encode(const struct sl_advert *advert, const struct sl_primitives *primitives,
                      const uint8_t beacon_key[SL_KEY_LEN], uint8_t ret_bytes[SL_ADVERT_LEN]);

/* 0; -EBADMSG if it is malformed or not of this network. */
int sl_advert_decode(const uint8_t *bytes, size_t len, const struct sl_primitives *primitives,
                     const uint8_t beacon_key[SL_KEY_LEN], struct sl_advert *ret_advert);

#endif
