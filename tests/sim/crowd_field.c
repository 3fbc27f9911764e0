#include "sim/crowd_internal.h"

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
#define PACKED_M      8.0
#define FLOORS        4
#define VISIT_S       120.0 /* in a building, at each of two places, on average */
#define MOVES_EVERY   3     /* of them: the others sit where they are */
#define GATE_M        120.0 /* from the square: out of reach */
#define PRESENT_EVERY 3     /* of a gathering are there from the beginning */
#define LEAVES_EVERY  4
#define TAU           6.28318530717958648

/* Four numbers in [0, 1) that belong to a station for the whole run. */
static void habits(const struct sl_crowd *crowd, int station, double ret_habits[4])
{
    struct sl_prng prng;
    sl_prng_init(&prng, crowd->config.seed * 31 + (uint64_t)station + UINT64_C(0x9d7));
    for (int i = 0; i < 4; i++)
        ret_habits[i] = (double)(sl_prng_next(&prng) >> 11) * 0x1p-53;
}

static struct sl_path_place outdoors(double x, double y)
{
    return (struct sl_path_place){.x = x, .y = y};
}

static struct sl_path_place standing(const struct sl_crowd *crowd, const double h[4])
{
    return outdoors(h[0] * crowd->width_m, h[1] * crowd->height_m);
}

static struct sl_path_place marching(const struct sl_crowd *crowd, const double h[4], double t)
{
    double length = AREA_PER_NODE * crowd->config.node_count / COLUMN_M;
    double phase = h[2] * TAU, period = 60 + 120 * h[3];
    return outdoors(h[0] * length + WALK_M_S * t + DRIFT_M * sin(TAU * t / period + phase),
                    h[1] * COLUMN_M);
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

static struct sl_path_place two_squares(const struct sl_crowd *crowd, int station,
                                        const double h[4], double t)
{
    if (station == crowd->config.node_count - 1)
        return outdoors(courier_x(crowd, t), crowd->width_m / 2);
    double left = station % 2 == 0 ? 0 : crowd->width_m + GAP_M;
    return outdoors(left + h[0] * crowd->width_m, h[1] * crowd->width_m);
}

static struct sl_path_place on_ring(const struct sl_crowd *crowd, int station)
{
    double angle = TAU * station / crowd->config.node_count;
    double radius = SPACING_M / 2 / sin(TAU / 2 / crowd->config.node_count);
    return outdoors(radius * cos(angle), radius * sin(angle));
}

/* Two places each; who moves at all changes between them at a pace of its own. */
static struct sl_path_place in_building(const struct sl_crowd *crowd, int station,
                                        const double h[4], double t)
{
    double other[4];
    habits(crowd, station + crowd->config.node_count, other);
    bool there = station % MOVES_EVERY == 0 && fmod(t / VISIT_S * (0.5 + h[3]) + h[2], 2) >= 1;
    const double *at = there ? other : h;
    return (struct sl_path_place){at[0] * crowd->width_m, at[1] * crowd->height_m,
                                  (int)(at[2] * FLOORS)};
}

static double seconds_after(sl_time from, sl_time now)
{
    return now > from ? (double)(now - from) / (double)SL_SECOND : 0;
}

sl_time sl_crowd_comes_at(const struct sl_crowd *crowd, int station)
{
    double h[4];
    habits(crowd, station, h);
    if (station % PRESENT_EVERY == 0)
        return SL_CROWD_BEGIN;
    sl_time last = crowd->chat_at + (crowd->settle_at - crowd->chat_at) / 2;
    return SL_CROWD_BEGIN + (sl_time)(h[2] * (double)(last - SL_CROWD_BEGIN));
}

sl_time sl_crowd_leaves_at(const struct sl_crowd *crowd, int station)
{
    double h[4];
    habits(crowd, station, h);
    sl_time half = (crowd->settle_at - crowd->chat_at) / 2;
    bool leaves = crowd->config.field == SL_CROWD_GATHERING && station % LEAVES_EVERY == 1;
    return leaves ? crowd->chat_at + half + (sl_time)(h[3] * (double)half) : SL_NEVER;
}

/* From the gate straight to a place in the square; and back, some of them. */
static struct sl_path_place gathering(const struct sl_crowd *crowd, int station, const double h[4],
                                      double t)
{
    sl_time now = SL_CROWD_BEGIN + (sl_time)(t * (double)SL_SECOND);
    struct sl_path_place seat = standing(crowd, h);
    double dx = seat.x + GATE_M, dy = seat.y - crowd->height_m / 2, way = hypot(dx, dy);
    double walked = WALK_M_S * seconds_after(sl_crowd_comes_at(crowd, station), now);
    if (station % PRESENT_EVERY == 0)
        walked = way;
    double back = WALK_M_S * seconds_after(sl_crowd_leaves_at(crowd, station), now);
    double share = fmax(0, fmin(walked, way) - back) / way;
    return outdoors(dx * share - GATE_M, crowd->height_m / 2 + dy * share);
}

static struct sl_path_place place_of(const struct sl_crowd *crowd, int station, double t)
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
        return outdoors(SPACING_M * station, 0);
    case SL_CROWD_BUILDING:
        return in_building(crowd, station, h, t);
    case SL_CROWD_GATHERING:
        return gathering(crowd, station, h, t);
    case SL_CROWD_PACKED:
    case SL_CROWD_STANDING:
    case SL_CROWD_FIELDS:
        break;
    }
    return standing(crowd, h);
}

