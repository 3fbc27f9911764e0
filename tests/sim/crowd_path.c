#include "sim/crowd_path.h"

#include "base/prng.h"

#include <math.h>
#include <stdlib.h>

#define LOSS_AT_1M_DB    40.0
#define SHADOW_SIGMA_MAX 3.0 /* beyond, a pair is what it is at three sigma */
#define FLOORS_B         0.46

void sl_path_outdoors(struct sl_path_config *config)
{
    *config = (struct sl_path_config){
        .exponent = 3.5,
        .shadow_db = 6,
        .asymmetry_db = 2,
        .fade_db = 3,
    };
}

void sl_path_indoors(struct sl_path_config *config)
{
    *config = (struct sl_path_config){
        .exponent = 2,
        .shadow_db = 4, /* what the walls do not explain */
        .asymmetry_db = 2,
        .fade_db = 3,
        .room_m = 5,
        .wall_db = 3.4,
        .floor_db = 18.3,
        .storey_m = 3,
    };
}

/* A normal deviate that belongs to these numbers (Box and Muller 1958). */
static double deviate(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t state = seed ^ (a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15);
    sl_splitmix64(&state);
    double u = ((double)(sl_splitmix64(&state) >> 11) + 1) * 0x1p-53;
    double v = (double)(sl_splitmix64(&state) >> 11) * 0x1p-53;
    double z = sqrt(-2 * log(u)) * cos(6.28318530717958648 * v);
    return fmax(-SHADOW_SIGMA_MAX, fmin(SHADOW_SIGMA_MAX, z));
}

static double walls_between(double room_m, double a, double b)
{
    return fabs(floor(a / room_m) - floor(b / room_m));
}

static double obstacles(const struct sl_path_config *config, const struct sl_path_place *a,
                        const struct sl_path_place *b)
{
    double loss = 0;
    if (config->room_m > 0)
        loss += config->wall_db * (walls_between(config->room_m, a->x, b->x) +
                                   walls_between(config->room_m, a->y, b->y));
    double floors = abs(a->floor - b->floor);
    if (floors > 0)
        loss += config->floor_db * pow(floors, (floors + 2) / (floors + 1) - FLOORS_B);
    return loss;
}

double sl_path_loss(const struct sl_path_config *config, int from, int to,
                    const struct sl_path_place *a, const struct sl_path_place *b)
{
    double height = config->storey_m * (a->floor - b->floor);
    double distance = fmax(1, sqrt(pow(a->x - b->x, 2) + pow(a->y - b->y, 2) + height * height));
    uint64_t low = (uint64_t)(from < to ? from : to), high = (uint64_t)(from < to ? to : from);
    return LOSS_AT_1M_DB + 10 * config->exponent * log10(distance) + obstacles(config, a, b) -
           config->shadow_db * deviate(config->seed, low, high) -
           config->asymmetry_db * deviate(config->seed ^ 0xa5, (uint64_t)from, (uint64_t)to);
}

double sl_path_reach(const struct sl_path_config *config, double loss_db)
{
    double best_db =
        loss_db - LOSS_AT_1M_DB + SHADOW_SIGMA_MAX * (config->shadow_db + config->asymmetry_db);
    return pow(10, best_db / (10 * config->exponent));
}

double sl_path_milliwatts(double dbm)
{
    return exp(dbm * 0.230258509299404568); /* ln(10) / 10 */
}

/* By bisection: the normal distribution has no inverse in the C library. */
static double normal_quantile(double share)
{
    double low = -6, high = 6;
    for (int i = 0; i < 40; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(-middle * 0.70710678118654752) < share)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void sl_path_fades(const struct sl_path_config *config, float ret_factors[SL_PATH_FADES])
{
    for (int i = 0; i < SL_PATH_FADES; i++)
        ret_factors[i] =
            (float)sl_path_milliwatts(config->fade_db * normal_quantile((i + 0.5) / SL_PATH_FADES));
}
