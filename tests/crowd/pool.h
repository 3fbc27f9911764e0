/* Runs in processes of their own, several at a time; what they print comes out in their order. A
 * run that dies counts as failed, and says of what. */
#ifndef SL_CROWD_POOL_H
#define SL_CROWD_POOL_H

#include <stddef.h>

struct pool_job {
    int (*run)(void *arg, size_t number); /* how many of its checks failed */
    void *arg;
    size_t count;
    double seconds; /* none is begun later than that; 0: all are run */
};

/* The sum of what failed. `workers`: 0 is one for each processor. Aborts if there are no processes
 * or temporary files to be had. */
int pool_run(const struct pool_job *job, unsigned workers);

/* Zeroed memory that the runs and their parent share. Never freed. */
void *pool_share(size_t len);

#endif
