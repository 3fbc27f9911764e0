/* A link: a secure session with a neighbour, and what came of it (PROTOCOL.md, LINK and FRAME).
 * Internal to the mesh. */
#ifndef SL_MESH_LINK_H
#define SL_MESH_LINK_H

#include "mesh/alarm.h"
#include "mesh/cover.h"
#include "mesh/keys.h"
#include "mesh/neighbour.h"
#include "mesh/output.h"
#include "mesh/quota.h"
#include "mesh/refused.h"
#include "mesh/sync.h"
#include "mesh/tree.h"

struct sl_link {
    struct sl_neighbour *neighbour;
    struct sl_session *session;
    bool client; /* we opened it */
    sl_time started_at;
    sl_time answered_at;       /* the peer's last sign of life in the handshake */
    int slot;                  /* in sl_node.slots once the session is open, else -1 */
    bool up;                   /* both keys were taken: frames flow */
    struct sl_identity peer;   /* once open */
    uint64_t siblings;         /* slots of links to the same node, this one included */
    struct sl_sender sender;   /* the key for this link alone */
    int acked[SL_KEY_CLASSES]; /* epoch that the peer acknowledged, or -1 */
    sl_time key_retry_at;
    unsigned key_tries; /* in vain, up to a bound */
    int refused_epoch;  /* of our key to all, that the peer takes no frames under; or -1 */
    int dropped_epoch;  /* of the peer's, likewise; or -1 */
    sl_time dropped_at;
    sl_time drop_at; /* when it is told so again; SL_NEVER once it speaks to us alone */
    bool to_all;     /* of the frame that is being read */
    unsigned stale;  /* frames to all outside the window, since the last hello to all */
    struct sl_receiver receivers[SL_KEY_CLASSES][2]; /* present, and the one before */
    struct sl_bucket quota;                          /* envelopes and questions that it brings in */
    uint64_t again_count;     /* envelopes given to it although it should have them */
    uint64_t accepted_before; /* new here before it was made */
    struct sl_bucket who;     /* questions that we ask it for identities */
    struct sl_sync sync;
    struct sl_cover_link cover;
    struct sl_tree_link tree;
    struct sl_refused_link refused;
    sl_time crl_after;     /* no CRL is fetched from it before: it kept us waiting, or lied */
    struct sl_alarm alarm; /* session, keys, silence */
    struct sl_output *open[SL_OUTPUT_CLASSES]; /* frame that still takes elements */
    sl_time up_since, last_heard;
    sl_time hello_gap; /* between its hellos, smoothed */
    uint64_t frames_in, frames_out, bytes_in, bytes_out, envelopes_in;
    uint32_t received, lost; /* recent frames, for the loss estimate */
    unsigned untaken;        /* ROUTED that it did not answer, in a row */
};

/* Starts a session as client, if a handshake may be added. */
void sl_link_connect(struct sl_node *node, struct sl_neighbour *neighbour, sl_time now);

/* Handshakes that we opened and that are answered, or are so young that they may be. */
size_t sl_link_handshakes_alive(const struct sl_node *node, sl_time now);

/* LINK and FRAME datagrams. */
void sl_link_receive(struct sl_node *node, int bearer, const struct sl_address *from,
                     const uint8_t *bytes, size_t len, sl_time now);
void sl_link_frame(struct sl_node *node, int bearer, const struct sl_address *from,
                   const uint8_t *bytes, size_t len, sl_time now);

/* A frame to all came that is outside the window. */
void sl_link_note_stale(struct sl_node *node, struct sl_link *link);

/* Ends it with a goodbye; the neighbour stays. */
void sl_link_end(struct sl_node *node, struct sl_link *link, enum sl_refusal refusal, sl_time now);

/* Frees without a word; the neighbour's pointer to it becomes NULL. */
void sl_link_free(struct sl_node *node, struct sl_link *link);

/* Hands out the keys that the peer has not acknowledged. */
void sl_link_offer_keys(struct sl_node *node, struct sl_link *link, sl_time now);

/* Somebody else speaks in the peer's name, or nothing that it says to all arrives: its key for that
 * is thrown away, and it is told to speak to us alone. */
void sl_link_distrust(struct sl_node *node, struct sl_link *link, sl_time now);

/* Once a second: ends the links of members whose certificate expired, renews worn keys. */
void sl_link_housekeeping(struct sl_node *node, sl_time now);

/* After a new CRL, or a step of the clock: ends links that are no longer allowed. */
void sl_link_judge_all(struct sl_node *node, sl_time now);

/* What a peer's session would be judged by: SL_REFUSAL_NONE if it may stay. */
enum sl_refusal sl_link_judge(const struct sl_node *node, const struct sl_identity *peer,
                              sl_time now);

/* How long without a frame until a link counts as lost. */
sl_time sl_link_patience(const struct sl_link *link);

#endif
