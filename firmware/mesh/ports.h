/* What the mesh needs from outside: primitives, secure sessions, membership, a store. Each port is
 * a table of functions with a context, filled in by crypto/ and store/ in the daemon, and by
 * stand-ins in simulator and tests. The mesh itself includes no library. */
#ifndef SL_MESH_PORTS_H
#define SL_MESH_PORTS_H

#include "base/base.h"
#include "mesh/limits.h"

/* Where a datagram came from or goes to, opaque to the mesh and compared byte for byte. len 0 is
 * everyone on the bearer. */
struct sl_address {
    uint8_t len;
    uint8_t bytes[31];
};

/* Primitives. All keys are SL_KEY_LEN bytes. None of these fails on well-formed arguments. */
struct sl_primitives {
    void *ctx;

    /* Unpredictable bytes, for keys and salts. */
    void (*random)(void *ctx, uint8_t *ret_bytes, size_t len);

    /* BLAKE2b (RFC 7693) with an output of 1 to 64 bytes over label, a zero byte, and the bytes.
     * `key` is NULL or SL_KEY_LEN bytes. `label` separates the uses. */
    void (*hash)(void *ctx, const char *label, const uint8_t *key, const uint8_t *bytes, size_t len,
                 uint8_t *ret_hash, size_t hash_len);

    /* Ed25519 (RFC 8032). `seed` is the 32-byte private key. */
    void (*sign)(void *ctx, const uint8_t seed[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                 uint8_t ret_signature[SL_SIGNATURE_LEN]);
    bool (*verify)(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *bytes, size_t len,
                   const uint8_t signature[SL_SIGNATURE_LEN]);
    void (*sign_key)(void *ctx, const uint8_t seed[SL_KEY_LEN], uint8_t ret_key[SL_KEY_LEN]);

    /* ChaCha20-Poly1305 (RFC 8439) when nonce_len is 12, XChaCha20-Poly1305 when it is 24.
     * Ciphertext is len + SL_TAG_LEN bytes; in place is allowed. */
    void (*seal)(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *ad, size_t ad_len, const uint8_t *bytes, size_t len,
                 uint8_t *ret_sealed);
    /* `len` includes the tag. False if it does not open: ret_bytes is then zeros. */
    bool (*open)(void *ctx, const uint8_t key[SL_KEY_LEN], const uint8_t *nonce, size_t nonce_len,
                 const uint8_t *ad, size_t ad_len, const uint8_t *sealed, size_t len,
                 uint8_t *ret_bytes);

    /* Constant time. */
    bool (*equal)(void *ctx, const uint8_t *a, const uint8_t *b, size_t len);
    /* Not removed by the compiler. */
    void (*wipe)(void *ctx, void *bytes, size_t len);
};

/* Why a peer was refused; counted, and shown by `starling neighbours`. */
enum sl_refusal {
    SL_REFUSAL_NONE,
    SL_REFUSAL_FOREIGN,   /* not this network's: tag or certificate of another authority */
    SL_REFUSAL_EXPIRED,   /* certificate expired */
    SL_REFUSAL_NOT_YET,   /* certificate not valid yet: somebody's clock is wrong */
    SL_REFUSAL_REVOKED,   /* certificate on the revocation list */
    SL_REFUSAL_MALFORMED, /* certificate or handshake not as in PROTOCOL.md */
    SL_REFUSAL_TIMEOUT,   /* handshake did not finish */
    SL_REFUSAL_BUSY,      /* cap on handshakes or sessions reached */
    SL_REFUSAL_SELF,      /* this node's own key at another address: a cloned board */
    SL_REFUSAL_BY_PEER,   /* the peer refused us, for a reason that it shows on its side */
    SL_REFUSAL_COUNT
};

/* A member, as its certificate says. */
struct sl_identity {
    uint8_t key[SL_KEY_LEN];       /* Ed25519 */
    uint8_t origin[SL_ORIGIN_LEN]; /* start of its hash */
    uint8_t serial[SL_SERIAL_LEN]; /* X.509 serial number, right-aligned */
    int64_t not_before, not_after; /* Unix seconds */
    char name[64];                 /* node name from the certificate, UTF-8, NUL-terminated */
    /* Of the invite it came through; zeros if of the authority. */
    uint8_t issuer_serial[SL_SERIAL_LEN];
};

/* Membership: certificates and revocation. `unix_time` is the mesh clock in seconds, or 0 if it is
 * not set: validity periods are then not judged. */
struct sl_membership {
    void *ctx;

    /* Checks a chain of DER certificates (leaf first, each behind a u16 length) against the
     * authority. 0 with ret_identity, or -EACCES with ret_refusal. */
    int (*check)(void *ctx, const uint8_t *chain, size_t len, int64_t unix_time,
                 struct sl_identity *ret_identity, enum sl_refusal *ret_refusal);

    /* This node's own chain, for its IDENTITY envelope. Number of bytes, or -ENOBUFS. */
    int (*own_chain)(void *ctx, uint8_t *ret_chain, size_t cap);

