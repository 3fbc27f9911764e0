/* Advertisements from anybody: as they are, and again as a member would have sealed them, so that
 * what lies behind the tag is reached, too. What is taken is put into a plan, which stays within
 * its bounds and comes to rest. */
#include "bearers/bluetooth_plan.h"
#include "sim/fake_primitives.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { CHUNK = 19 }; /* 16 of an advertisement, an address, and what happens */

static struct sl_primitives primitives;
static const uint8_t key[SL_KEY_LEN] = "a beacon key for fuzzing";

static struct sl_advert advert_from(const uint8_t *bytes)
{
    uint64_t id = 1, root = 1;
    for (size_t i = 0; i < 5; i++) {
        id = (id << 8 | bytes[i]) & SL_PLAN_ID_MASK;
        root = (root << 8 | bytes[5 + i]) & SL_PLAN_ID_MASK;
    }
    return (struct sl_advert){.id = id,
                              .root = root,
                              .round = (uint16_t)(bytes[10] << 8 | bytes[11]),
                              .hops = bytes[12],
                              .places = bytes[13],
                              .flags = bytes[14],
                              .psm = bytes[15]};
}

static void try_sealed(const struct sl_advert *advert)
{
    uint8_t sealed[SL_ADVERT_LEN], again[SL_ADVERT_LEN];
    struct sl_advert decoded;
    sl_advert_encode(advert, &primitives, key, sealed);
    int error = sl_advert_decode(sealed, sizeof(sealed), &primitives, key, &decoded);
    bool good =
        advert->id != 0 && advert->root != 0 && advert->root <= advert->id && advert->psm >= 0x80;
    assert((error == 0) == good);
    if (error < 0)
        return;
    sl_advert_encode(&decoded, &primitives, key, again);
    assert(memcmp(again, sealed, sizeof(again)) == 0);
}

static void come_to_rest(struct sl_plan *plan, sl_time now)
{
    struct sl_plan_action action;
    for (unsigned i = 0; sl_plan_next(plan, &action, now); i++) {
        assert(i < 200);
        if (action.verb == SL_PLAN_DROP)
            sl_plan_closed(plan, action.number, now);
    }
    assert(sl_plan_link_count(plan) <= SL_BLUETOOTH_LINKS_MAX);
    assert(plan->root <= plan->id);
}

static void happen(struct sl_plan *plan, const uint8_t *chunk, sl_time now)
{
    struct sl_advert advert = advert_from(chunk);
    struct sl_address address = {.len = 1, .bytes = {chunk[16]}};
    uint32_t number = chunk[17] & 15, drop;
    bool known = false;
    for (size_t i = 0; i < plan->link_count; i++)
        known = known || plan->links[i].number == number;
    switch (chunk[18] & 7) {
    case 0:
    case 1:
        sl_plan_seen(plan, &advert, &address, (int8_t)chunk[18], now);
        break;
    case 2:
        if (!known && sl_plan_incoming(plan, &address, number, &drop, now) == 0 &&
            drop != SL_PLAN_NONE)
            sl_plan_closed(plan, drop, now);
        break;
    case 3:
        if (!known && plan->connecting)
            sl_plan_connected(plan, number, now);
        break;
    case 4:
        if (plan->connecting)
            sl_plan_failed(plan, now);
        break;
    case 5:
        sl_plan_announced(plan, number, &advert, now);
        break;
    case 6:
        sl_plan_proved(plan, number, now);
        break;
    default:
        sl_plan_closed(plan, number, now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sl_plan plan;
    struct sl_advert advert;
    sl_time now = 0;
    if (!primitives.hash)
        sl_fake_primitives(&primitives, 1);
    (void)sl_advert_decode(bytes, len, &primitives, key, &advert);
    sl_plan_init(&plan, (uint64_t)1 << 39, 0xc1, 1, now);
    for (size_t at = 0; at + CHUNK <= len; at += CHUNK) {
        advert = advert_from(bytes + at);
        try_sealed(&advert);
        happen(&plan, bytes + at, now);
        come_to_rest(&plan, now);
        now += (sl_time)bytes[at] * 100 * SL_MILLISECOND;
    }
    return 0;
}
