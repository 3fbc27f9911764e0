#include "sim/crowd_listen.h"

#include "base/wire.h"
#include "mesh/packet.h"

#include <stdlib.h>
#include <string.h>

enum {
    PIECE_LEN = 8,   /* the shortest random field of a beacon */
    KEPT_WHOLE = 64, /* beacons of a name that are kept, and of the later ones one in as many */
    NUMBERS_NEAR = 4,
    COUNTERS_NEAR = 1 << 16,
    COUNTERS_LOW = 256,
};

struct piece {
    uint64_t bytes;
    uint64_t name;
};

/* What is known of a board, were it recognised. */
struct board {
    uint8_t link_id[SL_LINK_ID_LEN];
    uint64_t name;        /* 0: none yet */
    uint64_t beacons;     /* under it */
    uint8_t number;       /* of the last one */
    bool sent_frames;     /* to all */
    uint32_t counter;     /* of the last one */
    sl_time frames_since; /* when the sender of that one had been switched on */
};

struct sl_listener {
    struct board *boards;
    struct piece *pieces;
    size_t piece_count, piece_cap;
    uint64_t names, changes, restarts, numbers_on, counters_on;
};

struct sl_listener *sl_listener_new(int station_count)
{
    struct sl_listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        abort();
    listener->boards = calloc((size_t)station_count, sizeof(*listener->boards));
    if (!listener->boards)
        abort();
    return listener;
}

void sl_listener_free(struct sl_listener *listener)
{
    if (!listener)
        return;
    free(listener->boards);
    free(listener->pieces);
    free(listener);
}

static void keep_piece(struct sl_listener *listener, const uint8_t *bytes, uint64_t name)
{
    if (listener->piece_count == listener->piece_cap) {
        listener->piece_cap = 2 * listener->piece_cap + 1024;
        listener->pieces =
            realloc(listener->pieces, listener->piece_cap * sizeof(*listener->pieces));
        if (!listener->pieces)
            abort();
    }
    struct piece *piece = &listener->pieces[listener->piece_count++];
    memcpy(&piece->bytes, bytes, sizeof(piece->bytes));
    piece->name = name;
}

static void hear_beacon(struct sl_listener *listener, struct board *board, const uint8_t *bytes)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes + 1, SL_HANDSHAKE_PACKET_LEN - 1);
    const uint8_t *link_id = sl_read_slice(&r, SL_LINK_ID_LEN);
    uint8_t number = sl_read_u8(&r);
    if (board->name == 0 || memcmp(link_id, board->link_id, SL_LINK_ID_LEN) != 0) {
        uint8_t ahead = (uint8_t)(number - board->number - 1);
        listener->changes += board->name > 0;
        listener->numbers_on += board->name > 0 && ahead < NUMBERS_NEAR;
        board->name = ++listener->names;
        board->beacons = 0;
        memcpy(board->link_id, link_id, SL_LINK_ID_LEN);
    }
    board->number = number;
    if (board->beacons++ >= KEPT_WHOLE && board->beacons % KEPT_WHOLE != 0)
        return;
    for (size_t at = 1; at + PIECE_LEN <= SL_HANDSHAKE_PACKET_LEN; at++)
        keep_piece(listener, bytes + at, board->name);
}

/* Only those to all: their counter is one that everybody in reach sees. */
static void hear_frame(struct sl_listener *listener, struct board *board, sl_time life,
                       const struct sl_frame_header *header)
{
    if (header->epoch >= 128)
        return;
    if (board->sent_frames && board->frames_since != life) {
        listener->restarts++;
        /* Everybody's begins at 0: low numbers follow each other by chance. */
        listener->counters_on +=
            board->counter >= COUNTERS_LOW && header->counter - board->counter < COUNTERS_NEAR;
    }
    board->sent_frames = true;
    board->frames_since = life;
    board->counter = header->counter;
}

void sl_listener_hear(struct sl_listener *listener, int from, sl_time life, const uint8_t *bytes,
                      size_t len)
{
    struct board *board = &listener->boards[from];
    struct sl_frame_header header;
    if (len == SL_HANDSHAKE_PACKET_LEN && bytes[0] == SL_PACKET_BEACON)
        hear_beacon(listener, board, bytes);
    else if (sl_frame_peek(bytes, len, &header) == 0)
        hear_frame(listener, board, life, &header);
}

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return (x->name > y->name) - (x->name < y->name);
}

/* How often it went on, if that is more often than chance explains: a number that begins anywhere
 * is near by one time in 64, a counter hardly ever. */
static uint64_t beyond_chance(uint64_t often, uint64_t changes)
{
    return often > 2 + changes / 16 ? often : 0;
}

void sl_listener_judge(struct sl_listener *listener, struct sl_listener_verdict *ret_verdict)
{
    struct piece *pieces = listener->pieces;
    struct sl_listener_verdict verdict = {
        .names = listener->names, .changes = listener->changes, .restarts = listener->restarts};
    if (listener->piece_count > 0)
        qsort(pieces, listener->piece_count, sizeof(*pieces), compare_pieces);
    for (size_t i = 1; i < listener->piece_count; i++)
        verdict.shared +=
            pieces[i].bytes == pieces[i - 1].bytes && pieces[i].name != pieces[i - 1].name;
    verdict.followed =
        beyond_chance(listener->numbers_on, listener->changes) + listener->counters_on;
    *ret_verdict = verdict;
}
