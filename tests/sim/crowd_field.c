#include "sim/crowd_inside.h"

#include <math.h>

/* Square metres a node, so that one in the middle has some 20 others within reach: with n = 3.5 a
 * frame of 15 dBm is at -82 dBm + margin after 38 m, and shadowing makes the reach uneven. */
#define AREA_PER_NODE 230.0
#define COLUMN_M      40.0
#define WALK_M_S      1.4
#define DRIFT_M       20.0
#define SPACING_M     25.0
#define GAP_M         250.0
#define STAY_S        45.0
/* The paths across it have 18 dB to spare, near three times what chance takes off them. */
#define PACKED_M 8.0
#define TAU      6.28318530717958648

struct place {
    double x, y;
};

/* Four numbers in [0, 1) that belong to a station for the whole run. */
static void habits(const struct sl_crowd *crowd, int station, double ret_habits[4])
{
    struct sl_prng prng;
    sl_prng_init(&prng, crowd->config.seed * 31 + (uint64_t)station + UINT64_C(0x9d7));
    for (int i = 0; i < 4; i++)
        ret_habits[i] = (double)(sl_prng_next(&prng) >> 11) * 0x1p-53;
}

static struct place standing(const struct sl_crowd *crowd, const double h[4])
{
    return (struct place){h[0] * crowd->width_m, h[1] * crowd->height_m};
}

static struct place marching(const struct sl_crowd *crowd, const double h[4], double t)
{
    double length = AREA_PER_NODE * crowd->config.node_count / COLUMN_M;
    double phase = h[2] * TAU, period = 60 + 120 * h[3];
    return (struct place){
        h[0] * length + WALK_M_S * t + DRIFT_M * sin(TAU * t / period + phase),
        h[1] * COLUMN_M,
    };
}

/* Stays in the middle of the first square, walks, stays in the middle of the second, walks back. */
static double courier_x(const struct sl_crowd *crowd, double t)
{
    double way = crowd->width_m + GAP_M, walk = way / WALK_M_S;
    double phase = fmod(t, 2 * (STAY_S + walk));
    if (phase < STAY_S)
        return crowd->width_m / 2;
    if (phase < STAY_S + walk)
        return crowd->width_m / 2 + (phase - STAY_S) * WALK_M_S;
    if (phase < 2 * STAY_S + walk)
        return crowd->width_m / 2 + way;
    return crowd->width_m / 2 + way - (phase - 2 * STAY_S - walk) * WALK_M_S;
}

static struct place two_squares(const struct sl_crowd *crowd, int station, const double h[4],
                                double t)
{
    if (station == crowd->config.node_count - 1)
        return (struct place){courier_x(crowd, t), crowd->width_m / 2};
    double left = station % 2 == 0 ? 0 : crowd->width_m + GAP_M;
    return (struct place){left + h[0] * crowd->width_m, h[1] * crowd->width_m};
}

static struct place on_ring(const struct sl_crowd *crowd, int station)
{
    double angle = TAU * station / crowd->config.node_count;
    double radius = SPACING_M / 2 / sin(TAU / 2 / crowd->config.node_count);
    return (struct place){radius * cos(angle), radius * sin(angle)};
}

static struct place place_of(const struct sl_crowd *crowd, int station, double t)
{
    double h[4];
    habits(crowd, station, h);
    switch (crowd->config.field) {
    case SL_CROWD_MARCHING:
        return marching(crowd, h, t);
    case SL_CROWD_COURIER:
        return two_squares(crowd, station, h, t);
    case SL_CROWD_RING:
        return on_ring(crowd, station);
    case SL_CROWD_LINE:
        return (struct place){SPACING_M * station, 0};
    case SL_CROWD_PACKED:
    case SL_CROWD_STANDING:
    case SL_CROWD_FIELDS:
        break;
    }
    return standing(crowd, h);
}

bool sl_crowd_moves(const struct sl_crowd *crowd)
{
    return crowd->config.field == SL_CROWD_MARCHING || crowd->config.field == SL_CROWD_COURIER;
}

void sl_crowd_place(struct sl_crowd *crowd)
{
    double t = (double)(crowd->now - SL_CROWD_BEGIN) / (double)SL_SECOND;
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct place place = place_of(crowd, i, t);
        sl_air_place(crowd->air, i, place.x, place.y);
    }
    sl_air_update(crowd->air);
}

void sl_crowd_field_init(struct sl_crowd *crowd, struct sl_air_config *air)
{
    double nodes = crowd->config.node_count;
    if (crowd->config.field == SL_CROWD_COURIER)
        nodes /= 2;
    crowd->width_m = crowd->height_m = sqrt(nodes * AREA_PER_NODE);
    if (crowd->config.field == SL_CROWD_STANDING && crowd->config.width_m > 0) {
        crowd->width_m = crowd->config.width_m;
        crowd->height_m = crowd->config.height_m;
    }
    if (crowd->config.field == SL_CROWD_RING || crowd->config.field == SL_CROWD_LINE) {
        air->path.shadow_db = 1;
        air->path.asymmetry_db = 0.5;
    }
}
