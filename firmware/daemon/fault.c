#include "daemon/fault.h"

#include "base/prng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MILLION 1000000

struct sl_fault {
    struct sl_fault_config config;
    uint64_t loss_ppm; /* each time a datagram passes */
    struct sl_prng prng;
    size_t first;
    size_t count;
    struct sl_fault_datagram queue[]; /* a ring; none without a delay */
};

struct sl_fault *sl_fault_new(const struct sl_fault_config *config)
{
    size_t cap = config->delay_ms > 0 ? SL_FAULT_QUEUE : 0;
    struct sl_fault *fault = malloc(sizeof(*fault) + cap * sizeof(fault->queue[0]));
    if (!fault)
        return NULL;
    fault->config = *config;
    /* It passes here when it is sent and at the other end when it is received. */
    fault->loss_ppm = (uint64_t)((1 - sqrt(1 - config->loss_permille / 1000.0)) * MILLION + 0.5);
    fault->first = 0;
    fault->count = 0;
    sl_prng_init(&fault->prng, config->seed);
    return fault;
}

void sl_fault_free(struct sl_fault *fault)
{
    free(fault);
}

bool sl_fault_loses(struct sl_fault *fault)
{
    return fault->loss_ppm > 0 && sl_prng_below(&fault->prng, MILLION) < fault->loss_ppm;
}

bool sl_fault_delays(const struct sl_fault *fault)
{
    return fault->config.delay_ms > 0;
}

void sl_fault_push(struct sl_fault *fault, int bearer, const struct sl_address *from,
                   const uint8_t *bytes, size_t len, sl_time now)
{
    if (!sl_fault_delays(fault) || fault->count == SL_FAULT_QUEUE || len > SL_DATAGRAM_MAX)
        return;
    struct sl_fault_datagram *datagram =
        &fault->queue[(fault->first + fault->count++) % SL_FAULT_QUEUE];
    datagram->due = now + fault->config.delay_ms * SL_MILLISECOND;
    datagram->bearer = bearer;
    datagram->from = *from;
    datagram->len = len;
    memcpy(datagram->bytes, bytes, len);
}

const struct sl_fault_datagram *sl_fault_pop(struct sl_fault *fault, sl_time now)
{
    if (fault->count == 0 || fault->queue[fault->first].due > now)
        return NULL;
    const struct sl_fault_datagram *datagram = &fault->queue[fault->first];
    fault->first = (fault->first + 1) % SL_FAULT_QUEUE;
    fault->count--;
    return datagram;
}

sl_time sl_fault_deadline(const struct sl_fault *fault)
{
    return fault->count > 0 ? fault->queue[fault->first].due : SL_NEVER;
}
