/* Keys that frames are sealed under: ours, handed out inside sessions, and those of neighbours
 * (PROTOCOL.md, LINK and FRAME). Internal to the mesh. */
#ifndef SL_MESH_KEYS_H
#define SL_MESH_KEYS_H

#include "mesh/ports.h"
#include "mesh/window.h"

struct sl_node;
struct sl_link;

/* Epochs below 128 are of keys that all neighbours on a bearer hold, the others of keys for one
 * link. */
enum sl_key_class { SL_KEY_BEARER, SL_KEY_LINK, SL_KEY_CLASSES };

#define SL_EPOCHS 128 /* of each class */

/* A key that we seal frames under. */
struct sl_sender {
    uint8_t key[SL_KEY_LEN];
    uint8_t epoch;
    uint32_t counter; /* of the next frame */
    sl_time made_at;
};

/* A key that a neighbour seals frames under. */
struct sl_receiver {
    struct sl_window *window; /* NULL: no key yet */
    uint8_t key[SL_KEY_LEN];
    uint8_t epoch;
};

/* A fresh key of that class for a bearer or a link; its epoch follows the one before. */
void sl_sender_init(struct sl_node *node, struct sl_sender *sender, enum sl_key_class class,
                    sl_time now);
void sl_sender_renew(struct sl_node *node, struct sl_sender *sender, sl_time now);
bool sl_sender_is_worn(const struct sl_sender *sender, sl_time now);

/* Hands out the keys that the peer has not acknowledged, and sets when to do it again. */
void sl_keys_offer(struct sl_node *node, struct sl_link *link, sl_time now);

/* Takes KEY and KEY_ACK from the session. */
void sl_keys_read(struct sl_node *node, struct sl_link *link);

/* The peer's key of that epoch, or NULL. */
struct sl_receiver *sl_keys_receiver(struct sl_link *link, uint8_t epoch);

/* Throws the peer's key to all away, and says so in the session. */
void sl_keys_drop(struct sl_node *node, struct sl_link *link);

/* Whether a frame to everyone on the bearer reaches it. */
bool sl_link_hears_broadcast(const struct sl_node *node, const struct sl_link *link);

void sl_keys_done(struct sl_link *link);

#endif
