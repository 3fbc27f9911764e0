/* Who could have got a message: the links of a field as it moves, and what follows from them. */
#ifndef SL_SIM_CROWD_REACH_H
#define SL_SIM_CROWD_REACH_H

#include "sim/crowd_air.h"

#define SL_REACH_NEVER 255 /* hops to a station that is not connected */

struct sl_reach;

struct sl_reach *sl_reach_new(int station_count);
void sl_reach_free(struct sl_reach *reach);

/* Looks at the field. Two stations count as linked if each reaches the other, now and at the time
 * of the snapshot before (but for the first). */
void sl_reach_snapshot(struct sl_reach *reach, const struct sl_air *air);
/* The same over whatever else connects them: `reached` puts those that `from` reaches into
 * ret_stations, and gives their number. */
typedef size_t (*sl_reach_of)(const void *arg, int from, int *ret_stations);
void sl_reach_look(struct sl_reach *reach, sl_reach_of reached, const void *arg);

/* Hops from a station to each, at most SL_REACH_NEVER - 1 of them. */
void sl_reach_hops(struct sl_reach *reach, int from, uint8_t *ret_hops);

/* So many must send, that one included, for all connected to it to have it, each sending to all its
 * neighbours: what whoever knows the whole field and chooses greedily would need. The fewest
 * possible are hard to find; these are at most 2 + ln(most neighbours) times as many (Guha and
 * Khuller, "Approximation Algorithms for Connected Dominating Sets", Algorithmica 1998, 3). */
size_t sl_reach_least(struct sl_reach *reach, int from);

/* Adds to the holders everyone connected to one of them. One flag a station. */
void sl_reach_expand(struct sl_reach *reach, bool *holders);

/* Those linked with a station, borrowed until the next snapshot; their number. */
size_t sl_reach_neighbours(const struct sl_reach *reach, int station, const int **ret_neighbours);

/* The component of a station: the same number for all that are connected. */
int sl_reach_component(const struct sl_reach *reach, int station);

/* Links of a station that is on, on average; and whether all that are on are connected. */
double sl_reach_mean_degree(const struct sl_reach *reach);
bool sl_reach_is_connected(const struct sl_reach *reach);

#endif
