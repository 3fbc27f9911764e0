/* The daemon's log: standard error, with the priorities that systemd reads when it is connected to
 * the journal. Lines are about the node and its state. Never in them, at any level: what people
 * write, nicks, names of nodes, keys, addresses of others, paths (they hold names). */
#ifndef SL_DAEMON_LOG_H
#define SL_DAEMON_LOG_H

#include <syslog.h>

/* LOG_ERR to LOG_DEBUG; what is less urgent is left out. */
void sl_log_set_level(int level);

/* One line. More than 60 lines at once, and 2 a second after that, are counted instead. */
__attribute__((format(printf, 2, 3))) void sl_log(int priority, const char *format, ...);

#endif
