/* Repair: hellos, the exchange of sketches, and what a decoded sketch leads to (PROTOCOL.md,
 * Repair). Internal to the mesh. */
#ifndef SL_MESH_SYNC_H
#define SL_MESH_SYNC_H

#include "mesh/alarm.h"
#include "mesh/packet.h"
#include "mesh/sketch.h"

struct sl_node;
struct sl_link;

#define SL_WANT_BATCH 64

/* Symbols of a neighbour's sketch, as far as they came; or our own as it was when a repair began,
 * so that what MORE asks for belongs to what was sent before. */
struct sl_decoder {
    struct sl_sketch_part part;            /* `first` is unused */
    size_t count;                          /* theirs: symbols without a gap; ours: symbols sent */
    unsigned tries;                        /* times that MORE stayed unanswered */
    uint64_t came[SL_SKETCH_SYMBOLS / 64]; /* bit for each symbol: they come in any order */
    sl_time at;                            /* next look at it */
    struct sl_symbol symbols[SL_SKETCH_SYMBOLS];
};

/* Short ids to work through. */
struct sl_ids {
    uint64_t *ids;
    size_t count, cap;
    size_t at; /* next */
};

struct sl_sync {
    /* Hellos. */
    bool heard; /* one came since the link is up */
    struct sl_hello hello;
    sl_time hello_at;
    bool in_sync;            /* the last one equalled our store */
    unsigned differ_count;   /* that differed, in a row */
    struct sl_hello suspect; /* holds what we lack, if it does not come in a moment */
    sl_time suspect_at;      /* when that is judged; SL_NEVER: nothing is suspected */
    bool convicted;          /* it did not come: a repair is wanted */
    sl_time new_at;          /* last envelope that was new here */
    /* The present repair, or the last. */
    uint32_t gain;         /* envelopes that it brought, or that it gave */
    uint32_t spent;        /* symbols that were sent for it */
    bool tried;            /* it was begun here, and not yet judged by its gain */
    bool answered;         /* our sketch arrived */
    unsigned sketch_tries; /* times that it was sent */
    unsigned unanswered;   /* repairs in a row of which it never arrived */
    uint16_t sketch_mark;  /* whose ECHO says so */
    size_t sketch_count;   /* symbols in it */
    sl_time sketch_by;     /* when it is sent again */
    sl_time begun_at;
    sl_time backoff_us;   /* after one without gain */
    sl_time taking_until; /* we sent a sketch and expect what we lack until then */
    uint32_t
        allowance; /* envelopes that the sketch we sent may bring, free of the origin's quota */
    struct sl_decoder *sketch;  /* ours, at its beginning */
    struct sl_decoder *decoder; /* theirs */
    uint16_t mark_in;           /* the last MARK that came */
    uint16_t their_mark; /* that before their sketch: its second ECHO says that all was given */
    bool closing;        /* that ECHO is owed */
    struct sl_sketch_part next_part; /* to ask for once this partition is done; bits 0: none */
    /* What we give. */
    struct sl_ids give;
    unsigned frame_count; /* begun since the last MARK */
    uint16_t mark;        /* last one sent */
    unsigned mark_count;  /* of those, unanswered */
    unsigned timeouts;    /* in a row */
    sl_time marked_at;    /* the last one was sent; 0: its ECHO came */
    sl_time echo_by;      /* when the oldest is given up */
    sl_time give_at;      /* airtime or quota allow the next */
    /* What we want. */
    struct sl_ids want;
    uint64_t batch[SL_WANT_BATCH]; /* asked for; those that came are taken out */
    size_t batch_count;
    bool batch_moved;     /* some of it came */
    unsigned batch_tries; /* batches in a row of which nothing came */
    sl_time batch_by;     /* when the rest is given up */
    struct sl_alarm alarm;
};

void sl_sync_init(struct sl_node *node, struct sl_link *link, sl_time now);
void sl_sync_done(struct sl_node *node, struct sl_link *link);

/* The link is up: a hello at once. */
void sl_sync_start(struct sl_node *node, struct sl_link *link, sl_time now);

/* Elements from a neighbour. */
void sl_sync_hello(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                   sl_time now);
void sl_sync_sketch(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                    sl_time now);
void sl_sync_more(struct sl_node *node, struct sl_link *link, const struct sl_element *element,
                  sl_time now);

/* Hellos on a bearer. */
void sl_sync_hello_fire(struct sl_node *node, struct sl_alarm *alarm, sl_time now);

/* All was given that their sketch asked for: says so, with a hello, so that the neighbour sees at
 * once whether it has it all. */
void sl_sync_close(struct sl_node *node, struct sl_link *link, sl_time now);

/* The neighbour answered a MARK; whether it stood before our sketch. */
bool sl_sync_echo(struct sl_node *node, struct sl_link *link, uint16_t mark, sl_time now);

/* An envelope new here came from that neighbour. */
void sl_sync_gained(struct sl_node *node, struct sl_link *link, uint64_t short_id, sl_time now);

/* Whether it came because we asked: then the origin's quota does not apply. */
bool sl_sync_expects(struct sl_link *link, uint64_t short_id, sl_time now);

/* Counts bytes of repair sent beside envelopes. */
uint8_t *sl_sync_element(struct sl_node *node, struct sl_link *link, enum sl_element_type type,
                         size_t len);

/* Goes on with what the repair has left to do, and sets the alarm to what is due next. */
void sl_sync_proceed(struct sl_node *node, struct sl_link *link, sl_time now);

#endif
