/* Datagrams between neighbours and the elements inside frames: codecs only (PROTOCOL.md,
 * Datagrams). */
#ifndef SL_MESH_PACKET_H
#define SL_MESH_PACKET_H

#include "base/wire.h"
#include "mesh/ports.h"

enum sl_packet_type {
    SL_PACKET_BEACON = 1,
    SL_PACKET_PROBE = 2,
    SL_PACKET_REPLY = 3,
    SL_PACKET_CONFIRM = 4,
    SL_PACKET_LINK = 5,
    SL_PACKET_FRAME = 6,
};

/* BEACON, PROBE, REPLY and CONFIRM all are exactly this long, so that no answer is longer than what
 * it answers: type u8, from 8, body 24, tag 16. Body of a beacon: number u8, links u8, heard u8,
 * seeking u8, salt. Of
 * the others: to 8,
 * cookie 8, echo 8 (zeros where there is none). */
#define SL_HANDSHAKE_PACKET_LEN 49
#define SL_COOKIE_LEN           8

struct sl_greeting {
    enum sl_packet_type type; /* BEACON to CONFIRM */
    uint8_t from[SL_LINK_ID_LEN];
    uint8_t to[SL_LINK_ID_LEN];    /* not in a beacon */
    uint8_t cookie[SL_COOKIE_LEN]; /* PROBE, REPLY */
    uint8_t echo[SL_COOKIE_LEN];   /* REPLY, CONFIRM */
    uint8_t number;                /* BEACON: one more than in the one before */
    uint8_t links;                 /* BEACON: that its sender has on the bearer */
    uint8_t heard;                 /* BEACON: senders of beacons in its reach, in steps of four */
    uint8_t seeking;               /* BEACON: of them, those that seek links, likewise */
    uint8_t salt[20];              /* BEACON */
};

/* Writes the greeting and its tag; always SL_HANDSHAKE_PACKET_LEN bytes. */
void sl_greeting_encode(const struct sl_greeting *greeting, const struct sl_primitives *primitives,
                        const uint8_t beacon_key[SL_KEY_LEN],
                        uint8_t ret_bytes[SL_HANDSHAKE_PACKET_LEN]);
/* 0; -EBADMSG: not the format. -EACCES: the tag is not of this network. */
int sl_greeting_decode(const uint8_t *bytes, size_t len, const struct sl_primitives *primitives,
                       const uint8_t beacon_key[SL_KEY_LEN], struct sl_greeting *ret_greeting);

/* LINK: type u8, nonce 24, sealed session datagram, tag 16. Outsiders cannot reach the handshake
 * code at all, nor read the certificates that DTLS 1.2 sends in clear. XChaCha20-Poly1305 under a
 * key of the network's; both link ids are authenticated, and the nonce is a keyed hash of them and
 * the datagram. */
#define SL_LINK_NONCE_LEN 24
#define SL_LINK_OVERHEAD  (1 + SL_LINK_NONCE_LEN + SL_TAG_LEN)

struct sl_link_inner {
    size_t len;
    uint8_t bytes[SL_DATAGRAM_MAX - SL_LINK_OVERHEAD];
};

/* Length of the packet; -EMSGSIZE if no datagram could hold it, -ENOBUFS. */
int sl_link_packet_encode(const struct sl_primitives *primitives,
                          const uint8_t beacon_key[SL_KEY_LEN], const uint8_t from[SL_LINK_ID_LEN],
                          const uint8_t to[SL_LINK_ID_LEN], const uint8_t *bytes, size_t len,
                          uint8_t *ret_bytes, size_t cap);
/* 0, -EBADMSG (not the format) or -EACCES (does not open: ret_inner is then empty). */
int sl_link_packet_decode(const uint8_t *bytes, size_t len, const struct sl_primitives *primitives,
                          const uint8_t beacon_key[SL_KEY_LEN], const uint8_t from[SL_LINK_ID_LEN],
                          const uint8_t to[SL_LINK_ID_LEN], struct sl_link_inner *ret_inner);

/* FRAME: type u8, key epoch u8, counter u32, sealed elements, tag 16. ChaCha20-Poly1305 under the
 * sender's broadcast key; nonce: seven zero bytes, epoch, counter; the six header bytes are
 * authenticated too. */
#define SL_FRAME_HEADER   6
#define SL_FRAME_OVERHEAD (SL_FRAME_HEADER + SL_TAG_LEN)
#define SL_FRAME_BODY_MAX (SL_DATAGRAM_MAX - SL_FRAME_OVERHEAD)

struct sl_frame_header {
    uint8_t epoch;
    uint32_t counter;
};

/* 0, or -EBADMSG: not a frame, or too long for a datagram. */
int sl_frame_peek(const uint8_t *bytes, size_t len, struct sl_frame_header *ret_header);
/* Length of the frame, or -ENOBUFS. */
int sl_frame_seal(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                  const struct sl_frame_header *header, const uint8_t *body, size_t body_len,
                  uint8_t *ret_bytes, size_t cap);
/* Length of the body; -EACCES if it does not open, -ENOBUFS. SL_FRAME_BODY_MAX always suffices. */
int sl_frame_open(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                  const uint8_t *bytes, size_t len, uint8_t *ret_body, size_t cap);

/* What all neighbours hold the key of does not say who sent it: the sender's Ed25519 signature over
 * epoch, counter and body does. */
