#include "bearers/wifi_plan.h"

#include <errno.h>
#include <string.h>

enum {
    COUNTRY_PATIENCE = 2 * SL_SECOND, /* the kernel may have to load the rules of a country */
    COUNTRY_AGAIN = 5 * SL_MINUTE,
    JOIN_PATIENCE = 15 * SL_SECOND, /* a scan of all channels, and again */
    REJOIN = SL_SECOND,             /* after the cell was left: not more often than this */
    ADDRESS_PATIENCE = 3 * SL_SECOND,
    RETRY_FIRST = SL_SECOND,
    RETRY_MAX = SL_MINUTE,
};

void sl_wifi_plan_init(struct sl_wifi_plan *plan, const uint8_t mac[SL_MAC_LEN])
{
    *plan = (struct sl_wifi_plan){
        .type = NL80211_IFTYPE_UNSPECIFIED,
        .country_at = SL_NEVER,
        .join_at = SL_NEVER,
        .running_at = SL_NEVER,
        .tried_at = -SL_DAY,
    };
    memcpy(plan->mac, mac, SL_MAC_LEN);
}

void sl_wifi_plan_resume(struct sl_wifi_plan *plan, const struct sl_wifi_found *found)
{
    plan->found = *found;
}

sl_time sl_wifi_plan_deadline(const struct sl_wifi_plan *plan)
{
    return plan->wait_until;
}

void sl_wifi_plan_hurry(struct sl_wifi_plan *plan)
{
    plan->failures = plan->failures > 0 ? 1 : 0;
    plan->unblock_failed = false;
    plan->wait_until = sl_min_time(plan->wait_until, plan->tried_at + RETRY_FIRST);
}

/* ---- May it be used, and how ---- */

static bool can_be(const struct sl_wifi_plan *plan, const struct sl_wifi_phy *phy,
                   enum nl80211_iftype type)
{
    return (phy->types & ~plan->refused_types & SL_WIFI_BIT(type)) != 0;
}

/* NL80211_IFTYPE_UNSPECIFIED: as it is. */
static enum nl80211_iftype choose_type(const struct sl_wifi_plan *plan, enum sl_wifi_mode mode,
                                       const struct sl_wifi_phy *phy)
{
    bool any = mode == SL_WIFI_MODE_AUTO;
    if ((any || mode == SL_WIFI_MODE_ADHOC) && phy->joins_cells &&
        can_be(plan, phy, NL80211_IFTYPE_ADHOC))
        return NL80211_IFTYPE_ADHOC;
    if ((any || mode == SL_WIFI_MODE_MESH) && phy->joins_meshes &&
        can_be(plan, phy, NL80211_IFTYPE_MESH_POINT))
        return NL80211_IFTYPE_MESH_POINT;
    return NL80211_IFTYPE_UNSPECIFIED;
}

static bool is_cell(const struct sl_wifi_interface *interface, const struct sl_wifi_cell *cell)
{
    return interface->ssid_len == cell->ssid_len &&
           memcmp(interface->ssid, cell->ssid, cell->ssid_len) == 0 &&
           (interface->mhz == 0 || interface->mhz == cell->mhz);
}

static bool taken(const struct sl_wifi_plan *plan, const struct sl_wifi_interface *interface)
{
    return interface && plan->found.interface == interface->index;
}

bool sl_wifi_in_use(const struct sl_wifi_interface *interface)
{
    return interface->holder[0] != '\0' || interface->running || interface->ssid_len > 0 ||
           (interface->up && interface->type != NL80211_IFTYPE_ADHOC &&
            interface->type != NL80211_IFTYPE_MESH_POINT);
}

/* What is there already serves; somebody may have made this very cell by hand. */
static bool carries(const struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                    const struct sl_wifi_interface *interface)
{
    return interface && interface->running && !taken(plan, interface) &&
           (wish->enabled == SL_WIFI_AUTO || wish->mode == SL_WIFI_MODE_EXISTING ||
            (interface->type == NL80211_IFTYPE_ADHOC && is_cell(interface, &wish->cell)));
}

static bool may_start(const struct sl_wifi_phy *phy, uint32_t mhz)
{
    for (size_t i = 0; i < phy->channel_count; i++)
        if (phy->channels[i].mhz == mhz)
            return !phy->channels[i].disabled && !phy->channels[i].no_start;
    return false;
}

