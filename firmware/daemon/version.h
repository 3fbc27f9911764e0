#ifndef SL_DAEMON_VERSION_H
#define SL_DAEMON_VERSION_H

#ifndef SL_VERSION
#define SL_VERSION "0.1.0"
#endif

#endif
