/* Every bound of Starling, each with its reason. Change one with a figure, not a guess. */
#ifndef SL_MESH_LIMITS_H
#define SL_MESH_LIMITS_H

#include "base/base.h"

/* IPv6 promises 1,280 bytes on every link (RFC 8200, 5); less the IPv6 and UDP headers. */
#define SL_DATAGRAM_MAX 1232

/* One envelope in one frame in one datagram, on every bearer, so that no relay fragments. */
#define SL_ENVELOPE_MAX 1200

/* Hops (1) and age (4), which change on the way. */
#define SL_ENVELOPE_MUTABLE 5
#define SL_ENVELOPE_HEADER  23
#define SL_SIGNATURE_LEN    64
#define SL_PAYLOAD_MAX                                                                             \
    (SL_ENVELOPE_MAX - SL_ENVELOPE_MUTABLE - SL_ENVELOPE_HEADER - SL_SIGNATURE_LEN)

#define SL_ID_LEN       16 /* of an envelope: no collision before 2^64 envelopes */
#define SL_SHORT_ID_LEN 8  /* first bytes of it, inside reconciliation */
#define SL_ORIGIN_LEN   8
#define SL_KEY_LEN      32
#define SL_LINK_ID_LEN  8
#define SL_TAG_LEN      16

/* About 43 kB of heap for each DTLS session: 64 are under 3 MB. known_by is a 64-bit mask. */
#define SL_NEIGHBOURS_MAX 64

/* Sought in a crowd; more only where they join what would be apart. With 200 nodes in reach of each
 * other and 64 links sought control took 86 % of the airtime; with 24, 100 nodes with 20 in reach
 * of each sent every envelope 0.38 times a node, with 32 0.31 times. */
#define SL_LINKS_SOUGHT 32

/* Past so many none is begun from here: the rest of the places is for those who have few. */
#define SL_LINKS_BRIDGED 48

/* Heard but without a session; about 150 bytes each. */
#define SL_HEARD_MAX 512

/* Link ids of which is known which beacons came; 32 bytes each. Rows of four, so that hardly one of
 * 200 in reach finds its row full. */
#define SL_BEACONS_MAX 1024

/* Handshakes cost 43 kB and some 7 ms of CPU each on a laptop, 60 ms on a small board. */
#define SL_HANDSHAKES_MAX    16
#define SL_HANDSHAKE_TIMEOUT (20 * SL_SECOND)

/* With who was never linked, on one bearer, as server and as client each. Whoever holds the network
 * secret and no certificate could else have 24 a second: more than a small board can do. */
#define SL_OPENING_RATE  4                 /* a second: a quarter of a small board */
#define SL_OPENING_BURST SL_NEIGHBOURS_MAX /* a place full of members at once */

/* Keys of origins remembered; about 300 bytes each, allocated as they come. */
#define SL_ORIGINS_MAX 16384

/* A longer CRL is refused: about 1,800 entries, and one is put together at a time. */
#define SL_CRL_MAX 65536

#define SL_SERIAL_LEN 20 /* of a certificate: the most that RFC 5280 (4.1.2.2) allows */

#define SL_BEARERS_MAX 16
#define SL_PEERS_MAX   64 /* configured addresses */

/* Links of one Bluetooth adapter: common controllers hold 8 connections or a few more, and each
 * takes its share of the radio's time. One is left for whoever is refused politely. */
#define SL_BLUETOOTH_LINKS_MAX 7

/* Advertisements remembered, about 90 bytes each: of a denser crowd a sample is enough to choose
 * from. */
#define SL_BLUETOOTH_SEEN_MAX 128

/* Radios of one kind on a node, and their interfaces: boards have one or two, and a stick or so. */
#define SL_RADIOS_MAX          8
#define SL_WIFI_INTERFACES_MAX 32
/* 2.4, 5 and 6 GHz have about 100 channels of 20 MHz. */
#define SL_WIFI_CHANNELS_MAX 128
/* Members of a cell whose signal is told; more are left out. */
#define SL_WIFI_STATIONS_MAX 128

/* Every hop is a fresh chance to be stuck in a loop. A march of 1,000 boards is some seventy hops
 * long, and flooding does not take the shortest way; what is at its limit would be given again and
 * again. */
#define SL_HOPS_MAX 255

#define SL_LIFETIME_DEFAULT SL_DAY
#define SL_LIFETIME_MAX     (7 * SL_DAY)

/* Envelopes in the index; about 200 bytes each with what share.c keeps of them, allocated as they
 * come. */
#define SL_STORE_COUNT_MAX     200000
#define SL_STORE_BYTES_DEFAULT ((uint64_t)64 << 20)

/* Ids that were here and are gone (expired, evicted): not taken again. At most 56 bytes each,
 * allocated as they come. */
#define SL_TOMBSTONES_MAX 16384

/* Nodes to which a neighbour is known to lead; 120 bytes each, allocated as they come. Messages to
 * others flood, as do those of a crowd of more. */
#define SL_ROUTES_MAX 4096

/* Envelopes under way along routes, or just settled: 200 bytes each, allocated as they come. What
 * is beyond floods. */
#define SL_ROUTED_MAX        2048
#define SL_ROUTED_PER_ORIGIN 256 /* so that no member takes it all */

/* Whom an envelope along a route is for, as far as relays can tell: so many nodes, each of which
 * costs some more sendings (with three a direct message costs 0.31 of a channel message in a field
 * of 300, with two 0.22); and the most that a neighbour may name, whose tags fit beside the
 * largest message. */