/* SL_WIFI_STARTING if it may be used; else why not. */
static enum sl_wifi_state judge(struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                                const struct sl_wifi_seen *seen)
{
    const struct sl_wifi_interface *interface = seen->interface;
    if (wish->enabled == SL_WIFI_NO || !seen->named)
        return SL_WIFI_OFF;
    if (carries(plan, wish, interface))
        return SL_WIFI_EXISTING;
    if (wish->enabled == SL_WIFI_AUTO && !taken(plan, interface) &&
        (seen->shared || (interface && sl_wifi_in_use(interface))))
        return SL_WIFI_IN_USE;
    if (seen->hard_blocked)
        return SL_WIFI_HARD_BLOCKED;
    plan->type = choose_type(plan, wish->mode, seen->phy);
    if (plan->type == NL80211_IFTYPE_UNSPECIFIED)
        return SL_WIFI_NO_MODE;
    return SL_WIFI_STARTING;
}

/* ---- The steps, each NOTHING if there is nothing to do ---- */

static bool country_differs(const struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                            const struct sl_wifi_seen *seen, sl_time now)
{
    return wish->country[0] != '\0' && strcmp(wish->country, seen->country) != 0 &&
           (plan->country_at == SL_NEVER || now - plan->country_at >= COUNTRY_AGAIN);
}

/* Type and MAC can be changed only while the interface is down, and that only when it has left. The
 * address is there before the kernel makes the same one and keeps it back for up to two seconds to
 * see whether somebody has it (RFC 4862, 5.4): it is random, as the MAC is. */
static enum sl_wifi_do make_ready(struct sl_wifi_plan *plan,
                                  const struct sl_wifi_interface *interface)
{
    bool type_differs = interface->type != plan->type;
    bool mac_differs =
        !plan->keeps_mac && memcmp(interface->mac, plan->mac, sizeof(plan->mac)) != 0;
    if ((type_differs || mac_differs) && interface->up)
        return SL_WIFI_DO_DOWN;
    if (type_differs)
        return SL_WIFI_DO_SET_TYPE;
    if (mac_differs)
        return SL_WIFI_DO_SET_MAC;
    if (interface->up)
        return SL_WIFI_DO_NOTHING;
    return interface->has_link_local || plan->address_failed ? SL_WIFI_DO_UP
                                                             : SL_WIFI_DO_ADD_ADDRESS;
}

static void wait_for(struct sl_wifi_plan *plan, sl_time at)
{
    plan->wait_until = at;
}

/* Where it is joined, or about to be, is not where it should be. The kernel tells no mesh's id. */
static bool elsewhere(const struct sl_wifi_interface *interface, const struct sl_wifi_cell *cell)
{
    bool tells = interface->type == NL80211_IFTYPE_ADHOC;
    if (tells && interface->ssid_len > 0)
        return !is_cell(interface, cell);
    return interface->running && interface->mhz != 0 && interface->mhz != cell->mhz;
}

static enum sl_wifi_do join(struct sl_wifi_plan *plan, const struct sl_wifi_interface *interface,
                            const struct sl_wifi_cell *cell, sl_time now)
{
    if (elsewhere(interface, cell))
        return SL_WIFI_DO_LEAVE;
    if (interface->running)
        return SL_WIFI_DO_NOTHING;
    plan->state = SL_WIFI_JOINING;
    sl_time since = plan->join_at == SL_NEVER ? SL_NEVER : now - plan->join_at;
    bool trying = interface->ssid_len > 0;
    sl_time patience = trying ? JOIN_PATIENCE : REJOIN;
    if (since < patience) {
        wait_for(plan, plan->join_at + patience);
        return SL_WIFI_DO_NOTHING;
    }
    return trying ? SL_WIFI_DO_LEAVE : SL_WIFI_DO_JOIN;
}

static enum sl_wifi_do stay(struct sl_wifi_plan *plan, const struct sl_wifi_interface *interface,
                            sl_time now)
{
    if (plan->running_at == SL_NEVER)
        plan->running_at = now;
    plan->state = SL_WIFI_JOINED;
    plan->failures = 0;
    if (interface->has_link_local || plan->address_failed)
        return SL_WIFI_DO_NOTHING;
    if (now - plan->running_at >= ADDRESS_PATIENCE)
        return SL_WIFI_DO_ADD_ADDRESS;
    wait_for(plan, plan->running_at + ADDRESS_PATIENCE);
    return SL_WIFI_DO_NOTHING;
}

