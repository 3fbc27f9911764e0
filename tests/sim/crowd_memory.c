#include "sim/crowd_memory.h"

#include <stddef.h>

static int64_t *in_charge;

int64_t *sl_memory_charge(int64_t *account)
{
    int64_t *before = in_charge;
    in_charge = account;
    return before;
}

int64_t *sl_memory_account(void)
{
    return in_charge;
}