    /* Takes a DER CRL. 0 if it was newer and is now in force, -EALREADY if it is not newer,
     * -EBADMSG if it is not the authority's. */
    int (*take_crl)(void *ctx, const uint8_t *crl, size_t len);

    /* Whether that certificate, or the intermediate it came through, is revoked. */
    bool (*revoked)(void *ctx, const struct sl_identity *identity);

    /* The CRL in force in DER, borrowed until the next take_crl, with its number; NULL if there is
     * none. */
    const uint8_t *(*crl)(void *ctx, uint64_t *ret_number, size_t *ret_len);
};

enum sl_session_state {
    SL_SESSION_HANDSHAKE,
    SL_SESSION_OPEN,
    SL_SESSION_FAILED, /* see refusal */
    SL_SESSION_CLOSED, /* the peer said goodbye */
};

struct sl_session; /* one end of a secure link; made by the port below */

/* A datagram for which there is no session. Borrowed. */
struct sl_opening {
    const struct sl_address *from;
    const uint8_t *bytes;
    size_t len;
    int64_t unix_time; /* mesh clock in seconds, or 0 */
    sl_time now;
};

/* What is answered before there is a session: no more than a cookie. */
struct sl_reply {
    size_t len; /* 0: nothing */
    uint8_t bytes[64];
};

/* Secure sessions over datagrams: DTLS 1.2 in the daemon. No call blocks or reads a clock. */
struct sl_sessions {
    void *ctx;

    /* The client's end; its first flight is ready in transmit(). NULL if out of memory. */
    struct sl_session *(*connect)(void *ctx, int64_t unix_time, sl_time now);

    /* Keeps nothing unless the datagram holds a valid cookie: answers with at most as many bytes as
     * came in, or gives a session. With ret_session NULL it only ever answers: -EBUSY where there
     * would be a session, before any of its work is done. 0, or -EBADMSG. */
    int (*accept)(void *ctx, const struct sl_opening *opening, struct sl_session **ret_session,
                  struct sl_reply *ret_reply);

    void (*receive)(struct sl_session *session, const uint8_t *bytes, size_t len, sl_time now);
    void (*tick)(struct sl_session *session, sl_time now);
    sl_time (*deadline)(const struct sl_session *session);

    /* Next datagram to send: its length, or 0. */
    size_t (*transmit)(struct sl_session *session, uint8_t *ret_bytes, size_t cap);

    /* One message, when open; -ENOTCONN, -EMSGSIZE, -ENOBUFS. */
    int (*send)(struct sl_session *session, const uint8_t *bytes, size_t len);
    /* Next message that came in: its length, or 0. Longer than cap: cut off. */
    size_t (*read)(struct sl_session *session, uint8_t *ret_bytes, size_t cap);

    enum sl_session_state (*state)(const struct sl_session *session);
    enum sl_refusal (*refusal)(const struct sl_session *session);
    /* The peer, once open; else NULL. */
    const struct sl_identity *(*peer)(const struct sl_session *session);

    /* Says goodbye if it was open (one more datagram in transmit()). */
    void (*close)(struct sl_session *session);
    void (*free)(struct sl_session *session);
};

/* What the store keeps of an envelope beside its bytes. */
struct sl_stored {
    uint64_t row; /* the store's own handle, never reused while in use */
    uint8_t id[SL_ID_LEN];
    uint8_t origin[SL_ORIGIN_LEN];
    uint8_t kind; /* enum sl_envelope_kind */
    uint8_t hops;
    bool local;        /* entered the mesh on this node */
    bool relayed;      /* another node is known to hold it */
    uint16_t len;      /* of signed part and signature */
    uint64_t created;  /* Unix microseconds on the mesh clock, as the origin signed it */
    uint32_t lifetime; /* seconds */
    sl_time born;      /* life clock, this node: now minus age at reception */
};

/* The store. Bytes are signed part and signature, without hops and age. */
struct sl_store_port {
    void *ctx;

    /* Keeps it. With `sync`, returns only when it (and all before it) would survive a power cut;
     * without, within a second. 0, or -EIO, -ENOSPC, -EROFS when it could not be made durable but
     * is kept in memory; -ENOMEM or -ENOBUFS when it is not kept at all. */
    int (*put)(void *ctx, const struct sl_stored *meta, const uint8_t *bytes, bool sync,
               uint64_t *ret_row);
    /* Number of bytes, or -ENOENT, -EIO, -EBADMSG. */
    int (*get)(void *ctx, uint64_t row, uint8_t *ret_bytes, size_t cap);
    void (*set_relayed)(void *ctx, uint64_t row);
    void (*drop)(void *ctx, uint64_t row);
    /* Calls back for each, oldest row first. 0 or -EIO. */
    int (*each)(void *ctx, void (*found)(void *arg, const struct sl_stored *meta), void *arg);
};

#endif
