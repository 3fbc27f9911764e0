/* One real node, and peers made by hand that can say whatever a test wants: valid greetings, a
 * session, frames sealed with the right keys around the wrong things. For attacks and for fuzzing.
 */
#ifndef SL_SIM_SOLO_H
#define SL_SIM_SOLO_H

#include "mesh/node.h"
#include "mesh/packet.h"
#include "sim/fake_sessions.h"
#include "sim/memory_store.h"

#define SL_SOLO_PEERS_MAX 600

struct sl_fake_peer {
    struct sl_address address;
    uint8_t seed[SL_KEY_LEN]; /* Ed25519 */
    struct sl_fake_member_config certificate;
    uint8_t link_id[SL_LINK_ID_LEN];
    uint8_t node_id[SL_LINK_ID_LEN];     /* the node's, once heard */
    uint8_t beacon_number, beacon_links; /* in its beacons */
    bool greeted;                        /* the greetings are done */
    bool mute;                           /* answers nothing by itself */
    bool half_open;                      /* begins handshakes and never ends them */
    struct sl_fake_member *member;
    struct sl_session *session;
    bool has_node_keys;
    struct sl_key_message node_keys[2]; /* bearer's, link's */
    uint8_t key[SL_KEY_LEN];            /* its own, for frames */
    uint32_t counter;
    uint64_t created; /* of its last envelope */
    /* Counted as they came. */
    uint64_t elements[32];               /* by type */
    uint64_t bytes_in, bytes_out;        /* of datagrams */
    uint8_t last_value[SL_DATAGRAM_MAX]; /* of the last element that was no hello */
    size_t last_len;
    uint8_t last_type;
    struct sl_hello last_hello;
};

struct sl_solo {
    uint64_t seed;
    struct sl_primitives primitives;
    uint8_t node_seed[SL_KEY_LEN];
    uint8_t secret[SL_KEY_LEN];
    uint8_t beacon_key[SL_KEY_LEN];
    struct sl_memory_store *store;
    struct sl_fake_member *member;
    struct sl_node *node;
    int bearer;
    sl_time now;
    struct sl_fake_peer *peers[SL_SOLO_PEERS_MAX];
    size_t peer_count;
    uint64_t bytes_out, bytes_in; /* of the node, all datagrams */
    /* Sees every datagram that the node sends. May be NULL. */
    void (*sent)(void *arg, const struct sl_datagram *datagram);
    void *sent_arg;
};

/* A node with one bearer, with or without broadcast. `config` may be NULL; its ports are replaced.
 */
void sl_solo_init(struct sl_solo *solo, uint64_t seed, bool broadcast,
                  const struct sl_node_config *config);
void sl_solo_done(struct sl_solo *solo);

/* A member with keys of its own that answers greetings and opens a session when the node does, or
 * as client when its link id is lower. */
struct sl_fake_peer *sl_solo_add_peer(struct sl_solo *solo);
/* Gone without a word; the others keep their numbers. */
void sl_solo_remove_peer(struct sl_solo *solo, struct sl_fake_peer *peer);

/* Sends what the node has to send, until it is quiet. */
void sl_solo_drain(struct sl_solo *solo);
void sl_solo_run(struct sl_solo *solo, sl_time duration);
/* A beacon, and a probe of its own if the node does not answer that. */
void sl_solo_greet(struct sl_solo *solo, struct sl_fake_peer *peer);
/* Greets until the link is up on both sides. */
bool sl_solo_link(struct sl_solo *solo, struct sl_fake_peer *peer);

struct sl_node_status sl_solo_status(const struct sl_solo *solo);

/* A datagram to the node, as from that peer's address. */
void sl_solo_send(struct sl_solo *solo, struct sl_fake_peer *peer, const uint8_t *bytes,
                  size_t len);
void sl_solo_send_greeting(struct sl_solo *solo, struct sl_fake_peer *peer,
                           enum sl_packet_type type, const uint8_t cookie[SL_COOKIE_LEN],
                           const uint8_t echo[SL_COOKIE_LEN]);
/* A frame under the peer's key. */
void sl_solo_send_frame(struct sl_solo *solo, struct sl_fake_peer *peer, const uint8_t *body,
                        size_t len);
void sl_solo_send_element(struct sl_solo *solo, struct sl_fake_peer *peer, uint8_t type,
                          const uint8_t *value, size_t len);

struct sl_solo_draft {
    uint8_t kind;
    uint32_t lifetime; /* 0: a day */
    uint64_t created;  /* 0: the next */
    uint8_t hops;
    uint32_t age_ms;
    const void *payload;
    size_t payload_len;
    bool bad_signature;
};

/* An ENVELOPE element's value, signed by the peer; its length. */
size_t sl_solo_envelope(struct sl_solo *solo, struct sl_fake_peer *peer,
                        const struct sl_solo_draft *draft, uint8_t ret_value[SL_ENVELOPE_MAX]);
/* The same, sent. */
void sl_solo_send_envelope(struct sl_solo *solo, struct sl_fake_peer *peer,
                           const struct sl_solo_draft *draft);
void sl_solo_send_text(struct sl_solo *solo, struct sl_fake_peer *peer, const char *text);
/* Its IDENTITY envelope. */
void sl_solo_send_identity(struct sl_solo *solo, struct sl_fake_peer *peer);
void sl_solo_send_hello(struct sl_solo *solo, struct sl_fake_peer *peer, uint32_t stored_count,
                        const uint8_t digest[16]);

#endif