bool sl_crowd_on_second_side(const struct sl_crowd *crowd, int station)
{
    double h[4];
    enum sl_crowd_field field = crowd->config.field;
    if (field == SL_CROWD_RING || field == SL_CROWD_LINE || field == SL_CROWD_PACKED)
        return station >= crowd->config.node_count / 2;
    habits(crowd, station, h);
    return h[0] >= 0.5;
}

bool sl_crowd_moves(const struct sl_crowd *crowd)
{
    enum sl_crowd_field field = crowd->config.field;
    return field == SL_CROWD_MARCHING || field == SL_CROWD_COURIER || field == SL_CROWD_BUILDING ||
           field == SL_CROWD_GATHERING;
}

void sl_crowd_place(struct sl_crowd *crowd)
{
    double t = (double)(crowd->now - SL_CROWD_BEGIN) / (double)SL_SECOND;
    for (int i = 0; i < crowd->config.node_count; i++) {
        struct sl_path_place place = place_of(crowd, i, t);
        sl_air_place(crowd->air, i, place.x, place.y);
        sl_air_lift(crowd->air, i, place.floor);
    }
    sl_air_update(crowd->air);
    sl_crowd_bluetooth_move(crowd);
}

void sl_crowd_field_init(struct sl_crowd *crowd, struct sl_air_config *air)
{
    double nodes = crowd->config.node_count;
    if (crowd->config.field == SL_CROWD_COURIER)
        nodes /= 2;
    if (crowd->config.field == SL_CROWD_BUILDING)
        nodes /= FLOORS;
    crowd->width_m = crowd->height_m = sqrt(nodes * AREA_PER_NODE);
    if (crowd->config.field == SL_CROWD_STANDING && crowd->config.width_m > 0) {
        crowd->width_m = crowd->config.width_m;
        crowd->height_m = crowd->config.height_m;
    }
    if (crowd->config.field == SL_CROWD_PACKED)
        crowd->width_m = crowd->height_m = PACKED_M;
    if (crowd->config.field == SL_CROWD_BUILDING)
        sl_path_indoors(&air->path);
    if (crowd->config.field == SL_CROWD_RING || crowd->config.field == SL_CROWD_LINE) {
        air->path.shadow_db = 1;
        air->path.asymmetry_db = 0.5;
    }
}