static enum sl_wifi_do set_up(struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                              const struct sl_wifi_seen *seen, sl_time now)
{
    const struct sl_wifi_interface *interface = seen->interface;
    if (!interface)
        return SL_WIFI_DO_CREATE;
    enum sl_wifi_do what = make_ready(plan, interface);
    if (what != SL_WIFI_DO_NOTHING)
        return what;
    if (!may_start(seen->phy, wish->cell.mhz) && !interface->running) {
        plan->state = SL_WIFI_NO_CHANNEL;
        return SL_WIFI_DO_NOTHING;
    }
    what = join(plan, interface, &wish->cell, now);
    if (!interface->running)
        plan->running_at = SL_NEVER;
    return what == SL_WIFI_DO_NOTHING && interface->running ? stay(plan, interface, now) : what;
}

static enum sl_wifi_do decide(struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                              const struct sl_wifi_seen *seen, sl_time now)
{
    plan->wait_until = SL_NEVER;
    plan->state = judge(plan, wish, seen);
    if (plan->state != SL_WIFI_STARTING)
        return SL_WIFI_DO_NOTHING;
    if (seen->soft_blocked) {
        plan->state = SL_WIFI_SOFT_BLOCKED;
        return plan->unblock_failed ? SL_WIFI_DO_NOTHING : SL_WIFI_DO_UNBLOCK;
    }
    if (country_differs(plan, wish, seen, now))
        return SL_WIFI_DO_SET_COUNTRY;
    if (plan->country_at != SL_NEVER && now - plan->country_at < COUNTRY_PATIENCE &&
        strcmp(wish->country, seen->country) != 0) {
        wait_for(plan, plan->country_at + COUNTRY_PATIENCE);
        return SL_WIFI_DO_NOTHING;
    }
    return set_up(plan, wish, seen, now);
}

static void remember_found(struct sl_wifi_plan *plan, const struct sl_wifi_interface *interface,
                           enum sl_wifi_do what)
{
    bool changes = what != SL_WIFI_DO_NOTHING && what != SL_WIFI_DO_UNBLOCK &&
                   what != SL_WIFI_DO_SET_COUNTRY && what != SL_WIFI_DO_CREATE;
    if (!changes || !interface || taken(plan, interface))
        return;
    plan->found =
        (struct sl_wifi_found){.interface = interface->index,
                               .type = interface->type,
                               .up = interface->up,
                               .created = plan->found.created && plan->found.interface == 0};
    memcpy(plan->found.mac, interface->mac, SL_MAC_LEN);
}

void sl_wifi_plan_next(struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                       const struct sl_wifi_seen *seen, sl_time now,
                       struct sl_wifi_request *ret_request)
{
    *ret_request = (struct sl_wifi_request){.phy = seen->phy->index};
    if (plan->wait_until > now && plan->failures > 0)
        return;
    enum sl_wifi_do what = decide(plan, wish, seen, now);
    remember_found(plan, seen->interface, what);
    ret_request->what = what;
    ret_request->interface = seen->interface ? seen->interface->index : 0;
    ret_request->type = plan->type;
    memcpy(ret_request->mac, plan->mac, SL_MAC_LEN);
    memcpy(ret_request->country, wish->country, sizeof(wish->country));
    ret_request->cell = wish->cell;
    ret_request->cell.fixed_bssid = wish->cell.fixed_bssid && !plan->keeps_bssid;
    if (plan->keeps_rate)
        ret_request->cell.multicast_100kbps = 0;
    /* The address has to fit the MAC that the interface has. */
    if (what == SL_WIFI_DO_ADD_ADDRESS)
        memcpy(ret_request->mac, seen->interface->mac, SL_MAC_LEN);
    /* Leaving is done as what it is. */
    if (what == SL_WIFI_DO_LEAVE)
        ret_request->type = seen->interface->type;
}

/* ---- What came of it ---- */