void sl_frame_sign(const struct sl_primitives *primitives, const uint8_t seed[SL_KEY_LEN],
                   const struct sl_frame_header *header, const uint8_t *body, size_t body_len,
                   uint8_t ret_signature[SL_SIGNATURE_LEN]);
bool sl_frame_verify(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                     const struct sl_frame_header *header, const uint8_t *body, size_t body_len,
                     const uint8_t signature[SL_SIGNATURE_LEN]);

/* Elements of a frame: type u8, len u16, value. Unknown types are skipped. */
enum sl_element_type {
    SL_ELEMENT_ENVELOPE = 1, /* hops u8, age u32, signed part, signature */
    SL_ELEMENT_HELLO = 2,
    SL_ELEMENT_SKETCH = 3,
    SL_ELEMENT_MORE = 4,
    SL_ELEMENT_WANT = 5,       /* short ids */
    SL_ELEMENT_MARK = 6,       /* u16: echo this once you have read what came before */
    SL_ELEMENT_ECHO = 7,       /* u16 */
    SL_ELEMENT_WHO = 8,        /* origins whose IDENTITY is missing */
    SL_ELEMENT_BYE = 9,        /* empty: the sender stops */
    SL_ELEMENT_CRL = 10,       /* the one in force here: number u64, length u32 */
    SL_ELEMENT_CRL_WANT = 11,  /* number u64, first byte u32 */
    SL_ELEMENT_CRL_PART = 12,  /* the same, then bytes from there */
    SL_ELEMENT_SIGNATURE = 13, /* last in a frame to all: who sent it */
    SL_ELEMENT_HAVE = 16,      /* short ids of what the sender holds, and does not send by itself */
    SL_ELEMENT_GRAFT = 17,     /* short ids: send these, and from now on all that comes */
    SL_ELEMENT_PRUNE = 18,     /* empty: from now on send ids only */
    SL_ELEMENT_NEAR = 19,      /* starts of link ids of 2: whose frames to all are received well */
    SL_ELEMENT_ROUTED = 20,    /* hops at most u8, count u8, that many targets of 3, then as
                                * ENVELOPE; count 0: back, the start of a message's id of 3 */
    SL_ELEMENT_TAKEN = 21,     /* short ids of what came as ROUTED and is held */
    SL_ELEMENT_STRAY = 22,     /* short id, and targets of 3 that no way leads to from here */
    SL_ELEMENT_REFUSED = 23,   /* short ids of what came and is not taken: only announce it */
};

struct sl_element {
    uint8_t type;
    const uint8_t *value; /* borrowed */
    size_t len;
};

/* Iterator: true with the next element; false at the end or at a malformed one (then
 * sl_read_failed(r) is true). */
bool sl_element_next(struct sl_reader *r, struct sl_element *ret_element);
/* Starts an element of known length and returns where its value goes. NULL if it does not fit as a
 * whole: nothing is written and the writer has failed. */
uint8_t *sl_element_reserve(struct sl_writer *w, enum sl_element_type type, size_t len);

struct sl_hello {
    uint32_t stored_count;
    uint8_t digest[16];   /* sum modulo 2^128 of the ids in store, as big-endian numbers */
    uint8_t clock_source; /* enum sl_clock_source */
    int64_t unix_us;      /* 0 if not set */
};
#define SL_HELLO_LEN 29
/* The whole element. 0 or -ENOBUFS. */
int sl_hello_write(struct sl_writer *w, const struct sl_hello *hello);
/* 0 or -EBADMSG. A source that is not known here is passed on as it came. */
int sl_hello_read(const struct sl_element *element, struct sl_hello *ret_hello);

/* SKETCH: partition bits u8, partition u16, first symbol u16, then symbols. MORE: the same three
 * numbers: send symbols from there. */
struct sl_sketch_part {
    uint8_t bits; /* 0: the whole store; else only ids whose first `bits` bits are `partition` */
    uint16_t partition;
    uint16_t first;
};
#define SL_SKETCH_PART_LEN 5
#define SL_SKETCH_BITS_MAX 16
/* Reading fails the reader on bits past SL_SKETCH_BITS_MAX, a partition that these bits cannot
 * name, and a first symbol past the last. */
void sl_sketch_part_write(struct sl_writer *w, const struct sl_sketch_part *part);
void sl_sketch_part_read(struct sl_reader *r, struct sl_sketch_part *ret_part);

/* Messages inside the DTLS session, one or several in a record: KEY: 1, epoch u8, first counter
 * u32, key 32. KEY_ACK: 2, epoch. KEY_DROP: 3, epoch: no frame under it is taken here any more. BYE
 * is DTLS's own close_notify. */
enum sl_control_type { SL_CONTROL_KEY = 1, SL_CONTROL_KEY_ACK = 2, SL_CONTROL_KEY_DROP = 3 };
struct sl_key_message {
    uint8_t epoch;
    uint32_t first_counter;
    uint8_t key[SL_KEY_LEN];
};
#define SL_KEY_MESSAGE_LEN 38
#define SL_KEY_ACK_LEN     2
#define SL_CONTROL_MAX     128 /* a longer record is malformed: two keys and what answers two */
/* Decoding: 0 or -EBADMSG. */
void sl_key_message_encode(const struct sl_key_message *message, uint8_t ret[SL_KEY_MESSAGE_LEN]);
int sl_key_message_decode(const uint8_t *bytes, size_t len, struct sl_key_message *ret_message);

#endif
