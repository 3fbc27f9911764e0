/* The yardstick: a bare forwarder, a process of its own at B's place. For each datagram from A it
 * does what no relay of signed and encrypted messages can leave out, and nothing else: one receive,
 * one AEAD open, one Ed25519 verify, one AEAD seal, one send to C. No store, no table of what it
 * has seen, no neighbours. A datagram that begins with BENCH_PING it sends on as it is. */
#ifndef BENCH_FORWARDER_H
#define BENCH_FORWARDER_H

#include "mesh/ports.h"

#include <sys/types.h>

#define BENCH_PING 0xff

struct bench_forwarder {
    pid_t pid;
    int from_fd;        /* A's socket, connected to the forwarder */
    int to_fd;          /* C's */
    uint8_t *datagrams; /* signed and sealed before any clock starts */
    size_t datagram_count, datagram_len;
    size_t next;
};

/* Datagrams carry `envelope_len` bytes, signature included. Stopped at exit. */
void bench_forwarder_start(struct bench_forwarder *forwarder, size_t envelope_len);

struct bench_forwarded {
    double rate;   /* a second */
    double micros; /* processor time of the forwarder for each */
};

/* Keeps `window` datagrams on the way for so long. Ends the program if one was lost. */
struct bench_forwarded bench_forwarder_run(struct bench_forwarder *forwarder, size_t window,
                                           sl_time duration);

#endif
