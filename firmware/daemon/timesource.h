/* How far the system's own clock can be trusted, as a source of the mesh clock. */
#ifndef SL_DAEMON_TIMESOURCE_H
#define SL_DAEMON_TIMESOURCE_H

#include "mesh/clock.h"

enum sl_clock_trust {
    SL_CLOCK_TRUST_AUTO,    /* as the kernel says */
    SL_CLOCK_TRUST_TRUSTED, /* the operator vouches for it: as good as NTP */
    SL_CLOCK_TRUST_IGNORED, /* never asked: the mesh alone gives the time */
};

/* What is known of the system's clock. */
struct sl_clock_facts {
    int64_t unix_us;
    bool synchronised;  /* the kernel's discipline says so (adjtimex) */
    int64_t rtc_unix;   /* seconds that a hardware clock shows; 0 if there is none */
    int64_t not_before; /* seconds; an earlier date is impossible: the certificate's start */
};

/* Asks the kernel; not_before is the caller's. */
void sl_clock_facts_read(struct sl_clock_facts *ret_facts, int64_t not_before);

/* NTP if it is synchronised. RTC if system and hardware clock both show a possible date. STORED for
 * a possible date without a hardware clock behind it: boards keep the time of their last shutdown
 * in a file, so it is not too late, but may be hours too early, and neighbours know better. Else
 * UNSET. */
enum sl_clock_source sl_clock_judge(const struct sl_clock_facts *facts, enum sl_clock_trust trust);

#endif
