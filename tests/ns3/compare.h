/* One scene of broadcasts, given to our radio and to that of ns-3. */
#ifndef SL_NS3_COMPARE_H
#define SL_NS3_COMPARE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ns3_send {
    int64_t at_us;
    int from;
};

struct ns3_scene {
    int station_count;
    const double *loss_db; /* [from * station_count + to] */
    double power_dbm;      /* of every sender */
    const struct ns3_send *sends;
    size_t send_count;
    size_t payload_len; /* of each frame, behind its LLC header */
    uint32_t seed;
};

/* Lets everyone send with IEEE 802.11a, OFDM at 6 Mbit/s, in the ad hoc mode of ns-3, and adds to
 * received[from * station_count + to] each frame that arrived. */
void ns3_broadcast(const struct ns3_scene *scene, uint32_t *received);

#ifdef __cplusplus
}
#endif

#endif
