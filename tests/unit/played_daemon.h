/* A daemon that a test plays: one connection on a control socket, and a script of what has to be
 * asked and what is answered. */
#ifndef SL_UNIT_PLAYED_DAEMON_H
#define SL_UNIT_PLAYED_DAEMON_H

#include "base/base.h"

#include <pthread.h>

/* The request that has to come (some of its text), and the bytes that answer it. '@' stands for the
 * id of the request, '~' for a pause. */
struct sl_exchange {
    const char *expected;
    const char *answer;
};

/* There is one at a time. `done` and `requests` are what came so far. */
extern struct sl_played_daemon {
    char path[64];
    int listener;
    pthread_t thread;
    const struct sl_exchange *script;
    size_t count, done;
    char requests[16][512];
    bool one_byte_at_a_time; /* until the end of this script */
} sl_played;

/* Listens, and says where in $STARLING_SOCKET. */
void sl_played_begin(const struct sl_exchange *script, size_t count);
#define SL_PLAY(script) sl_played_begin((script), SL_ARRAY_LEN(script))

/* Asserts that all of the script was played. */
void sl_played_end(void);

#endif
