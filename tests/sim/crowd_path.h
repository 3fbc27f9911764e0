/* What a radio signal loses between two boards.
 *
 * Log-distance path loss with log-normal shadowing (Rappaport, Wireless Communications, 2nd ed.,
 * 4.9.1 and 4.9.2): loss(d) = loss(1 m) + 10 n log10(d) + X. At 2.4 GHz free space loses 40 dB in
 * the first metre (Friis). n = 3.5 is the upper end of his table 4.2 for urban areas (2.7 to 3.5):
 * boards hang at the height of bodies. X has a part that both directions of a pair share (6 dB),
 * a part that they do not (2 dB: antennas, receivers and transmitters differ; this makes one-way
 * links), and one that is new for each frame (3 dB: people move). The first two stay with a pair
 * while it walks.
 *
 * In a building: the multi-wall model of COST 231 (final report, 4.7.2). n = 2 (free space); each
 * light wall between the two takes 3.4 dB; k floors take 18.3 dB times k^((k + 2) / (k + 1) -
 * 0.46). Walls stand on a grid: rooms are squares. These are its values for 1.8 GHz, the nearest
 * that it gives. */
#ifndef SL_SIM_CROWD_PATH_H
#define SL_SIM_CROWD_PATH_H

#include "base/base.h"

struct sl_path_config {
    uint64_t seed;
    double exponent;
    double shadow_db;    /* shared by both directions of a pair */
    double asymmetry_db; /* of each direction alone */
    double fade_db;      /* of each frame at each receiver */
    double room_m;       /* side of a room; 0: no walls */
    double wall_db, floor_db, storey_m;
};

/* As above, outdoors. And as above, inside: rooms of 5 m, storeys of 3 m. */
void sl_path_outdoors(struct sl_path_config *config);
void sl_path_indoors(struct sl_path_config *config);

struct sl_path_place {
    double x, y; /* metres */
    int floor;
};

/* Decibels lost on the way from one station to another, on average over frames. */
double sl_path_loss(const struct sl_path_config *config, int from, int to,
                    const struct sl_path_place *a, const struct sl_path_place *b);

/* No pair farther apart than this loses less than `loss_db`. */
double sl_path_reach(const struct sl_path_config *config, double loss_db);

double sl_path_milliwatts(double dbm);

/* What fading makes of a frame's power: factors that are equally likely, drawn by 12 bits. */
#define SL_PATH_FADES 4096
void sl_path_fades(const struct sl_path_config *config, float ret_factors[SL_PATH_FADES]);

#endif
