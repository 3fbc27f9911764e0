/* Where the nodes of a benchmark live, as tests/bench/run made it: a folder with their bundles and
 * configurations NAME.conf (environment variable BENCH_LAB); with BENCH_NETNS=yes each in a network
 * namespace of its name, else on loopback. Links are interfaces called to-NEIGHBOUR. */
#ifndef BENCH_LAB_H
#define BENCH_LAB_H

#include "base/base.h"

#include <netinet/in.h>

/* "FOLDER/NODE.EXTENSION" in the lab; ret_path takes PATH_MAX. Ends the program with advice if
 * there is no lab. */
void bench_lab_path(const char *node, const char *extension, char *ret_path);
bool bench_lab_has_netns(void);

/* What is opened between the two belongs to that node's network namespace. No-ops on loopback. */
int bench_enter(const char *node);
void bench_leave(int before);

/* A UDP socket of that node, on a port of its own, and the address at which `neighbour` reaches it.
 */
int bench_lab_socket(const char *node);
struct sockaddr_in6 bench_lab_address(int fd, const char *node, const char *neighbour);

/* Bytes that passed that node's interface to the neighbour so far, in both directions, Ethernet
 * headers included. Only with network namespaces. */
uint64_t bench_lab_bytes(const char *node, const char *neighbour);

/* Removes a node's state, so that it starts empty. */
void bench_lab_wipe(const char *node);

#endif
