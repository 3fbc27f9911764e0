/* The envelope: what floods through the mesh (PROTOCOL.md, Envelope).
 *
 *   signed part   version u8, kind u8, flags u8, origin 8, created u64, lifetime u32, payload
 *   signature     Ed25519 over "starling envelope", a zero byte, and the signed part
 *
 * On a link it is preceded by what changes at each hop: hops u8, age u32 (milliseconds). */
#ifndef SL_MESH_ENVELOPE_H
#define SL_MESH_ENVELOPE_H

#include "base/wire.h"
#include "mesh/ports.h"

#define SL_ENVELOPE_VERSION 1

enum sl_envelope_kind {
    SL_ENVELOPE_CHANNEL = 1,    /* a message to a channel */
    SL_ENVELOPE_DIRECT = 2,     /* a sealed direct message */
    SL_ENVELOPE_RECEIPT = 3,    /* delivered and read */
    SL_ENVELOPE_PERSONA = 4,    /* a persona announces itself and its prekey */
    SL_ENVELOPE_IDENTITY = 5,   /* the origin's certificate chain: the mesh's own */
    SL_ENVELOPE_REVOCATION = 6, /* a CRL: the mesh's own */
    SL_ENVELOPE_SETTLED = 7, /* short ids of its origin's envelopes that arrived: the mesh's own */
};

/* `created` is what the origin's clock said, and that clock was set by somebody: a vote for the
 * mesh clock. */
#define SL_ENVELOPE_DATED 0x01

struct sl_envelope {
    uint8_t kind;
    uint8_t flags; /* SL_ENVELOPE_DATED; others are 0, and ignored by receivers */
    uint8_t origin[SL_ORIGIN_LEN];
    uint64_t created;  /* Unix microseconds, mesh clock, at most INT64_MAX; strictly increasing for
                        * each origin */
    uint32_t lifetime; /* seconds, 1 to SL_LIFETIME_MAX */
    const uint8_t *payload; /* borrowed */
    size_t payload_len;
    const uint8_t *signature;   /* borrowed, SL_SIGNATURE_LEN */
    const uint8_t *signed_part; /* borrowed */
    size_t signed_len;
};

/* Decodes signed part and signature. 0 or -EBADMSG. Checks no signature. Kinds that are not known
 * here pass: relays carry what is newer than they are. */
int sl_envelope_decode(const uint8_t *bytes, size_t len, struct sl_envelope *ret_envelope);

/* Writes signed part and signature; reads kind, flags, origin, created, lifetime and payload of
 * `envelope`. Number of bytes, or -EMSGSIZE, -EINVAL. */
int sl_envelope_encode(const struct sl_envelope *envelope, const struct sl_primitives *primitives,
                       const uint8_t seed[SL_KEY_LEN], uint8_t *ret_bytes, size_t cap);

/* Hash of the signed part. */
void sl_envelope_id(const struct sl_envelope *envelope, const struct sl_primitives *primitives,
                    uint8_t ret_id[SL_ID_LEN]);

bool sl_envelope_verify(const struct sl_envelope *envelope, const struct sl_primitives *primitives,
                        const uint8_t key[SL_KEY_LEN]);

void sl_origin_of_key(const struct sl_primitives *primitives, const uint8_t key[SL_KEY_LEN],
                      uint8_t ret_origin[SL_ORIGIN_LEN]);

#endif