static void done_well(struct sl_wifi_plan *plan, enum sl_wifi_do what, sl_time now)
{
    plan->wait_until = now;
    if (what == SL_WIFI_DO_SET_COUNTRY)
        plan->country_at = now;
    else if (what == SL_WIFI_DO_JOIN)
        plan->join_at = now;
    else if (what == SL_WIFI_DO_CREATE)
        plan->found.created = true;
}

/* A driver that cannot do a part of it can perhaps do the rest. True if that is to be tried. */
static bool do_without(struct sl_wifi_plan *plan, const struct sl_wifi_request *request, int error)
{
    bool unable = error == -EOPNOTSUPP || error == -EINVAL;
    if (request->what == SL_WIFI_DO_SET_MAC && error != -EPERM && error != -ENODEV) {
        plan->keeps_mac = true;
    } else if (request->what == SL_WIFI_DO_ADD_ADDRESS && error != -EPERM && error != -ENODEV) {
        plan->address_failed = true; /* the kernel may still make one */
    } else if (request->what == SL_WIFI_DO_JOIN && unable && request->cell.multicast_100kbps > 0) {
        plan->keeps_rate = true;
    } else if (request->what == SL_WIFI_DO_JOIN && unable && request->cell.fixed_bssid) {
        plan->keeps_bssid = true;
    } else if ((request->what == SL_WIFI_DO_JOIN || request->what == SL_WIFI_DO_SET_TYPE) &&
               unable) {
        plan->refused_types |= SL_WIFI_BIT(request->type);
    } else {
        return false;
    }
    return true;
}

static enum sl_wifi_state state_for(int error)
{
    switch (error) {
    case -EPERM:
    case -EACCES:
        return SL_WIFI_NOT_ALLOWED;
    case -EBUSY:
        return SL_WIFI_BUSY;
    case -ERFKILL:
        return SL_WIFI_SOFT_BLOCKED;
    default:
        return SL_WIFI_FAILED;
    }
}

void sl_wifi_plan_done(struct sl_wifi_plan *plan, const struct sl_wifi_request *request, int error,
                       sl_time now)
{
    plan->tried_at = now;
    if (error == 0) {
        done_well(plan, request->what, now);
        return;
    }
    plan->error = error;
    plan->failed = request->what;
    if (do_without(plan, request, error)) {
        plan->wait_until = now;
        return;
    }
    if (request->what == SL_WIFI_DO_UNBLOCK)
        plan->unblock_failed = true;
    /* The country is better than nothing, and nothing is better than no link. */
    if (request->what == SL_WIFI_DO_SET_COUNTRY)
        plan->country_at = now - COUNTRY_PATIENCE;
    /* It had left by itself. */
    if (request->what == SL_WIFI_DO_LEAVE)
        plan->join_at = SL_NEVER;
    plan->state = request->what == SL_WIFI_DO_UNBLOCK ? SL_WIFI_SOFT_BLOCKED : state_for(error);
    unsigned doublings = plan->failures < 6 ? plan->failures : 6;
    plan->failures++;
    plan->wait_until = now + sl_min_time((sl_time)RETRY_FIRST << doublings, RETRY_MAX);
}

/* ---- The way back ---- */

void sl_wifi_plan_restore(const struct sl_wifi_plan *plan,
                          const struct sl_wifi_interface *interface,
                          struct sl_wifi_request *ret_request)
{
    const struct sl_wifi_found *found = &plan->found;
    *ret_request = (struct sl_wifi_request){.what = SL_WIFI_DO_NOTHING};
    if (!taken(plan, interface))
        return;
    *ret_request = (struct sl_wifi_request){
        .phy = interface->phy, .interface = interface->index, .type = found->type};
    memcpy(ret_request->mac, found->mac, SL_MAC_LEN);
    bool type_differs = interface->type != found->type;
    bool mac_differs = !plan->keeps_mac && memcmp(interface->mac, found->mac, SL_MAC_LEN) != 0;
    if (found->created)
        ret_request->what = SL_WIFI_DO_DELETE;
    else if ((type_differs || mac_differs || !found->up) && interface->up)
        ret_request->what = SL_WIFI_DO_DOWN;
    else if (type_differs)
        ret_request->what = SL_WIFI_DO_SET_TYPE;
    else if (mac_differs)
        ret_request->what = SL_WIFI_DO_SET_MAC;
    else if (found->up && !interface->up)
        ret_request->what = SL_WIFI_DO_UP;
}
