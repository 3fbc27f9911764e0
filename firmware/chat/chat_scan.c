/* What the mesh's store holds for a persona that was unlocked, or that joined a channel. To look
 * whether a direct message is for somebody costs two X25519 for each of their prekeys, and a store
 * may hold thousands: so it is done in slices, and the node goes on in between. */
#include "chat/internal.h"

#include <string.h>

enum {
    BUDGET = 2048, /* of a slice: 0.2 s on a laptop, 1 s on a small board */
    COST_DIRECT = 8,
    COST_OTHER = 1,
    DONE_MAX = 65536, /* envelopes looked at; what is beyond is not found */
};

static const enum sl_envelope_kind order[] = {SL_ENVELOPE_CHANNEL, SL_ENVELOPE_DIRECT,
                                              SL_ENVELOPE_RECEIPT};

struct slice {
    struct sl_chat *chat;
    struct sl_persona *persona;
    sl_time now;
    int budget;
    bool more; /* something was left for the next slice */
};

/* False if it was looked at in an earlier slice. */
static bool is_new(struct sl_scan *scan, const uint8_t id[SL_ID_LEN])
{
    return sl_map_get(&scan->done, id) == SL_MAP_EMPTY && sl_map_put(&scan->done, id, 0) == 0;
}

static void found_in_store(void *arg, const struct sl_envelope *envelope,
                           const uint8_t id[SL_ID_LEN], sl_time born, bool local, bool relayed)
{
    struct slice *slice = arg;
    size_t part;
    (void)local;
    struct sl_record *record = sl_history_id(&slice->persona->history, id, &part);
    if (record) {
        if (record->message.outgoing && relayed)
            sl_chat_raise(slice->chat, slice->persona, record, part, SL_MESSAGE_RELAYED);
        return;
    }
    if (slice->budget <= 0) {
        slice->more = true;
        return;
    }
    if (!is_new(&slice->persona->scan, id))
        return;
    slice->budget -= envelope->kind == SL_ENVELOPE_DIRECT ? COST_DIRECT : COST_OTHER;
    sl_chat_offer(slice->chat, &(struct sl_offer){.envelope = envelope,
                                                  .id = id,
                                                  .born = born,
                                                  .relayed = relayed,
                                                  .backlog = true,
                                                  .only = slice->persona,
                                                  .now = slice->now});
}

static void start_over(struct sl_chat *chat, struct sl_scan *scan)
{
    sl_map_done(&scan->done);
    sl_map_init(&scan->done, SL_ID_LEN, DONE_MAX, sl_prng_next(&chat->prng));
}

void sl_scan_start(struct sl_chat *chat, struct sl_persona *persona, unsigned kinds, sl_time now)
{
    start_over(chat, &persona->scan);
    persona->scan.kinds |= kinds;
    sl_scan_go_on(chat, persona, now);
}

void sl_scan_go_on(struct sl_chat *chat, struct sl_persona *persona, sl_time now)
{
    struct sl_scan *scan = &persona->scan;
    struct slice slice = {.chat = chat, .persona = persona, .now = now, .budget = BUDGET};
    for (size_t i = 0; i < SL_ARRAY_LEN(order); i++) {
        unsigned bit = SL_SCAN_BIT(order[i]);
        if (!(scan->kinds & bit))
            continue;
        chat->mesh.each(chat->mesh.ctx, order[i], now, found_in_store, &slice);
        if (slice.more)
            return;
        scan->kinds &= ~bit;
    }
    sl_map_done(&scan->done);
    sl_chat_release_due(chat, persona, now);
}
