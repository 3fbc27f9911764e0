/* A bad radio, for tests and demonstrations: loses and delays datagrams between the node and its
 * bearers ([test] in the configuration). The same seed loses the same ones. */
#ifndef SL_DAEMON_FAULT_H
#define SL_DAEMON_FAULT_H

#include "mesh/node.h"

#define SL_FAULT_QUEUE 1024 /* datagrams on their way; what is beyond is lost */

struct sl_fault_config {
    uint32_t loss_permille; /* of what is received */
    uint32_t delay_ms;      /* of what is received */
    uint64_t seed;
};

struct sl_fault; /* opaque */

/* A datagram on its way in. */
struct sl_fault_datagram {
    sl_time due;
    int bearer;
    struct sl_address from;
    size_t len;
    uint8_t bytes[SL_DATAGRAM_MAX];
};

/* NULL if out of memory. */
struct sl_fault *sl_fault_new(const struct sl_fault_config *config);
void sl_fault_free(struct sl_fault *fault);

/* Whether the next datagram is lost. */
bool sl_fault_loses(struct sl_fault *fault);

/* Whether datagrams are delayed, and so go through the queue. */
bool sl_fault_delays(const struct sl_fault *fault);
void sl_fault_push(struct sl_fault *fault, int bearer, const struct sl_address *from,
                   const uint8_t *bytes, size_t len, sl_time now);
/* The next one that is due, or NULL; borrowed until the next call. */
const struct sl_fault_datagram *sl_fault_pop(struct sl_fault *fault, sl_time now);
sl_time sl_fault_deadline(const struct sl_fault *fault);

#endif