#define SL_TARGETS     2
#define SL_TARGETS_MAX 24
#define SL_TARGET_LEN  3 /* first bytes of an origin */

/* Short ids of settled envelopes remembered, lest a late copy starts again. */
#define SL_SETTLED_MAX 1024

/* Waiting to be sent on; each holds its datagram. */
#define SL_RELAY_QUEUE_MAX  512
#define SL_OUTPUT_QUEUE_MAX 256

/* Of these, what a bearer that cannot send just now may hold: a slow radio must leave room for the
 * others, and what waits there longer than some 50 ms is better sent by repair. */
#define SL_OUTPUT_HELD_MAX 64

/* Percent of a bearer's airtime that traffic of others may take. */
#define SL_RELAY_AIRTIME_PERCENT 40

/* What one origin may put on the fast path: a board serves some 50 people, and a loud one writes a
 * few messages a minute. What is beyond is not lost, it travels by repair. */
#define SL_ORIGIN_RATE  20 /* envelopes a second */
#define SL_ORIGIN_BURST 200

/* What an origin may have in the mesh at all: the same rate, judged by creation times in windows of
 * so long, so that everyone keeps the same ones. Longer ones let a flood through in bursts that
 * fill the channel for seconds. */
#define SL_ORIGIN_WINDOW (2 * SL_SECOND)
#define SL_ORIGIN_SHARE  40 /* envelopes in a window */

/* What one origin may bring in that is not dated within a minute: of a board that was away as many
 * come at once, the rest as slowly as a flood with invented dates. With 16,384, and 20 a second, of
 * 40 boards each took other ones of such a flood, and together filled 87 % of the channel. */
#define SL_ORIGIN_STOCK      1024
#define SL_ORIGIN_STOCK_RATE 5 /* envelopes a second */

/* Identities that one neighbour is asked for. Repair gives them first, so few are; but with 10,000
 * new names it was a third of all airtime. */
#define SL_WHO_RATE  10 /* a second */
#define SL_WHO_BURST 64

/* An origin's share and stock for all who came through one invite. Five hundred guests who write 30
 * messages an hour need 4 a second; a radio channel with 20 neighbours in reach carries some 100 a
 * second. */
#define SL_INVITE_RATE        20
#define SL_INVITE_BURST       200
#define SL_INVITE_WINDOW      (10 * SL_SECOND)
#define SL_INVITE_SHARE       200
#define SL_INVITE_IDENTITIES  50 /* in a window, beside its share: 500 guests take two minutes */
#define SL_INVITE_STOCK       8192
#define SL_INVITE_STOCK_RATE  20
#define SL_INVITE_ORIGINS_MAX 1024 /* boards; an organiser makes more invites for more */
#define SL_INVITES_MAX        256  /* told apart; about 100 bytes each */

/* What one link may bring in at all: twice what a 6 Mbit/s radio can carry of 400-byte frames. */
#define SL_LINK_RATE  4000 /* envelopes a second */
#define SL_LINK_BURST 8000

/* Given again to one neighbour, of what it should have by now, because it got lost on the way: so
 * many, as many more for each envelope that was new here since, and a few a second. Whoever says
 * over and over that it holds nothing takes no more than that of everybody's airtime. With one a
 * second, who refused what was over an origin's stock got no more than that of it. */
#define SL_AGAIN_BURST 1024
#define SL_AGAIN_SHARE 2
#define SL_AGAIN_RATE  SL_ORIGIN_STOCK_RATE

/* Ids announced at a time: more would fill no frame, and wait for no longer. */
#define SL_HAVE_BATCH 32

/* Ids that a neighbour announced and that are not here yet: 64 bytes each, allocated when first
 * needed. What is beyond is left to repair. One liar takes a quarter of them. */
#define SL_MISSING_MAX      512
#define SL_MISSING_PER_LINK 128

/* Origins whose dates count for the mesh clock beside those of neighbours, the latest ones; 40
 * bytes each. Twice the neighbours, so that a corner full of liars is outvoted. */
#define SL_WITNESSES_MAX       128
#define SL_WITNESSES_OF_INVITE 16 /* names are free to whoever holds an invite */

#define SL_HELLO_INTERVAL  SL_SECOND       /* times neighbours / 8, so that crowds stay quiet */
#define SL_BEACON_INTERVAL (5 * SL_SECOND) /* one second while there is no link */
#define SL_NEIGHBOUR_LOST  10              /* hellos missed in a row */

/* Symbols of the sketch kept current; 16 bytes each. Decodes about 1,400 differences; beyond, the
 * id space is cut into partitions. */
#define SL_SKETCH_SYMBOLS 2048

/* What came last, by which a neighbour that is merely a moment behind is told from one that has
 * something else; 16 bytes each. A second of what the air can carry. */
#define SL_RECENT_MAX 64

/* Given lately, so that what waits in the radio is not given again; 24 bytes each. A newer one may
 * take the place of another, which then may be given twice. */
#define SL_GIVEN_MAX 1024

/* Envelopes and origins refused in the last minute, so that they are not asked for by name; 16
 * bytes each, 4 kB until many are. With 10,000 names behind one invite a node of 40 refuses up to
 * 300 a second. */
#define SL_REFUSED_MAX 16384

/* Decoders at work at once; each up to 40 kB. */
#define SL_DECODERS_MAX 8

/* Past 2^30 frames a new broadcast key is handed out; nonces never repeat. */
#define SL_FRAMES_PER_KEY     ((uint32_t)1 << 30)
#define SL_BROADCAST_KEY_LIFE SL_DAY

/* Late datagrams accepted, in frames. */
#define SL_WINDOW_BITS 2048

#endif
