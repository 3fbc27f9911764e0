/* The one capability that starlingd is started with, CAP_NET_ADMIN, to set up radios. */
#ifndef SL_DAEMON_PRIVILEGES_H
#define SL_DAEMON_PRIVILEGES_H

/* Gives it up for good, in every set (capabilities(7)). 0 or -errno. */
int sl_privileges_drop(void);

#endif
