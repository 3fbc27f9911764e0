/* What to do with one radio, as a state machine without a kernel: what is seen and a time go in,
 * the next request and a deadline come out.
 *
 * It keeps no idea of its own of what state the radio is in. Each step compares what is seen with
 * what is wanted and asks for the first thing that differs; so an event that was lost, a driver
 * that was reset, or a stranger who changed the channel need no case of their own: the next look
 * puts it right.
 *
 *     unblock, country, create, [leave, down,] type, MAC, address, up, join
 *
 * A radio is used in the first way that its driver can do: ad hoc, 802.11s with the kernel's
 * forwarding off, or the connection that exists already. Given back as it was found. */
#ifndef SL_BEARERS_WIFI_PLAN_H
#define SL_BEARERS_WIFI_PLAN_H

#include "bearers/wifi_message.h"

enum sl_wifi_enabled {
    SL_WIFI_AUTO, /* radios that nobody uses */
    SL_WIFI_YES,  /* also those that are in use */
    SL_WIFI_NO,
};

enum sl_wifi_mode {
    SL_WIFI_MODE_AUTO,
    SL_WIFI_MODE_ADHOC,
    SL_WIFI_MODE_MESH,
    SL_WIFI_MODE_EXISTING, /* connections of others carry datagrams; the radio is left alone */
};

/* What the configuration says about all radios. */
struct sl_wifi_wish {
    enum sl_wifi_enabled enabled;
    enum sl_wifi_mode mode;
    char country[3]; /* two letters; empty: as it is */
    struct sl_wifi_cell cell;
};

/* What is seen of one radio. */
struct sl_wifi_seen {
    const struct sl_wifi_phy *phy;
    const struct sl_wifi_interface *interface; /* the one to use; NULL: there is none */
    bool named;                                /* the configuration's patterns take it */
    bool shared;                               /* another interface of the same radio is up */
    bool soft_blocked, hard_blocked;           /* rfkill */
    const char *country;                       /* "00": not set */
};

enum sl_wifi_state {
    SL_WIFI_STARTING,
    SL_WIFI_JOINED,
    SL_WIFI_EXISTING,     /* carried by what is there */
    SL_WIFI_JOINING,      /* asked, and waiting for the kernel */
    SL_WIFI_OFF,          /* the configuration says no */
    SL_WIFI_HARD_BLOCKED, /* by a switch */
    SL_WIFI_SOFT_BLOCKED, /* and we may not change that */
    SL_WIFI_IN_USE,       /* somebody else's, and enabled is auto */
    SL_WIFI_NO_MODE,      /* the driver can do nothing that helps */
    SL_WIFI_NO_CHANNEL,   /* the country forbids to begin there, or the radio lacks it */
    SL_WIFI_NOT_ALLOWED,  /* CAP_NET_ADMIN is missing */
    SL_WIFI_BUSY,         /* the radio is held by another interface of it */
    SL_WIFI_FAILED,       /* see error */
    SL_WIFI_STATE_COUNT
};

/* How an interface was when it was taken. */
struct sl_wifi_found {
    uint32_t interface; /* 0: nothing was taken */
    enum nl80211_iftype type;
    uint8_t mac[SL_MAC_LEN];
    bool up;
    bool created; /* there was none */
};

struct sl_wifi_plan {
    uint8_t mac[SL_MAC_LEN];  /* the random one of this run */
    enum nl80211_iftype type; /* what it is, or will be, joined as */
    enum sl_wifi_state state;
    int error;              /* -errno of the last request that failed */
    enum sl_wifi_do failed; /* that request */
    struct sl_wifi_found found;
    /* What this driver turned out not to do. */
    uint32_t refused_types; /* bit mask */
    bool keeps_mac, keeps_bssid, keeps_rate;
    bool unblock_failed, address_failed;
    sl_time country_at; /* when the country was asked for; SL_NEVER: not */
    sl_time join_at;    /* when joining was asked for; SL_NEVER: not */
    sl_time running_at; /* since when it is joined; SL_NEVER: it is not */
    sl_time wait_until; /* nothing before that */
    sl_time tried_at;   /* last request */
    unsigned failures;  /* in a row */
};

/* Whether somebody set it up: it is up, and not just a cell that was left. SL_WIFI_AUTO leaves it.
 */
bool sl_wifi_in_use(const struct sl_wifi_interface *interface);

/* `mac` is copied: locally administered, not multicast. */
void sl_wifi_plan_init(struct sl_wifi_plan *plan, const uint8_t mac[SL_MAC_LEN]);

/* The interface was taken by an earlier run that could not give it back. */
void sl_wifi_plan_resume(struct sl_wifi_plan *plan, const struct sl_wifi_found *found);

/* The next request; SL_WIFI_DO_NOTHING if there is nothing to do before the deadline. */
void sl_wifi_plan_next(struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                       const struct sl_wifi_seen *seen, sl_time now,
                       struct sl_wifi_request *ret_request);

/* What came of it: 0 or -errno. Look again before the next call. */
void sl_wifi_plan_done(struct sl_wifi_plan *plan, const struct sl_wifi_request *request, int error,
                       sl_time now);

/* Something happened to the radio: what failed may work now. */
void sl_wifi_plan_hurry(struct sl_wifi_plan *plan);

/* When to look again without an event; SL_NEVER. */
sl_time sl_wifi_plan_deadline(const struct sl_wifi_plan *plan);

/* The next request on the way back to how it was found. */
void sl_wifi_plan_restore(const struct sl_wifi_plan *plan,
                          const struct sl_wifi_interface *interface,
                          struct sl_wifi_request *ret_request);

#endif
